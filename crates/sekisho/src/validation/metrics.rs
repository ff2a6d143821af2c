//! What is counted of validations.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

type Labels = [(&'static str, &'static str); 1];

/// Counters of validations.
#[derive(Clone, Debug, Default)]
pub struct ValidationMetrics {
    ended: Family<Labels, Counter>,
    changed: Family<Labels, Counter>,
}

const WORDS: [&str; 2] = ["failed", "passed"];

impl ValidationMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_validations",
            "Validations of outbound connectors that ended",
            metrics.ended.clone(),
        );
        registry.register(
            "sekisho_validation_changes",
            "Validations that came out otherwise than the one before of the same connector, by how they came out",
            metrics.changed.clone(),
        );
        for word in WORDS {
            drop(metrics.ended.get_or_create(&[("result", word)]));
            drop(metrics.changed.get_or_create(&[("to", word)]));
        }
        metrics
    }

    pub(super) fn ended(&self, passed: bool) {
        self.ended.get_or_create(&[("result", word(passed))]).inc();
    }

    /// It came out otherwise than the one before.
    pub(super) fn changed(&self, passed: bool) {
        self.changed.get_or_create(&[("to", word(passed))]).inc();
    }
}

const fn word(passed: bool) -> &'static str {
    if passed { "passed" } else { "failed" }
}
