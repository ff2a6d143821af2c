//! A store in memory for simulations: no threads, no clock, no chance but what is passed in.
//!
//! It is told when what waits becomes durable, fails or is cut off by a crash, and keeps through the latter exactly
//! what it acknowledged and, of the rest, what the dice say. Two things hold as in a real one: what is refused by a
//! failure may be kept all the same, and what belongs to one message keeps its order.

mod files;
mod look;
mod observations;
mod queue;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    mem,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sekisho_mail::{MessageId, Timestamp};

use crate::{StoreError, spool::Spool};
use files::{Files, ModelFiles};
use observations::Observations;
use queue::Queue;
pub use store::ModelStore;
use store::Request;

/// The folder of the spool files, on a disk that has no other.
const SPOOL_FOLDER: &str = "/spool";

/// How a model behaves.
#[derive(Clone, Copy, Debug)]
pub struct ModelSettings {
    /// Whether every request is durable and answered at once; otherwise it waits for [`ModelStore::flush`].
    pub at_once: bool,
    /// A fault put in on purpose: commits are answered at once and become durable with the next flush. What judges a
    /// simulation has to notice.
    pub acknowledge_early: bool,
    /// Content above so many octets goes into files.
    pub spool_threshold: usize,
    /// How long evidence is kept.
    pub trace_kept: Duration,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            at_once: false,
            acknowledge_early: false,
            spool_threshold: 64 * 1024,
            trace_kept: Duration::from_secs(30 * 86_400),
        }
    }
}

/// What outlives the stores that are opened over it, one at a time. Cheap to clone: the same disk.
#[derive(Clone, Debug)]
pub struct ModelDisk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ModelSettings,
    files: Arc<Files>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// The store that owns it; requests of earlier ones do nothing.
    life: u64,
    is_open: bool,
    serial: u32,
    durable: Queue,
    /// Not acknowledged yet, in the order of asking.
    waiting: Vec<Request>,
    /// Kept at once: nobody relies on a crash's losing them.
    observations: Observations,
}

impl ModelDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(settings: ModelSettings) -> Self {
        Self(Arc::new(Inner {
            settings,
            files: Arc::default(),
            table: Mutex::default(),
        }))
    }

    /// Opens what is there.
    ///
    /// # Errors
    /// When a store over it has neither stopped nor crashed.
    pub fn open(&self, now: Timestamp) -> Result<Arc<ModelStore>, StoreError> {
        let mut table = self.table();
        if table.is_open {
            let path = SPOOL_FOLDER.into();
            return Err(StoreError::Locked { path });
        }
        table.is_open = true;
        table.durable.put_all_back(now);
        let life = table.life;
        drop(table);
        let files = Arc::clone(&self.0.files);
        let files = ModelFiles {
            life: files.life(),
            files,
        };
        let spool = Spool::without_threads(SPOOL_FOLDER.into(), Arc::new(files));
        Ok(ModelStore::new(self.clone(), life, spool))
    }

    /// The machine stops between two instructions, and starts anew: the store that is open does nothing any more. What
    /// it acknowledged is there; of the rest, each message has a random first part of what was asked about it.
    pub fn crash(&self, dice: &mut fastrand::Rng) {
        self.0.files.end_life(Some(dice));
        let mut table = self.table();
        table.life += 1;
        table.is_open = false;
        let waiting = mem::take(&mut table.waiting);
        let mut cut_off: BTreeSet<MessageId> = BTreeSet::new();
        for request in &waiting {
            let about = request.about();
            let is_kept = dice.bool() && about.is_none_or(|id| !cut_off.contains(&id));
            if is_kept {
                request.apply(&mut table.durable, &BTreeSet::new());
                continue;
            }
            // Evidence comes before the row that it settles is gone, and may be all that lasts.
            if let Request::Settle { key, results, .. } = request
                && !cut_off.contains(&key.0)
                && dice.bool()
            {
                table.durable.write_evidence(key.0, results);
            }
            cut_off.extend(about);
        }
        // What waited has parts of the old life, which may look at the disk when they end.
        drop(table);
        drop(waiting);
    }

    /// Messages queued, durable ones alone.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.table().durable.messages.len()
    }

    /// Messages of which the trace has evidence.
    #[must_use]
    pub fn traced(&self) -> usize {
        self.table().durable.trace.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_file(&self, path: &Path) -> Option<bytes::Bytes> {
        self.0.files.read(path)
    }
}
