//! What does not fit in a directory: where, why, and what to do about it. Faults refuse a change whole; warnings go
//! with it.

use std::fmt;

use thiserror::Error;

/// Something that does not fit, or, as a warning, that an operator would want to know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Fault {
    /// `organization acme`, `domain example.org`, `inbound connector acme/bank`.
    pub place: String,
    /// The field as API and files write it (`tls_domain`); empty when no single one is at fault.
    pub field: &'static str,
    /// What is wrong.
    pub reason: String,
    /// What would mend it; may be empty.
    pub remedy: String,
}

/// `inbound connector acme/bank, sender_domains: …; …`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}
