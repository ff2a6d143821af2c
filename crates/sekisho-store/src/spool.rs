//! Spool files: the content of messages too large for memory and database, one file each, written by a few threads of
//! its own so that nobody else waits for a disk.
//!
//! A file is synced, and then its folder, before the row that names it is committed; a file that no row names is an
//! orphan and goes. An open file travels with the request that is about it and comes back with the answer, so that
//! nothing is shared and the writes of one draft stay in order.

use std::{
    collections::HashSet,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender};
use sekisho_mail::MessageId;
use tokio::sync::oneshot;

use crate::{
    Disk, DiskFile, Draft, StoreError,
    draft::Sealed,
    segment::{Segment, Segments, Spare},
};

/// A few, so that one slow flush does not hold up everybody.
const SPOOL_THREADS: usize = 4;
/// A sync so often, in octets, so that the last one, for which the sender waits, has little left to do.
const SYNC_EVERY: u64 = 8 * 1024 * 1024;
pub(crate) const SUFFIX: &str = ".body";

/// What a spool thread is asked to do.
enum Job {
    /// Into a file that is there, or into a new one.
    Append(
        MessageId,
        Option<OpenSpool>,
        Segments,
        oneshot::Sender<io::Result<OpenSpool>>,
    ),
    Seal(Vec<Draft>, SealThen),
    Forget(SpoolEntry),
    Stop,
}

/// What follows once drafts are durable, or are not.
pub(crate) type SealThen = Box<dyn FnOnce(Result<Vec<Sealed>, StoreError>) + Send>;

/// Who does the jobs.
#[derive(Clone)]
enum Workers {
    /// The spool threads.
    Threads(Sender<Job>),
    /// Whoever asks, before the call returns: for a disk in memory, where no order may be left to threads.
    #[cfg(any(test, feature = "conformance"))]
    Caller,
}

/// The way to the spool threads.
#[derive(Clone)]
pub(crate) struct Spool {
    workers: Workers,
    folder: Arc<Folder>,
    /// Octets free on the file system: what the system said last, less what went into the spool since.
    free: Arc<AtomicU64>,
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spool").field(&self.folder.path).finish()
    }
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// Files of drafts and of commits that are under way: no orphans, though no row names them yet.
    live: Mutex<HashSet<MessageId>>,
    /// Room of content that is written.
    spare: Arc<Spare>,
}

impl Folder {
    fn file(&self, id: MessageId) -> PathBuf {
        self.path.join(format!("{id}{SUFFIX}"))
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashSet<MessageId>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends to the file of `id`, which is made when there is none yet.
    fn write(self: &Arc<Self>, id: MessageId, file: Option<OpenSpool>, segments: &Segments) -> io::Result<OpenSpool> {
        let mut file = match file {
            Some(file) => file,
            None => create(self, id)?,
        };
        file.append(&segments.pieces())?;
        Ok(file)
    }
}

/// The name of a file that is unlinked on drop, unless it is kept because a durable row names it.
#[derive(Debug)]
pub(crate) struct SpoolEntry {
    id: MessageId,
    folder: Arc<Folder>,
    kept: bool,
}

impl SpoolEntry {
    /// A durable row names it now.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for SpoolEntry {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.folder.disk.remove(&self.folder.file(self.id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(message = %self.id, %error, "a spool file could not be removed; the next start tries again");
        }
        self.folder.live().remove(&self.id);
    }
}

/// A spool file that is being written.
#[derive(Debug)]
pub(crate) struct OpenSpool {
    file: Box<dyn DiskFile>,
    unsynced: u64,
    entry: SpoolEntry,
}

impl OpenSpool {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        self.file.append(pieces)?;
        self.unsynced += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if self.unsynced >= SYNC_EVERY {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Makes content durable, then the name.
    pub(crate) fn seal(mut self) -> io::Result<SpoolEntry> {
        self.file.sync()?;
        self.entry.folder.disk.sync_folder(&self.entry.folder.path)?;
        Ok(self.entry)
    }
}

impl Spool {
    /// Starts the threads; they end when [`Spool::stop`] is called.
    ///
    /// # Errors
    /// When the folder cannot be made or a thread cannot be started.
    pub(crate) fn start(path: PathBuf, disk: Arc<dyn Disk>) -> Result<(Self, Vec<JoinHandle<()>>), StoreError> {
        let (jobs, queue) = crossbeam_channel::unbounded();
        let folder = Arc::new(Folder {
            path,
            disk,
            live: Mutex::default(),
            spare: Arc::default(),
        });
        let threads = (0..SPOOL_THREADS)
            .map(|_| {
                let (queue, folder) = (Receiver::clone(&queue), Arc::clone(&folder));
                thread::Builder::new()
                    .name("store-spool".to_owned())
                    .spawn(move || work(&queue, &folder))
                    .map_err(|source| StoreError::Open {
                        path: PathBuf::from("store-spool"),
                        source,
                    })
            })
            .collect::<Result<_, _>>()?;
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let workers = Workers::Threads(jobs);
        Ok((Self { workers, folder, free }, threads))
    }

    /// A spool without threads: every job is done before the call returns.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn without_threads(path: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self {
            workers: Workers::Caller,
            folder: Arc::new(Folder {
                path,
                disk,
                live: Mutex::default(),
                spare: Arc::default(),
            }),
            free: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    /// Gives a job to whoever does it; back when nobody does any more.
    fn give(&self, job: Job) -> Result<(), Job> {
        match &self.workers {
            Workers::Threads(jobs) => jobs.send(job).map_err(crossbeam_channel::SendError::into_inner),
            #[cfg(any(test, feature = "conformance"))]
            Workers::Caller => {
                perform(job, &self.folder);
                Ok(())
            }
        }
    }

    pub(crate) fn free_octets(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// The system was asked.
    pub(crate) fn set_free_octets(&self, octets: u64) {
        self.free.store(octets, Ordering::Relaxed);
    }

    /// So much is about to be written. Drafts grow faster than anybody asks the system.
    pub(crate) fn spend(&self, octets: u64) {
        // Wrong by what another thread does in between, until the system is asked again.
        let free = self.free_octets();
        self.set_free_octets(free.saturating_sub(octets));
    }

    pub(crate) fn stop(&self) {
        for _ in 0..SPOOL_THREADS {
            // A thread that is gone needs no telling.
            let _ = self.give(Job::Stop);
        }
    }

    /// Where the file of a message is.
    pub(crate) fn file(&self, id: MessageId) -> PathBuf {
        self.folder.file(id)
    }

    /// None so far.
    pub(crate) fn segments(&self) -> Segments {
        Segments::none(&self.folder.spare)
    }

    /// Room for a segment.
    pub(crate) fn segment(&self) -> Segment {
        self.folder.spare.segment()
    }

    /// Appends to the file of a draft, on a spool thread; makes it when there is none yet.
    pub(crate) fn append(
        &self,
        id: MessageId,
        file: Option<OpenSpool>,
        segments: Segments,
    ) -> oneshot::Receiver<io::Result<OpenSpool>> {
        let (answer, written) = oneshot::channel();
        let _ = self.give(Job::Append(id, file, segments, answer));
        written
    }

    /// As [`Self::append`], on this thread.
    pub(crate) fn write(&self, id: MessageId, file: Option<OpenSpool>, segments: &Segments) -> io::Result<OpenSpool> {
        self.folder.write(id, file, segments)
    }

    /// Makes drafts durable as far as they are in files, then goes on with `then`: at once when none is.
    pub(crate) fn seal(&self, drafts: Vec<Draft>, then: SealThen) {
        if drafts.iter().all(Draft::is_in_memory) {
            return then(drafts.into_iter().map(Draft::seal_blocking).collect());
        }
        if let Err(Job::Seal(_, then)) = self.give(Job::Seal(drafts, then)) {
            then(Err(StoreError::Stopped));
        }
    }

    /// Unlinks the file of a message that is done.
    pub(crate) fn forget(&self, id: MessageId) {
        let entry = SpoolEntry {
            id,
            folder: Arc::clone(&self.folder),
            kept: false,
        };
        let _ = self.give(Job::Forget(entry));
    }

    /// Files that belong to no draft. Whether a row names them has to be asked after this call: a file that is made
    /// later is not listed, and one whose row is committed in between is found by the asking.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn candidates(&self) -> io::Result<Vec<MessageId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder.path)? {
            let name = entry?.file_name();
            found.extend(name.to_str().and_then(Self::owner_of));
        }
        self.leave_out_live(&mut found);
        Ok(found)
    }

    /// Takes out those that are drafts or commits under way.
    pub(crate) fn leave_out_live(&self, ids: &mut Vec<MessageId>) {
        let live = self.folder.live();
        ids.retain(|id| !live.contains(id));
    }

    /// The message that a file of this name belongs to.
    pub(crate) fn owner_of(name: &str) -> Option<MessageId> {
        name.strip_suffix(SUFFIX)?.parse().ok()
    }
}

fn work(queue: &Receiver<Job>, folder: &Arc<Folder>) {
    loop {
        match queue.recv() {
            Ok(Job::Stop) | Err(_) => return,
            Ok(job) => perform(job, folder),
        }
    }
}

fn perform(job: Job, folder: &Arc<Folder>) {
    match job {
        Job::Append(id, file, segments, answer) => {
            // When nobody waits for the answer the draft was dropped, and the file goes with it.
            let _ = answer.send(folder.write(id, file, &segments));
        }
        Job::Seal(drafts, then) => then(drafts.into_iter().map(Draft::seal_blocking).collect()),
        Job::Forget(entry) => drop(entry),
        Job::Stop => {}
    }
}

fn create(folder: &Arc<Folder>, id: MessageId) -> io::Result<OpenSpool> {
    folder.live().insert(id);
    let entry = SpoolEntry {
        id,
        folder: Arc::clone(folder),
        kept: false,
    };
    match folder.disk.create(&folder.file(id)) {
        Ok(file) => Ok(OpenSpool {
            file,
            unsynced: 0,
            entry,
        }),
        Err(error) => {
            if error.kind() == io::ErrorKind::AlreadyExists {
                // It is another message's, from before the clock went back to this very millisecond (law 1).
                entry.keep();
            }
            Err(error)
        }
    }
}

/// What a failed operation on the file at `path` means for the caller.
pub(crate) fn spool_error(path: &Path, error: &io::Error) -> StoreError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full(text)
        }
        _ => StoreError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::Timestamp;

    use super::*;
    use crate::disk::SystemDisk;

    #[test]
    fn a_draft_that_finds_another_messages_file_in_its_place_leaves_it_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder {
            path: root.path().to_owned(),
            disk: Arc::new(SystemDisk),
            live: Mutex::default(),
            spare: Arc::default(),
        });
        let id = MessageId::new(Timestamp::from_secs(1_795_000_000), 7);
        fs::write(folder.file(id), b"acknowledged").unwrap();
        let error = create(&folder, id).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(folder.file(id)).unwrap(), b"acknowledged");
    }
}
