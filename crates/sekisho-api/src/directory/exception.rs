//! Dated exceptions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::first_organization;

/// What is let pass although a document of the organization demands more: with who answers for it, why, and until when.
/// It lowers the demands of the document that it names and no others, and ends by itself. One that has ended is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Exception {
    /// Whose it is, and whose the document is that it is about.
    #[schema(default = "default")]
    pub organization: String,
    /// 1 to 64 characters, unique among the exceptions of the organization.
    #[schema(required = true)]
    pub name: String,
    /// Who answers for it: 1 to 200 characters.
    #[schema(required = true)]
    pub owner: String,
    /// Why it is there: 1 to 500 characters.
    #[schema(required = true)]
    pub reason: String,
    /// When it ends: `2026-12-01T18:00:00Z` at that instant, `2026-12-01` when that day is over in UTC. When it is set,
    /// no more than 366 days ahead.
    #[schema(required = true)]
    pub until: String,
    /// About the outbound connector of that name, for mail on the ways that it covers. Exactly one of this and the
    /// three fields below is set.
    pub outbound_connector: Option<String>,
    /// About the inbound connector of that name.
    pub inbound_connector: Option<String>,
    /// About the rule of that name, wherever the messages go of which it demanded something.
    pub rule: Option<String>,
    /// About `require_tls_outbound` of the organization, for recipients in this domain: `old.example`, `*.old.example`.
    pub recipient_domain: Option<String>,
    /// What is let pass.
    #[schema(required = true)]
    pub allows: Option<Relaxation>,
    /// Limits it to these domains: of mail that goes out those of the recipients, of mail that comes in those of MAIL
    /// FROM; `bank.example`, `*.bank.example`. For all of them where it is empty.
    pub domains: Vec<String>,
}

/// What an exception lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relaxation {
    /// No TLS, and whatever TLS there is.
    Plaintext,
    /// Under TLS any certificate, or none.
    AnyCertificate,
    /// Outbound connectors and rules: a certificate for another name that is good otherwise.
    AnyName,
    /// A certificate past its end that is good otherwise.
    ExpiredCertificate,
    /// A partner's inbound connector: any address.
    AnyAddress,
    /// Inbound connectors: a certificate without a SAN dNSName is known by its common name.
    CommonName,
    /// A certificate of which it cannot be found out whether it is revoked. One that is known to be never passes.
    UnknownRevocation,
}

impl Default for Exception {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            owner: String::new(),
            reason: String::new(),
            until: String::new(),
            outbound_connector: None,
            inbound_connector: None,
            rule: None,
            recipient_domain: None,
            allows: None,
            domains: Vec::new(),
        }
    }
}
