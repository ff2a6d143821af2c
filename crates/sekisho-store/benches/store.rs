//! Durable messages a second: 4 KiB each, committed by 1, 16 and 128 submitters, and then leased and settled. Run by
//! `cargo xtask bench`, or `cargo bench -p sekisho-store`; one line of JSON for each measurement.
//!
//! Arguments: a folder to work in (a temporary one by default) and the seconds for each measurement (3 by default).

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sekisho_mail::{
    BodyKind, ChannelSecurity, Decision, Envelope, Evidence, Mailbox, Outcome, PlaintextCause, Recipient, ReversePath,
    StatedReason, Timestamp,
};
use sekisho_store::{
    Accepted, Arrival, Lease, RecipientResult, Settlement, Store, Ticket,
    sqlite::{SqliteStore, StoreSettings},
};

const SUBMITTERS: [usize; 3] = [1, 16, 128];
const MESSAGE_LEN: usize = 4096;
const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn main() {
    // Cargo's own `--bench` comes along.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let secs = arguments.next().map_or(3, |secs| secs.parse().unwrap());
    for submitters in SUBMITTERS {
        let place = tempfile::tempdir_in(&folder).unwrap();
        measure(place.path(), submitters, Duration::from_secs(secs));
    }
}

fn measure(folder: &Path, submitters: usize, time: Duration) {
    let settings = StoreSettings {
        memory_budget: u64::MAX / 2,
        ..StoreSettings::new(folder)
    };
    let store = Arc::new(SqliteStore::open(settings, NOW).unwrap());
    let over = AtomicBool::new(false);
    let waits = Mutex::new(Vec::new());
    let began = Instant::now();
    thread::scope(|scope| {
        for submitter in 0..submitters {
            let (store, over, waits) = (&store, &over, &waits);
            scope.spawn(move || submit(&**store, submitter, over, waits));
        }
        thread::sleep(time);
        over.store(true, Ordering::Relaxed);
    });
    let elapsed = began.elapsed();
    let mut waits = waits.into_inner().unwrap();
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() - 1) * share / 1000].as_micros();
    let (per_sec, p50, p99) = (rate(waits.len(), elapsed), at(500), at(990));
    println!(
        "{{\"bench\":\"store-commit\",\"submitters\":{submitters},\"octets\":{MESSAGE_LEN},\
         \"per_sec\":{per_sec},\"p50_micros\":{p50},\"p99_micros\":{p99}}}"
    );
    settle(&*store, submitters, time);
    store.stop().wait().unwrap();
}

fn rate(count: usize, elapsed: Duration) -> u128 {
    count as u128 * 1000 / elapsed.as_millis().max(1)
}

/// One submitter: the next message when the last one is durable.
fn submit(store: &dyn Store, submitter: usize, over: &AtomicBool, waits: &Mutex<Vec<Duration>>) {
    let content = vec![b'x'; MESSAGE_LEN];
    let domain = format!("user@d{}.example", submitter % 32);
    let mut own = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let mut draft = store.begin(NOW).unwrap();
        draft.write_in_memory(&content);
        store.commit(draft, accepted(&domain), false).wait().unwrap();
        own.push(began.elapsed());
    }
    waits.lock().unwrap().extend(own);
}

/// Leases and settles what was committed, as one dispatcher would.
fn settle(store: &dyn Store, submitters: usize, time: Duration) {
    let began = Instant::now();
    let mut settled = 0;
    while began.elapsed() < time {
        let mut ends: Vec<Ticket<()>> = Vec::new();
        for due in store.due(NOW, 32, HashSet::new()).wait().unwrap() {
            for lease in store.lease(&due.destination, NOW, 100).wait().unwrap() {
                let settlement = delivered(&lease);
                ends.push(store.settle(lease, settlement));
            }
        }
        if ends.is_empty() {
            break;
        }
        settled += ends.len();
        for end in ends {
            end.wait().unwrap();
        }
    }
    println!(
        r#"{{"bench":"store-settle","submitters":{submitters},"octets":{MESSAGE_LEN},"per_sec":{}}}"#,
        rate(settled, began.elapsed())
    );
}

fn accepted(to: &str) -> Accepted {
    Accepted {
        envelope: Envelope {
            reverse_path: ReversePath::Mailbox(Mailbox::parse("sender@example.org").unwrap()),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient::new(Mailbox::parse(to).unwrap())],
        },
        arrival: Arrival {
            at: NOW,
            listener: "bench".to_owned(),
            peer: None,
            helo: "client.example".to_owned(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory: 0,
            admitted_by: "bench".to_owned(),
            message_id_header: None,
            alterations: Vec::new(),
            shadow: Vec::new(),
        },
    }
}

fn delivered(lease: &Lease) -> Settlement {
    let outcome = Outcome::Delivered {
        reply: None,
        relayed_with_dsn: false,
    };
    let results = lease.recipients.iter().map(|queued| RecipientResult {
        index: queued.index,
        outcome: outcome.clone(),
        evidence: Some(Evidence {
            message: lease.id,
            recipient: queued.recipient.clone(),
            attempt: queued.attempts + 1,
            at: NOW,
            directory: 0,
            route: "mx".to_owned(),
            required: Vec::new(),
            channel: None,
            failed_handshakes: Vec::new(),
            decision: Decision::NotJudged(vec![StatedReason {
                key: "bench".to_owned(),
                text: "nobody judged".to_owned(),
            }]),
            outcome: outcome.clone(),
            conversation: Vec::new(),
            shadow: Vec::new(),
        }),
        delay_notified: false,
        hold: false,
    });
    Settlement {
        results: results.collect(),
        notices: Vec::new(),
    }
}
