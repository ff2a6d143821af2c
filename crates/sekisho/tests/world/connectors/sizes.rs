//! What an organization sets about single messages: how large one may be, and to how many.

use sekisho_testkit::{
    client::{Client, Reply, stuffed},
    enclosure::enclosed,
    node::{Node, SMTP},
};

use super::{TWO_ORGANIZATIONS, apply, refusal};
use crate::{attempts, delivered_to, node, traced, wait};

const LIMITED: &str = "\
[[organization]]
name = \"acme\"
max_message_size = \"100KiB\"
max_recipients = 100
";

/// Mailboxes of both organizations, and of the first.
const USERS: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\", \"bob@acme.example\", \"ann@acme.example\", \"eve@beta.example\"]
";

const RELAYING: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
relay-from = [\"127.0.0.0/8\"]
";

fn limited_node() -> Node {
    let node = node(RELAYING);
    let directory = TWO_ORGANIZATIONS.replace("[[organization]]\nname = \"acme\"\n", LIMITED);
    apply(&node, &directory);
    node.configure(&format!("{RELAYING}{USERS}"));
    node.signal(rustix::process::Signal::HUP);
    let read = || node.log().contains("read anew").then_some(());
    wait::until_or("the reload", read, || node.log());
    node
}

/// What is answered to these lines, the last of each reply.
fn answers(lines: &[&str], content: Option<&[u8]>) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut client = Client::open(SMTP, false).await.expect("a session");
        let mut answers = Vec::new();
        for line in lines {
            answers.push(in_words(client.command(line).await.expect("an answer")));
        }
        if let Some(content) = content {
            client.command("DATA").await.expect("an answer");
            client.send(&stuffed(content)).await.expect("it goes out");
            answers.push(in_words(client.expect_reply().await.expect("an answer")));
        }
        answers
    })
}

fn in_words(reply: Reply) -> String {
    format!("{} {}", reply.code, reply.text())
}

fn content(octets: usize) -> Vec<u8> {
    let mut content = b"Subject: x\r\n\r\n".to_vec();
    while content.len() < octets {
        let line = (octets - content.len()).min(78);
        content.extend(std::iter::repeat_n(b'x', line.saturating_sub(2)));
        content.extend_from_slice(b"\r\n");
    }
    content
}

fn begin(answers: &[String], wanted: &[&str]) {
    assert_eq!(answers.len(), wanted.len(), "{answers:?}");
    for (answer, wanted) in answers.iter().zip(wanted) {
        assert!(answer.starts_with(wanted), "{answers:?}, and not {wanted:?}");
    }
}

#[test]
fn an_announced_size_is_answered_for_each_recipient_by_itself() {
    enclosed(|| {
        let node = limited_node();
        let found = answers(
            &[
                "MAIL FROM:<a@there.example> SIZE=102401",
                "RCPT TO:<bob@acme.example>",
                "RCPT TO:<eve@beta.example>",
                "RCPT TO:<inbox@here.example>",
            ],
            None,
        );
        begin(&found, &["250", "552 5.2.3 ", "250", "250"]);
        let (key, text) = refusal(&node, "bob@acme.example");
        assert_eq!(key, "message-too-large");
        assert!(text.contains("organization acme") && text.contains("102401"), "{text}");
        // As much as may be, and mail of acme to elsewhere alike.
        begin(
            &answers(
                &["MAIL FROM:<a@there.example> SIZE=102400", "RCPT TO:<bob@acme.example>"],
                None,
            ),
            &["250", "250"],
        );
    });
}

#[test]
fn without_an_announced_size_the_content_decides_and_a_neighbour_keeps_its_copy() {
    enclosed(|| {
        let node = limited_node();
        let large = content(102_401);
        let begun = ["MAIL FROM:<ann@acme.example>", "RCPT TO:<bob@acme.example>"];
        // Everybody: refused in the reply.
        begin(&answers(&begun, Some(&large)), &["250", "250", "552 5.2.3 "]);
        let (key, _) = refusal(&node, "bob@acme.example");
        assert_eq!(key, "message-too-large");
        // Some: they get it, and its sender is told of the others.
        let both = [begun[0], begun[1], "RCPT TO:<eve@beta.example>"];
        begin(&answers(&both, Some(&large)), &["250", "250", "250", "250"]);
        // A Maildir has no CR at the ends of lines.
        assert!(delivered_to(&node, "eve@beta.example").len() > 100_000);
        let trace = traced(&node, "bob@acme.example", "bounced");
        let attempt = attempts(&trace).find(|one| one["recipient"] == "bob@acme.example");
        let attempt = attempt.expect("one of bob's");
        assert_eq!(attempt["outcome"]["why"]["status"], "5.2.3", "{attempt:#}");
        let notice = delivered_to(&node, "ann@acme.example");
        assert!(
            notice.contains("bob@acme.example") && notice.contains("5.2.3"),
            "{notice}"
        );
        // Not one octet too many.
        begin(&answers(&begun, Some(&content(102_400))), &["250", "250", "250"]);
    });
}

#[test]
fn recipients_of_an_organization_are_counted_apart_from_its_neighbours() {
    enclosed(|| {
        let _node = limited_node();
        let mut lines = vec!["MAIL FROM:<a@there.example>"];
        lines.extend(std::iter::repeat_n("RCPT TO:<bob@acme.example>", 101));
        lines.push("RCPT TO:<eve@beta.example>");
        lines.push("RSET");
        lines.push("MAIL FROM:<a@there.example>");
        lines.push("RCPT TO:<bob@acme.example>");
        let found = answers(&lines, None);
        let mut wanted = vec!["250"; 101];
        wanted.extend(["452 4.5.3 too many recipients", "250", "250", "250", "250"]);
        begin(&found, &wanted);
    });
}
