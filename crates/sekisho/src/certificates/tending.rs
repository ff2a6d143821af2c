//! What goes on with the certificates as long as the server runs: files are looked at, what time changes is changed at
//! the instant at which it does, and what an operator must see to is stated.

use std::{sync::Arc, time::Duration};

use sekisho_store::Store;
use tokio::{
    sync::watch,
    task,
    time::{self, Instant},
};

use super::Certificates;
use crate::{
    alerts::{Alert, Alerts, Watcher},
    app::Phase,
    chance::select,
    clock,
};

/// How often files are looked at. It is also how late a clock that was set is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is looked after, and who is told.
#[derive(Clone, Debug)]
pub struct Tended {
    /// The certificates.
    pub certificates: Arc<Certificates>,
    /// Where it is stated what an operator must see to.
    pub alerts: Arc<Alerts>,
    /// Where those are kept.
    pub store: Arc<dyn Store>,
}

/// Looks after the certificates until the server stops.
pub async fn tend(tended: Tended, mut phase: watch::Receiver<Phase>) {
    let certificates = &tended.certificates;
    let mut look_at = Instant::now() + LOOK_EVERY;
    let mut stated: Option<Vec<Alert>> = None;
    loop {
        let next = certificates.presented().next;
        let until_next = next.map_or(LOOK_EVERY, |next| next.since(clock::now()));
        select! {
            () = time::sleep_until(look_at) => look_at = Instant::now() + LOOK_EVERY,
            () = time::sleep(until_next), if until_next < LOOK_EVERY => {}
            () = certificates.moved.notified() => continue,
            _ = phase.wait_for(|phase| *phase == Phase::Stopping) => return,
        }
        let looking = Arc::clone(certificates);
        // Whoever gives an order may wait for the disk meanwhile, and holds the certificates.
        let looked = task::spawn_blocking(move || {
            let now = clock::now();
            looking.look_after(now);
            looking.alerts(now)
        });
        let alerts = match looked.await {
            Ok(alerts) => alerts,
            Err(error) => {
                tracing::error!(%error, "looking after the certificates broke off; it is tried again");
                continue;
            }
        };
        if stated.as_ref() != Some(&alerts) {
            stated = tended.state(alerts).await;
        }
    }
}

impl Tended {
    /// States what an operator must see to; nothing is stated where that fails, so that it is tried again.
    async fn state(&self, alerts: Vec<Alert>) -> Option<Vec<Alert>> {
        match self
            .alerts
            .state(&*self.store, Watcher::Certificates, alerts.clone())
            .await
        {
            Ok(()) => Some(alerts),
            Err(error) => {
                tracing::warn!(%error, "alerts about our own certificates cannot be kept");
                None
            }
        }
    }
}
