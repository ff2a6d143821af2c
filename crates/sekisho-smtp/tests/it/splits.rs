//! However the network cuts a session, replies and content are the same.

use proptest::prelude::*;

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
