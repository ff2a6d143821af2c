//! `[trust]`: the trust anchors of everybody who names no others, and what is looked up about other people's
//! certificates.

use std::time::Duration;

use sekisho_mail::Domain;
use sekisho_policy::Network;
use sekisho_tls::AnchorSet;

use super::{
    checker::Checker,
    raw::{InternalEndpoints, Raw, Roots},
};
use crate::{fetch::FetchExceptions, revocation::EndpointExceptions};

/// Lists of internal endpoints at most.
const INTERNAL_MAX: usize = 100;
/// An expired CRL answers no longer than this.
const GRACE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// What `[trust]` says.
#[derive(Clone, Debug)]
pub struct TrustSettings {
    roots: Roots,
    files: Vec<AnchorSet>,
    /// For how long an expired CRL answers while no newer one can be had.
    pub revocation_grace: Duration,
    /// Addresses that are fetched from although they are not public.
    pub internal_endpoints: EndpointExceptions,
}

impl TrustSettings {
    /// The roots with the operator's own; blocks on the disk. What could not be loaded is in
    /// [`AnchorSet::load_errors`].
    #[must_use]
    pub fn anchors(&self) -> AnchorSet {
        let roots = match self.roots {
            Roots::System => AnchorSet::system(),
            Roots::Bundled => AnchorSet::bundled(),
        };
        AnchorSet::joined(std::iter::once(&roots).chain(&self.files))
    }
}

pub(super) fn build(raw: &Raw, checker: &mut Checker<'_>) -> TrustSettings {
    let mut files = Vec::new();
    for (place, file) in raw.trust.files.iter().enumerate() {
        match AnchorSet::load(&checker.path(file)) {
            Ok(set) => files.push(set),
            Err(error) => checker.fault(&format!("trust.files[{place}]"), error, ""),
        }
    }
    let revocation_grace = checker.duration("trust.revocation-grace", &raw.trust.revocation_grace);
    if revocation_grace > GRACE_MAX {
        checker.fault("trust.revocation-grace", "this is too long", "write 30d or less");
    }
    TrustSettings {
        roots: raw.trust.roots,
        files,
        revocation_grace,
        internal_endpoints: internal_endpoints(&raw.trust.internal_endpoints, checker),
    }
}

fn internal_endpoints(raw: &[InternalEndpoints], checker: &mut Checker<'_>) -> EndpointExceptions {
    if raw.len() > INTERNAL_MAX {
        let remedy = format!("write {INTERNAL_MAX} or fewer");
        checker.fault("trust.internal-endpoints", "these are too many", &remedy);
    }
    let mut exceptions = EndpointExceptions::new();
    for (place, raw) in raw.iter().enumerate() {
        let key = format!("trust.internal-endpoints[{place}]");
        let found = exceptions_of(raw, &key, checker);
        match AnchorSet::load(&checker.path(&raw.anchor)) {
            Err(error) => checker.fault(&format!("{key}.anchor"), error, ""),
            Ok(set) => {
                for anchor in set.anchors() {
                    let all: &mut FetchExceptions = exceptions.entry(anchor.spki_sha256).or_default();
                    all.networks.extend(found.networks.iter().copied());
                    all.hosts.extend(found.hosts.iter().cloned());
                }
            }
        }
    }
    exceptions
}

fn exceptions_of(raw: &InternalEndpoints, key: &str, checker: &mut Checker<'_>) -> FetchExceptions {
    if raw.networks.is_empty() && raw.hosts.is_empty() {
        checker.fault(key, "it lets nothing pass", "name networks or hosts");
    }
    let networks = raw.networks.iter().enumerate().filter_map(|(place, text)| {
        let remedy = "write 10.0.0.0/8, 192.0.2.1, or 2001:db8::/32";
        checker.parse::<Network>(&format!("{key}.networks[{place}]"), text, remedy)
    });
    let networks = networks.collect();
    let hosts = raw.hosts.iter().enumerate().filter_map(|(place, text)| {
        checker.parse::<Domain>(&format!("{key}.hosts[{place}]"), text, "write a name, without *.")
    });
    FetchExceptions {
        networks,
        hosts: hosts.collect(),
    }
}
