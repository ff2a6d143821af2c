//! Wiring only: builds the parts of the server out of the settings and runs them until it is told to stop.

/// Where the server is in its life. Every part holds a `tokio::sync::watch::Receiver<Phase>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Mail comes in and goes out.
    #[default]
    Running,
    /// No new mail and no new deliveries; sessions and deliveries in flight finish within the drain limit.
    Draining,
    /// The drain limit is over: drop what is left, nothing acknowledged is lost by it.
    Stopping,
}
