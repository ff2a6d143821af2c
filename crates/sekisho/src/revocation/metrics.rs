//! What is counted of CRLs and OCSP answers.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_mail::Timestamp;
use sekisho_tls::{HeldRevocation, RevocationKind};

type Labels<const N: usize> = [(&'static str, &'static str); N];

const KINDS: [RevocationKind; 2] = [RevocationKind::Crl, RevocationKind::Ocsp];
const STATES: [&str; 4] = ["valid", "grace", "ended", "never-had"];

/// Counters and gauges of what is looked up about revocation.
#[derive(Clone, Debug, Default)]
pub struct RevocationMetrics {
    fetches: Family<Labels<2>, Counter>,
    waits_in_vain: Counter,
    held: Family<Labels<1>, Gauge>,
}

impl RevocationMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_revocation_fetches",
            "CRLs and OCSP answers that were fetched, by whether they were had and are good",
            metrics.fetches.clone(),
        );
        registry.register(
            "sekisho_revocation_waits_in_vain",
            "Sessions that waited for a CRL or OCSP answer as long as they may, and went on without it",
            metrics.waits_in_vain.clone(),
        );
        registry.register(
            "sekisho_revocation_held",
            "Addresses of CRLs and OCSP responders in use, by what is held of them: valid, within the grace after its \
             end, ended, or never had",
            metrics.held.clone(),
        );
        for kind in KINDS {
            for result in ["taken", "failed"] {
                drop(metrics.fetches.get_or_create(&labels(kind, result)));
            }
        }
        for state in STATES {
            drop(metrics.held.get_or_create(&[("state", state)]));
        }
        metrics
    }

    pub(super) fn fetched(&self, kind: RevocationKind) {
        self.fetches.get_or_create(&labels(kind, "taken")).inc();
    }

    pub(super) fn failed(&self, kind: RevocationKind) {
        self.fetches.get_or_create(&labels(kind, "failed")).inc();
    }

    pub(super) fn waited_in_vain(&self) {
        self.waits_in_vain.inc();
    }

    pub(super) fn note_held(&self, held: &[HeldRevocation], now: Timestamp) {
        for state in STATES {
            let count = held.iter().filter(|one| state_of(one, now) == state).count();
            let gauge = self.held.get_or_create(&[("state", state)]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

const fn labels(kind: RevocationKind, result: &'static str) -> Labels<2> {
    let kind = match kind {
        RevocationKind::Crl => "crl",
        RevocationKind::Ocsp => "ocsp",
    };
    [("kind", kind), ("result", result)]
}

/// One of [`STATES`].
fn state_of(held: &HeldRevocation, now: Timestamp) -> &'static str {
    match (held.next_update, held.grace_end) {
        (None, _) => "never-had",
        (Some(end), _) if now <= end => "valid",
        (Some(_), Some(end)) if now <= end => "grace",
        (Some(_), _) => "ended",
    }
}
