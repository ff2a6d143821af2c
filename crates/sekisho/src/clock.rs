//! The one place where the wall clock is read; everything below gets a [`Timestamp`]. And how header fields write one.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp as Instant, fmt::rfc2822::DateTimePrinter, tz::TimeZone};
use sekisho_mail::Timestamp;

/// Now, by the machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    #[cfg(test)]
    if let Some(now) = simulated_now() {
        return now;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Now, and never earlier than was said here before: by it ends what must not begin anew when the clock is set back.
#[must_use]
pub fn never_back() -> Timestamp {
    static LATEST: AtomicI64 = AtomicI64::new(i64::MIN);
    let now = now().as_millis();
    Timestamp::from_millis(LATEST.fetch_max(now, Ordering::Relaxed).max(now))
}

/// The instant at which every simulation begins.
#[cfg(test)]
pub(crate) const SIMULATION_BEGINS: Timestamp = Timestamp::from_secs(1_795_000_000);

/// Inside a simulation its time is everybody's.
#[cfg(test)]
fn simulated_now() -> Option<Timestamp> {
    turmoil::sim_elapsed().map(|elapsed| SIMULATION_BEGINS.plus(elapsed))
}

/// A date as header fields have it, in UTC: `Sun, 9 Sep 2001 01:46:40 +0000` (RFC 5322 §3.3).
#[must_use]
pub fn header_date(at: Timestamp) -> String {
    let instant = Instant::from_millisecond(at.as_millis()).unwrap_or_default();
    let printed = DateTimePrinter::new().zoned_datetime_to_string(&instant.to_zoned_datetime(TimeZone::UTC));
    // Only years before 0 or after 9999 cannot be printed.
    printed.unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned())
}
