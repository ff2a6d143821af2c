//! A byte budget: who holds content in memory reserves it here, and gives it back by being dropped.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Octets in use, and how many may be.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicU64::new(0),
            limit,
        })
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so much more would fit.
    pub(crate) fn has_room(&self, octets: u64) -> bool {
        self.used().saturating_add(octets) <= self.limit
    }

    /// Reserves nothing yet.
    pub(crate) fn reserve(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            octets: 0,
        }
    }
}

/// A share of the budget, given back on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    octets: u64,
}

impl Reservation {
    /// Whether half of the budget is in use: who can do with less takes less.
    pub(crate) fn is_short(&self) -> bool {
        self.budget.used() > self.budget.limit / 2
    }

    /// Sets the share. It may pass the limit: who is in the middle of a message ends it, new ones are refused.
    pub(crate) fn resize(&mut self, octets: u64) {
        self.budget.used.fetch_add(octets, Ordering::Relaxed);
        self.budget.used.fetch_sub(self.octets, Ordering::Relaxed);
        self.octets = octets;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let budget = Budget::new(10);
        let mut first = budget.reserve();
        first.resize(8);
        assert!(budget.has_room(2) && !budget.has_room(3));
        first.resize(4);
        assert_eq!(budget.used(), 4);
        drop(first);
        assert_eq!(budget.used(), 0);
    }
}
