//! Handshakes and certificates: everything that knows the TLS library.
//!
//! A handshake here only establishes encryption and finds out who the peer says it is; whether that is good
//! enough is judged later, by others, on the values that this crate hands out ([`sekisho_mail::TlsFacts`],
//! [`PeerChain`], [`sekisho_mail::Verdict`]). No type of the TLS library appears in the public interface.
//! SMTP, policy and the queue are unknown here.

mod anchors;
mod client;
mod describe;
mod identity;
mod self_signed;
mod server;
mod stream;
mod verify;

pub use anchors::{AnchorError, AnchorSet};
pub use client::{ClientIdentities, ClientProfile, GroupProfile, IdentityUse, TlsClient};
pub use describe::{CertificateSummary, TlsDescription};
pub use identity::{Identity, IdentityError, IdentityFiles, ServerCertificates};
pub use self_signed::{SelfSignedError, ensure_self_signed_pair};
pub use server::{ClientCertificates, ServerResumption, ServerTlsSettings, TlsServer};
pub use stream::{PeerChain, TlsStream, alert_in};
pub use verify::Verifier;
