//! One CRL: read, verified, and held as an index of serial numbers. RFC 5280 §5 and §6.3.
//!
//! What is signed is read no further than to its issuer before the signature is verified. A base CRL is used and its
//! pointer to a delta ignored; delta and indirect CRLs are refused in words.

mod scope;
mod serials;

use std::time::Duration;

use sekisho_mail::{Timestamp, hexadecimal};
use x509_parser::{
    oid_registry::Oid,
    prelude::{FromDer as _, X509Name},
};

pub(super) use self::serials::{Reason, Revoked, Serials};
pub(crate) use self::{
    scope::{Scope, Subject},
    serials::Serial,
};
use super::{
    CLOCK_SKEW,
    signed::{Issuer, SignatureFault, Signed},
};
use crate::{
    asn1::{ENUMERATED, Elements, Extension, INTEGER, Malformed, SEQUENCE, constructed, extensions, whole},
    chain::bounded,
};

/// How many octets a CRL may have: some 400,000 entries.
pub const MAX_CRL_LEN: usize = 16 * 1024 * 1024;

/// Why a CRL is not taken; each is to be read behind «the CRL http://…: ».
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Longer than [`MAX_CRL_LEN`].
    #[error("it is larger than {MAX_CRL_LEN} octets")]
    TooLarge,
    /// In PEM instead of DER (RFC 5280 §4.2.1.13).
    #[error("it is in PEM; a distribution point gives CRLs in DER")]
    Pem,
    /// No CRL at all, or a broken one: what is malformed.
    #[error("it is no CRL, or a broken one ({0})")]
    NotACrl(&'static str),
    /// Somebody else's: whose it is, and whose was asked for.
    #[error("it is the CRL of \"{found}\", not of \"{expected}\"")]
    OtherIssuer {
        /// Whose it is.
        found: String,
        /// Whose was asked for.
        expected: String,
    },
    /// Not signed by the issuer's key.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// The issuer's certificate has key usages, and `cRLSign` is not among them.
    #[error("the certificate of its issuer does not allow it to sign CRLs (no cRLSign among its key usages)")]
    MayNotSign,
    /// A delta CRL, which is nothing without its base.
    #[error("it is a delta CRL, which only tells what changed since another")]
    Delta,
    /// It revokes certificates of other issuers.
    #[error("it is an indirect CRL, which speaks for other issuers; such are not supported")]
    Indirect,
    /// It does not speak for the certificates that it was fetched for.
    #[error("{0}")]
    Scope(String),
    /// It has a critical extension that is not known here.
    #[error("it has the critical extension {0}, which is not known")]
    CriticalExtension(String),
    /// Issued in the future.
    #[error("it is from the future ({0}); is a clock wrong?")]
    FromTheFuture(Timestamp),
    /// Past its end.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// It does not say until when it holds (RFC 5280 §5.1.2.5 demands it).
    #[error("it does not say until when it is valid (nextUpdate)")]
    NoNextUpdate,
    /// One that is newer is held.
    #[error("it is older than the one that is held, of {0}")]
    Older(Timestamp),
}

impl From<Malformed> for CrlError {
    fn from(malformed: Malformed) -> Self {
        Self::NotACrl(malformed.0)
    }
}

/// A CRL that was verified.
#[derive(Debug)]
pub(super) struct Crl {
    pub(super) scope: Scope,
    pub(super) number: Option<Serial>,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    pub(super) serials: Serials,
    /// How long it was, in octets.
    pub(super) len: usize,
}

impl Crl {
    /// Reads and verifies one that `issuer` should have signed. Whether it is still valid is another question.
    pub(super) fn verified(octets: &[u8], issuer: &Issuer, now: Timestamp) -> Result<Self, CrlError> {
        if !issuer.may_sign_crls {
            return Err(CrlError::MayNotSign);
        }
        let opened = Opened::open(octets)?;
        if opened.issuer != &*issuer.name {
            return Err(CrlError::OtherIssuer {
                found: opened.issuer_words(),
                expected: issuer.words(),
            });
        }
        opened.signed.verify(&issuer.spki)?;
        let crl = opened.read()?;
        if crl.this_update > now.plus(CLOCK_SKEW) {
            return Err(CrlError::FromTheFuture(crl.this_update));
        }
        Ok(crl)
    }

    /// Until when it answers, `grace` included.
    pub(super) fn answers_until(&self, grace: Duration) -> Timestamp {
        self.next_update.plus(grace)
    }

    /// Whether it was issued before `other`.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let has_lower_number = match (self.number, other.number) {
            (Some(own), Some(others)) => own < others,
            _ => false,
        };
        has_lower_number || self.this_update < other.this_update
    }
}

/// What a CRL says of itself; nothing of it is verified. For an operator who wants to know what an address serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlSummary {
    /// Who issued it, RFC 4514 style. The text is a stranger's: escape it when shown.
    pub issuer: String,
    /// When.
    pub this_update: Timestamp,
    /// Until when it holds.
    pub next_update: Timestamp,
    /// Its number in hexadecimal digits, when it has one.
    pub number: Option<String>,
    /// How many certificates it revokes.
    pub entries: usize,
}

impl CrlSummary {
    /// Reads it off a CRL in DER.
    ///
    /// # Errors
    /// [`CrlError`], as far as it can be told without its issuer and the time.
    pub fn read(octets: &[u8]) -> Result<Self, CrlError> {
        let opened = Opened::open(octets)?;
        let crl = opened.read()?;
        Ok(Self {
            issuer: opened.issuer_words(),
            this_update: crl.this_update,
            next_update: crl.next_update,
            number: crl.number.map(|number| in_digits(&number)),
            entries: crl.serials.len(),
        })
    }
}

/// A number as hexadecimal digits.
pub(super) fn in_digits(number: &Serial) -> String {
    let shortest = number.shortest();
    let digits = if shortest.len() > 1 && shortest[0] == 0 {
        &shortest[1..]
    } else {
        shortest
    };
    hexadecimal::encode(digits)
}

/// A CRL of which no more than who issued it has been read.
struct Opened<'a> {
    signed: Signed<'a>,
    is_version_2: bool,
    /// A Name in DER.
    issuer: &'a [u8],
    /// What stands behind the issuer.
    rest: Elements<'a>,
    len: usize,
}

impl<'a> Opened<'a> {
    fn open(octets: &'a [u8]) -> Result<Self, CrlError> {
        if octets.len() > MAX_CRL_LEN {
            return Err(CrlError::TooLarge);
        }
        if octets.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Err(CrlError::Pem);
        }
        let mut outer = whole(octets, SEQUENCE, "its outermost element")?;
        let signed = Signed::next(&mut outer, "what is signed")?;
        outer.end("what stands behind its signature")?;
        let mut fields = whole(signed.content, SEQUENCE, "what is signed")?;
        let is_version_2 = match fields.optional(INTEGER, "its version")? {
            None => false,
            Some([1]) => true,
            Some(_) => return Err(Malformed("its version").into()),
        };
        if fields.content(SEQUENCE, "its algorithm")? != signed.algorithm {
            return Err(Malformed("it names two algorithms of its signature").into());
        }
        let issuer = fields.any("its issuer")?;
        if issuer.tag != SEQUENCE {
            return Err(Malformed("its issuer").into());
        }
        Ok(Self {
            signed,
            is_version_2,
            issuer: issuer.whole,
            rest: fields,
            len: octets.len(),
        })
    }

    fn issuer_words(&self) -> String {
        X509Name::from_der(self.issuer).map_or_else(|_| String::new(), |(_, name)| bounded(name.to_string()))
    }

    fn read(&self) -> Result<Crl, CrlError> {
        let mut fields = self.rest;
        let this_update = fields.time("its thisUpdate")?;
        let next_update = fields.optional_time("its nextUpdate")?;
        let entries = fields.optional(SEQUENCE, "its entries")?;
        let listed = fields.optional(constructed(0), "its extensions")?;
        fields.end("what stands behind its extensions")?;
        let listed = match listed {
            None => &[][..],
            Some(_) if !self.is_version_2 => return Err(Malformed("extensions before version 2").into()),
            Some(listed) => {
                let mut explicit = Elements::new(listed);
                let content = explicit.content(SEQUENCE, "its extensions")?;
                explicit.end("its extensions")?;
                content
            }
        };
        let (scope, number) = self::listed(listed)?;
        let mut serials = Serials::default();
        let mut entries = Elements::new(entries.unwrap_or_default());
        while !entries.is_empty() {
            if let Some((serial, revoked)) = entry(entries.inside(SEQUENCE, "an entry")?)? {
                serials.push(serial, revoked);
            }
        }
        serials.sort();
        Ok(Crl {
            scope,
            number,
            this_update,
            next_update: next_update.ok_or(CrlError::NoNextUpdate)?,
            serials,
            len: self.len,
        })
    }
}

/// `id-ce`, of which most extensions are.
const fn id_ce(number: u8) -> [u8; 3] {
    [0x55, 0x1d, number]
}

/// Scope and number, from the extensions of a CRL.
fn listed(content: &[u8]) -> Result<(Scope, Option<Serial>), CrlError> {
    const ISSUER_ALTERNATIVE_NAME: [u8; 3] = id_ce(18);
    const CRL_NUMBER: [u8; 3] = id_ce(20);
    const DELTA_CRL_INDICATOR: [u8; 3] = id_ce(27);
    const ISSUING_DISTRIBUTION_POINT: [u8; 3] = id_ce(28);
    const AUTHORITY_KEY_IDENTIFIER: [u8; 3] = id_ce(35);
    const FRESHEST_CRL: [u8; 3] = id_ce(46);

    let (mut scope, mut number) = (Scope::default(), None);
    for extension in extensions(content)? {
        let Extension { id, value, .. } = extension;
        match <[u8; 3]>::try_from(id) {
            Ok(DELTA_CRL_INDICATOR) => return Err(CrlError::Delta),
            Ok(ISSUING_DISTRIBUTION_POINT) => scope = Scope::read(value)?,
            Ok(CRL_NUMBER) => {
                const WHAT: &str = "its number";
                let mut outer = Elements::new(value);
                let content = outer.content(INTEGER, WHAT)?;
                outer.end(WHAT)?;
                number = Some(Serial::of(content).ok_or(Malformed(WHAT))?);
            }
            // Its issuer's key is known, and which delta it points to is nothing to a base.
            Ok(ISSUER_ALTERNATIVE_NAME | AUTHORITY_KEY_IDENTIFIER | FRESHEST_CRL) => {}
            _ => refuse_critical(&extension)?,
        }
    }
    Ok((scope, number))
}

fn refuse_critical(extension: &Extension<'_>) -> Result<(), CrlError> {
    if extension.is_critical {
        return Err(CrlError::CriticalExtension(
            Oid::new(extension.id.into()).to_id_string(),
        ));
    }
    Ok(())
}

/// One entry; `None` for a serial number that is longer than any that is searched for.
fn entry(mut fields: Elements<'_>) -> Result<Option<(Serial, Revoked)>, CrlError> {
    const REASON_CODE: [u8; 3] = id_ce(21);
    const CERTIFICATE_ISSUER: [u8; 3] = id_ce(29);
    const HOLD_INSTRUCTION: [u8; 3] = id_ce(23);
    const INVALIDITY_DATE: [u8; 3] = id_ce(24);

    let serial = fields.content(INTEGER, "the serial number of an entry")?;
    let at = fields.time("the date of an entry")?;
    let listed = fields.optional(SEQUENCE, "the extensions of an entry")?;
    fields.end("what stands behind an entry")?;
    let mut reason = Reason::UNSPECIFIED;
    for extension in extensions(listed.unwrap_or_default())? {
        match <[u8; 3]>::try_from(extension.id) {
            Ok(REASON_CODE) => {
                const WHAT: &str = "the reason of an entry";
                let mut outer = Elements::new(extension.value);
                let code = outer.content(ENUMERATED, WHAT)?;
                outer.end(WHAT)?;
                reason = Reason::of(code).ok_or(Malformed(WHAT))?;
            }
            Ok(CERTIFICATE_ISSUER) => return Err(CrlError::Indirect),
            Ok(HOLD_INSTRUCTION | INVALIDITY_DATE) => {}
            _ => refuse_critical(&extension)?,
        }
    }
    if reason == Reason::REMOVE_FROM_CRL {
        return Err(CrlError::Delta);
    }
    Ok(Serial::of(serial).map(|serial| (serial, Revoked { at, reason })))
}
