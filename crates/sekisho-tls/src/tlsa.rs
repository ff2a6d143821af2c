//! What a TLSA record says of certificates, and whether a chain or a key is the one that it names. RFC 6698 §2, RFC
//! 7671 §5, RFC 7672 §3.1. Where records are looked up, and whether DNSSEC vouches for them, is left to others.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA512, digest};
use sekisho_mail::hexadecimal;

use crate::{CertificateChain, chain::sha256, der::public_key_info};

/// Octets of association data; a whole certificate takes some thousands.
pub const MAX_TLSA_LEN: usize = 16 * 1024;

const FULL_CERTIFICATE: u8 = 0;
const PUBLIC_KEY: u8 = 1;

const EXACT: u8 = 0;
const MATCHING_SHA256: u8 = 1;
const MATCHING_SHA512: u8 = 2;

/// A TLSA record (RFC 6698 §2.1). Values without a meaning are kept as they are, and name nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TlsaRecord {
    /// Certificate usage: 3 names the leaf (DANE-EE), 2 an authority above it (DANE-TA).
    pub usage: u8,
    /// 0 the whole certificate, 1 its SubjectPublicKeyInfo.
    pub selector: u8,
    /// 0 the octets themselves, 1 their SHA-256, 2 their SHA-512.
    pub matching: u8,
    /// What they are compared with.
    pub data: Vec<u8>,
}

/// Usage 3: the leaf itself.
pub const DANE_EE: u8 = 3;
/// Usage 2: an authority.
pub const DANE_TA: u8 = 2;

impl TlsaRecord {
    /// `3 1 1` for a key, the form that RFC 7672 §3.1 recommends.
    #[must_use]
    pub fn of_key(spki: &[u8]) -> Self {
        Self {
            usage: DANE_EE,
            selector: PUBLIC_KEY,
            matching: MATCHING_SHA256,
            data: sha256(spki).0.to_vec(),
        }
    }

    /// Whether it names a leaf with this SubjectPublicKeyInfo (DER), whatever certificate that is in.
    #[must_use]
    pub fn names_key(&self, spki: &[u8]) -> bool {
        self.usage == DANE_EE && self.selector == PUBLIC_KEY && self.is_of(spki)
    }

    /// Whether it names this chain: its leaf, or an authority that is presented with it. Usages 0 and 1 name nothing,
    /// since SMTP does not know them (RFC 7672 §3.1.3).
    #[must_use]
    pub fn names(&self, chain: &CertificateChain) -> bool {
        let mut certificates = chain.der();
        let leaf = certificates.next();
        match self.usage {
            DANE_EE => leaf.is_some_and(|leaf| self.is_of_certificate(leaf)),
            DANE_TA => certificates.any(|one| self.is_of_certificate(one)),
            _ => false,
        }
    }

    /// Whether senders can use it (RFC 7671 §4, RFC 7672 §3.1): usage 2 or 3, selector and matching that have a
    /// meaning, a digest of its length. Those that cannot be used are passed over, as if they were not there.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        let length = self.data.len();
        let is_whole = match self.matching {
            EXACT => length > 0,
            MATCHING_SHA256 => length == 32,
            MATCHING_SHA512 => length == 64,
            _ => false,
        };
        is_whole && matches!(self.usage, DANE_TA | DANE_EE) && matches!(self.selector, FULL_CERTIFICATE | PUBLIC_KEY)
    }

    /// Whether it holds an authority itself, and no digest of it: a server need not present that (RFC 7671 §5.2.3), so
    /// a chain without it may yet be the one that is named.
    #[must_use]
    pub const fn holds_authority(&self) -> bool {
        self.usage == DANE_TA && self.matching == EXACT
    }

    fn is_of_certificate(&self, certificate: &[u8]) -> bool {
        match self.selector {
            FULL_CERTIFICATE => self.is_of(certificate),
            PUBLIC_KEY => public_key_info(certificate).is_some_and(|info| self.is_of(info.whole)),
            _ => false,
        }
    }

    fn is_of(&self, octets: &[u8]) -> bool {
        match self.matching {
            EXACT => self.data == octets,
            MATCHING_SHA256 => self.data == sha256(octets).0,
            MATCHING_SHA512 => self.data == digest(&SHA512, octets).as_ref(),
            _ => false,
        }
    }
}

/// As in a zone file: `3 1 1 8a9b…`.
impl fmt::Display for TlsaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        f.write_str(&hexadecimal::encode(&self.data))
    }
}

/// A text that is no TLSA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no TLSA record; write it as in a zone: 3 1 1 and hexadecimal digits")]
pub struct TlsaError;

impl FromStr for TlsaRecord {
    type Err = TlsaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(TlsaError);
        let (usage, selector, matching) = (number()?, number()?, number()?);
        // A zone may break the digits with spaces.
        let digits: String = words.collect();
        if digits.is_empty() || digits.len() > MAX_TLSA_LEN * 2 {
            return Err(TlsaError);
        }
        Ok(Self {
            usage,
            selector,
            matching,
            data: hexadecimal::decode(&digits).ok_or(TlsaError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A leaf and the authority above it, each with its SubjectPublicKeyInfo.
    fn chain() -> (CertificateChain, Vec<u8>, Vec<u8>) {
        let (leaf, authority) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = |key: &KeyPair, name: &str| {
            let parameters = CertificateParams::new([name.to_owned()]).unwrap();
            parameters.self_signed(key).unwrap().der().to_vec()
        };
        let certificates = [
            certificate(&leaf, "mx.example.org"),
            certificate(&authority, "ca.example.org"),
        ];
        let spki = |der: &[u8]| public_key_info(der).unwrap().whole.to_vec();
        let (of_leaf, of_authority) = (spki(&certificates[0]), spki(&certificates[1]));
        (CertificateChain::from_der(certificates).unwrap(), of_leaf, of_authority)
    }

    #[test]
    fn a_record_names_the_leaf_or_an_authority_by_certificate_or_key_and_by_each_kind_of_matching() {
        let (chain, leaf_key, authority_key) = chain();
        let der: Vec<Vec<u8>> = chain.der().map(<[u8]>::to_vec).collect();
        let sha512 = |octets: &[u8]| digest(&SHA512, octets).as_ref().to_vec();
        let cases = [
            ((3, 1, 1), sha256(&leaf_key).0.to_vec(), true),
            ((3, 1, 2), sha512(&leaf_key), true),
            ((3, 1, 0), leaf_key.clone(), true),
            ((3, 0, 1), sha256(&der[0]).0.to_vec(), true),
            ((3, 0, 0), der[0].clone(), true),
            ((2, 0, 1), sha256(&der[1]).0.to_vec(), true),
            ((2, 1, 2), sha512(&authority_key), true),
            // The leaf is no authority above itself, and the authority is no leaf.
            ((2, 1, 1), sha256(&leaf_key).0.to_vec(), false),
            ((3, 1, 1), sha256(&authority_key).0.to_vec(), false),
            // What SMTP does not know, and what nobody does.
            ((1, 1, 1), sha256(&leaf_key).0.to_vec(), false),
            ((0, 0, 1), sha256(&der[1]).0.to_vec(), false),
            ((4, 1, 1), sha256(&leaf_key).0.to_vec(), false),
            ((3, 2, 1), sha256(&leaf_key).0.to_vec(), false),
            ((3, 1, 3), sha256(&leaf_key).0.to_vec(), false),
            // Cut short.
            ((3, 1, 1), sha256(&leaf_key).0[..31].to_vec(), false),
        ];
        for ((usage, selector, matching), data, is_named) in cases {
            let record = TlsaRecord {
                usage,
                selector,
                matching,
                data,
            };
            assert_eq!(record.names(&chain), is_named, "{record}");
            assert_eq!(
                record.names_key(&leaf_key),
                is_named && (usage, selector) == (3, 1),
                "{record}"
            );
        }
        assert!(TlsaRecord::of_key(&leaf_key).names(&chain));
    }

    #[test]
    fn only_what_smtp_knows_and_digests_of_their_length_can_be_used() {
        let is_usable = |usage, selector, matching, length| {
            let data = vec![0; length];
            TlsaRecord {
                usage,
                selector,
                matching,
                data,
            }
            .is_usable()
        };
        for (usage, selector, matching, length) in [(3, 1, 1, 32), (2, 0, 2, 64), (3, 0, 0, 700)] {
            assert!(is_usable(usage, selector, matching, length));
        }
        for (usage, selector, matching, length) in [
            (1, 1, 1, 32),
            (4, 1, 1, 32),
            (3, 2, 1, 32),
            (3, 1, 3, 32),
            (3, 1, 1, 31),
            (3, 1, 2, 32),
            (3, 1, 0, 0),
        ] {
            assert!(
                !is_usable(usage, selector, matching, length),
                "{usage} {selector} {matching}, {length} octets"
            );
        }
    }

    #[test]
    fn a_record_is_written_and_read_as_in_a_zone() {
        let record = TlsaRecord {
            usage: 3,
            selector: 1,
            matching: 1,
            data: vec![0x0a, 0xbc, 0xff],
        };
        assert_eq!(record.to_string(), "3 1 1 0abcff");
        for text in ["3 1 1 0abcff", "3 1 1 0ABC FF", " 3  1 1\t0abcff "] {
            assert_eq!(text.parse(), Ok(record.clone()), "{text}");
        }
        for text in ["", "3 1 1", "3 1 1 abc", "3 1 1 +a", "3 1 300 00", "3 1 1 zz"] {
            assert_eq!(text.parse::<TlsaRecord>(), Err(TlsaError), "{text}");
        }
    }
}
