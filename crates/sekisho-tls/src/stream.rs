//! A connection under TLS.

use std::{
    io::{self, Write as _},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::{chain::PeerChain, code_points, tap::Tap};

/// A connection under TLS, in either role.
///
/// Reading gives `UnexpectedEof` when the peer closed the connection without saying so in TLS (`close_notify`).
#[derive(Debug)]
pub struct TlsStream<S> {
    inner: tokio_rustls::TlsStream<Tap<S>>,
    chain: Arc<PeerChain>,
}

impl<S> TlsStream<S> {
    pub(crate) fn new(mut inner: tokio_rustls::TlsStream<Tap<S>>, chain: Arc<PeerChain>) -> Self {
        inner.get_mut().0.shut();
        Self { inner, chain }
    }

    /// What the peer presented in the handshake.
    #[must_use]
    pub const fn peer_chain(&self) -> &Arc<PeerChain> {
        &self.chain
    }

    /// The connection below, for its addresses and options. Never read from it or write to it.
    #[must_use]
    pub fn transport(&self) -> &S {
        &self.inner.get_ref().0.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Says the last that there is to say and goodbye in TLS (`close_notify`), in one write where it fits; then the
    /// connection is closed.
    ///
    /// # Errors
    /// When the connection is already gone; nothing need be done about it.
    pub async fn close(mut self, last: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        while taken < last.len() {
            match self.buffer(&last[taken..])? {
                // It holds as much as it may; that goes first.
                0 => taken += self.inner.write(&last[taken..]).await?,
                more => taken += more,
            }
        }
        self.inner.get_mut().1.send_close_notify();
        self.inner.flush().await
    }

    /// Leaves octets with the library without writing them to the connection; answers how many it took.
    fn buffer(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            tokio_rustls::TlsStream::Client(stream) => stream.get_mut().1.writer().write(octets),
            tokio_rustls::TlsStream::Server(stream) => stream.get_mut().1.writer().write(octets),
        }
    }
}

/// The name of the alert that `error`, which reading or writing a [`TlsStream`] gave, came of. In TLS 1.3 a
/// server's refusal of our client certificate shows only here.
#[must_use]
pub fn alert_in(error: &io::Error) -> Option<&'static str> {
    match library_error(error)? {
        rustls::Error::AlertReceived(alert) => Some(code_points::alert((*alert).into())),
        _ => None,
    }
}

pub(crate) fn library_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
