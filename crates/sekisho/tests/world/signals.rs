//! SIGTERM loses nothing and ends well; SIGHUP takes a good configuration and refuses a bad one whole.

use rustix::process::Signal;
use sekisho_testkit::{
    authority::Authority,
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP},
    peer::{Fault, Peer},
    source::Source,
    wait,
};

use crate::{LOCAL, node, relaying_node, tls_version, traced};

/// Takes an address that the server wants.
fn taken(address: &str) -> std::net::TcpListener {
    std::net::TcpListener::bind(address).expect("the address is free")
}

#[test]
fn sigterm_under_load_ends_with_success_and_loses_nothing() {
    enclosed(|| {
        let mut node = node(LOCAL);
        let source = Source::start(SMTP, "inbox@here.example", 4);
        wait::until("some mail", || {
            (source.ledger().acknowledged().len() > 50).then_some(())
        });
        let status = node.terminate();
        source.stop();
        assert!(status.success(), "{status}\n{}", node.log());
        node.resume();
        let acknowledged = source.ledger().acknowledged().len();
        let all = || (node.mailbox("inbox").len() >= acknowledged).then_some(());
        wait::until_or("all acknowledged messages", all, || node.log());
    });
}

#[test]
fn a_reload_during_the_shutdown_cuts_nothing_short() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::TakenAndSilent);
        let route = "[[route]]\nname = \"t\"\ndomains = [\"there.example\"]\nvia = [\"192.0.2.1:25\"]\n";
        let mut node = relaying_node(route);
        Swaks::new()
            .send(SMTP, "a@localhost", "b@there.example", &[])
            .assert_accepted();
        wait::until_or("the content", || (peer.count() == 1).then_some(()), || node.log());
        node.signal(Signal::TERM);
        let draining = || node.log().contains("in flight finishes").then_some(());
        wait::until_or("the drain", draining, || node.log());
        node.signal(Signal::HUP);
        let heard = || node.log().contains("not read anew").then_some(());
        wait::until_or("the reload to be heard", heard, || node.log());
        peer.set_fault(Fault::None);
        assert!(node.ended().success(), "{}", node.log());
        node.resume();
        traced(&node, "b@there.example", "delivered");
        assert_eq!(peer.count(), 1, "it was settled before the end");
    });
}

fn accepts(swaks: &Swaks, recipient: &str) -> bool {
    swaks
        .send(SMTP, "a@there.example", recipient, &["--quit-after", "RCPT"])
        .code
        == Some(0)
}

fn reload(node: &Node, configuration: &str) {
    node.configure(configuration);
    node.signal(Signal::HUP);
}

#[test]
fn sighup_takes_a_good_configuration_and_refuses_a_bad_one_whole() {
    enclosed(|| {
        let node = node(LOCAL);
        let swaks = Swaks::new();
        assert!(!accepts(&swaks, "new@here.example"));
        let good = LOCAL.replace("\"inbox\"", "\"inbox\", \"new\"");
        reload(&node, &good);
        wait::until_or(
            "the new user",
            || accepts(&swaks, "new@here.example").then_some(()),
            || node.log(),
        );
        let bad = good.replace("\"new\"", "\"newer\"") + "\n[nonsense]\nkey = 1\n";
        reload(&node, &bad);
        wait::until_or(
            "the complaint",
            || node.log().contains("nonsense").then_some(()),
            || node.log(),
        );
        for (key, value) in [("format", "json"), ("mail-log", "other.log")] {
            reload(&node, &format!("{good}\n[log]\n{key} = \"{value}\"\n"));
            let complaint = format!("log.{key}] changed");
            let complained = || node.log().contains(&complaint).then_some(());
            wait::until_or("what is read at the start alone to be refused", complained, || {
                node.log()
            });
        }
        assert!(accepts(&swaks, "new@here.example"), "the running configuration stays");
        assert!(
            !accepts(&swaks, "newer@here.example"),
            "nothing of the bad one is taken"
        );
    });
}

#[test]
fn a_start_that_fails_says_why_and_is_no_crash() {
    enclosed(|| {
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), LOCAL);
        for address in ["127.0.0.1:2525", "127.0.0.1:2580"] {
            let taken = taken(address);
            let failed = node.run(&["serve"]);
            let complaint = String::from_utf8_lossy(&failed.stderr).into_owned();
            assert_eq!(failed.status.code(), Some(1), "{failed:?}");
            assert!(
                complaint.contains(address) && !complaint.contains("panicked"),
                "{complaint}"
            );
            drop(taken);
        }
        node.resume();
        assert!(!node.log().contains("did not end cleanly"), "{}", node.log());
    });
}

#[test]
fn sighup_takes_a_renewed_certificate_and_no_session_is_lost_by_it() {
    enclosed(|| {
        let authority = Authority::new();
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        let write = |node: &Node| {
            let pem = authority.server(&["here.example"]);
            node.write("here.pem", &pem.chain);
            node.write("here.key", &pem.key);
        };
        write(&node);
        node.configure(&format!(
            "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\n\
             tls.certificates = [{{ certificate = \"here.pem\", key = \"here.key\" }}]\n{LOCAL}"
        ));
        node.resume();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        let open = || runtime.block_on(Client::open(SMTP, true)).expect("a connection");
        let leaf = |client: &Client| client.tls.as_ref().map(|facts| facts.chain[0].sha256);
        let mut before = open();
        write(&node);
        node.signal(Signal::HUP);
        let renewed = || Some(open()).filter(|client| leaf(client) != leaf(&before));
        wait::until_or("the new certificate", renewed, || node.log());
        let sent = runtime.block_on(before.deliver("a@there.example", "inbox@here.example", b"Subject: x\r\n\r\n"));
        assert!(sent.expect("the session goes on").is_success());
        let message = traced(&node, "inbox@here.example", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"));
    });
}
