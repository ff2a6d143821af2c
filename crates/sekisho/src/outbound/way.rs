//! The way of a destination: which connector or route carries its mail, and everything that is demanded on it.
//!
//! However mail is routed, the demands of every connector that covers the recipient's domain apply, and those of its
//! organization. Which connector that is, policy says.

use std::sync::Arc;

use sekisho_mail::{Demand, Handling, Mailbox, OrganizationName, push_new};
use sekisho_policy::{
    directory::{
        Bearing, ConnectorKey, FamilyCourse, MissingWay, OutboundConnector, Selection, SelectionReason, Tried,
    },
    outbound::{CandidateHost, HostOrigin, Requirement, RouteDemand, TriedConnector},
};
use sekisho_store::{Destination, Lane};

use super::{Configured, RouteSettings, Via};

/// The way of a destination at one version of configuration and directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How it is gone.
    pub route: Arc<RouteSettings>,
    /// Whose mail it is: for a domain that is accepted here its owner's, whoever sends it.
    pub organization: OrganizationName,
    /// All that must hold.
    pub demands: Vec<RouteDemand>,
    /// Connectors that are tried here.
    pub tried: Vec<TriedConnector>,
    /// Why it cannot be gone now: a rule chose a connector, and no other way is gone instead.
    pub missing: Option<MissingWay>,
    /// The connector to the organization's own servers that all other mail would take: this came from there.
    pub not_sent_back: Option<ConnectorKey>,
    /// What becomes of header fields that mean something within the organization.
    pub course: FamilyCourse,
}

/// Where mail to the address of an alias would go if it were none. The way of all mail is no way of this address:
/// wherever its mail goes instead, it goes that way again.
pub(super) fn address_itself(alias: &Mailbox, organization: &OrganizationName) -> Destination {
    Destination::of(organization.clone(), alias.host().clone()).on(Lane::Own)
}

impl Configured {
    /// Which connector carries what is for a destination.
    #[must_use]
    pub(super) fn selection<'a>(&'a self, destination: &'a Destination) -> Selection<'a> {
        let bearing = match destination.lane() {
            Lane::Common | Lane::Refused => Bearing::Free,
            Lane::Own => Bearing::FromOwnServer,
            Lane::Connector(name) => Bearing::ByRule(name),
        };
        let organizations = &self.organizations;
        organizations.select_bearing(destination.organization(), destination.host(), bearing)
    }

    /// The way of a destination.
    #[must_use]
    pub fn way(&self, destination: &Destination) -> Way {
        let selection = self.selection(destination);
        let mut way = self.way_of(destination, &selection);
        for tried in self.organizations.tried_outbound(&way.organization) {
            let then = self.organizations.select_trying(&selection, destination.host(), tried);
            way.tried
                .extend(then.map(|then| self.tried(destination, &way, tried, &then)));
        }
        way
    }

    /// The way that a selection leads to.
    fn way_of(&self, destination: &Destination, selection: &Selection<'_>) -> Way {
        let organization = selection.organization.clone();
        let mut demands = selection.demands(destination.host());
        // The routes of the configuration file are the first organization's, as everything in it is.
        let (exactness, of_the_file) = if organization.is_first() {
            self.settings.route_and_exactness(destination.host())
        } else {
            (None, &self.settings.default_route)
        };
        let chosen = selection.chosen.and_then(|connector| self.ways.get(&connector.key));
        let chosen = chosen.filter(|_| exactness <= Some(exactness_of(&selection.because)));
        demands.extend(of_the_file.route_demands().map(|demand| match chosen {
            None => demand,
            // The names are those of hosts that this mail does not go to.
            Some(_) => without_names(demand),
        }));
        let course = course_of(selection.chosen.filter(|_| chosen.is_some()).map(Arc::as_ref));
        let mut route = Arc::clone(chosen.unwrap_or(of_the_file));
        demand_implicit_tls(&route, &mut demands);
        let settings = self.organizations.organization(&organization);
        if let Some(expire_after) = settings.and_then(|settings| settings.expire_after)
            && !route.expires_by_itself
        {
            Arc::make_mut(&mut route).expire_after = expire_after;
        }
        Way {
            route,
            organization,
            demands,
            missing: selection.missing.clone(),
            not_sent_back: selection.not_sent_back.map(|connector| connector.key.clone()),
            course,
            tried: Vec::new(),
        }
    }

    /// What a connector that is tried would make of a way; `then` is the selection with it.
    fn tried(
        &self,
        destination: &Destination,
        way: &Way,
        tried: &Tried<OutboundConnector>,
        then: &Selection<'_>,
    ) -> TriedConnector {
        let covers = then.demanding.iter().any(|one| Arc::ptr_eq(one, &tried.document));
        let route = self.way_of(destination, then).route;
        TriedConnector {
            document: Arc::clone(&tried.named),
            demands: if covers {
                tried.document.demands(destination.host())
            } else {
                Vec::new()
            },
            instead_of: tried.replaces.as_ref().map(|replaced| replaced.origin()),
            other_way: (!way.route.leads_as(&route))
                .then(|| format!("the mail would go another way: {}", route.describe())),
        }
    }

    /// The way of a destination as it would be if this connector carried its mail, whatever else covers the domain.
    #[must_use]
    pub fn way_by(&self, destination: &Destination, connector: &OutboundConnector, route: &Arc<RouteSettings>) -> Way {
        let host = destination.host();
        // The way of all mail says nothing of a connector that is looked at by itself.
        let asked_for = destination.organization();
        let live = self
            .organizations
            .select_bearing(asked_for, host, Bearing::FromOwnServer);
        let organization = live.organization.clone();
        // One that is only tried stands where it would stand if it were promoted.
        let mut tried = self.organizations.tried_outbound(&organization).iter();
        let tried = tried.find(|tried| tried.document.key == connector.key);
        let selection = tried.and_then(|tried| self.organizations.select_trying(&live, host, tried));
        let selection = selection.unwrap_or(live);
        let mut demands = connector.demands(host);
        for demand in selection.demands(host) {
            push_new(&mut demands, demand);
        }
        if organization.is_first() {
            let of_the_file = self.settings.route(host).route_demands();
            demands.extend(of_the_file.map(without_names));
        }
        demand_implicit_tls(route, &mut demands);
        Way {
            route: Arc::clone(route),
            organization,
            demands,
            missing: None,
            not_sent_back: None,
            course: course_of(Some(connector)),
            tried: Vec::new(),
        }
    }
}

/// Under implicit TLS there is nothing to fall back to.
fn demand_implicit_tls(route: &RouteSettings, demands: &mut Vec<RouteDemand>) {
    if route.implicit_tls && demands.is_empty() {
        demands.push(RouteDemand {
            require: Requirement::Encryption,
            origin: route.title(),
        });
    }
}

/// What becomes of header fields that mean something within the organization.
fn course_of(connector: Option<&OutboundConnector>) -> FamilyCourse {
    if connector.is_some_and(|connector| connector.cloud_services_mail_enabled) {
        FamilyCourse::CrossPremises
    } else {
        FamilyCourse::Away
    }
}

fn without_names(demand: RouteDemand) -> RouteDemand {
    match demand.require {
        Requirement::Domain { anchors, .. } => RouteDemand {
            require: Requirement::Certificate { anchors },
            origin: demand.origin,
        },
        _ => demand,
    }
}

/// On the scale of the routes, where a domain above counts its octets: see [`super::OutboundSettings::route`]. All
/// accepted domains are less than any domain and more than everything.
fn exactness_of(reason: &SelectionReason) -> usize {
    match reason {
        // Whatever the domain is, no route is more exact.
        SelectionReason::Rule | SelectionReason::Central | SelectionReason::Exact => usize::MAX,
        SelectionReason::Wildcard(domain) => domain.as_str().len(),
        SelectionReason::AllAcceptedDomains => 1,
        SelectionReason::Everything | SelectionReason::NoConnector => 0,
    }
}

impl Way {
    /// How it is gone, in words, and which rule says so: `connector "acme/gateway" by rule "acme/secret"`.
    #[must_use]
    pub fn describe(&self, handling: Option<&Handling>) -> String {
        let mut words = self.route.describe();
        let Some(handling) = handling else {
            return words;
        };
        if let Some(way) = &handling.way {
            words.push_str(&format!(" by rule \"{}\"", way.rule));
        } else if let Some(way) = &handling.not_sent_back {
            words.push_str(&format!(
                " (not back to its own servers, as rule \"{}\" says)",
                way.rule
            ));
        } else if let Some(connector) = &self.not_sent_back {
            words.push_str(&format!(" (not back through connector \"{connector}\")"));
        }
        words
    }

    /// The demands that travel along when mail for an address on this way goes to another address instead.
    #[must_use]
    pub fn carried_demands(&self) -> Vec<Demand> {
        let hosts: Vec<CandidateHost> = match &self.route.via {
            Via::Mx { .. } | Via::MxOf { .. } => Vec::new(),
            Via::Hosts(hosts) => hosts
                .iter()
                .map(|hop| CandidateHost {
                    host: hop.host.clone(),
                    origin: HostOrigin::Route,
                })
                .collect(),
        };
        self.demands_on(&hosts)
    }

    /// The demands on any of these hosts.
    #[must_use]
    pub fn demands_on(&self, hosts: &[CandidateHost]) -> Vec<Demand> {
        self.demands.iter().map(|demand| demand.on_hosts(hosts)).collect()
    }
}
