//! Command lines: cut out of the input, never stored.
//!
//! Only CRLF ends a line (RFC 5321 §2.3.8, law 5). A bare CR, a bare LF or a NUL inside a command is a fault after
//! which nothing that follows can be trusted to be what the client meant.

use memchr::{memchr, memchr2};

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its CRLF; it took `len + 2` octets.
    Whole(&'a [u8]),
    /// The beginning of a line.
    Partial,
    /// More octets than a line may have, and no end yet.
    TooLong,
    /// A bare CR, a bare LF or a NUL.
    Malformed,
}

/// Looks for a line of at most `limit` octets, CRLF included.
#[must_use]
pub fn read_line(input: &[u8], limit: usize) -> Line<'_> {
    let Some(lf) = memchr(b'\n', input) else {
        return if input.len() >= limit {
            Line::TooLong
        } else {
            Line::Partial
        };
    };
    let Some(line) = input[..lf].strip_suffix(b"\r") else {
        return Line::Malformed;
    };
    if memchr2(b'\r', 0, line).is_some() {
        Line::Malformed
    } else if lf >= limit {
        Line::TooLong
    } else {
        Line::Whole(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2026-38728: a line without an end is not collected.
    #[test]
    fn only_crlf_ends_a_line() {
        let cases: [(&[u8], Line<'_>); 9] = [
            (b"NOOP\r\nQUIT", Line::Whole(b"NOOP")),
            (b"\r\n", Line::Whole(b"")),
            (b"NOOP\r", Line::Partial),
            (b"NOOP\n", Line::Malformed),
            (b"NO\rOP\r\n", Line::Malformed),
            (b"NOOP\r\r\n", Line::Malformed),
            (b"NO\0OP\r\n", Line::Malformed),
            (b"0123456789abcdef", Line::TooLong),
            (b"0123456789abcdef\r\n", Line::TooLong),
        ];
        for (input, expected) in cases {
            assert_eq!(read_line(input, 16), expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        assert_eq!(read_line(b"0123\r\n", 6), Line::Whole(b"0123"));
        assert_eq!(read_line(b"01234\r\n", 6), Line::TooLong);
    }
}
