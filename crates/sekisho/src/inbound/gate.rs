//! Counts who is inside: connections in all, per listener, per address and network, and those in their TLS handshake.
//!
//! Whoever may relay by its address is known to the operator: the limits of an address and of a network are not for it,
//! so that a relay behind one address is never kept out by them.
//!
//! A pass is given back when it is dropped, so that a connection that ends in any way, a panic included, leaves no
//! count behind.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use arc_swap::ArcSwap;
use sekisho_policy::{Network, inbound::RelayRights};
use tokio::sync::Notify;

use super::ConnectionLimits;

/// While handshakes are crowded, one address may be in at most one of so many of their places, ...
const HANDSHAKES_TO_ONE_OF_AN_ADDRESS: u32 = 8;
/// ... and the addresses of one network together in one of so many.
const HANDSHAKES_TO_ONE_OF_A_NETWORK: u32 = 4;

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
    rules: ArcSwap<Rules>,
    inside: AtomicU32,
    handshakes: AtomicU32,
    /// Holds only blocks with at least one connection, so it is bounded by the limits.
    blocks: Mutex<HashMap<Network, Counts>>,
}

/// What holds at a gate.
#[derive(Debug)]
struct Rules {
    limits: ConnectionLimits,
    /// Who has them by address is counted in the totals alone.
    rights: RelayRights,
}

/// What one block has at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    connections: u32,
    handshakes: u32,
}

/// The blocks that an address is in. A /64 of IPv6 is one customer's, so it counts as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    address: Network,
    network: Network,
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
    /// The listener's limit for one network.
    Network,
    /// The listener's limit of handshakes under way.
    Handshakes,
    /// An address's share of them.
    AddressHandshakes,
    /// A network's share of them.
    NetworkHandshakes,
}

impl Full {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Building,
        Self::Listener,
        Self::Address,
        Self::Network,
        Self::Handshakes,
        Self::AddressHandshakes,
        Self::NetworkHandshakes,
    ];

    /// A word for metrics and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Building => "connections",
            Self::Listener => "listener-connections",
            Self::Address => "address-connections",
            Self::Network => "network-connections",
            Self::Handshakes => "handshakes",
            Self::AddressHandshakes => "address-handshakes",
            Self::NetworkHandshakes => "network-handshakes",
        }
    }

    /// What the client is told.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Building | Self::Listener => "too many connections, try again later",
            Self::Address => "too many connections from your address, try again later",
            Self::Network => "too many connections from your network, try again later",
            Self::Handshakes => "too many handshakes under way, try again later",
            Self::AddressHandshakes => "too many handshakes under way from your address, try again later",
            Self::NetworkHandshakes => "too many handshakes under way from your network, try again later",
        }
    }
}

impl Gate {
    /// A gate into `building`; the limits of an address and a network are not for those whom `rights` serves.
    #[must_use]
    pub fn new(building: Arc<Building>, limits: ConnectionLimits, rights: RelayRights) -> Arc<Self> {
        Arc::new(Self {
            building,
            rules: ArcSwap::from_pointee(Rules { limits, rights }),
            inside: AtomicU32::new(0),
            handshakes: AtomicU32::new(0),
            blocks: Mutex::default(),
        })
    }

    /// Lets a connection from `client` in.
    ///
    /// # Errors
    /// When a limit is reached; it says which.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Pass, Full> {
        let rules = self.rules.load();
        if !take(&self.building.inside, self.building.limit) {
            return Err(Full::Building);
        }
        if !take(&self.inside, rules.limits.total) {
            give_back(&self.building.inside);
            return Err(Full::Listener);
        }
        let is_known = rules.rights.serves_address(client.to_canonical());
        let origin = (!is_known).then(|| Origin::of(client));
        if let Some(Err(full)) = origin.map(|origin| self.count_in(origin, &rules.limits)) {
            give_back(&self.inside);
            give_back(&self.building.inside);
            return Err(full);
        }
        Ok(Pass {
            gate: Arc::clone(self),
            origin,
        })
    }

    fn count_in(&self, origin: Origin, limits: &ConnectionLimits) -> Result<(), Full> {
        let mut blocks = self.lock();
        let here = |block| blocks.get(&block).map_or(0, |counts| counts.connections);
        if here(origin.address) >= limits.per_address {
            return Err(Full::Address);
        }
        if here(origin.network) >= limits.per_network {
            return Err(Full::Network);
        }
        for block in origin.blocks() {
            blocks.entry(block).or_default().connections += 1;
        }
        Ok(())
    }

    /// While fewer than half of the places are taken, anybody may have them: a large sender may well begin a hundred
    /// sessions at once. Beyond that a few addresses that never finish must not have them all.
    fn count_handshake(&self, origin: Origin, limits: &ConnectionLimits) -> Result<(), Full> {
        let is_crowded = u64::from(self.handshakes()) * 2 > u64::from(limits.handshakes);
        let mut blocks = self.lock();
        let is_beyond = |block, to_one| {
            let under_way = blocks.get(&block).map_or(0, |counts: &Counts| counts.handshakes);
            is_crowded && under_way >= limits.handshakes.div_ceil(to_one)
        };
        if is_beyond(origin.address, HANDSHAKES_TO_ONE_OF_AN_ADDRESS) {
            return Err(Full::AddressHandshakes);
        }
        if is_beyond(origin.network, HANDSHAKES_TO_ONE_OF_A_NETWORK) {
            return Err(Full::NetworkHandshakes);
        }
        for block in origin.blocks() {
            blocks.entry(block).or_default().handshakes += 1;
        }
        Ok(())
    }

    /// Takes something off the counts of each block, and forgets those that have nothing left.
    fn count_out(&self, origin: Origin, taken_off: impl Fn(&mut Counts)) {
        let mut blocks = self.lock();
        for block in origin.blocks() {
            if let Some(counts) = blocks.get_mut(&block) {
                taken_off(counts);
                if *counts == Counts::default() {
                    blocks.remove(&block);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Counts>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other rules from now on; who is inside stays.
    pub fn change_rules(&self, limits: ConnectionLimits, rights: RelayRights) {
        self.rules.store(Arc::new(Rules { limits, rights }));
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

impl Origin {
    /// IPv4 in IPv6 clothes counts as IPv4.
    fn of(client: IpAddr) -> Self {
        let client = client.to_canonical();
        let (address, network) = if client.is_ipv4() { (32, 24) } else { (64, 48) };
        Self {
            address: Network::around(client, address),
            network: Network::around(client, network),
        }
    }

    const fn blocks(self) -> [Network; 2] {
        [self.address, self.network]
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    /// None of a client that is counted in the totals alone.
    origin: Option<Origin>,
}

impl Pass {
    /// Whether more than three quarters of the connections are taken, here or over all listeners.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        let crowded = |inside: u32, limit: u32| u64::from(inside) * 4 > u64::from(limit) * 3;
        let (here, building) = (&self.gate, &self.gate.building);
        crowded(here.inside(), here.rules.load().limits.total) || crowded(building.inside(), building.limit)
    }

    /// Begins a TLS handshake.
    ///
    /// # Errors
    /// When too many are under way, in all or from where this client is.
    pub fn begin_handshake(&self) -> Result<HandshakePass, Full> {
        let rules = self.gate.rules.load();
        if !take(&self.gate.handshakes, rules.limits.handshakes) {
            return Err(Full::Handshakes);
        }
        if let Some(Err(full)) = self
            .origin
            .map(|origin| self.gate.count_handshake(origin, &rules.limits))
        {
            give_back(&self.gate.handshakes);
            return Err(full);
        }
        Ok(HandshakePass {
            gate: Arc::clone(&self.gate),
            origin: self.origin,
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(origin) = self.origin {
            self.gate.count_out(origin, |counts| counts.connections -= 1);
        }
        give_back(&self.gate.inside);
        give_back(&self.gate.building.inside);
        self.gate.building.left.notify_one();
    }
}

/// One handshake's place; given back when dropped.
#[derive(Debug)]
pub struct HandshakePass {
    gate: Arc<Gate>,
    origin: Option<Origin>,
}

impl Drop for HandshakePass {
    fn drop(&mut self) {
        if let Some(origin) = self.origin {
            self.gate.count_out(origin, |counts| counts.handshakes -= 1);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(limits: ConnectionLimits, building: u32) -> Arc<Gate> {
        Gate::new(Arc::new(Building::new(building)), limits, RelayRights::default())
    }

    fn limits(total: u32, per_address: u32) -> ConnectionLimits {
        ConnectionLimits {
            total,
            per_address,
            ..ConnectionLimits::default()
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_crowded_when_more_than_three_quarters_are_taken() {
        let gate = gate(limits(4, 4), 100);
        let address = IpAddr::from([192, 0, 2, 1]);
        let passes: Vec<Pass> = (0..3).map(|_| gate.enter(address).unwrap()).collect();
        assert!(!passes[0].is_crowded());
        let _fourth = gate.enter(address).unwrap();
        assert!(passes[0].is_crowded());
    }

    #[test]
    fn each_limit_keeps_the_next_one_out_and_leaving_makes_room() {
        let gate = gate(limits(2, 1), 10);
        let first = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Address);
        let second = gate.enter(address("192.0.2.2")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.3")).unwrap_err(), Full::Listener);
        drop(first);
        let third = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.inside(), 2);
        drop((second, third));
        assert_eq!((gate.inside(), gate.building.inside()), (0, 0));
        assert!(gate.lock().is_empty());
    }

    #[test]
    fn a_refused_connection_leaves_no_count_behind() {
        let gate = gate(limits(10, 10), 1);
        let inside = gate.enter(address("192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.2")).unwrap_err(), Full::Building);
        drop(inside);
        assert_eq!(gate.building.inside(), 0);
        assert!(gate.enter(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_64_of_ipv6_counts_as_one_address() {
        let gate = gate(limits(10, 1), 10);
        let _inside = gate.enter(address("2001:db8::1")).unwrap();
        assert_eq!(gate.enter(address("2001:db8::ffff:1")).unwrap_err(), Full::Address);
        assert!(gate.enter(address("2001:db8:0:1::1")).is_ok());
        let _mapped = gate.enter(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Address);
    }

    #[test]
    fn the_addresses_of_a_24_and_the_64s_of_a_48_count_as_one_network() {
        let limits = ConnectionLimits {
            per_network: 2,
            ..limits(100, 1)
        };
        let gate = gate(limits, 100);
        for (inside, one_more, another_network) in [
            (["192.0.2.1", "::ffff:192.0.2.255"], "192.0.2.77", "192.0.3.1"),
            (
                ["2001:db8::1", "2001:db8:0:ffff::1"],
                "2001:db8:0:77::1",
                "2001:db8:1::1",
            ),
        ] {
            let passes = inside.map(|client| gate.enter(address(client)).unwrap());
            assert_eq!(gate.enter(address(one_more)).unwrap_err(), Full::Network);
            let _neighbour = gate.enter(address(another_network)).unwrap();
            drop(passes);
            let _now = gate.enter(address(one_more)).unwrap();
        }
        assert_eq!((gate.inside(), gate.lock().len()), (0, 0));
    }

    #[test]
    fn whoever_may_relay_by_address_is_counted_in_the_totals_alone() {
        let from = sekisho_policy::inbound::RelayFrom {
            networks: vec!["192.0.2.0/28".parse().unwrap()],
            keys: Vec::new(),
        };
        let rights = RelayRights::of_listener(
            address("0.0.0.0"),
            sekisho_policy::inbound::Exposure::Direct,
            Some(from),
        );
        let limits = ConnectionLimits {
            per_network: 1,
            handshakes: 8,
            ..limits(12, 1)
        };
        let gate = Gate::new(Arc::new(Building::new(100)), limits.clone(), rights);
        let known: Vec<Pass> = (0..10).map(|_| gate.enter(address("192.0.2.1")).unwrap()).collect();
        let shaking: Vec<_> = known
            .iter()
            .take(8)
            .map(|pass| pass.begin_handshake().unwrap())
            .collect();
        let _stranger = gate.enter(address("192.0.2.100")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.100")).unwrap_err(), Full::Address);
        assert_eq!(gate.enter(address("192.0.2.101")).unwrap_err(), Full::Network);
        let _last = gate.enter(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Listener);
        gate.change_rules(limits, RelayRights::default());
        drop((shaking, known));
        let _counted = gate.enter(address("192.0.3.1")).unwrap();
        assert_eq!((gate.inside(), gate.handshakes()), (3, 0));
    }

    #[test]
    fn handshakes_are_counted_apart() {
        let limits = ConnectionLimits {
            handshakes: 1,
            ..limits(10, 10)
        };
        let gate = gate(limits, 10);
        let pass = gate.enter(address("192.0.2.1")).unwrap();
        let handshake = pass.begin_handshake().unwrap();
        assert_eq!(pass.begin_handshake().unwrap_err(), Full::Handshakes);
        drop(handshake);
        assert!(pass.begin_handshake().is_ok());
    }

    #[test]
    fn while_handshakes_are_crowded_an_address_and_a_network_have_their_share_and_no_more() {
        let limits = ConnectionLimits {
            handshakes: 16,
            ..limits(100, 100)
        };
        let gate = gate(limits, 100);
        let enter = |client: &str| gate.enter(address(client)).unwrap();
        let greedy = enter("192.0.2.1");
        let mut held: Vec<HandshakePass> = (0..8).map(|_| greedy.begin_handshake().unwrap()).collect();
        assert_eq!(
            greedy.begin_handshake().unwrap_err(),
            Full::AddressHandshakes,
            "half are taken"
        );
        let neighbour = enter("192.0.2.2");
        assert_eq!(neighbour.begin_handshake().unwrap_err(), Full::NetworkHandshakes);
        let second = enter("2001:db8::1");
        held.extend((0..2).map(|_| second.begin_handshake().unwrap()));
        assert_eq!(
            second.begin_handshake().unwrap_err(),
            Full::AddressHandshakes,
            "an eighth"
        );
        let third = enter("2001:db8:0:1::1");
        held.extend((0..2).map(|_| third.begin_handshake().unwrap()));
        let fourth = enter("2001:db8:0:2::1");
        assert_eq!(
            fourth.begin_handshake().unwrap_err(),
            Full::NetworkHandshakes,
            "a quarter"
        );
        let other = enter("203.0.113.1");
        held.push(other.begin_handshake().unwrap());
        assert_eq!(gate.handshakes(), 13, "a refused one leaves nothing behind");
        held.clear();
        assert!(greedy.begin_handshake().is_ok());
        drop((greedy, neighbour, second, third, fourth, other));
        assert!(gate.lock().is_empty());
    }
}
