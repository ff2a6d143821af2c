//! Who asks: as long as the server runs, beside everything else, a few authorities at a time.

use std::{collections::HashMap, fmt, io, path::PathBuf, sync::Arc, time::Duration};

use sekisho_mail::{Digest, Timestamp};
use sekisho_tls::{AnchorSet, MAX_OCSP_LEN, StapleAnswer, StapleQuestion};
use tokio::{
    sync::watch,
    task::{self, JoinSet},
    time::sleep,
};

use super::{super::Certificates, metrics::Asked};
use crate::{
    app::Phase,
    chance::select,
    revocation::{Disk, RevocationLookup},
};

/// Authorities that are asked at a time.
const AT_ONCE: usize = 8;
/// It is looked at least so often what there is to do; it is also how late a clock that was set is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Begins what is kept of an answer; behind it stand the milliseconds since 1970 at which it came, and the answer.
const MAGIC: &[u8] = b"sekisho staple 1\n";
const MILLIS_LEN: usize = 8;
/// Octets of what is kept of an answer.
const ENTRY_LEN_MAX: u64 = (MAGIC.len() + MILLIS_LEN + MAX_OCSP_LEN) as u64;

/// Where answers are kept, so that a restart need not begin without them. What lies there is verified anew.
#[derive(Clone, Debug)]
pub struct StapleFolder(Disk);

impl StapleFolder {
    /// The folder is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        Disk::open(folder).map(Self)
    }

    pub(super) fn keep(&self, leaf: &Digest, answer: &StapleAnswer, at: Timestamp) {
        let entry = [MAGIC, &at.as_millis().to_be_bytes(), answer.octets()].concat();
        self.0.keep(&leaf.to_string(), &entry);
    }

    /// What is kept about a certificate, and when that came.
    fn load(&self, question: &StapleQuestion, now: Timestamp) -> Option<(StapleAnswer, Timestamp)> {
        let entry = self.0.load(&question.leaf().to_string(), ENTRY_LEN_MAX)?;
        let (millis, octets) = entry.strip_prefix(MAGIC)?.split_first_chunk::<MILLIS_LEN>()?;
        let at = Timestamp::from_millis(i64::from_be_bytes(*millis));
        Some((question.judge(octets, now).ok()?, at.min(now)))
    }
}

/// What it asks with, and who is told.
pub struct Keeper {
    /// Our own certificates.
    pub certificates: Arc<Certificates>,
    /// The way to responders.
    pub lookup: RevocationLookup,
    /// Where answers are kept.
    pub folder: Option<StapleFolder>,
    /// Gives the anchors among which issuers are looked for.
    pub anchors: Arc<dyn Fn() -> Vec<AnchorSet> + Send + Sync>,
    /// Has listeners present what is stapled by now; it must be quick.
    pub present: Box<dyn Fn() + Send + Sync>,
    /// Gives the time.
    pub clock: fn() -> Timestamp,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

/// What came of asking, and when.
type Answered = (Result<StapleAnswer, String>, Timestamp);

impl Certificates {
    /// Takes in what is kept about those that are presented, before anybody is shown one; blocks on the disk.
    pub fn restore_staples(&self, folder: Option<&StapleFolder>, anchors: &[AnchorSet], now: Timestamp) {
        let new = self.plan_staples(anchors, now);
        for question in &new {
            let kept = folder.and_then(|folder| folder.load(question, now));
            if let Some((answer, at)) = kept {
                // Nothing is held of it yet.
                let _ = self.stapling.book().take(&question.leaf(), answer, at, fastrand::f64());
            }
        }
        self.stapling.publish(now);
    }
}

impl Keeper {
    /// Asks, until the server stops.
    pub async fn run(self, mut phase: watch::Receiver<Phase>) {
        let mut running: JoinSet<Answered> = JoinSet::new();
        let mut leaves: HashMap<task::Id, Digest> = HashMap::new();
        loop {
            let pause = self.turn(&mut running, &mut leaves).await;
            let stapling = &self.certificates.stapling;
            let ended = select! {
                ended = running.join_next_with_id(), if !running.is_empty() => ended,
                () = stapling.wanted.notified() => None,
                () = sleep(pause) => None,
                _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
            };
            match ended {
                None => {}
                Some(Ok((id, (answered, at)))) => {
                    if let Some(leaf) = leaves.remove(&id) {
                        self.take(leaf, answered, at).await;
                    }
                }
                Some(Err(error)) => {
                    if let Some(leaf) = leaves.remove(&error.id()) {
                        self.failed(&leaf, &error.to_string(), (self.clock)());
                    }
                }
            }
        }
    }

    /// Looks what there is, begins what is due, and puts in place what is good; how long nothing is to be done.
    async fn turn(&self, running: &mut JoinSet<Answered>, leaves: &mut HashMap<task::Id, Digest>) -> Duration {
        let (certificates, folder) = (Arc::clone(&self.certificates), self.folder.clone());
        let (anchors, now) = (Arc::clone(&self.anchors), (self.clock)());
        let was = certificates.stapling.stapled.load_full();
        // Signatures and the disk.
        let looked = task::spawn_blocking(move || certificates.restore_staples(folder.as_ref(), &anchors(), now));
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking what is to be stapled broke off; it is tried again");
        }
        let stapling = &self.certificates.stapling;
        if *was != **stapling.stapled.load() {
            (self.present)();
        }
        let free = AT_ONCE.saturating_sub(running.len());
        let begun = stapling.book().begin(now, free);
        for question in begun {
            let leaf = question.leaf();
            let asking = running.spawn(ask(self.lookup.clone(), question, self.clock));
            leaves.insert(asking.id(), leaf);
        }
        let book = stapling.book();
        self.certificates.metrics.staples.show(book.left(now));
        let is_full = running.len() >= AT_ONCE;
        let next = book.next(now).filter(|_| !is_full);
        next.map_or(LOOK_EVERY, |next| next.since(now).min(LOOK_EVERY))
    }

    async fn take(&self, leaf: Digest, answered: Result<StapleAnswer, String>, at: Timestamp) {
        let answer = match answered {
            Ok(answer) => answer,
            Err(why) => return self.failed(&leaf, &why, at),
        };
        let taken = self
            .certificates
            .stapling
            .book()
            .take(&leaf, answer.clone(), at, fastrand::f64());
        if let Err(why) = taken {
            return self.failed(&leaf, &why.to_string(), at);
        }
        let (this_update, next_update) = (answer.this_update(), answer.next_update());
        match answer.revoked() {
            None => {
                self.certificates.metrics.staples.asked(Asked::Good);
                tracing::info!(sha256 = %leaf, %this_update, %next_update, "an OCSP answer is stapled");
            }
            Some((at, why)) => {
                self.certificates.metrics.staples.asked(Asked::Revoked);
                tracing::error!(sha256 = %leaf, %at, why, "a certificate of our own was revoked");
            }
        }
        if let Some(folder) = self.folder.clone() {
            // What cannot be kept is asked for again after a restart.
            let _ = task::spawn_blocking(move || {
                folder.keep(&leaf, &answer, at);
                folder.0.tidy(at);
            })
            .await;
        }
    }

    fn failed(&self, leaf: &Digest, why: &str, at: Timestamp) {
        self.certificates.metrics.staples.asked(Asked::Failed);
        tracing::warn!(sha256 = %leaf, why, "no OCSP answer about a certificate of our own could be had");
        self.certificates.stapling.book().fail(leaf, why, at, fastrand::f64());
    }
}

/// Asks one responder after the other until one of them answers.
async fn ask(lookup: RevocationLookup, question: StapleQuestion, clock: fn() -> Timestamp) -> Answered {
    let mut faults = Vec::new();
    for need in question.needs() {
        let fault = match lookup.ask(&need).await {
            Ok(octets) => match question.judge(&octets, clock()) {
                Ok(answer) => return (Ok(answer), clock()),
                Err(error) => format!("OCSP {}: {error}", need.uri()),
            },
            Err(error) => format!("OCSP {}: {error}", need.uri()),
        };
        faults.push(fault);
    }
    (Err(faults.join("; ")), clock())
}
