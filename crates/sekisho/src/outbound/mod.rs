//! Outgoing mail: the way of a destination ([`OutboundSettings::route`]), its hosts ([`candidates`]) and addresses,
//! connections to them, and who is tried when ([`Dispatcher`]).
//!
//! What a connection must satisfy and whether it does is policy's to say, what is spoken on it the SMTP crate's, what
//! the handshake comes to the TLS crate's; here they meet, and nothing is decided twice.

mod at_host;
mod attempt;
mod batch;
mod dial;
mod dispatcher;
mod explain;
mod link;
mod memory;
mod metrics;
mod obstacle;
mod open;
mod permit;
mod places;
mod pool;
mod probe;
mod recipients;
mod resolve;
mod round;
mod route;
mod settings;
mod settle;
mod steps;
mod validate;
mod way;
mod window;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
};

use arc_swap::ArcSwap;
use sekisho_policy::directory::ConnectorKey;
use sekisho_store::Store;
use sekisho_tls::TlsClient;

pub use dispatcher::Dispatcher;
pub(crate) use dispatcher::dialling;
pub use explain::{Explanation, HostExplanation, Hypothesis};
pub use metrics::OutboundMetrics;
pub use recipients::Source as RecipientSource;
pub use resolve::{Candidate, Unroutable, addresses, candidates};
pub use settings::{
    AddressFamily, DomainPattern, Hybrid, NextHopHost, OutboundLimits, OutboundSettings, RetrySchedule, RouteSettings,
    Via, WaySource,
};
pub use validate::{Subject, TEST_LISTENER, Trial};
pub use way::Way;

use crate::{
    dns::Resolver, local::Directory, notify::NotifySettings, partners::Partners, revocation::RevocationLookup,
    shadow::Tally, telemetry::maillog::MailLog,
};

/// What outgoing mail works with, for the life of the process.
#[derive(Clone, Debug)]
pub struct Services {
    /// The queue and the trace.
    pub store: Arc<dyn Store>,
    /// DNS.
    pub dns: Arc<dyn Resolver>,
    /// Answers checks about chains.
    pub revocation: RevocationLookup,
    /// The mail log.
    pub maillog: MailLog,
    /// What is learnt of partners.
    pub partners: Arc<Partners>,
    /// What is counted.
    pub metrics: OutboundMetrics,
    /// What documents that are tried would have made of attempts.
    pub tally: Tally,
}

/// What the configuration says, exchanged as a whole by [`Dispatcher::reload`].
#[derive(Clone, Debug)]
pub struct Configured {
    /// Routes, limits, names.
    pub settings: OutboundSettings,
    /// Who is local: their mail goes into mailboxes, whatever the routes say.
    pub directory: Arc<Directory>,
    /// Organizations and their connectors.
    pub organizations: Arc<sekisho_policy::directory::Directory>,
    /// How each outbound connector is gone.
    pub ways: HashMap<ConnectorKey, Arc<RouteSettings>>,
    /// In whose name notifications are written.
    pub notify: NotifySettings,
    /// The client's part in handshakes, with the certificates that routes name.
    pub tls: Arc<TlsClient>,
    /// The addresses and ports of our own listeners, the unspecified address written out for each of this machine's:
    /// never dialled unless a route names them.
    pub own_addresses: Vec<SocketAddr>,
}

/// What all deliveries share.
#[derive(Debug)]
struct Shared {
    services: Services,
    configured: ArcSwap<Configured>,
    memory: memory::TlsMemory,
    pool: pool::Pool,
    places: places::Places,
    recipients: recipients::Recipients,
    channel_ids: AtomicU64,
}

impl Shared {
    /// Whether a reload has brought another configuration than this one. Then nothing is begun with it any more: what
    /// was planned may be less than what is demanded by now (law 2).
    fn is_outdated(&self, configured: &Configured) -> bool {
        !std::ptr::eq(Arc::as_ptr(&self.configured.load()), configured)
    }
}
