//! What is stapled to a certificate of our own, where its authority still answers by OCSP. RFC 6066 §8, RFC 8446
//! §4.4.2.1.

use std::sync::Arc;

use sekisho_mail::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    OcspError, RevocationNeed, Taken,
    crl::Serial,
    need::Asked,
    ocsp::{Answer, Status},
    signed::Issuer,
    standing::serial_of,
};
use crate::{CertificateEndpoints, Identity, PathLink, der::certificate_parts, sha256};

impl Identity {
    /// What its authority is asked, so that the answer can be stapled: the first responder that the certificate names.
    /// `None` where it names none, or where the issuer's certificate does not stand behind it in the chain.
    #[must_use]
    pub fn staple_need(&self) -> Option<RevocationNeed> {
        let (issuer, serial) = self.issuer_and_serial()?;
        let endpoints = CertificateEndpoints::of(self.certified().cert.first()?).ok()?;
        Some(RevocationNeed {
            uri: endpoints.ocsp.into_iter().next()?.into(),
            anchor: sha256(&issuer.spki),
            issuer: Arc::new(issuer),
            asked: Asked::Ocsp(serial),
        })
    }

    /// The same with this answer to [`Self::staple_need`] stapled to it, and until when that holds. Listeners get the
    /// new value, and a newer answer is to be had half-way to that end.
    ///
    /// # Errors
    /// When the answer is not good for it now, in words for an operator.
    pub fn stapled(&self, answer: &[u8], now: Timestamp) -> Result<(Self, Taken), OcspError> {
        let (issuer, serial) = self.issuer_and_serial().ok_or(OcspError::OtherCertificate)?;
        let found = Answer::verified(answer, &issuer, serial, now)?;
        match found.status {
            Status::Good => {}
            Status::Revoked { .. } => return Err(OcspError::NotGood("the certificate is revoked")),
            Status::Unknown => return Err(OcspError::NotGood("the responder does not know the certificate")),
        }
        let taken = Taken {
            this_update: found.this_update,
            next_update: found.until,
            entries: None,
        };
        Ok((self.with_staple(Some(answer)), taken))
    }

    /// The same with nothing stapled to it: what was has ended, and no other answer is to be had.
    #[must_use]
    pub fn unstapled(&self) -> Self {
        self.with_staple(None)
    }

    fn issuer_and_serial(&self) -> Option<(Issuer, Serial)> {
        let (leaf, above) = self.certified().cert.split_first()?;
        let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
        let issuer = above.iter().find_map(|certificate| {
            let parts = certificate_parts(certificate)?;
            (parts.subject == parsed.issuer().as_raw()).then_some(PathLink {
                certificate: leaf,
                issuer_subject: parts.subject,
                issuer_spki: parts.key.whole,
                issuer_certificate: Some(certificate),
            })
        })?;
        Some((Issuer::of(&issuer), serial_of(leaf)?))
    }
}
