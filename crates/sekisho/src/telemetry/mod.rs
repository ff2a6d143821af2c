//! Logs, the mail log and metrics.

mod escape;
mod gauges;
pub mod logs;
pub mod maillog;
pub mod metrics;

pub use escape::{Escaped, escaped, is_hidden};
pub use gauges::Gauges;
