//! A header line by line, as it streams by in pieces of any size. Of a line only its start is held, and only where it
//! may matter.

use memchr::memchr;
use sekisho_policy::directory::FAMILY_NAME_OCTETS_MAX;

/// What is held of the start of a line: the longest stem and family, the longest name, and what ends it.
const START_OCTETS_MAX: usize = FAMILY_NAME_OCTETS_MAX + 64;

/// Where the next octet stands. The header ends with the first empty line, whatever stands before it: who reads on
/// behind a line that is no field must find nothing there that was not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// At the start of a line, or in what is held of it.
    #[default]
    Start,
    /// Further on in a line.
    Rest,
    /// Behind the header.
    Body,
}

/// Takes a header apart.
#[derive(Debug, Default)]
pub(crate) struct HeaderLines {
    place: Place,
    held: Vec<u8>,
}

/// What comes by; all of it together is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A line begins: at least its first octet; where that is an X, all up to what ends the name, or the limit.
    Start(&'a [u8]),
    /// More of the line, its end too.
    Rest(&'a [u8]),
    /// Behind the header, the empty line first.
    Body(&'a [u8]),
}

impl HeaderLines {
    /// Whether the header is over.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.place, Place::Body)
    }

    /// What was held of a line whose content ended.
    pub(crate) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Looks at the next octets; they must have CRLF line ends.
    pub(crate) fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(Part<'_>)) {
        while let Some(first) = piece.first().copied() {
            match self.place {
                Place::Body => return each(Part::Body(piece)),
                Place::Rest => {
                    let end = memchr(b'\n', piece);
                    let (line, rest) = piece.split_at(end.map_or(piece.len(), |end| end + 1));
                    each(Part::Rest(line));
                    piece = rest;
                    if end.is_some() {
                        self.place = Place::Start;
                    }
                }
                Place::Start if self.held.is_empty() && !matches!(first, b'x' | b'X' | b'\r') => {
                    let (start, rest) = piece.split_at(1);
                    each(Part::Start(start));
                    piece = rest;
                    if first != b'\n' {
                        self.place = Place::Rest;
                    }
                }
                Place::Start => {
                    self.held.push(first);
                    piece = &piece[1..];
                    self.look_at_held(&mut each);
                }
            }
        }
    }

    /// Hands on what is held once it is enough.
    fn look_at_held(&mut self, each: &mut impl FnMut(Part<'_>)) {
        let place = match self.held.as_slice() {
            b"\r" => return,
            b"\r\n" => Place::Body,
            [b'\r', ..] => Place::Rest,
            [.., b'\n'] => Place::Start,
            [.., b':' | b' ' | b'\t'] => Place::Rest,
            held if held.len() >= START_OCTETS_MAX => Place::Rest,
            _ => return,
        };
        self.place = place;
        if place == Place::Body {
            each(Part::Body(&self.held));
        } else {
            each(Part::Start(&self.held));
        }
        self.held.clear();
    }
}
