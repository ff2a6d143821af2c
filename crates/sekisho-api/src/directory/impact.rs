//! What a change of the directory would have meant for mail that is past, and will mean for what waits.

use sekisho_mail::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DirectoryProposal, MailDirection};

/// Days that are looked back on when nobody says how many.
pub const IMPACT_DAYS: u32 = 30;
/// At most.
pub const IMPACT_DAYS_MAX: u32 = 366;

/// A change, and how far back it is to be held against what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactQuestion {
    /// The change.
    #[serde(default)]
    pub proposal: DirectoryProposal,
    /// Days, 1 to 366; 30 when absent.
    #[serde(default = "default_days")]
    pub days: u32,
}

const fn default_days() -> u32 {
    IMPACT_DAYS
}

/// Which deliveries and which queued messages would be decided otherwise. A delivery is a message to one recipient,
/// from its RCPT to its last attempt; one that was refused counts too, as far as the trace has it. Both the directory
/// in force and the proposed one are held against the facts that were written down; what differs between the two
/// counts, whatever an older directory had decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryImpact {
    /// The version that is in force.
    pub based_on: u64,
    /// Days that were asked for.
    pub days: u32,
    /// Where they begin, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// Messages of the trace that were looked at.
    pub messages: u64,
    /// Set when not all of that time was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<ImpactStop>,
    /// Deliveries, past.
    pub deliveries: ImpactCounts,
    /// Recipients that wait in the queue.
    pub queued: ImpactCounts,
    /// Set when the queue is longer than what was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_stopped: Option<ImpactStop>,
    /// What would be decided differently and what cannot be known, largest first, at most 100.
    pub groups: Vec<ImpactGroup>,
    /// Deliveries and recipients of those two kinds that are in no group here.
    pub in_no_group: u64,
}

/// Where looking back ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactStop {
    /// The last message that was looked at came then, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Why, in words.
    pub why: String,
}

/// How many would be decided how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactCounts {
    /// All of them.
    pub total: u64,
    /// As by the directory in force.
    pub same: u64,
    /// Otherwise.
    pub different: u64,
    /// What was written down does not say.
    pub unknown: u64,
    /// Of all, those that the directory in force would itself decide otherwise than it was decided at the time.
    pub otherwise_then: u64,
}

/// Deliveries or queued recipients of which the same is to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactGroup {
    /// Whether they wait in the queue.
    pub queued: bool,
    /// What is said of them.
    pub verdict: ImpactVerdict,
    /// Where it would be decided so.
    pub direction: MailDirection,
    /// The sender's domain of what comes in, the recipient's of what goes out; `<>` of the null reverse-path. A peer's
    /// text.
    pub domain: String,
    /// The client's address, or the host; absent where none was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What the directory in force decides: `taken`, `put off`, `refused`, `sent`, `kept back`; absent where that
    /// cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What the proposed one decides, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Stays the same from version to version: `demand-not-met`, `other-way`.
    pub reason: String,
    /// Why, one sentence without its full stop; may hold a peer's text.
    pub why: String,
    /// The document of the directory that decides: `inbound connector acme/bank`, `connector "acme/bank"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// How many.
    pub count: u64,
    /// Some of the messages, newest first, at most 5.
    #[schema(value_type = Vec<String>)]
    pub messages: Vec<MessageId>,
}

/// What is said of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImpactVerdict {
    /// It would be decided otherwise.
    Different,
    /// It cannot be known.
    Unknown,
}
