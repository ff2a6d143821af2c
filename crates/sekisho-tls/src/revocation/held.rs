//! What was fetched and verified, and what could not be: bounded, and nothing of it is trusted for longer than it says.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sekisho_mail::{Digest, Timestamp};

use super::{
    RETRY_AFTER, UNUSED_FOR,
    crl::{Crl, in_digits},
    need::{Key, RevocationKind, RevocationNeed},
    ocsp::Answer,
};

/// How many CRLs and OCSP answers are held at most; beyond that the one goes that was looked at the longest ago.
pub const MAX_HELD: usize = 16_384;
/// How much memory the indexes of all CRLs may take together; beyond that likewise.
pub const MAX_HELD_OCTETS: usize = 128 * 1024 * 1024;
/// What is held is fetched anew this long after it was fetched, however long it would hold.
const MAX_REFRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a failure puts the next attempt off at most, where nobody waits for it.
const MAX_BACK_OFF: Duration = Duration::from_secs(3600);
/// What an entry takes beside a CRL's index.
const ENTRY_MEMORY: usize = 1024;

/// What was verified.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Crl(Arc<Crl>),
    Ocsp(Answer),
}

/// What is known of one address.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// How it is fetched again; the address of a stapled answer is empty, and it never is.
    pub(super) need: RevocationNeed,
    pub(super) found: Option<Found>,
    /// When that came.
    pub(super) fetched_at: Option<Timestamp>,
    pub(super) failure: Option<Failure>,
    /// When a path last led here; `None` for what was read from disk and not been asked for since.
    pub(super) used_at: Option<Timestamp>,
    /// Of a stapled answer, so that the same one is not verified again.
    pub(super) digest: Option<Digest>,
}

/// The last attempts that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) at: Timestamp,
    pub(super) why: String,
    /// How many since it last went well.
    pub(super) count: u32,
}

impl Failure {
    /// Whether it is too fresh for another attempt, although somebody waits for it.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.at.plus(RETRY_AFTER)
    }

    /// As [`Self::is_fresh`], where nobody waits.
    fn puts_off(&self, now: Timestamp) -> bool {
        let doublings = self.count.saturating_sub(1).min(6);
        let wait = RETRY_AFTER.saturating_mul(1 << doublings).min(MAX_BACK_OFF);
        self.at <= now && now < self.at.plus(wait)
    }
}

impl Record {
    pub(super) const fn of(need: RevocationNeed) -> Self {
        Self {
            need,
            found: None,
            fetched_at: None,
            failure: None,
            used_at: None,
            digest: None,
        }
    }

    fn memory(&self) -> usize {
        let index = match &self.found {
            Some(Found::Crl(crl)) => crl.serials.memory(),
            Some(Found::Ocsp(_)) | None => 0,
        };
        index + ENTRY_MEMORY
    }

    /// thisUpdate and nextUpdate of what is held.
    fn dates(&self) -> Option<(Timestamp, Timestamp)> {
        self.found.as_ref().map(|found| match found {
            Found::Crl(crl) => (crl.this_update, crl.next_update),
            Found::Ocsp(answer) => (answer.this_update, answer.until),
        })
    }

    fn is_unused(&self, now: Timestamp) -> bool {
        let touched = [
            self.used_at,
            self.fetched_at,
            self.failure.as_ref().map(|failure| failure.at),
        ];
        let last = touched.into_iter().flatten().max();
        last.is_none_or(|last| last.plus(UNUSED_FOR) <= now)
    }

    /// Whether it is time to fetch it anew, before it ends.
    fn is_due(&self, now: Timestamp) -> bool {
        let (Some(fetched_at), Some((_, ends)), Some(_)) = (self.fetched_at, self.dates(), self.used_at) else {
            return false;
        };
        let half = ends.since(fetched_at) / 2;
        let is_fetched = !self.need.uri.is_empty();
        let is_put_off = self.failure.as_ref().is_some_and(|failure| failure.puts_off(now));
        // No sooner than what failed is tried again, however near the end is.
        let wait = half.clamp(RETRY_AFTER, MAX_REFRESH);
        is_fetched && !is_put_off && fetched_at.plus(wait) <= now
    }
}

/// All records.
#[derive(Debug, Default)]
pub(super) struct Records {
    all: BTreeMap<Key, Record>,
    memory: usize,
    evicted: u64,
}

impl Records {
    pub(super) fn get(&self, key: &Key) -> Option<&Record> {
        self.all.get(key)
    }

    /// The record, which a path leads to now.
    pub(super) fn look_at(&mut self, key: &Key, now: Timestamp) -> Option<&Record> {
        let record = self.all.get_mut(key)?;
        record.used_at = Some(now);
        Some(record)
    }

    /// Changes the record for `need`, or a new one.
    pub(super) fn change(&mut self, need: &RevocationNeed, change: impl FnOnce(&mut Record)) {
        let key = need.key();
        let record = self.all.entry(key.clone()).or_insert_with(|| {
            self.memory += ENTRY_MEMORY;
            Record::of(need.clone())
        });
        let before = record.memory();
        change(record);
        self.memory = self.memory + record.memory() - before;
        while self.all.len() > MAX_HELD || self.memory > MAX_HELD_OCTETS {
            let others = self.all.iter().filter(|(other, _)| **other != key);
            let Some(oldest) = others
                .min_by_key(|(_, record)| record.used_at)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            self.remove(&oldest);
            self.evicted += 1;
        }
    }

    /// Whether there were any.
    pub(super) fn forget_failures(&mut self, uri: &str) -> bool {
        let mut any = false;
        for record in self.all.values_mut().filter(|record| *record.need.uri == *uri) {
            any |= record.failure.take().is_some();
        }
        any
    }

    fn remove(&mut self, key: &Key) {
        if let Some(record) = self.all.remove(key) {
            self.memory -= record.memory();
        }
    }

    /// Drops what nobody asked for in a long time, and says what is to be fetched anew.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<RevocationNeed> {
        let unused = self.all.iter().filter(|(_, record)| record.is_unused(now));
        for key in unused.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.remove(&key);
        }
        let due = self.all.values().filter(|record| record.is_due(now));
        due.map(|record| record.need.clone()).collect()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn list(&self, grace: Duration) -> Vec<HeldRevocation> {
        let mut list: Vec<_> = self.all.values().map(|record| listed(record, grace)).collect();
        list.sort_by(|one, other| {
            (&one.uri, &one.issuer, &one.serial).cmp(&(&other.uri, &other.issuer, &other.serial))
        });
        list
    }
}

/// What is known of one address, for an operator. Its texts are strangers': escape them when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRevocation {
    /// What it is.
    pub kind: RevocationKind,
    /// Where it is from; empty for an OCSP answer that a peer stapled.
    pub uri: String,
    /// Whose word it is, RFC 4514 style.
    pub issuer: String,
    /// The serial number of the certificate that an OCSP answer is about, in hexadecimal digits.
    pub serial: Option<String>,
    /// The CRL's number, in hexadecimal digits, when it has one.
    pub number: Option<String>,
    /// When what is held was issued; `None` when nothing is.
    pub this_update: Option<Timestamp>,
    /// Until when it holds.
    pub next_update: Option<Timestamp>,
    /// Until when a CRL answers although it has expired.
    pub grace_end: Option<Timestamp>,
    /// How many certificates a CRL revokes.
    pub entries: Option<usize>,
    /// How long it was when it came, in octets.
    pub len: Option<usize>,
    /// How much memory it takes, in octets.
    pub memory: usize,
    /// When it came.
    pub fetched_at: Option<Timestamp>,
    /// When a path last led to it.
    pub used_at: Option<Timestamp>,
    /// When it could last not be had, and why; forgotten when it could.
    pub failure: Option<(Timestamp, String)>,
}

fn listed(record: &Record, grace: Duration) -> HeldRevocation {
    let dates = record.dates();
    let crl = match &record.found {
        Some(Found::Crl(crl)) => Some(crl),
        Some(Found::Ocsp(_)) | None => None,
    };
    HeldRevocation {
        kind: record.need.kind(),
        uri: record.need.uri.to_string(),
        issuer: record.need.issuer(),
        serial: record.need.key().serial.map(|serial| in_digits(&serial)),
        number: crl.and_then(|crl| crl.number).map(|number| in_digits(&number)),
        this_update: dates.map(|(this_update, _)| this_update),
        next_update: dates.map(|(_, next_update)| next_update),
        grace_end: crl.map(|crl| crl.answers_until(grace)),
        entries: crl.map(|crl| crl.serials.len()),
        len: record.found.as_ref().map(|found| match found {
            Found::Crl(crl) => crl.len,
            Found::Ocsp(answer) => answer.len,
        }),
        memory: record.memory(),
        fetched_at: record.fetched_at,
        used_at: record.used_at,
        failure: record.failure.as_ref().map(|failure| (failure.at, failure.why.clone())),
    }
}
