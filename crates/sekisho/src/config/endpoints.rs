//! `[trust]`, as far as it is about endpoints: from texts to [`EndpointSettings`].

use std::time::Duration;

use super::{checker::Checker, raw::Raw, trust::TrustSettings};
use crate::endpoints::EndpointSettings;

/// Other people's servers are not asked more often.
const EVERY_MIN: Duration = Duration::from_secs(600);

pub(super) fn build(raw: &Raw, trust: &TrustSettings, checker: &mut Checker<'_>) -> EndpointSettings {
    let key = "trust.check-endpoints";
    let text = raw.trust.check_endpoints.as_str();
    let every = (text != "never").then(|| checker.some_duration(key, text));
    if every.is_some_and(|every| !every.is_zero() && every < EVERY_MIN) {
        checker.fault(key, "this is too often", "write 10m or more, or never");
    }
    EndpointSettings {
        every,
        exceptions: trust.internal_endpoints.clone(),
    }
}
