//! What would become of mail to a recipient: the delivery path itself, up to the point where the message would be sent.
//! Every host is really asked, and no mail leaves.

use std::{sync::Arc, time::Duration};

use sekisho_mail::{
    BodyKind, ChannelFacts, Decision, Demand, Envelope, Fault, HandshakeFailure, Mailbox, OrganizationName, Recipient,
    ReversePath, ShadowVerdict, SpokenLine,
};
use sekisho_policy::{
    directory::{SelectionReason, Shadow},
    outbound::{HostPlan, OutboundFacts, judge, plan, try_documents},
};
use sekisho_store::Destination;

use super::{
    Candidate, Configured, Dispatcher, Shared, Unroutable, Way,
    attempt::found,
    candidates,
    open::{Journal, Opening},
};
use crate::local::LocalFinding;

/// The question.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// Whom the message is to reach.
    pub recipient: Mailbox,
    /// From whom.
    pub reverse_path: ReversePath,
    /// Who sends; of an accepted domain its owner answers for the way all the same.
    pub organization: OrganizationName,
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
        let destination = Destination::of(hypothesis.organization.clone(), host.clone());
        let way = configured.way(&destination);
        let (because, connectors) = say_why(&configured, &destination, &way);
        let mut explanation = Explanation {
            directory: configured.organizations.version(),
            organization: way.organization.clone(),
            local: None,
            route: way.route.describe(),
            because,
            connectors,
            demands: way.carried_demands(),
            unroutable: None,
            hosts: Vec::new(),
        };
        let finding = configured.directory.find_mailbox(&hypothesis.recipient);
        if finding.is_here() || finding == LocalFinding::UnknownUser {
            explanation.local = Some(finding);
            return explanation;
        }
        let dns = shared.services.dns.as_ref();
        match candidates(dns, &configured.settings, &way.route, host).await {
            Err(why) => explanation.unroutable = Some(why),
            Ok(candidates) => {
                let planned = plan(&OutboundFacts {
                    demands: way.demands.clone(),
                    carried: Vec::new(),
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
                let (decision, fault) = match judge(plan, &facts, self.envelope()) {
                    Ok(clearance) => (clearance.decision(), None),
                    Err(refusal) => (refusal.decision(), Some(refusal.to_fault(Some(peer)))),
                };
                link.close().await;
                (Some(facts), decision, fault)
            }
        };
        let shadow = try_documents(plan, found(channel.as_deref(), &journal), &decision);
        HostExplanation {
            shadow,
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
