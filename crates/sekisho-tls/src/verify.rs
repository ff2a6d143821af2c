//! What a chain is worth, asked after the handshake.
//!
//! Answers are kept by chain and check until the first instant at which they could change, so that a peer that
//! comes again costs a look-up. What an answer leads to is policy's.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use sekisho_mail::{
    AnchorSetId, CertificateFault, ChainAnswers, Check, Digest, KeyProof, NamePattern, Timestamp, Verdict, push_new,
};

use crate::{
    AnchorSet, PeerChain,
    names::any_matches,
    path::{Found, find_path},
    revocation::{MAX_NEEDS, PathStanding, RevocationNeed, Revocations, stand},
    verified::{Route, VerifiedPath},
};

/// How many chains answers are kept for: this many of the most recent, and up to as many of the ones before.
pub const MAX_KEPT_CHAINS: usize = 2048;
/// How long an answer is kept at most, whatever the dates in its chain say.
pub const MAX_ANSWER_AGE: Duration = Duration::from_secs(3600);
/// How many answers are kept for one chain.
pub const MAX_KEPT_ANSWERS: usize = 32;

/// Answers checks about chains; one for the whole process.
pub struct Verifier {
    current: ArcSwap<Generation>,
    revocations: Arc<Revocations>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("sets", &self.current.load().sets)
            .finish()
    }
}

/// Anchors together with the answers that they gave, so that an answer never outlives its anchors.
struct Generation {
    sets: HashMap<AnchorSetId, AnchorSet>,
    kept: Mutex<Kept>,
}

/// Answers in two halves: when the young one is full it becomes the old one, whose answers are taken over when they
/// are asked for once more.
#[derive(Default)]
struct Kept {
    young: HashMap<Digest, Vec<Answer>>,
    old: HashMap<Digest, Vec<Answer>>,
}

#[derive(Clone)]
struct Answer {
    check: Check,
    verdict: Verdict,
    /// What it stands on.
    route: Option<Arc<Route>>,
    /// Of an answer about revocation: what was held when it was given, and by what it was.
    revocation: Option<(u64, Vec<String>)>,
    /// It holds from here …
    since: Timestamp,
    /// … and no longer than before this.
    until: Timestamp,
}

impl Kept {
    fn find(&mut self, chain: Digest, check: &Check, now: Timestamp) -> Option<Answer> {
        if let Some(answers) = self.old.remove(&chain) {
            self.answers_for(chain).extend(answers);
        }
        let answer = self.young.get(&chain)?.iter().find(|answer| answer.check == *check)?;
        (answer.since <= now && now < answer.until).then(|| answer.clone())
    }

    fn keep(&mut self, chain: Digest, answer: Answer) {
        let answers = self.answers_for(chain);
        answers.retain(|kept| kept.check != answer.check);
        if answers.len() >= MAX_KEPT_ANSWERS {
            answers.remove(0);
        }
        answers.push(answer);
    }

    fn answers_for(&mut self, chain: Digest) -> &mut Vec<Answer> {
        if self.young.len() >= MAX_KEPT_CHAINS && !self.young.contains_key(&chain) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(chain).or_default()
    }
}

impl Verifier {
    /// A verifier that knows these anchor sets.
    #[must_use]
    pub fn new(sets: HashMap<AnchorSetId, AnchorSet>) -> Self {
        Self::with_revocations(sets, Arc::default())
    }

    /// As [`Self::new`], asking these whether a certificate is revoked.
    #[must_use]
    pub fn with_revocations(sets: HashMap<AnchorSetId, AnchorSet>, revocations: Arc<Revocations>) -> Self {
        Self {
            current: ArcSwap::from_pointee(Generation {
                sets,
                kept: Mutex::default(),
            }),
            revocations,
        }
    }

    /// What is held of CRLs and OCSP answers.
    #[must_use]
    pub const fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// Other anchor sets from now on; every kept answer is forgotten.
    pub fn replace_anchors(&self, sets: HashMap<AnchorSetId, AnchorSet>) {
        self.current.store(
            Generation {
                sets,
                kept: Mutex::default(),
            }
            .into(),
        );
    }

    /// The anchor sets that it knows, by their names.
    #[must_use]
    pub fn anchor_sets(&self) -> BTreeMap<AnchorSetId, AnchorSet> {
        let generation = self.current.load();
        generation
            .sets
            .iter()
            .map(|(id, set)| (id.clone(), set.clone()))
            .collect()
    }

    /// One answer per check, in their order. A chain that is not kept yet costs some signature checks on the
    /// calling thread (well under a millisecond), one that is kept a look-up.
    #[must_use]
    pub fn verify(&self, chain: &PeerChain, checks: &[Check], now: Timestamp) -> ChainAnswers {
        let generation = self.current.load();
        let mut answers = ChainAnswers::default();
        for check in checks {
            let verdict = match check {
                Check::Path { anchors } => generation.path_answer(chain, check, anchors, now).0,
                Check::Name { names } => name_verdict(chain, names),
                Check::Revocation { anchors } => {
                    let (verdict, sources) = self.revocation_answer(&generation, chain, anchors, now);
                    for source in sources {
                        push_new(&mut answers.revocation_sources, source);
                    }
                    verdict
                }
            };
            answers.verdicts.push((check.clone(), verdict));
        }
        answers
    }

    /// What must be fetched so that the checks of revocation among `checks` can be answered; nothing when they can.
    /// When all of it was fetched or has failed, there may be more: the next address of a distribution point, or a
    /// responder in the place of a CRL. It is asked again until there is none; an address that failed comes up again
    /// only after a while, so that this ends. Addresses are those of certificates on a path to an anchor.
    #[must_use]
    pub fn revocation_needs(&self, chain: &PeerChain, checks: &[Check], now: Timestamp) -> Vec<RevocationNeed> {
        let mut needs = Vec::new();
        for check in checks {
            let Check::Revocation { anchors } = check else {
                continue;
            };
            let generation = self.current.load();
            if self.revocation_answer(&generation, chain, anchors, now).0 == Verdict::Holds {
                continue;
            }
            if let Some(path) = self.path(chain, anchors, now).path {
                for need in stand(&self.revocations, &path, chain.staple(), now).needs {
                    push_new(&mut needs, need);
                }
            }
        }
        needs.truncate(MAX_NEEDS);
        needs
    }

    fn revocation_answer(
        &self,
        generation: &Generation,
        chain: &PeerChain,
        anchors: &AnchorSetId,
        now: Timestamp,
    ) -> (Verdict, Vec<String>) {
        let key = chain.digest_with_staple();
        let check = Check::Revocation {
            anchors: anchors.clone(),
        };
        // Before anything is looked at, so that what comes meanwhile is not missed.
        let held = self.revocations.generation();
        let kept = generation.kept().find(key, &check, now);
        if let Some(Answer {
            verdict,
            revocation: Some((at, sources)),
            ..
        }) = kept
            && at == held
        {
            return (verdict, sources);
        }
        let path_check = Check::Path {
            anchors: anchors.clone(),
        };
        let (verdict, route) = generation.path_answer(chain, &path_check, anchors, now);
        let Some(route) = route else {
            return (verdict, Vec::new());
        };
        let (since, until) = unchanged_around(chain, Some(&route), now);
        let path = VerifiedPath::new(chain, route);
        let standing = stand(&self.revocations, &path, chain.staple(), now);
        let PathStanding { verdict, sources, .. } = standing;
        let answer = Answer {
            check,
            verdict: verdict.clone(),
            route: None,
            revocation: Some((held, sources.clone())),
            since: since.max(standing.since),
            until: until.min(standing.until),
        };
        generation.kept().keep(key, answer);
        (verdict, sources)
    }

    /// The answer to [`Check::Path`] together with the path that it stands on: that which holds or, for one that fails
    /// on time alone, would. It comes from the same kept answer; none is built twice.
    #[must_use]
    pub fn path(&self, chain: &PeerChain, anchors: &AnchorSetId, now: Timestamp) -> PathAnswer {
        let check = Check::Path {
            anchors: anchors.clone(),
        };
        let (verdict, route) = self.current.load().path_answer(chain, &check, anchors, now);
        PathAnswer {
            verdict,
            path: route.map(|route| VerifiedPath::new(chain, route)),
        }
    }
}

/// What a chain is found to lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathAnswer {
    /// As to [`Check::Path`].
    pub verdict: Verdict,
    /// The path, when it holds or fails on time alone.
    pub path: Option<VerifiedPath>,
}

impl PathAnswer {
    pub(crate) const fn without_path(verdict: Verdict) -> Self {
        Self { verdict, path: None }
    }
}

impl Generation {
    fn path_answer(
        &self,
        chain: &PeerChain,
        check: &Check,
        anchors: &AnchorSetId,
        now: Timestamp,
    ) -> (Verdict, Option<Arc<Route>>) {
        let leaf = match leaf_of(chain) {
            Ok(leaf) => leaf,
            Err(fault) => return (Verdict::Fails(fault), None),
        };
        if let Some(kept) = self.kept().find(chain.digest(), check, now) {
            return (kept.verdict, kept.route);
        }
        let set = match self.set(anchors) {
            Ok(set) => set,
            Err(why) => return (Verdict::Unknown(why), None),
        };
        let Found { fault, route } = find_path(chain, leaf, set, now);
        let verdict = fault.map_or(Verdict::Holds, Verdict::Fails);
        let route = route.map(Arc::new);
        let (since, until) = unchanged_around(chain, route.as_deref(), now);
        let answer = Answer {
            check: check.clone(),
            verdict: verdict.clone(),
            route: route.clone(),
            revocation: None,
            since,
            until,
        };
        self.kept().keep(chain.digest(), answer);
        (verdict, route)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The set, or why nothing can be said by it, which is our fault and never the peer's.
    fn set(&self, id: &AnchorSetId) -> Result<&AnchorSet, String> {
        match self.sets.get(id) {
            None => Err(format!("there is no set of trust anchors called {:?}", id.0)),
            Some(set) if set.is_empty() => Err(format!(
                "the set of trust anchors {:?} is empty{}",
                id.0,
                set.load_errors()
                    .first()
                    .map(|error| format!(": {error}"))
                    .unwrap_or_default()
            )),
            Some(set) => Ok(set),
        }
    }
}

fn name_verdict(chain: &PeerChain, names: &[NamePattern]) -> Verdict {
    match leaf_of(chain) {
        Err(fault) => Verdict::Fails(fault),
        Ok(_) if any_matches(chain.leaf_names(), names) => Verdict::Holds,
        Ok(_) => {
            let names = chain.facts().first().map(|leaf| leaf.dns_names.clone());
            Verdict::Fails(CertificateFault::WrongName(names.unwrap_or_default()))
        }
    }
}

/// The leaf, or why nothing needs to be asked of this chain.
pub(crate) fn leaf_of(chain: &PeerChain) -> Result<&CertificateDer<'static>, CertificateFault> {
    match (chain.certificates().first(), chain.key()) {
        (None, _) => Err(CertificateFault::None),
        (Some(_), KeyProof::NotProven(why)) => Err(CertificateFault::KeyNotProven(why.clone())),
        (Some(leaf), KeyProof::Proven) => Ok(leaf),
    }
}

/// The stretch of time around `now` in which no certificate of the chain, nor its anchor, begins or ends: within it,
/// the same anchors give the same answer.
fn unchanged_around(chain: &PeerChain, route: Option<&Route>, now: Timestamp) -> (Timestamp, Timestamp) {
    let (mut since, mut until) = (now.minus(MAX_ANSWER_AGE), now.plus(MAX_ANSWER_AGE));
    let presented = chain.facts().iter().map(|facts| (facts.not_before, facts.not_after));
    for (first, last) in presented.chain(route.map(|route| (route.anchor.not_before, route.anchor.not_after))) {
        // A certificate is valid up to and including the second that `not_after` names (RFC 5280 §4.1.2.5).
        for edge in [first, last.plus(Duration::from_secs(1))] {
            if edge <= now {
                since = since.max(edge);
            } else {
                until = until.min(edge);
            }
        }
    }
    (since, until)
}
