//! The certificate information page: what partners are told of our certificates. The management API gives it whether or
//! not it is served to the public, which gets the same JSON; `docs/certificates.md` describes it for partners.

use sekisho_mail::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The only [`CertificatePage::format`] that there is. Fields may be added to it; none changes its meaning.
pub const CERTIFICATE_PAGE_FORMAT: u32 = 1;

/// Everything that is published of our certificates. Instants are in UTC, `2026-11-28T09:30:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificatePage {
    /// 1.
    pub format: u32,
    /// The day, in UTC, on which this was so: `2026-11-28`.
    pub as_of: String,
    /// The name of the service.
    pub service: String,
    /// What certificates are presented as, in the order of their names.
    pub roles: Vec<PublishedRole>,
}

/// Certificates that follow each other in one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedRole {
    /// What the operator calls it.
    pub name: String,
    /// Hosts that present it to those who bring mail, as they greet.
    pub server_names: Vec<String>,
    /// Names with which those introduce themselves who present it when they bring mail.
    pub client_names: Vec<String>,
    /// Its certificates; those with one kind of key stand beside each other.
    pub families: Vec<PublishedFamily>,
    /// What a partner must do.
    pub steps: Vec<PartnerStep>,
}

/// The certificates of a role that have one kind of key: a peer is shown one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedFamily {
    /// `ecdsa`, `rsa` or `other`.
    pub key_family: String,
    /// During a move: the instant at which the newest is presented instead, past or to come; absent where that is not
    /// decided yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<String>,
    /// From the oldest to the newest.
    pub certificates: Vec<PublishedCertificate>,
}

/// Where a certificate stands in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedStanding {
    /// Was presented before.
    Previous,
    /// Is presented.
    Current,
    /// Will be presented.
    Next,
}

/// One certificate. Texts are as the certificate has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedCertificate {
    /// Where it stands.
    pub standing: PublishedStanding,
    /// The subject, RFC 4514 style.
    pub subject: String,
    /// The subject's common names.
    pub common_names: Vec<String>,
    /// The subject's organizations.
    pub organizations: Vec<String>,
    /// The subject's organizational units.
    pub organizational_units: Vec<String>,
    /// Its subject alternative names: DNS names and addresses as they are, others behind their kind.
    pub names: Vec<String>,
    /// How many more names it has.
    pub more_names: usize,
    /// The issuer, RFC 4514 style.
    pub issuer: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// Algorithm and size of the key: `RSA 2048`, `P-256`.
    pub key: String,
    /// First instant of validity.
    pub not_before: String,
    /// Last instant of validity.
    pub not_after: String,
    /// SHA-256 of the certificate, hexadecimal.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// SHA-1 of the certificate, hexadecimal: what some systems call the thumbprint.
    pub sha1: String,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal: what pins name.
    #[schema(value_type = String)]
    pub spki_sha256: Digest,
    /// The same in base64.
    pub spki_sha256_base64: String,
    /// The data of a TLSA record for the key: `3 1 1 …`.
    pub tlsa: String,
    /// Where the chain leads.
    pub root: PublishedRoot,
    /// What is presented above it, from its issuer on.
    pub issuers: Vec<PublishedIssuer>,
    /// Addresses that the chain names.
    pub endpoints: Vec<PublishedEndpoint>,
    /// Why those of a certificate in it cannot be told; absent when they are complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints_fault: Option<String>,
    /// The whole chain as presented, leaf first, in PEM.
    pub chain: String,
}

/// What is known of the end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedRootStanding {
    /// A root that this service trusts itself.
    Trusted,
    /// An authority that is presented along and signed itself.
    Presented,
    /// There is none: the certificate signed itself.
    SelfSigned,
    /// Its name is known, and nothing else.
    Unknown,
}

/// The authority at the end of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedRoot {
    /// What is known of it.
    pub standing: PublishedRootStanding,
    /// Its subject, RFC 4514 style.
    pub subject: String,
    /// Algorithm and size of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// SHA-256 of its certificate, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sha256: Option<Digest>,
    /// SHA-1 of its certificate, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// Last instant of its validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Where it publishes its certificate, as the chain says.
    pub urls: Vec<String>,
}

/// A certificate between leaf and root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedIssuer {
    /// Its subject, RFC 4514 style.
    pub subject: String,
    /// SHA-256 of it, hexadecimal.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// Last instant of its validity.
    pub not_after: String,
}

/// What an address in a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedEndpointKind {
    /// A revocation list.
    Crl,
    /// OCSP.
    Ocsp,
    /// The issuer's certificate (AIA caIssuers).
    Issuer,
}

/// An address that a chain names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedEndpoint {
    /// What it is for.
    pub kind: PublishedEndpointKind,
    /// As the certificate has it.
    pub url: String,
}

/// A host that a firewall must let through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct PublishedHost {
    /// Its name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// One thing that a partner must do, or need not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum PartnerStep {
    /// Trust this root.
    TrustRoot {
        /// Which.
        root: PublishedRoot,
        /// Whether only the next certificate leads to it.
        is_next: bool,
        /// By when, where that is so and decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// Who pins the key must pin another beside it.
    ReplacePin {
        /// `ecdsa`, `rsa` or `other`.
        key_family: String,
        /// SHA-256 of the public key that is presented, hexadecimal.
        #[schema(value_type = String)]
        old_spki_sha256: Digest,
        /// Of the one that takes its place.
        #[schema(value_type = String)]
        new_spki_sha256: Digest,
        /// By when; absent where that is not decided yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// The pin of the previous certificate's key can go.
    DropPin {
        /// `ecdsa`, `rsa` or `other`.
        key_family: String,
        /// SHA-256 of the public key that was presented, hexadecimal.
        #[schema(value_type = String)]
        old_spki_sha256: Digest,
        /// Of the one that is.
        #[schema(value_type = String)]
        new_spki_sha256: Digest,
        /// Since when; absent where that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    },
    /// The next certificate is on the same key: pins go on holding.
    KeepPin {
        /// `ecdsa`, `rsa` or `other`.
        key_family: String,
        /// SHA-256 of the public key, hexadecimal.
        #[schema(value_type = String)]
        spki_sha256: Digest,
    },
    /// Nobody issued the certificate: who would check it must pin its key.
    PinSelfSigned {
        /// SHA-256 of the public key, hexadecimal.
        #[schema(value_type = String)]
        spki_sha256: Digest,
        /// SHA-256 of the certificate, hexadecimal.
        #[schema(value_type = String)]
        sha256: Digest,
    },
    /// Let those who check certificates reach these hosts.
    OpenHosts {
        /// In the order of their names.
        hosts: Vec<PublishedHost>,
    },
    /// Take the certificate from those who bring mail too.
    AcceptAsClient {
        /// The names with which they introduce themselves.
        client_names: Vec<String>,
        /// Whether the certificate's extended key usages leave clients out (clientAuth), as those of public authorities
        /// do by now.
        server_usage_alone: bool,
    },
}
