//! The server itself: health, status, configuration, TLS; and what is answered when something fails.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::FaultView;

/// Whether the server is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether new mail is taken.
    pub ready: bool,
    /// `running`, `draining`, `stopping`, or `offline` when a command opened the store itself.
    pub phase: String,
    /// What stands in the way; empty when nothing does.
    pub problems: Vec<String>,
}

/// What the server is and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// The name with which it greets.
    pub hostname: String,
    /// As in [`Health`].
    pub phase: String,
    /// As in [`Health`].
    pub problems: Vec<String>,
    /// What an operator would want to know and new mail does not wait for.
    #[serde(default)]
    pub warnings: Vec<FaultView>,
    /// The data folder.
    pub data_folder: String,
    /// Domains whose mail ends here.
    pub local_domains: Vec<String>,
    /// Where mail comes in; empty when no server runs.
    pub listeners: Vec<ListenerView>,
    /// Messages in the queue.
    pub queued: u64,
    /// Octets free on the disk of the data folder.
    pub free_octets: u64,
    /// Octets of messages held in memory.
    pub memory_octets: u64,
}

/// A place where mail comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListenerView {
    /// Its name.
    pub name: String,
    /// The address that it listens on.
    pub address: String,
    /// `smtp` or `implicit-tls`.
    pub mode: String,
    /// Who may relay through it, in words.
    pub relay: String,
}

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigView {
    /// The file that it was read from; absent when there is none.
    pub file: Option<String>,
    /// All of it with the defaults filled in, in the structure of `sekisho.toml`.
    #[schema(value_type = Object)]
    pub all: serde_json::Value,
    /// Only what differs from the defaults.
    #[schema(value_type = Object)]
    pub changed: serde_json::Value,
}

/// TLS per listener and route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TlsList {
    /// One per listener and route.
    pub places: Vec<TlsView>,
}

/// What is in force at one place, each list in the order of preference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TlsView {
    /// `listener "default"`, `route "bank"`.
    pub place: String,
    /// Versions.
    pub versions: Vec<String>,
    /// Cipher suites by IANA's names.
    pub suites: Vec<String>,
    /// Key exchange groups by IANA's names.
    pub groups: Vec<String>,
    /// Signature schemes by IANA's names.
    pub signature_schemes: Vec<String>,
    /// The rest, in words: resumption, client certificates, what is demanded.
    pub notes: Vec<String>,
    /// Certificates that are presented here.
    pub certificates: Vec<CertificateView>,
}

/// A certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    /// The names that it is for.
    pub names: Vec<String>,
    /// Algorithm and size of its key.
    pub key: String,
    /// Last moment of validity, RFC 3339.
    pub not_after: String,
    /// Until when the OCSP answer holds that is stapled to it, RFC 3339; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stapled_until: Option<String>,
}

/// What kind of failure it is; decides the command's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request makes no sense.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// It was judged and refused.
    Refused,
    /// What it is based on has changed meanwhile.
    Conflict,
    /// Not now: the store is being reopened or has no room.
    Unavailable,
    /// Something is broken on our side.
    Internal,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    /// What kind of failure.
    pub error: ErrorKind,
    /// For people, one sentence.
    pub message: String,
    /// Each fault of what was refused, where there are several; absent when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultView>,
}
