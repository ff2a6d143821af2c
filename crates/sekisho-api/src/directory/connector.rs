//! Connectors, with the names and meanings of Exchange's parameters.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Mode, first_organization};

/// Who brings mail, and what holds for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a parameter of its own, as in Exchange"
)]
pub struct InboundConnector {
    /// Whose it is.
    #[schema(default = "default")]
    pub organization: String,
    /// 1 to 64 characters, unique among the inbound connectors of the organization.
    #[schema(required = true)]
    pub name: String,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// Whether it acts, or is only tried.
    pub mode: Mode,
    /// The inbound connector of the organization in whose place it is tried; its mode is `shadow` then, whatever is
    /// said of it. One of each.
    pub draft_of: Option<String>,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Who brings the mail.
    pub connector_type: ConnectorType,
    /// A partner's: whose mail, by the domain of MAIL FROM. `example.org`, `*.example.org` for it and everything below
    /// it, `*` for everyone.
    pub sender_domains: Vec<String>,
    /// Where the client may be: addresses and networks, `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
    pub sender_ip_addresses: Vec<String>,
    /// Whether TLS is demanded. Absent: true for `partner` that trusts no organization, otherwise false.
    pub require_tls: Option<bool>,
    /// The name that the client's certificate must be for: a dNSName equal to it; `*.example.org` for the domain, what
    /// lies below it, and that very text.
    pub tls_sender_certificate_name: Option<String>,
    /// A partner's: only whoever has that certificate may send from the sender domains.
    pub restrict_domains_to_certificate: bool,
    /// A partner's: mail from the sender domains is taken only from the sender addresses.
    pub restrict_domains_to_ip_addresses: bool,
    /// Accepted domains of the organization to which it is limited; all of them when empty.
    pub associated_accepted_domains: Vec<String>,
    /// `on_premises`: marks mail from the organization's own domains as internal, in the trace; never permits to relay.
    pub treat_messages_as_internal: bool,
    /// Organizations of this service whose mail, known by the internal way, is taken as if it met the restrictions.
    pub trusted_organizations: Vec<String>,
    /// The oldest version of TLS.
    pub min_tls_version: MinTlsVersion,
    /// Groups of which the key exchange must have used one: `X25519MLKEM768`, which is the hybrid post-quantum one,
    /// `x25519`, `secp256r1`, `secp384r1`. Empty: any of them.
    pub key_exchange_groups: Vec<String>,
    /// Where the client's chain must end: certificates as PEM text. Absent: the system's anchors.
    pub trust_anchors: Option<String>,
    /// Issuers of the client's certificate, any of them: `O=Example Trust, C=CH`, each attribute one of the issuer's.
    pub issuers: Vec<String>,
    /// Keys of which the client's certificate must have one: `sha256:` and 64 hexadecimal digits, the SHA-256 of its
    /// SubjectPublicKeyInfo.
    pub pins: Vec<String>,
    /// Whether a client's certificate is taken whose extended key usages leave clientAuth out, as those of public
    /// authorities do by now.
    #[schema(default = true)]
    pub server_auth_certificates: bool,
    /// What plaintext is answered where TLS is demanded.
    pub plaintext_reply: PlaintextReply,
    /// `on_premises`: what the servers say in cross-premises header fields is believed and becomes the organization's.
    /// From everybody else such fields are taken out.
    pub cloud_services_mail_enabled: bool,
    /// Whether the client's certificate may be a revoked one. Absent: as the organization says.
    pub revocation: Option<Revocation>,
    /// Whether one is refused that says nowhere how it would be revoked. Absent: as the organization says.
    pub refuse_not_revocable: Option<bool>,
}

impl Default for InboundConnector {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            enabled: true,
            mode: Mode::default(),
            draft_of: None,
            comment: String::new(),
            connector_type: ConnectorType::default(),
            sender_domains: Vec::new(),
            sender_ip_addresses: Vec::new(),
            require_tls: None,
            tls_sender_certificate_name: None,
            restrict_domains_to_certificate: false,
            restrict_domains_to_ip_addresses: false,
            associated_accepted_domains: Vec::new(),
            treat_messages_as_internal: false,
            trusted_organizations: Vec::new(),
            min_tls_version: MinTlsVersion::default(),
            key_exchange_groups: Vec::new(),
            trust_anchors: None,
            issuers: Vec::new(),
            pins: Vec::new(),
            server_auth_certificates: true,
            plaintext_reply: PlaintextReply::default(),
            cloud_services_mail_enabled: false,
            revocation: None,
            refuse_not_revocable: None,
        }
    }
}

/// Where mail goes, and what must hold on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a parameter of its own, as in Exchange"
)]
pub struct OutboundConnector {
    /// Whose it is.
    #[schema(default = "default")]
    pub organization: String,
    /// 1 to 64 characters, unique among the outbound connectors of the organization.
    #[schema(required = true)]
    pub name: String,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// Whether it acts, or is only tried.
    pub mode: Mode,
    /// The outbound connector of the organization in whose place it is tried; its mode is `shadow` then, whatever is
    /// said of it. One of each.
    pub draft_of: Option<String>,
    /// The operator's words; no rule reads them.
    pub comment: String,
    /// Who is at the other end.
    pub connector_type: ConnectorType,
    /// Whose mail goes this way: `example.org`, `*.example.org` for it and everything below it, `*` for everyone.
    pub recipient_domains: Vec<String>,
    /// `on_premises`: also for every accepted domain of the organization.
    pub all_accepted_domains: bool,
    /// The next hops, in this order: `mail.example.org:25`, `192.0.2.1:25`, `[2001:db8::1]:25`, or a block for each of
    /// its hosts, `192.0.2.16/28:25`, from /24 (IPv6: /120) on; on port 25 where none is named, with `implicit_tls` on
    /// port 465; or one `mx:example.org`, for the MX records of that domain. Empty: the MX records of the recipient's
    /// domain.
    pub smart_hosts: Vec<String>,
    /// Whether TLS begins with the first octet, without STARTTLS. Without TLS nothing leaves then, whatever
    /// `tls_settings` says.
    pub implicit_tls: bool,
    /// The server name in the TLS handshake. Absent: the host's. Which names the certificate must have does not change
    /// by it.
    pub sni: Option<String>,
    /// What must hold on the connection.
    pub tls_settings: TlsSettings,
    /// `domain_validation`: the name that the host's certificate must be for; `*.example.org` for the domain, what lies
    /// below it, and that very text. Absent: the recipient's domain, unless there are smart hosts.
    pub tls_domain: Option<String>,
    /// More such names; any of them will do.
    pub tls_domains: Vec<String>,
    /// The oldest version of TLS.
    pub min_tls_version: MinTlsVersion,
    /// Groups of which the key exchange must have used one, and which alone are offered: `X25519MLKEM768`, which is the
    /// hybrid post-quantum one, `x25519`, `secp256r1`, `secp384r1`. Empty: any of them.
    pub key_exchange_groups: Vec<String>,
    /// Where the host's chain must end: certificates as PEM text. Absent: the system's anchors.
    pub trust_anchors: Option<String>,
    /// Keys of which the host's certificate must have one: `sha256:` and 64 hexadecimal digits, the SHA-256 of its
    /// SubjectPublicKeyInfo.
    pub pins: Vec<String>,
    /// `certificate_validation`, `domain_validation`: whether the host's certificate may be a revoked one. Absent: as
    /// the organization says.
    pub revocation: Option<Revocation>,
    /// Whether one is refused that says nowhere how it would be revoked. Absent: as the organization says.
    pub refuse_not_revocable: Option<bool>,
    /// The certificate that is presented where the host asks for one: files on the node.
    pub client_certificate: Option<CertificateFiles>,
    /// The certificate that is presented where the host asks for one: that of this role of the organization, whichever
    /// is in force. Not beside `client_certificate`.
    pub client_certificate_role: Option<String>,
    /// Whether it is presented in TLS 1.2 too, where everyone on the way can read it.
    pub client_certificate_in_tls12: bool,
    /// The name in EHLO. Absent: as `[delivery]` has it.
    pub ehlo_name: Option<String>,
    /// The address of this machine to connect from. Absent: as `[delivery]` has it.
    pub source_address: Option<String>,
    /// Pauses between attempts, written as `retry` of `[delivery]`: `["1m", "15m until 4h", "1h"]`. Absent: that one.
    pub retry: Option<Vec<String>>,
    /// The age at which an undelivered message is given up: a duration (`48h`). Absent: as the organization or
    /// `[delivery]` has it.
    pub expire_after: Option<String>,
    /// The age at which the sender is told that the message is late: a duration. Absent: as `[delivery]` has it.
    pub delay_notice_after: Option<String>,
    /// Whether it is chosen by a rule alone (`route_to_connector`), and never by a domain.
    pub is_transport_rule_scoped: bool,
    /// `on_premises`: mail of the organization to everywhere goes this way first, but for what came from its own
    /// servers.
    pub route_all_messages_via_on_premises: bool,
    /// `on_premises`: header fields that mean something within the organization go along, as cross-premises ones. To
    /// everybody else they never go.
    pub cloud_services_mail_enabled: bool,
    /// Whether the envelope sender is rewritten. Nothing but false is taken: this build does not do it.
    pub sender_rewriting_enabled: bool,
    /// Nothing but false is taken: what Exchange does in it is not known.
    pub test_mode: bool,
    /// DANE. This build does not look it up yet: `mandatory` is refused, the others come to the same.
    pub smtp_dane_mode: LookupMode,
    /// MTA-STS. This build does not look it up yet: `mandatory` is refused, the others come to the same.
    pub mta_sts_mode: LookupMode,
    /// With whom it is tried where an order names nobody: addresses in its domains, at most 10.
    pub validation_recipients: Vec<String>,
    /// Tries it again by itself: the pause from one to the next, a duration (`1d`). Absent: only by order.
    pub revalidate_every: Option<String>,
    /// Whether a test message is sent then; otherwise hosts are asked of the recipients alone.
    pub revalidate_with_mail: bool,
}

impl Default for OutboundConnector {
    fn default() -> Self {
        Self {
            organization: first_organization(),
            name: String::new(),
            enabled: true,
            mode: Mode::default(),
            draft_of: None,
            comment: String::new(),
            connector_type: ConnectorType::default(),
            recipient_domains: Vec::new(),
            all_accepted_domains: false,
            smart_hosts: Vec::new(),
            implicit_tls: false,
            sni: None,
            tls_settings: TlsSettings::default(),
            tls_domain: None,
            tls_domains: Vec::new(),
            min_tls_version: MinTlsVersion::default(),
            key_exchange_groups: Vec::new(),
            trust_anchors: None,
            pins: Vec::new(),
            revocation: None,
            refuse_not_revocable: None,
            client_certificate: None,
            client_certificate_role: None,
            client_certificate_in_tls12: false,
            ehlo_name: None,
            source_address: None,
            retry: None,
            expire_after: None,
            delay_notice_after: None,
            is_transport_rule_scoped: false,
            route_all_messages_via_on_premises: false,
            cloud_services_mail_enabled: false,
            sender_rewriting_enabled: false,
            test_mode: false,
            smtp_dane_mode: LookupMode::default(),
            mta_sts_mode: LookupMode::default(),
            validation_recipients: Vec::new(),
            revalidate_every: None,
            revalidate_with_mail: false,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorType {
    /// Somebody else.
    #[default]
    Partner,
    /// The organization's own servers: they may send out through this service.
    OnPremises,
}

/// The oldest version of TLS that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum MinTlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// What plaintext is answered where TLS is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaintextReply {
    /// `451 4.7.0`: a partner whose TLS failed once tries again.
    #[default]
    TryAgain,
    /// `530 5.7.0`: the mail goes back to its sender.
    Refuse,
}

/// What holds of a certificate that may have been revoked. The CRLs that it and those above it name are asked, where
/// there is none OCSP. One that is known to be revoked never passes but by `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// Nobody asks.
    Off,
    /// While it cannot be found out, it passes.
    SoftFail,
    /// While it cannot be found out, mail waits.
    #[default]
    HardFail,
}

/// What must hold on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsSettings {
    /// The best that both sides can do.
    #[default]
    Opportunistic,
    /// TLS, whoever the host is.
    EncryptionOnly,
    /// A certificate that chains to the anchors and is valid now.
    CertificateValidation,
    /// That, for one of the names.
    DomainValidation,
}

/// What is looked up about a domain's TLS before mail goes there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LookupMode {
    /// What is published there holds.
    #[default]
    Opportunistic,
    /// It must be published.
    Mandatory,
    /// It is not looked at.
    None,
}

/// A certificate with its key, in files on the node. A relative path starts in the folder of `sekisho.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The chain in PEM, leaf first.
    pub certificate: String,
    /// The private key in PEM.
    pub key: String,
}
