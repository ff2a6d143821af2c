//! Which way a destination goes. Pure: the settings alone decide.

use std::sync::Arc;

use sekisho_mail::{ChannelFacts, Host};

use super::{DomainPattern, NextHopHost, OutboundSettings, RouteSettings, Unroutable, Via, WaySource};

impl OutboundSettings {
    /// The route that a destination takes: of those that match, the most exact; among equals the first.
    #[must_use]
    pub fn route(&self, destination: &Host) -> &Arc<RouteSettings> {
        self.route_and_exactness(destination).1
    }

    /// With how exactly it matches: the more, the better; `None` for the default one.
    pub(super) fn route_and_exactness(&self, destination: &Host) -> (Option<usize>, &Arc<RouteSettings>) {
        let mut best: Option<(usize, &Arc<RouteSettings>)> = None;
        for route in &self.routes {
            let exactness = route
                .domains
                .iter()
                .filter_map(|pattern| pattern.exactness(destination))
                .max();
            if let Some(exactness) = exactness
                && best.is_none_or(|(so_far, _)| exactness > so_far)
            {
                best = Some((exactness, route));
            }
        }
        best.map_or((None, &self.default_route), |(exactness, route)| {
            (Some(exactness), route)
        })
    }
}

impl RouteSettings {
    /// What the operator calls it: `route "bank"`, `connector "acme/bank"`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.source {
            WaySource::Default | WaySource::Route => format!("route {:?}", self.name),
            WaySource::Connector => format!("connector {:?}", self.name),
        }
    }

    /// How final a fault in finding the way is: of hosts that the operator named, by whatever records, it never is.
    #[must_use]
    pub(super) fn weigh(&self, why: Unroutable) -> Unroutable {
        match self.via {
            Via::MxOf { .. } => why.for_now(),
            Via::Mx { .. } | Via::Hosts(_) => why,
        }
    }

    /// Whether mail goes to the same hosts in the same manner by another: with all that is said of how a host is found
    /// and spoken to, and whatever is said of time, of numbers and of names.
    #[must_use]
    pub(super) fn leads_as(&self, other: &Self) -> bool {
        self.via == other.via && self.ehlo_name == other.ehlo_name && self.manner() == other.manner()
    }

    /// Whether it is the one that is always there.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        matches!(self.source, WaySource::Default)
    }

    /// As the evidence and the log show it, before the host is known.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.via {
            Via::Mx { .. } if self.source == WaySource::Default => "mx".to_owned(),
            Via::Mx { .. } => format!("{} by mx", self.title()),
            Via::MxOf { domain, .. } => format!("{} by mx of {domain}", self.title()),
            Via::Hosts(_) => self.title(),
        }
    }
}

/// For whoever asks what another way would have meant for connections that were made.
impl RouteSettings {
    /// Whether connections are made to the same hosts and in the same manner, whoever makes them and whatever is
    /// demanded of them.
    #[must_use]
    pub fn connects_as(&self, other: &Self) -> bool {
        self.via == other.via && self.connects_as_but_for_hosts(other)
    }

    /// As [`Self::connects_as`], whatever the hosts are.
    #[must_use]
    pub fn connects_as_but_for_hosts(&self, other: &Self) -> bool {
        self.manner() == other.manner()
    }

    /// All but names, hosts, demands, times and numbers: how a connection is made, by whatever field that may be said.
    fn manner(&self) -> Self {
        let plain = Self::new("", Vec::new(), Via::Mx { port: 0 });
        Self {
            name: plain.name,
            source: plain.source,
            domains: plain.domains,
            via: plain.via,
            demands: plain.demands,
            ehlo_name: plain.ehlo_name,
            retry: plain.retry,
            delay_notice_after: plain.delay_notice_after,
            expire_after: plain.expire_after,
            expires_by_itself: plain.expires_by_itself,
            connections: plain.connections,
            messages_per_connection: plain.messages_per_connection,
            ..self.clone()
        }
    }

    /// Whether a connection that was made, with what its evidence says of the way ([`Self::describe`] and the host), is
    /// one that this way would make.
    #[must_use]
    pub fn was_gone(&self, route: &str, channel: &ChannelFacts) -> bool {
        let way = route.rsplit_once(" to ").map_or(route, |(way, _)| way);
        // Why it is this way is no part of it: see `Way::describe`.
        let why = [" by rule \"", " (not back "].into_iter().find_map(|why| way.find(why));
        let way = why.map_or(way, |why| &way[..why]);
        match &self.via {
            Via::Mx { port } => *port == channel.peer.port() && (way == "mx" || way.ends_with(" by mx")),
            Via::MxOf { domain, port } => *port == channel.peer.port() && way.ends_with(&format!(" by mx of {domain}")),
            Via::Hosts(hosts) => hosts.iter().any(|hop| hop.is_that_of(channel)),
        }
    }
}

impl NextHopHost {
    /// Whether a connection was made to it.
    #[must_use]
    pub fn is_that_of(&self, channel: &ChannelFacts) -> bool {
        let is_host = channel
            .host
            .as_deref()
            .is_some_and(|host| host == self.host.to_string());
        is_host && self.port == channel.peer.port()
    }
}

impl DomainPattern {
    /// Whether the destination is one of those meant.
    #[must_use]
    pub fn matches(&self, destination: &Host) -> bool {
        self.exactness(destination).is_some()
    }

    /// How exactly the pattern matches: the more, the better; `None` when it does not. Everything is 0, a domain above
    /// counts its octets, the name itself is more than any of them.
    fn exactness(&self, destination: &Host) -> Option<usize> {
        match self {
            Self::Everything => Some(0),
            Self::Below(above) => {
                let domain = destination.domain()?;
                domain.is_below(above).then(|| above.as_str().len())
            }
            Self::Exact(host) => (host == destination).then_some(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::Domain;

    use super::*;

    #[test]
    fn the_most_exact_route_wins_and_then_the_first() {
        let domain = |text: &str| Domain::parse(text).unwrap();
        let mut settings = OutboundSettings::new(domain("node.example"));
        let patterns = [
            ("all", DomainPattern::Everything),
            ("below-org", DomainPattern::Below(domain("example.org"))),
            ("below-a", DomainPattern::Below(domain("a.example.org"))),
            ("exact", DomainPattern::Exact(Host::Domain(domain("x.a.example.org")))),
            ("again", DomainPattern::Exact(Host::Domain(domain("x.a.example.org")))),
            ("literal", DomainPattern::Exact(Host::parse("[192.0.2.1]").unwrap())),
        ];
        let route = |settings: &OutboundSettings, to: &str| settings.route(&Host::parse(to).unwrap()).name.clone();
        assert_eq!(route(&settings, "x.example"), "default");
        for (name, pattern) in patterns {
            let via = Via::Mx { port: 25 };
            settings
                .routes
                .push(Arc::new(RouteSettings::new(name, vec![pattern], via)));
        }
        for (to, name) in [
            ("x.a.example.org", "exact"),
            ("y.a.example.org", "below-a"),
            ("deep.y.a.example.org", "below-a"),
            ("a.example.org", "below-org"),
            ("example.org", "all"),
            ("badexample.org", "all"),
            ("[192.0.2.1]", "literal"),
            ("[192.0.2.2]", "all"),
        ] {
            assert_eq!(route(&settings, to), name, "{to}");
        }
    }
}
