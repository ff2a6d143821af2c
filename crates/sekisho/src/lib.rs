//! The mail transport: the only crate that sees all the others. `main.rs` runs it; it is a library so that its tests
//! and benchmarks can reach inside.

pub mod acme;
pub mod admin;
pub mod alerts;
pub mod app;
pub mod certificate_page;
pub mod certificates;
mod chance;
pub mod cli;
pub mod clock;
mod collected;
pub mod config;
mod copy;
pub mod directory;
pub mod dns;
pub mod endpoints;
pub mod fetch;
pub mod forecast;
pub mod impact;
pub mod import;
pub mod inbound;
pub mod local;
pub mod net;
pub mod notify;
pub mod outbound;
pub mod partners;
pub mod revocation;
pub mod rollover;
pub mod shadow;
#[cfg(test)]
mod simulation;
pub mod telemetry;
pub mod trust;
pub mod validation;
pub mod web;
