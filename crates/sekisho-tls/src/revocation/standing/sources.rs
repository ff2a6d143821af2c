//! What one CRL or one OCSP answer that is held says of a certificate, and for how long it will.

use std::time::Duration;

use sekisho_mail::Timestamp;

use crate::revocation::{
    CLOCK_SKEW, RETRY_AFTER,
    crl::{Crl, Reason, Serial, Subject},
    held::{Found, Record, Records},
    need::Key,
    ocsp::{Answer, Status},
};

/// The smallest step of time: what holds up to and including a moment is another from here on.
const NEXT_MOMENT: Duration = Duration::from_millis(1);

/// What somebody says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Not revoked, by these.
    Good {
        sources: Vec<String>,
        /// Whether one of them has expired.
        in_grace: bool,
    },
    /// When, why, and who says so.
    Revoked(String),
    /// Nothing is known.
    Unknown {
        why: String,
        /// As [`Self::Revoked`], when something that has ended said that.
        once_revoked: Option<String>,
    },
}

impl Word {
    pub(super) const fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. })
    }

    fn unknown(why: String) -> Self {
        Self::Unknown {
            why,
            once_revoked: None,
        }
    }

    /// What all addresses of one distribution point come to: they are one for the other.
    pub(super) fn any_of(words: Vec<Self>) -> Self {
        let rank = |word: &Self| match word {
            Self::Revoked(_) => 0,
            Self::Good { in_grace: false, .. } => 1,
            Self::Good { in_grace: true, .. } => 2,
            Self::Unknown { .. } => 3,
        };
        let join = |one: Self, other: Self| match (one, other) {
            (
                Self::Unknown { why, once_revoked },
                Self::Unknown {
                    why: more,
                    once_revoked: or,
                },
            ) => Self::Unknown {
                why: format!("{why}; {more}"),
                once_revoked: once_revoked.or(or),
            },
            (one, other) if rank(&other) < rank(&one) => other,
            (one, _) => one,
        };
        let joined = words.into_iter().reduce(join);
        joined.unwrap_or_else(|| Self::unknown("its distribution point has no address".to_owned()))
    }

    /// What all distribution points come to, when each of them says that it is not revoked.
    pub(super) fn all_of(words: &[Self]) -> Option<Self> {
        let (mut all, mut any_in_grace) = (Vec::new(), false);
        for word in words {
            let Self::Good { sources, in_grace } = word else {
                return None;
            };
            all.extend_from_slice(sources);
            any_in_grace |= in_grace;
        }
        (!all.is_empty()).then_some(Self::Good {
            sources: all,
            in_grace: any_in_grace,
        })
    }
}

/// What is held, and when it is asked; it learns for how long what it says stays as it is.
#[derive(Debug)]
pub(super) struct Consulted<'a> {
    pub(super) records: &'a mut Records,
    pub(super) now: Timestamp,
    pub(super) grace: Duration,
    pub(super) since: &'a mut Timestamp,
    pub(super) until: &'a mut Timestamp,
}

impl Consulted<'_> {
    /// What the CRL from this address says.
    pub(super) fn crl(&mut self, key: &Key, point: &[String], kind: Subject, serial: Serial) -> Word {
        let what = format!("the CRL {}", key.uri);
        let Some(record) = self.records.look_at(key, self.now).cloned() else {
            return Word::unknown(format!("{what} is not held yet"));
        };
        let Some(Found::Crl(crl)) = &record.found else {
            return Word::unknown(with_failure(format!("{what} could not be had"), &record));
        };
        if let Err(error) = crl.scope.check(point, kind) {
            return Word::unknown(format!("{what} does not speak for it: {error}"));
        }
        let (begins, ends) = (crl.this_update.minus(CLOCK_SKEW), crl.answers_until(self.grace));
        for edge in [begins, crl.next_update.plus(NEXT_MOMENT), ends.plus(NEXT_MOMENT)] {
            self.edge(edge);
        }
        let revoked = crl
            .serials
            .find(serial)
            .map(|entry| revoked(entry.at, entry.reason, &what));
        if self.now < begins || ends < self.now {
            return Word::Unknown {
                why: with_failure(self.ended(&what, crl), &record),
                once_revoked: revoked,
            };
        }
        match revoked {
            Some(revoked) => Word::Revoked(revoked),
            None => self.good(key, crl),
        }
    }

    fn good(&self, key: &Key, crl: &Crl) -> Word {
        let (this_update, next_update) = (crl.this_update, crl.next_update);
        let in_grace = next_update < self.now;
        let how_long = if in_grace {
            let grace_end = crl.answers_until(self.grace);
            format!("expired at {next_update}, within the grace until {grace_end}")
        } else {
            format!("valid until {next_update}")
        };
        Word::Good {
            sources: vec![format!("CRL {} of {this_update}, {how_long}", key.uri)],
            in_grace,
        }
    }

    fn ended(&self, what: &str, crl: &Crl) -> String {
        if self.now < crl.this_update {
            return format!("{what} is from the future ({}); is a clock wrong?", crl.this_update);
        }
        let grace_end = crl.answers_until(self.grace);
        format!(
            "{what} expired at {}, and its grace ended at {grace_end}",
            crl.next_update
        )
    }

    /// What the OCSP answer from this address says, the empty one being that of a stapled answer; `None` when nothing
    /// is known of it.
    pub(super) fn ocsp(&mut self, key: &Key) -> Option<Word> {
        let what = match &*key.uri {
            "" => "the stapled OCSP answer".to_owned(),
            uri => format!("the OCSP responder {uri}"),
        };
        let record = self.records.look_at(key, self.now).cloned()?;
        let Some(Found::Ocsp(answer)) = &record.found else {
            return Some(Word::unknown(with_failure(
                format!("{what} could not be asked"),
                &record,
            )));
        };
        self.edge(answer.begins());
        self.edge(answer.ends().plus(NEXT_MOMENT));
        let holds = answer.holds_at(self.now);
        Some(match answer.status {
            Status::Revoked { at, reason } if holds => Word::Revoked(revoked(at, reason, &what)),
            Status::Good if holds => Word::Good {
                sources: vec![ocsp_source(key, answer)],
                in_grace: false,
            },
            Status::Unknown if holds => Word::unknown(format!("{what} says that it does not know it")),
            status => Word::Unknown {
                why: with_failure(format!("what {what} said ended at {}", answer.until), &record),
                once_revoked: match status {
                    Status::Revoked { at, reason } => Some(revoked(at, reason, &what)),
                    Status::Good | Status::Unknown => None,
                },
            },
        })
    }

    /// Whether it makes sense to fetch from this address now, because it did not fail just before, and what is held of
    /// it has ended.
    pub(super) fn may_be_fetched(&self, key: &Key) -> bool {
        let Some(record) = self.records.get(key) else {
            return true;
        };
        if record
            .failure
            .as_ref()
            .is_some_and(|failure| failure.is_fresh(self.now))
        {
            return false;
        }
        match &record.found {
            None => true,
            Some(Found::Crl(crl)) => crl.next_update < self.now,
            // A responder that does not know a certificate may learn of it.
            Some(Found::Ocsp(_)) => record.fetched_at.is_none_or(|at| at.plus(RETRY_AFTER) <= self.now),
        }
    }

    /// At `at` something that is held begins or ceases to answer.
    fn edge(&mut self, at: Timestamp) {
        if at <= self.now {
            *self.since = at.max(*self.since);
        } else {
            *self.until = at.min(*self.until);
        }
    }
}

fn revoked(at: Timestamp, reason: Reason, what: &str) -> String {
    format!("on {at}, {}, says {what}", reason.words())
}

fn ocsp_source(key: &Key, answer: &Answer) -> String {
    let (this_update, until) = (answer.this_update, answer.until);
    match &*key.uri {
        "" => format!("stapled OCSP answer of {this_update}, valid until {until}"),
        uri => format!("OCSP {uri} of {this_update}, valid until {until}"),
    }
}

fn with_failure(words: String, record: &Record) -> String {
    match &record.failure {
        Some(failure) => format!("{words}: {} (tried at {})", failure.why, failure.at),
        None => words,
    }
}
