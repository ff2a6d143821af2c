//! The server machine.

mod settings;

pub use settings::{BareLineEnds, LongLines, SessionLimits, SessionSettings, SessionTimeouts};
