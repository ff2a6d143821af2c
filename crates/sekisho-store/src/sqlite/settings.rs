//! How much of everything the embedded store may use.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{Disk, SystemDisk};

/// Where the store is and how much it may use. [`StoreSettings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The data folder; made with mode 0700 when it is not there.
    pub folder: PathBuf,
    /// Content up to this length, in octets, lives in the database; longer content in a spool file of its own.
    pub body_threshold: usize,
    /// Octets of drafts and leased bodies that may be in memory; above it `begin` is refused and leases come with fewer
    /// messages.
    pub memory_budget: u64,
    /// Octets that stay free on the file system for settling what is queued: below it `begin` is refused.
    pub min_free_octets: u64,
    /// Requests that may wait for a thread of the store; above it they are refused as [`crate::StoreError::Full`].
    pub waiting_limit: usize,
    /// Leases that may be out at once.
    pub lease_limit: usize,
    /// How long a settlement may wait for others to share its flush; at most 100 ms.
    pub settle_delay: Duration,
    /// How long after an unclean start leases are written down.
    pub lease_watch: Duration,
    /// Size of the write-ahead log, in octets, at which the writer restarts it.
    pub log_limit: u64,
    /// How long the trace is kept; whole UTC days.
    pub trace_retention: Duration,
    /// Octets of all closed days of the trace together; the oldest days go first.
    pub trace_cap_octets: u64,
    /// What lies under it all.
    pub disk: Arc<dyn Disk>,
}

impl StoreSettings {
    /// The defaults, in this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            body_threshold: 64 * 1024,
            memory_budget: 256 * 1024 * 1024,
            min_free_octets: 32 * 1024 * 1024,
            waiting_limit: 65_536,
            lease_limit: 20_000,
            settle_delay: Duration::from_millis(50),
            lease_watch: Duration::from_secs(600),
            log_limit: 64 * 1024 * 1024,
            trace_retention: Duration::from_secs(90 * 86_400),
            trace_cap_octets: 4 * 1024 * 1024 * 1024,
            disk: Arc::new(SystemDisk),
        }
    }
}
