//! Just enough DER to find a certificate's subject and public key, whatever else is odd about the certificate.
//!
//! Handshake signatures are verified with the key as it stands in the certificate, so X.509 version, extensions
//! and validity must not matter here. RFC 5280 §4.1.

use crate::octets::Octets;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const VERSION: u8 = 0xa0;

/// A SubjectPublicKeyInfo, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicKeyInfo<'a> {
    /// The whole of it in DER.
    pub whole: &'a [u8],
    /// Content of the algorithm's object identifier.
    pub algorithm: &'a [u8],
    /// Content of the parameter when that is an object identifier too (a curve); empty otherwise.
    pub curve: &'a [u8],
    /// The key's octets.
    pub key: &'a [u8],
}

/// One element: its tag, its content and all its octets.
fn element<'a>(from: &mut Octets<'a>) -> Option<(u8, &'a [u8], &'a [u8])> {
    let start = from.0;
    let tag = from.u8()?;
    let first = from.u8()?;
    let len = match first {
        0..=0x7f => usize::from(first),
        0x81 => usize::from(from.u8()?),
        0x82 => usize::from(from.u16()?),
        0x83 => from.u24()?,
        _ => return None,
    };
    let content = from.take(len)?;
    Some((tag, content, &start[..start.len() - from.0.len()]))
}

fn content<'a>(from: &mut Octets<'a>, tag: u8) -> Option<&'a [u8]> {
    match element(from)? {
        (found, content, _) if found == tag => Some(content),
        _ => None,
    }
}

/// A SEQUENCE with its tag.
fn whole_sequence<'a>(from: &mut Octets<'a>) -> Option<&'a [u8]> {
    let (tag, _, whole) = element(from)?;
    (tag == SEQUENCE).then_some(whole)
}

/// What a certificate says of its issuer and its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateParts<'a> {
    /// A Name in DER.
    pub issuer: &'a [u8],
    /// Likewise.
    pub subject: &'a [u8],
    pub key: PublicKeyInfo<'a>,
}

/// The subject's public key in a certificate.
pub(crate) fn public_key_info(certificate: &[u8]) -> Option<PublicKeyInfo<'_>> {
    Some(certificate_parts(certificate)?.key)
}

/// The issuer and the subject of a certificate, and its public key.
pub(crate) fn certificate_parts(certificate: &[u8]) -> Option<CertificateParts<'_>> {
    let mut certificate = Octets(content(&mut Octets(certificate), SEQUENCE)?);
    let mut signed = Octets(content(&mut certificate, SEQUENCE)?);
    if signed.0.first() == Some(&VERSION) {
        element(&mut signed)?;
    }
    content(&mut signed, INTEGER)?; // serial number
    content(&mut signed, SEQUENCE)?; // signature algorithm
    let issuer = whole_sequence(&mut signed)?;
    content(&mut signed, SEQUENCE)?; // validity
    Some(CertificateParts {
        issuer,
        subject: whole_sequence(&mut signed)?,
        key: next_key_info(&mut signed)?,
    })
}

/// A SubjectPublicKeyInfo in DER, taken apart.
pub(crate) fn key_info(info: &[u8]) -> Option<PublicKeyInfo<'_>> {
    next_key_info(&mut Octets(info))
}

/// A SEQUENCE with this content.
pub(crate) fn in_sequence(content: &[u8]) -> Vec<u8> {
    let mut der = vec![SEQUENCE];
    let len = content.len().to_be_bytes();
    let len = &len[len.iter().position(|octet| *octet != 0).unwrap_or(len.len() - 1)..];
    if let [len @ 0..=0x7f] = len {
        der.push(*len);
    } else {
        der.push(0x80 | u8::try_from(len.len()).unwrap_or_default());
        der.extend_from_slice(len);
    }
    der.extend_from_slice(content);
    der
}

fn next_key_info<'a>(from: &mut Octets<'a>) -> Option<PublicKeyInfo<'a>> {
    let (tag, info, whole) = element(from)?;
    if tag != SEQUENCE {
        return None;
    }
    let mut info = Octets(info);
    let mut identifier = Octets(content(&mut info, SEQUENCE)?);
    let algorithm = content(&mut identifier, OBJECT_IDENTIFIER)?;
    let curve = match element(&mut identifier) {
        Some((OBJECT_IDENTIFIER, curve, _)) => curve,
        _ => &[],
    };
    let (unused_bits, key) = content(&mut info, BIT_STRING)?.split_first()?;
    (*unused_bits == 0).then_some(PublicKeyInfo {
        whole,
        algorithm,
        curve,
        key,
    })
}

/// An RSAPublicKey, as far as its strength is concerned (RFC 8017 appendix A.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RsaPublicKey {
    /// Of the modulus.
    pub bits: usize,
    pub is_modulus_odd: bool,
    /// Whether the exponent is odd and at least 3.
    pub is_exponent_fit: bool,
}

/// An RSAPublicKey in DER.
pub(crate) fn rsa_public_key(key: &[u8]) -> Option<RsaPublicKey> {
    let mut key = Octets(content(&mut Octets(key), SEQUENCE)?);
    let modulus = without_zeros(content(&mut key, INTEGER)?);
    let exponent = without_zeros(content(&mut key, INTEGER)?);
    let leading_zeros = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let is_odd = |number: &[u8]| number.last().is_some_and(|octet| octet & 1 == 1);
    Some(RsaPublicKey {
        bits: modulus.len() * 8 - leading_zeros,
        is_modulus_odd: is_odd(modulus),
        is_exponent_fit: is_odd(exponent) && exponent != [1],
    })
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|octet| *octet != 0);
    &number[first.unwrap_or(number.len())..]
}
