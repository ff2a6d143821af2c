//! The directory as it is kept: documents in versions. What a document says is left to those who read it; here it is
//! known by its key, and every change of it with who made it, when and why.

use std::collections::BTreeMap;

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Documents that a directory has at most.
pub const DOCUMENTS_MAX: usize = 100_000;
/// Octets of one document's body at most.
pub const DOCUMENT_LEN_MAX: usize = 64 * 1024;
/// Octets of a kind, a name, an author or a comment at most.
pub const DIRECTORY_TEXT_MAX: usize = 1024;

/// What a document is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentKey {
    /// `organization`, `domain`, …
    pub kind: String,
    /// The organization that it belongs to; its own name for an organization.
    pub organization: String,
    /// Unique among those of its kind in the organization.
    pub name: String,
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Document {
    /// What it is known by.
    pub key: DocumentKey,
    /// JSON; opaque to the store.
    pub body: String,
}

/// The directory at one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryState {
    /// 0 before the first change; each change makes the next.
    pub version: u64,
    /// By key.
    pub documents: Vec<Document>,
}

/// A change of several documents that is made whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryChange {
    /// The version that the author looked at: when another is current, the change is refused.
    pub based_on: u64,
    /// Who makes it.
    pub author: String,
    /// Why, in the author's words.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// Documents to be added or replaced; the last of a key counts.
    pub put: Vec<Document>,
    /// Documents to be removed; those that are not there are passed over.
    pub remove: Vec<DocumentKey>,
}

/// What one version changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryVersion {
    /// Its number.
    pub version: u64,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub author: String,
    /// Why, in the author's words.
    pub comment: String,
    /// By key.
    pub changes: Vec<DocumentChange>,
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentChange {
    /// Which.
    pub key: DocumentKey,
    /// Its body before; `None` when it was added.
    pub before: Option<String>,
    /// Its body after; `None` when it was removed.
    pub after: Option<String>,
}

impl DirectoryState {
    /// What `change` would do to the documents, by key; empty when all of it is so already.
    ///
    /// # Errors
    /// [`StoreError::DirectoryMoved`] when it is based on another version, [`StoreError::Unfit`] beyond a limit.
    pub fn changes(&self, change: &DirectoryChange) -> Result<Vec<DocumentChange>, StoreError> {
        if change.based_on != self.version {
            return Err(StoreError::DirectoryMoved {
                based_on: change.based_on,
                current: self.version,
            });
        }
        let keys = change.put.iter().map(|document| &document.key);
        let texts = keys.flat_map(|key| [&key.kind, &key.organization, &key.name]);
        if (texts.chain([&change.author, &change.comment])).any(|text| text.len() > DIRECTORY_TEXT_MAX) {
            return Err(StoreError::Unfit("a name or a comment in the directory is too long"));
        }
        if change.put.iter().any(|document| document.body.len() > DOCUMENT_LEN_MAX) {
            return Err(StoreError::Unfit("a document of the directory is too large"));
        }
        let before: BTreeMap<&DocumentKey, &String> = self.by_key();
        let mut wanted: BTreeMap<&DocumentKey, Option<&String>> = change.remove.iter().map(|key| (key, None)).collect();
        wanted.extend(change.put.iter().map(|document| (&document.key, Some(&document.body))));
        let changes = wanted.into_iter().filter_map(|(key, after)| {
            let before = before.get(key).copied();
            (before != after).then(|| DocumentChange {
                key: key.clone(),
                before: before.cloned(),
                after: after.cloned(),
            })
        });
        let changes: Vec<DocumentChange> = changes.collect();
        let added = changes.iter().filter(|change| change.before.is_none()).count();
        let removed = changes.iter().filter(|change| change.after.is_none()).count();
        if self.documents.len() + added > DOCUMENTS_MAX + removed {
            return Err(StoreError::Unfit("the directory has too many documents"));
        }
        Ok(changes)
    }

    /// The documents after `changes`, at the next version.
    #[must_use]
    pub fn after(&self, changes: &[DocumentChange]) -> Self {
        let changed = changes.iter().map(|change| (&change.key, change.after.as_ref()));
        self.with(self.version.saturating_add(1), changed)
    }

    /// The documents before `version`, which led here.
    pub(crate) fn before(&self, version: &DirectoryVersion) -> Self {
        let changed = version
            .changes
            .iter()
            .map(|change| (&change.key, change.before.as_ref()));
        self.with(version.version.saturating_sub(1), changed)
    }

    /// The documents at `wanted`, by undoing `versions`, newest first, which lead back without a gap.
    pub(crate) fn at(
        &self,
        wanted: u64,
        versions: impl IntoIterator<Item = DirectoryVersion>,
    ) -> Result<Self, StoreError> {
        let mut state = self.clone();
        let mut versions = versions.into_iter();
        while state.version > wanted {
            match versions.next() {
                Some(version) if version.version == state.version => state = state.before(&version),
                _ => return Err(StoreError::NoDirectoryVersion(wanted)),
            }
        }
        if state.version == wanted {
            Ok(state)
        } else {
            Err(StoreError::NoDirectoryVersion(wanted))
        }
    }

    fn by_key(&self) -> BTreeMap<&DocumentKey, &String> {
        let documents = self.documents.iter();
        documents.map(|document| (&document.key, &document.body)).collect()
    }

    fn with<'a>(&'a self, version: u64, changed: impl Iterator<Item = (&'a DocumentKey, Option<&'a String>)>) -> Self {
        let mut by_key = self.by_key();
        for (key, body) in changed {
            match body {
                Some(body) => by_key.insert(key, body),
                None => by_key.remove(key),
            };
        }
        let documents = by_key.into_iter().map(|(key, body)| Document {
            key: key.clone(),
            body: body.clone(),
        });
        Self {
            version,
            documents: documents.collect(),
        }
    }
}
