//! One trust anchor: what is known of it, and who gave it.

use std::{fmt, path::PathBuf};

use rustls::pki_types::{CertificateDer, TrustAnchor};
use sekisho_mail::{Digest, Timestamp};
use x509_parser::{prelude::FromDer, x509::X509Name};

use crate::{
    chain::{facts_of, sha256},
    der::{in_sequence, key_info, public_key_info},
    signature::Key,
};

/// Who gave an anchor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnchorSource {
    /// The operating system.
    System,
    /// Whoever built this program.
    Bundled,
    /// A file of the operator's.
    File(PathBuf),
    /// The text of a document, which is named: `connector acme/bank`.
    Document(String),
}

impl AnchorSource {
    /// Whether it was given by an operator, who may mean a single certificate by it.
    pub(super) const fn is_operators(&self) -> bool {
        matches!(self, Self::File(_) | Self::Document(_))
    }
}

impl fmt::Display for AnchorSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Bundled => f.write_str("bundled"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Document(place) => f.write_str(place),
        }
    }
}

/// A certificate at which a path may end. Texts are from the certificate: escape them when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Who gave it, in the order of their sets; never empty.
    pub sources: Vec<AnchorSource>,
    /// The subject, RFC 4514 style.
    pub subject: String,
    /// Over its certificate in DER, where there is one.
    pub sha256: Option<Digest>,
    /// Over its SubjectPublicKeyInfo in DER.
    pub spki_sha256: Digest,
    /// Algorithm and size of the key in words: `RSA 4096`, `P-384`.
    pub key: String,
    /// First and last moment of its certificate, where there is one.
    pub validity: Option<(Timestamp, Timestamp)>,
    /// Whether it is also taken as a pin: it is self-signed and an operator gave it.
    pub is_pin: bool,
    certificate: Option<CertificateDer<'static>>,
    subject_der: Vec<u8>,
    spki_der: Vec<u8>,
}

impl Anchor {
    pub(super) fn new(
        trusted: &TrustAnchor<'_>,
        certificate: Option<CertificateDer<'static>>,
        source: AnchorSource,
    ) -> Self {
        let subject_der = in_sequence(&trusted.subject);
        let spki_der = in_sequence(&trusted.subject_public_key_info);
        let facts = certificate.as_deref().map(facts_of);
        let subject = X509Name::from_der(&subject_der).map(|(_, name)| name.to_string());
        Self {
            sources: vec![source],
            subject: subject.unwrap_or_default(),
            sha256: facts.as_ref().map(|facts| facts.sha256),
            spki_sha256: sha256(&spki_der),
            key: key_info(&spki_der)
                .map(|info| Key::of(&info).describe())
                .unwrap_or_default(),
            validity: facts.map(|facts| (facts.not_before, facts.not_after)),
            is_pin: false,
            certificate,
            subject_der,
            spki_der,
        }
    }

    /// What can be no anchor, but is one certificate that an operator named.
    pub(super) fn mere_pin(certificate: CertificateDer<'static>, source: AnchorSource) -> Self {
        let facts = facts_of(&certificate);
        Self {
            sources: vec![source],
            sha256: Some(facts.sha256),
            spki_sha256: facts.spki_sha256,
            key: facts.key,
            validity: Some((facts.not_before, facts.not_after)),
            subject: facts.subject,
            is_pin: true,
            subject_der: Vec::new(),
            spki_der: public_key_info(&certificate)
                .map(|info| info.whole.to_vec())
                .unwrap_or_default(),
            certificate: Some(certificate),
        }
    }

    /// Its certificate in DER, where there is one.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Its subject, a Name in DER; empty where it is a pin alone.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Its SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.certificate, &other.certificate) {
            (Some(one), Some(other)) => one == other,
            _ => self.subject_der == other.subject_der && self.spki_der == other.spki_der,
        }
    }

    /// Takes over what is known of the same anchor from elsewhere.
    pub(super) fn join(&mut self, other: Self) {
        self.is_pin |= other.is_pin;
        for source in other.sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        if self.certificate.is_none() {
            self.sha256 = other.sha256;
            self.validity = other.validity;
            self.certificate = other.certificate;
        }
    }
}
