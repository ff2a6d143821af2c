//! A disk that can be crashed: it records what a store does to it, fails the operation that it is told to, and rebuilds
//! the folder as a power cut at any point could have left it.
//!
//! [`CrashDisk`] is both the store's [`Disk`] and a SQLite VFS that wraps the system's (in `shim`, the one place with
//! `unsafe`); `replay` rebuilds. What the model says of a crash: whatever was synced is there; of what was written
//! since, any subset is, each write whole or torn at a 512-octet boundary; names made or removed since their folder was
//! synced may be there or not; and what a *failed* sync left behind may be gone for good though later syncs succeed,
//! as Linux drops pages that it could not write.

mod replay;
mod shim;

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

pub use replay::{Choice, Replay};
use sekisho_store::{Disk, DiskFile};

/// One thing that was done to the disk, or that somebody wanted to remember between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A file came to be.
    Create(PathBuf),
    /// Octets were written.
    Write(PathBuf, u64, Vec<u8>),
    /// A file was cut or grown.
    Truncate(PathBuf, u64),
    /// A file's content was made durable.
    Sync(PathBuf),
    /// It was tried, and failed.
    FailedSync(PathBuf),
    /// A file was unlinked.
    Remove(PathBuf),
    /// The names in a folder were made durable.
    SyncFolder(PathBuf),
    /// A mark of the test's: what it knows of at this point.
    Mark(u64),
}

/// What a failing operation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device is broken.
    Io,
    /// There is no room.
    Full,
    /// There is no room for this user (`EDQUOT`).
    Quota,
    /// The file system was mounted anew for reading alone (`EROFS`), as Linux does after it met an error of its own.
    ReadOnly,
    /// Of a write only the beginning is done, then the device is broken; anything else fails as with [`Failure::Io`].
    Torn,
}

/// The disk under a store.
#[derive(Debug)]
pub struct CrashDisk {
    recorder: &'static Recorder,
}

/// What is shared with the VFS, which lives as long as the process, as SQLite wants it: the next disk takes it over.
#[derive(Debug)]
struct Recorder {
    name: String,
    ops: Mutex<Vec<Op>>,
    /// Files made, writes, syncs, truncations and removals so far: those that can be told to fail.
    done: AtomicU64,
    /// The operation that fails.
    fails_at: AtomicU64,
    /// How many in a row do, from that one on.
    fails_for: AtomicU64,
    failure: Mutex<Failure>,
    /// Pretends to sync: the control that shows that the test can fail.
    lies: AtomicBool,
    /// SQLite's own syncs of folders fail, which it does not look at.
    nameless: AtomicBool,
}

/// Recorders whose disk is gone.
static IDLE: Mutex<Vec<&'static Recorder>> = Mutex::new(Vec::new());

impl Drop for CrashDisk {
    fn drop(&mut self) {
        self.recorder.reset();
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(self.recorder);
    }
}

impl CrashDisk {
    /// A disk of its own, with a VFS of its own.
    #[must_use]
    pub fn new() -> Arc<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        if let Some(recorder) = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Arc::new(Self { recorder });
        }
        let name = format!("crash-{}", SERIAL.fetch_add(1, Ordering::Relaxed));
        // Leaked: SQLite may call the VFS until the process ends.
        let recorder: &'static Recorder = Box::leak(Box::new(Recorder {
            name,
            ops: Mutex::default(),
            done: AtomicU64::new(0),
            fails_at: AtomicU64::new(u64::MAX),
            fails_for: AtomicU64::new(1),
            failure: Mutex::new(Failure::Io),
            lies: AtomicBool::new(false),
            nameless: AtomicBool::new(false),
        }));
        shim::register(recorder);
        Arc::new(Self { recorder })
    }

    /// Everything that was done, in order.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        self.recorder.ops().clone()
    }

    /// Remembers a point.
    pub fn mark(&self, mark: u64) {
        self.recorder.ops().push(Op::Mark(mark));
    }

    /// Operations so far that could have been told to fail.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.recorder.done()
    }

    /// The operation with this number, from 0, fails; those after it work again.
    pub fn fail_at(&self, number: u64, failure: Failure) {
        self.fail_for(number, 1, failure);
    }

    /// So many operations in a row fail, from the one with this number on: reopening fails then as well.
    pub fn fail_for(&self, number: u64, count: u64, failure: Failure) {
        self.recorder.fails_for.store(count, Ordering::Relaxed);
        *self.recorder.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        self.recorder.fails_at.store(number, Ordering::Relaxed);
    }

    /// From now on no name becomes durable by SQLite's doing, which never looks whether it did.
    pub fn lose_names(&self) {
        self.recorder.nameless.store(true, Ordering::Relaxed);
    }

    /// From now on syncs are reported as done and are not: for the control.
    pub fn lie(&self) {
        self.recorder.lies.store(true, Ordering::Relaxed);
    }
}

impl Recorder {
    fn reset(&self) {
        self.ops().clear();
        self.done.store(0, Ordering::Relaxed);
        self.fails_at.store(u64::MAX, Ordering::Relaxed);
        self.lies.store(false, Ordering::Relaxed);
        self.nameless.store(false, Ordering::Relaxed);
    }

    fn ops(&self) -> MutexGuard<'_, Vec<Op>> {
        self.ops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation that can fail; whether and how it does.
    fn next(&self) -> Option<Failure> {
        let number = self.done.fetch_add(1, Ordering::Relaxed);
        let since = number.checked_sub(self.fails_at.load(Ordering::Relaxed));
        let fails = since.is_some_and(|since| since < self.fails_for.load(Ordering::Relaxed));
        fails.then(|| *self.failure.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does an operation and records it, one at a time, so that the record has the order of the disk. A failing sync
    /// is recorded as one that failed.
    fn perform<T>(&self, op: Op, act: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
        let mut ops = self.ops();
        let failure = match op {
            Op::Mark(_) => None,
            _ => self.next(),
        };
        if let Some(failure) = failure {
            if let Op::Sync(path) = op {
                ops.push(Op::FailedSync(path));
            }
            return Err(Failed::Told(failure));
        }
        let result = act()?;
        let sync = matches!(op, Op::Sync(_) | Op::SyncFolder(_));
        if !(sync && self.lies.load(Ordering::Relaxed)) {
            ops.push(op);
        }
        Ok(result)
    }

    /// As [`Self::perform`], for a write: `act` is given what is to be written, which may be the beginning alone.
    fn write(
        &self,
        path: PathBuf,
        offset: u64,
        octets: &[u8],
        act: impl FnOnce(&[u8]) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let mut ops = self.ops();
        let failure = self.next();
        let written = match failure {
            None => octets,
            // Some octet of it, the same one for the same operation.
            Some(Failure::Torn) => &octets[..self.done().wrapping_mul(0x9e37) as usize % octets.len().max(1)],
            Some(failure) => return Err(Failed::Told(failure)),
        };
        act(written)?;
        ops.push(Op::Write(path, offset, written.to_vec()));
        failure.map_or(Ok(()), |failure| Err(Failed::Told(failure)))
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// Why an operation was not done.
enum Failed {
    /// It was told to fail.
    Told(Failure),
    /// The system under it failed: SQLite's code.
    System(i32),
}

fn io_result<T>(result: Result<T, Failed>) -> io::Result<T> {
    result.map_err(|failed| match failed {
        Failed::Told(Failure::Io | Failure::Torn) => io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()),
        Failed::Told(Failure::Full) => io::ErrorKind::StorageFull.into(),
        Failed::Told(Failure::Quota) => io::Error::from_raw_os_error(rustix::io::Errno::DQUOT.raw_os_error()),
        Failed::Told(Failure::ReadOnly) => io::Error::from_raw_os_error(rustix::io::Errno::ROFS.raw_os_error()),
        Failed::System(code) => io::Error::from_raw_os_error(code),
    })
}

fn raw(error: &io::Error) -> Failed {
    Failed::System(error.raw_os_error().unwrap_or(0))
}

impl Disk for CrashDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let create = || {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(path);
            file.map_err(|error| raw(&error))
        };
        let file = io_result(self.recorder.perform(Op::Create(path.to_owned()), create))?;
        Ok(Box::new(RecordedFile {
            recorder: self.recorder,
            path: path.to_owned(),
            file,
            len: 0,
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let remove = || fs::remove_file(path).map_err(|error| raw(&error));
        io_result(self.recorder.perform(Op::Remove(path.to_owned()), remove))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        io_result(self.recorder.perform(Op::SyncFolder(path.to_owned()), || Ok(())))
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let octets = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            octets => octets?,
        };
        if octets.is_empty() {
            return Ok(());
        }
        // They are what they were.
        io_result(self.recorder.write(path.to_owned(), 0, &octets, |_| Ok(())))?;
        io_result(self.recorder.perform(Op::Sync(path.to_owned()), || Ok(())))
    }

    fn takes_writes(&self, _: &Path) -> io::Result<()> {
        // A sync that lies is a fault of its own here.
        Ok(())
    }

    fn sqlite_vfs(&self) -> Option<&str> {
        Some(&self.recorder.name)
    }
}

#[derive(Debug)]
struct RecordedFile {
    recorder: &'static Recorder,
    path: PathBuf,
    file: fs::File,
    len: u64,
}

impl DiskFile for RecordedFile {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        for octets in pieces {
            let (file, recorder) = (&mut self.file, self.recorder);
            let write = |octets: &[u8]| io::Write::write_all(file, octets).map_err(|error| raw(&error));
            io_result(recorder.write(self.path.clone(), self.len, octets, write))?;
            self.len += octets.len() as u64;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        io_result(self.recorder.perform(Op::Sync(self.path.clone()), || Ok(())))
    }
}

/// SQLite's own look at every page of the queue in a data folder.
///
/// # Errors
/// What it found, or why it could not look.
pub fn check_pages(folder: &Path) -> Result<(), String> {
    let check = || {
        let db = rusqlite::Connection::open(folder.join("queue.db"))?;
        db.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0))
    };
    match check() {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(error.to_string()),
    }
}
