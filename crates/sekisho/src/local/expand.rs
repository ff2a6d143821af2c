//! What becomes of a recipient that names a mailbox or an alias of ours, and how its demands travel along.

use sekisho_mail::{Demand, Mailbox, OriginalRecipient, Recipient, push_new};
use sekisho_policy::inbound::RecipientStanding;

use super::LocalFinding;

impl LocalFinding {
    /// What the recipient is to us, for the judgement at RCPT.
    #[must_use]
    pub const fn standing(&self) -> RecipientStanding {
        match self {
            Self::NotLocal => RecipientStanding::Elsewhere,
            Self::RelayDomain => RecipientStanding::RelayDomain,
            Self::UnknownUser => RecipientStanding::Unknown,
            Self::User(_) => RecipientStanding::User,
            Self::Alias(_) => RecipientStanding::Alias,
        }
    }

    /// Whether its mail ends here, wherever it does.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        match self {
            Self::User(_) | Self::Alias(_) => true,
            Self::NotLocal | Self::RelayDomain | Self::UnknownUser => false,
        }
    }

    /// The recipients to queue for one that was accepted: itself, or each end of the alias that it is.
    ///
    /// What it carries goes to every end, and so does `covering`, the demands of the route that covers the alias's own
    /// address: a requirement travels with the message. NOTIFY and ORCPT are copied (RFC 3461 §5.2.7: an alias is no
    /// mailing list); where no ORCPT was given, the alias becomes it, so that notifications name the address that the
    /// sender knows.
    #[must_use]
    pub fn expand(&self, accepted: Recipient, covering: &[Demand]) -> Vec<Recipient> {
        let Self::Alias(ends) = self else {
            return vec![accepted];
        };
        let mut carried = accepted.carried;
        covering.iter().for_each(|demand| push_new(&mut carried, demand));
        let orcpt = accepted
            .orcpt
            .unwrap_or_else(|| OriginalRecipient::of(&accepted.mailbox));
        let end = |mailbox: &Mailbox| Recipient {
            mailbox: mailbox.clone(),
            notify: accepted.notify,
            orcpt: Some(orcpt.clone()),
            carried: carried.clone(),
            organization: accepted.organization.clone(),
            refused: accepted.refused.clone(),
            from_stranger: accepted.from_stranger,
            tried: accepted.tried.clone(),
            handling: accepted.handling.clone(),
        };
        ends.iter().map(end).collect()
    }
}
