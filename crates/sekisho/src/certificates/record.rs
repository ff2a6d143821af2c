//! One certificate of the store with its key, or a request that waits for its certificate: what is written down about
//! it beside chain and key.

use std::fmt;

use sekisho_mail::{Digest, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_tls::{CertificateChain, Identity, KeyFamily};
use serde::{Deserialize, Serialize};

/// Changes that are kept of one certificate.
const EVENTS_MAX: usize = 100;

/// The only format there is.
pub(super) const FORMAT: u32 = 1;

/// Where a certificate stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A key and a request, and no certificate yet.
    Requested,
    /// There, and not presented until somebody says so.
    Staged,
    /// May be presented, from an instant on.
    Active,
    /// Not presented any more.
    Retired,
}

impl Stage {
    /// As people and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Staged => "staged",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// Where a certificate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Files on the node, which are watched.
    File,
    /// Certificate and key were imported.
    Import,
    /// Likewise, as PKCS#12.
    Pkcs12,
    /// The answer to a request of ours.
    Request,
    /// An authority by ACME.
    Acme,
}

impl Origin {
    /// As people and the API have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Import => "import",
            Self::Pkcs12 => "pkcs12",
            Self::Request => "request",
            Self::Acme => "acme",
        }
    }
}

/// Something that was done to a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// By whom: `uid 0`, `sekisho`.
    pub by: String,
    /// What: `imported`, `activated`.
    pub what: String,
    /// Why, in the words of whoever did it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What is written down about a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `FORMAT`.
    pub format: u32,
    /// Where it stands.
    pub stage: Stage,
    /// Where it came from.
    pub origin: Origin,
    /// From when on it is presented, where it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// Since when another is presented in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_at: Option<Timestamp>,
    /// The SHA-256 of its key's SubjectPublicKeyInfo.
    pub spki_sha256: Digest,
    /// The request, in PEM, as long as there is no certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What was done to it, oldest first.
    #[serde(default)]
    pub history: Vec<Event>,
}

impl Record {
    /// Notes what was done; of very many the second oldest go, the first says where it came from.
    pub fn note(&mut self, event: Event) {
        if self.history.len() >= EVENTS_MAX {
            self.history.remove(1);
        }
        self.history.push(event);
    }
}

/// What a certificate of the store is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// Whose it is.
    pub role: CertificateRoleKey,
    /// Unique within the store: `20261128-3f9a2c1d`.
    pub id: String,
}

/// `acme/mx/20261128-3f9a2c1d`
impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.id)
    }
}

/// A certificate of the store, or a request.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What it is known by.
    pub id: InstanceId,
    /// What is written down about it.
    pub record: Record,
    /// Chain and key; nothing of a request.
    pub identity: Option<Identity>,
}

impl Instance {
    /// Of which kind its key is.
    #[must_use]
    pub fn family(&self) -> Option<KeyFamily> {
        self.identity.as_ref().map(Identity::family)
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> Option<CertificateChain> {
        self.identity.as_ref().map(Identity::certificates)
    }
}
