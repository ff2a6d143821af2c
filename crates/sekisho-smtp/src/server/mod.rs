//! The server machine: what a client sends goes in, replies and questions come out.
//!
//! ```text
//! Opening ─► Fresh ─► Ready ─► Envelope ─► Content ─► Ready          (a question lies between most of them)
//!              ▲        │                   │    ▲
//!              └ Handshake                  ▼    └─ BetweenChunks     (BDAT)
//!                                         Discard ─► Ready            (refused content is read to its end)
//! ```
//!
//! The machine decides what the protocol decides: form, order, limits, framing. What it cannot know it asks: whether a
//! sender, a recipient, a message may come in. It has no clock, no socket, no TLS and no policy. RFC 5321, 3207, 2920,
//! 3030, 1870, 6152, 2034, 3461, 9422.

mod phase;
mod question;
mod sequence;
mod session;
mod settings;
mod texts;

pub use question::{Answer, Event, Question, Step, Submission};
pub use session::{Cover, Hello, ServerSession, Wait};
pub use settings::{BareLineEnds, LongLines, SessionLimits, SessionSettings, SessionTimeouts};
