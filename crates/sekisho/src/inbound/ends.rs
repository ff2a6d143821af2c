//! The ends of an alias that are another organization's. Its connectors, settings and limits hold for them as if they
//! had been written at RCPT; what holds for the alias holds besides.

use sekisho_mail::{
    Mailbox, OrganizationName, OriginalRecipient, Recipient, RefusedBy, ReversePath, RuleRefusal, ShadowVerdict,
};
use sekisho_policy::inbound::{Admission, Attribution, RecipientStanding, Stage, admit, try_shadows};
use sekisho_smtp::wire::params::RcptParameters;

use super::{
    connection::Connection,
    recipient::{RefusedRecipient, handling, refused},
};
use crate::local::LocalFinding;

/// An end that is another organization's, and what that one says of it.
pub(super) struct ForeignEnd {
    mailbox: Mailbox,
    judged: Result<Attribution, Box<RefusedRecipient>>,
    /// What documents of its organization that are tried would have made of it.
    shadow: Vec<ShadowVerdict>,
}

impl Connection {
    /// Judges the ends of the alias `written` that are not `owner`'s.
    ///
    /// # Errors
    /// When the alias takes nothing: an end is put off, so that its client comes again, or all are refused for good.
    /// Otherwise an end that is refused keeps nothing from the others.
    pub(super) fn judge_foreign_ends(
        &self,
        (written, finding): (&Mailbox, &LocalFinding),
        owner: &OrganizationName,
        parameters: &RcptParameters,
    ) -> Result<Vec<ForeignEnd>, Box<RefusedRecipient>> {
        let LocalFinding::Alias(all) = finding else {
            return Ok(Vec::new());
        };
        // As the trace and notifications name it: by the address that the sender knows.
        let orcpt = parameters.orcpt.clone();
        let parameters = RcptParameters {
            orcpt: Some(orcpt.unwrap_or_else(|| OriginalRecipient::of(written))),
            ..parameters.clone()
        };
        let mut ends: Vec<ForeignEnd> = Vec::new();
        for mailbox in all.iter() {
            ends.extend(self.judge_end(mailbox, owner, &parameters));
        }
        let refusals = ends.iter().filter_map(|end| end.judged.as_ref().err());
        let for_now = ends
            .iter()
            .position(|end| matches!(&end.judged, Err(refused) if refused.is_for_now()));
        let deciding = match for_now {
            Some(place) => Some(place),
            None => (refusals.count() == all.len()).then_some(0),
        };
        match deciding.map(|place| ends.swap_remove(place).judged) {
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Ok(ends),
        }
    }

    /// Nothing where the end is nobody else's.
    fn judge_end(
        &self,
        mailbox: &Mailbox,
        owner: &OrganizationName,
        parameters: &RcptParameters,
    ) -> Option<ForeignEnd> {
        let standing = self.reception.local.find_mailbox(mailbox).standing();
        if standing == RecipientStanding::Elsewhere || self.owner_of(mailbox) == *owner {
            return None;
        }
        let reverse_path = self.session.sender().unwrap_or(&ReversePath::Null);
        let stage = Stage::Rcpt {
            standing,
            local_part: mailbox.local_part(),
            recipient: mailbox.host(),
        };
        let facts = self.facts(reverse_path, stage);
        let admission = admit(&facts);
        let shadow = try_shadows(&facts, &admission);
        self.tally(&shadow);
        let judged = match self.limit(admission) {
            Admission::Admitted { attribution, .. } => Ok(attribution),
            refusal @ Admission::Refused { .. } => {
                Err(refused(refusal, (mailbox.clone(), parameters), shadow.clone())?)
            }
        };
        Some(ForeignEnd {
            mailbox: mailbox.clone(),
            judged,
            shadow,
        })
    }

    /// Whose domain the address of somebody here is in; what is here without being in the directory is the first
    /// organization's.
    fn owner_of(&self, mailbox: &Mailbox) -> OrganizationName {
        let domain = mailbox.host().domain();
        let accepted = domain.and_then(|domain| self.reception.organizations.domain(domain));
        accepted.map(|one| one.organization.clone()).unwrap_or_default()
    }

    /// Makes the recipients that the alias came to those of their organizations, and writes down who refused an end.
    pub(super) fn settle_foreign_ends(&mut self, ends: Vec<ForeignEnd>, recipients: &mut [Recipient]) {
        for end in ends {
            let Some(recipient) = recipients.iter_mut().find(|one| one.mailbox == end.mailbox) else {
                continue;
            };
            match end.judged {
                Ok(attribution) => {
                    recipient.handling = handling(&attribution);
                    recipient.from_stranger = attribution.from_stranger;
                    recipient.organization = attribution.organization;
                    self.tried.note(&end.mailbox, end.shadow);
                }
                Err(refused) => {
                    recipient.handling = None;
                    recipient.organization = refused.organization().clone();
                    recipient.refused = Some(Box::new(RuleRefusal {
                        rule: refused.organization().to_string(),
                        text: refused.text(),
                        by: RefusedBy::Demand,
                    }));
                    self.record_refusal(None, *refused);
                }
            }
        }
    }
}
