//! How commands write: colours only for people, text of others escaped, JSON one value a line.

use std::io::{self, IsTerminal as _, StdoutLock, Write};

use comfy_table::{Row, Table};
use serde::Serialize;
use serde_json::ser::Formatter;

use super::{CliError, Finding};
use crate::telemetry::is_hidden;

/// JSON in which what [`is_hidden`] stands as `\uXXXX` (RFC 8259 §7), so that a terminal shows it as it is (law 11).
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (place, character) in fragment.char_indices().filter(|(_, character)| is_hidden(*character)) {
            writer.write_all(&fragment.as_bytes()[written..place])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = place + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

/// Standard output of one command.
pub(super) struct Output {
    stdout: StdoutLock<'static>,
    coloured: bool,
    /// Columns by which lines are indented.
    indent: usize,
}

/// What a piece of text is, for the colours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    /// Stands out.
    Strong,
    /// Went well.
    Good,
    /// Not yet.
    Warning,
    /// Went wrong.
    Bad,
    /// Of less interest.
    Faint,
}

impl Output {
    /// Standard output; coloured on a terminal, unless `NO_COLOR` is set to anything (<https://no-color.org>).
    pub(super) fn open() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let stdout = io::stdout();
        let coloured = wanted && stdout.is_terminal();
        Self {
            stdout: stdout.lock(),
            coloured,
            indent: 0,
        }
    }

    /// Whether a person reads it.
    pub(super) fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Indents the lines that follow by so many columns.
    pub(super) const fn indent(&mut self, columns: usize) {
        self.indent = columns;
    }

    /// One line.
    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{:indent$}{text}", "", indent = self.indent)
    }

    /// One value as one line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.stdout, Visible);
        value.serialize(&mut serializer)?;
        self.stdout.write_all(b"\n")
    }

    /// Octets as they are.
    pub(super) fn octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stdout.write_all(octets)
    }

    /// `text` in a colour, where colours are wanted.
    pub(super) fn paint(&self, tone: Tone, text: impl std::fmt::Display) -> String {
        if !self.coloured {
            return text.to_string();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A list: for people a table, or with `--json` one value a line as it comes.
pub(super) struct Listing {
    out: Output,
    json: bool,
    table: Table,
    is_empty: bool,
}

impl Listing {
    pub(super) fn open(json: bool, header: &[&str]) -> Self {
        Self {
            out: Output::open(),
            json,
            table: table(header),
            is_empty: true,
        }
    }

    /// One more entry: the value as JSON has it, and how a person reads it.
    pub(super) fn item<R: Into<Row>>(&mut self, value: &impl Serialize, row: impl FnOnce() -> R) -> io::Result<()> {
        self.is_empty = false;
        if self.json {
            return self.out.json(value);
        }
        self.table.add_row(row());
        Ok(())
    }

    /// Writes what is still to be written. A list without an entry is a finding of its own, and no table is shown.
    pub(super) fn end(mut self) -> Result<Finding, CliError> {
        if self.is_empty {
            return Ok(Finding::Missing);
        }
        if !self.json {
            self.out.line(self.table)?;
        }
        Ok(Finding::Done)
    }
}

/// A table without lines, as all lists are.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.to_vec());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shows_what_would_hide_and_says_the_same() {
        let hostile = "\u{9b}31m \u{202e}gpj \u{1b}[2J \u{e0041} \\ \" ü \u{feff}";
        let mut written = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut written, Visible);
        hostile.serialize(&mut serializer).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(!text.chars().any(is_hidden), "{text:?}");
        assert!(
            text.contains("\\u202e") && text.contains("\\udb40\\udc41") && text.contains('ü'),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
