//! What connections work with: the services of the process, and the listener that they came to.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use arc_swap::ArcSwap;
use sekisho_mail::{Demand, Domain, Mailbox, OrganizationName};
use sekisho_policy::inbound::{NextHopSays, RelayRights};
use sekisho_smtp::server::SessionSettings;
use sekisho_store::{Destination, Lease, Store};
use sekisho_tls::TlsServer;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::{
    Arrived, Building, EnvelopeMemory, Gate, InboundLimits, InboundMetrics, ListenerMode, ListenerSettings,
    RefusalBudget, connection, received::mark,
};
use crate::{
    app::Phase, local::Directory, outbound::Dispatcher, partners::Partners, revocation::RevocationLookup,
    shadow::Tally, telemetry::maillog::MailLog,
};

/// Where accepted mail goes on: outbound, and in tests whatever they like.
pub trait Onward: fmt::Debug + Send + Sync {
    /// Takes messages that were just committed; what is dropped is simply due.
    fn offer(&self, leases: Vec<Lease>);

    /// The demands on the way of whatever is addressed so: they travel with what an alias of that name becomes.
    fn covering(&self, alias: &Mailbox, organization: &OrganizationName) -> Vec<Demand>;

    /// What is remembered of a recipient whose mail goes on, and still believed; `destination` is its message's.
    fn recall(&self, recipient: &Mailbox, destination: &Destination) -> Option<NextHopSays>;

    /// What its next hop says of it; may take a while.
    fn ask<'a>(&'a self, recipient: &'a Mailbox, destination: &'a Destination, client: Option<IpAddr>) -> Asked<'a>;
}

/// An answer that may take a while.
type Asked<'a> = Pin<Box<dyn Future<Output = NextHopSays> + Send + 'a>>;

impl Onward for Dispatcher {
    fn offer(&self, leases: Vec<Lease>) {
        Self::offer(self, leases);
    }

    fn covering(&self, alias: &Mailbox, organization: &OrganizationName) -> Vec<Demand> {
        Self::covering(self, alias, organization)
    }

    fn recall(&self, recipient: &Mailbox, destination: &Destination) -> Option<NextHopSays> {
        self.recall_recipient(recipient, destination)
    }

    fn ask<'a>(&'a self, recipient: &'a Mailbox, destination: &'a Destination, client: Option<IpAddr>) -> Asked<'a> {
        Box::pin(async move { self.ask_about(recipient, destination, client).await.0 })
    }
}

/// Whose mail is taken, and from whom: exchanged as a whole, and held by a transaction from MAIL to its end, so that
/// all of it is judged alike.
#[derive(Debug)]
pub struct Reception {
    /// Who lives here.
    pub local: Arc<Directory>,
    /// Organizations, their domains and connectors.
    pub organizations: Arc<sekisho_policy::directory::Directory>,
}

/// What all connections share.
#[derive(Clone, Debug)]
pub struct InboundServices {
    /// The queue.
    pub store: Arc<dyn Store>,
    /// Whose mail is taken, and from whom.
    pub reception: Arc<ArcSwap<Reception>>,
    /// Answers checks about the chains of clients.
    pub revocation: RevocationLookup,
    /// What the envelopes of open transactions hold in memory.
    pub envelopes: EnvelopeMemory,
    /// Where accepted mail goes on.
    pub onward: Arc<dyn Onward>,
    /// How many refusals the trace may still take.
    pub refusals: RefusalBudget,
    /// The mail log.
    pub maillog: MailLog,
    /// What is learnt of partners.
    pub partners: Arc<Partners>,
    /// What is counted.
    pub metrics: InboundMetrics,
    /// What documents that are tried would have made of recipients.
    pub tally: Tally,
    /// What holds for all listeners together.
    pub limits: InboundLimits,
}

/// A listener as its connections see it.
#[derive(Debug)]
pub struct Listener {
    pub(super) name: String,
    pub(super) mode: ListenerMode,
    pub(super) host_name: Domain,
    /// By which our own `Received` fields are known.
    pub(super) mark: Arc<str>,
    pub(super) rights: RelayRights,
    pub(super) tls: Arc<TlsServer>,
    pub(super) session: Arc<SessionSettings>,
    pub(super) greeting_delay: std::time::Duration,
    gate: Arc<Gate>,
    bound: SocketAddr,
}

impl Listener {
    /// A listener that is bound to `bound` and calls itself `host_name`. Whether its clients on loopback may relay is
    /// judged on the address that it is really bound to, which for an inherited socket is not the configured one.
    #[must_use]
    pub fn new(settings: ListenerSettings, host_name: Domain, bound: SocketAddr, building: Arc<Building>) -> Arc<Self> {
        let gate = Gate::new(building, settings.connections.clone(), rights(&settings, bound));
        Arc::new(Self::build(settings, host_name, bound, gate))
    }

    fn build(settings: ListenerSettings, host_name: Domain, bound: SocketAddr, gate: Arc<Gate>) -> Self {
        let rights = rights(&settings, bound);
        let session = SessionSettings {
            host_name: host_name.clone(),
            starttls: settings.mode == ListenerMode::Smtp,
            bare_line_ends: settings.bare_line_ends,
            long_lines: settings.long_lines,
            limits: settings.session,
            timeouts: settings.timeouts,
        };
        Self {
            name: settings.name,
            mode: settings.mode,
            mark: mark(host_name.as_str()).into(),
            host_name,
            rights,
            tls: Arc::new(TlsServer::new(settings.tls)),
            session: Arc::new(session),
            greeting_delay: settings.greeting_delay,
            gate,
            bound,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.bound
    }

    /// How its conversations begin.
    #[must_use]
    pub const fn mode(&self) -> ListenerMode {
        self.mode
    }

    /// Who may relay through it.
    #[must_use]
    pub const fn rights(&self) -> &RelayRights {
        &self.rights
    }

    /// Its part in handshakes: to describe it, and to exchange its certificates.
    #[must_use]
    pub const fn tls(&self) -> &Arc<TlsServer> {
        &self.tls
    }

    /// Connections inside at this moment.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.gate.inside()
    }

    /// The same listener under other settings: the socket stays, and so does who is inside. Sessions under way keep
    /// what they began with.
    #[must_use]
    pub fn reconfigured(&self, settings: ListenerSettings, host_name: Domain) -> Arc<Self> {
        self.gate
            .change_rules(settings.connections.clone(), rights(&settings, self.bound));
        Arc::new(Self::build(settings, host_name, self.bound, Arc::clone(&self.gate)))
    }

    pub(super) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
}

fn rights(settings: &ListenerSettings, bound: SocketAddr) -> RelayRights {
    RelayRights::of_listener(bound.ip(), settings.exposure, settings.relay_from.clone())
}

/// Serves what arrived, in a span of its own.
pub(super) async fn serve(
    listener: Arc<Listener>,
    services: InboundServices,
    phase: watch::Receiver<Phase>,
    arrived: Arrived,
) {
    let peer = match &arrived {
        Arrived::Admitted(_, peer, _) | Arrived::Turned(_, peer, _) => *peer,
    };
    let span = tracing::info_span!("connection", listener = %listener.name, %peer);
    let served = async {
        match arrived {
            Arrived::Admitted(stream, peer, pass) => {
                connection::serve(listener, services, phase, (stream, peer, pass)).await;
            }
            Arrived::Turned(stream, peer, full) => {
                connection::turn_away(&listener, &services, (stream, peer), full).await;
            }
        }
    };
    served.instrument(span).await;
}
