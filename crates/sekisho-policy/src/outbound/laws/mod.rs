//! The laws over the whole fact space, and scenarios beside them. Facts are enumerated, not sampled: every demand with
//! every kind of connection, and every history of failures up to the limit.

use std::net::SocketAddr;

use sekisho_mail::{
    AnchorSetId, BodyKind, CertificateFacts, CertificateFault, ChannelFacts, ChannelId, ChannelSecurity, Check,
    ClientCertificateFate, Decision, Demand, DemandLevel, Digest, Domain, EnhancedCode, Envelope, Fault,
    HandshakeFailure, HandshakeFault, HandshakeStage, Host, KeyExchangeGroup, KeyExchangeGroups, KeyProof, Keyword,
    Mailbox, NamePattern, PlaintextCause, Recipient, Reply, ReplyCode, ReversePath, RevocationMode, Side, Timestamp,
    TlsFacts, TlsVersion, Verdict,
};

use super::*;
use crate::Reason;

mod exceptions;
mod requiretls;
mod revocation;
mod shadow;
mod steps;

const HOST: &str = "mx.example.org";
/// When all this happens.
const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn candidate(host: &str, origin: HostOrigin) -> CandidateHost {
    CandidateHost {
        host: Host::parse(host).unwrap(),
        origin,
    }
}

fn facts(route: Option<Requirement>, carried: Vec<Demand>) -> OutboundFacts {
    OutboundFacts {
        demands: route
            .into_iter()
            .map(|require| RouteDemand {
                require,
                origin: "route \"bank\"".to_owned(),
            })
            .collect(),
        carried,
        exceptions: Vec::new(),
        now: NOW,
        client_identity: None,
        hosts: vec![candidate(HOST, HostOrigin::Route)],
        tried: Vec::new(),
        tried_rules: Vec::new(),
    }
}

/// The demand of whatever is on the way.
fn of_the_way(demand: &Demand) -> RouteDemand {
    let require = match demand.level.clone() {
        DemandLevel::Encryption => Requirement::Encryption,
        DemandLevel::Certificate { anchors } => Requirement::Certificate { anchors },
        DemandLevel::Domain { anchors, names } => Requirement::Domain {
            anchors,
            names: TlsNames::Listed(names),
        },
        DemandLevel::Pin { spki } => Requirement::Pin { spki },
        DemandLevel::Version { at_least } => Requirement::Version { at_least },
        DemandLevel::KeyExchange { groups } => Requirement::KeyExchange { groups },
        DemandLevel::Revocation {
            anchors,
            mode,
            refuse_not_revocable,
        } => Requirement::Revocation {
            anchors,
            revocation: Revocation {
                mode,
                refuse_not_revocable,
            },
        },
    };
    let origin = demand.origin.clone();
    RouteDemand { require, origin }
}

fn plan_for(demands: &[Demand]) -> HostPlan {
    plan(&facts(None, demands.to_vec())).hosts()[0].clone()
}

fn bank() -> AnchorSetId {
    AnchorSetId("bank.pem".to_owned())
}

fn names(texts: &[&str]) -> Vec<NamePattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn demand(level: DemandLevel) -> Demand {
    Demand {
        level,
        origin: "alias info@example.net".to_owned(),
    }
}

/// One of every kind that is asked of the chain, two where anchors or names tell them apart; and encryption.
fn chain_demands() -> Vec<Demand> {
    let system = AnchorSetId::system;
    vec![
        demand(DemandLevel::Encryption),
        demand(DemandLevel::Certificate { anchors: system() }),
        demand(DemandLevel::Certificate { anchors: bank() }),
        demand(DemandLevel::Domain {
            anchors: system(),
            names: names(&[HOST]),
        }),
        demand(DemandLevel::Domain {
            anchors: bank(),
            names: names(&["*.bank.example"]),
        }),
        demand(DemandLevel::Domain {
            anchors: system(),
            names: Vec::new(),
        }),
    ]
}

/// One of every kind that the handshake itself answers: keys, versions, the key exchange.
fn handshake_demands() -> Vec<Demand> {
    let pin = |spki: &[Digest]| demand(DemandLevel::Pin { spki: spki.to_vec() });
    let at_least = |at_least| demand(DemandLevel::Version { at_least });
    vec![
        pin(&[Digest([9; 32]), leaf().spki_sha256]),
        pin(&[Digest([9; 32])]),
        pin(&[Digest([0; 32])]),
        pin(&[]),
        at_least(TlsVersion::Tls12),
        at_least(TlsVersion::Tls13),
        demand(key_exchange(KeyExchangeGroups::HYBRID)),
        demand(key_exchange(KeyExchangeGroups::CLASSICAL)),
        demand(key_exchange(KeyExchangeGroups::ALL)),
    ]
}

const fn key_exchange(groups: KeyExchangeGroups) -> DemandLevel {
    DemandLevel::KeyExchange { groups }
}

fn all_demands() -> Vec<Demand> {
    [chain_demands(), handshake_demands()].concat()
}

/// Every subset of the demands on the chain, alone, with each other demand, and with all of them.
fn all_demand_sets() -> Vec<Vec<Demand>> {
    let mut sets = chain_demand_sets();
    let mut additions: Vec<Vec<Demand>> = handshake_demands().into_iter().map(|demand| vec![demand]).collect();
    additions.push(handshake_demands());
    for addition in additions {
        sets.extend(
            chain_demand_sets()
                .into_iter()
                .map(|set| [set, addition.clone()].concat()),
        );
    }
    sets
}

/// Every subset of the demands on the chain.
fn chain_demand_sets() -> Vec<Vec<Demand>> {
    let all = chain_demands();
    (0..1usize << all.len())
        .map(|set| {
            let chosen = all.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
            chosen.map(|(_, demand)| demand.clone()).collect()
        })
        .collect()
}

fn all_plaintext_causes() -> Vec<PlaintextCause> {
    vec![
        PlaintextCause::NotOffered,
        PlaintextCause::NoExtensions,
        PlaintextCause::Refused("454 4.7.0 no".to_owned()),
        PlaintextCause::HandshakeFailed("alert".to_owned()),
        PlaintextCause::RememberedAsBroken("alert".to_owned()),
        PlaintextCause::NotAsked,
    ]
}

/// Every check that any demand asks, and what is asked for the record.
fn all_checks() -> Vec<Check> {
    plan_for(&all_demands()).checks()
}

fn leaf() -> CertificateFacts {
    CertificateFacts {
        sha256: Digest([1; 32]),
        spki_sha256: Digest([2; 32]),
        subject: String::new(),
        issuer: String::new(),
        dns_names: Vec::new(),
        common_name: None,
        not_before: Timestamp::EPOCH,
        not_after: Timestamp::FAR_FUTURE,
        key: "P-256".to_owned(),
        not_for_clients: false,
    }
}

fn channel(security: ChannelSecurity) -> ChannelFacts {
    ChannelFacts {
        id: ChannelId(7),
        peer: SocketAddr::from(([192, 0, 2, 1], 25)),
        host: Some(HOST.to_owned()),
        security,
        keywords: Vec::new(),
    }
}

fn tls(chain: Vec<CertificateFacts>, key: KeyProof, verdicts: Vec<(Check, Verdict)>) -> ChannelFacts {
    channel(ChannelSecurity::Tls(Box::new(TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        group: "X25519MLKEM768".to_owned(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain,
        key,
        verdicts,
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    })))
}

fn good_tls() -> ChannelFacts {
    let verdicts = all_checks().into_iter().map(|check| (check, Verdict::Holds)).collect();
    tls(vec![leaf()], KeyProof::Proven, verdicts)
}

/// Connections on which all checks hold, of every version, key exchange and key, with and without a proven key.
fn handshake_channels() -> Vec<ChannelFacts> {
    let ChannelSecurity::Tls(good) = good_tls().security else {
        panic!("it is under TLS");
    };
    let mut channels = Vec::new();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for group in ["X25519MLKEM768", "X25519", "x25519mlkem768", ""] {
            for spki in [leaf().spki_sha256, Digest([9; 32]), Digest([0; 32]), Digest([8; 32])] {
                for key in [KeyProof::Proven, KeyProof::NotProven("512-bit RSA".to_owned())] {
                    let mut facts = (*good).clone();
                    facts.version = version;
                    group.clone_into(&mut facts.group);
                    facts.key = key;
                    facts.chain[0].spki_sha256 = spki;
                    channels.push(channel(ChannelSecurity::Tls(Box::new(facts))));
                }
            }
        }
    }
    channels
}

/// Every kind of connection: those that differ in the handshake first; then in the clear for every cause, and under TLS
/// with every answer, or none, to every check, with and without a chain, with and without a proven key.
fn all_channels() -> Vec<ChannelFacts> {
    let mut channels: Vec<ChannelFacts> = all_plaintext_causes()
        .into_iter()
        .map(|cause| channel(ChannelSecurity::Plaintext(cause)))
        .collect();
    let checks = all_checks();
    let answers = [
        Some(Verdict::Holds),
        Some(Verdict::Fails(CertificateFault::SelfSigned)),
        Some(Verdict::Unknown("no anchors".to_owned())),
        None,
    ];
    for number in 0..answers.len().pow(u32::try_from(checks.len()).unwrap()) {
        let answer =
            |place: usize| answers[number / answers.len().pow(u32::try_from(place).unwrap()) % answers.len()].clone();
        let verdicts: Vec<(Check, Verdict)> = checks
            .iter()
            .enumerate()
            .filter_map(|(place, check)| Some((check.clone(), answer(place)?)))
            .collect();
        for key in [KeyProof::Proven, KeyProof::NotProven("512-bit RSA".to_owned())] {
            channels.push(tls(vec![leaf()], key.clone(), verdicts.clone()));
            channels.push(tls(Vec::new(), key, verdicts.clone()));
        }
    }
    [handshake_channels(), channels].concat()
}

/// The connections to judge a set by. The space is large: with demands of the handshake, all of those that differ in it
/// and one in twenty-nine of the others, which still meets every pair of answers.
fn channels_for<'a>(demands: &[Demand], channels: &'a [ChannelFacts]) -> impl Iterator<Item = &'a ChannelFacts> {
    let (handshake, others) = channels.split_at(handshake_channels().len());
    let is_of_chain = demands.iter().all(|demand| chain_demands().contains(demand));
    handshake
        .iter()
        .chain(others.iter().step_by(if is_of_chain { 1 } else { 29 }))
}

fn envelope(carried: Vec<Demand>) -> Envelope {
    let mut recipient = Recipient::new(Mailbox::parse("bob@example.org").unwrap());
    recipient.carried = carried;
    Envelope {
        reverse_path: ReversePath::Null,
        body: BodyKind::SevenBit,
        ret: None,
        envid: None,
        recipients: vec![recipient],
    }
}

/// What ought to hold, written down once more and differently from the code: straight from the wording of the design.
fn holds(demand: &Demand, facts: &ChannelFacts) -> bool {
    let ChannelSecurity::Tls(tls) = &facts.security else {
        return false;
    };
    let proven = !tls.chain.is_empty() && tls.key == KeyProof::Proven;
    let yes = |check: Check| tls.verdicts.contains(&(check, Verdict::Holds));
    match &demand.level {
        DemandLevel::Encryption => true,
        DemandLevel::Pin { spki } => {
            let key = proven.then(|| tls.chain[0].spki_sha256);
            key.is_some_and(|key| key != Digest([0; 32]) && spki.contains(&key))
        }
        DemandLevel::Version { at_least } => tls.version >= *at_least,
        DemandLevel::KeyExchange { groups } => groups.iter().any(|group| group.name() == tls.group),
        DemandLevel::Certificate { anchors } => {
            proven
                && yes(Check::Path {
                    anchors: anchors.clone(),
                })
        }
        DemandLevel::Domain { anchors, names } => {
            let named = !names.is_empty() && yes(Check::Name { names: names.clone() });
            proven
                && named
                && yes(Check::Path {
                    anchors: anchors.clone(),
                })
        }
        DemandLevel::Revocation {
            anchors,
            mode,
            refuse_not_revocable,
        } => {
            let check = Check::Revocation {
                anchors: anchors.clone(),
            };
            proven
                && tls.verdicts.iter().any(|(asked, verdict)| {
                    let passes = match verdict {
                        Verdict::Holds => true,
                        Verdict::Unknown(_) => *mode == RevocationMode::SoftFail,
                        Verdict::Fails(fault) => {
                            matches!(fault, CertificateFault::NotRevocable(_)) && !refuse_not_revocable
                        }
                    };
                    *asked == check && passes
                })
        }
    }
}

#[test]
fn a_clearance_needs_every_demand_to_hold_and_a_refusal_names_those_that_do_not() {
    let channels = all_channels();
    for demands in all_demand_sets() {
        let plan = plan_for(&demands);
        for facts in channels_for(&demands, &channels) {
            let possible = facts.security != ChannelSecurity::Plaintext(PlaintextCause::NotAsked);
            let expected = possible && demands.iter().all(|demand| holds(demand, facts));
            match judge(&plan, facts, envelope(Vec::new()), NOW) {
                Ok(clearance) => {
                    assert!(expected, "{demands:?} {facts:?}");
                    assert_eq!(clearance.channel(), facts.id);
                    assert!(!clearance.reasons().is_empty());
                    assert!(demands.is_empty() || facts.security.tls().is_some(), "law 2");
                }
                Err(refusal) => {
                    assert!(!expected, "{demands:?} {facts:?}");
                    assert!(!refusal.reasons().is_empty());
                    let unmet: Vec<&Demand> = demands.iter().filter(|demand| !holds(demand, facts)).collect();
                    assert!(!possible || refusal.unmet_demands().iter().collect::<Vec<_>>() == unmet);
                    assert_eq!(
                        refusal.to_fault(None).status.class,
                        4,
                        "a refusal is never permanent (law 3)"
                    );
                }
            }
        }
    }
}

#[test]
fn another_demand_never_makes_the_judgement_more_lenient() {
    let channels = all_channels();
    let passes =
        |demands: &[Demand], facts: &ChannelFacts| judge(&plan_for(demands), facts, envelope(Vec::new()), NOW).is_ok();
    for demands in chain_demand_sets() {
        for more in all_demands() {
            let mut stricter = demands.clone();
            stricter.push(more);
            // The space is large; one connection in seven still meets every pair of answers.
            for facts in channels.iter().step_by(7) {
                assert!(
                    !passes(&stricter, facts) || passes(&demands, facts),
                    "{stricter:?} {facts:?}"
                );
            }
        }
    }
}

#[test]
fn what_a_recipient_carries_is_demanded_even_when_the_plan_was_made_without_it() {
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let opportunistic = plan_for(&[]);
    assert!(judge(&opportunistic, &plain, envelope(Vec::new()), NOW).is_ok());
    for demand in all_demands() {
        let refusal = judge(&opportunistic, &plain, envelope(vec![demand.clone()]), NOW).unwrap_err();
        assert_eq!(refusal.unmet_demands(), [demand]);
    }
}

#[test]
fn the_routes_demand_and_the_carried_ones_stand_side_by_side() {
    for carried in all_demands() {
        let route = Requirement::Certificate { anchors: bank() };
        let plan = plan(&facts(Some(route), vec![carried.clone(), carried.clone()]));
        let demands = plan.hosts()[0].demands();
        assert_eq!(demands.len(), 2);
        assert_eq!((demands[0].origin.as_str(), &demands[1]), ("route \"bank\"", &carried));
    }
}

#[test]
fn the_routes_own_host_names_count_only_where_the_operator_wrote_them() {
    let require = Requirement::Domain {
        anchors: bank(),
        names: TlsNames::RouteHost,
    };
    let mut facts = facts(Some(require), Vec::new());
    facts.hosts = vec![
        candidate(HOST, HostOrigin::Route),
        candidate(HOST, HostOrigin::Dns),
        candidate("[192.0.2.1]", HostOrigin::Route),
    ];
    let named: Vec<Vec<NamePattern>> = plan(&facts)
        .hosts()
        .iter()
        .map(|plan| {
            let DemandLevel::Domain { names, .. } = &plan.demands()[0].level else {
                panic!("another demand");
            };
            names.clone()
        })
        .collect();
    assert_eq!(named, [names(&[HOST]), vec![], vec![]]);
    let route = facts.demands[0].clone();
    let level = DemandLevel::Domain {
        anchors: bank(),
        names: names(&[HOST]),
    };
    assert_eq!(route.on_hosts(&facts.hosts).level, level);
}

#[test]
fn checks_are_the_demanded_ones_first_and_two_for_the_record() {
    let system = Check::Path {
        anchors: AnchorSetId::system(),
    };
    let own_name = Check::Name { names: names(&[HOST]) };
    assert_eq!(plan_for(&[]).checks(), [system.clone(), own_name.clone()]);
    let bank_path = Check::Path { anchors: bank() };
    let plan = plan_for(&[demand(DemandLevel::Certificate { anchors: bank() })]);
    assert_eq!(plan.checks(), [bank_path, system, own_name]);
    assert_eq!(plan.server_name(), Some(&Domain::parse(HOST).unwrap()));
}

#[test]
fn facts_of_another_connection_or_an_untried_starttls_clear_nothing() {
    let plan = plan_for(&[]);
    let mut elsewhere = good_tls();
    elsewhere.host = Some("mx.example.net".to_owned());
    let mut nowhere = good_tls();
    nowhere.host = None;
    let mut offered = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    offered.keywords.push(Keyword {
        name: "STARTTLS".to_owned(),
        parameters: Vec::new(),
    });
    let untried = channel(ChannelSecurity::Plaintext(PlaintextCause::NotAsked));
    for facts in [elsewhere, nowhere, offered, untried] {
        let refusal = judge(&plan, &facts, envelope(Vec::new()), NOW).unwrap_err();
        assert_eq!(refusal.side(), Side::Us, "{facts:?}");
    }
    let mut same = good_tls();
    same.host = Some("MX.example.org".to_owned());
    assert!(judge(&plan, &same, envelope(Vec::new()), NOW).is_ok());
}

#[test]
fn a_refusal_says_what_is_demanded_what_was_found_and_whose_move_it_is() {
    let demand = demand(DemandLevel::Certificate { anchors: bank() });
    let plan = plan_for(std::slice::from_ref(&demand));
    let path = Check::Path { anchors: bank() };
    let cases = [
        (
            channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered)),
            (
                EnhancedCode::new(4, 4, 317),
                Side::Recipient,
                "STARTTLS is required to send mail: STARTTLS was not offered",
            ),
        ),
        (
            tls(
                vec![leaf()],
                KeyProof::Proven,
                vec![(path.clone(), Verdict::Fails(CertificateFault::SelfSigned))],
            ),
            (
                EnhancedCode::new(4, 7, 320),
                Side::Recipient,
                "the certificate is self-signed",
            ),
        ),
        (
            tls(
                vec![leaf()],
                KeyProof::NotProven("odd key".to_owned()),
                vec![(path.clone(), Verdict::Holds)],
            ),
            (
                EnhancedCode::new(4, 7, 320),
                Side::Recipient,
                "the peer did not prove that it holds the key: odd key",
            ),
        ),
        (
            tls(
                vec![leaf()],
                KeyProof::Proven,
                vec![(path, Verdict::Unknown("bank.pem: gone".to_owned()))],
            ),
            (
                EnhancedCode::new(4, 3, 5),
                Side::Us,
                "the certificate could not be checked here: bank.pem: gone",
            ),
        ),
        (
            tls(vec![leaf()], KeyProof::Proven, Vec::new()),
            (
                EnhancedCode::new(4, 3, 0),
                Side::Us,
                "a check that was demanded was not made",
            ),
        ),
    ];
    for (facts, (status, side, text)) in cases {
        let refusal = judge(&plan, &facts, envelope(Vec::new()), NOW).unwrap_err();
        assert!(matches!(refusal.decision(), Decision::Refused(reasons) if reasons[0].key == "demand-not-met"));
        let fault = Fault::from(refusal);
        assert_eq!((fault.status, fault.side, fault.text.as_str()), (status, side, text));
        let unmet = "TLS with a valid certificate (trust anchors: bank.pem) (alias info@example.net)";
        assert_eq!(fault.unmet.as_deref(), Some(unmet));
        assert_eq!(fault.host.as_deref(), Some(HOST));
    }
}

fn failed(groups: KeyExchangeGroups, fault: HandshakeFault) -> FailedHandshake {
    FailedHandshake {
        groups,
        failure: HandshakeFailure {
            stage: HandshakeStage::BeforePeerHello,
            fault,
            words: "it broke".to_owned(),
            hello: None,
            chain: Vec::new(),
        },
    }
}

fn reply(code: u16, enhanced: Option<&str>) -> Reply {
    Reply {
        code: ReplyCode::new(code).unwrap(),
        enhanced: enhanced.map(|text| text.parse().unwrap()),
        lines: vec!["Must issue STARTTLS first".to_owned()],
    }
}

#[test]
fn an_opportunistic_clearance_says_that_it_is_one() {
    let plan = plan_for(&[]);
    let keys = |facts: &ChannelFacts| -> Vec<&str> {
        let clearance = judge(&plan, facts, envelope(Vec::new()), NOW).unwrap();
        assert!(matches!(clearance.decision(), Decision::Cleared(reasons) if !reasons.is_empty()));
        clearance.reasons().iter().map(Reason::key).collect()
    };
    assert_eq!(keys(&good_tls()), ["opportunistic-tls"]);
    let unproven = tls(vec![leaf()], KeyProof::NotProven("odd".to_owned()), Vec::new());
    assert_eq!(keys(&unproven), ["opportunistic-tls", "unproven-key-accepted"]);
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    assert_eq!(keys(&plain), ["opportunistic-plaintext"]);
}

#[test]
fn every_rule_for_mail_that_leaves_is_applied_somewhere() {
    let mut keys = std::collections::BTreeSet::new();
    let plain = channel(ChannelSecurity::Plaintext(PlaintextCause::NotOffered));
    let unproven = tls(vec![leaf()], KeyProof::NotProven("odd".to_owned()), Vec::new());
    for demands in [vec![], vec![demand(DemandLevel::Encryption)]] {
        let plan = plan_for(&demands);
        for facts in [&plain, &good_tls(), &unproven] {
            let reasons = match judge(&plan, facts, envelope(Vec::new()), NOW) {
                Ok(clearance) => clearance.reasons().to_vec(),
                Err(refusal) => refusal.reasons().to_vec(),
            };
            keys.extend(reasons.iter().map(Reason::key));
        }
        if let NextStep::GiveUp(refusal) =
            after_failure(&plan, &[failed(KeyExchangeGroups::CLASSICAL, HandshakeFault::Ours)])
        {
            keys.extend(refusal.reasons().iter().map(Reason::key));
        }
    }
    let cause = PlaintextCause::HandshakeFailed("alert".to_owned());
    if let PlaintextReply::Defer(refusal) = plaintext_retry_reply(&plan_for(&[]), &cause, &reply(530, None)) {
        keys.extend(refusal.reasons().iter().map(Reason::key));
    }
    let all = [
        "demand-met",
        "demand-not-met",
        "fault-of-ours",
        "opportunistic-plaintext",
        "opportunistic-tls",
        "unproven-key-accepted",
        "wants-tls-after-all",
    ];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn a_refusal_of_key_version_or_key_exchange_says_what_was_found() {
    let mut facts = good_tls();
    let ChannelSecurity::Tls(tls) = &mut facts.security else {
        panic!("it is under TLS");
    };
    tls.version = TlsVersion::Tls12;
    "x25519".clone_into(&mut tls.group);
    let found = Digest([2; 32]).to_string();
    for (level, status, text, unmet) in [
        (
            DemandLevel::Pin {
                spki: vec![Digest([9; 32])],
            },
            EnhancedCode::new(4, 7, 320),
            format!("the certificate has another key, {found}"),
            format!(
                "TLS with a certificate that has the key {} (alias info@example.net)",
                "09".repeat(32)
            ),
        ),
        (
            DemandLevel::Version {
                at_least: TlsVersion::Tls13,
            },
            EnhancedCode::new(4, 4, 317),
            "the connection is TLSv1.2".to_owned(),
            "TLSv1.3 or later (alias info@example.net)".to_owned(),
        ),
        (
            key_exchange(KeyExchangeGroups::HYBRID),
            EnhancedCode::new(4, 4, 317),
            "the key exchange was x25519".to_owned(),
            "TLS with the key exchange X25519MLKEM768 (alias info@example.net)".to_owned(),
        ),
    ] {
        let refusal = judge(&plan_for(&[demand(level)]), &facts, envelope(Vec::new()), NOW).unwrap_err();
        let fault = Fault::from(refusal);
        assert_eq!((fault.status, fault.side), (status, Side::Recipient));
        assert_eq!((fault.text, fault.unmet), (text, Some(unmet)));
    }
}
