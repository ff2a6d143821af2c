//! The trace as operators see it: a message, how it came in and how it went out, with the evidence on TLS.

use sekisho_mail::{
    ArrivalShadow, ChannelFacts, ChannelSecurity, Decision, Demand, HandshakeFailure, MessageId, Outcome,
    ShadowVerdict, SpokenLine, Timestamp, TlsVersion,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What to look for; all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct TraceQuery {
    /// This queue id.
    #[param(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The Message-ID header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The envelope sender: an address, `@domain`, or `<>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// A recipient: an address or `@domain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Not before, in milliseconds since 1970.
    #[param(value_type = Option<i64>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Not after, in milliseconds since 1970.
    #[param(value_type = Option<i64>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Came or went over this version: `TLSv1.2`, `TLSv1.3`.
    #[param(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<TlsVersion>,
    /// Came or went in the clear (`true`) or under TLS (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<bool>,
    /// An attempt ended so: `delivered`, `deferred`, `bounced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Messages at most, 100 by default, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What was found, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracePage {
    /// The messages.
    pub messages: Vec<TracedMessage>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedMessage {
    /// Its queue id.
    #[schema(value_type = String)]
    pub id: MessageId,
    /// Octets.
    pub size: u64,
    /// How it came.
    pub arrival: ArrivalView,
    /// Attempts, oldest first.
    pub attempts: Vec<AttemptView>,
    /// Whether it is still in the queue.
    pub queued: bool,
}

/// How a message came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArrivalView {
    /// When, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// `<>` or the address in brackets.
    pub sender: String,
    /// The recipients as they were accepted.
    pub recipients: Vec<String>,
    /// The name of the listener, `dsn` for our own notifications, `send` for the command.
    pub listener: String,
    /// The client's address and port; absent for what this server made itself.
    pub peer: Option<String>,
    /// The name that EHLO or HELO gave; the client's text.
    pub helo: String,
    /// Plaintext or TLS, whole.
    #[schema(value_type = Object)]
    pub security: ChannelSecurity,
    /// Whether the client's certificate was looked for among the revoked ones: `not checked`. Absent where none was
    /// verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<String>,
    /// Which right let it in; `refused` of a recipient that a rule kept out.
    pub admitted_by: String,
    /// The version of the directory that it was judged by; 0 before the first change.
    pub directory: u64,
    /// Its Message-ID header; the sender's text.
    pub message_id: Option<String>,
    /// What was changed or added to the content, in words.
    pub alterations: Vec<String>,
    /// What documents that are tried would have made of its recipients; of the first hundred verdicts.
    #[schema(value_type = Vec<Object>)]
    pub shadow: Vec<ArrivalShadow>,
}

/// One attempt for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// The recipient.
    pub recipient: String,
    /// The address that the sender wrote, where it is another: an alias of ours, or from ORCPT.
    pub original: Option<String>,
    /// Counted from 1, per recipient.
    pub attempt: u32,
    /// When it ended, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// The version of the directory that it was judged by; 0 before the first change.
    pub directory: u64,
    /// Which way it was to go, in words.
    pub route: String,
    /// All that was demanded; empty for opportunistic TLS.
    #[schema(value_type = Vec<Object>)]
    pub required: Vec<Demand>,
    /// The connection that the decision is about; absent when none was reached.
    pub channel: Option<TlsEvidence>,
    /// In its place where none was needed: `internal, no connection` of what stayed in this process, for a mailbox
    /// here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Handshakes that failed on the way, with the host each was with.
    #[schema(value_type = Vec<Object>)]
    pub failed_handshakes: Vec<(String, HandshakeFailure)>,
    /// What was decided, and why.
    #[schema(value_type = Object)]
    pub decision: Decision,
    /// What it came to.
    #[schema(value_type = Object)]
    pub outcome: Outcome,
    /// The conversation without content; a peer's lines are the peer's text.
    #[schema(value_type = Vec<Object>)]
    pub conversation: Vec<SpokenLine>,
    /// What documents that are tried would have made of it.
    #[schema(value_type = Vec<Object>)]
    pub shadow: Vec<ShadowVerdict>,
}

/// The connection of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TlsEvidence {
    /// The address and port at the other end.
    pub peer: String,
    /// The host as it was looked for.
    pub host: Option<String>,
    /// Plaintext or TLS, whole.
    #[schema(value_type = Object)]
    pub security: ChannelSecurity,
    /// Whether the certificate was looked for among the revoked ones: `not checked`. Absent where none was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<String>,
}

impl From<ChannelFacts> for TlsEvidence {
    fn from(channel: ChannelFacts) -> Self {
        Self {
            peer: channel.peer.to_string(),
            host: channel.host,
            revocation: channel.security.revocation(),
            security: channel.security,
        }
    }
}
