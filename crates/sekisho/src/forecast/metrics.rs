//! What is counted of forecasts.

use std::collections::BTreeMap;

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sekisho_api::{AlertKind, FORECAST_DAYS, ForecastEntry};
use sekisho_mail::Timestamp;

use super::in_days;
use crate::telemetry::Gauges;

/// Partners that have a line of their own: those whose time comes first.
const PARTNERS_SHOWN: usize = 100;

type KindLabel = [(&'static str, &'static str); 1];
type PartnerLabels = [(&'static str, String); 2];

/// Gauges of the forecast.
#[derive(Clone, Debug, Default)]
pub struct ForecastMetrics {
    entries: Family<KindLabel, Gauge>,
    nearest: Gauges<PartnerLabels>,
    tlsa_unknown: Gauge,
}

impl ForecastMetrics {
    /// Makes them known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "sekisho_forecast",
            "What is foretold for the next 90 days of certificates that a connector or a route demands, and of our own",
            metrics.entries.clone(),
        );
        registry.register(
            "sekisho_forecast_nearest_timestamp_seconds",
            "When the next thing of these bites, in seconds since 1970, for the 100 partners whose time comes first; \
             one for each organization and domain of whose certificates something is demanded",
            metrics.nearest.family(),
        );
        registry.register(
            "sekisho_forecast_tlsa_unknown_hosts",
            "Hosts of partners of whose certificates something is demanded, and names of our own, of whose TLSA \
             records it is not known whether they match",
            metrics.tlsa_unknown.clone(),
        );
        for kind in AlertKind::FORETOLD {
            drop(metrics.entries.get_or_create(&[("kind", kind.word())]));
        }
        metrics
    }

    /// What was found. What nobody demands, and what is foretold for later, does not count.
    pub(super) fn show(&self, entries: &[ForecastEntry], now: Timestamp) {
        let until = now.plus(in_days(FORECAST_DAYS));
        let counted = |entry: &&ForecastEntry| !entry.demanded_by.is_empty() && entry.at.is_none_or(|at| at <= until);
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        let mut nearest: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
        for entry in entries.iter().filter(counted) {
            *counts.entry(entry.kind.word()).or_default() += 1;
            let (Some(organization), Some(domain)) = (&entry.organization, &entry.domain) else {
                continue;
            };
            let at = entry.at.unwrap_or(now);
            let known = nearest.entry((organization, domain)).or_insert(at);
            *known = (*known).min(at);
        }
        for kind in AlertKind::FORETOLD {
            let count = counts.get(kind.word()).copied().unwrap_or_default();
            self.entries.get_or_create(&[("kind", kind.word())]).set(count);
        }
        let mut all: Vec<(Timestamp, (&str, &str))> = nearest.into_iter().map(|(who, at)| (at, who)).collect();
        all.sort_unstable();
        let first = all
            .into_iter()
            .take(PARTNERS_SHOWN)
            .map(|(at, (organization, domain))| {
                let labels = [
                    ("organization", organization.to_owned()),
                    ("partner", domain.to_owned()),
                ];
                (labels, at.as_secs())
            });
        self.nearest.show(first.collect());
    }

    /// Of how many hosts DNS did not say what their TLSA records are.
    pub(super) fn show_unknown(&self, hosts: u64) {
        self.tlsa_unknown.set(i64::try_from(hosts).unwrap_or(i64::MAX));
    }
}
