//! The configuration in force as the management API shows it, and the rules that orders of the operator meet.

use std::sync::Arc;

use sekisho_api::{CertificateView, ConfigView, ListenerView, TlsList, TlsView};
use sekisho_mail::{ArrivalShadow, Demand, DemandLevel, Envelope, Mailbox, TlsVersion};
use sekisho_policy::{
    inbound::{Exposure, RelayRights},
    outbound::{CandidateHost, HostOrigin, RouteDemand},
};
use sekisho_store::{Destination, Pressure};
use sekisho_tls::{ClientProfile, IdentityUse, ServerCertificates, TlsClient, TlsDescription, TlsServer};

use super::publication::Publishing;
use crate::{
    admin::{ListenerRules, NodeView, Rules},
    certificates::Certificates,
    config::{ListenerPlan, Loaded, changed_from_default},
    inbound::{self, InboundLimits, ListenerMode, Shortage},
    local::LocalFinding,
    outbound::{Configured, RouteSettings, Via},
    web::{self, WebCertificates},
};

/// What the API shows of a configuration; with the self-signed certificates when a server runs.
pub(super) fn node_view(
    loaded: &Loaded,
    configured: &Configured,
    (ours, self_signed): (&Certificates, Option<&Arc<ServerCertificates>>),
) -> NodeView {
    let settings = &loaded.settings;
    let all = serde_json::to_value(&loaded.raw).expect("invariant: what was read as text can be written as text");
    let mut places = Vec::new();
    for plan in &settings.listeners {
        if let Some(self_signed) = self_signed {
            places.push(listener_tls(plan, plan.presented(ours, self_signed)));
        }
    }
    if let Some(self_signed) = self_signed.filter(|_| settings.web.https.is_some()) {
        let description = WebCertificates::new(settings.web.presented(ours, self_signed)).describe();
        places.push(tls_view(web::HTTPS.to_owned(), description, Vec::new()));
    }
    let of_the_file = configured.settings.routes.iter();
    let routes = of_the_file.chain([&configured.settings.default_route]);
    places.extend(routes.map(|route| route_tls(route, &configured.tls)));
    NodeView {
        hostname: settings.hostname.to_string(),
        data_folder: settings.data_folder.display().to_string(),
        local_domains: settings.local.domains.iter().map(ToString::to_string).collect(),
        listeners: self_signed.map_or_else(Vec::new, |_| settings.listeners.iter().map(listener_view).collect()),
        config: ConfigView {
            file: loaded.file.as_ref().map(|file| file.display().to_string()),
            changed: changed_from_default(&all),
            all,
        },
        tls: TlsList { places },
        publisher: Box::new(Publishing::new(loaded, configured, self_signed)),
        rules: Box::new(NodeRules {
            configured: configured.clone(),
            inbound: settings.inbound.clone(),
            listeners: settings.listeners.iter().map(listener_rules).collect(),
        }),
    }
}

/// Name, address and rights of a listener, in words.
pub(super) fn listener_view(plan: &ListenerPlan) -> ListenerView {
    let mode = match plan.mode {
        ListenerMode::Smtp => "smtp",
        ListenerMode::ImplicitTls => "implicit-tls",
    };
    ListenerView {
        name: plan.name.clone(),
        address: plan.address.to_string(),
        mode: mode.to_owned(),
        relay: relay_in_words(plan),
    }
}

fn listener_rules(plan: &ListenerPlan) -> ListenerRules {
    ListenerRules {
        name: plan.name.clone(),
        rights: RelayRights::of_listener(plan.address.ip(), plan.exposure, plan.relay_from.clone()),
        limits: plan.session_limits().clone(),
    }
}

fn relay_in_words(plan: &ListenerPlan) -> String {
    let rights = listener_rules(plan).rights;
    if rights.is_nobody() {
        let closed_by_container = plan.relay_from.is_none() && plan.exposure == Exposure::Container;
        let why = if closed_by_container {
            " (this is a container: name networks in relay-from)"
        } else {
            ""
        };
        return format!("nobody{why}");
    }
    let mut words = Vec::new();
    if rights.serves_loopback() {
        words.push("clients on this machine (loopback)".to_owned());
    }
    if let Some(from) = &plan.relay_from {
        words.extend(from.networks.iter().map(ToString::to_string));
        words.extend(from.keys.iter().map(|key| format!("key:sha256:{key}")));
    }
    words.join(", ")
}

fn listener_tls(plan: &ListenerPlan, certificates: Arc<ServerCertificates>) -> TlsView {
    let description = TlsServer::new(plan.settings(certificates).tls).describe();
    let notes = vec!["client certificates are recorded, never demanded; TLS 1.2 sessions are never resumed".to_owned()];
    tls_view(format!("listener {:?}", plan.name), description, notes)
}

fn route_tls(route: &Arc<RouteSettings>, client: &TlsClient) -> TlsView {
    let profile = ClientProfile {
        groups: route.offered_groups(),
        min_version: TlsVersion::Tls12,
        identity: route
            .client_identity
            .clone()
            .map_or(IdentityUse::None, IdentityUse::Tls13),
    };
    let demands: Vec<String> = route
        .route_demands()
        .map(|demand| level_of(route, &demand).to_string())
        .collect();
    let demanded = if demands.is_empty() {
        "opportunistic: the best that both sides can do".to_owned()
    } else {
        format!("required: {}", demands.join("; "))
    };
    tls_view(
        format!("route {:?}", route.name),
        client.describe(&profile),
        vec![demanded],
    )
}

fn tls_view(place: String, description: TlsDescription, notes: Vec<String>) -> TlsView {
    let certificates = description.certificates.into_iter().map(|certificate| CertificateView {
        names: certificate.names,
        key: certificate.key,
        not_after: certificate.not_after.to_string(),
        stapled_until: certificate.stapled_until.map(|until| until.to_string()),
    });
    TlsView {
        place,
        certificates: certificates.collect(),
        versions: description.versions,
        suites: description.suites,
        groups: description.groups,
        signature_schemes: description.signature_schemes,
        notes,
    }
}

/// What a route demands, for whichever of its hosts.
fn level_of(route: &RouteSettings, demand: &RouteDemand) -> DemandLevel {
    let hosts: Vec<CandidateHost> = match &route.via {
        Via::Mx { .. } | Via::MxOf { .. } => Vec::new(),
        Via::Hosts(hops) => hops
            .iter()
            .map(|hop| CandidateHost {
                host: hop.host.clone(),
                origin: HostOrigin::Route,
            })
            .collect(),
    };
    demand.on_hosts(&hosts).level
}

/// The rules of a configuration.
#[derive(Debug)]
struct NodeRules {
    configured: Configured,
    inbound: InboundLimits,
    /// In their order.
    listeners: Vec<ListenerRules>,
}

impl Rules for NodeRules {
    fn demands(&self, destination: &Destination) -> Vec<Demand> {
        self.configured.way(destination).carried_demands()
    }

    fn configured(&self) -> &Configured {
        &self.configured
    }

    fn shortage(&self, pressure: Pressure) -> Option<Shortage> {
        self.inbound.shortage(pressure, 0)
    }

    fn listener(&self, name: Option<&str>) -> Result<ListenerRules, String> {
        let Some(wanted) = name else {
            return Ok(self.listeners.first().cloned().unwrap_or_default());
        };
        let found = self.listeners.iter().find(|listener| listener.name == wanted);
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = self.listeners.iter().map(|listener| listener.name.as_str()).collect();
            format!("there is no listener {wanted:?}; there are {}", names.join(", "))
        })
    }

    fn apply_rules(&self, envelope: &mut Envelope, content: &[u8]) -> Result<Vec<ArrivalShadow>, String> {
        let applied = inbound::apply_to_whole(&self.configured.organizations, content, envelope);
        applied.map_err(|rejected| {
            let reasons = rejected.recipients.iter().flat_map(|(_, reasons, _)| reasons.first());
            let words: Vec<&str> = reasons.map(|reason| reason.text.as_str()).collect();
            format!("{}: {}", words.join("; "), rejected.reply)
        })
    }

    fn judge_recipient(&self, recipient: &Mailbox) -> Result<(), String> {
        match self.configured.directory.find_mailbox(recipient) {
            LocalFinding::UnknownUser => Err(format!("{recipient}: there is no such mailbox here")),
            LocalFinding::NotLocal | LocalFinding::RelayDomain | LocalFinding::User(_) | LocalFinding::Alias(_) => {
                Ok(())
            }
        }
    }
}
