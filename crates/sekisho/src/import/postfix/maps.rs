//! Lookup tables: which can be read as text, and their entries.

use std::collections::HashMap;

use super::main_cf::{LogicalLine, logical_lines};

/// Types whose source is a text file of that name, without `.db` and the like.
const TEXT_TYPES: [&str; 7] = ["hash", "lmdb", "btree", "texthash", "cdb", "dbm", "sdbm"];

/// Neither a domain nor a next hop is longer.
const KEY_LEN_MAX: usize = 1024;

/// A table as a parameter names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source<'t> {
    /// A text file.
    Text(&'t str),
    /// A type whose entries are nowhere to be read.
    Unreadable(&'t str),
    /// No table.
    Other,
}

/// `hash:/etc/postfix/transport`, also behind `proxy:`.
pub(super) fn source(text: &str) -> Source<'_> {
    let text = text.strip_prefix("proxy:").unwrap_or(text);
    match text.split_once(':') {
        Some((kind, path)) if TEXT_TYPES.contains(&kind) => Source::Text(path),
        Some((kind, _)) if !kind.is_empty() && kind.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') => {
            Source::Unreadable(kind)
        }
        _ if text.starts_with('/') => Source::Text(text),
        Some(_) | None => Source::Other,
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In lower case, as tables compare it.
    pub key: String,
    /// The rest of the line.
    pub value: String,
    /// Where it begins.
    pub line: u32,
}

/// Entries of a text, the first of several with one key, as postmap keeps it; and what is wrong with which line.
pub(super) fn entries(text: &str) -> (Vec<Entry>, Vec<(u32, String)>) {
    let (lines, strays) = logical_lines(text);
    let stray = |line| (line, "this line continues none".to_owned());
    let mut faults: Vec<(u32, String)> = strays.into_iter().map(stray).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen: HashMap<String, u32> = HashMap::new();
    for LogicalLine { line, text } in lines {
        let (key, value) = match text.split_once(|c: char| c.is_ascii_whitespace()) {
            Some((key, value)) => (key, value.trim()),
            None => (text.as_str(), ""),
        };
        if key.starts_with('"') || value.is_empty() || key.len() > KEY_LEN_MAX {
            faults.push((line, "this is no key with a value".to_owned()));
            continue;
        }
        let key = key.to_ascii_lowercase();
        if let Some(first) = seen.get(&key) {
            faults.push((
                line,
                format!("{key:?} is there already on line {first}, and which one counts is not certain"),
            ));
            continue;
        }
        seen.insert(key.clone(), line);
        entries.push(Entry {
            key,
            value: value.to_owned(),
            line,
        });
    }
    (entries, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_text_or_it_is_named() {
        for (text, expected) in [
            ("hash:/etc/postfix/transport", Source::Text("/etc/postfix/transport")),
            (
                "proxy:lmdb:/etc/postfix/transport",
                Source::Text("/etc/postfix/transport"),
            ),
            ("/etc/postfix/transport", Source::Text("/etc/postfix/transport")),
            ("pcre:/etc/postfix/transport.pcre", Source::Unreadable("pcre")),
            ("mysql:/etc/postfix/x.cf", Source::Unreadable("mysql")),
            ("example.org", Source::Other),
            ("", Source::Other),
        ] {
            assert_eq!(source(text), expected, "{text}");
        }
    }

    #[test]
    fn entries_are_keys_with_values_over_several_lines() {
        let text = "# head\nExample.ORG  smtp:[mx.example.org]:25\n\nbank.example\tsecure\n   match=.bank.example\n\
                    alone\nexample.org x\n";
        let (entries, faults) = entries(text);
        let found: Vec<(&str, &str, u32)> = entries
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_str(), one.line))
            .collect();
        assert_eq!(
            found,
            [
                ("example.org", "smtp:[mx.example.org]:25", 2),
                ("bank.example", "secure match=.bank.example", 4),
            ]
        );
        let lines: Vec<u32> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [6, 7]);
    }
}
