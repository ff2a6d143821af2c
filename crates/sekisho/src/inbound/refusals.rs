//! Refusals by the rules of an organization, for the trace: whose mail was turned away wants to know by which rule.
//!
//! Anybody can be refused as often as they like, so the trace takes only so many at a time; all of them are in the mail
//! log and in the metrics.

use std::sync::{Arc, Mutex, PoisonError};

use sekisho_mail::{
    BodyKind, ChannelFacts, ChannelId, Decision, EnhancedCode, Envelope, Evidence, Fault, MessageId, Outcome,
    Recipient, Reply, ReplyClass, ReversePath, Side, StatedReason, Timestamp,
};
use sekisho_store::{Arrival, RefusedRecipient};

use super::receive::Origin;

/// So many may be written one after the other ...
const BURST: u32 = 200;
/// ... and so many a second from then on.
const EACH_SECOND: u32 = 20;

/// How many refusals the trace may still take; shared by all connections.
#[derive(Clone, Debug)]
pub struct RefusalBudget(Arc<Mutex<Left>>);

#[derive(Debug)]
struct Left {
    left: u32,
    since: Timestamp,
}

impl Default for RefusalBudget {
    fn default() -> Self {
        let full = Left {
            left: BURST,
            since: Timestamp::EPOCH,
        };
        Self(Arc::new(Mutex::new(full)))
    }
}

impl RefusalBudget {
    /// Whether there is room for one more.
    pub fn take(&self, now: Timestamp) -> bool {
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that goes back brings nothing, and costs nothing either.
        let secs = now.since(budget.since).as_secs();
        if secs > 0 || now < budget.since {
            let more = u32::try_from(secs).unwrap_or(u32::MAX).saturating_mul(EACH_SECOND);
            budget.left = budget.left.saturating_add(more).min(BURST);
            budget.since = now;
        }
        let has_room = budget.left > 0;
        budget.left = budget.left.saturating_sub(1);
        has_room
    }
}

/// A refused recipient as the trace keeps it: an attempt that was judged and came to nothing.
pub(super) fn traced(
    origin: &Origin<'_>,
    (reverse_path, recipient): (ReversePath, Recipient),
    (reply, reasons): (Reply, Vec<StatedReason>),
    now: Timestamp,
) -> RefusedRecipient {
    let channel = ChannelFacts {
        id: ChannelId(0),
        peer: origin.peer,
        host: None,
        security: origin.security.clone(),
        keywords: Vec::new(),
    };
    let is_permanent = reply.code.class() == ReplyClass::Permanent;
    let class = if is_permanent { 5 } else { 4 };
    let why = Fault {
        status: reply.enhanced.unwrap_or(EnhancedCode::new(class, 7, 0)),
        text: reply.lines.join(" "),
        side: Side::Sender,
        reply: Some(reply),
        host: None,
        unmet: None,
    };
    RefusedRecipient {
        envelope: Envelope {
            reverse_path,
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![recipient.clone()],
        },
        arrival: Arrival {
            at: now,
            listener: origin.listener.to_owned(),
            peer: Some(origin.peer),
            helo: origin.helo.to_owned(),
            security: origin.security.clone(),
            directory: origin.directory,
            admitted_by: "refused".to_owned(),
            message_id_header: None,
            alterations: Vec::new(),
            shadow: Vec::new(),
        },
        size: 0,
        evidence: Evidence {
            message: MessageId::from_u64(0),
            recipient,
            attempt: 1,
            at: now,
            directory: origin.directory,
            route: format!("listener {:?}", origin.listener),
            required: Vec::new(),
            channel: Some(Arc::new(channel)),
            failed_handshakes: Vec::new(),
            decision: Decision::Refused(reasons),
            outcome: if is_permanent {
                Outcome::Bounced { why }
            } else {
                Outcome::Deferred { until: now, why }
            },
            conversation: Vec::new(),
            shadow: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_leaves_room_for_the_next_second() {
        let budget = RefusalBudget::default();
        let now = Timestamp::from_secs(1_795_000_000);
        let taken = |now| (0..1000).filter(|_| budget.take(now)).count();
        assert_eq!(taken(now), 200);
        assert_eq!(taken(now), 0);
        assert_eq!(taken(Timestamp::from_secs(1_795_000_001)), 20);
        assert_eq!(taken(Timestamp::from_secs(1_794_000_000)), 0, "the clock went back");
        assert_eq!(taken(Timestamp::from_secs(1_795_001_000)), 200);
    }
}
