//! What can go wrong in a session, by who is at fault: the peer ([`SessionFault`]), the message for this peer
//! ([`StartRefusal`]), or the caller ([`Misuse`]). The three are never mixed.

use std::fmt;

use sekisho_mail::{Reply, ReplyClass};
use thiserror::Error;

use super::Wait;
use crate::wire::reply_reader::ReplyFault;

/// Why a session ended before its time. The connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionFault {
    /// The greeting was no 220.
    GreetingRefused(Reply),
    /// EHLO was refused with 4yz, or EHLO and HELO both with 5yz.
    HelloRefused(Reply),
    /// 421: the peer closes (RFC 5321 §3.8), whatever was asked.
    Closing(Reply),
    /// A reply that makes no sense where it came.
    Unexpected {
        /// What it was meant to answer.
        to: Wait,
        /// The reply.
        reply: Reply,
    },
    /// What came is no reply.
    BadReply(ReplyFault),
    /// Something came that nobody had asked for.
    Unasked(String),
    /// Bytes came behind the reply to STARTTLS, before the handshake (RFC 3207 §6, law 4): somebody in between puts
    /// words into the peer's mouth, or the peer is broken. Nothing of it is used.
    BytesBeforeHandshake,
    /// The connection ended while this was waited for.
    Lost(Wait),
    /// This did not come in time.
    TimedOut(Wait),
    /// The content holds a bare CR or LF and was cut off there; the peer has no whole message.
    BareLineEndInContent,
}

impl SessionFault {
    /// What the peer said, when a reply is the fault.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::GreetingRefused(reply)
            | Self::HelloRefused(reply)
            | Self::Closing(reply)
            | Self::Unexpected { reply, .. } => Some(reply),
            Self::BadReply(_)
            | Self::Unasked(_)
            | Self::BytesBeforeHandshake
            | Self::Lost(_)
            | Self::TimedOut(_)
            | Self::BareLineEndInContent => None,
        }
    }
}

/// Without the reply's own text, which [`SessionFault::reply`] has.
impl fmt::Display for SessionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GreetingRefused(_) => f.write_str("the host greeted with a refusal"),
            Self::HelloRefused(_) => f.write_str("the host refused EHLO"),
            Self::Closing(_) => f.write_str("the host closes the connection"),
            Self::Unexpected { to, .. } => write!(f, "the host answered out of place where {to} was due"),
            Self::BadReply(fault) => write!(f, "the host sent {fault}"),
            Self::Unasked(text) => write!(f, "the host spoke unasked: {}", text.escape_debug()),
            Self::BytesBeforeHandshake => f.write_str("bytes came between the reply to STARTTLS and the handshake"),
            Self::Lost(wait) => write!(f, "the connection was lost while waiting for {wait}"),
            Self::TimedOut(wait) => write!(f, "time ran out while waiting for {wait}"),
            Self::BareLineEndInContent => f.write_str("the content holds a CR or LF that stands alone"),
        }
    }
}

/// Why this message cannot go over this connection; nothing of it was sent, and the session goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartRefusal {
    /// The permit is for another connection (law 6).
    #[error("the permit was given for another connection")]
    WrongChannel,
    /// The content is 8-bit and 8BITMIME is not offered (RFC 6152 §3); content is never converted here.
    #[error("the message holds 8-bit content and the host does not offer 8BITMIME")]
    EightBitNotOffered,
    /// Larger than what SIZE promises (RFC 1870 §6.3).
    #[error("the message has {size} octets and the host takes at most {limit}")]
    TooLarge {
        /// Octets of the message.
        size: u64,
        /// Octets that the host takes.
        limit: u64,
    },
    /// A part of the envelope holds something that must not stand in a command line.
    #[error("the envelope holds a character that cannot be sent in a command")]
    BadEnvelope,
    /// The session is not where a message can begin.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// The caller asked for something that has no place in the session's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not possible in this phase of the session")]
pub struct Misuse;

/// Whether a reply accepts.
pub(super) fn is_success(reply: &Reply) -> bool {
    reply.code.class() == ReplyClass::Success
}

/// Whether a reply refuses, for now or for good.
pub(super) fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.code.class(), ReplyClass::Transient | ReplyClass::Permanent)
}
