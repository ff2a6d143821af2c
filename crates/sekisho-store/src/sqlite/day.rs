//! The trace's files: SQLite databases named after UTC days, a busy day in several parts, each with the messages that
//! were attempted while it was written to and what was written down. A file holds all that belongs to it, so that it
//! can be searched and unlinked alone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use sekisho_mail::Timestamp;

use super::schema;
use crate::{Disk, StoreError};

/// As in [`schema`]: element *n* leads from version *n* to *n* + 1.
const MIGRATIONS: &[&str] = &[
    // 1: messages, attempts, evidence.
    "
    -- Text keys are 64-bit hashes; what a hash finds is compared in full. `tls`: 0 plaintext, 12, 13.
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        arrived INTEGER NOT NULL,
        tls INTEGER NOT NULL,
        size INTEGER NOT NULL,
        sender INTEGER NOT NULL,
        sender_domain INTEGER NOT NULL,
        message_id_header INTEGER,
        crc INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        arrival BLOB NOT NULL
    );
    -- `outcome`: 0 delivered, 1 deferred, 2 bounced; `tls` is nothing where no connection was reached.
    CREATE TABLE attempt (
        number INTEGER PRIMARY KEY,
        message INTEGER NOT NULL,
        at INTEGER NOT NULL,
        tls INTEGER,
        outcome INTEGER NOT NULL,
        recipient INTEGER NOT NULL,
        recipient_domain INTEGER NOT NULL,
        -- Of the address in ORCPT, which for an alias is the address that the client named.
        original INTEGER,
        original_domain INTEGER
    );
    CREATE INDEX attempt_message ON attempt (message);
    CREATE TABLE evidence (
        attempt INTEGER PRIMARY KEY,
        crc INTEGER NOT NULL,
        document BLOB NOT NULL
    );
    ",
    // 2: what is known of a connection, once for all that went over it. Evidence refers to it, but where no connection
    // was reached and where it was written before and has the channel in its document.
    "
    CREATE TABLE channel (
        id INTEGER PRIMARY KEY,
        crc INTEGER NOT NULL,
        document BLOB NOT NULL
    );
    ALTER TABLE evidence ADD COLUMN channel INTEGER;
    ",
];

/// Built when a day closes: while it is written to, they would cost a page each for every attempt.
const CLOSING: &str = "
    CREATE INDEX IF NOT EXISTS message_sender ON message (sender);
    CREATE INDEX IF NOT EXISTS message_sender_domain ON message (sender_domain);
    CREATE INDEX IF NOT EXISTS message_header ON message (message_id_header);
    CREATE INDEX IF NOT EXISTS attempt_recipient ON attempt (recipient);
    CREATE INDEX IF NOT EXISTS attempt_original ON attempt (original) WHERE original IS NOT NULL;
    CREATE INDEX IF NOT EXISTS attempt_original_domain ON attempt (original_domain) WHERE original_domain IS NOT NULL;
    CREATE INDEX IF NOT EXISTS attempt_recipient_domain ON attempt (recipient_domain);
";

const SUFFIX: &str = ".db";

/// One file: a day, or a part of one. They sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Volume {
    /// Days since 1970.
    pub(super) day: i64,
    /// From 0.
    pub(super) part: u32,
}

impl Volume {
    /// The first part of a day.
    pub(super) const fn first(day: i64) -> Self {
        Self { day, part: 0 }
    }

    /// The part behind this one.
    pub(super) const fn next(self) -> Self {
        Self {
            day: self.day,
            part: self.part + 1,
        }
    }

    /// `2026-11-26.db`, `2026-11-26.1.db`
    pub(super) fn path(self, folder: &Path) -> PathBuf {
        let (year, month, date, ..) = Timestamp::from_secs(self.day * 86_400).civil();
        let part = match self.part {
            0 => String::new(),
            part => format!(".{part}"),
        };
        folder.join(format!("{year:04}-{month:02}-{date:02}{part}{SUFFIX}"))
    }

    fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(SUFFIX)?;
        match name.split_once('.') {
            None => day_of(name).map(Self::first),
            Some((name, part)) => Some(Self {
                day: day_of(name)?,
                part: part.parse().ok().filter(|part| *part > 0)?,
            }),
        }
    }
}

/// The files that are there, newest first.
pub(super) fn volumes(folder: &Path) -> io::Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    for entry in fs::read_dir(folder)? {
        volumes.extend(entry?.file_name().to_str().and_then(Volume::of_name));
    }
    volumes.sort_unstable_by(|one, other| other.cmp(one));
    Ok(volumes)
}

/// The number of the day with this name. The names are ours: the days of 400 years are tried by estimate.
fn day_of(name: &str) -> Option<i64> {
    let mut parts = name.splitn(3, '-');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, month, date) = (number()?, number()?, number()?);
    // Days since 1970 by the rule of the Gregorian calendar, years beginning in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (from_march * 153 + 2) / 5 + date - 719_469;
    let (found_year, found_month, found_date, ..) = Timestamp::from_secs(day * 86_400).civil();
    let same = found_year == year && i64::from(found_month) == month && i64::from(found_date) == date;
    same.then_some(day)
}

/// Opens a day to write, its file made when it is not there.
pub(super) fn open_writer(path: &Path, disk: &dyn Disk) -> Result<Connection, StoreError> {
    let mut db = schema::open_writer(path, disk).map_err(schema::failed)?;
    // Rows are only added, behind the last; and where pages have moved, SQLite looks through the cache at the commit.
    db.pragma_update(None, "cache_size", -4096).map_err(schema::failed)?;
    // Nobody else checkpoints this log; its own writer may.
    db.pragma_update(None, "wal_autocheckpoint", 2000)
        .map_err(schema::failed)?;
    schema::steps(&mut db, path, MIGRATIONS)?;
    Ok(db)
}

/// Opens a day to search; `None` when it has no file any more, or no tables yet: a crash can leave it so.
pub(super) fn open_reader(path: &Path, disk: &dyn Disk) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let db = schema::open_reader(path, disk)?;
    let version = schema::version(&db)?;
    Ok((version > 0).then_some(db))
}

/// Nothing more comes: builds the indexes and leaves one file without a log.
pub(super) fn close(db: Connection) -> rusqlite::Result<()> {
    db.execute_batch(CLOSING)?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    // Fails while somebody searches; then the log stays beside it, empty.
    let _ = db.pragma_update(None, "journal_mode", "DELETE");
    db.close().map_err(|(_, error)| error)
}

/// Whether a day was closed.
pub(super) fn is_closed(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'attempt_recipient_domain')",
        [],
        |row| row.get(0),
    )
}

/// Octets of a day's files.
pub(super) fn size(path: &Path) -> u64 {
    siblings(path)
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|facts| facts.len())
        .sum()
}

/// Unlinks a day; answers how many octets that freed.
pub(super) fn unlink(path: &Path, disk: &dyn Disk) -> io::Result<u64> {
    let freed = size(path);
    let remove = |path: &Path| match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    // The database first, for good: a log without it is nothing, but it without its log may be half of what it was, and
    // then no search gets past it.
    let [database, beside @ ..] = siblings(path);
    remove(&database)?;
    if let Some(folder) = path.parent() {
        disk.sync_folder(folder)?;
    }
    beside.iter().try_for_each(|path| remove(path))?;
    Ok(freed)
}

fn siblings(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

/// Moves a day that cannot be read out of the way, so that the next attempts find a sound one.
pub(super) fn move_away(path: &Path, now: Timestamp) -> io::Result<()> {
    for path in siblings(path) {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{}", now.as_secs()));
        match fs::rename(&path, PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_found_by_its_name() {
        for day in [0, 58, 59, 60, 365, 789, 11_016, 20_000, 20_781, 100_000] {
            for volume in [Volume::first(day), Volume::first(day).next()] {
                let path = volume.path(Path::new("/x"));
                let name = path.file_name().and_then(|name| name.to_str()).unwrap();
                assert_eq!(Volume::of_name(name), Some(volume), "{name}");
            }
        }
        for name in [
            "2026-11-26",
            "2026-11-26.0.db",
            "2026-11-26.x.db",
            "2026-11-26.db.damaged-1",
        ] {
            assert_eq!(Volume::of_name(name), None, "{name}");
        }
        for name in ["", "2026-02-30", "2026-13-01", "2026-11", "x"] {
            assert_eq!(day_of(name), None, "{name}");
        }
    }
}
