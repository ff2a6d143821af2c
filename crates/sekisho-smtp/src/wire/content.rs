//! The content of a message as it comes in: under dots after DATA (RFC 5321 §4.5.2), counted after BDAT (RFC 3030).
//!
//! Only CRLF.CRLF ends content after DATA, and only CRLF ends a line (law 5): every relative of theirs has been used to
//! smuggle a second message past somebody who reads more laxly. The reader never copies: it names ranges of the input,
//! and the dots it takes off are simply not in them. Line ends that must be put in are named as such.

use std::ops::Range;

use memchr::memchr3;

use super::plain_lines::plain_lines;
use crate::{
    limits::TEXT_LINE_OCTETS,
    server::{BareLineEnds, LongLines},
};

/// How the end of the content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By a line with a single dot; other lines that begin with a dot have one more.
    Dots,
    /// By counting; whoever drives the reader counts.
    Counted,
}

/// What the reader minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRules {
    /// Bare CR and LF.
    pub bare_line_ends: BareLineEnds,
    /// Lines that are too long.
    pub long_lines: LongLines,
    /// The largest content that is taken, in octets.
    pub max_octets: u64,
}

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These octets of the input.
    Input(Range<usize>),
    /// CRLF.
    LineEnd,
}

/// What one step of reading came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// So many octets of the input are done with.
    pub consumed: usize,
    /// What they came to; nothing once the content is at fault.
    pub piece: Option<Piece>,
    /// Whether the content has ended; only under dots.
    pub ended: bool,
}

/// Why content is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFault {
    /// A bare CR or LF.
    BareLineEnd,
    /// A NUL.
    Nul,
    /// A line longer than 1000 octets.
    LongLine,
    /// Larger than is taken.
    TooLarge,
}

impl ContentFault {
    /// Whether it leaves doubt about where the message ends: another reader may have seen two messages in it.
    #[must_use]
    pub const fn leaves_doubt(self) -> bool {
        matches!(self, Self::BareLineEnd | Self::Nul)
    }

    const fn gravity(self) -> u8 {
        match self {
            Self::BareLineEnd | Self::Nul => 2,
            Self::LongLine => 1,
            Self::TooLarge => 0,
        }
    }
}

/// What is known of content that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentFacts {
    /// Octets, stuffed dots not counted.
    pub octets: u64,
    /// Whether an octet was beyond ASCII.
    pub eight_bit: bool,
    /// Bare CR and LF that became CRLF.
    pub normalised_line_ends: u64,
    /// Lines of more than 1000 octets.
    pub long_lines: u64,
    /// Whether the last line had no end and was given one; only when counted.
    pub line_end_added: bool,
}

/// Where the last octet left us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind CRLF, or at the beginning.
    LineStart,
    /// Behind a dot that stood at the beginning of a line and was taken off.
    Dot,
    /// Behind that and a CR, which is held back.
    DotCr,
    /// Inside a line.
    Text,
    /// Behind a CR inside a line, which is held back.
    Cr,
}

/// Reads content step by step.
#[derive(Clone, Debug)]
pub struct ContentReader {
    framing: Framing,
    rules: ContentRules,
    place: Place,
    line_octets: u64,
    facts: ContentFacts,
    fault: Option<ContentFault>,
}

impl ContentReader {
    /// At the beginning of content.
    #[must_use]
    pub const fn new(framing: Framing, rules: ContentRules) -> Self {
        Self {
            framing,
            rules,
            place: Place::LineStart,
            line_octets: 0,
            facts: ContentFacts {
                octets: 0,
                eight_bit: false,
                normalised_line_ends: 0,
                long_lines: 0,
                line_end_added: false,
            },
            fault: None,
        }
    }

    /// What was found out so far.
    #[must_use]
    pub const fn facts(&self) -> ContentFacts {
        self.facts
    }

    /// Why the content is refused, once it is. Reading goes on to its end, gives no more pieces, and may yet find a
    /// graver fault.
    #[must_use]
    pub const fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// Reads on until there is a piece, an end or no more input.
    pub fn read(&mut self, input: &[u8]) -> Read {
        let (mut begin, mut at) = (0, 0);
        while let Some(&octet) = input.get(at) {
            if self.place == Place::LineStart {
                let plain = plain_lines(&input[at..], self.framing == Framing::Dots);
                if plain > 0 {
                    at += plain;
                    continue;
                }
            }
            match self.place {
                Place::LineStart if self.framing == Framing::Dots && octet == b'.' => {
                    if begin < at {
                        return self.give(input, begin..at, at);
                    }
                    at += 1;
                    begin = at;
                    self.place = Place::Dot;
                }
                Place::Dot if octet == b'\r' => {
                    at += 1;
                    begin = at;
                    self.place = Place::DotCr;
                }
                Place::DotCr if octet == b'\n' => {
                    return Read {
                        consumed: at + 1,
                        piece: None,
                        ended: true,
                    };
                }
                Place::LineStart | Place::Dot => self.place = Place::Text,
                Place::Cr if octet == b'\n' => {
                    self.end_line();
                    self.place = Place::LineStart;
                    return self.give_line_end(at + 1);
                }
                // The CR that is held back was a bare one.
                Place::DotCr | Place::Cr => {
                    self.meet_bare_line_end();
                    return self.give_line_end(at);
                }
                Place::Text => match self.read_text(input, at) {
                    Text::Goes(to) => at = to,
                    Text::HeldCr(cr) if begin < cr => return self.give(input, begin..cr, cr + 1),
                    Text::BareLf(lf) if begin < lf => return self.give(input, begin..lf, lf),
                    Text::HeldCr(cr) => {
                        at = cr + 1;
                        begin = at;
                    }
                    Text::BareLf(lf) => {
                        self.meet_bare_line_end();
                        return self.give_line_end(lf + 1);
                    }
                },
            }
        }
        self.give(input, begin..at, at)
    }

    /// Ends counted content: a last line without its end is given one, since the next hop may want it by DATA.
    pub fn finish(&mut self) -> Option<Piece> {
        match self.place {
            Place::Cr | Place::DotCr => self.meet_bare_line_end(),
            Place::Text | Place::Dot if self.line_octets > 0 => {
                self.facts.line_end_added = true;
                self.end_line();
            }
            Place::Text | Place::Dot | Place::LineStart => return None,
        }
        self.place = Place::LineStart;
        self.give_line_end(0).piece
    }

    /// Looks for the next octet of a line that matters. A CR whose successor is not LF, or is not known yet, is held
    /// back.
    fn read_text(&mut self, input: &[u8], at: usize) -> Text {
        let Some(offset) = memchr3(b'\r', b'\n', 0, &input[at..]) else {
            self.line_octets += (input.len() - at) as u64;
            return Text::Goes(input.len());
        };
        self.line_octets += offset as u64;
        let found = at + offset;
        match (input[found], input.get(found + 1)) {
            (b'\r', Some(b'\n')) => {
                self.end_line();
                self.place = Place::LineStart;
                Text::Goes(found + 2)
            }
            (b'\r', _) => {
                self.place = Place::Cr;
                Text::HeldCr(found)
            }
            // Counted when it is met again at the front, so as not to count it twice.
            (b'\n', _) => Text::BareLf(found),
            _ => {
                self.fail(ContentFault::Nul);
                Text::Goes(found + 1)
            }
        }
    }

    fn end_line(&mut self) {
        if self.line_octets + 2 > TEXT_LINE_OCTETS {
            self.facts.long_lines += 1;
            if self.rules.long_lines == LongLines::Refuse {
                self.fail(ContentFault::LongLine);
            }
        }
        self.line_octets = 0;
    }

    /// What stands behind a bare CR or LF is not the beginning of a line in the sense that a dot there could mean
    /// anything: the end is found by CRLF.CRLF alone.
    fn meet_bare_line_end(&mut self) {
        match self.rules.bare_line_ends {
            BareLineEnds::Refuse => self.fail(ContentFault::BareLineEnd),
            BareLineEnds::Normalise => self.facts.normalised_line_ends += 1,
        }
        self.end_line();
        self.place = Place::Text;
    }

    /// The gravest fault is the one that is told, and the first of equals: which is met first depends on how the input
    /// was cut, and what the client is told must not.
    const fn fail(&mut self, fault: ContentFault) {
        match self.fault {
            Some(known) if known.gravity() >= fault.gravity() => {}
            Some(_) | None => self.fault = Some(fault),
        }
    }

    fn count(&mut self, octets: usize) {
        self.facts.octets = self.facts.octets.saturating_add(octets as u64);
        if self.facts.octets > self.rules.max_octets {
            self.fail(ContentFault::TooLarge);
        }
    }

    fn give(&mut self, input: &[u8], range: Range<usize>, consumed: usize) -> Read {
        let octets = &input[range.clone()];
        self.count(octets.len());
        self.facts.eight_bit |= !octets.is_ascii();
        let piece = (self.fault.is_none() && !octets.is_empty()).then_some(Piece::Input(range));
        Read {
            consumed,
            piece,
            ended: false,
        }
    }

    fn give_line_end(&mut self, consumed: usize) -> Read {
        self.count(2);
        Read {
            consumed,
            piece: self.fault.is_none().then_some(Piece::LineEnd),
            ended: false,
        }
    }
}

/// What [`ContentReader::read_text`] found.
enum Text {
    /// Nothing that matters up to here.
    Goes(usize),
    /// A CR here that is held back.
    HeldCr(usize),
    /// A bare LF here.
    BareLf(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: ContentRules = ContentRules {
        bare_line_ends: BareLineEnds::Refuse,
        long_lines: LongLines::Accept,
        max_octets: 1 << 20,
    };

    struct Whole {
        content: Vec<u8>,
        left: Vec<u8>,
        ended: bool,
        reader: ContentReader,
    }

    /// Reads all of `input`, given in slices of `step` octets, to the end of the content.
    fn read_all(mut reader: ContentReader, input: &[u8], step: usize) -> Whole {
        let (mut content, mut done, mut ended) = (Vec::new(), 0, false);
        while done < input.len() && !ended {
            let slice = &input[done..input.len().min(done + step)];
            let read = reader.read(slice);
            match read.piece {
                Some(Piece::Input(range)) => content.extend_from_slice(&slice[range]),
                Some(Piece::LineEnd) => content.extend_from_slice(b"\r\n"),
                None => {}
            }
            done += read.consumed;
            ended = read.ended;
        }
        let left = input[done..].to_vec();
        Whole {
            content,
            left,
            ended,
            reader,
        }
    }

    fn each_step(input: &[u8]) -> impl Iterator<Item = usize> {
        1..=input.len().max(1)
    }

    #[test]
    fn dots_are_taken_off_and_the_end_is_found_however_the_input_is_cut() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b".\r\nQUIT\r\n", b""),
            (b"a\r\n.\r\nQUIT\r\n", b"a\r\n"),
            (b"..\r\n...a\r\n.b\r\n.\r\nQUIT\r\n", b".\r\n..a\r\nb\r\n"),
            (b"\r\n\r\n.\r\nQUIT\r\n", b"\r\n\r\n"),
            (b"a.\r\n.\r\nQUIT\r\n", b"a.\r\n"),
            (b"\xff\r\n.\r\nQUIT\r\n", b"\xff\r\n"),
        ];
        for (input, content) in cases {
            for step in each_step(input) {
                let whole = read_all(ContentReader::new(Framing::Dots, RULES), input, step);
                assert_eq!(whole.content, content, "{} by {step}", input.escape_ascii());
                assert_eq!((whole.left.as_slice(), whole.ended), (b"QUIT\r\n".as_slice(), true));
                assert_eq!(whole.reader.facts().octets, content.len() as u64);
                assert_eq!(whole.reader.facts().eight_bit, content.contains(&0xff));
                assert_eq!(whole.reader.fault(), None);
            }
        }
    }

    /// The twelve wrong ends, each behind a first line.
    const WRONG_ENDS: [&[u8]; 12] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\n",
        b"\n.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
    ];

    #[test]
    fn no_wrong_end_ends_content_and_each_is_a_fault() {
        for end in WRONG_ENDS {
            let input = [b"a".as_slice(), end, b"MAIL FROM:<x@y>\r\n.\r\nQUIT\r\n"].concat();
            for step in each_step(&input) {
                let whole = read_all(ContentReader::new(Framing::Dots, RULES), &input, step);
                assert_eq!(whole.left, b"QUIT\r\n", "{} by {step}", end.escape_ascii());
                assert!(whole.reader.fault().is_some(), "{} by {step}", end.escape_ascii());
            }
        }
    }

    #[test]
    fn counted_text_is_under_the_same_rules() {
        for end in WRONG_ENDS {
            let input = [b"a".as_slice(), end].concat();
            for step in each_step(&input) {
                let mut whole = read_all(ContentReader::new(Framing::Counted, RULES), &input, step);
                let _ = whole.reader.finish();
                assert!(whole.reader.fault().is_some(), "{} by {step}", end.escape_ascii());
            }
        }
        let whole = read_all(ContentReader::new(Framing::Counted, RULES), b"a\r\n.\r\n..b\r\n", 3);
        assert_eq!(whole.content, b"a\r\n.\r\n..b\r\n");
        assert_eq!(whole.reader.fault(), None);
    }

    #[test]
    fn normalised_content_has_no_bare_line_end_and_the_same_end() {
        let rules = ContentRules {
            bare_line_ends: BareLineEnds::Normalise,
            ..RULES
        };
        let cases: [(&[u8], &[u8]); 6] = [
            (b"a\n.\nb\r\n.\r\nQUIT\r\n", b"a\r\n.\r\nb\r\n"),
            (b"a\r.\rb\r\n.\r\nQUIT\r\n", b"a\r\n.\r\nb\r\n"),
            (b"a\n.\r\nb\r\n.\r\nQUIT\r\n", b"a\r\n.\r\nb\r\n"),
            (b"a\r\n.\rb\r\n.\r\nQUIT\r\n", b"a\r\n\r\nb\r\n"),
            (b"a\r\r\n.\r\r\nb\r\n.\r\nQUIT\r\n", b"a\r\n\r\n\r\n\r\nb\r\n"),
            (b"\n\r\r\n.\r\nQUIT\r\n", b"\r\n\r\n\r\n"),
        ];
        for (input, content) in cases {
            for step in each_step(input) {
                let whole = read_all(ContentReader::new(Framing::Dots, rules), input, step);
                assert_eq!(
                    whole.content.escape_ascii().to_string(),
                    content.escape_ascii().to_string(),
                    "{} by {step}",
                    input.escape_ascii()
                );
                assert_eq!(
                    (whole.left.as_slice(), whole.reader.fault()),
                    (b"QUIT\r\n".as_slice(), None)
                );
            }
        }
    }

    #[test]
    fn a_nul_is_refused_even_when_line_ends_are_normalised() {
        let rules = ContentRules {
            bare_line_ends: BareLineEnds::Normalise,
            ..RULES
        };
        let whole = read_all(ContentReader::new(Framing::Dots, rules), b"a\0\r\n.\r\n", 100);
        assert_eq!(whole.reader.fault(), Some(ContentFault::Nul));
    }

    #[test]
    fn the_gravest_fault_is_told_however_the_input_is_cut() {
        let rules = ContentRules {
            max_octets: 1000,
            long_lines: LongLines::Refuse,
            ..RULES
        };
        let long = [b'x'; 1001].as_slice();
        let cases: [(&[u8], ContentFault); 4] = [
            (b"", ContentFault::LongLine),
            (b"\0", ContentFault::Nul),
            (b"\r\n\n", ContentFault::BareLineEnd),
            (b"\r\n\r\0", ContentFault::BareLineEnd),
        ];
        for (behind, fault) in cases {
            let input = [long, behind, b"\r\n.\r\n"].concat();
            for step in [1, 7, 1001, 5000] {
                let reader = read_all(ContentReader::new(Framing::Dots, rules), &input, step).reader;
                assert_eq!(reader.fault(), Some(fault), "{} by {step}", behind.escape_ascii());
            }
        }
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        for (input, piece) in [(b"a".as_slice(), Some(Piece::LineEnd)), (b"a\r\n", None), (b"", None)] {
            let mut whole = read_all(ContentReader::new(Framing::Counted, RULES), input, 100);
            assert_eq!(whole.reader.finish(), piece);
            assert_eq!(whole.reader.facts().line_end_added, piece.is_some());
        }
    }

    #[test]
    fn long_lines_and_large_contents_are_counted() {
        let rules = ContentRules {
            long_lines: LongLines::Refuse,
            ..RULES
        };
        let line = |octets: usize| [vec![b'x'; octets], b"\r\n.\r\n".to_vec()].concat();
        let fault = |rules: ContentRules, input: &[u8], step: usize| {
            read_all(ContentReader::new(Framing::Dots, rules), input, step)
                .reader
                .fault()
        };
        for step in [1, 7, 5000] {
            assert_eq!(fault(rules, &line(998), step), None);
            assert_eq!(fault(rules, &line(999), step), Some(ContentFault::LongLine));
            assert_eq!(fault(RULES, &line(999), step), None);
            let small = ContentRules {
                max_octets: 100,
                ..RULES
            };
            assert_eq!(fault(small, &line(98), step), None);
            assert_eq!(fault(small, &line(99), step), Some(ContentFault::TooLarge));
        }
    }
}
