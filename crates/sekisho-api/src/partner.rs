//! What own traffic has taught of those with whom mail is exchanged: domain by domain, the TLS that was seen.

use sekisho_mail::{Digest, Timestamp, TlsVersion};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{InboundConnector, MailDirection, OutboundConnector};

/// A domain, as the mail between it and an organization was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Partner {
    /// Whose mail it was.
    pub organization: String,
    /// The sender's domain of what came in, the recipient's of what went out.
    pub domain: String,
    /// Mail for the organization whose MAIL FROM is in the domain; anybody may write that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<PartnerTraffic>,
    /// Mail of the organization to the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<PartnerTraffic>,
}

impl Partner {
    /// When mail was last exchanged.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        let both = self.inbound.iter().chain(&self.outbound);
        both.map(|traffic| traffic.last).max().unwrap_or(Timestamp::EPOCH)
    }
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartnerTraffic {
    /// The first message, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// The last one.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// Messages; of what goes out, each recipient counts.
    pub messages: u64,
    /// Those of them that went in the clear.
    pub plaintext: u64,
    /// The best that was seen: `TLSv1.3 X25519MLKEM768`, `plaintext`.
    #[serde(default)]
    pub best: String,
    /// The worst, likewise.
    #[serde(default)]
    pub worst: String,
    /// Connections that were alike, in the last 90 days; 24 in all detail, others by version and group alone.
    pub connections: Vec<SeenConnection>,
    /// Certificates that were presented, at most 8.
    pub certificates: Vec<SeenCertificate>,
    /// The certificates of each host in the order in which they came, at most 5 of a host and 48 in all.
    #[serde(default)]
    pub history: Vec<SeenLeaf>,
    /// Hosts, at most 32.
    pub hosts: Vec<SeenHost>,
    /// Whether there were more hosts.
    #[serde(default)]
    pub more_hosts: bool,
}

/// What connections had in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenConnection {
    /// What TLS came to; absent in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SeenTls>,
    /// Why it was in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<String>,
    /// The certificate that was presented, by its SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub certificate: Option<Digest>,
    /// Whether its chain led to the system's trust anchors: `valid`, `self-signed`, `expired`, `untrusted` …; `not
    /// kept` where the certificates of many connections are forgotten; absent where nobody asked, or the key was not
    /// proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// How many messages.
    pub messages: u64,
    /// The last of them, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// Some of the hosts, at most 4.
    pub hosts: Vec<String>,
}

/// What TLS came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenTls {
    /// The version.
    #[schema(value_type = String)]
    pub version: TlsVersion,
    /// IANA's name of the cipher suite.
    pub suite: String,
    /// IANA's name of the key exchange group.
    pub group: String,
}

/// A certificate; all texts are the peer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenCertificate {
    /// SHA-256 of the whole.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// SHA-256 of its key (SubjectPublicKeyInfo).
    #[schema(value_type = String)]
    pub key: Digest,
    /// SAN dNSNames, at most 20.
    pub names: Vec<String>,
    /// Whether there are more names.
    #[serde(default)]
    pub more_names: bool,
    /// The issuer, RFC 4514 style.
    pub issuer: String,
    /// The end of its validity, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// When it was last seen.
    #[schema(value_type = i64)]
    pub last: Timestamp,
}

/// A certificate that a host had for a time; all texts are the peer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenLeaf {
    /// Of what goes out the host as it was looked for, and its port; of what comes in, where clients come from many
    /// addresses, the first name of the certificate.
    pub host: String,
    /// SHA-256 of the whole.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// SHA-256 of its key (SubjectPublicKeyInfo).
    #[schema(value_type = String)]
    pub key: Digest,
    /// The issuer, RFC 4514 style.
    pub issuer: String,
    /// The beginning of its validity, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub not_before: Timestamp,
    /// The end of its validity.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// When it was first seen.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// When it was last seen.
    #[schema(value_type = i64)]
    pub last: Timestamp,
}

/// A host at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenHost {
    /// The client's address; of what goes out the host as it was looked for, and its port.
    pub host: String,
    /// How it was found: `mx`, `mx:other.example`, or `named` by the operator; absent of what comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// How many messages.
    pub messages: u64,
    /// Those of them that went in the clear.
    pub plaintext: u64,
    /// The last of them, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub last: Timestamp,
}

/// Which partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct PartnerQuery {
    /// Of this organization alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Goes on behind [`PartnerPage::next`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Partners at most, 100 by default, 500 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Partners, by organization and domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartnerPage {
    /// One page of them.
    pub partners: Vec<Partner>,
    /// There are more behind this.
    pub next: Option<String>,
}

/// One partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OnePartnerQuery {
    /// Its domain.
    pub domain: String,
    /// Whose mail; `default` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// The strictest connectors that all mail seen would have satisfied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartnerSuggestion {
    /// Whose they would be.
    pub organization: String,
    /// For this domain.
    pub domain: String,
    /// Absent where nothing can be demanded of what comes in.
    pub inbound_connector: Option<InboundConnector>,
    /// Absent where nothing can be demanded of what goes out.
    pub outbound_connector: Option<OutboundConnector>,
    /// Why it is these, and what stricter ones would have broken.
    pub reasons: Vec<SuggestionReason>,
}

/// Why a field has its value, or why it has no stricter one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuggestionReason {
    /// Of which connector.
    pub direction: MailDirection,
    /// The field; empty where it is about all of it.
    pub field: String,
    /// Whether it is suggested.
    pub suggested: bool,
    /// In words, one sentence without its full stop; may hold a peer's text.
    pub why: String,
    /// Messages that it would have broken.
    pub breaks: u64,
    /// Some of the hosts that these came from or went to.
    pub hosts: Vec<String>,
}
