//! Keeps the header of a message for rules that want to know what it says, and takes it apart. Without such a rule
//! there is none of this.
//!
//! RFC 5322 §2.2 (fields and folding). Nothing is decoded (RFC 2047): a rule sees what was sent.

use std::collections::HashSet;

use sekisho_policy::directory::{Family, HEADER_FIELD_OCTETS_MAX, HeaderCondition, HeaderField};

use super::envelopes::EnvelopeShare;

/// So much of a header is kept, in octets: what stands behind that no rule sees.
const HEADER_OCTETS_MAX: usize = 64 * 1024;

/// The header of a message that streams by.
#[derive(Debug)]
pub(super) struct HeaderKeep {
    raw: Vec<u8>,
    is_over: bool,
    memory: EnvelopeShare,
}

impl HeaderKeep {
    /// Nothing yet; what is kept counts in `memory`.
    pub(super) const fn new(memory: EnvelopeShare) -> Self {
        Self {
            raw: Vec::new(),
            is_over: false,
            memory,
        }
    }

    /// Looks at the next octets; they must have CRLF line ends.
    pub(super) fn see(&mut self, octets: &[u8]) {
        if self.is_over {
            return;
        }
        let seen = self.raw.len();
        let room = HEADER_OCTETS_MAX - seen;
        self.raw.extend_from_slice(&octets[..octets.len().min(room)]);
        self.is_over = self.raw.len() == HEADER_OCTETS_MAX;
        // The empty line may have begun in the piece before.
        let from = seen.saturating_sub(3);
        let empty_line = self.raw[from..].windows(4).position(|four| four == b"\r\n\r\n");
        if self.raw.starts_with(b"\r\n") {
            self.raw.clear();
            self.is_over = true;
        } else if let Some(place) = empty_line {
            self.raw.truncate(from + place + 2);
            self.is_over = true;
        }
        self.memory.add_octets(self.raw.len().saturating_sub(seen));
    }

    /// The fields that one of the conditions is about, unfolded.
    pub(super) fn fields(&self, conditions: &[HeaderCondition]) -> Vec<HeaderField> {
        fields(&self.raw, conditions)
    }
}

/// The fields of a header that one of the conditions is about, unfolded; of each at most
/// [`HEADER_FIELD_OCTETS_MAX`] octets.
pub(crate) fn fields(header: &[u8], conditions: &[HeaderCondition]) -> Vec<HeaderField> {
    let names = || conditions.iter().map(|condition| &*condition.name);
    // What is promoted comes under its other name.
    let promoted: Vec<String> = names().filter_map(cross_premises).collect();
    let wanted: HashSet<&str> = names().chain(promoted.iter().map(String::as_str)).collect();
    let mut fields: Vec<HeaderField> = Vec::new();
    let mut is_wanted = false;
    for line in lines(header) {
        if line.is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            // A line without a name is no field: the header is over, or never was one.
            let Some(colon) = line.iter().position(|octet| *octet == b':').filter(|colon| *colon > 0) else {
                break;
            };
            let (name, body) = line.split_at(colon);
            let name = String::from_utf8_lossy(name.trim_ascii_end()).to_ascii_lowercase();
            is_wanted = wanted.contains(name.as_str());
            if is_wanted {
                let name = name.into();
                fields.push(HeaderField { name, body: Vec::new() });
                keep(fields.last_mut(), &body[1..]);
            }
        } else if is_wanted {
            keep(fields.last_mut(), line);
        }
    }
    fields
}

/// The name under which the organization's own servers send a field that means something within it.
fn cross_premises(name: &str) -> Option<String> {
    let within = Family::Organization.infix_in_lower_case();
    name.contains(within)
        .then(|| name.replacen(within, Family::CrossPremises.infix_in_lower_case(), 1))
}

fn lines(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = header.split(|octet| *octet == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn keep(field: Option<&mut HeaderField>, more: &[u8]) {
    if let Some(field) = field {
        let room = HEADER_FIELD_OCTETS_MAX.saturating_sub(field.body.len());
        field.body.extend_from_slice(&more[..more.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::EnvelopeMemory;

    fn conditions(names: &[&str]) -> Vec<HeaderCondition> {
        let of = |name: &&str| HeaderCondition {
            name: (*name).into(),
            contains: "".into(),
        };
        names.iter().map(of).collect()
    }

    fn kept(message: &[u8], piece: usize) -> Vec<(String, String)> {
        let memory = EnvelopeMemory::default();
        let mut keep = HeaderKeep::new(memory.share());
        message.chunks(piece).for_each(|octets| keep.see(octets));
        assert!(memory.octets() >= keep.raw.len() as u64);
        let fields = keep.fields(&conditions(&["subject", "x-class"]));
        let text = |field: HeaderField| (field.name.into(), String::from_utf8(field.body).unwrap());
        fields.into_iter().map(text).collect()
    }

    #[test]
    fn wanted_fields_are_unfolded_however_the_message_is_cut() {
        let message =
            b"Received: Subject: no\r\nSUBJECT : a\r\n\tb\r\nTo: x\r\n X-Class: folded, no\r\nX-Class:\r\n\r\n\
                        Subject: body\r\n\r\n";
        for piece in 1..message.len() {
            let expected =
                [("subject", " a\tb"), ("x-class", "")].map(|(name, body)| (name.to_owned(), body.to_owned()));
            assert_eq!(kept(message, piece), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn a_message_without_a_header_has_no_fields() {
        for message in [
            b"\r\nSubject: x\r\n".as_slice(),
            b"text\r\nSubject: x\r\n",
            b": x\r\nSubject: x\r\n",
            b"",
        ] {
            assert_eq!(kept(message, 2), [], "{message:?}");
        }
    }

    #[test]
    fn what_is_kept_has_bounds() {
        let long = [b"Subject:".as_slice(), &[b'a'; 5000], b"\r\n\r\n"].concat();
        assert_eq!(kept(&long, 100)[0].1.len(), HEADER_FIELD_OCTETS_MAX);
        let filler = b"X-Filler: x\r\n".repeat(HEADER_OCTETS_MAX / 13 + 1);
        let behind = [filler.as_slice(), b"Subject: secret\r\n\r\n"].concat();
        assert_eq!(kept(&behind, 4096), []);
    }
}
