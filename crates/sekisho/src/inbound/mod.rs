//! Mail in: listeners, connections and the receiving of messages.
//!
//! The session machine of `sekisho-smtp` decides what the protocol decides, `sekisho_policy::inbound` who may hand in
//! what, `local::Directory` who lives here, the store what is kept. This shell owns the sockets and the clock, and
//! obeys.

mod alterations;
mod connection;
mod ends;
mod envelopes;
mod families;
mod gate;
mod header_keep;
mod header_scan;
mod listener;
mod listeners;
mod metrics;
mod patience;
mod receive;
mod received;
mod recipient;
mod refusals;
mod rules;
mod service;
mod settings;
mod shadow;
mod transport;

pub(crate) use alterations::of_copies;
pub(crate) use ends::{answers_for_all, foreign_ends};
pub use envelopes::EnvelopeMemory;
pub use gate::{Building, Full, Gate, HandshakePass, Pass};
pub(crate) use header_keep::fields as header_fields;
pub use header_scan::{HeaderScan, MAX_MESSAGE_ID_OCTETS};
pub use listener::{Arrived, BindError, Bound, accept_loop};
pub use listeners::{Listeners, OpenError, Sockets};
pub use metrics::InboundMetrics;
pub use received::Received;
pub(crate) use recipient::destination_of;
pub use refusals::RefusalBudget;
pub(crate) use rules::apply_to_whole;
pub use service::{InboundServices, Listener, Onward, Reception};
pub use settings::{ConnectionLimits, InboundLimits, ListenerMode, ListenerSettings, Shortage};
