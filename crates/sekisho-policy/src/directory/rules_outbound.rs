//! What an outbound connector may say, alone and beside the others: the combination rules of Exchange (V8 to V10 of its
//! connectors; V9 cannot be broken, since without smart hosts the MX records are used), that no two are equally
//! specific, and that nothing is set which would never be looked at.

use std::collections::{HashMap, HashSet};

use sekisho_mail::OrganizationName;

use super::{
    ConnectorKey, ConnectorType, DomainScope, Fault, Organization, OutboundConnector, SmartHost, TlsFloor, TlsSettings,
    build::Findings, shadow::stands_in_for,
};

pub(super) fn check(
    connectors: &[OutboundConnector],
    organizations: &HashMap<OrganizationName, Organization>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    for connector in connectors {
        let mut findings = Findings::at(place(&connector.key), faults);
        check_type(connector, &mut findings);
        check_tls(connector, &mut findings);
        check_course(connector, &mut findings);
        let has_no_port = |host: &SmartHost| {
            let (SmartHost::Host(_, port) | SmartHost::Block(_, port) | SmartHost::Mx(_, port)) = host;
            *port == 0
        };
        findings.add_if(
            connector.smart_hosts.iter().any(has_no_port),
            "smart_hosts",
            "0 is no port",
            "write the port, or leave it out for 25",
        );
        let mut warned = Findings::at(place(&connector.key), warnings);
        warn(connector, &mut warned);
        let organization = organizations.get(&connector.key.organization);
        let floor = organization.map_or(TlsSettings::Opportunistic, |one| one.require_tls_outbound);
        warned.add_if(
            floor == TlsSettings::DomainValidation
                && connector.tls_domains.is_empty()
                && !connector.smart_hosts.is_empty(),
            "tls_domain",
            "the organization demands a certificate for a name (require_tls_outbound), and without one for the smart \
             hosts that is the recipient's domain, so mail waits",
            "set tls_settings to domain_validation and tls_domain to the name of their certificate",
        );
    }
    check_specificity(connectors, faults);
}

fn place(key: &ConnectorKey) -> String {
    format!("outbound connector {key}")
}

/// V8.
fn check_type(connector: &OutboundConnector, findings: &mut Findings<'_>) {
    if connector.kind == ConnectorType::OnPremises {
        return;
    }
    for (is_set, field) in [
        (connector.all_accepted_domains, "all_accepted_domains"),
        (
            connector.route_all_messages_via_on_premises,
            "route_all_messages_via_on_premises",
        ),
        (connector.cloud_services_mail_enabled, "cloud_services_mail_enabled"),
    ] {
        findings.add_if(
            is_set,
            field,
            "only a connector to the organization's own servers can have it (V8)",
            "set connector_type to on_premises, or take it out",
        );
    }
}

/// How it is chosen.
fn check_course(connector: &OutboundConnector, findings: &mut Findings<'_>) {
    let is_central = connector.route_all_messages_via_on_premises;
    findings.add_if(
        is_central && connector.is_transport_rule_scoped,
        "is_transport_rule_scoped",
        "a connector that a rule alone chooses cannot be the way of all mail",
        "take route_all_messages_via_on_premises out, or this",
    );
    findings.add_if(
        is_central && connector.smart_hosts.is_empty(),
        "smart_hosts",
        "mail to everywhere goes through the organization's own servers, and none is named",
        "name them in smart_hosts",
    );
}

fn check_tls(connector: &OutboundConnector, findings: &mut Findings<'_>) {
    let by_name = connector.tls_settings == TlsSettings::DomainValidation;
    findings.add_if(
        !by_name && !connector.tls_domains.is_empty(),
        "tls_domain",
        "names are looked at only with tls_settings domain_validation (V10)",
        "set tls_settings to domain_validation, or take the name out",
    );
    findings.add_if(
        by_name && connector.tls_domains.is_empty() && !connector.smart_hosts.is_empty(),
        "tls_domain",
        "with smart hosts, domain_validation needs the name that their certificate must be for (V10)",
        "set tls_domain",
    );
    let looks_at_chain = connector.tls_settings >= TlsSettings::CertificateValidation;
    findings.add_if(
        !looks_at_chain && !connector.anchors.is_system(),
        "trust_anchors",
        "trust anchors are looked at only with tls_settings certificate_validation or domain_validation",
        "set one of them, or take the trust anchors out",
    );
}

fn warn(connector: &OutboundConnector, findings: &mut Findings<'_>) {
    findings.add_if(
        connector.is_transport_rule_scoped
            && (!connector.recipient_domains.is_empty() || connector.all_accepted_domains),
        "is_transport_rule_scoped",
        "a rule alone chooses it, so its domains are not looked at",
        "take the domains out, or set it to false",
    );
    let is_chosen = !connector.recipient_domains.is_empty()
        || connector.all_accepted_domains
        || connector.is_transport_rule_scoped
        || connector.route_all_messages_via_on_premises;
    findings.add_if(
        !is_chosen,
        "recipient_domains",
        "it is for no domain, so no mail ever goes this way",
        "name the recipients' domains, or \"*\" for everyone",
    );
    let has_floor = connector.floor != TlsFloor::default();
    findings.add_if(
        connector.tls_settings == TlsSettings::Opportunistic && (has_floor || !connector.pins.is_empty()),
        "tls_settings",
        "a key, version or key exchange is demanded, so without TLS mail waits, although TLS is opportunistic",
        "set tls_settings to encryption_only to say so",
    );
}

/// Of two connectors that are equally specific neither could be said to be the one. One that is tried is held against
/// those that act, but for the one in whose place it would stand.
fn check_specificity(connectors: &[OutboundConnector], faults: &mut Vec<Fault>) {
    let mut central: HashMap<_, &ConnectorKey> = HashMap::new();
    let mut first: HashMap<_, &ConnectorKey> = HashMap::new();
    let (acting, tried): (Vec<_>, Vec<_>) = connectors
        .iter()
        .filter(|connector| connector.is_selectable())
        .partition(|connector| connector.shadow.is_none());
    for connector in acting.into_iter().chain(tried) {
        if connector.route_all_messages_via_on_premises {
            let other = match &connector.shadow {
                None => central.insert(&connector.key.organization, &connector.key),
                Some(_) => central.get(&connector.key.organization).copied(),
            };
            if let Some(other) = other.filter(|other| !stands_in_for(connector.shadow.as_ref(), &other.name)) {
                Findings::at(place(&connector.key), faults).add(
                    "route_all_messages_via_on_premises",
                    format!("mail to everywhere goes through connector {other} already"),
                    "take it out of one of them, or disable one",
                );
            }
        }
        let mut seen = HashSet::new();
        let scopes = connector
            .recipient_domains
            .iter()
            .filter(|scope| seen.insert(*scope))
            .map(Some);
        let all_accepted = connector.all_accepted_domains.then_some(None);
        for scope in scopes.chain(all_accepted) {
            let key = (&connector.key.organization, scope);
            let other = match &connector.shadow {
                None => first.insert(key, &connector.key),
                Some(_) => first.get(&key).copied(),
            };
            let Some(other) = other.filter(|other| !stands_in_for(connector.shadow.as_ref(), &other.name)) else {
                continue;
            };
            let (field, what) = match scope {
                None => ("all_accepted_domains", "all accepted domains".to_owned()),
                Some(DomainScope::Everything) => ("recipient_domains", "every domain (*)".to_owned()),
                Some(scope) => ("recipient_domains", scope.to_string()),
            };
            let remedy = match &connector.shadow {
                None => "take it out of one of them, or disable one".to_owned(),
                Some(_) => format!("make it a draft of that one: draft_of = {:?}", other.name),
            };
            Findings::at(place(&connector.key), faults).add(
                field,
                format!("it is for {what}, and so is connector {other}: neither is more specific"),
                remedy,
            );
        }
    }
}
