//! The whole directory as TOML text, and back: `[[organization]]`, `[[domain]]`, `[[inbound_connector]]`,
//! `[[outbound_connector]]`, `[[rule]]`, `[[exception]]`, `[[certificate_role]]`, with the fields of the API's
//! documents. What is written leaves out every default and has a fixed order, so that equal directories are equal
//! texts.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use sekisho_api::{DocumentId, DocumentKind, Documents, FIRST_ORGANIZATION, FaultView};
use serde::{Deserialize as _, de::DeserializeOwned, de::IntoDeserializer as _};
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::documents;
use crate::config::distance;

/// Columns that a list may take before each of its items gets a line.
const LIST_COLUMNS_MAX: usize = 100;
/// Octets of a text at most: as many as the API takes in a request.
const TEXT_LEN_MAX: u64 = 32 * 1024 * 1024;
/// Faults that are shown; a text with more of them is no directory of ours.
const FAULTS_MAX: usize = 100;

/// On which line what stands.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// By place and field; an empty field is the document itself.
    of: HashMap<(String, String), u32>,
}

impl Lines {
    /// Tells each fault where it stands.
    pub fn add_to(&self, faults: &mut [FaultView]) {
        for fault in faults {
            let at = |field: &str| self.of.get(&(fault.place.clone(), field.to_owned()));
            fault.line = at(&fault.field).or_else(|| at("")).copied();
        }
    }
}

/// Writes everything, by kind, organization and name.
#[must_use]
pub fn write(documents: &Documents) -> String {
    let Ok(bodies) = documents::bodies(documents) else {
        return "# the documents are there twice\n".to_owned();
    };
    let mut text = String::new();
    for (id, body) in &bodies {
        if !text.is_empty() {
            text.push('\n');
        }
        write_document(&mut text, id, body);
    }
    text
}

fn write_document(text: &mut String, id: &DocumentId, body: &Value) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "[[{}]]", id.kind.key());
    let default = documents::default_body(id.kind);
    for (field, value) in body.as_object().into_iter().flatten() {
        if default.get(field) != Some(value) {
            let _ = writeln!(text, "{field} = {}", written(value));
        }
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => written_text(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            let line = format!("[{}]", items.join(", "));
            if line.len() <= LIST_COLUMNS_MAX {
                line
            } else {
                format!("[\n    {},\n]", items.join(",\n    "))
            }
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name} = {}", written(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // TOML has no null; a field that is null is never anything but its default.
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Certificates keep their lines; everything else is one.
fn written_text(text: &str) -> String {
    let is_plain = !text.contains("'''") && text.chars().all(|c| c == '\n' || !c.is_control());
    if text.contains('\n') && is_plain && !text.ends_with('\'') {
        format!("'''\n{text}'''")
    } else {
        toml::Value::String(text.to_owned()).to_string()
    }
}

/// Loads a text of the operator's, no longer than the API takes one.
///
/// # Errors
/// When it cannot be read, is too long, or is no UTF-8.
pub fn load(source: &Source) -> io::Result<String> {
    let mut text = String::new();
    let len = match source {
        Source::StandardInput => io::stdin().take(TEXT_LEN_MAX + 1).read_to_string(&mut text)?,
        Source::File(path) => fs::File::open(path)?.take(TEXT_LEN_MAX + 1).read_to_string(&mut text)?,
    };
    if len as u64 > TEXT_LEN_MAX {
        return Err(io::Error::other("it is far too long"));
    }
    Ok(text)
}

/// Where a text of the operator's is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `-`
    StandardInput,
    /// In a file.
    File(PathBuf),
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        match text {
            "-" => Self::StandardInput,
            path => Self::File(path.into()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardInput => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Reads a whole text.
///
/// # Errors
/// Every place where it is no TOML, and every table and field that is unknown, missing or of the wrong type, with its
/// line.
pub fn read(text: &str) -> Result<(Documents, Lines), Vec<FaultView>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let ends = text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
    let mut reading = Reading {
        ends: ends.map(|(place, _)| place).collect(),
        documents: Documents::default(),
        lines: Lines::default(),
        faults: Vec::new(),
    };
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        reading.fault(at, "the text", "", error.message().to_owned(), String::new());
    }
    if errors.is_empty() {
        reading.root(root.get_ref());
    }
    reading.faults.sort_by_key(|fault| fault.line);
    reading.faults.truncate(FAULTS_MAX);
    if reading.faults.is_empty() {
        Ok((reading.documents, reading.lines))
    } else {
        Err(reading.faults)
    }
}

struct Reading {
    /// Where each line ends, so that one is found without counting through the whole text.
    ends: Vec<usize>,
    documents: Documents,
    lines: Lines,
    faults: Vec<FaultView>,
}

impl Reading {
    fn line(&self, at: usize) -> u32 {
        let before = self.ends.partition_point(|end| *end < at);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    fn fault(&mut self, at: usize, place: &str, field: &str, reason: String, remedy: String) {
        let line = Some(self.line(at));
        self.faults.push(FaultView {
            line,
            place: place.to_owned(),
            field: field.to_owned(),
            reason,
            remedy,
        });
    }

    fn root(&mut self, root: &DeTable<'_>) {
        for (key, value) in root {
            let name = key.get_ref().as_ref();
            let at = key.span().start;
            let Some(kind) = DocumentKind::ALL.into_iter().find(|kind| kind.key() == name) else {
                let remedy = nearest(name, &DocumentKind::ALL.map(DocumentKind::key));
                self.fault(at, name, "", "there is no such table".to_owned(), remedy);
                continue;
            };
            match value.get_ref() {
                DeValue::Array(items) => self.documents_of(kind, items),
                _ => self.fault(
                    at,
                    name,
                    "",
                    "this is not a list of tables".to_owned(),
                    format!("write [[{name}]]"),
                ),
            }
        }
    }

    fn documents_of(&mut self, kind: DocumentKind, items: &DeArray<'_>) {
        match kind {
            DocumentKind::Organization => {
                let documents = self.each(kind, items);
                self.documents.organization = documents;
            }
            DocumentKind::Domain => {
                let documents = self.each(kind, items);
                self.documents.domain = documents;
            }
            DocumentKind::InboundConnector => {
                let documents = self.each(kind, items);
                self.documents.inbound_connector = documents;
            }
            DocumentKind::OutboundConnector => {
                let documents = self.each(kind, items);
                self.documents.outbound_connector = documents;
            }
            DocumentKind::Rule => {
                let documents = self.each(kind, items);
                self.documents.rule = documents;
            }
            DocumentKind::Exception => {
                let documents = self.each(kind, items);
                self.documents.exception = documents;
            }
            DocumentKind::CertificateRole => {
                let documents = self.each(kind, items);
                self.documents.certificate_role = documents;
            }
        }
    }

    fn each<T: DeserializeOwned>(&mut self, kind: DocumentKind, items: &DeArray<'_>) -> Vec<T> {
        let known = documents::default_body(kind);
        let known: Vec<&str> = known
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let read = |item| self.document(kind, item, &known);
        items.iter().filter_map(read).collect()
    }

    fn document<T: DeserializeOwned>(
        &mut self,
        kind: DocumentKind,
        item: &Spanned<DeValue<'_>>,
        known: &[&str],
    ) -> Option<T> {
        let DeValue::Table(table) = item.get_ref() else {
            let reason = "this is no table".to_owned();
            self.fault(
                item.span().start,
                kind.key(),
                "",
                reason,
                format!("write [[{}]]", kind.key()),
            );
            return None;
        };
        let place = place(kind, table);
        let before = self.faults.len();
        let at = item.span().start;
        let line = self.line(at);
        self.lines.of.insert((place.clone(), String::new()), line);
        if !table.contains_key("name") {
            let reason = "this field is missing".to_owned();
            self.fault(at, &place, "name", reason, "add name = \"…\"".to_owned());
        }
        let mut fields = Map::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let at = key.span().start;
            let line = self.line(at);
            self.lines.of.insert((place.clone(), name.to_owned()), line);
            if !known.contains(&name) {
                self.fault(
                    at,
                    &place,
                    name,
                    "there is no such field".to_owned(),
                    nearest(name, known),
                );
                continue;
            }
            match field::<T>(name, value) {
                Ok(value) => {
                    fields.insert(name.to_owned(), value);
                }
                Err(reason) => self.fault(at, &place, name, reason, String::new()),
            }
        }
        if self.faults.len() > before {
            return None;
        }
        match serde_json::from_value(Value::Object(fields)) {
            Ok(document) => Some(document),
            Err(error) => {
                self.fault(at, &place, "", error.to_string(), String::new());
                None
            }
        }
    }
}

/// The value of a field, when a document that sets nothing else takes it.
fn field<T: DeserializeOwned>(name: &str, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    let value = Value::deserialize(value.clone().into_deserializer()).map_err(|error| error.message().to_owned())?;
    let alone = Map::from_iter([(name.to_owned(), value.clone())]);
    match serde_json::from_value::<T>(Value::Object(alone)) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

fn place(kind: DocumentKind, table: &DeTable<'_>) -> String {
    let text = |name: &str| table.get(name).and_then(|value| value.get_ref().as_str());
    let id = DocumentId {
        kind,
        organization: text("organization").unwrap_or(FIRST_ORGANIZATION).to_owned(),
        name: text("name").unwrap_or("?").to_owned(),
    };
    id.title()
}

/// What was probably meant, or all that there is.
fn nearest(written: &str, known: &[&str]) -> String {
    let written = written.replace('-', "_");
    let best = known.iter().map(|name| (distance(&written, name), *name)).min();
    match best {
        Some((away, name)) if away <= name.len() / 3 => format!("did you mean `{name}`?"),
        _ => format!("known here: {}", known.join(", ")),
    }
}
