//! Compares a recovered store with what the ledger says: every message whole and where it must be, evidence for all
//! that ended, nothing that was never offered, and no content that nobody owns.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use sekisho_mail::{ChannelFacts, MessageId, Timestamp};
use sekisho_store::{
    Body, QueueFilter, Store, StoreError, Ticket, TraceFilter, TracedAttempt,
    conformance::{NOW, channel, content},
    sqlite::SqliteStore,
};

use super::{
    ledger::{Attempt, Family, Known, Row},
    work::{BODY_THRESHOLD, CHANNELS, settings},
};

type Rows = BTreeMap<(MessageId, String), Row>;

/// Opens a folder as a crash left it and looks at everything. What was uncertain is certain then.
pub(crate) fn judge(folder: &Path, known: &Known) -> Result<Known, String> {
    let store = SqliteStore::open(settings(folder), NOW).map_err(said)?;
    let found = observe(&store, known)?;
    // Files are unlinked behind the answers.
    drop(store);
    check_files(folder, &found)?;
    sekisho_testkit::vfs::check_pages(folder)?;
    Ok(found)
}

fn said(error: StoreError) -> String {
    error.to_string()
}

/// As [`judge`], of a store that is open.
pub(crate) fn observe(store: &SqliteStore, known: &Known) -> Result<Known, String> {
    store.remove_orphans().wait().map_err(said)?;
    let rows = rows(store, known)?;
    check_content(store, &rows, known)?;
    check_counts(store, &rows)?;
    let traced = traced(store)?;
    let mut families: BTreeMap<MessageId, Rows> = BTreeMap::new();
    for (key, row) in rows {
        let root = known.roots.get(&key.0).ok_or(format!("{} was never offered", key.0))?;
        families.entry(*root).or_default().insert(key, row);
    }
    let mut found = known.clone();
    for (id, history) in &mut found.messages {
        let rows = families.remove(id).unwrap_or_default();
        let possible = history.possible.take();
        let matching = [Some(&history.certain), possible.as_ref()];
        let family = matching
            .into_iter()
            .flatten()
            .find(|family| family.recovered().rows == rows);
        let Some(family) = family else {
            return Err(differs(*id, &rows, &history.certain, possible.as_ref()));
        };
        for (attempt, was_old) in &family.evidence {
            if !(traced.contains(&(*id, attempt.clone())) || *was_old && known.new_day) {
                return Err(format!("{id}: the evidence of {attempt:?} is lost"));
            }
        }
        history.certain = family.recovered();
    }
    match families.first_key_value() {
        Some((id, _)) => Err(format!("{id} is there and was not committed yet")),
        None => Ok(found),
    }
}

fn differs(id: MessageId, rows: &Rows, certain: &Family, possible: Option<&Family>) -> String {
    let empty = |family: &Family| family.rows.is_empty();
    if rows.is_empty() {
        return format!("{id} was acknowledged and is lost: {certain:?}, perhaps {possible:?}");
    }
    if empty(certain) && possible.is_none_or(empty) {
        return format!("{id} had ended and is back: {rows:?}");
    }
    format!("{id} differs: {rows:?} instead of {certain:?}, perhaps {possible:?}")
}

fn rows(store: &SqliteStore, known: &Known) -> Result<Rows, String> {
    let list = store
        .list(QueueFilter::default(), NOW, None, 10_000)
        .wait()
        .map_err(said)?;
    let mut rows = Rows::new();
    for line in list {
        let row = Row {
            directive: is_ordered(known, line.id) && store.show(line.id).wait().map_err(said)?.directive.is_some(),
            recipients: line.recipients.into_iter().collect(),
            attempts: line.attempts,
            held: line.held,
            redirect: None,
        };
        if line.held && line.last_fault.as_ref().is_some_and(|why| why.contains("checksum")) {
            return Err(format!("{} was set aside: {:?}", line.id, line.last_fault));
        }
        rows.insert((line.id, line.destination.to_string()), row);
    }
    Ok(rows)
}

/// Whether a bounce may have been ordered: asked of those alone, since each costs a search of the trace.
fn is_ordered(known: &Known, id: MessageId) -> bool {
    known.messages.get(&id).is_some_and(|history| {
        let families = [Some(&history.certain), history.possible.as_ref()];
        let mut families = families.into_iter().flatten();
        families.any(|family| family.rows.values().any(|row| row.directive))
    })
}

fn check_content(store: &SqliteStore, rows: &Rows, known: &Known) -> Result<(), String> {
    let mut ids: Vec<MessageId> = rows.keys().map(|(id, _)| *id).collect();
    ids.dedup();
    // Asked all at once, since each answer comes from another thread.
    let bodies: Vec<Ticket<Body>> = ids.iter().map(|id| store.body(*id)).collect();
    for (id, body) in ids.iter().zip(bodies) {
        let offered = known.contents.get(id).ok_or(format!("{id} was never offered"))?;
        if content(&body.wait().map_err(said)?) != **offered {
            return Err(format!("{id} was altered"));
        }
    }
    let queued = store.pressure().queued;
    if queued == ids.len() as u64 {
        Ok(())
    } else {
        Err(format!("{queued} counted, {} queued", ids.len()))
    }
}

/// What destinations say of themselves is what is queued for them.
fn check_counts(store: &SqliteStore, rows: &Rows) -> Result<(), String> {
    let due = store
        .due(Timestamp::FAR_FUTURE, 10_000, HashSet::new())
        .wait()
        .map_err(said)?;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for ((_, destination), row) in rows {
        if !row.held {
            *counted.entry(destination.clone()).or_default() += 1;
        }
    }
    for due in due {
        let queued = counted.remove(&due.destination.to_string()).unwrap_or(0);
        if queued != due.queued {
            return Err(format!(
                "{} counts {} of {queued} deliveries",
                due.destination, due.queued
            ));
        }
    }
    match counted.first_key_value() {
        Some((destination, _)) => Err(format!("{destination} is never due")),
        None => Ok(()),
    }
}

fn traced(store: &SqliteStore) -> Result<HashSet<(MessageId, Attempt)>, String> {
    let filter = TraceFilter {
        limit: 10_000,
        ..TraceFilter::default()
    };
    let items = store.trace(filter).wait().map_err(said)?;
    let channels: [ChannelFacts; CHANNELS] = std::array::from_fn(|number| channel(number as u64));
    let mut traced = HashSet::new();
    for item in items {
        for TracedAttempt { evidence } in item.attempts {
            if !evidence.channel.is_some_and(|channel| channels.contains(&channel)) {
                return Err(format!("{}: the channel of an attempt is lost", item.id));
            }
            let recipient = evidence.recipient.mailbox.to_string();
            traced.insert((item.id, (recipient, evidence.attempt, evidence.outcome.word())));
        }
    }
    Ok(traced)
}

/// There is a file for every message of that length, and no other.
fn check_files(folder: &Path, found: &Known) -> Result<(), String> {
    let families = found.messages.values().map(|history| &history.certain);
    let mut ids: Vec<MessageId> = families
        .flat_map(|family| family.rows.keys().map(|(id, _)| *id))
        .collect();
    ids.dedup();
    let spooled = ids
        .iter()
        .filter(|id| found.contents[*id].len() > BODY_THRESHOLD)
        .count();
    let files = fs::read_dir(folder.join("spool"))
        .map_err(|error| error.to_string())?
        .count();
    if files == spooled {
        return Ok(());
    }
    Err(format!("{files} spool files for {spooled} messages"))
}
