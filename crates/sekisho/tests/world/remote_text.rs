//! Text that strangers write, in every field that takes any: it reaches no shell, ends no line and no header field, and
//! moves no terminal, on any of the ways on which it is shown.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use sekisho_testkit::{
    authority::Authority,
    client::Client,
    enclosure::{HOSTS, enclosed},
    node::{Node, SMTP},
    peer::{Fault, Peer},
    wait,
};

use crate::{LOCAL, RELAYING, last_attempt, relaying_node, traced};

const ROUTE: &str = "\
[[route]]
name = \"there\"
domains = [\"there.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1h\"]
";

/// Everything is shown: the log and the mail log, one JSON object a line.
const TALKATIVE: &str = "[log]\nformat = \"json\"\nlevel = \"debug\"\nmail-log = \"stdout\"\n";

/// What moves a cursor, hides or reorders text.
fn is_hidden(character: char) -> bool {
    let marks = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2066}'..='\u{2069}',
    ];
    character.is_control() || "\u{ad}\u{feff}".contains(character) || marks.iter().any(|some| some.contains(&character))
}

/// Each line behind the banner is one JSON object of a decent length, and nothing in it moves a terminal.
pub(crate) fn assert_json_lines(log: &str) {
    let mut lines = 0;
    for line in log.lines() {
        assert!(!line.contains(is_hidden), "{line:?}");
        assert!(line.len() < 64 * 1024, "a line of {} octets", line.len());
        if line.starts_with('{') {
            let value: Result<serde_json::Value, _> = serde_json::from_str(line);
            assert!(value.is_ok_and(|value| value.is_object()), "{line}");
            lines += 1;
        } else {
            assert!(lines == 0 || is_of_the_banner(line), "no JSON: {line:?}");
        }
    }
    assert!(lines > 0, "nothing was logged");
}

fn is_of_the_banner(line: &str) -> bool {
    line.is_empty() || line.starts_with(' ') || line.starts_with("sekisho ") || line.starts_with("try: ")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime can be made")
}

/// Local parts that are something else to a shell, a database, a template or a file system.
const LOCAL_PARTS: [&str; 15] = [
    "`touch${IFS}pwned`",
    "|touch${IFS}pwned",
    "${run{/bin/touch/pwned}}",
    "-oQ/pwned",
    "--",
    "a'--",
    "'/**/OR/**/'1'='1",
    "%n%s%x",
    "{{7*7}}",
    "\"$(touch pwned)\"",
    "\"; touch pwned;\"",
    "\"x' OR '1'='1\"",
    "\"<script>alert(1)</script>\"",
    "\"../../../pwned\"",
    "\" \"",
];

/// CVE-2020-7247, CVE-2019-10149, CVE-2025-26794, CVE-2025-67896, CVE-2016-1000282: addresses that are commands. They
/// are passed on octet for octet and found again by the same text; nothing else happens.
#[test]
fn addresses_that_are_commands_to_somebody_are_nothing_but_addresses() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node = relaying_node(&format!("{LOCAL}{ROUTE}{TALKATIVE}"));
        runtime().block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a session");
            for (number, local) in LOCAL_PARTS.iter().enumerate() {
                for name in [
                    "$(touch${IFS}pwned)",
                    "`touch${IFS}pwned`",
                    "';DROP/**/TABLE/**/message;--",
                    "${run{x}}",
                ] {
                    let hello = client.command(&format!("EHLO {name}")).await.expect("a reply");
                    assert!(hello.is_success(), "{hello:?}");
                }
                let from = format!("{local}@from.example");
                let to = format!("{local}@there.example");
                let content = format!("Message-ID: <{number}@x>\r\nSubject: `touch pwned`\r\n\r\nx\r\n");
                let taken = client.deliver(&from, &to, content.as_bytes()).await.expect("a reply");
                assert!(taken.is_success(), "{local}: {taken:?}");
                let nobody = client.deliver(&from, &format!("{local}@here.example"), b"").await;
                assert!(nobody.is_err(), "{local} is no user here");
                let reset = client.command("RSET").await.expect("a reply");
                assert!(reset.is_success());
            }
        });
        let found = |filter: String| node.json_lines(&["trace", &filter, "--json"]);
        for local in LOCAL_PARTS {
            let look = || {
                let mut found = found(format!("--recipient={local}@there.example"));
                assert_eq!(found.len(), 1, "{local}");
                let message = found.swap_remove(0);
                let done = crate::attempts(&message).any(|attempt| crate::outcome_of(attempt) == "delivered");
                done.then_some(())
            };
            wait::until_or(format_args!("{local} to be delivered"), look, || node.log());
            assert_eq!(found(format!("--sender={local}@from.example")).len(), 1, "{local}");
        }
        let mut received: Vec<(String, String)> = peer
            .received()
            .into_iter()
            .map(|mut message| (message.from, message.to.swap_remove(0)))
            .collect();
        let mut sent: Vec<(String, String)> = LOCAL_PARTS
            .iter()
            .map(|local| (format!("<{local}@from.example>"), format!("<{local}@there.example>")))
            .collect();
        // MAIL has parameters behind its path.
        for (from, _) in &mut received {
            let end = from.rfind('>').map_or(from.len(), |end| end + 1);
            *from = from[..end].trim_start_matches("FROM:").to_owned();
        }
        for (_, to) in &mut received {
            *to = to.trim_start_matches("TO:").to_owned();
        }
        received.sort();
        sent.sort();
        assert_eq!(received, sent);
        for folder in [
            node.folder().to_owned(),
            node.folder().join("sekisho-data"),
            "/".into(),
            "/tmp".into(),
        ] {
            assert!(!folder.join("pwned").exists(), "a shell was reached");
        }
        assert_json_lines(&node.log());
    });
}

/// Octets that no command may hold.
const BAD_OCTETS: [&[u8]; 12] = [
    b"a\0b",
    b"a\x1b[2Jb",
    b"a\x07b",
    b"a\x7fb",
    b"a\tb",
    b"a\x0bb",
    b"a\xc2\x85b",
    b"a\xe2\x80\xa8b",
    b"a\xe2\x80\xaeb",
    b"a\xc0\x8ab",
    b"a\xffb",
    b"a\rb",
];

/// CVE-2026-23829, GHSA-vvjj-xcjg-gr5g, RUSTSEC-2021-0069, RUSTSEC-2017-0002: line ends and their look-alikes inside
/// names and addresses are refused where they come in, in each command.
#[test]
fn no_line_end_or_hidden_octet_gets_into_a_command() {
    enclosed(|| {
        let node = relaying_node(&format!("{LOCAL}{ROUTE}{TALKATIVE}"));
        runtime().block_on(async {
            for bad in BAD_OCTETS {
                let shown = bad.escape_ascii().to_string();
                let commands: [(&str, &[u8], &[u8]); 6] = [
                    ("EHLO", b"EHLO ", b""),
                    ("HELO", b"HELO ", b""),
                    ("MAIL", b"MAIL FROM:<", b"@from.example>"),
                    ("quoted MAIL", b"MAIL FROM:<\"", b"\"@from.example>"),
                    ("ENVID", b"MAIL FROM:<a@from.example> ENVID=", b""),
                    ("RCPT", b"RCPT TO:<", b"@there.example>"),
                ];
                for (what, before, behind) in commands {
                    let mut client = Client::open(SMTP, false).await.expect("a session");
                    if what == "RCPT" {
                        client.command("MAIL FROM:<a@from.example>").await.expect("a reply");
                    }
                    client
                        .send(&[before, bad, behind, b"\r\n"].concat())
                        .await
                        .expect("it is sent");
                    let reply = client.expect_reply().await.expect("a reply");
                    assert_eq!(reply.code / 100, 5, "{what} with {shown}: {reply:?}");
                    assert!(reply.text().is_ascii() && !reply.text().contains("a\\"), "{reply:?}");
                }
            }
        });
        assert!(node.json_lines(&["queue", "list", "--json"]).is_empty());
        assert_json_lines(&node.log());
    });
}

/// One of everything that could do harm where it is shown.
const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{feff}\u{200b}\u{85}\u{2028}\0\u{8}\"}{\"\\";

fn hostile_reply() -> &'static str {
    // Leaked once: a fault of the peer is a constant elsewhere.
    Box::leak(
        format!(
            "550-5.1.1 first {HOSTILE}\r\n550-5.1.1 Content-Type: text/html\r\n550-5.1.1 \r\n\
             550 5.1.1 Bcc: <evil@there.example>"
        )
        .into_boxed_str(),
    )
}

/// CVE-2020-8794, CVE-2020-28021, CVE-2020-28026, CVE-2026-43964: what a hostile server says, in its certificate and in
/// a reply of many lines, goes into log, mail log, trace and notification, and stays what it is there: text.
#[test]
fn what_a_hostile_host_says_stays_text_wherever_it_is_shown() {
    enclosed(|| {
        let subject = HOSTILE.replace('\0', "\u{1}") + "\r\nCN=other";
        let pem = Authority::new().server_called(&subject, &["mx.there.example", "a\u{1b}[2Jb\nDNS:c"]);
        let peer = Peer::start(
            (HOSTS[0], 25).into(),
            Some(&pem),
            Fault::Say("RCPT TO:<b@there.example>", hostile_reply()),
        );
        let node = relaying_node(&format!("{LOCAL}{ROUTE}{TALKATIVE}"));
        let long = "x".repeat(100_000);
        let header = format!(
            "Message-ID: <{HOSTILE}@x>\r\nSubject: {}\r\nX-Long: {}\r\n\r\nbody\r\n",
            HOSTILE.replace('\0', ""),
            long.as_bytes()
                .chunks(900)
                .map(|part| String::from_utf8_lossy(part) + "\r\n ")
                .collect::<String>(),
        );
        let content = header.replace('\0', "").into_bytes();
        runtime().block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a session");
            client
                .command("EHLO <script>`touch${IFS}pwned`(x)")
                .await
                .expect("a reply");
            let taken = client.deliver("inbox@here.example", "b@there.example", &content).await;
            assert!(taken.expect("a reply").is_success());
        });
        let message = traced(&node, "b@there.example", "bounced");
        assert_eq!(last_attempt(&message)["outcome"]["outcome"], "bounced");
        assert!(peer.wire().iter().any(|octets| !octets.is_empty()));
        for command in [
            &["trace", "--conversation"][..],
            &["trace", "--conversation", "--json"],
            &["trace", "--json"],
            &["trace"],
        ] {
            let shown = String::from_utf8_lossy(&node.run(command).stdout).into_owned();
            assert!(shown.contains("b@there.example"), "{command:?}: {shown}");
            let hidden: Vec<char> = shown.chars().filter(|one| *one != '\n' && is_hidden(*one)).collect();
            assert!(hidden.is_empty(), "{command:?}: {hidden:?}");
        }
        assert_json_lines(&node.log());
        let notice = wait::until_or("a notification", || node.mailbox("inbox").pop(), || node.log());
        let (own, returned) = {
            let text = String::from_utf8_lossy(&notice).into_owned();
            let at = text.rfind("Message-ID: <").unwrap_or(text.len());
            (text[..at].to_owned(), text[at..].to_owned())
        };
        let odd: Vec<char> = own
            .chars()
            .filter(|one| !matches!(one, '\n' | '\t' | ' '..='~'))
            .collect();
        assert!(odd.is_empty(), "{odd:?} in\n{own}");
        for line in own.lines() {
            let forged = ["Content-Type: text/html", "Bcc:", "CN=other", "DNS:"]
                .iter()
                .any(|start| line.starts_with(start));
            assert!(!forged && line.len() <= 998, "{line:?} in\n{own}");
        }
        assert!(own.contains("Diagnostic-Code: smtp; 550"), "{own}");
        // What came from the sender goes back as it came, in a part of its own.
        assert!(returned.contains("X-Long:"), "{returned}");
        let received = String::from_utf8_lossy(&notice).into_owned();
        assert!(received.contains("Received: from scripttouchIFSpwnedx ("), "{received}");
    });
}

/// One request on the management socket, and the status of its answer.
fn request(node: &Node, path: &str, body: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(node.folder().join("sekisho-data/control.sock")).expect("the server listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (
        answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0),
        answer,
    )
}

/// RUSTSEC-2021-0069, CVE-2026-23829: values of the management API with line ends and their look-alikes. They are
/// refused, or cannot be told from other text once they are a message.
#[test]
fn no_value_of_the_api_adds_a_field_or_a_command() {
    enclosed(|| {
        let node = relaying_node(&format!("{LOCAL}{ROUTE}"));
        let _peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let send = |from: &str, to: &str, subject: &str, text: &str| {
            let value = serde_json::json!({"from": from, "to": [to], "subject": subject, "text": text});
            request(&node, sekisho_api::path::SEND, value.to_string().as_bytes())
        };
        let (from, to) = ("a@here.example", "b@there.example");
        for bad in [
            "\r\nBcc: x@y.example",
            "\n",
            "\r",
            "\0",
            "\u{85}",
            "\u{2028}",
            "\u{202e}",
            "\u{1b}[2J",
            "\u{e9}",
        ] {
            for (from, to) in [
                (format!("a{bad}@here.example"), to.to_owned()),
                (format!("\"a{bad}\"@here.example"), to.to_owned()),
                (format!("a@here{bad}.example"), to.to_owned()),
                (from.to_owned(), format!("b{bad}@there.example")),
                (from.to_owned(), format!("b@there.example>{bad}")),
            ] {
                let (status, answer) = send(&from, &to, "x", "x");
                // An international domain is one, whatever hides in it is gone or refused.
                let international = from.contains("here\u{e9}");
                assert!(status / 100 == 4 || international, "{from:?} {to:?}: {answer}");
                let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
                assert!(!body.contains(['\r', '\0', '\u{1b}', '\u{202e}']), "{answer:?}");
            }
            if bad.chars().any(char::is_control) {
                assert_eq!(
                    send(from, to, &format!("s{bad}"), "x").0 / 100,
                    4,
                    "{bad:?} in a subject"
                );
            }
        }
        // Overlong UTF-8 and lone surrogates are no JSON text.
        for body in [
            &b"{\"from\":\"a\xc0\x8a@here.example\",\"to\":[\"b@there.example\"],\"subject\":\"x\",\"text\":\"x\"}"[..],
            b"{\"from\":\"a\\ud800@here.example\",\"to\":[\"b@there.example\"],\"subject\":\"x\",\"text\":\"x\"}",
        ] {
            assert_eq!(request(&node, sekisho_api::path::SEND, body).0 / 100, 4);
        }
        let text = "first\n.\nMAIL FROM:<evil@x.example>\r\rlast\u{2028}\u{85}\u{202e}";
        let (status, answer) = send(
            "a@here.example",
            "inbox@here.example",
            "\u{2028}\u{202e}Bcc: x@y.example",
            text,
        );
        assert_eq!(status, 200, "{answer}");
        let message = crate::delivered_to(&node, "inbox");
        assert!(message.is_ascii(), "all of it is encoded: {message:?}");
        let head = message.split("\n\n").next().unwrap_or_default();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(!message.contains('\r'), "no bare CR: {message:?}");
    });
}

/// CVE-2020-28007: a name that climbs out of its folder. No local part is a path, quoted or not.
#[test]
fn a_local_user_part_is_never_a_path() {
    enclosed(|| {
        let node = crate::node(&format!("{RELAYING}{LOCAL}"));
        runtime().block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a session");
            client.command("MAIL FROM:<a@there.example>").await.expect("a reply");
            for local in [
                "\"../inbox\"",
                "\"inbox/../x\"",
                "\".\"",
                "\"..\"",
                "\"/etc/passwd\"",
                "inbox/new",
            ] {
                let reply = client
                    .command(&format!("RCPT TO:<{local}@here.example>"))
                    .await
                    .expect("a reply");
                assert_eq!(reply.code / 100, 5, "{local}: {reply:?}");
            }
            let reply = client
                .command("RCPT TO:<\"inbox\"@here.example>")
                .await
                .expect("a reply");
            assert!(reply.is_success(), "the same name in quotes: {reply:?}");
        });
        assert!(!node.folder().join("sekisho-data/mail/x").exists());
    });
}
