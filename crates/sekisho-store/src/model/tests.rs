//! The model against the suite, and what it keeps when it crashes.

use std::sync::Arc;

use super::*;
use crate::{
    Store,
    conformance::{CASES, NOW, Place, accepted, commit, content, delivered, draft, lease, settlement},
};

impl Place for ModelDisk {
    fn open(&self) -> Arc<dyn Store> {
        Self::open(self, NOW).unwrap()
    }
}

fn at_once() -> ModelDisk {
    ModelDisk::new(ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    })
}

#[test]
fn passes_the_suite() {
    for (fact, case) in CASES {
        println!("{fact}");
        case(&at_once());
    }
}

#[test]
fn a_crash_keeps_what_was_acknowledged_and_a_random_part_of_the_rest() {
    let mut left = BTreeSet::new();
    for seed in 0..100 {
        let disk = ModelDisk::new(ModelSettings::default());
        let store = ModelDisk::open(&disk, NOW).unwrap();
        let kept = store.commit(draft(&*store, b"kept", NOW), accepted(&["a@one.example"], NOW), false);
        store.flush();
        let kept = kept.wait().unwrap().id;
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                store.commit(
                    draft(&*store, b"perhaps", NOW),
                    accepted(&["a@one.example"], NOW),
                    false,
                )
            })
            .collect();
        disk.crash(&mut fastrand::Rng::with_seed(seed));
        for ticket in waiting {
            assert!(
                matches!(ticket.wait(), Err(StoreError::Stopped)),
                "nothing is acknowledged by a crash"
            );
        }
        assert!(matches!(store.begin(NOW), Err(StoreError::Stopped)));
        let store = ModelDisk::open(&disk, NOW).unwrap();
        assert_eq!(content(&store.body(kept).wait().unwrap()), b"kept");
        left.insert(disk.queued());
    }
    assert_eq!(left, BTreeSet::from([1, 2, 3, 4]));
}

#[test]
fn a_settlement_that_was_not_acknowledged_may_leave_its_evidence_alone() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let disk = ModelDisk::new(ModelSettings::default());
        let store = ModelDisk::open(&disk, NOW).unwrap();
        let ticket = store.commit(draft(&*store, b"x", NOW), accepted(&["a@one.example"], NOW), false);
        store.flush();
        ticket.wait().unwrap();
        let taken = lease(&*store, "one.example", NOW).pop().unwrap();
        let ends = settlement(&taken, &delivered(), NOW);
        drop(store.settle(taken, ends));
        disk.crash(&mut fastrand::Rng::with_seed(seed));
        seen.insert((disk.queued(), disk.traced()));
    }
    assert_eq!(seen, BTreeSet::from([(1, 0), (1, 1), (0, 1)]));
}

#[test]
fn an_unsynced_file_is_an_orphan_after_a_crash_and_is_removed() {
    let mut removed = BTreeSet::new();
    for seed in 0..20 {
        let disk = at_once();
        let store = ModelDisk::open(&disk, NOW).unwrap();
        let mut large = store.begin(NOW).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(large.write(&vec![b'x'; 1_500_000])).unwrap();
        disk.crash(&mut fastrand::Rng::with_seed(seed));
        drop(large);
        let store = ModelDisk::open(&disk, NOW).unwrap();
        removed.insert(store.remove_orphans().wait().unwrap());
        assert_eq!(store.remove_orphans().wait().unwrap(), 0);
    }
    assert_eq!(removed, BTreeSet::from([0, 1]));
}

#[test]
fn a_failure_refuses_and_may_keep_and_settlements_outlast_it() {
    let mut queued = BTreeSet::new();
    for seed in 0..20 {
        let disk = ModelDisk::new(ModelSettings::default());
        let store = ModelDisk::open(&disk, NOW).unwrap();
        let ticket = store.commit(draft(&*store, b"x", NOW), accepted(&["a@one.example"], NOW), true);
        store.flush();
        let taken = ticket.wait().unwrap().leases.pop().unwrap();
        let refused = store.commit(draft(&*store, b"y", NOW), accepted(&["b@one.example"], NOW), true);
        let ends = settlement(&taken, &delivered(), NOW);
        let settled = store.settle(taken, ends);
        store.fail(&mut fastrand::Rng::with_seed(seed));
        assert!(matches!(refused.wait(), Err(StoreError::Failed(_))));
        assert!(store.pressure().failed && lease(&*store, "one.example", NOW).is_empty());
        store.recover();
        store.flush();
        settled.wait().unwrap();
        queued.insert(disk.queued());
    }
    assert_eq!(queued, BTreeSet::from([0, 1]));
}

#[test]
fn a_disk_has_one_store_at_a_time() {
    let disk = at_once();
    let store = ModelDisk::open(&disk, NOW).unwrap();
    assert!(matches!(ModelDisk::open(&disk, NOW), Err(StoreError::Locked { .. })));
    commit(&*store, b"x", &["a@one.example"], NOW, false);
    store.stop().wait().unwrap();
    assert!(ModelDisk::open(&disk, NOW).is_ok());
}
