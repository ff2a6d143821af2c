//! Before connecting: which demands apply, and what each candidate host must satisfy.

use std::sync::Arc;

use sekisho_mail::{
    AnchorSetId, CertificateFault, Check, ClientIdentityId, Demand, DemandLevel, Digest, Domain, Host,
    KeyExchangeGroups, NamePattern, RevocationMode, Timestamp, TlsVersion, TriedRule, Verdict, push_new,
};

use super::{TriedConnector, shadow::TriedAtHost};
use crate::directory::Exception;

/// All that decides what the candidate hosts of a message must satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundFacts {
    /// What route, connectors and organization demand, each of which must hold; empty when they demand nothing.
    pub demands: Vec<RouteDemand>,
    /// What travels with the message: the [`sekisho_mail::Recipient::carried`] of all the recipients of this attempt.
    pub carried: Vec<Demand>,
    /// The operator's dated exceptions that may lower some of these, each its own document's alone: from
    /// [`crate::directory::Directory::exceptions_for`].
    pub exceptions: Vec<Arc<Exception>>,
    /// The time, at which some of the exceptions are in force.
    pub now: Timestamp,
    /// The certificate that the route presents as a client, when it names one.
    pub client_identity: Option<ClientIdentityId>,
    /// The hosts in the order in which they are tried; kept.
    pub hosts: Vec<CandidateHost>,
    /// Connectors that are tried on this way: what they would demand is found out, and demanded of nobody.
    pub tried: Vec<TriedConnector>,
    /// Likewise, rules: the [`sekisho_mail::Recipient::tried`] of all the recipients of this attempt.
    pub tried_rules: Vec<Arc<TriedRule>>,
}

/// A host to which the message might be handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateHost {
    /// Its name, or its address when that is how it was named.
    pub host: Host,
    /// Who named it.
    pub origin: HostOrigin,
}

/// Who named a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostOrigin {
    /// The operator, in a route: the name can be relied on.
    Route,
    /// An MX record or the address records of the domain itself: anybody between us and the name servers may have
    /// written it.
    Dns,
}

/// The demand of a route, a connector or an organization, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteDemand {
    /// What must hold.
    pub require: Requirement,
    /// Whose it is, in the operator's words: `route "bank"`, `connector "acme/bank"`, `organization acme`.
    pub origin: String,
}

/// What is required. It differs from [`DemandLevel`] in one point: names may be left to the host in question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// TLS, whoever the peer is.
    Encryption,
    /// TLS and a valid certificate.
    Certificate {
        /// Where the chain must end.
        anchors: AnchorSetId,
    },
    /// TLS and a valid certificate for one of the names.
    Domain {
        /// Where the chain must end.
        anchors: AnchorSetId,
        /// Which names.
        names: TlsNames,
    },
    /// TLS and a certificate with one of these keys.
    Pin {
        /// SHA-256 of the SubjectPublicKeyInfo; at least one.
        spki: Vec<Digest>,
    },
    /// TLS of this version or a later one.
    Version {
        /// The oldest that will do.
        at_least: TlsVersion,
    },
    /// TLS with a key exchange by one of these groups.
    KeyExchange {
        /// Any of them will do.
        groups: KeyExchangeGroups,
    },
    /// TLS and a certificate that is not revoked, as [`DemandLevel::Revocation`].
    Revocation {
        /// Where the chain must end.
        anchors: AnchorSetId,
        /// How it is asked.
        revocation: Revocation,
    },
}

/// How it is asked whether a chain's certificates are revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revocation {
    /// What holds while nobody can say.
    pub mode: RevocationMode,
    /// Whether a certificate that says nowhere how it would be revoked is refused.
    pub refuse_not_revocable: bool,
}

impl Requirement {
    /// This, and what goes with it: whoever looks at a chain asks whether it is revoked, unless that is switched off.
    pub fn with_revocation(self, revocation: Option<Revocation>) -> impl Iterator<Item = Self> {
        let asked = revocation
            .zip(self.anchors())
            .map(|(revocation, anchors)| Self::Revocation {
                anchors: anchors.clone(),
                revocation,
            });
        std::iter::once(self).chain(asked)
    }

    /// Where the chain must end, of what looks at a chain.
    const fn anchors(&self) -> Option<&AnchorSetId> {
        match self {
            Self::Certificate { anchors } | Self::Domain { anchors, .. } => Some(anchors),
            Self::Encryption
            | Self::Pin { .. }
            | Self::Version { .. }
            | Self::KeyExchange { .. }
            | Self::Revocation { .. } => None,
        }
    }
}

impl Revocation {
    /// What it adds to a demand that looks at a chain; nothing to any other.
    pub(crate) fn beside(self, level: &DemandLevel) -> Option<DemandLevel> {
        match level {
            DemandLevel::Certificate { anchors } | DemandLevel::Domain { anchors, .. } => {
                Some(self.demand(anchors.clone()))
            }
            DemandLevel::Encryption
            | DemandLevel::Pin { .. }
            | DemandLevel::Version { .. }
            | DemandLevel::KeyExchange { .. }
            | DemandLevel::Revocation { .. } => None,
        }
    }

    /// Whether an answer to [`Check::Revocation`] is good enough.
    pub(crate) const fn takes(self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Holds => true,
            Verdict::Unknown(_) => matches!(self.mode, RevocationMode::SoftFail),
            Verdict::Fails(CertificateFault::NotRevocable(_)) => !self.refuse_not_revocable,
            Verdict::Fails(_) => false,
        }
    }

    const fn demand(self, anchors: AnchorSetId) -> DemandLevel {
        DemandLevel::Revocation {
            anchors,
            mode: self.mode,
            refuse_not_revocable: self.refuse_not_revocable,
        }
    }
}

/// Which names a certificate may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TlsNames {
    /// Any of these; none of them when there is none, as where mail for an address literal must meet a certificate
    /// for its domain.
    Listed(Vec<NamePattern>),
    /// The host name that the operator wrote into the route. A host that DNS named, and one that is an address,
    /// satisfies this never: the configuration refuses such a route at load.
    RouteHost,
}

impl RouteDemand {
    /// The demand on a host of the route.
    #[must_use]
    pub fn on_host(&self, host: &CandidateHost) -> Demand {
        self.on_hosts(std::slice::from_ref(host))
    }

    /// The demand that travels along with a message whose old address this route covered; `hosts` are all hosts of the
    /// route. Any of their names will do then.
    #[must_use]
    pub fn on_hosts(&self, hosts: &[CandidateHost]) -> Demand {
        let level = match &self.require {
            Requirement::Encryption => DemandLevel::Encryption,
            Requirement::Certificate { anchors } => DemandLevel::Certificate {
                anchors: anchors.clone(),
            },
            Requirement::Domain { anchors, names } => DemandLevel::Domain {
                anchors: anchors.clone(),
                names: match names {
                    TlsNames::Listed(names) => names.clone(),
                    TlsNames::RouteHost => hosts.iter().filter_map(route_host_name).collect(),
                },
            },
            Requirement::Pin { spki } => DemandLevel::Pin { spki: spki.clone() },
            Requirement::Version { at_least } => DemandLevel::Version { at_least: *at_least },
            Requirement::KeyExchange { groups } => DemandLevel::KeyExchange { groups: *groups },
            Requirement::Revocation { anchors, revocation } => revocation.demand(anchors.clone()),
        };
        Demand {
            level,
            origin: self.origin.clone(),
        }
    }
}

fn route_host_name(host: &CandidateHost) -> Option<NamePattern> {
    match (host.origin, host.host.domain()) {
        (HostOrigin::Route, Some(domain)) => Some(NamePattern::exact(domain.clone())),
        (HostOrigin::Route, None) | (HostOrigin::Dns, _) => None,
    }
}

/// What each candidate host must satisfy, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    hosts: Vec<HostPlan>,
}

impl Plan {
    /// One for each candidate, in the order of [`OutboundFacts::hosts`].
    #[must_use]
    pub fn hosts(&self) -> &[HostPlan] {
        &self.hosts
    }
}

/// What one host must satisfy. Made by [`plan`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    host: Host,
    demands: Vec<Demand>,
    /// Those of them that travel with the message.
    carried: Vec<Demand>,
    exceptions: Vec<Arc<Exception>>,
    now: Timestamp,
    client_identity: Option<ClientIdentityId>,
    /// What adds checks and nothing else.
    tried: Vec<TriedAtHost>,
}

/// Gathers all demands that apply to each candidate host: those of the way and every carried one. Each must hold.
#[must_use]
pub fn plan(facts: &OutboundFacts) -> Plan {
    let hosts = facts
        .hosts
        .iter()
        .map(|candidate| {
            let mut demands = Vec::new();
            let of_the_way = facts.demands.iter().map(|demand| demand.on_host(candidate));
            of_the_way.for_each(|demand| push_new(&mut demands, demand));
            facts.carried.iter().for_each(|demand| push_new(&mut demands, demand));
            HostPlan {
                host: candidate.host.clone(),
                demands,
                carried: facts.carried.clone(),
                exceptions: facts.exceptions.clone(),
                now: facts.now,
                client_identity: facts.client_identity.clone(),
                tried: tried_at(candidate, facts),
            }
        })
        .collect();
    Plan { hosts }
}

/// What is tried at one host, each document once.
fn tried_at(candidate: &CandidateHost, facts: &OutboundFacts) -> Vec<TriedAtHost> {
    let connectors = facts.tried.iter().map(|one| TriedAtHost::connector(one, candidate));
    let mut tried: Vec<TriedAtHost> = connectors.collect();
    for rule in &facts.tried_rules {
        push_new(&mut tried, TriedAtHost::rule(rule));
    }
    tried
}

impl HostPlan {
    /// The host as it was looked for.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The name for SNI (RFC 6066 §3: never an address).
    #[must_use]
    pub fn server_name(&self) -> Option<&Domain> {
        self.host.domain()
    }

    /// All that is demanded, what exceptions lower too; empty for opportunistic TLS.
    #[must_use]
    pub fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// Whether a demand travels with the message, as the same one of the way may too.
    pub(super) fn is_carried(&self, demand: &Demand) -> bool {
        self.carried.contains(demand)
    }

    /// The exceptions that it was made with, in force or not.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.exceptions
    }

    /// When it was made.
    pub(super) const fn made_at(&self) -> Timestamp {
        self.now
    }

    /// Whether nothing demands TLS.
    #[must_use]
    pub fn is_opportunistic(&self) -> bool {
        self.demands.is_empty()
    }

    /// Whether a message may go in the clear: where nothing demands TLS, or exceptions lift whatever does.
    #[must_use]
    pub fn bears_plaintext(&self) -> bool {
        self.standing().next().is_none()
    }

    /// The demands but for those that an exception lifted altogether when the plan was made.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Demand> {
        self.demands.iter().filter(|demand| !self.is_lifted(demand))
    }

    /// The oldest version that the handshake may offer: what is demanded, and TLS 1.2 where nothing is.
    #[must_use]
    pub fn min_version(&self) -> TlsVersion {
        // No earlier version has the hybrid.
        if self.groups() == KeyExchangeGroups::HYBRID {
            return TlsVersion::Tls13;
        }
        let demanded = self.standing().map(|demand| match &demand.level {
            DemandLevel::Version { at_least } => *at_least,
            DemandLevel::Encryption
            | DemandLevel::Certificate { .. }
            | DemandLevel::Domain { .. }
            | DemandLevel::Pin { .. }
            | DemandLevel::KeyExchange { .. }
            | DemandLevel::Revocation { .. } => TlsVersion::Tls12,
        });
        demanded.max().unwrap_or(TlsVersion::Tls12)
    }

    /// The groups that a first handshake offers, when nothing bad is remembered: those that every demand takes. Where
    /// demands have none in common nothing can meet them all: then all are offered, and the judgement says who lacks
    /// what.
    #[must_use]
    pub fn groups(&self) -> KeyExchangeGroups {
        let mut demands = self.standing();
        let taken = demands.try_fold(KeyExchangeGroups::ALL, |so_far, demand| match &demand.level {
            DemandLevel::KeyExchange { groups } => so_far.intersection(*groups),
            DemandLevel::Encryption
            | DemandLevel::Certificate { .. }
            | DemandLevel::Domain { .. }
            | DemandLevel::Pin { .. }
            | DemandLevel::Version { .. }
            | DemandLevel::Revocation { .. } => Some(so_far),
        });
        taken.unwrap_or(KeyExchangeGroups::ALL)
    }

    /// The certificate to present when the server asks; none unless the route names one.
    #[must_use]
    pub const fn client_identity(&self) -> Option<&ClientIdentityId> {
        self.client_identity.as_ref()
    }

    pub(super) fn tried(&self) -> &[TriedAtHost] {
        &self.tried
    }

    /// What must be asked about the peer's chain: what is demanded first; then, for the record alone, whether it would
    /// hold before the world: a path to the system's anchors and the host's own name; last, what documents that are
    /// tried would demand.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for demand in &self.demands {
            for check in demanded_checks(&demand.level) {
                push_new(&mut checks, check);
            }
        }
        push_new(
            &mut checks,
            Check::Path {
                anchors: AnchorSetId::system(),
            },
        );
        if let Some(domain) = self.host.domain() {
            push_new(
                &mut checks,
                Check::Name {
                    names: vec![NamePattern::exact(domain.clone())],
                },
            );
        }
        for demand in self.tried.iter().flat_map(|tried| &tried.demands) {
            for check in demanded_checks(&demand.level) {
                push_new(&mut checks, check);
            }
        }
        checks
    }
}

/// The checks that must hold for a demand; none where what the handshake shows is enough.
pub(super) fn demanded_checks(level: &DemandLevel) -> Vec<Check> {
    let path = |anchors: &AnchorSetId| Check::Path {
        anchors: anchors.clone(),
    };
    match level {
        DemandLevel::Encryption
        | DemandLevel::Pin { .. }
        | DemandLevel::Version { .. }
        | DemandLevel::KeyExchange { .. } => Vec::new(),
        DemandLevel::Certificate { anchors } => vec![path(anchors)],
        DemandLevel::Revocation { anchors, .. } => vec![Check::Revocation {
            anchors: anchors.clone(),
        }],
        DemandLevel::Domain { anchors, names } => vec![path(anchors), Check::Name { names: names.clone() }],
    }
}
