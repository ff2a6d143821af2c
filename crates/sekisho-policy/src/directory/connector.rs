//! Connectors: what an organization demands of those who bring it mail and of those to whom its mail goes, with
//! Exchange's names and meanings (New-InboundConnector, New-OutboundConnector).

use std::{collections::HashSet, fmt, sync::Arc};

use sekisho_mail::{AnchorSetId, Digest, Domain, Host, KeyExchangeGroups, OrganizationName, TlsVersion};

use super::{CertificateRoleKey, Shadow};
use crate::{Network, NetworkSet, outbound::Revocation};

/// What a connector is known by: its name is unique among the inbound or the outbound ones of its organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectorKey {
    /// Whose it is.
    pub organization: OrganizationName,
    /// 1 to 64 characters, none of them a control character.
    pub name: Arc<str>,
}

/// `acme/bank`
impl fmt::Display for ConnectorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

impl ConnectorKey {
    /// Where the demands of an outbound connector come from, as they have it: `connector "acme/bank"`.
    pub(crate) fn as_origin(&self) -> String {
        format!("connector \"{self}\"")
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectorType {
    /// Somebody else.
    #[default]
    Partner,
    /// The organization's own servers: they may send out through us.
    OnPremises,
}

impl ConnectorType {
    /// As API and files write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::OnPremises => "on_premises",
        }
    }
}

/// Which domains a connector is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DomainScope {
    /// This domain.
    Exact(Domain),
    /// `*.example.org`: this domain and every one below it, however deep.
    Within(Domain),
    /// `*`
    Everything,
}

impl DomainScope {
    /// Whether an address in this domain is in the scope. Only `*` covers what has no domain: the null reverse-path and
    /// address literals.
    #[must_use]
    pub fn covers(&self, of: Option<&Domain>) -> bool {
        match (self, of) {
            (Self::Everything, _) => true,
            (Self::Exact(_) | Self::Within(_), None) => false,
            (Self::Exact(domain), Some(of)) => of == domain,
            (Self::Within(domain), Some(of)) => of == domain || of.is_below(domain),
        }
    }
}

/// The name by which a client's certificate is known: a SAN dNSName equal to it; for `*.example.org` one that is
/// `example.org`, lies below it however deep, or is literally `*.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateName {
    /// Whether names below the domain count as well.
    pub within: bool,
    /// The domain.
    pub domain: Domain,
}

/// Issuers that are accepted: each attribute (`O=Example Trust`) is one of those of the leaf's issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerPattern {
    /// At least one; RFC 4514 text, compared without regard to case.
    pub attributes: Vec<String>,
}

/// What a connector demands of a connection under TLS, beyond TLS itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TlsFloor {
    /// The oldest version.
    pub min_version: TlsVersion,
    /// The groups of which the key exchange must have used one; any where it is `None`.
    pub groups: Option<KeyExchangeGroups>,
}

impl Default for TlsFloor {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::Tls12,
            groups: None,
        }
    }
}

/// Who brings mail, and what holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each of them is a parameter of Exchange's")]
pub struct InboundConnector {
    /// What it is known by.
    pub key: ConnectorKey,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// There where it is tried and never acts.
    pub shadow: Option<Shadow>,
    /// The operator's words.
    pub comment: String,
    /// Who brings it.
    pub kind: ConnectorType,
    /// A Partner's: whose mail, by the domain of MAIL FROM; `*` covers the null reverse-path too. No scope for
    /// OnPremises.
    pub sender_domains: Vec<DomainScope>,
    /// Where the client may be.
    pub sender_addresses: NetworkSet,
    /// TLS alone.
    pub require_tls: bool,
    /// What the client's certificate must be for; OnPremises: by which the client is known.
    pub tls_sender_certificate_name: Option<CertificateName>,
    /// A Partner's: only whoever has that certificate may send from the sender domains.
    pub restrict_domains_to_certificate: bool,
    /// A Partner's: only from the sender addresses may be sent from the sender domains.
    pub restrict_domains_to_ip_addresses: bool,
    /// Accepted domains of the organization to which it is limited; all where it is empty.
    pub associated_accepted_domains: HashSet<Domain>,
    /// OnPremises: marks the organization's own mail as internal; never permits to relay.
    pub treat_messages_as_internal: bool,
    /// OnPremises: cross-premises header fields of the server's mail are believed and promoted.
    pub cloud_services_mail_enabled: bool,
    /// Organizations of this service whose mail, known by the internal way, is taken as if it met the restrictions.
    pub trusted_organizations: Vec<OrganizationName>,
    /// What TLS must be like where it is used for this connector.
    pub floor: TlsFloor,
    /// Where the client's chain must end.
    pub anchors: AnchorSetId,
    /// How it is asked whether the client's certificate is revoked, where its chain is looked at; `None` where nobody
    /// asks.
    pub revocation: Option<Revocation>,
    /// Issuers of the client's certificate; any where it is empty.
    pub issuers: Vec<IssuerPattern>,
    /// SHA-256 of keys (SubjectPublicKeyInfo) one of which the client's certificate must have; any where it is empty.
    pub pins: Vec<Digest>,
    /// Whether a certificate whose extended key usages leave clients out is taken all the same: public authorities
    /// issue hardly any others.
    pub server_auth_certificates: bool,
    /// What plaintext is answered where TLS is demanded.
    pub plaintext_reply: PlaintextReply,
}

/// What plaintext is answered where TLS is demanded; where several demand it, the first of these that one of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaintextReply {
    /// `451 4.7.0`: a partner whose TLS failed once tries again.
    #[default]
    TryAgain,
    /// `530 5.7.0` (RFC 3207 §4).
    Refuse,
}

/// Where mail goes, and what must hold on the way. How a host is dialled is left to the binary.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each of them is a parameter of Exchange's")]
pub struct OutboundConnector {
    /// What it is known by.
    pub key: ConnectorKey,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// There where it is tried and never acts.
    pub shadow: Option<Shadow>,
    /// The operator's words.
    pub comment: String,
    /// Who is at the other end.
    pub kind: ConnectorType,
    /// Whose mail.
    pub recipient_domains: Vec<DomainScope>,
    /// OnPremises: also for every accepted domain of the organization.
    pub all_accepted_domains: bool,
    /// Chosen by a rule alone, never by a domain.
    pub is_transport_rule_scoped: bool,
    /// OnPremises: mail to everywhere goes this way first (centralized mail transport).
    pub route_all_messages_via_on_premises: bool,
    /// OnPremises: header fields of the organization go along, as cross-premises ones.
    pub cloud_services_mail_enabled: bool,
    /// The next hops; empty for the MX records of the recipient's domain (`UseMXRecord`).
    pub smart_hosts: Vec<SmartHost>,
    /// What must hold.
    pub tls_settings: TlsSettings,
    /// Names for `DomainValidation`; `*.example.org` as in [`CertificateName`]. Empty: the recipient's domain, with MX.
    pub tls_domains: Vec<CertificateName>,
    /// What TLS must be like.
    pub floor: TlsFloor,
    /// Where the host's chain must end.
    pub anchors: AnchorSetId,
    /// How it is asked whether the host's certificate is revoked, where its chain is looked at; `None` where nobody
    /// asks.
    pub revocation: Option<Revocation>,
    /// SHA-256 of keys one of which the host's certificate must have; any where it is empty.
    pub pins: Vec<Digest>,
    /// The role whose certificate is presented, where it is a role's.
    pub client_certificate_role: Option<CertificateRoleKey>,
}

/// A next hop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SmartHost {
    /// A name, looked up for addresses alone, or an address; with the port.
    Host(Host, u16),
    /// Each host of a block of addresses, in their order; with the port.
    Block(Network, u16),
    /// The MX records of this domain; with the port.
    Mx(Domain, u16),
}

/// What must hold on a connection (New-OutboundConnector, `TlsSettings`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsSettings {
    /// The best that both sides can do.
    #[default]
    Opportunistic,
    /// TLS, whoever the peer is.
    EncryptionOnly,
    /// A certificate that chains to the anchors and is valid now.
    CertificateValidation,
    /// That, for one of the names.
    DomainValidation,
}

impl TlsSettings {
    /// As API and files write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Opportunistic => "opportunistic",
            Self::EncryptionOnly => "encryption_only",
            Self::CertificateValidation => "certificate_validation",
            Self::DomainValidation => "domain_validation",
        }
    }
}
