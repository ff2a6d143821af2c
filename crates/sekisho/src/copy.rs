//! One recipient's copy of a message: what is put on top of the content that was kept, and what becomes of header
//! fields of the organization's families on the way. Everything else goes on octet for octet (law 5).
//!
//! Most copies are the content as it is, and cost nothing here. Which field is what, policy says; RFC 5322 §2.2 (fields
//! and folding).

mod lines;

use std::sync::Arc;

use bytes::Bytes;
use sekisho_mail::{FamilyFields, Handling, OrganizationName};
use sekisho_policy::directory::{FAMILY_NAME_OCTETS_MAX, FamilyCourse, FieldFate, family, fate};

pub(crate) use self::lines::{HeaderLines, Part};

/// How a copy differs from the content that was kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendition {
    /// Goes before it: fields with their line ends.
    front: Vec<u8>,
    families: Option<(Arc<FamilyFields>, FamilyCourse)>,
    words: Vec<String>,
}

impl Rendition {
    /// The copy of a recipient of `organization` on its way in the hands of `carrier`: what means something within the
    /// one means nothing within another.
    pub(crate) fn of(
        handling: Option<&Handling>,
        (organization, carrier): (&OrganizationName, &OrganizationName),
        course: FamilyCourse,
    ) -> Self {
        let Some(handling) = handling else {
            return Self::default();
        };
        let mut copy = Self::default();
        for field in &handling.added {
            field.write(&mut copy.front);
            copy.words
                .push(format!("with {} added by rule {}", field.name, field.rule));
        }
        if let Some(fields) = &handling.families {
            let course = if organization == carrier {
                course
            } else {
                FamilyCourse::Away
            };
            let count = fields.count;
            copy.words.push(match course {
                FamilyCourse::Within if fields.is_believed => {
                    format!("{count} header fields of the organization's families as its own")
                }
                FamilyCourse::CrossPremises if fields.is_believed => {
                    format!("{count} header fields of the organization's families as cross-premises ones")
                }
                FamilyCourse::Within | FamilyCourse::CrossPremises | FamilyCourse::Away => {
                    format!("without {count} header fields of the organization's families")
                }
            });
            copy.families = Some((Arc::clone(fields), course));
        }
        copy
    }

    /// The one of which strangers read: nothing of the families goes along.
    pub(crate) fn for_strangers(families: &Arc<FamilyFields>) -> Self {
        Self {
            families: Some((Arc::clone(families), FamilyCourse::Away)),
            ..Self::default()
        }
    }

    /// What is put on top.
    pub(crate) fn front(&self) -> &[u8] {
        &self.front
    }

    /// How many octets it has at most, of content with so many.
    pub(crate) fn octets(&self, kept: u64) -> u64 {
        // A field that is renamed may grow by one.
        let renamed = self.families.as_ref().map_or(0, |(fields, _)| u64::from(fields.count));
        kept.saturating_add(self.front.len() as u64).saturating_add(renamed)
    }

    /// How it differs, for the trace; nothing when it does not.
    pub(crate) fn words(&self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.join(", "))
    }

    /// For the content to go through; `None` when it goes on as it is.
    pub(crate) fn filter(&self) -> Option<HeaderFilter> {
        let (fields, course) = self.families.as_ref()?;
        Some(HeaderFilter {
            fields: Arc::clone(fields),
            course: *course,
            lines: HeaderLines::default(),
            is_removing: false,
        })
    }
}

/// Takes fields of the families out of a header, or renames them, as the content streams by.
#[derive(Debug)]
pub(crate) struct HeaderFilter {
    fields: Arc<FamilyFields>,
    course: FamilyCourse,
    lines: HeaderLines,
    /// Whether the field whose lines come by does not go on.
    is_removing: bool,
}

impl HeaderFilter {
    /// What goes on of the next octets; they must have CRLF line ends.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(piece.len());
        let Self {
            fields,
            course,
            lines,
            is_removing,
        } = self;
        lines.feed(piece, |part| match part {
            Part::Start(line) => {
                if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                    *is_removing = !begin_field(line, fields, *course, &mut passed);
                } else if !*is_removing {
                    passed.extend_from_slice(line);
                }
            }
            Part::Rest(_) if *is_removing => {}
            Part::Rest(octets) | Part::Body(octets) => passed.extend_from_slice(octets),
        });
        passed
    }

    /// As [`Self::pass`], of octets that need not be copied once the header is over.
    pub(crate) fn pass_bytes(&mut self, piece: Bytes) -> Bytes {
        if self.lines.is_over() {
            return piece;
        }
        self.pass(&piece).into()
    }

    /// Whether the header is over, and all that follows goes on as it is.
    pub(crate) const fn is_over(&self) -> bool {
        self.lines.is_over()
    }

    /// What was held back at the end of the content.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let held = self.lines.take_held();
        let mut passed = Vec::new();
        if held.starts_with(b" ") || held.starts_with(b"\t") {
            if !self.is_removing {
                passed = held;
            }
        } else if !held.is_empty() {
            begin_field(&held, &self.fields, self.course, &mut passed);
        }
        passed
    }
}

/// The start of a line that is no fold; answers whether the line goes on.
fn begin_field(line: &[u8], fields: &FamilyFields, course: FamilyCourse, passed: &mut Vec<u8>) -> bool {
    let found = fields
        .stems
        .iter()
        .find_map(|stem| Some((family(line, stem)?, stem.len())));
    let Some(((family, before_name), stem_len)) = found else {
        passed.extend_from_slice(line);
        return true;
    };
    let begin = String::from_utf8_lossy(&line[..before_name]).to_ascii_lowercase();
    let name = family_name(&line[before_name..]).map(|name| begin + &name);
    match fate(fields, course, family, name.as_deref()) {
        FieldFate::Removed => return false,
        FieldFate::Kept => passed.extend_from_slice(line),
        FieldFate::Renamed(family) => {
            passed.extend_from_slice(&line[..stem_len]);
            passed.extend_from_slice(family.infix().as_bytes());
            passed.extend_from_slice(&line[before_name..]);
        }
    }
    true
}

/// The rest of a name with what ended it, in lower case; `None` when it was too long to be held, or no colon follows.
pub(crate) fn family_name(rest: &[u8]) -> Option<String> {
    let end = rest.iter().position(|octet| matches!(octet, b':' | b' ' | b'\t'))?;
    let name = rest.get(..end).filter(|name| name.len() <= FAMILY_NAME_OCTETS_MAX)?;
    Some(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A name without what ended it, as a rule sees the field: `None` when it does not see it.
pub(crate) fn name_within(name: &str, fields: &FamilyFields) -> Option<Box<str>> {
    let mut line = name.as_bytes().to_vec();
    line.push(b':');
    let mut passed = Vec::new();
    if !begin_field(&line, fields, FamilyCourse::Within, &mut passed) {
        return None;
    }
    passed.pop();
    Some(String::from_utf8_lossy(&passed).to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(fields: FamilyFields, course: FamilyCourse) -> Rendition {
        let handling = Handling {
            families: Some(Arc::new(fields)),
            ..Handling::default()
        };
        let first = OrganizationName::FIRST;
        Rendition::of(Some(&handling), (&first, &first), course)
    }

    fn fields(is_believed: bool) -> FamilyFields {
        FamilyFields {
            stems: vec!["x-ms-exchange".to_owned()],
            is_believed,
            replaced: vec!["x-ms-exchange-organization-scl".to_owned()],
            count: 4,
        }
    }

    fn passed(copy: &Rendition, message: &[u8], piece: usize) -> String {
        let mut filter = copy.filter().unwrap();
        let mut all = Vec::new();
        message.chunks(piece).for_each(|octets| all.extend(filter.pass(octets)));
        all.extend(filter.finish());
        assert!(copy.octets(message.len() as u64) >= all.len() as u64);
        String::from_utf8(all).unwrap()
    }

    const MESSAGE: &str = "Received: x\r\n\tfolded\r\nX-MS-Exchange-Organization-SCL: 1\r\n  folded\r\nX-Other: y\r\n\
                           x-ms-exchange-CROSSPREMISES-scl : 2\r\n\tfolded\r\nX-MS-Exchange-Organization-Auth: \
                           a\r\nX-MS-Exchange-CrossPremises-New: b\r\nX-MS-Exchange-CrossTenant-Id: c\r\n\r\n\
                           X-MS-Exchange-Organization-SCL: body\r\n";

    #[test]
    fn whatever_strangers_say_is_taken_out_however_the_message_is_cut() {
        let expected = "Received: x\r\n\tfolded\r\nX-Other: y\r\nX-MS-Exchange-CrossTenant-Id: c\r\n\r\n\
                        X-MS-Exchange-Organization-SCL: body\r\n";
        for piece in 1..MESSAGE.len() {
            for (believed, course) in [(false, FamilyCourse::Within), (true, FamilyCourse::Away)] {
                let copy = copy(fields(believed), course);
                assert_eq!(passed(&copy, MESSAGE.as_bytes(), piece), expected, "pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_believed_is_renamed_in_both_directions() {
        let within = "Received: x\r\n\tfolded\r\nX-Other: y\r\nx-ms-exchange-Organization-scl : 2\r\n\tfolded\r\n\
                      X-MS-Exchange-Organization-Auth: a\r\nX-MS-Exchange-Organization-New: b\r\n\
                      X-MS-Exchange-CrossTenant-Id: c\r\n\r\nX-MS-Exchange-Organization-SCL: body\r\n";
        let across = within
            .replace("-Organization-scl", "-CROSSPREMISES-scl")
            .replace("-Organization-Auth", "-CrossPremises-Auth")
            .replace("-Organization-New", "-CrossPremises-New");
        for piece in [1, 2, 7, 30, 1000] {
            let of = |course| passed(&copy(fields(true), course), MESSAGE.as_bytes(), piece);
            assert_eq!(of(FamilyCourse::Within), within, "pieces of {piece}");
            assert_eq!(of(FamilyCourse::CrossPremises), across, "pieces of {piece}");
        }
    }

    #[test]
    fn a_line_without_a_colon_hides_nothing_and_the_end_of_the_content_is_an_end() {
        let hidden =
            "garbage\r\nX-MS-Exchange-Organization-Auth: a\r\nX-MS-Exchange-Organization-Bare\r\nA: b\r\n\r\nc\r\n";
        let strict = copy(fields(false), FamilyCourse::Within);
        assert_eq!(passed(&strict, hidden.as_bytes(), 3), "garbage\r\nA: b\r\n\r\nc\r\n");
        assert_eq!(passed(&strict, b"A: b\r\nX-MS-Exchange-Organization-A", 5), "A: b\r\n");
        assert_eq!(passed(&strict, b"A: b\r\nX-Th", 5), "A: b\r\nX-Th");
        let body = "\r\nX-MS-Exchange-Organization-A: body\r\n";
        assert_eq!(passed(&strict, body.as_bytes(), 5), body);
        let long = format!("X-MS-Exchange-Organization-{}: x\r\nB: c\r\n\r\n", "a".repeat(5000));
        let believing = copy(fields(true), FamilyCourse::Within);
        assert_eq!(passed(&believing, long.as_bytes(), 100), "B: c\r\n\r\n");
    }

    #[test]
    fn what_another_organization_carries_says_nothing_there() {
        let handling = Handling {
            families: Some(Arc::new(fields(true))),
            ..Handling::default()
        };
        let acme: OrganizationName = "acme".parse().unwrap();
        let whose = (&acme, &OrganizationName::FIRST);
        let copy = Rendition::of(Some(&handling), whose, FamilyCourse::Within);
        assert!(!passed(&copy, MESSAGE.as_bytes(), 50).contains("Auth"));
        assert_eq!(Rendition::of(None, whose, FamilyCourse::Within).octets(7), 7);
    }
}
