//! What documents that are tried would have done: counted as it happens, kept for a while, and asked for before one of
//! them is enforced.
//!
//! Whether a verdict falls, and which, is policy's to say; a verdict has no effect on any message.

mod counts;
mod promote;
mod report;
mod tally;

#[cfg(test)]
mod tests;

pub use promote::{PlannedPromotion, PromotionError, promote};
pub use report::{Asked, UnknownDocument, find, report};
pub use tally::{Tally, keep_tally};
