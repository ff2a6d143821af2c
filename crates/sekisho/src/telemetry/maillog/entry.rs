//! What the mail log records. Every entry borrows the values that the event is about, so that the line is read off the
//! same values as the reply, the trace and the metric.

use std::net::SocketAddr;

use sekisho_mail::{
    ChannelFacts, ChannelSecurity, Demand, Envelope, Evidence, Fault, HandshakeFailure, Mailbox, MessageId, Outcome,
    Reply, ReversePath, StatedReason,
};
use sekisho_store::Arrival;

use super::fields::Fields;
use crate::local;

/// At most so many recipients are named in one line; `recipients=` always counts them all.
const RECIPIENTS_SHOWN: usize = 20;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// `received`: a message is on stable storage and was acknowledged, or is one of our own.
    Received {
        /// Its queue id.
        id: MessageId,
        /// MAIL and RCPT.
        envelope: &'a Envelope,
        /// How it came.
        arrival: &'a Arrival,
        /// Octets of content as stored.
        size: u64,
    },
    /// `refused`: a connection, a command or a content was answered 4xx or 5xx.
    Refused {
        /// The queue id, when the content had already begun, or the one under which the trace has it.
        id: Option<MessageId>,
        /// The name of the listener.
        listener: &'a str,
        /// The client.
        peer: SocketAddr,
        /// What EHLO or HELO gave; empty before it.
        helo: &'a str,
        /// Plaintext or TLS, once that is known.
        security: Option<&'a ChannelSecurity>,
        /// The sender, after MAIL.
        sender: Option<&'a ReversePath>,
        /// The recipient concerned, as the client wrote it.
        recipient: Option<&'a str>,
        /// Our answer.
        reply: &'a Reply,
        /// The rule, where one of an organization's decided.
        rule: Option<&'a StatedReason>,
    },
    /// `refused-more`: a session ends in which more was refused than has a line each.
    RefusedMore {
        /// The name of the listener.
        listener: &'a str,
        /// The client.
        peer: SocketAddr,
        /// Replies that have no line.
        count: u64,
    },
    /// `handshake-failed`: TLS did not come about, in either role.
    HandshakeFailed {
        /// The message for which we connected; `None` when we are the server.
        id: Option<MessageId>,
        /// Who connected.
        direction: Direction,
        /// The name of the listener, or the route in words.
        by: &'a str,
        /// The other end.
        peer: SocketAddr,
        /// The host as it was looked for, when we are the client.
        host: Option<&'a str>,
        /// What went wrong.
        failure: &'a HandshakeFailure,
    },
    /// `delivered`, `deferred` or `bounced`, as the evidence's outcome says: an attempt for one recipient has ended.
    Attempted(&'a Evidence),
    /// `expired`: the message was too old for another attempt, and the sender is told.
    Expired {
        /// Its queue id.
        id: MessageId,
        /// For whom.
        recipient: &'a Mailbox,
        /// Attempts made.
        attempts: u32,
        /// What stood in the way last, with what it is bounced.
        why: &'a Fault,
    },
    /// `refused-and-held`: a next hop refused it for good, and nobody is told, since a stranger has sent it.
    RefusedAndHeld {
        /// Its queue id.
        id: MessageId,
        /// For whom.
        recipient: &'a Mailbox,
        /// What stood in the way.
        why: &'a Fault,
    },
    /// `notified`: a notification of ours entered the queue.
    Notified {
        /// The queue id of the notification itself.
        id: MessageId,
        /// The message that it is about.
        about: MessageId,
        /// What it tells.
        kind: NoticeKind,
        /// Who is told.
        to: &'a Mailbox,
    },
    /// `held`, `released`, `retried`, `bounce-ordered`, `redirected`: the operator gave an order.
    Ordered {
        /// For which messages.
        scope: Scope<'a>,
        /// What was ordered.
        order: Order<'a>,
        /// Who ordered it, `uid 1000`.
        by: &'a str,
    },
}

/// Who connected to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The peer to us.
    In,
    /// We to the peer.
    Out,
}

/// What a notification tells (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It could not be delivered.
    Failure,
    /// It is late.
    Delay,
    /// It was delivered, or handed to a host that does not notify.
    Success,
}

impl NoticeKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Delay => "delay",
            Self::Success => "success",
        }
    }
}

/// Which messages an order was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// This one.
    Message(MessageId),
    /// All that matched.
    Filter {
        /// The filter in words.
        words: &'a str,
        /// How many did.
        changed: u64,
    },
}

/// What the operator ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// No attempts until released.
    Hold,
    /// Undoes a hold.
    Release,
    /// Try now.
    Retry,
    /// Give up, with these words.
    Bounce(&'a str),
    /// Send it there instead.
    Redirect(&'a Mailbox),
}

impl Entry<'_> {
    /// The value of `event=`.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Received { .. } => "received",
            Self::Refused { .. } => "refused",
            Self::RefusedMore { .. } => "refused-more",
            Self::HandshakeFailed { .. } => "handshake-failed",
            Self::Attempted(evidence) => evidence.outcome.word(),
            Self::Expired { .. } => "expired",
            Self::RefusedAndHeld { .. } => "refused-and-held",
            Self::Notified { .. } => "notified",
            Self::Ordered { order, .. } => match order {
                Order::Hold => "held",
                Order::Release => "released",
                Order::Retry => "retried",
                Order::Bounce(_) => "bounce-ordered",
                Order::Redirect(_) => "redirected",
            },
        }
    }

    /// Writes `event`, `id` and all other fields, in the order of the schema.
    pub(super) fn write(&self, fields: &mut Fields) {
        fields.word("event", self.event());
        match *self {
            Entry::Received {
                id,
                envelope,
                arrival,
                size,
            } => write_received(fields, id, envelope, arrival, size),
            Entry::Refused { .. } => self.write_refused(fields),
            Entry::RefusedMore { listener, peer, count } => {
                fields.text("listener", listener);
                fields.text("peer", peer);
                fields.number("count", count);
            }
            Entry::HandshakeFailed { .. } => self.write_handshake_failed(fields),
            Entry::Attempted(evidence) => write_attempted(fields, evidence),
            Entry::Expired {
                id,
                recipient,
                attempts,
                why,
            } => {
                fields.text("id", id);
                fields.text("to", recipient);
                fields.number("attempts", attempts);
                write_fault(fields, why);
            }
            Entry::RefusedAndHeld { id, recipient, why } => {
                fields.text("id", id);
                fields.text("to", recipient);
                write_fault(fields, why);
            }
            Entry::Notified { id, about, kind, to } => {
                fields.text("id", id);
                fields.text("about", about);
                fields.word("kind", kind.word());
                fields.text("to", to);
            }
            Entry::Ordered { scope, order, by } => {
                match scope {
                    Scope::Message(id) => fields.text("id", id),
                    Scope::Filter { words, changed } => {
                        fields.text("filter", words);
                        fields.number("changed", changed);
                    }
                }
                match order {
                    Order::Bounce(why) => fields.text("why", why),
                    Order::Redirect(to) => fields.text("to", to),
                    Order::Hold | Order::Release | Order::Retry => {}
                }
                fields.text("by", by);
            }
        }
    }

    fn write_refused(&self, fields: &mut Fields) {
        let Entry::Refused {
            id,
            listener,
            peer,
            helo,
            security,
            sender,
            recipient,
            reply,
            rule,
        } = *self
        else {
            return;
        };
        if let Some(id) = id {
            fields.text("id", id);
        }
        fields.text("listener", listener);
        fields.text("peer", peer);
        if !helo.is_empty() {
            fields.text("helo", helo);
        }
        if let Some(sender) = sender {
            fields.text("from", sender);
        }
        if let Some(recipient) = recipient {
            fields.text("to", recipient);
        }
        fields.text("reply", reply);
        if let Some(rule) = rule {
            fields.text("rule", &rule.key);
            fields.text("why", &rule.text);
        }
        if let Some(security) = security {
            write_security(fields, security);
        }
    }

    fn write_handshake_failed(&self, fields: &mut Fields) {
        let Entry::HandshakeFailed {
            id,
            direction,
            by,
            peer,
            host,
            failure,
        } = *self
        else {
            return;
        };
        if let Some(id) = id {
            fields.text("id", id);
        }
        fields.word("direction", if direction == Direction::In { "in" } else { "out" });
        fields.text(
            if direction == Direction::In {
                "listener"
            } else {
                "route"
            },
            by,
        );
        fields.text("peer", peer);
        if let Some(host) = host {
            fields.text("host", host);
        }
        fields.text("why", &failure.words);
        if let Some(hello) = &failure.hello {
            fields.text("offered-versions", hello.versions.join(" "));
            fields.text("offered-groups", hello.groups.join(" "));
        }
    }
}

fn write_received(fields: &mut Fields, id: MessageId, envelope: &Envelope, arrival: &Arrival, size: u64) {
    fields.text("id", id);
    fields.text("listener", &arrival.listener);
    if let Some(peer) = arrival.peer {
        fields.text("peer", peer);
    }
    if !arrival.helo.is_empty() {
        fields.text("helo", &arrival.helo);
    }
    fields.text("from", &envelope.reverse_path);
    let shown: Vec<String> = envelope
        .recipients
        .iter()
        .take(RECIPIENTS_SHOWN)
        .map(|recipient| recipient.mailbox.to_string())
        .collect();
    fields.text("to", shown.join(","));
    fields.number("recipients", envelope.recipients.len());
    fields.number("size", size);
    if let Some(header) = &arrival.message_id_header {
        fields.text("message-id", header);
    }
    fields.text("admitted-by", &arrival.admitted_by);
    write_security(fields, &arrival.security);
}

fn write_attempted(fields: &mut Fields, evidence: &Evidence) {
    fields.text("id", evidence.message);
    fields.text("to", &evidence.recipient.mailbox);
    fields.number("attempt", evidence.attempt);
    fields.text("route", &evidence.route);
    if let Some(channel) = &evidence.channel {
        write_channel(fields, channel);
    }
    if let Some(connection) = local::connection_of(evidence) {
        fields.text("connection", connection);
    }
    fields.text("required", required(&evidence.required));
    if let Some(reason) = evidence.decision.reasons().first() {
        fields.text("reason", &reason.key);
    }
    match &evidence.outcome {
        Outcome::Delivered { reply: Some(reply), .. } => fields.text("reply", reply),
        Outcome::Delivered { reply: None, .. } => {}
        Outcome::Deferred { until, why } => {
            fields.text("until", until);
            write_fault(fields, why);
        }
        Outcome::Bounced { why } => write_fault(fields, why),
    }
}

fn write_channel(fields: &mut Fields, channel: &ChannelFacts) {
    if let Some(host) = &channel.host {
        fields.text("host", host);
    }
    fields.text("peer", channel.peer);
    write_security(fields, &channel.security);
}

/// What was demanded, each with who demands it; `none` for opportunistic TLS.
fn required(demands: &[Demand]) -> String {
    if demands.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = demands.iter().map(ToString::to_string).collect();
    each.join("; ")
}

fn write_security(fields: &mut Fields, security: &ChannelSecurity) {
    match security {
        ChannelSecurity::Plaintext(cause) => {
            fields.word("tls", "none");
            fields.text("plaintext-cause", cause);
        }
        ChannelSecurity::Tls(facts) => {
            fields.text("tls", facts.version);
            fields.text("suite", &facts.suite);
            fields.text("group", &facts.group);
            if facts.implicit {
                fields.word("implicit", "yes");
            }
            if let Some(sni) = &facts.sni {
                fields.text("sni", sni);
            }
            if let Some(leaf) = facts.chain.first() {
                fields.text("certificate", leaf.sha256);
            }
            let verdicts: Vec<&str> = facts.verdicts.iter().map(|(_, verdict)| verdict.word()).collect();
            if !verdicts.is_empty() {
                fields.text("verdict", verdicts.join(","));
            }
        }
    }
}

fn write_fault(fields: &mut Fields, why: &Fault) {
    fields.text("status", why.status);
    fields.text("why", &why.text);
    if let Some(unmet) = &why.unmet {
        fields.text("unmet", unmet);
    }
    if let Some(reply) = &why.reply {
        fields.text("reply", reply);
    }
}
