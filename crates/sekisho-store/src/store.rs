//! The trait that the rest of Sekisho sees.

use std::{collections::HashSet, fmt};

use sekisho_mail::{Demand, Mailbox, MessageId, Timestamp};

use crate::{
    Accepted, ActionReport, Commit, Destination, DirectoryChange, DirectoryState, DirectoryVersion, Draft,
    DueDestination, Lease, MessageDetail, Observation, ObservationKind, QueueFilter, QueuedRow, RefusedRecipient,
    Selection, Settlement, ShapeRow, StoreError, Ticket, TraceFilter, TraceItem,
};

/// So many messages that the operator gave orders for are leased at once, whatever the limit asked for.
pub const ORDERS_AT_ONCE: usize = 200;

/// How full the store is, read without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Messages queued.
    pub queued: u64,
    /// Octets free on the file system of the data folder for this user.
    pub free_octets: u64,
    /// Inodes likewise.
    pub free_inodes: u64,
    /// Octets of drafts and leased bodies held in memory.
    pub memory_octets: u64,
    /// Whether the store has failed and is being reopened: no 250 until it is done, and no delivery.
    pub failed: bool,
    /// Whether its pages are to be trusted: no 250 unless they are.
    pub soundness: Soundness,
    /// Messages that were found damaged or dangerous since the start, and set aside.
    pub set_aside: u64,
}

/// Whether what lies on the disk is to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Soundness {
    /// As far as anybody knows.
    #[default]
    Sound,
    /// The store failed, and its pages are being looked at.
    Unchecked,
    /// A page is damaged: what can be read goes out, nothing is taken in until the operator has had it recovered.
    Damaged,
}

/// Everything that lasts. Every method may be called from any thread and never blocks; what takes time is answered
/// through a [`Ticket`].
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// Begins a message; its id is fixed now.
    ///
    /// # Errors
    /// When the store has failed or stopped.
    fn begin(&self, now: Timestamp) -> Result<Draft, StoreError>;

    /// Makes a message durable: answered only when content and envelope are on stable storage (law 1). With `lease`
    /// the message comes back leased when the byte budget allows, so that delivery starts from memory.
    fn commit(&self, draft: Draft, accepted: Accepted, lease: bool) -> Ticket<Commit>;

    /// Destinations with a message due at `now` that is neither leased nor held, and that are not backed off; the
    /// longest due first, at most `limit`. Those in `passed_over` are known to the caller already and left out.
    fn due(&self, now: Timestamp, limit: usize, passed_over: HashSet<Destination>) -> Ticket<Vec<DueDestination>>;

    /// The next instant after `now` at which [`Store::due`] would find something that it does not find now.
    fn next_due(&self, now: Timestamp) -> Ticket<Option<Timestamp>>;

    /// Leases up to `limit` due messages of a destination, oldest due first. Where the operator has given orders for
    /// some of them, these alone and up to [`ORDERS_AT_ONCE`]: an order does not wait for a host that takes no mail.
    fn lease(&self, destination: &Destination, now: Timestamp, limit: usize) -> Ticket<Vec<Lease>>;

    /// Leases up to `limit` messages of a destination that are due but for its back-off and arrived before
    /// `arrived_before`: their time to be told of or given up comes whether or not the destination takes anything.
    fn lease_aged(
        &self,
        destination: &Destination,
        arrived_before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Ticket<Vec<Lease>>;

    /// Ends a lease. Lazy: durable within 100 ms, evidence before the row it settles is gone. The answer comes when it
    /// is durable; nobody has to wait for it.
    fn settle(&self, lease: Lease, settlement: Settlement) -> Ticket<()>;

    /// Writes a refusal into the trace, under the id that is answered: the one that it has, or a new one. Nobody waits
    /// for it, and nothing fails with it: a trace that cannot be written loses it.
    fn trace_refusal(&self, refused: RefusedRecipient) -> MessageId;

    /// Moves a destination's row alone: nothing of it is due before `until`.
    fn back_off(&self, destination: &Destination, until: Timestamp, why: &str) -> Ticket<()>;

    /// Destinations of which nothing is due at `now` because they are backed off, by their names, behind `after`; at
    /// most `limit`. What was backed off a moment ago may be missing.
    fn backed_off(&self, now: Timestamp, after: Option<Destination>, limit: usize) -> Ticket<Vec<Destination>>;

    /// Lists the queue, oldest first, at least `limit` rows when there are so many; `after` continues behind that id,
    /// and for that a message's rows are never parted.
    fn list(
        &self,
        filter: QueueFilter,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Ticket<Vec<QueuedRow>>;

    /// How many messages match.
    fn count(&self, filter: QueueFilter, now: Timestamp) -> Ticket<u64>;

    /// All that is known of one queued message.
    fn show(&self, id: MessageId) -> Ticket<MessageDetail>;

    /// The content of one queued message.
    fn body(&self, id: MessageId) -> Ticket<crate::Body>;

    /// Stops attempts until released.
    fn hold(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport>;

    /// Undoes a hold; due at `now`.
    fn release(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport>;

    /// Due at `now`, the destination's back-off lifted.
    fn retry(&self, which: Selection, now: Timestamp) -> Ticket<ActionReport>;

    /// Orders the next owner to give up and notify the sender (see [`crate::Directive::Bounce`]); due at `now`.
    fn bounce(&self, which: Selection, why: &str, now: Timestamp) -> Ticket<ActionReport>;

    /// Sends what is undone of a message to another address instead; `carried` is added to the demands that travel
    /// with it, so that the stricter of old and new holds. Recipients that thereby become one are merged, with the
    /// demands of all. The original recipient is kept as ORCPT where there was none.
    fn redirect(&self, id: MessageId, to: Mailbox, carried: Vec<Demand>, now: Timestamp) -> Ticket<ActionReport>;

    /// The queue by age and destination, largest first.
    fn shape(&self, now: Timestamp, limit: usize) -> Ticket<Vec<ShapeRow>>;

    /// Searches the trace, newest message first.
    fn trace(&self, filter: TraceFilter) -> Ticket<Vec<TraceItem>>;

    /// Drops what the trace need not keep any longer; answers how many octets of disk that freed.
    fn trim_trace(&self, now: Timestamp) -> Ticket<u64>;

    /// Removes content that no message owns, left behind by a crash; answers how many. Once after the start, when the
    /// listeners are open: it may take long.
    fn remove_orphans(&self) -> Ticket<u64>;

    /// The directory in force.
    fn directory(&self) -> Ticket<DirectoryState>;

    /// Changes the directory, whole or not at all; answers with the version then in force when it is durable. What is
    /// so already makes no new version.
    ///
    /// Answered with [`StoreError::DirectoryMoved`] when the change is based on another version than the current one.
    fn change_directory(&self, change: DirectoryChange) -> Ticket<u64>;

    /// What the newest `limit` versions of the directory changed, newest first.
    fn directory_history(&self, limit: usize) -> Ticket<Vec<DirectoryVersion>>;

    /// The directory as it was at a version; [`StoreError::NoDirectoryVersion`] when it never was.
    fn directory_at(&self, version: u64) -> Ticket<DirectoryState>;

    /// Keeps what was learnt; each replaces what has its kind and key. Nothing else waits for it, and the newest may be
    /// lost in a power cut. At most [`crate::OBSERVATIONS_AT_ONCE`].
    fn observe(&self, observations: Vec<Observation>) -> Ticket<()>;

    /// What was learnt whose key begins with `prefix`, by key, behind the key `after`; at most `limit` and
    /// [`crate::OBSERVATIONS_AT_ONCE`].
    fn observations(
        &self,
        kind: ObservationKind,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Ticket<Vec<Observation>>;

    /// Drops what was learnt of a kind before an instant; answers how many.
    fn forget_observations(&self, kind: ObservationKind, before: Timestamp) -> Ticket<u64>;

    /// How full it is.
    fn pressure(&self) -> Pressure;

    /// Finishes what is under way, checkpoints and closes. Later calls answer [`StoreError::Stopped`].
    fn stop(&self) -> Ticket<()>;
}
