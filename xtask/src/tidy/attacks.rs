//! The tables of `docs/attacks.md` name tests that exist and are run: an attack that is known and not tried is one
//! that will come back. Where the attack has a number, one of its tests bears it.

use super::{Finding, guards, read, source::Source};

pub(super) const PAGE: &str = "docs/attacks.md";
/// How the cell begins that says why there is no test.
const REASONS: &[&str] = &["Does not apply:", "Not built:"];
/// How the numbers of published attacks begin.
const SCHEMES: &[&str] = &["CVE-", "RUSTSEC-", "GHSA-", "GO-"];

/// Reads each row `| attack | what Sekisho does | guarded by |`.
///
/// # Errors
/// When a dialogue cannot be read.
pub(super) fn findings(page: &str, sources: &[Source], files: &[String]) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    let mut find = |line: usize, text: String| {
        findings.push(Finding {
            file: PAGE.to_owned(),
            line,
            text,
        });
    };
    let mut rows = 0;
    for (place, line) in page.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let &["", attack, _, last, ""] = cells.as_slice() else {
            if line.starts_with('|') {
                find(
                    place + 1,
                    "a row has three cells: attack, what Sekisho does, guarded by".to_owned(),
                );
            }
            continue;
        };
        if attack == "attack" || attack.starts_with("---") {
            continue;
        }
        rows += 1;
        let names = guards::names(last);
        if names.is_empty() && !REASONS.iter().any(|reason| last.starts_with(reason)) {
            find(
                place + 1,
                format!(
                    "a row names its tests in backticks, or begins with {}",
                    REASONS.join(" or ")
                ),
            );
        }
        let mut said = String::new();
        for name in &names {
            if !guards::is_run(name, sources, files) {
                find(place + 1, format!("there is no test `{name}` that is run"));
            }
            said += &guards::documentation(name, sources);
            if let Some(path) = guards::dialogue(name, files) {
                said += &read(&path)?;
            }
        }
        let numbers = numbers(attack);
        if !names.is_empty() && !numbers.is_empty() && !numbers.iter().any(|number| said.contains(number)) {
            find(
                place + 1,
                format!("the documentation of none of its tests says {}", numbers.join(" or ")),
            );
        }
    }
    if rows == 0 {
        find(0, "there is no row".to_owned());
    }
    Ok(findings)
}

/// The numbers under which an attack was published.
fn numbers(attack: &str) -> Vec<&str> {
    let words = attack.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
    words
        .filter(|word| SCHEMES.iter().any(|scheme| word.starts_with(scheme)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_has_a_test_that_bears_its_number() {
        let text = "/// CVE-2011-0411: said in the clear.\n#[test]\nfn named() {}\n#[test]\nfn nameless() {}\n";
        let sources = [Source::new("a.rs".to_owned(), text.to_owned())];
        let faults = |row: &str| {
            let page = format!("| attack | what Sekisho does | guarded by |\n| --- | --- | --- |\n{row}\n");
            findings(&page, &sources, &[]).map(|found| found.len())
        };
        for (row, expected) in [
            ("| CVE-2011-0411, x | it ends | `named`, `nameless` |", 0),
            ("| none | it ends | `nameless` |", 0),
            ("| CVE-2021-1 | nothing | Does not apply: there is none |", 0),
            ("| CVE-2011-0411 | it ends | `nameless` |", 1),
            ("| none | it ends | `gone` |", 1),
            ("| none | it ends | soon |", 1),
            ("| none | it ends |", 2),
            ("", 1),
        ] {
            assert_eq!(faults(row), Ok(expected), "{row}");
        }
    }
}
