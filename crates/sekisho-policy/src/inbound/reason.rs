//! The reasons of connectors in words, and by which right a message came in.

use std::{fmt, sync::Arc};

use sekisho_mail::Domain;

use super::Known;
use crate::{
    Reason,
    directory::{ConnectorKey, Exception},
};

/// By which right a message came in, as an arrival's trace keeps it: `local recipient`, `relay: 192.0.2.0/24`,
/// `connector acme/relay (certificate mail.acme.example)`; with the exceptions without which it would not have. May
/// hold the client's text: escape it when shown.
#[must_use]
pub fn admission_right(reasons: &[Reason]) -> Option<String> {
    let (first, others) = reasons.split_first()?;
    let mut right = first.admission_right();
    // One that lets several things pass is one all the same.
    let mut exceptions: Vec<&Arc<Exception>> = Vec::new();
    for reason in others {
        if let Reason::Excepted { exception, .. } = reason
            && !exceptions.iter().any(|other| Arc::ptr_eq(other, exception))
        {
            exceptions.push(exception);
            right = format!("{right}; {exception}");
        }
    }
    Some(right)
}

impl Reason {
    /// One part of [`admission_right`].
    #[must_use]
    pub fn admission_right(&self) -> String {
        match self {
            Self::LocalRecipient => "local recipient".to_owned(),
            Self::LocalAlias => "local alias".to_owned(),
            Self::RelayDomain => "relay domain".to_owned(),
            Self::NextHopKnows => "relay domain, known to the next hop".to_owned(),
            Self::RelayForLoopback => "relay: loopback".to_owned(),
            Self::RelayForNetwork { network } => format!("relay: {network}"),
            Self::RelayForKey { spki_sha256 } => format!("relay: key {spki_sha256}"),
            Self::OwnServer { connector, known } | Self::PartnerMet { connector, known } => {
                format!("connector {connector} ({known})")
            }
            Self::TrustedOrganization {
                connector,
                organization,
            } => format!("connector {connector} (organization {organization})"),
            Self::Excepted { exception, .. } => exception.to_string(),
            Self::OpportunisticTls
            | Self::OpportunisticPlaintext { .. }
            | Self::UnprovenKeyAccepted { .. }
            | Self::DemandMet { .. }
            | Self::DemandNotMet { .. }
            | Self::FaultOfOurs { .. }
            | Self::WantsTlsAfterAll { .. }
            | Self::AnySender
            | Self::RecipientNotListed { .. }
            | Self::NextHopRefuses { .. }
            | Self::NextHopSilent { .. }
            | Self::UnknownUser
            | Self::RelayDenied
            | Self::RelayNotAttributed { .. }
            | Self::RelayCertificateFails { .. }
            | Self::TlsDemanded { .. }
            | Self::PartnerRestriction { .. }
            | Self::CertificateUnknown { .. }
            | Self::DirectSend { .. }
            | Self::RuleDemandsTls { .. }
            | Self::RuleRejects { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyRecipients { .. }
            | Self::RuleRoutes { .. }
            | Self::RuleDoesNotSendBack { .. }
            | Self::RuleAddsField { .. }
            | Self::ContentAccepted
            | Self::TooManyHops { .. }
            | Self::ComesBack { .. }
            | Self::DialNamedByRoute
            | Self::DialPublic
            | Self::DialSpecial { .. }
            | Self::DialOurselves { .. } => self.key().to_owned(),
        }
    }

    /// The sentence of a reason that names connectors or organizations; of others nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whoever calls it names those that have a sentence here"
    )]
    pub(crate) fn fmt_of_connectors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnServer { connector, known } => write_own_server(f, connector, known),
            Self::PartnerMet { connector, known } => {
                write!(f, "what connector {connector} demands holds ({known})")
            }
            Self::TrustedOrganization {
                connector,
                organization,
            } => write!(
                f,
                "the client is a server of {organization}, which connector {connector} trusts"
            ),
            Self::RelayNotAttributed {
                is_server_known,
                sender_domain,
            } => write_missing_half(f, *is_server_known, sender_domain.as_ref()),
            Self::RelayCertificateFails { connector, why } => write!(
                f,
                "the recipient is elsewhere, and the client may not relay: its certificate has the name that connector \
                 {connector} looks for, but {why}"
            ),
            Self::TlsDemanded { by, shortfall } => write!(f, "{by} stands against it: {shortfall}"),
            Self::PartnerRestriction { connector, rule, why } => {
                write!(f, "connector {connector} has {rule}, but {why}")
            }
            Self::CertificateUnknown { connector, why } => write!(
                f,
                "whether the certificate is the one that connector {connector} names cannot be found out: {why}"
            ),
            Self::DirectSend {
                organization,
                sender_domain,
            } => write!(
                f,
                "the mail says it is from {sender_domain}, and {organization} takes that only from those whom its \
                 connectors know"
            ),
            _ => Ok(()),
        }
    }

    /// The sentence of a reason that is about a mail-flow rule; of others nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whoever calls it names those that have a sentence here"
    )]
    pub(crate) fn fmt_of_rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleDemandsTls { demand } => write!(f, "{} demands {}", demand.origin, demand.level),
            Self::RuleRejects { rule } => write!(f, "rule {rule} rejects the message for this recipient"),
            Self::RuleRoutes { rule, connector } => {
                write!(f, "rule {rule} sends the message through connector {connector}")
            }
            Self::RuleDoesNotSendBack { rule, connector } => write!(
                f,
                "rule {rule} would send the message through connector {connector}, and does not: it came from the \
                 organization's own servers"
            ),
            Self::RuleAddsField { rule, name } => write!(f, "rule {rule} adds the field {name}"),
            _ => Ok(()),
        }
    }

    /// The sentence of a reason that is about a single recipient; of others nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whoever calls it names those that have a sentence here"
    )]
    pub(crate) fn fmt_of_recipients(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecipientNotListed { domain } => {
                write!(
                    f,
                    "the recipient has no mailbox here and is not listed among those of {domain}"
                )
            }
            Self::NextHopKnows => {
                f.write_str("mail for the domain is passed on, and the next hop takes it for the recipient")
            }
            Self::NextHopRefuses { reply } => write!(f, "the next hop takes no mail for the recipient: {reply}"),
            Self::NextHopSilent { why } => write!(f, "the next hop cannot be asked about the recipient: {why}"),
            Self::MessageTooLarge {
                organization,
                limit,
                octets,
            } => write!(
                f,
                "organization {organization} takes messages of {limit} octets at most, and this one has {octets}"
            ),
            Self::TooManyRecipients { organization, limit } => write!(
                f,
                "organization {organization} takes {limit} recipients of a message at most"
            ),
            _ => Ok(()),
        }
    }
}

fn write_own_server(f: &mut fmt::Formatter<'_>, connector: &ConnectorKey, known: &Known) -> fmt::Result {
    let organization = &connector.organization;
    write!(
        f,
        "the client is a server of {organization}, known to connector {connector} by {known}"
    )
}

fn write_missing_half(f: &mut fmt::Formatter<'_>, is_server_known: bool, sender: Option<&Domain>) -> fmt::Result {
    f.write_str("the recipient is elsewhere, and the client may not relay: ")?;
    match (is_server_known, sender) {
        (_, Some(domain)) => {
            write!(
                f,
                "{domain} is accepted here, but no connector of its organization knows the client"
            )
        }
        (true, None) => f.write_str("a connector knows it, but the sender's domain is not accepted here"),
        (false, None) => f.write_str("no connector knows it, and the sender's domain is not accepted here"),
    }
}
