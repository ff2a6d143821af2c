//! A connection under TLS, and the chain that its peer presented.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use sekisho_mail::{CertificateFacts, KeyProof};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection under TLS, in either role.
///
/// Reading gives `UnexpectedEof` when the peer closed the connection without saying so in TLS (`close_notify`).
#[derive(Debug)]
pub struct TlsStream<S> {
    inner: S,
    chain: Arc<PeerChain>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// What the peer presented in the handshake.
    #[must_use]
    pub fn peer_chain(&self) -> &Arc<PeerChain> {
        &self.chain
    }

    /// The connection below, for its addresses and options. Never read from or write to it.
    #[must_use]
    pub fn transport(&self) -> &S {
        &self.inner
    }

    /// Says goodbye in TLS (`close_notify`) and shuts the sending side.
    ///
    /// # Errors
    /// When the connection is already gone; nothing need be done about it.
    pub async fn close(self) -> io::Result<()> {
        todo!()
    }
}

/// The chain that a peer presented, as it came, together with the proof of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerChain {
    facts: Vec<CertificateFacts>,
    key: KeyProof,
}

impl PeerChain {
    /// The certificates, leaf first; empty when none was presented.
    #[must_use]
    pub fn facts(&self) -> &[CertificateFacts] {
        &self.facts
    }

    /// Whether the peer proved the leaf's key.
    #[must_use]
    pub fn key(&self) -> &KeyProof {
        &self.key
    }
}

/// The name of the alert that `error`, which reading or writing a [`TlsStream`] gave, came of. In TLS 1.3 a
/// server's refusal of our client certificate shows only here.
#[must_use]
pub fn alert_in(error: &io::Error) -> Option<&'static str> {
    todo!("{error}")
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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
