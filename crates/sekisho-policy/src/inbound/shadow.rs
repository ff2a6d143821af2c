//! What each inbound connector that is tried would have made of a recipient: the judgement is made once more with that
//! connector alone acting beside those that do, in the place of the one whose draft it is, and the two are compared.
//! Nothing that is answered here has any effect.

use std::{collections::HashMap, sync::Arc};

use sekisho_mail::{OrganizationName, ShadowOutcome, ShadowVerdict, StatedReason};

use super::{
    Admission, Directionality, InboundFacts, Known, Recipient, RecipientStanding, Stage, Trial, admit, incoming::covers,
};
use crate::{
    Reason,
    directory::{ConnectorType, InboundConnector, Tried},
};

/// Of every connector that is tried and has to do with the recipient, what it would have made of it; `admission` is
/// what [`admit`] said. Empty, at the cost of a branch, where nobody tries any.
#[must_use]
pub fn try_shadows(facts: &InboundFacts<'_>, admission: &Admission) -> Vec<ShadowVerdict> {
    let Stage::Rcpt { standing, .. } = facts.stage else {
        return Vec::new();
    };
    if !facts.directory.tries_inbound() {
        return Vec::new();
    }
    let mut verdicts = Vec::new();
    let owner = owner(facts, standing);
    let concerned = organizations(facts, owner);
    for organization in &concerned {
        for tried in facts.directory.tried_inbound(organization) {
            verdicts.extend(try_one(facts, (owner, tried), admission));
        }
    }
    let named = owners_of_names(facts).into_iter();
    for (organization, names) in named.filter(|(organization, _)| !concerned.contains(organization)) {
        let known = facts.directory.tried_inbound(organization).iter();
        // Anybody may write names into a certificate; whoever tries nothing with them has no part in it.
        for tried in known.filter(|tried| is_named(tried, &names)) {
            verdicts.extend(try_one(facts, (owner, tried), admission));
        }
    }
    verdicts
}

/// Whose the recipient is; nobody's when it is elsewhere.
fn owner<'a>(facts: &InboundFacts<'a>, standing: RecipientStanding) -> Option<&'a OrganizationName> {
    let Stage::Rcpt { recipient, .. } = facts.stage else {
        return None;
    };
    Recipient::here(facts.directory, standing, recipient).map(|here| here.organization)
}

/// Those whose connectors may have to do with it, whatever they are: the recipient's and the sender's.
fn organizations<'a>(facts: &InboundFacts<'a>, owner: Option<&'a OrganizationName>) -> Vec<&'a OrganizationName> {
    let sender = facts.sender_accepted().map(|accepted| &accepted.organization);
    let mut organizations: Vec<&OrganizationName> = owner.into_iter().collect();
    organizations.extend(sender.filter(|sender| Some(*sender) != owner));
    organizations
}

/// The names that the client's certificate has, by whose they are.
fn owners_of_names<'a>(facts: &InboundFacts<'a>) -> HashMap<&'a OrganizationName, Vec<&'a str>> {
    let leaf = facts.security.tls().and_then(|tls| tls.chain.first());
    let names = leaf.into_iter().flat_map(|leaf| facts.directory.names_on(leaf));
    let mut owners: HashMap<&OrganizationName, Vec<&str>> = HashMap::new();
    for name in names {
        if let Some(owner) = facts.directory.owner_of_name(name) {
            owners.entry(owner).or_default().push(name);
        }
    }
    owners
}

/// Whether the connector, or the one in whose place it would stand, knows clients by one of these names.
fn is_named(tried: &Tried<InboundConnector>, names: &[&str]) -> bool {
    let mut both = std::iter::once(&tried.document).chain(&tried.replaces);
    both.any(|one| {
        let wanted = one.tls_sender_certificate_name.as_ref();
        wanted.is_some_and(|wanted| names.iter().any(|name| wanted.is_matched_by(name)))
    })
}

fn try_one(
    facts: &InboundFacts<'_>,
    (owner, tried): (Option<&OrganizationName>, &Tried<InboundConnector>),
    admission: &Admission,
) -> Option<ShadowVerdict> {
    let connector = &*tried.document;
    let is_partner = connector.kind == ConnectorType::Partner && connector.trusted_organizations.is_empty();
    let is_covered = is_partner && owner == Some(&connector.key.organization) && is_covering(tried, facts);
    // A partner's connector has a say in the mail that it covers, knows those who say that they are the organization
    // itself, and concerns nobody else.
    if is_partner && !is_covered && !is_other_kind(tried) && !is_direct(facts, (owner, tried)) {
        return None;
    }
    let then = admit(&InboundFacts {
        trial: Some(Trial::of(tried)),
        ..*facts
    });
    let is_concerned = then != *admission || names(&then, connector) || (is_covered && is_incoming(&then));
    if !is_concerned {
        return None;
    }
    let is_fault_of_ours = matches!(then.reasons().first(), Some(Reason::CertificateUnknown { .. }));
    let outcome = match (admission, &then) {
        (Admission::Admitted { .. }, Admission::Admitted { .. }) => ShadowOutcome::Passes,
        (_, Admission::Refused { .. }) if is_fault_of_ours => ShadowOutcome::NotKnown,
        (Admission::Admitted { .. }, Admission::Refused { .. }) => ShadowOutcome::Fails,
        (Admission::Refused { .. }, Admission::Refused { .. }) => ShadowOutcome::FailsAnyway,
        (Admission::Refused { .. }, Admission::Admitted { .. }) => ShadowOutcome::WouldGo,
    };
    Some(ShadowVerdict {
        document: Arc::clone(&tried.named),
        outcome,
        why: why(facts, connector, &then),
    })
}

/// Whether the connector, or the one in whose place it would stand, is for such mail to its organization.
fn is_covering(tried: &Tried<InboundConnector>, facts: &InboundFacts<'_>) -> bool {
    let Stage::Rcpt { recipient, .. } = facts.stage else {
        return false;
    };
    let sender = facts.sender_domain();
    let mut both = std::iter::once(&tried.document).chain(&tried.replaces);
    both.any(|one| one.covers_sender(sender) && covers(one, recipient.domain()))
}

/// Whether somebody sends to the connector's organization as one of its own.
fn is_direct(facts: &InboundFacts<'_>, (owner, tried): (Option<&OrganizationName>, &Tried<InboundConnector>)) -> bool {
    let organization = &tried.document.key.organization;
    let sender = facts.sender_accepted().map(|accepted| &accepted.organization);
    owner == Some(organization) && sender == Some(organization)
}

/// Whether a partner's connector would stand in the place of one that has a say in other mail as well.
fn is_other_kind(tried: &Tried<InboundConnector>) -> bool {
    let replaces = tried.replaces.as_ref();
    replaces.is_some_and(|one| one.kind != ConnectorType::Partner || !one.trusted_organizations.is_empty())
}

/// Whether the mail came by a connector.
fn names(admission: &Admission, connector: &InboundConnector) -> bool {
    match admission {
        Admission::Admitted { attribution, .. } => attribution.connector.as_ref() == Some(&connector.key),
        Admission::Refused { .. } => false,
    }
}

fn is_incoming(admission: &Admission) -> bool {
    match admission {
        Admission::Admitted { attribution, .. } => attribution.direction == Directionality::Incoming,
        Admission::Refused { .. } => false,
    }
}

/// What stands against it; of what would be taken what the connector itself has to do with it, if there is a word about
/// that.
fn why(facts: &InboundFacts<'_>, connector: &InboundConnector, then: &Admission) -> StatedReason {
    let is_own = |reason: &&Reason| {
        let (Reason::OwnServer { connector: named, .. }
        | Reason::PartnerMet { connector: named, .. }
        | Reason::TrustedOrganization { connector: named, .. }) = reason
        else {
            return false;
        };
        *named == connector.key
    };
    let reasons = then.reasons();
    match then {
        Admission::Refused { .. } => reasons.first().map(StatedReason::from),
        Admission::Admitted { .. } => reasons.iter().find(is_own).map(StatedReason::from),
    }
    .unwrap_or_else(|| {
        StatedReason::from(Reason::PartnerMet {
            connector: connector.key.clone(),
            known: Known {
                sender_domain: facts.sender_domain().cloned(),
                ..Known::default()
            },
        })
    })
}
