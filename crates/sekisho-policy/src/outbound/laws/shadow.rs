//! Documents that are tried add checks and nothing else, and are judged by what holds, whatever was decided.

use std::sync::Arc;

use sekisho_mail::{Revision, ShadowDocument, ShadowKind, ShadowOutcome, StatedReason, TriedRule};

use super::*;

fn named(name: &str) -> Arc<ShadowDocument> {
    Arc::new(ShadowDocument {
        kind: ShadowKind::OutboundConnector,
        organization: sekisho_mail::OrganizationName::FIRST,
        name: name.into(),
        revision: Revision(1),
    })
}

fn rule(demands: Vec<Demand>, instead_of: Option<&str>) -> Arc<TriedRule> {
    Arc::new(TriedRule {
        document: named("tried"),
        demands,
        instead_of: instead_of.map(str::to_owned),
    })
}

fn cleared() -> Decision {
    Decision::Cleared(vec![StatedReason::from(Reason::OpportunisticTls)])
}

fn refused() -> Decision {
    Decision::Refused(vec![StatedReason::from(Reason::OpportunisticTls)])
}

fn not_judged() -> Decision {
    Decision::NotJudged(vec![StatedReason::from(Reason::OpportunisticTls)])
}

/// As a message is tried with a document that would have these demands.
fn trying(live: &[Demand], tried: &[Demand], instead_of: Option<&str>) -> HostPlan {
    let facts = OutboundFacts {
        tried_rules: vec![rule(tried.to_vec(), instead_of)],
        ..facts(None, live.to_vec())
    };
    plan(&facts).hosts()[0].clone()
}

#[test]
fn what_is_tried_changes_no_plan_no_step_and_no_judgement() {
    let channels = all_channels();
    for (place, demands) in all_demand_sets()
        .into_iter()
        .enumerate()
        .filter(|(place, _)| place % 7 == 0)
    {
        let without = plan_for(&demands);
        let with = trying(&demands, &all_demands(), None);
        assert_eq!(with.demands(), without.demands());
        assert_eq!(
            (with.min_version(), with.groups()),
            (without.min_version(), without.groups())
        );
        assert_eq!(with.client_identity(), without.client_identity());
        assert_eq!(with.is_opportunistic(), without.is_opportunistic());
        let checks = without.checks();
        assert_eq!(with.checks()[..checks.len()], checks);
        for broken in [None, Some(BrokenTls::Hybrid)] {
            assert_eq!(with.first_step(broken.as_ref()), without.first_step(broken.as_ref()));
        }
        for facts in channels_for(&demands, &channels).skip(place % 5).step_by(5) {
            let one = judge(&with, facts, envelope(Vec::new()), NOW).map(|clearance| clearance.decision());
            let other = judge(&without, facts, envelope(Vec::new()), NOW).map(|clearance| clearance.decision());
            assert_eq!(one, other);
        }
    }
}

/// Held against what a plan would have come to in which it is demanded.
#[test]
fn a_verdict_is_what_the_judgement_would_have_been_with_its_demands() {
    let channels = all_channels();
    let mut seen = Vec::new();
    let lives = [
        vec![],
        vec![demand(DemandLevel::Encryption)],
        vec![chain_demands()[3].clone()],
    ];
    for live in lives {
        for tried in all_demands() {
            let tried = Demand {
                origin: "rule \"tried\"".to_owned(),
                ..tried
            };
            let instead_of = "alias info@example.net";
            for instead_of in [None, Some(instead_of)] {
                let plan = trying(&live, std::slice::from_ref(&tried), instead_of);
                let mut then = if instead_of.is_some() { Vec::new() } else { live.clone() };
                then.push(tried.clone());
                let then = plan_for(&then);
                for facts in channels.iter().step_by(3) {
                    if facts.security == ChannelSecurity::Plaintext(PlaintextCause::NotAsked) {
                        continue;
                    }
                    let now = judge(&plan, facts, envelope(Vec::new()), NOW);
                    let is_cleared = now.is_ok();
                    let decision = now.map_or_else(|refusal| refusal.decision(), |clearance| clearance.decision());
                    let verdicts = try_documents(&plan, Found::Channel(&facts.security), &decision);
                    let is_then = judge(&then, facts, envelope(Vec::new()), NOW).is_ok();
                    let outcome = verdicts[0].outcome;
                    let possible = match (is_cleared, is_then) {
                        (true, true) => vec![ShadowOutcome::Passes],
                        (true, false) => vec![ShadowOutcome::Fails, ShadowOutcome::NotKnown],
                        (false, true) => vec![ShadowOutcome::WouldGo],
                        (false, false) => vec![ShadowOutcome::FailsAnyway, ShadowOutcome::NotKnown],
                    };
                    assert!(possible.contains(&outcome), "{outcome:?} {tried:?} {facts:?}");
                    if !seen.contains(&outcome) {
                        seen.push(outcome);
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), ShadowOutcome::ALL.len(), "{seen:?}");
}

fn outcome(plan: &HostPlan, found: Found<'_>, decision: &Decision) -> (ShadowOutcome, String) {
    let verdict = try_documents(plan, found, decision).remove(0);
    (verdict.outcome, verdict.why.text)
}

#[test]
fn what_was_not_found_out_is_not_known_and_the_clear_fails_a_demand_for_tls() {
    let encryption = [demand(DemandLevel::Encryption)];
    let plan = trying(&[], &encryption, None);
    let clear = ChannelSecurity::Plaintext(PlaintextCause::NotOffered);
    let (found, why) = outcome(&plan, Found::Channel(&clear), &cleared());
    assert_eq!(
        (found, why.as_str()),
        (ShadowOutcome::Fails, "TLS, but STARTTLS was not offered")
    );
    assert_eq!(outcome(&plan, Found::Nothing, &not_judged()).0, ShadowOutcome::NotKnown);
    let failure = HandshakeFailure {
        stage: HandshakeStage::AfterPeerHello,
        fault: HandshakeFault::Incompatible,
        words: "no version in common".to_owned(),
        hello: None,
        chain: Vec::new(),
    };
    let broken = Found::Handshake(&failure);
    let strict = trying(&encryption, &encryption, None);
    assert_eq!(outcome(&strict, broken, &refused()).0, ShadowOutcome::FailsAnyway);
    let origin = encryption[0].origin.as_str();
    let relaxing = trying(&encryption, &[], Some(origin));
    assert_eq!(outcome(&relaxing, broken, &refused()).0, ShadowOutcome::NotKnown);
    assert_eq!(
        outcome(&relaxing, Found::Channel(&clear), &refused()).0,
        ShadowOutcome::WouldGo
    );
    // A connection that was lost later says nothing against it.
    let good = good_tls().security;
    assert_eq!(
        outcome(&strict, Found::Channel(&good), &not_judged()).0,
        ShadowOutcome::Passes
    );
    let connector = TriedConnector {
        document: named("elsewhere"),
        demands: Vec::new(),
        instead_of: None,
        other_way: Some("it would go elsewhere".to_owned()),
    };
    let facts = OutboundFacts {
        tried: vec![connector],
        ..facts(None, Vec::new())
    };
    let plan = super::plan(&facts).hosts()[0].clone();
    let expected = (ShadowOutcome::NotKnown, "it would go elsewhere".to_owned());
    assert_eq!(outcome(&plan, Found::Channel(&good), &cleared()), expected);
}

#[test]
fn a_draft_is_tried_with_the_exceptions_to_itself_and_to_the_document_in_whose_place_it_would_stand() {
    use crate::directory::{
        ExceptionSubject, Relaxation,
        samples::{END, before_the_end, exception},
    };
    let live = Demand {
        level: DemandLevel::Encryption,
        origin: "connector \"acme/bank\"".to_owned(),
    };
    let draft = vec![demand(DemandLevel::Certificate { anchors: bank() })];
    let own = vec![Demand {
        origin: live.origin.clone(),
        ..draft[0].clone()
    }];
    let about = ExceptionSubject::OutboundConnector("bank".into());
    let exceptions = vec![Arc::new(exception("acme/moving", about, Relaxation::Plaintext))];
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    for (tried, instead_of, now, expected) in [
        (
            &draft,
            Some(live.origin.clone()),
            before_the_end(),
            ShadowOutcome::Passes,
        ),
        (&draft, Some(live.origin.clone()), END, ShadowOutcome::FailsAnyway),
        (&draft, None, before_the_end(), ShadowOutcome::Fails),
        (&own, None, before_the_end(), ShadowOutcome::Passes),
    ] {
        let facts = OutboundFacts {
            tried_rules: vec![rule(tried.clone(), instead_of.as_deref())],
            demands: vec![of_the_way(&live)],
            exceptions: exceptions.clone(),
            now,
            ..facts(None, Vec::new())
        };
        let plan = plan(&facts).hosts()[0].clone();
        let decision = match judge(&plan, &plain, envelope(Vec::new()), now) {
            Ok(clearance) => clearance.decision(),
            Err(refusal) => refusal.decision(),
        };
        let tried = try_documents(&plan, Found::Channel(&plain.security), &decision);
        assert_eq!(tried[0].outcome, expected, "{instead_of:?} {now}: {tried:?}");
    }
}
