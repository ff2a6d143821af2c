//! What documents that are tried would have made of the recipients of a transaction, until its end.

use sekisho_mail::{ArrivalShadow, Mailbox, ShadowVerdict};

/// So many are written down with a message; all of them are counted.
const NOTED_MAX: usize = 100;

/// Of one transaction.
#[derive(Debug, Default)]
pub(super) struct TriedRecipients(Vec<ArrivalShadow>);

impl TriedRecipients {
    /// Of a recipient that was taken.
    pub(super) fn note(&mut self, recipient: &Mailbox, verdicts: Vec<ShadowVerdict>) {
        if verdicts.is_empty() {
            return;
        }
        let recipient = recipient.to_string();
        self.extend(verdicts.into_iter().map(|verdict| ArrivalShadow {
            recipient: recipient.clone(),
            verdict,
        }));
    }

    /// As [`Self::note`], of several.
    pub(super) fn extend(&mut self, verdicts: impl IntoIterator<Item = ArrivalShadow>) {
        let room = NOTED_MAX.saturating_sub(self.0.len());
        self.0.extend(verdicts.into_iter().take(room));
    }

    /// For the arrival.
    pub(super) fn into_verdicts(self) -> Vec<ArrivalShadow> {
        self.0
    }

    /// Another transaction begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
