//! A recipient at RCPT, decided anew: who may hand it in, and what the rules of its organization say of the message.

use std::net::IpAddr;

use sekisho_mail::{Demand, Mailbox, OrganizationName, Recipient, ReplyClass, ReversePath, StatedReason};
use sekisho_policy::{
    Reason,
    directory::{ConnectorKey, RuleFacts},
    inbound::{Admission, Attribution, InboundFacts, RelayRights, Stage, admit},
    replay::{self, Answers, Compared, Question},
};
use sekisho_store::{Arrival, Lane, TraceItem};

use super::side::Side;
use crate::local::LocalFinding;

/// A message as it came, for one of its recipients.
pub(super) struct Arrived<'a> {
    pub(super) arrival: &'a Arrival,
    pub(super) sender: &'a ReversePath,
    pub(super) client: IpAddr,
    /// As it is queued.
    pub(super) recipient: &'a Recipient,
    /// The address that RCPT named, where that is an alias.
    pub(super) alias: Option<Mailbox>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) enum Reception {
    Taken(Taken),
    Refused {
        for_good: bool,
        reason: StatedReason,
        document: Option<String>,
    },
}

/// What the message goes on with.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) organization: OrganizationName,
    /// Of rules.
    pub(super) demands: Vec<Demand>,
    /// What is settled about its way.
    pub(super) lane: Lane,
    pub(super) reason: StatedReason,
    pub(super) document: Option<String>,
}

/// By which word the trace knows what was kept out.
const REFUSED: &str = "refused";

impl<'a> Arrived<'a> {
    /// `None` for what this server made itself.
    pub(super) fn of(item: &'a TraceItem, recipient: &'a Recipient, sides: (&Side, &Side)) -> Option<Self> {
        let peer = item.arrival.peer?;
        let original = recipient.orcpt.as_ref().and_then(|original| original.address());
        let original = original.and_then(|address| Mailbox::parse(&address).ok());
        let leads_here = |side: &Side, alias: &Mailbox| match side.local().find_mailbox(alias) {
            LocalFinding::Alias(ends) => ends.contains(&recipient.mailbox),
            _ => false,
        };
        Some(Self {
            arrival: &item.arrival,
            sender: &item.envelope.reverse_path,
            client: peer.ip().to_canonical(),
            recipient,
            alias: original.filter(|alias| leads_here(sides.0, alias) || leads_here(sides.1, alias)),
        })
    }

    /// The address that RCPT named.
    pub(super) fn written(&self) -> &Mailbox {
        self.alias.as_ref().unwrap_or(&self.recipient.mailbox)
    }

    /// Whether the directory in force decides otherwise than it was decided.
    pub(super) fn is_otherwise(&self, compared: &Compared<Reception>) -> bool {
        let was_taken = self.arrival.admitted_by != REFUSED;
        match compared {
            Compared::Same(now) | Compared::Different { before: now, .. } => now.is_taken() != was_taken,
            Compared::Unknown(_) => false,
        }
    }

    fn admission(&self, side: &Side, answers: &Answers<'_>, rights: &RelayRights) -> Admission {
        let written = self.written();
        admit(&InboundFacts {
            client: self.client,
            security: &answers.complete(replay::Side::Client, &self.arrival.security),
            rights,
            directory: side.directory(),
            now: side.now(),
            reverse_path: self.sender,
            stage: Stage::Rcpt {
                standing: side.local().find_mailbox(written).standing(),
                local_part: written.local_part(),
                recipient: written.host(),
            },
            trial: None,
        })
    }

    /// As it is decided under a directory.
    pub(super) fn under(&self, side: &Side, answers: &Answers<'_>, rights: &RelayRights) -> Reception {
        let (reasons, attribution) = match self.admission(side, answers, rights) {
            Admission::Admitted { reasons, attribution } => (reasons, attribution),
            Admission::Refused { reply, reasons, .. } => {
                return Reception::refused(reply.code.class() == ReplyClass::Permanent, reasons.first());
            }
        };
        let directory = side.directory();
        let verdict = self.with_rule_facts(&attribution, |facts| {
            let header = directory.header_findings(|condition| answers.is_yes(&Question::Header(condition.clone())));
            directory.apply_rules(&RuleFacts {
                header: &header,
                ..*facts
            })
        });
        if verdict.rejection.is_some() {
            return Reception::refused(true, verdict.reasons.last());
        }
        let first = reasons.first();
        let lane = match (verdict.way, attribution.own_server()) {
            (Some(way), _) => Lane::Connector(way.connector),
            (None, Some(_)) => Lane::Own,
            (None, None) => Lane::Common,
        };
        Reception::Taken(Taken {
            organization: attribution.organization,
            demands: verdict.demands,
            lane,
            reason: stated(first),
            document: first.and_then(Reason::document),
        })
    }

    fn with_rule_facts<T>(&self, attribution: &Attribution, ask: impl FnOnce(&RuleFacts<'_>) -> T) -> T {
        let recipients: Vec<&Mailbox> = self.alias.iter().chain([&self.recipient.mailbox]).collect();
        let connectors: Vec<&ConnectorKey> = attribution.connector.iter().collect();
        let from: Vec<&OrganizationName> = attribution.from.iter().collect();
        ask(&RuleFacts {
            organization: &attribution.organization,
            sender: self.sender,
            recipients: &recipients,
            connectors: &connectors,
            from: &from,
            is_from_own_server: attribution.own_server().is_some(),
            header: &sekisho_policy::directory::HeaderFindings::default(),
        })
    }

    /// All on which either directory's decision may hang and that is not known.
    fn questions(&self, sides: [&Side; 2], rights: &RelayRights) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        for side in sides {
            let unasked = replay::unasked_of_client(side.directory(), &self.arrival.security);
            let new = unasked.into_iter().filter(|question| !questions.contains(question));
            questions.extend(new.collect::<Vec<_>>());
        }
        let paths = questions.clone();
        replay::for_all(&paths, |answers| {
            for side in sides {
                let Admission::Admitted { attribution, .. } = self.admission(side, answers, rights) else {
                    continue;
                };
                let conditions = self.with_rule_facts(&attribution, |facts| side.directory().header_in_question(facts));
                for question in conditions.into_iter().map(Question::Header) {
                    if !questions.contains(&question) {
                        questions.push(question);
                    }
                }
            }
        });
        questions
    }
}

impl Reception {
    fn refused(for_good: bool, reason: Option<&Reason>) -> Self {
        Self::Refused {
            for_good,
            reason: stated(reason),
            document: reason.and_then(Reason::document),
        }
    }

    pub(super) const fn is_taken(&self) -> bool {
        matches!(self, Self::Taken(_))
    }

    /// Whether both answer alike; what rules demand shows where the message goes out.
    fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Taken(one), Self::Taken(other)) => one.organization == other.organization,
            (Self::Refused { for_good: one, .. }, Self::Refused { for_good: other, .. }) => one == other,
            (Self::Taken(_), Self::Refused { .. }) | (Self::Refused { .. }, Self::Taken(_)) => false,
        }
    }

    /// For people and programs.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Taken(_) => "taken".to_owned(),
            Self::Refused { for_good: true, .. } => "refused".to_owned(),
            Self::Refused { for_good: false, .. } => "put off".to_owned(),
        }
    }
}

fn stated(reason: Option<&Reason>) -> StatedReason {
    reason.map_or_else(
        || StatedReason {
            key: "none".to_owned(),
            text: String::new(),
        },
        StatedReason::from,
    )
}

/// Decides the arrival under both directories; with it all that is not known of it.
pub(super) fn judge_arrival(
    before: &Side,
    after: &Side,
    arrived: &Arrived<'_>,
    rights: &RelayRights,
) -> (Compared<Reception>, Vec<Question>) {
    let questions = arrived.questions([before, after], rights);
    let compared = replay::compare(&questions, Reception::is_as, |answers| {
        (
            arrived.under(before, answers, rights),
            arrived.under(after, answers, rights),
        )
    });
    (compared, questions)
}
