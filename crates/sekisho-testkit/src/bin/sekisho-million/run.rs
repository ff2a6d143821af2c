//! The course of a run: the same work with an empty queue first, then the whole queue through every station.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use sekisho_testkit::{
    node::{Node, SMTP, metric},
    wait,
};
use tempfile::TempDir;

use crate::{
    Options,
    fill::fill,
    orders,
    probe::{Latency, Prober, Usage},
    say,
    sink::{Sink, Tally},
    table::{Table, millis},
    world::{self, Kind, domain},
};

/// From exec to the first 250.
const START_LIMIT: Duration = Duration::from_secs(2);
const MEMORY_LIMIT_MIB: f64 = 300.0;
/// From the final dot to its 250, whatever goes on.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// So much of the speed with an empty queue remains.
const SPEED_SHARE: f64 = 0.8;
/// Of one processor, when the live destinations have everything.
const IDLE_CPU: f64 = 0.25;
/// For so long it is measured how fast messages arrive, at the most.
const WINDOW: Duration = Duration::from_secs(30);
/// For how long nothing may arrive while there is something for the living.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// A queue of which nothing goes for so long stands still.
const STILL: Duration = Duration::from_secs(10);
/// What the queue may be given out twice after a death by force: what was in flight.
const AGAIN_LIMIT: u64 = 20_000;

/// A server with its world.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) table: Table,
    pub(crate) tally: Arc<Tally>,
    pub(crate) prober: Arc<Prober>,
    _sink: Sink,
    folder: TempDir,
    peak_kib: u64,
}

/// Runs everything.
///
/// # Errors
/// When the machine, not the server, is at fault.
pub(crate) fn run(options: &Options) -> Result<Table, String> {
    world::furnish().map_err(|fault| format!("the resolver: {fault}"))?;
    let folder = tempfile::tempdir_in(&options.work).map_err(|fault| fault.to_string())?;
    let sink = Sink::start(options.messages).map_err(|fault| format!("the sink: {fault}"))?;
    let mut world = World {
        node: Node::new(&options.binary, ""),
        table: Table::default(),
        tally: Arc::clone(&sink.tally),
        prober: Prober::new(SMTP, |number| domain(number * 8)),
        _sink: sink,
        folder,
        peak_kib: 0,
    };
    let alone = world.baseline(options)?;
    world.take_queue(options)?;
    world.start("start")?;
    let probing = world.prober.keep_on();
    world.deliver(alone, options);
    orders::look(&mut world);
    drop(probing);
    // Before the orders, while much is still there for the living.
    world.restart()?;
    world.kill()?;
    // Behind a start that follows a crash leases are written down for minutes; the orders are not to wait for that.
    world.end()?;
    world.start("start after that")?;
    let probing = world.prober.keep_on();
    orders::order(&mut world, options)?;
    drop(probing);
    world.drain(options)?;
    world.idle();
    let peak = world.peak_mib();
    let asked = format!("under {MEMORY_LIMIT_MIB} MiB");
    world.table.must(
        "peak of resident memory, all lives",
        format!("{peak:.0} MiB"),
        asked,
        peak < MEMORY_LIMIT_MIB,
    );
    Ok(world.table)
}

/// How fast messages arrived.
#[derive(Clone, Copy, Debug)]
struct Speed {
    per_sec: f64,
    cpu_millis: f64,
}

impl World {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The speed to the same destinations where there is nothing else.
    fn baseline(&mut self, options: &Options) -> Result<Speed, String> {
        let messages = (options.messages / 20).max(options.destinations / 2);
        let live = options.destinations / 2;
        let address = |number: u64| {
            (
                "sender@rig.example".to_owned(),
                format!("r@{}", domain(number % live * 2)),
            )
        };
        fill(&self.data(), messages, address)?;
        self.launch();
        self.prober.first(PATIENCE)?;
        let speed = self.speed(messages.saturating_sub(self.tally.arrived.load(Ordering::Relaxed)));
        self.table
            .note("alone: messages a second", format!("{:.0}", speed.per_sec));
        self.table
            .note("alone: CPU a message", format!("{:.2} ms", speed.cpu_millis));
        self.end()?;
        self.peak_kib = 0;
        self.tally.forget();
        fs::remove_dir_all(self.data()).map_err(|fault| fault.to_string())?;
        Ok(speed)
    }

    /// The whole queue, made or copied.
    fn take_queue(&self, options: &Options) -> Result<(), String> {
        let begun = Instant::now();
        let live = options.destinations / 2;
        let address = |number: u64| {
            // Whom a notification goes to is alive.
            let sender = format!("s{number}@{}", domain(number % live * 2));
            (sender, format!("r@{}", domain(number % options.destinations)))
        };
        match &options.queue {
            None => fill(&self.data(), options.messages, address)?,
            Some(kept) => {
                let marked = kept.join(format!("{}-{}", options.messages, options.destinations));
                if !marked.is_dir() {
                    fs::create_dir_all(kept).map_err(|fault| fault.to_string())?;
                    // A fill that was broken off must not be taken for a whole one.
                    let unfinished = tempfile::tempdir_in(kept).map_err(|fault| fault.to_string())?;
                    let filled = unfinished.path().join("data");
                    fill(&filled, options.messages, address)?;
                    fs::rename(&filled, &marked).map_err(|fault| fault.to_string())?;
                }
                copy(&marked, &self.data())?;
            }
        }
        let octets = fs::metadata(self.data().join("queue.db")).map_or(0, |facts| facts.len());
        say(&format!(
            "the queue of {} MiB was there after {} s",
            octets >> 20,
            begun.elapsed().as_secs()
        ));
        Ok(())
    }

    fn launch(&mut self) {
        self.node.configure(&configuration(&self.data()));
        self.node.launch();
    }

    /// Starts it and measures until the first 250.
    fn start(&mut self, name: &str) -> Result<(), String> {
        let begun = Instant::now();
        self.launch();
        self.prober.first(PATIENCE)?;
        self.table.within(
            &format!("{name}: from exec to the first 250"),
            begun.elapsed(),
            START_LIMIT,
        );
        Ok(())
    }

    fn usage(&mut self) -> Usage {
        let usage = Usage::of(self.node.process_id());
        self.peak_kib = self.peak_kib.max(usage.peak_rss_kib);
        usage
    }

    fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }

    /// How fast messages arrive from now on: until there are so many more, or the window is over.
    fn speed(&mut self, messages: u64) -> Speed {
        let (begun, usage) = (Instant::now(), self.usage());
        let before = self.tally.arrived.load(Ordering::Relaxed);
        let most = before + messages * 9 / 10;
        while self.tally.arrived.load(Ordering::Relaxed) < most && begun.elapsed() < WINDOW {
            thread::sleep(PAUSE);
        }
        let count = (self.tally.arrived.load(Ordering::Relaxed) - before).max(1) as f64;
        Speed {
            per_sec: count / begun.elapsed().as_secs_f64(),
            cpu_millis: (self.usage().cpu_secs - usage.cpu_secs) * 1000.0 / count,
        }
    }

    /// Delivery right after the start, when every destination is due at once.
    fn deliver(&mut self, alone: Speed, options: &Options) {
        let begun = Instant::now();
        // Long enough for the first look at the dead, which comes once, to weigh what it weighs.
        let speed = self.speed(options.messages / 5);
        let share = speed.per_sec / alone.per_sec.max(1.0);
        let found = format!("{:.0}, {:.0} % of alone", speed.per_sec, share * 100.0);
        let asked = format!("at least {:.0} %", SPEED_SHARE * 100.0);
        self.table
            .must("messages a second to the living", found, asked, share >= SPEED_SHARE);
        self.table.note("CPU a message", format!("{:.2} ms", speed.cpu_millis));
        let usage = self.usage();
        self.table.note(
            "resident memory while delivering",
            format!("{} MiB", usage.rss_kib >> 10),
        );
        self.answers("delivering", begun);
    }

    /// Judges the probes since then.
    pub(crate) fn answers(&mut self, name: &str, since: Instant) {
        let Latency {
            count,
            slowest,
            median,
            arrived,
            arrival,
        } = self.prober.since(since, &self.tally);
        self.table.within(
            &format!("{name}: slowest answer to a new message"),
            slowest,
            ANSWER_LIMIT,
        );
        let found = format!("{}, {arrived} of {count} arrived, {}", millis(median), millis(arrival));
        self.table.note(&format!("{name}: answer and arrival, medians"), found);
    }

    fn end(&mut self) -> Result<(), String> {
        self.usage();
        self.node.end_well()
    }

    /// In the middle of its work, as an operator does it.
    fn restart(&mut self) -> Result<(), String> {
        let again = self.tally.again.load(Ordering::Relaxed);
        let begun = Instant::now();
        self.end()?;
        self.table
            .note("restart: from the signal to the end", millis(begun.elapsed()));
        self.start("restart")?;
        self.progress(1000)?;
        let again = self.tally.again.load(Ordering::Relaxed) - again;
        self.table
            .must("restart: messages that came twice", again, "none", again == 0);
        Ok(())
    }

    /// In the middle of its work, by force.
    fn kill(&mut self) -> Result<(), String> {
        self.usage();
        self.node.kill();
        let begun = Instant::now();
        self.start("after kill -9")?;
        self.speed_after_kill(begun)?;
        Ok(())
    }

    fn speed_after_kill(&mut self, begun: Instant) -> Result<(), String> {
        let probing = self.prober.keep_on();
        let speed = self.speed(20_000);
        drop(probing);
        self.table
            .note("after kill -9: messages a second", format!("{:.0}", speed.per_sec));
        self.answers("after kill -9", begun);
        Ok(())
    }

    /// Waits until so many more have arrived, or nothing is left for the living.
    fn progress(&self, messages: u64) -> Result<(), String> {
        let before = self.tally.arrived.load(Ordering::Relaxed);
        let begun = Instant::now();
        while self.tally.arrived.load(Ordering::Relaxed) < before + messages && begun.elapsed() < WINDOW {
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Until the living have everything; nothing may be lost and little come twice.
    fn drain(&mut self, options: &Options) -> Result<(), String> {
        let expected = (0..options.messages)
            .filter(|number| Kind::of(number % options.destinations) == Kind::Live)
            .count() as u64;
        let begun = Instant::now();
        let mut progress = (Instant::now(), 0);
        loop {
            let arrived = self.tally.arrived.load(Ordering::Relaxed);
            if arrived != progress.1 {
                progress = (Instant::now(), arrived);
            }
            if arrived >= expected || progress.0.elapsed() > PATIENCE {
                break;
            }
            thread::sleep(PAUSE);
        }
        let arrived = self.tally.arrived.load(Ordering::Relaxed);
        let missing = expected.saturating_sub(arrived);
        self.table.note(
            "until the living had the rest",
            format!("{} s", begun.elapsed().as_secs()),
        );
        self.table
            .must("messages for the living that never came", missing, "none", missing == 0);
        let again = self.tally.again.load(Ordering::Relaxed);
        let holds = again <= AGAIN_LIMIT;
        self.table.must(
            "messages that came twice",
            again,
            format!("at most {AGAIN_LIMIT}"),
            holds,
        );
        Ok(())
    }

    /// What the dead cost when there is nothing else to do.
    fn idle(&mut self) {
        // What was given up is told of first, and the days of the trace that it filled get their indexes.
        let begun = Instant::now();
        let mut before = None;
        until("the queue to be the dead's alone", || {
            let now = metric("sekisho_queue_messages");
            let is_still = before == now;
            before = now;
            thread::sleep(STILL);
            is_still.then_some(())
        });
        self.table.note("until the queue stood still", millis(begun.elapsed()));
        let before = self.usage();
        let begun = Instant::now();
        thread::sleep(WINDOW);
        let after = self.usage();
        let share = (after.cpu_secs - before.cpu_secs) / begun.elapsed().as_secs_f64();
        let found = format!("{:.1} % of a processor", share * 100.0);
        let asked = format!("at most {:.0} %", IDLE_CPU * 100.0);
        self.table.must("the dead alone", found, asked, share <= IDLE_CPU);
        let left = metric("sekisho_queue_messages").unwrap_or(0);
        self.table.note("messages left", left);
        self.table
            .note("resident memory at the end", format!("{} MiB", after.rss_kib >> 10));
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let mut command = Command::new("cp");
    command.args(["--archive", "--reflink=auto"]).args([from, to]);
    let copied = command.status().map_err(|fault| format!("cp: {fault}"))?;
    if copied.success() {
        Ok(())
    } else {
        Err(format!("{} cannot be copied", from.display()))
    }
}

/// Waits for a fact that takes longer than most.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait::until_within(10 * PATIENCE, what, look, String::new)
}

fn configuration(data: &Path) -> String {
    format!(
        r#"
[node]
hostname = "node.example"
data-folder = "{}"
# Less than the rig waits for the end: hosts that never answer are always in flight.
drain-limit = "5s"

[[listener]]
name = "default"
address = "{SMTP}"
relay-from = ["127.0.0.0/8"]
"#,
        data.display()
    )
}
