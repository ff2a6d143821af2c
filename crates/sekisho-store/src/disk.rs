//! The few file operations that a store does beside its database, behind a trait: the tests put a disk under it that
//! records every operation, fails the n-th, and rebuilds what a crash would have left.
//!
//! Reading goes through `std::fs`: only what changes the disk is of interest to a crash.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, IoSlice, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

/// Pieces that begin at a multiple of this in memory, and are as long as a multiple of it, go to the disk as they are.
pub(crate) const BLOCK_LEN: usize = 4096;

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
    /// Writes all of them at the end, one behind the other.
    ///
    /// # Errors
    /// What the system said.
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()>;

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
        Ok(Box::new(SystemFile::new(file)))
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

/// A file of the spool: written once, and read, if at all, long after. So it does not go through the memory in which
/// the system keeps files (open(2), `O_DIRECT`), where the file system can do without: that spares a copy, and finding
/// room for it and giving that up again.
#[derive(Debug)]
struct SystemFile {
    file: File,
    direct: bool,
}

impl SystemFile {
    fn new(file: File) -> Self {
        // Said to the open file and not to open(2), which may leave a file behind when it refuses.
        let direct = set_direct(&file, true).is_ok();
        Self { file, direct }
    }

    fn leave_direct(&mut self) -> io::Result<()> {
        self.direct = false;
        set_direct(&self.file, false).map_err(io::Error::from)
    }

    fn write_all(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // What is empty goes.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match self.file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A device with larger blocks, or the rest of a write that was cut short.
                Err(error) if self.direct && Errno::from_io_error(&error) == Some(Errno::INVAL) => {
                    self.leave_direct()?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn set_direct(file: &File, direct: bool) -> Result<(), Errno> {
    let flags = fcntl_getfl(file)?;
    fcntl_setfl(
        file,
        if direct {
            flags | OFlags::DIRECT
        } else {
            flags - OFlags::DIRECT
        },
    )
}

/// The part of a piece, from its front, that can be written directly.
fn direct_len(piece: &[u8]) -> usize {
    if piece.as_ptr().addr().is_multiple_of(BLOCK_LEN) {
        piece.len() - piece.len() % BLOCK_LEN
    } else {
        0
    }
}

impl DiskFile for SystemFile {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let (mut direct, mut other) = (Vec::with_capacity(pieces.len()), Vec::new());
        for piece in pieces {
            let cut = if self.direct && other.is_empty() {
                direct_len(piece)
            } else {
                0
            };
            direct.push(IoSlice::new(&piece[..cut]));
            if cut < piece.len() {
                other.push(IoSlice::new(&piece[cut..]));
            }
        }
        self.write_all(&mut direct)?;
        if self.direct && !other.is_empty() {
            // From here on nothing is at a multiple of the block any more.
            self.leave_direct()?;
        }
        self.write_all(&mut other)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_in_any_pieces_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let octets: Vec<u8> = (0..40_000_u32).flat_map(u32::to_be_bytes).collect();
        let begin = octets.as_ptr().align_offset(BLOCK_LEN);
        // Whole blocks at the right place; cut within a block; at the wrong place; nothing at all.
        let ways: [&[usize]; 5] = [
            &[0, 8192, 16_384, 65_536],
            &[0, 8192, 8200, 65_536],
            &[3, 4099, 70_000],
            &[0, 0, 5],
            &[0, 100, 4096, 8192],
        ];
        for (number, cuts) in ways.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            let mut file = SystemDisk.create(&path).unwrap();
            let pieces: Vec<&[u8]> = cuts
                .windows(2)
                .map(|cut| &octets[begin + cut[0]..begin + cut[1]])
                .collect();
            let (first, rest) = pieces.split_at(1);
            file.append(first).unwrap();
            file.append(rest).unwrap();
            file.append(rest).unwrap();
            file.sync().unwrap();
            let wanted = [first.concat(), rest.concat(), rest.concat()].concat();
            assert_eq!(fs::read(&path).unwrap(), wanted, "{cuts:?}");
        }
    }
}
