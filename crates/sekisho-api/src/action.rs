//! Orders of the operator for queued messages.

use sekisho_mail::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::QueueFilter;

/// Ids in one order; whoever has more of them sends several.
pub const MAX_IDS: usize = 10_000;

/// Which messages an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Selection {
    /// These, at most 10000.
    #[schema(value_type = Vec<String>)]
    Ids(Vec<MessageId>),
    /// Those that match when the order is carried out. It is done in parts, and what comes in meanwhile is left out.
    Filter(QueueFilter),
    /// A part of those.
    Part(Part),
}

/// A part of the messages that match, oldest first: whoever gives a large order part by part knows at any time how far
/// it has come, and may stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which messages.
    pub filter: QueueFilter,
    /// Go on behind this id: `next` of the answer to the part before.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MessageId>,
    /// The instant of the whole order, in milliseconds since 1970: ages are counted up to it, and what came in after it
    /// is left out. Now, when absent.
    #[schema(value_type = Option<i64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Lines of the queue in this part, 1 to 10000; the last message may add a few.
    pub limit: u32,
}

/// No more attempts until released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Which messages.
    pub which: Selection,
}

/// Undo a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which messages.
    pub which: Selection,
}

/// Try now, whatever was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Which messages.
    pub which: Selection,
}

/// Give up and tell the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounce {
    /// Which messages.
    pub which: Selection,
    /// What the sender is told, at most 400 octets.
    pub why: String,
}

/// Send what is undone of one message to another address. What its old way demanded of TLS still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The new address.
    pub to: String,
}

/// What an order came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionResult {
    /// Messages that the order was for and that are in the queue.
    pub found: u64,
    /// Those of them that were changed.
    pub changed: u64,
    /// Asked for by id and not in the queue.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<MessageId>,
    /// Just being delivered: the order takes effect when the attempt has ended.
    pub in_flight: u64,
    /// For `after`, to go on with the next part; absent behind the last one.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<MessageId>,
}
