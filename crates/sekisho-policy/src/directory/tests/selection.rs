//! Which connector carries mail for a domain, and what all of them demand.

use sekisho_mail::{AnchorSetId, Demand, DemandLevel, Host, KeyExchangeGroups, RevocationMode};

use super::*;
use crate::outbound::{CandidateHost, HostOrigin, HostPlan, OutboundFacts, Revocation, plan};

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn all_accepted(text: &str) -> OutboundConnector {
    outbound(text, &[]).with(|one| {
        one.kind = ConnectorType::OnPremises;
        one.all_accepted_domains = true;
    })
}

/// The winner's name, or `-`, and all that demand.
fn selected(directory: &Directory, organization: &str, recipient: &str) -> (String, Vec<String>) {
    let (organization, recipient) = (name(organization), host(recipient));
    let selection = directory.select(&organization, &recipient);
    let names = selection.demanding.iter().map(|one| one.key.to_string()).collect();
    let chosen = selection.chosen.map_or("-".to_owned(), |one| one.key.to_string());
    assert_eq!(
        selection.chosen.is_none(),
        selection.because == SelectionReason::NoConnector
    );
    (chosen, names)
}

/// Behaviour 25: who wins for a table of recipients.
#[test]
fn the_most_specific_connector_carries_the_mail_and_all_that_cover_it_demand() {
    let directory = three_organizations()
        .outbound([
            outbound("acme/exact", &["bank.example", "sales.acme.example"]),
            outbound("acme/wild", &["*.bank.example"]),
            outbound("acme/deep", &["*.a.bank.example"]),
            all_accepted("acme/own"),
            outbound("acme/rest", &["*"]),
            outbound("acme/off", &["off.example"]).with(|one| one.enabled = false),
            outbound("acme/rule", &["rule.example"]).with(|one| one.is_transport_rule_scoped = true),
            outbound("beta/wild", &["*.bank.example"]),
        ])
        .build();
    for (organization, recipient, chosen, others) in [
        ("acme", "bank.example", "acme/exact", &["acme/wild", "acme/rest"][..]),
        ("acme", "b.bank.example", "acme/wild", &["acme/rest"]),
        ("acme", "a.bank.example", "acme/deep", &["acme/wild", "acme/rest"]),
        ("acme", "x.y.a.bank.example", "acme/deep", &["acme/wild", "acme/rest"]),
        ("acme", "badbank.example", "acme/rest", &[]),
        ("acme", "acme.example", "acme/own", &["acme/rest"]),
        ("acme", "sales.acme.example", "acme/exact", &["acme/own", "acme/rest"]),
        ("acme", "hr.acme.example", "acme/rest", &[]),
        ("acme", "off.example", "acme/rest", &[]),
        ("acme", "rule.example", "acme/rest", &[]),
        ("acme", "[192.0.2.1]", "acme/rest", &[]),
        ("beta", "bank.example", "beta/wild", &[]),
        ("beta", "off.example", "-", &[]),
        ("beta", "[192.0.2.1]", "-", &[]),
        ("default", "bank.example", "-", &[]),
        ("nobody", "bank.example", "-", &[]),
    ] {
        let mut expected: Vec<&str> = Some(chosen).filter(|chosen| *chosen != "-").into_iter().collect();
        expected.extend(others);
        let (winner, demanding) = selected(&directory, organization, recipient);
        assert_eq!(
            (winner.as_str(), demanding),
            (chosen, expected.iter().map(ToString::to_string).collect()),
            "{recipient}"
        );
    }
}

#[test]
fn a_wildcard_beats_all_accepted_domains() {
    let directory = three_organizations()
        .outbound([outbound("acme/wild", &["*.acme.example"]), all_accepted("acme/own")])
        .build();
    assert_eq!(selected(&directory, "acme", "sales.acme.example").0, "acme/wild");
    assert_eq!(selected(&directory, "acme", "bank.example").0, "-");
}

/// Otherwise one organization could lead another's mail through a server of its own.
#[test]
fn mail_for_an_accepted_domain_goes_by_its_owners_connectors_alone() {
    let directory = three_organizations()
        .outbound([
            outbound("acme/grab", &["beta.example", "*"]),
            outbound("beta/own", &["beta.example"]),
        ])
        .build();
    for organization in ["acme", "beta", "default"] {
        let (winner, demanding) = selected(&directory, organization, "beta.example");
        assert_eq!((winner.as_str(), demanding.len()), ("beta/own", 1), "{organization}");
    }
    let mail_of = name("acme");
    let there = host("beta.example");
    assert_eq!(directory.select(&mail_of, &there).organization, &name("beta"));
    assert_eq!(selected(&directory, "beta", "acme.example").0, "acme/grab");
}

fn demands_on(directory: &Directory, recipient: &str) -> HostPlan {
    let (organization, recipient) = (name("acme"), host(recipient));
    let facts = OutboundFacts {
        demands: directory.select(&organization, &recipient).demands(&recipient),
        carried: Vec::new(),
        exceptions: Vec::new(),
        now: Timestamp::EPOCH,
        client_identity: None,
        hosts: vec![CandidateHost {
            host: host("mx.bank.example"),
            origin: HostOrigin::Dns,
        }],
        tried: Vec::new(),
        tried_rules: Vec::new(),
    };
    plan(&facts).hosts()[0].clone()
}

fn texts(demands: &[Demand]) -> Vec<String> {
    let texts = demands
        .iter()
        .map(|demand| format!("{}: {}", demand.origin, demand.level));
    texts.collect()
}

/// Behaviours 8 to 10 as far as they are demands.
#[test]
fn tls_settings_become_demands_with_their_origin() {
    let bank = |settings, names: &[&str]| {
        let connector = outbound("acme/bank", &["*"]).with(|one| {
            one.tls_settings = settings;
            one.tls_domains = names.iter().map(|name| name.parse().unwrap()).collect();
            if settings >= TlsSettings::CertificateValidation {
                one.anchors = anchors("bank");
            }
        });
        three_organizations().outbound([connector]).build()
    };
    let certificate = "connector \"acme/bank\": TLS with a valid certificate (trust anchors: bank)";
    for (settings, names, recipient, expected) in [
        (TlsSettings::Opportunistic, &[][..], "bank.example", vec![]),
        (
            TlsSettings::EncryptionOnly,
            &[],
            "bank.example",
            vec!["connector \"acme/bank\": TLS".to_owned()],
        ),
        (
            TlsSettings::CertificateValidation,
            &[],
            "bank.example",
            vec![certificate.to_owned()],
        ),
        (
            TlsSettings::DomainValidation,
            &["mail.bank.example", "*.bank.example"],
            "bank.example",
            vec![format!("{certificate} for mail.bank.example or **.bank.example")],
        ),
        (
            TlsSettings::DomainValidation,
            &[],
            "bank.example",
            vec![format!("{certificate} for bank.example")],
        ),
        (
            TlsSettings::DomainValidation,
            &[],
            "[192.0.2.1]",
            vec![format!("{certificate} for ")],
        ),
    ] {
        let directory = bank(settings, names);
        assert_eq!(texts(demands_on(&directory, recipient).demands()), expected);
    }
}

#[test]
fn pins_versions_and_key_exchange_groups_are_demands_for_tls_of_their_own() {
    let plan_with = |change: fn(&mut OutboundConnector)| {
        let connector = outbound("acme/bank", &["*"]).with(change);
        demands_on(&three_organizations().outbound([connector]).build(), "bank.example")
    };
    let pinned = plan_with(|one| one.pins = vec![KEY]);
    let levels: Vec<&DemandLevel> = pinned.demands().iter().map(|demand| &demand.level).collect();
    assert_eq!(
        levels,
        [&DemandLevel::Encryption, &DemandLevel::Pin { spki: vec![KEY] }]
    );
    let newer = plan_with(|one| one.floor.min_version = TlsVersion::Tls13);
    let hybrid = plan_with(|one| one.floor.groups = Some(KeyExchangeGroups::HYBRID));
    for (plan, version, groups) in [
        (&pinned, TlsVersion::Tls12, KeyExchangeGroups::ALL),
        (&newer, TlsVersion::Tls13, KeyExchangeGroups::ALL),
        (&hybrid, TlsVersion::Tls13, KeyExchangeGroups::HYBRID),
    ] {
        assert!(!plan.is_opportunistic());
        assert_eq!((plan.min_version(), plan.groups()), (version, groups));
    }
}

#[test]
fn what_every_covering_connector_and_the_organization_demand_stands_side_by_side() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.require_tls_outbound = TlsSettings::EncryptionOnly)
        .outbound([
            outbound("acme/bank", &["bank.example"]),
            outbound("acme/rest", &["*"]).with(|one| one.tls_settings = TlsSettings::CertificateValidation),
        ])
        .build();
    let certificate = "connector \"acme/rest\": TLS with a valid certificate (trust anchors: system)";
    let organization = "organization acme: TLS";
    assert_eq!(
        texts(demands_on(&directory, "bank.example").demands()),
        [certificate, organization]
    );
    let none = three_organizations()
        .settings("acme", |acme| acme.require_tls_outbound = TlsSettings::EncryptionOnly)
        .build();
    assert_eq!(
        texts(demands_on(&none, "bank.example").demands()),
        [organization],
        "without any connector"
    );
    assert_eq!(
        texts(demands_on(&none, "beta.example").demands()),
        [""; 0],
        "its owner answers for it"
    );
}

#[test]
fn the_organization_demands_of_all_its_mail_what_the_connector_that_carries_it_would_at_that_level() {
    let own_anchors = AnchorSetId("bank.pem".to_owned());
    let demanded = |level, recipient: &str| {
        let parts = three_organizations()
            .settings("acme", |acme| acme.require_tls_outbound = level)
            .outbound([
                outbound("acme/open", &["open.example"]),
                outbound("acme/bank", &["bank.example"]).with(|one| {
                    one.tls_settings = TlsSettings::DomainValidation;
                    one.tls_domains = vec!["*.bank.example".parse().unwrap()];
                    one.anchors = own_anchors.clone();
                }),
            ]);
        let texts = texts(demands_on(&parts.build(), recipient).demands());
        let own = texts.into_iter().filter_map(|text| {
            let own = text.strip_prefix("organization acme: ")?;
            Some(own.to_owned())
        });
        own.collect::<Vec<_>>()
    };
    let certificate = "TLS with a valid certificate (trust anchors: system)";
    let of_bank = "TLS with a valid certificate (trust anchors: bank.pem)";
    for (level, recipient, expected) in [
        (TlsSettings::Opportunistic, "open.example", None),
        (TlsSettings::EncryptionOnly, "open.example", Some("TLS".to_owned())),
        (
            TlsSettings::CertificateValidation,
            "open.example",
            Some(certificate.to_owned()),
        ),
        (
            TlsSettings::CertificateValidation,
            "none.example",
            Some(certificate.to_owned()),
        ),
        (
            TlsSettings::CertificateValidation,
            "bank.example",
            Some(of_bank.to_owned()),
        ),
        (
            TlsSettings::DomainValidation,
            "open.example",
            Some(format!("{certificate} for open.example")),
        ),
        (
            TlsSettings::DomainValidation,
            "none.example",
            Some(format!("{certificate} for none.example")),
        ),
        (
            TlsSettings::DomainValidation,
            "bank.example",
            Some(format!("{of_bank} for **.bank.example")),
        ),
        // No certificate can meet it.
        (
            TlsSettings::DomainValidation,
            "[192.0.2.1]",
            Some(format!("{certificate} for ")),
        ),
    ] {
        let mut found = demanded(level, recipient);
        // Whoever looks at a chain asks whether it is revoked, unless that is switched off.
        let asked = found.extract_if(.., |demand| demand.contains("not revoked")).count();
        assert_eq!(asked, usize::from(level >= TlsSettings::CertificateValidation));
        assert_eq!(found, Vec::from_iter(expected), "{level:?} {recipient}");
    }
}

#[test]
fn whether_a_certificate_is_revoked_is_demanded_where_a_chain_is_looked_at_and_by_whom_it_was_set() {
    let strict = Some(Revocation {
        mode: RevocationMode::HardFail,
        refuse_not_revocable: true,
    });
    for (level, settings, expected) in [
        (TlsSettings::EncryptionOnly, strict, vec!["TLS"]),
        (
            TlsSettings::CertificateValidation,
            None,
            vec!["TLS with a valid certificate (trust anchors: bank.pem)"],
        ),
        (
            TlsSettings::CertificateValidation,
            strict,
            vec![
                "TLS with a valid certificate (trust anchors: bank.pem)",
                "TLS with a certificate that is not revoked (trust anchors: bank.pem; one that names no endpoint is \
                 refused)",
            ],
        ),
        (
            TlsSettings::DomainValidation,
            Some(Revocation {
                mode: RevocationMode::SoftFail,
                refuse_not_revocable: false,
            }),
            vec![
                "TLS with a valid certificate (trust anchors: bank.pem) for bank.example",
                "TLS with a certificate that is not revoked, as far as that is known (trust anchors: bank.pem)",
            ],
        ),
    ] {
        let connector = outbound("acme/bank", &["bank.example"]).with(|one| {
            one.tls_settings = level;
            one.anchors = anchors("bank.pem");
            one.revocation = settings;
        });
        let to = host("bank.example");
        let demands = connector.demands(&to).into_iter();
        let words: Vec<String> = demands.map(|one| one.on_hosts(&[]).level.to_string()).collect();
        assert_eq!(words, expected, "{level:?}");
    }
}

fn central(text: &str) -> OutboundConnector {
    outbound(text, &[]).with(|one| {
        one.kind = ConnectorType::OnPremises;
        one.route_all_messages_via_on_premises = true;
        one.smart_hosts = vec![SmartHost::Host(host("mail.acme.example"), 25)];
        one.tls_settings = TlsSettings::EncryptionOnly;
    })
}

fn bearing(directory: &Directory, bearing: Bearing<'_>, recipient: &str) -> (String, Vec<String>) {
    let (organization, recipient) = (name("acme"), host(recipient));
    let selection = directory.select_bearing(&organization, &recipient, bearing);
    let names = selection.demanding.iter().map(|one| one.key.name.to_string()).collect();
    (
        selection.chosen.map_or("-".to_owned(), |one| one.key.name.to_string()),
        names,
    )
}

/// Behaviour 25 in its second half: what a rule alone chooses; and centralized mail transport.
#[test]
fn a_rule_goes_before_the_way_of_all_mail_and_that_before_any_domain_and_all_that_cover_demand() {
    let directory = three_organizations()
        .outbound([
            central("acme/hub"),
            outbound("acme/bank", &["bank.example"]),
            outbound("acme/rule", &["*"]).with(|one| one.is_transport_rule_scoped = true),
        ])
        .build();
    for (settled, recipient, chosen, demanding) in [
        (Bearing::Free, "bank.example", "hub", &["hub", "bank"][..]),
        (Bearing::Free, "else.example", "hub", &["hub"]),
        (Bearing::Free, "[192.0.2.1]", "hub", &["hub"]),
        (Bearing::Free, "sales.acme.example", "hub", &["hub"]),
        (Bearing::FromOwnServer, "bank.example", "bank", &["bank"]),
        (Bearing::FromOwnServer, "else.example", "-", &[]),
        (Bearing::ByRule("rule"), "bank.example", "rule", &["rule", "bank"]),
        (Bearing::ByRule("bank"), "else.example", "bank", &["bank"]),
    ] {
        let expected = (chosen.to_owned(), demanding.iter().map(ToString::to_string).collect());
        assert_eq!(
            bearing(&directory, settled, recipient),
            expected,
            "{settled:?} {recipient}"
        );
    }
    let (acme, else_where) = (name("acme"), host("else.example"));
    let not_back = directory.select_bearing(&acme, &else_where, Bearing::FromOwnServer);
    assert_eq!(not_back.not_sent_back.unwrap().key, key("acme/hub"));
    // Nobody else's mail goes through acme's servers.
    assert_eq!(selected(&directory, "beta", "else.example").0, "-");
    assert_eq!(selected(&directory, "acme", "beta.example").0, "-");
}

#[test]
fn a_connector_that_a_rule_chose_and_that_is_not_there_is_replaced_by_none() {
    let directory = three_organizations()
        .outbound([
            outbound("acme/off", &["*"]).with(|one| one.enabled = false),
            outbound("acme/rest", &["*"]),
            central("acme/hub"),
        ])
        .build();
    let acme = name("acme");
    let missing = |connector, recipient: &str| {
        let recipient = host(recipient);
        let selection = directory.select_bearing(&acme, &recipient, Bearing::ByRule(connector));
        assert!(selection.chosen.is_none(), "{connector}");
        // What the others demand holds for what is told of the message.
        assert!(!selection.demanding.is_empty() || recipient == host("beta.example"));
        selection.missing.unwrap()
    };
    assert_eq!(missing("off", "bank.example"), MissingWay::Disabled(key("acme/off")));
    assert_eq!(missing("gone", "bank.example"), MissingWay::Gone(key("acme/gone")));
    let not_theirs = MissingWay::NotTheirs {
        connector: key("acme/rest"),
        owner: name("beta"),
    };
    assert_eq!(missing("rest", "beta.example"), not_theirs);
}

#[test]
fn an_organizations_anchors_hold_for_what_names_none_and_for_no_other_organization() {
    let of_acme = AnchorSetId("organization acme".to_owned());
    let directory = three_organizations()
        .settings("acme", |acme| {
            acme.anchors = of_acme.clone();
            acme.require_tls_outbound = TlsSettings::CertificateValidation;
        })
        .outbound([
            outbound("acme/plain", &["plain.example"]),
            outbound("acme/bank", &["bank.example"]).with(|one| {
                one.tls_settings = TlsSettings::CertificateValidation;
                one.anchors = AnchorSetId("bank.pem".to_owned());
            }),
            outbound("beta/plain", &["plain.example"])
                .with(|one| one.tls_settings = TlsSettings::CertificateValidation),
        ])
        .build();
    let anchors = |organization: &str, name: &str| {
        let key =
            |one: &&Arc<OutboundConnector>| one.key.organization.as_str() == organization && &*one.key.name == name;
        directory.outbound().find(key).unwrap().anchors.clone()
    };
    assert_eq!(anchors("acme", "plain"), of_acme);
    assert_eq!(anchors("acme", "bank"), AnchorSetId("bank.pem".to_owned()));
    assert_eq!(anchors("beta", "plain"), AnchorSetId::system());
    for (recipient, expected) in [
        ("plain.example", "organization acme"),
        ("bank.example", "bank.pem"),
        ("none.example", "organization acme"),
    ] {
        let demands = texts(demands_on(&directory, recipient).demands());
        let wanted = format!("organization acme: TLS with a valid certificate (trust anchors: {expected})");
        assert!(demands.contains(&wanted), "{recipient}: {demands:?}");
    }
}
