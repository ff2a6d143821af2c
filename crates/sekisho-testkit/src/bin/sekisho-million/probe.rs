//! What is measured from outside: how long a message takes to be acknowledged and to arrive while other things go on,
//! and what the process uses.

use std::{
    fs, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use sekisho_testkit::client::{Client, stuffed};

use crate::{
    fill::content,
    sink::{PROBES, Tally},
};

/// Between two probes.
const EVERY: Duration = Duration::from_millis(200);
/// Between two tries to reach a server that starts.
const PAUSE: Duration = Duration::from_millis(5);
/// The unit of `/proc/*/stat`: `USER_HZ` is 100 on every platform that Debian runs on.
const TICKS_PER_SEC: f64 = 100.0;

/// Probes to a server, one after the other, each to another live destination.
#[derive(Debug)]
pub(crate) struct Prober {
    server: SocketAddr,
    destination: fn(u64) -> String,
    next: AtomicU64,
    answered: Mutex<Vec<Answered>>,
}

/// A probe that was acknowledged.
#[derive(Clone, Copy, Debug)]
struct Answered {
    number: u64,
    began: Instant,
    /// From the final dot to its 250.
    wait: Duration,
}

/// What the probes of some time came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) count: usize,
    /// The longest from the final dot to its 250.
    pub(crate) slowest: Duration,
    pub(crate) median: Duration,
    /// Those that arrived, and half of them within this time of their beginning.
    pub(crate) arrived: usize,
    pub(crate) arrival: Duration,
}

impl Prober {
    pub(crate) fn new(server: SocketAddr, destination: fn(u64) -> String) -> Arc<Self> {
        Arc::new(Self {
            server,
            destination,
            next: AtomicU64::new(PROBES),
            answered: Mutex::default(),
        })
    }

    /// Tries until a message was acknowledged.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub(crate) fn first(&self, limit: Duration) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            match self.one() {
                Ok(()) => return Ok(()),
                Err(fault) if begun.elapsed() > limit => {
                    return Err(format!("nothing was taken within {} s: {fault}", limit.as_secs()));
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn one(&self) -> io::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (from, to) = (
            "probe@rig.example",
            format!("probe@{}", (self.destination)(number - PROBES)),
        );
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let wait = runtime.block_on(async {
            let mut client = Client::open(self.server, false).await?;
            client.command(&format!("MAIL FROM:<{from}>")).await?.must_succeed()?;
            client.command(&format!("RCPT TO:<{to}>")).await?.must_succeed()?;
            client.command("DATA").await?;
            client.send(&stuffed(&content(number, from, &to))).await?;
            let dot = Instant::now();
            client.expect_reply().await?.must_succeed()?;
            io::Result::Ok(dot.elapsed())
        })?;
        let answered = Answered { number, began, wait };
        self.answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(answered);
        Ok(())
    }

    /// Sends probes until what it gives is dropped.
    pub(crate) fn keep_on(self: &Arc<Self>) -> Probing {
        let (prober, stop) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // While the server is down or turns it away there is nothing to note.
                let _ = prober.one();
                thread::sleep(EVERY);
            }
        });
        Probing {
            stop,
            thread: Some(thread),
        }
    }

    /// The probes that began since then.
    pub(crate) fn since(&self, since: Instant, tally: &Tally) -> Latency {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let probes = || answered.iter().filter(|probe| probe.began >= since);
        let waits: Vec<Duration> = probes().map(|probe| probe.wait).collect();
        let arrivals: Vec<Duration> = probes()
            .filter_map(|probe| Some(tally.probe(probe.number)?.duration_since(probe.began)))
            .collect();
        Latency {
            count: waits.len(),
            slowest: waits.iter().max().copied().unwrap_or_default(),
            median: median(waits),
            arrived: arrivals.len(),
            arrival: median(arrivals),
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Probes that go on until this is dropped.
#[derive(Debug)]
pub(crate) struct Probing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A prober that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_secs: f64,
    pub(crate) rss_kib: u64,
    /// The most that it ever was.
    pub(crate) peak_rss_kib: u64,
}

impl Usage {
    /// Of a process that runs; nothing of one that does not.
    pub(crate) fn of(process: u32) -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let (stat, status) = (read("stat"), read("status"));
        // The name stands in parentheses and may hold anything; user and system time are fields 14 and 15.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
        let ticks: u32 = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u32>().ok())
            .sum();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        };
        Self {
            cpu_secs: f64::from(ticks) / TICKS_PER_SEC,
            rss_kib: kib("VmRSS:").unwrap_or(0),
            peak_rss_kib: kib("VmHWM:").unwrap_or(0),
        }
    }
}
