//! Hard certificate cases, each asked of the object that connectors use, on chains that came from real handshakes in
//! both roles: a server that our client met, and a client that our server met.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../support/mod.rs"]
mod support;

mod authorities;
mod case;
mod der;
mod keys;
mod names;
mod peer;
mod ways;
