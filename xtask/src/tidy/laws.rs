//! The table of laws in ARCHITECTURE.md names tests that exist and are run, or dialogues: a law whose guard is gone is
//! no law.

use super::{Finding, source::Source};

const PAGE: &str = "ARCHITECTURE.md";
/// Laws of the design; each has a row.
const LAWS: usize = 14;

/// Where a dialogue that guards a law lies.
const DIALOGUES: &str = "crates/sekisho-smtp/dialogues/";
/// What makes a function a test.
const TEST_MARKS: &[&str] = &["#[test]", "#[tokio::test]", "#[tokio::test("];

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
        let names: Vec<&str> = guards.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            find(place + 1, format!("law {rows} has no test that guards it"));
        }
        for name in names {
            let is_dialogue = name.ends_with(".smtp") && files.contains(&format!("{DIALOGUES}{name}"));
            if !is_dialogue && !sources.iter().any(|source| is_test(&source.code, name)) {
                find(place + 1, format!("law {rows}: there is no test `{name}` that is run"));
            }
        }
    }
    if rows != LAWS {
        find(0, format!("the table has {rows} laws; there are {LAWS}"));
    }
    findings
}

/// Whether a function of this name is a test that is run.
fn is_test(code: &str, name: &str) -> bool {
    code.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        // All between the item before and the function: its attributes. Comments are blank here.
        let before = &code[..at];
        let attributes = &before[before.rfind(['{', '}', ';']).map_or(0, |end| end + 1)..];
        TEST_MARKS.iter().any(|mark| attributes.contains(mark)) && !attributes.contains("#[ignore")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_needs_a_test_that_is_run() {
        let text = "#[test]\nfn guard() {}\n// #[test]\nfn helper() {}\n#[test]\n#[ignore]\nfn idle() {}\n\
                    #[tokio::test(flavor = \"multi_thread\")]\n/// Why.\nasync fn patient() {}\n";
        let sources = [Source::new("a.rs".to_owned(), text.to_owned())];
        let files = [format!("{DIALOGUES}talk.smtp")];
        let page = |guards: &str| {
            format!("## Laws\n| | law | guarded by |\n|---|---|---|\n| 1 | be good | {guards} |\n## On\n")
        };
        let faults = |guards: &str| {
            let found = findings(&page(guards), &sources, &files);
            // The others are missing in this small world.
            found.into_iter().filter(|finding| finding.line > 0).count()
        };
        assert_eq!(faults("`guard`, `patient`, `talk.smtp`"), 0);
        for gone in ["`guard`, `gone`", "`helper`", "`idle`", "`silence.smtp`", ""] {
            assert_eq!(faults(gone), 1, "{gone}");
        }
    }
}
