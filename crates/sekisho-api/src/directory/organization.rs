//! Organizations and the domains whose mail they accept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Revocation, first_organization};

/// Somebody whose mail this service carries, apart from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Organization {
    /// 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end.
    #[schema(required = true)]
    pub name: String,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Whether mail from one of its own domains is refused unless the client is known: by an inbound connector, or by
    /// a right to relay.
    pub reject_direct_send: bool,
    /// Whether mail for its domains is taken under TLS alone, from its own servers too.
    pub require_tls_inbound: bool,
    /// What must hold of every connection on which mail that it answers for leaves, whatever its connectors say.
    pub require_tls_outbound: OutboundTls,
    /// Certificates in PEM that are added to the node's roots: for its connectors that name no trust anchors of their
    /// own, for its rules, and for `require_tls_outbound`. Self-signed ones are taken as pins too.
    pub trust_anchors: Option<String>,
    /// Whether a certificate may be a revoked one, where the organization, a connector or a rule demands a valid one;
    /// connectors may say otherwise.
    pub revocation: Revocation,
    /// Whether a certificate is refused that says nowhere how it would be revoked.
    pub refuse_not_revocable: bool,
    /// The age at which its undelivered mail is given up: a duration (`48h`). Absent, the connector's, or that of
    /// `[delivery]`.
    pub expire_after: Option<String>,
    /// How large a message may be for which it answers: for its domains, or from it to elsewhere (`25MiB`). Absent, as
    /// large as the node takes.
    pub max_message_size: Option<String>,
    /// How many recipients a message may have for which it answers. Absent, as many as the node takes.
    pub max_recipients: Option<u32>,
    /// Families of header fields that its own servers alone may write, by what their names begin with: `X-MS-Exchange`
    /// is for `X-MS-Exchange-Organization-*` and `X-MS-Exchange-CrossPremises-*`. At most 10.
    pub header_families: Vec<String>,
}

/// Exchange's and our own.
fn usual_families() -> Vec<String> {
    ["X-MS-Exchange", "X-Sekisho"].map(str::to_owned).into()
}

impl Default for Organization {
    fn default() -> Self {
        Self {
            name: String::new(),
            comment: String::new(),
            reject_direct_send: false,
            require_tls_inbound: false,
            require_tls_outbound: OutboundTls::default(),
            trust_anchors: None,
            revocation: Revocation::default(),
            refuse_not_revocable: false,
            expire_after: None,
            max_message_size: None,
            max_recipients: None,
            header_families: usual_families(),
        }
    }
}

/// What an organization demands of all its mail that leaves, as `tls_settings` of a connector would, with the trust
/// anchors and names of the connector that carries it; with none, the organization's anchors and the recipient's
/// domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutboundTls {
    /// Nothing.
    #[default]
    Opportunistic,
    /// TLS, whoever the host is.
    Encryption,
    /// A certificate that chains to the anchors and is valid now.
    Certificate,
    /// That, for one of the names.
    Domain,
}

/// A domain whose mail an organization takes from anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcceptedDomain {
    /// Whose it is.
    #[schema(default = "default")]
    pub organization: String,
    /// The domain; it alone, and none below it.
    #[schema(required = true)]
    pub name: String,
    /// What becomes of its mail.
    #[serde(rename = "type")]
    pub kind: DomainType,
    /// How a recipient of a relay domain who has no mailbox here is looked for before mail for it is taken.
    pub recipient_check: RecipientCheck,
    /// `list`: who there is beside the mailboxes here: `bob`, or `bob@example.org`; upper and lower case are the same.
    pub recipients: Vec<String>,
    /// What becomes of a relay domain's mail that the next hop refuses for good, when somebody has sent it whom nobody
    /// here knows.
    pub final_refusal: FinalRefusal,
    /// The operator's words.
    pub comment: String,
}

impl Default for AcceptedDomain {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            kind: DomainType::default(),
            recipient_check: RecipientCheck::default(),
            recipients: Vec::new(),
            final_refusal: FinalRefusal::default(),
            comment: String::new(),
        }
    }
}

/// What becomes of the mail for a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DomainType {
    /// All its recipients are here; any other address does not exist.
    #[default]
    Authoritative,
    /// Some recipients are here; mail for all others is handed on.
    InternalRelay,
    /// None is here; all mail is handed on.
    ExternalRelay,
}

/// How a recipient of a relay domain who has no mailbox here is looked for before mail for it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecipientCheck {
    /// Not at all: the next hop will say.
    #[default]
    None,
    /// It must be among those who are listed.
    List,
    /// The next hop is asked, with MAIL FROM:<> and RCPT, and its answer remembered for a while.
    Probe,
}

/// What becomes of a stranger's mail that the next hop of a relay domain refuses for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinalRefusal {
    /// It is held, and nobody is told.
    #[default]
    Hold,
    /// Whoever MAIL FROM names is told.
    Bounce,
}
