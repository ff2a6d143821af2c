//! The few file operations that a store does beside its database, behind a trait: the tests put a disk under it that
//! records every operation, fails the n-th, and rebuilds what a crash would have left.
//!
//! Reading goes through `std::fs`: only what changes the disk is of interest to a crash.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

/// What changes the disk. Every call may block.
pub trait Disk: Send + Sync + fmt::Debug + 'static {
    /// Makes a new file, readable by its owner alone.
    ///
    /// # Errors
    /// When it exists already, or the system says no.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Unlinks a file.
    ///
    /// # Errors
    /// What the system said.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable: a new file is lost in a power cut until this is done, however well the
    /// file itself was synced.
    ///
    /// # Errors
    /// What the system said.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Writes a file's octets over themselves and makes them durable. After a failed sync the system takes pages for
    /// written that it has dropped: they can be read, are not on the disk, and no later sync brings them there. Where
    /// there is no such file, nothing is done.
    ///
    /// # Errors
    /// What the system said.
    fn rewrite(&self, path: &Path) -> io::Result<()>;

    /// Whether the file system of the file at `path` still takes writes; asked behind a sync that said yes
    /// ([`takes_writes`]).
    ///
    /// # Errors
    /// When it does not.
    fn takes_writes(&self, path: &Path) -> io::Result<()>;

    /// The SQLite VFS that belongs to this disk; `None` is SQLite's own.
    fn sqlite_vfs(&self) -> Option<&str>;
}

/// A file that only grows.
pub trait DiskFile: Send + fmt::Debug {
    /// Writes all of it at the end.
    ///
    /// # Errors
    /// What the system said.
    fn append(&mut self, octets: &[u8]) -> io::Result<()>;

    /// Makes the content durable. A failed one is final: the system may have dropped what it could not write.
    ///
    /// # Errors
    /// What the system said.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut chunk = vec![0; len.clamp(1, REWRITE_OCTETS)];
        let mut offset = 0;
        loop {
            let read = file.read_at(&mut chunk, offset)?;
            if read == 0 {
                return if offset == 0 { Ok(()) } else { file.sync_all() };
            }
            file.write_all_at(&chunk[..read], offset)?;
            offset += read as u64;
        }
    }

    fn takes_writes(&self, path: &Path) -> io::Result<()> {
        takes_writes(path)
    }

    fn sqlite_vfs(&self) -> Option<&str> {
        None
    }
}

/// Whether the file system of the file at `path`, which is not changed, still takes writes. An ext4 that gives up on an
/// error turns read-only in that moment, and a sync that was under way then may say that it was done although the
/// journal never got it (seen with Linux 6.18, one sync in eight that was under way). Every write behind it is refused,
/// even one of no octets: so a sync is to be believed when such a write works after it.
///
/// # Errors
/// What the system said; usually that the file system is read-only.
pub fn takes_writes(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_at(&[], 0).map(drop)
}

/// So many octets are in memory while a file is written over itself.
const REWRITE_OCTETS: usize = 1024 * 1024;

#[derive(Debug)]
struct SystemFile(File);

impl DiskFile for SystemFile {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
