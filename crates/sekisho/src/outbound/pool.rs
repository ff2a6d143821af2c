//! Connections that wait for their next message. One is shared only for the same next hop, port, server name, client
//! identity, source address, EHLO name and organization; every message is judged anew on it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sekisho_mail::{ClientIdentityId, Domain, Host, OrganizationName};
use sekisho_policy::outbound::{HostOrigin, HostPlan};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{AddressFamily, Candidate, Hybrid, Way, link::Link};
use crate::chance::Map;

/// What two messages must have in common to travel over one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    host: Host,
    port: u16,
    /// An address that only a route may name is never reached through an MX record.
    named_by_route: bool,
    identity: Option<ClientIdentityId>,
    source: Option<IpAddr>,
    family: AddressFamily,
    hybrid: Hybrid,
    ehlo_name: Option<Domain>,
    organization: OrganizationName,
    identity_in_tls12: bool,
    implicit_tls: bool,
    /// Where it does not follow from the host.
    sni: Option<Domain>,
}

impl PoolKey {
    pub(super) fn new(way: &Way, candidate: &Candidate) -> Self {
        let route = &way.route;
        Self {
            organization: way.organization.clone(),
            host: candidate.host.host.clone(),
            port: candidate.port,
            named_by_route: candidate.host.origin == HostOrigin::Route,
            identity: route.client_identity.clone(),
            source: route.source_address,
            family: route.address_family,
            hybrid: route.hybrid,
            ehlo_name: route.ehlo_name.clone(),
            identity_in_tls12: route.identity_in_tls12,
            implicit_tls: route.implicit_tls,
            sni: route.sni.clone(),
        }
    }

    /// The same for whichever organization: the next hop has so many connections, and not so many for each.
    pub(super) fn of_all(self) -> Self {
        Self {
            organization: OrganizationName::FIRST,
            ..self
        }
    }
}

#[derive(Debug)]
struct Idle {
    link: Box<Link>,
    until: Instant,
}

/// Leave for connections to one next hop, shared by all destinations that lead to it.
pub(super) type Slots = Arc<Semaphore>;
/// Leave for one connection.
pub(super) type Slot = OwnedSemaphorePermit;

/// All connections without work, and how many may be at work with each next hop.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Map<PoolKey, Vec<Idle>>>,
    slots: Mutex<HashMap<PoolKey, Weak<Semaphore>>>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            idle: Mutex::default(),
            slots: Mutex::default(),
        }
    }

    /// The slots of a next hop. They live as long as somebody uses them; a changed limit holds when all are free.
    pub(super) fn slots(&self, key: PoolKey, most: usize) -> Slots {
        let mut all = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slots) = all.get(&key).and_then(Weak::upgrade) {
            return slots;
        }
        all.retain(|_, slots| slots.strong_count() > 0);
        let slots = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        all.insert(key, Arc::downgrade(&slots));
        slots
    }

    /// How many more connections a next hop may have just now.
    pub(super) fn room(&self, key: &PoolKey, most: usize) -> usize {
        let all = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = all.get(key).and_then(Weak::upgrade);
        slots.map_or(most, |slots| slots.available_permits())
    }

    /// A connection that may serve the plan: one in the clear serves only where nothing is demanded. Where an exception
    /// lifts what is, TLS is tried first with every message. The newest first, because it is the least likely to have
    /// been closed.
    pub(super) fn take(&self, key: &PoolKey, plan: &HostPlan) -> Option<Box<Link>> {
        let mut pool = self.lock();
        let links = pool.get_mut(key)?;
        let now = Instant::now();
        let mut found = None;
        for place in (0..links.len()).rev() {
            let fits = match links[place].link.facts.security.tls() {
                None => plan.is_opportunistic(),
                Some(tls) => tls.version >= plan.min_version() && plan.groups().contains_name(&tls.group),
            };
            if !fits {
                continue;
            }
            let mut idle = links.remove(place);
            if idle.until > now && idle.link.is_quiet() {
                found = Some(idle.link);
                break;
            }
        }
        if links.is_empty() {
            pool.remove(key);
        }
        found
    }

    /// Keeps a connection until then; gives it back when there is no room, or when it is not wanted. That is asked with
    /// the pool locked: what is put in before a reload empties the pool goes with the rest, and nothing after it.
    pub(super) fn put(
        &self,
        key: PoolKey,
        link: Box<Link>,
        until: Instant,
        capacity: usize,
        is_wanted: impl FnOnce() -> bool,
    ) -> Option<Box<Link>> {
        let mut pool = self.lock();
        if pool.values().map(Vec::len).sum::<usize>() >= capacity || !is_wanted() {
            return Some(link);
        }
        let mut link = link;
        link.place = None;
        pool.entry(key).or_default().push(Idle { link, until });
        None
    }

    /// Those that waited too long, or all.
    pub(super) fn take_expired(&self, all: bool) -> Vec<Link> {
        let now = Instant::now();
        let mut expired = Vec::new();
        self.lock().retain(|_, links| {
            for place in (0..links.len()).rev() {
                if all || links[place].until <= now {
                    expired.push(*links.remove(place).link);
                }
            }
            !links.is_empty()
        });
        expired
    }

    fn lock(&self) -> MutexGuard<'_, Map<PoolKey, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
