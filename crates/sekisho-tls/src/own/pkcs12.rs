//! PKCS#12 files (`.pfx`, `.p12`): a chain with its key, as Windows and Java hand it over. RFC 7292.
//!
//! Read are PBES2 with AES, which OpenSSL 3 writes, and the older 3DES and RC2 of Windows. Not read are files with
//! several keys, keys on curves that no certificate has, and files whose key is protected otherwise than by the
//! passphrase.

use p12_keystore::Pkcs12Archive;
use zeroize::Zeroizing;

use super::{CertificateChain, ChainError, KeyError, PrivateKey};

/// Longest file that is read.
const OCTETS_MAX: usize = 1024 * 1024;

/// What a file holds.
#[derive(Debug)]
pub struct Pkcs12Content {
    /// Its certificates, in no particular order.
    pub chain: CertificateChain,
    /// Its key.
    pub key: PrivateKey,
}

/// Why a file gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs12Error {
    /// Far longer than any.
    #[error("the file is longer than {OCTETS_MAX} octets: it is no PKCS#12 file of one certificate")]
    TooLong,
    /// Damaged, protected by what is not read, or the passphrase is wrong.
    #[error(
        "the file cannot be read: {0}; check the passphrase. PBES2 with AES and the older 3DES and RC2 are read: if it \
         is neither, export it anew, or convert it with `openssl pkcs12 -in FILE -nodes` and import certificate and key"
    )]
    Unreadable(String),
    /// Certificates alone, or several keys.
    #[error("the file has {0} private keys; it must have the one of the certificate: export them one by one")]
    Keys(usize),
    /// The key in it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificates in it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Reads one.
///
/// # Errors
/// See [`Pkcs12Error`].
pub fn read_pkcs12(octets: &[u8], passphrase: &Zeroizing<String>) -> Result<Pkcs12Content, Pkcs12Error> {
    if octets.len() > OCTETS_MAX {
        return Err(Pkcs12Error::TooLong);
    }
    let mut archive =
        Pkcs12Archive::from_pkcs12(octets, passphrase).map_err(|error| Pkcs12Error::Unreadable(error.to_string()))?;
    let number = archive.keys.len();
    let key = archive
        .keys
        .pop()
        .filter(|_| number == 1)
        .ok_or(Pkcs12Error::Keys(number))?;
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec());
    Ok(Pkcs12Content {
        chain: CertificateChain::from_der(certificates)?,
        key: PrivateKey::from_pkcs8(key.key.as_der())?,
    })
}
