//! What was learnt on the way and is neither mail nor configuration: what a validation found, what a partner's TLS is
//! like, what a shadow policy would have done. What an observation says is left to those who read it.
//!
//! Losing the newest of them in a crash costs nothing but their being learnt anew, so nobody's 250 waits for them.

use std::fmt;

use sekisho_mail::Timestamp;

use crate::StoreError;

/// Octets of an observation's key at most.
pub const OBSERVATION_KEY_MAX: usize = 512;
/// Octets of an observation's body at most.
pub const OBSERVATION_LEN_MAX: usize = 64 * 1024;
/// Observations that are written at once at most, and read at once at most.
pub const OBSERVATIONS_AT_ONCE: usize = 1000;

/// What an observation is about. Keys of different kinds have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObservationKind {
    /// What the validation of a connector found.
    Validation,
    /// What the mail of a partner was like.
    Partner,
    /// What a policy that does not act would have done.
    Shadow,
    /// What the operator is warned of.
    Alert,
    /// A certificate that a partner presented, in DER.
    Certificate,
    /// Which certificates a partner presented together.
    Chain,
    /// Whether an endpoint on which certificates hang works.
    Endpoint,
}

impl ObservationKind {
    /// As the store writes it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Validation => 1,
            Self::Partner => 2,
            Self::Shadow => 3,
            Self::Alert => 4,
            Self::Certificate => 5,
            Self::Chain => 6,
            Self::Endpoint => 7,
        }
    }
}

impl fmt::Display for ObservationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validation => "validation",
            Self::Partner => "partner",
            Self::Shadow => "shadow",
            Self::Alert => "alert",
            Self::Certificate => "certificate",
            Self::Chain => "chain",
            Self::Endpoint => "endpoint",
        })
    }
}

/// Something learnt. It replaces what has the same kind and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What it is about.
    pub kind: ObservationKind,
    /// Unique in its kind; at most [`OBSERVATION_KEY_MAX`] octets. Observations come back in the order of their keys'
    /// octets.
    pub key: String,
    /// When; [`crate::Store::forget_observations`] goes by it.
    pub at: Timestamp,
    /// JSON, at most [`OBSERVATION_LEN_MAX`] octets; opaque to the store.
    pub body: String,
}

impl Observation {
    /// Refuses what is beyond a limit.
    pub(crate) fn check_all(observations: &[Self]) -> Result<(), StoreError> {
        if observations.len() > OBSERVATIONS_AT_ONCE {
            return Err(StoreError::Unfit("too many observations at once"));
        }
        let is_too_large = |observation: &Self| {
            observation.key.len() > OBSERVATION_KEY_MAX || observation.body.len() > OBSERVATION_LEN_MAX
        };
        if observations.iter().any(is_too_large) {
            return Err(StoreError::Unfit("an observation is too large"));
        }
        Ok(())
    }
}
