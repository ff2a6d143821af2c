//! The directory's tables: the documents in force, and what each version changed. Both under checksums; each tells of
//! the other, so that a recovery can make up for what one of them lost.

use std::collections::BTreeMap;

use crc32fast::Hasher;
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ValueRef};
use sekisho_mail::Timestamp;

use super::{batch::Batch, codec};
use crate::{
    Answer, DirectoryChange, DirectoryState, DirectoryVersion, Document, DocumentChange, DocumentKey, StoreError,
};

/// Versions that one answer can have.
const VERSIONS_LIMIT: usize = 10_000;

/// A change that waits for the writer.
pub(super) struct DirectoryJob {
    pub(super) change: DirectoryChange,
    pub(super) answer: Answer<u64>,
}

/// Takes a change into the group; answers when it is durable.
pub(super) fn apply(batch: &mut Batch<'_>, job: DirectoryJob) -> rusqlite::Result<()> {
    let DirectoryJob { change, answer } = job;
    let (came, fault) = match write(batch.db, &change) {
        Ok(came) => (came, None),
        Err(error) => (Err(StoreError::Failed(error.to_string())), Some(error)),
    };
    batch.then(move |fate, aftermath| {
        let _ = answer.send(fate.map_err(|why| aftermath.error(why)).and(came));
    });
    fault.map_or(Ok(()), Err)
}

fn write(db: &Connection, change: &DirectoryChange) -> rusqlite::Result<Result<u64, StoreError>> {
    let (state, rows) = match load(db)? {
        Ok(loaded) => loaded,
        Err(damaged) => return Ok(Err(damaged)),
    };
    let changes = match state.changes(change) {
        Ok(changes) if changes.is_empty() => return Ok(Ok(state.version)),
        Ok(changes) => changes,
        Err(refused) => return Ok(Err(refused)),
    };
    let version = DirectoryVersion {
        version: state.version.saturating_add(1),
        at: change.at,
        author: change.author.clone(),
        comment: change.comment.clone(),
        changes,
    };
    for change in &version.changes {
        if let Some(row) = rows.get(&change.key) {
            db.prepare_cached("DELETE FROM directory_document WHERE id = ?1")?
                .execute([row])?;
        }
        insert_document(db, &change.key, change.after.as_deref(), version.version)?;
    }
    let number = insert_version(db, &version)?;
    note_newest(db, number)?;
    Ok(Ok(number))
}

/// What the counter is called that has the number of the newest version; no destination has a blank in its name.
pub(super) const NEWEST: &str = "directory version";

/// Writes the newest number on a page of its own: a recovery that finds nothing else of that version knows that there
/// was one.
pub(super) fn note_newest(db: &Connection, version: u64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![NEWEST, codec::signed(version)])
    .map(drop)
}

/// Writes a document, or that it was removed.
pub(super) fn insert_document(
    db: &Connection,
    key: &DocumentKey,
    body: Option<&str>,
    version: u64,
) -> rusqlite::Result<()> {
    let version = codec::signed(version);
    db.prepare_cached(
        "INSERT INTO directory_document (kind, organization, name, body, version, crc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        key.kind,
        key.organization,
        key.name,
        body,
        version,
        document_crc([&key.kind, &key.organization, &key.name], body, version)
    ])
    .map(drop)
}

pub(super) fn insert_version(db: &Connection, version: &DirectoryVersion) -> rusqlite::Result<u64> {
    let changes = codec::document(&version.changes).map_err(super::settle::to_sql)?;
    let (number, at) = (codec::signed(version.version), version.at.as_millis());
    db.prepare_cached(
        "INSERT INTO directory_version (version, at, author, comment, changes, crc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        number,
        at,
        version.author,
        version.comment,
        changes,
        version_crc((number, at), [&version.author, &version.comment], &changes)
    ])?;
    Ok(version.version)
}

/// A directory with the row of each document, or why it cannot be believed.
type Loaded = Result<(DirectoryState, BTreeMap<DocumentKey, i64>), StoreError>;

/// The directory in force.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Loaded> {
    let version = current(db)?;
    let mut statement =
        db.prepare_cached("SELECT kind, organization, name, body, version, crc, id FROM directory_document")?;
    let mut found = statement.query([])?;
    let (mut documents, mut rows) = (Vec::new(), BTreeMap::new());
    while let Some(row) = found.next()? {
        let (key, body) = (
            [codec::octets(row, 0)?, codec::octets(row, 1)?, codec::octets(row, 2)?],
            codec::octets(row, 3)?,
        );
        let body = (row.get_ref(3)? != ValueRef::Null).then_some(&body[..]);
        let [kind, organization, name] = &key;
        let Some((key, body)) = document([kind, organization, name], body, (row.get(4)?, codec::checksum(row, 5)))
        else {
            return Ok(Err(damaged("a document")));
        };
        rows.insert(key.clone(), row.get(6)?);
        documents.extend(body.map(|body| Document { key, body }));
    }
    documents.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(Ok((DirectoryState { version, documents }, rows)))
}

/// The number of the version in force.
fn current(db: &Connection) -> rusqlite::Result<u64> {
    let newest = "SELECT max(coalesce((SELECT max(version) FROM directory_version), 0),
                             coalesce((SELECT max(version) FROM directory_document), 0))";
    let version = db.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
    Ok(codec::unsigned(version))
}

/// The newest versions, newest first.
pub(super) fn history(db: &Connection, limit: usize) -> rusqlite::Result<Result<Vec<DirectoryVersion>, StoreError>> {
    let mut statement = db.prepare_cached(
        "SELECT version, at, author, comment, changes, crc FROM directory_version ORDER BY version DESC LIMIT ?1",
    )?;
    let limit = i64::try_from(limit.min(VERSIONS_LIMIT)).unwrap_or(i64::MAX);
    let mut rows = statement.query([limit])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        match read_version(row)? {
            Some(version) => versions.push(version),
            None => return Ok(Err(damaged("a version"))),
        }
    }
    Ok(Ok(versions))
}

/// The directory as it was.
pub(super) fn at(db: &Connection, wanted: u64) -> rusqlite::Result<Result<DirectoryState, StoreError>> {
    let (state, _) = match load(db)? {
        Ok(loaded) => loaded,
        Err(damaged) => return Ok(Err(damaged)),
    };
    let mut earlier = state.clone();
    let mut statement = db.prepare_cached(
        "SELECT version, at, author, comment, changes, crc FROM directory_version WHERE version = ?1",
    )?;
    while earlier.version > wanted {
        let row = statement
            .query_row([codec::signed(earlier.version)], read_version)
            .optional()?;
        // Without what it changed there is no way to what was before.
        let Some(version) = row.flatten() else {
            return Ok(Err(StoreError::NoDirectoryVersion(wanted)));
        };
        earlier = earlier.before(&version);
    }
    Ok(earlier.at(wanted, []))
}

fn read_version(row: &Row<'_>) -> rusqlite::Result<Option<DirectoryVersion>> {
    let texts = [codec::octets(row, 2)?, codec::octets(row, 3)?, codec::octets(row, 4)?];
    let [author, comment, changes] = &texts;
    Ok(version(
        (row.get(0)?, row.get(1)?),
        [author, comment, changes],
        codec::checksum(row, 5),
    ))
}

/// A version, when its checksum fits.
pub(super) fn version(
    (number, at): (i64, i64),
    [author, comment, changes]: [&[u8]; 3],
    crc: u32,
) -> Option<DirectoryVersion> {
    let (author, comment) = (str::from_utf8(author).ok()?, str::from_utf8(comment).ok()?);
    if version_crc((number, at), [author, comment], changes) != crc {
        return None;
    }
    let changes: Vec<DocumentChange> = codec::parse(changes)?;
    Some(DirectoryVersion {
        version: codec::unsigned(number),
        at: Timestamp::from_millis(at),
        author: author.to_owned(),
        comment: comment.to_owned(),
        changes,
    })
}

/// A document, or that it was removed, when its checksum fits.
pub(super) fn document(
    key: [&[u8]; 3],
    body: Option<&[u8]>,
    (version, crc): (i64, u32),
) -> Option<(DocumentKey, Option<String>)> {
    let mut parsed = [""; 3];
    for (text, octets) in parsed.iter_mut().zip(key) {
        *text = str::from_utf8(octets).ok()?;
    }
    let body = body.map(str::from_utf8).transpose().ok()?;
    if document_crc(parsed, body, version) != crc {
        return None;
    }
    let [kind, organization, name] = parsed.map(str::to_owned);
    let key = DocumentKey {
        kind,
        organization,
        name,
    };
    Some((key, body.map(str::to_owned)))
}

fn document_crc(key: [&str; 3], body: Option<&str>, version: i64) -> u32 {
    let mut crc = Hasher::new();
    crc.update(&version.to_le_bytes());
    key.iter().for_each(|text| measured(&mut crc, text.as_bytes()));
    if let Some(body) = body {
        measured(&mut crc, body.as_bytes());
    }
    crc.finalize()
}

fn version_crc((number, at): (i64, i64), texts: [&str; 2], changes: &[u8]) -> u32 {
    let mut crc = Hasher::new();
    crc.update(&number.to_le_bytes());
    crc.update(&at.to_le_bytes());
    texts.iter().for_each(|text| measured(&mut crc, text.as_bytes()));
    measured(&mut crc, changes);
    crc.finalize()
}

fn measured(crc: &mut Hasher, octets: &[u8]) {
    crc.update(&(octets.len() as u64).to_le_bytes());
    crc.update(octets);
}

fn damaged(what: &str) -> StoreError {
    StoreError::DamagedPages(format!("{what} of the directory does not fit its checksum"))
}
