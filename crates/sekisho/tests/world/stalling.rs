//! Clients that stall: at each step of a session, in each way, in the clear and under TLS. The session ends in its time
//! with a reply where one can be heard, no half message is kept and no whole one lost, memory does not grow, and others
//! are served all the while.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sekisho_testkit::{
    client::{Client, is_end},
    enclosure::enclosed,
    node::{SMTP, metric},
    stall::{Hello, Stall, Wire},
    wait,
};
use tokio::{net::TcpStream, runtime::Runtime, sync::Semaphore, task::JoinSet};

use crate::{LOCAL, RELAYING, node};

/// Far longer than what comes before a stall takes, and short enough for a test.
const LIMITS: &str = "\
[listener.limits]
command-timeout = \"3s\"
data-timeout = \"3s\"
handshake-timeout = \"3s\"
message-size = \"1 MiB\"
";
/// Half of the largest message: more than the other stalls send, and less than one without end.
const CHUNK_OCTETS: usize = 512 * 1024;
/// Between two octets where a client drips.
const TICK: Duration = Duration::from_millis(300);
/// As many as a client that behaves hands in before it connects again; one session may have more.
const MESSAGES_A_SESSION: usize = 500;
/// Sessions at a time, so that none of them waits for a processor.
const AT_A_TIME: usize = 64;
/// What a client gets rid of where it sends without end: a message with what is read behind it, and what the kernel
/// holds on both sides.
const PUSHED_MAX: usize = 16 * 1024 * 1024;
const GROWTH_MAX: u64 = 32 * 1024 * 1024;

/// Where a client stalls: before it has said, or said to the end, what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Anything at all; it has not read the greeting.
    Connect,
    Ehlo,
    StartTls,
    /// Its ClientHello.
    Handshake,
    /// MAIL, or EHLO under TLS.
    Mail,
    Rcpt,
    Data,
    /// A line of the content.
    Body,
    /// CRLF behind the final dot.
    FinalDot,
    /// The octets of a chunk.
    Chunk,
    /// RSET, after a message.
    Reset,
    /// QUIT, after a message.
    Quit,
}

const IN_THE_CLEAR: [Step; 4] = [Step::Connect, Step::Ehlo, Step::StartTls, Step::Handshake];
const EITHER_WAY: [Step; 8] = [
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Body,
    Step::FinalDot,
    Step::Chunk,
    Step::Reset,
    Step::Quit,
];

#[derive(Clone, Copy, Debug)]
struct Case {
    step: Step,
    tls: bool,
    stall: Stall,
}

fn cases() -> Vec<Case> {
    let first = IN_THE_CLEAR.map(|step| (step, false));
    let clear = EITHER_WAY.map(|step| (step, false));
    let covered = EITHER_WAY.map(|step| (step, true));
    let steps = first.into_iter().chain(clear).chain(covered);
    let all = steps.flat_map(|(step, tls)| Stall::ALL.map(|stall| Case { step, tls, stall }));
    // Where there is no TLS it cannot be closed.
    all.filter(|case| case.tls || case.step == Step::Handshake || case.stall != Stall::CloseNotify)
        .collect()
}

impl Case {
    /// Goes as far as the step and stalls there. The codes that came from there on, until the server ended it.
    async fn play(self, pushed: &AtomicUsize) -> io::Result<Vec<u16>> {
        let (wire, stream) = Wire::split(TcpStream::connect(SMTP).await?)?;
        let mut client = Client::over(stream);
        self.approach(&mut client).await?;
        let hello = (self.step == Step::Handshake).then_some(Hello::Client);
        let played = self.stall.play(client.stream()?, &wire, hello, TICK, pushed).await;
        if self.stall == Stall::Reset {
            return Ok(Vec::new());
        }
        match played {
            Err(fault) if !is_end(&fault) => return Err(fault),
            Ok(()) | Err(_) => {}
        }
        let mut codes = Vec::new();
        // In a handshake there is no reply, and an alert is none.
        while self.step != Step::Handshake
            && let Some(reply) = client.reply().await?
        {
            codes.push(reply.code);
        }
        if self.step == Step::Handshake {
            wait_for_the_end(&mut client).await?;
        }
        Ok(codes)
    }

    async fn approach(self, client: &mut Client) -> io::Result<()> {
        if self.step == Step::Connect {
            return Ok(());
        }
        client.expect_reply().await?.must_succeed()?;
        if self.step == Step::Ehlo {
            return Ok(());
        }
        client.command("EHLO client.example").await?.must_succeed()?;
        if self.tls || self.step == Step::Handshake {
            client.command("STARTTLS").await?.must_succeed()?;
        }
        if self.tls {
            client.start_tls(None).await?;
            client.command("EHLO client.example").await?.must_succeed()?;
        }
        if matches!(self.step, Step::Reset | Step::Quit) {
            let taken = client.deliver("a@there.example", "inbox@here.example", b"\r\nwhole\r\n");
            taken.await?.must_succeed()?;
        }
        if matches!(
            self.step,
            Step::Rcpt | Step::Data | Step::Body | Step::FinalDot | Step::Chunk
        ) {
            client.command("MAIL FROM:<a@there.example>").await?.must_succeed()?;
        }
        if matches!(self.step, Step::Data | Step::Body | Step::FinalDot | Step::Chunk) {
            client.command("RCPT TO:<inbox@here.example>").await?.must_succeed()?;
        }
        if matches!(self.step, Step::Body | Step::FinalDot) {
            let reply = client.command("DATA").await?;
            assert_eq!(reply.code, 354, "{self:?}");
        }
        match self.step {
            Step::Body => client.send(b"\r\nhalf a li").await,
            Step::FinalDot => client.send(b"\r\nhalf\r\n.").await,
            Step::Chunk => {
                let chunk = format!("BDAT {CHUNK_OCTETS} LAST\r\n\r\nhalf");
                client.send(chunk.as_bytes()).await
            }
            _ => Ok(()),
        }
    }

    /// Whether a message of this session is to be found whole in the mailbox.
    fn hands_in(self) -> bool {
        let fills_its_chunk = self.step == Step::Chunk && self.stall == Stall::EndlessLine;
        matches!(self.step, Step::Reset | Step::Quit) || fills_its_chunk
    }

    /// Whether the time runs out.
    fn takes_its_time(self) -> bool {
        let is_content = matches!(self.step, Step::Body | Step::FinalDot | Step::Chunk);
        match self.stall {
            Stall::Silence | Stall::Drip | Stall::HalfLine | Stall::Closing => true,
            Stall::Garbage | Stall::LongReply => is_content,
            Stall::Reset | Stall::End | Stall::EndlessLine | Stall::CloseNotify => false,
        }
    }

    fn check(self, codes: &[u16]) {
        let last = codes.last().copied();
        match self.stall {
            _ if self.step == Step::Handshake => assert_eq!(last, None, "{self:?}: {codes:?}"),
            _ if self.takes_its_time() => assert_eq!(last, Some(421), "{self:?}: {codes:?}"),
            // What came unread behind it may have reset the connection, and the reply with it.
            Stall::Garbage | Stall::EndlessLine | Stall::LongReply => {
                let said = matches!(last, None | Some(220 | 250 | 421 | 500 | 552));
                assert!(said, "{self:?}: {codes:?}");
            }
            _ => {
                let greeting = [220];
                let expected: &[u16] = if self.step == Step::Connect && self.stall == Stall::End {
                    &greeting
                } else {
                    &[]
                };
                assert_eq!(codes, expected, "{self:?}");
            }
        }
    }
}

/// Reads whatever comes until the server has gone.
async fn wait_for_the_end(client: &mut Client) -> io::Result<()> {
    match client.reply().await {
        Err(fault) if fault.kind() == io::ErrorKind::TimedOut => Err(fault),
        // An alert is no reply; behind it the connection ends.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A client that behaves, until it is told that it is enough; how many messages were taken.
async fn behave(enough: Arc<AtomicBool>) -> io::Result<usize> {
    let mut taken = 0;
    let mut client = Client::open(SMTP, true).await?;
    while !enough.load(Ordering::Relaxed) {
        if taken > 0 && taken % MESSAGES_A_SESSION == 0 {
            client = Client::open(SMTP, true).await?;
        }
        let reply = client.deliver("a@there.example", "inbox@here.example", b"\r\ngood\r\n");
        reply.await?.must_succeed()?;
        taken += 1;
    }
    Ok(taken)
}

#[test]
fn a_client_that_stalls_anywhere_in_any_way_gets_its_time_and_no_more() {
    enclosed(|| {
        let node = node(&format!("{LOCAL}{RELAYING}{LIMITS}"));
        let runtime = Runtime::new().expect("a runtime can be made");
        let cases = cases();
        let handed_in = cases.iter().filter(|case| case.hands_in()).count();
        let timed_out = cases
            .iter()
            .filter(|case| case.takes_its_time() && case.step != Step::Handshake);
        let timed_out = timed_out.count();
        let handshakes = cases.iter().filter(|case| case.step == Step::Handshake).count();
        let pushed = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(AtomicBool::new(false));
        runtime.block_on(Client::open(SMTP, true)).expect("a first handshake");
        let (_, before) = node.memory();
        let good = runtime.block_on(async {
            let good = tokio::spawn(behave(Arc::clone(&enough)));
            let places = Arc::new(Semaphore::new(AT_A_TIME));
            let mut sessions = JoinSet::new();
            for case in cases {
                let (places, pushed) = (Arc::clone(&places), Arc::clone(&pushed));
                sessions.spawn(async move {
                    let _place = places.acquire().await;
                    let mine = AtomicUsize::new(0);
                    let codes = case.play(&mine).await;
                    pushed.fetch_max(mine.into_inner(), Ordering::Relaxed);
                    (case, codes)
                });
            }
            while let Some(ended) = sessions.join_next().await {
                let (case, codes) = ended.expect("a session does not panic");
                case.check(&codes.unwrap_or_else(|fault| panic!("{case:?}: {fault}")));
            }
            enough.store(true, Ordering::Relaxed);
            good.await
                .expect("it does not panic")
                .expect("others are served all the while")
        });
        let (_, after) = node.memory();
        assert!(after - before < GROWTH_MAX, "{} octets", after - before);
        assert!(pushed.load(Ordering::Relaxed) < PUSHED_MAX, "{pushed:?} octets");
        let empty = || (metric("sekisho_inbound_connections_open") == Some(0)).then_some(());
        wait::until_or("everybody to be gone", empty, || node.log());
        let whole = || (node.mailbox("inbox").len() == handed_in + good).then_some(());
        wait::until_or("every whole message and no other", whole, || {
            format!(
                "{} of {handed_in} and {good}\n{}",
                node.mailbox("inbox").len(),
                node.log()
            )
        });
        assert!(
            node.mailbox("inbox")
                .iter()
                .all(|message| !message.ends_with(b"half\r\n"))
        );
        let log = node.folder().join("sekisho-data/mail.log");
        let written = || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let found = |text: &str| log.matches(text).count();
            let all = (found("waited too long"), found("handshake-failed")) == (timed_out, handshakes);
            all.then_some(())
        };
        wait::until_or("the mail log to say why", written, || {
            fs::read_to_string(&log).unwrap_or_default()
        });
    });
}
