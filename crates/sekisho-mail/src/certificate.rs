//! Certificates as facts, what can be asked about a chain, and what the answer was.
//!
//! `sekisho-policy` asks with a [`Check`], `sekisho-tls` answers with a [`Verdict`]; neither sees the other.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{AnchorSetId, NamePattern, Timestamp, domain::serde_as_text, hexadecimal};

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal::encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a SHA-256 digest has 64 hexadecimal digits")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = hexadecimal::decode(text).and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or(DigestError)
    }
}

serde_as_text!(Digest);

/// One certificate of a chain, as presented. Texts are the peer's: escape them when shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Over the whole certificate in DER.
    pub sha256: Digest,
    /// Over its SubjectPublicKeyInfo in DER; all zero when the certificate could not be parsed.
    pub spki_sha256: Digest,
    /// The subject, RFC 4514 style; empty when it could not be parsed.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The SAN dNSNames, as written.
    pub dns_names: Vec<String>,
    /// The subject's common name, as written: where it has just one and there is no dNSName. It never counts as a name
    /// but where the operator has made a dated exception for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Algorithm and size of the key in words: `RSA 2048`, `P-256`.
    pub key: String,
    /// Whether it has extended key usages and none of them is for clients of TLS (RFC 5280 §4.2.1.12).
    #[serde(default, skip_serializing_if = "crate::is_false")]
    pub not_for_clients: bool,
}

/// Whether the peer proved in the handshake that the key in its certificate is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyProof {
    /// Its signature was verified with the key as it stands in the certificate.
    Proven,
    /// The key or its form is one that we cannot check: enough for opportunistic TLS and for encryption
    /// only, never for more.
    NotProven(String),
}

/// Something that can be asked about a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "check")]
pub enum Check {
    /// Does a path lead from the leaf to one of the anchors, valid now, fit for a server?
    Path {
        /// Where the path must end.
        anchors: AnchorSetId,
    },
    /// Does one of the leaf's SAN dNSNames match one of these?
    Name {
        /// Any of them will do.
        names: Vec<NamePattern>,
    },
    /// Is none of the certificates revoked on the path from the leaf to one of the anchors?
    Revocation {
        /// Where the path must end.
        anchors: AnchorSetId,
    },
}

/// The answer to one [`Check`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not, and this is why.
    Fails(CertificateFault),
    /// It could not be found out, for a reason that is ours (an anchor file that cannot be read): never a
    /// pass, and never the peer's fault.
    Unknown(String),
}

/// The answers to all that was asked about a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainAnswers {
    /// One for each check, in their order.
    pub verdicts: Vec<(Check, Verdict)>,
    /// By what revocation was looked up, as [`crate::TlsFacts::revocation_sources`].
    pub revocation_sources: Vec<String>,
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", remote = "Self")]
pub enum CertificateFault {
    /// The peer presented none.
    None,
    /// The leaf signed itself and is no anchor.
    SelfSigned,
    /// The leaf's issuer, which is named here, is no anchor, and the peer did not present its certificate.
    IncompleteChain(String),
    /// No path leads to an anchor: who issued the certificate at which what was presented ends; empty where that is not
    /// known.
    UntrustedIssuer(String),
    /// Past its end, otherwise good.
    Expired(Timestamp),
    /// Before its beginning, otherwise good.
    NotYetValid(Timestamp),
    /// None of its names is the one asked for; these are the names it has.
    WrongName(Vec<String>),
    /// Not fit for this use: key usage, extended key usage, CA flag, name constraints.
    NotForThisUse(String),
    /// A signature in the chain does not verify.
    BadSignature,
    /// The peer did not prove that it holds the key.
    KeyNotProven(String),
    /// A form or algorithm that we cannot check: X.509 versions before 3, odd extensions, small keys.
    NotCheckable(String),
    /// Its authority, or one above, has taken a certificate of the path back: which, when, why, and by what that is
    /// known.
    Revoked(String),
    /// Whether it is revoked cannot be asked by anyone: a certificate of the path, which is named here, says neither
    /// where its authority's CRL is nor who answers by OCSP.
    NotRevocable(String),
}

impl Serialize for CertificateFault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for CertificateFault {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// What was once stored without the issuer.
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Bare {
            UntrustedIssuer,
        }

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Bare(Bare),
            Whole(#[serde(with = "CertificateFault")] CertificateFault),
        }

        Ok(match Stored::deserialize(deserializer)? {
            Stored::Bare(Bare::UntrustedIssuer) => Self::UntrustedIssuer(String::new()),
            Stored::Whole(fault) => fault,
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no certificate was presented"),
            Self::SelfSigned => f.write_str("the certificate is self-signed"),
            Self::IncompleteChain(issuer) => write!(
                f,
                "incomplete chain: the certificate of its issuer \"{issuer}\" was not presented and is not among the \
                 trust anchors"
            ),
            Self::UntrustedIssuer(issuer) if issuer.is_empty() => f.write_str("no path leads to a trusted issuer"),
            Self::UntrustedIssuer(issuer) => write!(
                f,
                "no path leads to a trusted issuer: the chain that was presented ends with one issued by \"{issuer}\""
            ),
            Self::Expired(at) => write!(f, "the certificate expired at {at}"),
            Self::NotYetValid(at) => write!(f, "the certificate is valid only from {at}"),
            Self::WrongName(names) if names.is_empty() => f.write_str("the certificate names no host (SAN dNSName)"),
            Self::WrongName(names) => write!(f, "the certificate is for {}", names.join(", ")),
            Self::NotForThisUse(why) => write!(f, "the certificate is not for this use: {why}"),
            Self::BadSignature => f.write_str("a signature in the chain does not verify"),
            Self::KeyNotProven(why) => {
                write!(f, "the peer did not prove that it holds the key: {why}")
            }
            Self::NotCheckable(why) => write!(f, "the certificate cannot be checked: {why}"),
            Self::Revoked(which) => write!(f, "revoked: {which}"),
            Self::NotRevocable(which) => write!(f, "not revocable: {which} names neither a CRL nor an OCSP responder"),
        }
    }
}

/// A single word for lists and metrics: `valid`, `self-signed`, `expired`, `wrong-name`, `untrusted` …
impl Verdict {
    /// The word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Holds => "valid",
            Self::Unknown(_) => "unknown",
            Self::Fails(fault) => match fault {
                CertificateFault::None => "none",
                CertificateFault::SelfSigned => "self-signed",
                CertificateFault::IncompleteChain(_) => "incomplete-chain",
                CertificateFault::UntrustedIssuer(_) => "untrusted",
                CertificateFault::Expired(_) => "expired",
                CertificateFault::NotYetValid(_) => "not-yet-valid",
                CertificateFault::WrongName(_) => "wrong-name",
                CertificateFault::NotForThisUse(_) => "wrong-use",
                CertificateFault::BadSignature => "bad-signature",
                CertificateFault::KeyNotProven(_) => "key-not-proven",
                CertificateFault::NotCheckable(_) => "not-checkable",
                CertificateFault::Revoked(_) => "revoked",
                CertificateFault::NotRevocable(_) => "not-revocable",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_and_once_were_written() {
        let issuer = || "CN=Example CA".to_owned();
        for (fault, json) in [
            (CertificateFault::SelfSigned, r#""self-signed""#),
            (
                CertificateFault::IncompleteChain(issuer()),
                r#"{"incomplete-chain":"CN=Example CA"}"#,
            ),
            (
                CertificateFault::UntrustedIssuer(issuer()),
                r#"{"untrusted-issuer":"CN=Example CA"}"#,
            ),
            (
                CertificateFault::WrongName(vec!["mx.example".to_owned()]),
                r#"{"wrong-name":["mx.example"]}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&fault).unwrap(), json);
            assert_eq!(serde_json::from_str::<CertificateFault>(json).unwrap(), fault);
        }
        let before = serde_json::from_str::<Verdict>(r#"{"fails":"untrusted-issuer"}"#).unwrap();
        assert_eq!(before, Verdict::Fails(CertificateFault::UntrustedIssuer(String::new())));
        assert!(serde_json::from_str::<CertificateFault>(r#""no-such-fault""#).is_err());
    }
}
