//! What `deny.toml` bans is not built, also where cargo-deny is not installed.
//!
//! Cargo's tree is asked, not `cargo metadata`: that one counts a crate in as soon as an optional feature mentions it
//! (`ring?/std`), although nothing of it is ever compiled. Licences and sources are left to cargo-deny.

use std::{collections::BTreeSet, fs};

use super::Finding;
use crate::command::{cargo, output, workspace_root};

const LIST: &str = "deny.toml";

/// Compares the list with what is built, tests and build scripts included, for every target that the list names.
///
/// # Errors
/// When the list cannot be read, or Cargo cannot say what is built.
pub(super) fn findings() -> Result<Vec<Finding>, String> {
    let list =
        fs::read_to_string(workspace_root().join(LIST)).map_err(|fault| format!("cannot read {LIST}: {fault}"))?;
    let mut command = cargo();
    command.args(["tree", "--workspace", "--locked", "--edges", "normal,build,dev"]);
    command.args(["--prefix", "none", "--format", "{p}"]);
    for target in values(&list, "[graph]", "targets = [") {
        command.args(["--target", &target]);
    }
    Ok(judge(&list, &output(&mut command)?))
}

fn judge(list: &str, tree: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, text: String| {
        findings.push(Finding {
            file: LIST.to_owned(),
            line,
            text,
        });
    };
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let bans = bans(list);
    if bans.is_empty() {
        find(0, "no ban is found in `deny = [` of `[bans]`".to_owned());
    }
    for (line, name) in bans {
        match name {
            None => find(
                line,
                "a ban is written `{ name = \"crate\", reason = \"…\" },`".to_owned(),
            ),
            Some(name) if built.contains(name.as_str()) => {
                find(
                    line,
                    format!("`{name}` is banned and built: `cargo tree --invert {name}`"),
                );
            }
            Some(_) => {}
        }
    }
    findings
}

/// The lines of the ban list with their numbers from 1, and the crate that each names; `None` where it names none that
/// this reader understands.
fn bans(list: &str) -> Vec<(usize, Option<String>)> {
    let lines = list.lines().enumerate();
    let section = lines.skip_while(|(_, line)| *line != "[bans]").skip(1);
    let section = section.take_while(|(_, line)| !line.starts_with('['));
    let entries = section.skip_while(|(_, line)| *line != "deny = [").skip(1);
    let entries = entries.take_while(|(_, line)| *line != "]");
    let entries = entries.filter(|(_, line)| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    entries
        .map(|(place, line)| {
            (
                place + 1,
                quoted(line.trim_start().strip_prefix("{ name = ").unwrap_or_default()).next(),
            )
        })
        .collect()
}

/// What stands in quotes on the line of a section that begins with `key`.
fn values(list: &str, section: &str, key: &str) -> Vec<String> {
    let section = list.lines().skip_while(|line| *line != section).skip(1);
    let mut section = section.take_while(|line| !line.starts_with('['));
    let line = section.find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    quoted(line).collect()
}

fn quoted(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('"').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[graph]\ntargets = [\"a\", \"b\"]\n[bans]\nwildcards = \"deny\"\ndeny = [\n    # Why.\n    \
                        { name = \"ring\", reason = \"one provider\" },\n    { name = \"openssl\" },\n]\n[sources]\n";

    #[test]
    fn what_is_banned_is_not_built() {
        let lines = |tree: &str| -> Vec<usize> { judge(LIST, tree).iter().map(|finding| finding.line).collect() };
        assert!(lines("spring v1.0.0\nopenssl-probe v0.1.0\n").is_empty());
        assert_eq!(
            lines("a v1.0.0\nring v0.17.14 (*)\nopenssl v0.10.0 (/somewhere)\n"),
            [7, 8]
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_no_list() {
        assert_eq!(judge("[bans]\ndeny = []\n", "").len(), 1);
        assert_eq!(judge("[bans]\ndeny = [\n    \"ring\",\n]\n", "").len(), 1);
    }

    #[test]
    fn the_targets_are_those_of_the_list() {
        assert_eq!(values(LIST, "[graph]", "targets = ["), ["a", "b"]);
        assert_eq!(values("", "[graph]", "targets = ["), Vec::<String>::new());
    }
}
