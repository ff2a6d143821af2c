//! Turning texts into values while collecting what is wrong with them: nothing stops at the first fault.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use super::{document::Document, fault::ConfigFault, human};

/// Collects faults, each with the line of its key.
pub(super) struct Checker<'a> {
    document: Option<&'a Document<'a>>,
    /// The folder of the file, for relative paths.
    folder: PathBuf,
    faults: Vec<ConfigFault>,
}

impl<'a> Checker<'a> {
    /// For a parsed file in `folder`; without a file, faults have no line.
    pub(super) const fn new(document: Option<&'a Document<'a>>, folder: PathBuf) -> Self {
        Self {
            document,
            folder,
            faults: Vec::new(),
        }
    }

    /// Writes a fault down.
    pub(super) fn fault(&mut self, key: &str, problem: impl Display, remedy: &str) {
        self.faults.push(ConfigFault {
            line: self.document.map_or(0, |document| document.line(key)),
            key: key.to_owned(),
            problem: problem.to_string(),
            remedy: remedy.to_owned(),
        });
    }

    /// Everything that was found; empty when nothing was.
    pub(super) fn into_faults(self) -> Vec<ConfigFault> {
        self.faults
    }

    /// How many faults there are so far.
    pub(super) fn count(&self) -> usize {
        self.faults.len()
    }

    /// Any value that is parsed from text.
    pub(super) fn parse<T>(&mut self, key: &str, text: &str, remedy: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(key, format_args!("{text:?}: {error}"), remedy);
                None
            }
        }
    }

    /// A duration; a fault gives zero, which nobody will see.
    pub(super) fn duration(&mut self, key: &str, text: &str) -> Duration {
        human::parse_duration(text).unwrap_or_else(|problem| {
            self.fault(key, problem, "");
            Duration::ZERO
        })
    }

    /// A duration that is not zero.
    pub(super) fn some_duration(&mut self, key: &str, text: &str) -> Duration {
        let before = self.count();
        let duration = self.duration(key, text);
        if duration.is_zero() && self.count() == before {
            self.fault(key, "this must be longer than nothing", "");
        }
        duration
    }

    /// A size in octets.
    pub(super) fn size(&mut self, key: &str, text: &str) -> u64 {
        human::parse_size(text).unwrap_or_else(|problem| {
            self.fault(key, problem, "");
            0
        })
    }

    /// A number that is not zero.
    pub(super) fn at_least(&mut self, key: &str, number: u32, least: u32) -> u32 {
        if number < least {
            self.fault(key, "this number is too small", &format!("write {least} or more"));
        }
        number
    }

    /// A path, from the folder of the file when it is relative.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }
}
