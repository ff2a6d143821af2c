//! Whether an outbound connector is still what it was when it was tried.

use std::collections::BTreeMap;

use sekisho_api::{DocumentKind, OutboundConnector};
use serde_json::Value;

use super::documents;

/// Fields by which a validation comes out neither so nor otherwise.
const WITHOUT_EFFECT: [&str; 10] = [
    "enabled",
    "mode",
    "draft_of",
    "comment",
    "retry",
    "expire_after",
    "delay_notice_after",
    "validation_recipients",
    "revalidate_every",
    "revalidate_with_mail",
];

/// Changes with whatever may make another validation of the connector come out otherwise, and with nothing that a later
/// build adds: fields at their default do not count.
#[must_use]
pub fn of(document: &OutboundConnector) -> String {
    let body = serde_json::to_value(document).unwrap_or_default();
    let default = documents::default_body(DocumentKind::OutboundConnector);
    let fields = body.as_object().into_iter().flatten();
    let set: BTreeMap<&String, &Value> = fields
        .filter(|(name, value)| !WITHOUT_EFFECT.contains(&name.as_str()) && default.get(name.as_str()) != Some(*value))
        .collect();
    let text = serde_json::to_string(&set).unwrap_or_default();
    sekisho_tls::sha256(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use sekisho_api::TlsSettings;

    use super::*;

    #[test]
    fn it_changes_with_what_is_tried_and_with_nothing_else() {
        let connector = OutboundConnector {
            name: "bank".to_owned(),
            ..OutboundConnector::default()
        };
        let before = of(&connector);
        let words = OutboundConnector {
            enabled: false,
            comment: "words".to_owned(),
            revalidate_every: Some("1h".to_owned()),
            ..connector.clone()
        };
        assert_eq!(of(&words), before);
        let stricter = OutboundConnector {
            tls_settings: TlsSettings::EncryptionOnly,
            ..connector
        };
        assert_ne!(of(&stricter), before);
    }
}
