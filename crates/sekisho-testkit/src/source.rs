//! A sender under whose load things are killed: it knows what it was told "250" about, and every message can be made
//! again from its number, so that not one octet of it can change unseen.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::runtime::Runtime;

use crate::client::Client;

/// The header that names a message.
const HEADER: &str = "X-Ledger: ";

/// What a source knows: outside of the process under test, so that it outlives its death.
#[derive(Debug, Default)]
pub struct Ledger {
    next: AtomicU64,
    /// Offered whole: the final dot may have left.
    offered: Mutex<BTreeSet<u64>>,
    acknowledged: Mutex<BTreeSet<u64>>,
}

impl Ledger {
    /// Numbers that a 250 came for.
    #[must_use]
    pub fn acknowledged(&self) -> BTreeSet<u64> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Numbers that may have been sent whole.
    #[must_use]
    pub fn offered(&self) -> BTreeSet<u64> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The message with this number: its size and every octet follow from the number alone. Every seventh is larger than
/// what a store keeps in its database.
#[must_use]
pub fn message(number: u64) -> Vec<u8> {
    let lines = if number.is_multiple_of(7) { 2000 } else { 20 };
    let mut text = format!("Subject: number {number}\r\n{HEADER}{number}\r\n\r\n");
    let mut state = number;
    for _ in 0..lines {
        // SplitMix64: spreads the number over every line.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Some lines begin with a dot, as they may.
        let dot = if mixed.is_multiple_of(5) { "." } else { "" };
        let _ = write!(text, "{dot}{mixed:016x} the quick brown fox\r\n");
    }
    text.into_bytes()
}

/// Which number a received message has, and whether it is that message octet for octet below the headers that
/// transports add on top. `None` when it is none of ours.
#[must_use]
pub fn identify(content: &[u8]) -> Option<(u64, bool)> {
    let text = String::from_utf8_lossy(content);
    let number: u64 = text.lines().find_map(|line| line.strip_prefix(HEADER))?.parse().ok()?;
    Some((number, content.ends_with(&message(number))))
}

/// Sends as fast as it can over several connections, reconnecting whenever one breaks, until dropped.
#[derive(Debug)]
pub struct Source {
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    _runtime: Runtime,
}

impl Source {
    /// Starts sending.
    ///
    /// # Panics
    /// When no runtime can be made.
    #[must_use]
    pub fn start(server: SocketAddr, to: &str, connections: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        for worker in 0..connections {
            let (ledger, stop, to) = (Arc::clone(&ledger), Arc::clone(&stop), to.to_owned());
            runtime.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // Broken by the death of the other side, which is the point.
                    let _ = send_until_broken(server, &to, worker % 2 == 1, &ledger, &stop).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        Self {
            ledger,
            stop,
            _runtime: runtime,
        }
    }

    /// What is known so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Begins no further message.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn send_until_broken(
    server: SocketAddr,
    to: &str,
    tls: bool,
    ledger: &Ledger,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let mut client = Client::open(server, tls).await?;
    while !stop.load(Ordering::Relaxed) {
        let number = ledger.next.fetch_add(1, Ordering::Relaxed);
        insert(&ledger.offered, number);
        let reply = client.deliver("source@client.example", to, &message(number)).await?;
        if !reply.is_success() {
            return Ok(());
        }
        insert(&ledger.acknowledged, number);
    }
    Ok(())
}

fn insert(set: &Mutex<BTreeSet<u64>>, number: u64) {
    set.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_number_and_any_change_is_seen() {
        let mut delivered = b"Received: from x\r\n".to_vec();
        delivered.extend(message(14));
        assert_eq!(identify(&delivered), Some((14, true)));
        let last = delivered.len() - 5;
        delivered[last] ^= 1;
        assert_eq!(identify(&delivered), Some((14, false)));
        assert_eq!(identify(b"Subject: x\r\n\r\n"), None);
    }
}
