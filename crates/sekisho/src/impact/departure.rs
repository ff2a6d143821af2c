//! A recipient's way out, decided anew: which way it goes, and whether what is demanded there holds on the connections
//! that were made.

use std::sync::Arc;

use sekisho_mail::{
    BodyKind, CertificateFacts, ChannelFacts, ChannelSecurity, Check, Decision, Demand, Envelope, Evidence, Host,
    KeyProof, NamePattern, OrganizationName, Outcome, Recipient, ReversePath, StatedReason, TlsFacts, Verdict,
    push_new,
};
use sekisho_policy::{
    Reason,
    directory::{Exception, Rule},
    inbound::RelayRights,
    outbound::{CandidateHost, HostOrigin, HostPlan, OutboundFacts, judge, plan},
    replay::{self, Answers, Compared, Question},
};
use sekisho_store::Lane;
use sekisho_tls::{MAX_NAMES, any_matches};

use super::{
    arrival::{Arrived, Reception},
    in_words,
    side::Side,
    tally::{Finding, Judged},
};
use crate::outbound::{Via, Way};

/// One recipient and what was tried for it.
pub(super) struct Departed<'a> {
    pub(super) recipient: &'a Recipient,
    /// Oldest first.
    pub(super) attempts: Vec<&'a Evidence>,
}

/// How the message came, when that is known: who may relay there, and what is not known of it.
pub(super) type From<'a> = (&'a Arrived<'a>, &'a RelayRights, Vec<Question>);

/// What becomes of a connection that was made.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) cleared: bool,
    pub(super) reason: StatedReason,
    pub(super) document: Option<String>,
}

impl Departed<'_> {
    /// Whether it waits no more.
    pub(super) fn is_done(&self) -> bool {
        let last = self.attempts.last().map(|evidence| &evidence.outcome);
        matches!(last, Some(Outcome::Delivered { .. } | Outcome::Bounced { .. }))
    }

    /// The connections that a decision was made about, or could have been.
    fn connections(&self) -> impl DoubleEndedIterator<Item = (&Evidence, &ChannelFacts)> {
        let attempts = self.attempts.iter();
        attempts.filter_map(|evidence| {
            let channel = evidence.channel.as_deref()?;
            channel.host.is_some().then_some((*evidence, channel))
        })
    }
}

/// Both ways of a recipient.
struct Ends<'a> {
    departed: &'a Departed<'a>,
    from: Option<&'a From<'a>>,
    sides: [&'a Side; 2],
    ways: [Arc<Way>; 2],
    /// What travels with the message, whichever directory is in force.
    kept: Vec<Demand>,
}

/// Decides the way out under both directories; whether the one in force decides otherwise than it was decided, too.
pub(super) fn judge_departure(
    before: &Side,
    after: &Side,
    departed: &Departed<'_>,
    organization: &OrganizationName,
    from: Option<From<'_>>,
) -> (Judged, bool) {
    let recipient = departed.recipient;
    let sides = [before, after];
    let Some(lanes) = lanes(departed, from.as_ref(), sides) else {
        let why = "a rule may send it another way, by what is not known of it";
        let finding = Finding::unknown_out(departed, None, "other-way", why);
        return (Judged::Unknown(finding), false);
    };
    // What a rule sends goes before where the mailbox is.
    let keeps = |side: &Side, lane: &Lane| !matches!(lane, Lane::Connector(_)) && side.keeps(&recipient.mailbox);
    match (keeps(before, &lanes[0]), keeps(after, &lanes[1])) {
        (true, true) => return (Judged::Same, false),
        (false, false) => {}
        (into_mailbox, _) => {
            let why = if into_mailbox {
                "it would go on, and not into a mailbox here"
            } else {
                "it would end here, and not go on"
            };
            return (
                Judged::Unknown(Finding::unknown_out(departed, None, "other-way", why)),
                false,
            );
        }
    }
    let ends = Ends::new(departed, organization, from.as_ref(), (sides, lanes));
    ends.judge()
}

/// What is settled about the way under each directory: what was written down with the recipient, or what would be; and
/// `None` where that hangs on what is not known.
fn lanes(departed: &Departed<'_>, from: Option<&From<'_>>, sides: [&Side; 2]) -> Option<[Lane; 2]> {
    let Some((arrived, rights, questions)) = from else {
        let written = Lane::of(departed.recipient);
        return Some([written.clone(), written]);
    };
    let written = Lane::of(departed.recipient);
    let mut found: Vec<[Lane; 2]> = Vec::new();
    replay::for_all(questions, |answers| {
        let lanes = sides.map(|side| match arrived.under(side, answers, rights) {
            Reception::Taken(taken) => taken.lane,
            Reception::Refused { .. } => written.clone(),
        });
        if !found.contains(&lanes) {
            found.push(lanes);
        }
    });
    if let [one] = found.as_slice() {
        return Some(one.clone());
    }
    // Both send it the same way whatever is not known, and which way that was is written down.
    let is_alike = found.iter().all(|[before, after]| before == after);
    let lanes = [written.clone(), written];
    (is_alike && found.contains(&lanes)).then_some(lanes)
}

impl<'a> Ends<'a> {
    fn new(
        departed: &'a Departed<'a>,
        organization: &OrganizationName,
        from: Option<&'a From<'a>>,
        (sides, [before, after]): ([&'a Side; 2], [Lane; 2]),
    ) -> Self {
        let recipient = departed.recipient;
        let host = recipient.mailbox.host();
        let ways = [
            sides[0].way(organization, host, before),
            sides[1].way(organization, host, after),
        ];
        let mut kept = recipient.carried.clone();
        if let Some((arrived, ..)) = from {
            // Put there by the directory of the time: each side says for itself what goes along.
            let covering = covering(sides[0], arrived);
            kept.retain(|demand| !Rule::made(demand) && !covering.contains(demand));
        }
        Self {
            departed,
            from,
            sides,
            ways,
            kept,
        }
    }

    fn judge(&self) -> (Judged, bool) {
        let (mut different, mut unknown, mut otherwise_then) = (None, None, false);
        let mut is_judged = false;
        let newest = self.departed.connections().next_back().map(|(evidence, _)| evidence);
        for (evidence, channel) in self.departed.connections() {
            if !self.is_on_both(evidence, channel) {
                continue;
            }
            is_judged = true;
            let compared = self.compare(channel);
            if newest.is_some_and(|newest| std::ptr::eq(newest, evidence)) {
                otherwise_then = is_otherwise(evidence, &compared);
            }
            match compared {
                Compared::Same(_) => {}
                Compared::Different { before, after } => {
                    different.get_or_insert_with(|| Finding::of_sending(self.departed, channel, &before, &after));
                }
                Compared::Unknown(questions) => {
                    let why = in_words(&questions);
                    unknown.get_or_insert_with(|| {
                        Finding::unknown_out(self.departed, channel.host.as_deref(), "not-asked", &why)
                    });
                }
            }
        }
        let judged = match (different, unknown) {
            (Some(finding), _) => Judged::Different(finding),
            (None, Some(finding)) => Judged::Unknown(finding),
            (None, None) if is_judged || self.is_alike() => Judged::Same,
            (None, None) => {
                let (key, why) = self.why_unknown();
                Judged::Unknown(Finding::unknown_out(self.departed, None, key, &why))
            }
        };
        (judged, otherwise_then)
    }

    /// Whether a connection was made to a host to which the message would go first under either directory.
    fn is_on_both(&self, evidence: &Evidence, channel: &ChannelFacts) -> bool {
        let [before, after] = &self.ways;
        if before.route.connects_as(&after.route) {
            return before.route.was_gone(&evidence.route, channel);
        }
        // Another way, and its first host is known all the same.
        let is_first = match &after.route.via {
            Via::Hosts(hosts) => hosts.first().is_some_and(|hop| hop.is_that_of(channel)),
            Via::Mx { .. } | Via::MxOf { .. } => false,
        };
        is_first
            && after.route.connects_as_but_for_hosts(&before.route)
            && before.route.was_gone(&evidence.route, channel)
    }

    /// Whether the ways differ in nothing that anything could hang on.
    fn is_alike(&self) -> bool {
        let [before, after] = &self.ways;
        before.missing == after.missing
            && before.route.connects_as(&after.route)
            && same_set(&before.demands, &after.demands)
            && replay_all(self.questions(None), |answers| {
                let [before, after] = self.carried(answers);
                let [of_before, of_after] = [0, 1].map(|place| self.exceptions(place, &before));
                same_set(&before, &after) && same_set(&of_before, &of_after)
            })
    }

    fn why_unknown(&self) -> (&'static str, String) {
        let [before, after] = &self.ways;
        if let Some(missing) = &after.missing {
            return ("other-way", format!("it would wait: {missing}"));
        }
        if !before.route.connects_as(&after.route) {
            let (before, after) = (before.route.describe(), after.route.describe());
            let why = format!("it would go another way, where nothing was tried: {after} instead of {before}");
            return ("other-way", why);
        }
        if self.departed.connections().next().is_some() {
            return (
                "other-way",
                "other things would be demanded, and it went a way then that it would not go now".to_owned(),
            );
        }
        (
            "no-connection",
            "other things would be demanded, and no connection was ever made".to_owned(),
        )
    }

    fn compare(&self, channel: &ChannelFacts) -> Compared<Sending> {
        let named = self.with_names(channel);
        let questions = self.questions(Some(&named));
        replay::compare(
            &questions,
            |one: &Sending, other: &Sending| one.cleared == other.cleared,
            |answers| {
                let security = answers.complete(replay::Side::Host, &named.security);
                let facts = ChannelFacts {
                    security: security.into_owned(),
                    ..named.clone()
                };
                let [before, after] = self.carried(answers);
                (self.sending(0, before, &facts), self.sending(1, after, &facts))
            },
        )
    }

    /// All on which it may hang and that is not known; of a connection too, where there is one.
    fn questions(&self, channel: Option<&ChannelFacts>) -> Vec<Question> {
        let mut questions = self.from.map(|(_, _, questions)| questions.clone()).unwrap_or_default();
        let Some((channel, tls)) = channel.and_then(|channel| Some((channel, channel.security.tls()?))) else {
            return questions;
        };
        let arrivals = questions.clone();
        replay::for_all(&arrivals, |answers| {
            for (place, carried) in self.carried(answers).into_iter().enumerate() {
                let Some(plan) = self.host_plan(place, carried, channel) else {
                    continue;
                };
                for question in replay::unasked(replay::Side::Host, tls, plan.checks()) {
                    if !questions.contains(&question) {
                        questions.push(question);
                    }
                }
            }
        });
        questions
    }

    /// The demands that travel with the message under each directory.
    fn carried(&self, answers: &Answers<'_>) -> [Vec<Demand>; 2] {
        self.sides.map(|side| {
            let mut carried = self.kept.clone();
            let Some((arrived, rights, _)) = self.from else {
                return carried;
            };
            let of_rules = match arrived.under(side, answers, rights) {
                Reception::Taken(taken) => taken.demands,
                Reception::Refused { .. } => Vec::new(),
            };
            let travelling = covering(side, arrived).into_iter().chain(of_rules);
            travelling.for_each(|demand| push_new(&mut carried, demand));
            carried
        })
    }

    /// The judgement on a connection, as it is made before a message leaves. Nothing is sent under it.
    fn sending(&self, place: usize, carried: Vec<Demand>, facts: &ChannelFacts) -> Sending {
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            body: BodyKind::SevenBit,
            ret: None,
            envid: None,
            recipients: vec![Recipient {
                carried: carried.clone(),
                ..self.departed.recipient.clone()
            }],
        };
        let Some(plan) = self.host_plan(place, carried, facts) else {
            return Sending::of(false, &[]);
        };
        match judge(&plan, facts, envelope, self.sides[place].now()) {
            Ok(clearance) => Sending::of(true, clearance.reasons()),
            Err(refusal) => Sending::of(false, refusal.reasons()),
        }
    }

    /// The exceptions of one side that may lower what is demanded, as far as they are in force.
    fn exceptions(&self, place: usize, carried: &[Demand]) -> Vec<Arc<Exception>> {
        let (side, way) = (self.sides[place], &self.ways[place]);
        let host = self.departed.recipient.mailbox.host();
        let mut found = side.directory().exceptions_for(&way.demands, carried, host);
        found.retain(|exception| exception.is_in_force(side.now()));
        found
    }

    fn host_plan(&self, place: usize, carried: Vec<Demand>, facts: &ChannelFacts) -> Option<HostPlan> {
        let way = &self.ways[place];
        let host: Host = facts.host.as_deref()?.parse().ok()?;
        let origin = match &way.route.via {
            Via::Hosts(_) => HostOrigin::Route,
            Via::Mx { .. } | Via::MxOf { .. } => HostOrigin::Dns,
        };
        let planned = plan(&OutboundFacts {
            demands: way.demands.clone(),
            exceptions: self.exceptions(place, &carried),
            now: self.sides[place].now(),
            carried,
            client_identity: way.route.client_identity.clone(),
            hosts: vec![CandidateHost { host, origin }],
            tried: Vec::new(),
            tried_rules: Vec::new(),
        });
        planned.hosts().first().cloned()
    }

    /// With the answers about names that nobody asked for: the names stand in the facts.
    fn with_names(&self, channel: &ChannelFacts) -> ChannelFacts {
        let mut named = channel.clone();
        let ChannelSecurity::Tls(tls) = &mut named.security else {
            return named;
        };
        let arrivals = self.from.map(|(_, _, questions)| questions.clone()).unwrap_or_default();
        replay::for_all(&arrivals, |answers| {
            for (place, carried) in self.carried(answers).into_iter().enumerate() {
                let checks = self
                    .host_plan(place, carried, channel)
                    .map(|plan| plan.checks())
                    .unwrap_or_default();
                for check in checks {
                    if let Check::Name { names } = &check
                        && tls.verdict(&check).is_none()
                        && let Some(verdict) = by_names(tls, names)
                    {
                        tls.verdicts.push((check, verdict));
                    }
                }
            }
        });
        named
    }
}

impl Sending {
    fn of(cleared: bool, reasons: &[Reason]) -> Self {
        let first = reasons.first();
        Self {
            cleared,
            reason: first.map_or_else(
                || StatedReason {
                    key: "none".to_owned(),
                    text: String::new(),
                },
                StatedReason::from,
            ),
            document: first.and_then(Reason::document),
        }
    }

    /// For people and programs.
    pub(super) fn word(&self) -> String {
        if self.cleared { "sent" } else { "kept back" }.to_owned()
    }
}

/// What travels with what an alias has become: the demands on the way of the alias itself.
fn covering(side: &Side, arrived: &Arrived<'_>) -> Vec<Demand> {
    let Some(alias) = &arrived.alias else { return Vec::new() };
    side.way(&arrived.recipient.organization, alias.host(), Lane::Own)
        .carried_demands()
}

/// As the verifier would answer; `None` where the facts do not have all the names.
fn by_names(tls: &TlsFacts, wanted: &[NamePattern]) -> Option<Verdict> {
    let leaf: &CertificateFacts = tls.chain.first()?;
    if tls.key != KeyProof::Proven {
        return None;
    }
    if any_matches(&leaf.dns_names, wanted) {
        return Some(Verdict::Holds);
    }
    let fault = sekisho_mail::CertificateFault::WrongName(leaf.dns_names.clone());
    (leaf.dns_names.len() < MAX_NAMES).then_some(Verdict::Fails(fault))
}

/// Whether the directory in force decides otherwise than it was decided.
fn is_otherwise(evidence: &Evidence, compared: &Compared<Sending>) -> bool {
    let was_cleared = match evidence.decision {
        Decision::Cleared(_) => true,
        Decision::Refused(_) => false,
        Decision::NotJudged(_) => return false,
    };
    match compared {
        Compared::Same(now) | Compared::Different { before: now, .. } => now.cleared != was_cleared,
        Compared::Unknown(_) => false,
    }
}

/// Whether it holds whatever the answers are.
fn replay_all(questions: Vec<Question>, holds: impl Fn(&Answers<'_>) -> bool) -> bool {
    let mut all = true;
    replay::for_all(&questions, |answers| all &= holds(answers));
    all
}

fn same_set<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}
