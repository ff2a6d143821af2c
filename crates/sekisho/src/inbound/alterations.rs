//! How the copies of a message will differ from what came in, in words: what rules add, and what becomes of header
//! fields that mean something within an organization. The trace has it with the arrival; each attempt says what its
//! copy was like in the end.

use std::sync::Arc;

use sekisho_mail::{AddedField, Recipient};
use sekisho_store::Alteration;

/// Kinds of alteration that are told of one message at most; a message has few.
const TOLD_MAX: usize = 50;

/// What differs for some of these recipients.
pub(crate) fn of_copies(recipients: &[Recipient]) -> Vec<Alteration> {
    let all = recipients.len();
    let (mut added, mut removed, mut believed): (Vec<(&Arc<AddedField>, usize)>, _, _) = (Vec::new(), (0, 0), (0, 0));
    for handling in recipients.iter().filter_map(|one| one.handling.as_deref()) {
        for field in &handling.added {
            match added.iter_mut().find(|(other, _)| Arc::ptr_eq(other, field)) {
                Some((_, count)) => *count += 1,
                None => added.push((field, 1)),
            }
        }
        if let Some(fields) = &handling.families {
            let told = if fields.is_believed {
                &mut believed
            } else {
                &mut removed
            };
            *told = (told.0 + 1, fields.count);
        }
    }
    let of_rules = added.into_iter().map(|(field, count)| Alteration {
        kind: "field-added".to_owned(),
        text: format!(
            "rule {} puts {}: {} on top, for {count} of {all} recipients",
            field.rule, field.name, field.value
        ),
    });
    let of_families = [
        (
            removed,
            "families-removed",
            "taken out: they are for the organization's own servers to write",
        ),
        (
            believed,
            "families-promoted",
            "believed: cross-premises ones become the organization's, and leave only for its own servers",
        ),
    ];
    let of_families =
        of_families
            .into_iter()
            .filter(|((count, _), ..)| *count > 0)
            .map(|((count, fields), kind, words)| Alteration {
                kind: kind.to_owned(),
                text: format!("{fields} header fields of its families are {words}, for {count} of {all} recipients"),
            });
    of_rules.chain(of_families).take(TOLD_MAX).collect()
}
