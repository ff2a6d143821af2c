//! Families of header fields that mean something within an organization and between its own servers and here, and that
//! nobody else may write: whoever could would speak with the organization's authority.

use std::{fmt, str::FromStr};

use sekisho_mail::FamilyFields;
use thiserror::Error;

/// Octets of a stem.
const STEM_OCTETS_MAX: usize = 40;
/// Octets of the longest name that is compared with others; a field of a family with a longer one never goes on.
pub const FAMILY_NAME_OCTETS_MAX: usize = 200;

/// What the names of two families begin with: `X-MS-Exchange` stands for `X-MS-Exchange-Organization-*` and
/// `X-MS-Exchange-CrossPremises-*`. Compared without regard to case, shown as it was written.
#[derive(Clone, Debug)]
pub struct HeaderStem(String);

/// Why a text is no stem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it begins with X- and has at most 40 letters, digits and hyphens, with no hyphen at the end")]
pub struct HeaderStemError;

impl HeaderStem {
    /// Those of an organization that names none: Exchange's and our own.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        ["X-MS-Exchange", "X-Sekisho"].map(|stem| Self(stem.to_owned())).into()
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a field of this name is of one of its families.
    pub(crate) fn covers(&self, name: &str) -> bool {
        family(name.as_bytes(), &self.0).is_some()
    }
}

impl PartialEq for HeaderStem {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HeaderStem {}

impl FromStr for HeaderStem {
    type Err = HeaderStemError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let behind = text
            .get(..2)
            .filter(|start| start.eq_ignore_ascii_case("x-"))
            .map(|_| &text[2..]);
        let is_stem = behind.is_some_and(|behind| {
            let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
            !behind.is_empty() && behind.bytes().all(fits) && !behind.ends_with('-') && !behind.starts_with('-')
        });
        if is_stem && text.len() <= STEM_OCTETS_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(HeaderStemError)
        }
    }
}

impl fmt::Display for HeaderStem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the two families of a stem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Means something within the organization.
    Organization,
    /// Carries it between its own servers and here.
    CrossPremises,
}

impl Family {
    /// What stands between the stem and the rest of the name, as it is written.
    #[must_use]
    pub const fn infix(self) -> &'static str {
        match self {
            Self::Organization => "-Organization-",
            Self::CrossPremises => "-CrossPremises-",
        }
    }

    /// The same in lower case.
    #[must_use]
    pub const fn infix_in_lower_case(self) -> &'static str {
        match self {
            Self::Organization => "-organization-",
            Self::CrossPremises => "-crosspremises-",
        }
    }
}

/// The family of a line that begins with the name of a field, and how many octets stem and family take.
#[must_use]
pub fn family(line: &[u8], stem: &str) -> Option<(Family, usize)> {
    let behind = behind(line, stem)?;
    let found = [Family::Organization, Family::CrossPremises]
        .into_iter()
        .find(|family| self::behind(behind, family.infix()).is_some());
    found.map(|family| (family, stem.len() + family.infix().len()))
}

/// What stands behind a text that a line begins with, in whatever case.
fn behind<'a>(line: &'a [u8], start: &str) -> Option<&'a [u8]> {
    let (begin, rest) = line.split_at_checked(start.len())?;
    begin.eq_ignore_ascii_case(start.as_bytes()).then_some(rest)
}

/// What becomes of one field of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFate {
    /// It stays as it is.
    Kept,
    /// It goes on under the name of this family.
    Renamed(Family),
    /// It does not go on.
    Removed,
}

/// Where a copy of a message goes, as far as the families of its organization are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FamilyCourse {
    /// It stays within the organization.
    Within,
    /// To a server of its own that is told what is meant within the organization.
    CrossPremises,
    /// Elsewhere.
    Away,
}

/// What becomes of a field on its way: `name` is its whole name in lower case, and `None` when that is too long to be
/// compared. A cross-premises field of a server that is believed replaces the organization's of the
/// same name; of anybody else's nothing goes on.
#[must_use]
pub fn fate(fields: &FamilyFields, course: FamilyCourse, family: Family, name: Option<&str>) -> FieldFate {
    let Some(name) = name.filter(|_| fields.is_believed) else {
        return FieldFate::Removed;
    };
    let is_replaced = || fields.replaced.iter().any(|replaced| replaced == name);
    match (course, family) {
        (FamilyCourse::Away, _) => FieldFate::Removed,
        (_, Family::Organization) if is_replaced() => FieldFate::Removed,
        (FamilyCourse::Within, Family::Organization) | (FamilyCourse::CrossPremises, Family::CrossPremises) => {
            FieldFate::Kept
        }
        (FamilyCourse::Within, Family::CrossPremises) => FieldFate::Renamed(Family::Organization),
        (FamilyCourse::CrossPremises, Family::Organization) => FieldFate::Renamed(Family::CrossPremises),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(is_believed: bool) -> FamilyFields {
        FamilyFields {
            stems: vec!["x-ms-exchange".to_owned()],
            is_believed,
            replaced: vec!["x-ms-exchange-organization-scl".to_owned()],
            count: 3,
        }
    }

    #[test]
    fn of_strangers_no_field_goes_on_and_away_none_of_anybodys() {
        for course in [FamilyCourse::Within, FamilyCourse::CrossPremises, FamilyCourse::Away] {
            for family in [Family::Organization, Family::CrossPremises] {
                assert_eq!(fate(&fields(false), course, family, Some("auth")), FieldFate::Removed);
                assert_eq!(fate(&fields(true), course, family, None), FieldFate::Removed);
            }
        }
        for family in [Family::Organization, Family::CrossPremises] {
            let away = fate(&fields(true), FamilyCourse::Away, family, Some("auth"));
            assert_eq!(away, FieldFate::Removed);
        }
    }

    #[test]
    fn what_is_believed_is_promoted_replaces_its_like_and_goes_back_under_the_other_name() {
        let fields = fields(true);
        for (course, family, name, expected) in [
            (
                FamilyCourse::Within,
                Family::CrossPremises,
                "auth",
                FieldFate::Renamed(Family::Organization),
            ),
            (
                FamilyCourse::Within,
                Family::CrossPremises,
                "scl",
                FieldFate::Renamed(Family::Organization),
            ),
            (FamilyCourse::Within, Family::Organization, "scl", FieldFate::Removed),
            (FamilyCourse::Within, Family::Organization, "other", FieldFate::Kept),
            (
                FamilyCourse::CrossPremises,
                Family::CrossPremises,
                "scl",
                FieldFate::Kept,
            ),
            (
                FamilyCourse::CrossPremises,
                Family::Organization,
                "scl",
                FieldFate::Removed,
            ),
            (
                FamilyCourse::CrossPremises,
                Family::Organization,
                "other",
                FieldFate::Renamed(Family::CrossPremises),
            ),
        ] {
            let whole = format!("x-ms-exchange{}{name}", family.infix_in_lower_case());
            let found = fate(&fields, course, family, Some(&whole));
            assert_eq!(found, expected, "{course:?} {family:?} {name}");
        }
    }

    #[test]
    fn a_family_is_known_by_its_stem_in_whatever_case() {
        let of = |line: &str| family(line.as_bytes(), "X-MS-Exchange");
        assert_eq!(
            of("x-ms-EXCHANGE-organization-SCL: 1"),
            Some((Family::Organization, 27))
        );
        assert_eq!(
            of("X-MS-Exchange-CrossPremises-SCL: 1"),
            Some((Family::CrossPremises, 28))
        );
        assert_eq!(of("X-MS-Exchange-CrossTenant-Id: 1"), None);
        assert_eq!(of("X-MS-Exchange"), None);
    }

    #[test]
    fn a_stem_begins_with_x_and_has_letters_digits_and_hyphens() {
        for text in [
            "", "X-", "X--a", "Received", "X-a-", "X-a b", "X-a:", "X-\u{e9}", "-X-a",
        ] {
            assert!(text.parse::<HeaderStem>().is_err(), "{text:?}");
        }
        assert_eq!("x-ms-exchange".parse(), Ok(HeaderStem::usual().remove(0)));
    }
}
