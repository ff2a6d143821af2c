//! The operator's own test message: judged like any submission, then queued like any message.

use axum::{Extension, Json, extract::State};
use mail_builder::MessageBuilder;
use sekisho_api::{Submission, Submitted};
use sekisho_mail::{BodyKind, ChannelSecurity, Envelope, Mailbox, PlaintextCause, Recipient, ReversePath, Timestamp};
use sekisho_store::{Accepted, Arrival};

use super::{Backend, Caller, Failure, Rules};
use crate::{app::Phase, clock, inbound::of_copies, telemetry::maillog::Entry};

/// Recipients of one such message.
const RECIPIENTS_MAX: usize = 100;
/// Octets of its text.
const TEXT_LEN_MAX: usize = 1024 * 1024;
/// Octets of its subject.
const SUBJECT_LEN_MAX: usize = 500;

pub(super) async fn send(
    State(backend): State<Backend>,
    Extension(caller): Extension<Caller>,
    Json(submission): Json<Submission>,
) -> Result<Json<Submitted>, Failure> {
    if backend
        .phase
        .as_ref()
        .is_some_and(|phase| *phase.borrow() != Phase::Running)
    {
        return Err(Failure::refused("the server is stopping and takes no new mail"));
    }
    // All of it is judged by one state of things.
    let node = backend.node.load_full();
    let mut envelope = judge(&backend, &*node.rules, &submission)?;
    let now = clock::now();
    let mut draft = backend.store.begin(now)?;
    let id = draft.id();
    let hostname = node.hostname.clone();
    let message_id = format!("<{id}@{hostname}>");
    // An author is wanted where no sender is (RFC 5322 §3.6.2).
    let author = envelope.reverse_path.mailbox();
    let author = author.map_or_else(|| postmaster(&backend), ToString::to_string);
    let content = render(&submission, &author, &message_id, now)
        .map_err(|error| Failure::bad_request(format!("the message cannot be written: {error}")))?;
    let shadow = node.rules.apply_rules(&mut envelope, &content);
    let shadow = shadow.map_err(Failure::refused)?;
    for one in &shadow {
        backend
            .tally
            .note(std::slice::from_ref(&one.verdict), &caller.to_string(), now);
    }
    draft.write(&content).await?;
    let size = draft.len();
    let arrival = Arrival {
        at: now,
        listener: "send".to_owned(),
        peer: None,
        helo: String::new(),
        security: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
        directory: node.rules.configured().organizations.version(),
        admitted_by: format!("management: {caller}"),
        message_id_header: Some(message_id),
        alterations: of_copies(&envelope.recipients),
        shadow,
    };
    let accepted = Accepted {
        envelope: envelope.clone(),
        arrival: arrival.clone(),
    };
    backend.store.commit(draft, accepted, false).await?;
    backend.mail_log.record(Entry::Received {
        id,
        envelope: &envelope,
        arrival: &arrival,
        size,
    });
    backend.wake.notify_one();
    Ok(Json(Submitted { id }))
}

/// Every local domain has a postmaster (RFC 5321 §4.5.1), who hears of a failure.
fn postmaster(backend: &Backend) -> String {
    let node = backend.node.load();
    let domain = node.local_domains.first().unwrap_or(&node.hostname);
    format!("postmaster@{domain}")
}

/// The envelope, when every address is one and every recipient may be written to.
fn judge(backend: &Backend, rules: &dyn Rules, submission: &Submission) -> Result<Envelope, Failure> {
    if submission.to.is_empty() || submission.to.len() > RECIPIENTS_MAX {
        return Err(Failure::bad_request(format!(
            "a message has 1 to {RECIPIENTS_MAX} recipients"
        )));
    }
    if submission.text.len() > TEXT_LEN_MAX || submission.subject.len() > SUBJECT_LEN_MAX {
        return Err(Failure::bad_request("the text or the subject is too long"));
    }
    if submission.text.contains('\0') {
        return Err(Failure::bad_request("the text must have no NUL (RFC 5322 §3.5)"));
    }
    if submission.subject.chars().any(char::is_control) {
        return Err(Failure::bad_request("the subject must be one line"));
    }
    let address = |text: &str| {
        Mailbox::parse(text).map_err(|error| Failure::bad_request(format!("{text:?} is no address: {error}")))
    };
    backend.refuse_at_fault()?;
    let reverse_path = match submission.from.as_deref() {
        None => ReversePath::Mailbox(address(&postmaster(backend))?),
        Some("" | "<>") => ReversePath::Null,
        Some(from) => ReversePath::Mailbox(address(from)?),
    };
    let organizations = &rules.configured().organizations;
    let owner = |mailbox: &Mailbox| {
        let accepted = mailbox.host().domain().and_then(|domain| organizations.domain(domain));
        accepted.map(|accepted| accepted.organization.clone())
    };
    let sender = reverse_path.mailbox().and_then(owner);
    let mut recipients = Vec::with_capacity(submission.to.len());
    for text in &submission.to {
        let mailbox = address(text)?;
        rules.judge_recipient(&mailbox).map_err(Failure::refused)?;
        recipients.push(Recipient {
            organization: owner(&mailbox).or_else(|| sender.clone()).unwrap_or_default(),
            ..Recipient::new(mailbox)
        });
    }
    Ok(Envelope {
        reverse_path,
        body: BodyKind::EightBitMime,
        ret: None,
        envid: None,
        recipients,
    })
}

fn render(submission: &Submission, from: &str, message_id: &str, now: Timestamp) -> std::io::Result<Vec<u8>> {
    let to: Vec<&str> = submission.to.iter().map(String::as_str).collect();
    // A bare CR goes nowhere (law 5), and the last line has an end as well.
    let mut text = submission.text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    MessageBuilder::new()
        .from(from)
        .to(to)
        .subject(submission.subject.as_str())
        // The library writes the angle brackets itself.
        .message_id(message_id.trim_matches(['<', '>']))
        .date(now.as_secs())
        .text_body(text)
        .write_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_lines_that_end_with_crlf() {
        for text in [
            "", "one", "one\n", "one\r\n", "one\ntwo", "one\rtwo", "naïve\r", "naïve\n",
        ] {
            let submission = Submission {
                from: None,
                to: vec!["a@example.org".to_owned()],
                subject: "s".to_owned(),
                text: text.to_owned(),
            };
            let content = render(&submission, "b@example.org", "<1@example.org>", Timestamp::from_secs(1)).unwrap();
            assert!(content.ends_with(b"\r\n"), "{text:?}");
            let bare = String::from_utf8(content).unwrap().replace("\r\n", "");
            assert!(!bare.contains(['\r', '\n']), "{text:?}: {bare:?}");
        }
    }
}
