//! The strictest connectors that all mail seen would have satisfied: names and issuers, never one certificate instance,
//! so that a renewal breaks nothing.

use std::collections::BTreeSet;

use sekisho_api::{
    InboundConnector, MailDirection, MinTlsVersion, OutboundConnector, Partner, PartnerSuggestion, PartnerTraffic,
    SeenCertificate, SeenConnection, SuggestionReason, TlsSettings,
};
use sekisho_mail::{Domain, NamePattern, NameReach, TlsVersion};
use sekisho_tls::any_matches;

use super::record::NOT_KEPT;
use crate::telemetry::is_hidden;

/// Names that an outbound connector is given at most.
const NAMES_MAX: usize = 4;
/// Smart hosts likewise.
const HOSTS_MAX: usize = 8;
/// Hosts that are named in a reason.
const HOSTS_NAMED: usize = 4;
/// Characters of a connector's name.
const NAME_CHARS: usize = 64;
/// Labels below which a domain may be one of which everybody has names.
const LABELS_MIN: usize = 3;

/// What a field of a connector demands of a connection, and what is wrong with one that breaks it.
type Breaks<'a> = &'a dyn Fn(&SeenConnection) -> bool;

/// Reads it off what was seen.
#[must_use]
pub fn suggest(partner: &Partner) -> PartnerSuggestion {
    let mut reasons = Vec::new();
    let inbound_connector = partner.inbound.as_ref().and_then(|traffic| {
        let mut advice = Advice::of(partner, traffic, MailDirection::In, &mut reasons);
        advice.inbound()
    });
    let outbound_connector = partner.outbound.as_ref().and_then(|traffic| {
        let mut advice = Advice::of(partner, traffic, MailDirection::Out, &mut reasons);
        advice.outbound()
    });
    PartnerSuggestion {
        organization: partner.organization.clone(),
        domain: partner.domain.clone(),
        inbound_connector,
        outbound_connector,
        reasons,
    }
}

struct Advice<'a> {
    partner: &'a Partner,
    traffic: &'a PartnerTraffic,
    direction: MailDirection,
    reasons: &'a mut Vec<SuggestionReason>,
}

impl<'a> Advice<'a> {
    fn of(
        partner: &'a Partner,
        traffic: &'a PartnerTraffic,
        direction: MailDirection,
        reasons: &'a mut Vec<SuggestionReason>,
    ) -> Self {
        Self {
            partner,
            traffic,
            direction,
            reasons,
        }
    }

    fn messages(&self) -> u64 {
        self.traffic.connections.iter().map(|one| one.messages).sum()
    }

    /// Whether all mail seen would have satisfied it; says why, or what it would have broken.
    fn holds(&mut self, field: &str, breaks: Breaks<'_>, (holds, broken): (&str, &str)) -> bool {
        let breaking = self.traffic.connections.iter().filter(|one| breaks(one));
        let (mut messages, mut hosts) = (0, Vec::new());
        for connection in breaking {
            messages += connection.messages;
            let new = connection.hosts.iter().filter(|host| !hosts.contains(*host));
            hosts.extend(new.cloned().collect::<Vec<_>>());
        }
        hosts.truncate(HOSTS_NAMED);
        let all = self.messages();
        let suggested = messages == 0 && all > 0;
        let why = if suggested {
            format!("all {all} messages {holds}")
        } else {
            format!("{messages} of {all} messages {broken}")
        };
        self.reasons.push(SuggestionReason {
            direction: self.direction,
            field: field.to_owned(),
            suggested,
            why,
            breaks: messages,
            hosts,
        });
        suggested
    }

    fn say(&mut self, field: &str, suggested: bool, why: String) {
        self.reasons.push(SuggestionReason {
            direction: self.direction,
            field: field.to_owned(),
            suggested,
            why,
            breaks: 0,
            hosts: Vec::new(),
        });
    }

    fn name(&self) -> String {
        self.partner.domain.chars().take(NAME_CHARS).collect()
    }

    /// What holds of TLS itself: the oldest version, and the key exchange groups.
    fn floor(&mut self) -> (MinTlsVersion, Vec<String>) {
        let is_older = |one: &SeenConnection| one.tls.as_ref().is_none_or(|tls| tls.version < TlsVersion::Tls13);
        let newest = self.holds(
            "min_tls_version",
            &is_older,
            ("were under TLS 1.3", "were under TLS 1.2"),
        );
        if !newest {
            return (MinTlsVersion::Tls12, Vec::new());
        }
        let is_hybrid = |one: &SeenConnection| {
            one.tls
                .as_ref()
                .is_some_and(|tls| tls.group == TlsVersion::HYBRID_GROUP)
        };
        let is_other = |one: &SeenConnection| !is_hybrid(one);
        let hybrid = self.holds(
            "key_exchange_groups",
            &is_other,
            (
                "had the hybrid post-quantum key exchange",
                "had another key exchange than the hybrid",
            ),
        );
        let groups = hybrid.then(|| TlsVersion::HYBRID_GROUP.to_owned());
        (MinTlsVersion::Tls13, groups.into_iter().collect())
    }

    /// The certificates of all connections; `None`, and that is said, where one of them has none that is good before
    /// the world.
    fn certificates(&mut self, field: &str) -> Option<Vec<&'a SeenCertificate>> {
        let is_bad = |one: &SeenConnection| one.chain.as_deref() != Some("valid");
        let words = self.traffic.connections.iter().filter(|one| is_bad(one)).map(|one| {
            match (one.chain.as_deref(), one.certificate) {
                (Some(NOT_KEPT), _) => "a certificate that is not kept any more",
                (Some("self-signed"), _) => "a self-signed certificate",
                (Some("expired"), _) => "an expired certificate",
                (Some("untrusted"), _) => "one from an issuer that the system does not trust",
                (Some("incomplete-chain"), _) => "one whose issuer is not trusted by the system, nor was presented",
                (Some(_), _) => "one that is not good for this",
                (None, Some(_)) => "one of which nobody asked what it is worth, or whose key was not proven",
                (None, None) => "no certificate",
            }
        });
        let words: BTreeSet<&str> = words.collect();
        let broken = format!("came with {}", words.into_iter().collect::<Vec<_>>().join(", "));
        let holds = "came with a certificate that leads to the system's trust anchors";
        if !self.holds(field, &is_bad, (holds, &broken)) {
            return None;
        }
        let used = self.traffic.connections.iter().filter_map(|one| one.certificate);
        let used: BTreeSet<_> = used.collect();
        let known: Vec<&SeenCertificate> = self
            .traffic
            .certificates
            .iter()
            .filter(|certificate| used.contains(&certificate.sha256))
            .collect();
        if known.len() < used.len() {
            self.say(field, false, "there were more certificates than are kept".to_owned());
            return None;
        }
        Some(known)
    }

    fn inbound(&mut self) -> Option<InboundConnector> {
        let is_clear = |one: &SeenConnection| one.tls.is_none();
        if !self.holds("require_tls", &is_clear, ("came under TLS", "came in the clear")) {
            return None;
        }
        let (min_tls_version, key_exchange_groups) = self.floor();
        let mut connector = InboundConnector {
            organization: self.partner.organization.clone(),
            name: self.name(),
            sender_domains: vec![self.partner.domain.clone()],
            require_tls: Some(true),
            min_tls_version,
            key_exchange_groups,
            ..InboundConnector::default()
        };
        if let Some(certificates) = self.certificates("restrict_domains_to_certificate") {
            match names_for(&certificates, &self.partner.domain, 1).as_slice() {
                [name] => {
                    self.say(
                        "tls_sender_certificate_name",
                        true,
                        format!("every certificate has a name that is {name}"),
                    );
                    connector.restrict_domains_to_certificate = true;
                    connector.tls_sender_certificate_name = Some(name.clone());
                    connector.issuers = self.issuers(&certificates);
                }
                _ => self.say(
                    "tls_sender_certificate_name",
                    false,
                    format!("no one name is on every certificate: {}", all_names(&certificates)),
                ),
            }
        }
        let addresses: Vec<&str> = self.traffic.hosts.iter().map(|host| host.host.as_str()).collect();
        if !self.traffic.more_hosts {
            let why = format!(
                "addresses change sooner than names, so none are demanded; mail came from {}",
                addresses.join(", ")
            );
            self.say("restrict_domains_to_ip_addresses", false, why);
        }
        Some(connector)
    }

    /// The organizations of those who issued the certificates, where all of them say one.
    fn issuers(&mut self, certificates: &[&SeenCertificate]) -> Vec<String> {
        let all: Option<BTreeSet<String>> = certificates.iter().map(|one| organization_of(&one.issuer)).collect();
        let issuers: Vec<String> = all.unwrap_or_default().into_iter().collect();
        if issuers.is_empty() {
            self.say("issuers", false, "not every issuer says whose it is (O=)".to_owned());
        } else {
            let why = format!("the certificates were issued by {}", issuers.join("; "));
            self.say("issuers", true, why);
        }
        issuers
    }

    fn outbound(&mut self) -> Option<OutboundConnector> {
        let is_clear = |one: &SeenConnection| one.tls.is_none();
        if !self.holds("tls_settings", &is_clear, ("left under TLS", "left in the clear")) {
            return None;
        }
        let smart_hosts = self.smart_hosts()?;
        let (min_tls_version, key_exchange_groups) = self.floor();
        let mut connector = OutboundConnector {
            organization: self.partner.organization.clone(),
            name: self.name(),
            recipient_domains: vec![self.partner.domain.clone()],
            tls_settings: TlsSettings::EncryptionOnly,
            smart_hosts,
            min_tls_version,
            key_exchange_groups,
            ..OutboundConnector::default()
        };
        let Some(certificates) = self.certificates("tls_settings") else {
            return Some(connector);
        };
        connector.tls_settings = TlsSettings::CertificateValidation;
        let names = names_for(&certificates, &self.partner.domain, NAMES_MAX);
        if names.is_empty() {
            let why = format!("no few names are on all certificates: {}", all_names(&certificates));
            self.say("tls_domains", false, why);
            return Some(connector);
        }
        connector.tls_settings = TlsSettings::DomainValidation;
        self.say(
            "tls_domains",
            true,
            format!("every certificate has one of these names: {}", names.join(", ")),
        );
        match <[String; 1]>::try_from(names) {
            Ok([name]) => connector.tls_domain = Some(name),
            Err(names) => connector.tls_domains = names,
        }
        Some(connector)
    }

    /// By which hosts it went, as a connector says it; `None` where it went by several ways.
    fn smart_hosts(&mut self) -> Option<Vec<String>> {
        let found: BTreeSet<Option<&str>> = self.traffic.hosts.iter().map(|host| host.found.as_deref()).collect();
        let found: Vec<Option<&str>> = found.into_iter().collect();
        let hosts: Vec<String> = match found.as_slice() {
            [Some("mx")] => Vec::new(),
            [Some("named")] if self.traffic.hosts.len() <= HOSTS_MAX && !self.traffic.more_hosts => {
                self.traffic.hosts.iter().map(|host| host.host.clone()).collect()
            }
            [Some(other)] if other.starts_with("mx:") => vec![(*other).to_owned()],
            _ => {
                let why = "the mail went by several ways, and what holds on one need not hold on another";
                self.say("smart_hosts", false, why.to_owned());
                return None;
            }
        };
        if !hosts.is_empty() {
            self.say("smart_hosts", true, "the mail went this way".to_owned());
        }
        Some(hosts)
    }
}

/// Names of which every certificate has one, at most so many; empty where there are none. One name before several, one
/// that is in the partner's own domain before another's, and one host before all of a domain.
fn names_for(certificates: &[&SeenCertificate], domain: &str, most: usize) -> Vec<String> {
    let Ok(domain) = Domain::parse(domain) else {
        return Vec::new();
    };
    let candidates: BTreeSet<(bool, bool, String)> = certificates
        .iter()
        .flat_map(|certificate| &certificate.names)
        .flat_map(|name| patterns(name, &domain))
        .map(|pattern| {
            let is_own = pattern.domain == domain || pattern.domain.is_below(&domain);
            (!is_own, pattern.reach != NameReach::Exact, written(&pattern))
        })
        .collect();
    let mut left: Vec<&SeenCertificate> = certificates.to_vec();
    let mut chosen = Vec::new();
    while !left.is_empty() && chosen.len() < most {
        let covered = |text: &str| left.iter().filter(|one| is_for(one, text)).count();
        let best = candidates.iter().rev().max_by_key(|(_, _, text)| covered(text));
        let Some((_, _, best)) = best.filter(|(_, _, text)| covered(text) > 0) else {
            return Vec::new();
        };
        left.retain(|one| !is_for(one, best));
        chosen.push(best.clone());
    }
    if left.is_empty() { chosen } else { Vec::new() }
}

/// What a connector could ask for, so that a certificate with this name has it.
fn patterns(name: &str, partner: &Domain) -> Vec<NamePattern> {
    let Some(presented) = NamePattern::parse_presented(name) else {
        return Vec::new();
    };
    let within = |domain: Domain| NamePattern {
        reach: NameReach::Within,
        domain,
    };
    if presented.reach != NameReach::Exact {
        return vec![within(presented.domain)];
    }
    let parent = presented
        .domain
        .as_str()
        .split_once('.')
        .and_then(|(_, rest)| Domain::parse(rest).ok());
    // Of a domain with few labels nobody here knows whether it is one of which everybody has names.
    let is_somebodys = |domain: &Domain| {
        domain == partner || domain.is_below(partner) || domain.as_str().split('.').count() >= LABELS_MIN
    };
    let parent = parent.filter(is_somebodys).map(within);
    std::iter::once(NamePattern::exact(presented.domain))
        .chain(parent)
        .collect()
}

/// As a connector writes it.
fn written(pattern: &NamePattern) -> String {
    match pattern.reach {
        NameReach::Exact => pattern.domain.to_string(),
        NameReach::OneLabel | NameReach::Within => format!("*.{}", pattern.domain),
    }
}

fn is_for(certificate: &SeenCertificate, written: &str) -> bool {
    let pattern = match written.strip_prefix("*.") {
        Some(domain) => Domain::parse(domain).map(|domain| NamePattern {
            reach: NameReach::Within,
            domain,
        }),
        None => Domain::parse(written).map(NamePattern::exact),
    };
    pattern.is_ok_and(|pattern| any_matches(&certificate.names, &[pattern]))
}

fn all_names(certificates: &[&SeenCertificate]) -> String {
    let names: BTreeSet<&str> = certificates
        .iter()
        .flat_map(|one| one.names.iter().map(String::as_str))
        .take(HOSTS_MAX)
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// `O=Example Trust` of an issuer; `None` where it says none that could be written down.
pub(crate) fn organization_of(issuer: &str) -> Option<String> {
    let at = if issuer.starts_with("O=") {
        0
    } else {
        issuer.find(", O=").map(|at| at + 2)?
    };
    let value = &issuer[at + 2..];
    // A value may hold commas; it ends where another attribute begins.
    let end = value
        .match_indices(", ")
        .find(|(at, _)| {
            let next = value[at + 2..].split_once('=').map(|(key, _)| key);
            next.is_some_and(|key| {
                !key.is_empty() && key.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'.')
            })
        })
        .map_or(value.len(), |(at, _)| at);
    let value = &value[..end];
    let is_plain = !value.is_empty() && !value.contains(['+', '\\']) && !value.chars().any(is_hidden);
    // The operator's text has a comma between attributes, so one of a value is marked.
    is_plain.then(|| format!("O={}", value.replace(',', "\\,")))
}
