//! Which way a destination goes. Pure: the settings alone decide.

use std::sync::Arc;

use sekisho_mail::Host;

use super::{DomainPattern, OutboundSettings, RouteSettings, Via};

impl OutboundSettings {
    /// The route that a destination takes: of those that match, the most exact; among equals the first.
    #[must_use]
    pub fn route(&self, destination: &Host) -> &Arc<RouteSettings> {
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
        best.map_or(&self.default_route, |(_, route)| route)
    }
}

impl RouteSettings {
    /// As the evidence and the log show it, before the host is known.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.via {
            Via::Mx { .. } if self.name == "default" => "mx".to_owned(),
            Via::Mx { .. } => format!("route {:?} by mx", self.name),
            Via::Hosts(_) => format!("route {:?}", self.name),
        }
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
