//! Law 1 at every write: the embedded store under a disk that crashes or fails at any operation. What was acknowledged
//! is there and whole; what was settled is gone and in the trace; nothing is there that was never offered whole.
//!
//! The seed is printed; `SEKISHO_CRASH_SEED` repeats a run.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use sekisho_mail::{MessageId, Timestamp};
use sekisho_store::{
    Body, Lease, QueueFilter, Store, StoreError, Ticket, TraceFilter,
    conformance::{NOW, accepted, content, deferred, delivered, settlement},
    sqlite::{SqliteStore, StoreSettings},
};
use sekisho_testkit::vfs::{Choice, CrashDisk, Failure, Op, Replay};
use tempfile::TempDir;

/// What is known of a message.
#[derive(Clone, Debug, Default)]
struct Entry {
    content: Vec<u8>,
    recipients: usize,
}

/// What a mark in the record says of a message.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Acknowledged(MessageId),
    SettleBegun(MessageId),
    Settled(MessageId),
}

/// The ledger outside the store.
#[derive(Debug, Default)]
struct Ledger {
    offered: Mutex<BTreeMap<MessageId, Entry>>,
    facts: Mutex<Vec<Fact>>,
}

impl Ledger {
    fn note(&self, disk: &CrashDisk, fact: Fact) {
        let mut facts = self.facts.lock().unwrap();
        facts.push(fact);
        disk.mark(facts.len() as u64 - 1);
    }
}

fn settings(folder: &Path) -> StoreSettings {
    StoreSettings {
        body_threshold: 4096,
        log_limit: 192 * 1024,
        settle_delay: Duration::ZERO,
        min_free_octets: 0,
        ..StoreSettings::new(folder)
    }
}

fn folder() -> TempDir {
    // In memory where there is such a place: thousands of small folders are made.
    let shm = Path::new("/dev/shm");
    if shm.is_dir() {
        TempDir::new_in(shm)
    } else {
        TempDir::new()
    }
    .unwrap()
}

struct World {
    store: Arc<SqliteStore>,
    disk: Arc<CrashDisk>,
    ledger: Arc<Ledger>,
}

fn wait<T>(ticket: Ticket<T>) -> Result<T, StoreError> {
    ticket.wait()
}

impl World {
    /// Offers a message; notes it when it was acknowledged.
    fn offer(&self, serial: usize, lease: bool) -> Vec<Lease> {
        let len = if serial % 7 == 3 {
            20_000
        } else {
            300 + serial * 37 % 3000
        };
        let content: Vec<u8> = (0..len).map(|place| b'a' + ((place * 7 + serial) % 26) as u8).collect();
        let to: &[&str] = if serial.is_multiple_of(3) {
            &["a@one.example", "b@two.example"]
        } else {
            &["a@one.example"]
        };
        let Ok(mut draft) = self.store.begin(NOW) else {
            return Vec::new();
        };
        let id = draft.id();
        let entry = Entry {
            content: content.clone(),
            recipients: to.len(),
        };
        self.ledger.offered.lock().unwrap().insert(id, entry);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if runtime.block_on(draft.write(&content)).is_err() {
            return Vec::new();
        }
        match wait(self.store.commit(draft, accepted(to, NOW), lease)) {
            Ok(commit) => {
                self.ledger.note(&self.disk, Fact::Acknowledged(id));
                commit.leases
            }
            Err(_) => Vec::new(),
        }
    }

    /// Settles every lease of a message as delivered.
    fn deliver(&self, leases: Vec<Lease>) {
        let Some(id) = leases.first().map(|lease| lease.id) else {
            return;
        };
        self.ledger.note(&self.disk, Fact::SettleBegun(id));
        let ends: Vec<_> = leases
            .into_iter()
            .map(|lease| {
                let ends = settlement(&lease, &delivered(), NOW);
                self.store.settle(lease, ends)
            })
            .collect();
        // All of them, though the first may fail.
        let settled: Vec<_> = ends.into_iter().map(wait).collect();
        if settled.iter().all(Result::is_ok) {
            self.ledger.note(&self.disk, Fact::Settled(id));
        }
    }

    /// Sends messages from several threads, delivers a third of them, defers another.
    fn work(&self, messages: usize, threads: usize) {
        thread::scope(|scope| {
            for worker in 0..threads {
                scope.spawn(move || {
                    for serial in (worker..messages).step_by(threads) {
                        match serial % 3 {
                            0 => self.deliver(self.offer(serial, true)),
                            1 => drop(self.offer(serial, false)),
                            _ => self.defer(self.offer(serial, true)),
                        }
                    }
                });
            }
        });
    }

    fn defer(&self, leases: Vec<Lease>) {
        for lease in leases {
            let ends = settlement(&lease, &deferred(NOW.plus(Duration::from_secs(60))), NOW);
            // Deferred or not, it is in the queue.
            let _ = wait(self.store.settle(lease, ends));
        }
    }
}

fn world(folder: &Path, disk: Arc<CrashDisk>) -> Result<World, StoreError> {
    let settings = StoreSettings {
        disk: disk.clone(),
        ..settings(folder)
    };
    let store = Arc::new(SqliteStore::open(settings, NOW)?);
    let ledger = Arc::default();
    Ok(World { store, disk, ledger })
}

/// Compares a recovered folder with what the ledger says at this point of the record.
fn judge(folder: &Path, ledger: &Ledger, facts: &[Fact]) -> Result<(), String> {
    let said = |error: StoreError| error.to_string();
    let store = SqliteStore::open(settings(folder), NOW).map_err(said)?;
    store.remove_orphans().wait().map_err(said)?;
    let offered = ledger.offered.lock().unwrap();
    let mut queued: BTreeMap<MessageId, usize> = BTreeMap::new();
    for row in store
        .list(QueueFilter::default(), NOW, None, 10_000)
        .wait()
        .map_err(said)?
    {
        if row.held {
            return Err(format!("{} was set aside: {:?}", row.id, row.last_fault));
        }
        *queued.entry(row.id).or_default() += row.recipients.len();
    }
    // Asked all at once, since each answer comes from another thread.
    let bodies: Vec<Ticket<Body>> = queued.keys().map(|id| store.body(*id)).collect();
    for ((id, recipients), body) in queued.iter().zip(bodies) {
        let entry = offered.get(id).ok_or(format!("{id} was never offered"))?;
        if content(&body.wait().map_err(said)?) != entry.content {
            return Err(format!("{id} was altered"));
        }
        let begun = facts
            .iter()
            .any(|fact| matches!(fact, Fact::SettleBegun(other) if other == id));
        if *recipients != entry.recipients && !begun {
            return Err(format!("{id} lost a recipient"));
        }
    }
    if store.pressure().queued != queued.len() as u64 {
        return Err(format!("{} counted, {} queued", store.pressure().queued, queued.len()));
    }
    let far = Timestamp::FAR_FUTURE;
    let due = store.due(far, 10, HashSet::new()).wait().map_err(said)?;
    let counted: u64 = due.iter().map(|due| due.queued).sum();
    if counted != queued.values().sum::<usize>() as u64 {
        return Err(format!(
            "destinations count {counted} of {} deliveries",
            queued.values().sum::<usize>()
        ));
    }
    judge_facts(&store, &queued, facts)
}

fn judge_facts(store: &SqliteStore, queued: &BTreeMap<MessageId, usize>, facts: &[Fact]) -> Result<(), String> {
    let traced: Vec<MessageId> = store
        .trace(TraceFilter {
            outcome: Some("delivered".to_owned()),
            limit: 10_000,
            ..TraceFilter::default()
        })
        .wait()
        .map_err(|error| error.to_string())?
        .iter()
        .map(|item| item.id)
        .collect();
    let begun = |id: &MessageId| {
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::SettleBegun(other) if other == id))
    };
    for fact in facts {
        match fact {
            Fact::Acknowledged(id) if !queued.contains_key(id) && !begun(id) => {
                return Err(format!("{id} was acknowledged and is lost"));
            }
            Fact::Acknowledged(id) if !queued.contains_key(id) && !traced.contains(id) => {
                return Err(format!("{id} is neither queued nor in the trace"));
            }
            Fact::Settled(id) if queued.contains_key(id) => return Err(format!("{id} was settled and is back")),
            Fact::Acknowledged(_) | Fact::SettleBegun(_) | Fact::Settled(_) => {}
        }
    }
    Ok(())
}

/// One state of the disk to be judged.
fn judge_state(replay: &Replay, root: &Path, choice: Choice, ledger: &Ledger, facts: &[Fact]) -> Result<(), String> {
    let rebuilt = folder();
    replay
        .write_out(root, rebuilt.path(), choice)
        .map_err(|error| error.to_string())?;
    judge(rebuilt.path(), ledger, facts)
}

#[expect(clippy::print_stdout, reason = "what repeats a run must be seen")]
fn seed() -> u64 {
    let seed = std::env::var("SEKISHO_CRASH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 7919);
    println!("SEKISHO_CRASH_SEED={seed}");
    seed
}

/// Plays a record and judges about `wanted` states of it; the first that fails.
fn crash_everywhere(root: &Path, ops: &[Op], ledger: &Ledger, wanted: usize, seed: u64) -> Result<usize, String> {
    let all_facts = ledger.facts.lock().unwrap().clone();
    let mut facts = Vec::new();
    let mut replay = Replay::new(seed);
    let per_op = wanted.div_ceil(ops.len()).max(1);
    let every = (ops.len() / wanted).max(1);
    let mut judged = 0;
    for (place, op) in ops.iter().enumerate() {
        replay.step(op);
        if let Op::Mark(mark) = op {
            facts.push(all_facts[usize::try_from(*mark).unwrap()]);
        }
        if !(place + usize::try_from(seed % 97).unwrap()).is_multiple_of(every) {
            continue;
        }
        for round in 0..per_op {
            let choice = match (place + round) % 4 {
                0 => Choice::Nothing,
                1 => Choice::Everything,
                _ => Choice::Some(seed ^ ((place * 31 + round) as u64)),
            };
            judge_state(&replay, root, choice, ledger, &facts)
                .map_err(|fault| format!("after {place} of {} operations, {choice:?}: {fault}", ops.len()))?;
            judged += 1;
        }
    }
    Ok(judged)
}

fn recorded(disk: &Arc<CrashDisk>, messages: usize) -> (PathBuf, TempDir, Vec<Op>, Arc<Ledger>) {
    let place = folder();
    let root = place.path().to_owned();
    let world = world(&root, disk.clone()).unwrap();
    world.work(messages, 4);
    let ops = disk.ops();
    (root, place, ops, world.ledger.clone())
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_is_cut() {
    let seed = seed();
    let disk = CrashDisk::new();
    let (root, _place, ops, ledger) = recorded(&disk, 60);
    let first = ops.iter().position(|op| matches!(op, Op::Mark(_))).unwrap();
    let copied = |op: &Op| matches!(op, Op::Sync(path) if path.ends_with("queue.db"));
    assert!(
        ops[first..].iter().any(copied),
        "the log has to be restarted on the way"
    );
    let judged = crash_everywhere(&root, &ops, &ledger, 2000, seed).unwrap();
    println!("{judged} states after {} operations", ops.len());
    assert!(judged >= 1000 && ledger.facts.lock().unwrap().len() > 90);
}

#[test]
fn a_store_that_does_not_sync_is_caught() {
    let disk = CrashDisk::new();
    let place = folder();
    let world = world(place.path(), disk.clone()).unwrap();
    disk.lie();
    world.work(40, 4);
    let fault = crash_everywhere(place.path(), &disk.ops(), &world.ledger, 500, 1).unwrap_err();
    assert!(
        fault.contains("lost") || fault.contains("disk") || fault.contains("neither"),
        "{fault}"
    );
}

#[test]
fn an_acknowledgement_before_the_flush_is_caught() {
    let disk = CrashDisk::new();
    let (root, _place, ops, ledger) = recorded(&disk, 40);
    // The same record, with every acknowledgement where the sync before it began.
    let mut early = Vec::new();
    for op in ops {
        match op {
            Op::Mark(_) => {
                let sync = early
                    .iter()
                    .rposition(|op| matches!(op, Op::Sync(path) if path.ends_with("queue.db-wal")));
                early.insert(sync.unwrap(), op);
            }
            other => early.push(other),
        }
    }
    let fault = crash_everywhere(&root, &early, &ledger, 4000, 0).unwrap_err();
    assert!(
        fault.contains("lost") || fault.contains("back") || fault.contains("neither"),
        "{fault}"
    );
}

#[test]
fn nothing_acknowledged_is_lost_whichever_operation_fails() {
    let seed = seed();
    let disk = CrashDisk::new();
    recorded(&disk, 24);
    let operations = disk.done();
    assert!(operations > 100);
    // In turn, all of them over several runs when there are many.
    let step = usize::try_from(operations / 150).unwrap().max(1);
    let first = seed % step as u64;
    for number in (first..operations).step_by(step) {
        let failure = if number.is_multiple_of(2) {
            Failure::Io
        } else {
            Failure::Full
        };
        // Once, or for a while: then the reopen that should mend it fails as well.
        let in_a_row = if number.is_multiple_of(3) { 4 } else { 1 };
        let disk = CrashDisk::new();
        disk.fail_for(number, in_a_row, failure);
        let place = folder();
        // A store that cannot be opened at all has acknowledged nothing.
        let Ok(world) = world(place.path(), disk.clone()) else {
            continue;
        };
        world.work(24, 4);
        let (ops, ledger) = (disk.ops(), world.ledger.clone());
        let facts = ledger.facts.lock().unwrap().clone();
        let mut replay = Replay::new(seed ^ number);
        ops.iter().for_each(|op| replay.step(op));
        for choice in [Choice::Nothing, Choice::Everything, Choice::Some(seed ^ number)] {
            judge_state(&replay, place.path(), choice, &ledger, &facts)
                .unwrap_or_else(|fault| panic!("operation {number} fails with {failure:?}, {choice:?}: {fault}"));
        }
    }
}

#[test]
fn a_store_that_failed_takes_mail_again_after_it_has_recovered() {
    let disk = CrashDisk::new();
    let place = folder();
    let world = world(place.path(), disk.clone()).unwrap();
    world.work(8, 2);
    disk.fail_at(disk.done() + 1, Failure::Io);
    let draft = sekisho_store::conformance::draft(&*world.store, b"x", NOW);
    let refused = wait(world.store.commit(draft, accepted(&["a@one.example"], NOW), false));
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    assert!(world.store.pressure().failed);
    // Each request gives the writer a turn; it reopens when its wait is over.
    while world.store.pressure().failed {
        let _ = wait(world.store.due(NOW, 1, HashSet::new()));
        thread::yield_now();
    }
    let taken = sekisho_store::conformance::commit(&*world.store, b"y", &["a@one.example"], NOW, false);
    let listed = world
        .store
        .list(QueueFilter::default(), NOW, None, 1000)
        .wait()
        .unwrap();
    assert!(listed.iter().any(|row| row.id == taken.id));
}
