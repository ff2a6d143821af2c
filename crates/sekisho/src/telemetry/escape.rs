//! The one way in which text that somebody else wrote is shown (law 11): on a terminal, in a log, on a page.
//!
//! What could move the cursor, change colours, hide or reorder characters becomes visible as `\u{…}`. A backslash is
//! doubled, so that nobody can write text that looks as if it had been escaped.

use std::fmt::{self, Write as _};

/// Shows `text` with everything escaped that is not plainly visible.
#[must_use]
pub const fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// Text that is escaped when it is displayed; see [`escaped`].
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                hidden if is_hidden(hidden) => write!(f, "\\u{{{:x}}}", u32::from(hidden))?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}

/// Control characters, marks that reorder text (Unicode UAX #9), line and paragraph separators, blanks that are no
/// space, and everything that a terminal shows as nothing at all (Unicode's Default_Ignorable_Code_Point): each of them
/// can make shown text differ from what it is.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible() {
        let cases = [
            ("plain text, naïve 関所", "plain text, naïve 関所"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("exe.\u{202e}fdp", "exe.\\u{202e}fdp"),
            ("a\u{200b}b\u{2066}c\u{feff}", "a\\u{200b}b\\u{2066}c\\u{feff}"),
            ("a\u{3164}b\u{fe0f}\u{e0101}", "a\\u{3164}b\\u{fe0f}\\u{e0101}"),
            ("\\u{1b}", "\\\\u{1b}"),
        ];
        for (text, shown) in cases {
            assert_eq!(escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn different_texts_are_shown_differently() {
        assert_ne!(escaped("\\n").to_string(), escaped("\n").to_string());
    }
}
