//! The mail log: one line for each thing that happens to a message, in a stable, documented form
//! (`docs/mail-log.md`), apart from the program's own log.
//!
//! Recording never blocks: the line is made where the event happens and handed to a thread through a bounded channel.
//! A full channel drops the line and counts it; the writer then says how many are missing. Nothing is lost for good,
//! because the trace keeps the evidence of every attempt.

mod entry;
mod fields;
mod writer;

pub use entry::{Direction, Entry, NoticeKind, Order, Scope};
pub use writer::{MailLog, MailLogTarget, OpenMailLogError};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// `time key=value key="value with spaces"`
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
