//! In front of a Postfix, as the manual has it, with the manual's own configuration: mail for its domain comes in from
//! the world over TLS and goes on to it, and what it sends goes out through us over TLS.

use std::path::Path;

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, enclosed},
    foreign::{Exim, EximSettings, Names, Postfix, PostfixSettings, Swaks, Zone},
    node::{Node, SMTP},
    wait,
};

use crate::{last_attempt, tls_version, traced};

/// The first TOML block behind this heading of the manual.
fn from_the_manual(heading: &str) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual.md");
    let manual = std::fs::read_to_string(manual).expect("the manual is there");
    let (_, section) = manual.split_once(heading).expect("the manual has this heading");
    let (_, block) = section.split_once("```toml\n").expect("the section has a block");
    let (block, _) = block.split_once("```").expect("a block has an end");
    block.to_owned()
}

#[test]
fn the_manuals_configuration_carries_mail_both_ways_over_tls() {
    enclosed(|| {
        let authority = Authority::new();
        let _names = Names::serve(&[Zone::new("there.example", "@ MX 10 exim\nexim A 192.0.2.2")]);
        let exim = Exim::start(&EximSettings {
            address: HOSTS[1],
            domain: "there.example",
            certificate: &authority.server(&["exim.there.example"]),
            relay_to: SMTP,
            more: "",
        });
        let postfix = Postfix::start(&PostfixSettings {
            address: ([127, 0, 0, 1], 10025).into(),
            domain: "example.org",
            certificate: None,
            relayhost: "[127.0.0.1]:2525",
            more: "",
        });
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        let pem = authority.server(&["mail.example.org"]);
        node.write("mail.pem", &pem.chain);
        node.write("mail.key", &pem.key);
        let written = from_the_manual("## In front of a Postfix");
        assert!(written.contains("/etc/sekisho/mail.key"), "{written}");
        // In a container, where the tests may run, loopback relays only when that is said.
        let inside = "name = \"inside\"";
        let configuration = written
            .replace("/etc/sekisho/", "")
            // The others of this world listen on the same port of the same machine.
            .replace("0.0.0.0:25", "192.0.2.1:25")
            .replace(inside, &format!("{inside}\nrelay-from = [\"127.0.0.0/8\"]"));
        node.configure(&configuration);
        node.resume();

        let world = (HOSTS[0], 25).into();
        let swaks = Swaks::new();
        swaks
            .send(
                world,
                "a@there.example",
                "you@example.org",
                &["--tls", "--body", "inward"],
            )
            .assert_accepted();
        let message = traced(&node, "you@example.org", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"), "{message:#}");
        let arrived = wait::until_or("the message at Postfix", || postfix.inbox().pop(), || postfix.log());
        assert!(String::from_utf8_lossy(&arrived).contains("inward"));
        let refused = swaks.send(world, "a@there.example", "b@elsewhere.example", &["--tls"]);
        assert!(refused.transcript.contains("550 5.7.1"), "{}", refused.transcript);

        swaks
            .send(
                postfix.address(),
                "you@example.org",
                "b@there.example",
                &["--body", "outward"],
            )
            .assert_accepted();
        let message = traced(&node, "b@there.example", "delivered");
        let attempt = last_attempt(&message);
        assert_eq!(tls_version(attempt), Some("TLSv1.3"), "{message:#}");
        assert_eq!(attempt["channel"]["host"], "exim.there.example");
        let arrived = wait::until_or("the message at Exim", || exim.inbox().pop(), || exim.log());
        assert!(String::from_utf8_lossy(&arrived).contains("outward"));
    });
}
