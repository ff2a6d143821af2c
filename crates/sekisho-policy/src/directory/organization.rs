//! Organizations and the domains whose mail they accept.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use sekisho_mail::{AnchorSetId, Domain, Mailbox, OrganizationName};

use super::{HeaderStem, TlsSettings};
use crate::outbound::Revocation;

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
    /// What must hold of every connection on which mail that it answers for leaves, whatever its connectors say.
    pub require_tls_outbound: TlsSettings,
    /// At which trust anchors chains must end where its connectors name none, and where its rules or it itself demand
    /// a certificate: the roots, or its own set.
    pub anchors: AnchorSetId,
    /// How it is asked whether a certificate is revoked, where the organization itself or one of its rules demands a
    /// valid one; `None` where nobody asks.
    pub revocation: Option<Revocation>,
    /// The age at which its undelivered mail is given up; `None` leaves that to the connector or the node.
    pub expire_after: Option<Duration>,
    /// What it sets about single messages.
    pub limits: MessageLimits,
    /// Of which header fields nobody but its own servers may say anything.
    pub header_families: Vec<HeaderStem>,
}

/// What an organization sets about single messages for which it answers; the node's own limits stand around them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageLimits {
    /// Octets of content at most.
    pub octets: Option<u64>,
    /// Recipients at most.
    pub recipients: Option<u32>,
}

impl MessageLimits {
    /// Whether it sets nothing.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Organization {
    /// One that sets nothing.
    #[must_use]
    pub fn new(name: OrganizationName) -> Self {
        Self {
            name,
            comment: String::new(),
            reject_direct_send: false,
            require_tls_inbound: false,
            require_tls_outbound: TlsSettings::Opportunistic,
            anchors: AnchorSetId::system(),
            revocation: Some(Revocation::default()),
            expire_after: None,
            limits: MessageLimits {
                octets: None,
                recipients: None,
            },
            header_families: HeaderStem::usual(),
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
    /// How a recipient who has no mailbox here is looked for.
    pub check: RecipientCheck,
    /// What becomes of a stranger's mail that the next hop refuses for good.
    pub final_refusal: FinalRefusal,
    /// Where that stands.
    pub origin: Origin,
}

impl AcceptedDomain {
    /// Whether the next hop is asked about recipients who have no mailbox here.
    #[must_use]
    pub fn asks_next_hop(&self) -> bool {
        self.check == RecipientCheck::Probe
    }
}

/// What becomes of mail that the next hop of a relay domain refuses for good, when somebody has sent it whom nobody
/// here knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalRefusal {
    /// It is held, and nobody is told: MAIL FROM may name anyone.
    #[default]
    Hold,
    /// Whoever MAIL FROM names is told, as of all other mail.
    Bounce,
}

/// How a recipient in a relay domain who has no mailbox here is looked for before mail for it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecipientCheck {
    /// It is not: the next hop will say.
    #[default]
    None,
    /// It must be one of these: local parts, as [`RecipientCheck::plain`] has them.
    List(Arc<HashSet<Box<str>>>),
    /// The next hop is asked.
    Probe,
}

impl RecipientCheck {
    /// A local part as it is compared: as it is meant, and in lower case.
    #[must_use]
    pub fn plain(recipient: &Mailbox) -> Box<str> {
        recipient.unquoted_local_part().to_lowercase().into()
    }
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
