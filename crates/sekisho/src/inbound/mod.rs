//! Mail in: listeners, connections and the receiving of messages.

mod settings;

pub use settings::{ConnectionLimits, InboundLimits, ListenerMode, ListenerSettings};
