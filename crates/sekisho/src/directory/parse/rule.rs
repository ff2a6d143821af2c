//! Rules, from their texts.

use sekisho_api as api;
use sekisho_policy::directory::{Fault, HeaderCondition, Rule, RuleKey, RuleTls};

use super::{connector::NAME_REMEDY, reader::Reader, shadow::shadow};

const SENDERS_REMEDY: &str = "write alice@bank.example, @bank.example, *.bank.example, *, or <>";
const RECIPIENTS_REMEDY: &str = "write alice@bank.example, @bank.example, *.bank.example, or *";

/// A rule; with a fault it is left out, so that nobody judges halves.
pub(super) fn rule(document: &api::Rule, faults: &mut Vec<Fault>) -> Option<Rule> {
    let mut reader = Reader::at(document.id().title(), faults);
    let is_set = document.route_to_connector.is_some();
    let reason = "this build does not let a rule choose the way";
    reader.unknown_yet(is_set, "route_to_connector", reason);
    let is_set = document.add_header.is_some();
    reader.unknown_yet(is_set, "add_header", "this build does not change the content");
    let organization = reader.parse("organization", &document.organization, "");
    let senders = reader.list("senders", &document.senders, SENDERS_REMEDY);
    let recipients = reader.list("recipients", &document.recipients, RECIPIENTS_REMEDY);
    let tls_domains = reader.list("tls_domains", &document.tls_domains, NAME_REMEDY);
    let organization = organization.filter(|_| reader.is_sound())?;
    Some(Rule {
        key: RuleKey {
            organization,
            name: document.name.as_str().into(),
        },
        enabled: document.enabled,
        shadow: shadow(document.mode, document.draft_of.as_deref(), (&document.id(), document)),
        comment: document.comment.clone(),
        priority: document.priority,
        senders,
        recipients,
        header: document.header.as_ref().map(|header| HeaderCondition {
            name: header.name.to_ascii_lowercase().into(),
            contains: header.contains.as_str().into(),
        }),
        inbound_connector: document.inbound_connector.as_deref().map(Into::into),
        require_tls: document.require_tls.map(|level| match level {
            api::RuleTls::EncryptionOnly => RuleTls::EncryptionOnly,
            api::RuleTls::CertificateValidation => RuleTls::CertificateValidation,
            api::RuleTls::DomainValidation => RuleTls::DomainValidation,
        }),
        tls_domains,
        reject: document.reject.as_ref().map(|reject| reject.text.clone()),
    })
}
