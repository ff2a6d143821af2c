//! What own traffic teaches of partners, and what it would let one demand of them.

use sekisho_testkit::{
    authority::{Authority, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Swaks, Zone},
    node::Node,
    peer::{Fault, Peer},
};
use serde_json::Value;

use crate::{
    RELAYING,
    connectors::{Sender, TWO_ORGANIZATIONS, apply},
    impact::{counts, impact, node_trusting},
    submit, traced,
};

const ZONES: [(&str, &str); 3] = [
    (
        "bank.example",
        "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 192.0.2.1\nmx2 A 192.0.2.2",
    ),
    ("lax.example", "@ MX 10 mx\nmx A 192.0.2.3"),
    ("plain.example", "@ MX 10 mx\nmx A 192.0.2.4"),
];

fn shown(node: &Node, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    node.json_lines(&all).swap_remove(0)
}

/// The text that is suggested.
fn suggested(node: &Node, domain: &str, organization: &str) -> String {
    let output = node.run(&["connector", "suggest", domain, "--organization", organization]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What three messages to one and one to each of two others have taught.
fn assert_what_was_learnt(node: &Node) {
    let bank = shown(node, &["partner", "show", "bank.example"]);
    let out = &bank["outbound"];
    assert_eq!(
        (&out["messages"], &out["plaintext"]),
        (&3.into(), &0.into()),
        "{bank:#}"
    );
    assert_eq!(out["best"], "TLSv1.3 X25519MLKEM768", "{bank:#}");
    assert_eq!(out["certificates"].as_array().map(Vec::len), Some(2), "{bank:#}");
    assert_eq!(bank["inbound"], Value::Null, "{bank:#}");
    let plain = shown(node, &["partner", "show", "plain.example"]);
    assert_eq!(plain["outbound"]["worst"], "plaintext", "{plain:#}");
    let listed = node.json_lines(&["partner", "list", "--json"]);
    let domains: Vec<&str> = listed.iter().filter_map(|one| one["domain"].as_str()).collect();
    assert_eq!(domains, ["bank.example", "lax.example", "plain.example"]);
}

/// Three partners of different worth: two hosts with good certificates, one with a bad one, one without TLS.
#[test]
fn what_goes_out_teaches_each_domains_tls_and_what_is_suggested_breaks_nothing() {
    enclosed(|| {
        let _names = Names::serve(&ZONES.map(|(name, records)| Zone::new(name, records)));
        let root = Authority::new();
        let start =
            |place: usize, name: &str| Peer::start((HOSTS[place], 25).into(), Some(&root.server(&[name])), Fault::None);
        let first = start(0, "mx1.bank.example");
        let _second = start(1, "mx2.bank.example");
        let _lax = Peer::start(
            (HOSTS[2], 25).into(),
            Some(&self_signed(&["mx.lax.example"])),
            Fault::None,
        );
        let _plain = Peer::start((HOSTS[3], 25).into(), None, Fault::None);
        let mut node = node_trusting(&root, RELAYING);
        let send = |node: &Node, recipient: &str| {
            submit("a@localhost", &[recipient.to_owned()]);
            traced(node, recipient, "delivered");
        };
        send(&node, "b0@bank.example");
        send(&node, "b1@bank.example");
        // The second host takes over.
        first.set_fault(Fault::Answer("MAIL", 451));
        send(&node, "b2@bank.example");
        send(&node, "b@lax.example");
        send(&node, "b@plain.example");

        assert_what_was_learnt(&node);
        node.end_well().expect("it ends well");
        assert_what_was_learnt(&node);
        node.resume();
        send(&node, "b@plain.example");
        let plain = shown(&node, &["partner", "show", "plain.example"]);
        assert_eq!(plain["outbound"]["messages"], 2, "{plain:#}");

        let bank = suggested(&node, "bank.example", "default");
        for line in [
            "recipient_domains = [\"bank.example\"]",
            "tls_settings = \"domain_validation\"",
            "tls_domain = \"*.bank.example\"",
            "min_tls_version = \"1.3\"",
            "key_exchange_groups = [\"X25519MLKEM768\"]",
        ] {
            assert!(bank.contains(&format!("{line}\n")), "{line}: {bank}");
        }
        let lax = suggested(&node, "lax.example", "default");
        assert!(lax.contains("tls_settings = \"encryption_only\"\n"), "{lax}");
        assert!(
            lax.contains("1 of 1 messages came with a self-signed certificate (mx.lax.example:25)"),
            "{lax}"
        );
        let plain = suggested(&node, "plain.example", "default");
        assert!(!plain.contains("[[outbound_connector]]"), "{plain}");
        assert!(
            plain.contains("not tls_settings: 2 of 2 messages left in the clear (mx.plain.example:25)"),
            "{plain}"
        );

        let all = impact(&node, &format!("{bank}\n{lax}\n{plain}"));
        assert_eq!(counts(&all["deliveries"]), [6, 0, 0], "{all:#}");
        apply(&node, &format!("{bank}\n{lax}"));
        send(&node, "b3@bank.example");
        let there = suggested(&node, "bank.example", "default");
        assert!(
            there.contains("outbound connector default/bank.example is for the domain already"),
            "{there}"
        );
        let missing = node.run(&["partner", "show", "nobody.example"]);
        assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    });
}

/// Who comes in with a certificate can be held to its name; who came in the clear once cannot.
#[test]
fn what_comes_in_teaches_each_organization_by_itself() {
    enclosed(|| {
        let users = "[local]\nusers = [\"inbox\", \"bob@acme.example\", \"eve@beta.example\"]\n";
        let root = Authority::called("Example Trust");
        let mut node = node_trusting(&root, crate::connectors::OPEN);
        apply(&node, TWO_ORGANIZATIONS);
        node.end_well().expect("it ends well");
        node.configure(&format!("{}{users}", crate::connectors::OPEN));
        node.resume();
        let swaks = Swaks::new();
        let plain = Sender::at(HOSTS[1]);
        let certified = Sender::at(HOSTS[2]).with(&swaks, "bank", &root.client("mail.bank.example"));
        for (sender, from, to) in [
            (&certified, "a@bank.example", "bob@acme.example"),
            (&plain, "a@bank.example", "eve@beta.example"),
            // Of itself an organization learns nothing.
            (&certified, "bob@acme.example", "eve@beta.example"),
        ] {
            let reply = sender.sends(&swaks, from, to);
            assert!(reply.starts_with("250"), "{sender}: {reply}");
        }
        let listed = node.json_lines(&["partner", "list", "--json"]);
        let known: Vec<(&str, &str)> = listed
            .iter()
            .filter_map(|one| Some((one["organization"].as_str()?, one["domain"].as_str()?)))
            .collect();
        assert_eq!(known, [("acme", "bank.example"), ("beta", "bank.example")]);
        let acme = suggested(&node, "bank.example", "acme");
        for line in [
            "sender_domains = [\"bank.example\"]",
            "tls_sender_certificate_name = \"mail.bank.example\"",
            "restrict_domains_to_certificate = true",
        ] {
            assert!(acme.contains(&format!("{line}\n")), "{line}: {acme}");
        }
        let beta = suggested(&node, "bank.example", "beta");
        assert!(!beta.contains("[[inbound_connector]]"), "{beta}");
        assert!(
            beta.contains("not require_tls: 1 of 1 messages came in the clear (192.0.2.2)"),
            "{beta}"
        );
        apply(&node, &format!("{TWO_ORGANIZATIONS}{acme}"));
        let again = certified.asks(&swaks, "a@bank.example", "bob@acme.example");
        assert!(again.starts_with("250"), "{again}");
        let stranger = plain.asks(&swaks, "a@bank.example", "bob@acme.example");
        assert!(stranger.starts_with("451"), "{stranger}");
    });
}
