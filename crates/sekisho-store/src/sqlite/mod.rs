//! The embedded store: SQLite in WAL mode with one writer that commits in groups.
//!
//! A folder holds `queue.db`, the folder `spool` with large content, the folder `trace` with files by day, and `lock`,
//! which one process at a time has. This file opens all that, starts the threads and hands requests to them; what they
//! do is in the files beside it.

mod action;
mod batch;
mod check;
mod checkpoint;
mod codec;
mod command;
mod day;
mod directory;
mod evidence;
mod filter;
mod insert;
mod lease;
mod leases;
mod load;
mod observations;
mod planted;
mod readers;
mod recover;
pub(crate) mod redirect;
mod schema;
mod search;
mod settings;
mod settle;
mod shared;
mod soundness;
#[cfg(test)]
mod tests;
mod trace;
mod watch;
mod writer;

use std::{
    collections::HashSet,
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
};

pub use check::{Check, check};
use crossbeam_channel::Sender;
pub use recover::{Casualty, Fate, Recovery, recover};
use rustix::fs::{FlockOperation, flock};
use sekisho_mail::{Demand, Mailbox, MessageId, Timestamp};
pub use settings::StoreSettings;

use self::{
    action::{Action, ActionJob},
    checkpoint::Checkpoint,
    command::Command,
    directory::DirectoryJob,
    insert::{CommitJob, Prepared},
    lease::Wanted,
    observations::Observations,
    readers::Readers,
    redirect::Redirect,
    settle::SettleJob,
    shared::Shared,
    trace::{TraceCommand, TraceWriter},
    writer::Writer,
};
use crate::{
    Accepted, ActionReport, Answer, Body, Commit, Destination, Directive, DirectoryChange, DirectoryState,
    DirectoryVersion, Draft, DueDestination, Lease, MessageDetail, Observation, ObservationKind, Pressure, QueueFilter,
    QueuedRow, RefusedRecipient, Selection, Settlement, ShapeRow, Store, StoreError, Ticket, TraceFilter, TraceItem,
    draft::Sealed, spool::Spool,
};

/// The embedded store. Dropping it without [`Store::stop`] is what a crash is, but for the flushes.
pub struct SqliteStore {
    shared: Arc<Shared>,
    trace: Sender<TraceCommand>,
    trace_folder: PathBuf,
    readers: Arc<Readers>,
    observations: Observations,
    threads: Arc<Mutex<Threads>>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

/// What ends with the store.
#[derive(Debug, Default)]
struct Threads {
    trace: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    spool: Vec<JoinHandle<()>>,
    observations: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    checkpoint: Option<JoinHandle<()>>,
    /// Released last.
    lock: Option<File>,
}

impl SqliteStore {
    /// Opens the folder, makes it when it is not there, recovers what a crash left, and starts the threads.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NewerSchema`], or what the disk said.
    pub fn open(settings: StoreSettings, now: Timestamp) -> Result<Self, StoreError> {
        let folder = settings.folder.clone();
        let (spool_folder, trace_folder) = (folder.join("spool"), folder.join("trace"));
        make_folder(&folder)?;
        planted::refuse(&folder)?;
        let lock = lock(&folder)?;
        for inside in [&spool_folder, &trace_folder] {
            make_folder_inside(inside)?;
        }
        let path = folder.join("queue.db");
        let mut db = schema::open_writer(&path, &*settings.disk).map_err(schema::queue_failed)?;
        schema::migrate(&mut db, &path)?;
        let synced = settings.disk.sync_folder(&folder);
        synced.map_err(|source| open_error(&folder, source))?;

        // A newer file would be met at the first settlement only, when the message has left.
        let newest = day::volumes(&trace_folder).map_err(|source| open_error(&trace_folder, source))?;
        if let Some(newest) = newest.first()
            && let Err(error @ StoreError::NewerSchema { .. }) =
                day::open_writer(&newest.path(&trace_folder), &*settings.disk)
        {
            return Err(error);
        }

        let (spool, spool_threads) = Spool::start(spool_folder, Arc::clone(&settings.disk))?;
        let (commands, queue) = mpsc::channel();
        let shared = Arc::new(Shared::new(settings, spool, commands, now));
        shared.refresh_free();
        let thread_error = |source| open_error(&folder, source);
        let (checkpoint, checkpoint_thread) = Checkpoint::start(&shared, path.clone()).map_err(thread_error)?;
        let writer = Writer::new(Arc::clone(&shared), path.clone(), queue, db, checkpoint)?;
        let writer_thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || or_abort("writer", || writer.run()))
            .map_err(thread_error)?;
        let (trace, trace_thread) =
            TraceWriter::start(Arc::clone(&shared), trace_folder.clone()).map_err(thread_error)?;
        let (readers, reader_threads) = Readers::start(&shared, &path).map_err(thread_error)?;
        let (observations, observations_thread) =
            Observations::start(&folder, Arc::clone(&shared.settings.disk)).map_err(thread_error)?;
        Ok(Self {
            shared,
            trace,
            trace_folder,
            readers: Arc::new(readers),
            observations,
            threads: Arc::new(Mutex::new(Threads {
                trace: Some(trace_thread),
                readers: reader_threads,
                spool: spool_threads,
                observations: Some(observations_thread),
                writer: Some(writer_thread),
                checkpoint: Some(checkpoint_thread),
                lock: Some(lock),
            })),
        })
    }

    /// Hands a request to the writer, or answers why not.
    fn request<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Ticket<T> {
        let (answer, ticket) = Ticket::pair();
        if let Err((_, error)) = self.shared.request(command(answer)) {
            return Ticket::ready(Err(error));
        }
        ticket
    }

    fn request_leases(&self, destination: &Destination, wanted: Wanted) -> Ticket<Vec<Lease>> {
        self.shared.saw(wanted.now);
        // The usual case while mail flows: whoever has delivered what came with its commit asks for more.
        if self.shared.leases.all_out(destination) && !self.shared.stopping.load(Ordering::Relaxed) {
            return Ticket::ready(Ok(Vec::new()));
        }
        let destination = Box::new(destination.clone());
        self.request(|answer| Command::Lease {
            destination,
            wanted,
            answer,
        })
    }

    fn act(&self, action: Action, which: Selection, now: Timestamp) -> Ticket<ActionReport> {
        self.shared.saw(now);
        self.request(|answer| Command::Act(Box::new(ActionJob::new(action, which, now, answer))))
    }
}

impl Store for SqliteStore {
    fn begin(&self, now: Timestamp) -> Result<Draft, StoreError> {
        self.shared.saw(now);
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        let id = self.shared.next_id(now);
        let threshold = self.shared.settings.body_threshold;
        Ok(Draft::new(
            id,
            threshold,
            self.shared.spool.clone(),
            &self.shared.budget,
        ))
    }

    fn commit(&self, draft: Draft, accepted: Accepted, lease: bool) -> Ticket<Commit> {
        let (answer, ticket) = Ticket::pair();
        let shared = Arc::clone(&self.shared);
        shared.saw(accepted.arrival.at);
        self.shared.spool.seal(
            vec![draft],
            Box::new(move |sealed| {
                let prepared = sealed.and_then(|mut sealed| {
                    let sealed = sealed.pop().ok_or(StoreError::Stopped)?;
                    Prepared::new(sealed, accepted)
                });
                match prepared {
                    Ok(message) => {
                        let job = CommitJob { message, lease, answer };
                        // Refused without being asked, the request's answer drops; say why instead.
                        if let Err((Command::Commit(job), error)) = shared.request(Command::Commit(Box::new(job))) {
                            let _ = job.answer.send(Err(error));
                        }
                    }
                    Err(error) => drop(answer.send(Err(error))),
                }
            }),
        );
        ticket
    }

    fn due(&self, now: Timestamp, limit: usize, passed_over: HashSet<Destination>) -> Ticket<Vec<DueDestination>> {
        self.shared.saw(now);
        self.request(|answer| Command::Due {
            now,
            limit,
            passed_over,
            answer,
        })
    }

    fn next_due(&self, now: Timestamp) -> Ticket<Option<Timestamp>> {
        self.shared.saw(now);
        self.request(|answer| Command::NextDue { now, answer })
    }

    fn lease(&self, destination: &Destination, now: Timestamp, limit: usize) -> Ticket<Vec<Lease>> {
        let arrived_before = None;
        self.request_leases(
            destination,
            Wanted {
                now,
                limit,
                arrived_before,
            },
        )
    }

    fn lease_aged(
        &self,
        destination: &Destination,
        arrived_before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Ticket<Vec<Lease>> {
        let arrived_before = Some(arrived_before);
        self.request_leases(
            destination,
            Wanted {
                now,
                limit,
                arrived_before,
            },
        )
    }

    fn settle(&self, mut lease: Lease, settlement: Settlement) -> Ticket<()> {
        let Some(held) = lease.guard.take().and_then(crate::queue::LeaseGuard::take) else {
            return Ticket::ready(Err(StoreError::Unfit("the lease belongs to no store")));
        };
        let (answer, ticket) = Ticket::pair();
        let (drafts, accepted): (Vec<Draft>, Vec<Accepted>) = settlement
            .notices
            .into_iter()
            .map(|notice| (notice.draft, notice.accepted))
            .unzip();
        let (results, trace, shared) = (settlement.results, self.trace.clone(), Arc::clone(&self.shared));
        self.shared.spool.seal(
            drafts,
            Box::new(move |sealed| match prepare_all(sealed, accepted) {
                Ok(notices) => {
                    let job = SettleJob {
                        held,
                        results,
                        notices,
                        answer,
                    };
                    shared.unsettled.fetch_add(1, Ordering::Relaxed);
                    // Without a writer of the trace the store has stopped, and the ticket says so.
                    let _ = trace.send(TraceCommand::Settle(Box::new(job)));
                }
                Err(error) => {
                    // Without its notices an attempt is not settled: it is repeated rather than kept from the sender.
                    tracing::error!(message = %held.message, %error, "an attempt could not be settled");
                    let _ = shared.insist(Command::GiveBack(codec::key(held.message), held.destination));
                    let _ = answer.send(Err(error));
                }
            }),
        );
        ticket
    }

    fn trace_refusal(&self, mut refused: RefusedRecipient) -> MessageId {
        if refused.evidence.message == MessageId::from_u64(0) {
            refused.evidence.message = self.shared.next_id(refused.arrival.at);
        }
        let id = refused.evidence.message;
        // Without a writer of the trace the store has stopped.
        let _ = self.trace.send(TraceCommand::Refused(Box::new(refused)));
        id
    }

    fn back_off(&self, destination: &Destination, until: Timestamp, why: &str) -> Ticket<()> {
        let (destination, why) = (Box::new(destination.clone()), why.to_owned());
        self.request(|answer| Command::BackOff {
            destination,
            until,
            why,
            answer,
        })
    }

    fn backed_off(&self, now: Timestamp, after: Option<Destination>, limit: usize) -> Ticket<Vec<Destination>> {
        self.readers.ask(move |reader| reader.backed_off(now, after, limit))
    }

    fn list(
        &self,
        filter: QueueFilter,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Ticket<Vec<QueuedRow>> {
        self.readers.ask(move |reader| reader.list(&filter, now, after, limit))
    }

    fn count(&self, filter: QueueFilter, now: Timestamp) -> Ticket<u64> {
        self.readers.ask(move |reader| reader.count(&filter, now))
    }

    fn show(&self, id: MessageId) -> Ticket<MessageDetail> {
        let folder = self.trace_folder.clone();
        self.readers.ask(move |reader| {
            let mut detail = reader.show(id)?;
            detail.attempts = search::attempts(reader, &folder, id)?;
            Ok(detail)
        })
    }

    fn body(&self, id: MessageId) -> Ticket<Body> {
        self.readers.ask(move |reader| reader.body(id))
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
        match codec::document(&Directive::Bounce(why.to_owned())) {
            Ok(directive) => self.act(Action::Bounce(directive), which, now),
            Err(error) => Ticket::ready(Err(error)),
        }
    }

    fn redirect(&self, id: MessageId, to: Mailbox, carried: Vec<Demand>, now: Timestamp) -> Ticket<ActionReport> {
        self.shared.saw(now);
        let order = Redirect { to, carried };
        self.request(|answer| Command::Redirect { id, order, answer })
    }

    fn shape(&self, now: Timestamp, limit: usize) -> Ticket<Vec<ShapeRow>> {
        self.readers.ask(move |reader| reader.shape(now, limit))
    }

    fn trace(&self, filter: TraceFilter) -> Ticket<Vec<TraceItem>> {
        let folder = self.trace_folder.clone();
        self.readers.ask(move |reader| search::search(reader, &folder, &filter))
    }

    fn trim_trace(&self, now: Timestamp) -> Ticket<u64> {
        let (answer, ticket) = Ticket::pair();
        let _ = self.trace.send(TraceCommand::Trim { now, answer });
        ticket
    }

    fn remove_orphans(&self) -> Ticket<u64> {
        self.readers.ask(readers::Reader::remove_orphans)
    }

    fn directory(&self) -> Ticket<DirectoryState> {
        self.readers
            .ask(|reader| reader.directory(|db| directory::load(db).map(|loaded| loaded.map(|(state, _)| state))))
    }

    fn change_directory(&self, change: DirectoryChange) -> Ticket<u64> {
        self.shared.saw(change.at);
        self.request(|answer| Command::ChangeDirectory(Box::new(DirectoryJob { change, answer })))
    }

    fn directory_history(&self, limit: usize) -> Ticket<Vec<DirectoryVersion>> {
        self.readers
            .ask(move |reader| reader.directory(|db| directory::history(db, limit)))
    }

    fn directory_at(&self, version: u64) -> Ticket<DirectoryState> {
        self.readers
            .ask(move |reader| reader.directory(|db| directory::at(db, version)))
    }

    fn observe(&self, observations: Vec<Observation>) -> Ticket<()> {
        self.observations.observe(observations)
    }

    fn observations(
        &self,
        kind: ObservationKind,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Ticket<Vec<Observation>> {
        self.observations.read(kind, prefix, after, limit)
    }

    fn forget_observations(&self, kind: ObservationKind, before: Timestamp) -> Ticket<u64> {
        self.observations.forget(kind, before)
    }

    fn pressure(&self) -> Pressure {
        self.shared.pressure()
    }

    fn stop(&self) -> Ticket<()> {
        let (answer, ticket) = Ticket::pair();
        let ending = Ending::of(self);
        // Its own thread, since it waits for the others.
        let spawned = thread::Builder::new()
            .name("store-stop".to_owned())
            .spawn(move || drop(answer.send(ending.end(true))));
        match spawned {
            Ok(_) => ticket,
            Err(error) => Ticket::ready(Err(StoreError::Failed(error.to_string()))),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end.
        let _ = Ending::of(self).end(false);
    }
}

/// What is needed to end the threads, in the order in which they need each other.
struct Ending {
    shared: Arc<Shared>,
    trace: Sender<TraceCommand>,
    readers: Arc<Readers>,
    observations: Observations,
    threads: Arc<Mutex<Threads>>,
}

impl Ending {
    fn of(store: &SqliteStore) -> Self {
        Self {
            shared: Arc::clone(&store.shared),
            trace: store.trace.clone(),
            readers: Arc::clone(&store.readers),
            observations: store.observations.clone(),
            threads: Arc::clone(&store.threads),
        }
    }

    fn end(self, clean: bool) -> Result<(), StoreError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.stopping.store(true, Ordering::Relaxed);
        let Some(writer) = threads.writer.take() else {
            return Ok(());
        };
        // Settlements go from the trace to the writer: so the trace ends first. Readers before the writer, so that
        // nobody reads the log when it is emptied.
        let _ = self.trace.send(TraceCommand::Stop);
        join(threads.trace.take());
        self.readers.stop();
        join(threads.readers.drain(..));
        let (answer, stopped) = Ticket::pair();
        let answer = Some(answer);
        // A writer that is gone drops the answer's sender.
        drop(self.shared.insist(Command::Stop { clean, answer }));
        join([writer]);
        let result = stopped.of_ended_thread();
        join(threads.checkpoint.take());
        self.shared.spool.stop();
        join(threads.spool.drain(..));
        self.observations.stop();
        join(threads.observations.take());
        drop(threads.lock.take());
        result
    }
}

/// Runs a thread without which nothing is acknowledged or settled any more. When it panics the process ends: a restart
/// recovers (law 1), and a server that refuses all mail for ever does not.
fn or_abort(name: &str, run: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
        tracing::error!(
            thread = name,
            "a thread of the store panicked; the process ends, to be started anew"
        );
        std::process::abort();
    }
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the store panicked");
        }
    }
}

/// Notices of a settlement, ready to be inserted.
fn prepare_all(sealed: Result<Vec<Sealed>, StoreError>, accepted: Vec<Accepted>) -> Result<Vec<Prepared>, StoreError> {
    sealed?
        .into_iter()
        .zip(accepted)
        .map(|(sealed, accepted)| Prepared::new(sealed, accepted))
        .collect()
}

/// A folder that was there before may let others in, who could read mail then. One that is ours, or empty, is closed to
/// them; any other is left alone and refused.
fn close_to_others(path: &Path) -> Result<(), StoreError> {
    let failed = |source| open_error(path, source);
    let facts = fs::metadata(path).map_err(failed)?;
    if !facts.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    let mut permissions = facts.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = path.join("queue.db").is_file() || fs::read_dir(path).map_err(failed)?.next().is_none();
    if !is_ours {
        let words = "other users can enter this folder, and it holds what is not Sekisho's; name one for it alone";
        return Err(failed(io::Error::other(words)));
    }
    tracing::warn!(path = %path.display(), "the folder was open to other users; it is its owner's alone now");
    permissions.set_mode(permissions.mode() & !0o077);
    fs::set_permissions(path, permissions).map_err(failed)
}

/// A folder of ours in one that nobody else can enter.
fn make_folder_inside(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() { Ok(()) } else { make_folder(path) }
}

/// Makes a folder that its owner alone may enter, and its name durable.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return close_to_others(path),
        Err(source) => return Err(open_error(path, source)),
        Ok(()) => {}
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(parent).and_then(|parent| parent.sync_all());
    synced.map_err(|source| open_error(parent, source))
}

/// The name of the file that is locked.
const LOCK: &str = "lock";

/// The folder's lock, held as long as the file is open.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| open_error(&path, source))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked { path }),
        Err(error) => Err(open_error(&path, error.into())),
    }
}

fn open_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source,
    }
}
