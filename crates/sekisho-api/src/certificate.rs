//! Our own certificates: listed, imported, requested, and moved from stage to stage. Keys come in and never go out.

use std::fmt;

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroize;

/// A text that is shown nowhere and wiped when it is not needed any more.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Which roles and certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateQuery {
    /// Those of this organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The certificate of this id, or those of the role of this name; `acme/mx` where several organizations have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub which: Option<String>,
}

/// Roles with their certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateList {
    /// By organization and name.
    pub roles: Vec<CertificateRoleView>,
}

/// A role with its certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateRoleView {
    /// Whose it is.
    pub organization: String,
    /// Its name.
    pub name: String,
    /// The operator's words.
    pub comment: String,
    /// Names that its certificates must be for.
    pub names: Vec<String>,
    /// `usable`, `expired` when what has expired is presented for want of another, `empty`, or `no-role` when the
    /// directory has no such role.
    pub standing: String,
    /// Listeners and connectors that present it.
    pub used_by: Vec<String>,
    /// Who has pinned its key, in the operator's words.
    pub pinned_by: Vec<String>,
    /// What an operator must see to; absent when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concern: Option<String>,
    /// How far the next certificate from its authority has come, one for each key type; of a role with `acme` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renewals: Vec<RenewalView>,
    /// Its certificates, requests, and what is left of some.
    pub certificates: Vec<StoredCertificate>,
}

impl CertificateRoleView {
    /// `acme/mx`
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.organization, self.name)
    }
}

/// How far the next certificate of a role has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RenewalView {
    /// Of which key type: `ecdsa-p256`.
    pub key_type: String,
    /// The directory of its authority.
    pub directory: String,
    /// How the names are proved.
    pub challenge: String,
    /// When it is ordered, in milliseconds since 1970; absent where there is no certificate yet, and it is ordered at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub due: Option<Timestamp>,
    /// The window that the authority suggests (RFC 9773), in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<[i64; 2]>)]
    pub suggested: Option<(Timestamp, Timestamp)>,
    /// Where the authority says why it suggests that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Failures in a row.
    pub failures: u32,
    /// When it is tried again, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub next_try: Option<Timestamp>,
    /// When it failed last, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub failed_at: Option<Timestamp>,
    /// Why, in words, the authority's among them; they are not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A certificate of the store, or a request that waits for its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredCertificate {
    /// Whose it is.
    pub organization: String,
    /// Its role.
    pub role: String,
    /// What it is known by.
    pub id: String,
    /// `requested`, `staged`, `active`, `retired`; `unusable` for what cannot be read or was never finished.
    pub stage: String,
    /// `file`, `import`, `pkcs12`, `request`, `acme`.
    pub origin: String,
    /// Whether it is presented just now.
    pub is_presented: bool,
    /// From when on it may be presented, in milliseconds since 1970; of an active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub active_from: Option<Timestamp>,
    /// Since when another is presented in its place, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub replaced_at: Option<Timestamp>,
    /// The SHA-256 of its key's SubjectPublicKeyInfo, which is what TLSA records and pins name.
    pub spki_sha256: String,
    /// The request in PEM (PKCS#10); of a request alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The chain, leaf first; empty for a request.
    pub chain: Vec<ChainCertificate>,
    /// What came of the last handshake with ourselves that was to show it; absent before one was made, and where no
    /// listener presents it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<CertificateProof>,
    /// What its authority says of it by OCSP, which is stapled to it; absent where no listener presents it or will, and
    /// while no server runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staple: Option<CertificateStaple>,
    /// Why it is not used, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What was done to it, oldest first.
    pub history: Vec<CertificateEvent>,
}

/// A certificate of a chain of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainCertificate {
    /// Its subject, RFC 4514 style.
    pub subject: String,
    /// Its issuer, likewise.
    pub issuer: String,
    /// Its SAN dNSNames.
    pub names: Vec<String>,
    /// Algorithm and size of its key: `P-256`, `RSA 2048`.
    pub key: String,
    /// Its first moment, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub not_before: Timestamp,
    /// Its last moment, likewise.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// Over the whole of it in DER.
    pub sha256: String,
    /// Over its SubjectPublicKeyInfo in DER.
    pub spki_sha256: String,
}

/// A handshake with ourselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateProof {
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// On which listener, asking for which name.
    pub place: String,
    /// Why it did not show the certificate; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What an authority says of a certificate of ours by OCSP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateStaple {
    /// Until when that which is stapled holds, in milliseconds since 1970; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// Since when it is revoked, likewise; absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub revoked_at: Option<Timestamp>,
    /// Whether the certificate must not be presented without (RFC 7633).
    pub is_required: bool,
    /// Why nothing is stapled, or why no newer answer can be had; it is not escaped. Absent where all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is asked for again, in milliseconds since 1970; absent where nobody can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub next_fetch: Option<Timestamp>,
}

/// Something that was done to a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateEvent {
    /// When, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// By whom: `uid 1000`; `sekisho` for what it did by itself.
    pub by: String,
    /// `imported`, `requested`, `activated`, `staged`, `retired`.
    pub what: String,
    /// Why, in the author's words.
    pub why: String,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingWeight {
    /// Worth knowing.
    Note,
    /// Some peers will mind.
    Warning,
    /// Nobody could use it: it is refused.
    Error,
}

/// One thing about a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateFinding {
    /// How much it matters.
    pub weight: FindingWeight,
    /// What it is, and what mends it.
    pub text: String,
}

/// A certificate to be taken into a role: certificates in PEM with or without a key, or a PKCS#12 file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateImport {
    /// Whose role; `default` when empty.
    pub organization: String,
    /// Which role.
    pub role: String,
    /// The chain in PEM, in whatever order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The key in PEM. Absent: the certificate is the answer to a request, or has a key that the role has already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// The octets of a PKCS#12 file, in hexadecimal digits, instead of `certificate` and `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Secret>,
    /// Its passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Secret>,
    /// Whether certificates of issuers that are missing are fetched from where the chain says that they are.
    pub fetch_issuers: bool,
    /// Whether it is to wait, whatever is known of its key.
    pub stage: bool,
    /// From when on it is to be presented, in milliseconds since 1970, whatever is known of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub activate_at: Option<Timestamp>,
    /// Why, in the author's words.
    pub why: String,
    /// Whether all of it is checked and nothing is kept.
    pub dry_run: bool,
}

/// Asks for keys and requests for certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateRequestOrder {
    /// Whose role; `default` when empty.
    pub organization: String,
    /// Which role.
    pub role: String,
    /// Which key: `ecdsa-p256`, `ecdsa-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096`. Absent: those of the role, one each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Whether a new key is made even where the role keeps the one in force.
    pub new_key: bool,
    /// Why, in the author's words.
    pub why: String,
}

/// What is to become of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateOrder {
    /// Limits it to an organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// As in [`CertificateQuery`]; where something is changed, an id.
    pub which: String,
    /// `activate`: from when on, in milliseconds since 1970; now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// Whether it is done even where that leaves a role without a certificate; `revoke`: even where it is presented.
    pub force: bool,
    /// `renew`: whether the next certificate gets a new key.
    pub new_key: bool,
    /// `revoke`: `unspecified`, `key-compromise`, `affiliation-changed`, `superseded`, `cessation-of-operation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in the author's words.
    pub why: String,
}

/// What became of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificatesDone {
    /// One for each certificate that it was about.
    pub done: Vec<CertificateDone>,
}

/// What became of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateDone {
    /// As it is now; absent when it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<StoredCertificate>,
    /// What was done, and why that.
    pub words: String,
    /// What is worth knowing of its chain.
    pub findings: Vec<CertificateFinding>,
}
