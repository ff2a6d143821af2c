//! What the model answers without changing anything: what is due, lists, searches.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sekisho_mail::{ChannelSecurity, Evidence, Host, Mailbox, MessageId, Outcome, Recipient, ReversePath, Timestamp};

use super::queue::{Delivery, Key, Message, Queue, trace_item};
use crate::{
    Destination, DueDestination, Lane, MessageDetail, ORDERS_AT_ONCE, QueueFilter, QueuedRow, ShapeRow, StoreError,
    TraceFilter, TraceItem,
};

/// The upper bounds of the ages that [`ShapeRow::by_age`] counts, in minutes; beyond the last is the last place.
const AGES: [u64; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

impl Queue {
    fn deliveries(&self) -> impl Iterator<Item = (MessageId, &Message, &Destination, &Delivery)> {
        self.messages.iter().flat_map(|(id, message)| {
            let deliveries = message.deliveries.iter();
            deliveries.map(move |(destination, delivery)| (*id, message, destination, delivery))
        })
    }

    pub(super) fn due(
        &self,
        (now, limit): (Timestamp, usize),
        passed_over: &HashSet<Destination>,
        leased: &BTreeSet<Key>,
    ) -> Vec<DueDestination> {
        let mut found: BTreeMap<&Destination, (DueDestination, bool)> = BTreeMap::new();
        for (id, _, destination, delivery) in self.deliveries().filter(|row| !row.3.held) {
            let (due, is_free) = found.entry(destination).or_insert_with(|| {
                let due = DueDestination {
                    destination: destination.clone(),
                    earliest: delivery.next_attempt,
                    queued: 0,
                };
                (due, false)
            });
            due.queued += 1;
            due.earliest = due.earliest.min(delivery.next_attempt);
            *is_free |= delivery.next_attempt <= now && !leased.contains(&(id, destination.clone()));
        }
        let ready = |due: &DueDestination| due.earliest.max(self.back_off_of(&due.destination));
        let mut due: Vec<DueDestination> = found
            .into_values()
            .filter(|(due, is_free)| *is_free && ready(due) <= now && !passed_over.contains(&due.destination))
            .map(|(due, _)| due)
            .collect();
        due.sort_by_key(ready);
        due.truncate(limit);
        due
    }

    pub(super) fn next_due(&self, now: Timestamp, leased: &BTreeSet<Key>) -> Option<Timestamp> {
        let mut next: BTreeMap<&Destination, Timestamp> = BTreeMap::new();
        for (id, _, destination, delivery) in self.deliveries() {
            if !delivery.held && !leased.contains(&(id, destination.clone())) {
                let at = delivery.next_attempt.max(self.back_off_of(destination));
                let earliest = next.entry(destination).or_insert(at);
                *earliest = at.min(*earliest);
            }
        }
        next.into_values().filter(|at| *at > now).min()
    }

    /// Keys of due deliveries, oldest due first and at most `limit`; with `arrived_before` in spite of a back-off,
    /// without it those that there are orders for before all others.
    pub(super) fn leasable(
        &self,
        destination: &Destination,
        now: Timestamp,
        (limit, arrived_before): (usize, Option<Timestamp>),
        leased: &BTreeSet<Key>,
    ) -> Vec<MessageId> {
        if arrived_before.is_none() && self.back_off_of(destination) > now {
            return Vec::new();
        }
        let below = arrived_before.map(|instant| MessageId::new(instant, 0));
        let mut found: Vec<(bool, Timestamp, MessageId)> = self
            .messages
            .iter()
            .filter_map(|(id, message)| Some((*id, message.deliveries.get(destination)?)))
            .filter(|(id, delivery)| {
                let is_free = !delivery.held && !leased.contains(&(*id, destination.clone()));
                is_free && delivery.next_attempt <= now && below.is_none_or(|below| *id < below)
            })
            .map(|(id, delivery)| {
                let comes_later = arrived_before.is_some() || delivery.directive.is_none();
                (comes_later, delivery.next_attempt, id)
            })
            .collect();
        found.sort_unstable();
        let ordered = found.iter().take_while(|(comes_later, ..)| !comes_later).count();
        found.truncate(match ordered {
            0 => limit,
            ordered => ordered.min(limit.max(ORDERS_AT_ONCE)),
        });
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    fn row(&self, id: MessageId, message: &Message, destination: &Destination, leased: &BTreeSet<Key>) -> QueuedRow {
        let delivery = &message.deliveries[destination];
        let recipients = delivery.recipients.iter();
        let back_off = self.back_off_of(destination);
        QueuedRow {
            id,
            arrived: message.arrival.at,
            size: message.size,
            sender: message.envelope.reverse_path.to_string(),
            destination: destination.clone(),
            recipients: recipients
                .clone()
                .map(|queued| queued.recipient.mailbox.to_string())
                .collect(),
            attempts: recipients.map(|queued| queued.attempts).max().unwrap_or(0),
            next_attempt: if delivery.held {
                delivery.next_attempt
            } else {
                delivery.next_attempt.max(back_off)
            },
            held: delivery.held,
            in_flight: leased.contains(&(id, destination.clone())),
            last_fault: self.fault(destination, delivery).map(str::to_owned),
        }
    }

    /// Why it waits: its destination's back-off where that is the later, else its own last attempt.
    fn fault<'a>(&'a self, destination: &Destination, delivery: &'a Delivery) -> Option<&'a str> {
        match self.back_offs.get(destination) {
            Some((until, why)) if !delivery.held && *until > delivery.next_attempt => Some(why),
            _ => delivery.last_fault.as_deref(),
        }
    }

    pub(super) fn list(
        &self,
        filter: &QueueFilter,
        now: Timestamp,
        (after, limit): (Option<MessageId>, usize),
        leased: &BTreeSet<Key>,
    ) -> Vec<QueuedRow> {
        let mut rows: Vec<QueuedRow> = Vec::new();
        for (id, message, destination, _) in self.deliveries() {
            let is_new = rows.last().is_none_or(|last| last.id != id);
            if is_new && rows.len() >= limit {
                break;
            }
            let follows = after.is_none_or(|after| id > after);
            if follows && self.matches(filter, &(id, destination.clone()), now) {
                rows.push(self.row(id, message, destination, leased));
            }
        }
        rows
    }

    /// Destinations that are backed off, by their names.
    pub(super) fn backed_off(&self, now: Timestamp, after: Option<&Destination>, limit: usize) -> Vec<Destination> {
        let after = after.map(Destination::to_string).unwrap_or_default();
        let off = self.back_offs.iter().filter(|(_, (until, _))| *until > now);
        let mut names: Vec<(String, &Destination)> = off
            .map(|(destination, _)| (destination.to_string(), destination))
            .filter(|(name, _)| *name > after)
            .collect();
        names.sort();
        let names = names.into_iter().take(limit);
        names.map(|(_, destination)| destination.clone()).collect()
    }

    /// Messages of which something matches.
    pub(super) fn count(&self, filter: &QueueFilter, now: Timestamp) -> u64 {
        let matching = self
            .deliveries()
            .filter(|(id, _, destination, _)| self.matches(filter, &(*id, (*destination).clone()), now))
            .map(|(id, ..)| id);
        matching.collect::<BTreeSet<_>>().len() as u64
    }

    pub(super) fn show(&self, id: MessageId, leased: &BTreeSet<Key>) -> Result<MessageDetail, StoreError> {
        let message = self.messages.get(&id).ok_or(StoreError::NoMessage(id))?;
        let deliveries = message.deliveries.values();
        let mut recipients: Vec<_> = deliveries
            .clone()
            .flat_map(|delivery| delivery.recipients.clone())
            .collect();
        recipients.sort_by_key(|queued| queued.index);
        let rows = message
            .deliveries
            .keys()
            .map(|destination| self.row(id, message, destination, leased));
        Ok(MessageDetail {
            rows: rows.collect(),
            envelope: (*message.envelope).clone(),
            arrival: (*message.arrival).clone(),
            recipients,
            directive: deliveries.clone().find_map(|delivery| delivery.directive.clone()),
            attempts: self.trace.get(&id).map_or_else(Vec::new, |item| item.attempts.clone()),
        })
    }

    pub(super) fn matches(&self, filter: &QueueFilter, key: &Key, now: Timestamp) -> bool {
        let found = self
            .messages
            .get(&key.0)
            .and_then(|message| Some((message, message.deliveries.get(&key.1)?)));
        let Some((message, delivery)) = found else { return false };
        let age = now.since(message.arrival.at);
        let fault = self.fault(&key.1, delivery).unwrap_or_default().to_lowercase();
        filter.older_than.is_none_or(|least| age >= least)
            && filter.younger_than.is_none_or(|most| age <= most)
            && filter
                .destination
                .as_deref()
                .is_none_or(|wanted| names_destination(wanted, &key.1))
            && filter
                .sender
                .as_deref()
                .is_none_or(|wanted| is_sender(wanted, &message.envelope.reverse_path))
            && filter
                .error
                .as_deref()
                .is_none_or(|wanted| fault.contains(&wanted.to_lowercase()))
            && filter.held.is_none_or(|held| held == delivery.held)
    }

    pub(super) fn shape(&self, now: Timestamp, limit: usize) -> Vec<ShapeRow> {
        let mut rows: BTreeMap<&Destination, ShapeRow> = BTreeMap::new();
        for (_, message, destination, _) in self.deliveries() {
            let row = rows.entry(destination).or_insert_with(|| ShapeRow {
                destination: destination.clone(),
                total: 0,
                by_age: [0; 10],
            });
            let minutes = now.since(message.arrival.at).as_secs() / 60;
            row.total += 1;
            row.by_age[AGES.iter().take_while(|most| minutes >= **most).count()] += 1;
        }
        let mut rows: Vec<ShapeRow> = rows.into_values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.total));
        rows.truncate(limit);
        rows
    }

    pub(super) fn search(&self, filter: &TraceFilter) -> Vec<TraceItem> {
        let queued = self
            .messages
            .iter()
            .map(|(id, message)| (*id, trace_item(*id, message)));
        let mut all: BTreeMap<MessageId, TraceItem> = queued.collect();
        for (id, item) in &self.trace {
            let queued = self.messages.contains_key(id);
            all.insert(*id, TraceItem { queued, ..item.clone() });
        }
        let limit = if filter.limit == 0 { 100 } else { filter.limit as usize };
        all.into_values()
            .rev()
            .filter(|item| fits(item, filter))
            .take(limit)
            .collect()
    }
}

fn names_destination(wanted: &str, destination: &Destination) -> bool {
    let name = destination.to_string();
    if let Some(below) = wanted.strip_prefix('*') {
        return name.ends_with(&below.to_ascii_lowercase());
    }
    match wanted.parse::<Destination>() {
        Ok(plain) if *plain.lane() == Lane::Common => destination.clone().on(Lane::Common) == plain,
        Ok(_) | Err(_) => name.eq_ignore_ascii_case(wanted),
    }
}

fn is_sender(wanted: &str, sender: &ReversePath) -> bool {
    match sender {
        ReversePath::Null => matches!(wanted, "<>" | ""),
        ReversePath::Mailbox(mailbox) => is_address(wanted, mailbox),
    }
}

/// Whether a filter's text, an address or `@domain`, names this mailbox.
fn is_address(wanted: &str, mailbox: &Mailbox) -> bool {
    match wanted.strip_prefix('@') {
        Some(domain) => Host::parse(domain).is_ok_and(|host| host == *mailbox.host()),
        None => {
            let bare = wanted.trim_start_matches('<').trim_end_matches('>');
            mailbox.to_string().eq_ignore_ascii_case(bare)
        }
    }
}

/// Whether it is the recipient's address or the one that the sender wrote first.
fn names_recipient(wanted: &str, recipient: &Recipient) -> bool {
    let original = recipient
        .orcpt
        .as_ref()
        .and_then(|original| Mailbox::parse(&original.address()?).ok());
    is_address(wanted, &recipient.mailbox) || original.is_some_and(|original| is_address(wanted, &original))
}

fn fits(item: &TraceItem, filter: &TraceFilter) -> bool {
    let header = item.arrival.message_id_header.as_deref().unwrap_or_default();
    let names = |recipient: &Recipient| {
        let wanted = filter.recipient.as_deref();
        wanted.is_none_or(|wanted| names_recipient(wanted, recipient))
    };
    let attempted = item.attempts.iter().any(|attempt| {
        let evidence = &attempt.evidence;
        let channel = evidence.channel.as_ref().map(|channel| &channel.security);
        let word = filter.outcome.as_deref();
        names(&evidence.recipient)
            && word.is_none_or(|word| word == outcome_word(evidence))
            && fits_when_and_how(
                filter,
                &[item.arrival.at, evidence.at],
                &[Some(&item.arrival.security), channel],
            )
    });
    let waiting = filter.outcome.is_none()
        && item.queued
        && item.envelope.recipients.iter().any(names)
        && fits_when_and_how(filter, &[item.arrival.at], &[Some(&item.arrival.security)]);
    (attempted || waiting)
        && filter.id.is_none_or(|id| id == item.id)
        && filter.before.is_none_or(|before| item.id < before)
        && filter
            .message_id_header
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(header))
        && filter
            .sender
            .as_deref()
            .is_none_or(|wanted| is_sender(wanted, &item.envelope.reverse_path))
}

/// Whether one of these instants and one of these channels is as the filter has it.
fn fits_when_and_how(filter: &TraceFilter, at: &[Timestamp], channels: &[Option<&ChannelSecurity>]) -> bool {
    let mut known = channels.iter().flatten();
    filter.since.is_none_or(|since| at.iter().any(|at| *at >= since))
        && filter.until.is_none_or(|until| at.iter().any(|at| *at <= until))
        && filter.tls_version.is_none_or(|version| {
            let mut versions = known.clone().filter_map(|security| security.tls());
            versions.any(|tls| tls.version == version)
        })
        && filter
            .plaintext
            .is_none_or(|plaintext| known.any(|security| security.tls().is_none() == plaintext))
}

const fn outcome_word(evidence: &Evidence) -> &'static str {
    match evidence.outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Deferred { .. } => "deferred",
        Outcome::Bounced { .. } => "bounced",
    }
}
