//! STARTTLS: nothing of before survives (RFC 3207 §4.2, law 4).

use crate::partner::{Machine, settings};

const INJECTED: [&[u8]; 6] = [
    b"NOOP\r\n",
    b"EHLO evil.example\r\n",
    b"MAIL FROM:<evil@b.example>\r\n",
    b"M",
    b"DATA\r\nx\r\n.\r\n",
    b"\r\n",
];

#[test]
fn what_is_sent_behind_starttls_is_never_answered_however_it_is_split() {
    for injected in INJECTED {
        let whole = [b"STARTTLS\r\n".as_slice(), injected].concat();
        for split in 0..whole.len() {
            let mut machine = Machine::after(settings(), &["EHLO c.example"]);
            machine.feed(&whole[..split]);
            if machine.in_handshake() {
                // Whatever follows now is the handshake's, not ours.
                continue;
            }
            machine.feed(&whole[split..]);
            let replies = machine.new_replies();
            assert!(machine.closed, "{} at {split}", injected.escape_ascii());
            assert!(
                replies.starts_with("554 5.5.0 ") && replies.lines().count() == 1,
                "{replies}"
            );
        }
    }
}

#[test]
fn what_was_said_in_the_clear_is_forgotten() {
    let mut machine = Machine::after(settings(), &["EHLO clear.example", "STARTTLS"]);
    assert!(machine.in_handshake());
    machine.session.handle_tls_established();
    assert!(machine.session.hello().is_none());
    machine.feed(b"MAIL FROM:<a@b.example>\r\n");
    assert!(
        machine.new_replies().starts_with("503 "),
        "MAIL needs a hello under TLS"
    );
    machine.feed(b"STARTTLS\r\n");
    assert!(machine.new_replies().starts_with("503 5.5.1 "));
    machine.feed(b"EHLO tls.example\r\n");
    assert!(!machine.new_replies().contains("STARTTLS"));
    assert_eq!(machine.session.hello().unwrap().name, "tls.example");
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
