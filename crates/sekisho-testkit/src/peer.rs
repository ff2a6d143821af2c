//! A mail server for us to deliver to: well behaved unless told otherwise, and always keeping count. Every octet that
//! arrives on the wire is kept as it came, so that a test can say what was in the clear and what was not.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use sekisho_tls::{Identity, IdentityFiles, ServerCertificates, ServerTlsSettings, TlsServer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadBuf},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::watch,
};

use crate::{authority::Pem, client::Duplex};

/// Longest line that is read; a longer one ends the connection.
const MAX_LINE: u64 = 1 << 20;
/// A ClientHello without the hybrid is shorter, one with it longer.
const MAX_SMALL_HELLO: u16 = 1000;
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

/// What a peer does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// EHLO has no STARTTLS.
    NotOffered,
    /// EHLO is refused with 502; HELO is taken.
    EhloRefused,
    /// STARTTLS is offered and answered with this code.
    Refused(u16),
    /// 220 to STARTTLS, then a line in the clear instead of TLS.
    NoTlsBehind220,
    /// 220 to STARTTLS, and in the same segment a reply in the clear that belongs to no command yet.
    InjectedBehind220,
    /// 220 to STARTTLS, and in the same segment the beginning of a line in the clear.
    FragmentBehind220,
    /// The connection is cut when the handshake should begin.
    CutAtHandshake,
    /// The connection is cut after the first octets of the handshake have been read.
    CutInHandshake,
    /// The connection is cut when the ClientHello does not fit into one segment, as some hosts do with the hybrid.
    CutAtLargeHello,
    /// The connection is cut instead of this verb's reply, once TLS stands or, without TLS, from the start.
    CutAt(&'static str),
    /// This verb is answered with this code.
    Answer(&'static str, u16),
    /// It greets with this line.
    Greets(&'static str),
    /// This command line is answered with this line.
    Say(&'static str, &'static str),
    /// No more recipients in a transaction than this: the others are answered with this line.
    Room(usize, &'static str),
    /// The same limit is announced (RFC 9422), and whoever goes beyond it is refused for good.
    AnnouncedRoom(usize),
    /// The content is taken, and then the connection cut instead of an answer.
    TakenAndCut,
    /// The content is taken and answered with what is no reply.
    TakenAndGarbled,
    /// The content is taken, and answered when the peer is told to behave otherwise.
    TakenAndSilent,
}

/// A message that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The argument of the last EHLO or HELO.
    pub helo: String,
    /// The MAIL command's argument.
    pub from: String,
    /// The RCPT commands' arguments.
    pub to: Vec<String>,
    /// The content, dots undone.
    pub content: Vec<u8>,
    /// Whether it came under TLS.
    pub tls: bool,
    /// Where it came from.
    pub client: IpAddr,
}

#[derive(Debug, Default)]
struct Records {
    received: Vec<Received>,
    wire: Vec<Arc<Mutex<Vec<u8>>>>,
}

/// What is told of each message, instead of its being kept.
#[derive(Clone)]
struct Observer(Arc<dyn Fn(Received) + Send + Sync>);

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// A running one; it ends with this value.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
    fault: watch::Sender<Fault>,
    _runtime: Runtime,
}

/// What every connection of a peer shares.
#[derive(Clone, Debug)]
struct Shared {
    records: Arc<Mutex<Records>>,
    fault: watch::Receiver<Fault>,
    tls: Option<Arc<TlsServer>>,
    observer: Option<Observer>,
}

impl Peer {
    /// Starts one. With a certificate it offers STARTTLS.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(address: SocketAddr, certificate: Option<&Pem>, fault: Fault) -> Self {
        Self::run(address, certificate, fault, None)
    }

    /// As [`Self::start`], for more messages than fit into memory: `observer` is told of each before it is answered,
    /// and nothing is kept.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start_observed(
        address: SocketAddr,
        certificate: Option<&Pem>,
        observer: impl Fn(Received) + Send + Sync + 'static,
    ) -> Self {
        Self::run(address, certificate, Fault::None, Some(Observer(Arc::new(observer))))
    }

    fn run(address: SocketAddr, certificate: Option<&Pem>, fault: Fault, observer: Option<Observer>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .expect("the address is free");
        let address = listener.local_addr().expect("a listener knows its address");
        let (fault, told) = watch::channel(fault);
        let shared = Shared {
            records: Arc::default(),
            fault: told,
            tls: certificate.map(tls_server),
            observer,
        };
        let records = Arc::clone(&shared.records);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                // A connection that ends badly is the test's affair.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Self {
            address,
            records,
            fault,
            _runtime: runtime,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Behaves otherwise from the next command on.
    pub fn set_fault(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// What arrived whole so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        locked(&self.records).received.clone()
    }

    /// How many messages arrived whole so far.
    #[must_use]
    pub fn count(&self) -> usize {
        locked(&self.records).received.len()
    }

    /// Every octet that came over the wire so far, one entry a connection.
    #[must_use]
    pub fn wire(&self) -> Vec<Vec<u8>> {
        let records = locked(&self.records);
        records.wire.iter().map(|octets| locked(octets).clone()).collect()
    }

    /// Whether `secret` ever stood in the clear on the wire.
    #[must_use]
    pub fn saw_in_the_clear(&self, secret: &str) -> bool {
        let secret = secret.as_bytes();
        self.wire()
            .iter()
            .any(|octets| octets.windows(secret.len()).any(|window| window == secret))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn tls_server(pem: &Pem) -> Arc<TlsServer> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let files = IdentityFiles {
        chain: folder.path().join("chain.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.chain, &pem.chain).expect("a file can be written");
    std::fs::write(&files.key, &pem.key).expect("a file can be written");
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).expect("our file is ours");
    let identity = Identity::load(&files).expect("a test gives a certificate with its key");
    let certificates = ServerCertificates::new(vec![identity]).expect("there is one");
    Arc::new(TlsServer::new(ServerTlsSettings::new(Arc::new(certificates))))
}

/// A stream that keeps what is read through it.
#[derive(Debug)]
struct Tapped {
    stream: TcpStream,
    read: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Tapped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        locked(&self.read).extend_from_slice(&buf.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One connection and where it stands.
struct Session<'a> {
    stream: BufReader<Box<dyn Duplex>>,
    shared: &'a Shared,
    tls: bool,
    client: IpAddr,
    helo: String,
    from: String,
    to: Vec<String>,
    /// Replies to commands behind which more has come already: they leave with the next that does not wait.
    held: String,
}

/// What becomes of a connection after a command.
enum After {
    GoOn,
    Handshake,
    End,
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let client = stream.peer_addr()?.ip();
    let stream: Box<dyn Duplex> = if shared.observer.is_some() {
        Box::new(stream)
    } else {
        let read = Arc::default();
        locked(&shared.records).wire.push(Arc::clone(&read));
        Box::new(Tapped { stream, read })
    };
    let mut session = Session {
        stream: BufReader::new(stream),
        shared,
        tls: false,
        client,
        helo: String::new(),
        from: String::new(),
        to: Vec::new(),
        held: String::new(),
    };
    let greeting = match *shared.fault.borrow() {
        Fault::Greets(line) => line,
        _ => "220 peer.example ready",
    };
    session.say(&format!("{greeting}\r\n")).await?;
    loop {
        let Some(line) = session.line().await? else {
            return Ok(());
        };
        match session.obey(&line).await? {
            After::GoOn => {}
            After::End => return Ok(()),
            After::Handshake => match session.shake_hands().await {
                Some(shaken) => session = shaken,
                None => return Ok(()),
            },
        }
    }
}

impl Session<'_> {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.held.push_str(text);
        self.say_held().await
    }

    async fn say_held(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.held);
        if text.is_empty() {
            return Ok(());
        }
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await
    }

    /// A reply that leaves with the next where commands were pipelined, as servers in the field do it (RFC 2920 §3.2).
    async fn say_in_turn(&mut self, text: &str, fault: Fault) -> io::Result<()> {
        self.held.push_str(text);
        if fault == Fault::None && !self.stream.buffer().is_empty() {
            return Ok(());
        }
        self.say_held().await
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        if !self.stream.buffer().contains(&b'\n') {
            self.say_held().await?;
        }
        let mut octets = Vec::new();
        let length = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut octets).await?;
        if length == 0 || !octets.ends_with(b"\n") {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&octets).trim_end().to_owned()))
    }

    async fn obey(&mut self, line: &str) -> io::Result<After> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        let fault = *self.shared.fault.borrow();
        if fault != Fault::None {
            self.say_held().await?;
        }
        let bare = self.tls || self.shared.tls.is_none();
        match fault {
            Fault::CutAt(at) if bare && at == verb => return Ok(After::End),
            Fault::Answer(to, code) if to == verb => {
                self.say(&format!("{code} as told\r\n")).await?;
                return Ok(After::GoOn);
            }
            Fault::Say(to, reply) if line.eq_ignore_ascii_case(to) => {
                self.say(&format!("{reply}\r\n")).await?;
                return Ok(After::GoOn);
            }
            Fault::Room(most, reply) if verb == "RCPT" && self.to.len() >= most => {
                self.say(&format!("{reply}\r\n")).await?;
                return Ok(After::GoOn);
            }
            Fault::AnnouncedRoom(most) if verb == "RCPT" && self.to.len() >= most => {
                self.say("550 5.5.3 you were told\r\n").await?;
                return Ok(After::GoOn);
            }
            _ => {}
        }
        if ["EHLO", "HELO"].contains(&verb.as_str()) {
            rest.clone_into(&mut self.helo);
        }
        match verb.as_str() {
            "EHLO" => self.greet(fault).await?,
            "STARTTLS" => return self.start_tls(fault).await,
            "MAIL" => {
                rest.clone_into(&mut self.from);
                self.to.clear();
                self.say_in_turn("250 2.1.0 ok\r\n", fault).await?;
            }
            "RCPT" => {
                self.to.push(rest.to_owned());
                self.say_in_turn("250 2.1.5 ok\r\n", fault).await?;
            }
            "DATA" => {
                self.say("354 go on\r\n").await?;
                return self.take_data(fault).await;
            }
            "BDAT" => return self.take_chunks(rest, fault).await,
            "QUIT" => {
                self.say("221 2.0.0 bye\r\n").await?;
                return Ok(After::End);
            }
            _ => self.say("250 2.0.0 ok\r\n").await?,
        }
        Ok(After::GoOn)
    }

    async fn greet(&mut self, fault: Fault) -> io::Result<()> {
        if fault == Fault::EhloRefused {
            return self.say("502 5.5.1 what?\r\n").await;
        }
        let offers_tls = self.shared.tls.is_some() && !self.tls && fault != Fault::NotOffered;
        let starttls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
        let limits = match fault {
            Fault::AnnouncedRoom(most) => format!("250-LIMITS RCPTMAX={most}\r\n"),
            _ => String::new(),
        };
        self.say(&format!(
            "250-peer.example\r\n250-PIPELINING\r\n250-SIZE 200000000\r\n250-8BITMIME\r\n250-CHUNKING\r\n{starttls}\
             {limits}250 ENHANCEDSTATUSCODES\r\n"
        ))
        .await
    }

    async fn start_tls(&mut self, fault: Fault) -> io::Result<After> {
        let (reply, after) = match fault {
            Fault::Refused(code) => (format!("{code} not now\r\n"), After::GoOn),
            Fault::NoTlsBehind220 => ("220 go\r\n250 never mind\r\n".to_owned(), After::GoOn),
            Fault::InjectedBehind220 => (
                "220 go\r\n250-peer.example\r\n250 AUTH PLAIN\r\n".to_owned(),
                After::Handshake,
            ),
            Fault::FragmentBehind220 => ("220 go\r\n250 frag".to_owned(), After::Handshake),
            Fault::CutAtHandshake => ("220 go\r\n".to_owned(), After::End),
            _ => ("220 go\r\n".to_owned(), After::Handshake),
        };
        self.say(&reply).await?;
        match fault {
            Fault::CutInHandshake => {
                let _ = self.stream.fill_buf().await?;
                Ok(After::End)
            }
            Fault::CutAtLargeHello => {
                let first = self.stream.fill_buf().await?;
                let is_large = first.len() < 5 || u16::from_be_bytes([first[3], first[4]]) > MAX_SMALL_HELLO;
                Ok(if is_large { After::End } else { after })
            }
            _ => Ok(after),
        }
    }

    async fn shake_hands(self) -> Option<Self> {
        let server = Arc::clone(self.shared.tls.as_ref()?);
        // What was looked at already belongs to the handshake.
        let seen = self.stream.buffer().to_vec();
        let (read, write) = tokio::io::split(self.stream.into_inner());
        let whole = tokio::io::join(io::Cursor::new(seen).chain(read), write);
        let (stream, _) = server.accept(whole, HANDSHAKE_LIMIT).await.ok()?;
        let stream: Box<dyn Duplex> = Box::new(stream);
        Some(Session {
            stream: BufReader::new(stream),
            shared: self.shared,
            tls: true,
            client: self.client,
            helo: String::new(),
            from: String::new(),
            to: Vec::new(),
            held: String::new(),
        })
    }

    async fn take_data(&mut self, fault: Fault) -> io::Result<After> {
        let mut content = Vec::new();
        loop {
            let start = content.len();
            if self.stream.read_until(b'\n', &mut content).await? == 0 {
                return Ok(After::End);
            }
            // Only CRLF.CRLF ends it, as the standard has it.
            let line_before_ended = start == 0 || content[..start].ends_with(b"\r\n");
            if &content[start..] == b".\r\n" && line_before_ended {
                content.truncate(start);
                break;
            }
            if content[start] == b'.' && line_before_ended {
                content.remove(start);
            }
        }
        if fault == Fault::CutAt(".") {
            return Ok(After::End);
        }
        self.take(content, fault).await
    }

    /// What is called taken is surely counted before.
    async fn take(&mut self, content: Vec<u8>, fault: Fault) -> io::Result<After> {
        self.keep(content);
        match fault {
            Fault::TakenAndCut => return Ok(After::End),
            Fault::TakenAndGarbled => self.say("!!!!!\r\n").await?,
            Fault::TakenAndSilent => {
                let mut told = self.shared.fault.clone();
                // It ends with the peer.
                if told.wait_for(|fault| *fault != Fault::TakenAndSilent).await.is_err() {
                    return Ok(After::End);
                }
                self.say("250 2.0.0 kept\r\n").await?;
            }
            _ => self.say("250 2.0.0 kept\r\n").await?,
        }
        Ok(After::GoOn)
    }

    async fn take_chunks(&mut self, first: &str, fault: Fault) -> io::Result<After> {
        let mut content = Vec::new();
        let mut argument = first.to_owned();
        loop {
            let mut words = argument.split_ascii_whitespace();
            let length: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let start = content.len();
            content.resize(start + length, 0);
            if self.stream.buffer().len() < length {
                self.say_held().await?;
            }
            self.stream.read_exact(&mut content[start..]).await?;
            if words.next().is_some_and(|word| word.eq_ignore_ascii_case("LAST")) {
                return self.take(content, fault).await;
            }
            self.say("250 2.0.0 more\r\n").await?;
            let Some(line) = self.line().await? else {
                return Ok(After::End);
            };
            let Some(next) = line.get(5..).filter(|_| line.to_ascii_uppercase().starts_with("BDAT ")) else {
                return Ok(After::End);
            };
            next.clone_into(&mut argument);
        }
    }

    fn keep(&mut self, content: Vec<u8>) {
        let received = Received {
            helo: self.helo.clone(),
            from: std::mem::take(&mut self.from),
            to: std::mem::take(&mut self.to),
            content,
            tls: self.tls,
            client: self.client,
        };
        match &self.shared.observer {
            Some(Observer(observer)) => observer(received),
            None => locked(&self.shared.records).received.push(received),
        }
    }
}
