//! What happens to the server in one round, and when: drawn from the seed beforehand, so that the same seed asks for
//! the same again. What the machine then makes of a moment is chance.

use std::time::Duration;

/// SplitMix64: a number from a number, well spread.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The same throws for the same seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) const fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not 0.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.throw() % limit
    }

    /// Whether it falls into so many of a hundred.
    pub(crate) const fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn micros(&mut self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.below(limit.max(1)))
    }
}

/// One life of the server: from its start to its violent end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) moment: Moment,
    pub(crate) end: End,
    /// Whether the host of the route that requires encryption offers STARTTLS meanwhile.
    pub(crate) strict_offers_tls: bool,
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after the process was started, be it ready or not: recoveries are cut short too.
    AfterStart(Duration),
    /// So long after it said that it is ready.
    AfterReady(Duration),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `kill -9`; the disk goes on.
    Kill,
    /// The disk is cut off.
    Cut {
        /// Whether the file system may write out its own log first.
        flush: bool,
        /// How long the process goes on without a disk, as after a failure of the disk alone. `None` when it stands
        /// still from the moment of the cut, as after a power cut.
        linger: Option<Duration>,
    },
}

/// A process that is killed as early as this has hardly opened its files, or is about to be ready.
const START_LIMIT: Duration = Duration::from_millis(150);
const KILL_LIMIT: Duration = Duration::from_millis(100);
const CUT_LIMIT: Duration = Duration::from_millis(700);
const LINGER_LIMIT: Duration = Duration::from_millis(120);

/// The lives of one round, in their order.
pub(crate) fn lives(seed: u64, cuts: usize, kills: usize) -> Vec<Life> {
    let mut dice = Dice::new(seed);
    let mut is_cut = vec![true; cuts];
    is_cut.resize(cuts + kills, false);
    // Fisher and Yates.
    for place in (1..is_cut.len()).rev() {
        let other = dice.below(place as u64 + 1);
        is_cut.swap(place, usize::try_from(other).unwrap_or(place));
    }
    is_cut.into_iter().map(|cut| life(&mut dice, cut)).collect()
}

fn life(dice: &mut Dice, cut: bool) -> Life {
    let limit = if cut { CUT_LIMIT } else { KILL_LIMIT };
    let moment = if dice.percent(15) {
        Moment::AfterStart(dice.micros(START_LIMIT))
    } else {
        Moment::AfterReady(dice.micros(limit))
    };
    let end = if cut {
        End::Cut {
            flush: dice.percent(30),
            linger: dice.percent(30).then(|| dice.micros(LINGER_LIMIT)),
        }
    } else {
        End::Kill
    };
    Life {
        moment,
        end,
        strict_offers_tls: dice.percent(50),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_asks_for_the_same_again_and_another_for_something_else() {
        let first = lives(7, 20, 200);
        assert_eq!(first, lives(7, 20, 200));
        assert_ne!(first, lives(8, 20, 200));
        let cuts = first.iter().filter(|life| life.end != End::Kill).count();
        assert_eq!((cuts, first.len()), (20, 220));
    }
}
