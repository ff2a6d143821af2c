//! Orders of the operator for queued messages.

use sekisho_mail::MessageId;
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
    /// Those that match when the order is carried out.
    Filter(QueueFilter),
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
    /// Messages changed.
    pub changed: u64,
    /// Asked for by id and not in the queue.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<MessageId>,
    /// Just being delivered: the order takes effect when the attempt has ended.
    pub in_flight: u64,
}
