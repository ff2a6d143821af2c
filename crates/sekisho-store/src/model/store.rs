//! The store over the model's disk: requests wait until they are flushed, everything else is answered at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sekisho_mail::{Demand, Mailbox, MessageId, Timestamp};
use tokio::sync::Notify;

use super::{
    ModelDisk, Table,
    queue::{Action, Content, Key, Message, Queue},
};
use crate::{
    Accepted, ActionReport, Answer, Body, Commit, Destination, DirectoryChange, DirectoryState, DirectoryVersion,
    Draft, DueDestination, Lease, MessageDetail, Observation, ObservationKind, Pressure, QueueFilter, QueuedRow,
    RecipientResult, RefusedRecipient, Selection, Settlement, ShapeRow, Soundness, Store, StoreError, Ticket,
    TraceFilter, TraceItem,
    budget::{Budget, Reservation},
    draft::{Sealed, SealedContent},
    queue::{Documents, Held, LeaseGuard, LeaseOwner},
    spool::{Spool, SpoolEntry},
    sqlite::redirect::Redirect,
};

/// The memory that drafts and leased bodies may hold.
const MEMORY_BUDGET: u64 = 64 * 1024 * 1024;

/// A message that is sealed and waits for its commit.
#[derive(Debug)]
pub(super) struct NewMessage {
    id: MessageId,
    message: Message,
    /// Removes the file unless the message was committed.
    entry: Option<SpoolEntry>,
    #[expect(dead_code, reason = "held for its drop, which gives the share back")]
    memory: Reservation,
}

/// Something that changes what is durable.
#[derive(Debug)]
pub(super) enum Request {
    Commit {
        new: NewMessage,
        lease: bool,
        /// `None` when it was answered too early, on purpose.
        answer: Option<Answer<Commit>>,
    },
    Settle {
        key: Key,
        results: Vec<RecipientResult>,
        notices: Vec<NewMessage>,
        now: Timestamp,
        answer: Answer<()>,
    },
    BackOff {
        destination: Destination,
        until: Timestamp,
        why: String,
        answer: Answer<()>,
    },
    Act {
        action: Action,
        selection: Selection,
        now: Timestamp,
        answer: Answer<ActionReport>,
    },
    Redirect {
        id: MessageId,
        order: Redirect,
        now: Timestamp,
        answer: Answer<ActionReport>,
    },
    Trim {
        now: Timestamp,
        kept: Duration,
        answer: Answer<u64>,
    },
    ChangeDirectory {
        change: DirectoryChange,
        answer: Answer<u64>,
    },
    PutBack {
        key: Key,
        now: Timestamp,
    },
}

/// What a request came to.
#[derive(Debug)]
pub(super) enum Came {
    Taken(bool),
    Report(ActionReport),
    Freed(u64),
    Directory(Result<u64, StoreError>),
    Nothing,
}

impl Request {
    /// The one message that it is about.
    pub(super) fn about(&self) -> Option<MessageId> {
        match self {
            Self::Commit { new, .. } => Some(new.id),
            Self::Settle { key, .. } | Self::PutBack { key, .. } => Some(key.0),
            Self::Redirect { id, .. } => Some(*id),
            Self::BackOff { .. } | Self::Act { .. } | Self::Trim { .. } | Self::ChangeDirectory { .. } => None,
        }
    }

    /// Does it. Doing it once more changes nothing.
    pub(super) fn apply(&self, queue: &mut Queue, leased: &BTreeSet<Key>) -> Came {
        match self {
            Self::Commit { new, .. } => Came::Taken(queue.insert(new.id, &new.message)),
            Self::Settle {
                key,
                results,
                notices,
                now,
                ..
            } => {
                for notice in notices {
                    queue.insert(notice.id, &notice.message);
                }
                queue.settle(key, results, *now);
                Came::Nothing
            }
            Self::BackOff {
                destination,
                until,
                why,
                ..
            } => {
                queue.back_offs.insert(destination.clone(), (*until, why.clone()));
                Came::Nothing
            }
            Self::Act {
                action, selection, now, ..
            } => Came::Report(queue.act(action, selection, *now, leased)),
            Self::Redirect { id, order, now, .. } => Came::Report(queue.redirect(*id, order, *now, leased)),
            Self::Trim { now, kept, .. } => Came::Freed(queue.trim(*now, *kept)),
            Self::ChangeDirectory { change, .. } => Came::Directory(queue.change_directory(change)),
            Self::PutBack { key, now } => {
                queue.give_back(key, *now);
                Came::Nothing
            }
        }
    }
}

/// The store. What waits becomes durable with [`ModelStore::flush`].
pub struct ModelStore {
    disk: ModelDisk,
    life: u64,
    spool: Spool,
    budget: Arc<Budget>,
    me: Weak<Self>,
    leased: Mutex<Leased>,
    failed: AtomicBool,
    /// The latest instant that anybody passed in.
    latest: AtomicI64,
    asked: Notify,
}

impl fmt::Debug for ModelStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelStore")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// What is in somebody's hands, and the numbers of destinations that leases carry.
#[derive(Default)]
struct Leased {
    keys: BTreeSet<Key>,
    numbers: BTreeMap<Destination, i64>,
}

impl Leased {
    fn number(&mut self, destination: &Destination) -> i64 {
        let next = i64::try_from(self.numbers.len()).unwrap_or(i64::MAX);
        *self.numbers.entry(destination.clone()).or_insert(next)
    }

    fn destination(&self, number: i64) -> Option<Destination> {
        let mut numbers = self.numbers.iter();
        numbers
            .find(|(_, other)| **other == number)
            .map(|(destination, _)| destination.clone())
    }
}

impl ModelStore {
    pub(super) fn new(disk: ModelDisk, life: u64, spool: Spool) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            disk,
            life,
            spool,
            budget: Budget::new(MEMORY_BUDGET),
            me: Weak::clone(me),
            leased: Mutex::default(),
            failed: AtomicBool::new(false),
            latest: AtomicI64::new(0),
            asked: Notify::new(),
        })
    }

    /// Waits until something waits to be made durable.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Makes durable what waits, and answers; nothing while the store has failed.
    pub fn flush(&self) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut table) = self.table() else { return };
        let requests = mem::take(&mut table.waiting);
        let keys = self.leased().keys.clone();
        let came: Vec<Came> = requests
            .iter()
            .map(|request| request.apply(&mut table.durable, &keys))
            .collect();
        let forgotten = mem::take(&mut table.durable.forgotten);
        drop(table);
        for id in forgotten {
            self.spool.forget(id);
        }
        for (request, came) in requests.into_iter().zip(came) {
            self.answer(request, came);
        }
    }

    /// The disk fails under it: what waits is refused and, as the dice say, kept all the same, but for settlements,
    /// which wait on. Nothing is taken in or given out until [`ModelStore::recover`].
    pub fn fail(&self, dice: &mut fastrand::Rng) {
        self.failed.store(true, Ordering::Relaxed);
        let Ok(mut table) = self.table() else { return };
        let (waiting, refused): (Vec<Request>, Vec<Request>) = mem::take(&mut table.waiting)
            .into_iter()
            .partition(|request| matches!(request, Request::Settle { .. } | Request::PutBack { .. }));
        table.waiting = waiting;
        let keys = self.leased().keys.clone();
        let mut kept = Vec::new();
        for request in &refused {
            let is_kept = dice.bool();
            kept.push(is_kept);
            if is_kept {
                request.apply(&mut table.durable, &keys);
            }
        }
        drop(table);
        for (request, is_kept) in refused.into_iter().zip(kept) {
            request.refuse(is_kept);
        }
    }

    /// It was opened anew and is sound.
    pub fn recover(&self) {
        self.failed.store(false, Ordering::Relaxed);
        self.asked.notify_one();
    }

    fn leased(&self) -> MutexGuard<'_, Leased> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk's table, as long as it is this store's.
    fn table(&self) -> Result<MutexGuard<'_, Table>, StoreError> {
        let table = self.disk.table();
        if table.life == self.life {
            Ok(table)
        } else {
            Err(StoreError::Stopped)
        }
    }

    fn saw(&self, now: Timestamp) {
        self.latest.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    fn latest(&self) -> Timestamp {
        Timestamp::from_millis(self.latest.load(Ordering::Relaxed))
    }

    /// Why nothing can be taken in now.
    fn refusal(&self) -> Option<StoreError> {
        if self.table().is_err() {
            return Some(StoreError::Stopped);
        }
        let failed = self.failed.load(Ordering::Relaxed);
        failed.then(|| StoreError::Failed("the model was told to fail".to_owned()))
    }

    /// Puts a request in the row.
    fn request(&self, request: Request) {
        match self.table() {
            Ok(mut table) => table.waiting.push(request),
            Err(_) => return drop(request),
        }
        if self.disk.0.settings.at_once {
            self.flush();
        } else {
            self.asked.notify_one();
        }
    }

    fn look<T>(&self, look: impl FnOnce(&Queue, &BTreeSet<Key>) -> Result<T, StoreError>) -> Ticket<T> {
        let keys = self.leased().keys.clone();
        Ticket::ready(self.table().and_then(|table| look(&table.durable, &keys)))
    }

    fn new_message(sealed: Sealed, accepted: Accepted, spool: &Spool) -> NewMessage {
        let (content, entry) = match sealed.content {
            SealedContent::Memory(octets) => (Content::Memory(octets), None),
            SealedContent::Spooled(entry, _) => (Content::File(spool.file(sealed.id)), Some(entry)),
        };
        NewMessage {
            id: sealed.id,
            message: Message::new(accepted.envelope, accepted.arrival, content, sealed.len),
            entry,
            memory: sealed.memory,
        }
    }

    fn content(&self, message: &Message) -> Body {
        Body::Memory(match &message.content {
            Content::Memory(octets) => octets.clone(),
            Content::File(path) => self.disk.read_file(path).unwrap_or_default(),
        })
    }

    /// Gives a delivery out.
    fn lend(&self, key: Key, message: &Message, memory: Arc<Reservation>) -> Option<Lease> {
        let delivery = message.deliveries.get(&key.1)?;
        let (id, destination) = key.clone();
        let mut leased = self.leased();
        if !leased.keys.insert(key) {
            return None;
        }
        let number = leased.number(&destination);
        drop(leased);
        let mut envelope = (*message.envelope).clone();
        envelope.recipients = Vec::new();
        let envelope = Arc::new(envelope);
        Some(Lease {
            id,
            destination,
            envelope: Arc::clone(&envelope),
            recipients: delivery.recipients.clone(),
            arrival: Arc::clone(&message.arrival),
            body: self.content(message),
            directive: delivery.directive.clone(),
            suspect: false,
            guard: Some(LeaseGuard::new(Held {
                owner: self.me.upgrade()?,
                destination: number,
                message: id,
                documents: Arc::new(Documents {
                    size: message.size,
                    envelope: Vec::new(),
                    arrival: Vec::new(),
                }),
                envelope,
                arrival: Arc::clone(&message.arrival),
                recipients: delivery.recipients.iter().map(|recipient| recipient.index).collect(),
                crc: 0,
                memory,
            })),
        })
    }

    fn share_of(&self, message: &Message) -> Reservation {
        let mut memory = self.budget.reserve();
        if let Content::Memory(octets) = &message.content {
            memory.resize(octets.len() as u64);
        }
        memory
    }

    fn lend_all(
        &self,
        destination: &Destination,
        now: Timestamp,
        (limit, arrived_before): (usize, Option<Timestamp>),
    ) -> Ticket<Vec<Lease>> {
        self.saw(now);
        if self.failed.load(Ordering::Relaxed) {
            return Ticket::ready(Ok(Vec::new()));
        }
        let found = {
            let keys = self.leased().keys.clone();
            self.table().map(|table| {
                let ids = table.durable.leasable(destination, now, (limit, arrived_before), &keys);
                let found = ids
                    .into_iter()
                    .filter_map(|id| Some((id, table.durable.messages.get(&id)?.clone())));
                found.collect::<Vec<_>>()
            })
        };
        Ticket::ready(found.map(|found| {
            let leases = found.into_iter().filter_map(|(id, message)| {
                let memory = Arc::new(self.share_of(&message));
                self.lend((id, destination.clone()), &message, memory)
            });
            leases.collect()
        }))
    }

    /// Answers what was done.
    fn answer(&self, request: Request, came: Came) {
        match (request, came) {
            (Request::Commit { new, lease, answer }, Came::Taken(true)) => {
                let Some(answer) = answer else {
                    return new.keep();
                };
                let leases = if lease { self.lend_new(&new) } else { Vec::new() };
                let id = new.id;
                new.keep();
                // Nobody may wait any longer: then the leases drop, and the message is due.
                let _ = answer.send(Ok(Commit { id, leases }));
            }
            (
                Request::Settle {
                    key, notices, answer, ..
                },
                _,
            ) => {
                self.leased().keys.remove(&key);
                notices.into_iter().for_each(NewMessage::keep);
                let _ = answer.send(Ok(()));
            }
            (Request::BackOff { answer, .. }, _) => drop(answer.send(Ok(()))),
            (Request::Act { answer, .. } | Request::Redirect { answer, .. }, Came::Report(report)) => {
                let _ = answer.send(Ok(report));
            }
            (Request::Trim { answer, .. }, Came::Freed(freed)) => drop(answer.send(Ok(freed))),
            (Request::ChangeDirectory { answer, .. }, Came::Directory(came)) => drop(answer.send(came)),
            // The id is taken: the answer drops.
            _ => {}
        }
    }

    fn lend_new(&self, new: &NewMessage) -> Vec<Lease> {
        let now = self.latest();
        let mut destinations: Vec<Destination> = Vec::new();
        for recipient in &new.message.envelope.recipients {
            let destination = Destination::of_recipient(recipient);
            if !destinations.contains(&destination) {
                destinations.push(destination);
            }
        }
        let Ok(table) = self.table() else { return Vec::new() };
        destinations.retain(|destination| table.durable.back_off_of(destination) <= now);
        drop(table);
        let memory = Arc::new(self.share_of(&new.message));
        let leases = destinations
            .into_iter()
            .filter_map(|destination| self.lend((new.id, destination), &new.message, Arc::clone(&memory)));
        leases.collect()
    }

    fn act(&self, action: Action, selection: Selection, now: Timestamp) -> Ticket<ActionReport> {
        if let Some(refusal) = self.refusal() {
            return Ticket::ready(Err(refusal));
        }
        self.saw(now);
        let (answer, ticket) = Ticket::pair();
        self.request(Request::Act {
            action,
            selection,
            now,
            answer,
        });
        ticket
    }
}

impl NewMessage {
    /// A durable row names its file.
    fn keep(self) {
        if let Some(entry) = self.entry {
            entry.keep();
        }
    }
}

impl Request {
    /// Answers that it failed; a message that was kept all the same keeps its file.
    fn refuse(self, is_kept: bool) {
        let error = || StoreError::Failed("the model was told to fail".to_owned());
        match self {
            Self::Commit { new, answer, .. } => {
                if is_kept {
                    new.keep();
                }
                if let Some(answer) = answer {
                    let _ = answer.send(Err(error()));
                }
            }
            Self::BackOff { answer, .. } | Self::Settle { answer, .. } => drop(answer.send(Err(error()))),
            Self::Act { answer, .. } | Self::Redirect { answer, .. } => drop(answer.send(Err(error()))),
            Self::Trim { answer, .. } | Self::ChangeDirectory { answer, .. } => drop(answer.send(Err(error()))),
            Self::PutBack { .. } => {}
        }
    }
}

impl LeaseOwner for ModelStore {
    fn give_back(&self, message: MessageId, destination: i64) {
        let mut leased = self.leased();
        let Some(destination) = leased.destination(destination) else {
            return;
        };
        let key = (message, destination);
        leased.keys.remove(&key);
        drop(leased);
        let now = self.latest();
        self.request(Request::PutBack { key, now });
    }
}

impl Store for ModelStore {
    fn begin(&self, now: Timestamp) -> Result<Draft, StoreError> {
        self.saw(now);
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let mut table = self.table()?;
        table.serial = table.serial.wrapping_add(1);
        let id = MessageId::new(now, table.serial);
        drop(table);
        let threshold = self.disk.0.settings.spool_threshold;
        Ok(Draft::new(id, threshold, self.spool.clone(), &self.budget))
    }

    fn commit(&self, draft: Draft, accepted: Accepted, lease: bool) -> Ticket<Commit> {
        self.saw(accepted.arrival.at);
        if let Some(refusal) = self.refusal() {
            return Ticket::ready(Err(refusal));
        }
        if accepted.envelope.recipients.is_empty() {
            return Ticket::ready(Err(StoreError::Unfit("an envelope needs a recipient")));
        }
        let id = draft.id();
        let new = match draft.seal_blocking() {
            Ok(sealed) => Self::new_message(sealed, accepted, &self.spool),
            Err(error) => return Ticket::ready(Err(error)),
        };
        let (answer, ticket) = Ticket::pair();
        let answer = if self.disk.0.settings.acknowledge_early {
            let leases = Vec::new();
            let _ = answer.send(Ok(Commit { id, leases }));
            None
        } else {
            Some(answer)
        };
        self.request(Request::Commit { new, lease, answer });
        ticket
    }

    fn due(&self, now: Timestamp, limit: usize, passed_over: HashSet<Destination>) -> Ticket<Vec<DueDestination>> {
        self.saw(now);
        self.look(|queue, leased| Ok(queue.due((now, limit), &passed_over, leased)))
    }

    fn next_due(&self, now: Timestamp) -> Ticket<Option<Timestamp>> {
        self.look(|queue, leased| Ok(queue.next_due(now, leased)))
    }

    fn lease(&self, destination: &Destination, now: Timestamp, limit: usize) -> Ticket<Vec<Lease>> {
        self.lend_all(destination, now, (limit, None))
    }

    fn lease_aged(
        &self,
        destination: &Destination,
        arrived_before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Ticket<Vec<Lease>> {
        self.lend_all(destination, now, (limit, Some(arrived_before)))
    }

    fn settle(&self, mut lease: Lease, settlement: Settlement) -> Ticket<()> {
        let Some(held) = lease.guard.take().and_then(LeaseGuard::take) else {
            return Ticket::ready(Err(StoreError::Unfit("a lease is settled once")));
        };
        drop(held);
        let sealed = settlement.notices.into_iter().map(|notice| {
            let sealed = notice.draft.seal_blocking()?;
            Ok(Self::new_message(sealed, notice.accepted, &self.spool))
        });
        let notices = match sealed.collect::<Result<Vec<_>, StoreError>>() {
            Ok(notices) => notices,
            Err(error) => return Ticket::ready(Err(error)),
        };
        let (answer, ticket) = Ticket::pair();
        self.request(Request::Settle {
            key: (lease.id, lease.destination.clone()),
            results: settlement.results,
            notices,
            now: self.latest(),
            answer,
        });
        ticket
    }

    fn trace_refusal(&self, mut refused: RefusedRecipient) -> MessageId {
        let Ok(mut table) = self.table() else {
            return MessageId::new(refused.arrival.at, 0);
        };
        if refused.evidence.message == MessageId::from_u64(0) {
            table.serial = table.serial.wrapping_add(1);
            refused.evidence.message = MessageId::new(refused.arrival.at, table.serial);
        }
        let id = refused.evidence.message;
        // Whether it outlasts a crash is promised to nobody.
        table.durable.write_refusal(&refused);
        id
    }

    fn back_off(&self, destination: &Destination, until: Timestamp, why: &str) -> Ticket<()> {
        let (answer, ticket) = Ticket::pair();
        self.request(Request::BackOff {
            destination: destination.clone(),
            until,
            why: why.to_owned(),
            answer,
        });
        ticket
    }

    fn backed_off(&self, now: Timestamp, after: Option<Destination>, limit: usize) -> Ticket<Vec<Destination>> {
        self.look(|queue, _| Ok(queue.backed_off(now, after.as_ref(), limit)))
    }

    fn list(
        &self,
        filter: QueueFilter,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Ticket<Vec<QueuedRow>> {
        self.look(|queue, leased| Ok(queue.list(&filter, now, (after, limit), leased)))
    }

    fn count(&self, filter: QueueFilter, now: Timestamp) -> Ticket<u64> {
        self.look(|queue, _| Ok(queue.count(&filter, now)))
    }

    fn show(&self, id: MessageId) -> Ticket<MessageDetail> {
        self.look(|queue, leased| queue.show(id, leased))
    }

    fn body(&self, id: MessageId) -> Ticket<Body> {
        self.look(|queue, _| {
            let message = queue.messages.get(&id).ok_or(StoreError::NoMessage(id))?;
            Ok(self.content(message))
        })
    }

    fn hold(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport> {
        self.act(Action::Hold, which, now)
    }

    fn release(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport> {
        self.act(Action::Release, which, now)
    }

    fn retry(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport> {
        self.act(Action::Retry, which, now)
    }

    fn bounce(&self, which: Selection, why: &str, now: Timestamp) -> Ticket<ActionReport> {
        self.act(Action::Bounce(why.to_owned()), which, now)
    }

    fn redirect(&self, id: MessageId, to: Mailbox, carried: Vec<Demand>, now: Timestamp) -> Ticket<ActionReport> {
        if let Some(refusal) = self.refusal() {
            return Ticket::ready(Err(refusal));
        }
        self.saw(now);
        let (answer, ticket) = Ticket::pair();
        self.request(Request::Redirect {
            id,
            order: Redirect { to, carried },
            now,
            answer,
        });
        ticket
    }

    fn shape(&self, now: Timestamp, limit: usize) -> Ticket<Vec<ShapeRow>> {
        self.look(|queue, _| Ok(queue.shape(now, limit)))
    }

    fn trace(&self, filter: TraceFilter) -> Ticket<Vec<TraceItem>> {
        self.look(|queue, _| Ok(queue.search(&filter)))
    }

    fn trim_trace(&self, now: Timestamp) -> Ticket<u64> {
        let (answer, ticket) = Ticket::pair();
        let kept = self.disk.0.settings.trace_kept;
        self.request(Request::Trim { now, kept, answer });
        ticket
    }

    fn remove_orphans(&self) -> Ticket<u64> {
        let names = self.disk.0.files.names();
        let mut ids: Vec<MessageId> = names.iter().filter_map(|name| Spool::owner_of(name)).collect();
        self.spool.leave_out_live(&mut ids);
        let known = self
            .table()
            .map(|table| ids.retain(|id| !table.durable.messages.contains_key(id)));
        Ticket::ready(known.map(|()| {
            ids.iter().for_each(|id| self.spool.forget(*id));
            ids.len() as u64
        }))
    }

    fn directory(&self) -> Ticket<DirectoryState> {
        self.look(|queue, _| Ok(queue.directory.clone()))
    }

    fn change_directory(&self, change: DirectoryChange) -> Ticket<u64> {
        if let Some(refusal) = self.refusal() {
            return Ticket::ready(Err(refusal));
        }
        self.saw(change.at);
        let (answer, ticket) = Ticket::pair();
        self.request(Request::ChangeDirectory { change, answer });
        ticket
    }

    fn directory_history(&self, limit: usize) -> Ticket<Vec<DirectoryVersion>> {
        self.look(|queue, _| Ok(queue.directory_versions.iter().rev().take(limit).cloned().collect()))
    }

    fn directory_at(&self, version: u64) -> Ticket<DirectoryState> {
        self.look(|queue, _| {
            let newest_first = queue.directory_versions.iter().rev().cloned();
            queue.directory.at(version, newest_first)
        })
    }

    fn observe(&self, observations: Vec<Observation>) -> Ticket<()> {
        Ticket::ready(self.table().and_then(|mut table| table.observations.keep(observations)))
    }

    fn observations(
        &self,
        kind: ObservationKind,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Ticket<Vec<Observation>> {
        let table = self.table();
        Ticket::ready(table.map(|table| table.observations.read(kind, prefix, after.as_deref(), limit)))
    }

    fn forget_observations(&self, kind: ObservationKind, before: Timestamp) -> Ticket<u64> {
        Ticket::ready(self.table().map(|mut table| table.observations.forget(kind, before)))
    }

    fn pressure(&self) -> Pressure {
        let queued = self.table().map_or(0, |table| table.durable.messages.len() as u64);
        Pressure {
            queued,
            free_octets: u64::MAX,
            free_inodes: u64::MAX,
            memory_octets: self.budget.used(),
            failed: self.failed.load(Ordering::Relaxed),
            soundness: Soundness::Sound,
            set_aside: 0,
        }
    }

    fn stop(&self) -> Ticket<()> {
        self.recover();
        self.flush();
        if let Ok(mut table) = self.table() {
            table.life += 1;
            table.is_open = false;
            self.disk.0.files.end_life(None);
        }
        Ticket::ready(Ok(()))
    }
}
