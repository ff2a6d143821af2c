//! Is a certificate revoked? CRLs and OCSP answers, verified when they come in and asked when a verdict is wanted.
//!
//! All of this is computation on values. What must be fetched is said by [`Revocations::due`] and
//! [`crate::Verifier::revocation_needs`] and given back by [`Revocations::take`]; nothing here waits, fetches, or knows
//! the time. A CRL is verified once, when it comes, and held as an index of serial numbers. RFC 5280 §6.3, RFC 6960.

mod cache;
mod crl;
mod held;
mod need;
mod ocsp;
mod signed;
mod standing;
mod stapling;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sekisho_mail::Timestamp;

pub(crate) use self::standing::{PathStanding, stand};
use self::{
    crl::{Crl, Subject},
    held::{Failure, Found, Record, Records},
    need::Asked,
    ocsp::Answer,
};
pub use self::{
    crl::{CrlError, CrlSummary, MAX_CRL_LEN},
    held::{HeldRevocation, MAX_HELD, MAX_HELD_OCTETS},
    need::{RevocationKind, RevocationNeed},
    ocsp::{MAX_OCSP_LEN, OCSP_LIFE, OcspError, read_ocsp},
    signed::SignatureFault,
    stapling::{StapleAnswer, StapleObstacle, StapleQuestion},
};

/// By how much the clocks of those who issue CRLs and OCSP answers may be ahead of ours, and responders' behind.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// For how long a CRL that has expired answers nevertheless, while no newer one can be had, unless an operator says
/// otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 3600);
/// How long an address that failed is left alone, also when somebody waits for it.
pub const RETRY_AFTER: Duration = Duration::from_secs(60);
/// After how long what nobody asks for is dropped, and no longer fetched anew.
pub const UNUSED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// How much is said to be needed at once.
pub const MAX_NEEDS: usize = 32;
/// How many octets of the cause of a failure are kept.
const MAX_CAUSE_LEN: usize = 512;

/// Why what was fetched is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// A CRL.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// An OCSP answer.
    #[error(transparent)]
    Ocsp(#[from] OcspError),
}

/// Why an entry of the cache on disk is not taken; the file is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It is not one that [`RevocationNeed::cache_entry`] wrote.
    #[error("it is no entry of the revocation cache, or a damaged one")]
    NotAnEntry,
    /// What it holds is not good, or no longer.
    #[error(transparent)]
    Content(#[from] RevocationError),
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When it was issued.
    pub this_update: Timestamp,
    /// Until when it holds.
    pub next_update: Timestamp,
    /// How many certificates a CRL revokes; `None` of an OCSP answer.
    pub entries: Option<usize>,
}

/// All that is held, shared by everybody who asks.
pub struct Revocations {
    records: Mutex<Records>,
    generation: AtomicU64,
    grace_millis: AtomicU64,
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("generation", &self.generation())
            .field("grace", &self.grace())
            .finish_non_exhaustive()
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(DEFAULT_GRACE)
    }
}

impl Revocations {
    /// Nothing held yet; `grace` is for how long an expired CRL answers nevertheless.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        let revocations = Self {
            records: Mutex::default(),
            generation: AtomicU64::new(0),
            grace_millis: AtomicU64::new(0),
        };
        revocations.set_grace(grace);
        revocations
    }

    /// Another grace from now on.
    pub fn set_grace(&self, grace: Duration) {
        let millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.grace_millis.store(millis, Ordering::Relaxed);
        self.changed();
    }

    /// For how long an expired CRL answers nevertheless.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_millis.load(Ordering::Relaxed))
    }

    /// Another number whenever something is taken, fails, or counts otherwise than before.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Verifies what was fetched for `need` and holds it. A large CRL costs some tenths of a second on the calling
    /// thread. What is not taken counts as a failure of the address.
    ///
    /// # Errors
    /// [`RevocationError`], in words for an operator.
    pub fn take(&self, need: &RevocationNeed, octets: &[u8], now: Timestamp) -> Result<Taken, RevocationError> {
        let taken = self
            .verify(need, octets, now, now)
            .and_then(|found| self.hold(need, found, now));
        if let Err(error) = &taken {
            self.note_failure(need, &error.to_string(), now);
        }
        taken
    }

    /// Notes that what is needed could not be had, and why.
    pub fn note_failure(&self, need: &RevocationNeed, why: &str, now: Timestamp) {
        let end = why.floor_char_boundary(MAX_CAUSE_LEN.min(why.len()));
        self.records().change(need, |record| {
            let before = record.failure.as_ref().map_or(0, |failure| failure.count);
            record.failure = Some(Failure {
                at: now,
                why: why[..end].to_owned(),
                count: before.saturating_add(1),
            });
        });
        self.changed();
    }

    /// Somebody found that this address answers: what failed there is forgotten, and whoever waits for it asks at once.
    pub fn try_anew(&self, uri: &str) {
        if self.records().forget_failures(uri) {
            self.changed();
        }
    }

    /// Takes in again what [`RevocationNeed::cache_entry`] gave. It is verified anew; a CRL that has expired is taken
    /// as long as its grace runs.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(&self, entry: &[u8], now: Timestamp) -> Result<Taken, RestoreError> {
        let entry = cache::read(entry).ok_or(RestoreError::NotAnEntry)?;
        let not_before = now.minus(self.grace());
        let found = self.verify(&entry.need, entry.octets, now, not_before)?;
        Ok(self.hold(&entry.need, found, entry.fetched_at.min(now))?)
    }

    /// What is held and should be fetched anew before it ends; what nobody asked for in a long time is dropped. To be
    /// asked every few minutes.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<RevocationNeed> {
        self.records().due(now)
    }

    /// Everything that is held or could not be had, by address.
    #[must_use]
    pub fn held(&self) -> Vec<HeldRevocation> {
        self.records().list(self.grace())
    }

    /// How many entries had to go since the start, because there were too many or they took too much memory.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.records().evicted()
    }

    /// A CRL must hold at `not_before` or later.
    fn verify(
        &self,
        need: &RevocationNeed,
        octets: &[u8],
        now: Timestamp,
        not_before: Timestamp,
    ) -> Result<Found, RevocationError> {
        match &need.asked {
            Asked::Ocsp(serial) => Ok(Found::Ocsp(Answer::verified(octets, &need.issuer, *serial, now)?)),
            Asked::Crl { point, .. } => {
                let crl = Crl::verified(octets, &need.issuer, now)?;
                let for_users = crl.scope.check(point, Subject::User);
                crl.scope.check(point, Subject::Authority).or(for_users)?;
                if crl.next_update < not_before {
                    return Err(CrlError::Expired(crl.next_update).into());
                }
                Ok(Found::Crl(Arc::new(crl)))
            }
        }
    }

    /// Holds it unless what is held is newer and still answers.
    fn hold(&self, need: &RevocationNeed, found: Found, fetched_at: Timestamp) -> Result<Taken, RevocationError> {
        let taken = match &found {
            Found::Crl(crl) => Taken {
                this_update: crl.this_update,
                next_update: crl.next_update,
                entries: Some(crl.serials.len()),
            },
            Found::Ocsp(answer) => Taken {
                this_update: answer.this_update,
                next_update: answer.until,
                entries: None,
            },
        };
        let mut records = self.records();
        if let Some(Record { found: Some(held), .. }) = records.get(&need.key()) {
            self.refuse_older(held, &found, fetched_at)?;
        }
        records.change(need, |record| {
            record.need = need.clone();
            record.found = Some(found);
            record.fetched_at = Some(fetched_at);
            record.failure = None;
        });
        drop(records);
        self.changed();
        Ok(taken)
    }

    fn refuse_older(&self, held: &Found, found: &Found, now: Timestamp) -> Result<(), RevocationError> {
        match (held, found) {
            (Found::Crl(held), Found::Crl(found)) => {
                let still_answers = now <= held.answers_until(self.grace());
                let is_older = still_answers && found.is_older_than(held);
                (!is_older)
                    .then_some(())
                    .ok_or_else(|| CrlError::Older(held.this_update).into())
            }
            (Found::Ocsp(held), Found::Ocsp(found)) if held.holds_at(now) && found.this_update < held.this_update => {
                Err(OcspError::Older(held.this_update).into())
            }
            _ => Ok(()),
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}
