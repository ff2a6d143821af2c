//! Floods of a host to which mail goes: it answers the connection with a reply that has no end.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;

use super::{Flood, Poured};
use crate::{
    client::{Client, is_end},
    enclosure::HOSTS,
    node::SMTP,
    wait,
};

/// Where it listens. To be called as root, or where port 25 is ours.
pub const HOST: SocketAddr = SocketAddr::new(HOSTS[4], 25);
/// Messages that are handed in at a time: each goes to a domain of its own, and so is tried at once.
const BATCH: u64 = 50;
/// How long those of a batch may take.
const STUCK: Duration = Duration::from_secs(120);
const LINES_AT_A_TIME: usize = 1000;

/// The route that a node needs for it.
#[must_use]
pub fn route() -> String {
    format!("[[route]]\nname = \"flood\"\ndomains = [\"*\"]\nvia = [\"{HOST}\"]\n")
}

/// Domains that were used before are backed off.
static NEXT: AtomicU64 = AtomicU64::new(0);

pub(super) fn pour(flood: Flood, count: u64) -> io::Result<Poured> {
    let listener = TcpListener::bind(HOST)?;
    let poured: Arc<Mutex<Poured>> = Arc::default();
    let totals = Arc::clone(&poured);
    let enough = Arc::new(AtomicBool::new(false));
    let is_enough = Arc::clone(&enough);
    let host = thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            if is_enough.load(Ordering::Relaxed) {
                return Ok(());
            }
            let session = push(flood, &mut stream)?;
            totals.lock().unwrap_or_else(PoisonError::into_inner).add(session);
        }
        Ok(())
    });
    let so_far = || *poured.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Runtime::new()?;
    let mut handed_in = 0;
    while so_far().count < count {
        runtime.block_on(hand_in())?;
        handed_in += BATCH;
        let tried = || (so_far().sessions >= handed_in || host.is_finished()).then_some(());
        wait::until_within(STUCK, format_args!("{handed_in} attempts"), tried, || {
            format!("{:?}", so_far())
        });
        if host.is_finished() {
            break;
        }
    }
    if !host.is_finished() {
        enough.store(true, Ordering::Relaxed);
        // It looks up at the next connection.
        TcpStream::connect(HOST)?;
    }
    let ended: Result<io::Result<()>, _> = host.join();
    ended.map_err(|_| io::Error::other("the host panicked"))??;
    let poured = so_far();
    Ok(poured)
}

async fn hand_in() -> io::Result<()> {
    let mut client = Client::open(SMTP, false).await?;
    for _ in 0..BATCH {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let to = format!("b@d{number}.flood.example");
        let taken = client.deliver("inbox@here.example", &to, b"\r\nflood\r\n").await?;
        taken.must_succeed()?;
    }
    Ok(())
}

/// Greets without end.
fn push(flood: Flood, stream: &mut TcpStream) -> io::Result<Poured> {
    let (piece, units) = match flood {
        Flood::ReplyLines => (b"220-and another\r\n".repeat(LINES_AT_A_TIME), LINES_AT_A_TIME),
        _ => (vec![b'2'; 64 * 1024], 64 * 1024),
    };
    let mut poured = Poured {
        sessions: 1,
        ..Poured::default()
    };
    loop {
        match stream.write_all(&piece) {
            Ok(()) => {}
            Err(fault) if is_end(&fault) => return Ok(poured),
            Err(fault) => return Err(fault),
        }
        poured.count += units as u64;
        poured.session_octets += piece.len() as u64;
    }
}
