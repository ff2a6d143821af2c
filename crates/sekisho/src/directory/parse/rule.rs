//! Rules, from their texts.

use sekisho_api::{self as api, Document as _};
use sekisho_mail::AnchorSetId;
use sekisho_policy::directory::{Fault, HeaderCondition, Rule, RuleField, RuleKey, RuleTls};

use super::{connector::NAME_REMEDY, reader::Reader, revocation::Defaults, shadow::shadow};

const SENDERS_REMEDY: &str = "write alice@bank.example, @bank.example, *.bank.example, *, or <>";
const RECIPIENTS_REMEDY: &str = "write alice@bank.example, @bank.example, *.bank.example, or *";

/// A rule; with a fault it is left out, so that nobody judges halves.
pub(super) fn rule(document: &api::Rule, revocation: &Defaults, faults: &mut Vec<Fault>) -> Option<Rule> {
    let mut reader = Reader::at(document.id().title(), faults);
    let organization = reader.parse("organization", &document.organization, "");
    let senders = reader.list("senders", &document.senders, SENDERS_REMEDY);
    let recipients = reader.list("recipients", &document.recipients, RECIPIENTS_REMEDY);
    let from_organizations = reader.list("from_organizations", &document.from_organizations, "");
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
        from_organizations,
        anchors: AnchorSetId::system(),
        require_tls: document.require_tls.map(|level| match level {
            api::RuleTls::EncryptionOnly => RuleTls::EncryptionOnly,
            api::RuleTls::CertificateValidation => RuleTls::CertificateValidation,
            api::RuleTls::DomainValidation => RuleTls::DomainValidation,
        }),
        tls_domains,
        revocation: revocation.setting(&document.organization, None, None),
        reject: document.reject.as_ref().map(|reject| reject.text.clone()),
        route_to_connector: document.route_to_connector.as_deref().map(Into::into),
        add_header: document.add_header.as_ref().map(|field| RuleField {
            name: field.name.clone(),
            value: field.value.clone(),
        }),
    })
}
