//! The table of laws in ARCHITECTURE.md names tests that exist and are run, or dialogues: a law whose guard is gone is
//! no law.

use super::{Finding, guards, source::Source};

pub(super) const PAGE: &str = "ARCHITECTURE.md";
/// Laws of the design; each has a row.
const LAWS: usize = 14;

pub(super) fn findings(page: &str, sources: &[Source], files: &[String]) -> Vec<Finding> {
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
        let names = guards::names(guards);
        if names.is_empty() {
            find(place + 1, format!("law {rows} has no test that guards it"));
        }
        for name in names {
            if !guards::is_run(name, sources, files) {
                find(place + 1, format!("law {rows}: there is no test `{name}` that is run"));
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
    fn a_law_needs_a_test_that_is_run() {
        let sources = [Source::new("a.rs".to_owned(), "#[test]\nfn guard() {}\n".to_owned())];
        let page = |guards: &str| {
            format!("## Laws\n| | law | guarded by |\n|---|---|---|\n| 1 | be good | {guards} |\n## On\n")
        };
        let faults = |guards: &str| {
            let found = findings(&page(guards), &sources, &[]);
            // The others are missing in this small world.
            found.into_iter().filter(|finding| finding.line > 0).count()
        };
        assert_eq!(faults("`guard`"), 0);
        for gone in ["`guard`, `gone`", ""] {
            assert_eq!(faults(gone), 1, "{gone}");
        }
    }
}
