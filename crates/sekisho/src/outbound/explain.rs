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
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Candidate, Configured, Dispatcher, Shared, Unroutable, Way,
    attempt::found,
    candidates,
    open::{Journal, Opening},
    resolve::fault,
    way::address_itself,
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
    /// Whom it is about.
    pub recipient: Mailbox,
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
    /// Each rule of the organization, and what it has to do with it; of an alias each of its ends has them.
    pub rules: Vec<RuleAccount>,
    /// The exceptions that may lower what must hold, and whether each is in force.
    pub exceptions: Vec<(Arc<Exception>, bool)>,
    /// All that must hold.
    pub demands: Vec<Demand>,
    /// Why there is no host to try.
    pub unroutable: Option<Unroutable>,
    /// The hosts in the order in which they would be tried.
    pub hosts: Vec<HostExplanation>,
    /// Of an alias where its mail goes; at most [`crate::local::MAX_ALIAS_ENDS`].
    pub ends: Vec<Self>,
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

/// Ends of an alias that are asked about at a time.
const ENDS_AT_A_TIME: usize = 8;

impl Dispatcher {
    /// Asks every host what would become of such a message; of an alias those of each of its ends.
    pub async fn explain(&self, hypothesis: Hypothesis) -> Explanation {
        let configured = self.shared().configured.load_full();
        let alias = &hypothesis.recipient;
        let destination = Destination::of(hypothesis.organization.clone(), alias.host().clone());
        let accepted = Recipient {
            organization: configured.way(&destination).organization,
            ..Recipient::new(alias.clone())
        };
        let finding = configured.directory.find_mailbox(alias);
        let asking = Arc::new(Asking {
            shared: Arc::clone(self.shared()),
            configured,
            hypothesis,
        });
        match finding {
            LocalFinding::Alias(_) => asking.explain_alias(accepted, finding).await,
            LocalFinding::NotLocal | LocalFinding::RelayDomain | LocalFinding::UnknownUser | LocalFinding::User(_) => {
                asking.explain(&accepted).await
            }
        }
    }
}

/// Where the connector that a rule chose cannot be used; no other way is gone instead.
fn waits_for(missing: &MissingWay) -> Unroutable {
    let words = format!("a rule sends it through a connector that cannot be used: {missing}");
    Unroutable::ForNow(fault(EnhancedCode::new(4, 3, 5), words, Side::Us))
}

struct Asking {
    shared: Arc<Shared>,
    configured: Arc<Configured>,
    hypothesis: Hypothesis,
}

impl Asking {
    /// Of an alias: what is demanded of mail to its own address, and where its mail goes.
    async fn explain_alias(self: &Arc<Self>, accepted: Recipient, finding: LocalFinding) -> Explanation {
        let destination = address_itself(&accepted.mailbox, &accepted.organization);
        let way = self.configured.way(&destination);
        let covering = way.carried_demands();
        let explanation = self.begin((&accepted, &destination), &way, covering.clone());
        let ends = finding.expand(accepted, &covering);
        Explanation {
            local: Some(finding),
            ends: self.explain_ends(ends).await,
            ..explanation
        }
    }

    /// Each end, in the order of the alias.
    async fn explain_ends(self: &Arc<Self>, ends: Vec<Recipient>) -> Vec<Explanation> {
        let turns = Arc::new(Semaphore::new(ENDS_AT_A_TIME));
        let mut under_way = JoinSet::new();
        for (place, end) in ends.into_iter().enumerate() {
            let (asking, turns) = (Arc::clone(self), Arc::clone(&turns));
            // Dropped with the set when nobody waits for it any more.
            under_way.spawn(async move {
                let _turn = turns.acquire().await;
                (place, asking.explain(&end).await)
            });
        }
        let mut explained = under_way.join_all().await;
        explained.sort_unstable_by_key(|(place, _)| *place);
        explained.into_iter().map(|(_, explanation)| explanation).collect()
    }

    /// Of a recipient as it would be queued.
    async fn explain(&self, recipient: &Recipient) -> Explanation {
        let host = recipient.mailbox.host();
        let mut destination = Destination::of(recipient.organization.clone(), host.clone());
        let (rules, verdict) = self.rules(recipient);
        if let Some(chosen) = &verdict.way {
            destination = destination.on(Lane::Connector(Arc::clone(&chosen.connector)));
        }
        let way = self.configured.way(&destination);
        let carried = self.carried(recipient, &verdict);
        let mut explanation = Explanation {
            rules,
            ..self.begin((recipient, &destination), &way, carried.clone())
        };
        if let Some(missing) = &way.missing {
            explanation.unroutable = Some(waits_for(missing));
            return explanation;
        }
        let finding = self.configured.directory.find_mailbox(&recipient.mailbox);
        // What a rule sends through a connector does not end in a mailbox here.
        let ends_here = finding.is_here() && verdict.way.is_none();
        if ends_here || finding == LocalFinding::UnknownUser {
            explanation.local = Some(finding);
            return explanation;
        }
        match self.ask_all(&way, (recipient, carried)).await {
            Ok(hosts) => explanation.hosts = hosts,
            Err(why) => explanation.unroutable = Some(why),
        }
        explanation
    }

    /// What is known before anybody is asked.
    fn begin(
        &self,
        (recipient, destination): (&Recipient, &Destination),
        way: &Way,
        carried: Vec<Demand>,
    ) -> Explanation {
        let directory = &self.configured.organizations;
        let now = time_for(directory);
        let (because, connectors) = say_why(&self.configured, destination, way);
        let reaching = directory.exceptions_for(&way.demands, &carried, destination.host());
        let mut demands = way.carried_demands();
        carried.iter().for_each(|demand| push_new(&mut demands, demand));
        Explanation {
            recipient: recipient.mailbox.clone(),
            directory: directory.version(),
            organization: way.organization.clone(),
            local: None,
            route: way.route.describe(),
            because,
            connectors,
            rules: Vec::new(),
            exceptions: reaching
                .into_iter()
                .map(|one| (Arc::clone(&one), one.is_in_force(now)))
                .collect(),
            demands,
            unroutable: None,
            hosts: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// What each rule has to do with such a message, and what those say of it that certainly apply. Whoever writes to
    /// an alias has written to each of its ends.
    fn rules(&self, recipient: &Recipient) -> (Vec<RuleAccount>, RuleVerdict) {
        let directory = &self.configured.organizations;
        let hypothesis = &self.hypothesis;
        let header = header_fields(hypothesis.header.as_bytes(), directory.header_conditions());
        directory.account_rules(&RuleQuestion {
            organization: &recipient.organization,
            sender: &hypothesis.reverse_path,
            recipients: &[&recipient.mailbox, &hypothesis.recipient],
            connectors: None,
            from: None,
            is_from_own_server: false,
            header: &header,
        })
    }

    /// What the message would carry: what came along from an alias, what rules demand, and what REQUIRETLS does.
    fn carried(&self, recipient: &Recipient, verdict: &RuleVerdict) -> Vec<Demand> {
        let mut carried = recipient.carried.clone();
        verdict.demands.iter().for_each(|demand| push_new(&mut carried, demand));
        if self.hypothesis.requiretls {
            push_new(&mut carried, requiretls_demand());
        }
        carried
    }

    /// Asks every host of a way, in the order in which they would be tried.
    ///
    /// # Errors
    /// When there is none.
    async fn ask_all(
        &self,
        way: &Way,
        (recipient, carried): (&Recipient, Vec<Demand>),
    ) -> Result<Vec<HostExplanation>, Unroutable> {
        let Configured {
            settings,
            organizations,
            ..
        } = &*self.configured;
        let host = recipient.mailbox.host();
        let dns = self.shared.services.dns.as_ref();
        let candidates = candidates(dns, settings, &way.route, host).await?;
        let planned = plan(&OutboundFacts {
            demands: way.demands.clone(),
            exceptions: [
                organizations.exceptions_for(&way.demands, &carried, host),
                organizations.exceptions_for_tried(&way.tried, &[], host),
            ]
            .concat(),
            carried,
            now: time_for(organizations),
            client_identity: way.route.client_identity.clone(),
            hosts: candidates.iter().map(|candidate| candidate.host.clone()).collect(),
            tried: way.tried.clone(),
            tried_rules: Vec::new(),
        });
        let mut hosts = Vec::with_capacity(candidates.len());
        for (plan, candidate) in planned.hosts().iter().zip(&candidates) {
            hosts.push(self.ask(way, (plan, candidate), &recipient.mailbox).await);
        }
        Ok(hosts)
    }

    async fn ask(&self, way: &Way, (plan, candidate): (&HostPlan, &Candidate), recipient: &Mailbox) -> HostExplanation {
        let mut journal = Journal::new();
        let opening = Opening {
            services: &self.shared.services,
            configured: &self.configured,
            memory: &self.shared.memory,
            places: &self.shared.places,
            channel_ids: &self.shared.channel_ids,
            way,
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
                let (decision, fault) = match judge(
                    plan,
                    &facts,
                    self.envelope(recipient),
                    time_for(&self.configured.organizations),
                ) {
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

    fn envelope(&self, recipient: &Mailbox) -> Envelope {
        Envelope {
            reverse_path: self.hypothesis.reverse_path.clone(),
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient::new(recipient.clone())],
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
