//! The first minutes after an unclean start: leases are written down then, so that a message that kills the process
//! is found. A message in flight at three such crashes is set aside; one that was in flight at all but the last of them
//! is leased alone among its like, so that the innocent are not counted with the guilty.

use std::{collections::HashSet, time::Duration};

use rusqlite::Connection;
use sekisho_mail::Timestamp;

use super::{batch::Batch, load::set_aside, shared::Shared};

/// So many crashes in a row with the message in flight.
pub(super) const CRASHES: i64 = 3;

/// How soon it is asked again for messages that wait because another of their like is out.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// Takes note that the process is up, sets aside what killed it too often, and says until when leases are watched.
pub(super) fn begin(batch: &mut Batch<'_>, now: Timestamp, shared: &Shared) -> rusqlite::Result<Option<Timestamp>> {
    let db = batch.db;
    let clean: i64 = db.query_row("SELECT value FROM counter WHERE name = 'clean'", [], |row| row.get(0))?;
    db.execute("UPDATE counter SET value = 0 WHERE name = 'clean'", [])?;
    if clean == 1 {
        db.execute("DELETE FROM suspect", [])?;
        return Ok(None);
    }
    db.execute(
        "UPDATE suspect SET crashes = crashes + 1, in_flight = 0 WHERE in_flight = 1",
        [],
    )?;
    let guilty = db
        .prepare("SELECT message FROM suspect WHERE crashes >= ?1")?
        .query_map([CRASHES], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for key in guilty {
        set_aside(batch, key, "it was in flight at three crashes in a row")?;
        db.execute("DELETE FROM suspect WHERE message = ?1", [key])?;
    }
    Ok(Some(now.plus(shared.settings.lease_watch)))
}

/// The process has lived long enough.
pub(super) fn end(db: &Connection) -> rusqlite::Result<()> {
    db.execute("DELETE FROM suspect", []).map(drop)
}

/// The message goes into somebody's hands.
pub(super) fn mark(db: &Connection, key: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO suspect (message, in_flight, crashes) VALUES (?1, 1, 0)
         ON CONFLICT (message) DO UPDATE SET in_flight = 1",
    )?
    .execute([key])
    .map(drop)
}

/// It came back unharmed and unsettled.
pub(super) fn unmark(db: &Connection, key: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE suspect SET in_flight = 0 WHERE message = ?1")?
        .execute([key])
        .map(drop)
}

/// An attempt ended, and the process lives.
pub(super) fn acquit(db: &Connection, key: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM suspect WHERE message = ?1")?
        .execute([key])
        .map(drop)
}

/// Messages that one more crash would set aside: one of them at a time is given out.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    keys: HashSet<i64>,
    one_is_out: bool,
}

impl Suspects {
    /// Those of this moment.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut suspects = Self::default();
        let mut statement = db.prepare_cached("SELECT message, in_flight FROM suspect WHERE crashes >= ?1")?;
        let mut rows = statement.query([CRASHES - 1])?;
        while let Some(row) = rows.next()? {
            if row.get(1)? {
                suspects.one_is_out = true;
            } else {
                suspects.keys.insert(row.get(0)?);
            }
        }
        Ok(suspects)
    }

    /// Whether the message has to wait until another has come back.
    pub(super) fn withhold(&self, key: i64) -> bool {
        self.one_is_out && self.keys.contains(&key)
    }

    /// Whether anything has to wait.
    pub(super) fn withhold_any(&self) -> bool {
        self.one_is_out && !self.keys.is_empty()
    }

    /// The message is given out; whether it is one of these.
    pub(super) fn give(&mut self, key: i64) -> bool {
        let is_one = self.keys.remove(&key);
        self.one_is_out |= is_one;
        is_one
    }

    /// Whether one that has to wait is due.
    pub(super) fn withhold_due(&self, db: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
        if !self.withhold_any() {
            return Ok(false);
        }
        db.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM suspect s JOIN delivery d ON d.message = s.message
             JOIN destination x ON x.id = d.destination
             WHERE s.crashes >= ?1 AND s.in_flight = 0 AND d.state = 0 AND max(d.next_attempt, x.back_off) <= ?2)",
        )?
        .query_row([CRASHES - 1, now.as_millis()], |row| row.get(0))
    }
}
