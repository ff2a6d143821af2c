//! Keys and signing requests that a test orders certificates with.

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData as _};
use sekisho_mail::Digest;

/// A key of ours and what it asks an authority for.
pub struct SigningRequest {
    key: KeyPair,
    /// The request in DER.
    pub der: Vec<u8>,
}

impl std::fmt::Debug for SigningRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningRequest").finish_non_exhaustive()
    }
}

impl SigningRequest {
    /// For these names, with a new key.
    ///
    /// # Panics
    /// When a name is no DNS name.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("DNS names");
        parameters.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate().expect("a key can be made");
        let request = parameters.serialize_request(&key).expect("a request can be signed");
        Self {
            der: request.der().to_vec(),
            key,
        }
    }

    /// The digest of its public key.
    #[must_use]
    pub fn key_digest(&self) -> Digest {
        sekisho_tls::sha256(&self.key.subject_public_key_info())
    }
}
