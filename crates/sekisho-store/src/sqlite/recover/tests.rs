//! Every page of a queue is damaged in turn, in every way: what stood on the others is back, the rest is told, and
//! nothing comes back that had left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use sekisho_mail::{Demand, Mailbox};
use tempfile::TempDir;

use super::{image::PAGE, *};
use crate::{
    QueueFilter, Selection, Soundness, Store,
    conformance::{NOW, commit, content, deferred, delivered, draft, lease, settlement},
    sqlite::{SqliteStore, StoreSettings},
};

const MESSAGES: usize = 150;
/// Longer content is in files.
const THRESHOLD: usize = 2500;

/// A row of the queue as an operator sees it: recipients, attempts, whether it is held, whether a bounce was ordered.
type Line = (Vec<String>, u32, bool, bool);

/// What a queue holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Queue {
    lines: BTreeMap<(MessageId, String), Line>,
    /// Readable content alone.
    contents: BTreeMap<MessageId, Vec<u8>>,
}

/// A queue in which much has happened, its files, and its messages by their serial number.
struct Sample {
    folder: TempDir,
    queue: Queue,
    serials: BTreeMap<MessageId, usize>,
}

fn open(folder: &Path) -> Arc<SqliteStore> {
    let settings = StoreSettings {
        body_threshold: THRESHOLD,
        min_free_octets: 0,
        settle_delay: std::time::Duration::ZERO,
        ..StoreSettings::new(folder)
    };
    Arc::new(SqliteStore::open(settings, NOW).unwrap())
}

fn folder() -> TempDir {
    TempDir::new_in(if Path::new("/dev/shm").is_dir() {
        "/dev/shm"
    } else {
        "/tmp"
    })
    .unwrap()
}

/// Any stretch of it as long as a few words says whose it is.
fn content_of(serial: usize) -> Vec<u8> {
    format!("<{serial:04}>").repeat(20 + serial * 37 % 480).into_bytes()
}

fn own_domain(serial: usize) -> String {
    format!("m{serial:04}.example")
}

/// Each message goes its own way, by its number: half of them have left, so that pages are free.
fn work(store: &SqliteStore) -> BTreeMap<MessageId, usize> {
    let mut serials = BTreeMap::new();
    for serial in 0..MESSAGES {
        let mut to = vec![format!("r{serial}@{}", own_domain(serial))];
        if serial % 3 == 0 {
            to.push(format!("x{serial:04}@common.example"));
        }
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let id = commit(store, &content_of(serial), &to, NOW, false).id;
        serials.insert(id, serial);
    }
    for (id, serial) in &serials {
        let these = || Selection::Ids(vec![*id]);
        let outcome = match serial % 10 {
            0 | 2 | 4 | 6 => delivered(),
            1 => deferred(NOW.plus(std::time::Duration::from_secs(60))),
            3 => {
                store.hold(these(), NOW).wait().unwrap();
                continue;
            }
            7 => {
                let to = Mailbox::parse(&format!("moved@to{serial}.example")).unwrap();
                store.redirect(*id, to, Vec::<Demand>::new(), NOW).wait().unwrap();
                continue;
            }
            _ => continue,
        };
        for domain in [&own_domain(*serial), "common.example"] {
            for lease in lease(store, domain, NOW) {
                if lease.id == *id {
                    let ends = settlement(&lease, &outcome, NOW);
                    store.settle(lease, ends).wait().unwrap();
                }
            }
        }
    }
    // Last: what there are orders for is leased before all others.
    for (id, _) in serials.iter().filter(|(_, serial)| *serial % 10 == 5) {
        let these = Selection::Ids(vec![*id]);
        store.bounce(these, "by order", NOW).wait().unwrap();
    }
    serials
}

fn look(store: &SqliteStore) -> Queue {
    let mut queue = Queue::default();
    for row in store.list(QueueFilter::default(), NOW, None, 10_000).wait().unwrap() {
        if let Ok(body) = store.body(row.id).wait() {
            queue.contents.insert(row.id, content(&body));
        }
        // Each costs a search of the trace.
        let may_be_ordered = row
            .recipients
            .iter()
            .any(|to| to.split('@').next().is_some_and(|to| to.ends_with('5')));
        let directive = may_be_ordered && store.show(row.id).wait().is_ok_and(|detail| detail.directive.is_some());
        let line = (row.recipients, row.attempts, row.held, directive);
        queue.lines.insert((row.id, row.destination.to_string()), line);
    }
    queue
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = folder();
        let store = open(folder.path());
        let serials = work(&store);
        let queue = look(&store);
        assert!(queue.contents.len() > MESSAGES / 2 - 10);
        store.stop().wait().unwrap();
        Sample { folder, queue, serials }
    })
}

/// The sample with another database.
fn copy(octets: &[u8]) -> TempDir {
    let to = folder();
    copy_spool(sample().folder.path(), to.path());
    fs::write(to.path().join("queue.db"), octets).unwrap();
    to
}

fn copy_spool(from: &Path, to: &Path) {
    fs::create_dir(to.join("spool")).unwrap();
    for entry in fs::read_dir(from.join("spool")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("spool").join(entry.file_name())).unwrap();
    }
}

/// The messages of which something stands on a page.
fn on_page(page: &[u8]) -> BTreeSet<MessageId> {
    let by_serial: BTreeMap<usize, MessageId> = sample().serials.iter().map(|(id, serial)| (*serial, *id)).collect();
    let serials = (0..page.len()).filter_map(|at| serial_at(&page[at..]));
    serials.filter_map(|serial| by_serial.get(&serial).copied()).collect()
}

/// The serial number of the message whose content, domain or new address stands here.
fn serial_at(octets: &[u8]) -> Option<usize> {
    let between = |before: &str, after: &str| {
        let rest = octets.strip_prefix(before.as_bytes())?;
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (number, rest) = rest.split_at(digits);
        if !rest.starts_with(after.as_bytes()) {
            return None;
        }
        str::from_utf8(number).ok()?.parse().ok()
    };
    match octets.first()? {
        b'<' => between("<", ">"),
        b'm' => between("m", ".example"),
        b'@' => between("@to", ".example"),
        _ => None,
    }
}

/// Recovers, opens, and compares: what is not `touched` must be as it was, the rest told of.
fn judge(damaged: &TempDir, touched: &BTreeSet<MessageId>, how: &str) -> Recovery {
    judge_as((damaged, touched), true, how)
}

/// As [`judge`]; more than one page can hold all that is known of a message, and then it is not named.
fn judge_as((damaged, touched): (&TempDir, &BTreeSet<MessageId>), names_all: bool, how: &str) -> Recovery {
    let before = &sample().queue;
    let recovery = recover(damaged.path(), NOW).unwrap_or_else(|error| panic!("{how}: {error}"));
    assert!(recovery.kept.join("queue.db").is_file(), "{how}");
    let told: BTreeSet<MessageId> = recovery.casualties.iter().map(|casualty| casualty.id).collect();
    let store = open(damaged.path());
    assert_eq!(store.pressure().soundness, Soundness::Sound, "{how}");
    drop(draft(&*store, b"new", NOW));
    let after = look(&store);
    for (key, line) in &after.lines {
        let was = before.lines.get(key);
        // A row that was deleted cannot be told from one in force where the header of its page is wrong: it is held.
        let may_be_held = touched.contains(&key.0) || before.lines.keys().any(|(id, _)| *id == key.0);
        let is_held_whole = line.2 && told.contains(&key.0) && may_be_held;
        assert!(
            was == Some(line) || is_held_whole,
            "{how}: {key:?} is {line:?} and was {was:?}"
        );
    }
    for (id, octets) in &after.contents {
        let had_left = touched.contains(id) && !before.contents.contains_key(id);
        let came = || content_of(sample().serials[id]);
        assert!(
            before.contents.get(id) == Some(octets) || had_left && *octets == came(),
            "{how}: {id}"
        );
    }
    for (key, line) in &before.lines {
        let same = after.lines.get(key) == Some(line) && after.contents.contains_key(&key.0);
        let is_told = told.contains(&key.0) || recovery.faults.join("\n").contains(&key.0.to_string());
        let may_differ = touched.contains(&key.0) && (is_told || !names_all);
        assert!(same || may_differ, "{how}: {key:?} was {line:?}; {recovery:#?}");
    }
    store.stop().wait().unwrap();
    recovery
}

fn golden() -> Vec<u8> {
    fs::read(sample().folder.path().join("queue.db")).unwrap()
}

/// Damages each page in turn.
fn every_page(how: &str, damage: impl Fn(&mut [u8], usize)) {
    let golden = golden();
    let pages = golden.len() / PAGE;
    assert!(pages > 40, "{pages} pages");
    for page in 0..pages {
        let touched = on_page(&golden[page * PAGE..(page + 1) * PAGE]);
        let mut octets = golden.clone();
        damage(&mut octets[page * PAGE..(page + 1) * PAGE], page);
        judge(&copy(&octets), &touched, &format!("page {} {how}", page + 1));
    }
}

#[test]
fn a_sound_queue_comes_back_whole() {
    let recovery = judge(&copy(&golden()), &BTreeSet::new(), "sound");
    assert_eq!(
        (recovery.faults, recovery.casualties, recovery.strays),
        (vec![], vec![], vec![])
    );
    assert_eq!(recovery.messages as usize, sample().queue.contents.len());
}

#[test]
fn a_page_of_zeros_costs_what_stood_on_it_and_no_more() {
    every_page("is zeros", |page, _| page.fill(0));
}

#[test]
fn a_page_of_nonsense_costs_what_stood_on_it_and_no_more() {
    every_page("is nonsense", |page, number| {
        let mut random = fastrand::Rng::with_seed(number as u64);
        page.iter_mut().for_each(|octet| *octet = random.u8(..));
    });
}

#[test]
fn a_bit_that_flips_costs_what_stood_on_its_page_and_no_more() {
    every_page("has other bits", |page, number| {
        let mut random = fastrand::Rng::with_seed(number as u64);
        // One in the header, where it does the most, and one anywhere.
        page[random.usize(..12)] ^= 1 << random.u8(..8);
        page[random.usize(..PAGE)] ^= 1 << random.u8(..8);
    });
}

#[test]
fn a_file_that_ends_early_costs_what_stood_behind_its_end() {
    let golden = golden();
    let pages = golden.len() / PAGE;
    for kept in (1..pages).step_by(5) {
        let len = kept * PAGE - 1000;
        let touched = on_page(&golden[len / PAGE * PAGE..]);
        let recovery = judge_as(
            (&copy(&golden[..len]), &touched),
            false,
            &format!("{len} octets are left"),
        );
        assert!(!recovery.faults.is_empty());
    }
}

#[test]
fn several_damaged_pages_bring_nothing_that_was_not_there() {
    let golden = golden();
    let pages = golden.len() / PAGE;
    let everything = sample().queue.contents.keys().copied().collect();
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut octets = golden.clone();
        // The pointer map and the list of free pages have to vouch for each other: one of them is left alone.
        for _ in 0..random.usize(2..8) {
            let page = random.usize(2..pages) * PAGE;
            let len = random.usize(1..PAGE);
            octets[page..page + len].fill(random.u8(..));
        }
        judge_as((&copy(&octets), &everything), false, &format!("damage {seed}"));
    }
}

#[test]
fn what_the_log_holds_counts_and_what_it_undid_does_not() {
    let (served, place) = (folder(), folder());
    let store = open(served.path());
    work(&store);
    let queue = look(&store);
    // As a crash leaves it.
    copy_spool(served.path(), place.path());
    for name in ["queue.db", "queue.db-wal"] {
        fs::copy(served.path().join(name), place.path().join(name)).unwrap();
    }
    let log = fs::metadata(place.path().join("queue.db-wal")).unwrap().len();
    assert!(log > 10 * PAGE as u64, "{log} octets of log");
    let recovery = recover(place.path(), NOW).unwrap();
    assert_eq!(
        (recovery.faults, recovery.casualties, recovery.strays),
        (vec![], vec![], vec![])
    );
    assert_eq!(look(&open(place.path())), queue);
}

#[test]
fn broken_off_anywhere_it_is_just_run_again() {
    let golden = golden();
    let mut damaged = golden.clone();
    let page = golden.windows(6).position(|octets| octets == b"<0001>").unwrap() / PAGE;
    damaged[page * PAGE..(page + 1) * PAGE].fill(0);
    let touched = on_page(&golden[page * PAGE..(page + 1) * PAGE]);
    let steps = [
        Step::Noted,
        Step::Built,
        Step::LogFolded,
        Step::LogMoved,
        Step::OldKept,
        Step::StraysMoved,
        Step::Swapped,
    ];
    for step in steps {
        for is_served_between in [false, true] {
            let folder = copy(&damaged);
            let broken = recover_until(folder.path(), NOW, |done| {
                if done == step {
                    Err(io::Error::other("power cut"))
                } else {
                    Ok(())
                }
            });
            assert!(broken.is_err(), "{step:?}");
            if is_served_between {
                let store = open(folder.path());
                assert!(
                    store.begin(NOW).is_err(),
                    "{step:?}: nothing is taken before it has ended"
                );
                assert_eq!(store.remove_orphans().wait().unwrap(), 0);
            }
            judge(&folder, &touched, &format!("after {step:?}"));
        }
    }
}

#[test]
fn content_without_a_message_is_kept_and_told() {
    let golden = golden();
    let (id, serial) = sample().serials.iter().find(|(_, serial)| *serial % 30 == 19).unwrap();
    // Its row alone: where the envelope stands, and not its delivery.
    let name = format!("r{serial}@{}", own_domain(*serial));
    let mut octets = golden.clone();
    let envelope = golden
        .windows(13)
        .enumerate()
        .filter(|(_, window)| window == b"\"reverse_path");
    let near = |place: usize| {
        golden[place..place + 1500]
            .windows(name.len())
            .any(|text| text == name.as_bytes())
    };
    for (place, _) in envelope.filter(|(place, _)| near(*place)) {
        octets[place] ^= 0xff;
    }
    let folder = copy(&octets);
    let recovery = recover(folder.path(), NOW).unwrap();
    let casualty = recovery.casualties.iter().find(|casualty| casualty.id == *id).unwrap();
    assert_eq!(casualty.fate, Fate::Lost);
    assert_eq!(casualty.recipients, [name]);
    assert!(recovery.strays.contains(id));
    let kept = spool_file(&recovery.kept, *id);
    assert_eq!(fs::read(kept).unwrap(), content_of(*serial));
}

#[test]
fn a_folder_that_is_in_use_is_left_alone() {
    let folder = copy(&golden());
    let store = open(folder.path());
    assert!(matches!(recover(folder.path(), NOW), Err(StoreError::Locked { .. })));
    store.stop().wait().unwrap();
    assert!(recover(&folder.path().join("nowhere"), NOW).is_err());
    assert!(!folder.path().join("nowhere").exists());
}
