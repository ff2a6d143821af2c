//! How long each reply is waited for (RFC 5321 §4.5.3.2). The machine names what it waits for; the shell has the
//! clock.

use std::{fmt, time::Duration};

/// What the session waits for just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The greeting (§4.5.3.2.1).
    Greeting,
    /// The reply to EHLO or HELO.
    Ehlo,
    /// The reply to STARTTLS.
    StartTls,
    /// The reply to MAIL (§4.5.3.2.2).
    Mail,
    /// The reply to RCPT (§4.5.3.2.3).
    Rcpt,
    /// The reply to DATA (§4.5.3.2.4).
    DataStart,
    /// That the peer takes a block of content, or answers a chunk that is not the last (§4.5.3.2.5).
    DataBlock,
    /// The reply to the whole content (§4.5.3.2.6).
    DataEnd,
    /// The reply to RSET.
    Reset,
    /// The reply to QUIT.
    Quit,
    /// Nothing of the peer: the caller is to say what comes next.
    Caller,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Ehlo => "the reply to EHLO",
            Self::StartTls => "the reply to STARTTLS",
            Self::Mail => "the reply to MAIL",
            Self::Rcpt => "the reply to RCPT",
            Self::DataStart => "the reply to DATA",
            Self::DataBlock => "room for the content",
            Self::DataEnd => "the reply to the content",
            Self::Reset => "the reply to RSET",
            Self::Quit => "the reply to QUIT",
            Self::Caller => "the next message",
        })
    }
}

/// One duration for each thing that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// The greeting, and EHLO's, STARTTLS's and RSET's reply.
    pub greeting: Duration,
    /// MAIL's reply.
    pub mail: Duration,
    /// Each RCPT's reply.
    pub rcpt: Duration,
    /// DATA's reply.
    pub data_start: Duration,
    /// Each block of content.
    pub data_block: Duration,
    /// Content that the peer takes slower than this on average ends the session; the first [`Self::data_block`] is not
    /// counted. Without it a peer that takes an octet now and then holds a connection for as long as it likes.
    pub content_octets_per_sec: u32,
    /// The reply to the whole content. Shorter than the RFC's ten minutes makes duplicates.
    pub data_end: Duration,
    /// QUIT's reply, which changes nothing any more.
    pub quit: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(300),
            mail: Duration::from_secs(300),
            rcpt: Duration::from_secs(300),
            data_start: Duration::from_secs(120),
            data_block: Duration::from_secs(180),
            content_octets_per_sec: 512,
            data_end: Duration::from_secs(600),
            quit: Duration::from_secs(5),
        }
    }
}

impl ClientTimeouts {
    /// How long `wait` may last; `None` where the caller's own idle limit holds.
    #[must_use]
    pub const fn of(&self, wait: Wait) -> Option<Duration> {
        Some(match wait {
            Wait::Greeting | Wait::Ehlo | Wait::StartTls | Wait::Reset => self.greeting,
            Wait::Mail => self.mail,
            Wait::Rcpt => self.rcpt,
            Wait::DataStart => self.data_start,
            Wait::DataBlock => self.data_block,
            Wait::DataEnd => self.data_end,
            Wait::Quit => self.quit,
            Wait::Caller => return None,
        })
    }
}
