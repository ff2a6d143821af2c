//! The lints that hold in the pure crates beyond those of the workspace, and the calls that are banned there. Cargo
//! cannot add to a workspace's lints for one crate, so that they stand in each crate's root, where one line less would
//! show nowhere else.

use std::fs;

use super::{Finding, edges::PURE, source::Source};
use crate::command::workspace_root;

/// As it stands in the root of each pure crate.
const LINTS: &str = "#![warn(missing_docs, clippy::wildcard_enum_match_arm)]";

pub(super) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = |name: &str| {
        let path = workspace_root().join(format!("crates/{name}/clippy.toml"));
        fs::read_to_string(path).unwrap_or_default()
    };
    let common = PURE.first().map(|(name, _)| rules(name)).unwrap_or_default();
    for (name, _) in PURE {
        findings.extend(root(sources, name));
        let own = rules(name);
        if !own.contains("disallowed-methods") || own != common {
            findings.push(Finding {
                file: format!("crates/{name}/clippy.toml"),
                line: 0,
                text: "the pure crates ban the same calls: clock, files, environment and network".to_owned(),
            });
        }
    }
    findings
}

fn root(sources: &[Source], name: &str) -> Option<Finding> {
    let file = format!("crates/{name}/src/lib.rs");
    let root = sources.iter().find(|source| source.file == file);
    let holds = root.is_some_and(|root| root.code.lines().any(|line| line == LINTS));
    (!holds).then(|| Finding {
        file,
        line: 0,
        text: format!("a pure crate begins with `{LINTS}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_crate_holds_its_lints() {
        let source = |text: &str| [Source::new("crates/a/src/lib.rs".to_owned(), text.to_owned())];
        assert_eq!(root(&source(&format!("//! A.\n\n{LINTS}\n")), "a"), None);
        assert!(root(&source(&format!("//! A.\n\n// {LINTS}\n")), "a").is_some());
        assert!(root(&[], "a").is_some());
    }
}
