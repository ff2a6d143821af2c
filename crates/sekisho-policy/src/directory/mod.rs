//! The directory: organizations, their domains and connectors at one version, put together so that every question about
//! them is a look-up, never a walk along a list. Where they are kept and who changes them is left to the binary.

mod build;
mod certificate_role;
mod connector;
mod exception;
mod families;
mod fault;
mod index;
mod organization;
mod partner_index;
mod rule;
mod rule_account;
mod rule_index;
mod rules_inbound;
mod rules_of_certificate_roles;
mod rules_of_exceptions;
mod rules_of_rules;
mod rules_outbound;
mod select;
mod shadow;
mod text;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sekisho_mail::{
    AnchorSetId, CertificateFacts, Check, Domain, Host, KeyProof, NamePattern, OrganizationName, TlsFacts,
};

pub use build::NAME_CHARS_MAX;
pub use certificate_role::{CertificateRole, CertificateRoleKey, CertificateRoleKeyError};
pub use connector::{
    CertificateName, ConnectorKey, ConnectorType, DomainScope, InboundConnector, IssuerPattern, OutboundConnector,
    PlaintextReply, SmartHost, TlsFloor, TlsSettings,
};
pub use exception::{EXCEPTION_LENGTH_MAX, Exception, ExceptionKey, ExceptionSubject, Relaxation};
pub use families::{
    FAMILY_NAME_OCTETS_MAX, Family, FamilyCourse, FieldFate, HeaderStem, HeaderStemError, family, fate,
};
pub use fault::Fault;
pub(crate) use index::{AddressIndex, NameIndex, ScopeIndex, Specificity};
pub use organization::{AcceptedDomain, DomainKind, FinalRefusal, MessageLimits, Organization, Origin, RecipientCheck};
pub(crate) use partner_index::{PartnerIndex, ScopeRank};
pub use rule::{
    AddressPattern, AddressPatternError, HeaderCondition, HeaderField, HeaderFindings, Rule, RuleFacts, RuleField,
    RuleKey, RuleTls, RuleVerdict,
};
pub use rule_account::{RuleAccount, RuleQuestion, RuleStanding};
pub use rules_of_rules::{HEADER_FIELD_OCTETS_MAX, HEADER_NAME_OCTETS_MAX};
pub use select::{Bearing, MissingWay, Selection, SelectionReason};
pub(crate) use shadow::TriedIndex;
pub use shadow::{Shadow, TRIED_MAX, Tried};
pub use text::{SMTP_PORT, SUBMISSIONS_PORT, ScopeError};

/// Trust anchors that a client's chain is held against at most: as many answers about a chain are kept. Beyond them a
/// certificate cannot be judged, and its owner is told to come again.
pub const CLIENT_CHECKS_MAX: usize = 32;

/// What a connector asks of a client's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AskedOfChain {
    /// Where it must end.
    anchors: AnchorSetId,
    /// Whether it is asked too if any of it is revoked.
    revocation: bool,
}

impl AskedOfChain {
    fn of(connector: &InboundConnector) -> Self {
        Self {
            anchors: connector.anchors.clone(),
            revocation: connector.revocation.is_some(),
        }
    }

    fn checks(self) -> impl Iterator<Item = Check> {
        let anchors = self.anchors.clone();
        let revocation = self.revocation.then_some(Check::Revocation { anchors });
        std::iter::once(Check::Path { anchors: self.anchors }).chain(revocation)
    }
}

/// What a directory is built from.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The first organization among them.
    pub organizations: Vec<Organization>,
    /// Of all organizations, those of the configuration file too.
    pub domains: Vec<AcceptedDomain>,
    /// Of all organizations, disabled ones too.
    pub inbound: Vec<InboundConnector>,
    /// Of all organizations, disabled ones too.
    pub outbound: Vec<OutboundConnector>,
    /// Of all organizations, disabled ones too.
    pub rules: Vec<Rule>,
    /// Of all organizations, those that have ended too.
    pub exceptions: Vec<Exception>,
    /// Of all organizations.
    pub certificate_roles: Vec<CertificateRole>,
}

/// All organizations, their domains and connectors at one version. Made by [`Directory::build`]; the default has none.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    version: u64,
    organizations: HashMap<OrganizationName, Organization>,
    domains: HashMap<Domain, AcceptedDomain>,
    inbound: HashMap<ConnectorKey, Arc<InboundConnector>>,
    outbound: HashMap<ConnectorKey, Arc<OutboundConnector>>,
    /// Where the chain of a client that presents one of these names may have to end.
    anchors: NameIndex<AskedOfChain>,
    /// Likewise, for connectors that are tried.
    tried_anchors: NameIndex<AskedOfChain>,
    /// Whether any inbound connector is tried.
    tries_inbound: bool,
    /// Every organization's servers, by the certificates that they are known by.
    own_certificates: NameIndex<Arc<InboundConnector>>,
    /// Where every organization's servers may be.
    own_addresses: AddressIndex<Arc<InboundConnector>>,
    indexes: HashMap<OrganizationName, OrganizationIndex>,
    /// In the order in which they are looked at, disabled ones too.
    rules: Vec<Arc<Rule>>,
    /// What enabled rules look for in headers, each once.
    header_conditions: Arc<Vec<HeaderCondition>>,
    /// Of those organizations alone that set any.
    limits: HashMap<OrganizationName, MessageLimits>,
    /// The stems of every organization's header families, in lower case.
    header_stems: Arc<HashSet<String>>,
    exceptions: exception::ExceptionIndex,
    certificate_roles: HashSet<CertificateRoleKey>,
}

/// The enabled connectors and rules of one organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrganizationIndex {
    /// How many connectors it has for servers of its own.
    pub(crate) own_servers: usize,
    /// OnPremises, by where the client may be.
    pub(crate) own_addresses: AddressIndex<Arc<InboundConnector>>,
    /// Both types, by where the client may be.
    pub(crate) addresses: AddressIndex<Arc<InboundConnector>>,
    /// Both types, by the client's certificate.
    pub(crate) certificates: NameIndex<Arc<InboundConnector>>,
    /// Partners, by the domain of MAIL FROM.
    pub(crate) partners: PartnerIndex,
    /// Partners, by the organizations that they trust.
    pub(crate) trusting: HashMap<OrganizationName, Vec<Arc<InboundConnector>>>,
    /// Those that a domain may choose.
    pub(crate) outbound: ScopeIndex<Arc<OutboundConnector>>,
    /// The one for all accepted domains.
    pub(crate) all_accepted: Option<Arc<OutboundConnector>>,
    /// The one through which mail to everywhere goes first.
    pub(crate) central: Option<Arc<OutboundConnector>>,
    /// In the order in which they are looked at.
    pub(crate) rules: rule_index::RuleIndex,
    /// What its rules look for in headers, those that are tried too.
    pub(crate) headers: rule_index::HeaderPlaces,
    /// What is tried and never acts.
    pub(crate) tried: TriedIndex,
}

impl Directory {
    /// The version that it was built from.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// An organization by its name.
    #[must_use]
    pub fn organization(&self, name: &OrganizationName) -> Option<&Organization> {
        self.organizations.get(name)
    }

    /// What an organization sets about single messages; cheap where nobody sets anything.
    #[must_use]
    pub fn message_limits(&self, organization: &OrganizationName) -> Option<MessageLimits> {
        if self.limits.is_empty() {
            return None;
        }
        self.limits.get(organization).copied()
    }

    /// What the names of header families begin with, those of all organizations, in lower case.
    #[must_use]
    pub const fn header_stems(&self) -> &Arc<HashSet<String>> {
        &self.header_stems
    }

    /// Whose a domain is and what becomes of its mail; `None` when nobody here accepts it.
    #[must_use]
    pub fn domain(&self, domain: &Domain) -> Option<&AcceptedDomain> {
        self.domains.get(domain)
    }

    /// An inbound connector, disabled ones too.
    #[must_use]
    pub fn inbound_connector(&self, key: &ConnectorKey) -> Option<&Arc<InboundConnector>> {
        self.inbound.get(key)
    }

    /// An outbound connector, disabled ones too.
    #[must_use]
    pub fn outbound_connector(&self, key: &ConnectorKey) -> Option<&Arc<OutboundConnector>> {
        self.outbound.get(key)
    }

    /// Whether there is this role of certificates.
    #[must_use]
    pub fn has_certificate_role(&self, key: &CertificateRoleKey) -> bool {
        self.certificate_roles.contains(key)
    }

    /// All organizations, in no particular order.
    pub fn organizations(&self) -> impl ExactSizeIterator<Item = &Organization> {
        self.organizations.values()
    }

    /// All accepted domains, in no particular order.
    pub fn domains(&self) -> impl ExactSizeIterator<Item = &AcceptedDomain> {
        self.domains.values()
    }

    /// All inbound connectors, disabled ones too, in no particular order.
    pub fn inbound(&self) -> impl ExactSizeIterator<Item = &Arc<InboundConnector>> {
        self.inbound.values()
    }

    /// Whose an address that is here is: what is here without being in the directory is the first organization's, as
    /// all of `sekisho.toml` is.
    #[must_use]
    pub fn owner_of(&self, host: &Host) -> &OrganizationName {
        const FIRST: &OrganizationName = &OrganizationName::FIRST;
        let accepted = host.domain().and_then(|domain| self.domain(domain));
        accepted.map_or(FIRST, |accepted| &accepted.organization)
    }

    /// All outbound connectors, disabled ones too, in no particular order.
    pub fn outbound(&self) -> impl ExactSizeIterator<Item = &Arc<OutboundConnector>> {
        self.outbound.values()
    }

    /// What has to be asked about a client's chain, for the connectors that its names could identify; then, for the
    /// record alone, whether it would hold before the world, so that a connector that is yet to be written can be held
    /// against it. Empty, and cheap, when no certificate was presented. Whoever accepts the handshake puts the answers
    /// into [`TlsFacts::verdicts`].
    #[must_use]
    pub fn client_checks(&self, tls: &TlsFacts) -> Vec<Check> {
        let Some(leaf) = tls.chain.first().filter(|_| tls.key == KeyProof::Proven) else {
            return Vec::new();
        };
        let mut sets: Vec<AskedOfChain> = Vec::new();
        let mut add = |asked: &AskedOfChain| {
            if let Some(known) = sets.iter_mut().find(|known| known.anchors == asked.anchors) {
                known.revocation |= asked.revocation;
            } else if sets.len() < CLIENT_CHECKS_MAX {
                sets.push(asked.clone());
            }
        };
        // What is tried comes last: it never takes the room of what acts.
        for index in [Some(&self.anchors), None, Some(&self.tried_anchors)] {
            let Some(index) = index else {
                add(&AskedOfChain {
                    anchors: AnchorSetId::system(),
                    revocation: false,
                });
                continue;
            };
            for name in self.names_on(leaf).filter(|_| !index.is_empty()) {
                index.for_each_match(name, |_, asked| add(asked));
            }
        }
        sets.into_iter().flat_map(AskedOfChain::checks).collect()
    }

    /// The names of a certificate by which a client may be known: its dNSNames; the common name of one without any,
    /// where some exception lets that count.
    pub(crate) fn names_on<'a>(&self, leaf: &'a CertificateFacts) -> impl Iterator<Item = &'a str> + use<'a> {
        let may_count = leaf.dns_names.is_empty() && self.counts_common_names();
        let common_name = leaf.common_name.as_deref().filter(|_| may_count);
        leaf.dns_names.iter().map(String::as_str).chain(common_name)
    }

    /// Whose the nearest accepted domain at or above a certificate's name is.
    pub(crate) fn owner_of_name(&self, presented: &str) -> Option<&OrganizationName> {
        // A stranger's certificate may have many names, nearly all of them nobody's: only the others are parsed.
        let text = presented.to_ascii_lowercase();
        let mut lineage = std::iter::successors(Some(text.as_str()), |name| Some(name.split_once('.')?.1));
        lineage.find(|name| self.domains.contains_key(*name))?;
        let name = NamePattern::parse_presented(presented)?;
        let nearest = name.domain.lineage().find_map(|domain| self.domains.get(domain));
        nearest.map(|accepted| &accepted.organization)
    }

    pub(crate) fn index_of(&self, organization: &OrganizationName) -> Option<&OrganizationIndex> {
        self.indexes.get(organization)
    }

    pub(crate) const fn own_certificates(&self) -> &NameIndex<Arc<InboundConnector>> {
        &self.own_certificates
    }

    pub(crate) const fn own_addresses(&self) -> &AddressIndex<Arc<InboundConnector>> {
        &self.own_addresses
    }
}

impl InboundConnector {
    /// Whether a path to its anchors is looked at: a pin to which nobody added anchors stands for itself.
    pub(crate) fn wants_path(&self) -> bool {
        self.pins.is_empty() || !self.anchors.is_shared()
    }

    /// Whether it limits who may send from its domains.
    pub(crate) const fn is_restricting(&self) -> bool {
        self.restrict_domains_to_certificate || self.restrict_domains_to_ip_addresses
    }
}
