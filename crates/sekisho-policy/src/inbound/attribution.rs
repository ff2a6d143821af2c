//! Which organization's own server a client is, in Exchange's order: by its certificate, by the domain of MAIL FROM
//! with the client's address, by the recipient's domain with the client's address.

use sekisho_mail::{Domain, EnhancedCode, OrganizationName};

use super::{
    Attribution, Directionality, InboundFacts, Judged, Recipient,
    client::{Demander, Identity, Known, TlsShortfall, identify},
    refusal::{self, Refused, refused},
};
use crate::{Reason, directory::InboundConnector};

/// Whose server a client is.
pub(super) enum Attributed<'a> {
    /// This organization's.
    To(Own<'a>),
    /// That of the connector's organization, if its certificate is what it seems; that cannot be found out now.
    Unknown {
        connector: &'a InboundConnector,
        why: String,
    },
    /// Nobody's.
    ToNobody {
        /// Whether its certificate is one that some organization's server has, all the same.
        has_certificate: bool,
        /// A connector whose name is on its certificate, and why that is not taken.
        failed: Option<(&'a InboundConnector, String)>,
    },
}

impl Attributed<'_> {
    /// Whose server it is, where that is known.
    pub(super) const fn organization(&self) -> Option<&OrganizationName> {
        match self {
            Self::To(own) => Some(own.organization()),
            Self::Unknown { .. } | Self::ToNobody { .. } => None,
        }
    }
}

/// An organization's own server.
pub(super) struct Own<'a> {
    pub(super) connector: &'a InboundConnector,
    pub(super) known: Known,
    /// Without which it would not be known, or its connection not be taken.
    pub(super) exceptions: Vec<Reason>,
}

/// Whose server a client is by what it shows, before its TLS is looked at.
pub(super) enum Recognized<'a> {
    /// An organization's; with all other connectors that know it by the same way.
    Own(Own<'a>, Vec<&'a InboundConnector>),
    /// Nobody's, as far as can be known: nothing is demanded of its TLS.
    NotOwn(Attributed<'a>),
}

impl Own<'_> {
    pub(super) const fn organization(&self) -> &OrganizationName {
        &self.connector.key.organization
    }

    fn reasons(&self) -> Vec<Reason> {
        let known = Reason::OwnServer {
            connector: self.connector.key.clone(),
            known: self.known.clone(),
        };
        std::iter::once(known).chain(self.exceptions.iter().cloned()).collect()
    }

    /// Its mail for a recipient of its own organization.
    pub(super) fn originating(
        &self,
        facts: &InboundFacts<'_>,
        organization: &OrganizationName,
    ) -> (Vec<Reason>, Attribution) {
        let from_itself = facts
            .sender_accepted()
            .is_some_and(|accepted| accepted.organization == *organization);
        let attribution = Attribution {
            organization: organization.clone(),
            direction: Directionality::Originating,
            internal: self.connector.treat_messages_as_internal && from_itself,
            from: Some(organization.clone()),
            connector: Some(self.connector.key.clone()),
            is_believed: self.connector.cloud_services_mail_enabled,
            from_stranger: false,
        };
        (self.reasons(), attribution)
    }
}

/// Whose server the client is. `here` is the recipient, unless it is elsewhere.
///
/// # Errors
/// When it is one whose TLS is not what its connector demands.
pub(super) fn attribute<'a>(
    facts: &InboundFacts<'a>,
    here: Option<&Recipient<'_>>,
) -> Result<Attributed<'a>, Box<Refused>> {
    match recognize(facts, here) {
        Recognized::Own(own, others) => settle(facts, here, own, &others),
        Recognized::NotOwn(attributed) => Ok(attributed),
    }
}

/// The first half of [`attribute`]: whose server the client says that it is, and shows to be.
pub(super) fn recognize<'a>(facts: &InboundFacts<'a>, here: Option<&Recipient<'_>>) -> Recognized<'a> {
    let (mut certified, mut failed) = (Vec::new(), None);
    for (connector, identity) in own_certificates(facts) {
        match identity {
            Identity::Fails(why) => failed = failed.or(Some((connector, why))),
            Identity::Holds(_) | Identity::Unknown(_) => certified.push((connector, identity)),
        }
    }
    let has_certificate = !certified.is_empty();
    let mut within_limits = certified
        .into_iter()
        .filter(|(connector, _)| may_send(connector, facts.sender_domain()));
    let unknown = match within_limits.next() {
        Some((connector, Identity::Holds(named))) => {
            let own = Own {
                connector,
                known: Known {
                    certificate: Some(named.name.to_owned()),
                    ..Known::default()
                },
                exceptions: named.exceptions,
            };
            return Recognized::Own(own, Vec::new());
        }
        Some((connector, Identity::Unknown(why))) => Some((connector, why)),
        Some((_, Identity::Fails(_))) | None => None,
    };
    if let Some((own, others)) = by_any_address(facts, here)
        && unknown
            .as_ref()
            .is_none_or(|(connector, _)| connector.key.organization == *own.organization())
    {
        return Recognized::Own(own, others);
    }
    Recognized::NotOwn(match unknown {
        Some((connector, why)) => Attributed::Unknown { connector, why },
        None => Attributed::ToNobody {
            has_certificate,
            failed,
        },
    })
}

/// Holds the connection against what the connector, and every other one that knows the client by the same way, demands:
/// none lowers another. For a third organization's recipient such mail is a stranger's; otherwise it is refused.
fn settle<'a>(
    facts: &InboundFacts<'_>,
    here: Option<&Recipient<'_>>,
    mut own: Own<'a>,
    others: &[&InboundConnector],
) -> Result<Attributed<'a>, Box<Refused>> {
    let all = std::iter::once(&own.connector).chain(others);
    let lacking = all
        .filter_map(|connector| Some((*connector, facts.shortfall(connector, &mut own.exceptions)?)))
        .min_by_key(|(connector, _)| connector.plaintext_reply);
    let Some((connector, shortfall)) = lacking else {
        return Ok(Attributed::To(own));
    };
    let is_its_own = here.is_none_or(|here| here.organization == own.organization());
    if !is_its_own {
        return Ok(Attributed::ToNobody {
            has_certificate: false,
            failed: None,
        });
    }
    Err(lacks_tls(connector, shortfall).of(own.organization()))
}

pub(super) fn lacks_tls(connector: &InboundConnector, shortfall: TlsShortfall) -> Box<Refused> {
    let by = Demander::Connector(connector.key.clone());
    refusal::tls_demanded(by, shortfall, connector.plaintext_reply)
}

/// The OnPremises connectors whose name is on the client's certificate, the most specific name first, and whether it is
/// the one that they mean.
pub(super) fn own_certificates<'a>(facts: &InboundFacts<'a>) -> Vec<(&'a InboundConnector, Identity<'a>)> {
    let leaf = facts.security.tls().and_then(|tls| tls.chain.first());
    let mut named: Vec<_> = Vec::new();
    if let Some(leaf) = leaf.filter(|_| facts.looks_at_own_certificates()) {
        for name in facts.directory.names_on(leaf) {
            let Some(owner) = facts.directory.owner_of_name(name) else {
                continue;
            };
            facts.for_each_own_certificate(name, |specificity, connector| {
                // A wildcard of one organization does not reach into a domain that is another's.
                if *owner == connector.key.organization {
                    named.push((specificity, connector));
                }
            });
        }
    }
    named.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.key.cmp(&b.key)));
    named.dedup_by(|(_, a), (_, b)| std::ptr::eq(*a, *b));
    let identified = named
        .into_iter()
        .map(|(_, connector)| (connector, identify(connector, facts)));
    identified.collect()
}

/// Whether mail of this sender is within the connector's limit, when it has one.
pub(super) fn may_send(connector: &InboundConnector, sender: Option<&Domain>) -> bool {
    let limit = &connector.associated_accepted_domains;
    limit.is_empty() || sender.is_some_and(|sender| limit.contains(sender))
}

/// A connector that knows the client by its address, and all others of its organization that do.
type ByAddress<'a> = (Own<'a>, Vec<&'a InboundConnector>);

/// By the client's address, with the domain of MAIL FROM or else the recipient's.
pub(super) fn by_any_address<'a>(facts: &InboundFacts<'a>, here: Option<&Recipient<'_>>) -> Option<ByAddress<'a>> {
    by_sender(facts).or_else(|| by_recipient(facts, here))
}

/// By the domain of MAIL FROM, which its organization's server may send.
fn by_sender<'a>(facts: &InboundFacts<'a>) -> Option<ByAddress<'a>> {
    let accepted = facts.sender_accepted()?;
    let known = Known {
        address: Some(facts.client),
        sender_domain: Some(accepted.domain.clone()),
        ..Known::default()
    };
    by_address(facts, &accepted.organization, &accepted.domain, known)
}

/// By the recipient's domain.
fn by_recipient<'a>(facts: &InboundFacts<'a>, here: Option<&Recipient<'_>>) -> Option<ByAddress<'a>> {
    let accepted = facts.directory.domain(here?.domain?)?;
    let known = Known {
        address: Some(facts.client),
        recipient_domain: Some(accepted.domain.clone()),
        ..Known::default()
    };
    by_address(facts, &accepted.organization, &accepted.domain, known)
}

/// The OnPremises connectors of an organization with networks that hold the client, the smallest first, among those
/// that are not limited to other domains than this.
fn by_address<'a>(
    facts: &InboundFacts<'a>,
    organization: &OrganizationName,
    domain: &Domain,
    known: Known,
) -> Option<ByAddress<'a>> {
    let holding = facts.own_servers(organization);
    let mut connectors = holding.filter(|connector| may_send(connector, Some(domain)));
    let own = Own {
        connector: connectors.next()?,
        known,
        exceptions: Vec::new(),
    };
    Some((own, connectors.collect()))
}

/// Mail for a recipient elsewhere.
pub(super) fn relay(facts: &InboundFacts<'_>, attributed: &Attributed<'_>) -> Judged {
    let originating = |organization: &OrganizationName, own: Option<&Own<'_>>| Attribution {
        organization: organization.clone(),
        direction: Directionality::Originating,
        internal: false,
        from: own.map(|own| own.organization().clone()),
        connector: own.map(|own| own.connector.key.clone()),
        is_believed: own.is_some_and(|own| own.connector.cloud_services_mail_enabled),
        from_stranger: false,
    };
    match attributed {
        Attributed::To(own) => Ok((own.reasons(), originating(own.organization(), Some(own)))),
        Attributed::Unknown { connector, why } => {
            Err(refusal::certificate_unknown(&connector.key, why).of(&connector.key.organization))
        }
        Attributed::ToNobody {
            has_certificate,
            failed,
        } => match facts.rights.find(facts.client, facts.security) {
            Some(right) => Ok((vec![right], originating(&OrganizationName::FIRST, None))),
            None => Err(deny_relay(facts, *has_certificate, failed.as_ref())),
        },
    }
}

/// Who has one half of what relaying takes is told so. Of a certificate that was not taken the trace says why, since
/// its owner most likely thinks it good. Where an organization has no connector for servers of its own, its domains are
/// no half of anything.
fn deny_relay(
    facts: &InboundFacts<'_>,
    has_certificate: bool,
    failed: Option<&(&InboundConnector, String)>,
) -> Box<Refused> {
    let is_known = has_certificate || facts.any_own_server();
    let accepted = facts.sender_accepted();
    let accepted = accepted.filter(|accepted| facts.has_own_servers(&accepted.organization));
    let mut denied = if is_known || accepted.is_some() {
        let reason = Reason::RelayNotAttributed {
            is_server_known: is_known,
            sender_domain: accepted.map(|accepted| accepted.domain.clone()),
        };
        let text = "TenantAttribution; Relay Access Denied";
        refused((550, EnhancedCode::new(5, 7, 64)), text, reason)
    } else {
        refusal::relaying_denied()
    };
    denied.organization = accepted.map(|accepted| accepted.organization.clone());
    if let Some((connector, why)) = failed {
        denied.reason = Reason::RelayCertificateFails {
            connector: connector.key.clone(),
            why: why.clone(),
        };
        denied.organization = Some(connector.key.organization.clone());
    }
    denied
}
