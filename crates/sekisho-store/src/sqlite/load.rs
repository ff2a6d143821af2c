//! How a message comes out of the queue: read, and checked against its checksums.

use std::{
    fs,
    io::ErrorKind,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_mail::{Envelope, MessageId};

use super::{
    batch::{Batch, SET_ASIDE},
    codec,
    command::Command,
    shared::Shared,
    soundness::is_damage,
};
use crate::{Arrival, Body, QueuedRecipient, SpoolBody, draft::Alarm, queue::Documents};

/// What can come of reading one message.
pub(super) enum Loaded<T> {
    Sound(T),
    /// It is not there.
    Missing,
    /// Something is wrong with it, and this is what.
    Damaged(String),
}

/// A message without its deliveries.
pub(super) struct LoadedMessage {
    pub(super) envelope: Envelope,
    pub(super) arrival: Arrival,
    pub(super) documents: Documents,
    body_crc: u32,
    spooled: bool,
}

/// Reads envelope and arrival facts.
pub(super) fn message(db: &Connection, shared: &Shared, key: i64) -> rusqlite::Result<Loaded<LoadedMessage>> {
    let mut statement =
        db.prepare_cached("SELECT size, body_crc, spooled, docs_crc, envelope, arrival FROM message WHERE id = ?1")?;
    let row = statement
        .query_row([key], |row| {
            let documents = Documents {
                size: codec::unsigned(row.get(0)?),
                envelope: codec::octets(row, 4)?,
                arrival: codec::octets(row, 5)?,
            };
            Ok((
                documents,
                codec::checksum(row, 1),
                row.get::<_, bool>(2)?,
                codec::checksum(row, 3),
            ))
        })
        .optional();
    let (documents, body_crc, spooled, crc) = match row {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(Loaded::Missing),
        Err(error) => return damage_of(shared, error),
    };
    let found = codec::message_crc(key, documents.size, body_crc, &documents.envelope, &documents.arrival);
    if found != crc {
        return Ok(Loaded::Damaged("the checksum of its envelope is wrong".to_owned()));
    }
    let (Some(envelope), Some(arrival)) = (codec::parse(&documents.envelope), codec::parse(&documents.arrival)) else {
        return Ok(Loaded::Damaged("its envelope cannot be read".to_owned()));
    };
    Ok(Loaded::Sound(LoadedMessage {
        envelope,
        arrival,
        documents,
        body_crc,
        spooled,
    }))
}

/// Reads the content of a message, or finds its file; the file's checksum is left to whoever reads it through.
pub(super) fn body(
    db: &Connection,
    shared: &Arc<Shared>,
    key: i64,
    message: &LoadedMessage,
) -> rusqlite::Result<Loaded<Body>> {
    let (id, size) = (codec::id(key), message.documents.size);
    if message.spooled {
        let path = shared.spool.file(id);
        match fs::metadata(&path) {
            Ok(facts) if facts.len() != size => {
                let why = format!("its file has {} octets instead of {size}", facts.len());
                return Ok(Loaded::Damaged(why));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Loaded::Damaged(format!("{}: {error}", path.display())));
            }
            // A disk that cannot say just now whether the file is there has not lost it: whoever reads it will see.
            Ok(_) | Err(_) => {}
        }
        let file = SpoolBody::new(path, size, message.body_crc).with_alarm(alarm(shared, id));
        return Ok(Loaded::Sound(Body::File(file)));
    }
    let mut statement = db.prepare_cached("SELECT content FROM body WHERE id = ?1")?;
    let content: Vec<u8> = match statement.query_row([key], |row| codec::octets(row, 0)).optional() {
        Ok(Some(content)) => content,
        Ok(None) => return Ok(Loaded::Damaged("its content is missing".to_owned())),
        Err(error) => return damage_of(shared, error),
    };
    if content.len() as u64 != size || crc32fast::hash(&content) != message.body_crc {
        return Ok(Loaded::Damaged("the checksum of its content is wrong".to_owned()));
    }
    Ok(Loaded::Sound(Body::Memory(Bytes::from(content))))
}

/// Reads the recipients of a delivery from their document.
pub(super) fn recipients(key: i64, destination: i64, document: &[u8], crc: u32) -> Option<Vec<QueuedRecipient>> {
    if codec::recipients_crc(key, destination, document) != crc {
        return None;
    }
    codec::parse(document)
}

/// Damage of one page is that message's, and others go on; new ones wait until all pages have been looked at.
fn damage_of<T>(shared: &Shared, error: rusqlite::Error) -> rusqlite::Result<Loaded<T>> {
    let on_page = is_damage(&error);
    if on_page {
        shared.pages.doubt(&error);
    }
    let damaged = matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    if damaged || on_page {
        Ok(Loaded::Damaged(error.to_string()))
    } else {
        Err(error)
    }
}

/// So many octets of memory a body holds.
pub(super) fn body_share(body: &Body) -> u64 {
    match body {
        Body::Memory(bytes) => bytes.len() as u64,
        Body::File(file) => file.kept_len(),
    }
}

/// Tells the writer that a spool file is damaged.
pub(super) fn alarm(shared: &Arc<Shared>, id: MessageId) -> Alarm {
    // Weak, so that a body kept by a caller does not keep the store.
    let shared = Arc::downgrade(shared);
    Arc::new(move |why| {
        if let Some(shared) = shared.upgrade() {
            let _ = shared.insist(Command::SetAside(codec::key(id), why));
        }
    })
}

/// Takes a message out of the deliveries until an operator has looked at it.
pub(super) fn set_aside(batch: &mut Batch<'_>, key: i64, why: &str) -> rusqlite::Result<()> {
    let id = codec::id(key);
    tracing::error!(message = %id, why, "the message was set aside");
    batch.shared.set_aside.fetch_add(1, Ordering::Relaxed);
    let rows = batch
        .db
        .prepare_cached("SELECT destination, state FROM delivery WHERE message = ?1")?
        .query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    for (destination, state) in rows {
        batch
            .db
            .prepare_cached("UPDATE delivery SET state = ?3, last_fault = ?4 WHERE message = ?1 AND destination = ?2")?
            .execute(params![key, destination, SET_ASIDE, format!("set aside: {why}")])?;
        batch.count(destination, state, -1);
        batch.count(destination, SET_ASIDE, 1);
    }
    Ok(())
}
