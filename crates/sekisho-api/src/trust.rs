//! Trust anchors: which are in force, whether a root is among them, and who needs it.

use sekisho_mail::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::MailDirection;

/// Which anchors are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrustQuery {
    /// A SHA-256 or SHA-1 fingerprint, or a part of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Only those of this set: `system`, the path of a file, `connector acme/bank`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// An anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustAnchorView {
    /// The subject, RFC 4514 style.
    pub subject: String,
    /// SHA-256 of the certificate.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// SHA-1 of the certificate, as the field quotes it; nothing is decided by it.
    pub sha1: String,
    /// SHA-256 of its key (SubjectPublicKeyInfo).
    #[schema(value_type = String)]
    pub spki_sha256: Digest,
    /// Algorithm and size of its key.
    pub key: String,
    /// The beginning of its validity, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub not_before: Timestamp,
    /// The end.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// The sets that it is in: `system`, the path of a file, `connector acme/bank`.
    pub sets: Vec<String>,
    /// Where it comes from.
    pub sources: Vec<String>,
}

/// Anchors in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustList {
    /// By subject.
    pub anchors: Vec<TrustAnchorView>,
    /// What could not be loaded, in words.
    pub faults: Vec<String>,
}

/// A root that is looked for; exactly one of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustQuestion {
    /// A SHA-256 or SHA-1 fingerprint, or a part of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its certificate in PEM; of several the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
    /// Its certificate in DER, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<String>,
}

/// A partner whose certificate has to do with the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustPeer {
    /// Whose mail it is.
    pub organization: String,
    /// The partner's domain.
    pub domain: String,
    /// Which mail.
    pub direction: MailDirection,
    /// The host that has the certificate.
    pub host: String,
    /// When it was last seen, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// The set by which it was judged.
    pub set: String,
    /// Who demands that it leads there: mail stops without. Absent where nobody does: mail goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demanded_by: Option<String>,
}

/// Whether a root is there, and who needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustAnswer {
    /// The anchors that were meant; none when it is not there.
    pub found: Vec<TrustAnchorView>,
    /// Its subject, where its certificate is known although it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// Peers seen in the last 90 days that would fail without it.
    pub depend: Vec<TrustPeer>,
    /// Peers seen in the last 90 days that fail, and would not if it were there.
    pub need: Vec<TrustPeer>,
    /// Whether there are more peers than are said.
    pub more: bool,
}
