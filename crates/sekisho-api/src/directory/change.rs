//! Changes of the directory, planned and made, and its history.

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{DocumentId, DocumentKind, Documents};

/// The directory at one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryView {
    /// The version; 0 before the first change.
    pub version: u64,
    /// What was asked for of it, by organization and name.
    pub documents: Documents,
    /// Why this version cannot be in force; only a command without a server sees such a one.
    pub faults: Vec<FaultView>,
    /// What an operator would want to know of what was asked for; of the version in force alone.
    pub warnings: Vec<FaultView>,
}

/// A change of several documents that is made whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryChange {
    /// The version that its author looked at. When another is in force by now, the change is refused as `conflict`.
    pub based_on: u64,
    /// Documents to be added or replaced.
    #[serde(default)]
    pub put: Documents,
    /// Documents to be put, as TOML text, instead of `put`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Documents to be removed; each must be there.
    #[serde(default)]
    pub remove: Vec<DocumentId>,
    /// Whether what is put is the whole directory: everything else is removed.
    #[serde(default)]
    pub whole: bool,
    /// Why, in the author's words; at most 1024 octets.
    #[serde(default)]
    pub comment: String,
    /// Whether all of it is judged and nothing is changed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What would become of a change that is based on the version in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryProposal {
    /// As in [`DirectoryChange`].
    pub put: Documents,
    /// As in [`DirectoryChange`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As in [`DirectoryChange`].
    pub remove: Vec<DocumentId>,
    /// As in [`DirectoryChange`].
    pub whole: bool,
}

/// What a proposal would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryPlan {
    /// The version that it was compared with.
    pub based_on: u64,
    /// What would be added, changed and removed; empty when all of it is so already.
    pub changes: Vec<DocumentDifference>,
    /// Why it would be refused; empty when it would not.
    pub faults: Vec<FaultView>,
    /// What an operator would want to know.
    pub warnings: Vec<FaultView>,
}

/// A change that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryChanged {
    /// The version in force now; that before when nothing was changed.
    pub version: u64,
    /// What was added, changed and removed; for a dry run, what would be.
    pub changes: Vec<DocumentDifference>,
    /// What an operator would want to know.
    pub warnings: Vec<FaultView>,
}

/// Makes the directory what it was, as a new version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryRollback {
    /// The version whose documents are wanted.
    pub to: u64,
    /// As in [`DirectoryChange`].
    pub based_on: u64,
    /// As in [`DirectoryChange`]; when empty, the version is named.
    #[serde(default)]
    pub comment: String,
    /// As in [`DirectoryChange`].
    #[serde(default)]
    pub dry_run: bool,
}

/// Which documents of the directory; all that match whatever is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryQuery {
    /// Those of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<DocumentKind>,
    /// Those of this organization; of an organization itself, its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Those of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl DirectoryQuery {
    /// One document.
    #[must_use]
    pub fn of(id: &DocumentId) -> Self {
        Self {
            kind: Some(id.kind),
            organization: Some(id.organization.clone()),
            name: Some(id.name.clone()),
        }
    }

    /// Whether a document is wanted.
    #[must_use]
    pub fn wants(&self, kind: &str, organization: &str, name: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted.key() == kind)
            && self.organization.as_ref().is_none_or(|wanted| wanted == organization)
            && self.name.as_ref().is_none_or(|wanted| wanted == name)
    }

    /// Whether all are.
    #[must_use]
    pub fn wants_all(&self) -> bool {
        *self == Self::default()
    }
}

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryQuery {
    /// Versions at most, 100 by default, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Versions of the directory, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryHistory {
    /// What each of them changed.
    pub versions: Vec<DirectoryVersion>,
}

/// One version and what it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryVersion {
    /// Its number.
    pub version: u64,
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// By whom: `uid 1000`.
    pub author: String,
    /// Why, in the author's words.
    pub comment: String,
    /// What it added, changed and removed.
    pub changes: Vec<DocumentDifference>,
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentDifference {
    /// Which.
    pub id: DocumentId,
    /// What became of it.
    pub change: ChangeKind,
    /// Its fields that differ, in the order of the document; of one that is added or removed, those that differ from
    /// their default.
    pub fields: Vec<FieldDifference>,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// Some of its fields differ.
    Changed,
    /// It is there no more.
    Removed,
}

/// What became of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldDifference {
    /// Its name, as documents have it.
    pub field: String,
    /// Its value before.
    #[schema(value_type = Object)]
    pub before: Value,
    /// Its value after.
    #[schema(value_type = Object)]
    pub after: Value,
}

/// Something that does not fit, or, as a warning, that an operator would want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultView {
    /// The line of the text, from 1 on; absent where there is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// `organization acme`, `domain example.org`, `inbound connector acme/bank`.
    pub place: String,
    /// The field as documents have it; empty when no single one is at fault.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// What would mend it; may be empty.
    pub remedy: String,
}

impl std::fmt::Display for FaultView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}
