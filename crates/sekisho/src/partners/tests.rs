//! What is learnt, kept and given up, and what is suggested of it.

use sekisho_api::{MinTlsVersion, PartnerTraffic, TlsSettings};
use sekisho_mail::{
    AnchorSetId, CertificateFacts, CertificateFault, ChannelSecurity, Check, ClientCertificateFate, Digest, KeyProof,
    PlaintextCause, TlsFacts, TlsVersion, Verdict,
};
use sekisho_store::model::{ModelDisk, ModelSettings};

use super::{
    record::{Counts, Seen},
    *,
};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn plain() -> ChannelSecurity {
    ChannelSecurity::Plaintext(PlaintextCause::NotAsked)
}

/// TLS 1.3 with a certificate of this number and these names.
fn tls(number: u8, names: &[&str], verdict: Verdict) -> ChannelSecurity {
    let path = Check::Path {
        anchors: AnchorSetId::system(),
    };
    let leaf = CertificateFacts {
        common_name: None,
        sha256: Digest([number; 32]),
        spki_sha256: Digest([number; 32]),
        subject: String::new(),
        issuer: "C=CH, O=Example Trust, Inc., CN=Issuing CA".to_owned(),
        dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
        not_before: Timestamp::EPOCH,
        not_after: NOW.plus(FORGET_AFTER),
        key: "P-256".to_owned(),
        not_for_clients: false,
    };
    ChannelSecurity::Tls(Box::new(TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        group: TlsVersion::HYBRID_GROUP.to_owned(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: vec![leaf],
        key: KeyProof::Proven,
        verdicts: vec![(path, verdict)],
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    }))
}

fn good(number: u8, names: &[&str]) -> ChannelSecurity {
    tls(number, names, Verdict::Holds)
}

fn older(security: ChannelSecurity, version: TlsVersion, group: &str) -> ChannelSecurity {
    let ChannelSecurity::Tls(mut tls) = security else {
        return security;
    };
    tls.version = version;
    tls.group = group.to_owned();
    ChannelSecurity::Tls(tls)
}

/// What comes in from these addresses, one message over each.
fn traffic(seen: &[(&str, ChannelSecurity)]) -> PartnerTraffic {
    let mut traffic = None;
    for (client, security) in seen {
        let seen = Seen {
            security,
            host: None,
            client: Some(client.parse().unwrap()),
            found: None,
            at: NOW,
            counts: Counts::Message,
        };
        note(&mut traffic, &seen);
    }
    traffic.unwrap()
}

/// What goes out to these hosts by MX, likewise.
fn outbound(seen: &[(&str, ChannelSecurity)]) -> PartnerTraffic {
    let mut traffic = None;
    for (host, security) in seen {
        let seen = Seen {
            security,
            host: Some((host, 25)),
            client: None,
            found: Some(&Via::Mx { port: 25 }),
            at: NOW,
            counts: Counts::Message,
        };
        note(&mut traffic, &seen);
    }
    traffic.unwrap()
}

#[test]
fn a_certificate_with_a_name_longer_than_is_kept_is_remembered_once() {
    let long = format!("{}.example", "a".repeat(300));
    let security = good(1, &[&long]);
    let seen = traffic(&[("192.0.2.1", security.clone()), ("192.0.2.2", security)]);
    assert_eq!(seen.history.len(), 1);
    let host = format!("{}.example", "b".repeat(246));
    let seen = outbound(&[(&host, good(1, &[&long])), (&host, good(1, &[&long]))]);
    assert_eq!(seen.history.len(), 1);
}

fn partner(inbound: Option<PartnerTraffic>, outbound: Option<PartnerTraffic>) -> Partner {
    Partner {
        organization: "acme".to_owned(),
        domain: "bank.example".to_owned(),
        inbound,
        outbound,
    }
}

#[test]
fn connections_that_were_alike_are_one_and_the_best_and_worst_are_said() {
    let certified = good(1, &["mail.bank.example"]);
    let seen = traffic(&[
        ("192.0.2.1", plain()),
        ("192.0.2.1", certified.clone()),
        ("192.0.2.2", certified),
        (
            "192.0.2.2",
            older(good(1, &["mail.bank.example"]), TlsVersion::Tls12, "x25519"),
        ),
    ]);
    assert_eq!((seen.messages, seen.plaintext), (4, 1));
    assert_eq!(
        (seen.best.as_str(), seen.worst.as_str()),
        ("TLSv1.3 X25519MLKEM768", "plaintext")
    );
    let messages: Vec<u64> = seen.connections.iter().map(|one| one.messages).collect();
    assert_eq!(messages, [1, 2, 1]);
    assert_eq!(seen.connections[1].hosts, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!((seen.certificates.len(), seen.hosts.len()), (1, 2));
    assert_eq!((seen.hosts[0].messages, seen.hosts[0].plaintext), (2, 1));
}

#[test]
fn a_record_stays_bounded_and_still_says_what_tls_there_was() {
    let name = "x".repeat(60);
    let names: Vec<String> = (0..100)
        .map(|place| format!("{name}.{name}.{name}.n{place}.example"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut kept = partner(None, None);
    for number in 0..200u8 {
        let client = format!("192.0.2.{number}");
        let of_one = traffic(&[(&client, good(number, &names))]);
        let noted = partner(Some(of_one.clone()), Some(of_one));
        kept = merge(kept, noted, NOW);
    }
    let inbound = kept.inbound.as_ref().unwrap();
    assert_eq!(inbound.messages, 200);
    assert_eq!(inbound.connections.iter().map(|one| one.messages).sum::<u64>(), 200);
    assert!(
        inbound.connections.len() <= 25 && inbound.certificates.len() <= 8,
        "{inbound:#?}"
    );
    assert!(inbound.hosts.len() <= 32 && inbound.more_hosts);
    let suggestion = suggest(&kept);
    let connector = suggestion.inbound_connector.unwrap();
    assert_eq!(connector.min_tls_version, MinTlsVersion::Tls13);
    assert!(
        !connector.restrict_domains_to_certificate,
        "not all certificates are known"
    );
    assert!(body(kept).len() <= OBSERVATION_LEN_MAX);

    // In one go, between two times of writing.
    let clients: Vec<String> = (0..200).map(|place| format!("192.0.2.{place}")).collect();
    let many: Vec<(&str, ChannelSecurity)> = clients
        .iter()
        .zip(0u8..)
        .map(|(client, number)| (client.as_str(), good(number, &["x.example"])))
        .collect();
    let many = traffic(&many);
    assert!(many.connections.len() <= 25 && many.hosts.len() <= 32 && many.certificates.len() <= 8);
    assert_eq!(many.connections.iter().map(|one| one.messages).sum::<u64>(), 200);
}

#[test]
fn what_is_outdated_does_not_count_any_more() {
    let before = partner(Some(traffic(&[("192.0.2.1", plain())])), None);
    let later = NOW.plus(FORGET_AFTER).plus(Duration::from_secs(1));
    let mut noted = traffic(&[("192.0.2.2", good(1, &["mail.bank.example"]))]);
    noted.connections[0].last = later;
    noted.hosts[0].last = later;
    noted.certificates[0].last = later;
    let merged = merge(before, partner(Some(noted), None), later);
    assert_eq!(merged.inbound.as_ref().unwrap().worst, "TLSv1.3 X25519MLKEM768");
    assert!(suggest(&merged).inbound_connector.is_some());
}

#[test]
fn inbound_the_strictest_that_all_would_have_satisfied_is_suggested_with_what_more_would_break() {
    let named = traffic(&[
        ("192.0.2.1", good(1, &["mail.bank.example", "www.bank.example"])),
        ("192.0.2.2", good(2, &["mail.bank.example"])),
    ]);
    let connector = suggest(&partner(Some(named), None)).inbound_connector.unwrap();
    assert_eq!(
        connector.tls_sender_certificate_name.as_deref(),
        Some("mail.bank.example")
    );
    assert!(connector.restrict_domains_to_certificate);
    assert_eq!(connector.key_exchange_groups, ["X25519MLKEM768"]);
    assert_eq!(connector.issuers, [r"O=Example Trust\, Inc."]);
    assert!(connector.pins.is_empty() && connector.sender_ip_addresses.is_empty());

    let hosts = traffic(&[
        ("192.0.2.1", good(1, &["a.bank.example"])),
        ("192.0.2.2", good(2, &["b.bank.example"])),
    ]);
    let connector = suggest(&partner(Some(hosts), None)).inbound_connector.unwrap();
    assert_eq!(connector.tls_sender_certificate_name.as_deref(), Some("*.bank.example"));

    // Nobody knows whose all of co.example is.
    let strangers = traffic(&[
        ("192.0.2.1", good(1, &["bank.co.example"])),
        ("192.0.2.2", good(2, &["thief.co.example"])),
    ]);
    let connector = suggest(&partner(Some(strangers), None)).inbound_connector.unwrap();
    assert!(!connector.restrict_domains_to_certificate);

    let mixed = traffic(&[
        ("192.0.2.1", good(1, &["mail.bank.example"])),
        (
            "192.0.2.2",
            tls(2, &["mail.bank.example"], Verdict::Fails(CertificateFault::SelfSigned)),
        ),
        (
            "192.0.2.3",
            older(good(1, &["mail.bank.example"]), TlsVersion::Tls12, "x25519"),
        ),
    ]);
    let suggestion = suggest(&partner(Some(mixed), None));
    let connector = suggestion.inbound_connector.unwrap();
    assert_eq!(
        (connector.require_tls, connector.min_tls_version),
        (Some(true), MinTlsVersion::Tls12)
    );
    assert!(!connector.restrict_domains_to_certificate);
    let of = |field: &str| {
        let mut reasons = suggestion.reasons.iter();
        let reason = reasons.find(|reason| reason.field == field).unwrap();
        (
            reason.suggested,
            reason.breaks,
            reason.hosts.join(","),
            reason.why.as_str(),
        )
    };
    assert_eq!(
        of("min_tls_version"),
        (false, 1, "192.0.2.3".to_owned(), "1 of 3 messages were under TLS 1.2")
    );
    assert_eq!(
        of("restrict_domains_to_certificate"),
        (
            false,
            1,
            "192.0.2.2".to_owned(),
            "1 of 3 messages came with a self-signed certificate"
        )
    );

    let clear = traffic(&[("192.0.2.1", plain()), ("192.0.2.2", good(1, &["mail.bank.example"]))]);
    assert_eq!(suggest(&partner(Some(clear), None)).inbound_connector, None);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let issuer = || "CN=Example CA".to_owned();
    for (fault, words) in [
        (CertificateFault::SelfSigned, "a self-signed certificate"),
        (CertificateFault::Expired(Timestamp::EPOCH), "an expired certificate"),
        (
            CertificateFault::UntrustedIssuer(issuer()),
            "one from an issuer that the system does not trust",
        ),
        (
            CertificateFault::IncompleteChain(issuer()),
            "one whose issuer is not trusted by the system, nor was presented",
        ),
        (CertificateFault::BadSignature, "one that is not good for this"),
    ] {
        let bad = tls(1, &["mail.bank.example"], Verdict::Fails(fault));
        let suggestion = suggest(&partner(Some(traffic(&[("192.0.2.1", bad)])), None));
        let why = format!("1 of 1 messages came with {words}");
        let mut reasons = suggestion.reasons.iter();
        assert!(
            reasons.any(|reason| reason.why == why),
            "{why}: {:?}",
            suggestion.reasons
        );
    }
}

#[test]
fn outbound_the_level_the_names_and_the_way_are_those_of_all_mail() {
    let suggested = |traffic: PartnerTraffic| suggest(&partner(None, Some(traffic))).outbound_connector;
    let provider = outbound(&[
        (
            "mx1.mail.provider.example",
            good(1, &["mail.provider.example", "*.mail.provider.example"]),
        ),
        ("mx2.mail.provider.example", good(2, &["*.mail.provider.example"])),
    ]);
    let connector = suggested(provider).unwrap();
    assert_eq!(connector.tls_settings, TlsSettings::DomainValidation);
    assert_eq!(connector.tls_domain.as_deref(), Some("*.mail.provider.example"));
    assert!(connector.smart_hosts.is_empty());

    let two = outbound(&[
        ("mx1.one.example", good(1, &["mx1.one.example"])),
        ("mx1.two.example", good(2, &["mx1.two.example"])),
    ]);
    let connector = suggested(two).unwrap();
    assert_eq!(connector.tls_domains, ["mx1.one.example", "mx1.two.example"]);

    let expired = Verdict::Fails(CertificateFault::Expired(NOW));
    let connector = suggested(outbound(&[("mx.bank.example", tls(1, &["mx.bank.example"], expired))])).unwrap();
    assert_eq!(connector.tls_settings, TlsSettings::EncryptionOnly);

    let mut named = outbound(&[("mx.bank.example", good(1, &["mx.bank.example"]))]);
    named.hosts[0].found = Some("named".to_owned());
    assert_eq!(suggested(named.clone()).unwrap().smart_hosts, ["mx.bank.example:25"]);
    let by_mx = outbound(&[("mx.other.example", good(2, &["mx.bank.example"]))]);
    named.hosts.extend(by_mx.hosts);
    assert_eq!(suggested(named), None, "two ways");
    assert_eq!(suggested(outbound(&[("mx.bank.example", plain())])), None);
}

#[test]
fn invented_domains_go_first_and_never_take_the_place_of_one_to_which_mail_goes() {
    let kept = |worth, secs| Kept {
        worth,
        last: NOW.plus(Duration::from_secs(secs)),
    };
    let mut index = HashMap::new();
    for place in 0..PARTNERS_MAX as u64 {
        let worth = if place < 10 { Worth::ClearIn } else { Worth::Out };
        index.insert(format!("default/n{place}.example"), kept(worth, place));
    }
    let mut written = Vec::new();
    assert!(make_room(&mut index, Worth::ClearIn, &mut written));
    let mut given_up: Vec<&str> = written.iter().map(|one| one.key.as_str()).collect();
    given_up.sort_unstable();
    let invented: Vec<String> = (0..10).map(|place| format!("default/n{place}.example")).collect();
    assert_eq!(given_up, invented);
    assert!(written.iter().all(|one| one.at == Timestamp::EPOCH));
    for place in 0..10 {
        index.insert(format!("default/m{place}.example"), kept(Worth::Out, 0));
    }
    written.clear();
    assert!(
        !make_room(&mut index, Worth::In, &mut written),
        "all others are worth more"
    );
    assert!(written.is_empty());
    assert!(make_room(&mut index, Worth::Out, &mut written));
    assert_eq!(written.len(), GIVEN_UP_AT_A_TIME);
    assert!(
        written.iter().all(|one| !one.key.starts_with("default/n1999")),
        "the oldest go"
    );
}

#[tokio::test]
async fn what_was_noted_is_added_to_what_is_kept_and_forgotten_in_its_time() {
    let settings = ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    };
    let store = ModelDisk::new(settings).open(NOW).unwrap();
    let store = &*store;
    let note_one = |partners: &Partners, domain: &str, at: Timestamp| {
        let security = plain();
        let seen = Seen {
            security: &security,
            host: None,
            client: Some([192, 0, 2, 1].into()),
            found: None,
            at,
            counts: Counts::Message,
        };
        partners.note(
            &OrganizationName::FIRST,
            &Domain::parse(domain).unwrap(),
            Side::In,
            &seen,
        );
    };
    let now = clock::now();
    let partners = Partners::default();
    note_one(&partners, "bank.example", now);
    note_one(&partners, "bank.example2", now);
    partners.write(store).await.unwrap();
    // Another process begins with what is kept.
    let partners = Partners::default();
    note_one(&partners, "bank.example", now);
    note_one(
        &partners,
        "old.example",
        now.minus(FORGET_AFTER).minus(Duration::from_secs(1)),
    );
    partners.write(store).await.unwrap();
    let (all, next) = list(store, "default/", None, 10).await.unwrap();
    let messages = |partner: &Partner| partner.inbound.as_ref().map_or(0, |inbound| inbound.messages);
    let seen: Vec<(&str, u64)> = all.iter().map(|one| (one.domain.as_str(), messages(one))).collect();
    assert_eq!((seen, next), (vec![("bank.example", 2), ("bank.example2", 1)], None));
    for place in 0..NOTED_MAX + 10 {
        note_one(&partners, &format!("n{place}.example"), now);
    }
    partners.write(store).await.unwrap();
    let index = partners.kept.lock().await;
    assert_eq!(
        index.as_ref().map(|stock| stock.partners.len()),
        Some(NOTED_MAX + 2),
        "more were not noted"
    );
}

/// A chain of octets that are no certificates: they have digests all the same.
fn chain(certificates: &[&str]) -> PeerChain {
    let der = certificates.iter().map(|text| text.as_bytes().to_vec());
    PeerChain::kept(der.collect(), false)
}

fn model() -> Arc<dyn Store> {
    ModelDisk::new(ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    })
    .open(NOW)
    .unwrap()
}

/// Notes a chain as that of a partner to whom mail went, and keeps what is to be kept.
async fn seen(index: &mut Index, store: &dyn Store, certificates: &[&str], at: Timestamp) {
    let chain = chain(certificates);
    let leaf = chain.facts()[0].sha256;
    let written = index.seen(leaf, Some(&chain), true, at);
    write_observations(store, written).await.unwrap();
}

#[tokio::test]
async fn a_thousand_partners_with_one_intermediate_keep_it_once_and_each_chain_is_whole() {
    let store = model();
    let mut index = Index::read(&*store).await.unwrap();
    for number in 0..1000 {
        let leaf = format!("leaf {number}");
        seen(&mut index, &*store, &[&leaf, "the intermediate", "the root"], NOW).await;
    }
    assert_eq!(index.sizes(), (1000, 1002));
    let again = Index::read(&*store).await.unwrap();
    assert_eq!(again.sizes(), (1000, 1002), "another process finds it so");
    let kept = chains_of(&*store, &sekisho_tls::sha256(b"leaf 7")).await.unwrap();
    let wanted = chain(&["leaf 7", "the intermediate", "the root"]);
    assert_eq!(kept.iter().map(|one| &*one.chain).collect::<Vec<_>>(), [&wanted]);
    // Half a day later there is nothing to write down, two days later there is.
    let (soon, later) = (
        NOW.plus(Duration::from_secs(43_200)),
        NOW.plus(Duration::from_secs(2 * 86_400)),
    );
    let leaf = wanted.facts()[0].sha256;
    assert_eq!(index.seen(leaf, Some(&wanted), true, soon), []);
    assert_eq!(index.seen(leaf, None, true, later).len(), 1);
}

#[tokio::test]
async fn what_is_not_seen_any_more_goes_with_all_certificates_that_nobody_else_has() {
    let store = model();
    let mut index = Index::read(&*store).await.unwrap();
    let long_ago = NOW.minus(FORGET_AFTER + Duration::from_secs(2 * 86_400));
    seen(&mut index, &*store, &["old", "only its", "shared"], long_ago).await;
    seen(&mut index, &*store, &["new", "shared"], NOW).await;
    let forgotten = index.forget(NOW);
    write_observations(&*store, forgotten).await.unwrap();
    assert_eq!(index.sizes(), (1, 2));
    assert_eq!(Index::read(&*store).await.unwrap().sizes(), (1, 2));
    let certificates = store
        .observations(ObservationKind::Certificate, "", None, 10)
        .await
        .unwrap();
    assert_eq!(certificates.len(), 2);
}

#[tokio::test]
async fn of_one_leaf_only_the_newest_few_chains_are_kept() {
    let store = model();
    let mut index = Index::read(&*store).await.unwrap();
    for number in 0..10 {
        let above = format!("intermediate {number}");
        let at = NOW.plus(Duration::from_secs(number));
        seen(&mut index, &*store, &["leaf", &above], at).await;
    }
    let kept = chains_of(&*store, &sekisho_tls::sha256(b"leaf")).await.unwrap();
    let above: Vec<Vec<u8>> = kept
        .iter()
        .filter_map(|one| one.chain.der().nth(1))
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(
        above,
        [b"intermediate 9", b"intermediate 8", b"intermediate 7"].map(|text| text.to_vec())
    );
    assert_eq!(index.sizes(), (1, 4));
}

#[tokio::test]
async fn a_chain_is_kept_when_mail_goes_along_and_not_for_a_handshake_alone() {
    let store = model();
    let partners = Partners::default();
    let (with_mail, without) = (
        Arc::new(chain(&["with mail", "ca"])),
        Arc::new(chain(&["without", "ca"])),
    );
    let huge = Arc::new(chain(&["huge", &"x".repeat(20_000)]));
    for presented in [&with_mail, &without, &huge] {
        partners.presented(Some(presented));
    }
    let domain = Domain::parse("bank.example").unwrap();
    for of in [&with_mail, &huge] {
        let ChannelSecurity::Tls(mut tls) = good(1, &["mx.bank.example"]) else {
            panic!("it is under TLS")
        };
        tls.chain[0].sha256 = of.facts()[0].sha256;
        let seen = Seen {
            security: &ChannelSecurity::Tls(tls),
            host: Some(("mx.bank.example", 25)),
            client: None,
            found: Some(&Via::Mx { port: 25 }),
            at: clock::now(),
            counts: Counts::Message,
        };
        partners.note(&OrganizationName::FIRST, &domain, Side::Out, &seen);
    }
    partners.write(&*store).await.unwrap();
    let kept = |chain: &PeerChain| chain.facts()[0].sha256;
    for (chain, count) in [(&with_mail, 1), (&without, 0), (&huge, 0)] {
        assert_eq!(chains_of(&*store, &kept(chain)).await.unwrap().len(), count);
    }
}

#[test]
fn the_certificates_of_a_host_are_remembered_in_their_order_and_only_the_newest() {
    let day = Duration::from_secs(86_400);
    let mut kept = partner(None, None);
    for number in 1..=7u8 {
        let mut of_one = None;
        for host in ["mx1.bank.example", "mx2.bank.example"] {
            let security = good(number, &["*.bank.example"]);
            let seen = Seen {
                security: &security,
                host: Some((host, 25)),
                client: None,
                found: Some(&Via::Mx { port: 25 }),
                at: NOW.plus(day * 80 * u32::from(number)),
                counts: Counts::Message,
            };
            note(&mut of_one, &seen);
            note(&mut of_one, &seen);
        }
        let now = NOW.plus(day * 80 * u32::from(number));
        kept = merge(kept, partner(None, of_one), now);
    }
    let history = kept.outbound.unwrap().history;
    let of_one: Vec<u8> = history
        .iter()
        .filter(|leaf| leaf.host == "mx1.bank.example:25")
        .map(|leaf| leaf.key.0[0])
        .collect();
    assert_eq!((of_one, history.len()), (vec![3, 4, 5, 6, 7], 10));
}

#[test]
fn a_partner_that_an_earlier_build_wrote_down_is_still_read() {
    let text = r#"{"organization":"default","domain":"bank.example","outbound":{"first":1,"last":2,"messages":1,
        "plaintext":0,"connections":[],"certificates":[],"hosts":[]}}"#;
    let partner: Partner = serde_json::from_str(text).unwrap();
    assert!(partner.outbound.unwrap().history.is_empty());
}
