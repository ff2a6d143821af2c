//! How values stand in the database: ids as numbers that sort the same way, documents as JSON under a checksum.

use crc32fast::Hasher;
use sekisho_mail::MessageId;
use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// Ids have 64 bits and SQLite's integers a sign: with the top bit turned over both sort alike, past 2039 too.
pub(super) const fn key(id: MessageId) -> i64 {
    (id.as_u64() ^ (1 << 63)).cast_signed()
}

/// The way back.
pub(super) const fn id(key: i64) -> MessageId {
    MessageId::from_u64(key.cast_unsigned() ^ (1 << 63))
}

/// A length or counter for SQLite, which knows no unsigned numbers.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Most documents fit without growing.
const DOCUMENT_ROOM: usize = 512;

/// A value as JSON.
pub(super) fn document<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut document = Vec::with_capacity(DOCUMENT_ROOM);
    serde_json::to_writer(&mut document, value)
        .map_err(|error| StoreError::Failed(format!("a value that is no JSON: {error}")))?;
    Ok(document)
}

/// The value back; `None` when it is damaged.
pub(super) fn parse<T: DeserializeOwned>(document: &[u8]) -> Option<T> {
    serde_json::from_slice(document).ok()
}

/// The octets of a column, whatever type damage has made of it: the checksum decides, not the type.
pub(super) fn octets(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    let value = row.get_ref(column)?;
    Ok(value.as_bytes().map(<[u8]>::to_vec).unwrap_or_default())
}

/// The checksum in a column; one that is none fits nothing that we write.
pub(super) fn checksum(row: &rusqlite::Row<'_>, column: usize) -> u32 {
    row.get(column).unwrap_or(0)
}

/// The checksum of a message's row: over its id as well, so that a row that strayed to another id is found.
pub(super) fn message_crc(key: i64, size: u64, body_crc: u32, envelope: &[u8], arrival: &[u8]) -> u32 {
    let mut crc = Hasher::new();
    crc.update(&key.to_le_bytes());
    crc.update(&size.to_le_bytes());
    crc.update(&body_crc.to_le_bytes());
    crc.update(&(envelope.len() as u64).to_le_bytes());
    crc.update(envelope);
    crc.update(arrival);
    crc.finalize()
}

/// The checksum of a delivery's recipients.
pub(super) fn recipients_crc(key: i64, destination: i64, recipients: &[u8]) -> u32 {
    let mut crc = Hasher::new();
    crc.update(&key.to_le_bytes());
    crc.update(&destination.to_le_bytes());
    crc.update(recipients);
    crc.finalize()
}

/// A 64-bit hash of a text, ASCII case ignored, for the trace's keys: FNV-1a with a final mix. It need not withstand
/// an adversary: whoever is found by hash is compared in full.
pub(super) fn text_hash(text: &str) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for octet in text.bytes() {
        hash ^= u64::from(octet.to_ascii_lowercase());
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 32)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_ids_do() {
        let ids = [0, 1, (1 << 63) - 1, 1 << 63, u64::MAX].map(MessageId::from_u64);
        let keys = ids.map(key);
        assert!(keys.is_sorted());
        assert_eq!(keys.map(id), ids);
    }
}
