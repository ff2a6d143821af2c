//! The chains that partners presented, as far as they lead to an anchor of ours: whose they are, and whether anybody
//! asks of them that nothing was revoked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sekisho_mail::{Digest, Timestamp};
use sekisho_store::StoreError;
use sekisho_tls::{AnchorSet, PeerChain};

use super::{
    EndpointServices, Scope,
    gather::{Gathered, NAMED_OF_EACH, Stake},
};
use crate::forecast::{PeerFacts, Sources, Wanted};

/// Chains that are looked at: of more, those on which something hangs, and of those the ones that were seen last.
pub(super) const CHAINS_MAX: usize = 1000;
/// Octets of all of them.
const CHAINS_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// Chains, each once.
#[derive(Debug, Default)]
pub(super) struct PartnerChains {
    chains: HashMap<Digest, Seen>,
    octets: usize,
    left_out: usize,
}

/// One of them.
#[derive(Debug)]
struct Seen {
    chain: Arc<PeerChain>,
    last: Timestamp,
    /// By which anchors it is judged, by what they are called.
    judges: HashMap<String, Judge>,
}

#[derive(Debug)]
struct Judge {
    set: AnchorSet,
    stake: Stake,
    users: BTreeSet<String>,
}

impl Seen {
    fn is_needed(&self) -> bool {
        self.judges.values().any(|judge| judge.stake == Stake::Demanded)
    }

    fn octets(&self) -> usize {
        self.chain.der().map(<[u8]>::len).sum()
    }
}

/// The chains of partners that mail was exchanged with.
pub(super) async fn chains_of_partners(
    services: &EndpointServices,
    scope: Scope,
    now: Timestamp,
) -> Result<PartnerChains, StoreError> {
    services.partners.write(&*services.store).await?;
    let (configured, sets) = ((services.demands)(), services.verifier.anchor_sets());
    let sources = Sources {
        store: &*services.store,
        configured: &configured,
        sets: &sets,
        now,
    };
    let wanted = Wanted {
        is_demanded: scope == Scope::Needed,
        ..Wanted::default()
    };
    let mut chains = PartnerChains::default();
    sources.each_peer(&wanted, |peer| chains.add(&peer, scope)).await?;
    Ok(chains)
}

impl PartnerChains {
    /// Those that a partner may still present.
    fn add(&mut self, peer: &PeerFacts, scope: Scope) {
        let mut judging = peer.revocation_sets();
        judging.retain(|one| scope == Scope::All || one.asks_revocation);
        let lineages = peer.lineages();
        for leaf in lineages.iter().flat_map(|lineage| lineage.current()) {
            let Some(chain) = peer.chains.get(&leaf.sha256).filter(|_| !judging.is_empty()) else {
                continue;
            };
            let seen = self.chains.entry(chain.digest()).or_insert_with(|| Seen {
                chain: Arc::clone(chain),
                last: leaf.last,
                judges: HashMap::new(),
            });
            if seen.judges.is_empty() {
                self.octets += seen.octets();
            }
            seen.last = seen.last.max(leaf.last);
            for one in &judging {
                let judge = seen.judges.entry(one.name.clone()).or_insert_with(|| Judge {
                    set: one.set.clone(),
                    stake: Stake::None,
                    users: BTreeSet::new(),
                });
                if one.asks_revocation {
                    judge.stake = Stake::Demanded;
                }
                if judge.users.len() < NAMED_OF_EACH {
                    let (organization, domain) = (&peer.organization, &peer.domain);
                    let by = one.by.as_ref().map(|by| format!(", for {by}"));
                    let by = by.unwrap_or_default();
                    judge.users.insert(format!("partner {organization}/{domain}{by}"));
                }
            }
        }
        // Some at a time, so that not each that is added sorts them all.
        if self.chains.len() > CHAINS_MAX + CHAINS_MAX / 10 || self.octets > CHAINS_OCTETS_MAX {
            self.prune();
        }
    }

    /// Leaves out what is too much.
    fn prune(&mut self) {
        let rank = |(digest, seen): (&Digest, &Seen)| (seen.is_needed(), seen.last, *digest);
        let mut all: Vec<_> = self.chains.iter().map(rank).collect();
        all.sort_unstable_by_key(|(is_needed, last, digest)| (*is_needed, *last, digest.0));
        for (_, _, digest) in all {
            if self.chains.len() <= CHAINS_MAX && self.octets <= CHAINS_OCTETS_MAX / 10 * 9 {
                break;
            }
            if let Some(seen) = self.chains.remove(&digest) {
                self.octets -= seen.octets();
                self.left_out += 1;
            }
        }
    }

    /// What these chains name, where they lead to an anchor. Signatures are verified: not on the event loop.
    pub(super) fn gather(mut self, gathered: &mut Gathered, now: Timestamp) {
        self.prune();
        if self.left_out > 0 {
            gathered.note(format!(
                "partners have presented more than {CHAINS_MAX} chains: {} of them are left out",
                self.left_out
            ));
        }
        for seen in self.chains.values() {
            for judge in seen.judges.values() {
                if let Some(path) = judge.set.path(&seen.chain, now).path {
                    gathered.add_path(&path, &judge.users, judge.stake);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn seen(place: usize, len: usize, stake: Stake) -> (Digest, Seen) {
        let mut octets = vec![0; len];
        octets[..8].copy_from_slice(&place.to_be_bytes());
        let chain = PeerChain::kept(vec![octets], false);
        let judge = Judge {
            set: AnchorSet::default(),
            stake,
            users: BTreeSet::new(),
        };
        let seen = Seen {
            chain: Arc::new(chain),
            last: NOW.plus(Duration::from_secs(place as u64)),
            judges: HashMap::from([("the system's trust".to_owned(), judge)]),
        };
        (seen.chain.digest(), seen)
    }

    /// So many, every tenth of which something hangs on.
    fn chains(count: usize, len: usize) -> PartnerChains {
        let stake = |place: usize| {
            if place.is_multiple_of(10) {
                Stake::Demanded
            } else {
                Stake::None
            }
        };
        let chains: HashMap<_, _> = (0..count).map(|place| seen(place, len, stake(place))).collect();
        PartnerChains {
            octets: chains.values().map(Seen::octets).sum(),
            chains,
            left_out: 0,
        }
    }

    #[test]
    fn of_too_many_chains_those_stay_on_which_something_hangs_and_then_the_newest() {
        let mut all = chains(2 * CHAINS_MAX, 8);
        all.prune();
        assert_eq!((all.chains.len(), all.left_out), (CHAINS_MAX, CHAINS_MAX));
        assert_eq!(all.octets, 8 * CHAINS_MAX);
        let needed = all.chains.values().filter(|seen| seen.is_needed()).count();
        assert_eq!(needed, 2 * CHAINS_MAX / 10);
        let oldest = all
            .chains
            .values()
            .filter(|seen| !seen.is_needed())
            .map(|seen| seen.last)
            .min();
        assert!(
            oldest > Some(NOW.plus(Duration::from_secs(CHAINS_MAX as u64))),
            "{oldest:?}"
        );
        let mut gathered = Gathered::default();
        all.gather(&mut gathered, NOW);
        assert!(
            gathered
                .notes
                .iter()
                .any(|note| note.contains("1000 of them are left out")),
            "{gathered:?}"
        );
        // A few that are long are too many likewise.
        let mut long = chains(40, CHAINS_OCTETS_MAX / 20);
        long.prune();
        assert!(
            long.octets <= CHAINS_OCTETS_MAX && long.chains.len() < 20,
            "{}",
            long.chains.len()
        );
    }
}
