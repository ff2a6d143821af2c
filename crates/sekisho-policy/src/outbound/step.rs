//! How to try for TLS with a host, one step after the other, and when plaintext is the step that is left.
//!
//! Every step but STARTTLS on the connection at hand begins with a fresh connection. Which time-outs apply and where
//! the memory of broken hosts is kept is left to the binary; whether it counts is decided here.

use sekisho_mail::{
    HandshakeFailure, HandshakeFault, KeyExchangeGroups, PlaintextCause, Reply, ReplyClass, TlsVersion,
};

use super::{Finding, HostPlan, Refusal};
use crate::Reason;

/// Handshakes with one host in one attempt, at the most: two with all groups that may be offered, two without the
/// hybrid.
pub const MAX_HANDSHAKES: usize = 4;

/// How long a [`BrokenTls::Hybrid`] may be believed, in seconds.
pub const HYBRID_MEMORY_SECS: u64 = 24 * 60 * 60;

/// How long a [`BrokenTls::Wholly`] may be believed, in seconds.
pub const TLS_MEMORY_SECS: u64 = 60 * 60;

/// What to do with a host next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// EHLO, STARTTLS, and a handshake that offers these groups.
    StartTls {
        /// Which groups.
        groups: KeyExchangeGroups,
    },
    /// In the clear; only ever a step of a plan that demands nothing, or nothing that no exception lifts.
    Plaintext {
        /// Why, for the channel's facts.
        cause: PlaintextCause,
    },
}

/// What to do after a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Take this step, on a fresh connection.
    Try(Step),
    /// Nothing is left to try with this host.
    GiveUp(Refusal),
}

/// One handshake that failed in this attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedHandshake {
    /// What was offered.
    pub groups: KeyExchangeGroups,
    /// What went wrong.
    pub failure: HandshakeFailure,
}

/// What is remembered of a host, its address and port, with which handshakes failed. Forgotten at the first success of
/// what it says is broken, and after [`HYBRID_MEMORY_SECS`] or [`TLS_MEMORY_SECS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenTls {
    /// Handshakes failed with the hybrid and one held without it. Serves all plans but those that demand the hybrid
    /// alone: nothing is lowered that anybody demanded.
    Hybrid,
    /// Handshakes failed with the hybrid and without; the cause in words. Serves opportunistic plans alone.
    Wholly(String),
}

impl BrokenTls {
    /// What to remember after an attempt under `plan` that had these failures; `then_held` says that a handshake
    /// succeeded after them. `None`: nothing was learnt, and what was remembered stays as it is.
    #[must_use]
    pub fn learn(plan: &HostPlan, history: &[FailedHandshake], then_held: bool) -> Option<Self> {
        let last = history.last()?;
        if history
            .iter()
            .any(|failed| failed.failure.fault == HandshakeFault::Ours)
        {
            return None;
        }
        // A handshake that a demand has narrowed says nothing of one with the groups that it left out.
        if plan.groups() != KeyExchangeGroups::ALL || !counted(history) {
            return None;
        }
        match (last.groups, then_held) {
            // The retry of the same would have gone with the hybrid again, so what held went without.
            (KeyExchangeGroups::ALL, true) => Some(Self::Hybrid),
            // Who does not know the version demanded may well know an older one: for others that is TLS all the same.
            (KeyExchangeGroups::CLASSICAL, false) if plan.min_version() > TlsVersion::Tls12 => None,
            // The host may have liked our certificate no better than the handshake; others present none.
            (KeyExchangeGroups::CLASSICAL, false) if plan.client_identity().is_some() => None,
            (KeyExchangeGroups::CLASSICAL, false) => Some(Self::Wholly(last.failure.to_string())),
            _ => None,
        }
    }
}

impl HostPlan {
    /// With which step to begin. What is remembered leads into the clear only where nobody demands TLS: where an
    /// exception lifts a demand, TLS is tried for every message.
    #[must_use]
    pub fn first_step(&self, memory: Option<&BrokenTls>) -> Step {
        let groups = self.groups();
        match memory {
            Some(BrokenTls::Wholly(why)) if self.is_opportunistic() => Step::Plaintext {
                cause: PlaintextCause::RememberedAsBroken(why.clone()),
            },
            Some(BrokenTls::Hybrid) => Step::StartTls {
                groups: groups.without_hybrid().unwrap_or(groups),
            },
            Some(BrokenTls::Wholly(_)) | None => Step::StartTls { groups },
        }
    }
}

/// STARTTLS was not offered, or refused: what now? On the connection at hand.
///
/// # Errors
/// When anything demands TLS.
pub fn starttls_unavailable(plan: &HostPlan, cause: PlaintextCause) -> Result<Step, Refusal> {
    match refuse_plaintext(plan, Finding::Plaintext(cause.clone())) {
        Some(refusal) => Err(refusal),
        None => Ok(Step::Plaintext { cause }),
    }
}

/// A handshake failed: what now? `history` holds every failure with this host in this attempt, oldest first, and so at
/// least one.
///
/// A reset or a time-out may be the network's doing, so it counts only when the same handshake meets one again. What
/// counts leads to a handshake without the hybrid, unless that alone is demanded, and from there, when nothing demands
/// TLS, to plaintext. A fault of ours ends the attempt at once and never leads to plaintext (law 3).
#[must_use]
pub fn after_failure(plan: &HostPlan, history: &[FailedHandshake]) -> NextStep {
    let Some(last) = history.last() else {
        return NextStep::Try(plan.first_step(None));
    };
    let finding = Finding::Handshake(Box::new(last.failure.clone()));
    if history
        .iter()
        .any(|failed| failed.failure.fault == HandshakeFault::Ours)
    {
        let ours = refuse_plaintext(plan, finding.clone());
        return NextStep::GiveUp(ours.unwrap_or_else(|| {
            let why = last.failure.to_string();
            Refusal::undemanded(plan.host(), finding, Reason::FaultOfOurs { why })
        }));
    }
    if history.len() < MAX_HANDSHAKES {
        if !counted(history) {
            return NextStep::Try(Step::StartTls { groups: last.groups });
        }
        if let Some(groups) = last.groups.without_hybrid() {
            return NextStep::Try(Step::StartTls { groups });
        }
    }
    match refuse_plaintext(plan, finding) {
        Some(refusal) => NextStep::GiveUp(refusal),
        None => NextStep::Try(Step::Plaintext {
            cause: PlaintextCause::HandshakeFailed(last.failure.to_string()),
        }),
    }
}

/// Whether the last failure counts: a lost or silent connection only when the handshake before it, with the same
/// groups, failed too.
fn counted(history: &[FailedHandshake]) -> bool {
    let [earlier @ .., last] = history else {
        return false;
    };
    !may_be_the_network(&last.failure.fault) || earlier.last().is_some_and(|before| before.groups == last.groups)
}

const fn may_be_the_network(fault: &HandshakeFault) -> bool {
    match fault {
        HandshakeFault::ConnectionLost | HandshakeFault::TimedOut => true,
        HandshakeFault::Alert(_)
        | HandshakeFault::Protocol
        | HandshakeFault::BadServerName
        | HandshakeFault::Incompatible
        | HandshakeFault::BadSignature
        | HandshakeFault::Ours => false,
    }
}

/// The refusal that every demand of the plan makes necessary that no exception lifts; `None` when there is none.
fn refuse_plaintext(plan: &HostPlan, finding: Finding) -> Option<Refusal> {
    let mut unmet = plan.standing().map(|demand| (demand.clone(), finding.clone()));
    let first = unmet.next()?;
    Some(Refusal::unmet(plan.host(), first, unmet.collect()))
}

/// What a reply on a connection in the clear means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaintextReply {
    /// What it says.
    AsItSays,
    /// The server wants the TLS that failed with it before: wait, never bounce, for the handshake may hold next time.
    Defer(Refusal),
}

/// What a reply to MAIL, RCPT or the content means on a connection that is in the clear because of `cause`: after a
/// fall-back, 530 and 5.7.x say that the server would have taken the message under TLS, and so they only defer. So does
/// 530 where STARTTLS was not offered: the server wants it (RFC 3207 §4), and somebody in between may have taken the
/// offer out.
#[must_use]
pub fn plaintext_retry_reply(plan: &HostPlan, cause: &PlaintextCause, reply: &Reply) -> PlaintextReply {
    let fell_back = match cause {
        PlaintextCause::Refused(_) | PlaintextCause::HandshakeFailed(_) | PlaintextCause::RememberedAsBroken(_) => true,
        PlaintextCause::NotOffered | PlaintextCause::NoExtensions | PlaintextCause::NotAsked => false,
    };
    let stripped = match cause {
        PlaintextCause::NotOffered | PlaintextCause::NoExtensions => reply.code.as_u16() == 530,
        PlaintextCause::Refused(_)
        | PlaintextCause::HandshakeFailed(_)
        | PlaintextCause::RememberedAsBroken(_)
        | PlaintextCause::NotAsked => false,
    };
    let about_security = reply.code.class() == ReplyClass::Permanent
        && (reply.code.as_u16() == 530 || reply.enhanced.is_some_and(|code| code.subject == 7));
    if !(fell_back && about_security || stripped) {
        return PlaintextReply::AsItSays;
    }
    let reason = Reason::WantsTlsAfterAll { reply: reply.clone() };
    PlaintextReply::Defer(Refusal::undemanded(
        plan.host(),
        Finding::WantsTls(reply.clone()),
        reason,
    ))
}
