//! Routes, connections to next hops and deliveries over them.

mod memory;
mod permit;
mod resolve;
mod route;
mod settings;

pub use resolve::{Candidate, Unroutable, addresses, candidates};
pub use settings::{
    AddressFamily, DomainPattern, Hybrid, NextHopHost, OutboundLimits, OutboundSettings, RetrySchedule, RouteSettings,
    Via,
};
