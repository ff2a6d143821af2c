//! How evidence stands in the trace: a document without the channel, which has a row of its own, once for all the
//! messages that went over it.

use std::sync::Arc;

use crc32fast::Hasher;
use rusqlite::{Connection, Row, types::ValueRef};
use sekisho_mail::{
    ChannelFacts, Decision, Demand, Evidence, HandshakeFailure, MessageId, Outcome, Recipient, ShadowVerdict,
    SpokenLine, Timestamp,
};
use serde::Serialize;

use super::{codec, load::Loaded, schema};
use crate::StoreError;

/// Everything but the channel, under the names of [`Evidence`], which it is read back as.
#[derive(Serialize)]
struct Document<'a> {
    message: &'a MessageId,
    recipient: &'a Recipient,
    attempt: &'a u32,
    at: &'a Timestamp,
    directory: u64,
    route: &'a str,
    required: &'a [Demand],
    failed_handshakes: &'a [(String, HandshakeFailure)],
    decision: &'a Decision,
    outcome: &'a Outcome,
    conversation: &'a [SpokenLine],
    #[serde(skip_serializing_if = "is_empty")]
    shadow: &'a [ShadowVerdict],
}

/// The document of evidence.
pub(super) fn document(evidence: &Evidence) -> Result<Vec<u8>, StoreError> {
    // In full, so that what is added there is not forgotten here.
    let Evidence {
        message,
        recipient,
        attempt,
        at,
        directory,
        route,
        required,
        channel: _,
        failed_handshakes,
        decision,
        outcome,
        conversation,
        shadow,
    } = evidence;
    codec::document(&Document {
        message,
        recipient,
        attempt,
        at,
        directory: *directory,
        route,
        required,
        failed_handshakes,
        decision,
        outcome,
        conversation,
        shadow,
    })
}

/// Where nothing is tried, nothing is said of it.
const fn is_empty(shadow: &[ShadowVerdict]) -> bool {
    shadow.is_empty()
}

/// The checksum of evidence: over its channel's as well, so that a reference that is lost or leads elsewhere is found.
pub(super) fn checksum(document: &[u8], channel: Option<u32>) -> u32 {
    let mut crc = Hasher::new();
    crc.update(document);
    if let Some(channel) = channel {
        crc.update(&channel.to_le_bytes());
    }
    crc.finalize()
}

/// Asks for the evidence of a message (`?1`), so much at most (`?2`), newest first, as [`read`] takes it. Before
/// version 2 the document had the channel in it.
pub(super) fn query(db: &Connection) -> rusqlite::Result<&'static str> {
    if schema::version(db)? < 2 {
        return Ok("SELECT e.crc, e.document, NULL, NULL, NULL
             FROM attempt a JOIN evidence e ON e.attempt = a.number
             WHERE a.message = ?1 ORDER BY a.number DESC LIMIT ?2");
    }
    Ok("SELECT e.crc, e.document, e.channel, c.crc, c.document
         FROM attempt a JOIN evidence e ON e.attempt = a.number LEFT JOIN channel c ON c.id = e.channel
         WHERE a.message = ?1 ORDER BY a.number DESC LIMIT ?2")
}

/// Evidence with its channel. Evidence whose channel is missing or damaged is damaged: without it, it would say that no
/// connection was reached.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Loaded<Evidence>> {
    let damaged = |why: &str| Ok(Loaded::Damaged(why.to_owned()));
    let document = codec::octets(row, 1)?;
    let channel = match row.get_ref(2)? {
        ValueRef::Null => None,
        _ => {
            let (crc, document) = (codec::checksum(row, 3), codec::octets(row, 4)?);
            let facts = (crc32fast::hash(&document) == crc).then(|| codec::parse::<ChannelFacts>(&document));
            let Some(facts) = facts.flatten() else {
                return damaged("the facts of its channel are missing or their checksum is wrong");
            };
            Some((Arc::new(facts), crc))
        }
    };
    if checksum(&document, channel.as_ref().map(|(_, crc)| *crc)) != codec::checksum(row, 0) {
        return damaged("its checksum is wrong");
    }
    let Some(mut evidence) = codec::parse::<Evidence>(&document) else {
        return damaged("it cannot be read");
    };
    if let Some((facts, _)) = channel {
        evidence.channel = Some(facts);
    }
    Ok(Loaded::Sound(evidence))
}
