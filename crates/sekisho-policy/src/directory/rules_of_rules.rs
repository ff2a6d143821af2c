//! What a mail-flow rule may say, alone and beside the connectors of its organization.

use std::collections::HashMap;

use super::{AddressPattern, ConnectorKey, Fault, InboundConnector, Rule, RuleTls, build::Findings};

/// Characters of the words with which a message is rejected.
const REJECT_CHARS_MAX: usize = 200;
/// What is kept of a header field, in octets: more can never be found in it.
pub const HEADER_FIELD_OCTETS_MAX: usize = 998;
/// The longest name of a header field, in octets: with the colon it stands on one line (RFC 5322 §2.1.1).
pub const HEADER_NAME_OCTETS_MAX: usize = 76;

pub(super) fn check(rules: &[Rule], inbound: &[InboundConnector], faults: &mut Vec<Fault>, warnings: &mut Vec<Fault>) {
    let connectors: HashMap<&ConnectorKey, &InboundConnector> = inbound.iter().map(|one| (&one.key, one)).collect();
    for rule in rules {
        let place = format!("rule {}", rule.key);
        let mut findings = Findings::at(place.clone(), faults);
        check_conditions(rule, &mut findings);
        check_actions(rule, &mut findings);
        let mut warned = Findings::at(place, warnings);
        if let Some(name) = &rule.inbound_connector {
            let key = ConnectorKey {
                organization: rule.key.organization.clone(),
                name: name.clone(),
            };
            let connector = connectors.get(&key);
            if connector.is_none() {
                let reason = format!("there is no inbound connector {key}");
                findings.add(
                    "inbound_connector",
                    reason,
                    "add the connector first, or name another one",
                );
            }
            warned.add_if(
                connector.is_some_and(|one| !one.enabled),
                "inbound_connector",
                "the connector is disabled, so no mail comes through it and the rule never applies",
                "enable the connector",
            );
            warned.add_if(
                connector.is_some_and(|one| one.shadow.is_some()),
                "inbound_connector",
                "the connector is only tried, so no mail comes through it and the rule never applies",
                "name the one that is enforced, or promote it",
            );
        }
        let is_for_all = rule.senders.is_empty()
            && rule.recipients.is_empty()
            && rule.header.is_none()
            && rule.inbound_connector.is_none();
        warned.add_if(
            rule.enabled && rule.shadow.is_none() && is_for_all && rule.reject.is_some(),
            "reject",
            "the rule has no condition, so all mail of the organization is rejected",
            "add a condition, or disable the rule",
        );
    }
}

fn check_conditions(rule: &Rule, findings: &mut Findings<'_>) {
    findings.add_if(
        rule.recipients.contains(&AddressPattern::Null),
        "recipients",
        "<> is no recipient",
        "take it out",
    );
    let Some(header) = &rule.header else { return };
    let is_name = (1..=HEADER_NAME_OCTETS_MAX).contains(&header.name.len())
        && header
            .name
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && octet != b':');
    findings.add_if(
        !is_name,
        "header",
        "the name of a header field has 1 to 76 printable ASCII characters, and no colon",
        "write it as in { name = \"Subject\", contains = \"secret\" }",
    );
    findings.add_if(
        header.contains.len() > HEADER_FIELD_OCTETS_MAX || header.contains.chars().any(char::is_control),
        "header",
        "a text of more than 998 octets or with control characters is found in no field",
        "write a shorter one, without line ends",
    );
}

fn check_actions(rule: &Rule, findings: &mut Findings<'_>) {
    findings.add_if(
        rule.require_tls.is_none() && rule.reject.is_none(),
        "",
        "it does nothing",
        "set require_tls or reject",
    );
    findings.add_if(
        rule.require_tls.is_some() && rule.reject.is_some(),
        "reject",
        "what is rejected leaves on no connection, so require_tls would mean nothing",
        "make two rules, or take one of them out",
    );
    let by_name = rule.require_tls == Some(RuleTls::DomainValidation);
    findings.add_if(
        !by_name && !rule.tls_domains.is_empty(),
        "tls_domains",
        "names are looked at only with require_tls domain_validation",
        "set require_tls to domain_validation, or take the names out",
    );
    findings.add_if(
        by_name && rule.tls_domains.is_empty(),
        "tls_domains",
        "domain_validation needs the names for one of which the certificate must be",
        "set tls_domains",
    );
    if let Some(text) = &rule.reject {
        let is_printable = text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic());
        findings.add_if(
            !(1..=REJECT_CHARS_MAX).contains(&text.len()) || !is_printable || text.trim() != text,
            "reject",
            "the text has 1 to 200 printable ASCII characters, and no space at either end",
            "write another one",
        );
    }
}
