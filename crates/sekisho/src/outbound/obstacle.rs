//! What stands between a message and a host, by class: this host, plans that demand something of this host, or the
//! message itself. Nothing here is ever a delivery result; `settle` makes results of it.

use std::sync::Arc;

use sekisho_mail::{ChannelFacts, Decision, EnhancedCode, Fault, Reply, Side, StatedReason};
use sekisho_policy::outbound::Refusal;
use sekisho_smtp::client::{SessionFault, StartRefusal};

use super::{Unroutable, resolve::fault};

/// How far an obstacle reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whatever the message: the host is not tried again for the rest of the batch.
    Host,
    /// The host is ourselves: neither it nor any that is no better is tried (RFC 5321 §5.1).
    Ourselves,
    /// Every message of which something is demanded.
    Demands,
    /// This message alone.
    Message,
}

/// Why a message did not go to a host.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub(super) why: Unroutable,
    pub(super) decision: Decision,
    pub(super) channel: Option<Arc<ChannelFacts>>,
    pub(super) reach: Reach,
}

impl Obstacle {
    /// No connection, or none that came as far as a judgement.
    pub(super) fn host(why: Unroutable, key: &str) -> Box<Self> {
        let decision = not_judged(key, &why.fault().text);
        Box::new(Self {
            why,
            decision,
            channel: None,
            reach: Reach::Host,
        })
    }

    /// It leads back to this server.
    pub(super) fn ourselves(why: Unroutable) -> Box<Self> {
        let mut obstacle = Self::host(why, "leads-to-ourselves");
        obstacle.reach = Reach::Ourselves;
        obstacle
    }

    /// Policy does not let it go; always for now (law 3).
    pub(super) fn refused(refusal: &Refusal, peer: Option<String>) -> Box<Self> {
        let reach = if refusal.unmet_demands().is_empty() {
            Reach::Host
        } else {
            Reach::Demands
        };
        Box::new(Self {
            why: Unroutable::ForNow(refusal.to_fault(peer)),
            decision: refusal.decision(),
            channel: None,
            reach,
        })
    }

    /// The session ended before its time.
    pub(super) fn session(ended: &SessionFault, peer: &str) -> Box<Self> {
        let mut obstacle = Self::host(Unroutable::ForNow(session_fault(ended, peer)), "session-failed");
        match ended {
            SessionFault::BareLineEndInContent => {
                obstacle.why = Unroutable::Permanently(session_fault(ended, peer));
                obstacle.reach = Reach::Message;
            }
            // RFC 7504 §3: this host takes no mail, now or later. Other hosts of the destination may.
            SessionFault::GreetingRefused(reply) if reply.code.as_u16() == 521 => {
                let status = reply.enhanced.unwrap_or(EnhancedCode::new(5, 3, 2));
                let why = session_fault(ended, peer);
                obstacle.why = Unroutable::Permanently(Fault { status, ..why });
            }
            _ => {}
        }
        obstacle
    }

    /// The host refused for now what was cleared for it.
    pub(super) fn said(why: Fault, decision: Decision) -> Box<Self> {
        Box::new(Self {
            why: Unroutable::ForNow(why),
            decision,
            channel: None,
            reach: Reach::Message,
        })
    }

    /// The message cannot go over this connection. RFC 6152 §3 and RFC 1870 §6.3 make that final for this host, and
    /// hosts of one destination hardly differ in it; what is our own slip only waits.
    pub(super) fn start(refusal: &StartRefusal, peer: &str) -> Box<Self> {
        let why = |class, subject, detail, side| Fault {
            host: Some(peer.to_owned()),
            ..fault(EnhancedCode::new(class, subject, detail), refusal.to_string(), side)
        };
        let why = match refusal {
            StartRefusal::EightBitNotOffered => Unroutable::Permanently(why(5, 6, 3, Side::Recipient)),
            StartRefusal::TooLarge { .. } => Unroutable::Permanently(why(5, 3, 4, Side::Sender)),
            StartRefusal::BadEnvelope => Unroutable::Permanently(why(5, 5, 2, Side::Sender)),
            StartRefusal::WrongChannel | StartRefusal::Misuse(_) => Unroutable::ForNow(why(4, 3, 0, Side::Us)),
        };
        let mut obstacle = Self::host(why, "not-for-this-host");
        obstacle.reach = Reach::Message;
        obstacle
    }

    /// Something of ours failed: it waits, whatever it is (law 3).
    pub(super) fn ours(text: String) -> Box<Self> {
        let why = Unroutable::ForNow(fault(EnhancedCode::new(4, 3, 0), text, Side::Us));
        let mut obstacle = Self::host(why, "fault-of-ours");
        obstacle.reach = Reach::Message;
        obstacle
    }

    pub(super) fn with_channel(mut self: Box<Self>, channel: Arc<ChannelFacts>) -> Box<Self> {
        self.channel = Some(channel);
        self
    }
}

impl Unroutable {
    /// What stands in the way.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        match self {
            Self::Permanently(fault) | Self::ForNow(fault) => fault,
        }
    }
}

pub(super) fn not_judged(key: &str, text: &str) -> Decision {
    Decision::NotJudged(vec![StatedReason {
        key: key.to_owned(),
        text: text.to_owned(),
    }])
}

fn session_fault(ended: &SessionFault, peer: &str) -> Fault {
    let (status, side) = match ended {
        SessionFault::GreetingRefused(reply) | SessionFault::Closing(reply) => {
            (status_of(reply, EnhancedCode::new(4, 3, 2)), Side::Recipient)
        }
        SessionFault::HelloRefused(reply) | SessionFault::Unexpected { reply, .. } => {
            (status_of(reply, EnhancedCode::new(4, 5, 0)), Side::Recipient)
        }
        SessionFault::BadReply(_) | SessionFault::Unasked(_) | SessionFault::BytesBeforeHandshake => {
            (EnhancedCode::new(4, 5, 0), Side::Recipient)
        }
        SessionFault::Lost(_) | SessionFault::TimedOut(_) => (EnhancedCode::new(4, 4, 2), Side::Network),
        SessionFault::BareLineEndInContent => (EnhancedCode::new(5, 6, 0), Side::Sender),
    };
    Fault {
        reply: ended.reply().cloned(),
        host: Some(peer.to_owned()),
        ..fault(status, ended.to_string(), side)
    }
}

/// The peer's status in class 4: a session that ends early says nothing final about a message.
fn status_of(reply: &Reply, otherwise: EnhancedCode) -> EnhancedCode {
    reply
        .enhanced
        .map_or(otherwise, |code| EnhancedCode { class: 4, ..code })
}
