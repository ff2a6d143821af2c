//! Who may hand in what: the three stages of a judgement on a session, at MAIL, at each RCPT and after the content.
//!
//! A verdict at RCPT concerns that recipient alone, never its neighbours. Nobody relays who was not given the right to
//! (law 12): by a listener, or by an organization whose own servers one of its connectors knows. Nothing in an address
//! confers it, be it a percent sign, a bang, a source route, quotes, an address literal or our own name. What the
//! recipient's organization demands of those who bring it mail is judged here too.

mod account;
mod attribution;
mod client;
mod exceptions;
mod incoming;
mod limits;
mod reason;
mod recipient;
mod refusal;
mod rights;
mod shadow;
mod trial;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use sekisho_mail::{
    ChannelSecurity, Domain, EnhancedCode, Host, Mailbox, OrganizationName, Reply, ReversePath, StatedReason, Timestamp,
};

pub use account::{Account, account};
pub use client::{Demander, Known, TlsShortfall};
pub use incoming::PartnerRule;
pub use limits::{OneMore, TooLarge, limit, limit_size};
pub use reason::admission_right;
pub use recipient::{NextHopSays, heed};
pub use rights::{Exposure, RelayFrom, RelayRights};
pub use shadow::try_shadows;
pub use trial::Trial;

use crate::{
    Reason,
    directory::{AcceptedDomain, ConnectorKey, Directory, RecipientCheck},
};
use attribution::{Attributed, Own, attribute, relay};
use incoming::{demand_tls, receive};
use refusal::{Refused, certificate_unknown, refused};

/// How often a message may come back here before it is taken for a loop. A service for signatures, a list and a forward
/// bring it back honestly, a few times each; Exchange gives up at the twentieth host of any kind.
pub const OWN_HOPS_MAX: u32 = 10;

/// What is known of a session, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct InboundFacts<'a> {
    /// The client's address; behind a proxy, the one that the proxy told.
    pub client: IpAddr,
    /// What the connection came to; the answers to [`Directory::client_checks`] among its verdicts.
    pub security: &'a ChannelSecurity,
    /// Who may relay here.
    pub rights: &'a RelayRights,
    /// Organizations, their domains and connectors.
    pub directory: &'a Directory,
    /// The time, at which some of the directory's exceptions are in force; any where it has none.
    pub now: Timestamp,
    /// The sender named at MAIL.
    pub reverse_path: &'a ReversePath,
    /// What is asked.
    pub stage: Stage<'a>,
    /// There only while [`try_shadows`] asks what would be if one connector acted; nobody else can make one.
    pub trial: Option<Trial<'a>>,
}

impl<'a> InboundFacts<'a> {
    /// The domain of MAIL FROM; none of the null reverse-path and of an address literal.
    fn sender_domain(&self) -> Option<&'a Domain> {
        match self.reverse_path {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => mailbox.host().domain(),
        }
    }

    /// Whether MAIL FROM is in an accepted domain; whose it is.
    fn sender_accepted(&self) -> Option<&'a AcceptedDomain> {
        self.directory.domain(self.sender_domain()?)
    }
}

/// The three moments at which a session is judged.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// MAIL.
    Mail,
    /// One RCPT.
    Rcpt {
        /// What the recipient is to us.
        standing: RecipientStanding,
        /// What stands before its `@`, as written.
        local_part: &'a str,
        /// What stands behind it.
        recipient: &'a Host,
    },
    /// After the content, before it is kept.
    Content {
        /// How many `Received` fields it has.
        hops: u32,
        /// How many it may have; RFC 5321 §6.3 asks for at least 100 before a loop is assumed.
        max_hops: u32,
        /// How many of them this server wrote; at most [`OWN_HOPS_MAX`].
        own_hops: u32,
    },
}

/// What a recipient is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientStanding {
    /// It has a mailbox here, its own or a catch-all.
    User,
    /// It is an alias here, wherever it leads: the operator wrote it, so no right to relay is needed.
    Alias,
    /// Its domain is one whose mail is taken from anyone and passed on (a relay domain), unless the address leads on
    /// from there. Which mailboxes exist there is known to the next hop alone.
    RelayDomain,
    /// The domain is ours, and there is no such user.
    Unknown,
    /// Not ours: another domain, or an address literal, our own included.
    Elsewhere,
}

/// Whose mail for a recipient is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Who answers for the way of the message to this recipient: whose domain it is, and for a recipient elsewhere the
    /// organization that sends.
    pub organization: OrganizationName,
    /// Where it comes from.
    pub direction: Directionality,
    /// Whether it is mail within the organization, by the word of the connector through which it came.
    pub internal: bool,
    /// The organization whose own server brought it, whoever's the recipient is.
    pub from: Option<OrganizationName>,
    /// The connector through which it came: the one that knows the organization's server, or the partner's.
    pub connector: Option<ConnectorKey>,
    /// Whether its cross-premises header fields are believed, by the word of that connector.
    pub is_believed: bool,
    /// Whether a recipient whose mail goes on got it from somebody who is neither a server of an organization of this
    /// service nor may relay.
    pub from_stranger: bool,
}

impl Attribution {
    /// The connector by which the organization's own server was known that brings the message.
    #[must_use]
    pub fn own_server(&self) -> Option<&ConnectorKey> {
        match self.direction {
            Directionality::Originating => self.connector.as_ref(),
            Directionality::Incoming => None,
        }
    }
}

/// Where a message comes from, as seen by the organization that answers for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Directionality {
    /// From elsewhere.
    #[default]
    Incoming,
    /// From itself: one of its servers, or for the first organization one who may relay.
    Originating,
}

/// A judgement with its reasons; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Admitted {
        /// Why; of a recipient, first by which right.
        reasons: Vec<Reason>,
        /// Whose the mail for the recipient is; says nothing at MAIL and after the content.
        attribution: Attribution,
    },
    /// Answer this; what was said before stands.
    Refused {
        /// It names no configuration: the client learns nothing about who else might relay, nor of connectors.
        reply: Reply,
        /// Why.
        reasons: Vec<Reason>,
        /// Whose rule it is: of the recipient's organization, or of the one whose server asks; `None` when nobody's.
        organization: Option<OrganizationName>,
    },
}

impl Admission {
    /// Why; at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Admitted { reasons, .. } | Self::Refused { reasons, .. } => reasons,
        }
    }

    /// Why, for the trace.
    #[must_use]
    pub fn stated(&self) -> Vec<StatedReason> {
        self.reasons().iter().map(StatedReason::from).collect()
    }
}

/// Judges one stage of a session.
#[must_use]
pub fn admit(facts: &InboundFacts<'_>) -> Admission {
    let judged = match facts.stage {
        Stage::Mail => Ok((vec![Reason::AnySender], Attribution::default())),
        Stage::Rcpt {
            standing,
            local_part,
            recipient,
        } => admit_recipient(facts, standing, local_part, recipient),
        Stage::Content { hops, max_hops, .. } if hops > max_hops => Err(refused(
            (554, EnhancedCode::new(5, 4, 6)),
            "too many hops, this message is looping",
            Reason::TooManyHops { hops },
        )),
        Stage::Content { own_hops, .. } if own_hops > OWN_HOPS_MAX => Err(refused(
            (554, EnhancedCode::new(5, 4, 6)),
            "this message comes back again and again, it is looping",
            Reason::ComesBack { times: own_hops },
        )),
        Stage::Content { .. } => Ok((vec![Reason::ContentAccepted], Attribution::default())),
    };
    match judged {
        Ok((reasons, attribution)) => Admission::Admitted { reasons, attribution },
        Err(refused) => Admission::Refused {
            reply: refused.reply,
            reasons: vec![refused.reason],
            organization: refused.organization,
        },
    }
}

/// By which reasons, and whose the mail is.
type Judged = Result<(Vec<Reason>, Attribution), Box<Refused>>;

fn admit_recipient(
    facts: &InboundFacts<'_>,
    standing: RecipientStanding,
    local_part: &str,
    recipient: &Host,
) -> Judged {
    let here = Recipient::here(facts.directory, standing, recipient);
    let attributed = attribute(facts, here.as_ref())?;
    let Some(here) = here else {
        return relay(facts, &attributed);
    };
    let (mut reasons, mut attribution) = match brought_by_own(facts, &here, &attributed)? {
        Some(own) => own.originating(facts, here.organization),
        None => receive(facts, &here, &attributed).map_err(|refused| refused.of(here.organization))?,
    };
    let is_own = attribution.direction == Directionality::Originating;
    let reason = stand(facts, &here, (standing, local_part), is_own);
    let reason = reason.map_err(|refused| refused.of(here.organization))?;
    reasons.push(reason);
    // First by which right; the sort is stable.
    reasons.sort_by_key(|reason| matches!(reason, Reason::Excepted { .. }));
    attribution.from_stranger = match standing {
        RecipientStanding::RelayDomain | RecipientStanding::Alias => is_stranger(facts, &attributed),
        RecipientStanding::User | RecipientStanding::Unknown | RecipientStanding::Elsewhere => false,
    };
    Ok((reasons, attribution))
}

/// The server of the recipient's own organization that brings the mail; nothing of mail from elsewhere, which is held
/// against the connectors of partners.
///
/// # Errors
/// When the organization takes it from neither, or which of them it is cannot be known.
fn brought_by_own<'s, 'a>(
    facts: &InboundFacts<'_>,
    here: &Recipient<'_>,
    attributed: &'s Attributed<'a>,
) -> Result<Option<&'s Own<'a>>, Box<Refused>> {
    demand_tls(facts, here.organization)?;
    match attributed {
        // Taken for a stranger's, it would miss what its connector and the rules about it demand (law 3).
        Attributed::Unknown { connector, why } if connector.key.organization == *here.organization => {
            Err(certificate_unknown(&connector.key, why).of(here.organization))
        }
        Attributed::To(own) if own.organization() == here.organization => Ok(Some(own)),
        Attributed::To(_) | Attributed::Unknown { .. } | Attributed::ToNobody { .. } => Ok(None),
    }
}

/// A partner is one too: what its connector asks of it says nothing of the addresses that it names.
fn is_stranger(facts: &InboundFacts<'_>, attributed: &Attributed<'_>) -> bool {
    match attributed {
        Attributed::To(_) => false,
        Attributed::Unknown { .. } | Attributed::ToNobody { .. } => {
            facts.rights.find(facts.client, facts.security).is_none()
        }
    }
}

/// A recipient that is here.
struct Recipient<'a> {
    /// Whose domain it is.
    organization: &'a OrganizationName,
    /// The domain itself; none of a bare Postmaster on a service without domains.
    domain: Option<&'a Domain>,
    /// What the directory says of it; nothing of those below a domain of `sekisho.toml`.
    accepted: Option<&'a AcceptedDomain>,
}

impl<'a> Recipient<'a> {
    /// One that is here by its standing; nothing of one that is elsewhere.
    fn here(directory: &'a Directory, standing: RecipientStanding, host: &'a Host) -> Option<Self> {
        match standing {
            RecipientStanding::Elsewhere => None,
            RecipientStanding::User
            | RecipientStanding::Alias
            | RecipientStanding::RelayDomain
            | RecipientStanding::Unknown => Some(Self::of(directory, host)),
        }
    }

    fn of(directory: &'a Directory, host: &'a Host) -> Self {
        let domain = host.domain();
        let accepted = domain.and_then(|domain| directory.domain(domain));
        Self {
            organization: directory.owner_of(host),
            domain,
            accepted,
        }
    }

    /// The domain whose list does not have this recipient; postmaster is known everywhere (RFC 5321 §4.5.1).
    fn lacks(&self, local_part: &str) -> Option<&'a Domain> {
        let accepted = self.accepted?;
        let RecipientCheck::List(known) = &accepted.check else {
            return None;
        };
        if local_part.eq_ignore_ascii_case("postmaster") {
            return None;
        }
        let is_known = Mailbox::at_domain(local_part, &accepted.domain)
            .is_ok_and(|recipient| known.contains(&RecipientCheck::plain(&recipient)));
        (!is_known).then_some(&accepted.domain)
    }
}

/// Whether an old server behind us might take the address for an order to send on: `user%host`, `host!user`,
/// `"user@host"`. It trusts us, so from a stranger we hand it no such thing.
fn leads_on(local_part: &str) -> bool {
    local_part.contains(['%', '!', '@'])
}

/// What becomes of a recipient that is here, when nobody's connector stands against it.
fn stand(
    facts: &InboundFacts<'_>,
    here: &Recipient<'_>,
    (standing, local_part): (RecipientStanding, &str),
    is_own: bool,
) -> Result<Reason, Box<Refused>> {
    match standing {
        RecipientStanding::User => Ok(Reason::LocalRecipient),
        RecipientStanding::Alias => Ok(Reason::LocalAlias),
        RecipientStanding::RelayDomain if is_own || !leads_on(local_part) => match here.lacks(local_part) {
            None => Ok(Reason::RelayDomain),
            Some(domain) => Err(unknown_user(Reason::RecipientNotListed { domain: domain.clone() })),
        },
        RecipientStanding::RelayDomain | RecipientStanding::Elsewhere => {
            let right = facts.rights.find(facts.client, facts.security);
            right.ok_or_else(refusal::relaying_denied)
        }
        RecipientStanding::Unknown => Err(unknown_user(Reason::UnknownUser)),
    }
}

fn unknown_user(reason: Reason) -> Box<Refused> {
    refused((550, EnhancedCode::new(5, 1, 1)), "no such user here", reason)
}
