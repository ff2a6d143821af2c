//! What operators do to the queue: hold, release, retry, bounce, redirect. A large selection is worked through in
//! pieces, one a group, so that incoming mail does not wait for it.

use std::collections::HashSet;

use rusqlite::{params, params_from_iter};
use sekisho_mail::{MessageId, Timestamp};

use super::{
    batch::{Batch, HELD, QUEUED, SET_ASIDE, update_ready},
    codec,
    filter::{Conditions, conditions},
    load::set_aside,
    redirect::{Redirect, redirect, store_pending},
    settle::{Pending, row},
};
use crate::{ActionReport, Answer, Selection, StoreError};

/// Messages to a piece.
const PIECE: usize = 500;

/// What is to be done to each delivery.
pub(super) enum Action {
    Hold,
    Release,
    Retry,
    /// With the directive's document.
    Bounce(Vec<u8>),
}

/// An action on a selection, as far as it has come.
pub(super) struct ActionJob {
    pub(super) action: Action,
    pub(super) now: Timestamp,
    pub(super) selection: Selection,
    pub(super) report: ActionReport,
    pub(super) answer: Answer<ActionReport>,
    /// So many of the ids are done.
    done: usize,
}

impl ActionJob {
    pub(super) fn new(action: Action, selection: Selection, now: Timestamp, answer: Answer<ActionReport>) -> Self {
        Self {
            action,
            now,
            done: 0,
            selection,
            report: ActionReport::default(),
            answer,
        }
    }
}

/// One delivery that an action is for.
struct Target {
    key: i64,
    destination: i64,
    state: i64,
}

/// Does the next piece; whether it was the last one.
pub(super) fn advance(batch: &mut Batch<'_>, job: &mut ActionJob) -> rusqlite::Result<bool> {
    let (Selection::Ids(ids) | Selection::Matching(ids, _)) = &job.selection;
    let rest = ids.get(job.done..).unwrap_or_default();
    let piece = rest.get(..PIECE).unwrap_or(rest);
    let last = piece.len() == rest.len();
    job.done += piece.len();
    let targets = match &job.selection {
        Selection::Ids(_) => by_ids(batch, piece, &mut job.report)?,
        Selection::Matching(_, filter) => matching(batch, piece, &conditions(filter, job.now))?,
    };
    let (mut changed, mut in_flight) = (HashSet::new(), HashSet::new());
    for target in targets {
        if apply(batch, &job.action, job.now, &target)? {
            changed.insert(target.key);
            if batch.shared.leases.holds(target.destination, target.key) {
                in_flight.insert(target.key);
            }
        }
    }
    job.report.changed += changed.len() as u64;
    job.report.in_flight += in_flight.len() as u64;
    Ok(last)
}

fn by_ids(batch: &Batch<'_>, ids: &[MessageId], report: &mut ActionReport) -> rusqlite::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for id in ids {
        let found = deliveries(batch, codec::key(*id))?;
        if found.is_empty() {
            report.missing.push(*id);
        }
        targets.extend(found);
    }
    Ok(targets)
}

fn deliveries(batch: &Batch<'_>, key: i64) -> rusqlite::Result<Vec<Target>> {
    batch
        .db
        .prepare_cached("SELECT destination, state FROM delivery WHERE message = ?1")?
        .query_map([key], |row| {
            Ok(Target {
                key,
                destination: row.get(0)?,
                state: row.get(1)?,
            })
        })?
        .collect()
}

/// Those of their deliveries that match.
fn matching(batch: &Batch<'_>, ids: &[MessageId], conditions: &Conditions) -> rusqlite::Result<Vec<Target>> {
    let mut statement = batch.db.prepare_cached(&format!(
        "SELECT d.destination, d.state FROM message m CROSS JOIN delivery d ON d.message = m.id
         CROSS JOIN destination x ON x.id = d.destination WHERE m.id = ? AND {}",
        conditions.sql
    ))?;
    let mut targets = Vec::new();
    for id in ids {
        let key = codec::key(*id);
        let values = [key.into()].into_iter().chain(conditions.values.iter().cloned());
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            targets.push(Target {
                key,
                destination: row.get(0)?,
                state: row.get(1)?,
            });
        }
    }
    Ok(targets)
}

/// Does it to one delivery; whether that changed anything.
fn apply(batch: &mut Batch<'_>, action: &Action, now: Timestamp, target: &Target) -> rusqlite::Result<bool> {
    match action {
        Action::Hold if target.state == QUEUED => change_state(batch, target, HELD)?,
        Action::Release if target.state != QUEUED => {
            change_state(batch, target, QUEUED)?;
            make_due(batch, target, now)?;
        }
        Action::Retry if target.state == QUEUED => {
            make_due(batch, target, now)?;
            lift_back_off(batch.db, target.destination)?;
        }
        Action::Bounce(directive) if target.state != SET_ASIDE => {
            batch
                .db
                .prepare_cached("UPDATE delivery SET directive = ?3 WHERE message = ?1 AND destination = ?2")?
                .execute(params![target.key, target.destination, directive])?;
            change_state(batch, target, QUEUED)?;
            make_due(batch, target, now)?;
            lift_back_off(batch.db, target.destination)?;
        }
        Action::Hold | Action::Release | Action::Retry | Action::Bounce(_) => return Ok(false),
    }
    Ok(true)
}

fn change_state(batch: &mut Batch<'_>, target: &Target, state: i64) -> rusqlite::Result<()> {
    batch
        .db
        .prepare_cached("UPDATE delivery SET state = ?3 WHERE message = ?1 AND destination = ?2")?
        .execute([target.key, target.destination, state])?;
    batch.count(target.destination, target.state, -1);
    batch.count(target.destination, state, 1);
    Ok(())
}

/// Due now, or as soon as the attempt that is under way has ended.
fn make_due(batch: &mut Batch<'_>, target: &Target, now: Timestamp) -> rusqlite::Result<()> {
    if batch.shared.leases.holds(target.destination, target.key) {
        let found = row(batch, target.key, target.destination)?;
        let mut pending = found.and_then(|found| found.pending).unwrap_or_default();
        pending.due_at = Some(now.as_millis());
        return store_pending(batch, target.key, target.destination, &pending);
    }
    batch
        .db
        .prepare_cached("UPDATE delivery SET next_attempt = ?3 WHERE message = ?1 AND destination = ?2")?
        .execute([target.key, target.destination, now.as_millis()])?;
    batch.count(target.destination, QUEUED, 0);
    Ok(())
}

fn lift_back_off(db: &rusqlite::Connection, destination: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE destination SET back_off = 0, back_off_why = NULL WHERE id = ?1")?
        .execute([destination])?;
    update_ready(db, destination)
}

/// Sends what is undone of a message elsewhere; what is in flight follows when its attempt has ended.
pub(super) fn redirect_message(
    batch: &mut Batch<'_>,
    id: MessageId,
    order: &Redirect,
) -> rusqlite::Result<Result<ActionReport, StoreError>> {
    let key = codec::key(id);
    let targets = deliveries(batch, key)?;
    let mut report = ActionReport::default();
    let Some(first) = targets.first() else {
        report.missing.push(id);
        return Ok(Ok(report));
    };
    let state = first.state;
    let mut undone = Vec::new();
    for target in &targets {
        let Some(found) = row(batch, key, target.destination)? else {
            continue;
        };
        if batch.shared.leases.holds(target.destination, key) {
            let pending = Pending {
                redirect: Some(order.clone()),
                ..found.pending.unwrap_or_default()
            };
            store_pending(batch, key, target.destination, &pending)?;
            report.in_flight = 1;
            continue;
        }
        let Some(recipients) = found.recipients else {
            set_aside(batch, key, "the checksum of its recipients is wrong")?;
            return Ok(Err(StoreError::Damaged(id)));
        };
        undone.extend(recipients);
        batch
            .db
            .prepare_cached("DELETE FROM delivery WHERE message = ?1 AND destination = ?2")?
            .execute([key, target.destination])?;
        batch.count(target.destination, target.state, -1);
    }
    report.changed = 1;
    redirect(batch, key, undone, order, state)?;
    Ok(Ok(report))
}
