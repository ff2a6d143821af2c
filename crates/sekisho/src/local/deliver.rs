//! From a lease into Maildirs.

use std::sync::Arc;

use sekisho_mail::{Decision, Domain, EnhancedCode, Fault, Outcome, Side, SpokenLine, Timestamp};
use sekisho_policy::Reason;
use sekisho_store::{Lease, QueuedRecipient};

use super::{Directory, LocalFinding};

/// [`sekisho_mail::Evidence::route`] of a local delivery.
pub const ROUTE: &str = "local mailbox";

/// What a local delivery is done with.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Who is local.
    pub directory: &'a Directory,
    /// Our name, in the names of files.
    pub hostname: &'a Domain,
    /// Now.
    pub now: Timestamp,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResult {
    /// [`QueuedRecipient::index`].
    pub index: u32,
    /// Delivered, deferred or bounced.
    pub outcome: Outcome,
    /// For the evidence.
    pub decision: Decision,
    /// For the evidence.
    pub conversation: Vec<SpokenLine>,
}

/// Puts the message of a lease into the mailboxes of its recipients, one result for each, in their order. `retry_at`
/// says when a recipient is to be tried again that has to wait.
pub async fn deliver(
    hop: Hop<'_>,
    lease: &Lease,
    retry_at: impl Fn(&QueuedRecipient) -> Timestamp + Send,
) -> Vec<LocalResult> {
    todo!()
}
