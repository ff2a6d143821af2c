//! What the dispatcher keeps between its turns: whose turn it is, what is under way, and what was learnt of each
//! destination.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use sekisho_mail::Timestamp;
use sekisho_store::Destination;
use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};

use super::{
    Configured,
    batch::Report,
    pool::{Pool, PoolKey},
    window::Window,
};
use crate::{chance::Map, clock};

/// Two looks are at least so far apart, however often somebody asks for one.
const LOOKS_APART: Duration = Duration::from_millis(50);

/// What the loop keeps between its turns.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) jobs: JoinSet<Report>,
    /// What is under way, and whether its destination was found dead the last time.
    pub(super) running: HashMap<Id, (Destination, bool)>,
    /// How many of them were.
    pub(super) failing: usize,
    pub(super) windows: HashMap<Destination, Window>,
    /// Destinations of which something may be due, in turn.
    pub(super) ready: VecDeque<Destination>,
    /// Likewise, of those that were dead the last time.
    pub(super) retried: VecDeque<Destination>,
    /// Whether one of the latter comes next.
    pub(super) is_turn_of_retried: bool,
    /// All that are in either.
    pub(super) waiting: HashSet<Destination>,
    /// Destinations whose next hop had no room, per next hop: as many are in turn again as it has room for.
    pub(super) parked: Map<PoolKey, VecDeque<Destination>>,
    /// Dead destinations, as their rows in the store say too.
    pub(super) backed_off: HashMap<Destination, Timestamp>,
    pub(super) last_look: Option<Instant>,
    pub(super) next_look: Instant,
    /// Nor is it looked before, whatever asks for it.
    pub(super) no_look_before: Instant,
}

impl Default for Round {
    fn default() -> Self {
        Self {
            jobs: JoinSet::new(),
            running: HashMap::new(),
            failing: 0,
            windows: HashMap::new(),
            ready: VecDeque::new(),
            retried: VecDeque::new(),
            is_turn_of_retried: false,
            waiting: HashSet::new(),
            parked: Map::default(),
            backed_off: HashMap::new(),
            last_look: None,
            next_look: Instant::now(),
            no_look_before: Instant::now(),
        }
    }
}

impl Round {
    /// At once, or a moment after the last look: many calls make one.
    pub(super) fn look_soon(&mut self) {
        let soon = self.last_look.map_or_else(Instant::now, |last| last + LOOKS_APART);
        self.next_look = self.next_look.min(soon);
    }

    pub(super) fn look_at(&self) -> Instant {
        self.next_look.max(self.no_look_before)
    }

    /// Destinations that have their turn already, or get one when what they wait for has ended.
    pub(super) fn known(&self) -> HashSet<Destination> {
        let running = self.running.values().map(|(destination, _)| destination);
        let parked = self.parked.values().flatten();
        let known = self.waiting.iter().chain(parked).chain(running);
        known.cloned().collect()
    }

    pub(super) fn make_ready(&mut self, destination: Destination) {
        if self.waiting.insert(destination.clone()) {
            let is_failing = self.is_failing(&destination);
            let turns = if is_failing { &mut self.retried } else { &mut self.ready };
            turns.push_back(destination);
        }
    }

    /// The destination whose turn it is. Those that were dead the last time take turns with the others, if they may.
    pub(super) fn take_turn(&mut self, retried_may: bool) -> Option<Destination> {
        self.is_turn_of_retried = retried_may && !self.is_turn_of_retried;
        loop {
            let from_retried = retried_may && (self.is_turn_of_retried || self.ready.is_empty());
            let retried = if from_retried { self.retried.pop_front() } else { None };
            let destination = retried.or_else(|| self.ready.pop_front())?;
            // It may have been found dead while it had its turn among the others.
            if !retried_may && self.is_failing(&destination) {
                self.retried.push_back(destination);
                continue;
            }
            self.waiting.remove(&destination);
            return Some(destination);
        }
    }

    /// Whoever had the room may have ended before it was known who waits for it: so it is looked at anew each time.
    pub(super) fn unpark(&mut self, pool: &Pool, most: usize) {
        let mut unparked = Vec::new();
        self.parked.retain(|hop, parked| {
            let room = pool.room(hop, most).min(parked.len());
            unparked.extend(parked.drain(..room));
            !parked.is_empty()
        });
        unparked
            .into_iter()
            .for_each(|destination| self.make_ready(destination));
    }

    pub(super) fn has_room(&self, configured: &Configured, destination: &Destination) -> bool {
        let most = configured.way(destination).route.connections;
        self.windows.get(destination).is_none_or(|window| window.has_room(most))
    }

    /// Whether it took mail the last time.
    pub(super) fn is_proven(&self, destination: &Destination) -> bool {
        self.windows.get(destination).is_some_and(Window::is_proven)
    }

    /// Whether it was found dead the last time.
    pub(super) fn is_failing(&self, destination: &Destination) -> bool {
        let window = self.windows.get(destination);
        window.is_some_and(|window| window.failures > 0)
    }

    pub(super) fn is_backed_off(&self, destination: &Destination) -> bool {
        self.backed_off
            .get(destination)
            .is_some_and(|until| clock::now() < *until)
    }

    /// Keeps the memory of windows within its bound: what is idle and not in trouble is forgotten first. At least half
    /// of a full memory goes at a time, so that it is seldom looked through.
    pub(super) fn forget(&mut self, capacity: usize) {
        let now = clock::now();
        if self.backed_off.len() >= capacity {
            self.backed_off.retain(|_, until| now < *until);
            if self.backed_off.len() >= capacity / 2 {
                // The store's rows say the same.
                self.backed_off.clear();
            }
        }
        if self.windows.len() >= capacity {
            self.windows
                .retain(|_, window| window.in_flight > 0 || window.failures > 0);
            if self.windows.len() >= capacity / 2 {
                self.windows.retain(|_, window| window.in_flight > 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(name: &str) -> Destination {
        Destination::new(name.parse().unwrap())
    }

    fn dead(round: &mut Round, name: &str) {
        let window = round.windows.entry(destination(name));
        window.or_insert_with(|| Window::new(2)).failed();
    }

    #[tokio::test]
    async fn who_was_dead_takes_turns_with_the_others_and_none_where_there_is_no_room_for_them() {
        let mut round = Round::default();
        for name in ["a.dead.example", "b.dead.example"] {
            dead(&mut round, name);
        }
        let names = [
            "a.dead.example",
            "b.dead.example",
            "a.example",
            "b.example",
            "c.example",
        ];
        for name in names {
            round.make_ready(destination(name));
        }
        dead(&mut round, "a.example");
        let mut turns = |may| round.take_turn(may).map(|destination| destination.to_string());
        assert_eq!(turns(false).as_deref(), Some("b.example"), "a died while it waited");
        assert_eq!(turns(true).as_deref(), Some("a.dead.example"));
        assert_eq!(turns(true).as_deref(), Some("c.example"));
        assert_eq!(turns(false), None);
        assert_eq!(turns(true).as_deref(), Some("b.dead.example"));
        assert_eq!(turns(true).as_deref(), Some("a.example"));
        assert_eq!(turns(true), None);
        assert!(round.waiting.is_empty());
    }

    #[tokio::test]
    async fn a_full_memory_forgets_half_and_what_is_in_trouble_last() {
        let mut round = Round::default();
        for number in 0..100 {
            let name = format!("d{number}.example");
            round.windows.insert(destination(&name), Window::new(2));
            if number < 40 {
                dead(&mut round, &name);
            }
        }
        round.forget(101);
        assert_eq!(round.windows.len(), 100);
        round.forget(100);
        assert_eq!(round.windows.len(), 40);
        assert!(round.windows.values().all(|window| window.failures > 0));
        round.windows.get_mut(&destination("d7.example")).unwrap().in_flight = 1;
        round.forget(40);
        assert_eq!(round.windows.len(), 1, "those in trouble were too many");
    }
}
