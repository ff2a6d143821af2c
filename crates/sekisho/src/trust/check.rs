//! Is a root there, and who needs it?

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use sekisho_api::{SeenLeaf, TrustAnswer, TrustPeer, TrustQuestion};
use sekisho_mail::{AnchorSetId, Digest, Timestamp, Verdict, hexadecimal};
use sekisho_store::StoreError;
use sekisho_tls::{AnchorError, AnchorSearch, AnchorSearchError, AnchorSet, PeerChain};
use thiserror::Error;

use super::list;
use crate::{
    forecast::{PeerFacts, Sources, Wanted},
    partners::FORGET_AFTER,
};

/// Peers that are said of each kind.
const PEERS_MAX: usize = 500;
/// What a root is called that is only looked for.
const ASKED: &str = "the root that is looked for";

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Nothing is looked for that could be.
    #[error("{0}")]
    BadQuestion(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AnchorSearchError> for TrustError {
    fn from(error: AnchorSearchError) -> Self {
        Self::BadQuestion(error.to_string())
    }
}

impl From<AnchorError> for TrustError {
    fn from(error: AnchorError) -> Self {
        Self::BadQuestion(error.to_string())
    }
}

/// A root that is looked for, with its certificate where that is known.
struct Sought {
    search: AnchorSearch,
    certificate: Option<AnchorSet>,
}

/// Answers for one root.
///
/// # Errors
/// When the question makes no sense, or the store cannot be read.
pub(crate) async fn check(sources: &Sources<'_>, question: &TrustQuestion) -> Result<TrustAnswer, TrustError> {
    let mut sought = sought(question)?;
    let found = list(sources.sets, |_, anchor| sought.search.is_met_by(anchor));
    if sought.certificate.is_none() {
        sought.certificate = known_elsewhere(sources.sets, &sought.search);
    }
    let known = sought.certificate.as_ref().filter(|_| found.is_empty());
    let known = known
        .and_then(|set| set.anchors().next())
        .map(|anchor| anchor.subject.clone());
    let mut judge = Judge::new(sources, &sought);
    sources
        .each_peer(&Wanted::default(), |peer| judge.look_at(&peer))
        .await?;
    Ok(TrustAnswer {
        found,
        known,
        depend: judge.depend,
        need: judge.need,
        more: judge.more,
    })
}

fn sought(question: &TrustQuestion) -> Result<Sought, TrustError> {
    match (&question.text, &question.pem, &question.der) {
        (Some(text), None, None) => Ok(Sought {
            search: AnchorSearch::parse(text)?,
            certificate: None,
        }),
        (None, Some(pem), None) => {
            let (first, set) = first_of(&AnchorSet::parse(pem, ASKED)?)?;
            let search = set.anchors().next().map(AnchorSearch::of);
            Ok(Sought {
                search: search.unwrap_or(AnchorSearch::Sha256(first)),
                certificate: Some(set),
            })
        }
        (None, None, Some(der)) => {
            let bad = || TrustError::BadQuestion("the certificate is not in hexadecimal digits".to_owned());
            let der = hexadecimal::decode(der).ok_or_else(bad)?;
            let (first, set) = first_of(&AnchorSet::parse_der(&der, ASKED)?)?;
            let search = set.anchors().next().map(AnchorSearch::of);
            Ok(Sought {
                search: search.unwrap_or(AnchorSearch::Sha256(first)),
                certificate: Some(set),
            })
        }
        _ => Err(TrustError::BadQuestion("give one of text, pem and der".to_owned())),
    }
}

/// The first certificate of several, and the set of it alone.
fn first_of(set: &AnchorSet) -> Result<(Digest, AnchorSet), TrustError> {
    let first = set.anchors().next().map(|anchor| anchor.sha256);
    let first = first.ok_or_else(|| TrustError::BadQuestion("there is no certificate in it".to_owned()))?;
    Ok((first, set.without(|anchor| anchor.sha256 != first)))
}

/// Its certificate, where a set in force or what is built in has it.
fn known_elsewhere(sets: &BTreeMap<AnchorSetId, AnchorSet>, search: &AnchorSearch) -> Option<AnchorSet> {
    let bundled = AnchorSet::bundled();
    let all = AnchorSet::joined(sets.values().chain([&bundled]));
    let meant = all.without(|anchor| !search.is_met_by(anchor));
    (!meant.is_empty()).then_some(meant)
}

/// Three ways to judge by a set.
struct Sides {
    now: AnchorSet,
    without: AnchorSet,
    with: Option<AnchorSet>,
}

impl Sides {
    fn new(now: &AnchorSet, sought: &Sought) -> Self {
        Self {
            now: now.clone(),
            without: now.without(|anchor| sought.search.is_met_by(anchor)),
            with: sought.certificate.as_ref().map(|root| AnchorSet::joined([now, root])),
        }
    }

    fn is_in(&self) -> bool {
        self.without.len() < self.now.len()
    }
}

struct Judge<'a> {
    sources: &'a Sources<'a>,
    /// By the name of the set.
    sides: HashMap<String, Sides>,
    sought: &'a Sought,
    depend: Vec<TrustPeer>,
    need: Vec<TrustPeer>,
    more: bool,
}

impl<'a> Judge<'a> {
    fn new(sources: &'a Sources<'a>, sought: &'a Sought) -> Self {
        Self {
            sources,
            sides: HashMap::new(),
            sought,
            depend: Vec::new(),
            need: Vec::new(),
            more: false,
        }
    }

    fn look_at(&mut self, peer: &PeerFacts) {
        let now = self.sources.now;
        let since = now.minus(FORGET_AFTER);
        for lineage in peer.lineages() {
            for leaf in lineage.current().into_iter().filter(|leaf| leaf.last >= since) {
                if let Some(chain) = peer.chains.get(&leaf.sha256) {
                    self.look_at_chain(peer, leaf, chain, now);
                }
            }
        }
    }

    fn look_at_chain(&mut self, peer: &PeerFacts, leaf: &SeenLeaf, chain: &PeerChain, now: Timestamp) {
        for (name, set, demanded_by) in peer.judging_sets() {
            let sides = match self.sides.entry(name.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Sides::new(&set, self.sought)),
            };
            let holds = |set: &AnchorSet| set.path(chain, now).verdict == Verdict::Holds;
            let list = if holds(&sides.now) {
                let depends = sides.is_in() && !holds(&sides.without);
                depends.then_some(&mut self.depend)
            } else {
                let needs = sides.with.as_ref().is_some_and(holds);
                needs.then_some(&mut self.need)
            };
            let Some(list) = list else { continue };
            if list.len() >= PEERS_MAX {
                self.more = true;
                continue;
            }
            list.push(TrustPeer {
                organization: peer.organization.clone(),
                domain: peer.domain.clone(),
                direction: peer.direction,
                host: leaf.host.clone(),
                last: leaf.last,
                set: name,
                demanded_by,
            });
        }
    }
}
