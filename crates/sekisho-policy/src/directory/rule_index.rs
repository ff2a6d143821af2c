//! The rules of one organization by what they are about, so that for a message those alone are looked at that may apply
//! to it, however many there are.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sekisho_mail::{Host, Mailbox, OrganizationName};

use super::{AddressPattern, DomainScope, Rule, RuleFacts, ScopeIndex};

/// A rule with the place of its header condition.
pub(super) type PlacedRule = (Arc<Rule>, Option<usize>);

/// The enabled rules of one organization. Each is filed under one of its conditions, the one that it shares with the
/// fewest others.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleIndex {
    /// In the order in which they are looked at; what is filed below are places in it.
    rules: Vec<PlacedRule>,
    senders: PatternIndex,
    recipients: PatternIndex,
    connectors: HashMap<Arc<str>, Vec<usize>>,
    organizations: HashMap<OrganizationName, Vec<usize>>,
    headers: HashMap<usize, Vec<usize>>,
    /// Those with no condition that tells messages apart.
    unfiled: Vec<usize>,
}

/// One of the alternatives of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Sender(&'a AddressPattern),
    Recipient(&'a AddressPattern),
    Connector(&'a Arc<str>),
    Organization(&'a OrganizationName),
    Header(usize),
}

impl RuleIndex {
    /// From rules in the order in which they are looked at.
    pub(super) fn of(rules: Vec<PlacedRule>) -> Self {
        let mut shared: HashMap<Key<'_>, usize> = HashMap::new();
        for (rule, header) in &rules {
            for key in conditions(rule, *header).into_iter().flatten() {
                *shared.entry(key).or_default() += 1;
            }
        }
        let share = |keys: &Vec<Key<'_>>| keys.iter().filter_map(|key| shared.get(key)).max().copied();
        let mut index = Self::default();
        for (place, (rule, header)) in rules.iter().enumerate() {
            match conditions(rule, *header).into_iter().min_by_key(share) {
                Some(keys) => keys.into_iter().for_each(|key| index.file(key, place)),
                None => index.unfiled.push(place),
            }
        }
        index.rules = rules;
        index
    }

    fn file(&mut self, key: Key<'_>, place: usize) {
        match key {
            Key::Sender(pattern) => self.senders.insert(pattern, place),
            Key::Recipient(pattern) => self.recipients.insert(pattern, place),
            Key::Connector(name) => self.connectors.entry(Arc::clone(name)).or_default().push(place),
            Key::Organization(name) => self.organizations.entry(name.clone()).or_default().push(place),
            Key::Header(header) => self.headers.entry(header).or_default().push(place),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All of them, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PlacedRule> {
        self.rules.iter()
    }

    /// Those that a message meets, in their order.
    pub(super) fn meeting<'a>(&'a self, facts: &RuleFacts<'_>) -> impl Iterator<Item = &'a Arc<Rule>> {
        let places = self.places(facts).into_iter();
        let placed = places.filter_map(|place| self.rules.get(place));
        let met = placed.filter(|(rule, header)| rule.meets(*header, facts));
        met.map(|(rule, _)| rule)
    }

    /// Where those stand that may apply, in their order, each once.
    fn places(&self, facts: &RuleFacts<'_>) -> Vec<usize> {
        let mut places = self.unfiled.clone();
        let mut add = |found: &[usize]| places.extend(found);
        self.senders.for_each_match(facts.sender.mailbox(), &mut add);
        for recipient in facts.recipients {
            self.recipients.for_each_match(Some(recipient), &mut add);
        }
        let own = facts
            .connectors
            .iter()
            .filter(|one| one.organization == *facts.organization);
        own.filter_map(|one| self.connectors.get(&one.name))
            .for_each(|found| add(found));
        let from = facts.from.iter().filter_map(|name| self.organizations.get(*name));
        from.for_each(|found| add(found));
        let headers = facts.header.places().filter_map(|header| self.headers.get(&header));
        headers.for_each(|found| add(found));
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// The conditions of a rule that tell messages apart, each with its alternatives.
fn conditions(rule: &Rule, header: Option<usize>) -> Vec<Vec<Key<'_>>> {
    let patterns = |patterns: &'_ [AddressPattern]| !patterns.is_empty() && !patterns.iter().any(is_everybody);
    let senders = patterns(&rule.senders).then(|| rule.senders.iter().map(Key::Sender).collect());
    let recipients = patterns(&rule.recipients).then(|| rule.recipients.iter().map(Key::Recipient).collect());
    let connector = rule.inbound_connector.as_ref().map(|name| vec![Key::Connector(name)]);
    let organizations = &rule.from_organizations;
    let organizations = (!organizations.is_empty()).then(|| organizations.iter().map(Key::Organization).collect());
    let header = header.map(|place| vec![Key::Header(place)]);
    let all = [senders, recipients, connector, organizations, header];
    all.into_iter().flatten().collect()
}

fn is_everybody(pattern: &AddressPattern) -> bool {
    *pattern == AddressPattern::Domains(DomainScope::Everything)
}

impl Rule {
    /// Whether it has no condition by which it could be found: then it is looked at for every message.
    pub(super) fn is_for_every_message(&self) -> bool {
        conditions(self, self.header.as_ref().map(|_| 0)).is_empty()
    }
}

/// Places by the patterns of addresses that they are for.
#[derive(Clone, Debug, Default)]
struct PatternIndex {
    null: Vec<usize>,
    /// By host and local part, as they are compared.
    addresses: HashMap<(Host, String), Vec<usize>>,
    scopes: ScopeIndex<usize>,
}

impl PatternIndex {
    fn insert(&mut self, pattern: &AddressPattern, place: usize) {
        match pattern {
            AddressPattern::Null => self.null.push(place),
            AddressPattern::Address(mailbox) => self.addresses.entry(compared(mailbox)).or_default().push(place),
            AddressPattern::Domains(scope) => self.scopes.insert(scope, place),
        }
    }

    /// Hands over what is for an address, the null reverse-path where there is none.
    fn for_each_match(&self, address: Option<&Mailbox>, found: &mut impl FnMut(&[usize])) {
        let Some(mailbox) = address else {
            return found(&self.null);
        };
        if !self.addresses.is_empty()
            && let Some(places) = self.addresses.get(&compared(mailbox))
        {
            found(places);
        }
        if let Some(domain) = mailbox.host().domain() {
            found(self.scopes.exact(domain));
            self.scopes.within(domain).for_each(|(_, places)| found(places));
        }
    }
}

/// As [`AddressPattern`] compares addresses.
fn compared(mailbox: &Mailbox) -> (Host, String) {
    let local_part = mailbox.unquoted_local_part().to_ascii_lowercase();
    (mailbox.host().clone(), local_part)
}

/// Where conditions on the header stand, by the names of their fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderPlaces(HashMap<Box<str>, HashSet<usize>>);

impl HeaderPlaces {
    pub(super) fn insert(&mut self, name: &str, place: usize) {
        self.0.entry(name.into()).or_default().insert(place);
    }

    /// Those about a field of this name.
    pub(super) fn about(&self, name: &str) -> impl Iterator<Item = usize> {
        self.0.get(name).into_iter().flatten().copied()
    }
}
