//! What would become of mail to a recipient: the delivery path itself, up to the point where the message would be sent.
//! Every host is really asked, and no mail leaves.

use std::{sync::Arc, time::Duration};

use sekisho_mail::{
    BodyKind, ChannelFacts, Decision, Demand, EnhancedCode, Envelope, Fault, HandshakeFailure, Mailbox,
    OrganizationName, Recipient, ReversePath, ShadowVerdict, Side, SpokenLine, push_new,
};
use sekisho_policy::{
    directory::{Exception, MissingWay, RuleAccount, RuleQuestion, RuleVerdict, SelectionReason, Shadow},
    outbound::{
        HostPlan, OutboundFacts, RequireTlsCondition, judge, plan, requiretls, requiretls_demand, try_documents,
    },
};
use sekisho_store::{Destination, Lane};

use super::{
    Candidate, Configured, Dispatcher, Shared, Unroutable, Way,
    attempt::found,
    candidates,
    open::{Journal, Opening},
    resolve::fault,
};
use crate::{directory::time_for, inbound::header_fields, local::LocalFinding};

/// The question.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// Whom the message is to reach.
    pub recipient: Mailbox,
    /// From whom.
    pub reverse_path: ReversePath,
    /// Who sends; of an accepted domain its owner answers for the way all the same.
    pub organization: OrganizationName,
    /// Fields of its header, as lines.
    pub header: String,
    /// Whether it is one with REQUIRETLS.
    pub requiretls: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The version of the directory that it was judged by.
    pub directory: u64,
    /// Who answers for the way.
    pub organization: OrganizationName,
    /// Where the mail ends when it does not go on.
    pub local: Option<LocalFinding>,
    /// The way, in words.
    pub route: String,
    /// Why that way.
    pub because: String,
    /// Each outbound connector of the organization, and what it has to do with it.
    pub connectors: Vec<(String, String)>,
    /// Each rule of the organization, and what it has to do with it.
    pub rules: Vec<RuleAccount>,
    /// The exceptions that may lower what must hold, and whether each is in force.
    pub exceptions: Vec<(Arc<Exception>, bool)>,
    /// All that must hold.
    pub demands: Vec<Demand>,
    /// Why there is no host to try.
    pub unroutable: Option<Unroutable>,
    /// The hosts in the order in which they would be tried.
    pub hosts: Vec<HostExplanation>,
}

/// One host.
#[derive(Clone, Debug)]
pub struct HostExplanation {
    /// Name or address, and port.
    pub host: String,
    /// Its place among them; the lower, the sooner.
    pub preference: u16,
    /// What it must satisfy.
    pub required: Vec<Demand>,
    /// The connection, when one came about.
    pub channel: Option<Arc<ChannelFacts>>,
    /// Handshakes that failed on the way.
    pub failed_handshakes: Vec<(String, HandshakeFailure)>,
    /// Whether the message might leave, and why.
    pub decision: Decision,
    /// What stands in the way.
    pub fault: Option<Fault>,
    /// What connectors that are tried would make of it.
    pub shadow: Vec<ShadowVerdict>,
    /// The conditions of REQUIRETLS, where they are asked for.
    pub requiretls: Option<[RequireTlsCondition; 3]>,
    /// What was said.
    pub conversation: Vec<SpokenLine>,
    /// How long it took.
    pub took: Duration,
}

/// Connectors that are named at most.
const CONNECTORS_SHOWN: usize = 100;

impl Dispatcher {
    /// Asks every host what would become of such a message.
    pub async fn explain(&self, hypothesis: &Hypothesis) -> Explanation {
        let shared = self.shared();
        let configured = shared.configured.load_full();
        let host = hypothesis.recipient.host();
        let mut destination = Destination::of(hypothesis.organization.clone(), host.clone());
        let mut way = configured.way(&destination);
        let (rules, verdict) = rules(&configured, &way, hypothesis);
        if let Some(chosen) = &verdict.way {
            destination = destination.on(Lane::Connector(Arc::clone(&chosen.connector)));
            way = configured.way(&destination);
        }
        let carried = carried(&verdict, hypothesis);
        let (because, connectors) = say_why(&configured, &destination, &way);
        let directory = &configured.organizations;
        let now = time_for(directory);
        let reaching = directory.exceptions_for(&way.demands, &carried, host);
        let mut demands = way.carried_demands();
        carried.iter().for_each(|demand| push_new(&mut demands, demand));
        let mut explanation = Explanation {
            directory: directory.version(),
            organization: way.organization.clone(),
            local: None,
            route: way.route.describe(),
            because,
            connectors,
            rules,
            exceptions: reaching
                .iter()
                .map(|one| (Arc::clone(one), one.is_in_force(now)))
                .collect(),
            demands,
            unroutable: way.missing.as_ref().map(waits_for),
            hosts: Vec::new(),
        };
        if explanation.unroutable.is_some() {
            return explanation;
        }
        let finding = configured.directory.find_mailbox(&hypothesis.recipient);
        // What a rule sends through a connector does not end in a mailbox here.
        let ends_here = finding.is_here() && verdict.way.is_none();
        if ends_here || finding == LocalFinding::UnknownUser {
            explanation.local = Some(finding);
            return explanation;
        }
        let dns = shared.services.dns.as_ref();
        match candidates(dns, &configured.settings, &way.route, host).await {
            Err(why) => explanation.unroutable = Some(why),
            Ok(candidates) => {
                let planned = plan(&OutboundFacts {
                    demands: way.demands.clone(),
                    carried,
                    exceptions: [reaching, directory.exceptions_for_tried(&way.tried, &[], host)].concat(),
                    now,
                    client_identity: way.route.client_identity.clone(),
                    hosts: candidates.iter().map(|candidate| candidate.host.clone()).collect(),
                    tried: way.tried.clone(),
                    tried_rules: Vec::new(),
                });
                let asking = Asking {
                    shared,
                    configured: &configured,
                    way: &way,
                    hypothesis,
                };
                for (plan, candidate) in planned.hosts().iter().zip(&candidates) {
                    explanation.hosts.push(asking.ask(plan, candidate).await);
                }
            }
        }
        explanation
    }
}

/// What each rule has to do with such a message, and what those say of it that certainly apply.
fn rules(configured: &Configured, way: &Way, hypothesis: &Hypothesis) -> (Vec<RuleAccount>, RuleVerdict) {
    let directory = &configured.organizations;
    let header = header_fields(hypothesis.header.as_bytes(), directory.header_conditions());
    directory.account_rules(&RuleQuestion {
        organization: &way.organization,
        sender: &hypothesis.reverse_path,
        recipients: &[&hypothesis.recipient],
        connectors: None,
        from: None,
        is_from_own_server: false,
        header: &header,
    })
}

/// What the message would carry: what rules demand, and what REQUIRETLS does.
fn carried(verdict: &RuleVerdict, hypothesis: &Hypothesis) -> Vec<Demand> {
    let mut carried = Vec::new();
    verdict.demands.iter().for_each(|demand| push_new(&mut carried, demand));
    if hypothesis.requiretls {
        push_new(&mut carried, requiretls_demand());
    }
    carried
}

/// Where the connector that a rule chose cannot be used; no other way is gone instead.
fn waits_for(missing: &MissingWay) -> Unroutable {
    let words = format!("a rule sends it through a connector that cannot be used: {missing}");
    Unroutable::ForNow(fault(EnhancedCode::new(4, 3, 5), words, Side::Us))
}

struct Asking<'a> {
    shared: &'a Shared,
    configured: &'a Configured,
    way: &'a Way,
    hypothesis: &'a Hypothesis,
}

impl Asking<'_> {
    async fn ask(&self, plan: &HostPlan, candidate: &Candidate) -> HostExplanation {
        let mut journal = Journal::new();
        let opening = Opening {
            services: &self.shared.services,
            configured: self.configured,
            memory: &self.shared.memory,
            places: &self.shared.places,
            channel_ids: &self.shared.channel_ids,
            way: self.way,
            candidate,
            plan,
        };
        let (channel, decision, fault) = match opening.open(&mut journal).await {
            Err(obstacle) => (obstacle.channel, obstacle.decision, Some(obstacle.why.fault().clone())),
            Ok(mut link) => {
                journal.add(link.session.take_conversation());
                let facts = Arc::clone(&link.facts);
                let peer = link.describe();
                // Nothing is sent under it: the clearance ends here.
                let (decision, fault) =
                    match judge(plan, &facts, self.envelope(), time_for(&self.configured.organizations)) {
                        Ok(clearance) => (clearance.decision(), None),
                        Err(refusal) => (refusal.decision(), Some(refusal.to_fault(Some(peer)))),
                    };
                link.close().await;
                (Some(facts), decision, fault)
            }
        };
        let shadow = try_documents(plan, found(channel.as_deref(), &journal), &decision);
        let requiretls = self.hypothesis.requiretls;
        HostExplanation {
            shadow,
            requiretls: requiretls.then(|| self::requiretls(&candidate.host, plan, channel.as_deref())),
            host: format!("{}:{}", candidate.host.host, candidate.port),
            preference: candidate.preference,
            required: plan.demands().to_vec(),
            channel,
            failed_handshakes: journal.failed_handshakes,
            decision,
            fault,
            conversation: journal.lines,
            took: journal.began.elapsed(),
        }
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            reverse_path: self.hypothesis.reverse_path.clone(),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient::new(self.hypothesis.recipient.clone())],
        }
    }
}

/// Of a connector that is tried; what it would do is said of each host.
fn in_words(shadow: &Shadow) -> String {
    match &shadow.draft_of {
        Some(live) => format!("is only tried, in the place of {live}"),
        None => "is only tried".to_owned(),
    }
}

/// Why the way is the one that it is, and what each connector of the organization has to do with it.
fn say_why(configured: &Configured, destination: &Destination, way: &Way) -> (String, Vec<(String, String)>) {
    let organizations = &configured.organizations;
    let selection = configured.selection(destination);
    let because = match selection.chosen {
        Some(connector) if way.route.name == connector.key.to_string() => selection.because.to_string(),
        Some(connector) => format!(
            "a route of the configuration file is more exact than connector {}",
            connector.key
        ),
        None if way.route.is_default() => format!("{}, and no route of the configuration file does", selection.because),
        None => format!("{}; it is a route of the configuration file", selection.because),
    };
    let all = organizations.outbound();
    let mut of_the_organization: Vec<_> = all
        .filter(|connector| connector.key.organization == way.organization)
        .collect();
    of_the_organization.sort_by(|one, other| one.key.cmp(&other.key));
    let demanding = |connector| selection.demanding.iter().any(|other| Arc::ptr_eq(other, connector));
    let connectors = of_the_organization.into_iter().map(|connector| {
        let is_chosen = selection.chosen.is_some_and(|chosen| Arc::ptr_eq(chosen, connector));
        let words = if let Some(shadow) = &connector.shadow {
            in_words(shadow)
        } else if is_chosen && selection.because == SelectionReason::Central {
            format!("chosen: {}, but for what came from there", selection.because)
        } else if is_chosen {
            format!("chosen: {}", selection.because)
        } else if demanding(connector) {
            "covers the domain less exactly; what it demands of TLS holds as well".to_owned()
        } else if !connector.enabled {
            "disabled".to_owned()
        } else if connector.is_transport_rule_scoped {
            let rules: Vec<&str> = organizations.rules_through(&connector.key).collect();
            match rules.as_slice() {
                [] => "chosen by rules alone, and none names it".to_owned(),
                rules => format!("chosen by rules alone: {}", rules.join(", ")),
            }
        } else {
            "does not cover the domain".to_owned()
        };
        (connector.key.to_string(), words)
    });
    (because, connectors.take(CONNECTORS_SHOWN).collect())
}
