//! From a lease into Maildirs.

use std::{io, sync::Arc};

use rustix::io::Errno;
use sekisho_mail::{
    Decision, Domain, EnhancedCode, Evidence, Fault, Mailbox, OrganizationName, OriginalRecipient, Outcome, Recipient,
    Side, Speaker, SpokenLine, Timestamp,
};
use sekisho_policy::{Reason, directory::FamilyCourse};
use sekisho_store::{Body, Lease, QueuedRecipient};
use tokio::task;

use super::{
    Directory, LocalFinding, Resident,
    maildir::{self, Entry, Stored, is_errno},
};
use crate::copy::Rendition;

/// [`sekisho_mail::Evidence::route`] of a local delivery.
pub const ROUTE: &str = "local mailbox";

/// What is said in the place of a connection, where mail stays in this process.
const NO_CONNECTION: &str = "internal, no connection";

/// What to say of an attempt that needed no connection; `None` of all others.
#[must_use]
pub fn connection_of(evidence: &Evidence) -> Option<&'static str> {
    (evidence.route == ROUTE).then_some(NO_CONNECTION)
}

/// What a local delivery is done with.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Who is local.
    pub directory: &'a Directory,
    /// Our name, in the names of files.
    pub hostname: &'a Domain,
    /// Whose mailboxes they are.
    pub organization: &'a OrganizationName,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResult {
    /// [`QueuedRecipient::index`].
    pub index: u32,
    /// Delivered, deferred or bounced.
    pub outcome: Outcome,
    /// For the evidence.
    pub decision: Decision,
    /// For the evidence.
    pub conversation: Vec<SpokenLine>,
}

/// Puts the message of a lease into the mailboxes of these of its recipients: one result for each, in their order.
/// `retry_at` says when a recipient is tried again that has to wait.
///
/// Recipients are resolved again: one that lost its mailbox bounces, and one that has become an alias for mailboxes
/// here goes to each of them.
pub async fn deliver(
    hop: Hop<'_>,
    lease: &Lease,
    recipients: &[&QueuedRecipient],
    retry_at: impl Fn(&QueuedRecipient) -> Timestamp + Send + Sync,
) -> Vec<LocalResult> {
    let mut results = Vec::with_capacity(recipients.len());
    for queued in recipients {
        let (outcome, reason, note) = match hop.mailboxes(&queued.recipient.mailbox) {
            Ok((residents, reason)) => match hop.store_in_all(lease, queued, &residents).await {
                Ok(note) => (delivered(), reason, note),
                Err(why) => (deferred(why, retry_at(queued)), reason, String::new()),
            },
            Err(Nowhere::UnknownUser) => (
                Outcome::Bounced { why: unknown_user() },
                Reason::UnknownUser,
                String::new(),
            ),
            Err(Nowhere::Elsewhere(why)) => {
                let reason = Reason::FaultOfOurs { why: why.clone() };
                (
                    deferred(our_fault(EnhancedCode::new(4, 3, 5), why), retry_at(queued)),
                    reason,
                    String::new(),
                )
            }
        };
        let note = match &outcome {
            Outcome::Delivered { .. } => note,
            Outcome::Deferred { why, .. } | Outcome::Bounced { why } => why.text.clone(),
        };
        results.push(LocalResult {
            index: queued.index,
            outcome,
            decision: Decision::NotJudged(vec![reason.into()]),
            conversation: vec![SpokenLine {
                by: Speaker::Note,
                text: note,
                after_millis: 0,
            }],
        });
    }
    results
}

/// Why there is no mailbox to put a message into.
enum Nowhere {
    UnknownUser,
    /// The settings have changed since the message was accepted.
    Elsewhere(String),
}

impl Hop<'_> {
    fn mailboxes(&self, mailbox: &Mailbox) -> Result<(Vec<Arc<Resident>>, Reason), Nowhere> {
        let ends = match self.directory.find_mailbox(mailbox) {
            LocalFinding::User(resident) => return Ok((vec![resident], Reason::LocalRecipient)),
            LocalFinding::Alias(ends) => ends,
            LocalFinding::UnknownUser => return Err(Nowhere::UnknownUser),
            LocalFinding::NotLocal | LocalFinding::RelayDomain => {
                return Err(Nowhere::Elsewhere(format!(
                    "{} is no local domain any more",
                    mailbox.host()
                )));
            }
        };
        let mut residents = Vec::with_capacity(ends.len());
        for end in ends.iter() {
            let LocalFinding::User(resident) = self.directory.find_mailbox(end) else {
                let why = format!("{mailbox} has become an alias that leads elsewhere; redirect the message");
                return Err(Nowhere::Elsewhere(why));
            };
            residents.push(resident);
        }
        Ok((residents, Reason::LocalAlias))
    }

    /// Every mailbox or none counts: a repeat adds nothing where the message is already.
    async fn store_in_all(
        &self,
        lease: &Lease,
        queued: &QueuedRecipient,
        residents: &[Arc<Resident>],
    ) -> Result<String, Fault> {
        let mut notes = Vec::with_capacity(residents.len());
        let recipient = &queued.recipient;
        let whose = (&recipient.organization, self.organization);
        let copy = Rendition::of(recipient.handling.as_deref(), whose, FamilyCourse::Within);
        for resident in residents {
            let entry = Entry {
                folder: resident.user.maildir.clone(),
                name: self.file_name(lease, queued.index),
                header: header(lease, recipient, &copy),
            };
            let stored = store(entry, &lease.body, &copy).await;
            let stored = stored.map_err(|fault| fault_of(&fault))?;
            notes.push(match stored {
                Stored::Now => format!("written to the mailbox of {}, line ends as LF", resident.user.name),
                Stored::Before => format!("in the mailbox of {} from an earlier attempt", resident.user.name),
            });
        }
        notes.extend(copy.words());
        Ok(notes.join("; "))
    }

    fn file_name(&self, lease: &Lease, index: u32) -> String {
        format!(
            "{}.{}-{index}.{}",
            lease.id.began_at().as_secs(),
            lease.id,
            self.hostname
        )
    }
}

/// What a mailbox's owner expects before the content: who sent it (RFC 5321 §4.4), to which mailbox it was delivered
/// (a guard against loops) and under which address it came; and what rules add.
fn header(lease: &Lease, recipient: &Recipient, copy: &Rendition) -> String {
    let original = recipient
        .orcpt
        .as_ref()
        .and_then(OriginalRecipient::address)
        .unwrap_or_else(|| recipient.mailbox.to_string());
    let added = String::from_utf8_lossy(copy.front()).replace("\r\n", "\n");
    format!(
        "Return-Path: {}\nDelivered-To: {}\nX-Original-To: {original}\n{added}",
        lease.envelope.reverse_path, recipient.mailbox
    )
}

async fn store(entry: Entry, body: &Body, copy: &Rendition) -> io::Result<Stored> {
    let mut reader = body.reader()?;
    let mut filter = copy.filter();
    let mut next_piece = move || match (reader.next_blocking()?, &mut filter) {
        (piece, None) => Ok(piece),
        (Some(piece), Some(filter)) => Ok(Some(filter.pass_bytes(piece))),
        (None, Some(filter)) => {
            let held = filter.finish();
            Ok((!held.is_empty()).then(|| held.into()))
        }
    };
    let written = task::spawn_blocking(move || maildir::write(&entry, &mut next_piece));
    written.await.map_err(io::Error::other)?
}

fn delivered() -> Outcome {
    Outcome::Delivered {
        reply: None,
        relayed_with_dsn: false,
    }
}

fn deferred(why: Fault, until: Timestamp) -> Outcome {
    Outcome::Deferred { until, why }
}

fn unknown_user() -> Fault {
    Fault {
        status: EnhancedCode::new(5, 1, 1),
        text: "there is no such user here".to_owned(),
        side: Side::Sender,
        reply: None,
        host: None,
        unmet: None,
    }
}

fn our_fault(status: EnhancedCode, text: String) -> Fault {
    Fault {
        status,
        text,
        side: Side::Us,
        reply: None,
        host: None,
        unmet: None,
    }
}

/// RFC 3463 §3.3 and §3.4: the mailbox's quota, the machine's disk, or the machine. Each passes when the operator has
/// seen to it, so none bounces.
fn fault_of(fault: &io::Error) -> Fault {
    let (status, what) = if is_errno(fault, Errno::DQUOT) {
        (EnhancedCode::new(4, 2, 2), "the mailbox is over its quota")
    } else if is_errno(fault, Errno::NOSPC) {
        (EnhancedCode::new(4, 3, 1), "the disk with the mailbox is full")
    } else {
        (EnhancedCode::new(4, 3, 0), "the mailbox cannot be written")
    };
    our_fault(status, format!("{what}: {fault}"))
}
