//! The thread that writes the mail log, and the handle with which everybody records.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use thiserror::Error;

use super::{Entry, LineFormat, fields::Fields};
use crate::clock;

/// Lines that may wait for the writer; at 300 octets each this is about 5 MiB.
const LINES_WAITING_MAX: usize = 16_384;
/// How long lines collect before they are written: a busy server would otherwise wake the writer for each of them,
/// which costs more than the line.
const COLLECTING: Duration = Duration::from_millis(10);
/// Octets written at once at most.
const WRITE_LEN: usize = 64 * 1024;

/// Where the mail log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailLogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Standard error, among the program's own log.
    Stderr,
    /// Appended to this file, made with mode 0600, opened anew by [`MailLog::reopen`].
    File(PathBuf),
}

/// Why the mail log cannot be written.
#[derive(Debug, Error)]
#[error("the mail log {path} cannot be opened: {source}")]
pub struct OpenMailLogError {
    /// Which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Records entries; cheap to clone.
#[derive(Clone)]
pub struct MailLog(Option<Arc<Inner>>);

struct Inner {
    format: LineFormat,
    orders: SyncSender<Job>,
    dropped: AtomicU64,
}

enum Job {
    Line(String),
    Reopen,
    Flush(SyncSender<()>),
}

impl MailLog {
    /// Records nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Opens the target and starts the thread that writes to it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(target: MailLogTarget, format: LineFormat) -> Result<Self, OpenMailLogError> {
        let sink: Box<dyn Write + Send> = match &target {
            MailLogTarget::Off => return Ok(Self::off()),
            MailLogTarget::Stdout => Box::new(io::BufWriter::with_capacity(WRITE_LEN, io::stdout())),
            MailLogTarget::Stderr => Box::new(io::BufWriter::with_capacity(WRITE_LEN, io::stderr())),
            MailLogTarget::File(path) => Box::new(open_file(path)?),
        };
        Ok(Self::start(sink, target, format))
    }

    /// Writes to `sink`: for tests, which read there what was recorded once [`MailLog::flush`] has returned.
    #[must_use]
    pub fn to_writer(sink: Box<dyn Write + Send>, format: LineFormat) -> Self {
        Self::start(sink, MailLogTarget::Off, format)
    }

    fn start(sink: Box<dyn Write + Send>, target: MailLogTarget, format: LineFormat) -> Self {
        let (orders, received) = sync_channel(LINES_WAITING_MAX);
        let inner = Arc::new(Inner {
            format,
            orders,
            dropped: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&inner);
        let dropped = move || {
            weak.upgrade()
                .map_or(0, |inner| inner.dropped.swap(0, Ordering::Relaxed))
        };
        let spawned = thread::Builder::new().name("mail-log".to_owned()).spawn(move || {
            Writer {
                sink,
                target,
                format,
                failing: false,
            }
            .run(&received, dropped);
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the mail log's thread cannot be started; nothing is recorded");
        }
        Self(Some(inner))
    }

    /// Records an entry with the time of now. Never blocks: when the writer is too far behind, the line is dropped and
    /// counted, and the next line that can be written is followed by one that says how many are missing.
    pub fn record(&self, entry: Entry<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut fields = Fields::new(inner.format, clock::now());
        entry.write(&mut fields);
        match inner.orders.try_send(Job::Line(fields.finish())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                inner.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Opens the file again, as after it was renamed by a program that rotates logs.
    pub fn reopen(&self) {
        if let Some(inner) = &self.0 {
            // Blocks only while the writer is far behind; called by the reload alone.
            let _ = inner.orders.send(Job::Reopen);
        }
    }

    /// Waits until everything recorded so far is written. Blocks: for the end of the program and for tests.
    pub fn flush(&self) {
        let Some(inner) = &self.0 else { return };
        let (done, wait) = sync_channel(1);
        if inner.orders.send(Job::Flush(done)).is_ok() {
            // An error means that the writer has ended, and then there is nothing to wait for.
            let _ = wait.recv();
        }
    }
}

impl fmt::Debug for MailLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "MailLog(on)"
        } else {
            "MailLog(off)"
        })
    }
}

fn open_file(path: &PathBuf) -> Result<io::BufWriter<File>, OpenMailLogError> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let opened = opened.map(|file| io::BufWriter::with_capacity(WRITE_LEN, file));
    opened.map_err(|source| OpenMailLogError {
        path: path.clone(),
        source,
    })
}

struct Writer {
    sink: Box<dyn Write + Send>,
    target: MailLogTarget,
    format: LineFormat,
    failing: bool,
}

impl Writer {
    /// Writes until every handle is gone; flushes whenever nothing more waits.
    fn run(mut self, jobs: &Receiver<Job>, take_dropped: impl Fn() -> u64) {
        while let Ok(first) = jobs.recv() {
            let mut job = Ok(first);
            // While it is not waited for by `recv`, whoever records wakes nobody.
            if matches!(job, Ok(Job::Line(_))) {
                thread::sleep(COLLECTING);
            }
            while let Ok(now) = job {
                self.handle(now, &take_dropped);
                job = jobs.try_recv();
            }
            self.flush();
        }
    }

    fn handle(&mut self, job: Job, take_dropped: &impl Fn() -> u64) {
        match job {
            Job::Line(line) => {
                self.write(&line);
                self.write_dropped(take_dropped());
            }
            Job::Reopen => {
                if let MailLogTarget::File(path) = &self.target {
                    match open_file(path) {
                        Ok(file) => self.sink = Box::new(file),
                        Err(error) => tracing::error!(%error, "the old mail log stays open"),
                    }
                }
            }
            Job::Flush(done) => {
                self.flush();
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }

    fn write_dropped(&mut self, dropped: u64) {
        if dropped == 0 {
            return;
        }
        let mut fields = Fields::new(self.format, clock::now());
        fields.word("event", "lines-dropped");
        fields.number("lines", dropped);
        self.write(&fields.finish());
    }

    fn write(&mut self, line: &str) {
        if let Err(error) = self.sink.write_all(line.as_bytes()) {
            self.note(&error);
        }
    }

    /// Only here it is known that lines were written: until then they are in a buffer.
    fn flush(&mut self) {
        match self.sink.flush() {
            Ok(()) => self.failing = false,
            Err(error) => self.note(&error),
        }
    }

    /// A full disk is said once when it begins, not once a line.
    fn note(&mut self, error: &io::Error) {
        if !self.failing {
            tracing::error!(%error, "the mail log cannot be written");
        }
        self.failing = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use sekisho_mail::{Mailbox, MessageId};

    use super::*;
    use crate::telemetry::maillog::{NoticeKind, Order, Scope};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LineFormat, entry: Entry<'_>) -> String {
        let shared = Shared::default();
        let log = MailLog::to_writer(Box::new(shared.clone()), format);
        log.record(entry);
        log.flush();
        let octets = shared.0.lock().unwrap().clone();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_text_line_is_the_time_and_then_keys_with_values() {
        let order = Order::Bounce("say \"no\"\nid=forged");
        let scope = Scope::Message(MessageId::from_u64(1));
        let line = written(
            LineFormat::Text,
            Entry::Ordered {
                scope,
                order,
                by: "uid 0",
            },
        );
        let (_, fields) = line.split_once(' ').unwrap();
        assert_eq!(
            fields,
            "event=bounce-ordered id=0000000000001 why=\"say \\\"no\\\"\\nid=forged\" by=\"uid 0\"\n"
        );
    }

    #[test]
    fn a_json_line_has_the_same_values() {
        let to = Mailbox::parse("a@example.org").unwrap();
        let (id, about) = (MessageId::from_u64(2), MessageId::from_u64(1));
        let line = written(
            LineFormat::Json,
            Entry::Notified {
                id,
                about,
                kind: NoticeKind::Delay,
                to: &to,
            },
        );
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "notified");
        assert_eq!(value["id"], "0000000000002");
        assert_eq!(value["about"], "0000000000001");
        assert_eq!(
            (&value["kind"], &value["to"]),
            (&"delay".into(), &"a@example.org".into())
        );
        assert_eq!(line.matches('\n').count(), 1);
    }
}
