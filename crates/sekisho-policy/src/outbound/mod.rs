//! What each candidate host of a message must satisfy, how to try for it, and whether a connection does.
//!
//! [`plan()`] gathers every demand that applies; [`HostPlan::first_step`], [`starttls_unavailable`] and
//! [`after_failure`] say what to try next; [`judge()`] compares what was demanded with what was found and alone makes a
//! [`Clearance`]. A plan is a *set* of demands and each must hold; none replaces or lowers another. The operator's
//! dated exceptions lower the demands of the document that each names, until it ends.
//!
//! Opportunistic TLS is RFC 7435's: nothing is demanded, so TLS is tried first and plaintext is better than nothing.

mod exceptions;
mod judge;
mod plan;
mod refusal;
mod requiretls;
mod shadow;
mod step;

#[cfg(test)]
mod laws;

pub(crate) use judge::is_pinned;
pub use judge::{Clearance, judge};
pub use plan::{
    CandidateHost, HostOrigin, HostPlan, OutboundFacts, Plan, Requirement, Revocation, RouteDemand, TlsNames, plan,
};
pub use refusal::{Finding, Refusal};
pub use requiretls::{ConditionStanding, RequireTlsCondition, requiretls, requiretls_demand};
pub use shadow::{Found, TriedConnector, try_documents};
pub use step::{
    BrokenTls, FailedHandshake, HYBRID_MEMORY_SECS, MAX_HANDSHAKES, NextStep, PlaintextReply, Step, TLS_MEMORY_SECS,
    after_failure, plaintext_retry_reply, starttls_unavailable,
};
