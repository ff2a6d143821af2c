//! What senders are told, and what of their wishes goes on: RFC 3461 with a real Postfix behind us, which speaks DSN,
//! and a peer that does not.

use std::net::IpAddr;

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixSettings},
    node::{Node, SMTP},
    peer::{Fault, Peer},
    wait,
};

use crate::{relaying_node, traced};

/// To Postfix, to a peer without DSN, and to nobody.
const ROUTES: &str = "\
[[route]]
name = \"dsn\"
domains = [\"dsn.example\"]
via = [\"192.0.2.1:25\"]
[[route]]
name = \"plain\"
domains = [\"plain.example\"]
via = [\"192.0.2.2:25\"]
[[route]]
name = \"dead\"
domains = [\"dead.example\"]
via = [\"192.0.2.3:25\"]
retry = [\"1s\"]
delay-notice-after = \"1s\"
expire-after = \"4s\"
";

fn postfix(address: IpAddr, more: &str) -> Postfix {
    Postfix::start(&PostfixSettings {
        address: (address, 25).into(),
        domain: "dsn.example",
        certificate: None,
        relayhost: "",
        more,
    })
}

/// Sends one message with these parameters to MAIL and RCPT.
fn send(mail: &str, rcpt: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut client = Client::open(SMTP, false).await.expect("a connection");
        for line in [format!("MAIL FROM:<inbox@localhost>{mail}"), format!("RCPT TO:{rcpt}")] {
            let reply = client.command(&line).await.expect("a reply");
            assert!(reply.is_success(), "{line}: {}", reply.text());
        }
        assert_eq!(client.command("DATA").await.expect("a reply").code, 354);
        let content = b"Subject: the subject\r\n\r\nthe body\r\n.\r\n";
        client.send(content).await.expect("it is sent");
        let reply = client.reply().await.expect("a connection").expect("a reply");
        assert!(reply.is_success(), "{}", reply.text());
    });
}

/// The notifications that came to the sender, at least `least` of them, oldest first.
fn notices(node: &Node, least: usize) -> Vec<String> {
    let look = || Some(node.mailbox("inbox")).filter(|all| all.len() >= least);
    let all = wait::until_or(format_args!("{least} notifications"), look, || node.log());
    all.iter()
        .map(|one| String::from_utf8_lossy(one).into_owned())
        .collect()
}

fn assert_says(notice: &str, words: &[&str]) {
    for word in words {
        assert!(notice.contains(word), "{word:?} is not in\n{notice}");
    }
}

#[test]
fn what_the_sender_wishes_goes_on_to_a_server_that_knows_dsn() {
    enclosed(|| {
        let postfix = postfix(HOSTS[0], "");
        let node = relaying_node(ROUTES);
        send(
            " RET=HDRS ENVID=e+2Bnv",
            "<b@dsn.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+3Drig@else.example",
        );
        let message = traced(&node, "b@dsn.example", "delivered");
        let spoken = message["attempts"][0]["conversation"].to_string();
        assert_says(
            &spoken,
            &[
                "RET=HDRS ENVID=e+2Bnv",
                "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+3Drig@else.example",
            ],
        );
        wait::until_or("the message at Postfix", || postfix.inbox().pop(), || postfix.log());
        assert!(
            node.mailbox("inbox").is_empty(),
            "telling of success is Postfix's from here on"
        );
    });
}

#[test]
fn success_is_told_where_it_was_asked_for_and_the_next_host_will_not() {
    enclosed(|| {
        let _peer = Peer::start((HOSTS[1], 25).into(), None, Fault::None);
        let node = relaying_node(ROUTES);
        send(
            " ENVID=number-7",
            "<b@plain.example> NOTIFY=SUCCESS ORCPT=rfc822;o@else.example",
        );
        let relayed = &notices(&node, 1)[0];
        assert_says(
            relayed,
            &[
                "Action: relayed",
                "Status: 2.",
                "Original-Envelope-Id: number-7",
                "Original-Recipient: rfc822; o@else.example",
                "Final-Recipient: rfc822; b@plain.example",
                "Subject: the subject",
            ],
        );
        assert!(!relayed.contains("the body"), "success returns headers only: {relayed}");
        send("", "<b@plain.example>");
        traced(&node, "b@plain.example", "delivered");
        assert_eq!(notices(&node, 1).len(), 1, "who does not ask is not told");
        send("", "<inbox@localhost> NOTIFY=SUCCESS");
        let look = || {
            notices(&node, 3)
                .into_iter()
                .find(|one| one.contains("Action: delivered"))
        };
        wait::until_or("a notification of the local delivery", look, || node.log());
    });
}

#[test]
fn a_refusal_is_told_in_words_with_the_hosts_own_and_the_message_as_asked() {
    enclosed(|| {
        let _postfix = postfix(HOSTS[0], "smtpd_recipient_restrictions = reject");
        let node = relaying_node(ROUTES);
        send(" RET=FULL", "<b@dsn.example>");
        let failed = &notices(&node, 1)[0];
        assert_says(
            failed,
            &[
                "Return-Path: <>",
                "Auto-Submitted: auto-replied",
                "Action: failed",
                "Status: 5.7.1",
                "Remote-MTA: dns; [192.0.2.1]",
                "Diagnostic-Code: smtp; 554 5.7.1",
                "the body",
            ],
        );
        send(" RET=HDRS", "<c@dsn.example>");
        traced(&node, "c@dsn.example", "bounced");
        let headers = &notices(&node, 2)[1];
        assert!(!headers.contains("the body"), "{headers}");
        send("", "<d@dsn.example> NOTIFY=NEVER");
        traced(&node, "d@dsn.example", "bounced");
        let node_after = notices(&node, 2);
        assert_eq!(node_after.len(), 2, "NEVER is never");
    });
}

#[test]
fn a_delay_is_told_once_and_then_the_end() {
    enclosed(|| {
        let node = relaying_node(ROUTES);
        send("", "<b@dead.example>");
        let all = notices(&node, 2);
        assert_says(&all[0], &["Action: delayed", "Will-Retry-Until:", "Status: 4."]);
        assert_says(&all[1], &["Action: failed", "Status: 5.4.7"]);
        traced(&node, "b@dead.example", "bounced");
        assert_eq!(node.mailbox("inbox").len(), 2);
    });
}

#[test]
fn a_notification_that_cannot_be_delivered_makes_no_other() {
    enclosed(|| {
        let _postfix = postfix(HOSTS[0], "smtpd_recipient_restrictions = reject");
        let node = relaying_node(ROUTES);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a connection");
            let reply = client
                .deliver("nobody@dsn.example", "b@dsn.example", b"Subject: x\r\n\r\n")
                .await;
            assert!(reply.expect("a reply").is_success());
        });
        traced(&node, "nobody@dsn.example", "bounced");
        let messages = node.json_lines(&["trace", "--json"]);
        assert_eq!(messages.len(), 2, "the message and its notification: {messages:#?}");
    });
}
