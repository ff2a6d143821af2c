//! A system's socket or a simulated one. Which it is depends on where the code runs: inside a simulation there are no
//! others than simulated ones.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use sekisho_mail::{ChainAnswers, Check, Domain, HandshakeFailure, Timestamp, TlsFacts};
use sekisho_tls::{ClientProfile, TlsClient, TlsServer, Verifier};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::{
    facts::{self, PeerFacts},
    system,
};

/// A connection.
#[derive(Debug)]
pub enum TcpStream {
    System(system::TcpStream),
    Simulated(turmoil::net::TcpStream),
}

/// A connection under TLS, or one whose ends have told each other what TLS would have come to.
#[derive(Debug)]
pub enum TlsStream {
    System(Box<sekisho_tls::TlsStream<TcpStream>>, PeerChain),
    Simulated(TcpStream, PeerChain),
}

/// What the peer presented.
#[derive(Clone, Debug)]
pub enum PeerChain {
    Certificates(system::PeerChain),
    Facts(PeerFacts),
}

/// A socket that listens.
#[expect(missing_debug_implementations, reason = "the simulated one has none")]
pub enum TcpListener {
    System(system::TcpListener),
    Simulated(turmoil::net::TcpListener),
}

/// A socket that listens and on which nobody accepts yet.
#[derive(Debug)]
pub enum Listening {
    System(StdListener),
    /// It begins to listen when somebody accepts.
    Simulated(SocketAddr),
}

pub fn listening(listener: StdListener) -> Listening {
    Listening::System(listener)
}

impl Listening {
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::System(listener) => listener.set_nonblocking(nonblocking),
            Self::Simulated(_) => Ok(()),
        }
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::System(listener) => listener.local_addr(),
            Self::Simulated(address) => Ok(*address),
        }
    }
}

impl TcpListener {
    pub fn from_std(listening: Listening) -> io::Result<Self> {
        match listening {
            Listening::System(listener) => system::TcpListener::from_std(listener).map(Self::System),
            Listening::Simulated(address) => {
                // A simulated host has one address, which its sockets do not name. Binding waits for nothing.
                let binding = pin!(turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())));
                match binding.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(bound) => bound.map(Self::Simulated),
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        }
    }

    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::System(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::System(stream), peer))
            }
            Self::Simulated(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::Simulated(stream), peer))
            }
        }
    }
}

impl TcpStream {
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Self::System(stream) => stream.set_nodelay(nodelay),
            Self::Simulated(_) => Ok(()),
        }
    }

    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        connect(address, None).await
    }
}

pub async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    if turmoil::in_simulation() {
        let connected = turmoil::net::TcpStream::connect(address).await;
        return connected.map(TcpStream::Simulated);
    }
    system::connect(address, source).await.map(TcpStream::System)
}

pub async fn accept_tls(
    server: &TlsServer,
    stream: TcpStream,
    time_limit: Duration,
) -> Result<(TlsStream, TlsFacts), Box<HandshakeFailure>> {
    match stream {
        TcpStream::System(_) => {
            let (stream, facts) = system::accept_tls(server, stream, time_limit).await?;
            let chain = PeerChain::Certificates(stream.peer_chain().clone());
            Ok((TlsStream::System(Box::new(stream), chain), facts))
        }
        TcpStream::Simulated(_) => {
            let (stream, facts) = facts::accept(stream, &PeerFacts::sound(), time_limit).await?;
            let chain = PeerChain::Facts(PeerFacts::sound());
            Ok((TlsStream::Simulated(stream, chain), facts))
        }
    }
}

pub async fn connect_tls(
    client: &TlsClient,
    stream: TcpStream,
    (server_name, profile): (Option<&Domain>, &ClientProfile),
    time_limit: Duration,
) -> Result<(TlsStream, TlsFacts), Box<HandshakeFailure>> {
    match stream {
        TcpStream::System(_) => {
            let (stream, facts) = system::connect_tls(client, stream, (server_name, profile), time_limit).await?;
            let chain = PeerChain::Certificates(stream.peer_chain().clone());
            Ok((TlsStream::System(Box::new(stream), chain), facts))
        }
        TcpStream::Simulated(_) => {
            let (stream, presented, facts) = facts::connect(stream, server_name, profile, time_limit).await?;
            Ok((TlsStream::Simulated(stream, PeerChain::Facts(presented)), facts))
        }
    }
}

pub fn certificates(chain: &PeerChain) -> Option<&system::PeerChain> {
    match chain {
        PeerChain::Certificates(chain) => system::certificates(chain),
        PeerChain::Facts(_) => None,
    }
}

pub fn given(chain: sekisho_tls::PeerChain) -> PeerChain {
    PeerChain::Certificates(system::given(chain))
}

pub fn verify(verifier: &Verifier, chain: &PeerChain, checks: &[Check], now: Timestamp) -> ChainAnswers {
    match chain {
        PeerChain::Certificates(chain) => system::verify(verifier, chain, checks, now),
        PeerChain::Facts(presented) => presented.answers(checks),
    }
}

impl TlsStream {
    pub fn peer_chain(&self) -> &PeerChain {
        match self {
            Self::System(_, chain) | Self::Simulated(_, chain) => chain,
        }
    }

    pub async fn close(self, last: &[u8]) -> io::Result<()> {
        match self {
            Self::System(stream, _) => stream.close(last).await,
            Self::Simulated(mut stream, _) => {
                stream.write_all(last).await?;
                stream.shutdown().await
            }
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Simulated(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Simulated(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_flush(cx),
            Self::Simulated(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Simulated(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream, _) => Pin::new(stream).poll_read(cx, buf),
            Self::Simulated(stream, _) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::System(stream, _) => Pin::new(stream).poll_write(cx, buf),
            Self::Simulated(stream, _) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream, _) => Pin::new(stream).poll_flush(cx),
            Self::Simulated(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream, _) => Pin::new(stream).poll_shutdown(cx),
            Self::Simulated(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
