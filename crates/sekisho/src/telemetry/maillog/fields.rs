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
    /// The value that is being looked at.
    value: String,
}

impl Fields {
    /// Begins a line with the time of the event.
    pub(super) fn new(format: LineFormat, at: Timestamp) -> Self {
        let mut line = String::with_capacity(LINE_LEN_USUAL);
        let _ = match format {
            LineFormat::Text => write!(line, "{at}"),
            LineFormat::Json => write!(line, "{{\"time\":\"{at}\""),
        };
        let value = String::new();
        Self { format, line, value }
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
        let mut shown = std::mem::take(&mut self.value);
        shown.clear();
        let _ = write!(shown, "{value}");
        if !is_plainly_visible(&shown) {
            shown = escaped(&shown).to_string();
        }
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
            LineFormat::Json if shown.contains(['"', '\\']) => {
                let quoted = serde_json::Value::String(shown.clone()).to_string();
                self.push(&[",\"", key, "\":", &quoted]);
            }
            LineFormat::Json => self.push(&[",\"", key, "\":\"", &shown, "\""]),
        }
        self.value = shown;
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

/// Whether escaping would change nothing, as with nearly every value, of which there are a dozen in a line.
fn is_plainly_visible(value: &str) -> bool {
    value
        .bytes()
        .all(|octet| matches!(octet, b' '..=b'~') && octet != b'\\')
}

/// Whether a value can stand without quotes.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && !value.contains([' ', '"', '='])
}
