//! What a lookup found, or why it found nothing. Never an `Option`: NXDOMAIN bounces where NODATA means the
//! implicit MX, a secure denial differs from an insecure one, and a fault is never "absent". This is what
//! keeps a DNS fault from quietly lowering a requirement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an answer was proven by DNSSEC (RFC 4035 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Nobody vouches for the answer.
    Insecure,
    /// A chain of signatures from the root vouches for it.
    Secure,
}

/// The five things that a lookup can come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup<T> {
    /// The name has records of this type.
    Found(T, Security),
    /// The name exists and has no record of this type (NODATA).
    NoData(Security),
    /// The name does not exist (NXDOMAIN).
    NoName(Security),
    /// No answer that could be used: time-out, SERVFAIL, refused, unreachable. Tried again later.
    TempFail(LookupFault),
    /// An answer that DNSSEC proves to be wrong. Treated as a temporary fault (RFC 4035 §5.5), told apart
    /// for the operator.
    Bogus(LookupFault),
}

impl<T> Lookup<T> {
    /// The same finding about another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Found(value, security) => Lookup::Found(change(value), security),
            Self::NoData(security) => Lookup::NoData(security),
            Self::NoName(security) => Lookup::NoName(security),
            Self::TempFail(fault) => Lookup::TempFail(fault),
            Self::Bogus(fault) => Lookup::Bogus(fault),
        }
    }
}

/// What was asked and what went wrong, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupFault {
    /// The question, `MX example.org`.
    pub question: String,
    /// What came instead of an answer.
    pub why: String,
}

impl fmt::Display for LookupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.question, self.why)
    }
}
