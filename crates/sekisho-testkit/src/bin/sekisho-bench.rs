//! The measuring program behind `cargo xtask bench`: our own sender and sink around the release binary on loopback,
//! and around Postfix beside it, with the same load; and the sender straight into the sink, which has to outrun both.
//! Sender and sink share the processors with what is measured, so the numbers compare servers on one machine and
//! promise nothing about another.
//!
//! Latency is from the final dot to its 250; processor time and memory are those of the server's whole process tree.
//! Each run begins with a warm-up that is not counted; of several runs the medians are shown.
//!
//! At full speed latency says how long the queue before the disk is. So it is measured once more at half of the rate
//! that the server can do, beside the sink alone at that very rate and what one flush of the disk takes: by itself, and
//! while the server flushes to the same disk.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io,
    net::SocketAddr,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use sekisho_mail::KeyExchangeGroups;
use sekisho_testkit::{
    authority::{Authority, Pem},
    client::{Client, stuffed},
    enclosure::HOSTS,
    foreign::{Postfix, PostfixSettings},
    node::{Node, SMTP},
    peer::Peer,
    program::{self, say},
    wait,
};
use sekisho_tls::ClientProfile;
use serde_json::json;

const USAGE: &str = "\
Measures messages of 4 KiB with 1 and with 100 a connection, in the clear and under TLS (in and out), messages of 1 MiB
with 10 a connection, and connections with a handshake (P-256) and no message. Before that, how long attribution and
selection take in large directories; it fails where one takes longer than 20 µs.

Usage: cargo xtask bench [--seconds N] [--runs N] [--connections N] [--only straight|sekisho|postfix] [--work 1..6]
       cargo xtask bench --directory
";

/// The unit of `/proc/*/stat`: `USER_HZ` is 100 on every platform that Debian runs on.
const TICKS_PER_SEC: f64 = 100.0;
/// How the runtime of a [`Peer`] names its threads; the senders' has none of its own.
const SINK_THREAD: &str = "tokio-rt-worker";
/// The load before what is counted.
const WARM_UP: Duration = Duration::from_secs(1);
const SMALL: usize = 4096;
const LARGE: usize = 1024 * 1024;
/// Flushes of the disk that are timed, and what each of them writes.
const FLUSHES: usize = 200;
const FLUSH_OCTETS: usize = 16 * 1024;
/// So long after one flush the next is timed while a server is at work: seldom enough to be no load of its own.
const FLUSH_PAUSE: Duration = Duration::from_millis(20);
/// How long the sink may take for what was accepted.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// What the command line says.
#[derive(Clone, Debug)]
struct Options {
    binary: PathBuf,
    results: PathBuf,
    seconds: u64,
    runs: u64,
    connections: usize,
    only: Option<String>,
    /// One of [`WORKS`], counted from one.
    work: Option<u64>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    server: &'static str,
    tls: bool,
    /// Messages a connection; none where the handshake is what is measured.
    per_connection: usize,
    /// Octets a message.
    octets: usize,
    /// Messages a second; as many as can be when there is none.
    pace: Option<f64>,
}

/// Tls, messages a connection, octets a message.
const WORKS: [(bool, usize, usize); 6] = [
    (false, 1, SMALL),
    (false, 100, SMALL),
    (true, 1, SMALL),
    (true, 100, SMALL),
    (true, 10, LARGE),
    (true, 0, 0),
];

/// What a scenario came to.
#[derive(Clone, Debug)]
struct Figures {
    scenario: Scenario,
    accepted: usize,
    accepted_per_sec: f64,
    relayed_per_sec: f64,
    all_relayed: bool,
    cpu_millis_per_message: f64,
    peak_rss_mib: f64,
    p50_millis: f64,
    p99_millis: f64,
    /// A flush beside it: median, and the slowest but of a hundredth.
    flush_millis: Option<(f64, f64)>,
    /// Processor time of the sink alone, of each message or handshake.
    sink_millis: f64,
}

fn main() -> ExitCode {
    let options = match prepare() {
        Ok(options) => options,
        Err(end) => return end,
    };
    let all = measure_all(&options);
    match fs::create_dir_all(&options.results).and_then(|()| write_results(&options.results, &all)) {
        Ok(path) => say(&format!("written to {}", path.display())),
        Err(fault) => say(&format!("the results cannot be written: {fault}")),
    }
    ExitCode::SUCCESS
}

/// The options, inside the namespaces; or how the program ends.
fn prepare() -> Result<Options, ExitCode> {
    let options = program::options(parse_options(), USAGE)?;
    program::enclose()?;
    Ok(options)
}

fn parse_options() -> Result<Option<Options>, String> {
    let mut options = Options {
        binary: PathBuf::new(),
        results: PathBuf::from("target/bench"),
        seconds: 5,
        runs: 1,
        connections: 20,
        only: None,
        work: None,
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--help" {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} wants a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{argument} wants a number, not {value:?}"))
        };
        match argument.as_str() {
            "--binary" => options.binary = value.into(),
            "--results" => options.results = value.into(),
            "--seconds" => options.seconds = number()?,
            "--runs" => options.runs = number()?.max(1),
            "--connections" => options.connections = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--work" => options.work = Some(number()?),
            "--only" => options.only = Some(value),
            other => return Err(format!("{other} means nothing here")),
        }
    }
    Ok(Some(options))
}

fn measure_all(options: &Options) -> Vec<Figures> {
    let pem = Authority::new().server(&["postfix.bench.example", "sink.example"]);
    let mut all = Vec::new();
    let flush = flush_millis();
    say(&format!(
        "a flush of {FLUSH_OCTETS} octets to this disk takes {flush:.2} ms (median of {FLUSHES})"
    ));
    say(HEADINGS);
    for (number, (tls, per_connection, octets)) in (1..).zip(WORKS) {
        if options.work.is_some_and(|only| only != number) {
            continue;
        }
        let measured = |server: &'static str, pace: Option<f64>| {
            if options.only.as_deref().is_some_and(|only| only != server) {
                return None;
            }
            let scenario = Scenario {
                server,
                tls,
                per_connection,
                octets,
                pace,
            };
            let runs = (0..options.runs).map(|_| measure(options, scenario, &pem)).collect();
            let figures = medians(runs);
            say(&row(&figures));
            Some(figures)
        };
        let straight = measured("straight", None);
        let sekisho = measured("sekisho", None);
        let postfix = measured("postfix", None);
        let half = |figures: &Option<Figures>| figures.as_ref().map(|figures| figures.accepted_per_sec / 2.0);
        let pace = half(&sekisho).filter(|_| per_connection > 0);
        let straight_at_half = pace.and_then(|pace| measured("straight", Some(pace)));
        let sekisho_at_half = pace.and_then(|pace| measured("sekisho", Some(pace)));
        if let (Some(sekisho), Some(postfix)) = (&sekisho, &postfix) {
            say(&ratios(sekisho, postfix));
        }
        if let (Some(sekisho), Some(straight), 0) = (&sekisho, &straight, per_connection) {
            let times = sekisho.cpu_millis_per_message / straight.sink_millis;
            say(&format!(
                "         sekisho beside the sink: {times:.2} of the processor time"
            ));
        }
        if let (Some(straight), Some(sekisho)) = (&straight_at_half, &sekisho_at_half) {
            let above = sekisho.p99_millis - straight.p99_millis;
            let (median, slow) = sekisho.flush_millis.unwrap_or((flush, flush));
            say(&format!(
                "         at half the rate p99 is {above:.2} ms above the sink's: {:.1} flushes of an idle disk; \
                 beside this load one takes {median:.2} ms, in the p99 {slow:.2} ms, and of these it is {:.1}",
                above / flush,
                above / slow
            ));
        }
        all.extend(
            [straight, sekisho, postfix, straight_at_half, sekisho_at_half]
                .into_iter()
                .flatten(),
        );
    }
    all
}

/// How the two compare.
fn ratios(sekisho: &Figures, postfix: &Figures) -> String {
    let of_time = postfix.cpu_millis_per_message / sekisho.cpu_millis_per_message;
    if sekisho.scenario.per_connection == 0 {
        return format!("         sekisho beside postfix: 1/{of_time:.1} of the processor time");
    }
    let of_rate = sekisho.relayed_per_sec / postfix.relayed_per_sec;
    format!(
        "         sekisho beside postfix: 1/{of_time:.1} of the processor time, {of_rate:.1} times as many messages"
    )
}

/// What one flush takes of an idle disk.
fn flush_millis() -> f64 {
    let flusher = Flusher::new();
    let mut times: Vec<Duration> = (0..FLUSHES).map(|_| flusher.flush()).collect();
    times.sort_unstable();
    quantile(&times, 50)
}

/// Flushes what a group of a few messages writes, over what is there already.
struct Flusher {
    path: PathBuf,
    file: File,
    octets: Vec<u8>,
}

impl Flusher {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("sekisho-bench-{}", std::process::id()));
        let file = File::create_new(&path).expect("a file in the temporary folder");
        let octets = vec![b'x'; FLUSH_OCTETS];
        let flusher = Self { path, file, octets };
        // The first makes the file's length.
        flusher.flush();
        flusher
    }

    fn flush(&self) -> Duration {
        let began = Instant::now();
        self.file
            .write_all_at(&self.octets, 0)
            .and_then(|()| self.file.sync_data())
            .expect("a flush");
        began.elapsed()
    }

    /// Flushes now and then until it is told to end; the times.
    fn start(self) -> Flushing {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut times = Vec::new();
            while !told.load(Ordering::Relaxed) {
                times.push(self.flush());
                thread::sleep(FLUSH_PAUSE);
            }
            times
        });
        Flushing { over, thread }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        fs::remove_file(&self.path).expect("the file goes");
    }
}

/// Flushes that are timed beside a load.
struct Flushing {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Flushing {
    /// Median, and the slowest but of a hundredth, in milliseconds.
    fn end(self) -> (f64, f64) {
        self.over.store(true, Ordering::Relaxed);
        let mut times = self.thread.join().expect("flushes do not panic");
        times.sort_unstable();
        (quantile(&times, 50), quantile(&times, 99))
    }
}

/// Each figure by itself.
fn medians(mut runs: Vec<Figures>) -> Figures {
    let median = |of: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let figures = Figures {
        accepted_per_sec: median(|run| run.accepted_per_sec),
        relayed_per_sec: median(|run| run.relayed_per_sec),
        cpu_millis_per_message: median(|run| run.cpu_millis_per_message),
        peak_rss_mib: median(|run| run.peak_rss_mib),
        p50_millis: median(|run| run.p50_millis),
        p99_millis: median(|run| run.p99_millis),
        sink_millis: median(|run| run.sink_millis),
        // All runs of a scenario have it, or none.
        flush_millis: runs[0].flush_millis.map(|_| {
            (
                median(|run| run.flush_millis.unwrap_or_default().0),
                median(|run| run.flush_millis.unwrap_or_default().1),
            )
        }),
        all_relayed: runs.iter().all(|run| run.all_relayed),
        ..runs[0].clone()
    };
    runs.clear();
    figures
}

const HEADINGS: &str = "\
server   TLS  octets/msg  msgs/conn  accepted/s  relayed/s  CPU ms/msg  peak RSS MiB  p50 ms  p99 ms
         (of connections without a message: connections a second, CPU a connection)";

fn row(figures: &Figures) -> String {
    let Figures {
        scenario,
        accepted_per_sec,
        relayed_per_sec,
        cpu_millis_per_message,
        peak_rss_mib,
        p50_millis,
        p99_millis,
        ..
    } = figures;
    let tls = if scenario.tls { "yes" } else { "no" };
    let mark = match (figures.all_relayed, scenario.pace) {
        (true, None) => "",
        (true, Some(_)) => "  (at this rate)",
        (false, _) => "  (not all was relayed in time)",
    };
    format!(
        "{:<8} {tls:<4} {:>10} {:>10} {accepted_per_sec:>11.0} {relayed_per_sec:>10.0} {cpu_millis_per_message:>11.2} \
         {peak_rss_mib:>13.1} {p50_millis:>7.2} {p99_millis:>7.2}{mark}",
        scenario.server, scenario.octets, scenario.per_connection
    )
}

/// A server under measurement: where it listens and which process it is.
#[derive(Debug)]
enum Server {
    /// The sink itself.
    Straight,
    Sekisho(Node),
    Postfix(Postfix),
}

impl Server {
    fn start(options: &Options, scenario: Scenario, pem: &Pem) -> Self {
        let sink = HOSTS[1];
        if scenario.server == "straight" {
            return Self::Straight;
        }
        if scenario.server == "postfix" {
            return Self::Postfix(Postfix::start(&PostfixSettings {
                address: (HOSTS[0], 25).into(),
                domain: "bench.example",
                certificate: scenario.tls.then_some(pem),
                relayhost: &format!("[{sink}]"),
                more: if scenario.tls {
                    "smtp_tls_security_level = may"
                } else {
                    ""
                },
            }));
        }
        // The same certificate for all of them.
        let listener = "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\n\
             relay-from = [\"127.0.0.0/8\"]\ntls.certificates = [{ certificate = \"chain.pem\", key = \"key.pem\" }]\n";
        let route = format!("{listener}[[route]]\nname = \"sink\"\ndomains = [\"*\"]\nvia = [\"{sink}:25\"]\n");
        let mut node = Node::new(&options.binary, &route);
        node.write("chain.pem", &pem.chain);
        let key = node.write("key.pem", &pem.key);
        let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(key, only_ours).expect("the key is ours");
        node.resume();
        Self::Sekisho(node)
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Straight => (HOSTS[1], 25).into(),
            Self::Sekisho(_) => SMTP,
            Self::Postfix(postfix) => postfix.address(),
        }
    }

    fn root(&self) -> u32 {
        match self {
            // Source and sink are one process: what it uses is what both need.
            Self::Straight => std::process::id(),
            Self::Sekisho(node) => node.process_id(),
            Self::Postfix(postfix) => postfix.process_id(),
        }
    }
}

fn measure(options: &Options, scenario: Scenario, pem: &Pem) -> Figures {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&arrived);
    let certificate = scenario.tls.then_some(pem);
    let _sink = Peer::start_observed((HOSTS[1], 25).into(), certificate, move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let server = Server::start(options, scenario, pem);
    let warm = load(options, scenario, server.address(), WARM_UP).len();
    wait_for(&arrived, warm, scenario);
    let flushing = (scenario.pace.is_some() && scenario.server == "sekisho").then(|| Flusher::new().start());
    let (before, sink_before) = (usage(server.root()), sink_cpu_secs());
    let start = Instant::now();
    let mut latencies = load(
        options,
        scenario,
        server.address(),
        Duration::from_secs(options.seconds),
    );
    let accepting = start.elapsed();
    let flush_millis = flushing.map(Flushing::end);
    let accepted = latencies.len();
    let all_relayed = wait_for(&arrived, warm + accepted, scenario);
    let relaying = start.elapsed();
    let (after, sink_after) = (usage(server.root()), sink_cpu_secs());
    let relayed = arrived.load(Ordering::Relaxed).saturating_sub(warm);
    latencies.sort_unstable();
    let count = accepted.max(1) as f64;
    Figures {
        scenario,
        accepted,
        accepted_per_sec: accepted as f64 / accepting.as_secs_f64(),
        relayed_per_sec: relayed as f64 / relaying.as_secs_f64(),
        all_relayed,
        cpu_millis_per_message: (after.cpu_secs - before.cpu_secs) * 1000.0 / count,
        peak_rss_mib: after.peak_rss_kib as f64 / 1024.0,
        p50_millis: quantile(&latencies, 50),
        p99_millis: quantile(&latencies, 99),
        flush_millis,
        sink_millis: (sink_after - sink_before) * 1000.0 / count,
    }
}

/// Processor time of the sink, which is threads of this process.
fn sink_cpu_secs() -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_sink = |folder: PathBuf| {
        let name = fs::read_to_string(folder.join("comm")).ok()?;
        (name.trim() == SINK_THREAD).then(|| stat_in(&folder).map(|stat| stat.cpu_secs))?
    };
    threads.filter_map(|thread| of_sink(thread.path())).sum()
}

/// Waits until so many messages are at the sink; whether they are.
fn wait_for(arrived: &AtomicUsize, count: usize, scenario: Scenario) -> bool {
    if scenario.per_connection == 0 {
        return true;
    }
    let end = Instant::now() + DRAIN_LIMIT;
    let drained = || (arrived.load(Ordering::Relaxed) >= count || Instant::now() > end).then_some(());
    wait::until_within(2 * DRAIN_LIMIT, "the sink", drained, String::new);
    arrived.load(Ordering::Relaxed) >= count
}

fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

/// Sends for so long; the time from the final dot to its 250 of every accepted message, or of every handshake where
/// no message is sent.
fn load(options: &Options, scenario: Scenario, server: SocketAddr, time: Duration) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let began = Instant::now();
    let load = Arc::new(Load {
        server,
        scenario,
        tls: scenario.tls.then(|| ClientProfile {
            groups: KeyExchangeGroups::CLASSICAL,
            ..ClientProfile::default()
        }),
        content: stuffed(&content(scenario.octets)),
        began,
        end: began + time,
        begun: AtomicU32::new(0),
        latencies: Mutex::default(),
    });
    runtime.block_on(async {
        let mut senders = Vec::new();
        for _ in 0..options.connections {
            let load = Arc::clone(&load);
            senders.push(tokio::spawn(async move {
                while Instant::now() < load.end {
                    if let Err(fault) = load.send_some().await {
                        say(&format!("a connection broke: {fault}"));
                    }
                }
            }));
        }
        for sender in senders {
            sender.await.expect("a sender does not panic");
        }
    });
    std::mem::take(&mut load.latencies.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What all senders of one load share.
struct Load {
    server: SocketAddr,
    scenario: Scenario,
    /// Without the hybrid group, which Postfix's library does not know: both do the same handshake.
    tls: Option<ClientProfile>,
    content: Vec<u8>,
    began: Instant,
    end: Instant,
    /// Messages that have had their turn.
    begun: AtomicU32,
    latencies: Mutex<Vec<Duration>>,
}

impl Load {
    /// Waits for the turn of the next message, where there is a pace.
    async fn turn(&self) {
        if let Some(pace) = self.scenario.pace {
            let begun = self.begun.fetch_add(1, Ordering::Relaxed);
            let at = self.began + Duration::from_secs_f64(f64::from(begun) / pace);
            tokio::time::sleep_until(at.into()).await;
        }
    }

    fn took(&self, latency: Duration) {
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.push(latency);
    }

    async fn send_some(&self) -> io::Result<()> {
        let opened = Instant::now();
        let mut client = Client::open_as(self.server, self.tls.as_ref()).await?;
        if self.scenario.per_connection == 0 {
            self.took(opened.elapsed());
        }
        for _ in 0..self.scenario.per_connection {
            self.turn().await;
            if Instant::now() >= self.end {
                break;
            }
            client
                .send(b"MAIL FROM:<a@bench.invalid>\r\nRCPT TO:<b@sink.example>\r\nDATA\r\n")
                .await?;
            client.expect_reply().await?.must_succeed()?;
            client.expect_reply().await?.must_succeed()?;
            client.expect_reply().await?;
            client.send(&self.content).await?;
            let dot = Instant::now();
            client.expect_reply().await?.must_succeed()?;
            self.took(dot.elapsed());
        }
        client.command("QUIT").await.map(drop)
    }
}

fn content(octets: usize) -> Vec<u8> {
    let mut content = b"From: a@bench.invalid\r\nTo: b@sink.example\r\nSubject: bench\r\n\r\n".to_vec();
    while content.len() < octets {
        content.extend_from_slice(b"The quick brown fox jumps over the lazy dog and comes back for more.\r\n");
    }
    content
}

/// What a process tree has used.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    cpu_secs: f64,
    peak_rss_kib: u64,
}

/// Sums over a process, its descendants, and those of them that have ended and were waited for.
fn usage(root: u32) -> Usage {
    let parents: BTreeMap<u32, u32> = processes().filter_map(|id| Some((id, stat(id)?.parent))).collect();
    let below_root = |id: u32| {
        let mut at = Some(id);
        while let Some(here) = at {
            if here == root {
                return true;
            }
            at = parents.get(&here).copied();
        }
        false
    };
    let mut usage = Usage::default();
    for id in parents.keys().copied().filter(|id| below_root(*id)) {
        usage.cpu_secs += stat(id).map_or(0.0, |stat| stat.cpu_secs);
        usage.peak_rss_kib += peak_rss_kib(id).unwrap_or(0);
    }
    usage
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of `/proc/*/stat` that matter here.
struct Stat {
    parent: u32,
    cpu_secs: f64,
}

fn stat(id: u32) -> Option<Stat> {
    stat_in(Path::new(&format!("/proc/{id}")))
}

fn stat_in(folder: &Path) -> Option<Stat> {
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    // The name stands in parentheses and may hold anything; the third field follows it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: f64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu_secs: ticks / TICKS_PER_SEC,
    })
}

fn peak_rss_kib(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn write_results(folder: &Path, all: &[Figures]) -> io::Result<PathBuf> {
    let rows: Vec<_> = all
        .iter()
        .map(|figures| {
            json!({
                "server": figures.scenario.server,
                "tls": figures.scenario.tls,
                "messages_per_connection": figures.scenario.per_connection,
                "message_octets": figures.scenario.octets,
                "pace_per_sec": figures.scenario.pace,
                "accepted": figures.accepted,
                "accepted_per_sec": figures.accepted_per_sec,
                "relayed_per_sec": figures.relayed_per_sec,
                "all_relayed": figures.all_relayed,
                "cpu_millis_per_message": figures.cpu_millis_per_message,
                "peak_rss_mib": figures.peak_rss_mib,
                "p50_millis": figures.p50_millis,
                "p99_millis": figures.p99_millis,
                "flush_p50_p99_millis": figures.flush_millis,
                "sink_cpu_millis_per_message": figures.sink_millis,
            })
        })
        .collect();
    let path = folder.join("smtp.json");
    fs::write(&path, format!("{:#}\n", json!(rows)))?;
    Ok(path)
}
