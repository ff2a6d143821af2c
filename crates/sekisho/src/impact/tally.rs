//! What was found, counted and put together: the same thing is said once, with how often and a few messages.

use std::collections::HashMap;

use sekisho_api::{ImpactCounts, ImpactGroup, ImpactVerdict, MailDirection};
use sekisho_mail::{ChannelFacts, MessageId, ReversePath};

use super::{
    arrival::{Arrived, Reception},
    departure::{Departed, Sending},
};

/// Groups that are counted; what would be in another is only counted among all.
const GROUPS_MAX: usize = 2_000;
/// Groups that are told.
const GROUPS_TOLD: usize = 100;
/// Octets of what is said of each: a certificate has many names.
const WHY_OCTETS: usize = 512;
/// Messages that are named of each.
const MESSAGES_NAMED: usize = 5;

/// What is said of one delivery.
#[derive(Debug)]
pub(super) enum Judged {
    Same,
    Different(Finding),
    Unknown(Finding),
}

/// Why; those that are equal are one group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Finding {
    pub(super) direction: MailDirection,
    pub(super) domain: String,
    pub(super) host: Option<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) reason: String,
    pub(super) why: String,
    pub(super) document: Option<String>,
}

impl Finding {
    /// Where a message comes in.
    fn arriving(arrived: &Arrived<'_>) -> Self {
        Self {
            direction: MailDirection::In,
            domain: match arrived.sender {
                ReversePath::Null => "<>".to_owned(),
                ReversePath::Mailbox(sender) => sender.host().to_string(),
            },
            host: Some(arrived.client.to_string()),
            before: None,
            after: None,
            reason: String::new(),
            why: String::new(),
            document: None,
        }
    }

    pub(super) fn unknown_in(arrived: &Arrived<'_>, key: &str, why: &str) -> Self {
        Self {
            reason: key.to_owned(),
            why: why.to_owned(),
            ..Self::arriving(arrived)
        }
    }

    /// The refusal's reason says why, whichever side refuses.
    pub(super) fn of_reception(arrived: &Arrived<'_>, before: &Reception, after: &Reception) -> Self {
        let (reason, document) = match (before, after) {
            (_, Reception::Refused { reason, document, .. })
            | (Reception::Refused { reason, document, .. }, Reception::Taken(_)) => (reason.clone(), document.clone()),
            (Reception::Taken(one), Reception::Taken(other)) => {
                let mut reason = other.reason.clone();
                reason.key = "other-organization".to_owned();
                reason.text = format!(
                    "it would be mail of {} and no more of {}: {}",
                    other.organization, one.organization, reason.text
                );
                (reason, other.document.clone())
            }
        };
        Self {
            before: Some(before.word()),
            after: Some(after.word()),
            reason: reason.key,
            why: reason.text,
            document,
            ..Self::arriving(arrived)
        }
    }

    /// Where a message goes out.
    pub(super) fn unknown_out(departed: &Departed<'_>, host: Option<&str>, key: &str, why: &str) -> Self {
        Self {
            direction: MailDirection::Out,
            domain: departed.recipient.mailbox.host().to_string(),
            host: host.map(str::to_owned),
            before: None,
            after: None,
            reason: key.to_owned(),
            why: why.to_owned(),
            document: None,
        }
    }

    /// The reason of the side that keeps it back says why.
    pub(super) fn of_sending(
        departed: &Departed<'_>,
        channel: &ChannelFacts,
        before: &Sending,
        after: &Sending,
    ) -> Self {
        let deciding = if after.cleared { before } else { after };
        Self {
            before: Some(before.word()),
            after: Some(after.word()),
            document: deciding.document.clone(),
            ..Self::unknown_out(
                departed,
                channel.host.as_deref(),
                &deciding.reason.key,
                &deciding.reason.text,
            )
        }
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) deliveries: ImpactCounts,
    pub(super) queued: ImpactCounts,
    groups: HashMap<(bool, ImpactVerdict, Finding), Group>,
    ungrouped: u64,
}

#[derive(Debug, Default)]
struct Group {
    count: u64,
    messages: Vec<MessageId>,
}

impl Tally {
    /// With it, whether the directory in force decides otherwise than it was decided.
    pub(super) fn add(&mut self, queued: bool, id: MessageId, (judged, otherwise_then): (Judged, bool)) {
        let counts = if queued { &mut self.queued } else { &mut self.deliveries };
        counts.total += 1;
        counts.otherwise_then += u64::from(otherwise_then);
        let (verdict, finding) = match judged {
            Judged::Same => {
                counts.same += 1;
                return;
            }
            Judged::Different(finding) => {
                counts.different += 1;
                (ImpactVerdict::Different, finding)
            }
            Judged::Unknown(finding) => {
                counts.unknown += 1;
                (ImpactVerdict::Unknown, finding)
            }
        };
        let mut finding = finding;
        let end = finding.why.floor_char_boundary(WHY_OCTETS);
        finding.why.truncate(end);
        let key = (queued, verdict, finding);
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(key).or_default();
        group.count += 1;
        if group.messages.len() < MESSAGES_NAMED && !group.messages.contains(&id) {
            group.messages.push(id);
        }
    }

    /// The groups, largest first, and how many are in none that is told.
    pub(super) fn groups(&self) -> (Vec<ImpactGroup>, u64) {
        let mut groups: Vec<ImpactGroup> = self
            .groups
            .iter()
            .map(|((queued, verdict, finding), group)| {
                let finding = finding.clone();
                let mut messages = group.messages.clone();
                messages.sort_by(|one, other| other.cmp(one));
                ImpactGroup {
                    queued: *queued,
                    verdict: *verdict,
                    direction: finding.direction,
                    domain: finding.domain,
                    host: finding.host,
                    before: finding.before,
                    after: finding.after,
                    reason: finding.reason,
                    why: finding.why,
                    document: finding.document,
                    count: group.count,
                    messages,
                }
            })
            .collect();
        let rank = |group: &ImpactGroup| (group.verdict, std::cmp::Reverse(group.count));
        groups.sort_by(|one, other| {
            let by_rank = rank(one).cmp(&rank(other));
            let names = |group: &ImpactGroup| (group.domain.clone(), group.host.clone(), group.why.clone());
            by_rank.then_with(|| names(one).cmp(&names(other)))
        });
        let untold: u64 = groups.iter().skip(GROUPS_TOLD).map(|group| group.count).sum();
        groups.truncate(GROUPS_TOLD);
        (groups, self.ungrouped + untold)
    }
}
