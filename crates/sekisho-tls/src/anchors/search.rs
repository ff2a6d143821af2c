//! What can be asked of a set of anchors: is this root there?

use sekisho_mail::Digest;

use super::Anchor;

/// How many octets a text may have that is looked for.
const MAX_SEARCH_LEN: usize = 1024;

/// A root that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSearch {
    /// The one with this SHA-256 of its certificate.
    Sha256(Digest),
    /// The one with this SHA-1 of its certificate, in lower-case digits: what the field quotes.
    Sha1(String),
    /// The one with this certificate or, since roots are issued anew, with its key and subject.
    Certificate {
        /// Over the certificate.
        sha256: Digest,
        /// Over its SubjectPublicKeyInfo.
        spki_sha256: Digest,
        /// Its subject, RFC 4514 style.
        subject: String,
    },
    /// Those whose subject has this in it, upper and lower case alike.
    Subject(String),
}

/// Why nothing can be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorSearchError {
    /// Nothing was given, or too much.
    #[error(
        "give a SHA-256 or SHA-1 fingerprint, a part of the subject (at most {MAX_SEARCH_LEN} octets) or a certificate"
    )]
    Text,
}

impl AnchorSearch {
    /// A SHA-256 or SHA-1 fingerprint, with colons, blanks or without, or else a part of a subject.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, AnchorSearchError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_SEARCH_LEN {
            return Err(AnchorSearchError::Text);
        }
        let digits: String = text
            .chars()
            .filter(|character| !matches!(character, ':' | ' '))
            .collect();
        let is_fingerprint = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        Ok(match digits.len() {
            64 if is_fingerprint => Self::Sha256(digits.parse().map_err(|_| AnchorSearchError::Text)?),
            40 if is_fingerprint => Self::Sha1(digits.to_ascii_lowercase()),
            _ => Self::Subject(text.to_lowercase()),
        })
    }

    /// This very one or, since roots are issued anew, one with its key and subject.
    #[must_use]
    pub fn of(anchor: &Anchor) -> Self {
        Self::Certificate {
            sha256: anchor.sha256,
            spki_sha256: anchor.spki_sha256,
            subject: anchor.subject.clone(),
        }
    }

    /// Whether it is one that is looked for.
    #[must_use]
    pub fn is_met_by(&self, anchor: &Anchor) -> bool {
        match self {
            Self::Sha1(wanted) => anchor.sha1() == *wanted,
            Self::Sha256(wanted) => anchor.sha256 == *wanted,
            Self::Certificate {
                sha256,
                spki_sha256,
                subject,
            } => anchor.sha256 == *sha256 || (anchor.spki_sha256 == *spki_sha256 && anchor.subject == *subject),
            Self::Subject(part) => anchor.subject.to_lowercase().contains(part),
        }
    }
}
