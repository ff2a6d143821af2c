//! A queue filter as SQL over `delivery d`, `message m` and `destination x`.

use rusqlite::{Connection, params_from_iter, types::Value};
use sekisho_mail::Timestamp;

use super::codec;
use crate::{Destination, Lane, QueueFilter};

/// Why a delivery waits: its destination's back-off where that is the later, else its own last attempt, or why it was
/// set aside. What is held does not wait for its destination.
pub(super) const FAULT: &str =
    "CASE WHEN d.state = 0 AND x.back_off > d.next_attempt THEN x.back_off_why ELSE d.last_fault END";

/// Conditions, all of which must hold, and the values for their `?`.
pub(super) struct Conditions {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// The tables in the order in which they are walked through, so that little is read of what does not match: ids in
/// their order, or, where few messages go to the destinations that are asked for, those alone.
pub(super) fn tables(db: &Connection, filter: &QueueFilter, limit: usize) -> rusqlite::Result<&'static str> {
    const BY_MESSAGE: &str = "delivery d CROSS JOIN destination x ON x.id = d.destination
         CROSS JOIN message m ON m.id = d.message";
    const BY_DESTINATION: &str = "destination x CROSS JOIN delivery d INDEXED BY delivery_due ON d.destination = x.id
         CROSS JOIN message m ON m.id = d.message";
    let Some(destination) = &filter.destination else {
        return Ok(BY_MESSAGE);
    };
    let (condition, values) = destination_is(destination);
    let (theirs, all): (i64, i64) = db
        .prepare_cached(&format!(
            "SELECT coalesce(sum(queued + parked), 0), (SELECT value FROM counter WHERE name = 'messages')
             FROM destination x WHERE {condition}"
        ))?
        .query_row(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    // Theirs are read and sorted whole for each page; in the order of ids a page needs `limit` times as many rows as
    // there are for each of theirs.
    let (theirs, all) = (codec::unsigned(theirs), codec::unsigned(all));
    let is_few = theirs.saturating_mul(theirs) <= all.saturating_mul(limit as u64);
    Ok(if is_few { BY_DESTINATION } else { BY_MESSAGE })
}

/// The condition that a destination is one of these, and the values in it.
fn destination_is(destination: &str) -> (&'static str, Vec<Value>) {
    if let Some(below) = destination.strip_prefix('*') {
        return (r"x.name LIKE ? ESCAPE '\'", vec![ending(below).into()]);
    }
    match destination.parse::<Destination>() {
        Ok(plain) if *plain.lane() == Lane::Common => {
            let own = plain.clone().on(Lane::Own).to_string();
            let refused = plain.clone().on(Lane::Refused).to_string();
            let by_rule = format!("({}", ending(&format!(") {plain}")));
            let values = [plain.to_string(), own, refused, by_rule];
            (
                r"(x.name IN (?, ?, ?) OR x.name LIKE ? ESCAPE '\')",
                values.into_iter().map(Value::from).collect(),
            )
        }
        Ok(lane) => ("x.name = ?", vec![lane.to_string().into()]),
        Err(_) => ("x.name = ?", vec![destination.to_ascii_lowercase().into()]),
    }
}

/// The filter as conditions; `1` when it lets everything through.
pub(super) fn conditions(filter: &QueueFilter, now: Timestamp) -> Conditions {
    let mut all = Conditions {
        sql: "1".to_owned(),
        values: Vec::new(),
    };
    let mut and = |sql: &str, values: Vec<Value>| {
        all.sql.push_str(" AND ");
        all.sql.push_str(sql);
        all.values.extend(values);
    };
    if let Some(age) = filter.older_than {
        and("m.arrived <= ?", vec![now.minus(age).as_millis().into()]);
    }
    if let Some(age) = filter.younger_than {
        and("m.arrived >= ?", vec![now.minus(age).as_millis().into()]);
    }
    if let Some(destination) = &filter.destination {
        let (condition, values) = destination_is(destination);
        and(condition, values);
    }
    if let Some(sender) = &filter.sender {
        let sender = sender.to_ascii_lowercase();
        if sender.starts_with('@') {
            and(
                r"m.sender LIKE ? ESCAPE '\'",
                vec![ending(&format!("{sender}>")).into()],
            );
        } else {
            let bare = sender.trim_start_matches('<').trim_end_matches('>');
            and("lower(m.sender) = ?", vec![format!("<{bare}>").into()]);
        }
    }
    if let Some(error) = &filter.error {
        and(
            &format!("instr(lower({FAULT}), ?) > 0"),
            vec![error.to_lowercase().into()],
        );
    }
    if let Some(held) = filter.held {
        and("(d.state <> 0) = ?", vec![held.into()]);
    }
    all
}

/// A pattern for LIKE, which ignores the case of ASCII: everything that ends so.
fn ending(end: &str) -> String {
    let mut pattern = "%".to_owned();
    for character in end.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
