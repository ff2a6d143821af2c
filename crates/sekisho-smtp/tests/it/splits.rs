//! However the network cuts a session, replies and content are the same.

use proptest::prelude::*;
use sekisho_smtp::server::{SessionLimits, SessionSettings};

use crate::partner::{Machine, settings};

/// What a client sends without waiting for a reply, group by group (RFC 2920 §3.1).
const GROUPS: [&[u8]; 7] = [
    b"EHLO c.example\r\n",
    b"NOOP\r\nMAIL FROM:<a@b.example> SIZE=100\r\nRCPT TO:<u@local.example>\r\nRCPT TO:<x@far.example>\r\nDATA\r\n",
    b"Subject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<u@local.example>\r\n\
      BDAT 5\r\na\r\nb\rBDAT 3 LAST\r\n\n.c",
    b"XYZZY\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nMAIL FROM:<b@b.example>\r\nRCPT TO:<v@local.example>\r\nDATA\r\n",
    b"\r\n.\r\nVRFY x\r\nHELP\r\nMAIL FROM:<c@b.example>\r\nRCPT TO:<w@local.example> NOTIFY=NEVER\r\nDATA\r\n",
    b"bad \n.\r\n.\r\n",
    b"",
];

fn play(cuts: &[usize]) -> (String, Vec<Vec<u8>>) {
    let mut machine = Machine::new(settings());
    for group in GROUPS {
        let mut from = 0;
        for cut in cuts.iter().cycle().take(group.len()) {
            let to = (from + cut).min(group.len());
            machine.feed(&group[from..to]);
            from = to;
        }
        machine.feed(&group[from..]);
    }
    let contents = machine.kept.iter().map(|(_, content)| content.clone()).collect();
    (machine.new_replies(), contents)
}

proptest! {
    #[test]
    fn a_session_is_the_same_however_it_is_cut(cuts in prop::collection::vec(1_usize..40, 1..20)) {
        let whole = play(&[usize::MAX / 2]);
        prop_assert_eq!(whole.1.len(), 3);
        prop_assert_eq!(play(&cuts), whole);
    }
}

#[test]
fn a_session_is_the_same_octet_by_octet() {
    assert_eq!(play(&[1]), play(&[usize::MAX / 2]));
}

#[test]
fn a_wrong_end_behind_a_lighter_fault_ends_the_session_however_it_is_cut() {
    let limits = SessionLimits {
        message_octets: 100,
        ..SessionLimits::default()
    };
    let settings = SessionSettings { limits, ..settings() };
    let large = [b'x'; 200].as_slice();
    let content = [large, b"\r\n\n.\r\nMAIL FROM:<evil@b.example>\r\n.\r\nNOOP\r\n"].concat();
    for step in [1, 7, 150, content.len()] {
        let commands = ["EHLO c.example", "MAIL FROM:<>", "RCPT TO:<u@local.example>", "DATA"];
        let mut machine = Machine::after(settings.clone(), &commands);
        content.chunks(step).for_each(|piece| machine.feed(piece));
        let replies = machine.new_replies();
        assert!(
            machine.closed && replies.starts_with("550 5.6.11 "),
            "by {step}: {replies}"
        );
        assert_eq!(replies.lines().count(), 1, "by {step}: {replies}");
    }
}
