//! One OCSP answer: asked for, read and verified. RFC 6960, RFC 5019.
//!
//! No nonce is sent: large authorities sign their answers ahead and leave it out, and what it would keep from being
//! replayed is told by thisUpdate and nextUpdate, and by never taking an answer older than the one that is held.

mod request;
mod responder;
mod response;

use std::time::Duration;

use sekisho_mail::Timestamp;

pub(super) use self::request::{CertId, request};
use self::{responder::check_responder, response::Response};
use super::{
    CLOCK_SKEW,
    crl::{Reason, Serial},
    signed::{Issuer, SignatureFault},
};
use crate::asn1::Malformed;

/// How many octets an OCSP answer may have, fetched or stapled: it holds one certificate's status, and some have the
/// responder's chain with them.
pub const MAX_OCSP_LEN: usize = 64 * 1024;
/// How long an answer holds that does not say until when, counted from its thisUpdate: such a responder always has
/// news (RFC 6960 §2.4).
pub const OCSP_LIFE: Duration = Duration::from_secs(3600);

/// Why an OCSP answer is not taken; each is to be read behind «OCSP http://…: ».
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// Longer than [`MAX_OCSP_LEN`].
    #[error("the answer is larger than {MAX_OCSP_LEN} octets")]
    TooLarge,
    /// No OCSP answer at all, or a broken one: what is malformed.
    #[error("it is no OCSP answer, or a broken one ({0})")]
    NotAnAnswer(&'static str),
    /// `malformedRequest`.
    #[error("the responder did not understand the request (malformedRequest)")]
    MalformedRequest,
    /// `internalError`.
    #[error("the responder has an internal error (internalError)")]
    InternalError,
    /// `tryLater`.
    #[error("the responder is busy and wants to be asked later (tryLater)")]
    TryLater,
    /// `sigRequired`.
    #[error("the responder answers signed requests only (sigRequired)")]
    SignatureRequired,
    /// `unauthorized`, which is also what is said of certificates of which it knows nothing.
    #[error("the responder does not answer for this certificate (unauthorized)")]
    Unauthorized,
    /// None of the statuses is about the certificate that was asked about.
    #[error("the answer is about another certificate")]
    OtherCertificate,
    /// It has a critical extension that is not known here.
    #[error("the answer has the critical extension {0}, which is not known")]
    CriticalExtension(String),
    /// Neither the issuer nor any certificate that came along is the responder that is named in it.
    #[error("the responder's certificate is not there")]
    NoResponder,
    /// The responder's certificate was issued by somebody else.
    #[error("the responder was not appointed by the certificate's issuer: {0}")]
    NotAppointed(&'static str),
    /// The responder's certificate is not valid now.
    #[error("the responder's certificate is valid only from {0} to {1}")]
    ResponderOutOfTime(Timestamp, Timestamp),
    /// Not signed by the responder's key.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// Issued in the future.
    #[error("the answer is from the future ({0}); is a clock wrong?")]
    FromTheFuture(Timestamp),
    /// Past its end.
    #[error("the answer expired at {0}")]
    Expired(Timestamp),
    /// Neither good nor revoked.
    #[error("the responder does not know the certificate")]
    UnknownCertificate,
    /// One that is newer is held.
    #[error("the answer is older than the one that is held, of {0}")]
    Older(Timestamp),
}

impl From<Malformed> for OcspError {
    fn from(malformed: Malformed) -> Self {
        Self::NotAnAnswer(malformed.0)
    }
}

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked { at: Timestamp, reason: Reason },
    Unknown,
}

/// An answer that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) this_update: Timestamp,
    /// From nextUpdate, or by [`OCSP_LIFE`].
    pub(super) until: Timestamp,
    pub(super) len: usize,
}

impl Answer {
    /// Reads and verifies the answer about the certificate that `issuer` gave this serial number.
    pub(super) fn verified(octets: &[u8], issuer: &Issuer, serial: Serial, now: Timestamp) -> Result<Self, OcspError> {
        if octets.len() > MAX_OCSP_LEN {
            return Err(OcspError::TooLarge);
        }
        let response = Response::read(octets)?;
        check_responder(&response, issuer, now)?;
        let single = response.about(issuer, serial)?;
        let answer = Self {
            status: single.status,
            this_update: single.this_update,
            until: single.next_update.unwrap_or_else(|| single.this_update.plus(OCSP_LIFE)),
            len: octets.len(),
        };
        if answer.this_update > now.plus(CLOCK_SKEW) {
            return Err(OcspError::FromTheFuture(answer.this_update));
        }
        if !answer.holds_at(now) {
            return Err(OcspError::Expired(answer.until));
        }
        Ok(answer)
    }

    /// Whether it holds then; no grace is given but for clocks that differ.
    pub(super) fn holds_at(&self, now: Timestamp) -> bool {
        self.begins() <= now && now <= self.ends()
    }

    /// The first moment at which it holds.
    pub(super) fn begins(&self) -> Timestamp {
        self.this_update.minus(CLOCK_SKEW)
    }

    /// The last moment at which it holds.
    pub(super) fn ends(&self) -> Timestamp {
        self.until.plus(CLOCK_SKEW)
    }
}

/// Reads an OCSP answer and verifies nothing: whether it can be read at all.
///
/// # Errors
/// [`OcspError`], as far as it can be told without issuer, certificate and time.
pub fn read_ocsp(octets: &[u8]) -> Result<(), OcspError> {
    if octets.len() > MAX_OCSP_LEN {
        return Err(OcspError::TooLarge);
    }
    Response::read(octets).map(drop)
}
