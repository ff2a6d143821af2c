//! Tables that answer with what matches a domain, an address or a certificate's name, without walking along a list.

use std::{collections::HashMap, net::IpAddr};

use sekisho_mail::{Domain, NamePattern, NameReach};

use super::{CertificateName, DomainScope};
use crate::{Network, network::Prefixes};

/// Values by the domains that they are for.
#[derive(Clone, Debug)]
pub(crate) struct ScopeIndex<T> {
    exact: HashMap<Domain, Vec<T>>,
    within: HashMap<Domain, Vec<T>>,
    everything: Vec<T>,
}

impl<T> Default for ScopeIndex<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            within: HashMap::new(),
            everything: Vec::new(),
        }
    }
}

impl<T> ScopeIndex<T> {
    pub(crate) fn insert(&mut self, scope: &DomainScope, value: T) {
        self.entry(scope).push(value);
    }

    /// What was inserted for exactly this scope.
    pub(crate) fn entry(&mut self, scope: &DomainScope) -> &mut Vec<T> {
        match scope {
            DomainScope::Exact(domain) => self.exact.entry(domain.clone()).or_default(),
            DomainScope::Within(domain) => self.within.entry(domain.clone()).or_default(),
            DomainScope::Everything => &mut self.everything,
        }
    }

    /// What is for this very domain.
    pub(crate) fn exact(&self, domain: &Domain) -> &[T] {
        self.exact.get(domain).map_or(&[], Vec::as_slice)
    }

    /// What is for a wildcard that covers the domain, the longest first, with what stands behind its `*.`.
    pub(crate) fn within<'a, 'd>(
        &'a self,
        domain: &'d Domain,
    ) -> impl Iterator<Item = (&'a Domain, &'a [T])> + use<'a, 'd, T> {
        let table = (!self.within.is_empty()).then_some(&self.within);
        table.into_iter().flat_map(|table| {
            let names = domain.lineage();
            names.filter_map(|name| table.get_key_value(name).map(|(of, values)| (of, values.as_slice())))
        })
    }

    /// What is for everything.
    pub(crate) fn everything(&self) -> &[T] {
        &self.everything
    }

    /// All that is for a domain, the most specific first; only what is for everything when there is none.
    pub(crate) fn matching<'a, 'd>(
        &'a self,
        domain: Option<&'d Domain>,
    ) -> impl Iterator<Item = &'a T> + use<'a, 'd, T> {
        let exact = domain.into_iter().flat_map(|domain| self.exact(domain));
        let within = domain.into_iter().flat_map(|domain| self.within(domain));
        exact
            .chain(within.flat_map(|(_, values)| values))
            .chain(self.everything())
    }
}

/// Values by networks.
#[derive(Clone, Debug)]
pub(crate) struct AddressIndex<T> {
    prefixes: Prefixes,
    entries: HashMap<Network, Vec<T>>,
}

impl<T> Default for AddressIndex<T> {
    fn default() -> Self {
        Self {
            prefixes: Prefixes::default(),
            entries: HashMap::new(),
        }
    }
}

impl<T> AddressIndex<T> {
    pub(crate) fn insert(&mut self, network: Network, value: T) {
        self.prefixes.insert(network);
        self.entries.entry(network).or_default().push(value);
    }

    /// The values of each network that holds the address, the smallest network first.
    pub(crate) fn matching(&self, address: IpAddr) -> impl Iterator<Item = &[T]> {
        let around = self.prefixes.around(address);
        around.filter_map(|network| self.entries.get(&network).map(Vec::as_slice))
    }
}

/// Values by the names that a certificate must be for.
#[derive(Clone, Debug)]
pub(crate) struct NameIndex<T> {
    exact: HashMap<Domain, Vec<T>>,
    /// Exact names once more, by what follows their first label: what a certificate's wildcard may stand for.
    below: HashMap<Domain, Vec<(Domain, T)>>,
    within: HashMap<Domain, Vec<T>>,
}

impl<T> Default for NameIndex<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            below: HashMap::new(),
            within: HashMap::new(),
        }
    }
}

/// How specific a configured name is: exact ones over wildcards, then by octets; larger is more.
pub(crate) type Specificity = (bool, usize);

impl<T: Clone> NameIndex<T> {
    pub(crate) fn insert(&mut self, name: &CertificateName, value: T) {
        if name.within {
            self.within.entry(name.domain.clone()).or_default().push(value);
            return;
        }
        if let Some(parent) = name.domain.parent() {
            let entry = (name.domain.clone(), value.clone());
            self.below.entry(parent).or_default().push(entry);
        }
        self.exact.entry(name.domain.clone()).or_default().push(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.within.is_empty()
    }

    /// Hands over every value whose name the presented one matches; the name's specificity with it.
    pub(crate) fn for_each_match<'a>(&'a self, presented: &str, mut found: impl FnMut(Specificity, &'a T)) {
        let Some(name) = NamePattern::parse_presented(presented) else {
            return;
        };
        match name.reach {
            NameReach::Exact => {
                let values = self.exact.get(&name.domain).into_iter().flatten();
                values.for_each(|value| found((true, name.domain.as_str().len()), value));
            }
            NameReach::OneLabel => {
                let values = self.below.get(&name.domain).into_iter().flatten();
                values.for_each(|(domain, value)| found((true, domain.as_str().len()), value));
            }
            NameReach::Within => return,
        }
        for domain in name.domain.lineage() {
            let values = self.within.get(domain).into_iter().flatten();
            values.for_each(|value| found((false, domain.len()), value));
        }
    }
}

impl CertificateName {
    /// Whether a name that a certificate presents is one that is asked for.
    pub(crate) fn is_matched_by(&self, presented: &str) -> bool {
        let Some(name) = NamePattern::parse_presented(presented) else {
            return false;
        };
        match (name.reach, self.within) {
            (NameReach::Exact | NameReach::OneLabel, true) => {
                name.domain == self.domain || name.domain.is_below(&self.domain)
            }
            (NameReach::Exact, false) => name.domain == self.domain,
            (NameReach::OneLabel, false) => {
                let rest = self.domain.as_str().split_once('.').map(|(_, rest)| rest);
                rest == Some(name.domain.as_str())
            }
            (NameReach::Within, _) => false,
        }
    }
}
