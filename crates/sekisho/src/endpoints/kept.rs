//! What is kept of endpoints between two looks, as observations: since when each fails, and when it last worked.

use std::collections::BTreeMap;

use sekisho_api::{AlertKind, EndpointPurpose, EndpointView, Severity};
use sekisho_mail::Timestamp;
use sekisho_store::{Observation, ObservationKind, Store, StoreError};
use sekisho_tls::sha256;
use serde::{Deserialize, Serialize};

use crate::{
    alerts::Alert,
    collected::{each_observation, forgotten, write_observations},
    fetch::FetchUrl,
};

/// So often in a row an endpoint fails before it is told: one answer that is lost on the way is no news.
const FAILURES_TOLD: u32 = 2;
/// Users that are named in an alert.
const USERS_TOLD: usize = 5;
/// What is held so long at least gives time to mend it.
const ENOUGH_TIME: std::time::Duration = std::time::Duration::from_hours(24);

/// What is kept of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) purpose: EndpointPurpose,
    pub(super) url: String,
    used_by: Vec<String>,
    /// Whether anything hangs on it.
    #[serde(default)]
    pub(super) is_needed: bool,
    pub(super) last_success: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
    /// In a row.
    failures: u32,
    detail: String,
    at: Timestamp,
}

/// By key.
pub(super) type All = BTreeMap<String, Kept>;

impl Kept {
    /// What a look makes of what was kept before.
    pub(super) fn after(before: Option<&Self>, seen: &EndpointView, at: Timestamp) -> Self {
        let failing_since = before.and_then(|before| before.failing_since);
        Self {
            purpose: seen.purpose,
            url: seen.url.clone(),
            used_by: seen.used_by.clone(),
            is_needed: seen.is_needed,
            last_success: if seen.works {
                Some(at)
            } else {
                before.and_then(|before| before.last_success)
            },
            failing_since: (!seen.works).then(|| failing_since.unwrap_or(at)),
            failures: if seen.works {
                0
            } else {
                before.map_or(0, |before| before.failures).saturating_add(1)
            },
            detail: seen.detail.clone(),
            at,
        }
    }

    pub(super) fn host(&self) -> String {
        let url: Option<FetchUrl> = self.url.parse().ok();
        url.map_or_else(String::new, |url| url.endpoint())
    }

    /// What the operator is told, when it has failed for a while. `covered` is until when what is held answers.
    pub(super) fn alert(&self, covered: Option<Timestamp>, now: Timestamp) -> Option<Alert> {
        let is_told = self.is_needed && self.failures >= FAILURES_TOLD;
        let since = self.failing_since.filter(|_| is_told)?;
        let covered = covered.filter(|until| *until > now);
        let consequence = match (self.purpose, covered) {
            (EndpointPurpose::Issuer, _) | (EndpointPurpose::Unknown, _) => {
                "a chain that comes without its intermediate cannot be completed".to_owned()
            }
            (EndpointPurpose::Crl | EndpointPurpose::Ocsp, Some(until)) => {
                format!("what is held of it answers until {until}: until then mail flows")
            }
            (EndpointPurpose::Crl | EndpointPurpose::Ocsp, None) => {
                "nothing that is held answers: where revocation must be known and no other endpoint tells, mail waits"
                    .to_owned()
            }
        };
        let is_grave = match self.purpose {
            EndpointPurpose::Crl | EndpointPurpose::Ocsp => covered.is_none_or(|until| until < now.plus(ENOUGH_TIME)),
            EndpointPurpose::Issuer | EndpointPurpose::Unknown => false,
        };
        let users: Vec<&str> = self.used_by.iter().take(USERS_TOLD).map(String::as_str).collect();
        Some(Alert {
            kind: AlertKind::EndpointFails,
            subject: format!("{} {}", self.purpose, self.url),
            severity: if is_grave { Severity::Error } else { Severity::Warning },
            text: format!(
                "fails since {since} ({}), and {} uses it; {consequence}",
                self.detail,
                users.join(", ")
            ),
            remedy: format!(
                "let this machine reach {}, and look at `sekisho trust endpoints`, or tell its authority",
                self.host()
            ),
            until: covered,
        })
    }
}

/// Under which an endpoint is kept.
pub(super) fn key(purpose: EndpointPurpose, url: &str) -> String {
    sha256(format!("{purpose} {url}").as_bytes()).to_string()
}

/// What is kept. What cannot be read is found anew.
pub(super) async fn read(store: &dyn Store) -> Result<All, StoreError> {
    let mut all = All::new();
    let visit = |row: Observation| {
        let kept = serde_json::from_str(&row.body).ok();
        all.extend(kept.map(|kept| (row.key, kept)));
    };
    each_observation(store, (ObservationKind::Endpoint, ""), visit).await?;
    Ok(all)
}

/// Writes those with these keys, and forgets those that are not among all any more.
pub(super) async fn write(store: &dyn Store, all: &All, changed: &[String], gone: &[String]) -> Result<(), StoreError> {
    let kept = changed.iter().filter_map(|key| {
        let kept = all.get(key)?;
        Some(Observation {
            kind: ObservationKind::Endpoint,
            key: key.clone(),
            at: kept.at,
            body: serde_json::to_string(kept).unwrap_or_default(),
        })
    });
    let gone = gone.iter().map(|key| forgotten(ObservationKind::Endpoint, key.clone()));
    write_observations(store, kept.chain(gone).collect()).await
}
