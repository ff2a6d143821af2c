//! A plain SMTP client that does exactly what it is told, right or wrong: it sends octets and reads replies, in the
//! clear or under TLS. What to say is left to the test.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};

use sekisho_mail::{Domain, TlsFacts};
use sekisho_tls::{ClientProfile, TlsClient};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Longer than any reply takes, so that it is reached by failures alone.
const REPLY_LIMIT: Duration = Duration::from_secs(60);

/// Both ways, in the clear or under TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Duplex for S {}

/// Knows no identity and accepts every certificate.
static TLS: LazyLock<TlsClient> = LazyLock::new(|| TlsClient::new(sekisho_tls::ClientIdentities::new()));

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The lines without code and line end.
    pub lines: Vec<String>,
}

impl Reply {
    /// The text as one, lines joined by line feeds.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Whether it says yes.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.code / 100 == 2
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: Option<Box<dyn Duplex>>,
    unread: Vec<u8>,
    /// What TLS came to, once there is TLS.
    pub tls: Option<TlsFacts>,
}

impl Client {
    /// Connects; the greeting is not read yet.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// As [`Self::connect`], from an address of this machine.
    ///
    /// # Errors
    /// When the address is not ours, or nobody listens.
    pub async fn connect_from(source: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let socket = if source.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.bind(SocketAddr::new(source, 0))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Over a connection that is there already.
    #[must_use]
    pub fn over(stream: impl Duplex + 'static) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            unread: Vec::new(),
            tls: None,
        }
    }

    /// Connects, reads the greeting, says EHLO, and with `tls` STARTTLS and EHLO once more.
    ///
    /// # Errors
    /// When the connection fails, or one of the replies is no success.
    pub async fn open(server: SocketAddr, tls: bool) -> io::Result<Self> {
        let profile = ClientProfile::default();
        Self::open_as(server, tls.then_some(&profile)).await
    }

    /// As [`Self::open`], under TLS with this profile, or in the clear.
    ///
    /// # Errors
    /// As there.
    pub async fn open_as(server: SocketAddr, tls: Option<&ClientProfile>) -> io::Result<Self> {
        let mut client = Self::connect(server).await?;
        client.expect_reply().await?.must_succeed()?;
        client.command("EHLO client.example").await?.must_succeed()?;
        if let Some(profile) = tls {
            client.command("STARTTLS").await?.must_succeed()?;
            client.start_tls_as(None, profile).await?;
            client.command("EHLO client.example").await?.must_succeed()?;
        }
        Ok(client)
    }

    /// The connection itself, to misuse it.
    ///
    /// # Errors
    /// When a handshake has failed on it.
    pub fn stream(&mut self) -> io::Result<&mut Box<dyn Duplex>> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Sends octets as they are.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        stream.write_all(octets).await?;
        stream.flush().await
    }

    /// Sends a line and reads the reply to it.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.send(format!("{line}\r\n").as_bytes()).await?;
        self.expect_reply().await
    }

    /// Reads a whole reply; `None` when the server has closed the connection.
    ///
    /// # Errors
    /// When none comes in time, or what comes is no reply.
    pub async fn reply(&mut self) -> io::Result<Option<Reply>> {
        match timeout(REPLY_LIMIT, self.read_reply()).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// As [`Self::reply`], where the end of the connection is a fault.
    ///
    /// # Errors
    /// As [`Self::reply`], or when the server has closed the connection.
    pub async fn expect_reply(&mut self) -> io::Result<Reply> {
        self.reply().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    async fn read_reply(&mut self) -> io::Result<Option<Reply>> {
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.read_line().await? else {
                return Ok(None);
            };
            let fault = || io::Error::new(io::ErrorKind::InvalidData, format!("{line:?} is no reply"));
            let code: u16 = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(fault)?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Some(Reply { code, lines }));
            }
        }
    }

    /// A line without its CRLF. A reset counts as an end: which of the two a peer sees is chance.
    async fn read_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let rest = self.unread.split_off(end + 2);
                let line = std::mem::replace(&mut self.unread, rest);
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            let mut buffer = [0; 4096];
            match self.stream()?.read(&mut buffer).await {
                Ok(0) => return Ok(None),
                Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
                Err(fault) if is_end(&fault) => return Ok(None),
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Shakes hands; any certificate will do. What was read before and not used is thrown away.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn start_tls(&mut self, server_name: Option<&Domain>) -> io::Result<()> {
        self.start_tls_as(server_name, &ClientProfile::default()).await
    }

    async fn start_tls_as(&mut self, server_name: Option<&Domain>, profile: &ClientProfile) -> io::Result<()> {
        self.unread.clear();
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        let shaken = TLS.connect(stream, server_name, profile, REPLY_LIMIT).await;
        let (stream, facts) = shaken.map_err(|failure| io::Error::other(failure.to_string()))?;
        self.stream = Some(Box::new(stream));
        self.tls = Some(facts);
        Ok(())
    }

    /// One transaction up to the reply to the final dot; `content` ends with CRLF and is dot-stuffed here.
    ///
    /// # Errors
    /// When the connection is gone, or a command before the content is refused.
    pub async fn deliver(&mut self, from: &str, to: &str, content: &[u8]) -> io::Result<Reply> {
        self.command(&format!("MAIL FROM:<{from}>")).await?.must_succeed()?;
        self.command(&format!("RCPT TO:<{to}>")).await?.must_succeed()?;
        let go_on = self.command("DATA").await?;
        if go_on.code != 354 {
            return Err(io::Error::other(format!("DATA: {} {}", go_on.code, go_on.text())));
        }
        self.send(&stuffed(content)).await?;
        self.expect_reply().await
    }
}

impl Reply {
    /// Turns a refusal into an error.
    ///
    /// # Errors
    /// When the reply is no success.
    pub fn must_succeed(self) -> io::Result<Self> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(io::Error::other(format!("{} {}", self.code, self.text())))
        }
    }
}

/// Content with its dots doubled and the final dot behind it (RFC 5321 §4.5.2).
#[must_use]
pub fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    let mut at_line_start = true;
    for octet in content {
        if at_line_start && *octet == b'.' {
            out.push(b'.');
        }
        out.push(*octet);
        at_line_start = *octet == b'\n';
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Whether an error says no more than that the connection is over.
#[must_use]
pub fn is_end(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
    )
}
