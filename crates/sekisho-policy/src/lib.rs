//! What a connection must satisfy and whether it does, who may hand mail in for whom, and what may be dialled: facts
//! come in, decisions with their reasons go out.
//!
//! This crate knows no socket, clock, TLS library, DNS library, SMTP or async. Who finds a fact and who obeys a
//! decision is left to the binary. Each decision is a value that carries at least one [`Reason`].

#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

pub mod dial;
pub mod directory;
pub mod inbound;
mod network;
pub mod outbound;
mod reason;
pub mod replay;

pub use network::{Network, NetworkError, NetworkSet};
pub use reason::Reason;
