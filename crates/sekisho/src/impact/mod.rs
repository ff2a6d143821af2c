//! What a change of the directory would have meant for the mail of the last days, and will mean for what waits: every
//! delivery that the trace has, and every queued recipient, is decided anew on the facts that were written down, under
//! the directory in force and under the proposed one.
//!
//! The decisions are policy's, by the functions by which mail is taken and sent (`arrival`, `departure`); nothing
//! is looked up and nobody is asked. What the facts do not say is told as such.

mod arrival;
mod departure;
mod side;
mod tally;

use std::{fmt, sync::Arc, time::Duration};

use sekisho_api::{DirectoryImpact, ImpactCounts, ImpactStop};
use sekisho_mail::{Evidence, Mailbox, MessageId, OrganizationName, Recipient, Timestamp};
use sekisho_policy::{inbound::RelayRights, replay::Compared};
use sekisho_store::{MessageDetail, QueueFilter, Store, StoreError, TRACED_ATTEMPTS_MAX, TraceFilter, TraceItem};
use tokio::time::Instant;

use self::{
    arrival::{Arrived, Reception, judge_arrival},
    departure::{Departed, judge_departure},
    side::Side,
    tally::{Finding, Judged, Tally},
};
use crate::{
    directory::Parsed,
    outbound::{Configured, TEST_LISTENER},
};

/// Messages of the trace that are looked at, at most.
pub const MESSAGES_MAX: u64 = 100_000;
/// Messages of the queue that are looked at, at most.
pub const QUEUED_MAX: u64 = 5_000;
/// How long looking back may take; each of trace and queue.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Messages that are read at a time.
const PAGE_LEN: u16 = 200;

/// The rights to relay of a listener, by its name; `None` when there is no such listener.
pub type Rights = Box<dyn Fn(&str) -> Option<RelayRights> + Send>;

/// What is held against each other, and how far back.
pub struct Question {
    /// The version of the directory in force.
    pub based_on: u64,
    /// Days that were asked for.
    pub days: u32,
    /// Now.
    pub now: Timestamp,
    /// How mail is taken and sent, whatever the directory says.
    pub configured: Configured,
    /// The directory in force.
    pub before: Arc<Parsed>,
    /// The proposed one.
    pub after: Arc<Parsed>,
    /// Who may relay.
    pub rights: Rights,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("based_on", &self.based_on)
            .field("days", &self.days)
            .finish_non_exhaustive()
    }
}

/// Looks back over the trace and through the queue.
///
/// # Errors
/// When one of them cannot be read.
pub async fn measure(store: &dyn Store, question: Question) -> Result<DirectoryImpact, StoreError> {
    let day = Duration::from_secs(86_400);
    let since = question.now.minus(day.saturating_mul(question.days));
    let replay = Replay {
        before: Side::under(&question.configured, &question.before),
        after: Side::under(&question.configured, &question.after),
        rights: question.rights,
        tally: Tally::default(),
        messages: 0,
    };
    let (replay, stopped) = replay.look_back(store, since).await?;
    let (replay, queue_stopped) = replay.look_through_queue(store, question.now).await?;
    let (groups, in_no_group) = replay.tally.groups();
    Ok(DirectoryImpact {
        based_on: question.based_on,
        days: question.days,
        since,
        messages: replay.messages,
        stopped,
        deliveries: replay.tally.counts(false),
        queued: replay.tally.counts(true),
        queue_stopped,
        groups,
        in_no_group,
    })
}

struct Replay {
    before: Side,
    after: Side,
    rights: Rights,
    tally: Tally,
    /// Of the trace.
    messages: u64,
}

/// Why looking on ended before its time.
fn stop(at: Timestamp, count: u64, most: u64, deadline: Instant) -> Option<ImpactStop> {
    let why = if count >= most {
        format!("{most} messages are looked at and no more")
    } else if Instant::now() >= deadline {
        format!("it has taken {} seconds", PATIENCE.as_secs())
    } else {
        return None;
    };
    Some(ImpactStop { at, why })
}

impl Replay {
    /// Newest first.
    async fn look_back(
        mut self,
        store: &dyn Store,
        since: Timestamp,
    ) -> Result<(Self, Option<ImpactStop>), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            let filter = TraceFilter {
                before,
                limit: u32::from(PAGE_LEN),
                ..TraceFilter::default()
            };
            let mut page = store.trace(filter).await?;
            let is_last = page.len() < usize::from(PAGE_LEN) || page.last().is_some_and(|item| item.arrival.at < since);
            before = page.last().map(|item| item.id);
            page.retain(|item| item.arrival.at >= since);
            let Some(oldest) = page.last().map(|item| item.arrival.at) else {
                return Ok((self, None));
            };
            self.messages += page.len() as u64;
            self = self
                .apart(move |replay| page.iter().for_each(|item| replay.look_at(item)))
                .await?;
            if is_last {
                return Ok((self, None));
            }
            if let Some(stop) = stop(oldest, self.messages, MESSAGES_MAX, deadline) {
                return Ok((self, Some(stop)));
            }
        }
    }

    /// Oldest first.
    async fn look_through_queue(
        mut self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<(Self, Option<ImpactStop>), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let (mut after, mut count) = (None, 0);
        loop {
            let rows = store
                .list(QueueFilter::default(), now, after, usize::from(PAGE_LEN))
                .await?;
            let mut ids: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
            ids.dedup();
            let Some(last) = rows.last() else {
                return Ok((self, None));
            };
            after = Some(last.id);
            let newest = last.arrived;
            for id in ids {
                count += 1;
                match store.show(id).await {
                    Ok(detail) => self.look_at_queued(id, &detail),
                    // It has gone meanwhile.
                    Err(StoreError::NoMessage(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if let Some(stop) = stop(newest, count, QUEUED_MAX, deadline) {
                let is_more = !store.list(QueueFilter::default(), now, after, 1).await?.is_empty();
                return Ok((self, is_more.then_some(stop)));
            }
        }
    }

    /// Apart from the threads that serve.
    async fn apart(mut self, work: impl FnOnce(&mut Self) + Send + 'static) -> Result<Self, StoreError> {
        let done = tokio::task::spawn_blocking(move || {
            work(&mut self);
            self
        });
        done.await
            .map_err(|error| StoreError::Failed(format!("looking back broke off: {error}")))
    }

    /// A message of the trace: every recipient that is not waiting any more.
    fn look_at(&mut self, item: &TraceItem) {
        if item.arrival.listener == TEST_LISTENER {
            // Nobody's mail: it went the way that was tried, whatever the directory said.
            return;
        }
        let attempts: Vec<&Evidence> = item.attempts.iter().map(|attempt| &attempt.evidence).collect();
        let mut seen: Vec<(&Mailbox, &OrganizationName)> = Vec::new();
        let attempted = attempts.iter().map(|evidence| &evidence.recipient);
        for recipient in item.envelope.recipients.iter().chain(attempted) {
            let key = (&recipient.mailbox, &recipient.organization);
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let of_it = attempts.iter().copied().filter(|evidence| is_for(evidence, recipient));
            let departed = Departed {
                recipient,
                attempts: of_it.collect(),
            };
            if item.queued && !departed.is_done() {
                continue;
            }
            let judged = self.judge(item, &departed);
            self.tally.add(false, item.id, judged);
        }
    }

    fn judge(&self, item: &TraceItem, departed: &Departed<'_>) -> (Judged, bool) {
        let (before, after) = (&self.before, &self.after);
        let Some(arrived) = Arrived::of(item, departed.recipient, (before, after)) else {
            return judge_departure(before, after, departed, &departed.recipient.organization, None);
        };
        let Some(rights) = (self.rights)(&item.arrival.listener) else {
            let finding = Finding::unknown_in(&arrived, "listener-gone", "its listener is not there any more");
            return (Judged::Unknown(finding), false);
        };
        let (compared, questions) = judge_arrival(before, after, &arrived, &rights);
        let otherwise_then = arrived.is_otherwise(&compared);
        match compared {
            Compared::Same(Reception::Taken(taken)) if !departed.attempts.is_empty() => {
                let from = Some((&arrived, &rights, questions));
                let (judged, otherwise_out) = judge_departure(before, after, departed, &taken.organization, from);
                (judged, otherwise_then || otherwise_out)
            }
            Compared::Same(Reception::Taken(_)) if item.attempts.len() >= TRACED_ATTEMPTS_MAX => {
                let why = format!("it has more than the {TRACED_ATTEMPTS_MAX} attempts that are looked at");
                let finding = Finding::unknown_out(departed, None, "too-many-attempts", &why);
                (Judged::Unknown(finding), otherwise_then)
            }
            Compared::Same(_) => (Judged::Same, otherwise_then),
            Compared::Different { before, after } => {
                let finding = Finding::of_reception(&arrived, &before, &after);
                (Judged::Different(finding), otherwise_then)
            }
            Compared::Unknown(questions) => {
                let finding = Finding::unknown_in(&arrived, "not-asked", &in_words(&questions));
                (Judged::Unknown(finding), otherwise_then)
            }
        }
    }

    /// A message of the queue: every recipient that waits. It has been taken, so only its way out is decided anew.
    fn look_at_queued(&mut self, id: MessageId, detail: &MessageDetail) {
        let attempts: Vec<&Evidence> = detail.attempts.iter().map(|attempt| &attempt.evidence).collect();
        for queued in &detail.recipients {
            let recipient = &queued.recipient;
            let of_it = attempts.iter().copied().filter(|evidence| is_for(evidence, recipient));
            let departed = Departed {
                recipient,
                attempts: of_it.collect(),
            };
            let judged = judge_departure(&self.before, &self.after, &departed, &recipient.organization, None);
            self.tally.add(true, id, judged);
        }
    }
}

fn is_for(evidence: &Evidence, recipient: &Recipient) -> bool {
    evidence.recipient.mailbox == recipient.mailbox && evidence.recipient.organization == recipient.organization
}

fn in_words(questions: &[sekisho_policy::replay::Question]) -> String {
    let words: Vec<String> = questions.iter().map(ToString::to_string).collect();
    words.join("; ")
}

impl Tally {
    fn counts(&self, queued: bool) -> ImpactCounts {
        if queued { self.queued } else { self.deliveries }
    }
}
