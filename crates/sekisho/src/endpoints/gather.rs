//! Which endpoints there are: what certificates name, each once, with what is needed to judge what it serves.

use std::collections::{BTreeSet, HashMap};

use sekisho_api::EndpointPurpose;
use sekisho_mail::Digest;
use sekisho_tls::{AnchorSet, NamedCertificate, PathLink, RevocationKind, RevocationNeed, VerifiedPath, sha256};

/// Endpoints that are looked at; what is beyond is said and left out.
pub(super) const ENDPOINTS_MAX: usize = 2000;
/// Certificates and users that are named of each.
pub(super) const NAMED_OF_EACH: usize = 50;
/// Certificates between one and its root, at most.
const STEPS_MAX: usize = 10;

/// What hangs on the endpoints of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stake {
    /// It is our own, or was named.
    Own,
    /// It is a partner's of whom it is demanded that nothing was revoked. Issuers' certificates are not fetched for it.
    Demanded,
    /// It is a partner's of whom nobody demands that.
    None,
}

impl Stake {
    fn is_on(self, purpose: EndpointPurpose) -> bool {
        match self {
            Self::Own => true,
            Self::Demanded => purpose != EndpointPurpose::Issuer,
            Self::None => false,
        }
    }
}

/// Whose a chain is.
#[derive(Clone, Copy, Debug)]
struct User<'a> {
    name: &'a str,
    stake: Stake,
}

impl<'a> User<'a> {
    const fn own(name: &'a str) -> Self {
        Self {
            name,
            stake: Stake::Own,
        }
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) purpose: EndpointPurpose,
    /// As the certificate has it.
    pub(super) url: String,
    /// Subjects of those that name it.
    pub(super) certificates: BTreeSet<String>,
    /// Whose they are.
    pub(super) used_by: BTreeSet<String>,
    /// Whether anything hangs on it.
    pub(super) is_needed: bool,
    /// By what a CRL or an OCSP answer is judged; there is none where the issuer is not known.
    pub(super) need: Option<RevocationNeed>,
    /// Whom the certificate there must have issued.
    pub(super) issued: Option<NamedCertificate>,
    /// Where the path ends, for what may be at addresses that are not public.
    pub(super) anchor: Option<Digest>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) endpoints: Vec<Endpoint>,
    places: HashMap<(EndpointPurpose, String), usize>,
    /// What could not be looked at, in words.
    pub(super) notes: BTreeSet<String>,
}

impl Gathered {
    /// An endpoint that is named itself.
    pub(super) fn add_url(&mut self, url: &str, used_by: &str) {
        let endpoint = Endpoint::new(EndpointPurpose::Unknown, url);
        self.add(endpoint, None, User::own(used_by));
    }

    /// Those that the certificates of a path name, for each of these.
    pub(super) fn add_path(&mut self, path: &VerifiedPath, users: &BTreeSet<String>, stake: Stake) {
        let anchor = path.anchor().spki_sha256;
        for link in path.links() {
            match NamedCertificate::of_der(link.certificate) {
                Ok(certificate) => {
                    for name in users {
                        self.add_certificate(&certificate, Some(&link), Some(anchor), User { name, stake });
                    }
                }
                Err(why) => self.note(format!("{}: {why}", users.first().map_or("", String::as_str))),
            }
        }
    }

    /// Those of certificates that somebody named, or that are our own. Their issuers are looked for among themselves
    /// and among the anchors.
    pub(super) fn add_named(&mut self, certificates: &[NamedCertificate], anchors: &[AnchorSet], used_by: &str) {
        self.add_of(certificates, certificates, anchors, used_by);
    }

    /// The same, with issuers that may be `others`.
    pub(super) fn add_of(
        &mut self,
        certificates: &[NamedCertificate],
        others: &[NamedCertificate],
        anchors: &[AnchorSet],
        used_by: &str,
    ) {
        for certificate in certificates {
            let link = certificate.issued_by(others, anchors);
            let anchor = root_of(certificate, others, anchors);
            self.add_certificate(certificate, link.as_ref(), anchor, User::own(used_by));
        }
    }

    fn add_certificate(
        &mut self,
        certificate: &NamedCertificate,
        link: Option<&PathLink<'_>>,
        anchor: Option<Digest>,
        user: User<'_>,
    ) {
        let used_by = user.name;
        let subject = &certificate.facts().subject;
        let named = match certificate.endpoints() {
            Ok(named) => named,
            Err(why) => {
                self.note(format!("{used_by}: what {subject:?} names cannot be read: {why}"));
                return;
            }
        };
        if named.points.iter().any(|point| point.is_indirect) {
            let why = "names a distribution point of an indirect CRL, which is not supported";
            self.note(format!("{used_by}: {subject:?} {why}"));
        }
        let needs = match (link, anchor) {
            (Some(link), Some(anchor)) => RevocationNeed::all_of(link, anchor),
            _ => Vec::new(),
        };
        let need_of = |kind: RevocationKind, url: &str| {
            let mut needs = needs.iter();
            needs.find(|need| need.kind() == kind && need.uri() == url).cloned()
        };
        let mut found = Vec::new();
        for url in named
            .points
            .iter()
            .filter(|point| !point.is_indirect)
            .flat_map(|point| &point.uris)
        {
            found.push(Endpoint {
                need: need_of(RevocationKind::Crl, url),
                ..Endpoint::new(EndpointPurpose::Crl, url)
            });
        }
        for url in &named.ocsp {
            found.push(Endpoint {
                need: need_of(RevocationKind::Ocsp, url),
                ..Endpoint::new(EndpointPurpose::Ocsp, url)
            });
        }
        for url in &named.issuers {
            found.push(Endpoint {
                issued: Some(certificate.clone()),
                ..Endpoint::new(EndpointPurpose::Issuer, url)
            });
        }
        for mut endpoint in found {
            endpoint.anchor = anchor;
            self.add(endpoint, Some(subject), user);
        }
    }

    /// Once each, with all who use it.
    fn add(&mut self, endpoint: Endpoint, subject: Option<&String>, user: User<'_>) {
        let key = (endpoint.purpose, endpoint.url.clone());
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.endpoints.len() == ENDPOINTS_MAX => {
                self.note(format!(
                    "there are more than {ENDPOINTS_MAX} endpoints: the others are left out"
                ));
                return;
            }
            None => {
                self.endpoints.push(endpoint.clone());
                self.places.insert(key, self.endpoints.len() - 1);
                self.endpoints.len() - 1
            }
        };
        let known = &mut self.endpoints[place];
        if known.need.is_none() {
            known.need = endpoint.need;
        }
        known.is_needed |= user.stake.is_on(known.purpose);
        if known.used_by.len() < NAMED_OF_EACH {
            known.used_by.insert(user.name.to_owned());
        }
        if known.certificates.len() < NAMED_OF_EACH {
            known.certificates.extend(subject.cloned());
        }
    }

    pub(super) fn note(&mut self, words: String) {
        if self.notes.len() < NAMED_OF_EACH {
            self.notes.insert(words);
        }
    }
}

impl Endpoint {
    fn new(purpose: EndpointPurpose, url: &str) -> Self {
        Self {
            purpose,
            url: url.to_owned(),
            certificates: BTreeSet::new(),
            used_by: BTreeSet::new(),
            is_needed: false,
            need: None,
            issued: None,
            anchor: None,
        }
    }
}

/// The key at which the way up ends, as far as it is known.
fn root_of(certificate: &NamedCertificate, others: &[NamedCertificate], anchors: &[AnchorSet]) -> Option<Digest> {
    let mut link = certificate.issued_by(others, anchors)?;
    for _ in 0..STEPS_MAX {
        let above = link.issuer_certificate.and_then(|issuer| {
            let known = others.iter().find(|other| other.der() == issuer)?;
            known.issued_by(others, anchors)
        });
        match above {
            Some(above) if above.issuer_spki != link.issuer_spki => link = above,
            _ => break,
        }
    }
    Some(sha256(link.issuer_spki))
}
