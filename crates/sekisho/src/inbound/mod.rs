//! Mail in: listeners, connections and the receiving of messages.

mod gate;
mod header_scan;
mod listener;
mod received;
mod settings;

pub use gate::{Building, Full, Gate, HandshakePass, Pass};
pub use header_scan::{HeaderScan, MAX_MESSAGE_ID_OCTETS};
pub use listener::{Arrived, BindError, Bound, accept_loop};
pub use received::Received;
pub use settings::{ConnectionLimits, InboundLimits, ListenerMode, ListenerSettings};
