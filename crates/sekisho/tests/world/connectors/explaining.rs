//! `sekisho explain` and `explain-inbound` say what then really happens.

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::{Value, json};

use super::{Sender, TWO_ORGANIZATIONS, apply, lines, refusal, service};
use crate::{all_attempted, attempts, last_attempt, outcome_of, relaying_node, submit, trace_of};

fn one(node: &Node, arguments: &[&str]) -> Value {
    let mut lines = node.json_lines(arguments);
    assert_eq!(lines.len(), 1, "{arguments:?}: {lines:?}");
    lines.swap_remove(0)
}

/// Asks the command and the server itself, both of which must say the same; answers with what the command said.
fn asked(node: &Node, swaks: &Swaks, shown: &Shown, from: &str, to: &str) -> Value {
    let address = HOSTS[2].to_string();
    let how = ["explain-inbound", "--json", "--ip", &address];
    let mut arguments = [&how[..], &["--mail-from", from, "--rcpt-to", to]].concat();
    let mut sender = Sender::at(HOSTS[2]);
    match shown {
        Shown::Nothing => {}
        Shown::Tls => {
            arguments.push("--tls");
            sender = sender.over_tls();
        }
        Shown::OlderTls => {
            arguments.extend(["--tls-version", "1.2"]);
            sender = sender.over_tls();
            sender.options.extend(["--tls-protocol", "tlsv1_2"].map(str::to_owned));
        }
        Shown::Certificate(pem) => {
            node.write("shown.pem", &pem.leaf_alone().chain);
            arguments.extend(["--cert", "shown.pem"]);
            sender = sender.with(swaks, "shown", pem);
        }
    }
    let said = one(node, &arguments);
    let reply = sender.asks(swaks, from, to);
    assert_eq!(said["reply"], reply, "{arguments:?}: {said:#}");
    let is_taken = reply.starts_with('2');
    assert_eq!(said["admitted"], is_taken, "{said:#}");
    if !is_taken {
        let (key, text) = refusal(node, to);
        let reason = &said["reasons"][0];
        assert_eq!((&reason["key"], &reason["text"]), (&key.into(), &text.into()));
    }
    said
}

/// What a client shows of itself.
enum Shown {
    Nothing,
    Tls,
    /// TLS 1.2.
    OlderTls,
    Certificate(Pem),
}

/// What is shown, MAIL FROM, RCPT, how the reply begins, and the connector by which it does.
const QUESTIONS: &str = "\
    nothing     | a@tls.example  | u0@acme.example | 451 4.7.0  | acme/tls
    tls         | a@tls.example  | u1@acme.example | 250        | acme/tls
    older tls   | a@tls.example  | u5@acme.example | 250        | acme/tls
    older tls   | a@new.example  | u6@acme.example | 550 5.7.5  | acme/new
    older tls   | a@pq.example   | u7@acme.example | 550 5.7.5  | acme/pq
    tls         | a@new.example  | u8@acme.example | 250        | acme/new
    tls         | a@cert.example | u2@acme.example | 550 5.7.51 | acme/cert
    self-signed | a@cert.example | u3@acme.example | 550 5.7.51 | acme/cert
    partner     | a@cert.example | u4@acme.example | 250        | acme/cert
    hub         | <>             | a@there.example | 250        | beta/hub";

#[test]
fn what_rcpt_would_be_answered_is_what_it_is_answered() {
    enclosed(|| {
        let root = Authority::new();
        let anchors = lines(root.anchor());
        let directory = format!(
            "{TWO_ORGANIZATIONS}\
             [[inbound_connector]]\norganization = \"acme\"\nname = \"tls\"\nsender_domains = [\"tls.example\"]\n\
             [[inbound_connector]]\norganization = \"acme\"\nname = \"new\"\nsender_domains = [\"new.example\"]\n\
             min_tls_version = \"1.3\"\n\
             [[inbound_connector]]\norganization = \"acme\"\nname = \"pq\"\nsender_domains = [\"pq.example\"]\n\
             key_exchange_groups = [\"X25519MLKEM768\"]\n\
             [[inbound_connector]]\norganization = \"acme\"\nname = \"cert\"\nsender_domains = [\"cert.example\"]\n\
             restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"mail.cert.example\"\n\
             trust_anchors = {anchors}\n\
             [[inbound_connector]]\norganization = \"beta\"\nname = \"hub\"\nconnector_type = \"on_premises\"\n\
             tls_sender_certificate_name = \"mail.beta.example\"\ntrust_anchors = {anchors}\n"
        );
        let users: Vec<String> = (0..9).map(|place| format!("\"u{place}@acme.example\"")).collect();
        let node = service(&format!("[local]\nusers = [{}]\n", users.join(", ")), &directory);
        let swaks = Swaks::new();
        for line in QUESTIONS.lines() {
            let [shown, from, to, wanted, connector] = super::cells(line);
            let shown = match shown {
                "nothing" => Shown::Nothing,
                "tls" => Shown::Tls,
                "older tls" => Shown::OlderTls,
                "self-signed" => Shown::Certificate(self_signed(&["mail.cert.example"])),
                "partner" => Shown::Certificate(root.client("mail.cert.example")),
                _ => Shown::Certificate(root.client("mail.beta.example")),
            };
            let said = asked(&node, &swaks, &shown, from, to);
            assert!(
                said["reply"].as_str().is_some_and(|reply| reply.starts_with(wanted)),
                "{line}: {said:#}"
            );
            assert!(said["reasons"].to_string().contains(connector), "{line}: {said:#}");
            let connectors = said["connectors"].as_array().into_iter().flatten();
            let mut those = connectors.filter(|one| one["matches"] == true);
            assert!(those.any(|one| one["connector"] == connector), "{line}: {said:#}");
        }
        // A certificate that proves nothing: no connector matches, and the reason names the one that it looked like.
        let fake = Shown::Certificate(self_signed(&["mail.beta.example"]));
        let said = asked(&node, &swaks, &fake, "a@beta.example", "b@there.example");
        assert!(
            said["reply"]
                .as_str()
                .is_some_and(|reply| reply.starts_with("550 5.7.64 ")),
            "{said:#}"
        );
        assert!(said["reasons"].to_string().contains("beta/hub"), "{said:#}");
        assert!(!said["connectors"].to_string().contains("\"matches\":true"), "{said:#}");

        let question = "explain-inbound --ip 192.0.2.3 --mail-from a@tls.example --rcpt u0@acme.example";
        let words = node.run(&question.split(' ').collect::<Vec<_>>());
        let words = String::from_utf8_lossy(&words.stdout).into_owned();
        assert!(words.contains("451 4.7.0") && words.contains("acme/tls"), "{words}");

        // The key exchange is that of the question, and one that no handshake comes to is a slip.
        let from_pq = "explain-inbound --json --ip 192.0.2.3 --mail-from a@pq.example --rcpt u0@acme.example";
        let ask = |more: &str| node.run(&[from_pq, more].join(" ").split_whitespace().collect::<Vec<_>>());
        for (more, reply) in [
            ("--tls", "250 2.1.5"),
            ("--tls-version 1.3", "250 2.1.5"),
            ("--key-exchange x25519mlkem768", "250 2.1.5"),
            ("--key-exchange secp256r1", "this connection used secp256r1"),
            ("--tls-version 1.2", "this connection used x25519"),
        ] {
            let said = String::from_utf8_lossy(&ask(more).stdout).into_owned();
            assert!(said.contains(reply), "{more}: {said}");
        }
        for more in ["--key-exchange x448", "--tls-version 1.2 --key-exchange X25519MLKEM768"] {
            let refused = ask(more);
            assert_eq!(refused.status.code(), Some(2), "{more}: {refused:?}");
        }
    });
}

const SITE: &str = "\
[[organization]]
name = \"acme\"
max_message_size = \"1MiB\"
max_recipients = 5
[[organization]]
name = \"beta\"
header_families = []
[[domain]]
organization = \"acme\"
name = \"acme.example\"
[[domain]]
organization = \"beta\"
name = \"beta.example\"
[[inbound_connector]]
organization = \"acme\"
name = \"hub\"
connector_type = \"on_premises\"
sender_ip_addresses = [\"192.0.2.3\"]
cloud_services_mail_enabled = true
[[inbound_connector]]
organization = \"acme\"
name = \"printer\"
connector_type = \"on_premises\"
sender_ip_addresses = [\"192.0.2.4\"]
";

#[test]
fn the_limits_of_a_recipient_and_what_becomes_of_header_families_are_told() {
    enclosed(|| {
        let users = "[local]\nusers = [\"inbox\", \"bob@acme.example\", \"eve@beta.example\"]\n";
        let node = service(users, SITE);
        let ask = |ip: &str, to: &str| {
            let ask = ["explain-inbound", "--json", "--ip", ip, "--mail-from", "a@acme.example"];
            one(&node, &[&ask[..], &["--rcpt-to", to]].concat())
        };
        for (ip, believed, why) in [
            ("192.0.2.3", true, "connector acme/hub believes"),
            ("192.0.2.4", false, "connector acme/printer does not believe"),
            ("192.0.2.5", false, "the client is no server of organization acme"),
        ] {
            let said = ask(ip, "bob@acme.example");
            let size = serde_json::json!({ "at_most": 1 << 20, "set_by": "organization acme" });
            let recipients = serde_json::json!({ "at_most": 5, "set_by": "organization acme" });
            assert_eq!(said["limits"]["size"], size, "{said:#}");
            assert_eq!(said["limits"]["recipients"], recipients, "{said:#}");
            let families = &said["header_families"];
            assert_eq!(families["are_believed"], believed, "{said:#}");
            assert!(families["verdict"].to_string().contains(why), "{said:#}");
            assert_eq!(families["families"][0], "X-MS-Exchange", "{said:#}");
        }
        let said = ask("192.0.2.5", "eve@beta.example");
        let listener = serde_json::json!({ "at_most": 1000, "set_by": "listener default" });
        assert_eq!(said["limits"]["recipients"], listener, "{said:#}");
        assert!(said["header_families"].is_null(), "beta has none: {said:#}");
        let said = ask("192.0.2.5", "nobody@acme.example");
        assert!(
            said["limits"].is_null() && said["header_families"].is_null(),
            "{said:#}"
        );

        let words = "explain-inbound --ip 192.0.2.3 --mail-from a@acme.example --rcpt-to bob@acme.example";
        let words = node.run(&words.split(' ').collect::<Vec<_>>());
        let words = String::from_utf8_lossy(&words.stdout).into_owned();
        for line in [
            "  limits: 1.0 MiB of content at most (organization acme), 5 recipients at most (organization acme)",
            "  header fields X-MS-Exchange-*, X-Sekisho-*: believed: connector acme/hub believes its servers",
        ] {
            assert!(words.contains(line), "{words}");
        }
    });
}

#[test]
fn which_way_mail_would_take_and_what_stands_in_it_is_what_then_happens() {
    enclosed(|| {
        let root = Authority::new();
        let good = Peer::start((HOSTS[0], 25).into(), Some(&root.server(&["mx.example"])), Fault::None);
        let other = Peer::start((HOSTS[1], 25).into(), Some(&self_signed(&["mx.example"])), Fault::None);
        let stripped = Peer::start(
            (HOSTS[2], 25).into(),
            Some(&self_signed(&["mx.example"])),
            Fault::NotOffered,
        );
        let node = relaying_node("");
        let anchors = lines(root.anchor());
        let of = |name: &str, host: &str, more: &str| {
            format!(
                "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\"]\n\
                 smart_hosts = [\"{host}\"]\nretry = [\"1h\"]\n{more}\n"
            )
        };
        let names =
            format!("tls_settings = \"domain_validation\"\ntls_domain = \"mx.example\"\ntrust_anchors = {anchors}");
        apply(
            &node,
            &[
                of("good", "192.0.2.1", &names),
                of("other", "192.0.2.2", &names),
                of("open", "192.0.2.3", ""),
                of("stripped", "192.0.2.3", "tls_settings = \"encryption_only\""),
                of("dead", "192.0.2.6", ""),
            ]
            .concat(),
        );
        let names = ["good", "other", "open", "stripped", "dead"];
        let recipients: Vec<String> = names.iter().map(|name| format!("topsecret@{name}.example")).collect();
        let said: Vec<Value> = recipients
            .iter()
            .map(|recipient| one(&node, &["explain", recipient, "--json"]))
            .collect();
        assert_eq!(
            (good.count(), other.count(), stripped.count()),
            (0, 0, 0),
            "no mail was sent"
        );
        assert!(!stripped.saw_in_the_clear("topsecret"), "nor its envelope");
        submit("a@localhost", &recipients);
        for ((name, said), trace) in names.iter().zip(&said).zip(all_attempted(&node, &recipients)) {
            assert_same(&format!("default/{name}"), said, last_attempt(&trace));
        }
        assert_eq!((good.count(), other.count(), stripped.count()), (1, 0, 1));
    });
}

/// An alias whose own address demands TLS; of its ends one has a way of its own, without TLS.
const ALIASED: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\"]
aliases = { far = [\"inbox\", \"topsecret-alias@open.example\", \"b@dead.example\"] }
[[route]]
name = \"all\"
domains = [\"*\"]
via = [\"192.0.2.2:25\"]
require = \"encryption\"
[[route]]
name = \"open\"
domains = [\"open.example\"]
via = [\"192.0.2.1:25\"]
[[route]]
name = \"dead\"
domains = [\"dead.example\"]
via = [\"192.0.2.6:25\"]
";

#[test]
fn each_end_of_an_alias_has_its_own_way_and_what_the_alias_demands() {
    enclosed(|| {
        let stripped = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node(ALIASED);
        apply(
            &node,
            "[[rule]]\nname = \"far\"\nrecipients = [\"far@here.example\"]\nrequire_tls = \"encryption_only\"\n",
        );
        let said = one(&node, &["explain", "far@here.example", "--json"]);
        assert!(said["hosts"].as_array().is_some_and(Vec::is_empty), "{said:#}");
        assert!(said["required"].to_string().contains("route \\\"all\\\""), "{said:#}");
        let ends = said["ends"].as_array().expect("it has ends");
        let recipients: Vec<&Value> = ends.iter().map(|end| &end["recipient"]).collect();
        assert_eq!(
            recipients,
            ["inbox@here.example", "topsecret-alias@open.example", "b@dead.example"]
        );
        assert_eq!(ends[0]["local"], "the mailbox of inbox", "{said:#}");
        assert_eq!(ends[2]["hosts"][0]["decision"]["decision"], "not-judged", "{said:#}");
        assert_eq!(rules_of(&ends[1]), standings(&[("far", "applies")]), "{said:#}");

        let words = node.run(&["explain", "far@here.example"]);
        let words = String::from_utf8_lossy(&words.stdout).into_owned();
        for line in [
            "  is an alias for inbox@here.example, topsecret-alias@open.example, b@dead.example\n",
            "  required of each of them: TLS by route \"all\"\n",
            "      ends here: the mailbox of inbox\n",
            "    topsecret-alias@open.example  organization default",
            "      host [192.0.2.1]:25 (preference 0)",
        ] {
            assert!(words.contains(line), "{line:?}: {words}");
        }
        assert!(!stripped.saw_in_the_clear("topsecret"), "no envelope was sent");

        submit("a@localhost", &["far@here.example".to_owned()]);
        let of_the_end = |message: &Value| {
            let mut all = attempts(message);
            all.find(|attempt| attempt["recipient"] == ends[1]["recipient"])
                .cloned()
        };
        let look = || of_the_end(&trace_of(&node, "topsecret-alias@open.example")?);
        let attempt = wait::until_or("an attempt", look, || node.log());
        let host = &ends[1]["hosts"][0];
        assert_eq!(host["required"], attempt["required"], "{said:#}\n{attempt:#}");
        assert_eq!(host["decision"], attempt["decision"], "{said:#}\n{attempt:#}");
        assert_eq!(host["decision"]["decision"], "refused", "{said:#}");
        assert_eq!(stripped.count(), 0);
    });
}

/// What was said of the way is what became of an attempt by this connector.
fn assert_same(connector: &str, said: &Value, attempt: &Value) {
    let host = &said["hosts"][0];
    let both = format!("{connector}: {said:#}\n{attempt:#}");
    assert!(attempt["route"].to_string().contains(connector), "{both}");
    assert!(said["route"].to_string().contains(connector), "{both}");
    let chosen = said["connectors"].as_array().into_iter().flatten();
    let chosen = chosen.filter(|one| one["verdict"].to_string().contains("chosen"));
    let chosen: Vec<&Value> = chosen.map(|one| &one["connector"]).collect();
    assert_eq!(chosen, [connector], "{both}");
    assert_eq!(said["directory"], attempt["directory"], "{both}");
    assert_eq!(host["required"], attempt["required"], "{both}");
    assert_eq!(host["decision"], attempt["decision"], "{both}");
    let chain = |side: &Value| side["channel"]["security"]["tls"]["chain"].clone();
    assert_eq!(chain(host), chain(attempt), "{both}");
    if outcome_of(attempt) == "delivered" {
        assert!(host["fault"].is_null(), "{both}");
    } else {
        let why = attempt["outcome"]["why"]["text"].as_str().expect("a fault has words");
        assert!(
            host["fault"].as_str().is_some_and(|fault| fault.contains(why)),
            "{both}"
        );
    }
}

/// The rules of an answer, each with its standing.
fn rules_of(said: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rules = said["rules"].as_array().into_iter().flatten();
    rules
        .map(|rule| (text(&rule["rule"]), text(&rule["standing"])))
        .collect()
}

fn standings(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = expected.iter();
    all.map(|(rule, standing)| (format!("default/{rule}"), (*standing).to_owned()))
        .collect()
}

const RULES: &str = "\
[[domain]]
name = \"there.example\"
type = \"external_relay\"
[[outbound_connector]]
name = \"there\"
recipient_domains = [\"there.example\"]
smart_hosts = [\"192.0.2.1\"]
[[inbound_connector]]
name = \"bank\"
sender_domains = [\"bank.example\"]
[[rule]]
name = \"a-bank\"
inbound_connector = \"bank\"
require_tls = \"encryption_only\"
[[rule]]
name = \"b-secure\"
header = { name = \"Subject\", contains = \"[secure]\" }
require_tls = \"encryption_only\"
[[rule]]
name = \"c-no\"
senders = [\"rival.example\"]
reject = { text = \"no\" }
[[rule]]
name = \"d-off\"
enabled = false
require_tls = \"encryption_only\"
";

/// Mail from a partner to `there.example`, whose server has no TLS.
fn explain(node: &Node, more: &[&str]) -> Value {
    let of_all = ["explain", "b@there.example", "--json", "--from", "a@bank.example"];
    one(node, &[&of_all[..], more].concat())
}

const SECURE: [&str; 4] = ["--header", "Subject: [Secure] plan", "--header", "X-A: b"];

#[test]
fn every_rule_has_its_verdict_and_what_it_demands_is_judged() {
    enclosed(|| {
        let stripped = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("");
        apply(&node, RULES);
        let said = explain(&node, &[]);
        let open = [
            ("a-bank", "depends"),
            ("b-secure", "depends"),
            ("c-no", "does_not"),
            ("d-off", "does_not"),
        ];
        assert_eq!(rules_of(&said), standings(&open), "{said:#}");
        let words = said["rules"][1]["verdict"].to_string();
        assert!(words.contains("depends on the header"), "{said:#}");
        assert!(said["hosts"][0]["fault"].is_null(), "{said:#}");
        assert_eq!(said["required"], Value::Array(Vec::new()), "{said:#}");
        let said = explain(&node, &SECURE);
        assert_eq!(rules_of(&said)[1].1, "applies", "{said:#}");
        assert!(said["required"].to_string().contains("default/b-secure"), "{said:#}");
        assert_eq!(said["hosts"][0]["decision"]["decision"], "refused", "{said:#}");
        let refused = node.run(&["explain", "b@there.example", "--header", "no field"]);
        assert_eq!(refused.status.code(), Some(2));

        let ask = "explain-inbound --json --tls --ip 192.0.2.3 --mail-from a@bank.example --rcpt b@there.example";
        let said = one(
            &node,
            &ask.split(' ').chain(["--header", "subject: x"]).collect::<Vec<_>>(),
        );
        let known = [
            ("a-bank", "applies"),
            ("b-secure", "does_not"),
            ("c-no", "does_not"),
            ("d-off", "does_not"),
        ];
        assert_eq!(rules_of(&said), standings(&known), "{said:#}");
        assert_eq!(stripped.count(), 0);
    });
}

#[test]
fn exceptions_and_the_conditions_of_requiretls_are_told() {
    enclosed(|| {
        let stripped = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("");
        apply(&node, RULES);
        let how = "exception add moving --owner Alice --reason why --rule b-secure --allows plaintext --until";
        let until = crate::in_a_month();
        let added = node.run(&how.split(' ').chain([until.as_str()]).collect::<Vec<_>>());
        assert!(added.status.success(), "{added:?}");
        let said = explain(&node, &SECURE);
        let exception = &said["exceptions"][0];
        assert_eq!(exception["exception"], "default/moving", "{said:#}");
        assert_eq!(exception["in_force"], true, "{said:#}");
        let reason = &said["hosts"][0]["decision"]["reasons"][0];
        assert_eq!(reason["key"], "exception", "{said:#}");
        let words = node.run(&[&["explain", "b@there.example"], &SECURE[..]].concat());
        let words = String::from_utf8_lossy(&words.stdout).into_owned();
        assert!(words.contains("* rule default/b-secure: applies"), "{words}");
        assert!(
            words.contains("exception default/moving") && words.contains("(Alice: why)"),
            "{words}"
        );

        let said = explain(&node, &["--requiretls"]);
        let verdict = &said["hosts"][0]["requiretls"];
        let conditions = verdict["conditions"].as_array().into_iter().flatten();
        let told: Vec<&Value> = conditions.map(|one| &one["standing"]).collect();
        assert_eq!(told, ["holds", "fails", "fails"], "{said:#}");
        assert_eq!(verdict["holds"], false, "{said:#}");
        assert_eq!(
            said["hosts"][0]["decision"]["decision"], "refused",
            "never in the clear: {said:#}"
        );
        assert_eq!(stripped.count(), 0);
    });
}

#[test]
fn what_is_not_looked_up_yet_says_so_wherever_it_is_shown() {
    enclosed(|| {
        let node = relaying_node("");
        apply(
            &node,
            "[[outbound_connector]]\nname = \"there\"\nrecipient_domains = [\"there.example\"]\n\
             smart_hosts = [\"192.0.2.1\"]\nmta_sts_mode = \"none\"\n",
        );
        let text = |arguments: &[&str]| String::from_utf8_lossy(&node.run(arguments).stdout).into_owned();
        let shown = text(&["connector", "show", "outbound", "there"]);
        let line = |field: &str| shown.lines().find(|line| line.contains(field)).unwrap_or_default();
        let label = "(not looked up yet by this version)";
        assert!(line("smtp_dane_mode").contains(label), "{shown}");
        assert!(!line("mta_sts_mode").contains(label), "{shown}");
        let values = node.json_lines(&["connector", "show", "outbound", "there", "--json"]);
        assert_eq!(values[0]["not_looked_up"], json!(["smtp_dane_mode"]), "{values:#?}");

        let explained = text(&["explain", "b@there.example"]);
        assert!(
            explained.contains("\n  not looked up yet by this version: DANE, MTA-STS\n"),
            "{explained}"
        );
        for (recipient, wanted) in [
            ("b@there.example", json!(["DANE", "MTA-STS"])),
            ("inbox@localhost", json!([])),
        ] {
            let value = one(&node, &["explain", recipient, "--json"]);
            assert_eq!(value["not_looked_up"], wanted, "{value:#}");
        }
    });
}

#[test]
fn a_certificate_is_read_with_the_command_line_from_a_file_or_standard_input() {
    enclosed(|| {
        let node = relaying_node("");
        let pem = self_signed(&["mail.cert.example"]).leaf_alone().chain;
        node.write("shown.pem", &pem);
        let ask = |certificate: &'static str| {
            let recipient = ["--mail-from", "a@cert.example", "--rcpt-to", "inbox@localhost"];
            let how = ["explain-inbound", "--json", "--ip", "192.0.2.3", "--cert", certificate];
            [&how[..], &recipient].concat()
        };
        let by_file = one(&node, &ask("shown.pem"));
        let piped = node.run_with_input(&ask("-"), &pem).stdout;
        assert_eq!(serde_json::from_slice::<Value>(&piped).unwrap(), by_file);
        // A slip of the command line, found before anything is asked.
        let missing = node.run(&ask("missing.pem"));
        assert_eq!(missing.status.code(), Some(2));
        let complaint = String::from_utf8_lossy(&missing.stderr);
        assert!(complaint.contains("missing.pem: cannot be read"), "{complaint}");
    });
}
