//! The store's rows as the API shows them. The API's types are apart from the store's, so that the store may change
//! without changing what scripts read.

use std::{sync::Arc, time::Duration};

use sekisho_api::{
    ActionResult, ArrivalView, AttemptView, MessageView, QueuedMessage, RecipientView, ShapeRow, TlsEvidence,
    TracedMessage,
};
use sekisho_mail::{Envelope, Evidence, MessageId, OriginalRecipient};
use sekisho_store::{
    ActionReport, Arrival, Directive, MessageDetail, QueueFilter, QueuedRow, ShapeRow as StoredShapeRow, TraceItem,
};

use super::Failure;
use crate::local;

/// A filter of the queue.
///
/// # Errors
/// When nothing can ever match it: that is a slip and not an empty queue.
pub(super) fn filter(filter: sekisho_api::QueueFilter) -> Result<QueueFilter, Failure> {
    if let (Some(older), Some(younger)) = (filter.older_than_secs, filter.younger_than_secs)
        && older > younger
    {
        return Err(Failure::bad_request(format!(
            "nothing is both older than {older} and younger than {younger} seconds"
        )));
    }
    Ok(QueueFilter {
        older_than: filter.older_than_secs.map(Duration::from_secs),
        younger_than: filter.younger_than_secs.map(Duration::from_secs),
        destination: filter.destination,
        sender: filter.sender,
        error: filter.error,
        held: filter.held,
    })
}

pub(super) fn queued(row: QueuedRow) -> QueuedMessage {
    QueuedMessage {
        id: row.id,
        arrived: row.arrived,
        size: row.size,
        sender: row.sender,
        destination: row.destination.to_string(),
        recipients: row.recipients,
        attempts: row.attempts,
        next_attempt: row.next_attempt,
        held: row.held,
        in_flight: row.in_flight,
        last_fault: row.last_fault,
    }
}

pub(super) fn message(detail: MessageDetail) -> MessageView {
    let recipients = detail.recipients.into_iter().map(|known| RecipientView {
        address: known.recipient.mailbox.to_string(),
        attempts: known.attempts,
        delay_notified: known.delay_notified,
        last_fault: known.last_fault,
        refused: known.held,
        carried: known.recipient.carried.iter().map(ToString::to_string).collect(),
    });
    MessageView {
        recipients: recipients.collect(),
        rows: detail.rows.into_iter().map(queued).collect(),
        arrival: arrival(&detail.envelope, detail.arrival),
        ordered: detail.directive.map(|Directive::Bounce(why)| format!("bounce: {why}")),
        attempts: detail
            .attempts
            .into_iter()
            .map(|traced| attempt(traced.evidence))
            .collect(),
    }
}

fn arrival(envelope: &Envelope, arrival: Arrival) -> ArrivalView {
    ArrivalView {
        at: arrival.at,
        sender: envelope.reverse_path.to_string(),
        recipients: envelope
            .recipients
            .iter()
            .map(|recipient| recipient.mailbox.to_string())
            .collect(),
        listener: arrival.listener,
        peer: arrival.peer.map(|peer| peer.to_string()),
        helo: arrival.helo,
        revocation: arrival.security.revocation(),
        security: arrival.security,
        admitted_by: arrival.admitted_by,
        directory: arrival.directory,
        message_id: arrival.message_id_header,
        alterations: arrival
            .alterations
            .into_iter()
            .map(|change| format!("{}: {}", change.kind, change.text))
            .collect(),
        shadow: arrival.shadow,
    }
}

fn attempt(evidence: Evidence) -> AttemptView {
    let recipient = evidence.recipient.mailbox.to_string();
    let original = evidence.recipient.orcpt.as_ref().and_then(OriginalRecipient::address);
    AttemptView {
        connection: local::connection_of(&evidence).map(str::to_owned),
        original: original.filter(|original| *original != recipient),
        recipient,
        attempt: evidence.attempt,
        at: evidence.at,
        directory: evidence.directory,
        route: evidence.route,
        required: evidence.required,
        channel: evidence.channel.map(Arc::unwrap_or_clone).map(TlsEvidence::from),
        failed_handshakes: evidence.failed_handshakes,
        decision: evidence.decision,
        outcome: evidence.outcome,
        conversation: evidence.conversation,
        shadow: evidence.shadow,
    }
}

pub(super) fn traced(item: TraceItem) -> TracedMessage {
    TracedMessage {
        id: item.id,
        size: item.size,
        arrival: arrival(&item.envelope, item.arrival),
        attempts: item
            .attempts
            .into_iter()
            .map(|traced| attempt(traced.evidence))
            .collect(),
        queued: item.queued,
    }
}

pub(super) fn shape(row: StoredShapeRow) -> ShapeRow {
    ShapeRow {
        destination: row.destination.to_string(),
        total: row.total,
        by_age: row.by_age.to_vec(),
    }
}

pub(super) fn action(report: ActionReport, found: usize, next: Option<MessageId>) -> ActionResult {
    ActionResult {
        found: found as u64,
        next,
        changed: report.changed,
        missing: report.missing,
        in_flight: report.in_flight,
    }
}
