//! Mail-flow rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Mode, first_organization};

/// What is demanded of single messages of an organization: of those that it answers for and for whose recipient every
/// condition holds. A condition that is left out always does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Whose it is.
    #[schema(default = "default")]
    pub organization: String,
    /// 1 to 64 characters, unique among the rules of the organization.
    #[schema(required = true)]
    pub name: String,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// Whether it acts, or is only tried.
    pub mode: Mode,
    /// The rule of the organization in whose place it is tried; its mode is `shadow` then, whatever is
    /// said of it. One of each.
    pub draft_of: Option<String>,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Lower ones are looked at first; among equals the name decides.
    pub priority: u32,
    /// Condition: who sends, by MAIL FROM: `alice@example.org`, `@example.org` or `example.org`, `*.example.org` for it
    /// and everything below it, `*`, `<>` for the null reverse-path.
    pub senders: Vec<String>,
    /// Condition: the recipient, likewise; of an alias also the address that was written.
    pub recipients: Vec<String>,
    /// Condition: a field of the header.
    pub header: Option<HeaderCondition>,
    /// Condition: the inbound connector of the organization through which the message came.
    pub inbound_connector: Option<String>,
    /// Condition: organizations of this service, any of them, of which one's own server brought the message, known by
    /// its connector as for relaying; what MAIL FROM says proves nothing.
    pub from_organizations: Vec<String>,
    /// Action: what must hold of whatever connection the message leaves on.
    pub require_tls: Option<RuleTls>,
    /// `domain_validation`: the names for one of which the host's certificate must be; `*.example.org` for the domain,
    /// what lies below it, and that very text.
    pub tls_domains: Vec<String>,
    /// Action: the message is not taken for these recipients.
    pub reject: Option<Rejection>,
    /// Action: this enabled outbound connector of the organization carries the message, whatever the recipient's
    /// domain.
    pub route_to_connector: Option<String>,
    /// Action: this field is put on top of the header.
    pub add_header: Option<AddedHeader>,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            enabled: true,
            mode: Mode::default(),
            draft_of: None,
            comment: String::new(),
            priority: 0,
            senders: Vec::new(),
            recipients: Vec::new(),
            header: None,
            inbound_connector: None,
            from_organizations: Vec::new(),
            require_tls: None,
            tls_domains: Vec::new(),
            reject: None,
            route_to_connector: None,
            add_header: None,
        }
    }
}

/// A text in a field of the header, unfolded and with nothing decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderCondition {
    /// The field's name: `Subject`.
    pub name: String,
    /// What it holds, whatever the case of its ASCII letters; empty when the field need only be there.
    pub contains: String,
}

/// What a rule demands of a connection; trust anchors are the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleTls {
    /// TLS, whoever the host is.
    EncryptionOnly,
    /// A certificate that chains to the anchors and is valid now.
    CertificateValidation,
    /// That, for one of the names.
    DomainValidation,
}

/// How a message is rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// What the sender is told: 1 to 200 printable ASCII characters.
    pub text: String,
}

/// A field of a header that a rule adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedHeader {
    /// The field's name: 1 to 76 printable ASCII characters without a colon; none that a message has once only, that
    /// says what became of it, or that is of a header family.
    pub name: String,
    /// What stands in it: 1 to 500 printable ASCII characters.
    pub value: String,
}
