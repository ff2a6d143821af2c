//! The server machine with a small shell around it: every sender and every recipient at `local.example` is accepted.

use std::{io, sync::Arc};

use sekisho_mail::{Domain, ForwardPath, Mailbox, MessageId, Recipient, Reply, ReplyCode};
use sekisho_smtp::{
    server::{Answer, Cover, Event, Question, ServerSession, SessionSettings, Submission, Wait},
    wire::content::Piece,
};
use sekisho_testkit::{client, dialogue::Partner};

/// So many recipients become of `all@local.example`.
pub(crate) const ALIAS_ENDS: usize = 40;

/// A session and all that came of it.
pub(crate) struct Machine {
    pub(crate) session: ServerSession,
    input: Vec<u8>,
    content: Vec<u8>,
    /// Everything that was said.
    pub(crate) said: Vec<u8>,
    read: usize,
    /// Messages that were kept.
    pub(crate) kept: Vec<(Submission, Vec<u8>)>,
    pub(crate) closed: bool,
    /// Refuses to take content with this.
    pub(crate) content_fault: Option<Reply>,
    /// The only recipient of each content that came, as it was named.
    pub(crate) only_recipients: Vec<Option<Mailbox>>,
    /// Refuses a handshake with this.
    pub(crate) tls_fault: Option<Reply>,
    /// Refuses each sender with this.
    pub(crate) mail_fault: Option<Reply>,
    /// Gives up on content with this once some of it has come.
    pub(crate) content_failure: Option<Reply>,
    /// How often content was to be dropped.
    pub(crate) abandoned: u32,
    /// Refusals that were told to whoever drives the session.
    pub(crate) told: usize,
    /// Refuses each message with this.
    pub(crate) store_fault: Option<Reply>,
}

pub(crate) fn settings() -> SessionSettings {
    SessionSettings::new(Domain::parse("mx.local.example").unwrap())
}

impl Machine {
    /// A session that was greeted.
    pub(crate) fn new(settings: SessionSettings) -> Self {
        let mut session = ServerSession::new(Arc::new(settings), Cover::Clear);
        session.greet();
        let mut machine = Self {
            session,
            input: Vec::new(),
            content: Vec::new(),
            said: Vec::new(),
            read: 0,
            kept: Vec::new(),
            closed: false,
            content_fault: None,
            tls_fault: None,
            mail_fault: None,
            content_failure: None,
            abandoned: 0,
            only_recipients: Vec::new(),
            told: 0,
            store_fault: None,
        };
        machine.collect();
        machine
    }

    /// A session on which these commands were given, each with its CRLF added.
    pub(crate) fn after(settings: SessionSettings, commands: &[&str]) -> Self {
        let mut machine = Self::new(settings);
        for command in commands {
            machine.feed(format!("{command}\r\n").as_bytes());
        }
        machine.read = machine.said.len();
        machine
    }

    /// Gives octets to the machine and does what it says, until it wants more.
    pub(crate) fn feed(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        while !self.closed {
            let input = std::mem::take(&mut self.input);
            let step = self.session.handle_bytes(&input);
            if let Event::Content(piece) = &step.event {
                match piece {
                    Piece::Input(range) => self.content.extend_from_slice(&input[range.clone()]),
                    Piece::LineEnd => self.content.extend_from_slice(b"\r\n"),
                }
            }
            self.input = input[step.consumed..].to_vec();
            match step.event {
                Event::NeedInput => {
                    self.collect();
                    return;
                }
                Event::StartTls => {
                    self.collect();
                    assert!(self.input.is_empty(), "input survived until the handshake");
                    return;
                }
                Event::Ask(question) => {
                    let answer = self.answer(question);
                    self.session.handle_answer(answer);
                }
                Event::Abandon => {
                    self.abandoned += 1;
                    self.content.clear();
                }
                Event::Close => {
                    self.collect();
                    self.closed = true;
                }
                Event::Flush => self.collect(),
                Event::Refused(_) => self.told += 1,
                Event::Content(_) => {
                    if let Some(reply) = self.content_failure.take() {
                        self.content.clear();
                        self.session.handle_content_failure(reply);
                    }
                }
            }
        }
    }

    /// What was said since this was asked last.
    pub(crate) fn new_replies(&mut self) -> String {
        let text = String::from_utf8(self.said[self.read..].to_vec()).unwrap();
        self.read = self.said.len();
        text
    }

    pub(crate) fn awaits_content(&self) -> bool {
        self.session.wait() == Wait::Content
    }

    pub(crate) fn in_handshake(&self) -> bool {
        self.session.wait() == Wait::Handshake
    }

    fn collect(&mut self) {
        self.said.extend_from_slice(self.session.replies());
        self.session.clear_replies();
    }

    fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Mail { .. } => self.mail_fault.clone().map_or(Answer::Accept, Answer::Refuse),
            Question::StartTls => self.tls_fault.clone().map_or(Answer::Accept, Answer::Refuse),
            Question::Content { only_recipient } => {
                self.content.clear();
                self.only_recipients.push(only_recipient);
                self.content_fault.clone().map_or(Answer::Accept, Answer::Refuse)
            }
            Question::Recipient { path, parameters } => match path {
                ForwardPath::Mailbox(mailbox) if mailbox.host().to_string() == "local.example" => {
                    let end = |mailbox: Mailbox| Recipient {
                        notify: parameters.notify,
                        orcpt: parameters.orcpt.clone(),
                        ..Recipient::new(mailbox)
                    };
                    let recipients = if mailbox.local_part() == "all" {
                        let members = (0..ALIAS_ENDS).map(|number| format!("m{number}@local.example"));
                        members.map(|member| end(member.parse().unwrap())).collect()
                    } else {
                        vec![end(mailbox)]
                    };
                    Answer::Recipients {
                        recipients,
                        admitted_by: "local recipient".to_owned(),
                    }
                }
                ForwardPath::Mailbox(mailbox) if mailbox.local_part() == "closing" => {
                    Answer::Refuse(Reply::new(ReplyCode::NOT_AVAILABLE, 3, 2, "not any more"))
                }
                ForwardPath::Mailbox(mailbox) if mailbox.local_part() == "busy" => {
                    Answer::Refuse(Reply::new(ReplyCode::MAILBOX_BUSY, 2, 1, "not now"))
                }
                _ => Answer::Refuse(Reply::new(ReplyCode::REFUSED, 7, 1, "relaying denied")),
            },
            Question::Message(submission) => {
                if let Some(reply) = &self.store_fault {
                    return Answer::Refuse(reply.clone());
                }
                self.kept.push((*submission, std::mem::take(&mut self.content)));
                Answer::Stored(MessageId::from_u64(self.kept.len() as u64))
            }
        }
    }
}

impl Partner for Machine {
    fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.feed(octets);
        Ok(())
    }

    fn reply(&mut self) -> io::Result<Option<client::Reply>> {
        let mut lines = Vec::new();
        loop {
            let rest = &self.said[self.read..];
            let Some(end) = rest.iter().position(|octet| *octet == b'\n') else {
                return if self.closed && lines.is_empty() {
                    Ok(None)
                } else {
                    Err(io::Error::other("no reply came"))
                };
            };
            let line = String::from_utf8_lossy(&rest[..end]).trim_end().to_owned();
            self.read += end + 1;
            let code = line[..3].parse().map_err(io::Error::other)?;
            lines.push(line[4..].to_owned());
            if line.as_bytes()[3] == b' ' {
                return Ok(Some(client::Reply { code, lines }));
            }
        }
    }

    fn start_tls(&mut self) -> io::Result<()> {
        assert!(self.in_handshake(), "no handshake is due");
        self.session.handle_tls_established();
        Ok(())
    }
}
