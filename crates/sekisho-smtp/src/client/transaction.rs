//! One mail transaction: its commands in order, and what the replies mean for each recipient (RFC 5321 §3.3, RFC 2920,
//! RFC 3030, RFC 3461 §5.2, RFC 6152, RFC 1870). Which of them may be under way at a time is the session's to say.

use std::fmt::Write as _;

use sekisho_mail::{BodyKind, Envelope, Recipient, Reply};

use super::{StartRefusal, Wait, content::ContentWriter, fault::is_success};
use crate::wire::ehlo_reply::Offer;

/// What the caller knows of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailFacts {
    /// Octets, dots not stuffed.
    pub size: u64,
    /// Whether an octet above 127 is in it.
    pub eight_bit: bool,
}

/// What became of each recipient, in the order of the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailResult {
    /// One per recipient.
    pub recipients: Vec<RecipientReply>,
    /// Whether DSN was offered, so that the next hop took over the duty to notify (RFC 3461 §5.2.2).
    pub relayed_with_dsn: bool,
    /// Whether the end of the content has left: then the peer may have taken the message even where its answer is
    /// missing, and another host would make a duplicate of it (RFC 1047).
    pub end_sent: bool,
}

impl MailResult {
    /// Of a transaction that left no trace: every recipient counts as unanswered.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            recipients: Vec::new(),
            relayed_with_dsn: false,
            end_sent: false,
        }
    }
}

/// What the peer said of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientReply {
    /// It took the message; of a probe, the recipient.
    Accepted(Reply),
    /// It refused.
    Refused {
        /// What it was asked: MAIL, this RCPT, DATA or the content.
        at: Wait,
        /// What it said.
        reply: Reply,
    },
    /// The session ended before it said so.
    Unanswered,
}

/// A command whose reply is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Reset,
    Mail,
    Rcpt(usize),
    Data,
    Chunk { last: bool },
    FinalDot,
}

/// The state of one transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Commands not yet sent, in order.
    pub(super) unsent: std::collections::VecDeque<(Due, String)>,
    /// How content is sent.
    pub(super) chunked: bool,
    pub(super) writer: ContentWriter,
    /// It ends with the recipients, and no content is sent.
    is_probe: bool,
    replies: Vec<Option<(Wait, Reply)>>,
    /// Whether RCPT (and all before it) was accepted, per recipient.
    accepted: Vec<bool>,
    relayed_with_dsn: bool,
}

impl Transaction {
    /// Plans the commands.
    pub(super) fn new(envelope: &Envelope, facts: MailFacts, offer: &Offer) -> Result<Self, StartRefusal> {
        if facts.eight_bit && !offer.has("8BITMIME") {
            return Err(StartRefusal::EightBitNotOffered);
        }
        if let Some(limit) = offer.max_size().filter(|limit| facts.size > *limit) {
            return Err(StartRefusal::TooLarge {
                size: facts.size,
                limit,
            });
        }
        // Without PIPELINING each chunk would have to wait for the reply to the one before.
        let chunked = offer.has("CHUNKING") && offer.has("PIPELINING");
        let mut unsent = std::collections::VecDeque::with_capacity(envelope.recipients.len() + 3);
        unsent.push_back((Due::Mail, mail_command(envelope, facts, offer)));
        for (index, recipient) in envelope.recipients.iter().enumerate() {
            unsent.push_back((Due::Rcpt(index), rcpt_command(recipient, offer)));
        }
        // DSN parameters and addresses are other people's text: a line end in one of them would be a command.
        if unsent
            .iter()
            .any(|(_, line)| !line.bytes().all(|octet| (32..127).contains(&octet)))
        {
            return Err(StartRefusal::BadEnvelope);
        }
        if !chunked {
            unsent.push_back((Due::Data, "DATA".to_owned()));
        }
        let count = envelope.recipients.len();
        Ok(Self {
            unsent,
            chunked,
            writer: ContentWriter::new(!chunked),
            is_probe: false,
            replies: vec![None; count],
            accepted: vec![false; count],
            relayed_with_dsn: offer.has("DSN"),
        })
    }

    /// Plans MAIL and RCPT alone: what the peer says of the recipients, without any content.
    pub(super) fn probe(envelope: &Envelope, facts: MailFacts, offer: &Offer) -> Result<Self, StartRefusal> {
        let mut transaction = Self::new(envelope, facts, offer)?;
        transaction.unsent.retain(|(due, _)| *due != Due::Data);
        (transaction.is_probe, transaction.chunked) = (true, false);
        Ok(transaction)
    }

    /// MAIL was refused: so is everybody, and what has not been sent stays unsent.
    pub(super) fn mail_refused(&mut self, reply: &Reply) {
        self.replies
            .iter_mut()
            .for_each(|answer| *answer = Some((Wait::Mail, reply.clone())));
        self.unsent.clear();
    }

    /// RCPT was answered. A pipelined RCPT behind a refused MAIL is answered too (503); MAIL's reply stays the cause.
    pub(super) fn rcpt_answered(&mut self, index: usize, reply: Reply) {
        if self.replies[index].is_none() {
            self.accepted[index] = is_success(&reply);
            // Where content follows, its reply is the one that counts.
            self.replies[index] = (self.is_probe || !is_success(&reply)).then_some((Wait::Rcpt, reply));
        }
    }

    /// Whether the content has somebody to go to.
    pub(super) fn has_recipient(&self) -> bool {
        self.accepted.contains(&true)
    }

    /// DATA, a chunk or the whole content was answered: for all who had been accepted. The first refusal stands.
    pub(super) fn content_answered(&mut self, at: Wait, reply: &Reply) {
        for (answer, _) in self
            .replies
            .iter_mut()
            .zip(&self.accepted)
            .filter(|(_, accepted)| **accepted)
        {
            answer.get_or_insert_with(|| (at, reply.clone()));
        }
    }

    /// What became of each recipient so far; `end_sent` says that the end of the content has left.
    pub(super) fn result(self, end_sent: bool) -> MailResult {
        let recipients = self.replies.into_iter().map(|reply| match reply {
            None => RecipientReply::Unanswered,
            Some((_, reply)) if is_success(&reply) => RecipientReply::Accepted(reply),
            Some((at, reply)) => RecipientReply::Refused { at, reply },
        });
        MailResult {
            recipients: recipients.collect(),
            relayed_with_dsn: self.relayed_with_dsn,
            end_sent,
        }
    }
}

fn mail_command(envelope: &Envelope, facts: MailFacts, offer: &Offer) -> String {
    let mut line = format!("MAIL FROM:{}", envelope.reverse_path);
    if offer.has("SIZE") {
        let _ = write!(line, " SIZE={}", facts.size);
    }
    if offer.has("8BITMIME") && (facts.eight_bit || envelope.body == BodyKind::EightBitMime) {
        line.push_str(" BODY=8BITMIME");
    }
    if offer.has("DSN") {
        if let Some(ret) = envelope.ret {
            let _ = write!(line, " RET={ret}");
        }
        if let Some(envid) = &envelope.envid {
            let _ = write!(line, " ENVID={}", envid.0);
        }
    }
    line
}

fn rcpt_command(recipient: &Recipient, offer: &Offer) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.mailbox);
    if offer.has("DSN") {
        if let Some(notify) = recipient.notify {
            let _ = write!(line, " NOTIFY={notify}");
        }
        if let Some(orcpt) = &recipient.orcpt {
            let _ = write!(line, " ORCPT={}", orcpt.0);
        }
    }
    line
}
