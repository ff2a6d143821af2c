//! The chains that partners present, kept so that they can be asked of anew: what they lead to by other anchors, which
//! endpoints they name, when each of their certificates ends.
//!
//! Every handshake leaves its chain in a small memory of the newest ones. When a partner is written down whose leaf is
//! not known yet, or not with these certificates above it, the chain is kept beside it. A certificate is kept once, by
//! its digest, whoever presents it: a thousand partners with the same intermediate cost one. Who only shakes hands and
//! sends no mail leaves nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sekisho_mail::{Digest, Timestamp, hexadecimal};
use sekisho_store::{OBSERVATION_LEN_MAX, Observation, ObservationKind, Store, StoreError};
use sekisho_tls::PeerChain;
use serde::{Deserialize, Serialize};

use super::{FORGET_AFTER, PARTNERS_MAX};
use crate::collected::{each_observation, forgotten};

/// Chains in the memory of the newest, in each of its two halves.
const NEWEST: usize = 256;
/// Certificates of a chain, and octets of each: what has more is not kept.
const CHAIN_LEN_MAX: usize = 10;
const CERTIFICATE_OCTETS_MAX: usize = 16 * 1024;
/// Octets of all of them.
const CHAIN_OCTETS_MAX: usize = 64 * 1024;
/// Chains with the same leaf.
const VARIANTS_MAX: usize = 3;
/// Leaves of which chains are kept, as many as partners.
pub const LEAVES_MAX: usize = PARTNERS_MAX;
/// So many are given up at a time when there are too many.
const GIVEN_UP_AT_A_TIME: usize = LEAVES_MAX / 100;
/// How often it is written down that a chain was seen.
const SEEN_EVERY: Duration = Duration::from_secs(86_400);

/// How often it is looked what is too old.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// What is known of chains.
#[derive(Debug, Default)]
pub(super) struct Chains {
    newest: Mutex<Newest>,
}

/// In two halves: when the young one is full it becomes the old one.
#[derive(Debug, Default)]
struct Newest {
    young: HashMap<Digest, Arc<PeerChain>>,
    old: HashMap<Digest, Arc<PeerChain>>,
}

impl Chains {
    /// A peer presented a chain in a handshake.
    pub(super) fn presented(&self, chain: &Arc<PeerChain>) {
        let Some(leaf) = chain.facts().first() else { return };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |kept: &Arc<PeerChain>| kept.digest() == chain.digest();
        if newest.young.get(&leaf.sha256).is_some_and(is_known) || !is_kept(chain) {
            return;
        }
        if newest.young.len() >= NEWEST {
            newest.old = std::mem::take(&mut newest.young);
        }
        newest.young.insert(leaf.sha256, Arc::clone(chain));
    }

    /// The newest chain with this leaf, if it was presented a moment ago.
    pub(super) fn newest(&self, leaf: &Digest) -> Option<Arc<PeerChain>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.young.get(leaf).or_else(|| newest.old.get(leaf)).cloned()
    }
}

fn is_kept(chain: &PeerChain) -> bool {
    let lengths = || chain.der().map(<[u8]>::len);
    chain.der().len() <= CHAIN_LEN_MAX
        && lengths().all(|len| len <= CERTIFICATE_OCTETS_MAX)
        && lengths().sum::<usize>() <= CHAIN_OCTETS_MAX
}

/// What is kept of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptChain {
    /// Leaf first.
    certificates: Vec<Digest>,
    /// Whether a client presented it.
    is_of_client: bool,
    first: Timestamp,
    last: Timestamp,
    /// Whether mail went there.
    out: bool,
}

impl KeptChain {
    fn key(&self) -> String {
        let leaf = self.certificates.first().copied().unwrap_or(Digest([0; 32]));
        let octets: Vec<u8> = self.certificates.iter().flat_map(|one| one.0).collect();
        let all = sekisho_tls::sha256(&octets).to_string();
        let side = if self.is_of_client { 'c' } else { 's' };
        format!("{leaf}/{side}{:.16}", all)
    }
}

/// What is kept, as far as it has to be known to keep it bounded.
#[derive(Debug)]
pub(super) struct Index {
    /// By leaf.
    chains: HashMap<Digest, Vec<KeptChain>>,
    /// In how many chains each certificate is.
    uses: HashMap<Digest, u32>,
    /// When it was last looked what is too old.
    looked: Timestamp,
}

impl Index {
    /// What is kept, at the start.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut index = Self {
            chains: HashMap::new(),
            uses: HashMap::new(),
            looked: Timestamp::EPOCH,
        };
        let visit = |row: Observation| parse(&row).into_iter().for_each(|chain| index.add(chain));
        each_observation(store, (ObservationKind::Chain, ""), visit).await?;
        Ok(index)
    }

    fn add(&mut self, chain: KeptChain) {
        let Some(leaf) = chain.certificates.first().copied() else {
            return;
        };
        for certificate in distinct(&chain) {
            *self.uses.entry(certificate).or_default() += 1;
        }
        self.chains.entry(leaf).or_default().push(chain);
    }

    /// What is to be written because a partner presented this leaf.
    pub(super) fn seen(
        &mut self,
        leaf: Digest,
        newest: Option<&PeerChain>,
        out: bool,
        at: Timestamp,
    ) -> Vec<Observation> {
        let mut written = Vec::new();
        match newest.map(|chain| kept(chain, out, at)) {
            Some(new) => self.seen_chain(new, newest, &mut written),
            // Of one that was presented long ago it is not known with what.
            None => {
                let known = self.chains.get_mut(&leaf).into_iter().flatten();
                if let Some(known) = known.max_by_key(|known| known.last) {
                    written.extend(renew(known, out, at));
                }
            }
        }
        written
    }

    fn seen_chain(&mut self, new: KeptChain, chain: Option<&PeerChain>, written: &mut Vec<Observation>) {
        let leaf = new.certificates[0];
        let of_leaf = self.chains.get_mut(&leaf);
        let known = of_leaf.and_then(|of_leaf| {
            of_leaf
                .iter_mut()
                .find(|known| known.certificates == new.certificates && known.is_of_client == new.is_of_client)
        });
        if let Some(known) = known {
            written.extend(renew(known, new.out, new.last));
            return;
        }
        if !self.chains.contains_key(&leaf) && self.chains.len() >= LEAVES_MAX && !self.make_room(new.out, written) {
            return;
        }
        if self
            .chains
            .get(&leaf)
            .is_some_and(|of_leaf| of_leaf.len() >= VARIANTS_MAX)
        {
            self.give_up(
                &leaf,
                |all| all.iter().min_by_key(|one| one.last).map(KeptChain::key),
                written,
            );
        }
        for der in chain.into_iter().flat_map(PeerChain::der) {
            let digest = sekisho_tls::sha256(der);
            if !self.uses.contains_key(&digest) {
                written.push(Observation {
                    kind: ObservationKind::Certificate,
                    key: digest.to_string(),
                    at: new.last,
                    body: hexadecimal::encode(der),
                });
            }
        }
        written.push(observation(&new));
        self.add(new);
    }

    /// Gives some leaves up, those that only came in and were silent for the longest first; false when all others are
    /// worth more.
    fn make_room(&mut self, out: bool, written: &mut Vec<Observation>) -> bool {
        let mut all: Vec<(bool, Timestamp, Digest)> = self
            .chains
            .iter()
            .map(|(leaf, chains)| {
                let last = chains.iter().map(|one| one.last).max().unwrap_or(Timestamp::EPOCH);
                (chains.iter().any(|one| one.out), last, *leaf)
            })
            .filter(|(is_out, ..)| out || !is_out)
            .collect();
        all.sort_unstable_by_key(|(is_out, last, leaf)| (*is_out, *last, leaf.0));
        all.truncate(GIVEN_UP_AT_A_TIME);
        for (_, _, leaf) in &all {
            self.give_up_all(leaf, written);
        }
        !all.is_empty()
    }

    /// Forgets what was not seen for long.
    pub(super) fn forget(&mut self, now: Timestamp) -> Vec<Observation> {
        if now.since(self.looked) < LOOK_EVERY {
            return Vec::new();
        }
        self.looked = now;
        // What is seen is written down once a day.
        let before = now.minus(FORGET_AFTER + SEEN_EVERY);
        let is_old = |chains: &Vec<KeptChain>| chains.iter().any(|one| one.last < before);
        let old: Vec<Digest> = self
            .chains
            .iter()
            .filter(|(_, chains)| is_old(chains))
            .map(|(leaf, _)| *leaf)
            .collect();
        let mut written = Vec::new();
        for leaf in old {
            let oldest = |all: &[KeptChain]| all.iter().find(|one| one.last < before).map(KeptChain::key);
            while self.give_up(&leaf, oldest, &mut written) {}
        }
        written
    }

    fn give_up_all(&mut self, leaf: &Digest, written: &mut Vec<Observation>) {
        while self.give_up(leaf, |all| all.first().map(KeptChain::key), written) {}
    }

    /// Gives one chain of a leaf up, and what of its certificates is in no other.
    fn give_up(
        &mut self,
        leaf: &Digest,
        which: impl Fn(&[KeptChain]) -> Option<String>,
        written: &mut Vec<Observation>,
    ) -> bool {
        let Some(of_leaf) = self.chains.get_mut(leaf) else {
            return false;
        };
        let key = which(of_leaf);
        let place = key.and_then(|key| of_leaf.iter().position(|one| one.key() == key));
        let Some(place) = place else { return false };
        let chain = of_leaf.swap_remove(place);
        if of_leaf.is_empty() {
            self.chains.remove(leaf);
        }
        written.push(forgotten(ObservationKind::Chain, chain.key()));
        for certificate in distinct(&chain) {
            let uses = self.uses.entry(certificate).or_default();
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.uses.remove(&certificate);
                written.push(forgotten(ObservationKind::Certificate, certificate.to_string()));
            }
        }
        true
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.chains.len(), self.uses.len())
    }
}

fn kept(chain: &PeerChain, out: bool, at: Timestamp) -> KeptChain {
    KeptChain {
        certificates: chain.facts().iter().map(|facts| facts.sha256).collect(),
        is_of_client: chain.is_of_client(),
        first: at,
        last: at,
        out,
    }
}

fn distinct(chain: &KeptChain) -> HashSet<Digest> {
    chain.certificates.iter().copied().collect()
}

/// Notes that a chain was seen, where that was not written down for long.
fn renew(known: &mut KeptChain, out: bool, at: Timestamp) -> Option<Observation> {
    if at < known.last.plus(SEEN_EVERY) && (known.out || !out) {
        return None;
    }
    known.last = known.last.max(at);
    known.out |= out;
    Some(observation(known))
}

fn observation(chain: &KeptChain) -> Observation {
    Observation {
        kind: ObservationKind::Chain,
        key: chain.key(),
        at: chain.last,
        body: serde_json::to_string(chain).unwrap_or_default(),
    }
}

fn parse(observation: &Observation) -> Option<KeptChain> {
    let chain: KeptChain = serde_json::from_str(&observation.body).ok()?;
    (!chain.certificates.is_empty() && chain.certificates.len() <= CHAIN_LEN_MAX).then_some(chain)
}

/// A chain that a partner presented.
#[derive(Clone, Debug)]
pub struct PresentedChain {
    /// The certificates, with the proof of the key taken as given.
    pub chain: Arc<PeerChain>,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen; to the day.
    pub last: Timestamp,
}

/// The chains with this leaf that are kept, newest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn chains_of(store: &dyn Store, leaf: &Digest) -> Result<Vec<PresentedChain>, StoreError> {
    let found = store.observations(ObservationKind::Chain, &format!("{leaf}/"), None, VARIANTS_MAX + 1);
    let mut chains: Vec<KeptChain> = found.await?.iter().filter_map(parse).collect();
    chains.sort_by_key(|chain| std::cmp::Reverse(chain.last));
    let mut presented = Vec::with_capacity(chains.len());
    for kept in chains {
        let mut certificates = Vec::with_capacity(kept.certificates.len());
        for digest in &kept.certificates {
            certificates.extend(certificate(store, digest).await?);
        }
        // One of which a certificate is missing is none.
        if certificates.len() == kept.certificates.len() {
            presented.push(PresentedChain {
                chain: Arc::new(PeerChain::kept(certificates, kept.is_of_client)),
                first: kept.first,
                last: kept.last,
            });
        }
    }
    Ok(presented)
}

async fn certificate(store: &dyn Store, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let key = digest.to_string();
    let found = store.observations(ObservationKind::Certificate, &key, None, 1).await?;
    let found = found.into_iter().find(|one| one.key == key);
    let der = found.and_then(|one| hexadecimal::decode(&one.body));
    // What is damaged is not taken for a certificate.
    Ok(der.filter(|der| sekisho_tls::sha256(der) == *digest))
}

const _: () = assert!(CERTIFICATE_OCTETS_MAX * 2 <= OBSERVATION_LEN_MAX);
