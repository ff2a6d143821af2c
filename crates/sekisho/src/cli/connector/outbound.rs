//! The fields of an outbound connector as flags.

use clap::Args;
use sekisho_api::{
    CertificateFiles, ConnectorType, LookupMode, MinTlsVersion, Mode, OutboundConnector, Revocation, TlsSettings,
};

use crate::cli::{
    CliError,
    changes::{self, TextFile, set, set_list, set_text},
    document::FieldFlags,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct OutboundFlags {
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
    /// Who is at the other end: partner (somebody else) or on-premises (the organization's own servers)
    /// [default: partner]
    #[arg(long, value_name = "TYPE", value_parser = changes::word::<ConnectorType>)]
    connector_type: Option<ConnectorType>,
    /// Whose mail goes this way: bank.example, *.bank.example, or *
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    recipient_domains: Option<Vec<String>>,
    /// On-premises: also for every accepted domain of the organization
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    all_accepted_domains: Option<bool>,
    /// Is chosen by a rule alone, and never by a domain
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    is_transport_rule_scoped: Option<bool>,
    /// On-premises: mail of the organization to everywhere goes this way first, but for what came from its own servers
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    route_all_messages_via_on_premises: Option<bool>,
    /// On-premises: header fields that mean something within the organization go along, as cross-premises ones
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cloud_services_mail_enabled: Option<bool>,
    /// The next hops: mail.bank.example:25, 192.0.2.1:25, 192.0.2.16/28:25, `[2001:db8::1]:25`, or mx:bank.example;
    /// without any, the MX records of the recipient's domain
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    smart_hosts: Option<Vec<String>>,
    /// Begins TLS with the first octet, without STARTTLS; the port is 465 then where none is named
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    implicit_tls: Option<bool>,
    /// The server name in the TLS handshake instead of the host's; empty to unset
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// What must hold: opportunistic, encryption-only, certificate-validation, or domain-validation
    /// [default: opportunistic]
    #[arg(long, value_name = "SETTING", value_parser = changes::word::<TlsSettings>)]
    tls_settings: Option<TlsSettings>,
    /// Domain-validation: the name that the host's certificate must be for, mail.bank.example or *.bank.example
    #[arg(long, value_name = "NAME")]
    tls_domain: Option<String>,
    /// More such names, any of which will do
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tls_domains: Option<Vec<String>>,
    /// The oldest version of TLS: 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = changes::word::<MinTlsVersion>)]
    min_tls_version: Option<MinTlsVersion>,
    /// Key exchange groups of which the connection must have used one: X25519MLKEM768 (the hybrid post-quantum one),
    /// x25519, secp256r1, secp384r1
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    key_exchange_groups: Option<Vec<String>>,
    /// A PEM file with the certificates at which the host's chain must end; it is read now and kept
    #[arg(long, value_name = "FILE", value_parser = TextFile::read)]
    trust_anchors: Option<TextFile>,
    /// Keys of which the host's certificate must have one: sha256: and 64 hexadecimal digits
    #[arg(long, value_name = "PIN", value_delimiter = ',')]
    pins: Option<Vec<String>>,
    /// Whether its certificate may be a revoked one: off, soft-fail (passes while that cannot be found out) or
    /// hard-fail (waits); empty for what the organization says
    #[arg(long, value_name = "MODE", value_parser = changes::word_or_none::<Revocation>)]
    revocation: Option<changes::Word<Revocation>>,
    /// Refuses certificates that say nowhere how they would be revoked
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    refuse_not_revocable: Option<bool>,
    /// The certificate that is presented: a PEM file on the node, with --client-key
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<String>,
    /// The key of that certificate: a PEM file on the node
    #[arg(long, value_name = "FILE")]
    client_key: Option<String>,
    /// The certificate that is presented: that of this role of the organization
    #[arg(long, value_name = "ROLE")]
    client_certificate_role: Option<String>,
    /// Presents it in TLS 1.2 too, where everyone on the way can read it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    client_certificate_in_tls12: Option<bool>,
    /// The name in EHLO
    #[arg(long, value_name = "NAME")]
    ehlo_name: Option<String>,
    /// The address of the node to connect from
    #[arg(long, value_name = "ADDRESS")]
    source_address: Option<String>,
    /// Pauses between attempts: 1m,5m,"15m until 4h",1h
    #[arg(long, value_name = "PAUSE", value_delimiter = ',')]
    retry: Option<Vec<String>>,
    /// The age at which an undelivered message is given up: 48h, 5d
    #[arg(long, value_name = "AGE")]
    expire_after: Option<String>,
    /// The age at which the sender is told that the message is late
    #[arg(long, value_name = "AGE")]
    delay_notice_after: Option<String>,
    /// DANE: opportunistic or none; not looked up yet by this version [default: opportunistic]
    #[arg(long, value_name = "MODE", value_parser = changes::word::<LookupMode>)]
    smtp_dane_mode: Option<LookupMode>,
    /// MTA-STS: opportunistic or none; not looked up yet by this version [default: opportunistic]
    #[arg(long, value_name = "MODE", value_parser = changes::word::<LookupMode>)]
    mta_sts_mode: Option<LookupMode>,
    /// With whom `connector validate` tries it where nobody is named: addresses in its domains
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    validation_recipients: Option<Vec<String>>,
    /// Tries it again by itself, at this pace: 1h, 1d
    #[arg(long, value_name = "PAUSE")]
    revalidate_every: Option<String>,
    /// Sends a test message then
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    revalidate_with_mail: Option<bool>,
}

impl FieldFlags for OutboundFlags {
    type Document = OutboundConnector;

    fn apply(&self, document: &mut OutboundConnector) -> Result<(), CliError> {
        set(&mut document.enabled, self.enabled.as_ref());
        set(&mut document.mode, self.mode.as_ref());
        set_text(&mut document.draft_of, self.draft_of.as_ref());
        set(&mut document.comment, self.comment.as_ref());
        set(&mut document.connector_type, self.connector_type.as_ref());
        set_list(&mut document.recipient_domains, self.recipient_domains.as_ref());
        set(&mut document.all_accepted_domains, self.all_accepted_domains.as_ref());
        let flag = self.is_transport_rule_scoped.as_ref();
        set(&mut document.is_transport_rule_scoped, flag);
        let flag = self.route_all_messages_via_on_premises.as_ref();
        set(&mut document.route_all_messages_via_on_premises, flag);
        let flag = self.cloud_services_mail_enabled.as_ref();
        set(&mut document.cloud_services_mail_enabled, flag);
        set_list(&mut document.smart_hosts, self.smart_hosts.as_ref());
        set(&mut document.implicit_tls, self.implicit_tls.as_ref());
        set_text(&mut document.sni, self.sni.as_ref());
        set(&mut document.tls_settings, self.tls_settings.as_ref());
        set_text(&mut document.tls_domain, self.tls_domain.as_ref());
        set_list(&mut document.tls_domains, self.tls_domains.as_ref());
        set(&mut document.min_tls_version, self.min_tls_version.as_ref());
        set_list(&mut document.key_exchange_groups, self.key_exchange_groups.as_ref());
        if let Some(file) = &self.trust_anchors {
            file.set(&mut document.trust_anchors);
        }
        set_list(&mut document.pins, self.pins.as_ref());
        if let Some(changes::Word(revocation)) = self.revocation {
            document.revocation = revocation;
        }
        if self.refuse_not_revocable.is_some() {
            document.refuse_not_revocable = self.refuse_not_revocable;
        }
        self.apply_certificate(document)?;
        set_text(
            &mut document.client_certificate_role,
            self.client_certificate_role.as_ref(),
        );
        let flag = self.client_certificate_in_tls12.as_ref();
        set(&mut document.client_certificate_in_tls12, flag);
        set_text(&mut document.ehlo_name, self.ehlo_name.as_ref());
        set_text(&mut document.source_address, self.source_address.as_ref());
        if self.retry.is_some() {
            let mut pauses = Vec::new();
            set_list(&mut pauses, self.retry.as_ref());
            document.retry = Some(pauses).filter(|pauses| !pauses.is_empty());
        }
        set_text(&mut document.expire_after, self.expire_after.as_ref());
        set_text(&mut document.delay_notice_after, self.delay_notice_after.as_ref());
        set(&mut document.smtp_dane_mode, self.smtp_dane_mode.as_ref());
        set(&mut document.mta_sts_mode, self.mta_sts_mode.as_ref());
        let recipients = self.validation_recipients.as_ref();
        set_list(&mut document.validation_recipients, recipients);
        set_text(&mut document.revalidate_every, self.revalidate_every.as_ref());
        set(&mut document.revalidate_with_mail, self.revalidate_with_mail.as_ref());
        Ok(())
    }
}

impl OutboundFlags {
    fn apply_certificate(&self, document: &mut OutboundConnector) -> Result<(), CliError> {
        match (self.client_certificate.as_deref(), self.client_key.as_deref()) {
            (None, None) => {}
            (Some(""), None | Some("")) => document.client_certificate = None,
            (Some(certificate), Some(key)) => {
                document.client_certificate = Some(CertificateFiles {
                    certificate: certificate.to_owned(),
                    key: key.to_owned(),
                });
            }
            (Some(_), None) | (None, Some(_)) => {
                let words = "name --client-certificate and --client-key together";
                return Err(CliError::Usage(words.to_owned()));
            }
        }
        Ok(())
    }
}
