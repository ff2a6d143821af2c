//! What the threads of one store share: settings, budgets, gauges, and the ways to each other.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering},
        mpsc::Sender,
    },
};

use sekisho_mail::{MessageId, Timestamp};

use super::{StoreSettings, codec, command::Command, leases::Leases, soundness::Pages};
use crate::{Pressure, StoreError, budget::Budget, queue::LeaseOwner, spool::Spool};

/// Settlements that may wait for the disk before nothing more is leased: some tenths of a second at full speed.
const UNSETTLED_LIMIT: usize = 4000;

pub(super) struct Shared {
    pub(super) settings: StoreSettings,
    pub(super) budget: Arc<Budget>,
    pub(super) leases: Leases,
    pub(super) spool: Spool,
    pub(super) writer: Sender<Command>,
    /// Requests on their way to the writer or waiting there.
    pub(super) waiting: AtomicUsize,
    pub(super) queued: AtomicU64,
    /// Settlements that are not durable yet.
    pub(super) unsettled: AtomicUsize,
    pub(super) queue_failed: AtomicBool,
    /// Held while the queue's log is copied into its database, and while it becomes one that is not to be copied.
    log: Mutex<()>,
    pub(super) trace_failed: AtomicBool,
    pub(super) pages: Pages,
    /// Messages set aside since the start.
    pub(super) set_aside: AtomicU64,
    pub(super) stopping: AtomicBool,
    /// Leases are written down: ends of leases must not wait then, or the innocent would look guilty.
    pub(super) watching: AtomicBool,
    free_inodes: AtomicU64,
    serial: AtomicU32,
    /// The latest instant that anybody passed in.
    latest: AtomicI64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("folder", &self.settings.folder)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(settings: StoreSettings, spool: Spool, writer: Sender<Command>, now: Timestamp) -> Self {
        Self {
            budget: Budget::new(settings.memory_budget),
            pages: Pages::new(&settings.folder),
            set_aside: AtomicU64::new(0),
            settings,
            leases: Leases::default(),
            spool,
            writer,
            waiting: AtomicUsize::new(0),
            queued: AtomicU64::new(0),
            unsettled: AtomicUsize::new(0),
            queue_failed: AtomicBool::new(false),
            log: Mutex::new(()),
            trace_failed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            watching: AtomicBool::new(false),
            free_inodes: AtomicU64::new(u64::MAX),
            // So that ids of a start within the same millisecond as the last one's end do not meet.
            serial: AtomicU32::new(fastrand::u32(..)),
            latest: AtomicI64::new(now.as_millis()),
        }
    }

    /// An id that no message of this process has.
    pub(super) fn next_id(&self, now: Timestamp) -> MessageId {
        MessageId::new(now, self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes note of an instant that was passed in.
    pub(super) fn saw(&self, now: Timestamp) {
        self.latest.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn latest(&self) -> Timestamp {
        Timestamp::from_millis(self.latest.load(Ordering::Relaxed))
    }

    /// Whether nothing more is given out for a while: what is delivered and not settled would be delivered once more
    /// after a crash, so that is bounded (law 1).
    pub(super) fn must_settle_first(&self) -> bool {
        self.trace_failed.load(Ordering::Relaxed) || self.unsettled.load(Ordering::Relaxed) >= UNSETTLED_LIMIT
    }

    /// The queue's database failed: from now on nobody copies its log until it was restored. The writer's connection
    /// is still open, so that nobody has looked at the log anew meanwhile and taken for good what it lost.
    pub(super) fn mistrust_log(&self) {
        let _log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue_failed.store(true, Ordering::Relaxed);
    }

    /// Does something with the queue's log, unless it is not to be trusted.
    pub(super) fn with_trusted_log<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let _log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.queue_failed.load(Ordering::Relaxed)).then(work)
    }

    /// Why nothing can be taken in now, if so.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        if self.stopping.load(Ordering::Relaxed) {
            return Some(StoreError::Stopped);
        }
        // First, since waiting helps against anything else.
        if let Some(refusal) = self.pages.refusal() {
            return Some(refusal);
        }
        if self.queue_failed.load(Ordering::Relaxed) || self.trace_failed.load(Ordering::Relaxed) {
            return Some(StoreError::Failed(
                "it failed before and has not recovered yet".to_owned(),
            ));
        }
        let free = self.spool.free_octets();
        if free < self.settings.min_free_octets {
            return Some(StoreError::Full(format!("{free} octets are free on the file system")));
        }
        if !self.budget.has_room(0) {
            return Some(StoreError::Full("the memory budget is used up".to_owned()));
        }
        None
    }

    /// Hands a request to the writer; gives it back when too many wait already or the writer is gone.
    pub(super) fn request(&self, command: Command) -> Result<(), (Command, StoreError)> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err((command, StoreError::Stopped));
        }
        if self.waiting.load(Ordering::Relaxed) >= self.settings.waiting_limit {
            return Err((
                command,
                StoreError::Full("too many requests wait for the disk".to_owned()),
            ));
        }
        self.insist(command).map_err(|command| (command, StoreError::Stopped))
    }

    /// Hands over what must not be refused: ends of leases, whose number is bounded by that of leases.
    pub(super) fn insist(&self, command: Command) -> Result<(), Command> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.writer.send(command).map_err(|refused| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            refused.0
        })
    }

    /// Asks the file system how much is free.
    pub(super) fn refresh_free(&self) {
        match free(&self.settings) {
            Ok((octets, inodes)) => {
                self.spool.set_free_octets(octets);
                self.free_inodes.store(inodes, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "the file system does not say how much is free"),
        }
    }

    pub(super) fn pressure(&self) -> Pressure {
        Pressure {
            queued: self.queued.load(Ordering::Relaxed),
            free_octets: self.spool.free_octets(),
            free_inodes: self.free_inodes.load(Ordering::Relaxed),
            memory_octets: self.budget.used(),
            failed: self.queue_failed.load(Ordering::Relaxed) || self.trace_failed.load(Ordering::Relaxed),
            soundness: self.pages.soundness(),
            set_aside: self.set_aside.load(Ordering::Relaxed),
        }
    }
}

impl LeaseOwner for Shared {
    fn give_back(&self, message: MessageId, destination: i64) {
        self.leases.note_drop(destination);
        // Without a writer there is nobody left whom a lease could matter to.
        let _ = self.insist(Command::GiveBack(codec::key(message), destination));
    }
}

fn free(settings: &StoreSettings) -> io::Result<(u64, u64)> {
    let facts = rustix::fs::statvfs(&settings.folder)?;
    let octets = facts.f_bavail.saturating_mul(facts.f_frsize);
    // Some file systems make inodes as they need them and report none.
    let inodes = if facts.f_files == 0 { u64::MAX } else { facts.f_favail };
    Ok((octets, inodes))
}
