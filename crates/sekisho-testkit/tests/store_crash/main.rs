//! Law 1 at every write: the embedded store under a disk that crashes or fails at any operation. What was acknowledged
//! is there and whole; what was settled is gone and in the trace; orders are kept; nothing is there that was never
//! offered whole.
//!
//! The seed is printed; `SEKISHO_CRASH_SEED` repeats its choices (which thread comes first is the system's), and
//! `SEKISHO_CRASH_STATES` says how many states are judged: `cargo xtask states` is the long run.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]
#![expect(clippy::print_stdout, reason = "what repeats a run must be seen")]

mod judge;
mod ledger;
mod states;
mod work;

use std::{collections::HashSet, fs, sync::Arc, thread};

use sekisho_store::{
    Pressure, QueueFilter, Soundness, Store, StoreError, TraceFilter,
    conformance::{NOW, accepted, commit, content, delivered, destination, draft, settlement},
};
use sekisho_testkit::vfs::{CrashDisk, Failure, Op, Replay};
use states::{FAILURES, Look, Record, explore};
use tempfile::TempDir;
use work::{BODY_THRESHOLD, Dice, OLD, World, folder, insist};

/// States of one record.
const STATES_OF_RECORD: usize = 2000;
/// States of a record in which something failed.
const STATES_OF_FAILURE: usize = 12;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn seed() -> u64 {
    let seed = from_environment("SEKISHO_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919);
    println!("SEKISHO_CRASH_SEED={seed}");
    seed
}

/// How many states are judged by this test.
fn wanted(share_percent: usize) -> usize {
    let states = from_environment("SEKISHO_CRASH_STATES").and_then(|states| usize::try_from(states).ok());
    states.unwrap_or(10_000) * share_percent / 100
}

/// Works over a disk, in the end after a restart too, and records it; the folder is kept as long as the record.
fn record(disk: &Arc<CrashDisk>, messages: usize, threads: usize, seed: u64) -> (Record, TempDir) {
    let place = folder();
    let world = insist(|| World::open(place.path(), disk.clone(), OLD)).unwrap();
    world.work(messages, threads, seed);
    let world = world.restart(place.path(), NOW).unwrap();
    world.shift(messages..messages + 4, threads, seed, NOW);
    let record = Record {
        root: place.path().to_owned(),
        ops: disk.ops(),
        facts: world.ledger.facts(),
        replay: Replay::new(seed),
        known: ledger::Known::default(),
    };
    (record, place)
}

fn look(states: usize, seed: u64) -> Look {
    Look {
        states,
        from: 0,
        lives: 2,
        seed,
    }
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_is_cut() {
    let mut dice = Dice(seed());
    let wanted = wanted(80);
    let mut judged = 0;
    while judged < wanted {
        let seed = dice.roll();
        let threads = dice.pick(&[1, 3, 4]);
        let (record, _place) = record(&CrashDisk::new(), 40, threads, seed);
        let copied = |op: &Op| matches!(op, Op::Sync(path) if path.ends_with("queue.db"));
        let first = record.ops.iter().position(|op| matches!(op, Op::Mark(_))).unwrap();
        assert!(
            record.ops[first..].iter().any(copied),
            "the log has to be restarted on the way"
        );
        let states = STATES_OF_RECORD.min(wanted - judged);
        judged += explore(&record, look(states, seed)).unwrap_or_else(|fault| panic!("record {seed}: {fault}"));
        println!(
            "{judged} states judged; the last {} operations had seed {seed}",
            record.ops.len()
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_whichever_operation_fails() {
    let mut dice = Dice(seed());
    let wanted = wanted(20);
    let disk = CrashDisk::new();
    record(&disk, 24, 4, dice.roll());
    let operations = disk.done();
    assert!(operations > 200);
    // Records are made while others wait for a disk that fails: several at once.
    let lanes: Vec<Dice> = (0..8).map(|_| Dice(dice.roll())).collect();
    thread::scope(|scope| {
        for mut dice in lanes.clone() {
            scope.spawn(move || {
                let mut judged = 0;
                while judged < wanted / 8 {
                    judged += fail_once(&mut dice, operations);
                }
            });
        }
    });
}

/// One record in which operations fail, and states of it from there on.
fn fail_once(dice: &mut Dice, operations: u64) -> usize {
    let seed = dice.roll();
    let (number, in_a_row, failure) = (dice.roll() % operations, dice.pick(&[1, 4, 12]), dice.pick(&FAILURES));
    let disk = CrashDisk::new();
    disk.fail_for(number, in_a_row, failure);
    if dice.below(4) == 0 {
        disk.lose_names();
    }
    let (record, _place) = record(&disk, 24, 4, seed);
    let from = usize::try_from(number).unwrap().min(record.ops.len() - 1);
    let look = Look {
        from,
        ..look(STATES_OF_FAILURE, seed)
    };
    explore(&record, look)
        .unwrap_or_else(|fault| panic!("record {seed}, {in_a_row} from {number} fail with {failure:?}: {fault}"))
}

#[test]
fn a_store_that_does_not_sync_is_caught() {
    let disk = CrashDisk::new();
    disk.lie();
    let (record, _place) = record(&disk, 40, 4, 1);
    let fault = explore(&record, look(500, 1)).unwrap_err();
    assert!(
        fault.contains("lost") || fault.contains("back") || fault.contains("disk"),
        "{fault}"
    );
}

#[test]
fn an_acknowledgement_before_the_flush_is_caught() {
    let (mut record, _place) = record(&CrashDisk::new(), 40, 4, 1);
    // The same record, with everything that was known known where the sync before it began.
    let mut early = Vec::new();
    for op in std::mem::take(&mut record.ops) {
        let is_sync = |op: &Op| matches!(op, Op::Sync(path) if path.ends_with("queue.db-wal"));
        match early.iter().rposition(is_sync) {
            Some(sync) if matches!(op, Op::Mark(_)) => early.insert(sync, op),
            _ => early.push(op),
        }
    }
    record.ops = early;
    let fault = explore(&record, look(4000, 1)).unwrap_err();
    assert!(
        fault.contains("lost") || fault.contains("back") || fault.contains("differs"),
        "{fault}"
    );
}

/// Each request gives the writer a turn; it reopens when its wait is over.
fn wait_while(world: &World, is_so: impl Fn(Pressure) -> bool) {
    while is_so(world.store.pressure()) {
        let _ = world.store.due(NOW, 1, HashSet::new()).wait();
        thread::yield_now();
    }
}

#[test]
fn after_an_io_error_every_page_is_looked_at_before_anything_is_taken() {
    let place = folder();
    let world = World::open(place.path(), CrashDisk::new(), NOW).unwrap();
    world.shift(0..8, 2, 1, NOW);
    world.store.stop().wait().unwrap();
    drop(world);
    // Nobody reads the last page before the error: only the look finds it.
    let path = place.path().join("queue.db");
    let mut octets = fs::read(&path).unwrap();
    let last = octets.len() - 8192;
    octets[last..].fill(0xff);
    fs::write(&path, octets).unwrap();
    let disk = CrashDisk::new();
    let world = World::open(place.path(), disk.clone(), NOW).unwrap();
    assert_eq!(world.store.pressure().soundness, Soundness::Sound);
    disk.fail_at(disk.done() + 1, Failure::Io);
    let refused = world.store.back_off(&destination("one.example"), NOW, "silence").wait();
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    wait_while(&world, |pressure| pressure.soundness != Soundness::Damaged);
    let refused = world.store.begin(NOW).unwrap_err();
    assert!(matches!(refused, StoreError::DamagedPages(_)), "{refused}");
    wait_while(&world, |pressure| pressure.failed);
}

#[test]
fn a_store_that_failed_takes_mail_again_after_it_has_recovered() {
    let disk = CrashDisk::new();
    let place = folder();
    let world = World::open(place.path(), disk.clone(), NOW).unwrap();
    world.shift(0..8, 2, 1, NOW);
    disk.fail_at(disk.done() + 1, Failure::Io);
    let refused = world
        .store
        .commit(
            draft(&*world.store, b"x", NOW),
            accepted(&["a@one.example"], NOW),
            false,
        )
        .wait();
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    assert!(world.store.pressure().failed);
    wait_while(&world, |pressure| {
        pressure.failed || pressure.soundness == Soundness::Unchecked
    });
    let taken = commit(&*world.store, b"y", &["a@one.example"], NOW, false);
    let listed = world
        .store
        .list(QueueFilter::default(), NOW, None, 1000)
        .wait()
        .unwrap();
    assert!(listed.iter().any(|row| row.id == taken.id));
}

/// A flush that failed may have written the row all the same. When the process ends before that is known, the content
/// must be there for whoever starts next.
#[test]
fn content_stays_until_the_row_that_names_it_is_gone_for_good() {
    let long = vec![b'x'; 2 * BODY_THRESHOLD];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut refused, mut listed) = (0, 0);
    let faults = (1..40).flat_map(|after| (1..8).map(move |in_a_row| (after, in_a_row)));
    for (after, in_a_row) in faults {
        let disk = CrashDisk::new();
        let place = folder();
        let world = World::open(place.path(), disk.clone(), NOW).unwrap();
        let mut draft = world.store.begin(NOW).unwrap();
        runtime.block_on(draft.write(&long)).unwrap();
        disk.fail_for(disk.done() + after, in_a_row, Failure::Io);
        let commit = world
            .store
            .commit(draft, accepted(&["a@one.example"], NOW), false)
            .wait();
        refused += usize::from(commit.is_err());
        drop(world);
        let next = World::open(place.path(), CrashDisk::new(), NOW).unwrap();
        let filter = QueueFilter::default();
        for row in next.store.list(filter, NOW, None, 10).wait().unwrap() {
            let body = next.store.body(row.id).wait().unwrap();
            assert_eq!(content(&body), long, "{in_a_row} failed, {after} operations on");
            listed += usize::from(commit.is_err());
        }
    }
    assert!(refused > 0 && listed > 0, "{refused} refused, {listed} of them listed");
}

/// What a failed transaction had written of a channel is not there: later evidence must not refer to it.
#[test]
fn evidence_refers_to_no_channel_that_a_failed_transaction_took_along() {
    let mut failed = 0;
    for after in 1..40 {
        let disk = CrashDisk::new();
        let place = folder();
        let world = World::open(place.path(), disk.clone(), NOW).unwrap();
        let commit = |_| {
            commit(&*world.store, b"x", &["a@one.example"], NOW, true)
                .leases
                .remove(0)
        };
        let leases: Vec<_> = (0..4).map(commit).collect();
        let mut settled = Vec::new();
        for (step, lease) in leases.into_iter().enumerate() {
            let mut settlement = settlement(&lease, &delivered(), NOW);
            let evidence = settlement.results[0].evidence.as_mut().unwrap();
            evidence.channel = Some(Arc::clone(&world.channels[step / 2]));
            let evidence = evidence.clone();
            if step == 2 {
                disk.fail_at(disk.done() + after, Failure::Io);
            }
            match world.store.settle(lease, settlement).wait() {
                Ok(_) => settled.push(evidence),
                Err(_) => failed += 1,
            }
            wait_while(&world, |pressure| {
                pressure.failed || pressure.soundness == Soundness::Unchecked
            });
        }
        for evidence in settled {
            let filter = TraceFilter {
                id: Some(evidence.message),
                ..TraceFilter::default()
            };
            let items = world.store.trace(filter).wait().unwrap();
            let attempts: Vec<_> = items.into_iter().flat_map(|item| item.attempts).collect();
            assert!(
                attempts.iter().any(|attempt| attempt.evidence == evidence),
                "{after} operations on"
            );
        }
    }
    println!("{failed} settlements failed");
}
