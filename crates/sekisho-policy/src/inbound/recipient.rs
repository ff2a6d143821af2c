//! Recipients in relay domains, who have no mailbox here: what the next hop says of one, and what that means at RCPT.
//!
//! Only a refusal that is the next hop's and about the recipient refuses it here; whatever else stands in the way of an
//! answer puts the mail off (law 3).

use sekisho_mail::{EnhancedCode, OrganizationName, Reply};

use super::{Admission, refusal::refused};
use crate::Reason;

/// What the next hop says of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHopSays {
    /// It takes mail for it.
    Known,
    /// It does not, and never will; its reply to RCPT.
    Unknown(Reply),
    /// Nothing that can be relied on: it is down, or puts everybody off, or may not be asked over what is to be had.
    /// Why; may hold its text.
    Nothing(String),
}

/// What RCPT is answered by that.
///
/// # Errors
/// When it is not yes; [`Admission::Refused`].
pub fn heed(says: &NextHopSays, organization: &OrganizationName) -> Result<Reason, Admission> {
    let refused = match says {
        NextHopSays::Known => return Ok(Reason::NextHopKnows),
        NextHopSays::Unknown(reply) => {
            // What it says beyond the code is for its own clients.
            let status = reply.enhanced.filter(|code| code.class == 5);
            refused(
                (550, status.unwrap_or(EnhancedCode::new(5, 1, 1))),
                "the next server takes no mail for this recipient",
                Reason::NextHopRefuses { reply: reply.clone() },
            )
        }
        NextHopSays::Nothing(why) => refused(
            (451, EnhancedCode::new(4, 4, 3)),
            "the recipient cannot be checked at present, try again later",
            Reason::NextHopSilent { why: why.clone() },
        ),
    };
    Err(Admission::Refused {
        reply: refused.reply,
        reasons: vec![refused.reason],
        organization: Some(organization.clone()),
    })
}
