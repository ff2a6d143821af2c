//! What a forecast is made of, as values.

use std::{collections::HashMap, sync::Arc};

use sekisho_api::{MailDirection, SeenLeaf};
use sekisho_mail::{CertificateFacts, Digest, Timestamp, Verdict};
use sekisho_policy::directory::IssuerPattern;
use sekisho_tls::{AnchorSet, PeerChain};

/// What an operator demands of a partner's certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Whose demand it is: `connector "default/bank"`.
    pub(super) by: String,
    /// Where the chain must end, and what that is called; `None` where nobody asks.
    pub(super) anchors: Option<(String, AnchorSet)>,
    /// Keys one of which it must have.
    pub(super) pins: Vec<Digest>,
    /// Who must have issued it.
    pub(super) issuers: Vec<IssuerPattern>,
    /// Whether it must be for clients.
    pub(super) for_clients: bool,
    /// Whether it is looked up that nothing on its path was revoked.
    pub(super) revocation: bool,
}

/// By what chains are judged.
#[derive(Clone, Debug)]
pub(crate) struct JudgingSet {
    /// What the anchors are called.
    pub(crate) name: String,
    pub(crate) set: AnchorSet,
    /// Who demands it; `None` where nobody does.
    pub(crate) by: Option<String>,
    /// Whether it is looked up that nothing on the path was revoked.
    pub(crate) asks_revocation: bool,
}

/// A partner in one direction.
#[derive(Clone, Debug)]
pub(crate) struct PeerFacts {
    pub(crate) organization: String,
    pub(crate) domain: String,
    pub(crate) direction: MailDirection,
    /// Of all hosts.
    pub(crate) history: Vec<SeenLeaf>,
    /// The newest chain with each leaf, as far as they are kept.
    pub(crate) chains: HashMap<Digest, Arc<PeerChain>>,
    /// All demands that apply.
    pub(crate) held: Vec<Held>,
    /// What is trusted where nobody demands anything.
    pub(crate) system: AnchorSet,
}

/// A certificate of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnCertificate {
    /// What it is for, in words: its names.
    pub(super) names: String,
    pub(super) not_after: Timestamp,
    /// Listeners, routes and connectors that use it.
    pub(super) places: Vec<String>,
    /// Whether it is presented as a role. Then the store of certificates knows whether another will be in its place,
    /// and raises the alert when there is none.
    pub(super) is_of_role: bool,
}

/// One host's certificates in the order in which they came.
pub(crate) struct Lineage<'a> {
    pub(super) host: &'a str,
    /// By when they were first seen.
    pub(super) leaves: Vec<&'a SeenLeaf>,
}

impl PeerFacts {
    pub(crate) fn lineages(&self) -> Vec<Lineage<'_>> {
        let mut lineages: Vec<Lineage<'_>> = Vec::new();
        for leaf in &self.history {
            match lineages.iter_mut().find(|lineage| lineage.host == leaf.host) {
                Some(lineage) => lineage.leaves.push(leaf),
                None => lineages.push(Lineage {
                    host: &leaf.host,
                    leaves: vec![leaf],
                }),
            }
        }
        for lineage in &mut lineages {
            lineage.leaves.sort_by_key(|leaf| (leaf.first, leaf.last));
        }
        lineages
    }

    /// By which sets of anchors its chains are judged: those that are demanded, with who demands them, or else the
    /// system's.
    pub(crate) fn judging_sets(&self) -> Vec<(String, AnchorSet, Option<String>)> {
        let demanded = self.held.iter().filter_map(|held| {
            let (name, set) = held.anchors.as_ref()?;
            Some((name.clone(), set.clone(), Some(held.by.clone())))
        });
        let demanded: Vec<_> = demanded.collect();
        if demanded.is_empty() {
            return vec![("the system's trust".to_owned(), self.system.clone(), None)];
        }
        demanded
    }

    /// As [`Self::judging_sets`], with whether it is looked up what was revoked.
    pub(crate) fn revocation_sets(&self) -> Vec<JudgingSet> {
        let asking = |by: &str| self.held.iter().any(|held| held.by == by && held.revocation);
        let sets = self.judging_sets().into_iter();
        let sets = sets.map(|(name, set, by)| JudgingSet {
            asks_revocation: by.as_deref().is_some_and(asking),
            name,
            set,
            by,
        });
        sets.collect()
    }

    /// Who demands that the chain ends somewhere, in words.
    pub(super) fn demanders(&self, is_meant: impl Fn(&Held) -> bool) -> Vec<String> {
        let meant = self.held.iter().filter(|held| is_meant(held));
        meant.map(|held| held.by.clone()).collect()
    }

    /// The facts of the certificates that came with a leaf.
    pub(super) fn presented(&self, leaf: &SeenLeaf) -> &[CertificateFacts] {
        self.chains.get(&leaf.sha256).map_or(&[], |chain| chain.facts())
    }

    /// Whether the chain with a leaf leads to these anchors; `None` where it is not kept.
    pub(super) fn leads_to(&self, leaf: &SeenLeaf, anchors: &AnchorSet, now: Timestamp) -> Option<Verdict> {
        let chain = self.chains.get(&leaf.sha256)?;
        Some(anchors.path(chain, now).verdict)
    }
}

impl Lineage<'_> {
    /// Those that the host may still present: those that no other has replaced.
    pub(crate) fn current(&self) -> Vec<&SeenLeaf> {
        let is_replaced = |leaf: &SeenLeaf| self.leaves.iter().any(|later| replaces(later, leaf));
        self.leaves.iter().copied().filter(|leaf| !is_replaced(leaf)).collect()
    }

    /// What a certificate came after: the last one that it replaced.
    pub(super) fn before(&self, leaf: &SeenLeaf) -> Option<&SeenLeaf> {
        let before = self.leaves.iter().copied().filter(|before| replaces(leaf, before));
        before.max_by_key(|before| before.last)
    }
}

/// Whether one was never seen again once the other had come.
fn replaces(later: &SeenLeaf, earlier: &SeenLeaf) -> bool {
    later.sha256 != earlier.sha256 && later.first >= earlier.last && later.last > earlier.last
}
