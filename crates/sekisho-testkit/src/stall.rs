//! The ways in which a peer stalls, in either role, once it has come to the step where it does.

use std::{
    io,
    os::fd::AsFd,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::{MissedTickBehavior, interval},
};

use crate::client::Duplex;

/// Octets of an endless line, or of a handshake, that are sent at a time.
const PIECE_OCTETS: usize = 16 * 1024;
/// What stands before a record's content: its type, version and length (RFC 8446 §5.1).
const RECORD_HEAD_OCTETS: usize = 5;
/// Lines of the long reply.
const REPLY_LINES: usize = 10_000;
const LINES_AT_A_TIME: usize = 500;

/// The message of a handshake that is due (RFC 8446 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// A client's.
    Client = 1,
    /// A server's.
    Server = 2,
}

impl Hello {
    /// A record that announces a message of 16 MiB, of which it is the first fragment.
    const fn fragment_head(self) -> [u8; 9] {
        [22, 3, 3, 0x40, 0, self as u8, 0xff, 0xff, 0xff]
    }
}

/// What a peer does instead of what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Nothing.
    Silence,
    /// An octet now and then, all of which together would be right.
    Drip,
    /// Half a line, or half a record, and nothing more.
    HalfLine,
    /// The connection is reset.
    Reset,
    /// The sending side is closed, in the middle of TLS too.
    End,
    /// 421, and the connection stays open.
    Closing,
    /// Lines of octets that mean nothing.
    Garbage,
    /// A line, or a handshake, that never ends, as fast as it is taken.
    EndlessLine,
    /// Ten thousand lines of one reply, whose end does not come.
    LongReply,
    /// TLS is closed and the connection is not; then something in the clear.
    CloseNotify,
}

impl Stall {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Silence,
        Self::Drip,
        Self::HalfLine,
        Self::Reset,
        Self::End,
        Self::Closing,
        Self::Garbage,
        Self::EndlessLine,
        Self::LongReply,
        Self::CloseNotify,
    ];

    /// Does it, in the middle of a handshake where a `hello` is due. It drips an octet every `tick`, and counts in
    /// `pushed` what it sends without end. It returns when it has no more to do.
    ///
    /// # Errors
    /// When the other side has gone away meanwhile.
    pub async fn play(
        self,
        stream: &mut Box<dyn Duplex>,
        wire: &Wire,
        hello: Option<Hello>,
        tick: Duration,
        pushed: &AtomicUsize,
    ) -> io::Result<()> {
        match self {
            Self::Silence => Ok(()),
            Self::Drip => drip(stream, hello, tick).await,
            Self::HalfLine if let Some(hello) = hello => write(stream, &hello.fragment_head()[..7]).await,
            Self::HalfLine => write(stream, b"250 o").await,
            Self::Reset => wire.set_reset(),
            Self::End => wire.end(),
            Self::Closing => write(stream, b"421 4.3.2 closing\r\n").await,
            Self::Garbage => write(stream, &b"\x16\x7f\0\xfe!?\x1b[31m\r\n".repeat(40)).await,
            Self::EndlessLine => push_endlessly(stream, hello, pushed).await,
            Self::LongReply => {
                let lines = b"250-and another\r\n".repeat(LINES_AT_A_TIME);
                for _ in 0..REPLY_LINES / LINES_AT_A_TIME {
                    write(stream, &lines).await?;
                    pushed.fetch_add(lines.len(), Ordering::Relaxed);
                }
                Ok(())
            }
            Self::CloseNotify if hello.is_some() => write(stream, &[21, 3, 3, 0, 2, 1, 0]).await,
            Self::CloseNotify => {
                // In the clear there is nothing to close but the connection.
                stream.shutdown().await?;
                wire.write_in_the_clear(b"250 2.0.0 ok\r\n").await
            }
        }
    }
}

async fn write(stream: &mut Box<dyn Duplex>, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}

async fn drip(stream: &mut Box<dyn Duplex>, hello: Option<Hello>, tick: Duration) -> io::Result<()> {
    let (head, rest) = match hello {
        Some(hello) => (hello.fragment_head().to_vec(), 0),
        None => (b"250 ".to_vec(), b'x'),
    };
    let mut ticks = interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for octet in head.into_iter().chain(std::iter::repeat(rest)) {
        ticks.tick().await;
        write(stream, &[octet]).await?;
    }
    Ok(())
}

async fn push_endlessly(stream: &mut Box<dyn Duplex>, hello: Option<Hello>, pushed: &AtomicUsize) -> io::Result<()> {
    let mut piece = vec![b'x'; PIECE_OCTETS + RECORD_HEAD_OCTETS];
    if let Some(hello) = hello {
        piece.fill(0);
        piece[..9].copy_from_slice(&hello.fragment_head());
    }
    loop {
        write(stream, &piece).await?;
        pushed.fetch_add(piece.len(), Ordering::Relaxed);
        if hello.is_some() {
            // The message has begun: what follows are further fragments of it.
            piece[RECORD_HEAD_OCTETS..9].fill(0);
        }
    }
}

/// The socket below whatever is spoken over it.
#[derive(Debug)]
pub struct Wire(TcpStream);

impl Wire {
    /// Splits a connection into what is spoken over and the socket itself. The first never closes the second when it
    /// says goodbye.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn split(stream: TcpStream) -> io::Result<(Self, Unended)> {
        let second = stream.as_fd().try_clone_to_owned()?;
        let second = TcpStream::from_std(second.into())?;
        Ok((Self(second), Unended(stream)))
    }

    /// Dropping the connection resets it from now on.
    ///
    /// # Errors
    /// When it is gone.
    pub fn set_reset(&self) -> io::Result<()> {
        self.0.set_zero_linger()
    }

    /// Ends what is sent.
    ///
    /// # Errors
    /// When it is gone.
    pub fn end(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.0, rustix::net::Shutdown::Write)?)
    }

    /// Writes past TLS.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn write_in_the_clear(&self, octets: &[u8]) -> io::Result<()> {
        self.0.writable().await?;
        self.0.try_write(octets).map(drop)
    }
}

/// A connection that is not shut when TLS is closed over it.
#[derive(Debug)]
pub struct Unended(TcpStream);

impl AsyncRead for Unended {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Unended {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
}
