//! Roles of certificates, from their texts.

use std::{collections::HashSet, sync::Arc, time::Duration};

use sekisho_api::{self as api, Document as _};
use sekisho_mail::{ClientIdentityId, NamePattern, NameReach};
use sekisho_policy::directory::{self, CertificateRoleKey, Fault};
use sekisho_tls::{IdentityFiles, KeyType, TlsCertificateName};

use super::{Collected, FilePart, FileRole, reader::Reader, role_acme};
use crate::{certificates::CertificateRole, directory::issuers};

/// How long a certificate is kept as active that another has taken the place of, where nothing is said.
const OVERLAP: Duration = Duration::from_secs(7 * 86_400);
/// Names of a role: more than authorities put into one certificate.
const NAMES_MAX: usize = 100;
/// Pairs of files of a role: each is looked at every few seconds.
const FILES_MAX: usize = 16;
/// Lines about who has pinned its key.
const PINNED_BY_MAX: usize = 100;
const LINE_CHARS_MAX: usize = 200;

/// A role; with a fault it is left out, so that nobody presents halves.
pub(super) fn role(document: &api::CertificateRole, file: &FilePart, into: &mut Collected, faults: &mut Vec<Fault>) {
    let mut reader = Reader::at(document.id().title(), faults);
    let organization = reader.parse("organization", &document.organization, "");
    let names = names(document, &mut reader);
    let tls_certificate_name: Option<TlsCertificateName> =
        reader.text("tls_certificate_name", document.tls_certificate_name.as_deref());
    let key_types = key_types(document, &mut reader);
    let overlap = reader.duration("overlap", document.overlap.as_deref());
    let alert_before = reader.duration("alert_before", document.alert_before.as_deref());
    check_lists(document, &mut reader);
    let acme = role_acme::acme(document, &names, file, &mut reader);
    let is_sound = reader.is_sound();
    let Some(organization) = organization else { return };
    let key = CertificateRoleKey {
        organization,
        name: document.name.as_str().into(),
    };
    // Even one with a fault: whoever names it would be at fault otherwise.
    into.parts
        .certificate_roles
        .push(directory::CertificateRole { key: key.clone() });
    if !is_sound {
        return;
    }
    let files = document.files.iter().map(|pair| IdentityFiles {
        chain: file.folder.join(&pair.certificate),
        key: file.folder.join(&pair.key),
    });
    into.roles.push(CertificateRole {
        key,
        comment: document.comment.clone(),
        names,
        issuers: document.issuers.iter().map(|text| issuers::parse(text)).collect(),
        tls_certificate_name,
        files: files.collect(),
        key_types,
        reuse_key: document.reuse_key,
        overlap: overlap.unwrap_or(OVERLAP),
        alert_before,
        acme: acme.map(Arc::new),
        pinned_by: document.pinned_by.clone(),
        published: document.published,
    });
}

/// By which a client's handshake finds the certificate of a role.
pub(crate) fn identity_of_role(role: &CertificateRoleKey) -> ClientIdentityId {
    ClientIdentityId(format!("certificate role {role}"))
}

/// Roles that the file names and that are not there. A warning: the first directory of a server is made while it runs,
/// and until then its listeners present what they make themselves, and what goes by its routes waits.
pub(super) fn missing(roles: &[CertificateRole], file: &FilePart) -> Vec<(CertificateRoleKey, Fault)> {
    let known: HashSet<&CertificateRoleKey> = roles.iter().map(|role| &role.key).collect();
    let missing = file.roles.iter().filter(|named| !known.contains(&named.role));
    let faults = missing.map(|FileRole { place, field, role }| {
        let fault = Fault {
            place: place.clone(),
            field,
            reason: format!("there is no certificate role {role}"),
            remedy: "add it with `sekisho certificate role add`, or take it out there".to_owned(),
        };
        (role.clone(), fault)
    });
    faults.collect()
}

fn names(document: &api::CertificateRole, reader: &mut Reader<'_>) -> Vec<NamePattern> {
    let names: Vec<NamePattern> = reader.list("names", &document.names, "write mx.example.org, or *.example.org");
    if names.iter().any(|name| name.reach == NameReach::Within) {
        reader.fault(
            "names",
            "no certificate is for names at any depth",
            "write *.example.org",
        );
    }
    if names.len() > NAMES_MAX {
        let reason = format!("there are {} names, and a role has at most {NAMES_MAX}", names.len());
        reader.fault("names", reason, "make several roles");
    }
    names
}

fn key_types(document: &api::CertificateRole, reader: &mut Reader<'_>) -> Vec<KeyType> {
    let mut types: Vec<KeyType> = reader.list("key_types", &document.key_types, "");
    let number = types.len();
    let mut known = HashSet::new();
    types.retain(|one| known.insert(*one));
    if types.len() < number {
        reader.fault("key_types", "one of them is there twice", "take one of them out");
    }
    if types.is_empty() {
        types.push(KeyType::EcdsaP256);
    }
    types
}

fn check_lists(document: &api::CertificateRole, reader: &mut Reader<'_>) {
    if document.files.len() > FILES_MAX {
        let reason = format!(
            "there are {} pairs, and a role has at most {FILES_MAX}",
            document.files.len()
        );
        reader.fault("files", reason, "make several roles");
    }
    let is_long = |line: &String| line.trim().is_empty() || line.chars().count() > LINE_CHARS_MAX;
    if document.pinned_by.len() > PINNED_BY_MAX || document.pinned_by.iter().any(is_long) {
        let reason = format!("it has at most {PINNED_BY_MAX} lines, each of 1 to {LINE_CHARS_MAX} characters");
        reader.fault("pinned_by", reason, "write bank.example: told 2026-11-02");
    }
    for issuer in &document.issuers {
        let attributes = issuers::parse(issuer).attributes;
        if attributes.is_empty() || attributes.iter().any(|one| !one.contains('=')) {
            reader.fault(
                "issuers",
                format_args!("{issuer:?} is no issuer"),
                "write O=Example Trust, C=CH",
            );
        }
    }
}
