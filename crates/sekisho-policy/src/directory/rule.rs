//! Mail-flow rules: what an organization demands of single messages, by who sends them, to whom, how they came and what
//! their header says.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashSet},
    fmt,
    str::FromStr,
    sync::Arc,
};

use sekisho_mail::{
    AddedField, AnchorSetId, ChosenWay, Demand, DemandLevel, Domain, Mailbox, MailboxError, NamePattern,
    OrganizationName, RefusedBy, ReversePath, RuleRefusal,
};
use thiserror::Error;

use super::{CertificateName, ConnectorKey, ConnectorType, Directory, DomainScope, ScopeError, Shadow};
use crate::{Reason, outbound::Revocation};

/// How the origin of a rule's demand begins; its key and a quotation mark follow.
const DEMAND_ORIGIN: &str = "rule \"";

/// What a rule is known by: its name is unique among those of its organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey {
    /// Whose it is.
    pub organization: OrganizationName,
    /// 1 to 64 characters, none of them a control character.
    pub name: Arc<str>,
}

/// `acme/secret`
impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.name)
    }
}

impl RuleKey {
    /// Where the demands of the rule come from, as they have it: `rule "acme/secret"`.
    pub(crate) fn as_origin(&self) -> String {
        format!("{DEMAND_ORIGIN}{self}\"")
    }
}

/// Which messages, for which of their recipients, and what is done with them. All conditions must hold; one that is
/// empty always does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is known by.
    pub key: RuleKey,
    /// A disabled one is kept and never looked at.
    pub enabled: bool,
    /// There where it is tried and never acts.
    pub shadow: Option<Shadow>,
    /// The operator's words.
    pub comment: String,
    /// Lower ones are looked at first; among equals the name decides.
    pub priority: u32,
    /// Who sends: any of these.
    pub senders: Vec<AddressPattern>,
    /// To whom: any of these.
    pub recipients: Vec<AddressPattern>,
    /// What the header says.
    pub header: Option<HeaderCondition>,
    /// The inbound connector through which the message came for this recipient; one of the rule's organization.
    pub inbound_connector: Option<Arc<str>>,
    /// Organizations of this service of which one's own server brought the message: any of these.
    pub from_organizations: Vec<OrganizationName>,
    /// At which trust anchors a chain must end where it demands a certificate: those of its organization, whatever is
    /// written here.
    pub anchors: AnchorSetId,
    /// What must hold of the connection on which it leaves.
    pub require_tls: Option<RuleTls>,
    /// Names for [`RuleTls::DomainValidation`]; `*.example.org` as in [`CertificateName`].
    pub tls_domains: Vec<CertificateName>,
    /// How it is asked whether a certificate that it demands is revoked; `None` where nobody asks.
    pub revocation: Option<Revocation>,
    /// The words with which it is rejected.
    pub reject: Option<String>,
    /// The enabled outbound connector of the rule's organization that carries the message, by its name.
    pub route_to_connector: Option<Arc<str>>,
    /// A field that the message gets.
    pub add_header: Option<RuleField>,
}

/// A header field that a rule adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleField {
    /// Its name, as it is written.
    pub name: String,
    /// What stands in it.
    pub value: String,
}

/// TLS that a rule demands; the trust anchors are the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleTls {
    /// TLS, whoever the peer is.
    EncryptionOnly,
    /// A certificate that chains to the anchors and is valid now.
    CertificateValidation,
    /// That, for one of the names.
    DomainValidation,
}

/// Which addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressPattern {
    /// `<>`: the null reverse-path.
    Null,
    /// This address, in whatever case its local part is written.
    Address(Mailbox),
    /// Everybody in these domains. `*` has everybody, address literals and the null reverse-path too.
    Domains(DomainScope),
}

/// Why a text is no pattern for addresses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressPatternError {
    /// It has an `@` and is no address.
    #[error(transparent)]
    Address(#[from] MailboxError),
    /// It has none and is no scope.
    #[error(transparent)]
    Domains(#[from] ScopeError),
}

impl FromStr for AddressPattern {
    type Err = AddressPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "<>" {
            return Ok(Self::Null);
        }
        if let Some(domain) = text.strip_prefix('@') {
            let domain = Domain::parse(domain).map_err(ScopeError::from)?;
            return Ok(Self::Domains(DomainScope::Exact(domain)));
        }
        if text.contains('@') {
            return Ok(Self::Address(Mailbox::parse(text)?));
        }
        Ok(Self::Domains(text.parse()?))
    }
}

impl AddressPattern {
    fn covers(&self, address: Option<&Mailbox>) -> bool {
        match (self, address) {
            (Self::Domains(scope), address) => scope.covers(address.and_then(|address| address.host().domain())),
            (Self::Null, address) => address.is_none(),
            (Self::Address(_), None) => false,
            (Self::Address(one), Some(other)) => {
                // Quoted or not, it is one mailbox (RFC 5321 §4.1.2): nobody writes his way past a rule.
                one.host() == other.host()
                    && one
                        .unquoted_local_part()
                        .eq_ignore_ascii_case(&other.unquoted_local_part())
            }
        }
    }
}

/// A text in a header field as it was sent, unfolded and with nothing decoded. The case of ASCII letters is no matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderCondition {
    /// The field's name, in lower case.
    pub name: Box<str>,
    /// What it must hold; empty when the field need only be there.
    pub contains: Box<str>,
}

impl HeaderCondition {
    pub(super) fn holds(&self, field: &HeaderField) -> bool {
        let wanted = self.contains.as_bytes();
        let holds = |octets: &[u8]| octets.eq_ignore_ascii_case(wanted);
        field.name == self.name && (wanted.is_empty() || field.body.windows(wanted.len()).any(holds))
    }
}

/// A field of a message's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// In lower case.
    pub name: Box<str>,
    /// Unfolded (RFC 5322 §2.2.3), as far as it was kept; the sender's octets.
    pub body: Vec<u8>,
}

/// Which conditions of the directory a header meets: found once for a message, however many its recipients are. Their
/// places, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFindings(Vec<usize>);

impl HeaderFindings {
    /// None of them.
    pub const NONE: Self = Self(Vec::new());

    /// Where those stand that are met.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }
}

/// A message and one of its recipients.
#[derive(Clone, Copy, Debug)]
pub struct RuleFacts<'a> {
    /// Who answers for the way of the message to this recipient: its rules are applied.
    pub organization: &'a OrganizationName,
    /// MAIL FROM.
    pub sender: &'a ReversePath,
    /// Where it goes, and every address that was written for it: one of them is enough.
    pub recipients: &'a [&'a Mailbox],
    /// The connectors through which it came for this recipient.
    pub connectors: &'a [&'a ConnectorKey],
    /// The organizations whose own server brought it for this recipient: [`crate::inbound::Attribution::from`].
    pub from: &'a [&'a OrganizationName],
    /// Whether a server of this organization brought it.
    pub is_from_own_server: bool,
    /// From [`Directory::look_at_header`].
    pub header: &'a HeaderFindings,
}

/// What the rules say of a message for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleVerdict {
    /// What must hold of whatever connection it leaves on.
    pub demands: Vec<Demand>,
    /// That it may not go there at all.
    pub rejection: Option<RuleRefusal>,
    /// The way that the first rule which has one chose.
    pub way: Option<ChosenWay>,
    /// The way that such a rule would have chosen, had the message not come from the organization's own servers.
    pub not_sent_back: Option<ChosenWay>,
    /// Fields to add, in this order.
    pub added: Vec<AddedField>,
    /// Of every rule that applied, in their order; that of the rejection is the last.
    pub reasons: Vec<Reason>,
}

impl Rule {
    /// The order in which rules are looked at.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        (self.priority, &self.key).cmp(&(other.priority, &other.key))
    }

    fn applies(&self, facts: &RuleFacts<'_>) -> bool {
        self.is_from(facts.sender)
            && self.is_for(facts.recipients)
            && self.came_through(facts.connectors)
            && self.came_from(facts.from)
    }

    /// Whether a demand that travels with a message is one that a rule, whichever, has put there.
    #[must_use]
    pub fn made(demand: &Demand) -> bool {
        demand.origin.starts_with(DEMAND_ORIGIN)
    }

    /// Whether a message meets all of its conditions; `header` is the place of the one on the header.
    pub(super) fn meets(&self, header: Option<usize>, facts: &RuleFacts<'_>) -> bool {
        let header_holds = |place: usize| facts.header.0.binary_search(&place).is_ok();
        header.is_none_or(header_holds) && self.applies(facts)
    }

    pub(super) fn is_from(&self, sender: &ReversePath) -> bool {
        let sender = sender.mailbox();
        self.senders.is_empty() || self.senders.iter().any(|pattern| pattern.covers(sender))
    }

    pub(super) fn is_for(&self, recipients: &[&Mailbox]) -> bool {
        let is_for = |pattern: &AddressPattern| recipients.iter().any(|one| pattern.covers(Some(*one)));
        self.recipients.is_empty() || self.recipients.iter().any(is_for)
    }

    pub(super) fn came_through(&self, connectors: &[&ConnectorKey]) -> bool {
        let is_it = |name: &Arc<str>| {
            let mut connectors = connectors.iter();
            connectors.any(|one| one.organization == self.key.organization && one.name == *name)
        };
        self.inbound_connector.as_ref().is_none_or(is_it)
    }

    pub(super) fn came_from(&self, organizations: &[&OrganizationName]) -> bool {
        let wanted = &self.from_organizations;
        wanted.is_empty() || organizations.iter().any(|one| wanted.contains(one))
    }

    /// What it demands, the level first; empty where it demands nothing.
    pub(super) fn demands(&self) -> impl Iterator<Item = Demand> {
        let anchors = self.anchors.clone();
        let level = self.require_tls.map(|level| match level {
            RuleTls::EncryptionOnly => DemandLevel::Encryption,
            RuleTls::CertificateValidation => DemandLevel::Certificate { anchors },
            RuleTls::DomainValidation => DemandLevel::Domain {
                anchors,
                names: self.tls_domains.iter().map(NamePattern::from).collect(),
            },
        });
        let levels = level.into_iter().flat_map(|level| {
            let asked = self.revocation.and_then(|revocation| revocation.beside(&level));
            std::iter::once(level).chain(asked)
        });
        levels.map(|level| Demand {
            level,
            origin: self.key.as_origin(),
        })
    }
}

impl Directory {
    /// Whether an organization has enabled rules, or tries some.
    #[must_use]
    pub fn has_rules(&self, organization: &OrganizationName) -> bool {
        let index = self.index_of(organization);
        index.is_some_and(|index| !index.rules.is_empty() || !index.tried.rules.is_empty())
    }

    /// The names of the enabled rules that send mail through an outbound connector, in their order.
    pub fn rules_through(&self, connector: &ConnectorKey) -> impl Iterator<Item = &str> {
        let index = self.index_of(&connector.organization).into_iter();
        let rules = index.flat_map(|index| index.rules.iter()).map(|(rule, _)| rule);
        let naming = rules.filter(|rule| rule.route_to_connector.as_ref() == Some(&connector.name));
        naming.map(|rule| &*rule.key.name)
    }

    /// Every condition that an enabled rule has on the header, whoever's it is and whether it acts or is tried; empty
    /// when there is none, and then nothing of a header need be kept.
    #[must_use]
    pub const fn header_conditions(&self) -> &Arc<Vec<HeaderCondition>> {
        &self.header_conditions
    }

    /// Which of [`Self::header_conditions`] a header meets, as far as rules of these organizations have them; those of
    /// nobody else are looked at, however many there are.
    #[must_use]
    pub fn look_at_header<'a>(
        &self,
        organizations: impl IntoIterator<Item = &'a OrganizationName>,
        fields: &[HeaderField],
    ) -> HeaderFindings {
        let organizations: HashSet<&OrganizationName> = organizations.into_iter().collect();
        let mut found = BTreeSet::new();
        let indexes = organizations
            .into_iter()
            .filter_map(|organization| self.index_of(organization));
        for index in indexes {
            for field in fields {
                let holds = |place: &usize| {
                    let condition = self.header_conditions.get(*place);
                    condition.is_some_and(|condition| condition.holds(field))
                };
                found.extend(index.headers.about(&field.name).filter(holds));
            }
        }
        HeaderFindings(found.into_iter().collect())
    }

    /// The conditions on the header on which it hangs what [`Self::apply_rules`] says: those of rules that apply
    /// otherwise, each once. For whoever has no header any more.
    #[must_use]
    pub fn header_in_question(&self, facts: &RuleFacts<'_>) -> Vec<HeaderCondition> {
        let mut conditions = Vec::new();
        let rules = self.index_of(facts.organization).map(|index| index.rules.iter());
        for (rule, _) in rules.into_iter().flatten() {
            if let Some(condition) = &rule.header
                && rule.applies(facts)
                && !conditions.contains(condition)
            {
                conditions.push(condition.clone());
            }
        }
        conditions
    }

    /// What [`Self::look_at_header`] would have found in a header that meets exactly the conditions to which `holds`
    /// says yes.
    #[must_use]
    pub fn header_findings(&self, holds: impl Fn(&HeaderCondition) -> bool) -> HeaderFindings {
        let places = self.header_conditions.iter().enumerate();
        let met = places.filter(|(_, condition)| holds(condition));
        HeaderFindings(met.map(|(place, _)| place).collect())
    }

    /// What the rules of the recipient's organization say of a message for it. The first rule that rejects ends it.
    #[must_use]
    pub fn apply_rules(&self, facts: &RuleFacts<'_>) -> RuleVerdict {
        let index = self.index_of(facts.organization);
        let met = index.map(|index| index.rules.meeting(facts));
        self.verdict_of(facts, met.into_iter().flatten())
    }

    /// What rules say of a message that meets each of them, in their order.
    pub(super) fn verdict_of<'a>(
        &self,
        facts: &RuleFacts<'_>,
        rules: impl IntoIterator<Item = &'a Arc<Rule>>,
    ) -> RuleVerdict {
        let mut verdict = RuleVerdict::default();
        for rule in rules {
            self.add_to(&mut verdict, rule, facts.is_from_own_server);
            if verdict.rejection.is_some() {
                break;
            }
        }
        verdict
    }

    /// What a rule does to a message that meets it, beside those before it.
    pub(super) fn add_to(&self, verdict: &mut RuleVerdict, rule: &Rule, is_from_own_server: bool) {
        if let Some(text) = &rule.reject {
            verdict.rejection = Some(RuleRefusal {
                rule: rule.key.to_string(),
                text: text.clone(),
                by: RefusedBy::Rule,
            });
            verdict.reasons.push(Reason::RuleRejects {
                rule: rule.key.to_string(),
            });
            return;
        }
        for demand in rule.demands() {
            verdict.reasons.push(Reason::RuleDemandsTls { demand: demand.clone() });
            verdict.demands.push(demand);
        }
        if let Some(field) = &rule.add_header {
            verdict.reasons.push(Reason::RuleAddsField {
                rule: rule.key.to_string(),
                name: field.name.clone(),
            });
            verdict.added.push(AddedField {
                rule: rule.key.to_string(),
                name: field.name.clone(),
                value: field.value.clone(),
            });
        }
        if let Some(name) = &rule.route_to_connector
            && verdict.way.is_none()
        {
            self.route(rule, name, is_from_own_server, verdict);
        }
    }

    /// A rule that sends to the organization's own servers what came from them would send it around for ever; unless
    /// it says itself from which of them the mail comes.
    fn route(&self, rule: &Rule, connector: &Arc<str>, is_from_own_server: bool, verdict: &mut RuleVerdict) {
        let key = ConnectorKey {
            organization: rule.key.organization.clone(),
            name: Arc::clone(connector),
        };
        let is_own = self
            .outbound
            .get(&key)
            .is_some_and(|one| one.kind == ConnectorType::OnPremises);
        let way = ChosenWay {
            rule: rule.key.to_string().into(),
            connector: Arc::clone(connector),
        };
        let rule_name = rule.key.to_string();
        if is_from_own_server && is_own && rule.inbound_connector.is_none() {
            verdict.reasons.push(Reason::RuleDoesNotSendBack {
                rule: rule_name,
                connector: key,
            });
            verdict.not_sent_back.get_or_insert(way);
        } else {
            verdict.reasons.push(Reason::RuleRoutes {
                rule: rule_name,
                connector: key,
            });
            verdict.way = Some(way);
        }
    }
}
