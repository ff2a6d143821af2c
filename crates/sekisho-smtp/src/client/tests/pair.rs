//! The client machine against the server machine, with the connection cut after every octet: what the client counts as
//! taken was stored whole, and nothing is ever stored that was not sent whole (law 1, seen from both ends).

use std::sync::Arc;

use sekisho_mail::{
    BodyKind, ChannelId, Domain, Envelope, Host, Mailbox, MessageId, Recipient, ReversePath, Timestamp,
};

use super::super::{ClientSession, Event, MailFacts, RecipientReply};
use crate::{
    Permit,
    server::{Answer, Cover, Event as ServerEvent, Question, ServerSession, SessionSettings},
    wire::content::Piece,
};

const CONTENT: &[u8] = b"Subject: a pair\r\n\r\n.\r\n..dots\r\n.\r\nthe end\r\n";

struct PairPermit(Envelope);

impl Permit for PairPermit {
    fn channel(&self) -> ChannelId {
        ChannelId(1)
    }

    fn envelope(&self) -> &Envelope {
        &self.0
    }
}

/// Which way the two talk.
#[derive(Clone, Copy)]
struct Manner {
    starts_tls: bool,
    hides_chunking: bool,
}

/// Both ends and the line between them.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    unread: Vec<u8>,
    received: Vec<u8>,
    stored: Vec<Vec<u8>>,
    /// Octets that the line still carries, both ways together.
    life: usize,
    manner: Manner,
    sent: bool,
    replies: Vec<RecipientReply>,
}

impl Pair {
    fn new(life: usize, manner: Manner) -> Self {
        let mut settings = SessionSettings::new(Domain::parse("mx.example").unwrap());
        settings.starttls = true;
        let mut server = ServerSession::new(Arc::new(settings), Cover::Clear);
        server.greet();
        Self {
            client: ClientSession::new(ChannelId(1), Host::parse("client.example").unwrap()),
            server,
            unread: Vec::new(),
            received: Vec::new(),
            stored: Vec::new(),
            life,
            manner,
            sent: false,
            replies: Vec::new(),
        }
    }

    /// Runs until nobody has anything to say; answers how many octets the line carried.
    fn run(mut self) -> (usize, Vec<RecipientReply>, Vec<Vec<u8>>) {
        let life = self.life;
        loop {
            let moved = self.carry_to_server() + self.carry_to_client();
            self.obey();
            if moved == 0 {
                break;
            }
        }
        self.client.handle_end_of_input();
        self.server.handle_eof();
        self.obey();
        (life - self.life, self.replies, self.stored)
    }

    fn carry_to_server(&mut self) -> usize {
        let out = self.client.poll_output().to_vec();
        let count = out.len().min(self.life);
        self.life -= count;
        self.client.handle_written(out.len());
        self.unread.extend_from_slice(&out[..count]);
        self.serve();
        out.len()
    }

    fn carry_to_client(&mut self) -> usize {
        let mut replies = self.server.replies().to_vec();
        self.server.clear_replies();
        if self.manner.hides_chunking {
            replies = String::from_utf8(replies)
                .unwrap()
                .replace("CHUNKING", "XHUNKING")
                .into_bytes();
        }
        let count = replies.len().min(self.life);
        self.life -= count;
        self.client.handle_input(&replies[..count]);
        replies.len()
    }

    fn serve(&mut self) {
        loop {
            let step = self.server.handle_bytes(&self.unread);
            if let ServerEvent::Content(piece) = &step.event {
                match piece {
                    Piece::Input(range) => self.received.extend_from_slice(&self.unread[range.clone()]),
                    Piece::LineEnd => self.received.extend_from_slice(b"\r\n"),
                }
            }
            self.unread.drain(..step.consumed);
            match step.event {
                ServerEvent::Ask(question) => self.answer(question),
                ServerEvent::Abandon => self.received.clear(),
                ServerEvent::Content(_) | ServerEvent::Refused(_) => {}
                ServerEvent::StartTls => {
                    assert!(
                        self.unread.is_empty(),
                        "nothing lies between STARTTLS and the handshake"
                    );
                    return;
                }
                ServerEvent::NeedInput | ServerEvent::Flush | ServerEvent::Close => return,
            }
        }
    }

    fn answer(&mut self, question: Question) {
        let answer = match question {
            Question::StartTls | Question::Mail { .. } | Question::Content { .. } => Answer::Accept,
            Question::Recipient { path, .. } => {
                let text = path.to_string();
                let mailbox = Mailbox::parse(text.trim_matches(['<', '>'])).unwrap();
                Answer::Recipients {
                    recipients: vec![Recipient::new(mailbox)],
                    admitted_by: "test".to_owned(),
                }
            }
            Question::Message(_) => {
                self.stored.push(std::mem::take(&mut self.received));
                Answer::Stored(MessageId::new(Timestamp::EPOCH, 1))
            }
        };
        self.server.handle_answer(answer);
    }

    /// Does what the client's events ask for.
    fn obey(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Ready if self.manner.starts_tls && !self.client.under_tls() => self.client.start_tls().unwrap(),
                Event::Ready if !self.sent => self.send(),
                Event::StartHandshake => {
                    self.server.handle_tls_established();
                    self.client.handle_tls_established().unwrap();
                }
                Event::ContentWanted => {
                    for piece in CONTENT.chunks(7) {
                        self.client.write_content(piece).unwrap();
                    }
                    self.client.finish_content().unwrap();
                }
                Event::MailDone(result) => {
                    self.replies = result.recipients;
                    self.client.quit();
                }
                Event::Ready | Event::StartTlsRefused(_) | Event::Failed(_) | Event::Closed => {}
            }
        }
    }

    fn send(&mut self) {
        self.sent = true;
        let recipients = ["a@x.example", "b@x.example"].map(|to| Recipient::new(Mailbox::parse(to).unwrap()));
        let permit = PairPermit(Envelope {
            reverse_path: ReversePath::Null,
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: recipients.into(),
        });
        let facts = MailFacts {
            size: CONTENT.len() as u64,
            eight_bit: false,
        };
        self.client.start_mail(permit, facts).unwrap();
    }
}

#[test]
fn loss_at_every_octet_leaves_both_ends_truthful() {
    for (starts_tls, hides_chunking) in [(false, false), (false, true), (true, false), (true, true)] {
        let manner = Manner {
            starts_tls,
            hides_chunking,
        };
        let (whole, replies, stored) = Pair::new(usize::MAX, manner).run();
        assert_eq!(stored, [CONTENT]);
        assert!(replies.iter().all(|reply| matches!(reply, RecipientReply::Accepted(_))) && replies.len() == 2);
        for life in 0..whole {
            let (_, replies, stored) = Pair::new(life, manner).run();
            assert!(
                stored.iter().all(|kept| kept == CONTENT) && stored.len() <= 1,
                "cut at {life}: {stored:?}"
            );
            let taken = replies.iter().any(|reply| matches!(reply, RecipientReply::Accepted(_)));
            assert!(!taken || stored.len() == 1, "cut at {life}: taken and not stored");
        }
    }
}
