//! Whether a message may leave over a connection.

use std::sync::Arc;

use sekisho_mail::{
    CertificateFacts, CertificateFault, ChannelFacts, ChannelId, ChannelSecurity, Check, Decision, Demand, DemandLevel,
    Digest, Envelope, KeyProof, PlaintextCause, StatedReason, Timestamp, TlsFacts, Verdict, push_new,
};

use super::{Finding, HostPlan, Refusal, Revocation, plan::demanded_checks};
use crate::Reason;

/// The permission for one message to leave over one connection. [`judge`] alone makes one; it is not cloned and not
/// kept: whoever sends the message takes it by value and sends the envelope inside.
///
/// One comes from a judgement and goes to whoever sends:
///
/// ```
/// # use sekisho_mail::{ChannelFacts, Envelope, Timestamp};
/// # use sekisho_policy::outbound::{Clearance, HostPlan, judge};
/// fn clear(plan: &HostPlan, facts: &ChannelFacts, envelope: Envelope, now: Timestamp) -> Option<Clearance> {
///     let clearance: Clearance = judge(plan, facts, envelope, now).ok()?;
///     Some(clearance)
/// }
/// ```
///
/// It is not made of its parts, nor of those of another one (its fields are private):
///
/// ```compile_fail,E0451
/// # use sekisho_policy::outbound::Clearance;
/// fn forge(clearance: Clearance) -> Clearance {
///     Clearance { ..clearance }
/// }
/// ```
///
/// It is not made of nothing:
///
/// ```compile_fail,E0277
/// # use sekisho_policy::outbound::Clearance;
/// fn forge() -> Clearance {
///     Default::default()
/// }
/// ```
///
/// It is not cloned:
///
/// ```compile_fail,E0277
/// # use sekisho_policy::outbound::Clearance;
/// fn double(clearance: Clearance) -> impl Clone {
///     clearance
/// }
/// ```
#[derive(Debug)]
pub struct Clearance {
    channel: ChannelId,
    envelope: Envelope,
    reasons: Vec<Reason>,
}

impl Clearance {
    /// The one connection for which it holds.
    #[must_use]
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The one envelope for which it holds.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Why; at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// For the evidence.
    #[must_use]
    pub fn decision(&self) -> Decision {
        Decision::Cleared(self.reasons.iter().map(StatedReason::from).collect())
    }
}

/// Compares what is demanded with what was found: every demand of the plan and every demand that a recipient of the
/// envelope carries, whether the plan was made with it or not. Compares values only; a check without an answer, and
/// one whose answer is unknown, do not hold.
///
/// What does not hold may pass by one of the plan's exceptions, if that is in force at `now`, whenever the plan was
/// made: then the clearance says so.
///
/// [`ChannelFacts::host`] must be the text of [`HostPlan::host`]: a plan says nothing about another host's connection.
///
/// # Errors
/// When a demand does not hold, or the facts contradict the plan.
pub fn judge(plan: &HostPlan, facts: &ChannelFacts, envelope: Envelope, now: Timestamp) -> Result<Clearance, Refusal> {
    check_channel(plan, facts)?;
    let mut demands: Vec<Demand> = plan.demands().to_vec();
    for carried in envelope.recipients.iter().flat_map(|recipient| &recipient.carried) {
        push_new(&mut demands, carried);
    }
    let mut reasons = Vec::new();
    let mut unmet = Vec::new();
    let mut is_excused = false;
    for demand in demands {
        let Err(finding) = examine(&demand.level, &facts.security) else {
            reasons.push(Reason::DemandMet { demand });
            continue;
        };
        let mut recipients = envelope.recipients.iter();
        let is_carried = plan.is_carried(&demand) || recipients.any(|one| one.carried.contains(&demand));
        match plan.excuse((&demand, is_carried), &facts.security, now) {
            Some(exception) => {
                is_excused = true;
                reasons.push(Reason::Excepted {
                    exception: Arc::clone(exception),
                    demand: format!("{} demands {}", demand.origin, demand.level),
                    found: finding.to_string(),
                });
            }
            None => unmet.push((demand, finding)),
        }
    }
    if !unmet.is_empty() {
        let first = unmet.remove(0);
        return Err(Refusal::unmet(plan.host(), first, unmet));
    }
    match &facts.security {
        _ if !reasons.is_empty() => {}
        ChannelSecurity::Plaintext(cause) => reasons.push(Reason::OpportunisticPlaintext { cause: cause.clone() }),
        ChannelSecurity::Tls(_) => reasons.push(Reason::OpportunisticTls),
    }
    if let Some(why) = facts.security.tls().and_then(unproven).filter(|_| !is_excused) {
        reasons.push(Reason::UnprovenKeyAccepted { why: why.to_owned() });
    }
    Ok(Clearance {
        channel: facts.id,
        envelope,
        reasons,
    })
}

/// Refuses facts that cannot be about a connection made under this plan.
fn check_channel(plan: &HostPlan, facts: &ChannelFacts) -> Result<(), Refusal> {
    let contradiction = match (&facts.host, &facts.security) {
        (None, _) => Some("its host is not known".to_owned()),
        (Some(host), _) if !host.eq_ignore_ascii_case(&plan.host().to_string()) => Some(format!("it leads to {host}")),
        // Mail leaves in the clear only where TLS was tried or could not be.
        (Some(_), ChannelSecurity::Plaintext(PlaintextCause::NotAsked)) => Some("TLS was not tried".to_owned()),
        (Some(_), ChannelSecurity::Plaintext(PlaintextCause::NotOffered | PlaintextCause::NoExtensions))
            if facts.keywords.iter().any(|keyword| keyword.name == "STARTTLS") =>
        {
            Some("STARTTLS was offered and not tried".to_owned())
        }
        (Some(_), ChannelSecurity::Plaintext(_) | ChannelSecurity::Tls(_)) => None,
    };
    match contradiction {
        None => Ok(()),
        Some(why) => Err(Refusal::undemanded(
            plan.host(),
            Finding::OtherChannel(why.clone()),
            Reason::FaultOfOurs { why },
        )),
    }
}

/// Whether one demand holds; otherwise what was found instead.
pub(super) fn examine(level: &DemandLevel, security: &ChannelSecurity) -> Result<(), Finding> {
    examine_beside(level, security, |_, _| false)
}

/// As [`examine`], where an answer to a check is good enough as well when `is_borne` says so.
pub(super) fn examine_beside(
    level: &DemandLevel,
    security: &ChannelSecurity,
    is_borne: fn(&Check, &Verdict) -> bool,
) -> Result<(), Finding> {
    let tls = match security {
        ChannelSecurity::Plaintext(cause) => return Err(Finding::Plaintext(cause.clone())),
        ChannelSecurity::Tls(tls) => tls,
    };
    match level {
        DemandLevel::Encryption => return Ok(()),
        DemandLevel::Version { at_least } if tls.version >= *at_least => return Ok(()),
        DemandLevel::Version { .. } => return Err(Finding::OlderVersion(tls.version)),
        DemandLevel::KeyExchange { groups } if groups.contains_name(&tls.group) => return Ok(()),
        DemandLevel::KeyExchange { .. } => return Err(Finding::OtherKeyExchange(tls.group.clone())),
        DemandLevel::Certificate { .. }
        | DemandLevel::Domain { .. }
        | DemandLevel::Pin { .. }
        | DemandLevel::Revocation { .. } => {}
    }
    let Some(leaf) = tls.chain.first() else {
        return Err(Finding::Certificate(CertificateFault::None));
    };
    if let DemandLevel::Pin { spki } = level
        && !is_pinned(leaf, spki)
    {
        return Err(Finding::OtherKey(leaf.spki_sha256));
    }
    for check in demanded_checks(level) {
        let verdict = tls.verdict(&check);
        if !verdict.is_some_and(|verdict| is_borne(&check, verdict) || is_enough_of(level, verdict)) {
            examine_check(&check, tls)?;
        }
    }
    // Last, so that a fault of the certificate itself is told first.
    match unproven(tls) {
        Some(why) => Err(Finding::Certificate(CertificateFault::KeyNotProven(why.to_owned()))),
        None => Ok(()),
    }
}

/// Whether a demand takes less than that a check holds: where it is not known whether a certificate is revoked, and
/// where nobody could ever say.
const fn is_enough_of(level: &DemandLevel, verdict: &Verdict) -> bool {
    match level {
        DemandLevel::Revocation {
            mode,
            refuse_not_revocable,
            ..
        } => Revocation {
            mode: *mode,
            refuse_not_revocable: *refuse_not_revocable,
        }
        .takes(verdict),
        DemandLevel::Encryption
        | DemandLevel::Certificate { .. }
        | DemandLevel::Domain { .. }
        | DemandLevel::Pin { .. }
        | DemandLevel::Version { .. }
        | DemandLevel::KeyExchange { .. } => false,
    }
}

/// Whether the certificate has one of the keys. All zero stands for a key that could not be parsed; nobody holds it.
pub(crate) fn is_pinned(leaf: &CertificateFacts, pins: &[Digest]) -> bool {
    leaf.spki_sha256 != Digest([0; 32]) && pins.contains(&leaf.spki_sha256)
}

fn examine_check(check: &Check, tls: &TlsFacts) -> Result<(), Finding> {
    // No name at all can never match, whatever the answer: such a demand is one on a host that nobody vouches for.
    if matches!(check, Check::Name { names } if names.is_empty()) {
        return Err(Finding::Unknown(
            "no name is known that the certificate could be for".to_owned(),
        ));
    }
    match tls.verdict(check) {
        Some(Verdict::Holds) => Ok(()),
        Some(Verdict::Fails(fault)) => Err(Finding::Certificate(fault.clone())),
        Some(Verdict::Unknown(why)) => Err(Finding::Unknown(why.clone())),
        None => Err(Finding::NotAsked(check.clone())),
    }
}

/// Why the peer's key is not proven, when a certificate came and its key is not.
fn unproven(tls: &TlsFacts) -> Option<&str> {
    match &tls.key {
        KeyProof::Proven => None,
        KeyProof::NotProven(_) if tls.chain.is_empty() => None,
        KeyProof::NotProven(why) => Some(why),
    }
}
