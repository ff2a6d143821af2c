//! Reads the header of a message as it streams by: counts `Received` fields, those that this server wrote apart, and
//! notes the Message-ID. Changes nothing and keeps next to nothing.
//!
//! RFC 5322 §2.2 (fields and folding), RFC 5321 §6.3 (counting hops).

/// The longest Message-ID that is kept, in octets (RFC 5322 §2.1.1: the longest line).
pub const MAX_MESSAGE_ID_OCTETS: usize = 998;

use std::sync::Arc;

/// The longest field name that matters here.
const LONGEST_NAME: usize = "message-id".len();

/// Sees the octets of a message pass, in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct HeaderScan {
    place: Place,
    hops: u32,
    message_id: Option<Vec<u8>>,
    /// What stands in a line of each `Received` field that this server writes, in lower case.
    mark: Option<Arc<str>>,
    own_hops: u32,
}

/// Where the next octet stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In the name of a field, which so far is this.
    Name(Vec<u8>),
    /// In the body of a field that does not matter, or behind a name that is too long to matter.
    Skipped,
    /// In the body of the Message-ID.
    MessageId,
    /// In the body of a `Received` field, with so many octets of our mark behind us.
    Received(usize),
    /// At the start of a line: a fold of the field before, a new field, or the empty line.
    LineStart(Before),
    /// Behind a CR at the start of a line, which with LF ends the header.
    EmptyLine,
    /// Behind the header.
    Body,
}

/// The field before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// It does not matter.
    Other,
    /// The Message-ID.
    MessageId,
    /// A `Received` field in which our mark was not found yet.
    Received,
}

impl Default for Place {
    fn default() -> Self {
        Self::LineStart(Before::Other)
    }
}

impl HeaderScan {
    /// One that counts the `Received` fields with this mark apart; in lower case.
    pub(super) fn watching(mark: Arc<str>) -> Self {
        Self {
            mark: Some(mark),
            ..Self::default()
        }
    }

    /// Looks at the next octets; they must have CRLF line ends.
    pub fn see(&mut self, octets: &[u8]) {
        if self.place == Place::Body {
            return;
        }
        for &octet in octets {
            self.step(octet);
            if self.place == Place::Body {
                return;
            }
        }
    }

    /// `Received` fields so far.
    #[must_use]
    pub const fn hops(&self) -> u32 {
        self.hops
    }

    /// Those of them with our mark.
    #[must_use]
    pub const fn own_hops(&self) -> u32 {
        self.own_hops
    }

    /// The Message-ID without surrounding white space; the sender's text.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.message_id.as_deref()?);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn step(&mut self, octet: u8) {
        match (&mut self.place, octet) {
            (Place::LineStart(_), b'\r') => self.place = Place::EmptyLine,
            (Place::LineStart(Before::MessageId), b' ' | b'\t') => {
                self.place = Place::MessageId;
                self.keep(octet);
            }
            (Place::LineStart(Before::Received), b' ' | b'\t') => self.place = Place::Received(0),
            (Place::LineStart(Before::Other), b' ' | b'\t') => self.place = Place::Skipped,
            // A name has at least one octet.
            (Place::LineStart(_), b':') => self.place = Place::Body,
            (Place::LineStart(_), _) => self.place = Place::Name(vec![octet.to_ascii_lowercase()]),
            (Place::EmptyLine, b'\n') => self.place = Place::Body,
            (Place::EmptyLine, _) => self.place = Place::Skipped,
            (Place::Name(name), b':') => {
                let name = std::mem::take(name);
                self.place = self.field(name.trim_ascii_end());
            }
            // A line without a colon is no field: the header is over, or never was one.
            (Place::Name(_), b'\n') => self.place = Place::Body,
            (Place::Name(name), _) if name.len() <= LONGEST_NAME => name.push(octet.to_ascii_lowercase()),
            (Place::Name(_), _) => self.place = Place::Skipped,
            (Place::MessageId, b'\n') => self.place = Place::LineStart(Before::MessageId),
            (Place::MessageId, b'\r') => {}
            (Place::MessageId, _) => self.keep(octet),
            (Place::Received(_), b'\n') => self.place = Place::LineStart(Before::Received),
            (Place::Received(seen), _) => {
                let seen = *seen;
                self.place = self.look_for_mark(seen, octet.to_ascii_lowercase());
            }
            (Place::Skipped, b'\n') => self.place = Place::LineStart(Before::Other),
            (Place::Skipped | Place::Body, _) => {}
        }
    }

    /// Our mark begins as nothing else in it does, so that a start that fails is none.
    fn look_for_mark(&mut self, seen: usize, octet: u8) -> Place {
        let mark = self.mark.as_deref().unwrap_or_default().as_bytes();
        let goes_on = |at: usize| mark.get(at) == Some(&octet);
        let seen = match (goes_on(seen), goes_on(0)) {
            (true, _) => seen + 1,
            (false, true) => 1,
            (false, false) => 0,
        };
        if seen < mark.len() {
            return Place::Received(seen);
        }
        self.own_hops = self.own_hops.saturating_add(1);
        Place::Skipped
    }

    /// A field of this name begins.
    fn field(&mut self, name: &[u8]) -> Place {
        match name {
            b"received" => {
                self.hops = self.hops.saturating_add(1);
                match self.mark {
                    Some(_) => Place::Received(0),
                    None => Place::Skipped,
                }
            }
            b"message-id" if self.message_id.is_none() => {
                self.message_id = Some(Vec::new());
                Place::MessageId
            }
            _ => Place::Skipped,
        }
    }

    fn keep(&mut self, octet: u8) {
        if let Some(kept) = &mut self.message_id
            && kept.len() < MAX_MESSAGE_ID_OCTETS
        {
            kept.push(octet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(message: &[u8], piece: usize) -> HeaderScan {
        let mut scan = HeaderScan::default();
        message.chunks(piece).for_each(|octets| scan.see(octets));
        scan
    }

    #[test]
    fn counts_hops_and_finds_the_message_id_however_it_is_cut() {
        let message = b"Received: from a\r\n\tby b\r\nRECEIVED : x\r\nX-Received: no\r\nSubject: Received: no\r\n \
                        Received: folded, no\r\nMessage-Id:\r\n <a@b>\r\n\r\nReceived: body\r\nMessage-ID: <c@d>\r\n";
        for piece in 1..message.len() {
            let scan = scan(message, piece);
            assert_eq!(scan.hops(), 2, "pieces of {piece}");
            assert_eq!(scan.message_id().as_deref(), Some("<a@b>"), "pieces of {piece}");
        }
    }

    #[test]
    fn a_message_without_a_header_has_no_hops() {
        assert_eq!(scan(b"\r\nReceived: a\r\n", 3).hops(), 0);
        assert_eq!(scan(b"just text\r\nReceived: a\r\n", 3).hops(), 0);
        assert_eq!(scan(b":no name: x\r\nReceived: a\r\n", 3).hops(), 0);
        assert_eq!(scan(b"", 1).message_id(), None);
    }

    #[test]
    fn counts_the_fields_of_this_server_apart_however_they_are_folded() {
        let message = b"Received: from a ([192.0.2.1])\r\n\tby MX.example.org (Sekisho) with ESMTP id 1;\r\n\tdate\r\n\
                        Received: from mx.example.org by b.example; x\r\n\
                        Received: from c by by mx.example.org (Sekisho) with x\r\n\
                        Received: from d\r\n by mx.example.org (Postfix)\r\n\
                        X-Trace: by mx.example.org (Sekisho) with\r\n\r\n\
                        Received: by mx.example.org (Sekisho) with\r\n";
        for piece in 1..message.len() {
            let mut scan = HeaderScan::watching("by mx.example.org (sekisho) ".into());
            message.chunks(piece).for_each(|octets| scan.see(octets));
            assert_eq!((scan.hops(), scan.own_hops()), (4, 2), "pieces of {piece}");
        }
    }

    #[test]
    fn keeps_no_more_of_a_message_id_than_its_limit() {
        let message = [b"Message-ID: <".as_slice(), &[b'a'; 5000], b"@b>\r\n\r\n"].concat();
        assert_eq!(
            scan(&message, 100).message_id().unwrap().len(),
            MAX_MESSAGE_ID_OCTETS - 1
        );
    }
}
