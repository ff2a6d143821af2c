//! The queue as operators see it.

use sekisho_mail::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{ArrivalView, AttemptView};

/// Lines of a page when the request does not say.
pub const DEFAULT_PAGE: u32 = 100;
/// Lines of a page at most.
pub const MAX_PAGE: u32 = 1000;

/// Which queued messages; all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct QueueFilter {
    /// At least this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than_secs: Option<u64>,
    /// At most this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub younger_than_secs: Option<u64>,
    /// A domain, or `*.` and a domain for everything below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// An address, `@domain`, or `<>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The last fault holds this text, case ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Held or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// A page of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct QueueQuery {
    /// At least this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than_secs: Option<u64>,
    /// At most this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub younger_than_secs: Option<u64>,
    /// A domain, or `*.` and a domain for everything below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// An address, `@domain`, or `<>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The last fault holds this text, case ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Held or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// Go on behind this id.
    #[param(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<MessageId>,
    /// Messages in the page, 100 by default, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl QueueQuery {
    /// The filter without the page.
    #[must_use]
    pub fn filter(&self) -> QueueFilter {
        QueueFilter {
            older_than_secs: self.older_than_secs,
            younger_than_secs: self.younger_than_secs,
            destination: self.destination.clone(),
            sender: self.sender.clone(),
            error: self.error.clone(),
            held: self.held,
        }
    }

    /// The first page of what a filter finds.
    #[must_use]
    pub fn first(filter: &QueueFilter) -> Self {
        Self {
            older_than_secs: filter.older_than_secs,
            younger_than_secs: filter.younger_than_secs,
            destination: filter.destination.clone(),
            sender: filter.sender.clone(),
            error: filter.error.clone(),
            held: filter.held,
            after: None,
            limit: None,
        }
    }
}

/// How many messages match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueCount {
    /// Messages, each counted once for all its lines.
    pub messages: u64,
}

/// Messages in the order of their arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuePage {
    /// One line per message and destination.
    pub messages: Vec<QueuedMessage>,
    /// For `after`, to go on; absent on the last page.
    #[schema(value_type = Option<String>)]
    pub next: Option<MessageId>,
}

/// A message to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedMessage {
    /// Its queue id.
    #[schema(value_type = String)]
    pub id: MessageId,
    /// When it came, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub arrived: Timestamp,
    /// Octets.
    pub size: u64,
    /// `<>` or the address in brackets.
    pub sender: String,
    /// The domain or address literal that it is for.
    pub destination: String,
    /// Those still undone.
    pub recipients: Vec<String>,
    /// Attempts of the recipient that had most.
    pub attempts: u32,
    /// When it is tried next, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub next_attempt: Timestamp,
    /// Whether an operator holds it.
    pub held: bool,
    /// Whether it is being delivered just now.
    pub in_flight: bool,
    /// Why the last attempt put it off.
    pub last_fault: Option<String>,
}

/// Everything that the queue knows of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Its lines, one per destination.
    pub rows: Vec<QueuedMessage>,
    /// How it came.
    pub arrival: ArrivalView,
    /// Those still undone.
    pub recipients: Vec<RecipientView>,
    /// What an operator ordered and is not yet done.
    pub ordered: Option<String>,
    /// The attempts so far, oldest first.
    pub attempts: Vec<AttemptView>,
}

/// A recipient of a queued message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientView {
    /// The address.
    pub address: String,
    /// Attempts that have ended.
    pub attempts: u32,
    /// Whether the sender was told that it is late.
    pub delay_notified: bool,
    /// Why the last attempt put it off.
    pub last_fault: Option<String>,
    /// Whether its next hop has refused it for good and nobody was told, since a stranger has sent it.
    #[serde(default)]
    pub refused: bool,
    /// What of TLS the message takes with it for this recipient, whatever its way.
    pub carried: Vec<String>,
}

/// Which part of the shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct ShapeQuery {
    /// Destinations at most, 100 by default, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The queue by age and destination, the largest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shape {
    /// The upper ends of the ages in minutes; the last column is for what is older.
    pub ages_minutes: Vec<u32>,
    /// One per destination.
    pub rows: Vec<ShapeRow>,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShapeRow {
    /// The domain or address literal.
    pub destination: String,
    /// All its messages.
    pub total: u64,
    /// Messages of each age, youngest first; each counts what the one before it did not.
    pub by_age: Vec<u64>,
}
