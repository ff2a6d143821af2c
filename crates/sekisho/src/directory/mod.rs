//! The directory of this process: documents as the API and files have them, what they mean to policy and to the ways
//! out, and the one place where they are read and changed.
//!
//! What the rules are is policy's to say; how documents are kept is the store's.

pub mod difference;
mod digest;
pub mod documents;
mod issuers;
pub mod live;
pub mod parse;
pub mod text;

#[cfg(test)]
mod tests;

use sekisho_api::FaultView;
use sekisho_mail::Timestamp;
use sekisho_policy::directory::{Directory, Fault};

use crate::clock;

pub use digest::of as digest;
pub use live::{Live, LiveError};
pub use parse::{Alone, FileDomain, FilePart, FileRoute, Parsed, Revalidation};
pub use sekisho_policy::directory::NAME_CHARS_MAX;

/// The time by which a directory's exceptions are judged. Where it has none, no clock is looked at.
#[must_use]
pub fn time_for(directory: &Directory) -> Timestamp {
    if directory.has_exceptions() {
        clock::never_back()
    } else {
        Timestamp::EPOCH
    }
}

/// A fault or a warning as the API has it.
#[must_use]
pub fn fault_view(fault: Fault) -> FaultView {
    FaultView {
        line: None,
        place: fault.place,
        field: fault.field.to_owned(),
        reason: fault.reason,
        remedy: fault.remedy,
    }
}
