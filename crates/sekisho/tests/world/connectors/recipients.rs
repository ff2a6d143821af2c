//! Recipients of relay domains before the 250 to RCPT: listed, or asked about at the next hop.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixSettings, Swaks},
    node::Node,
    peer::{Fault, Peer},
    wait,
};

use super::{SERVER, Sender, apply, arrival, assert_answers, refusal, service};
use crate::delivered_to;

const FROM: &str = "a@stranger.example";
const USERS: &str = "[local]\nusers = [\"inbox\", \"here@split.example\"]\n";

/// split.example with this of its own, and a way to 192.0.2.1 with that.
fn split(domain: &str, connector: &str) -> String {
    format!(
        "[[organization]]\nname = \"acme\"\n\
         [[domain]]\norganization = \"acme\"\nname = \"split.example\"\ntype = \"internal_relay\"\n{domain}\n\
         [[outbound_connector]]\norganization = \"acme\"\nname = \"split\"\n\
         recipient_domains = [\"split.example\"]\nsmart_hosts = [\"192.0.2.1\"]\n{connector}\n"
    )
}

const PROBE: &str = "recipient_check = \"probe\"";

fn count(octets: &[Vec<u8>], word: &str) -> usize {
    let count = |octets: &Vec<u8>| String::from_utf8_lossy(octets).matches(word).count();
    octets.iter().map(count).sum()
}

fn explained(node: &Node, recipient: &str) -> serde_json::Value {
    let question = [
        "explain-inbound",
        "--ip",
        "192.0.2.4",
        "--mail-from",
        FROM,
        "--rcpt",
        recipient,
        "--json",
    ];
    node.json_lines(&question).swap_remove(0)
}

#[test]
fn a_list_says_who_there_is_beside_the_mailboxes_here() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let listed = "recipient_check = \"list\"\nrecipients = [\"there\", \"Too@split.example\"]";
        let node = service(USERS, &split(listed, ""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        assert_answers(
            &swaks,
            &[
                (&stranger, FROM, "here@split.example", "250"),
                (&stranger, FROM, "there@split.example", "250"),
                (&stranger, FROM, "THERE@split.example", "250"),
                (&stranger, FROM, "too@split.example", "250"),
                (&stranger, FROM, "nobody@split.example", "550 5.1.1 no such user here"),
            ],
        );
        assert_eq!(count(&peer.wire(), "RCPT"), 0, "nobody was asked");
        assert!(
            explained(&node, "nobody@split.example")["reply"]
                .as_str()
                .is_some_and(|reply| reply.starts_with("550"))
        );
        // From the command line, whole and from a file.
        let file = node.write("recipients", "one\n\n two@split.example \n");
        let file = file.to_string_lossy();
        let set = ["domain", "set", "split.example", "--recipients-from", &file];
        assert!(node.run(&set).status.success());
        assert_answers(
            &swaks,
            &[
                (&stranger, FROM, "two@split.example", "250"),
                (&stranger, FROM, "there@split.example", "550 5.1.1 "),
            ],
        );
        let wrong = ["domain", "set", "split.example", "--recipients", "a@elsewhere.example"];
        let refused = node.run(&wrong);
        assert_eq!(refused.status.code(), Some(4));
        let reply = explained(&node, "nobody@split.example")["reply"].to_string();
        assert!(reply.contains("550 5.1.1"), "{reply}");
    });
}

#[test]
fn the_next_hop_is_asked_once_and_remembered() {
    enclosed(|| {
        let unknown = Fault::Say("RCPT TO:<nobody@split.example>", "550 5.1.1 who?");
        let peer = Peer::start((HOSTS[0], 25).into(), None, unknown);
        let node = service(USERS, &split(PROBE, ""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        for _ in 0..2 {
            assert_answers(
                &swaks,
                &[
                    (&stranger, FROM, "here@split.example", "250"),
                    (&stranger, FROM, "there@split.example", "250"),
                    (
                        &stranger,
                        FROM,
                        "nobody@split.example",
                        "550 5.1.1 the next server takes no mail for this recipient",
                    ),
                ],
            );
        }
        let mail_log = node.folder().join("sekisho-data/mail.log");
        let look = || {
            let text = std::fs::read_to_string(&mail_log).unwrap_or_default();
            text.contains("550 5.1.1 who?").then_some(())
        };
        wait::until_or("the mail log to say why", look, || node.log());
        let wire = peer.wire();
        assert_eq!(count(&wire, "RCPT TO:<there@split.example>"), 1);
        assert_eq!(count(&wire, "RCPT TO:<nobody@split.example>"), 1);
        assert_eq!(
            count(&wire, "here@split.example"),
            1,
            "of there alone, whose name ends so"
        );
        assert_eq!(count(&wire, "MAIL FROM:<>"), 2);
        assert_eq!((peer.count(), count(&wire, "DATA"), count(&wire, "BDAT")), (0, 0, 0));
        let of_cache = explained(&node, "there@split.example");
        assert!(
            of_cache["next_hop"]
                .as_str()
                .is_some_and(|words| words.contains("from memory")),
            "{of_cache:#}"
        );
        let live = explained(&node, "another@split.example");
        assert!(
            live["next_hop"]
                .as_str()
                .is_some_and(|words| words.contains("asked just now")),
            "{live:#}"
        );

        // Mail goes, over the connection that the probe left.
        let reply = stranger.sends(&swaks, FROM, "there@split.example");
        assert!(reply.starts_with("250"), "{reply}");
        let right = arrival(&node, "there@split.example")["admitted_by"].to_string();
        assert!(right.contains("known to the next hop"), "{right}");
        wait::until_or("delivered", || (peer.count() == 1).then_some(()), || node.log());
    });
}

#[test]
fn what_it_said_is_used_while_it_is_down_and_who_cannot_be_asked_about_is_put_off() {
    enclosed(|| {
        let unknown = Fault::Say("RCPT TO:<nobody@split.example>", "550 5.1.1 who?");
        let peer = Peer::start((HOSTS[0], 25).into(), None, unknown);
        let node = service(USERS, &split(PROBE, ""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        assert_answers(
            &swaks,
            &[
                (&stranger, FROM, "there@split.example", "250"),
                (&stranger, FROM, "nobody@split.example", "550 5.1.1 "),
            ],
        );
        // For now it says nothing of anybody.
        peer.set_fault(Fault::Answer("RCPT", 451));
        let later = "451 4.4.3 the recipient cannot be checked at present";
        assert_answers(&swaks, &[(&stranger, FROM, "late@split.example", later)]);
        peer.set_fault(Fault::Answer("MAIL", 550));
        assert_answers(&swaks, &[(&stranger, FROM, "third@split.example", later)]);
        drop(peer);
        assert_answers(
            &swaks,
            &[
                (&stranger, FROM, "there@split.example", "250"),
                (&stranger, FROM, "nobody@split.example", "550 5.1.1 "),
                (&stranger, FROM, "here@split.example", "250"),
                (&stranger, FROM, "fourth@split.example", later),
            ],
        );
        let (key, text) = refusal(&node, "fourth@split.example");
        assert_eq!(key, "next-hop-silent");
        assert!(text.contains("192.0.2.1"), "{text}");
        // What was learnt on one way says nothing of another.
        apply(&node, &split(PROBE, "ehlo_name = \"other.example\""));
        assert_answers(&swaks, &[(&stranger, FROM, "there@split.example", later)]);
    });
}

#[test]
fn no_address_goes_out_over_a_connection_that_the_demands_refuse() {
    enclosed(|| {
        let stripped = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let _node = service(USERS, &split(PROBE, "tls_settings = \"encryption_only\""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        assert_answers(&swaks, &[(&stranger, FROM, "topsecret@split.example", "451 4.4.3 ")]);
        assert!(!stripped.wire().is_empty());
        assert!(!stripped.saw_in_the_clear("topsecret"));
        assert!(!stripped.saw_in_the_clear("MAIL FROM"));
    });
}

/// A Postfix that knows bob.
#[test]
fn a_postfix_says_whom_it_knows() {
    enclosed(|| {
        let settings = PostfixSettings {
            address: (HOSTS[0], 25).into(),
            domain: "split.example",
            certificate: None,
            relayhost: "",
            more: "virtual_mailbox_maps = inline:{ { bob@split.example = inbox/Maildir/ } }\n",
        };
        let postfix = Postfix::start(&settings);
        let node = service(USERS, &split(PROBE, ""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        assert_answers(
            &swaks,
            &[
                (&stranger, FROM, "bob@split.example", "250"),
                (&stranger, FROM, "nobody@split.example", "550 5.1.1 "),
            ],
        );
        let all = "bob@split.example,here@split.example";
        swaks
            .send(SERVER, FROM, all, &["--body", "one message"])
            .assert_accepted();
        assert!(delivered_to(&node, "here@split.example").contains("one message"));
        let look = || {
            let mut inbox = postfix.inbox().into_iter();
            inbox.find(|message| String::from_utf8_lossy(message).contains("one message"))
        };
        wait::until_or("bob's mail", look, || postfix.log());
    });
}

/// A host that answers RCPT when it is told to; how often it was asked.
fn hesitant() -> (mpsc::Sender<()>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((HOSTS[0], 25)).expect("the address is free");
    let (tell, told) = mpsc::channel::<()>();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let lines = BufReader::new(stream.try_clone().expect("a socket has two ends")).lines();
        stream.write_all(b"220 hesitant\r\n").expect("it is read");
        for line in lines {
            let Ok(line) = line else { return };
            if line.starts_with("RCPT") {
                counter.fetch_add(1, Ordering::SeqCst);
                if told.recv().is_err() {
                    return;
                }
            }
            if stream.write_all(b"250 ok\r\n").is_err() {
                return;
            }
        }
    });
    (tell, asked)
}

#[test]
fn many_who_ask_about_one_wait_for_one_answer_and_nobody_else_waits() {
    enclosed(|| {
        let (tell, asked) = hesitant();
        let _node = service(USERS, &split(PROBE, ""));
        let pipelined = ["here", "there", "here"].map(|name| format!("RCPT TO:<{name}@split.example>\r\n"));
        let pipelined = pipelined.concat().into_bytes();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async {
            let mut waiting = Vec::new();
            for _ in 0..3 {
                let mut client = Client::open(SERVER, false).await.expect("a session");
                client
                    .command("MAIL FROM:<a@stranger.example>")
                    .await
                    .expect("an answer");
                // What is pipelined behind it waits, and what came before it is answered at once.
                client.send(&pipelined).await.expect("it goes out");
                let first = client.expect_reply().await.expect("an answer");
                assert!(first.is_success(), "{first:?}");
                waiting.push(client);
            }
            let is_asked = || (asked.load(Ordering::SeqCst) > 0).then_some(());
            wait::until_or("a probe", is_asked, String::new);
            // Another session is served meanwhile.
            let mut other = Client::open(SERVER, false).await.expect("a session");
            let content = b"Subject: x\r\n\r\nx\r\n";
            let taken = other
                .deliver(FROM, "here@split.example", content)
                .await
                .expect("an answer");
            assert!(taken.is_success(), "{taken:?}");
            tell.send(()).expect("it listens");
            for client in &mut waiting {
                for _ in 0..2 {
                    let reply = client.expect_reply().await.expect("an answer");
                    assert!(reply.is_success(), "{reply:?}");
                }
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}
