//! How much of the code stands in long functions. Clippy warns of one long function; what makes a code base hard to
//! read is their share.

use super::{Finding, source::Source};

/// A function above this many lines counts as long.
const LONG_LINES: usize = 100;
/// The most that long functions may have of all lines in functions, in percent.
const MAX_SHARE_PERCENT: usize = 10;

/// Fails when too much of the workspace is in long functions, and then names the longest.
pub(super) fn share_of_long_functions(sources: &[Source]) -> Option<Finding> {
    let mut all = 0;
    let mut long = 0;
    let mut longest: Option<(usize, &str, usize)> = None;
    for source in sources {
        for (line, lines) in functions(&source.code) {
            all += lines;
            if lines > LONG_LINES {
                long += lines;
            }
            if longest.is_none_or(|(most, ..)| lines > most) {
                longest = Some((lines, &source.file, line));
            }
        }
    }
    let (lines, file, line) = longest?;
    (long * 100 > all * MAX_SHARE_PERCENT).then(|| Finding {
        file: file.to_owned(),
        line,
        text: format!(
            "{long} of {all} lines are in functions above {LONG_LINES} lines, more than {MAX_SHARE_PERCENT} %; \
             this is the longest, {lines} lines"
        ),
    })
}

/// Each function with a body: the line on which it begins and how many lines it has. A function inside another
/// counts for both, as clippy has it.
fn functions(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut announced: Option<usize> = None;
    let mut depth = 0usize;
    let mut word = String::new();
    let mut line = 1;
    for character in code.chars() {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        // A name has to follow: `fn(` is a type.
        if word == "fn" && character == ' ' {
            announced = Some(line);
        }
        word.clear();
        match character {
            '\n' => line += 1,
            ';' => announced = None,
            '{' => {
                depth += 1;
                if let Some(start) = announced.take() {
                    open.push((depth, start));
                }
            }
            '}' => {
                if let Some((_, start)) = open.pop_if(|(at, _)| *at == depth) {
                    found.push((start, line + 1 - start));
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_functions() {
        let code = "trait T { fn a(); fn b(x: fn(u8)) -> u8 {\n1\n}\n}\nfn c()\nwhere X: Y\n{ if x { } }\n";
        assert_eq!(functions(code), [(1, 3), (5, 3)]);
    }

    #[test]
    fn a_workspace_of_long_functions_fails() {
        let long = format!("//! A.\nfn a() {{\n{}}}\n", "x();\n".repeat(200));
        let source = Source::new("a.rs".to_owned(), long);
        assert_eq!(share_of_long_functions(&[source]).map(|finding| finding.line), Some(2));
        let short = Source::new("a.rs".to_owned(), "//! A.\nfn a() {\nx();\n}\n".to_owned());
        assert_eq!(share_of_long_functions(&[short]), None);
    }
}
