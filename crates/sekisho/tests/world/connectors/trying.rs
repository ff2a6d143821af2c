//! Connectors and rules that are tried: everything goes as before, the trace says what would have become of it, and
//! what was counted stands against a promotion that would break mail.

use sekisho_testkit::{
    authority::{Authority, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
    peer::{Fault, Peer},
};
use serde_json::Value;

use super::{Sender, TWO_ORGANIZATIONS, apply, arrival, lines, service};
use crate::{all_attempted, attempts, last_attempt, outcome_of, relaying_node, submit, traced};

fn order(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    said
}

fn refused(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(node: &Node, arguments: &[&str]) -> Value {
    let mut lines = node.json_lines(&[arguments, &["--json"]].concat());
    assert_eq!(lines.len(), 1, "{arguments:?}: {lines:?}");
    lines.swap_remove(0)
}

/// What is tried at one side: document, outcome and reason.
fn shadow(side: &Value) -> Vec<(String, String, String)> {
    let verdicts = side["shadow"].as_array().into_iter().flatten();
    let told = verdicts.map(|one| {
        let verdict = if one["verdict"].is_null() { one } else { &one["verdict"] };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (document, why) = (&verdict["document"], &verdict["why"]);
        (text(&document["name"]), text(&verdict["outcome"]), text(&why["text"]))
    });
    told.collect()
}

fn recipients(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("b{number}@{name}.example")).collect()
}

/// One connector for each, opportunistic to a host of its own.
fn opportunistic(names: &[&str]) -> String {
    let connector = |(place, name): (usize, &&str)| {
        format!(
            "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\"]\n\
             smart_hosts = [\"{}\"]\nretry = [\"1h\"]\n",
            HOSTS[place]
        )
    };
    names.iter().enumerate().map(connector).collect()
}

/// Delivers to each of these, and holds what the trace says of the drafts against what their hosts are like.
fn deliver_three_each(node: &Node, names: &[&str]) {
    // The second and the third go over a connection that is there.
    let all: Vec<String> = names.iter().flat_map(|name| recipients(name, 3)).collect();
    submit("a@localhost", &all);
    let traces = all_attempted(node, &all);
    for (trace, recipient) in traces.iter().zip(&all) {
        let attempt = last_attempt(trace);
        assert_eq!(outcome_of(attempt), "delivered", "{trace:#}");
        let (_, domain) = recipient.split_once('@').expect("an address");
        let name = domain.trim_end_matches(".example");
        let (outcome, words) = match name {
            "good" => ("passes", "it holds"),
            "wrong" => ("fails", "mx.other.example"),
            _ => ("fails", "STARTTLS was not offered"),
        };
        let found = shadow(attempt);
        assert_eq!(found.len(), 1, "{trace:#}");
        assert_eq!(
            (found[0].0.as_str(), found[0].1.as_str()),
            (&*format!("{name}-draft"), outcome)
        );
        assert!(found[0].2.contains(words), "{found:?}");
        assert!(attempt["required"].as_array().is_some_and(Vec::is_empty), "{trace:#}");
    }
}

/// What was counted of the host with the wrong name stands against its draft, and nothing against a new one.
fn assert_counted(node: &Node) {
    let counted = report(node, &["connector", "shadow", "outbound", "wrong"]);
    assert_eq!(
        (&counted["fails"], &counted["passes"]),
        (&3.into(), &0.into()),
        "{counted:#}"
    );
    assert_eq!(
        (&counted["rows"][0]["count"], &counted["draft_of"]),
        (&3.into(), &"wrong".into())
    );
    let words = order(node, &["connector", "shadow", "outbound", "wrong"]);
    assert!(words.contains("3 of 3 in 14 days would have failed"), "{words}");
    let said = refused(node, &["connector", "promote", "outbound", "wrong"]);
    assert!(said.contains("3 of 3") && said.contains("mx.other.example"), "{said}");
    // Another content has nothing counted for it, and nothing against it.
    let draft = [
        "connector",
        "draft",
        "outbound",
        "clear",
        "--tls-settings",
        "opportunistic",
    ];
    order(
        node,
        &[&draft[..], &["--tls-domain", "", "--trust-anchors", ""]].concat(),
    );
    let counted = report(node, &["connector", "shadow", "outbound", "clear-draft"]);
    assert_eq!(
        (&counted["fails"], &counted["rows"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
}

#[test]
fn a_draft_over_a_live_connector_is_counted_refused_and_enforced_by_force() {
    enclosed(|| {
        let root = Authority::new();
        let good = Peer::start((HOSTS[0], 25).into(), Some(&root.server(&["mx.example"])), Fault::None);
        let wrong = Peer::start(
            (HOSTS[1], 25).into(),
            Some(&root.server(&["mx.other.example"])),
            Fault::None,
        );
        let clear = Peer::start(
            (HOSTS[2], 25).into(),
            Some(&self_signed(&["mx.example"])),
            Fault::NotOffered,
        );
        let node = relaying_node("");
        let names = ["good", "wrong", "clear"];
        apply(&node, &opportunistic(&names));
        node.write("root.pem", root.anchor());
        for name in names {
            let draft = [
                "connector",
                "draft",
                "outbound",
                name,
                "--tls-settings",
                "domain-validation",
            ];
            let more = ["--tls-domain", "mx.example", "--trust-anchors", "root.pem"];
            let said = order(&node, &[&draft[..], &more].concat());
            assert!(
                said.contains(&format!("+ outbound connector default/{name}-draft")),
                "{said}"
            );
        }
        let said = order(&node, &["connector", "promote", "outbound", "good", "--dry-run"]);
        assert!(said.contains("nothing that it concerns was seen"), "{said}");
        deliver_three_each(&node, &names);
        assert_eq!((good.count(), wrong.count(), clear.count()), (3, 3, 3));
        assert!(wrong.wire().len() < 3, "some went over a connection that was there");

        assert_counted(&node);
        order(&node, &["connector", "promote", "outbound", "good"]);
        order(
            &node,
            &[
                "connector",
                "promote",
                "outbound",
                "wrong",
                "--force",
                "--why",
                "we know",
            ],
        );
        let history = node.json_lines(&["directory", "history", "--limit", "1", "--json"]);
        assert_eq!(history[0]["comment"], "we know", "{history:?}");
        assert_eq!(history[0]["changes"].as_array().map(Vec::len), Some(2), "{history:?}");
        submit(
            "a@localhost",
            &["late@good.example".to_owned(), "late@wrong.example".to_owned()],
        );
        traced(&node, "late@good.example", "delivered");
        let message = traced(&node, "late@wrong.example", "deferred");
        assert!(last_attempt(&message).to_string().contains("4.7.320"), "{message:#}");
        assert_eq!(shadow(last_attempt(&message)), []);
        assert_eq!(wrong.count(), 3);
    });
}

#[test]
fn attempts_that_fail_tell_what_a_draft_would_change_of_them() {
    enclosed(|| {
        let clear = Peer::start(
            (HOSTS[0], 25).into(),
            Some(&self_signed(&["mx.example"])),
            Fault::NotOffered,
        );
        let mut node = relaying_node("");
        let strict = "tls_settings = \"encryption_only\"\n";
        let draft = |name: &str, more: &str| {
            format!(
                "[[outbound_connector]]\nname = \"{name}-new\"\ndraft_of = \"{name}\"\n\
                 recipient_domains = [\"{name}.example\"]\nsmart_hosts = [\"192.0.2.1\"]\n{more}"
            )
        };
        let connector = |name: &str, more: &str| {
            format!(
                "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\"]\n\
                 smart_hosts = [\"192.0.2.1\"]\nretry = [\"1h\"]\n{more}"
            )
        };
        let directory = [
            connector("relaxed", strict) + &draft("relaxed", "retry = [\"2h\"]\n"),
            connector("pinned", strict) + &draft("pinned", &format!("pins = [\"sha256:{}\"]\n", "00".repeat(32))),
            connector("elsewhere", "") + &draft("elsewhere", "").replace("192.0.2.1", "192.0.2.2"),
        ];
        apply(&node, &directory.concat());
        let to = |name: &str| format!("b@{name}.example");
        submit("a@localhost", &[to("relaxed"), to("pinned"), to("elsewhere")]);
        for (name, ended, outcome) in [
            ("relaxed", "deferred", "would_go"),
            ("pinned", "deferred", "fails_anyway"),
            ("elsewhere", "delivered", "not_known"),
        ] {
            let message = traced(&node, &to(name), ended);
            let found = shadow(last_attempt(&message));
            assert_eq!((found.len(), found[0].1.as_str()), (1, outcome), "{message:#}");
            let counted = report(&node, &["connector", "shadow", "outbound", name]);
            assert_eq!(counted[outcome], 1, "{counted:#}");
            let explained = report(&node, &["explain", &to(name)]);
            assert_eq!(shadow(&explained["hosts"][0])[0].1, outcome, "{explained:#}");
        }
        assert_eq!(clear.count(), 1);
        // What was counted outlives the process, and is there without a server.
        node.end_well().expect("it ends well");
        let counted = report(&node, &["connector", "shadow", "outbound", "relaxed"]);
        assert_eq!(counted["would_go"], 1, "{counted:#}");
        node.resume();
    });
}

#[test]
fn whom_an_inbound_connector_would_refuse_is_taken_and_told_of() {
    enclosed(|| {
        let root = Authority::new();
        let directory = format!(
            "{TWO_ORGANIZATIONS}\
             [[inbound_connector]]\norganization = \"acme\"\nname = \"bank\"\nmode = \"shadow\"\n\
             sender_domains = [\"bank.example\"]\nrestrict_domains_to_certificate = true\n\
             tls_sender_certificate_name = \"mail.bank.example\"\ntrust_anchors = {}\n\
             [[rule]]\norganization = \"acme\"\nname = \"plans\"\nmode = \"shadow\"\n\
             header = {{ name = \"Subject\", contains = \"test\" }}\nreject = {{ text = \"no\" }}\n",
            lines(root.anchor())
        );
        let node = service(
            "[local]\nusers = [\"u0@acme.example\", \"u1@acme.example\"]\n",
            &directory,
        );
        let swaks = Swaks::new();
        let clear = Sender::at(HOSTS[2]);
        let known = Sender::at(HOSTS[1]).with(&swaks, "bank", &root.client("mail.bank.example"));
        for (sender, to, outcome) in [
            (&clear, "u0@acme.example", "fails"),
            (&known, "u1@acme.example", "passes"),
        ] {
            let reply = sender.sends(&swaks, "a@bank.example", to);
            assert!(reply.starts_with("250"), "{reply}");
            let arrived = arrival(&node, to);
            let found = shadow(&arrived);
            let found: Vec<(&str, &str)> = found.iter().map(|one| (&*one.0, &*one.1)).collect();
            assert_eq!(found, [("bank", outcome), ("plans", "fails")], "{arrived:#}");
        }
        let shadow_of = ["connector", "shadow", "inbound", "bank", "--organization", "acme"];
        let counted = report(&node, &shadow_of);
        assert_eq!(
            (&counted["fails"], &counted["passes"]),
            (&1.into(), &1.into()),
            "{counted:#}"
        );
        assert_eq!(counted["rows"][0]["peer"], HOSTS[2].to_string(), "{counted:#}");
        let counted = report(&node, &["rule", "shadow", "plans", "--organization", "acme"]);
        assert_eq!(counted["fails"], 2, "{counted:#}");
        let question = ["explain-inbound", "--ip", "192.0.2.3", "--mail-from", "a@bank.example"];
        let said = report(&node, &[&question[..], &["--rcpt", "u0@acme.example"]].concat());
        assert_eq!(
            (&said["admitted"], &*shadow(&said)[0].1),
            (&true.into(), "fails"),
            "{said:#}"
        );

        let promote = ["connector", "promote", "inbound", "bank", "--organization", "acme"];
        let said = refused(&node, &promote);
        assert!(
            said.contains("1 of 2") && said.contains(&HOSTS[2].to_string()),
            "{said}"
        );
        order(&node, &[&promote[..], &["--force"]].concat());
        order(
            &node,
            &["rule", "promote", "plans", "--organization", "acme", "--force"],
        );
        let reply = clear.asks(&swaks, "a@bank.example", "u0@acme.example");
        assert!(reply.starts_with("451 4.7.0"), "{reply}");
    });
}

#[test]
fn a_rule_that_is_tried_is_held_against_the_connections_that_its_messages_take() {
    enclosed(|| {
        let clear = Peer::start(
            (HOSTS[0], 25).into(),
            Some(&self_signed(&["mx.example"])),
            Fault::NotOffered,
        );
        let node = relaying_node("");
        apply(&node, &opportunistic(&["there"]));
        let rule = [
            "rule",
            "add",
            "secure",
            "--mode",
            "shadow",
            "--require-tls",
            "encryption-only",
        ];
        order(&node, &[&rule[..], &["--recipients", "secret@there.example"]].concat());
        submit(
            "a@localhost",
            &["secret@there.example".to_owned(), "plain@there.example".to_owned()],
        );
        let secret = traced(&node, "secret@there.example", "delivered");
        let plain = traced(&node, "plain@there.example", "delivered");
        let found = shadow(last_attempt(&secret));
        assert_eq!(
            (found.len(), &*found[0].0, &*found[0].1),
            (1, "secure", "fails"),
            "{secret:#}"
        );
        assert!(attempts(&plain).all(|attempt| shadow(attempt).is_empty()), "{plain:#}");
        assert_eq!(clear.count(), 2);
        let counted = report(&node, &["rule", "shadow", "secure"]);
        assert_eq!(
            (&counted["fails"], &counted["passes"]),
            (&1.into(), &0.into()),
            "{counted:#}"
        );
        let said = refused(&node, &["rule", "promote", "secure"]);
        assert!(said.contains("1 of 1"), "{said}");
    });
}
