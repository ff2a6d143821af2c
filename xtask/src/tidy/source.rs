//! A Rust file with what is no code blanked out: a scanner good enough for rules about names and braces, no parser.

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path below the root of the checkout.
    pub(crate) file: String,
    /// As it is.
    pub(crate) text: String,
    /// The same with every character of comments, strings and character literals made a space; line ends stay, so
    /// that lines are the same lines.
    pub(crate) code: String,
}

impl Source {
    /// Scans the text.
    pub(crate) fn new(file: String, text: String) -> Self {
        let code = blank(&text);
        Self { file, text, code }
    }

    /// Lines of code outside `#[cfg(test)]` modules, with their numbers from 1. A file below a `tests/` folder, or
    /// called `tests.rs`, has none, nor has one of the fuzzer's.
    pub(crate) fn product_lines(&self) -> Vec<(usize, &str)> {
        let is_test = ["/tests/", "/benches/"].iter().any(|folder| self.file.contains(folder));
        if is_test || self.file.ends_with("/tests.rs") || self.file.starts_with("fuzz/") {
            return Vec::new();
        }
        let mut kept = Vec::new();
        let mut depth_to_leave: Option<usize> = None;
        let mut awaiting_module = false;
        let mut depth = 0usize;
        for (place, line) in self.code.lines().enumerate() {
            let before = depth;
            depth += line.matches('{').count();
            depth = depth.saturating_sub(line.matches('}').count());
            if let Some(outer) = depth_to_leave {
                if depth <= outer {
                    depth_to_leave = None;
                }
                continue;
            }
            if line.trim_start().starts_with("#[cfg(test)]") {
                awaiting_module = true;
                continue;
            }
            if awaiting_module && !line.trim().is_empty() && !line.trim_start().starts_with("#[") {
                awaiting_module = false;
                if depth > before {
                    depth_to_leave = Some(before);
                }
                continue;
            }
            kept.push((place + 1, line));
        }
        kept
    }
}

/// Whether `word` stands in `line` as an identifier of its own.
pub(crate) fn names_identifier(line: &str, word: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, found)| {
        let before = line[..start].chars().next_back();
        let after = line[start + found.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// What the scanner is inside of.
enum Inside {
    Code,
    LineComment,
    /// How deeply nested.
    BlockComment(usize),
    /// Whether the last character was a backslash that escapes the next.
    Text(bool),
    /// How many `#` end it.
    RawText(usize),
}

fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut inside = Inside::Code;
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let (next, taken, visible) = step(&inside, rest, at.checked_sub(1).map(|before| characters[before]));
        for character in &rest[..taken] {
            code.push(if visible || *character == '\n' { *character } else { ' ' });
        }
        inside = next;
        at += taken;
    }
    code
}

/// One step: what comes next, how many characters it takes, and whether they are code.
fn step(inside: &Inside, rest: &[char], before: Option<char>) -> (Inside, usize, bool) {
    let starts = |pattern: &str| pattern.chars().zip(rest).filter(|(a, b)| a == *b).count() == pattern.len();
    match inside {
        Inside::Code => step_in_code(rest, before),
        Inside::LineComment if rest[0] == '\n' => (Inside::Code, 1, true),
        Inside::LineComment => (Inside::LineComment, 1, false),
        Inside::BlockComment(depth) if starts("/*") => (Inside::BlockComment(depth + 1), 2, false),
        Inside::BlockComment(1) if starts("*/") => (Inside::Code, 2, false),
        Inside::BlockComment(depth) if starts("*/") => (Inside::BlockComment(depth - 1), 2, false),
        Inside::BlockComment(depth) => (Inside::BlockComment(*depth), 1, false),
        Inside::Text(true) => (Inside::Text(false), 1, false),
        Inside::Text(false) if rest[0] == '"' => (Inside::Code, 1, false),
        Inside::Text(false) => (Inside::Text(rest[0] == '\\'), 1, false),
        Inside::RawText(marks) if rest[0] == '"' && marks_at(&rest[1..]) >= *marks => (Inside::Code, 1 + marks, false),
        Inside::RawText(marks) => (Inside::RawText(*marks), 1, false),
    }
}

fn step_in_code(rest: &[char], before: Option<char>) -> (Inside, usize, bool) {
    let second = rest.get(1).copied();
    let begins_word = !before.is_some_and(|character| character.is_alphanumeric() || character == '_');
    match rest[0] {
        '/' if second == Some('/') => (Inside::LineComment, 2, false),
        '/' if second == Some('*') => (Inside::BlockComment(1), 2, false),
        '"' => (Inside::Text(false), 1, false),
        'b' if begins_word && second == Some('"') => (Inside::Text(false), 2, false),
        'r' if begins_word && raw_marks(&rest[1..]).is_some() => {
            let marks = raw_marks(&rest[1..]).unwrap_or(0);
            (Inside::RawText(marks), 2 + marks, false)
        }
        'b' if begins_word && second == Some('r') && raw_marks(&rest[2..]).is_some() => {
            let marks = raw_marks(&rest[2..]).unwrap_or(0);
            (Inside::RawText(marks), 3 + marks, false)
        }
        '\'' => (
            Inside::Code,
            character_literal(rest).unwrap_or(1),
            character_literal(rest).is_none(),
        ),
        _ => (Inside::Code, 1, true),
    }
}

fn marks_at(rest: &[char]) -> usize {
    rest.iter().take_while(|character| **character == '#').count()
}

/// The number of `#` before the quote, when this opens a raw string.
fn raw_marks(rest: &[char]) -> Option<usize> {
    let marks = marks_at(rest);
    (rest.get(marks) == Some(&'"')).then_some(marks)
}

/// How long the character literal that begins here is; `None` for a lifetime.
fn character_literal(rest: &[char]) -> Option<usize> {
    match (rest.get(1), rest.get(2)) {
        (Some('\\'), _) => {
            // The character behind the backslash may itself be a quote.
            let end = rest.iter().skip(3).position(|character| *character == '\'')?;
            Some(end + 4)
        }
        (Some(_), Some('\'')) => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_what_is_no_code() {
        let text = "let a = \"{ \\\" }\"; // {\nlet b = r#\"{\"}\"#; /* { /* */ { */ let c = '{'; x::<'a>('\\'', b'{')";
        let code = blank(text);
        assert!(!code.contains('{') && !code.contains('}'), "{code}");
        assert!(
            code.contains("let b") && code.contains("let c") && code.contains("<'a>"),
            "{code}"
        );
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn leaves_out_test_modules() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}\n";
        let source = Source::new("a.rs".to_owned(), text.to_owned());
        let kept: Vec<usize> = source.product_lines().iter().map(|(number, _)| *number).collect();
        assert_eq!(kept, [1, 6, 9]);
    }

    #[test]
    fn identifiers_are_whole() {
        assert!(names_identifier("use rustls::x;", "rustls"));
        assert!(!names_identifier("use tokio_rustls::x;", "rustls"));
    }
}
