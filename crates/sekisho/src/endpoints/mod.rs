//! Endpoints on which certificates hang: where CRLs, OCSP answers and issuers' certificates are fetched from, tried by
//! order or by schedule from where the server stands, so that a firewall that closes is known before mail waits.
//!
//! What is tried by schedule are the endpoints of our own certificates, and of chains of partners of which it is
//! demanded that nothing was revoked; an order tries those of all partners, or may name any. No stranger's words choose
//! what is fetched: chains of partners count as far as they lead to an anchor of ours. Looking up whether something is
//! revoked is not done here, and nothing that is fetched here is held for it.

mod check;
mod gather;
mod kept;
mod metrics;
mod partners;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use sekisho_api::{
    EndpointPurpose, EndpointQuestion, EndpointReport, EndpointTarget, EndpointView, MAX_ENDPOINT_TARGETS,
};
use sekisho_mail::{Digest, Timestamp, hexadecimal};
use sekisho_store::{Store, StoreError};
use sekisho_tls::{AnchorSet, HeldRevocation, NamedCertificate, NamedContent, Verifier};
use thiserror::Error;
use tokio::{
    sync::{Mutex, Notify, watch},
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep_until},
};

pub use self::metrics::EndpointMetrics;
use self::{
    check::check,
    gather::{Endpoint, Gathered},
    kept::{All, Kept},
    partners::chains_of_partners,
};
use crate::{
    alerts::{Alerts, Watcher},
    app::Phase,
    clock,
    fetch::{FetchExceptions, FetchUrl, Fetcher},
    outbound::Configured,
    partners::Partners,
};

/// Endpoints that are tried at a time.
const AT_ONCE: usize = 32;
/// After a start the first look is taken within this time, or within the pace where that is shorter.
const FIRST_LOOK: Duration = Duration::from_secs(300);
/// What failed is tried again after this time, or the pace.
const FAILED_AGAIN: Duration = Duration::from_secs(600);

/// A chain of our own.
#[derive(Clone, Debug)]
pub struct OwnChain {
    /// Where it is presented: `listener default`.
    pub place: String,
    /// In DER, leaf first.
    pub certificates: Vec<Vec<u8>>,
}

/// Gives the chains of our own that are in force.
pub type OwnChains = Box<dyn Fn() -> Vec<OwnChain> + Send + Sync>;

/// Gives the ways of mail that are in force, with what is demanded on them.
pub type Demands = Box<dyn Fn() -> Configured + Send + Sync>;

/// Gives the roots that are in force; blocks on the disk.
pub type Roots = Arc<dyn Fn() -> AnchorSet + Send + Sync>;

/// How endpoints are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSettings {
    /// The pace; `None` for never.
    pub every: Option<Duration>,
    /// What may be at addresses that are not public, by the SHA-256 of the key of the anchor that a path ends at.
    pub exceptions: HashMap<Digest, FetchExceptions>,
}

/// Why endpoints were not tried.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// The question makes no sense.
    #[error("{0}")]
    BadQuestion(String),
    /// What is kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work broke off.
    #[error("the look at the endpoints broke off: {0}")]
    BrokenOff(String),
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// What our own chains name and those of all partners.
    All,
    /// Only that on which something hangs.
    Needed,
}

/// What they are tried with.
pub struct EndpointServices {
    /// Outgoing HTTP.
    pub fetcher: Fetcher,
    /// Where what is found is kept.
    pub store: Arc<dyn Store>,
    /// What is held of CRLs, and where paths end.
    pub verifier: Arc<Verifier>,
    /// Whom the operator is told by.
    pub alerts: Arc<Alerts>,
    /// What we present.
    pub own: OwnChains,
    /// What is demanded of partners.
    pub demands: Demands,
    /// What was learnt of them a moment ago is written first.
    pub partners: Arc<Partners>,
    /// Among whom issuers are looked for.
    pub roots: Roots,
    /// What is counted.
    pub metrics: EndpointMetrics,
}

impl fmt::Debug for EndpointServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointServices").finish_non_exhaustive()
    }
}

/// Endpoints of this process.
pub struct Endpoints {
    services: EndpointServices,
    settings: ArcSwap<EndpointSettings>,
    /// What is kept, read when first needed. Held while a look is taken: there is one at a time.
    kept: Mutex<Option<All>>,
    changed: Notify,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Nothing is tried yet.
    #[must_use]
    pub fn new(services: EndpointServices, settings: EndpointSettings) -> Arc<Self> {
        Arc::new(Self {
            services,
            settings: ArcSwap::from_pointee(settings),
            kept: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Other settings from now on.
    pub fn obey(&self, settings: EndpointSettings) {
        self.settings.store(Arc::new(settings));
        self.changed.notify_one();
    }

    /// Tries what the question names, or everything that is watched.
    ///
    /// # Errors
    /// When the question makes no sense, or what is kept cannot be read or written.
    pub async fn answer(&self, question: EndpointQuestion) -> Result<EndpointReport, EndpointError> {
        if question.targets.len() > MAX_ENDPOINT_TARGETS {
            return Err(EndpointError::BadQuestion(format!(
                "at most {MAX_ENDPOINT_TARGETS} files and URLs at a time"
            )));
        }
        if question.targets.is_empty() {
            return self.look(Scope::All, |_| true).await;
        }
        let roots = Arc::clone(&self.services.roots);
        let gathered = off_the_loop(move || named(&question.targets, &roots())).await??;
        let mut report = self.try_all(gathered.endpoints, gathered.notes).await;
        let held = self.services.verifier.revocations().held();
        for view in &mut report.endpoints {
            view.covered_until = covered(&held, view.purpose, &view.url);
        }
        Ok(report)
    }

    /// Takes a look at those that are watched and that are wanted, keeps what it finds and says what is wrong.
    async fn look(
        &self,
        scope: Scope,
        is_wanted: impl Fn(Option<&Kept>) -> bool,
    ) -> Result<EndpointReport, EndpointError> {
        let mut place = self.kept.lock().await;
        let kept = match place.as_mut() {
            Some(kept) => kept,
            None => place.insert(kept::read(&*self.services.store).await?),
        };
        let gathered = self.watched(scope).await?;
        let key = |endpoint: &Endpoint| kept::key(endpoint.purpose, &endpoint.url);
        let there: BTreeSet<String> = gathered.endpoints.iter().map(key).collect();
        let wanted = gathered.endpoints.into_iter();
        let wanted = wanted.filter(|endpoint| is_wanted(kept.get(&key(endpoint)))).collect();
        let mut report = self.try_all(wanted, gathered.notes).await;
        let now = clock::now();
        let held = self.services.verifier.revocations().held();
        let mut changed = Vec::new();
        for view in &mut report.endpoints {
            let key = kept::key(view.purpose, &view.url);
            let next = Kept::after(kept.get(&key), view, now);
            view.covered_until = covered(&held, view.purpose, &view.url);
            view.failing_since = next.failing_since;
            kept.insert(key.clone(), next);
            changed.push(key);
        }
        let gone: Vec<String> = kept.keys().filter(|key| !there.contains(*key)).cloned().collect();
        kept.retain(|key, _| there.contains(key));
        if let Err(error) = kept::write(&*self.services.store, kept, &changed, &gone).await {
            // It may say something else than what is there.
            *place = None;
            return Err(error.into());
        }
        self.services.metrics.show(kept.values());
        self.say(kept, &held, now).await?;
        Ok(report)
    }

    async fn say(&self, kept: &All, held: &[HeldRevocation], now: Timestamp) -> Result<(), StoreError> {
        let alerts = kept
            .values()
            .filter_map(|one| one.alert(covered(held, one.purpose, &one.url), now));
        let alerts = alerts.collect();
        self.services
            .alerts
            .state(&*self.services.store, Watcher::Endpoints, alerts)
            .await
    }

    /// Those of our own certificates, and of partners'.
    async fn watched(&self, scope: Scope) -> Result<Gathered, EndpointError> {
        let own = (self.services.own)();
        let now = clock::now();
        let partners = chains_of_partners(&self.services, scope, now).await?;
        let roots = Arc::clone(&self.services.roots);
        off_the_loop(move || {
            let mut gathered = Gathered::default();
            let anchors = [roots()];
            for chain in own {
                let read = chain.certificates.iter().map(|der| NamedCertificate::of_der(der));
                match read.collect::<Result<Vec<_>, _>>() {
                    Ok(certificates) => gathered.add_named(&certificates, &anchors, &chain.place),
                    Err(why) => gathered.note(format!("{}: {why}", chain.place)),
                }
            }
            partners.gather(&mut gathered, now);
            gathered
        })
        .await
    }

    async fn try_all(&self, endpoints: Vec<Endpoint>, notes: BTreeSet<String>) -> EndpointReport {
        let settings = self.settings.load_full();
        let mut waiting = endpoints.into_iter();
        let mut running = JoinSet::new();
        let mut found: Vec<EndpointView> = Vec::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(endpoint) = waiting.next()
            {
                let (fetcher, settings) = (self.services.fetcher.clone(), Arc::clone(&settings));
                running.spawn(async move { check(&fetcher, &endpoint, &settings.exceptions).await });
            }
            match running.join_next().await {
                Some(Ok(view)) => found.push(view),
                Some(Err(error)) => tracing::error!(%error, "the look at an endpoint broke off"),
                None => break,
            }
        }
        // Who opened the way need not wait until mail asks there again of itself.
        for view in found.iter().filter(|view| view.works) {
            self.services.verifier.revocations().try_anew(&view.url);
        }
        let rank = |view: &EndpointView| (view.works, !view.is_needed, view.purpose, view.url.clone());
        found.sort_by_cached_key(rank);
        EndpointReport {
            hosts: hosts(&found),
            endpoints: found,
            proxy: self.services.fetcher.proxy(),
            notes: notes.into_iter().collect(),
        }
    }

    /// Looks now and then until the server stops, at what failed more often.
    pub async fn run(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let begun = Instant::now();
        let mut last_whole: Option<Instant> = None;
        let (mut failed, mut share) = (false, fastrand::f64());
        while *phase.borrow_and_update() == Phase::Running {
            let every = self.settings.load().every;
            let whole_at = every.map(|every| match last_whole {
                // Not all servers at the same moment.
                None => begun + every.min(FIRST_LOOK).mul_f64(share),
                Some(at) => at + spread(every, share),
            });
            let again = every.filter(|_| failed).map(|every| every.min(FAILED_AGAIN));
            let again_at = again.map(|again| Instant::now() + spread(again, fastrand::f64()));
            let next = [whole_at, again_at].into_iter().flatten().min();
            tokio::select! {
                told = phase.changed() => if told.is_err() { return } else { continue },
                () = self.changed.notified() => continue,
                () = sleep_until(next.unwrap_or(begun)), if next.is_some() => {}
            }
            let is_whole = whole_at.is_some_and(|at| at <= Instant::now());
            if is_whole {
                (last_whole, share) = (Some(Instant::now()), fastrand::f64());
            }
            let is_wanted = |kept: Option<&Kept>| is_whole || kept.is_none_or(|kept| kept.failing_since.is_some());
            match self.look(Scope::Needed, is_wanted).await {
                Ok(report) => {
                    failed = report
                        .endpoints
                        .iter()
                        .any(|endpoint| endpoint.is_needed && !endpoint.works)
                }
                Err(error) => tracing::warn!(%error, "the endpoints that certificates hang on could not be looked at"),
            }
        }
    }
}

/// Up to a tenth sooner or later.
fn spread(longest: Duration, share: f64) -> Duration {
    longest.mul_f64(0.9 + share / 5.0)
}

/// What is read and verified, but not on the event loop.
async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EndpointError> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| EndpointError::BrokenOff(error.to_string()))
}

/// Those of files and URLs that an operator named.
fn named(targets: &[EndpointTarget], roots: &AnchorSet) -> Result<Gathered, EndpointError> {
    let mut gathered = Gathered::default();
    let mut certificates: Vec<(String, Vec<NamedCertificate>)> = Vec::new();
    for target in targets {
        let name = target.name.clone().unwrap_or_else(|| "what was named".to_owned());
        let bad = |why: String| EndpointError::BadQuestion(format!("{name}: {why}"));
        let octets = match (&target.url, &target.pem, &target.der) {
            (Some(url), None, None) => {
                let _: FetchUrl = url.parse().map_err(|error| bad(format!("{url:?}: {error}")))?;
                gathered.add_url(url, target.name.as_deref().unwrap_or(url));
                continue;
            }
            (None, Some(pem), None) => pem.clone().into_bytes(),
            (None, None, Some(digits)) => hexadecimal::decode(digits)
                .ok_or_else(|| bad("this is not written in hexadecimal digits".to_owned()))?,
            _ => return Err(bad("give one of url, pem and der".to_owned())),
        };
        match NamedContent::read(&octets).map_err(bad)? {
            NamedContent::Certificates(read) => certificates.push((name, read)),
            NamedContent::Bundle => {
                let why = "a PKCS #7 bundle is not read; write its certificates as PEM: openssl pkcs7 -print_certs";
                return Err(EndpointError::BadQuestion(format!("{name}: {why}")));
            }
        }
    }
    // Who issued one may be in another file, or a root that is known.
    let all: Vec<NamedCertificate> = certificates.iter().flat_map(|(_, some)| some.clone()).collect();
    let anchors = [roots.clone(), AnchorSet::bundled()];
    for (name, some) in &certificates {
        gathered.add_of(some, &all, &anchors, name);
        if some.iter().all(names_nothing) {
            gathered.note(format!("{name}: no certificate in it names an endpoint"));
        }
    }
    Ok(gathered)
}

fn names_nothing(certificate: &NamedCertificate) -> bool {
    certificate
        .endpoints()
        .is_ok_and(|named| named.is_not_revocable() && named.issuers.is_empty())
}

/// Until when what is held from this URL answers; of several issuers the first end counts.
fn covered(held: &[HeldRevocation], purpose: EndpointPurpose, url: &str) -> Option<Timestamp> {
    let is_it =
        |one: &&HeldRevocation| one.uri == url && matches!(purpose, EndpointPurpose::Crl | EndpointPurpose::Ocsp);
    let ends = held
        .iter()
        .filter(is_it)
        .filter_map(|one| one.grace_end.or(one.next_update));
    ends.min()
}

fn hosts(views: &[EndpointView]) -> Vec<String> {
    let needed = views.iter().filter(|view| view.is_needed);
    let urls = needed.filter_map(|view| view.url.parse::<FetchUrl>().ok());
    let hosts: BTreeSet<String> = urls.map(|url| url.endpoint()).collect();
    hosts.into_iter().collect()
}
