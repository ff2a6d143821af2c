//! The trace's writer: a thread of its own that writes evidence into the day's file and only then hands the
//! settlement on to the queue's writer. Evidence is thus durable before the row that it settles is gone; a crash in
//! between repeats an attempt, and the trace shows both.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use rusqlite::{Connection, params};
use sekisho_mail::{
    ChannelFacts, ChannelSecurity, Envelope, Evidence, Host, Mailbox, Outcome, Recipient, ReversePath, Timestamp,
    TlsVersion,
};

use super::{
    codec,
    command::Command,
    day::{self, Volume},
    evidence, schema,
    settle::SettleJob,
    shared::Shared,
};
use crate::{
    Answer, Arrival, RefusedRecipient, StoreError,
    queue::{Documents, Held},
};

/// Settlements that share a flush at most.
const GROUP_LEN: usize = 1024;
/// So many settlements need not wait for more: what is written at a time is bounded, so that the thread gives the
/// processor back soon.
const GATHERED: usize = 48;
/// How often they are counted.
const GATHER_STEP: Duration = Duration::from_millis(5);
/// How long after a failure it is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// At most.
const RETRY_LAST: Duration = Duration::from_secs(5);
/// The cap holds so many files of the trace: what is dropped at a time is this share of it.
const PARTS_IN_CAP: u64 = 8;
/// A file is at least so large before another begins.
const PART_OCTETS_MIN: u64 = 256 * 1024;
/// Channels of which it is known that they have a row: more connections than this are seldom at work at a time, and one
/// that is forgotten gets another row.
const CHANNELS_LEN: usize = 256;
/// A settlement is durable within this time, whatever the settings say.
const DELAY_LIMIT: Duration = Duration::from_millis(100);

/// What the trace's writer is asked.
pub(super) enum TraceCommand {
    Settle(Box<SettleJob>),
    Refused(Box<RefusedRecipient>),
    Trim { now: Timestamp, answer: Answer<u64> },
    Stop,
}

/// The thread's state.
pub(super) struct TraceWriter {
    shared: Arc<Shared>,
    folder: PathBuf,
    commands: Receiver<TraceCommand>,
    /// The file that is written to.
    open: Option<Open>,
    /// Closing builds indexes, which may take seconds: settlements do not wait for it.
    closing: Vec<JoinHandle<()>>,
}

/// A file that is written to.
struct Open {
    volume: Volume,
    db: Connection,
    channels: Channels,
}

/// Which channels have a row in the file that is open, oldest first. Known by their place in memory, which nobody else
/// gets as long as they are held here. A transaction that fails takes rows back: then the file is opened anew, and this
/// begins empty.
#[derive(Default)]
struct Channels(VecDeque<(Arc<ChannelFacts>, ChannelRow)>);

#[derive(Clone, Copy)]
struct ChannelRow {
    id: i64,
    crc: u32,
}

impl Channels {
    /// The row of a channel, made when it has none.
    fn row(&mut self, db: &Connection, channel: &Arc<ChannelFacts>) -> Result<ChannelRow, StoreError> {
        let known = self.0.iter().rev().find(|(known, _)| Arc::ptr_eq(known, channel));
        if let Some((_, row)) = known {
            return Ok(*row);
        }
        let document = codec::document(&**channel)?;
        let crc = crc32fast::hash(&document);
        db.prepare_cached("INSERT INTO channel (crc, document) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![crc, document]))
            .map_err(schema::failed)?;
        let row = ChannelRow {
            id: db.last_insert_rowid(),
            crc,
        };
        if self.0.len() >= CHANNELS_LEN {
            self.0.pop_front();
        }
        self.0.push_back((Arc::clone(channel), row));
        Ok(row)
    }
}

impl TraceWriter {
    /// Starts the thread.
    pub(super) fn start(
        shared: Arc<Shared>,
        folder: PathBuf,
    ) -> std::io::Result<(Sender<TraceCommand>, JoinHandle<()>)> {
        let (sender, commands) = crossbeam_channel::unbounded();
        let writer = Self {
            shared,
            folder,
            commands,
            open: None,
            closing: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("store-trace".to_owned())
            .spawn(move || super::or_abort("trace", || writer.run()))?;
        Ok((sender, thread))
    }

    fn run(mut self) {
        self.close_old_volumes();
        let mut more_waits = false;
        while let Ok(first) = self.commands.recv() {
            if !more_waits && !matches!(first, TraceCommand::Trim { .. } | TraceCommand::Stop) {
                self.gather();
            }
            let (mut jobs, mut refused, mut trims, mut stop) = (Vec::new(), Vec::new(), Vec::new(), false);
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    TraceCommand::Settle(job) => jobs.push(*job),
                    TraceCommand::Refused(recipient) => refused.push(*recipient),
                    TraceCommand::Trim { now, answer } => trims.push((now, answer)),
                    TraceCommand::Stop => stop = true,
                }
                more_waits = jobs.len() + refused.len() >= GROUP_LEN;
                next = if more_waits || stop {
                    None
                } else {
                    self.commands.try_recv().ok()
                };
            }
            if let Err(error) = self.write_refused(&refused) {
                tracing::error!(%error, refused = refused.len(), "refusals could not be written into the trace");
                self.open = None;
            }
            self.settle(jobs, stop);
            for (now, answer) in trims {
                let _ = answer.send(self.trim(now));
            }
            if stop {
                break;
            }
        }
        // The folder is given up next.
        for closing in self.closing {
            let _ = closing.join();
        }
    }

    /// Lets settlements collect, until there are some or the first has waited long enough. Asleep, not waiting for
    /// each: one that comes meanwhile wakes nobody.
    fn gather(&self) {
        let until = Instant::now() + self.delay();
        while self.commands.len() < GATHERED {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(GATHER_STEP));
        }
    }

    /// How long a settlement may wait for others.
    fn delay(&self) -> Duration {
        if self.shared.watching.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.shared.settings.settle_delay.min(DELAY_LIMIT)
    }

    /// Writes evidence, again and again until it is durable or the store stops, then hands the settlements on.
    fn settle(&mut self, jobs: Vec<SettleJob>, mut last_try: bool) {
        if jobs.is_empty() {
            return;
        }
        let mut delay = RETRY_FIRST;
        while let Err(error) = self.write(&jobs) {
            tracing::error!(%error, "the trace cannot be written; settlements wait");
            // Opened again, its log is restored.
            let open = self.open.take();
            if let (Some(Open { volume, db, .. }), StoreError::Failed(why)) = (open, &error)
                && is_damage(why)
            {
                drop(db);
                if let Err(error) = self.move_away(volume) {
                    tracing::error!(%error, "a damaged day of the trace cannot be moved away");
                }
            }
            self.shared.trace_failed.store(true, Ordering::Relaxed);
            last_try |= self.shared.stopping.load(Ordering::Relaxed);
            if last_try {
                // Unsettled, the rows stay: what was delivered is delivered once more after the restart.
                for job in jobs {
                    self.shared.unsettled.fetch_sub(1, Ordering::Relaxed);
                    let _ = job.answer.send(Err(StoreError::Failed(error.to_string())));
                }
                return;
            }
            thread::sleep(delay);
            delay = (delay * 2).min(RETRY_LAST);
        }
        self.shared.trace_failed.store(false, Ordering::Relaxed);
        // When the writer is gone the answers' senders drop, and who waits learns that the store has stopped.
        let _ = self.shared.insist(Command::Settle(jobs));
    }

    fn write(&mut self, jobs: &[SettleJob]) -> Result<(), StoreError> {
        let Some(day) = jobs.iter().filter_map(ended_at).map(Timestamp::day).max() else {
            return Ok(());
        };
        let open = self.volume(day)?;
        open.db.execute_batch("BEGIN IMMEDIATE").map_err(schema::failed)?;
        for job in jobs {
            insert(open, job)?;
        }
        open.db.execute_batch("COMMIT").map_err(schema::failed)
    }

    fn write_refused(&mut self, refused: &[RefusedRecipient]) -> Result<(), StoreError> {
        let Some(day) = refused.iter().map(|one| one.evidence.at.day()).max() else {
            return Ok(());
        };
        let open = self.volume(day)?;
        open.db.execute_batch("BEGIN IMMEDIATE").map_err(schema::failed)?;
        for one in refused {
            let key = codec::key(one.evidence.message);
            let documents = Documents {
                size: one.size,
                envelope: codec::document(&one.envelope)?,
                arrival: codec::document(&one.arrival)?,
            };
            insert_message(&open.db, key, (&documents, &one.envelope, &one.arrival))?;
            insert_attempt(open, key, &one.evidence)?;
        }
        open.db.execute_batch("COMMIT").map_err(schema::failed)
    }

    /// The file for evidence of this day; closes the one before when another begins.
    fn volume(&mut self, day: i64) -> Result<&mut Open, StoreError> {
        let wanted = self.wanted(day)?;
        if self.open.as_ref().is_none_or(|open| open.volume != wanted) {
            if let Some(Open { volume, db, .. }) = self.open.take() {
                self.close(volume, db);
            }
            let path = wanted.path(&self.folder);
            let disk = &*self.shared.settings.disk;
            let db = match day::open_writer(&path, disk) {
                Err(StoreError::Failed(why)) if is_damage(&why) => {
                    self.move_away(wanted)?;
                    day::open_writer(&path, disk)?
                }
                other => other?,
            };
            self.shared
                .settings
                .disk
                .sync_folder(&self.folder)
                .map_err(|error| StoreError::Failed(error.to_string()))?;
            self.open = Some(Open {
                volume: wanted,
                db,
                channels: Channels::default(),
            });
            // Room is made for a file before it is full, not an hour later.
            if let Err(error) = self.trim(self.shared.latest()) {
                tracing::warn!(%error, "the trace could not be trimmed");
            }
        }
        self.open.as_mut().ok_or(StoreError::Stopped)
    }

    /// Which file that is: another part when the last one has grown to its share of the cap, so that the cap can be
    /// kept by dropping whole files, however busy a day is.
    fn wanted(&self, day: i64) -> Result<Volume, StoreError> {
        // A clock that goes back does not open a closed day again.
        let last = match &self.open {
            Some(open) if open.volume.day >= day => open.volume,
            _ => {
                let volumes = day::volumes(&self.folder).map_err(|error| StoreError::Failed(error.to_string()))?;
                let of_day = volumes.into_iter().find(|volume| volume.day == day);
                of_day.unwrap_or_else(|| Volume::first(day))
            }
        };
        let share = (self.shared.settings.trace_cap_octets / PARTS_IN_CAP).max(PART_OCTETS_MIN);
        let is_full = day::size(&last.path(&self.folder)) >= share;
        Ok(if is_full { last.next() } else { last })
    }

    /// Closes a file on a thread of its own.
    fn close(&mut self, volume: Volume, db: Connection) {
        self.closing.retain(|closing| !closing.is_finished());
        let spawned = thread::Builder::new().name("store-closing".to_owned()).spawn(move || {
            if let Err(error) = day::close(db) {
                tracing::warn!(?volume, %error, "a file of the trace could not be closed");
            }
        });
        match spawned {
            Ok(closing) => self.closing.push(closing),
            // It is searched without its indexes.
            Err(error) => tracing::warn!(?volume, %error, "a file of the trace could not be closed"),
        }
    }

    /// What can still be read of a damaged file stays beside the others under another name.
    fn move_away(&self, volume: Volume) -> Result<(), StoreError> {
        let path = volume.path(&self.folder);
        day::move_away(&path, self.shared.latest()).map_err(|error| StoreError::Failed(error.to_string()))?;
        tracing::error!(path = %path.display(), "a day of the trace is damaged and was moved away");
        Ok(())
    }

    /// Files that the last run left open, all but the newest.
    fn close_old_volumes(&mut self) {
        let volumes = day::volumes(&self.folder).unwrap_or_default();
        for volume in volumes.into_iter().skip(1) {
            let path = volume.path(&self.folder);
            let disk = &*self.shared.settings.disk;
            let closed = day::open_reader(&path, disk).and_then(|db| match db {
                Some(db) => day::is_closed(&db),
                None => Ok(true),
            });
            if closed.unwrap_or(true) {
                continue;
            }
            match day::open_writer(&path, disk) {
                Ok(db) => self.close(volume, db),
                Err(error) => tracing::warn!(path = %path.display(), %error, "a file of the trace cannot be opened"),
            }
        }
    }

    /// Unlinks files that are too old, then the oldest until the rest is below the cap. The newest stays.
    fn trim(&self, now: Timestamp) -> Result<u64, StoreError> {
        let settings = &self.shared.settings;
        let failed = |error: std::io::Error| StoreError::Failed(format!("the trace's folder: {error}"));
        let oldest = now.minus(settings.trace_retention).day();
        let (mut kept, mut freed) = (0u64, 0);
        let volumes = day::volumes(&self.folder).map_err(failed)?;
        for (place, volume) in volumes.into_iter().enumerate() {
            let path = volume.path(&self.folder);
            kept += day::size(&path);
            if place > 0 && (volume.day < oldest || kept > settings.trace_cap_octets) {
                freed += day::unlink(&path, &*settings.disk).map_err(failed)?;
            }
        }
        Ok(freed)
    }
}

fn is_damage(why: &str) -> bool {
    why.contains("malformed") || why.contains("not a database")
}

fn ended_at(job: &SettleJob) -> Option<Timestamp> {
    job.results
        .iter()
        .filter_map(|result| result.evidence.as_ref())
        .map(|evidence| evidence.at)
        .max()
}

fn insert(open: &mut Open, job: &SettleJob) -> Result<(), StoreError> {
    let key = codec::key(job.held.message);
    let mut evidence = job
        .results
        .iter()
        .filter_map(|result| result.evidence.as_ref())
        .peekable();
    if evidence.peek().is_some() {
        let Held {
            documents,
            envelope,
            arrival,
            ..
        } = &job.held;
        insert_message(&open.db, key, (documents, envelope, arrival))?;
    }
    evidence.try_for_each(|evidence| insert_attempt(open, key, evidence))
}

fn insert_message(
    db: &Connection,
    key: i64,
    (documents, envelope, arrival): (&Documents, &Envelope, &Arrival),
) -> Result<(), StoreError> {
    let known = db
        .prepare_cached("SELECT 1 FROM message WHERE id = ?1")
        .and_then(|mut statement| statement.exists([key]))
        .map_err(schema::failed)?;
    if known {
        return Ok(());
    }
    let (sender, sender_domain) = match &envelope.reverse_path {
        ReversePath::Null => (codec::text_hash("<>"), codec::text_hash("<>")),
        ReversePath::Mailbox(mailbox) => mailbox_hashes(mailbox),
    };
    db.prepare_cached(
        "INSERT INTO message (id, arrived, tls, size, sender, sender_domain, message_id_header, crc, envelope, arrival)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            key,
            arrival.at.as_millis(),
            tls(&arrival.security),
            codec::signed(documents.size),
            sender,
            sender_domain,
            arrival.message_id_header.as_deref().map(codec::text_hash),
            codec::message_crc(key, documents.size, 0, &documents.envelope, &documents.arrival),
            documents.envelope,
            documents.arrival,
        ])
    })
    .map(drop)
    .map_err(schema::failed)
}

fn insert_attempt(open: &mut Open, key: i64, evidence: &Evidence) -> Result<(), StoreError> {
    let Open { db, channels, .. } = open;
    let channel = match &evidence.channel {
        Some(channel) => Some(channels.row(db, channel)?),
        None => None,
    };
    let document = evidence::document(evidence)?;
    let crc = evidence::checksum(&document, channel.map(|row| row.crc));
    let (recipient, domain) = mailbox_hashes(&evidence.recipient.mailbox);
    let (original, original_domain) = original_mailbox(&evidence.recipient)
        .map(|mailbox| mailbox_hashes(&mailbox))
        .unzip();
    let security = evidence.channel.as_ref().map(|channel| tls(&channel.security));
    db.prepare_cached(
        "INSERT INTO attempt (message, at, tls, outcome, recipient, recipient_domain, original, original_domain)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        let at = evidence.at.as_millis();
        statement.execute(params![
            key,
            at,
            security,
            outcome_number(&evidence.outcome),
            recipient,
            domain,
            original,
            original_domain,
        ])
    })
    .map_err(schema::failed)?;
    db.prepare_cached("INSERT INTO evidence (attempt, crc, document, channel) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| {
            statement.execute(params![
                db.last_insert_rowid(),
                crc,
                document,
                channel.map(|row| row.id)
            ])
        })
        .map(drop)
        .map_err(schema::failed)
}

/// The address that the sender wrote first, when it is one of the Internet's.
pub(super) fn original_mailbox(recipient: &Recipient) -> Option<Mailbox> {
    let address = recipient.orcpt.as_ref()?.address()?;
    Mailbox::parse(&address).ok()
}

/// Hashes of the address and of what stands right of its `@`.
pub(super) fn mailbox_hashes(mailbox: &Mailbox) -> (i64, i64) {
    (codec::text_hash(&mailbox.to_string()), host_hash(mailbox.host()))
}

pub(super) fn host_hash(host: &Host) -> i64 {
    codec::text_hash(&host.to_string())
}

/// 0 in the clear, 12 and 13 for the versions of TLS.
pub(super) const fn tls(security: &ChannelSecurity) -> i64 {
    match security {
        ChannelSecurity::Plaintext(_) => 0,
        ChannelSecurity::Tls(facts) => tls_number(facts.version),
    }
}

pub(super) const fn tls_number(version: TlsVersion) -> i64 {
    match version {
        TlsVersion::Tls12 => 12,
        TlsVersion::Tls13 => 13,
    }
}

const fn outcome_number(outcome: &Outcome) -> i64 {
    match outcome {
        Outcome::Delivered { .. } => 0,
        Outcome::Deferred { .. } => 1,
        Outcome::Bounced { .. } => 2,
    }
}

/// The number of an outcome's word; one that no outcome has finds nothing.
pub(super) fn outcome_by_word(word: &str) -> i64 {
    match word {
        "delivered" => 0,
        "deferred" => 1,
        "bounced" => 2,
        _ => -1,
    }
}
