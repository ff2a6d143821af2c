//! A client's connection, in the clear or under TLS, and the buffer that it is read into.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::net::{TcpStream, TlsStream};

/// At most so much input is held; while a question is open the rest waits in the network.
const INPUT_OCTETS_MAX: usize = 64 * 1024;

/// So much room there is at least for each read; a connection that only talks never needs more.
const READ_OCTETS: usize = 4 * 1024;

/// So much where content comes: a message of usual length, and a whole record of TLS. Who fills that gets all there is.
const CONTENT_OCTETS: usize = 16 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) enum Transport {
    Clear(TcpStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Writes all of it.
    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(octets).await,
            Self::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
        }
    }

    /// Writes the last of it and says goodbye in whatever way is due; what fails then matters to nobody.
    pub(super) async fn close(self, last: &[u8]) {
        let _ = match self {
            // Closing says it.
            Self::Clear(mut stream) => stream.write_all(last).await,
            Self::Tls(stream) => stream.close(last).await,
        };
    }
}

/// Input that was read and not used up yet.
#[derive(Debug)]
pub(super) struct Input {
    octets: Vec<u8>,
    used: usize,
    /// Room for the next read.
    room: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            octets: Vec::new(),
            used: 0,
            room: READ_OCTETS,
        }
    }
}

impl Input {
    /// What is there.
    pub(super) fn rest(&self) -> &[u8] {
        &self.octets[self.used..]
    }

    /// So much of it is done with.
    pub(super) fn consume(&mut self, octets: usize) {
        self.used += octets;
        if self.used == self.octets.len() {
            self.octets.clear();
            self.used = 0;
        }
    }

    /// Forgets everything: nothing that was read in the clear survives a handshake (law 4).
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Reads more behind what is there; 0 is the end. Cancelling loses nothing.
    pub(super) async fn read_from(&mut self, transport: &mut Transport) -> io::Result<usize> {
        self.octets.drain(..self.used);
        self.used = 0;
        let held = self.octets.len();
        // A client that fills what it is given is given twice as much, up to the limit.
        let wanted = held.max(self.room).min(INPUT_OCTETS_MAX.saturating_sub(held));
        if wanted == 0 {
            return Err(io::Error::other("more input is held than any command may have"));
        }
        self.octets.reserve_exact(wanted);
        let mut limited = bytes::BufMut::limit(&mut self.octets, wanted);
        let octets = match transport {
            Transport::Clear(stream) => stream.read_buf(&mut limited).await,
            Transport::Tls(stream) => stream.read_buf(&mut limited).await,
        }?;
        if octets == wanted && self.room >= CONTENT_OCTETS {
            self.room = INPUT_OCTETS_MAX;
        }
        Ok(octets)
    }

    /// From now on reads are larger: content comes.
    pub(super) fn expect_content(&mut self) {
        self.room = self.room.max(CONTENT_OCTETS);
    }
}
