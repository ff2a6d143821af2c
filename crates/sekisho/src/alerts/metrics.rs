//! What is counted of alerts.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_api::{AlertKind, Severity};

use super::book::Book;

type Labels = [(&'static str, &'static str); 2];

/// Gauges and counters of alerts.
#[derive(Clone, Debug, Default)]
pub struct AlertMetrics {
    standing: Family<Labels, Gauge>,
    messages: Counter,
}

impl AlertMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_alerts",
            "Alerts that stand, acknowledged ones included",
            metrics.standing.clone(),
        );
        registry.register(
            "sekisho_alert_messages",
            "Messages to the postmaster about alerts",
            metrics.messages.clone(),
        );
        for kind in AlertKind::ALL {
            for severity in Severity::ALL {
                drop(metrics.standing.get_or_create(&labels(kind, severity)));
            }
        }
        metrics
    }

    /// How many there are now.
    pub(super) fn show(&self, book: &Book) {
        for kind in AlertKind::ALL {
            for severity in Severity::ALL {
                let count = book.count(|alert| alert.kind == kind, severity);
                let gauge = self.standing.get_or_create(&labels(kind, severity));
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }

    pub(super) fn message_sent(&self) {
        self.messages.inc();
    }
}

const fn labels(kind: AlertKind, severity: Severity) -> Labels {
    [("kind", kind.word()), ("severity", severity.word())]
}
