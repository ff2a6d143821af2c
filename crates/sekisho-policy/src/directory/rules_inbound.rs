//! What an inbound connector may say, alone and beside the others: the combination rules of Exchange (V1 to V7, V12 and
//! V14 of its connectors), and that nothing is set which would never be looked at.

use std::collections::HashMap;

use sekisho_mail::{Domain, OrganizationName};

use super::{
    ConnectorKey, ConnectorType, DomainScope, Fault, InboundConnector, TlsFloor,
    build::{Findings, Known},
    shadow::stands_in_for,
};

/// The largest IPv4 network that Exchange takes.
const EXCHANGE_PREFIX_MIN: u8 = 24;

pub(super) fn check(
    connectors: &[InboundConnector],
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    for connector in connectors {
        let mut findings = Findings::at(place(&connector.key), faults);
        match connector.kind {
            ConnectorType::Partner if connector.trusted_organizations.is_empty() => {
                check_partner(connector, &mut findings)
            }
            ConnectorType::Partner => check_trusting(connector, known, &mut findings),
            ConnectorType::OnPremises => check_on_premises(connector, known, &mut findings),
        }
        check_certificate(connector, &mut findings);
        check_associated(connector, known, &mut findings);
        warn(connector, &mut Findings::at(place(&connector.key), warnings));
    }
    check_certificate_names(connectors, faults);
    warn_of_overruled(connectors, warnings);
}

fn place(key: &ConnectorKey) -> String {
    format!("inbound connector {key}")
}

fn check_partner(connector: &InboundConnector, findings: &mut Findings<'_>) {
    findings.add_if(
        connector.sender_domains.is_empty(),
        "sender_domains",
        "a partner's connector is for the mail of some domains, and none is named",
        "name the partner's domains, or \"*\" for everyone",
    );
    findings.add_if(
        connector.treat_messages_as_internal,
        "treat_messages_as_internal",
        "only the organization's own servers bring internal mail (V1)",
        "set it to false, or connector_type to on_premises",
    );
    findings.add_if(
        connector.cloud_services_mail_enabled,
        "cloud_services_mail_enabled",
        "only the organization's own servers are believed what cross-premises header fields say",
        "set it to false, or connector_type to on_premises",
    );
    findings.add_if(
        connector.restrict_domains_to_certificate && connector.tls_sender_certificate_name.is_none(),
        "restrict_domains_to_certificate",
        "it restricts to a certificate, and tls_sender_certificate_name names none (V3)",
        "set tls_sender_certificate_name",
    );
    findings.add_if(
        connector.restrict_domains_to_ip_addresses && connector.sender_addresses.is_empty(),
        "restrict_domains_to_ip_addresses",
        "it restricts to addresses, and sender_ip_addresses has none (V4)",
        "set sender_ip_addresses",
    );
    findings.add_if(
        !connector.require_tls && !connector.is_restricting(),
        "require_tls",
        "it restricts nothing: neither to TLS, nor to a certificate, nor to addresses (V14)",
        "set require_tls, restrict_domains_to_certificate or restrict_domains_to_ip_addresses",
    );
}

/// V12: organizations of this service are known by the internal way, so nothing else would be looked at.
fn check_trusting(connector: &InboundConnector, known: &Known<'_>, findings: &mut Findings<'_>) {
    for (is_set, field) in [
        (!connector.sender_domains.is_empty(), "sender_domains"),
        (!connector.sender_addresses.is_empty(), "sender_ip_addresses"),
        (
            connector.tls_sender_certificate_name.is_some(),
            "tls_sender_certificate_name",
        ),
        (
            connector.restrict_domains_to_certificate,
            "restrict_domains_to_certificate",
        ),
        (
            connector.restrict_domains_to_ip_addresses,
            "restrict_domains_to_ip_addresses",
        ),
        (
            !connector.associated_accepted_domains.is_empty(),
            "associated_accepted_domains",
        ),
        (connector.treat_messages_as_internal, "treat_messages_as_internal"),
        (connector.cloud_services_mail_enabled, "cloud_services_mail_enabled"),
        (
            connector.floor.min_version != TlsFloor::default().min_version,
            "min_tls_version",
        ),
        (connector.floor.groups.is_some(), "key_exchange_groups"),
        (!connector.server_auth_certificates, "server_auth_certificates"),
    ] {
        findings.add_if(
            is_set,
            field,
            "a connector with trusted_organizations has no other parameters (V12)",
            "take it out, or put it into a connector of its own",
        );
    }
    for organization in &connector.trusted_organizations {
        if !known.organizations.contains_key(organization) {
            let reason = format!("there is no organization {organization}");
            findings.add("trusted_organizations", reason, "name an organization of this service");
        } else if *organization == connector.key.organization {
            let reason = "an organization need not trust itself: its own mail is never restricted";
            findings.add("trusted_organizations", reason, "take it out");
        }
    }
}

fn check_on_premises(connector: &InboundConnector, known: &Known<'_>, findings: &mut Findings<'_>) {
    findings.add_if(
        connector.cloud_services_mail_enabled && connector.treat_messages_as_internal,
        "treat_messages_as_internal",
        "with cloud_services_mail_enabled the servers say themselves which mail is internal (V1)",
        "take one of them out",
    );
    for (is_set, field) in [
        (
            connector.restrict_domains_to_certificate,
            "restrict_domains_to_certificate",
        ),
        (
            connector.restrict_domains_to_ip_addresses,
            "restrict_domains_to_ip_addresses",
        ),
        (!connector.trusted_organizations.is_empty(), "trusted_organizations"),
    ] {
        findings.add_if(
            is_set,
            field,
            "it is a partner's, and would never be looked at here (V2)",
            "take it out, or set connector_type to partner",
        );
    }
    let is_scoped = connector
        .sender_domains
        .iter()
        .any(|scope| *scope != DomainScope::Everything);
    findings.add_if(
        is_scoped,
        "sender_domains",
        "the organization's own servers are not known by sender domains, which would never be looked at here (V2)",
        "take it out, or write \"*\"; associated_accepted_domains limits to some domains",
    );
    if let Some(name) = &connector.tls_sender_certificate_name {
        let organization = &connector.key.organization;
        if !known.lies_with(organization, &name.domain) {
            let reason = format!("{name} lies in no accepted domain of {organization}");
            let remedy = "name a host in one of the organization's own domains, or add the domain first";
            findings.add("tls_sender_certificate_name", reason, remedy);
        }
    }
}

/// What is asked of a certificate needs the name by which one is looked for.
fn check_certificate(connector: &InboundConnector, findings: &mut Findings<'_>) {
    if connector.tls_sender_certificate_name.is_none() {
        for (is_set, field) in [
            (!connector.anchors.is_system(), "trust_anchors"),
            (!connector.issuers.is_empty(), "issuers"),
            (!connector.pins.is_empty(), "pins"),
            (!connector.server_auth_certificates, "server_auth_certificates"),
            (
                connector.revocation.is_some_and(|asked| asked.refuse_not_revocable),
                "refuse_not_revocable",
            ),
        ] {
            findings.add_if(
                is_set,
                field,
                "no certificate is asked for, so it would never be looked at",
                "set tls_sender_certificate_name, or take it out",
            );
        }
    }
    let is_malformed = |attribute: &String| attribute.split_once('=').is_none_or(|(key, _)| key.trim().is_empty());
    let malformed = connector
        .issuers
        .iter()
        .any(|issuer| issuer.attributes.is_empty() || issuer.attributes.iter().any(is_malformed));
    findings.add_if(
        malformed,
        "issuers",
        "an issuer has at least one attribute, and each is a key, '=' and a value",
        "write O=Example Trust",
    );
}

fn check_associated(connector: &InboundConnector, known: &Known<'_>, findings: &mut Findings<'_>) {
    let mut domains: Vec<&Domain> = connector.associated_accepted_domains.iter().collect();
    domains.sort();
    for domain in domains {
        let organization = &connector.key.organization;
        if !known.accepts(organization, domain) {
            let reason = format!("{domain} is no accepted domain of {organization}");
            findings.add(
                "associated_accepted_domains",
                reason,
                "add the domain first, or take it out",
            );
        }
    }
}

fn warn(connector: &InboundConnector, findings: &mut Findings<'_>) {
    warn_of_networks(connector, findings);
    let has_name = connector.tls_sender_certificate_name.is_some();
    match connector.kind {
        ConnectorType::Partner => warn_of_undemanded(connector, findings),
        ConnectorType::OnPremises => findings.add_if(
            !has_name && connector.sender_addresses.is_empty(),
            "tls_sender_certificate_name",
            "nothing says by what the servers are known, so no mail is ever taken as theirs",
            "set tls_sender_certificate_name or sender_ip_addresses",
        ),
    }
    let has_floor = connector.floor != TlsFloor::default();
    findings.add_if(
        has_floor && !connector.require_tls && !connector.restrict_domains_to_certificate,
        if connector.floor.groups.is_some() {
            "key_exchange_groups"
        } else {
            "min_tls_version"
        },
        "it is demanded of TLS alone, and plaintext is taken",
        "set require_tls",
    );
}

/// V4, where Exchange is narrower.
fn warn_of_networks(connector: &InboundConnector, findings: &mut Findings<'_>) {
    let mut networks = connector.sender_addresses.iter();
    findings.add_if(
        networks.any(|network| network.is_v4() && network.prefix() < EXCHANGE_PREFIX_MIN),
        "sender_ip_addresses",
        "a network is larger than /24, the largest that Exchange Online takes (V4)",
        "name smaller networks, unless all of it is the sender's",
    );
    let mut networks = connector.sender_addresses.iter();
    findings.add_if(
        networks.any(|network| !network.is_v4()),
        "sender_ip_addresses",
        "an address is IPv6, which Exchange Online does not take (V4)",
        "leave it, unless the connector is to stand there too",
    );
}

/// What stands in a partner's connector and is not demanded; and V5: a certificate and addresses belong in two.
fn warn_of_undemanded(connector: &InboundConnector, findings: &mut Findings<'_>) {
    let has_name = connector.tls_sender_certificate_name.is_some();
    let has_addresses = !connector.sender_addresses.is_empty();
    let (to_name, to_addresses) = (
        connector.restrict_domains_to_certificate,
        connector.restrict_domains_to_ip_addresses,
    );
    findings.add_if(
        to_name && to_addresses,
        "restrict_domains_to_ip_addresses",
        "it restricts to a certificate and to addresses: both must hold (V5)",
        "make two connectors when either is enough",
    );
    findings.add_if(
        has_name && !to_name,
        "tls_sender_certificate_name",
        if has_addresses {
            "the certificate is looked at and not demanded, and addresses stand beside it (V5)"
        } else {
            "the certificate is looked at and not demanded"
        },
        "set restrict_domains_to_certificate to demand it",
    );
    findings.add_if(
        has_addresses && !to_addresses,
        "sender_ip_addresses",
        if has_name {
            "the addresses are looked at and not demanded, and a certificate's name stands beside them (V5)"
        } else {
            "the addresses are looked at and not demanded"
        },
        "set restrict_domains_to_ip_addresses to demand one of them",
    );
}

/// By its certificate a server of one organization is told from those of all others, so a name stands once. One that is
/// tried is held against those that act, but for the one in whose place it would stand.
fn check_certificate_names(connectors: &[InboundConnector], faults: &mut Vec<Fault>) {
    let mut first: HashMap<_, &ConnectorKey> = HashMap::new();
    let (acting, tried): (Vec<_>, Vec<_>) = connectors
        .iter()
        .filter(|connector| connector.kind == ConnectorType::OnPremises)
        .partition(|connector| connector.shadow.is_none());
    for connector in acting.into_iter().chain(tried) {
        let Some(name) = &connector.tls_sender_certificate_name else {
            continue;
        };
        let Some(other) = first.get(name) else {
            if connector.shadow.is_none() {
                first.insert(name, &connector.key);
            }
            continue;
        };
        let is_same_organization = other.organization == connector.key.organization;
        if is_same_organization && stands_in_for(connector.shadow.as_ref(), &other.name) {
            continue;
        }
        let whose = if is_same_organization {
            format!("connector {other}")
        } else {
            // What another organization calls its connectors is none of this one's business.
            "another organization's connector".to_owned()
        };
        Findings::at(place(&connector.key), faults).add(
            "tls_sender_certificate_name",
            format!("{name} is the name of {whose} already"),
            "a certificate name belongs to one on_premises connector; give this one another",
        );
    }
}

/// V6: for mail that a restricting connector covers, one that accepts by sender domain alone opens nothing.
fn warn_of_overruled(connectors: &[InboundConnector], warnings: &mut Vec<Fault>) {
    let partners = || {
        let acting = connectors
            .iter()
            .filter(|connector| connector.enabled && connector.shadow.is_none());
        acting.filter(|connector| connector.kind == ConnectorType::Partner)
    };
    let mut restricting: HashMap<&OrganizationName, Restricting<'_>> = HashMap::new();
    for connector in partners().filter(|connector| connector.is_restricting()) {
        let of_organization = restricting.entry(&connector.key.organization).or_default();
        of_organization.insert(connector);
    }
    for connector in partners().filter(|connector| !connector.is_restricting()) {
        let of_organization = restricting.get(&connector.key.organization);
        let Some(other) = of_organization.and_then(|others| others.overlapping(connector)) else {
            continue;
        };
        Findings::at(place(&connector.key), warnings).add(
            "sender_domains",
            format!("connector {other} restricts mail that this one covers too, and what it demands holds (V6)"),
            "restrict this one too, or take the domains out of one of them",
        );
    }
}

/// The connectors that restrict, one for each kind of mail that somebody may ask about: looking one up takes as many
/// steps as a domain has labels, however many connectors there are.
#[derive(Default)]
struct Restricting<'a>(HashMap<(Senders<'a>, Recipients<'a>), &'a ConnectorKey>);

/// Whose mail. Everything lies at or below the root, which is written `""`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Senders<'a> {
    /// A scope is for this domain alone.
    Of(&'a str),
    /// A scope is for this domain and all below it.
    Within(&'a str),
    /// Some scope lies at this domain or below it.
    Somewhere(&'a str),
}

/// To whom, by what a connector is limited to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Recipients<'a> {
    /// It is not limited.
    All,
    /// It is limited to this accepted domain, and maybe others.
    Of(&'a Domain),
    /// Whatever it is limited to.
    Any,
}

impl<'a> Restricting<'a> {
    fn insert(&mut self, connector: &'a InboundConnector) {
        for scope in &connector.sender_domains {
            for limit in limits(connector).chain([Recipients::Any]) {
                let mut insert = |senders| {
                    self.0.entry((senders, limit)).or_insert(&connector.key);
                };
                insert(match scope {
                    DomainScope::Exact(domain) => Senders::Of(domain.as_str()),
                    DomainScope::Within(domain) => Senders::Within(domain.as_str()),
                    DomainScope::Everything => Senders::Within(ROOT),
                });
                up_to_root(scope).for_each(|name| insert(Senders::Somewhere(name)));
            }
        }
    }

    /// One that some message may be covered by as well.
    fn overlapping(&self, connector: &InboundConnector) -> Option<&'a ConnectorKey> {
        let mut scopes = connector.sender_domains.iter();
        scopes.find_map(|scope| {
            let above = up_to_root(scope).map(Senders::Within);
            let at = match scope {
                DomainScope::Exact(domain) => Senders::Of(domain.as_str()),
                DomainScope::Within(domain) => Senders::Somewhere(domain.as_str()),
                DomainScope::Everything => Senders::Somewhere(ROOT),
            };
            above
                .chain([at])
                .find_map(|senders| self.to_some_of(senders, connector))
        })
    }

    fn to_some_of(&self, senders: Senders<'_>, connector: &InboundConnector) -> Option<&'a ConnectorKey> {
        let find = |recipients| self.0.get(&(senders, recipients)).copied();
        if connector.associated_accepted_domains.is_empty() {
            return find(Recipients::Any);
        }
        limits(connector).chain([Recipients::All]).find_map(find)
    }
}

/// The name of what lies above every domain.
const ROOT: &str = "";

/// The domain of a scope and every name above it.
fn up_to_root(scope: &DomainScope) -> impl Iterator<Item = &str> {
    let domain = match scope {
        DomainScope::Exact(domain) | DomainScope::Within(domain) => Some(domain),
        DomainScope::Everything => None,
    };
    domain.into_iter().flat_map(Domain::lineage).chain([ROOT])
}

fn limits(connector: &InboundConnector) -> impl Iterator<Item = Recipients<'_>> {
    let domains = &connector.associated_accepted_domains;
    let all = domains.is_empty().then_some(Recipients::All);
    domains.iter().map(Recipients::Of).chain(all)
}
