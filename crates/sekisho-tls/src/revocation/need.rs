//! What must be fetched so that a question can be answered, as values: who fetches is another's business.

use std::{fmt, sync::Arc};

use sekisho_mail::Digest;

use super::{
    crl::{Serial, Subject},
    ocsp::request,
    signed::Issuer,
    standing,
};
use crate::{PathLink, sha256};

/// Tells what is held apart: whose it is, about which certificate (an OCSP answer) or all of them (a CRL), and from
/// where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) issuer: Digest,
    pub(super) serial: Option<Serial>,
    pub(super) uri: Arc<str>,
}

/// What is to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationKind {
    /// A CRL: `GET`, RFC 5280 §4.2.1.13.
    Crl,
    /// An OCSP answer: `POST` of [`RevocationNeed::ocsp_request`] as `application/ocsp-request`, RFC 6960 appendix A.
    Ocsp,
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crl => "CRL",
            Self::Ocsp => "OCSP",
        })
    }
}

/// Something to be fetched, from an address that a certificate on a path to a trust anchor names. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationNeed {
    pub(super) uri: Arc<str>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) asked: Asked,
    pub(super) anchor: Digest,
}

/// For what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A CRL that speaks for certificates that name this distribution point.
    Crl {
        /// All addresses of the point.
        point: Arc<[String]>,
        subject: Subject,
    },
    /// An answer about the certificate with this serial number.
    Ocsp(Serial),
}

impl RevocationNeed {
    /// One for each address that a certificate names, whether or not anybody needs it: for whoever watches the
    /// addresses. `anchor` is the SHA-256 over the SubjectPublicKeyInfo at which the path ends. Indirect distribution
    /// points are left out, and a certificate that cannot be read names none.
    #[must_use]
    pub fn all_of(link: &PathLink<'_>, anchor: Digest) -> Vec<Self> {
        standing::named_by(link, anchor)
    }

    /// Where it is to be had, an `http` or `https` address. The text is a stranger's: escape it when shown.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> RevocationKind {
        match self.asked {
            Asked::Crl { .. } => RevocationKind::Crl,
            Asked::Ocsp(_) => RevocationKind::Ocsp,
        }
    }

    /// Whose word it is, RFC 4514 style. The text is a stranger's: escape it when shown.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer.words()
    }

    /// SHA-256 over the SubjectPublicKeyInfo of the anchor at which the path ends that asks for it.
    #[must_use]
    pub fn anchor(&self) -> Digest {
        self.anchor
    }

    /// What an OCSP responder is asked, an OCSPRequest in DER; `None` for a CRL.
    #[must_use]
    pub fn ocsp_request(&self) -> Option<Vec<u8>> {
        match self.asked {
            Asked::Crl { .. } => None,
            Asked::Ocsp(serial) => Some(request(&self.issuer, serial)),
        }
    }

    /// A name for a file in which what was fetched is kept: 64 hexadecimal digits.
    #[must_use]
    pub fn cache_name(&self) -> String {
        let key = self.key();
        let mut all = key.issuer.0.to_vec();
        all.push(u8::from(key.serial.is_some()));
        if let Some(serial) = key.serial {
            all.extend_from_slice(&sha256(serial.shortest()).0);
        }
        all.extend_from_slice(key.uri.as_bytes());
        sha256(&all).to_string()
    }

    pub(super) fn key(&self) -> Key {
        Key {
            issuer: self.issuer.id,
            serial: match self.asked {
                Asked::Crl { .. } => None,
                Asked::Ocsp(serial) => Some(serial),
            },
            uri: Arc::clone(&self.uri),
        }
    }
}

impl fmt::Debug for RevocationNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationNeed")
            .field("kind", &self.kind())
            .field("uri", &self.uri)
            .field("issuer", &self.issuer())
            .finish_non_exhaustive()
    }
}
