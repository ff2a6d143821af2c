//! A message on its way into the store, and the content of one that is in it.
//!
//! Content below the threshold stays in memory until the commit; above it, it is streamed into a spool file as it
//! comes, so that a message of any size needs the same memory.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _},
    mem,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use crc32fast::Hasher;
use rustix::{fs::OFlags, io::Errno};
use sekisho_mail::MessageId;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    budget::{Budget, Reservation},
    spool::{OpenSpool, Spool, SpoolEntry, spool_error},
};

/// So many octets go to the spool at once, and as many come from it.
const CHUNK_LEN: usize = 256 * 1024;

/// A message that is being received. Dropping it uncommitted leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    id: MessageId,
    len: u64,
    crc: Hasher,
    threshold: usize,
    /// What is not yet in the file; all of it, while there is no file.
    buffer: Vec<u8>,
    file: SpoolState,
    spool: Spool,
    memory: Reservation,
}

/// Where the spool file of a draft is.
#[derive(Debug)]
enum SpoolState {
    /// There is none: all is in memory.
    None,
    /// With a spool thread, which gives it back with its answer.
    Away(oneshot::Receiver<io::Result<OpenSpool>>),
    /// A spool thread failed; the draft is of no use.
    Broken,
}

/// Content that is durable as far as files are concerned; what is in memory becomes durable with the row.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) id: MessageId,
    pub(crate) content: SealedContent,
    pub(crate) len: u64,
    pub(crate) crc: u32,
    pub(crate) memory: Reservation,
}

#[derive(Debug)]
pub(crate) enum SealedContent {
    Memory(Bytes),
    Spooled(SpoolEntry),
}

impl Draft {
    pub(crate) fn new(id: MessageId, threshold: usize, spool: Spool, budget: &Arc<Budget>) -> Self {
        Self {
            id,
            len: 0,
            crc: Hasher::new(),
            threshold,
            buffer: Vec::new(),
            file: SpoolState::None,
            spool,
            memory: budget.reserve(),
        }
    }

    /// The queue id that it will have; already in its `Received` header.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Octets written so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends content. Waits for the disk only when the content has outgrown memory.
    ///
    /// # Errors
    /// When the spool cannot take it; the draft is of no use then.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.take(content);
        if self.buffer.len() <= self.threshold && self.is_in_memory() {
            return Ok(());
        }
        if self.is_in_memory() {
            self.file = SpoolState::Away(self.spool.create(self.id));
        }
        // One piece may be under way while the next one fills.
        while self.buffer.len() >= CHUNK_LEN {
            // With room for all of the next one: growing would copy it several times over.
            let mut next = Vec::with_capacity(CHUNK_LEN + CHUNK_LEN / 4);
            next.extend_from_slice(&self.buffer[CHUNK_LEN..]);
            self.buffer.truncate(CHUNK_LEN);
            let chunk = mem::replace(&mut self.buffer, next);
            let file = self.file_back().await?;
            self.spool.spend(CHUNK_LEN as u64);
            self.file = SpoolState::Away(self.spool.append(file, chunk.into()));
            self.memory.resize((self.buffer.len() + CHUNK_LEN) as u64);
        }
        Ok(())
    }

    /// Appends to a draft that stays in memory whatever its length: for our own notifications, which are bounded by
    /// what writes them.
    pub fn write_in_memory(&mut self, content: &[u8]) {
        self.take(content);
    }

    fn take(&mut self, content: &[u8]) {
        self.buffer.extend_from_slice(content);
        self.crc.update(content);
        self.len += content.len() as u64;
        self.memory.resize(self.buffer.capacity() as u64);
    }

    async fn file_back(&mut self) -> Result<OpenSpool, StoreError> {
        let SpoolState::Away(answer) = mem::replace(&mut self.file, SpoolState::Broken) else {
            return Err(StoreError::Failed("the draft is broken".to_owned()));
        };
        self.opened(answer.await.ok())
    }

    fn opened(&self, answer: Option<io::Result<OpenSpool>>) -> Result<OpenSpool, StoreError> {
        answer
            .ok_or(StoreError::Stopped)?
            .map_err(|error| spool_error(&self.spool.file(self.id), &error))
    }

    pub(crate) const fn is_in_memory(&self) -> bool {
        matches!(self.file, SpoolState::None)
    }

    /// Makes the file durable, when there is one: on a spool thread, since it blocks.
    pub(crate) fn seal_blocking(mut self) -> Result<Sealed, StoreError> {
        let content = match mem::replace(&mut self.file, SpoolState::Broken) {
            SpoolState::None => SealedContent::Memory(mem::take(&mut self.buffer).into()),
            SpoolState::Broken => return Err(StoreError::Failed("the draft is broken".to_owned())),
            SpoolState::Away(answer) => {
                let path = self.spool.file(self.id);
                let mut file = self.opened(wait_for(answer))?;
                let sealed = file.append(&self.buffer).and_then(|()| file.seal());
                self.memory.resize(0);
                SealedContent::Spooled(sealed.map_err(|error| spool_error(&path, &error))?)
            }
        };
        Ok(Sealed {
            id: self.id,
            content,
            len: self.len,
            crc: self.crc.finalize(),
            memory: self.memory,
        })
    }
}

fn wait_for<T>(mut answer: oneshot::Receiver<T>) -> Option<T> {
    match answer.try_recv() {
        Ok(answer) => Some(answer),
        Err(oneshot::error::TryRecvError::Closed) => None,
        Err(oneshot::error::TryRecvError::Empty) => answer.blocking_recv().ok(),
    }
}

/// The content of a queued message: octets as they were accepted, dots not stuffed, our header fields before them.
#[derive(Clone, Debug)]
pub enum Body {
    /// Held in memory.
    Memory(Bytes),
    /// In a spool file.
    File(SpoolBody),
}

/// Content in a spool file. Cheap to clone.
#[derive(Clone)]
pub struct SpoolBody {
    path: Arc<Path>,
    len: u64,
    crc: u32,
    alarm: Option<Alarm>,
}

/// Called with a description when the content turns out to be damaged.
pub(crate) type Alarm = Arc<dyn Fn(String) + Send + Sync>;

impl SpoolBody {
    /// Content of `len` octets with this CRC-32 in a file.
    #[must_use]
    pub fn new(path: PathBuf, len: u64, crc: u32) -> Self {
        Self {
            path: path.into(),
            len,
            crc,
            alarm: None,
        }
    }

    pub(crate) fn with_alarm(mut self, alarm: Alarm) -> Self {
        self.alarm = Some(alarm);
        self
    }

    /// Where.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Octets.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no octet at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn damaged(&self, why: String) -> io::Error {
        let text = format!("{}: {why}", self.path.display());
        if let Some(alarm) = &self.alarm {
            alarm(text.clone());
        }
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl fmt::Debug for SpoolBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolBody")
            .field("path", &self.path)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Body {
    /// Octets.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.len,
        }
    }

    /// Whether there is no octet at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins to read from the front.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> io::Result<BodyReader> {
        Ok(BodyReader(match self {
            Self::Memory(bytes) => Source::Memory(bytes.clone()),
            Self::File(body) => {
                let file = open_own(&body.path).map_err(|error| match Errno::from_io_error(&error) {
                    Some(Errno::NOENT) => body.damaged("the file is missing".to_owned()),
                    Some(Errno::LOOP) => body.damaged("a symbolic link stands in the place of the file".to_owned()),
                    _ => error,
                })?;
                Source::File(Some(Box::new(FileSource {
                    file,
                    left: body.len,
                    crc: Hasher::new(),
                    body: body.clone(),
                })))
            }
        }))
    }
}

/// Opens a file of the spool to read. A link that was planted there is not followed, and a pipe not waited for.
fn open_own(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Reads a body piece by piece; checks its checksum at the end.
#[derive(Debug)]
pub struct BodyReader(Source);

#[derive(Debug)]
enum Source {
    /// What is left; empty at the end.
    Memory(Bytes),
    /// `None` at the end, after an error, and while a thread reads.
    File(Option<Box<FileSource>>),
}

#[derive(Debug)]
struct FileSource {
    file: File,
    left: u64,
    crc: Hasher,
    body: SpoolBody,
}

impl BodyReader {
    /// The next piece, at most 256 KiB; `None` at the end. For content in memory it never waits; for a file it reads on
    /// a thread where that may block.
    ///
    /// # Errors
    /// When the file cannot be read or its checksum is wrong; what was read so far must not be taken for a message.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.0 {
            Source::Memory(bytes) => Ok(next_of(bytes)),
            Source::File(slot) => {
                let Some(source) = slot.take() else { return Ok(None) };
                let reading = tokio::task::spawn_blocking(move || source.piece());
                let (piece, source) = reading.await.map_err(io::Error::other)??;
                *slot = source;
                Ok(piece)
            }
        }
    }

    /// As [`BodyReader::next`], on this thread: for the command line, tests and threads of their own.
    ///
    /// # Errors
    /// As there.
    pub fn next_blocking(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.0 {
            Source::Memory(bytes) => Ok(next_of(bytes)),
            Source::File(slot) => {
                let Some(source) = slot.take() else { return Ok(None) };
                let (piece, source) = source.piece()?;
                *slot = source;
                Ok(piece)
            }
        }
    }
}

fn next_of(bytes: &mut Bytes) -> Option<Bytes> {
    let len = bytes.len().min(CHUNK_LEN);
    (len > 0).then(|| bytes.split_to(len))
}

impl FileSource {
    /// Reads a piece. The last one is given out only when the checksum holds.
    fn piece(mut self: Box<Self>) -> io::Result<(Option<Bytes>, Option<Box<Self>>)> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK_LEN);
        if len == 0 {
            return Ok((None, None));
        }
        // Not zeroed first, which would touch every page once more.
        let mut piece = Vec::with_capacity(len);
        let read = (&self.file).take(len as u64).read_to_end(&mut piece)?;
        if read < len {
            return Err(self.body.damaged("the file is too short".to_owned()));
        }
        self.crc.update(&piece);
        self.left -= len as u64;
        if self.left > 0 {
            return Ok((Some(piece.into()), Some(self)));
        }
        if self.crc.clone().finalize() != self.body.crc {
            return Err(self.body.damaged("the checksum is wrong".to_owned()));
        }
        Ok((Some(piece.into()), None))
    }
}
