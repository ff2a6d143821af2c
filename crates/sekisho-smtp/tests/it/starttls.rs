//! STARTTLS: nothing of before survives (RFC 3207 §4.2, law 4).

use crate::partner::{Machine, settings};

const INJECTED: [&[u8]; 9] = [
    b"NOOP\r\n",
    b"EHLO evil.example\r\n",
    b"MAIL FROM:<evil@b.example>\r\n",
    b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\nx\r\n.\r\n",
    b"AUTH PLAIN AGEAYg==\r\n",
    b"M",
    b"DATA\r\nx\r\n.\r\n",
    b"BDAT 1 LAST\r\nx",
    b"\r\n",
];

/// The session after the pieces have come one by one: what was said, whether it is closed, and whether the handshake
/// was begun by a piece that ended exactly with the command, which is what an honest client sends.
fn fed(pieces: &[&[u8]]) -> (String, bool, bool) {
    let mut machine = Machine::after(settings(), &["EHLO c.example"]);
    for piece in pieces {
        machine.feed(piece);
        if machine.in_handshake() {
            // Whatever follows now is the handshake's, not ours.
            return (machine.new_replies(), machine.closed, true);
        }
    }
    (machine.new_replies(), machine.closed, false)
}

/// CVE-2011-0411: commands that were sent behind STARTTLS in the clear were obeyed under TLS.
#[test]
fn what_is_sent_behind_starttls_is_never_answered_however_it_is_split() {
    let command = b"STARTTLS\r\n".as_slice();
    let assert_ended = |(replies, closed, handshake): (String, bool, bool), what: &str| {
        assert!(closed && !handshake, "{what}");
        assert!(
            replies.starts_with("554 5.5.0 ") && replies.lines().count() == 1,
            "{what}: {replies}"
        );
    };
    for injected in INJECTED {
        let whole = [command, injected].concat();
        for split in (0..whole.len()).filter(|split| *split != command.len()) {
            let ended = fed(&[&whole[..split], &whole[split..]]);
            assert_ended(ended, &format!("{} at {split}", injected.escape_ascii()));
        }
        // Octet by octet up to some place, and the rest at once.
        for split in 0..command.len() {
            let (slow, rest) = whole.split_at(split);
            let pieces: Vec<&[u8]> = slow.chunks(1).chain([rest]).collect();
            assert_ended(fed(&pieces), &format!("{} slow to {split}", injected.escape_ascii()));
        }
    }
    let flood = [command, &b"NOOP\r\n".repeat(64 * 1024 / 6)].concat();
    for split in [0, 1, command.len() - 1, command.len() + 1, 4096, 60_000] {
        assert_ended(fed(&[&flood[..split], &flood[split..]]), &format!("64 KiB at {split}"));
    }
}

/// CVE-2024-34083: name, rights and envelope that were given in the clear were kept under TLS.
#[test]
fn what_was_said_in_the_clear_is_forgotten() {
    let in_the_clear = [
        "EHLO clear.example",
        "MAIL FROM:<clear@b.example>",
        "RCPT TO:<u@local.example>",
        "STARTTLS",
    ];
    for begun in [
        &["STARTTLS"][..],
        &in_the_clear[..1],
        &in_the_clear[..2],
        &in_the_clear[..3],
    ] {
        let commands = if begun == ["STARTTLS"] {
            vec!["HELO clear.example", "STARTTLS"]
        } else {
            [begun, &["STARTTLS"]].concat()
        };
        let mut machine = Machine::after(settings(), &commands);
        if !machine.in_handshake() {
            // Inside a transaction it is refused, and so nothing can be carried over.
            assert!(begun.len() > 1, "{commands:?}");
            continue;
        }
        machine.session.handle_tls_established();
        assert!(machine.session.hello().is_none() && machine.session.sender().is_none());
        for command in [
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<u@local.example>",
            "DATA",
            "BDAT 0 LAST",
            "STARTTLS",
        ] {
            machine.feed(format!("{command}\r\n").as_bytes());
            let replies = machine.new_replies();
            assert!(
                replies.starts_with("503 5.5.1 "),
                "{command} needs a hello under TLS: {replies}"
            );
        }
        machine.feed(b"EHLO tls.example\r\n");
        assert!(!machine.new_replies().contains("STARTTLS"));
        assert_eq!(machine.session.hello().unwrap().name, "tls.example");
        assert!(machine.kept.is_empty());
    }
}

#[test]
fn a_server_that_stops_during_the_handshake_takes_no_mail_behind_it() {
    let mut machine = Machine::after(settings(), &["EHLO c.example", "STARTTLS"]);
    assert!(machine.in_handshake());
    machine.session.drain();
    machine.session.handle_tls_established();
    machine.feed(b"EHLO c.example\r\nMAIL FROM:<>\r\n");
    let replies = machine.new_replies();
    assert!(
        machine.closed && replies.starts_with("421 4.3.2 ") && replies.lines().count() == 1,
        "{replies}"
    );
}
