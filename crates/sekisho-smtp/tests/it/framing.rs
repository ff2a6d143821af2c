//! The twelve wrong ends on a whole session, by DATA and by BDAT, and what a session forgets.

use sekisho_mail::{BodyKind, Reply, ReplyCode};
use sekisho_smtp::server::{BareLineEnds, SessionLimits, SessionSettings};

use crate::partner::{Machine, settings};

const TO_RCPT: [&str; 3] = ["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<u@local.example>"];

const WRONG_ENDS: [&[u8]; 12] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
];

const SMUGGLED: &[u8] = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\nsmuggled\r\n.\r\n";

/// CVE-2023-51764, CVE-2023-51765, CVE-2023-51766, CVE-2024-27305: a second message hidden behind what one of two
/// servers takes for the end.
#[test]
fn the_twelve_wrong_ends_smuggle_nothing_by_data() {
    for end in WRONG_ENDS {
        let mut machine = Machine::after(settings(), &TO_RCPT);
        machine.feed(b"DATA\r\n");
        machine.feed(&[b"Subject: x\r\n\r\ntext".as_slice(), end, SMUGGLED, b"NOOP\r\n"].concat());
        let replies = machine.new_replies();
        assert!(machine.kept.is_empty() && machine.closed, "{}", end.escape_ascii());
        assert!(replies.ends_with("\r\n") && replies.lines().count() == 2, "{replies}");
        assert!(replies.lines().nth(1).unwrap().starts_with("550 5.6.11 "), "{replies}");
    }
}

/// CVE-2023-51764: the same hidden in chunks, which a next hop without CHUNKING would get as DATA.
#[test]
fn the_twelve_wrong_ends_smuggle_nothing_by_bdat() {
    for end in WRONG_ENDS {
        let mut machine = Machine::after(settings(), &TO_RCPT);
        let content = [b"Subject: x\r\n\r\ntext".as_slice(), end].concat();
        let command = format!("BDAT {} LAST\r\n", content.len());
        machine.feed(&[command.as_bytes(), &content, SMUGGLED].concat());
        let replies = machine.new_replies();
        assert!(machine.kept.is_empty() && machine.closed, "{}", end.escape_ascii());
        assert!(
            replies.starts_with("550 5.6.11 ") && replies.lines().count() == 1,
            "{replies}"
        );
    }
}

#[test]
fn normalised_the_twelve_make_one_message_or_none() {
    for end in WRONG_ENDS {
        let settings = SessionSettings {
            bare_line_ends: BareLineEnds::Normalise,
            ..settings()
        };
        let mut machine = Machine::after(settings, &TO_RCPT);
        machine.feed(b"DATA\r\n");
        machine.feed(&[b"text".as_slice(), end, SMUGGLED].concat());
        let expected = usize::from(!end.contains(&0));
        assert_eq!(machine.kept.len(), expected, "{}", end.escape_ascii());
        if let Some((_, content)) = machine.kept.first() {
            let stripped = String::from_utf8_lossy(content).replace("\r\n", "");
            assert!(!stripped.contains(['\r', '\n']), "{stripped:?}");
            assert!(stripped.ends_with("smuggled"), "all of it is one message: {stripped:?}");
        }
    }
}

#[test]
fn dots_are_taken_off_by_data_and_left_by_bdat() {
    let mut machine = Machine::after(settings(), &TO_RCPT);
    machine.feed(b"DATA\r\n");
    machine.feed(b"..\r\n.a\r\nb\r\n.\r\n");
    machine.feed(b"MAIL FROM:<>\r\nRCPT TO:<u@local.example>\r\nBDAT 6\r\n..\r\n.\rBDAT 4 LAST\r\n\n..a");
    let contents: Vec<&[u8]> = machine.kept.iter().map(|(_, content)| content.as_slice()).collect();
    assert_eq!(contents, [b".\r\na\r\nb\r\n".as_slice(), b"..\r\n.\r\n..a\r\n"]);
    assert!(machine.kept[1].0.facts.line_end_added);
}

#[test]
fn undeclared_octets_beyond_ascii_make_a_message_8bitmime() {
    let mut machine = Machine::after(settings(), &TO_RCPT);
    machine.feed(b"DATA\r\n");
    machine.feed(b"caf\xc3\xa9\r\n.\r\n");
    let (submission, _) = &machine.kept[0];
    assert_eq!(submission.envelope.body, BodyKind::EightBitMime);
    assert!(submission.eight_bit_undeclared);
}

#[test]
fn a_message_that_grows_too_large_is_refused_and_the_session_goes_on() {
    let settings = SessionSettings {
        limits: SessionLimits {
            message_octets: 100,
            ..SessionLimits::default()
        },
        ..settings()
    };
    let mut machine = Machine::after(settings, &TO_RCPT);
    machine.feed(b"DATA\r\n");
    machine.feed(&[[b'x'; 200].as_slice(), b"\r\n.\r\nNOOP\r\n"].concat());
    let replies = machine.new_replies();
    assert!(
        replies.contains("\r\n552 5.3.4 ") && replies.ends_with("250 2.0.0 OK\r\n"),
        "{replies}"
    );
    machine.feed(b"MAIL FROM:<a@b.example> SIZE=101\r\n");
    assert!(machine.new_replies().starts_with("552 5.3.4 "));
    machine.feed(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@local.example>\r\nBDAT 60\r\n");
    machine.feed(&[b'x'; 60]);
    machine.feed(b"BDAT 60 LAST\r\n");
    machine.feed(&[b'x'; 60]);
    let replies = machine.new_replies();
    assert!(replies.ends_with("552 5.3.4 message too large\r\n"), "{replies}");
    assert!(machine.kept.is_empty() && !machine.closed);
}

#[test]
fn refused_content_without_an_end_is_not_read_for_ever() {
    let settings = SessionSettings {
        limits: SessionLimits {
            message_octets: 100,
            discarded_octets: 1000,
            ..SessionLimits::default()
        },
        ..settings()
    };
    let mut machine = Machine::after(settings, &TO_RCPT);
    machine.feed(b"DATA\r\n");
    machine.feed(&[b'x'; 5000]);
    machine.feed(&[b'x'; 5000]);
    assert!(machine.closed);
}

#[test]
fn after_every_end_of_a_transaction_nothing_of_it_is_left() {
    let fault = Reply::new(ReplyCode::LOCAL_FAULT, 3, 0, "no");
    let ends: [(&str, &[&[u8]]); 7] = [
        ("stored", &[b"DATA\r\n", b"x\r\n.\r\n"]),
        ("RSET", &[b"RSET\r\n"]),
        ("EHLO", &[b"EHLO again.example\r\n"]),
        ("RSET between chunks", &[b"BDAT 2\r\nx\r", b"RSET\r\n"]),
        ("chunk too large", &[b"BDAT 60000000\r\n"]),
        ("last chunk", &[b"BDAT 3 LAST\r\nx\r\n"]),
        ("store fault", &[b"DATA\r\n", b"x\r\n.\r\n"]),
    ];
    for (name, inputs) in ends {
        let mut machine = Machine::after(settings(), &TO_RCPT);
        machine.store_fault = (name == "store fault").then(|| fault.clone());
        for input in inputs {
            machine.feed(input);
        }
        if name == "chunk too large" {
            machine.feed(&vec![b'x'; 60_000_000]);
        }
        let _ = machine.new_replies();
        machine.feed(b"RCPT TO:<u@local.example>\r\nBDAT 0 LAST\r\nDATA\r\n");
        let codes: Vec<String> = machine.new_replies().lines().map(|line| line[..3].to_owned()).collect();
        assert_eq!(codes, ["503", "503", "503"], "{name}");
        assert!(machine.session.sender().is_none(), "{name}");
    }
}

#[test]
fn an_only_recipient_is_told_as_rcpt_named_it_and_no_end_of_an_alias_is() {
    let (user, alias) = ("RCPT TO:<u@local.example>", "RCPT TO:<all@local.example>");
    let refused = "RCPT TO:<u@elsewhere.example>";
    for (recipients, only) in [
        (vec![user], Some("u@local.example")),
        (vec![alias], Some("all@local.example")),
        (vec![refused, user, refused], Some("u@local.example")),
        (vec![user, alias], None),
        (vec![user, user], None),
    ] {
        let mut machine = Machine::after(
            settings(),
            &[&["EHLO c.example", "MAIL FROM:<>"], &recipients[..]].concat(),
        );
        machine.feed(b"BDAT 0 LAST\r\n");
        let told = machine.only_recipients[0].as_ref().map(ToString::to_string);
        assert_eq!(told.as_deref(), only, "{recipients:?}");
    }
}
