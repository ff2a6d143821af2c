//! Small directories for tests: who is who is told in few words.

use std::{collections::HashSet, time::Duration};

use sekisho_mail::{AnchorSetId, Digest, Domain, OrganizationName, Revision, Timestamp};

use super::*;
use crate::NetworkSet;

pub(crate) fn name(text: &str) -> OrganizationName {
    text.parse().unwrap()
}

pub(crate) fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// `acme/bank`
pub(crate) fn key(text: &str) -> ConnectorKey {
    let (organization, connector) = text.split_once('/').unwrap();
    ConnectorKey {
        organization: name(organization),
        name: connector.into(),
    }
}

pub(crate) fn anchors(text: &str) -> AnchorSetId {
    AnchorSetId(text.to_owned())
}

/// The key of every certificate in these tests, and another one.
pub(crate) const KEY: Digest = Digest([5; 32]);
pub(crate) const OTHER_KEY: Digest = Digest([6; 32]);

/// That a document is tried, in the place of another where one is named.
pub(crate) fn shadow(draft_of: Option<&str>) -> Option<Shadow> {
    Some(Shadow {
        draft_of: draft_of.map(Into::into),
        revision: Revision(1),
    })
}

fn inbound(text: &str, kind: ConnectorType) -> InboundConnector {
    InboundConnector {
        key: key(text),
        enabled: true,
        shadow: None,
        comment: String::new(),
        kind,
        sender_domains: Vec::new(),
        sender_addresses: NetworkSet::default(),
        require_tls: kind == ConnectorType::Partner,
        tls_sender_certificate_name: None,
        restrict_domains_to_certificate: false,
        restrict_domains_to_ip_addresses: false,
        associated_accepted_domains: HashSet::new(),
        treat_messages_as_internal: false,
        cloud_services_mail_enabled: false,
        trusted_organizations: Vec::new(),
        floor: TlsFloor::default(),
        anchors: AnchorSetId::system(),
        revocation: None,
        issuers: Vec::new(),
        pins: Vec::new(),
        server_auth_certificates: true,
        plaintext_reply: PlaintextReply::TryAgain,
    }
}

/// A partner's connector that demands TLS of mail from these domains.
pub(crate) fn partner(text: &str, scopes: &[&str]) -> InboundConnector {
    InboundConnector {
        sender_domains: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        ..inbound(text, ConnectorType::Partner)
    }
}

/// One that trusts organizations.
pub(crate) fn trusting(text: &str, organizations: &[&str]) -> InboundConnector {
    InboundConnector {
        trusted_organizations: organizations.iter().map(|organization| name(organization)).collect(),
        ..inbound(text, ConnectorType::Partner)
    }
}

/// A connector of the organization's own servers, so far known by nothing.
pub(crate) fn own(text: &str) -> InboundConnector {
    inbound(text, ConnectorType::OnPremises)
}

impl InboundConnector {
    pub(crate) fn tried(self) -> Self {
        self.with(|one| one.shadow = shadow(None))
    }

    pub(crate) fn draft_of(self, live: &str) -> Self {
        self.with(|one| one.shadow = shadow(Some(live)))
    }

    pub(crate) fn named(mut self, text: &str) -> Self {
        self.tls_sender_certificate_name = Some(text.parse().unwrap());
        self
    }

    pub(crate) fn at(mut self, networks: &[&str]) -> Self {
        self.sender_addresses = networks.iter().map(|network| network.parse().unwrap()).collect();
        self
    }

    /// Restricts to whatever it names.
    pub(crate) fn restricting(mut self) -> Self {
        self.restrict_domains_to_certificate = self.tls_sender_certificate_name.is_some();
        self.restrict_domains_to_ip_addresses = !self.sender_addresses.is_empty();
        self
    }

    pub(crate) fn limited_to(mut self, domains: &[&str]) -> Self {
        self.associated_accepted_domains = domains.iter().map(|text| domain(text)).collect();
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// An outbound connector for these domains.
pub(crate) fn outbound(text: &str, scopes: &[&str]) -> OutboundConnector {
    OutboundConnector {
        key: key(text),
        enabled: true,
        shadow: None,
        comment: String::new(),
        kind: ConnectorType::Partner,
        recipient_domains: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        all_accepted_domains: false,
        is_transport_rule_scoped: false,
        route_all_messages_via_on_premises: false,
        cloud_services_mail_enabled: false,
        smart_hosts: Vec::new(),
        tls_settings: TlsSettings::Opportunistic,
        tls_domains: Vec::new(),
        floor: TlsFloor::default(),
        anchors: AnchorSetId::system(),
        revocation: None,
        pins: Vec::new(),
        client_certificate_role: None,
    }
}

impl OutboundConnector {
    pub(crate) fn tried(self) -> Self {
        self.with(|one| one.shadow = shadow(None))
    }

    pub(crate) fn draft_of(self, live: &str) -> Self {
        self.with(|one| one.shadow = shadow(Some(live)))
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// A rule that so far applies to everything and does nothing.
pub(crate) fn rule(text: &str) -> Rule {
    let ConnectorKey { organization, name } = key(text);
    Rule {
        key: RuleKey { organization, name },
        enabled: true,
        shadow: None,
        comment: String::new(),
        priority: 0,
        senders: Vec::new(),
        recipients: Vec::new(),
        header: None,
        inbound_connector: None,
        from_organizations: Vec::new(),
        anchors: AnchorSetId::system(),
        require_tls: None,
        tls_domains: Vec::new(),
        revocation: None,
        reject: None,
        route_to_connector: None,
        add_header: None,
    }
}

impl Rule {
    pub(crate) fn tried(self) -> Self {
        self.with(|one| one.shadow = shadow(None))
    }

    pub(crate) fn draft_of(self, live: &str) -> Self {
        self.with(|one| one.shadow = shadow(Some(live)))
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn rejecting(self, text: &str) -> Self {
        self.with(|rule| rule.reject = Some(text.to_owned()))
    }

    pub(crate) fn demanding(self, tls: RuleTls) -> Self {
        self.with(|rule| rule.require_tls = Some(tls))
    }

    pub(crate) fn routing(self, connector: &str) -> Self {
        self.with(|rule| rule.route_to_connector = Some(connector.into()))
    }

    pub(crate) fn adding(self, name: &str, value: &str) -> Self {
        self.with(|rule| {
            rule.add_header = Some(RuleField {
                name: name.to_owned(),
                value: value.to_owned(),
            });
        })
    }
}

/// When exceptions of these tests end, and a moment before.
pub(crate) const END: Timestamp = Timestamp::from_secs(1_796_083_200);
pub(crate) fn before_the_end() -> Timestamp {
    END.minus(Duration::from_millis(1))
}

/// An exception, until [`END`].
pub(crate) fn exception(text: &str, about: ExceptionSubject, allows: Relaxation) -> Exception {
    let ConnectorKey { organization, name } = key(text);
    Exception {
        key: ExceptionKey { organization, name },
        owner: "Alice Example".to_owned(),
        reason: "the server is replaced".to_owned(),
        until: END,
        about,
        allows,
        domains: Vec::new(),
    }
}

impl Exception {
    pub(crate) fn only(mut self, scopes: &[&str]) -> Self {
        self.domains = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
        self
    }
}

pub(crate) fn accepted(organization: &str, text: &str) -> AcceptedDomain {
    AcceptedDomain {
        domain: domain(text),
        organization: name(organization),
        kind: DomainKind::Authoritative,
        check: RecipientCheck::None,
        final_refusal: FinalRefusal::Hold,
        origin: Origin::Directory,
    }
}

/// `default` with local.example, `acme` with acme.example and sales.acme.example, `beta` with beta.example.
pub(crate) fn three_organizations() -> Parts {
    Parts {
        organizations: ["default", "acme", "beta"]
            .map(|text| Organization::new(name(text)))
            .into(),
        domains: vec![
            accepted("default", "local.example"),
            accepted("acme", "acme.example"),
            accepted("acme", "sales.acme.example"),
            accepted("beta", "beta.example"),
        ],
        ..Parts::default()
    }
}

impl Parts {
    pub(crate) fn inbound(mut self, connectors: impl IntoIterator<Item = InboundConnector>) -> Self {
        self.inbound.extend(connectors);
        self
    }

    pub(crate) fn outbound(mut self, connectors: impl IntoIterator<Item = OutboundConnector>) -> Self {
        self.outbound.extend(connectors);
        self
    }

    pub(crate) fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    pub(crate) fn exceptions(mut self, exceptions: impl IntoIterator<Item = Exception>) -> Self {
        self.exceptions.extend(exceptions);
        self
    }

    /// Changes the settings of an organization.
    pub(crate) fn settings(mut self, organization: &str, change: impl FnOnce(&mut Organization)) -> Self {
        let mut all = self.organizations.iter_mut();
        change(all.find(|one| one.name.as_str() == organization).unwrap());
        self
    }

    pub(crate) fn build(self) -> Directory {
        Directory::build(1, self).unwrap().0
    }

    /// `place, field` of every fault, in order.
    pub(crate) fn faults(self) -> Vec<String> {
        let faults = Directory::build(1, self).unwrap_err();
        faults.iter().map(place_and_field).collect()
    }

    /// `place, field` of every warning.
    pub(crate) fn warnings(self) -> Vec<String> {
        let (_, warnings) = Directory::build(1, self).unwrap();
        warnings.iter().map(place_and_field).collect()
    }
}

fn place_and_field(fault: &Fault) -> String {
    assert!(!fault.reason.is_empty() && !fault.remedy.is_empty(), "{fault:?}");
    format!("{}, {}", fault.place, fault.field)
}

/// A small generator: the same directories in every run.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(crate) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}
