//! Does a path lead from a chain's leaf to an anchor, valid now and fit for its use?
//!
//! The library builds the paths (RFC 5280 §6), and each that it finds is asked whether it may count (`lint.rs`) and
//! whether its anchor is in its time. Its answers become faults that can be told apart.

mod candidates;
mod faults;

use std::{cell::RefCell, iter, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, Der, TrustAnchor, UnixTime};
use sekisho_mail::{CertificateFacts, CertificateFault, Timestamp};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, VerifiedPath};

pub use self::candidates::MAX_PRESENTED;
use self::{candidates::candidates, faults::fault_of};
use crate::{
    anchors::{Anchor, AnchorSet, is_self_issued},
    chain::{PeerChain, Presenter},
    der::certificate_parts,
    lint::{Candidate, lint, lint_pin},
    verified::Route,
};

/// How many other instants a path is tried at before it counts as never valid.
const MAX_INSTANTS: usize = 4;

/// What a chain leads to.
#[derive(Debug)]
pub(crate) struct Found {
    /// What is wrong with it; `None` when it holds.
    pub(crate) fault: Option<CertificateFault>,
    /// The path; also when it fails on time alone.
    pub(crate) route: Option<Route>,
}

impl From<CertificateFault> for Found {
    fn from(fault: CertificateFault) -> Self {
        Self {
            fault: Some(fault),
            route: None,
        }
    }
}

/// Where `leaf` leads.
pub(crate) fn find_path(chain: &PeerChain, leaf: &CertificateDer<'_>, anchors: &AnchorSet, now: Timestamp) -> Found {
    if let Some(pin) = anchors.pin(leaf) {
        return pinned(chain, pin, now);
    }
    let found = match EndEntityCert::try_from(leaf) {
        Ok(end_entity) => PathBuilder::new(&end_entity, chain, anchors).find(now),
        Err(error) => fault_of(&error, chain, anchors).into(),
    };
    // An authority and a server may have the same name, so it is self-signed only if nobody else is found to have
    // issued it.
    if found.route.is_none() && is_self_issued(leaf) {
        return CertificateFault::SelfSigned.into();
    }
    found
}

/// A pin needs no path, only a key that stands for something, and to be in its time.
fn pinned(chain: &PeerChain, pin: &Arc<Anchor>, now: Timestamp) -> Found {
    if let Err(fault) = lint_pin(pin) {
        return fault.into();
    }
    let (fault, built_at) = match chain.facts().first() {
        Some(leaf) if is_past(leaf.not_after, now) => (Some(CertificateFault::Expired(leaf.not_after)), leaf.not_after),
        Some(leaf) if now < leaf.not_before => (Some(CertificateFault::NotYetValid(leaf.not_before)), leaf.not_before),
        _ => (None, now),
    };
    let route = Route {
        places: vec![0],
        anchor: Arc::clone(pin),
        is_pin: true,
        built_at,
    };
    Found {
        fault,
        route: Some(route),
    }
}

/// A certificate is valid up to and including the second that `end` names (RFC 5280 §4.1.2.5).
fn is_past(end: Timestamp, now: Timestamp) -> bool {
    now > end.plus(Duration::from_millis(999))
}

fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_secs()).unwrap_or(0)))
}

/// The anchors by whose names the leaf, or one of those at `places`, was issued.
fn ends<'a>(presented: &'a [CertificateDer<'_>], places: &[usize], anchors: &'a AnchorSet) -> Vec<&'a Arc<Anchor>> {
    let of_path = iter::once(&0)
        .chain(places)
        .filter_map(|place| certificate_parts(presented.get(*place)?));
    let mut issuers: Vec<&[u8]> = of_path.map(|parts| parts.issuer).collect();
    issuers.sort_unstable();
    issuers.dedup();
    issuers
        .into_iter()
        .flat_map(|issuer| anchors.of_subject(issuer))
        .collect()
}

fn borrowed<'a>(trusted: &'a TrustAnchor<'static>) -> TrustAnchor<'a> {
    TrustAnchor {
        subject: Der::from_slice(&trusted.subject),
        subject_public_key_info: Der::from_slice(&trusted.subject_public_key_info),
        name_constraints: trusted.name_constraints.as_deref().map(Der::from_slice),
    }
}

struct PathBuilder<'a> {
    end_entity: &'a EndEntityCert<'a>,
    chain: &'a PeerChain,
    anchors: &'a AnchorSet,
    /// Which of the presented certificates paths are built along …
    places: Vec<usize>,
    /// … and these.
    above: Vec<CertificateDer<'a>>,
    /// The anchors that its names lead to …
    ends: Vec<&'a Arc<Anchor>>,
    /// … and each as the library takes it.
    trusted: Vec<TrustAnchor<'a>>,
    common_name: Option<&'a str>,
    /// Why the first path that was found does not count.
    refused: RefCell<Option<CertificateFault>>,
    /// Beginnings and ends of anchors that a path led to out of their time.
    edges: RefCell<Vec<Timestamp>>,
}

impl<'a> PathBuilder<'a> {
    fn new(end_entity: &'a EndEntityCert<'a>, chain: &'a PeerChain, anchors: &'a AnchorSet) -> Self {
        let leaf = chain.facts().first();
        let presented = chain.certificates();
        let places = candidates(presented, anchors);
        let ends = ends(presented, &places, anchors);
        let trusted = ends.iter().filter_map(|anchor| anchor.trusted()).map(borrowed);
        let above = places
            .iter()
            .map(|place| CertificateDer::from(presented[*place].as_ref()));
        Self {
            above: above.collect(),
            places,
            trusted: trusted.collect(),
            ends,
            end_entity,
            chain,
            anchors,
            common_name: leaf.and_then(|leaf| leaf.common_name.as_deref()),
            refused: RefCell::default(),
            edges: RefCell::default(),
        }
    }

    fn find(&self, now: Timestamp) -> Found {
        match self.build(now) {
            Ok(route) => Found {
                fault: None,
                route: Some(route),
            },
            Err(Error::CertExpired { .. }) => self.when_expired(now),
            Err(Error::CertNotValidYet { .. }) => self.when_not_yet_valid(now),
            Err(error) => self.fault(&error).into(),
        }
    }

    fn fault(&self, error: &Error) -> CertificateFault {
        match (error, self.refused.borrow_mut().take()) {
            (Error::CertDistrusted, Some(refused)) => refused,
            _ => fault_of(error, self.chain, self.anchors),
        }
    }

    fn build(&self, at: Timestamp) -> Result<Route, Error> {
        match self.chain.presenter() {
            Presenter::Server => self.build_for(KeyUsage::server_auth(), at),
            // Public authorities issue no clientAuth any more: a partner's server certificate will do.
            Presenter::Client => match self.build_for(KeyUsage::client_auth(), at) {
                Err(Error::RequiredEkuNotFoundContext(_) | Error::CertDistrusted) => {
                    self.build_for(KeyUsage::server_auth(), at)
                }
                answer => answer,
            },
        }
    }

    fn build_for(&self, usage: KeyUsage, at: Timestamp) -> Result<Route, Error> {
        self.refused.take();
        let path = self.end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.trusted,
            &self.above,
            unix_time(at),
            usage,
            None,
            Some(&|path| self.may_count(path, at)),
        )?;
        let place = |certificate: &CertificateDer<'_>| {
            let at = self.above.iter().position(|other| other == certificate)?;
            self.places.get(at).copied()
        };
        let above = path.intermediate_certificates();
        let above: Option<Vec<usize>> = above.map(|certificate| place(&certificate.der())).collect();
        // Both come from what was given to the library, so they are found.
        let (Some(above), Some(anchor)) = (above, self.end_of(&path)) else {
            return Err(Error::UnknownIssuer);
        };
        Ok(Route {
            places: iter::once(0).chain(above).collect(),
            anchor: Arc::clone(anchor),
            is_pin: false,
            built_at: at,
        })
    }

    /// Asked of each path that the library has found; one that does not count lets it look for another.
    fn may_count(&self, path: &VerifiedPath<'_>, at: Timestamp) -> Result<(), Error> {
        let above: Vec<_> = path.intermediate_certificates().map(|above| above.der()).collect();
        let leaf = self.end_entity.der();
        let certificates: Vec<&[u8]> = iter::once(&leaf).chain(&above).map(AsRef::as_ref).collect();
        let anchor = self.end_of(path).ok_or(Error::UnknownIssuer)?;
        let candidate = Candidate {
            certificates: &certificates,
            anchor,
            common_name: self.common_name,
        };
        if let Err(fault) = lint(candidate) {
            self.refused.borrow_mut().get_or_insert(fault);
            return Err(Error::CertDistrusted);
        }
        self.is_in_time(anchor, at)
    }

    /// Which anchor a path ends at. A root that was issued anew on its key is two that the library cannot tell apart,
    /// so that it is asked for by its place.
    fn end_of(&self, path: &VerifiedPath<'_>) -> Option<&'a Arc<Anchor>> {
        let place = self
            .trusted
            .iter()
            .position(|trusted| std::ptr::eq(trusted, path.anchor()))?;
        self.ends.get(place).copied()
    }

    /// RFC 5280 §6.1.1 (d) gives an anchor no time. OpenSSL, GnuTLS, Go and the browsers hold a root to that of its
    /// certificate all the same: after it nobody answers any more for what is issued below.
    fn is_in_time(&self, anchor: &Anchor, at: Timestamp) -> Result<(), Error> {
        let (first, last) = (anchor.not_before, anchor.not_after);
        let time = unix_time(at);
        if is_past(last, at) {
            self.edges.borrow_mut().push(last);
            let not_after = unix_time(last);
            return Err(Error::CertExpired { time, not_after });
        }
        if at < first {
            self.edges.borrow_mut().push(first);
            let not_before = unix_time(first);
            return Err(Error::CertNotValidYet { time, not_before });
        }
        Ok(())
    }

    /// «Expired, otherwise good»: the last instant at which all was well is an end of some certificate.
    fn when_expired(&self, now: Timestamp) -> Found {
        let mut ends = self.instants(|facts| facts.not_after);
        ends.retain(|end| *end < now);
        ends.reverse();
        self.first_good(&ends, CertificateFault::Expired)
    }

    fn when_not_yet_valid(&self, now: Timestamp) -> Found {
        let mut beginnings = self.instants(|facts| facts.not_before);
        beginnings.retain(|beginning| *beginning > now);
        self.first_good(&beginnings, CertificateFault::NotYetValid)
    }

    /// The edges of all that may lie on a path, in order, as far as the leaf itself is valid then.
    fn instants(&self, edge: impl Fn(&CertificateFacts) -> Timestamp) -> Vec<Timestamp> {
        let Some((leaf, above)) = self.chain.facts().split_first() else {
            return Vec::new();
        };
        let above = self.places.iter().filter_map(|place| above.get(place.checked_sub(1)?));
        let mut instants: Vec<_> = above.map(&edge).chain([edge(leaf)]).collect();
        instants.extend_from_slice(&self.edges.borrow());
        instants.retain(|instant| (leaf.not_before..=leaf.not_after).contains(instant));
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    fn first_good(&self, instants: &[Timestamp], fault_since: impl Fn(Timestamp) -> CertificateFault) -> Found {
        let mut fault = None;
        for instant in instants.iter().take(MAX_INSTANTS) {
            match self.build(*instant) {
                Ok(route) => {
                    return Found {
                        fault: Some(fault_since(*instant)),
                        route: Some(route),
                    };
                }
                Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => {}
                Err(error) => fault = Some(self.fault(&error)),
            }
        }
        let never = || CertificateFault::NotForThisUse("its certificates are never valid at the same time".to_owned());
        fault.unwrap_or_else(never).into()
    }
}
