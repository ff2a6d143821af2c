//! What lasts: the queue, the trace with its evidence, the directory in versions, and what was learnt on the way.
//!
//! [`Store`] is what the rest of Sekisho sees. SQLite is behind it here ([`sqlite`]); a store for several nodes passes
//! the same conformance suite. This crate knows neither SMTP nor TLS nor policy, and time is passed in.

mod budget;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod directory;
mod disk;
mod draft;
mod error;
#[cfg(any(test, feature = "conformance"))]
pub mod model;
mod observation;
mod query;
mod queue;
mod segment;
mod spool;
pub mod sqlite;
mod store;
mod ticket;

pub use directory::{
    DIRECTORY_TEXT_MAX, DOCUMENT_LEN_MAX, DOCUMENTS_MAX, DirectoryChange, DirectoryState, DirectoryVersion, Document,
    DocumentChange, DocumentKey,
};
pub use disk::{Disk, DiskFile, SystemDisk, takes_writes};
pub use draft::{Body, BodyReader, Draft, SpoolBody};
pub use error::StoreError;
pub use observation::{OBSERVATION_KEY_MAX, OBSERVATION_LEN_MAX, OBSERVATIONS_AT_ONCE, Observation, ObservationKind};
pub use query::{
    ActionReport, MessageDetail, QueueFilter, QueuedRow, Selection, ShapeRow, TRACED_ATTEMPTS_MAX, TraceFilter,
    TraceItem, TracedAttempt,
};
pub use queue::{
    Accepted, Alteration, Arrival, Commit, Destination, Directive, DueDestination, Lane, Lease, Notice,
    QueuedRecipient, RecipientResult, RefusedRecipient, Settlement,
};
pub use store::{ORDERS_AT_ONCE, Pressure, Soundness, Store};
pub use ticket::{Answer, Ticket};
