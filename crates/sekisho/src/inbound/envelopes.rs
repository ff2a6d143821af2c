//! What the envelopes of open transactions hold in memory, over all sessions: it counts against the same budget as
//! content does, since thousands of sessions with thousands of recipients each are a great deal more than buffers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sekisho_mail::Recipient;
use sekisho_store::Pressure;

/// Octets that envelopes hold; cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub struct EnvelopeMemory(Arc<AtomicU64>);

impl EnvelopeMemory {
    /// Octets at this moment, roughly.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// How hard pressed the store and the sessions are together.
    #[must_use]
    pub fn on_top_of(&self, store: Pressure) -> Pressure {
        Pressure {
            memory_octets: store.memory_octets.saturating_add(self.octets()),
            ..store
        }
    }

    /// The share of one session; nothing yet.
    pub(super) fn share(&self) -> EnvelopeShare {
        EnvelopeShare {
            all: self.clone(),
            octets: 0,
        }
    }
}

/// What one session's envelope holds, or the header that it keeps for rules; given back when dropped.
#[derive(Debug)]
pub(super) struct EnvelopeShare {
    all: EnvelopeMemory,
    octets: u64,
}

impl EnvelopeShare {
    /// These recipients were taken in.
    pub(super) fn add(&mut self, recipients: &[Recipient]) {
        self.add_octets(recipients.iter().map(octets_of).sum());
    }

    /// So much more is held.
    pub(super) fn add_octets(&mut self, octets: usize) {
        let octets = octets as u64;
        self.all.0.fetch_add(octets, Ordering::Relaxed);
        self.octets += octets;
    }

    /// The transaction is over.
    pub(super) fn clear(&mut self) {
        self.all
            .0
            .fetch_sub(std::mem::take(&mut self.octets), Ordering::Relaxed);
    }
}

impl Drop for EnvelopeShare {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Roughly: the value, its texts, and its place in the index of the envelope.
fn octets_of(recipient: &Recipient) -> usize {
    let address = recipient.mailbox.local_part().len();
    let orcpt = recipient.orcpt.as_ref().map_or(0, |orcpt| orcpt.0.len());
    let carried = recipient.carried.len() * size_of::<sekisho_mail::Demand>();
    let handling = recipient.handling.as_ref().map_or(0, |handling| handling.octets());
    size_of::<Recipient>() + 2 * size_of::<u64>() + address + orcpt + carried + handling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sessions_hold_is_given_back_however_they_end() {
        let all = EnvelopeMemory::default();
        let recipient = Recipient::new("inbox@here.example".parse().unwrap());
        let (mut first, mut second) = (all.share(), all.share());
        first.add(&[recipient.clone(), recipient.clone()]);
        let two = all.octets();
        assert!(two >= 2 * size_of::<Recipient>() as u64);
        second.add(&[recipient]);
        assert_eq!(all.octets(), two / 2 * 3);
        first.clear();
        first.clear();
        assert_eq!(all.octets(), two / 2);
        drop((first, second));
        assert_eq!(all.octets(), 0);
    }
}
