//! Why something was decided: one variant for each rule that policy applies.

use std::{fmt, net::IpAddr, sync::Arc};

use sekisho_mail::{Demand, Digest, Domain, OrganizationName, PlaintextCause, Reply, StatedReason};

use crate::{
    Network,
    directory::{ConnectorKey, Exception},
    inbound::{Demander, Known, PartnerRule, TlsShortfall},
    outbound::Finding,
};

/// A rule that was applied. Its key and its text are what the log, the metric, the trace and `sekisho explain` show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Outbound: nothing demands TLS, and the connection has it.
    OpportunisticTls,
    /// Outbound: nothing demands TLS, and the connection is in the clear.
    OpportunisticPlaintext {
        /// Why it is.
        cause: PlaintextCause,
    },
    /// Outbound: the peer's key is not proven, which is enough where no certificate is demanded.
    UnprovenKeyAccepted {
        /// Why it is not.
        why: String,
    },
    /// Outbound: this demand holds.
    DemandMet {
        /// Which.
        demand: Demand,
    },
    /// Outbound: this demand does not hold.
    DemandNotMet {
        /// Which.
        demand: Demand,
        /// What was found instead.
        finding: Finding,
    },
    /// Both ways: what is demanded does not hold, and a dated exception of the operator lets that pass.
    Excepted {
        /// Which.
        exception: Arc<Exception>,
        /// What is demanded and by whom: `connector "acme/bank" demands TLS`.
        demand: String,
        /// What was found instead; may hold the peer's text.
        found: String,
    },
    /// Outbound: something on our side failed; mail waits until it is mended and is never sent in the clear for it.
    FaultOfOurs {
        /// What.
        why: String,
    },
    /// Outbound: after a fall-back to plaintext the server says that it wants TLS.
    WantsTlsAfterAll {
        /// Its words.
        reply: Reply,
    },
    /// Inbound: nobody restricts who may be named as the sender.
    AnySender,
    /// Inbound: the recipient has a mailbox here.
    LocalRecipient,
    /// Inbound: the recipient is an alias here.
    LocalAlias,
    /// Inbound: the domain is one whose mail is taken from anyone and passed on.
    RelayDomain,
    /// Inbound: the domain is one whose mail is passed on, and the recipient is not among those who are listed.
    RecipientNotListed {
        /// The domain.
        domain: Domain,
    },
    /// Inbound: the domain is one whose mail is passed on, and the next hop takes mail for the recipient.
    NextHopKnows,
    /// Inbound: the next hop takes no mail for the recipient.
    NextHopRefuses {
        /// Its words.
        reply: Reply,
    },
    /// Inbound: the next hop cannot be asked about the recipient.
    NextHopSilent {
        /// Why.
        why: String,
    },
    /// Inbound: the domain is ours and has no such user.
    UnknownUser,
    /// Inbound: the client is on this machine, and the listener serves nobody else.
    RelayForLoopback,
    /// Inbound: the client's address lies in a network that may relay.
    RelayForNetwork {
        /// Which.
        network: Network,
    },
    /// Inbound: the client proved that it holds a key that may relay.
    RelayForKey {
        /// SHA-256 of the key's SubjectPublicKeyInfo.
        spki_sha256: Digest,
    },
    /// Inbound: the recipient is elsewhere, and the client has no right to relay.
    RelayDenied,
    /// Inbound: the client is one of the organization's own servers.
    OwnServer {
        /// The OnPremises connector that knows it.
        connector: ConnectorKey,
        /// By what.
        known: Known,
    },
    /// Inbound: a partner's connector covers the mail, and what it demands holds.
    PartnerMet {
        /// Which.
        connector: ConnectorKey,
        /// By what.
        known: Known,
    },
    /// Inbound: the client is the server of an organization that the recipient's trusts.
    TrustedOrganization {
        /// The connector that says so.
        connector: ConnectorKey,
        /// Whose server it is.
        organization: OrganizationName,
    },
    /// Inbound: the recipient is elsewhere, and only one half holds of what relaying through a connector takes.
    RelayNotAttributed {
        /// Whether some OnPremises connector knows the client, by address or certificate.
        is_server_known: bool,
        /// The domain of MAIL FROM, when it is an accepted domain.
        sender_domain: Option<Domain>,
    },
    /// Inbound: the recipient is elsewhere, and the client may not relay: its certificate has the name by which an
    /// OnPremises connector knows a server, and is not taken.
    RelayCertificateFails {
        /// Which connector.
        connector: ConnectorKey,
        /// What is wrong with it.
        why: String,
    },
    /// Inbound: TLS, or TLS of a kind, is demanded.
    TlsDemanded {
        /// Who demands it.
        by: Demander,
        /// What the connection lacks.
        shortfall: TlsShortfall,
    },
    /// Inbound: a partner's connector restricts who may send from these domains, and none is met.
    PartnerRestriction {
        /// Which.
        connector: ConnectorKey,
        /// By which rule.
        rule: PartnerRule,
        /// What was found instead.
        why: String,
    },
    /// Inbound: whether the certificate is the one that a connector names cannot be found out, for a reason of ours.
    CertificateUnknown {
        /// Which connector.
        connector: ConnectorKey,
        /// The reason.
        why: String,
    },
    /// Inbound: the mail says it is from the organization itself, and no connector of it knows the client.
    DirectSend {
        /// Which organization.
        organization: OrganizationName,
        /// The domain of MAIL FROM.
        sender_domain: Domain,
    },
    /// Inbound: a mail-flow rule demands TLS of the connection on which the message leaves.
    RuleDemandsTls {
        /// What it demands.
        demand: Demand,
    },
    /// Inbound: a mail-flow rule rejects the message.
    RuleRejects {
        /// Which: `acme/secret`.
        rule: String,
    },
    /// Inbound: the message is larger than the organization that answers for it takes.
    MessageTooLarge {
        /// Which organization.
        organization: OrganizationName,
        /// Octets that it takes at most.
        limit: u64,
        /// Octets that it has, or that MAIL announced.
        octets: u64,
    },
    /// Inbound: the message has as many recipients already as the organization that answers for them takes.
    TooManyRecipients {
        /// Which organization.
        organization: OrganizationName,
        /// As many.
        limit: u32,
    },
    /// Inbound: a mail-flow rule chooses the way on which the message leaves.
    RuleRoutes {
        /// Which: `acme/secret`.
        rule: String,
        /// The outbound connector.
        connector: ConnectorKey,
    },
    /// Inbound: a mail-flow rule would send the message back to the organization's own servers, from which it came.
    RuleDoesNotSendBack {
        /// Which: `acme/secret`.
        rule: String,
        /// The outbound connector that it names.
        connector: ConnectorKey,
    },
    /// Inbound: a mail-flow rule adds a field to the header.
    RuleAddsField {
        /// Which: `acme/secret`.
        rule: String,
        /// The field's name.
        name: String,
    },
    /// Inbound: the content breaks no rule.
    ContentAccepted,
    /// Inbound: the message went through too many hosts.
    TooManyHops {
        /// `Received` fields that were counted.
        hops: u32,
    },
    /// Inbound: the message has come to this server too often.
    ComesBack {
        /// `Received` fields that this server wrote.
        times: u32,
    },
    /// Dial: the operator named the destination in a route.
    DialNamedByRoute,
    /// Dial: the address is one of the public Internet.
    DialPublic,
    /// Dial: an address of a kind that only a route may name.
    DialSpecial {
        /// As it would have been dialled.
        address: IpAddr,
        /// `loopback`, `private` …
        kind: &'static str,
    },
    /// Dial: one of our own listeners.
    DialOurselves {
        /// Its address.
        address: IpAddr,
    },
}

impl Reason {
    /// Stays the same from version to version: for filters and metrics.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::OpportunisticTls => "opportunistic-tls",
            Self::OpportunisticPlaintext { .. } => "opportunistic-plaintext",
            Self::UnprovenKeyAccepted { .. } => "unproven-key-accepted",
            Self::DemandMet { .. } => "demand-met",
            Self::DemandNotMet { .. } => "demand-not-met",
            Self::Excepted { .. } => "exception",
            Self::FaultOfOurs { .. } => "fault-of-ours",
            Self::WantsTlsAfterAll { .. } => "wants-tls-after-all",
            Self::AnySender => "any-sender",
            Self::LocalRecipient => "local-recipient",
            Self::LocalAlias => "local-alias",
            Self::RelayDomain => "relay-domain",
            Self::RecipientNotListed { .. } => "recipient-not-listed",
            Self::NextHopKnows => "next-hop-knows",
            Self::NextHopRefuses { .. } => "next-hop-refuses",
            Self::NextHopSilent { .. } => "next-hop-silent",
            Self::UnknownUser => "unknown-user",
            Self::RelayForLoopback => "relay-loopback",
            Self::RelayForNetwork { .. } => "relay-network",
            Self::RelayForKey { .. } => "relay-key",
            Self::RelayDenied => "relay-denied",
            Self::OwnServer { .. } => "own-server",
            Self::PartnerMet { .. } => "partner-met",
            Self::TrustedOrganization { .. } => "trusted-organization",
            Self::RelayNotAttributed { .. } => "relay-not-attributed",
            Self::RelayCertificateFails { .. } => "relay-certificate-fails",
            Self::TlsDemanded { .. } => "tls-demanded",
            Self::PartnerRestriction { .. } => "partner-restriction",
            Self::CertificateUnknown { .. } => "certificate-unknown",
            Self::DirectSend { .. } => "direct-send",
            Self::RuleDemandsTls { .. } => "rule-demands-tls",
            Self::RuleRejects { .. } => "rule-rejects",
            Self::MessageTooLarge { .. } => "message-too-large",
            Self::TooManyRecipients { .. } => "too-many-recipients",
            Self::RuleRoutes { .. } => "rule-routes",
            Self::RuleDoesNotSendBack { .. } => "rule-does-not-send-back",
            Self::RuleAddsField { .. } => "rule-adds-field",
            Self::ContentAccepted => "content-accepted",
            Self::TooManyHops { .. } => "too-many-hops",
            Self::ComesBack { .. } => "comes-back",
            Self::DialNamedByRoute => "dial-named-by-route",
            Self::DialPublic => "dial-public",
            Self::DialSpecial { .. } => "dial-special-address",
            Self::DialOurselves { .. } => "dial-ourselves",
        }
    }

    /// The document of the directory by which it was decided so, as people write it: `inbound connector acme/bank`,
    /// `organization acme`, `rule acme/secret`; of a demand its origin. `None` where no document is to blame.
    #[must_use]
    pub fn document(&self) -> Option<String> {
        if let Self::OwnServer { connector, .. }
        | Self::PartnerMet { connector, .. }
        | Self::TrustedOrganization { connector, .. }
        | Self::RelayCertificateFails { connector, .. }
        | Self::PartnerRestriction { connector, .. }
        | Self::CertificateUnknown { connector, .. }
        | Self::TlsDemanded {
            by: Demander::Connector(connector),
            ..
        } = self
        {
            return Some(format!("inbound connector {connector}"));
        }
        if let Self::DirectSend { organization, .. }
        | Self::MessageTooLarge { organization, .. }
        | Self::TooManyRecipients { organization, .. }
        | Self::TlsDemanded {
            by: Demander::Organization(organization),
            ..
        } = self
        {
            return Some(format!("organization {organization}"));
        }
        if let Self::DemandMet { demand } | Self::DemandNotMet { demand, .. } | Self::RuleDemandsTls { demand } = self {
            return Some(demand.origin.clone());
        }
        if let Self::Excepted { exception, .. } = self {
            return Some(format!("exception {}", exception.key));
        }
        if let Self::RuleRejects { rule }
        | Self::RuleRoutes { rule, .. }
        | Self::RuleDoesNotSendBack { rule, .. }
        | Self::RuleAddsField { rule, .. } = self
        {
            return Some(format!("rule {rule}"));
        }
        if let Self::RecipientNotListed { domain } = self {
            return Some(format!("domain {domain}"));
        }
        None
    }

    /// The section of the standard that the rule is from; `None` for what the operator or this server decides.
    #[must_use]
    pub const fn section(&self) -> Option<&'static str> {
        match self {
            Self::OpportunisticTls | Self::OpportunisticPlaintext { .. } | Self::UnprovenKeyAccepted { .. } => {
                Some("RFC 7435 §3")
            }
            Self::WantsTlsAfterAll { .. } | Self::TlsDemanded { .. } => Some("RFC 3207 §4"),
            Self::UnknownUser
            | Self::LocalRecipient
            | Self::RecipientNotListed { .. }
            | Self::NextHopKnows
            | Self::NextHopRefuses { .. } => Some("RFC 5321 §3.3"),
            Self::LocalAlias => Some("RFC 5321 §3.9.1"),
            Self::RelayDenied | Self::RelayNotAttributed { .. } | Self::RelayCertificateFails { .. } => {
                Some("RFC 5321 §7.8")
            }
            Self::MessageTooLarge { .. } => Some("RFC 1870 §6.1"),
            Self::TooManyRecipients { .. } => Some("RFC 5321 §4.5.3.1.10"),
            Self::TooManyHops { .. } | Self::ComesBack { .. } => Some("RFC 5321 §6.3"),
            Self::DialSpecial { .. } | Self::DialOurselves { .. } | Self::DialPublic => Some("RFC 6890 §2.2"),
            Self::DemandMet { .. }
            | Self::DemandNotMet { .. }
            | Self::Excepted { .. }
            | Self::FaultOfOurs { .. }
            | Self::AnySender
            | Self::RelayDomain
            | Self::NextHopSilent { .. }
            | Self::RelayForLoopback
            | Self::RelayForNetwork { .. }
            | Self::RelayForKey { .. }
            | Self::OwnServer { .. }
            | Self::PartnerMet { .. }
            | Self::TrustedOrganization { .. }
            | Self::PartnerRestriction { .. }
            | Self::CertificateUnknown { .. }
            | Self::DirectSend { .. }
            | Self::RuleDemandsTls { .. }
            | Self::RuleRejects { .. }
            | Self::RuleRoutes { .. }
            | Self::RuleDoesNotSendBack { .. }
            | Self::RuleAddsField { .. }
            | Self::ContentAccepted
            | Self::DialNamedByRoute => None,
        }
    }
}

/// One sentence without its full stop. May hold a peer's text: escape it when shown.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpportunisticTls => f.write_str("nothing demands TLS, and the connection has it"),
            Self::OpportunisticPlaintext { cause } => {
                write!(f, "nothing demands TLS, and the connection is in the clear: {cause}")
            }
            Self::UnprovenKeyAccepted { why } => {
                write!(
                    f,
                    "no certificate is demanded, so it does not matter that the peer's key is not proven: {why}"
                )
            }
            Self::DemandMet { demand } => write!(f, "{} demands {}, and it holds", demand.origin, demand.level),
            Self::DemandNotMet { demand, finding } => {
                write!(f, "{} demands {}, but {finding}", demand.origin, demand.level)
            }
            Self::Excepted {
                exception,
                demand,
                found,
            } => write!(f, "{demand}, but {found}; {exception} lets that pass"),
            Self::FaultOfOurs { why } => write!(f, "something failed on this side: {why}"),
            Self::WantsTlsAfterAll { reply } => {
                write!(f, "without TLS the server refused the message, which waits: {reply}")
            }
            Self::AnySender => f.write_str("any sender may be named here"),
            Self::LocalRecipient => f.write_str("the recipient has a mailbox here"),
            Self::LocalAlias => f.write_str("the recipient is an alias here"),
            Self::RelayDomain => f.write_str("mail for the domain is taken from anyone and passed on"),
            Self::UnknownUser => f.write_str("the domain is ours and has no such user"),
            Self::RelayForLoopback => f.write_str("the client is on this machine, and the listener serves no other"),
            Self::RelayForNetwork { network } => write!(f, "clients in {network} may relay"),
            Self::RelayForKey { spki_sha256 } => write!(f, "the holder of the key {spki_sha256} may relay"),
            Self::RelayDenied => f.write_str("the recipient is elsewhere, and the client may not relay"),
            Self::OwnServer { .. }
            | Self::PartnerMet { .. }
            | Self::TrustedOrganization { .. }
            | Self::RelayNotAttributed { .. }
            | Self::RelayCertificateFails { .. }
            | Self::TlsDemanded { .. }
            | Self::PartnerRestriction { .. }
            | Self::CertificateUnknown { .. }
            | Self::DirectSend { .. } => self.fmt_of_connectors(f),
            Self::RecipientNotListed { .. }
            | Self::NextHopKnows
            | Self::NextHopRefuses { .. }
            | Self::NextHopSilent { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyRecipients { .. } => self.fmt_of_recipients(f),
            Self::RuleDemandsTls { .. }
            | Self::RuleRejects { .. }
            | Self::RuleRoutes { .. }
            | Self::RuleDoesNotSendBack { .. }
            | Self::RuleAddsField { .. } => self.fmt_of_rules(f),
            Self::ContentAccepted => f.write_str("the content breaks no rule"),
            Self::TooManyHops { hops } => write!(f, "the message has come through {hops} hosts, most likely in a loop"),
            Self::ComesBack { times } => write!(f, "the message has come here {times} times before, in a loop"),
            Self::DialNamedByRoute | Self::DialPublic | Self::DialSpecial { .. } | Self::DialOurselves { .. } => {
                self.fmt_of_dials(f)
            }
        }
    }
}

impl Reason {
    /// The sentence of a reason about what is dialled; of others nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whoever calls it names those that have a sentence here"
    )]
    fn fmt_of_dials(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialNamedByRoute => f.write_str("a route names the destination"),
            Self::DialPublic => f.write_str("the address belongs to the public Internet"),
            Self::DialSpecial { address, kind } => write!(
                f,
                "{address} is a {kind} address, which is dialled only when a route names it"
            ),
            Self::DialOurselves { address } => write!(
                f,
                "{address} is this server, which is dialled only when a route names it"
            ),
            _ => Ok(()),
        }
    }
}

impl From<&Reason> for StatedReason {
    fn from(reason: &Reason) -> Self {
        let text = match reason.section() {
            Some(section) => format!("{reason} ({section})"),
            None => reason.to_string(),
        };
        Self {
            key: reason.key().to_owned(),
            text,
        }
    }
}

impl From<Reason> for StatedReason {
    fn from(reason: Reason) -> Self {
        Self::from(&reason)
    }
}
