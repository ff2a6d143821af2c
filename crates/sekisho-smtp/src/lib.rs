//! The SMTP protocol as state machines over bytes: [`server::ServerSession`] and the client's counterpart in
//! [`client`].
//!
//! A machine is fed what came from the peer and what was decided elsewhere, and says what is to be sent and what is to
//! be asked. It knows no socket, no clock, no TLS library, no policy and no async runtime; whoever drives it owns
//! those. RFC 5321 and the extensions named in the modules.

#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

pub mod client;
pub mod limits;
mod permit;
pub mod server;
pub mod wire;

pub use permit::Permit;
