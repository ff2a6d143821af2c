//! Was a certificate revoked? Fetches the CRLs and OCSP answers that the verifier lacks, keeps them on disk, and
//! fetches them anew before they end.
//!
//! What is fetched, whether it is good and what it says is `sekisho-tls`'; what holds while nobody can say is policy's.
//! Here is only the way to it: one fetch for all who wait for the same, between the handshake and the judgement, never
//! within a handshake, and for a bounded time. RFC 5280 §6.3, RFC 6960.

mod disk;
mod metrics;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_mail::{ChainAnswers, Check, Digest, Verdict};
use sekisho_tls::{RevocationNeed, Verifier};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

pub use self::{disk::Disk, metrics::RevocationMetrics};
use crate::{
    app::Phase,
    chance::select,
    clock,
    config::TrustSettings,
    fetch::{FetchExceptions, FetchRequest, FetchTerms, FetchUrl, Fetcher},
    net::{self, PeerChain},
};

/// How long a session waits for what is not held yet.
pub const WAIT_MAX: Duration = Duration::from_secs(10);
/// How often a session looks again what is missing once more has come: as often as a distribution point may have
/// addresses, and once for OCSP.
const ROUNDS_MAX: usize = 17;
/// How often it is looked what ends soon.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often the folder is looked over for what nobody uses any more.
const TIDY_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Redirects of a CRL that are followed: authorities move their files.
const REDIRECTS: u8 = 3;

/// What the address filter lets through, by the anchor at which the path ends that asks: SHA-256 of its
/// SubjectPublicKeyInfo.
pub type EndpointExceptions = HashMap<Digest, FetchExceptions>;

/// Looks up what the verifier does not hold. One for the whole process, cheap to clone.
#[derive(Clone)]
pub struct RevocationLookup(Arc<Shared>);

struct Shared {
    verifier: Arc<Verifier>,
    /// Nothing is fetched without one: what is not held stays unknown.
    fetcher: Option<Fetcher>,
    disk: Option<Disk>,
    exceptions: ArcSwap<EndpointExceptions>,
    /// Fetches under way, by what they are for; each ends when its sender is gone.
    under_way: Mutex<HashMap<String, watch::Receiver<()>>>,
    metrics: RevocationMetrics,
}

impl fmt::Debug for RevocationLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationLookup")
            .field("under_way", &self.0.under_way().len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn under_way(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RevocationLookup {
    /// One that fetches with `fetcher` and keeps what came on `disk`.
    #[must_use]
    pub fn new(verifier: Arc<Verifier>, fetcher: Fetcher, disk: Option<Disk>, metrics: RevocationMetrics) -> Self {
        Self::of(verifier, Some(fetcher), disk, metrics)
    }

    /// One that fetches nothing: what the verifier does not hold stays unknown.
    #[cfg(test)]
    #[must_use]
    pub fn offline(verifier: Arc<Verifier>) -> Self {
        Self::of(verifier, None, None, RevocationMetrics::default())
    }

    fn of(verifier: Arc<Verifier>, fetcher: Option<Fetcher>, disk: Option<Disk>, metrics: RevocationMetrics) -> Self {
        Self(Arc::new(Shared {
            verifier,
            fetcher,
            disk,
            exceptions: ArcSwap::default(),
            under_way: Mutex::default(),
            metrics,
        }))
    }

    /// Other settings from the next look-up on.
    pub fn obey(&self, settings: &TrustSettings) {
        self.0.exceptions.store(Arc::new(settings.internal_endpoints.clone()));
        let revocations = self.0.verifier.revocations();
        if revocations.grace() != settings.revocation_grace {
            revocations.set_grace(settings.revocation_grace);
        }
    }

    /// Answers checks about a chain. What is not held of CRLs and OCSP answers is fetched first, for at most
    /// [`WAIT_MAX`]; a fetch that takes longer goes on for those who ask next.
    pub async fn verify(&self, chain: &PeerChain, checks: &[Check]) -> ChainAnswers {
        let verifier = &self.0.verifier;
        let deadline = Instant::now() + WAIT_MAX;
        // What comes may lead to more: the next address of a distribution point, or OCSP in the place of a CRL. Each
        // that failed is left alone for a while; a clock that is set back meanwhile must not make this endless.
        for _ in 0..ROUNDS_MAX {
            let answers = net::verify(verifier, chain, checks, clock::now());
            if self.0.fetcher.is_none() || !answers.verdicts.iter().any(is_open) {
                return answers;
            }
            let needs = net::certificates(chain).map(|chain| verifier.revocation_needs(chain, checks, clock::now()));
            let needs = needs.unwrap_or_default();
            if needs.is_empty() {
                return answers;
            }
            let fetching: Vec<_> = needs.iter().map(|need| self.begin(need)).collect();
            let all = async {
                for mut ended in fetching {
                    // The sender goes without a word.
                    let _ = ended.changed().await;
                }
            };
            if timeout_at(deadline, all).await.is_err() {
                self.0.metrics.waited_in_vain();
                break;
            }
        }
        net::verify(verifier, chain, checks, clock::now())
    }

    /// Takes in what is on disk, then fetches anew what ends soon, until the server stops.
    pub async fn run(self, mut phase: watch::Receiver<Phase>) {
        self.restore().await;
        let mut tidied = Instant::now();
        loop {
            for need in self.0.verifier.revocations().due(clock::now()) {
                let mut ended = self.begin(&need);
                select! {
                    _ = ended.changed() => {}
                    _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
                }
            }
            if tidied.elapsed() >= TIDY_EVERY
                && let Some(disk) = self.0.disk.clone()
            {
                tidied = Instant::now();
                // Blocks on the disk.
                let _ = tokio::task::spawn_blocking(move || disk.tidy(clock::now())).await;
            }
            self.0
                .metrics
                .note_held(&self.0.verifier.revocations().held(), clock::now());
            select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
            }
        }
    }

    async fn restore(&self) {
        let Some(disk) = self.0.disk.clone() else { return };
        let revocations = Arc::clone(self.0.verifier.revocations());
        let restored = tokio::task::spawn_blocking(move || disk.restore(&revocations, clock::now())).await;
        if let Ok(count @ 1..) = restored {
            tracing::info!(count, "CRLs and OCSP answers were taken from disk");
        }
    }

    /// Begins to fetch something unless that is under way already; what is given back changes when it has ended.
    fn begin(&self, need: &RevocationNeed) -> watch::Receiver<()> {
        let name = need.cache_name();
        let mut under_way = self.0.under_way();
        if let Some(ended) = under_way.get(&name) {
            return ended.clone();
        }
        let (told, ended) = watch::channel(());
        under_way.insert(name.clone(), ended.clone());
        drop(under_way);
        let (lookup, need) = (self.clone(), need.clone());
        tokio::spawn(async move {
            // However it ends, nobody is to wait for it once it has.
            let _ending = Ending {
                lookup: &lookup,
                name: &name,
                _told: told,
            };
            lookup.fetch(&need, &name).await;
        });
        ended
    }

    /// Fetches, verifies, holds and keeps; what goes wrong is noted for those who ask why nothing is known.
    async fn fetch(&self, need: &RevocationNeed, name: &str) {
        let octets = match self.ask(need).await {
            Ok(octets) => octets,
            Err(why) => return self.failed(need, &why, true),
        };
        let (revocations, now) = (Arc::clone(self.0.verifier.revocations()), clock::now());
        let (taking, disk, file) = (need.clone(), self.0.disk.clone(), name.to_owned());
        // A large CRL takes a while to verify, and the disk takes what it takes.
        let taken = tokio::task::spawn_blocking(move || {
            let taken = revocations.take(&taking, &octets, now);
            if let (Ok(_), Some(disk)) = (&taken, disk) {
                disk.keep(&file, &taking.cache_entry(&octets, now));
            }
            taken
        });
        match taken.await {
            Ok(Ok(taken)) => {
                self.0.metrics.fetched(need.kind());
                tracing::debug!(
                    uri = need.uri(),
                    next_update = %taken.next_update,
                    entries = taken.entries,
                    "{} taken",
                    need.kind()
                );
            }
            // It was noted when it was not taken.
            Ok(Err(why)) => self.failed(need, &why.to_string(), false),
            Err(error) => self.failed(need, &error.to_string(), true),
        }
    }

    /// Fetches what is needed; nothing is done with it. The error is in words, for an operator.
    pub(crate) async fn ask(&self, need: &RevocationNeed) -> Result<Vec<u8>, String> {
        let Some(fetcher) = &self.0.fetcher else {
            return Err("nothing is fetched here".to_owned());
        };
        let url: FetchUrl = need.uri().parse().map_err(|error| format!("{error}"))?;
        let request = match need.ocsp_request() {
            None => FetchRequest::get(url),
            Some(request) => FetchRequest::post(url, "application/ocsp-request", request),
        };
        let exceptions = self.0.exceptions.load().get(&need.anchor()).cloned();
        let terms = FetchTerms {
            exceptions: exceptions.unwrap_or_default(),
            redirects: REDIRECTS,
            ..FetchTerms::default()
        };
        let fetched = fetcher.fetch(request, &terms).await;
        let fetched = fetched.and_then(crate::fetch::Fetched::successful);
        fetched
            .map(|fetched| fetched.body.into())
            .map_err(|error| error.to_string())
    }

    fn failed(&self, need: &RevocationNeed, why: &str, is_to_note: bool) {
        self.0.metrics.failed(need.kind());
        tracing::warn!(uri = need.uri(), why, "{} could not be had", need.kind());
        if is_to_note {
            self.0.verifier.revocations().note_failure(need, why, clock::now());
        }
    }
}

/// A fetch that is under way until this is dropped.
struct Ending<'a> {
    lookup: &'a RevocationLookup,
    name: &'a str,
    /// Dropped last, so that whoever is told begins a new one.
    _told: watch::Sender<()>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.lookup.0.under_way().remove(self.name);
    }
}

/// Whether it could be another answer if more were fetched.
const fn is_open((check, verdict): &(Check, Verdict)) -> bool {
    matches!((check, verdict), (Check::Revocation { .. }, Verdict::Unknown(_)))
}
