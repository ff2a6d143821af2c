//! Which exceptions reach which mail, what one may not say, and what is told of their ends.

use std::time::Duration;

use sekisho_mail::{Demand, DemandLevel, Host};

use super::*;
use crate::outbound::{Requirement, RouteDemand};

fn out(text: &str, connector: &str) -> Exception {
    let about = ExceptionSubject::OutboundConnector(connector.into());
    exception(text, about, Relaxation::Plaintext)
}

fn of_rule(text: &str, rule: &str) -> Exception {
    exception(text, ExceptionSubject::Rule(rule.into()), Relaxation::Plaintext)
}

fn to_domain(text: &str, scope: &str) -> Exception {
    let about = ExceptionSubject::RecipientDomain(scope.parse().unwrap());
    exception(text, about, Relaxation::Plaintext)
}

fn bank() -> OutboundConnector {
    outbound("acme/bank", &["*.bank.example"]).with(|one| one.tls_settings = TlsSettings::DomainValidation)
}

fn parts() -> Parts {
    three_organizations()
        .outbound([bank()])
        .rules([rule("acme/secure").demanding(RuleTls::EncryptionOnly)])
        .settings("acme", |settings| {
            settings.require_tls_outbound = TlsSettings::EncryptionOnly
        })
}

fn reaching(directory: &Directory, recipient: &str, carried: &[&str]) -> Vec<String> {
    let recipient = Host::parse(recipient).unwrap();
    let organization = name("acme");
    let of_the_way = directory.select(&organization, &recipient).demands(&recipient);
    let carried: Vec<Demand> = carried
        .iter()
        .map(|origin| Demand {
            level: DemandLevel::Encryption,
            origin: (*origin).to_owned(),
        })
        .collect();
    let found = directory.exceptions_for(&of_the_way, &carried, &recipient);
    found.iter().map(|exception| exception.key.to_string()).collect()
}

#[test]
fn an_exception_reaches_its_document_on_its_way_and_a_rule_wherever_it_goes() {
    let directory = parts()
        .exceptions([
            out("acme/bank", "bank"),
            out("acme/part", "bank").only(&["a.bank.example", "*.b.bank.example"]),
            of_rule("acme/rule", "secure"),
            of_rule("acme/rule-part", "secure").only(&["elsewhere.example"]),
            to_domain("acme/old", "*.old.example"),
        ])
        .build();
    let all = ["connector \"acme/bank\"", "rule \"acme/secure\"", "organization acme"];
    for (recipient, carried, expected) in [
        ("bank.example", &[][..], &["acme/bank"][..]),
        ("a.bank.example", &[], &["acme/bank", "acme/part"]),
        ("c.b.bank.example", &[], &["acme/bank", "acme/part"]),
        ("x.old.example", &[], &["acme/old"]),
        ("elsewhere.example", &[], &[]),
        ("[192.0.2.1]", &[], &[]),
        // What a connector or the organization demanded elsewhere stands (law 2); what a rule did is its message's.
        ("elsewhere.example", &all, &["acme/rule", "acme/rule-part"]),
        ("bank.example", &all, &["acme/bank", "acme/rule"]),
        ("old.example", &all, &["acme/old", "acme/rule"]),
        ("elsewhere.example", &["rule \"beta/secure\"", "alias secure"], &[]),
    ] {
        assert_eq!(
            reaching(&directory, recipient, carried),
            expected,
            "{recipient} {carried:?}"
        );
    }
    assert!(directory.has_exceptions() && !parts().build().has_exceptions());
    let of_a_route = [RouteDemand {
        require: Requirement::Encryption,
        origin: "route \"acme/bank\"".to_owned(),
    }];
    let recipient = Host::parse("bank.example").unwrap();
    assert_eq!(directory.exceptions_for(&of_a_route, &[], &recipient), []);
}

#[test]
fn an_exception_has_an_owner_a_reason_and_something_that_it_may_lower() {
    let at = |exception: Exception| {
        let parts = parts()
            .inbound([
                partner("acme/in", &["bank.example"])
                    .named("mail.bank.example")
                    .restricting(),
                own("acme/relay").named("mail.acme.example"),
            ])
            .exceptions([exception]);
        match Directory::build(1, parts.clone()) {
            Ok(_) => Vec::new(),
            Err(_) => parts.faults(),
        }
    };
    let with = |change: fn(&mut Exception)| {
        let mut exception = out("acme/x", "bank");
        change(&mut exception);
        exception
    };
    let inbound = |name: &str, allows| exception("acme/x", ExceptionSubject::InboundConnector(name.into()), allows);
    use Relaxation::{AnyAddress, AnyCertificate, AnyName, CommonName, ExpiredCertificate, Plaintext};
    for (exception, field) in [
        (with(|one| one.owner.clear()), "owner"),
        (with(|one| one.owner = " ".to_owned()), "owner"),
        (with(|one| one.owner = "a".repeat(201)), "owner"),
        (with(|one| one.owner = "a\nb".to_owned()), "owner"),
        (with(|one| one.reason.clear()), "reason"),
        (with(|one| one.reason = "a".repeat(501)), "reason"),
        (with(|one| one.key.name = "".into()), "name"),
        (out("acme/x", "nobody"), "outbound_connector"),
        (out("beta/x", "bank"), "outbound_connector"),
        (out("nobody/x", "bank"), "organization"),
        (inbound("nobody", Plaintext), "inbound_connector"),
        (of_rule("acme/x", "nobody"), "rule"),
        (to_domain("acme/x", "old.example").only(&["old.example"]), "domains"),
        (with(|one| one.allows = CommonName), "allows"),
        (with(|one| one.allows = AnyAddress), "allows"),
        (inbound("in", AnyName), "allows"),
        // Law 12: with any certificate, or from any address, everybody would be acme's own server.
        (inbound("relay", AnyCertificate), "allows"),
        (inbound("relay", AnyAddress), "allows"),
        (
            Exception {
                allows: AnyAddress,
                ..to_domain("acme/x", "old.example")
            },
            "allows",
        ),
    ] {
        let found = at(exception.clone());
        assert!(
            found.iter().any(|place| place.ends_with(&format!(", {field}"))),
            "{field}: {found:?} {exception:?}"
        );
    }
    for exception in [
        with(|_| {}),
        with(|one| one.allows = ExpiredCertificate),
        inbound("in", CommonName),
        inbound("relay", CommonName),
        inbound("relay", Plaintext),
        of_rule("acme/x", "secure"),
        to_domain("acme/x", "*"),
    ] {
        assert_eq!(at(exception.clone()), Vec::<String>::new(), "{exception:?}");
    }
}

#[test]
fn one_that_lowers_nothing_is_warned_of_and_a_name_stands_once() {
    let plain = outbound("acme/plain", &["plain.example"]);
    let parts = three_organizations()
        .outbound([plain, bank()])
        .rules([rule("acme/no")
            .rejecting("no")
            .with(|one| one.recipients = vec!["*".parse().unwrap()])])
        .exceptions([
            out("acme/a", "plain"),
            of_rule("acme/b", "no"),
            to_domain("acme/c", "old.example"),
            out("acme/d", "bank"),
        ]);
    assert_eq!(
        parts.warnings(),
        [
            "exception acme/a, allows",
            "exception acme/b, allows",
            "exception acme/c, allows"
        ]
    );
    let twice = three_organizations()
        .outbound([bank()])
        .exceptions([out("acme/a", "bank"), out("acme/a", "bank")]);
    assert_eq!(twice.faults(), ["exception acme/a, name"]);
}

#[test]
fn one_about_the_organizations_demand_lowers_as_much_as_its_level_asks() {
    use Relaxation::{AnyCertificate, AnyName, ExpiredCertificate, Plaintext};
    for (level, asked) in [
        (TlsSettings::Opportunistic, &[][..]),
        (TlsSettings::EncryptionOnly, &[Plaintext]),
        (
            TlsSettings::CertificateValidation,
            &[Plaintext, AnyCertificate, ExpiredCertificate],
        ),
        (
            TlsSettings::DomainValidation,
            &[Plaintext, AnyCertificate, ExpiredCertificate, AnyName],
        ),
    ] {
        for allows in [Plaintext, AnyCertificate, ExpiredCertificate, AnyName] {
            let exception = Exception {
                allows,
                ..to_domain("acme/x", "old.example")
            };
            let parts = three_organizations().settings("acme", |acme| acme.require_tls_outbound = level);
            let warned = !parts.exceptions([exception]).warnings().is_empty();
            assert_eq!(warned, !asked.contains(&allows), "{level:?} {allows:?}");
        }
    }
}

#[test]
fn ends_are_told_of_a_week_before_and_after() {
    let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let directory = parts().exceptions([out("acme/bank", "bank")]).build();
    for (now, expected) in [
        (END.minus(day(8)), None),
        (END.minus(day(7)), Some("it ends at 2026-12-01T00:00:00.000Z")),
        (before_the_end(), Some("it ends at 2026-12-01T00:00:00.000Z")),
        (END, Some("it ended at 2026-12-01T00:00:00.000Z")),
        (END.minus(day(366)), None),
        (
            END.minus(day(367)),
            Some("its end at 2026-12-01T00:00:00.000Z is more than 366 days ahead"),
        ),
    ] {
        let told = directory.exceptions_to_tell(now);
        let said = told.first().map(|one| one.reason.as_str());
        match expected {
            None => assert_eq!(said, None, "{now}"),
            Some(begin) => assert!(said.is_some_and(|said| said.starts_with(begin)), "{now}: {said:?}"),
        }
    }
    assert_eq!(directory.exceptions_to_tell(END)[0].place, "exception acme/bank");
}
