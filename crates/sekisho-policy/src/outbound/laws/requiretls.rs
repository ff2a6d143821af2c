//! REQUIRETLS of a host, condition by condition.

use super::*;

const CONDITIONS: [&str; 3] = ["authenticated-mx", "verified-certificate", "keyword"];

fn standings(origin: HostOrigin, demands: &[Demand], channel: Option<&ChannelFacts>) -> [ConditionStanding; 3] {
    let plan = plan_for(demands);
    let conditions = requiretls(&candidate(HOST, origin), &plan, channel);
    assert_eq!(conditions.clone().map(|one| one.key), CONDITIONS);
    assert!(conditions.iter().all(|one| !one.words.is_empty()));
    conditions.map(|one| one.standing)
}

fn with_keyword(mut facts: ChannelFacts) -> ChannelFacts {
    facts.keywords.push(Keyword {
        name: "REQUIRETLS".to_owned(),
        parameters: Vec::new(),
    });
    facts
}

#[test]
fn each_condition_of_requiretls_is_told_by_itself_and_what_is_not_looked_up_is_not_known() {
    use ConditionStanding::{Fails, Holds, NotKnown};
    let good = with_keyword(good_tls());
    assert_eq!(standings(HostOrigin::Route, &[], Some(&good)), [Holds, Holds, Holds]);
    // Who named the host in DNS, this build does not find out.
    assert_eq!(standings(HostOrigin::Dns, &[], Some(&good)), [NotKnown, Holds, Holds]);
    assert_eq!(
        standings(HostOrigin::Route, &[], Some(&good_tls())),
        [Holds, Holds, Fails]
    );
    assert_eq!(standings(HostOrigin::Dns, &[], None), [NotKnown; 3]);
    let plain = with_keyword(channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered)));
    assert_eq!(standings(HostOrigin::Route, &[], Some(&plain)), [Holds, Fails, Fails]);
    let [system, own_name] = [0, 1].map(|place| plan_for(&[]).checks()[place].clone());
    let bank_path = Check::Path { anchors: bank() };
    let answered = |path: Verdict, name: Verdict, bank: Verdict| {
        let verdicts = vec![
            (system.clone(), path),
            (own_name.clone(), name),
            (bank_path.clone(), bank),
        ];
        with_keyword(tls(vec![leaf()], KeyProof::Proven, verdicts))
    };
    let fails = || Verdict::Fails(CertificateFault::UntrustedIssuer(String::new()));
    let of_bank = [demand(DemandLevel::Certificate { anchors: bank() })];
    for (demands, facts, expected) in [
        (&[][..], answered(fails(), Verdict::Holds, Verdict::Holds), Fails),
        (&of_bank, answered(fails(), Verdict::Holds, Verdict::Holds), Holds),
        (&of_bank, answered(Verdict::Holds, Verdict::Holds, fails()), Holds),
        (&[], answered(Verdict::Holds, fails(), fails()), Fails),
        (
            &[],
            answered(Verdict::Unknown("no anchors".to_owned()), Verdict::Holds, fails()),
            NotKnown,
        ),
        (
            &[],
            with_keyword(tls(vec![leaf()], KeyProof::Proven, Vec::new())),
            NotKnown,
        ),
    ] {
        assert_eq!(
            standings(HostOrigin::Route, demands, Some(&facts))[1],
            expected,
            "{facts:?}"
        );
    }
}

#[test]
fn what_requiretls_demands_of_every_connection_is_tls() {
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let plan = plan_for(&[requiretls_demand()]);
    assert!(!plan.bears_plaintext());
    assert!(judge(&plan, &plain, envelope(Vec::new()), NOW).is_err());
}
