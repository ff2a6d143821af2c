//! Certificates from an authority by ACME (RFC 8555): the account, orders, the three ways to prove a name, and when it
//! is time for the next certificate (RFC 9773).
//!
//! Whatever an authority sends is somebody else's text and octets: read with limits, and every way to fail is an
//! outcome with words of its own ([`AcmeFault`]). Which key a certificate gets, where it is kept and when it comes
//! into use is left to the certificate store.

mod account;
mod disk;
mod fault;
mod keeper;
mod order;
mod progress;
mod proof;
mod renewal;
mod responders;
mod settings;
#[cfg(test)]
mod tests;
mod transport;

pub use account::{AcmeAccount, RevocationCause};
pub use fault::{AcmeFault, FaultKind, RETRY_AFTER_MAX};
pub use keeper::{AcmeKeeper, Told, acme_folder, life_of};
pub use order::{ORDER_PATIENCE, OrderRequest, ProofMeans, ZONE_PATIENCE};
pub use progress::{LastFailure, Progress};
pub use renewal::{CertificateId, Life, RenewalHint, back_off, renewal_hint};
pub use responders::{OnWeb, ResponderAddress, ResponderError, Responders};
pub use settings::{
    AcmeSettings, CONTACTS_MAX, ChallengeKind, EXCHANGE_TIMEOUT, ExternalAccount, NAMES_MAX, UpdateServer,
};
