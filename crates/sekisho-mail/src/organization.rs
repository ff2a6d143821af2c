//! The name of an organization: somebody whose mail this service carries, apart from all others.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::domain::serde_as_text;

/// Characters of an organization's name.
const NAME_LEN_MAX: usize = 63;

/// The first one's, as it is written.
const FIRST: &str = "default";

/// The name of an organization: lower-case letters, digits and hyphens, as a DNS label.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationName(
    /// None of the first one: it is on every recipient, and costs nothing there.
    Option<Arc<str>>,
);

/// Why a text is no name of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an organization's name has 1 to 63 lower-case letters, digits and hyphens, and no hyphen at either end")]
pub struct OrganizationNameError;

impl OrganizationName {
    /// The organization that every service has, `default`: the domains, routes and rights of `sekisho.toml` are its.
    pub const FIRST: Self = Self(None);

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(FIRST)
    }

    /// Whether it is [`OrganizationName::FIRST`].
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.0.is_none()
    }
}

impl FromStr for OrganizationName {
    type Err = OrganizationNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        let is_name = (1..=NAME_LEN_MAX).contains(&text.len())
            && text.bytes().all(fits)
            && !text.starts_with('-')
            && !text.ends_with('-');
        match text {
            FIRST => Ok(Self::FIRST),
            _ if is_name => Ok(Self(Some(text.into()))),
            _ => Err(OrganizationNameError),
        }
    }
}

impl fmt::Display for OrganizationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OrganizationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

serde_as_text!(OrganizationName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_dns_label_in_lower_case() {
        let long = "a".repeat(64);
        for text in ["", "-a", "a-", "A", "a.b", "a b", "a/b", "ü", long.as_str()] {
            assert_eq!(text.parse::<OrganizationName>(), Err(OrganizationNameError), "{text:?}");
        }
        for text in ["a", "acme", "acme-2", "0", &long[..63]] {
            let name: OrganizationName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.is_first()), (text, false));
        }
    }

    #[test]
    fn the_first_is_one_however_it_was_made() {
        let parsed: OrganizationName = "default".parse().unwrap();
        assert!(parsed.is_first());
        assert_eq!(parsed, OrganizationName::default());
        assert_eq!(parsed.to_string(), "default");
    }
}
