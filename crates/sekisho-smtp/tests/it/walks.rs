//! Random walks: whatever commands come in whatever order, what is kept is exactly what was accepted since the last
//! end of a transaction. A model of a few lines is held against the machine at every step.

use proptest::prelude::*;
use sekisho_smtp::server::{SessionLimits, SessionSettings};

use crate::partner::{Machine, settings};

/// What a client may do next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Ehlo,
    Helo,
    Mail,
    MailTooLarge,
    MailMalformed,
    Rcpt,
    RcptRefused,
    RcptMalformed,
    Data,
    DataTooLarge,
    Chunk,
    ChunkLast,
    ChunkTooLarge,
    StoreFault,
    Rset,
    Noop,
    Nonsense,
}

const MOVES: [Move; 17] = [
    Move::Ehlo,
    Move::Helo,
    Move::Mail,
    Move::MailTooLarge,
    Move::MailMalformed,
    Move::Rcpt,
    Move::RcptRefused,
    Move::RcptMalformed,
    Move::Data,
    Move::DataTooLarge,
    Move::Chunk,
    Move::ChunkLast,
    Move::ChunkTooLarge,
    Move::StoreFault,
    Move::Rset,
    Move::Noop,
    Move::Nonsense,
];

const MESSAGE_OCTETS: u64 = 100;

/// What ought to be known of the transaction that is open.
#[derive(Debug, Default)]
struct Model {
    sender: Option<String>,
    recipients: Vec<String>,
    content: Vec<u8>,
}

struct Walk {
    machine: Machine,
    model: Model,
    kept: usize,
    step: usize,
}

impl Walk {
    /// The code of the only reply to these octets.
    fn code(&mut self, octets: &[u8]) -> u16 {
        self.machine.feed(octets);
        let replies = self.machine.new_replies();
        let last: Vec<&str> = replies.lines().filter(|line| line.as_bytes()[3] == b' ').collect();
        assert_eq!(last.len(), 1, "{}: {replies}", octets.escape_ascii());
        last[0][..3].parse().unwrap()
    }

    fn line(&mut self, line: &str) -> u16 {
        self.code(format!("{line}\r\n").as_bytes())
    }

    fn go(&mut self, to: Move) {
        self.step += 1;
        match to {
            Move::Ehlo | Move::Helo | Move::Rset => {
                let verb = ["EHLO c.example", "HELO c.example", "RSET"][match to {
                    Move::Ehlo => 0,
                    Move::Helo => 1,
                    _ => 2,
                }];
                assert_eq!(self.line(verb), 250);
                self.model = Model::default();
            }
            Move::Mail => {
                let sender = format!("<s{}@b.example>", self.step);
                if self.line(&format!("MAIL FROM:{sender}")) == 250 {
                    assert_eq!(self.model.sender.replace(sender), None, "MAIL inside a transaction");
                }
            }
            Move::MailTooLarge => assert_ne!(self.line("MAIL FROM:<> SIZE=101"), 250),
            Move::MailMalformed => assert_ne!(self.line("MAIL FROM:a@b"), 250),
            Move::Rcpt => {
                let recipient = format!("u{}@local.example", self.step);
                if self.line(&format!("RCPT TO:<{recipient}>")) == 250 {
                    assert!(self.model.sender.is_some(), "RCPT without MAIL");
                    self.model.recipients.push(recipient);
                }
            }
            Move::RcptRefused => assert_ne!(self.line("RCPT TO:<u@elsewhere.example>"), 250),
            Move::RcptMalformed => assert_ne!(self.line("RCPT TO:u@local.example"), 250),
            Move::Data => self.data(b"data\r\n"),
            Move::DataTooLarge => self.data(&[b'x'; 200]),
            Move::Chunk => self.chunk(b"chunk\r\n", false),
            Move::ChunkLast => self.chunk(b"last\r\n", true),
            Move::ChunkTooLarge => self.chunk(&[b'x'; 200], false),
            Move::StoreFault => self.machine.toggle_store_fault(),
            Move::Noop => assert_eq!(self.line("NOOP"), 250),
            Move::Nonsense => assert_eq!(self.line("XYZZY"), 500),
        }
        assert_eq!(
            self.machine.session.sender().map(ToString::to_string),
            self.model.sender
        );
    }

    fn data(&mut self, content: &[u8]) {
        if self.line("DATA") == 354 {
            self.model.content.extend_from_slice(content);
            let code = self.code(&[content, b"\r\n.\r\n"].concat());
            self.model.content.extend_from_slice(b"\r\n");
            self.end(code);
        }
    }

    fn chunk(&mut self, content: &[u8], is_last: bool) {
        let last = if is_last { " LAST" } else { "" };
        let code = self.code(&[format!("BDAT {}{last}\r\n", content.len()).as_bytes(), content].concat());
        self.model.content.extend_from_slice(content);
        if is_last || code != 250 {
            self.end(code);
        }
    }

    /// The transaction is over, and kept exactly when the reply says so.
    fn end(&mut self, code: u16) {
        let model = std::mem::take(&mut self.model);
        self.kept += usize::from(code == 250);
        assert_eq!(self.machine.kept.len(), self.kept);
        if code == 250 {
            let (submission, content) = self.machine.kept.last().unwrap();
            let envelope = &submission.envelope;
            let recipients: Vec<String> = envelope.recipients.iter().map(|one| one.mailbox.to_string()).collect();
            assert_eq!(Some(envelope.reverse_path.to_string()), model.sender);
            assert_eq!(recipients, model.recipients);
            assert_eq!(content, &model.content);
            assert!(!recipients.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_was_accepted_since_the_last_end(
        moves in prop::collection::vec(prop::sample::select(&MOVES[..]), 1..120)
    ) {
        let limits = SessionLimits {
            message_octets: MESSAGE_OCTETS,
            discarded_octets: 1000,
            errors: 1000,
            refused_recipients: 1000,
            ..SessionLimits::default()
        };
        let machine = Machine::after(SessionSettings { limits, ..settings() }, &[]);
        let mut walk = Walk { machine, model: Model::default(), kept: 0, step: 0 };
        for to in moves {
            walk.go(to);
        }
    }
}
