//! Each sentence once on a history that was made up for it, and not on one where it should not come.

use std::collections::HashMap;

use prometheus_client::{encoding::text::encode, registry::Registry};
use sekisho_api::{AlertKind, MailDirection, SeenLeaf, Severity};
use sekisho_mail::Digest;
use sekisho_policy::directory::IssuerPattern;
use sekisho_testkit::authority::{Authority, Pem};
use sekisho_tls::{AnchorSet, PeerChain};

use super::{
    facts::{Held, OwnCertificate},
    *,
};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

/// What a certificate is, in days from now: where it begins and ends, and from when to when it was seen.
fn leaf(number: u8, (begin, end): (i64, i64), (first, last): (i64, i64)) -> SeenLeaf {
    let at = |day: i64| Timestamp::from_secs(NOW.as_secs() + day * 86_400);
    SeenLeaf {
        host: "mx.bank.example:25".to_owned(),
        sha256: Digest([number; 32]),
        key: Digest([number; 32]),
        issuer: "C=CH, O=Example Trust, CN=R1".to_owned(),
        not_before: at(begin),
        not_after: at(end),
        first: at(first),
        last: at(last),
    }
}

fn demand() -> Held {
    Held {
        by: "connector \"default/bank\"".to_owned(),
        anchors: Some(("its trust anchors".to_owned(), AnchorSet::bundled())),
        ..Held::default()
    }
}

fn peer(history: Vec<SeenLeaf>, held: Vec<Held>) -> PeerFacts {
    PeerFacts {
        organization: "default".to_owned(),
        domain: "bank.example".to_owned(),
        direction: MailDirection::Out,
        history,
        chains: HashMap::new(),
        held,
        system: AnchorSet::bundled(),
    }
}

/// What is said in the next 90 days.
fn said(peer: &PeerFacts) -> Vec<ForecastEntry> {
    sentences::of_partner(peer, NOW, NOW.plus(days(90)))
}

fn kinds(peer: &PeerFacts) -> Vec<(AlertKind, bool)> {
    said(peer).iter().map(|entry| (entry.kind, entry.is_alert)).collect()
}

#[test]
fn an_end_is_foretold_and_is_an_alert_only_when_it_is_near_and_demanded() {
    let ends = |end: i64, held: Vec<Held>| kinds(&peer(vec![leaf(1, (end - 90, end), (-10, 0))], held));
    assert_eq!(ends(91, vec![demand()]), []);
    assert_eq!(ends(60, vec![demand()]), [(AlertKind::CertificateEnds, false)]);
    // A tenth of its life is nine days.
    assert_eq!(ends(10, vec![demand()]), [(AlertKind::CertificateEnds, false)]);
    assert_eq!(ends(8, vec![demand()]), [(AlertKind::CertificateEnds, true)]);
    assert_eq!(ends(8, Vec::new()), [(AlertKind::CertificateEnds, false)]);
    let severities = |end: i64| said(&peer(vec![leaf(1, (end - 90, end), (-10, 0))], vec![demand()]))[0].severity;
    assert_eq!(
        [severities(8), severities(2), severities(-1)],
        [Severity::Warning, Severity::Error, Severity::Error]
    );
    let over = &said(&peer(vec![leaf(1, (-91, -1), (-10, 0))], vec![demand()]))[0];
    assert!(over.at.is_none() && over.text.contains("ended on 2026-"), "{over:?}");
}

#[test]
fn one_that_was_replaced_is_not_spoken_of_and_neither_is_one_that_was_not_seen_for_long() {
    let renewed = vec![leaf(1, (-80, 5), (-70, -3)), leaf(2, (-3, 200), (-3, 0))];
    assert_eq!(kinds(&peer(renewed, vec![demand()])), []);
    let long_ago = vec![leaf(1, (-200, 5), (-190, -100))];
    assert_eq!(kinds(&peer(long_ago, vec![demand()])), []);
    // Two at a time are both there.
    let both = vec![leaf(1, (-80, 5), (-70, 0)), leaf(2, (-80, 5), (-69, -1))];
    assert_eq!(kinds(&peer(both, vec![demand()])).len(), 2);
}

fn changed_to(issuer: &str, days_ago: i64, held: Vec<Held>) -> PeerFacts {
    let mut after = leaf(2, (-3, 300), (-days_ago, 0));
    issuer.clone_into(&mut after.issuer);
    peer(vec![leaf(1, (-80, 300), (-70, -days_ago - 1)), after], held)
}

#[test]
fn a_change_of_the_issuer_is_news_for_a_week_and_another_intermediate_is_none() {
    let other = "C=US, O=Other Trust, CN=X1";
    assert_eq!(
        kinds(&changed_to(other, 2, vec![demand()])),
        [(AlertKind::IssuerChanged, true)]
    );
    assert_eq!(
        kinds(&changed_to(other, 2, Vec::new())),
        [(AlertKind::IssuerChanged, false)]
    );
    assert_eq!(kinds(&changed_to(other, 8, vec![demand()])), []);
    assert_eq!(
        kinds(&changed_to("C=CH, O=Example Trust, CN=R2", 2, vec![demand()])),
        []
    );
    let text = &said(&changed_to(other, 2, vec![demand()]))[0].text;
    for words in [
        "changed from C=CH, O=Example Trust, CN=R1 to C=US, O=Other Trust, CN=X1",
        "its chain is not kept",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

/// The chain that a server with this certificate would present.
fn presented(pem: &Pem) -> Arc<PeerChain> {
    Arc::new(PeerChain::of_server_in_pem(&pem.chain).unwrap())
}

fn anchors(of: &Authority) -> AnchorSet {
    AnchorSet::parse(of.anchor(), "connector default/bank").unwrap()
}

#[test]
fn it_is_said_whether_the_new_issuer_is_trusted_by_each_who_demands_it() {
    let (old, new) = (Authority::called("Old Trust"), Authority::called("New Trust"));
    let chain = presented(&new.server(&["mx.bank.example"]));
    let at = clock::now();
    let by = |by: &str, set: AnchorSet| Held {
        by: by.to_owned(),
        anchors: Some(("the anchors".to_owned(), set)),
        ..Held::default()
    };
    let both = AnchorSet::joined([&anchors(&old), &anchors(&new)]);
    let mut peer = changed_to("O=New Trust", 1, vec![by("one", anchors(&old)), by("two", both)]);
    let facts = &chain.facts()[0];
    let shift = at.as_secs() - NOW.as_secs();
    for leaf in &mut peer.history {
        for time in [
            &mut leaf.first,
            &mut leaf.last,
            &mut leaf.not_before,
            &mut leaf.not_after,
        ] {
            *time = Timestamp::from_secs(time.as_secs() + shift);
        }
    }
    peer.history[1].sha256 = facts.sha256;
    peer.history[1].not_after = at.plus(days(300));
    peer.chains.insert(facts.sha256, Arc::clone(&chain));
    let entries = sentences::of_partner(&peer, at, at.plus(days(1)));
    let changed = entries
        .iter()
        .find(|entry| entry.kind == AlertKind::IssuerChanged)
        .unwrap();
    assert_eq!(
        (changed.severity, &changed.demanded_by[..]),
        (Severity::Error, &["one".to_owned()][..]),
        "{changed:?}"
    );
    assert!(changed.text.contains("not in the anchors of one"), "{changed:?}");
    assert!(
        changed.text.contains("the new one is in the anchors of two"),
        "{changed:?}"
    );
}

#[test]
fn a_pin_is_foretold_to_break_by_another_key_or_by_an_end_without_a_next_key() {
    let pinning = |pins: &[u8]| Held {
        by: "connector \"default/bank\"".to_owned(),
        pins: pins.iter().map(|pin| Digest([*pin; 32])).collect(),
        ..Held::default()
    };
    let breaks = |peer: &PeerFacts| {
        let all = said(peer)
            .into_iter()
            .filter(|entry| entry.kind == AlertKind::PinBreaks);
        all.map(|entry| (entry.is_alert, entry.severity, entry.text))
            .collect::<Vec<_>>()
    };
    let one = |end: i64| vec![leaf(1, (-80, end), (-70, 0))];
    assert_eq!(breaks(&peer(one(200), vec![pinning(&[1])])), []);
    let soon = breaks(&peer(one(20), vec![pinning(&[1])]));
    assert!(
        soon.len() == 1 && soon[0].0 && soon[0].2.contains("no other key is pinned"),
        "{soon:?}"
    );
    assert_eq!(
        breaks(&peer(one(20), vec![pinning(&[1, 9])])),
        [],
        "the next key is pinned already"
    );
    let other = breaks(&peer(one(200), vec![pinning(&[9])]));
    assert!(
        other[0].1 == Severity::Error && other[0].2.contains("instead, which no pin"),
        "{other:?}"
    );
    let both = vec![leaf(1, (-80, 200), (-70, 0)), leaf(2, (-80, 200), (-69, -1))];
    let beside = breaks(&peer(both, vec![pinning(&[1])]));
    assert!(
        beside.len() == 1 && beside[0].2.contains("beside the pinned one"),
        "{beside:?}"
    );
}

#[test]
fn an_issuer_that_a_connector_does_not_list_is_foretold() {
    let listing = |attribute: &str| Held {
        by: "inbound connector \"default/bank\"".to_owned(),
        issuers: vec![IssuerPattern {
            attributes: vec![attribute.to_owned()],
        }],
        ..Held::default()
    };
    let one = vec![leaf(1, (-80, 200), (-70, 0))];
    assert_eq!(kinds(&peer(one.clone(), vec![listing("O=Example Trust")])), []);
    assert_eq!(
        kinds(&peer(one, vec![listing("O=Other Trust")])),
        [(AlertKind::IssuerNotListed, true)]
    );
}

/// Certificates of 90 days that were still seen so many days before their end.
fn renewed(lasts: &[i64]) -> Vec<SeenLeaf> {
    let mut history = Vec::new();
    let mut first = -80 - 85 * i64::try_from(lasts.len()).unwrap();
    for (number, before_end) in (1..).zip(lasts) {
        let end = first + 90;
        history.push(leaf(number, (first, end), (first, end - before_end)));
        first = end - before_end + 1;
    }
    history.push(leaf(99, (first, first + 95), (first, 0)));
    history
}

#[test]
fn what_was_renewed_late_three_times_in_a_row_is_remembered_and_twice_is_not() {
    let late = |history: Vec<SeenLeaf>| {
        let all = said(&peer(history, vec![demand()]));
        all.into_iter().find(|entry| entry.kind == AlertKind::RenewedLate)
    };
    let three = late(renewed(&[3, 1, 5])).unwrap();
    assert!(three.text.contains("renewed late 3 times in a row"), "{three:?}");
    assert_eq!(late(renewed(&[3, 1])), None);
    assert_eq!(late(renewed(&[3, 30, 1])), None, "one of them was in time");
}

/// A partner of today that presents this chain, whose authority is trusted and whose client certificates are wanted.
fn today(root: &Authority, pem: &Pem) -> (PeerFacts, Timestamp) {
    let at = clock::now();
    let chain = presented(pem);
    let facts = chain.facts()[0].clone();
    let mut seen = leaf(1, (0, 0), (0, 0));
    (seen.sha256, seen.first, seen.last) = (facts.sha256, at, at);
    (seen.not_before, seen.not_after) = (facts.not_before, facts.not_after);
    let held = Held {
        for_clients: true,
        anchors: Some(("its trust anchors".to_owned(), anchors(root))),
        ..demand()
    };
    let mut peer = peer(vec![seen], vec![held]);
    peer.chains.insert(facts.sha256, chain);
    (peer, at)
}

fn has(entries: &[ForecastEntry], kind: AlertKind) -> bool {
    entries.iter().any(|entry| entry.kind == kind && entry.is_alert)
}

#[test]
fn a_leaf_without_the_certificates_above_it_is_told_from_one_with_them() {
    let root = Authority::called("Example Trust");
    let whole = root.intermediate().server(&["mx.bank.example"]);
    for (pem, lacks) in [
        (whole.leaf_alone(), true),
        (whole, false),
        (root.server(&["mx.bank.example"]), false),
    ] {
        let (peer, at) = today(&root, &pem);
        let said = sentences::of_partner(&peer, at, at);
        assert_eq!(has(&said, AlertKind::NoIntermediates), lacks, "{said:?}");
    }
}

#[test]
fn a_certificate_that_is_not_for_clients_is_told_where_one_is_wanted() {
    let root = Authority::called("Example Trust");
    for (pem, is_told) in [
        (root.server(&["mx.bank.example"]), true),
        (root.client("mx.bank.example"), false),
    ] {
        let (mut peer, at) = today(&root, &pem);
        assert_eq!(
            has(&sentences::of_partner(&peer, at, at), AlertKind::NotForClients),
            is_told
        );
        peer.held[0].for_clients = false;
        assert!(!has(&sentences::of_partner(&peer, at, at), AlertKind::NotForClients));
    }
}

#[test]
fn an_authority_that_ends_is_foretold_and_whether_that_is_before_the_certificate() {
    let root = Authority::called("Example Trust");
    let (mut peer, at) = today(&root, &root.server(&["mx.bank.example"]));
    let of = |peer: &PeerFacts, until: Timestamp| {
        let said = sentences::of_partner(peer, at, until);
        let kind = |kind| said.iter().filter(|entry| entry.kind == kind).count();
        (kind(AlertKind::AuthorityEnds), kind(AlertKind::LeafOutlivesIssuer))
    };
    let end = anchors(&root).anchors().next().unwrap().not_after;
    let leaf_end = peer.history[0].not_after;
    peer.history[0].not_after = leaf_end.min(end);
    assert_eq!(of(&peer, at), (0, 0));
    assert_eq!(of(&peer, end), (1, 0));
    peer.history[0].not_after = end.plus(days(1));
    assert_eq!(of(&peer, at), (0, 1));
}

#[test]
fn our_own_certificates_are_foretold_with_what_they_feed() {
    let own = |end: u64| OwnCertificate {
        names: "mx.here.example".to_owned(),
        not_after: NOW.plus(days(end)),
        places: vec![
            "listener \"default\"".to_owned(),
            "connector \"default/bank\"".to_owned(),
        ],
        is_of_role: false,
    };
    let said = |end: u64| sentences::of_own(&[own(end)], NOW, NOW.plus(days(90)));
    assert_eq!(said(91), []);
    let far = &said(60)[0];
    assert!(
        !far.is_alert && far.text.contains("listener \"default\", connector \"default/bank\""),
        "{far:?}"
    );
    assert!(said(10)[0].is_alert);
    // Whether another follows is known to those who keep the certificates of roles.
    let of_role = OwnCertificate {
        is_of_role: true,
        ..own(10)
    };
    let said_of_role = sentences::of_own(&[of_role], NOW, NOW.plus(days(90)));
    assert!(!said_of_role[0].is_alert, "{said_of_role:?}");
    assert_eq!(said(2)[0].severity, Severity::Error);
}

#[test]
fn of_too_many_alerts_come_first_and_all_by_when_they_bite() {
    let mut entries = Vec::new();
    let near = peer(vec![leaf(1, (-82, 8), (-70, 0))], vec![demand()]);
    let far = peer(vec![leaf(1, (-82, 60), (-70, 0))], Vec::new());
    for _ in 0..ENTRIES_MAX {
        entries.extend(said(&far));
    }
    entries.extend(said(&near));
    assert!(keep_the_first(&mut entries));
    assert_eq!(entries.len(), ENTRIES_MAX);
    assert!(entries[0].is_alert);
}

#[test]
fn what_is_counted_is_of_the_next_90_days_whatever_was_asked_for() {
    let mut registry = Registry::default();
    let metrics = ForecastMetrics::register(&mut registry);
    let own = |end: u64| OwnCertificate {
        names: "mx.here.example".to_owned(),
        not_after: NOW.plus(days(end)),
        places: vec!["listener \"default\"".to_owned()],
        is_of_role: false,
    };
    metrics.show(&sentences::of_own(&[own(89), own(91)], NOW, NOW.plus(days(365))), NOW);
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    assert!(
        page.contains("sekisho_forecast{kind=\"own-certificate-ends\"} 1\n"),
        "{page}"
    );
}
