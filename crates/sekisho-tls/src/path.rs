//! Does a path lead from a chain's leaf to an anchor, valid now and fit for its use?
//!
//! The library builds the paths (RFC 5280 §6); here its answers become faults that can be told apart.

use std::{iter, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, UnixTime};
use sekisho_mail::{CertificateFacts, CertificateFault, Timestamp};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage};

use crate::{
    anchors::{Anchor, AnchorSet, is_self_issued},
    chain::{PeerChain, Presenter},
    verified::Route,
};

/// How many other instants a path is tried at before it counts as never valid.
const MAX_INSTANTS: usize = 8;

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
    if is_self_issued(leaf) {
        return CertificateFault::SelfSigned.into();
    }
    let end_entity = match EndEntityCert::try_from(leaf) {
        Ok(end_entity) => end_entity,
        Err(error) => return fault_of(&error, chain).into(),
    };
    let builder = PathBuilder {
        end_entity: &end_entity,
        chain,
        anchors,
    };
    match builder.build(now) {
        Ok(route) => Found {
            fault: None,
            route: Some(route),
        },
        Err(Error::CertExpired { .. }) => builder.when_expired(now),
        Err(Error::CertNotValidYet { .. }) => builder.when_not_yet_valid(now),
        Err(error) => fault_of(&error, chain).into(),
    }
}

/// A pin needs no path, only to be in its time.
fn pinned(chain: &PeerChain, pin: &Arc<Anchor>, now: Timestamp) -> Found {
    let (fault, built_at) = match chain.facts().first() {
        Some(leaf) if now > leaf.not_after.plus(Duration::from_millis(999)) => {
            (Some(CertificateFault::Expired(leaf.not_after)), leaf.not_after)
        }
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

struct PathBuilder<'a> {
    end_entity: &'a EndEntityCert<'a>,
    chain: &'a PeerChain,
    anchors: &'a AnchorSet,
}

impl PathBuilder<'_> {
    fn build(&self, at: Timestamp) -> Result<Route, Error> {
        match self.chain.presenter() {
            Presenter::Server => self.build_for(KeyUsage::server_auth(), at),
            // Public authorities issue no clientAuth any more: a partner's server certificate will do.
            Presenter::Client => match self.build_for(KeyUsage::client_auth(), at) {
                Err(Error::RequiredEkuNotFoundContext(_)) => self.build_for(KeyUsage::server_auth(), at),
                answer => answer,
            },
        }
    }

    fn build_for(&self, usage: KeyUsage, at: Timestamp) -> Result<Route, Error> {
        let secs = u64::try_from(at.as_secs()).unwrap_or(0);
        let path = self.end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            self.anchors.trusted(),
            &self.chain.certificates()[1..],
            UnixTime::since_unix_epoch(Duration::from_secs(secs)),
            usage,
            None,
            None,
        )?;
        let place = |certificate: &CertificateDer<'_>| {
            let mut presented = self.chain.certificates().iter();
            presented.position(|other| other == certificate)
        };
        let above = path.intermediate_certificates();
        let above: Option<Vec<usize>> = above.map(|certificate| place(&certificate.der())).collect();
        // Both come from what was given to the library, so they are found.
        let (Some(above), Some(anchor)) = (above, self.anchors.anchor_of(path.anchor())) else {
            return Err(Error::UnknownIssuer);
        };
        Ok(Route {
            places: iter::once(0).chain(above).collect(),
            anchor: Arc::clone(anchor),
            is_pin: false,
            built_at: at,
        })
    }

    /// «Expired, otherwise good»: the last instant at which all was well is an end of some certificate.
    fn when_expired(&self, now: Timestamp) -> Found {
        let mut ends: Vec<_> = self.chain.facts().iter().map(|facts| facts.not_after).collect();
        ends.retain(|end| *end < now);
        ends.sort_unstable_by(|one, other| other.cmp(one));
        self.first_good(&ends, CertificateFault::Expired)
    }

    fn when_not_yet_valid(&self, now: Timestamp) -> Found {
        let mut beginnings: Vec<_> = self.chain.facts().iter().map(|facts| facts.not_before).collect();
        beginnings.retain(|beginning| *beginning > now);
        beginnings.sort_unstable();
        self.first_good(&beginnings, CertificateFault::NotYetValid)
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
                Err(error) => fault = Some(fault_of(&error, self.chain)),
            }
        }
        let never = || CertificateFault::NotForThisUse("its certificates are never valid at the same time".to_owned());
        fault.unwrap_or_else(never).into()
    }
}

fn fault_of(error: &Error, chain: &PeerChain) -> CertificateFault {
    let not_for_this = |why: &str| CertificateFault::NotForThisUse(why.to_owned());
    match error {
        Error::UnknownIssuer => where_it_ends(chain.facts()),
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => CertificateFault::BadSignature,
        Error::CaUsedAsEndEntity => not_for_this("it is an authority's certificate, not a server's"),
        Error::EndEntityUsedAsCa => not_for_this("it was issued by a certificate that is no authority's"),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            not_for_this("its extended key usage allows neither servers nor clients of TLS")
        }
        Error::NameConstraintViolation => not_for_this("its authority may not issue for this name"),
        Error::PathLenConstraintViolated => not_for_this("its authority may not issue through so many others"),
        Error::UnsupportedCertVersion => CertificateFault::NotCheckable("X.509 before version 3".to_owned()),
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateFault::NotCheckable(
                "a signature or key in the chain is of a form that is not checked".to_owned(),
            )
        }
        Error::UnsupportedCriticalExtension => {
            CertificateFault::NotCheckable("a critical extension is not known".to_owned())
        }
        other => CertificateFault::NotCheckable(format!("{other:?}")),
    }
}

/// What to say of a chain that leads to no anchor: which certificate is missing, or whose leads elsewhere. What was
/// presented may stand in any order and have more in it than the way; it is gone along by names.
fn where_it_ends(presented: &[CertificateFacts]) -> CertificateFault {
    let issuer_of = |one: &CertificateFacts| {
        let mut presented = presented.iter();
        presented.find(|other| !one.issuer.is_empty() && other.subject == one.issuer)
    };
    let Some(leaf) = presented.first() else {
        return CertificateFault::None;
    };
    let Some(mut end) = issuer_of(leaf) else {
        return match leaf.issuer.clone() {
            unknown if unknown.is_empty() => CertificateFault::UntrustedIssuer(unknown),
            issuer => CertificateFault::IncompleteChain(issuer),
        };
    };
    // No further than there are certificates, should they name each other in a circle.
    for _ in presented {
        match issuer_of(end) {
            Some(next) => end = next,
            None => break,
        }
    }
    CertificateFault::UntrustedIssuer(end.issuer.clone())
}
