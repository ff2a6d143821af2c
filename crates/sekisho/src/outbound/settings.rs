//! What the operator may set about outgoing mail, as plain parsed values with their defaults.
//!
//! How they are written in `sekisho.toml`, and which combinations are refused there, is left to `config/`; one value
//! per rule of RFC 5321 §4.5.4.1 (retries) and §5.1 (locating the host), and of RFC 8305 §8 (connection attempts).

use std::{net::IpAddr, sync::Arc, time::Duration};

use sekisho_mail::{ClientIdentityId, Domain, Host, KeyExchangeGroup, KeyExchangeGroups};
use sekisho_policy::outbound::{Requirement, RouteDemand};
use sekisho_smtp::client::ClientTimeouts;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Everything about outgoing mail.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    /// The name of this node: never tried as a mail exchanger, and the EHLO name where a route has none.
    pub hostname: Domain,
    /// Other names under which this node is a mail exchanger; they end an MX list as `hostname` does.
    pub own_names: Vec<Domain>,
    /// In the operator's order; among those that match a destination the most exact wins, then the first.
    pub routes: Vec<Arc<RouteSettings>>,
    /// What goes where no route matches: by MX, opportunistic TLS.
    pub default_route: Arc<RouteSettings>,
    /// Bounds.
    pub limits: OutboundLimits,
    /// How long each reply is waited for.
    pub timeouts: ClientTimeouts,
}

impl OutboundSettings {
    /// No route but the default one.
    #[must_use]
    pub fn new(hostname: Domain) -> Self {
        let default_route = RouteSettings::new("default", vec![DomainPattern::Everything], Via::Mx { port: 25 });
        Self {
            hostname,
            own_names: Vec::new(),
            routes: Vec::new(),
            default_route: Arc::new(default_route),
            limits: OutboundLimits::default(),
            timeouts: ClientTimeouts::default(),
        }
    }
}

/// Where mail for some destinations goes, and what must hold on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSettings {
    /// The operator's name for it; `default` for the one that is always there.
    pub name: String,
    /// Who made it.
    pub source: WaySource,
    /// Which destinations take it.
    pub domains: Vec<DomainPattern>,
    /// How the next hop is found.
    pub via: Via,
    /// All that must hold on the connection; nothing is opportunistic TLS. `config/` takes names that are left to the
    /// host only with [`Via::Hosts`], since MX names from unsigned DNS prove nothing.
    pub demands: Vec<Requirement>,
    /// The certificate that we present where the server asks for one.
    pub client_identity: Option<ClientIdentityId>,
    /// Whether it is presented in TLS 1.2 too, where everyone on the way can read it.
    pub identity_in_tls12: bool,
    /// Whether TLS begins with the first octet (RFC 8314 §3), without STARTTLS. Such a way demands TLS by itself.
    pub implicit_tls: bool,
    /// The server name in the handshake; that of the host where it is `None`. It says nothing of the names that the
    /// certificate must be for.
    pub sni: Option<Domain>,
    /// The name in EHLO; the node's name where it is `None`.
    pub ehlo_name: Option<Domain>,
    /// The address to connect from; the system chooses where it is `None`. Fixes the address family too.
    pub source_address: Option<IpAddr>,
    /// Which addresses of the next hop are used.
    pub address_family: AddressFamily,
    /// When a deferred message is tried again.
    pub retry: RetrySchedule,
    /// The age at which the sender is told that the message is late.
    pub delay_notice_after: Duration,
    /// The age at which an undelivered message is given up.
    pub expire_after: Duration,
    /// Whether that was said of this very way, and holds whatever its organization says.
    pub expires_by_itself: bool,
    /// Connections at a time to one destination.
    pub connections: usize,
    /// Messages over one connection before it is closed.
    pub messages_per_connection: u32,
    /// Whether the hybrid key exchange is offered at all, and whether it may be left out.
    pub hybrid: Hybrid,
}

impl RouteSettings {
    /// A route with the defaults of RFC 5321 and nothing demanded.
    #[must_use]
    pub fn new(name: &str, domains: Vec<DomainPattern>, via: Via) -> Self {
        Self {
            name: name.to_owned(),
            source: if name == "default" {
                WaySource::Default
            } else {
                WaySource::Route
            },
            domains,
            via,
            demands: Vec::new(),
            client_identity: None,
            identity_in_tls12: false,
            implicit_tls: false,
            sni: None,
            ehlo_name: None,
            source_address: None,
            address_family: AddressFamily::Any,
            retry: RetrySchedule::default(),
            delay_notice_after: 4 * HOUR,
            expire_after: 120 * HOUR,
            expires_by_itself: false,
            connections: 10,
            messages_per_connection: 100,
            hybrid: Hybrid::Preferred,
        }
    }
}

impl RouteSettings {
    /// Offers the hybrid where a demand names it for these hosts, whatever `[delivery]` says of all.
    pub fn offer(&mut self, groups: KeyExchangeGroups) {
        if groups.contains(KeyExchangeGroup::X25519MlKem768) {
            self.hybrid = Hybrid::Preferred;
        }
    }

    /// The groups that a first handshake offers, as far as the route says.
    #[must_use]
    pub fn offered_groups(&self) -> KeyExchangeGroups {
        let demanded = self.demands.iter().find_map(|demand| match demand {
            Requirement::KeyExchange { groups } => Some(*groups),
            Requirement::Encryption
            | Requirement::Certificate { .. }
            | Requirement::Domain { .. }
            | Requirement::Pin { .. }
            | Requirement::Version { .. }
            | Requirement::Revocation { .. } => None,
        });
        let groups = demanded.unwrap_or(KeyExchangeGroups::ALL);
        match self.hybrid {
            Hybrid::Preferred => groups,
            Hybrid::Never => groups.without_hybrid().unwrap_or(groups),
        }
    }

    /// The demands as policy takes them, with their origin in the operator's words.
    pub fn route_demands(&self) -> impl Iterator<Item = RouteDemand> {
        self.demands.iter().map(|require| RouteDemand {
            require: require.clone(),
            origin: self.title(),
        })
    }
}

/// Who made a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaySource {
    /// The one that is always there.
    Default,
    /// `[[route]]` of the configuration file.
    Route,
    /// An outbound connector of the directory; `name` is its key, `acme/bank`.
    Connector,
}

/// Which destinations a route is for, from the most to the least exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainPattern {
    /// This domain or address literal.
    Exact(Host),
    /// Every domain below this one, however deep, and not it itself: `*.example.org`.
    Below(Domain),
    /// `*`
    Everything,
}

/// How the next hop is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the destination's MX records (RFC 5321 §5.1), on this port: 25 but in tests and odd networks.
    Mx {
        /// The port at each of them.
        port: u16,
    },
    /// By the MX records of this domain, whatever the destination.
    MxOf {
        /// Whose.
        domain: Domain,
        /// The port at each of them.
        port: u16,
    },
    /// These, in this order; each name is looked up for addresses only. Naming a private or loopback address here is
    /// what allows it to be dialled.
    Hosts(Vec<NextHopHost>),
}

/// One host of a static route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHopHost {
    /// A name or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// Which addresses of the next hop are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// Both, IPv6 first (RFC 8305).
    #[default]
    Any,
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
}

impl AddressFamily {
    /// Whether an address may be used.
    #[must_use]
    pub const fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// What is done about the hybrid group X25519MLKEM768.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hybrid {
    /// Offered first, left out where a host breaks on it.
    #[default]
    Preferred,
    /// Never offered.
    Never,
}

/// When a deferred message is tried again: a few steps of their own, then at one interval while the message is young
/// and at another when it is old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The waits after the first attempts, in order; at most 32.
    pub first: Vec<Duration>,
    /// The wait after those, while the message is younger than `young_until`.
    pub young_every: Duration,
    /// The age at which `old_every` begins.
    pub young_until: Duration,
    /// The wait from then on.
    pub old_every: Duration,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self {
            first: vec![MINUTE, 5 * MINUTE, 15 * MINUTE],
            young_every: 15 * MINUTE,
            young_until: 4 * HOUR,
            old_every: HOUR,
        }
    }
}

impl RetrySchedule {
    /// The wait after an attempt: `ended` attempts have ended, this one included, and the message is this old.
    #[must_use]
    pub fn delay(&self, ended: u32, age: Duration) -> Duration {
        let place = usize::try_from(ended.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.first.get(place) {
            Some(wait) => *wait,
            None if age < self.young_until => self.young_every,
            None => self.old_every,
        }
    }
}

/// Every bound of outgoing mail that is not a route's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundLimits {
    /// Connections at a time, to all destinations together; attempts wait for one.
    pub connections: usize,
    /// Connections at a time to one next hop, whatever destinations lead to it.
    pub connections_per_host: usize,
    /// Hosts of one MX set that are tried in an attempt.
    pub mx_hosts: usize,
    /// Addresses of one host that are tried in an attempt.
    pub addresses_per_host: usize,
    /// How long a TCP connection may take, per address.
    pub connect_timeout: Duration,
    /// How long one address is waited for before the next is tried beside it (RFC 8305 §5).
    pub connection_attempt_delay: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a connection without work is kept for the next message.
    pub idle_timeout: Duration,
    /// Connections without work that are kept, to all destinations together.
    pub idle_connections: usize,
    /// Recipients in one SMTP transaction (RFC 5321 §4.5.3.1.8 lets a server take no more than 100).
    pub recipients_per_transaction: usize,
    /// Messages leased for one connection at a time.
    pub lease_batch: usize,
    /// Connections to a destination of which nothing is known yet.
    pub first_window: usize,
    /// Destinations looked at in one pass over the queue.
    pub due_batch: usize,
    /// Messages just accepted that wait for a connection in memory; more of them simply become due.
    pub offered_messages: usize,
    /// Destinations and hosts remembered (windows, broken TLS) at a time.
    pub remembered: usize,
    /// How long broken TLS with a host and address is remembered, at most an hour.
    pub broken_tls_memory: Duration,
    /// How long attempts in flight may take after shutdown was asked for.
    pub drain: Duration,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self {
            connections: 500,
            connections_per_host: 20,
            mx_hosts: 8,
            addresses_per_host: 8,
            connect_timeout: Duration::from_secs(30),
            connection_attempt_delay: Duration::from_millis(250),
            handshake_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(15),
            idle_connections: 200,
            recipients_per_transaction: 100,
            lease_batch: 20,
            first_window: 2,
            due_batch: 1000,
            offered_messages: 2000,
            remembered: 20_000,
            broken_tls_memory: HOUR,
            drain: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_is_one_five_fifteen_then_quarters_then_hours() {
        let schedule = RetrySchedule::default();
        let minutes = |ended, age_minutes: u32| schedule.delay(ended, age_minutes * MINUTE).as_secs() / 60;
        assert_eq!([minutes(1, 0), minutes(2, 1), minutes(3, 6)], [1, 5, 15]);
        assert_eq!(minutes(4, 21), 15);
        assert_eq!(minutes(18, 239), 15);
        assert_eq!(minutes(19, 240), 60);
        assert_eq!(minutes(0, 0), 1);
    }
}
