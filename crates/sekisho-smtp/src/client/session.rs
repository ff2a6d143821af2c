//! The one file that changes a client session's phase (law 7): greeting, EHLO or HELO, STARTTLS, mail, QUIT.
//!
//! RFC 5321 §3 and §4.1.1, RFC 3207 for STARTTLS, RFC 2920 for pipelining, RFC 3030 for chunks. Bytes come in by
//! `handle_*`, leave by [`ClientSession::poll_output`], and what the caller has to know or do comes by
//! [`ClientSession::poll_event`].

use std::collections::VecDeque;

use sekisho_mail::{ChannelId, Envelope, Host, Reply, ReplyClass, Speaker, SpokenLine};

use super::{
    MailFacts, MailResult, Misuse, SessionFault, StartRefusal, Wait,
    fault::{is_refusal, is_success},
    output::Output,
    transaction::{Due, Transaction},
    transcript::Transcript,
};
use crate::{
    Permit,
    wire::{ehlo_reply::Offer, reply_reader::ReplyReader},
};

/// Room for the command before a chunk: `BDAT`, the largest number there is, `LAST`.
const BDAT_ROOM: usize = 32;

/// Pieces make one chunk up to this length: without pipelining each chunk waits for its reply.
const CHUNK_LEN: usize = 256 * 1024;
/// A piece that is so long is one of several.
const MUCH: usize = 64 * 1024;

/// What the caller has to know or do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer said what it offers ([`ClientSession::offer`]); STARTTLS, a message or QUIT may follow.
    Ready,
    /// STARTTLS was accepted and nothing came behind the reply: do the handshake, then call
    /// [`ClientSession::handle_tls_established`]. Nothing may be read into the session before that.
    StartHandshake,
    /// STARTTLS was refused with this reply. The connection stays as it was.
    StartTlsRefused(Reply),
    /// The peer waits for the content: [`ClientSession::write_content`], then [`ClientSession::finish_content`].
    ContentWanted,
    /// The transaction has ended; when the session has not, another may follow.
    MailDone(MailResult),
    /// The session has ended before its time. If a transaction was under way, its `MailDone` came just before.
    Failed(SessionFault),
    /// QUIT was answered or the peer has gone after it.
    Closed,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    Ehlo,
    Helo,
    Ready,
    StartTls,
    Handshake,
    Mail(Box<MailPhase>),
    Quit,
    Over,
}

#[derive(Debug)]
struct MailPhase {
    transaction: Transaction,
    /// Commands sent whose replies are due, in order.
    due: VecDeque<Due>,
    content: Content,
    /// The newest chunk behind [`BDAT_ROOM`], held back because it may turn out to be the last; or nothing.
    held_chunk: Vec<u8>,
    /// The end of the content was handed to the output.
    end_sent: bool,
}

/// Where the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nothing said yet.
    NotAsked,
    /// The caller was asked for it.
    Wanted,
    /// All handed over, or given up.
    Ended,
}

/// A client's side of one connection.
#[derive(Debug)]
pub struct ClientSession {
    channel: ChannelId,
    ehlo_name: Host,
    phase: Phase,
    reader: ReplyReader,
    offer: Offer,
    under_tls: bool,
    spoke_helo: bool,
    /// Whether the peer may still hold a transaction that came to nothing.
    needs_reset: bool,
    out: Output,
    events: VecDeque<Event>,
    transcript: Transcript,
    progress: u64,
}

impl ClientSession {
    /// A session on a connection that was just made; the peer speaks first.
    #[must_use]
    pub fn new(channel: ChannelId, ehlo_name: Host) -> Self {
        Self {
            channel,
            ehlo_name,
            phase: Phase::Greeting,
            reader: ReplyReader::default(),
            offer: Offer::default(),
            under_tls: false,
            spoke_helo: false,
            needs_reset: false,
            out: Output::default(),
            events: VecDeque::new(),
            transcript: Transcript::default(),
            progress: 0,
        }
    }

    /// A session on a connection that is under TLS from its first octet on (RFC 8314 §3): the peer speaks first there.
    #[must_use]
    pub fn under_implicit_tls(channel: ChannelId, ehlo_name: Host) -> Self {
        Self {
            under_tls: true,
            ..Self::new(channel, ehlo_name)
        }
    }

    /// Grows with every whole reply and with everything that is written: the caller's timer begins anew then, and not
    /// with every octet of a peer that dribbles.
    #[must_use]
    pub const fn progress(&self) -> u64 {
        self.progress
    }

    /// The connection this is.
    #[must_use]
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// What the last EHLO reply offered. What was offered before the handshake is forgotten (RFC 3207 §4.2).
    #[must_use]
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Whether EHLO was refused and HELO accepted: the peer knows no extension at all.
    #[must_use]
    pub const fn spoke_helo(&self) -> bool {
        self.spoke_helo
    }

    /// Whether the handshake was reported, or was there before the session.
    #[must_use]
    pub const fn under_tls(&self) -> bool {
        self.under_tls
    }

    /// Whether a message could begin now.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether the session has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// What is waited for just now.
    #[must_use]
    pub fn waiting_for(&self) -> Wait {
        match &self.phase {
            Phase::Greeting => Wait::Greeting,
            Phase::Ehlo | Phase::Helo => Wait::Ehlo,
            Phase::StartTls => Wait::StartTls,
            Phase::Ready | Phase::Handshake | Phase::Over => Wait::Caller,
            Phase::Quit => Wait::Quit,
            Phase::Mail(mail) => match mail.due.front() {
                Some(Due::Reset) => Wait::Reset,
                Some(Due::Mail) => Wait::Mail,
                Some(Due::Rcpt(_)) => Wait::Rcpt,
                Some(Due::Data) => Wait::DataStart,
                Some(Due::FinalDot | Due::Chunk { last: true }) => Wait::DataEnd,
                Some(Due::Chunk { last: false }) => Wait::DataBlock,
                None if !self.out.is_empty() => Wait::DataBlock,
                None => Wait::Caller,
            },
        }
    }

    /// Sets the time that the next lines of the conversation are noted with.
    pub const fn set_elapsed(&mut self, after_millis: u32) {
        self.transcript.after_millis = after_millis;
    }

    /// Adds a remark to the conversation: `TLSv1.3 …`.
    pub fn note(&mut self, text: &str) {
        self.transcript.say(Speaker::Note, text);
    }

    /// The conversation since it was last taken, without content.
    pub fn take_conversation(&mut self) -> Vec<SpokenLine> {
        self.transcript.take()
    }

    /// What is to be written now; empty when there is nothing.
    #[must_use]
    pub fn poll_output(&self) -> &[u8] {
        self.out.rest()
    }

    /// The first `count` octets of the output were written.
    pub fn handle_written(&mut self, count: usize) {
        self.progress += 1;
        self.out.advance(count);
    }

    /// What the caller has to know or do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Bytes came from the peer.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.is_over() {
            return;
        }
        if matches!(self.phase, Phase::Handshake) {
            return self.fail(SessionFault::BytesBeforeHandshake);
        }
        self.reader.handle_input(bytes);
        while !self.is_over() {
            match self.reader.poll_reply() {
                Ok(Some(reply)) => self.handle_reply(reply),
                Ok(None) => break,
                Err(fault) => return self.fail(SessionFault::BadReply(fault)),
            }
        }
    }

    /// The peer closed its side, or the connection broke. What has ended already does not end again.
    pub fn handle_end_of_input(&mut self) {
        if matches!(self.phase, Phase::Quit) {
            return self.close();
        }
        if self.is_over() {
            return;
        }
        self.fail(SessionFault::Lost(self.waiting_for()));
    }

    /// What was waited for did not come in time. What has ended already does not end again.
    pub fn handle_timeout(&mut self) {
        if matches!(self.phase, Phase::Quit) {
            return self.close();
        }
        if self.is_over() {
            return;
        }
        self.fail(SessionFault::TimedOut(self.waiting_for()));
    }

    /// Asks for TLS. The caller has seen that it is offered.
    ///
    /// # Errors
    /// When the session is not ready, or TLS is there already (RFC 3207 §4.2).
    pub fn start_tls(&mut self) -> Result<(), Misuse> {
        if !self.is_ready() || self.under_tls {
            return Err(Misuse);
        }
        if !self.reader.is_empty() {
            // A fragment that is here already can be no part of the answer.
            self.fail(SessionFault::BytesBeforeHandshake);
            return Ok(());
        }
        self.phase = Phase::StartTls;
        self.say("STARTTLS");
        Ok(())
    }

    /// The handshake has succeeded: everything said before is forgotten (RFC 3207 §4.2), and EHLO is said again.
    ///
    /// # Errors
    /// When no handshake was due.
    pub fn handle_tls_established(&mut self) -> Result<(), Misuse> {
        if !matches!(self.phase, Phase::Handshake) {
            return Err(Misuse);
        }
        self.reader.clear();
        self.offer = Offer::default();
        (self.under_tls, self.spoke_helo) = (true, false);
        self.say_ehlo();
        Ok(())
    }

    /// Begins a message. The permit is used up, whatever comes of it.
    ///
    /// # Errors
    /// When this message cannot go over this connection; nothing of it was sent.
    pub fn start_mail(&mut self, permit: impl Permit, facts: MailFacts) -> Result<(), StartRefusal> {
        self.begin_mail(&permit, |envelope, offer| Transaction::new(envelope, facts, offer))
    }

    /// As [`Self::start_mail`], up to the recipients: no content is asked for, and a reply in the 200s is what the peer
    /// said of a recipient. The permit is used up, since addresses leave too.
    ///
    /// # Errors
    /// As there.
    pub fn start_probe(&mut self, permit: impl Permit, facts: MailFacts) -> Result<(), StartRefusal> {
        self.begin_mail(&permit, |envelope, offer| Transaction::probe(envelope, facts, offer))
    }

    fn begin_mail(
        &mut self,
        permit: &impl Permit,
        plan: impl FnOnce(&Envelope, &Offer) -> Result<Transaction, StartRefusal>,
    ) -> Result<(), StartRefusal> {
        if permit.channel() != self.channel {
            return Err(StartRefusal::WrongChannel);
        }
        if !self.is_ready() {
            return Err(Misuse.into());
        }
        let mut transaction = plan(permit.envelope(), &self.offer)?;
        if std::mem::take(&mut self.needs_reset) {
            transaction.unsent.push_front((Due::Reset, "RSET".to_owned()));
        }
        let mut mail = Box::new(MailPhase {
            transaction,
            due: VecDeque::new(),
            content: Content::NotAsked,
            held_chunk: Vec::new(),
            end_sent: false,
        });
        self.send_commands(&mut mail);
        self.phase = Phase::Mail(mail);
        Ok(())
    }

    /// Hands over the next piece of the content. Write out what [`Self::poll_output`] has before the next one: what is
    /// handed over is held in memory until then.
    ///
    /// # Errors
    /// When content is not, or no longer, wanted.
    pub fn write_content(&mut self, piece: &[u8]) -> Result<(), Misuse> {
        let mut mail = self.take_mail_with_content()?;
        if piece.is_empty() {
            self.phase = Phase::Mail(mail);
            return Ok(());
        }
        let pushed = if mail.transaction.chunked {
            let full = mail.held_chunk.len() + piece.len() > BDAT_ROOM + CHUNK_LEN;
            if full || mail.held_chunk.is_empty() {
                // A piece so long is followed by others.
                let len = if piece.len() < MUCH {
                    piece.len()
                } else {
                    piece.len().max(CHUNK_LEN)
                };
                let mut chunk = Vec::with_capacity(BDAT_ROOM + len + 2);
                chunk.resize(BDAT_ROOM, 0);
                let before = std::mem::replace(&mut mail.held_chunk, chunk);
                if !before.is_empty() {
                    self.send_chunk(&mut mail, before, false);
                }
            }
            mail.transaction.writer.push(piece, &mut mail.held_chunk)
        } else {
            mail.transaction.writer.push(piece, self.out.end())
        };
        self.phase = Phase::Mail(mail);
        if pushed.is_err() {
            // What is already out is no whole message, and never becomes one.
            self.out.clear();
            self.fail(SessionFault::BareLineEndInContent);
        }
        Ok(())
    }

    /// All content was handed over.
    ///
    /// # Errors
    /// When content is not, or no longer, wanted.
    pub fn finish_content(&mut self) -> Result<(), Misuse> {
        let mut mail = self.take_mail_with_content()?;
        mail.content = Content::Ended;
        let mut tail = std::mem::take(&mut mail.held_chunk);
        if tail.is_empty() && mail.transaction.chunked {
            tail.resize(BDAT_ROOM, 0);
        }
        let finished = mail.transaction.writer.finish(&mut tail);
        if finished.is_err() {
            self.phase = Phase::Mail(mail);
            self.out.clear();
            self.fail(SessionFault::BareLineEndInContent);
            return Ok(());
        }
        mail.end_sent = true;
        if mail.transaction.chunked {
            self.send_chunk(&mut mail, tail, true);
        } else {
            self.out.push(&tail);
            self.out.push(b".\r\n");
            self.transcript.say(Speaker::Us, ".");
            mail.due.push_back(Due::FinalDot);
        }
        self.phase = Phase::Mail(mail);
        Ok(())
    }

    /// Whether [`Self::write_content`] may be called: it may not be any more when the peer refused a chunk.
    #[must_use]
    pub fn wants_content(&self) -> bool {
        matches!(&self.phase, Phase::Mail(mail) if mail.content == Content::Wanted)
    }

    /// Says QUIT. Without a session that could hear it, nothing happens.
    pub fn quit(&mut self) {
        if self.is_ready() {
            self.phase = Phase::Quit;
            self.say("QUIT");
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "any other phase is put back as it was")]
    fn take_mail_with_content(&mut self) -> Result<Box<MailPhase>, Misuse> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Mail(mail) if mail.content == Content::Wanted => Ok(mail),
            other => {
                self.phase = other;
                Err(Misuse)
            }
        }
    }

    fn handle_reply(&mut self, reply: Reply) {
        self.progress += 1;
        self.transcript.say(Speaker::Peer, &reply.to_string());
        if reply.code.as_u16() == 421 && !matches!(self.phase, Phase::Quit) {
            return self.fail(SessionFault::Closing(reply));
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Greeting if reply.code.as_u16() == 220 => self.say_ehlo(),
            Phase::Greeting if is_refusal(&reply) => self.fail(SessionFault::GreetingRefused(reply)),
            Phase::Greeting => self.fail_unexpected(Wait::Greeting, reply),
            Phase::Ehlo => self.handle_ehlo_reply(&reply),
            Phase::Helo if is_success(&reply) => self.become_ready(Offer::default()),
            Phase::Helo => self.fail(SessionFault::HelloRefused(reply)),
            Phase::StartTls => self.handle_starttls_reply(reply),
            Phase::Mail(mail) => self.handle_mail_reply(mail, reply),
            Phase::Quit => self.close(),
            Phase::Ready | Phase::Handshake | Phase::Over => self.fail(SessionFault::Unasked(reply.to_string())),
        }
    }

    /// RFC 5321 §3.2: a permanent refusal of EHLO leads to HELO.
    fn handle_ehlo_reply(&mut self, reply: &Reply) {
        match reply.code.class() {
            ReplyClass::Success => self.become_ready(Offer::parse(reply)),
            ReplyClass::Permanent => {
                (self.phase, self.spoke_helo) = (Phase::Helo, true);
                self.say(&format!("HELO {}", self.ehlo_name));
            }
            ReplyClass::Transient => self.fail(SessionFault::HelloRefused(reply.clone())),
            ReplyClass::Intermediate => self.fail_unexpected(Wait::Ehlo, reply.clone()),
        }
    }

    fn handle_starttls_reply(&mut self, reply: Reply) {
        if reply.code.as_u16() == 220 {
            if !self.reader.is_empty() {
                return self.fail(SessionFault::BytesBeforeHandshake);
            }
            self.phase = Phase::Handshake;
            self.events.push_back(Event::StartHandshake);
        } else if is_refusal(&reply) {
            self.phase = Phase::Ready;
            self.events.push_back(Event::StartTlsRefused(reply));
        } else {
            self.fail_unexpected(Wait::StartTls, reply);
        }
    }

    fn handle_mail_reply(&mut self, mut mail: Box<MailPhase>, reply: Reply) {
        let Some(due) = mail.due.pop_front() else {
            return self.handle_early_reply(mail, reply);
        };
        let makes_sense = is_refusal(&reply) || is_success(&reply) != (due == Due::Data);
        if !makes_sense || (due == Due::Reset && is_refusal(&reply)) {
            let wait = match due {
                Due::Data => Wait::DataStart,
                Due::Reset => Wait::Reset,
                Due::Mail => Wait::Mail,
                Due::Rcpt(_) => Wait::Rcpt,
                Due::Chunk { .. } | Due::FinalDot => Wait::DataEnd,
            };
            self.phase = Phase::Mail(mail);
            return self.fail_unexpected(wait, reply);
        }
        match due {
            Due::Reset => {}
            Due::Mail if is_refusal(&reply) => mail.transaction.mail_refused(&reply),
            Due::Mail => {}
            Due::Rcpt(index) => mail.transaction.rcpt_answered(index, reply),
            Due::Data => self.handle_data_reply(&mut mail, &reply),
            Due::Chunk { last } if last || is_refusal(&reply) => {
                mail.transaction.content_answered(Wait::DataEnd, &reply);
                mail.content = Content::Ended;
            }
            Due::Chunk { .. } => {}
            Due::FinalDot => mail.transaction.content_answered(Wait::DataEnd, &reply),
        }
        // After anything but an accepted message, the peer may still hold a transaction.
        self.needs_reset = !(matches!(due, Due::FinalDot | Due::Chunk { last: true }));
        self.go_on_with_mail(mail);
    }

    fn handle_data_reply(&mut self, mail: &mut MailPhase, reply: &Reply) {
        if is_refusal(reply) {
            mail.transaction.content_answered(Wait::DataStart, reply);
            mail.content = Content::Ended;
        } else if mail.transaction.has_recipient() {
            mail.content = Content::Wanted;
            self.events.push_back(Event::ContentWanted);
        } else {
            // RFC 2920 §3.1: DATA was pipelined and accepted though no recipient was; a lone dot ends it.
            mail.content = Content::Ended;
            self.out.push(b".\r\n");
            self.transcript.say(Speaker::Us, ".");
            mail.due.push_back(Due::FinalDot);
        }
    }

    /// A reply before the content was ended: the peer wants no more of it. A refusal counts for all; then the
    /// connection is of no use, because we are in the middle of the content.
    fn handle_early_reply(&mut self, mut mail: Box<MailPhase>, reply: Reply) {
        if is_refusal(&reply) {
            mail.transaction.content_answered(Wait::DataBlock, &reply);
        }
        self.phase = Phase::Mail(mail);
        self.fail_unexpected(Wait::DataBlock, reply);
    }

    /// Sends what may be sent next, asks for content, or ends the transaction.
    fn go_on_with_mail(&mut self, mut mail: Box<MailPhase>) {
        if mail.due.is_empty() {
            let only_data_left = matches!(mail.transaction.unsent.front(), Some((Due::Data, _)));
            if only_data_left && !mail.transaction.has_recipient() {
                mail.transaction.unsent.clear();
            }
            self.send_commands(&mut mail);
        }
        if !mail.due.is_empty() || mail.content == Content::Wanted {
            self.phase = Phase::Mail(mail);
            return;
        }
        if mail.content == Content::NotAsked && mail.transaction.chunked && mail.transaction.has_recipient() {
            mail.content = Content::Wanted;
            self.events.push_back(Event::ContentWanted);
            self.phase = Phase::Mail(mail);
            return;
        }
        self.phase = Phase::Ready;
        let end_sent = mail.end_sent;
        self.events
            .push_back(Event::MailDone(mail.transaction.result(end_sent)));
    }

    /// One command, or with PIPELINING all of them: DATA comes last in its group (RFC 2920 §3.1).
    fn send_commands(&mut self, mail: &mut MailPhase) {
        let pipelined = self.offer.has("PIPELINING");
        while let Some((due, line)) = mail.transaction.unsent.pop_front() {
            self.say(&line);
            mail.due.push_back(due);
            if !pipelined {
                break;
            }
        }
    }

    /// Sends a chunk that has [`BDAT_ROOM`] before it, where its command goes: so it need not be copied.
    fn send_chunk(&mut self, mail: &mut MailPhase, mut chunk: Vec<u8>, last: bool) {
        let end = if last { " LAST" } else { "" };
        let line = format!("BDAT {}{end}\r\n", chunk.len().saturating_sub(BDAT_ROOM));
        self.transcript.say(Speaker::Us, line.trim_end());
        let from = BDAT_ROOM - line.len();
        chunk[from..BDAT_ROOM].copy_from_slice(line.as_bytes());
        self.out.take(chunk, from);
        mail.due.push_back(Due::Chunk { last });
    }

    fn say_ehlo(&mut self) {
        self.phase = Phase::Ehlo;
        self.say(&format!("EHLO {}", self.ehlo_name));
    }

    fn say(&mut self, line: &str) {
        self.transcript.say(Speaker::Us, line);
        self.out.push(line.as_bytes());
        self.out.push(b"\r\n");
    }

    fn become_ready(&mut self, offer: Offer) {
        self.offer = offer;
        self.phase = Phase::Ready;
        self.events.push_back(Event::Ready);
    }

    fn close(&mut self) {
        self.phase = Phase::Over;
        self.events.push_back(Event::Closed);
    }

    fn fail_unexpected(&mut self, to: Wait, reply: Reply) {
        self.fail(SessionFault::Unexpected { to, reply });
    }

    /// Ends the session. Recipients that were answered keep their answer (a 550 to one RCPT stays one).
    fn fail(&mut self, fault: SessionFault) {
        if let Phase::Mail(mail) = std::mem::replace(&mut self.phase, Phase::Over) {
            // What was not written yet has not left: the peer has no whole message then.
            let end_sent = mail.end_sent && self.out.is_empty();
            self.events
                .push_back(Event::MailDone(mail.transaction.result(end_sent)));
        }
        self.out.clear();
        self.reader.clear();
        self.transcript.say(Speaker::Note, &fault.to_string());
        self.events.push_back(Event::Failed(fault));
    }
}
