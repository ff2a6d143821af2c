//! The text of a configuration with the place of everything in it, checked against the shape of [`super::raw::Raw`].
//!
//! serde stops at the first fault; an operator wants all of them. So the parsed text is walked along the schema that
//! is generated from the same types, and every key that is unknown, missing or of the wrong type is named with its
//! line. What passes here, serde takes.

use std::ops::Range;

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::fault::ConfigFault;

/// Faults that are shown; a file with more of them is no configuration of ours.
const FAULTS_MAX: usize = 50;

/// A parsed text that can say on which line a key stands.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

/// One step of the way to a value.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Document<'a> {
    /// Parses the text as TOML.
    ///
    /// # Errors
    /// Every place where it is none.
    pub(super) fn parse(text: &'a str) -> Result<Self, Vec<ConfigFault>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self { text, root });
        }
        let faults = errors.iter().take(FAULTS_MAX).map(|error| ConfigFault {
            line: error.span().map_or(0, |span| line_of(text, span.start)),
            key: String::new(),
            problem: error.message().to_owned(),
            remedy: "see https://toml.io for how the file is written".to_owned(),
        });
        Err(faults.collect())
    }

    /// The line on which `key` stands, or the nearest of the tables around it.
    pub(super) fn line(&self, key: &str) -> usize {
        let steps = steps(key);
        let mut span: Option<Range<usize>> = None;
        let mut table = Some(self.root.get_ref());
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in steps {
            let next = match step {
                Step::Key(name) => table.and_then(|table| {
                    table
                        .iter()
                        .find(|(known, _)| known.get_ref() == name)
                        .map(|(known, value)| (known.span(), value))
                }),
                Step::Index(index) => value
                    .and_then(|value| value.get_ref().as_array())
                    .and_then(|array| array.get(index))
                    .map(|value| (value.span(), value)),
            };
            let Some((found, inner)) = next else { break };
            span = Some(found);
            table = inner.get_ref().as_table();
            value = Some(inner);
        }
        span.map_or(0, |span| line_of(self.text, span.start))
    }

    /// Walks the text along the schema.
    ///
    /// # Errors
    /// Every key that does not fit.
    pub(super) fn check(&self, schema: &Value) -> Result<(), Vec<ConfigFault>> {
        let mut walk = Walk {
            text: self.text,
            schema,
            faults: Vec::new(),
        };
        walk.table(self.root.get_ref(), 0, schema, "");
        if walk.faults.is_empty() {
            return Ok(());
        }
        walk.faults.truncate(FAULTS_MAX);
        Err(walk.faults)
    }
}

/// `a[1].b` as steps.
fn steps(key: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in key.split('.') {
        let (name, indexes) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        steps.push(Step::Key(name.trim_matches('"')));
        for index in indexes.split(['[', ']']).filter_map(|index| index.parse().ok()) {
            steps.push(Step::Index(index));
        }
    }
    steps
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|octet| **octet == b'\n')
        .count()
        + 1
}

struct Walk<'a> {
    text: &'a str,
    schema: &'a Value,
    faults: Vec<ConfigFault>,
}

impl Walk<'_> {
    fn fault(&mut self, at: usize, key: &str, problem: String, remedy: String) {
        let line = line_of(self.text, at);
        self.faults.push(ConfigFault {
            line,
            key: key.to_owned(),
            problem,
            remedy,
        });
    }

    /// Follows `$ref` and, for an optional value, the half that is not null.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        loop {
            if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                schema = &self.schema["$defs"][name];
                continue;
            }
            let halves = schema["anyOf"].as_array();
            match halves.and_then(|halves| match halves.as_slice() {
                [half, null] if null["type"] == "null" => Some(half),
                _ => None,
            }) {
                Some(half) => schema = half,
                None => return schema,
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>, at: usize, schema: &Value, path: &str) {
        let schema = self.resolve(schema).clone();
        let known = schema["properties"].as_object().cloned().unwrap_or_default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let full = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            if let Some(schema) = known.get(name) {
                self.value(value, schema, &full);
            } else if schema["additionalProperties"].is_object() {
                self.value(value, &schema["additionalProperties"], &full);
            } else {
                let remedy = nearest(name, known.keys().map(String::as_str));
                self.fault(key.span().start, &full, "there is no such key".to_owned(), remedy);
            }
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in required
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !table.contains_key(*name))
        {
            let full = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            let remedy = format!("add `{name} = …` here");
            self.fault(at, &full, "this key is missing".to_owned(), remedy);
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &Value, path: &str) {
        let schema = self.resolve(schema).clone();
        let at = value.span().start;
        if let Some(choices) = choices(&schema) {
            let fits = value
                .get_ref()
                .as_str()
                .is_some_and(|text| choices.iter().any(|choice| choice == text));
            if !fits {
                let problem = "this is none of the values that the key takes".to_owned();
                self.fault(at, path, problem, format!("write one of {}", choices.join(", ")));
            }
            return;
        }
        if let Some(halves) = schema["anyOf"].as_array() {
            let fits = |half: &Value| type_fits(value.get_ref(), half["type"].as_str().unwrap_or(""));
            match halves.iter().find(|half| fits(half)) {
                Some(half) => self.value(value, half, path),
                None => self.wrong_type(
                    value,
                    halves.iter().filter_map(|half| half["type"].as_str()).collect(),
                    path,
                ),
            }
            return;
        }
        let expected: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null")
                .collect(),
            _ => return,
        };
        if !expected.iter().any(|kind| type_fits(value.get_ref(), kind)) {
            self.wrong_type(value, expected, path);
            return;
        }
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, at, &schema, path),
            DeValue::Array(array) => {
                for (place, item) in array.iter().enumerate() {
                    self.value(item, &schema["items"], &format!("{path}[{place}]"));
                }
            }
            DeValue::Integer(_) => self.integer(value, &schema, path),
            DeValue::String(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    fn integer(&mut self, value: &Spanned<DeValue<'_>>, schema: &Value, path: &str) {
        let written = value.get_ref().as_integer();
        let number = written.and_then(|written| i128::from_str_radix(written.as_str(), written.radix()).ok());
        let max = match schema["format"].as_str() {
            Some("uint16") => i128::from(u16::MAX),
            Some("uint32") => i128::from(u32::MAX),
            _ => i128::from(i64::MAX),
        };
        if !number.is_some_and(|number| (0..=max).contains(&number)) {
            let remedy = format!("write a whole number from 0 to {max}");
            self.fault(
                value.span().start,
                path,
                "this number is out of range".to_owned(),
                remedy,
            );
        }
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, expected: Vec<&str>, path: &str) {
        let words: Vec<&str> = expected.iter().map(|kind| type_in_words(kind)).collect();
        let problem = format!("here stands {}", found_in_words(value.get_ref()));
        self.fault(
            value.span().start,
            path,
            problem,
            format!("write {}", words.join(" or ")),
        );
    }
}

/// The words that a key takes, when it takes words of a fixed list.
fn choices(schema: &Value) -> Option<Vec<String>> {
    let strings = |list: &Vec<Value>| {
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if let Some(list) = schema["enum"].as_array() {
        return Some(strings(list));
    }
    let parts = schema["oneOf"].as_array()?;
    let words = parts.iter().flat_map(|part| match (&part["const"], &part["enum"]) {
        (Value::String(word), _) => vec![word.clone()],
        (_, Value::Array(list)) => strings(list),
        _ => Vec::new(),
    });
    Some(words.collect())
}

fn type_fits(value: &DeValue<'_>, kind: &str) -> bool {
    match value {
        DeValue::String(_) => kind == "string",
        DeValue::Integer(_) => kind == "integer" || kind == "number",
        DeValue::Float(_) => kind == "number",
        DeValue::Boolean(_) => kind == "boolean",
        DeValue::Array(_) => kind == "array",
        DeValue::Table(_) => kind == "object",
        DeValue::Datetime(_) => false,
    }
}

fn type_in_words(kind: &str) -> &str {
    match kind {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list in [ ]",
        "object" => "a table",
        other => other,
    }
}

fn found_in_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::Datetime(_) => "a date",
    }
}

/// The known key that was probably meant, or all of them.
fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    let written = written.replace('_', "-");
    let best = known.iter().map(|key| (distance(&written, key), *key)).min();
    match best {
        Some((away, key)) if away <= key.len() / 3 => format!("did you mean `{key}`?"),
        _ => format!("known here: {}", known.join(", ")),
    }
}

/// Levenshtein's distance: how many characters must be put in, taken out or changed.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (place, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, to) in right.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
