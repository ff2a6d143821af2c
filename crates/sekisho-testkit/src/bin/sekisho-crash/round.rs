//! One round: a server on a fresh disk under load lives and dies as its schedule says, is drained, and is judged.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sekisho_testkit::node::{Node, NodeState, SMTP, metric};

use crate::{
    disk::{Blade, Disk, Kind},
    judge::{Verdict, judge},
    ledger::Ledger,
    load::Load,
    schedule::{End, Life, Moment, lives},
    sink::{LIFE, Mailboxes, Sinks},
};

/// Between two looks at the server.
const PAUSE: Duration = Duration::from_millis(2);
/// Until a server is ready. Far more than it takes, so that failures alone reach it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) cuts: usize,
    pub(crate) kills: usize,
    /// A library that takes the server's flushes away: a control.
    pub(crate) preload: Option<PathBuf>,
    /// For how long nothing may arrive while the queue is not empty.
    pub(crate) patience: Duration,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// What went wrong on the way: the server did not start again, or its queue did not become empty.
    pub(crate) trouble: Option<String>,
    /// Ledger, log and image, kept where something was wrong and no control was meant to fail.
    pub(crate) kept: Option<PathBuf>,
}

impl Outcome {
    /// Whether all is well.
    pub(crate) const fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.trouble.is_none()
    }
}

/// Everything around the server.
struct World {
    disk: Disk,
    node: Node,
    ledger: Arc<Ledger>,
    sinks: Sinks,
    patience: Duration,
}

impl Round {
    /// Runs it with this server, in a new folder below `work`.
    ///
    /// # Errors
    /// When the round cannot be run: the machine, not the server, is at fault.
    pub(crate) fn run(&self, binary: &Path, work: &Path) -> Result<Outcome, String> {
        let folder = tempfile::Builder::new().prefix("round-").tempdir_in(work);
        let folder = folder.map_err(|fault| format!("{}: {fault}", work.display()))?;
        let failed = |fault: std::io::Error| format!("{}: {fault}", folder.path().display());
        let disk = Disk::make(self.kind, folder.path())?;
        let ledger = Arc::new(Ledger::begin(self.seed, folder.path()).map_err(failed)?);
        let mut node = Node::new(binary, "");
        if let Some(library) = &self.preload {
            node.set_environment("LD_PRELOAD", library);
        }
        let mut world = World {
            disk,
            node,
            sinks: Sinks::start(&ledger),
            ledger: Arc::clone(&ledger),
            patience: self.patience,
        };
        let load = Load::start(SMTP, &ledger).map_err(failed)?;
        let lives = lives(self.seed, self.cuts, self.kills);
        let lived = lives
            .iter()
            .enumerate()
            .try_for_each(|(number, life)| world.live(number, *life));
        let trouble = match lived {
            Ok(()) => world.drain(lives.len(), load),
            Err(LifeFault::Server(trouble)) => Err(trouble),
            Err(LifeFault::Machine(fault)) => return Err(fault),
        };
        let mut mailboxes = Mailboxes::of(&world.data());
        mailboxes.look(&ledger).map_err(failed)?;
        let mut outcome = Outcome {
            verdict: judge(&ledger.snapshot(), |number| ledger.plan(number)),
            trouble: trouble.err(),
            kept: None,
        };
        if !outcome.is_clean() && self.preload.is_none() {
            fs::write(folder.path().join("log"), world.node.log()).map_err(failed)?;
            world.disk.keep();
            outcome.kept = Some(folder.keep());
        }
        Ok(outcome)
    }
}

/// Why a life was no life.
enum LifeFault {
    /// The server did not become ready.
    Server(String),
    /// The disk could not be cut or mounted.
    Machine(String),
}

impl World {
    fn data(&self) -> PathBuf {
        self.disk.path().join("data")
    }

    /// From the start to the end by force.
    fn live(&mut self, number: usize, life: Life) -> Result<(), LifeFault> {
        self.sinks.set_strict_offers_tls(life.strict_offers_tls);
        self.launch(number);
        let blade = match life.end {
            End::Kill => None,
            End::Cut { .. } => Some(self.disk.sharpen().map_err(LifeFault::Machine)?),
        };
        match life.moment {
            Moment::AfterStart(pause) => thread::sleep(pause),
            Moment::AfterReady(pause) => {
                self.wait_until_ready().map_err(LifeFault::Server)?;
                thread::sleep(pause);
            }
        }
        if let (Some(blade), End::Cut { flush, linger }) = (blade, life.end) {
            self.cut(blade, flush, linger).map_err(LifeFault::Machine)?;
        }
        self.node.kill();
        self.ledger.life_ended(&format!("{life:?}"));
        if life.end == End::Kill {
            return Ok(());
        }
        self.disk.revive().map_err(LifeFault::Machine)
    }

    /// A power cut stops processor and disk at once: a thread that waits for a flush never learns what became of it.
    /// The kernel here lives on and may tell such a thread that all is well, though it is not (seen on ext4 and XFS,
    /// once in twenty cuts); so the threads are stopped first. Where the server is to live on as well, what was being
    /// flushed at that moment is in doubt, and all that is sent after it has to be refused.
    fn cut(&self, blade: Blade, flush: bool, linger: Option<Duration>) -> Result<(), String> {
        let Some(pause) = linger else {
            self.node.freeze();
            return blade.cut(flush);
        };
        let begin = Instant::now();
        blade.cut(flush)?;
        self.ledger.doubtful(begin, Instant::now());
        thread::sleep(pause);
        Ok(())
    }

    fn launch(&mut self, number: usize) {
        self.node.configure(&configuration(number, &self.data()));
        self.node.launch();
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            match self.node.state() {
                NodeState::Ready => return Ok(()),
                NodeState::Ended(status) => {
                    return Err(format!(
                        "the server ended by itself ({status})\n{}",
                        self.node.last_words()
                    ));
                }
                NodeState::Starting if start.elapsed() > READY_LIMIT => {
                    self.node.kill();
                    return Err(format!("the server did not become ready\n{}", self.node.last_words()));
                }
                NodeState::Starting => thread::sleep(PAUSE),
            }
        }
    }

    /// The last life: nothing bad happens any more, and everything has to arrive.
    fn drain(&mut self, number: usize, load: Load) -> Result<(), String> {
        self.sinks.set_strict_offers_tls(true);
        self.launch(number);
        self.wait_until_ready()?;
        load.finish();
        // What happened to be in flight at three crashes was set aside, to be looked at; nothing is wrong with it.
        let release = self
            .node
            .run(&["queue", "release", "--held", "--error", "three crashes"]);
        // 3 is the exit code of "nothing was found".
        if !release.status.success() && release.status.code() != Some(3) {
            return Err(format!("the held messages were not released: {release:?}"));
        }
        let mut progress = (Instant::now(), 0);
        while metric("sekisho_queue_messages") != Some(0) {
            let arrivals = self.ledger.arrivals();
            if arrivals != progress.1 {
                progress = (Instant::now(), arrivals);
            }
            if progress.0.elapsed() > self.patience {
                let left = self.node.run(&["queue", "list"]);
                let left = String::from_utf8_lossy(&left.stdout);
                return Err(format!(
                    "the queue does not become empty\n{left}\n{}",
                    self.node.last_words()
                ));
            }
            thread::sleep(10 * PAUSE);
        }
        self.node.end_well()
    }
}

/// The number of the life is in the name that EHLO gives, so that a peer knows in whose hands a message was.
fn configuration(life: usize, data: &Path) -> String {
    format!(
        r#"
[node]
hostname = "node.example"
data-folder = "{data}"

[[listener]]
name = "default"
address = "{SMTP}"
relay-from = ["127.0.0.0/8"]

[local]
domains = ["here.example"]
users = ["box", "aliased"]
aliases = {{ both = ["aliased", "alias@strict.example"] }}

[delivery]
ehlo-name = "{LIFE}{life}.example"
connections = 4
retry = ["1s"]

[[route]]
name = "tls"
domains = ["tls.example"]
via = ["{tls}"]

[[route]]
name = "strict"
domains = ["strict.example"]
via = ["{strict}"]
require = "encryption"

[[route]]
name = "rest"
domains = ["*"]
via = ["{plain}"]
"#,
        data = data.display(),
        tls = Sinks::tls(),
        strict = Sinks::strict(),
        plain = Sinks::plain(),
    )
}
