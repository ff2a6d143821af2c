//! Gauges whose labels come and go, shown as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::metrics::{family::Family, gauge::Gauge};

/// One gauge for each of the labels that there are just now.
#[derive(Clone, Debug)]
pub struct Gauges<L: Clone + Eq + Hash> {
    family: Family<L, Gauge>,
    shown: Arc<Mutex<BTreeSet<L>>>,
}

impl<L: Clone + Eq + Hash> Default for Gauges<L> {
    fn default() -> Self {
        Self {
            family: Family::default(),
            shown: Arc::default(),
        }
    }
}

impl<L: Clone + Debug + Ord + Hash> Gauges<L> {
    /// For the registry.
    #[must_use]
    pub fn family(&self) -> Family<L, Gauge> {
        self.family.clone()
    }

    /// Takes over all values. What was there and still is never goes in between, so that whoever asks meanwhile misses
    /// nothing; what is there no more goes last.
    pub fn show(&self, values: BTreeMap<L, i64>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for (labels, value) in &values {
            self.family.get_or_create(labels).set(*value);
        }
        for gone in shown.iter().filter(|labels| !values.contains_key(labels)) {
            self.family.remove(gone);
        }
        *shown = values.into_keys().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_never_taken_away_and_what_is_gone_is() {
        let gauges: Gauges<[(&'static str, String); 1]> = Gauges::default();
        let labels = |name: &str| [("certificate", name.to_owned())];
        let values = |all: &[(&str, i64)]| all.iter().map(|(name, value)| (labels(name), *value)).collect();
        gauges.show(values(&[("one", 1), ("two", 2)]));
        let (one, two) = (labels("one"), labels("two"));
        // Counts what is read after it as long as nobody takes the family's own away.
        let held = gauges.family().get_or_create(&one).clone();
        gauges.show(values(&[("one", 3), ("three", 4)]));
        assert_eq!(held.get(), 3);
        assert!(gauges.family().get(&two).is_none());
        assert_eq!(gauges.family().get(&labels("three")).map(|gauge| gauge.get()), Some(4));
    }
}
