//! Demands on a connection: what must hold, and who says so.
//!
//! Demands are a set, and each must hold; they are not one scale, and none replaces another. Whether they
//! hold is judged by `sekisho-policy`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{AnchorSetId, Domain, DomainError, domain::serde_as_text};

/// One thing that must hold before a message leaves, and where the demand comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// What must hold.
    pub level: DemandLevel,
    /// Who demands it, in the operator's words: `route "bank"`.
    pub origin: String,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "level")]
pub enum DemandLevel {
    /// TLS, whoever the peer is.
    Encryption,
    /// TLS and a certificate that chains to one of the anchors and is valid today.
    Certificate {
        /// Where the chain must end.
        anchors: AnchorSetId,
    },
    /// As `Certificate`, and one of its SAN dNSNames matches one of the names.
    Domain {
        /// Where the chain must end.
        anchors: AnchorSetId,
        /// At least one; any of them will do.
        names: Vec<NamePattern>,
    },
}

impl fmt::Display for DemandLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encryption => f.write_str("TLS"),
            Self::Certificate { anchors } => {
                write!(f, "TLS with a valid certificate (trust anchors: {})", anchors.0)
            }
            Self::Domain { anchors, names } => {
                write!(f, "TLS with a valid certificate (trust anchors: {}) for ", anchors.0)?;
                for (place, name) in names.iter().enumerate() {
                    write!(f, "{}{name}", if place == 0 { "" } else { " or " })?;
                }
                Ok(())
            }
        }
    }
}

/// A name to be matched against SAN dNSNames: a domain, or `*.` and a domain, which stands for exactly one
/// label more (RFC 9525 §6.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// Whether one arbitrary label stands before `domain`.
    pub wildcard: bool,
    /// The name, or what follows `*.`.
    pub domain: Domain,
}

/// Why a text is no name pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NamePatternError {
    /// `*` anywhere but as the whole first label.
    #[error("'*' may stand only as the whole first label: *.example.org")]
    BadWildcard,
    /// The rest of it.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains('*') {
            return Err(NamePatternError::BadWildcard);
        }
        Ok(Self {
            wildcard,
            domain: Domain::parse(rest)?,
        })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*." } else { "" }, self.domain)
    }
}

serde_as_text!(NamePattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_the_whole_first_label() {
        assert!("*.example.org".parse::<NamePattern>().unwrap().wildcard);
        for text in ["*", "a*.example.org", "a.*.org", "*.*.org", ""] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }
}
