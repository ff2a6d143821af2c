//! Dated exceptions: what an operator lets pass although a document of the directory demands more, with who answers for
//! it, why, and until when. One lowers the demands of the document that it names and of no other, and it ends by
//! itself: it is held against the time that is passed in at each judgement.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use sekisho_mail::{Demand, Domain, Host, OrganizationName, Timestamp, TriedRule};

use super::{ConnectorKey, Directory, DomainScope, Fault, RuleKey, ScopeIndex};
use crate::outbound::{RouteDemand, TriedConnector};

/// How far ahead an exception may end: a year, so that each comes before somebody's eyes once a year at least. What is
/// to hold for longer is no exception: let the document itself say it.
pub const EXCEPTION_LENGTH_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long before its end an operator is warned of it.
const NEAR_ITS_END: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What an exception is known by: its name is unique among those of its organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExceptionKey {
    /// Whose it is, and whose the document is that it is about.
    pub organization: OrganizationName,
    /// 1 to 64 characters, none of them a control character.
    pub name: Arc<str>,
}

/// `acme/moving`
impl fmt::Display for ExceptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

/// What is let pass, about what, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// What it is known by.
    pub key: ExceptionKey,
    /// Who answers for it, in the operator's words.
    pub owner: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// The first instant at which it holds no more.
    pub until: Timestamp,
    /// Whose demands it lowers.
    pub about: ExceptionSubject,
    /// What it lets pass.
    pub allows: Relaxation,
    /// Domains to which it is limited, all where it is empty: of mail that goes out those of the recipients, of mail
    /// that comes in those of MAIL FROM.
    pub domains: Vec<DomainScope>,
}

/// Whose demands an exception lowers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExceptionSubject {
    /// An outbound connector of the organization, on the ways that it covers.
    OutboundConnector(Arc<str>),
    /// An inbound connector of the organization.
    InboundConnector(Arc<str>),
    /// A mail-flow rule of the organization, wherever the messages go of which it demanded something.
    Rule(Arc<str>),
    /// `require_tls_outbound` of the organization, for mail to recipients in these domains.
    RecipientDomain(DomainScope),
}

/// What an exception lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relaxation {
    /// Out: all of it, no TLS and whatever TLS there is. In: no TLS, and in the clear no certificate; under TLS what is
    /// demanded of a certificate stands.
    Plaintext,
    /// Any certificate, or none, under TLS; versions and the key exchange stay demanded.
    AnyCertificate,
    /// Out: a certificate for another name that is good otherwise.
    AnyName,
    /// A certificate past its end that is good otherwise.
    ExpiredCertificate,
    /// In, a partner's: any address.
    AnyAddress,
    /// In: a certificate without a dNSName is known by its common name.
    CommonName,
    /// A certificate of which nobody can say whether it is revoked, or could ever say.
    UnknownRevocation,
}

impl Relaxation {
    /// As API and files write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::AnyCertificate => "any_certificate",
            Self::AnyName => "any_name",
            Self::ExpiredCertificate => "expired_certificate",
            Self::AnyAddress => "any_address",
            Self::CommonName => "common_name",
            Self::UnknownRevocation => "unknown_revocation",
        }
    }
}

/// `exception acme/moving of Alice Example, until 2026-12-01T00:00:00.000Z (the server is replaced)`
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            owner,
            until,
            reason,
            ..
        } = self;
        write!(f, "exception {key} of {owner}, until {until} ({reason})")
    }
}

impl Exception {
    /// Whether it holds at `now`. Nothing is made to last longer than [`EXCEPTION_LENGTH_MAX`]: where an end lies
    /// farther ahead, the clock has gone back, and that gives no exception more time.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !self.has_ended(now) && self.until.since(now) <= EXCEPTION_LENGTH_MAX
    }

    /// Whether its time is over at `now`.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether mail of or to a domain is within its limit, when it has one.
    pub(crate) fn covers(&self, domain: Option<&Domain>) -> bool {
        self.scopes().iter().any(|scope| scope.covers(domain))
    }

    /// The domains that mail is of or to.
    fn scopes(&self) -> &[DomainScope] {
        match &self.about {
            ExceptionSubject::RecipientDomain(scope) => std::slice::from_ref(scope),
            _ if self.domains.is_empty() => &[DomainScope::Everything],
            ExceptionSubject::OutboundConnector(_)
            | ExceptionSubject::InboundConnector(_)
            | ExceptionSubject::Rule(_) => &self.domains,
        }
    }

    /// The origin of the demands on mail that goes out that it may lower; none of one about mail that comes in.
    fn origin(&self) -> Option<String> {
        let organization = self.key.organization.clone();
        match &self.about {
            ExceptionSubject::OutboundConnector(name) => {
                let name = name.clone();
                Some(ConnectorKey { organization, name }.as_origin())
            }
            ExceptionSubject::Rule(name) => {
                let name = name.clone();
                Some(RuleKey { organization, name }.as_origin())
            }
            ExceptionSubject::RecipientDomain(_) => Some(origin_of(&organization)),
            ExceptionSubject::InboundConnector(_) => None,
        }
    }

    /// Whether a demand is one of the document that it names.
    pub(crate) fn is_about(&self, demand: &Demand) -> bool {
        self.origin().is_some_and(|origin| origin == demand.origin)
    }

    /// Whether it goes wherever its demands go: those of a rule are about a message, all others about a way.
    pub(crate) const fn travels(&self) -> bool {
        match self.about {
            ExceptionSubject::Rule(_) => true,
            ExceptionSubject::OutboundConnector(_)
            | ExceptionSubject::InboundConnector(_)
            | ExceptionSubject::RecipientDomain(_) => false,
        }
    }
}

/// Where what an organization demands of all its mail comes from, as demands have it.
pub(super) fn origin_of(organization: &OrganizationName) -> String {
    format!("organization {organization}")
}

/// All exceptions, by what they are about.
#[derive(Clone, Debug, Default)]
pub(super) struct ExceptionIndex {
    /// By key.
    all: Vec<Arc<Exception>>,
    /// On mail that goes out, by the origin of the demands.
    outbound: HashMap<String, ScopeIndex<Arc<Exception>>>,
    inbound: HashMap<ConnectorKey, Vec<Arc<Exception>>>,
    /// Whether any lets a common name count.
    has_common_names: bool,
}

impl ExceptionIndex {
    /// Whether any is about an inbound connector.
    pub(super) fn is_about_inbound(&self, connector: &ConnectorKey) -> bool {
        self.inbound.contains_key(connector)
    }

    pub(super) fn of(mut exceptions: Vec<Exception>) -> Self {
        exceptions.sort_by(|one, other| one.key.cmp(&other.key));
        let mut index = Self::default();
        for exception in exceptions.into_iter().map(Arc::new) {
            if let Some(origin) = exception.origin() {
                let of_origin = index.outbound.entry(origin).or_default();
                for scope in exception.scopes() {
                    of_origin.insert(scope, Arc::clone(&exception));
                }
            }
            if let ExceptionSubject::InboundConnector(name) = &exception.about {
                let connector = ConnectorKey {
                    organization: exception.key.organization.clone(),
                    name: name.clone(),
                };
                index.inbound.entry(connector).or_default().push(Arc::clone(&exception));
            }
            index.has_common_names |= exception.allows == Relaxation::CommonName;
            index.all.push(exception);
        }
        index
    }
}

impl Directory {
    /// All exceptions, those that have ended too, by key.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.exceptions.all
    }

    /// The exceptions that may lower what is demanded of mail to `recipient`: those about the documents whose demands
    /// are on the way itself; and of what the message carries, those about rules alone. A connector's demand that has
    /// come along from elsewhere stands (law 2): what the operator lets pass on the way that a connector covers says
    /// nothing of any other.
    #[must_use]
    pub fn exceptions_for(
        &self,
        of_the_way: &[RouteDemand],
        carried: &[Demand],
        recipient: &Host,
    ) -> Vec<Arc<Exception>> {
        let of_the_way = of_the_way.iter().map(|demand| (&demand.origin, true));
        let carried = carried.iter().map(|demand| (&demand.origin, false));
        self.exceptions_about(of_the_way.chain(carried), recipient)
    }

    /// Likewise those that would lower what documents that are tried would demand.
    #[must_use]
    pub fn exceptions_for_tried(
        &self,
        connectors: &[TriedConnector],
        rules: &[Arc<TriedRule>],
        recipient: &Host,
    ) -> Vec<Arc<Exception>> {
        let connectors = connectors.iter().flat_map(|tried| {
            let own = tried.demands.iter().map(|demand| &demand.origin);
            own.chain(&tried.instead_of)
        });
        let rules = rules.iter().flat_map(|tried| {
            let own = tried.demands.iter().map(|demand| &demand.origin);
            own.chain(&tried.instead_of)
        });
        self.exceptions_about(connectors.chain(rules).map(|origin| (origin, true)), recipient)
    }

    /// By the origins of demands, each with whether it is on the way itself; by key.
    fn exceptions_about<'a>(
        &self,
        origins: impl Iterator<Item = (&'a String, bool)>,
        recipient: &Host,
    ) -> Vec<Arc<Exception>> {
        let mut found: Vec<Arc<Exception>> = Vec::new();
        if self.exceptions.outbound.is_empty() {
            return found;
        }
        for (origin, is_of_the_way) in origins {
            let of_origin = self.exceptions.outbound.get(origin).into_iter();
            for exception in of_origin.flat_map(|index| index.matching(recipient.domain())) {
                let reaches = is_of_the_way || exception.travels();
                if reaches && !found.iter().any(|other| Arc::ptr_eq(other, exception)) {
                    found.push(Arc::clone(exception));
                }
            }
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        found
    }

    /// The exceptions about an inbound connector.
    pub(crate) fn inbound_exceptions(&self, connector: &ConnectorKey) -> &[Arc<Exception>] {
        if self.exceptions.inbound.is_empty() {
            return &[];
        }
        self.exceptions.inbound.get(connector).map_or(&[], Vec::as_slice)
    }

    /// Whether there is any exception, in force or not: without one nobody need look at the clock for them.
    #[must_use]
    pub fn has_exceptions(&self) -> bool {
        !self.exceptions.all.is_empty()
    }

    /// Whether a common name may count as a name anywhere.
    pub(crate) const fn counts_common_names(&self) -> bool {
        self.exceptions.has_common_names
    }

    /// What an operator would want to know of the exceptions at `now`: those that have ended, and those that end soon.
    #[must_use]
    pub fn exceptions_to_tell(&self, now: Timestamp) -> Vec<Fault> {
        let tell = |exception: &Arc<Exception>| {
            let (until, owner) = (exception.until, &exception.owner);
            let (reason, remedy) = if exception.has_ended(now) {
                (
                    format!("it ended at {until}; what it let pass is demanded again ({owner} answered for it)"),
                    "remove it",
                )
            } else if exception.until.since(now) > EXCEPTION_LENGTH_MAX {
                let reason = format!(
                    "its end at {until} is more than 366 days ahead, so the clock is wrong: it is not in force"
                );
                (reason, "set the clock")
            } else if exception.until.since(now) <= NEAR_ITS_END {
                let reason =
                    format!("it ends at {until}; what it lets pass is demanded again then ({owner} answers for it)");
                (reason, "mend what it is for before that, or set until anew")
            } else {
                return None;
            };
            Some(Fault {
                place: format!("exception {}", exception.key),
                field: "until",
                reason,
                remedy: remedy.to_owned(),
            })
        };
        self.exceptions.all.iter().filter_map(tell).collect()
    }
}
