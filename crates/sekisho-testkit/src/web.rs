//! A web server for us to fetch from: each request is answered with what the test says, in HTTP or otherwise. It reads
//! one request from each connection, keeps it, and can be a proxy.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sekisho_tls::TlsServer;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    time::{MissedTickBehavior, interval},
};

use crate::{
    authority::Pem,
    client::Duplex,
    peer::{HANDSHAKE_LIMIT, tls_server},
    stall::Wire,
};

/// Octets of a request's head, and of its body.
const REQUEST_MAX: u64 = 1 << 20;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// `GET /a HTTP/1.1`
    pub line: String,
    /// The fields' lines.
    pub fields: Vec<String>,
    /// As long as it was announced.
    pub body: Vec<u8>,
}

impl WebRequest {
    /// What stands between the method and the version.
    #[must_use]
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebAnswer {
    /// An answer as it should be: status, media type, body.
    Whole(u16, &'static str, Vec<u8>),
    /// These octets; then the connection is closed.
    Raw(Vec<u8>),
    /// These octets; then the connection stays open and nothing more comes.
    Open(Vec<u8>),
    /// The first octets, and then the second again and again, as fast as they are taken.
    Endless(Vec<u8>, Vec<u8>),
    /// The first octets, and then an `x` every tick.
    Drip(Vec<u8>, Duration),
    /// The connection is reset.
    Reset,
    /// As a proxy: what comes from here on goes there, and back.
    Tunnel(SocketAddr),
}

impl WebAnswer {
    /// 200 with this body.
    #[must_use]
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, "application/octet-stream", body.into())
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        Self::Raw(head.into_bytes())
    }
}

#[derive(Default)]
struct Records {
    requests: Mutex<Vec<WebRequest>>,
    connections: AtomicUsize,
    pushed: AtomicUsize,
}

struct Script {
    tls: Option<Arc<TlsServer>>,
    answer: Box<dyn Fn(&WebRequest) -> WebAnswer + Send + Sync>,
    records: Arc<Records>,
}

/// A running one; it ends with this value, which may be dropped anywhere.
pub struct WebServer {
    address: SocketAddr,
    records: Arc<Records>,
    runtime: Option<Runtime>,
}

impl fmt::Debug for WebServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl WebServer {
    /// Starts one; with a certificate it speaks TLS from the first octet.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(
        address: SocketAddr,
        certificate: Option<&Pem>,
        answer: impl Fn(&WebRequest) -> WebAnswer + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = std::net::TcpListener::bind(address).expect("the address is free");
        listener.set_nonblocking(true).expect("a listener can be told so");
        let address = listener.local_addr().expect("a listener knows its address");
        let records = Arc::<Records>::default();
        let script = Arc::new(Script {
            tls: certificate.map(tls_server),
            answer: Box::new(answer),
            records: Arc::clone(&records),
        });
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener is one");
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&script);
                script.records.connections.fetch_add(1, Ordering::Relaxed);
                // A connection that ends badly is the test's affair.
                tokio::spawn(async move { drop(script.serve(stream).await) });
            }
        });
        Self {
            address,
            records,
            runtime: Some(runtime),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that came whole so far.
    #[must_use]
    pub fn requests(&self) -> Vec<WebRequest> {
        let requests = self.records.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.records.connections.load(Ordering::Relaxed)
    }

    /// Octets that it got rid of where it sends without end.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.records.pushed.load(Ordering::Relaxed)
    }
}

impl Script {
    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (wire, stream) = Wire::split(stream)?;
        let mut stream: Box<dyn Duplex> = Box::new(stream);
        if let Some(tls) = &self.tls {
            let shaken = tls.accept(stream, HANDSHAKE_LIMIT).await;
            stream = Box::new(shaken.map_err(|failure| io::Error::other(failure.to_string()))?.0);
        }
        let mut stream = BufReader::new(stream);
        let request = read(&mut stream).await?;
        let answer = (self.answer)(&request);
        let requests = self.records.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).push(request);
        self.say(answer, stream.into_inner(), &wire).await
    }

    async fn say(&self, answer: WebAnswer, mut stream: Box<dyn Duplex>, wire: &Wire) -> io::Result<()> {
        match answer {
            WebAnswer::Whole(status, media_type, body) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} So\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
                write(&mut stream, head.as_bytes()).await?;
                write(&mut stream, &body).await?;
                stream.shutdown().await?;
                wire.end()
            }
            WebAnswer::Raw(octets) => {
                write(&mut stream, &octets).await?;
                stream.shutdown().await?;
                wire.end()
            }
            WebAnswer::Open(octets) => {
                write(&mut stream, &octets).await?;
                std::future::pending().await
            }
            WebAnswer::Endless(first, again) => {
                write(&mut stream, &first).await?;
                loop {
                    write(&mut stream, &again).await?;
                    self.records.pushed.fetch_add(again.len(), Ordering::Relaxed);
                }
            }
            WebAnswer::Drip(first, tick) => {
                write(&mut stream, &first).await?;
                let mut ticks = interval(tick);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    write(&mut stream, b"x").await?;
                }
            }
            WebAnswer::Reset => wire.set_reset(),
            WebAnswer::Tunnel(to) => {
                let mut far = TcpStream::connect(to).await?;
                write(&mut stream, b"HTTP/1.1 200 Connected\r\n\r\n").await?;
                copy_bidirectional(&mut stream, &mut far).await.map(drop)
            }
        }
    }
}

async fn write(stream: &mut Box<dyn Duplex>, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}

async fn read(stream: &mut BufReader<Box<dyn Duplex>>) -> io::Result<WebRequest> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.take(REQUEST_MAX).read_line(&mut line).await?;
        match line.trim_end() {
            "" if lines.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let line = lines.remove(0);
    let mut request = WebRequest {
        line,
        fields: lines,
        body: Vec::new(),
    };
    let length = request.field("content-length").and_then(|length| length.parse().ok());
    let length: u64 = length.unwrap_or(0).min(REQUEST_MAX);
    stream.take(length).read_to_end(&mut request.body).await?;
    Ok(request)
}

/// An address at which nobody answers, as behind a firewall that drops what comes: its queue of connections is full, so
/// that the kernel takes no more and says nothing.
#[derive(Debug)]
pub struct Silence {
    _listener: std::os::fd::OwnedFd,
    _filling: Vec<std::net::TcpStream>,
}

impl Silence {
    /// At this address.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
        let family = if address.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        // No program that the test starts keeps it.
        let listener =
            socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("a socket can be made");
        sockopt::set_socket_reuseaddr(&listener, true).expect("a socket can be told so");
        bind(&listener, &address).expect("the address is free");
        listen(&listener, 0).expect("it can listen");
        // One fits into a queue of none; whoever comes next is not answered.
        let limit = Duration::from_millis(200);
        let filling = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, limit).ok());
        let filling = filling.take(8).collect();
        Self {
            _listener: listener,
            _filling: filling,
        }
    }
}
