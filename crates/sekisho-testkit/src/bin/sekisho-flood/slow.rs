//! Slow sessions by the thousand, an octet in nine seconds each, and what they leave to good traffic.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sekisho_testkit::{
    client::Client,
    node::{Node, SMTP, metric},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::interval_at,
};

/// Between two octets of a slow session.
const TICK: Duration = Duration::from_secs(9);
/// One measurement of good traffic.
const ROUND: Duration = Duration::from_secs(5);
/// With and without the slow ones, in turn.
const ROUNDS: usize = 3;
/// How long the server is watched without good traffic, empty and with the slow ones inside.
const WATCHED: Duration = Duration::from_secs(18);
/// Good clients at a time.
const GOOD: usize = 4;
/// Of all processors, what the slow ones may take: then at least 99 % is left.
const CPU_SHARE_MAX: f64 = 0.01;

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    wanted: usize,
    inside: u64,
    /// Of all processors, beyond what the empty server takes.
    cpu_share: f64,
    /// Octets of memory for each.
    octets_each: u64,
    /// Good messages a second, without and with them.
    without: f64,
    with: f64,
}

impl Slow {
    /// Measures good traffic alone and beside so many slow sessions.
    ///
    /// # Errors
    /// When a connection cannot be made, or good traffic breaks off.
    pub(crate) fn measure(node: &Node, sessions: usize) -> io::Result<Self> {
        raise_open_files()?;
        // Ours and theirs share the processors: one thread for each.
        let slow = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let good = Builder::new_current_thread().enable_all().build()?;
        good.block_on(send_for(Duration::from_secs(1)))?;
        let idle = cpu_share(node);
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let mut alone = None;
        for _ in 0..ROUNDS {
            without.push(good.block_on(send_for(ROUND))?);
            let before = node.memory().0;
            let crowd = Crowd::enter(&slow, sessions)?;
            if alone.is_none() {
                let octets = node.memory().0.saturating_sub(before) / sessions.max(1) as u64;
                let inside = metric("sekisho_inbound_connections_open").unwrap_or(0);
                alone = Some((inside, octets, (cpu_share(node) - idle).max(0.0)));
            }
            with.push(good.block_on(send_for(ROUND))?);
            crowd.leave(&slow);
        }
        let (inside, octets_each, cpu_share) = alone.unwrap_or_default();
        Ok(Self {
            wanted: sessions,
            inside,
            cpu_share,
            octets_each,
            without: median(without),
            with: median(with),
        })
    }

    /// What was broken; nothing when all is well. The rate of good traffic is shown and not judged: on a machine with
    /// other work it varies by more than what is asked for. What the slow ones leave of the processors does not; a
    /// build without optimisation is not held to it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.inside < self.wanted as u64 {
            complaints.push(format!("slow: {} of {} were let in", self.inside, self.wanted));
        }
        if self.cpu_share > CPU_SHARE_MAX && !cfg!(debug_assertions) {
            complaints.push(format!(
                "slow: they take {:.2} % of the processors",
                self.cpu_share * 100.0
            ));
        }
        complaints
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "slow: {} sessions with an octet in {} s each take {:.2} % of the processors, {} octets of memory each;\n\
             good messages a second without them {:.0}, with them {:.0}: {:.1} %",
            self.inside,
            TICK.as_secs(),
            self.cpu_share * 100.0,
            self.octets_each,
            self.without,
            self.with,
            self.with / self.without * 100.0
        )
    }
}

/// What the server takes of all processors while it is watched.
fn cpu_share(node: &Node) -> f64 {
    let (cpu, began) = (node.cpu_time(), Instant::now());
    std::thread::sleep(WATCHED);
    (node.cpu_time() - cpu).as_secs_f64() / began.elapsed().as_secs_f64() / processors()
}

/// Those that are slow.
struct Crowd {
    sessions: JoinSet<()>,
}

impl Crowd {
    /// Lets them in: every second in the middle of a command, the others in the middle of content.
    fn enter(runtime: &Runtime, count: usize) -> io::Result<Self> {
        runtime.block_on(async {
            let mut sessions = JoinSet::new();
            for number in 0..count {
                let mut client = Client::open(SMTP, false).await?;
                if number % 2 == 1 {
                    client.command("MAIL FROM:<a@there.example>").await?.must_succeed()?;
                    client.command("RCPT TO:<inbox@here.example>").await?.must_succeed()?;
                    client.command("DATA").await?;
                }
                // Spread over the tick, as if they had come one after another.
                let offset = TICK.mul_f64(number as f64 / count as f64);
                sessions.spawn(drip(client, offset));
            }
            Ok(Self { sessions })
        })
    }

    fn leave(mut self, runtime: &Runtime) {
        runtime.block_on(self.sessions.shutdown());
    }
}

/// An octet now and then, for as long as the server puts up with it.
async fn drip(mut client: Client, offset: Duration) {
    let mut ticks = interval_at(tokio::time::Instant::now() + offset, TICK);
    loop {
        ticks.tick().await;
        if client.send(b"x").await.is_err() {
            return;
        }
    }
}

/// Good messages a second, one connection after the other under TLS, ten messages each.
async fn send_for(time: Duration) -> io::Result<f64> {
    let (sent, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..GOOD {
        let (sent, over) = (Arc::clone(&sent), Arc::clone(&over));
        clients.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut client = Client::open(SMTP, true).await?;
                for _ in 0..10 {
                    let taken = client
                        .deliver("a@there.example", "inbox@here.example", b"\r\ngood\r\n")
                        .await?;
                    taken.must_succeed()?;
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
            io::Result::Ok(())
        });
    }
    tokio::time::sleep(time).await;
    let (count, took) = (sent.load(Ordering::Relaxed), began.elapsed());
    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.map_err(io::Error::other)??;
    }
    Ok(count as f64 / took.as_secs_f64())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}

fn raise_open_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}
