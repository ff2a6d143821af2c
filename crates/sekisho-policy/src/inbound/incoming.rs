//! Mail for a recipient of an organization from somebody who is none of its own servers: what the organization and its
//! partners' connectors demand.
//!
//! A connector that restricts its sender domains to a certificate or to addresses beats one that takes them from
//! anyone: where one restricts, one must be met. What is demanded of TLS is a set, and each of it holds.

use std::fmt;

use sekisho_mail::{Domain, EnhancedCode, OrganizationName};

use super::{
    Attribution, Directionality, InboundFacts, Judged, Recipient,
    attribution::{Attributed, lacks_tls},
    client::{Demander, Identity, Known, TlsShortfall, identify},
    exceptions::excepted,
    refusal::{self, Refused, refused},
};
use crate::{
    Reason,
    directory::{AcceptedDomain, InboundConnector, OrganizationIndex, PlaintextReply, Relaxation},
};

/// A rule by which a partner's connector restricts its sender domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartnerRule {
    /// `restrict_domains_to_certificate`
    Certificate,
    /// `restrict_domains_to_ip_addresses`
    IpAddresses,
}

/// With Exchange's name.
impl fmt::Display for PartnerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "RestrictDomainsToCertificate",
            Self::IpAddresses => "RestrictDomainsToIPAddresses",
        })
    }
}

/// What an organization demands of all mail for its domains, whoever brings it.
pub(super) fn demand_tls(facts: &InboundFacts<'_>, organization: &OrganizationName) -> Result<(), Box<Refused>> {
    let settings = facts.directory.organization(organization);
    if !settings.is_some_and(|settings| settings.require_tls_inbound) || facts.security.tls().is_some() {
        return Ok(());
    }
    let by = Demander::Organization(organization.clone());
    let refused = refusal::tls_demanded(by, TlsShortfall::Plaintext, PlaintextReply::TryAgain);
    Err(refused.of(organization))
}

/// Judges mail for a recipient here by what its organization demands, apart from whether the recipient exists. The
/// reasons are empty when nobody demands anything.
pub(super) fn receive(facts: &InboundFacts<'_>, here: &Recipient<'_>, attributed: &Attributed<'_>) -> Judged {
    let organization = here.organization;
    let mut attribution = Attribution {
        organization: organization.clone(),
        direction: Directionality::Incoming,
        from: attributed.organization().cloned(),
        ..Attribution::default()
    };
    let Some(index) = facts.directory.index_of(organization) else {
        refuse_direct_send(facts, organization, None)?;
        return Ok((Vec::new(), attribution));
    };
    let (mut reasons, through) = judge_partners(facts, here, (index, attributed))?;
    reasons.extend(refuse_direct_send(facts, organization, Some(index))?);
    attribution.connector = through.map(|connector| connector.key.clone());
    Ok((reasons, attribution))
}

/// Holds the mail against the connectors that cover it; the one through which it comes is answered too.
pub(super) fn judge_partners<'a>(
    facts: &InboundFacts<'a>,
    here: &Recipient<'_>,
    (index, attributed): (&'a OrganizationIndex, &Attributed<'_>),
) -> Result<(Vec<Reason>, Option<&'a InboundConnector>), Box<Refused>> {
    let sender = facts.sender_domain();
    let covering = facts.partners(index, here);
    let restricting = || covering.iter().copied().filter(|connector| connector.is_restricting());
    let (mut reasons, mut through) = (Vec::new(), None);
    let mut unmet: Vec<(&InboundConnector, Unmet)> = Vec::new();
    for connector in restricting() {
        match examine(connector, facts) {
            Ok(met) => {
                reasons.push(partner_met(connector, met.known, sender));
                reasons.extend(met.exceptions);
                through = Some(connector);
                break;
            }
            Err(why) => unmet.push((connector, why)),
        }
    }
    if through.is_none() && !unmet.is_empty() {
        match trusted(facts, here, (index, attributed)) {
            Some((connector, organization)) => {
                // Trust is in who sends it, and not in the way that it came.
                for demanding in restricting().chain([connector]) {
                    if let Some(shortfall) = facts.shortfall(demanding, &mut reasons) {
                        return Err(lacks_tls(demanding, shortfall));
                    }
                }
                reasons.push(Reason::TrustedOrganization {
                    connector: connector.key.clone(),
                    organization: organization.clone(),
                });
                through = Some(connector);
            }
            None => return Err(refuse_partner(facts, here, unmet, (index, attributed))),
        }
    }
    let mut lacking: Option<(&InboundConnector, TlsShortfall)> = None;
    for connector in covering.iter().copied().filter(|connector| !connector.is_restricting()) {
        match facts.shortfall(connector, &mut reasons) {
            None if through.is_none() => {
                reasons.push(partner_met(connector, Known::default(), sender));
                through = Some(connector);
            }
            None => {}
            // Of two that lack TLS, the one that lets the client come again speaks.
            Some(_)
                if lacking
                    .as_ref()
                    .is_some_and(|(first, _)| first.plaintext_reply == PlaintextReply::TryAgain) => {}
            Some(shortfall) => lacking = Some((connector, shortfall)),
        }
    }
    match lacking {
        Some((connector, shortfall)) => Err(lacks_tls(connector, shortfall)),
        None => Ok((reasons, through)),
    }
}

fn partner_met(connector: &InboundConnector, known: Known, sender: Option<&Domain>) -> Reason {
    Reason::PartnerMet {
        connector: connector.key.clone(),
        known: Known {
            sender_domain: sender.cloned(),
            ..known
        },
    }
}

/// Whether a connector is for this recipient.
pub(super) fn covers(connector: &InboundConnector, recipient: Option<&Domain>) -> bool {
    let limit = &connector.associated_accepted_domains;
    limit.is_empty() || recipient.is_some_and(|recipient| limit.contains(recipient))
}

/// The connector that trusts the organization whose server the client is.
fn trusted<'a, 'b>(
    facts: &InboundFacts<'a>,
    here: &Recipient<'_>,
    (index, attributed): (&'a OrganizationIndex, &'b Attributed<'_>),
) -> Option<(&'a InboundConnector, &'b OrganizationName)> {
    let organization = attributed.organization()?;
    let connector = facts.trusting(index, here.organization, organization)?;
    Some((connector, organization))
}

/// Why a restriction is not met; in the order in which a refusal is told.
pub(super) enum Unmet {
    /// All else holds, and whether the certificate is the one cannot be known.
    Unknown(String),
    /// All else holds or cannot be shown in the clear.
    Tls(TlsShortfall),
    /// The restriction itself.
    Rule(PartnerRule, String),
}

impl Unmet {
    /// What time or the client's next try may mend comes first.
    const fn rank(&self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::Tls(TlsShortfall::Plaintext) => 1,
            Self::Tls(_) => 2,
            Self::Rule(..) => 3,
        }
    }
}

/// All that a restricting connector demands holds.
#[derive(Default)]
pub(super) struct Met {
    /// By what the client is known.
    pub(super) known: Known,
    /// Without which it would not hold.
    pub(super) exceptions: Vec<Reason>,
}

/// Whether all that a restricting connector demands holds.
pub(super) fn examine(connector: &InboundConnector, facts: &InboundFacts<'_>) -> Result<Met, Unmet> {
    let mut met = Met::default();
    if connector.restrict_domains_to_ip_addresses {
        if connector.holds_address(facts.client) {
            met.known.address = Some(facts.client);
        } else {
            let why = format!("{} is none of its addresses", facts.client);
            let Some(exception) = facts.exception(connector, Relaxation::AnyAddress) else {
                return Err(Unmet::Rule(PartnerRule::IpAddresses, why));
            };
            let what = PartnerRule::IpAddresses.to_string();
            met.exceptions.push(excepted(exception, connector, &what, why));
        }
    }
    let shortfall = facts.shortfall(connector, &mut met.exceptions);
    // In the clear no certificate can be shown, so where TLS is demanded nothing else need be missing.
    if shortfall == Some(TlsShortfall::Plaintext) {
        return Err(Unmet::Tls(TlsShortfall::Plaintext));
    }
    let mut unknown = None;
    if connector.restrict_domains_to_certificate {
        let borne = facts.bears_any_certificate(connector);
        match (identify(connector, facts), borne) {
            (Identity::Holds(named), _) => {
                met.known.certificate = Some(named.name.to_owned());
                met.exceptions.extend(named.exceptions);
            }
            (Identity::Fails(why) | Identity::Unknown(why), Some(exception)) => {
                let what = PartnerRule::Certificate.to_string();
                met.exceptions.push(excepted(exception, connector, &what, why));
            }
            (Identity::Fails(why), None) => return Err(Unmet::Rule(PartnerRule::Certificate, why)),
            (Identity::Unknown(why), None) => unknown = Some(why),
        }
    }
    match (shortfall, unknown) {
        (Some(shortfall), _) => Err(Unmet::Tls(shortfall)),
        (None, Some(why)) => Err(Unmet::Unknown(why)),
        (None, None) => Ok(met),
    }
}

/// No restricting connector is met: the one whose demand is the easiest to meet speaks.
fn refuse_partner<'a>(
    facts: &InboundFacts<'a>,
    here: &Recipient<'_>,
    unmet: Vec<(&InboundConnector, Unmet)>,
    (index, attributed): (&'a OrganizationIndex, &Attributed<'_>),
) -> Box<Refused> {
    // Its organization might be trusted, if its certificate is what it seems.
    if let Attributed::Unknown { connector, why } = attributed
        && facts
            .trusting(index, here.organization, &connector.key.organization)
            .is_some()
    {
        return refusal::certificate_unknown(&connector.key, why);
    }
    let easiest = unmet.into_iter().min_by_key(|(connector, unmet)| {
        let reply = matches!(unmet, Unmet::Tls(_)).then_some(connector.plaintext_reply);
        (unmet.rank(), reply)
    });
    let (connector, unmet) = easiest.expect("invariant: called with at least one");
    match unmet {
        Unmet::Unknown(why) => refusal::certificate_unknown(&connector.key, &why),
        Unmet::Tls(shortfall) => lacks_tls(connector, shortfall),
        Unmet::Rule(rule, why) => {
            let text = format!(
                "TenantInboundAttribution; Rejecting message; the sender's domain is restricted, and this connection \
                 does not satisfy {rule}"
            );
            let connector = connector.key.clone();
            let reason = Reason::PartnerRestriction { connector, rule, why };
            refused((550, EnhancedCode::new(5, 7, 51)), &text, reason)
        }
    }
}

/// The domain of the organization from which the mail says it is, where that is taken only from those whom one of its
/// connectors knows.
pub(super) fn direct_send<'a>(facts: &InboundFacts<'a>, organization: &OrganizationName) -> Option<&'a AcceptedDomain> {
    let settings = facts.directory.organization(organization)?;
    if !settings.reject_direct_send {
        return None;
    }
    let accepted = facts.sender_accepted();
    let accepted = accepted.filter(|accepted| accepted.organization == *organization)?;
    let has_right = facts.rights.find(facts.client, facts.security).is_some();
    (!has_right).then_some(accepted)
}

/// Mail that says it is from the organization itself, from nobody whom it knows. Of others, the exceptions without
/// which they would not be known.
fn refuse_direct_send(
    facts: &InboundFacts<'_>,
    organization: &OrganizationName,
    index: Option<&OrganizationIndex>,
) -> Result<Vec<Reason>, Box<Refused>> {
    let Some(accepted) = direct_send(facts, organization) else {
        return Ok(Vec::new());
    };
    if index.is_some_and(|index| facts.any_address(index, organization)) {
        return Ok(Vec::new());
    }
    match index.and_then(|index| by_any_certificate(facts, index, organization)) {
        Some((_, Identity::Holds(named))) => Ok(named.exceptions),
        Some((connector, Identity::Unknown(why))) => Err(refusal::certificate_unknown(&connector.key, &why)),
        Some((_, Identity::Fails(_))) | None => Err(refused(
            (550, EnhancedCode::new(5, 7, 68)),
            "TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
            Reason::DirectSend {
                organization: organization.clone(),
                sender_domain: accepted.domain.clone(),
            },
        )),
    }
}

/// A connector of the organization, of either type, whose certificate the client has; otherwise one whose it may have.
fn by_any_certificate<'a>(
    facts: &InboundFacts<'a>,
    index: &'a OrganizationIndex,
    organization: &OrganizationName,
) -> Option<(&'a InboundConnector, Identity<'a>)> {
    let leaf = facts.security.tls()?.chain.first()?;
    let mut best: Option<(&InboundConnector, Identity<'_>)> = None;
    for name in facts.directory.names_on(leaf) {
        facts.for_each_certificate(index, organization, name, |connector| {
            if matches!(best, Some((_, Identity::Holds(_)))) {
                return;
            }
            let identity = identify(connector, facts);
            if !matches!(identity, Identity::Fails(_)) {
                best = Some((connector, identity));
            }
        });
    }
    best
}
