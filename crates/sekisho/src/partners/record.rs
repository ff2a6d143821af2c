//! What is noted of one partner: connections that were alike are one entry, so that a message costs a few comparisons.

use std::{io::Write as _, net::IpAddr, time::Duration};

use sekisho_api::{Partner, PartnerTraffic, SeenCertificate, SeenConnection, SeenHost, SeenLeaf, SeenTls};
use sekisho_mail::{CertificateFacts, ChannelFacts, ChannelSecurity, Check, KeyProof, Timestamp, TlsVersion};

use super::found;
use crate::outbound::{RouteSettings, Via};

/// Kinds of connections, per direction.
const CONNECTIONS_MAX: usize = 24;
/// Hosts that are named of each.
const HOSTS_OF_CONNECTION: usize = 4;
/// Certificates.
const CERTIFICATES_MAX: usize = 8;
/// Names of each.
const NAMES_MAX: usize = 20;
/// Octets of an issuer.
const ISSUER_OCTETS: usize = 256;
/// Hosts.
const HOSTS_MAX: usize = 32;
/// Certificates of a host that are remembered, and of all hosts together.
const LEAVES_OF_HOST: usize = 5;
const HISTORY_MAX: usize = 48;
/// For how long: some renewals of certificates that live for a quarter of a year.
const HISTORY_KEPT: Duration = Duration::from_secs(500 * 86_400);
/// Stands for what is not known any more of a chain.
pub(super) const NOT_KEPT: &str = "not kept";
/// What was not seen for so long does not count any more.
const OUTDATED_AFTER: Duration = super::FORGET_AFTER;

/// One message, as its connection was.
pub(super) struct Seen<'a> {
    pub(super) security: &'a ChannelSecurity,
    /// Of what goes out: the host and its port.
    pub(super) host: Option<(&'a str, u16)>,
    /// Of what comes in.
    pub(super) client: Option<IpAddr>,
    /// Of what goes out: how the host was found.
    pub(super) found: Option<&'a Via>,
    pub(super) at: Timestamp,
    pub(super) counts: Counts,
}

/// What is noted of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// All of it: a message went along.
    Message,
    /// The certificate alone: it was refused.
    Certificate,
}

/// A host as it is kept, written where it costs no allocation: its name has at most 255 octets.
struct HostText {
    octets: [u8; 272],
    len: usize,
}

impl HostText {
    fn as_str(&self) -> &str {
        str::from_utf8(&self.octets[..self.len]).unwrap_or_default()
    }
}

impl<'a> Seen<'a> {
    /// What goes out, at the host that the channel leads to.
    pub(super) fn at_host(channel: &'a ChannelFacts, route: &'a RouteSettings, at: Timestamp, counts: Counts) -> Self {
        Self {
            security: &channel.security,
            host: channel.host.as_deref().map(|host| (host, channel.peer.port())),
            client: None,
            found: Some(&route.via),
            at,
            counts,
        }
    }

    fn host(&self) -> HostText {
        let mut octets = [0; 272];
        let mut left = octets.as_mut_slice();
        let room = left.len();
        // What does not fit is no host.
        let written = match (self.host, self.client) {
            (Some((host, port)), _) => write!(left, "{host}:{port}"),
            (None, Some(client)) => write!(left, "{client}"),
            (None, None) => Ok(()),
        };
        let len = if written.is_ok() { room - left.len() } else { 0 };
        HostText { octets, len }
    }

    /// What the chain is worth before the world, when that was asked and the key is proven.
    fn chain(&self) -> Option<&'static str> {
        let tls = self.security.tls()?;
        if tls.key != KeyProof::Proven || tls.chain.is_empty() {
            return None;
        }
        let is_system = |check: &Check| matches!(check, Check::Path { anchors } if anchors.is_system());
        let path = tls.verdicts.iter().find(|(check, _)| is_system(check));
        path.map(|(_, verdict)| verdict.word())
    }

    fn is_alike(&self, chain: Option<&str>, connection: &SeenConnection) -> bool {
        match (self.security, &connection.tls) {
            (ChannelSecurity::Plaintext(_), None) => true,
            (ChannelSecurity::Tls(tls), Some(seen)) => {
                tls.version == seen.version
                    && tls.group == seen.group
                    && tls.suite == seen.suite
                    && tls.chain.first().map(|leaf| leaf.sha256) == connection.certificate
                    && chain == connection.chain.as_deref()
            }
            (ChannelSecurity::Plaintext(_), Some(_)) | (ChannelSecurity::Tls(_), None) => false,
        }
    }

    fn connection(&self, chain: Option<&str>) -> SeenConnection {
        let (tls, plaintext) = match self.security {
            ChannelSecurity::Plaintext(cause) => (None, Some(cut(cause.to_string(), ISSUER_OCTETS))),
            ChannelSecurity::Tls(tls) => (Some(tls), None),
        };
        SeenConnection {
            certificate: tls.and_then(|tls| tls.chain.first()).map(|leaf| leaf.sha256),
            chain: chain.map(str::to_owned),
            tls: tls.map(|tls| SeenTls {
                version: tls.version,
                suite: tls.suite.clone(),
                group: tls.group.clone(),
            }),
            plaintext,
            messages: 0,
            last: self.at,
            hosts: Vec::new(),
        }
    }
}

/// Notes a message.
pub(super) fn note(traffic: &mut Option<PartnerTraffic>, seen: &Seen<'_>) {
    let traffic = traffic.get_or_insert_with(|| PartnerTraffic {
        first: seen.at,
        last: seen.at,
        messages: 0,
        plaintext: 0,
        best: String::new(),
        worst: String::new(),
        connections: Vec::new(),
        certificates: Vec::new(),
        history: Vec::new(),
        hosts: Vec::new(),
        more_hosts: false,
    });
    let text = seen.host();
    if seen.counts == Counts::Certificate {
        traffic.last = traffic.last.max(seen.at);
        if let Some(leaf) = seen.security.tls().and_then(|tls| tls.chain.first()) {
            note_history(traffic, leaf, (seen, text.as_str()));
        }
        return;
    }
    let clear = u64::from(seen.security.tls().is_none());
    traffic.last = traffic.last.max(seen.at);
    traffic.messages += 1;
    traffic.plaintext += clear;
    let place = match traffic.hosts.iter().position(|host| host.host == text.as_str()) {
        Some(place) => Some(place),
        None if traffic.hosts.len() < HOSTS_MAX => {
            traffic.hosts.push(SeenHost {
                host: text.as_str().to_owned(),
                found: seen.found.map(found),
                messages: 0,
                plaintext: 0,
                last: seen.at,
            });
            Some(traffic.hosts.len() - 1)
        }
        None => None,
    };
    traffic.more_hosts |= place.is_none();
    if let Some(host) = place.and_then(|place| traffic.hosts.get_mut(place)) {
        host.messages += 1;
        host.plaintext += clear;
        host.last = host.last.max(seen.at);
    }
    note_connection(traffic, seen, place);
    note_certificate(traffic, seen, text.as_str());
}

fn note_connection(traffic: &mut PartnerTraffic, seen: &Seen<'_>, host: Option<usize>) {
    let chain = seen.chain();
    let mut connections = traffic.connections.iter();
    let known = connections.position(|connection| seen.is_alike(chain, connection));
    let place = known.unwrap_or_else(|| {
        let connection = seen.connection(chain);
        if traffic.connections.len() < CONNECTIONS_MAX {
            traffic.connections.push(connection);
            traffic.connections.len() - 1
        } else {
            place_of(&mut traffic.connections, in_outline(connection))
        }
    });
    let connection = &mut traffic.connections[place];
    connection.messages += 1;
    connection.last = connection.last.max(seen.at);
    let host = host.and_then(|place| traffic.hosts.get(place));
    if let Some(host) = host.filter(|_| connection.hosts.len() < HOSTS_OF_CONNECTION)
        && !connection.hosts.contains(&host.host)
    {
        connection.hosts.push(host.host.clone());
    }
    if known.is_none() {
        rate(traffic);
    }
}

/// What is left of a connection when there are too many: whether it was under TLS, and under which.
fn in_outline(connection: SeenConnection) -> SeenConnection {
    let tls = connection.tls.map(|tls| SeenTls {
        suite: String::new(),
        ..tls
    });
    SeenConnection {
        chain: tls.as_ref().map(|_| NOT_KEPT.to_owned()),
        tls,
        certificate: None,
        messages: 0,
        ..connection
    }
}

/// Where connections of a kind stand, which are added when they do not.
fn place_of(connections: &mut Vec<SeenConnection>, of_kind: SeenConnection) -> usize {
    let known = connections.iter().position(|known| is_of_kind(known, &of_kind));
    known.unwrap_or_else(|| {
        connections.push(of_kind);
        connections.len() - 1
    })
}

fn is_of_kind(one: &SeenConnection, other: &SeenConnection) -> bool {
    one.tls == other.tls && one.certificate == other.certificate && one.chain == other.chain
}

/// Adds connections to those of their kind.
fn add(connections: &mut Vec<SeenConnection>, of_kind: SeenConnection, more: SeenConnection) {
    let place = place_of(connections, of_kind);
    let known = &mut connections[place];
    known.messages += more.messages;
    known.last = known.last.max(more.last);
    for host in more.hosts {
        if known.hosts.len() < HOSTS_OF_CONNECTION && !known.hosts.contains(&host) {
            known.hosts.push(host);
        }
    }
}

fn note_certificate(traffic: &mut PartnerTraffic, seen: &Seen<'_>, host: &str) {
    let Some(leaf) = seen.security.tls().and_then(|tls| tls.chain.first()) else {
        return;
    };
    if let Some(known) = traffic
        .certificates
        .iter_mut()
        .find(|known| known.sha256 == leaf.sha256)
    {
        known.last = known.last.max(seen.at);
    } else if traffic.certificates.len() < CERTIFICATES_MAX {
        traffic.certificates.push(certificate(leaf, seen.at));
    }
    note_history(traffic, leaf, (seen, host));
}

fn note_history(traffic: &mut PartnerTraffic, leaf: &CertificateFacts, (seen, host): (&Seen<'_>, &str)) {
    let host = match seen.host {
        Some(_) => host,
        None => {
            let names = leaf.dns_names.first().or(leaf.common_name.as_ref());
            names.map_or("", String::as_str)
        }
    };
    // As it is kept, or it would be another one at each message.
    let host = &host[..host.floor_char_boundary(ISSUER_OCTETS)];
    let mut known = traffic.history.iter_mut();
    if let Some(known) = known.find(|known| known.sha256 == leaf.sha256 && known.host == host) {
        known.last = known.last.max(seen.at);
    } else if traffic.history.len() < HISTORY_MAX {
        traffic.history.push(SeenLeaf {
            host: host.to_owned(),
            sha256: leaf.sha256,
            key: leaf.spki_sha256,
            issuer: cut(leaf.issuer.clone(), ISSUER_OCTETS),
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            first: seen.at,
            last: seen.at,
        });
    }
}

fn certificate(leaf: &CertificateFacts, at: Timestamp) -> SeenCertificate {
    SeenCertificate {
        sha256: leaf.sha256,
        key: leaf.spki_sha256,
        names: leaf.dns_names.iter().take(NAMES_MAX).cloned().collect(),
        more_names: leaf.dns_names.len() > NAMES_MAX,
        issuer: cut(leaf.issuer.clone(), ISSUER_OCTETS),
        not_after: leaf.not_after,
        last: at,
    }
}

fn cut(mut text: String, octets: usize) -> String {
    text.truncate(text.floor_char_boundary(octets));
    text
}

/// How good a connection is; the higher, the better.
pub(super) fn rank(connection: &SeenConnection) -> u8 {
    match &connection.tls {
        None => 0,
        Some(tls) if tls.version == TlsVersion::Tls12 => 1,
        Some(tls) if tls.group == TlsVersion::HYBRID_GROUP => 3,
        Some(_) => 2,
    }
}

/// Says which connections were the best and the worst.
fn rate(traffic: &mut PartnerTraffic) {
    let words = |connection: &SeenConnection| match &connection.tls {
        None => "plaintext".to_owned(),
        Some(tls) => format!("{} {}", tls.version, tls.group),
    };
    let best = traffic.connections.iter().max_by_key(|one| rank(one)).map(words);
    let worst = traffic.connections.iter().min_by_key(|one| rank(one)).map(words);
    traffic.best = best.unwrap_or_default();
    traffic.worst = worst.unwrap_or_default();
}

/// What is kept of a partner, and what was noted since.
pub(super) fn merge(before: Partner, noted: Partner, now: Timestamp) -> Partner {
    Partner {
        inbound: merge_traffic(before.inbound, noted.inbound, now),
        outbound: merge_traffic(before.outbound, noted.outbound, now),
        ..noted
    }
}

fn merge_traffic(
    before: Option<PartnerTraffic>,
    noted: Option<PartnerTraffic>,
    now: Timestamp,
) -> Option<PartnerTraffic> {
    let (mut all, noted) = match (before, noted) {
        (Some(before), Some(noted)) => (before, noted),
        (one, other) => return one.or(other),
    };
    all.last = all.last.max(noted.last);
    all.messages += noted.messages;
    all.plaintext += noted.plaintext;
    all.more_hosts |= noted.more_hosts;
    for connection in noted.connections {
        let empty = SeenConnection {
            messages: 0,
            hosts: Vec::new(),
            ..connection.clone()
        };
        add(&mut all.connections, empty, connection);
    }
    for host in noted.hosts {
        match all.hosts.iter_mut().find(|known| known.host == host.host) {
            Some(known) => {
                known.messages += host.messages;
                known.plaintext += host.plaintext;
                known.last = known.last.max(host.last);
                known.found = host.found;
            }
            None => all.hosts.push(host),
        }
    }
    for certificate in noted.certificates {
        match all
            .certificates
            .iter_mut()
            .find(|known| known.sha256 == certificate.sha256)
        {
            Some(known) => known.last = known.last.max(certificate.last),
            None => all.certificates.push(certificate),
        }
    }
    for leaf in noted.history {
        let is_same = |known: &&mut SeenLeaf| known.sha256 == leaf.sha256 && known.host == leaf.host;
        match all.history.iter_mut().find(is_same) {
            Some(known) => known.last = known.last.max(leaf.last),
            None => all.history.push(leaf),
        }
    }
    keep_to_limits(&mut all, now);
    keep_history(&mut all.history, now);
    rate(&mut all);
    Some(all)
}

/// What is outdated goes, and of what is too much that which was seen last stays.
fn keep_to_limits(all: &mut PartnerTraffic, now: Timestamp) {
    let since = now.minus(OUTDATED_AFTER);
    all.connections.retain(|connection| connection.last >= since);
    if all.connections.len() > CONNECTIONS_MAX {
        all.connections
            .sort_by_key(|connection| std::cmp::Reverse(connection.last));
        let too_many: Vec<SeenConnection> = all.connections.drain(CONNECTIONS_MAX..).collect();
        for connection in too_many {
            add(&mut all.connections, in_outline(connection.clone()), connection);
        }
    }
    all.hosts.retain(|host| host.last >= since);
    if all.hosts.len() > HOSTS_MAX {
        all.hosts.sort_by_key(|host| std::cmp::Reverse(host.last));
        all.hosts.truncate(HOSTS_MAX);
        all.more_hosts = true;
    }
    all.certificates.retain(|certificate| certificate.last >= since);
    all.certificates
        .sort_by_key(|certificate| std::cmp::Reverse(certificate.last));
    all.certificates.truncate(CERTIFICATES_MAX);
}

/// Of each host the newest few, and of all together.
fn keep_history(history: &mut Vec<SeenLeaf>, now: Timestamp) {
    history.retain(|leaf| leaf.last >= now.minus(HISTORY_KEPT));
    history.sort_by_key(|leaf| std::cmp::Reverse(leaf.last));
    let mut kept: Vec<SeenLeaf> = Vec::with_capacity(history.len().min(HISTORY_MAX));
    for leaf in history.drain(..) {
        let of_host = kept.iter().filter(|one| one.host == leaf.host).count();
        if of_host < LEAVES_OF_HOST && kept.len() < HISTORY_MAX {
            kept.push(leaf);
        }
    }
    kept.reverse();
    *history = kept;
}

/// Makes a record shorter whose certificates have long names; false when nothing is left to take away.
pub(super) fn shorten(partner: &mut Partner) -> bool {
    let mut is_shorter = false;
    for traffic in partner.inbound.iter_mut().chain(&mut partner.outbound) {
        for certificate in &mut traffic.certificates {
            if certificate.names.len() > 1 {
                certificate.names.truncate(certificate.names.len() / 2);
                certificate.more_names = true;
                is_shorter = true;
            }
        }
    }
    if is_shorter {
        return true;
    }
    for traffic in partner.inbound.iter_mut().chain(&mut partner.outbound) {
        // Those that came first.
        let half = traffic.history.len().div_ceil(2);
        traffic.history.drain(..half);
        is_shorter |= half > 0;
    }
    is_shorter
}
