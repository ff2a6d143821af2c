//! A message on its way into the store, and the content of one that is in it.
//!
//! Content below the threshold stays in memory until the commit; above it, it is streamed into a spool file as it
//! comes, so that a message of any size needs the same memory.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, IoSliceMut},
    mem,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use crc32fast::Hasher;
use rustix::{
    fs::OFlags,
    io::{Errno, ReadWriteFlags, preadv2},
};
use sekisho_mail::MessageId;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    budget::{Budget, Reservation},
    segment::{SEGMENT_LEN, Segment, Segments},
    spool::{OpenSpool, Spool, SpoolEntry, spool_error},
};

/// So many segments go to the spool at once: what is not longer, as a message of a mebibyte with its header, is made,
/// written and synced in one go, and no thread is woken for less.
const BATCH_SEGMENTS: usize = 20;
/// As many while memory is short, and after the first, while a spool thread may still be at work on those: however fast
/// content comes, a message of any size holds little more than one of a mebibyte.
const BATCH_SEGMENTS_SHORT: usize = 4;
/// Room for a message of usual length, so that it need not grow.
const BUFFER_LEN: usize = 8 * 1024;
/// So many octets come from the spool at once.
const PIECE_LEN: usize = 256 * 1024;

/// A message that is being received. Dropping it uncommitted leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    id: MessageId,
    len: u64,
    crc: Hasher,
    threshold: usize,
    /// Full segments that are not yet with the spool.
    full: Segments,
    /// What comes after them.
    filling: Option<Segment>,
    /// All of it, while it is in memory.
    buffer: Vec<u8>,
    file: SpoolState,
    /// Octets that are with a spool thread.
    away: u64,
    spool: Spool,
    memory: Reservation,
}

/// Where the spool file of a draft is.
#[derive(Debug)]
enum SpoolState {
    /// There is none, and need not be: all is in memory.
    Needless,
    /// Memory is outgrown; the first segments make the file.
    Unmade,
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
    /// In a file; with what is in it, where memory allows, so that a delivery at once need not read it.
    Spooled(SpoolEntry, Option<Segments>),
}

impl Draft {
    pub(crate) fn new(id: MessageId, threshold: usize, spool: Spool, budget: &Arc<Budget>) -> Self {
        Self {
            id,
            len: 0,
            crc: Hasher::new(),
            threshold,
            full: spool.segments(),
            filling: None,
            buffer: Vec::new(),
            file: SpoolState::Needless,
            away: 0,
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
        if self.is_in_memory() {
            if self.buffer.len() + content.len() <= self.threshold {
                self.write_in_memory(content);
                return Ok(());
            }
            self.file = SpoolState::Unmade;
            let until_now = mem::take(&mut self.buffer);
            self.fill(&until_now);
        }
        self.note(content);
        self.fill(content);
        let batch = match self.file {
            SpoolState::Unmade if !self.memory.is_short() => BATCH_SEGMENTS,
            _ => BATCH_SEGMENTS_SHORT,
        };
        if self.full.count() >= batch {
            self.send_away().await?;
        }
        Ok(())
    }

    /// Appends to a draft that stays in memory whatever its length: for our own notifications, which are bounded by
    /// what writes them.
    pub fn write_in_memory(&mut self, content: &[u8]) {
        self.note(content);
        if self.buffer.is_empty() {
            self.buffer.reserve(BUFFER_LEN);
        }
        self.buffer.extend_from_slice(content);
        self.reserve();
    }

    fn fill(&mut self, mut content: &[u8]) {
        while !content.is_empty() {
            let filling = self.filling.get_or_insert_with(|| self.spool.segment());
            content = filling.fill(content);
            if filling.is_full() {
                self.filling.take().into_iter().for_each(|full| self.full.push(full));
                self.reserve();
            }
        }
    }

    fn note(&mut self, content: &[u8]) {
        self.crc.update(content);
        self.len += content.len() as u64;
    }

    fn reserve(&mut self) {
        // One more is filling.
        let segments = self.full.count() + usize::from(!self.is_in_memory());
        let here = self.buffer.capacity() + segments * SEGMENT_LEN;
        self.memory.resize(self.away + here as u64);
    }

    /// Hands the full segments to a spool thread. They may be under way while the next ones fill.
    async fn send_away(&mut self) -> Result<(), StoreError> {
        let file = self.file_back().await?;
        let segments = mem::replace(&mut self.full, self.spool.segments());
        self.away = segments.len();
        self.spool.spend(self.away);
        self.file = SpoolState::Away(self.spool.append(self.id, file, segments));
        self.reserve();
        Ok(())
    }

    /// The file, once what is under way is written; `None` when it is still to be made.
    async fn file_back(&mut self) -> Result<Option<OpenSpool>, StoreError> {
        match mem::replace(&mut self.file, SpoolState::Broken) {
            SpoolState::Needless | SpoolState::Unmade => Ok(None),
            SpoolState::Away(answer) => self.opened(answer.await.ok()).map(Some),
            SpoolState::Broken => Err(broken()),
        }
    }

    fn opened(&self, answer: Option<io::Result<OpenSpool>>) -> Result<OpenSpool, StoreError> {
        answer
            .ok_or(StoreError::Stopped)?
            .map_err(|error| spool_error(&self.spool.file(self.id), &error))
    }

    pub(crate) const fn is_in_memory(&self) -> bool {
        matches!(self.file, SpoolState::Needless)
    }

    /// Makes the file durable, when there is one: on a spool thread, since it blocks.
    pub(crate) fn seal_blocking(mut self) -> Result<Sealed, StoreError> {
        let content = match mem::replace(&mut self.file, SpoolState::Broken) {
            SpoolState::Needless => SealedContent::Memory(mem::take(&mut self.buffer).into()),
            SpoolState::Broken => return Err(broken()),
            SpoolState::Unmade => {
                let (entry, content) = self.write_rest(None)?;
                let kept = if self.memory.is_short() { None } else { content.keep() };
                self.memory.resize(kept.as_ref().map_or(0, Segments::len));
                SealedContent::Spooled(entry, kept)
            }
            SpoolState::Away(answer) => {
                let file = self.opened(wait_for(answer))?;
                let (entry, _) = self.write_rest(Some(file))?;
                self.memory.resize(0);
                SealedContent::Spooled(entry, None)
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

    /// Writes what is not yet in the file and makes it durable; what was written comes with it.
    fn write_rest(&mut self, file: Option<OpenSpool>) -> Result<(SpoolEntry, Segments), StoreError> {
        let mut segments = mem::replace(&mut self.full, self.spool.segments());
        self.filling.take().into_iter().for_each(|last| segments.push(last));
        self.spool.spend(segments.len());
        let sealed = self
            .spool
            .write(self.id, file, &segments)
            .and_then(OpenSpool::seal)
            .map_err(|error| spool_error(&self.spool.file(self.id), &error))?;
        Ok((sealed, segments))
    }
}

fn broken() -> StoreError {
    StoreError::Failed("the draft is broken".to_owned())
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
    /// All of it in memory as well: the message has only just been written.
    kept: Option<Arc<Segments>>,
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
            kept: None,
        }
    }

    pub(crate) fn with_alarm(mut self, alarm: Alarm) -> Self {
        self.alarm = Some(alarm);
        self
    }

    pub(crate) fn with_kept(mut self, kept: Option<Segments>) -> Self {
        self.kept = kept.map(Arc::new);
        self
    }

    /// Octets of it that are in memory.
    pub(crate) fn kept_len(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.len())
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
            Self::Memory(bytes) => Source::Memory {
                rest: bytes.clone(),
                piece: Bytes::new(),
            },
            Self::File(SpoolBody { kept: Some(kept), .. }) => Source::Kept(Arc::clone(kept), 0),
            Self::File(body) => {
                let file = open_own(&body.path).map_err(|error| match Errno::from_io_error(&error) {
                    Some(Errno::NOENT) => body.damaged("the file is missing".to_owned()),
                    Some(Errno::LOOP) => body.damaged("a symbolic link stands in the place of the file".to_owned()),
                    _ => error,
                })?;
                Source::File(Some(Box::new(FileSource {
                    file,
                    offset: 0,
                    crc: Hasher::new(),
                    piece: Vec::new(),
                    filled: 0,
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
    Memory {
        /// Empty at the end.
        rest: Bytes,
        /// The last one given out.
        piece: Bytes,
    },
    /// With how many segments of it were given out.
    Kept(Arc<Segments>, usize),
    /// `None` after an error, and while a thread reads.
    File(Option<Box<FileSource>>),
}

#[derive(Debug)]
struct FileSource {
    file: File,
    /// Where in the file the next piece begins.
    offset: u64,
    crc: Hasher,
    /// The one that is read, or was given out last.
    piece: Vec<u8>,
    /// So much of it is read.
    filled: usize,
    body: SpoolBody,
}

impl BodyReader {
    /// The next piece, at most 256 KiB; `None` at the end. It waits for a file alone, and only where the system has not
    /// got the content in memory: a thread on which that may be reads it then.
    ///
    /// # Errors
    /// When the file cannot be read or its checksum is wrong; what was read so far must not be taken for a message.
    pub async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        match &mut self.0 {
            Source::Memory { rest, piece } => {
                *piece = next_of(rest);
                Ok(some_octets(piece))
            }
            Source::Kept(segments, given) => {
                *given += 1;
                Ok(segments.get(*given - 1).and_then(some_octets))
            }
            Source::File(slot) => {
                let Some(mut source) = slot.take() else { return Ok(None) };
                source.begin_piece();
                if source.fill_at_hand() {
                    source.finish_piece()?;
                } else {
                    let reading = tokio::task::spawn_blocking(move || source.fill_blocking().map(|()| source));
                    source = reading.await.map_err(io::Error::other)??;
                }
                Ok(some_octets(&slot.insert(source).piece))
            }
        }
    }

    /// As [`BodyReader::next`], on this thread: for the command line, tests and threads of their own.
    ///
    /// # Errors
    /// As there.
    pub fn next_blocking(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.0 {
            Source::Memory { rest, .. } => Ok(Some(next_of(rest)).filter(|piece| !piece.is_empty())),
            Source::Kept(segments, given) => {
                *given += 1;
                let piece = segments.get(*given - 1).and_then(some_octets);
                Ok(piece.map(Bytes::copy_from_slice))
            }
            Source::File(slot) => {
                let Some(mut source) = slot.take() else { return Ok(None) };
                source.begin_piece();
                source.fill_blocking()?;
                let piece = mem::take(&mut slot.insert(source).piece);
                Ok((!piece.is_empty()).then(|| piece.into()))
            }
        }
    }
}

fn next_of(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(PIECE_LEN))
}

fn some_octets(piece: &[u8]) -> Option<&[u8]> {
    (!piece.is_empty()).then_some(piece)
}

impl FileSource {
    /// Makes room for a piece; an empty one stands for the end.
    fn begin_piece(&mut self) {
        let left = self.body.len - self.offset;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_LEN);
        self.piece.resize(len, 0);
        self.filled = 0;
    }

    /// Reads what the system has in memory, without waiting for a disk (preadv2(2), `RWF_NOWAIT`). Answers whether that
    /// is all of the piece; a system that cannot tell, or has a fault to report, leaves it to the way that waits.
    fn fill_at_hand(&mut self) -> bool {
        while self.filled < self.piece.len() {
            let offset = self.offset + self.filled as u64;
            let mut room = [IoSliceMut::new(&mut self.piece[self.filled..])];
            match preadv2(&self.file, &mut room, offset, ReadWriteFlags::NOWAIT) {
                Ok(read) if read > 0 => self.filled += read,
                Ok(_) | Err(_) => return false,
            }
        }
        true
    }

    /// Reads the rest of the piece.
    fn fill_blocking(&mut self) -> io::Result<()> {
        let offset = self.offset + self.filled as u64;
        match self.file.read_exact_at(&mut self.piece[self.filled..], offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.body.damaged("the file is too short".to_owned()));
            }
            read => read?,
        }
        self.finish_piece()
    }

    /// Counts the piece. The last one is given out only when the checksum holds.
    fn finish_piece(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.crc.update(&self.piece);
        self.offset += self.piece.len() as u64;
        if self.offset == self.body.len && self.crc.clone().finalize() != self.body.crc {
            return Err(self.body.damaged("the checksum is wrong".to_owned()));
        }
        Ok(())
    }
}
