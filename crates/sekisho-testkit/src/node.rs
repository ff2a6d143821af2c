//! The real `sekisho` binary with a folder and a configuration of its own.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{foreign::maildir, wait};

/// Where an unconfigured server takes mail.
pub const SMTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2525);
/// Where an unconfigured server tells its health.
pub const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2580);

/// One server. Ports are the default ones: every test has a network of its own.
#[derive(Debug)]
pub struct Node {
    binary: PathBuf,
    folder: TempDir,
    environment: Vec<(String, OsString)>,
    /// Files that it may open, when that is not what we may.
    open_files: Option<u64>,
    running: Option<Child>,
}

/// How far a server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It runs and is not ready.
    Starting,
    /// It says that it is ready.
    Ready,
    /// It has ended by itself.
    Ended(ExitStatus),
}

impl Node {
    /// Prepares a folder with this `sekisho.toml`; nothing runs yet. An empty text makes no file at all.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>, configuration: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("node-")
            .tempdir()
            .expect("a temporary folder can be made");
        let node = Self {
            binary: binary.into(),
            folder,
            environment: Vec::new(),
            open_files: None,
            running: None,
        };
        if !configuration.is_empty() {
            node.configure(configuration);
        }
        node
    }

    /// As [`Self::new`], and started.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start(binary: impl Into<PathBuf>, configuration: &str) -> Self {
        let mut node = Self::new(binary, configuration);
        node.resume();
        node
    }

    /// Writes `sekisho.toml`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, text: &str) {
        self.write("sekisho.toml", text);
    }

    /// Writes a file beside the configuration, readable by its owner alone; answers with its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.folder.path().join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("a file can be written");
        path
    }

    /// Adds a variable to the environment in which the server is started from then on.
    pub fn set_environment(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Lets it open so many files and no more, from its next start on.
    pub fn set_open_files(&mut self, files: u64) {
        self.open_files = Some(files);
    }

    /// Takes files away from it while it runs: what it has open stays, and beyond `files` it opens nothing.
    ///
    /// # Panics
    /// When it does not run.
    pub fn limit_open_files(&self, files: u64) {
        let id = i32::try_from(self.process_id()).ok().and_then(Pid::from_raw);
        let limit = rustix::process::Rlimit {
            current: Some(files),
            maximum: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
        };
        let set = rustix::process::prlimit(id, rustix::process::Resource::Nofile, limit);
        set.expect("our child's limits are ours");
    }

    /// Where it runs and keeps everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, again if need be, and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it ends or does not become ready; shows its log.
    pub fn resume(&mut self) {
        self.launch();
        wait::until("the server to be ready", || self.is_ready().then_some(()));
    }

    /// As [`Self::resume`], without waiting for anything.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn launch(&mut self) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log can be written");
        let printed = log.try_clone().expect("a file can be opened twice");
        let child = self
            .command(&["serve"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(printed)
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        self.running = Some(child);
    }

    fn is_ready(&mut self) -> bool {
        let state = self.state();
        let ended = matches!(state, NodeState::Ended(_));
        assert!(!ended, "the server ended ({state:?})\n{}", self.log());
        state == NodeState::Ready
    }

    /// How far it has come.
    pub fn state(&mut self) -> NodeState {
        let ended = self.running.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if let Some(status) = ended {
            return NodeState::Ended(status);
        }
        let ready = http("/healthz/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"));
        if ready { NodeState::Ready } else { NodeState::Starting }
    }

    /// What it printed and logged, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        let octets = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.open_files {
            // It becomes the server: the process is the same.
            Some(files) if arguments == ["serve"] => {
                let mut command = Command::new("prlimit");
                command.arg(format!("--nofile={files}:{files}")).arg(&self.binary);
                command
            }
            _ => Command::new(&self.binary),
        };
        command.current_dir(self.folder.path()).args(arguments);
        // Who calls must not decide what is tested.
        command.env_remove("SEKISHO_CONFIG").env_remove("SEKISHO_DATA_FOLDER");
        command.env("USER", "inbox").env("NO_COLOR", "1");
        command
    }

    /// Runs another command of the binary beside the server.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts")
    }

    /// Runs a shell line in the node's folder, in which `$SEKISHO` is the binary.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn shell(&self, line: &str) -> Output {
        let mut command = Command::new("/bin/sh");
        command.current_dir(self.folder.path()).args(["-c", line]);
        command.env_remove("SEKISHO_CONFIG").env_remove("SEKISHO_DATA_FOLDER");
        command
            .env("SEKISHO", &self.binary)
            .env("USER", "inbox")
            .env_remove("NO_COLOR");
        command.stdin(Stdio::null()).output().expect("there is a shell")
    }

    /// As [`Self::run`], with this on its standard input.
    ///
    /// # Panics
    /// When it cannot be started or does not read.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut pipe = child.stdin.take().expect("its input is a pipe");
        pipe.write_all(input.as_bytes()).expect("it reads its input");
        drop(pipe);
        child.wait_with_output().expect("a child can be waited for")
    }

    /// Runs a command that answers in JSON, one value a line. An answer that nothing was found is no line.
    ///
    /// # Panics
    /// When a line is no JSON.
    pub fn json_lines(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{arguments:?}: {fault}: {line}"));
        let found: Vec<Value> = said.lines().map(parse).collect();
        // 3 is the exit code of "nothing was found".
        let fine = output.status.success() || (found.is_empty() && output.status.code() == Some(3));
        assert!(fine, "{arguments:?}: {}\n{said}\n{complaint}", output.status);
        found
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.running.take().expect("the server runs");
        child.kill().expect("our child can be killed");
        let _ = child.wait();
    }

    /// Asks it to finish and waits until it has.
    ///
    /// # Panics
    /// When it does not run.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// As [`Node::terminate`], where only a clean end will do.
    ///
    /// # Errors
    /// How else it ended, with the end of its log.
    pub fn end_well(&mut self) -> Result<(), String> {
        let status = self.terminate();
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server did not end well ({status})\n{}", self.last_words()))
        }
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.running.take().expect("the server runs");
        wait::until_or("the server to end", || child.try_wait().ok().flatten(), || self.log())
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.running.as_ref().expect("the server runs").id()
    }

    /// Octets of its resident memory, now and at the most so far.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id()));
        let status = status.expect("a process has a status");
        let kib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kib.expect("the kernel counts")
        };
        (kib("VmRSS:") * 1024, kib("VmHWM:") * 1024)
    }

    /// Processor time that it has used so far, over all of its threads.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process_id())).expect("a process has a stat");
        // The name stands in parentheses and may hold anything; utime and stime are the 12th and 13th field behind it.
        let (_, fields) = stat.rsplit_once(") ").expect("its name is in parentheses");
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        // USER_HZ is 100 on every platform that Debian runs on.
        Duration::from_millis(ticks * 10)
    }

    /// Descriptors that it has open.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn open_files(&self) -> usize {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.process_id()));
        entries.expect("its descriptors are listed").count()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, signal: Signal) {
        let child = self.running.as_ref().expect("the server runs");
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has an id"), signal).expect("our child takes signals");
    }

    /// Stops it in the middle of whatever it does, all of its threads: none runs after this call, and one that waits
    /// for the disk does not come back from there. It can only be killed then.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = PathBuf::from(format!("/proc/{}/task", self.process_id()));
        while !is_frozen(&threads) {
            std::thread::yield_now();
        }
    }

    /// Messages in the mailbox of a local user, whole, whatever the domain.
    #[must_use]
    pub fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let mut open = vec![self.folder.path().join("sekisho-data/mail")];
        let mut messages = Vec::new();
        while let Some(folder) = open.pop() {
            if folder.ends_with(user) && folder.join("new").is_dir() {
                messages.extend(maildir(&folder));
                continue;
            }
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        messages
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether each thread is stopped, or waits where no signal reaches it, or is gone.
fn is_frozen(threads: &Path) -> bool {
    let stands = |path: PathBuf| {
        let Ok(text) = fs::read_to_string(path.join("stat")) else {
            return true;
        };
        // The name stands in parentheses and may hold anything; the state follows it.
        let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_none_or(|state| "TDZX".contains(state))
    };
    let entries = fs::read_dir(threads).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).all(stands)
}

/// One request to the health port; `None` when nobody answers.
fn http(path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(HTTP).ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    reader.read_line(&mut answer).ok()?;
    reader.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// What the server says of its readiness, head and body.
///
/// # Panics
/// When it does not answer.
#[must_use]
pub fn readiness() -> String {
    http("/healthz/ready").expect("the server tells how it is")
}

/// The server's metrics in the text form of Prometheus.
///
/// # Panics
/// When it does not answer.
#[must_use]
pub fn metrics() -> String {
    http("/metrics").expect("the server tells its metrics")
}

/// The value of a metric without labels; `None` when nobody answers, or there is none of this name.
#[must_use]
pub fn metric(name: &str) -> Option<u64> {
    let text = http("/metrics")?;
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next()?.trim().parse().ok()
}
