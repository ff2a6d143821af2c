//! What is remembered of hosts with which handshakes broke: per host, address and port, bounded, forgotten in time and
//! at the first success. Whether it counts for a plan is policy's to say.

use std::{collections::HashMap, net::SocketAddr, sync::Mutex, time::Duration};

use sekisho_mail::Timestamp;
use sekisho_policy::outbound::{BrokenTls, HYBRID_MEMORY_SECS, TLS_MEMORY_SECS};

/// With the port: behind one address there may be several servers.
type Key = (String, SocketAddr);

/// The memory of the whole process.
#[derive(Debug)]
pub(super) struct TlsMemory {
    entries: Mutex<HashMap<Key, (BrokenTls, Timestamp)>>,
    capacity: usize,
    wholly_for: Duration,
}

impl TlsMemory {
    pub(super) fn new(capacity: usize, wholly_for: Duration) -> Self {
        Self {
            entries: Mutex::default(),
            capacity,
            wholly_for: wholly_for.min(Duration::from_secs(TLS_MEMORY_SECS)),
        }
    }

    pub(super) fn recall(&self, host: &str, address: SocketAddr, now: Timestamp) -> Option<BrokenTls> {
        let entries = self.lock();
        let (broken, until) = entries.get(&(host.to_owned(), address))?;
        (now < *until).then(|| broken.clone())
    }

    pub(super) fn remember(&self, host: &str, address: SocketAddr, broken: BrokenTls, now: Timestamp) {
        let lifetime = match broken {
            BrokenTls::Hybrid => Duration::from_secs(HYBRID_MEMORY_SECS),
            BrokenTls::Wholly(_) => self.wholly_for,
        };
        let mut entries = self.lock();
        if entries.len() >= self.capacity {
            entries.retain(|_, (_, until)| now < *until);
        }
        // A full memory forgets to learn: the next attempt finds out again.
        if entries.len() < self.capacity {
            entries.insert((host.to_owned(), address), (broken, now.plus(lifetime)));
        }
    }

    /// A handshake held; with `hybrid`, whatever was remembered is wrong; without, only that TLS is broken wholly.
    pub(super) fn forget(&self, host: &str, address: SocketAddr, hybrid: bool) {
        let key = (host.to_owned(), address);
        let mut entries = self.lock();
        let disproved = match entries.get(&key) {
            Some((BrokenTls::Hybrid, _)) => hybrid,
            Some((BrokenTls::Wholly(_), _)) => true,
            None => false,
        };
        if disproved {
            entries.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (BrokenTls, Timestamp)>> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const ADDRESS: SocketAddr = at(25);

    const fn at(port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port)
    }

    #[test]
    fn broken_tls_is_believed_for_an_hour_at_most_and_until_it_works() {
        let memory = TlsMemory::new(10, Duration::from_secs(1_000_000));
        let begin = Timestamp::from_secs(1000);
        let wholly = BrokenTls::Wholly("alert".to_owned());
        memory.remember("mx", ADDRESS, wholly.clone(), begin);
        let recalled = |secs| memory.recall("mx", ADDRESS, begin.plus(Duration::from_secs(secs)));
        assert_eq!(recalled(3599), Some(wholly));
        assert_eq!(recalled(3600), None);
        assert_eq!(memory.recall("other", ADDRESS, begin), None);
        assert_eq!(memory.recall("mx", at(2525), begin), None, "another server");
        memory.forget("mx", ADDRESS, false);
        assert_eq!(recalled(0), None);
        memory.remember("mx", ADDRESS, BrokenTls::Hybrid, begin);
        memory.forget("mx", ADDRESS, false);
        assert_eq!(
            recalled(3600),
            Some(BrokenTls::Hybrid),
            "a classical handshake says nothing of the hybrid"
        );
        memory.forget("mx", ADDRESS, true);
        assert_eq!(recalled(0), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = TlsMemory::new(2, Duration::from_secs(60));
        for host in ["a", "b", "c"] {
            memory.remember(host, ADDRESS, BrokenTls::Hybrid, Timestamp::EPOCH);
        }
        assert_eq!(memory.lock().len(), 2);
    }
}
