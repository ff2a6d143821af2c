//! One object: its properties by name, however PowerShell wrote them, and what nobody asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::import::{Import, NoteKind, Place, Source, Wanted};

/// Characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 60;

/// Properties that say where an object is kept and when it was written; nothing is lost without them.
const METADATA: &[&str] = &[
    "AdminDisplayName",
    "ConnectorSource",
    "DistinguishedName",
    "ExchangeObjectId",
    "ExchangeVersion",
    "Guid",
    "Id",
    "Identity",
    "IsValid",
    "Name",
    "ObjectCategory",
    "ObjectClass",
    "ObjectId",
    "ObjectState",
    "OrganizationalUnitRoot",
    "OrganizationId",
    "OriginatingServer",
    "PSComputerName",
    "PSShowComputerName",
    "RunspaceId",
    "WhenChanged",
    "WhenChangedUTC",
    "WhenCreated",
    "WhenCreatedUTC",
];

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `Get-InboundConnector`.
    Inbound,
    /// `Get-OutboundConnector`.
    Outbound,
    /// `Get-AcceptedDomain`.
    Domain,
}

impl Kind {
    /// Told by properties that no other has.
    pub(super) fn of(object: &Map<String, Value>) -> Option<Self> {
        let has = |names: &[&str]| {
            names
                .iter()
                .any(|name| object.keys().any(|key| key.eq_ignore_ascii_case(name)))
        };
        let kinds = [
            (
                Self::Inbound,
                has(&["SenderDomains", "SenderIPAddresses", "TlsSenderCertificateName"]),
            ),
            (Self::Outbound, has(&["RecipientDomains", "SmartHosts", "UseMXRecord"])),
            (Self::Domain, has(&["DomainName"]) && has(&["DomainType"])),
        ];
        let mut found = kinds.into_iter().filter_map(|(kind, is_one)| is_one.then_some(kind));
        found.next().filter(|_| found.next().is_none())
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Inbound => "inbound connector",
            Self::Outbound => "outbound connector",
            Self::Domain => "accepted domain",
        }
    }
}

/// One object while it is read.
pub(super) struct Reading<'i> {
    file: String,
    title: String,
    /// By their names in lower case; each with its name as written.
    properties: BTreeMap<String, (String, Value)>,
    source: Source,
    pub(super) wanted: &'i Wanted,
    pub(super) import: &'i mut Import,
}

impl<'i> Reading<'i> {
    pub(super) fn new(
        file: &str,
        kind: Kind,
        object: Map<String, Value>,
        wanted: &'i Wanted,
        import: &'i mut Import,
    ) -> Self {
        let name = ["Name", "Identity", "DomainName"];
        let name = name.iter().find_map(|name| object.get(*name).and_then(Value::as_str));
        let title = format!("{} \"{}\"", kind.title(), name.unwrap_or("?"));
        let properties = object
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), (name, unwrapped(value))));
        let mut reading = Self {
            file: file.to_owned(),
            title,
            properties: properties.collect(),
            source: Source::default(),
            wanted,
            import,
        };
        reading.source.place = reading.place("");
        reading.leave_out();
        reading
    }

    fn leave_out(&mut self) {
        let left_out = |name: &String| self.wanted.leaves_out(name);
        let names: Vec<String> = self.properties.keys().filter(|name| left_out(name)).cloned().collect();
        for name in names {
            if let Some((name, _)) = self.properties.remove(&name).filter(|(_, value)| !is_nothing(value)) {
                self.note(NoteKind::NoCounterpart, true, &name, "left out as you wished");
            }
        }
    }

    /// Where a property stands.
    pub(super) fn place(&self, property: &str) -> Place {
        Place {
            file: self.file.clone(),
            line: None,
            object: self.title.clone(),
            property: property.to_owned(),
        }
    }

    pub(super) fn note(&mut self, kind: NoteKind, matters: bool, property: &str, text: impl Into<String>) {
        let place = self.place(property);
        self.import.note(kind, matters, place, text);
    }

    pub(super) fn fault(&mut self, property: &str, text: impl Into<String>) {
        self.note(NoteKind::Fault, true, property, text);
    }

    /// Takes a property, for a field of the document; empty where it goes into none.
    fn take(&mut self, property: &str, field: &'static str) -> Option<Value> {
        let (name, value) = self.properties.remove(&property.to_ascii_lowercase())?;
        if !field.is_empty() {
            let place = self.place(&name);
            self.source.fields.insert(field, place);
        }
        if is_cut_off(&value) {
            self.fault(
                &name,
                "ConvertTo-Json wrote no more than the type of it; print it with -Depth 5",
            );
            return None;
        }
        Some(value).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&mut self, property: &str, field: &'static str) -> Option<bool> {
        let value = self.take(property, field)?;
        let flag = match &value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.fault(property, format!("{} is neither true nor false", shown(&value)));
        }
        flag
    }

    /// A text; none where it is empty.
    pub(super) fn text(&mut self, property: &str, field: &'static str) -> Option<String> {
        let value = self.take(property, field)?;
        let Some(text) = scalar(&value) else {
            self.fault(property, format!("{} is no text", shown(&value)));
            return None;
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// One of these words. A number alone is refused: which of them it is for is documented nowhere.
    pub(super) fn word<T: Copy>(&mut self, property: &str, field: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.take(property, field)?;
        if value.is_number() {
            let text = format!(
                "{value} is the number of a word, and which one is documented nowhere; print words, in PowerShell 7 \
                 with ConvertTo-Json -EnumsAsStrings"
            );
            self.fault(property, text);
            return None;
        }
        let text = scalar(&value).unwrap_or_default();
        if text.is_empty() && value.is_string() {
            return None;
        }
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let text = format!("{} is none of {}", shown(&value), known.join(", "));
            self.fault(property, text);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The values of a property that may have several.
    pub(super) fn list(&mut self, property: &str, field: &'static str) -> Vec<String> {
        let Some(value) = self.take(property, field) else {
            return Vec::new();
        };
        let values = match value {
            Value::Array(values) => values,
            // At the depth where ConvertTo-Json ends, a list is one text.
            Value::String(text) => {
                let parts = text.split([',', ' ', '\n', '\r', '\t']);
                let parts = parts.filter(|part| !part.is_empty());
                parts.map(|part| Value::String(part.to_owned())).collect()
            }
            one => vec![one],
        };
        let mut list = Vec::with_capacity(values.len());
        for value in values {
            let value = unwrapped(value);
            match scalar(&value).filter(|_| !is_cut_off(&value)) {
                Some(text) if text.is_empty() => {}
                Some(text) => list.push(text),
                None => self.fault(
                    property,
                    format!("{} is no text; print it with -Depth 5", shown(&value)),
                ),
            }
        }
        list
    }

    /// Takes a property that goes into no document; whether it says anything.
    pub(super) fn says(&mut self, property: &str) -> bool {
        self.properties
            .remove(&property.to_ascii_lowercase())
            .is_some_and(|(_, value)| !is_nothing(&value))
    }

    /// Says of every property that is left what is known of it: nothing.
    pub(super) fn end(&mut self) -> Source {
        for (_, (name, value)) in std::mem::take(&mut self.properties) {
            let is_metadata = METADATA.iter().any(|known| known.eq_ignore_ascii_case(&name));
            if !is_metadata && !is_nothing(&value) {
                let text = format!(
                    "{}: this property is not known here; look up what it does",
                    shown(&value)
                );
                self.note(NoteKind::NoCounterpart, true, &name, text);
            }
        }
        std::mem::take(&mut self.source)
    }
}

/// What PowerShell wraps: a list as `{"value": […], "Count": 2}`, a word as `{"value": 2, "Value": "Partner"}`.
pub(super) fn unwrapped(value: Value) -> Value {
    let Value::Object(mut fields) = value else {
        return value;
    };
    let is_list = fields.get("value").is_some_and(Value::is_array) && fields.len() <= 2;
    if is_list {
        return fields.remove("value").unwrap_or_default();
    }
    let is_word = fields.keys().all(|key| key.eq_ignore_ascii_case("value"));
    if is_word && let Some(word) = fields.values().find(|value| value.is_string()).cloned() {
        return word;
    }
    Value::Object(fields)
}

/// The text of a value that is one: itself, or the one part of an object that has all of it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Object(fields) => {
            let parts = ["Address", "Domain", "Expression", "value"];
            parts
                .iter()
                .find_map(|part| fields.get(*part)?.as_str())
                .map(|text| text.trim().to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Whether a value is one that a property has when nobody sets it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => {
            let text = text.trim();
            text.is_empty() || text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("none")
        }
        Value::Array(values) => values.iter().all(is_nothing),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Whether ConvertTo-Json wrote the name of a type in place of a value.
fn is_cut_off(value: &Value) -> bool {
    let names = ["System.", "Microsoft.Exchange.", "Deserialized.", "@{"];
    value
        .as_str()
        .is_some_and(|text| names.iter().any(|name| text.starts_with(name)))
}

/// A value in words that fit into a line.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
