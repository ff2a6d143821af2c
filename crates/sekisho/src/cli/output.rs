//! How commands write: colours only for people, text of others escaped, JSON one value a line.

use std::io::{self, IsTerminal as _, StdoutLock, Write};

use serde::Serialize;

/// Standard output of one command.
pub(super) struct Output {
    stdout: StdoutLock<'static>,
    coloured: bool,
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
        }
    }

    /// Whether a person reads it.
    pub(super) fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// One line.
    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{text}")
    }

    /// One value as one line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value)?;
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
