//! Handshakes and certificates: everything that knows the TLS library.
//!
//! A handshake here only establishes encryption and finds out who the peer says it is; whether that is good
//! enough is judged later, by others, on the values that this crate hands out ([`sekisho_mail::TlsFacts`],
//! [`PeerChain`], [`sekisho_mail::Verdict`]). No type of the TLS library appears in the public interface.
//! SMTP, policy and the queue are unknown here.

mod anchors;
mod asn1;
mod callbacks;
mod certificate_id;
mod chain;
mod challenge;
mod client;
pub mod client_hello;
mod code_points;
mod der;
mod describe;
mod endpoints;
mod established;
mod failure;
mod identity;
mod lint;
mod named;
mod names;
mod octets;
mod own;
mod path;
mod probe;
mod provider;
mod public;
mod record;
mod revocation;
mod self_signed;
mod server;
mod signature;
mod stream;
mod tap;
mod tlsa;
mod verified;
mod verify;

pub use anchors::{Anchor, AnchorError, AnchorSearch, AnchorSearchError, AnchorSet, AnchorSource};
pub use certificate_id::{certificate_id, first_certificate};
pub use chain::{MAX_NAMES, PeerChain, sha256};
pub use challenge::{ChallengeError, ChallengeServer, MAX_CHALLENGES};
pub use client::{ClientIdentities, ClientProfile, IdentityUse, TlsClient, is_server_name};
pub use describe::{CertificateSummary, TlsDescription};
pub use endpoints::{CertificateEndpoints, DistributionPoint, MAX_ENDPOINTS, MAX_URI_LEN, ReasonSet};
pub use identity::{AssemblyFault, Identity, IdentityError, IdentityFiles, MAX_PEM_LEN, ServerCertificates};
pub use named::{MAX_NAMED, NamedCertificate, NamedContent};
pub use names::any_matches;
pub use own::{
    CertificateChain, ChainError, Expected, Finding, HandshakeQuestion, KeyError, KeyFamily, KeyType, KeyTypeError,
    Ordering, Pkcs12Content, Pkcs12Error, PrivateKey, SigningRequest, TlsCertificateName, TlsCertificateNameError, Use,
    Weight, inspect, presented_chain, read_pkcs12,
};
pub use path::MAX_PRESENTED;
pub use probe::{ProbeName, ProbeNameError};
pub use provider::key_exchange_groups;
pub use public::{ChainEnd, PublicCertificate, PublicChain, PublicRoot};
pub use revocation::{
    CLOCK_SKEW, CrlError, CrlSummary, DEFAULT_GRACE, HeldRevocation, MAX_CRL_LEN, MAX_HELD, MAX_HELD_OCTETS, MAX_NEEDS,
    MAX_OCSP_LEN, OCSP_LIFE, OcspError, RETRY_AFTER, RestoreError, RevocationError, RevocationKind, RevocationNeed,
    Revocations, SignatureFault, StapleAnswer, StapleObstacle, StapleQuestion, Taken, UNUSED_FOR, read_ocsp,
};
pub use self_signed::{RENEWAL_DAYS, SelfSignedError, VALIDITY_DAYS, ensure_self_signed_pair};
pub use server::{
    ClientCertificates, MAX_RESUMABLE_SESSIONS, ServerProtocol, ServerResumption, ServerTlsSettings, TlsServer,
};
pub use stream::{TlsStream, alert_in};
pub use tlsa::{DANE_EE, DANE_TA, MAX_TLSA_LEN, TlsaError, TlsaRecord};
pub use verified::{PathLink, VerifiedPath};
pub use verify::{MAX_ANSWER_AGE, MAX_KEPT_ANSWERS, MAX_KEPT_CHAINS, PathAnswer, Verifier};
