//! Which documents are tried, and by what the content of one is told from what it said before.

use sekisho_api::{DocumentId, Mode};
use sekisho_mail::Revision;
use sekisho_policy::directory::Shadow;
use serde::Serialize;
use serde_json::Value;

use crate::directory::documents;

/// Fields that change nothing of what a document would do.
const SAYS_NOTHING: [&str; 6] = ["organization", "name", "enabled", "mode", "draft_of", "comment"];

/// That a document is tried; `None` of one that acts.
pub(super) fn shadow<T: Serialize>(
    mode: Mode,
    draft_of: Option<&str>,
    (id, document): (&DocumentId, &T),
) -> Option<Shadow> {
    if mode == Mode::Enforce && draft_of.is_none() {
        return None;
    }
    Some(Shadow {
        draft_of: draft_of.map(Into::into),
        revision: revision(id, document),
    })
}

/// Of all that a document says and that is not at its default, so that a field that a later version adds changes
/// nothing. FNV-1a: nobody gains anything by two that are equal.
#[must_use]
pub fn revision<T: Serialize>(id: &DocumentId, document: &T) -> Revision {
    let default = documents::default_body(id.kind);
    let body = serde_json::to_value(document).unwrap_or_default();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let said = body.as_object().into_iter().flatten();
    let said = said.filter(|(field, value)| {
        !SAYS_NOTHING.contains(&field.as_str()) && default.get(field.as_str()) != Some(*value)
    });
    let mut add = |text: &str| {
        // The length too, so that no text can be taken for the end of another.
        let octets = text.bytes().chain(text.len().to_le_bytes());
        octets.for_each(|octet| hash = (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3));
    };
    for (field, value) in said {
        add(field);
        add(&Value::to_string(value));
    }
    Revision(hash ^ (hash >> 32))
}
