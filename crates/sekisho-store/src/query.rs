//! What operators ask of the queue and the trace.

use std::time::Duration;

use sekisho_mail::{Envelope, Evidence, MessageId, Timestamp, TlsVersion};
use serde::{Deserialize, Serialize};

use crate::{Arrival, Destination, Directive, QueuedRecipient};

/// Which queued messages; all fields that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueFilter {
    /// At least this old.
    pub older_than: Option<Duration>,
    /// At most this old.
    pub younger_than: Option<Duration>,
    /// To this destination: a domain, on whatever way; as the queue shows it with its marks, that way alone; or `*.`
    /// and a domain for everything below it.
    pub destination: Option<String>,
    /// From this sender: an address, `@domain`, or `<>`.
    pub sender: Option<String>,
    /// The last fault holds this text, case ignored.
    pub error: Option<String>,
    /// Held or not.
    pub held: Option<bool>,
}

/// Attempts of one message that a look at the trace gives, the newest.
pub const TRACED_ATTEMPTS_MAX: usize = 1000;

/// Which messages an action is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// These.
    Ids(Vec<MessageId>),
    /// Those of these that match when their turn comes; of a message for several destinations, only what goes to one
    /// that matches. None of them is missing: what has left the queue does not match.
    Matching(Vec<MessageId>, QueueFilter),
}

/// A line of the queue: a message to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRow {
    /// Which message.
    pub id: MessageId,
    /// When it came.
    pub arrived: Timestamp,
    /// Octets.
    pub size: u64,
    /// `<>` or the address in brackets.
    pub sender: String,
    /// Where it is to go.
    pub destination: Destination,
    /// Those still undone.
    pub recipients: Vec<String>,
    /// Attempts of the recipient that had most.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt: Timestamp,
    /// Whether the operator holds it.
    pub held: bool,
    /// Whether somebody is at it just now.
    pub in_flight: bool,
    /// Why the last attempt deferred it, or why its destination was backed off since.
    pub last_fault: Option<String>,
}

/// All that the queue knows of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDetail {
    /// Its lines, one per destination.
    pub rows: Vec<QueuedRow>,
    /// As it was accepted.
    pub envelope: Envelope,
    /// How it came.
    pub arrival: Arrival,
    /// Those still undone.
    pub recipients: Vec<QueuedRecipient>,
    /// What was ordered and is not yet done.
    pub directive: Option<Directive>,
    /// The attempts so far, from the trace, oldest first.
    pub attempts: Vec<TracedAttempt>,
}

/// What an action on a selection came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionReport {
    /// Messages changed.
    pub changed: u64,
    /// Asked for by id and not in the queue.
    pub missing: Vec<MessageId>,
    /// In flight, so that the action takes effect when the attempt has ended.
    pub in_flight: u64,
}

/// A destination's messages by age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeRow {
    /// Which destination.
    pub destination: Destination,
    /// All of them.
    pub total: u64,
    /// Younger than 5, 10, 20, 40, 80, 160, 320, 640, 1280 minutes, and older than that; each counts those that the
    /// one before did not.
    pub by_age: [u64; 10],
}

/// What to look for in the trace; all fields that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceFilter {
    /// This message.
    pub id: Option<MessageId>,
    /// Its Message-ID header.
    pub message_id_header: Option<String>,
    /// The envelope sender: an address, `@domain`, or `<>`.
    pub sender: Option<String>,
    /// A recipient: an address or `@domain`.
    pub recipient: Option<String>,
    /// Arrived or attempted not before.
    pub since: Option<Timestamp>,
    /// Nor after.
    pub until: Option<Timestamp>,
    /// An arrival or attempt over this version.
    pub tls_version: Option<TlsVersion>,
    /// An arrival or attempt in the clear (`true`) or under TLS (`false`).
    pub plaintext: Option<bool>,
    /// `delivered`, `deferred`, `bounced`: the outcome of an attempt.
    pub outcome: Option<String>,
    /// With a lower id than this, so that a search goes on where another one ended.
    pub before: Option<MessageId>,
    /// At most so many messages, newest first; 0 means 100.
    pub limit: u32,
}

/// One message in the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceItem {
    /// Which message.
    pub id: MessageId,
    /// As it was accepted.
    pub envelope: Envelope,
    /// Octets.
    pub size: u64,
    /// How it came.
    pub arrival: Arrival,
    /// Attempts, oldest first.
    pub attempts: Vec<TracedAttempt>,
    /// Whether it is still queued.
    pub queued: bool,
}

/// One attempt for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedAttempt {
    /// Everything that was written down.
    pub evidence: Evidence,
}
