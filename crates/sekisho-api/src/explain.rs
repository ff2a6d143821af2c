//! What would become of a message that nobody sends.

use sekisho_mail::{
    Check, Decision, Demand, HandshakeFailure, ShadowVerdict, SpokenLine, StatedReason, Timestamp, TlsVersion, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::TlsEvidence;

/// A message that goes out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExplainQuery {
    /// The recipient's address.
    pub recipient: String,
    /// The sender's address; `<>` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Who sends; `default` where it is absent. For an accepted domain its owner answers all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Fields of its header, each a line: `Subject: secret`. Of a name that is given all fields are, of any other none
    /// is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Whether it is one with REQUIRETLS (RFC 8689).
    #[serde(default)]
    pub requiretls: bool,
}

/// Which way the message would take and what every host says, with a real handshake and without any mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The recipient.
    pub recipient: String,
    /// The version of the directory that it was judged by.
    pub directory: u64,
    /// Who answers for the way.
    pub organization: String,
    /// Whose mailbox it is, what it is an alias for, or that there is none; absent where the mail goes on.
    pub local: Option<String>,
    /// The way, in words.
    pub route: String,
    /// Why that way.
    pub because: String,
    /// The outbound connectors of the organization.
    pub connectors: Vec<ConnectorVerdict>,
    /// The rules of the organization, in the order in which they are looked at; of an alias they are with each end.
    pub rules: Vec<RuleVerdict>,
    /// The dated exceptions that may lower some of what must hold.
    pub exceptions: Vec<ExceptionVerdict>,
    /// All that must hold, whichever host it is; what rules demand too, as far as they certainly apply.
    #[schema(value_type = Vec<Object>)]
    pub required: Vec<Demand>,
    /// What might demand more and is not looked up yet by this version: `DANE`, `MTA-STS`. Empty where the mail ends
    /// here.
    #[serde(default)]
    pub not_looked_up: Vec<String>,
    /// Why there is no host to try.
    pub unroutable: Option<String>,
    /// The hosts, in the order in which they would be tried.
    pub hosts: Vec<HostVerdict>,
    /// Of an alias where its mail goes, each end with its own way; what the alias demands is among what they do.
    #[schema(no_recursion)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<Self>,
}

/// What a connector has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorVerdict {
    /// Its key, `acme/bank`.
    pub connector: String,
    /// In words.
    pub verdict: String,
}

/// What a rule has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleVerdict {
    /// Its key, `acme/secure`.
    pub rule: String,
    /// Whether it applies.
    pub standing: RuleStanding,
    /// Why, and what it does, in words.
    pub verdict: String,
}

/// Whether a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStanding {
    /// It does.
    Applies,
    /// It does not.
    DoesNot,
    /// That hangs on what was not given, of the header for example.
    Depends,
}

/// What a dated exception has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExceptionVerdict {
    /// Its key, `acme/moving`.
    pub exception: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// When it ends, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub until: Timestamp,
    /// What it lets pass: `plaintext`.
    pub allows: String,
}

/// Whether a message with REQUIRETLS might be handed to a host (RFC 8689 §4.2.1), as far as this build can find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequireTlsVerdict {
    /// Whether every condition holds. What is not known does not.
    pub holds: bool,
    /// Each of them.
    pub conditions: Vec<RequireTlsCondition>,
}

/// A condition of REQUIRETLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequireTlsCondition {
    /// `authenticated-mx`, `verified-certificate` or `keyword`.
    pub condition: String,
    /// Whether it holds.
    pub standing: ConditionStanding,
    /// Why, in words.
    pub verdict: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionStanding {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// It could not be found out.
    NotKnown,
}

/// What one host came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostVerdict {
    /// Name or address, and port.
    pub host: String,
    /// The lower, the sooner.
    pub preference: u16,
    /// All that it must satisfy.
    #[schema(value_type = Vec<Object>)]
    pub required: Vec<Demand>,
    /// The connection; absent when none came about.
    pub channel: Option<TlsEvidence>,
    /// Handshakes that failed on the way, with the host each was with.
    #[schema(value_type = Vec<Object>)]
    pub failed_handshakes: Vec<(String, HandshakeFailure)>,
    /// Whether the message might leave, and why.
    #[schema(value_type = Object)]
    pub decision: Decision,
    /// What stands in the way; absent when nothing does.
    pub fault: Option<String>,
    /// The conditions of REQUIRETLS, when they were asked for.
    pub requiretls: Option<RequireTlsVerdict>,
    /// The conversation; a peer's lines are the peer's text.
    #[schema(value_type = Vec<Object>)]
    pub conversation: Vec<SpokenLine>,
    /// How long it took.
    pub millis: u64,
    /// What connectors that are tried would make of it.
    #[schema(value_type = Vec<Object>)]
    pub shadow: Vec<ShadowVerdict>,
}

/// A message that comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundQuestion {
    /// The client's address.
    pub client: String,
    /// The listener that it comes to, whose rights to relay count; the first where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// The chain that it presents, as PEM text, the leaf first; its key counts as proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Whether the connection is under TLS; with a certificate, a version or a key exchange it always is.
    #[serde(default)]
    pub tls: bool,
    /// The version, `TLSv1.2` or `TLSv1.3`; the latter where it is absent.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<TlsVersion>,
    /// The key exchange, as the trace names it: `X25519MLKEM768`, `x25519`, `secp256r1` or `secp384r1`; the best of the
    /// version where it is absent. TLS 1.2 does not have the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_exchange: Option<String>,
    /// The sender's address; `<>` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// The recipient's address.
    pub recipient: String,
    /// As in [`ExplainQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// What RCPT would be answered, and what each inbound connector has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboundExplanation {
    /// The version of the directory that it was judged by.
    pub directory: u64,
    /// Whether the recipient would be taken.
    pub admitted: bool,
    /// The reply.
    pub reply: String,
    /// Who answers for the way from here; absent where it is refused and nobody's rule decided.
    pub organization: Option<String>,
    /// By which rules.
    #[schema(value_type = Vec<Object>)]
    pub reasons: Vec<StatedReason>,
    /// What is known of the recipient by the next hop's word, and whether it was asked just now; absent where it is not
    /// to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<String>,
    /// What the client's certificate is worth to those who ask.
    #[schema(value_type = Vec<Object>)]
    pub verdicts: Vec<(Check, Verdict)>,
    /// The inbound connectors, by name.
    pub connectors: Vec<InboundConnectorVerdict>,
    /// What connectors that are tried would make of it.
    #[schema(value_type = Vec<Object>)]
    pub shadow: Vec<ShadowVerdict>,
    /// The rules of the organization that answers for the recipient, which are applied after the content; none where it
    /// would be refused.
    pub rules: Vec<RuleVerdict>,
    /// What a message to the recipient may be like; absent where it would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RecipientLimits>,
    /// What becomes of header fields that mean something within that organization; absent where it would be refused,
    /// and where the organization has no families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_families: Option<HeaderFamiliesVerdict>,
}

/// What a message to a recipient may be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientLimits {
    /// Octets of its content.
    pub size: RecipientLimit,
    /// Recipients of one transaction; where the organization sets it, those for which it answers.
    pub recipients: RecipientLimit,
}

/// The smaller one of what a listener and an organization take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientLimit {
    /// So many are taken.
    pub at_most: u64,
    /// Who sets it: `listener default`, `organization acme`.
    pub set_by: String,
}

/// What becomes of header fields of an organization's families.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderFamiliesVerdict {
    /// What the names of the families begin with: `X-MS-Exchange`.
    pub families: Vec<String>,
    /// Whether they are believed and go on within the organization; otherwise they are taken out.
    pub are_believed: bool,
    /// Why, in words.
    pub verdict: String,
}

/// What an inbound connector has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboundConnectorVerdict {
    /// Its key, `acme/bank`.
    pub connector: String,
    /// Whether it has a say in what becomes of the mail: it knows the client, or covers the sender.
    pub matches: bool,
    /// In words.
    pub verdict: String,
}
