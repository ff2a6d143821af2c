//! What the limits of a session count, and what they leave to a client that pipelines.

use sekisho_mail::{Reply, ReplyCode};
use sekisho_smtp::server::{SessionLimits, SessionSettings};

use crate::partner::{ALIAS_ENDS, Machine, settings};

fn limited(limits: SessionLimits) -> SessionSettings {
    SessionSettings { limits, ..settings() }
}

fn codes(machine: &mut Machine) -> Vec<String> {
    let replies = machine.new_replies();
    replies.lines().map(|line| line[..3].to_owned()).collect()
}

#[test]
fn what_limits_announces_is_not_cut_short_by_the_limit_on_commands() {
    let limits = SessionLimits {
        messages: 5,
        recipients: 20,
        commands: 10,
        ..SessionLimits::default()
    };
    let mut machine = Machine::after(limited(limits), &["EHLO c.example"]);
    for _ in 0..5 {
        machine.feed(b"MAIL FROM:<a@b.example>\r\n");
        for number in 0..20 {
            machine.feed(format!("RCPT TO:<u{number}@local.example>\r\n").as_bytes());
        }
        machine.feed(&b"BDAT 3\r\nx\r\n".repeat(50));
        machine.feed(b"BDAT 0 LAST\r\n");
    }
    assert!(codes(&mut machine).iter().all(|code| code == "250"));
    assert_eq!((machine.kept.len(), machine.closed), (5, false));
    machine.feed(&b"NOOP\r\n".repeat(10));
    assert!(machine.closed, "commands without progress are counted");
}

#[test]
fn what_is_pipelined_behind_a_refusal_is_no_mistake_of_the_client() {
    let limits = SessionLimits {
        errors: 3,
        ..SessionLimits::default()
    };
    let rcpt = b"RCPT TO:<u@local.example>\r\n".as_slice();
    let stranger = b"RCPT TO:<u@elsewhere.example>\r\n".as_slice();
    let groups: [(&str, Vec<u8>); 4] = [
        (
            "too large",
            [
                b"MAIL FROM:<> SIZE=99999999999\r\n",
                rcpt.repeat(9).as_slice(),
                b"BDAT 3 LAST\r\nx\r\n",
            ]
            .concat(),
        ),
        (
            "a parameter that is not known",
            [
                b"MAIL FROM:<> SMTPUTF8\r\n",
                rcpt.repeat(2).as_slice(),
                b"BDAT 3 LAST\r\nx\r\n",
            ]
            .concat(),
        ),
        (
            "no recipient left",
            [
                b"MAIL FROM:<>\r\n",
                stranger.repeat(9).as_slice(),
                &b"BDAT 3\r\nx\r\n".repeat(9),
            ]
            .concat(),
        ),
        (
            "a chunk refused",
            [
                b"MAIL FROM:<>\r\n",
                rcpt,
                b"BDAT 60000000\r\n",
                &[b'x'; 60_000_000],
                &b"BDAT 1\r\nx".repeat(9),
            ]
            .concat(),
        ),
    ];
    for (name, group) in groups {
        let mut machine = Machine::after(limited(limits.clone()), &["EHLO c.example"]);
        machine.feed(&group);
        assert!(!machine.closed, "{name}: {}", machine.new_replies());
        machine.feed(
            &[
                b"RSET\r\n",
                b"MAIL FROM:<>\r\n".as_slice(),
                rcpt,
                b"BDAT 3 LAST\r\nx\r\n",
            ]
            .concat(),
        );
        assert_eq!(machine.kept.len(), 1, "{name}");
    }
}

#[test]
fn chunks_out_of_order_are_mistakes_like_any_other() {
    let limits = SessionLimits {
        errors: 3,
        ..SessionLimits::default()
    };
    let mut machine = Machine::after(limited(limits), &["EHLO c.example"]);
    machine.feed(&b"BDAT 1\r\nx".repeat(9));
    assert_eq!(codes(&mut machine), ["503", "503", "503", "421"]);
    assert!(machine.closed);
}

#[test]
fn an_envelope_stays_bounded_whatever_aliases_become_of() {
    let limits = SessionLimits {
        recipients: 100,
        ..SessionLimits::default()
    };
    let commands = ["EHLO c.example", "MAIL FROM:<>"];
    let mut machine = Machine::after(limited(limits), &commands);
    for number in 0..30 {
        machine.feed(format!("RCPT TO:<all@local.example> ORCPT=rfc822;{number}@x\r\n").as_bytes());
    }
    let codes = codes(&mut machine);
    let taken = codes.iter().take_while(|code| *code == "250").count();
    assert_eq!(taken, 1000 / ALIAS_ENDS, "ten times the limit on RCPT");
    assert!(codes[taken..].iter().all(|code| code == "452"), "{codes:?}");
    machine.feed(b"RCPT TO:<all@local.example> ORCPT=rfc822;0@x\r\nBDAT 3 LAST\r\nx\r\n");
    assert_eq!(machine.kept[0].0.envelope.recipients.len(), 1000);
}

#[test]
fn a_recipient_that_comes_twice_is_one() {
    let mut machine = Machine::after(limited(SessionLimits::default()), &["EHLO c.example", "MAIL FROM:<>"]);
    machine.feed(&b"RCPT TO:<u@local.example>\r\nRCPT TO:<all@local.example>\r\n".repeat(3));
    machine.feed(b"RCPT TO:<u@local.example> NOTIFY=NEVER\r\nBDAT 3 LAST\r\nx\r\n");
    assert_eq!(machine.kept[0].0.envelope.recipients.len(), 1 + ALIAS_ENDS + 1);
}

#[test]
fn a_refusal_is_told_once_to_who_does_not_know_of_it() {
    let commands = ["EHLO c.example", "MAIL FROM:<>", "RCPT TO:<u@local.example>"];
    let no = Reply::new(ReplyCode::NO_ROOM, 3, 1, "no");
    for (fault, told) in [(Some(no), 0), (None, 1)] {
        for chunk in ["BDAT 0 LAST\r\n", "BDAT 3 LAST\r\nx\r\n", "BDAT 60000000 LAST\r\n"] {
            let mut machine = Machine::after(limited(SessionLimits::default()), &commands);
            machine.content_fault = fault.clone();
            if fault.is_none() {
                machine.feed(b"RSET\r\n");
            }
            machine.feed(chunk.as_bytes());
            if chunk.contains('6') {
                machine.feed(&[b'x'; 60_000_000]);
            }
            assert!(machine.session.sender().is_none(), "{chunk}");
            let wanted = if chunk.contains('6') { 1 } else { told };
            assert_eq!(machine.told, wanted, "{chunk} {fault:?}");
        }
    }
}

#[test]
fn only_recipients_refused_for_good_are_guesses() {
    let limits = SessionLimits {
        refused_recipients: 3,
        ..SessionLimits::default()
    };
    let mut machine = Machine::after(limited(limits), &["EHLO c.example", "MAIL FROM:<>"]);
    machine.feed(&b"RCPT TO:<busy@elsewhere.example>\r\n".repeat(9));
    assert_eq!(codes(&mut machine), ["450"; 9]);
    machine.feed(&b"RCPT TO:<u@elsewhere.example>\r\n".repeat(9));
    assert_eq!(codes(&mut machine), ["550", "550", "550", "550", "421"]);
}
