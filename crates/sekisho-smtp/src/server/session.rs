//! The session itself: bytes in, replies and events out.
//!
//! Input is used up command by command. Replies collect and are to be written when an event says so: when the input is
//! used up, when a question is open that cannot be answered at once, or when the phase demands it. While a question is
//! open no input is taken, so what a client has pipelined waits with whoever drives the session.

use std::sync::Arc;

use sekisho_mail::{Reply, ReplyClass, ReplyCode, ReversePath};

use super::{
    SessionSettings,
    phase::{Discard, DiscardEnd, OpenChunk, Pending, Phase, Reception, Rest, Stage},
    question::{Answer, Event, Question, Step, Transaction},
    sequence::{self, Standing},
    texts,
};
use crate::{
    limits::{ANY_LINE_OCTETS, EXPANDED_PER_RECIPIENT, REPLIES_HELD_OCTETS},
    wire::{
        command::{Chunk, Command, CommandFault, CommandLine, Verb},
        content::{ContentFault, ContentReader, ContentRules, Framing, Piece},
        line::{Line, read_line},
        params::{MailParameters, RcptParameters},
        write_reply::write_reply,
    },
};

/// How the client said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The name that it gave: its text, printable ASCII.
    pub name: String,
    /// EHLO, not HELO.
    pub extended: bool,
}

/// Whether a connection is under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// In the clear.
    Clear,
    /// Under TLS.
    Tls,
}

/// What a session waits for; the time allowed is in [`super::SessionTimeouts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A whole command, from the end of the one before.
    Command,
    /// More content.
    Content,
    /// The TLS handshake.
    Handshake,
    /// Nothing of the client: a question is open, or all is over.
    Nothing,
}

/// One connection's conversation, seen by the server.
#[derive(Debug)]
pub struct ServerSession {
    settings: Arc<SessionSettings>,
    stage: Stage,
    cover: Cover,
    hello: Option<Hello>,
    replies: Vec<u8>,
    question: Option<Question>,
    refused: Option<Reply>,
    content_lost: bool,
    /// Something of the transaction was refused, and the client may have sent on without having read it (RFC 2920):
    /// what it gets out of order by that is no mistake of its own.
    aftermath: bool,
    draining: bool,
    counts: Counts,
}

/// What the limits of a session are held against.
#[derive(Debug, Default)]
struct Counts {
    /// Those that brought no message further.
    commands: u32,
    errors: u32,
    refused_recipients: u32,
    messages: u32,
}

impl ServerSession {
    /// A session on a connection that has just come; nothing is said before [`Self::greet`].
    #[must_use]
    pub fn new(settings: Arc<SessionSettings>, cover: Cover) -> Self {
        Self {
            settings,
            stage: Stage::new(),
            cover,
            hello: None,
            replies: Vec::new(),
            question: None,
            refused: None,
            content_lost: false,
            aftermath: false,
            draining: false,
            counts: Counts::default(),
        }
    }

    /// How the client said hello, since TLS if there is TLS.
    #[must_use]
    pub const fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// The sender of the transaction that is open.
    #[must_use]
    pub const fn sender(&self) -> Option<&ReversePath> {
        match self.stage.phase() {
            Phase::Envelope(transaction)
            | Phase::Deciding(Pending::Mail(transaction) | Pending::Recipient(transaction)) => {
                Some(&transaction.reverse_path)
            }
            Phase::Content(reception)
            | Phase::BetweenChunks(reception)
            | Phase::Deciding(Pending::Content(reception)) => Some(&reception.transaction.reverse_path),
            Phase::Deciding(Pending::Message | Pending::StartTls)
            | Phase::Opening
            | Phase::Fresh
            | Phase::Ready
            | Phase::Discard(_)
            | Phase::Handshake
            | Phase::Closed => None,
        }
    }

    /// What the session waits for.
    #[must_use]
    pub const fn wait(&self) -> Wait {
        match self.stage.phase() {
            Phase::Opening | Phase::Fresh | Phase::Ready | Phase::Envelope(_) | Phase::BetweenChunks(_) => {
                Wait::Command
            }
            Phase::Content(_) | Phase::Discard(_) => Wait::Content,
            Phase::Handshake => Wait::Handshake,
            Phase::Deciding(_) | Phase::Closed => Wait::Nothing,
        }
    }

    /// The replies that have collected and were not written yet.
    #[must_use]
    pub fn replies(&self) -> &[u8] {
        &self.replies
    }

    /// The replies are written.
    pub fn clear_replies(&mut self) {
        self.replies.clear();
    }

    /// Greets the client (RFC 5321 §4.3.1). To be called once, when the client has kept silent until then.
    pub fn greet(&mut self) {
        let greeting = texts::greeting(&self.settings.host_name);
        self.say(&greeting);
        self.stage.become_fresh();
    }

    /// Turns the client away with this reply instead of a greeting (RFC 5321 §3.1).
    pub fn turn_away(&mut self, reply: &Reply) {
        self.say(reply);
        self.close();
    }

    /// The server is about to stop: no new transaction. An idle session is ended now, a transaction may be finished.
    pub fn drain(&mut self) {
        self.draining = true;
        self.end_if_draining();
    }

    /// The handshake is over: all that was said before is forgotten (RFC 3207 §4.2), and there is no second greeting.
    pub fn handle_tls_established(&mut self) {
        self.cover = Cover::Tls;
        self.hello = None;
        self.aftermath = false;
        self.stage.become_fresh();
        self.end_if_draining();
    }

    /// The client is gone.
    pub fn handle_eof(&mut self) {
        self.close();
    }

    /// The client took too long for what [`Self::wait`] names.
    pub fn handle_timeout(&mut self) {
        self.refuse_and_close(texts::timed_out());
    }

    /// The content cannot be kept: its rest is read and forgotten, and this is the answer to it.
    pub fn handle_content_failure(&mut self, reply: Reply) {
        self.discard_content(Some(reply));
        // Whoever says that content failed knows that it is lost.
        self.content_lost = false;
    }

    /// Takes input: all that was read and not consumed yet. To be called again with the rest until the event is
    /// [`Event::NeedInput`], or one that ends the matter.
    pub fn handle_bytes(&mut self, input: &[u8]) -> Step {
        let mut consumed = 0;
        loop {
            if let Some(event) = self.poll_event() {
                return Step { consumed, event };
            }
            let rest = &input[consumed..];
            let read = match self.stage.phase() {
                Phase::Content(_) => self.read_content(rest),
                Phase::Discard(_) => self.read_discarded(rest),
                Phase::Closed => Taken::All,
                Phase::Opening if !rest.is_empty() => {
                    self.refuse_and_close(texts::spoke_before_greeting());
                    Taken::All
                }
                Phase::Fresh | Phase::Ready | Phase::Envelope(_) | Phase::BetweenChunks(_) => self.read_command(rest),
                Phase::Opening | Phase::Deciding(_) | Phase::Handshake => Taken::NeedsMore,
            };
            let event = match read {
                Taken::Octets(octets) => {
                    consumed += octets;
                    continue;
                }
                Taken::Piece(octets, piece) => {
                    let piece = match piece {
                        Piece::Input(range) => Piece::Input(range.start + consumed..range.end + consumed),
                        Piece::LineEnd => Piece::LineEnd,
                    };
                    consumed += octets;
                    Event::Content(piece)
                }
                Taken::NeedsMore => Event::NeedInput,
                Taken::All => {
                    consumed = input.len();
                    self.poll_event().unwrap_or(Event::Close)
                }
            };
            return Step { consumed, event };
        }
    }

    /// What has to be told before more input is taken.
    fn poll_event(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.content_lost) {
            return Some(Event::Abandon);
        }
        if let Some(reply) = self.refused.take() {
            return Some(Event::Refused(reply));
        }
        if let Some(question) = self.question.take() {
            return Some(Event::Ask(question));
        }
        if matches!(self.stage.phase(), Phase::Handshake) {
            return Some(Event::StartTls);
        }
        (self.replies.len() > REPLIES_HELD_OCTETS).then_some(Event::Flush)
    }

    fn read_command(&mut self, rest: &[u8]) -> Taken {
        let line = match read_line(rest, ANY_LINE_OCTETS) {
            Line::Partial => return Taken::NeedsMore,
            Line::TooLong => {
                self.refuse_and_close(texts::line_too_long());
                return Taken::All;
            }
            Line::Malformed => {
                self.refuse_and_close(texts::malformed_line());
                return Taken::All;
            }
            Line::Whole(line) => line,
        };
        let octets = line.len() + 2;
        self.handle_line(line, &rest[octets..]);
        Taken::Octets(octets)
    }

    /// Check, then apply. `behind` is what the client has sent after this line already.
    fn handle_line(&mut self, line: &[u8], behind: &[u8]) {
        self.counts.commands += 1;
        if self.counts.commands > self.settings.limits.commands {
            return self.refuse_and_close(texts::too_many_commands());
        }
        let line_octets = line.len() + 2;
        let line = CommandLine::parse(line);
        if line_octets > line.verb.line_octets() {
            return self.refuse_command(texts::line_too_long());
        }
        // RFC 2920 §3.1. What was sent behind STARTTLS in the clear must not survive (RFC 3207 §4.2), what comes behind
        // DATA before the 354 may be somebody else's idea of commands, and EHLO's answer says whether pipelining is
        // known.
        let ends_group = matches!(line.verb, Verb::Ehlo | Verb::Helo | Verb::Data | Verb::StartTls);
        if ends_group && !behind.is_empty() {
            return self.refuse_and_close(texts::wrongly_pipelined());
        }
        let command = match line.command() {
            Ok(command) => command,
            // Nobody knows how many octets follow, so nothing behind it can be trusted.
            Err(fault @ (CommandFault::BadChunk | CommandFault::Foreign)) => {
                return self.refuse_and_close(texts::command_fault(fault));
            }
            Err(fault) => {
                self.aftermath |= line.verb == Verb::Mail;
                return self.refuse_command(texts::command_fault(fault));
            }
        };
        let standing = Standing {
            under_tls: self.cover == Cover::Tls,
            starttls: self.settings.starttls,
        };
        match (sequence::check(self.stage.phase(), line.verb, standing), command) {
            (Ok(()), command) => self.apply(command),
            // The octets of a refused chunk come all the same (RFC 3030 §2).
            (Err(reply), Command::Bdat(chunk)) => {
                self.counts.errors += u32::from(!self.aftermath);
                self.discard_chunk(chunk.octets, reply, false);
            }
            (Err(reply), Command::Rcpt(..) | Command::Data) if self.aftermath => self.refuse(reply),
            (Err(reply), _) => self.refuse_command(reply),
        }
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Ehlo(name) => self.apply_hello(name, true),
            Command::Helo(name) => self.apply_hello(name, false),
            Command::Mail(path, parameters) => self.apply_mail(path, parameters),
            Command::Rcpt(path, parameters) => self.apply_rcpt(path, parameters),
            Command::Data => self.ask_about_content(None),
            Command::Bdat(chunk) => self.apply_bdat(chunk),
            Command::Rset => {
                self.aftermath = false;
                self.end_transaction();
                self.say(&texts::done());
                self.end_if_draining();
            }
            Command::StartTls => {
                self.question = Some(Question::StartTls);
                self.stage.ask_about_tls();
            }
            Command::Quit => {
                self.say(&texts::goodbye());
                self.close();
            }
            Command::Noop => self.say(&texts::done()),
            Command::Vrfy => self.say(&texts::not_verified()),
            Command::Expn => self.refuse_command(texts::not_implemented()),
            Command::Help => self.say(&texts::help()),
        }
    }

    /// RFC 5321 §4.1.4: a hello inside a transaction ends it as RSET does.
    fn apply_hello(&mut self, name: String, extended: bool) {
        self.hello = Some(Hello { name, extended });
        self.aftermath = false;
        self.end_transaction();
        let host = &self.settings.host_name;
        let reply = if extended {
            let offers_starttls = self.settings.starttls && self.cover == Cover::Clear;
            texts::ehlo(host, offers_starttls, &self.settings.limits)
        } else {
            texts::helo(host)
        };
        self.say(&reply);
        self.end_if_draining();
    }

    fn apply_mail(&mut self, reverse_path: ReversePath, parameters: MailParameters) {
        let limits = &self.settings.limits;
        if self.counts.messages >= limits.messages {
            return self.refuse_and_close(texts::too_many_messages());
        }
        if parameters.size.is_some_and(|size| size > limits.message_octets) {
            self.aftermath = true;
            return self.refuse(texts::too_large());
        }
        self.question = Some(Question::Mail {
            reverse_path: reverse_path.clone(),
            size: parameters.size,
        });
        self.stage.ask_about_mail(Transaction::new(reverse_path, parameters));
    }

    fn apply_rcpt(&mut self, path: sekisho_mail::ForwardPath, parameters: RcptParameters) {
        let limit = self.settings.limits.recipients;
        if matches!(self.stage.phase(), Phase::Envelope(transaction) if transaction.accepted >= limit) {
            self.aftermath = true;
            return self.refuse(texts::too_many_recipients());
        }
        if self.stage.ask_about_recipient(&path) {
            self.question = Some(Question::Recipient { path, parameters });
        }
    }

    fn apply_bdat(&mut self, chunk: Chunk) {
        let limits = &self.settings.limits;
        let (so_far, chunks) = if let Phase::BetweenChunks(reception) = self.stage.phase() {
            (reception.reader.facts().octets, reception.chunks)
        } else {
            (0, 0)
        };
        let refusal = if so_far.saturating_add(chunk.octets) > limits.message_octets {
            Some(texts::too_large())
        } else {
            (chunks >= limits.chunks).then(texts::too_many_chunks)
        };
        if let Some(reply) = refusal {
            self.aftermath = true;
            return self.discard_chunk(chunk.octets, reply, false);
        }
        let open = OpenChunk {
            octets: chunk.octets,
            left: chunk.octets,
            last: chunk.last,
        };
        if self.stage.enter_next_chunk(open) {
            self.count_progress();
        } else {
            self.ask_about_content(Some(open));
        }
    }

    fn ask_about_content(&mut self, chunk: Option<OpenChunk>) {
        let framing = if chunk.is_some() {
            Framing::Counted
        } else {
            Framing::Dots
        };
        let rules = ContentRules {
            bare_line_ends: self.settings.bare_line_ends,
            long_lines: self.settings.long_lines,
            max_octets: self.settings.limits.message_octets,
        };
        let mut only_recipient = None;
        if let Phase::Envelope(transaction) = self.stage.phase() {
            only_recipient = transaction.only_recipient();
        }
        if self.stage.ask_about_content(ContentReader::new(framing, rules), chunk) {
            self.question = Some(Question::Content { only_recipient });
        }
    }

    /// Takes the answer to the question that is open; without one nothing happens.
    pub fn handle_answer(&mut self, answer: Answer) {
        let Some(pending) = self.stage.take_pending() else {
            return;
        };
        match (pending, answer) {
            (Pending::Mail(transaction), Answer::Accept) => {
                self.counts.messages += 1;
                self.aftermath = false;
                self.count_progress();
                self.stage.enter_envelope(transaction);
                self.say(&texts::sender_ok());
            }
            (
                Pending::Recipient(transaction),
                Answer::Recipients {
                    recipients,
                    admitted_by,
                },
            ) => {
                let most = u64::from(self.settings.limits.recipients) * u64::from(EXPANDED_PER_RECIPIENT);
                if (transaction.recipients.len() + recipients.len()) as u64 > most {
                    self.stage.resume(transaction, None);
                    self.aftermath = true;
                    return self.refuse(texts::too_many_recipients());
                }
                self.count_progress();
                self.stage.resume(transaction, Some((recipients, admitted_by)));
                self.say(&texts::recipient_ok());
            }
            (Pending::Content(reception), Answer::Accept) => {
                self.count_progress();
                if reception.chunk.is_none() {
                    self.say(&texts::send_content());
                }
                self.stage.enter_content(reception);
            }
            (Pending::StartTls, Answer::Accept) => {
                self.say(&texts::start_tls());
                self.stage.wait_for_handshake();
            }
            (Pending::Message, Answer::Stored(id)) => {
                self.end_transaction();
                self.say(&texts::queued(id));
                self.end_if_draining();
            }
            (pending, Answer::Refuse(reply)) => self.handle_refusal(pending, reply),
            (pending, _) => self.handle_refusal(pending, texts::local_fault()),
        }
    }

    /// A refusal is answered where it belongs: one recipient's never touches its neighbours, and the content that a
    /// refused chunk announced is read before the answer to it.
    fn handle_refusal(&mut self, pending: Pending, reply: Reply) {
        let closes = reply.code == ReplyCode::NOT_AVAILABLE;
        self.aftermath |= !matches!(pending, Pending::StartTls);
        match pending {
            Pending::Recipient(transaction) if !closes => {
                self.stage.resume(transaction, None);
                self.say(&reply);
                // Who is put off has guessed nothing.
                self.counts.refused_recipients += u32::from(reply.code.class() == ReplyClass::Permanent);
                if self.counts.refused_recipients > self.settings.limits.refused_recipients {
                    self.refuse_and_close(texts::too_many_refused_recipients());
                }
            }
            Pending::Content(reception) if !closes && reception.chunk.is_some() => {
                let octets = reception.chunk.map_or(0, |chunk| chunk.left);
                self.discard_chunk(octets, reply, true);
            }
            Pending::Mail(_) | Pending::Recipient(_) | Pending::Content(_) | Pending::Message | Pending::StartTls => {
                self.end_transaction();
                self.say(&reply);
                if closes {
                    self.close();
                }
                self.end_if_draining();
            }
        }
    }

    fn read_content(&mut self, rest: &[u8]) -> Taken {
        let Some(reception) = self.stage.reception() else {
            return Taken::NeedsMore;
        };
        let readable = match &mut reception.chunk {
            Some(chunk) if chunk.left == 0 => return self.end_chunk(),
            Some(chunk) => usize::try_from(chunk.left).map_or(rest.len(), |left| left.min(rest.len())),
            None => rest.len(),
        };
        if readable == 0 {
            return Taken::NeedsMore;
        }
        let read = reception.reader.read(&rest[..readable]);
        if let Some(chunk) = &mut reception.chunk {
            chunk.left -= read.consumed as u64;
        }
        if reception.reader.fault().is_some() {
            self.discard_content(None);
            if read.ended {
                self.end_discard();
            }
        } else if read.ended {
            self.ask_about_message();
        }
        match read.piece {
            Some(piece) => Taken::Piece(read.consumed, piece),
            None => Taken::Octets(read.consumed),
        }
    }

    /// All octets of a chunk were read.
    fn end_chunk(&mut self) -> Taken {
        let Some(Reception {
            reader,
            chunk: Some(chunk),
            ..
        }) = self.stage.reception()
        else {
            return Taken::NeedsMore;
        };
        if !chunk.last {
            let octets = chunk.octets;
            self.stage.end_chunk();
            self.say(&texts::chunk_ok(octets));
            return Taken::Octets(0);
        }
        let piece = reader.finish();
        if reader.fault().is_some() {
            self.discard_content(None);
            self.end_discard();
            return Taken::Octets(0);
        }
        match piece {
            // There is nothing more to finish when we come here again.
            Some(piece) => Taken::Piece(0, piece),
            None => {
                self.ask_about_message();
                Taken::Octets(0)
            }
        }
    }

    fn ask_about_message(&mut self) {
        if let Some(reception) = self.stage.ask_about_message() {
            let facts = reception.reader.facts();
            self.question = Some(Question::Message(Box::new(reception.transaction.submit(facts))));
        }
    }

    /// The rest of the content that is being received is read and forgotten. Without a reply, the fault that is found
    /// in it is answered.
    fn discard_content(&mut self, reply: Option<Reply>) {
        let budget = self.settings.limits.discarded_octets;
        let Some(reception) = self.stage.reception() else {
            return;
        };
        let end = match reception.chunk {
            Some(OpenChunk { left, last, .. }) => DiscardEnd::Octets { left, last },
            None => DiscardEnd::Dot,
        };
        let reader = Some(Box::new(reception.reader.clone()));
        self.stage.enter_discard(|_| Discard {
            end,
            reader,
            budget,
            reply,
            closes: false,
            is_known: false,
        });
        self.content_lost = true;
        self.aftermath = true;
    }

    /// A chunk that is refused as a whole; the transaction ends with it.
    fn discard_chunk(&mut self, octets: u64, reply: Reply, is_known: bool) {
        let budget = self.settings.limits.discarded_octets;
        let mut lost = false;
        self.stage.enter_discard(|reception| {
            lost = reception.is_some();
            Discard {
                end: DiscardEnd::Octets {
                    left: octets,
                    last: false,
                },
                reader: None,
                budget,
                reply: Some(reply),
                closes: octets > budget,
                is_known,
            }
        });
        self.content_lost |= lost;
        if octets == 0 || octets > budget {
            self.end_discard();
        }
    }

    fn read_discarded(&mut self, rest: &[u8]) -> Taken {
        let Some(discard) = self.stage.discard() else {
            return Taken::NeedsMore;
        };
        let readable = match discard.end {
            DiscardEnd::Octets { left, .. } => usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len())),
            DiscardEnd::Dot => rest.len(),
        };
        let (consumed, mut ended) = match &mut discard.reader {
            Some(reader) => {
                let read = reader.read(&rest[..readable]);
                (read.consumed, read.ended)
            }
            None => (readable, false),
        };
        if let DiscardEnd::Octets { left, .. } = &mut discard.end {
            *left -= consumed as u64;
            ended = *left == 0;
        }
        discard.budget = discard.budget.saturating_sub(consumed as u64);
        if discard.budget == 0 && !ended {
            discard.closes = true;
            self.end_discard();
            return Taken::All;
        }
        if ended {
            self.end_discard();
        } else if rest.is_empty() {
            return Taken::NeedsMore;
        }
        Taken::Octets(consumed)
    }

    fn end_discard(&mut self) {
        let after = self.rest_phase();
        let Some(mut discard) = self.stage.leave_discard(after) else {
            return;
        };
        let fault = discard.reader.as_mut().and_then(|reader| {
            if matches!(discard.end, DiscardEnd::Octets { left: 0, last: true }) {
                let _ = reader.finish();
            }
            reader.fault()
        });
        let reply = discard.reply.or_else(|| fault.map(texts::content_fault));
        let reply = reply.unwrap_or_else(texts::local_fault);
        self.say(&reply);
        self.refused = (!discard.is_known).then_some(reply);
        // Octets that may belong to another message than the client's filter saw end the session: nothing behind them
        // is parsed.
        if discard.closes || fault.is_some_and(ContentFault::leaves_doubt) {
            self.close();
        } else {
            self.end_if_too_many_errors();
            self.end_if_draining();
        }
    }

    const fn rest_phase(&self) -> Rest {
        if self.hello.is_some() { Rest::Ready } else { Rest::Fresh }
    }

    /// A command that brought a message further has a limit of its own (messages, recipients, chunks).
    const fn count_progress(&mut self) {
        self.counts.commands = self.counts.commands.saturating_sub(1);
    }

    fn end_transaction(&mut self) {
        let after = self.rest_phase();
        self.content_lost |= self.stage.rest(after);
    }

    fn end_if_draining(&mut self) {
        if self.draining && matches!(self.stage.phase(), Phase::Fresh | Phase::Ready) {
            self.say(&texts::shutting_down());
            self.close();
        }
    }

    fn say(&mut self, reply: &Reply) {
        write_reply(&mut self.replies, reply);
    }

    /// A refusal that is nobody's mistake in the protocol.
    fn refuse(&mut self, reply: Reply) {
        self.say(&reply);
        self.refused = Some(reply);
    }

    /// A refusal that counts: a client that makes many of them is not talking SMTP.
    fn refuse_command(&mut self, reply: Reply) {
        self.counts.errors += 1;
        self.refuse(reply);
        self.end_if_too_many_errors();
    }

    fn end_if_too_many_errors(&mut self) {
        if self.counts.errors >= self.settings.limits.errors {
            self.say(&texts::too_many_errors());
            self.close();
        }
    }

    fn refuse_and_close(&mut self, reply: Reply) {
        self.refuse(reply);
        self.close();
    }

    fn close(&mut self) {
        self.content_lost |= self.stage.close();
        self.question = None;
    }
}

/// What reading a piece of input came to.
enum Taken {
    /// So many octets are done with.
    Octets(usize),
    /// So many octets are done with, and this content was in them.
    Piece(usize, Piece),
    /// Nothing can be made of it yet.
    NeedsMore,
    /// All of it is done with, whatever it is.
    All,
}
