//! Maildir.
use std::time::Duration;
/// How long a file may stand in `tmp` before it counts as left behind (the Maildir convention: 36 hours).
pub const TMP_LIFETIME: Duration = Duration::from_secs(36 * 60 * 60);
