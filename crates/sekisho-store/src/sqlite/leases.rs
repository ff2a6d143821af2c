//! Which deliveries are in somebody's hands. In memory only: what is durable is that this process owns the folder.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Leased messages by the number of their destination.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_destination: HashMap<i64, HashSet<i64>>,
    count: usize,
}

impl Leases {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was free and is taken now.
    pub(super) fn take(&self, destination: i64, message: i64) -> bool {
        let mut table = self.table();
        let taken = table.by_destination.entry(destination).or_default().insert(message);
        table.count += usize::from(taken);
        taken
    }

    pub(super) fn give_back(&self, destination: i64, message: i64) {
        let mut table = self.table();
        let Some(messages) = table.by_destination.get_mut(&destination) else {
            return;
        };
        let was_there = messages.remove(&message);
        if messages.is_empty() {
            table.by_destination.remove(&destination);
        }
        table.count -= usize::from(was_there);
    }

    pub(super) fn holds(&self, destination: i64, message: i64) -> bool {
        let table = self.table();
        table
            .by_destination
            .get(&destination)
            .is_some_and(|messages| messages.contains(&message))
    }

    /// How many of a destination are out.
    pub(super) fn count_of(&self, destination: i64) -> usize {
        self.table().by_destination.get(&destination).map_or(0, HashSet::len)
    }

    /// How many are out in all.
    pub(super) fn count(&self) -> usize {
        self.table().count
    }

    /// The destinations of which some are out.
    pub(super) fn destinations(&self) -> Vec<i64> {
        self.table().by_destination.keys().copied().collect()
    }
}
