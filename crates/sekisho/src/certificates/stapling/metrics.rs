//! What is counted and measured of OCSP answers that are stapled.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::telemetry::Gauges;

type Labels<T, const N: usize> = [(&'static str, T); N];

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Good,
    Revoked,
    Failed,
}

impl Asked {
    const ALL: [Self; 3] = [Self::Failed, Self::Good, Self::Revoked];

    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
        }
    }
}

/// Gauges and counters of stapling.
#[derive(Clone, Debug, Default)]
pub(in crate::certificates) struct StapleMetrics {
    left: Gauges<Labels<String, 2>>,
    fetches: Family<Labels<&'static str, 1>, Counter>,
}

impl StapleMetrics {
    pub(in crate::certificates) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_certificate_staple_seconds_left",
            "Seconds for which the OCSP answer still holds that is stapled to a certificate, by listener and \
             certificate; 0 where its authority can be asked and nothing is stapled",
            metrics.left.family(),
        );
        registry.register(
            "sekisho_certificate_staple_fetches",
            "OCSP answers that were asked for to be stapled, by what came of it",
            metrics.fetches.clone(),
        );
        for asked in Asked::ALL {
            drop(metrics.fetches.get_or_create(&[("result", asked.word())]));
        }
        metrics
    }

    pub(super) fn asked(&self, asked: Asked) {
        self.fetches.get_or_create(&[("result", asked.word())]).inc();
    }

    pub(super) fn show(&self, all: Vec<(String, String, i64)>) {
        let all = all.into_iter().map(|(listener, certificate, left)| {
            let labels = [("listener", listener), ("certificate", certificate)];
            (labels, left)
        });
        self.left.show(all.collect());
    }
}
