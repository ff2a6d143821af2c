//! Documents of the API as the store keeps them, and back. A body holds every field, so that it goes on meaning what it
//! meant when it was written, whatever becomes of the defaults.

use std::collections::BTreeMap;

use sekisho_api::{
    AcceptedDomain, DocumentId, DocumentKind, Documents, Exception, InboundConnector, Organization, OutboundConnector,
    Rule,
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
    let mut add = |id: DocumentId, body: serde_json::Result<Value>| {
        let title = id.title();
        if bodies.insert(id, body.unwrap_or_default()).is_some() {
            faults.push(Fault {
                place: title,
                field: "name",
                reason: "it is there twice".to_owned(),
                remedy: "take one of them out".to_owned(),
            });
        }
    };
    let one = &documents.organization;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    let one = &documents.domain;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    let one = &documents.inbound_connector;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    let one = &documents.outbound_connector;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    let one = &documents.rule;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    let one = &documents.exception;
    one.iter().for_each(|one| add(one.id(), serde_json::to_value(one)));
    if faults.is_empty() { Ok(bodies) } else { Err(faults) }
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
    fn parsed<T: DeserializeOwned>(body: &str) -> Result<T, String> {
        serde_json::from_str(body).map_err(|error| error.to_string())
    }
    let id = id_of(&document.key).ok_or("there is no such kind of document")?;
    let named = match id.kind {
        DocumentKind::Organization => {
            into.organization.push(parsed(&document.body)?);
            into.organization.last().map(Organization::id)
        }
        DocumentKind::Domain => {
            into.domain.push(parsed(&document.body)?);
            into.domain.last().map(AcceptedDomain::id)
        }
        DocumentKind::InboundConnector => {
            into.inbound_connector.push(parsed(&document.body)?);
            into.inbound_connector.last().map(InboundConnector::id)
        }
        DocumentKind::OutboundConnector => {
            into.outbound_connector.push(parsed(&document.body)?);
            into.outbound_connector.last().map(OutboundConnector::id)
        }
        DocumentKind::Rule => {
            into.rule.push(parsed(&document.body)?);
            into.rule.last().map(Rule::id)
        }
        DocumentKind::Exception => {
            into.exception.push(parsed(&document.body)?);
            into.exception.last().map(Exception::id)
        }
    };
    if named.as_ref() == Some(&id) {
        Ok(())
    } else {
        Err("its name is not the one that it is kept under".to_owned())
    }
}
