//! The file of observations, `observations.db`, and the thread that alone opens it. Apart from the queue, so that no
//! mail waits for them and damage to them costs no mail: a damaged file is set aside, and a new one begun.
//!
//! The file is made by the first observation. A commit is not flushed: a power cut may take the newest away, never the
//! file's order (WAL with synchronous=NORMAL).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, params};
use sekisho_mail::Timestamp;

use super::schema;
use crate::{Answer, Disk, Observation, ObservationKind, StoreError, Ticket, observation::OBSERVATIONS_AT_ONCE};

/// The name of the file.
pub(super) const FILE: &str = "observations.db";
/// What a damaged one is called from then on; the one before it of that name goes.
const DAMAGED: &str = "observations.db.damaged";
/// Questions and orders that may wait.
const WAITING_MAX: usize = 256;

/// As in [`schema`]: element *n* leads from version *n* to *n* + 1.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE observation (
        kind INTEGER NOT NULL,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE INDEX observation_at ON observation (kind, at);
"];

/// What the thread is asked.
enum Ask {
    Observe(Vec<Observation>, Answer<()>),
    Read {
        kind: ObservationKind,
        prefix: String,
        after: Option<String>,
        limit: usize,
        answer: Answer<Vec<Observation>>,
    },
    Forget(ObservationKind, Timestamp, Answer<u64>),
    Stop,
}

/// Asks the thread.
#[derive(Clone, Debug)]
pub(super) struct Observations(mpsc::SyncSender<Ask>);

impl Observations {
    /// Starts the thread; nothing is opened yet.
    pub(super) fn start(folder: &Path, disk: Arc<dyn Disk>) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, asked) = mpsc::sync_channel(WAITING_MAX);
        let mut book = Book {
            path: folder.join(FILE),
            damaged: folder.join(DAMAGED),
            disk,
            db: None,
        };
        let thread = thread::Builder::new()
            .name("store-observations".to_owned())
            .spawn(move || book.serve(&asked))?;
        Ok((Self(sender), thread))
    }

    pub(super) fn observe(&self, observations: Vec<Observation>) -> Ticket<()> {
        if let Err(unfit) = Observation::check_all(&observations) {
            return Ticket::ready(Err(unfit));
        }
        self.ask(|answer| Ask::Observe(observations, answer))
    }

    pub(super) fn read(
        &self,
        kind: ObservationKind,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Ticket<Vec<Observation>> {
        let prefix = prefix.to_owned();
        self.ask(|answer| Ask::Read {
            kind,
            prefix,
            after,
            limit: limit.min(OBSERVATIONS_AT_ONCE),
            answer,
        })
    }

    pub(super) fn forget(&self, kind: ObservationKind, before: Timestamp) -> Ticket<u64> {
        self.ask(|answer| Ask::Forget(kind, before, answer))
    }

    /// What was asked before is done first.
    pub(super) fn stop(&self) {
        // Without a thread there is nothing to stop.
        let _ = self.0.send(Ask::Stop);
    }

    fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Ticket<T> {
        let (answer, ticket) = Ticket::pair();
        match self.0.try_send(ask(answer)) {
            // Without a thread the answer was dropped, which says that the store has stopped.
            Ok(()) | Err(mpsc::TrySendError::Disconnected(_)) => ticket,
            Err(mpsc::TrySendError::Full(_)) => Ticket::ready(Err(StoreError::Full(
                "too many requests about observations wait for the disk".to_owned(),
            ))),
        }
    }
}

/// What the thread has.
struct Book {
    path: PathBuf,
    damaged: PathBuf,
    disk: Arc<dyn Disk>,
    /// Opened when it is first wanted.
    db: Option<Connection>,
}

impl Book {
    fn serve(&mut self, asked: &Receiver<Ask>) {
        while let Ok(ask) = asked.recv() {
            match ask {
                Ask::Observe(observations, answer) => {
                    drop(answer.send(self.with(|db| write(db, &observations))));
                }
                Ask::Read {
                    kind,
                    prefix,
                    after,
                    limit,
                    answer,
                } => {
                    let read = |db: &mut Connection| select(db, kind, &prefix, after.as_deref(), limit);
                    drop(answer.send(self.unless_empty(read)));
                }
                Ask::Forget(kind, before, answer) => {
                    drop(answer.send(self.unless_empty(|db| delete(db, kind, before))));
                }
                Ask::Stop => break,
            }
        }
    }

    /// As [`Self::with`], but makes no file to find nothing in.
    fn unless_empty<T: Default>(
        &mut self,
        work: impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if self.db.is_none() && !self.path.exists() {
            return Ok(T::default());
        }
        self.with(work)
    }

    /// Does something with the file; once more with a new one when it is damaged.
    fn with<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        match self.attempt(&work) {
            Err(StoreError::DamagedPages(why)) => {
                let path = self.path.display();
                tracing::warn!(%path, why, "observations are damaged: they are set aside, and begun anew");
                self.set_aside()
                    .map_err(|error| StoreError::Failed(error.to_string()))?;
                self.attempt(&work)
            }
            done => done,
        }
    }

    fn attempt<T>(&mut self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let db = match &mut self.db {
            Some(db) => db,
            None => self.db.insert(schema::open_lazy(&self.path, &*self.disk, MIGRATIONS)?),
        };
        let done = work(db);
        if done.is_err() {
            // Whatever is wrong with it, the next one begins with what is on the disk.
            self.db = None;
        }
        done.map_err(schema::queue_failed)
    }

    fn set_aside(&mut self) -> io::Result<()> {
        self.db = None;
        for leftover in ["-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(leftover);
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, &self.damaged)
    }
}

fn write(db: &mut Connection, observations: &[Observation]) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    {
        let mut insert = transaction
            .prepare_cached("INSERT OR REPLACE INTO observation (kind, key, at, body) VALUES (?1, ?2, ?3, ?4)")?;
        for observation in observations {
            insert.execute(params![
                observation.kind.number(),
                observation.key,
                observation.at.as_millis(),
                observation.body
            ])?;
        }
    }
    transaction.commit()
}

fn select(
    db: &Connection,
    kind: ObservationKind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Observation>> {
    let from = after.filter(|after| *after >= prefix);
    let mut statement = db.prepare_cached(if from.is_some() {
        "SELECT key, at, body FROM observation WHERE kind = ?1 AND key > ?2 ORDER BY key"
    } else {
        "SELECT key, at, body FROM observation WHERE kind = ?1 AND key >= ?2 ORDER BY key"
    })?;
    let mut rows = statement.query(params![kind.number(), from.unwrap_or(prefix)])?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        found.push(Observation {
            kind,
            key,
            at: Timestamp::from_millis(row.get(1)?),
            body: row.get(2)?,
        });
    }
    Ok(found)
}

fn delete(db: &Connection, kind: ObservationKind, before: Timestamp) -> rusqlite::Result<u64> {
    db.prepare_cached("DELETE FROM observation WHERE kind = ?1 AND at < ?2")?
        .execute(params![kind.number(), before.as_millis()])
        .map(|count| count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemDisk;

    fn partner(key: &str) -> Observation {
        Observation {
            kind: ObservationKind::Partner,
            key: key.to_owned(),
            at: Timestamp::from_secs(1_795_000_000),
            body: "{}".to_owned(),
        }
    }

    /// What is read from a folder, and then, with `kept`, what is there with that.
    fn visit(folder: &Path, kept: Option<&str>) -> Vec<String> {
        let (observations, thread) = Observations::start(folder, Arc::new(SystemDisk)).unwrap();
        if let Some(key) = kept {
            observations.observe(vec![partner(key)]).wait().unwrap();
        }
        let found = observations
            .read(ObservationKind::Partner, "", None, 10)
            .wait()
            .unwrap();
        observations.stop();
        thread.join().unwrap();
        let stopped = observations.observe(vec![partner("late")]).wait();
        assert!(matches!(stopped, Err(StoreError::Stopped)), "{stopped:?}");
        found.into_iter().map(|found| found.key).collect()
    }

    #[test]
    fn damaged_observations_are_set_aside_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, damaged) = (folder.path().join(FILE), folder.path().join(DAMAGED));
        assert_eq!(visit(folder.path(), None), [""; 0]);
        assert!(!path.exists(), "nothing was kept, so no file is made");
        assert_eq!(visit(folder.path(), Some("one")), ["one"]);
        fs::write(
            &path,
            "no database at all, and long enough to have a header".repeat(100),
        )
        .unwrap();
        assert_eq!(visit(folder.path(), None), [""; 0]);
        assert!(damaged.exists());
        assert_eq!(visit(folder.path(), Some("two")), ["two"]);
        assert_eq!(visit(folder.path(), None), ["two"]);
    }
}
