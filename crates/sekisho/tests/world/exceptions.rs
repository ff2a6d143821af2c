//! Dated exceptions: what is demanded and does not hold goes all the same, by the word of somebody who answers for it,
//! and no longer than that says.

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use crate::{
    attempts,
    connectors::{Sender, TWO_ORGANIZATIONS, apply, cells, lines, service},
    in_a_month, last_attempt, outcome_of, relaying_node, submit, tls_version, trace_of, traced,
};

const LONG_AGO: &str = "2020-01-01";

fn run(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complained}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Adds an exception about this, until in a month.
fn except(node: &Node, name: &str, about: [&str; 2], allows: &str) {
    let until = in_a_month();
    let how = [
        "exception",
        "add",
        name,
        "--owner",
        "Alice Example",
        "--reason",
        "the server is replaced",
    ];
    let what = ["--until", &until, about[0], about[1], "--allows", allows];
    run(node, &[&how[..], &what].concat());
}

fn end(node: &Node, name: &str) -> String {
    run(node, &["exception", "set", name, "--until", LONG_AGO])
}

/// The keys of the reasons of an attempt, and all their words.
fn reasons(attempt: &Value) -> (Vec<String>, String) {
    let reasons = attempt["decision"]["reasons"].as_array().into_iter().flatten();
    let text = |reason: &Value, field: &str| reason[field].as_str().unwrap_or_default().to_owned();
    let (keys, words): (Vec<String>, Vec<String>) = reasons
        .map(|reason| (text(reason, "key"), text(reason, "text")))
        .unzip();
    (keys, words.join("\n"))
}

const STRIPPED: &str = "\
[[outbound_connector]]
name = \"stripped\"
recipient_domains = [\"stripped.example\", \"here.example\"]
smart_hosts = [\"192.0.2.1\"]
tls_settings = \"encryption_only\"
retry = [\"1s\"]
[[outbound_connector]]
name = \"open\"
recipient_domains = [\"open.example\"]
smart_hosts = [\"192.0.2.1\"]
retry = [\"1s\"]
[[rule]]
name = \"secure\"
recipients = [\"secure@open.example\"]
require_tls = \"encryption_only\"
";

fn deferred_again(node: &Node, recipient: &str) {
    let count = |message: &Value| attempts(message).count();
    let before = trace_of(node, recipient).map_or(0, |message| count(&message));
    // One attempt may have been under way.
    let look = || trace_of(node, recipient).filter(|message| count(message) > before + 1);
    let message = wait::until_or("two more attempts", look, || node.log());
    assert!(
        attempts(&message).all(|one| outcome_of(one) == "deferred"),
        "{message:#}"
    );
}

#[test]
fn mail_that_waits_goes_by_an_exception_and_stays_when_that_has_ended() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node =
            relaying_node("[local]\ndomains = [\"here.example\"]\naliases = { far = [\"alias@open.example\"] }\n");
        apply(&node, STRIPPED);
        let [waiting, of_a_rule, of_an_alias, later] = [
            "bob@stripped.example",
            "secure@open.example",
            "alias@open.example",
            "later@stripped.example",
        ];
        let written = [waiting, of_a_rule, "far@here.example"].map(str::to_owned);
        submit("a@localhost", &written);
        for recipient in [waiting, of_a_rule, of_an_alias] {
            traced(&node, recipient, "deferred");
        }
        except(&node, "moving", ["--outbound-connector", "stripped"], "plaintext");
        except(&node, "rules", ["--rule", "secure"], "plaintext");
        for (recipient, exception, demand) in [
            (waiting, "default/moving", "connector \"default/stripped\""),
            (of_a_rule, "default/rules", "rule \"default/secure\""),
        ] {
            let message = traced(&node, recipient, "delivered");
            let attempt = last_attempt(&message);
            let (keys, words) = reasons(attempt);
            assert_eq!(keys, ["exception"], "{attempt:#}");
            for word in [
                exception,
                demand,
                "Alice Example",
                "the server is replaced",
                "STARTTLS was not offered",
            ] {
                assert!(words.contains(word), "{word}: {words}");
            }
            assert!(attempt["required"].to_string().contains("encryption"), "{attempt:#}");
        }
        // The demand of the connector that has come along with the alias stands: that mail goes another way.
        deferred_again(&node, of_an_alias);
        let said = end(&node, "moving");
        assert!(said.contains("it ended at 2020-01-02T00:00:00.000Z"), "{said}");
        submit("a@localhost", &[later.to_owned()]);
        let message = traced(&node, later, "deferred");
        assert_eq!(reasons(last_attempt(&message)).0, ["demand-not-met"]);
        deferred_again(&node, later);
        assert_eq!(peer.count(), 2);

        let shown = run(&node, &["directory", "show"]);
        assert!(
            shown.contains("exceptions           2") && shown.contains("warning: exception default/moving"),
            "{shown}"
        );
        let exported = run(&node, &["export"]);
        assert!(
            exported.contains("[[exception]]") && exported.contains("until = \"2020-01-01\""),
            "{exported}"
        );
        apply(&node, &exported);
        let listed = run(&node, &["exception", "list"]);
        assert!(
            listed.contains("ended") && listed.contains("in force") && listed.contains("rule secure"),
            "{listed}"
        );
        let refused = node.run(&["exception", "set", "moving", "--until", "2999-01-01"]);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(4) && words.contains("until"), "{words}");
        let refused = node.run(&["connector", "remove", "outbound", "stripped"]);
        assert_eq!(refused.status.code(), Some(4), "an exception names it");
        run(&node, &["exception", "remove", "moving"]);
    });
}

#[test]
fn an_exception_about_certificates_lets_pass_what_it_says_and_tls_stays_demanded() {
    enclosed(|| {
        let root = Authority::new();
        let server = |place: usize, pem: &Pem| Peer::start((HOSTS[place], 25).into(), Some(pem), Fault::None);
        let _peers = [
            server(0, &root.expired(&["mx.example"])),
            server(1, &root.server(&["mx.other.example"])),
            server(2, &self_signed(&["mx.example"])),
        ];
        let node = relaying_node("");
        let wrong = ["expired", "name", "untrusted"];
        let connectors = wrong.iter().zip(1..).map(|(name, host)| {
            format!(
                "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\", \
                 \"*.{name}.example\"]\nsmart_hosts = [\"192.0.2.{host}\"]\nretry = [\"1h\"]\n\
                 tls_settings = \"domain_validation\"\ntls_domain = \"mx.example\"\ntrust_anchors = {}\n",
                lines(root.anchor())
            )
        });
        apply(&node, &connectors.collect::<String>());
        let mut exceptions = Vec::new();
        for (allows, passes) in [
            ("expired-certificate", &["expired"][..]),
            ("any-name", &["name"]),
            ("any-certificate", &wrong),
        ] {
            for name in wrong {
                let exception = format!("{name}-{allows}");
                except(&node, &exception, ["--outbound-connector", name], allows);
                run(
                    &node,
                    &[
                        "exception",
                        "set",
                        &exception,
                        "--domains",
                        &format!("{allows}.{name}.example"),
                    ],
                );
                exceptions.push((format!("a@{allows}.{name}.example"), passes.contains(&name), exception));
            }
        }
        let recipients: Vec<String> = exceptions.iter().map(|(recipient, ..)| recipient.clone()).collect();
        submit("a@localhost", &recipients);
        for (recipient, passes, exception) in &exceptions {
            let message = traced(&node, recipient, if *passes { "delivered" } else { "deferred" });
            let attempt = last_attempt(&message);
            let (keys, words) = reasons(attempt);
            assert_eq!(keys.contains(&"exception".to_owned()), *passes, "{attempt:#}");
            assert_eq!(words.contains(exception), *passes, "{words}");
            assert!(tls_version(attempt).is_some(), "{attempt:#}");
        }
    });
}

/// By which right a message for the recipient came in; refusals are no messages.
fn admitted_by(node: &Node, recipient: &str) -> String {
    let look = || {
        let messages = node.json_lines(&["trace", "--recipient", recipient, "--json"]);
        let rights = messages.iter().map(|message| &message["arrival"]["admitted_by"]);
        rights
            .filter_map(Value::as_str)
            .find(|right| *right != "refused")
            .map(str::to_owned)
    };
    wait::until_or(format_args!("a message to {recipient}"), look, || node.log())
}

/// acme's partners and its server.
fn inbound(anchors: &str) -> String {
    format!(
        "{TWO_ORGANIZATIONS}\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"tls\"\nsender_domains = [\"tls.example\"]\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"cert\"\nsender_domains = [\"cert.example\"]\n\
         restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"mail.cert.example\"\n\
         trust_anchors = {anchors}\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"place\"\nsender_domains = [\"place.example\"]\n\
         restrict_domains_to_ip_addresses = true\nsender_ip_addresses = [\"198.51.100.1\"]\nrequire_tls = false\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"relay\"\nconnector_type = \"on_premises\"\n\
         tls_sender_certificate_name = \"mail.acme.example\"\ntrust_anchors = {anchors}\n"
    )
}

/// Connector, what is let pass, what the client shows, MAIL FROM, RCPT, and how it is refused otherwise.
const INBOUND_CASES: &str = "\
    tls   | plaintext           | nothing | a@tls.example   | u0@acme.example | 451 4.7.0
    cert  | common-name         | named   | a@cert.example  | u1@acme.example | 550 5.7.51
    cert  | expired-certificate | expired | a@cert.example  | u2@acme.example | 550 5.7.51
    cert  | any-certificate     | other   | a@cert.example  | u3@acme.example | 550 5.7.51
    place | any-address         | nothing | a@place.example | u4@acme.example | 550 5.7.51
    relay | common-name         | own     | a@acme.example  | a@there.example | 550 5.7.64";

#[test]
fn mail_comes_in_by_an_exception_that_the_trace_names_and_not_after_its_end() {
    enclosed(|| {
        let root = Authority::new();
        let users: Vec<String> = (0..6).map(|place| format!("\"u{place}@acme.example\"")).collect();
        let users = format!("[local]\nusers = [{}]\n", users.join(", "));
        let node = service(&users, &inbound(&lines(root.anchor())));
        let swaks = Swaks::new();
        for line in INBOUND_CASES.lines() {
            let [connector, allows, shown, from, to, refused] = cells(line);
            let client = Sender::at(HOSTS[2]);
            let sender = match shown {
                "named" => client.with(&swaks, shown, &root.server_called("mail.cert.example", &[])),
                "expired" => client.with(&swaks, shown, &root.expired(&["mail.cert.example"])),
                "other" => client.with(&swaks, shown, &root.client("mail.other.example")),
                "own" => client.with(&swaks, shown, &root.server_called("mail.acme.example", &[])),
                _ => client,
            };
            let must_be_refused = || {
                let reply = sender.asks(&swaks, from, to);
                assert!(reply.starts_with(refused), "{line}: {reply}");
            };
            must_be_refused();
            let name = format!("{connector}-{allows}");
            let of_acme = ["--organization", "acme"];
            let until = in_a_month();
            let how = ["exception", "add", &name, "--owner", "Alice", "--reason", "moving"];
            let what = ["--until", &until, "--inbound-connector", connector, "--allows", allows];
            run(&node, &[&how[..], &of_acme, &what].concat());
            let reply = sender.sends(&swaks, from, to);
            assert!(reply.starts_with("250"), "{line}: {reply}");
            let right = admitted_by(&node, to);
            let wanted = format!("exception acme/{name} of Alice");
            assert!(right.contains(&format!("connector acme/{connector}")), "{right}");
            assert!(right.contains(&wanted), "{right}");
            let end = ["exception", "set", &name, "--until", LONG_AGO];
            run(&node, &[&end[..], &of_acme].concat());
            must_be_refused();
        }
    });
}
