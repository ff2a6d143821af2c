//! `sekisho connector validate`: each kind of host is told from the others step by step, what came of it is kept, and
//! the schedule notices when a partner changes.

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Postfix, PostfixListener, PostfixSettings, Zone},
    node::{self, Node},
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use super::{TWO_ORGANIZATIONS, apply, lines};
use crate::{last_attempt, node as started, outcome_of, trace_of};

/// What a domain and its mail are called that must not be seen in the clear.
const SECRET: &str = "topsecret";

/// Tries a connector; answers with what is printed and the exit code.
fn validate(node: &Node, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = node.run(&[&["connector", "validate"], arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_str(said.trim());
    let value = value.unwrap_or_else(|fault| panic!("{arguments:?}: {fault}: {said}{complained}\n{}", node.log()));
    (value, output.status.code())
}

/// What is complained of an order that is refused, with the exit code.
fn refused(node: &Node, arguments: &[&str]) -> (String, Option<i32>) {
    let output = node.run(&[&["connector", "validate"], arguments].concat());
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (complained, output.status.code())
}

/// The steps of a host, one a line: `starttls failed`.
fn steps(host: &Value) -> String {
    let steps = host["steps"].as_array().into_iter().flatten();
    let word = |step: &Value, field: &str| step[field].as_str().unwrap_or_default().to_owned();
    let each = steps.map(|step| format!("{} {}", word(step, "step"), word(step, "result")));
    each.collect::<Vec<_>>().join(", ")
}

fn host(validation: &Value) -> &Value {
    &validation["recipients"][0]["hosts"][0]
}

/// What is said of the step that failed last.
fn failure(host: &Value) -> String {
    let mut steps = host["steps"].as_array().into_iter().flatten();
    let failed = steps.rfind(|step| step["result"] == "failed");
    let step = failed.unwrap_or_else(|| panic!("no step failed: {host:#}"));
    format!("{} {}", step["detail"], step["findings"])
}

fn connector(name: &str, host: &str, more: &str) -> String {
    format!(
        "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\"]\n\
         smart_hosts = [\"{host}\"]\n{more}\n"
    )
}

/// Up to TLS, and to its end.
const UP_TO_TLS: &str = "resolve passed, connect passed, ehlo passed, starttls ";
const BEHIND_TLS: &str = "passed, certificate passed, ehlo_after_tls passed, recipient ";

#[test]
fn every_kind_of_host_fails_at_its_own_step_and_nothing_is_said_to_it_beyond() {
    enclosed(|| {
        let root = Authority::new();
        let good = root.server(&["mx.example"]);
        let peer = |place: usize, certificate: Option<Pem>, fault| {
            Peer::start((HOSTS[place], 25).into(), certificate.as_ref(), fault)
        };
        let right = peer(0, Some(good.clone()), Fault::None);
        let plain = peer(1, None, Fault::None);
        let wrong = peer(2, Some(root.server(&["mx.other.example"])), Fault::None);
        let untrusted = peer(3, Some(self_signed(&["mx.example"])), Fault::None);
        let refusing = peer(4, Some(good), Fault::Answer("RCPT", 550));
        let node = started("");
        let demand = format!(
            "tls_settings = \"domain_validation\"\ntls_domain = \"mx.example\"\ntrust_anchors = {}",
            lines(root.anchor())
        );
        let names = ["right", "plain", "wrong", "untrusted", "refusing", "dead", "open"];
        let all = names.iter().zip(["1", "2", "3", "4", "5", "6", "2"]);
        let all = all.map(|(name, place)| {
            let more = if *name == "open" { "" } else { &demand };
            connector(name, &format!("192.0.2.{place}"), more)
        });
        apply(&node, &all.collect::<String>());
        for (name, wanted, words) in [
            ("plain", format!("{UP_TO_TLS}failed"), "STARTTLS was not offered"),
            (
                "wrong",
                format!("{UP_TO_TLS}passed, certificate failed, ehlo_after_tls passed"),
                "mx.other.example",
            ),
            (
                "untrusted",
                format!("{UP_TO_TLS}passed, certificate failed, ehlo_after_tls passed"),
                "self-signed",
            ),
            ("refusing", format!("{UP_TO_TLS}{BEHIND_TLS}failed"), "550"),
            ("dead", "resolve passed, connect failed".to_owned(), "192.0.2.6"),
        ] {
            let to = format!("{SECRET}@{name}.example");
            let (said, code) = validate(&node, &[name, "--to", &to]);
            assert_eq!((code, &said["passed"]), (Some(4), &false.into()), "{said:#}");
            assert_eq!(steps(host(&said)), wanted, "{said:#}");
            assert!(failure(host(&said)).contains(words), "{words}: {said:#}");
            assert!(host(&said)["message"].is_null(), "{said:#}");
        }
        let silent = [&plain, &wrong, &untrusted, &refusing];
        assert!(
            silent
                .iter()
                .all(|peer| peer.count() == 0 && !peer.saw_in_the_clear(SECRET))
        );

        let to = format!("{SECRET}@right.example");
        let (said, code) = validate(&node, &["right", "--to", &to]);
        assert_eq!((code, &said["passed"]), (Some(0), &true.into()), "{said:#}");
        assert_eq!(
            steps(host(&said)),
            format!("{UP_TO_TLS}{BEHIND_TLS}passed, message passed")
        );
        let certificate = &host(&said)["steps"][4];
        assert!(
            certificate["findings"].to_string().contains("default/right"),
            "{certificate:#}"
        );
        assert_test_message(&node, &right, &to, host(&said));

        // Nothing demands TLS, so its absence is no failure.
        let (said, code) = validate(&node, &["open", "--to", "b@open.example"]);
        assert_eq!(code, Some(0), "{said:#}");
        let wanted = format!("{UP_TO_TLS}skipped, recipient passed, message passed");
        assert_eq!((steps(host(&said)), plain.count()), (wanted, 1), "{said:#}");
    });
}

/// The message says what it is, and the trace has how it went.
fn assert_test_message(node: &Node, peer: &Peer, to: &str, host: &Value) {
    let received = peer.received();
    assert_eq!(received.len(), 1);
    let message = &received[0];
    let from = "FROM:<postmaster@node.sekisho.example>";
    assert!(message.tls && message.from.starts_with(from), "{message:?}");
    let content = String::from_utf8_lossy(&message.content);
    for line in [
        "Auto-Submitted: auto-generated\r\n",
        "Subject: Test message for connector default/right\r\n",
    ] {
        assert!(content.contains(line), "{line}: {content}");
    }
    let trace = wait::until_or("the test message in the trace", || trace_of(node, to), || node.log());
    assert_eq!(trace["id"], host["message"], "{trace:#}");
    assert_eq!(
        (&trace["queued"], outcome_of(last_attempt(&trace))),
        (&false.into(), "delivered")
    );
    let version = &last_attempt(&trace)["channel"]["security"]["tls"]["version"];
    assert_eq!(version, "TLSv1.3", "{trace:#}");
    assert!(content.contains(trace["id"].as_str().expect("an id")), "{content}");
}

#[test]
fn who_may_be_written_to_which_hosts_get_mail_and_what_is_kept_of_it() {
    enclosed(|| {
        let zones = [Zone::new(
            "there.example",
            "@ MX 10 first\n@ MX 20 second\nfirst A 192.0.2.1\nsecond A 192.0.2.2",
        )];
        let _names = Names::serve(&zones);
        let peers = [0, 1].map(|place| {
            let certificate = self_signed(&["mx.there.example"]);
            Peer::start((HOSTS[place], 25).into(), Some(&certificate), Fault::None)
        });
        let counts = || (peers[0].count(), peers[1].count());
        let node = started("");
        let disabled = two_connectors("enabled = false");
        apply(&node, &disabled);
        let there = |more: &[&str]| {
            let arguments = ["there", "--organization", "acme", "--to", "b@there.example"];
            validate(&node, &[&arguments, more].concat())
        };
        let last = || {
            let listed = node.json_lines(&["connector", "list", "--organization", "acme", "--json"]);
            let of = |one: &&Value| one["outbound_connector"]["name"] == "there";
            listed.iter().find(of).expect("it is listed")["last_validation"].clone()
        };
        assert!(last().is_null());

        // A disabled one is tried as if it were not, and mail goes another way meanwhile.
        let (said, code) = there(&["--no-mail"]);
        assert_eq!((code, counts()), (Some(0), (0, 0)), "{said:#}");
        assert_eq!(
            said["recipients"][0]["hosts"].as_array().map(Vec::len),
            Some(2),
            "{said:#}"
        );
        let otherwise = said["recipients"][0]["otherwise"].as_str().unwrap_or_default();
        assert!(otherwise.contains("acme/all"), "{said:#}");
        let (said, _) = there(&[]);
        assert_eq!(counts(), (1, 0), "the first alone: {said:#}");
        assert_eq!(
            peers[0].received()[0].from,
            "FROM:<postmaster@acme.example>".to_owned() + &tail(&peers[0])
        );
        let (said, _) = there(&["--each-host", "--from", "<>"]);
        assert_eq!(counts(), (2, 1), "{said:#}");
        assert_eq!(
            (&last()["passed"], &last()["changed_since"]),
            (&true.into(), &false.into())
        );

        // One host that does not take it is enough to fail, and the other gets the mail.
        peers[0].set_fault(Fault::Answer("RCPT", 451));
        let (said, code) = there(&[]);
        assert_eq!((code, counts()), (Some(4), (2, 2)), "{said:#}");
        let enabled = two_connectors("");
        apply(&node, &enabled);
        assert_eq!(
            (&last()["passed"], &last()["changed_since"]),
            (&false.into(), &false.into())
        );
        apply(
            &node,
            &enabled.replace(
                "name = \"there\"",
                "name = \"there\"\ntls_settings = \"encryption_only\"",
            ),
        );
        assert_eq!(last()["changed_since"], true);

        assert_kept(&node);
        assert_refused(&node);
    });
}

/// Two organizations; acme's connectors are one for everything and one for `there.example`.
fn two_connectors(more: &str) -> String {
    format!(
        "{TWO_ORGANIZATIONS}\
         [[outbound_connector]]\norganization = \"acme\"\nname = \"all\"\nrecipient_domains = [\"*\"]\n\
         [[outbound_connector]]\norganization = \"acme\"\nname = \"there\"\n\
         recipient_domains = [\"there.example\"]\n{more}\n"
    )
}

/// What the history has of the four validations.
fn assert_kept(node: &Node) {
    let history = ["connector", "validations", "there", "--organization", "acme", "--json"];
    let found = node.json_lines(&history);
    let passed: Vec<&Value> = found.iter().map(|one| &one["passed"]).collect();
    assert_eq!(passed, [false, true, true, true], "newest first");
    assert!(found[0]["recipients"][0]["hosts"][0]["conversation"].is_null());
    assert_eq!(
        node.json_lines(&["connector", "validations", "all", "--organization", "acme", "--json"])
            .len(),
        0
    );
}

/// Orders that may not be carried out say what would be.
fn assert_refused(node: &Node) {
    for (to, words) in [
        (
            "b@elsewhere.example",
            "none of those of connector acme/there (there.example)",
        ),
        ("b@beta.example", "an accepted domain of organization beta"),
    ] {
        let (said, code) = refused(node, &["there", "--organization", "acme", "--to", to]);
        assert!(
            code == Some(4) && said.contains(words) && said.contains("name an address"),
            "{said}"
        );
    }
    let (said, code) = refused(node, &["all", "--organization", "acme", "--to", "b@acme.example"]);
    assert!(code == Some(4) && said.contains("ends here"), "{said}");
    let (said, code) = refused(node, &["there", "--organization", "acme"]);
    assert!(code == Some(2) && said.contains("validation_recipients"), "{said}");
    let (_, code) = refused(node, &["nobody", "--to", "b@there.example"]);
    assert_eq!(code, Some(3));
}

/// What stands behind the address in the MAIL command.
fn tail(peer: &Peer) -> String {
    let from = peer.received()[0].from.clone();
    from.split_once('>')
        .map_or_else(String::new, |(_, tail)| tail.to_owned())
}

#[test]
fn the_schedule_notices_when_a_partner_fails_and_when_it_is_well_again() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), Some(&self_signed(&["mx.example"])), Fault::None);
        let mut node = started("");
        let scheduled = "tls_settings = \"encryption_only\"\nrevalidate_every = \"1s\"\n\
                         validation_recipients = [\"topsecret@there.example\"]";
        apply(&node, &connector("there", "192.0.2.1", scheduled));
        let newest = || {
            let mut found = node.json_lines(&["connector", "validations", "there", "--limit", "1", "--json"]);
            found.pop()
        };
        let came_out = |passed: bool| {
            let look = || newest().filter(|one| one["passed"] == passed);
            let found = wait::until_or(format_args!("passed: {passed}"), look, || node.log());
            assert_eq!(
                (&found["by"], &found["mail"]),
                (&"schedule".into(), &"none".into()),
                "{found:#}"
            );
        };
        let changes = |to: &str| {
            let name = format!("sekisho_validation_changes_total{{to=\"{to}\"}}");
            node::metric(&name).expect("it is counted")
        };
        let warnings = || {
            let status = node.json_lines(&["status", "--json"]).swap_remove(0);
            let directory = node.json_lines(&["directory", "show", "--json"]).swap_remove(0);
            assert_eq!(status["warnings"], directory["warnings"]);
            status["warnings"].to_string()
        };
        came_out(true);
        assert_eq!((changes("failed"), warnings()), (0, "[]".to_owned()));
        peer.set_fault(Fault::NotOffered);
        came_out(false);
        assert_eq!(changes("failed"), 1);
        let warned = warnings();
        assert!(
            warned.contains("default/there") && warned.contains("STARTTLS was not offered"),
            "{warned}"
        );
        peer.set_fault(Fault::None);
        came_out(true);
        assert_eq!(
            (changes("failed"), changes("passed"), warnings()),
            (1, 1, "[]".to_owned())
        );
        for words in ["the validation failed", "the validation passes again"] {
            assert!(node.log().contains(words), "{words}: {}", node.log());
        }
        assert!(peer.count() == 0 && !peer.saw_in_the_clear(SECRET));
        assert!(node.terminate().success(), "{}", node.log());
    });
}

#[test]
fn a_postfix_takes_the_test_message_and_is_told_from_one_that_is_wrong() {
    enclosed(|| {
        let root = Authority::new();
        let listener = |port: u16, certificate, options: &[&str]| PostfixListener {
            address: (HOSTS[0], port).into(),
            certificate,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        };
        let good = root.server(&["mx.there.example"]);
        let settings = PostfixSettings {
            address: ([127, 0, 0, 1], 2699).into(),
            domain: "there.example",
            certificate: Some(&good),
            relayhost: "",
            more: "virtual_mailbox_domains = static:all\n",
        };
        let listeners = [
            listener(2601, good.clone(), &[]),
            listener(2602, root.expired(&["mx.there.example"]), &[]),
            listener(2603, good.clone(), &["smtpd_tls_security_level=none"]),
        ];
        let postfix = Postfix::start_with(&settings, &listeners);
        let node = started("");
        let more = format!(
            "tls_settings = \"domain_validation\"\ntls_domain = \"*.there.example\"\ntrust_anchors = {}",
            lines(root.anchor())
        );
        let all = [("good", 2601), ("expired", 2602), ("none", 2603)];
        let all = all.map(|(name, port)| connector(name, &format!("192.0.2.1:{port}"), &more));
        apply(&node, &all.concat());
        for (name, words) in [("expired", "expired"), ("none", "STARTTLS was not offered")] {
            let (said, code) = validate(&node, &[name, "--to", &format!("b@{name}.example")]);
            assert!(code == Some(4) && failure(host(&said)).contains(words), "{said:#}");
        }
        let (said, code) = validate(&node, &["good", "--to", "b@good.example", "--from", "<>"]);
        assert_eq!(code, Some(0), "{said:#}\n{}", postfix.log());
        let look = || postfix.inbox().pop();
        let message = wait::until_or("the test message", look, || postfix.log());
        let message = String::from_utf8_lossy(&message).into_owned();
        assert!(message.contains("Auto-Submitted: auto-generated"), "{message}");
        assert!(message.contains("(using TLSv1."), "{message}");
        assert_eq!(postfix.inbox().len(), 1);
    });
}
