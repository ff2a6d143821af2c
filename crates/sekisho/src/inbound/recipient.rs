//! One RCPT: whether the recipient may come in, by everybody's rules, the limits of its organization and the word of
//! its next hop, and what is written down of it when it may not.

use std::sync::Arc;

use sekisho_mail::{
    ForwardPath, Handling, Host, Mailbox, OrganizationName, OwnServer, Recipient, Reply, ReplyCode, ReversePath,
    ShadowVerdict, StatedReason,
};
use sekisho_policy::{
    Reason,
    directory::{AcceptedDomain, Directory},
    inbound::{
        Admission, Attribution, Directionality, NextHopSays, OneMore, RecipientStanding, Stage, admission_right, admit,
        heed, limit, try_shadows,
    },
};
use sekisho_smtp::{server::Answer, wire::params::RcptParameters};
use sekisho_store::{Destination, Lane};

use super::{
    connection::{Connection, changed},
    ends::ForeignEnd,
    receive::{pressure, put_off},
    refusals::traced,
    transport::Transport,
};
use crate::{chance::select, clock, local::LocalFinding};

impl Connection {
    /// Nothing when the client is gone meanwhile.
    ///
    /// # Errors
    /// When the recipient is refused, with the rule.
    pub(super) async fn answer_recipient(
        &mut self,
        path: &ForwardPath,
        parameters: RcptParameters,
        transport: &mut Transport,
    ) -> Result<Option<Answer>, Box<RefusedRecipient>> {
        let Some(mut admitted) = self.judge_recipient(path, &parameters)? else {
            let nobody = Reply::new(ReplyCode::REFUSED, 1, 1, "no such user here");
            return Ok(Some(Answer::Refuse(nobody)));
        };
        if admitted.asks_next_hop(&self.reception.organizations) {
            let Some(says) = self.ask_next_hop(&admitted, transport).await else {
                return Ok(None);
            };
            match heed(&says, &admitted.attribution.organization) {
                Ok(reason) if admitted.reasons.first() == Some(&Reason::RelayDomain) => {
                    admitted.reasons[0] = reason;
                }
                Ok(_) => {}
                Err(refusal) => {
                    let refused = refused(refusal, (admitted.mailbox, &parameters), admitted.shadow);
                    return refused.map_or(Ok(None), Err);
                }
            }
        }
        Ok(Some(self.take_recipient(admitted, parameters)))
    }

    /// Whether a recipient may come in, apart from what its next hop says of it; nothing where `<Postmaster>` is
    /// nobody.
    fn judge_recipient(
        &self,
        path: &ForwardPath,
        parameters: &RcptParameters,
    ) -> Result<Option<AdmittedRecipient>, Box<RefusedRecipient>> {
        let local = &self.reception.local;
        let (mailbox, local_part) = match path {
            ForwardPath::Mailbox(mailbox) => (Some(mailbox.clone()), mailbox.local_part()),
            ForwardPath::Postmaster => (local.postmaster(), ""),
        };
        let Some(mailbox) = mailbox else {
            return Ok(None);
        };
        let finding = local.find_mailbox(&mailbox);
        let (admission, shadow) = self.judge_rcpt(finding.standing(), local_part, mailbox.host());
        let (reasons, attribution) = match admission {
            Admission::Admitted { reasons, attribution } => (reasons, attribution),
            refusal @ Admission::Refused { .. } => {
                return refused(refusal, (mailbox, parameters), shadow).map_or(Ok(None), Err);
            }
        };
        let foreign_ends = self.judge_foreign_ends((&mailbox, &finding), &attribution.organization, parameters)?;
        Ok(Some(AdmittedRecipient {
            mailbox,
            finding,
            foreign_ends,
            reasons,
            attribution,
            shadow,
        }))
    }

    /// Whether an address may be a recipient of the transaction, its organization's limits included; and what documents
    /// that are tried would have made of it, which is counted.
    pub(super) fn judge_rcpt(
        &self,
        standing: RecipientStanding,
        local_part: &str,
        recipient: &Host,
    ) -> (Admission, Vec<ShadowVerdict>) {
        let reverse_path = self.session.sender().unwrap_or(&ReversePath::Null);
        let stage = Stage::Rcpt {
            standing,
            local_part,
            recipient,
        };
        let facts = self.facts(reverse_path, stage);
        let admission = admit(&facts);
        let shadow = try_shadows(&facts, &admission);
        self.tally(&shadow);
        (self.limit(admission), shadow)
    }

    /// What the next hop says of a recipient, from memory where it is there; nothing when the client is gone meanwhile,
    /// or the server stops.
    async fn ask_next_hop(&mut self, admitted: &AdmittedRecipient, transport: &mut Transport) -> Option<NextHopSays> {
        let (mailbox, destination) = (
            &admitted.mailbox,
            destination_of(&admitted.mailbox, &admitted.attribution),
        );
        let onward = Arc::clone(&self.services.onward);
        if let Some(says) = onward.recall(mailbox, &destination) {
            return Some(says);
        }
        // What was said to pipelined commands need not wait for it.
        if !self.flush(transport).await {
            return None;
        }
        // Whoever may relay by address is known to the operator, and may ask as much as it likes.
        let client = self.peer.ip().to_canonical();
        let client = (!self.listener.rights.serves_address(client)).then_some(client);
        select! {
            says = onward.ask(mailbox, &destination, client) => Some(says),
            _ = changed(&mut self.phase, true) => None,
        }
    }

    fn take_recipient(&mut self, admitted: AdmittedRecipient, parameters: RcptParameters) -> Answer {
        let AdmittedRecipient {
            mailbox,
            finding,
            foreign_ends,
            reasons,
            attribution,
            shadow,
        } = admitted;
        let right = admission_right(&reasons).unwrap_or_default();
        let right = match attribution.internal {
            true => format!("{right}, internal"),
            false => right,
        };
        let covering = match finding {
            LocalFinding::Alias(_) => self.services.onward.covering(&mailbox, &attribution.organization),
            _ => Vec::new(),
        };
        self.is_own_server |= attribution.direction == Directionality::Originating;
        if let Some(reply) = put_off(pressure(&self.services), 0, &self.services.limits) {
            return Answer::Refuse(reply);
        }
        self.count(&attribution.organization);
        let recipient = accepted(mailbox.clone(), parameters, &attribution);
        let mut recipients = finding.expand(recipient, &covering);
        self.settle_foreign_ends(foreign_ends, &mut recipients);
        self.envelope.add(&recipients);
        self.tried.note(&mailbox, shadow);
        self.written
            .note(&self.reception.organizations, (&mailbox, &attribution), &recipients);
        Answer::Recipients {
            recipients,
            admitted_by: right,
        }
    }

    /// Says no to a recipient by a rule. The client is not told which; the logs are, and of an organization's rule the
    /// trace is too.
    pub(super) fn refuse_recipient(&mut self, path: &ForwardPath, refused: RefusedRecipient) {
        let reply = self.record_refusal(Some(path), refused);
        self.session.handle_answer(Answer::Refuse(reply));
    }

    /// Writes down that a recipient is refused; under the address that was written, unless it is an alias's end.
    pub(super) fn record_refusal(&mut self, path: Option<&ForwardPath>, refused: RefusedRecipient) -> Reply {
        let RefusedRecipient {
            recipient,
            reply,
            reasons,
            is_by_rule,
            is_traced,
            shadow,
        } = refused;
        let end = ForwardPath::Mailbox(recipient.mailbox.clone());
        let rule = reasons.first().cloned().filter(|_| is_by_rule);
        let now = clock::now();
        let id = (is_traced && self.services.refusals.take(now)).then(|| {
            let reverse_path = self.session.sender().cloned().unwrap_or(ReversePath::Null);
            let mut refused = traced(&self.origin(), (reverse_path, recipient), (reply.clone(), reasons), now);
            refused.evidence.shadow = shadow;
            self.services.store.trace_refusal(refused)
        });
        self.note_refusal(id, &reply, Some(path.unwrap_or(&end)), rule.as_ref());
        reply
    }

    /// Holds a recipient that may come in against the limits of its organization.
    pub(super) fn limit(&self, admission: Admission) -> Admission {
        let Admission::Admitted { attribution, .. } = &admission else {
            return admission;
        };
        let asked = OneMore {
            organization: &attribution.organization,
            announced_octets: self.announced_octets,
            before: self.counts.get(&attribution.organization).copied().unwrap_or(0),
        };
        limit(&self.reception.organizations, &asked).unwrap_or(admission)
    }

    /// Counts a RCPT where somebody wants to know.
    fn count(&mut self, organization: &OrganizationName) {
        if self.reception.organizations.message_limits(organization).is_some() {
            *self.counts.entry(organization.clone()).or_default() += 1;
        }
    }
}

/// A recipient as RCPT and its judgement have it.
fn accepted(mailbox: Mailbox, parameters: RcptParameters, attribution: &Attribution) -> Recipient {
    Recipient {
        notify: parameters.notify,
        orcpt: parameters.orcpt,
        organization: attribution.organization.clone(),
        from_stranger: attribution.from_stranger,
        handling: handling(attribution),
        ..Recipient::new(mailbox)
    }
}

/// Where a recipient's message would go, as far as that is settled before the content is known.
pub(crate) fn destination_of(recipient: &Mailbox, attribution: &Attribution) -> Destination {
    let lane = match attribution.own_server() {
        Some(_) => Lane::Own,
        None => Lane::Common,
    };
    Destination::of(attribution.organization.clone(), recipient.host().clone()).on(lane)
}

/// What is settled about a copy by whose server brought it.
pub(super) fn handling(attribution: &Attribution) -> Option<Box<Handling>> {
    let connector = attribution.own_server()?;
    Some(Box::new(Handling {
        own_server: Some(OwnServer {
            connector: connector.to_string(),
            is_believed: attribution.is_believed,
        }),
        ..Handling::default()
    }))
}

/// A recipient that a rule keeps out.
pub(super) struct RefusedRecipient {
    recipient: Recipient,
    reply: Reply,
    reasons: Vec<StatedReason>,
    /// Whether an organization's rule decided.
    is_by_rule: bool,
    /// Whether the trace is to have it.
    is_traced: bool,
    /// What connectors that are tried would have made of it.
    shadow: Vec<ShadowVerdict>,
}

impl RefusedRecipient {
    /// What the client is told.
    pub(super) const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Whose rule it is.
    pub(super) const fn organization(&self) -> &OrganizationName {
        &self.recipient.organization
    }

    /// What the client is told, without the codes.
    pub(super) fn text(&self) -> String {
        self.reply.lines.join(" ")
    }
}

/// A recipient that may come in.
struct AdmittedRecipient {
    mailbox: Mailbox,
    finding: LocalFinding,
    /// Those of an alias.
    foreign_ends: Vec<ForeignEnd>,
    /// By which right.
    reasons: Vec<Reason>,
    attribution: Attribution,
    /// What connectors that are tried would have made of it.
    shadow: Vec<ShadowVerdict>,
}

impl AdmittedRecipient {
    /// Whether its next hop is asked about it first.
    fn asks_next_hop(&self, directory: &Directory) -> bool {
        let asks = || {
            directory
                .domain(self.mailbox.host().domain()?)
                .map(AcceptedDomain::asks_next_hop)
        };
        self.finding == LocalFinding::RelayDomain && asks().unwrap_or(false)
    }
}

/// A refusal as the logs and the trace have it.
pub(super) fn refused(
    refusal: Admission,
    (mailbox, parameters): (Mailbox, &RcptParameters),
    shadow: Vec<ShadowVerdict>,
) -> Option<Box<RefusedRecipient>> {
    let Admission::Refused {
        reply,
        reasons,
        organization,
    } = refusal
    else {
        return None;
    };
    let why = reasons.first();
    let is_everyones = matches!(why, Some(Reason::UnknownUser | Reason::RelayDenied) | None);
    let is_by_rule = organization.is_some() && !is_everyones;
    // Strangers try many of those whom nobody knows: they are in the logs alone.
    let is_guess = matches!(
        why,
        Some(Reason::RecipientNotListed { .. } | Reason::NextHopRefuses { .. })
    );
    Some(Box::new(RefusedRecipient {
        is_by_rule,
        is_traced: is_by_rule && !is_guess,
        shadow,
        recipient: Recipient {
            orcpt: parameters.orcpt.clone(),
            organization: organization.unwrap_or_default(),
            ..Recipient::new(mailbox)
        },
        reply,
        reasons: reasons.iter().map(StatedReason::from).collect(),
    }))
}
