//! A message written by the operator, to see whether mail works.

use sekisho_mail::MessageId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A short message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The sender's address; `<>` for none. Default: the postmaster of the first local domain.
    #[serde(default)]
    pub from: Option<String>,
    /// The recipients' addresses, at most 100.
    pub to: Vec<String>,
    /// One line of text.
    pub subject: String,
    /// Plain text, at most 1 MiB.
    pub text: String,
}

/// It is in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// Its queue id.
    #[schema(value_type = String)]
    pub id: MessageId,
}
