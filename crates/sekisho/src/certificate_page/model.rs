//! From what is published to the page as programs read it: each certificate with all that a partner may ask of it, old
//! and new beside each other, and what the partner must do.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sekisho_api::{
    CERTIFICATE_PAGE_FORMAT, CertificatePage, PublishedCertificate, PublishedEndpoint, PublishedEndpointKind,
    PublishedFamily, PublishedIssuer, PublishedRole, PublishedRoot, PublishedRootStanding, PublishedStanding,
};
use sekisho_mail::{AnchorSetId, Timestamp};
use sekisho_tls::{ChainEnd, PublicChain, PublicRoot, Verifier};

use super::{
    publication::{CertificatePublication, Publication, RolePublication},
    steps::steps,
};

/// Kinds of keys, in the order in which they are shown.
const FAMILIES: [&str; 3] = ["ecdsa", "rsa", "other"];

/// The page at an instant.
#[must_use]
pub fn page(publication: &Publication, verifier: &Verifier, now: Timestamp) -> CertificatePage {
    let mut roles: Vec<_> = publication.roles.iter().map(|one| role(one, verifier, now)).collect();
    roles.retain(|role| !role.families.is_empty());
    roles.sort_by(|one, other| one.name.cmp(&other.name));
    CertificatePage {
        format: CERTIFICATE_PAGE_FORMAT,
        as_of: instant(now)[..10].to_owned(),
        service: publication.service.clone(),
        roles,
    }
}

/// One certificate with what was only needed to tell what to do.
pub(super) struct Shown {
    pub(super) certificate: PublishedCertificate,
    pub(super) since: Option<Timestamp>,
    pub(super) is_not_for_clients: bool,
    family: &'static str,
}

/// The certificates of one kind of key, from the oldest to the newest.
pub(super) struct Family {
    pub(super) key_family: &'static str,
    pub(super) certificates: Vec<Shown>,
}

impl Family {
    pub(super) fn find(&self, standing: PublishedStanding) -> Option<&Shown> {
        self.certificates
            .iter()
            .find(|one| one.certificate.standing == standing)
    }

    /// The instant at which the newest is presented instead.
    pub(super) fn changes_at(&self) -> Option<String> {
        let moves = [PublishedStanding::Next, PublishedStanding::Previous];
        let moved = moves.into_iter().find_map(|standing| self.find(standing));
        moved?.since.map(instant)
    }
}

fn role(role: &RolePublication, verifier: &Verifier, now: Timestamp) -> PublishedRole {
    let shown: Vec<_> = role.certificates.iter().map(|one| shown(one, verifier, now)).collect();
    let mut families: Vec<_> = FAMILIES
        .map(|key_family| Family {
            key_family,
            certificates: Vec::new(),
        })
        .into();
    for one in shown {
        let family = families.iter_mut().find(|family| family.key_family == one.family);
        if let Some(family) = family.filter(|family| family.find(one.certificate.standing).is_none()) {
            family.certificates.push(one);
        }
    }
    families.retain(|family| !family.certificates.is_empty());
    for family in &mut families {
        family.certificates.sort_by_key(|one| one.certificate.standing);
    }
    PublishedRole {
        name: role.name.clone(),
        server_names: role.server_names.clone(),
        client_names: role.client_names.clone(),
        steps: steps(&families, &role.client_names),
        families: families
            .into_iter()
            .map(|family| PublishedFamily {
                key_family: family.key_family.to_owned(),
                changes_at: family.changes_at(),
                certificates: family.certificates.into_iter().map(|one| one.certificate).collect(),
            })
            .collect(),
    }
}

fn shown(one: &CertificatePublication, verifier: &Verifier, now: Timestamp) -> Shown {
    let chain = PublicChain::of(&one.identity, verifier, &AnchorSetId::system(), now);
    let leaf = chain.leaf();
    let (endpoints, endpoints_fault) = endpoints(&chain);
    let issuers = chain.certificates.iter().skip(1).map(|issuer| PublishedIssuer {
        subject: issuer.subject.clone(),
        sha256: issuer.sha256,
        not_after: instant(issuer.not_after),
    });
    let certificate = PublishedCertificate {
        standing: one.standing,
        subject: leaf.subject.clone(),
        common_names: leaf.common_names.clone(),
        organizations: leaf.organizations.clone(),
        organizational_units: leaf.units.clone(),
        names: leaf.names.clone(),
        more_names: leaf.more_names,
        issuer: leaf.issuer.clone(),
        serial: leaf.serial.clone(),
        key: leaf.key.clone(),
        not_before: instant(leaf.not_before),
        not_after: instant(leaf.not_after),
        sha256: leaf.sha256,
        sha1: leaf.sha1.clone(),
        spki_sha256: leaf.spki_sha256,
        spki_sha256_base64: STANDARD.encode(leaf.spki_sha256.0),
        // RFC 7671 §5.1: DANE-EE, the public key, SHA-256.
        tlsa: format!("3 1 1 {}", leaf.spki_sha256),
        root: root(&chain),
        issuers: issuers.collect(),
        endpoints,
        endpoints_fault,
        chain: chain.pem.clone(),
    };
    Shown {
        since: one.since,
        is_not_for_clients: leaf.is_not_for_clients,
        family: family_of(&leaf.key),
        certificate,
    }
}

fn family_of(key: &str) -> &'static str {
    let [ecdsa, rsa, other] = FAMILIES;
    if key.starts_with("P-") {
        ecdsa
    } else if key.starts_with("RSA") {
        rsa
    } else {
        other
    }
}

fn root(chain: &PublicChain) -> PublishedRoot {
    let leaf = chain.leaf();
    let known = |standing, root: &PublicRoot| PublishedRoot {
        standing,
        subject: root.subject.clone(),
        key: Some(root.key.clone()),
        sha256: Some(root.sha256),
        sha1: Some(root.sha1.clone()),
        not_after: Some(instant(root.not_after)),
        urls: chain.end_urls.clone(),
    };
    let named = |standing, subject: &String| PublishedRoot {
        standing,
        subject: subject.clone(),
        key: None,
        sha256: None,
        sha1: None,
        not_after: None,
        urls: chain.end_urls.clone(),
    };
    match &chain.end {
        ChainEnd::Trusted(root) => known(PublishedRootStanding::Trusted, root),
        ChainEnd::Presented(root) => known(PublishedRootStanding::Presented, root),
        ChainEnd::SelfSigned => named(PublishedRootStanding::SelfSigned, &leaf.subject),
        ChainEnd::Named(issuer) => named(PublishedRootStanding::Unknown, issuer),
    }
}

/// All that the chain names, each once; and why not all can be told.
fn endpoints(chain: &PublicChain) -> (Vec<PublishedEndpoint>, Option<String>) {
    use PublishedEndpointKind::{Crl, Issuer, Ocsp};
    let (mut told, mut fault) = (Vec::new(), None);
    for certificate in &chain.certificates {
        let found = match &certificate.endpoints {
            Ok(found) => found,
            Err(why) => {
                fault = Some(format!("{}: {why}", certificate.subject));
                continue;
            }
        };
        let lists = found
            .points
            .iter()
            .flat_map(|point| point.uris.iter().chain(&point.other_uris));
        let all = lists.map(|url| (Crl, url));
        let all = all.chain(found.ocsp.iter().map(|url| (Ocsp, url)));
        for (kind, url) in all.chain(found.issuers.iter().map(|url| (Issuer, url))) {
            let endpoint = PublishedEndpoint { kind, url: url.clone() };
            if !told.contains(&endpoint) {
                told.push(endpoint);
            }
        }
    }
    told.sort_by_key(|endpoint| endpoint.kind);
    (told, fault)
}

/// An instant as the page has it: RFC 3339 in UTC, to the second.
pub(crate) fn instant(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = at.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
