//! Trust anchors: those of the operating system, those that are built in, and those that an operator gives.
//!
//! A set may be joined from several; each anchor knows where it came from, and a set can be listed and searched.

mod anchor;
mod search;

use std::{fmt, path::Path, path::PathBuf, sync::Arc};

use rustls::pki_types::{CertificateDer, TrustAnchor};
use sekisho_mail::{Timestamp, Verdict};
use webpki::anchor_from_trusted_cert;
use x509_parser::prelude::{FromDer, X509Certificate};

pub use self::{
    anchor::{Anchor, AnchorSource},
    search::{AnchorSearch, AnchorSearchError},
};
use crate::{
    IdentityError, PathAnswer, PeerChain,
    identity::{load_certificates, parse_certificates},
    path::{Found, find_path},
    verified::VerifiedPath,
    verify::leaf_of,
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

/// Certificates at which a path may end. A self-signed one that an operator gave is also taken as a pin: a leaf that is
/// that very certificate holds as long as it is not expired. Cheap to clone.
#[derive(Clone, Default)]
pub struct AnchorSet(Arc<Content>);

#[derive(Default)]
struct Content {
    anchors: Vec<Arc<Anchor>>,
    load_errors: Vec<String>,
}

impl fmt::Debug for AnchorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnchorSet")
            .field("len", &self.len())
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
        let mut content = Content {
            load_errors: loaded.errors.iter().map(ToString::to_string).collect(),
            ..Content::default()
        };
        for certificate in loaded.certs {
            if let Err(why) = content.add_certificate(certificate, &AnchorSource::System) {
                let fault = format!("a certificate of the system cannot be used: {why}");
                content.load_errors.push(fault);
            }
        }
        Self(Arc::new(content))
    }

    /// Those that were built in, which are Mozilla's at the time of the build: for machines that have no set of their
    /// own. Where Mozilla holds a root to certain names, so does this.
    #[must_use]
    pub fn bundled() -> Self {
        let constrained = || {
            webpki_roots::TLS_SERVER_ROOTS
                .iter()
                .filter(|root| root.name_constraints.is_some())
        };
        let mut content = Content::default();
        for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let mut trusted = match anchor_from_trusted_cert(certificate) {
                Ok(trusted) => trusted.to_owned(),
                Err(error) => {
                    let fault = format!("a built-in certificate cannot be used: {error:?}");
                    content.load_errors.push(fault);
                    continue;
                }
            };
            let key = |root: &TrustAnchor<'_>| (root.subject.to_vec(), root.subject_public_key_info.to_vec());
            if let Some(same) = constrained().find(|root| key(root) == key(&trusted)) {
                trusted.name_constraints.clone_from(&same.name_constraints);
            }
            content.add(Anchor::new(trusted, certificate.clone(), AnchorSource::Bundled).into());
        }
        Self(Arc::new(content))
    }

    /// Those in a PEM bundle; blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, holds no certificate, or one that can be neither anchor nor pin.
    pub fn load(path: &Path) -> Result<Self, AnchorError> {
        let source = AnchorSource::File(path.to_owned());
        Self::of(load_certificates(path)?, &source).map_err(|(place, why)| AnchorError::Unusable {
            path: path.to_owned(),
            place,
            why,
        })
    }

    /// Those in a PEM text that stands in the document named by `place`: `connector acme/bank`.
    ///
    /// # Errors
    /// [`AnchorError::Text`], as for [`Self::load`].
    pub fn parse(pem: &str, place: &str) -> Result<Self, AnchorError> {
        let no_pem = |why| AnchorError::Text(format!("this is no certificate in PEM ({why})"));
        let certificates = parse_certificates(pem.as_bytes()).map_err(no_pem)?;
        Self::of(certificates, &AnchorSource::Document(place.to_owned())).map_err(|(place, why)| {
            AnchorError::Text(format!("certificate {place} cannot be used as a trust anchor: {why}"))
        })
    }

    /// As [`Self::parse`], of one certificate in DER.
    ///
    /// # Errors
    /// [`AnchorError::Text`].
    pub fn parse_der(der: &[u8], place: &str) -> Result<Self, AnchorError> {
        let certificate = CertificateDer::from(der.to_vec());
        let source = AnchorSource::Document(place.to_owned());
        Self::of(vec![certificate], &source)
            .map_err(|(_, why)| AnchorError::Text(format!("this is no certificate of an authority: {why}")))
    }

    /// All that are in any of `sets`; what stands in several is in it once, with all its sources. The anchors
    /// themselves are shared with those sets.
    #[must_use]
    pub fn joined<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut content = Content::default();
        for set in sets {
            for anchor in &set.0.anchors {
                content.add(Arc::clone(anchor));
            }
            content.load_errors.extend_from_slice(&set.0.load_errors);
        }
        Self(Arc::new(content))
    }

    /// The error says which certificate, from 1 on, can be neither anchor nor pin, and why.
    fn of(certificates: Vec<CertificateDer<'static>>, source: &AnchorSource) -> Result<Self, (usize, String)> {
        let mut content = Content::default();
        for (place, certificate) in certificates.into_iter().enumerate() {
            content
                .add_certificate(certificate, source)
                .map_err(|why| (place + 1, why))?;
        }
        Ok(Self(Arc::new(content)))
    }

    /// How many certificates there are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.anchors.len()
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

    /// Each of its anchors, in the order in which they were given.
    pub fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        self.0.anchors.iter().map(AsRef::as_ref)
    }

    /// Without those for which `is_left_out` says yes: what would become of chains if they were not there.
    #[must_use]
    pub fn without(&self, is_left_out: impl Fn(&Anchor) -> bool) -> Self {
        let mut content = Content::default();
        let left = self.0.anchors.iter().filter(|anchor| !is_left_out(anchor));
        content.anchors.extend(left.cloned());
        content.load_errors.extend_from_slice(&self.0.load_errors);
        Self(Arc::new(content))
    }

    /// Where a chain leads by this set alone; nothing is kept of the answer. For questions about what would be: what is
    /// in force is asked of a [`crate::Verifier`].
    #[must_use]
    pub fn path(&self, chain: &PeerChain, now: Timestamp) -> PathAnswer {
        let leaf = match leaf_of(chain) {
            Ok(leaf) => leaf,
            Err(fault) => return PathAnswer::without_path(Verdict::Fails(fault)),
        };
        if self.is_empty() {
            return PathAnswer::without_path(Verdict::Unknown("there are no trust anchors".to_owned()));
        }
        let Found { fault, route } = find_path(chain, leaf, self, now);
        PathAnswer {
            verdict: fault.map_or(Verdict::Holds, Verdict::Fails),
            path: route.map(|route| VerifiedPath::new(chain, Arc::new(route))),
        }
    }

    /// Those with this subject, a Name in DER, at which a path may end.
    pub(crate) fn of_subject<'a>(&'a self, subject: &'a [u8]) -> impl Iterator<Item = &'a Arc<Anchor>> {
        let anchors = self.0.anchors.iter();
        anchors.filter(move |anchor| anchor.trusted().is_some() && anchor.subject_der() == subject)
    }

    pub(crate) fn pin(&self, leaf: &CertificateDer<'_>) -> Option<&Arc<Anchor>> {
        let mut anchors = self.0.anchors.iter();
        anchors.find(|anchor| anchor.is_pin && anchor.certificate() == leaf.as_ref())
    }
}

impl Content {
    /// The error says why it can be neither anchor nor pin.
    fn add_certificate(&mut self, certificate: CertificateDer<'static>, source: &AnchorSource) -> Result<(), String> {
        let is_pin = source.is_operators() && is_self_issued(&certificate);
        match anchor_from_trusted_cert(&certificate).map(|trusted| trusted.to_owned()) {
            Ok(trusted) => {
                let mut anchor = Anchor::new(trusted, certificate, source.clone());
                anchor.is_pin = is_pin;
                self.add(anchor.into());
            }
            Err(_) if is_pin => self.add(Anchor::mere_pin(certificate, source.clone()).into()),
            Err(error) => return Err(format!("{error:?}")),
        }
        Ok(())
    }

    fn add(&mut self, anchor: Arc<Anchor>) {
        match self.anchors.iter_mut().find(|known| known.is_same(&anchor)) {
            Some(known) if known.says_as_much_as(&anchor) => {}
            Some(known) => Arc::make_mut(known).join(&anchor),
            None => self.anchors.push(anchor),
        }
    }
}

/// Whether subject and issuer are the same name, octet for octet.
pub(crate) fn is_self_issued(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_whole_and_held_to_the_names_that_mozilla_holds_it_to() {
        let bundled = AnchorSet::bundled();
        assert!(bundled.load_errors().is_empty(), "{:?}", bundled.load_errors());
        let is_held = |anchor: &&Anchor| anchor.trusted().is_some_and(|root| root.name_constraints.is_some());
        let held: Vec<_> = bundled
            .anchors()
            .filter(is_held)
            .map(|anchor| anchor.subject.as_str())
            .collect();
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(held[0].contains("TUBITAK"), "{held:?}");
    }
}
