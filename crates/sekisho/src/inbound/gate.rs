//! Counts who is inside: connections in all, per listener, per address, and those in their TLS handshake.
//!
//! A pass is given back when it is dropped, so that a connection that ends in any way, a panic included, leaves no
//! count behind.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::ConnectionLimits;

/// Connections over all listeners; shared by them.
#[derive(Debug)]
pub struct Building {
    inside: AtomicU32,
    limit: u32,
    left: Notify,
}

impl Building {
    /// Nobody is inside yet; `limit` may be at a time.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self {
            inside: AtomicU32::new(0),
            limit,
            left: Notify::const_new(),
        }
    }

    /// Connections at this moment.
    pub fn inside(&self) -> u32 {
        self.inside.load(Ordering::Relaxed)
    }

    /// Waits until nobody is inside; for one waiter.
    pub async fn empty(&self) {
        while self.inside() > 0 {
            self.left.notified().await;
        }
    }
}

/// The counts of one listener.
#[derive(Debug)]
pub struct Gate {
    building: Arc<Building>,
    limits: ArcSwap<ConnectionLimits>,
    inside: AtomicU32,
    handshakes: AtomicU32,
    /// Holds only addresses with at least one connection, so it is bounded by the limits.
    per_address: Mutex<HashMap<IpAddr, u32>>,
}

/// Which limit keeps a connection out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Full {
    /// `limits.connections`: over all listeners.
    Building,
    /// The listener's own total.
    Listener,
    /// The listener's limit for one address.
    Address,
    /// The listener's limit of handshakes under way.
    Handshakes,
}

impl Full {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Building, Self::Listener, Self::Address, Self::Handshakes];

    /// A word for metrics and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Building => "connections",
            Self::Listener => "listener-connections",
            Self::Address => "address-connections",
            Self::Handshakes => "handshakes",
        }
    }
}

impl Gate {
    /// A gate into `building`.
    #[must_use]
    pub fn new(building: Arc<Building>, limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            building,
            limits: ArcSwap::from_pointee(limits),
            inside: AtomicU32::new(0),
            handshakes: AtomicU32::new(0),
            per_address: Mutex::default(),
        })
    }

    /// Lets a connection from `client` in.
    ///
    /// # Errors
    /// When a limit is reached; it says which.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Pass, Full> {
        let limits = self.limits.load();
        if !take(&self.building.inside, self.building.limit) {
            return Err(Full::Building);
        }
        if !take(&self.inside, limits.total) {
            give_back(&self.building.inside);
            return Err(Full::Listener);
        }
        let key = counted_as(client);
        let mut per_address = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        let here = per_address.entry(key).or_insert(0);
        if *here >= limits.per_address {
            drop(per_address);
            give_back(&self.inside);
            give_back(&self.building.inside);
            return Err(Full::Address);
        }
        *here += 1;
        drop(per_address);
        Ok(Pass {
            gate: Arc::clone(self),
            key,
        })
    }

    /// Other limits from now on; who is inside stays.
    pub fn change_limits(&self, limits: ConnectionLimits) {
        self.limits.store(Arc::new(limits));
    }

    /// Connections through this gate at this moment.
    pub fn inside(&self) -> u32 {
        self.inside.load(Ordering::Relaxed)
    }

    /// Handshakes under way at this moment.
    pub fn handshakes(&self) -> u32 {
        self.handshakes.load(Ordering::Relaxed)
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    key: IpAddr,
}

impl Pass {
    /// Whether more than three quarters of the connections are taken, here or over all listeners.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        let crowded = |inside: u32, limit: u32| u64::from(inside) * 4 > u64::from(limit) * 3;
        let (here, building) = (&self.gate, &self.gate.building);
        crowded(here.inside(), here.limits.load().total) || crowded(building.inside(), building.limit)
    }

    /// Begins a TLS handshake.
    ///
    /// # Errors
    /// When too many are under way.
    pub fn begin_handshake(&self) -> Result<HandshakePass, Full> {
        if !take(&self.gate.handshakes, self.gate.limits.load().handshakes) {
            return Err(Full::Handshakes);
        }
        Ok(HandshakePass {
            gate: Arc::clone(&self.gate),
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut per_address = self.gate.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        match per_address.get_mut(&self.key) {
            Some(here) if *here > 1 => *here -= 1,
            Some(_) | None => {
                per_address.remove(&self.key);
            }
        }
        drop(per_address);
        give_back(&self.gate.inside);
        give_back(&self.gate.building.inside);
        self.gate.building.left.notify_one();
    }
}

/// One handshake's place; given back when dropped.
#[derive(Debug)]
pub struct HandshakePass {
    gate: Arc<Gate>,
}

impl Drop for HandshakePass {
    fn drop(&mut self) {
        give_back(&self.gate.handshakes);
    }
}

fn take(count: &AtomicU32, limit: u32) -> bool {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |inside| {
            (inside < limit).then_some(inside + 1)
        })
        .is_ok()
}

fn give_back(count: &AtomicU32) {
    count.fetch_sub(1, Ordering::Relaxed);
}

/// A /64 of IPv6 is one customer's, so it counts as one address; IPv4 in IPv6 clothes counts as IPv4.
fn counted_as(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(total: u32, per_address: u32, building: u32) -> Arc<Gate> {
        let limits = ConnectionLimits {
            total,
            per_address,
            handshakes: 1,
        };
        Gate::new(Arc::new(Building::new(building)), limits)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_crowded_when_more_than_three_quarters_are_taken() {
        let limits = ConnectionLimits {
            total: 4,
            per_address: 4,
            ..ConnectionLimits::default()
        };
        let gate = Gate::new(Arc::new(Building::new(100)), limits);
        let address = IpAddr::from([192, 0, 2, 1]);
        let passes: Vec<Pass> = (0..3).map(|_| gate.enter(address).unwrap()).collect();
        assert!(!passes[0].is_crowded());
        let _fourth = gate.enter(address).unwrap();
        assert!(passes[0].is_crowded());
    }

    #[test]
    fn each_limit_keeps_the_next_one_out_and_leaving_makes_room() {
        let gate = gate(2, 1, 10);
        let first = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Address);
        let second = gate.enter(address("192.0.2.2")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.3")).unwrap_err(), Full::Listener);
        drop(first);
        let third = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.inside(), 2);
        drop((second, third));
        assert_eq!((gate.inside(), gate.building.inside()), (0, 0));
        assert!(gate.per_address.lock().unwrap().is_empty());
    }

    #[test]
    fn a_refused_connection_leaves_no_count_behind() {
        let gate = gate(10, 10, 1);
        let inside = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.2")).unwrap_err(), Full::Building);
        drop(inside);
        assert_eq!(gate.building.inside(), 0);
        assert!(gate.enter(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_64_of_ipv6_counts_as_one_address() {
        let gate = gate(10, 1, 10);
        let _inside = gate.enter(address("2001:db8::1")).unwrap();
        assert_eq!(gate.enter(address("2001:db8::ffff:1")).unwrap_err(), Full::Address);
        assert!(gate.enter(address("2001:db8:0:1::1")).is_ok());
        let _mapped = gate.enter(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Address);
    }

    #[test]
    fn handshakes_are_counted_apart() {
        let gate = gate(10, 10, 10);
        let pass = gate.enter(address("192.0.2.1")).unwrap();
        let handshake = pass.begin_handshake().unwrap();
        assert_eq!(pass.begin_handshake().unwrap_err(), Full::Handshakes);
        drop(handshake);
        assert!(pass.begin_handshake().is_ok());
    }
}
