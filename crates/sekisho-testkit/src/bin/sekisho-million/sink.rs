//! Where the live destinations are: one listener for all their hosts. It speaks the least of SMTP, as fast as it can,
//! and knows of every message how often it came.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use crate::world::BUSY;

/// Before the number of a message, in its header.
pub(crate) const HEADER: &[u8] = b"X-Number: ";
/// Numbers from here on are those of probes.
pub(crate) const PROBES: u64 = 1 << 40;
const CAPABILITIES: &[u8] = b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 10000000\r\n";

/// What arrived.
#[derive(Debug)]
pub(crate) struct Tally {
    /// How often each message of the queue came.
    times: Box<[AtomicU8]>,
    /// Messages of the queue, each counted once.
    pub(crate) arrived: AtomicU64,
    /// Messages of the queue that came again.
    pub(crate) again: AtomicU64,
    /// Notifications.
    pub(crate) notices: AtomicU64,
    /// When each probe came.
    probes: Mutex<HashMap<u64, Instant>>,
}

impl Tally {
    /// When a probe came, if it did.
    pub(crate) fn probe(&self, number: u64) -> Option<Instant> {
        let probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.get(&number).copied()
    }

    /// As if nothing had arrived yet.
    pub(crate) fn forget(&self) {
        self.times.iter().for_each(|times| times.store(0, Ordering::Relaxed));
        for count in [&self.arrived, &self.again, &self.notices] {
            count.store(0, Ordering::Relaxed);
        }
    }

    fn note(&self, content: &[u8], from: &[u8]) {
        if from.starts_with(b"<>") {
            self.notices.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Some(number) = number(content) else { return };
        if number >= PROBES {
            let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
            probes.entry(number).or_insert_with(Instant::now);
            return;
        }
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(times) = self.times.get(place) else { return };
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            self.arrived.fetch_add(1, Ordering::Relaxed);
        } else {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn number(content: &[u8]) -> Option<u64> {
    let place = content.windows(HEADER.len()).position(|window| window == HEADER)?;
    let rest = content.get(place + HEADER.len()..)?;
    let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// A running one; it ends with this value.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) tally: Arc<Tally>,
    _runtime: Runtime,
}

impl Sink {
    /// Listens on port 25 of every address, for so many messages of the queue.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub(crate) fn start(messages: u64) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 25)))?;
        let tally = Arc::new(Tally {
            times: (0..messages).map(|_| AtomicU8::new(0)).collect(),
            arrived: AtomicU64::new(0),
            again: AtomicU64::new(0),
            notices: AtomicU64::new(0),
            probes: Mutex::default(),
        });
        let noted = Arc::clone(&tally);
        runtime.spawn(async move {
            loop {
                // A shortage of files passes; what cannot be taken now comes again.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let tally = Arc::clone(&noted);
                // A connection that breaks is the server's to get over.
                tokio::spawn(async move { drop(serve(stream, &tally).await) });
            }
        });
        Ok(Self {
            tally,
            _runtime: runtime,
        })
    }
}

async fn serve(mut stream: TcpStream, tally: &Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if stream.local_addr()?.ip() == IpAddr::V4(BUSY) {
        return stream.write_all(b"421 sink.example too busy\r\n").await;
    }
    stream.write_all(b"220 sink.example ESMTP\r\n").await?;
    let mut session = Session::default();
    let mut octets = Vec::new();
    loop {
        if stream.read_buf(&mut octets).await? == 0 {
            return Ok(());
        }
        let mut replies = Vec::new();
        let mut done = 0;
        while let Some(len) = session.take(&octets[done..], &mut replies, tally) {
            done += len;
        }
        octets.drain(..done);
        stream.write_all(&replies).await?;
        if session.over {
            return Ok(());
        }
    }
}

/// What a connection remembers.
#[derive(Debug, Default)]
struct Session {
    from: Vec<u8>,
    in_data: bool,
    over: bool,
}

impl Session {
    /// Takes a line, or the content; how many octets that were, or nothing when there is no whole one.
    fn take(&mut self, octets: &[u8], replies: &mut Vec<u8>, tally: &Tally) -> Option<usize> {
        let end: &[u8] = if self.in_data { b"\r\n.\r\n" } else { b"\r\n" };
        let len = octets.windows(end.len()).position(|window| window == end)? + end.len();
        let taken = &octets[..len];
        if std::mem::take(&mut self.in_data) {
            tally.note(taken, &self.from);
            replies.extend_from_slice(b"250 2.0.0 taken\r\n");
            return Some(len);
        }
        let verb = taken.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_slice() {
            b"EHLO" => CAPABILITIES,
            b"DATA" => {
                self.in_data = true;
                b"354 go on\r\n"
            }
            b"QUIT" => {
                self.over = true;
                b"221 2.0.0 bye\r\n"
            }
            b"MAIL" => {
                self.from = taken.get(b"MAIL FROM:".len()..).unwrap_or_default().to_vec();
                b"250 2.1.0 well\r\n"
            }
            _ => b"250 2.0.0 well\r\n",
        };
        replies.extend_from_slice(reply);
        Some(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally {
            times: (0..10).map(|_| AtomicU8::new(0)).collect(),
            arrived: AtomicU64::new(0),
            again: AtomicU64::new(0),
            notices: AtomicU64::new(0),
            probes: Mutex::default(),
        }
    }

    #[test]
    fn each_message_is_counted_once_and_what_comes_again_beside_it() {
        let tally = tally();
        let message = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nX-Number: 7\r\n\r\ntext\r\n.\r\n";
        let send = |text: &str| {
            let (mut session, mut replies, mut done) = (Session::default(), Vec::new(), 0);
            while let Some(len) = session.take(&text.as_bytes()[done..], &mut replies, &tally) {
                done += len;
            }
            done
        };
        assert!(
            send(&message[..message.len() - 1]) < message.len(),
            "the content is not whole"
        );
        assert_eq!(tally.arrived.load(Ordering::Relaxed), 0);
        assert_eq!([send(message), send(message)], [message.len(); 2]);
        tally.note(b"X-Number: 7\r\n", b"<> BODY=8BITMIME");
        tally.note(format!("X-Number: {}\r\n", PROBES + 3).as_bytes(), b"<a@b.example>");
        let counts = [&tally.arrived, &tally.again, &tally.notices].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [1, 1, 1]);
        assert!(tally.probe(PROBES + 3).is_some() && tally.probe(PROBES).is_none());
    }
}
