//! A connector that is tried: what every host of it came to, step by step, and what is remembered of that.

use sekisho_mail::{Demand, MessageId, SpokenLine, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{TlsEvidence, directory::first_organization};

/// Validations of one connector that are kept.
pub const VALIDATIONS_KEPT: u32 = 50;

/// An outbound connector is to be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationOrder {
    /// Whose it is.
    #[serde(default = "first_organization")]
    #[schema(default = "default")]
    pub organization: String,
    /// Its name; a disabled one is tried as if it were not.
    pub connector: String,
    /// Recipients' addresses in the connector's domains, at most 10; its `validation_recipients` when empty.
    #[serde(default)]
    pub to: Vec<String>,
    /// The sender's address; `<>` for none. Absent: the postmaster of the organization's first accepted domain, and
    /// none where it has no domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Which hosts get a test message; absent: one.
    #[serde(default)]
    pub mail: TestMail,
}

/// Which hosts of a connector get a test message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestMail {
    /// None: each is asked of the recipient and gets no content.
    None,
    /// The first that takes the recipient, in the order in which deliveries try them.
    #[default]
    OneHost,
    /// Each of them.
    EachHost,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// The connector's key, `acme/bank`.
    pub connector: String,
    /// When it began, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Who wanted it: `uid 1000`, or `schedule`.
    pub by: String,
    /// The version of the directory that it was judged by.
    pub directory: u64,
    /// What the connector was: changes with whatever may make another validation of it come out otherwise.
    pub digest: String,
    /// The reverse-path.
    pub from: String,
    /// Which hosts were to get a test message.
    pub mail: TestMail,
    /// Whether all of it was as it should be, for every recipient at every host.
    pub passed: bool,
    /// How long it took.
    pub millis: u64,
    /// One for each recipient.
    pub recipients: Vec<ValidatedRecipient>,
}

/// What came of one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidatedRecipient {
    /// The address.
    pub recipient: String,
    /// Whether every host passed, and there was one.
    pub passed: bool,
    /// The way, in words.
    pub route: String,
    /// Which way mail to this address goes today, where it is not this connector's; absent where it is.
    pub otherwise: Option<String>,
    /// Why there is no host to try.
    pub unroutable: Option<String>,
    /// All that must hold, whichever host it is.
    #[schema(value_type = Vec<Object>)]
    pub required: Vec<Demand>,
    /// The hosts, in the order in which deliveries try them.
    pub hosts: Vec<ValidatedHost>,
}

/// What came of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidatedHost {
    /// Name or address, and port.
    pub host: String,
    /// The lower, the sooner.
    pub preference: u16,
    /// Whether none of its steps failed.
    pub passed: bool,
    /// What was done, in order; behind one that failed for good there is none.
    pub steps: Vec<ValidationStep>,
    /// The test message that it was given, as the trace knows it.
    #[schema(value_type = Option<String>)]
    pub message: Option<MessageId>,
    /// The connection; absent when none came about. The history keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<TlsEvidence>,
    /// The conversation; a peer's lines are the peer's text. The history keeps none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub conversation: Vec<SpokenLine>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationStep {
    /// Which.
    pub step: StepKind,
    /// How it went.
    pub result: StepResult,
    /// How long it took.
    pub millis: u64,
    /// What was found, in words; may hold the peer's text.
    pub detail: String,
    /// Of a certificate: each demand, and whether it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// The steps to a host. A host with several addresses, and one with which a handshake fails, sees some of them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Its name is looked up for addresses.
    Resolve,
    /// A connection is made.
    Connect,
    /// It greets, and answers EHLO.
    Ehlo,
    /// STARTTLS, and the handshake.
    Starttls,
    /// What is demanded, against what the connection is.
    Certificate,
    /// It answers EHLO under TLS.
    EhloAfterTls,
    /// MAIL and RCPT, without any content.
    Recipient,
    /// The test message.
    Message,
}

impl StepKind {
    /// As people read it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Ehlo => "EHLO",
            Self::Starttls => "STARTTLS",
            Self::Certificate => "certificate",
            Self::EhloAfterTls => "EHLO after TLS",
            Self::Recipient => "recipient",
            Self::Message => "test message",
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// As it should.
    Passed,
    /// Not as it should.
    Failed,
    /// Not at all, which does no harm: nothing demands it.
    Skipped,
}

/// Of which connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ValidationsQuery {
    /// Whose it is.
    #[serde(default = "first_organization")]
    #[param(default = "default")]
    pub organization: String,
    /// Its name.
    pub connector: String,
    /// How many at most; all that are kept, 50, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The validations of a connector that are kept, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidationHistory {
    /// Without conversations and connections.
    pub validations: Vec<Validation>,
}

/// Of which connectors the last validation is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct LastValidationsQuery {
    /// Those of this organization; of all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// That of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// The last validation of each connector that had one, by the connectors' keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastValidations {
    /// Of those that the directory has.
    pub connectors: Vec<LastValidation>,
}

/// The last validation of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastValidation {
    /// Whose it is.
    pub organization: String,
    /// Its name.
    pub connector: String,
    /// When it began, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Whether it passed.
    pub passed: bool,
    /// Since when it has come out so, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// What failed first, where it did not pass.
    pub why: Option<String>,
    /// Whether the connector has changed since.
    pub changed_since: bool,
}
