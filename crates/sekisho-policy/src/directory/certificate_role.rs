//! Roles of certificates, as far as the rules of the directory know them: that they are there. Which certificate a role
//! has, and what is presented, is left to the binary.

use std::{fmt, str::FromStr, sync::Arc};

use sekisho_mail::OrganizationName;
use thiserror::Error;

/// Octets of a name: it is the name of a folder too.
const NAME_LEN_MAX: usize = 63;

/// What a role is known by: its name is unique among those of its organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateRoleKey {
    /// Whose it is.
    pub organization: OrganizationName,
    /// Lower-case letters, digits and hyphens.
    pub name: Arc<str>,
}

/// `acme/mx`
impl fmt::Display for CertificateRoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

/// Why a text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("write the role's name, as in mx, with its organization before it, as in acme/mx, where that is not the first")]
pub struct CertificateRoleKeyError;

impl FromStr for CertificateRoleKey {
    type Err = CertificateRoleKeyError;

    /// `mx` of the first organization, or `acme/mx`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (organization, name) = match text.split_once('/') {
            Some((organization, name)) => (organization.parse().map_err(|_| CertificateRoleKeyError)?, name),
            None => (OrganizationName::FIRST, text),
        };
        if is_role_name(name) {
            Ok(Self {
                organization,
                name: name.into(),
            })
        } else {
            Err(CertificateRoleKeyError)
        }
    }
}

/// Whether a text can be a role's name. It becomes the name of a folder, so that nothing that means something there is
/// in it.
pub(super) fn is_role_name(text: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

/// A role, as far as the rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRole {
    /// What it is known by.
    pub key: CertificateRoleKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_alone_or_with_its_organization_and_never_as_a_path() {
        let parsed = |text: &str| text.parse::<CertificateRoleKey>().map(|key| key.to_string());
        assert_eq!(parsed("mx").as_deref(), Ok("default/mx"));
        assert_eq!(parsed("acme/mx-2").as_deref(), Ok("acme/mx-2"));
        for text in [
            "", "/", "acme/", "a/b/c", "..", ".", "mx/..", "../mx", "MX", "m x", "-mx", "mx-", "mx\0",
        ] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }
}
