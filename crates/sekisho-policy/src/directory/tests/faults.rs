//! Every rule by which a directory is refused, and every warning, each at its place and field.

use sekisho_mail::KeyExchangeGroups;

use super::*;

fn with_inbound(connector: InboundConnector) -> Parts {
    three_organizations().inbound([connector])
}

fn with_outbound(connector: OutboundConnector) -> Parts {
    three_organizations().outbound([connector])
}

/// A fault where it must be, and none where it must not.
fn is_refused_at(wrong: Parts, right: Parts, places: &[&str]) {
    assert_eq!(wrong.faults(), places);
    Directory::build(1, right).unwrap();
}

#[test]
fn every_fault_is_named_at_once_with_place_reason_and_remedy() {
    let mut parts = three_organizations()
        .inbound([partner("acme/bank", &[])])
        .outbound([outbound("nobody/out", &["*"])]);
    parts.organizations.remove(0);
    parts.domains.push(accepted("nobody", "nobody.example"));
    parts.domains.retain(|domain| domain.organization.as_str() != "default");
    assert_eq!(
        parts.clone().faults(),
        [
            "organization default, ",
            "domain nobody.example, organization",
            "inbound connector acme/bank, sender_domains",
            "outbound connector nobody/out, organization",
        ]
    );
    let faults = Directory::build(1, parts).unwrap_err();
    assert_eq!(
        faults[1].to_string(),
        "domain nobody.example, organization: there is no organization nobody; add the organization first, or name \
         another one"
    );
}

#[test]
fn a_domain_and_an_organization_stand_once() {
    let mut parts = three_organizations();
    parts.organizations.push(Organization::new(name("acme")));
    parts.domains.push(AcceptedDomain {
        check: RecipientCheck::None,
        final_refusal: FinalRefusal::Hold,
        origin: Origin::File("local.domains[0]".to_owned()),
        ..accepted("default", "acme.example")
    });
    let faults = Directory::build(1, parts).unwrap_err();
    assert_eq!((faults.len(), faults[0].place.as_str()), (2, "organization acme"));
    assert_eq!(
        faults[1].reason,
        "it is accepted twice: for acme (directory) and for default (sekisho.toml, local.domains[0])"
    );
}

#[test]
fn v1_internal_mail_comes_from_own_servers() {
    let internal = |connector: InboundConnector| connector.with(|one| one.treat_messages_as_internal = true);
    is_refused_at(
        with_inbound(internal(partner("acme/bank", &["bank.example"]))),
        with_inbound(internal(own("acme/relay").at(&["192.0.2.1"]))),
        &["inbound connector acme/bank, treat_messages_as_internal"],
    );
}

#[test]
fn v2_a_partners_restrictions_are_not_set_where_they_would_not_be_looked_at() {
    let wrong = own("acme/relay")
        .named("mail.acme.example")
        .at(&["192.0.2.1"])
        .restricting()
        .with(|one| {
            one.sender_domains = vec!["acme.example".parse().unwrap()];
            one.trusted_organizations = vec![name("beta")];
        });
    let right = own("acme/relay")
        .named("mail.acme.example")
        .at(&["192.0.2.1"])
        .with(|one| {
            one.sender_domains = vec![DomainScope::Everything];
            one.require_tls = true;
        });
    is_refused_at(
        with_inbound(wrong),
        with_inbound(right),
        &[
            "inbound connector acme/relay, restrict_domains_to_certificate",
            "inbound connector acme/relay, restrict_domains_to_ip_addresses",
            "inbound connector acme/relay, trusted_organizations",
            "inbound connector acme/relay, sender_domains",
        ],
    );
}

#[test]
fn v3_a_restriction_to_a_certificate_names_one() {
    let restricted = |connector: InboundConnector| connector.with(|one| one.restrict_domains_to_certificate = true);
    is_refused_at(
        with_inbound(restricted(partner("acme/bank", &["bank.example"]))),
        with_inbound(restricted(
            partner("acme/bank", &["bank.example"]).named("mail.bank.example"),
        )),
        &["inbound connector acme/bank, restrict_domains_to_certificate"],
    );
}

#[test]
fn v4_a_restriction_to_addresses_names_some_and_large_networks_are_marked() {
    let restricted = |connector: InboundConnector| connector.with(|one| one.restrict_domains_to_ip_addresses = true);
    is_refused_at(
        with_inbound(restricted(partner("acme/bank", &["bank.example"]))),
        with_inbound(restricted(
            partner("acme/bank", &["bank.example"]).at(&["2001:db8::/32"]),
        )),
        &["inbound connector acme/bank, restrict_domains_to_ip_addresses"],
    );
    const WIDE: &str = "a network is larger than /24, the largest that Exchange Online takes (V4)";
    const V6: &str = "an address is IPv6, which Exchange Online does not take (V4)";
    for (networks, marks) in [
        (&["192.0.2.0/24", "192.0.2.1"][..], &[][..]),
        (&["192.0.2.0/24", "192.0.2.0/23"], &[WIDE]),
        (&["2001:db8::1", "2001:db8::/32"], &[V6]),
        (&["2001:db8::/32", "192.0.2.0/23"], &[WIDE, V6]),
    ] {
        let of_partner = partner("acme/bank", &["bank.example"]).at(networks).restricting();
        for connector in [of_partner, own("acme/relay").at(networks)] {
            assert_eq!(reasons_of_warnings(with_inbound(connector)), marks, "{networks:?}");
        }
    }
}

fn reasons_of_warnings(parts: Parts) -> Vec<String> {
    let (_, warnings) = Directory::build(1, parts).unwrap();
    warnings.into_iter().map(|warning| warning.reason).collect()
}

#[test]
fn v5_a_certificate_and_addresses_in_one_partners_connector_are_warned_of() {
    const ADDRESSES: &str = "the addresses are looked at and not demanded";
    const CERTIFICATE: &str = "the certificate is looked at and not demanded";
    let addresses_beside = format!("{ADDRESSES}, and a certificate's name stands beside them (V5)");
    let certificate_beside = format!("{CERTIFICATE}, and addresses stand beside it (V5)");
    let bare = || partner("acme/bank", &["bank.example"]);
    let named = || bare().named("mail.bank.example");
    let placed = |connector: InboundConnector| connector.at(&["192.0.2.1"]);
    let to_certificate = |connector: InboundConnector| connector.with(|one| one.restrict_domains_to_certificate = true);
    let to_addresses = |connector: InboundConnector| connector.with(|one| one.restrict_domains_to_ip_addresses = true);
    for (connector, warned) in [
        (bare(), vec![]),
        (to_certificate(named()), vec![]),
        (to_addresses(placed(bare())), vec![]),
        (named(), vec![CERTIFICATE]),
        (placed(bare()), vec![ADDRESSES]),
        (to_certificate(placed(named())), vec![&*addresses_beside]),
        (to_addresses(placed(named())), vec![&*certificate_beside]),
        (placed(named()), vec![&*certificate_beside, &*addresses_beside]),
        (
            to_certificate(to_addresses(placed(named()))),
            vec!["it restricts to a certificate and to addresses: both must hold (V5)"],
        ),
    ] {
        assert_eq!(
            reasons_of_warnings(with_inbound(connector.clone())),
            warned,
            "{connector:?}"
        );
    }
    // An own server may be known by either.
    let own = own("acme/relay").named("mail.acme.example").at(&["192.0.2.1"]);
    assert!(with_inbound(own).warnings().is_empty());
}

#[test]
fn v6_one_that_accepts_beside_one_that_restricts_is_warned_of() {
    let restricting = |scope: &str| partner("acme/lock", &[scope]).at(&["192.0.2.1"]).restricting();
    let accepting = |scope: &str| partner("acme/bank", &["elsewhere.example", scope]);
    let warned = |restricting: InboundConnector, accepting: InboundConnector| {
        !three_organizations()
            .inbound([accepting, restricting])
            .warnings()
            .is_empty()
    };
    // Each scope beside each; the table is the same read either way.
    let scopes = [
        "bank.example",
        "*.bank.example",
        "sales.bank.example",
        "*.sales.bank.example",
        "bank.test",
        "*",
    ];
    let overlaps = [
        [true, true, false, false, false, true],
        [true, true, true, true, false, true],
        [false, true, true, true, false, true],
        [false, true, true, true, false, true],
        [false, false, false, false, true, true],
        [true, true, true, true, true, true],
    ];
    for (restricted, row) in scopes.iter().zip(overlaps) {
        for (accepted, overlap) in scopes.iter().zip(row) {
            assert_eq!(
                warned(restricting(restricted), accepting(accepted)),
                overlap,
                "{accepted} beside {restricted}"
            );
        }
    }
    let lock = || restricting("*.bank.example");
    assert!(
        !warned(lock(), partner("beta/bank", &["bank.example"])),
        "another organization's"
    );
    assert!(!warned(
        lock().with(|one| one.enabled = false),
        accepting("bank.example")
    ));
    for (ours, theirs, overlap) in [
        (&["acme.example"][..], &["sales.acme.example"][..], false),
        (&["acme.example"], &["sales.acme.example", "acme.example"], true),
        (&[], &["acme.example"], true),
        (&["acme.example"], &[], true),
    ] {
        let (lock, bank) = (lock().limited_to(ours), accepting("bank.example").limited_to(theirs));
        assert_eq!(warned(lock, bank), overlap, "{ours:?} and {theirs:?}");
    }
}

/// Five thousand that restrict beside five thousand that accept, for the same senders and never the same recipients.
#[test]
fn v6_is_looked_up_among_ten_thousand_connectors() {
    let restricting = (0..5_000).map(|number| {
        partner(&format!("acme/lock-{number}"), &["*"])
            .at(&["192.0.2.1"])
            .restricting()
            .limited_to(&["acme.example"])
    });
    let accepting =
        (0..5_000).map(|number| partner(&format!("acme/bank-{number}"), &["*"]).limited_to(&["sales.acme.example"]));
    let parts = three_organizations().inbound(restricting.chain(accepting));
    assert!(parts.warnings().is_empty());
}

#[test]
fn v7_both_types_may_have_the_same_certificate_and_addresses() {
    let own_one = own("acme/relay").named("mail.acme.example").at(&["192.0.2.1"]);
    let partners = partner("acme/filter", &["*"])
        .named("mail.acme.example")
        .at(&["192.0.2.1"]);
    let parts = three_organizations().inbound([
        own_one,
        partners.clone(),
        partners.with(|one| one.key = key("beta/filter")),
    ]);
    Directory::build(1, parts).unwrap();
}

#[test]
fn v8_what_only_own_servers_can_have_needs_their_type() {
    let set = |one: &mut OutboundConnector| {
        one.all_accepted_domains = true;
        one.route_all_messages_via_on_premises = true;
        one.cloud_services_mail_enabled = true;
        one.smart_hosts = vec![SmartHost::Host(domain("hub.acme.example").into(), 25)];
    };
    is_refused_at(
        with_outbound(outbound("acme/out", &["*"]).with(set)),
        with_outbound(
            outbound("acme/out", &["*"])
                .with(set)
                .with(|one| one.kind = ConnectorType::OnPremises),
        ),
        &[
            "outbound connector acme/out, all_accepted_domains",
            "outbound connector acme/out, route_all_messages_via_on_premises",
            "outbound connector acme/out, cloud_services_mail_enabled",
        ],
    );
}

#[test]
fn v1_headers_that_say_what_is_internal_leave_no_room_for_a_connector_that_does() {
    let own = || own("acme/in").at(&["192.0.2.1"]);
    is_refused_at(
        with_inbound(own().with(|one| {
            one.cloud_services_mail_enabled = true;
            one.treat_messages_as_internal = true;
        })),
        with_inbound(own().with(|one| one.cloud_services_mail_enabled = true)),
        &["inbound connector acme/in, treat_messages_as_internal"],
    );
    let partner = || partner("acme/bank", &["bank.example"]);
    is_refused_at(
        with_inbound(partner().with(|one| one.cloud_services_mail_enabled = true)),
        with_inbound(partner()),
        &["inbound connector acme/bank, cloud_services_mail_enabled"],
    );
}

#[test]
fn the_way_of_all_mail_is_one_leads_to_a_named_server_and_is_no_rules() {
    let central = |text: &str| {
        outbound(text, &[]).with(|one| {
            one.kind = ConnectorType::OnPremises;
            one.route_all_messages_via_on_premises = true;
            one.smart_hosts = vec![SmartHost::Host(domain("hub.acme.example").into(), 25)];
        })
    };
    is_refused_at(
        three_organizations().outbound([central("acme/one"), central("acme/two")]),
        three_organizations().outbound([
            central("acme/one"),
            central("acme/two").with(|one| one.enabled = false),
            central("beta/one"),
        ]),
        &["outbound connector acme/two, route_all_messages_via_on_premises"],
    );
    let without_hosts = central("acme/one").with(|one| one.smart_hosts.clear());
    assert_eq!(
        with_outbound(without_hosts).faults(),
        ["outbound connector acme/one, smart_hosts"]
    );
    let of_a_rule = central("acme/one").with(|one| one.is_transport_rule_scoped = true);
    assert_eq!(
        with_outbound(of_a_rule).faults(),
        ["outbound connector acme/one, is_transport_rule_scoped"]
    );
    let with_domains = outbound("acme/rule", &["*"]).with(|one| one.is_transport_rule_scoped = true);
    assert_eq!(
        with_outbound(with_domains).warnings(),
        ["outbound connector acme/rule, is_transport_rule_scoped"]
    );
}

/// V9 asks for a smart host where the MX records are not used: without one they are.
#[test]
fn v9_without_smart_hosts_the_mx_records_are_used_and_a_hop_has_a_port() {
    let to = |port| {
        let hop = SmartHost::Mx(domain("hop.example"), port);
        with_outbound(outbound("acme/out", &["*"]).with(|one| one.smart_hosts = vec![hop]))
    };
    is_refused_at(to(0), to(25), &["outbound connector acme/out, smart_hosts"]);
    Directory::build(1, with_outbound(outbound("acme/out", &["*"]))).unwrap();
}

#[test]
fn v10_names_go_with_domain_validation_and_domain_validation_by_smart_host_with_names() {
    let of = |settings, names: &[&str], hops: &[&str]| {
        with_outbound(outbound("acme/out", &["*"]).with(|one| {
            one.tls_settings = settings;
            one.tls_domains = names.iter().map(|name| name.parse().unwrap()).collect();
            one.smart_hosts = hops.iter().map(|hop| hop.parse().unwrap()).collect();
        }))
    };
    let by_name = TlsSettings::DomainValidation;
    for wrong in [
        of(TlsSettings::CertificateValidation, &["bank.example"], &[]),
        of(TlsSettings::Opportunistic, &["bank.example"], &[]),
        of(by_name, &[], &["mail.bank.example"]),
        of(by_name, &[], &["mx:bank.example"]),
    ] {
        assert_eq!(wrong.faults(), ["outbound connector acme/out, tls_domain"]);
    }
    for right in [
        of(by_name, &["*.bank.example"], &["mail.bank.example"]),
        of(by_name, &[], &[]),
        of(TlsSettings::EncryptionOnly, &[], &["mail.bank.example"]),
    ] {
        Directory::build(1, right).unwrap();
    }
}

#[test]
fn smart_hosts_without_a_name_are_warned_of_where_the_organization_demands_one() {
    let warned = |level, connector| {
        let parts = with_outbound(connector);
        parts
            .settings("acme", |acme| acme.require_tls_outbound = level)
            .warnings()
    };
    let smart = || {
        outbound("acme/out", &["*"])
            .with(|one| one.smart_hosts = vec![SmartHost::Host("mail.acme.example".parse().unwrap(), 25)])
    };
    let expected = ["outbound connector acme/out, tls_domain"];
    assert_eq!(warned(TlsSettings::DomainValidation, smart()), expected);
    assert_eq!(warned(TlsSettings::CertificateValidation, smart()), [""; 0]);
    assert_eq!(
        warned(TlsSettings::DomainValidation, outbound("acme/out", &["*"])),
        [""; 0]
    );
    let named = smart().with(|one| {
        one.tls_settings = TlsSettings::DomainValidation;
        one.tls_domains = vec!["mail.acme.example".parse().unwrap()];
    });
    assert_eq!(warned(TlsSettings::DomainValidation, named), [""; 0]);
}

#[test]
fn v12_who_trusts_organizations_says_nothing_else() {
    let wrong = trusting("acme/friends", &["beta"])
        .named("mail.bank.example")
        .at(&["192.0.2.1"])
        .restricting()
        .limited_to(&["acme.example"])
        .with(|one| {
            one.sender_domains = vec![DomainScope::Everything];
            one.treat_messages_as_internal = true;
            one.cloud_services_mail_enabled = true;
            one.floor.groups = Some(KeyExchangeGroups::HYBRID);
            one.floor.min_version = TlsVersion::Tls13;
            one.server_auth_certificates = false;
        });
    let fields = [
        "sender_domains",
        "sender_ip_addresses",
        "tls_sender_certificate_name",
        "restrict_domains_to_certificate",
        "restrict_domains_to_ip_addresses",
        "associated_accepted_domains",
        "treat_messages_as_internal",
        "cloud_services_mail_enabled",
        "min_tls_version",
        "key_exchange_groups",
        "server_auth_certificates",
    ];
    let places = fields.map(|field| format!("inbound connector acme/friends, {field}"));
    assert_eq!(with_inbound(wrong).faults(), places);
    Directory::build(1, with_inbound(trusting("acme/friends", &["beta"]))).unwrap();
    for organization in ["nobody", "acme"] {
        let faults = with_inbound(trusting("acme/friends", &[organization])).faults();
        assert_eq!(faults, ["inbound connector acme/friends, trusted_organizations"]);
    }
}

#[test]
fn v13_names_are_short_and_stand_once_in_their_organization_and_direction() {
    let long = "a".repeat(65);
    for bad in ["", "a\nb", &long] {
        let faults = with_outbound(outbound(&format!("acme/{bad}"), &["*"])).faults();
        assert_eq!(faults, [format!("outbound connector acme/{bad}, name")]);
        let faults = with_inbound(partner(&format!("acme/{bad}"), &["*"])).faults();
        assert_eq!(faults, [format!("inbound connector acme/{bad}, name")]);
    }
    let twice = three_organizations()
        .inbound([partner("acme/a", &["a.example"]), partner("acme/a", &["b.example"])])
        .outbound([outbound("acme/a", &["a.example"]), outbound("acme/a", &["b.example"])]);
    assert_eq!(
        twice.faults(),
        ["inbound connector acme/a, name", "outbound connector acme/a, name"]
    );
    let letters = "ü".repeat(64);
    let apart = three_organizations()
        .inbound([partner("acme/a", &["a.example"]), partner("beta/a", &["a.example"])])
        .outbound([outbound("acme/a", &["*"]), outbound(&format!("beta/{letters}"), &["*"])]);
    Directory::build(1, apart).unwrap();
}

#[test]
fn v14_a_partners_connector_restricts_something() {
    let free = || partner("acme/bank", &["bank.example"]).with(|one| one.require_tls = false);
    is_refused_at(
        with_inbound(free()),
        with_inbound(free().at(&["192.0.2.1"]).restricting()),
        &["inbound connector acme/bank, require_tls"],
    );
    Directory::build(
        1,
        with_inbound(trusting("acme/friends", &["beta"]).with(|one| one.require_tls = false)),
    )
    .unwrap();
}

#[test]
fn what_would_never_be_looked_at_is_refused() {
    let unnamed = partner("acme/bank", &["bank.example"]).with(|one| {
        one.anchors = anchors("bank");
        one.pins = vec![KEY];
        one.issuers = vec![IssuerPattern {
            attributes: vec!["O=Bank".to_owned()],
        }];
    });
    let fields = ["trust_anchors", "issuers", "pins"].map(|field| format!("inbound connector acme/bank, {field}"));
    assert_eq!(with_inbound(unnamed.clone()).faults(), fields);
    Directory::build(1, with_inbound(unnamed.named("mail.bank.example"))).unwrap();
    for attributes in [vec![], vec!["Bank".to_owned()], vec!["=Bank".to_owned()]] {
        let issuers = vec![IssuerPattern { attributes }];
        let odd = partner("acme/bank", &["bank.example"])
            .named("bank.example")
            .with(|one| one.issuers = issuers);
        assert_eq!(with_inbound(odd).faults(), ["inbound connector acme/bank, issuers"]);
    }
    for settings in [TlsSettings::Opportunistic, TlsSettings::EncryptionOnly] {
        let anchored = outbound("acme/out", &["*"]).with(|one| {
            one.tls_settings = settings;
            one.anchors = anchors("bank");
        });
        assert_eq!(
            with_outbound(anchored).faults(),
            ["outbound connector acme/out, trust_anchors"]
        );
    }
    let foreign =
        partner("acme/bank", &["bank.example"]).limited_to(&["acme.example", "beta.example", "x.acme.example"]);
    let field = "inbound connector acme/bank, associated_accepted_domains";
    assert_eq!(with_inbound(foreign).faults(), [field, field]);
}

#[test]
fn a_server_is_known_by_a_name_in_its_own_organizations_domains() {
    for right in [
        "acme.example",
        "*.acme.example",
        "mail.acme.example",
        "a.b.acme.example",
        "*.sales.acme.example",
    ] {
        Directory::build(1, with_inbound(own("acme/relay").named(right))).unwrap();
    }
    for wrong in ["mail.beta.example", "*.example", "badacme.example", "mail.bank.example"] {
        let faults = with_inbound(own("acme/relay").named(wrong)).faults();
        assert_eq!(
            faults,
            ["inbound connector acme/relay, tls_sender_certificate_name"],
            "{wrong}"
        );
    }
    let mut below = with_inbound(own("acme/relay").named("mail.sub.acme.example"));
    below.domains.push(accepted("beta", "sub.acme.example"));
    let faults = below.faults();
    assert_eq!(
        faults,
        ["inbound connector acme/relay, tls_sender_certificate_name"],
        "another's domain below"
    );
}

#[test]
fn a_servers_certificate_name_stands_once_even_in_a_disabled_connector() {
    let first = || {
        own("acme/one")
            .named("mail.acme.example")
            .with(|one| one.enabled = false)
    };
    let second = |name: &str| own("acme/two").named(name);
    is_refused_at(
        three_organizations().inbound([first(), second("mail.acme.example")]),
        three_organizations().inbound([first(), second("*.mail.acme.example")]),
        &["inbound connector acme/two, tls_sender_certificate_name"],
    );
    let mut across = three_organizations().inbound([first(), own("beta/one").named("mail.acme.example")]);
    across.domains.push(accepted("beta", "mail.acme.example"));
    let faults = Directory::build(1, across).unwrap_err();
    assert!(
        faults.iter().all(|fault| !fault.reason.contains("acme/one")),
        "no names of another organization: {faults:?}"
    );
    assert!(!faults.is_empty());
}

#[test]
fn two_outbound_connectors_that_are_equally_specific_are_refused() {
    let accepting = |text: &str| {
        outbound(text, &[]).with(|one| {
            one.kind = ConnectorType::OnPremises;
            one.all_accepted_domains = true;
        })
    };
    for scope in ["bank.example", "*.bank.example", "*"] {
        let first = || outbound("acme/one", &["one.example", scope]);
        let second = || outbound("acme/two", &["two.example", scope]);
        let faults = three_organizations().outbound([first(), second()]).faults();
        assert_eq!(faults, ["outbound connector acme/two, recipient_domains"], "{scope}");
        for apart in [
            second().with(|one| one.enabled = false),
            second().with(|one| one.is_transport_rule_scoped = true),
            second().with(|one| one.key = key("beta/two")),
            outbound("acme/two", &["*.a.bank.example", "a.bank.example"]),
        ] {
            Directory::build(1, three_organizations().outbound([first(), apart])).unwrap();
        }
    }
    let faults = three_organizations()
        .outbound([accepting("acme/one"), accepting("acme/two")])
        .faults();
    assert_eq!(faults, ["outbound connector acme/two, all_accepted_domains"]);
    let same_twice = outbound("acme/one", &["bank.example", "bank.example"]);
    Directory::build(1, with_outbound(same_twice)).unwrap();
}

#[test]
fn what_has_no_effect_or_an_odd_one_is_warned_of() {
    let inbound_warned = |connector: InboundConnector| with_inbound(connector).warnings();
    assert_eq!(
        inbound_warned(own("acme/relay")),
        ["inbound connector acme/relay, tls_sender_certificate_name"]
    );
    assert_eq!(
        inbound_warned(partner("acme/bank", &["bank.example"]).named("bank.example")),
        ["inbound connector acme/bank, tls_sender_certificate_name"]
    );
    let floor_in_the_clear = own("acme/relay")
        .at(&["192.0.2.1"])
        .with(|one| one.floor.min_version = TlsVersion::Tls13);
    assert_eq!(
        inbound_warned(floor_in_the_clear),
        ["inbound connector acme/relay, min_tls_version"]
    );
    let outbound_warned = |connector: OutboundConnector| with_outbound(connector).warnings();
    assert_eq!(
        outbound_warned(outbound("acme/out", &[])),
        ["outbound connector acme/out, recipient_domains"]
    );
    assert_eq!(
        outbound_warned(outbound("acme/out", &["*"]).with(|one| one.pins = vec![KEY])),
        ["outbound connector acme/out, tls_settings"]
    );
}
