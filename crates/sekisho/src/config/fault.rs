//! What is wrong with a configuration: all of it at once, each with file, line, key and remedy (law 9).

use std::{fmt, path::PathBuf};

use crate::telemetry::escaped;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Counted from 1; 0 when no line is to blame.
    pub line: usize,
    /// The key with its place, `listener[1].tls.min-version`; empty when the text could not be read that far.
    pub key: String,
    /// What is wrong, a sentence without its full stop.
    pub problem: String,
    /// What to do about it; empty when the problem says it already.
    pub remedy: String,
}

/// Everything that is wrong with one file; never empty. Displayed with one line a fault, sorted by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults {
    /// Which file.
    pub file: PathBuf,
    /// Sorted by line.
    pub faults: Vec<ConfigFault>,
}

impl std::error::Error for ConfigFaults {}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        for (place, fault) in self.faults.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", escaped(&file))?;
            if fault.line > 0 {
                write!(f, ":{}", fault.line)?;
            }
            if !fault.key.is_empty() {
                write!(f, ": {}", escaped(&fault.key))?;
            }
            write!(f, ": {}", escaped(&fault.problem))?;
            if !fault.remedy.is_empty() {
                write!(f, "; {}", escaped(&fault.remedy))?;
            }
        }
        Ok(())
    }
}
