//! Sending what is undone of a message to another address.

use std::cmp::Ordering;

use rusqlite::params;
use sekisho_mail::{Demand, Mailbox, Notify, OrganizationName, OriginalRecipient, Recipient, push_new};
use serde::{Deserialize, Serialize};

use super::{
    batch::{Batch, Known},
    codec,
    settle::{self, Pending, Row, to_sql},
};
use crate::{Destination, Lane, QueuedRecipient};

/// Where to, and what is demanded on the way besides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Redirect {
    pub(crate) to: Mailbox,
    pub(crate) carried: Vec<Demand>,
}

/// Enters `recipients`, whose delivery has been taken out, as one recipient at the new address; those about whom
/// something else is settled, such as that a rule refuses them, as another, about whom that is settled as well.
pub(super) fn redirect(
    batch: &mut Batch<'_>,
    key: i64,
    recipients: Vec<QueuedRecipient>,
    order: &Redirect,
    state: i64,
) -> rusqlite::Result<()> {
    for recipients in apart(recipients) {
        if let Some(merged) = merged(recipients, order) {
            enter(batch, key, merged, state)?;
        }
    }
    Ok(())
}

/// Recipients that may become one, together: none is ever made one with what has another lane. What a rule refuses is
/// never what may go.
pub(crate) fn apart(recipients: Vec<QueuedRecipient>) -> Vec<Vec<QueuedRecipient>> {
    type Key = (Lane, Option<OrganizationName>);
    let mut groups: Vec<(Key, Vec<QueuedRecipient>)> = Vec::new();
    for queued in recipients {
        let lane = Lane::of(&queued.recipient);
        // A connector is one of an organization's.
        let of = matches!(lane, Lane::Connector(_)).then(|| queued.recipient.organization.clone());
        let key = (lane, of);
        match groups.iter_mut().find(|(of, _)| *of == key) {
            Some((_, group)) => group.push(queued),
            None => groups.push((key, vec![queued])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn enter(batch: &mut Batch<'_>, key: i64, mut merged: QueuedRecipient, state: i64) -> rusqlite::Result<()> {
    let own = Destination::of_recipient(&merged.recipient);
    let destination = on_its_way(batch, key, &merged.recipient)?.unwrap_or(own);
    merged.recipient.organization = destination.organization().clone();
    let Known { number, .. } = batch.destination(&destination)?;
    match settle::row(batch, key, number)? {
        None => insert_row(batch, key, number, merged, state),
        Some(row) => join_row(batch, key, number, row, merged),
    }
}

/// Where the message is on its way to this very address already, whoever answers for that way: an address gets one
/// copy.
fn on_its_way(batch: &Batch<'_>, key: i64, recipient: &Recipient) -> rusqlite::Result<Option<Destination>> {
    let mut rows = batch
        .db
        .prepare_cached(
            "SELECT x.name, x.id FROM delivery d CROSS JOIN destination x ON x.id = d.destination
             WHERE d.message = ?1",
        )?
        .query_map([key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, i64)>>>()?
        .into_iter()
        .filter_map(|(name, number)| Some((name.parse::<Destination>().ok()?, number)))
        .filter(|(destination, _)| is_kin(destination, recipient))
        .collect::<Vec<_>>();
    rows.sort_by(|(one, _), (other, _)| kin_order(one, other, recipient));
    for (destination, number) in rows {
        let recipients = settle::row(batch, key, number)?.and_then(|row| row.recipients);
        let holds = |queued: &QueuedRecipient| queued.recipient.mailbox == recipient.mailbox;
        if recipients.is_some_and(|recipients| recipients.iter().any(holds)) {
            return Ok(Some(destination));
        }
    }
    Ok(None)
}

/// Whether a destination differs from the recipient's in the organization at the most, and where a connector was
/// chosen, which is one of an organization's, not even in that.
pub(crate) fn is_kin(destination: &Destination, recipient: &Recipient) -> bool {
    let (lane, organization) = (destination.lane(), destination.organization());
    destination.host() == recipient.mailbox.host()
        && *lane == Lane::of(recipient)
        && (!matches!(lane, Lane::Connector(_)) || *organization == recipient.organization)
}

/// Its own organization's before all others.
pub(crate) fn kin_order(one: &Destination, other: &Destination, recipient: &Recipient) -> Ordering {
    let rank = |destination: &Destination| *destination.organization() != recipient.organization;
    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
}

fn insert_row(
    batch: &mut Batch<'_>,
    key: i64,
    number: i64,
    recipient: QueuedRecipient,
    state: i64,
) -> rusqlite::Result<()> {
    let attempts = recipient.attempts;
    let document = codec::document(&[recipient]).map_err(to_sql)?;
    batch
        .db
        .prepare_cached(
            "INSERT INTO delivery (message, destination, state, next_attempt, attempts, crc, recipients)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            key,
            number,
            state,
            batch.now.as_millis(),
            attempts,
            codec::recipients_crc(key, number, &document),
            document,
        ])?;
    batch.count(number, state, 1);
    Ok(())
}

/// The message goes to the new address' destination already.
fn join_row(
    batch: &mut Batch<'_>,
    key: i64,
    number: i64,
    row: Row,
    recipient: QueuedRecipient,
) -> rusqlite::Result<()> {
    let Some(mut recipients) = row.recipients else {
        return super::load::set_aside(batch, key, "the checksum of its recipients is wrong");
    };
    let in_flight = batch.shared.leases.holds(number, key);
    let attempts = recipient.attempts;
    let same = recipients
        .iter_mut()
        .find(|other| other.recipient.mailbox == recipient.recipient.mailbox);
    match same {
        // What is in flight goes under the old demands: the redirected one waits and goes under its own.
        Some(other) if !in_flight => absorb(other, recipient),
        _ => recipients.push(recipient),
    }
    let document = codec::document(&recipients).map_err(to_sql)?;
    batch
        .db
        .prepare_cached(
            "UPDATE delivery SET next_attempt = ?3, crc = ?4, recipients = ?5, attempts = max(attempts, ?6)
             WHERE message = ?1 AND destination = ?2",
        )?
        .execute(params![
            key,
            number,
            batch.now.as_millis(),
            codec::recipients_crc(key, number, &document),
            document,
            attempts,
        ])?;
    if in_flight {
        let mut pending = row.pending.unwrap_or_default();
        pending.due_at = Some(batch.now.as_millis());
        store_pending(batch, key, number, &pending)?;
    }
    batch.count(number, row.state, 0);
    Ok(())
}

/// Leaves an order for when the attempt has ended.
pub(super) fn store_pending(batch: &Batch<'_>, key: i64, number: i64, pending: &Pending) -> rusqlite::Result<()> {
    let document = codec::document(pending).map_err(to_sql)?;
    batch
        .db
        .prepare_cached("UPDATE delivery SET pending = ?3 WHERE message = ?1 AND destination = ?2")?
        .execute(params![key, number, document])
        .map(drop)
}

/// All of them as one recipient at the new address, under the demands of all and the new ones.
pub(crate) fn merged(recipients: Vec<QueuedRecipient>, order: &Redirect) -> Option<QueuedRecipient> {
    let mut recipients = recipients.into_iter().map(|mut queued| {
        let original = &mut queued.recipient;
        // RFC 3461 §5.2.7 allows to make one where the sender gave none.
        if original.orcpt.is_none() {
            original.orcpt = Some(OriginalRecipient::of(&original.mailbox));
        }
        original.mailbox = order.to.clone();
        for demand in &order.carried {
            push_new(&mut original.carried, demand);
        }
        queued
    });
    let mut first = recipients.next()?;
    recipients.for_each(|other| absorb(&mut first, other));
    first.last_fault = None;
    first.held = false;
    Some(first)
}

/// Two recipients become one: the demands of both hold, what was settled about either stands, and the sender is told
/// whenever one of them asked for it.
pub(crate) fn absorb(into: &mut QueuedRecipient, other: QueuedRecipient) {
    into.attempts = into.attempts.max(other.attempts);
    into.delay_notified &= other.delay_notified;
    into.held &= other.held;
    for demand in other.recipient.carried {
        push_new(&mut into.recipient.carried, demand);
    }
    match (&mut into.recipient.handling, other.recipient.handling) {
        (Some(own), Some(others)) => own.absorb(&others),
        (None, others) => into.recipient.handling = others,
        (Some(_), None) => {}
    }
    into.recipient.notify = match (into.recipient.notify, other.recipient.notify) {
        (Some(Notify::Never), notify) | (notify, Some(Notify::Never)) => notify,
        // Nothing asked is failure, and delay if the server likes.
        (None, None) => None,
        (one, two) => Some(union(one.unwrap_or(UNASKED), two.unwrap_or(UNASKED))),
    };
}

const UNASKED: Notify = Notify::When {
    success: false,
    failure: true,
    delay: true,
};

const fn union(one: Notify, two: Notify) -> Notify {
    match (one, two) {
        (
            Notify::When {
                success,
                failure,
                delay,
            },
            Notify::When {
                success: also_success,
                failure: also_failure,
                delay: also_delay,
            },
        ) => Notify::When {
            success: success || also_success,
            failure: failure || also_failure,
            delay: delay || also_delay,
        },
        (Notify::Never, other) | (other, Notify::Never) => other,
    }
}
