//! Certificates written octet by octet, since no library makes those that matter here.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

pub(crate) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const GENERALIZED_TIME: u8 = 0x18;
/// The context's own tags, primitive and constructed.
pub(crate) const CONTEXT: u8 = 0x80;
pub(crate) const CONTEXT_CONSTRUCTED: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
pub(crate) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

pub(crate) const KEY_USAGE: u8 = 15;
pub(crate) const ALTERNATIVE_NAMES: u8 = 17;
pub(crate) const BASIC_CONSTRAINTS: u8 = 19;
pub(crate) const NAME_CONSTRAINTS: u8 = 30;
pub(crate) const EXTENDED_KEY_USAGE: u8 = 37;

pub(crate) const DIGITAL_SIGNATURE: &[u8] = &[7, 0x80];
pub(crate) const KEY_ENCIPHERMENT: &[u8] = &[5, 0x20];
pub(crate) const KEY_CERT_SIGN: &[u8] = &[2, 0x04];
pub(crate) const CRL_SIGN: &[u8] = &[1, 0x02];

/// Last octets of `1.3.6.1.5.5.7.3.x`.
pub(crate) const SERVER_AUTH: u8 = 1;
pub(crate) const CLIENT_AUTH: u8 = 2;
pub(crate) const CODE_SIGNING: u8 = 3;

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match content.len() {
        len @ 0..=0x7f => der.push(u8::try_from(len).unwrap()),
        len => {
            let len = u32::try_from(len).unwrap().to_be_bytes();
            let len = &len[len.iter().position(|octet| *octet != 0).unwrap()..];
            der.push(0x80 | u8::try_from(len.len()).unwrap());
            der.extend_from_slice(len);
        }
    }
    der.extend_from_slice(content);
    der
}

pub(crate) fn sequence(pieces: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &pieces.concat())
}

/// A Name with this common name; an empty one without.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let attribute = sequence(&[
        &tlv(OBJECT_IDENTIFIER, COMMON_NAME),
        &tlv(UTF8_STRING, common_name.as_bytes()),
    ]);
    sequence(&[&tlv(SET, &attribute)])
}

fn algorithm(oid: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(OBJECT_IDENTIFIER, oid)])
}

fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], octets].concat())
}

/// The SubjectPublicKeyInfo of an RSA key of our choice.
pub(crate) fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = sequence(&[&tlv(INTEGER, modulus), &tlv(INTEGER, exponent)]);
    sequence(&[&sequence(&[&tlv(OBJECT_IDENTIFIER, RSA), &[5, 0]]), &bit_string(&key)])
}

/// An extension of `2.5.29.x`.
pub(crate) fn extension(id: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[BOOLEAN, 1, 0xff] } else { &[] };
    sequence(&[
        &tlv(OBJECT_IDENTIFIER, &[0x55, 0x1d, id]),
        critical,
        &tlv(OCTET_STRING, value),
    ])
}

pub(crate) fn key_usage(bits: &[u8]) -> Vec<u8> {
    extension(KEY_USAGE, true, &tlv(BIT_STRING, bits))
}

pub(crate) fn authority(path_len: Option<u8>) -> Vec<u8> {
    let path_len = path_len.map(|len| tlv(INTEGER, &[len])).unwrap_or_default();
    extension(BASIC_CONSTRAINTS, true, &sequence(&[&[BOOLEAN, 1, 0xff], &path_len]))
}

pub(crate) fn no_authority() -> Vec<u8> {
    extension(BASIC_CONSTRAINTS, true, &sequence(&[]))
}

pub(crate) fn usages(last_octets: &[u8]) -> Vec<u8> {
    let oids = last_octets.iter();
    let oids = oids.map(|last| tlv(OBJECT_IDENTIFIER, &[0x2b, 6, 1, 5, 5, 7, 3, *last]));
    let oids: Vec<u8> = oids.flatten().collect();
    extension(EXTENDED_KEY_USAGE, false, &tlv(SEQUENCE, &oids))
}

pub(crate) fn any_usage() -> Vec<u8> {
    let any = tlv(OBJECT_IDENTIFIER, &[0x55, 0x1d, 0x25, 0]);
    extension(EXTENDED_KEY_USAGE, false, &sequence(&[&any]))
}

pub(crate) fn dns_name(name: &[u8]) -> Vec<u8> {
    tlv(CONTEXT | 2, name)
}

pub(crate) fn ip_address(address: &[u8]) -> Vec<u8> {
    tlv(CONTEXT | 7, address)
}

pub(crate) fn alternative_names(names: &[Vec<u8>]) -> Vec<u8> {
    extension(ALTERNATIVE_NAMES, false, &tlv(SEQUENCE, &names.concat()))
}

/// Name constraints of these GeneralNames.
pub(crate) fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let subtrees = |tag: u8, names: &[Vec<u8>]| {
        let names: Vec<u8> = names.iter().flat_map(|name| sequence(&[name])).collect();
        if names.is_empty() {
            Vec::new()
        } else {
            tlv(CONTEXT_CONSTRUCTED | tag, &names)
        }
    };
    let value = sequence(&[&subtrees(0, permitted), &subtrees(1, excluded)]);
    extension(NAME_CONSTRAINTS, true, &value)
}

/// What goes into a certificate; every piece may be changed before it is signed.
pub(crate) struct Template {
    /// 2 means version 3; `None` leaves it out, which means 1.
    pub(crate) version: Option<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    /// `YYYYMMDD`, from and until midnight.
    pub(crate) validity: (&'static str, &'static str),
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) algorithm: &'static [u8],
    /// Outside, where the signature is; usually the same.
    pub(crate) outer_algorithm: Option<&'static [u8]>,
}

impl Template {
    pub(crate) fn new(issuer: &str, subject: &str, key: &KeyPair) -> Self {
        Self {
            version: Some(2),
            serial: vec![0x11],
            issuer: name(issuer),
            subject: name(subject),
            validity: ("20200101", "20400101"),
            spki: key.subject_public_key_info(),
            extensions: Vec::new(),
            algorithm: ECDSA_SHA256,
            outer_algorithm: None,
        }
    }

    pub(crate) fn signed(&self, key: &KeyPair) -> Vec<u8> {
        let time = |day: &str| tlv(GENERALIZED_TIME, format!("{day}000000Z").as_bytes());
        let version = self
            .version
            .map(|version| tlv(CONTEXT_CONSTRUCTED, &tlv(INTEGER, &[version])));
        let extensions = tlv(CONTEXT_CONSTRUCTED | 3, &tlv(SEQUENCE, &self.extensions.concat()));
        let extensions: &[u8] = if self.extensions.is_empty() { &[] } else { &extensions };
        let signed = sequence(&[
            &version.unwrap_or_default(),
            &tlv(INTEGER, &self.serial),
            &algorithm(self.algorithm),
            &self.issuer,
            &sequence(&[&time(self.validity.0), &time(self.validity.1)]),
            &self.subject,
            &self.spki,
            extensions,
        ]);
        let signature = key.sign(&signed).unwrap();
        let outer = self.outer_algorithm.unwrap_or(self.algorithm);
        sequence(&[&signed, &algorithm(outer), &bit_string(&signature)])
    }
}
