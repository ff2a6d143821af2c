//! When a certificate is ordered anew: at an instant within the window that its authority suggests (RFC 9773), else
//! when a third of its life is left; and how long after a failure it is tried again.
//!
//! Nothing here reads a clock. The instant is drawn from the certificate's own fingerprint: as good as chance among
//! certificates, and the same after every restart.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp as Instant;
use sekisho_mail::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    AcmeSettings,
    account::directory,
    fault::{AcmeFault, FaultKind, bounded, not_before},
    transport::Courier,
};
use crate::fetch::Fetcher;

/// How often an authority is asked whether its suggestion has changed: what it says, within these (RFC 9773 §4.3).
const HINT_DELAYS: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));
/// When it does not say.
const HINT_DELAY: Duration = Duration::from_secs(6 * 3600);
/// After the first failure, and never longer than.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(12 * 3600));
/// So many failures double the delay; then it is as long as it gets.
const DOUBLINGS_MAX: u32 = 12;

/// How an authority knows one of its certificates (RFC 9773 §4.1): both parts in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateId {
    pub(super) authority: String,
    pub(super) serial: String,
}

impl CertificateId {
    /// Of a certificate in DER; `None` when it does not name its authority's key.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (authority, serial) = sekisho_tls::certificate_id(der)?;
        Some(Self {
            authority: BASE64_URL_SAFE_NO_PAD.encode(authority),
            serial: BASE64_URL_SAFE_NO_PAD.encode(serial),
        })
    }
}

impl std::fmt::Display for CertificateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.authority, self.serial)
    }
}

/// What an authority suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalHint {
    /// Not before this.
    pub start: Timestamp,
    /// Not after this.
    pub end: Timestamp,
    /// Where it says why, as it came.
    pub explanation: Option<String>,
    /// When it is asked again.
    pub ask_again: Timestamp,
}

/// The life of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Valid from then on.
    pub not_before: Timestamp,
    /// And until then.
    pub not_after: Timestamp,
    /// Whose it is.
    pub fingerprint: Digest,
}

impl Life {
    pub(super) fn length(&self) -> Duration {
        self.not_after.since(self.not_before)
    }

    /// A place between 0 and 1 that is this certificate's own.
    fn place(&self) -> f64 {
        let octets = self.fingerprint.0;
        let number = u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]);
        f64::from(number) / f64::from(u32::MAX)
    }

    /// When a third is left, give or take a thirtieth of its life, so that certificates of one hour are not renewed in
    /// one hour.
    #[must_use]
    pub fn renewal_by_age(&self) -> Timestamp {
        let third = self.length() / 3;
        let spread = (self.length() / 30).mul_f64(self.place());
        self.not_after.minus(third + spread)
    }

    /// When it is ordered anew. A hint that leaves less than a tenth of its life is not waited for: nobody could mend
    /// in that time what goes wrong.
    #[must_use]
    pub fn renewal(&self, hint: Option<&RenewalHint>) -> Timestamp {
        let Some(hint) = hint.filter(|hint| hint.start <= hint.end) else {
            return self.renewal_by_age();
        };
        let window = hint.end.since(hint.start);
        let chosen = hint.start.plus(window.mul_f64(self.place()));
        chosen.min(self.not_after.minus(self.length() / 10))
    }

    /// How long after so many failures in a row it is tried again: 5 minutes, twice as long each time, at most 12
    /// hours, and never more than a thirtieth of its life.
    #[must_use]
    pub fn back_off(&self, failures: u32) -> Duration {
        let longest = (self.length() / 30).clamp(BACK_OFF.0, BACK_OFF.1);
        back_off(failures).min(longest)
    }
}

/// As [`Life::back_off`], where there is no certificate yet.
#[must_use]
pub fn back_off(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    (BACK_OFF.0 * 2u32.pow(doublings)).min(BACK_OFF.1)
}

/// RFC 9773 §4.2.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalInfo {
    suggested_window: SuggestedWindow,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SuggestedWindow {
    start: String,
    end: String,
}

/// Asks an authority when one of its certificates should be renewed; `None` when it does not say such things. Anybody
/// may ask: no account is made for it.
///
/// # Errors
/// When it does and the answer cannot be had or read. The renewal then goes by age.
pub async fn renewal_hint(
    settings: &AcmeSettings,
    fetcher: Fetcher,
    id: &CertificateId,
    now: Timestamp,
) -> Result<Option<RenewalHint>, AcmeFault> {
    let courier = Courier::new(fetcher, settings);
    let Some(base) = directory(&courier, settings).await?.renewal_info else {
        return Ok(None);
    };
    let url = format!("{}/{id}", base.trim_end_matches('/'));
    let fetched = courier.get(&url).await;
    let fetched = fetched.map_err(|why| AcmeFault::new(FaultKind::Unreachable, why))?;
    let malformed = |why: String| AcmeFault::new(FaultKind::Malformed, format!("renewal hint: {}", bounded(&why)));
    if fetched.status != 200 {
        return Err(malformed(format!("HTTP status {}", fetched.status)));
    }
    let retry_after = fetched.field("retry-after").and_then(|text| not_before(text, now));
    parse_hint(&fetched.body, retry_after, now).map(Some).map_err(malformed)
}

fn parse_hint(body: &[u8], retry_after: Option<Timestamp>, now: Timestamp) -> Result<RenewalHint, String> {
    let info: RenewalInfo = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let instant = |text: &str| {
        let parsed: Result<Instant, _> = text.parse();
        parsed
            .map(|at| Timestamp::from_millis(at.as_millisecond()))
            .map_err(|error| error.to_string())
    };
    let (start, end) = (
        instant(&info.suggested_window.start)?,
        instant(&info.suggested_window.end)?,
    );
    if start > end {
        return Err("the window ends before it begins".to_owned());
    }
    let delay = retry_after.map_or(HINT_DELAY, |at| at.since(now));
    Ok(RenewalHint {
        start,
        end,
        explanation: info.explanation_url.map(|url| bounded(&url)),
        ask_again: now.plus(delay.clamp(HINT_DELAYS.0, HINT_DELAYS.1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn life(days: u32, place: u8) -> Life {
        Life {
            not_before: NOW,
            not_after: NOW.plus(DAY * days),
            fingerprint: Digest([place; 32]),
        }
    }

    #[test]
    fn without_a_hint_a_third_of_every_life_is_left_or_a_little_more() {
        for days in [6, 47, 90, 398] {
            for place in [0, 77, 255] {
                let life = life(days, place);
                let left = life.not_after.since(life.renewal_by_age());
                assert!(left >= DAY * days / 3, "{days} days: {left:?}");
                assert!(left <= DAY * days / 3 + DAY * days / 30, "{days} days: {left:?}");
            }
        }
        assert_ne!(life(90, 0).renewal_by_age(), life(90, 255).renewal_by_age());
    }

    #[test]
    fn a_hint_is_followed_within_its_window_and_never_to_the_last_hour() {
        let hint = |start: u32, end: u32| RenewalHint {
            start: NOW.plus(DAY * start),
            end: NOW.plus(DAY * end),
            explanation: None,
            ask_again: NOW,
        };
        assert_eq!(life(90, 0).renewal(Some(&hint(50, 60))), NOW.plus(DAY * 50));
        assert_eq!(life(90, 255).renewal(Some(&hint(50, 60))), NOW.plus(DAY * 60));
        let between = life(90, 128).renewal(Some(&hint(50, 60)));
        assert!(between > NOW.plus(DAY * 50) && between < NOW.plus(DAY * 60));
        // A revocation is coming: the window is in the past.
        assert_eq!(life(90, 0).renewal(Some(&hint(0, 0))), NOW);
        assert_eq!(life(90, 0).renewal(Some(&hint(95, 99))), NOW.plus(DAY * 81));
    }

    #[test]
    fn failures_are_met_with_patience_that_ends() {
        let minutes = |failures| life(90, 0).back_off(failures).as_secs() / 60;
        assert_eq!([1, 2, 3, 4].map(minutes), [5, 10, 20, 40]);
        assert_eq!(minutes(100), 12 * 60);
        assert_eq!(minutes(u32::MAX), 12 * 60);
        // Of a life of six days a thirtieth is under five hours.
        assert_eq!(life(6, 0).back_off(100), DAY * 6 / 30);
        assert_eq!(back_off(0), Duration::from_secs(300));
    }

    #[test]
    fn hints_are_read_with_limits_on_when_they_are_asked_for_again() {
        let body = br#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"},
            "explanationURL":"https://ca.example/why"}"#;
        let read = |retry_after| parse_hint(body, retry_after, NOW).unwrap();
        let hint = read(Some(NOW.plus(Duration::from_secs(6 * 3600))));
        assert_eq!(hint.end.since(hint.start), DAY);
        assert_eq!(hint.explanation.as_deref(), Some("https://ca.example/why"));
        let again = |retry_after| read(retry_after).ask_again.since(NOW).as_secs();
        assert_eq!(again(Some(NOW.plus(Duration::from_secs(7200)))), 7200);
        assert_eq!(again(Some(NOW)), 3600);
        assert_eq!(again(Some(NOW.plus(DAY * 365))), 86_400);
        assert_eq!(again(None), 6 * 3600);
        let backwards = br#"{"suggestedWindow":{"start":"2025-01-03T04:00:00Z","end":"2025-01-02T04:00:00Z"}}"#;
        assert!(parse_hint(backwards, None, NOW).is_err());
        assert!(parse_hint(b"<html>", None, NOW).is_err());
        assert!(parse_hint(br#"{"suggestedWindow":{"start":"soon","end":"later"}}"#, None, NOW).is_err());
    }
}
