//! What an organization and its partners' connectors demand of mail that comes to it.

use sekisho_mail::KeyExchangeGroups;

use super::*;

const BANK: &str = "mail.bank.example";

fn with(connectors: impl IntoIterator<Item = InboundConnector>) -> Directory {
    three_organizations().inbound(connectors).build()
}

fn from_bank() -> Session {
    stranger().from("bank.example")
}

fn by_certificate() -> InboundConnector {
    partner("acme/bank", &["bank.example"]).named(BANK).restricting()
}

fn by_address() -> InboundConnector {
    partner("acme/bank", &["bank.example"])
        .at(&["192.0.2.0/24"])
        .restricting()
}

/// Behaviour 14.
#[test]
fn require_tls_refuses_plaintext_from_its_domains_and_says_how() {
    let directory = with([partner("acme/bank", &["*.bank.example"])]);
    for from in ["bank.example", "a.b.bank.example"] {
        let session = from_bank().from(from);
        assert_eq!(told(&session.to(&directory, "acme.example")), STARTTLS);
        let covered = session.under_tls().to(&directory, "acme.example");
        assert_eq!(
            told(&covered),
            format!("connector acme/bank (sender domain {from}) for acme")
        );
        assert_eq!(attribution(covered).connector, Some(key("acme/bank")));
    }
    for from in ["badbank.example", "elsewhere.example", "<>"] {
        assert_eq!(
            told(&stranger().from(from).to(&directory, "acme.example")),
            "local recipient for acme"
        );
    }
    let refusing =
        with([partner("acme/bank", &["bank.example"]).with(|one| one.plaintext_reply = PlaintextReply::Refuse)]);
    assert_eq!(
        told(&from_bank().to(&refusing, "acme.example")),
        "530 5.7.0 Must issue a STARTTLS command first"
    );
}

#[test]
fn of_several_that_lack_tls_one_that_lets_come_again_speaks() {
    let refusing =
        |text: &str, scope: &str| partner(text, &[scope]).with(|one| one.plaintext_reply = PlaintextReply::Refuse);
    let directory = with([
        refusing("acme/a", "bank.example"),
        partner("acme/b", &["*.bank.example"]),
        refusing("acme/c", "*"),
    ]);
    assert_eq!(told(&from_bank().to(&directory, "acme.example")), STARTTLS);
}

#[test]
fn star_covers_the_null_reverse_path_and_address_literals() {
    let directory = with([partner("acme/all", &["*"])]);
    for from in ["<>", "[192.0.2.1]", "bank.example"] {
        assert_eq!(
            told(&stranger().from(from).to(&directory, "acme.example")),
            STARTTLS,
            "{from}"
        );
        assert!(is_admitted(
            &stranger().from(from).under_tls().to(&directory, "acme.example")
        ));
    }
}

/// Behaviour 15.
#[test]
fn a_restriction_to_a_certificate_takes_the_right_name_on_a_trusted_chain() {
    let directory = with([by_certificate()]);
    let right = from_bank()
        .with_certificate(&["x.example", BANK])
        .to(&directory, "acme.example");
    assert_eq!(
        told(&right),
        "connector acme/bank (certificate mail.bank.example, sender domain bank.example) for acme"
    );
    for facts in [
        tls(&[], &Verdict::Holds),
        tls(&["mail.elsewhere.example"], &Verdict::Holds),
        tls(&["bank.example"], &Verdict::Holds),
        tls(&[BANK], &self_signed()),
        tls(
            &[BANK],
            &Verdict::Fails(CertificateFault::UntrustedIssuer("CN=Stranger".to_owned())),
        ),
        TlsFacts {
            key: KeyProof::NotProven("odd".to_owned()),
            ..tls(&[BANK], &Verdict::Holds)
        },
    ] {
        let session = from_bank().under(facts.clone());
        assert_eq!(
            told(&session.to(&directory, "acme.example")),
            BY_CERTIFICATE,
            "{facts:?}"
        );
    }
    let cannot_know = from_bank().under(tls(&[BANK], &unknown()));
    assert_eq!(told(&cannot_know.to(&directory, "acme.example")), COME_AGAIN);
    assert_eq!(
        told(&from_bank().to(&directory, "acme.example")),
        STARTTLS,
        "in the clear none can be shown"
    );
    let without_tls = with([by_certificate().with(|one| one.require_tls = false)]);
    assert_eq!(told(&from_bank().to(&without_tls, "acme.example")), BY_CERTIFICATE);
}

#[test]
fn a_certificate_that_is_not_for_clients_is_taken_unless_the_connector_says_otherwise() {
    let not_for_clients = |is_so: bool| {
        let mut facts = tls(&[BANK], &Verdict::Holds);
        facts.chain[0].not_for_clients = is_so;
        from_bank().under(facts)
    };
    let lenient = with([by_certificate()]);
    assert!(is_admitted(&not_for_clients(true).to(&lenient, "acme.example")));
    for pins in [vec![], vec![KEY]] {
        let strict = with([by_certificate().with(|one| {
            one.server_auth_certificates = false;
            one.pins.clone_from(&pins);
        })]);
        assert_eq!(
            told(&not_for_clients(true).to(&strict, "acme.example")),
            BY_CERTIFICATE,
            "a pin says nothing of what it is for"
        );
        assert!(is_admitted(&not_for_clients(false).to(&strict, "acme.example")));
    }
}

/// Behaviour 16.
#[test]
fn a_restriction_to_addresses_takes_those_inside() {
    let directory = with([by_address().at(&["192.0.2.0/24", "2001:db8::/32"])]);
    for inside in ["192.0.2.1", "::ffff:192.0.2.255", "2001:db8:1::1"] {
        let session = from_bank().at(inside).under_tls();
        assert!(is_admitted(&session.to(&directory, "acme.example")), "{inside}");
        assert_eq!(told(&from_bank().at(inside).to(&directory, "acme.example")), STARTTLS);
    }
    for outside in ["192.0.3.1", "2001:db9::1", "203.0.113.9"] {
        let session = from_bank().at(outside);
        assert_eq!(
            told(&session.to(&directory, "acme.example")),
            BY_ADDRESS,
            "TLS alone would not help"
        );
        assert_eq!(
            told(&session.under_tls().to(&directory, "acme.example")),
            BY_ADDRESS,
            "{outside}"
        );
    }
    let in_the_clear = with([by_address().with(|one| one.require_tls = false)]);
    assert!(is_admitted(
        &from_bank().at("192.0.2.1").to(&in_the_clear, "acme.example")
    ));
}

#[test]
fn a_connector_that_restricts_to_both_takes_both_and_of_two_connectors_one_is_enough() {
    let both = with([by_certificate().at(&["192.0.2.0/24"]).restricting()]);
    let either = with([by_certificate(), by_address().with(|one| one.key = key("acme/bank-2"))]);
    for (client, names, both_hold, one_holds) in [
        ("192.0.2.1", &[BANK][..], true, true),
        ("192.0.2.1", &[], false, true),
        ("203.0.113.9", &[BANK], false, true),
        ("203.0.113.9", &[], false, false),
    ] {
        let session = from_bank().at(client).with_certificate(names);
        assert_eq!(
            is_admitted(&session.to(&both, "acme.example")),
            both_hold,
            "{client} {names:?}"
        );
        assert_eq!(
            is_admitted(&session.to(&either, "acme.example")),
            one_holds,
            "{client} {names:?}"
        );
    }
}

/// Behaviour 17.
#[test]
fn a_restricting_connector_beats_one_that_accepts_by_sender_domain() {
    let accepting = partner("acme/accept", &["bank.example"]);
    let directory = with([
        accepting.clone(),
        by_address().with(|one| one.sender_domains = vec![DomainScope::Everything]),
    ]);
    assert_eq!(
        told(&from_bank().under_tls().to(&directory, "acme.example")),
        BY_ADDRESS
    );
    assert_eq!(
        told(&stranger().under_tls().to(&directory, "acme.example")),
        BY_ADDRESS,
        "* covers everyone"
    );
    let inside = from_bank().at("192.0.2.1").under_tls();
    assert!(is_admitted(&inside.to(&directory, "acme.example")));
    let alone = with([accepting]);
    assert!(is_admitted(&from_bank().under_tls().to(&alone, "acme.example")));
}

#[test]
fn what_one_covering_connector_demands_of_tls_no_other_lowers() {
    let restricting = by_address().with(|one| one.require_tls = false);
    let demanding = partner("acme/tls", &["*"]).with(|one| one.floor.min_version = TlsVersion::Tls13);
    let directory = with([restricting, demanding]);
    let inside = from_bank().at("192.0.2.1");
    assert_eq!(told(&inside.to(&directory, "acme.example")), STARTTLS);
    let older = TlsFacts {
        version: TlsVersion::Tls12,
        ..tls(&[], &Verdict::Holds)
    };
    let reply = told(&inside.clone().under(older).to(&directory, "acme.example"));
    assert_eq!(
        reply,
        "550 5.7.5 TLSv1.3 or later is required, and this connection is TLSv1.2"
    );
    assert!(is_admitted(&inside.under_tls().to(&directory, "acme.example")));
}

#[test]
fn a_floor_that_alone_is_missing_is_told_and_a_wrong_certificate_first() {
    let directory = with([by_certificate().with(|one| one.floor.groups = Some(KeyExchangeGroups::HYBRID))]);
    let classical = |names: &[&str], verdict: &Verdict| TlsFacts {
        group: "x25519".to_owned(),
        ..tls(names, verdict)
    };
    let told_of = |facts: TlsFacts| told(&from_bank().under(facts).to(&directory, "acme.example"));
    let reply = "550 5.7.5 the key exchange X25519MLKEM768 is required, and this connection used x25519";
    assert_eq!(told_of(classical(&[BANK], &Verdict::Holds)), reply);
    assert_eq!(told_of(classical(&["x.example"], &Verdict::Holds)), BY_CERTIFICATE);
    let either = with([by_certificate().with(|one| one.floor.groups = Some(KeyExchangeGroups::CLASSICAL))]);
    let of_either = |facts: TlsFacts| from_bank().under(facts).to(&either, "acme.example");
    assert!(is_admitted(&of_either(classical(&[BANK], &Verdict::Holds))));
    assert_eq!(
        told(&of_either(tls(&[BANK], &Verdict::Holds))),
        "550 5.7.5 the key exchange x25519 or secp256r1 or secp384r1 is required, and this connection used \
         X25519MLKEM768"
    );
    assert_eq!(
        told_of(classical(&[BANK], &unknown())),
        reply,
        "to know it would not help"
    );
}

#[test]
fn a_connector_for_some_accepted_domains_concerns_those_recipients_alone() {
    let directory = with([by_address().limited_to(&["sales.acme.example"])]);
    assert!(is_admitted(&from_bank().to(&directory, "acme.example")));
    assert_eq!(told(&from_bank().to(&directory, "sales.acme.example")), BY_ADDRESS);
}

#[test]
fn a_disabled_connector_demands_nothing() {
    let directory = with([by_address().with(|one| one.enabled = false)]);
    assert_eq!(
        told(&from_bank().to(&directory, "acme.example")),
        "local recipient for acme"
    );
}

#[test]
fn an_organizations_own_servers_are_no_partners() {
    let directory = with([
        own("acme/relay").at(&["203.0.113.9"]),
        partner("acme/lock", &["*"]).at(&["192.0.2.1"]).restricting(),
    ]);
    assert!(is_admitted(&stranger().to(&directory, "acme.example")));
    assert!(!is_admitted(
        &stranger().at("203.0.113.8").to(&directory, "acme.example")
    ));
}

#[test]
fn an_organization_that_demands_tls_takes_nothing_in_the_clear() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.require_tls_inbound = true)
        .build();
    let refused = stranger().to(&directory, "acme.example");
    assert_eq!(told(&refused), STARTTLS);
    assert_eq!(
        refused.stated()[0].text,
        "organization acme stands against it: TLS is required, and this connection is in the clear (RFC 3207 §4)"
    );
    assert!(is_admitted(&stranger().under_tls().to(&directory, "acme.example")));
    assert!(is_admitted(&stranger().to(&directory, "beta.example")));
}

/// Behaviour 22.
#[test]
fn direct_send_is_refused_to_whom_no_connector_of_the_organization_knows() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.reject_direct_send = true)
        .inbound([
            partner("acme/filter", &["filter.example"])
                .named("mail.filter.example")
                .at(&["192.0.2.1"]),
            own("acme/relay").named("mail.acme.example"),
            own("beta/relay").named("mail.beta.example").at(&["192.0.3.1"]),
        ])
        .build();
    let claiming = stranger().from("sales.acme.example");
    let refused = claiming.to(&directory, "acme.example");
    assert_eq!(told(&refused), DIRECT_SEND);
    assert_eq!(refused.stated()[0].key, "direct-send");
    for known in [
        claiming.clone().at("192.0.2.1"),
        claiming.clone().with_certificate(&["mail.filter.example"]),
        claiming.clone().with_certificate(&["mail.acme.example"]),
        claiming.clone().from("beta.example"),
        claiming.clone().from("<>"),
    ] {
        assert!(is_admitted(&known.to(&directory, "acme.example")));
    }
    let cannot_know = claiming.clone().under(tls(&["mail.filter.example"], &unknown()));
    assert_eq!(told(&cannot_know.to(&directory, "acme.example")), COME_AGAIN);
    for unknown_one in [
        claiming.clone().at("192.0.3.1"),
        claiming.clone().with_certificate(&["mail.beta.example"]),
        claiming.clone().under(tls(&["mail.acme.example"], &self_signed())),
    ] {
        assert_eq!(told(&unknown_one.to(&directory, "acme.example")), DIRECT_SEND);
    }
    let mut may_relay = claiming.clone().at("127.0.0.1");
    may_relay.rights = RelayRights::of_listener("127.0.0.1".parse().unwrap(), Exposure::Direct, None);
    assert!(is_admitted(&may_relay.to(&directory, "acme.example")));
    assert!(
        is_admitted(&claiming.to(&directory, "beta.example")),
        "beta asked for nothing"
    );
}

/// Without a connector of its own there is nobody whom an organization knows.
#[test]
fn direct_send_is_refused_where_no_connector_is() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.reject_direct_send = true)
        .build();
    assert_eq!(
        told(&stranger().from("acme.example").to(&directory, "acme.example")),
        DIRECT_SEND
    );
}

#[test]
fn a_fault_of_ours_never_refuses_for_good_who_may_be_the_organizations_own() {
    let directory = with([
        own("acme/relay").named("mail.acme.example"),
        partner("acme/lock", &["*"]).at(&["192.0.2.1"]).restricting(),
    ]);
    let session = stranger().under(tls(&["mail.acme.example"], &unknown()));
    assert_eq!(told(&session.to(&directory, "acme.example")), COME_AGAIN);
}

#[test]
fn no_refusal_of_a_connector_is_silent_about_connector_and_rule_in_the_trace() {
    let directory = with([by_certificate()]);
    let refused = from_bank()
        .with_certificate(&["x.example"])
        .to(&directory, "acme.example");
    let stated = refused.stated().remove(0);
    assert_eq!(stated.key, "partner-restriction");
    assert_eq!(
        stated.text,
        "connector acme/bank has RestrictDomainsToCertificate, but the certificate is for x.example"
    );
    let Admission::Refused { organization, .. } = refused else {
        panic!("admitted");
    };
    assert_eq!(organization, Some(name("acme")));
}
