//! What a hostile zone can say of a domain: addresses that are none of its business, circles, too much, and names that
//! are commands to somebody.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sekisho_testkit::{
    enclosure::{HOSTS, RESOLVER, enclosed},
    foreign::{Names, Zone},
    node::Node,
    peer::{Fault, Peer},
};
use serde_json::Value;

use crate::{all_attempted, last_attempt, outcome_of, relaying_node, submit};

/// A message to each of these domains: the traces when an attempt for each has ended.
fn tried(node: &Node, domains: &[String]) -> Vec<Value> {
    let recipients: Vec<String> = domains.iter().map(|domain| format!("b@{domain}")).collect();
    submit("a@localhost", &recipients);
    all_attempted(node, &recipients)
}

/// Whoever publishes an MX record chooses what we connect to: loopback, the metadata service of a cloud, the private
/// network, ourselves.
#[test]
fn no_mx_record_leads_to_an_address_that_is_not_public() {
    enclosed(|| {
        let places = [
            ("loopback", "A 127.0.0.1"),
            ("loopback6", "AAAA ::1"),
            ("mapped", "AAAA ::ffff:127.0.0.1"),
            ("compatible", "AAAA ::127.0.0.1"),
            ("nat64", "AAAA 64:ff9b::7f00:1"),
            ("six-to-four", "AAAA 2002:7f00:1::"),
            ("metadata", "A 169.254.169.254"),
            ("link", "AAAA fe80::1"),
            ("unique", "AAAA fd00::1"),
            ("private10", "A 10.0.0.1"),
            ("private172", "A 172.16.0.1"),
            ("private192", "A 192.168.0.1"),
            ("carrier", "A 100.64.0.1"),
            ("nothing", "A 0.0.0.0"),
            ("multicast", "A 224.0.0.1"),
            ("broadcast", "A 255.255.255.255"),
        ];
        let records: Vec<String> = places
            .iter()
            .map(|(label, address)| format!("{label} MX 10 mx.{label}\nmx.{label} {address}"))
            .collect();
        let _names = Names::serve(&[Zone::new("trick.example", &records.join("\n"))]);
        let traps =
            ["127.0.0.1:25", "[::1]:25"].map(|at| Peer::start(at.parse().expect("an address"), None, Fault::None));
        let node = relaying_node("");
        let domains: Vec<String> = places
            .iter()
            .map(|(label, _)| format!("{label}.trick.example"))
            .collect();
        for message in tried(&node, &domains) {
            let attempt = last_attempt(&message);
            assert_ne!(outcome_of(attempt), "delivered", "{message:#}");
            assert!(attempt["channel"].is_null(), "a connection was made: {message:#}");
        }
        assert!(
            traps.iter().all(|trap| trap.wire().is_empty()),
            "somebody connected to loopback"
        );
    });
}

/// Exim's CVE-2023-42118 class and its like: records that contradict themselves, circles, an address in the place of a
/// name, more than anybody needs.
#[test]
fn contradictory_circular_and_endless_answers_have_an_end() {
    enclosed(|| {
        let many: Vec<String> = (0..500)
            .map(|number| {
                format!(
                    "many MX 10 m{number}\nm{number} A 10.1.{}.{}",
                    number / 256,
                    number % 256
                )
            })
            .collect();
        let addresses: Vec<String> = (0..3000)
            .map(|number| format!("wide A 10.2.{}.{}", number / 256, number % 256))
            .collect();
        let records = format!(
            "null MX 0 .\nnull MX 10 good\ngood A 192.0.2.1\n\
             circle MX 10 one\none CNAME two\ntwo CNAME one\n\
             self CNAME self\n\
             literal MX 10 192.0.2.1.\n\
             chain MX 10 c0\n{}\n{}\n{}",
            (0..40)
                .map(|number| format!("c{number} CNAME c{}\n", number + 1))
                .collect::<String>(),
            many.join("\n"),
            addresses.join("\n"),
        );
        let _names = Names::serve(&[Zone::new("trick.example", &records)]);
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("");
        let labels = ["null", "circle", "self", "literal", "chain", "many", "wide"];
        let domains = labels.map(|label| format!("{label}.trick.example"));
        for (label, message) in labels.iter().zip(tried(&node, &domains)) {
            let delivered = outcome_of(last_attempt(&message)) == "delivered";
            assert_eq!(delivered, *label == "null", "{label}: {message:#}");
            let length = message.to_string().len();
            assert!(length < 32 * 1024, "{label}: {length} octets of trace");
        }
        assert_eq!(peer.count(), 1);
    });
}

/// sagredo's qmail-remote (2026): the name of a mail exchanger went to a shell. CVE-2019-10149, CVE-2020-7247: so did
/// addresses. A zone can hold any octet; what is no host name is not used, and shown only escaped.
#[test]
fn names_in_dns_that_are_commands_to_somebody_are_no_host_names() {
    enclosed(|| {
        let octets = |text: &str| text.bytes().map(|octet| format!("\\{octet:03}")).collect::<String>();
        let tricks = [
            "`touch pwned`",
            "$(touch pwned)",
            ";touch pwned;",
            "|touch pwned",
            "${run{touch pwned}}",
            "--help",
            "' OR '1'='1",
            "../../pwned",
            "\u{1b}]0;pwned\u{7}",
            "\u{202e}pwned",
            "a\r\nb",
            "a\0b",
            "%n%s",
        ];
        let mut records = String::from("good A 192.0.2.1\n");
        for (number, trick) in tricks.iter().enumerate() {
            let name = octets(trick);
            records += &format!(
                "mx{number} MX 10 {name}\n{name} A 192.0.2.1\nalias{number} MX 10 to{number}\nto{number} CNAME {name}\n"
            );
        }
        let names = Names::serve(&[Zone::new("trick.example", &records)]);
        assert!(
            names.ask("mx0.trick.example", "MX").contains("touch"),
            "the zone is served"
        );
        let _peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node("[log]\nformat = \"json\"\nlevel = \"debug\"\nmail-log = \"stdout\"\n");
        let direct = (0..tricks.len()).map(|number| format!("mx{number}.trick.example"));
        let by_alias = (0..tricks.len()).map(|number| format!("alias{number}.trick.example"));
        let domains: Vec<String> = direct.chain(by_alias).collect();
        let messages = tried(&node, &domains);
        for (message, trick) in messages.iter().zip(tricks) {
            // `--help` is made of letters, digits and hyphens; whether it counts as a host name matters to nobody.
            if trick != "--help" {
                assert_eq!(outcome_of(last_attempt(message)), "bounced", "{trick:?}: {message:#}");
            }
        }
        for folder in [node.folder().to_owned(), node.folder().join("sekisho-data")] {
            assert!(!folder.join("pwned").exists(), "a shell was reached");
        }
        crate::remote_text::assert_json_lines(&node.log());
    });
}

/// A name server that answers as it likes: `answer` gives the addresses of a host at its n-th question.
fn liar(answer: impl Fn(usize) -> Ipv4Addr + Send + 'static) -> Arc<AtomicUsize> {
    let socket = UdpSocket::bind(SocketAddr::new(RESOLVER, 53)).expect("the port is free");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // It ends with the world.
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let query = &buffer[..length];
            let end = 12 + query[12..].iter().position(|octet| *octet == 0).unwrap_or(0) + 5;
            let Some(question) = query.get(12..end) else { continue };
            let kind = question[question.len() - 3];
            let mut reply = [&query[..2], &[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0], question].concat();
            if kind == 1 {
                let address = answer(count.fetch_add(1, Ordering::SeqCst));
                reply[7] = 1;
                reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                reply.extend_from_slice(&address.octets());
            }
            let _ = socket.send_to(&reply, client);
        }
    });
    asked
}

/// DNS rebinding: a name that has a public address when it is looked at and loopback when it is dialled. The address
/// that was judged is the one that is dialled, whatever DNS says meanwhile.
#[test]
fn an_address_that_changes_between_the_look_and_the_call_gains_nothing() {
    enclosed(|| {
        let asked = liar(|number| {
            if number % 2 == 0 {
                Ipv4Addr::new(192, 0, 2, 1)
            } else {
                Ipv4Addr::LOCALHOST
            }
        });
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let trap = Peer::start(([127, 0, 0, 1], 25).into(), None, Fault::None);
        let node = relaying_node("[delivery]\nmessages-per-connection = 1\n");
        let domains: Vec<String> = (0..6).map(|number| format!("d{number}.rebind.example")).collect();
        let messages = tried(&node, &domains);
        let delivered = messages
            .iter()
            .filter(|message| outcome_of(last_attempt(message)) == "delivered")
            .count();
        assert!(asked.load(Ordering::SeqCst) >= 6, "each name was looked up");
        assert!(delivered > 0 && peer.count() == delivered, "{delivered} delivered");
        assert!(trap.wire().is_empty(), "somebody connected to loopback");
    });
}
