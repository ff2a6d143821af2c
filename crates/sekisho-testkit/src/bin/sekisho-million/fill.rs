//! Fills a queue with the server stopped, by the store's own commit: a thousand times what memory holds, in a minute
//! instead of ten. A server would deliver while it is filled, and half of what is wanted here could not be had.

use std::{
    collections::VecDeque,
    io::Write as _,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sekisho_mail::{BodyKind, ChannelSecurity, Envelope, Mailbox, PlaintextCause, Recipient, ReversePath, Timestamp};
use sekisho_store::{
    Accepted, Arrival, Commit, Store, StoreError, Ticket,
    sqlite::{SqliteStore, StoreSettings},
};

/// The messages came during so long a time, up to now.
const SPREAD: Duration = Duration::from_secs(3 * 3600);
/// Commits under way at a time, to a thread: they share their flushes.
const UNDER_WAY: usize = 8192;
const THREADS: u64 = 2;
/// Octets of a message.
const OCTETS: usize = 1024;

/// Fills the store in `folder` with so many messages; `address` says for each who it is from and to.
///
/// # Errors
/// What the store says.
pub(crate) fn fill(
    folder: &Path,
    messages: u64,
    address: impl Fn(u64) -> (String, String) + Sync,
) -> Result<(), String> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
    let begin = now.minus(SPREAD);
    let settings = StoreSettings {
        memory_budget: u64::MAX,
        ..StoreSettings::new(folder)
    };
    let failed = |fault: StoreError| format!("{}: {fault}", folder.display());
    let store = Arc::new(SqliteStore::open(settings, begin).map_err(failed)?);
    let results = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|worker| {
                let (store, address) = (Arc::clone(&store), &address);
                scope.spawn(move || {
                    let mut under_way: VecDeque<Ticket<Commit>> = VecDeque::new();
                    for number in (worker..messages).step_by(usize::try_from(THREADS).unwrap_or(1)) {
                        if under_way.len() >= UNDER_WAY
                            && let Some(first) = under_way.pop_front()
                        {
                            first.wait()?;
                        }
                        let age = SPREAD.mul_f64(number as f64 / messages as f64);
                        under_way.push_back(commit(&store, number, address(number), begin.plus(age))?);
                    }
                    under_way.into_iter().try_for_each(|ticket| ticket.wait().map(drop))
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });
    for result in results {
        let filled: Result<(), StoreError> = result.map_err(|_| "a thread that fills the queue panicked".to_owned())?;
        filled.map_err(failed)?;
    }
    store.stop().wait().map_err(failed)
}

fn commit(
    store: &SqliteStore,
    number: u64,
    (from, to): (String, String),
    at: Timestamp,
) -> Result<Ticket<Commit>, StoreError> {
    let unfit = |_| StoreError::Unfit("an address of the rig is none");
    let accepted = Accepted {
        envelope: Envelope {
            reverse_path: ReversePath::Mailbox(Mailbox::parse(&from).map_err(unfit)?),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient::new(Mailbox::parse(&to).map_err(unfit)?)],
        },
        arrival: Arrival {
            at,
            listener: "rig".to_owned(),
            peer: None,
            helo: "client.example".to_owned(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory: 0,
            admitted_by: "relay: loopback".to_owned(),
            message_id_header: Some(format!("<{number}@rig.example>")),
            alterations: Vec::new(),
            shadow: Vec::new(),
        },
    };
    let mut draft = store.begin(at)?;
    draft.write_in_memory(&content(number, &from, &to));
    Ok(store.commit(draft, accepted, false))
}

/// The message with this number.
pub(crate) fn content(number: u64, from: &str, to: &str) -> Vec<u8> {
    let mut text =
        format!("From: <{from}>\r\nTo: <{to}>\r\nMessage-ID: <{number}@rig.example>\r\nX-Number: {number}\r\n\r\n")
            .into_bytes();
    while text.len() < OCTETS {
        // A vector takes everything.
        let _ = write!(
            text,
            "{:>4} the quick brown fox jumps over the lazy dog\r\n",
            text.len()
        );
    }
    text
}
