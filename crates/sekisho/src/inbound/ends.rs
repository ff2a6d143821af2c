//! The ends of an alias that are another organization's. Its connectors, settings and limits hold for them as if they
//! had been written at RCPT; what holds for the alias holds besides.

use sekisho_mail::{
    Mailbox, OrganizationName, OriginalRecipient, Recipient, RefusedBy, Reply, ReplyClass, RuleRefusal, ShadowVerdict,
};
use sekisho_policy::inbound::{Admission, Attribution, RecipientStanding};
use sekisho_smtp::wire::params::RcptParameters;

use super::{
    Reception,
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
        let found = foreign_ends(&self.reception, finding, owner);
        // Nearly every recipient has none, and is to cost no copy.
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // As the trace and notifications name it: by the address that the sender knows.
        let orcpt = parameters.orcpt.clone();
        let parameters = RcptParameters {
            orcpt: Some(orcpt.unwrap_or_else(|| OriginalRecipient::of(written))),
            ..parameters.clone()
        };
        let judged = found.into_iter().filter_map(|end| self.judge_end(end, &parameters));
        let mut ends: Vec<ForeignEnd> = judged.collect();
        let refusals: Vec<Option<&Reply>> = ends
            .iter()
            .map(|end| end.judged.as_ref().err().map(|refused| refused.reply()))
            .collect();
        let deciding = answers_for_all(&refusals, finding);
        match deciding.map(|place| ends.swap_remove(place).judged) {
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Ok(ends),
        }
    }

    fn judge_end(
        &self,
        (mailbox, standing): (&Mailbox, RecipientStanding),
        parameters: &RcptParameters,
    ) -> Option<ForeignEnd> {
        let (admission, shadow) = self.judge_rcpt(standing, mailbox.local_part(), mailbox.host());
        let judged = match admission {
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

/// The ends of an alias that are not `owner`'s, with what each is to us.
pub(crate) fn foreign_ends<'a>(
    reception: &Reception,
    finding: &'a LocalFinding,
    owner: &OrganizationName,
) -> Vec<(&'a Mailbox, RecipientStanding)> {
    let LocalFinding::Alias(all) = finding else {
        return Vec::new();
    };
    let owner_of = |mailbox: &Mailbox| reception.organizations.owner_of(mailbox.host());
    let standing = |mailbox: &'a Mailbox| (mailbox, reception.local.find_mailbox(mailbox).standing());
    all.iter()
        .map(standing)
        .filter(|(mailbox, standing)| *standing != RecipientStanding::Elsewhere && owner_of(mailbox) != owner)
        .collect()
}

/// Which refusal of a foreign end answers for the whole alias: one that puts it off, or any when nobody is left.
pub(crate) fn answers_for_all(refusals: &[Option<&Reply>], finding: &LocalFinding) -> Option<usize> {
    let is_transient = |reply: &Option<&Reply>| reply.is_some_and(|reply| reply.code.class() == ReplyClass::Transient);
    let ends = match finding {
        LocalFinding::Alias(all) => all.len(),
        _ => 0,
    };
    let is_nobody_left = || refusals.iter().flatten().count() == ends;
    refusals
        .iter()
        .position(is_transient)
        .or_else(|| (!refusals.is_empty() && is_nobody_left()).then_some(0))
}
