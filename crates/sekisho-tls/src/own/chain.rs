//! A chain of our own as it was handed over, and put in order: the leaf, then each issuer's certificate. RFC 8446
//! §4.4.2.

use pem_rfc7468::LineEnding;
use rustls::pki_types::CertificateDer;
use sekisho_mail::{CertificateFacts, Digest};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{TlsCertificateName, inspection::issuer_address};
use crate::{AnchorSet, chain::facts_of, identity::parse_certificates};

/// Certificates that are looked at in what is handed over; a chain has three or four.
const CERTIFICATES_MAX: usize = 32;

/// Certificates, leaf first once they are in order. Cheap enough to clone; there is no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<CertificateDer<'static>>,
    facts: Vec<CertificateFacts>,
}

/// Why certificates make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is none, or the text is damaged.
    #[error("this holds no certificate in PEM ({0})")]
    Unreadable(String),
    /// Far more than a chain has.
    #[error(
        "there are {0} certificates in it, and at most {CERTIFICATES_MAX} are looked at; give the leaf's chain alone"
    )]
    TooMany(usize),
    /// One of them cannot be parsed.
    #[error("certificate {0} in it is none: {1}")]
    Damaged(usize, String),
    /// No certificate is the key's.
    #[error("none of the {0} certificates has the key that was given with them")]
    NotTheKeys(usize),
    /// Of several nobody can say which is meant.
    #[error("{0} of the certificates could be the leaf; give one chain, or the key with it")]
    SeveralLeaves(usize),
}

/// What was done to put a chain in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ordering {
    /// Whether the order had to be changed.
    pub was_reordered: bool,
    /// Subjects of certificates that are no part of the leaf's chain, and were left out.
    pub left_out: Vec<String>,
}

impl CertificateChain {
    pub(crate) fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let facts = certificates.iter().map(|certificate| facts_of(certificate)).collect();
        Self { certificates, facts }
    }

    /// Those in a PEM text, in its order.
    ///
    /// # Errors
    /// When there is none, too many, or one that cannot be parsed.
    pub fn parse(pem: &str) -> Result<Self, ChainError> {
        let certificates = parse_certificates(pem.as_bytes()).map_err(ChainError::Unreadable)?;
        Self::checked(certificates)
    }

    /// From DER, each a certificate.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_der(certificates: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, ChainError> {
        let certificates: Vec<_> = certificates.into_iter().map(CertificateDer::from).collect();
        if certificates.is_empty() {
            return Err(ChainError::Unreadable("there is no certificate".to_owned()));
        }
        Self::checked(certificates)
    }

    fn checked(certificates: Vec<CertificateDer<'static>>) -> Result<Self, ChainError> {
        if certificates.len() > CERTIFICATES_MAX {
            return Err(ChainError::TooMany(certificates.len()));
        }
        for (place, certificate) in certificates.iter().enumerate() {
            X509Certificate::from_der(certificate)
                .map_err(|error| ChainError::Damaged(place + 1, error.to_string()))?;
        }
        Ok(Self::of(certificates))
    }

    /// What is known of each, leaf first; never empty.
    #[must_use]
    pub fn facts(&self) -> &[CertificateFacts] {
        &self.facts
    }

    /// As files keep it.
    #[must_use]
    pub fn pem(&self) -> String {
        let blocks = self
            .certificates
            .iter()
            .filter_map(|certificate| pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, certificate).ok());
        blocks.collect()
    }

    /// Every SAN dNSName of the leaf, as written.
    #[must_use]
    pub fn leaf_names(&self) -> Vec<String> {
        self.certificates
            .first()
            .map(|leaf| crate::chain::dns_names(leaf))
            .unwrap_or_default()
    }

    /// Whether issuer and subject of the leaf are these.
    #[must_use]
    pub fn is_named(&self, name: &TlsCertificateName) -> bool {
        self.certificates.first().is_some_and(|leaf| name.is_of(leaf))
    }

    /// The certificates in DER, leaf first.
    pub fn der(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Where the certificate of the last one's issuer is to be had, where neither it nor an anchor of that name is
    /// there.
    #[must_use]
    pub fn missing_issuer(&self, anchors: &AnchorSet) -> Option<String> {
        let (_, last) = X509Certificate::from_der(self.certificates.last()?).ok()?;
        let is_whole = last.issuer() == last.subject() || anchors.of_subject(last.issuer().as_raw()).next().is_some();
        if is_whole { None } else { issuer_address(&last) }
    }

    /// The same with one more certificate, in DER or PEM.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn with(&self, certificate: &[u8]) -> Result<Self, ChainError> {
        let more = if certificate.starts_with(b"-----") {
            parse_certificates(certificate).map_err(ChainError::Unreadable)?
        } else {
            vec![CertificateDer::from(certificate.to_vec())]
        };
        Self::checked(self.certificates.iter().cloned().chain(more).collect())
    }

    /// Puts the leaf first, each issuer's certificate behind what it issued, and leaves out what is no part of that.
    /// The leaf is the one with this key; without one, that which issued none of the others.
    ///
    /// # Errors
    /// When no certificate, or more than one, could be the leaf.
    pub fn in_order(&self, key: Option<Digest>) -> Result<(Self, Ordering), ChainError> {
        let parsed: Vec<X509Certificate<'_>> = self
            .certificates
            .iter()
            .filter_map(|certificate| Some(X509Certificate::from_der(certificate).ok()?.1))
            .collect();
        let mut order = vec![self.leaf(&parsed, key)?];
        loop {
            let last = &parsed[order[order.len() - 1]];
            if last.issuer() == last.subject() {
                break;
            }
            let issuer = (0..parsed.len()).find(|place| !order.contains(place) && issued(&parsed[*place], last));
            let Some(issuer) = issuer else { break };
            order.push(issuer);
        }
        let left_out = (0..parsed.len()).filter(|place| !order.contains(place));
        let ordering = Ordering {
            was_reordered: !order.is_sorted(),
            left_out: left_out.map(|place| self.facts[place].subject.clone()).collect(),
        };
        let chosen = order.iter().map(|place| self.certificates[*place].clone());
        Ok((Self::of(chosen.collect()), ordering))
    }

    fn leaf(&self, parsed: &[X509Certificate<'_>], key: Option<Digest>) -> Result<usize, ChainError> {
        let candidates: Vec<usize> = match key {
            Some(key) => (0..parsed.len())
                .filter(|place| self.facts[*place].spki_sha256 == key)
                .collect(),
            None => (0..parsed.len())
                .filter(|place| {
                    let mut others = (0..parsed.len()).filter(|other| other != place);
                    !others.any(|other| issued(&parsed[*place], &parsed[other]))
                })
                .collect(),
        };
        match (candidates[..].first(), key) {
            (Some(first), Some(_)) => Ok(*first),
            (Some(first), None) if candidates.len() == 1 => Ok(*first),
            (_, Some(_)) => Err(ChainError::NotTheKeys(parsed.len())),
            (_, None) => Err(ChainError::SeveralLeaves(candidates.len())),
        }
    }
}

/// Whether one names the other as its issuer, and its key made the signature.
fn issued(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == certificate.issuer().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}
