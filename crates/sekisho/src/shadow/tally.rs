//! Counts verdicts in memory and writes what was counted every few seconds, on top of what the store has of that day.
//! The last seconds may be lost in a crash.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sekisho_api::SHADOW_DAYS_MAX;
use sekisho_mail::{Evidence, ShadowDocument, ShadowVerdict, Timestamp};
use sekisho_store::{OBSERVATIONS_AT_ONCE, Observation, ObservationKind, Store, StoreError};
use tokio::{sync::watch, time};

use super::counts::{Counts, From};
use crate::{
    app::Phase,
    chance::Map,
    clock,
    collected::{time_to_write, write_observations},
};

/// How often what is too old is dropped.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Documents and days that may wait to be written; what would be one more is not counted.
const WAITING_MAX: usize = OBSERVATIONS_AT_ONCE;

/// A document and the number of a UTC day.
type Key = (Arc<ShadowDocument>, i64);

/// What was counted and is not written yet; cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Map<Key, Counts>>,
    /// Whoever writes reads first, so they take turns.
    turn: tokio::sync::Mutex<()>,
}

impl Tally {
    /// Counts verdicts on somebody.
    pub fn note(&self, verdicts: &[ShadowVerdict], peer: &str, now: Timestamp) {
        if verdicts.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        for verdict in verdicts {
            let key = (Arc::clone(&verdict.document), now.day());
            if waiting.len() >= WAITING_MAX && !waiting.contains_key(&key) {
                tracing::debug!(document = %verdict.document, "a verdict is not counted: too many documents wait");
                continue;
            }
            let from = From::new(verdict.outcome, peer, &verdict.why.text);
            waiting.entry(key).or_default().add(verdict.outcome, Some(from), 1);
        }
    }

    /// Counts what an attempt came to.
    pub fn note_attempt(&self, evidence: &Evidence) {
        if evidence.shadow.is_empty() {
            return;
        }
        let channel = evidence.channel.as_deref();
        let host = channel.and_then(|channel| channel.host.clone());
        let failed = evidence.failed_handshakes.last().map(|(host, _)| host.clone());
        let peer = host.or_else(|| channel.map(|channel| channel.peer.ip().to_string()));
        let peer = peer.or(failed).unwrap_or_else(|| evidence.route.clone());
        self.note(&evidence.shadow, &peer, evidence.at);
    }

    /// Writes what was counted.
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing that was counted is lost then.
    pub async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _turn = self.0.turn.lock().await;
        let waiting = mem::take(&mut *self.lock());
        if waiting.is_empty() {
            return Ok(());
        }
        let written = write(store, &waiting).await;
        if written.is_err() {
            let mut since = self.lock();
            for (key, counts) in waiting {
                since.entry(key).or_default().add_all(counts);
            }
        }
        written
    }

    fn lock(&self) -> MutexGuard<'_, Map<Key, Counts>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(store: &dyn Store, waiting: &Map<Key, Counts>) -> Result<(), StoreError> {
    let mut observations = Vec::with_capacity(waiting.len());
    for ((document, day), counts) in waiting {
        let key = format!("{}{}", prefix(document), date(*day));
        let before = store.observations(ObservationKind::Shadow, &key, None, 1).await?;
        let mut sum = before.first().map(read).unwrap_or_default();
        sum.add_all(counts.clone());
        observations.push(Observation {
            kind: ObservationKind::Shadow,
            key,
            at: clock::now(),
            body: serde_json::to_string(&sum).map_err(|error| StoreError::Failed(error.to_string()))?,
        });
    }
    // More than wait as a rule came back from a failure.
    write_observations(store, observations).await
}

/// What the store has of a day; nothing when it cannot be read.
pub(super) fn read(observation: &Observation) -> Counts {
    serde_json::from_str(&observation.body).unwrap_or_else(|error| {
        tracing::warn!(key = observation.key, %error, "what was counted of a document cannot be read");
        Counts::default()
    })
}

/// What the keys of a document, at one state of its content, begin with; a date follows.
pub(super) fn prefix(document: &ShadowDocument) -> String {
    let ShadowDocument {
        kind,
        organization,
        name,
        revision,
    } = document;
    format!("{}/{organization}/{name}/{revision}/", kind.key())
}

/// A day as keys and people have it: `2026-11-28`.
pub(super) fn date(day: i64) -> String {
    let (year, month, day, ..) = Timestamp::from_secs(day.saturating_mul(86_400)).civil();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Writes what is counted, until the server stops and then once more.
pub async fn keep_tally(tally: Tally, store: Arc<dyn Store>, mut phase: watch::Receiver<Phase>) {
    let mut forgotten: Option<time::Instant> = None;
    loop {
        if forgotten.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            forgotten = Some(time::Instant::now());
            let before = clock::now().minus(Duration::from_secs(u64::from(SHADOW_DAYS_MAX) * 86_400));
            if let Err(error) = store.forget_observations(ObservationKind::Shadow, before).await {
                tracing::warn!(%error, "what was counted of documents that are tried cannot be trimmed");
            }
        }
        let is_last = time_to_write(&mut phase).await;
        if let Err(error) = tally.write(&*store).await {
            tracing::warn!(%error, "what was counted of documents that are tried cannot be written");
        }
        if is_last {
            return;
        }
    }
}
