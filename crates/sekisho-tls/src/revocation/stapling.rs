//! What is stapled to a certificate of our own, where its authority still answers by OCSP. RFC 6066 §8, RFC 8446
//! §4.4.2.1, RFC 7633.
//!
//! Only an answer that was verified can be stapled, and only to the certificate that it is about. Who fetches it, when,
//! and for how long it stays is another's business.

use std::{fmt, sync::Arc};

use rustls::pki_types::CertificateDer;
use sekisho_mail::{Digest, Timestamp};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    OcspError, RevocationNeed,
    crl::Serial,
    need::Asked,
    ocsp::{Answer, Status},
    signed::{Issuer, Signed},
    standing::serial_of,
};
use crate::{
    AnchorSet, CertificateEndpoints, Identity, PathLink,
    asn1::{INTEGER, Malformed, SEQUENCE, whole},
    der::certificate_parts,
    sha256,
};

/// `id-pe-tlsfeature`.
const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];
/// `status_request` among the features (RFC 6066 §8).
const STATUS_REQUEST: &[u8] = &[5];
/// Certificates between one of ours and its root, at most.
const STEPS_MAX: usize = 10;

/// Why nothing can be asked about a certificate of our own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StapleObstacle {
    /// It names nobody.
    #[error("it names no OCSP responder")]
    NoResponder,
    /// Without it neither question nor answer can be made out.
    #[error("the certificate of its issuer is neither behind it in the chain nor among the trust anchors")]
    NoIssuer,
    /// In words.
    #[error("what it says of OCSP cannot be read: {0}")]
    Unread(String),
}

/// What is asked about a certificate of our own.
#[derive(Clone, PartialEq, Eq)]
pub struct StapleQuestion {
    leaf: Digest,
    issuer: Arc<Issuer>,
    serial: Serial,
    anchor: Digest,
    responders: Vec<String>,
}

impl fmt::Debug for StapleQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StapleQuestion")
            .field("leaf", &self.leaf)
            .field("responders", &self.responders)
            .finish_non_exhaustive()
    }
}

/// What its authority says of a certificate of our own: verified, of its time, and about this certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct StapleAnswer {
    leaf: Digest,
    octets: Arc<[u8]>,
    revoked: Option<(Timestamp, &'static str)>,
    this_update: Timestamp,
    next_update: Timestamp,
}

impl fmt::Debug for StapleAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StapleAnswer")
            .field("leaf", &self.leaf)
            .field("revoked", &self.revoked)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .finish_non_exhaustive()
    }
}

impl StapleQuestion {
    /// The certificate that it is about: SHA-256 over the whole of it.
    #[must_use]
    pub const fn leaf(&self) -> Digest {
        self.leaf
    }

    /// What is to be fetched: one for each responder that the certificate names, in its order. Any of them will do.
    pub fn needs(&self) -> impl Iterator<Item = RevocationNeed> {
        self.responders.iter().map(|uri| RevocationNeed {
            uri: uri.as_str().into(),
            issuer: Arc::clone(&self.issuer),
            asked: Asked::Ocsp(self.serial),
            anchor: self.anchor,
        })
    }

    /// Verifies what a responder answered. «Revoked» is an answer too.
    ///
    /// # Errors
    /// When it is not the authority's, about another certificate, or not of now; and when the responder does not know
    /// the certificate. In words for an operator.
    pub fn judge(&self, answer: &[u8], now: Timestamp) -> Result<StapleAnswer, OcspError> {
        let found = Answer::verified(answer, &self.issuer, self.serial, now)?;
        // Clients whose clocks are right would take it for a stale one.
        if found.until <= now {
            return Err(OcspError::Expired(found.until));
        }
        let revoked = match found.status {
            Status::Good => None,
            Status::Revoked { at, reason } => Some((at, reason.words())),
            Status::Unknown => return Err(OcspError::UnknownCertificate),
        };
        Ok(StapleAnswer {
            leaf: self.leaf,
            octets: answer.into(),
            revoked,
            this_update: found.this_update,
            next_update: found.until,
        })
    }
}

impl StapleAnswer {
    /// As it came.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// When it was issued.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Until when it may be stapled.
    #[must_use]
    pub const fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// Since when the certificate is revoked, and why in words; `None` when it is good.
    #[must_use]
    pub const fn revoked(&self) -> Option<(Timestamp, &'static str)> {
        self.revoked
    }
}

impl Identity {
    /// What its authority is asked, so that the answer can be stapled. The issuer is looked for in the chain and then
    /// among the anchors.
    ///
    /// # Errors
    /// [`StapleObstacle`]
    pub fn staple_question(&self, anchors: &[AnchorSet]) -> Result<StapleQuestion, StapleObstacle> {
        let (leaf, above) = self.certified().cert.split_first().ok_or(StapleObstacle::NoIssuer)?;
        let responders = CertificateEndpoints::of(leaf).map_err(StapleObstacle::Unread)?.ocsp;
        if responders.is_empty() {
            return Err(StapleObstacle::NoResponder);
        }
        let first = Known::who_issued(leaf, above, anchors).ok_or(StapleObstacle::NoIssuer)?;
        let serial = serial_of(leaf);
        let too_long =
            || StapleObstacle::Unread("its serial number is longer than an authority may make one".to_owned());
        Ok(StapleQuestion {
            leaf: self.leaf().sha256,
            serial: serial.ok_or_else(too_long)?,
            anchor: sha256(first.root(above, anchors).spki),
            issuer: Arc::new(Issuer::of(&first.link(leaf))),
            responders,
        })
    }

    /// Whether it says of itself that it must not be presented without an OCSP answer (RFC 7633, «must-staple»).
    #[must_use]
    pub fn must_be_stapled(&self) -> bool {
        let leaf = self.certified().cert.first();
        let parsed = leaf.and_then(|leaf| X509Certificate::from_der(leaf).ok());
        parsed.is_some_and(|(_, parsed)| {
            let mut extensions = parsed.extensions().iter();
            extensions.any(|extension| {
                extension.oid.as_bytes() == TLS_FEATURE && wants_status(extension.value).unwrap_or(false)
            })
        })
    }

    /// The same with this answer stapled to it; as it is, where the answer is about another certificate or says that
    /// it is revoked.
    #[must_use]
    pub fn stapled(&self, answer: &StapleAnswer) -> Self {
        if answer.leaf == self.leaf().sha256 && answer.revoked.is_none() {
            self.with_staple(&answer.octets, answer.next_update)
        } else {
            self.clone()
        }
    }
}

fn wants_status(features: &[u8]) -> Result<bool, Malformed> {
    const WHAT: &str = "its TLS features";
    let mut features = whole(features, SEQUENCE, WHAT)?;
    let mut is_wanted = false;
    while !features.is_empty() {
        is_wanted |= features.content(INTEGER, WHAT)? == STATUS_REQUEST;
    }
    Ok(is_wanted)
}

/// An issuer that is known, by its certificate in the chain or as an anchor.
#[derive(Clone, Copy)]
struct Known<'a> {
    subject: &'a [u8],
    spki: &'a [u8],
    certificate: &'a [u8],
    is_anchor: bool,
}

impl<'a> Known<'a> {
    fn who_issued(certificate: &[u8], above: &'a [CertificateDer<'_>], anchors: &'a [AnchorSet]) -> Option<Self> {
        let issuer = certificate_parts(certificate)?.issuer;
        let anchors = anchors.iter().flat_map(AnchorSet::anchors);
        let anchors = anchors.map(|anchor| Known {
            subject: anchor.subject_der(),
            spki: anchor.spki_der(),
            certificate: anchor.certificate(),
            is_anchor: true,
        });
        let presented = above.iter().filter_map(|certificate| {
            let parts = certificate_parts(certificate)?;
            Some(Known {
                subject: parts.subject,
                spki: parts.key.whole,
                certificate,
                is_anchor: false,
            })
        });
        // Anchors first: there the way up ends.
        let mut all = anchors.chain(presented).filter(|known| known.subject == issuer);
        all.find(|known| is_signed_by(certificate, known.spki))
    }

    fn link(&self, certificate: &'a [u8]) -> PathLink<'a> {
        PathLink {
            certificate,
            issuer_subject: self.subject,
            issuer_spki: self.spki,
            issuer_certificate: Some(self.certificate),
        }
    }

    /// Where the way up ends, as far as it is known.
    fn root(self, above: &'a [CertificateDer<'_>], anchors: &'a [AnchorSet]) -> Self {
        let mut last = self;
        for _ in 0..STEPS_MAX {
            if last.is_anchor {
                break;
            }
            match Self::who_issued(last.certificate, above, anchors) {
                Some(next) if next.spki != last.spki => last = next,
                _ => break,
            }
        }
        last
    }
}

fn is_signed_by(certificate: &[u8], spki: &[u8]) -> bool {
    let signed = || {
        let mut fields = whole(certificate, SEQUENCE, "a certificate").ok()?;
        Signed::next(&mut fields, "a certificate").ok()
    };
    signed().is_some_and(|signed| signed.verify(spki).is_ok())
}
