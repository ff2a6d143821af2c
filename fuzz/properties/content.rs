//! What holds of the content of a message on any octets, however they are cut, held against a reader that looks at one
//! octet after the other: where it ends, what comes out, and that no bare CR or LF ever does (law 5).

use sekisho_smtp::{
    limits::TEXT_LINE_OCTETS,
    server::{BareLineEnds, LongLines},
    wire::content::{ContentFault, ContentReader, ContentRules, Framing, Piece},
};

/// # Panics
/// When the reader breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some(([choice, step], input)) = octets.split_first_chunk() else {
        return;
    };
    let framing = if choice & 1 == 0 {
        Framing::Dots
    } else {
        Framing::Counted
    };
    let rules = ContentRules {
        bare_line_ends: if choice & 2 == 0 {
            BareLineEnds::Refuse
        } else {
            BareLineEnds::Normalise
        },
        long_lines: if choice & 4 == 0 {
            LongLines::Accept
        } else {
            LongLines::Refuse
        },
        max_octets: if choice & 8 == 0 { 1 << 20 } else { 300 },
    };
    let whole = read(framing, rules, input, input.len().max(1));
    let cut = read(framing, rules, input, usize::from(*step).max(1));
    assert_eq!(cut, whole, "by {step}: {}", input.escape_ascii());
    assert_eq!(whole, reference(framing, rules, input), "{}", input.escape_ascii());
    if framing == Framing::Dots && whole.faults.is_none() && has_line_ends_only(input) {
        let mut content = input.to_vec();
        if !content.is_empty() && !content.ends_with(b"\r\n") {
            content.extend_from_slice(b"\r\n");
        }
        let stuffed = stuff(&content);
        let again = read(framing, rules, &stuffed, usize::from(*step).max(1));
        assert!(
            again.ended && again.consumed == stuffed.len(),
            "{}",
            input.escape_ascii()
        );
        assert!(
            again.faults.is_some() || again.content == content,
            "{}",
            input.escape_ascii()
        );
    }
}

/// What became of some input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Empty once the content is at fault.
    content: Vec<u8>,
    consumed: usize,
    ended: bool,
    faults: Option<ContentFault>,
    normalised: u64,
    long_lines: u64,
}

fn read(framing: Framing, rules: ContentRules, input: &[u8], step: usize) -> Outcome {
    let mut reader = ContentReader::new(framing, rules);
    let (mut outcome, mut last) = (Outcome::default(), 1);
    while outcome.consumed < input.len() && !outcome.ended {
        let piece = &input[outcome.consumed..input.len().min(outcome.consumed + step)];
        let read = reader.read(piece);
        // A CR that was held back may turn out a bare one without a further octet, but not twice.
        assert!(
            read.consumed + last > 0 && read.consumed <= piece.len(),
            "a step goes on, and not too far"
        );
        last = read.consumed;
        append(&mut outcome.content, piece, read.piece);
        outcome.consumed += read.consumed;
        outcome.ended = read.ended;
    }
    if framing == Framing::Counted {
        append(&mut outcome.content, &[], reader.finish());
        assert_eq!(reader.finish(), None, "there is nothing to finish twice");
    }
    let facts = reader.facts();
    (outcome.normalised, outcome.long_lines) = (facts.normalised_line_ends, facts.long_lines);
    outcome.faults = reader.fault();
    // Of what is refused nothing is told but why.
    if outcome.faults.is_some() {
        return refused(outcome);
    }
    assert_eq!(
        facts.octets,
        outcome.content.len() as u64,
        "what is counted is what came out"
    );
    assert_eq!(facts.eight_bit, !outcome.content.is_ascii());
    // A CR that is held back is no content yet.
    assert!(
        has_line_ends_only(&outcome.content),
        "{}",
        outcome.content.escape_ascii()
    );
    outcome
}

fn append(content: &mut Vec<u8>, input: &[u8], piece: Option<Piece>) {
    match piece {
        Some(Piece::Input(range)) => content.extend_from_slice(&input[range]),
        Some(Piece::LineEnd) => content.extend_from_slice(b"\r\n"),
        None => {}
    }
}

fn has_line_ends_only(content: &[u8]) -> bool {
    let pairs = content.windows(2).filter(|pair| *pair == b"\r\n").count();
    let count = |wanted: u8| content.iter().filter(|octet| **octet == wanted).count();
    count(b'\r') == pairs && count(b'\n') == pairs
}

/// RFC 5321 §4.5.2: each line that begins with a dot gets one more, and a single dot ends them. The last has its CRLF.
fn stuff(content: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::new();
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

/// The whole input at once: first where it ends, then line by line what it means.
fn reference(framing: Framing, rules: ContentRules, input: &[u8]) -> Outcome {
    let mut outcome = Outcome {
        consumed: input.len(),
        ..Outcome::default()
    };
    let mut body = input;
    if framing == Framing::Dots {
        let ending = if input.starts_with(b".\r\n") {
            Some(0)
        } else {
            find(input, b"\r\n.\r\n").map(|at| at + 2)
        };
        if let Some(end) = ending {
            (body, outcome.consumed, outcome.ended) = (&input[..end], end + 3, true);
        }
    }
    let ends = |place: usize| body[place..].starts_with(b"\r\n");
    let (mut place, mut line_len, mut at_line_start) = (0, 0, true);
    let (mut doubt, mut long) = (None, false);
    while let Some(octet) = body.get(place) {
        // A dot at the beginning of a line, behind CRLF alone, goes.
        if framing == Framing::Dots && at_line_start && *octet == b'.' {
            (place, at_line_start) = (place + 1, false);
            continue;
        }
        // What is behind a CR that is the last octet is not known yet.
        if *octet == b'\r' && place + 1 == body.len() && framing == Framing::Dots {
            break;
        }
        let whole_end = ends(place);
        at_line_start = whole_end;
        if whole_end || *octet == b'\r' || *octet == b'\n' {
            if !whole_end {
                match rules.bare_line_ends {
                    BareLineEnds::Refuse => doubt = doubt.or(Some(ContentFault::BareLineEnd)),
                    BareLineEnds::Normalise => outcome.normalised += 1,
                }
            }
            if line_len + 2 > TEXT_LINE_OCTETS {
                outcome.long_lines += 1;
                long |= rules.long_lines == LongLines::Refuse;
            }
            outcome.content.extend_from_slice(b"\r\n");
            (place, line_len) = (place + if whole_end { 2 } else { 1 }, 0);
            continue;
        }
        if *octet == 0 {
            doubt = doubt.or(Some(ContentFault::Nul));
        }
        outcome.content.push(*octet);
        (place, line_len) = (place + 1, line_len + 1);
    }
    if framing == Framing::Counted && line_len > 0 {
        outcome.content.extend_from_slice(b"\r\n");
        if line_len + 2 > TEXT_LINE_OCTETS {
            outcome.long_lines += 1;
            long |= rules.long_lines == LongLines::Refuse;
        }
    }
    let too_large = outcome.content.len() as u64 > rules.max_octets;
    let graver = doubt.or(long.then_some(ContentFault::LongLine));
    outcome.faults = graver.or(too_large.then_some(ContentFault::TooLarge));
    if outcome.faults.is_some() {
        return refused(outcome);
    }
    outcome
}

fn refused(outcome: Outcome) -> Outcome {
    Outcome {
        content: Vec::new(),
        normalised: 0,
        long_lines: 0,
        ..outcome
    }
}

fn find(input: &[u8], wanted: &[u8]) -> Option<usize> {
    input.windows(wanted.len()).position(|place| place == wanted)
}
