//! Transport tables, relayhost and TLS policies as outbound connectors.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_api::{ConnectorType, Document as _, DomainType, OutboundConnector};

use super::{
    Policies, Reading,
    domains::OwnDomains,
    hop::{self, Hop, Transport},
    maps::Entry,
    policy::{Level, Policy},
    tls,
};
use crate::import::{NoteKind, Place, Source};

/// Everything that is not named.
const EVERYTHING: &str = "*";

/// Where mail of some domains goes.
#[derive(Clone, Debug)]
enum Way {
    Mx,
    Hop(Hop),
    /// Not by the smtp client.
    Foreign,
}

#[derive(Clone, Debug)]
struct Route {
    way: Way,
    place: Place,
}

/// Makes connectors of all of them.
pub(super) fn read(reading: &mut Reading<'_>, own: &OwnDomains) {
    let policies = Policies::read(reading);
    let relayhost = relayhost(reading);
    let mut routes = transports(reading, relayhost.as_ref());
    let has_star = routes.contains_key(EVERYTHING);
    if let Some(relayhost) = relayhost.filter(|_| !has_star) {
        routes.insert(EVERYTHING.to_owned(), relayhost);
    }
    hand_on(reading, &routes);
    let mut used = BTreeSet::new();
    for (key, route) in &routes {
        let policy = match &route.way {
            Way::Foreign => continue,
            Way::Hop(hop) => {
                used.insert(hop.key.clone());
                policies.find(&hop.key)
            }
            Way::Mx if key == EVERYTHING => &policies.default,
            Way::Mx => policies.find(key),
        };
        add(reading, key, route, policy, own);
    }
    for (key, policy) in &policies.by_key {
        if !routes.contains_key(key) && !used.contains(key) {
            alone(reading, key, policy, &routes, policies.above(key), own);
        }
    }
    if !routes.contains_key(EVERYTHING) {
        everything_else(reading, &policies.default, own);
    }
}

/// A transport table comes before `mydestination`, while here what is local never leaves.
fn hand_on(reading: &mut Reading<'_>, routes: &BTreeMap<String, Route>) {
    let mut domains = std::mem::take(&mut reading.import.documents.domain);
    for domain in domains
        .iter_mut()
        .filter(|domain| domain.kind == DomainType::Authoritative)
    {
        let Some(route) = routes
            .get(&domain.name)
            .filter(|route| matches!(route.way, Way::Hop(_)))
        else {
            continue;
        };
        domain.kind = DomainType::ExternalRelay;
        let text = "mail for it goes on by the transport table, so it became an external relay domain";
        reading.note(NoteKind::Different, false, route.place.clone(), text);
    }
    reading.import.documents.domain = domains;
}

fn relayhost(reading: &mut Reading<'_>) -> Option<Route> {
    let text = reading.value("relayhost");
    if text.is_empty() {
        return None;
    }
    let place = reading.parameter("relayhost");
    match hop::hop_of(&text) {
        Ok(hop) => Some(Route {
            way: Way::Hop(hop),
            place,
        }),
        Err(reason) => {
            reading.import.fault(place, reason);
            None
        }
    }
}

fn transports(reading: &mut Reading<'_>, relayhost: Option<&Route>) -> BTreeMap<String, Route> {
    let mut routes = BTreeMap::new();
    for item in reading.items("transport_maps") {
        let (file, entries) = reading.table("transport_maps", &item);
        for Entry { key, value, line } in entries {
            let place = reading.in_file(&file, line, &key);
            if key.contains('@') {
                let text = "mail of one recipient cannot be routed apart from its domain";
                reading.note(NoteKind::NoCounterpart, true, place, text);
                continue;
            }
            let way = match hop::transport(&value) {
                Ok(Transport::Unchanged) => relayhost.map_or(Way::Mx, |relayhost| relayhost.way.clone()),
                Ok(Transport::Mx) => Way::Mx,
                Ok(Transport::Hop(hop)) => Way::Hop(hop),
                Ok(Transport::Other(agent)) => {
                    let text = format!(
                        "{agent}: only smtp and relay are carried over; mail for it goes the way of all other mail here"
                    );
                    reading.note(NoteKind::NoCounterpart, true, place.clone(), text);
                    Way::Foreign
                }
                Err(reason) => {
                    reading.import.fault(place, reason);
                    continue;
                }
            };
            // What an earlier table has, a later one does not change.
            routes.entry(key).or_insert(Route { way, place });
        }
    }
    routes
}

/// The route that mail of a domain takes, by the nearest domain above it.
fn covering<'r>(routes: &'r BTreeMap<String, Route>, key: &str) -> Option<&'r Route> {
    let mut rest = key.strip_prefix('.').unwrap_or(key);
    while let Some((_, above)) = rest.split_once('.') {
        if let Some(route) = routes.get(&format!(".{above}")) {
            return Some(route);
        }
        rest = above;
    }
    routes.get(EVERYTHING)
}

/// A policy whose domain has no route of its own.
fn alone(
    reading: &mut Reading<'_>,
    key: &str,
    policy: &Policy,
    routes: &BTreeMap<String, Route>,
    above: &Policy,
    own: &OwnDomains,
) {
    let place = policy.place.clone();
    if key.contains(['[', ':', '@']) {
        let text = "no route goes there, so this policy is never looked at; left out";
        return reading.note(NoteKind::NoCounterpart, false, place, text);
    }
    match covering(routes, key).map(|route| &route.way) {
        Some(Way::Hop(hop)) => {
            let text = format!(
                "mail for it goes to {}, by whose policy it is judged; left out",
                hop.key
            );
            return reading.note(NoteKind::NoCounterpart, false, place, text);
        }
        Some(Way::Foreign) => {
            let text = "mail for it does not go by the smtp client; left out";
            return reading.note(NoteKind::NoCounterpart, false, place, text);
        }
        Some(Way::Mx) | None => {}
    }
    let is_optional = |level| matches!(level, Level::None | Level::May | Level::Dane);
    if is_optional(policy.level) {
        if !is_optional(above.level) {
            let text = "less cannot be demanded for good here: what is demanded of the domains around it holds for it \
                        too; for a year at most `sekisho exception add` lets one pass";
            reading.note(NoteKind::Different, true, place, text);
        } else if policy.level != Level::May {
            // Without a connector, since it would demand nothing; but it is said what that means.
            tls::put(reading, &mut OutboundConnector::default(), policy, None);
        }
        return;
    }
    let route = Route { way: Way::Mx, place };
    add(reading, key, &route, policy, own);
}

/// What holds for every domain that nothing is said of.
fn everything_else(reading: &mut Reading<'_>, default: &Policy, own: &OwnDomains) {
    let place = default.place.clone();
    match default.level {
        Level::May => {}
        Level::None | Level::Dane => tls::put(reading, &mut OutboundConnector::default(), default, None),
        Level::Encrypt | Level::DaneOnly | Level::Fingerprint | Level::Verify | Level::Secure => {
            let route = Route { way: Way::Mx, place };
            add(reading, EVERYTHING, &route, default, own);
        }
    }
}

fn add(reading: &mut Reading<'_>, key: &str, route: &Route, policy: &Policy, own: &OwnDomains) {
    let scope = match key.strip_prefix('.') {
        Some(below) => {
            let text =
                "*.example.org is example.org itself and every domain below it; .example.org is those below alone";
            reading.note(NoteKind::Different, true, route.place.clone(), text);
            format!("*.{below}")
        }
        None => key.to_owned(),
    };
    let is_own = own.has(key);
    let mut document = OutboundConnector {
        organization: reading.wanted.organization.clone(),
        name: if key == EVERYTHING { "everything else" } else { key }.to_owned(),
        connector_type: if is_own {
            ConnectorType::OnPremises
        } else {
            ConnectorType::Partner
        },
        recipient_domains: vec![scope],
        ..OutboundConnector::default()
    };
    let hop = match &route.way {
        Way::Hop(hop) => Some(hop),
        Way::Mx | Way::Foreign => None,
    };
    if let Some(hop) = hop {
        document.smart_hosts.clone_from(&hop.smart_hosts);
        document.implicit_tls = hop.implicit_tls || reading.is_yes("smtp_tls_wrappermode");
    }
    tls::put(reading, &mut document, policy, hop);
    let mut source = Source {
        place: route.place.clone(),
        ..Source::default()
    };
    for field in [
        "tls_settings",
        "tls_domain",
        "tls_domains",
        "trust_anchors",
        "smtp_dane_mode",
        "sni",
        "min_tls_version",
    ] {
        let mut place = policy.place.clone();
        if !place.object.is_empty() {
            policy.level.word().clone_into(&mut place.property);
        }
        source.fields.insert(field, place);
    }
    reading.import.comes_from(&document.id(), source);
    reading.import.documents.outbound_connector.push(document);
}
