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
        self.value.clear();
        let _ = write!(self.value, "{value}");
        let plain = Plain::of(&self.value);
        match (self.format, plain) {
            (LineFormat::Text, Plain::Bare) => return self.plain(key, ["=", ""]),
            (LineFormat::Text, Plain::Spaced) => return self.plain(key, ["=\"", "\""]),
            (LineFormat::Json, Plain::Bare | Plain::Spaced) => return self.plain(key, ["\":\"", "\""]),
            (_, Plain::No) => {}
        }
        let mut shown = escaped(&self.value).to_string();
        if shown.len() > VALUE_LEN_MAX {
            shown.truncate(shown.floor_char_boundary(VALUE_LEN_MAX));
            shown.push('…');
        }
        match self.format {
            LineFormat::Text if is_bare(&shown) => self.append(format_args!(" {key}={shown}")),
            // The backslashes are doubled already; only the quote itself is left to be told apart.
            LineFormat::Text => self.append(format_args!(" {key}=\"{}\"", shown.replace('"', "\\\""))),
            LineFormat::Json => {
                let quoted = serde_json::Value::String(shown);
                self.append(format_args!(",\"{key}\":{quoted}"));
            }
        }
    }

    /// A value that stands as it is.
    fn plain(&mut self, key: &'static str, [before, after]: [&str; 2]) {
        self.line
            .push_str(if self.format == LineFormat::Text { " " } else { ",\"" });
        for part in [key, before, &self.value, after] {
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

/// Whether a value needs a second look: nearly none does, and there are a dozen in a line.
enum Plain {
    /// Visible ASCII that means nothing to either format.
    Bare,
    /// With spaces among it.
    Spaced,
    No,
}

impl Plain {
    fn of(value: &str) -> Self {
        if value.is_empty() || value.len() > VALUE_LEN_MAX {
            return Self::No;
        }
        let mut plain = Self::Bare;
        for octet in value.bytes() {
            match octet {
                b' ' => plain = Self::Spaced,
                b'"' | b'\\' | b'=' => return Self::No,
                0x21..=0x7e => {}
                _ => return Self::No,
            }
        }
        plain
    }
}

/// Whether a value can stand without quotes.
fn is_bare(value: &str) -> bool {
    !value.is_empty() && !value.contains([' ', '"', '='])
}
