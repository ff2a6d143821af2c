//! Which deliveries are in somebody's hands. In memory only: what is durable is that this process owns the folder.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Destination;

/// Leased messages by the number of their destination.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_destination: HashMap<i64, Out>,
    /// The numbers of those destinations.
    numbers: HashMap<Destination, i64>,
    count: usize,
}

/// What is out of one destination.
#[derive(Debug)]
struct Out {
    destination: Destination,
    messages: HashSet<i64>,
    /// So many of these have been dropped, which the writer has not heard of yet.
    dropped: usize,
    /// Deliveries of it in the database, in whatever state, as of the last group that changed their number.
    rows: Option<usize>,
}

impl Leases {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was free and is taken now.
    pub(super) fn take(&self, (destination, number): (&Destination, i64), message: i64) -> bool {
        let mut guard = self.table();
        let table = &mut *guard;
        let out = table.by_destination.entry(number).or_insert_with(|| {
            table.numbers.insert(destination.clone(), number);
            Out {
                destination: destination.clone(),
                messages: HashSet::new(),
                dropped: 0,
                rows: None,
            }
        });
        let taken = out.messages.insert(message);
        table.count += usize::from(taken);
        taken
    }

    /// Takes note that a lease was dropped: it is out until the writer gives it back.
    pub(super) fn note_drop(&self, number: i64) {
        if let Some(out) = self.table().by_destination.get_mut(&number) {
            out.dropped += 1;
        }
    }

    /// Ends a lease that was dropped.
    pub(super) fn give_back_dropped(&self, number: i64, message: i64) {
        self.end(number, message, 1);
    }

    /// Ends a lease that was settled, or never came into anybody's hands.
    pub(super) fn give_back(&self, number: i64, message: i64) {
        self.end(number, message, 0);
    }

    fn end(&self, number: i64, message: i64, dropped: usize) {
        let mut table = self.table();
        let Some(out) = table.by_destination.get_mut(&number) else {
            return;
        };
        if !out.messages.remove(&message) {
            return;
        }
        out.dropped = out.dropped.saturating_sub(dropped);
        if out.messages.is_empty()
            && let Some(out) = table.by_destination.remove(&number)
        {
            table.numbers.remove(&out.destination);
        }
        table.count -= 1;
    }

    pub(super) fn holds(&self, number: i64, message: i64) -> bool {
        let table = self.table();
        let out = table.by_destination.get(&number);
        out.is_some_and(|out| out.messages.contains(&message))
    }

    /// Takes note of how many deliveries a destination has in the database, where something of it is out.
    pub(super) fn counted(&self, number: i64, rows: usize) {
        if let Some(out) = self.table().by_destination.get_mut(&number) {
            out.rows = Some(rows);
        }
    }

    /// Whether all that the database has of a destination is known to be out: then nobody need look there. While
    /// nothing is out this is never so, whatever the database's own count says.
    pub(super) fn all_out(&self, destination: &Destination) -> bool {
        let table = self.table();
        let number = table.numbers.get(destination);
        let out = number.and_then(|number| table.by_destination.get(number));
        out.is_some_and(|out| out.rows.is_some_and(|rows| rows + out.dropped <= out.messages.len()))
    }

    /// How many of a destination are out.
    pub(super) fn count_of(&self, number: i64) -> usize {
        let table = self.table();
        table.by_destination.get(&number).map_or(0, |out| out.messages.len())
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
