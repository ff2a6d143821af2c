//! Rules that choose the way of a message, and rules that add to it.

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP},
    peer::{Fault, Peer, Received},
    wait,
};
use serde_json::Value;

use crate::{attempts, delivered_to, last_attempt, outcome_of, relaying_node, trace_of, traced};

const WORLD: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\", \"other\"]
aliases = { far = [\"aliased@there.example\"] }
[[route]]
name = \"there\"
domains = [\"there.example\", \"redirected.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1s\"]
";

fn order(node: &Node, arguments: &[&str]) {
    let output = node.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The complaint of a command that is refused.
fn refused(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A gateway that a rule alone chooses, at 192.0.2.3, and a rule for what is secret.
fn add_gateway(node: &Node) {
    order(
        node,
        &[
            "connector",
            "add",
            "outbound",
            "gateway",
            "--is-transport-rule-scoped",
            "--smart-hosts=192.0.2.3:25",
            "--retry=1s",
        ],
    );
    let rule = [
        "rule",
        "add",
        "secret",
        "--header=Subject: secret",
        "--route-to-connector=gateway",
    ];
    order(node, &rule);
}

fn send(swaks: &Swaks, to: &str, subject: &str) {
    let subject = format!("Subject: {subject}");
    let sent = swaks.send(SMTP, "a@here.example", to, &["--header", &subject]);
    sent.assert_accepted();
}

fn recipients(received: &[Received]) -> Vec<&str> {
    let mut all: Vec<&str> = received
        .iter()
        .flat_map(|one| one.to.iter().map(String::as_str))
        .collect();
    all.sort_unstable();
    all
}

/// Waits until the newest attempt says so.
fn attempted_with(node: &Node, recipient: &str, words: &str) -> Value {
    let look = || {
        let message = trace_of(node, recipient)?;
        let attempt = attempts(&message).last()?.clone();
        attempt.to_string().contains(words).then_some(attempt)
    };
    wait::until_or(format_args!("{words} for {recipient}"), look, || node.log())
}

fn stays_while_a_rule_names_it(node: &Node) {
    for command in ["remove", "disable"] {
        let said = refused(node, &["connector", command, "outbound", "gateway"]);
        assert!(said.contains("rule default/secret, route_to_connector"), "{said}");
    }
    let said = refused(node, &["rule", "add", "x", "--route-to-connector=nowhere"]);
    assert!(
        said.contains("there is no outbound connector default/nowhere"),
        "{said}"
    );
}

#[test]
fn what_a_rule_sends_through_a_connector_waits_for_it_alone_and_never_goes_another_way() {
    enclosed(|| {
        let direct = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let mut node = relaying_node(WORLD);
        add_gateway(&node);
        let swaks = Swaks::new();
        // The gateway is dead; nothing else is put off by that.
        for to in [
            "secret@there.example",
            "far@here.example",
            "other@here.example",
            "moved@there.example",
        ] {
            send(&swaks, to, "top secret");
        }
        let attempt = attempted_with(&node, "secret@there.example", "deferred");
        let way = "connector \"default/gateway\" by rule \"default/secret\"";
        assert!(
            attempt["route"].as_str().unwrap_or_default().starts_with(way),
            "{attempt:#}"
        );
        send(&swaks, "plain@there.example", "nothing");
        traced(&node, "plain@there.example", "delivered");
        let queued = node.json_lines(&["queue", "list", "--destination", "(gateway) there.example", "--json"]);
        assert_eq!(queued.len(), 3, "{queued:?}");
        let id = queued
            .iter()
            .find(|row| row["recipients"].to_string().contains("moved"));
        let id = id.and_then(|row| row["id"].as_str()).expect("it is queued");
        order(&node, &["queue", "redirect", id, "moved@redirected.example"]);

        stays_while_a_rule_names_it(&node);
        // Without the rule it may go: what the rule chose waits for it all the same, over a kill too.
        order(&node, &["rule", "remove", "secret"]);
        order(&node, &["connector", "disable", "outbound", "gateway"]);
        node.kill();
        node.resume();
        for (to, why) in [
            ("secret@there.example", "connector default/gateway is disabled"),
            ("aliased@there.example", "connector default/gateway is disabled"),
        ] {
            let attempt = attempted_with(&node, to, why);
            assert_eq!(outcome_of(&attempt), "deferred");
            assert_eq!(attempt["outcome"]["why"]["status"], "4.3.5", "{attempt:#}");
            assert!(
                attempt.to_string().contains("rule \\\"default/secret\\\""),
                "{attempt:#}"
            );
        }
        order(&node, &["connector", "remove", "outbound", "gateway"]);
        attempted_with(&node, "secret@there.example", "is not there any more");
        assert_eq!(recipients(&direct.received()), ["TO:<plain@there.example>"]);

        // It is back, and takes what waited: whoever has a mailbox here is no exception, as in Exchange.
        let gateway = Peer::start((HOSTS[2], 25).into(), None, Fault::None);
        add_gateway(&node);
        order(&node, &["queue", "retry", "--all"]);
        let all = || (gateway.count() == 4).then_some(());
        wait::until_or("all that waited", all, || node.log());
        assert_eq!(
            recipients(&gateway.received()),
            [
                "TO:<aliased@there.example>",
                "TO:<moved@redirected.example>",
                "TO:<other@here.example>",
                "TO:<secret@there.example>",
            ]
        );
        assert!(node.mailbox("other").is_empty());
        assert_eq!(direct.count(), 1);
        let log = node.run(&["trace", "--recipient", "secret@there.example"]);
        let log = String::from_utf8_lossy(&log.stdout).into_owned();
        assert!(log.contains("by rule"), "{log}");
    });
}

#[test]
fn each_recipient_gets_the_fields_that_rules_add_for_it_and_all_else_octet_for_octet() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node(WORLD);
        for (name, recipient, field) in [
            ("one", "one@there.example", "X-Class: one"),
            ("all", "*", "X-All: of us"),
            ("local", "other@here.example", "X-Class: local"),
        ] {
            order(
                &node,
                &["rule", "add", name, "--recipients", recipient, "--add-header", field],
            );
        }
        let said = refused(&node, &["rule", "add", "bad", "--add-header", "Received: from x"]);
        assert!(said.contains("rule default/bad, add_header"), "{said}");
        let swaks = Swaks::new();
        let content = b"Subject: x\r\nX-Odd:  kept \r\n\tfolded\r\n\r\n.dot\r\n  body \r\n";
        let file = format!("@{}", swaks.file("content", content));
        let to = "one@there.example,two@there.example,other@here.example";
        swaks
            .send(SMTP, "inbox@here.example", to, &["--data", &file])
            .assert_accepted();
        let both = || (peer.count() == 2).then(|| peer.received());
        let received = wait::until_or("both copies", both, || node.log());
        for copy in received {
            let text = String::from_utf8_lossy(&copy.content).into_owned();
            let wanted = match copy.to[0].as_str() {
                "TO:<one@there.example>" => "X-All: of us\r\nX-Class: one\r\nReceived: from ",
                _ => "X-All: of us\r\nReceived: from ",
            };
            assert!(text.starts_with(wanted), "{:?}: {text}", copy.to);
            let rest = "Subject: x\r\nX-Odd:  kept \r\n\tfolded\r\n\r\n.dot\r\n  body \r\n";
            assert!(text.contains(rest), "{text}");
        }
        let local = delivered_to(&node, "other");
        assert!(
            local.contains("\nX-All: of us\nX-Class: local\nReceived: from "),
            "{local}"
        );
        let message = traced(&node, "one@there.example", "delivered");
        let told = message["arrival"]["alterations"].to_string();
        assert!(
            told.contains("field-added: rule default/one puts X-Class: one on top, for 1 of 3"),
            "{told}"
        );
        assert!(
            told.contains("rule default/all puts X-All: of us on top, for 3 of 3"),
            "{told}"
        );
        let attempt = last_attempt(&message).to_string();
        assert!(attempt.contains("with X-All added by rule default/all"), "{attempt}");
    });
}
