//! How TLS is tried for with a host, over every history of failures up to the limit.

use super::*;

fn all_handshake_faults() -> Vec<HandshakeFault> {
    vec![
        HandshakeFault::Alert("handshake_failure".to_owned()),
        HandshakeFault::Protocol,
        HandshakeFault::BadServerName,
        HandshakeFault::Incompatible,
        HandshakeFault::BadSignature,
        HandshakeFault::ConnectionLost,
        HandshakeFault::TimedOut,
        HandshakeFault::Ours,
    ]
}

/// Plays an attempt with one host: `faults` says how each handshake fails. Answers the handshakes and the end.
fn play(plan: &HostPlan, first: Step, faults: &[HandshakeFault]) -> (Vec<FailedHandshake>, NextStep) {
    let mut history = Vec::new();
    let mut next = NextStep::Try(first);
    for fault in faults {
        let NextStep::Try(Step::StartTls { groups }) = next else {
            break;
        };
        history.push(failed(groups, fault.clone()));
        next = after_failure(plan, &history);
    }
    (history, next)
}

/// Every way in which up to [`MAX_HANDSHAKES`] handshakes can fail.
fn all_fault_sequences() -> Vec<Vec<HandshakeFault>> {
    let faults = all_handshake_faults();
    let count = faults.len().pow(u32::try_from(MAX_HANDSHAKES).unwrap());
    (0..count)
        .map(|mut number| {
            (0..MAX_HANDSHAKES)
                .map(|_| {
                    let fault = faults[number % faults.len()].clone();
                    number /= faults.len();
                    fault
                })
                .collect()
        })
        .collect()
}

#[test]
fn no_sequence_of_failures_leads_to_plaintext_where_anything_is_demanded_or_the_fault_is_ours() {
    let memories = [
        None,
        Some(BrokenTls::Hybrid),
        Some(BrokenTls::Wholly("it broke".to_owned())),
    ];
    for faults in all_fault_sequences() {
        for demands in [
            vec![],
            vec![demand(DemandLevel::Encryption)],
            vec![demand(key_exchange(KeyExchangeGroups::HYBRID))],
        ] {
            let plan = plan_for(&demands);
            for memory in &memories {
                let first = plan.first_step(memory.as_ref());
                assert!(demands.is_empty() || matches!(first, Step::StartTls { .. }));
                let (history, end) = play(&plan, first, &faults);
                let is_hybrid = |failed: &FailedHandshake| failed.groups == KeyExchangeGroups::HYBRID;
                let demands_hybrid = plan.groups() == KeyExchangeGroups::HYBRID;
                assert!(
                    history.iter().all(|failed| is_hybrid(failed) == demands_hybrid),
                    "the hybrid alone where it is demanded, whatever is remembered: {history:?}"
                );
                let ours = history
                    .iter()
                    .any(|failed| failed.failure.fault == HandshakeFault::Ours);
                match end {
                    NextStep::Try(Step::Plaintext { .. }) => assert!(demands.is_empty() && !ours, "{history:?}"),
                    NextStep::GiveUp(refusal) => {
                        assert!(ours || !demands.is_empty(), "{history:?}");
                        assert_eq!(refusal.unmet_demands(), demands);
                        assert_eq!(refusal.to_fault(None).status.class, 4);
                        assert_eq!(refusal.side() == Side::Us, ours);
                    }
                    NextStep::Try(Step::StartTls { .. }) => panic!("it never ends: {history:?}"),
                }
            }
        }
    }
}

#[test]
fn a_reset_counts_only_when_the_next_handshake_fails_too() {
    const ALL: KeyExchangeGroups = KeyExchangeGroups::ALL;
    const CLASSICAL: KeyExchangeGroups = KeyExchangeGroups::CLASSICAL;
    use HandshakeFault::{ConnectionLost, Incompatible, Protocol, TimedOut};
    let plan = plan_for(&[]);
    for (faults, profiles) in [
        (vec![Protocol, Protocol], vec![ALL, CLASSICAL]),
        (
            vec![Incompatible, ConnectionLost, TimedOut],
            vec![ALL, CLASSICAL, CLASSICAL],
        ),
        (
            vec![ConnectionLost, ConnectionLost, TimedOut, Protocol],
            vec![ALL, ALL, CLASSICAL, CLASSICAL],
        ),
        (vec![TimedOut, Protocol, Protocol], vec![ALL, ALL, CLASSICAL]),
    ] {
        let (history, end) = play(&plan, plan.first_step(None), &faults);
        let played: Vec<KeyExchangeGroups> = history.iter().map(|failed| failed.groups).collect();
        assert_eq!(played, profiles, "{faults:?}");
        assert!(matches!(end, NextStep::Try(Step::Plaintext { .. })));
    }
}

#[test]
fn broken_tls_is_learnt_from_what_counts_and_never_from_our_faults() {
    const ALL: KeyExchangeGroups = KeyExchangeGroups::ALL;
    const CLASSICAL: KeyExchangeGroups = KeyExchangeGroups::CLASSICAL;
    let protocol = |groups| failed(groups, HandshakeFault::Protocol);
    let lost = |groups| failed(groups, HandshakeFault::ConnectionLost);
    let wholly = Some(BrokenTls::Wholly("it broke".to_owned()));
    for (history, then_held, learnt) in [
        (vec![], true, None),
        (vec![protocol(ALL)], true, Some(BrokenTls::Hybrid)),
        (vec![lost(ALL)], true, None),
        (vec![lost(ALL), lost(ALL)], true, Some(BrokenTls::Hybrid)),
        (vec![protocol(ALL), protocol(CLASSICAL)], false, wholly.clone()),
        (vec![protocol(ALL), lost(CLASSICAL)], false, None),
        (vec![protocol(ALL), lost(CLASSICAL), lost(CLASSICAL)], false, wholly),
        (
            vec![protocol(ALL), failed(CLASSICAL, HandshakeFault::Ours)],
            false,
            None,
        ),
        (vec![protocol(ALL)], false, None),
    ] {
        assert_eq!(
            BrokenTls::learn(&plan_for(&[]), &history, then_held),
            learnt,
            "{history:?} {then_held}"
        );
    }
}

#[test]
fn starttls_that_is_missing_or_refused_stops_what_demands_it() {
    for cause in all_plaintext_causes() {
        let step = Step::Plaintext { cause: cause.clone() };
        assert_eq!(starttls_unavailable(&plan_for(&[]), cause.clone()), Ok(step));
        for demand in all_demands() {
            let refusal = starttls_unavailable(&plan_for(&[demand]), cause.clone()).unwrap_err();
            assert_eq!(refusal.finding(), &Finding::Plaintext(cause.clone()));
        }
    }
}

#[test]
fn a_server_that_wants_tls_after_a_fall_back_is_tried_again_later() {
    let plan = plan_for(&[]);
    for cause in all_plaintext_causes() {
        let fell_back = matches!(
            cause,
            PlaintextCause::Refused(_) | PlaintextCause::HandshakeFailed(_) | PlaintextCause::RememberedAsBroken(_)
        );
        for (about_security, code, enhanced) in [
            (true, 530, None),
            (true, 530, Some("5.7.0")),
            (true, 550, Some("5.7.1")),
            (true, 554, Some("5.7.10")),
            (false, 550, Some("5.1.1")),
            (false, 550, None),
            (false, 451, Some("4.7.1")),
            (false, 250, None),
        ] {
            let said = reply(code, enhanced);
            // Where the offer itself may have been taken out, only the code that asks for STARTTLS counts.
            let stripped = matches!(cause, PlaintextCause::NotOffered | PlaintextCause::NoExtensions) && code == 530;
            let waits = (fell_back && about_security) || stripped;
            let meaning = plaintext_retry_reply(&plan, &cause, &said);
            match meaning {
                PlaintextReply::AsItSays => assert!(!waits, "{cause:?} {said}"),
                PlaintextReply::Defer(refusal) => {
                    assert!(waits, "{cause:?} {said}");
                    let fault = refusal.to_fault(None);
                    assert_eq!((fault.status.class, fault.reply), (4, Some(said)));
                }
            }
        }
    }
}

#[test]
fn what_a_demand_made_fail_says_nothing_about_a_handshake_without_it() {
    let failed_with = |groups| failed(groups, HandshakeFault::Protocol);
    let newer = plan_for(&[demand(DemandLevel::Version {
        at_least: TlsVersion::Tls13,
    })]);
    let both = [
        failed_with(KeyExchangeGroups::ALL),
        failed_with(KeyExchangeGroups::CLASSICAL),
    ];
    assert!(BrokenTls::learn(&plan_for(&[]), &both, false).is_some());
    assert_eq!(BrokenTls::learn(&newer, &both, false), None);
    let mut with_certificate = facts(None, Vec::new());
    with_certificate.client_identity = Some(sekisho_mail::ClientIdentityId("acme".to_owned()));
    let with_certificate = plan(&with_certificate).hosts()[0].clone();
    assert_eq!(BrokenTls::learn(&with_certificate, &both, false), None);
    let hybrid = plan_for(&[demand(key_exchange(KeyExchangeGroups::HYBRID))]);
    let alone = [
        failed_with(KeyExchangeGroups::HYBRID),
        failed_with(KeyExchangeGroups::HYBRID),
    ];
    assert_eq!(BrokenTls::learn(&hybrid, &alone, false), None);
}

#[test]
fn the_handshake_offers_what_every_demand_takes() {
    use KeyExchangeGroup::{Secp384r1, X25519, X25519MlKem768};
    let version = |at_least| demand(DemandLevel::Version { at_least });
    let of = |groups: &[KeyExchangeGroup]| KeyExchangeGroups::of(groups).unwrap();
    let by = |groups: &[KeyExchangeGroup]| demand(key_exchange(of(groups)));
    for (demands, min_version, groups) in [
        (vec![], TlsVersion::Tls12, KeyExchangeGroups::ALL),
        (
            vec![version(TlsVersion::Tls12)],
            TlsVersion::Tls12,
            KeyExchangeGroups::ALL,
        ),
        (
            vec![version(TlsVersion::Tls13), version(TlsVersion::Tls12)],
            TlsVersion::Tls13,
            KeyExchangeGroups::ALL,
        ),
        (
            vec![demand(DemandLevel::Encryption), by(&[X25519MlKem768])],
            TlsVersion::Tls13,
            KeyExchangeGroups::HYBRID,
        ),
        (vec![by(&[Secp384r1])], TlsVersion::Tls12, of(&[Secp384r1])),
        (
            vec![by(&[X25519MlKem768, X25519]), by(&[X25519, Secp384r1])],
            TlsVersion::Tls12,
            of(&[X25519]),
        ),
        // Nothing meets both; the judgement says so.
        (
            vec![by(&[X25519]), by(&[Secp384r1])],
            TlsVersion::Tls12,
            KeyExchangeGroups::ALL,
        ),
    ] {
        let plan = plan_for(&demands);
        assert_eq!(
            (plan.min_version(), plan.groups()),
            (min_version, groups),
            "{demands:?}"
        );
        assert_eq!(plan.first_step(None), Step::StartTls { groups });
    }
}

#[test]
fn a_narrowed_handshake_falls_back_to_what_is_left_without_the_hybrid_and_teaches_nothing() {
    let groups = |groups: &[KeyExchangeGroup]| KeyExchangeGroups::of(groups).unwrap();
    let both = groups(&[KeyExchangeGroup::X25519MlKem768, KeyExchangeGroup::Secp384r1]);
    let left = groups(&[KeyExchangeGroup::Secp384r1]);
    let plan = plan_for(&[demand(key_exchange(both))]);
    let (history, end) = play(
        &plan,
        plan.first_step(None),
        &[HandshakeFault::Protocol, HandshakeFault::Protocol],
    );
    let played: Vec<KeyExchangeGroups> = history.iter().map(|failed| failed.groups).collect();
    assert_eq!(played, [both, left]);
    assert!(matches!(end, NextStep::GiveUp(_)));
    assert_eq!(
        plan.first_step(Some(&BrokenTls::Hybrid)),
        Step::StartTls { groups: left }
    );
    for then_held in [false, true] {
        assert_eq!(BrokenTls::learn(&plan, &history, then_held), None);
    }
}
