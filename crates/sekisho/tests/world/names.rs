//! A real resolver with real zones: what each answer of DNS comes to.

use std::{net::SocketAddr, os::fd::OwnedFd};

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use sekisho_testkit::{
    enclosure::{HOST_V6, HOSTNAME, HOSTS, enclosed},
    foreign::{Names, Swaks, Zone},
    node::{Node, SMTP},
    peer::{Fault, Peer},
};

use crate::{last_attempt, relaying_node, traced};

fn serve() -> (Names, Peer, Node) {
    let zones = [
        Zone::new(
            "mx.example",
            "@ MX 20 unused\n@ MX 10 good\ngood A 192.0.2.1\nunused A 192.0.2.6",
        ),
        Zone::new("implicit.example", "@ A 192.0.2.1"),
        Zone::new("null.example", "@ MX 0 ."),
        Zone::new("loop.example", "@ MX 10 inside\ninside A 127.0.0.1"),
        Zone::new(
            "fallback.example",
            "@ MX 10 dead\n@ MX 20 good\ndead A 192.0.2.5\ngood A 192.0.2.1",
        ),
        Zone::new("two.example", "@ MX 10 mx\nmx A 192.0.2.1\nmx A 192.0.2.2"),
        Zone::new(
            "odd.example",
            "www CNAME mx.example.\n\
             target MX 10 name\nname CNAME good.mx.example.\n\
             six MX 10 only6\nonly6 AAAA 2001:db8::1\n\
             both MX 10 two\ntwo AAAA 2001:db8::5\ntwo A 192.0.2.1\n\
             circle MX 10 good.mx.example.\ncircle MX 20 node.sekisho.example.\n\
             us MX 10 node.sekisho.example.",
        ),
        Zone::new("xn--bcher-kva.example", "@ MX 10 good.mx.example."),
        Zone::broken("broken.example"),
        Zone::new("empty.example", "other A 192.0.2.1"),
    ];
    let names = Names::serve(&zones);
    let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
    (names, peer, relaying_node(""))
}

fn send(domain: &str) -> String {
    let recipient = format!("b@{domain}");
    Swaks::new()
        .send(SMTP, "a@localhost", &recipient, &[])
        .assert_accepted();
    recipient
}

#[test]
fn mx_by_preference_implicit_mx_and_the_next_host_when_one_is_dead() {
    enclosed(|| {
        let (_names, peer, node) = serve();
        for (count, domain) in ["mx.example", "implicit.example", "fallback.example"]
            .iter()
            .enumerate()
        {
            let recipient = send(domain);
            traced(&node, &recipient, "delivered");
            assert_eq!(peer.count(), count + 1, "{domain}");
        }
    });
}

#[test]
fn aliases_literals_international_names_and_both_families_lead_to_the_host() {
    enclosed(|| {
        let (_names, peer, node) = serve();
        let six = Peer::start((HOST_V6, 25).into(), None, Fault::None);
        for (count, domain) in [
            "www.odd.example",
            "target.odd.example",
            "both.odd.example",
            "circle.odd.example",
            "xn--bcher-kva.example",
            "[192.0.2.1]",
        ]
        .iter()
        .enumerate()
        {
            let recipient = send(domain);
            traced(&node, &recipient, "delivered");
            assert_eq!(peer.count(), count + 1, "{domain}");
        }
        traced(&node, &send("six.odd.example"), "delivered");
        assert_eq!(six.count(), 1);
        let looping = traced(&node, &send("us.odd.example"), "bounced");
        assert_eq!(last_attempt(&looping)["outcome"]["why"]["status"], "5.4.6");
    });
}

/// Ten messages to a host with two addresses, each delivered by its first attempt.
fn ten_go_at_once(node: &Node) {
    for place in 0..10 {
        let recipient = format!("b{place}@two.example");
        Swaks::new()
            .send(SMTP, "a@localhost", &recipient, &[])
            .assert_accepted();
        let message = traced(node, &recipient, "delivered");
        assert_eq!(last_attempt(&message)["attempt"], 1, "{message:#}");
    }
}

#[test]
fn the_next_address_of_a_host_is_tried_where_one_ends_the_session_at_once() {
    enclosed(|| {
        let (_names, good, _) = serve();
        let node = relaying_node("[delivery]\nmessages-per-connection = 1\n");
        let bad = Peer::start((HOSTS[1], 25).into(), None, Fault::CutAt("EHLO"));
        // Addresses are shuffled: by the tenth message the bad one has been first, but for one time in a thousand.
        ten_go_at_once(&node);
        assert_eq!((good.count(), bad.count()), (10, 0));
        assert!(!bad.wire().is_empty(), "the bad one was never first");
    });
}

/// A port that takes no more connections: what dials it hears nothing.
fn silent(address: std::net::IpAddr) -> (OwnedFd, Vec<std::net::TcpStream>) {
    let at = SocketAddr::new(address, 25);
    let listening = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listening, &at).expect("the address is free");
    listen(&listening, 0).expect("it listens");
    let limit = std::time::Duration::from_millis(200);
    // Those that come through fill the line of those that wait to be accepted.
    let waiting = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&at, limit).ok());
    let waiting = waiting.collect();
    (listening, waiting)
}

#[test]
fn a_silent_address_is_not_waited_for_where_another_answers() {
    enclosed(|| {
        let (_names, good, _) = serve();
        let node = relaying_node("[delivery]\nmessages-per-connection = 1\n");
        let _silent = silent(HOSTS[1]);
        ten_go_at_once(&node);
        assert_eq!(good.count(), 10);
    });
}

#[test]
fn more_silent_destinations_than_connections_keep_nobody_waiting() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("[limits]\noutbound-connections = 2\n");
        let _silent: Vec<_> = HOSTS[1..].iter().map(|address| silent(*address)).collect();
        for address in &HOSTS[1..] {
            send(&format!("[{address}]"));
        }
        // Each of the others takes half a minute to be given up.
        traced(&node, &send("[192.0.2.1]"), "delivered");
        assert_eq!(peer.count(), 1);
    });
}

#[test]
fn an_answer_too_large_for_a_datagram_comes_over_tcp() {
    enclosed(|| {
        let many: Vec<String> = (0..60)
            .map(|n| format!("@ MX 20 a-rather-long-name-of-a-host-that-is-never-asked-{n}"))
            .collect();
        let records = format!("@ MX 10 good\ngood A 192.0.2.1\n{}", many.join("\n"));
        let names = Names::serve(&[Zone::new("big.example", &records)]);
        let asked = names.ask("big.example", "MX");
        assert!(asked.contains("flags: qr tc"), "{asked}");
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("");
        traced(&node, &send("big.example"), "delivered");
        assert_eq!(peer.count(), 1);
    });
}

#[test]
fn a_route_says_with_which_name_from_which_address_and_over_which_family() {
    enclosed(|| {
        let zone = Zone::new("both.example", "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1");
        let _names = Names::serve(&[zone]);
        let four = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let six = Peer::start((HOST_V6, 25).into(), None, Fault::None);
        let route =
            |more: &str| format!("[[route]]\nname = \"both\"\ndomains = [\"both.example\"]\nvia = \"mx\"\n{more}\n");
        for (more, v4, v6) in [
            ("address-family = \"ipv4\"", 1, 0),
            ("address-family = \"ipv6\"", 0, 1),
            ("source-address = \"192.0.2.4\"\nehlo-name = \"out.example\"", 1, 0),
        ] {
            let (before_v4, before_v6) = (four.count(), six.count());
            let node = relaying_node(&route(more));
            traced(&node, &send("both.example"), "delivered");
            assert_eq!((four.count() - before_v4, six.count() - before_v6), (v4, v6), "{more}");
        }
        let last = four.received().pop().expect("one came");
        assert_eq!((last.client, last.helo.as_str()), (HOSTS[3], "out.example"));
        let first = four.received().swap_remove(0);
        assert_eq!(first.helo, HOSTNAME, "the node's own name, unless a route says another");
    });
}

#[test]
fn null_mx_no_such_name_and_no_address_bounce() {
    enclosed(|| {
        let (_names, peer, node) = serve();
        for (domain, status) in [
            ("null.example", "5.1.10"),
            ("none.mx.example", "5.1.2"),
            ("empty.example", "5.4.4"),
        ] {
            let recipient = send(domain);
            let message = traced(&node, &recipient, "bounced");
            assert_eq!(
                last_attempt(&message)["outcome"]["why"]["status"],
                status,
                "{message:#}"
            );
        }
        assert_eq!(peer.count(), 0);
    });
}

#[test]
fn a_fault_of_dns_defers_and_never_bounces() {
    enclosed(|| {
        let (_names, peer, node) = serve();
        let recipient = send("broken.example");
        let message = traced(&node, &recipient, "deferred");
        assert_eq!(message["queued"], true, "{message:#}");
        assert_eq!(peer.count(), 0);
    });
}

#[test]
fn an_mx_that_points_at_loopback_is_not_dialled() {
    enclosed(|| {
        let (_names, _peer, node) = serve();
        let trap = Peer::start(([127, 0, 0, 1], 25).into(), None, Fault::None);
        let recipient = send("loop.example");
        let looked = sekisho_testkit::wait::until_or(
            "an attempt",
            || crate::trace_of(&node, &recipient).filter(|message| crate::attempts(message).next().is_some()),
            || node.log(),
        );
        assert_ne!(crate::outcome_of(last_attempt(&looked)), "delivered", "{looked:#}");
        assert!(trap.wire().is_empty(), "nobody connected to loopback");
    });
}
