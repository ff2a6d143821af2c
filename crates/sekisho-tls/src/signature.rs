//! Verifies the signature of a handshake with the key as it stands in the certificate.
//!
//! Nothing more is asked of the certificate here. A wrong signature ends the handshake; a key or form that
//! cannot be checked is recorded, and the handshake goes on. RFC 8446 §4.4.3, RFC 5246 §7.4.3 and §7.4.8.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use rustls::SignatureScheme;
use sekisho_mail::KeyProof;

use crate::der::{PublicKeyInfo, public_key_info, rsa_public_key};

/// The schemes that a peer may sign with, in the order in which they are advertised.
pub(crate) const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const OID_ED448: &[u8] = &[0x2b, 0x65, 0x71];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const OID_P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// RFC 8446 and RFC 5246 bind schemes to keys differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// The scheme names only algorithm family and hash; the curve is the key's.
    Tls12,
    /// The scheme names the curve as well, and PKCS #1 v1.5 is not allowed.
    Tls13,
}

/// Why a handshake ends over its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Signed with a scheme that was not offered, or that this version does not allow.
    SchemeNotOffered,
    /// Signed with a scheme that cannot be the key's, or with another key.
    Wrong,
}

/// Which key a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Rsa { bits: usize },
    P256,
    P384,
    P521,
    Ed25519,
    Other(&'static str),
}

impl Key {
    pub(crate) fn of(info: &PublicKeyInfo<'_>) -> Self {
        match (info.algorithm, info.curve) {
            (OID_RSA | OID_RSA_PSS, _) => Self::Rsa {
                bits: rsa_public_key(info.key).map_or(0, |key| key.bits),
            },
            (OID_EC, OID_P256) => Self::P256,
            (OID_EC, OID_P384) => Self::P384,
            (OID_EC, OID_P521) => Self::P521,
            (OID_EC, _) => Self::Other("an elliptic curve other than P-256, P-384 and P-521"),
            (OID_ED25519, _) => Self::Ed25519,
            (OID_ED448, _) => Self::Other("Ed448"),
            _ => Self::Other("an algorithm other than RSA, ECDSA and Ed25519"),
        }
    }

    /// Algorithm and size in words.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Rsa { bits } => format!("RSA {bits}"),
            Self::P256 => "P-256".to_owned(),
            Self::P384 => "P-384".to_owned(),
            Self::P521 => "P-521".to_owned(),
            Self::Ed25519 => "Ed25519".to_owned(),
            Self::Other(what) => what.to_owned(),
        }
    }
}

/// Verifies `signature` over `message` with the key in `certificate`.
pub(crate) fn verify(
    rules: Rules,
    scheme: SignatureScheme,
    certificate: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<KeyProof, Rejection> {
    if !SCHEMES.contains(&scheme) || (rules == Rules::Tls13 && is_pkcs1(scheme)) {
        return Err(Rejection::SchemeNotOffered);
    }
    let Some(info) = public_key_info(certificate) else {
        return Ok(KeyProof::NotProven("the certificate's key cannot be found".to_owned()));
    };
    let key = Key::of(&info);
    let algorithm = match algorithm(rules, scheme, key)? {
        Ok(algorithm) => algorithm,
        Err(why) => return Ok(KeyProof::NotProven(why)),
    };
    match ParsedPublicKey::new(algorithm, info.key) {
        Ok(parsed) => match parsed.verify_sig(message, signature) {
            Ok(()) => Ok(KeyProof::Proven),
            Err(_) => Err(Rejection::Wrong),
        },
        Err(_) => Ok(KeyProof::NotProven(format!(
            "the key ({}) is malformed",
            key.describe()
        ))),
    }
}

/// Whether a peer that holds this certificate has proven its key in every TLS 1.3 handshake that it finished.
/// This is how a resumed session, which carries no signature, keeps what the first handshake proved.
pub(crate) fn is_always_proven_in_tls13(certificate: &[u8]) -> bool {
    public_key_info(certificate).is_some_and(|info| {
        let key = Key::of(&info);
        SCHEMES
            .iter()
            .filter(|scheme| !is_pkcs1(**scheme))
            .filter_map(|scheme| algorithm(Rules::Tls13, *scheme, key).ok())
            .all(|found| found.is_ok_and(|algorithm| ParsedPublicKey::new(algorithm, info.key).is_ok()))
            && !matches!(key, Key::Other(_))
    })
}

const fn is_pkcs1(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256 | SignatureScheme::RSA_PKCS1_SHA384 | SignatureScheme::RSA_PKCS1_SHA512
    )
}

type Found = Result<&'static dyn VerificationAlgorithm, String>;

/// The way to verify this scheme with this key: the inner error says why it cannot be checked, the outer one
/// that the scheme cannot be this key's.
fn algorithm(rules: Rules, scheme: SignatureScheme, key: Key) -> Result<Found, Rejection> {
    match key {
        Key::Rsa { bits } => rsa_algorithm(scheme, bits),
        Key::P256 | Key::P384 | Key::P521 => ecdsa_algorithm(rules, scheme, key).map(Ok),
        Key::Ed25519 if scheme == SignatureScheme::ED25519 => Ok(Ok(&ED25519)),
        Key::Ed25519 => Err(Rejection::Wrong),
        Key::Other(what) => Ok(Err(format!("the key is {what}"))),
    }
}

fn rsa_algorithm(scheme: SignatureScheme, bits: usize) -> Result<Found, Rejection> {
    let (algorithm, min_bits): (&'static dyn VerificationAlgorithm, usize) = match scheme {
        SignatureScheme::RSA_PSS_SHA256 => (&RSA_PSS_2048_8192_SHA256, 2048),
        SignatureScheme::RSA_PSS_SHA384 => (&RSA_PSS_2048_8192_SHA384, 2048),
        SignatureScheme::RSA_PSS_SHA512 => (&RSA_PSS_2048_8192_SHA512, 2048),
        SignatureScheme::RSA_PKCS1_SHA256 => (&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, 1024),
        SignatureScheme::RSA_PKCS1_SHA384 => (&RSA_PKCS1_2048_8192_SHA384, 2048),
        SignatureScheme::RSA_PKCS1_SHA512 => (&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, 1024),
        _ => return Err(Rejection::Wrong),
    };
    if bits < min_bits {
        return Ok(Err(format!(
            "the RSA key has {bits} bits, and this form of signature is checked from {min_bits} bits on"
        )));
    }
    if bits > 8192 {
        return Ok(Err(format!("the RSA key has {bits} bits, more than 8192")));
    }
    Ok(Ok(algorithm))
}

fn ecdsa_algorithm(
    rules: Rules,
    scheme: SignatureScheme,
    key: Key,
) -> Result<&'static dyn VerificationAlgorithm, Rejection> {
    let native = match key {
        Key::P256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        Key::P384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        _ => SignatureScheme::ECDSA_NISTP521_SHA512,
    };
    if rules == Rules::Tls13 && scheme != native {
        return Err(Rejection::Wrong);
    }
    Ok(match (key, scheme) {
        (Key::P256, SignatureScheme::ECDSA_NISTP256_SHA256) => &ECDSA_P256_SHA256_ASN1,
        (Key::P256, SignatureScheme::ECDSA_NISTP384_SHA384) => &ECDSA_P256_SHA384_ASN1,
        (Key::P256, SignatureScheme::ECDSA_NISTP521_SHA512) => &ECDSA_P256_SHA512_ASN1,
        (Key::P384, SignatureScheme::ECDSA_NISTP256_SHA256) => &ECDSA_P384_SHA256_ASN1,
        (Key::P384, SignatureScheme::ECDSA_NISTP384_SHA384) => &ECDSA_P384_SHA384_ASN1,
        (Key::P384, SignatureScheme::ECDSA_NISTP521_SHA512) => &ECDSA_P384_SHA512_ASN1,
        (_, SignatureScheme::ECDSA_NISTP256_SHA256) => &ECDSA_P521_SHA256_ASN1,
        (_, SignatureScheme::ECDSA_NISTP384_SHA384) => &ECDSA_P521_SHA384_ASN1,
        (_, SignatureScheme::ECDSA_NISTP521_SHA512) => &ECDSA_P521_SHA512_ASN1,
        _ => return Err(Rejection::Wrong),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SigningKey};

    use super::*;

    const MESSAGE: &[u8] = b"transcript";

    fn verify_by(
        certificate: &[u8],
        rules: Rules,
        scheme: SignatureScheme,
        signature: &[u8],
    ) -> Result<KeyProof, Rejection> {
        verify(rules, scheme, certificate, MESSAGE, signature)
    }

    #[test]
    fn only_the_key_in_the_certificate_proves_itself() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let (good, bad) = (key.sign(MESSAGE).unwrap(), other.sign(MESSAGE).unwrap());
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        for rules in [Rules::Tls12, Rules::Tls13] {
            assert_eq!(verify_by(certificate.der(), rules, scheme, &good), Ok(KeyProof::Proven));
            assert_eq!(verify_by(certificate.der(), rules, scheme, &bad), Err(Rejection::Wrong));
            assert_eq!(verify_by(certificate.der(), rules, scheme, b""), Err(Rejection::Wrong));
            let of_rsa = SignatureScheme::RSA_PSS_SHA256;
            assert_eq!(
                verify_by(certificate.der(), rules, of_rsa, &good),
                Err(Rejection::Wrong)
            );
            let legacy = SignatureScheme::RSA_PKCS1_SHA1;
            assert_eq!(
                verify_by(certificate.der(), rules, legacy, &good),
                Err(Rejection::SchemeNotOffered)
            );
        }
        let pkcs1 = SignatureScheme::RSA_PKCS1_SHA256;
        assert_eq!(
            verify_by(certificate.der(), Rules::Tls13, pkcs1, &good),
            Err(Rejection::SchemeNotOffered)
        );
        let p384 = SignatureScheme::ECDSA_NISTP384_SHA384;
        assert_eq!(
            verify_by(certificate.der(), Rules::Tls13, p384, &good),
            Err(Rejection::Wrong)
        );
        assert!(is_always_proven_in_tls13(certificate.der()));
    }

    #[test]
    fn what_cannot_be_checked_is_not_proven() {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        for len in 0..certificate.der().len() {
            let answer = verify_by(&certificate.der()[..len], Rules::Tls13, scheme, b"");
            assert!(matches!(answer, Ok(KeyProof::NotProven(_))), "{len}: {answer:?}");
            assert!(!is_always_proven_in_tls13(&certificate.der()[..len]));
        }
    }
}
