//! What is due, and giving it out: reads on the writer's own connection between two groups, so that nothing is leased
//! that is not durable and nothing twice.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{CachedStatement, Connection, ToSql, params};
use sekisho_mail::{MessageId, Timestamp};

use super::{
    batch::{Known, find_destination},
    codec,
    load::{self, Loaded, body_share},
    shared::Shared,
    watch::{self, Suspects},
};
use crate::{
    Destination, DueDestination, Lease, ORDERS_AT_ONCE,
    queue::{Held, LeaseGuard},
};

/// Leases one request can have.
const LEASES_AT_ONCE: usize = 1000;

/// Destinations with something to lease, the longest due first.
pub(super) fn due(
    db: &Connection,
    shared: &Shared,
    (now, limit): (Timestamp, usize),
    passed_over: &HashSet<Destination>,
    suspects: &Suspects,
) -> rusqlite::Result<Vec<DueDestination>> {
    let mut statement = db.prepare_cached(
        "SELECT id, name, earliest, queued, parked FROM destination WHERE ready <= ?1 ORDER BY ready",
    )?;
    let mut rows = statement.query([now.as_millis()])?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(row) = rows.next()? else { break };
        let number: i64 = row.get(0)?;
        let name: String = row.get(1)?;
        let Ok(destination) = name.parse::<Destination>() else {
            tracing::error!(destination = name, "a destination's row is damaged and was passed over");
            continue;
        };
        if passed_over.contains(&destination) {
            continue;
        }
        let (queued, parked) = (codec::unsigned(row.get(3)?), codec::unsigned(row.get(4)?));
        let out = shared.leases.count_of(number);
        let all_out = out > 0 && queued + parked <= out as u64;
        let perhaps_none = suspects.withhold_any() || out > 0;
        if all_out || (perhaps_none && !has_free(db, shared, number, now, suspects)?) {
            continue;
        }
        found.push(DueDestination {
            destination,
            earliest: Timestamp::from_millis(row.get(2)?),
            queued,
        });
    }
    Ok(found)
}

/// Whether one due delivery of the destination may be leased. Only those that may not are looked at before it.
fn has_free(
    db: &Connection,
    shared: &Shared,
    number: i64,
    now: Timestamp,
    suspects: &Suspects,
) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached(
        "SELECT message FROM delivery WHERE destination = ?1 AND state = 0 AND next_attempt <= ?2
         ORDER BY next_attempt",
    )?;
    let mut rows = statement.query(params![number, now.as_millis()])?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        if !shared.leases.holds(number, key) && !suspects.withhold(key) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The next instant at which [`due`] finds more than now.
pub(super) fn next_due(
    db: &Connection,
    shared: &Shared,
    now: Timestamp,
    suspects: &Suspects,
) -> rusqlite::Result<Option<Timestamp>> {
    if suspects.withhold_due(db, now)? {
        return Ok(Some(now.plus(watch::PAUSE)));
    }
    let mut next: Option<i64> = db
        .prepare_cached("SELECT min(ready) FROM destination WHERE ready > ?1")?
        .query_row([now.as_millis()], |row| row.get(0))?;
    // A destination of which something is out may be due already and have more that becomes due later.
    for number in shared.leases.destinations() {
        let later: Option<i64> = db
            .prepare_cached(
                "SELECT max((SELECT min(next_attempt) FROM delivery
                 WHERE destination = ?1 AND state = 0 AND next_attempt > ?2), back_off) FROM destination WHERE id = ?1",
            )?
            .query_row(params![number, now.as_millis()], |row| row.get(0))
            .or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(None),
                other => Err(other),
            })?;
        next = match (next, later) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(next.map(Timestamp::from_millis))
}

/// Which messages of a destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Due by then.
    pub(super) now: Timestamp,
    /// At most so many.
    pub(super) limit: usize,
    /// Only those that arrived before, and these in spite of a back-off.
    pub(super) arrived_before: Option<Timestamp>,
}

/// What [`lease`] came to.
#[derive(Default)]
pub(super) struct Leased {
    pub(super) leases: Vec<Lease>,
    /// To be set aside, and why.
    pub(super) damaged: Vec<(i64, String)>,
}

/// A row that could be leased.
struct Candidate {
    key: i64,
    recipients: Vec<u8>,
    crc: u32,
    directive: Option<Vec<u8>>,
}

/// Leases due messages of a destination, oldest due first, within budget and limits.
pub(super) fn lease(
    db: &Connection,
    shared: &Arc<Shared>,
    destination: &Destination,
    wanted: Wanted,
    watched: Option<Suspects>,
) -> rusqlite::Result<Leased> {
    let mut leased = Leased::default();
    if shared.must_settle_first() {
        return Ok(leased);
    }
    let Some(Known { number, back_off }) = find_destination(db, &destination.to_string())? else {
        return Ok(leased);
    };
    let limit = wanted.limit.min(free_leases(shared)).min(LEASES_AT_ONCE);
    let backed_off = back_off > wanted.now.as_millis() && wanted.arrived_before.is_none();
    if backed_off || limit == 0 {
        return Ok(leased);
    }
    let wanted = Wanted { limit, ..wanted };
    let watch = watched.is_some();
    let mut suspects = watched.unwrap_or_default();
    for candidate in candidates(db, shared, number, wanted, &suspects)? {
        // At least one, whatever the budget: otherwise a full one would stop delivery, which alone can empty it.
        if !leased.leases.is_empty() && !shared.budget.has_room(0) {
            break;
        }
        let key = candidate.key;
        if suspects.withhold(key) {
            continue;
        }
        match one(db, shared, destination, number, candidate)? {
            Loaded::Sound(mut lease) => {
                if watch {
                    watch::mark(db, key)?;
                    lease.suspect = suspects.give(key);
                }
                leased.leases.push(lease);
            }
            Loaded::Damaged(why) => leased.damaged.push((key, why)),
            Loaded::Missing => leased.damaged.push((key, "its message row is missing".to_owned())),
        }
    }
    Ok(leased)
}

/// So many more may be given out.
fn free_leases(shared: &Shared) -> usize {
    shared.settings.lease_limit.saturating_sub(shared.leases.count())
}

/// What may be leased of a destination: what there are orders for, or else what is due.
fn candidates(
    db: &Connection,
    shared: &Shared,
    number: i64,
    wanted: Wanted,
    suspects: &Suspects,
) -> rusqlite::Result<Vec<Candidate>> {
    let Wanted {
        now,
        limit,
        arrived_before,
    } = wanted;
    let Some(arrived_before) = arrived_before else {
        let ordered = db.prepare_cached(
            "SELECT message, recipients, crc, directive FROM delivery
             WHERE destination = ?1 AND state = 0 AND directive IS NOT NULL AND next_attempt <= ?2",
        )?;
        let most = limit.max(ORDERS_AT_ONCE.min(free_leases(shared)));
        let ordered = free_of(
            (ordered, params![number, now.as_millis()]),
            (number, most),
            shared,
            suspects,
        )?;
        if !ordered.is_empty() {
            return Ok(ordered);
        }
        let due = db.prepare_cached(
            "SELECT message, recipients, crc, directive FROM delivery
             WHERE destination = ?1 AND state = 0 AND next_attempt <= ?2 ORDER BY next_attempt",
        )?;
        return free_of(
            (due, params![number, now.as_millis()]),
            (number, limit),
            shared,
            suspects,
        );
    };
    let aged = db.prepare_cached(
        "SELECT message, recipients, crc, directive FROM delivery
         WHERE destination = ?1 AND state = 0 AND next_attempt <= ?2 AND message < ?3 ORDER BY next_attempt",
    )?;
    // Ids sort by arrival.
    let below = codec::key(MessageId::new(arrived_before, 0));
    let values = params![number, now.as_millis(), below];
    free_of((aged, values), (number, limit), shared, suspects)
}

/// The first rows of a destination that a statement finds and that are not given out or withheld.
fn free_of(
    (mut statement, values): (CachedStatement<'_>, &[&dyn ToSql]),
    (number, most): (i64, usize),
    shared: &Shared,
    suspects: &Suspects,
) -> rusqlite::Result<Vec<Candidate>> {
    let mut rows = statement.query(values)?;
    let mut candidates = Vec::new();
    while candidates.len() < most {
        let Some(row) = rows.next()? else { break };
        let key = row.get(0)?;
        if !shared.leases.holds(number, key) && !suspects.withhold(key) {
            candidates.push(Candidate {
                key,
                recipients: codec::octets(row, 1)?,
                crc: codec::checksum(row, 2),
                directive: row.get(3)?,
            });
        }
    }
    Ok(candidates)
}

fn one(
    db: &Connection,
    shared: &Arc<Shared>,
    destination: &Destination,
    number: i64,
    candidate: Candidate,
) -> rusqlite::Result<Loaded<Lease>> {
    let key = candidate.key;
    let Some(recipients) = load::recipients(key, number, &candidate.recipients, candidate.crc) else {
        return Ok(Loaded::Damaged("the checksum of its recipients is wrong".to_owned()));
    };
    let mut message = match load::message(db, shared, key)? {
        Loaded::Sound(message) => message,
        Loaded::Missing => return Ok(Loaded::Missing),
        Loaded::Damaged(why) => return Ok(Loaded::Damaged(why)),
    };
    let body = match load::body(db, shared, key, &message)? {
        Loaded::Sound(body) => body,
        Loaded::Missing => return Ok(Loaded::Missing),
        Loaded::Damaged(why) => return Ok(Loaded::Damaged(why)),
    };
    let directive = match candidate.directive.as_deref().map(codec::parse) {
        None => None,
        Some(Some(directive)) => Some(directive),
        Some(None) => return Ok(Loaded::Damaged("its directive cannot be read".to_owned())),
    };
    message.envelope.recipients = Vec::new();
    let mut memory = shared.budget.reserve();
    memory.resize(body_share(&body));
    shared.leases.take((destination, number), key);
    let (envelope, arrival) = (Arc::new(message.envelope), Arc::new(message.arrival));
    let held = LeaseGuard::new(Held {
        owner: shared.clone(),
        destination: number,
        message: codec::id(key),
        documents: Arc::new(message.documents),
        envelope: Arc::clone(&envelope),
        arrival: Arc::clone(&arrival),
        recipients: recipients.iter().map(|recipient| recipient.index).collect(),
        crc: candidate.crc,
        memory: Arc::new(memory),
    });
    Ok(Loaded::Sound(Lease {
        id: codec::id(key),
        destination: destination.clone(),
        envelope,
        recipients,
        arrival,
        body,
        directive,
        suspect: false,
        guard: Some(held),
    }))
}
