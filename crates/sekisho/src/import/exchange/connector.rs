//! Connectors and accepted domains of Exchange as documents, property by property.

use sekisho_api::{
    AcceptedDomain, ConnectorType, Document as _, DomainType, InboundConnector, LookupMode, OutboundConnector,
    TlsSettings,
};

use sekisho_mail::{Domain, Mailbox};
use sekisho_policy::directory::DomainScope;

use super::{DomainNames, object::Reading};
use crate::{import::NoteKind, validation::RECIPIENTS_MAX};

const TYPES: [(&str, ConnectorType); 2] = [
    ("Partner", ConnectorType::Partner),
    ("OnPremises", ConnectorType::OnPremises),
];

/// Of an inbound connector: the property, whether mail is treated otherwise without it, and why.
const INBOUND_WITHOUT: [(&str, bool, &str); 8] = [
    (
        "EFSkipLastIP",
        true,
        "the client's address is the one that counts here: filters behind Sekisho see the gateway, not who sent to it",
    ),
    (
        "EFSkipIPs",
        true,
        "the client's address is the one that counts here: filters behind Sekisho see the gateway, not who sent to it",
    ),
    (
        "EFUsers",
        false,
        "it limits the skipping of addresses, which is not carried over",
    ),
    ("EFSkipMailGateway", false, "it is reserved for Microsoft"),
    ("EFTestMode", false, "it is reserved for Microsoft"),
    (
        "ScanAndDropRecipients",
        true,
        "it is reserved for Microsoft, and no mail is dropped here",
    ),
    (
        "ClientHostNames",
        true,
        "what it does is documented nowhere; clients are known by address or certificate",
    ),
    ("LinkForModifiedConnector", false, "it is reserved for Microsoft"),
];

/// Likewise of an outbound one.
const OUTBOUND_WITHOUT: [(&str, bool, &str); 3] = [
    (
        "IsValidated",
        false,
        "a test there says nothing of this server; the history here begins with `sekisho connector validate`",
    ),
    (
        "LastValidationTimestamp",
        false,
        "a test there says nothing of this server; the history here begins with `sekisho connector validate`",
    ),
    ("LinkForModifiedConnector", false, "it is reserved for Microsoft"),
];

/// Likewise of an accepted domain.
const DOMAIN_WITHOUT: [(&str, bool, &str); 8] = [
    (
        "MatchSubDomains",
        true,
        "a domain is accepted alone here: name those below it one by one",
    ),
    (
        "CatchAllRecipientID",
        true,
        "mail to unknown recipients is refused here, or handed on by a relay domain",
    ),
    ("OutboundOnly", true, "mail for an accepted domain is taken here"),
    ("SendingFromDomainDisabled", true, "an accepted domain sends here"),
    (
        "SendingToDomainDisabled",
        true,
        "mail for an accepted domain is taken here",
    ),
    ("Default", false, "no domain is the default one here"),
    (
        "InitialDomain",
        true,
        "it is Microsoft's own name for the tenant: mail for it would be kept here and not go there",
    ),
    ("PendingRemoval", true, "it is about to be removed there"),
];

/// Properties of an accepted domain that say nothing of mail transport.
const DOMAIN_SILENT: [&str; 14] = [
    "AddressBookEnabled",
    "AuthenticationType",
    "CanHaveCloudCache",
    "DualProvisioningEnabled",
    "EmailOnly",
    "EnableNego2Authentication",
    "ExternallyManaged",
    "FederatedOrganizationLink",
    "IsCoexistenceDomain",
    "IsDefaultFederatedDomain",
    "LiveIdInstanceType",
    "MailFlowPartner",
    "PendingCompletion",
    "RawAuthenticationType",
];

fn without(reading: &mut Reading<'_>, list: &[(&str, bool, &str)]) {
    for (property, matters, text) in list {
        if reading.says(property) {
            reading.note(NoteKind::NoCounterpart, *matters, property, *text);
        }
    }
}

/// `Get-InboundConnector`.
pub(super) fn inbound(reading: &mut Reading<'_>, domains: &DomainNames) {
    let name = reading.text("Name", "name").unwrap_or_default();
    let kind = reading.word("ConnectorType", "connector_type", &TYPES);
    let trusted = reading.list("TrustedOrganizations", "trusted_organizations");
    let mut document = InboundConnector {
        organization: reading.wanted.organization.clone(),
        name,
        enabled: reading.flag("Enabled", "enabled").unwrap_or(true),
        comment: reading.text("Comment", "comment").unwrap_or_default(),
        connector_type: kind.unwrap_or_default(),
        sender_domains: scopes(reading, "SenderDomains", "sender_domains"),
        sender_ip_addresses: reading.list("SenderIPAddresses", "sender_ip_addresses"),
        require_tls: reading.flag("RequireTls", "require_tls"),
        restrict_domains_to_certificate: reading
            .flag("RestrictDomainsToCertificate", "restrict_domains_to_certificate")
            .unwrap_or(false),
        restrict_domains_to_ip_addresses: reading
            .flag("RestrictDomainsToIPAddresses", "restrict_domains_to_ip_addresses")
            .unwrap_or(false),
        associated_accepted_domains: associated(reading, domains),
        treat_messages_as_internal: reading
            .flag("TreatMessagesAsInternal", "treat_messages_as_internal")
            .unwrap_or(false),
        cloud_services_mail_enabled: reading
            .flag("CloudServicesMailEnabled", "cloud_services_mail_enabled")
            .unwrap_or(false),
        ..InboundConnector::default()
    };
    certificate_name(reading, &mut document);
    if !trusted.is_empty() {
        document = trusting(reading, document, trusted);
    } else if document.connector_type == ConnectorType::OnPremises {
        on_premises(reading, &mut document);
    } else if document.cloud_services_mail_enabled {
        partner_headers(reading);
    }
    let is_by_address =
        document.restrict_domains_to_ip_addresses || document.connector_type == ConnectorType::OnPremises;
    if is_by_address && !document.sender_ip_addresses.is_empty() {
        let text = "Exchange takes IPv4 addresses alone; a client that comes over IPv6 is not known by them here, \
                    unless you add its IPv6 addresses";
        reading.note(NoteKind::Different, true, "SenderIPAddresses", text);
    }
    without(reading, &INBOUND_WITHOUT);
    let source = reading.end();
    let import = &mut *reading.import;
    import.comes_from(&document.id(), source);
    import.documents.inbound_connector.push(document);
}

/// Only to and from its own servers an organization's header fields go along.
fn partner_headers(reading: &mut Reading<'_>) {
    let text = "here it is for OnPremises connectors alone, and the server refuses it until --leave-out \
                CloudServicesMailEnabled";
    reading.note(NoteKind::Different, true, "CloudServicesMailEnabled", text);
}

/// V12: nothing else of it counts there, and nothing else is taken here.
fn trusting(reading: &mut Reading<'_>, document: InboundConnector, trusted: Vec<String>) -> InboundConnector {
    let text = "with TrustedOrganizations nothing else of a connector counts, there and here: it was left out";
    reading.note(NoteKind::Different, false, "TrustedOrganizations", text);
    let text = "there it names tenants of Microsoft's, here organizations of this service";
    reading.note(NoteKind::Different, true, "TrustedOrganizations", text);
    InboundConnector {
        organization: document.organization,
        name: document.name,
        enabled: document.enabled,
        comment: document.comment,
        connector_type: document.connector_type,
        trusted_organizations: trusted,
        ..InboundConnector::default()
    }
}

/// What is a partner's alone has no effect there (V2), and would be refused here.
fn on_premises(reading: &mut Reading<'_>, document: &mut InboundConnector) {
    if document.require_tls == Some(true) {
        let text =
            "without effect on OnPremises connectors there; here it holds: plaintext from these servers is refused";
        reading.note(NoteKind::Different, true, "RequireTls", text);
    }
    let is_scoped = document.sender_domains.iter().any(|scope| scope != "*");
    let text = "without effect on OnPremises connectors there; left out";
    for (is_set, property) in [
        (is_scoped, "SenderDomains"),
        (document.restrict_domains_to_certificate, "RestrictDomainsToCertificate"),
        (
            document.restrict_domains_to_ip_addresses,
            "RestrictDomainsToIPAddresses",
        ),
    ] {
        if is_set {
            reading.note(NoteKind::Different, false, property, text);
        }
    }
    if is_scoped {
        document.sender_domains.clear();
    }
    document.restrict_domains_to_certificate = false;
    document.restrict_domains_to_ip_addresses = false;
}

/// `mail.example.org`, `*.example.org`, or `<I>issuer<S>subject` as the hybrid wizard writes it.
fn certificate_name(reading: &mut Reading<'_>, document: &mut InboundConnector) {
    const PROPERTY: &str = "TlsSenderCertificateName";
    let Some(text) = reading.text(PROPERTY, "tls_sender_certificate_name") else {
        return;
    };
    let san_only =
        "the certificate must have the name among its SAN dNSNames; its subject counts there, and never here";
    reading.note(NoteKind::Different, true, PROPERTY, san_only);
    if text.starts_with("*.") {
        let text = "it is met by that domain, by every name below it however deep, and by that very text";
        reading.note(NoteKind::Different, false, PROPERTY, text);
    }
    let Some((issuer, subject)) = text.strip_prefix("<I>").and_then(|rest| rest.split_once("<S>")) else {
        document.tls_sender_certificate_name = Some(text);
        return;
    };
    let mut attributes = subject
        .split(',')
        .filter_map(|attribute| attribute.trim().split_once('='));
    let common = attributes.find(|(key, _)| key.trim().eq_ignore_ascii_case("CN"));
    let Some((_, common)) = common else {
        reading.fault(
            PROPERTY,
            "the subject has no common name, by which the certificate could be known here",
        );
        return;
    };
    document.tls_sender_certificate_name = Some(common.trim().to_owned());
    document.issuers = vec![issuer.trim().to_owned()];
    let text = "of <I>issuer<S>subject, the issuer became `issuers`, and the subject's common name the name";
    reading.note(NoteKind::Different, true, PROPERTY, text);
}

/// There they are named by their objects, here by themselves.
fn associated(reading: &mut Reading<'_>, domains: &DomainNames) -> Vec<String> {
    let names = reading.list("AssociatedAcceptedDomains", "associated_accepted_domains");
    let domain = |name: String| domains.get(&name.to_ascii_lowercase()).cloned().unwrap_or(name);
    names.into_iter().map(domain).collect()
}

/// `smtp:example.org;1`, or the domain alone.
fn scopes(reading: &mut Reading<'_>, property: &str, field: &'static str) -> Vec<String> {
    let mut scopes = Vec::new();
    for text in reading.list(property, field) {
        let (address, cost) = text.split_once(';').unwrap_or((&text, "1"));
        let (kind, domain) = address.split_once(':').unwrap_or(("smtp", address));
        if !kind.eq_ignore_ascii_case("smtp") {
            reading.fault(property, format!("{text:?}: only SMTP domains can be carried over"));
            continue;
        }
        if cost.trim() != "1" {
            let text = "the cost of an address space has no meaning here; left out";
            reading.note(NoteKind::NoCounterpart, false, property, text);
        }
        scopes.push(domain.trim().to_owned());
    }
    scopes
}

/// `Get-OutboundConnector`.
pub(super) fn outbound(reading: &mut Reading<'_>, domains: &DomainNames) {
    const TLS: [(&str, TlsSettings); 3] = [
        ("EncryptionOnly", TlsSettings::EncryptionOnly),
        ("CertificateValidation", TlsSettings::CertificateValidation),
        ("DomainValidation", TlsSettings::DomainValidation),
    ];
    let kind = reading.word("ConnectorType", "connector_type", &TYPES);
    let uses_mx = reading.flag("UseMXRecord", "smart_hosts").unwrap_or(true);
    let mut flag = |property, field| reading.flag(property, field).unwrap_or(false);
    let mut document = OutboundConnector {
        connector_type: kind.unwrap_or_default(),
        all_accepted_domains: flag("AllAcceptedDomains", "all_accepted_domains"),
        is_transport_rule_scoped: flag("IsTransportRuleScoped", "is_transport_rule_scoped"),
        route_all_messages_via_on_premises: flag("RouteAllMessagesViaOnPremises", "route_all_messages_via_on_premises"),
        cloud_services_mail_enabled: flag("CloudServicesMailEnabled", "cloud_services_mail_enabled"),
        sender_rewriting_enabled: flag("SenderRewritingEnabled", "sender_rewriting_enabled"),
        test_mode: flag("TestMode", "test_mode"),
        ..OutboundConnector::default()
    };
    document.organization.clone_from(&reading.wanted.organization);
    document.name = reading.text("Name", "name").unwrap_or_default();
    document.enabled = reading.flag("Enabled", "enabled").unwrap_or(true);
    document.comment = reading.text("Comment", "comment").unwrap_or_default();
    document.recipient_domains = scopes(reading, "RecipientDomains", "recipient_domains");
    document.smart_hosts = smart_hosts(reading, uses_mx);
    let tls = reading.word("TlsSettings", "tls_settings", &TLS);
    document.tls_settings = tls.unwrap_or_default();
    document.tls_domain = reading.text("TlsDomain", "tls_domain");
    document.smtp_dane_mode = lookup(reading, "SmtpDaneMode", "smtp_dane_mode", "DANE");
    document.mta_sts_mode = lookup(reading, "MtaStsMode", "mta_sts_mode", "MTA-STS");
    document.validation_recipients = validation_recipients(reading, &document, domains);
    outbound_differences(reading, &document);
    without(reading, &OUTBOUND_WITHOUT);
    let source = reading.end();
    let import = &mut *reading.import;
    import.comes_from(&document.id(), source);
    import.documents.outbound_connector.push(document);
}

/// Those whose mail the connector may carry: others are refused here.
fn validation_recipients(
    reading: &mut Reading<'_>,
    document: &OutboundConnector,
    domains: &DomainNames,
) -> Vec<String> {
    const PROPERTY: &str = "ValidationRecipients";
    let scopes = document.recipient_domains.iter();
    let scopes: Vec<DomainScope> = scopes.filter_map(|scope| scope.parse().ok()).collect();
    let carries_all = document.route_all_messages_via_on_premises
        || document.is_transport_rule_scoped && document.recipient_domains.is_empty();
    // Where nothing is imported with it, the accepted domains are those that are here.
    let is_accepted = |domain: &Domain| {
        domains.is_empty()
            || domains
                .values()
                .any(|one| Domain::parse(one).is_ok_and(|one| one == *domain))
    };
    let is_covered = |text: &String| {
        let Ok(address) = Mailbox::parse(text) else {
            return false;
        };
        let domain = address.host().domain();
        carries_all
            || document.all_accepted_domains && domain.is_some_and(is_accepted)
            || scopes.iter().any(|scope| scope.covers(domain))
    };
    let all = reading.list(PROPERTY, "validation_recipients");
    let (mut kept, others): (Vec<String>, Vec<String>) = all.into_iter().partition(is_covered);
    if !others.is_empty() {
        let text = format!("{} is in no domain of the connector; left out", others.join(", "));
        reading.note(NoteKind::Different, false, PROPERTY, text);
    }
    if kept.len() > RECIPIENTS_MAX {
        let text = format!("here they are {RECIPIENTS_MAX} at the most; the others were left out");
        reading.note(NoteKind::Different, false, PROPERTY, text);
        kept.truncate(RECIPIENTS_MAX);
    }
    kept
}

fn outbound_differences(reading: &mut Reading<'_>, document: &OutboundConnector) {
    if document.recipient_domains.iter().any(|scope| scope.starts_with("*.")) {
        let text =
            "*.example.org is example.org itself and every domain below it; there it is said to be those below alone";
        reading.note(NoteKind::Different, true, "RecipientDomains", text);
    }
    if document.tls_domain.as_ref().is_some_and(|name| name.starts_with("*.")) {
        let text = "it is met by that domain, by every name below it however deep, and by that very text";
        reading.note(NoteKind::Different, false, "TlsDomain", text);
    }
    if document.is_transport_rule_scoped {
        let text = "the mail-flow rules that choose it are not part of this: add them with `sekisho rule add NAME \
                    --route-to-connector`, or no mail ever goes this way";
        reading.note(NoteKind::Different, true, "IsTransportRuleScoped", text);
    }
    if document.route_all_messages_via_on_premises {
        let text = "here it carries all mail that is not for a mailbox here, whatever other connectors are for; what \
                    came from the organization's own servers does not go there again";
        reading.note(NoteKind::Different, true, "RouteAllMessagesViaOnPremises", text);
    }
    if document.cloud_services_mail_enabled && document.connector_type == ConnectorType::Partner {
        partner_headers(reading);
    }
    for (is_set, property) in [
        (document.sender_rewriting_enabled, "SenderRewritingEnabled"),
        (document.test_mode, "TestMode"),
    ] {
        if is_set {
            let text =
                format!("nothing here does it, and the server refuses the connector until --leave-out {property}");
            reading.note(NoteKind::NoCounterpart, true, property, text);
        }
    }
}

fn smart_hosts(reading: &mut Reading<'_>, uses_mx: bool) -> Vec<String> {
    const PROPERTY: &str = "SmartHosts";
    let hosts = reading.list(PROPERTY, "smart_hosts");
    if uses_mx {
        if !hosts.is_empty() {
            let text = "with UseMXRecord smart hosts have no effect there; left out";
            reading.note(NoteKind::Different, false, PROPERTY, text);
        }
        return Vec::new();
    }
    if hosts.is_empty() {
        let text = "there are no smart hosts, and UseMXRecord is false: mail would go to the MX records here, and \
                    nowhere there (V9)";
        reading.fault(PROPERTY, text);
    }
    let is_name = |host: &String| host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(['[', ':']);
    if hosts.iter().any(is_name) {
        let text = "there a name may be one with MX records; here its addresses alone are looked up, unless you write \
                    mx:NAME";
        reading.note(NoteKind::Different, true, PROPERTY, text);
    }
    hosts
}

fn lookup(reading: &mut Reading<'_>, property: &str, field: &'static str, what: &str) -> LookupMode {
    let words = [
        ("Opportunistic", LookupMode::Opportunistic),
        ("Mandatory", LookupMode::Mandatory),
        ("None", LookupMode::None),
    ];
    let mode = reading.word(property, field, &words).unwrap_or_default();
    if mode == LookupMode::Opportunistic {
        let text =
            format!("{what} is not looked up by this build yet, so what a domain publishes there demands nothing");
        reading.note(NoteKind::Different, true, property, text);
    }
    mode
}

/// `Get-AcceptedDomain`.
pub(super) fn domain(reading: &mut Reading<'_>) {
    let types = [
        ("Authoritative", DomainType::Authoritative),
        ("InternalRelay", DomainType::InternalRelay),
        ("ExternalRelay", DomainType::ExternalRelay),
    ];
    let kind = reading.word("DomainType", "type", &types).unwrap_or_default();
    let mut document = AcceptedDomain {
        organization: reading.wanted.organization.clone(),
        name: reading.text("DomainName", "name").unwrap_or_default(),
        kind,
        ..AcceptedDomain::default()
    };
    let normal = Domain::parse(&document.name);
    if let Ok(domain) = normal {
        document.name = domain.to_string();
    }
    if kind != DomainType::ExternalRelay {
        let text = "mailboxes are not part of it: recipients here are those of [local] in sekisho.toml";
        reading.note(NoteKind::Different, true, "DomainType", text);
    }
    for property in DOMAIN_SILENT {
        reading.says(property);
    }
    without(reading, &DOMAIN_WITHOUT);
    let source = reading.end();
    let import = &mut *reading.import;
    import.comes_from(&document.id(), source);
    import.documents.domain.push(document);
}
