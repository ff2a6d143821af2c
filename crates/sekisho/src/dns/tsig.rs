//! Keys that sign what name servers are told (TSIG, RFC 8945), out of the files in which name servers keep them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sekisho_mail::Domain;
use thiserror::Error;
use zeroize::Zeroizing;

/// Shortest secret that is taken: RFC 8945 §10 wants as many octets as the digest has, and BIND makes that many; half
/// of the shortest digest is what older tools made.
const SECRET_OCTETS_MIN: usize = 16;

/// How messages are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TsigAlgorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

impl TsigAlgorithm {
    /// As RFC 8945 §6 and name servers write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }
}

impl fmt::Display for TsigAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TsigAlgorithm {
    type Err = TsigKeyError;

    fn from_str(text: &str) -> Result<Self, TsigKeyError> {
        let lower = text.to_ascii_lowercase();
        [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == lower.trim_end_matches('.'))
            .ok_or_else(|| TsigKeyError::Algorithm(text.to_owned()))
    }
}

/// Why a text gives no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TsigKeyError {
    /// Another algorithm.
    #[error("{0:?} is no algorithm that is spoken here; use hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm(String),
    /// Neither form.
    #[error("this is neither a key as `tsig-keygen` writes it nor a secret in base64")]
    Form,
    /// Neither the file nor the settings name the key.
    #[error("nothing says what the key is called; give its name, or the file as `tsig-keygen` writes it")]
    NoName,
    /// The file and the settings differ.
    #[error("the file holds the key {found:?} and the settings name {wanted:?}; make them agree")]
    OtherName {
        /// In the file.
        found: String,
        /// In the settings.
        wanted: String,
    },
    /// Likewise.
    #[error("the file's key is for {found} and the settings say {wanted}; make them agree")]
    OtherAlgorithm {
        /// In the file.
        found: TsigAlgorithm,
        /// In the settings.
        wanted: TsigAlgorithm,
    },
    /// It can be guessed.
    #[error("the secret has {0} octets; use one of {SECRET_OCTETS_MIN} or more, as `tsig-keygen` makes it")]
    Short(usize),
}

/// A shared secret with its name. The secret is never shown, and wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct TsigKey {
    /// What it is called on the name server.
    pub name: Domain,
    /// How it signs.
    pub algorithm: TsigAlgorithm,
    pub(super) secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl TsigKey {
    /// Reads a file's text: a `key` clause as BIND's `tsig-keygen` writes it, or the secret in base64 alone, for which
    /// the name must be given and HMAC-SHA256 is assumed. What is given and stands in the text must agree.
    ///
    /// # Errors
    /// See [`TsigKeyError`].
    pub fn parse(text: &str, name: Option<&Domain>, algorithm: Option<TsigAlgorithm>) -> Result<Self, TsigKeyError> {
        let clause = Clause::parse(text);
        let (found_name, found_algorithm, secret) = match &clause {
            Some(clause) => (
                Some(Domain::parse(clause.name).map_err(|_| TsigKeyError::Form)?),
                Some(clause.algorithm.parse()?),
                clause.secret,
            ),
            None => (None, None, text.trim()),
        };
        let name = match (found_name, name) {
            (Some(found), Some(wanted)) if found != *wanted => {
                return Err(TsigKeyError::OtherName {
                    found: found.to_string(),
                    wanted: wanted.to_string(),
                });
            }
            (Some(found), _) => found,
            (None, Some(wanted)) => wanted.clone(),
            (None, None) => return Err(TsigKeyError::NoName),
        };
        let algorithm = match (found_algorithm, algorithm) {
            (Some(found), Some(wanted)) if found != wanted => {
                return Err(TsigKeyError::OtherAlgorithm { found, wanted });
            }
            (found, wanted) => found.or(wanted).unwrap_or(TsigAlgorithm::HmacSha256),
        };
        let secret = Zeroizing::new(BASE64_STANDARD.decode(secret).map_err(|_| TsigKeyError::Form)?);
        if secret.len() < SECRET_OCTETS_MIN {
            return Err(TsigKeyError::Short(secret.len()));
        }
        Ok(Self {
            name,
            algorithm,
            secret,
        })
    }
}

/// `key "name" { algorithm hmac-sha256; secret "…"; };`
struct Clause<'a> {
    name: &'a str,
    algorithm: &'a str,
    secret: &'a str,
}

impl<'a> Clause<'a> {
    /// `None` when the text is no clause.
    fn parse(text: &'a str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let first = lines
            .filter(|line| !line.is_empty())
            .find(|line| !["#", "//"].iter().any(|comment| line.starts_with(comment)))?;
        let begin = first.as_ptr() as usize - text.as_ptr() as usize;
        let (head, body) = text[begin..].strip_prefix("key")?.split_once('{')?;
        let (body, _) = body.split_once('}')?;
        let value = |word: &str| {
            let statement = body.split(';').map(str::trim).find_map(|statement| {
                let rest = statement.strip_prefix(word)?;
                rest.starts_with(|octet: char| octet.is_ascii_whitespace())
                    .then_some(rest)
            })?;
            Some(statement.trim().trim_matches('"'))
        };
        Some(Self {
            name: head.trim().trim_matches('"'),
            algorithm: value("algorithm")?,
            secret: value("secret")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_read_as_tsig_keygen_writes_it_and_as_a_secret_alone() {
        let clause =
            format!("# made today\nkey \"acme.example\" {{\n\talgorithm hmac-sha512;\n\tsecret \"{SECRET}\";\n}};\n");
        let read = TsigKey::parse(&clause, None, None).unwrap();
        assert_eq!(read.name, domain("acme.example"));
        assert_eq!(read.algorithm, TsigAlgorithm::HmacSha512);
        assert_eq!(read.secret.as_slice(), b"12345678901234567890123456789012");
        let alone = TsigKey::parse(&format!("{SECRET}\n"), Some(&domain("acme")), None).unwrap();
        assert_eq!(
            (alone.name.as_str(), alone.algorithm),
            ("acme", TsigAlgorithm::HmacSha256)
        );
        assert!(!format!("{alone:?}").contains("1234"));
    }

    #[test]
    fn what_disagrees_is_missing_or_weak_is_refused_in_words() {
        let clause = format!("key acme {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};");
        let parse = |text: &str, name: Option<&str>, algorithm| {
            TsigKey::parse(text, name.map(domain).as_ref(), algorithm).unwrap_err()
        };
        assert!(matches!(
            parse(&clause, Some("other"), None),
            TsigKeyError::OtherName { .. }
        ));
        let other = Some(TsigAlgorithm::HmacSha384);
        assert!(matches!(
            parse(&clause, None, other),
            TsigKeyError::OtherAlgorithm { .. }
        ));
        assert_eq!(parse(SECRET, None, None), TsigKeyError::NoName);
        assert_eq!(parse("c2hvcnQ=", Some("acme"), None), TsigKeyError::Short(5));
        assert_eq!(parse("not base64!", Some("acme"), None), TsigKeyError::Form);
        let md5 = clause.replace("hmac-sha256", "hmac-md5");
        assert!(parse(&md5, None, None).to_string().contains("use hmac-sha256"));
    }
}
