//! Partners' connectors by whose mail they cover. Those that demand the same stand together, so that however many there
//! are, one speaks for all of them where it does not matter which.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sekisho_mail::Domain;

use super::{DomainScope, InboundConnector, PlaintextReply, ScopeIndex, TlsFloor};

/// The partners' connectors of one organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartnerIndex {
    for_all: ScopeIndex<Partners>,
    /// By the accepted domains to which connectors are limited.
    limited: HashMap<Domain, ScopeIndex<Partners>>,
}

/// How specific the scope is that covers a sender: larger is more, and a domain itself more than any wildcard.
pub(crate) type ScopeRank = usize;

impl PartnerIndex {
    /// `is_excepted` says that there are exceptions about the connector.
    pub(super) fn insert(&mut self, connector: &Arc<InboundConnector>, is_excepted: bool) {
        let mut seen = HashSet::new();
        for scope in connector.sender_domains.iter().filter(|scope| seen.insert(*scope)) {
            if connector.associated_accepted_domains.is_empty() {
                add(&mut self.for_all, scope, connector, is_excepted);
            }
            for domain in &connector.associated_accepted_domains {
                let index = self.limited.entry(domain.clone()).or_default();
                add(index, scope, connector, is_excepted);
            }
        }
    }

    /// Hands over those that cover mail of a sender for a recipient.
    pub(crate) fn for_each_covering<'a>(
        &'a self,
        sender: Option<&Domain>,
        recipient: Option<&Domain>,
        mut found: impl FnMut(ScopeRank, &'a Partners),
    ) {
        let limited = recipient.and_then(|recipient| self.limited.get(recipient));
        for index in std::iter::once(&self.for_all).chain(limited) {
            if let Some(sender) = sender {
                let exact = index.exact(sender).iter();
                exact.for_each(|partners| found(ScopeRank::MAX, partners));
                for (of, all) in index.within(sender) {
                    all.iter().for_each(|partners| found(of.as_str().len(), partners));
                }
            }
            index.everything().iter().for_each(|partners| found(0, partners));
        }
    }
}

fn add(index: &mut ScopeIndex<Partners>, scope: &DomainScope, connector: &Arc<InboundConnector>, is_excepted: bool) {
    let entry = index.entry(scope);
    if entry.is_empty() {
        entry.push(Partners::default());
    }
    entry[0].add(connector, is_excepted);
}

/// Those of one scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partners {
    alike: HashMap<Shape, Vec<Arc<InboundConnector>>>,
    names: HashSet<Arc<str>>,
}

impl Partners {
    fn add(&mut self, connector: &Arc<InboundConnector>, is_excepted: bool) {
        self.names.insert(Arc::clone(&connector.key.name));
        let shape = Shape::of(connector, is_excepted);
        self.alike.entry(shape).or_default().push(Arc::clone(connector));
    }

    /// Whether a connector of the organization is among them.
    pub(crate) fn hold(&self, connector: &InboundConnector) -> bool {
        self.names.contains(&connector.key.name)
    }

    /// Each group of those that demand the same, by key; all but whom they are known by is alike.
    pub(crate) fn alike(&self) -> impl Iterator<Item = &[Arc<InboundConnector>]> {
        self.alike.values().map(Vec::as_slice)
    }
}

/// All that a partner's connector demands, but for by whom the client is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    restricts_to_certificate: bool,
    restricts_to_addresses: bool,
    require_tls: bool,
    floor: TlsFloor,
    plaintext_reply: PlaintextReply,
    /// One about which there are exceptions is like no other.
    excepted: Option<Arc<str>>,
}

impl Shape {
    fn of(connector: &InboundConnector, is_excepted: bool) -> Self {
        Self {
            restricts_to_certificate: connector.restrict_domains_to_certificate,
            restricts_to_addresses: connector.restrict_domains_to_ip_addresses,
            require_tls: connector.require_tls,
            floor: connector.floor,
            plaintext_reply: connector.plaintext_reply,
            excepted: is_excepted.then(|| Arc::clone(&connector.key.name)),
        }
    }
}
