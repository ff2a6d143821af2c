//! The system's sockets, and TLS on them.
#![cfg_attr(
    test,
    expect(unreachable_pub, reason = "in this crate's tests the other kind stands in between")
)]

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sekisho_mail::{ChainAnswers, Check, Domain, HandshakeFailure, Timestamp, TlsFacts};
use sekisho_tls::{ClientProfile, TlsClient, TlsServer, Verifier};
#[cfg(not(test))]
pub use tokio::net::{TcpListener, TcpStream};
#[cfg(test)]
pub(super) use tokio::net::{TcpListener, TcpStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpSocket,
};

/// A connection under TLS.
#[cfg(not(test))]
pub type TlsStream = sekisho_tls::TlsStream<TcpStream>;
/// What the peer presented.
pub type PeerChain = Arc<sekisho_tls::PeerChain>;
/// A socket that listens and on which nobody accepts yet.
#[cfg(not(test))]
pub type Listening = std::net::TcpListener;

/// A socket that was bound or passed.
#[cfg(not(test))]
#[must_use]
pub const fn listening(listener: Listening) -> Listening {
    listener
}

/// Connects, from `source` when it is given.
///
/// # Errors
/// What the system said.
pub async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}

/// Takes the server's part in a handshake.
///
/// # Errors
/// When it fails, with what is known about why.
pub async fn accept_tls<S: AsyncRead + AsyncWrite + Unpin>(
    server: &TlsServer,
    stream: S,
    time_limit: Duration,
) -> Result<(sekisho_tls::TlsStream<S>, TlsFacts), Box<HandshakeFailure>> {
    server.accept(stream, time_limit).await
}

/// Takes the client's part in a handshake.
///
/// # Errors
/// When it fails, with what is known about why.
pub async fn connect_tls<S: AsyncRead + AsyncWrite + Unpin>(
    client: &TlsClient,
    stream: S,
    (server_name, profile): (Option<&Domain>, &ClientProfile),
    time_limit: Duration,
) -> Result<(sekisho_tls::TlsStream<S>, TlsFacts), Box<HandshakeFailure>> {
    client.connect(stream, server_name, profile, time_limit).await
}

/// The certificates that the peer presented.
#[must_use]
pub fn certificates(chain: &PeerChain) -> Option<&Arc<sekisho_tls::PeerChain>> {
    Some(chain)
}

/// A chain that did not come over a connection.
#[must_use]
pub fn given(chain: sekisho_tls::PeerChain) -> PeerChain {
    Arc::new(chain)
}

/// Answers checks about a chain.
#[must_use]
pub fn verify(verifier: &Verifier, chain: &PeerChain, checks: &[Check], now: Timestamp) -> ChainAnswers {
    verifier.verify(chain, checks, now)
}
