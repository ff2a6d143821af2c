//! `cargo xtask tidy`: the rules of this workspace that neither the compiler nor clippy knows.
//!
//! Every rule is a function from the sources to findings; all are run, and each finding names file and line. The same
//! rules run as a test of this crate, so that nobody has to remember the task.

use std::{fmt, fs, process::Command};

use crate::command::{output, say, workspace_root};

mod attacks;
mod bans;
mod edges;
mod floors;
mod functions;
mod guards;
mod laws;
mod lints;
mod names;
mod permits;
mod phases;
mod source;
mod words;

use source::Source;

/// Longest line of Rust, in columns.
const MAX_COLUMNS: usize = 120;
/// A file above this many lines says in its opening lines why it is one file.
const MAX_LINES: usize = 800;
/// How such a reason begins.
const LENGTH_REASON: &str = "//! Long because";

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path below the root of the checkout.
    pub(crate) file: String,
    /// From 1; 0 when the whole file is meant.
    pub(crate) line: usize,
    /// What is wrong and what is wanted.
    pub(crate) text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Runs all rules and tells what they find.
///
/// # Errors
/// When a rule is broken, or the sources cannot be read.
pub(crate) fn run() -> Result<(), String> {
    let findings = findings()?;
    for finding in &findings {
        say(&finding.to_string());
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("tidy: {count} findings")),
    }
}

fn findings() -> Result<Vec<Finding>, String> {
    let files = tracked_files()?;
    let sources = load_sources(&files)?;
    let mut findings: Vec<Finding> = sources.iter().flat_map(form).collect();
    findings.extend(functions::share_of_long_functions(&sources));
    findings.extend(names::findings(&sources));
    findings.extend(permits::findings(&sources));
    findings.extend(phases::findings(&sources));
    findings.extend(words::findings(&files));
    findings.extend(lints::findings(&sources));
    findings.extend(edges::findings()?);
    findings.extend(bans::findings()?);
    findings.extend(floors::findings(&files)?);
    findings.extend(laws::findings(&read(laws::PAGE)?, &sources, &files));
    findings.extend(attacks::findings(&read(attacks::PAGE)?, &sources, &files)?);
    Ok(findings)
}

/// The text of a file below the root of the checkout.
fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(workspace_root().join(file)).map_err(|fault| format!("cannot read {file}: {fault}"))
}

/// Everything that is or would be committed.
fn tracked_files() -> Result<Vec<String>, String> {
    let mut command = Command::new("git");
    command
        .current_dir(workspace_root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let listed = output(&mut command)?;
    let mut files: Vec<String> = listed.lines().map(str::to_owned).collect();
    files.retain(|file| workspace_root().join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn load_sources(files: &[String]) -> Result<Vec<Source>, String> {
    let rust = files.iter().filter(|file| file.ends_with(".rs"));
    rust.map(|file| {
        let text = read(file)?;
        Ok(Source::new(file.clone(), text))
    })
    .collect()
}

/// How a file opens, how wide and how long it is.
fn form(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, text: String| {
        findings.push(Finding {
            file: source.file.clone(),
            line,
            text,
        });
    };
    if !source.text.starts_with("//! ") {
        find(
            1,
            "a file opens with `//!`: what it is for and what it leaves to others".to_owned(),
        );
    }
    for (place, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            find(place + 1, format!("{columns} columns; at most {MAX_COLUMNS}"));
        }
    }
    let lines = source.text.lines().count();
    let header = source.text.lines().take_while(|line| line.starts_with("//!"));
    if lines > MAX_LINES && !header.into_iter().any(|line| line.starts_with(LENGTH_REASON)) {
        find(
            0,
            format!("{lines} lines; above {MAX_LINES} the header says `{LENGTH_REASON} …`, or it is split"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let findings: Vec<String> = findings().unwrap().iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn finds_bad_form() {
        let bad = format!("use x;\n// {}\n{}", "x".repeat(118), "\n".repeat(800));
        let found = form(&Source::new("a.rs".to_owned(), bad));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 2, 0]);
        let long = format!("//! A.\n//! Long because it is a table.\n{}", "\n".repeat(900));
        assert_eq!(form(&Source::new("a.rs".to_owned(), long)), []);
    }
}
