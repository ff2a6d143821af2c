//! Keeping the write-ahead log short. A helper with a connection of its own copies the log into the database while
//! the writer goes on (a passive checkpoint); the writer restarts the log between two groups when it has grown past
//! its limit, which also bounds how long recovery takes at the next start.

use std::{
    path::PathBuf,
    sync::{
        Arc,
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

/// The writer's side.
pub(super) struct Checkpoint {
    helper: Sender<()>,
    limit: u64,
    since_wake: u64,
    since_restart: u64,
}

impl Checkpoint {
    /// Starts the helper; it ends when this is dropped.
    pub(super) fn start(shared: &Arc<Shared>, path: PathBuf) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (helper, woken) = mpsc::channel();
        let limit = shared.settings.log_limit;
        let disk = Arc::clone(&shared.settings.disk);
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
                    if db.is_none() {
                        db = schema::open_checkpointer(&path, &*disk).ok();
                    }
                    let copied = db.as_ref().map_or(Ok(()), passive);
                    if let Err(error) = copied {
                        // The writer will meet the same fault and act on it.
                        tracing::warn!(%error, "a checkpoint failed");
                        db = None;
                    }
                }
            })?;
        let checkpoint = Self {
            helper,
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

    /// Wakes the helper, and restarts the log, when it is time.
    pub(super) fn between_groups(&mut self, db: &Connection) {
        if self.since_wake >= WAKE_AFTER {
            self.since_wake = 0;
            let _ = self.helper.send(());
        }
        if self.since_restart < self.limit {
            return;
        }
        match restart(db) {
            Ok(true) => self.since_restart = 0,
            // Somebody reads; once more when another sixteenth is written.
            Ok(false) => self.since_restart = self.limit - self.limit / 16,
            Err(error) => tracing::warn!(%error, "the log could not be restarted"),
        }
    }
}

fn passive(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Whether the next commit begins the log anew.
fn restart(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(RESTART_WAIT)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
    db.busy_timeout(schema::BUSY_WAIT)?;
    Ok(busy? == 0)
}
