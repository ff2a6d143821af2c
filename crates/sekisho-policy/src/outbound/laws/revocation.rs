//! Whether a chain is revoked: every mode, every answer, with and without a proven key and an exception.

use super::*;

const MODES: [RevocationMode; 2] = [RevocationMode::SoftFail, RevocationMode::HardFail];

fn revocation(mode: RevocationMode, refuse_not_revocable: bool) -> Demand {
    demand(DemandLevel::Revocation {
        anchors: bank(),
        mode,
        refuse_not_revocable,
    })
}

fn check() -> Check {
    Check::Revocation { anchors: bank() }
}

/// Every answer that there is, and none.
fn answers() -> Vec<Option<Verdict>> {
    let text = |text: &str| text.to_owned();
    vec![
        Some(Verdict::Holds),
        Some(Verdict::Unknown(text("http://crl.example/1.crl: timed out"))),
        Some(Verdict::Fails(CertificateFault::NotRevocable(text("CN=mx")))),
        Some(Verdict::Fails(CertificateFault::Revoked(text("CN=mx on 2026-11-01")))),
        Some(Verdict::Fails(CertificateFault::SelfSigned)),
        None,
    ]
}

#[test]
fn what_is_revoked_never_passes_and_what_nobody_knows_passes_in_soft_fail_alone() {
    for mode in MODES {
        for refuse_not_revocable in [false, true] {
            let demand = revocation(mode, refuse_not_revocable);
            let plan = plan_for(std::slice::from_ref(&demand));
            assert!(plan.checks().contains(&check()));
            for answer in answers() {
                let passes = match &answer {
                    Some(Verdict::Holds) => true,
                    Some(Verdict::Unknown(_)) => mode == RevocationMode::SoftFail,
                    Some(Verdict::Fails(CertificateFault::NotRevocable(_))) => !refuse_not_revocable,
                    Some(Verdict::Fails(_)) | None => false,
                };
                let verdicts: Vec<(Check, Verdict)> =
                    answer.clone().map(|verdict| (check(), verdict)).into_iter().collect();
                let good = tls(vec![leaf()], KeyProof::Proven, verdicts.clone());
                let judged = judge(&plan, &good, envelope(Vec::new()), NOW);
                assert_eq!(judged.is_ok(), passes, "{mode:?} {refuse_not_revocable} {answer:?}");
                let unproven = tls(vec![leaf()], KeyProof::NotProven("odd".to_owned()), verdicts.clone());
                let without = tls(Vec::new(), KeyProof::Proven, verdicts);
                for facts in [unproven, without] {
                    assert!(judge(&plan, &facts, envelope(Vec::new()), NOW).is_err(), "{answer:?}");
                }
                if let Err(refusal) = judged {
                    // Law 3: whoever is at fault, the message waits.
                    assert!(refusal.finding().status().to_string().starts_with("4."), "{answer:?}");
                    let side = if matches!(answer, Some(Verdict::Fails(_))) {
                        Side::Recipient
                    } else {
                        Side::Us
                    };
                    assert_eq!(refusal.side(), side, "{answer:?}");
                }
            }
        }
    }
}
