//! Development only: what the tests need around the thing under test. Test certificates, a dialogue player, misbehaving
//! peers, sources and sinks with ledgers, foreign servers out of Debian's packages, and a world of its own for each
//! test. Nothing of it is in the product.
//!
//! A test with a world around it runs inside [`enclosure::enclosed`]: own processes, network and mounts, so that any
//! port and address is free and everything is gone when it ends.

pub mod authority;
pub mod client;
pub mod der;
pub mod dialogue;
pub mod enclosure;
pub mod flood;
pub mod foreign;
pub mod node;
pub mod peer;
pub mod program;
pub mod request;
pub mod revocation;
pub mod source;
pub mod stall;
pub mod staller;
pub mod tap;
pub mod vfs;
pub mod wait;
pub mod web;
