//! `sekisho.toml`: read, checked as a whole, turned into the settings of those who obey them.
//!
//! [`raw`] is the text, [`Settings`] what it means. A text with any fault is refused whole (law 9), and so is a value
//! that this build cannot enforce (law 13).

mod addresses;
mod alerts;
mod checker;
mod container;
mod document;
mod endpoints;
mod fault;
pub mod human;
mod listener;
mod local;
mod parsed;
mod place;
pub mod raw;
pub mod reference;
mod route;
mod show;
mod trust;
mod web;

pub(crate) use document::distance;
pub use fault::{ConfigFault, ConfigFaults};
pub use listener::ListenerPlan;
pub use parsed::{LogSettings, Machine, Settings};
pub use place::{LoadError, Loaded, Place};
pub(crate) use route::GROUPS_REMEDY;
pub use route::{Outbound, dial};
pub use show::{as_toml, changed_from_default};
pub use trust::TrustSettings;
