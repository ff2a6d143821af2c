//! What a listener is told: plain parsed values; `config/` builds them.

use std::{fmt, net::SocketAddr, time::Duration};

use sekisho_policy::inbound::{Exposure, RelayFrom};
use sekisho_smtp::server::{BareLineEnds, LongLines, SessionLimits, SessionTimeouts};
use sekisho_store::{Pressure, Soundness};
use sekisho_tls::ServerTlsSettings;

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name in logs, metrics and the trace; a socket that systemd passes under this name is used instead of
    /// `address`.
    pub name: String,
    /// Where to listen; port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// How the conversation begins.
    pub mode: ListenerMode,
    /// How clients reach it.
    pub exposure: Exposure,
    /// Who may relay; `None` leaves it to the listener's place.
    pub relay_from: Option<RelayFrom>,
    /// What to do with a bare CR or LF in content.
    pub bare_line_ends: BareLineEnds,
    /// What to do with long lines.
    pub long_lines: LongLines,
    /// What TLS is to be like.
    pub tls: ServerTlsSettings,
    /// How long a client that must not speak before our greeting is listened to before it is greeted.
    pub greeting_delay: Duration,
    /// How many connections.
    pub connections: ConnectionLimits,
    /// How much in one session.
    pub session: SessionLimits,
    /// How long.
    pub timeouts: SessionTimeouts,
}

/// How the conversation on a listener begins. Proxied connections, LMTP and submission will be further modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerMode {
    /// In the clear, STARTTLS offered (RFC 3207).
    #[default]
    Smtp,
    /// Under TLS from the first octet (RFC 8314 §3).
    ImplicitTls,
}

/// How many connections a listener serves at a time. Clients that may relay by their address are counted in the totals
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub total: u32,
    /// From one address; a /64 of IPv6 counts as one.
    pub per_address: u32,
    /// From one network: a /24 of IPv4, a /48 of IPv6.
    pub per_network: u32,
    /// In their TLS handshake. While more than half of them are, one address may have an eighth and one network a
    /// quarter of this.
    pub handshakes: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 1000,
            per_address: 50,
            per_network: 200,
            handshakes: 200,
        }
    }
}

/// What holds for all listeners together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundLimits {
    /// Connections over all listeners.
    pub connections: u32,
    /// `Received` fields that a message may have before it is taken for a loop (RFC 5321 §6.3: at least 100).
    pub hops: u32,
    /// New mail is put off when fewer octets than this are free on the data folder's file system.
    pub free_octets_min: u64,
    /// Likewise with inodes.
    pub free_inodes_min: u64,
    /// New mail is put off while drafts and leased bodies hold more octets of memory than this.
    pub memory_octets_max: u64,
    /// New mail is put off while more messages than this are queued.
    pub queued_max: u64,
    /// How long transactions in flight may take to finish once the server is told to stop.
    pub drain: Duration,
}

impl Default for InboundLimits {
    fn default() -> Self {
        Self {
            connections: 4000,
            hops: 100,
            free_octets_min: 256 * 1024 * 1024,
            free_inodes_min: 4096,
            memory_octets_max: 512 * 1024 * 1024,
            queued_max: 10_000_000,
            drain: Duration::from_secs(30),
        }
    }
}

/// What new mail has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// The store has failed and is being reopened.
    Failed,
    /// The look at the store's pages that follows an error.
    Check,
    /// The operator: a page of the store is damaged.
    Recovery,
    /// Room on the data folder's file system.
    Disk,
    /// Inodes there.
    Inodes,
    /// Memory for messages.
    Memory,
    /// The queue is as long as it may be.
    QueueLength,
}

impl InboundLimits {
    /// Whether new mail has to wait; `announced_octets` is what the next message will need on the disk.
    #[must_use]
    pub const fn shortage(&self, pressure: Pressure, announced_octets: u64) -> Option<Shortage> {
        // First, since waiting helps against anything else.
        if matches!(pressure.soundness, Soundness::Damaged) {
            Some(Shortage::Recovery)
        } else if pressure.failed {
            Some(Shortage::Failed)
        } else if matches!(pressure.soundness, Soundness::Unchecked) {
            Some(Shortage::Check)
        } else if pressure.free_octets < self.free_octets_min.saturating_add(announced_octets) {
            Some(Shortage::Disk)
        } else if pressure.free_inodes < self.free_inodes_min {
            Some(Shortage::Inodes)
        } else if pressure.memory_octets > self.memory_octets_max {
            Some(Shortage::Memory)
        } else if pressure.queued >= self.queued_max {
            Some(Shortage::QueueLength)
        } else {
            None
        }
    }
}

/// For the operator: what is short, and which setting says how much there must be.
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the store has failed and is being reopened",
            Self::Check => "new mail is put off: the store failed, and its pages are being checked",
            Self::Recovery => {
                "new mail is put off: the queue's database is damaged; stop the server and run `sekisho store recover`"
            }
            Self::Disk => "new mail is put off: less room on the disk than limits.free-space",
            Self::Inodes => "new mail is put off: fewer free inodes than limits.free-inodes",
            Self::Memory => "new mail is put off: messages in memory take more than limits.memory",
            Self::QueueLength => "new mail is put off: the queue is longer than limits.queue-length",
        })
    }
}
