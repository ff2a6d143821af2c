//! When places run out while clients are in the middle of something.

use sekisho_testkit::{client::Client, enclosure::enclosed, node::SMTP, wait};
use tokio::runtime::Runtime;

use crate::{LOCAL, RELAYING, node};

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// The code of the reply to `line`.
async fn code(client: &mut Client, line: &str) -> u16 {
    client.command(line).await.expect("a reply").code
}

/// Many clients go on in the clear after 454, so that whoever occupies the places would strip TLS off everybody's mail.
#[test]
fn without_room_for_a_handshake_nobody_is_led_on_in_the_clear() {
    enclosed(|| {
        let node = node(&format!("{LOCAL}{RELAYING}[listener.limits]\nhandshakes = 1\n"));
        runtime().block_on(async {
            let mut first = Client::open(SMTP, false).await.expect("a connection");
            let mut second = Client::open(SMTP, false).await.expect("a connection");
            assert_eq!(code(&mut first, "STARTTLS").await, 220);
            assert_eq!(code(&mut second, "STARTTLS").await, 421);
            assert!(second.reply().await.expect("an end").is_none());
            first.start_tls(None).await.expect("what 220 promised");
            assert_eq!(code(&mut first, "EHLO client.example").await, 250);
        });
        let again = || runtime().block_on(Client::open(SMTP, true)).ok();
        wait::until_or("the place", again, || node.log());
    });
}

/// Otherwise a few addresses could hold every place for as long as a session may last, one command in five minutes.
#[test]
fn who_only_sits_there_leaves_a_crowded_server() {
    enclosed(|| {
        let limits = "[listener.limits]\nconnections = 4\ncrowded-timeout = \"1s\"\n";
        let _node = node(&format!("{LOCAL}{RELAYING}{limits}"));
        runtime().block_on(async {
            let mut clients = Vec::new();
            for _ in 0..4 {
                clients.push(Client::open(SMTP, false).await.expect("a connection"));
            }
            let mut last = clients.pop().expect("four came");
            let goodbye = last.reply().await.expect("a connection").expect("a reply");
            assert_eq!(goodbye.code, 421, "{}", goodbye.text());
            assert_eq!(
                code(&mut clients[0], "NOOP").await,
                250,
                "who came before still has its time"
            );
        });
    });
}

/// Envelopes alone fill a memory that has no bound, without an octet of content.
#[test]
fn recipients_are_put_off_when_the_envelopes_of_all_sessions_fill_the_memory() {
    enclosed(|| {
        let _node = node(&format!("{LOCAL}{RELAYING}[limits]\nmemory = \"256 KiB\"\n"));
        runtime().block_on(async {
            let mut clients = Vec::new();
            for _ in 0..2 {
                let mut client = Client::open(SMTP, false).await.expect("a connection");
                assert_eq!(code(&mut client, "MAIL FROM:<>").await, 250);
                clients.push(client);
            }
            let local = "x".repeat(450);
            let mut taken = 0;
            let rcpt = |number: usize| format!("RCPT TO:<inbox@here.example> ORCPT=rfc822;{number}@{local}");
            let refused = loop {
                let answer = code(&mut clients[0], &rcpt(taken)).await;
                if answer != 250 {
                    break answer;
                }
                taken += 1;
            };
            assert_eq!(refused, 452, "after {taken}");
            assert!((200..600).contains(&taken), "{taken} recipients of half a KiB");
            assert_eq!(code(&mut clients[1], &rcpt(0)).await, 452);
            assert_eq!(code(&mut clients[0], "RSET").await, 250);
            assert_eq!(code(&mut clients[1], &rcpt(0)).await, 250);
        });
    });
}

/// A sender looked at before may have been one of very many.
#[test]
fn the_limit_of_the_queue_holds_for_transactions_that_are_open_already() {
    const DEAD: &str = "[limits]\nqueue-length = 1\n[[route]]\nname = \"dead\"\ndomains = [\"there.example\"]\n\
                        via = [\"127.0.0.1:26\"]\n";
    enclosed(|| {
        let _node = node(&format!("{LOCAL}{DEAD}{RELAYING}"));
        runtime().block_on(async {
            let mut clients = Vec::new();
            for _ in 0..3 {
                let mut client = Client::open(SMTP, false).await.expect("a connection");
                assert_eq!(code(&mut client, "MAIL FROM:<inbox@here.example>").await, 250);
                assert_eq!(code(&mut client, "RCPT TO:<b@there.example>").await, 250);
                clients.push(client);
            }
            assert_eq!(code(&mut clients[0], "BDAT 0 LAST").await, 250);
            assert_eq!(code(&mut clients[1], "DATA").await, 452);
            assert_eq!(code(&mut clients[2], "BDAT 0 LAST").await, 452);
            assert_eq!(code(&mut clients[2], "MAIL FROM:<inbox@here.example>").await, 452);
        });
    });
}
