//! What differs between two directories, document by document and field by field.

use std::collections::BTreeSet;

use sekisho_api::{ChangeKind, DocumentDifference, DocumentId, DocumentKind, FieldDifference};
use sekisho_store::DocumentChange;
use serde_json::{Map, Value};

use super::documents::{self, Bodies};

/// What leads from one to the other, by kind, organization and name.
#[must_use]
pub fn between(before: &Bodies, after: &Bodies) -> Vec<DocumentDifference> {
    let ids: BTreeSet<&DocumentId> = before.keys().chain(after.keys()).collect();
    ids.into_iter()
        .filter_map(|id| difference(id, before.get(id), after.get(id)))
        .collect()
}

/// What the changes of a version that the store has kept came to, likewise, but for documents of a kind that this build
/// does not know and those that were only written in another way.
#[must_use]
pub fn of_stored(changes: &[DocumentChange]) -> Vec<DocumentDifference> {
    let (mut before, mut after) = (Bodies::new(), Bodies::new());
    for change in changes {
        let Some(id) = documents::id_of(&change.key) else {
            continue;
        };
        // What cannot be read differs from whatever can, and shows no field.
        let read = |text: &String| documents::body(id.kind, text).unwrap_or_else(|_| text.clone().into());
        before.extend(change.before.as_ref().map(|text| (id.clone(), read(text))));
        after.extend(change.after.as_ref().map(|text| (id.clone(), read(text))));
    }
    between(&before, &after)
}

fn difference(id: &DocumentId, before: Option<&Value>, after: Option<&Value>) -> Option<DocumentDifference> {
    let (change, fields) = match (before, after) {
        (None, None) => return None,
        (None, Some(after)) => (ChangeKind::Added, alone(id, after, false)),
        (Some(before), None) => (ChangeKind::Removed, alone(id, before, true)),
        (Some(before), Some(after)) if before == after => return None,
        (Some(before), Some(after)) => (ChangeKind::Changed, fields(before, after)),
    };
    Some(DocumentDifference {
        id: id.clone(),
        change,
        fields,
    })
}

/// The fields of a document that is added or removed, but for what its title says and what it leaves at its default.
fn alone(id: &DocumentId, body: &Value, removed: bool) -> Vec<FieldDifference> {
    let default = documents::default_body(id.kind);
    let is_known = |name: &str| match name {
        "name" => true,
        "organization" => id.kind != DocumentKind::Domain,
        _ => false,
    };
    let set = object(body)
        .iter()
        .filter(|(name, value)| !is_known(name) && default.get(name.as_str()) != Some(*value));
    let field = |(name, value): (&String, &Value)| {
        let (before, after) = if removed {
            (value.clone(), Value::Null)
        } else {
            (Value::Null, value.clone())
        };
        FieldDifference {
            field: name.clone(),
            before,
            after,
        }
    };
    set.map(field).collect()
}

fn fields(before: &Value, after: &Value) -> Vec<FieldDifference> {
    let differing = object(after).iter().filter_map(|(name, after)| {
        let before = before.get(name).unwrap_or(&Value::Null);
        (before != after).then(|| FieldDifference {
            field: name.clone(),
            before: before.clone(),
            after: after.clone(),
        })
    });
    differing.collect()
}

fn object(body: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    body.as_object().unwrap_or(&NONE)
}
