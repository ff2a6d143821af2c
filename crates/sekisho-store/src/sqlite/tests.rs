//! The embedded store against the suite, and what only it has: the folder's lock, the schema, recovery.

mod channels;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{schema, *};
use crate::{
    Disk, DiskFile, Soundness, SystemDisk,
    conformance::{CASES, NOW, Place, commit, content, destination, lease},
};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn settings(&self) -> StoreSettings {
        StoreSettings {
            settle_delay: std::time::Duration::ZERO,
            min_free_octets: 0,
            ..StoreSettings::new(self.0.path())
        }
    }

    fn sqlite(&self) -> SqliteStore {
        SqliteStore::open(self.settings(), NOW).unwrap()
    }

    fn queue(&self) -> PathBuf {
        self.0.path().join("queue.db")
    }
}

impl Place for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.sqlite())
    }
}

#[test]
fn passes_the_suite() {
    for (fact, case) in CASES {
        println!("{fact}");
        case(&Folder::new());
    }
}

/// A disk whose file system gives up in the middle of a sync, and says that the sync was done.
#[derive(Debug, Default)]
struct GivesUp(AtomicBool);

impl Disk for GivesUp {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        SystemDisk.create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemDisk.sync_folder(path)
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        SystemDisk.rewrite(path)
    }

    fn takes_writes(&self, path: &Path) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        SystemDisk.takes_writes(path)
    }

    fn sqlite_vfs(&self) -> Option<&str> {
        None
    }
}

#[test]
fn a_sync_is_not_believed_when_the_file_system_takes_no_more_writes() {
    let (folder, disk) = (Folder::new(), Arc::new(GivesUp::default()));
    let settings = StoreSettings {
        disk: disk.clone(),
        ..folder.settings()
    };
    let store = SqliteStore::open(settings, NOW).unwrap();
    disk.0.store(true, Ordering::Relaxed);
    let lost = store.commit(
        crate::conformance::draft(&store, b"x", NOW),
        crate::conformance::accepted(&["a@one.example"], NOW),
        false,
    );
    assert!(matches!(lost.wait(), Err(StoreError::Failed(_))));
    disk.0.store(false, Ordering::Relaxed);
    // Its sender comes again, once the pages have been looked at; what reached the log all the same is gone by then.
    while store.begin(NOW).is_err() {
        thread::yield_now();
    }
    let kept = commit(&store, b"y", &["a@one.example"], NOW, false).id;
    let leases = lease(&store, "one.example", NOW);
    assert_eq!(leases.iter().map(|lease| lease.id).collect::<Vec<_>>(), [kept]);
}

#[test]
fn a_second_process_is_refused() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let second = SqliteStore::open(folder.settings(), NOW);
    assert!(matches!(second, Err(StoreError::Locked { .. })));
    drop(store);
    folder.sqlite();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.sqlite());
    let db = Connection::open(folder.queue()).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let error = SqliteStore::open(folder.settings(), NOW).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 999, .. }), "{error}");
}

#[test]
fn every_older_schema_is_migrated_with_its_messages() {
    for old in 0..schema::MIGRATIONS.len() {
        let folder = Folder::new();
        let mut db = schema::open_writer(&folder.queue(), &SystemDisk).unwrap();
        schema::steps(&mut db, &folder.queue(), &schema::MIGRATIONS[..old]).unwrap();
        if old > 0 {
            db.execute_batch(
                "INSERT INTO destination (id, name, queued, earliest, ready) VALUES (1, 'one.example', 1, 5, 5)",
            )
            .unwrap();
        }
        drop(db);
        let store = folder.sqlite();
        let due = store.due(NOW, 10, HashSet::new()).wait().unwrap();
        assert_eq!(due.len(), usize::from(old > 0), "from version {old}");
        commit(&store, b"x", &["a@two.example"], NOW, false);
        assert_eq!(lease(&store, "two.example", NOW).len(), 1);
    }
}

#[test]
fn a_damaged_message_is_set_aside_and_the_others_go_on() {
    for harm in [
        "UPDATE body SET content = zeroblob(length(content)) WHERE id = ?1",
        "DELETE FROM body WHERE id = ?1",
        "UPDATE message SET envelope = replace(CAST(envelope AS TEXT), 'sender', 'fender') WHERE id = ?1",
        "UPDATE delivery SET recipients = replace(CAST(recipients AS TEXT), 'one', 'two') WHERE message = ?1",
    ] {
        let folder = Folder::new();
        let store = folder.sqlite();
        let bad = commit(&store, b"bad", &["a@one.example"], NOW, false).id;
        let good = commit(&store, b"good", &["b@one.example"], NOW, false).id;
        drop(store);
        let db = Connection::open(folder.queue()).unwrap();
        assert_eq!(db.execute(harm, [codec::key(bad)]).unwrap(), 1);
        drop(db);
        let store = folder.sqlite();
        let leases = lease(&store, "one.example", NOW);
        assert_eq!(
            leases.iter().map(|lease| lease.id).collect::<Vec<_>>(),
            [good],
            "{harm}"
        );
        let rows = store.list(QueueFilter::default(), NOW, None, 10).wait().unwrap();
        let set_aside = rows.iter().find(|row| row.id == bad).unwrap();
        assert!(
            set_aside.held && set_aside.last_fault.as_ref().unwrap().contains("set aside"),
            "{harm}"
        );
    }
}

#[test]
fn a_damaged_spool_file_is_noticed_by_whoever_reads_it() {
    let folder = Folder::new();
    let store = SqliteStore::open(
        StoreSettings {
            body_threshold: 10,
            ..folder.settings()
        },
        NOW,
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut draft = store.begin(NOW).unwrap();
    runtime.block_on(draft.write(&[b'x'; 1000])).unwrap();
    let accepted = crate::conformance::accepted(&["a@one.example"], NOW);
    let id = store.commit(draft, accepted, false).wait().unwrap().id;
    let path = folder.0.path().join("spool").join(format!("{id}.body"));
    let mut octets = fs::read(&path).unwrap();
    octets[500] ^= 1;
    fs::write(&path, octets).unwrap();
    let leases = lease(&store, "one.example", NOW);
    let error = leases[0].body.reader().unwrap().next_blocking().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    drop(leases);
    assert!(
        store.due(NOW, 10, HashSet::new()).wait().unwrap().is_empty(),
        "it was set aside"
    );
}

#[test]
fn what_a_crash_left_in_the_spool_is_removed_and_nothing_else() {
    let folder = Folder::new();
    let store = SqliteStore::open(
        StoreSettings {
            body_threshold: 10,
            ..folder.settings()
        },
        NOW,
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut kept = store.begin(NOW).unwrap();
    runtime.block_on(kept.write(&[b'k'; 1000])).unwrap();
    let accepted = crate::conformance::accepted(&["a@one.example"], NOW);
    let kept = store.commit(kept, accepted, false).wait().unwrap().id;
    let mut under_way = store.begin(NOW).unwrap();
    runtime.block_on(under_way.write(&[b'u'; 300_000])).unwrap();
    fs::write(folder.0.path().join("spool/0000000000001.body"), "orphan").unwrap();
    assert_eq!(store.remove_orphans().wait().unwrap(), 1);
    let accepted = crate::conformance::accepted(&["a@one.example"], NOW);
    let second = store.commit(under_way, accepted, false).wait().unwrap().id;
    assert_eq!(content(&store.body(kept).wait().unwrap()), [b'k'; 1000]);
    assert_eq!(content(&store.body(second).wait().unwrap()).len(), 300_000);
}

#[test]
fn a_message_in_flight_at_three_crashes_is_set_aside() {
    let folder = Folder::new();
    let store = folder.sqlite();
    commit(&store, b"poison", &["a@one.example"], NOW, false);
    drop(store);
    for crash in 0..3 {
        let store = folder.sqlite();
        let leases = lease(&store, "one.example", NOW);
        assert_eq!(leases.len(), 1, "before crash {crash}");
        // The process dies with the lease in its hands.
        drop(store);
        drop(leases);
    }
    let store = folder.sqlite();
    assert!(lease(&store, "one.example", NOW).is_empty());
    // It does not wait for its destination: that one's troubles do not hide why it was set aside.
    let one = destination("one.example");
    let back_off = store.back_off(&one, NOW.plus(std::time::Duration::from_secs(60)), "unreachable");
    back_off.wait().unwrap();
    let filter = QueueFilter {
        error: Some("three crashes".to_owned()),
        ..QueueFilter::default()
    };
    let rows = store.list(filter, NOW, None, 10).wait().unwrap();
    assert!(rows[0].held && rows[0].last_fault.as_ref().unwrap().contains("three crashes"));
}

#[test]
fn messages_one_crash_from_being_set_aside_go_alone_and_hold_up_nobody_else() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let suspects: Vec<_> = (0..3)
        .map(|_| commit(&store, b"x", &["a@one.example"], NOW, false).id)
        .collect();
    drop(store);
    for crash in 0..2 {
        let store = folder.sqlite();
        let leases = lease(&store, "one.example", NOW);
        assert_eq!(leases.len(), 3, "before crash {crash}");
        assert!(leases.iter().all(|lease| !lease.suspect), "before crash {crash}");
        drop(store);
        drop(leases);
    }
    let store = folder.sqlite();
    let innocent = commit(&store, b"x", &["b@one.example"], NOW, false).id;
    let mut out = lease(&store, "one.example", NOW);
    assert_eq!(out.len(), 2, "one suspect, and who is behind the others");
    out.sort_by_key(|lease| !lease.suspect);
    assert!(out[0].suspect && suspects.contains(&out[0].id));
    assert!(!out[1].suspect && out[1].id == innocent);
    assert!(
        store.due(NOW, 10, HashSet::new()).wait().unwrap().is_empty(),
        "what is withheld is not due"
    );
    let next = store.next_due(NOW).wait().unwrap().unwrap();
    assert_eq!(next, NOW.plus(watch::PAUSE), "but is asked for again soon");
    let first = out.remove(0);
    let first_id = first.id;
    let ends = crate::conformance::settlement(&first, &crate::conformance::delivered(), NOW);
    store.settle(first, ends).wait().unwrap();
    assert_eq!(store.due(NOW, 10, HashSet::new()).wait().unwrap().len(), 1);
    let second = lease(&store, "one.example", NOW);
    assert!(second.len() == 1 && second[0].suspect && second[0].id != first_id);
}

#[test]
fn the_trace_is_trimmed_by_age_and_by_size_and_the_queue_never() {
    let folder = Folder::new();
    let day = |days: u64| NOW.plus(std::time::Duration::from_secs(days * 86_400));
    let store = folder.sqlite();
    for days in [0, 1, 50, 100] {
        let committed = commit(&store, b"x", &["a@one.example"], day(days), true);
        for lease in committed.leases {
            let ends = crate::conformance::settlement(&lease, &crate::conformance::delivered(), day(days));
            store.settle(lease, ends).wait().unwrap();
        }
    }
    commit(&store, b"x", &["a@one.example"], NOW, false);
    let count = |store: &SqliteStore| store.trace(TraceFilter::default()).wait().unwrap().len();
    assert_eq!(
        count(&store),
        3,
        "two are older than 90 days, and went when the newest day began"
    );
    assert_eq!(store.trim_trace(day(100)).wait().unwrap(), 0);
    store.stop().wait().unwrap();
    let settings = StoreSettings {
        trace_cap_octets: 1,
        ..folder.settings()
    };
    let store = SqliteStore::open(settings, day(100)).unwrap();
    assert!(store.trim_trace(day(100)).wait().unwrap() > 0);
    assert_eq!(count(&store), 2, "today's and the queued one");
    assert_eq!(store.pressure().queued, 1);
}

/// Content that takes a page of its own.
fn page_of_content(number: usize) -> String {
    format!("message number {number:04} {}", "x".repeat(6000))
}

/// Overwrites the first page of the file that holds `text` with nonsense.
fn damage_page_with(path: &Path, text: &[u8]) {
    const PAGE: usize = 8192;
    let mut octets = fs::read(path).unwrap();
    let place = octets.windows(text.len()).position(|window| window == text).unwrap();
    let page = place / PAGE * PAGE;
    octets[page..page + PAGE].fill(0xff);
    fs::write(path, octets).unwrap();
}

/// Waits until all pages have been looked at, which ends with nothing being taken in; what is read goes on.
fn condemned(store: &SqliteStore) {
    let begin = std::time::Instant::now();
    while store.pressure().soundness != Soundness::Damaged {
        assert!(begin.elapsed().as_secs() < 30, "the damage is not found");
        thread::yield_now();
    }
    let refused = store.begin(NOW).unwrap_err();
    assert!(refused.to_string().contains("sekisho store recover"), "{refused}");
}

fn delivered(lease: &Lease) -> Settlement {
    crate::conformance::settlement(lease, &crate::conformance::delivered(), NOW)
}

#[test]
fn a_damaged_page_stops_what_comes_and_nothing_else() {
    let folder = Folder::new();
    let store = folder.sqlite();
    for number in 0..20 {
        commit(
            &store,
            page_of_content(number).as_bytes(),
            &["a@one.example"],
            NOW,
            false,
        );
    }
    let leases = lease(&store, "one.example", NOW);
    assert_eq!(leases.len(), 20);
    store.stop().wait().unwrap();
    drop((store, leases));
    damage_page_with(&folder.queue(), b"message number 0007");
    let store = folder.sqlite();
    let leases = lease(&store, "one.example", NOW);
    assert_eq!(leases.len(), 19, "the damaged one is set aside");
    for lease in leases {
        let ends = delivered(&lease);
        store.settle(lease, ends).wait().unwrap();
    }
    assert_eq!((store.pressure().queued, store.pressure().set_aside), (1, 1));
    condemned(&store);
    assert_eq!(store.remove_orphans().wait().unwrap(), 0);
    store.stop().wait().unwrap();
    drop(store);
    let store = folder.sqlite();
    condemned(&store);
    assert_eq!(
        store.list(QueueFilter::default(), NOW, None, 10).wait().unwrap().len(),
        1
    );
}

#[test]
fn an_order_right_behind_a_lease_that_came_back_is_obeyed_at_once() {
    let folder = Folder::new();
    let store = folder.sqlite();
    for number in 0..200 {
        let (from, to) = (format!("a{number}.example"), format!("b{number}.example"));
        let commit = commit(&store, b"x", &[&format!("a@{from}")], NOW, true);
        let there = Mailbox::parse(&format!("b@{to}")).unwrap();
        drop(commit.leases);
        store.redirect(commit.id, there, Vec::new(), NOW).wait().unwrap();
        assert_eq!(lease(&store, &to, NOW).len(), 1, "message {number}");
    }
}

#[test]
fn a_draft_begun_before_the_damage_was_found_is_not_taken_either() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let begun = crate::conformance::draft(&store, b"begun", NOW);
    store.shared.pages.condemn("by a test");
    let to = crate::conformance::accepted(&["a@one.example"], NOW);
    let refused = store.commit(begun, to, false).wait().unwrap_err();
    assert!(matches!(refused, StoreError::DamagedPages(_)), "{refused}");
    assert_eq!(store.pressure().queued, 0);
}

#[test]
fn what_is_no_database_names_the_command_that_recovers_it() {
    let folder = Folder::new();
    folder.sqlite().stop().wait().unwrap();
    let mut octets = fs::read(folder.queue()).unwrap();
    octets[..100].fill(0);
    fs::write(folder.queue(), octets).unwrap();
    let refused = SqliteStore::open(folder.settings(), NOW).unwrap_err();
    assert!(refused.to_string().contains("sekisho store recover"), "{refused}");
}

#[test]
fn a_page_that_is_damaged_under_way_costs_its_own_message_alone() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let mut leases = Vec::new();
    for number in 0..20 {
        leases.extend(
            commit(
                &store,
                page_of_content(number).as_bytes(),
                &["a@one.example"],
                NOW,
                true,
            )
            .leases,
        );
    }
    // Everything is in the database and nothing of it in the log or a cache, as after hours.
    let other = Connection::open(folder.queue()).unwrap();
    let busy: i64 = other
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    drop(other);
    damage_page_with(&folder.queue(), b"message number 0007");
    for lease in leases {
        let ends = delivered(&lease);
        store.settle(lease, ends).wait().unwrap();
    }
    assert_eq!(store.pressure().queued, 0);
    condemned(&store);
}

#[test]
fn a_damaged_day_of_the_trace_is_moved_away_and_a_newer_one_refused_at_the_start() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let settle = |store: &SqliteStore| {
        for lease in commit(store, b"x", &["a@one.example"], NOW, true).leases {
            let ends = delivered(&lease);
            store.settle(lease, ends).wait().unwrap();
        }
    };
    settle(&store);
    store.stop().wait().unwrap();
    drop(store);
    let today = day::Volume::first(NOW.day()).path(&folder.0.path().join("trace"));
    let mut octets = fs::read(&today).unwrap();
    // Behind the page with the schema.
    octets[8192..].fill(0xff);
    fs::write(&today, octets).unwrap();
    let store = folder.sqlite();
    settle(&store);
    assert_eq!(store.trace(TraceFilter::default()).wait().unwrap().len(), 1);
    store.stop().wait().unwrap();
    drop(store);
    let db = Connection::open(&today).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = SqliteStore::open(folder.settings(), NOW).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
}

#[test]
fn a_folder_that_others_could_enter_is_closed_to_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(folder.sqlite());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder.0.path()), 0o700);

    let foreign = TempDir::new().unwrap();
    fs::write(foreign.path().join("somebody's"), "").unwrap();
    fs::set_permissions(foreign.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let file = foreign.path().join("somebody's");
    for path in [foreign.path(), &file] {
        let before = mode(path);
        assert!(SqliteStore::open(StoreSettings::new(path), NOW).is_err());
        assert_eq!(mode(path), before, "what is not ours is left alone");
    }
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1);
}

/// CVE-2020-8793, CVE-2020-28007: links, second names, pipes and files of others in the place of the store's own.
#[test]
fn what_was_planted_in_the_folder_is_refused_and_never_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let elsewhere = TempDir::new().unwrap();
    let victim = elsewhere.path().join("victim");
    let link = |path: &Path| std::os::unix::fs::symlink(&victim, path).unwrap();
    let second_name = |path: &Path| fs::hard_link(&victim, path).unwrap();
    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
    };
    let places = [
        "lock",
        "queue.db",
        "queue.db-wal",
        "queue.db-shm",
        "queue.db-journal",
        "spool",
        "trace",
        "trace/2026-01-01",
    ];
    for place in places {
        for plant in [&link as &dyn Fn(&Path), &second_name, &pipe] {
            fs::write(&victim, "precious").unwrap();
            let folder = Folder::new();
            // As a server has left it, and not as an empty one that is open to others.
            fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(0o700)).unwrap();
            if place.contains('/') {
                fs::create_dir(folder.0.path().join("trace")).unwrap();
            }
            let planted = folder.0.path().join(place);
            plant(&planted);
            let error = SqliteStore::open(folder.settings(), NOW).unwrap_err();
            assert!(error.to_string().contains(&planted.display().to_string()), "{error}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{place}");
            fs::remove_file(&planted).unwrap();
            drop(folder.sqlite());
        }
        if rustix::process::geteuid().is_root() {
            let folder = Folder::new();
            drop(folder.sqlite());
            let foreign = folder.0.path().join(place);
            if !foreign.exists() {
                fs::write(&foreign, "").unwrap();
            }
            std::os::unix::fs::chown(&foreign, Some(4711), None).unwrap();
            let error = SqliteStore::open(folder.settings(), NOW).unwrap_err();
            assert!(error.to_string().contains("uid 4711"), "{error}");
        }
    }
}

/// CVE-2020-8793: what stands under the name of a spool file is not read through a link, and a pipe keeps nobody
/// waiting.
#[test]
fn a_spool_file_that_was_replaced_by_a_link_or_a_pipe_is_damaged() {
    for link in [true, false] {
        let folder = Folder::new();
        let settings = StoreSettings {
            body_threshold: 10,
            ..folder.settings()
        };
        let store = SqliteStore::open(settings, NOW).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut draft = store.begin(NOW).unwrap();
        runtime.block_on(draft.write(&[b'x'; 1000])).unwrap();
        let accepted = crate::conformance::accepted(&["a@one.example"], NOW);
        store.commit(draft, accepted, false).wait().unwrap();
        let spool = folder.0.path().join("spool");
        let file = fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
        let elsewhere = folder.0.path().join("elsewhere");
        fs::rename(&file, &elsewhere).unwrap();
        if link {
            std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        } else {
            let made = std::process::Command::new("mkfifo").arg(&file).status();
            assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
        }
        let leases = lease(&store, "one.example", NOW);
        // A pipe is seen to have the wrong length before anybody reads.
        if let Some(lease) = leases.first() {
            let read = lease.body.reader().and_then(|mut reader| reader.next_blocking());
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData, "link: {link}");
        }
        drop(leases);
        let due = store.due(NOW, 10, HashSet::new()).wait().unwrap();
        assert!(due.is_empty(), "it was set aside, link: {link}");
    }
}

#[test]
fn a_busy_day_is_cut_into_parts_and_kept_below_the_cap() {
    let folder = Folder::new();
    let cap = 2 * 1024 * 1024;
    let settings = StoreSettings {
        trace_cap_octets: cap,
        ..folder.settings()
    };
    let store = SqliteStore::open(settings, NOW).unwrap();
    let mut ids = Vec::new();
    let many: Vec<String> = (0..100).map(|number| format!("a{number}@one.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..60 {
        for lease in commit(&store, b"x", &many, NOW, true).leases {
            ids.push(lease.id);
            let ends = delivered(&lease);
            store.settle(lease, ends).wait().unwrap();
        }
    }
    let trace = folder.0.path().join("trace");
    let find = |id: MessageId| {
        let filter = TraceFilter {
            id: Some(id),
            ..TraceFilter::default()
        };
        store.trace(filter).wait().unwrap().len()
    };
    assert_eq!(
        (find(ids[0]), find(ids[ids.len() - 1])),
        (0, 1),
        "the oldest went, the newest is there"
    );
    store.stop().wait().unwrap();
    let volumes = day::volumes(&trace).unwrap();
    assert!(
        volumes.len() > 3 && volumes.iter().all(|volume| volume.day == NOW.day()),
        "{volumes:?}"
    );
    let octets: u64 = volumes.iter().map(|volume| day::size(&volume.path(&trace))).sum();
    // What was being closed while the last room was made is counted a little later.
    assert!(octets < cap + cap / 2, "{octets} octets of {cap}");
}
