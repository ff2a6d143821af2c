//! Connectors, from their texts.

use std::sync::Arc;

use sekisho_api::{self as api, Document as _};
use sekisho_mail::{
    AnchorSetId, ClientIdentityId, Host, KeyExchangeGroup, KeyExchangeGroups, OrganizationName, TlsVersion,
};
use sekisho_policy::directory::{
    CertificateName, CertificateRoleKey, ConnectorKey, ConnectorType, Fault, InboundConnector, OutboundConnector,
    PlaintextReply, SMTP_PORT, SUBMISSIONS_PORT, SmartHost, TlsFloor, TlsSettings,
};
use sekisho_tls::{AnchorSet, Identity};

use super::{
    CERTIFICATE_FIELD, Collected, FilePart, certificate_role::identity_of_role, reader::Reader, shadow::shadow,
    validation,
};
use crate::{
    config::{self, raw},
    directory::issuers,
    outbound::{NextHopHost, RouteSettings, Via, WaySource},
};

const SCOPE_REMEDY: &str = "write bank.example, *.bank.example, or *";
pub(super) const NAME_REMEDY: &str = "write mail.bank.example, or *.bank.example";

/// One that brings mail; with a fault it is left out, so that nobody judges halves.
pub(super) fn inbound(document: &api::InboundConnector, into: &mut Collected, faults: &mut Vec<Fault>) {
    let place = document.id().title();
    let mut reader = Reader::at(place.clone(), faults);
    let organization = reader.parse("organization", &document.organization, "");
    let kind = connector_type(document.connector_type);
    let sender_domains = reader.list("sender_domains", &document.sender_domains, SCOPE_REMEDY);
    let addresses_remedy = "write 192.0.2.1, 192.0.2.0/24, or 2001:db8::/32";
    let sender_addresses = reader.list("sender_ip_addresses", &document.sender_ip_addresses, addresses_remedy);
    let name = certificate_name(
        "tls_sender_certificate_name",
        document.tls_sender_certificate_name.as_deref(),
        &mut reader,
    );
    let associated = &document.associated_accepted_domains;
    let associated_accepted_domains = reader.list("associated_accepted_domains", associated, "write a domain");
    let trusted_organizations = reader.list("trusted_organizations", &document.trusted_organizations, "");
    let set = reader.anchors(document.trust_anchors.as_deref());
    let pins = reader.pins(&document.pins);
    let floor = floor(document.min_tls_version, &document.key_exchange_groups, &mut reader);
    let Some(organization) = organization.filter(|_| reader.is_sound()) else {
        return;
    };
    let anchors = keep_anchors(place, set, into);
    let revocation = into.revocation.setting(
        &document.organization,
        document.revocation,
        document.refuse_not_revocable,
    );
    into.parts.inbound.push(InboundConnector {
        shadow: shadow(document.mode, document.draft_of.as_deref(), (&document.id(), document)),
        key: ConnectorKey {
            organization,
            name: document.name.as_str().into(),
        },
        enabled: document.enabled,
        comment: document.comment.clone(),
        kind,
        sender_domains,
        sender_addresses: sender_addresses.into_iter().collect(),
        // One that trusts an organization says nothing of the way that its mail comes, unless it does.
        require_tls: (document.require_tls)
            .unwrap_or(kind == ConnectorType::Partner && trusted_organizations.is_empty()),
        tls_sender_certificate_name: name,
        restrict_domains_to_certificate: document.restrict_domains_to_certificate,
        restrict_domains_to_ip_addresses: document.restrict_domains_to_ip_addresses,
        associated_accepted_domains: associated_accepted_domains.into_iter().collect(),
        treat_messages_as_internal: document.treat_messages_as_internal,
        cloud_services_mail_enabled: document.cloud_services_mail_enabled,
        trusted_organizations,
        floor,
        anchors,
        revocation,
        issuers: document.issuers.iter().map(|text| issuers::parse(text)).collect(),
        pins,
        server_auth_certificates: document.server_auth_certificates,
        plaintext_reply: match document.plaintext_reply {
            api::PlaintextReply::TryAgain => PlaintextReply::TryAgain,
            api::PlaintextReply::Refuse => PlaintextReply::Refuse,
        },
    });
}

/// A way out; with a fault it is left out, so that nobody judges halves.
pub(super) fn outbound(
    document: &api::OutboundConnector,
    all: &[api::OutboundConnector],
    file: &FilePart,
    into: &mut Collected,
    faults: &mut Vec<Fault>,
) {
    let place = document.id().title();
    let mut reader = Reader::at(place.clone(), faults);
    refuse_unknown_outbound(document, &mut reader);
    let organization: Option<OrganizationName> = reader.parse("organization", &document.organization, "");
    let recipient_domains = reader.list("recipient_domains", &document.recipient_domains, SCOPE_REMEDY);
    let hosts_remedy = "write mail.bank.example:25, 192.0.2.1:25, 192.0.2.0/28, [2001:db8::1]:25, or mx:bank.example";
    let port = port(document);
    let parse_host = |text: &str| SmartHost::parse(text, port);
    let smart_hosts = reader.list_by(parse_host, "smart_hosts", &document.smart_hosts, hosts_remedy);
    let tls_domains = tls_domains(document, &mut reader);
    let set = reader.anchors(document.trust_anchors.as_deref());
    let pins = reader.pins(&document.pins);
    let floor = floor(document.min_tls_version, &document.key_exchange_groups, &mut reader);
    let (mut way, identity) = way(document, &smart_hosts, file, (&mut reader, &mut into.borne));
    if let Some(groups) = floor.groups {
        way.offer(groups);
    }
    let Some(organization) = organization.filter(|_| reader.is_sound()) else {
        return;
    };
    let key = ConnectorKey {
        organization: organization.clone(),
        name: document.name.as_str().into(),
    };
    way.name = key.to_string();
    let client_certificate_role = role_of(document, &organization);
    way.client_identity = client_certificate_role.as_ref().map(identity_of_role);
    if document.client_certificate.is_some() {
        // One that could not be read is named all the same: mail waits for it.
        let id = ClientIdentityId(identity_place(document, all));
        into.identities.extend(identity.map(|identity| (id.clone(), identity)));
        way.client_identity = Some(id);
    }
    if document.enabled {
        into.ways.insert(key.clone(), Arc::new(way));
    }
    let anchors = keep_anchors(place.clone(), set, into);
    let connector = OutboundConnector {
        shadow: shadow(document.mode, document.draft_of.as_deref(), (&document.id(), document)),
        key,
        enabled: document.enabled,
        comment: document.comment.clone(),
        kind: connector_type(document.connector_type),
        recipient_domains,
        all_accepted_domains: document.all_accepted_domains,
        is_transport_rule_scoped: document.is_transport_rule_scoped,
        route_all_messages_via_on_premises: document.route_all_messages_via_on_premises,
        cloud_services_mail_enabled: document.cloud_services_mail_enabled,
        smart_hosts,
        tls_settings: match document.tls_settings {
            api::TlsSettings::Opportunistic => TlsSettings::Opportunistic,
            api::TlsSettings::EncryptionOnly => TlsSettings::EncryptionOnly,
            api::TlsSettings::CertificateValidation => TlsSettings::CertificateValidation,
            api::TlsSettings::DomainValidation => TlsSettings::DomainValidation,
        },
        tls_domains,
        floor,
        anchors,
        revocation: into.revocation.setting(
            &document.organization,
            document.revocation,
            document.refuse_not_revocable,
        ),
        pins,
        client_certificate_role,
    };
    let mut reader = Reader::at(place, faults);
    let (tried_with, planned) = validation::read(document, &connector, &mut reader);
    into.tried_with.push((into.parts.outbound.len(), tried_with));
    into.revalidations.extend(planned);
    into.parts.outbound.push(connector);
}

/// All names of which the host's certificate must have one.
fn tls_domains(document: &api::OutboundConnector, reader: &mut Reader<'_>) -> Vec<CertificateName> {
    let mut names: Vec<CertificateName> = reader.list("tls_domains", &document.tls_domains, NAME_REMEDY);
    if let Some(name) = certificate_name("tls_domain", document.tls_domain.as_deref(), reader) {
        names.insert(0, name);
    }
    names
}

/// Whichever role's certificate it presents.
fn role_of(document: &api::OutboundConnector, organization: &OrganizationName) -> Option<CertificateRoleKey> {
    let name = document.client_certificate_role.as_deref()?;
    Some(CertificateRoleKey {
        organization: organization.clone(),
        name: name.into(),
    })
}

/// Whose client certificate it is: a draft that presents the one of the connector that it would replace presents the
/// same.
fn identity_place(document: &api::OutboundConnector, all: &[api::OutboundConnector]) -> String {
    let live = document.draft_of.as_ref().and_then(|live| {
        let mut all = all.iter();
        all.find(|one| one.organization == document.organization && one.name == *live)
    });
    let same = live.filter(|live| live.client_certificate == document.client_certificate);
    same.unwrap_or(document).id().title()
}

fn refuse_unknown_outbound(document: &api::OutboundConnector, reader: &mut Reader<'_>) {
    let mandatory = |mode| mode == api::LookupMode::Mandatory;
    for (is_set, field, reason) in [
        (
            document.sender_rewriting_enabled,
            "sender_rewriting_enabled",
            "this build does not rewrite senders",
        ),
        (document.test_mode, "test_mode", "what it would do is not known"),
        (
            mandatory(document.smtp_dane_mode),
            "smtp_dane_mode",
            "this build does not look DANE up yet, so nothing would ever be sent",
        ),
        (
            mandatory(document.mta_sts_mode),
            "mta_sts_mode",
            "this build does not look MTA-STS up yet, so nothing would ever be sent",
        ),
    ] {
        reader.unknown_yet(is_set, field, reason);
    }
}

/// How it is gone, but for its name and identity: `[delivery]`, and what the connector says otherwise.
fn way(
    document: &api::OutboundConnector,
    smart_hosts: &[SmartHost],
    file: &FilePart,
    (reader, borne): (&mut Reader<'_>, &mut Option<Vec<Fault>>),
) -> (RouteSettings, Option<Identity>) {
    let overrides = raw::Route {
        name: String::new(),
        domains: Vec::new(),
        via: raw::Via::Word("mx".to_owned()),
        require: raw::Require::default(),
        tls_names: Vec::new(),
        // A demand of the connector: policy has it.
        key_exchange_groups: Vec::new(),
        revocation: None,
        trust_anchors: None,
        // The directory has it.
        client_certificate_role: None,
        // A disabled one presents nothing, and its files may be gone.
        client_certificate: (document.client_certificate.as_ref())
            .filter(|_| document.enabled)
            .map(|files| raw::CertificateFiles {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            }),
        implicit_tls: document.implicit_tls,
        sni: document.sni.clone(),
        ehlo_name: document.ehlo_name.clone(),
        source_address: document.source_address.clone(),
        address_family: None,
        hybrid: None,
        connections: None,
        messages_per_connection: None,
        retry: document.retry.clone(),
        delay_notice_after: document.delay_notice_after.clone(),
        expire_after: document.expire_after.clone(),
    };
    let (mut way, identity, found) = config::dial(&file.default_route, &overrides, &file.folder);
    for fault in found {
        match (dial_field(&fault.key), &mut *borne) {
            (CERTIFICATE_FIELD, Some(borne)) => {
                borne.push(reader.as_fault(CERTIFICATE_FIELD, fault.problem, &fault.remedy));
            }
            (field, _) => reader.fault(field, fault.problem, &fault.remedy),
        }
    }
    if document.client_certificate.is_some() && document.client_certificate_role.is_some() {
        let reason = "client_certificate names a certificate already";
        reader.fault("client_certificate_role", reason, "take one of them out");
    }
    let presents = document.client_certificate.is_some() || document.client_certificate_role.is_some();
    if document.client_certificate_in_tls12 && !presents {
        let remedy = "set client_certificate_role or client_certificate, or take it out";
        reader.fault(
            "client_certificate_in_tls12",
            "there is no certificate to present",
            remedy,
        );
    }
    way.source = WaySource::Connector;
    way.domains = Vec::new();
    way.demands = Vec::new();
    way.identity_in_tls12 = document.client_certificate_in_tls12;
    way.expires_by_itself = document.expire_after.is_some();
    way.via = via(smart_hosts, port(document), reader);
    (way, identity)
}

/// The field of a fault that was found as a route's: `connector.retry[1]`.
fn dial_field(key: &str) -> &'static str {
    let key = key.strip_prefix("connector.").unwrap_or(key);
    match key.split('[').next() {
        Some("client-certificate") => CERTIFICATE_FIELD,
        Some("sni") => "sni",
        Some("ehlo-name") => "ehlo_name",
        Some("source-address") => "source_address",
        Some("retry") => "retry",
        Some("delay-notice-after") => "delay_notice_after",
        Some("expire-after") => "expire_after",
        _ => "",
    }
}

/// The port where none is named.
const fn port(document: &api::OutboundConnector) -> u16 {
    if document.implicit_tls {
        SUBMISSIONS_PORT
    } else {
        SMTP_PORT
    }
}

/// How many next hops the smart hosts of a connector may mean: an attempt goes through them one by one, and as many are
/// kept.
const SMART_HOSTS_MAX: usize = 256;

fn via(smart_hosts: &[SmartHost], port: u16, reader: &mut Reader<'_>) -> Via {
    if let [SmartHost::Mx(domain, port)] = smart_hosts {
        return Via::MxOf {
            domain: domain.clone(),
            port: *port,
        };
    }
    let mut hosts = Vec::with_capacity(smart_hosts.len());
    for host in smart_hosts {
        match host {
            SmartHost::Host(host, port) => hosts.push(NextHopHost {
                host: host.clone(),
                port: *port,
            }),
            SmartHost::Block(block, port) => hosts.extend(block.hosts().map(|address| NextHopHost {
                host: Host::Literal(address),
                port: *port,
            })),
            SmartHost::Mx(..) => {
                let reason = format!("{host}: the MX records of a domain stand alone, beside no other next hop");
                reader.fault(
                    "smart_hosts",
                    reason,
                    "take the other hosts out, or name its mail exchangers",
                );
            }
        }
    }
    if hosts.len() > SMART_HOSTS_MAX {
        let reason = format!(
            "it means {} hosts, and at most {SMART_HOSTS_MAX} are tried",
            hosts.len()
        );
        reader.fault("smart_hosts", reason, "name smaller blocks, or fewer hosts");
    }
    if hosts.is_empty() {
        Via::Mx { port }
    } else {
        Via::Hosts(hosts)
    }
}

fn certificate_name(field: &'static str, text: Option<&str>, reader: &mut Reader<'_>) -> Option<CertificateName> {
    reader.parse(field, text?, NAME_REMEDY)
}

/// Anchors of a connector are known by its name. One without any gets those of its organization when the directory is
/// put together.
fn keep_anchors(place: String, set: Option<AnchorSet>, into: &mut Collected) -> AnchorSetId {
    let Some(set) = set else {
        return AnchorSetId::system();
    };
    let id = AnchorSetId(place);
    into.anchors.insert(id.clone(), set);
    id
}

const fn connector_type(kind: api::ConnectorType) -> ConnectorType {
    match kind {
        api::ConnectorType::Partner => ConnectorType::Partner,
        api::ConnectorType::OnPremises => ConnectorType::OnPremises,
    }
}

fn floor(min: api::MinTlsVersion, groups: &[String], reader: &mut Reader<'_>) -> TlsFloor {
    let groups: Vec<KeyExchangeGroup> = reader.list("key_exchange_groups", groups, config::GROUPS_REMEDY);
    TlsFloor {
        min_version: match min {
            api::MinTlsVersion::Tls12 => TlsVersion::Tls12,
            api::MinTlsVersion::Tls13 => TlsVersion::Tls13,
        },
        groups: KeyExchangeGroups::of(&groups),
    }
}
