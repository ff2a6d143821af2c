//! Whether a test that a page names exists and is run, and what its documentation says.

use super::source::Source;

/// Where dialogues lie; one that is named is a test of its own.
const DIALOGUES: &str = "crates/sekisho-smtp/dialogues/";
/// What makes a function a test.
const TEST_MARKS: &[&str] = &["#[test]", "#[tokio::test]", "#[tokio::test("];

/// The names in backticks.
pub(super) fn names(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Whether this is a dialogue, or a function that is a test and is run.
pub(super) fn is_run(name: &str, sources: &[Source], files: &[String]) -> bool {
    dialogue(name, files).is_some() || sources.iter().any(|source| is_test(&source.code, name))
}

/// The dialogue of this name, as a path below the root of the checkout.
pub(super) fn dialogue(name: &str, files: &[String]) -> Option<String> {
    let path = format!("{DIALOGUES}{name}");
    (name.ends_with(".smtp") && files.contains(&path)).then_some(path)
}

/// The documentation of the tests of this name.
pub(super) fn documentation(name: &str, sources: &[Source]) -> String {
    let mut found = String::new();
    for source in sources.iter().filter(|source| is_test(&source.code, name)) {
        let lines: Vec<&str> = source.text.lines().collect();
        let function = format!("fn {name}(");
        for (place, _) in source
            .code
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(&function))
        {
            let above = lines.iter().take(place).rev();
            let above = above
                .map(|line| line.trim_start())
                .take_while(|line| line.starts_with(['/', '#']));
            found.extend(above.filter(|line| line.starts_with("///")));
        }
    }
    found
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
    fn only_what_is_run_is_a_guard() {
        let text = "/// Not this.\nfn other() {}\n/// It has a\n/// reason.\n#[test]\nfn guard() {}\n// #[test]\n\
                    fn helper() {}\n#[test]\n#[ignore]\nfn idle() {}\n\
                    #[tokio::test(flavor = \"multi_thread\")]\n/// Why.\nasync fn patient() {}\n";
        let sources = [Source::new("a.rs".to_owned(), text.to_owned())];
        let files = [format!("{DIALOGUES}talk.smtp")];
        for (name, expected) in [
            ("guard", true),
            ("patient", true),
            ("talk.smtp", true),
            ("helper", false),
            ("idle", false),
            ("gone", false),
            ("silence.smtp", false),
        ] {
            assert_eq!(is_run(name, &sources, &files), expected, "{name}");
        }
        assert_eq!(documentation("guard", &sources), "/// reason./// It has a");
        assert_eq!(documentation("patient", &sources), "/// Why.");
    }
}
