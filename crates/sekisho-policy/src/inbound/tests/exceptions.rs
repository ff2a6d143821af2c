//! Dated exceptions to what inbound connectors demand: each for what it says, for its connector, until its end.

use sekisho_mail::ShadowOutcome;

use super::*;

const BANK: &str = "mail.bank.example";
const ACME: &str = "mail.acme.example";
const DENIED: &str = "550 5.7.64 TenantAttribution; Relay Access Denied";

fn about(connector: &str, allows: Relaxation) -> Exception {
    exception(
        "acme/moving",
        ExceptionSubject::InboundConnector(connector.into()),
        allows,
    )
}

/// acme's bank must show a certificate from its addresses.
fn bank() -> InboundConnector {
    partner("acme/bank", &["bank.example", "fund.example"])
        .named(BANK)
        .at(&["192.0.2.0/24"])
        .restricting()
}

fn with(connector: InboundConnector, exceptions: impl IntoIterator<Item = Exception>) -> Directory {
    three_organizations()
        .inbound([connector])
        .exceptions(exceptions)
        .build()
}

fn expired() -> Verdict {
    Verdict::Fails(CertificateFault::Expired(Timestamp::EPOCH))
}

/// A certificate without a dNSName.
fn with_common_name(name: &str) -> TlsFacts {
    let mut facts = tls(&["x"], &Verdict::Holds);
    facts.chain[0].dns_names.clear();
    facts.chain[0].common_name = Some(name.to_owned());
    facts
}

fn right() -> Session {
    stranger()
        .from("bank.example")
        .at("192.0.2.7")
        .with_certificate(&[BANK])
}

/// Everything that may be wrong, and which exceptions let it pass.
fn wrongs() -> Vec<(&'static str, Session, Vec<Relaxation>)> {
    use Relaxation::{AnyAddress, AnyCertificate, CommonName, ExpiredCertificate, Plaintext};
    let in_the_clear = Session {
        security: plain(),
        ..right()
    };
    vec![
        ("in the clear", in_the_clear, vec![Plaintext]),
        ("no certificate", right().under_tls(), vec![AnyCertificate]),
        (
            "another name",
            right().with_certificate(&["mail.evil.example"]),
            vec![AnyCertificate],
        ),
        (
            "untrusted",
            right().under(tls(&[BANK], &self_signed())),
            vec![AnyCertificate],
        ),
        (
            "not to be known",
            right().under(tls(&[BANK], &unknown())),
            vec![AnyCertificate],
        ),
        (
            "expired",
            right().under(tls(&[BANK], &expired())),
            vec![AnyCertificate, ExpiredCertificate],
        ),
        (
            "a common name",
            right().under(with_common_name(BANK)),
            vec![AnyCertificate, CommonName],
        ),
        (
            "another common name",
            right().under(with_common_name("mail.evil.example")),
            vec![AnyCertificate],
        ),
        ("another address", right().at("192.0.3.7"), vec![AnyAddress]),
    ]
}

const ALL: [Relaxation; 5] = [
    Relaxation::Plaintext,
    Relaxation::AnyCertificate,
    Relaxation::AnyAddress,
    Relaxation::ExpiredCertificate,
    Relaxation::CommonName,
];

#[test]
fn an_exception_lets_pass_what_it_says_while_it_is_in_force_and_says_so() {
    for allows in ALL {
        let directory = with(bank(), [about("bank", allows)]);
        assert!(
            !right()
                .to(&directory, "acme.example")
                .reasons()
                .iter()
                .any(is_exception),
            "needed for nothing"
        );
        for (wrong, session, passes) in wrongs() {
            let judged = session.to(&directory, "acme.example");
            assert_eq!(
                is_admitted(&judged),
                passes.contains(&allows),
                "{wrong}, {allows:?}: {judged:?}"
            );
            assert_eq!(
                judged.reasons().iter().any(is_exception),
                passes.contains(&allows),
                "{wrong}"
            );
            if passes.contains(&allows) {
                let right = admission_right(judged.reasons()).unwrap();
                assert_eq!(right.matches("exception ").count(), 1, "{wrong}: {right}");
            }
            for now in [END, Timestamp::FAR_FUTURE, Timestamp::EPOCH] {
                let later = session.clone().then(now).to(&directory, "acme.example");
                assert!(!is_admitted(&later), "{wrong}, {allows:?}, {now}: {later:?}");
            }
        }
    }
}

fn is_exception(reason: &Reason) -> bool {
    reason.key() == "exception"
}

#[test]
fn none_reaches_another_connector_another_sender_or_another_organization() {
    for allows in ALL {
        let of_another = exception("beta/moving", ExceptionSubject::InboundConnector("bank".into()), allows);
        let twin = |text: &str| bank().with(|one| one.key = key(text));
        let directory = three_organizations()
            .inbound([
                bank(),
                twin("beta/bank"),
                twin("acme/second")
                    .with(|one| one.sender_domains.clear())
                    .named(BANK)
                    .with(|one| one.sender_domains = vec!["other.example".parse().unwrap()]),
            ])
            .exceptions([
                of_another,
                about("second", allows),
                exception("acme/fund", ExceptionSubject::InboundConnector("bank".into()), allows)
                    .only(&["*.fund.example"]),
            ])
            .build();
        for (wrong, session, passes) in wrongs() {
            let judged = session.to(&directory, "acme.example");
            assert!(!is_admitted(&judged), "{wrong}, {allows:?}: {judged:?}");
            let of_the_fund = session.from("fund.example").to(&directory, "acme.example");
            assert_eq!(
                is_admitted(&of_the_fund),
                passes.contains(&allows),
                "{wrong}, {allows:?}"
            );
        }
    }
}

#[test]
fn what_another_connector_or_the_organization_demands_stands() {
    let tls_for_all = partner("acme/all", &["*"]);
    let parts = || {
        three_organizations()
            .inbound([bank(), tls_for_all.clone()])
            .exceptions([about("bank", Relaxation::Plaintext)])
    };
    let in_the_clear = Session {
        security: plain(),
        ..right()
    };
    assert_eq!(told(&in_the_clear.to(&parts().build(), "acme.example")), STARTTLS);
    let demanding = three_organizations()
        .inbound([bank()])
        .exceptions([about("bank", Relaxation::Plaintext)])
        .settings("acme", |settings| settings.require_tls_inbound = true)
        .build();
    assert_eq!(told(&in_the_clear.to(&demanding, "acme.example")), STARTTLS);
}

#[test]
fn a_server_of_ones_own_is_known_by_an_expired_certificate_or_a_common_name_until_the_end() {
    for (allows, facts) in [
        (Relaxation::ExpiredCertificate, tls(&[ACME], &expired())),
        (Relaxation::CommonName, with_common_name(ACME)),
    ] {
        let session = stranger().from("acme.example").under(facts);
        let directory = with(own("acme/relay").named(ACME), [about("relay", allows)]);
        let relayed = session.to(&directory, "elsewhere.example");
        assert_eq!(
            told(&relayed),
            "connector acme/relay (certificate mail.acme.example) for acme"
        );
        assert!(is_exception(&relayed.reasons()[1]), "{relayed:?}");
        let right = admission_right(relayed.reasons()).unwrap();
        assert!(
            right.starts_with("connector acme/relay (certificate mail.acme.example); exception acme/moving of Alice"),
            "{right}"
        );
        let later = session.clone().then(END).to(&directory, "elsewhere.example");
        assert_eq!(told(&later), DENIED);
        let without = with(own("acme/relay").named(ACME), []);
        assert_eq!(told(&session.to(&without, "elsewhere.example")), DENIED);
    }
}

#[test]
fn a_common_name_counts_for_nobody_else_and_never_beside_a_dns_name() {
    let directory = three_organizations()
        .inbound([
            own("acme/relay").named(ACME),
            own("beta/relay").named("mail.beta.example"),
        ])
        .exceptions([about("relay", Relaxation::CommonName)])
        .build();
    let mut beside = with_common_name(ACME);
    beside.chain[0].dns_names.push("mail.elsewhere.example".to_owned());
    for facts in [with_common_name("mail.beta.example"), beside] {
        for from in ["acme.example", "beta.example"] {
            let session = stranger().from(from).under(facts.clone());
            assert_eq!(told(&session.to(&directory, "elsewhere.example")), DENIED, "{facts:?}");
        }
    }
    let checks = directory.client_checks(&with_common_name(ACME));
    assert_eq!(
        checks,
        [Check::Path {
            anchors: AnchorSetId::system()
        }]
    );
}

#[test]
fn tls_that_a_server_of_ones_own_need_not_have_gives_it_no_right_that_it_lacks() {
    let demanding = own("acme/relay")
        .at(&["192.0.2.0/24"])
        .with(|one| one.require_tls = true);
    let directory = with(demanding, [about("relay", Relaxation::Plaintext)]);
    let session = stranger().at("192.0.2.7").from("acme.example");
    assert!(is_admitted(&session.to(&directory, "elsewhere.example")));
    assert_eq!(
        told(&session.clone().then(END).to(&directory, "elsewhere.example")),
        STARTTLS
    );
    let elsewhere = session.at("192.0.3.7");
    assert_eq!(told(&elsewhere.to(&directory, "elsewhere.example")), DENIED);
}

#[test]
fn a_draft_is_tried_with_the_exceptions_to_the_connector_in_whose_place_it_would_stand() {
    let draft = bank().with(|one| one.key = key("acme/new")).draft_of("bank");
    let in_the_clear = Session {
        security: plain(),
        ..right()
    };
    for (now, outcome) in [
        (before_the_end(), ShadowOutcome::Passes),
        (END, ShadowOutcome::FailsAnyway),
    ] {
        let directory = three_organizations()
            .inbound([bank(), draft.clone()])
            .exceptions([about("bank", Relaxation::Plaintext)])
            .build();
        let session = in_the_clear.clone().then(now);
        let tried = session.asked(&directory, "acme.example", |facts| try_shadows(facts, &admit(facts)));
        let outcomes: Vec<ShadowOutcome> = tried.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [outcome], "{tried:?}");
    }
}
