//! What is asked, and by what a certificate is named in request and answer. RFC 6960 §4.1.1.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::{
    asn1::{Elements, INTEGER, Malformed, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element},
    revocation::{
        crl::Serial,
        signed::{Issuer, key_in},
    },
};

/// Content of the object identifiers of the digests by which an issuer is named.
const SHA1_ID: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256_ID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// How an answer names the certificate that it is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::revocation) struct CertId<'a> {
    algorithm: &'a [u8],
    name: &'a [u8],
    key: &'a [u8],
    serial: &'a [u8],
}

impl<'a> CertId<'a> {
    pub(super) fn read(mut fields: Elements<'a>) -> Result<Self, Malformed> {
        const WHAT: &str = "which certificate it is about";
        let mut algorithm = fields.inside(SEQUENCE, WHAT)?;
        let id = Self {
            algorithm: algorithm.content(OBJECT_IDENTIFIER, WHAT)?,
            name: fields.content(OCTET_STRING, WHAT)?,
            key: fields.content(OCTET_STRING, WHAT)?,
            serial: fields.content(INTEGER, WHAT)?,
        };
        fields.end(WHAT)?;
        Ok(id)
    }

    /// Whether it is the certificate that `issuer` gave this serial number. The digest only names an issuer that is
    /// known anyway, and whose key verifies the answer, so that SHA-1 is good enough for it.
    pub(super) fn names(&self, issuer: &Issuer, serial: Serial) -> bool {
        let algorithm = match self.algorithm {
            SHA1_ID => &SHA1_FOR_LEGACY_USE_ONLY,
            SHA256_ID => &SHA256,
            _ => return false,
        };
        let Some((name, key)) = names_of(issuer, algorithm) else {
            return false;
        };
        self.name == name.as_ref() && self.key == key.as_ref() && Serial::of(self.serial) == Some(serial)
    }
}

/// The digests of an issuer's name and key.
fn names_of(issuer: &Issuer, algorithm: &'static Algorithm) -> Option<(impl AsRef<[u8]>, impl AsRef<[u8]>)> {
    let (_, key) = key_in(&issuer.spki).ok()?;
    Some((digest(algorithm, &issuer.name), digest(algorithm, key)))
}

/// The digest by which a responder names itself by its key: always SHA-1 (RFC 6960 §4.2.1).
pub(super) fn is_key_hash(hash: &[u8], key: &[u8]) -> bool {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, key).as_ref() == hash
}

/// An OCSPRequest in DER about the certificate that `issuer` gave this serial number. The issuer is named by SHA-1:
/// responders need know no other digest (RFC 5019 §2.1.1), many know no other, and nothing hangs on it.
pub(in crate::revocation) fn request(issuer: &Issuer, serial: Serial) -> Vec<u8> {
    let (name, key) = names_of(issuer, &SHA1_FOR_LEGACY_USE_ONLY)
        .map(|(name, key)| (name.as_ref().to_vec(), key.as_ref().to_vec()))
        .unwrap_or_default();
    let algorithm = [element(OBJECT_IDENTIFIER, SHA1_ID), element(NULL, &[])].concat();
    let cert_id = [
        element(SEQUENCE, &algorithm),
        element(OCTET_STRING, &name),
        element(OCTET_STRING, &key),
        element(INTEGER, serial.shortest()),
    ];
    let request = element(SEQUENCE, &element(SEQUENCE, &cert_id.concat()));
    let requests = element(SEQUENCE, &request);
    element(SEQUENCE, &element(SEQUENCE, &requests))
}
