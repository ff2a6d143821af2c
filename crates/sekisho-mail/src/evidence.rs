//! What was required, what was found and what was decided: per recipient and attempt, kept in the trace.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ChannelFacts, Demand, HandshakeFailure, MessageId, Outcome, Recipient, ShadowVerdict, Timestamp};

/// One attempt for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which message.
    pub message: MessageId,
    /// Which recipient, as it stood in the queue.
    pub recipient: Recipient,
    /// Counted from 1, per recipient.
    pub attempt: u32,
    /// When the attempt ended.
    pub at: Timestamp,
    /// The version of the directory that it was judged by; 0 before the first change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub directory: u64,
    /// Which way it was to go, in words: `mx`, `route "bank" to mx.bank.example:25`, `local mailbox`.
    pub route: String,
    /// All that applied; empty for opportunistic TLS.
    pub required: Vec<Demand>,
    /// The connection that the decision is about; `None` when none was reached. Evidence of several messages that went
    /// over one connection shares it.
    pub channel: Option<Arc<ChannelFacts>>,
    /// Handshakes that failed on the way, oldest first, with the host each was with.
    pub failed_handshakes: Vec<(String, HandshakeFailure)>,
    /// What was decided, and why.
    pub decision: Decision,
    /// What it came to.
    pub outcome: Outcome,
    /// The whole conversation without content, oldest line first; at most 200 lines are kept.
    pub conversation: Vec<SpokenLine>,
    /// What documents that are tried would have made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<ShadowVerdict>,
}

/// The first version of the directory needs no words.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What policy said of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "decision", content = "reasons")]
pub enum Decision {
    /// The message might leave over it.
    Cleared(Vec<StatedReason>),
    /// It might not.
    Refused(Vec<StatedReason>),
    /// No connection came to be judged.
    NotJudged(Vec<StatedReason>),
}

impl Decision {
    /// The reasons, whatever the decision; at least one.
    #[must_use]
    pub fn reasons(&self) -> &[StatedReason] {
        match self {
            Self::Cleared(reasons) | Self::Refused(reasons) | Self::NotJudged(reasons) => reasons,
        }
    }
}

/// One reason in words, with a key that stays the same from version to version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedReason {
    /// Stable, for filters and metrics: `opportunistic-tls`.
    pub key: String,
    /// For people, one sentence without its full stop.
    pub text: String,
}

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// We.
    Us,
    /// The other end.
    Peer,
    /// Neither: a remark of ours on what happened, `TLSv1.3 …`, `connection lost`.
    Note,
}

/// One line of a conversation. A peer's text is kept as it came, cut to 512 octets: escape it when shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenLine {
    /// Who.
    pub by: Speaker,
    /// What.
    pub text: String,
    /// When, in milliseconds since the attempt began.
    pub after_millis: u32,
}
