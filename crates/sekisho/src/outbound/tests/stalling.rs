//! Hosts that stall: at each step of a delivery, in each way. The attempt ends in its time, nothing is lost, nothing is
//! sent twice but where the host may have the message, little is read, and the trace says why.
//!
//! Only what the step under test waits for is short, so that nothing else can run out on a slow machine.

use std::time::Duration;

use sekisho_mail::Host;
use sekisho_smtp::client::ClientTimeouts;
use sekisho_testkit::{
    stall::Stall,
    staller::{Staller, Step},
};
use tokio::{task::JoinSet, time::timeout};

use super::*;
use crate::outbound::{DomainPattern, NextHopHost, OutboundLimits, Via};

/// What is waited for in the step under test.
const SHORT: Duration = Duration::from_millis(500);
/// Where one time serves several steps, those before the one under test must not run out.
const SHORT_GREETING: Duration = Duration::from_secs(2);
/// What is waited for in every other step; reached by failures alone.
const LONG: Duration = Duration::from_secs(120);
/// A handshake that is lost may have been the network's fault: each kind is tried twice, with the hybrid and without.
const HANDSHAKES_MAX: usize = 4;
/// An attempt has at most so many connections, each of which has its time.
const IN_TIME: Duration = Duration::from_secs(60);
/// Larger than what the kernel holds for a connection.
const LARGE_OCTETS: usize = 8 * 1024 * 1024;
/// What a peer that sends without end gets rid of: what we read before we see through it, and the kernel's buffers.
const PUSHED_MAX: usize = 1024 * 1024;

/// What came of one stall.
struct Ended {
    what: String,
    step: Step,
    stall: Stall,
    peer: Staller,
    outcomes: Vec<Outcome>,
    store: Arc<FakeStore>,
}

fn patience(step: Step) -> (ClientTimeouts, Duration) {
    let mut timeouts = ClientTimeouts {
        greeting: LONG,
        mail: LONG,
        rcpt: LONG,
        data_start: LONG,
        data_block: LONG,
        data_end: LONG,
        // Nothing is earned by what is taken slowly.
        content_octets_per_sec: u32::MAX,
        quit: SHORT,
    };
    let mut handshake = LONG;
    match step {
        Step::Greeting | Step::Ehlo | Step::StartTls | Step::EhloUnderTls => timeouts.greeting = SHORT_GREETING,
        Step::Handshake => handshake = SHORT,
        Step::Mail => timeouts.mail = SHORT,
        Step::Rcpt => timeouts.rcpt = SHORT,
        Step::Data => timeouts.data_start = SHORT,
        Step::Body => timeouts.data_block = SHORT,
        Step::FinalDot => timeouts.data_end = SHORT,
        Step::Quit => {}
    }
    (timeouts, handshake)
}

async fn deliver(step: Step, stall: Stall, peer: Staller, content: bytes::Bytes) -> Ended {
    let what = format!("{step:?}, {stall:?}");
    let store = Arc::new(FakeStore::default());
    let mut configured = configured(&[peer.address()], |route| {
        route.demands = vec![Requirement::Encryption];
        route.messages_per_connection = 1;
    });
    let (timeouts, handshake_timeout) = patience(step);
    configured.settings.timeouts = timeouts;
    configured.settings.limits = OutboundLimits {
        handshake_timeout,
        ..OutboundLimits::default()
    };
    let dispatcher = Dispatcher::new(services(&store, loopback_dns(), None), configured);
    let shared = dispatcher.shared().clone();
    let mut queued = message(1);
    queued.content = content;
    let leases = vec![queued.lease()];
    let batch = run_batch(
        shared.clone(),
        shared.configured.load_full(),
        queued.destination,
        leases,
        0,
    );
    assert!(timeout(IN_TIME, batch).await.is_ok(), "{what}: it never ends");
    let outcomes = store.books().settled.iter().flat_map(|(_, all)| all.clone()).collect();
    Ended {
        what,
        step,
        stall,
        peer,
        outcomes,
        store,
    }
}

/// What the trace says of it, in part.
const fn why(step: Step, stall: Stall) -> &'static str {
    match (step, stall) {
        // The failed handshake stands beside it; a reset may come before the connection is seen to stand.
        (Step::Handshake, _) | (Step::Greeting, Stall::Reset) => "",
        (_, Stall::Silence | Stall::Drip | Stall::HalfLine) => match step {
            Step::Greeting => "time ran out while waiting for the greeting",
            Step::Ehlo | Step::EhloUnderTls => "time ran out while waiting for the reply to EHLO",
            Step::StartTls => "time ran out while waiting for the reply to STARTTLS",
            Step::Mail => "time ran out while waiting for the reply to MAIL",
            Step::Rcpt => "time ran out while waiting for the reply to RCPT",
            Step::Data => "time ran out while waiting for the reply to DATA",
            Step::Body => "time ran out while waiting for room for the content",
            _ => "time ran out while waiting for the reply to the content",
        },
        (_, Stall::Reset | Stall::End | Stall::CloseNotify) => "the connection was lost while waiting for",
        (_, Stall::Closing) => "the host closes the connection",
        (_, Stall::Garbage) => "the host sent a reply",
        (_, Stall::EndlessLine) => "the host sent a reply line longer than",
        (_, Stall::LongReply) => "the host sent a reply of more than",
    }
}

impl Ended {
    fn check(&self) {
        let (what, peer) = (&self.what, &self.peer);
        assert_eq!(peer.complaint(), None, "{what}");
        let whole = usize::from(matches!(self.step, Step::FinalDot | Step::Quit));
        assert_eq!(peer.taken(), whole, "{what}");
        let most = if self.step == Step::Handshake {
            HANDSHAKES_MAX
        } else {
            1
        };
        assert!(
            (1..=most).contains(&peer.connections()),
            "{what}: {}",
            peer.connections()
        );
        assert!(peer.pushed() <= PUSHED_MAX, "{what}: {} octets", peer.pushed());
        let books = self.store.books();
        let [evidence] = &books.evidence[..] else {
            panic!("{what}: {:?}", books.evidence)
        };
        assert!(!evidence.decision.reasons().is_empty(), "{what}");
        if self.step == Step::Quit {
            return assert_eq!(words(&self.outcomes), ["delivered"], "{what}");
        }
        let [Outcome::Deferred { why: fault, .. }] = &self.outcomes[..] else {
            panic!("{what}: {:?}", self.outcomes)
        };
        assert_eq!(fault.status.class, 4, "{what}: {fault}");
        assert!(fault.text.contains(why(self.step, self.stall)), "{what}: {fault}");
        if self.step == Step::Handshake {
            assert!(!evidence.failed_handshakes.is_empty(), "{what}: {fault}");
        }
    }
}

#[test]
fn a_host_that_stalls_anywhere_in_any_way_gets_its_time_and_no_more() {
    let pem = self_signed(&[NAME]);
    let runtime = Runtime::new().unwrap();
    let large = bytes::Bytes::from(b"0123456789abcdef\r\n".repeat(LARGE_OCTETS / 18));
    let all = Step::ALL
        .into_iter()
        .flat_map(|step| Stall::ALL.map(|stall| (step, stall)));
    // Where there is no TLS it cannot be closed.
    let all = all.filter(|(step, stall)| {
        let in_the_clear = matches!(step, Step::Greeting | Step::Ehlo | Step::StartTls);
        !(in_the_clear && *stall == Stall::CloseNotify)
    });
    let mut ended = 0;
    runtime.block_on(async {
        let mut deliveries = JoinSet::new();
        for (step, stall) in all {
            let peer = Staller::start(runtime.handle(), &pem, step, stall, SHORT / 10);
            let content = if step == Step::Body {
                large.clone()
            } else {
                message(1).content
            };
            deliveries.spawn(deliver(step, stall, peer, content));
        }
        while let Some(delivery) = deliveries.join_next().await {
            delivery.unwrap().check();
            ended += 1;
        }
    });
    assert_eq!(ended, Step::ALL.len() * Stall::ALL.len() - 3);
}

/// Otherwise a few dozen hosts that answer nothing, with as many connections each as they may have, would hold every
/// place for as long as an answer is waited for, five minutes at a time.
#[test]
fn a_host_that_is_slow_to_answer_leaves_its_place_to_others() {
    let pem = self_signed(&[NAME]);
    let runtime = Runtime::new().unwrap();
    let good = Peer::start(LOOPBACK, Some(&pem), Fault::None);
    for step in [Step::Greeting, Step::Handshake, Step::Mail, Step::FinalDot] {
        let slow = Staller::start(runtime.handle(), &pem, step, Stall::Silence, LONG);
        let store = Arc::new(FakeStore::default());
        let mut configured = configured(&[good.address()], |_| {});
        configured.settings.limits.connections = 1;
        let via = Via::Hosts(vec![NextHopHost {
            host: Host::parse(NAME).unwrap(),
            port: slow.address().port(),
        }]);
        let domain = DomainPattern::Exact(Host::parse("slow.example").unwrap());
        let route = RouteSettings::new("slow", vec![domain], via);
        configured.settings.routes.push(Arc::new(route));
        let dispatcher = Dispatcher::new(services(&store, loopback_dns(), None), configured);
        let deliver = |queued: Queued| {
            let (shared, leases) = (dispatcher.shared().clone(), vec![queued.lease()]);
            let configured = shared.configured.load_full();
            run_batch(shared, configured, queued.destination, leases, 0)
        };
        let stuck = runtime.spawn(deliver(Queued::new(1, &["someone@slow.example"])));
        sekisho_testkit::wait::until("the only place to be taken", || (slow.connections() > 0).then_some(()));
        let went = runtime.block_on(async { timeout(IN_TIME, deliver(message(2))).await });
        assert!(went.is_ok(), "{step:?}: it waits for the place of one that only waits");
        assert_eq!(words(&store.books().settled[0].1), ["delivered"], "{step:?}");
        assert!(!stuck.is_finished(), "{step:?}");
        stuck.abort();
    }
    assert_eq!(good.count(), 4);
}
