//! What holds of the reader of command lines: only CRLF ends a line, and none is longer than its limit.

use sekisho_smtp::wire::line::{Line, read_line};

/// # Panics
/// When the reader breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some((limit, input)) = octets.split_first() else {
        return;
    };
    let limit = usize::from(*limit).max(2);
    let found = read_line(input, limit);
    assert_eq!(found, reference(input, limit), "{}", input.escape_ascii());
    // What comes behind a whole line changes nothing.
    if let Line::Whole(line) = found {
        assert_eq!(read_line(&input[..line.len() + 2], limit), found);
    }
}

/// The same by looking at one octet after the other.
fn reference(input: &[u8], limit: usize) -> Line<'_> {
    let mut faulty = false;
    for (place, octet) in input.iter().enumerate() {
        if *octet != b'\n' {
            let ends = *octet == b'\r' && input.get(place + 1).is_none_or(|next| *next == b'\n');
            faulty |= *octet == 0 || *octet == b'\r' && !ends;
            continue;
        }
        return match place.checked_sub(1) {
            Some(end) if input[end] == b'\r' && !faulty && place < limit => Line::Whole(&input[..end]),
            Some(end) if input[end] == b'\r' && !faulty => Line::TooLong,
            _ => Line::Malformed,
        };
    }
    if input.len() >= limit {
        Line::TooLong
    } else {
        Line::Partial
    }
}
