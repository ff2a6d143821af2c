//! Alerts: what an operator should know of before it stops mail.
//!
//! Whoever watches something states, each time he has looked, all that is wrong with it ([`Alerts::state`]); what is
//! new, graver or over is found by comparing that with what is kept. Each goes to the log once when it is raised and
//! once when it is over, into a gauge, and to the postmaster by mail: what arises together in one message, only so many
//! messages an hour, and what stays once more now and then. They are kept with the store's observations, so that a
//! restart neither loses nor repeats them. What is to be watched, and what an alert says, is the watchers'.

mod alert;
mod book;
mod mail;
mod message;
mod metrics;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use arc_swap::ArcSwap;
use sekisho_api::{Acknowledged, AlertView};
use sekisho_mail::{Mailbox, Timestamp};
use sekisho_store::{Observation, ObservationKind, Store, StoreError};
use tokio::sync::{Mutex, MutexGuard, Notify};

use self::{
    alert::Kept,
    book::{Book, Change, Event, Sent},
};
use crate::{
    clock,
    collected::{each_observation, forgotten, write_observations},
    telemetry::escaped,
};

pub use self::{
    alert::{Alert, Watcher},
    mail::AlertMail,
    metrics::AlertMetrics,
};

/// Who is written to of alerts, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertSettings {
    /// To whom; `None` for the local postmaster, where there is one.
    pub to: Option<Vec<Mailbox>>,
    /// How long an alert stands before it is written of: what arises together goes together, and what passes by at once
    /// is not told.
    pub after: Duration,
    /// After how long what still stands is told once more.
    pub again_after: Duration,
}

/// All alerts of the server.
#[derive(Debug)]
pub struct Alerts {
    settings: ArcSwap<AlertSettings>,
    metrics: AlertMetrics,
    /// What is kept; `None` until it has been read. Held while it is written.
    book: Mutex<Option<Book>>,
    /// Messages of late.
    sent: std::sync::Mutex<Sent>,
    changed: Notify,
}

impl Alerts {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(settings: AlertSettings, metrics: AlertMetrics) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            metrics,
            book: Mutex::default(),
            sent: std::sync::Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Other settings from now on.
    pub fn obey(&self, settings: AlertSettings) {
        self.settings.store(settings.into());
        self.changed.notify_one();
    }

    /// These are now all alerts of this watcher: what is new is raised, and what is not among them any more is over.
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing has changed then.
    pub async fn state(&self, store: &dyn Store, watcher: Watcher, alerts: Vec<Alert>) -> Result<(), StoreError> {
        let mut place = self.book.lock().await;
        let now = clock::now();
        let change = read(&mut place, store).await?.state(watcher, alerts, now);
        if change.too_many > 0 {
            let left_out = change.too_many;
            tracing::warn!(%watcher, left_out, "there are more alerts than are kept: the gravest are");
        }
        self.keep(&mut place, store, change, now).await
    }

    /// Those that stand, errors first, then by what happens soonest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn standing(&self, store: &dyn Store) -> Result<Vec<AlertView>, StoreError> {
        let mut place = self.book.lock().await;
        Ok(read(&mut place, store).await?.standing())
    }

    /// Nobody is written to of these any more; without ids, of none that stands.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn acknowledge(
        &self,
        store: &dyn Store,
        ids: Option<&[String]>,
        by: &str,
    ) -> Result<Acknowledged, StoreError> {
        let mut place = self.book.lock().await;
        let (kept, missing) = read(&mut place, store).await?.acknowledge(ids, by);
        let changed = kept.len() as u64;
        let change = Change {
            kept,
            ..Change::default()
        };
        self.keep(&mut place, store, change, clock::now()).await?;
        Ok(Acknowledged { changed, missing })
    }

    /// Writes a change, and once it is written says what happened.
    async fn keep(
        &self,
        place: &mut MutexGuard<'_, Option<Book>>,
        store: &dyn Store,
        mut change: Change,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let book = read(place, store).await?;
        change.forgotten.extend(book.outdated(&self.settings.load(), now));
        if !change.is_empty()
            && let Err(error) = write(store, &change).await
        {
            // It may say something else than what is there.
            **place = None;
            return Err(error);
        }
        change.events.iter().for_each(say);
        book.adopt(change);
        self.metrics.show(book);
        self.changed.notify_one();
        Ok(())
    }
}

/// What is kept, read when it is first asked for.
async fn read<'a>(place: &'a mut Option<Book>, store: &dyn Store) -> Result<&'a mut Book, StoreError> {
    if place.is_none() {
        let mut kept = BTreeMap::new();
        let visit = |row: Observation| {
            // One that cannot be read is stated anew.
            let parsed = serde_json::from_str::<Kept>(&row.body).ok();
            kept.extend(parsed.map(|parsed| (row.key, parsed)));
        };
        each_observation(store, (ObservationKind::Alert, ""), visit).await?;
        *place = Some(Book::new(kept));
    }
    Ok(place.get_or_insert_default())
}

async fn write(store: &dyn Store, change: &Change) -> Result<(), StoreError> {
    let kept = change.kept.iter().map(|(key, kept)| Observation {
        kind: ObservationKind::Alert,
        key: key.clone(),
        at: kept.over.unwrap_or(kept.first),
        body: serde_json::to_string(kept).unwrap_or_default(),
    });
    let gone = change.forgotten.iter();
    let gone = gone.map(|key| forgotten(ObservationKind::Alert, key.clone()));
    write_observations(store, kept.chain(gone).collect()).await
}

/// Tells the log.
fn say(event: &Event) {
    let (Event::Raised(alert) | Event::Graver(alert) | Event::Over(alert)) = event;
    let (kind, severity) = (alert.kind, alert.severity);
    let (subject, text, remedy) = (escaped(&alert.subject), escaped(&alert.text), escaped(&alert.remedy));
    match event {
        Event::Raised(_) => tracing::warn!(%kind, %severity, %subject, %text, %remedy, "alert"),
        Event::Graver(_) => tracing::warn!(%kind, %severity, %subject, %text, %remedy, "an alert is graver now"),
        Event::Over(_) => tracing::warn!(%kind, %severity, %subject, %text, "an alert is over"),
    }
}
