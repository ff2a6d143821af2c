//! What documents that are tried would have done, and their promotion.

use sekisho_mail::ShadowOutcome;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DirectoryChanged, DocumentId, DocumentKind, first_organization};

/// Days that are looked back on when nobody says how many, and before a document is enforced.
pub const SHADOW_DAYS: u32 = 14;
/// At most; what was counted before is not kept.
pub const SHADOW_DAYS_MAX: u32 = 90;

/// Which document, and how far back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ShadowQuery {
    /// What kind of document: `inbound_connector`, `outbound_connector` or `rule`.
    pub kind: DocumentKind,
    /// Whose it is; `default` where it is absent.
    #[serde(default = "first_organization")]
    #[param(required = false)]
    pub organization: String,
    /// The document that is tried, or the one whose draft is.
    pub name: String,
    /// Days, today among them; 14 where it is absent, 90 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// What a document that is tried would have made of the mail that it concerned: of recipients that came in, of attempts
/// that went out. Counted since the content of the document is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShadowReport {
    /// Which.
    pub document: DocumentId,
    /// The document in whose place it is tried.
    pub draft_of: Option<String>,
    /// Days, today among them.
    pub days: u32,
    /// What went and would have gone.
    pub passes: u64,
    /// What went and would have failed.
    pub fails: u64,
    /// What did not go and would not have gone.
    pub fails_anyway: u64,
    /// What did not go and would have gone.
    pub would_go: u64,
    /// Of which it cannot be known.
    pub not_known: u64,
    /// By outcome, peer and reason, failures first, the most first.
    pub rows: Vec<ShadowRow>,
}

impl ShadowReport {
    /// All that it concerned.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.passes + self.fails + self.fails_anyway + self.would_go + self.not_known
    }
}

/// One outcome with one peer for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShadowRow {
    /// What would have become of it: `passes`, `fails`, `fails_anyway`, `would_go`, `not_known`.
    #[schema(value_type = String)]
    pub outcome: ShadowOutcome,
    /// The host or the client; absent where there were too many to tell them apart. The peer's text.
    pub peer: Option<String>,
    /// Why; absent of what passes and where there were too many. May hold the peer's text.
    pub reason: Option<String>,
    /// How often.
    pub count: u64,
    /// The first day on which it was counted, in UTC: `2026-11-28`.
    pub first: String,
    /// The last one.
    pub last: String,
}

/// Makes a document that is tried act. A draft goes, and what it says is what the document says whose draft it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// What kind of document.
    pub kind: DocumentKind,
    /// Whose it is; `default` where it is absent.
    #[serde(default = "first_organization")]
    #[schema(required = false)]
    pub organization: String,
    /// The document that is tried, or the one whose draft is.
    pub name: String,
    /// As in [`super::DirectoryChange`].
    pub based_on: u64,
    /// Whether it is done although it would have broken mail of the last 14 days.
    #[serde(default)]
    pub force: bool,
    /// As in [`super::DirectoryChange`].
    #[serde(default)]
    pub comment: String,
    /// As in [`super::DirectoryChange`].
    #[serde(default)]
    pub dry_run: bool,
}

/// What a promotion changed, and what had been counted before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Promoted {
    /// The change of the directory; warnings of the promotion among its own.
    pub changed: DirectoryChanged,
    /// What the document would have done in the last 14 days.
    pub report: ShadowReport,
}
