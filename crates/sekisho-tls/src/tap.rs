//! The connection below TLS: keeps a bounded copy of what the peer sends during the handshake, and afterwards reads
//! ahead while much comes.

use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::record::note;

/// So much is read at once while a peer sends without a pause. The library asks for 4 KiB at a time: a record of 16 KiB
/// would take five system calls.
const AHEAD_LEN: usize = 64 * 1024;
/// So many times in a row the peer had all that was asked for, before anything is read ahead: a message of a few KiB
/// does without.
const FULL_READS: u8 = 2;

/// The connection below TLS.
#[derive(Debug)]
pub(crate) struct Tap<S> {
    pub(crate) stream: S,
    is_open: bool,
    /// Room to read ahead; none while the peer is silent.
    ahead: Vec<u8>,
    /// What of it was read and not yet passed on.
    unread: Range<usize>,
    /// How many times in a row all was there that was asked for.
    full_reads: u8,
}

impl<S> Tap<S> {
    pub(crate) const fn open(stream: S) -> Self {
        Self {
            stream,
            is_open: true,
            ahead: Vec::new(),
            unread: 0..0,
            full_reads: 0,
        }
    }

    pub(crate) const fn shut(&mut self) {
        self.is_open = false;
    }

    /// Passes on what was read ahead; false when there is none.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.unread.len().min(buf.remaining());
        let end = self.unread.start + count;
        buf.put_slice(&self.ahead[self.unread.start..end]);
        self.unread.start = end;
        count > 0
    }
}

impl<S: AsyncRead + Unpin> Tap<S> {
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ahead.resize(AHEAD_LEN, 0);
        let mut room = ReadBuf::new(&mut self.ahead);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut room);
        self.unread = 0..room.filled().len();
        if polled.is_pending() {
            // A silent connection holds no memory.
            (self.ahead, self.full_reads) = (Vec::new(), 0);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.pass_on(buf) {
            return Poll::Ready(Ok(()));
        }
        if self.full_reads >= FULL_READS {
            ready!(self.poll_ahead(cx))?;
            self.pass_on(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.is_open {
            note(|record| record.keep_octets(&buf.filled()[before..]));
        } else if buf.remaining() == 0 && polled.is_ready() {
            self.full_reads += 1;
        } else {
            self.full_reads = 0;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// Gives what it has in reads of any length, and counts them; then waits.
    struct Source {
        octets: Vec<u8>,
        given: usize,
        reads: usize,
    }

    impl AsyncRead for Source {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.reads += 1;
            let rest = &self.octets[self.given..];
            if rest.is_empty() {
                return Poll::Pending;
            }
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            self.given += count;
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn much_is_read_at_once_and_comes_in_order_and_silence_holds_no_memory() {
        let octets: Vec<u8> = (0..1_000_003u32).map(|number| number.to_le_bytes()[0] ^ 0x5a).collect();
        let mut tap = Tap::open(Source {
            octets: octets.clone(),
            given: 0,
            reads: 0,
        });
        tap.shut();
        let mut came = Vec::new();
        let mut piece = [0; 4096];
        while came.len() < octets.len() {
            let count = tap.read(&mut piece).await.expect("octets");
            came.extend_from_slice(&piece[..count]);
        }
        assert!(came == octets, "altered or out of order");
        assert!(tap.stream.reads < 32, "{} reads", tap.stream.reads);
        let waiting = poll_once(&mut tap, &mut piece);
        assert!(waiting.is_pending());
        assert_eq!(tap.ahead.capacity(), 0);
    }

    #[tokio::test]
    async fn what_is_small_is_not_read_ahead_and_nothing_is_during_a_handshake() {
        for (is_open, count) in [(false, 8000), (true, 64_000)] {
            let mut tap = Tap::open(Source {
                octets: vec![1; count],
                given: 0,
                reads: 0,
            });
            if !is_open {
                tap.shut();
            }
            let mut piece = [0; 4096];
            let mut came = 0;
            while came < count {
                came += tap.read(&mut piece).await.expect("octets");
                assert_eq!(tap.ahead.capacity(), 0);
            }
        }
    }

    fn poll_once(tap: &mut Tap<Source>, piece: &mut [u8]) -> Poll<io::Result<()>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        Pin::new(tap).poll_read(&mut context, &mut ReadBuf::new(piece))
    }
}
