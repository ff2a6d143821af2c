//! One trust anchor: what is known of it, and who gave it.

use std::{fmt, path::PathBuf};

use rustls::pki_types::{CertificateDer, TrustAnchor};
use sekisho_mail::{Digest, Timestamp, hexadecimal};

use crate::{
    chain::{facts_of, sha1},
    der::{in_sequence, public_key_info},
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
    /// Over its certificate in DER.
    pub sha256: Digest,
    /// Over its SubjectPublicKeyInfo in DER.
    pub spki_sha256: Digest,
    /// Algorithm and size of the key in words: `RSA 4096`, `P-384`.
    pub key: String,
    /// First moment of its certificate.
    pub not_before: Timestamp,
    /// Last moment of its certificate.
    pub not_after: Timestamp,
    /// Whether it is also taken as a pin: it is self-signed and an operator gave it.
    pub is_pin: bool,
    /// What the library builds paths to; of a pin that can be no anchor there is none.
    trusted: Option<TrustAnchor<'static>>,
    certificate: CertificateDer<'static>,
    subject_der: Vec<u8>,
    spki_der: Vec<u8>,
}

impl Anchor {
    pub(super) fn new(
        trusted: TrustAnchor<'static>,
        certificate: CertificateDer<'static>,
        source: AnchorSource,
    ) -> Self {
        Self {
            subject_der: in_sequence(&trusted.subject),
            spki_der: in_sequence(&trusted.subject_public_key_info),
            trusted: Some(trusted),
            is_pin: false,
            ..Self::mere_pin(certificate, source)
        }
    }

    /// What can be no anchor, but is one certificate that an operator named.
    pub(super) fn mere_pin(certificate: CertificateDer<'static>, source: AnchorSource) -> Self {
        let facts = facts_of(&certificate);
        let spki_der = public_key_info(&certificate).map(|info| info.whole.to_vec());
        Self {
            sources: vec![source],
            sha256: facts.sha256,
            spki_sha256: facts.spki_sha256,
            key: facts.key,
            not_before: facts.not_before,
            not_after: facts.not_after,
            subject: facts.subject,
            is_pin: true,
            trusted: None,
            certificate,
            subject_der: Vec::new(),
            spki_der: spki_der.unwrap_or_default(),
        }
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) const fn trusted(&self) -> Option<&TrustAnchor<'static>> {
        self.trusted.as_ref()
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

    /// The SHA-1 of its certificate in hexadecimal digits, by which the field names certificates. Nothing is decided by
    /// it.
    #[must_use]
    pub fn sha1(&self) -> String {
        hexadecimal::encode(&sha1(&self.certificate))
    }

    /// The same certificate, for the same names: what one source holds to some and another does not is two.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.trusted == other.trusted
    }

    /// Whether joining it with the other would change nothing.
    pub(super) fn says_as_much_as(&self, other: &Self) -> bool {
        self.is_pin >= other.is_pin && other.sources.iter().all(|source| self.sources.contains(source))
    }

    /// Takes over what is known of the same anchor from elsewhere.
    pub(super) fn join(&mut self, other: &Self) {
        self.is_pin |= other.is_pin;
        for source in &other.sources {
            if !self.sources.contains(source) {
                self.sources.push(source.clone());
            }
        }
    }
}
