//! The directory as the API has it: organizations, their domains, connectors, rules, dated exceptions and roles of
//! certificates, in versions.
//!
//! Documents have one shape everywhere: in requests and answers, in the store, and as TOML in files. What a document
//! leaves out has its default, and a field that nobody knows is refused.

mod certificate_role;
mod change;
mod connector;
mod document;
mod exception;
mod impact;
mod organization;
mod rule;
mod shadow;

pub use certificate_role::{CertificateRole, RoleAcme, RoleAcmeDns, RoleAcmeExternalAccount};
pub use change::{
    ChangeKind, DirectoryChange, DirectoryChanged, DirectoryHistory, DirectoryPlan, DirectoryProposal, DirectoryQuery,
    DirectoryRollback, DirectoryVersion, DirectoryView, DocumentDifference, FaultView, FieldDifference, HistoryQuery,
};
pub use connector::{
    CertificateFiles, ConnectorType, InboundConnector, LookupMode, MinTlsVersion, OutboundConnector, PlaintextReply,
    Revocation, TlsSettings,
};
pub use document::{Document, Tried};
pub use exception::{Exception, Relaxation};
pub use impact::{
    DirectoryImpact, IMPACT_DAYS, IMPACT_DAYS_MAX, ImpactCounts, ImpactGroup, ImpactQuestion, ImpactStop, ImpactVerdict,
};
pub use organization::{AcceptedDomain, DomainType, FinalRefusal, Organization, OutboundTls, RecipientCheck};
pub use rule::{AddedHeader, HeaderCondition, Rejection, Rule, RuleTls};
pub use shadow::{Promoted, Promotion, SHADOW_DAYS, SHADOW_DAYS_MAX, ShadowQuery, ShadowReport, ShadowRow};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The organization of whatever names none.
pub const FIRST_ORGANIZATION: &str = "default";

/// What kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// [`Organization`].
    Organization,
    /// [`AcceptedDomain`].
    Domain,
    /// [`InboundConnector`].
    InboundConnector,
    /// [`OutboundConnector`].
    OutboundConnector,
    /// [`Rule`].
    Rule,
    /// [`Exception`].
    Exception,
    /// [`CertificateRole`].
    CertificateRole,
}

impl DocumentKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Organization,
        Self::Domain,
        Self::InboundConnector,
        Self::OutboundConnector,
        Self::Rule,
        Self::Exception,
        Self::CertificateRole,
    ];

    /// As API, files and store write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Domain => "domain",
            Self::InboundConnector => "inbound_connector",
            Self::OutboundConnector => "outbound_connector",
            Self::Rule => "rule",
            Self::Exception => "exception",
            Self::CertificateRole => "certificate_role",
        }
    }
}

/// Whether a connector or a rule acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It is judged at every session and every attempt that it may concern, the verdicts are written down and counted,
    /// and nothing is ever done or left undone for it.
    Shadow,
}

/// Which way mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailDirection {
    /// It comes in.
    In,
    /// It goes out.
    Out,
}

/// What a document is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentId {
    /// What kind of document.
    pub kind: DocumentKind,
    /// The organization that it belongs to; `default` when absent, and without a meaning for an organization itself.
    #[serde(default = "first_organization")]
    pub organization: String,
    /// Its name.
    pub name: String,
}

impl DocumentId {
    /// As people and faults write it: `organization acme`, `domain example.org`, `inbound connector acme/bank`.
    #[must_use]
    pub fn title(&self) -> String {
        let Self { organization, name, .. } = self;
        match self.kind {
            DocumentKind::Organization => format!("organization {name}"),
            DocumentKind::Domain => format!("domain {name}"),
            DocumentKind::InboundConnector => format!("inbound connector {organization}/{name}"),
            DocumentKind::OutboundConnector => format!("outbound connector {organization}/{name}"),
            DocumentKind::Rule => format!("rule {organization}/{name}"),
            DocumentKind::Exception => format!("exception {organization}/{name}"),
            DocumentKind::CertificateRole => format!("certificate role {organization}/{name}"),
        }
    }
}

/// Documents, each kind in a list of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// Organizations. `default` is always there, named here or not.
    pub organization: Vec<Organization>,
    /// Domains whose mail is accepted.
    pub domain: Vec<AcceptedDomain>,
    /// Who brings mail, and what holds for it.
    pub inbound_connector: Vec<InboundConnector>,
    /// Where mail goes, and what must hold on the way.
    pub outbound_connector: Vec<OutboundConnector>,
    /// What is demanded of single messages.
    pub rule: Vec<Rule>,
    /// What is let pass although one of these demands more, until when.
    pub exception: Vec<Exception>,
    /// What certificates of ours are presented as.
    pub certificate_role: Vec<CertificateRole>,
}

impl Documents {
    /// How many there are of all kinds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.organization.len()
            + self.domain.len()
            + self.inbound_connector.len()
            + self.outbound_connector.len()
            + self.rule.len()
            + self.exception.len()
            + self.certificate_role.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(crate) fn first_organization() -> String {
    FIRST_ORGANIZATION.to_owned()
}
