//! What is collected in memory and kept as observations: when it is written (now and then, and once more when the
//! server stops), and how many of them are written and read, in so many parts as the store takes.

use std::time::Duration;

use sekisho_mail::Timestamp;
use sekisho_store::{OBSERVATIONS_AT_ONCE, Observation, ObservationKind, Store, StoreError};
use tokio::{sync::watch, time};

use crate::{app::Phase, chance::select};

/// How often it is written: what a crash may lose.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Waits until it is time to write; says whether that is the last time, because the server stops.
pub(crate) async fn time_to_write(phase: &mut watch::Receiver<Phase>) -> bool {
    select! {
        () = time::sleep(WRITE_EVERY) => false,
        _ = phase.wait_for(|phase| *phase == Phase::Stopping) => true,
    }
}

/// Reads all observations of a kind whose keys begin with `prefix`, by key.
pub(crate) async fn each_observation(
    store: &dyn Store,
    (kind, prefix): (ObservationKind, &str),
    mut visit: impl FnMut(Observation) + Send,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.observations(kind, prefix, after, OBSERVATIONS_AT_ONCE).await?;
        let is_last = page.len() < OBSERVATIONS_AT_ONCE;
        after = page.last().map(|last| last.key.clone());
        page.into_iter().for_each(&mut visit);
        if is_last {
            return Ok(());
        }
    }
}

/// Stands for one that is to be dropped: so old that [`write_observations`] forgets it.
pub(crate) const fn forgotten(kind: ObservationKind, key: String) -> Observation {
    Observation {
        kind,
        key,
        at: Timestamp::EPOCH,
        body: String::new(),
    }
}

/// Writes them, and drops those that are [`forgotten`].
pub(crate) async fn write_observations(store: &dyn Store, mut all: Vec<Observation>) -> Result<(), StoreError> {
    let mut forgetting: Vec<ObservationKind> = Vec::new();
    for one in all.iter().filter(|one| one.at == Timestamp::EPOCH) {
        if !forgetting.contains(&one.kind) {
            forgetting.push(one.kind);
        }
    }
    while !all.is_empty() {
        let rest = all.split_off(all.len().min(OBSERVATIONS_AT_ONCE));
        store.observe(std::mem::replace(&mut all, rest)).await?;
    }
    for kind in forgetting {
        let before = Timestamp::EPOCH.plus(Duration::from_secs(1));
        store.forget_observations(kind, before).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sekisho_store::model::{ModelDisk, ModelSettings};

    use super::*;

    #[tokio::test]
    async fn more_than_the_store_takes_at_once_are_written_read_and_dropped() {
        let store = ModelDisk::new(ModelSettings::default())
            .open(Timestamp::from_millis(1))
            .unwrap();
        let key = |place: usize| format!("{}/{place:06}", if place.is_multiple_of(2) { "even" } else { "odd" });
        let count = 2 * OBSERVATIONS_AT_ONCE + 2;
        let row = |kind, place: usize| Observation {
            kind,
            key: key(place),
            at: Timestamp::from_secs(1_795_000_000),
            body: place.to_string(),
        };
        let chains = (0..count).map(|place| row(ObservationKind::Chain, place));
        let others = (0..2).map(|place| row(ObservationKind::Alert, place));
        write_observations(&*store, chains.chain(others).collect())
            .await
            .unwrap();
        write_observations(&*store, vec![forgotten(ObservationKind::Chain, key(0))])
            .await
            .unwrap();
        for (kind, prefix, expected) in [
            (ObservationKind::Chain, "", count - 1),
            (ObservationKind::Chain, "even/", count / 2 - 1),
            (ObservationKind::Chain, "odd/", count / 2),
            (ObservationKind::Alert, "", 2),
        ] {
            let mut keys = Vec::new();
            let visit = |row: Observation| keys.push(row.key);
            each_observation(&*store, (kind, prefix), visit).await.unwrap();
            assert_eq!(keys.len(), expected, "{prefix}");
            assert!(keys.is_sorted());
        }
    }

    #[tokio::test]
    async fn the_last_time_is_when_the_server_stops_and_not_before() {
        let (change, mut phase) = watch::channel(Phase::Draining);
        let at_once = time::timeout(Duration::ZERO, time_to_write(&mut phase)).await;
        assert!(at_once.is_err(), "what is still in flight is waited for");
        change.send_replace(Phase::Stopping);
        let at_once = time::timeout(Duration::ZERO, time_to_write(&mut phase)).await;
        assert_eq!(at_once, Ok(true));
    }
}
