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
    /// The authority that its certificates are ordered from by ACME, one for each of `key_types`, and renewed in time.
    /// Absent: they come from elsewhere.
    pub acme: Option<RoleAcme>,
    /// Who has pinned the key in force, and must be told before another is: one line each, `bank.example: told
    /// 2026-11-02`.
    pub pinned_by: Vec<String>,
    /// Whether the certificate information page tells partners of its certificates: those in force, next and before.
    pub published: bool,
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
            acme: None,
            pinned_by: Vec::new(),
            published: false,
        }
    }
}

/// An authority that speaks ACME (RFC 8555), our account with it, and how our names are proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoleAcme {
    /// The URL of its directory: `https://acme-v02.api.letsencrypt.org/directory`.
    #[schema(required = true)]
    pub directory: String,
    /// Mail addresses that it may write to.
    pub contact: Vec<String>,
    /// Whether you agree to its terms of service. Without that no account is made where it has any.
    pub terms_accepted: bool,
    /// How names are proved: `http-01` (port 80, `[acme]` `http` in sekisho.toml), `tls-alpn-01` (port 443, `[acme]`
    /// `tls`), `dns-01` (with `dns`; the only one for `*.` names).
    #[schema(required = true)]
    pub challenge: String,
    /// What kind of certificate, as the authority's directory calls it: `tlsserver`, `shortlived`. Absent: its default.
    pub profile: Option<String>,
    /// Of several chains that it offers, the one whose last issuer has this in its name. Absent: its first.
    pub preferred_issuer: Option<String>,
    /// Certificates in PEM that are trusted with its HTTPS, for an authority of your own. Absent: the system's.
    pub trust_anchors: Option<String>,
    /// Your account with it, where it has customers (external account binding).
    pub eab: Option<RoleAcmeExternalAccount>,
    /// The name server that takes the records of `dns-01`.
    pub dns: Option<RoleAcmeDns>,
}

/// What an authority hands out to its customers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoleAcmeExternalAccount {
    /// The key's name.
    #[schema(required = true)]
    pub key_id: String,
    /// A file on the node with the key, in base64 as it came. A relative path is taken from the folder of sekisho.toml.
    #[schema(required = true)]
    pub key_file: String,
}

/// A name server that takes updates (RFC 2136), signed under a key (TSIG).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoleAcmeDns {
    /// Its address, with a port where it is not 53: `192.0.2.53`, `[2001:db8::53]:5353`.
    #[schema(required = true)]
    pub server: String,
    /// The zone, where it is not the one that DNS shows.
    pub zone: Option<String>,
    /// What the key is called; its file may say.
    pub key_name: Option<String>,
    /// `hmac-sha256`, `hmac-sha384`, `hmac-sha512`; its file may say.
    pub algorithm: Option<String>,
    /// A file on the node with the key: as `tsig-keygen` writes it, or the secret in base64. A relative path is taken
    /// from the folder of sekisho.toml.
    #[schema(required = true)]
    pub key_file: String,
}
