//! The first minutes after an unclean start: leases are written down then, so that a message that kills the process
//! is found. A message in flight at three such crashes is set aside; one that was in flight at any of them is leased
//! alone among its like, so that the innocent are not counted with the guilty.

use rusqlite::{Connection, OptionalExtension as _};
use sekisho_mail::Timestamp;

use super::{batch::Batch, load::set_aside, shared::Shared};

/// So many crashes in a row with the message in flight.
pub(super) const CRASHES: i64 = 3;

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

/// Whether the message was in flight at a crash.
pub(super) fn is_suspect(db: &Connection, key: i64) -> rusqlite::Result<bool> {
    let crashes: Option<i64> = db
        .prepare_cached("SELECT crashes FROM suspect WHERE message = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(crashes.is_some_and(|crashes| crashes > 0))
}

/// Whether such a message is in flight now.
pub(super) fn suspect_is_out(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM suspect WHERE in_flight = 1 AND crashes > 0)")?
        .query_row([], |row| row.get(0))
}
