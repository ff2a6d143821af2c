//! Whose server a client is, and who relays.

use sekisho_mail::KeyExchangeGroups;

use super::*;

/// acme's servers have a certificate or are in 192.0.2.0/24, beta's likewise with 192.0.3.0/24; 192.0.4.1 is in both.
fn directory() -> Directory {
    three_organizations()
        .inbound([
            own("acme/cert").named("*.acme.example"),
            own("acme/address").at(&["192.0.2.0/24", "192.0.4.1"]),
            own("beta/cert").named("mail.beta.example"),
            own("beta/address").at(&["192.0.3.0/24", "192.0.4.1"]),
            own("beta/off").at(&["192.0.5.1"]).with(|one| one.enabled = false),
        ])
        .build()
}

const ACME: &str = "mail.acme.example";

/// Behaviour 18, certificate against MAIL FROM.
#[test]
fn the_certificate_decides_before_mail_from() {
    let session = stranger()
        .at("192.0.3.1")
        .from("beta.example")
        .with_certificate(&[ACME]);
    let relayed = session.to(&directory(), "elsewhere.example");
    assert_eq!(
        told(&relayed),
        "connector acme/cert (certificate mail.acme.example) for acme"
    );
    let without = session.under_tls().to(&directory(), "elsewhere.example");
    assert_eq!(
        told(&without),
        "connector beta/address (address 192.0.3.1, sender domain beta.example) for beta"
    );
}

/// Behaviour 18, certificate against RCPT TO: beta's own mail when beta's server is known by its address alone, and a
/// stranger's when the certificate says that it is acme's.
#[test]
fn the_certificate_decides_before_rcpt_to() {
    let session = stranger().at("192.0.3.1").with_certificate(&[ACME]);
    let incoming = attribution(session.to(&directory(), "beta.example"));
    assert_eq!(
        (incoming.direction, incoming.connector),
        (Directionality::Incoming, None)
    );
    let own_mail = session.under_tls().to(&directory(), "beta.example");
    assert_eq!(
        told(&own_mail),
        "connector beta/address (address 192.0.3.1, recipient domain beta.example) for beta"
    );
    assert_eq!(attribution(own_mail).direction, Directionality::Originating);
}

/// Behaviour 18, MAIL FROM against RCPT TO, for a server that both organizations share.
#[test]
fn mail_from_decides_before_rcpt_to() {
    let session = stranger().at("192.0.4.1");
    let to_beta = |from: &str| attribution(session.clone().from(from).to(&directory(), "beta.example"));
    assert_eq!(to_beta("acme.example").direction, Directionality::Incoming);
    for from in ["beta.example", "elsewhere.example", "<>"] {
        assert_eq!(to_beta(from).direction, Directionality::Originating, "{from}");
    }
}

#[test]
fn the_most_specific_name_decides_between_certificates() {
    let directory = three_organizations()
        .inbound([
            own("acme/all").named("*.acme.example"),
            own("acme/sales").named("*.sales.acme.example"),
            own("acme/host").named("mx.sales.acme.example"),
            own("acme/top").named("mx.acme.example"),
        ])
        .build();
    for (names, connector) in [
        (&["mail.acme.example"][..], "acme/all"),
        (&["mail.sales.acme.example"], "acme/sales"),
        (&["mail.acme.example", "mail.sales.acme.example"], "acme/sales"),
        (&["*.sales.acme.example"], "acme/host"),
        (&["mx.sales.acme.example"], "acme/host"),
        (&["mx.acme.example", "mail.sales.acme.example"], "acme/top"),
    ] {
        let admission = stranger().with_certificate(names).to(&directory, "elsewhere.example");
        assert_eq!(attribution(admission).connector, Some(key(connector)), "{names:?}");
    }
}

/// Behaviours 19 to 21: every combination of what a client may show, held against the rule written down once more.
#[test]
fn relaying_takes_a_certificate_or_a_sender_with_an_address_and_each_half_alone_is_told_so() {
    let certificates = [
        ("none", tls(&[], &Verdict::Holds)),
        ("acme", tls(&[ACME], &Verdict::Holds)),
        ("self-signed", tls(&[ACME], &self_signed())),
        ("unknown", tls(&[ACME], &unknown())),
        ("foreign", tls(&["mail.elsewhere.example"], &Verdict::Holds)),
        (
            "unproven",
            TlsFacts {
                key: KeyProof::NotProven("odd".to_owned()),
                ..tls(&[ACME], &Verdict::Holds)
            },
        ),
    ];
    let directory = directory();
    for (certificate, facts) in &certificates {
        for (client, at) in [
            ("192.0.2.1", "acme"),
            ("192.0.3.1", "beta"),
            ("192.0.5.1", "none"),
            ("203.0.113.9", "none"),
        ] {
            for from in [
                "acme.example",
                "sales.acme.example",
                "beta.example",
                "x.acme.example",
                "elsewhere.example",
                "<>",
            ] {
                let session = stranger().at(client).from(from).under(facts.clone());
                let whose = match from {
                    "acme.example" | "sales.acme.example" => "acme",
                    "beta.example" => "beta",
                    _ => "none",
                };
                let by_pair = whose != "none" && whose == at;
                let is_half = *certificate == "acme" || at != "none" || whose != "none";
                let expected = match (*certificate, by_pair) {
                    ("acme", _) => "connector acme/cert (certificate mail.acme.example) for acme".to_owned(),
                    ("unknown", true) if whose == "beta" => COME_AGAIN.to_owned(),
                    (_, true) => format!("connector {at}/address (address {client}, sender domain {from}) for {at}"),
                    ("unknown", false) => COME_AGAIN.to_owned(),
                    (_, false) if is_half => NOT_ATTRIBUTED.to_owned(),
                    (_, false) => RELAY_DENIED.to_owned(),
                };
                let admission = session.to(&directory, "elsewhere.example");
                assert_eq!(told(&admission), expected, "{certificate} at {client} from {from}");
                if from == "<>" && is_admitted(&admission) {
                    assert_eq!(
                        *certificate, "acme",
                        "the null reverse-path relays by certificate alone"
                    );
                }
            }
        }
    }
}

/// Behaviour 20.
#[test]
fn the_null_reverse_path_relays_only_by_certificate() {
    let null = stranger().at("192.0.2.1").from("<>");
    assert_eq!(told(&null.to(&directory(), "elsewhere.example")), NOT_ATTRIBUTED);
    assert!(is_admitted(
        &null.with_certificate(&[ACME]).to(&directory(), "elsewhere.example")
    ));
}

/// Behaviour 21. With its own anchors or pins the operator vouches for the certificate.
#[test]
fn a_self_signed_certificate_identifies_only_where_it_is_vouched_for() {
    let with = |change: fn(&mut InboundConnector)| {
        three_organizations()
            .inbound([own("acme/cert").named(ACME).with(change)])
            .build()
    };
    let session = stranger().under(tls(&[ACME], &self_signed()));
    assert_eq!(told(&session.to(&with(|_| ()), "elsewhere.example")), RELAY_DENIED);
    let pinned = with(|one| one.pins = vec![KEY]);
    assert!(is_admitted(&session.to(&pinned, "elsewhere.example")));
    let other_key = with(|one| one.pins = vec![OTHER_KEY]);
    assert_eq!(told(&session.to(&other_key, "elsewhere.example")), RELAY_DENIED);
    // The set answers for itself: it takes a self-signed certificate that it holds as a pin.
    let anchored = with(|one| one.anchors = anchors("acme"));
    assert_eq!(told(&session.to(&anchored, "elsewhere.example")), RELAY_DENIED);
    assert!(is_admitted(
        &stranger().with_certificate(&[ACME]).to(&anchored, "elsewhere.example")
    ));
    let both = with(|one| {
        one.pins = vec![KEY];
        one.anchors = anchors("acme");
    });
    assert_eq!(
        told(&session.to(&both, "elsewhere.example")),
        RELAY_DENIED,
        "both must hold where both are set"
    );
}

#[test]
fn the_common_name_never_counts_and_a_check_that_was_not_made_is_no_pass() {
    let facts = tls(&["other.example"], &Verdict::Holds);
    assert_eq!(facts.chain[0].subject, format!("CN={ACME}"));
    assert_eq!(
        told(&stranger().under(facts).to(&directory(), "elsewhere.example")),
        RELAY_DENIED
    );
    let mut unasked = tls(&[ACME], &Verdict::Holds);
    unasked.verdicts.clear();
    assert_eq!(
        told(&stranger().under(unasked).to(&directory(), "elsewhere.example")),
        COME_AGAIN
    );
}

#[test]
fn every_attribute_of_one_issuer_must_be_the_certificates() {
    for (issuers, identifies) in [
        (vec![], true),
        (vec![vec!["O=Example Trust, Inc."]], true),
        (vec![vec!["o=example trust, inc.", "c=ch"]], true),
        (vec![vec!["CN=Issuing CA 1"]], true),
        (vec![vec!["O=Example Trust"]], false),
        (vec![vec!["O=Trust, Inc."]], false),
        (vec![vec!["CN=Issuing CA"]], false),
        (vec![vec!["N=Issuing CA 1"]], false),
        (vec![vec!["C=CH", "O=Other"]], false),
        (vec![vec!["O=Other"], vec!["C=CH"]], true),
        (vec![vec!["Inc."]], false),
    ] {
        let patterns: Vec<IssuerPattern> = issuers
            .iter()
            .map(|attributes| IssuerPattern {
                attributes: attributes.iter().map(|text| (*text).to_owned()).collect(),
            })
            .collect();
        let Ok((directory, _)) = Directory::build(
            1,
            three_organizations().inbound([own("acme/cert").named(ACME).with(|one| one.issuers = patterns)]),
        ) else {
            assert!(!identifies, "refused when it is set: {issuers:?}");
            continue;
        };
        let admission = stranger().with_certificate(&[ACME]).to(&directory, "elsewhere.example");
        assert_eq!(is_admitted(&admission), identifies, "{issuers:?}");
    }
}

#[test]
fn a_limit_to_accepted_domains_is_one_on_the_sender_and_by_rcpt_to_on_the_recipient() {
    let limit = ["sales.acme.example"];
    let directory = three_organizations()
        .inbound([
            own("acme/cert").named(ACME).limited_to(&limit),
            own("acme/address").at(&["192.0.2.1"]).limited_to(&limit),
        ])
        .build();
    let by_certificate = |from: &str| {
        let session = stranger().from(from).with_certificate(&[ACME]);
        is_admitted(&session.to(&directory, "elsewhere.example"))
    };
    assert!(by_certificate("sales.acme.example"));
    for from in ["acme.example", "elsewhere.example", "<>"] {
        assert!(!by_certificate(from), "{from}");
    }
    let by_address = |from: &str| {
        let session = stranger().from(from).at("192.0.2.1");
        is_admitted(&session.to(&directory, "elsewhere.example"))
    };
    assert!(by_address("sales.acme.example") && !by_address("acme.example"));
    let by_recipient = |recipient: &str| attribution(stranger().at("192.0.2.1").to(&directory, recipient)).direction;
    assert_eq!(by_recipient("sales.acme.example"), Directionality::Originating);
    assert_eq!(by_recipient("acme.example"), Directionality::Incoming);
    let half = stranger().from("elsewhere.example").with_certificate(&[ACME]);
    assert_eq!(
        told(&half.to(&directory, "elsewhere.example")),
        NOT_ATTRIBUTED,
        "a half is told of"
    );
}

#[test]
fn own_servers_meet_the_tls_that_their_connector_demands_or_are_told() {
    let directory = three_organizations()
        .inbound([
            own("acme/address").at(&["192.0.2.0/24"]).with(|one| {
                one.require_tls = true;
                one.floor.min_version = TlsVersion::Tls13;
            }),
            own("acme/printer").at(&["192.0.2.7"]),
            own("acme/cert")
                .named(ACME)
                .with(|one| one.floor.groups = Some(KeyExchangeGroups::HYBRID)),
        ])
        .build();
    let from_acme = stranger().at("192.0.2.1").from("acme.example");
    for recipient in ["elsewhere.example", "acme.example"] {
        assert_eq!(told(&from_acme.to(&directory, recipient)), STARTTLS);
        let older = TlsFacts {
            version: TlsVersion::Tls12,
            ..tls(&[], &Verdict::Holds)
        };
        let reply = told(&from_acme.clone().under(older).to(&directory, recipient));
        assert_eq!(
            reply,
            "550 5.7.5 TLSv1.3 or later is required, and this connection is TLSv1.2"
        );
        assert!(is_admitted(&from_acme.clone().under_tls().to(&directory, recipient)));
        let printer = from_acme.clone().at("192.0.2.7");
        assert_eq!(
            told(&printer.to(&directory, recipient)),
            STARTTLS,
            "a smaller network lowers nothing"
        );
        let classical = TlsFacts {
            group: "X25519".to_owned(),
            ..tls(&[ACME], &Verdict::Holds)
        };
        let reply = told(&stranger().under(classical).to(&directory, recipient));
        assert_eq!(
            reply,
            "550 5.7.5 the key exchange X25519MLKEM768 is required, and this connection used X25519"
        );
    }
    let to_beta = attribution(from_acme.to(&directory, "beta.example"));
    assert_eq!(
        to_beta.direction,
        Directionality::Incoming,
        "for a third one it is a stranger's mail"
    );
}

#[test]
fn mail_is_internal_by_the_connectors_word_and_an_own_senders_alone() {
    let directory = three_organizations()
        .inbound([own("acme/cert")
            .named(ACME)
            .with(|one| one.treat_messages_as_internal = true)])
        .build();
    let session = |from: &str| stranger().from(from).with_certificate(&[ACME]);
    assert!(attribution(session("sales.acme.example").to(&directory, "acme.example")).internal);
    for from in ["elsewhere.example", "beta.example", "<>"] {
        assert!(
            !attribution(session(from).to(&directory, "acme.example")).internal,
            "{from}"
        );
    }
    assert!(!attribution(session("acme.example").to(&directory, "elsewhere.example")).internal);
    assert!(!attribution(session("acme.example").to(&directory, "beta.example")).internal);
}

#[test]
fn a_listeners_right_relays_for_the_first_organization_and_a_known_server_for_its_own() {
    let from = RelayFrom {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        keys: Vec::new(),
    };
    let mut session = stranger().at("192.0.2.1");
    session.rights = RelayRights::of_listener("0.0.0.0".parse().unwrap(), Exposure::Direct, Some(from));
    for sender in ["elsewhere.example", "<>", "beta.example"] {
        let relayed = session.clone().from(sender).to(&directory(), "elsewhere.example");
        assert_eq!(told(&relayed), "relay: 192.0.2.0/24 for default", "{sender}");
        assert_eq!(attribution(relayed).direction, Directionality::Originating);
    }
    let own_server = session
        .clone()
        .from("acme.example")
        .to(&directory(), "elsewhere.example");
    assert_eq!(
        attribution(own_server).organization,
        name("acme"),
        "whose demands then hold for it"
    );
}

#[test]
fn an_address_that_leads_on_goes_to_the_server_behind_us_only_from_its_own() {
    let directory = directory();
    let rcpt = |client: &str| {
        let recipient = Host::parse("acme.example").unwrap();
        let session = stranger().at(client);
        admit(&InboundFacts {
            trial: None,
            client: session.client,
            security: &session.security,
            rights: &session.rights,
            directory: &directory,
            now: Timestamp::EPOCH,
            reverse_path: &session.from,
            stage: Stage::Rcpt {
                standing: RecipientStanding::RelayDomain,
                local_part: "user%elsewhere.example",
                recipient: &recipient,
            },
        })
    };
    assert_eq!(told(&rcpt("203.0.113.9")), RELAY_DENIED);
    assert_eq!(told(&rcpt("192.0.3.1")), RELAY_DENIED, "another organization's server");
    assert!(is_admitted(&rcpt("192.0.2.1")));
}

#[test]
fn unknown_users_are_refused_to_own_servers_too_and_the_refusal_says_whose() {
    let session = stranger().at("192.0.2.1").standing(RecipientStanding::Unknown);
    let Admission::Refused {
        reply, organization, ..
    } = session.to(&directory(), "acme.example")
    else {
        panic!("admitted");
    };
    assert_eq!(
        (reply.to_string().as_str(), organization),
        ("550 5.1.1 no such user here", Some(name("acme")))
    );
}

/// Behaviour 21: who forgets an intermediate is told what to look for, in the trace.
#[test]
fn of_a_certificate_that_is_not_taken_the_trace_says_why() {
    let incomplete = CertificateFault::IncompleteChain("CN=Example CA".to_owned());
    let facts = tls(&[ACME], &Verdict::Fails(incomplete));
    for (from, reply) in [("elsewhere.example", RELAY_DENIED), ("acme.example", NOT_ATTRIBUTED)] {
        let refused = stranger()
            .from(from)
            .under(facts.clone())
            .to(&directory(), "elsewhere.example");
        assert_eq!(told(&refused), reply);
        assert_eq!(
            refused.stated()[0].text,
            "the recipient is elsewhere, and the client may not relay: its certificate has the name that connector \
             acme/cert looks for, but incomplete chain: the certificate of its issuer \"CN=Example CA\" was not \
             presented and is not among the trust anchors (RFC 5321 §7.8)"
        );
    }
    let by_address = stranger().at("192.0.2.1").from("acme.example").under(facts);
    assert!(
        is_admitted(&by_address.to(&directory(), "elsewhere.example")),
        "the address does as well"
    );
}
