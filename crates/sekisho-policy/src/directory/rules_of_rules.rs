//! What a mail-flow rule may say, alone and beside the connectors of its organization.

use std::collections::{HashMap, HashSet};

use sekisho_mail::OrganizationName;

use super::{
    AddressPattern, ConnectorKey, Fault, HeaderCondition, HeaderStem, InboundConnector, Organization,
    OutboundConnector, Rule, RuleField, RuleTls, build::Findings,
};

/// Characters of the words with which a message is rejected.
const REJECT_CHARS_MAX: usize = 200;
/// What is kept of a header field, in octets: more can never be found in it.
pub const HEADER_FIELD_OCTETS_MAX: usize = 998;
/// The longest name of a header field, in octets: with the colon it stands on one line (RFC 5322 §2.1.1).
pub const HEADER_NAME_OCTETS_MAX: usize = 76;
/// Octets of what stands in a field that a rule adds.
const ADDED_VALUE_OCTETS_MAX: usize = 500;
/// Rules of one organization that add fields: every recipient carries what they add.
const ADDING_RULES_MAX: usize = 10;

/// Rules of one organization that have no condition by which they are found: they are looked at for every message.
pub(super) const UNCONDITIONAL_RULES_MAX: usize = 100;
/// Texts that the rules of one organization look for in headers: every header is searched for each.
pub(super) const HEADER_CONDITIONS_MAX: usize = 100;

/// Fields that a message has once at most, or that say what became of it: none of them is for a rule to write
/// (RFC 5322 §3.6, RFC 5321 §4.4, RFC 2045 §3, RFC 8601 §5, RFC 6376, RFC 8617).
const NEVER_ADDED: [&str; 20] = [
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
    "authentication-results",
    "bcc",
    "cc",
    "date",
    "delivered-to",
    "dkim-signature",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received-spf",
    "references",
    "reply-to",
    "sender",
    "subject",
    "to",
    "x-original-to",
];
/// Likewise all whose names begin so.
const NEVER_ADDED_BEGINNINGS: [&str; 4] = ["content-", "received", "resent-", "return-path"];

pub(super) fn check(
    rules: &[Rule],
    (inbound, outbound): (&[InboundConnector], &[OutboundConnector]),
    organizations: &HashMap<OrganizationName, Organization>,
    (faults, warnings): (&mut Vec<Fault>, &mut Vec<Fault>),
) {
    let connectors: HashMap<&ConnectorKey, &InboundConnector> = inbound.iter().map(|one| (&one.key, one)).collect();
    let outbound: HashMap<&ConnectorKey, &OutboundConnector> = outbound.iter().map(|one| (&one.key, one)).collect();
    let mut adding: HashMap<&OrganizationName, usize> = HashMap::new();
    let mut searched = Searched::default();
    for rule in rules {
        let place = format!("rule {}", rule.key);
        searched.count(rule, &mut Findings::at(place.clone(), faults));
        let mut findings = Findings::at(place.clone(), faults);
        check_conditions(rule, &mut findings);
        check_actions(rule, &mut findings);
        if let Some(field) = &rule.add_header {
            let families = organizations.get(&rule.key.organization);
            check_field(field, families.map_or(&[], |one| &one.header_families), &mut findings);
            let so_many = adding.entry(&rule.key.organization).or_default();
            let acts = rule.enabled && rule.shadow.is_none();
            *so_many += usize::from(acts);
            findings.add_if(
                acts && *so_many > ADDING_RULES_MAX,
                "add_header",
                "ten other rules of the organization add a field already, and every recipient carries what they add",
                "disable or remove one of them",
            );
        }
        if let Some(name) = &rule.route_to_connector {
            check_way(rule, &outbound, name, &mut findings);
        }
        let mut warned = Findings::at(place, warnings);
        if let Some(name) = &rule.inbound_connector {
            let key = key(rule, name);
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
        check_organizations(
            rule,
            organizations,
            &mut Findings::at(format!("rule {}", rule.key), faults),
        );
        let is_for_all = rule.senders.is_empty()
            && rule.recipients.is_empty()
            && rule.header.is_none()
            && rule.from_organizations.is_empty()
            && rule.inbound_connector.is_none();
        warned.add_if(
            rule.enabled && rule.shadow.is_none() && is_for_all && rule.reject.is_some(),
            "reject",
            "the rule has no condition, so all mail of the organization is rejected",
            "add a condition, or disable the rule",
        );
    }
}

/// What of the rules of each organization is gone through for every message.
#[derive(Default)]
struct Searched<'a> {
    unconditional: HashMap<&'a OrganizationName, usize>,
    headers: HashMap<&'a OrganizationName, HashSet<&'a HeaderCondition>>,
}

impl<'a> Searched<'a> {
    fn count(&mut self, rule: &'a Rule, findings: &mut Findings<'_>) {
        if !rule.enabled {
            return;
        }
        if let Some(header) = &rule.header {
            let headers = self.headers.entry(&rule.key.organization).or_default();
            let is_new = headers.insert(header);
            findings.add_if(
                is_new && headers.len() > HEADER_CONDITIONS_MAX,
                "header",
                "rules of the organization look for 100 other texts in headers, and every header is searched for each",
                "take the condition out of one of them, or disable one",
            );
        }
        if rule.is_for_every_message() && rule.shadow.is_none() {
            let so_many = self.unconditional.entry(&rule.key.organization).or_default();
            *so_many += 1;
            findings.add_if(
                *so_many > UNCONDITIONAL_RULES_MAX,
                "",
                "100 other rules of the organization are for all mail too, and each is looked at for every message",
                "give it a condition, or do in one rule what several do",
            );
        }
    }
}

fn check_organizations(
    rule: &Rule,
    organizations: &HashMap<OrganizationName, Organization>,
    findings: &mut Findings<'_>,
) {
    for organization in &rule.from_organizations {
        if !organizations.contains_key(organization) {
            let reason = format!("there is no organization {organization}");
            findings.add("from_organizations", reason, "name an organization of this service");
        }
    }
}

fn key(rule: &Rule, connector: &std::sync::Arc<str>) -> ConnectorKey {
    ConnectorKey {
        organization: rule.key.organization.clone(),
        name: connector.clone(),
    }
}

/// What a rule in force chooses is a way in force.
fn check_way(
    rule: &Rule,
    outbound: &HashMap<&ConnectorKey, &OutboundConnector>,
    name: &std::sync::Arc<str>,
    findings: &mut Findings<'_>,
) {
    const FIELD: &str = "route_to_connector";
    let key = key(rule, name);
    let Some(connector) = outbound.get(&key) else {
        let reason = format!("there is no outbound connector {key}");
        findings.add(FIELD, reason, "add the connector first, or name another one");
        return;
    };
    if rule.enabled && !connector.enabled {
        let reason =
            format!("outbound connector {key} is disabled, and the rule would leave all that it is for waiting");
        let remedy = "enable the connector, name another one, or disable the rule";
        findings.add(FIELD, reason, remedy);
    }
    if connector.shadow.is_some() && rule.shadow.is_none() {
        let reason = format!("outbound connector {key} is only tried, and no mail goes through it");
        findings.add(FIELD, reason, "name one that is enforced, or promote it first");
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
    findings.add_if(
        !is_field_name(&header.name),
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

fn is_field_name(name: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_graphic() && octet != b':';
    (1..=HEADER_NAME_OCTETS_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()) && text.trim() == text
}

fn check_field(field: &RuleField, families: &[HeaderStem], findings: &mut Findings<'_>) {
    const FIELD: &str = "add_header";
    findings.add_if(
        !is_field_name(&field.name),
        FIELD,
        "the name of a header field has 1 to 76 printable ASCII characters, and no colon",
        "write it as in { name = \"X-Class\", value = \"secret\" }",
    );
    let name = field.name.to_ascii_lowercase();
    findings.add_if(
        NEVER_ADDED.contains(&name.as_str()) || NEVER_ADDED_BEGINNINGS.iter().any(|begin| name.starts_with(begin)),
        FIELD,
        "a message has this field once, or it says what became of the message: no rule writes it",
        "choose a name of your own, X-Class for example",
    );
    findings.add_if(
        families.iter().any(|stem| stem.covers(&name)),
        FIELD,
        "fields of this family are written by the organization's own servers alone, and stripped from all other mail",
        "choose another name, or take the family out of header_families of the organization",
    );
    findings.add_if(
        !(1..=ADDED_VALUE_OCTETS_MAX).contains(&field.value.len()) || !is_printable(&field.value),
        FIELD,
        "the value has 1 to 500 printable ASCII characters, and no space at either end",
        "write another one",
    );
}

fn check_actions(rule: &Rule, findings: &mut Findings<'_>) {
    let does_nothing = rule.require_tls.is_none()
        && rule.reject.is_none()
        && rule.route_to_connector.is_none()
        && rule.add_header.is_none();
    findings.add_if(
        does_nothing,
        "",
        "it does nothing",
        "set require_tls, route_to_connector, add_header or reject",
    );
    for (is_set, reason) in [
        (
            rule.require_tls.is_some(),
            "what is rejected leaves on no connection, so require_tls would mean nothing",
        ),
        (
            rule.route_to_connector.is_some(),
            "what is rejected goes nowhere, so route_to_connector would mean nothing",
        ),
        (
            rule.add_header.is_some(),
            "what is rejected reaches nobody, so add_header would mean nothing",
        ),
    ] {
        findings.add_if(
            rule.reject.is_some() && is_set,
            "reject",
            reason,
            "make two rules, or take one of them out",
        );
    }
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
        findings.add_if(
            !(1..=REJECT_CHARS_MAX).contains(&text.len()) || !is_printable(text),
            "reject",
            "the text has 1 to 200 printable ASCII characters, and no space at either end",
            "write another one",
        );
    }
}
