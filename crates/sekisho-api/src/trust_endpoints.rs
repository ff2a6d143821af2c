//! Endpoints on which certificates hang: where CRLs, OCSP answers and issuers' certificates are fetched from, and
//! whether that works from where the server stands.

use std::fmt;

use sekisho_mail::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Things that are named in one question.
pub const MAX_ENDPOINT_TARGETS: usize = 64;

/// Which endpoints are to be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointQuestion {
    /// Those of these. Empty: those of our own certificates and of partners, and what is found is kept as if the
    /// schedule had found it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<EndpointTarget>,
}

/// Something of which endpoints are tried; exactly one of `url`, `pem` and `der`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointTarget {
    /// What it is called in the answer: the name of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An endpoint itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Certificates in PEM, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
    /// A certificate in DER, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<String>,
}

/// What an endpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointPurpose {
    /// A list of revoked certificates.
    Crl,
    /// Answers about single certificates.
    Ocsp,
    /// The certificate of an issuer.
    Issuer,
    /// Named by its URL alone; what it serves tells.
    Unknown,
}

impl EndpointPurpose {
    /// As JSON and metrics have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Crl => "crl",
            Self::Ocsp => "ocsp",
            Self::Issuer => "issuer",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EndpointPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crl => "CRL",
            Self::Ocsp => "OCSP",
            Self::Issuer => "issuer",
            Self::Unknown => "?",
        })
    }
}

/// An endpoint that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointView {
    /// What it is for.
    pub purpose: EndpointPurpose,
    /// Where it is.
    pub url: String,
    /// The subjects of certificates that name it.
    pub certificates: Vec<String>,
    /// Whose these are: `listener default`, `partner default/bank.example, for connector "default/bank"`, the name of a
    /// file.
    pub used_by: Vec<String>,
    /// Whether anything hangs on it: not where it is a partner's of whom nobody demands that nothing was revoked.
    pub is_needed: bool,
    /// Whether it serves what it should.
    pub works: bool,
    /// Why it does not, in a word: `no-such-name`, `dns`, `filtered`, `refused`, `unreachable`, `timed-out`, `tls`,
    /// `proxy`, `http-status`, `redirect`, `too-large`, `broken-off`, `malformed`, `url`, `content`, `signature`,
    /// `expired`, `ours`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The same in words, or what is to be known of an answer that is good.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub took_millis: u64,
    /// Octets of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When what it serves was issued, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub this_update: Option<Timestamp>,
    /// Until when that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub next_update: Option<Timestamp>,
    /// Whether its signature was verified; that takes the issuer's certificate.
    pub verified: bool,
    /// Until when what the server holds of it answers, the grace included: until then nothing stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub covered_until: Option<Timestamp>,
    /// Since when it has failed, as far as the schedule has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub failing_since: Option<Timestamp>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointReport {
    /// Those that fail first, the needed ones before the others.
    pub endpoints: Vec<EndpointView>,
    /// Hosts and ports that a firewall must let us reach, of what is needed: `crl.example:80`.
    pub hosts: Vec<String>,
    /// The proxy through which all was fetched: then that is the one that a firewall must let us reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// What could not be looked at, in words.
    pub notes: Vec<String>,
}
