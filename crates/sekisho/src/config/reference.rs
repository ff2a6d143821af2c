//! The reference of `sekisho.toml`, written from the schema that comes out of the doc comments of [`super::raw`]: a
//! page for people (`docs/config.md`), an annotated example, and the schema itself for editors.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::raw::Raw;

/// Width of a comment in the example.
const COMMENT_WIDTH: usize = 100;

/// The JSON schema of the whole file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Raw).to_value();
    schema["title"] = Value::String("sekisho.toml".to_owned());
    schema
}

/// The page for people, in Markdown.
#[must_use]
pub fn page() -> String {
    let schema = schema();
    let mut page = String::from(
        "# sekisho.toml\n\n<!-- Generated from crates/sekisho/src/config/raw.rs; change it there. -->\n\n\
         One file configures a node. Without it every default below holds, and the server runs. It is read whole \
         before anything changes: an unknown key, a value of the wrong kind or one that cannot be enforced is refused \
         with its line and what to do about it, and a running server keeps the configuration it has. `sekisho config \
         check` reads a file without using it, `sekisho config show` prints what is in force, `--changed` only what \
         differs from the defaults.\n\n\
         Durations are whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`; `1h 30m`), sizes likewise (`B`, `KiB`, \
         `MiB`, `GiB`, `TiB`).\n",
    );
    let root = Node {
        root: &schema,
        node: &schema,
    };
    for (name, property) in root.properties() {
        section(&mut page, &root, name, name, property);
    }
    page
}

/// One `## [name]` with its keys, then the tables inside it.
fn section(page: &mut String, root: &Node<'_>, path: &str, title: &str, property: &Value) {
    let at = root.at(property);
    let (table, list) = at.table();
    let header = if list {
        format!("[[{title}]]")
    } else {
        format!("[{title}]")
    };
    // Writing to a String cannot fail.
    let _ = writeln!(page, "\n## `{header}`\n\n{}\n", at.description());
    page.push_str("| key | kind | default | |\n|---|---|---|---|\n");
    let required = table.required();
    let mut inner = Vec::new();
    for (key, property) in table.properties() {
        let value = root.at(property);
        if value.is_section() {
            inner.push((key, property));
            continue;
        }
        let default = match &property["default"] {
            Value::Null if required.contains(&key.as_str()) => "required".to_owned(),
            Value::Null => String::new(),
            default => format!("`{}`", toml_text(default)),
        };
        let mut text = value.description().replace('\n', " ");
        text.push_str(&value.choices_in_words());
        let _ = writeln!(
            page,
            "| `{key}` | {} | {default} | {} |",
            value.kind(),
            text.replace('|', "\\|")
        );
    }
    for (key, property) in inner {
        section(
            page,
            root,
            &format!("{path}.{key}"),
            &format!("{title}.{key}"),
            property,
        );
    }
}

/// The annotated example: every key, commented out, with its default.
#[must_use]
pub fn example() -> String {
    let schema = schema();
    let root = Node {
        root: &schema,
        node: &schema,
    };
    let mut text = String::from(
        "# Every key of sekisho.toml, with its default. Nothing here is needed: without a file the server runs with\n\
         # these values. Generated; docs/config.md says the same as a page.\n",
    );
    for (name, property) in root.properties() {
        example_section(&mut text, &root, name, property);
    }
    text
}

fn example_section(text: &mut String, root: &Node<'_>, title: &str, property: &Value) {
    let at = root.at(property);
    let (table, list) = at.table();
    text.push('\n');
    comment(text, &at.description());
    // A list's header stays commented out: an empty entry would lack what it must have.
    let _ = if list {
        writeln!(text, "# [[{title}]]")
    } else {
        writeln!(text, "[{title}]")
    };
    let required = table.required();
    let mut inner = Vec::new();
    for (key, property) in table.properties() {
        let value = root.at(property);
        if value.is_section() {
            inner.push((key, property));
            continue;
        }
        text.push('\n');
        comment(text, &format!("{}{}", value.description(), value.choices_in_words()));
        let shown = match &property["default"] {
            Value::Null if required.contains(&key.as_str()) => "…  (required)".to_owned(),
            Value::Null => "…".to_owned(),
            default => toml_text(default),
        };
        let _ = writeln!(text, "# {key} = {shown}");
    }
    for (key, property) in inner {
        let in_list = list || title.contains('.');
        let mut part = String::new();
        example_section(&mut part, root, &format!("{title}.{key}"), property);
        if in_list {
            part = part.replace(&format!("\n[{title}.{key}]"), &format!("\n# [{title}.{key}]"));
        }
        text.push_str(&part);
    }
}

/// Writes `words` as comment lines.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > COMMENT_WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// A value as TOML writes it.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// A place in the schema.
#[derive(Clone, Copy)]
struct Node<'a> {
    root: &'a Value,
    node: &'a Value,
}

impl<'a> Node<'a> {
    fn at(&self, node: &'a Value) -> Self {
        Self { root: self.root, node }
    }

    /// Follows `$ref`, and an option to what it holds.
    fn resolved(&self) -> &'a Value {
        let mut node = self.node;
        loop {
            if let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                node = &self.root["$defs"][name];
            } else if let Some([half, null]) = node["anyOf"].as_array().map(Vec::as_slice)
                && null["type"] == "null"
            {
                node = half;
            } else {
                return node;
            }
        }
    }

    /// The table that stands here, and whether there may be several.
    fn table(&self) -> (Self, bool) {
        let node = self.resolved();
        if node["type"] == "array" {
            (self.at(self.at(&node["items"]).resolved()), true)
        } else {
            (self.at(node), false)
        }
    }

    fn properties(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.resolved()["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::iter)
    }

    fn required(&self) -> Vec<&'a str> {
        self.resolved()["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Tables get a heading of their own, unless they are small values such as a pair of files.
    fn is_section(&self) -> bool {
        let node = self.resolved();
        let is_pair = self.required().len() == 2 && self.properties().count() == 2;
        node["type"] == "object" && node["properties"].is_object() && !is_pair
    }

    fn description(&self) -> String {
        let own = self.node["description"].as_str();
        own.or_else(|| self.resolved()["description"].as_str())
            .unwrap_or_default()
            .to_owned()
    }

    fn kind(&self) -> &'static str {
        let node = self.resolved();
        if node["oneOf"].is_array() || node["enum"].is_array() {
            return "word";
        }
        let kind = node["type"].as_str().or_else(|| node["type"][0].as_str());
        match kind {
            Some("string") => "text",
            Some("integer") => "number",
            Some("boolean") => "true, false",
            Some("array") => "list",
            Some("object") => "table",
            _ => "text or list",
        }
    }

    /// What each word of a fixed list means, and the keys of a small table.
    fn choices_in_words(&self) -> String {
        let node = self.resolved();
        let mut words = String::new();
        for choice in node["oneOf"].as_array().into_iter().flatten() {
            if let (Some(word), Some(text)) = (choice["const"].as_str(), choice["description"].as_str()) {
                let _ = write!(words, " `{word}`: {}", text.replace('\n', " "));
            }
        }
        let (item, _) = self.table();
        if !item.required().is_empty() {
            words.push_str(" Keys:");
            for (key, property) in item.properties() {
                let _ = write!(
                    words,
                    " `{key}`: {}",
                    self.at(property).description().replace('\n', " ")
                );
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_described() {
        fn look(root: &Node<'_>, path: &str, property: &Value, missing: &mut Vec<String>) {
            let at = root.at(property);
            if at.description().is_empty() {
                missing.push(path.to_owned());
            }
            for (key, inner) in at.table().0.properties() {
                look(root, &format!("{path}.{key}"), inner, missing);
            }
        }
        let schema = schema();
        let root = Node {
            root: &schema,
            node: &schema,
        };
        let mut missing = Vec::new();
        for (name, property) in root.properties() {
            look(&root, name, property, &mut missing);
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_example_says_nothing_but_defaults() {
        let parsed: Raw = toml::from_str(&example()).unwrap();
        assert_eq!(parsed, Raw::default());
    }
}
