//! A look at everything that a data folder holds, which changes nothing: SQLite's at its pages and indexes, ours at
//! every checksum, and at what belongs together.

use std::{fs, path::Path};

use rusqlite::Connection;
use sekisho_mail::MessageId;

use super::{
    codec, directory, load, lock, open_error,
    recover::{file_checksum, spool_file, spooled},
    schema,
    soundness::{NOTE, findings},
};
use crate::{StoreError, SystemDisk};

/// Findings of SQLite's that are told.
const FINDINGS: u32 = 100;

/// What a look at everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Messages that were looked at.
    pub messages: u64,
    /// What is wrong with the database itself, in words.
    pub faults: Vec<String>,
    /// Messages with something wrong, and what.
    pub damaged: Vec<(MessageId, String)>,
    /// Content that belongs to no message; a crash leaves such, and the next start removes it.
    pub strays: Vec<MessageId>,
}

impl Check {
    /// Whether nothing is damaged.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.damaged.is_empty()
    }
}

/// Looks at everything in a data folder that nobody has open.
///
/// # Errors
/// [`StoreError::Locked`] while a server runs, or what the system says.
pub fn check(folder: &Path) -> Result<Check, StoreError> {
    let path = folder.join("queue.db");
    // Before the lock, whose file would be made in a folder that is none of ours.
    fs::metadata(&path).map_err(|source| open_error(&path, source))?;
    let _lock = lock(folder)?;
    let mut check = Check::default();
    if let Ok(note) = fs::read_to_string(folder.join(NOTE)) {
        check
            .faults
            .push(format!("a run before found it damaged: {}", note.trim()));
    }
    let spool = folder.join("spool");
    // What stops the look is the last thing that it found.
    if let Err(error) = look(&path, &spool, &mut check) {
        check.faults.push(error.to_string());
    }
    Ok(check)
}

fn look(path: &Path, spool: &Path, check: &mut Check) -> rusqlite::Result<()> {
    let db = schema::open_reader(path, &SystemDisk)?;
    check.faults.extend(findings(&db, true, FINDINGS)?);
    look_at_messages(&db, spool, check)?;
    look_at_deliveries(&db, check)?;
    // This changes nothing, not even the schema of an older version.
    if schema::version(&db)? >= schema::WITH_DIRECTORY {
        let documents = directory::load(&db)?.map(drop);
        let history = directory::history(&db, usize::MAX)?.map(drop);
        let faults = [documents, history].into_iter().filter_map(Result::err);
        check.faults.extend(faults.map(|fault| fault.to_string()));
    }
    let mut statement = db.prepare("SELECT 1 FROM message WHERE id = ?1 AND spooled = 1")?;
    for id in spooled(spool) {
        if !statement.exists([codec::key(id)])? {
            check.strays.push(id);
        }
    }
    Ok(())
}

fn look_at_messages(db: &Connection, spool: &Path, check: &mut Check) -> rusqlite::Result<()> {
    let mut statement = db.prepare(
        "SELECT m.id, m.size, m.body_crc, m.docs_crc, m.envelope, m.arrival, m.spooled, b.content
         FROM message m LEFT JOIN body b ON b.id = m.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        check.messages += 1;
        let (key, size): (i64, u64) = (row.get(0)?, codec::unsigned(row.get(1)?));
        let (body_crc, crc) = (codec::checksum(row, 2), codec::checksum(row, 3));
        let (envelope, arrival) = (codec::octets(row, 4)?, codec::octets(row, 5)?);
        let id = codec::id(key);
        if codec::message_crc(key, size, body_crc, &envelope, &arrival) != crc {
            check
                .damaged
                .push((id, "the checksum of its envelope is wrong".to_owned()));
            continue;
        }
        let found = if row.get(6)? {
            let path = spool_file(spool, id);
            file_checksum(&path).map_err(|error| format!("{}: {error}", path.display()))
        } else {
            let content = codec::octets(row, 7)?;
            Ok((content.len() as u64, crc32fast::hash(&content)))
        };
        match found {
            Ok(found) if found == (size, body_crc) => {}
            Ok(_) => check
                .damaged
                .push((id, "the checksum of its content is wrong".to_owned())),
            Err(why) => check.damaged.push((id, why)),
        }
    }
    Ok(())
}

fn look_at_deliveries(db: &Connection, check: &mut Check) -> rusqlite::Result<()> {
    let mut statement = db.prepare("SELECT message, destination, crc, recipients FROM delivery")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, destination) = (row.get(0)?, row.get(1)?);
        if load::recipients(key, destination, &codec::octets(row, 3)?, codec::checksum(row, 2)).is_none() {
            let why = "the checksum of its recipients is wrong".to_owned();
            check.damaged.push((codec::id(key), why));
        }
    }
    let unmatched = [
        (
            "SELECT id FROM message WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE message = message.id)",
            "it has no delivery",
        ),
        (
            "SELECT message FROM delivery WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = delivery.message)",
            "its envelope is missing",
        ),
        (
            "SELECT message FROM delivery WHERE NOT EXISTS (SELECT 1 FROM destination WHERE id = delivery.destination)",
            "a destination of it is missing",
        ),
    ];
    for (sql, why) in unmatched {
        let ids = db
            .prepare(sql)?
            .query_map([], |row| row.get(0).map(codec::id))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        check.damaged.extend(ids.into_iter().map(|id| (id, why.to_owned())));
    }
    Ok(())
}
