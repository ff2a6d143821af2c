//! Text that goes into a message of our own: seven bits, no line longer than RFC 5322 §2.1.1 allows, and nothing that
//! a peer wrote able to end a line or begin a field (law 11).

use crate::telemetry::escaped;

/// Lines aim at this many octets.
const LINE_LEN: usize = 76;
/// A word is broken when it is longer than this; RFC 5322 §2.1.1 allows 998 octets to a line.
const MAX_WORD_LEN: usize = 900;
/// A text by a peer is cut to this many octets.
const MAX_TEXT_LEN: usize = 4000;

/// `text` with everything escaped that is not visible ASCII or a space, and cut where it is too long.
pub(crate) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in escaped(text).to_string().chars() {
        if plain.len() >= MAX_TEXT_LEN {
            plain.push_str(" [...]");
            break;
        }
        if character.is_ascii() {
            plain.push(character);
        } else {
            plain.extend(character.escape_unicode());
        }
    }
    plain
}

/// A header field, folded (RFC 5322 §2.2.3), with its line end. `value` is escaped here.
pub(crate) fn field(name: &str, value: &str) -> String {
    wrapped(&format!("{name}: {}", ascii(value)), "", "    ")
}

/// A paragraph of the text part, with its line end: `first` before the first line, `other` before the others.
/// `text` has to be ASCII.
pub(crate) fn wrapped(text: &str, first: &str, other: &str) -> String {
    let mut lines = String::from(first);
    let mut line_len = first.len();
    let mut at_start = true;
    for word in text
        .split_ascii_whitespace()
        .flat_map(|word| word.as_bytes().chunks(MAX_WORD_LEN))
    {
        if !at_start && line_len + 1 + word.len() > LINE_LEN {
            lines.push_str("\r\n");
            lines.push_str(other);
            line_len = other.len();
        } else if !at_start {
            lines.push(' ');
            line_len += 1;
        }
        lines.extend(word.iter().copied().map(char::from));
        line_len += word.len();
        at_start = false;
    }
    lines.push_str("\r\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_can_neither_end_a_line_nor_leave_ascii() {
        let field = field("Diagnostic-Code", "smtp; 550 x\r\nBcc: é\u{202e}\0");
        assert_eq!(
            field,
            "Diagnostic-Code: smtp; 550 x\\r\\nBcc: \\u{e9}\\u{202e}\\u{0}\r\n"
        );
    }

    #[test]
    fn no_line_is_too_long_whatever_the_text() {
        for text in ["x".repeat(50_000), "word ".repeat(10_000), "é".repeat(9_000)] {
            let field = field("X", &text);
            assert!(field.len() < 10_000);
            assert!(field.split("\r\n").all(|line| line.len() <= 998));
            assert!(
                field
                    .split("\r\n")
                    .skip(1)
                    .all(|line| line.is_empty() || line.starts_with(' '))
            );
        }
    }
}
