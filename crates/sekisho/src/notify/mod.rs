//! Notifications to the sender about what became of a message (RFC 3461 to 3464).
//!
//! When a recipient has failed for good, when one is late and for how long a message is tried is decided elsewhere
//! (`outbound`); who wants to hear of it, and in which words, is decided here. A notification is never answered by
//! another: nothing is written for a null return path (RFC 5321 §6.1).
//!
//! A requirement travels with the message (law 2): about a message that any TLS requirement covered, a notification
//! carries headers only and itself demands encryption.

pub(crate) mod ascii;
mod message;
mod returned;
mod status;
mod words;

#[cfg(test)]
mod tests;

use sekisho_mail::{
    BodyKind, ChannelSecurity, Demand, DemandLevel, Domain, Envelope, Evidence, Mailbox, Notify, OrganizationName,
    Outcome, PlaintextCause, Recipient, ReversePath, Timestamp,
};
use sekisho_store::{Accepted, Arrival, Lease, Notice, QueuedRecipient, RecipientResult, Store, StoreError};

use self::message::Report;
use crate::local::Directory;

/// In whose name notifications are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// Our name: the reporting MTA, and the domain of `MAILER-DAEMON` and `postmaster`.
    pub hostname: Domain,
}

/// A lease that is about to be settled.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// The message.
    pub lease: &'a Lease,
    /// One for each recipient of the lease. A delay is told where [`RecipientResult::delay_notified`] is set and the
    /// sender did not forbid it.
    pub results: &'a [RecipientResult],
    /// What the route of this destination demands, even when nothing was attempted.
    pub route_demands: &'a [Demand],
    /// Who answers for the way to the sender.
    pub organization: &'a OrganizationName,
    /// What is demanded on the way to the sender's address: it travels along where that is an alias.
    pub covering: &'a [Demand],
    /// Until when the message is tried: for notifications of delay.
    pub expires: Timestamp,
}

/// What one notification is about; there is at most one of each for a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Failed,
    Delayed,
    Succeeded,
}

/// RFC 3464 §2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
}

impl Action {
    const fn kind(self) -> Kind {
        match self {
            Self::Failed => Kind::Failed,
            Self::Delayed => Kind::Delayed,
            Self::Delivered | Self::Relayed => Kind::Succeeded,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

/// One recipient in a notification.
#[derive(Clone, Copy, Debug)]
struct Told<'a> {
    queued: &'a QueuedRecipient,
    action: Action,
    outcome: &'a Outcome,
    evidence: Option<&'a Evidence>,
}

/// Writes the notifications that follow from a settlement: at most one for what failed, one for what is late and one
/// for what was delivered or relayed. `directory` resolves a sender that is an alias of ours.
///
/// # Errors
/// When the store takes no message now: then the lease must not be settled as it was going to be.
pub async fn notices(
    settings: &NotifySettings,
    directory: &Directory,
    settled: Settled<'_>,
    now: Timestamp,
    store: &dyn Store,
) -> Result<Vec<Notice>, StoreError> {
    let ReversePath::Mailbox(sender) = settled.lease.reverse_path() else {
        return Ok(Vec::new());
    };
    let told = settled.told();
    let mut notices = Vec::new();
    for kind in [Kind::Failed, Kind::Delayed, Kind::Succeeded] {
        let about: Vec<Told<'_>> = told.iter().filter(|told| told.action.kind() == kind).copied().collect();
        if about.is_empty() {
            continue;
        }
        let report = Report {
            settings,
            settled,
            kind,
            told: &about,
            sender,
            returned: returned::read(settled.lease, kind, settled.is_covered()).await,
            now,
        };
        notices.push(enqueue(&report, directory, store)?);
    }
    Ok(notices)
}

/// Makes a queued message of a report.
fn enqueue(report: &Report<'_>, directory: &Directory, store: &dyn Store) -> Result<Notice, StoreError> {
    let mut draft = store.begin(report.now)?;
    let written = report.write(draft.id());
    draft.write_in_memory(&written.content);
    let organization = report.settled.organization.clone();
    let to = recipient(report.sender, report.settled.is_covered(), organization);
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        body: BodyKind::SevenBit,
        ret: None,
        envid: None,
        recipients: directory
            .find_mailbox(report.sender)
            .expand(to, report.settled.covering),
    };
    let arrival = Arrival {
        at: report.now,
        listener: "dsn".to_owned(),
        peer: None,
        helo: report.settings.hostname.to_string(),
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        directory: 0,
        admitted_by: "own notification".to_owned(),
        message_id_header: Some(written.message_id),
        alterations: Vec::new(),
        shadow: Vec::new(),
    };
    Ok(Notice {
        draft,
        accepted: Accepted { envelope, arrival },
    })
}

/// The sender as a recipient. The demands of the message's own way name hosts that the sender's host need not be; what
/// can travel back is that nothing of it goes in the clear.
fn recipient(sender: &Mailbox, covered: bool, organization: OrganizationName) -> Recipient {
    let encryption = Demand {
        level: DemandLevel::Encryption,
        origin: "notification about a message that required TLS".to_owned(),
    };
    Recipient {
        notify: Some(Notify::Never),
        carried: if covered { vec![encryption] } else { Vec::new() },
        organization,
        ..Recipient::new(sender.clone())
    }
}

impl<'a> Settled<'a> {
    /// Who is to be told of, in the order of the lease.
    fn told(&self) -> Vec<Told<'a>> {
        let results = self.results;
        let result_of = |queued: &QueuedRecipient| results.iter().find(|result| result.index == queued.index);
        let told = |queued: &'a QueuedRecipient| {
            let result = result_of(queued)?;
            Some(Told {
                queued,
                action: wanted(queued.recipient.notify, result)?,
                outcome: &result.outcome,
                evidence: result.evidence.as_ref(),
            })
        };
        self.lease.recipients.iter().filter_map(told).collect()
    }

    /// Whether any TLS requirement covered the message on this way.
    fn is_covered(&self) -> bool {
        let carries = |queued: &QueuedRecipient| !queued.recipient.carried.is_empty();
        let required = |result: &RecipientResult| {
            let of_evidence = result
                .evidence
                .as_ref()
                .is_some_and(|evidence| !evidence.required.is_empty());
            of_evidence || fault(&result.outcome).is_some_and(|why| why.unmet.is_some())
        };
        !self.route_demands.is_empty() || self.lease.recipients.iter().any(carries) || self.results.iter().any(required)
    }
}

/// Whether and of what the sender is told (RFC 3461 §4.1; without NOTIFY, of failures and delays).
fn wanted(notify: Option<Notify>, result: &RecipientResult) -> Option<Action> {
    let (success, failure, delay) = match notify {
        None => (false, true, true),
        Some(Notify::Never) => return None,
        Some(Notify::When {
            success,
            failure,
            delay,
        }) => (success, failure, delay),
    };
    match &result.outcome {
        Outcome::Bounced { .. } => failure.then_some(Action::Failed),
        Outcome::Deferred { .. } => (delay && result.delay_notified).then_some(Action::Delayed),
        // The next hop has taken over the duty to tell (RFC 3461 §5.2.1).
        Outcome::Delivered {
            relayed_with_dsn: true, ..
        } => None,
        Outcome::Delivered { reply: None, .. } => success.then_some(Action::Delivered),
        Outcome::Delivered { reply: Some(_), .. } => success.then_some(Action::Relayed),
    }
}

/// Why not, when it is not delivered.
const fn fault(outcome: &Outcome) -> Option<&sekisho_mail::Fault> {
    match outcome {
        Outcome::Delivered { .. } => None,
        Outcome::Deferred { why, .. } | Outcome::Bounced { why } => Some(why),
    }
}
