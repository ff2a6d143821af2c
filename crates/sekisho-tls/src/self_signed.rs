//! The certificate pair that a server without configuration makes for itself.
//!
//! It lives long and its keys outlive it, so that a peer may pin either. Nobody but a peer that pins can verify it;
//! opportunistic senders do not ask.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use sekisho_mail::{Domain, Timestamp};
use zeroize::Zeroizing;

use crate::{Identity, IdentityError, IdentityFiles};

/// How long a certificate is valid from the day on which it is made.
pub const VALIDITY_DAYS: u32 = 3650;
/// A certificate with less than this left is made anew at start, with the same key.
pub const RENEWAL_DAYS: u32 = 90;

/// RFC 5280 appendix A.1, `ub-common-name`.
const MAX_COMMON_NAME_LEN: usize = 64;
const DAY: Duration = Duration::from_secs(86_400);

/// Why the pair could not be made; each names the file and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The folder or a file in it cannot be read or written.
    #[error("{}: {source}; check that the user of sekisho may read and write here", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What lies there is no key that could be used again.
    #[error("{}: {why}; move the file away, and a new key will be made", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A pair that was just made, or was there, cannot be loaded.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The library could not make a key or a certificate.
    #[error("a self-signed certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Which key a certificate of the pair has.
#[derive(Clone, Copy, Debug)]
enum Algorithm {
    P256,
    Rsa2048,
}

impl Algorithm {
    const fn stem(self) -> &'static str {
        match self {
            Self::P256 => "self-signed-p256",
            Self::Rsa2048 => "self-signed-rsa2048",
        }
    }

    fn make_key(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        }
    }
}

/// Finds or makes a long-lived self-signed pair for `hostname` in `folder`: P-256 first, then RSA-2048, in the
/// order in which [`crate::ServerCertificates::load`] wants them. A certificate for another name, or near its end,
/// is made anew with the key that is there. Blocks on the disk, and for a new RSA key for some tenths of a second.
///
/// # Errors
/// When `folder` cannot be written, or what lies there cannot be used.
pub fn ensure_self_signed_pair(
    folder: &Path,
    hostname: &Domain,
    now: Timestamp,
) -> Result<Vec<IdentityFiles>, SelfSignedError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| file_error(folder, source))?;
    [Algorithm::P256, Algorithm::Rsa2048]
        .into_iter()
        .map(|algorithm| ensure(folder, hostname, now, algorithm))
        .collect()
}

fn ensure(
    folder: &Path,
    hostname: &Domain,
    now: Timestamp,
    algorithm: Algorithm,
) -> Result<IdentityFiles, SelfSignedError> {
    let files = IdentityFiles {
        chain: folder.join(format!("{}.crt", algorithm.stem())),
        key: folder.join(format!("{}.key", algorithm.stem())),
    };
    let has_key = exists(&files.key)?;
    if has_key && exists(&files.chain)? && is_fit(&Identity::load(&files)?, hostname, now) {
        return Ok(files);
    }
    let key = if has_key {
        load_key(&files.key)?
    } else {
        let key = algorithm.make_key()?;
        // The key first: a certificate without its key would be of no use after a crash.
        store(&files.key, Zeroizing::new(key.serialize_pem()).as_bytes())?;
        key
    };
    let certificate = parameters(hostname, now)?.self_signed(&key)?;
    store(&files.chain, certificate.pem().as_bytes())?;
    Identity::load(&files)?;
    Ok(files)
}

fn is_fit(identity: &Identity, hostname: &Domain, now: Timestamp) -> bool {
    let leaf = identity.leaf();
    leaf.dns_names.iter().any(|name| name == hostname.as_str())
        && leaf.not_before <= now
        && leaf.not_after > now.plus(DAY * RENEWAL_DAYS)
}

fn parameters(hostname: &Domain, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new([hostname.as_str().to_owned()])?;
    parameters.distinguished_name = DistinguishedName::new();
    if hostname.as_str().len() <= MAX_COMMON_NAME_LEN {
        parameters
            .distinguished_name
            .push(DnType::CommonName, hostname.as_str());
    } else {
        parameters
            .distinguished_name
            .push(DnType::CommonName, "self-signed mail server");
    }
    let date = |at: Timestamp| {
        let (year, month, day, ..) = at.civil();
        date_time_ymd(i32::try_from(year).unwrap_or(i32::MAX), month, day)
    };
    // A day earlier, for peers whose clocks are late.
    parameters.not_before = date(now.minus(DAY));
    parameters.not_after = date(now.plus(DAY * VALIDITY_DAYS));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(parameters)
}

fn load_key(path: &Path) -> Result<KeyPair, SelfSignedError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|source| file_error(path, source))?);
    KeyPair::from_pem(&text).map_err(|error| SelfSignedError::Key {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn exists(path: &Path) -> Result<bool, SelfSignedError> {
    path.try_exists().map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> SelfSignedError {
    SelfSignedError::File {
        path: path.to_owned(),
        source,
    }
}

/// Writes a file that is there whole or not at all, also after a crash.
fn store(path: &Path, content: &[u8]) -> Result<(), SelfSignedError> {
    let unfinished = path.with_extension("new");
    let write = || {
        match fs::remove_file(&unfinished) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        match path.parent() {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| file_error(path, source))
}
