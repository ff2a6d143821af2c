//! Documents of the API as the store keeps them, and back. A body holds every field, so that it goes on meaning what it
//! meant when it was written, whatever becomes of the defaults.

use std::collections::BTreeMap;

use sekisho_api::{
    self as api, AcceptedDomain, CertificateRole, DocumentId, DocumentKind, Documents, Exception, InboundConnector,
    Organization, OutboundConnector, Rule,
};
use sekisho_mail::Domain;
use sekisho_policy::directory::Fault;
use sekisho_store::{Document, DocumentKey};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Documents by what they are known by, each with all its fields in the order of its type.
pub type Bodies = BTreeMap<DocumentId, Value>;

/// What a document of the store is known by; `None` for a kind that this build does not know.
#[must_use]
pub fn id_of(key: &DocumentKey) -> Option<DocumentId> {
    let kind = DocumentKind::ALL.into_iter().find(|kind| kind.key() == key.kind)?;
    Some(DocumentId {
        kind,
        organization: key.organization.clone(),
        name: key.name.clone(),
    })
}

/// The key under which the store keeps a document.
#[must_use]
pub fn key_of(id: &DocumentId) -> DocumentKey {
    DocumentKey {
        kind: id.kind.key().to_owned(),
        organization: id.organization.clone(),
        name: id.name.clone(),
    }
}

/// As the store keeps it.
#[must_use]
pub fn stored(id: &DocumentId, body: &Value) -> Document {
    Document {
        key: key_of(id),
        body: body.to_string(),
    }
}

/// A body with all its fields, those too that are younger than it is.
///
/// # Errors
/// Why it is none of its kind.
pub fn body(kind: DocumentKind, body: &str) -> Result<Value, String> {
    fn through<T: DeserializeOwned + Serialize>(body: &str) -> Result<Value, String> {
        let document: T = serde_json::from_str(body).map_err(|error| error.to_string())?;
        serde_json::to_value(document).map_err(|error| error.to_string())
    }
    match kind {
        DocumentKind::Organization => through::<Organization>(body),
        DocumentKind::Domain => through::<AcceptedDomain>(body),
        DocumentKind::InboundConnector => through::<InboundConnector>(body),
        DocumentKind::OutboundConnector => through::<OutboundConnector>(body),
        DocumentKind::Rule => through::<Rule>(body),
        DocumentKind::Exception => through::<Exception>(body),
        DocumentKind::CertificateRole => through::<CertificateRole>(body),
    }
}

/// All fields of a document that sets none.
#[must_use]
pub fn default_body(kind: DocumentKind) -> Value {
    let value = match kind {
        DocumentKind::Organization => serde_json::to_value(Organization::default()),
        DocumentKind::Domain => serde_json::to_value(AcceptedDomain::default()),
        DocumentKind::InboundConnector => serde_json::to_value(InboundConnector::default()),
        DocumentKind::OutboundConnector => serde_json::to_value(OutboundConnector::default()),
        DocumentKind::Rule => serde_json::to_value(Rule::default()),
        DocumentKind::Exception => serde_json::to_value(Exception::default()),
        DocumentKind::CertificateRole => serde_json::to_value(CertificateRole::default()),
    };
    value.unwrap_or_default()
}

/// Documents by what they are known by.
///
/// # Errors
/// Those that are there twice.
pub fn bodies(documents: &Documents) -> Result<Bodies, Vec<Fault>> {
    let mut bodies = Bodies::new();
    let mut faults = Vec::new();
    let mut add = |(id, body): (DocumentId, Value)| {
        let title = id.title();
        if bodies.insert(id, body).is_some() {
            faults.push(Fault {
                place: title,
                field: "name",
                reason: "it is there twice".to_owned(),
                remedy: "take one of them out".to_owned(),
            });
        }
    };
    with_bodies(&documents.organization).for_each(&mut add);
    with_bodies(&documents.domain).for_each(&mut add);
    with_bodies(&documents.inbound_connector).for_each(&mut add);
    with_bodies(&documents.outbound_connector).for_each(&mut add);
    with_bodies(&documents.rule).for_each(&mut add);
    with_bodies(&documents.exception).for_each(&mut add);
    with_bodies(&documents.certificate_role).for_each(&mut add);
    if faults.is_empty() { Ok(bodies) } else { Err(faults) }
}

fn with_bodies<D: api::Document>(documents: &[D]) -> impl Iterator<Item = (DocumentId, Value)> {
    let body = |document| serde_json::to_value(document).unwrap_or_default();
    documents.iter().map(move |document| (document.id(), body(document)))
}

/// Writes the names of domains as everybody compares them. What is no domain is left to whoever judges it.
pub fn normalise(documents: &mut Documents) {
    for domain in &mut documents.domain {
        if let Ok(name) = Domain::parse(&domain.name) {
            domain.name = name.to_string();
        }
    }
}

/// Documents of the store as the API has them, by kind, organization and name; and what could not be read.
#[must_use]
pub fn read(stored: &[Document]) -> (Documents, Vec<Fault>) {
    let mut documents = Documents::default();
    let mut faults = Vec::new();
    for document in stored {
        if let Err(reason) = read_one(document, &mut documents) {
            let key = &document.key;
            faults.push(Fault {
                place: id_of(key).map_or_else(
                    || format!("{} {}/{}", key.kind, key.organization, key.name),
                    |id| id.title(),
                ),
                field: "",
                reason: format!("it cannot be read: {reason}"),
                remedy: "a newer version wrote it, or it is damaged: use that version, or set it anew".to_owned(),
            });
        }
    }
    (documents, faults)
}

fn read_one(document: &Document, into: &mut Documents) -> Result<(), String> {
    let id = id_of(&document.key).ok_or("there is no such kind of document")?;
    let body = document.body.as_str();
    let named = match id.kind {
        DocumentKind::Organization => add_one::<Organization>(body, into),
        DocumentKind::Domain => add_one::<AcceptedDomain>(body, into),
        DocumentKind::InboundConnector => add_one::<InboundConnector>(body, into),
        DocumentKind::OutboundConnector => add_one::<OutboundConnector>(body, into),
        DocumentKind::Rule => add_one::<Rule>(body, into),
        DocumentKind::Exception => add_one::<Exception>(body, into),
        DocumentKind::CertificateRole => add_one::<CertificateRole>(body, into),
    }?;
    if named == id {
        Ok(())
    } else {
        Err("its name is not the one that it is kept under".to_owned())
    }
}

/// Adds a document to those of its kind, and says what it is known by.
fn add_one<D: api::Document + DeserializeOwned>(body: &str, into: &mut Documents) -> Result<DocumentId, String> {
    let document: D = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let id = document.id();
    D::of_mut(into).push(document);
    Ok(id)
}
