//! Words that no committed file may hold: marks of unfinished work, and paths that exist on somebody's machine only.

use std::fs;

use super::{Finding, source::names_identifier};
use crate::command::workspace_root;

/// Compared as whole words.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK", "todo!", "unimplemented!"];
/// Compared anywhere.
const PHRASES: &[&str] = &["for now,", "/root/", "/home/", "/work/", "dbg!("];
/// Files that must hold them.
const EXEMPT: &[&str] = &["xtask/src/tidy/words.rs", "Cargo.lock"];

pub(super) fn findings(files: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !EXEMPT.contains(&file.as_str())) {
        // What is not UTF-8 is no text: certificates and seeds of the fuzz targets.
        if let Ok(text) = fs::read_to_string(workspace_root().join(file)) {
            findings.extend(in_text(file, &text));
        }
    }
    findings
}

fn in_text(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let mut words = UNFINISHED.iter().filter(|word| names_identifier(line, word));
        let mut phrases = PHRASES.iter().filter(|phrase| line.contains(*phrase));
        if let Some(found) = words.next().or_else(|| phrases.next()) {
            findings.push(Finding {
                file: file.to_owned(),
                line: place + 1,
                text: format!("`{found}` has no place in a committed file"),
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_unfinished_work() {
        let text = "// TODO: more\nlet todos = 1;\npath = \"/home/somebody\"\n";
        let lines: Vec<usize> = in_text("a", text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
