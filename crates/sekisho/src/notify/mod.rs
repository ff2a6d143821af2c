//! Notifications to the sender about what became of a message (RFC 3461 to 3464).
//!
//! When a recipient has failed for good, when one is late and for how long a message is tried is decided elsewhere
//! (`outbound`); who wants to hear of it, and in which words, is decided here. A notification is never answered by
//! another: nothing is written for a null return path (RFC 5321 §6.1).

use sekisho_mail::{Demand, Domain, Timestamp};
use sekisho_store::{Lease, Notice, RecipientResult, Store, StoreError};

use crate::local::Directory;

/// In whose name notifications are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// Our name: the reporting MTA, and the domain of `MAILER-DAEMON` and `postmaster`.
    pub hostname: Domain,
}

/// A lease that is about to be settled.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// The message.
    pub lease: &'a Lease,
    /// One for each recipient of the lease. A delay is told where [`RecipientResult::delay_notified`] is set and the
    /// sender did not forbid it.
    pub results: &'a [RecipientResult],
    /// What the route of this destination demands, even when nothing was attempted.
    pub route_demands: &'a [Demand],
    /// Until when the message is tried: for notifications of delay.
    pub expires: Timestamp,
}

/// Writes the notifications that follow from a settlement: at most one for what failed, one for what is late and one
/// for what was delivered or relayed. `directory` resolves a sender that is an alias of ours.
///
/// # Errors
/// When the store takes no message now: then the lease must not be settled as it was going to be.
pub async fn notices(
    settings: &NotifySettings,
    directory: &Directory,
    settled: Settled<'_>,
    now: Timestamp,
    store: &dyn Store,
) -> Result<Vec<Notice>, StoreError> {
    todo!()
}
