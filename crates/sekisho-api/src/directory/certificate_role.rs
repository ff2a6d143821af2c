//! Roles of certificates.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CertificateFiles, first_organization};

/// What certificates of ours are presented as: listeners and connectors name a role and never a certificate, so that a
/// renewal needs no edit. Certificates come into it by `sekisho certificate import`, or from files on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateRole {
    /// Whose it is.
    #[schema(default = "default")]
    pub organization: String,
    /// 1 to 63 lower-case letters, digits and hyphens, unique among the roles of the organization.
    #[schema(required = true)]
    pub name: String,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Names that each of its certificates must be for, and that requests ask for: `mx.example.org`, `*.example.org`.
    pub names: Vec<String>,
    /// Issuers of its certificates, any of them: `O=Example Trust, C=CH`, each attribute one of the issuer's. Empty:
    /// any.
    pub issuers: Vec<String>,
    /// As TlsCertificateName of Exchange's connectors, `<I>CN=Example CA, C=CH<S>CN=mail.example.org`: only
    /// certificates with this issuer and this subject count.
    pub tls_certificate_name: Option<String>,
    /// Certificates in files on the node that are its too. They are taken up as they change.
    pub files: Vec<CertificateFiles>,
    /// Which keys a request makes, one certificate for each: `ecdsa-p256`, `ecdsa-p384`, `rsa-2048`, `rsa-3072`,
    /// `rsa-4096`. Empty: `ecdsa-p256`.
    pub key_types: Vec<String>,
    /// Whether a request keeps the key that is in force, so that what others have pinned goes on holding.
    #[schema(default = true)]
    pub reuse_key: bool,
    /// How long a certificate is kept as active that another has taken the place of: a duration (`7d`). Absent: 7 days.
    pub overlap: Option<String>,
    /// How long before its end a certificate without a successor raises an alert: a duration. Absent: 21 days, or a
    /// third of its lifetime where that is less.
    pub alert_before: Option<String>,
    /// Who has pinned the key in force, and must be told before another is: one line each, `bank.example: told
    /// 2026-11-02`.
    pub pinned_by: Vec<String>,
}

impl Default for CertificateRole {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            comment: String::new(),
            names: Vec::new(),
            issuers: Vec::new(),
            tls_certificate_name: None,
            files: Vec::new(),
            key_types: Vec::new(),
            reuse_key: true,
            overlap: None,
            alert_before: None,
            pinned_by: Vec::new(),
        }
    }
}
