//! Private keys of our own: made, read from PEM, and what they sign of themselves (RFC 2986). What was read is wiped
//! when it is dropped; what the libraries keep of it is theirs.

use std::{collections::BTreeSet, fmt, str::FromStr};

use pem_rfc7468::LineEnding;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use sekisho_mail::{Digest, KeyExchangeGroups, TlsVersion};
use x509_parser::{
    certification_request::X509CertificationRequest,
    prelude::{FromDer as _, GeneralName, ParsedExtension},
};
use zeroize::Zeroizing;

use crate::{chain::sha256, identity::AssemblyFault, provider::provider_for};

/// RFC 5280 appendix A.1, `ub-common-name`.
const COMMON_NAME_LEN_MAX: usize = 64;
/// RFC 7468 §7.
const REQUEST_LABEL: &str = "CERTIFICATE REQUEST";

/// Which key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// As operators write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no type of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no type of key; there are ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 and rsa-4096")]
pub struct KeyTypeError;

impl FromStr for KeyType {
    type Err = KeyTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or(KeyTypeError)
    }
}

/// Kinds of keys, of each of which a name may have a certificate: a client takes the one that it can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyFamily {
    /// On any curve of NIST's.
    Ecdsa,
    /// Of any length.
    Rsa,
    /// Ed25519.
    Other,
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is none, or is encrypted.
    #[error("this is no private key in PEM without a passphrase ({0}); PKCS#8, PKCS#1 and SEC1 are read")]
    Unreadable(String),
    /// The library refuses it.
    #[error(transparent)]
    Unusable(#[from] AssemblyFault),
    /// The library could not make one, or a request for it.
    #[error("a key or a request for a certificate could not be made: {0}")]
    Making(String),
}

/// A private key in memory. It is never shown.
pub struct PrivateKey {
    pem: Zeroizing<String>,
    spki: Vec<u8>,
    spki_sha256: Digest,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("spki_sha256", &self.spki_sha256)
            .finish_non_exhaustive()
    }
}

/// A request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// PKCS#10 in PEM.
    pub pem: String,
    /// Likewise in DER.
    pub der: Vec<u8>,
}

impl SigningRequest {
    /// One that was made before, in PEM; `None` when it cannot be read.
    #[must_use]
    pub fn parse(pem: &str) -> Option<Self> {
        let (label, der) = pem_rfc7468::decode_vec(pem.as_bytes()).ok()?;
        (label == REQUEST_LABEL).then(|| Self {
            pem: pem.to_owned(),
            der,
        })
    }

    /// The DNS names that it asks for, in lower case; `None` when it asks for anything else, or cannot be read.
    #[must_use]
    pub fn dns_names(&self) -> Option<BTreeSet<String>> {
        let (rest, request) = X509CertificationRequest::from_der(&self.der).ok()?;
        let asked = request.requested_extensions().filter(|_| rest.is_empty())?;
        let alternatives = asked.filter_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
        let names = alternatives.flatten().map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        names.collect()
    }
}

impl PrivateKey {
    /// Makes a new one; RSA takes tenths of a second, and seconds for 4096 bits.
    ///
    /// # Errors
    /// When the library cannot.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size);
        let made = match key_type {
            KeyType::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyType::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            KeyType::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyType::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyType::Rsa4096 => rsa(RsaKeySize::_4096),
        };
        let made = made.map_err(|error| KeyError::Making(error.to_string()))?;
        Self::parse(made.serialize_pem().into())
    }

    /// The one in a PEM text, which may hold certificates too.
    ///
    /// # Errors
    /// When there is none, or none that can be used.
    pub fn parse(pem: Zeroizing<String>) -> Result<Self, KeyError> {
        let unreadable = |error: &dyn fmt::Display| KeyError::Unreadable(error.to_string());
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| unreadable(&error))?;
        let provider = provider_for(KeyExchangeGroups::ALL, TlsVersion::Tls12);
        let key = provider.key_provider.load_private_key(der);
        let key = key.map_err(|error| AssemblyFault::UnusableKey(error.to_string()))?;
        let info = key
            .public_key()
            .ok_or_else(|| AssemblyFault::UnusableKey("its public half cannot be told".to_owned()))?;
        Ok(Self {
            spki_sha256: sha256(&info),
            spki: info.to_vec(),
            pem: alone(&pem),
        })
    }

    /// From PKCS#8 in DER.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pem = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, der)
            .map_err(|error| KeyError::Unreadable(error.to_string()))?;
        Self::parse(pem.into())
    }

    /// Its SubjectPublicKeyInfo in DER, which is public.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The SHA-256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub const fn spki_sha256(&self) -> Digest {
        self.spki_sha256
    }

    /// As files keep it. To be written to a file that nobody else can read, and to nothing else.
    #[must_use]
    pub const fn pem(&self) -> &Zeroizing<String> {
        &self.pem
    }

    pub(crate) fn to_der(&self) -> Result<PrivateKeyDer<'static>, AssemblyFault> {
        PrivateKeyDer::from_pem_slice(self.pem.as_bytes())
            .map_err(|error| AssemblyFault::UnusableKey(error.to_string()))
    }

    /// A request for a certificate for these names; the first of them is the subject's common name where it is short
    /// enough to be one.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate, or the library does not know such a key.
    pub fn request(&self, names: &[String]) -> Result<SigningRequest, KeyError> {
        let making = |error: rcgen::Error| KeyError::Making(error.to_string());
        let key = KeyPair::from_pem(&self.pem).map_err(making)?;
        let mut parameters = CertificateParams::new(names).map_err(making)?;
        parameters.distinguished_name = DistinguishedName::new();
        if let Some(first) = names.first().filter(|name| name.len() <= COMMON_NAME_LEN_MAX) {
            parameters.distinguished_name.push(DnType::CommonName, first);
        }
        let request = parameters.serialize_request(&key).map_err(making)?;
        Ok(SigningRequest {
            pem: request.pem().map_err(making)?,
            der: request.der().to_vec(),
        })
    }
}

/// The key's block of a text that may hold certificates beside it.
fn alone(pem: &Zeroizing<String>) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(pem.len()));
    let mut inside = false;
    for line in pem.lines() {
        let begins = line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY");
        inside |= begins;
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
        if inside && line.starts_with("-----END ") {
            break;
        }
    }
    kept
}
