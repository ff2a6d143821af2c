//! Our own certificates with their keys.

use std::{fmt, io, path::PathBuf, sync::Arc};

use sekisho_mail::CertificateFacts;

/// Where a certificate chain and its key lie, both in PEM. They may be the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdentityFiles {
    /// The chain, leaf first.
    pub chain: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1. Not readable by the world.
    pub key: PathBuf,
}

/// A certificate chain with its private key. Cheap to clone; the key is never shown.
#[derive(Clone)]
pub struct Identity {
    facts: Arc<[CertificateFacts]>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("chain", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Why a certificate or key could not be loaded; each names the file and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Identity {
    /// Loads and checks a pair; blocks on the disk.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, when the key can be read by the world, or when
    /// key and leaf do not belong together.
    pub fn load(files: &IdentityFiles) -> Result<Self, IdentityError> {
        todo!("{files:?}")
    }

    /// The chain, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateFacts] {
        &self.facts
    }
}

/// The certificates of a listener, with an index by server name.
#[derive(Clone, Debug)]
pub struct ServerCertificates {
    identities: Vec<Identity>,
}

impl ServerCertificates {
    /// From identities in the order in which they are preferred. The first, and any other that shares one of
    /// its names, are the default for absent, unknown and IP-literal server names.
    ///
    /// `None` when there is no identity at all.
    #[must_use]
    pub fn new(identities: Vec<Identity>) -> Option<Self> {
        (!identities.is_empty()).then_some(Self { identities })
    }

    /// [`Identity::load`] for each, then [`Self::new`]; blocks on the disk.
    ///
    /// # Errors
    /// Every fault of every pair, not only the first.
    pub fn load(files: &[IdentityFiles]) -> Result<Self, Vec<IdentityError>> {
        todo!("{files:?}")
    }

    /// The identities in order of preference.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }
}
