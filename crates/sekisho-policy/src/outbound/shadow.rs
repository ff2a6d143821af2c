//! What documents that are tried would have made of an attempt: their demands are held against what was found of the
//! connection, whatever it was planned, tried or refused for. Nothing that is answered here has any effect.

use std::sync::Arc;

use sekisho_mail::{
    ChannelSecurity, Decision, Demand, HandshakeFailure, ShadowDocument, ShadowOutcome, ShadowVerdict, StatedReason,
    TriedRule,
};

use super::{CandidateHost, Finding, HostPlan, RouteDemand, judge::examine};

/// An outbound connector that is tried, as far as the way of a destination is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedConnector {
    /// Which.
    pub document: Arc<ShadowDocument>,
    /// What it would demand.
    pub demands: Vec<RouteDemand>,
    /// [`RouteDemand::origin`] of what would not be demanded then: the connector's in whose place it would stand.
    pub instead_of: Option<String>,
    /// Why the mail would have gone another way, so that what was found says nothing.
    pub other_way: Option<String>,
}

/// A document that is tried, at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TriedAtHost {
    document: Arc<ShadowDocument>,
    pub(super) demands: Vec<Demand>,
    instead_of: Option<String>,
    other_way: Option<String>,
}

impl TriedAtHost {
    pub(super) fn connector(tried: &TriedConnector, host: &CandidateHost) -> Self {
        Self {
            document: Arc::clone(&tried.document),
            demands: tried.demands.iter().map(|demand| demand.on_host(host)).collect(),
            instead_of: tried.instead_of.clone(),
            other_way: tried.other_way.clone(),
        }
    }

    pub(super) fn rule(tried: &TriedRule) -> Self {
        Self {
            document: Arc::clone(&tried.document),
            demands: tried.demands.clone(),
            instead_of: tried.instead_of.clone(),
            other_way: None,
        }
    }
}

/// What an attempt found of a host.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A connection, in the clear or under TLS.
    Channel(&'a ChannelSecurity),
    /// No handshake came to its end; the last failure.
    Handshake(&'a HandshakeFailure),
    /// No connection that says anything.
    Nothing,
}

/// What each document that is tried would have made of an attempt at this host which was decided so.
#[must_use]
pub fn try_documents(plan: &HostPlan, found: Found<'_>, decision: &Decision) -> Vec<ShadowVerdict> {
    let verdict = |tried: &TriedAtHost| {
        let (outcome, why) = try_one(plan, tried, found, decision);
        ShadowVerdict {
            document: Arc::clone(&tried.document),
            outcome,
            why,
        }
    };
    plan.tried().iter().map(verdict).collect()
}

fn try_one(
    plan: &HostPlan,
    tried: &TriedAtHost,
    found: Found<'_>,
    decision: &Decision,
) -> (ShadowOutcome, StatedReason) {
    let is_cleared = matches!(decision, Decision::Cleared(_));
    if let Some(why) = &tried.other_way {
        return (ShadowOutcome::NotKnown, stated("another-way", why.clone()));
    }
    if matches!(found, Found::Nothing) {
        let why = "no connection came about".to_owned();
        return (ShadowOutcome::NotKnown, stated("no-connection", why));
    }
    let mut unknown = None;
    for demand in &tried.demands {
        match hold(demand, found) {
            Ok(()) => {}
            Err(_) if is_excused(plan, tried, demand, found) => {}
            Err(finding @ (Finding::Unknown(_) | Finding::NotAsked(_))) => {
                unknown.get_or_insert_with(|| stated("not-found-out", not_met(demand, &finding)));
            }
            Err(finding) => {
                let outcome = if is_cleared {
                    ShadowOutcome::Fails
                } else {
                    ShadowOutcome::FailsAnyway
                };
                return (outcome, stated("demand-not-met", not_met(demand, &finding)));
            }
        }
    }
    if let Some(why) = unknown {
        return (ShadowOutcome::NotKnown, why);
    }
    if is_cleared {
        return (ShadowOutcome::Passes, met(tried));
    }
    let others = plan.demands().iter();
    let mut others = others.filter(|demand| tried.instead_of.as_ref() != Some(&demand.origin));
    match (
        others.find_map(|demand| {
            let finding = hold(demand, found).err()?;
            (!excuses(plan, demand, found)).then_some((demand, finding))
        }),
        decision,
    ) {
        (Some((demand, finding)), _) => {
            let why = format!("{} demands {}", demand.origin, not_met(demand, &finding));
            (ShadowOutcome::FailsAnyway, stated("demand-not-met", why))
        }
        // What would be tried next is the clear, and what that comes to nobody knows.
        (None, _) if matches!(found, Found::Handshake(_)) => {
            let why = "nothing would be demanded, and it would have been tried in the clear".to_owned();
            (ShadowOutcome::NotKnown, stated("not-tried-in-the-clear", why))
        }
        (None, Decision::Refused(_)) => (ShadowOutcome::WouldGo, met(tried)),
        // Whatever stopped it, no demand did.
        (None, Decision::NotJudged(_) | Decision::Cleared(_)) => (ShadowOutcome::Passes, met(tried)),
    }
}

fn hold(demand: &Demand, found: Found<'_>) -> Result<(), Finding> {
    match found {
        Found::Channel(security) => examine(&demand.level, security),
        Found::Handshake(failure) => Err(Finding::Handshake(Box::new(failure.clone()))),
        Found::Nothing => Err(Finding::Unknown("no connection came about".to_owned())),
    }
}

/// Whether an exception of the plan lets pass what a demand does not.
fn excuses(plan: &HostPlan, demand: &Demand, found: Found<'_>) -> bool {
    match found {
        Found::Channel(security) => {
            let demand = (demand, plan.is_carried(demand));
            plan.excuse(demand, security, plan.made_at()).is_some()
        }
        Found::Handshake(_) => plan.is_lifted(demand),
        Found::Nothing => false,
    }
}

/// As [`excuses`], of what is tried: an exception about the document in whose place it would stand is about it then, as
/// one about itself is.
fn is_excused(plan: &HostPlan, tried: &TriedAtHost, demand: &Demand, found: Found<'_>) -> bool {
    let in_its_place = || {
        let (level, origin) = (demand.level.clone(), tried.instead_of.clone()?);
        Some(Demand { level, origin })
    };
    excuses(plan, demand, found) || in_its_place().is_some_and(|demand| excuses(plan, &demand, found))
}

/// `TLS with a valid certificate …, but the certificate is for mx.example.org`
fn not_met(demand: &Demand, finding: &Finding) -> String {
    format!("{}, but {finding}", demand.level)
}

fn met(tried: &TriedAtHost) -> StatedReason {
    if tried.demands.is_empty() {
        return stated("nothing-demanded", "it demands nothing".to_owned());
    }
    let levels: Vec<String> = tried.demands.iter().map(|demand| demand.level.to_string()).collect();
    stated("demand-met", format!("{}: it holds", levels.join("; ")))
}

fn stated(key: &str, text: String) -> StatedReason {
    StatedReason {
        key: key.to_owned(),
        text,
    }
}
