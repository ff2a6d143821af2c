//! What holds of the server's session whatever octets come in whatever pieces: what it says is well formed, what it
//! keeps is text with a sender and recipients, what it holds is bounded, and cutting the input elsewhere changes
//! nothing but what RFC 2920 forbids to be sent ahead.

use std::sync::Arc;

use sekisho_mail::{Domain, ForwardPath, Mailbox, MessageId, Recipient, Reply, ReplyCode};
use sekisho_smtp::{
    limits::ANY_LINE_OCTETS,
    server::{
        Answer, BareLineEnds, Cover, Event, LongLines, Question, ServerSession, SessionLimits, SessionSettings,
        Submission, Wait,
    },
    wire::{content::Piece, reply_reader::ReplyReader},
};

/// # Panics
/// When the session breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some(([choice, step], input)) = octets.split_first_chunk() else {
        return;
    };
    let (choice, step) = (*choice, usize::from(*step).max(1));
    // Cut behind each line end, nothing is ever sent ahead.
    let lines: Vec<&[u8]> = input.split_inclusive(|octet| *octet == b'\n').collect();
    let by_line = play(choice, &lines);
    let octet_by_octet: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(play(choice, &octet_by_octet), by_line, "{}", input.escape_ascii());
    let pieces: Vec<&[u8]> = lines.iter().flat_map(|line| line.chunks(step)).collect();
    assert_eq!(play(choice, &pieces), by_line, "by {step}: {}", input.escape_ascii());
    let sent_ahead = play(choice, &input.chunks(step).collect::<Vec<_>>());
    let forbidden = |reply: &Reply| reply.lines.iter().any(|line| line.contains("last of a group"));
    if !sent_ahead.replies.iter().any(forbidden) {
        assert_eq!(sent_ahead, by_line, "ahead by {step}: {}", input.escape_ascii());
    }
}

/// What became of a session.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    replies: Vec<Reply>,
    kept: Vec<(Submission, Vec<u8>)>,
    handshakes: usize,
    closed: bool,
    wait: Wait,
}

struct Shell {
    session: ServerSession,
    input: Vec<u8>,
    content: Vec<u8>,
    reader: ReplyReader,
    played: Played,
}

fn settings(choice: u8) -> SessionSettings {
    let mut settings = SessionSettings::new(Domain::parse("mx.example").expect("a name"));
    settings.starttls = choice & 1 == 0;
    settings.bare_line_ends = if choice & 2 == 0 {
        BareLineEnds::Refuse
    } else {
        BareLineEnds::Normalise
    };
    settings.long_lines = if choice & 4 == 0 {
        LongLines::Accept
    } else {
        LongLines::Refuse
    };
    settings.limits = SessionLimits {
        message_octets: if choice & 8 == 0 { 1 << 20 } else { 64 },
        recipients: 3,
        refused_recipients: 2,
        messages: 5,
        errors: 6,
        commands: 40,
        chunks: 4,
        ..SessionLimits::default()
    };
    settings
}

fn play(choice: u8, pieces: &[&[u8]]) -> Played {
    let cover = if choice & 16 == 0 { Cover::Clear } else { Cover::Tls };
    let mut session = ServerSession::new(Arc::new(settings(choice)), cover);
    session.greet();
    let mut shell = Shell {
        session,
        input: Vec::new(),
        content: Vec::new(),
        reader: ReplyReader::default(),
        played: Played {
            replies: Vec::new(),
            kept: Vec::new(),
            handshakes: 0,
            closed: false,
            wait: Wait::Nothing,
        },
    };
    shell.write();
    for piece in pieces {
        shell.feed(piece);
    }
    shell.played.wait = shell.session.wait();
    shell.session.handle_eof();
    shell.played
}

impl Shell {
    fn feed(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        // Each octet can end a line or a piece of content, and neither leads to more than a few events.
        let mut steps_left = 16 + 8 * self.input.len();
        while !self.played.closed {
            steps_left = steps_left.checked_sub(1).expect("a session goes on");
            let input = std::mem::take(&mut self.input);
            let step = self.session.handle_bytes(&input);
            assert!(step.consumed <= input.len());
            self.input = input[step.consumed..].to_vec();
            match step.event {
                Event::Content(Piece::Input(range)) => self.content.extend_from_slice(&input[range]),
                Event::Content(Piece::LineEnd) => self.content.extend_from_slice(b"\r\n"),
                Event::Ask(question) => {
                    let answer = self.answer(question);
                    self.session.handle_answer(answer);
                }
                Event::Abandon => self.content.clear(),
                Event::Refused(reply) => assert!(reply.code.as_u16() >= 400, "{reply}"),
                Event::Flush => self.write(),
                Event::NeedInput => {
                    self.write();
                    assert!(self.input.len() < ANY_LINE_OCTETS, "no more than a line is held");
                    return;
                }
                Event::StartTls => {
                    self.write();
                    assert!(self.input.is_empty(), "nothing that was said in the clear survives");
                    self.session.handle_tls_established();
                    self.played.handshakes += 1;
                    assert!(self.played.handshakes == 1 && self.session.hello().is_none());
                }
                Event::Close => {
                    self.write();
                    self.played.closed = true;
                }
            }
        }
    }

    /// What was said is whole replies and nothing else.
    fn write(&mut self) {
        self.reader.handle_input(self.session.replies());
        self.session.clear_replies();
        while let Some(reply) = self.reader.poll_reply().expect("a well formed reply") {
            self.played.replies.push(reply);
        }
        assert!(self.reader.is_empty(), "a whole reply");
    }

    /// The same answer to the same question, however it came about.
    fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Mail { reverse_path, .. } => {
                refusal(&reverse_path.to_string()).map_or(Answer::Accept, Answer::Refuse)
            }
            Question::StartTls => Answer::Accept,
            Question::Content { only_recipient } => {
                self.content.clear();
                let name = only_recipient.map(|mailbox| mailbox.to_string()).unwrap_or_default();
                if name.starts_with("full") {
                    Answer::Refuse(no(452))
                } else {
                    Answer::Accept
                }
            }
            Question::Recipient { path, parameters } => {
                if let Some(reply) = refusal(&path.to_string()) {
                    return Answer::Refuse(reply);
                }
                let mailbox = match path {
                    ForwardPath::Postmaster => Mailbox::parse("postmaster@mx.example").expect("an address"),
                    ForwardPath::Mailbox(mailbox) => mailbox,
                };
                let recipient = Recipient {
                    notify: parameters.notify,
                    orcpt: parameters.orcpt,
                    ..Recipient::new(mailbox)
                };
                Answer::Recipients {
                    recipients: vec![recipient],
                    admitted_by: "test".to_owned(),
                }
            }
            Question::Message(submission) => self.keep(*submission),
        }
    }

    fn keep(&mut self, submission: Submission) -> Answer {
        let content = std::mem::take(&mut self.content);
        let pairs = content.windows(2).filter(|pair| *pair == b"\r\n").count();
        let ends = content.iter().filter(|octet| b"\r\n".contains(octet)).count();
        assert_eq!(ends, 2 * pairs, "{}", content.escape_ascii());
        assert!(
            content.is_empty() || content.ends_with(b"\r\n"),
            "{}",
            content.escape_ascii()
        );
        assert!(!content.contains(&0));
        assert_eq!(submission.facts.octets, content.len() as u64);
        assert!((1..=3).contains(&submission.envelope.recipients.len()));
        if submission.envelope.reverse_path.to_string().starts_with("<lost") {
            return Answer::Refuse(no(451));
        }
        self.played.kept.push((submission, content));
        Answer::Stored(MessageId::from_u64(self.played.kept.len() as u64))
    }
}

/// Some addresses are refused, for a while, for good, or with the end of the session.
fn refusal(path: &str) -> Option<Reply> {
    let found = [("<no", 550), ("<later", 450), ("<out", 421)]
        .into_iter()
        .find(|(name, _)| path.starts_with(name));
    found.map(|(_, code)| no(code))
}

fn no(code: u16) -> Reply {
    Reply::new(ReplyCode::new(code).expect("a code"), 7, 1, "no")
}
