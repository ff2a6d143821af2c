//! The path that a verdict stands on: from the leaf up to the last certificate below the anchor, and the anchor.
//!
//! Who may revoke a certificate on it, and with which key, is read off here; whether one did is asked elsewhere.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use sekisho_mail::Timestamp;

use crate::{Anchor, PeerChain, der::certificate_parts};

/// A path that was found. Its certificates are the chain's own, so that what is kept of it is small.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Which of the presented certificates it goes along, the leaf first.
    pub(crate) places: Vec<usize>,
    pub(crate) anchor: Arc<Anchor>,
    /// Whether the leaf itself is the anchor.
    pub(crate) is_pin: bool,
    /// The moment for which it was built.
    pub(crate) built_at: Timestamp,
}

/// A path from a leaf to an anchor, which holds or, but for the time, would hold. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPath {
    certificates: Arc<[CertificateDer<'static>]>,
    route: Arc<Route>,
}

/// A certificate on a path, with what is needed to verify what its issuer signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLink<'a> {
    /// In DER.
    pub certificate: &'a [u8],
    /// The issuer's subject, a Name in DER.
    pub issuer_subject: &'a [u8],
    /// The issuer's SubjectPublicKeyInfo in DER.
    pub issuer_spki: &'a [u8],
    /// The issuer's certificate in DER, where it is known.
    pub issuer_certificate: Option<&'a [u8]>,
}

impl VerifiedPath {
    pub(crate) fn new(chain: &PeerChain, route: Arc<Route>) -> Self {
        Self {
            certificates: Arc::clone(chain.shared_certificates()),
            route,
        }
    }

    /// The certificates in DER, the leaf first, the anchor's left out.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.route.places.iter().map(|place| self.certificates[*place].as_ref())
    }

    /// Where it ends.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        &self.route.anchor
    }

    /// Whether the leaf is the anchor: nobody issued it, and nobody can revoke it.
    #[must_use]
    pub fn is_pin(&self) -> bool {
        self.route.is_pin
    }

    /// The moment for which it was built: now, or for a path that fails on time alone the last at which it held (the
    /// first, where it does not hold yet).
    #[must_use]
    pub fn built_at(&self) -> Timestamp {
        self.route.built_at
    }

    /// Each certificate with its issuer, the leaf first; none of a pin.
    pub fn links(&self) -> impl Iterator<Item = PathLink<'_>> {
        let certificates: Vec<&[u8]> = if self.is_pin() {
            Vec::new()
        } else {
            self.certificates().collect()
        };
        let anchor = self.anchor();
        (0..certificates.len()).filter_map(move |place| {
            let certificate = certificates[place];
            let Some(issuer) = certificates.get(place + 1) else {
                return Some(PathLink {
                    certificate,
                    issuer_subject: anchor.subject_der(),
                    issuer_spki: anchor.spki_der(),
                    issuer_certificate: Some(anchor.certificate()),
                });
            };
            // What the library built a path along can be taken apart.
            let parts = certificate_parts(issuer)?;
            Some(PathLink {
                certificate,
                issuer_subject: parts.subject,
                issuer_spki: parts.key.whole,
                issuer_certificate: Some(issuer),
            })
        })
    }
}
