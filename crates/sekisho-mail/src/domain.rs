//! Domain names and what may stand to the right of an `@`.
//!
//! Names are kept as lower-case A-labels, the form in which DNS and TLS compare them (RFC 5890 §2.3.2.1).
//! Whether a name exists, or whose it is, is left to others.

use std::{
    borrow::Borrow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

/// A fully qualified domain name without its final dot: lower-case A-labels, at most 253 octets. Cheap to
/// clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

/// Why a text is no domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DomainError {
    /// No octet at all.
    #[error("the domain name is empty")]
    Empty,
    /// More than 253 octets in A-label form (RFC 1035 §2.3.4).
    #[error("the domain name is longer than 253 octets")]
    TooLong,
    /// A label that is empty, longer than 63 octets or begins or ends with a hyphen.
    #[error("a label of the domain name is empty, longer than 63 octets, or begins or ends with '-'")]
    BadLabel,
    /// A character that no host name may hold (RFC 5321 §4.1.2).
    #[error("the domain name holds a character other than letters, digits, '-', '_' and '.'")]
    BadCharacter,
    /// An internationalised name that IDNA refuses (RFC 5891).
    #[error("the internationalised domain name is not valid")]
    BadIdn,
    /// An address literal that is no address (RFC 5321 §4.1.3).
    #[error("the address literal is not [IPv4] or [IPv6:…]")]
    BadLiteral,
}

impl Domain {
    /// Parses a name in ASCII or Unicode; one final dot is taken off.
    ///
    /// # Errors
    /// When the text is no domain name; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        if text.is_ascii() && !has_ace_label(text) {
            check_labels(text)?;
            let lower = text.to_ascii_lowercase();
            return Ok(Self(lower.into()));
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| DomainError::BadIdn)?;
        check_labels(&ascii)?;
        Ok(Self(ascii.into()))
    }

    /// The name as lower-case A-labels, no final dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as U-labels, for people.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }

    /// The name without its first label; `None` when only one label is there.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.into()))
    }

    /// The name itself and every one above it, deepest first, down to one label: `a.example.org`, `example.org`, `org`.
    pub fn lineage(&self) -> impl Iterator<Item = &str> {
        let first = Some(self.as_str());
        std::iter::successors(first, |name| name.split_once('.').map(|(_, rest)| rest))
    }

    /// Whether `self` lies below `other`, however deep, and is not `other` itself.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0
            .strip_suffix(other.as_str())
            .is_some_and(|rest| rest.ends_with('.'))
    }
}

fn has_ace_label(text: &str) -> bool {
    text.split('.')
        .any(|label| label.get(..4).is_some_and(|ace| ace.eq_ignore_ascii_case("xn--")))
}

fn check_labels(text: &str) -> Result<(), DomainError> {
    if text.len() > 253 {
        return Err(DomainError::TooLong);
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            return Err(DomainError::BadLabel);
        }
        // The underscore is no host name character, yet names that hold it are in use as mail domains.
        if !label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
        {
            return Err(DomainError::BadCharacter);
        }
    }
    Ok(())
}

/// So that a table keyed by domains is asked with a part of another name. Both hash and compare as the text does.
impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A domain, or an address literal in its brackets (RFC 5321 §4.1.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// `example.org`
    Domain(Domain),
    /// `[192.0.2.1]`, `[IPv6:2001:db8::1]`
    Literal(IpAddr),
}

impl Host {
    /// Parses a domain or a bracketed address literal.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let Some(inner) = text.strip_prefix('[') else {
            return Domain::parse(text).map(Self::Domain);
        };
        let inner = inner.strip_suffix(']').ok_or(DomainError::BadLiteral)?;
        let tagged = inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
        let address = if tagged {
            inner[5..].parse::<Ipv6Addr>().map(IpAddr::V6).ok()
        } else {
            inner.parse::<Ipv4Addr>().map(IpAddr::V4).ok()
        };
        address.map(Self::Literal).ok_or(DomainError::BadLiteral)
    }

    /// The domain, when it is one.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Domain(domain) => Some(domain),
            Self::Literal(_) => None,
        }
    }
}

impl From<Domain> for Host {
    fn from(domain: Domain) -> Self {
        Self::Domain(domain)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Host {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Both travel as their text.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_text;

serde_as_text!(Domain, Host);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn names_become_lower_case_a_labels() {
        assert_eq!(Domain::parse("MX.Example.ORG.").unwrap().as_str(), "mx.example.org");
        assert_eq!(Domain::parse("例え.jp").unwrap().as_str(), "xn--r8jz45g.jp");
        assert_eq!(Domain::parse("xn--r8jz45g.jp").unwrap().to_unicode(), "例え.jp");
    }

    #[test]
    fn refuses_what_dns_cannot_hold() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(63).as_str(); 4].join(".");
        for text in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a b",
            "a\0b",
            "a/b",
            &long_label,
            &long_name,
        ] {
            assert!(Domain::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn literals_are_addresses_in_brackets() {
        assert_eq!(Host::parse("[192.0.2.1]").unwrap().to_string(), "[192.0.2.1]");
        assert_eq!(
            Host::parse("[IPv6:2001:db8::1]").unwrap().to_string(),
            "[IPv6:2001:db8::1]"
        );
        for text in ["[2001:db8::1]", "[192.0.2.1", "[]", "[IPv6:192.0.2.1]", "[example.org]"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn below_needs_a_label_between() {
        let parent = Domain::parse("example.org").unwrap();
        assert!(Domain::parse("a.b.example.org").unwrap().is_below(&parent));
        assert!(!Domain::parse("badexample.org").unwrap().is_below(&parent));
        assert!(!parent.is_below(&parent));
    }

    #[test]
    fn a_table_keyed_by_domains_is_asked_with_any_name_of_a_lineage() {
        let table = HashMap::from([(Domain::parse("Example.org").unwrap(), 1)]);
        let name = Domain::parse("a.b.example.org").unwrap();
        let lineage: Vec<&str> = name.lineage().collect();
        assert_eq!(lineage, ["a.b.example.org", "b.example.org", "example.org", "org"]);
        assert_eq!(lineage.iter().filter_map(|name| table.get(*name)).count(), 1);
    }
}
