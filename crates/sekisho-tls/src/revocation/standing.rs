//! How the certificates of a path stand: revoked, not revoked, or not known, and by whose word.
//!
//! Every distribution point of a certificate is consulted, its addresses being one for the other; a stapled OCSP answer
//! counts for the leaf; OCSP is asked where there is no CRL. Whoever says «revoked» is believed before all others.
//! «Not revoked» by CRLs takes points that tell of every reason together (RFC 5280 §6.3.3); where they do not, OCSP is
//! asked as if there were none.

mod sources;

use std::sync::Arc;

use sekisho_mail::{CertificateFault, Digest, Timestamp, Verdict};

use self::sources::{Consulted, Word};
use super::{
    MAX_NEEDS, Revocations,
    crl::{Serial, Subject},
    held::Found,
    need::{Asked, Key, RevocationNeed},
    ocsp::Answer,
    signed::Issuer,
};
use crate::{
    CertificateEndpoints, DistributionPoint, PathLink, ReasonSet, VerifiedPath,
    asn1::{Elements, INTEGER, SEQUENCE, whole},
    chain::{Staple, facts_of},
    sha256,
};

/// The answer about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathStanding {
    pub(crate) verdict: Verdict,
    /// By what it was found out, the leaf's first.
    pub(crate) sources: Vec<String>,
    /// Nothing that is held gives another answer from here …
    pub(crate) since: Timestamp,
    /// … and before this.
    pub(crate) until: Timestamp,
    /// What is to be fetched for a better one.
    pub(crate) needs: Vec<RevocationNeed>,
}

/// How the certificates of `path` stand, by what `revocations` hold.
pub(crate) fn stand(
    revocations: &Revocations,
    path: &VerifiedPath,
    staple: Option<&Staple>,
    now: Timestamp,
) -> PathStanding {
    let mut standing = PathStanding {
        verdict: Verdict::Holds,
        sources: Vec::new(),
        since: Timestamp::EPOCH,
        until: Timestamp::FAR_FUTURE,
        needs: Vec::new(),
    };
    if path.is_pin() {
        standing.sources.push("a pin, which nobody revokes".to_owned());
        return standing;
    }
    let (anchor, mut is_settled) = (sha256(path.anchor().spki_der()), false);
    for (place, link) in path.links().enumerate() {
        let subject = if place == 0 { Subject::User } else { Subject::Authority };
        let certificate = Certificate::new(&link, subject, anchor);
        let stapled = staple.filter(|_| subject == Subject::User);
        let fault = stapled.and_then(|staple| take_staple(revocations, &certificate, staple, now).err());
        let mut records = revocations.records();
        let consulted = Consulted {
            records: &mut records,
            now,
            grace: revocations.grace(),
            since: &mut standing.since,
            until: &mut standing.until,
        };
        let (found, needs) = certificate.stand(consulted, fault);
        is_settled |= matches!(found, Standing::Revoked(_));
        standing.needs.extend(needs);
        standing.add(&certificate, found);
    }
    // What nobody can undo is not asked further.
    standing.needs.truncate(if is_settled { 0 } else { MAX_NEEDS });
    standing
}

impl PathStanding {
    /// The worst that is said of any certificate is what is said of the path.
    fn add(&mut self, certificate: &Certificate, standing: Standing) {
        let verdict = match standing {
            Standing::Good(sources) => {
                let name = &certificate.name;
                self.sources
                    .extend(sources.into_iter().map(|source| format!("{name}: {source}")));
                return;
            }
            Standing::Revoked(why) | Standing::OnceRevoked(why) => {
                Verdict::Fails(CertificateFault::Revoked(format!("\"{}\" {why}", certificate.subject)))
            }
            Standing::NotRevocable => Verdict::Fails(CertificateFault::NotRevocable(certificate.subject.clone())),
            Standing::Unknown(why) => Verdict::Unknown(format!("{}: {why}", certificate.name)),
        };
        let badness = |verdict: &Verdict| match verdict {
            Verdict::Fails(CertificateFault::Revoked(_)) => 3,
            Verdict::Unknown(_) => 2,
            Verdict::Fails(_) => 1,
            Verdict::Holds => 0,
        };
        if badness(&verdict) > badness(&self.verdict) {
            self.verdict = verdict;
        }
    }
}

/// Verifies a stapled answer and holds it, so that a connection that resumes a session, where none is stapled, has it
/// too. The error says why it is of no use.
fn take_staple(
    revocations: &Revocations,
    certificate: &Certificate,
    staple: &Staple,
    now: Timestamp,
) -> Result<(), String> {
    let Some(need) = certificate.ocsp_need("") else {
        return Ok(());
    };
    if revocations
        .records()
        .get(&need.key())
        .is_some_and(|held| held.digest == Some(staple.digest()))
    {
        return Ok(());
    }
    let Asked::Ocsp(serial) = need.asked else {
        return Ok(());
    };
    let answer = Answer::verified(staple.octets(), &need.issuer, serial, now).map_err(|error| error.to_string())?;
    // An older one than is held is no fault: what is held answers.
    if revocations.hold(&need, Found::Ocsp(answer), now).is_ok() {
        revocations
            .records()
            .change(&need, |record| record.digest = Some(staple.digest()));
    }
    Ok(())
}

/// A certificate of a path, as far as its revocation goes.
struct Certificate {
    subject: String,
    /// What the leaf is called by its name; as `subject` otherwise.
    name: String,
    kind: Subject,
    /// `None` when it is longer than any that a CRL is searched for.
    serial: Option<Serial>,
    issuer: Arc<Issuer>,
    endpoints: Result<CertificateEndpoints, String>,
    anchor: Digest,
}

impl Certificate {
    fn new(link: &PathLink<'_>, kind: Subject, anchor: Digest) -> Self {
        let facts = facts_of(link.certificate);
        let first_name = facts.dns_names.into_iter().next();
        let subject = match (facts.subject, &first_name) {
            (subject, Some(name)) if subject.is_empty() => name.clone(),
            (subject, _) => subject,
        };
        Self {
            name: match first_name {
                Some(name) if kind == Subject::User => name,
                _ => subject.clone(),
            },
            subject,
            kind,
            serial: serial_of(link.certificate),
            issuer: Arc::new(Issuer::of(link)),
            endpoints: CertificateEndpoints::of(link.certificate),
            anchor,
        }
    }

    /// How it stands, and what is to be fetched for a better answer.
    fn stand(&self, mut consulted: Consulted<'_>, staple_fault: Option<String>) -> (Standing, Vec<RevocationNeed>) {
        let Some(serial) = self.serial else {
            let why = "its serial number is longer than an authority may make one".to_owned();
            return (Standing::Unknown(why), Vec::new());
        };
        let unread = CertificateEndpoints::default();
        let endpoints = self.endpoints.as_ref().unwrap_or(&unread);
        let points = endpoints.points.iter();
        let (usable, unusable): (Vec<_>, Vec<_>) =
            points.partition(|point| !point.is_indirect && !point.uris.is_empty());
        let told = usable.iter().map(|point| point.reasons);
        let said = Said {
            tells_all: told.fold(ReasonSet::NONE, ReasonSet::or) == ReasonSet::ALL,
            stapled: consulted.ocsp(&self.key(Some(serial), "")),
            points: usable
                .iter()
                .map(|point| self.by_point(&mut consulted, point, serial))
                .collect(),
            answers: endpoints
                .ocsp
                .iter()
                .filter_map(|uri| consulted.ocsp(&self.key(Some(serial), uri)))
                .collect(),
        };
        if let Some(standing) = said.standing() {
            return (standing, Vec::new());
        }
        if self
            .endpoints
            .as_ref()
            .is_ok_and(CertificateEndpoints::is_not_revocable)
        {
            return (Standing::NotRevocable, Vec::new());
        }
        let needs = self.needs(&consulted, &usable, endpoints, &said);
        if let Some(standing) = said.once_revoked() {
            return (standing, needs);
        }
        let mut why = said.unknowns();
        if why.is_empty() {
            let responders = endpoints.ocsp.iter();
            why.extend(responders.map(|uri| format!("the OCSP responder {uri} was not asked yet")));
        }
        if !usable.is_empty() && !said.tells_all {
            why.push("its CRLs tell of some reasons of a revocation only, not of all".to_owned());
        }
        why.extend(unusable.iter().map(|point| unusable_words(point)));
        let unread = self.endpoints.as_ref().err();
        why.extend(unread.map(|error| format!("where it would be revoked cannot be read: {error}")));
        why.extend(staple_fault.map(|fault| format!("the stapled OCSP answer is of no use: {fault}")));
        (Standing::Unknown(why.join("; ")), needs)
    }

    /// What a distribution point says, by any of its addresses.
    fn by_point(&self, consulted: &mut Consulted<'_>, point: &DistributionPoint, serial: Serial) -> Word {
        let addresses = point.uris.iter();
        let words = addresses.map(|uri| consulted.crl(&self.key(None, uri), &point.uris, self.kind, serial));
        Word::any_of(words.collect())
    }

    /// For each point that does not answer a fetch from its first address that did not fail just before; by OCSP where
    /// a point has no such address left, there is none, or they do not tell of every reason.
    fn needs(
        &self,
        consulted: &Consulted<'_>,
        usable: &[&DistributionPoint],
        endpoints: &CertificateEndpoints,
        said: &Said,
    ) -> Vec<RevocationNeed> {
        let (mut needs, mut is_without_crl) = (Vec::new(), !said.tells_all);
        for (point, _) in usable.iter().zip(&said.points).filter(|(_, word)| !word.is_good()) {
            let mut addresses = point.uris.iter().map(|uri| self.crl_need(uri, point));
            match addresses.find(|need| consulted.may_be_fetched(&need.key())) {
                Some(need) => needs.push(need),
                None => is_without_crl = true,
            }
        }
        if is_without_crl {
            let mut responders = endpoints.ocsp.iter().filter_map(|uri| self.ocsp_need(uri));
            needs.extend(responders.find(|need| consulted.may_be_fetched(&need.key())));
        }
        needs
    }

    fn crl_need(&self, uri: &str, point: &DistributionPoint) -> RevocationNeed {
        RevocationNeed {
            uri: uri.into(),
            issuer: Arc::clone(&self.issuer),
            asked: Asked::Crl {
                point: point.uris.clone().into(),
                subject: self.kind,
            },
            anchor: self.anchor,
        }
    }

    fn ocsp_need(&self, uri: &str) -> Option<RevocationNeed> {
        Some(RevocationNeed {
            uri: uri.into(),
            issuer: Arc::clone(&self.issuer),
            asked: Asked::Ocsp(self.serial?),
            anchor: self.anchor,
        })
    }

    fn key(&self, serial: Option<Serial>, uri: &str) -> Key {
        Key {
            issuer: self.issuer.id,
            serial,
            uri: uri.into(),
        }
    }
}

/// What a certificate names, each address by itself: what could be asked, whether or not it need be.
pub(super) fn named_by(link: &PathLink<'_>, anchor: Digest) -> Vec<RevocationNeed> {
    let certificate = Certificate::new(link, Subject::User, anchor);
    let Ok(endpoints) = &certificate.endpoints else {
        return Vec::new();
    };
    let points = endpoints.points.iter().filter(|point| !point.is_indirect);
    let crls = points.flat_map(|point| point.uris.iter().map(|uri| certificate.crl_need(uri, point)));
    let answers = endpoints.ocsp.iter().filter_map(|uri| certificate.ocsp_need(uri));
    crls.chain(answers).collect()
}

/// How one certificate stands.
enum Standing {
    /// Not revoked, by these.
    Good(Vec<String>),
    /// When, why, and who says so.
    Revoked(String),
    /// The same, by something that has ended.
    OnceRevoked(String),
    /// It says nowhere how it would be.
    NotRevocable,
    /// Nobody can say, and why.
    Unknown(String),
}

/// All that is said of one certificate.
struct Said {
    /// Whether its distribution points together tell of every reason; not where there is none.
    tells_all: bool,
    stapled: Option<Word>,
    points: Vec<Word>,
    answers: Vec<Word>,
}

impl Said {
    /// What that comes to; `None` when nobody knows.
    fn standing(&self) -> Option<Standing> {
        let mut all = self.all();
        let revoked = all.find_map(|word| match word {
            Word::Revoked(why) => Some(Standing::Revoked(why.clone())),
            Word::Good { .. } | Word::Unknown { .. } => None,
        });
        let good = |word: &Word| match word {
            Word::Good { sources, .. } => Some(Standing::Good(sources.clone())),
            Word::Revoked(_) | Word::Unknown { .. } => None,
        };
        revoked
            .or_else(|| self.stapled.as_ref().and_then(good))
            .or_else(|| self.by_points().as_ref().and_then(good))
            .or_else(|| self.answers.iter().find_map(good))
    }

    /// What all distribution points come to, where they may say that it is good.
    fn by_points(&self) -> Option<Word> {
        self.tells_all.then(|| Word::all_of(&self.points)).flatten()
    }

    /// Of what has ended only «revoked» is still believed, and only while nobody knows better.
    fn once_revoked(&self) -> Option<Standing> {
        self.all().find_map(|word| match word {
            Word::Unknown { once_revoked, .. } => once_revoked.clone().map(Standing::OnceRevoked),
            Word::Revoked(_) | Word::Good { .. } => None,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Word> {
        self.stapled.iter().chain(&self.points).chain(&self.answers)
    }

    fn unknowns(&self) -> Vec<String> {
        let unknown = |word: &Word| match word {
            Word::Unknown { why, .. } => Some(why.clone()),
            Word::Revoked(_) | Word::Good { .. } => None,
        };
        self.all().filter_map(unknown).collect()
    }
}

fn unusable_words(point: &DistributionPoint) -> String {
    if point.is_indirect {
        return "its distribution point is for an indirect CRL, which is not supported".to_owned();
    }
    match point.other_uris.first() {
        Some(uri) => format!("its CRL is only to be had from {uri}, and only http and https are fetched"),
        None => "its distribution point has no address that can be fetched from".to_owned(),
    }
}

pub(super) fn serial_of(certificate: &[u8]) -> Option<Serial> {
    const WHAT: &str = "a certificate";
    const VERSION: u8 = 0xa0;
    let mut outer = whole(certificate, SEQUENCE, WHAT).ok()?;
    let mut fields: Elements<'_> = outer.inside(SEQUENCE, WHAT).ok()?;
    fields.optional(VERSION, WHAT).ok()?;
    Serial::of(fields.content(INTEGER, WHAT).ok()?)
}
