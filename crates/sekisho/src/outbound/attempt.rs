//! A batch of messages to one destination: host by host, message by message, group of recipients by group.
//!
//! Recipients of one message that carry the same demands and get the same copy go together. Each host is planned for,
//! each message is judged on the connection's facts, and what the judgement clears is sent; nothing else is (law 6).
//! What happens at one host is in `at_host`.

use std::sync::Arc;

use sekisho_mail::{
    ChannelFacts, Decision, Demand, Fault, Handling, HandshakeFailure, Recipient, Reply, ShadowVerdict, SpokenLine,
    TriedRule, push_new,
};
use sekisho_policy::outbound::{CandidateHost, Found, HostPlan, OutboundFacts, Plan, plan, try_documents};
use sekisho_store::{Lease, QueuedRecipient};

use super::{
    Candidate, Configured, Shared, Unroutable, Way,
    obstacle::{Obstacle, Reach, not_judged},
    open::Journal,
    pool::{PoolKey, Slot, Slots},
};
use crate::directory::time_for;

/// What came of one recipient, before time and schedule are looked at.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) index: u32,
    pub(super) finding: Finding,
    pub(super) record: Arc<Record>,
}

/// What the host or the way to it said.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    Delivered { reply: Reply, relayed_with_dsn: bool },
    Defer(Fault),
    Bounce(Fault),
}

/// What the evidence of several recipients has in common.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) route: String,
    pub(super) required: Vec<Demand>,
    pub(super) channel: Option<Arc<ChannelFacts>>,
    pub(super) failed_handshakes: Vec<(String, HandshakeFailure)>,
    pub(super) decision: Decision,
    pub(super) conversation: Vec<SpokenLine>,
    /// What documents that are tried would have made of it, those of rules that met another recipient too.
    pub(super) shadow: Vec<ShadowVerdict>,
}

/// What there is to judge by when no message was cleared.
pub(super) fn found<'a>(channel: Option<&'a ChannelFacts>, journal: &'a Journal) -> Found<'a> {
    match (channel, journal.failed_handshakes.last()) {
        (Some(channel), _) => Found::Channel(&channel.security),
        (None, Some((_, failure))) => Found::Handshake(failure),
        (None, None) => Found::Nothing,
    }
}

/// The hosts of one destination and what was learnt of them in this batch.
pub(super) struct Batch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) configured: &'a Configured,
    pub(super) way: &'a Way,
    pub(super) candidates: Vec<Candidate>,
    /// Per candidate, what stands in the way of more than one message.
    known: Vec<Option<Known>>,
    /// The candidate to which a connection is held, with the leave for it.
    held: Option<(usize, Slot)>,
}

/// An obstacle that was met, and what had been demanded then.
struct Known {
    obstacle: Box<Obstacle>,
    demands: Vec<Demand>,
}

/// The next hop has as many connections as it may have; nothing was tried.
#[derive(Debug)]
pub(super) struct Busy {
    pub(super) hop: PoolKey,
}

/// A message at one host.
pub(super) struct AtHost<'a> {
    pub(super) place: usize,
    pub(super) plan: &'a HostPlan,
    pub(super) lease: &'a Lease,
    /// What was settled about this copy of it.
    pub(super) handling: Option<&'a Handling>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        configured: &'a Configured,
        way: &'a Way,
        candidates: Vec<Candidate>,
    ) -> Self {
        let known = candidates.iter().map(|_| None).collect();
        Self {
            shared,
            configured,
            way,
            candidates,
            known,
            held: None,
        }
    }

    pub(super) fn hosts(&self) -> Vec<CandidateHost> {
        self.candidates.iter().map(|candidate| candidate.host.clone()).collect()
    }

    /// Whether every host was found to take nothing at all just now, and what the last of them said.
    pub(super) fn dead(&self) -> Option<&Fault> {
        let mut last = None;
        for (known, candidate) in self.known.iter().zip(&self.candidates) {
            let Known { obstacle, demands } = known.as_ref()?;
            match (&obstacle.why, obstacle.reach) {
                (Unroutable::ForNow(fault), Reach::Host) => last = Some(fault),
                // What one message demanded says nothing of the next; what is demanded on the way holds for all.
                (Unroutable::ForNow(fault), Reach::Demands) => {
                    let of_way = self.way.demands_on(std::slice::from_ref(&candidate.host));
                    if of_way.is_empty() || *demands != of_way {
                        return None;
                    }
                    last = Some(fault);
                }
                // A host without an address neither kills a destination nor keeps it alive.
                (Unroutable::Permanently(_), Reach::Host | Reach::Ourselves) => {}
                _ => return None,
            }
        }
        last
    }

    /// One attempt for these recipients of the lease. Those whose turn had not come when a reload came are left out.
    ///
    /// # Errors
    /// When the next hop has no room for another connection now.
    pub(super) async fn attempt(
        &mut self,
        lease: &Lease,
        recipients: Vec<&QueuedRecipient>,
    ) -> Result<Vec<Attempted>, Busy> {
        if recipients.is_empty() {
            return Ok(Vec::new());
        }
        // Only before anything was said may the batch be put back; later it waits for its turn.
        if self.held.is_none() {
            self.hold_first()?;
        }
        let limit = self.configured.settings.limits.recipients_per_transaction.max(1);
        let mut groups: Vec<Vec<&QueuedRecipient>> = Vec::new();
        let count = recipients.len();
        for recipient in recipients {
            let same = |group: &&mut Vec<&QueuedRecipient>| {
                let (one, other) = (&group[0].recipient, &recipient.recipient);
                group.len() < limit && one.carried == other.carried && one.handling == other.handling
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(recipient),
                None => groups.push(vec![recipient]),
            }
        }
        let mut attempted = Vec::with_capacity(count);
        for group in groups {
            attempted.extend(self.attempt_group(lease, group).await);
        }
        Ok(attempted)
    }

    fn slots(&self, place: usize) -> Slots {
        let key = PoolKey::new(self.way, &self.candidates[place]).of_all();
        self.shared
            .pool
            .slots(key, self.configured.settings.limits.connections_per_host)
    }

    /// Takes leave for a connection to the first host that is worth a try, if it has room. A backup is no overflow for
    /// a busy host.
    fn hold_first(&mut self) -> Result<(), Busy> {
        let first = self
            .known
            .iter()
            .position(|known| !known.as_ref().is_some_and(Known::is_of_the_host));
        let Some(place) = first else { return Ok(()) };
        let slot = self.slots(place).try_acquire_owned().map_err(|_| Busy {
            hop: PoolKey::new(self.way, &self.candidates[place]).of_all(),
        })?;
        self.held = Some((place, slot));
        Ok(())
    }

    /// Leave for a connection to this host. What is held for another is given up first, so that no two batches ever
    /// wait for each other.
    pub(super) async fn hold(&mut self, place: usize) {
        if self.held.as_ref().is_some_and(|(held, _)| *held == place) {
            return;
        }
        self.held = None;
        // The slots are never closed.
        if let Ok(slot) = self.slots(place).acquire_owned().await {
            self.held = Some((place, slot));
        }
    }

    /// What each host must satisfy for recipients that carry the same.
    fn plan(&self, recipients: &[&QueuedRecipient]) -> Plan {
        let directory = &self.configured.organizations;
        let Recipient { mailbox, carried, .. } = &recipients[0].recipient;
        let mut tried: Vec<Arc<TriedRule>> = Vec::new();
        for rule in recipients.iter().flat_map(|queued| &queued.recipient.tried) {
            push_new(&mut tried, Arc::clone(rule));
        }
        let mut exceptions = directory.exceptions_for(&self.way.demands, carried, mailbox.host());
        exceptions.extend(directory.exceptions_for_tried(&self.way.tried, &tried, mailbox.host()));
        plan(&OutboundFacts {
            demands: self.way.demands.clone(),
            carried: carried.clone(),
            exceptions,
            now: time_for(directory),
            client_identity: self.way.route.client_identity.clone(),
            hosts: self.hosts(),
            tried: self.way.tried.clone(),
            tried_rules: tried,
        })
    }

    async fn attempt_group(&mut self, lease: &Lease, mut left: Vec<&QueuedRecipient>) -> Vec<Attempted> {
        let planned = self.plan(&left);
        let handling = left[0].recipient.handling.as_deref();
        let mut journal = Journal::new();
        let mut attempted = Vec::new();
        let mut worst: Option<(Box<Obstacle>, &HostPlan)> = None;
        for (place, host_plan) in planned.hosts().iter().enumerate() {
            if left.is_empty() || self.shared.is_outdated(self.configured) {
                break;
            }
            let at_host = AtHost {
                place,
                plan: host_plan,
                lease,
                handling,
            };
            let obstacle = match self.known_obstacle(&at_host) {
                Some(known) => Some(known),
                None => {
                    let (answered, obstacle) = self.attempt_host(&at_host, &mut left, &mut journal).await;
                    attempted.extend(answered);
                    obstacle
                }
            };
            if let Some(obstacle) = obstacle {
                let is_end_of_list = obstacle.reach == Reach::Ourselves;
                // What is only for now weighs more: as long as one host may take it, nothing is final.
                let weighs = worst
                    .as_ref()
                    .is_none_or(|(so_far, _)| matches!(obstacle.why, Unroutable::ForNow(_)) || so_far.is_final());
                if weighs {
                    worst = Some((obstacle, host_plan));
                }
                if is_end_of_list {
                    break;
                }
            }
        }
        if left.is_empty() || self.shared.is_outdated(self.configured) {
            return attempted;
        }
        let (obstacle, host_plan) = match worst {
            Some((obstacle, host_plan)) => (obstacle, Some(host_plan)),
            None => (Obstacle::ours("no host was left to try".to_owned()), None),
        };
        let Obstacle {
            why, decision, channel, ..
        } = *obstacle;
        let record = Arc::new(Record {
            route: self.describe(host_plan, handling),
            required: host_plan.map(|plan| plan.demands().to_vec()).unwrap_or_default(),
            shadow: host_plan.map_or_else(Vec::new, |plan| {
                try_documents(plan, found(channel.as_deref(), &journal), &decision)
            }),
            channel,
            failed_handshakes: journal.failed_handshakes,
            decision,
            conversation: journal.lines,
        });
        attempted.extend(left.into_iter().map(|recipient| Attempted {
            index: recipient.index,
            finding: Finding::of(&why),
            record: record.clone(),
        }));
        attempted
    }

    fn known_obstacle(&self, at: &AtHost<'_>) -> Option<Box<Obstacle>> {
        let known = self.known[at.place].as_ref()?;
        let applies = known.is_of_the_host() || known.demands == at.plan.demands();
        applies.then(|| known.obstacle.clone())
    }

    pub(super) fn remember(&mut self, at: &AtHost<'_>, obstacle: &Obstacle) {
        let own = self.candidates[at.place].preference;
        for (place, candidate) in self.candidates.iter().enumerate() {
            let met = match obstacle.reach {
                Reach::Message => false,
                Reach::Host | Reach::Demands => place == at.place,
                Reach::Ourselves => candidate.preference >= own,
            };
            if met {
                self.known[place] = Some(Known {
                    obstacle: Box::new(obstacle.clone()),
                    demands: at.plan.demands().to_vec(),
                });
            }
        }
    }

    pub(super) fn describe(&self, plan: Option<&HostPlan>, handling: Option<&Handling>) -> String {
        let way = self.way.describe(handling);
        match plan {
            Some(plan) => format!("{way} to {}", plan.host()),
            None => way,
        }
    }
}

impl Known {
    fn is_of_the_host(&self) -> bool {
        match self.obstacle.reach {
            Reach::Host | Reach::Ourselves => true,
            Reach::Demands | Reach::Message => false,
        }
    }
}

impl Finding {
    /// Whether nothing is left to try.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Delivered { .. } | Self::Bounce(_) => true,
            Self::Defer(_) => false,
        }
    }

    pub(super) fn of(why: &Unroutable) -> Self {
        match why {
            Unroutable::Permanently(fault) => Self::Bounce(fault.clone()),
            Unroutable::ForNow(fault) => Self::Defer(fault.clone()),
        }
    }
}

impl Obstacle {
    fn is_final(&self) -> bool {
        matches!(self.why, Unroutable::Permanently(_))
    }
}

impl Record {
    /// Of recipients for whom no host was tried.
    pub(super) fn without_attempt(route: String, required: Vec<Demand>, key: &str, why: &str) -> Arc<Self> {
        Arc::new(Self {
            route,
            required,
            channel: None,
            failed_handshakes: Vec::new(),
            decision: not_judged(key, why),
            conversation: Vec::new(),
            shadow: Vec::new(),
        })
    }
}
