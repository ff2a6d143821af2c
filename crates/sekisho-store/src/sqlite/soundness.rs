//! Whether the pages of the queue's database are to be trusted. After an I/O error, and when SQLite meets a page that
//! is no page of its, nothing is taken in until all of them have been looked at; when one is damaged, nothing until
//! `sekisho store recover` has made a new database.
//!
//! The look is a thread's of its own with a connection that reads: what is queued goes out meanwhile, and what went is
//! settled. What is known to be damaged is written down beside the database, so that the next start knows it too.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, ErrorCode, InterruptHandle};

use super::{schema, shared::Shared};
use crate::{Soundness, StoreError};

/// The note that says what is damaged.
pub(super) const NOTE: &str = "damaged";
/// A look that fails so often in a row has met what cannot be read.
const FAILURES_MAX: u32 = 3;
/// Findings that a look tells of.
const FINDINGS: u32 = 20;

/// What is known of the pages.
#[derive(Debug)]
pub(super) struct Pages {
    note: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    soundness: Soundness,
    /// What was found, when something was.
    why: String,
    /// Every doubt makes looks worthless that began before it.
    doubts: u64,
    /// SQLite met damage: indexes are compared with their tables too.
    in_full: bool,
    /// Looks in a row that failed.
    failures: u32,
}

impl Pages {
    /// As the last run of the store in `folder` left them.
    pub(super) fn new(folder: &Path) -> Self {
        let note = folder.join(NOTE);
        let mut known = Known::default();
        if note.exists() {
            known.soundness = Soundness::Damaged;
            known.why = fs::read_to_string(&note).unwrap_or_default().trim().to_owned();
            tracing::error!(
                why = known.why,
                "the queue's database is damaged: nothing is taken in, what can be read goes out; stop the server and \
                 run `sekisho store recover`"
            );
        }
        Self {
            note,
            known: Mutex::new(known),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn soundness(&self) -> Soundness {
        self.known().soundness
    }

    /// Why nothing is taken in, if so.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        let known = self.known();
        match known.soundness {
            Soundness::Sound => None,
            Soundness::Unchecked => Some(StoreError::Failed(
                "it failed before, and its pages are being checked".to_owned(),
            )),
            Soundness::Damaged => Some(StoreError::DamagedPages(known.why.clone())),
        }
    }

    /// An error of the database: its pages are to be looked at, unless it was want of room, which SQLite takes back.
    pub(super) fn doubt(&self, error: &rusqlite::Error) {
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            return;
        }
        let mut known = self.known();
        known.doubts += 1;
        known.in_full |= is_damage(error);
        if known.soundness == Soundness::Sound {
            known.soundness = Soundness::Unchecked;
            tracing::warn!(%error, "nothing is taken in until the pages of the queue's database have been checked");
        }
    }

    /// They are known to be damaged.
    pub(super) fn condemn(&self, why: &str) {
        let mut known = self.known();
        if known.soundness == Soundness::Damaged {
            return;
        }
        known.soundness = Soundness::Damaged;
        known.why = why.to_owned();
        drop(known);
        tracing::error!(
            why,
            "the queue's database is damaged: nothing is taken in any more, what can be read goes out; stop the server \
             and run `sekisho store recover`"
        );
        if let Err(error) = write_note(&self.note, why) {
            tracing::error!(path = %self.note.display(), %error, "that could not be written down for the next start");
        }
    }

    /// Takes what a look came to, unless there was another doubt since it began.
    fn take(&self, doubts: u64, found: rusqlite::Result<Vec<String>>) {
        let mut known = self.known();
        if known.doubts != doubts || known.soundness != Soundness::Unchecked {
            return;
        }
        let why = match found {
            Ok(findings) if findings.is_empty() => {
                known.soundness = Soundness::Sound;
                known.in_full = false;
                known.failures = 0;
                tracing::info!("the pages of the queue's database are sound; mail is taken in again");
                return;
            }
            Ok(findings) => findings.join("; "),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => return,
            Err(error) => {
                known.failures += 1;
                tracing::warn!(%error, "the pages of the queue's database could not be checked");
                if !is_damage(&error) && known.failures < FAILURES_MAX {
                    return;
                }
                error.to_string()
            }
        };
        drop(known);
        self.condemn(&why);
    }
}

/// Whether SQLite met what is no page of its.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Writes down for the next start that the database is damaged.
pub(super) fn write_note(path: &Path, why: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "{why}")?;
    file.sync_all()?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// A look at all pages that is under way.
pub(super) struct Look {
    thread: JoinHandle<()>,
    interrupt: InterruptHandle,
}

impl Look {
    /// Begins one when it is needed; `None` when it is not.
    ///
    /// # Errors
    /// When the database cannot be opened, or no thread can be had.
    pub(super) fn begin_if_needed(shared: &Arc<Shared>, path: &Path) -> rusqlite::Result<Option<Self>> {
        let (doubts, in_full) = {
            let known = shared.pages.known();
            if known.soundness != Soundness::Unchecked {
                return Ok(None);
            }
            (known.doubts, known.in_full)
        };
        let db = schema::open_reader(path, &*shared.settings.disk)?;
        let (interrupt, shared) = (db.get_interrupt_handle(), Arc::clone(shared));
        let thread = thread::Builder::new()
            .name("store-check".to_owned())
            .spawn(move || shared.pages.take(doubts, findings(&db, in_full, FINDINGS)))
            .map_err(|error| schema::io_failed(&error))?;
        Ok(Some(Self { thread, interrupt }))
    }

    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it, whatever it has found so far.
    pub(super) fn end(self) {
        self.interrupt.interrupt();
        if self.thread.join().is_err() {
            tracing::error!("the check of the queue's database panicked");
        }
    }
}

/// What SQLite says against the pages of a database; in full, against its indexes too.
pub(super) fn findings(db: &Connection, in_full: bool, limit: u32) -> rusqlite::Result<Vec<String>> {
    let check = if in_full { "integrity_check" } else { "quick_check" };
    let findings = db
        .prepare(&format!("PRAGMA {check}({limit})"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if findings == ["ok"] { Vec::new() } else { findings })
}
