//! Organizations and the domains whose mail they accept.

use std::{fmt, time::Duration};

use sekisho_mail::{Domain, OrganizationName};

/// Somebody whose mail this service carries, apart from all others: a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// What it is known by.
    pub name: OrganizationName,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Whether mail from one of its own domains is refused unless the client is known: by an inbound connector, or by a
    /// right to relay (Exchange: Set-OrganizationConfig, `RejectDirectSend`).
    pub reject_direct_send: bool,
    /// Whether mail for its domains is taken under TLS alone, from its own servers too.
    pub require_tls_inbound: bool,
    /// Whether all mail that it answers for leaves under TLS alone, whatever its connectors say.
    pub require_tls_outbound: bool,
    /// The age at which its undelivered mail is given up; `None` leaves that to the connector or the node.
    pub expire_after: Option<Duration>,
}

impl Organization {
    /// One that sets nothing.
    #[must_use]
    pub const fn new(name: OrganizationName) -> Self {
        Self {
            name,
            comment: String::new(),
            reject_direct_send: false,
            require_tls_inbound: false,
            require_tls_outbound: false,
            expire_after: None,
        }
    }
}

/// What an organization is to a domain, in Exchange's words (Set-AcceptedDomain, `DomainType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainKind {
    /// All its recipients are here; any other address does not exist.
    Authoritative,
    /// Some recipients are here; mail for all others is handed on.
    InternalRelay,
    /// None is here; all mail is handed on.
    ExternalRelay,
}

impl DomainKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Authoritative, Self::InternalRelay, Self::ExternalRelay];

    /// As API and files write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Authoritative => "authoritative",
            Self::InternalRelay => "internal_relay",
            Self::ExternalRelay => "external_relay",
        }
    }

    /// Whether there may be mailboxes in such a domain.
    #[must_use]
    pub const fn has_mailboxes(self) -> bool {
        match self {
            Self::Authoritative | Self::InternalRelay => true,
            Self::ExternalRelay => false,
        }
    }
}

/// A domain whose mail an organization takes from anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedDomain {
    /// Which; it alone, and none below it.
    pub domain: Domain,
    /// Whose it is.
    pub organization: OrganizationName,
    /// What becomes of its mail.
    pub kind: DomainKind,
    /// Where that stands.
    pub origin: Origin,
}

/// Where something of the directory stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the directory itself.
    Directory,
    /// In the configuration file, at this key.
    File(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::File(key) => write!(f, "sekisho.toml, {key}"),
        }
    }
}
