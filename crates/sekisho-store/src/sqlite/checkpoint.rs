//! Keeping the write-ahead log short. A helper with a connection of its own copies the log into the database while
//! the writer goes on (a passive checkpoint); the writer restarts the log between two groups when it has grown past
//! its limit, which also bounds how long recovery takes at the next start.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::{schema, shared::Shared};

/// The helper is woken after so many octets of log.
const WAKE_AFTER: u64 = 4 * 1024 * 1024;
/// What is left of the log is copied after so long without anything new.
const IDLE: Duration = Duration::from_secs(5);
/// How long the writer waits for readers of the log when it restarts it; it tries again after the next group.
const RESTART_WAIT: Duration = Duration::from_millis(20);

/// What the helper tells the writer.
#[derive(Debug, Default)]
struct Found {
    /// Octets in the log, at the helper's last look.
    log_octets: AtomicU64,
    /// A checkpoint failed: what it read or wrote is not to be trusted.
    failed: AtomicBool,
}

/// The writer's side.
pub(super) struct Checkpoint {
    helper: Sender<()>,
    found: Arc<Found>,
    limit: u64,
    since_wake: u64,
    /// By estimate, which is low where groups are small; the helper's looks make up for it.
    since_restart: u64,
}

impl Checkpoint {
    /// Starts the helper; it ends when this is dropped.
    pub(super) fn start(shared: &Arc<Shared>, path: PathBuf) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (helper, woken) = mpsc::channel();
        let limit = shared.settings.log_limit;
        let (shared, disk) = (Arc::clone(shared), Arc::clone(&shared.settings.disk));
        let found = Arc::new(Found::default());
        let told = Arc::clone(&found);
        let thread = thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || {
                let mut db = None;
                let mut dirty = false;
                loop {
                    match woken.recv_timeout(IDLE) {
                        Ok(()) => dirty = true,
                        Err(RecvTimeoutError::Timeout) if !dirty => continue,
                        Err(RecvTimeoutError::Timeout) => dirty = false,
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                    let copied = shared.with_trusted_log(|| {
                        if db.is_none() {
                            db = schema::open_checkpointer(&path, &*disk).ok();
                        }
                        db.as_ref().map(passive)
                    });
                    match copied.flatten() {
                        Some(Ok(octets)) => told.log_octets.store(octets, Ordering::Relaxed),
                        Some(Err(error)) => {
                            tracing::warn!(%error, "a checkpoint failed");
                            told.failed.store(true, Ordering::Relaxed);
                            db = None;
                        }
                        None => {}
                    }
                }
            })?;
        let checkpoint = Self {
            helper,
            found,
            limit,
            since_wake: 0,
            since_restart: 0,
        };
        Ok((checkpoint, thread))
    }

    /// About so many octets were written.
    pub(super) fn wrote(&mut self, octets: u64) {
        self.since_wake += octets;
        self.since_restart += octets;
    }

    /// Wakes the helper, or restarts the log, when it is time.
    ///
    /// # Errors
    /// When a checkpoint failed, the helper's or the restart: the database is reopened then as after any other fault.
    pub(super) fn between_groups(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if self.found.failed.swap(false, Ordering::Relaxed) {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
                Some("a checkpoint failed".to_owned()),
            ));
        }
        let is_long = self.since_restart.max(self.found.log_octets.load(Ordering::Relaxed)) >= self.limit;
        if !is_long && self.since_wake < WAKE_AFTER {
            return Ok(());
        }
        // Not both at once: they would only be in each other's way.
        if is_long && restart(db)? {
            self.found.log_octets.store(0, Ordering::Relaxed);
            self.since_restart = 0;
            self.since_wake = 0;
            return Ok(());
        }
        if is_long {
            // Somebody reads; once more when another sixteenth is written.
            self.found.log_octets.store(0, Ordering::Relaxed);
            self.since_restart = self.limit - self.limit / 16;
        }
        if self.since_wake >= WAKE_AFTER {
            self.since_wake = 0;
            let _ = self.helper.send(());
        }
        Ok(())
    }
}

/// Copies what can be copied without waiting; octets in the log.
fn passive(db: &Connection) -> rusqlite::Result<u64> {
    let frames: i64 = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // Each frame has a header of 24 octets.
    Ok(u64::try_from(frames.max(0) * (page + 24)).unwrap_or(0))
}

/// Whether the next commit begins the log anew.
fn restart(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(RESTART_WAIT)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
    db.busy_timeout(schema::BUSY_WAIT)?;
    Ok(busy? == 0)
}
