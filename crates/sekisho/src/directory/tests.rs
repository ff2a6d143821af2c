//! The directory as documents, as text, and in force.

mod faults;
mod live;
mod text;

use sekisho_api::{
    AcceptedDomain, AddedHeader, CertificateFiles, CertificateRole, ConnectorType, Documents, DomainType, Exception,
    FinalRefusal, HeaderCondition, InboundConnector, LookupMode, MinTlsVersion, Mode, Organization, OutboundConnector,
    OutboundTls, PlaintextReply, RecipientCheck, Rejection, Relaxation, Revocation, RoleAcme, RoleAcmeDns,
    RoleAcmeExternalAccount, Rule, RuleTls, TlsSettings,
};
use sekisho_store::Document;

use super::{FilePart, documents};
use crate::config::{Loaded, Place};

/// What a configuration file with this text contributes.
fn file_part(text: &str) -> FilePart {
    FilePart::of(&loaded(text))
}

fn loaded(text: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sekisho.toml");
    let text = format!("[node]\nhostname = \"mx.example.org\"\n{text}");
    std::fs::write(&file, text).unwrap();
    let place = Place {
        file: Some(file),
        data_folder: Some(folder.path().join("data")),
    };
    place.load().unwrap()
}

/// As the store has them.
fn stored(documents: &Documents) -> Vec<Document> {
    let bodies = documents::bodies(documents).unwrap();
    bodies.iter().map(|(id, body)| documents::stored(id, body)).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn acme() -> Organization {
    Organization {
        name: text("acme"),
        ..Organization::default()
    }
}

fn acme_domain() -> AcceptedDomain {
    AcceptedDomain {
        organization: text("acme"),
        name: text("acme.example"),
        ..AcceptedDomain::default()
    }
}

/// A partner of acme's whose mail comes under TLS.
fn inbound() -> InboundConnector {
    InboundConnector {
        organization: text("acme"),
        name: text("bank"),
        sender_domains: texts(&["bank.example"]),
        ..InboundConnector::default()
    }
}

fn outbound() -> OutboundConnector {
    OutboundConnector {
        organization: text("acme"),
        name: text("bank"),
        recipient_domains: texts(&["bank.example"]),
        ..OutboundConnector::default()
    }
}

/// The organization, its domain, and one connector of each kind.
fn sample() -> Documents {
    Documents {
        organization: vec![acme()],
        domain: vec![acme_domain()],
        inbound_connector: vec![inbound()],
        outbound_connector: vec![outbound()],
        ..Documents::default()
    }
}

fn rule_all_set() -> Rule {
    Rule {
        organization: text("acme"),
        name: text("secret"),
        enabled: false,
        mode: Mode::Shadow,
        draft_of: Some(text("live")),
        comment: text("why"),
        priority: 7,
        senders: texts(&["<>", "a@acme.example"]),
        recipients: texts(&["@bank.example"]),
        header: Some(HeaderCondition {
            name: text("Subject"),
            contains: text("top \"secret\""),
        }),
        inbound_connector: Some(text("bank")),
        from_organizations: texts(&["default"]),
        require_tls: Some(RuleTls::DomainValidation),
        tls_domains: texts(&["*.bank.example"]),
        reject: Some(Rejection { text: text("no") }),
        route_to_connector: Some(text("bank")),
        add_header: Some(AddedHeader {
            name: text("X-Class"),
            value: text("secret"),
        }),
    }
}

fn exception_all_set() -> Exception {
    Exception {
        organization: text("acme"),
        name: text("moving"),
        owner: text("Alice \"A.\" Example"),
        reason: text("the server is replaced"),
        until: text("2026-12-01T18:00:00+09:00"),
        outbound_connector: Some(text("bank")),
        inbound_connector: Some(text("bank")),
        rule: Some(text("secret")),
        recipient_domain: Some(text("*.old.example")),
        allows: Some(Relaxation::ExpiredCertificate),
        domains: texts(&["bank.example", "*.old.example"]),
    }
}

fn role_all_set() -> CertificateRole {
    CertificateRole {
        organization: text("acme"),
        name: text("mx"),
        comment: text("for the \"world\""),
        names: texts(&["mx.acme.example", "*.acme.example"]),
        issuers: texts(&["O=Example\\, Inc., C=CH"]),
        tls_certificate_name: Some(text("<I>CN=Example CA, C=CH<S>CN=mx.acme.example")),
        files: vec![CertificateFiles {
            certificate: text("mx.pem"),
            key: text("mx.key"),
        }],
        key_types: texts(&["ecdsa-p384", "rsa-3072"]),
        reuse_key: false,
        published: true,
        overlap: Some(text("3d")),
        alert_before: Some(text("10d")),
        acme: Some(RoleAcme {
            directory: text("https://ca.example/dir"),
            contact: texts(&["postmaster@acme.example"]),
            terms_accepted: true,
            challenge: text("dns-01"),
            profile: Some(text("shortlived")),
            preferred_issuer: Some(text("Example \"Root\" X1")),
            trust_anchors: Some(text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
            eab: Some(RoleAcmeExternalAccount {
                key_id: text("kid-1"),
                key_file: text("eab.key"),
            }),
            dns: Some(RoleAcmeDns {
                server: text("192.0.2.53"),
                zone: Some(text("acme.example")),
                key_name: Some(text("acme-key")),
                algorithm: Some(text("hmac-sha512")),
                key_file: text("tsig.key"),
            }),
        }),
        pinned_by: texts(&["bank.example: told 2026-11-02"]),
    }
}

/// A document of each kind in which no field has its default.
fn all_set() -> Documents {
    let pem = text("# trusted: \"one\"\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    Documents {
        organization: vec![Organization {
            name: text("acme"),
            comment: text("Acme \"Ltd\" \\ ü\u{202e}"),
            reject_direct_send: true,
            require_tls_inbound: true,
            require_tls_outbound: OutboundTls::Domain,
            trust_anchors: Some(pem.clone()),
            revocation: Revocation::SoftFail,
            refuse_not_revocable: true,
            expire_after: Some(text("48h")),
            max_message_size: Some(text("25MiB")),
            max_recipients: Some(200),
            header_families: texts(&["X-Acme"]),
        }],
        domain: vec![AcceptedDomain {
            organization: text("acme"),
            name: text("acme.example"),
            kind: DomainType::ExternalRelay,
            final_refusal: FinalRefusal::Bounce,
            recipient_check: RecipientCheck::List,
            recipients: texts(&["bob", "\"a b\"@acme.example"]),
            comment: text("two\nlines"),
        }],
        inbound_connector: vec![inbound_all_set(&pem)],
        outbound_connector: vec![outbound_all_set(&pem)],
        rule: vec![rule_all_set()],
        exception: vec![exception_all_set()],
        certificate_role: vec![role_all_set()],
    }
}

fn inbound_all_set(pem: &str) -> InboundConnector {
    InboundConnector {
        organization: text("acme"),
        name: text("bank"),
        enabled: false,
        mode: Mode::Shadow,
        draft_of: Some(text("live")),
        comment: text("it's '''quoted'''\n"),
        connector_type: ConnectorType::OnPremises,
        sender_domains: (0..12).map(|number| format!("host{number}.bank.example")).collect(),
        sender_ip_addresses: texts(&["192.0.2.0/24"]),
        require_tls: Some(false),
        tls_sender_certificate_name: Some(text("*.acme.example")),
        restrict_domains_to_certificate: true,
        restrict_domains_to_ip_addresses: true,
        associated_accepted_domains: texts(&["acme.example"]),
        treat_messages_as_internal: true,
        trusted_organizations: texts(&["default"]),
        min_tls_version: MinTlsVersion::Tls13,
        key_exchange_groups: texts(&["X25519MLKEM768", "x25519"]),
        trust_anchors: Some(pem.to_owned()),
        issuers: texts(&["O=Example Trust\\, Inc., C=CH"]),
        pins: texts(&["sha256:00"]),
        server_auth_certificates: false,
        plaintext_reply: PlaintextReply::Refuse,
        cloud_services_mail_enabled: true,
        revocation: Some(Revocation::SoftFail),
        refuse_not_revocable: Some(true),
    }
}

fn outbound_all_set(pem: &str) -> OutboundConnector {
    OutboundConnector {
        organization: text("acme"),
        name: text("bank"),
        enabled: false,
        mode: Mode::Shadow,
        draft_of: Some(text("live")),
        comment: text("\r\n\t"),
        connector_type: ConnectorType::OnPremises,
        recipient_domains: texts(&["*"]),
        all_accepted_domains: true,
        smart_hosts: texts(&["mx:bank.example"]),
        implicit_tls: true,
        sni: Some(text("mail.bank.example")),
        tls_settings: TlsSettings::DomainValidation,
        tls_domain: Some(text("*.bank.example")),
        tls_domains: texts(&["bank.example"]),
        min_tls_version: MinTlsVersion::Tls13,
        key_exchange_groups: texts(&["X25519MLKEM768", "x25519"]),
        trust_anchors: Some(pem.replace('\n', "\r\n")),
        pins: texts(&["sha256:00"]),
        revocation: Some(Revocation::Off),
        refuse_not_revocable: Some(false),
        client_certificate_role: Some(text("mx")),
        client_certificate: Some(CertificateFiles {
            certificate: text("client.pem"),
            key: text("client.key"),
        }),
        client_certificate_in_tls12: true,
        ehlo_name: Some(text("out.acme.example")),
        source_address: Some(text("192.0.2.9")),
        retry: Some(texts(&["1m", "15m until 4h", "1h"])),
        expire_after: Some(text("2d")),
        delay_notice_after: Some(text("2h")),
        is_transport_rule_scoped: true,
        route_all_messages_via_on_premises: true,
        cloud_services_mail_enabled: true,
        sender_rewriting_enabled: true,
        test_mode: true,
        smtp_dane_mode: LookupMode::Mandatory,
        mta_sts_mode: LookupMode::None,
        validation_recipients: texts(&["postmaster@bank.example"]),
        revalidate_every: Some(text("1d")),
        revalidate_with_mail: true,
    }
}
