//! The part that people read: what happened, which TLS requirement was not met, and who can mend it.

use sekisho_mail::{OriginalRecipient, Outcome, Side};

use super::{
    Action, Kind, Told,
    ascii::{ascii, wrapped},
    fault,
    message::Report,
    returned::Returned,
};
use crate::clock::header_date;

/// The subject of a notification.
pub(super) const fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::Failed => "Your message could not be delivered",
        Kind::Delayed => "Your message is late",
        Kind::Succeeded => "Your message was handed over",
    }
}

/// The whole part, lines ending with CRLF.
pub(super) fn text(report: &Report<'_>) -> String {
    let mut text = wrapped(
        &format!("This is the mail server {}.", report.settings.hostname),
        "",
        "",
    );
    text.push_str("\r\n");
    text.push_str(&wrapped(&opening(report), "", ""));
    for told in report.told {
        text.push_str("\r\n");
        text.push_str(&about_recipient(told));
    }
    text.push_str("\r\n");
    text.push_str(&closing(report));
    text
}

fn opening(report: &Report<'_>) -> String {
    match report.kind {
        Kind::Failed => "Your message could not be delivered to the recipients named below, and it will not be \
                         tried again."
            .to_owned(),
        Kind::Delayed => format!(
            "Your message has not yet been delivered to the recipients named below. You need not do anything: it \
             will be tried until {}.",
            header_date(report.settled.expires)
        ),
        Kind::Succeeded => {
            "You asked to be told when your message was delivered. This is what became of it:".to_owned()
        }
    }
}

fn about_recipient(told: &Told<'_>) -> String {
    let recipient = &told.queued.recipient;
    let mut lines = wrapped(&format!("<{}>", ascii(&recipient.mailbox.to_string())), "  ", "  ");
    let original = recipient.orcpt.as_ref().and_then(OriginalRecipient::address);
    if let Some(original) = original.filter(|original| *original != recipient.mailbox.to_string()) {
        lines.push_str(&item("You wrote to", &format!("<{original}>")));
    }
    match told.outcome {
        Outcome::Delivered { .. } => lines.push_str(&item("What happened", handed_over(told.action))),
        Outcome::Deferred { .. } | Outcome::Bounced { .. } => {}
    }
    let Some(why) = fault(told.outcome) else {
        return lines;
    };
    lines.push_str(&item("What happened", &why.text));
    if let Some(unmet) = &why.unmet {
        lines.push_str(&item("Requirement that was not met", unmet));
        lines.push_str(&item(
            "What that means",
            "the message may only travel over such a connection, so it was not sent",
        ));
    }
    if let Some(host) = &why.host {
        lines.push_str(&item("Server", host));
    }
    if let Some(reply) = &why.reply {
        lines.push_str(&item("Its reply", &reply.to_string()));
    }
    lines.push_str(&item("Who can mend it", who(why.side)));
    lines
}

fn item(label: &str, value: &str) -> String {
    wrapped(&format!("{label}: {}", ascii(value)), "    ", "      ")
}

const fn handed_over(action: Action) -> &'static str {
    match action {
        Action::Relayed => {
            "the next server has taken the message; that server does not report back, so you may hear no more of it"
        }
        Action::Delivered | Action::Failed | Action::Delayed => "the message is in the mailbox",
    }
}

const fn who(side: Side) -> &'static str {
    match side {
        Side::Sender => "you: check the address, or change the message, and send it again",
        Side::Recipient => {
            "the people who run the recipient's mail system; if you can reach the recipient another way, pass this \
             notification on to their postmaster"
        }
        Side::Us => "the people who run this mail server; write to its postmaster",
        Side::Network => "nobody in particular: the network between this server and the recipient's; try again later",
    }
}

fn closing(report: &Report<'_>) -> String {
    let lease = report.settled.lease;
    let mut lines = wrapped(
        &format!(
            "The message came here at {} and has the queue id {}.",
            header_date(lease.arrival.at),
            lease.id
        ),
        "",
        "",
    );
    let returned = match &report.returned {
        Returned::Whole(_) => "It follows below.",
        Returned::Headers(_) if report.settled.is_covered() => {
            "A TLS requirement covers it, so only its headers follow below."
        }
        Returned::Headers(_) => "Its headers follow below.",
        Returned::Nothing => "It could not be read for this notification.",
    };
    lines.push_str(&wrapped(returned, "", ""));
    let postmaster = format!("Questions? Write to postmaster@{}.", report.settings.hostname);
    lines.push_str(&wrapped(&postmaster, "", ""));
    lines
}
