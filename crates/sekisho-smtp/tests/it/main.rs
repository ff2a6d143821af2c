//! The machines from outside: dialogues, wrong ends, splits, what is forgotten after an error.

mod dialogues;
mod framing;
mod partner;
mod splits;
mod starttls;
