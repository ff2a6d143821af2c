//! The queue's database: its tables, the numbered steps from version to version, and how a connection is opened.

use std::{io, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use super::soundness::is_damage;
use crate::{Disk, StoreError};

/// Element *n* leads from version *n* to *n* + 1. Never change one that was released: add another.
pub(super) const MIGRATIONS: &[&str] = &[
    // 1: messages, their deliveries and destinations.
    "
    -- Facts of a message that never change, `docs_crc` over all of them.
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        arrived INTEGER NOT NULL,
        size INTEGER NOT NULL,
        sender TEXT NOT NULL,
        body_crc INTEGER NOT NULL,
        spooled INTEGER NOT NULL,
        docs_crc INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        arrival BLOB NOT NULL
    );
    -- Content that is no spool file, apart so that a walk over the messages does not read it.
    CREATE TABLE body (
        id INTEGER PRIMARY KEY,
        content BLOB NOT NULL
    );
    -- A message to one destination. `state`: 0 queued, 1 held, 2 set aside by the store.
    CREATE TABLE delivery (
        message INTEGER NOT NULL,
        destination INTEGER NOT NULL,
        state INTEGER NOT NULL,
        next_attempt INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        last_fault TEXT,
        crc INTEGER NOT NULL,
        recipients BLOB NOT NULL,
        directive BLOB,
        pending BLOB,
        PRIMARY KEY (message, destination)
    ) WITHOUT ROWID;
    CREATE INDEX delivery_due ON delivery (destination, state, next_attempt);
    CREATE INDEX delivery_pending ON delivery (message) WHERE pending IS NOT NULL;
    -- `ready` is the later of `earliest` and `back_off`, or nothing when nothing is queued.
    CREATE TABLE destination (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        queued INTEGER NOT NULL DEFAULT 0,
        parked INTEGER NOT NULL DEFAULT 0,
        earliest INTEGER,
        back_off INTEGER NOT NULL DEFAULT 0,
        back_off_why TEXT,
        ready INTEGER
    );
    CREATE INDEX destination_ready ON destination (ready) WHERE ready IS NOT NULL;
    CREATE INDEX destination_empty ON destination (back_off) WHERE queued = 0 AND parked = 0;
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO counter VALUES ('messages', 0), ('clean', 1);
    ",
    // 2: which messages were in flight when the process died.
    "
    CREATE TABLE suspect (
        message INTEGER PRIMARY KEY,
        in_flight INTEGER NOT NULL,
        crashes INTEGER NOT NULL
    );
    ",
    // 3: what the operator gave orders for, whatever else waits for the same destination.
    "
    CREATE INDEX delivery_ordered ON delivery (destination) WHERE directive IS NOT NULL;
    ",
    // 4: the directory in force, and what each version of it changed. A document that was removed stays without its
    // body, or a recovery could not tell it from one that was lost. A recovery tells tables by their columns: no
    // other table of numbered rows has 7 or 6.
    "
    CREATE TABLE directory_document (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        organization TEXT NOT NULL,
        name TEXT NOT NULL,
        body TEXT,
        version INTEGER NOT NULL,
        crc INTEGER NOT NULL
    );
    CREATE TABLE directory_version (
        version INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        comment TEXT NOT NULL,
        changes BLOB NOT NULL,
        crc INTEGER NOT NULL
    );
    ",
];

/// The version that brought the directory.
pub(super) const WITH_DIRECTORY: i64 = 4;

/// Chosen by measurement (`benches/store.rs`): larger pages write more per message, smaller ones need overflow pages
/// for a 4 KiB message.
pub(super) const PAGE_SIZE: u32 = 8192;

/// How long a connection waits for a lock: only an operator's own `sqlite3` could hold one so long.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Pages of a log whose flush failed, in this process or one before it, may be gone from the disk though they can
/// still be read. SQLite takes them for good then: what is written behind them goes with them in a power cut, and a
/// checkpoint copies them into a database that the rest of the log no longer fits. So the log is made what it seems to
/// be before anything that writes is opened. Nobody else may be writing to it meanwhile; whoever has it open may go on
/// reading.
fn restore_log(path: &Path, disk: &dyn Disk) -> rusqlite::Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    disk.rewrite(Path::new(&log)).map_err(|error| io_failed(&error))
}

/// An error of the system as SQLite's.
pub(super) fn io_failed(error: &io::Error) -> rusqlite::Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => rusqlite::ffi::SQLITE_FULL,
        _ => rusqlite::ffi::SQLITE_IOERR,
    };
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(error.to_string()))
}

/// Opens a connection that copies the log into the database.
pub(super) fn open_checkpointer(path: &Path, disk: &dyn Disk) -> rusqlite::Result<Connection> {
    let connection = connect(path, disk, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    leave_log(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(super) fn open_reader(path: &Path, disk: &dyn Disk) -> rusqlite::Result<Connection> {
    let connection = connect(path, disk, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    leave_log(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Whoever closes a database last copies its log, trusted or not: that is the writer's to do.
fn leave_log(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(drop)
}

/// Opens a connection that writes, the file made when it is not there. Every commit is flushed before it returns
/// (WAL with synchronous=FULL); checkpoints are somebody else's. One at a time.
pub(super) fn open_writer(path: &Path, disk: &dyn Disk) -> rusqlite::Result<Connection> {
    restore_log(path, disk)?;
    let connection = connect(
        path,
        disk,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    // Both are fixed once the first page is written.
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    into_wal(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Our own commits must never be taken back by closing: the log is emptied by `stop` alone.
    connection.pragma_update(None, "journal_size_limit", -1)?;
    Ok(connection)
}

/// Opens, and makes where it is not there, a file of which the newest commits may be lost in a power cut; SQLite
/// checkpoints it by itself.
pub(super) fn open_lazy(path: &Path, disk: &dyn Disk, migrations: &[&str]) -> Result<Connection, StoreError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connect(path, disk, flags)?;
        into_wal(&connection)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -1024)?;
        Ok(connection)
    };
    let mut connection = open().map_err(queue_failed)?;
    steps(&mut connection, path, migrations)?;
    Ok(connection)
}

/// Puts the database into WAL mode, or fails: in another mode a commit would be acknowledged before the removal of its
/// journal is durable.
fn into_wal(connection: &Connection) -> rusqlite::Result<()> {
    // The row comes before the change is committed: an error of the commit is the answer to the step after it.
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
        Some(format!("the journal is in mode {mode} instead of wal")),
    ))
}

fn connect(path: &Path, disk: &dyn Disk, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match disk.sqlite_vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(BUSY_WAIT)?;
    // A plan must not depend on the values that are bound: every new value would have the statement compiled anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Brings the database to the newest version, all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    steps(connection, path, MIGRATIONS)
}

/// Brings a database to the last of `migrations`; each leads from the version that is its place to the next.
pub(super) fn steps(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let found = version(connection).map_err(failed)?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let done = usize::try_from(found).unwrap_or(0);
    if done == migrations.len() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    for step in &migrations[done..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What an error means for the caller, damage told apart.
pub(super) fn queue_failed(error: rusqlite::Error) -> StoreError {
    if is_damage(&error) {
        StoreError::DamagedPages(error.to_string())
    } else {
        failed(error)
    }
}

/// What an error of SQLite means for the caller.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}
