//! A role as the directory has it: what its certificates must be like, and what becomes of them.

use std::{sync::Arc, time::Duration};

use sekisho_mail::{CertificateFacts, NamePattern, Timestamp};
use sekisho_policy::directory::{CertificateRoleKey, IssuerPattern};
use sekisho_tls::{CertificateChain, Identity, IdentityFiles, KeyType, TlsCertificateName};

use crate::acme::AcmeSettings;

/// How long before its end a certificate without a successor is told of, at most, where the role says nothing.
const ALERT_BEFORE: Duration = Duration::from_secs(21 * 86_400);

/// What certificates of ours are presented as.
#[derive(Clone, Debug)]
pub struct CertificateRole {
    /// What it is known by.
    pub key: CertificateRoleKey,
    /// The operator's words.
    pub comment: String,
    /// Names that each of its certificates must be for.
    pub names: Vec<NamePattern>,
    /// Issuers, any of them; any at all where it is empty.
    pub issuers: Vec<IssuerPattern>,
    /// Issuer and subject of the certificates that count.
    pub tls_certificate_name: Option<TlsCertificateName>,
    /// Files that are watched.
    pub files: Vec<IdentityFiles>,
    /// Which keys a request makes; at least one.
    pub key_types: Vec<KeyType>,
    /// Whether a request keeps the key that is in force.
    pub reuse_key: bool,
    /// How long a certificate is kept as active that another has taken the place of.
    pub overlap: Duration,
    /// How long before its end a certificate without a successor is told of; `None` for the default.
    pub alert_before: Option<Duration>,
    /// The authority that its certificates are ordered from.
    pub acme: Option<Arc<AcmeSettings>>,
    /// Who has pinned its key, in the operator's words.
    pub pinned_by: Vec<String>,
    /// Whether partners are told of its certificates.
    pub published: bool,
}

impl CertificateRole {
    /// Why a certificate does not count for it; `None` when it does.
    #[must_use]
    pub fn mismatch(&self, identity: &Identity) -> Option<String> {
        let leaf = identity.chain().first()?;
        let name = self.tls_certificate_name.as_ref();
        self.mismatch_by(leaf, name.filter(|name| !identity.is_named(name)))
    }

    /// As [`Self::mismatch`], of a chain that has no key yet.
    #[must_use]
    pub fn mismatch_of(&self, chain: &CertificateChain) -> Option<String> {
        let leaf = chain.facts().first()?;
        let name = self.tls_certificate_name.as_ref();
        self.mismatch_by(leaf, name.filter(|name| !chain.is_named(name)))
    }

    fn mismatch_by(&self, leaf: &CertificateFacts, other_name: Option<&TlsCertificateName>) -> Option<String> {
        if let Some(name) = other_name {
            return Some(format!(
                "the role wants {name}, and this is <I>{}<S>{}",
                leaf.issuer, leaf.subject
            ));
        }
        if !self.issuers.is_empty() && !self.issuers.iter().any(|issuer| issuer.is_in(&leaf.issuer)) {
            let wanted: Vec<String> = self.issuers.iter().map(ToString::to_string).collect();
            return Some(format!(
                "the role takes certificates of {}, and {} issued this one",
                wanted.join(" or "),
                leaf.issuer
            ));
        }
        None
    }

    /// From when on a certificate that ends at `not_after` is told of.
    #[must_use]
    pub fn alert_from(&self, not_before: Timestamp, not_after: Timestamp) -> Timestamp {
        let a_third = not_after.since(not_before) / 3;
        not_after.minus(self.alert_before.unwrap_or(ALERT_BEFORE.min(a_third)))
    }

    /// Its names without the stars, for what must name a host.
    #[must_use]
    pub fn name_texts(&self) -> Vec<String> {
        self.names.iter().map(ToString::to_string).collect()
    }
}
