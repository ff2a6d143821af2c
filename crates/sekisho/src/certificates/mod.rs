//! Our own certificates: where they are kept, which of them is presented as what, and what becomes of them over time.
//!
//! Listeners and connectors name a *role*, a document of the directory. Certificates of a role lie in the data folder
//! or in files of the operator, and move from stage to stage; which of the active ones is presented at an instant is a
//! comparison (`choice`). What is wrong with a chain is `sekisho-tls`'s to say; who may give orders is the API's.

mod choice;
mod concerns;
mod due;
mod folder;
mod handed_over;
mod judgement;
mod live;
mod metrics;
mod orders;
mod proof;
mod published;
mod record;
mod role;
mod rollover;
mod stapling;
mod tending;
mod vault;
mod view;
mod watched;

#[cfg(test)]
mod tests;

pub use choice::{Candidate, Choice, Standing, choose};
pub use due::Due;
pub use folder::FolderError;
pub use handed_over::load_handed_over;
pub use live::{Certificates, Presented, Presenting, RolePresented, Surroundings};
pub use metrics::CertificateMetrics;
pub use orders::{Author, Done, Import, Material, OrderError, RequestOrder, Which};
pub use proof::{Proof, keep_proving, shake_hands};
pub use record::{Event, Instance, InstanceId, Origin, Record, Stage};
pub use role::CertificateRole;
pub(crate) use rollover::itself;
pub use rollover::{How, NextKey, Passed, RecordSet, Rollover, RolloverStart, Sight, Step, StepError, Turn, Wait};
pub use stapling::{Keeper, StapleFolder};
pub use tending::{Tended, tend};
pub use vault::{Stray, VaultError};
pub use view::finding_view;
