//! What operators ask of the queue and the trace: answered by a few threads with connections of their own, so that a
//! long search holds up neither the writer nor another one.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, params, params_from_iter};
use sekisho_mail::{MessageId, Timestamp};

use super::{
    batch::QUEUED,
    codec,
    command::Command,
    filter::{FAULT, conditions, tables},
    load::{self, Loaded},
    schema,
    shared::Shared,
    soundness::is_damage,
};
use crate::{
    Answer, Body, Destination, MessageDetail, QueueFilter, QueuedRecipient, QueuedRow, ShapeRow, Soundness, StoreError,
    Ticket,
};

/// One for a long search, one for what comes meanwhile.
const READER_THREADS: usize = 2;
/// Questions that may wait.
const WAITING_LIMIT: usize = 256;
/// Rows that one answer can have.
const ROWS_LIMIT: usize = 10_000;

type Question = Box<dyn FnOnce(&mut Reader) + Send>;

/// The way to the reader threads.
pub(super) struct Readers {
    questions: Sender<Option<Question>>,
    waiting: Arc<AtomicUsize>,
}

/// A reader thread's state.
pub(super) struct Reader {
    shared: Arc<Shared>,
    path: PathBuf,
    db: Option<Connection>,
}

impl Readers {
    pub(super) fn start(shared: &Arc<Shared>, path: &std::path::Path) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (questions, queue) = mpsc::channel::<Option<Question>>();
        let queue = Arc::new(Mutex::new(queue));
        let waiting = Arc::new(AtomicUsize::new(0));
        let threads = (0..READER_THREADS)
            .map(|_| {
                let queue = Arc::clone(&queue);
                let waiting = Arc::clone(&waiting);
                let mut reader = Reader {
                    shared: Arc::clone(shared),
                    path: path.to_owned(),
                    db: None,
                };
                thread::Builder::new()
                    .name("store-reader".to_owned())
                    .spawn(move || work(&queue, &waiting, &mut reader))
            })
            .collect::<Result<_, _>>()?;
        Ok((Self { questions, waiting }, threads))
    }

    pub(super) fn stop(&self) {
        for _ in 0..READER_THREADS {
            let _ = self.questions.send(None);
        }
    }

    /// Asks a question that is answered through the ticket.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Ticket<T> {
        if self.waiting.load(Ordering::Relaxed) >= WAITING_LIMIT {
            return Ticket::ready(Err(StoreError::Full("too many questions wait".to_owned())));
        }
        let (answer, ticket): (Answer<T>, Ticket<T>) = Ticket::pair();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // When the threads are gone, the question and its answer's sender are dropped: the ticket says so.
        let _ = self.questions.send(Some(Box::new(move |reader| {
            let _ = answer.send(question(reader));
        })));
        ticket
    }
}

fn work(queue: &Mutex<Receiver<Option<Question>>>, waiting: &AtomicUsize, reader: &mut Reader) {
    loop {
        let question = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Some(question)) = question else { return };
        waiting.fetch_sub(1, Ordering::Relaxed);
        question(reader);
    }
}

impl Reader {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs a question on a connection of one moment; throws the connection away after an error.
    pub(super) fn at_one_moment<T>(
        &mut self,
        question: impl FnOnce(&Connection, &Arc<Shared>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let db = match self.db.take() {
            Some(db) => db,
            None => schema::open_reader(&self.path, &*self.shared.settings.disk).map_err(schema::failed)?,
        };
        let result = db
            .execute_batch("BEGIN")
            .map_err(Fault::from)
            .and_then(|()| question(&db, &self.shared));
        let ended = db.execute_batch("COMMIT");
        if ended.is_ok() && !matches!(result, Err(Fault::Database(_))) {
            self.db = Some(db);
        }
        result.map_err(|fault| match fault {
            Fault::Database(error) => {
                if is_damage(&error) {
                    self.shared.pages.doubt(&error);
                }
                schema::queue_failed(error)
            }
            Fault::Answer(error) => error,
        })
    }

    pub(super) fn list(
        &mut self,
        filter: &QueueFilter,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<QueuedRow>, StoreError> {
        self.at_one_moment(|db, shared| {
            let conditions = conditions(filter, now);
            let limit = limit.min(ROWS_LIMIT);
            let sql = format!(
                "SELECT {} FROM {} WHERE {} AND d.message > ? ORDER BY d.message",
                row_columns(),
                tables(db, filter, limit)?,
                conditions.sql
            );
            let after = after.map_or(i64::MIN, codec::key);
            let values = conditions.values.into_iter().chain([after.into()]);
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut found: Vec<QueuedRow> = Vec::new();
            while let Some(row) = rows.next()? {
                let id = codec::id(row.get(0)?);
                if found.len() >= limit && found.last().is_some_and(|last| last.id != id) {
                    break;
                }
                found.extend(queued_row(row, shared)?.map(|(row, _)| row));
            }
            Ok(found)
        })
    }

    /// Destinations that are backed off, by their names. One whose name cannot be read is left out.
    pub(super) fn backed_off(
        &mut self,
        now: Timestamp,
        after: Option<Destination>,
        limit: usize,
    ) -> Result<Vec<Destination>, StoreError> {
        self.at_one_moment(|db, _| {
            let after = after.map(|after| after.to_string()).unwrap_or_default();
            let mut statement =
                db.prepare_cached("SELECT name FROM destination WHERE back_off > ?1 AND name > ?2 ORDER BY name")?;
            let rows = statement.query_map(params![now.as_millis(), after], |row| row.get::<_, String>(0))?;
            // A page is short only at the end, whatever stands in between.
            let parsed = rows.filter_map(|name| name.map(|name| name.parse().ok()).transpose());
            Ok(parsed.take(limit).collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many messages match.
    pub(super) fn count(&mut self, filter: &QueueFilter, now: Timestamp) -> Result<u64, StoreError> {
        self.at_one_moment(|db, _| {
            let conditions = conditions(filter, now);
            let sql = format!(
                "SELECT count(DISTINCT d.message) FROM {} WHERE {}",
                tables(db, filter, usize::MAX)?,
                conditions.sql
            );
            let mut statement = db.prepare_cached(&sql)?;
            let count = statement.query_row(params_from_iter(conditions.values), |row| row.get(0))?;
            Ok(codec::unsigned(count))
        })
    }

    /// Everything but the attempts, which are in the trace.
    pub(super) fn show(&mut self, id: MessageId) -> Result<MessageDetail, StoreError> {
        self.at_one_moment(|db, shared| {
            let key = codec::key(id);
            let message = sound(load::message(db, shared, key)?, shared, id)?;
            let mut statement = db.prepare_cached(&format!(
                "SELECT {} FROM message m CROSS JOIN delivery d ON d.message = m.id
                 CROSS JOIN destination x ON x.id = d.destination WHERE m.id = ?1",
                row_columns()
            ))?;
            let mut rows = statement.query([key])?;
            let mut detail = MessageDetail {
                rows: Vec::new(),
                envelope: message.envelope,
                arrival: message.arrival,
                recipients: Vec::new(),
                directive: None,
                attempts: Vec::new(),
            };
            while let Some(row) = rows.next()? {
                let directive: Option<Vec<u8>> = row.get(11)?;
                let Some((row, recipients)) = queued_row(row, shared)? else {
                    continue;
                };
                detail.rows.push(row);
                detail.recipients.extend(recipients);
                detail.directive = detail.directive.or_else(|| directive.as_deref().and_then(codec::parse));
            }
            detail.recipients.sort_by_key(|recipient| recipient.index);
            Ok(detail)
        })
    }

    pub(super) fn body(&mut self, id: MessageId) -> Result<Body, StoreError> {
        self.at_one_moment(|db, shared| {
            let key = codec::key(id);
            let message = sound(load::message(db, shared, key)?, shared, id)?;
            sound(load::body(db, shared, key, &message)?, shared, id)
        })
    }

    pub(super) fn shape(&mut self, now: Timestamp, limit: usize) -> Result<Vec<ShapeRow>, StoreError> {
        self.at_one_moment(|db, _| {
            // The largest first by their counters; only those that are shown are walked through.
            let mut statement = db.prepare_cached(
                "SELECT id, name, queued + parked FROM destination WHERE queued + parked > 0
                 ORDER BY queued + parked DESC, name LIMIT ?1",
            )?;
            let limit = i64::try_from(limit.min(ROWS_LIMIT)).unwrap_or(i64::MAX);
            let mut rows = statement.query([limit])?;
            let mut shape = Vec::new();
            while let Some(row) = rows.next()? {
                let name: String = row.get(1)?;
                let Ok(destination) = name.parse() else { continue };
                shape.push(ShapeRow {
                    destination,
                    total: codec::unsigned(row.get(2)?),
                    by_age: by_age(db, row.get(0)?, now)?,
                });
            }
            Ok(shape)
        })
    }

    /// A question about the directory.
    pub(super) fn directory<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.at_one_moment(|db, _| question(db)?.map_err(Fault::Answer))
    }

    /// Removes spool files that belong to no draft and no message.
    pub(super) fn remove_orphans(&mut self) -> Result<u64, StoreError> {
        if self.shared.pages.soundness() != Soundness::Sound {
            // What a row is not found for may have one on the damaged page.
            return Ok(0);
        }
        let spool = self.shared.spool.clone();
        let candidates = spool
            .candidates()
            .map_err(|error| StoreError::Failed(format!("the spool folder: {error}")))?;
        let orphans = self.at_one_moment(|db, _| {
            let mut statement = db.prepare_cached("SELECT 1 FROM message WHERE id = ?1 AND spooled = 1")?;
            let mut orphans = Vec::new();
            for id in candidates {
                if !statement.exists([codec::key(id)])? {
                    orphans.push(id);
                }
            }
            Ok(orphans)
        })?;
        for id in &orphans {
            tracing::info!(message = %id, "removing content that no message owns");
            spool.forget(*id);
        }
        Ok(orphans.len() as u64)
    }
}

/// Why a question has no answer.
pub(super) enum Fault {
    Database(rusqlite::Error),
    Answer(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// What [`queued_row`] reads, of `message m`, `delivery d` and `destination x`.
fn row_columns() -> String {
    format!(
        "m.id, m.arrived, m.size, m.sender, x.id, x.name, d.state, max(d.next_attempt, x.back_off), {FAULT}, \
         d.crc, d.recipients, d.directive, d.attempts"
    )
}

/// A line of the queue; one whose recipients cannot be read is shown without them.
fn queued_row(row: &rusqlite::Row<'_>, shared: &Shared) -> rusqlite::Result<Option<(QueuedRow, Vec<QueuedRecipient>)>> {
    let (key, number): (i64, i64) = (row.get(0)?, row.get(4)?);
    let name: String = row.get(5)?;
    let Ok(destination) = name.parse() else {
        return Ok(None);
    };
    let document = codec::octets(row, 10)?;
    let recipients = load::recipients(key, number, &document, codec::checksum(row, 9)).unwrap_or_default();
    let line = QueuedRow {
        id: codec::id(key),
        arrived: Timestamp::from_millis(row.get(1)?),
        size: codec::unsigned(row.get(2)?),
        sender: row.get(3)?,
        destination,
        recipients: recipients
            .iter()
            .map(|queued| queued.recipient.mailbox.to_string())
            .collect(),
        attempts: row.get(12)?,
        next_attempt: Timestamp::from_millis(row.get(7)?),
        held: row.get::<_, i64>(6)? != QUEUED,
        in_flight: shared.leases.holds(number, key),
        last_fault: row.get(8)?,
    };
    Ok(Some((line, recipients)))
}

/// Doubling ages from 5 minutes; ids carry the time.
fn by_age(db: &Connection, destination: i64, now: Timestamp) -> rusqlite::Result<[u64; 10]> {
    let mut by_age = [0; 10];
    // Answered from the index alone: (destination, state, next_attempt, message).
    let mut statement = db.prepare_cached("SELECT message FROM delivery WHERE destination = ?1")?;
    let mut rows = statement.query([destination])?;
    while let Some(row) = rows.next()? {
        let age_mins = now.since(codec::id(row.get(0)?).began_at()).as_secs() / 60;
        let place = (0..9).find(|place| age_mins < 5 << place).unwrap_or(9);
        by_age[place] += 1;
    }
    Ok(by_age)
}

/// What was read, or why not; damage is told to the writer.
fn sound<T>(loaded: Loaded<T>, shared: &Arc<Shared>, id: MessageId) -> Result<T, Fault> {
    match loaded {
        Loaded::Sound(value) => Ok(value),
        Loaded::Missing => Err(Fault::Answer(StoreError::NoMessage(id))),
        Loaded::Damaged(why) => {
            let _ = shared.insist(Command::SetAside(codec::key(id), why));
            Err(Fault::Answer(StoreError::Damaged(id)))
        }
    }
}
