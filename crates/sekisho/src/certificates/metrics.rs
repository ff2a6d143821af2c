//! What is counted and measured of our own certificates.

use std::collections::BTreeMap;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_mail::Timestamp;

use super::{live::Certificates, stapling::StapleMetrics};
use crate::telemetry::Gauges;

type OfRole = [(&'static str, String); 1];
type OfCertificate = [(&'static str, String); 2];

/// Gauges and counters of certificates.
#[derive(Clone, Debug, Default)]
pub struct CertificateMetrics {
    left: Gauges<OfCertificate>,
    usable: Gauges<OfRole>,
    proved: Gauge,
    proofs: Family<[(&'static str, &'static str); 1], Counter>,
    pub(super) staples: StapleMetrics,
}

const SHOWN: [&str; 2] = ["failed", "passed"];

impl CertificateMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            staples: StapleMetrics::register(registry),
            ..Self::default()
        };
        registry.register(
            "sekisho_certificate_seconds_left",
            "Seconds until the end of each certificate that is presented as a role; negative past it",
            metrics.left.family(),
        );
        registry.register(
            "sekisho_certificates_usable",
            "Certificates that are presented as a role and valid, by role",
            metrics.usable.family(),
        );
        registry.register(
            "sekisho_certificate_proved_timestamp_seconds",
            "When handshakes with ourselves last showed every certificate that is presented, in seconds since 1970",
            metrics.proved.clone(),
        );
        registry.register(
            "sekisho_certificate_proofs",
            "Handshakes with ourselves, by whether they showed the certificate that is presented",
            metrics.proofs.clone(),
        );
        for word in SHOWN {
            drop(metrics.proofs.get_or_create(&[("result", word)]));
        }
        metrics
    }

    /// How things stand now.
    pub(super) fn show(&self, certificates: &Certificates, now: Timestamp) {
        let presented = certificates.presented();
        let (mut left, mut usable) = (BTreeMap::new(), BTreeMap::new());
        for (role, of_role) in &presented.roles {
            let mut valid = 0;
            for (id, identity) in &of_role.identities {
                let Some(leaf) = identity.chain().first() else { continue };
                let seconds = leaf.not_after.as_secs() - now.as_secs();
                valid += i64::from(seconds >= 0);
                left.insert([("role", role.to_string()), ("certificate", id.clone())], seconds);
            }
            usable.insert([("role", role.to_string())], valid);
        }
        self.left.show(left);
        self.usable.show(usable);
    }

    pub(super) fn proof(&self, passed: bool) {
        let [failed, shown] = SHOWN;
        let word = if passed { shown } else { failed };
        self.proofs.get_or_create(&[("result", word)]).inc();
    }

    pub(super) fn proved(&self, at: Timestamp) {
        self.proved.set(at.as_secs());
    }
}
