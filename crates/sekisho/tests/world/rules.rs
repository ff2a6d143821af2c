//! Mail-flow rules: single messages that must leave under TLS, or may not leave at all, by what they are and not by
//! where they go.

use sekisho_testkit::{
    authority::self_signed,
    client::{Client, Reply},
    enclosure::{HOSTS, enclosed},
    node::{Node, SMTP},
    peer::{Fault, Peer, Received},
    wait,
};

use crate::{attempts, delivered_to, last_attempt, node, outcome_of, relaying_node, trace_of, traced};

const WORLD: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\", \"other\", \"barred\"]
aliases = { far = [\"topsecret-alias@there.example\"] }
[[route]]
name = \"there\"
domains = [\"there.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1s\"]
[[route]]
name = \"dead\"
domains = [\"dead.example\"]
via = [\"192.0.2.3:25\"]
retry = [\"1h\"]
";

/// Stands in the envelope and the content of every message that must not be seen.
const SECRET: &str = "topsecret";

fn order(node: &Node, arguments: &[&str]) {
    let output = node.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Adds a rule that demands TLS of what meets this condition.
fn demand_tls(node: &Node, name: &str, condition: [&str; 2]) {
    let [flag, value] = condition;
    order(
        node,
        &["rule", "add", name, flag, value, "--require-tls", "encryption-only"],
    );
}

/// The last reply of a transaction with these recipients.
fn send(from: &str, recipients: &[&str], content: &[u8]) -> Reply {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut client = Client::open(SMTP, false).await.expect("a session");
        let (last, others) = recipients.split_last().expect("a recipient");
        if others.is_empty() {
            return client.deliver(from, last, content).await.expect("a reply");
        }
        let mail = client.command(&format!("MAIL FROM:<{from}>")).await.expect("a reply");
        mail.must_succeed().expect("the sender is taken");
        for recipient in recipients {
            let rcpt = client
                .command(&format!("RCPT TO:<{recipient}>"))
                .await
                .expect("a reply");
            rcpt.must_succeed().expect("the recipient is taken");
        }
        assert_eq!(client.command("DATA").await.expect("a reply").code, 354);
        client.send(&[content, b".\r\n"].concat()).await.expect("it is sent");
        client.expect_reply().await.expect("a reply")
    })
}

fn must_be_taken(from: &str, recipients: &[&str], content: &[u8]) {
    let reply = send(from, recipients, content);
    assert!(reply.is_success(), "{}", reply.text());
}

/// Waits until an attempt was put off; answers with everything that is known of the message.
fn deferred(node: &Node, recipient: &str) -> String {
    let message = traced(node, recipient, "deferred");
    assert!(
        attempts(&message).all(|one| outcome_of(one) == "deferred"),
        "{message:#}"
    );
    last_attempt(&message).to_string()
}

/// Waits for another attempt.
fn tried_again(node: &Node, recipient: &str) -> String {
    let before = trace_of(node, recipient).map_or(0, |message| attempts(&message).count());
    let look = || {
        let message = trace_of(node, recipient)?;
        (attempts(&message).count() > before).then(|| last_attempt(&message).to_string())
    };
    wait::until_or("another attempt", look, || node.log())
}

#[test]
fn one_message_is_forced_under_tls_without_any_connector() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        let peer = Peer::start((HOSTS[0], 25).into(), Some(&pem), Fault::NotOffered);
        let mut node = relaying_node(WORLD);
        demand_tls(&node, "secure", ["--header", "subject: [secure]"]);
        demand_tls(&node, "far", ["--recipients", "far@here.example"]);
        let secret = b"Received: x\r\nSUBJECT: the plan,\r\n [Secure] topsecret\r\n\r\ntopsecret content\r\n";
        must_be_taken("topsecret-sender@here.example", &["topsecret@there.example"], secret);
        must_be_taken(
            "a@here.example",
            &["far@here.example"],
            b"Subject: x\r\n\r\ntopsecret content\r\n",
        );
        must_be_taken(
            "a@here.example",
            &["plain@there.example"],
            b"Subject: x\r\n\r\n[secure]\r\n",
        );
        traced(&node, "plain@there.example", "delivered");
        for (recipient, rule) in [
            ("topsecret@there.example", "default/secure"),
            ("topsecret-alias@there.example", "default/far"),
        ] {
            let attempt = deferred(&node, recipient);
            assert!(
                attempt.contains("STARTTLS was not offered") && attempt.contains(rule),
                "{attempt}"
            );
        }
        // What was demanded when the message came holds, whatever becomes of the rule and of this process.
        order(&node, &["rule", "remove", "secure"]);
        order(&node, &["rule", "disable", "far"]);
        node.kill();
        node.resume();
        let attempt = tried_again(&node, "topsecret@there.example");
        assert!(
            attempt.contains("default/secure") && attempt.contains("deferred"),
            "{attempt}"
        );
        // More than once, when it was killed before it was known that the peer has it.
        let is_plain = |message: &Received| message.to[0].contains("plain@there.example");
        assert!(peer.received().iter().all(is_plain));
        peer.set_fault(Fault::None);
        let arrived = || {
            let received = peer.received();
            let secret: Vec<bool> = received
                .iter()
                .filter(|one| !is_plain(one))
                .map(|one| one.tls)
                .collect();
            (secret.len() == 2).then_some(secret)
        };
        let tls = wait::until_or("both of them", arrived, || node.log());
        assert_eq!(tls, [true, true]);
        assert!(!peer.saw_in_the_clear(SECRET), "something left in the clear");
    });
}

#[test]
fn what_a_rule_rejects_for_everybody_is_refused_after_the_content_and_not_kept() {
    enclosed(|| {
        let node = relaying_node(WORLD);
        order(
            &node,
            &[
                "rule",
                "add",
                "no-plans",
                "--header",
                "Subject: plan",
                "--reject",
                "plans stay here",
            ],
        );
        let reply = send(
            "a@here.example",
            &["b@there.example", "other@here.example"],
            b"Subject: the PLAN\r\n\r\nx\r\n",
        );
        assert_eq!((reply.code, reply.text().as_str()), (550, "5.7.1 plans stay here"));
        for recipient in ["b@there.example", "other@here.example"] {
            let look = || trace_of(&node, recipient);
            let message = wait::until_or("the refusal in the trace", look, || node.log());
            assert!(message.to_string().contains("default/no-plans"), "{message:#}");
        }
        assert!(node.json_lines(&["queue", "list", "--json"]).is_empty());
        assert!(node.mailbox("other").is_empty());
        must_be_taken("a@here.example", &["other@here.example"], b"Subject: x\r\n\r\nplan\r\n");
        delivered_to(&node, "other");
        let sent = [
            "send",
            "--from",
            "a@here.example",
            "--subject",
            "a plan",
            "other@here.example",
        ];
        let sent = node.run_with_input(&sent, "x");
        assert_eq!(sent.status.code(), Some(4), "{sent:?}");
    });
}

#[test]
fn whom_a_rule_refuses_gets_nothing_the_others_get_it_and_the_sender_hears_of_it() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let mut node = relaying_node(WORLD);
        let barred = "barred@here.example,barred@there.example,barred@dead.example";
        let words = "that is nothing for you";
        order(
            &node,
            &["rule", "add", "barred", "--recipients", barred, "--reject", words],
        );
        // Nobody answers there, and the next attempt is an hour away.
        must_be_taken("inbox@here.example", &["late@dead.example"], b"Subject: x\r\n\r\nx\r\n");
        deferred(&node, "late@dead.example");
        let all = [
            "barred@here.example",
            "barred@there.example",
            "barred@dead.example",
            "other@here.example",
            "fine@there.example",
        ];
        must_be_taken("inbox@here.example", &all, b"Subject: x\r\n\r\ntopsecret\r\n");
        node.kill();
        node.resume();
        for recipient in &all[..3] {
            let message = traced(&node, recipient, "bounced");
            let of_recipient = |one: &&serde_json::Value| one["recipient"].to_string().contains(*recipient);
            let attempt = attempts(&message).find(of_recipient).expect("an attempt").to_string();
            for word in ["5.7.1", "default/barred", words] {
                assert!(attempt.contains(word), "{word} is not in {attempt}");
            }
        }
        delivered_to(&node, "other");
        wait::until_or("the other one", || (peer.count() > 0).then_some(()), || node.log());
        let is_fine = |message: &Received| message.to.len() == 1 && message.to[0].contains("fine@there.example");
        assert!(peer.received().iter().all(is_fine), "{:?}", peer.received());
        let told = || {
            let notices: Vec<String> = node
                .mailbox("inbox")
                .iter()
                .map(|notice| String::from_utf8_lossy(notice).into_owned())
                .collect();
            let of = |recipient: &&str| {
                notices
                    .iter()
                    .any(|notice| notice.contains(&format!("rfc822; {recipient}")))
            };
            all[..3].iter().all(of).then_some(notices)
        };
        for notice in wait::until_or("the notifications", told, || node.log()) {
            for word in ["Action: failed", "Status: 5.7.1", words] {
                assert!(notice.contains(word), "{word:?} is not in\n{notice}");
            }
            assert!(!notice.contains("fine@there.example"), "{notice}");
        }
        assert!(node.mailbox("barred").is_empty());
    });
}

#[test]
fn a_rule_may_ask_through_which_connector_a_message_came() {
    enclosed(|| {
        // Whoever may relay is no partner.
        let node = node(&format!(
            "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\nrelay-from = []\n{WORLD}"
        ));
        let connector = [
            "connector",
            "add",
            "inbound",
            "bank",
            "--sender-domains=bank.example",
            "--sender-ip-addresses=127.0.0.1",
            "--restrict-domains-to-ip-addresses=true",
            "--require-tls=false",
        ];
        order(&node, &connector);
        order(
            &node,
            &[
                "rule",
                "add",
                "of-bank",
                "--inbound-connector",
                "bank",
                "--reject",
                "not from a bank",
            ],
        );
        let content = b"Subject: x\r\n\r\nx\r\n";
        let reply = send("a@bank.example", &["other@here.example"], content);
        assert_eq!(reply.text(), "5.7.1 not from a bank");
        must_be_taken("a@else.example", &["other@here.example"], content);
        let removed = node.run(&["connector", "remove", "inbound", "bank"]);
        assert_eq!(removed.status.code(), Some(4), "a rule names it: {removed:?}");
    });
}
