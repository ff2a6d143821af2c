//! The client machine: [`ClientSession`] speaks SMTP from the greeting to QUIT over bytes that somebody else moves.
//!
//! What is here decides nothing about trust: whether STARTTLS is tried and whether a message may leave is the caller's
//! to say, the latter with a [`crate::Permit`].

mod content;
mod fault;
mod output;
mod session;
mod timeouts;
mod transaction;
mod transcript;

#[cfg(test)]
mod tests;

pub use fault::{Misuse, SessionFault, StartRefusal};
pub use session::{ClientSession, Event};
pub use timeouts::{ClientTimeouts, Wait};
pub use transaction::{MailFacts, MailResult, RecipientReply};
pub use transcript::{MAX_CONVERSATION_LINES, MAX_SPOKEN_OCTETS};
