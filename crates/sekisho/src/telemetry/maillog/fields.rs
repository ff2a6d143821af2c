//! One line of the mail log, field by field, as text or as JSON. Values are the same in both: what a peer wrote is
//! escaped before it is quoted.

use std::fmt::{Display, Write as _};

use sekisho_mail::Timestamp;

use super::LineFormat;
use crate::telemetry::escaped;

/// No value is longer than this many octets; what is cut off is replaced by `…`.
const VALUE_LEN_MAX: usize = 2048;
/// A line of usual length fits without growing.
const LINE_LEN_USUAL: usize = 512;

/// A line under construction.
#[derive(Debug)]
pub(super) struct Fields {
    format: LineFormat,
    line: String,
}

impl Fields {
    /// Begins a line with the time of the event.
    pub(super) fn new(format: LineFormat, at: Timestamp) -> Self {
        let mut line = String::with_capacity(LINE_LEN_USUAL);
        let _ = match format {
            LineFormat::Text => write!(line, "{at}"),
            LineFormat::Json => write!(line, "{{\"time\":\"{at}\""),
        };
        Self { format, line }
    }

    /// A value out of a fixed vocabulary: nothing in it needs quotes.
    pub(super) fn word(&mut self, key: &'static str, word: &'static str) {
        match self.format {
            LineFormat::Text => self.append(format_args!(" {key}={word}")),
            LineFormat::Json => self.append(format_args!(",\"{key}\":\"{word}\"")),
        }
    }

    /// A number.
    pub(super) fn number(&mut self, key: &'static str, number: impl Display) {
        match self.format {
            LineFormat::Text => self.append(format_args!(" {key}={number}")),
            LineFormat::Json => self.append(format_args!(",\"{key}\":{number}")),
        }
    }

    /// Any text: cut, escaped, and quoted where needed.
    pub(super) fn text(&mut self, key: &'static str, value: impl Display) {
        let field = self.line.len();
        let before = match self.format {
            LineFormat::Text => [" ", key, "="],
            LineFormat::Json => [",\"", key, "\":"],
        };
        self.push(&before);
        let start = self.line.len();
        self.append(format_args!("{value}"));
        // Nearly every value is in order as it is, and there are a dozen in a line.
        let shown = &self.line[start..];
        if shown.len() > VALUE_LEN_MAX || !shown.bytes().all(is_visible) {
            let value = self.line.split_off(start);
            self.line.truncate(field);
            self.text_in_disorder(key, &value);
        } else if self.format == LineFormat::Json || !is_bare(shown) {
            self.line.insert(start, '"');
            self.line.push('"');
        }
    }

    fn text_in_disorder(&mut self, key: &'static str, value: &str) {
        let mut shown = escaped(value).to_string();
        if shown.len() > VALUE_LEN_MAX {
            shown.truncate(shown.floor_char_boundary(VALUE_LEN_MAX));
            shown.push('…');
        }
        match self.format {
            LineFormat::Text if is_bare(&shown) => self.push(&[" ", key, "=", &shown]),
            LineFormat::Text if shown.contains('"') => {
                // The backslashes are doubled already; only the quote itself is left to be told apart.
                let told_apart = shown.replace('"', "\\\"");
                self.push(&[" ", key, "=\"", &told_apart, "\""]);
            }
            LineFormat::Text => self.push(&[" ", key, "=\"", &shown, "\""]),
            LineFormat::Json => {
                let quoted = serde_json::Value::String(shown).to_string();
                self.push(&[",\"", key, "\":", &quoted]);
            }
        }
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.line.push_str(part);
        }
    }

    /// The whole line with its line end.
    pub(super) fn finish(mut self) -> String {
        if self.format == LineFormat::Json {
            self.line.push('}');
        }
        self.line.push('\n');
        self.line
    }

    fn append(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.line.write_fmt(text);
    }
}

/// Whether an octet stands for itself, in quotes too.
const fn is_visible(octet: u8) -> bool {
    matches!(octet, b' '..=b'~') && octet != b'"' && octet != b'\\'
}

/// Whether a value can stand without quotes.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && !value.contains([' ', '"', '='])
}
