//! One host of a connector that is tried: opened as for a delivery, judged, asked of the recipient, and given the test
//! message where it is to have one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sekisho_api::{StepKind, StepResult, TlsEvidence, ValidatedHost, ValidationStep};
use sekisho_mail::{
    BodyKind, CertificateFacts, ChannelFacts, ChannelSecurity, Decision, EnhancedCode, Envelope, Evidence, Fault,
    MessageId, Outcome, PlaintextCause, Recipient, Side, Timestamp,
};
use sekisho_policy::{
    directory::ConnectorKey,
    outbound::{HostPlan, OutboundFacts, judge, plan},
};
use sekisho_smtp::client::{MailFacts, MailResult, RecipientReply, SessionFault};
use sekisho_store::{Arrival, Body, RefusedRecipient};
use tokio::time::{Instant, timeout};

use super::{Trial, message::Letter};
use crate::{
    clock,
    copy::Rendition,
    directory::time_for,
    outbound::{
        Candidate, Configured, Shared, Way,
        at_host::{Outgoing, refusal_of, send_cleared},
        attempt::Finding,
        link::Link,
        memory::TlsMemory,
        obstacle::{Obstacle, not_judged},
        open::{Journal, Opening},
        permit::Cleared,
        resolve::fault,
    },
    telemetry::maillog::Entry,
};

/// Where a test message comes from, as its arrival has it.
pub const TEST_LISTENER: &str = "validation";
/// A host that takes longer up to its answer to RCPT has failed: the five minutes that RFC 5321 §4.5.3.2 gives each
/// reply are more than anybody waits for.
const HOST_LIMIT: Duration = Duration::from_secs(240);
/// For the test message, likewise.
const MESSAGE_LIMIT: Duration = Duration::from_secs(240);
/// Octets that SIZE announces where no content follows: about those of a test message.
const PROBED_OCTETS: u64 = 1000;

/// What all hosts of one recipient have in common.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) configured: Arc<Configured>,
    /// What was in force at the beginning.
    pub(super) in_force: Arc<Configured>,
    pub(super) memory: TlsMemory,
    pub(super) connector: ConnectorKey,
    pub(super) way: Way,
    pub(super) trial: Trial,
}

/// A host and how far it was come with.
pub(super) struct Visited {
    candidate: Candidate,
    plan: HostPlan,
    journal: Journal,
    channel: Option<Arc<ChannelFacts>>,
    /// There while a message may be sent over it.
    link: Option<Box<Link>>,
    message: Option<MessageId>,
}

impl Visited {
    pub(super) const fn takes_mail(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn into_view(self) -> ValidatedHost {
        if let Some(link) = self.link {
            tokio::spawn(link.close());
        }
        let steps = self.journal.steps.map(|steps| steps.into_done()).unwrap_or_default();
        let channel = self.channel.map(Arc::unwrap_or_clone);
        ValidatedHost {
            host: title(&self.candidate),
            preference: self.candidate.preference,
            passed: is_good(&steps),
            steps,
            message: self.message,
            channel: channel.map(TlsEvidence::from),
            conversation: self.journal.lines,
        }
    }
}

/// A step that failed and was gone again on another address, or in another way, does no harm.
fn is_good(steps: &[ValidationStep]) -> bool {
    let last = |kind| steps.iter().rev().find(|step| step.step == kind);
    let failed = |step: &ValidationStep| step.result == StepResult::Failed;
    let is_undone = |step: &ValidationStep| failed(step) && last(step.step).is_some_and(failed);
    last(StepKind::Recipient).is_some() && !steps.iter().any(is_undone)
}

fn title(candidate: &Candidate) -> String {
    format!("{}:{}", candidate.host.host, candidate.port)
}

impl Visit {
    /// The time by which exceptions are judged.
    fn now(&self) -> Timestamp {
        time_for(&self.configured.organizations)
    }

    /// What each of the hosts must satisfy, with the exceptions that a message would have.
    pub(super) fn plans(&self, candidates: &[Candidate]) -> Vec<HostPlan> {
        let directory = &self.configured.organizations;
        let planned = plan(&OutboundFacts {
            demands: self.way.demands.clone(),
            carried: Vec::new(),
            exceptions: directory.exceptions_for(&self.way.demands, &[], self.trial.recipient.host()),
            now: self.now(),
            client_identity: self.way.route.client_identity.clone(),
            hosts: candidates.iter().map(|candidate| candidate.host.clone()).collect(),
            tried: Vec::new(),
            tried_rules: Vec::new(),
        });
        planned.hosts().to_vec()
    }

    /// Up to what the host says of the recipient.
    pub(super) async fn approach(&self, plan: HostPlan, candidate: Candidate) -> Visited {
        let mut journal = Journal::with_steps();
        let gone = timeout(HOST_LIMIT, self.go(&plan, &candidate, &mut journal)).await;
        let (link, channel) = gone.unwrap_or_else(|_| {
            journal.end(StepResult::Failed, || too_long(HOST_LIMIT));
            (None, None)
        });
        Visited {
            candidate,
            plan,
            journal,
            channel,
            link,
            message: None,
        }
    }

    async fn go(
        &self,
        plan: &HostPlan,
        candidate: &Candidate,
        journal: &mut Journal,
    ) -> (Option<Box<Link>>, Option<Arc<ChannelFacts>>) {
        let opening = Opening {
            services: &self.shared.services,
            configured: &self.configured,
            memory: &self.memory,
            places: &self.shared.places,
            channel_ids: &self.shared.channel_ids,
            way: &self.way,
            candidate,
            plan,
        };
        let mut link = match opening.open(journal).await {
            Ok(link) => link,
            Err(obstacle) => {
                if let Some(channel) = &obstacle.channel {
                    self.look_at_certificate(plan, channel, journal);
                }
                return (None, obstacle.channel);
            }
        };
        journal.add(link.session.take_conversation());
        let facts = Arc::clone(&link.facts);
        let is_cleared = self.look_at_certificate(plan, &facts, journal);
        if is_cleared && self.ask(plan, &mut link, journal).await {
            // Others have its place until it is given a message.
            link.place = None;
            return (Some(link), Some(facts));
        }
        link.close().await;
        (None, Some(facts))
    }

    /// What is demanded against what the connection is; without TLS there is nothing to look at.
    fn look_at_certificate(&self, plan: &HostPlan, facts: &ChannelFacts, journal: &mut Journal) -> bool {
        let began = Instant::now();
        // Nothing is sent under it: a clearance ends here.
        let (decision, refused) = match judge(plan, facts, self.envelope(), self.now()) {
            Ok(clearance) => (clearance.decision(), None),
            Err(refusal) => (refusal.decision(), Some(refusal.to_fault(None))),
        };
        let (Some(tls), Some(steps)) = (facts.security.tls(), &mut journal.steps) else {
            return refused.is_none();
        };
        let presented = tls
            .chain
            .first()
            .map_or_else(|| "none was presented".to_owned(), presented);
        steps.add_certificate(ValidationStep {
            step: StepKind::Certificate,
            result: refused.as_ref().map_or(StepResult::Passed, |_| StepResult::Failed),
            millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: match &refused {
                None => presented,
                Some(why) => format!("{why}; {presented}"),
            },
            findings: decision.reasons().iter().map(|reason| reason.text.clone()).collect(),
        });
        refused.is_none()
    }

    /// MAIL and RCPT, and no content.
    async fn ask(&self, plan: &HostPlan, link: &mut Link, journal: &mut Journal) -> bool {
        journal.begin(StepKind::Recipient);
        let asked = self.probe(plan, link).await;
        journal.add(link.session.take_conversation());
        match &asked {
            Ok(reply) => journal.end(StepResult::Passed, || reply.clone()),
            Err(why) => journal.end(StepResult::Failed, || why.to_string()),
        }
        asked.is_ok()
    }

    async fn probe(&self, plan: &HostPlan, link: &mut Link) -> Result<String, Fault> {
        let peer = link.describe();
        if self.shared.is_outdated(&self.in_force) {
            // What was planned may be less than what is demanded by now (law 2).
            return Err(ours("the configuration has changed in between".to_owned()));
        }
        let clearance = judge(plan, &link.facts, self.envelope(), self.now());
        let clearance = clearance.map_err(|refusal| refusal.to_fault(Some(peer.clone())))?;
        let facts = MailFacts {
            size: PROBED_OCTETS,
            eight_bit: false,
        };
        let started = link.session.start_probe(Cleared(clearance), facts);
        started.map_err(|refusal| Obstacle::start(&refusal, &peer).why.fault().clone())?;
        let nothing = Body::Memory(Bytes::new());
        let finished = link.finish_mail(&nothing, &Rendition::default()).await;
        let (result, ended) = finished.map_err(|error| ours(error.to_string()))?;
        match answer(plan, link, result, ended.as_ref()) {
            Outcome::Delivered { reply, .. } => Ok(reply.map_or_else(String::new, |reply| reply.to_string())),
            Outcome::Deferred { why, .. } | Outcome::Bounced { why } => Err(why),
        }
    }

    /// Gives the host the test message, and writes down what became of it.
    pub(super) async fn send(&self, host: &mut Visited) {
        let Some(mut link) = host.link.take() else { return };
        let Visited { plan, journal, .. } = host;
        journal.begin(StepKind::Message);
        let now = clock::now();
        let id = match self.shared.services.store.begin(now) {
            Ok(draft) => draft.id(),
            Err(error) => return journal.end(StepResult::Failed, || error.to_string()),
        };
        let peer = title(&host.candidate);
        let letter = Letter {
            id,
            connector: &self.connector,
            reverse_path: &self.trial.reverse_path,
            recipient: &self.trial.recipient,
            hostname: &self.configured.settings.hostname,
            host: &peer,
            at: now,
            by: &self.trial.by,
        };
        let content = Bytes::from(letter.write());
        let sending = self.deliver(plan, &mut link, Body::Memory(content.clone()), journal);
        let (decision, outcome) = timeout(MESSAGE_LIMIT, sending).await.unwrap_or_else(|_| {
            let why = fault(EnhancedCode::new(4, 4, 2), too_long(MESSAGE_LIMIT), Side::Network);
            (not_judged("validation", "it took too long"), put_off(why))
        });
        let outcome = final_outcome(outcome);
        match &outcome {
            Outcome::Delivered { reply, .. } => {
                let reply = reply.as_ref().map_or_else(String::new, ToString::to_string);
                journal.end(StepResult::Passed, || format!("{id}: {reply}"));
            }
            Outcome::Deferred { why, .. } | Outcome::Bounced { why } => {
                journal.end(StepResult::Failed, || format!("{id}: {why}"));
            }
        }
        host.message = Some(id);
        self.write_down(&letter, content.len() as u64, host, (decision, outcome));
        host.link = Some(link);
    }

    async fn deliver(
        &self,
        plan: &HostPlan,
        link: &mut Link,
        body: Body,
        journal: &mut Journal,
    ) -> (Decision, Outcome) {
        let most = self.configured.settings.limits.connections;
        link.place = Some(self.shared.places.take(most).await);
        if self.shared.is_outdated(&self.in_force) {
            // What was planned may be less than what is demanded by now (law 2).
            let why = ours("the configuration has changed in between".to_owned());
            return (not_judged("configuration-changed", &why.text), put_off(why));
        }
        let message = Outgoing {
            body: &body,
            copy: &Rendition::default(),
            eight_bit: false,
        };
        let metrics = &self.shared.services.metrics;
        match send_cleared(link, (plan, self.now()), self.envelope(), &message, metrics, journal).await {
            Ok(sent) => (sent.decision, answer(plan, link, sent.result, sent.ended.as_ref())),
            Err(obstacle) => {
                let why = obstacle.why.fault().clone();
                (obstacle.decision, put_off(why))
            }
        }
    }

    /// In trace, mail log and metrics, as of any other message.
    fn write_down(&self, letter: &Letter<'_>, size: u64, host: &Visited, (decision, outcome): (Decision, Outcome)) {
        let envelope = self.envelope();
        let directory = self.configured.organizations.version();
        let arrival = Arrival {
            at: letter.at,
            listener: TEST_LISTENER.to_owned(),
            peer: None,
            helo: String::new(),
            security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            directory,
            admitted_by: format!("validation of connector {}: {}", self.connector, self.trial.by),
            message_id_header: Some(letter.message_id()),
            alterations: Vec::new(),
            shadow: Vec::new(),
        };
        let evidence = Evidence {
            message: letter.id,
            recipient: Recipient::clone(&envelope.recipients[0]),
            attempt: 1,
            at: clock::now(),
            directory,
            route: format!("{} to {}", self.way.route.describe(), host.plan.host()),
            required: host.plan.demands().to_vec(),
            channel: host.channel.clone(),
            failed_handshakes: host.journal.failed_handshakes.clone(),
            decision,
            outcome,
            conversation: host.journal.lines.clone(),
            shadow: Vec::new(),
        };
        let services = &self.shared.services;
        services.maillog.record(Entry::Received {
            id: letter.id,
            envelope: &envelope,
            arrival: &arrival,
            size,
        });
        services.metrics.attempted(&evidence);
        services.maillog.record(Entry::Attempted(&evidence));
        let _ = services.store.trace_refusal(RefusedRecipient {
            envelope,
            arrival,
            size,
            evidence,
        });
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            reverse_path: self.trial.reverse_path.clone(),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient {
                organization: self.way.organization.clone(),
                ..Recipient::new(self.trial.recipient.clone())
            }],
        }
    }
}

/// What a transaction for one recipient came to.
fn answer(plan: &HostPlan, link: &Link, mut result: MailResult, ended: Option<&SessionFault>) -> Outcome {
    let peer = link.describe();
    match result.recipients.pop() {
        Some(RecipientReply::Accepted(reply)) => Outcome::Delivered {
            reply: Some(reply),
            relayed_with_dsn: result.relayed_with_dsn,
        },
        Some(RecipientReply::Refused { at, reply }) => match refusal_of(plan, &link.facts, at, reply, &peer) {
            Finding::Bounce(why) | Finding::Defer(why) => Outcome::Bounced { why },
            Finding::Delivered { reply, .. } => put_off(Fault {
                reply: Some(reply),
                ..ours("a refusal was taken for a delivery".to_owned())
            }),
        },
        Some(RecipientReply::Unanswered) | None => {
            let why = ended.map(|ended| Obstacle::session(ended, &peer).why.fault().clone());
            put_off(why.unwrap_or_else(|| ours("the host did not answer".to_owned())))
        }
    }
}

fn put_off(why: Fault) -> Outcome {
    Outcome::Deferred {
        until: Timestamp::FAR_FUTURE,
        why,
    }
}

/// A test message is not tried again: what stood in the way for now is its end.
fn final_outcome(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Delivered { .. } => outcome,
        Outcome::Deferred { why, .. } | Outcome::Bounced { why } => {
            let status = EnhancedCode { class: 5, ..why.status };
            Outcome::Bounced {
                why: Fault { status, ..why },
            }
        }
    }
}

fn ours(text: String) -> Fault {
    fault(EnhancedCode::new(4, 3, 0), text, Side::Us)
}

fn too_long(limit: Duration) -> String {
    format!("it came to no end within {} seconds", limit.as_secs())
}

/// The leaf in words.
fn presented(leaf: &CertificateFacts) -> String {
    let names = if leaf.dns_names.is_empty() {
        "no name".to_owned()
    } else {
        leaf.dns_names.join(", ")
    };
    format!(
        "presented: for {names}, issued by {}, valid until {}",
        leaf.issuer, leaf.not_after
    )
}
