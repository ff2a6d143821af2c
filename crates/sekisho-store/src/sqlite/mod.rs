//! The embedded store: SQLite in WAL mode with one writer that commits in groups.

mod settings;

pub use settings::StoreSettings;

use sekisho_mail::{Demand, Mailbox, MessageId, Timestamp};

use crate::{
    Accepted, ActionReport, Commit, Destination, Draft, DueDestination, Lease, MessageDetail, Pressure, QueueFilter,
    QueuedRow, Selection, Settlement, ShapeRow, StoreError, Ticket, TraceFilter, TraceItem,
};

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {}

impl SqliteStore {
    /// Opens the folder, makes it when it is not there, recovers what a crash left, and starts the threads.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NewerSchema`], or what the disk said.
    pub fn open(_settings: StoreSettings, _now: Timestamp) -> Result<Self, StoreError> {
        todo!()
    }
}

/// Until the parts behind it are in.
impl crate::Store for SqliteStore {
    fn begin(&self, _now: Timestamp) -> Result<Draft, StoreError> {
        todo!()
    }
    fn commit(&self, _draft: Draft, _accepted: Accepted, _lease: bool) -> Ticket<Commit> {
        todo!()
    }
    fn due(&self, _now: Timestamp, _limit: usize) -> Ticket<Vec<DueDestination>> {
        todo!()
    }
    fn next_due(&self, _now: Timestamp) -> Ticket<Option<Timestamp>> {
        todo!()
    }
    fn lease(&self, _destination: &Destination, _now: Timestamp, _limit: usize) -> Ticket<Vec<Lease>> {
        todo!()
    }
    fn settle(&self, _lease: Lease, _settlement: Settlement) -> Ticket<()> {
        todo!()
    }
    fn back_off(&self, _destination: &Destination, _until: Timestamp, _why: &str) -> Ticket<()> {
        todo!()
    }
    fn list(
        &self,
        _filter: QueueFilter,
        _now: Timestamp,
        _after: Option<MessageId>,
        _limit: usize,
    ) -> Ticket<Vec<QueuedRow>> {
        todo!()
    }
    fn show(&self, _id: MessageId) -> Ticket<MessageDetail> {
        todo!()
    }
    fn body(&self, _id: MessageId) -> Ticket<crate::Body> {
        todo!()
    }
    fn hold(&self, _which: Selection, _now: Timestamp) -> Ticket<ActionReport> {
        todo!()
    }
    fn release(&self, _which: Selection, _now: Timestamp) -> Ticket<ActionReport> {
        todo!()
    }
    fn retry(&self, _which: Selection, _now: Timestamp) -> Ticket<ActionReport> {
        todo!()
    }
    fn bounce(&self, _which: Selection, _why: &str, _now: Timestamp) -> Ticket<ActionReport> {
        todo!()
    }
    fn redirect(&self, _id: MessageId, _to: Mailbox, _carried: Vec<Demand>, _now: Timestamp) -> Ticket<ActionReport> {
        todo!()
    }
    fn shape(&self, _now: Timestamp, _limit: usize) -> Ticket<Vec<ShapeRow>> {
        todo!()
    }
    fn trace(&self, _filter: TraceFilter) -> Ticket<Vec<TraceItem>> {
        todo!()
    }
    fn trim_trace(&self, _now: Timestamp) -> Ticket<u64> {
        todo!()
    }
    fn remove_orphans(&self) -> Ticket<u64> {
        todo!()
    }
    fn pressure(&self) -> Pressure {
        todo!()
    }
    fn stop(&self) -> Ticket<()> {
        todo!()
    }
}
