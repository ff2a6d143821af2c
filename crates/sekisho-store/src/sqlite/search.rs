//! Searching the trace: day by day, newest first, until enough is found. Hashes narrow it down, the documents decide.
//! Messages of which nothing was settled yet are still in the queue alone and are found there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, OptionalExtension as _, params_from_iter, types::Value};
use sekisho_mail::{Host, Mailbox, MessageId, Recipient, ReversePath, Timestamp};

use super::{
    codec,
    day::{self, Volume},
    evidence, load,
    load::Loaded,
    readers::Reader,
    schema, trace,
};
use crate::{Arrival, Disk, StoreError, TRACED_ATTEMPTS_MAX, TraceFilter, TraceItem, TracedAttempt};

/// Messages found when the filter does not say how many.
const DEFAULT_LIMIT: u32 = 100;
/// Messages found at most.
const LIMIT: u32 = 10_000;
/// Queued messages looked through, newest first, for those that were never attempted.
const QUEUE_LIMIT: usize = 10_000;

/// What a search has found so far, by key.
type Found = BTreeMap<i64, TraceItem>;

/// All that match, newest message first.
pub(super) fn search(reader: &mut Reader, folder: &Path, filter: &TraceFilter) -> Result<Vec<TraceItem>, StoreError> {
    let limit = match filter.limit {
        0 => DEFAULT_LIMIT,
        asked => asked.min(LIMIT),
    } as usize;
    let disk = std::sync::Arc::clone(&reader.shared().settings.disk);
    let volumes = day::volumes(folder).map_err(|error| StoreError::Failed(format!("the trace's folder: {error}")))?;
    let mut found = unattempted(reader, filter, limit)?;
    let mut keys: BTreeSet<i64> = found.keys().copied().collect();
    for volume in volumes.iter().copied().filter(|volume| in_range(volume.day, filter)) {
        // A day holds messages that arrived on it or before: enough that are newer cannot be beaten by older days.
        let from = codec::key(MessageId::new(Timestamp::from_secs((volume.day + 1) * 86_400), 0));
        if keys.range(from..).count() >= limit {
            break;
        }
        if let Some(db) = open(folder, volume, &*disk)? {
            keys.extend(matching(&db, filter, limit).map_err(schema::failed)?);
        }
    }
    let wanted: Vec<i64> = keys.into_iter().rev().take(limit).collect();
    for volume in volumes.iter().rev().copied() {
        let Some(db) = open(folder, volume, &*disk)? else {
            continue;
        };
        let query = evidence::query(&db).map_err(schema::failed)?;
        for key in wanted
            .iter()
            .filter(|key| codec::id(**key).began_at().day() <= volume.day)
        {
            collect(&db, query, *key, &mut found).map_err(schema::failed)?;
        }
    }
    let queued = queued_of(reader, &wanted)?;
    let items = wanted.iter().filter_map(|key| {
        let mut item = found.remove(key)?;
        item.queued = queued.contains(key);
        Some(item)
    });
    Ok(items.filter(|item| fits(item, filter)).collect())
}

/// The attempts of one message, oldest first.
pub(super) fn attempts(reader: &mut Reader, folder: &Path, id: MessageId) -> Result<Vec<TracedAttempt>, StoreError> {
    let filter = TraceFilter {
        id: Some(id),
        limit: 1,
        ..TraceFilter::default()
    };
    let items = search(reader, folder, &filter)?;
    Ok(items.into_iter().flat_map(|item| item.attempts).collect())
}

fn open(folder: &Path, volume: Volume, disk: &dyn Disk) -> Result<Option<Connection>, StoreError> {
    let path = volume.path(folder);
    match day::open_reader(&path, disk) {
        Ok(db) => Ok(db),
        // It was unlinked while we looked.
        Err(_) if !path.exists() => Ok(None),
        Err(error) => Err(schema::failed(error)),
    }
}

fn in_range(day: i64, filter: &TraceFilter) -> bool {
    let after_begin = filter.since.is_none_or(|since| day >= since.day());
    // A message of the range may have been attempted later, but not for longer than it may be queued; an id says when.
    let newest = filter.id.is_none_or(|id| day >= id.began_at().day());
    after_begin && newest
}

/// The newest keys of a day that match by hash.
fn matching(db: &Connection, filter: &TraceFilter, limit: usize) -> rusqlite::Result<Vec<i64>> {
    let mut sql = "SELECT m.id FROM message m WHERE 1".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let mut and = |condition: &str, new: Vec<i64>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(new.into_iter().map(Value::from));
    };
    if let Some(id) = filter.id {
        and("m.id = ?", vec![codec::key(id)]);
    }
    if let Some(before) = filter.before {
        and("m.id < ?", vec![codec::key(before)]);
    }
    if let Some(header) = &filter.message_id_header {
        and("m.message_id_header = ?", vec![codec::text_hash(header)]);
    }
    match filter.sender.as_deref().map(Wanted::parse) {
        Some(Wanted::Domain(hash)) => and("m.sender_domain = ?", vec![hash]),
        Some(Wanted::Address(hash)) => and("m.sender = ?", vec![hash]),
        None => {}
    }
    let (condition, new) = attempt_condition(filter);
    if !condition.is_empty() {
        and(&condition, new);
    }
    values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    sql.push_str(" ORDER BY m.id DESC LIMIT ?");
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
    rows.collect()
}

/// What one and the same attempt must fulfil; version and time may be the arrival's instead.
fn attempt_condition(filter: &TraceFilter) -> (String, Vec<i64>) {
    let mut values = Vec::new();
    let mut attempt = String::new();
    match filter.recipient.as_deref().map(Wanted::parse) {
        Some(Wanted::Domain(hash)) => {
            attempt.push_str(" AND (a.recipient_domain = ? OR a.original_domain = ?)");
            values.extend([hash, hash]);
        }
        Some(Wanted::Address(hash)) => {
            attempt.push_str(" AND (a.recipient = ? OR a.original = ?)");
            values.extend([hash, hash]);
        }
        None => {}
    }
    if let Some(word) = &filter.outcome {
        attempt.push_str(" AND a.outcome = ?");
        values.push(trace::outcome_by_word(word));
    }
    let mut either = |condition: &str, value: i64| {
        attempt.push_str(&format!(" AND (m.{condition} OR a.{condition})"));
        values.extend([value, value]);
    };
    if let Some(version) = filter.tls_version {
        either("tls = ?", trace::tls_number(version));
    }
    match filter.plaintext {
        Some(true) => either("tls = ?", 0),
        Some(false) => either("tls > ?", 0),
        None => {}
    }
    let mut time = |sign: &str, at: Timestamp| {
        attempt.push_str(&format!(" AND (m.arrived {sign} ? OR a.at {sign} ?)"));
        values.extend([at.as_millis(), at.as_millis()]);
    };
    if let Some(since) = filter.since {
        time(">=", since);
    }
    if let Some(until) = filter.until {
        time("<=", until);
    }
    if attempt.is_empty() {
        return (attempt, values);
    }
    (
        format!("EXISTS (SELECT 1 FROM attempt a WHERE a.message = m.id{attempt})"),
        values,
    )
}

/// What a filter's address asks for, as the hash under which the trace has it.
enum Wanted {
    /// `@domain`
    Domain(i64),
    /// An address, or `<>`.
    Address(i64),
}

impl Wanted {
    fn parse(text: &str) -> Self {
        if let Some(domain) = text.strip_prefix('@') {
            let host = Host::parse(domain);
            return Self::Domain(host.map_or_else(|_| codec::text_hash(domain), |host| trace::host_hash(&host)));
        }
        let bare = text.trim_start_matches('<').trim_end_matches('>');
        if bare.is_empty() {
            return Self::Address(codec::text_hash("<>"));
        }
        let mailbox = Mailbox::parse(bare);
        Self::Address(mailbox.map_or_else(|_| codec::text_hash(bare), |mailbox| trace::mailbox_hashes(&mailbox).0))
    }

    /// Whether it is the recipient's address or the one that the sender wrote first.
    fn names(&self, recipient: &Recipient) -> bool {
        let original = trace::original_mailbox(recipient);
        self.is(&recipient.mailbox) || original.is_some_and(|original| self.is(&original))
    }

    fn is(&self, mailbox: &Mailbox) -> bool {
        let (address, domain) = trace::mailbox_hashes(mailbox);
        match self {
            Self::Domain(hash) => *hash == domain,
            Self::Address(hash) => *hash == address,
        }
    }
}

/// Adds what a day has of a message; its evidence is asked for by `query`.
fn collect(db: &Connection, query: &str, key: i64, found: &mut Found) -> rusqlite::Result<()> {
    let row = db
        .prepare_cached("SELECT size, crc, envelope, arrival FROM message WHERE id = ?1")?
        .query_row([key], |row| {
            Ok((
                codec::unsigned(row.get(0)?),
                row.get::<_, u32>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        })
        .optional()?;
    let Some((size, crc, envelope, arrival)) = row else {
        return Ok(());
    };
    if let std::collections::btree_map::Entry::Vacant(vacant) = found.entry(key) {
        let sound = codec::message_crc(key, size, 0, &envelope, &arrival) == crc;
        let (Some(envelope), Some(arrival), true) = (codec::parse(&envelope), codec::parse(&arrival), sound) else {
            tracing::error!(message = %codec::id(key), "the trace of a message is damaged and was passed over");
            return Ok(());
        };
        vacant.insert(item(codec::id(key), size, envelope, arrival));
    }
    let Some(item) = found.get_mut(&key) else { return Ok(()) };
    let mut statement = db.prepare_cached(query)?;
    let limit = i64::try_from(TRACED_ATTEMPTS_MAX).unwrap_or(i64::MAX);
    let mut rows = statement.query([key, limit])?;
    let mut newest_first = Vec::new();
    while let Some(row) = rows.next()? {
        match evidence::read(row)? {
            Loaded::Sound(evidence) => newest_first.push(TracedAttempt { evidence }),
            Loaded::Damaged(why) => {
                let message = codec::id(key);
                tracing::error!(%message, why, "the evidence of an attempt is damaged and was passed over");
            }
            Loaded::Missing => {}
        }
    }
    item.attempts.extend(newest_first.into_iter().rev());
    let too_many = item.attempts.len().saturating_sub(TRACED_ATTEMPTS_MAX);
    item.attempts.drain(..too_many);
    Ok(())
}

const fn item(id: MessageId, size: u64, envelope: sekisho_mail::Envelope, arrival: Arrival) -> TraceItem {
    TraceItem {
        id,
        envelope,
        size,
        arrival,
        attempts: Vec::new(),
        queued: true,
    }
}

/// Queued messages that match and of which no attempt can be asked for.
fn unattempted(reader: &mut Reader, filter: &TraceFilter, limit: usize) -> Result<Found, StoreError> {
    if filter.outcome.is_some() {
        return Ok(Found::new());
    }
    reader.at_one_moment(|db, shared| {
        let mut found = Found::new();
        let mut statement = match filter.id {
            Some(_) => db.prepare_cached("SELECT id FROM message WHERE id = ?1 AND id < ?2 LIMIT ?3")?,
            None => {
                db.prepare_cached("SELECT id FROM message WHERE ?1 IS NULL AND id < ?2 ORDER BY id DESC LIMIT ?3")?
            }
        };
        let rows = i64::try_from(QUEUE_LIMIT).unwrap_or(i64::MAX);
        let before = filter.before.map_or(i64::MAX, codec::key);
        let mut rows = statement.query(rusqlite::params![filter.id.map(codec::key), before, rows])?;
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            let key = row.get(0)?;
            if let Loaded::Sound(message) = load::message(db, shared, key)? {
                let item = item(
                    codec::id(key),
                    message.documents.size,
                    message.envelope,
                    message.arrival,
                );
                if fits_arrival(&item, filter) {
                    found.insert(key, item);
                }
            }
        }
        Ok(found)
    })
}

/// Whether the arrival alone fulfils the filter.
fn fits_arrival(item: &TraceItem, filter: &TraceFilter) -> bool {
    let security = trace::tls(&item.arrival.security);
    let recipient = filter.recipient.as_deref().map(Wanted::parse);
    fits_sender(item, filter)
        && recipient.is_none_or(|wanted| item.envelope.recipients.iter().any(|to| wanted.names(to)))
        && filter.since.is_none_or(|since| item.arrival.at >= since)
        && filter.until.is_none_or(|until| item.arrival.at <= until)
        && filter
            .tls_version
            .is_none_or(|version| trace::tls_number(version) == security)
        && filter.plaintext.is_none_or(|plaintext| plaintext == (security == 0))
}

/// Two texts may have one hash: whatever hashes stand for is compared in full.
fn fits(item: &TraceItem, filter: &TraceFilter) -> bool {
    fits_sender(item, filter)
        && filter.recipient.as_deref().is_none_or(|text| {
            let attempted = item.attempts.iter().map(|attempt| &attempt.evidence.recipient);
            let mut all = attempted.chain(&item.envelope.recipients);
            all.any(|recipient| {
                let original = trace::original_mailbox(recipient);
                same_address(&recipient.mailbox, text) || original.is_some_and(|original| same_address(&original, text))
            })
        })
}

fn fits_sender(item: &TraceItem, filter: &TraceFilter) -> bool {
    let header = filter.message_id_header.as_deref().is_none_or(|wanted| {
        item.arrival
            .message_id_header
            .as_deref()
            .is_some_and(|it| it.eq_ignore_ascii_case(wanted))
    });
    let sender = filter
        .sender
        .as_deref()
        .is_none_or(|text| match &item.envelope.reverse_path {
            ReversePath::Null => text.trim_start_matches('<').trim_end_matches('>').is_empty(),
            ReversePath::Mailbox(mailbox) => same_address(mailbox, text),
        });
    header && sender
}

fn same_address(mailbox: &Mailbox, text: &str) -> bool {
    match text.strip_prefix('@') {
        Some(domain) => match Host::parse(domain) {
            Ok(host) => host == *mailbox.host(),
            Err(_) => false,
        },
        None => {
            let bare = text.trim_start_matches('<').trim_end_matches('>');
            Mailbox::parse(bare).is_ok_and(|wanted| wanted.to_string().eq_ignore_ascii_case(&mailbox.to_string()))
        }
    }
}

/// Those of the keys that are still queued.
fn queued_of(reader: &mut Reader, keys: &[i64]) -> Result<BTreeSet<i64>, StoreError> {
    reader.at_one_moment(|db, _| {
        let mut statement = db.prepare_cached("SELECT 1 FROM message WHERE id = ?1")?;
        let mut queued = BTreeSet::new();
        for key in keys {
            if statement.exists([key])? {
                queued.insert(*key);
            }
        }
        Ok(queued)
    })
}
