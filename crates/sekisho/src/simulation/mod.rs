//! The whole server in a deterministic simulation: sources send to it, it delivers to sinks that log, over a network,
//! a clock and name servers that a seed drives. Crashes, failures of the store, partitions, stalls and peers with
//! faults are mixed in; then everything becomes calm, the queue is drained, and the ledger is judged as
//! `docs/durability.md` says.
//!
//! Everything that happens follows from the seed: one thread, no clock but the simulation's, no chance but its dice.
//! That the same seed gives the same trace, octet for octet, is a test.
//!
//! `SEKISHO_SIMULATE_SEEDS` says how many seeds are run and `SEKISHO_SIMULATE_SEED` which is the first; `cargo xtask
//! simulate` is the long run.

mod book;
mod driver;
mod names;
mod server;
mod sink;
mod source;
mod tests;

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use sekisho_store::model::{ModelDisk, ModelSettings, ModelStore};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};

use crate::{
    app::Phase,
    clock,
    net::{TcpStream, TlsStream},
};
use book::Book;

/// What is done on purpose, so that the judge has something to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Control {
    #[default]
    None,
    /// The store acknowledges before it is durable.
    EarlyAcknowledgement,
    /// The routes that demand TLS do not.
    NoDemands,
    /// Content is changed at the sinks.
    Alteration,
}

/// What a run is like.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    /// Messages of each source.
    messages: usize,
    /// Faults happen until then.
    troubled_for: Duration,
    /// The longest that a run may take in all.
    lasts: Duration,
    /// The simulation's smallest step.
    tick: Duration,
    /// How rare each fault is, and how long it lasts: so many times what it is in a run of minutes.
    calmness: u32,
    /// The longest pause of a source between two messages.
    pause: Duration,
    /// How long anybody waits for a reply.
    patience: Duration,
    /// When senders are told that a message is late, when it is given up, and how long the trace is kept.
    ages: [Duration; 3],
    /// Nobody ever answers there.
    dead: Option<&'static str>,
    /// The retries of the defaults, not ones of seconds.
    retries_as_shipped: bool,
    /// It ends only when the trace is empty again.
    until_forgotten: bool,
    control: Control,
}

impl Plan {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            messages: 6,
            troubled_for: Duration::from_secs(40),
            lasts: Duration::from_secs(900),
            tick: Duration::from_millis(100),
            calmness: 1,
            pause: Duration::from_secs(4),
            patience: Duration::from_secs(20),
            ages: [30, 300, 86_400].map(Duration::from_secs),
            dead: None,
            retries_as_shipped: false,
            until_forgotten: false,
            control: Control::None,
        }
    }

    /// A week in which mail comes all the time and one host is dead, then as long as it takes until nothing is left.
    fn week(seed: u64) -> Self {
        Self {
            messages: 500,
            troubled_for: Duration::from_hours(7 * 24),
            lasts: Duration::from_hours(21 * 24),
            tick: Duration::from_secs(2),
            calmness: 40,
            pause: Duration::from_mins(40),
            patience: Duration::from_mins(5),
            ages: [4, 5 * 24, 2 * 24].map(Duration::from_hours),
            dead: Some("mx.b.example"),
            retries_as_shipped: true,
            until_forgotten: true,
            ..Self::new(seed)
        }
    }

    /// As the week, in some hours.
    fn hours(seed: u64) -> Self {
        Self {
            messages: 40,
            troubled_for: Duration::from_hours(2),
            lasts: Duration::from_hours(12),
            pause: Duration::from_mins(6),
            calmness: 10,
            ages: [1, 3, 1].map(Duration::from_hours),
            ..Self::week(seed)
        }
    }
}

/// What everybody in a simulation shares.
#[derive(Debug)]
struct World {
    plan: Plan,
    dice: Mutex<Rng>,
    book: Mutex<Book>,
    disk: ModelDisk,
    running: Mutex<Running>,
}

/// The server that runs just now.
#[derive(Debug, Default)]
struct Running {
    store: Option<Arc<ModelStore>>,
    phase: Option<watch::Sender<Phase>>,
    /// Nothing goes wrong any more.
    is_calm: bool,
}

impl World {
    fn new(plan: Plan) -> Arc<Self> {
        let settings = ModelSettings {
            acknowledge_early: plan.control == Control::EarlyAcknowledgement,
            spool_threshold: 4096,
            trace_kept: plan.ages[2],
            ..ModelSettings::default()
        };
        Arc::new(Self {
            plan,
            dice: Mutex::new(Rng::with_seed(plan.seed)),
            book: Mutex::default(),
            disk: ModelDisk::new(settings),
            running: Mutex::default(),
        })
    }

    fn dice(&self) -> MutexGuard<'_, Rng> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One chance in `of`.
    fn one_in(&self, of: u32) -> bool {
        self.dice().u32(0..of) == 0
    }

    fn millis(&self, most: u64) -> Duration {
        Duration::from_millis(self.dice().u64(0..=most))
    }

    fn up_to(&self, most: Duration) -> Duration {
        self.millis(u64::try_from(most.as_millis()).unwrap_or(u64::MAX))
    }

    fn is_calm(&self) -> bool {
        self.running().is_calm
    }

    /// Writes into the trace.
    fn note(&self, who: &str, what: &str) {
        let now = clock::now().since(clock::SIMULATION_BEGINS);
        self.write(now, who, what);
    }

    fn write(&self, now: Duration, who: &str, what: &str) {
        let line = format!("{:>10} {who}: {what}", now.as_millis());
        tracing::info!("{line}");
        self.book().trace.push(line);
    }
}

/// A connection of a source or a sink, in the clear or under what stands for TLS, read by lines.
struct Talk {
    stream: Stream,
    held: Vec<u8>,
}

enum Stream {
    Clear(TcpStream),
    Covered(TlsStream),
    /// Of a sink, whose part in the handshake presents what it likes.
    Faked(TcpStream),
}

impl Talk {
    const fn new(stream: TcpStream) -> Self {
        Self {
            stream: Stream::Clear(stream),
            held: Vec::new(),
        }
    }

    const fn is_covered(&self) -> bool {
        !matches!(self.stream, Stream::Clear(_))
    }

    /// The connection in the clear, for a handshake.
    fn into_clear(self) -> io::Result<TcpStream> {
        match self.stream {
            Stream::Clear(stream) => Ok(stream),
            Stream::Covered(_) | Stream::Faked(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// A line without its CRLF; an error at the end.
    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.held.windows(2).position(|pair| pair == b"\r\n") {
                let rest = self.held.split_off(end + 2);
                let line = std::mem::replace(&mut self.held, rest);
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut piece = [0; 4096];
            let read = match &mut self.stream {
                Stream::Clear(stream) | Stream::Faked(stream) => stream.read(&mut piece).await?,
                Stream::Covered(stream) => stream.read(&mut piece).await?,
            };
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.held.extend_from_slice(&piece[..read]);
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) | Stream::Faked(stream) => stream.write_all(text.as_bytes()).await,
            Stream::Covered(stream) => stream.write_all(text.as_bytes()).await,
        }
    }

    /// Content up to the final dot, dots unstuffed.
    async fn content(&mut self) -> io::Result<String> {
        let mut content = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                return Ok(content);
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push_str("\r\n");
        }
    }
}

/// At most so long.
async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
