//! The phases of a session, and the only place where one becomes another (law 7).
//!
//! What lasts for the session is not here; what belongs to a transaction is in the variant, so that it is gone when the
//! phase is. [`Stage`] keeps its phase to itself: other modules can look at it and name a transition, nothing else.

use sekisho_mail::{ForwardPath, Recipient, Reply};

use super::question::Transaction;
use crate::wire::content::ContentReader;

/// Where a session is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Connected, not greeted.
    Opening,
    /// Greeted, or under TLS just now: EHLO or HELO has to come.
    Fresh,
    /// Said hello; no transaction.
    Ready,
    /// After MAIL.
    Envelope(Transaction),
    /// Content comes: after 354, or inside a chunk.
    Content(Box<Reception>),
    /// Behind a chunk that was not the last.
    BetweenChunks(Box<Reception>),
    /// Refused content is read to its end.
    Discard(Box<Discard>),
    /// A question is open.
    Deciding(Pending),
    /// 220 was said to STARTTLS.
    Handshake,
    /// Nothing more is read.
    Closed,
}

/// A message that is being received.
#[derive(Debug)]
pub(super) struct Reception {
    pub(super) transaction: Transaction,
    pub(super) reader: ContentReader,
    /// `None` under dots.
    pub(super) chunk: Option<OpenChunk>,
    /// BDAT commands so far.
    pub(super) chunks: u32,
}

/// The chunk that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenChunk {
    pub(super) octets: u64,
    pub(super) left: u64,
    pub(super) last: bool,
}

/// Content that nobody wants any more.
#[derive(Debug)]
pub(super) struct Discard {
    pub(super) end: DiscardEnd,
    /// Reads on, since it may yet find a graver fault; `None` when the content was refused before it came.
    pub(super) reader: Option<Box<ContentReader>>,
    /// Octets that are read at most before the connection is cut.
    pub(super) budget: u64,
    /// What is answered at its end; `None` when the reader's fault says it.
    pub(super) reply: Option<Reply>,
    /// Whether the connection is closed then.
    pub(super) closes: bool,
    /// Whether whoever drives the session refused it, and need not be told.
    pub(super) is_known: bool,
}

/// How the end of refused content is found.
#[derive(Debug)]
pub(super) enum DiscardEnd {
    /// By the final dot.
    Dot,
    /// After so many octets.
    Octets {
        /// Still to come.
        left: u64,
        /// Whether the message would have ended with them.
        last: bool,
    },
}

/// What waits for an answer.
#[derive(Debug)]
pub(super) enum Pending {
    /// MAIL.
    Mail(Transaction),
    /// A RCPT of this transaction.
    Recipient(Transaction),
    /// DATA or the first BDAT.
    Content(Box<Reception>),
    /// The whole message.
    Message,
    /// STARTTLS.
    StartTls,
}

/// What a session comes back to when no transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// No hello yet.
    Fresh,
    /// Hello was said.
    Ready,
}

impl Rest {
    const fn phase(self) -> Phase {
        match self {
            Self::Fresh => Phase::Fresh,
            Self::Ready => Phase::Ready,
        }
    }
}

/// Holds the phase.
#[derive(Debug)]
pub(super) struct Stage(Phase);

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a transition names the phases that it leaves; any other is put back as it was"
)]
impl Stage {
    pub(super) const fn new() -> Self {
        Self(Phase::Opening)
    }

    pub(super) const fn phase(&self) -> &Phase {
        &self.0
    }

    /// The message being received, to read on with.
    pub(super) const fn reception(&mut self) -> Option<&mut Reception> {
        match &mut self.0 {
            Phase::Content(reception) => Some(reception),
            Phase::Opening
            | Phase::Fresh
            | Phase::Ready
            | Phase::Envelope(_)
            | Phase::BetweenChunks(_)
            | Phase::Discard(_)
            | Phase::Deciding(_)
            | Phase::Handshake
            | Phase::Closed => None,
        }
    }

    /// The refused content, to read on with.
    pub(super) const fn discard(&mut self) -> Option<&mut Discard> {
        match &mut self.0 {
            Phase::Discard(discard) => Some(discard),
            Phase::Opening
            | Phase::Fresh
            | Phase::Ready
            | Phase::Envelope(_)
            | Phase::Content(_)
            | Phase::BetweenChunks(_)
            | Phase::Deciding(_)
            | Phase::Handshake
            | Phase::Closed => None,
        }
    }

    /// Whether content that came so far is lost with the phase.
    const fn holds_content(&self) -> bool {
        matches!(self.0, Phase::Content(_) | Phase::BetweenChunks(_))
    }

    /// Greeted, or TLS was established: all that was said before is forgotten (RFC 3207 §4.2).
    pub(super) fn become_fresh(&mut self) {
        self.0 = Phase::Fresh;
    }

    /// No transaction any more, in whatever way it ended. True when content was lost by it.
    pub(super) fn rest(&mut self, after: Rest) -> bool {
        let lost = self.holds_content();
        self.0 = after.phase();
        lost
    }

    pub(super) fn enter_envelope(&mut self, transaction: Transaction) {
        self.0 = Phase::Envelope(transaction);
    }

    pub(super) fn enter_content(&mut self, reception: Box<Reception>) {
        self.0 = Phase::Content(reception);
    }

    pub(super) fn wait_for_handshake(&mut self) {
        self.0 = Phase::Handshake;
    }

    pub(super) fn ask_about_mail(&mut self, transaction: Transaction) {
        self.0 = Phase::Deciding(Pending::Mail(transaction));
    }

    pub(super) fn ask_about_tls(&mut self) {
        self.0 = Phase::Deciding(Pending::StartTls);
    }

    /// RCPT inside a transaction; false when there is none.
    pub(super) fn ask_about_recipient(&mut self, path: &ForwardPath) -> bool {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Envelope(mut transaction) => {
                transaction.name(path);
                self.0 = Phase::Deciding(Pending::Recipient(transaction));
                true
            }
            other => {
                self.0 = other;
                false
            }
        }
    }

    /// DATA or the first BDAT inside a transaction; false when there is none.
    pub(super) fn ask_about_content(&mut self, reader: ContentReader, chunk: Option<OpenChunk>) -> bool {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Envelope(transaction) => {
                self.0 = Phase::Deciding(Pending::Content(Box::new(Reception {
                    transaction,
                    reader,
                    chunk,
                    chunks: u32::from(chunk.is_some()),
                })));
                true
            }
            other => {
                self.0 = other;
                false
            }
        }
    }

    /// A further BDAT; false when none came before.
    pub(super) fn enter_next_chunk(&mut self, chunk: OpenChunk) -> bool {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::BetweenChunks(mut reception) => {
                reception.chunk = Some(chunk);
                reception.chunks += 1;
                self.0 = Phase::Content(reception);
                true
            }
            other => {
                self.0 = other;
                false
            }
        }
    }

    /// The end of a chunk that is not the last.
    pub(super) fn end_chunk(&mut self) {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Content(reception) => self.0 = Phase::BetweenChunks(reception),
            other => self.0 = other,
        }
    }

    /// The end of the content: the reception is handed out and the question opens.
    pub(super) fn ask_about_message(&mut self) -> Option<Box<Reception>> {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Content(reception) => {
                self.0 = Phase::Deciding(Pending::Message);
                Some(reception)
            }
            other => {
                self.0 = other;
                None
            }
        }
    }

    /// The question that is open, taken out; the next transition follows at once.
    pub(super) fn take_pending(&mut self) -> Option<Pending> {
        match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Deciding(pending) => Some(pending),
            other => {
                self.0 = other;
                None
            }
        }
    }

    /// Refused content is read to its end. Gives the reception that ended by it, when there was one.
    pub(super) fn enter_discard(&mut self, make: impl FnOnce(Option<Box<Reception>>) -> Discard) {
        let reception = match std::mem::replace(&mut self.0, Phase::Closed) {
            Phase::Content(reception) | Phase::BetweenChunks(reception) => Some(reception),
            _ => None,
        };
        self.0 = Phase::Discard(Box::new(make(reception)));
    }

    /// The end of refused content.
    pub(super) fn leave_discard(&mut self, after: Rest) -> Option<Box<Discard>> {
        match std::mem::replace(&mut self.0, after.phase()) {
            Phase::Discard(discard) => Some(discard),
            other => {
                self.0 = other;
                None
            }
        }
    }

    /// Nothing more is read. True when content was lost by it.
    pub(super) fn close(&mut self) -> bool {
        let lost = self.holds_content();
        self.0 = Phase::Closed;
        lost
    }

    /// The answer to a RCPT was no: the transaction goes on as it was.
    pub(super) fn resume(&mut self, transaction: Transaction, admitted: Option<(Vec<Recipient>, String)>) {
        let mut transaction = transaction;
        if let Some((recipients, by)) = admitted {
            transaction.admit(recipients, by);
        }
        self.0 = Phase::Envelope(transaction);
    }
}
