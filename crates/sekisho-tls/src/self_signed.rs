//! The certificate pair that a server without configuration makes for itself.

use std::{
    io,
    path::{Path, PathBuf},
};

use sekisho_mail::{Domain, Timestamp};

use crate::IdentityFiles;

/// Why the pair could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The folder or a file in it cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Finds or makes a long-lived self-signed pair for `hostname` in `folder`: P-256 first, then RSA-2048, in the
/// order in which [`crate::ServerCertificates::load`] wants them. Blocks on the disk, and for the RSA key for
/// some tenths of a second.
///
/// # Errors
/// When `folder` cannot be written, or what lies there cannot be used.
pub fn ensure_self_signed_pair(
    folder: &Path,
    hostname: &Domain,
    now: Timestamp,
) -> Result<Vec<IdentityFiles>, SelfSignedError> {
    todo!("{folder:?} {hostname} {now}")
}
