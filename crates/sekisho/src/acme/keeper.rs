//! Keeps the certificates of roles that have an authority: orders what is missing, renews in time, tries again after
//! failures with patience that ends, and says what stands in the way.
//!
//! One order is under way at a time, so that two of them never write the same records or ask for the same names. What
//! is due is worked out from the certificates and from what is kept on disk; nothing else is remembered.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sekisho_api::{AlertKind, Severity};
use sekisho_mail::Timestamp;
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_store::Store;
use sekisho_tls::{CertificateChain, KeyType};
use tokio::{
    sync::{Mutex, Notify, watch},
    task,
    time::sleep,
};

use super::{
    AcmeAccount, AcmeSettings, OnWeb, OrderRequest, ProofMeans,
    fault::{AcmeFault, FaultKind},
    progress::Progress,
    renewal::{CertificateId, Life, renewal_hint},
};
use crate::{
    alerts::{Alert, Alerts, Watcher},
    app::Phase,
    certificates::{
        Author, CertificateRole, Certificates, Done, Due, Import, Instance, Material, OrderError, Origin, RequestOrder,
    },
    chance::select,
    clock,
    fetch::Fetcher,
    rollover::Names,
};

/// How long nothing is looked at, at most: by then a changed role has been noticed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Failures in a row from which on the operator is told.
const FAILURES_TOLD: u32 = 2;
/// In whose name it acts.
const ITSELF: &str = "sekisho";
/// The folder in the data folder.
const FOLDER: &str = "acme";

/// The one that keeps them.
#[derive(Debug)]
pub struct AcmeKeeper {
    certificates: Arc<Certificates>,
    fetcher: Fetcher,
    means: ProofMeans,
    folder: PathBuf,
    /// Asked what names the key in force; nobody is where it is absent.
    names: Option<Names>,
    /// Held by whoever orders.
    turn: Mutex<()>,
    woken: Notify,
}

/// Where alerts are stated.
#[derive(Clone, Debug)]
pub struct Told {
    /// By whom.
    pub alerts: Arc<Alerts>,
    /// Where they are kept.
    pub store: Arc<dyn Store>,
}

/// Where what an authority is asked about lies, below a data folder.
#[must_use]
pub fn acme_folder(data_folder: &Path) -> PathBuf {
    data_folder.join(FOLDER)
}

impl AcmeKeeper {
    /// Nothing is ordered before [`Self::keep`] or [`Self::renew`].
    #[must_use]
    pub fn new(certificates: Arc<Certificates>, fetcher: Fetcher, means: ProofMeans, data_folder: &Path) -> Self {
        Self {
            certificates,
            fetcher,
            means,
            folder: acme_folder(data_folder),
            names: None,
            turn: Mutex::new(()),
            woken: Notify::new(),
        }
    }

    /// What the web is to answer for authorities.
    #[must_use]
    pub fn on_web(&self) -> OnWeb {
        self.means.responders.on_web()
    }

    /// Has these asked what names the key in force, before a certificate on a new key is presented.
    #[must_use]
    pub fn asking(self, names: Names) -> Self {
        Self {
            names: Some(names),
            ..self
        }
    }

    /// Looks again at once: roles have changed.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Keeps the certificates until the server stops.
    pub async fn keep(&self, told: Told, mut phase: watch::Receiver<Phase>) {
        let mut stated: Option<Vec<Alert>> = None;
        loop {
            let working = async {
                let next = self.step(clock::now()).await;
                let alerts = self.alerts(clock::now());
                if stated.as_ref() != Some(&alerts) {
                    stated = told.state(alerts).await;
                }
                let now = clock::now();
                let pause = next.map_or(LOOK_EVERY, |next| next.since(now)).min(LOOK_EVERY);
                select! {
                    // Not at once, whatever is due: one try a second is no hot loop.
                    () = sleep(pause.max(Duration::from_secs(1))) => {}
                    () = self.woken.notified() => {}
                }
            };
            select! {
                () = working => {}
                _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
            }
        }
    }

    /// Does what is due at `now`, and answers when something will be.
    pub async fn step(&self, now: Timestamp) -> Option<Timestamp> {
        let mut next = None;
        for seen in self.certificates.due() {
            let _turn = self.turn.lock().await;
            // Whoever had the turn before may have ordered it.
            let is_it = |due: &Due| due.role.key == seen.role.key && due.key_type == seen.key_type;
            let Some(due) = self.certificates.due().into_iter().find(is_it) else {
                continue;
            };
            let then = self.look(&due, now).await;
            next = [next, then].into_iter().flatten().min();
        }
        next
    }

    /// Orders for a role at once, whatever is due; `new_key` makes new keys.
    ///
    /// # Errors
    /// The first fault, of whichever key type; a role that orders nothing.
    pub async fn renew(
        &self,
        role: &CertificateRoleKey,
        new_key: bool,
        author: &Author,
    ) -> Result<Vec<Done>, AcmeFault> {
        let _turn = self.turn.lock().await;
        let due = self.certificates.due();
        let of_role: Vec<&Due> = due.iter().filter(|one| one.role.key == *role).collect();
        if of_role.is_empty() {
            let words = format!("certificate role {role} has no authority to order from (acme)");
            return Err(AcmeFault::new(FaultKind::Ours, words));
        }
        let mut done = Vec::new();
        for due in of_role {
            let mut progress = Progress::load(&self.folder, role, due.key_type)?;
            if new_key {
                // What waits has the old key, or one that the operator does not want any more.
                progress.request = None;
            }
            let ended = self.attempt(due, progress, (new_key, author)).await;
            // What an operator should know of has changed, either way.
            self.wake();
            done.push(ended?);
        }
        Ok(done)
    }

    /// Opens the account of a role's authority.
    ///
    /// # Errors
    /// As [`AcmeAccount::open`].
    pub async fn account(&self, settings: &Arc<AcmeSettings>, now: Timestamp) -> Result<AcmeAccount, AcmeFault> {
        AcmeAccount::open(Arc::clone(settings), self.fetcher.clone(), &self.folder, now).await
    }

    /// One role and key type; answers when it is due.
    async fn look(&self, due: &Due, now: Timestamp) -> Option<Timestamp> {
        let key = &due.role.key;
        let mut progress = match Progress::load(&self.folder, key, due.key_type) {
            Ok(progress) => progress,
            Err(fault) => {
                tracing::error!(role = %key, %fault, "what is known of its next certificate cannot be read");
                return None;
            }
        };
        if let Some(next_try) = progress.next_try.filter(|at| *at > now) {
            return Some(next_try);
        }
        let life = life_of(due);
        if let Some(life) = life.filter(|_| due.has_all_names()) {
            let asked = self.ask_hint(due, &life, &mut progress, now).await;
            let renewal = life.renewal(progress.hint_for(life.fingerprint));
            if renewal > now {
                return [Some(renewal), asked].into_iter().flatten().min();
            }
        }
        let author = Author {
            by: ITSELF.to_owned(),
            why: "it was due".to_owned(),
            at: now,
        };
        match self.attempt(due, progress, (false, &author)).await {
            Ok(_) => Some(now.plus(LOOK_EVERY)),
            Err(_) => {
                let progress = Progress::load(&self.folder, key, due.key_type).ok()?;
                progress.next_try
            }
        }
    }

    /// Orders, and writes down what came of it. The turn is its caller's.
    async fn attempt(
        &self,
        due: &Due,
        mut progress: Progress,
        (new_key, author): (bool, &Author),
    ) -> Result<Done, AcmeFault> {
        let (key, key_type) = (&due.role.key, due.key_type);
        let ended = self.order(due, &mut progress, (new_key, author)).await;
        match &ended {
            Ok(done) => {
                let certificate = &done.instance.id;
                tracing::info!(role = %key, %certificate, "a certificate was issued");
                progress.succeed();
            }
            Err(fault) => {
                progress.fail(fault, life_of(due).as_ref(), author.at);
                let (kind, next_try) = (fault.kind.word(), progress.next_try.map(|at| at.to_string()));
                let fault = crate::telemetry::escaped(&fault.words);
                tracing::warn!(role = %key, kind, %fault, next_try, "no certificate was issued");
            }
        }
        progress.store(&self.folder, key, key_type)?;
        ended
    }

    async fn order(
        &self,
        due: &Due,
        progress: &mut Progress,
        (new_key, author): (bool, &Author),
    ) -> Result<Done, AcmeFault> {
        let Some(settings) = due.role.acme.clone() else {
            return Err(AcmeFault::new(FaultKind::Ours, "the role has no authority"));
        };
        let key = due.role.key.clone();
        let waiting = progress
            .request
            .as_ref()
            .and_then(|id| self.certificates.waiting(&key, id));
        let names = due.role.name_texts();
        let waiting = waiting.filter(|one| one.is_request_for(&names));
        // One on a key that a roll-over has replaced meanwhile would bring that back.
        let waiting = waiting.filter(|one| !self.certificates.is_rolled(&key, one.record.spki_sha256));
        let instance = match waiting {
            Some(instance) => instance,
            None => {
                let order = RequestOrder {
                    role: key.clone(),
                    key_type: Some(due.key_type),
                    new_key,
                };
                let (certificates, author) = (Arc::clone(&self.certificates), author.clone());
                let requested = blocking(move || certificates.request(&order, &author)).await?;
                let Some(done) = requested.into_iter().next() else {
                    return Err(AcmeFault::new(FaultKind::Ours, "no request was made"));
                };
                progress.request = Some(done.instance.id.id.clone());
                progress.store(&self.folder, &key, due.key_type)?;
                done.instance
            }
        };
        let replaces = due.issued().as_deref().and_then(CertificateId::of);
        self.have_issued((&due.role, &settings), &instance, (replaces, false), author)
            .await
    }

    /// Has the authority issue for a request that waits, and keeps it staged: its roll-over says when it is presented.
    ///
    /// # Errors
    /// As [`Self::renew`]; or when the request waits no more.
    pub async fn order_next(
        &self,
        role: &CertificateRoleKey,
        key_type: KeyType,
        request: &str,
        author: &Author,
    ) -> Result<Done, AcmeFault> {
        let _turn = self.turn.lock().await;
        let ours = |words: String| AcmeFault::new(FaultKind::Ours, words);
        let of_role = self.certificates.role(role).map_err(|error| ours(error.to_string()))?;
        let none = || ours(format!("certificate role {role} has no authority to order from (acme)"));
        let settings = of_role.acme.clone().ok_or_else(none)?;
        let waiting = self.certificates.waiting(role, request);
        let instance = waiting.ok_or_else(|| ours(format!("{request}, on {key_type}, waits for no certificate")))?;
        self.have_issued((&of_role, &settings), &instance, (None, true), author)
            .await
    }

    /// Orders for a request that is kept, and takes in what comes.
    async fn have_issued(
        &self,
        (role, settings): (&CertificateRole, &Arc<AcmeSettings>),
        instance: &Instance,
        (replaces, stage): (Option<CertificateId>, bool),
        author: &Author,
    ) -> Result<Done, AcmeFault> {
        let csr = instance.signing_request();
        let csr = csr.ok_or_else(|| AcmeFault::new(FaultKind::Ours, "the request that waits cannot be read"))?;
        let request = OrderRequest {
            names: role.name_texts(),
            csr: csr.der,
            key: instance.record.spki_sha256,
            replaces,
        };
        let account = self.account(settings, author.at).await?;
        let chain = account.issue(&request, &self.means).await?;
        let chain = CertificateChain::parse(&chain)
            .map_err(|error| AcmeFault::new(FaultKind::WrongCertificate, error.to_string()))?;
        let named_by = match &self.names {
            Some(names) if !stage => names.against(&self.certificates, role, &chain).await,
            _ => Vec::new(),
        };
        let import = Import {
            role: role.key.clone(),
            material: Material {
                chain,
                key: None,
                origin: Origin::Acme,
            },
            stage,
            activate_at: None,
            named_by,
            dry_run: false,
        };
        let author = Author {
            at: clock::now(),
            ..author.clone()
        };
        let certificates = Arc::clone(&self.certificates);
        blocking(move || certificates.import(import, &author)).await
    }

    /// Asks the authority when it would like the certificate renewed, when that is to be asked; answers when it is
    /// next.
    async fn ask_hint(&self, due: &Due, life: &Life, progress: &mut Progress, now: Timestamp) -> Option<Timestamp> {
        if let Some(again) = progress.ask_hint_at(life.fingerprint).filter(|at| *at > now) {
            return Some(again);
        }
        let (settings, der) = (due.role.acme.clone()?, due.issued()?);
        let id = CertificateId::of(&der)?;
        let again = match renewal_hint(&settings, self.fetcher.clone(), &id, now).await {
            Ok(Some(hint)) => {
                let again = hint.ask_again;
                progress.hint = Some((life.fingerprint, hint));
                again
            }
            Ok(None) => now.plus(Duration::from_secs(24 * 3600)),
            Err(fault) => {
                // It goes by age then, or by what was suggested last.
                let fault = crate::telemetry::escaped(&fault.words);
                tracing::info!(role = %due.role.key, %fault, "no hint for the renewal could be had");
                now.plus(Duration::from_secs(6 * 3600))
            }
        };
        progress.hint_again = Some(again);
        if let Err(fault) = progress.store(&self.folder, &due.role.key, due.key_type) {
            tracing::warn!(role = %due.role.key, %fault, "a hint for the renewal cannot be kept");
        }
        Some(again)
    }

    /// What stands in the way of certificates, as alerts.
    fn alerts(&self, now: Timestamp) -> Vec<Alert> {
        let mut alerts: HashMap<CertificateRoleKey, Alert> = HashMap::new();
        for due in self.certificates.due() {
            let Ok(progress) = Progress::load(&self.folder, &due.role.key, due.key_type) else {
                continue;
            };
            let Some(failure) = progress.last_failure.filter(|_| progress.failures >= FAILURES_TOLD) else {
                continue;
            };
            let life = life_of(&due);
            let is_late = life.is_none_or(|life| life.not_after.since(now) < life.length() / 6);
            let alert = Alert {
                kind: AlertKind::CertificateNotRenewed,
                subject: format!("certificate role {}", due.role.key),
                severity: if is_late { Severity::Error } else { Severity::Warning },
                text: format!("no certificate could be had from the authority: {}", failure.words),
                remedy: format!(
                    "mend what it says; it is tried again by itself, and at once by `sekisho certificate renew {}`",
                    due.role.key
                ),
                until: life.map(|life| life.not_after),
            };
            alerts.entry(due.role.key.clone()).or_insert(alert);
        }
        alerts.into_values().collect()
    }
}

impl Told {
    async fn state(&self, alerts: Vec<Alert>) -> Option<Vec<Alert>> {
        let stated = self.alerts.state(&*self.store, Watcher::Renewals, alerts.clone());
        match stated.await {
            Ok(()) => Some(alerts),
            Err(error) => {
                tracing::warn!(%error, "alerts about renewals cannot be kept");
                None
            }
        }
    }
}

/// The life of the newest certificate.
#[must_use]
pub fn life_of(due: &Due) -> Option<Life> {
    let leaf = due.newest.as_ref()?.identity.as_ref()?.chain().first()?.clone();
    Some(Life {
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        fingerprint: leaf.sha256,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OrderError> + Send + 'static,
) -> Result<T, AcmeFault> {
    match task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(OrderError::Refused { message, findings })) => {
            let findings: Vec<String> = findings.into_iter().map(|finding| finding.text).collect();
            let words = if findings.is_empty() {
                message
            } else {
                format!("{message}: {}", findings.join("; "))
            };
            Err(AcmeFault::new(FaultKind::WrongCertificate, words))
        }
        Ok(Err(error)) => Err(AcmeFault::new(FaultKind::Ours, error.to_string())),
        Err(error) => Err(AcmeFault::new(FaultKind::Ours, format!("the order broke off: {error}"))),
    }
}
