//! What fits in a directory and what does not, and what it answers.

mod drafts;
mod exceptions;
mod faults;
mod rules;
mod selection;

use sekisho_mail::{
    AnchorSetId, CertificateFacts, Check, ClientCertificateFate, Digest, KeyProof, Timestamp, TlsFacts, TlsVersion,
};

use super::{samples::*, *};

fn tls(names: &[&str], key: KeyProof) -> TlsFacts {
    TlsFacts {
        version: TlsVersion::Tls13,
        suite: String::new(),
        group: String::new(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: vec![CertificateFacts {
            sha256: Digest([1; 32]),
            spki_sha256: KEY,
            subject: String::new(),
            issuer: String::new(),
            dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
            common_name: None,
            not_before: Timestamp::EPOCH,
            not_after: Timestamp::FAR_FUTURE,
            key: "P-256".to_owned(),
            not_for_clients: false,
        }],
        key,
        verdicts: Vec::new(),
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    }
}

#[test]
fn a_directory_lists_what_it_was_built_from_disabled_ones_too() {
    let parts = three_organizations()
        .inbound([own("acme/relay")
            .named("mail.acme.example")
            .with(|connector| connector.enabled = false)])
        .outbound([outbound("acme/out", &["*"])]);
    let (directory, warnings) = Directory::build(7, parts).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(directory.version(), 7);
    assert_eq!((directory.organizations().len(), directory.domains().len()), (3, 4));
    assert_eq!((directory.inbound().len(), directory.outbound().len()), (1, 1));
    assert!(!directory.inbound_connector(&key("acme/relay")).unwrap().enabled);
    assert!(directory.outbound_connector(&key("acme/out")).unwrap().enabled);
    assert!(directory.outbound_connector(&key("beta/out")).is_none());
    let owner = directory.domain(&domain("sales.acme.example")).unwrap();
    assert_eq!(owner.organization, name("acme"));
    assert!(
        directory.domain(&domain("hr.acme.example")).is_none(),
        "a domain, and none below it"
    );
}

#[test]
fn a_chain_is_asked_about_for_connectors_that_its_names_could_identify_and_for_the_record() {
    let directory = three_organizations()
        .inbound([
            own("acme/relay").named("*.acme.example"),
            own("beta/relay")
                .named("mail.beta.example")
                .with(|connector| connector.anchors = anchors("beta")),
            partner("acme/bank", &["bank.example"]).named("mail.bank.example"),
            partner("beta/bank", &["bank.example"])
                .named("*.bank.example")
                .with(|connector| connector.anchors = anchors("bank")),
            partner("acme/pinned", &["pin.example"])
                .named("mail.pin.example")
                .with(|connector| connector.pins = vec![KEY]),
            partner("beta/pinned", &["pin.example"])
                .named("mail.pin.example")
                .with(|connector| {
                    connector.pins = vec![KEY];
                    connector.anchors = anchors("pins");
                }),
            partner("acme/off", &["off.example"])
                .named("mail.off.example")
                .with(|connector| connector.enabled = false),
        ])
        .build();
    let sets = |names: &[&str]| -> Vec<AnchorSetId> {
        let checks = directory.client_checks(&tls(names, KeyProof::Proven));
        let sets = checks.into_iter().map(|check| match check {
            Check::Path { anchors } => anchors,
            Check::Name { .. } => panic!("names are compared here"),
            Check::Revocation { .. } => panic!("no connector asks for it"),
        });
        sets.collect()
    };
    assert_eq!(sets(&["mail.acme.example"]), [AnchorSetId::system()]);
    assert_eq!(
        sets(&["*.acme.example", "mail.beta.example"]),
        [AnchorSetId::system(), anchors("beta")]
    );
    assert_eq!(sets(&["mail.bank.example"]), [AnchorSetId::system(), anchors("bank")]);
    assert_eq!(sets(&["*.bank.example"]), [AnchorSetId::system(), anchors("bank")]);
    assert_eq!(sets(&["a.b.bank.example"]), [anchors("bank"), AnchorSetId::system()]);
    assert_eq!(
        sets(&["mail.pin.example"]),
        [anchors("pins"), AnchorSetId::system()],
        "a pin alone needs no path"
    );
    for names in [
        &[][..],
        &["mail.off.example"],
        &["mx.example.org"],
        &["acme.example.evil"],
    ] {
        assert_eq!(sets(names), [AnchorSetId::system()], "for the record alone: {names:?}");
    }
    let unproven = tls(&["mail.acme.example"], KeyProof::NotProven("odd".to_owned()));
    assert!(directory.client_checks(&unproven).is_empty());
    let mut without = tls(&[], KeyProof::Proven);
    without.chain.clear();
    assert!(directory.client_checks(&without).is_empty());
}

/// The index that answers for all connectors and the question to one connector are two pieces of code.
#[test]
fn names_are_found_by_the_index_as_the_connector_would_match_them() {
    let names = [
        "acme.example",
        "mail.acme.example",
        "a.b.acme.example",
        "*.acme.example",
        "*.mail.acme.example",
        "example",
        "*.example",
        "badacme.example",
        "MAIL.Acme.Example",
        "mail.acme.example.",
        "**.acme.example",
        "m*.acme.example",
        "*",
        "",
        "bücher.example",
    ];
    for configured in [
        "mail.acme.example",
        "*.acme.example",
        "acme.example",
        "*.example",
        "*.mail.acme.example",
    ] {
        let configured: CertificateName = configured.parse().unwrap();
        let mut index = NameIndex::default();
        index.insert(&configured, ());
        for presented in names {
            let mut found = 0;
            index.for_each_match(presented, |_, ()| found += 1);
            let expected = usize::from(configured.is_matched_by(presented));
            assert_eq!(found, expected, "{presented:?} for {configured}");
        }
    }
    for (configured, presented, is_match) in [
        ("mail.acme.example", "mail.acme.example", true),
        ("mail.acme.example", "*.acme.example", true),
        ("acme.example", "*.acme.example", false),
        ("*.acme.example", "acme.example", true),
        ("*.acme.example", "*.acme.example", true),
        ("*.acme.example", "a.b.acme.example", true),
        ("*.acme.example", "*.example", false),
        ("*.acme.example", "badacme.example", false),
        ("mail.acme.example", "MAIL.Acme.Example", true),
        ("mail.acme.example", "m*.acme.example", false),
        ("*.acme.example", "**.acme.example", false),
    ] {
        let configured: CertificateName = configured.parse().unwrap();
        assert_eq!(
            configured.is_matched_by(presented),
            is_match,
            "{presented} for {configured}"
        );
    }
}

#[test]
fn an_address_is_found_in_every_network_that_holds_it_the_smallest_first() {
    let mut index = AddressIndex::default();
    for network in [
        "192.0.2.0/24",
        "192.0.2.7",
        "0.0.0.0/0",
        "192.0.0.0/16",
        "2001:db8::/32",
        "::/0",
    ] {
        index.insert(network.parse().unwrap(), network);
    }
    let found = |address: &str| -> Vec<&str> {
        let address = address.parse().unwrap();
        index.matching(address).flatten().copied().collect()
    };
    assert_eq!(
        found("192.0.2.7"),
        ["192.0.2.7", "192.0.2.0/24", "192.0.0.0/16", "0.0.0.0/0"]
    );
    assert_eq!(found("::ffff:192.0.2.8"), ["192.0.2.0/24", "192.0.0.0/16", "0.0.0.0/0"]);
    assert_eq!(found("203.0.113.1"), ["0.0.0.0/0"]);
    assert_eq!(found("2001:db8::1"), ["2001:db8::/32", "::/0"]);
    assert_eq!(found("::1"), ["::/0"]);
}
