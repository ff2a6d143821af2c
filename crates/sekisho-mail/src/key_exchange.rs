//! The key exchange groups of TLS that are negotiated at all, and sets of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{TlsVersion, domain::serde_as_text};

/// A key exchange group that this build offers, as a client and as a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KeyExchangeGroup {
    /// The hybrid post-quantum one; TLS 1.3 alone has it.
    X25519MlKem768 = 1,
    /// RFC 7748.
    X25519 = 1 << 1,
    /// NIST P-256.
    Secp256r1 = 1 << 2,
    /// NIST P-384.
    Secp384r1 = 1 << 3,
}

impl KeyExchangeGroup {
    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::X25519MlKem768, Self::X25519, Self::Secp256r1, Self::Secp384r1];

    /// IANA's, as the evidence has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519MlKem768 => TlsVersion::HYBRID_GROUP,
            Self::X25519 => "x25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
        }
    }
}

impl fmt::Display for KeyExchangeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name of no group that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this build offers no key exchange group of that name")]
pub struct KeyExchangeGroupError;

/// In whatever case it is written.
impl FromStr for KeyExchangeGroup {
    type Err = KeyExchangeGroupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|group| group.name().eq_ignore_ascii_case(text))
            .ok_or(KeyExchangeGroupError)
    }
}

serde_as_text!(KeyExchangeGroup);

/// At least one key exchange group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<KeyExchangeGroup>", into = "Vec<KeyExchangeGroup>")]
pub struct KeyExchangeGroups(u8);

impl KeyExchangeGroups {
    /// All that are offered.
    pub const ALL: Self = Self(0b1111);
    /// All but the hybrid: a ClientHello with these alone fits into one packet.
    pub const CLASSICAL: Self = Self(Self::ALL.0 & !Self::HYBRID.0);
    /// X25519MLKEM768 alone.
    pub const HYBRID: Self = Self(KeyExchangeGroup::X25519MlKem768 as u8);

    /// These; `None` when there are none.
    #[must_use]
    pub fn of(groups: &[KeyExchangeGroup]) -> Option<Self> {
        Self::from_bits(groups.iter().fold(0, |bits, group| bits | *group as u8))
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// A number of its own for each set, below 16.
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }

    /// Those that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Option<Self> {
        Self::from_bits(self.0 & other.0)
    }

    /// Those that are left without the hybrid; `None` when it is alone, or not among them.
    #[must_use]
    pub const fn without_hybrid(self) -> Option<Self> {
        if self.contains(KeyExchangeGroup::X25519MlKem768) {
            self.intersection(Self::CLASSICAL)
        } else {
            None
        }
    }

    /// Whether a group is among them.
    #[must_use]
    pub const fn contains(self, group: KeyExchangeGroup) -> bool {
        self.0 & group as u8 != 0
    }

    /// Whether the group of a connection, by [`crate::TlsFacts::group`], is among them; by IANA's name to the letter.
    #[must_use]
    pub fn contains_name(self, name: &str) -> bool {
        self.iter().any(|group| group.name() == name)
    }

    /// Each of them, best first.
    pub fn iter(self) -> impl Iterator<Item = KeyExchangeGroup> {
        let all = KeyExchangeGroup::ALL.into_iter();
        all.filter(move |group| self.contains(*group))
    }
}

impl TryFrom<Vec<KeyExchangeGroup>> for KeyExchangeGroups {
    type Error = &'static str;

    fn try_from(groups: Vec<KeyExchangeGroup>) -> Result<Self, Self::Error> {
        Self::of(&groups).ok_or("a set of key exchange groups has at least one")
    }
}

impl From<KeyExchangeGroups> for Vec<KeyExchangeGroup> {
    fn from(groups: KeyExchangeGroups) -> Self {
        groups.iter().collect()
    }
}

/// `X25519MLKEM768 or x25519`
impl fmt::Display for KeyExchangeGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(KeyExchangeGroup::name).collect();
        f.write_str(&names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyExchangeGroup::{Secp384r1, X25519, X25519MlKem768};

    #[test]
    fn a_name_is_read_in_any_case_and_written_as_iana_has_it() {
        for (text, name) in [
            ("X25519MLKEM768", "X25519MLKEM768"),
            ("x25519mlkem768", "X25519MLKEM768"),
            ("X25519", "x25519"),
            ("SECP256R1", "secp256r1"),
            ("secp384r1", "secp384r1"),
        ] {
            assert_eq!(text.parse::<KeyExchangeGroup>().unwrap().to_string(), name);
        }
        for text in ["", "P-256", "secp521r1", "x25519 ", "ffdhe2048"] {
            assert_eq!(text.parse::<KeyExchangeGroup>(), Err(KeyExchangeGroupError), "{text:?}");
        }
    }

    #[test]
    fn a_set_has_each_of_its_groups_and_is_never_empty() {
        let two = KeyExchangeGroups::of(&[Secp384r1, X25519MlKem768, Secp384r1]).unwrap();
        assert_eq!(
            two.iter().collect::<Vec<_>>(),
            [X25519MlKem768, Secp384r1],
            "best first"
        );
        assert_eq!(two.to_string(), "X25519MLKEM768 or secp384r1");
        assert!(two.contains_name("secp384r1") && !two.contains_name("x25519") && !two.contains_name("SECP384R1"));
        assert_eq!(
            KeyExchangeGroups::of(&KeyExchangeGroup::ALL),
            Some(KeyExchangeGroups::ALL)
        );
        assert_eq!(KeyExchangeGroups::of(&[]), None);
        let other = KeyExchangeGroups::of(&[X25519, Secp384r1]).unwrap();
        assert_eq!(two.intersection(other), KeyExchangeGroups::of(&[Secp384r1]));
        assert_eq!(
            KeyExchangeGroups::HYBRID.intersection(KeyExchangeGroups::CLASSICAL),
            None
        );
    }

    #[test]
    fn without_the_hybrid_is_there_only_where_that_changes_the_set_and_leaves_one() {
        let left = KeyExchangeGroups::of(&[X25519MlKem768, X25519])
            .unwrap()
            .without_hybrid();
        assert_eq!(left, KeyExchangeGroups::of(&[X25519]));
        assert_eq!(
            KeyExchangeGroups::ALL.without_hybrid(),
            Some(KeyExchangeGroups::CLASSICAL)
        );
        for none in [KeyExchangeGroups::HYBRID, KeyExchangeGroups::CLASSICAL] {
            assert_eq!(none.without_hybrid(), None);
        }
    }

    #[test]
    fn an_empty_set_cannot_be_read() {
        assert!(serde_json::from_str::<KeyExchangeGroups>("[]").is_err());
        assert!(serde_json::from_str::<KeyExchangeGroups>(r#"["secp521r1"]"#).is_err());
    }
}
