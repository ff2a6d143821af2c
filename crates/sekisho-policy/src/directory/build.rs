//! A directory from its parts: every fault is named at once, and one fault refuses the whole.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use sekisho_mail::{Domain, OrganizationName, ShadowKind};

use super::{
    AcceptedDomain, AskedOfChain, ConnectorKey, ConnectorType, Directory, DomainKind, Fault, FinalRefusal,
    InboundConnector, Organization, OrganizationIndex, OutboundConnector, Parts, RecipientCheck, Rule, Tried,
    exception::ExceptionIndex,
    rule_index::{PlacedRule, RuleIndex},
    rules_inbound, rules_of_certificate_roles, rules_of_exceptions, rules_of_rules, rules_outbound,
    shadow::{self, Draftable},
};

/// Characters of the name of a connector, a rule or an exception.
pub const NAME_CHARS_MAX: usize = 64;

/// Stems of header families that an organization has.
const HEADER_FAMILIES_MAX: usize = 10;

/// Faults of one thing, each with its place.
pub(super) struct Findings<'a> {
    place: String,
    into: &'a mut Vec<Fault>,
}

impl<'a> Findings<'a> {
    pub(super) const fn at(place: String, into: &'a mut Vec<Fault>) -> Self {
        Self { place, into }
    }

    pub(super) fn add(&mut self, field: &'static str, reason: impl Into<String>, remedy: impl Into<String>) {
        self.into.push(Fault {
            place: self.place.clone(),
            field,
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    /// [`Self::add`], where `is_wrong`.
    pub(super) fn add_if(&mut self, is_wrong: bool, field: &'static str, reason: &str, remedy: &str) {
        if is_wrong {
            self.add(field, reason, remedy);
        }
    }
}

/// What the rules may look up while a directory is built.
pub(super) struct Known<'a> {
    pub(super) organizations: &'a HashMap<OrganizationName, Organization>,
    pub(super) domains: &'a HashMap<Domain, AcceptedDomain>,
}

impl Known<'_> {
    /// Whether an organization accepts mail for a domain.
    pub(super) fn accepts(&self, organization: &OrganizationName, domain: &Domain) -> bool {
        let accepted = self.domains.get(domain);
        accepted.is_some_and(|accepted| accepted.organization == *organization)
    }

    /// Whether a name lies in an accepted domain of an organization, and not in one of another's below that.
    pub(super) fn lies_with(&self, organization: &OrganizationName, name: &Domain) -> bool {
        let nearest = name.lineage().find_map(|domain| self.domains.get(domain));
        nearest.is_some_and(|accepted| accepted.organization == *organization)
    }
}

/// Whoever names no trust anchors has those of its organization.
fn settle_anchors(
    organizations: &HashMap<OrganizationName, Organization>,
    (inbound, outbound, rules): (&mut [InboundConnector], &mut [OutboundConnector], &mut [Rule]),
) {
    let inbound = inbound.iter_mut().map(|one| (&one.key.organization, &mut one.anchors));
    let outbound = outbound.iter_mut().map(|one| (&one.key.organization, &mut one.anchors));
    let rules = rules.iter_mut().map(|one| (&one.key.organization, &mut one.anchors));
    for (organization, anchors) in inbound.chain(outbound).chain(rules) {
        if let Some(organization) = organizations.get(organization).filter(|_| anchors.is_system()) {
            anchors.clone_from(&organization.anchors);
        }
    }
}

impl Directory {
    /// Puts a directory together. With it come warnings: what is allowed and an operator would want to know.
    ///
    /// # Errors
    /// Every fault of every part, in the order of [`Parts`].
    pub fn build(version: u64, parts: Parts) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let organizations = collect_organizations(parts.organizations, &mut faults);
        check_limits(organizations.values(), &mut faults, &mut warnings);
        check_recipients(&parts.domains, &mut faults, &mut warnings);
        check_refusals(&parts.domains, &mut faults);
        let domains = collect_domains(parts.domains, &organizations, &mut faults);
        let known = Known {
            organizations: &organizations,
            domains: &domains,
        };
        let mut inbound = parts.inbound;
        let mut outbound = parts.outbound;
        let mut rules = parts.rules;
        let keys = inbound.iter().map(|one| (&one.key.organization, &*one.key.name));
        check_keys("inbound connector", keys, &known, &mut faults);
        rules_inbound::check(&inbound, &known, &mut faults, &mut warnings);
        let keys = outbound.iter().map(|one| (&one.key.organization, &*one.key.name));
        check_keys("outbound connector", keys, &known, &mut faults);
        rules_outbound::check(&outbound, &organizations, &mut faults, &mut warnings);
        let keys = rules.iter().map(|one| (&one.key.organization, &*one.key.name));
        check_keys("rule", keys, &known, &mut faults);
        let connectors = (&inbound[..], &outbound[..]);
        rules_of_rules::check(&rules, connectors, &organizations, (&mut faults, &mut warnings));
        check_drafts((&inbound, &outbound, &rules), &mut faults, &mut warnings);
        let exceptions = parts.exceptions;
        let keys = exceptions.iter().map(|one| (&one.key.organization, &*one.key.name));
        check_keys("exception", keys, &known, &mut faults);
        let documents = rules_of_exceptions::Documents::of(&inbound, &outbound, &rules);
        rules_of_exceptions::check(&exceptions, &documents, &known, &mut faults, &mut warnings);
        let roles = parts.certificate_roles;
        let keys = roles.iter().map(|one| (&one.key.organization, &*one.key.name));
        check_keys("certificate role", keys, &known, &mut faults);
        rules_of_certificate_roles::check(&roles, &outbound, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        settle_anchors(&organizations, (&mut inbound, &mut outbound, &mut rules));
        // Whichever order they came in, the same one speaks for several that are equal.
        inbound.sort_by(|one, other| one.key.cmp(&other.key));
        outbound.sort_by(|one, other| one.key.cmp(&other.key));
        rules.sort_by(Rule::order);
        let limits = organizations.values().filter(|one| !one.limits.is_empty());
        let limits = limits.map(|one| (one.name.clone(), one.limits)).collect();
        let stems = organizations.values().flat_map(|one| &one.header_families);
        let mut directory = Self {
            version,
            limits,
            header_stems: Arc::new(stems.map(|stem| stem.as_str().to_ascii_lowercase()).collect()),
            organizations,
            domains,
            exceptions: ExceptionIndex::of(exceptions),
            certificate_roles: roles.into_iter().map(|role| role.key).collect(),
            ..Self::default()
        };
        // Those that act first, so that a draft finds what it would replace.
        inbound.sort_by_key(|one| one.shadow.is_some());
        outbound.sort_by_key(|one| one.shadow.is_some());
        rules.sort_by_key(|one| one.shadow.is_some());
        inbound
            .into_iter()
            .for_each(|connector| directory.add_inbound(connector));
        outbound
            .into_iter()
            .for_each(|connector| directory.add_outbound(connector));
        directory.add_rules(rules);
        Ok((directory, warnings))
    }

    fn add_inbound(&mut self, connector: InboundConnector) {
        let connector = Arc::new(connector);
        self.inbound.insert(connector.key.clone(), Arc::clone(&connector));
        if !connector.enabled {
            return;
        }
        if connector.shadow.is_some() {
            self.try_inbound(&connector);
            return;
        }
        let index = self.indexes.entry(connector.key.organization.clone()).or_default();
        let is_excepted = self.exceptions.is_about_inbound(&connector.key);
        index_inbound(index, &connector, is_excepted);
        if let Some(name) = &connector.tls_sender_certificate_name {
            if connector.wants_path() {
                self.anchors.insert(name, AskedOfChain::of(&connector));
            }
            if connector.kind == ConnectorType::OnPremises {
                self.own_certificates.insert(name, Arc::clone(&connector));
            }
        }
        if connector.kind == ConnectorType::OnPremises {
            for network in connector.sender_addresses.iter() {
                self.own_addresses.insert(*network, Arc::clone(&connector));
            }
        }
    }

    fn try_inbound(&mut self, connector: &Arc<InboundConnector>) {
        let Some(shadow) = &connector.shadow else { return };
        let (kind, ConnectorKey { organization, name }) = (ShadowKind::InboundConnector, &connector.key);
        let replaces = shadow.replaced(&connector.key).and_then(|key| self.inbound.get(&key));
        let tried = Tried {
            replaces: replaces.filter(|one| one.enabled).cloned(),
            named: shadow.named(kind, organization, name),
            document: Arc::clone(connector),
        };
        if let Some(name) = connector.tls_sender_certificate_name.as_ref()
            && connector.wants_path()
        {
            self.tried_anchors.insert(name, AskedOfChain::of(connector));
        }
        self.tries_inbound = true;
        let index = self.indexes.entry(organization.clone()).or_default();
        index.tried.inbound.push(tried);
    }

    fn add_outbound(&mut self, connector: OutboundConnector) {
        let connector = Arc::new(connector);
        self.outbound.insert(connector.key.clone(), Arc::clone(&connector));
        if !connector.enabled {
            return;
        }
        if let Some(shadow) = &connector.shadow {
            let (kind, ConnectorKey { organization, name }) = (ShadowKind::OutboundConnector, &connector.key);
            let replaces = shadow.replaced(&connector.key).and_then(|key| self.outbound.get(&key));
            let tried = Tried {
                replaces: replaces.filter(|one| one.enabled).cloned(),
                named: shadow.named(kind, organization, name),
                document: Arc::clone(&connector),
            };
            let index = self.indexes.entry(organization.clone()).or_default();
            index.tried.outbound.push(tried);
            return;
        }
        if connector.is_transport_rule_scoped {
            return;
        }
        let index = self.indexes.entry(connector.key.organization.clone()).or_default();
        let mut seen = HashSet::new();
        for scope in connector.recipient_domains.iter().filter(|scope| seen.insert(*scope)) {
            index.outbound.insert(scope, Arc::clone(&connector));
        }
        if connector.all_accepted_domains {
            index.all_accepted = Some(Arc::clone(&connector));
        }
        if connector.route_all_messages_via_on_premises {
            index.central = Some(Arc::clone(&connector));
        }
    }

    /// In the order in which they are looked at.
    fn add_rules(&mut self, rules: Vec<Rule>) {
        let mut conditions = Vec::new();
        let mut places = HashMap::new();
        self.rules = rules.into_iter().map(Arc::new).collect();
        let mut acting: HashMap<OrganizationName, Vec<PlacedRule>> = HashMap::new();
        for rule in self.rules.iter().filter(|rule| rule.enabled) {
            let place = rule.header.as_ref().map(|header| {
                *places.entry(header.clone()).or_insert_with(|| {
                    conditions.push(header.clone());
                    conditions.len() - 1
                })
            });
            let index = self.indexes.entry(rule.key.organization.clone()).or_default();
            if let (Some(header), Some(place)) = (&rule.header, place) {
                index.headers.insert(&header.name, place);
            }
            let live = acting.entry(rule.key.organization.clone()).or_default();
            let Some(shadow) = &rule.shadow else {
                live.push((Arc::clone(rule), place));
                continue;
            };
            let mut live = live.iter().map(|(live, _)| live);
            let tried = Tried {
                replaces: live
                    .find(|live| shadow::stands_in_for(Some(shadow), &live.key.name))
                    .cloned(),
                named: shadow.named(ShadowKind::Rule, &rule.key.organization, &rule.key.name),
                document: Arc::clone(rule),
            };
            index.tried.rules.push((tried, place));
        }
        for (organization, rules) in acting {
            self.indexes.entry(organization).or_default().rules = RuleIndex::of(rules);
        }
        self.header_conditions = Arc::new(conditions);
    }
}

/// What documents of one kind have of those that can be tried.
macro_rules! draftables {
    ($documents:expr) => {
        $documents
            .iter()
            .map(|one| Draftable {
                organization: &one.key.organization,
                name: &one.key.name,
                enabled: one.enabled,
                shadow: one.shadow.as_ref(),
            })
            .collect::<Vec<_>>()
    };
}

/// Drafts of every kind, and how many documents are tried.
fn check_drafts(
    (inbound, outbound, rules): (&[InboundConnector], &[OutboundConnector], &[Rule]),
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    shadow::check("inbound connector", &draftables!(inbound), faults, warnings);
    shadow::check("outbound connector", &draftables!(outbound), faults, warnings);
    shadow::check("rule", &draftables!(rules), faults, warnings);
}

fn index_inbound(index: &mut OrganizationIndex, connector: &Arc<InboundConnector>, is_excepted: bool) {
    for network in connector.sender_addresses.iter() {
        index.addresses.insert(*network, Arc::clone(connector));
        if connector.kind == ConnectorType::OnPremises {
            index.own_addresses.insert(*network, Arc::clone(connector));
        }
    }
    if let Some(name) = &connector.tls_sender_certificate_name {
        index.certificates.insert(name, Arc::clone(connector));
    }
    index.own_servers += usize::from(connector.kind == ConnectorType::OnPremises);
    if connector.kind == ConnectorType::Partner {
        index.partners.insert(connector, is_excepted);
        for organization in &connector.trusted_organizations {
            let trusting = index.trusting.entry(organization.clone()).or_default();
            trusting.push(Arc::clone(connector));
        }
    }
}

fn collect_organizations(
    organizations: Vec<Organization>,
    faults: &mut Vec<Fault>,
) -> HashMap<OrganizationName, Organization> {
    let mut collected = HashMap::with_capacity(organizations.len());
    for organization in organizations {
        let mut findings = Findings::at(format!("organization {}", organization.name), faults);
        findings.add_if(
            organization.header_families.len() > HEADER_FAMILIES_MAX,
            "header_families",
            "an organization has at most 10 of them: every header is looked through for each",
            "take some out",
        );
        match collected.entry(organization.name.clone()) {
            Entry::Occupied(_) => findings.add("name", "there are two of that name", "take one of them out"),
            Entry::Vacant(entry) => {
                entry.insert(organization);
            }
        }
    }
    if !collected.contains_key(&OrganizationName::FIRST) {
        Findings::at(format!("organization {}", OrganizationName::FIRST), faults).add(
            "",
            "it is missing, and what sekisho.toml sets is its",
            "put it back; it may be left empty",
        );
    }
    collected
}

/// RFC 5321 §4.5.3.1.7: messages of 64 KiB should be taken.
const MESSAGE_OCTETS_MIN: u64 = 64 * 1024;
/// RFC 5321 §4.5.3.1.8: a hundred recipients must be taken.
const RECIPIENTS_MIN: u32 = 100;

fn check_limits<'a>(
    organizations: impl Iterator<Item = &'a Organization>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let mut organizations: Vec<&Organization> = organizations.filter(|one| !one.limits.is_empty()).collect();
    organizations.sort_by(|one, other| one.name.cmp(&other.name));
    for Organization { name, limits, .. } in organizations {
        let place = format!("organization {name}");
        let mut findings = Findings::at(place.clone(), faults);
        let remedy = "set a larger one, or take it out";
        findings.add_if(
            limits.octets == Some(0),
            "max_message_size",
            "no message is so small",
            remedy,
        );
        findings.add_if(
            limits.recipients == Some(0),
            "max_recipients",
            "every message has a recipient",
            remedy,
        );
        let mut findings = Findings::at(place, warnings);
        findings.add_if(
            limits.octets.is_some_and(|most| most < MESSAGE_OCTETS_MIN),
            "max_message_size",
            "senders may rely on 64 KiB being taken (RFC 5321 §4.5.3.1.7)",
            "set 64KiB or more",
        );
        findings.add_if(
            limits.recipients.is_some_and(|most| most < RECIPIENTS_MIN),
            "max_recipients",
            "senders may rely on 100 recipients being taken (RFC 5321 §4.5.3.1.8); most send the rest on their own",
            "set 100 or more",
        );
    }
}

/// Recipients are looked for where somebody else knows them, and nowhere else.
fn check_recipients(domains: &[AcceptedDomain], faults: &mut Vec<Fault>, warnings: &mut Vec<Fault>) {
    for domain in domains.iter().filter(|one| one.check != RecipientCheck::None) {
        let place = format!("domain {}", domain.domain);
        Findings::at(place.clone(), faults).add_if(
            domain.kind == DomainKind::Authoritative,
            "recipient_check",
            "all recipients of an authoritative domain are here, so nobody else would be looked for",
            "set it to none, or type to internal_relay",
        );
        let is_empty = matches!(&domain.check, RecipientCheck::List(known) if known.is_empty());
        Findings::at(place.clone(), faults).add_if(
            is_empty && domain.kind == DomainKind::ExternalRelay,
            "recipients",
            "nobody is listed and nobody is here, so all its mail would be refused",
            "list its recipients, or set recipient_check to probe or none",
        );
        Findings::at(place, warnings).add_if(
            is_empty && domain.kind == DomainKind::InternalRelay,
            "recipients",
            "nobody is listed, so mail is taken for the mailboxes here alone",
            "list the recipients behind this server",
        );
    }
}

/// Where nothing is passed on, nothing is refused by whom it is passed on to.
fn check_refusals(domains: &[AcceptedDomain], faults: &mut Vec<Fault>) {
    for domain in domains
        .iter()
        .filter(|one| one.final_refusal != FinalRefusal::default())
    {
        Findings::at(format!("domain {}", domain.domain), faults).add_if(
            domain.kind == DomainKind::Authoritative,
            "final_refusal",
            "mail for an authoritative domain ends here, so no next hop refuses it",
            "take it out, or set type to internal_relay",
        );
    }
}

fn collect_domains(
    domains: Vec<AcceptedDomain>,
    organizations: &HashMap<OrganizationName, Organization>,
    faults: &mut Vec<Fault>,
) -> HashMap<Domain, AcceptedDomain> {
    let mut collected: HashMap<Domain, AcceptedDomain> = HashMap::with_capacity(domains.len());
    for domain in domains {
        let mut findings = Findings::at(format!("domain {}", domain.domain), faults);
        if !organizations.contains_key(&domain.organization) {
            let reason = format!("there is no organization {}", domain.organization);
            findings.add(
                "organization",
                reason,
                "add the organization first, or name another one",
            );
        }
        match collected.entry(domain.domain.clone()) {
            Entry::Occupied(entry) => {
                let first: &AcceptedDomain = entry.get();
                let reason = format!(
                    "it is accepted twice: for {} ({}) and for {} ({})",
                    first.organization, first.origin, domain.organization, domain.origin
                );
                findings.add(
                    "name",
                    reason,
                    "a domain belongs to one organization; take one of them out",
                );
            }
            Entry::Vacant(entry) => {
                entry.insert(domain);
            }
        }
    }
    collected
}

/// V13, and that every connector and every rule belongs to an organization.
fn check_keys<'a>(
    what: &str,
    keys: impl Iterator<Item = (&'a OrganizationName, &'a str)>,
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
) {
    let mut seen = HashSet::new();
    for (organization, name) in keys {
        let mut findings = Findings::at(format!("{what} {organization}/{name}"), faults);
        let chars = name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&chars) || name.chars().any(char::is_control) {
            let reason = format!("a name has 1 to {NAME_CHARS_MAX} characters and no control characters");
            findings.add("name", reason, "give it a shorter name");
        }
        if !known.organizations.contains_key(organization) {
            let reason = format!("there is no organization {organization}");
            findings.add(
                "organization",
                reason,
                "add the organization first, or name another one",
            );
        }
        if !seen.insert((organization, name)) {
            let reason = format!("the organization has two of that name: {what} {name}");
            findings.add("name", reason, "give one of them another name");
        }
    }
}
