//! Floods: so much of one thing, over and over, that whatever is not bounded shows. A session that the server ends, as
//! it should, is followed by the next until the volume is reached; one at a time, so that what shows is the volume's.
//!
//! What is measured is the server's: memory that it gained at the most, processor time, and how much of a session it
//! let come before it ended it.

mod client;
mod host;

use std::{
    fs, io,
    time::{Duration, Instant},
};

pub use host::{HOST, route};

use crate::{node::Node, wait};

/// Before the measuring come rounds of one part in so many of the full volume, or of all that is asked for, until one
/// brings nothing more, ...
const WARM_UP_PARTS: u64 = 10;
/// ... and at most so many: caches and arenas fill once, though not all of them in the first round.
const WARM_UP_ROUNDS_MAX: u32 = 6;
/// Whoever grows by less in a round has what it needs.
const WARM_GROWTH_OCTETS: u64 = 128 * 1024;
/// What the memory may grow by at the most.
pub const GROWTH_MAX_OCTETS: u64 = 1024 * 1024;
/// How long a server may take for what has come already.
const SETTLING: Duration = Duration::from_secs(30);

/// What is sent without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// A command without its line end.
    Command,
    /// Content without a line end.
    Content,
    /// BDAT with one octet.
    Chunks,
    /// NOOP.
    Noop,
    /// RSET.
    Reset,
    /// RCPT, all for the same mailbox.
    Recipients,
    /// NOOP whose replies are not read.
    Unread,
    /// Fragments of one handshake message.
    Fragments,
    /// Handshakes that are begun and left.
    Handshakes,
    /// From a host to which mail goes: lines of one reply.
    ReplyLines,
    /// From there: a line of a reply that has no end.
    ReplyLine,
}

/// A volume in the flood's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// How many.
    pub count: u64,
    /// Of what.
    pub unit: &'static str,
}

impl Flood {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Command,
        Self::Content,
        Self::Chunks,
        Self::Noop,
        Self::Reset,
        Self::Recipients,
        Self::Unread,
        Self::Fragments,
        Self::Handshakes,
        Self::ReplyLines,
        Self::ReplyLine,
    ];

    /// For people, and for the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Content => "content",
            Self::Chunks => "chunks",
            Self::Noop => "noop",
            Self::Reset => "rset",
            Self::Recipients => "rcpt",
            Self::Unread => "unread",
            Self::Fragments => "fragments",
            Self::Handshakes => "handshakes",
            Self::ReplyLines => "reply-lines",
            Self::ReplyLine => "reply-line",
        }
    }

    /// The volume that has to leave no trace in memory.
    #[must_use]
    pub const fn full(self) -> Volume {
        const GIB: u64 = 1024 * 1024 * 1024;
        match self {
            Self::Command | Self::Content => octets(10 * GIB),
            Self::Chunks => count(10_000_000, "BDAT"),
            Self::Noop => count(1_000_000, "NOOP"),
            Self::Reset => count(1_000_000, "RSET"),
            Self::Recipients => count(1_000_000, "RCPT"),
            Self::Unread => count(1_000_000, "NOOP"),
            Self::Fragments => octets(GIB),
            Self::Handshakes => count(20_000, "handshakes"),
            Self::ReplyLines => count(1_000_000, "lines"),
            Self::ReplyLine => octets(64 * 1024 * 1024),
        }
    }

    /// Octets of one session that may leave the client before the server has ended it: what the limits of the protocol
    /// and of the listener let come, and what the kernel holds on both sides. Of content that is the largest message
    /// by default, and as much and a quarter again while its end is looked for.
    #[must_use]
    pub const fn session_octets_max(self) -> u64 {
        const KERNEL: u64 = 16 * 1024 * 1024;
        match self {
            Self::Content => 9 * (50 * 1024 * 1024) / 4 + KERNEL,
            _ => KERNEL,
        }
    }

    const fn is_of_a_host(self) -> bool {
        matches!(self, Self::ReplyLines | Self::ReplyLine)
    }

    /// Lets it loose on a node that takes mail for `inbox@here.example` and relays to [`HOST`].
    ///
    /// # Errors
    /// When a session ends otherwise than by the server's own will.
    ///
    /// # Panics
    /// When the node does not run, or is not done with it in the end.
    pub fn run(self, node: &Node, count: u64) -> io::Result<Report> {
        self.warm_up(node, count.min(self.full().count / WARM_UP_PARTS))?;
        let (before, _) = node.memory();
        forget_peak(node)?;
        let (cpu, began) = (node.cpu_time(), Instant::now());
        let poured = self.pour(count)?;
        settle(node);
        let (_, peak) = node.memory();
        Ok(Report {
            flood: self,
            poured,
            growth: peak.saturating_sub(before),
            cpu: node.cpu_time() - cpu,
            took: began.elapsed(),
        })
    }

    fn warm_up(self, node: &Node, count: u64) -> io::Result<()> {
        for _ in 0..WARM_UP_ROUNDS_MAX {
            let (before, _) = node.memory();
            forget_peak(node)?;
            self.pour(count)?;
            settle(node);
            let (_, peak) = node.memory();
            if peak.saturating_sub(before) < WARM_GROWTH_OCTETS {
                break;
            }
        }
        Ok(())
    }

    fn pour(self, count: u64) -> io::Result<Poured> {
        if self.is_of_a_host() {
            return host::pour(self, count);
        }
        let mut all = Poured::default();
        while all.count < count {
            all.add(client::pour(self, count - all.count)?);
        }
        Ok(all)
    }
}

const fn octets(count: u64) -> Volume {
    Volume { count, unit: "octets" }
}

const fn count(count: u64, unit: &'static str) -> Volume {
    Volume { count, unit }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Poured {
    /// In the flood's unit.
    pub count: u64,
    /// Sessions, or attempts of a delivery.
    pub sessions: u64,
    /// Octets of the session that had most.
    pub session_octets: u64,
}

impl Poured {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sessions += other.sessions;
        self.session_octets = self.session_octets.max(other.session_octets);
    }
}

/// What became of a flood.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Which.
    pub flood: Flood,
    /// How much.
    pub poured: Poured,
    /// Octets of resident memory more than before, at the most.
    pub growth: u64,
    /// Processor time of the server.
    pub cpu: Duration,
    /// By the clock on the wall.
    pub took: Duration,
}

impl Report {
    /// What was broken; nothing when all is well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let name = self.flood.name();
        if self.growth >= GROWTH_MAX_OCTETS {
            complaints.push(format!("{name}: the memory grew by {} octets", self.growth));
        }
        if self.poured.session_octets > self.flood.session_octets_max() {
            let octets = self.poured.session_octets;
            complaints.push(format!("{name}: {octets} octets came before the session was ended"));
        }
        complaints
    }
}

/// Waits until nobody is inside any more.
fn settle(node: &Node) {
    let quiet = || (crate::node::metric("sekisho_inbound_connections_open") == Some(0)).then_some(());
    wait::until_within(SETTLING, "everybody to be gone", quiet, || node.log());
}

/// The largest memory so far counts from here (proc(5), `clear_refs`).
fn forget_peak(node: &Node) -> io::Result<()> {
    fs::write(format!("/proc/{}/clear_refs", node.process_id()), "5")
}
