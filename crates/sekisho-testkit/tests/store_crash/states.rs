//! States of the disk: a record is played, and at its points the disk is rebuilt as a crash could have left it and
//! judged. Some states are lived in again, over a disk that is recorded and may fail, and crash once more: while they
//! recover, or at the work that follows.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use sekisho_store::conformance::NOW;
use sekisho_testkit::vfs::{Choice, CrashDisk, Failure, Op, Replay};

use super::{
    judge::{judge, observe},
    ledger::{Fact, Known},
    work::{Dice, World, folder},
};

/// What was done to a disk, and what was known of it meanwhile.
pub(crate) struct Record {
    pub(crate) root: PathBuf,
    pub(crate) ops: Vec<Op>,
    pub(crate) facts: Vec<Fact>,
    /// What the disk held before.
    pub(crate) replay: Replay,
    pub(crate) known: Known,
}

/// How a record is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// States to judge, about.
    pub(crate) states: usize,
    /// The first operation that counts.
    pub(crate) from: usize,
    /// How often a state may be lived in again.
    pub(crate) lives: usize,
    pub(crate) seed: u64,
}

/// One state in so many is lived in again.
const LIVES_SHARE: u64 = 24;
/// States judged of each later life.
const STATES_OF_LIFE: usize = 6;

/// Judges states of a record on as many threads as there are processors; how many, or the first fault.
pub(crate) fn explore(record: &Record, look: Look) -> Result<usize, String> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(look.states);
    let (judged, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                let (judged, failed) = (&judged, &failed);
                scope.spawn(move || {
                    let result = explore_part(record, look, (part, threads), (judged, failed));
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    result
                })
            })
            .collect();
        parts
            .into_iter()
            .try_for_each(|part| part.join().expect("a judge does not panic"))
    })?;
    Ok(judged.into_inner())
}

/// Every `parts`-th of the states.
fn explore_part(
    record: &Record,
    look: Look,
    (part, parts): (usize, usize),
    (judged, failed): (&AtomicUsize, &AtomicBool),
) -> Result<(), String> {
    let mut replay = record.replay.clone();
    let mut known = record.known.clone();
    let points = record.ops.len().saturating_sub(look.from).max(1);
    for (place, op) in record.ops.iter().enumerate() {
        replay.step(op);
        if let Op::Mark(mark) = op {
            known.learn(&record.facts[usize::try_from(*mark).expect("a mark of ours")]);
        }
        let Some(point) = place.checked_sub(look.from) else {
            continue;
        };
        // Spread evenly, whether there are more states than operations or fewer.
        for state in look.states * point / points..look.states * (point + 1) / points {
            if state % parts != part {
                continue;
            }
            if failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let state = State {
                replay: &replay,
                root: &record.root,
                known: &known,
                dice: Dice(look.seed ^ ((place as u64) << 32 | state as u64)),
            };
            let count = state.judge(look).map_err(|fault| {
                let ops = keep_ops(record);
                format!(
                    "after {} of {} operations ({ops}): {fault}",
                    place + 1,
                    record.ops.len()
                )
            })?;
            judged.fetch_add(count, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Writes the record down for whoever looks into a fault; where it is.
fn keep_ops(record: &Record) -> String {
    let mut text = String::new();
    for (place, op) in record.ops.iter().enumerate() {
        let line = match op {
            Op::Write(path, offset, octets) => format!("write {} {offset} {}", path.display(), octets.len()),
            Op::Mark(mark) => format!("{:?}", record.facts.get(usize::try_from(*mark).unwrap_or(usize::MAX))),
            other => format!("{other:?}"),
        };
        text += &format!(
            "{} {:.400}\n",
            place + 1,
            line.replace(&record.root.display().to_string(), "")
        );
    }
    let place = folder().keep().join("ops.txt");
    fs::write(&place, text).map_or_else(|error| error.to_string(), |()| place.display().to_string())
}

/// A disk at one point.
struct State<'a> {
    replay: &'a Replay,
    root: &'a Path,
    known: &'a Known,
    dice: Dice,
}

impl State<'_> {
    /// Judges one crash here; how many states that were with those of later lives.
    fn judge(mut self, look: Look) -> Result<usize, String> {
        let choice = match self.dice.below(4) {
            0 => Choice::Nothing,
            1 => Choice::Everything,
            _ => Choice::Some(self.dice.roll()),
        };
        let rebuilt = folder();
        let rebuild = |to: &Path| {
            self.replay
                .write_out(self.root, to, choice)
                .map_err(|error| error.to_string())
        };
        rebuild(rebuilt.path())?;
        let lives_on = look.lives > 0 && self.dice.roll().is_multiple_of(LIVES_SHARE);
        let result = if lives_on {
            let (place, seed) = (rebuilt.path(), self.dice.roll());
            // The power was on when a process was killed: what the disk lacks, it still lacks.
            let disk = match choice {
                Choice::Everything => Ok(self.replay.moved(self.root, place)),
                Choice::Nothing | Choice::Some(_) => Replay::of(place, seed),
            };
            disk.map_err(|error| error.to_string())
                .and_then(|disk| live_on(place, disk, self.known, look.lives - 1, seed))
        } else {
            judge(rebuilt.path(), self.known).map(|_| 1)
        };
        result.map_err(|fault| {
            // As it was before anybody opened it.
            let kept = folder().keep();
            let place = rebuild(&kept).map_or_else(|error| error, |()| kept.display().to_string());
            format!(
                "{choice:?}{}: {fault} (the folder: {place})",
                if lives_on { ", lived in again" } else { "" }
            )
        })
    }
}

/// Opens the folder over a disk that is recorded, recovers it and works in it, and judges crashes of that.
fn live_on(root: &Path, replay: Replay, known: &Known, lives: usize, seed: u64) -> Result<usize, String> {
    let mut dice = Dice(seed);
    let disk = CrashDisk::new();
    let fails = dice.below(2) == 0;
    if fails {
        // While it recovers, most of the time.
        disk.fail_for(dice.roll() % 40, dice.pick(&[1, 4, 12]), dice.pick(&FAILURES));
    }
    let mut facts = Vec::new();
    match World::open(root, Arc::clone(&disk), NOW) {
        Ok(world) => {
            match observe(&world.store, known) {
                Ok(found) => {
                    world.ledger.note(&disk, Fact::Found(found));
                    world.ledger.note(&disk, Fact::NewDay);
                    world.shift(1000 * (lives + 1)..1000 * (lives + 1) + 6, 2, seed, NOW);
                }
                // What cannot be read just now is judged after the next crash.
                Err(_) if fails => {}
                Err(fault) => return Err(fault),
            }
            facts = world.ledger.facts();
        }
        Err(_) if fails => {}
        Err(error) => return Err(error.to_string()),
    }
    let record = Record {
        root: root.to_owned(),
        ops: disk.ops(),
        facts,
        replay,
        known: known.clone(),
    };
    let look = Look {
        states: STATES_OF_LIFE,
        from: 0,
        lives,
        seed,
    };
    let (judged, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    explore_part(&record, look, (0, 1), (&judged, &failed))?;
    Ok(judged.into_inner())
}

/// How an operation fails.
pub(crate) const FAILURES: [Failure; 5] = [
    Failure::Io,
    Failure::Full,
    Failure::Torn,
    Failure::Quota,
    Failure::ReadOnly,
];
