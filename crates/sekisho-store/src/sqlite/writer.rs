//! The one thread that writes to the queue. It takes everything that waits, makes one transaction of it with one
//! flush, and answers all; then it serves what reads the queue's state: due destinations and leases.
//!
//! After an error of the database nothing is acknowledged: who waits gets the error, and new requests do, until a
//! reopen has recovered. Ends of leases are kept and applied then, since what was delivered must not be due again.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};
use sekisho_mail::Timestamp;

use super::{
    LOCK,
    action::{self, ActionJob},
    batch::{Batch, Then, update_ready},
    checkpoint::Checkpoint,
    codec,
    command::Command,
    directory, insert,
    lease::{self, Wanted},
    load, schema,
    settle::{self, SettleJob},
    shared::Shared,
    soundness::{Look, is_damage},
    watch::{self, Suspects},
};
use crate::{Answer, Destination, Lease, Soundness, StoreError, spool::SpoolEntry};

/// Requests that share one transaction at most, so that the first of them need not wait for ever.
const GROUP_LEN: usize = 2048;
/// Octets likewise.
const GROUP_OCTETS: u64 = 16 * 1024 * 1024;
/// Ends of leases in one of them, unless there is more new mail than that: they come by the dozen, nobody waits for
/// them, and the sender of each message that is in the group or comes meanwhile does.
const SETTLED_MOST: usize = 64;
/// Where new mail is in the group as well, this part of those that wait, so that they spread over the groups to come.
const SETTLED_PART: usize = 8;
/// And at least so many.
const SETTLED_LEAST: usize = 4;
/// How often the writer looks after itself when nothing happens.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// The first wait before a reopen; doubled each time.
const REOPEN_FIRST: Duration = Duration::from_millis(50);
/// The longest wait before a reopen.
const REOPEN_LAST: Duration = Duration::from_secs(5);
/// Free pages given back to the file system at a time.
const VACUUM_PAGES: u32 = 256;

/// What a failed group leaves to be done after the reopen.
#[derive(Default)]
pub(super) struct Aftermath {
    full: bool,
    retry: Vec<SettleJob>,
    pub(super) given_back: Vec<(i64, i64)>,
    /// Messages that were answered with an error and may be in the log all the same, with their files.
    disowned: Vec<(i64, Option<SpoolEntry>)>,
}

impl Drop for Aftermath {
    /// A store that ends before it could remove what it disowned leaves the files too: a row may come back from the
    /// log, and it needs its content then. Files that no row names go at the next start.
    fn drop(&mut self) {
        let entries = self.disowned.drain(..).filter_map(|(_, entry)| entry);
        entries.for_each(SpoolEntry::keep);
    }
}

impl Aftermath {
    pub(super) fn retry(&mut self, job: SettleJob) {
        self.retry.push(job);
    }

    pub(super) fn disown(&mut self, key: i64, entry: Option<SpoolEntry>) {
        self.disowned.push((key, entry));
    }

    pub(super) fn error(&self, why: &str) -> StoreError {
        if self.full {
            StoreError::Full(why.to_owned())
        } else {
            StoreError::Failed(why.to_owned())
        }
    }
}

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    commands: Receiver<Command>,
    /// `None` after an error, until the reopen.
    db: Option<Connection>,
    actions: VecDeque<ActionJob>,
    settlements: VecDeque<SettleJob>,
    aftermath: Aftermath,
    watch_until: Option<Timestamp>,
    checkpoint: Checkpoint,
    reopen_at: Instant,
    reopen_delay: Duration,
    /// A group met a damaged page: what waits is settled one by one, so that only its own message is lost to it.
    damaged: bool,
    /// As in [`Batch`].
    keep_bodies: bool,
    last_housekeeping: Instant,
    /// At all pages, after an error.
    look: Option<Look>,
}

impl Writer {
    /// Recovers what a crash left. The connection has the newest schema.
    pub(super) fn new(
        shared: Arc<Shared>,
        path: PathBuf,
        commands: Receiver<Command>,
        db: Connection,
        checkpoint: Checkpoint,
    ) -> Result<Self, StoreError> {
        let now = shared.latest();
        let mut watch_until = None;
        let mut batch = Batch::begin(&db, &shared, false).map_err(schema::failed)?;
        let begun = watch::begin(&mut batch, now, &shared)
            .map(|until| watch_until = until)
            .and_then(|()| settle::apply_pending(&mut batch));
        begun.map_err(schema::failed)?;
        let fates = batch.commit().map_err(|(error, _)| schema::failed(error))?;
        debug_assert!(fates.is_empty(), "recovery answers nobody");
        sync_names(&path, &shared).map_err(schema::failed)?;
        let queued: i64 = db
            .query_row("SELECT value FROM counter WHERE name = 'messages'", [], |row| {
                row.get(0)
            })
            .map_err(schema::failed)?;
        shared.queued.store(codec::unsigned(queued), Ordering::Relaxed);
        if watch_until.is_some() {
            shared.watching.store(true, Ordering::Relaxed);
            tracing::warn!("the last run did not end cleanly; leases are written down for a while");
        }
        Ok(Self {
            shared,
            path,
            commands,
            db: Some(db),
            actions: VecDeque::new(),
            settlements: VecDeque::new(),
            aftermath: Aftermath::default(),
            watch_until,
            checkpoint,
            reopen_at: Instant::now(),
            reopen_delay: REOPEN_FIRST,
            damaged: false,
            keep_bodies: false,
            last_housekeeping: Instant::now(),
            look: None,
        })
    }

    /// Serves until told to stop.
    pub(super) fn run(mut self) {
        loop {
            let group = match self.next_group() {
                Ok(group) => group,
                Err(Ended) => return,
            };
            let (mut writes, mut reads, mut leases, mut stop) = (Vec::new(), Vec::new(), Vec::new(), None);
            for command in group {
                match command {
                    Command::Act(job) => self.actions.push_back(*job),
                    Command::Settle(jobs) => self.settlements.extend(jobs),
                    Command::Stop { clean, answer } => stop = Some((clean, answer)),
                    Command::Commit(job) => match self.shared.pages.refusal() {
                        None => writes.push(Command::Commit(job)),
                        Some(refusal) => Command::Commit(job).refuse(refusal, &mut self.aftermath),
                    },
                    Command::ChangeDirectory(job) => match self.shared.pages.refusal() {
                        None => writes.push(Command::ChangeDirectory(job)),
                        Some(refusal) => Command::ChangeDirectory(job).refuse(refusal, &mut self.aftermath),
                    },
                    Command::Lease {
                        destination,
                        wanted,
                        answer,
                    } => leases.push((*destination, wanted, answer)),
                    command if command.writes() => writes.push(command),
                    command => reads.push(command),
                }
            }
            self.recover();
            self.write(writes);
            for command in reads {
                self.read(command);
            }
            self.lease(leases);
            self.housekeeping();
            if let Some((clean, answer)) = stop {
                while !self.settlements.is_empty() && self.db.is_some() {
                    self.write(Vec::new());
                }
                return self.stop(clean, answer);
            }
        }
    }

    /// All that waits, up to the limits of a group; waits itself when there is nothing.
    fn next_group(&mut self) -> Result<Vec<Command>, Ended> {
        let wait = if self.db.is_none() {
            self.reopen_at.saturating_duration_since(Instant::now())
        } else if self.actions.is_empty() && self.settlements.is_empty() {
            HOUSEKEEPING
        } else {
            Duration::ZERO
        };
        let first = match self.commands.recv_timeout(wait) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Ok(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return Err(Ended),
        };
        let mut weight = first.weight();
        let mut group = vec![first];
        while group.len() < GROUP_LEN && weight < GROUP_OCTETS {
            let Ok(next) = self.commands.try_recv() else { break };
            weight += next.weight();
            group.push(next);
        }
        self.shared.waiting.fetch_sub(group.len(), Ordering::Relaxed);
        self.checkpoint.wrote(weight);
        Ok(group)
    }

    fn watching(&self) -> bool {
        self.watch_until.is_some()
    }

    /// Who may have killed the process before; nothing when nobody is watched.
    fn suspects(&self, db: &Connection) -> rusqlite::Result<Option<Suspects>> {
        self.watching().then(|| Suspects::load(db)).transpose()
    }

    /// One group: one transaction, one flush, all answered.
    fn write(&mut self, writes: Vec<Command>) {
        if writes.is_empty() && self.actions.is_empty() && self.settlements.is_empty() {
            return;
        }
        let watch = self.watching();
        let Some(db) = self.db.take() else {
            for command in writes {
                command.refuse(not_recovered(), &mut self.aftermath);
            }
            for job in self.actions.drain(..) {
                let _ = job.answer.send(Err(not_recovered()));
            }
            return;
        };
        let result = self.transact(&db, watch, writes);
        match result {
            Ok(fates) => {
                self.db = Some(db);
                // A reopen alone proves nothing: on a full disk each works, and the next write fails.
                self.reopen_delay = REOPEN_FIRST;
                for then in fates {
                    then(Ok(()), &mut self.aftermath);
                }
            }
            Err((error, fates)) => self.fail(&error, fates),
        }
    }

    fn transact(
        &mut self,
        db: &Connection,
        watch: bool,
        writes: Vec<Command>,
    ) -> Result<Vec<Then>, (rusqlite::Error, Vec<Then>)> {
        let shared = Arc::clone(&self.shared);
        let mut batch = match Batch::begin(db, &shared, watch) {
            Ok(batch) => batch,
            Err(error) => {
                for command in writes {
                    command.refuse(StoreError::Failed(error.to_string()), &mut self.aftermath);
                }
                return Err((error, Vec::new()));
            }
        };
        batch.keep_bodies = self.keep_bodies;
        let has_mail = writes.iter().any(|command| matches!(command, Command::Commit(_)));
        let waiting = self.settlements.len();
        let part = if has_mail { waiting / SETTLED_PART } else { waiting };
        // What comes in must not outrun what is done with.
        let most = SETTLED_MOST.max(writes.len());
        let settlements = self.settlements.drain(..part.clamp(SETTLED_LEAST, most).min(waiting));
        let settlements = settlements.map(|job| Command::Settle(vec![job]));
        let mut writes = writes.into_iter().chain(settlements).collect::<Vec<_>>().into_iter();
        for command in writes.by_ref() {
            if let Err(error) = apply(&mut batch, &shared, command) {
                let fates = batch.abandon();
                for command in writes {
                    command.refuse(StoreError::Failed(error.to_string()), &mut self.aftermath);
                }
                return Err((error, fates));
            }
        }
        if let Some(job) = self.actions.pop_front()
            && let Err(error) = self.act(&mut batch, job)
        {
            return Err((error, batch.abandon()));
        }
        let fates = batch.commit()?;
        // Not the database: closing any descriptor of it would drop SQLite's locks (POSIX).
        let lock = self.path.with_file_name(LOCK);
        match shared.settings.disk.takes_writes(&lock) {
            Ok(()) => Ok(fates),
            Err(error) => Err((schema::io_failed(&error), fates)),
        }
    }

    /// A piece of the action that is first in line.
    fn act(&mut self, batch: &mut Batch<'_>, mut job: ActionJob) -> rusqlite::Result<()> {
        match action::advance(batch, &mut job) {
            Ok(false) => self.actions.push_front(job),
            Ok(true) => batch.then(move |fate, aftermath| {
                let _ = job.answer.send(match fate {
                    Ok(()) => Ok(job.report),
                    Err(why) => Err(aftermath.error(why)),
                });
            }),
            Err(error) => {
                let _ = job.answer.send(Err(StoreError::Failed(error.to_string())));
                return Err(error);
            }
        }
        Ok(())
    }

    /// The database is not to be trusted until it was reopened.
    fn fail(&mut self, error: &rusqlite::Error, fates: Vec<Then>) {
        tracing::error!(%error, "the queue's database failed; nothing is acknowledged until it is reopened");
        self.shared.mistrust_log();
        self.damaged |= is_damage(error);
        self.shared.pages.doubt(error);
        self.look.take().into_iter().for_each(Look::end);
        self.aftermath.full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        let why = error.to_string();
        for then in fates {
            then(Err(&why), &mut self.aftermath);
        }
        self.db = None;
        self.reopen_at = Instant::now() + self.reopen_delay;
        self.reopen_delay = (self.reopen_delay * 2).min(REOPEN_LAST);
    }

    /// Reopens when it is time, and makes up for what the failed group left.
    fn recover(&mut self) {
        if self.db.is_some() || Instant::now() < self.reopen_at {
            return;
        }
        match self.reopen() {
            Ok(db) => {
                tracing::info!("the queue's database works again");
                self.db = Some(db);
                self.aftermath.full = false;
                self.look_when_needed();
                self.make_up();
            }
            Err(error) => {
                tracing::warn!(%error, "the queue's database could not be reopened yet");
                if is_damage(&error) {
                    self.shared.pages.condemn(&error.to_string());
                }
                self.reopen_delay = (self.reopen_delay * 2).min(REOPEN_LAST);
                self.reopen_at = Instant::now() + self.reopen_delay;
            }
        }
    }

    fn reopen(&self) -> rusqlite::Result<Connection> {
        let db = schema::open_writer(&self.path, &*self.shared.settings.disk)?;
        // Messages that were answered with an error may have reached the log all the same: their senders come again.
        let batch = Batch::begin(&db, &self.shared, false)?;
        let removed = self
            .aftermath
            .disowned
            .iter()
            .map(|(key, _)| *key)
            .try_fold(batch, |mut batch, key| disown(&mut batch, key).map(|()| batch))?;
        removed.commit().map_err(|(error, _)| error)?;
        sync_names(&self.path, &self.shared)?;
        Ok(db)
    }

    /// After a reopen: the ends of leases that waited.
    fn make_up(&mut self) {
        // Dropping the entries unlinks the files of what was disowned.
        self.aftermath.disowned.clear();
        let mut writes: Vec<Command> = std::mem::take(&mut self.aftermath.given_back)
            .into_iter()
            .map(|(key, destination)| Command::GiveBack(key, destination))
            .collect();
        let mut jobs = std::mem::take(&mut self.aftermath.retry);
        jobs.extend(self.settlements.drain(..));
        if std::mem::take(&mut self.damaged) {
            writes.into_iter().for_each(|write| self.give_back_alone(write));
            jobs.into_iter().for_each(|job| self.settle_alone(job));
        } else {
            writes.push(Command::Settle(jobs));
            self.write(writes);
        }
        self.shared.queue_failed.store(self.db.is_none(), Ordering::Relaxed);
    }

    /// A group of its own for one lease that came back. On a damaged page nothing is left to be done to its row.
    fn give_back_alone(&mut self, write: Command) {
        self.write(vec![write]);
        if std::mem::take(&mut self.damaged) {
            for (key, destination) in std::mem::take(&mut self.aftermath.given_back) {
                self.shared.leases.give_back_dropped(destination, key);
            }
            self.db = self.reopen().ok();
        }
    }

    /// A group of its own for one settlement; when that meets a damaged page, once more without deleting the content,
    /// whose pages are the most and the likeliest. When that fails too, the message stays leased for the life of the
    /// process: it was delivered, and would be again.
    fn settle_alone(&mut self, job: SettleJob) {
        let mut jobs = vec![job];
        for keep_bodies in [false, true] {
            if self.db.is_none() {
                self.db = self.reopen().ok();
            }
            self.keep_bodies = keep_bodies;
            self.write(vec![Command::Settle(jobs)]);
            self.keep_bodies = false;
            if !std::mem::take(&mut self.damaged) {
                return;
            }
            jobs = std::mem::take(&mut self.aftermath.retry);
        }
        self.db = self.reopen().ok();
        for job in jobs {
            let id = job.held.message;
            tracing::error!(message = %id, "a delivered message cannot be settled: its rows lie on a damaged page");
            self.shared.unsettled.fetch_sub(1, Ordering::Relaxed);
            let _ = job.answer.send(Err(StoreError::Damaged(id)));
        }
    }

    fn read(&mut self, command: Command) {
        let Some(db) = self.db.take() else {
            return command.refuse(not_recovered(), &mut self.aftermath);
        };
        let shared = Arc::clone(&self.shared);
        let fault = match command {
            Command::Due {
                now,
                limit,
                passed_over,
                answer,
            } => {
                let due = self.suspects(&db).and_then(|suspects| {
                    let suspects = suspects.unwrap_or_default();
                    lease::due(&db, &shared, (now, limit), &passed_over, &suspects)
                });
                give(answer, due)
            }
            Command::NextDue { now, answer } => {
                let next = self
                    .suspects(&db)
                    .and_then(|suspects| lease::next_due(&db, &shared, now, &suspects.unwrap_or_default()));
                give(answer, next)
            }
            other => {
                // `run` sends only these here.
                other.refuse(StoreError::Unfit("no read"), &mut self.aftermath);
                None
            }
        };
        match fault {
            None => self.db = Some(db),
            // Known, and no better for being opened again.
            Some(error) if is_damage(&error) && self.shared.pages.soundness() == Soundness::Damaged => {
                self.db = Some(db);
            }
            Some(error) => self.fail(&error, Vec::new()),
        }
    }

    /// Gives out what was asked for; while leases are written down, all of it with one flush.
    fn lease(&mut self, wanted: Vec<(Destination, Wanted, Answer<Vec<Lease>>)>) {
        if wanted.is_empty() {
            return;
        }
        let Some(db) = self.db.take() else {
            for (_, _, answer) in wanted {
                let _ = answer.send(Err(not_recovered()));
            }
            return;
        };
        let mut given = Vec::with_capacity(wanted.len());
        let leased = in_transaction(&db, self.watching(), || {
            for (destination, wanted, _) in &wanted {
                let suspects = self.suspects(&db)?;
                given.push(lease::lease(&db, &self.shared, destination, *wanted, suspects)?);
            }
            Ok(())
        });
        if let Err(error) = leased {
            for (_, _, answer) in wanted {
                let _ = answer.send(Err(StoreError::Failed(error.to_string())));
            }
            return self.fail(&error, Vec::new());
        }
        let mut fault = None;
        for ((_, _, answer), leased) in wanted.into_iter().zip(given) {
            let mut damaged = leased.damaged.iter();
            let aside = damaged.try_for_each(|(key, why)| self.set_aside(&db, *key, why));
            fault = fault.or(aside.err());
            let _ = answer.send(Ok(leased.leases));
        }
        match fault {
            None => self.db = Some(db),
            Some(error) => self.fail(&error, Vec::new()),
        }
    }

    fn set_aside(&self, db: &Connection, key: i64, why: &str) -> rusqlite::Result<()> {
        let mut batch = Batch::begin(db, &self.shared, false)?;
        match load::set_aside(&mut batch, key, why) {
            Ok(()) => batch.commit().map(drop).map_err(|(error, _)| error),
            Err(error) => {
                batch.abandon();
                Err(error)
            }
        }
    }

    /// Between two groups: the log's size, free space, the end of the watch, rows that nobody needs.
    fn housekeeping(&mut self) {
        let Some(db) = self.db.take() else { return };
        let mut result = self.checkpoint.between_groups(&db);
        if result.is_ok() && self.last_housekeeping.elapsed() >= HOUSEKEEPING {
            self.last_housekeeping = Instant::now();
            self.shared.refresh_free();
            self.look_when_needed();
            result = self.tidy(&db);
        }
        match result {
            Ok(()) => self.db = Some(db),
            Err(error) => self.fail(&error, Vec::new()),
        }
    }

    fn look_when_needed(&mut self) {
        if self.look.as_ref().is_some_and(|look| !look.is_over()) {
            return;
        }
        match Look::begin_if_needed(&self.shared, &self.path) {
            Ok(look) => self.look = look,
            Err(error) => tracing::warn!(%error, "the pages of the queue's database cannot be checked yet"),
        }
    }

    fn tidy(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let now = self.shared.latest();
        if self.watch_until.is_some_and(|until| now > until) {
            watch::end(db)?;
            self.watch_until = None;
            self.shared.watching.store(false, Ordering::Relaxed);
        }
        let empty: bool = db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM destination WHERE queued = 0 AND parked = 0 AND back_off <= ?1)",
            )?
            .query_row([now.as_millis()], |row| row.get(0))?;
        if empty {
            db.prepare_cached("DELETE FROM destination WHERE queued = 0 AND parked = 0 AND back_off <= ?1")?
                .execute([now.as_millis()])?;
        }
        let free: u32 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        // Moves pages about: not among damaged ones.
        if free > VACUUM_PAGES * 4 && self.shared.pages.soundness() == Soundness::Sound {
            let mut statement = db.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    fn stop(mut self, clean: bool, answer: Option<Answer<()>>) {
        self.reopen_at = Instant::now();
        self.recover();
        self.look.take().into_iter().for_each(Look::end);
        let result = match self.db.take() {
            Some(db) if clean => close(db, &self.shared).map_err(schema::failed),
            Some(_) => Ok(()),
            None => Err(not_recovered()),
        };
        // What is still in the queue finds its sender gone.
        drop(self.commands);
        if let Some(answer) = answer {
            let _ = answer.send(result);
        }
    }
}

/// Makes the name of a log that was begun anew durable. SQLite does that too, and says nothing when it fails.
fn sync_names(path: &Path, shared: &Shared) -> rusqlite::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let synced = shared.settings.disk.sync_folder(folder);
    synced.map_err(|error| schema::io_failed(&error))
}

/// Every way to the thread is gone.
struct Ended;

fn not_recovered() -> StoreError {
    StoreError::Failed("it failed before and has not recovered yet".to_owned())
}

/// Answers a read; the error comes back when the database is at fault.
fn give<T>(answer: Answer<T>, result: rusqlite::Result<T>) -> Option<rusqlite::Error> {
    match result {
        Ok(value) => {
            let _ = answer.send(Ok(value));
            None
        }
        Err(error) => {
            let _ = answer.send(Err(StoreError::Failed(error.to_string())));
            Some(error)
        }
    }
}

fn in_transaction<T>(db: &Connection, wanted: bool, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    if !wanted {
        return work();
    }
    db.execute_batch("BEGIN IMMEDIATE")?;
    match work() {
        Ok(result) => db.execute_batch("COMMIT").map(|()| result),
        Err(error) => {
            // After most errors SQLite has rolled back by itself.
            let _ = db.execute_batch("ROLLBACK");
            Err(error)
        }
    }
}

/// Takes one request into the group.
fn apply(batch: &mut Batch<'_>, shared: &Arc<Shared>, command: Command) -> rusqlite::Result<()> {
    match command {
        Command::Commit(job) => insert::commit(batch, shared, *job),
        Command::Settle(jobs) => {
            let mut jobs = jobs.into_iter();
            for job in jobs.by_ref() {
                if let Err(error) = settle::settle(batch, shared, job) {
                    batch.then(move |_, aftermath| jobs.for_each(|job| aftermath.retry(job)));
                    return Err(error);
                }
            }
            Ok(())
        }
        Command::GiveBack(key, destination) => {
            let result = settle::give_back(batch, key, destination);
            if result.is_ok() {
                // At once: an order behind it in this group would wait for the end of a lease that has ended.
                shared.leases.give_back_dropped(destination, key);
            }
            batch.then(move |fate, aftermath| {
                if fate.is_err() {
                    aftermath.given_back.push((key, destination));
                }
            });
            result
        }
        Command::SetAside(key, why) => load::set_aside(batch, key, &why),
        Command::BackOff {
            destination,
            until,
            why,
            answer,
        } => {
            let result = back_off(batch, &destination, until, &why);
            batch.then(move |fate, aftermath| {
                let _ = answer.send(fate.map_err(|why| aftermath.error(why)));
            });
            result
        }
        Command::Redirect { id, order, answer } => {
            let (report, fault) = match action::redirect_message(batch, id, &order) {
                Ok(report) => (report, None),
                Err(error) => (Err(StoreError::Failed(error.to_string())), Some(error)),
            };
            batch.then(move |fate, aftermath| {
                let _ = answer.send(fate.map_err(|why| aftermath.error(why)).and(report));
            });
            fault.map_or(Ok(()), Err)
        }
        Command::ChangeDirectory(job) => directory::apply(batch, *job),
        // `run` keeps these apart.
        Command::Act(_)
        | Command::Due { .. }
        | Command::NextDue { .. }
        | Command::Lease { .. }
        | Command::Stop { .. } => Ok(()),
    }
}

fn back_off(batch: &mut Batch<'_>, destination: &Destination, until: Timestamp, why: &str) -> rusqlite::Result<()> {
    let number = batch.destination(destination)?.number;
    batch
        .db
        .prepare_cached("UPDATE destination SET back_off = ?2, back_off_why = ?3 WHERE id = ?1")?
        .execute(params![number, until.as_millis(), why])?;
    batch.moved(destination, until);
    update_ready(batch.db, number)
}

/// Removes a message that was never acknowledged, when it is there.
fn disown(batch: &mut Batch<'_>, key: i64) -> rusqlite::Result<()> {
    let rows = batch
        .db
        .prepare_cached("SELECT destination FROM delivery WHERE message = ?1")?
        .query_map([key], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for destination in rows {
        settle::remove(batch, key, destination)?;
    }
    Ok(())
}

/// Says that this was no crash, and empties the log.
fn close(db: Connection, shared: &Shared) -> rusqlite::Result<()> {
    db.execute("DELETE FROM suspect", [])?;
    db.execute("UPDATE counter SET value = 1 WHERE name = 'clean'", [])?;
    // Somebody may still read the log; then the next start empties it.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    tracing::debug!(folder = %shared.settings.folder.display(), "the queue is closed");
    db.close().map_err(|(_, error)| error)
}
