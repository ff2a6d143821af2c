//! What stands under the store's names in its folder must be its own: a plain file with one name, not a link that
//! leads elsewhere, a pipe that never answers, or a file that somebody else can still write.
//!
//! The folder is its owner's alone, so that this meets what a restored backup or a careless hand left there, and what
//! could be planted before the folder was closed. Files of the spool are opened without following links instead: there
//! may be a million of them.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::{StoreError, open_error};

/// Files of the store beside its folders; those with a suffix are SQLite's.
const FILES: [&str; 9] = [
    "lock",
    "queue.db",
    "queue.db-wal",
    "queue.db-shm",
    "queue.db-journal",
    "observations.db",
    "observations.db-wal",
    "observations.db-shm",
    "observations.db-journal",
];

/// Looks at everything that will be opened by its name.
///
/// # Errors
/// When something that is not the store's own stands there; nothing has been opened or changed then.
pub(super) fn refuse(folder: &Path) -> Result<(), StoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| open_error(&path, source)
    };
    let owner = fs::metadata(folder).map_err(failed(folder))?.uid();
    for name in FILES {
        let path = folder.join(name);
        refuse_file(&path, owner, folder).map_err(failed(&path))?;
    }
    for name in ["spool", "trace"] {
        let path = folder.join(name);
        refuse_folder(&path, owner).map_err(failed(&path))?;
    }
    let trace = folder.join("trace");
    let entries = match fs::read_dir(&trace) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(&trace))?,
    };
    for entry in entries {
        let path = entry.map_err(failed(&trace))?.path();
        refuse_file(&path, owner, folder).map_err(failed(&path))?;
    }
    Ok(())
}

fn refuse_file(path: &Path, owner: u32, folder: &Path) -> io::Result<()> {
    let Some(facts) = facts_of(path, owner)? else {
        return Ok(());
    };
    if !facts.is_file() {
        return Err(io::Error::other(
            "something that is no plain file stands here; remove it",
        ));
    }
    if facts.nlink() > 1 && facts.nlink() > 1 + names_kept(folder, &facts)? {
        return Err(io::Error::other(
            "the file has a second name (hard link), by which others could change it; remove the other name",
        ));
    }
    Ok(())
}

/// Names that a recovery, broken off before it had replaced the file, gave it in the folders of what it keeps.
fn names_kept(folder: &Path, facts: &fs::Metadata) -> io::Result<u64> {
    let mut names = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || !entry.file_name().to_string_lossy().starts_with(super::recover::KEPT) {
            continue;
        }
        match fs::symlink_metadata(entry.path().join("queue.db")) {
            Ok(kept) => names += u64::from((kept.dev(), kept.ino()) == (facts.dev(), facts.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

fn refuse_folder(path: &Path, owner: u32) -> io::Result<()> {
    match facts_of(path, owner)? {
        Some(facts) if !facts.is_dir() => Err(io::Error::other(
            "something that is no folder stands here; remove it (for another disk, mount that one here)",
        )),
        _ => Ok(()),
    }
}

/// `None` when nothing stands there. Links are not followed.
fn facts_of(path: &Path, owner: u32) -> io::Result<Option<fs::Metadata>> {
    let facts = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        facts => facts?,
    };
    // What root owns nobody but root has put there.
    if facts.uid() == owner || facts.uid() == 0 {
        return Ok(Some(facts));
    }
    Err(io::Error::other(format!(
        "it belongs to uid {}, the folder to uid {owner}; change the owner, or remove it",
        facts.uid()
    )))
}
