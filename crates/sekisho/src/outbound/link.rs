//! One open SMTP connection: moves bytes between the client machine and its socket, and keeps what is known of the
//! channel. It decides nothing: what is said is the machine's, whether a message may leave is policy's.
//!
//! Reading and writing go on at the same time, so that two ends that both wait for room never block each other
//! (RFC 2920 §3.1), and a refusal in the middle of the content is heard.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sekisho_mail::{ChannelFacts, SpokenLine};
use sekisho_smtp::client::{ClientSession, ClientTimeouts, Event, MailResult, SessionFault};
use sekisho_store::Body;
use sekisho_tls::alert_in;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::places::Place;
use crate::{
    copy::Rendition,
    net::{PeerChain, TcpStream, TlsStream},
};

/// A host that takes longer for an answer is slow: its connection leaves its place to others until then.
const SLOW_ANSWER: Duration = Duration::from_secs(1);
/// Octets read at a time.
const READ_OCTETS: usize = 4096;

/// A socket, in the clear or under TLS.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
    /// Taken out for the handshake, or closed.
    Gone,
}

impl Wire {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// How fast content goes.
struct Pace {
    began: Instant,
    taken: u64,
}

/// What one turn of moving bytes came to.
enum Moved {
    Wrote(usize),
    Read(usize),
    End(Option<&'static str>),
}

/// One connection with the session on it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) wire: Wire,
    pub(super) session: ClientSession,
    /// Shared with the evidence of what was sent over it.
    pub(super) facts: Arc<ChannelFacts>,
    /// The peer's chain; `None` in the clear.
    pub(super) chain: Option<PeerChain>,
    /// What was said before the first message, for the evidence of all of them.
    pub(super) opening: Vec<SpokenLine>,
    /// Messages begun on it.
    pub(super) served: u32,
    /// The alert that ended it, when one did.
    pub(super) alert: Option<&'static str>,
    /// Leave to be at work; none while it waits for a message, and lent to others while its host is slow.
    pub(super) place: Option<Place>,
    timeouts: ClientTimeouts,
    began: Instant,
    unflushed: bool,
}

impl Link {
    pub(super) fn new(
        stream: TcpStream,
        session: ClientSession,
        facts: ChannelFacts,
        timeouts: ClientTimeouts,
    ) -> Self {
        Self {
            wire: Wire::Plain(stream),
            session,
            facts: Arc::new(facts),
            chain: None,
            opening: Vec::new(),
            served: 0,
            alert: None,
            place: None,
            timeouts,
            began: Instant::now(),
            unflushed: false,
        }
    }

    /// Times in the conversation count from here.
    pub(super) fn begin_attempt(&mut self, began: Instant) {
        self.began = began;
        self.session.set_elapsed(millis_since(began));
    }

    /// `mx.example.org [192.0.2.1]:25`
    pub(super) fn describe(&self) -> String {
        describe_peer(self.facts.host.as_deref().unwrap_or("?"), self.facts.peer)
    }

    /// Waits for what the session says next. Each reply has its own time limit; a peer that dribbles gains nothing.
    pub(super) async fn next_event(&mut self) -> Event {
        let mut progress = self.session.progress();
        let mut since = Instant::now();
        loop {
            if let Some(event) = self.session.poll_event() {
                self.take_place_back().await;
                return event;
            }
            if self.session.is_over() {
                return Event::Closed;
            }
            if self.session.progress() != progress {
                (progress, since) = (self.session.progress(), Instant::now());
            }
            self.turn(since).await;
        }
    }

    /// Sends the content while the peer wants it, and waits for the end of the transaction. Each block has its time,
    /// and all of them together must go at some speed.
    pub(super) async fn send_content(&mut self, body: &Body, copy: &Rendition) -> Result<(), io::Error> {
        let mut reader = body.reader()?;
        let mut pace = Pace {
            began: Instant::now(),
            taken: 0,
        };
        let mut filter = copy.filter();
        if !copy.front().is_empty() && self.session.wants_content() {
            self.send_piece(copy.front(), &mut pace).await;
        }
        while self.session.wants_content() {
            let piece = reader.next().await?;
            let is_end = piece.is_none();
            match (&mut filter, piece) {
                (Some(filter), Some(piece)) if !filter.is_over() => {
                    let passed = filter.pass(piece);
                    self.send_piece(&passed, &mut pace).await;
                }
                (_, Some(piece)) => self.send_piece(piece, &mut pace).await,
                (Some(filter), None) => {
                    let held = filter.finish();
                    self.send_piece(&held, &mut pace).await;
                }
                (None, None) => {}
            }
            if is_end {
                // The machine takes it as long as content is wanted, and it was a line ago.
                let _ = self.session.finish_content();
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_piece(&mut self, piece: &[u8], pace: &mut Pace) {
        let rate = u64::from(self.timeouts.content_octets_per_sec.max(1));
        let _ = self.session.write_content(piece);
        let mut since = Instant::now();
        let mut left = self.session.poll_output().len();
        while left > 0 && !self.session.is_over() {
            let slowest = pace.began + Duration::from_secs(pace.taken / rate);
            self.turn(since.min(slowest)).await;
            let now_left = self.session.poll_output().len();
            if now_left < left {
                pace.taken += (left - now_left) as u64;
                since = Instant::now();
            }
            left = now_left;
        }
    }

    /// Waits until the transaction has ended; the fault is there when the session ended with it.
    pub(super) async fn finish_mail(
        &mut self,
        body: &Body,
        copy: &Rendition,
    ) -> Result<(MailResult, Option<SessionFault>), io::Error> {
        self.finish(Some((body, copy))).await
    }

    /// As [`Self::finish_mail`], of a transaction without content.
    pub(super) async fn finish_probe(&mut self) -> (MailResult, Option<SessionFault>) {
        let finished = self.finish(None).await;
        finished.unwrap_or_else(|_| (MailResult::none(), None))
    }

    async fn finish(
        &mut self,
        content: Option<(&Body, &Rendition)>,
    ) -> Result<(MailResult, Option<SessionFault>), io::Error> {
        let mut result = None;
        loop {
            match (self.next_event().await, content) {
                (Event::ContentWanted, Some((body, copy))) => self.send_content(body, copy).await?,
                (Event::MailDone(done), _) if self.session.is_over() => result = Some(done),
                (Event::MailDone(done), _) => return Ok((done, None)),
                (Event::Failed(fault), _) => return Ok((result.unwrap_or_else(MailResult::none), Some(fault))),
                (
                    Event::ContentWanted
                    | Event::Closed
                    | Event::Ready
                    | Event::StartHandshake
                    | Event::StartTlsRefused(_),
                    _,
                ) => {
                    let lost = SessionFault::Lost(self.session.waiting_for());
                    return Ok((result.unwrap_or_else(MailResult::none), Some(lost)));
                }
            }
        }
    }

    /// Says goodbye and waits a moment for the answer.
    pub(super) async fn close(mut self) {
        self.place = None;
        self.session.quit();
        if !self.session.is_over() {
            let _ = self.next_event().await;
        }
        if let Wire::Tls(stream) = self.wire {
            let _ = tokio::time::timeout(self.timeouts.quit, stream.close(b"")).await;
        }
    }

    /// Whether the peer has said or closed something while the connection lay idle: then it is of no use.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut bytes = [0u8; 1];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(std::task::Waker::noop());
        self.wire.poll_read(&mut context, &mut buffer).is_pending()
    }

    /// One write or one read, or the end of patience.
    async fn turn(&mut self, since: Instant) {
        self.session.set_elapsed(millis_since(self.began));
        let limit = self
            .timeouts
            .of(self.session.waiting_for())
            .unwrap_or(self.timeouts.greeting);
        let mut bytes = [0u8; READ_OCTETS];
        let deadline = since + limit;
        let slow = Instant::now() + SLOW_ANSWER;
        let until = if self.has_place() { deadline.min(slow) } else { deadline };
        let moved = tokio::time::timeout_at(until, self.exchange(&mut bytes)).await;
        self.session.set_elapsed(millis_since(self.began));
        match moved {
            Ok(Moved::Wrote(count)) => {
                self.unflushed = true;
                self.session.handle_written(count);
            }
            Ok(Moved::Read(count)) => self.session.handle_input(&bytes[..count]),
            Ok(Moved::End(alert)) => {
                self.alert = alert;
                self.session.handle_end_of_input();
            }
            Err(_) if until < deadline => self.lend_place(),
            Err(_) => self.session.handle_timeout(),
        }
    }

    /// Waits for something of the host. When that takes long, others have the place meanwhile.
    pub(super) async fn wait_for<T>(&mut self, what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        if self.has_place() {
            if let Ok(done) = tokio::time::timeout(SLOW_ANSWER, &mut what).await {
                return done;
            }
            self.lend_place();
        }
        let done = what.await;
        self.take_place_back().await;
        done
    }

    fn has_place(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_ours)
    }

    fn lend_place(&mut self) {
        if let Some(place) = &mut self.place {
            place.lend();
        }
    }

    async fn take_place_back(&mut self) {
        if let Some(place) = &mut self.place {
            place.take_back().await;
        }
    }

    async fn exchange(&mut self, bytes: &mut [u8]) -> Moved {
        poll_fn(|context| {
            let mut buffer = ReadBuf::new(bytes);
            match self.wire.poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Moved::End(None)),
                Poll::Ready(Ok(())) => return Poll::Ready(Moved::Read(buffer.filled().len())),
                Poll::Ready(Err(error)) => return Poll::Ready(Moved::End(alert_in(&error))),
                Poll::Pending => {}
            }
            let out = self.session.poll_output();
            if !out.is_empty() {
                return match self.wire.poll_write(context, out) {
                    Poll::Ready(Ok(0)) => Poll::Ready(Moved::End(None)),
                    Poll::Ready(Ok(count)) => Poll::Ready(Moved::Wrote(count)),
                    Poll::Ready(Err(error)) => Poll::Ready(Moved::End(alert_in(&error))),
                    Poll::Pending => Poll::Pending,
                };
            }
            if self.unflushed && self.wire.poll_flush(context).is_ready() {
                self.unflushed = false;
            }
            Poll::Pending
        })
        .await
    }
}

pub(super) fn describe_peer(host: &str, peer: std::net::SocketAddr) -> String {
    let address = sekisho_mail::Host::Literal(peer.ip()).to_string();
    if host == address {
        format!("{address}:{}", peer.port())
    } else {
        format!("{host} {address}:{}", peer.port())
    }
}

pub(super) fn millis_since(began: Instant) -> u32 {
    u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX)
}
