//! One message at one host: a connection, as many transactions as its recipients need there, and what the replies mean
//! for each of them.
//!
//! RFC 5321 §4.2.1 (4yz waits, 5yz ends it) and §4.5.3.1.10 (too many recipients), RFC 1047 (an answer that never
//! came), RFC 9422 (limits that the host has named).

use std::{mem, sync::Arc};

use sekisho_mail::{
    BodyKind, ChannelFacts, ChannelSecurity, Decision, EnhancedCode, Envelope, Fault, Reply, ReplyClass, Side,
    Timestamp,
};
use sekisho_policy::outbound::{Found, HostPlan, PlaintextReply, judge, plaintext_retry_reply, try_documents};
use sekisho_smtp::client::{MailFacts, MailResult, RecipientReply, SessionFault, Wait};
use sekisho_store::{Body, Lease, QueuedRecipient};

use super::{
    OutboundMetrics,
    attempt::{AtHost, Attempted, Batch, Finding, Record},
    link::Link,
    obstacle::{Obstacle, Reach},
    open::{Journal, Opening},
    permit::Cleared,
    pool::PoolKey,
    resolve::fault,
};
use crate::{clock, copy::Rendition, directory::time_for};

/// What became of a message that was cleared and begun.
pub(super) struct Sent {
    pub(super) result: MailResult,
    pub(super) ended: Option<SessionFault>,
    pub(super) decision: Decision,
}

/// The content of a message.
pub(super) struct Outgoing<'a> {
    pub(super) body: &'a Body,
    /// What its recipients get of it.
    pub(super) copy: &'a Rendition,
    /// Whether an octet above 127 is in it and matters.
    pub(super) eight_bit: bool,
}

/// Judges a message on a connection at `now` and sends it when it is cleared.
pub(super) async fn send_cleared(
    link: &mut Link,
    (plan, now): (&HostPlan, Timestamp),
    envelope: Envelope,
    message: &Outgoing<'_>,
    metrics: &OutboundMetrics,
    journal: &mut Journal,
) -> Result<Sent, Box<Obstacle>> {
    let clearance = judge(plan, &link.facts, envelope, now)
        .map_err(|refusal| Obstacle::refused(&refusal, Some(link.describe())))?;
    let decision = clearance.decision();
    let facts = MailFacts {
        size: message.copy.octets(message.body.len()),
        eight_bit: message.eight_bit,
    };
    let started = link.session.start_mail(Cleared(clearance), facts);
    started.map_err(|refusal| Obstacle::start(&refusal, &link.describe()))?;
    metrics.connection_used(link.served);
    link.served += 1;
    if let Some(words) = message.copy.words() {
        link.session.note(&format!("the message goes {words}"));
    }
    let finished = link.finish_mail(message.body, message.copy).await;
    journal.add(link.session.take_conversation());
    match finished {
        Ok((result, ended)) => Ok(Sent {
            result,
            ended,
            decision,
        }),
        Err(error) => Err(Obstacle::ours(format!("the message could not be read: {error}"))),
    }
}

impl Sent {
    /// A connection that was closed while it lay idle says nothing about the host: once more, on a fresh one.
    fn died_idle(&self) -> bool {
        let unheard = matches!(
            self.ended,
            Some(SessionFault::Lost(Wait::Mail | Wait::Rcpt | Wait::Reset) | SessionFault::Closing(_))
        );
        let mut recipients = self.result.recipients.iter();
        unheard && !self.result.end_sent && recipients.all(|reply| *reply == RecipientReply::Unanswered)
    }

    /// After the end of the content the message may have been taken, unless the host said that it was not: another
    /// host would make a duplicate of it.
    fn is_maybe_taken(&self) -> bool {
        self.result.end_sent && !matches!(self.ended, None | Some(SessionFault::Closing(_)))
    }
}

/// What one transaction told.
struct Answers {
    /// By the recipients' indices.
    found: Vec<(u32, Finding)>,
    decision: Decision,
    /// Why others may be tried for those that are left.
    obstacle: Option<Box<Obstacle>>,
}

impl Batch<'_> {
    /// One host. Those that it answered leave `left`; an obstacle is there when others may be tried for the rest.
    /// Where a reload has come in between, it ends early with neither.
    pub(super) async fn attempt_host(
        &mut self,
        at: &AtHost<'_>,
        left: &mut Vec<&QueuedRecipient>,
        journal: &mut Journal,
    ) -> (Vec<Attempted>, Option<Box<Obstacle>>) {
        self.hold(at.place).await;
        let key = PoolKey::new(self.way, &self.candidates[at.place]);
        let mut answered = Vec::new();
        while !left.is_empty() && !self.shared.is_outdated(self.configured) {
            let mut link = match self.connection(&key, (at.place, at.plan), journal).await {
                Ok(link) => link,
                Err(obstacle) => return self.stopped_by(at, obstacle, answered),
            };
            let reused = link.served > 0;
            let most = link.session.offer().max_recipients().unwrap_or(usize::MAX);
            let count = left.len().min(most);
            let sent = self.send(&mut link, at, &left[..count], journal).await;
            let channel = Arc::clone(&link.facts);
            let sent = match sent {
                Ok(sent) if reused && sent.died_idle() => continue,
                Ok(sent) => sent,
                Err(obstacle) => {
                    if link.session.is_ready() {
                        self.keep(key, link);
                    }
                    return self.stopped_by(at, obstacle.with_channel(channel), answered);
                }
            };
            let peer = link.describe();
            let others = left.split_off(count);
            let answers = answers(at, left, sent, &channel, &peer);
            left.extend(others);
            let record = self.record(at, channel, answers.decision, journal, left.is_empty());
            answered.extend(answers.found.into_iter().map(|(index, finding)| Attempted {
                index,
                finding,
                record: Arc::clone(&record),
            }));
            if link.session.is_ready() {
                self.keep(key.clone(), link);
            }
            if let Some(obstacle) = answers.obstacle {
                return self.stopped_by(at, obstacle, answered);
            }
        }
        (answered, None)
    }

    /// An obstacle that follows an answer says nothing of the next message.
    fn stopped_by(
        &mut self,
        at: &AtHost<'_>,
        obstacle: Box<Obstacle>,
        answered: Vec<Attempted>,
    ) -> (Vec<Attempted>, Option<Box<Obstacle>>) {
        if answered.is_empty() {
            self.remember(at, &obstacle);
        }
        self.learn_refused(at.lease, &obstacle);
        (answered, Some(obstacle))
    }

    /// What a host presented that was not good enough: another may take the message, and the evidence is of that one.
    fn learn_refused(&self, lease: &Lease, obstacle: &Obstacle) {
        let (Decision::Refused(_), Some(channel)) = (&obstacle.decision, &obstacle.channel) else {
            return;
        };
        let directory = &self.configured.organizations;
        let partners = &self.shared.services.partners;
        partners.refused(directory, &lease.destination, (&self.way.route, channel), clock::now());
    }

    /// One that waits for its next message, or a fresh one.
    pub(super) async fn connection(
        &self,
        key: &PoolKey,
        (place, plan): (usize, &HostPlan),
        journal: &mut Journal,
    ) -> Result<Box<Link>, Box<Obstacle>> {
        if let Some(mut link) = self.shared.pool.take(key, plan) {
            let most = self.configured.settings.limits.connections;
            link.place = Some(self.shared.places.take(most).await);
            return Ok(link);
        }
        let opening = Opening {
            services: &self.shared.services,
            configured: self.configured,
            memory: &self.shared.memory,
            places: &self.shared.places,
            channel_ids: &self.shared.channel_ids,
            way: self.way,
            candidate: &self.candidates[place],
            plan,
        };
        let mut link = opening.open(journal).await?;
        link.opening = link.session.take_conversation();
        Ok(link)
    }

    /// Judges the message on the connection and sends it when it is cleared.
    async fn send(
        &self,
        link: &mut Link,
        at: &AtHost<'_>,
        recipients: &[&QueuedRecipient],
        journal: &mut Journal,
    ) -> Result<Sent, Box<Obstacle>> {
        link.begin_attempt(journal.began);
        journal.add(link.opening.clone());
        if link.served > 0 {
            link.session
                .note(&format!("the connection has carried {} messages before", link.served));
        }
        self.verify_anew(link, at.plan).await;
        let envelope = Envelope {
            recipients: recipients.iter().map(|queued| queued.recipient.clone()).collect(),
            ..Envelope::clone(&at.lease.envelope)
        };
        let eight_bit = holds_eight_bit(link, at.lease).await?;
        if self.shared.is_outdated(self.configured) {
            // What was planned may be less than what is demanded by now (law 2).
            return Err(Obstacle::ours("the configuration has changed in between".to_owned()));
        }
        let copy = self.rendition(at, recipients);
        let message = Outgoing {
            body: &at.lease.body,
            copy: &copy,
            eight_bit,
        };
        send_cleared(
            link,
            (at.plan, time_for(&self.configured.organizations)),
            envelope,
            &message,
            &self.shared.services.metrics,
            journal,
        )
        .await
    }

    /// What of the message these recipients get; they all get the same.
    fn rendition(&self, at: &AtHost<'_>, recipients: &[&QueuedRecipient]) -> Rendition {
        let whose = recipients.first().map(|queued| &queued.recipient.organization);
        let carrier = &self.way.organization;
        Rendition::of(at.handling, (whose.unwrap_or(carrier), carrier), self.way.course)
    }

    /// The chain's verdicts may have changed since the last message, and this plan may ask for others. Only then are
    /// the facts others than those which evidence shares already.
    pub(super) async fn verify_anew(&self, link: &mut Link, plan: &HostPlan) {
        let (ChannelSecurity::Tls(tls), Some(chain)) = (&link.facts.security, &link.chain) else {
            return;
        };
        let answers = self.shared.services.revocation.verify(chain, &plan.checks()).await;
        if !tls.has_answers(&answers)
            && let ChannelSecurity::Tls(tls) = &mut Arc::make_mut(&mut link.facts).security
        {
            tls.set_answers(answers);
        }
    }

    /// Keeps the connection for the next message, or says goodbye.
    pub(super) fn keep(&self, key: PoolKey, link: Box<Link>) {
        let limits = &self.configured.settings.limits;
        let most = link
            .session
            .offer()
            .max_messages()
            .and_then(|most| u32::try_from(most).ok());
        let spent = link.served >= self.way.route.messages_per_connection.min(most.unwrap_or(u32::MAX));
        let left_over = if spent {
            Some(link)
        } else {
            let until = tokio::time::Instant::now() + limits.idle_timeout;
            self.shared.pool.put(key, link, until, limits.idle_connections, || {
                !self.shared.is_outdated(self.configured)
            })
        };
        if let Some(link) = left_over {
            tokio::spawn(link.close());
        }
    }

    /// What the evidence of those has in common who were answered. The journal is emptied into the last of them.
    fn record(
        &self,
        at: &AtHost<'_>,
        channel: Arc<ChannelFacts>,
        decision: Decision,
        journal: &mut Journal,
        is_last: bool,
    ) -> Arc<Record> {
        let (failed_handshakes, conversation) = if is_last {
            (mem::take(&mut journal.failed_handshakes), mem::take(&mut journal.lines))
        } else {
            (journal.failed_handshakes.clone(), journal.lines.clone())
        };
        Arc::new(Record {
            route: self.describe(Some(at.plan), at.handling),
            required: at.plan.demands().to_vec(),
            shadow: try_documents(at.plan, Found::Channel(&channel.security), &decision),
            channel: Some(channel),
            failed_handshakes,
            decision,
            conversation,
        })
    }
}

/// Turns the peer's answers into findings. In `left` stay those who were not answered, for the next host, and those for
/// whom there was no room in this transaction, for the next one.
fn answers(
    at: &AtHost<'_>,
    left: &mut Vec<&QueuedRecipient>,
    sent: Sent,
    channel: &Arc<ChannelFacts>,
    peer: &str,
) -> Answers {
    let maybe_taken = sent.is_maybe_taken();
    let Sent {
        mut result,
        ended,
        decision,
    } = sent;
    result.recipients.resize(left.len(), RecipientReply::Unanswered);
    let mut obstacle = ended.as_ref().map(|ended| Obstacle::session(ended, peer));
    let some_taken = result
        .recipients
        .iter()
        .any(|reply| matches!(reply, RecipientReply::Accepted(_)));
    let mut found = Vec::new();
    let mut still_left = Vec::new();
    for (recipient, reply) in left.drain(..).zip(result.recipients) {
        let finding = match reply {
            RecipientReply::Accepted(reply) => Finding::Delivered {
                reply,
                relayed_with_dsn: result.relayed_with_dsn,
            },
            RecipientReply::Refused { at: Wait::Rcpt, reply } if some_taken && is_want_of_room(&reply) => {
                still_left.push(recipient);
                continue;
            }
            RecipientReply::Refused { at: command, reply } => {
                let finding = refusal_of(at.plan, channel, command, reply, peer);
                // The host takes nothing just now; a backup may (RFC 5321 §5.1).
                if command == Wait::Mail
                    && let Finding::Defer(fault) = finding
                {
                    obstacle.get_or_insert_with(|| Obstacle::said(fault, decision.clone()));
                    still_left.push(recipient);
                    continue;
                }
                finding
            }
            RecipientReply::Unanswered => match &obstacle {
                Some(obstacle) if maybe_taken || obstacle.reach == Reach::Message => Finding::of(&obstacle.why),
                _ => {
                    still_left.push(recipient);
                    continue;
                }
            },
        };
        found.push((recipient.index, finding));
    }
    *left = still_left;
    Answers {
        found,
        decision,
        obstacle: obstacle.map(|obstacle| obstacle.with_channel(Arc::clone(channel))),
    }
}

/// Looked for only where it matters: the host does not offer 8BITMIME, and the content was declared 8-bit.
async fn holds_eight_bit(link: &Link, lease: &Lease) -> Result<bool, Box<Obstacle>> {
    if lease.envelope.body == BodyKind::SevenBit || link.session.offer().has("8BITMIME") {
        return Ok(false);
    }
    let unreadable = |error: std::io::Error| Obstacle::ours(format!("the message could not be read: {error}"));
    has_high_octet(&lease.body).await.map_err(unreadable)
}

async fn has_high_octet(body: &Body) -> std::io::Result<bool> {
    let mut reader = body.reader()?;
    while let Some(piece) = reader.next().await? {
        if !piece.is_ascii() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether RCPT was refused because the transaction has too many of them (RFC 5321 §4.5.3.1.10): with the code alone
/// or with X.5.3 (RFC 3463 §3.6), and not because a mailbox or a disk is full.
fn is_want_of_room(reply: &Reply) -> bool {
    let too_many = |code: EnhancedCode| (code.subject, code.detail) == (5, 3);
    matches!(reply.code.as_u16(), 452 | 552) && reply.enhanced.is_none_or(too_many)
}

/// 4xx waits and 5xx ends it, each recipient by itself (RFC 5321 §4.2.1); but where the host wants the TLS that failed
/// with it before, it waits (policy says so), and a 552 to RCPT is the 452 of old (§4.5.3.1.10).
pub(super) fn refusal_of(plan: &HostPlan, channel: &ChannelFacts, command: Wait, reply: Reply, peer: &str) -> Finding {
    if let ChannelSecurity::Plaintext(cause) = &channel.security
        && let PlaintextReply::Defer(refusal) = plaintext_retry_reply(plan, cause, &reply)
    {
        return Finding::Defer(refusal.to_fault(Some(peer.to_owned())));
    }
    let means_452 = command == Wait::Rcpt && reply.code.as_u16() == 552 && is_want_of_room(&reply);
    let permanent = reply.code.class() == ReplyClass::Permanent && !means_452;
    let class = if permanent { 5 } else { 4 };
    let status = match reply.enhanced {
        Some(code) => EnhancedCode { class, ..code },
        None => EnhancedCode::new(class, 0, 0),
    };
    let what = match command {
        Wait::Mail => "the sender",
        Wait::Rcpt => "the recipient",
        _ => "the message",
    };
    let text = if permanent {
        format!("the host refused {what} for good")
    } else {
        format!("the host refused {what} for now")
    };
    let why = Fault {
        reply: Some(reply),
        host: Some(peer.to_owned()),
        ..fault(status, text, Side::Recipient)
    };
    if permanent {
        Finding::Bounce(why)
    } else {
        Finding::Defer(why)
    }
}
