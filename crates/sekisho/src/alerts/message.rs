//! A message to the postmaster about alerts: plain text, from top to bottom seven-bit ASCII with short lines.

use std::fmt::Write as _;

use sekisho_api::Severity;
use sekisho_mail::{Domain, Mailbox, MessageId, Timestamp};

use super::alert::{Kept, id};
use crate::{
    clock::header_date,
    notify::ascii::{ascii, field, wrapped},
};

/// Alerts that are written out in one message; of more it says how many there are.
const WRITTEN_OUT: usize = 50;
/// Recipients that are named in To.
const NAMED: usize = 10;

/// What one message says.
#[derive(Debug)]
pub(super) struct Digest<'a> {
    pub(super) hostname: &'a Domain,
    pub(super) to: &'a [Mailbox],
    /// By key; at least one.
    pub(super) told: &'a [(String, Kept)],
    /// How many stand in all.
    pub(super) standing: usize,
    pub(super) now: Timestamp,
}

/// A message that is ready to be queued.
pub(super) struct Written {
    pub(super) content: Vec<u8>,
    /// With its angle brackets.
    pub(super) message_id: String,
}

impl Digest<'_> {
    /// The whole message; `id` is its own queue id.
    pub(super) fn write(&self, id: MessageId) -> Written {
        let message_id = format!("<{id}.alert@{}>", self.hostname);
        let mut text = self.header(&message_id);
        text.push_str("\r\n");
        text.push_str(&self.body());
        Written {
            content: text.into_bytes(),
            message_id,
        }
    }

    fn header(&self, message_id: &str) -> String {
        let hostname = self.hostname;
        let mut header = field("Date", &header_date(self.now));
        header.push_str(&field("From", &format!("Sekisho alerts <postmaster@{hostname}>")));
        // Not through `field`, which would double a backslash in a quoted local part; a mailbox is printable ASCII.
        let named: Vec<String> = self.to.iter().take(NAMED).map(|to| format!("<{to}>")).collect();
        let _ = write!(header, "To: {}\r\n", named.join(",\r\n    "));
        header.push_str(&field("Subject", &self.subject()));
        header.push_str(&field("Message-ID", message_id));
        // RFC 3834 §5.
        header.push_str("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
        header.push_str("Content-Type: text/plain; charset=us-ascii\r\n");
        header
    }

    fn subject(&self) -> String {
        let standing = || self.told.iter().filter(|(_, kept)| kept.stands());
        let of = |severity| standing().filter(|(_, kept)| kept.alert.severity == severity).count();
        let mut parts = Vec::new();
        for (count, word) in [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")] {
            match count {
                0 => {}
                1 => parts.push(format!("1 {word}")),
                more => parts.push(format!("{more} {word}s")),
            }
        }
        let over = self.told.len() - standing().count();
        if over > 0 {
            parts.push(format!("{over} over"));
        }
        let hostname = self.hostname;
        match self.told {
            [(_, kept)] => {
                let is = if kept.stands() { "" } else { "over: " };
                format!("{hostname}: {is}{}: {}", kept.alert.kind, kept.alert.subject)
            }
            _ => format!("{hostname}: {}", parts.join(", ")),
        }
    }

    fn body(&self) -> String {
        let mut text = wrapped(&format!("This is the mail server {}.", self.hostname), "", "");
        let mut all: Vec<&(String, Kept)> = self.told.iter().collect();
        all.sort_by_key(|(_, kept)| {
            let alert = &kept.alert;
            (
                !kept.stands(),
                std::cmp::Reverse(alert.severity),
                alert.until.unwrap_or(kept.first),
            )
        });
        for (key, kept) in all.iter().take(WRITTEN_OUT) {
            text.push_str("\r\n");
            text.push_str(&paragraph(key, kept));
        }
        text.push_str("\r\n");
        if all.len() > WRITTEN_OUT {
            let more = format!("And {} more that are not written out here.", all.len() - WRITTEN_OUT);
            text.push_str(&wrapped(&more, "", ""));
        }
        let closing = format!(
            "Alerts that stand: {}. `sekisho alert list` shows them; `sekisho alert acknowledge ID` keeps one from \
             being written of again. Who is written to, and how often, is set in [alerts] of sekisho.toml.",
            self.standing
        );
        text.push_str(&wrapped(&closing, "", ""));
        text
    }
}

fn paragraph(key: &str, kept: &Kept) -> String {
    let alert = &kept.alert;
    let severity = if kept.stands() { alert.severity.word() } else { "over" };
    let title = format!("{severity}: {}: {}", alert.kind, ascii(&alert.subject));
    let mut lines = wrapped(&title, "", "  ");
    lines.push_str(&wrapped(&ascii(&alert.text), "  ", "  "));
    match kept.over {
        None if !alert.remedy.is_empty() => {
            lines.push_str(&wrapped(&format!("What to do: {}", ascii(&alert.remedy)), "  ", "    "));
        }
        None => {}
        Some(over) => lines.push_str(&wrapped(&format!("Over since {}", header_date(over)), "  ", "    ")),
    }
    let since = format!("Since {}; id {}", header_date(kept.first), id(key));
    lines.push_str(&wrapped(&since, "  ", "    "));
    lines
}
