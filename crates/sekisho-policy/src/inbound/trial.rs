//! What an organization's inbound connectors are, as a judgement sees them: those that act; and, while one is tried,
//! that one among them, in the place of the one whose draft it is.

use std::{cmp::Reverse, sync::Arc};

use sekisho_mail::OrganizationName;

use super::{InboundFacts, Recipient, incoming::covers};
use crate::directory::{ConnectorType, InboundConnector, OrganizationIndex, ScopeRank, Specificity, Tried};

/// One connector that is judged as if it acted.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a>(&'a Tried<InboundConnector>);

impl<'a> Trial<'a> {
    pub(super) const fn of(tried: &'a Tried<InboundConnector>) -> Self {
        Self(tried)
    }

    fn connector(self) -> &'a InboundConnector {
        &self.0.document
    }

    /// In whose place this connector is tried.
    pub(super) fn replaced_by(self, connector: &InboundConnector) -> Option<&'a InboundConnector> {
        let replaced = self.0.replaces.as_deref()?;
        std::ptr::eq(self.connector(), connector).then_some(replaced)
    }
}

impl<'a> InboundFacts<'a> {
    /// Whether a connector that acts is looked at: not while another is tried in its place.
    fn counts(&self, connector: &InboundConnector) -> bool {
        let replaced = self.trial.and_then(|trial| trial.0.replaces.as_deref());
        replaced.is_none_or(|replaced| !std::ptr::eq(replaced, connector))
    }

    /// The connector that is tried, if it is this organization's.
    fn tried(&self, organization: &OrganizationName) -> Option<&'a InboundConnector> {
        let connector = self.trial?.connector();
        (connector.key.organization == *organization).then_some(connector)
    }

    fn tried_own_server(&self) -> Option<&'a InboundConnector> {
        let connector = self.trial?.connector();
        (connector.kind == ConnectorType::OnPremises).then_some(connector)
    }

    /// Partners' connectors that cover the mail, the most specific first. Of those of one scope that demand the same
    /// the first stands for all, and beside it those that restrict and may know the client.
    pub(super) fn partners(&self, index: &'a OrganizationIndex, here: &Recipient<'_>) -> Vec<&'a InboundConnector> {
        let sender = self.sender_domain();
        let mut covering = Vec::new();
        index
            .partners
            .for_each_covering(sender, here.domain, |rank, partners| covering.push((rank, partners)));
        let alike = covering.iter().flat_map(|(rank, partners)| {
            let first = |alike: &'a [Arc<InboundConnector>]| alike.iter().find(|one| self.counts(one));
            partners.alike().filter_map(first).map(|one| (*rank, &**one))
        });
        let mut found: Vec<(ScopeRank, &InboundConnector)> = alike.collect();
        if found.iter().any(|(_, connector)| connector.is_restricting()) {
            self.for_each_that_may_know_the_client(index, |connector| {
                let mut of_it = covering.iter().filter(|(_, partners)| partners.hold(connector));
                found.extend(of_it.next().map(|(rank, _)| (*rank, connector)));
            });
        }
        found.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.key.cmp(&b.key)));
        found.dedup_by(|(_, a), (_, b)| std::ptr::eq(*a, *b));
        let tried = self.tried(here.organization).filter(|connector| {
            connector.kind == ConnectorType::Partner
                && covers(connector, here.domain)
                && connector.covers_sender(sender)
        });
        found.into_iter().map(|(_, connector)| connector).chain(tried).collect()
    }

    /// Hands over the partners' connectors that restrict and have the client's address, or name its certificate.
    fn for_each_that_may_know_the_client(
        &self,
        index: &'a OrganizationIndex,
        mut found: impl FnMut(&'a InboundConnector),
    ) {
        let mut look_at = |connector: &'a Arc<InboundConnector>| {
            if connector.kind == ConnectorType::Partner && connector.is_restricting() && self.counts(connector) {
                found(connector);
            }
        };
        index.addresses.matching(self.client).flatten().for_each(&mut look_at);
        let leaf = self.security.tls().and_then(|tls| tls.chain.first());
        for name in leaf.into_iter().flat_map(|leaf| self.directory.names_on(leaf)) {
            index
                .certificates
                .for_each_match(name, |_, connector| look_at(connector));
        }
    }

    /// The partner's connector of an organization that trusts another.
    pub(super) fn trusting(
        &self,
        index: &'a OrganizationIndex,
        organization: &OrganizationName,
        trusted: &OrganizationName,
    ) -> Option<&'a InboundConnector> {
        let acting = index.trusting.get(trusted).into_iter().flatten().map(AsRef::as_ref);
        let tried = self.tried(organization).filter(|connector| {
            connector.kind == ConnectorType::Partner && connector.trusted_organizations.contains(trusted)
        });
        acting.filter(|connector| self.counts(connector)).chain(tried).next()
    }

    /// Whether some connector of the organization, of either type, has the client's address.
    pub(super) fn any_address(&self, index: &OrganizationIndex, organization: &OrganizationName) -> bool {
        let mut acting = index.addresses.matching(self.client).flatten();
        acting.any(|connector| self.counts(connector))
            || self
                .tried(organization)
                .is_some_and(|connector| connector.holds_address(self.client))
    }

    /// Whether an OnPremises connector of whomever has the client's address.
    pub(super) fn any_own_server(&self) -> bool {
        let mut acting = self.directory.own_addresses().matching(self.client).flatten();
        let tried = self.tried_own_server();
        acting.any(|connector| self.counts(connector))
            || tried.is_some_and(|connector| connector.holds_address(self.client))
    }

    /// Whether an organization has OnPremises connectors.
    pub(super) fn has_own_servers(&self, organization: &OrganizationName) -> bool {
        let acting = self
            .directory
            .index_of(organization)
            .map_or(0, |index| index.own_servers);
        let is_own = |connector: &InboundConnector| {
            connector.kind == ConnectorType::OnPremises && connector.key.organization == *organization
        };
        let replaced = self.trial.and_then(|trial| trial.0.replaces.as_deref());
        let is_one_less = replaced.is_some_and(is_own);
        acting > usize::from(is_one_less) || self.tried_own_server().is_some_and(is_own)
    }

    /// Hands over the connectors of the organization, of either type, that name what a certificate presents.
    pub(super) fn for_each_certificate(
        &self,
        index: &'a OrganizationIndex,
        organization: &OrganizationName,
        presented: &str,
        mut found: impl FnMut(&'a InboundConnector),
    ) {
        index.certificates.for_each_match(presented, |_, connector| {
            if self.counts(connector) {
                found(connector);
            }
        });
        if let Some(connector) = self.tried(organization)
            && names(connector, presented).is_some()
        {
            found(connector);
        }
    }

    /// Whether anybody's server may be known by its certificate.
    pub(super) fn looks_at_own_certificates(&self) -> bool {
        !self.directory.own_certificates().is_empty() || self.tried_own_server().is_some()
    }

    /// Hands over the OnPremises connectors of all organizations that name what a certificate presents.
    pub(super) fn for_each_own_certificate(
        &self,
        presented: &str,
        mut found: impl FnMut(Specificity, &'a InboundConnector),
    ) {
        let index = self.directory.own_certificates();
        index.for_each_match(presented, |specificity, connector| {
            if self.counts(connector) {
                found(specificity, connector);
            }
        });
        if let Some(connector) = self.tried_own_server()
            && let Some(specificity) = names(connector, presented)
        {
            found(specificity, connector);
        }
    }

    /// The OnPremises connectors of an organization that have the client's address, the smallest network first.
    pub(super) fn own_servers(&self, organization: &OrganizationName) -> impl Iterator<Item = &'a InboundConnector> {
        let index = self.directory.index_of(organization);
        let acting = index
            .into_iter()
            .flat_map(|index| index.own_addresses.matching(self.client));
        let acting = acting.flatten().map(AsRef::as_ref);
        let own = self.tried_own_server();
        let tried = own.filter(|one| one.key.organization == *organization && one.holds_address(self.client));
        // Only where one is tried do they have to be put in order once more.
        let (acting, sorted) = match self.trial {
            None => (Some(acting), Vec::new()),
            Some(_) => {
                let acting = acting.filter(|connector| self.counts(connector));
                let mut all: Vec<&InboundConnector> = acting.chain(tried).collect();
                all.sort_by_key(|connector| (Reverse(self.prefix_of(connector)), &connector.key));
                (None, all)
            }
        };
        acting.into_iter().flatten().chain(sorted)
    }

    /// The length of the longest prefix with which a connector has the client's address.
    fn prefix_of(&self, connector: &InboundConnector) -> u8 {
        let holding = connector.sender_addresses.holding(self.client);
        holding.map_or(0, |network| network.prefix())
    }
}

/// How specific the name is by which a connector knows a certificate that presents another; `None` when it does not.
fn names(connector: &InboundConnector, presented: &str) -> Option<Specificity> {
    let name = connector.tls_sender_certificate_name.as_ref()?;
    name.is_matched_by(presented)
        .then(|| (!name.within, name.domain.as_str().len()))
}
