//! The fields of an inbound connector as flags.

use clap::Args;
use sekisho_api::{ConnectorType, InboundConnector, MinTlsVersion, Mode, PlaintextReply, Revocation};

use crate::cli::{
    CliError,
    changes::{self, TextFile, set, set_list, set_text},
    document::FieldFlags,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct InboundFlags {
    /// Whether it is looked at [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enabled: Option<bool>,
    /// Whether it acts or is only tried: enforce or shadow [default: enforce]
    #[arg(long, value_name = "MODE", value_parser = changes::word::<Mode>)]
    mode: Option<Mode>,
    /// The connector in whose place it is tried
    #[arg(long, value_name = "NAME")]
    draft_of: Option<String>,
    /// Words of your own
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Who brings the mail: partner (somebody else) or on-premises (the organization's own servers) [default: partner]
    #[arg(long, value_name = "TYPE", value_parser = changes::word::<ConnectorType>)]
    connector_type: Option<ConnectorType>,
    /// A partner's: whose mail, by the domain of MAIL FROM: bank.example, *.bank.example, or *
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    sender_domains: Option<Vec<String>>,
    /// Where the client may be: addresses and networks
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    sender_ip_addresses: Option<Vec<String>>,
    /// Demands TLS [default: true for partner, false for on-premises]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_tls: Option<bool>,
    /// The name that the client's certificate must be for: mail.bank.example, or *.bank.example
    #[arg(long, value_name = "NAME")]
    tls_sender_certificate_name: Option<String>,
    /// A partner's: only whoever has that certificate may send from the sender domains
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    restrict_domains_to_certificate: Option<bool>,
    /// A partner's: mail from the sender domains is taken only from the sender addresses
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    restrict_domains_to_ip_addresses: Option<bool>,
    /// Accepted domains of the organization to which it is limited
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    associated_accepted_domains: Option<Vec<String>>,
    /// On-premises: marks the organization's own mail as internal
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    treat_messages_as_internal: Option<bool>,
    /// On-premises: believes what the servers say in cross-premises header fields
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cloud_services_mail_enabled: Option<bool>,
    /// Organizations of this service whose mail is taken as if it met the restrictions
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    trusted_organizations: Option<Vec<String>>,
    /// The oldest version of TLS: 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = changes::word::<MinTlsVersion>)]
    min_tls_version: Option<MinTlsVersion>,
    /// Key exchange groups of which the connection must have used one: X25519MLKEM768 (the hybrid post-quantum one),
    /// x25519, secp256r1, secp384r1
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    key_exchange_groups: Option<Vec<String>>,
    /// A PEM file with the certificates at which the client's chain must end; it is read now and kept
    #[arg(long, value_name = "FILE", value_parser = TextFile::read)]
    trust_anchors: Option<TextFile>,
    /// An issuer of the client's certificate: "O=Example Trust, C=CH"; may be repeated
    #[arg(long, value_name = "ISSUER")]
    issuers: Option<Vec<String>>,
    /// Keys of which the client's certificate must have one: sha256: and 64 hexadecimal digits
    #[arg(long, value_name = "PIN", value_delimiter = ',')]
    pins: Option<Vec<String>>,
    /// Takes certificates whose extended key usages leave clientAuth out [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    server_auth_certificates: Option<bool>,
    /// Whether its certificate may be a revoked one: off, soft-fail (passes while that cannot be found out) or
    /// hard-fail (waits); empty for what the organization says
    #[arg(long, value_name = "MODE", value_parser = changes::word_or_none::<Revocation>)]
    revocation: Option<changes::Word<Revocation>>,
    /// Refuses certificates that say nowhere how they would be revoked
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    refuse_not_revocable: Option<bool>,
    /// What plaintext is answered where TLS is demanded: try-again or refuse [default: try-again]
    #[arg(long, value_name = "REPLY", value_parser = changes::word::<PlaintextReply>)]
    plaintext_reply: Option<PlaintextReply>,
}

impl FieldFlags for InboundFlags {
    type Document = InboundConnector;

    fn apply(&self, document: &mut InboundConnector) -> Result<(), CliError> {
        set(&mut document.enabled, self.enabled.as_ref());
        set(&mut document.mode, self.mode.as_ref());
        set_text(&mut document.draft_of, self.draft_of.as_ref());
        set(&mut document.comment, self.comment.as_ref());
        set(&mut document.connector_type, self.connector_type.as_ref());
        set_list(&mut document.sender_domains, self.sender_domains.as_ref());
        set_list(&mut document.sender_ip_addresses, self.sender_ip_addresses.as_ref());
        if self.require_tls.is_some() {
            document.require_tls = self.require_tls;
        }
        let name = self.tls_sender_certificate_name.as_ref();
        set_text(&mut document.tls_sender_certificate_name, name);
        let flag = self.restrict_domains_to_certificate.as_ref();
        set(&mut document.restrict_domains_to_certificate, flag);
        let flag = self.restrict_domains_to_ip_addresses.as_ref();
        set(&mut document.restrict_domains_to_ip_addresses, flag);
        let domains = self.associated_accepted_domains.as_ref();
        set_list(&mut document.associated_accepted_domains, domains);
        let flag = self.treat_messages_as_internal.as_ref();
        set(&mut document.treat_messages_as_internal, flag);
        let flag = self.cloud_services_mail_enabled.as_ref();
        set(&mut document.cloud_services_mail_enabled, flag);
        set_list(&mut document.trusted_organizations, self.trusted_organizations.as_ref());
        set(&mut document.min_tls_version, self.min_tls_version.as_ref());
        set_list(&mut document.key_exchange_groups, self.key_exchange_groups.as_ref());
        if let Some(file) = &self.trust_anchors {
            file.set(&mut document.trust_anchors);
        }
        set_list(&mut document.issuers, self.issuers.as_ref());
        set_list(&mut document.pins, self.pins.as_ref());
        let flag = self.server_auth_certificates.as_ref();
        set(&mut document.server_auth_certificates, flag);
        if let Some(changes::Word(revocation)) = self.revocation {
            document.revocation = revocation;
        }
        if self.refuse_not_revocable.is_some() {
            document.refuse_not_revocable = self.refuse_not_revocable;
        }
        set(&mut document.plaintext_reply, self.plaintext_reply.as_ref());
        Ok(())
    }
}
