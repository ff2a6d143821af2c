//! Killed again and again under load, with a ledger outside: nothing acknowledged is lost or altered, nothing is
//! delivered that was never wholly sent, and duplicates are bounded by what was in flight (law 1).

use std::collections::BTreeMap;

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    node::SMTP,
    peer::{Fault, Peer},
    source::{Source, identify},
    wait,
};

use crate::relaying_node;

/// How often the process is killed in one run.
const KILLS: usize = 15;
/// Messages acknowledged between two kills.
const BETWEEN: usize = 25;
const CONNECTIONS: usize = 8;

#[test]
fn nothing_acknowledged_is_lost_or_altered_by_kill_9() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let mut node = relaying_node(
            "[[route]]\nname = \"there\"\ndomains = [\"there.example\"]\nvia = [\"192.0.2.1:25\"]\nconnections = 4\n\
             retry = [\"1s\"]\n",
        );
        let source = Source::start(SMTP, "b@there.example", CONNECTIONS);
        let mut duplicates_allowed = 0;
        for _ in 0..KILLS {
            let goal = source.ledger().acknowledged().len() + BETWEEN;
            wait::until_or(
                "more acknowledged messages",
                || (source.ledger().acknowledged().len() >= goal).then_some(()),
                || node.log(),
            );
            let delivered_before = peer.count();
            let acknowledged_before = source.ledger().acknowledged().len();
            node.kill();
            // In flight: on its way to the peer, or delivered so lately that settling, which is lazy, was not durable.
            duplicates_allowed += acknowledged_before.min(delivered_before).min(4 * CONNECTIONS + BETWEEN);
            node.resume();
        }
        source.stop();
        let acknowledged = source.ledger().acknowledged();
        // What happened to be in flight at three kills was set aside, to be looked at; nothing is wrong with it.
        let set_aside = node.run(&["queue", "release", "--held", "--error", "three crashes"]);
        assert!(
            set_aside.status.success() || set_aside.status.code() == Some(3),
            "{set_aside:?}"
        );
        let arrived = || {
            let counts = count(&peer);
            acknowledged
                .iter()
                .all(|number| counts.contains_key(number))
                .then_some(counts)
        };
        let counts = wait::until_or("every acknowledged message", arrived, || {
            let missing = acknowledged
                .iter()
                .filter(|number| !count(&peer).contains_key(number))
                .count();
            format!("{missing} of {} are missing\n{}", acknowledged.len(), node.log())
        });
        let offered = source.ledger().offered();
        assert!(
            counts.keys().all(|number| offered.contains(number)),
            "a message was delivered that nobody sent"
        );
        let duplicates: usize = counts.values().map(|count| count - 1).sum();
        assert!(
            duplicates <= duplicates_allowed,
            "{duplicates} duplicates, {duplicates_allowed} were in flight"
        );
    });
}

/// How often each number arrived.
///
/// # Panics
/// When one arrived altered.
fn count(peer: &Peer) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for message in peer.received() {
        // Notifications about what we delivered would be messages of their own; there is no reason for any here.
        let (number, whole) = identify(&message.content).expect("every message is one of the ledger's");
        assert!(whole, "message {number} was altered");
        *counts.entry(number).or_default() += 1;
    }
    counts
}
