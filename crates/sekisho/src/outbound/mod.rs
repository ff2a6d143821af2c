//! Routes, connections to next hops and deliveries over them.

mod settings;

pub use settings::{
    AddressFamily, DomainPattern, Hybrid, NextHopHost, OutboundLimits, OutboundSettings, RetrySchedule, RouteSettings,
    Via,
};
