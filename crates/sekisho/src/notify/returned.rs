//! What of the message goes back with a notification (RFC 3461 §4.3, §6.2).

use sekisho_mail::Ret;
use sekisho_store::Lease;

use super::Kind;
use crate::copy::{HeaderFilter, Rendition};

/// A larger message is not returned whole.
pub(super) const MAX_RETURNED_LEN: u64 = 128 * 1024;

/// No more of the headers is returned, cut behind a whole line.
pub(super) const MAX_HEADERS_LEN: usize = 64 * 1024;

/// The part of a notification that holds the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// All of it: seven bits, lines of at most 998 octets.
    Whole(Vec<u8>),
    /// Its headers; any octets.
    Headers(Vec<u8>),
    /// It could not be read.
    Nothing,
}

/// Reads what is to go back. The whole message goes back only about a failure, when the sender did not ask for headers
/// alone, no TLS requirement covered it, and it is short and of seven bits: a notification must get through every host,
/// and `message/rfc822` may not be encoded (RFC 2046 §5.2.1).
pub(super) async fn read(lease: &Lease, kind: Kind, covered: bool) -> Returned {
    let wants_whole = kind == Kind::Failed && lease.envelope.ret != Some(Ret::Headers);
    let whole = wants_whole && !covered && lease.body.len() <= MAX_RETURNED_LEN;
    let Some(content) = read_front(lease, whole).await else {
        return Returned::Nothing;
    };
    if whole && is_seven_bit(&content) {
        return Returned::Whole(content);
    }
    Returned::Headers(headers_of(content))
}

/// All of the content, or enough of it to hold the headers; `None` when it cannot be read. What header fields mean
/// within an organization, its sender need not hear.
async fn read_front(lease: &Lease, whole: bool) -> Option<Vec<u8>> {
    let mut handlings = lease
        .recipients
        .iter()
        .filter_map(|queued| queued.recipient.handling.as_ref());
    let families = handlings.find_map(|handling| handling.families.as_ref());
    let mut filter = families.and_then(|families| Rendition::for_strangers(families).filter());
    let mut reader = lease.body.reader().ok()?;
    let mut content = Vec::new();
    loop {
        let Some(piece) = reader.next().await.ok()? else {
            content.extend(filter.as_mut().map(HeaderFilter::finish).unwrap_or_default());
            return Some(content);
        };
        match &mut filter {
            Some(filter) if !filter.is_over() => content.extend(filter.pass(piece)),
            Some(_) | None => content.extend_from_slice(piece),
        }
        if !whole && content.len() >= MAX_HEADERS_LEN {
            return Some(content);
        }
    }
}

/// The header section with the end of its last line, without the empty line.
fn headers_of(mut content: Vec<u8>) -> Vec<u8> {
    let end = if content.starts_with(b"\r\n") {
        0
    } else {
        content
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map_or(content.len(), |at| at + 2)
    };
    content.truncate(end.min(MAX_HEADERS_LEN));
    // A limit or an unusual end may have cut a line in two.
    let last = content
        .windows(2)
        .rposition(|two| two == b"\r\n")
        .map_or(0, |at| at + 2);
    content.truncate(last);
    content
}

/// RFC 2045 §2.7.
pub(super) fn is_seven_bit(content: &[u8]) -> bool {
    content.split(|octet| *octet == b'\n').all(|line| line.len() <= 999)
        && content.iter().all(|octet| octet.is_ascii() && *octet != 0)
        && is_crlf_only(content)
}

fn is_crlf_only(content: &[u8]) -> bool {
    let mut before = 0u8;
    for octet in content {
        if (*octet == b'\n') != (before == b'\r') {
            return false;
        }
        before = *octet;
    }
    before != b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_before_the_empty_line_and_at_a_whole_line() {
        for (content, headers) in [
            ("A: b\r\n\r\nbody\r\n\r\n", "A: b\r\n"),
            ("A: b\r\nC: d", "A: b\r\n"),
            ("A: b\r\n", "A: b\r\n"),
            ("\r\nbody", ""),
            ("", ""),
            ("no line end", ""),
        ] {
            assert_eq!(
                headers_of(content.as_bytes().to_vec()),
                headers.as_bytes(),
                "{content:?}"
            );
        }
        let long = "A: b\r\n".repeat(MAX_HEADERS_LEN);
        let cut = headers_of(long.into_bytes());
        assert!(cut.len() <= MAX_HEADERS_LEN && cut.ends_with(b"b\r\n"));
    }

    #[test]
    fn seven_bit_has_short_lines_that_end_with_crlf() {
        for (seven, content) in [
            (true, "a\r\nb\r\n".to_owned()),
            (true, format!("{}\r\n", "x".repeat(998))),
            (false, format!("{}\r\n", "x".repeat(999))),
            (false, "é\r\n".to_owned()),
            (false, "a\nb".to_owned()),
            (false, "a\rb".to_owned()),
            (false, "a\r".to_owned()),
            (false, "a\0".to_owned()),
        ] {
            assert_eq!(is_seven_bit(content.as_bytes()), seven, "{content:?}");
        }
    }
}
