//! What goes into the queue, what is leased from it, and how it is settled.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    str::FromStr,
    sync::Arc,
};

use sekisho_mail::{
    ArrivalShadow, ChannelSecurity, Domain, DomainError, Envelope, Evidence, Handling, Host, MessageId,
    OrganizationName, OrganizationNameError, Outcome, Recipient, ReversePath, Timestamp,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Body, Draft, budget::Reservation};

/// The key by which the queue is ordered: what stands right of the recipient's `@`, who answers for its way, and what
/// is settled about that already, so that a fault in one organization's way to a domain, or in one of several that it
/// has, puts nothing else off. Which next hop it is sent to is decided anew at each attempt.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Destination {
    host: Host,
    organization: OrganizationName,
    lane: Lane,
}

/// What is settled about the way before the destination is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Nothing.
    #[default]
    Common,
    /// It came from a server of the organization that answers for it, to which it is not sent back.
    Own,
    /// A rule chose the outbound connector of this name.
    Connector(Arc<str>),
    /// A rule keeps it from everybody: its senders are told, and nothing is sent. It waits for nothing.
    Refused,
}

impl Lane {
    /// That of a recipient.
    #[must_use]
    pub fn of(recipient: &Recipient) -> Self {
        if recipient.refused.is_some() {
            return Self::Refused;
        }
        match recipient.handling.as_deref() {
            Some(Handling { way: Some(way), .. }) => Self::Connector(Arc::clone(&way.connector)),
            Some(Handling {
                own_server: Some(_), ..
            }) => Self::Own,
            Some(_) | None => Self::Common,
        }
    }
}

impl Destination {
    /// The destination of everything of the first organization that is addressed to `host`.
    #[must_use]
    pub const fn new(host: Host) -> Self {
        Self::of(OrganizationName::FIRST, host)
    }

    /// The destination of everything that `organization` answers for and that is addressed to `host`.
    #[must_use]
    pub const fn of(organization: OrganizationName, host: Host) -> Self {
        Self {
            host,
            organization,
            lane: Lane::Common,
        }
    }

    /// Where a recipient's message goes.
    #[must_use]
    pub fn of_recipient(recipient: &Recipient) -> Self {
        let whole = Self::of(recipient.organization.clone(), recipient.mailbox.host().clone());
        whole.on(Lane::of(recipient))
    }

    /// The same, with this settled about the way.
    #[must_use]
    pub fn on(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// What is settled about the way.
    #[must_use]
    pub const fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Whether a rule keeps what is for it from everybody: its senders are told, and nothing is sent.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.lane, Lane::Refused)
    }

    /// The host that names it.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Whose mail it is.
    #[must_use]
    pub const fn organization(&self) -> &OrganizationName {
        &self.organization
    }

    /// Its domain, when it is one and no address literal.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        self.host.domain()
    }
}

/// What stands before the destination of what a rule refuses.
const REFUSED: char = '!';
/// What stands before the destination of what an organization's own server brought.
const OWN: char = '^';

/// `example.org`; of another organization than the first `acme/example.org`; of what a rule refuses
/// `!acme/example.org`, of what the organization's own servers brought `^acme/example.org`, and by the connector that a
/// rule chose `(gateway) acme/example.org`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lane {
            Lane::Common => {}
            Lane::Own => f.write_char(OWN)?,
            Lane::Connector(name) => write!(f, "({name}) ")?,
            Lane::Refused => f.write_char(REFUSED)?,
        }
        if !self.organization.is_first() {
            write!(f, "{}/", self.organization)?;
        }
        self.host.fmt(f)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl TryFrom<String> for Destination {
    type Error = DestinationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// What stands before the slash.
    #[error(transparent)]
    Organization(#[from] OrganizationNameError),
    /// What stands behind it, or all of it.
    #[error(transparent)]
    Host(#[from] DomainError),
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (lane, text) = split_lane(text);
        let (organization, host) = match text.split_once('/') {
            Some((organization, host)) => (organization.parse()?, host),
            None => (OrganizationName::FIRST, text),
        };
        Ok(Self::of(organization, host.parse()?).on(lane))
    }
}

/// A connector's name may hold anything, brackets too; what follows it does not.
fn split_lane(text: &str) -> (Lane, &str) {
    if let Some((name, rest)) = text.strip_prefix('(').and_then(|rest| rest.rsplit_once(") ")) {
        return (Lane::Connector(name.into()), rest);
    }
    for (mark, lane) in [(REFUSED, Lane::Refused), (OWN, Lane::Own)] {
        if let Some(rest) = text.strip_prefix(mark) {
            return (lane, rest);
        }
    }
    (Lane::Common, text)
}

/// How and from whom a message came: kept with the queue row, moved to the trace with the first settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// When its last octet was read.
    pub at: Timestamp,
    /// The name of the listener, `dsn` for our own notifications, `send` for the command.
    pub listener: String,
    /// The client's address; `None` for what this server made itself.
    pub peer: Option<SocketAddr>,
    /// The name that EHLO or HELO gave; the client's text.
    pub helo: String,
    /// Plaintext or TLS, with the client's certificate in it.
    pub security: ChannelSecurity,
    /// The version of the directory that it was judged by; 0 before the first change.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub directory: u64,
    /// Which right let it in: `local recipient`, `relay: loopback`, `relay: 192.0.2.0/24` …
    pub admitted_by: String,
    /// Its Message-ID, when a header had one; the sender's text, at most 998 octets.
    pub message_id_header: Option<String>,
    /// What was changed or added, in order.
    pub alterations: Vec<Alteration>,
    /// What documents that are tried would have made of its recipients; bounded by whoever took it in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<ArrivalShadow>,
}

/// The first version of the directory needs no words.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One change to the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alteration {
    /// `received-added`, `line-ends-normalised` …
    pub kind: String,
    /// In words, with numbers.
    pub text: String,
}

/// A message that was read whole and is to be kept.
#[derive(Debug)]
pub struct Accepted {
    /// MAIL and RCPT.
    pub envelope: Envelope,
    /// How it came.
    pub arrival: Arrival,
}

/// What a commit gives back once everything is on stable storage.
#[derive(Debug)]
pub struct Commit {
    /// The queue id, for the 250 reply.
    pub id: MessageId,
    /// When the caller asked for it and the byte budget allowed: the message, leased, one lease per
    /// destination, body in memory where it was small. Otherwise empty, and the message is simply due.
    pub leases: Vec<Lease>,
}

/// A message to one destination, in the hands of one owner. Settled with [`crate::Store::settle`]; when it is dropped
/// unsettled, the message is due again as it was.
#[derive(Debug)]
pub struct Lease {
    /// Which message.
    pub id: MessageId,
    /// Where it is to go.
    pub destination: Destination,
    /// Shared parts of the envelope: `recipients` is empty here, see below.
    pub envelope: Arc<Envelope>,
    /// Those recipients of this destination that are still undone, in the order of the envelope.
    pub recipients: Vec<QueuedRecipient>,
    /// How it came.
    pub arrival: Arc<Arrival>,
    /// The content, without envelope.
    pub body: Body,
    /// What the operator wants instead of a delivery.
    pub directive: Option<Directive>,
    /// It was in flight at so many crashes that one more sets it aside: nothing like it is given out until its end is
    /// durable.
    pub suspect: bool,
    /// Gives the lease back when it is dropped.
    pub(crate) guard: Option<LeaseGuard>,
}

impl Lease {
    /// A lease that belongs to no store: for tests of what uses leases.
    #[must_use]
    pub fn detached(
        id: MessageId,
        destination: Destination,
        envelope: Arc<Envelope>,
        recipients: Vec<QueuedRecipient>,
        arrival: Arc<Arrival>,
        body: Body,
    ) -> Self {
        Self {
            id,
            destination,
            envelope,
            recipients,
            arrival,
            body,
            directive: None,
            suspect: false,
            guard: None,
        }
    }

    /// Where faults go.
    #[must_use]
    pub fn reverse_path(&self) -> &ReversePath {
        &self.envelope.reverse_path
    }
}

/// What a store gives out with a lease and wants back: either [`LeaseGuard::take`]n by `settle`, or given back on drop.
pub(crate) struct LeaseGuard(Option<Held>);

/// What the store knows of a lease.
pub(crate) struct Held {
    /// Whose it is.
    pub(crate) owner: Arc<dyn LeaseOwner>,
    /// The store's number of the destination.
    pub(crate) destination: i64,
    /// Which message.
    pub(crate) message: MessageId,
    /// What the first settlement hands on to the trace.
    pub(crate) documents: Arc<Documents>,
    /// What they say.
    pub(crate) envelope: Arc<Envelope>,
    /// Likewise.
    pub(crate) arrival: Arc<Arrival>,
    /// The places in the envelope of those that were leased, which are all that the delivery has.
    pub(crate) recipients: Vec<u32>,
    /// The checksum of what the row said of them, which is another once anybody has changed it.
    pub(crate) crc: u32,
    /// The body's share of memory.
    #[expect(dead_code, reason = "held for its drop, which gives the share back")]
    pub(crate) memory: Arc<Reservation>,
}

/// A message's documents as they stand in the queue, for the trace.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) size: u64,
    pub(crate) envelope: Vec<u8>,
    pub(crate) arrival: Vec<u8>,
}

/// Takes unsettled leases back.
pub(crate) trait LeaseOwner: Send + Sync {
    fn give_back(&self, message: MessageId, destination: i64);
}

impl LeaseGuard {
    pub(crate) const fn new(held: Held) -> Self {
        Self(Some(held))
    }

    pub(crate) fn take(mut self) -> Option<Held> {
        self.0.take()
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            held.owner.give_back(held.message, held.destination);
        }
    }
}

impl fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseGuard")
    }
}

/// A recipient as the queue knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRecipient {
    /// Its place in the envelope, from 0; stays the same for life.
    pub index: u32,
    /// Address, notifications asked for, demands carried.
    pub recipient: Recipient,
    /// How many attempts have ended.
    pub attempts: u32,
    /// Whether the sender was told of the delay.
    pub delay_notified: bool,
    /// Why the last attempt deferred it, in words.
    pub last_fault: Option<String>,
    /// Whether it waits for the operator: others of the delivery are tried without it, and when there are none, the
    /// delivery is held.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held: bool,
}

/// What is usual needs no words.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What the operator ordered for a message; whoever leases it next obeys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directive {
    /// Give up now and notify the sender, with the operator's words.
    Bounce(String),
}

/// The end of a lease: one result per leased recipient, and the notifications that follow from them.
#[derive(Debug, Default)]
pub struct Settlement {
    /// Exactly one for each recipient of the lease.
    pub results: Vec<RecipientResult>,
    /// Messages of our own (notifications) that enter the queue in the same transaction.
    pub notices: Vec<Notice>,
}

/// What came of one recipient.
#[derive(Debug)]
pub struct RecipientResult {
    /// [`QueuedRecipient::index`].
    pub index: u32,
    /// Delivered and bounced leave the queue; deferred stays until then.
    pub outcome: Outcome,
    /// Durable before the row is gone; `None` when nothing was attempted (a lease that is put back).
    pub evidence: Option<Evidence>,
    /// Set when the sender is told of the delay with this settlement.
    pub delay_notified: bool,
    /// Set with a deferred outcome: it waits for the operator ([`QueuedRecipient::held`]), whatever `until` says. With
    /// no evidence it is one that waits already, and stays as it was.
    pub hold: bool,
}

/// What was never in the queue, for the trace alone: a recipient that a rule kept out, or a message that tries a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// MAIL, and this RCPT.
    pub envelope: Envelope,
    /// How it came.
    pub arrival: Arrival,
    /// Octets of content; 0 where there was none.
    pub size: u64,
    /// What was decided and why; [`Evidence::message`] is filled in where it is 0.
    pub evidence: Evidence,
}

/// A message of our own.
#[derive(Debug)]
pub struct Notice {
    /// Its content, written whole.
    pub draft: Draft,
    /// Envelope and arrival facts.
    pub accepted: Accepted,
}

/// A destination with work to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDestination {
    /// Which.
    pub destination: Destination,
    /// The earliest instant at which one of its messages was or is due.
    pub earliest: Timestamp,
    /// Messages queued for it, due or not, held ones not counted.
    pub queued: u64,
}
