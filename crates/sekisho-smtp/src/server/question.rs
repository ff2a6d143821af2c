//! What the machine asks of whoever drives it, and what it may be answered.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use sekisho_mail::{
    BodyKind, Envelope, EnvelopeId, ForwardPath, Mailbox, MessageId, Recipient, Reply, Ret, ReversePath,
};

use crate::wire::{
    content::{ContentFacts, Piece},
    params::{MailParameters, RcptParameters},
};

/// One step of the session: so much input is used up, and this is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Octets at the front of the input that must not be given again.
    pub consumed: usize,
    /// What is to be done.
    pub event: Event,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Write the replies; the rest of the input is the beginning of something: read more behind it.
    NeedInput,
    /// Write the replies, many have collected; then give the rest of the input again.
    Flush,
    /// The session refused something with this reply, which is among the collected ones.
    Refused(Reply),
    /// Answer with [`super::ServerSession::handle_answer`]; no input is taken before.
    Ask(Question),
    /// A piece of content, in terms of the input just given.
    Content(Piece),
    /// The content so far will come to nothing: drop it.
    Abandon,
    /// Write the replies, then shake hands on the bare connection; nothing of the input is left.
    StartTls,
    /// Write the replies and close.
    Close,
}

/// What the machine cannot know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// May mail of this sender come in? [`Answer::Accept`] or [`Answer::Refuse`].
    Mail {
        /// The sender.
        reverse_path: ReversePath,
        /// SIZE, when it was said.
        size: Option<u64>,
    },
    /// May it go to this recipient? [`Answer::Recipients`] or [`Answer::Refuse`].
    Recipient {
        /// As RCPT named it.
        path: ForwardPath,
        /// What RCPT asked for.
        parameters: RcptParameters,
    },
    /// May the content come? [`Answer::Accept`] or [`Answer::Refuse`].
    Content {
        /// The recipient as RCPT named it, when there was only one; where an alias leads is nobody's business.
        only_recipient: Option<Mailbox>,
    },
    /// Is there room for a handshake? [`Answer::Accept`] or [`Answer::Refuse`].
    StartTls,
    /// All is here: keep it. [`Answer::Stored`] or [`Answer::Refuse`].
    Message(Box<Submission>),
}

/// A message that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// MAIL and RCPT; BODY is 8BITMIME when the content has octets beyond ASCII, whatever MAIL said.
    pub envelope: Envelope,
    /// By which rights its recipients were admitted, each once, in the order in which they were first used.
    pub admitted_by: Vec<String>,
    /// What was found out on the way.
    pub facts: ContentFacts,
    /// Whether BODY was set by what the content has, not by MAIL.
    pub eight_bit_undeclared: bool,
}

/// The answer to a [`Question`]. One that does not fit the question is taken for a fault of ours (451).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Accept,
    /// Yes: these recipients (several when it was an alias), by this right.
    Recipients {
        /// At least one.
        recipients: Vec<Recipient>,
        /// The right in words: `local recipient`, `relay: loopback`.
        admitted_by: String,
    },
    /// It is on stable storage under this id.
    Stored(MessageId),
    /// No, with this reply of class 4 or 5; 421 closes.
    Refuse(Reply),
}

/// A transaction between MAIL and its end.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) reverse_path: ReversePath,
    pub(super) body: BodyKind,
    pub(super) ret: Option<Ret>,
    pub(super) envid: Option<EnvelopeId>,
    pub(super) recipients: Vec<Recipient>,
    /// Places in `recipients` by hash, so that a long envelope is not searched at each RCPT.
    known: HashMap<u64, usize, RandomState>,
    /// RCPT commands accepted; an alias counts once.
    pub(super) accepted: u32,
    /// As the last RCPT named it.
    named: Option<Mailbox>,
    pub(super) admitted_by: Vec<String>,
    /// As the first accepted RCPT named it.
    first: Option<Mailbox>,
}

impl Transaction {
    /// What MAIL began.
    pub(super) fn new(reverse_path: ReversePath, parameters: MailParameters) -> Self {
        Self {
            reverse_path,
            body: parameters.body,
            ret: parameters.ret,
            envid: parameters.envid,
            recipients: Vec::new(),
            known: HashMap::default(),
            accepted: 0,
            named: None,
            admitted_by: Vec::new(),
            first: None,
        }
    }

    /// A RCPT names this.
    pub(super) fn name(&mut self, path: &ForwardPath) {
        self.named = match path {
            ForwardPath::Mailbox(mailbox) => Some(mailbox.clone()),
            ForwardPath::Postmaster => None,
        };
    }

    /// The recipient as RCPT named it, when there was one alone.
    pub(super) fn only_recipient(&self) -> Option<Mailbox> {
        self.first.clone().filter(|_| self.accepted == 1)
    }

    /// Adds what a RCPT came to; a recipient that is there already, word for word, is not added again.
    pub(super) fn admit(&mut self, recipients: Vec<Recipient>, admitted_by: String) {
        for recipient in recipients {
            let hash = self.known.hasher().hash_one(&recipient);
            let is_there = (self.known.get(&hash)).is_some_and(|place| self.recipients.get(*place) == Some(&recipient));
            if !is_there {
                self.known.insert(hash, self.recipients.len());
                self.recipients.push(recipient);
            }
        }
        if !self.admitted_by.contains(&admitted_by) {
            self.admitted_by.push(admitted_by);
        }
        if self.accepted == 0 {
            self.first = self.named.take();
        }
        self.accepted += 1;
    }

    /// The whole message, now that its content is known.
    pub(super) fn submit(self, facts: ContentFacts) -> Submission {
        let eight_bit_undeclared = facts.eight_bit && self.body == BodyKind::SevenBit;
        Submission {
            envelope: Envelope {
                reverse_path: self.reverse_path,
                body: if eight_bit_undeclared {
                    BodyKind::EightBitMime
                } else {
                    self.body
                },
                ret: self.ret,
                envid: self.envid,
                recipients: self.recipients,
            },
            admitted_by: self.admitted_by,
            facts,
            eight_bit_undeclared,
        }
    }
}
