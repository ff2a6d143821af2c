//! What a change of the directory would have meant: mail that really came and went, and the plan held against it.

use sekisho_testkit::{
    authority::{Authority, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Swaks, Zone},
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use crate::{
    RELAYING,
    connectors::{OPEN, Sender, TWO_ORGANIZATIONS, apply, lines},
    submit, traced,
};

/// A server to which `root` is the only authority of the system.
pub(crate) fn node_trusting(root: &Authority, configuration: &str) -> Node {
    let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), configuration);
    let anchors = node.write("anchors.pem", root.anchor());
    node.set_environment("SSL_CERT_FILE", anchors.into_os_string());
    node.resume();
    node
}

/// What a plan says it would have meant.
pub(crate) fn impact(node: &Node, text: &str) -> Value {
    let path = node.write("planned.toml", text);
    let mut said = node.json_lines(&["plan", &path.to_string_lossy(), "--json"]);
    let plan = said.swap_remove(0);
    assert!(plan["faults"].as_array().is_some_and(Vec::is_empty), "{plan:#}");
    plan["impact"].clone()
}

/// How many are the same, different and unknown.
pub(crate) fn counts(of: &Value) -> [u64; 3] {
    ["same", "different", "unknown"].map(|key| of[key].as_u64().unwrap_or(u64::MAX))
}

/// The groups of a kind: domain, what is instead of what, the key of the reason, and how many.
fn groups(impact: &Value, queued: bool, verdict: &str) -> Vec<String> {
    let groups = impact["groups"].as_array().into_iter().flatten();
    let of_kind = groups.filter(|group| group["queued"] == queued && group["verdict"] == verdict);
    of_kind
        .map(|group| {
            let text = |key: &str| group[key].as_str().unwrap_or("?").to_owned();
            format!(
                "{} {}: {} instead of {}: {} x{}",
                text("direction"),
                text("domain"),
                text("after"),
                text("before"),
                text("reason"),
                group["count"]
            )
        })
        .collect()
}

fn connector(name: &str, domain: &str, more: &str) -> String {
    format!("[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{domain}\"]\n{more}\n")
}

const ZONES: [(&str, &str); 4] = [
    ("good.example", "@ MX 10 mx\nmx A 192.0.2.1"),
    ("bad.example", "@ MX 10 mx\nmx A 192.0.2.2"),
    ("plain.example", "@ MX 10 mx\nmx A 192.0.2.3"),
    ("dead.example", "@ MX 10 mx\nmx A 192.0.2.6"),
];

/// Plans for the domains of [`ZONES`] while `forced` is in force.
fn hold_against_what_left(node: &Node, forced: &str) {
    let all = |more: &str| {
        let connectors = ["good", "bad", "dead"].map(|name| connector(name, &format!("{name}.example"), more));
        format!("{forced}{}", connectors.concat())
    };
    // The two messages that left in the clear before the connector was there would not leave now either.
    let strict = impact(node, &all("tls_settings = \"certificate_validation\""));
    assert_eq!(counts(&strict["deliveries"]), [4, 2, 0], "{strict:#}");
    assert_eq!(strict["deliveries"]["otherwise_then"], 2, "{strict:#}");
    assert_eq!(
        groups(&strict, false, "different"),
        ["out bad.example: kept back instead of sent: demand-not-met x2"]
    );
    let group = &strict["groups"][0];
    assert_eq!(group["document"], "connector \"default/bad\"", "{group:#}");
    assert_eq!(group["host"], "mx.bad.example", "{group:#}");
    assert!(
        group["why"].as_str().is_some_and(|why| why.contains("self-signed")),
        "{group:#}"
    );
    assert_eq!(group["messages"].as_array().map(Vec::len), Some(2), "{group:#}");
    assert_eq!(counts(&strict["queued"]), [1, 0, 1], "{strict:#}");
    assert_eq!(
        groups(&strict, true, "unknown"),
        ["out dead.example: ? instead of ?: no-connection x1"]
    );

    // Names that nobody asked for stand in the certificate.
    let named = |name: &str| {
        all(&format!(
            "tls_settings = \"domain_validation\"\ntls_domain = \"{name}\""
        ))
    };
    assert_eq!(counts(&impact(node, &named("*.good.example"))["deliveries"]), [4, 2, 0]);
    assert_eq!(
        counts(&impact(node, &named("mx.other.example"))["deliveries"]),
        [2, 4, 0]
    );

    // Whether a chain leads to anchors that nobody held it against does not stand there; in the clear that does
    // not matter.
    let anchors = lines(Authority::new().anchor());
    let others = all(&format!(
        "tls_settings = \"certificate_validation\"\ntrust_anchors = {anchors}"
    ));
    let others = impact(node, &others);
    assert_eq!(counts(&others["deliveries"]), [2, 0, 4], "{others:#}");
    assert_eq!(groups(&others, false, "unknown").len(), 2, "{others:#}");

    // Another way is one where nothing was tried.
    let way = connector("good", "good.example", "smart_hosts = [\"192.0.2.4\"]");
    let way = impact(node, &format!("{forced}{way}"));
    assert_eq!(
        groups(&way, false, "unknown"),
        ["out good.example: ? instead of ?: other-way x2"]
    );
    // Without the connector what it keeps back would leave.
    let nothing = impact(node, "");
    assert_eq!(counts(&nothing["queued"]), [1, 1, 0], "{nothing:#}");
    assert_eq!(
        groups(&nothing, true, "different"),
        ["out plain.example: sent instead of kept back: demand-not-met x1"]
    );
}

/// Two messages to each of three hosts, one that waits for a dead one, and one that is kept back.
#[test]
fn a_stricter_connector_shows_exactly_the_deliveries_that_would_have_failed_and_why() {
    enclosed(|| {
        let _names = Names::serve(&ZONES.map(|(name, records)| Zone::new(name, records)));
        let root = Authority::new();
        let good = root.server(&["mx.good.example", "*.deep.good.example"]);
        let _good = Peer::start((HOSTS[0], 25).into(), Some(&good), Fault::None);
        let _bad = Peer::start(
            (HOSTS[1], 25).into(),
            Some(&self_signed(&["mx.bad.example"])),
            Fault::None,
        );
        let _plain = Peer::start((HOSTS[2], 25).into(), None, Fault::None);
        let mut node = node_trusting(&root, RELAYING);
        let there = ["good.example", "bad.example", "plain.example"];
        for domain in there {
            let recipients: Vec<String> = (0..2).map(|place| format!("b{place}@{domain}")).collect();
            submit("a@localhost", &recipients);
            recipients
                .iter()
                .for_each(|recipient| drop(traced(&node, recipient, "delivered")));
        }
        submit("a@localhost", &["b@dead.example".to_owned()]);
        traced(&node, "b@dead.example", "deferred");
        let forced = connector(
            "forced",
            "plain.example",
            "tls_settings = \"encryption_only\"\nretry = [\"1h\"]",
        );
        apply(&node, &forced);
        submit("a@localhost", &["waits@plain.example".to_owned()]);
        traced(&node, "waits@plain.example", "deferred");

        hold_against_what_left(&node, &forced);
        node.end_well().expect("it ends well");
        hold_against_what_left(&node, &forced);
        node.resume();
        hold_against_what_left(&node, &forced);
        let text = node.run(&["plan", "planned.toml", "--no-impact"]);
        assert!(
            !String::from_utf8_lossy(&text.stdout).contains("deliveries"),
            "{text:?}"
        );
        let text = node.run(&["connector", "remove", "outbound", "forced", "--dry-run", "--days", "1"]);
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(
            text.contains("of 6 deliveries in 1 day 4 the same, 2 differently\n"),
            "{text}"
        );
        assert!(
            text.contains("to plain.example, mx.plain.example: sent instead of kept back\n"),
            "{text}"
        );
    });
}

/// Bob at acme, and an alias of his.
const USERS: &str = "[local]\nusers = [\"inbox\", \"bob@acme.example\"]\naliases = { \"robert@acme.example\" = \
                     [\"bob@acme.example\"] }\n";
const BOB: &str = "bob@acme.example";

fn partner(more: &str) -> String {
    format!(
        "{TWO_ORGANIZATIONS}[[inbound_connector]]\norganization = \"acme\"\nname = \"bank\"\nsender_domains = \
         [\"bank.example\"]\n{more}\n"
    )
}

/// What three messages to bob, one of them by his alias, and mail-flow rules would have come to.
fn hold_against_rules(node: &Node) {
    // A rule by address is known, one by what is in the header is not, unless nobody meets its other conditions.
    let rule = |more: &str| {
        format!(
            "{TWO_ORGANIZATIONS}[[rule]]\norganization = \"acme\"\nname = \"no\"\nreject = {{ text = \"no\" \
             }}\n{more}\n"
        )
    };
    let alias = impact(node, &rule("recipients = [\"robert@acme.example\"]"));
    assert_eq!(counts(&alias["deliveries"]), [2, 1, 0], "{alias:#}");
    let header = "header = { name = \"Subject\", contains = \"x\" }\n";
    let header_of = |senders: &str| rule(&format!("{header}senders = [\"{senders}\"]"));
    assert_eq!(
        counts(&impact(node, &header_of("bank.example"))["deliveries"]),
        [0, 0, 3]
    );
    assert_eq!(
        counts(&impact(node, &header_of("other.example"))["deliveries"]),
        [3, 0, 0]
    );
}

#[test]
fn who_would_be_refused_and_who_would_be_let_in_and_of_whom_that_cannot_be_known() {
    enclosed(|| {
        let root = Authority::new();
        let mut node = node_trusting(&root, OPEN);
        apply(&node, TWO_ORGANIZATIONS);
        node.end_well().expect("it ends well");
        node.configure(&format!("{OPEN}{USERS}"));
        node.resume();
        let swaks = Swaks::new();
        let plain = Sender::at(HOSTS[1]);
        let certified = Sender::at(HOSTS[2]).with(&swaks, "bank", &root.client("mail.bank.example"));
        let from = "a@bank.example";
        for (sender, to) in [(&plain, BOB), (&plain, "robert@acme.example"), (&certified, BOB)] {
            let reply = sender.sends(&swaks, from, to);
            assert!(reply.starts_with("250"), "{sender}: {reply}");
        }
        wait::until_or(
            "three messages",
            || (node.mailbox(BOB).len() == 3).then_some(()),
            || node.log(),
        );
        let three = || {
            let traced = node.json_lines(&["trace", "--recipient", BOB, "--outcome", "delivered", "--json"]);
            (traced.len() == 3).then_some(())
        };
        wait::until_or("three deliveries", three, || node.log());

        let tls = impact(&node, &partner(""));
        assert_eq!(counts(&tls["deliveries"]), [1, 2, 0], "{tls:#}");
        assert_eq!(
            groups(&tls, false, "different"),
            ["in bank.example: put off instead of taken: tls-demanded x2"]
        );
        assert_eq!(tls["groups"][0]["document"], "inbound connector acme/bank", "{tls:#}");
        assert_eq!(tls["groups"][0]["host"], "192.0.2.2", "{tls:#}");
        // Whether the client's chain holds before the world was written down, so that this is known.
        let restricted = |name: &str, more: &str| {
            partner(&format!(
                "restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"{name}\"\n{more}"
            ))
        };
        let name = impact(&node, &restricted("*.bank.example", ""));
        assert_eq!(counts(&name["deliveries"]), [1, 2, 0], "{name:#}");
        let other = impact(&node, &restricted("mail.other.example", ""));
        assert_eq!(counts(&other["deliveries"]), [0, 3, 0], "{other:#}");
        let anchors = format!("trust_anchors = {}", lines(Authority::new().anchor()));
        let own = impact(&node, &restricted("*.bank.example", &anchors));
        assert_eq!(counts(&own["deliveries"]), [0, 2, 1], "{own:#}");

        hold_against_rules(&node);
        // Who was refused counts too.
        apply(&node, &partner(""));
        assert!(plain.asks(&swaks, "b@bank.example", BOB).starts_with("451"));
        let refused = || {
            let found = node.json_lines(&["trace", "--sender", "b@bank.example", "--json"]);
            found.first().cloned()
        };
        wait::until_or("the refusal", refused, || node.log());
        let open = impact(&node, TWO_ORGANIZATIONS);
        assert_eq!(counts(&open["deliveries"]), [1, 3, 0], "{open:#}");
        assert_eq!(open["deliveries"]["otherwise_then"], 2, "{open:#}");
        assert_eq!(
            groups(&open, false, "different"),
            ["in bank.example: taken instead of put off: tls-demanded x3"]
        );
    });
}
