//! What an organization sets about single messages: how large one may be, and how many of its recipients it may have.
//!
//! The organization is the one that answers for the way to a recipient, so its limit says nothing of a neighbour's
//! recipients. RFC 1870 (SIZE), RFC 5321 §4.5.3.1.10 (too many recipients).

use sekisho_mail::{EnhancedCode, OrganizationName, RefusedBy, Reply, RuleRefusal};

use super::{
    Admission,
    refusal::{Refused, refused},
};
use crate::{Reason, directory::Directory};

/// A recipient that is admitted as far as anything else goes.
#[derive(Clone, Copy, Debug)]
pub struct OneMore<'a> {
    /// Who answers for the way to it.
    pub organization: &'a OrganizationName,
    /// SIZE of MAIL, when it was said.
    pub announced_octets: Option<u64>,
    /// RCPT commands of this transaction that were admitted for the organization before.
    pub before: u32,
}

/// The refusal of a recipient by the limits of the organization that answers for it; `None` when they let it in.
#[must_use]
pub fn limit(directory: &Directory, asked: &OneMore<'_>) -> Option<Admission> {
    let limits = directory.message_limits(asked.organization)?;
    let by_size = limits
        .octets
        .zip(asked.announced_octets)
        .filter(|(limit, octets)| octets > limit)
        .map(|(limit, octets)| too_large(asked.organization, limit, octets));
    let by_number = || {
        let limit = limits.recipients.filter(|limit| asked.before >= *limit)?;
        Some(refused(
            (452, EnhancedCode::new(4, 5, 3)),
            "too many recipients",
            Reason::TooManyRecipients {
                organization: asked.organization.clone(),
                limit,
            },
        ))
    };
    let refused = by_size.or_else(by_number)?;
    Some(Admission::Refused {
        reply: refused.reply,
        reasons: vec![refused.reason],
        organization: Some(asked.organization.clone()),
    })
}

/// A message that was read whole is more than an organization takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// What its sender is told when nobody may get it.
    pub reply: Reply,
    /// What its sender is told when others get it.
    pub refusal: RuleRefusal,
    /// Why.
    pub reason: Reason,
}

/// Whether a message of so many octets is more than the organization takes that answers for one of its recipients.
#[must_use]
pub fn limit_size(directory: &Directory, organization: &OrganizationName, octets: u64) -> Option<TooLarge> {
    let limit = directory.message_limits(organization)?.octets?;
    if octets <= limit {
        return None;
    }
    let refused = too_large(organization, limit, octets);
    Some(TooLarge {
        refusal: RuleRefusal {
            rule: organization.to_string(),
            text: format!(
                "{}: it has {octets} octets, and {limit} are taken",
                refused.reply.lines.join(" ")
            ),
            by: RefusedBy::SizeLimit,
        },
        reply: refused.reply,
        reason: refused.reason,
    })
}

/// RFC 1870 §6.1 (4) has the code, RFC 3463 §3.3 the other one: the limit is not the whole system's.
fn too_large(organization: &OrganizationName, limit: u64, octets: u64) -> Box<Refused> {
    refused(
        (552, EnhancedCode::new(5, 2, 3)),
        "the message is larger than this recipient takes",
        Reason::MessageTooLarge {
            organization: organization.clone(),
            limit,
            octets,
        },
    )
}
