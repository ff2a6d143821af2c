//! Trust anchors: those of the operating system, and those that an operator gives in a file.

use std::{fmt, path::Path, path::PathBuf, sync::Arc};

use rustls::pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    IdentityError,
    identity::{load_certificates, parse_certificates},
};

/// Why a file gives no trust anchors; each names the file and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read or is no PEM.
    #[error(transparent)]
    File(#[from] IdentityError),
    /// One of its certificates can be neither anchor nor pin.
    #[error("{}: certificate {place} cannot be used as a trust anchor: {why}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Which certificate, from 1 on.
        place: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A text that is no PEM, or a certificate in it that can be neither anchor nor pin.
    #[error("{0}")]
    Text(String),
}

/// Certificates at which a path may end. A self-signed one from a file is also taken as a pin: a leaf that is that
/// very certificate holds as long as it is not expired. Cheap to clone.
#[derive(Clone)]
pub struct AnchorSet(Arc<Content>);

struct Content {
    anchors: Vec<TrustAnchor<'static>>,
    pins: Vec<CertificateDer<'static>>,
    len: usize,
    load_errors: Vec<String>,
}

impl fmt::Debug for AnchorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnchorSet")
            .field("len", &self.0.len)
            .field("load_errors", &self.0.load_errors)
            .finish_non_exhaustive()
    }
}

impl AnchorSet {
    /// Those of the operating system; blocks on the disk. What could not be loaded is kept in
    /// [`Self::load_errors`]; a set without any anchor answers every check with `Unknown`.
    #[must_use]
    pub fn system() -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        let mut load_errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        let mut anchors = Vec::with_capacity(loaded.certs.len());
        for certificate in &loaded.certs {
            match anchor_from_trusted_cert(certificate) {
                Ok(anchor) => anchors.push(anchor.to_owned()),
                Err(error) => load_errors.push(format!("a certificate of the system cannot be used: {error:?}")),
            }
        }
        Self(Arc::new(Content {
            len: anchors.len(),
            anchors,
            pins: Vec::new(),
            load_errors,
        }))
    }

    /// Those in a PEM bundle; blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, holds no certificate, or one that can be neither anchor nor pin.
    pub fn load(path: &Path) -> Result<Self, AnchorError> {
        Self::of(&load_certificates(path)?).map_err(|(place, why)| AnchorError::Unusable {
            path: path.to_owned(),
            place,
            why,
        })
    }

    /// Those in a PEM text.
    ///
    /// # Errors
    /// [`AnchorError::Text`], as for [`Self::load`].
    pub fn parse(pem: &str) -> Result<Self, AnchorError> {
        let no_pem = |why| AnchorError::Text(format!("this is no certificate in PEM ({why})"));
        let certificates = parse_certificates(pem.as_bytes()).map_err(no_pem)?;
        Self::of(&certificates).map_err(|(place, why)| {
            AnchorError::Text(format!("certificate {place} cannot be used as a trust anchor: {why}"))
        })
    }

    /// The error says which certificate, from 1 on, can be neither anchor nor pin, and why.
    fn of(certificates: &[CertificateDer<'static>]) -> Result<Self, (usize, String)> {
        let (mut anchors, mut pins) = (Vec::new(), Vec::new());
        for (place, certificate) in certificates.iter().enumerate() {
            let is_pin = is_self_issued(certificate);
            match anchor_from_trusted_cert(certificate) {
                Ok(anchor) => anchors.push(anchor.to_owned()),
                Err(_) if is_pin => {}
                Err(error) => return Err((place + 1, format!("{error:?}"))),
            }
            if is_pin {
                pins.push(certificate.clone());
            }
        }
        Ok(Self(Arc::new(Content {
            len: certificates.len(),
            anchors,
            pins,
            load_errors: Vec::new(),
        })))
    }

    /// How many certificates there are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What could not be loaded, in words.
    #[must_use]
    pub fn load_errors(&self) -> &[String] {
        &self.0.load_errors
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0.anchors
    }

    pub(crate) fn is_pinned(&self, leaf: &CertificateDer<'_>) -> bool {
        self.0.pins.iter().any(|pin| pin == leaf)
    }
}

/// Whether subject and issuer are the same name, octet for octet.
pub(crate) fn is_self_issued(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}
