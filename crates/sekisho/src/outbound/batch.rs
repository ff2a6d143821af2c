//! One batch of messages to one destination, from the choice of the way to the last settlement.

use std::{sync::Arc, time::Duration};

use sekisho_mail::{Demand, EnhancedCode, Outcome, RefusedBy, Side, StatedReason, Timestamp};
use sekisho_policy::{
    Reason,
    directory::MissingWay,
    outbound::{CandidateHost, HostOrigin},
};
use sekisho_store::{Destination, Directive, Lane, Lease, QueuedRecipient, RecipientResult};

use super::{
    Configured, Shared, Unroutable, Way,
    attempt::{Attempted, Batch, Busy, Finding, Record},
    candidates,
    pool::PoolKey,
    resolve::fault,
    settle::{Handed, Settling},
};
use crate::{
    clock,
    local::{self, Residence},
};

/// Messages at a time that are told of or given up while their destination takes nothing.
const AGED_BATCH: usize = 200;

/// RFC 3463 §3.4: the system is not configured for it.
const WAY_MISSING: EnhancedCode = EnhancedCode::new(4, 3, 5);

/// What a batch says of its destination.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    /// The earliest instant at which something of it is due again.
    pub(super) due: Option<Timestamp>,
}

/// Whether the destination takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At least one recipient got a final answer.
    Alive,
    /// Nothing was learnt of it: everything was put off, or nothing tried.
    Neutral,
    /// The next hop has as many connections as it may have: again when one of them has ended.
    Busy { hop: PoolKey },
    /// No host of it takes anything just now; its row is backed off.
    Dead { until: Timestamp },
}

impl Report {
    /// Of a batch that broke off, or had nothing to deliver.
    pub(super) const fn broken() -> Self {
        Self {
            verdict: Verdict::Neutral,
            due: None,
        }
    }
}

/// Delivers what it can and settles everything it was given. `failures` says how often in a row the destination was
/// found dead.
pub(super) async fn run_batch(
    shared: Arc<Shared>,
    configured: Arc<Configured>,
    destination: Destination,
    leases: Vec<Lease>,
    failures: u32,
) -> Report {
    let way = configured.way(&destination);
    let residence = match (destination.lane(), destination.domain()) {
        // What a rule says goes before where the mailbox is, as in Exchange.
        (Lane::Connector(_), _) | (_, None) => Residence::Nobody,
        (_, Some(domain)) => configured.directory.residence(domain),
    };
    let run = Run {
        shared: &shared,
        configured: &configured,
        way: &way,
        destination: &destination,
        residence,
    };
    let (leases, due) = run.obey(leases).await;
    if destination.is_refused() {
        let told = run.refuse(leases).await;
        return Report {
            verdict: Verdict::Alive,
            due: earliest(due, told),
        };
    }
    if let Some(missing) = &way.missing {
        let words = format!("a rule sends it through a connector that cannot be used: {missing}");
        let why = Unroutable::ForNow(fault(WAY_MISSING, words, Side::Us));
        let report = run.settle_all(leases, &why, failures).await;
        return Report {
            due: earliest(due, report.due),
            ..report
        };
    }
    let report = match residence {
        Residence::All => run.deliver_locally(leases).await,
        Residence::Some | Residence::Nobody => run.deliver_away(leases, failures).await,
    };
    Report {
        due: earliest(due, report.due),
        ..report
    }
}

struct Run<'a> {
    shared: &'a Shared,
    configured: &'a Configured,
    way: &'a Way,
    destination: &'a Destination,
    residence: Residence,
}

impl Run<'_> {
    /// To the hosts of the destination.
    async fn deliver_away(&self, leases: Vec<Lease>, failures: u32) -> Report {
        if leases.is_empty() {
            return Report::broken();
        }
        let dns = self.shared.services.dns.as_ref();
        let destination = self.destination.host();
        match candidates(dns, &self.configured.settings, &self.way.route, destination).await {
            Ok(hosts) => {
                let batch = Batch::new(self.shared, self.configured, self.way, hosts);
                self.deliver(batch, leases, failures).await
            }
            Err(why) => self.settle_all(leases, &why, failures).await,
        }
    }

    fn settling<'b>(&'b self, route_demands: &'b [Demand]) -> Settling<'b> {
        Settling {
            services: &self.shared.services,
            configured: self.configured,
            way: self.way,
            route_demands,
            may_hold: false,
        }
    }

    /// As [`Self::settling`], of what hosts say.
    fn settling_answers<'b>(&'b self, route_demands: &'b [Demand]) -> Settling<'b> {
        Settling {
            may_hold: true,
            ..self.settling(route_demands)
        }
    }

    async fn deliver(&self, mut batch: Batch<'_>, leases: Vec<Lease>, failures: u32) -> Report {
        let demands = self.way.demands_on(&batch.hosts());
        let mut report = Report {
            verdict: Verdict::Neutral,
            due: None,
        };
        let mut leases = leases.into_iter();
        while let Some(lease) = leases.next() {
            // A message is judged by the configuration in force when its turn comes (law 2): after a reload the rest
            // goes back as it was, and is planned for anew.
            if self.shared.is_outdated(self.configured) {
                report.due = Some(clock::now());
                return report;
            }
            let span = tracing::info_span!("attempt", id = %lease.id);
            let (here, there) = self.split(&lease);
            let (there, waiting) = set_apart(&lease, there);
            let attempted = tracing::Instrument::instrument(batch.attempt(&lease, there), span).await;
            let attempted = match attempted {
                Ok(attempted) => attempted,
                Err(Busy { hop }) => {
                    // The leases go back as they were.
                    report.verdict = Verdict::Busy { hop };
                    return report;
                }
            };
            let answered = attempted.iter().any(|attempted| attempted.finding.is_final());
            let mut done = self.deliver_here(&lease, &here).await;
            done.extend(waiting);
            let handed = self.settling_answers(&demands).settle(lease, attempted, done).await;
            report.due = earliest(report.due, handed.durable().await);
            if let Some(fault) = batch.dead() {
                let why = Unroutable::ForNow(fault.clone());
                let rest = self.settle_all(leases.collect(), &why, failures).await;
                return Report {
                    due: earliest(report.due, rest.due),
                    ..rest
                };
            }
            // A host that puts everything off is not to get more connections for it.
            if answered {
                report.verdict = Verdict::Alive;
            }
        }
        report
    }

    /// The same answer for all of them. When it may be another later, the destination is backed off, and those that
    /// wait behind the back-off for too long get the answer as well: their senders are to hear of it in time.
    async fn settle_all(&self, leases: Vec<Lease>, why: &Unroutable, failures: u32) -> Report {
        if self.shared.is_outdated(self.configured) {
            // What was found of a way that is not gone any more says nothing: the leases go back as they were.
            return Report {
                due: Some(clock::now()),
                ..Report::broken()
            };
        }
        let mut due = self.answer(leases, why).await;
        let Unroutable::ForNow(fault) = why else {
            return Report {
                verdict: Verdict::Alive,
                due,
            };
        };
        if self.residence == Residence::Some {
            // Whoever has a mailbox here need not wait for the way to the others.
            return Report {
                verdict: Verdict::Neutral,
                due,
            };
        }
        let now = clock::now();
        let until = now.plus(self.way.route.retry.delay(failures.saturating_add(1), Duration::ZERO));
        let store = &self.shared.services.store;
        // Nobody waits for it: at worst the destination is tried once too often.
        drop(store.back_off(self.destination, until, &fault.to_string()));
        let patience = self.way.route.delay_notice_after.min(self.way.route.expire_after);
        loop {
            let aged = store.lease_aged(self.destination, now.minus(patience), now, AGED_BATCH);
            match aged.await {
                Ok(leases) if leases.is_empty() => break,
                Ok(leases) => {
                    let (leases, told) = self.obey(leases).await;
                    due = earliest(earliest(due, told), self.answer(leases, why).await);
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be read");
                    break;
                }
            }
        }
        Report {
            verdict: Verdict::Dead { until },
            due: earliest(due, Some(until)),
        }
    }

    /// Settles all of them with one answer; the earliest instant at which one of them is due again.
    async fn answer(&self, leases: Vec<Lease>, why: &Unroutable) -> Option<Timestamp> {
        let demands = self.way.demands_on(&[CandidateHost {
            host: self.destination.host().clone(),
            origin: HostOrigin::Dns,
        }]);
        let mut handed = Vec::with_capacity(leases.len());
        for lease in leases {
            let key = "destination-unreachable";
            let record = Record::without_attempt(self.way.route.describe(), demands.clone(), key, &why.fault().text);
            let (here, there) = self.split(&lease);
            let (there, held) = set_apart(&lease, there);
            let mut done = self.deliver_here(&lease, &here).await;
            done.extend(held);
            let attempted = match &self.way.missing {
                Some(missing) => there.iter().map(|queued| waiting(queued, missing, &demands)).collect(),
                None => all_the_same(&there, &Finding::of(why), &record),
            };
            handed.push(self.settling_answers(&demands).settle(lease, attempted, done).await);
        }
        Handed::all_durable(handed).await
    }

    /// What the operator ordered instead of a delivery is done first; the others are given back, with the instant at
    /// which something that came of it is due.
    async fn obey(&self, leases: Vec<Lease>) -> (Vec<Lease>, Option<Timestamp>) {
        let (mut others, mut handed) = (Vec::new(), Vec::new());
        for lease in leases {
            let Some(Directive::Bounce(words)) = lease.directive.clone() else {
                others.push(lease);
                continue;
            };
            let text = format!("the operator of this server gave it up: {words}");
            let why = fault(EnhancedCode::new(5, 7, 0), text, Side::Us);
            let record = Record::without_attempt(self.way.route.describe(), Vec::new(), "operator-bounce", &words);
            let everyone: Vec<&QueuedRecipient> = lease.recipients.iter().collect();
            let attempted = all_the_same(&everyone, &Finding::Bounce(why), &record);
            let demands = self.way.demands_on(&[]);
            handed.push(self.settling(&demands).settle(lease, attempted, Vec::new()).await);
        }
        (others, Handed::all_durable(handed).await)
    }

    /// What a rule keeps from these recipients goes nowhere: their senders are told at once.
    async fn refuse(&self, leases: Vec<Lease>) -> Option<Timestamp> {
        let mut handed = Vec::with_capacity(leases.len());
        // The message would have gone this way: what is told of it goes under the same demands (law 2).
        let demands = self.way.demands_on(&[]);
        for lease in leases {
            let attempted = lease.recipients.iter().map(|queued| refused(queued, &demands));
            let attempted = attempted.collect();
            handed.push(self.settling(&demands).settle(lease, attempted, Vec::new()).await);
        }
        Handed::all_durable(handed).await
    }

    /// To nobody but those with a mailbox here.
    async fn deliver_locally(&self, leases: Vec<Lease>) -> Report {
        let mut due = None;
        for lease in leases {
            let everyone: Vec<&QueuedRecipient> = lease.recipients.iter().collect();
            let results = self.deliver_here(&lease, &everyone).await;
            let handed = self.settling(&[]).settle_results(lease, results, clock::now()).await;
            due = earliest(due, handed.durable().await);
        }
        Report {
            verdict: Verdict::Alive,
            due,
        }
    }

    /// Recipients with a mailbox here, and all others.
    fn split<'l>(&self, lease: &'l Lease) -> (Vec<&'l QueuedRecipient>, Vec<&'l QueuedRecipient>) {
        let directory = &self.configured.directory;
        let everyone = lease.recipients.iter();
        everyone.partition(|queued| {
            self.residence == Residence::Some && directory.find_mailbox(&queued.recipient.mailbox).is_here()
        })
    }

    /// Into mailboxes here.
    async fn deliver_here(&self, lease: &Lease, recipients: &[&QueuedRecipient]) -> Vec<RecipientResult> {
        if recipients.is_empty() {
            return Vec::new();
        }
        let settling = self.settling(&[]);
        let now = clock::now();
        let hop = local::Hop {
            directory: &self.configured.directory,
            hostname: &self.configured.settings.hostname,
            organization: &self.way.organization,
        };
        let span = tracing::info_span!("attempt", id = %lease.id);
        let delivering = local::deliver(hop, lease, recipients, |queued| settling.retry_at(lease, queued, now));
        let delivered = tracing::Instrument::instrument(delivering, span).await;
        let each = recipients.iter().zip(delivered).map(|(queued, local)| {
            let record = Record {
                route: local::ROUTE.to_owned(),
                required: queued.recipient.carried.clone(),
                channel: None,
                failed_handshakes: Vec::new(),
                decision: local.decision,
                conversation: local.conversation,
                shadow: Vec::new(),
            };
            settling.finish(lease, queued, local.outcome, record, now)
        });
        each.collect()
    }
}

/// The sender reads the operator's words, the evidence names the rule.
fn refused(queued: &QueuedRecipient, demands: &[Demand]) -> Attempted {
    let refusal = queued.recipient.refused.as_deref();
    let (rule, text) = refusal.map_or(("", ""), |refusal| (refusal.rule.as_str(), refusal.text.as_str()));
    let in_words = |key: &str| StatedReason {
        key: key.to_owned(),
        text: text.to_owned(),
    };
    let (status, way, reason) = match refusal.map(|refusal| refusal.by).unwrap_or_default() {
        RefusedBy::Rule => (
            EnhancedCode::new(5, 7, 1),
            format!("rule \"{rule}\""),
            StatedReason::from(Reason::RuleRejects { rule: rule.to_owned() }),
        ),
        RefusedBy::SizeLimit => (
            EnhancedCode::new(5, 2, 3),
            format!("limit of organization {rule}"),
            in_words("message-too-large"),
        ),
        RefusedBy::Demand => (
            EnhancedCode::new(5, 7, 1),
            format!("what organization {rule} demands of whoever brings it mail"),
            in_words("refused-at-rcpt"),
        ),
    };
    Attempted {
        index: queued.index,
        finding: Finding::Bounce(fault(status, text.to_owned(), Side::Sender)),
        record: Record::without_attempt(way, demands.to_vec(), &reason.key, &reason.text),
    }
}

/// It never goes another way than the one that the rule chose.
fn waiting(queued: &QueuedRecipient, missing: &MissingWay, demands: &[Demand]) -> Attempted {
    let way = queued
        .recipient
        .handling
        .as_ref()
        .and_then(|handling| handling.way.as_ref());
    let (rule, connector) = way.map_or(("", ""), |way| (&*way.rule, &*way.connector));
    let words = format!("rule \"{rule}\" sends it through connector \"{connector}\", which cannot be used: {missing}");
    let route = format!("connector \"{connector}\" by rule \"{rule}\"");
    let record = Record::without_attempt(route, demands.to_vec(), "connector-missing", &words);
    Attempted {
        index: queued.index,
        finding: Finding::Defer(fault(WAY_MISSING, words, Side::Us)),
        record,
    }
}

/// Those of `there` who wait for the operator are left as they are while there are others in the lease; when there are
/// none, the operator has released them.
fn set_apart<'a>(lease: &Lease, there: Vec<&'a QueuedRecipient>) -> (Vec<&'a QueuedRecipient>, Vec<RecipientResult>) {
    if lease.recipients.iter().all(|queued| queued.held) {
        return (there, Vec::new());
    }
    let (waiting, others): (Vec<_>, Vec<_>) = there.into_iter().partition(|queued| queued.held);
    let as_it_was = |queued: &QueuedRecipient| RecipientResult {
        index: queued.index,
        outcome: Outcome::Deferred {
            until: Timestamp::FAR_FUTURE,
            why: fault(
                EnhancedCode::new(4, 7, 0),
                queued.last_fault.clone().unwrap_or_default(),
                Side::Us,
            ),
        },
        evidence: None,
        delay_notified: false,
        hold: true,
    };
    (others, waiting.into_iter().map(as_it_was).collect())
}

fn all_the_same(recipients: &[&QueuedRecipient], finding: &Finding, record: &Arc<Record>) -> Vec<Attempted> {
    let each = recipients.iter().map(|queued| Attempted {
        index: queued.index,
        finding: finding.clone(),
        record: record.clone(),
    });
    each.collect()
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::testing::Queued;

    #[test]
    fn who_waits_for_the_operator_waits_while_anybody_else_of_the_message_does_wherever_that_one_is() {
        let mut lease = Queued::new(1, &["here@both.example", "there@both.example"]).lease();
        lease.recipients[1].held = true;
        let there = || vec![&lease.recipients[1]];
        let (asked, waiting) = set_apart(&lease, there());
        assert!(asked.is_empty(), "nobody has released it");
        assert!(matches!(&waiting[..], [one] if one.hold && one.evidence.is_none()));
        lease.recipients.remove(0);
        let (asked, waiting) = set_apart(&lease, vec![&lease.recipients[0]]);
        assert_eq!((asked.len(), waiting.len()), (1, 0), "released");
    }
}
