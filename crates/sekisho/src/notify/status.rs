//! The part that programs read: `message/delivery-status` (RFC 3464 §2).

use sekisho_mail::{EnhancedCode, Host, Outcome, Reply, xtext};

use super::{Action, Told, ascii::field, fault, message::Report};
use crate::clock::header_date;

/// The whole part, lines ending with CRLF: fields about the message, then a group for each recipient, each behind an
/// empty line.
pub(super) fn delivery_status(report: &Report<'_>) -> String {
    let mut part = about_message(report);
    for told in report.told {
        part.push_str("\r\n");
        part.push_str(&about_recipient(report, told));
    }
    part
}

/// RFC 3464 §2.2.
fn about_message(report: &Report<'_>) -> String {
    let lease = report.settled.lease;
    let mut fields = String::new();
    if let Some(envid) = lease.envelope.envid.as_ref().and_then(|envid| xtext::decode(&envid.0)) {
        fields.push_str(&field("Original-Envelope-Id", &envid));
    }
    fields.push_str(&field("Reporting-MTA", &format!("dns; {}", report.settings.hostname)));
    if let Ok(Host::Domain(helo)) = Host::parse(&lease.arrival.helo) {
        fields.push_str(&field("Received-From-MTA", &format!("dns; {helo}")));
    }
    fields.push_str(&field("Arrival-Date", &header_date(lease.arrival.at)));
    fields.push_str(&field("X-Queue-Id", &lease.id.to_string()));
    fields
}

/// RFC 3464 §2.3.
fn about_recipient(report: &Report<'_>, told: &Told<'_>) -> String {
    let recipient = &told.queued.recipient;
    let mut fields = String::new();
    if let Some((kind, address)) = recipient.orcpt.as_ref().and_then(|orcpt| orcpt.0.split_once(';'))
        && let Some(address) = xtext::decode(address)
    {
        fields.push_str(&field("Original-Recipient", &format!("{kind}; {address}")));
    }
    fields.push_str(&field("Final-Recipient", &format!("rfc822; {}", recipient.mailbox)));
    fields.push_str(&field("Action", told.action.word()));
    fields.push_str(&field("Status", &status(told).to_string()));
    if let Some(host) = remote_host(told) {
        fields.push_str(&field("Remote-MTA", &format!("dns; {host}")));
    }
    if let Some(diagnostic) = diagnostic(told) {
        fields.push_str(&field("Diagnostic-Code", &diagnostic));
    }
    if let Some(evidence) = told.evidence {
        fields.push_str(&field("Last-Attempt-Date", &header_date(evidence.at)));
    }
    if told.action == Action::Delayed {
        fields.push_str(&field("Will-Retry-Until", &header_date(report.settled.expires)));
    }
    fields
}

/// RFC 3463: the class says what became of the recipient, whatever class the last reply had.
fn status(told: &Told<'_>) -> EnhancedCode {
    let (class, found) = match told.outcome {
        Outcome::Bounced { why } => (5, why.status),
        Outcome::Deferred { why, .. } => (4, why.status),
        Outcome::Delivered { reply, .. } => {
            let said = reply.as_ref().and_then(|reply| reply.enhanced);
            (2, said.unwrap_or(EnhancedCode::new(2, 0, 0)))
        }
    };
    EnhancedCode { class, ..found }
}

/// The name of the host at the other end, when there was one.
fn remote_host(told: &Told<'_>) -> Option<Host> {
    let of_channel = told
        .evidence
        .and_then(|evidence| evidence.channel.as_ref()?.host.as_deref());
    let of_fault = fault(told.outcome).and_then(|why| why.host.as_deref());
    // `mx.example.org [192.0.2.1]:25`, `mx.example.org:25`, `[192.0.2.1]:25`, or the name alone.
    let text = of_fault.or(of_channel)?.split(' ').next()?;
    let host = match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => text,
    };
    Host::parse(host).ok()
}

/// What the other end said; otherwise what we found, which is a diagnostic too.
fn diagnostic(told: &Told<'_>) -> Option<String> {
    match told.outcome {
        Outcome::Delivered { reply, .. } => reply.as_ref().map(smtp),
        Outcome::Deferred { why, .. } | Outcome::Bounced { why } => match &why.reply {
            Some(reply) => Some(smtp(reply)),
            None => Some(format!("x-sekisho; {}", why.text)),
        },
    }
}

fn smtp(reply: &Reply) -> String {
    format!("smtp; {reply}")
}
