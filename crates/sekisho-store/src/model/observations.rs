//! What was learnt. It is kept at once: nobody relies on a crash's taking the newest away.

use std::collections::BTreeMap;

use sekisho_mail::Timestamp;

use crate::{OBSERVATIONS_AT_ONCE, Observation, ObservationKind, StoreError};

/// By kind and key.
#[derive(Debug, Default)]
pub(super) struct Observations(BTreeMap<(ObservationKind, String), Observation>);

impl Observations {
    pub(super) fn keep(&mut self, observations: Vec<Observation>) -> Result<(), StoreError> {
        Observation::check_all(&observations)?;
        let keyed = observations
            .into_iter()
            .map(|observation| ((observation.kind, observation.key.clone()), observation));
        self.0.extend(keyed);
        Ok(())
    }

    pub(super) fn read(
        &self,
        kind: ObservationKind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Observation> {
        let from = self.0.range((kind, prefix.to_owned())..);
        let those = from.take_while(|((found, key), _)| *found == kind && key.starts_with(prefix));
        let those = those.filter(|((_, key), _)| after.is_none_or(|after| key.as_str() > after));
        let those = those.take(limit.min(OBSERVATIONS_AT_ONCE));
        those.map(|(_, observation)| observation.clone()).collect()
    }

    pub(super) fn forget(&mut self, kind: ObservationKind, before: Timestamp) -> u64 {
        let had = self.0.len();
        self.0
            .retain(|_, observation| observation.kind != kind || observation.at >= before);
        (had - self.0.len()) as u64
    }
}
