//! Recovery of a damaged database: every row that can be believed is brought into a new one, and what is missing is
//! listed. Nothing is deleted: the damaged database is kept under a dated name, with all content that has no message
//! any more.
//!
//! At every moment the folder holds the old database or the new one, whole: the new one is made beside the old, which
//! is given what its log holds, so that one rename is the whole change. Broken off anywhere, the command is just run
//! again.

mod directory;
mod image;
mod record;
mod salvage;
#[cfg(test)]
mod tests;
mod usage;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use sekisho_mail::{MessageId, Timestamp};

pub(super) use self::salvage::{checksum as file_checksum, spool_file, spooled};
use self::{image::Image, salvage::Salvage};
use super::{lock, open_error, schema, soundness};
use crate::{StoreError, SystemDisk};

/// What a recovery brought back, and what not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Pages of the damaged database.
    pub pages: u32,
    /// What is wrong with it, in words, page by page.
    pub faults: Vec<String>,
    /// Messages in the new one.
    pub messages: u64,
    /// Those that are not simply back, by id.
    pub casualties: Vec<Casualty>,
    /// Content that belongs to no message any more, kept in `kept`.
    pub strays: Vec<MessageId>,
    /// The folder with the damaged database.
    pub kept: PathBuf,
}

/// A message that is not simply back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Casualty {
    /// Which.
    pub id: MessageId,
    /// What became of it.
    pub fate: Fate,
    /// What is wrong with it, in words.
    pub why: Vec<String>,
    /// Its recipients, as far as they are known; some may have it already.
    pub recipients: Vec<String>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the queue, and held for the operator: how far it had come is not certain.
    Held,
    /// It is in the queue without its content, and set aside.
    SetAside,
    /// It is not in the queue.
    Lost,
}

/// The moments at which the command may break off, in order; for the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Noted,
    Built,
    LogFolded,
    LogMoved,
    OldKept,
    StraysMoved,
    Swapped,
}

/// Recovers the database in a data folder that nobody has open.
///
/// # Errors
/// [`StoreError::Locked`] while a server runs, or what the system says; the folder is as good as before then.
pub fn recover(folder: &Path, now: Timestamp) -> Result<Recovery, StoreError> {
    recover_until(folder, now, |_| Ok(()))
}

fn recover_until(
    folder: &Path,
    now: Timestamp,
    mut after: impl FnMut(Step) -> io::Result<()>,
) -> Result<Recovery, StoreError> {
    let old = folder.join("queue.db");
    let failed = |source| open_error(&old, source);
    // Before the lock, whose file would be made in a folder that is none of ours.
    fs::metadata(&old).map_err(failed)?;
    let _lock = lock(folder)?;
    let note = folder.join(soundness::NOTE);
    let was_noted = note.exists();
    // Whoever starts a server in between must not remove content that seems to belong to nobody.
    soundness::write_note(&note, "a recovery was begun and has not ended").map_err(failed)?;
    after(Step::Noted).map_err(failed)?;

    let new = Beside(folder.join("queue.db.recovered"));
    new.remove().map_err(failed)?;
    let (log, spool) = (folder.join("queue.db-wal"), folder.join("spool"));
    let image = Image::open(&old, &log).map_err(failed)?;
    let kept = make_kept(folder, now).map_err(failed)?;
    let built = build(&image, &new.0, (&spool, &kept), now);
    let mut recovery = match built {
        Ok(recovery) => recovery,
        Err(error) => {
            // For want of room, above all, of which it takes none then.
            drop(new.remove().and_then(|()| fs::remove_dir_all(&kept)));
            if !was_noted {
                let _ = fs::remove_file(&note);
            }
            return Err(error);
        }
    };
    after(Step::Built).map_err(failed)?;

    let swapped = swap((&image, &old, &log, &spool), &new.0, &kept, &recovery, &mut after);
    swapped.map_err(failed)?;
    fs::remove_file(&note)
        .and_then(|()| sync_folder(folder))
        .map_err(failed)?;
    recovery.kept = kept;
    Ok(recovery)
}

/// Makes the new database, durable and checked.
fn build(image: &Image, path: &Path, (spool, kept): (&Path, &Path), now: Timestamp) -> Result<Recovery, StoreError> {
    let mut db = schema::open_writer(path, &SystemDisk).map_err(schema::failed)?;
    schema::migrate(&mut db, path)?;
    let recovery = Salvage::new(image, &db, (spool, kept), now)
        .run()
        .map_err(schema::failed)?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(schema::failed)?;
    let findings = soundness::findings(&db, true, 1).map_err(schema::failed)?;
    if let Some(finding) = findings.first() {
        return Err(StoreError::Failed(format!("{}: {finding}", path.display())));
    }
    db.close().map_err(|(_, error)| schema::failed(error))?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| open_error(path, source))?;
    Ok(recovery)
}

/// Keeps the old database and puts the new one into its place.
fn swap(
    (image, old, log, spool): (&Image, &Path, &Path, &Path),
    new: &Path,
    kept: &Path,
    recovery: &Recovery,
    after: &mut impl FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    let folder = old.parent().unwrap_or(old);
    // The old database is whole without its log from here on: a log beside the new one would be read as its own.
    image.fold(old)?;
    after(Step::LogFolded)?;
    rename_if_there(log, &kept.join("queue.db-wal"))?;
    // An index of the log that is gone.
    remove_if_there(&folder.join("queue.db-shm"))?;
    sync_folder(kept)?;
    sync_folder(folder)?;
    after(Step::LogMoved)?;
    fs::hard_link(old, kept.join("queue.db"))?;
    sync_folder(kept)?;
    after(Step::OldKept)?;
    for id in &recovery.strays {
        let file = spool_file(spool, *id);
        rename_if_there(&file, &spool_file(kept, *id))?;
    }
    sync_folder(kept)?;
    sync_folder(spool)?;
    after(Step::StraysMoved)?;
    fs::rename(new, old)?;
    sync_folder(folder)?;
    after(Step::Swapped)
}

/// How the name of a folder begins that keeps what was replaced.
pub(super) const KEPT: &str = "damaged-";

/// The folder for what is kept: its name has the instant, and a number when there is one already.
fn make_kept(folder: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let (year, month, day, hour, minute, second) = now.civil();
    let name = format!("{KEPT}{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z");
    let mut number = 0;
    loop {
        let end = if number == 0 {
            String::new()
        } else {
            format!("-{number}")
        };
        let kept = folder.join(format!("{name}{end}"));
        match fs::DirBuilder::new().mode(0o700).create(&kept) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
            Ok(()) => return sync_folder(folder).map(|()| kept),
        }
    }
}

/// A database that is being made, with what SQLite puts beside it.
struct Beside(PathBuf);

impl Beside {
    /// What a command that broke off left of it.
    fn remove(&self) -> io::Result<()> {
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.as_os_str().to_owned();
            path.push(end);
            remove_if_there(Path::new(&path))?;
        }
        Ok(())
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    if_there(fs::rename(from, to))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    if_there(fs::remove_file(path))
}

fn if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
