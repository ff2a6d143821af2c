//! Who is tried when: reads what is due per destination, gives each its window of connections, and starts batches.
//!
//! Memory holds the active destinations, never the queue (law 8). A dead destination is backed off as a row; it costs
//! one batch per interval and keeps nobody else waiting.

use std::{
    collections::{HashMap, VecDeque},
    future::ready,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustix::process::{Resource, getrlimit};
use sekisho_mail::{Demand, Mailbox, OrganizationName};
use sekisho_store::{Destination, Lease, Ticket};
use tokio::{
    sync::{Notify, watch},
    task::Id,
    time::{Instant, sleep_until},
};
use tracing::Instrument;

use super::{
    Configured, OutboundLimits, Services, Shared,
    batch::{Report, Verdict, run_batch},
    memory::TlsMemory,
    places::Places,
    pool::Pool,
    recipients::Recipients,
    round::Round,
    way::address_itself,
    window::Window,
};
use crate::{app::Phase, chance::select, clock};

/// The queue is looked at this often at least, whatever the clocks say.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Idle connections are looked through this often.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Where something was expected and nothing given out, the queue is looked at again after this pause: what is withheld
/// for others of its kind comes free without anybody saying so.
const EMPTY_PAUSE: Duration = Duration::from_millis(250);
/// Batches beside those that may have a connection at work: they look names up or wait for hosts that are slow to
/// answer, the dial or a command. So many destinations that do not answer keep nobody waiting.
const DIALLING: usize = 4000;
/// Each of them has a socket: this share of the files that may be open is theirs at the most.
const FILES_PER_DIAL: u64 = 4;
/// Destinations whose messages are asked for at a time: the store gives them out together, between two groups.
const LEASES_AT_ONCE: usize = 32;
/// A look takes one part of the time in so many: with thousands of destinations at work, each look has to pass over all
/// of them.
const LOOK_SHARE: u32 = 20;
/// Back-offs that are looked through at a time after a reload.
const BACK_OFFS_AT_ONCE: usize = 1000;
/// The pause after the store did not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Outgoing mail as a whole; one for the process.
#[derive(Debug)]
pub struct Dispatcher {
    shared: Arc<Shared>,
    offered: Mutex<VecDeque<Lease>>,
    /// There are offers.
    offers: Notify,
    /// The queue is to be looked at.
    wake: Notify,
    /// What was in force when it was last seen to that nothing is backed off for a way that it has no longer.
    replaced: Mutex<Option<Arc<Configured>>>,
    /// Batches at a time that have no connection yet.
    dialling: usize,
}

impl Dispatcher {
    /// A dispatcher that rests until [`Dispatcher::run`].
    #[must_use]
    pub fn new(services: Services, configured: Configured) -> Arc<Self> {
        let limits = &configured.settings.limits;
        let memory = TlsMemory::new(limits.remembered, limits.broken_tls_memory);
        Arc::new(Self {
            shared: Arc::new(Shared {
                services,
                memory,
                pool: Pool::new(),
                places: Places::new(limits.connections),
                recipients: Recipients::new(limits.remembered),
                channel_ids: AtomicU64::new(1),
                configured: ArcSwap::from_pointee(configured),
            }),
            offered: Mutex::default(),
            offers: Notify::new(),
            wake: Notify::new(),
            replaced: Mutex::default(),
            dialling: dialling(),
        })
    }

    /// Takes messages that were just committed. Those that find no room in memory are simply due.
    pub fn offer(&self, leases: Vec<Lease>) {
        let most = self.shared.configured.load().settings.limits.offered_messages;
        let mut left_over = Vec::new();
        // A store that gave no lease with a commit has let a message become due.
        let mut is_due = leases.is_empty();
        {
            let mut offered = self.offered();
            for lease in leases {
                if offered.len() < most {
                    offered.push_back(lease);
                } else {
                    left_over.push(lease);
                }
            }
        }
        is_due |= !left_over.is_empty();
        // Dropped outside the lock: a lease that is given back calls the store.
        drop(left_over);
        if is_due {
            self.wake.notify_one();
        }
        self.offers.notify_one();
    }

    /// The demands on the way of whatever `organization` sends to `mailbox`: they travel along when it goes to another
    /// address instead.
    #[must_use]
    pub fn covering(&self, mailbox: &Mailbox, organization: &OrganizationName) -> Vec<Demand> {
        let destination = address_itself(mailbox, organization);
        self.shared.configured.load().way(&destination).carried_demands()
    }

    /// Something may be due: the operator released, retried or bounced.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Other settings from the next batch on. Connections that wait for work are closed, since what they were made
    /// under may have changed, and a destination that was found dead on another way is not backed off any more.
    pub fn reload(&self, configured: Configured) {
        let replaced = self.shared.configured.swap(Arc::new(configured));
        self.replaced
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(replaced);
        for link in self.shared.pool.take_expired(true) {
            tokio::spawn(link.close());
        }
        self.wake.notify_one();
    }

    /// Delivers until the phase says otherwise: draining finishes what is under way within the drain limit, stopping
    /// ends at once. Leases not settled by then go back.
    pub async fn run(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        let mut round = Round::default();
        let mut drain_until = None;
        loop {
            let now = *phase.borrow_and_update();
            let mut may_go_on = false;
            if now == Phase::Running {
                may_go_on = self.fill(&mut round).await;
            } else if drain_until.is_none() {
                let drain = self.shared.configured.load().settings.limits.drain;
                drain_until = Some(Instant::now() + drain);
                let unsent = std::mem::take(&mut *self.offered());
                drop(unsent);
            }
            let over = drain_until.is_some_and(|until| Instant::now() >= until);
            if now == Phase::Stopping || (drain_until.is_some() && round.jobs.is_empty()) || over {
                break;
            }
            let connections = self.shared.configured.load().settings.limits.connections;
            let until = drain_until
                .unwrap_or_else(|| round.look_at())
                .min(Instant::now() + SWEEP_EVERY);
            select! {
                ended = round.jobs.join_next_with_id(), if !round.jobs.is_empty() => self.handle_end(&mut round, ended),
                () = self.offers.notified(), if drain_until.is_none() => {}
                _ = self.shared.places.take(connections), if drain_until.is_none() && self.wants_place(&round) => {}
                () = self.wake.notified(), if drain_until.is_none() => {
                    self.lift_back_offs(&round);
                    // An order may have lifted what is remembered here; the store's rows know.
                    round.backed_off.clear();
                    round.look_soon();
                }
                changed = phase.changed() => if changed.is_err() { break },
                () = ready(()), if may_go_on => {}
                () = sleep_until(until) => {}
            }
            while let Some(ended) = round.jobs.try_join_next_with_id() {
                self.handle_end(&mut round, Some(ended));
            }
            for link in self.shared.pool.take_expired(false) {
                tokio::spawn(link.close());
            }
        }
        // What is still under way is dropped with the set; its leases go back.
        round.jobs.shutdown().await;
        self.shared.services.metrics.in_flight.set(0);
        for link in self.shared.pool.take_expired(true) {
            link.close().await;
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn offered(&self) -> std::sync::MutexGuard<'_, VecDeque<Lease>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what can be started: all that was offered, and of what is due as much as is asked for at a time. Whether
    /// there may be more of the latter; what was offered or has ended meanwhile comes before it.
    async fn fill(&self, round: &mut Round) -> bool {
        let configured = self.shared.configured.load_full();
        if self.shared.services.store.pressure().failed {
            // What is delivered now could not be settled, and would be delivered again.
            round.next_look = Instant::now() + STORE_PAUSE;
            return false;
        }
        let limits = &configured.settings.limits;
        round.unpark(&self.shared.pool, limits.connections_per_host);
        self.start_offered(round, &configured);
        if Instant::now() >= round.look_at()
            && let Err(error) = self.look(round, &configured).await
        {
            tracing::warn!(%error, "the queue cannot be read");
            round.next_look = Instant::now() + STORE_PAUSE;
        }
        let asked = self.ask_for_leases(round, &configured);
        let may_go_on = !asked.is_empty();
        for Asked {
            destination,
            most,
            leases,
        } in asked
        {
            match leases.await {
                Ok(leases) if leases.is_empty() => {
                    round.next_look = round.next_look.min(Instant::now() + EMPTY_PAUSE);
                }
                Ok(leases) => {
                    let there_may_be_more = most > 1 && leases.len() >= most;
                    self.start(round, &configured, destination.clone(), leases);
                    if there_may_be_more {
                        round.make_ready(destination);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be read");
                    round.next_look = Instant::now() + STORE_PAUSE;
                }
            }
        }
        may_go_on
    }

    /// Of destinations whose way is another since a reload: what was found of the old one says nothing of the new one.
    /// Those that are remembered here at once; the store's rows know of all, also from before this process.
    fn lift_back_offs(self: &Arc<Self>, round: &Round) {
        let replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(replaced) = replaced else { return };
        let configured = self.shared.configured.load_full();
        for destination in round.backed_off.keys() {
            self.lift_where_changed(destination, &replaced, &configured);
        }
        let dispatcher = Arc::clone(self);
        tokio::spawn(async move { dispatcher.lift_all(&replaced, configured).await });
    }

    async fn lift_all(&self, replaced: &Configured, mut configured: Arc<Configured>) {
        let mut after = None;
        let mut has_lifted = false;
        loop {
            if self.shared.is_outdated(&configured) {
                // What differs from the newest may stand among those that were looked at.
                (configured, after) = (self.shared.configured.load_full(), None);
            }
            let store = &self.shared.services.store;
            let page = match store.backed_off(clock::now(), after, BACK_OFFS_AT_ONCE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "who is backed off cannot be read; it waits for its time");
                    break;
                }
            };
            for destination in &page {
                has_lifted |= self.lift_where_changed(destination, replaced, &configured);
            }
            if page.len() < BACK_OFFS_AT_ONCE {
                break;
            }
            after = page.into_iter().next_back();
        }
        if has_lifted {
            self.wake.notify_one();
        }
    }

    fn lift_where_changed(&self, destination: &Destination, replaced: &Configured, configured: &Configured) -> bool {
        let is_changed = replaced.way(destination) != configured.way(destination);
        if is_changed {
            let store = &self.shared.services.store;
            // Nobody waits for it: at worst the destination waits for its time.
            drop(store.back_off(destination, clock::now(), "its way was changed"));
        }
        is_changed
    }

    /// Asks for messages of those whose turn it is and who may begin a batch.
    fn ask_for_leases(&self, round: &mut Round, configured: &Configured) -> Vec<Asked> {
        let limits = &configured.settings.limits;
        let mut asked = Vec::new();
        let mut failing = round.failing;
        while asked.len() < LEASES_AT_ONCE && self.may_start(round.jobs.len() + asked.len(), limits) {
            // Those that were dead the last time never have all the room: who answers shall find some.
            let Some(destination) = round.take_turn(failing < self.dialling / 2) else {
                break;
            };
            if !round.has_room(configured, &destination) {
                continue;
            }
            failing += usize::from(round.is_failing(&destination));
            // One message is enough to feel the way: what waits for a destination that does not answer is in memory
            // meanwhile, and counts among the leases, of which those that answer want some.
            let most = if round.is_proven(&destination) {
                limits.lease_batch
            } else {
                1
            };
            let leases = self.shared.services.store.lease(&destination, clock::now(), most);
            asked.push(Asked {
                destination,
                most,
                leases,
            });
        }
        asked
    }

    /// Whether another batch may begin. Those that look up and dial are many, as long as a connection that comes of it
    /// finds a place.
    fn may_start(&self, batches: usize, limits: &OutboundLimits) -> bool {
        let most = limits.connections.saturating_add(self.dialling);
        batches < limits.connections || (batches < most && self.shared.places.has_free(limits.connections))
    }

    /// Whether a place alone is missing for another batch.
    fn wants_place(&self, round: &Round) -> bool {
        let most = self.shared.configured.load().settings.limits.connections;
        let may_retry = round.failing < self.dialling / 2 && !round.retried.is_empty();
        let there_is_work = may_retry || !round.ready.is_empty() || !self.offered().is_empty();
        let batches = round.jobs.len();
        let is_full = batches < most || batches >= most.saturating_add(self.dialling);
        there_is_work && !is_full && !self.shared.places.has_free(most)
    }

    /// Reads what is due and when to look again.
    async fn look(&self, round: &mut Round, configured: &Configured) -> Result<(), sekisho_store::StoreError> {
        let begun = Instant::now();
        round.last_look = Some(begun);
        let limits = &configured.settings.limits;
        let parked: usize = round.parked.values().map(VecDeque::len).sum();
        if parked + round.waiting.len() >= limits.remembered {
            // Enough is known; there is no room for more.
            round.next_look = Instant::now() + STORE_PAUSE;
            return Ok(());
        }
        let now = clock::now();
        let store = &self.shared.services.store;
        let batch = limits.due_batch;
        let due = store.due(now, batch, round.known()).await?;
        let there_is_more = due.len() >= batch;
        due.into_iter().for_each(|due| round.make_ready(due.destination));
        let next = store.next_due(now).await?;
        let wait = next.map_or(LOOK_EVERY, |next| next.since(now).min(LOOK_EVERY));
        let wait = if there_is_more { wait.min(STORE_PAUSE) } else { wait };
        round.next_look = Instant::now() + wait.max(Duration::from_millis(10));
        round.no_look_before = Instant::now() + (begun.elapsed() * LOOK_SHARE).min(STORE_PAUSE);
        Ok(())
    }

    /// Just-accepted mail, without asking the store.
    fn start_offered(&self, round: &mut Round, configured: &Arc<Configured>) {
        let limits = &configured.settings.limits;
        let mut by_destination: Vec<(Destination, Vec<Lease>)> = Vec::new();
        let mut places: HashMap<Destination, usize> = HashMap::new();
        for lease in std::mem::take(&mut *self.offered()) {
            let place = *places.entry(lease.destination.clone()).or_insert_with(|| {
                by_destination.push((lease.destination.clone(), Vec::new()));
                by_destination.len() - 1
            });
            by_destination[place].1.push(lease);
        }
        let mut kept = VecDeque::new();
        let mut given_back = Vec::new();
        for (destination, mut leases) in by_destination {
            if round.is_backed_off(&destination) {
                given_back.extend(leases);
                continue;
            }
            while !leases.is_empty()
                && self.may_start(round.jobs.len(), limits)
                && round.has_room(configured, &destination)
            {
                let rest = leases.split_off(leases.len().min(limits.lease_batch));
                self.start(round, configured, destination.clone(), leases);
                leases = rest;
            }
            kept.extend(leases);
        }
        if !given_back.is_empty() {
            round.look_soon();
        }
        drop(given_back);
        let mut offered = self.offered();
        kept.append(&mut offered);
        *offered = kept;
    }

    fn start(&self, round: &mut Round, configured: &Arc<Configured>, destination: Destination, leases: Vec<Lease>) {
        let first = configured.settings.limits.first_window;
        let window = round
            .windows
            .entry(destination.clone())
            .or_insert_with(|| Window::new(first));
        window.in_flight += 1;
        let span = tracing::info_span!("delivery", %destination, messages = leases.len());
        let failures = window.failures;
        let batch = run_batch(
            self.shared.clone(),
            configured.clone(),
            destination.clone(),
            leases,
            failures,
        );
        let handle = round.jobs.spawn(batch.instrument(span));
        let is_failing = failures > 0;
        round.failing += usize::from(is_failing);
        round.running.insert(handle.id(), (destination, is_failing));
        self.shared.services.metrics.in_flight.inc();
    }

    fn handle_end(&self, round: &mut Round, ended: Option<Result<(Id, Report), tokio::task::JoinError>>) {
        let (id, report) = match ended {
            Some(Ok((id, report))) => (id, report),
            Some(Err(error)) => {
                tracing::error!(%error, "a delivery broke off; its messages go back");
                (error.id(), Report::broken())
            }
            None => return,
        };
        self.shared.services.metrics.in_flight.dec();
        let Some((destination, was_failing)) = round.running.remove(&id) else {
            return;
        };
        round.failing -= usize::from(was_failing);
        let configured = self.shared.configured.load();
        let most = configured.way(&destination).route.connections;
        if let Some(due) = report.due {
            let wait = due.since(clock::now());
            round.next_look = round.next_look.min(Instant::now() + wait);
        }
        let Some(window) = round.windows.get_mut(&destination) else {
            return;
        };
        window.in_flight = window.in_flight.saturating_sub(1);
        match report.verdict {
            Verdict::Alive => {
                window.succeeded(most);
                round.backed_off.remove(&destination);
            }
            Verdict::Neutral => {}
            Verdict::Busy { hop } => {
                round.parked.entry(hop).or_default().push_back(destination);
                return;
            }
            Verdict::Dead { until } => {
                window.failed();
                round.backed_off.insert(destination.clone(), until);
            }
        }
        round.forget(configured.settings.limits.remembered);
        if !round.is_backed_off(&destination) {
            round.make_ready(destination);
        }
    }
}

/// [`DIALLING`], or what the files that may be open allow.
pub(crate) fn dialling() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    DIALLING.min(usize::try_from(files / FILES_PER_DIAL).unwrap_or(usize::MAX))
}

/// Messages of a destination that the store was asked for.
struct Asked {
    destination: Destination,
    /// At most so many.
    most: usize,
    leases: Ticket<Vec<Lease>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::testing::{FakeStore, Queued, configured, loopback_dns, services};

    fn to(serial: u32) -> Queued {
        Queued::new(serial, &[&format!("someone@d{serial}.example")])
    }

    #[tokio::test]
    async fn new_mail_waits_for_one_round_of_what_is_due_and_never_for_all_of_it() {
        let store = Arc::new(FakeStore::default());
        let due = u32::try_from(LEASES_AT_ONCE * 4).unwrap();
        store.books().queue.extend((0..due).map(to));
        let dispatcher = Dispatcher::new(services(&store, loopback_dns(), None), configured(&[], |_| ()));
        let mut round = Round::default();
        assert!(dispatcher.fill(&mut round).await);
        assert_eq!(round.jobs.len(), LEASES_AT_ONCE);
        let new = to(due);
        dispatcher.offer(vec![new.lease()]);
        assert!(dispatcher.fill(&mut round).await);
        let is_new = |(destination, _): &&(Destination, bool)| *destination == new.destination;
        assert_eq!(round.running.values().filter(is_new).count(), 1);
        assert_eq!(round.ready.len(), LEASES_AT_ONCE * 2, "much is still to be asked for");
        while dispatcher.fill(&mut round).await {}
        assert_eq!((round.ready.len(), round.jobs.len()), (0, LEASES_AT_ONCE * 4 + 1));
    }
}
