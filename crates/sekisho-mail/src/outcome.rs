//! What an attempt came to for one recipient. Never an error with a flag: delivered, deferred and bounced
//! are three values.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EnhancedCode, Reply, Timestamp};

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The next hop, or the mailbox, has it.
    Delivered {
        /// The next hop's reply after the final dot; `None` for a local mailbox.
        reply: Option<Reply>,
        /// Whether the next hop took over the duty to notify on success (it offers DSN).
        relayed_with_dsn: bool,
    },
    /// Not now.
    Deferred {
        /// Not before.
        until: Timestamp,
        /// Why not now.
        why: Fault,
    },
    /// Not ever.
    Bounced {
        /// Why not.
        why: Fault,
    },
}

impl Outcome {
    /// Every word that [`Self::word`] has.
    pub const WORDS: [&str; 3] = ["delivered", "deferred", "bounced"];

    /// `delivered`, `deferred` or `bounced`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        Self::WORDS[match self {
            Self::Delivered { .. } => 0,
            Self::Deferred { .. } => 1,
            Self::Bounced { .. } => 2,
        }]
    }
}

/// What stood in the way, for the log, the trace and the notification alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// For the notification's Status field; its class is that of the outcome.
    pub status: EnhancedCode,
    /// What happened in plain words, one sentence without its full stop.
    pub text: String,
    /// Who can mend it.
    pub side: Side,
    /// What the peer said, when it was the peer.
    pub reply: Option<Reply>,
    /// The host concerned, `mx.example.org [192.0.2.1]:25`.
    pub host: Option<String>,
    /// The TLS requirement that was not met, in words with its origin.
    pub unmet: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        f.write_str(&self.text)?;
        if let Some(unmet) = &self.unmet {
            write!(f, " (required: {unmet})")?;
        }
        match &self.reply {
            Some(reply) => write!(f, ": {reply}"),
            None => Ok(()),
        }
    }
}

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The sender: the address or the message.
    Sender,
    /// The recipient's mail host or its DNS.
    Recipient,
    /// This server's operator.
    Us,
    /// Nobody's in particular: the network between.
    Network,
}
