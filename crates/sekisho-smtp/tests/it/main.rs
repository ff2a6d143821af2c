//! The machines from outside: dialogues, wrong ends, splits, what is forgotten after an error.

#![expect(clippy::unwrap_used, reason = "a test may fail wherever it stands, helpers included")]

mod chunks;
mod counting;
mod dialogues;
mod framing;
mod model;
mod partner;
mod splits;
mod starttls;
mod walks;
