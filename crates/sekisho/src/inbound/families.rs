//! Header fields that mean something within an organization: which a message has, and for which of its recipients they
//! are believed. What becomes of them is done to each copy on its way (`copy`).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sekisho_mail::{FamilyFields, OrganizationName, Recipient};
use sekisho_policy::directory::{Directory, Family};

use crate::copy::{HeaderLines, Part, family_name};

/// So many fields are told apart; with more of them nobody is believed. All are taken out all the same.
const FIELDS_MAX: usize = 256;

/// Looks for the fields as the header streams by.
#[derive(Debug)]
pub(super) struct FamilyScan {
    stems: Arc<HashSet<String>>,
    lines: HeaderLines,
    /// How many fields each stem has. However many come, no stem is missing here: it would not be taken out.
    counts: HashMap<String, u32>,
    /// The first of them.
    found: Vec<Found>,
    /// Whether there are more than are told apart.
    is_crowded: bool,
}

/// A field of a family.
#[derive(Debug)]
struct Found {
    stem: String,
    family: Family,
    /// What stands behind the family's name.
    name: Option<String>,
}

impl FamilyScan {
    /// Nothing yet; there is none where no organization has families.
    pub(super) fn begin(stems: &Arc<HashSet<String>>) -> Option<Self> {
        (!stems.is_empty()).then(|| Self {
            stems: Arc::clone(stems),
            lines: HeaderLines::default(),
            counts: HashMap::new(),
            found: Vec::new(),
            is_crowded: false,
        })
    }

    /// Looks at the next octets; they must have CRLF line ends.
    pub(super) fn see(&mut self, octets: &[u8]) {
        if self.lines.is_over() {
            return;
        }
        let Self {
            stems,
            lines,
            counts,
            found,
            is_crowded,
        } = self;
        lines.feed(octets, |part| {
            let Part::Start(line) = part else { return };
            for field in look(line, stems) {
                match counts.get_mut(&field.stem) {
                    Some(count) => *count = count.saturating_add(1),
                    None => _ = counts.insert(field.stem.clone(), 1),
                }
                if found.len() < FIELDS_MAX {
                    found.push(field);
                } else {
                    *is_crowded = true;
                }
            }
        });
    }

    /// Writes down with each recipient what becomes of the fields of its organization's families. Nothing is written
    /// where there are none.
    pub(super) fn settle(&self, directory: &Directory, recipients: &mut [Recipient]) {
        if self.counts.is_empty() {
            return;
        }
        let mut known: Vec<(OrganizationName, bool, Option<Arc<FamilyFields>>)> = Vec::new();
        for recipient in recipients {
            let server = recipient
                .handling
                .as_ref()
                .and_then(|handling| handling.own_server.as_ref());
            let is_believed = server.is_some_and(|server| server.is_believed);
            let place = known.iter().position(|(organization, believed, _)| {
                *organization == recipient.organization && *believed == is_believed
            });
            let place = place.unwrap_or_else(|| {
                let fields = self.fields(directory, &recipient.organization, is_believed);
                known.push((recipient.organization.clone(), is_believed, fields.map(Arc::new)));
                known.len() - 1
            });
            if let Some(fields) = &known[place].2 {
                recipient.handling_mut().families = Some(Arc::clone(fields));
            }
        }
    }

    fn fields(&self, directory: &Directory, organization: &OrganizationName, believed: bool) -> Option<FamilyFields> {
        let families = &directory.organization(organization)?.header_families;
        let mut stems: Vec<String> = families.iter().map(|stem| stem.as_str().to_ascii_lowercase()).collect();
        stems.retain(|stem| self.counts.contains_key(stem));
        if stems.is_empty() {
            return None;
        }
        stems.sort_unstable();
        stems.dedup();
        let counts = stems.iter().filter_map(|stem| self.counts.get(stem));
        let count = counts.fold(0u32, |sum, count| sum.saturating_add(*count));
        let names = |family: Family| {
            let of_family = self.found.iter().filter(move |one| one.family == family);
            let own = of_family.filter(|one| stems.binary_search(&one.stem).is_ok());
            own.filter_map(|one| one.name.as_ref().map(|name| (&one.stem, name)))
        };
        let across: HashSet<_> = names(Family::CrossPremises).collect();
        let is_believed = believed && !self.is_crowded;
        let mut replaced: Vec<String> = Vec::new();
        if is_believed {
            let both = names(Family::Organization).filter(|one| across.contains(one));
            let whole = |(stem, name)| format!("{stem}{}{name}", Family::Organization.infix_in_lower_case());
            replaced.extend(both.map(whole));
            replaced.sort_unstable();
            replaced.dedup();
        }
        Some(FamilyFields {
            stems,
            is_believed,
            replaced,
            count,
        })
    }
}

/// The start of a line as a field of families that somebody here has: mostly of none. The family's name may stand in it
/// more than once, and what it is to one organization it need not be to another.
fn look(line: &[u8], stems: &HashSet<String>) -> Vec<Found> {
    if !matches!(line.first(), Some(b'x' | b'X')) {
        return Vec::new();
    }
    let lower = String::from_utf8_lossy(line).to_ascii_lowercase();
    let mut found = Vec::new();
    for family in [Family::Organization, Family::CrossPremises] {
        let infix = family.infix_in_lower_case();
        for (at, _) in lower.match_indices(infix) {
            found.extend(stems.get(&lower[..at]).map(|stem| Found {
                stem: stem.clone(),
                family,
                name: family_name(&lower.as_bytes()[at + infix.len()..]),
            }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use sekisho_mail::OwnServer;
    use sekisho_policy::directory::{Organization, Parts};

    use super::*;

    fn directory() -> Directory {
        let organizations = ["default", "acme", "none"].map(|name| Organization::new(name.parse().unwrap()));
        let mut parts = Parts {
            organizations: organizations.into(),
            ..Parts::default()
        };
        parts.organizations[1].header_families = vec!["X-Acme".parse().unwrap()];
        parts.organizations[2].header_families = Vec::new();
        Directory::build(1, parts).unwrap().0
    }

    fn recipient(organization: &str, is_believed: bool) -> Recipient {
        let mut recipient = Recipient::new("a@one.example".parse().unwrap());
        recipient.organization = organization.parse().unwrap();
        recipient.handling_mut().own_server = Some(OwnServer {
            connector: "hub".to_owned(),
            is_believed,
        });
        recipient
    }

    fn settled(message: &[u8], piece: usize, recipients: &[(&str, bool)]) -> Vec<Option<FamilyFields>> {
        let directory = directory();
        let mut scan = FamilyScan::begin(directory.header_stems()).unwrap();
        message.chunks(piece).for_each(|octets| scan.see(octets));
        let mut recipients: Vec<Recipient> = recipients
            .iter()
            .map(|(of, believed)| recipient(of, *believed))
            .collect();
        scan.settle(&directory, &mut recipients);
        let families = |one: Recipient| one.handling.unwrap().families.map(Arc::unwrap_or_clone);
        recipients.into_iter().map(families).collect()
    }

    #[test]
    fn each_organization_has_its_own_families_however_the_header_is_cut() {
        let message = b"X-Acme-Organization-A: 1\r\n x-ms-exchange-organization-folded: no\r\n\
                        X-MS-EXCHANGE-organization-b : 2\r\nno field\r\nX-Ms-Exchange-CrossPremises-B: 3\r\n\
                        X-MS-Exchange-CrossPremises-C: 4\r\n\r\n\
                        X-Acme-Organization-Body: no\r\n";
        for piece in 1..message.len() {
            let copies = [("default", true), ("default", false), ("acme", true), ("none", true)];
            let [own, strangers, acmes, none] = settled(message, piece, &copies).try_into().unwrap();
            let own = own.unwrap();
            assert_eq!((own.count, own.is_believed), (3, true), "pieces of {piece}");
            assert_eq!(own.replaced, ["x-ms-exchange-organization-b"], "pieces of {piece}");
            let strangers = strangers.unwrap();
            assert_eq!(
                (strangers.count, strangers.is_believed),
                (3, false),
                "pieces of {piece}"
            );
            assert_eq!(acmes.unwrap().stems, ["x-acme"], "pieces of {piece}");
            assert_eq!(none, None);
        }
        assert_eq!(settled(b"Subject: x\r\n\r\n", 5, &[("default", true)]), [None]);
    }

    #[test]
    fn in_a_crowd_of_fields_nobody_is_believed() {
        let header = b"X-MS-Exchange-CrossPremises-A: 1\r\n".repeat(FIELDS_MAX);
        let of = |header: &[u8]| settled(header, 1000, &[("default", true)]).remove(0).unwrap();
        assert!(of(&header).is_believed);
        assert!(!of(&[header.as_slice(), b"X-Sekisho-Organization-B: 1\r\n"].concat()).is_believed);
    }

    #[test]
    fn a_crowd_of_fields_hides_none_behind_it() {
        for decoy in ["X-Sekisho-Organization-A: 1\r\n", "X-Acme-Organization-A: 1\r\n"] {
            let header = decoy.repeat(FIELDS_MAX) + "X-MS-Exchange-Organization-AuthAs: Internal\r\n";
            for is_believed in [true, false] {
                let found = settled(header.as_bytes(), 1000, &[("default", is_believed)]).remove(0);
                let found = found.expect("one is there");
                assert!(found.stems.contains(&"x-ms-exchange".to_owned()), "{decoy}: {found:?}");
                assert!(!found.is_believed);
            }
        }
    }
}
