//! BDAT with sizes that overflow, without any, in the wrong company, and left unfinished (RFC 3030).

use sekisho_smtp::server::{SessionLimits, SessionSettings};

use crate::partner::{Machine, settings};

const TO_RCPT: [&str; 3] = ["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<u@local.example>"];

/// Small enough that each of them is reached here.
fn narrow() -> SessionSettings {
    let limits = SessionLimits {
        message_octets: 100,
        discarded_octets: 1000,
        errors: 1000,
        ..SessionLimits::default()
    };
    SessionSettings { limits, ..settings() }
}

fn codes(machine: &mut Machine) -> Vec<String> {
    machine.new_replies().lines().map(|line| line[..3].to_owned()).collect()
}

/// CVE-2017-16943, CVE-2017-16944: sizes at which counters wrap. What follows is content, never commands; nothing of
/// it is kept, and it is not read for ever.
#[test]
fn no_size_of_a_chunk_wraps_a_counter() {
    let sizes = [
        i32::MAX as u64,
        i32::MAX as u64 + 1,
        u64::from(u32::MAX),
        u64::from(u32::MAX) + 1,
        i64::MAX as u64,
        i64::MAX as u64 + 1,
        u64::MAX - 10,
        u64::MAX - 9,
        u64::MAX,
    ];
    for size in sizes {
        for (before, last) in [
            ("", ""),
            ("", " LAST"),
            ("BDAT 10\r\n0123456789", ""),
            ("BDAT 10\r\n0123456789", " LAST"),
        ] {
            let mut machine = Machine::after(narrow(), &TO_RCPT);
            machine.feed(before.as_bytes());
            let begun = codes(&mut machine);
            assert!(begun.iter().all(|code| code == "250"), "{begun:?}");
            machine.feed(format!("BDAT {size}{last}\r\nNOOP\r\nQUIT\r\n").as_bytes());
            machine.feed(&b"NOOP\r\n".repeat(1000));
            let what = format!("{before:?} BDAT {size}{last}");
            assert!(machine.closed && machine.kept.is_empty(), "{what}");
            let codes = codes(&mut machine);
            assert!(
                codes.len() <= 2 && codes.iter().all(|code| !code.starts_with('2')),
                "{what}: {codes:?}"
            );
        }
    }
}

/// CVE-2017-16943: what is no number is none, and where the chunk ends nobody knows, so the session is over.
#[test]
fn a_size_that_is_none_ends_the_session() {
    for size in [
        "-1",
        "+1",
        "0x10",
        "1e3",
        "18446744073709551616",
        "99999999999999999999",
        "1,2",
        "1.0",
        "",
        "LAST",
        "LAST 1",
        "1 LAST LAST",
        "\t1",
    ] {
        let mut machine = Machine::after(narrow(), &TO_RCPT);
        machine.feed(format!("BDAT {size}\r\nRSET\r\nNOOP\r\n").as_bytes());
        assert!(machine.closed && machine.kept.is_empty(), "{size:?}");
        assert_eq!(codes(&mut machine), ["501"], "{size:?}");
    }
}

/// CVE-2017-16944: chunks without an octet, one after another and as the last.
#[test]
fn empty_chunks_are_chunks() {
    let mut machine = Machine::after(narrow(), &TO_RCPT);
    machine.feed(b"BDAT 0\r\nBDAT 0\r\nBDAT 3\r\n.\r\nBDAT 0\r\nBDAT 0 LAST\r\nNOOP\r\n");
    assert_eq!(codes(&mut machine), ["250"; 6]);
    let contents: Vec<&[u8]> = machine.kept.iter().map(|(_, content)| content.as_slice()).collect();
    assert_eq!(contents, [b".\r\n"], "a dot is no end in a chunk");
    let mut machine = Machine::after(narrow(), &TO_RCPT);
    machine.feed(b"BDAT 0 LAST\r\nBDAT 0 LAST\r\n");
    assert_eq!(codes(&mut machine), ["250", "503"], "the first ended the transaction");
    assert_eq!(machine.kept.len(), 1);
}

/// CVE-2017-16943: DATA between chunks, chunks inside DATA, RSET and the end of the input in the middle of one.
#[test]
fn chunks_and_data_do_not_mix_and_rset_ends_either() {
    let mut machine = Machine::after(narrow(), &TO_RCPT);
    machine.feed(b"BDAT 3\r\na\r\nDATA\r\n");
    assert_eq!(codes(&mut machine), ["250", "503"]);
    for command in ["MAIL FROM:<c@b.example>", "RCPT TO:<v@local.example>", "STARTTLS"] {
        machine.feed(format!("{command}\r\n").as_bytes());
        assert_eq!(codes(&mut machine), ["503"], "{command} between chunks");
    }
    machine.feed(b"RSET\r\nBDAT 3 LAST\r\nb\r\n");
    assert_eq!(codes(&mut machine), ["250", "503"], "nothing is left of the chunk");
    assert!(machine.kept.is_empty());

    machine.feed(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n");
    machine.feed(b"BDAT 0 LAST\r\nRSET\r\n.\r\n");
    assert_eq!(codes(&mut machine), ["250", "250", "354", "250"]);
    assert_eq!(
        machine.kept[0].1, b"BDAT 0 LAST\r\nRSET\r\n",
        "inside DATA they are content"
    );

    // In the middle of a chunk nothing is a command.
    let mut machine = Machine::after(narrow(), &TO_RCPT);
    machine.feed(b"BDAT 20 LAST\r\nRSET\r\nQUIT\r\n");
    assert_eq!(codes(&mut machine), Vec::<String>::new());
    machine.session.handle_eof();
    assert!(machine.kept.is_empty(), "half a chunk is no message");
}

/// Postfix of July and August 2026: what a refused chunk or a refusal at the end of the content left standing let the
/// next command pass without the checks of MAIL and RCPT.
#[test]
fn after_a_refused_chunk_a_message_begins_with_mail_alone() {
    for refused in ["BDAT 101\r\n", "BDAT 101 LAST\r\n", "BDAT 60\r\n", "BDAT 60 LAST\r\n"] {
        let mut machine = Machine::after(narrow(), &TO_RCPT);
        if refused.contains("60") {
            machine.feed(&[b"BDAT 60\r\n".as_slice(), &[b'x'; 60]].concat());
        }
        let size: usize = refused.split_whitespace().nth(1).unwrap().parse().unwrap();
        machine.feed(refused.as_bytes());
        machine.feed(&vec![b'x'; size]);
        assert_eq!(codes(&mut machine).last().map(String::as_str), Some("552"), "{refused}");
        for command in ["DATA", "RCPT TO:<u@local.example>", "BDAT 0 LAST"] {
            machine.feed(format!("{command}\r\n").as_bytes());
            assert_eq!(codes(&mut machine), ["503"], "{command} behind {refused}");
        }
        assert!(
            machine.kept.is_empty() && machine.session.sender().is_none(),
            "{refused}"
        );
    }
}
