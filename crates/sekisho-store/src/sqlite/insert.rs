//! How a message enters the queue.

use std::sync::Arc;

use rusqlite::params;
use sekisho_mail::{Envelope, MessageId};

use super::{
    batch::{Batch, Known, QUEUED},
    codec,
    load::{alarm, body_share},
    shared::Shared,
};
use crate::{
    Accepted, Answer, Arrival, Body, Commit, Destination, Lease, QueuedRecipient, SpoolBody, StoreError,
    budget::Reservation,
    draft::{Sealed, SealedContent},
    queue::{Documents, Held, LeaseGuard},
    spool::SpoolEntry,
};

/// A message ready to be inserted: its documents are written on the caller's thread, not on the writer's.
pub(super) struct Prepared {
    id: MessageId,
    crc: u32,
    content: SealedContent,
    memory: Reservation,
    documents: Arc<Documents>,
    sender: String,
    envelope: Arc<Envelope>,
    arrival: Arc<Arrival>,
    deliveries: Vec<PreparedDelivery>,
}

struct PreparedDelivery {
    destination: Destination,
    recipients: Vec<QueuedRecipient>,
    document: Vec<u8>,
}

/// A message to commit, and who waits for it.
pub(super) struct CommitJob {
    pub(super) message: Prepared,
    pub(super) lease: bool,
    pub(super) answer: Answer<Commit>,
}

impl Prepared {
    /// # Errors
    /// When the envelope names nobody.
    pub(super) fn new(sealed: Sealed, accepted: Accepted) -> Result<Self, StoreError> {
        let Accepted { mut envelope, arrival } = accepted;
        if envelope.recipients.is_empty() {
            return Err(StoreError::Unfit("an envelope needs a recipient"));
        }
        let documents = Arc::new(Documents {
            size: sealed.len,
            envelope: codec::document(&envelope)?,
            arrival: codec::document(&arrival)?,
        });
        let deliveries = by_destination(std::mem::take(&mut envelope.recipients))?;
        Ok(Self {
            id: sealed.id,
            crc: sealed.crc,
            content: sealed.content,
            memory: sealed.memory,
            documents,
            sender: envelope.reverse_path.to_string(),
            envelope: Arc::new(envelope),
            arrival: Arc::new(arrival),
            deliveries,
        })
    }

    pub(super) const fn id(&self) -> MessageId {
        self.id
    }

    /// About so many octets of log will be written for it.
    pub(super) fn weight(&self) -> u64 {
        match &self.content {
            SealedContent::Memory(bytes) => bytes.len() as u64 + 4096,
            SealedContent::Spooled(..) => 4096,
        }
    }

    pub(super) fn into_entry(self) -> Option<SpoolEntry> {
        match self.content {
            SealedContent::Memory(_) => None,
            SealedContent::Spooled(entry, _) => Some(entry),
        }
    }
}

/// Recipients grouped by what stands right of their `@`, in the order of the envelope.
fn by_destination(recipients: Vec<sekisho_mail::Recipient>) -> Result<Vec<PreparedDelivery>, StoreError> {
    let mut deliveries: Vec<PreparedDelivery> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (index, recipient) in (0u32..).zip(recipients) {
        let destination = Destination::of_recipient(&recipient);
        let place = *places.entry(destination.clone()).or_insert(deliveries.len());
        if place == deliveries.len() {
            deliveries.push(PreparedDelivery {
                destination,
                recipients: Vec::new(),
                document: Vec::new(),
            });
        }
        deliveries[place].recipients.push(QueuedRecipient {
            index,
            recipient,
            attempts: 0,
            delay_notified: false,
            last_fault: None,
            held: false,
        });
    }
    for delivery in &mut deliveries {
        delivery.document = codec::document(&delivery.recipients)?;
    }
    Ok(deliveries)
}

/// Whether the row was new.
#[derive(PartialEq, Eq)]
pub(super) enum Inserted {
    /// Its destinations, in the order of its deliveries.
    New(Vec<i64>),
    /// The id is taken.
    Taken,
}

/// Inserts a message with its deliveries, due when it arrived.
pub(super) fn insert(batch: &mut Batch<'_>, message: &Prepared) -> rusqlite::Result<Inserted> {
    let key = codec::key(message.id);
    let (envelope, arrival) = (&message.documents.envelope, &message.documents.arrival);
    let size = message.documents.size;
    let spooled = matches!(message.content, SealedContent::Spooled(..));
    let rows = batch
        .db
        .prepare_cached(
            "INSERT OR IGNORE INTO message
             (id, arrived, size, sender, body_crc, spooled, docs_crc, envelope, arrival)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            key,
            message.arrival.at.as_millis(),
            codec::signed(size),
            message.sender,
            message.crc,
            spooled,
            codec::message_crc(key, size, message.crc, envelope, arrival),
            envelope,
            arrival,
        ])?;
    if rows == 0 {
        return Ok(Inserted::Taken);
    }
    if let SealedContent::Memory(content) = &message.content {
        batch
            .db
            .prepare_cached("INSERT INTO body (id, content) VALUES (?1, ?2)")?
            .execute(params![key, &content[..]])?;
    }
    let mut numbers = Vec::with_capacity(message.deliveries.len());
    for delivery in &message.deliveries {
        let Known { number, .. } = batch.destination(&delivery.destination)?;
        batch
            .db
            .prepare_cached(
                "INSERT INTO delivery (message, destination, state, next_attempt, attempts, crc, recipients)
                 VALUES (?1, ?2, 0, ?3, 0, ?4, ?5)",
            )?
            .execute(params![
                key,
                number,
                message.arrival.at.as_millis(),
                codec::recipients_crc(key, number, &delivery.document),
                delivery.document,
            ])?;
        batch.count(number, QUEUED, 1);
        numbers.push(number);
    }
    batch.count_messages(1);
    Ok(Inserted::New(numbers))
}

/// Takes a commit into the group; the answer follows once it is durable.
pub(super) fn commit(batch: &mut Batch<'_>, shared: &Arc<Shared>, job: CommitJob) -> rusqlite::Result<()> {
    let inserted = insert(batch, &job.message);
    let leased = match &inserted {
        Ok(Inserted::New(numbers)) if job.lease => reserve(batch, shared, &job.message, numbers),
        _ => Ok(Vec::new()),
    };
    let shared = Arc::clone(shared);
    let (taken, fault) = match (inserted, leased) {
        (Ok(Inserted::New(_)), Ok(numbers)) => (Some(numbers), None),
        (Ok(Inserted::Taken), _) => (None, None),
        (Err(error), _) | (_, Err(error)) => (Some(Vec::new()), Some(error)),
    };
    batch.then(move |fate, aftermath| match (fate, taken) {
        (Ok(()), Some(numbers)) => {
            let commit = finished(&shared, job.message, &numbers);
            // Nobody may wait any longer: then the leases drop, and the message is due.
            let _ = job.answer.send(Ok(commit));
        }
        (Ok(()), None) => {
            let _ = job
                .answer
                .send(Err(StoreError::Failed("the queue id is taken".to_owned())));
        }
        (Err(why), numbers) => {
            let key = codec::key(job.message.id);
            for number in numbers.into_iter().flatten().flatten() {
                shared.leases.give_back(number, key);
            }
            aftermath.disown(key, job.message.into_entry());
            let _ = job.answer.send(Err(aftermath.error(why)));
        }
    });
    fault.map_or(Ok(()), Err)
}

/// Takes the leases of a new message as far as budgets, limits and back-offs let it; a place for each delivery, or
/// none at all.
fn reserve(
    batch: &mut Batch<'_>,
    shared: &Shared,
    message: &Prepared,
    numbers: &[i64],
) -> rusqlite::Result<Vec<Option<i64>>> {
    let key = codec::key(message.id);
    let over = shared.leases.count() + numbers.len() > shared.settings.lease_limit;
    if over || !shared.budget.has_room(0) || shared.must_settle_first() {
        return Ok(Vec::new());
    }
    let mut taken = Vec::with_capacity(numbers.len());
    for (delivery, number) in message.deliveries.iter().zip(numbers) {
        let backed_off = batch.destination(&delivery.destination)?.back_off > batch.now.as_millis();
        let free = !backed_off && shared.leases.take((&delivery.destination, *number), key);
        taken.push(free.then_some(*number));
    }
    if batch.watch && taken.iter().any(Option::is_some) {
        super::watch::mark(batch.db, key)?;
    }
    Ok(taken)
}

/// The answer to a commit that is durable.
fn finished(shared: &Arc<Shared>, message: Prepared, leased: &[Option<i64>]) -> Commit {
    let id = message.id;
    let mut memory = message.memory;
    let body = match message.content {
        SealedContent::Memory(bytes) => Body::Memory(bytes),
        SealedContent::Spooled(entry, kept) => {
            entry.keep();
            let file = SpoolBody::new(shared.spool.file(id), message.documents.size, message.crc);
            Body::File(file.with_alarm(alarm(shared, id)).with_kept(kept))
        }
    };
    let any = leased.iter().any(Option::is_some);
    memory.resize(if any { body_share(&body) } else { 0 });
    let memory = Arc::new(memory);
    let deliveries = message.deliveries.into_iter().zip(leased);
    let leases = deliveries
        .filter_map(|(delivery, number)| {
            let destination = (*number)?;
            let recipients = delivery.recipients.iter().map(|recipient| recipient.index).collect();
            let crc = codec::recipients_crc(codec::key(id), destination, &delivery.document);
            Some(Lease {
                id,
                destination: delivery.destination,
                envelope: Arc::clone(&message.envelope),
                recipients: delivery.recipients,
                arrival: Arc::clone(&message.arrival),
                body: body.clone(),
                directive: None,
                suspect: false,
                guard: Some(LeaseGuard::new(Held {
                    owner: shared.clone(),
                    destination,
                    message: id,
                    documents: Arc::clone(&message.documents),
                    envelope: Arc::clone(&message.envelope),
                    arrival: Arc::clone(&message.arrival),
                    recipients,
                    crc,
                    memory: Arc::clone(&memory),
                })),
            })
        })
        .collect();
    Commit { id, leases }
}
