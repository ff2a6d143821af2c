//! The table of laws in ARCHITECTURE.md names tests that exist: a law whose guard is gone is no law.

use super::{Finding, source::Source};

const PAGE: &str = "ARCHITECTURE.md";
/// Laws of the design; each has a row.
const LAWS: usize = 14;

pub(super) fn findings(page: &str, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, text: String| {
        findings.push(Finding {
            file: PAGE.to_owned(),
            line,
            text,
        });
    };
    let mut rows = 0;
    for (place, line) in page
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != "## Laws")
        .skip(1)
    {
        if line.starts_with("## ") {
            break;
        }
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(number), Some(_), Some(guards)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        if number.parse() != Ok(rows + 1) {
            continue;
        }
        rows += 1;
        let names: Vec<&str> = guards.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            find(place + 1, format!("law {rows} has no test that guards it"));
        }
        for name in names {
            let declared = format!("fn {name}(");
            if !sources.iter().any(|source| source.code.contains(&declared)) {
                find(place + 1, format!("law {rows}: there is no test `{name}`"));
            }
        }
    }
    if rows != LAWS {
        find(0, format!("the table has {rows} laws; there are {LAWS}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_needs_a_test_that_exists() {
        let sources = [Source::new("a.rs".to_owned(), "fn guard() {}".to_owned())];
        let page = |guards: &str| {
            format!("## Laws\n| | law | guarded by |\n|---|---|---|\n| 1 | be good | {guards} |\n## On\n")
        };
        let faults = |guards: &str| {
            let found = findings(&page(guards), &sources);
            // The others are missing in this small world.
            found.into_iter().filter(|finding| finding.line > 0).count()
        };
        assert_eq!(faults("`guard`"), 0);
        assert_eq!(faults("`guard`, `gone`"), 1);
        assert_eq!(faults(""), 1);
    }
}
