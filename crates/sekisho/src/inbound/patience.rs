//! How long a client is waited for (RFC 5321 §4.5.3.2): keeps the times, is told the present, owns no clock.
//!
//! A command has to be whole within its time. Content must not only come but come at some speed: an octet now and then
//! holds no place here for long.

use std::time::Duration;

use sekisho_smtp::server::{SessionTimeouts, Wait};
use tokio::time::Instant;

/// The times of one session.
#[derive(Debug)]
pub(super) struct Patience {
    timeouts: SessionTimeouts,
    /// The whole session's deadline.
    ends_at: Instant,
    /// Since when the machine waits for a command.
    waiting_since: Instant,
    /// While it waits for content.
    content: Option<Content>,
}

/// Content that comes.
#[derive(Debug)]
struct Content {
    since: Instant,
    octets: u64,
}

impl Patience {
    /// Of a session that begins.
    pub(super) fn new(timeouts: SessionTimeouts, now: Instant) -> Self {
        Self {
            ends_at: now + timeouts.session,
            timeouts,
            waiting_since: now,
            content: None,
        }
    }

    /// Something was done with what the client said, or said to it: its time begins anew.
    pub(super) const fn begin_anew(&mut self, now: Instant) {
        self.waiting_since = now;
    }

    /// So many octets came of what was waited for.
    pub(super) const fn note_octets(&mut self, octets: usize) {
        if let Some(content) = &mut self.content {
            content.octets += octets as u64;
        }
    }

    /// Until when more is waited for. Speed is measured while content is waited for, be it wanted or refused: neither
    /// what came before it nor the pause between two chunks is held against the client.
    /// Where places run out, a client that says nothing has less of it.
    pub(super) fn deadline(&mut self, wait: Wait, now: Instant, crowded: bool) -> Instant {
        let timeouts = &self.timeouts;
        let next = match wait {
            Wait::Content => {
                let content = self.content.get_or_insert(Content { since: now, octets: 0 });
                let earned = content.octets / u64::from(timeouts.content_octets_per_sec.max(1));
                let slowest = content.since + timeouts.content + Duration::from_secs(earned);
                slowest.min(now + timeouts.content)
            }
            Wait::Command | Wait::Handshake | Wait::Nothing => {
                self.content = None;
                let most = if crowded {
                    timeouts.command.min(timeouts.crowded)
                } else {
                    timeouts.command
                };
                self.waiting_since + most
            }
        };
        next.min(self.ends_at)
    }

    /// Whether the session has lasted too long, however busy it is.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(now: Instant) -> Patience {
        let timeouts = SessionTimeouts {
            command: Duration::from_mins(5),
            crowded: Duration::from_mins(1),
            content: Duration::from_mins(3),
            session: Duration::from_hours(2),
            content_octets_per_sec: 100,
            ..SessionTimeouts::default()
        };
        Patience::new(timeouts, now)
    }

    const fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn content_must_come_at_some_speed() {
        let begin = Instant::now();
        let mut patience = patience(begin);
        assert_eq!(patience.deadline(Wait::Content, begin, false), begin + minutes(3));
        patience.note_octets(6000);
        let later = begin + minutes(2);
        assert_eq!(
            patience.deadline(Wait::Content, later, false),
            begin + minutes(4),
            "one minute was earned"
        );
        patience.note_octets(60_000_000);
        assert_eq!(
            patience.deadline(Wait::Content, later, false),
            later + minutes(3),
            "nothing is earned for silence"
        );
    }

    #[test]
    fn neither_an_old_session_nor_a_pause_between_chunks_counts_against_content() {
        let begin = Instant::now();
        let mut patience = patience(begin);
        let first = begin + minutes(30);
        assert_eq!(
            patience.deadline(Wait::Content, first, false),
            first + minutes(3),
            "the first content, refused or not"
        );
        patience.begin_anew(first);
        assert_eq!(patience.deadline(Wait::Command, first, false), first + minutes(5));
        let second = first + minutes(4);
        assert_eq!(
            patience.deadline(Wait::Content, second, false),
            second + minutes(3),
            "the chunk behind a pause"
        );
    }

    #[test]
    fn who_says_nothing_leaves_the_place_to_others_where_places_run_out() {
        let begin = Instant::now();
        let mut patience = patience(begin);
        assert_eq!(patience.deadline(Wait::Command, begin, false), begin + minutes(5));
        assert_eq!(patience.deadline(Wait::Command, begin, true), begin + minutes(1));
        assert_eq!(
            patience.deadline(Wait::Content, begin, true),
            begin + minutes(3),
            "content comes"
        );
    }

    #[test]
    fn a_session_ends_however_busy_it_is() {
        let begin = Instant::now();
        let mut patience = patience(begin);
        let late = begin + minutes(119);
        patience.begin_anew(late);
        assert_eq!(patience.deadline(Wait::Command, late, false), begin + minutes(120));
        assert!(!patience.is_over(late) && patience.is_over(begin + minutes(120)));
    }
}
