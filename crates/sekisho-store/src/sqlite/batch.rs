//! One group of changes: everything that waited, in one transaction, with what follows once it is durable or is not.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_mail::Timestamp;

use super::{shared::Shared, writer::Aftermath};
use crate::Destination;

/// `delivery.state`: to be attempted.
pub(super) const QUEUED: i64 = 0;
/// `delivery.state`: the operator holds it.
pub(super) const HELD: i64 = 1;
/// `delivery.state`: the store found it damaged, or it was in flight at too many crashes.
pub(super) const SET_ASIDE: i64 = 2;

/// What is done when the fate of the group is known: `Ok` when it is durable.
pub(super) type Then = Box<dyn FnOnce(Result<(), &str>, &mut Aftermath)>;

/// A transaction that is being filled.
pub(super) struct Batch<'db> {
    pub(super) db: &'db Connection,
    pub(super) shared: &'db Shared,
    pub(super) now: Timestamp,
    /// Whether leases are written down now.
    pub(super) watch: bool,
    /// Content of messages that are done with stays: a page of it is damaged, and deleting anything beside it fails.
    pub(super) keep_bodies: bool,
    destinations: HashMap<Destination, Known>,
    changed: BTreeMap<i64, Change>,
    messages: i64,
    then: Vec<Then>,
}

/// A destination's row, as far as the queue's changes need it.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) number: i64,
    pub(super) back_off: i64,
}

/// How many deliveries of a destination came and went.
#[derive(Default)]
struct Change {
    queued: i64,
    parked: i64,
}

impl<'db> Batch<'db> {
    pub(super) fn begin(db: &'db Connection, shared: &'db Shared, watch: bool) -> rusqlite::Result<Self> {
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self {
            db,
            shared,
            now: shared.latest(),
            watch,
            keep_bodies: false,
            destinations: HashMap::new(),
            changed: BTreeMap::new(),
            messages: 0,
            then: Vec::new(),
        })
    }

    /// What is done when the fate of the group is known.
    pub(super) fn then(&mut self, then: impl FnOnce(Result<(), &str>, &mut Aftermath) + 'static) {
        self.then.push(Box::new(then));
    }

    /// The row of a destination, made when there is none.
    pub(super) fn destination(&mut self, destination: &Destination) -> rusqlite::Result<Known> {
        if let Some(known) = self.destinations.get(destination) {
            return Ok(*known);
        }
        let name = destination.to_string();
        let known = match find_destination(self.db, &name)? {
            Some(known) => known,
            None => {
                self.db
                    .prepare_cached("INSERT INTO destination (name) VALUES (?1)")?
                    .execute([&name])?;
                Known {
                    number: self.db.last_insert_rowid(),
                    back_off: 0,
                }
            }
        };
        self.destinations.insert(destination.clone(), known);
        Ok(known)
    }

    /// A destination was backed off within this group.
    pub(super) fn moved(&mut self, destination: &Destination, until: Timestamp) {
        if let Some(known) = self.destinations.get_mut(destination) {
            known.back_off = until.as_millis();
        }
    }

    /// A delivery of this destination entered (`+1`) or left (`-1`) a state; 0 when it only moved in time.
    pub(super) fn count(&mut self, destination: i64, state: i64, by: i64) {
        let change = self.changed.entry(destination).or_default();
        if state == QUEUED {
            change.queued += by;
        } else {
            change.parked += by;
        }
    }

    /// So many messages came or went.
    pub(super) fn count_messages(&mut self, by: i64) {
        self.messages += by;
    }

    /// Brings destinations and counters up to date and makes all of it durable; gives back what follows.
    pub(super) fn commit(self) -> Result<Vec<Then>, (rusqlite::Error, Vec<Then>)> {
        match self.finish() {
            Ok(()) => Ok(self.then),
            Err(error) => Err((error, self.abandon())),
        }
    }

    /// Undoes what stands in the transaction; gives back what follows.
    pub(super) fn abandon(self) -> Vec<Then> {
        // After most errors SQLite has rolled back by itself; the connection is thrown away in any case.
        let _ = self.db.execute_batch("ROLLBACK");
        self.then
    }

    fn finish(&self) -> rusqlite::Result<()> {
        let mut counted = Vec::with_capacity(self.changed.len());
        for (number, change) in &self.changed {
            // Two statements instead of one with RETURNING, for which SQLite keeps a copy of each page that it changes.
            let before: Option<(i64, i64, Option<i64>)> = self
                .db
                .prepare_cached(
                    "SELECT queued, parked,
                     (SELECT min(next_attempt) FROM delivery WHERE destination = ?1 AND state = 0)
                     FROM destination WHERE id = ?1",
                )?
                .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((queued, parked, earliest)) = before else {
                continue;
            };
            let (queued, parked) = (queued + change.queued, parked + change.parked);
            self.db
                .prepare_cached(
                    "UPDATE destination SET queued = ?2, parked = ?3, earliest = ?4, ready = max(?4, back_off)
                     WHERE id = ?1",
                )?
                .execute(params![number, queued, parked, earliest])?;
            counted.push((*number, usize::try_from(queued + parked).unwrap_or(0)));
        }
        if self.messages != 0 {
            self.db
                .prepare_cached("UPDATE counter SET value = value + ?1 WHERE name = 'messages'")?
                .execute([self.messages])?;
        }
        self.db.prepare_cached("COMMIT")?.execute([])?;
        for (number, rows) in counted {
            self.shared.leases.counted(number, rows);
        }
        let queued = &self.shared.queued;
        if self.messages >= 0 {
            queued.fetch_add(self.messages.unsigned_abs(), std::sync::atomic::Ordering::Relaxed);
        } else {
            queued.fetch_sub(self.messages.unsigned_abs(), std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The row of a destination by its text form.
pub(super) fn find_destination(db: &Connection, name: &str) -> rusqlite::Result<Option<Known>> {
    db.prepare_cached("SELECT id, back_off FROM destination WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(Known {
                number: row.get(0)?,
                back_off: row.get(1)?,
            })
        })
        .optional()
}

/// `ready` follows `earliest` and `back_off`.
pub(super) fn update_ready(db: &Connection, number: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE destination SET ready = max(earliest, back_off) WHERE id = ?1")?
        .execute([number])?;
    Ok(())
}
