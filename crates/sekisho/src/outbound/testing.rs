//! A queue in memory and the services around it, for the tests of this folder.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use sekisho_mail::{
    AnchorSetId, BodyKind, ChannelSecurity, Demand, Domain, Envelope, Evidence, Host, Mailbox, MessageId, Outcome,
    PlaintextCause, Recipient, ReversePath, Timestamp,
};
use sekisho_store::{
    Accepted, ActionReport, Arrival, Body, Commit, Destination, DirectoryChange, DirectoryState, DirectoryVersion,
    Draft, DueDestination, Lease, MessageDetail, Observation, ObservationKind, Pressure, QueueFilter, QueuedRecipient,
    QueuedRow, RefusedRecipient, Selection, Settlement, ShapeRow, Store, StoreError, Ticket, TraceFilter, TraceItem,
};
use sekisho_tls::{AnchorSet, TlsClient, Verifier};

use super::{Configured, NextHopHost, OutboundMetrics, OutboundSettings, RouteSettings, Services, Via};
use crate::{
    clock,
    dns::fake::FakeDns,
    local::{Directory, LocalSettings},
    notify::NotifySettings,
    revocation::RevocationLookup,
    shadow::Tally,
    telemetry::maillog::MailLog,
};

/// A queued message of the fake store.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) id: MessageId,
    pub(super) destination: Destination,
    pub(super) envelope: Arc<Envelope>,
    pub(super) arrived: Timestamp,
    pub(super) due: Timestamp,
    pub(super) attempts: u32,
    pub(super) content: Bytes,
}

impl Queued {
    pub(super) fn new(serial: u32, to: &[&str]) -> Self {
        let recipients: Vec<Recipient> = to
            .iter()
            .map(|to| Recipient::new(Mailbox::parse(to).unwrap()))
            .collect();
        let now = clock::now();
        Self {
            id: MessageId::new(now, serial),
            destination: Destination::new(recipients[0].mailbox.host().clone()),
            // Notifications are another test's affair: nobody is told of a message without a return path.
            envelope: Arc::new(Envelope {
                reverse_path: ReversePath::Null,
                body: BodyKind::SevenBit,
                ret: None,
                envid: None,
                recipients,
            }),
            arrived: now,
            due: now,
            attempts: 0,
            content: Bytes::from_static(b"Subject: secret-subject\r\n\r\nsecret-content\r\n"),
        }
    }

    pub(super) fn carrying(mut self, demand: &Demand) -> Self {
        let envelope = Arc::make_mut(&mut self.envelope);
        for recipient in &mut envelope.recipients {
            recipient.carried.push(demand.clone());
        }
        self
    }

    pub(super) fn lease(&self) -> Lease {
        let recipients = self
            .envelope
            .recipients
            .iter()
            .enumerate()
            .map(|(index, recipient)| QueuedRecipient {
                index: u32::try_from(index).unwrap(),
                recipient: recipient.clone(),
                attempts: self.attempts,
                delay_notified: false,
                last_fault: None,
                held: false,
            });
        let arrival = Arrival {
            at: self.arrived,
            listener: "test".to_owned(),
            peer: None,
            helo: String::new(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory: 0,
            admitted_by: "test".to_owned(),
            message_id_header: None,
            alterations: Vec::new(),
            shadow: Vec::new(),
        };
        Lease::detached(
            self.id,
            self.destination.clone(),
            self.envelope.clone(),
            recipients.collect(),
            Arc::new(arrival),
            Body::Memory(self.content.clone()),
        )
    }
}

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) queue: Vec<Queued>,
    leased: Vec<(Queued, Weak<Arrival>)>,
    pub(super) settled: Vec<(MessageId, Vec<Outcome>)>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) backed_off: HashMap<Destination, Timestamp>,
}

impl Books {
    /// What was leased and dropped unsettled is due again.
    fn take_back(&mut self) {
        let (held, dropped) = std::mem::take(&mut self.leased)
            .into_iter()
            .partition(|(_, lease): &(Queued, Weak<Arrival>)| lease.strong_count() > 0);
        self.leased = held;
        self.queue.extend(dropped.into_iter().map(|(queued, _)| queued));
    }
}

/// A queue in memory. Deferred messages stay in it with their new time.
#[derive(Debug, Default)]
pub(super) struct FakeStore {
    books: Mutex<Books>,
    /// Told at each settlement.
    pub(super) settled: tokio::sync::Notify,
}

impl FakeStore {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none<T>() -> Ticket<T> {
    Ticket::ready(Err(StoreError::Stopped))
}

impl Store for FakeStore {
    fn begin(&self, _now: Timestamp) -> Result<Draft, StoreError> {
        Err(StoreError::Stopped)
    }

    fn commit(&self, _draft: Draft, _accepted: Accepted, _lease: bool) -> Ticket<Commit> {
        none()
    }

    fn trace_refusal(&self, _refused: RefusedRecipient) -> MessageId {
        MessageId::from_u64(0)
    }

    fn due(&self, now: Timestamp, limit: usize, passed_over: HashSet<Destination>) -> Ticket<Vec<DueDestination>> {
        let mut books = self.books();
        books.take_back();
        let mut due: Vec<DueDestination> = Vec::new();
        for queued in books.queue.iter().filter(|queued| queued.due <= now) {
            let off = books
                .backed_off
                .get(&queued.destination)
                .is_some_and(|until| now < *until);
            let known = passed_over.contains(&queued.destination);
            if !off && !known && !due.iter().any(|due| due.destination == queued.destination) {
                due.push(DueDestination {
                    destination: queued.destination.clone(),
                    earliest: queued.due,
                    queued: 1,
                });
            }
        }
        due.truncate(limit);
        Ticket::ready(Ok(due))
    }

    fn next_due(&self, now: Timestamp) -> Ticket<Option<Timestamp>> {
        let due = self
            .books()
            .queue
            .iter()
            .map(|queued| queued.due)
            .filter(|due| *due > now)
            .min();
        Ticket::ready(Ok(due))
    }

    fn lease(&self, destination: &Destination, now: Timestamp, limit: usize) -> Ticket<Vec<Lease>> {
        let mut books = self.books();
        books.take_back();
        let mut leases = Vec::new();
        let (due, rest): (Vec<Queued>, Vec<Queued>) = std::mem::take(&mut books.queue)
            .into_iter()
            .partition(|queued| queued.destination == *destination && queued.due <= now);
        books.queue = rest;
        for queued in due {
            if leases.len() < limit {
                let lease = queued.lease();
                books.leased.push((queued, Arc::downgrade(&lease.arrival)));
                leases.push(lease);
            } else {
                books.queue.push(queued);
            }
        }
        Ticket::ready(Ok(leases))
    }

    fn lease_aged(&self, _: &Destination, _: Timestamp, _: Timestamp, _: usize) -> Ticket<Vec<Lease>> {
        // Nothing here grows old.
        Ticket::ready(Ok(Vec::new()))
    }

    fn settle(&self, lease: Lease, settlement: Settlement) -> Ticket<()> {
        let mut books = self.books();
        let until = settlement.results.iter().find_map(|result| match result.outcome {
            Outcome::Deferred { until, .. } => Some(until),
            _ => None,
        });
        if let Some(place) = books.leased.iter().position(|(queued, _)| queued.id == lease.id) {
            let (mut queued, _) = books.leased.remove(place);
            if let Some(until) = until {
                queued.due = until;
                queued.attempts += 1;
                books.queue.push(queued);
            }
        }
        let mut outcomes = Vec::new();
        for result in settlement.results {
            outcomes.push(result.outcome);
            books.evidence.extend(result.evidence);
        }
        books.settled.push((lease.id, outcomes));
        self.settled.notify_one();
        Ticket::ready(Ok(()))
    }

    fn back_off(&self, destination: &Destination, until: Timestamp, _why: &str) -> Ticket<()> {
        self.books().backed_off.insert(destination.clone(), until);
        Ticket::ready(Ok(()))
    }

    fn backed_off(&self, now: Timestamp, after: Option<Destination>, limit: usize) -> Ticket<Vec<Destination>> {
        let books = self.books();
        let off = books.backed_off.iter().filter(|(_, until)| **until > now);
        let mut off: Vec<Destination> = off.map(|(destination, _)| destination.clone()).collect();
        off.sort_by_key(Destination::to_string);
        off.retain(|one| after.as_ref().is_none_or(|after| one.to_string() > after.to_string()));
        off.truncate(limit);
        Ticket::ready(Ok(off))
    }

    fn list(&self, _: QueueFilter, _: Timestamp, _: Option<MessageId>, _: usize) -> Ticket<Vec<QueuedRow>> {
        none()
    }

    fn show(&self, _: MessageId) -> Ticket<MessageDetail> {
        none()
    }

    fn body(&self, _: MessageId) -> Ticket<Body> {
        none()
    }

    fn count(&self, _: QueueFilter, _: Timestamp) -> Ticket<u64> {
        none()
    }

    fn hold(&self, _: Selection, _: Timestamp) -> Ticket<ActionReport> {
        none()
    }

    fn release(&self, _: Selection, _: Timestamp) -> Ticket<ActionReport> {
        none()
    }

    fn retry(&self, _: Selection, _: Timestamp) -> Ticket<ActionReport> {
        none()
    }

    fn bounce(&self, _: Selection, _: &str, _: Timestamp) -> Ticket<ActionReport> {
        none()
    }

    fn redirect(&self, _: MessageId, _: Mailbox, _: Vec<Demand>, _: Timestamp) -> Ticket<ActionReport> {
        none()
    }

    fn shape(&self, _: Timestamp, _: usize) -> Ticket<Vec<ShapeRow>> {
        none()
    }

    fn trace(&self, _: TraceFilter) -> Ticket<Vec<TraceItem>> {
        none()
    }

    fn trim_trace(&self, _: Timestamp) -> Ticket<u64> {
        none()
    }

    fn remove_orphans(&self) -> Ticket<u64> {
        none()
    }

    fn directory(&self) -> Ticket<DirectoryState> {
        none()
    }

    fn change_directory(&self, _: DirectoryChange) -> Ticket<u64> {
        none()
    }

    fn directory_history(&self, _: usize) -> Ticket<Vec<DirectoryVersion>> {
        none()
    }

    fn directory_at(&self, _: u64) -> Ticket<DirectoryState> {
        none()
    }

    fn observe(&self, _: Vec<Observation>) -> Ticket<()> {
        none()
    }

    fn observations(&self, _: ObservationKind, _: &str, _: Option<String>, _: usize) -> Ticket<Vec<Observation>> {
        none()
    }

    fn forget_observations(&self, _: ObservationKind, _: Timestamp) -> Ticket<u64> {
        none()
    }

    fn pressure(&self) -> Pressure {
        Pressure::default()
    }

    fn stop(&self) -> Ticket<()> {
        none()
    }
}

/// The services around a fake store; `anchor` is trusted as the set `test`.
pub(super) fn services(store: &Arc<FakeStore>, dns: FakeDns, anchor: Option<&str>) -> Services {
    let mut sets = HashMap::new();
    if let Some(pem) = anchor {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchor.pem");
        std::fs::write(&path, pem).unwrap();
        sets.insert(AnchorSetId("test".to_owned()), AnchorSet::load(&path).unwrap());
    }
    Services {
        tally: Tally::default(),
        store: store.clone(),
        dns: Arc::new(dns),
        revocation: RevocationLookup::offline(Arc::new(Verifier::new(sets))),
        maillog: MailLog::off(),
        partners: Arc::default(),
        metrics: OutboundMetrics::default(),
    }
}

/// Everything goes to these next hops, in their order; nobody is local.
pub(crate) fn configured(hops: &[SocketAddr], change: impl FnOnce(&mut RouteSettings)) -> Configured {
    let hostname = Domain::parse("us.example").unwrap();
    let mut settings = OutboundSettings::new(hostname.clone());
    let hosts = hops.iter().map(|hop| NextHopHost {
        host: Host::parse("mx.peer.example").unwrap(),
        port: hop.port(),
    });
    let via = Via::Hosts(hosts.collect());
    let mut route = RouteSettings::new("test", vec![super::DomainPattern::Everything], via);
    change(&mut route);
    settings.routes.push(Arc::new(route));
    Configured {
        settings,
        directory: Arc::new(Directory::build(&LocalSettings::default()).unwrap()),
        organizations: Arc::default(),
        ways: HashMap::new(),
        notify: NotifySettings { hostname },
        tls: Arc::new(TlsClient::new(HashMap::new())),
        own_addresses: Vec::new(),
    }
}

/// DNS that knows the next hop of [`configured`].
pub(super) fn loopback_dns() -> FakeDns {
    FakeDns::default().with_ipv4("mx.peer.example", &[std::net::Ipv4Addr::LOCALHOST])
}
