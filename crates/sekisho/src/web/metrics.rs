//! What is counted of the web.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

type Labels = [(&'static str, &'static str); 1];

/// Counters of the web.
#[derive(Clone, Debug, Default)]
pub struct WebMetrics {
    connections: Family<Labels, Counter>,
}

const OPENED: &str = "opened";
const REFUSED: &str = "refused";

impl WebMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_web_connections",
            "Connections to the public web listener, and those refused because there were too many",
            metrics.connections.clone(),
        );
        for word in [OPENED, REFUSED] {
            drop(metrics.connections.get_or_create(&[("result", word)]));
        }
        metrics
    }

    pub(super) fn opened(&self) {
        self.connections.get_or_create(&[("result", OPENED)]).inc();
    }

    pub(super) fn refused(&self) {
        self.connections.get_or_create(&[("result", REFUSED)]).inc();
    }
}
