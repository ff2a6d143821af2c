//! `[alerts]`: from texts to [`AlertSettings`].

use std::time::Duration;

use sekisho_mail::Mailbox;

use super::{checker::Checker, raw::Raw};
use crate::{
    alerts::AlertSettings,
    local::{Directory, LocalFinding, LocalSettings},
};

/// Addresses at most.
const ADDRESSES_MAX: usize = 20;
/// Nobody is told of the same more often than this.
const AGAIN_MIN: Duration = Duration::from_secs(3600);

pub(super) fn build(raw: &Raw, local: &LocalSettings, checker: &mut Checker<'_>) -> AlertSettings {
    let again_after = checker.some_duration("alerts.mail-again-after", &raw.alerts.mail_again_after);
    if !again_after.is_zero() && again_after < AGAIN_MIN {
        checker.fault("alerts.mail-again-after", "this is too often", "write 1h or more");
    }
    AlertSettings {
        to: raw
            .alerts
            .mail_to
            .as_ref()
            .map(|texts| addresses(texts, local, checker)),
        after: checker.duration("alerts.mail-after", &raw.alerts.mail_after),
        again_after,
    }
}

fn addresses(texts: &[String], local: &LocalSettings, checker: &mut Checker<'_>) -> Vec<Mailbox> {
    if texts.len() > ADDRESSES_MAX {
        let remedy = format!("name {ADDRESSES_MAX} addresses or fewer, or one alias");
        checker.fault("alerts.mail-to", "these are too many", &remedy);
    }
    // Faults of the settings are told by whoever builds them.
    let directory = Directory::build(local).ok();
    let mut found: Vec<Mailbox> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let key = format!("alerts.mail-to[{place}]");
        let Some(mailbox) = checker.parse::<Mailbox>(&key, text, "write a whole address") else {
            continue;
        };
        let finding = directory.as_ref().map(|directory| directory.find_mailbox(&mailbox));
        if finding == Some(LocalFinding::UnknownUser) {
            checker.fault(
                &key,
                format_args!("{mailbox}: there is no such mailbox here"),
                "add it, or name another",
            );
        } else if !found.contains(&mailbox) {
            found.push(mailbox);
        }
    }
    found
}
