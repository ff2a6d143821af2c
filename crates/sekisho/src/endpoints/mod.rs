//! Endpoints on which certificates hang: where CRLs, OCSP answers and issuers' certificates are fetched from, tried by
//! order or by schedule from where the server stands, so that a firewall that closes is known before mail waits.
//!
//! What is tried by schedule are our own certificates' endpoints: no stranger's words choose what is fetched. An order
//! may name any. Looking up whether something is revoked is not done here, and nothing that is fetched here is held
//! for it.

mod check;
mod gather;
mod kept;
mod metrics;
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
    time::sleep,
};

pub use self::metrics::EndpointMetrics;
use self::{
    check::check,
    gather::{Endpoint, Gathered},
    kept::{All, Kept},
};
use crate::{
    alerts::{Alerts, Watcher},
    app::Phase,
    clock,
    fetch::{FetchExceptions, FetchUrl, Fetcher},
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
            return self.look(|_| true).await;
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
    async fn look(&self, is_wanted: impl Fn(Option<&Kept>) -> bool) -> Result<EndpointReport, EndpointError> {
        let mut place = self.kept.lock().await;
        let kept = match place.as_mut() {
            Some(kept) => kept,
            None => place.insert(kept::read(&*self.services.store).await?),
        };
        let gathered = self.watched().await?;
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

    /// Those of our own certificates.
    async fn watched(&self) -> Result<Gathered, EndpointError> {
        let own = (self.services.own)();
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
        found.sort_by(|one, other| (one.works, one.purpose, &one.url).cmp(&(other.works, other.purpose, &other.url)));
        EndpointReport {
            hosts: hosts(&found),
            endpoints: found,
            proxy: self.services.fetcher.proxy(),
            notes: notes.into_iter().collect(),
        }
    }

    /// Looks now and then until the server stops, at what failed more often.
    pub async fn run(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let mut is_first = true;
        let mut failed = false;
        let mut since_whole = Duration::ZERO;
        while *phase.borrow_and_update() == Phase::Running {
            let every = self.settings.load().every;
            let pause = every.map(|every| {
                let longest = match (is_first, failed) {
                    (true, _) => every.min(FIRST_LOOK),
                    (false, true) => every.min(FAILED_AGAIN),
                    (false, false) => every.saturating_sub(since_whole),
                };
                spread(longest, is_first)
            });
            tokio::select! {
                told = phase.changed() => if told.is_err() { return } else { continue },
                () = self.changed.notified() => continue,
                () = sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => {}
            }
            since_whole += pause.unwrap_or_default();
            let is_whole = is_first || every.is_none_or(|every| since_whole >= every);
            if is_whole {
                since_whole = Duration::ZERO;
            }
            is_first = false;
            let is_wanted = |kept: Option<&Kept>| is_whole || kept.is_none_or(|kept| kept.failing_since.is_some());
            match self.look(is_wanted).await {
                Ok(report) => failed = report.endpoints.iter().any(|endpoint| !endpoint.works),
                Err(error) => tracing::warn!(%error, "the endpoints that certificates hang on could not be looked at"),
            }
        }
    }
}

/// Not all servers at the same moment: the first look at any time within, later ones up to a tenth sooner or later.
fn spread(longest: Duration, is_first: bool) -> Duration {
    let share = fastrand::f64();
    longest.mul_f64(if is_first { share } else { 0.9 + share / 5.0 })
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
    let urls = views.iter().filter_map(|view| view.url.parse::<FetchUrl>().ok());
    let hosts: BTreeSet<String> = urls.map(|url| url.endpoint()).collect();
    hosts.into_iter().collect()
}
