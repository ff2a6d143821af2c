//! `[[route]]` and `[delivery]`: from texts to [`OutboundSettings`], with the certificates and trust anchors that the
//! routes name.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sekisho_mail::{
    AnchorSetId, ClientIdentityId, Domain, Host, KeyExchangeGroup, KeyExchangeGroups, NamePattern, RevocationMode,
};
use sekisho_policy::{
    directory::{CertificateRoleKey, SMTP_PORT, SUBMISSIONS_PORT},
    outbound::{Requirement, Revocation, TlsNames},
};
use sekisho_tls::{AnchorSet, ClientIdentities};

use super::{
    checker::Checker,
    fault::ConfigFault,
    listener::load_identity,
    raw::{self, Raw},
};
use crate::{
    directory::parse::identity_of_role,
    local::LocalSettings,
    outbound::{
        AddressFamily, DomainPattern, Hybrid, NextHopHost, OutboundLimits, OutboundSettings, RetrySchedule,
        RouteSettings, Via, WaySource,
    },
};

/// Pauses after the first attempts that may be named one by one.
const FIRST_PAUSES_MAX: usize = 32;

/// Outgoing mail: ways, and what they name.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The ways.
    pub settings: OutboundSettings,
    /// Certificates that we show, by the path in the configuration.
    pub identities: ClientIdentities,
    /// Trust anchors, by the path in the configuration. Those of the system are not among them.
    pub anchors: HashMap<AnchorSetId, AnchorSet>,
    /// Roles of the directory whose certificates routes show, each with the route's name.
    pub roles: Vec<(String, CertificateRoleKey)>,
}

/// All routes and the default one.
pub(super) fn build_all(
    raw: &Raw,
    hostname: &Domain,
    local: &LocalSettings,
    drain: Duration,
    checker: &mut Checker<'_>,
) -> Outbound {
    let mut settings = OutboundSettings::new(hostname.clone());
    settings.own_names = local.domains.clone();
    let connections = checker.at_least("limits.outbound-connections", raw.limits.outbound_connections, 1);
    settings.limits = OutboundLimits {
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        drain,
        ..OutboundLimits::default()
    };
    let mut default_route = RouteSettings::clone(&settings.default_route);
    obey_delivery(&mut default_route, &raw.delivery, "delivery", checker);
    let mut outbound = Outbound {
        settings,
        identities: HashMap::new(),
        anchors: HashMap::new(),
        roles: Vec::new(),
    };
    let mut names = HashSet::new();
    for (place, route) in raw.route.iter().enumerate() {
        let key = format!("route[{place}]");
        if route.name == "default" || !names.insert(&route.name) {
            checker.fault(&format!("{key}.name"), "this name is taken", "choose another");
        }
        if let Some(route) = build(route, &key, &default_route, &mut outbound, checker) {
            refuse_local(&route, &key, local, checker);
            outbound.settings.routes.push(Arc::new(route));
        }
    }
    outbound.settings.default_route = Arc::new(default_route);
    outbound
}

fn build(
    route: &raw::Route,
    key: &str,
    default_route: &RouteSettings,
    outbound: &mut Outbound,
    checker: &mut Checker<'_>,
) -> Option<RouteSettings> {
    let domains = domains(&route.domains, key, checker);
    let via = via(route, key, checker);
    let demand = demand(route, via.as_ref(), key, outbound, checker);
    let client_identity = client_identity(route, key, outbound, checker);
    let groups = key_exchange_groups(route, key, checker);
    let revocation = revocation(route, key, checker);
    let mut settings = RouteSettings {
        domains,
        demands: demand
            .into_iter()
            .flat_map(|demand| demand.with_revocation(revocation))
            .chain(groups.map(|groups| Requirement::KeyExchange { groups }))
            .collect(),
        client_identity,
        ..default_route.clone()
    };
    settings.name.clone_from(&route.name);
    settings.source = WaySource::Route;
    override_delivery(&mut settings, route, key, checker);
    if let Some(groups) = groups {
        settings.offer(groups);
    }
    settings.via = via?;
    Some(settings)
}

/// What is shown to the next host: from files, or of a role, of which the directory says whether it is there.
fn client_identity(
    route: &raw::Route,
    key: &str,
    outbound: &mut Outbound,
    checker: &mut Checker<'_>,
) -> Option<ClientIdentityId> {
    let role_key = format!("{key}.client-certificate-role");
    let role = route.client_certificate_role.as_ref().and_then(|name| {
        checker.parse::<CertificateRoleKey>(&role_key, name, "write mx, or acme/mx of another organization")
    });
    let Some(pair) = &route.client_certificate else {
        let role = role?;
        let id = identity_of_role(&role);
        outbound.roles.push((route.name.clone(), role));
        return Some(id);
    };
    if route.client_certificate_role.is_some() {
        let problem = "files are named beside it in client-certificate, and one certificate is shown";
        checker.fault(&role_key, problem, "take one of them out");
    }
    let identity = load_identity(pair, &format!("{key}.client-certificate"), checker)?;
    let id = ClientIdentityId(pair.certificate.clone());
    outbound.identities.insert(id.clone(), identity);
    Some(id)
}

/// What may be written as a key exchange group, for the remedy.
pub(crate) const GROUPS_REMEDY: &str = "write X25519MLKEM768, x25519, secp256r1, or secp384r1";

/// The groups that will do, when any are named.
fn key_exchange_groups(route: &raw::Route, key: &str, checker: &mut Checker<'_>) -> Option<KeyExchangeGroups> {
    let at = format!("{key}.key-exchange-groups");
    let texts = route.key_exchange_groups.iter().enumerate();
    let named: Vec<KeyExchangeGroup> = texts
        .filter_map(|(place, text)| checker.parse(&format!("{at}[{place}]"), text, GROUPS_REMEDY))
        .collect();
    if named.contains(&KeyExchangeGroup::X25519MlKem768) && route.hybrid == Some(raw::Hybrid::Never) {
        checker.fault(
            &at,
            "X25519MLKEM768 is named here, and hybrid = \"never\" never offers it",
            "take one of them out",
        );
    }
    KeyExchangeGroups::of(&named)
}

/// Mail for a local domain goes into its mailboxes, and a way out would never be taken (law 13).
fn refuse_local(route: &RouteSettings, key: &str, local: &LocalSettings, checker: &mut Checker<'_>) {
    for (place, pattern) in route.domains.iter().enumerate() {
        if let DomainPattern::Exact(Host::Domain(domain)) = pattern
            && local.domains.contains(domain)
        {
            checker.fault(
                &format!("{key}.domains[{place}]"),
                format_args!("{domain} is a local domain: its mail ends here, and the route is never taken"),
                "take it out here, or in local.domains",
            );
        }
    }
}

fn domains(texts: &[String], key: &str, checker: &mut Checker<'_>) -> Vec<DomainPattern> {
    if texts.is_empty() {
        checker.fault(
            &format!("{key}.domains"),
            "a route without domains is never taken",
            "write [\"*\"] for all",
        );
    }
    let texts = texts.iter().enumerate();
    texts
        .filter_map(|(place, text)| domain_pattern(text, &format!("{key}.domains[{place}]"), checker))
        .collect()
}

/// `bank.example`, `*.bank.example`, or `*`.
pub(super) fn domain_pattern(text: &str, key: &str, checker: &mut Checker<'_>) -> Option<DomainPattern> {
    let pattern = match (text, text.strip_prefix("*.")) {
        ("*", _) => Ok(DomainPattern::Everything),
        (_, Some(above)) => Domain::parse(above).map(DomainPattern::Below),
        (exact, None) => Host::parse(exact).map(DomainPattern::Exact),
    };
    match pattern {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let problem = format_args!("{text:?}: {error}").to_string();
            checker.fault(key, problem, "write bank.example, *.bank.example, or *");
            None
        }
    }
}

fn via(route: &raw::Route, key: &str, checker: &mut Checker<'_>) -> Option<Via> {
    let key = format!("{key}.via");
    let port = if route.implicit_tls {
        SUBMISSIONS_PORT
    } else {
        SMTP_PORT
    };
    let remedy = "write \"mx\", or a list of hosts with ports as in [\"mx.bank.example:25\"]";
    match &route.via {
        raw::Via::Word(word) if word == "mx" => Some(Via::Mx { port }),
        raw::Via::Word(word) => match word.strip_prefix("mx:").and_then(|port| port.parse().ok()) {
            Some(port) if port > 0 => Some(Via::Mx { port }),
            _ => {
                checker.fault(&key, format_args!("{word:?} is no way"), remedy);
                None
            }
        },
        raw::Via::Hosts(texts) if texts.is_empty() => {
            checker.fault(&key, "the list is empty", remedy);
            None
        }
        raw::Via::Hosts(texts) => {
            let mut hosts = Vec::new();
            for (place, text) in texts.iter().enumerate() {
                match parse_hop(text) {
                    Some(hop) => hosts.push(hop),
                    None => {
                        checker.fault(
                            &format!("{key}[{place}]"),
                            format_args!("{text:?} is no host with a port"),
                            remedy,
                        );
                    }
                }
            }
            Some(Via::Hosts(hosts))
        }
    }
}

/// `host:port`, `192.0.2.1:25` or `[2001:db8::1]:25`.
fn parse_hop(text: &str) -> Option<NextHopHost> {
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        let host = match address.ip() {
            std::net::IpAddr::V4(ip) => Host::parse(&format!("[{ip}]")),
            std::net::IpAddr::V6(ip) => Host::parse(&format!("[IPv6:{ip}]")),
        };
        return Some(NextHopHost {
            host: host.ok()?,
            port: address.port(),
        });
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some(NextHopHost {
        host: Host::parse(host).ok()?,
        port,
    })
}

/// What the route demands. What the build could not enforce is refused here (law 13): names or anchors that nobody
/// would look at, and names that unsigned DNS would choose.
fn demand(
    route: &raw::Route,
    via: Option<&Via>,
    key: &str,
    outbound: &mut Outbound,
    checker: &mut Checker<'_>,
) -> Option<Requirement> {
    let names_key = format!("{key}.tls-names");
    if !route.tls_names.is_empty() && route.require != raw::Require::Domain {
        checker.fault(
            &names_key,
            "names are looked at only with require = \"domain\"",
            "set it, or take them out",
        );
    }
    let anchors_key = format!("{key}.trust-anchors");
    let looks_at_chain = matches!(route.require, raw::Require::Certificate | raw::Require::Domain);
    if route.trust_anchors.is_some() && !looks_at_chain {
        let remedy = "set it or \"domain\", or take the file out";
        checker.fault(
            &anchors_key,
            "trust anchors are looked at only with require = \"certificate\"",
            remedy,
        );
    }
    let anchors = match &route.trust_anchors {
        None => AnchorSetId::system(),
        Some(file) => load_anchors(file, &anchors_key, outbound, checker),
    };
    match route.require {
        raw::Require::None => None,
        raw::Require::Encryption => Some(Requirement::Encryption),
        raw::Require::Certificate => Some(Requirement::Certificate { anchors }),
        raw::Require::Domain => {
            let texts = route.tls_names.iter().enumerate();
            let remedy = "write a name, or *. and a name";
            let names: Vec<NamePattern> = texts
                .filter_map(|(place, text)| checker.parse(&format!("{names_key}[{place}]"), text, remedy))
                .collect();
            let names = if route.tls_names.is_empty() {
                host_names(via, key, checker)
            } else {
                TlsNames::Listed(names)
            };
            Some(Requirement::Domain { anchors, names })
        }
    }
}

/// How it is asked whether the certificate is revoked; where no chain is looked at, nobody would look (law 13).
fn revocation(route: &raw::Route, key: &str, checker: &mut Checker<'_>) -> Option<Revocation> {
    let looks_at_chain = matches!(route.require, raw::Require::Certificate | raw::Require::Domain);
    if route.revocation.is_some() && !looks_at_chain {
        checker.fault(
            &format!("{key}.revocation"),
            "revocation is looked up only with require = \"certificate\"",
            "set it or \"domain\", or take it out",
        );
    }
    let mode = match route.revocation.unwrap_or_default() {
        raw::Revocation::Off => return None,
        raw::Revocation::SoftFail => RevocationMode::SoftFail,
        raw::Revocation::HardFail => RevocationMode::HardFail,
    };
    Some(Revocation {
        mode,
        refuse_not_revocable: false,
    })
}

/// Without `tls-names` the names are those that the operator wrote in `via`; an address or an MX record is none.
fn host_names(via: Option<&Via>, key: &str, checker: &mut Checker<'_>) -> TlsNames {
    let key = format!("{key}.require");
    match via {
        Some(Via::Mx { .. } | Via::MxOf { .. }) => checker.fault(
            &key,
            "names of mail exchangers come from unsigned DNS, so that a certificate for one of them proves nothing",
            "write tls-names, or name the hosts in via",
        ),
        Some(Via::Hosts(hosts)) if hosts.iter().any(|hop| hop.host.domain().is_none()) => {
            checker.fault(
                &key,
                "a host in via is an address, which no certificate is for",
                "write tls-names",
            );
        }
        Some(Via::Hosts(_)) | None => {}
    }
    TlsNames::RouteHost
}

fn load_anchors(file: &str, key: &str, outbound: &mut Outbound, checker: &mut Checker<'_>) -> AnchorSetId {
    let id = AnchorSetId(file.to_owned());
    if id.is_shared() {
        checker.fault(
            key,
            "this name stands for the roots, or for an organization's anchors",
            "write ./ before it for a file of that name",
        );
    }
    match AnchorSet::load(&checker.path(file)) {
        Ok(set) => {
            outbound.anchors.insert(id.clone(), set);
        }
        Err(error) => checker.fault(key, error, ""),
    }
    id
}

/// `[delivery]` for the default route, and so for every other.
fn obey_delivery(route: &mut RouteSettings, delivery: &raw::Delivery, key: &str, checker: &mut Checker<'_>) {
    let at = |name: &str| format!("{key}.{name}");
    route.ehlo_name = delivery
        .ehlo_name
        .as_ref()
        .and_then(|name| ehlo_name(name, &at("ehlo-name"), checker));
    route.source_address = delivery
        .source_address
        .as_ref()
        .and_then(|text| source(text, &at("source-address"), checker));
    route.address_family = family(delivery.address_family);
    route.hybrid = hybrid(delivery.hybrid);
    route.connections =
        usize::try_from(checker.at_least(&at("connections"), delivery.connections, 1)).unwrap_or(usize::MAX);
    route.messages_per_connection =
        checker.at_least(&at("messages-per-connection"), delivery.messages_per_connection, 1);
    route.retry = retry(&delivery.retry, &at("retry"), checker);
    route.delay_notice_after = checker.some_duration(&at("delay-notice-after"), &delivery.delay_notice_after);
    route.expire_after = checker.some_duration(&at("expire-after"), &delivery.expire_after);
}

fn override_delivery(settings: &mut RouteSettings, route: &raw::Route, key: &str, checker: &mut Checker<'_>) {
    let at = |name: &str| format!("{key}.{name}");
    settings.implicit_tls = route.implicit_tls;
    if let Some(name) = &route.sni {
        settings.sni = server_name(name, &at("sni"), checker);
    }
    if let Some(name) = &route.ehlo_name {
        settings.ehlo_name = ehlo_name(name, &at("ehlo-name"), checker);
    }
    if let Some(text) = &route.source_address {
        settings.source_address = source(text, &at("source-address"), checker);
    }
    if let Some(chosen) = route.address_family {
        settings.address_family = family(chosen);
    }
    if let Some(chosen) = route.hybrid {
        settings.hybrid = hybrid(chosen);
    }
    if let Some(number) = route.connections {
        let number = checker.at_least(&at("connections"), number, 1);
        settings.connections = usize::try_from(number).unwrap_or(usize::MAX);
    }
    if let Some(number) = route.messages_per_connection {
        settings.messages_per_connection = checker.at_least(&at("messages-per-connection"), number, 1);
    }
    if let Some(pauses) = &route.retry {
        settings.retry = retry(pauses, &at("retry"), checker);
    }
    if let Some(text) = &route.delay_notice_after {
        settings.delay_notice_after = checker.some_duration(&at("delay-notice-after"), text);
    }
    if let Some(text) = &route.expire_after {
        settings.expire_after = checker.some_duration(&at("expire-after"), text);
    }
    if settings
        .source_address
        .is_some_and(|address| !settings.address_family.admits(address))
    {
        let problem = "the source address is not of the address family that is used";
        checker.fault(&at("source-address"), problem, "change one of the two");
    }
}

/// `[delivery]`, as a way that is not in the file overrides it, and the certificate that it names. Keys of faults are
/// those of a route.
pub fn dial(
    base: &RouteSettings,
    overrides: &raw::Route,
    folder: &std::path::Path,
) -> (RouteSettings, Option<sekisho_tls::Identity>, Vec<ConfigFault>) {
    let mut checker = Checker::new(None, folder.to_owned());
    let mut settings = base.clone();
    override_delivery(&mut settings, overrides, "connector", &mut checker);
    let files = overrides.client_certificate.as_ref();
    let identity = files.and_then(|pair| load_identity(pair, "connector.client-certificate", &mut checker));
    (settings, identity, checker.into_faults())
}

/// One that no handshake can carry would never be sent (law 13).
fn server_name(name: &str, key: &str, checker: &mut Checker<'_>) -> Option<Domain> {
    let remedy = "write a host name, as in mail.example.org; addresses are never sent (RFC 6066 §3)";
    let parsed: Domain = checker.parse(key, name, remedy)?;
    if !sekisho_tls::is_server_name(&parsed) {
        checker.fault(key, format_args!("{name:?} can be no server name"), remedy);
        return None;
    }
    Some(parsed)
}

fn ehlo_name(name: &str, key: &str, checker: &mut Checker<'_>) -> Option<Domain> {
    checker.parse(key, name, "write a full host name")
}

fn source(text: &str, key: &str, checker: &mut Checker<'_>) -> Option<std::net::IpAddr> {
    checker.parse(key, text, "write an address of this machine, without a port")
}

const fn hybrid(hybrid: raw::Hybrid) -> Hybrid {
    match hybrid {
        raw::Hybrid::Preferred => Hybrid::Preferred,
        raw::Hybrid::Never => Hybrid::Never,
    }
}

const fn family(family: raw::AddressFamily) -> AddressFamily {
    match family {
        raw::AddressFamily::Any => AddressFamily::Any,
        raw::AddressFamily::Ipv4 => AddressFamily::Ipv4,
        raw::AddressFamily::Ipv6 => AddressFamily::Ipv6,
    }
}

/// `["1m", "5m", "15m until 4h", "1h"]`
fn retry(texts: &[String], key: &str, checker: &mut Checker<'_>) -> RetrySchedule {
    let mut schedule = RetrySchedule {
        first: Vec::new(),
        ..RetrySchedule::default()
    };
    let Some((last, before)) = texts.split_last() else {
        checker.fault(key, "the list is empty", "write at least one pause");
        return schedule;
    };
    let last_key = format!("{key}[{}]", before.len());
    schedule.old_every = checker.some_duration(&last_key, last);
    (schedule.young_every, schedule.young_until) = (schedule.old_every, Duration::ZERO);
    for (place, text) in before.iter().enumerate() {
        let key = format!("{key}[{place}]");
        let Some((pause, age)) = text.split_once(" until ") else {
            schedule.first.push(checker.some_duration(&key, text));
            continue;
        };
        schedule.young_every = checker.some_duration(&key, pause);
        schedule.young_until = checker.some_duration(&key, age);
        if place + 1 != before.len() {
            checker.fault(
                &key,
                "only the last pause but one can have an age",
                "take the age out, or move it",
            );
        }
    }
    if schedule.first.len() > FIRST_PAUSES_MAX {
        checker.fault(
            key,
            "there are too many pauses",
            &format!("write at most {FIRST_PAUSES_MAX}"),
        );
    }
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_defaults_are_those_that_hold() {
        let mut checker = Checker::new(None, std::path::PathBuf::new());
        let hostname = Domain::parse("mx.example.org").unwrap();
        let raw = Raw::default();
        let outbound = build_all(
            &raw,
            &hostname,
            &LocalSettings::default(),
            Duration::from_secs(30),
            &mut checker,
        );
        assert_eq!(checker.into_faults(), Vec::new());
        let expected = OutboundSettings::new(hostname);
        assert_eq!(outbound.settings.default_route, expected.default_route);
        assert_eq!(outbound.settings.limits, expected.limits);
    }

    #[test]
    fn a_next_hop_is_a_host_with_a_port() {
        for text in [
            "mx.bank.example:25",
            "192.0.2.1:25",
            "[2001:db8::1]:25",
            "127.0.0.1:2526",
        ] {
            assert!(parse_hop(text).is_some(), "{text}");
        }
        for text in ["mx.bank.example", "mx.bank.example:0", ":25", "2001:db8::1", "a b:25"] {
            assert!(parse_hop(text).is_none(), "{text}");
        }
    }
}
