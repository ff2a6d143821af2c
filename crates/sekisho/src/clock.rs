//! The one place where the wall clock is read; everything below gets a [`Timestamp`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_mail::Timestamp;

/// Now, by the machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
