//! A batch of messages to one destination: host by host, message by message, group of recipients by group.
//!
//! Recipients of one message that carry the same demands share a transaction. Each host is planned for, each message is
//! judged on the connection's facts, and what the judgement clears is sent; nothing else is (law 6).

use std::sync::Arc;

use sekisho_mail::{
    BodyKind, ChannelFacts, ChannelSecurity, Decision, Demand, EnhancedCode, Envelope, Fault, HandshakeFailure, Reply,
    ReplyClass, Side, SpokenLine,
};
use sekisho_policy::outbound::{
    CandidateHost, HostPlan, OutboundFacts, PlaintextReply, judge, plaintext_retry_reply, plan,
};
use sekisho_smtp::client::{MailFacts, MailResult, RecipientReply, SessionFault, Wait};
use sekisho_store::{Body, Lease, QueuedRecipient};

use super::{
    Candidate, Configured, RouteSettings, Shared, Unroutable,
    link::Link,
    obstacle::{Obstacle, Reach, not_judged},
    open::{Journal, Opening},
    permit::Cleared,
    pool::{PoolKey, Slot, Slots},
    resolve::fault,
};
use crate::clock;

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
    pub(super) channel: Option<ChannelFacts>,
    pub(super) failed_handshakes: Vec<(String, HandshakeFailure)>,
    pub(super) decision: Decision,
    pub(super) conversation: Vec<SpokenLine>,
}

/// The hosts of one destination and what was learnt of them in this batch.
pub(super) struct Batch<'a> {
    shared: &'a Shared,
    configured: &'a Configured,
    route: &'a RouteSettings,
    candidates: Vec<Candidate>,
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
pub(super) struct Busy;

/// A message at one host.
struct AtHost<'a> {
    place: usize,
    plan: &'a HostPlan,
    lease: &'a Lease,
}

/// What became of a message that was cleared and begun.
struct Sent {
    result: MailResult,
    ended: Option<SessionFault>,
    decision: Decision,
}

impl Sent {
    /// A connection that was closed while it lay idle says nothing about the host: once more, on a fresh one.
    fn died_idle(&self) -> bool {
        let unheard = matches!(
            self.ended,
            Some(SessionFault::Lost(Wait::Mail | Wait::Rcpt | Wait::Reset) | SessionFault::Closing(_))
        );
        unheard
            && self
                .result
                .recipients
                .iter()
                .all(|reply| *reply == RecipientReply::Unanswered)
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        configured: &'a Configured,
        route: &'a RouteSettings,
        candidates: Vec<Candidate>,
    ) -> Self {
        let known = candidates.iter().map(|_| None).collect();
        Self {
            shared,
            configured,
            route,
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
        let of_route = self.route.route_demand();
        let mut last = None;
        for (known, candidate) in self.known.iter().zip(&self.candidates) {
            let Known { obstacle, demands } = known.as_ref()?;
            match (&obstacle.why, obstacle.reach) {
                (Unroutable::ForNow(fault), Reach::Host) => last = Some(fault),
                // What one message demanded says nothing of the next; what the route demands holds for all.
                (Unroutable::ForNow(fault), Reach::Demands) => {
                    let demand = of_route.as_ref()?.on_host(&candidate.host);
                    if demands.as_slice() != [demand] {
                        return None;
                    }
                    last = Some(fault);
                }
                // A host without an address neither kills a destination nor keeps it alive.
                (Unroutable::Permanently(_), Reach::Host) => {}
                _ => return None,
            }
        }
        last
    }

    /// One attempt for all recipients of the lease.
    ///
    /// # Errors
    /// When the next hop has no room for another connection now.
    pub(super) async fn attempt(&mut self, lease: &Lease) -> Result<Vec<Attempted>, Busy> {
        // Only before anything was said may the batch be put back; later it waits for its turn.
        if self.held.is_none() && !self.hold_first() {
            return Err(Busy);
        }
        let limit = self.configured.settings.limits.recipients_per_transaction.max(1);
        let mut groups: Vec<Vec<&QueuedRecipient>> = Vec::new();
        for recipient in &lease.recipients {
            let same = |group: &&mut Vec<&QueuedRecipient>| {
                group.len() < limit && group[0].recipient.carried == recipient.recipient.carried
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(recipient),
                None => groups.push(vec![recipient]),
            }
        }
        let mut attempted = Vec::with_capacity(lease.recipients.len());
        for group in groups {
            attempted.extend(self.attempt_group(lease, group).await);
        }
        Ok(attempted)
    }

    fn slots(&self, place: usize) -> Slots {
        let key = PoolKey::new(self.route, &self.candidates[place]);
        self.shared
            .pool
            .slots(key, self.configured.settings.limits.connections_per_host)
    }

    /// Takes leave for a connection to the first host that is worth a try; `false` when it has no room. A backup is
    /// no overflow for a busy host.
    fn hold_first(&mut self) -> bool {
        let first = self
            .known
            .iter()
            .position(|known| !known.as_ref().is_some_and(Known::is_of_the_host));
        let Some(place) = first else { return true };
        match self.slots(place).try_acquire_owned() {
            Ok(slot) => {
                self.held = Some((place, slot));
                true
            }
            Err(_) => false,
        }
    }

    /// Leave for a connection to this host. What is held for another is given up first, so that no two batches ever
    /// wait for each other.
    async fn hold(&mut self, place: usize) {
        if self.held.as_ref().is_some_and(|(held, _)| *held == place) {
            return;
        }
        self.held = None;
        // The slots are never closed.
        if let Ok(slot) = self.slots(place).acquire_owned().await {
            self.held = Some((place, slot));
        }
    }

    async fn attempt_group(&mut self, lease: &Lease, mut left: Vec<&QueuedRecipient>) -> Vec<Attempted> {
        let planned = plan(&OutboundFacts {
            route: self.route.route_demand(),
            carried: left[0].recipient.carried.clone(),
            client_identity: self.route.client_identity.clone(),
            hosts: self.hosts(),
        });
        let mut journal = Journal::new();
        let mut attempted = Vec::new();
        let mut worst: Option<(Box<Obstacle>, &HostPlan)> = None;
        for (place, host_plan) in planned.hosts().iter().enumerate() {
            if left.is_empty() {
                break;
            }
            let at_host = AtHost {
                place,
                plan: host_plan,
                lease,
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
                // What is only for now weighs more: as long as one host may take it, nothing is final.
                let weighs = worst
                    .as_ref()
                    .is_none_or(|(so_far, _)| matches!(obstacle.why, Unroutable::ForNow(_)) || so_far.is_final());
                if weighs {
                    worst = Some((obstacle, host_plan));
                }
            }
        }
        if left.is_empty() {
            return attempted;
        }
        let (obstacle, host_plan) = match worst {
            Some((obstacle, host_plan)) => (obstacle, Some(host_plan)),
            None => (Obstacle::ours("no host was left to try".to_owned()), None),
        };
        let record = Arc::new(Record {
            route: self.describe(host_plan),
            required: host_plan.map(|plan| plan.demands().to_vec()).unwrap_or_default(),
            channel: obstacle.channel.as_deref().cloned(),
            failed_handshakes: journal.failed_handshakes,
            decision: obstacle.decision.clone(),
            conversation: journal.lines,
        });
        attempted.extend(left.into_iter().map(|recipient| Attempted {
            index: recipient.index,
            finding: Finding::of(&obstacle.why),
            record: record.clone(),
        }));
        attempted
    }

    fn known_obstacle(&self, at: &AtHost<'_>) -> Option<Box<Obstacle>> {
        let known = self.known[at.place].as_ref()?;
        let applies = known.is_of_the_host() || known.demands == at.plan.demands();
        applies.then(|| known.obstacle.clone())
    }

    fn remember(&mut self, at: &AtHost<'_>, obstacle: &Obstacle) {
        if obstacle.reach != Reach::Message {
            self.known[at.place] = Some(Known {
                obstacle: Box::new(obstacle.clone()),
                demands: at.plan.demands().to_vec(),
            });
        }
    }

    /// One host. Those that it answered leave `left`; an obstacle is there when others may be tried for the rest.
    async fn attempt_host(
        &mut self,
        at: &AtHost<'_>,
        left: &mut Vec<&QueuedRecipient>,
        journal: &mut Journal,
    ) -> (Vec<Attempted>, Option<Box<Obstacle>>) {
        self.hold(at.place).await;
        let key = PoolKey::new(self.route, &self.candidates[at.place]);
        let mut link = match self.shared.pool.take(&key, at.plan) {
            Some(link) => link,
            None => match self.open(at, journal).await {
                Ok(link) => link,
                Err(obstacle) => {
                    self.remember(at, &obstacle);
                    return (Vec::new(), Some(obstacle));
                }
            },
        };
        loop {
            let reused = link.served > 0;
            let sent = self.send(&mut link, at, left, journal).await;
            let channel = link.facts.clone();
            match sent {
                Ok(sent) if reused && sent.died_idle() => {
                    link = match self.open(at, journal).await {
                        Ok(link) => link,
                        Err(obstacle) => {
                            self.remember(at, &obstacle);
                            return (Vec::new(), Some(obstacle));
                        }
                    };
                }
                Ok(sent) => {
                    let peer = link.describe();
                    if sent.ended.is_none() {
                        self.keep(key, link);
                    }
                    let record = self.record(at, channel, sent.decision.clone(), journal);
                    return self.answers(at, left, sent, &record, &peer);
                }
                Err(obstacle) => {
                    self.remember(at, &obstacle);
                    if link.session.is_ready() {
                        self.keep(key, link);
                    }
                    return (Vec::new(), Some(obstacle.with_channel(channel)));
                }
            }
        }
    }

    async fn open(&self, at: &AtHost<'_>, journal: &mut Journal) -> Result<Box<Link>, Box<Obstacle>> {
        let opening = Opening {
            services: &self.shared.services,
            configured: self.configured,
            memory: &self.shared.memory,
            channel_ids: &self.shared.channel_ids,
            route: self.route,
            candidate: &self.candidates[at.place],
            plan: at.plan,
        };
        let mut link = opening.open(journal).await?;
        link.opening = link.session.take_conversation();
        Ok(link)
    }

    /// Judges the message on the connection and sends it when it is cleared.
    async fn send(
        &self,
        link: &mut Link,
        at: &AtHost<'_>,
        left: &[&QueuedRecipient],
        journal: &mut Journal,
    ) -> Result<Sent, Box<Obstacle>> {
        link.begin_attempt(journal.began);
        journal.add(link.opening.clone());
        if link.served > 0 {
            link.session
                .note(&format!("the connection has carried {} messages before", link.served));
        }
        // The chain's verdicts may have changed since the last message, and this plan may ask for others.
        if let (ChannelSecurity::Tls(tls), Some(chain)) = (&mut link.facts.security, &link.chain) {
            tls.verdicts = self
                .shared
                .services
                .verifier
                .verify(chain, &at.plan.checks(), clock::now());
        }
        let envelope = Envelope {
            recipients: left.iter().map(|queued| queued.recipient.clone()).collect(),
            ..Envelope::clone(&at.lease.envelope)
        };
        let eight_bit = self.holds_eight_bit(link, at.lease).await?;
        let clearance = judge(at.plan, &link.facts, envelope)
            .map_err(|refusal| Obstacle::refused(&refusal, Some(link.describe())))?;
        let decision = clearance.decision();
        let facts = MailFacts {
            size: at.lease.body.len(),
            eight_bit,
        };
        let started = link.session.start_mail(Cleared(clearance), facts);
        started.map_err(|refusal| Obstacle::start(&refusal, &link.describe()))?;
        self.shared.services.metrics.connection_used(link.served);
        link.served += 1;
        let finished = link.finish_mail(&at.lease.body).await;
        journal.add(link.session.take_conversation());
        match finished {
            Ok((result, ended)) => Ok(Sent {
                result,
                ended,
                decision,
            }),
            Err(error) => Err(Obstacle::ours(format!("the message could not be read: {error}"))),
        }
    }

    /// Looked for only where it matters: the host does not offer 8BITMIME, and the content was declared 8-bit.
    async fn holds_eight_bit(&self, link: &Link, lease: &Lease) -> Result<bool, Box<Obstacle>> {
        if lease.envelope.body == BodyKind::SevenBit || link.session.offer().has("8BITMIME") {
            return Ok(false);
        }
        let unreadable = |error: std::io::Error| Obstacle::ours(format!("the message could not be read: {error}"));
        has_high_octet(&lease.body).await.map_err(unreadable)
    }

    /// Keeps the connection for the next message, or says goodbye.
    fn keep(&self, key: PoolKey, link: Box<Link>) {
        let limits = &self.configured.settings.limits;
        let most = link
            .session
            .offer()
            .max_messages()
            .and_then(|most| u32::try_from(most).ok());
        let spent = link.served >= self.route.messages_per_connection.min(most.unwrap_or(u32::MAX));
        let left_over = if spent {
            Some(link)
        } else {
            self.shared
                .pool
                .put(key, link, limits.idle_timeout, limits.idle_connections)
        };
        if let Some(link) = left_over {
            tokio::spawn(link.close());
        }
    }

    fn record(&self, at: &AtHost<'_>, channel: ChannelFacts, decision: Decision, journal: &Journal) -> Arc<Record> {
        Arc::new(Record {
            route: self.describe(Some(at.plan)),
            required: at.plan.demands().to_vec(),
            channel: Some(channel),
            failed_handshakes: journal.failed_handshakes.clone(),
            decision,
            conversation: journal.lines.clone(),
        })
    }

    /// Turns the peer's answers into findings; who was not answered stays in `left` for the next host.
    fn answers(
        &mut self,
        at: &AtHost<'_>,
        left: &mut Vec<&QueuedRecipient>,
        sent: Sent,
        record: &Arc<Record>,
        peer: &str,
    ) -> (Vec<Attempted>, Option<Box<Obstacle>>) {
        let Sent { mut result, ended, .. } = sent;
        result.recipients.resize(left.len(), RecipientReply::Unanswered);
        let obstacle = ended.as_ref().map(|ended| Obstacle::session(ended, peer));
        // After the final dot the message may have been taken: another host would make a duplicate of it.
        let maybe_taken = matches!(
            ended,
            Some(SessionFault::Lost(Wait::DataEnd) | SessionFault::TimedOut(Wait::DataEnd))
        );
        let mut answered = Vec::new();
        let mut unanswered = Vec::new();
        for (recipient, reply) in left.drain(..).zip(result.recipients) {
            let finding = match (reply, &obstacle) {
                (RecipientReply::Accepted(reply), _) => Finding::Delivered {
                    reply,
                    relayed_with_dsn: result.relayed_with_dsn,
                },
                (RecipientReply::Refused(reply), _) => refusal_of(at.plan, record, reply, peer),
                (RecipientReply::Unanswered, Some(obstacle)) if maybe_taken || obstacle.reach == Reach::Message => {
                    Finding::of(&obstacle.why)
                }
                (RecipientReply::Unanswered, _) => {
                    unanswered.push(recipient);
                    continue;
                }
            };
            answered.push(Attempted {
                index: recipient.index,
                finding,
                record: record.clone(),
            });
        }
        *left = unanswered;
        if let Some(obstacle) = &obstacle
            && answered.is_empty()
        {
            self.remember(at, obstacle);
        }
        (answered, obstacle)
    }

    fn describe(&self, plan: Option<&HostPlan>) -> String {
        match plan {
            Some(plan) => format!("{} to {}", self.route.describe(), plan.host()),
            None => self.route.describe(),
        }
    }
}

impl Known {
    fn is_of_the_host(&self) -> bool {
        self.obstacle.reach == Reach::Host
    }
}

impl Finding {
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
        })
    }
}

/// 4xx waits and 5xx ends it, each recipient by itself (RFC 5321 §4.2.1); but where the host wants the TLS that failed
/// with it before, it waits (policy says so).
fn refusal_of(plan: &HostPlan, record: &Record, reply: Reply, peer: &str) -> Finding {
    if let Some(ChannelSecurity::Plaintext(cause)) = record.channel.as_ref().map(|channel| &channel.security)
        && let PlaintextReply::Defer(refusal) = plaintext_retry_reply(plan, cause, &reply)
    {
        return Finding::Defer(refusal.to_fault(Some(peer.to_owned())));
    }
    let permanent = reply.code.class() == ReplyClass::Permanent;
    let class = if permanent { 5 } else { 4 };
    let status = reply.enhanced.unwrap_or(EnhancedCode::new(class, 0, 0));
    let text = if permanent {
        "the host refused the message for good"
    } else {
        "the host refused the message for now"
    };
    let why = Fault {
        reply: Some(reply),
        host: Some(peer.to_owned()),
        ..fault(status, text.to_owned(), Side::Recipient)
    };
    if permanent {
        Finding::Bounce(why)
    } else {
        Finding::Defer(why)
    }
}

async fn has_high_octet(body: &Body) -> std::io::Result<bool> {
    let mut reader = body.reader()?;
    while let Some(piece) = reader.next().await? {
        if !piece.is_ascii() {
            return Ok(true);
        }
    }
    Ok(false)
}
