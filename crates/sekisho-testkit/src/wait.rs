//! Waiting for what other processes do: never for a fixed time, always for a fact, with a limit that only a failure
//! reaches.

use std::{
    fmt::Display,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Far beyond what anything here takes, so that it is reached by failures alone.
pub const LIMIT: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is an answer.
///
/// # Panics
/// When there is none within [`LIMIT`].
pub fn until<T>(what: impl Display, look: impl FnMut() -> Option<T>) -> T {
    until_or(what, look, String::new)
}

/// As [`until`], and a failure shows `more`: a server's log.
///
/// # Panics
/// When there is no answer within [`LIMIT`].
pub fn until_or<T>(what: impl Display, look: impl FnMut() -> Option<T>, more: impl Fn() -> String) -> T {
    until_within(LIMIT, what, look, more)
}

/// As [`until_or`] with a limit of one's own.
///
/// # Panics
/// When there is no answer within `limit`.
pub fn until_within<T>(
    limit: Duration,
    what: impl Display,
    mut look: impl FnMut() -> Option<T>,
    more: impl Fn() -> String,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < limit,
            "waited {limit:?} in vain for {what}\n{}",
            more()
        );
        std::thread::sleep(PAUSE);
    }
}

/// Waits until something listens at `address`.
///
/// # Panics
/// When nothing does within [`LIMIT`].
pub fn until_listening(address: SocketAddr) {
    until(format_args!("a listener at {address}"), || {
        TcpStream::connect(address).ok()
    });
}
