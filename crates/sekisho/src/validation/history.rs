//! What the store keeps of validations: the last ones of each connector, and of each connector one line that says how
//! the newest came out. Both are observations, which replace what has the same key: so the history of a connector is a
//! ring, and never longer than its places.

use std::collections::HashMap;

use sekisho_api::{
    FaultView, LastValidation, StepResult, VALIDATIONS_KEPT, ValidatedHost, ValidatedRecipient, Validation,
};
use sekisho_mail::{OrganizationName, Timestamp};
use sekisho_policy::directory::ConnectorKey;
use sekisho_store::{Observation, ObservationKind, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::collected::each_observation;

/// Octets of one of them as it is kept; the store takes no more than 64 KiB.
const KEPT_OCTETS: usize = 60 * 1024;
/// Octets of a detail in one that would be longer.
const DETAIL_LEN: usize = 200;
/// Begins the keys of what is last; no organization's name has a colon in it.
const LAST: &str = "last:";

/// The newest validation of each connector.
pub(super) type Lasts = HashMap<ConnectorKey, Last>;

/// How the newest validation of a connector came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) organization: String,
    pub(super) connector: String,
    pub(super) at: Timestamp,
    pub(super) passed: bool,
    /// When it came out so first, and never otherwise since.
    pub(super) since: Timestamp,
    /// What failed first.
    pub(super) why: Option<String>,
    /// What the connector was.
    digest: String,
    /// Its place in the ring.
    place: u32,
}

impl Last {
    /// What a validation makes of the one before.
    pub(super) fn after(before: Option<&Self>, key: &ConnectorKey, validation: &Validation) -> Self {
        let same = before.filter(|before| before.passed == validation.passed);
        Self {
            organization: key.organization.to_string(),
            connector: key.name.to_string(),
            at: validation.at,
            passed: validation.passed,
            since: same.map_or(validation.at, |before| before.since),
            why: (!validation.passed).then(|| first_failure(validation)),
            digest: validation.digest.clone(),
            place: before.map_or(0, |before| (before.place + 1) % VALIDATIONS_KEPT),
        }
    }

    /// With whether the connector, which is this now, has changed.
    pub(super) fn view(self, digest: &str) -> LastValidation {
        LastValidation {
            changed_since: self.digest != digest,
            organization: self.organization,
            connector: self.connector,
            at: self.at,
            passed: self.passed,
            since: self.since,
            why: self.why,
        }
    }

    pub(super) fn warning(&self, key: &ConnectorKey) -> FaultView {
        FaultView {
            place: format!("outbound connector {key}"),
            reason: format!(
                "its validations fail since {}: {}",
                self.since,
                self.why.as_deref().unwrap_or_default()
            ),
            remedy: format!(
                "look at `sekisho connector validations {} --organization {}`",
                key.name, key.organization
            ),
            ..FaultView::default()
        }
    }
}

/// Host and step with what was said of it.
fn first_failure(validation: &Validation) -> String {
    let failed = |recipient: &&ValidatedRecipient| !recipient.passed;
    let Some(recipient) = validation.recipients.iter().find(failed) else {
        return "there was nobody to try".to_owned();
    };
    if let Some(why) = &recipient.unroutable {
        return format!("{}: {why}", recipient.recipient);
    }
    let Some(host) = recipient.hosts.iter().find(|host| !host.passed) else {
        return format!("{}: there is no host", recipient.recipient);
    };
    let step = host.steps.iter().rev().find(|step| step.result == StepResult::Failed);
    let words = step.map_or_else(String::new, |step| format!("{}: {}", step.step.title(), step.detail));
    shortened(&format!("{}: {words}", host.host))
}

/// A validation and what it makes of the last one, for the store.
pub(super) fn observations(key: &ConnectorKey, validation: &Validation, last: &Last) -> Vec<Observation> {
    let of = |key: String, body: String| Observation {
        kind: ObservationKind::Validation,
        key,
        at: validation.at,
        body,
    };
    let line = serde_json::to_string(last).unwrap_or_default();
    vec![
        of(format!("{key}/{:02}", last.place), kept(validation)),
        of(format!("{LAST}{key}"), line),
    ]
}

/// Without what peers said at length; what is still too long is shortened further.
fn kept(validation: &Validation) -> String {
    let mut kept = validation.clone();
    let hosts = kept.recipients.iter_mut().flat_map(|recipient| &mut recipient.hosts);
    hosts.for_each(|host| (host.channel, host.conversation) = (None, Vec::new()));
    let written = |validation: &Validation| serde_json::to_string(validation).unwrap_or_default();
    let whole = written(&kept);
    if whole.len() <= KEPT_OCTETS {
        return whole;
    }
    let steps = |host: &mut ValidatedHost| {
        for step in &mut host.steps {
            step.findings.clear();
            step.detail = shortened(&step.detail);
        }
    };
    let hosts = kept.recipients.iter_mut().flat_map(|recipient| &mut recipient.hosts);
    hosts.for_each(steps);
    let short = written(&kept);
    if short.len() <= KEPT_OCTETS {
        return short;
    }
    kept.recipients.iter_mut().for_each(|recipient| {
        recipient.required.clear();
        recipient.hosts.clear();
    });
    written(&kept)
}

fn shortened(text: &str) -> String {
    if text.len() <= DETAIL_LEN {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(DETAIL_LEN);
    format!("{}…", &text[..end])
}

/// Those of one connector, newest first.
pub(super) async fn read(store: &dyn Store, key: &ConnectorKey) -> Result<Vec<Validation>, StoreError> {
    let prefix = format!("{key}/");
    let mut found: Vec<Validation> = Vec::new();
    for row in rows(store, &prefix).await? {
        // Another connector's name may begin as this one's does.
        let is_place = |rest: &str| rest.len() == 2 && rest.bytes().all(|octet| octet.is_ascii_digit());
        if row.key.strip_prefix(&prefix).is_some_and(is_place) {
            found.extend(serde_json::from_str::<Validation>(&row.body).ok());
        }
    }
    found.sort_by_key(|validation| std::cmp::Reverse(validation.at));
    Ok(found)
}

/// The newest of all connectors. One that cannot be read counts as none.
pub(super) async fn read_lasts(store: &dyn Store) -> Result<Lasts, StoreError> {
    let mut lasts = Lasts::new();
    for row in rows(store, LAST).await? {
        let Ok(last) = serde_json::from_str::<Last>(&row.body) else {
            continue;
        };
        if let Ok(organization) = last.organization.parse::<OrganizationName>() {
            let name = last.connector.as_str().into();
            lasts.insert(ConnectorKey { organization, name }, last);
        }
    }
    Ok(lasts)
}

async fn rows(store: &dyn Store, prefix: &str) -> Result<Vec<Observation>, StoreError> {
    let mut all: Vec<Observation> = Vec::new();
    each_observation(store, (ObservationKind::Validation, prefix), |row| all.push(row)).await?;
    Ok(all)
}
