//! When what is collected in memory is written: now and then, and once more when the server stops.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
