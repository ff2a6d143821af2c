//! How an attempt's results enter the queue, once its evidence is durable in the trace.

use std::sync::{Arc, atomic::Ordering};

use rusqlite::{OptionalExtension as _, params};
use sekisho_mail::Outcome;
use serde::{Deserialize, Serialize};

use super::{
    batch::{Batch, HELD, QUEUED},
    codec,
    insert::{Inserted, Prepared, insert},
    load::{self, set_aside},
    redirect::{Redirect, redirect},
    shared::Shared,
    watch,
};
use crate::{Answer, QueuedRecipient, RecipientResult, queue::Held};

/// The end of a lease. It must not get lost while the process lives: what was delivered would be delivered again.
pub(super) struct SettleJob {
    pub(super) held: Held,
    pub(super) results: Vec<RecipientResult>,
    pub(super) notices: Vec<Prepared>,
    pub(super) answer: Answer<()>,
}

/// What was ordered while the delivery was in somebody's hands, in `delivery.pending`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Due then, whatever the attempt came to.
    pub(super) due_at: Option<i64>,
    /// What is undone goes elsewhere.
    pub(super) redirect: Option<Redirect>,
}

/// A row of `delivery` with its documents.
pub(super) struct Row {
    pub(super) state: i64,
    next_attempt: i64,
    last_fault: Option<String>,
    /// `None` when damaged.
    pub(super) recipients: Option<Vec<QueuedRecipient>>,
    pub(super) pending: Option<Pending>,
}

pub(super) fn row(batch: &Batch<'_>, key: i64, destination: i64) -> rusqlite::Result<Option<Row>> {
    batch
        .db
        .prepare_cached(
            "SELECT state, next_attempt, last_fault, crc, recipients, pending FROM delivery
             WHERE message = ?1 AND destination = ?2",
        )?
        .query_row([key, destination], |row| {
            let document = codec::octets(row, 4)?;
            let pending: Option<Vec<u8>> = row.get(5)?;
            Ok(Row {
                state: row.get(0)?,
                next_attempt: row.get(1)?,
                last_fault: row.get(2)?,
                recipients: load::recipients(key, destination, &document, codec::checksum(row, 3)),
                pending: pending.as_deref().and_then(codec::parse),
            })
        })
        .optional()
}

/// Takes a settlement into the group.
pub(super) fn settle(batch: &mut Batch<'_>, shared: &Arc<Shared>, job: SettleJob) -> rusqlite::Result<()> {
    let applied = apply(batch, &job);
    let shared = Arc::clone(shared);
    let (gone, fault) = match applied {
        Ok(gone) => (gone, None),
        Err(error) => (false, Some(error)),
    };
    batch.then(move |fate, aftermath| {
        if fate.is_err() {
            return aftermath.retry(job);
        }
        shared.unsettled.fetch_sub(1, Ordering::Relaxed);
        let id = job.held.message;
        shared.leases.give_back(job.held.destination, codec::key(id));
        if gone {
            shared.spool.forget(id);
        }
        for entry in job.notices.into_iter().filter_map(Prepared::into_entry) {
            entry.keep();
        }
        let _ = job.answer.send(Ok(()));
    });
    fault.map_or(Ok(()), Err)
}

/// Applies results and notices. May run again for a job whose group failed, and may then find it done already: the
/// notices' ids and the attempts' numbers tell. Answers whether a spool file has no message any more.
fn apply(batch: &mut Batch<'_>, job: &SettleJob) -> rusqlite::Result<bool> {
    let (key, destination) = (codec::key(job.held.message), job.held.destination);
    for notice in &job.notices {
        if insert(batch, notice)? == Inserted::Taken {
            tracing::debug!(notice = %notice.id(), "the notice was in the queue already");
        }
    }
    if batch.watch {
        watch::acquit(batch.db, key)?;
    }
    if ends_all(job)
        && let Some(state) = state_unchanged(batch, &job.held)?
    {
        // Nobody is left, and what the row says of them is not needed.
        return take_out(batch, key, destination, state);
    }
    let Some(mut found) = row(batch, key, destination)? else {
        return Ok(false);
    };
    let Some(mut recipients) = found.recipients.take() else {
        set_aside(batch, key, "the checksum of its recipients is wrong")?;
        return Ok(false);
    };
    let mut next_attempt: Option<i64> = None;
    for result in &job.results {
        let Some(place) = recipients.iter().position(|recipient| recipient.index == result.index) else {
            continue;
        };
        let recipient = &mut recipients[place];
        if let Some(evidence) = &result.evidence {
            recipient.attempts = recipient.attempts.max(evidence.attempt);
        }
        recipient.delay_notified |= result.delay_notified;
        match &result.outcome {
            Outcome::Delivered { .. } | Outcome::Bounced { .. } => drop(recipients.remove(place)),
            Outcome::Deferred { .. } if result.hold && result.evidence.is_none() => {}
            Outcome::Deferred { until, why } => {
                recipient.held = result.hold;
                recipient.last_fault = Some(why.to_string());
                found.last_fault.clone_from(&recipient.last_fault);
                let until = until.as_millis();
                next_attempt = Some(next_attempt.map_or(until, |other| other.min(until)));
            }
        }
    }
    if recipients.is_empty() {
        return remove(batch, key, destination);
    }
    found.next_attempt = next_attempt.unwrap_or(found.next_attempt);
    put_back(batch, key, destination, found, recipients)?;
    Ok(false)
}

/// Whether every recipient was leased and is done with. Results in another order are looked at one by one.
fn ends_all(job: &SettleJob) -> bool {
    let SettleJob { held, results, .. } = job;
    let ended = |(index, result): (&u32, &RecipientResult)| {
        *index == result.index && !matches!(result.outcome, Outcome::Deferred { .. })
    };
    held.recipients.len() == results.len() && held.recipients.iter().zip(results).all(ended)
}

/// Writes what is left of a delivery, with what was ordered meanwhile.
fn put_back(
    batch: &mut Batch<'_>,
    key: i64,
    destination: i64,
    found: Row,
    recipients: Vec<QueuedRecipient>,
) -> rusqlite::Result<()> {
    let pending = found.pending.unwrap_or_default();
    let next_attempt = pending.due_at.unwrap_or(found.next_attempt);
    if let Some(order) = &pending.redirect {
        batch
            .db
            .prepare_cached("DELETE FROM delivery WHERE message = ?1 AND destination = ?2")?
            .execute([key, destination])?;
        batch.count(destination, found.state, -1);
        return redirect(batch, key, recipients, order, found.state);
    }
    // What was ordered meanwhile is done first.
    let waits = pending.due_at.is_none() && recipients.iter().all(|recipient| recipient.held);
    let state = if waits && found.state == QUEUED {
        HELD
    } else {
        found.state
    };
    let attempts = recipients.iter().map(|recipient| recipient.attempts).max();
    let document = codec::document(&recipients).map_err(to_sql)?;
    batch
        .db
        .prepare_cached(
            "UPDATE delivery SET next_attempt = ?3, attempts = ?4, last_fault = ?5, crc = ?6, recipients = ?7,
             pending = NULL, state = ?8 WHERE message = ?1 AND destination = ?2",
        )?
        .execute(params![
            key,
            destination,
            next_attempt,
            attempts,
            found.last_fault,
            codec::recipients_crc(key, destination, &document),
            document,
            state,
        ])?;
    if state == found.state {
        batch.count(destination, state, 0);
    } else {
        batch.count(destination, found.state, -1);
        batch.count(destination, state, 1);
    }
    Ok(())
}

/// A delivery that came back unsettled: what was ordered meanwhile is done now.
pub(super) fn give_back(batch: &mut Batch<'_>, key: i64, destination: i64) -> rusqlite::Result<()> {
    if batch.watch {
        watch::unmark(batch.db, key)?;
    }
    let Some(mut found) = row(batch, key, destination)? else {
        return Ok(());
    };
    match found.recipients.take() {
        Some(recipients) if found.pending.is_some() => put_back(batch, key, destination, found, recipients),
        _ => Ok(()),
    }
}

/// Orders that a crash caught before the attempt that they waited for had ended.
pub(super) fn apply_pending(batch: &mut Batch<'_>) -> rusqlite::Result<()> {
    let waiting = batch
        .db
        .prepare("SELECT message, destination FROM delivery WHERE pending IS NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    waiting
        .into_iter()
        .try_for_each(|(key, destination)| give_back(batch, key, destination))
}

/// Takes a delivery out, and the message with its last one; answers whether a spool file has no message any more.
pub(super) fn remove(batch: &mut Batch<'_>, key: i64, destination: i64) -> rusqlite::Result<bool> {
    let state: Option<i64> = batch
        .db
        .prepare_cached("SELECT state FROM delivery WHERE message = ?1 AND destination = ?2")?
        .query_row([key, destination], |row| row.get(0))
        .optional()?;
    state.map_or(Ok(false), |state| take_out(batch, key, destination, state))
}

/// The state of a delivery that is as it was leased. A redirect may have brought it a recipient that was not leased,
/// and that one stays.
fn state_unchanged(batch: &Batch<'_>, held: &Held) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT state FROM delivery WHERE message = ?1 AND destination = ?2 AND crc = ?3 AND pending IS NULL";
    let mut statement = batch.db.prepare_cached(sql)?;
    let row = params![codec::key(held.message), held.destination, held.crc];
    statement.query_row(row, |row| row.get(0)).optional()
}

/// Takes a delivery out that is in this state, and the message with its last one. What was there is read first: a
/// DELETE with RETURNING would have SQLite keep a copy of each page that it changes.
fn take_out(batch: &mut Batch<'_>, key: i64, destination: i64, state: i64) -> rusqlite::Result<bool> {
    batch
        .db
        .prepare_cached("DELETE FROM delivery WHERE message = ?1 AND destination = ?2")?
        .execute([key, destination])?;
    batch.count(destination, state, -1);
    let (more, spooled): (bool, Option<bool>) = batch
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE message = ?1), (SELECT spooled FROM message WHERE id = ?1)",
        )?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if more {
        return Ok(false);
    }
    batch
        .db
        .prepare_cached("DELETE FROM message WHERE id = ?1")?
        .execute([key])?;
    // What lies in a spool file has no row here.
    if !batch.keep_bodies && spooled != Some(true) {
        batch
            .db
            .prepare_cached("DELETE FROM body WHERE id = ?1")?
            .execute([key])?;
    }
    batch.count_messages(-i64::from(spooled.is_some()));
    Ok(spooled == Some(true))
}

/// A value that cannot be written, as SQLite's error: the group fails as with any other.
pub(super) fn to_sql(error: crate::StoreError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}
