//! What several outbound connectors demand of one domain adds up here, while elsewhere only the one that carries the
//! mail counts.

use std::collections::{BTreeSet, HashMap, HashSet};

use sekisho_api::{Document as _, OutboundConnector, TlsSettings};

use super::{Import, NoteKind, Place};

/// No domain is longer; the server refuses what is.
const SCOPE_LEN_MAX: usize = 255;

/// Notes every connector to whose mail another one with a wider scope adds demands.
pub(super) fn note(import: &mut Import) {
    let connectors = std::mem::take(&mut import.documents.outbound_connector);
    let enabled = || connectors.iter().filter(|connector| connector.enabled);
    // By the domain at and below which each is; by nothing where it is for all.
    let mut wide: HashMap<String, Vec<&OutboundConnector>> = HashMap::new();
    for connector in enabled() {
        for base in connector.recipient_domains.iter().filter_map(|scope| base(scope)) {
            wide.entry(base).or_default().push(connector);
        }
    }
    for connector in enabled() {
        let around = connector.recipient_domains.iter().flat_map(|scope| around(scope));
        let around: BTreeSet<String> = around.collect();
        let wider = around.iter().filter_map(|base| wide.get(base)).flatten();
        let mut noted = HashSet::from([connector.name.as_str()]);
        for wider in wider {
            if noted.insert(&wider.name) {
                note_one(import, connector, wider);
            }
        }
    }
    import.documents.outbound_connector = connectors;
}

/// The domain of `*.example.org`; nothing of `*`.
fn base(scope: &str) -> Option<String> {
    let base = scope.strip_prefix('*')?;
    Some(base.strip_prefix('.').unwrap_or(base).to_ascii_lowercase())
}

/// The domains of scopes that are wider than this one.
fn around(scope: &str) -> Vec<String> {
    if scope == "*" || scope.len() > SCOPE_LEN_MAX {
        return Vec::new();
    }
    let is_wide = scope.starts_with("*.");
    let domain = scope.strip_prefix("*.").unwrap_or(scope).to_ascii_lowercase();
    let labels = domain.match_indices('.').map(|(dot, _)| domain[dot + 1..].to_owned());
    let mut around: Vec<String> = labels.collect();
    if !is_wide {
        around.push(domain.clone());
    }
    around.push(String::new());
    around
}

fn note_one(import: &mut Import, connector: &OutboundConnector, wider: &OutboundConnector) {
    let Some(adds) = added(wider, connector) else {
        return;
    };
    let title = connector.id().title();
    let place = import.sources.get(&title).map(|source| source.place.clone());
    let place = place.unwrap_or_else(|| Place {
        object: title,
        ..Place::default()
    });
    let text = format!(
        "what connectors demand adds up: connector \"{}\" covers its domains too, and {adds}",
        wider.name
    );
    import.note(NoteKind::Different, true, place, text);
}

/// What the wider one demands beyond the other.
fn added(wider: &OutboundConnector, connector: &OutboundConnector) -> Option<String> {
    if wider.tls_settings == TlsSettings::DomainValidation {
        let names = names(wider);
        if names.is_empty() || names == self::names(connector) {
            return None;
        }
        return Some(format!(
            "demands a certificate for {}: mail waits where the host has none for that name",
            names.join(" or ")
        ));
    }
    (strength(wider.tls_settings) > strength(connector.tls_settings)).then(|| match wider.tls_settings {
        TlsSettings::EncryptionOnly => "demands TLS: mail waits where the host has none".to_owned(),
        _ => "demands a certificate of a known authority: mail waits where the host has none".to_owned(),
    })
}

fn names(connector: &OutboundConnector) -> Vec<&str> {
    let names = connector.tls_domain.iter().chain(&connector.tls_domains);
    names.map(String::as_str).collect()
}

const fn strength(settings: TlsSettings) -> u8 {
    match settings {
        TlsSettings::Opportunistic => 0,
        TlsSettings::EncryptionOnly => 1,
        TlsSettings::CertificateValidation => 2,
        TlsSettings::DomainValidation => 3,
    }
}
