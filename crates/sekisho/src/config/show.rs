//! The configuration in force, in the form of the file.

use serde_json::{Map, Value};

use super::raw::Raw;

/// Only what differs from the defaults. A list that differs is shown whole.
#[must_use]
pub fn changed_from_default(all: &Value) -> Value {
    let defaults = serde_json::to_value(Raw::default()).unwrap_or_default();
    difference(all, &defaults).unwrap_or_else(|| Value::Object(Map::new()))
}

fn difference(value: &Value, default: &Value) -> Option<Value> {
    match (value, default) {
        (Value::Object(value), Value::Object(default)) => {
            let changed: Map<String, Value> = value
                .iter()
                .filter_map(|(key, value)| {
                    Some((
                        key.clone(),
                        difference(value, default.get(key).unwrap_or(&Value::Null))?,
                    ))
                })
                .collect();
            (!changed.is_empty()).then_some(Value::Object(changed))
        }
        (value, default) if value == default => None,
        (value, _) => Some(value.clone()),
    }
}

/// A value as TOML; what is not set is left out.
#[must_use]
pub fn as_toml(value: &Value) -> String {
    let shown = without_nulls(value);
    toml::to_string_pretty(&shown).unwrap_or_else(|error| format!("# cannot be shown: {error}"))
}

/// TOML has no null.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
