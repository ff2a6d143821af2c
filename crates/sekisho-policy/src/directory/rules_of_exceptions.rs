//! What a dated exception may say: somebody answers for it, there is a reason, and it lowers something of a document of
//! its own organization. When it ends is no matter here: what was once right stays right.

use std::collections::HashMap;

use super::{
    ConnectorKey, ConnectorType, Exception, ExceptionSubject, Fault, InboundConnector, Organization, OutboundConnector,
    Relaxation, Rule, RuleKey, RuleTls, TlsSettings,
    build::{Findings, Known},
};

/// Characters of the words about who answers for one.
const OWNER_CHARS_MAX: usize = 200;
/// Characters of the words about why.
const REASON_CHARS_MAX: usize = 500;

/// What exceptions may be about.
pub(super) struct Documents<'a> {
    inbound: HashMap<&'a ConnectorKey, &'a InboundConnector>,
    outbound: HashMap<&'a ConnectorKey, &'a OutboundConnector>,
    rules: HashMap<&'a RuleKey, &'a Rule>,
}

impl<'a> Documents<'a> {
    pub(super) fn of(inbound: &'a [InboundConnector], outbound: &'a [OutboundConnector], rules: &'a [Rule]) -> Self {
        Self {
            inbound: inbound.iter().map(|one| (&one.key, one)).collect(),
            outbound: outbound.iter().map(|one| (&one.key, one)).collect(),
            rules: rules.iter().map(|one| (&one.key, one)).collect(),
        }
    }
}

pub(super) fn check(
    exceptions: &[Exception],
    documents: &Documents<'_>,
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    for exception in exceptions {
        let place = format!("exception {}", exception.key);
        let mut findings = Findings::at(place.clone(), faults);
        check_words(exception, &mut findings);
        let subject = subject_of(exception, documents, known);
        let mut warned = Findings::at(place, warnings);
        match subject {
            Subject::Missing(field, what) => {
                let reason = format!("there is no {what}");
                findings.add(field, reason, "add it first, or name another one");
            }
            Subject::Outbound(demands) => check_allowed(exception, demands, &OUTBOUND, (&mut findings, &mut warned)),
            Subject::Organization(demands) => {
                check_allowed(exception, demands, &OUTBOUND, (&mut findings, &mut warned));
                findings.add_if(
                    !exception.domains.is_empty(),
                    "domains",
                    "recipient_domain says already which mail it is for",
                    "take it out",
                );
            }
            Subject::Inbound(connector) => {
                let may = match connector.kind {
                    ConnectorType::Partner => PARTNER.as_slice(),
                    ConnectorType::OnPremises => OWN_SERVERS.as_slice(),
                };
                let demands = asks_inbound(connector, exception.allows);
                check_allowed(exception, demands, may, (&mut findings, &mut warned));
            }
        }
    }
}

const OUTBOUND: [Relaxation; 5] = [
    Relaxation::Plaintext,
    Relaxation::AnyCertificate,
    Relaxation::AnyName,
    Relaxation::ExpiredCertificate,
    Relaxation::UnknownRevocation,
];
const PARTNER: [Relaxation; 6] = [
    Relaxation::Plaintext,
    Relaxation::AnyCertificate,
    Relaxation::AnyAddress,
    Relaxation::ExpiredCertificate,
    Relaxation::CommonName,
    Relaxation::UnknownRevocation,
];
/// Certificate and address are what such a server is known by, and what gives it the right to relay (law 12): any
/// certificate would make everybody one of them.
const OWN_SERVERS: [Relaxation; 4] = [
    Relaxation::Plaintext,
    Relaxation::ExpiredCertificate,
    Relaxation::CommonName,
    Relaxation::UnknownRevocation,
];

/// The document that an exception is about, and whether it demands anything of what the exception lowers.
enum Subject<'a> {
    Missing(&'static str, String),
    Outbound(bool),
    Organization(bool),
    Inbound(&'a InboundConnector),
}

fn subject_of<'a>(exception: &Exception, documents: &Documents<'a>, known: &Known<'_>) -> Subject<'a> {
    let organization = &exception.key.organization;
    let connector = |name: &std::sync::Arc<str>| ConnectorKey {
        organization: organization.clone(),
        name: name.clone(),
    };
    match &exception.about {
        ExceptionSubject::OutboundConnector(name) => {
            let key = connector(name);
            match documents.outbound.get(&key) {
                Some(connector) => Subject::Outbound(asks_outbound(connector, exception.allows)),
                None => Subject::Missing("outbound_connector", format!("outbound connector {key}")),
            }
        }
        ExceptionSubject::InboundConnector(name) => {
            let key = connector(name);
            match documents.inbound.get(&key) {
                Some(connector) => Subject::Inbound(connector),
                None => Subject::Missing("inbound_connector", format!("inbound connector {key}")),
            }
        }
        ExceptionSubject::Rule(name) => {
            let key = RuleKey {
                organization: organization.clone(),
                name: name.clone(),
            };
            match documents.rules.get(&key) {
                Some(rule) => Subject::Outbound(asks_rule(rule, exception.allows)),
                None => Subject::Missing("rule", format!("rule {key}")),
            }
        }
        ExceptionSubject::RecipientDomain(_) => {
            let settings: Option<&Organization> = known.organizations.get(organization);
            Subject::Organization(settings.is_some_and(|one| asks_level(one.require_tls_outbound, exception.allows)))
        }
    }
}

fn check_words(exception: &Exception, findings: &mut Findings<'_>) {
    for (text, chars, field, reason, remedy) in [
        (
            &exception.owner,
            OWNER_CHARS_MAX,
            "owner",
            "somebody has to answer for it, in 1 to 200 characters on one line",
            "name who does",
        ),
        (
            &exception.reason,
            REASON_CHARS_MAX,
            "reason",
            "it needs a reason, in 1 to 500 characters on one line",
            "say why",
        ),
    ] {
        let fits = (1..=chars).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        findings.add_if(!fits || text.trim().is_empty(), field, reason, remedy);
    }
}

fn check_allowed(
    exception: &Exception,
    demands: bool,
    may: &[Relaxation],
    (findings, warned): (&mut Findings<'_>, &mut Findings<'_>),
) {
    if may.contains(&exception.allows) {
        warned.add_if(
            !demands,
            "allows",
            "what it is about demands nothing of the kind, so it lets nothing pass",
            "remove it, or let it allow something else",
        );
        return;
    }
    let reason = format!("{} is nothing that could be let pass there", exception.allows.key());
    let words: Vec<&str> = may.iter().map(|one| one.key()).collect();
    findings.add("allows", reason, format!("write one of {}", words.join(", ")));
}

fn asks_outbound(connector: &OutboundConnector, allows: Relaxation) -> bool {
    let has_pins = !connector.pins.is_empty();
    let has_floor = connector.floor != super::TlsFloor::default();
    let beside = match allows {
        Relaxation::Plaintext => has_pins || has_floor,
        Relaxation::AnyCertificate => has_pins,
        Relaxation::UnknownRevocation => {
            return connector.revocation.is_some() && asks_level(connector.tls_settings, allows);
        }
        Relaxation::AnyName | Relaxation::ExpiredCertificate | Relaxation::AnyAddress | Relaxation::CommonName => false,
    };
    beside || asks_level(connector.tls_settings, allows)
}

fn asks_rule(rule: &Rule, allows: Relaxation) -> bool {
    let level = rule
        .require_tls
        .map_or(TlsSettings::Opportunistic, |level| match level {
            RuleTls::EncryptionOnly => TlsSettings::EncryptionOnly,
            RuleTls::CertificateValidation => TlsSettings::CertificateValidation,
            RuleTls::DomainValidation => TlsSettings::DomainValidation,
        });
    asks_level(level, allows)
}

fn asks_level(level: TlsSettings, allows: Relaxation) -> bool {
    match allows {
        Relaxation::Plaintext => level > TlsSettings::Opportunistic,
        Relaxation::AnyCertificate | Relaxation::ExpiredCertificate | Relaxation::UnknownRevocation => {
            level >= TlsSettings::CertificateValidation
        }
        Relaxation::AnyName => level == TlsSettings::DomainValidation,
        Relaxation::AnyAddress | Relaxation::CommonName => false,
    }
}

fn asks_inbound(connector: &InboundConnector, allows: Relaxation) -> bool {
    let is_own = connector.kind == ConnectorType::OnPremises;
    let by_certificate =
        connector.tls_sender_certificate_name.is_some() && (is_own || connector.restrict_domains_to_certificate);
    match allows {
        Relaxation::Plaintext => {
            let has_floor = connector.floor != super::TlsFloor::default();
            connector.require_tls || has_floor || connector.restrict_domains_to_certificate
        }
        Relaxation::AnyCertificate => connector.restrict_domains_to_certificate,
        Relaxation::AnyAddress => connector.restrict_domains_to_ip_addresses,
        Relaxation::ExpiredCertificate => by_certificate && connector.wants_path(),
        Relaxation::CommonName => by_certificate,
        Relaxation::UnknownRevocation => by_certificate && connector.wants_path() && connector.revocation.is_some(),
        Relaxation::AnyName => false,
    }
}
