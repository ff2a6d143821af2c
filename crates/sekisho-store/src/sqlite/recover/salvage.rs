//! Brings the rows of a damaged database into a new one. A row is known by its shape, not by the tree that it hangs in,
//! whose inner pages may be gone; it is believed by its checksum. What no checksum covers is taken from what one does,
//! or is doubted: the message is then held for the operator.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crc32fast::Hasher;
use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_mail::{Envelope, MessageId, Timestamp};

use super::{
    Casualty, Fate, Recovery, directory,
    image::Image,
    record::{Kind, Node, Value},
    usage::Usage,
};
use crate::{
    Arrival, Destination, QueuedRecipient,
    sqlite::{
        batch::{HELD, QUEUED, SET_ASIDE},
        codec, load, schema,
    },
};

/// What was found, beside the rows that are in their place already.
const SCRATCH: &str = "
    CREATE TEMP TABLE content (id INTEGER PRIMARY KEY, len INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TEMP TABLE found (
        message INTEGER NOT NULL,
        destination INTEGER NOT NULL,
        state INTEGER NOT NULL,
        last_fault TEXT,
        recipients BLOB NOT NULL,
        directive BLOB,
        pending BLOB,
        -- Whether the page that it stands on adds up: otherwise it may be an older copy of the row.
        sound INTEGER NOT NULL,
        PRIMARY KEY (message, destination)
    ) WITHOUT ROWID;
    -- Deliveries that there were, by the index or by a row that cannot be believed.
    CREATE TEMP TABLE witness (
        message INTEGER NOT NULL,
        destination INTEGER NOT NULL,
        state INTEGER NOT NULL,
        by_index INTEGER NOT NULL,
        PRIMARY KEY (message, destination)
    ) WITHOUT ROWID;
    CREATE TEMP TABLE place (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
";

/// Counters follow from the rows.
const COUNTERS: &str = "
    UPDATE destination SET
        queued = (SELECT count(*) FROM delivery WHERE destination = destination.id AND state = 0),
        parked = (SELECT count(*) FROM delivery WHERE destination = destination.id AND state <> 0),
        earliest = (SELECT min(next_attempt) FROM delivery WHERE destination = destination.id AND state = 0);
    UPDATE destination SET ready = max(earliest, back_off);
    UPDATE counter SET value = (SELECT count(*) FROM message) WHERE name = 'messages';
";

/// A recovery that is under way: the new database, and what is to be told.
pub(super) struct Salvage<'a> {
    image: &'a Image,
    db: &'a Connection,
    spool: &'a Path,
    /// The folder for what has no place in the new one.
    kept: &'a Path,
    now: Timestamp,
    casualties: BTreeMap<i64, Casualty>,
    faults: Vec<String>,
    directory: directory::Found,
}

type Done<T = ()> = rusqlite::Result<T>;

/// A state that no delivery has.
const UNCONFIRMED: i64 = -1;

impl<'a> Salvage<'a> {
    pub(super) fn new(
        image: &'a Image,
        db: &'a Connection,
        (spool, kept): (&'a Path, &'a Path),
        now: Timestamp,
    ) -> Self {
        Self {
            image,
            db,
            spool,
            kept,
            now,
            casualties: BTreeMap::new(),
            faults: Vec::new(),
            directory: directory::Found::default(),
        }
    }

    /// All of it, in one transaction of the new database.
    pub(super) fn run(mut self) -> Done<Recovery> {
        self.faults.extend(self.image.oddities.iter().cloned());
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        self.db.execute_batch(SCRATCH)?;
        self.collect()?;
        self.match_content()?;
        self.enter_deliveries()?;
        self.rebuild_lost()?;
        self.rebuild_bare()?;
        self.name_the_rest()?;
        let found = std::mem::take(&mut self.directory);
        self.faults.extend(found.enter(self.db)?);
        self.db.execute_batch(COUNTERS)?;
        let count = |sql: &str| self.db.query_row(sql, [], |row| row.get(0)).map(codec::unsigned);
        let messages = count("SELECT count(*) FROM message")?;
        let strays = self.strays()?;
        self.db.execute_batch("COMMIT")?;
        Ok(Recovery {
            pages: self.image.pages,
            faults: self.faults,
            messages,
            casualties: self.casualties.into_values().collect(),
            strays,
            kept: PathBuf::new(),
        })
    }

    /// Every row of every page in use.
    fn collect(&mut self) -> Done {
        let usage = Usage::of(self.image);
        for number in 1..=self.image.pages {
            if !usage.is_in_use(number) {
                continue;
            }
            let Some(page) = self.image.page(number) else {
                self.faults.push(format!("page {number} cannot be read"));
                continue;
            };
            let Some(node) = Node::parse(number, &page) else {
                self.faults.push(format!("page {number} is none of a tree"));
                continue;
            };
            let adds_up = node.adds_up();
            if !adds_up {
                self.faults
                    .push(format!("page {number}: its header does not fit what stands on it"));
            }
            let mut unread = 0;
            for row in node.rows(self.image) {
                let taken = match row {
                    Some((number, values)) => self.take((node.kind, adds_up), number, &values)?,
                    None => false,
                };
                unread += u32::from(!taken);
            }
            if unread > 0 {
                self.faults.push(format!("page {number}: {unread} rows cannot be read"));
            }
        }
        Ok(())
    }

    /// Takes a row by its shape; whether it has one of ours.
    fn take(&mut self, (kind, adds_up): (Kind, bool), number: Option<i64>, values: &[Value]) -> Done<bool> {
        match (kind, number, values) {
            (
                Kind::TableLeaf,
                Some(key),
                [
                    _,
                    _,
                    Value::Int(size),
                    _,
                    Value::Int(body_crc),
                    Value::Int(_),
                    Value::Int(crc),
                    envelope,
                    arrival,
                ],
            ) => self.take_message(key, (*size, *body_crc, *crc), envelope, arrival),
            (Kind::TableLeaf, Some(key), [Value::Null, Value::Octets(content)]) => {
                self.take_content(key, content).map(|()| true)
            }
            (Kind::TableLeaf, Some(number), [_, Value::Octets(name), _, _, _, _, _, _]) => {
                self.take_place(number, name).map(|()| true)
            }
            (Kind::IndexLeaf | Kind::IndexInterior, None, [Value::Int(key), Value::Int(destination), rest @ ..])
                if rest.len() == 8 =>
            {
                self.take_delivery(*key, *destination, rest, adds_up)
            }
            (Kind::TableLeaf, Some(_), [Value::Null, kind, organization, name, body, version, crc]) => Ok(self
                .directory
                .take_document([kind, organization, name], body, (version, crc))),
            (Kind::TableLeaf, Some(number), [Value::Null, at, author, comment, changes, crc]) => Ok(self
                .directory
                .take_version((number, at), [author, comment, changes], crc)),
            (
                Kind::IndexLeaf | Kind::IndexInterior,
                None,
                [
                    Value::Int(destination),
                    Value::Int(state),
                    Value::Int(_),
                    Value::Int(key),
                ],
            ) => self.witness((*key, *destination), *state, true).map(|()| true),
            (Kind::IndexLeaf | Kind::IndexInterior, None, [Value::Octets(name), Value::Int(value)]) => {
                self.directory.take_counter(name, *value);
                Ok(true)
            }
            // The schema, suspects, counters and the small indexes are made anew.
            (Kind::TableLeaf, Some(_), [_, _, _] | [_, _, _, _, _])
            | (Kind::IndexLeaf | Kind::IndexInterior, None, [_, _]) => Ok(true),
            _ => Ok(false),
        }
    }

    fn take_message(
        &self,
        key: i64,
        (size, body_crc, crc): (i64, i64, i64),
        envelope: &Value,
        arrival: &Value,
    ) -> Done<bool> {
        let (Some(envelope), Some(arrival), Ok(body_crc)) =
            (envelope.octets(), arrival.octets(), u32::try_from(body_crc))
        else {
            return Ok(false);
        };
        if i64::from(codec::message_crc(
            key,
            codec::unsigned(size),
            body_crc,
            envelope,
            arrival,
        )) != crc
        {
            return Ok(false);
        }
        let (Some(parsed), Some(arrived)) = (codec::parse::<Envelope>(envelope), codec::parse::<Arrival>(arrival))
        else {
            return Ok(false);
        };
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO message
                 (id, arrived, size, sender, body_crc, spooled, docs_crc, envelope, arrival)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)",
            )?
            .execute(params![
                key,
                arrived.at.as_millis(),
                size,
                parsed.reverse_path.to_string(),
                body_crc,
                crc,
                envelope,
                arrival
            ])
            .map(|_| true)
    }

    fn take_content(&self, key: i64, content: &[u8]) -> Done {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO body (id, content) VALUES (?1, ?2)")?
            .execute(params![key, content])?;
        self.db
            .prepare_cached("INSERT OR IGNORE INTO temp.content (id, len, crc) VALUES (?1, ?2, ?3)")?
            .execute(params![
                key,
                codec::signed(content.len() as u64),
                crc32fast::hash(content)
            ])
            .map(drop)
    }

    fn take_place(&self, number: i64, name: &[u8]) -> Done {
        let Ok(name) = str::from_utf8(name) else { return Ok(()) };
        self.db
            .prepare_cached("INSERT OR IGNORE INTO temp.place (id, name) VALUES (?1, ?2)")?
            .execute(params![number, name])
            .map(drop)
    }

    /// One on a page that does not add up may be of the past: unless the index has it too, it is held.
    fn take_delivery(&self, key: i64, destination: i64, rest: &[Value], adds_up: bool) -> Done<bool> {
        let [state, _, _, last_fault, crc, recipients, directive, pending] = rest else {
            return Ok(false);
        };
        let state = state.int().unwrap_or(HELD);
        let crc = crc.int().and_then(|crc| u32::try_from(crc).ok());
        let document = recipients.octets().unwrap_or_default();
        let believed = crc.and_then(|crc| load::recipients(key, destination, document, crc));
        if believed.is_none_or(|recipients| recipients.is_empty()) {
            self.witness((key, destination), state, false)?;
            return Ok(false);
        }
        if adds_up {
            // What was found before on a page that does not is an older copy, or the same.
            self.db
                .prepare_cached(
                    "DELETE FROM temp.witness WHERE message = ?1 AND destination = ?2 AND state = ?3 AND NOT by_index",
                )?
                .execute(params![key, destination, UNCONFIRMED])?;
        } else if !self.is_found_sound(key, destination)? {
            self.witness((key, destination), UNCONFIRMED, false)?;
        }
        self.db
            .prepare_cached(
                "INSERT INTO temp.found
                 (message, destination, state, last_fault, recipients, directive, pending, sound)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET state = excluded.state, last_fault = excluded.last_fault,
                 recipients = excluded.recipients, directive = excluded.directive, pending = excluded.pending, sound = 1
                 WHERE excluded.sound AND NOT sound",
            )?
            .execute(params![
                key,
                destination,
                state,
                last_fault.octets().map(String::from_utf8_lossy),
                document,
                directive.octets(),
                pending.octets(),
                adds_up
            ])
            .map(|_| true)
    }

    /// Whether a page that adds up had this delivery.
    fn is_found_sound(&self, key: i64, destination: i64) -> Done<bool> {
        self.db
            .prepare_cached("SELECT 1 FROM temp.found WHERE message = ?1 AND destination = ?2 AND sound")?
            .exists(params![key, destination])
    }

    fn witness(&self, (key, destination): (i64, i64), state: i64, by_index: bool) -> Done {
        self.db
            .prepare_cached(
                "INSERT INTO temp.witness (message, destination, state, by_index) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET by_index = max(by_index, excluded.by_index),
                 state = iif(excluded.by_index, excluded.state, state)",
            )?
            .execute(params![key, destination, state, by_index])
            .map(drop)
    }

    /// Finds each message's content in the database or in its file; what fits no message goes out of the database.
    fn match_content(&mut self) -> Done {
        let fitting = "SELECT 1 FROM message m JOIN temp.content c ON c.id = m.id
                       WHERE m.id = body.id AND c.len = m.size AND c.crc = m.body_crc";
        let mut unfit = self
            .db
            .prepare(&format!("SELECT id, content FROM body WHERE NOT EXISTS ({fitting})"))?;
        let mut rows = unfit.query([])?;
        while let Some(row) = rows.next()? {
            let path = spool_file(self.kept, codec::id(row.get(0)?));
            let written = fs::write(path, row.get::<_, Vec<u8>>(1)?);
            written.map_err(|error| schema::io_failed(&error))?;
        }
        drop(rows);
        self.db
            .execute(&format!("DELETE FROM body WHERE NOT EXISTS ({fitting})"), [])?;
        let in_files: Vec<(i64, i64, u32)> = self
            .db
            .prepare(
                "SELECT id, size, body_crc FROM message WHERE NOT EXISTS (SELECT 1 FROM body WHERE id = message.id)",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Done<_>>()?;
        for (key, size, crc) in in_files {
            // Where it was does not matter when it is nowhere: no row of content is as good as no file.
            self.db.execute("UPDATE message SET spooled = 1 WHERE id = ?1", [key])?;
            let path = spool_file(self.spool, codec::id(key));
            let why = match checksum(&path) {
                Ok(found) if found == (codec::unsigned(size), crc) => continue,
                Ok(_) => format!("the content in {} is not what came", path.display()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => "its content is lost".to_owned(),
                Err(error) => format!("{}: {error}", path.display()),
            };
            self.casualty(key, Fate::SetAside, why)?;
        }
        Ok(())
    }

    /// Deliveries that can be believed.
    fn enter_deliveries(&mut self) -> Done {
        let mut statement = self.db.prepare(
            "SELECT f.message, f.destination, f.state, coalesce(w.state, f.state), f.last_fault, f.recipients,
             f.directive, f.pending FROM temp.found f LEFT JOIN temp.witness w USING (message, destination)
             WHERE EXISTS (SELECT 1 FROM message WHERE id = f.message)",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (key, state, other): (i64, i64, i64) = (row.get(0)?, row.get(2)?, row.get(3)?);
            let (directive, pending): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(6)?, row.get(7)?);
            let directive_fits = directive.as_deref().is_none_or(is_document);
            let pending_fits = pending.as_deref().is_none_or(is_document);
            let mut delivery = Delivery {
                key,
                state,
                last_fault: row.get(4)?,
                recipients: codec::parse(&row.get::<_, Vec<u8>>(5)?).unwrap_or_default(),
                directive: directive.filter(|_| directive_fits),
                pending: pending.filter(|_| pending_fits),
            };
            let is_certain = state == other && (QUEUED..=SET_ASIDE).contains(&state) && directive_fits && pending_fits;
            if !is_certain {
                let why = "what was ordered for it, or whether it is held, is uncertain".to_owned();
                delivery.hold(&why);
                self.casualty(key, Fate::Held, why)?;
            }
            self.enter(delivery)?;
        }
        Ok(())
    }

    /// Deliveries whose row is lost, but that are known to have been there: from the envelope, for the operator to look
    /// at, since some of its recipients may be done.
    fn rebuild_lost(&mut self) -> Done {
        let lost: Vec<(i64, Option<String>)> = self
            .db
            .prepare(
                "SELECT w.message, p.name FROM temp.witness w LEFT JOIN temp.place p ON p.id = w.destination
                 WHERE NOT EXISTS (SELECT 1 FROM temp.found f
                                   WHERE f.message = w.message AND f.destination = w.destination)
                 AND EXISTS (SELECT 1 FROM message WHERE id = w.message)",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Done<_>>()?;
        for (key, name) in lost {
            let of_envelope = self.recipients(key)?;
            let there = of_envelope.into_iter().filter(|queued| Some(host(queued)) == name);
            let recipients: Vec<QueuedRecipient> = there.collect();
            if recipients.is_empty() {
                let id = codec::id(key);
                self.faults.push(format!(
                    "message {id}: one of its deliveries is named and cannot be found"
                ));
                continue;
            }
            self.rebuild(
                key,
                recipients,
                "the row of its delivery is lost; some recipients may have it already",
            )?;
        }
        Ok(())
    }

    /// Messages of which no delivery is left: all recipients of the envelope, for the operator to look at.
    fn rebuild_bare(&mut self) -> Done {
        let bare: Vec<i64> = self
            .db
            .prepare("SELECT id FROM message WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE message = message.id)")?
            .query_map([], |row| row.get(0))?
            .collect::<Done<_>>()?;
        for key in bare {
            let recipients = self.recipients(key)?;
            let why = "all rows of its deliveries are lost; some recipients may have it already, or it was redirected";
            self.rebuild(key, recipients, why)?;
        }
        Ok(())
    }

    fn rebuild(&mut self, key: i64, recipients: Vec<QueuedRecipient>, why: &str) -> Done {
        let mut by_host: BTreeMap<String, Vec<QueuedRecipient>> = BTreeMap::new();
        for queued in recipients {
            by_host.entry(host(&queued)).or_default().push(queued);
        }
        for recipients in by_host.into_values() {
            let mut delivery = Delivery {
                key,
                state: HELD,
                last_fault: None,
                recipients,
                directive: None,
                pending: None,
            };
            delivery.hold(why);
            self.enter(delivery)?;
        }
        self.casualty(key, Fate::Held, why.to_owned())
    }

    /// The recipients that the message came with.
    fn recipients(&self, key: i64) -> Done<Vec<QueuedRecipient>> {
        let document: Vec<u8> = self
            .db
            .prepare_cached("SELECT envelope FROM message WHERE id = ?1")?
            .query_row([key], |row| row.get(0))?;
        let envelope: Option<Envelope> = codec::parse(&document);
        let recipients = envelope.map(|envelope| envelope.recipients).unwrap_or_default();
        let queued = (0..).zip(recipients).map(|(index, recipient)| QueuedRecipient {
            index,
            recipient,
            attempts: 0,
            delay_notified: false,
            last_fault: None,
            held: false,
        });
        Ok(queued.collect())
    }

    /// Enters a delivery, due at once; what has no content is set aside.
    fn enter(&mut self, mut delivery: Delivery) -> Done {
        let Some(first) = delivery.recipients.first() else {
            return Ok(());
        };
        let name = Destination::of_recipient(&first.recipient).to_string();
        let key = delivery.key;
        let without_content = |casualty: &&mut Casualty| casualty.fate == Fate::SetAside;
        if let Some(casualty) = self.casualties.get_mut(&key).filter(without_content) {
            delivery.state = SET_ASIDE;
            delivery.last_fault = Some(format!("set aside: {}", casualty.why.join("; ")));
            casualty.recipients.extend(delivery.recipients.iter().map(address));
        }
        let known = self
            .db
            .prepare_cached("SELECT id FROM destination WHERE name = ?1")?
            .query_row([&name], |row| row.get(0))
            .optional()?;
        let number: i64 = match known {
            Some(number) => number,
            None => {
                self.db
                    .prepare_cached("INSERT INTO destination (name) VALUES (?1)")?
                    .execute([&name])?;
                self.db.last_insert_rowid()
            }
        };
        let document = codec::document(&delivery.recipients).map_err(super::super::settle::to_sql)?;
        let attempts = delivery.recipients.iter().map(|queued| queued.attempts).max();
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO delivery
                 (message, destination, state, next_attempt, attempts, last_fault, crc, recipients, directive, pending)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                key,
                number,
                delivery.state,
                self.now.as_millis(),
                attempts,
                delivery.last_fault,
                codec::recipients_crc(key, number, &document),
                document,
                delivery.directive,
                delivery.pending
            ])
            .map(drop)
    }

    /// Messages without their own row: their deliveries tell to whom they were.
    fn name_the_rest(&mut self) -> Done {
        let mut statement = self.db.prepare(
            "SELECT message, recipients FROM temp.found WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = message)
             UNION ALL
             SELECT w.message, NULL FROM temp.witness w WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = w.message)
             AND w.by_index AND NOT EXISTS (SELECT 1 FROM temp.found f WHERE f.message = w.message)",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = row.get(0)?;
            let document: Option<Vec<u8>> = row.get(1)?;
            let recipients: Vec<QueuedRecipient> = document.as_deref().and_then(codec::parse).unwrap_or_default();
            let why = if document.is_some() {
                "its envelope is lost"
            } else {
                "an index names it, and nothing else is left of it"
            };
            let casualty = self.casualties.entry(key).or_insert_with(|| Casualty {
                id: codec::id(key),
                fate: Fate::Lost,
                why: vec![why.to_owned()],
                recipients: Vec::new(),
            });
            casualty.recipients.extend(recipients.iter().map(address));
        }
        Ok(())
    }

    fn casualty(&mut self, key: i64, fate: Fate, why: String) -> Done {
        let recipients = match fate {
            Fate::Held => self.recipients(key)?.iter().map(address).collect(),
            Fate::SetAside | Fate::Lost => Vec::new(),
        };
        let casualty = self.casualties.entry(key).or_insert_with(|| Casualty {
            id: codec::id(key),
            fate,
            why: Vec::new(),
            recipients,
        });
        if !casualty.why.contains(&why) {
            casualty.why.push(why);
        }
        Ok(())
    }

    /// Content without a message, in the old database or in a file.
    fn strays(&self) -> Done<Vec<MessageId>> {
        let mut strays: Vec<MessageId> = self
            .db
            .prepare("SELECT id FROM temp.content WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = content.id)")?
            .query_map([], |row| row.get(0).map(codec::id))?
            .collect::<Done<_>>()?;
        let mut statement = self.db.prepare("SELECT 1 FROM message WHERE id = ?1 AND spooled = 1")?;
        for id in spooled(self.spool) {
            if !statement.exists([codec::key(id)])? {
                strays.push(id);
            }
        }
        strays.sort_unstable();
        strays.dedup();
        Ok(strays)
    }
}

/// A row of the new table, but for its destination.
struct Delivery {
    key: i64,
    state: i64,
    last_fault: Option<String>,
    recipients: Vec<QueuedRecipient>,
    directive: Option<Vec<u8>>,
    pending: Option<Vec<u8>>,
}

impl Delivery {
    fn hold(&mut self, why: &str) {
        self.state = HELD;
        self.last_fault = Some(format!("held by the recovery: {why}"));
    }
}

fn host(queued: &QueuedRecipient) -> String {
    Destination::of_recipient(&queued.recipient).to_string()
}

fn address(queued: &QueuedRecipient) -> String {
    queued.recipient.mailbox.to_string()
}

fn is_document(octets: &[u8]) -> bool {
    codec::parse::<serde_json::Value>(octets).is_some()
}

/// Where the content of a message is when it is in a file.
pub(in crate::sqlite) fn spool_file(folder: &Path, id: MessageId) -> PathBuf {
    folder.join(format!("{id}{}", crate::spool::SUFFIX))
}

/// The messages whose content is in a file.
pub(in crate::sqlite) fn spooled(folder: &Path) -> Vec<MessageId> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let ids = names.filter_map(|entry| {
        entry
            .file_name()
            .to_str()?
            .strip_suffix(crate::spool::SUFFIX)?
            .parse()
            .ok()
    });
    ids.collect()
}

/// Length and checksum of a file.
pub(in crate::sqlite) fn checksum(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = fs::File::open(path)?;
    let (mut len, mut crc) = (0, Hasher::new());
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((len, crc.finalize()));
        }
        len += read as u64;
        crc.update(&chunk[..read]);
    }
}
