//! What is counted of endpoints, by host.

use std::collections::BTreeMap;

use prometheus_client::registry::Registry;

use super::kept::Kept;
use crate::telemetry::Gauges;

type Labels = [(&'static str, String); 1];

/// Hosts that have gauges of their own; the others have none.
const HOSTS_MAX: usize = 200;

/// Gauges of endpoints.
#[derive(Clone, Debug, Default)]
pub struct EndpointMetrics {
    last_success: Gauges<Labels>,
    failing_since: Gauges<Labels>,
}

impl EndpointMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_endpoint_last_success_seconds",
            "When all endpoints at a host that certificates hang on were last found to work, in seconds since 1970; 0 \
             for never",
            metrics.last_success.family(),
        );
        registry.register(
            "sekisho_endpoint_failing_since_seconds",
            "Since when an endpoint at a host fails, in seconds since 1970; 0 while all work",
            metrics.failing_since.family(),
        );
        metrics
    }

    /// As they are now: what is worst at a host counts.
    pub(super) fn show<'a>(&self, all: impl Iterator<Item = &'a Kept>) {
        let mut hosts: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for kept in all.filter(|kept| kept.is_needed) {
            let success = kept.last_success.map_or(0, |at| at.as_secs());
            let failing = kept.failing_since.map_or(0, |at| at.as_secs());
            let worst = hosts.entry(kept.host()).or_insert((i64::MAX, 0));
            worst.0 = worst.0.min(success);
            worst.1 = match (worst.1, failing) {
                (0, since) | (since, 0) => since,
                (one, other) => one.min(other),
            };
        }
        let (mut successes, mut failures) = (BTreeMap::new(), BTreeMap::new());
        for (host, (success, failing)) in hosts.into_iter().take(HOSTS_MAX) {
            successes.insert([("host", host.clone())], success);
            failures.insert([("host", host)], failing);
        }
        self.last_success.show(successes);
        self.failing_since.show(failures);
    }
}
