//! Documents that are tried before they are enforced. They stand apart from those that act, so that no look-up that
//! decides anything ever finds one; what they would do is asked of [`crate::inbound::try_shadows`],
//! [`Directory::try_rules`] and [`crate::outbound::try_documents`].

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use sekisho_mail::{
    Host, OrganizationName, Revision, ShadowDocument, ShadowKind, ShadowOutcome, ShadowVerdict, StatedReason, TriedRule,
};

use super::{
    ConnectorKey, Directory, DomainScope, Fault, InboundConnector, OutboundConnector, Rule, RuleFacts, RuleVerdict,
    Selection, SelectionReason, build::Findings,
};

/// Documents of one kind that an organization may try at a time: each is looked at for every message that it may
/// concern.
pub const TRIED_MAX: usize = 100;

/// That a document is tried and never acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The document of the same kind and organization in whose place it is judged.
    pub draft_of: Option<Arc<str>>,
    /// Of its content: what is counted belongs to it.
    pub revision: Revision,
}

/// A document that is tried.
#[derive(Clone, Debug)]
pub struct Tried<T> {
    /// The document itself.
    pub document: Arc<T>,
    /// The one in whose place it would stand, when that acts.
    pub replaces: Option<Arc<T>>,
    /// What it is known by.
    pub named: Arc<ShadowDocument>,
}

/// The enabled documents that an organization tries.
#[derive(Clone, Debug, Default)]
pub(crate) struct TriedIndex {
    pub(crate) inbound: Vec<Tried<InboundConnector>>,
    pub(crate) outbound: Vec<Tried<OutboundConnector>>,
    /// Each with the place of its header condition.
    pub(crate) rules: Vec<(Tried<Rule>, Option<usize>)>,
}

/// What the checks of drafts must know of a document.
pub(super) struct Draftable<'a> {
    pub(super) organization: &'a OrganizationName,
    pub(super) name: &'a str,
    pub(super) enabled: bool,
    pub(super) shadow: Option<&'a Shadow>,
}

/// That each draft is one of a document that acts, one of each at most, and that not too many are tried.
pub(super) fn check(what: &str, documents: &[Draftable<'_>], faults: &mut Vec<Fault>, warnings: &mut Vec<Fault>) {
    if documents.iter().all(|document| document.shadow.is_none()) {
        return;
    }
    let known: HashMap<_, bool> = documents
        .iter()
        .map(|one| ((one.organization, one.name), one.shadow.is_none()))
        .collect();
    let mut drafts: HashMap<(&OrganizationName, &str), &str> = HashMap::new();
    let mut tried: HashMap<&OrganizationName, usize> = HashMap::new();
    for document in documents {
        let Some(shadow) = document.shadow else { continue };
        let place = format!("{what} {}/{}", document.organization, document.name);
        Findings::at(place.clone(), warnings).add_if(
            !document.enabled,
            "enabled",
            "it is disabled, so it is not tried either",
            "enable it, or remove it",
        );
        let mut findings = Findings::at(place, faults);
        let count = tried.entry(document.organization).or_default();
        *count += usize::from(document.enabled);
        if document.enabled && *count == TRIED_MAX + 1 {
            let reason = format!("the organization tries {TRIED_MAX} documents of this kind already");
            findings.add(
                "mode",
                reason,
                "disable or remove those that are not looked at any more",
            );
        }
        let Some(live) = shadow.draft_of.as_deref() else {
            continue;
        };
        let key = (document.organization, live);
        match known.get(&key) {
            Some(true) => {}
            Some(false) => {
                let reason = format!("{what} {}/{live} is only tried itself", document.organization);
                findings.add("draft_of", reason, "change that one, or name one that is enforced");
            }
            None => {
                let reason = format!("there is no {what} {}/{live} in whose place it would stand", key.0);
                let remedy = "name one that is enforced, or take draft_of out and set mode to shadow";
                findings.add("draft_of", reason, remedy);
            }
        }
        match drafts.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(document.name);
            }
            Entry::Occupied(entry) => {
                let reason = format!("{live} has a draft already: {}", entry.get());
                findings.add("draft_of", reason, "change that draft, or remove one of them");
            }
        }
    }
}

/// Whether two documents, known by organization and name, may have what only one may have: one of them is the draft of
/// the other.
pub(super) fn stands_in_for(shadow: Option<&Shadow>, live: &str) -> bool {
    shadow.is_some_and(|shadow| shadow.draft_of.as_deref() == Some(live))
}

impl Shadow {
    pub(super) fn named(
        &self,
        kind: ShadowKind,
        organization: &OrganizationName,
        name: &Arc<str>,
    ) -> Arc<ShadowDocument> {
        Arc::new(ShadowDocument {
            kind,
            organization: organization.clone(),
            name: Arc::clone(name),
            revision: self.revision,
        })
    }

    /// The key of the connector in whose place one with this key would stand.
    pub(super) fn replaced(&self, key: &ConnectorKey) -> Option<ConnectorKey> {
        let name = self.draft_of.clone()?;
        Some(ConnectorKey {
            organization: key.organization.clone(),
            name,
        })
    }
}

impl Directory {
    /// Whether any organization tries inbound connectors.
    #[must_use]
    pub const fn tries_inbound(&self) -> bool {
        self.tries_inbound
    }

    /// The inbound connectors that an organization tries.
    pub(crate) fn tried_inbound(&self, organization: &OrganizationName) -> &[Tried<InboundConnector>] {
        self.index_of(organization).map_or(&[], |index| &index.tried.inbound)
    }

    /// The outbound connectors that an organization tries.
    #[must_use]
    pub fn tried_outbound(&self, organization: &OrganizationName) -> &[Tried<OutboundConnector>] {
        self.index_of(organization).map_or(&[], |index| &index.tried.outbound)
    }

    /// As [`Self::select`] has answered, with one connector tried; `None` when neither it nor the one in whose place it
    /// would stand covers the host.
    #[must_use]
    pub fn select_trying<'a>(
        &'a self,
        live: &Selection<'a>,
        host: &Host,
        tried: &'a Tried<OutboundConnector>,
    ) -> Option<Selection<'a>> {
        let is_accepted = host.domain().is_some_and(|domain| self.domain(domain).is_some());
        let is_replaced = |other: &Arc<OutboundConnector>| {
            let replaced = tried.replaces.as_ref();
            replaced.is_some_and(|replaced| Arc::ptr_eq(replaced, other))
        };
        let passes_central = live.passes_central;
        let covers = tried.document.covers(host, (is_accepted, passes_central));
        if covers.is_none() && !live.demanding.iter().any(|one| is_replaced(one)) {
            return None;
        }
        let mut selection = live.clone();
        let is_chosen_by_rule = live.because == SelectionReason::Rule;
        let takes_its_place = is_chosen_by_rule && live.chosen.is_some_and(is_replaced);
        selection.demanding.retain(|one| !is_replaced(one));
        let demands = covers.is_some() || takes_its_place;
        selection.demanding.extend(demands.then_some(&tried.document));
        if is_chosen_by_rule {
            if takes_its_place {
                selection.chosen = Some(&tried.document);
            }
            return Some(selection);
        }
        let ranked = selection.demanding.iter().filter_map(|one| {
            let because = one.covers(host, (is_accepted, passes_central))?;
            Some((rank(&because), *one, because))
        });
        let chosen = ranked.max_by_key(|(rank, ..)| *rank);
        selection.because = SelectionReason::NoConnector;
        selection.chosen = None;
        if let Some((_, connector, because)) = chosen {
            selection.chosen = Some(connector);
            selection.because = because;
        }
        Some(selection)
    }

    /// What each rule that the organization tries would make of a message for one recipient; `live` is what the rules
    /// that act have said. What would be demanded is looked at later, in attempts.
    #[must_use]
    pub fn try_rules(&self, facts: &RuleFacts<'_>, live: &RuleVerdict) -> (Vec<ShadowVerdict>, Vec<Arc<TriedRule>>) {
        let (mut verdicts, mut demands) = (Vec::new(), Vec::new());
        let Some(index) = self.index_of(facts.organization) else {
            return (verdicts, demands);
        };
        if index.tried.rules.is_empty() {
            return (verdicts, demands);
        }
        let met: Vec<&Arc<Rule>> = index.rules.meeting(facts).collect();
        for (tried, header) in &index.tried.rules {
            let meets = tried.document.meets(*header, facts);
            let is_replaced = |rule: &&Arc<Rule>| {
                let replaced = tried.replaces.as_ref();
                replaced.is_some_and(|replaced| Arc::ptr_eq(replaced, rule))
            };
            let replaced = met.iter().copied().find(is_replaced);
            if !meets && replaced.is_none() {
                continue;
            }
            let others = met.iter().copied().filter(|rule| !is_replaced(rule));
            let mut then: Vec<&Arc<Rule>> = others.chain(meets.then_some(&tried.document)).collect();
            then.sort_by(|one, other| one.order(other));
            let then = self.verdict_of(facts, then);
            if let Some(verdict) = compare(tried, live, &then) {
                verdicts.push(verdict);
            } else if live.rejection.is_none() {
                demands.push(Arc::new(TriedRule {
                    document: Arc::clone(&tried.named),
                    demands: tried.document.demands().filter(|_| meets).collect(),
                    instead_of: replaced
                        .and_then(|rule| rule.demands().next())
                        .map(|demand| demand.origin),
                }));
            }
        }
        demands.retain(|rule| !rule.demands.is_empty() || rule.instead_of.is_some());
        (verdicts, demands)
    }
}

/// What a rule that is tried changes of a rejection; `None` where nobody rejects the message, or somebody whom it has
/// nothing to do with.
fn compare(tried: &Tried<Rule>, live: &RuleVerdict, then: &RuleVerdict) -> Option<ShadowVerdict> {
    let own = tried.named_as_rule();
    let (outcome, why) = match (&live.rejection, &then.rejection) {
        (None, Some(_)) => (ShadowOutcome::Fails, then.reasons.last()),
        (Some(_), None) => (ShadowOutcome::WouldGo, live.reasons.last()),
        (Some(_), Some(rejection)) if rejection.rule == own => (ShadowOutcome::FailsAnyway, then.reasons.last()),
        (None, None) => return compare_ways(tried, live, then),
        (Some(_), Some(_)) => return None,
    };
    Some(ShadowVerdict {
        document: Arc::clone(&tried.named),
        outcome,
        why: StatedReason::from(why?),
    })
}

/// What a rule that is tried changes of the way, on which nothing was found out then, and of what is added.
fn compare_ways(tried: &Tried<Rule>, live: &RuleVerdict, then: &RuleVerdict) -> Option<ShadowVerdict> {
    let (live_way, then_way) = (live.way.as_ref(), then.way.as_ref());
    let demands = |rule: &Rule| rule.require_tls.is_some();
    let has_demands = demands(&tried.document) || tried.replaces.as_ref().is_some_and(|rule| demands(rule));
    let (outcome, key, text) = if live_way.map(|way| &way.connector) != then_way.map(|way| &way.connector) {
        let text = match then_way {
            Some(way) => format!("the mail would go another way: connector {}", way.connector),
            None => "the mail would go another way: no rule would choose a connector".to_owned(),
        };
        (ShadowOutcome::NotKnown, "another-way", text)
    } else if live.added != then.added && !has_demands {
        let names: Vec<&str> = then.added.iter().map(|field| field.name.as_str()).collect();
        let text = match names.as_slice() {
            [] => "no field would be added".to_owned(),
            names => format!("these fields would be added: {}", names.join(", ")),
        };
        (ShadowOutcome::Passes, "other-fields", text)
    } else {
        return None;
    };
    Some(ShadowVerdict {
        document: Arc::clone(&tried.named),
        outcome,
        why: StatedReason {
            key: key.to_owned(),
            text,
        },
    })
}

impl Tried<Rule> {
    fn named_as_rule(&self) -> String {
        self.document.key.to_string()
    }
}

/// How exactly a connector covers a domain: more is more.
fn rank(because: &SelectionReason) -> (u8, usize) {
    match because {
        SelectionReason::Rule => (6, 0),
        SelectionReason::Central => (5, 0),
        SelectionReason::Exact => (4, 0),
        SelectionReason::Wildcard(domain) => (3, domain.as_str().len()),
        SelectionReason::AllAcceptedDomains => (2, 0),
        SelectionReason::Everything => (1, 0),
        SelectionReason::NoConnector => (0, 0),
    }
}

impl OutboundConnector {
    /// As what it covers a host, the most exact way first, of mail that passes by the way of all mail or not; the
    /// same as [`Directory::select`] finds in its index.
    pub(crate) fn covers(&self, host: &Host, (is_accepted, passes_central): (bool, bool)) -> Option<SelectionReason> {
        if !self.is_selectable() {
            return None;
        }
        if self.route_all_messages_via_on_premises && !passes_central {
            return Some(SelectionReason::Central);
        }
        let domain = host.domain();
        let scopes = self.recipient_domains.iter().filter(|scope| scope.covers(domain));
        let by_scope = scopes.map(|scope| match scope {
            DomainScope::Exact(_) => SelectionReason::Exact,
            DomainScope::Within(domain) => SelectionReason::Wildcard(domain.clone()),
            DomainScope::Everything => SelectionReason::Everything,
        });
        let by_all = (self.all_accepted_domains && is_accepted).then_some(SelectionReason::AllAcceptedDomains);
        by_scope.chain(by_all).max_by_key(rank)
    }
}
