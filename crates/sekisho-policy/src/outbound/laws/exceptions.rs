//! Dated exceptions over the whole fact space: one lowers its own document's demands as far as it says, while it is in
//! force, and nothing else ever.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::directory::{
    EXCEPTION_LENGTH_MAX, Exception, ExceptionSubject, Relaxation,
    samples::{END, before_the_end, exception},
};

/// What mail that goes out may be let pass by.
const ALL: [Relaxation; 5] = [
    Relaxation::Plaintext,
    Relaxation::AnyCertificate,
    Relaxation::AnyName,
    Relaxation::ExpiredCertificate,
    Relaxation::UnknownRevocation,
];

fn about(subject: fn(Arc<str>) -> ExceptionSubject, allows: Relaxation) -> Arc<Exception> {
    Arc::new(exception("acme/moving", subject("bank".into()), allows))
}

fn about_connector(allows: Relaxation) -> Arc<Exception> {
    about(ExceptionSubject::OutboundConnector, allows)
}

/// A demand of the connector that the exceptions are about.
fn own(level: DemandLevel) -> Demand {
    Demand {
        level,
        origin: "connector \"acme/bank\"".to_owned(),
    }
}

/// A plan with these demands on the way and these exceptions, made at `now`.
fn plan_at(demands: &[Demand], exceptions: &[Arc<Exception>], now: Timestamp) -> HostPlan {
    let facts = OutboundFacts {
        demands: demands.iter().map(of_the_way).collect(),
        ..carrying(&[], exceptions, now)
    };
    plan(&facts).hosts()[0].clone()
}

/// What a message brings along.
fn carrying(demands: &[Demand], exceptions: &[Arc<Exception>], now: Timestamp) -> OutboundFacts {
    OutboundFacts {
        exceptions: exceptions.to_vec(),
        now,
        ..facts(None, demands.to_vec())
    }
}

/// All kinds of connections, and those whose certificate is past its end and good otherwise.
fn channels() -> Vec<ChannelFacts> {
    let expired = all_channels().into_iter().step_by(29).filter_map(|mut facts| {
        let ChannelSecurity::Tls(tls) = &mut facts.security else {
            return None;
        };
        for (check, verdict) in &mut tls.verdicts {
            if let (Check::Path { .. }, Verdict::Fails(_)) = (check, &verdict) {
                *verdict = Verdict::Fails(CertificateFault::Expired(NOW));
            }
        }
        Some(facts)
    });
    expired.chain(all_channels().into_iter().step_by(13)).collect()
}

/// What is left of a demand, written down once more and differently from the code.
fn passes(allows: Relaxation, level: &DemandLevel, facts: &ChannelFacts) -> bool {
    let without_name = match level {
        DemandLevel::Domain { anchors, .. } => Some(DemandLevel::Certificate {
            anchors: anchors.clone(),
        }),
        DemandLevel::Encryption
        | DemandLevel::Certificate { .. }
        | DemandLevel::Pin { .. }
        | DemandLevel::Version { .. }
        | DemandLevel::KeyExchange { .. }
        | DemandLevel::Revocation { .. } => None,
    };
    let is_of_certificate =
        without_name.is_some() || matches!(level, DemandLevel::Certificate { .. } | DemandLevel::Pin { .. });
    let is_of_chain = is_of_certificate || matches!(level, DemandLevel::Revocation { .. });
    match allows {
        Relaxation::Plaintext => true,
        Relaxation::AnyCertificate => is_of_chain && facts.security.tls().is_some(),
        Relaxation::AnyName => without_name.is_some_and(|level| holds(&demand(level), facts)),
        Relaxation::ExpiredCertificate => {
            let mut as_if = facts.clone();
            if let ChannelSecurity::Tls(tls) = &mut as_if.security {
                for (check, verdict) in &mut tls.verdicts {
                    let is_expired = matches!(verdict, Verdict::Fails(CertificateFault::Expired(_)));
                    if is_expired && matches!(check, Check::Path { .. }) {
                        *verdict = Verdict::Holds;
                    }
                }
            }
            !matches!(level, DemandLevel::Pin { .. }) && is_of_certificate && holds(&demand(level.clone()), &as_if)
        }
        Relaxation::UnknownRevocation => {
            let mut as_if = facts.clone();
            if let ChannelSecurity::Tls(tls) = &mut as_if.security {
                for (check, verdict) in &mut tls.verdicts {
                    let is_unknown = matches!(
                        verdict,
                        Verdict::Unknown(_) | Verdict::Fails(CertificateFault::NotRevocable(_))
                    );
                    if is_unknown && matches!(check, Check::Revocation { .. }) {
                        *verdict = Verdict::Holds;
                    }
                }
            }
            matches!(level, DemandLevel::Revocation { .. }) && holds(&demand(level.clone()), &as_if)
        }
        Relaxation::AnyAddress | Relaxation::CommonName => false,
    }
}

#[test]
fn an_exception_lowers_its_own_demand_as_far_as_it_says_and_no_other() {
    let channels = channels();
    let now = before_the_end();
    for allows in ALL {
        let exceptions = [about_connector(allows)];
        for mine in all_demands() {
            let mine = own(mine.level);
            for theirs in all_demands().into_iter().map(Some).chain([None]) {
                let demands: Vec<Demand> = theirs.iter().cloned().chain([mine.clone()]).collect();
                let plan = plan_at(&demands, &exceptions, now);
                for facts in &channels {
                    let possible = facts.security != ChannelSecurity::Plaintext(PlaintextCause::NotAsked);
                    let of_mine = holds(&mine, facts) || passes(allows, &mine.level, facts);
                    let of_theirs = theirs.as_ref().is_none_or(|theirs| holds(theirs, facts));
                    let judged = judge(&plan, facts, envelope(Vec::new()), now);
                    assert_eq!(
                        judged.is_ok(),
                        possible && of_mine && of_theirs,
                        "{allows:?} {demands:?} {facts:?}"
                    );
                    let said = judged
                        .is_ok_and(|clearance| clearance.reasons().iter().any(|reason| reason.key() == "exception"));
                    assert_eq!(said, possible && of_mine && of_theirs && !holds(&mine, facts));
                }
            }
        }
    }
}

#[test]
fn when_it_ends_everything_holds_again_and_a_clock_that_goes_back_gives_it_no_more_time() {
    let long_ago = END.minus(EXCEPTION_LENGTH_MAX).minus(Duration::from_millis(1));
    let first = END.minus(EXCEPTION_LENGTH_MAX);
    let channels = channels();
    for allows in ALL {
        let exceptions = [about_connector(allows)];
        for level in all_demands().into_iter().map(|demand| demand.level) {
            let demands = [own(level)];
            // Whenever it was planned: mail that waited, and a connection that was kept, are judged at their time.
            let planned = [long_ago, first, before_the_end(), END].map(|at| plan_at(&demands, &exceptions, at));
            let without = plan_for(&demands);
            for facts in &channels {
                let is_cleared = |plan, at| judge(plan, facts, envelope(Vec::new()), at).is_ok();
                let expected = is_cleared(&without, NOW);
                for plan in &planned {
                    for at in [
                        END,
                        END.plus(Duration::from_secs(1)),
                        Timestamp::FAR_FUTURE,
                        long_ago,
                        Timestamp::EPOCH,
                    ] {
                        assert_eq!(is_cleared(plan, at), expected, "{allows:?} {at} {facts:?}");
                    }
                    assert_eq!(is_cleared(plan, first), is_cleared(plan, before_the_end()));
                }
            }
        }
    }
}

#[test]
fn no_exception_leads_to_plaintext_but_one_that_takes_it_for_every_demand_that_there_is() {
    let encryption = || own(DemandLevel::Encryption);
    let cause = PlaintextCause::NotOffered;
    for allows in ALL {
        let exceptions = [about_connector(allows)];
        for (demands, now, expected) in [
            (vec![encryption()], before_the_end(), allows == Relaxation::Plaintext),
            (
                vec![encryption(), own(key_exchange(KeyExchangeGroups::HYBRID))],
                before_the_end(),
                allows == Relaxation::Plaintext,
            ),
            (
                vec![encryption(), demand(DemandLevel::Encryption)],
                before_the_end(),
                false,
            ),
            (vec![encryption()], END, false),
        ] {
            let plan = plan_at(&demands, &exceptions, now);
            assert_eq!(plan.bears_plaintext(), expected, "{allows:?} {demands:?}");
            assert_eq!(starttls_unavailable(&plan, cause.clone()).is_ok(), expected);
            let broken = [KeyExchangeGroups::ALL, KeyExchangeGroups::CLASSICAL]
                .map(|groups| failed(groups, HandshakeFault::Protocol));
            let next = after_failure(&plan, &broken);
            assert_eq!(
                matches!(next, NextStep::Try(Step::Plaintext { .. })),
                expected,
                "{next:?}"
            );
            let remembered = BrokenTls::Wholly("it broke".to_owned());
            let first = plan.first_step(Some(&remembered));
            assert!(matches!(first, Step::StartTls { .. }), "TLS is tried for every message");
            assert_eq!(plan.demands(), demands, "what is required is told as it is");
        }
    }
}

#[test]
fn what_a_recipient_carries_is_lowered_by_the_exception_to_its_rule_and_by_no_other() {
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let carried = |origin: &str| Demand {
        level: DemandLevel::Encryption,
        origin: origin.to_owned(),
    };
    let now = before_the_end();
    for (subject, origin, passes) in [
        (ExceptionSubject::Rule as fn(_) -> _, "rule \"acme/bank\"", true),
        (ExceptionSubject::Rule, "rule \"beta/bank\"", false),
        (ExceptionSubject::Rule, "rule \"acme/bank2\"", false),
        (ExceptionSubject::Rule, "connector \"acme/bank\"", false),
        (ExceptionSubject::Rule, "route \"acme/bank\"", false),
        (ExceptionSubject::OutboundConnector, "connector \"acme/bank\"", false),
        (ExceptionSubject::OutboundConnector, "rule \"acme/bank\"", false),
        (ExceptionSubject::OutboundConnector, "organization acme", false),
        (ExceptionSubject::InboundConnector, "connector \"acme/bank\"", false),
    ] {
        let plan = plan_at(&[], &[about(subject, Relaxation::Plaintext)], now);
        let judged = judge(&plan, &plain, envelope(vec![carried(origin)]), now);
        assert_eq!(judged.is_ok(), passes, "{origin}");
    }
}

#[test]
fn what_a_connector_demands_on_the_way_too_stands_where_it_has_come_along_from_elsewhere() {
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let now = before_the_end();
    let mine = own(DemandLevel::Encryption);
    let exceptions = [about_connector(Relaxation::Plaintext)];
    let facts = OutboundFacts {
        demands: vec![of_the_way(&mine)],
        ..carrying(std::slice::from_ref(&mine), &exceptions, now)
    };
    let both = plan(&facts).hosts()[0].clone();
    let of_the_way = plan_at(std::slice::from_ref(&mine), &exceptions, now);
    assert!(of_the_way.bears_plaintext() && !both.bears_plaintext());
    assert!(judge(&both, &plain, envelope(Vec::new()), now).is_err());
    assert!(judge(&of_the_way, &plain, envelope(Vec::new()), now).is_ok());
    // Whether the plan was made with it or not.
    assert!(judge(&of_the_way, &plain, envelope(vec![mine]), now).is_err());
}

#[test]
fn a_clearance_by_an_exception_names_it_with_its_owner_and_its_end() {
    let plan = plan_at(
        &[own(DemandLevel::Encryption)],
        &[about_connector(Relaxation::Plaintext)],
        before_the_end(),
    );
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let clearance = judge(&plan, &plain, envelope(Vec::new()), before_the_end()).unwrap();
    let Decision::Cleared(reasons) = clearance.decision() else {
        panic!("it is cleared");
    };
    let said: Vec<(&str, &str)> = reasons
        .iter()
        .map(|one| (one.key.as_str(), one.text.as_str()))
        .collect();
    assert_eq!(
        said,
        [(
            "exception",
            "connector \"acme/bank\" demands TLS, but STARTTLS was not offered; exception acme/moving of Alice \
             Example, until 2026-12-01T00:00:00.000Z (the server is replaced) lets that pass"
        )]
    );
}
