//! From findings to the end of a lease: when it is tried again, whether its time is over, what goes into the trace and
//! the mail log, and whom to tell. RFC 5321 §4.5.4.1 (retries), RFC 3461 §6 (notifications, written by `notify`).

use std::{sync::Arc, time::Duration};

use sekisho_mail::{
    Demand, EnhancedCode, Evidence, Fault, Mailbox, Notify, Outcome, Recipient, ShadowKind, ShadowVerdict, Timestamp,
    push_new,
};
use sekisho_policy::directory::{DomainKind, FinalRefusal};
use sekisho_store::{Destination, Lane, Lease, QueuedRecipient, RecipientResult, Settlement, Ticket};

use super::{
    Configured, Services, Way,
    attempt::{Attempted, Finding, Record},
};
use crate::{
    clock,
    local::LocalFinding,
    notify::{Settled, notices},
    telemetry::maillog::Entry,
};

/// How soon a lease is tried again when the notification that it needs cannot be written.
const NOTICE_RETRY: Duration = Duration::from_secs(60);

/// A settlement that the store was given.
#[must_use = "what was told has to be waited for"]
pub(super) struct Handed {
    due: Option<Timestamp>,
    /// There where somebody waits for it.
    settled: Option<Ticket<()>>,
}

impl Handed {
    /// Waits for it where that matters. Answers the earliest instant at which something of the lease is due again.
    pub(super) async fn durable(self) -> Option<Timestamp> {
        if let Some(settled) = self.settled
            && let Err(error) = settled.await
        {
            tracing::warn!(%error, "a settlement failed; the lease is given out again");
        }
        self.due
    }

    /// As [`Self::durable`], of all of them: they share what each would have waited for.
    pub(super) async fn all_durable(handed: Vec<Self>) -> Option<Timestamp> {
        let mut earliest = None;
        for one in handed {
            earliest = one.durable().await.into_iter().chain(earliest).min();
        }
        earliest
    }
}

/// What waits for a connector that a rule chose is due so soon after it is back, whatever the schedule: the
/// destination's back-off alone keeps it from being looked at in vain.
const WAY_PAUSE: Duration = Duration::from_secs(60);

/// What settling needs.
#[derive(Clone, Copy)]
pub(super) struct Settling<'a> {
    pub(super) services: &'a Services,
    pub(super) configured: &'a Configured,
    pub(super) way: &'a Way,
    pub(super) route_demands: &'a [Demand],
    /// Whether what a next hop refuses may be held instead; not where somebody here decided.
    pub(super) may_hold: bool,
}

impl Settling<'_> {
    /// Settles a lease; one finding for each of its recipients, or a result where that stands already.
    pub(super) async fn settle(
        &self,
        lease: Lease,
        mut attempted: Vec<Attempted>,
        mut done: Vec<RecipientResult>,
    ) -> Handed {
        let now = clock::now();
        let results: Vec<RecipientResult> = lease
            .recipients
            .iter()
            .map(|queued| {
                if let Some(place) = done.iter().position(|result| result.index == queued.index) {
                    return done.swap_remove(place);
                }
                let place = attempted.iter().position(|attempted| attempted.index == queued.index);
                let found = place.map(|place| attempted.swap_remove(place));
                self.result(&lease, queued, found, now)
            })
            .collect();
        self.settle_results(lease, results, now).await
    }

    /// Logs, counts, writes what is to be told, and hands all of it to the store.
    pub(super) async fn settle_results(
        &self,
        lease: Lease,
        mut results: Vec<RecipientResult>,
        now: Timestamp,
    ) -> Handed {
        let mut notices = Vec::new();
        // Where faults go nowhere, nobody is told (RFC 5321 §6.1).
        let told = lease.reverse_path().mailbox().is_some();
        let mut each = results.iter().zip(&lease.recipients);
        if told && each.any(|(result, queued)| is_telling(result, queued)) {
            let back = self.way_back(&lease);
            let covering = back.carried_demands();
            let settled = Settled {
                lease: &lease,
                results: &results,
                route_demands: self.route_demands,
                organization: &back.organization,
                covering: &covering,
                expires: self.expires(&lease),
            };
            let Configured { notify, directory, .. } = self.configured;
            match self::notices(notify, directory, settled, now, self.services.store.as_ref()).await {
                Ok(written) => notices = written,
                Err(error) => {
                    tracing::warn!(id = %lease.id, %error, "a notification cannot be written; its failure waits");
                    untell(&mut results, now);
                }
            }
        }
        for evidence in results.iter().filter_map(|result| result.evidence.as_ref()) {
            self.services.metrics.attempted(evidence);
            self.services.tally.note_attempt(evidence);
            self.services.maillog.record(Entry::Attempted(evidence));
            let directory = &self.configured.organizations;
            self.services.partners.attempted(directory, &self.way.route, evidence);
        }
        let due = results.iter().filter_map(|result| match &result.outcome {
            Outcome::Deferred { until, .. } => Some(*until),
            Outcome::Delivered { .. } | Outcome::Bounced { .. } => None,
        });
        let due = due.min();
        let told = !notices.is_empty();
        // A notification is due at once, but can be leased only when it is in the queue, and so can the next suspect
        // only when this one has come back. For others nobody waits; a store that fails gives the lease out again after
        // its recovery.
        let waited_for = told || lease.suspect;
        let settled = self.services.store.settle(lease, Settlement { results, notices });
        Handed {
            due: if told { Some(now) } else { due },
            settled: waited_for.then_some(settled),
        }
    }

    /// The way to the sender: their organization's where their domain is accepted here, else that of whoever answers
    /// for the message.
    fn way_back(&self, lease: &Lease) -> Way {
        let sender = lease.reverse_path().mailbox().map(|sender| sender.host().clone());
        let host = sender.unwrap_or_else(|| lease.destination.host().clone());
        let accepted = host
            .domain()
            .and_then(|domain| self.configured.organizations.domain(domain));
        let organization = accepted.map_or(lease.destination.organization(), |accepted| &accepted.organization);
        let organization = organization.clone();
        self.configured.way(&Destination::of(organization, host).on(Lane::Own))
    }

    /// When a recipient that has to wait is tried next.
    pub(super) fn retry_at(&self, lease: &Lease, queued: &QueuedRecipient, now: Timestamp) -> Timestamp {
        let age = now.since(lease.arrival.at);
        let pause = self.way.route.retry.delay(queued.attempts.saturating_add(1), age);
        let next = now.plus(match self.way.missing {
            Some(_) => pause.min(WAY_PAUSE),
            None => pause,
        });
        let expires = self.expires(lease);
        if now < expires { next.min(expires) } else { next }
    }

    pub(super) fn expires(&self, lease: &Lease) -> Timestamp {
        lease.arrival.at.plus(self.way.route.expire_after)
    }

    fn result(
        &self,
        lease: &Lease,
        queued: &QueuedRecipient,
        found: Option<Attempted>,
        now: Timestamp,
    ) -> RecipientResult {
        let until = self.retry_at(lease, queued, now);
        let Some(found) = found else {
            // Its turn had not come when a reload came: it is planned for anew, at once.
            let why = super::resolve::fault(
                EnhancedCode::new(4, 3, 0),
                "the configuration changed before this recipient's turn".to_owned(),
                sekisho_mail::Side::Us,
            );
            return RecipientResult {
                index: queued.index,
                outcome: Outcome::Deferred { until: now, why },
                evidence: None,
                delay_notified: false,
                hold: false,
            };
        };
        let holds = self.may_hold && matches!(found.finding, Finding::Bounce(_)) && self.holds(lease, queued);
        let outcome = match found.finding {
            Finding::Delivered {
                reply,
                relayed_with_dsn,
            } => Outcome::Delivered {
                reply: Some(reply),
                relayed_with_dsn,
            },
            Finding::Bounce(why) if holds => return self.hold(lease, queued, (until, why), found.record, now),
            Finding::Bounce(why) => Outcome::Bounced { why },
            Finding::Defer(why) => Outcome::Deferred { until, why },
        };
        // The last recipient's, who is mostly the only one, has it for itself.
        let record = Arc::unwrap_or_clone(found.record);
        self.finish(lease, queued, outcome, record, now)
    }

    /// Whether a final refusal is kept from whoever MAIL FROM names: a stranger has sent the message to a domain whose
    /// mail is passed on. Where nobody would be told anyway, nothing is gained by it.
    fn holds(&self, lease: &Lease, queued: &QueuedRecipient) -> bool {
        let would_tell = lease.reverse_path().mailbox().is_some()
            && match queued.recipient.notify {
                None => true,
                Some(Notify::Never) => false,
                Some(Notify::When { failure, .. }) => failure,
            };
        would_tell && queued.recipient.from_stranger && self.is_of_relay_domain(&queued.recipient.mailbox)
    }

    /// Of a domain that leaves it to the operator what becomes of such mail.
    fn is_of_relay_domain(&self, mailbox: &Mailbox) -> bool {
        let accepted = mailbox
            .host()
            .domain()
            .and_then(|domain| self.configured.organizations.domain(domain));
        match accepted {
            Some(accepted) => {
                accepted.kind != DomainKind::Authoritative && accepted.final_refusal == FinalRefusal::Hold
            }
            // Those below a domain stand in the configuration file alone.
            None => self.configured.directory.find_mailbox(mailbox) == LocalFinding::RelayDomain,
        }
    }

    /// The next hop has refused it for good, and nobody is told: the operator decides.
    fn hold(
        &self,
        lease: &Lease,
        queued: &QueuedRecipient,
        (until, why): (Timestamp, Fault),
        record: Arc<Record>,
        now: Timestamp,
    ) -> RecipientResult {
        let why = Fault {
            status: EnhancedCode { class: 4, ..why.status },
            text: format!(
                "held, since whoever sent it is not known here and would be told: {}",
                why.text
            ),
            ..why
        };
        self.services.metrics.held.inc();
        self.services.maillog.record(Entry::RefusedAndHeld {
            id: lease.id,
            recipient: &queued.recipient.mailbox,
            why: &why,
        });
        let attempt = queued.attempts.saturating_add(1);
        let outcome = Outcome::Deferred { until, why };
        let evidence = self.evidence(lease, queued, (attempt, &outcome), Arc::unwrap_or_clone(record), now);
        RecipientResult {
            index: queued.index,
            outcome,
            evidence: Some(evidence),
            delay_notified: false,
            hold: true,
        }
    }

    /// Looks at the time: what waited too long is given up, what waits long is told once.
    pub(super) fn finish(
        &self,
        lease: &Lease,
        queued: &QueuedRecipient,
        outcome: Outcome,
        record: Record,
        now: Timestamp,
    ) -> RecipientResult {
        let attempt = queued.attempts.saturating_add(1);
        let outcome = match outcome {
            Outcome::Deferred { why, .. } if now >= self.expires(lease) => {
                let why = expired(why, now.since(lease.arrival.at));
                self.services.maillog.record(Entry::Expired {
                    id: lease.id,
                    recipient: &queued.recipient.mailbox,
                    attempts: attempt,
                    why: &why,
                });
                Outcome::Bounced { why }
            }
            other => other,
        };
        let late = now.since(lease.arrival.at) >= self.way.route.delay_notice_after;
        let delay_notified = late && !queued.delay_notified && matches!(outcome, Outcome::Deferred { .. });
        let evidence = self.evidence(lease, queued, (attempt, &outcome), record, now);
        RecipientResult {
            index: queued.index,
            outcome,
            evidence: Some(evidence),
            delay_notified,
            hold: false,
        }
    }

    fn evidence(
        &self,
        lease: &Lease,
        queued: &QueuedRecipient,
        (attempt, outcome): (u32, &Outcome),
        record: Record,
        now: Timestamp,
    ) -> Evidence {
        let mut required = record.required;
        for carried in &queued.recipient.carried {
            push_new(&mut required, carried);
        }
        Evidence {
            message: lease.id,
            recipient: queued.recipient.clone(),
            attempt,
            at: now,
            directory: self.configured.organizations.version(),
            route: record.route,
            required,
            channel: record.channel,
            failed_handshakes: record.failed_handshakes,
            decision: record.decision,
            outcome: outcome.clone(),
            conversation: record.conversation,
            shadow: of_recipient(record.shadow, &queued.recipient),
        }
    }
}

/// What is tried of the way, and of rules those that met the message for this recipient.
fn of_recipient(mut shadow: Vec<ShadowVerdict>, recipient: &Recipient) -> Vec<ShadowVerdict> {
    let met = |verdict: &ShadowVerdict| recipient.tried.iter().any(|rule| rule.document == verdict.document);
    shadow.retain(|verdict| verdict.document.kind != ShadowKind::Rule || met(verdict));
    shadow
}

/// Whether the sender may have to hear of it.
fn is_telling(result: &RecipientResult, queued: &QueuedRecipient) -> bool {
    match result.outcome {
        Outcome::Bounced { .. } => true,
        Outcome::Deferred { .. } => result.delay_notified,
        Outcome::Delivered { .. } => matches!(queued.recipient.notify, Some(Notify::When { success: true, .. })),
    }
}

/// Without a notification nothing may fail: a bounce nobody hears of is a lost message. What was delivered stays so,
/// because the other end has it.
fn untell(results: &mut [RecipientResult], now: Timestamp) {
    for result in results {
        result.delay_notified = false;
        if let Outcome::Bounced { why } = &result.outcome {
            let status = EnhancedCode { class: 4, ..why.status };
            let why = Fault { status, ..why.clone() };
            result.outcome = Outcome::Deferred {
                until: now.plus(NOTICE_RETRY),
                why,
            };
            if let Some(evidence) = &mut result.evidence {
                evidence.outcome = result.outcome.clone();
            }
        }
    }
}

/// RFC 3463 §3.5: x.4.7, delivery time expired; what stood in the way last stays in the words.
fn expired(why: Fault, age: Duration) -> Fault {
    let secs = age.as_secs();
    let time = match (secs / 60, secs / 3600) {
        (0, _) => format!("{secs} seconds"),
        (minutes, ..2) => format!("{minutes} minutes"),
        (_, hours @ ..48) => format!("{hours} hours"),
        (_, hours) => format!("{} days", hours / 24),
    };
    Fault {
        status: EnhancedCode::new(5, 4, 7),
        text: format!("it could not be delivered within {time}; at last: {}", why.text),
        ..why
    }
}
