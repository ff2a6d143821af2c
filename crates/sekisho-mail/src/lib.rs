//! The nouns of mail and the plain values that pass between Sekisho's crates.
//!
//! What is here has no opinion: it parses, displays and carries. Who finds a fact, who judges it and how it
//! is stored is left to the other crates, which meet only over these types.

#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod certificate;
mod channel;
mod domain;
mod envelope;
mod evidence;
mod handling;
mod handshake;
pub mod hexadecimal;
mod id;
mod key_exchange;
mod lookup;
mod mailbox;
mod organization;
mod outcome;
mod reply;
mod requirement;
mod shadow;
mod time;
pub mod xtext;

pub use certificate::{
    CertificateFacts, CertificateFault, ChainAnswers, Check, Digest, DigestError, KeyProof, Verdict,
};
pub use channel::{
    ChannelFacts, ChannelSecurity, ClientCertificateFate, Keyword, PlaintextCause, TlsFacts, TlsVersion,
};
pub use domain::{Domain, DomainError, Host};
pub use envelope::{BodyKind, Envelope, EnvelopeId, Notify, OriginalRecipient, Recipient, RefusedBy, Ret, RuleRefusal};
pub use evidence::{Decision, Evidence, Speaker, SpokenLine, StatedReason};
pub use handling::{AddedField, ChosenWay, FamilyFields, Handling, OwnServer};
pub use handshake::{HandshakeFailure, HandshakeFault, HandshakeStage, HelloSummary};
pub use id::{AnchorSetId, ChannelId, ClientIdentityId, MessageId, ParseMessageIdError};
pub use key_exchange::{KeyExchangeGroup, KeyExchangeGroupError, KeyExchangeGroups};
pub use lookup::{Lookup, LookupFault, Security};
pub use mailbox::{ForwardPath, Mailbox, MailboxError, ReversePath};
pub use organization::{OrganizationName, OrganizationNameError};
pub use outcome::{Fault, Outcome, Side};
pub use reply::{EnhancedCode, Reply, ReplyClass, ReplyCode, ReplyCodeError};
pub use requirement::{Demand, DemandLevel, NamePattern, NamePatternError, NameReach, RevocationMode, push_new};
pub use shadow::{
    ArrivalShadow, Revision, RevisionError, ShadowDocument, ShadowKind, ShadowOutcome, ShadowVerdict, TriedRule,
};
pub use time::Timestamp;

/// What is usual needs no words where a value is written down.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}
