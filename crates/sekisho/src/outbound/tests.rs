//! Deliveries to a peer that keeps every octet it sees: law 2 above all, then what opportunistic TLS does with the same
//! faults, reuse of connections, and the dispatcher. What the answers of a host mean is in `answers`,
//! what a host that stalls comes to in `stalling`.

mod answers;
mod stalling;

use std::{net::SocketAddr, sync::Arc};

use sekisho_mail::{AnchorSetId, Demand, DemandLevel, EnhancedCode, Outcome, Timestamp};
use sekisho_policy::outbound::{BrokenTls, Requirement, TlsNames};
use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    peer::{Fault, Peer},
};
use tokio::{runtime::Runtime, sync::watch};

use super::{
    Configured, Dispatcher, RouteSettings, Shared,
    batch::{Verdict, run_batch},
    testing::{FakeStore, Queued, configured, loopback_dns, services},
};
use crate::app::Phase;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const NAME: &str = "mx.peer.example";

/// A world with one peer in it.
struct World {
    runtime: Runtime,
    peer: Peer,
    store: Arc<FakeStore>,
    dispatcher: Arc<Dispatcher>,
}

impl World {
    fn new(pem: &Pem, anchor: Option<&str>, fault: Fault, change: impl FnOnce(&mut RouteSettings)) -> Self {
        let peer = Peer::start(LOOPBACK, Some(pem), fault);
        let store = Arc::new(FakeStore::default());
        let dispatcher = Dispatcher::new(
            services(&store, loopback_dns(), anchor),
            configured(&[peer.address()], change),
        );
        Self {
            runtime: Runtime::new().unwrap(),
            peer,
            store,
            dispatcher,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.dispatcher.shared()
    }

    /// Delivers these in one batch; the outcomes in order of settlement.
    fn deliver(&self, queued: &[Queued]) -> (Vec<Outcome>, Verdict) {
        let configured: Arc<Configured> = self.shared().configured.load_full();
        let leases = queued.iter().map(Queued::lease).collect();
        let batch = run_batch(
            self.shared().clone(),
            configured,
            queued[0].destination.clone(),
            leases,
            0,
        );
        let report = self.runtime.block_on(batch);
        let outcomes = self
            .store
            .books()
            .settled
            .iter()
            .flat_map(|(_, outcomes)| outcomes.clone())
            .collect();
        (outcomes, report.verdict)
    }
}

fn message(serial: u32) -> Queued {
    Queued::new(serial, &["someone@dest.example"])
}

fn words(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(Outcome::word).collect()
}

const FAULTS: [Fault; 12] = [
    Fault::NotOffered,
    Fault::EhloRefused,
    Fault::Refused(454),
    Fault::Refused(502),
    Fault::Refused(354),
    Fault::Refused(421),
    Fault::NoTlsBehind220,
    Fault::InjectedBehind220,
    Fault::FragmentBehind220,
    Fault::CutAtHandshake,
    Fault::CutInHandshake,
    Fault::CutAt("EHLO"),
];

/// Nothing of the message was ever readable on the wire, and nothing arrived.
fn assert_nothing_left(world: &World, what: &str) {
    for secret in ["MAIL", "RCPT", "DATA", "BDAT", "someone", "secret"] {
        assert!(!world.peer.saw_in_the_clear(secret), "{what}: {secret} in the clear");
    }
    assert_eq!(world.peer.count(), 0, "{what}");
}

#[test]
fn what_requires_tls_never_leaves_in_the_clear_whatever_the_peer_does() {
    let pem = self_signed(&[NAME]);
    let carried = Demand {
        level: DemandLevel::Encryption,
        origin: "an alias".to_owned(),
    };
    for fault in FAULTS {
        let what = format!("{fault:?}, demanded by the route");
        let world = World::new(&pem, None, fault, |route| route.demands = vec![Requirement::Encryption]);
        let (outcomes, _) = world.deliver(&[message(1)]);
        assert_eq!(words(&outcomes), ["deferred"], "{what}");
        assert_nothing_left(&world, &what);
        let what = format!("{fault:?}, carried by the message");
        let world = World::new(&pem, None, fault, |_| {});
        let (outcomes, _) = world.deliver(&[message(1).carrying(&carried)]);
        assert_eq!(words(&outcomes), ["deferred"], "{what}");
        assert_nothing_left(&world, &what);
    }
}

#[test]
fn a_remembered_failure_never_serves_a_message_that_requires_tls() {
    let pem = self_signed(&[NAME]);
    let world = World::new(&pem, None, Fault::None, |route| {
        route.demands = vec![Requirement::Encryption]
    });
    let broken = BrokenTls::Wholly("an alert".to_owned());
    world
        .shared()
        .memory
        .remember(NAME, world.peer.address(), broken, crate::clock::now());
    let (outcomes, _) = world.deliver(&[message(1)]);
    assert_eq!(words(&outcomes), ["delivered"]);
    assert!(world.peer.received()[0].tls);
    let recalled = world
        .shared()
        .memory
        .recall(NAME, world.peer.address(), crate::clock::now());
    assert_eq!(recalled, None, "the first success ends the memory");
}

#[test]
fn a_connection_cut_under_tls_shows_nothing_and_is_tried_again() {
    let pem = self_signed(&[NAME]);
    for verb in ["EHLO", "MAIL", "RCPT", "BDAT"] {
        let world = World::new(&pem, None, Fault::CutAt(verb), |route| {
            route.demands = vec![Requirement::Encryption];
        });
        // The peer offers TLS, so it is cut there only once TLS stands.
        let (outcomes, _) = world.deliver(&[message(1)]);
        assert_eq!(words(&outcomes), ["deferred"], "{verb}");
        assert_nothing_left(&world, verb);
    }
}

#[test]
fn a_certificate_that_is_demanded_is_judged_before_a_word_is_said() {
    let authority = Authority::new();
    let anchors = || AnchorSetId("test".to_owned());
    let names = || TlsNames::RouteHost;
    let demands = [
        Requirement::Certificate { anchors: anchors() },
        Requirement::Domain {
            anchors: anchors(),
            names: names(),
        },
    ];
    let cases: [(&str, Pem, [&str; 2]); 4] = [
        ("good", authority.server(&[NAME]), ["delivered", "delivered"]),
        (
            "wrong name",
            authority.server(&["other.example"]),
            ["delivered", "deferred"],
        ),
        ("expired", authority.expired(&[NAME]), ["deferred", "deferred"]),
        ("self-signed", self_signed(&[NAME]), ["deferred", "deferred"]),
    ];
    for (what, pem, expected) in cases {
        for (demand, expected) in demands.iter().zip(expected) {
            let change = |route: &mut RouteSettings| route.demands = vec![demand.clone()];
            let world = World::new(&pem, Some(authority.anchor()), Fault::None, change);
            let (outcomes, _) = world.deliver(&[message(1)]);
            assert_eq!(words(&outcomes), [expected], "{what} {demand:?}: {outcomes:?}");
            assert_eq!(
                world.peer.count(),
                usize::from(expected == "delivered"),
                "{what} {demand:?}"
            );
            assert!(!world.peer.saw_in_the_clear("MAIL"));
        }
    }
}

#[test]
fn opportunistic_mail_goes_under_tls_where_it_can_and_in_the_clear_where_it_cannot() {
    let pem = self_signed(&[NAME]);
    let world = World::new(&pem, None, Fault::None, |_| {});
    assert_eq!(words(&world.deliver(&[message(1)]).0), ["delivered"]);
    assert!(world.peer.received()[0].tls);
    assert!(!world.peer.saw_in_the_clear("secret"));
    for fault in FAULTS {
        let world = World::new(&pem, None, fault, |_| {});
        let (outcomes, _) = world.deliver(&[message(1)]);
        // Words in somebody else's name, or a connection that ends outside the handshake, are no reason to lower TLS.
        let lowered = matches!(
            fault,
            Fault::NotOffered
                | Fault::EhloRefused
                | Fault::Refused(454 | 502)
                | Fault::CutAtHandshake
                | Fault::CutInHandshake
        );
        let expected = if lowered { "delivered" } else { "deferred" };
        assert_eq!(words(&outcomes), [expected], "{fault:?}: {outcomes:?}");
        assert_eq!(
            world.peer.received().iter().filter(|received| !received.tls).count(),
            usize::from(lowered)
        );
        let evidence = world.store.books().evidence[0].clone();
        assert!(
            !evidence.conversation.is_empty() && !evidence.decision.reasons().is_empty(),
            "{fault:?}"
        );
    }
}

#[test]
fn a_refusal_for_want_of_tls_after_a_fall_back_defers() {
    for code in [530, 550] {
        let pem = self_signed(&[NAME]);
        let world = World::new(&pem, None, Fault::Answer("MAIL", code), |_| {});
        let broken = BrokenTls::Wholly("an alert".to_owned());
        world
            .shared()
            .memory
            .remember(NAME, world.peer.address(), broken, crate::clock::now());
        let (outcomes, _) = world.deliver(&[message(1)]);
        let expected = if code == 530 { "deferred" } else { "bounced" };
        assert_eq!(words(&outcomes), [expected], "{code}");
    }
}

#[test]
fn many_messages_share_a_connection_and_each_is_judged() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::None, |route| {
        route.messages_per_connection = 3
    });
    let messages: Vec<Queued> = (0..6).map(message).collect();
    let (outcomes, verdict) = world.deliver(&messages);
    assert_eq!((words(&outcomes), verdict), (vec!["delivered"; 6], Verdict::Alive));
    assert_eq!(world.peer.wire().len(), 2, "three messages a connection");
    let books = world.store.books();
    assert!(
        books
            .evidence
            .iter()
            .all(|evidence| !evidence.decision.reasons().is_empty())
    );
    let channels: Vec<_> = books.evidence.iter().flat_map(|it| it.channel.clone()).collect();
    assert!(Arc::ptr_eq(&channels[0], &channels[2]), "its facts are shared");
    assert_ne!(channels[2].id, channels[3].id);
}

#[test]
fn only_other_verdicts_make_other_facts_of_a_connection() {
    let mut demanding = message(2);
    let recipient = &mut Arc::make_mut(&mut demanding.envelope).recipients[0];
    recipient.carried.push(Demand {
        level: DemandLevel::Certificate {
            anchors: AnchorSetId("own".to_owned()),
        },
        origin: "an alias".to_owned(),
    });
    let world = World::new(&self_signed(&[NAME]), None, Fault::None, |_| {});
    let (outcomes, _) = world.deliver(&[message(0), message(1), demanding, message(3)]);
    assert_eq!(words(&outcomes), ["delivered", "delivered", "deferred", "delivered"]);
    let books = world.store.books();
    let channels: Vec<_> = books.evidence.iter().flat_map(|it| it.channel.clone()).collect();
    assert!(channels.iter().all(|channel| channel.id == channels[0].id));
    assert!(Arc::ptr_eq(&channels[0], &channels[1]));
    assert_ne!(channels[1], channels[2], "more was asked about the chain");
    assert_eq!(channels[0], channels[3]);
}

#[test]
fn recipients_with_different_demands_never_share_a_transaction() {
    let mut queued = Queued::new(1, &["a@dest.example", "b@dest.example", "c@dest.example"]);
    let envelope = Arc::make_mut(&mut queued.envelope);
    envelope.recipients[1].carried.push(Demand {
        level: DemandLevel::Encryption,
        origin: "an alias".to_owned(),
    });
    let world = World::new(&self_signed(&[NAME]), None, Fault::NotOffered, |_| {});
    let (outcomes, _) = world.deliver(&[queued]);
    assert_eq!(words(&outcomes), ["delivered", "deferred", "delivered"]);
    assert_eq!(world.peer.received()[0].to.len(), 2);
}

#[test]
fn a_dead_destination_costs_one_attempt_and_is_backed_off() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::Answer("EHLO", 451), |_| {});
    let messages: Vec<Queued> = (0..5).map(message).collect();
    let (outcomes, verdict) = world.deliver(&messages);
    assert_eq!(words(&outcomes), ["deferred"; 5]);
    assert!(matches!(verdict, Verdict::Dead { .. }));
    assert_eq!(world.peer.wire().len(), 1, "one connection for all five");
    assert!(world.store.books().backed_off.contains_key(&messages[0].destination));
}

#[test]
fn what_is_too_old_is_given_up_with_the_last_fault_in_words() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::Answer("MAIL", 451), |route| {
        route.demands.clear();
    });
    let mut old = message(1);
    old.arrived = Timestamp::from_millis(old.arrived.as_millis() - 6 * 24 * 3_600_000);
    // A recipient that wants no notification, so that only the outcome is looked at.
    let envelope = Arc::make_mut(&mut old.envelope);
    envelope.recipients[0].notify = Some(sekisho_mail::Notify::Never);
    let (outcomes, _) = world.deliver(&[old]);
    let Outcome::Bounced { why } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(why.status, EnhancedCode::new(5, 4, 7));
    assert!(why.text.contains("6 days") && why.reply.is_some(), "{why}");
}

#[test]
fn the_dispatcher_delivers_what_is_due_and_what_is_offered_and_stops_when_told() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::None, |_| {});
    for serial in 0..60 {
        let to = format!("someone@d{}.example", serial % 3);
        world.store.books().queue.push(Queued::new(serial, &[&to]));
    }
    let offered: Vec<Queued> = (100..110).map(message).collect();
    world.runtime.block_on(async {
        let (phase, watched) = watch::channel(Phase::Running);
        let running = tokio::spawn(world.dispatcher.clone().run(watched));
        world.dispatcher.offer(offered.iter().map(Queued::lease).collect());
        while world.store.books().settled.len() < 70 {
            world.store.settled.notified().await;
        }
        phase.send(Phase::Draining).unwrap();
        running.await.unwrap();
    });
    assert_eq!(world.peer.count(), 70);
    assert!(world.store.books().queue.is_empty());
}

#[test]
fn a_dead_destination_keeps_nobody_waiting() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::None, |_| {});
    // The route of this destination leads to a host that has no address.
    for serial in 0..30 {
        world
            .store
            .books()
            .queue
            .push(Queued::new(serial, &["x@[IPv6:2001:db8::1]"]));
    }
    let mut change = Configured::clone(&world.shared().configured.load());
    let mut exact = RouteSettings::clone(&change.settings.routes[0]);
    exact.name = "dead".to_owned();
    exact.domains = vec![super::DomainPattern::Exact(
        sekisho_mail::Host::parse("[IPv6:2001:db8::1]").unwrap(),
    )];
    exact.via = super::Via::Hosts(vec![super::NextHopHost {
        host: sekisho_mail::Host::parse("nowhere.example").unwrap(),
        port: 25,
    }]);
    change.settings.routes.push(Arc::new(exact));
    world.shared().configured.store(Arc::new(change));
    world.store.books().queue.push(message(99));
    let dead = world.store.books().queue[0].destination.clone();
    world.runtime.block_on(async {
        let (phase, watched) = watch::channel(Phase::Running);
        let running = tokio::spawn(world.dispatcher.clone().run(watched));
        while world.peer.count() < 1 || !world.store.books().backed_off.contains_key(&dead) {
            world.store.settled.notified().await;
        }
        phase.send(Phase::Stopping).unwrap();
        running.await.unwrap();
    });
    assert_eq!(world.peer.count(), 1);
}

#[test]
fn a_next_hop_never_has_more_connections_than_it_may_have() {
    let world = World::new(&self_signed(&[NAME]), None, Fault::None, |_| {});
    let mut change = Configured::clone(&world.shared().configured.load());
    change.settings.limits.connections_per_host = 1;
    world.shared().configured.store(Arc::new(change));
    for serial in 0..40 {
        world
            .store
            .books()
            .queue
            .push(Queued::new(serial, &[&format!("someone@d{serial}.example")]));
    }
    world.runtime.block_on(async {
        let (phase, watched) = watch::channel(Phase::Running);
        let running = tokio::spawn(world.dispatcher.clone().run(watched));
        while world.store.books().settled.len() < 40 {
            world.store.settled.notified().await;
        }
        phase.send(Phase::Stopping).unwrap();
        running.await.unwrap();
    });
    assert_eq!(world.peer.count(), 40);
    assert_eq!(world.peer.wire().len(), 1, "forty destinations over one connection");
}
