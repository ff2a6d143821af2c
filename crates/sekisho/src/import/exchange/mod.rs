//! What `Get-InboundConnector`, `Get-OutboundConnector` and `Get-AcceptedDomain` say through `ConvertTo-Json`, as
//! PowerShell 5 and 7 write it: UTF-8 or UTF-16, one object or an array, several of them one after the other.

mod connector;
mod object;
mod text;

use serde_json::{Deserializer, Map, Value};

use self::object::{Kind, Reading, unwrapped};
use super::{Import, Place, Wanted, sums};

/// Reads files, each with its name and content.
#[must_use]
pub fn read(files: &[(String, Vec<u8>)], wanted: &Wanted) -> Import {
    let mut import = Import::of(wanted);
    let mut found = Vec::new();
    for (name, octets) in files {
        objects(name, octets, &mut found, &mut import);
    }
    let domains = domain_names(&found);
    for (file, object) in found {
        one(&file, object, &domains, wanted, &mut import);
    }
    sums::note(&mut import);
    import
}

/// The domain of each accepted domain by the name of its object, which is what connectors are limited to.
type DomainNames = std::collections::HashMap<String, String>;

fn domain_names(found: &[(String, Map<String, Value>)]) -> DomainNames {
    let text = |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let pairs = found.iter().filter_map(|(_, object)| {
        let domain = text(object, "DomainName")?;
        Some((text(object, "Name")?.to_ascii_lowercase(), domain))
    });
    pairs.collect()
}

/// Every object of a file.
fn objects(name: &str, octets: &[u8], found: &mut Vec<(String, Map<String, Value>)>, import: &mut Import) {
    let place = Place {
        file: name.to_owned(),
        ..Place::default()
    };
    let text = match text::decoded(octets) {
        Ok(text) => text,
        Err(reason) => return import.fault(place, reason),
    };
    let before = found.len();
    for value in Deserializer::from_str(&text).into_iter::<Value>() {
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                let line = u32::try_from(error.line()).ok();
                let place = Place { line, ..place };
                let remedy = "print it with ConvertTo-Json, and nothing else into the same file";
                return import.fault(place, format!("this is no JSON: {error}; {remedy}"));
            }
        };
        let values = match unwrapped(value) {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        for value in values {
            match unwrapped(value) {
                Value::Object(object) => found.push((name.to_owned(), object)),
                other => import.fault(place.clone(), format!("{} is no object", object::shown(&other))),
            }
        }
    }
    if found.len() == before {
        import.fault(place, "there is no object in it");
    }
}

fn one(file: &str, object: Map<String, Value>, domains: &DomainNames, wanted: &Wanted, import: &mut Import) {
    let Some(kind) = Kind::of(&object) else {
        let name = object.get("Name").map(object::shown).unwrap_or_default();
        let place = Place {
            file: file.to_owned(),
            object: format!("object {name}").trim_end().to_owned(),
            ..Place::default()
        };
        let text = "by its properties this is no inbound connector, outbound connector or accepted domain; print all \
                    properties, of nothing else";
        return import.fault(place, text);
    };
    let mut reading = Reading::new(file, kind, object, wanted, import);
    match kind {
        Kind::Inbound => connector::inbound(&mut reading, domains),
        Kind::Outbound => connector::outbound(&mut reading, domains),
        Kind::Domain => connector::domain(&mut reading),
    }
}
