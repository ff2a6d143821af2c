//! What an authority signed, and the authority by whose key that is verified.
//!
//! Algorithms and key sizes are those by which a path of certificates is verified: nothing with SHA-1 or MD5, no RSA
//! key below 2048 bits.

use sekisho_mail::Digest;
use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use crate::{
    PathLink,
    asn1::{Elements, Malformed, SEQUENCE, whole},
    chain::bounded,
    sha256,
};

/// Why a signature is not the authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// By an algorithm that proves nothing any more.
    #[error("it is signed by means of {0}, which is too weak")]
    Weak(&'static str),
    /// By one that is not known here, or that is not the key's.
    #[error("the algorithm of its signature is not known, or not one for its signer's key")]
    Unknown,
    /// Altered, or signed with another key.
    #[error("its signature is not by its signer's key")]
    Wrong,
}

/// Content of the object identifiers of what is too weak, and how it is called.
const WEAK: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02], "MD2"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "MD5"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "SHA-1"),
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1d], "SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "SHA-1"),
];

/// Octets with the signature over them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// What is signed, as it stands there.
    pub(super) content: &'a [u8],
    /// Content of the AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The three that stand one behind the other in a certificate, a CRL and an OCSP answer.
    pub(super) fn next(from: &mut Elements<'a>, what: &'static str) -> Result<Self, Malformed> {
        let content = from.any(what)?;
        if content.tag != SEQUENCE {
            return Err(Malformed(what));
        }
        Ok(Self {
            content: content.whole,
            algorithm: from.content(SEQUENCE, "the algorithm of its signature")?,
            signature: from.bits("its signature")?,
        })
    }

    /// Whether the key in this SubjectPublicKeyInfo signed it.
    pub(super) fn verify(&self, spki: &[u8]) -> Result<(), SignatureFault> {
        let weak = WEAK.iter().find(|(id, _)| {
            let mut algorithm = Elements::new(self.algorithm);
            algorithm.any("").is_ok_and(|found| found.content == *id)
        });
        if let Some((_, name)) = weak {
            return Err(SignatureFault::Weak(name));
        }
        let (key_algorithm, key) = key_in(spki).map_err(|_| SignatureFault::Unknown)?;
        let fitting = ALL_VERIFICATION_ALGS.iter().find(|known| {
            known.signature_alg_id().as_ref() == self.algorithm && known.public_key_alg_id().as_ref() == key_algorithm
        });
        let fitting = fitting.ok_or(SignatureFault::Unknown)?;
        let verified = fitting.verify_signature(key, self.content, self.signature);
        verified.map_err(|_| SignatureFault::Wrong)
    }
}

/// Content of the AlgorithmIdentifier and the key of a SubjectPublicKeyInfo.
pub(super) fn key_in(spki: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    const WHAT: &str = "the signer's key";
    let mut fields = whole(spki, SEQUENCE, WHAT)?;
    let algorithm = fields.content(SEQUENCE, WHAT)?;
    let key = fields.bits(WHAT)?;
    fields.end(WHAT)?;
    Ok((algorithm, key))
}

/// An authority, as what it signs is verified by it. What is signed for one is never taken for another's that has the
/// same name and another key, or the same key and other usages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// Its subject, a Name in DER.
    pub(super) name: Box<[u8]>,
    /// Its SubjectPublicKeyInfo in DER.
    pub(super) spki: Box<[u8]>,
    /// Whether it may sign CRLs: it has no key usages, is an anchor of which only name and key are known, or has
    /// `cRLSign` (RFC 5280 §6.3.3 (f)).
    pub(super) may_sign_crls: bool,
    /// Tells it from all others.
    pub(super) id: Digest,
}

impl Issuer {
    /// The issuer of a certificate on a path.
    pub(super) fn of(link: &PathLink<'_>) -> Self {
        let may_sign_crls = link.issuer_certificate.is_none_or(may_sign_crls);
        Self::new(link.issuer_subject, link.issuer_spki, may_sign_crls)
    }

    pub(super) fn new(name: &[u8], spki: &[u8], may_sign_crls: bool) -> Self {
        let mut all = Vec::with_capacity(name.len() + spki.len() + 64);
        // Digests of a fixed length, so that no two issuers are written alike.
        all.extend_from_slice(&sha256(name).0);
        all.extend_from_slice(&sha256(spki).0);
        all.push(u8::from(may_sign_crls));
        Self {
            name: name.into(),
            spki: spki.into(),
            may_sign_crls,
            id: sha256(&all),
        }
    }

    /// Its name in words.
    pub(super) fn words(&self) -> String {
        let name = X509Name::from_der(&self.name);
        name.map_or_else(|_| String::new(), |(_, name)| bounded(name.to_string()))
    }
}

fn may_sign_crls(certificate: &[u8]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    match parsed.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.crl_sign()),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _, SigningKey as _};

    use super::*;
    use crate::asn1::element;

    const ECDSA_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    const MESSAGE: &[u8] = b"what is signed";

    fn signed<'a>(algorithm: &'a [u8], signature: &'a [u8]) -> Signed<'a> {
        Signed {
            content: MESSAGE,
            algorithm,
            signature,
        }
    }

    #[test]
    fn only_the_signers_key_and_a_strong_algorithm_will_do() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let spki = key.subject_public_key_info();
        let (good, bad) = (key.sign(MESSAGE).unwrap(), other.sign(MESSAGE).unwrap());
        assert_eq!(signed(ECDSA_SHA256, &good).verify(&spki), Ok(()));
        assert_eq!(signed(ECDSA_SHA256, &bad).verify(&spki), Err(SignatureFault::Wrong));
        for (id, name) in WEAK {
            let algorithm = element(0x06, id);
            assert_eq!(signed(&algorithm, &good).verify(&spki), Err(SignatureFault::Weak(name)));
        }
        let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        assert_eq!(
            signed(ECDSA_SHA256, &good).verify(&ed25519.subject_public_key_info()),
            Err(SignatureFault::Unknown),
            "the algorithm is not one for the key"
        );
        let by_ed25519 = ed25519.sign(MESSAGE).unwrap();
        let algorithm = element(0x06, &[0x2b, 0x65, 0x70]);
        assert_eq!(
            signed(&algorithm, &by_ed25519).verify(&ed25519.subject_public_key_info()),
            Ok(())
        );
        let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let by_rsa = rsa.sign(MESSAGE).unwrap();
        let mut algorithm = element(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
        algorithm.extend_from_slice(&[0x05, 0x00]);
        assert_eq!(
            signed(&algorithm, &by_rsa).verify(&rsa.subject_public_key_info()),
            Ok(())
        );
    }

    #[test]
    fn an_issuer_is_its_name_its_key_and_what_it_may_sign() {
        let one = Issuer::new(b"name", b"key", true);
        assert_eq!(one.id, Issuer::new(b"name", b"key", true).id);
        for other in [
            Issuer::new(b"name", b"key", false),
            Issuer::new(b"name", b"yek", true),
            Issuer::new(b"namek", b"ey", true),
        ] {
            assert_ne!(one.id, other.id);
        }
    }
}
