//! What is durable in the model: messages with their deliveries, back-offs, the trace; and what each request does to
//! it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use sekisho_mail::{Envelope, MessageId, Outcome, Timestamp};

use crate::{
    ActionReport, Arrival, Destination, Directive, DirectoryChange, DirectoryState, DirectoryVersion, QueuedRecipient,
    RecipientResult, RefusedRecipient, Selection, StoreError, TraceItem, TracedAttempt,
    sqlite::redirect::{Redirect, absorb, apart, is_kin, kin_order, merged},
};

/// One delivery: a message to one destination.
pub(super) type Key = (MessageId, Destination);

/// Everything that lasts.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) back_offs: BTreeMap<Destination, (Timestamp, String)>,
    pub(super) trace: BTreeMap<MessageId, TraceItem>,
    pub(super) directory: DirectoryState,
    /// Oldest first.
    pub(super) directory_versions: Vec<DirectoryVersion>,
    /// Messages that are done and whose files nobody needs any more.
    pub(super) forgotten: Vec<MessageId>,
}

/// A queued message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// As it was accepted, all recipients in it.
    pub(super) envelope: Arc<Envelope>,
    pub(super) arrival: Arc<Arrival>,
    pub(super) content: Content,
    pub(super) size: u64,
    pub(super) deliveries: BTreeMap<Destination, Delivery>,
}

/// Where the content is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Memory(Bytes),
    File(PathBuf),
}

/// What is undone of a message at one destination.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) held: bool,
    pub(super) next_attempt: Timestamp,
    pub(super) last_fault: Option<String>,
    pub(super) recipients: Vec<QueuedRecipient>,
    pub(super) directive: Option<Directive>,
    /// What was ordered while it was in somebody's hands.
    due_at: Option<Timestamp>,
    redirect: Option<Redirect>,
}

impl Delivery {
    fn new(recipients: Vec<QueuedRecipient>, next_attempt: Timestamp, held: bool) -> Self {
        Self {
            held,
            next_attempt,
            last_fault: None,
            recipients,
            directive: None,
            due_at: None,
            redirect: None,
        }
    }
}

impl Message {
    /// As it enters the queue: due when it arrived.
    pub(super) fn new(envelope: Envelope, arrival: Arrival, content: Content, size: u64) -> Self {
        let mut deliveries: BTreeMap<Destination, Delivery> = BTreeMap::new();
        for (index, recipient) in (0u32..).zip(envelope.recipients.iter().cloned()) {
            let destination = Destination::of_recipient(&recipient);
            let delivery = deliveries
                .entry(destination)
                .or_insert_with(|| Delivery::new(Vec::new(), arrival.at, false));
            delivery.recipients.push(QueuedRecipient {
                index,
                recipient,
                attempts: 0,
                delay_notified: false,
                last_fault: None,
                held: false,
            });
        }
        Self {
            envelope: Arc::new(envelope),
            arrival: Arc::new(arrival),
            content,
            size,
            deliveries,
        }
    }
}

/// What an operator orders.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Hold,
    Release,
    Retry,
    Bounce(String),
}

impl Queue {
    /// Changes the directory; the version then in force.
    pub(super) fn change_directory(&mut self, change: &DirectoryChange) -> Result<u64, StoreError> {
        let changes = self.directory.changes(change)?;
        if !changes.is_empty() {
            self.directory = self.directory.after(&changes);
            self.directory_versions.push(DirectoryVersion {
                version: self.directory.version,
                at: change.at,
                author: change.author.clone(),
                comment: change.comment.clone(),
                changes,
            });
        }
        Ok(self.directory.version)
    }

    /// Whether the id was free.
    pub(super) fn insert(&mut self, id: MessageId, message: &Message) -> bool {
        let free = !self.messages.contains_key(&id);
        if free {
            self.messages.insert(id, message.clone());
        }
        free
    }

    pub(super) fn back_off_of(&self, destination: &Destination) -> Timestamp {
        self.back_offs
            .get(destination)
            .map_or(Timestamp::EPOCH, |(until, _)| *until)
    }

    /// Writes down what was attempted; again for the same attempt, nothing.
    pub(super) fn write_evidence(&mut self, id: MessageId, results: &[RecipientResult]) {
        for evidence in results.iter().filter_map(|result| result.evidence.as_ref()) {
            let queued = self.messages.get(&id);
            let item = match (self.trace.get_mut(&id), queued) {
                (Some(item), _) => item,
                (None, Some(message)) => self.trace.entry(id).or_insert_with(|| trace_item(id, message)),
                (None, None) => continue,
            };
            let known = item.attempts.iter().any(|known| {
                known.evidence.attempt == evidence.attempt && known.evidence.recipient == evidence.recipient
            });
            if !known {
                let evidence = evidence.clone();
                item.attempts.push(TracedAttempt { evidence });
            }
        }
    }

    /// Writes down a refusal.
    pub(super) fn write_refusal(&mut self, refused: &RefusedRecipient) {
        let id = refused.evidence.message;
        let item = TraceItem {
            id,
            envelope: refused.envelope.clone(),
            size: refused.size,
            arrival: refused.arrival.clone(),
            attempts: vec![TracedAttempt {
                evidence: refused.evidence.clone(),
            }],
            queued: false,
        };
        self.trace.insert(id, item);
    }

    /// The end of an attempt. May come again after a failure, and finds it done then.
    pub(super) fn settle(&mut self, key: &Key, results: &[RecipientResult], now: Timestamp) {
        self.write_evidence(key.0, results);
        let Some(message) = self.messages.get_mut(&key.0) else {
            return;
        };
        let Some(delivery) = message.deliveries.get_mut(&key.1) else {
            return;
        };
        let mut next_attempt: Option<Timestamp> = None;
        for result in results {
            let place = delivery
                .recipients
                .iter()
                .position(|queued| queued.index == result.index);
            let Some(place) = place else { continue };
            let queued = &mut delivery.recipients[place];
            if let Some(evidence) = &result.evidence {
                queued.attempts = queued.attempts.max(evidence.attempt);
            }
            queued.delay_notified |= result.delay_notified;
            match &result.outcome {
                Outcome::Delivered { .. } | Outcome::Bounced { .. } => drop(delivery.recipients.remove(place)),
                Outcome::Deferred { .. } if result.hold && result.evidence.is_none() => {}
                Outcome::Deferred { until, why } => {
                    queued.held = result.hold;
                    queued.last_fault = Some(why.to_string());
                    delivery.last_fault.clone_from(&queued.last_fault);
                    next_attempt = Some(next_attempt.map_or(*until, |other| other.min(*until)));
                }
            }
        }
        delivery.next_attempt = next_attempt.unwrap_or(delivery.next_attempt);
        if delivery.recipients.is_empty() {
            self.remove(key);
        } else {
            self.put_back(key, now);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(message) = self.messages.get_mut(&key.0) {
            message.deliveries.remove(&key.1);
            if message.deliveries.is_empty() {
                self.messages.remove(&key.0);
                self.forgotten.push(key.0);
            }
        }
    }

    /// A delivery that came back unsettled: what was ordered meanwhile is done now.
    pub(super) fn give_back(&mut self, key: &Key, now: Timestamp) {
        let delivery = self
            .messages
            .get(&key.0)
            .and_then(|message| message.deliveries.get(&key.1));
        if delivery.is_some_and(|delivery| delivery.due_at.is_some() || delivery.redirect.is_some()) {
            self.put_back(key, now);
        }
    }

    /// Does what was ordered while the delivery was in somebody's hands; who waits for the operator waits again.
    fn put_back(&mut self, key: &Key, now: Timestamp) {
        let Some(message) = self.messages.get_mut(&key.0) else {
            return;
        };
        let Some(delivery) = message.deliveries.get_mut(&key.1) else {
            return;
        };
        match delivery.due_at.take() {
            Some(due_at) => delivery.next_attempt = due_at,
            None => delivery.held |= delivery.recipients.iter().all(|queued| queued.held),
        }
        let Some(order) = delivery.redirect.take() else { return };
        if let Some(delivery) = message.deliveries.remove(&key.1) {
            enter(message, delivery.recipients, &order, (delivery.held, &|_| false), now);
        }
    }

    /// Orders that a crash caught before the attempt that they waited for had ended.
    pub(super) fn put_all_back(&mut self, now: Timestamp) {
        let keys: Vec<Key> = self
            .messages
            .iter()
            .flat_map(|(id, message)| keys(*id, message))
            .collect();
        for key in keys {
            self.give_back(&key, now);
        }
    }

    pub(super) fn act(
        &mut self,
        action: &Action,
        selection: &Selection,
        now: Timestamp,
        leased: &BTreeSet<Key>,
    ) -> ActionReport {
        let mut report = ActionReport::default();
        let targets: Vec<Key> = match selection {
            Selection::Ids(ids) => {
                report.missing = ids
                    .iter()
                    .filter(|id| !self.messages.contains_key(id))
                    .copied()
                    .collect();
                let found = ids.iter().filter_map(|id| Some((*id, self.messages.get(id)?)));
                found.flat_map(|(id, message)| keys(id, message)).collect()
            }
            Selection::Matching(ids, filter) => {
                let found = ids.iter().filter_map(|id| Some((*id, self.messages.get(id)?)));
                let all = found.flat_map(|(id, message)| keys(id, message));
                all.filter(|key| self.matches(filter, key, now)).collect()
            }
        };
        let (mut changed, mut in_flight) = (BTreeSet::new(), BTreeSet::new());
        for key in targets {
            let is_leased = leased.contains(&key);
            if self.act_on(action, &key, now, is_leased) {
                changed.insert(key.0);
                in_flight.extend(is_leased.then_some(key.0));
            }
        }
        report.changed = changed.len() as u64;
        report.in_flight = in_flight.len() as u64;
        report
    }

    fn act_on(&mut self, action: &Action, key: &Key, now: Timestamp, is_leased: bool) -> bool {
        let Some(message) = self.messages.get_mut(&key.0) else {
            return false;
        };
        let Some(delivery) = message.deliveries.get_mut(&key.1) else {
            return false;
        };
        match action {
            Action::Hold if !delivery.held => {
                delivery.held = true;
                return true;
            }
            Action::Release if delivery.held => delivery.held = false,
            Action::Retry if !delivery.held => drop(self.back_offs.remove(&key.1)),
            Action::Bounce(why) => {
                delivery.held = false;
                delivery.directive = Some(Directive::Bounce(why.clone()));
                self.back_offs.remove(&key.1);
            }
            Action::Hold | Action::Release | Action::Retry => return false,
        }
        if is_leased {
            delivery.due_at = Some(now);
        } else {
            delivery.next_attempt = now;
        }
        true
    }

    pub(super) fn redirect(
        &mut self,
        id: MessageId,
        order: &Redirect,
        now: Timestamp,
        leased: &BTreeSet<Key>,
    ) -> ActionReport {
        let mut report = ActionReport::default();
        let Some(message) = self.messages.get_mut(&id) else {
            report.missing.push(id);
            return report;
        };
        let held = message.deliveries.values().next().is_some_and(|first| first.held);
        let mut undone = Vec::new();
        message.deliveries.retain(|destination, delivery| {
            let in_flight = leased.contains(&(id, destination.clone()));
            if in_flight {
                delivery.redirect = Some(order.clone());
                report.in_flight = 1;
            } else {
                undone.append(&mut delivery.recipients);
            }
            in_flight
        });
        report.changed = 1;
        for undone in apart(undone) {
            let is_leased = |destination: &Destination| leased.contains(&(id, destination.clone()));
            enter(message, undone, order, (held, &is_leased), now);
        }
        report
    }

    /// Drops what was attempted before then; answers how many octets that freed, by its length as text.
    pub(super) fn trim(&mut self, now: Timestamp, kept: Duration) -> u64 {
        let oldest = now.minus(kept);
        let mut freed = 0;
        for item in self.trace.values_mut() {
            item.attempts.retain(|attempt| {
                let keep = attempt.evidence.at >= oldest;
                freed += if keep { 0 } else { u64::from(u32::BITS) };
                keep
            });
        }
        let messages = &self.messages;
        self.trace
            .retain(|id, item| !item.attempts.is_empty() || messages.contains_key(id));
        freed
    }
}

fn keys(id: MessageId, message: &Message) -> Vec<Key> {
    message
        .deliveries
        .keys()
        .map(|destination| (id, destination.clone()))
        .collect()
}

/// A message as the trace has it before its first attempt.
pub(super) fn trace_item(id: MessageId, message: &Message) -> TraceItem {
    TraceItem {
        id,
        envelope: Envelope::clone(&message.envelope),
        size: message.size,
        arrival: Arrival::clone(&message.arrival),
        attempts: Vec::new(),
        queued: true,
    }
}

/// Enters recipients, whose delivery has been taken out, as one at the new address.
fn enter(
    message: &mut Message,
    recipients: Vec<QueuedRecipient>,
    order: &Redirect,
    (held, is_leased): (bool, &dyn Fn(&Destination) -> bool),
    now: Timestamp,
) {
    let Some(mut recipient) = merged(recipients, order) else {
        return;
    };
    let kin = message.deliveries.iter().filter(|(destination, delivery)| {
        let mut recipients = delivery.recipients.iter();
        is_kin(destination, &recipient.recipient)
            && recipients.any(|other| other.recipient.mailbox == recipient.recipient.mailbox)
    });
    let kin = kin.map(|(destination, _)| destination);
    let kin = kin
        .min_by(|one, other| kin_order(one, other, &recipient.recipient))
        .cloned();
    let destination = kin.unwrap_or_else(|| Destination::of_recipient(&recipient.recipient));
    recipient.recipient.organization = destination.organization().clone();
    let target_leased = is_leased(&destination);
    let Some(delivery) = message.deliveries.get_mut(&destination) else {
        message
            .deliveries
            .insert(destination, Delivery::new(vec![recipient], now, held));
        return;
    };
    delivery.next_attempt = now;
    delivery.due_at = target_leased.then_some(now);
    let same = delivery
        .recipients
        .iter_mut()
        .find(|other| other.recipient.mailbox == recipient.recipient.mailbox);
    match same {
        Some(other) if !target_leased => absorb(other, recipient),
        _ => delivery.recipients.push(recipient),
    }
}
