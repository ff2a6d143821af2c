//! Writing into a Maildir: <https://cr.yp.to/proto/maildir.html>.
//!
//! A message is written to `tmp`, synced, linked into `new` and only then reported as delivered; the folder is synced
//! before that, also where the file is found from an earlier time: what killed the server then may have come before the
//! sync. A crash in between leaves at most a file in `tmp`, which is removed when it is older than
//! [`TMP_LIFETIME`].
//!
//! **No duplicates after a crash.** The file's name is made of the queue id and the recipient's place in the envelope,
//! not of clock and process: when the server dies between the delivery and its settlement, the repeat meets the file of
//! the first time, in `new` or, not yet read, in `cur`, and adds nothing. A message that was read or removed in between
//! comes once more; looking through all of `cur` at each delivery would cost more than that.
//!
//! **Line ends.** Lines end with LF in the file, as everything that reads Maildirs on Unix expects; CRLF comes back
//! when such a file is sent on. Nothing else of the content is changed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::io::Errno;
use sekisho_store::takes_writes;

/// How long a file may stand in `tmp` before it counts as left behind (the Maildir convention: 36 hours).
pub const TMP_LIFETIME: Duration = Duration::from_secs(36 * 60 * 60);

/// Files in `tmp` that one clean-up looks at, so that a strange folder cannot hold up a delivery.
const MAX_CLEANED: usize = 10_000;

/// What is to be written where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The Maildir.
    pub(super) folder: PathBuf,
    /// The file's name; the same for the same message and recipient.
    pub(super) name: String,
    /// Header fields to go before the content, lines ending with LF.
    pub(super) header: String,
}

/// Where content comes from, piece by piece.
pub(super) type NextPiece<'a> = &'a mut dyn FnMut() -> io::Result<Option<Bytes>>;

/// How a delivery ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// Written.
    Now,
    /// It was there from an earlier time.
    Before,
}

/// Writes one message whose content `next_piece` gives, `None` at its end. Blocks: run it where that may be.
///
/// # Errors
/// When the content cannot be read, or the disk or its permissions do not allow it; nothing is in `new` then.
pub(super) fn write(entry: &Entry, next_piece: NextPiece<'_>) -> io::Result<Stored> {
    write_and_sync(entry, next_piece, &mut sync_folder)
}

/// As [`write()`]; `sync` makes the names in a folder durable.
fn write_and_sync(
    entry: &Entry,
    next_piece: NextPiece<'_>,
    sync: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<Stored> {
    let folders = ["tmp", "new", "cur"].map(|name| entry.folder.join(name));
    if make_folders(&entry.folder, &folders)? {
        clean_tmp(&folders[0], SystemTime::now());
    }
    let [tmp, new, cur] = folders;
    if let Some(folder) = found_in(&new, &cur, &entry.name)? {
        sync(folder)?;
        return Ok(Stored::Before);
    }
    let written = tmp.join(&entry.name);
    let result = write_tmp(&written, entry, next_piece).and_then(|()| publish(&written, &new.join(&entry.name)));
    if result.is_err() {
        // Best effort: what stays is cleaned up by age.
        let _ = fs::remove_file(&written);
    }
    let stored = result?;
    sync(&new)?;
    match takes_writes(&new.join(&entry.name)) {
        // A reader has moved it already.
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        other => other?,
    }
    Ok(stored)
}

/// Makes what is missing of a Maildir, open to its owner alone. Answers whether all of it was there.
fn make_folders(maildir: &Path, folders: &[PathBuf; 3]) -> io::Result<bool> {
    let missing = folders.iter().any(|folder| !folder.is_dir());
    if !missing {
        return Ok(true);
    }
    for folder in folders {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // The names of the new folders must last too, as far up as they may be new.
    for folder in maildir
        .ancestors()
        .take(3)
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        sync_folder(folder)?;
    }
    Ok(false)
}

/// In which folder the message is from an earlier time: unseen, or moved to `cur` with the flags that readers give a
/// message that nobody has opened (none) or has (seen).
fn found_in<'a>(new: &'a Path, cur: &'a Path, name: &str) -> io::Result<Option<&'a Path>> {
    for (folder, name) in [
        (new, name.to_owned()),
        (cur, format!("{name}:2,")),
        (cur, format!("{name}:2,S")),
    ] {
        if folder.join(name).try_exists()? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

fn write_tmp(path: &Path, entry: &Entry, next_piece: NextPiece<'_>) -> io::Result<()> {
    // The name is ours alone, so what stands there is from a crash, or was planted: it goes, and is never written to,
    // be it a link that leads elsewhere, a second name of another file, or a pipe that nobody reads.
    let create = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = match create() {
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create()?
        }
        file => file?,
    };
    let mut writer = LfWriter::new(BufWriter::with_capacity(64 * 1024, file));
    writer.inner.write_all(entry.header.as_bytes())?;
    while let Some(content) = next_piece()? {
        writer.write(&content)?;
    }
    writer.finish()?.sync_all()
}

/// Gives the file its name in `new` without ever replacing another.
fn publish(written: &Path, new: &Path) -> io::Result<Stored> {
    match fs::hard_link(written, new) {
        Ok(()) => fs::remove_file(written).map(|()| Stored::Now),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(written).map(|()| Stored::Before),
        // File systems without hard links. Nobody else makes this name, so that the rename replaces nothing.
        Err(fault)
            if [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS]
                .iter()
                .any(|errno| is_errno(&fault, *errno)) =>
        {
            fs::rename(written, new).map(|()| Stored::Now)
        }
        Err(fault) => Err(fault),
    }
}

/// Whether an error of the system is this one.
pub(super) fn is_errno(fault: &io::Error, errno: Errno) -> bool {
    fault.raw_os_error() == Some(errno.raw_os_error())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes what was left behind in `tmp`. Faults are let pass: the next delivery tries again.
fn clean_tmp(tmp: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(tmp) else {
        return;
    };
    for entry in entries.take(MAX_CLEANED).flatten() {
        let Ok(facts) = entry.metadata() else { continue };
        let age = facts.modified().ok().and_then(|at| now.duration_since(at).ok());
        if facts.is_file() && age.is_some_and(|age| age > TMP_LIFETIME) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Turns CRLF into LF, across the borders of pieces too. A CR that no LF follows stays.
struct LfWriter<W: Write> {
    inner: W,
    held_cr: bool,
}

impl<W: Write> LfWriter<W> {
    const fn new(inner: W) -> Self {
        Self { inner, held_cr: false }
    }

    fn write(&mut self, content: &[u8]) -> io::Result<()> {
        let Some((first, _)) = content.split_first() else {
            return Ok(());
        };
        if self.held_cr && *first != b'\n' {
            self.inner.write_all(b"\r")?;
        }
        self.held_cr = content.ends_with(b"\r");
        let mut rest = &content[..content.len() - usize::from(self.held_cr)];
        while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
            self.inner.write_all(&rest[..at])?;
            rest = &rest[at + 1..];
        }
        self.inner.write_all(rest)
    }
}

impl LfWriter<BufWriter<File>> {
    fn finish(mut self) -> io::Result<File> {
        if self.held_cr {
            self.inner.write_all(b"\r")?;
        }
        self.inner.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry(folder: &Path) -> Entry {
        Entry {
            folder: folder.join("alice"),
            name: "100.id-0.mx.example".to_owned(),
            header: "Return-Path: <>\n".to_owned(),
        }
    }

    fn store(entry: &Entry, pieces: &[&'static str], whole: bool) -> io::Result<Stored> {
        let mut pieces = pieces.iter();
        write(entry, &mut || match pieces.next() {
            Some(piece) => Ok(Some(Bytes::from_static(piece.as_bytes()))),
            None if whole => Ok(None),
            None => Err(io::Error::other("checksum")),
        })
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_message_is_whole_in_new_and_open_to_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let entry = entry(home.path());
        let pieces = ["Subject: x\r", "\n\r\n", "a\rb\r\r\n", "end\r"];
        assert_eq!(store(&entry, &pieces, true).unwrap(), Stored::Now);
        let file = entry.folder.join("new").join(&entry.name);
        assert_eq!(
            fs::read(&file).unwrap(),
            b"Return-Path: <>\nSubject: x\n\na\rb\r\nend\r"
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        for folder in [entry.folder.clone(), entry.folder.join("new"), entry.folder.join("cur")] {
            assert_eq!(mode(&folder), 0o700);
        }
        assert!(names(&entry.folder.join("tmp")).is_empty());
    }

    #[test]
    fn a_repeat_adds_nothing_be_the_message_unseen_or_seen() {
        let home = tempfile::tempdir().unwrap();
        let entry = entry(home.path());
        store(&entry, &["first\r\n"], true).unwrap();
        assert_eq!(store(&entry, &["second\r\n"], true).unwrap(), Stored::Before);
        let (new, cur) = (entry.folder.join("new"), entry.folder.join("cur"));
        assert!(fs::read_to_string(new.join(&entry.name)).unwrap().ends_with("first\n"));
        let mut place = new.join(&entry.name);
        for flags in ["", "S"] {
            let seen = cur.join(format!("{}:2,{flags}", entry.name));
            fs::rename(&place, &seen).unwrap();
            assert_eq!(store(&entry, &["third\r\n"], true).unwrap(), Stored::Before);
            assert!(names(&new).is_empty());
            place = seen;
        }
    }

    #[test]
    fn a_name_that_a_crash_left_unsynced_is_synced_before_the_message_counts_as_delivered() {
        let home = tempfile::tempdir().unwrap();
        let entry = entry(home.path());
        let (new, cur) = (entry.folder.join("new"), entry.folder.join("cur"));
        let deliver = |sync: &mut dyn FnMut(&Path) -> io::Result<()>| {
            let mut pieces = [Bytes::from_static(b"x\r\n")].into_iter();
            write_and_sync(&entry, &mut || Ok(pieces.next()), sync)
        };
        let crash = deliver(&mut |_| Err(io::Error::other("killed before the sync")));
        assert!(crash.is_err() && new.join(&entry.name).is_file());

        let mut synced = Vec::new();
        let mut sync = |folder: &Path| {
            synced.push(folder.to_owned());
            Ok(())
        };
        assert_eq!(deliver(&mut sync).unwrap(), Stored::Before);
        fs::rename(new.join(&entry.name), cur.join(format!("{}:2,S", entry.name))).unwrap();
        assert_eq!(deliver(&mut sync).unwrap(), Stored::Before);
        assert_eq!(synced, [new, cur]);
    }

    #[test]
    fn content_that_breaks_off_is_not_delivered() {
        let home = tempfile::tempdir().unwrap();
        let entry = entry(home.path());
        assert!(store(&entry, &["Subject: x\r\n"], false).is_err());
        assert!(names(&entry.folder.join("new")).is_empty());
        assert!(names(&entry.folder.join("tmp")).is_empty());
    }

    /// CVE-2020-8793: what somebody planted under the name of a message, link, second name or pipe, is never written to
    /// and keeps no delivery waiting.
    #[test]
    fn what_a_crash_left_or_somebody_planted_in_tmp_is_replaced_and_never_written_to() {
        let home = tempfile::tempdir().unwrap();
        let entry = entry(home.path());
        let tmp = entry.folder.join("tmp");
        DirBuilder::new().recursive(true).create(&tmp).unwrap();
        fs::write(tmp.join(&entry.name), "a long half-written message").unwrap();
        assert_eq!(store(&entry, &["x\r\n"], true).unwrap(), Stored::Now);
        let file = entry.folder.join("new").join(&entry.name);
        assert_eq!(fs::read_to_string(&file).unwrap(), "Return-Path: <>\nx\n");

        let victim = home.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let planted = tmp.join(&entry.name);
        let link = || std::os::unix::fs::symlink(&victim, &planted).unwrap();
        let second_name = || fs::hard_link(&victim, &planted).unwrap();
        let pipe = || {
            let made = std::process::Command::new("mkfifo").arg(&planted).status();
            assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
        };
        for plant in [&link as &dyn Fn(), &second_name, &pipe] {
            fs::remove_file(&file).unwrap();
            plant();
            assert_eq!(store(&entry, &["x\r\n"], true).unwrap(), Stored::Now);
            assert_eq!(fs::read_to_string(&file).unwrap(), "Return-Path: <>\nx\n");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        }
        // What cannot be removed makes a delivery fail; it is tried again.
        fs::remove_file(&file).unwrap();
        fs::create_dir(&planted).unwrap();
        assert!(store(&entry, &["x\r\n"], true).is_err());
    }

    #[test]
    fn only_old_files_are_cleaned_from_tmp() {
        let home = tempfile::tempdir().unwrap();
        let (old, young) = (home.path().join("old"), home.path().join("young"));
        let now = SystemTime::now();
        for (path, age) in [
            (&old, TMP_LIFETIME + Duration::from_secs(60)),
            (&young, Duration::from_secs(60)),
        ] {
            File::create(path).unwrap().set_modified(now - age).unwrap();
        }
        clean_tmp(home.path(), now);
        assert_eq!((old.exists(), young.exists()), (false, true));
    }
}
