//! The chain that a peer presented, as octets and as facts.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sekisho_mail::{CertificateFacts, Digest, KeyProof, Timestamp};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{der::public_key_info, signature::Key};

/// How many octets of a subject or issuer are kept.
const MAX_NAME_TEXT_LEN: usize = 1024;
/// How many names of one certificate are kept as facts; matching looks at all of them.
pub const MAX_NAMES: usize = 128;
/// How many octets a common name may have to be kept: as many as a domain.
const MAX_COMMON_NAME_LEN: usize = 253;

/// Which end of the connection presented a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Presenter {
    Server,
    Client,
}

/// The chain that a peer presented, as it came, together with the proof of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerChain {
    certificates: Arc<[CertificateDer<'static>]>,
    facts: Vec<CertificateFacts>,
    leaf_names: Vec<String>,
    key: KeyProof,
    presenter: Presenter,
    digest: Digest,
    staple: Option<Staple>,
}

/// An OCSP answer as it was stapled; whether it is any good is asked when it counts. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Staple {
    octets: Arc<[u8]>,
    digest: Digest,
}

impl Staple {
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }
}

impl PeerChain {
    pub(crate) fn new(certificates: Vec<CertificateDer<'static>>, key: KeyProof, presenter: Presenter) -> Self {
        let facts: Vec<_> = certificates.iter().map(|certificate| facts_of(certificate)).collect();
        let leaf_names = certificates.first().map(|leaf| dns_names(leaf)).unwrap_or_default();
        let digest = chain_digest(&facts, presenter);
        Self {
            certificates: certificates.into(),
            facts,
            leaf_names,
            key,
            presenter,
            digest,
            staple: None,
        }
    }

    /// With the OCSP answer that was stapled to the leaf.
    pub(crate) fn with_staple(self, octets: Option<Vec<u8>>) -> Self {
        let staple = octets.map(|octets| Staple {
            digest: sha256(&octets),
            octets: octets.into(),
        });
        Self { staple, ..self }
    }

    /// The chain as it would come from a client that proved its key; for questions about what would become of it.
    ///
    /// # Errors
    /// When the text has no certificate in it, or one that is broken.
    pub fn of_client_in_pem(pem: &str) -> Result<Self, String> {
        Self::in_pem(pem, Presenter::Client)
    }

    /// As [`Self::of_client_in_pem`], but as it would come from a server.
    ///
    /// # Errors
    /// As there.
    pub fn of_server_in_pem(pem: &str) -> Result<Self, String> {
        Self::in_pem(pem, Presenter::Server)
    }

    /// A chain that was presented before and kept in DER, leaf first; for questions about what would become of it now.
    /// It comes from a client that proved its key, or else from a server.
    #[must_use]
    pub fn kept(certificates: Vec<Vec<u8>>, is_of_client: bool) -> Self {
        let certificates = certificates.into_iter().map(CertificateDer::from).collect();
        let presenter = if is_of_client {
            Presenter::Client
        } else {
            Presenter::Server
        };
        Self::new(certificates, KeyProof::Proven, presenter)
    }

    fn in_pem(pem: &str, presenter: Presenter) -> Result<Self, String> {
        let parsed: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = parsed.map_err(|error| format!("no PEM text of certificates: {error}"))?;
        if certificates.is_empty() {
            return Err("there is no certificate in it; write PEM, the leaf first".to_owned());
        }
        Ok(Self::new(certificates, KeyProof::Proven, presenter))
    }

    /// The certificates, leaf first; empty when none was presented.
    #[must_use]
    pub fn facts(&self) -> &[CertificateFacts] {
        &self.facts
    }

    /// Whether the peer proved the leaf's key; meaningless when none was presented.
    #[must_use]
    pub const fn key(&self) -> &KeyProof {
        &self.key
    }

    /// The certificates in DER, leaf first.
    pub fn der(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// Whether a client presented it, and not a server.
    #[must_use]
    pub fn is_of_client(&self) -> bool {
        self.presenter == Presenter::Client
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    pub(crate) const fn shared_certificates(&self) -> &Arc<[CertificateDer<'static>]> {
        &self.certificates
    }

    /// Every SAN dNSName of the leaf.
    pub(crate) fn leaf_names(&self) -> &[String] {
        &self.leaf_names
    }

    pub(crate) const fn presenter(&self) -> Presenter {
        self.presenter
    }

    /// Names the chain and who presented it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// As [`Self::digest`], and what was stapled to it.
    pub(crate) fn digest_with_staple(&self) -> Digest {
        match &self.staple {
            None => self.digest,
            Some(staple) => sha256(&[self.digest.0, staple.digest.0].concat()),
        }
    }

    pub(crate) const fn staple(&self) -> Option<&Staple> {
        self.staple.as_ref()
    }
}

/// The digest of octets.
#[must_use]
pub fn sha256(octets: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, octets).as_ref());
    Digest(out)
}

/// The SHA-1 of octets, by which certificates are named in the field. Nothing is decided by it.
pub(crate) fn sha1(octets: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
    out
}

fn chain_digest(facts: &[CertificateFacts], presenter: Presenter) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(match presenter {
        Presenter::Server => b"s",
        Presenter::Client => b"c",
    });
    for certificate in facts {
        context.update(&certificate.sha256.0);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Digest(out)
}

/// The facts of one certificate. One that cannot be parsed still has its digest.
pub(crate) fn facts_of(certificate: &[u8]) -> CertificateFacts {
    let info = public_key_info(certificate);
    let mut facts = CertificateFacts {
        sha256: sha256(certificate),
        spki_sha256: info.map_or(Digest([0; 32]), |info| sha256(info.whole)),
        subject: String::new(),
        issuer: String::new(),
        dns_names: Vec::new(),
        common_name: None,
        not_before: Timestamp::EPOCH,
        not_after: Timestamp::EPOCH,
        key: info.map(|info| Key::of(&info).describe()).unwrap_or_default(),
        not_for_clients: false,
    };
    if let Ok((_, parsed)) = X509Certificate::from_der(certificate) {
        facts.subject = bounded(parsed.subject().to_string());
        facts.issuer = bounded(parsed.issuer().to_string());
        facts.dns_names = names_in(&parsed).take(MAX_NAMES).collect();
        if facts.dns_names.is_empty() {
            facts.common_name = common_name(&parsed);
        }
        facts.not_before = Timestamp::from_secs(parsed.validity().not_before.timestamp());
        facts.not_after = Timestamp::from_secs(parsed.validity().not_after.timestamp());
        facts.not_for_clients = match parsed.extended_key_usage() {
            // One that names none is for all of them.
            Ok(usages) => usages.is_some_and(|usages| !usages.value.client_auth && !usages.value.any),
            Err(_) => true,
        };
    }
    facts
}

/// Every SAN dNSName of a certificate; none of one that cannot be parsed.
pub(crate) fn dns_names(certificate: &[u8]) -> Vec<String> {
    X509Certificate::from_der(certificate)
        .map(|(_, parsed)| names_in(&parsed).collect())
        .unwrap_or_default()
}

/// The SAN dNSNames, as written.
fn names_in(certificate: &X509Certificate<'_>) -> impl Iterator<Item = String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names
        .map(|extension| extension.value.general_names.as_slice())
        .unwrap_or_default()
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// The common name, where there is just one: of several nobody could say which is meant (RFC 6125 §6.4.4).
fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let (first, second) = (names.next()?, names.next());
    let name = first.as_str().ok().filter(|name| name.len() <= MAX_COMMON_NAME_LEN);
    name.filter(|_| second.is_none()).map(str::to_owned)
}

/// No longer than a subject or issuer is kept.
pub(crate) fn bounded(mut text: String) -> String {
    let mut end = MAX_NAME_TEXT_LEN.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_thousand_names_few_are_kept_and_all_are_looked_at() {
        let names: Vec<String> = (0..100_000).map(|number| format!("n{number}.example")).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let facts = facts_of(certificate.der());
        assert_eq!(facts.dns_names.len(), MAX_NAMES);
        let all = dns_names(certificate.der());
        assert_eq!((all.len(), all[99_999].as_str()), (100_000, "n99999.example"));
        let wanted = ["n99999.example".parse().unwrap()];
        assert!(crate::names::any_matches(&all, &wanted));
    }

    #[test]
    fn a_certificate_is_for_clients_unless_its_usages_leave_them_out() {
        use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, EmailProtection, ServerAuth};
        let key = rcgen::KeyPair::generate().unwrap();
        for (usages, not_for_clients) in [
            (vec![], false),
            (vec![ServerAuth], true),
            (vec![EmailProtection], true),
            (vec![ServerAuth, ClientAuth], false),
            (vec![Any], false),
        ] {
            let mut params = rcgen::CertificateParams::new(vec!["n.example".to_owned()]).unwrap();
            params.extended_key_usages.clone_from(&usages);
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(
                facts_of(certificate.der()).not_for_clients,
                not_for_clients,
                "{usages:?}"
            );
        }
    }

    #[test]
    fn what_is_no_certificate_still_has_a_digest() {
        let facts = facts_of(b"no certificate");
        assert_ne!(facts.sha256, Digest([0; 32]));
        assert_eq!(facts.spki_sha256, Digest([0; 32]));
        assert!(facts.subject.is_empty() && facts.dns_names.is_empty() && facts.key.is_empty());
    }
}
