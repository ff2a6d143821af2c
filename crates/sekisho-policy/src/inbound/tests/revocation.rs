//! A partner's certificate that is revoked, or may be: each mode, each answer, with and without an exception.

use sekisho_mail::RevocationMode;

use super::*;
use crate::outbound::Revocation;

const BANK: &str = "mail.bank.example";

fn settings() -> Vec<Option<Revocation>> {
    let of = |mode, refuse_not_revocable| {
        Some(Revocation {
            mode,
            refuse_not_revocable,
        })
    };
    vec![
        None,
        of(RevocationMode::SoftFail, false),
        of(RevocationMode::HardFail, false),
        of(RevocationMode::HardFail, true),
    ]
}

fn directory(revocation: Option<Revocation>, exception_for: Option<Relaxation>) -> Directory {
    let bank = partner("acme/bank", &["bank.example"])
        .named(BANK)
        .restricting()
        .with(|one| one.revocation = revocation);
    let about = |allows| exception("acme/moving", ExceptionSubject::InboundConnector("bank".into()), allows);
    three_organizations()
        .inbound([bank])
        .exceptions(exception_for.map(about))
        .build()
}

fn session(answer: Option<Verdict>) -> Session {
    let mut facts = tls(&[BANK], &Verdict::Holds);
    let check = Check::Revocation {
        anchors: AnchorSetId::system(),
    };
    facts.verdicts.extend(answer.map(|verdict| (check, verdict)));
    stranger().from("bank.example").under(facts)
}

fn class_of(admission: &Admission) -> Option<char> {
    match admission {
        Admission::Admitted { .. } => None,
        Admission::Refused { reply, .. } => reply.code.to_string().chars().next(),
    }
}

#[test]
fn what_is_revoked_is_refused_what_nobody_knows_is_put_off_and_what_nobody_could_know_passes_unless_forbidden() {
    let text = |text: &str| text.to_owned();
    let revoked = || Some(Verdict::Fails(CertificateFault::Revoked(text("CN=mail.bank.example"))));
    let endless = || {
        Some(Verdict::Fails(CertificateFault::NotRevocable(text(
            "CN=mail.bank.example",
        ))))
    };
    let unknown = || Some(Verdict::Unknown(text("http://crl.example/1.crl: timed out")));
    // Under none, soft, hard, and hard with endpoints demanded.
    let rows: [(Option<Verdict>, [Option<char>; 4]); 5] = [
        (Some(Verdict::Holds), [None; 4]),
        (revoked(), [None, Some('5'), Some('5'), Some('5')]),
        (endless(), [None, None, None, Some('5')]),
        (unknown(), [None, None, Some('4'), Some('4')]),
        (None, [None, Some('4'), Some('4'), Some('4')]),
    ];
    for (answer, expected) in rows {
        for (revocation, class) in settings().into_iter().zip(expected) {
            let judged = session(answer.clone()).to(&directory(revocation, None), "acme.example");
            assert_eq!(class_of(&judged), class, "{answer:?} {revocation:?}: {judged:?}");
        }
    }
    // What an exception lets pass.
    for (answer, passes) in [(revoked(), false), (endless(), true), (unknown(), true), (None, false)] {
        let strict = settings()[3];
        let with = directory(strict, Some(Relaxation::UnknownRevocation));
        let judged = session(answer.clone()).to(&with, "acme.example");
        assert_eq!(class_of(&judged).is_none(), passes, "{answer:?}: {judged:?}");
        let later = session(answer.clone()).then(END).to(&with, "acme.example");
        assert!(class_of(&later).is_some(), "{answer:?}");
    }
}

#[test]
fn it_is_asked_of_the_chain_of_a_client_that_a_connector_could_know_and_of_no_other() {
    let asks = |directory: &Directory, name: &str| {
        let checks = directory.client_checks(&tls(&[name], &Verdict::Holds));
        checks.iter().any(|check| matches!(check, Check::Revocation { .. }))
    };
    let strict = directory(settings()[2], None);
    assert!(asks(&strict, BANK));
    assert!(!asks(&strict, "mail.elsewhere.example"));
    assert!(!asks(&directory(None, None), BANK));
}
