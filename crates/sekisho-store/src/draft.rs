//! A message on its way into the store, and the content of one that is in it.
//!
//! Content below the threshold stays in memory until the commit; above it, it is streamed into a spool file as it
//! comes, so that a message of any size needs the same memory.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use sekisho_mail::MessageId;

use crate::StoreError;

/// A message that is being received. Dropping it uncommitted leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    pub(crate) id: MessageId,
}

impl Draft {
    /// The queue id that it will have; already in its `Received` header.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Octets written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends content. Waits for the disk only when the content has outgrown memory.
    ///
    /// # Errors
    /// When the spool cannot take it; the draft is of no use then.
    pub async fn write(&mut self, _content: &[u8]) -> Result<(), StoreError> {
        todo!()
    }

    /// Appends to a draft that is small enough to stay in memory: for our own notifications.
    pub fn write_in_memory(&mut self, _content: &[u8]) {
        todo!()
    }
}

/// The content of a queued message: octets as they were accepted, dots not stuffed, our header fields before them.
#[derive(Clone, Debug)]
pub enum Body {
    /// Held in memory.
    Memory(Bytes),
    /// In a spool file of this length.
    File {
        /// Where.
        path: Arc<PathBuf>,
        /// Octets.
        len: u64,
        /// CRC-32 of the content, verified by whoever reads it through.
        crc: u32,
    },
}

impl Body {
    /// Octets.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there is no octet at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins to read from the front.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> io::Result<BodyReader> {
        todo!()
    }
}

/// Reads a body piece by piece; checks its checksum at the end.
#[derive(Debug)]
pub struct BodyReader {}

impl BodyReader {
    /// The next piece, at most 256 KiB; `None` at the end. For content in memory it never waits; for a file it reads on
    /// a thread where that may block.
    ///
    /// # Errors
    /// When the file cannot be read or its checksum is wrong; what was read so far must not be taken for a message.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        todo!()
    }
}
