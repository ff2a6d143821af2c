//! When places run out while clients are in the middle of something.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    node::{Node, SMTP, metrics},
    wait,
};
use tokio::runtime::Runtime;

use crate::{LOCAL, RELAYING, node};

/// Reached from every address of the world.
const OPEN: &str = "\
[[listener]]
name = \"default\"
address = \"0.0.0.0:2525\"
relay-from = [\"192.0.2.1/32\"]
";
/// One address of the world, where [`OPEN`] is reached.
const HERE: SocketAddr = SocketAddr::new(HOSTS[5], 2525);

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

/// The code and text of the greeting that a client from `source` gets.
async fn greeting(source: IpAddr) -> (Client, u16, String) {
    let mut client = Client::connect_from(source, HERE).await.expect("a connection");
    let reply = client.expect_reply().await.expect("a reply");
    let text = reply.text();
    (client, reply.code, text)
}

/// Waits until the mail log has a refusal with this text, and looks at the metric of that limit.
fn assert_written_down(node: &Node, text: &str, limit: &str) {
    let log = node.folder().join("sekisho-data/mail.log");
    let look = || fs::read_to_string(&log).ok()?.contains(text).then_some(());
    wait::until_or(text, look, || fs::read_to_string(&log).unwrap_or_default());
    let counted = metrics();
    let line = format!("sekisho_inbound_turned_away_total{{limit=\"{limit}\"}} 1");
    assert!(counted.contains(&line), "{counted}");
}

/// As Postfix excepts `mynetworks`: a relay behind one address must not be kept out by what strangers are kept out by.
#[test]
fn an_address_and_a_network_have_their_limits_and_whoever_may_relay_has_neither() {
    enclosed(|| {
        let limits = "[listener.limits]\nconnections-per-address = 2\nconnections-per-network = 3\n";
        let node = node(&format!("{LOCAL}{OPEN}{limits}"));
        runtime().block_on(async {
            let mut inside = Vec::new();
            for source in [HOSTS[1], HOSTS[1], HOSTS[2]] {
                let (client, code, text) = greeting(source).await;
                assert_eq!(code, 220, "{text}");
                inside.push(client);
            }
            for (source, whose) in [(HOSTS[1], "address"), (HOSTS[3], "network")] {
                let (_, code, text) = greeting(source).await;
                let expected = format!("4.3.2 too many connections from your {whose}, try again later");
                assert_eq!((code, text), (421, expected));
            }
            for _ in 0..5 {
                let (client, code, text) = greeting(HOSTS[0]).await;
                assert_eq!(code, 220, "{text}");
                inside.push(client);
            }
            let (_, code, text) = greeting(Ipv4Addr::LOCALHOST.into()).await;
            assert_eq!(code, 220, "another network: {text}");
        });
        assert_written_down(&node, "from your address", "address-connections");
        assert_written_down(&node, "from your network", "network-connections");
    });
}

/// Otherwise a few addresses that never finish would keep everybody's mail out for as long as a handshake may take.
#[test]
fn an_address_has_no_more_than_its_share_of_the_handshakes() {
    enclosed(|| {
        let node = node(&format!("{LOCAL}{OPEN}[listener.limits]\nhandshakes = 4\n"));
        runtime().block_on(async {
            let mut inside = Vec::new();
            for (source, expected) in [
                (HOSTS[1], 220),
                (HOSTS[1], 220),
                // More than half would be taken.
                (HOSTS[1], 421),
                (HOSTS[2], 421),
                (Ipv4Addr::LOCALHOST.into(), 220),
                (HOSTS[0], 220),
            ] {
                let (mut client, ..) = greeting(source).await;
                assert_eq!(code(&mut client, "EHLO client.example").await, 250);
                assert_eq!(code(&mut client, "STARTTLS").await, expected, "{source}");
                inside.push(client);
            }
        });
        assert_written_down(&node, "from your address", "address-handshakes");
        assert_written_down(&node, "from your network", "network-handshakes");
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
