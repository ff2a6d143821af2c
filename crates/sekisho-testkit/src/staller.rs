//! A mail server that behaves well up to one step of the conversation and stalls there in one way, for as long as the
//! client puts up with it. It takes no extension but STARTTLS, so that each step waits for the one before.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sekisho_tls::TlsServer;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
    runtime::Handle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    authority::Pem,
    client::Duplex,
    peer::{HANDSHAKE_LIMIT, tls_server},
    stall::{Hello, Stall, Wire},
};

/// Small buffers in the kernel, so that what a client takes or sends is what it reads or is let send.
const READ_OCTETS: u32 = 4096;
/// Enough for what one turn of the client reads: with less the two wait for delayed acknowledgements.
const SEND_OCTETS: u32 = 32 * 1024;
/// Longest line that is read.
const MAX_LINE: u64 = 64 * 1024;
/// Octets that are read at a time where the content is taken slowly: as many as the sender's kernel must get rid of
/// before it says within a few ticks that there is room again.
const SIP_OCTETS: usize = 256 * 1024;

/// Where a peer stalls: instead of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The greeting.
    Greeting,
    /// The reply to EHLO.
    Ehlo,
    /// The reply to STARTTLS.
    StartTls,
    /// Its part of the handshake.
    Handshake,
    /// The reply to EHLO under TLS.
    EhloUnderTls,
    /// The reply to MAIL.
    Mail,
    /// The reply to RCPT.
    Rcpt,
    /// The reply to DATA.
    Data,
    /// Reading the content.
    Body,
    /// The reply to the content.
    FinalDot,
    /// The reply to QUIT.
    Quit,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 11] = [
        Self::Greeting,
        Self::Ehlo,
        Self::StartTls,
        Self::Handshake,
        Self::EhloUnderTls,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Body,
        Self::FinalDot,
        Self::Quit,
    ];
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    taken: AtomicUsize,
    pushed: AtomicUsize,
    complaint: Mutex<Option<String>>,
}

/// A running one. It ends with the runtime that it was started on.
#[derive(Debug)]
pub struct Staller {
    address: SocketAddr,
    counts: Arc<Counts>,
}

/// What it does, and with what.
#[derive(Clone, Debug)]
struct Script {
    step: Step,
    stall: Stall,
    /// Between two octets where it drips.
    tick: Duration,
    tls: Arc<TlsServer>,
    counts: Arc<Counts>,
}

impl Staller {
    /// Starts one on a port of loopback that is free; it drips an octet every `tick`.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(runtime: &Handle, certificate: &Pem, step: Step, stall: Stall, tick: Duration) -> Self {
        let _entered = runtime.enter();
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_send_buffer_size(SEND_OCTETS).expect("a buffer can be small");
        socket.set_recv_buffer_size(READ_OCTETS).expect("a buffer can be small");
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(loopback).expect("a port is free");
        let listener = socket.listen(16).expect("a bound socket can listen");
        let address = listener.local_addr().expect("a listener knows its address");
        let counts = Arc::new(Counts::default());
        let script = Script {
            step,
            stall,
            tick,
            tls: tls_server(certificate),
            counts: Arc::clone(&counts),
        };
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                script.counts.connections.fetch_add(1, Ordering::Relaxed);
                let script = script.clone();
                tokio::spawn(async move {
                    if let Err(fault) = script.play(stream).await {
                        let mut complaint = script.counts.complaint.lock().unwrap_or_else(PoisonError::into_inner);
                        complaint.get_or_insert_with(|| fault.to_string());
                    }
                });
            }
        });
        Self { address, counts }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that came.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Messages that came with their end, whether or not it said so.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.counts.taken.load(Ordering::Relaxed)
    }

    /// Octets that it got rid of where it sends without end.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.counts.pushed.load(Ordering::Relaxed)
    }

    /// What was wrong with a conversation before the step at which it was to stall.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let complaint = self.counts.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.clone()
    }
}

impl Script {
    /// Plays its part; an error is a client that left before the step that matters.
    async fn play(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (wire, stream) = Wire::split(stream)?;
        let mut stream: BufReader<Box<dyn Duplex>> = BufReader::new(Box::new(stream));
        if self.step == Step::Greeting {
            return self.stall(stream, wire).await;
        }
        say(&mut stream, "220 staller.example").await?;
        let mut under_tls = false;
        loop {
            let line = line(&mut stream).await?;
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let step = match verb.as_str() {
                "EHLO" if under_tls => Step::EhloUnderTls,
                "EHLO" => Step::Ehlo,
                "STARTTLS" => Step::StartTls,
                "MAIL" => Step::Mail,
                "RCPT" => Step::Rcpt,
                "DATA" => Step::Data,
                "QUIT" => Step::Quit,
                _ => return Err(io::Error::other(format!("unexpected: {line}"))),
            };
            if step == self.step {
                return self.stall(stream, wire).await;
            }
            match step {
                Step::Ehlo => say(&mut stream, "250-staller.example\r\n250 STARTTLS").await?,
                Step::StartTls => {
                    say(&mut stream, "220 go").await?;
                    if self.step == Step::Handshake {
                        // What comes before the ClientHello is another fault: octets that the handshake never sees.
                        stream.fill_buf().await?;
                        return self.stall(stream, wire).await;
                    }
                    let shaken = self.tls.accept(stream.into_inner(), HANDSHAKE_LIMIT).await;
                    let (shaken, _) = shaken.map_err(|failure| io::Error::other(failure.to_string()))?;
                    stream = BufReader::new(Box::new(shaken));
                    under_tls = true;
                }
                Step::Data => {
                    say(&mut stream, "354 go on").await?;
                    if self.step == Step::Body {
                        return self.stall(stream, wire).await;
                    }
                    while line_of_content(&mut stream).await? != b".\r\n" {}
                    self.counts.taken.fetch_add(1, Ordering::Relaxed);
                    if self.step == Step::FinalDot {
                        return self.stall(stream, wire).await;
                    }
                    say(&mut stream, "250 kept").await?;
                }
                Step::Quit => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "250 ok").await?,
            }
        }
    }

    /// Does what it is there for. What fails from here on is the client's leaving.
    async fn stall(&self, stream: BufReader<Box<dyn Duplex>>, wire: Wire) -> io::Result<()> {
        let mut stream = stream.into_inner();
        if self.step == Step::Body && self.stall == Stall::Drip {
            self.sip(&mut stream).await;
            return Ok(());
        }
        let hello = (self.step == Step::Handshake).then_some(Hello::Server);
        let play = self
            .stall
            .play(&mut stream, &wire, hello, self.tick, &self.counts.pushed);
        // A client that goes away in the middle of it has done what it should.
        if play.await.is_err() || self.stall == Stall::Reset {
            return Ok(());
        }
        // It holds on to the connection and reads nothing more: where the content is due, that is the stall.
        std::future::pending().await
    }

    /// Reads the content a little at a time: always something, never enough.
    async fn sip(&self, stream: &mut Box<dyn Duplex>) {
        let mut ticks = interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mouthful = vec![0; SIP_OCTETS];
        loop {
            ticks.tick().await;
            if stream.read_exact(&mut mouthful).await.is_err() {
                return;
            }
        }
    }
}

async fn say(stream: &mut BufReader<Box<dyn Duplex>>, text: &str) -> io::Result<()> {
    let stream = stream.get_mut();
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn line_of_content(stream: &mut BufReader<Box<dyn Duplex>>) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let length = stream.take(MAX_LINE).read_until(b'\n', &mut octets).await?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(octets)
}

async fn line(stream: &mut BufReader<Box<dyn Duplex>>) -> io::Result<String> {
    let octets = line_of_content(stream).await?;
    Ok(String::from_utf8_lossy(&octets).trim_end().to_owned())
}
