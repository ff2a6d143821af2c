//! Connectors that are tried: what is answered of each is what would become of the recipient if that one acted, and
//! none of them ever changes an answer.

use sekisho_mail::{KeyExchangeGroups, ShadowOutcome, ShadowVerdict};

use super::*;

const BANK: &str = "mail.bank.example";

/// Document, outcome and reason of everything that is tried.
fn tried(session: &Session, directory: &Directory, recipient: &str) -> Vec<(String, ShadowOutcome, String)> {
    let told = |verdict: ShadowVerdict| (verdict.document.to_string(), verdict.outcome, verdict.why.key);
    let verdicts = session.asked(directory, recipient, |facts| try_shadows(facts, &admit(facts)));
    verdicts.into_iter().map(told).collect()
}

fn one(text: &str, outcome: ShadowOutcome, key: &str) -> Vec<(String, ShadowOutcome, String)> {
    vec![(format!("inbound connector {text}"), outcome, key.to_owned())]
}

fn with(connectors: impl IntoIterator<Item = InboundConnector>) -> Directory {
    three_organizations().inbound(connectors).build()
}

#[test]
fn a_new_connector_tells_whom_it_would_refuse_and_refuses_nobody() {
    let directory = with([partner("acme/bank", &["bank.example"])
        .named(BANK)
        .restricting()
        .tried()]);
    let bank = stranger().from("bank.example");
    for (session, to, expected) in [
        (
            bank.clone(),
            "acme.example",
            one("acme/bank", ShadowOutcome::Fails, "tls-demanded"),
        ),
        (
            bank.clone().under_tls(),
            "acme.example",
            one("acme/bank", ShadowOutcome::Fails, "partner-restriction"),
        ),
        (
            bank.clone().with_certificate(&[BANK]),
            "acme.example",
            one("acme/bank", ShadowOutcome::Passes, "partner-met"),
        ),
        (
            bank.clone().under(tls(&[BANK], &unknown())),
            "acme.example",
            one("acme/bank", ShadowOutcome::NotKnown, "certificate-unknown"),
        ),
        (bank.clone(), "beta.example", Vec::new()),
        (bank.clone(), "there.example", Vec::new()),
        (stranger().from("other.example"), "acme.example", Vec::new()),
    ] {
        assert_eq!(tried(&session, &directory, to), expected, "{session:?} to {to}");
        assert_eq!(is_admitted(&session.to(&directory, to)), to != "there.example");
        assert_eq!(session.to(&directory, to), session.to(&with([]), to));
    }
    // Nobody is refused by two.
    let unknown_user = bank.standing(RecipientStanding::Unknown);
    let verdicts = tried(&unknown_user, &directory, "acme.example");
    assert_eq!(verdicts, one("acme/bank", ShadowOutcome::FailsAnyway, "tls-demanded"));
}

#[test]
fn a_draft_is_judged_in_the_place_of_what_it_would_replace() {
    let live = partner("acme/bank", &["bank.example"]).named(BANK).restricting();
    let wider = partner("acme/new", &["bank.example"]).draft_of("bank");
    let narrower = live.clone().with(|one| {
        one.key = key("acme/new");
        one.floor.groups = Some(KeyExchangeGroups::HYBRID);
    });
    let bank = stranger().from("bank.example");
    let directory = with([live.clone(), wider]);
    let expected = one("acme/new", ShadowOutcome::WouldGo, "partner-met");
    assert_eq!(tried(&bank.clone().under_tls(), &directory, "acme.example"), expected);
    let expected = one("acme/new", ShadowOutcome::FailsAnyway, "tls-demanded");
    assert_eq!(tried(&bank, &directory, "acme.example"), expected);
    let directory = with([live, narrower.draft_of("bank")]);
    let mut classical = tls(&[BANK], &Verdict::Holds);
    "X25519".clone_into(&mut classical.group);
    let expected = one("acme/new", ShadowOutcome::Fails, "tls-demanded");
    assert_eq!(
        tried(&bank.clone().under(classical), &directory, "acme.example"),
        expected
    );
    let expected = one("acme/new", ShadowOutcome::Passes, "partner-met");
    assert_eq!(
        tried(&bank.with_certificate(&[BANK]), &directory, "acme.example"),
        expected
    );
}

#[test]
fn a_server_that_would_be_known_relays_nothing_and_is_told_of() {
    let relay = own("acme/relay").named("mail.acme.example").tried();
    let directory = with([relay]);
    let server = stranger().from("acme.example").with_certificate(&["mail.acme.example"]);
    assert_eq!(told(&server.to(&directory, "there.example")), RELAY_DENIED);
    assert_eq!(
        tried(&server, &directory, "there.example"),
        one("acme/relay", ShadowOutcome::WouldGo, "own-server")
    );
    // What its organization would take as its own is ordinary mail until then.
    assert_eq!(
        tried(&server, &directory, "acme.example"),
        one("acme/relay", ShadowOutcome::Passes, "own-server")
    );
    let directionality = attribution(server.to(&directory, "acme.example")).direction;
    assert_eq!(directionality, Directionality::Incoming);
}

#[test]
fn what_is_tried_takes_no_room_of_what_acts() {
    let connector = |number: usize| {
        let text = format!("acme/c{number:03}");
        let connector = partner(&text, &[&format!("d{number}.example")]).named("*.bank.example");
        connector.restricting().with(|one| one.anchors = anchors(&text))
    };
    let acting: Vec<InboundConnector> = (0..40).map(connector).collect();
    let all: Vec<InboundConnector> = (40..60)
        .map(connector)
        .map(InboundConnector::tried)
        .chain(acting.clone())
        .collect();
    let facts = tls(&[BANK], &Verdict::Holds);
    assert_eq!(with(all).client_checks(&facts), with(acting).client_checks(&facts));
    let few = |number| {
        with(
            (0..3)
                .map(connector)
                .chain((3..number).map(|one| connector(one).tried())),
        )
    };
    assert_eq!(
        (few(3).client_checks(&facts).len(), few(9).client_checks(&facts).len()),
        (4, 10)
    );
}

/// A connector of whatever kind; its name and, for servers of its own, its certificate's are told apart by the number.
fn any_connector(chance: &mut Chance, number: usize) -> InboundConnector {
    let organization = chance.one_of(&["acme", "beta"]);
    let other = if organization == "acme" { "beta" } else { "acme" };
    let text = format!("{organization}/c{number}");
    let networks = chance.one_of(&[
        &["192.0.2.0/24"][..],
        &["192.0.2.1", "203.0.113.0/25"],
        &["203.0.113.0/28"],
        &[],
    ]);
    let connector = match chance.below(4) {
        0 => trusting(&text, &[other]),
        1 => {
            let own = own(&text).at(networks);
            match chance.below(2) {
                0 => own.named(&format!("c{number}.{organization}.example")),
                _ => own,
            }
        }
        _ => {
            let scope = chance.one_of(&["bank.example", "*.bank.example", "*", "acme.example", "beta.example"]);
            let partner = partner(&text, &[scope]).at(networks);
            let partner = match chance.below(2) {
                0 => partner.named(chance.one_of(&[BANK, "*.bank.example", "c1.acme.example"])),
                _ => partner,
            };
            if chance.below(2) == 0 {
                partner.restricting()
            } else {
                partner
            }
        }
    };
    let trusts = !connector.trusted_organizations.is_empty();
    connector.with(|one| {
        if !trusts {
            one.floor.groups = (chance.below(4) == 0).then_some(KeyExchangeGroups::HYBRID);
        }
        if !trusts && chance.below(4) == 0 {
            one.associated_accepted_domains = [domain(&format!("{organization}.example"))].into();
        }
        if one.kind == ConnectorType::OnPremises {
            one.require_tls = chance.below(2) == 0;
        }
        one.plaintext_reply = chance.one_of(&[PlaintextReply::TryAgain, PlaintextReply::Refuse]);
    })
}

fn sessions() -> Vec<Session> {
    let certificates: [&[&str]; 4] = [
        &[BANK],
        &["c1.acme.example"],
        &["*.beta.example", "c2.acme.example"],
        &[],
    ];
    let mut sessions = Vec::new();
    for client in ["192.0.2.1", "203.0.113.9", "203.0.113.99"] {
        for from in ["bank.example", "a.bank.example", "acme.example", "beta.example", "<>"] {
            let session = stranger().at(client).from(from);
            sessions.push(session.clone());
            for names in certificates {
                for verdict in [Verdict::Holds, self_signed(), unknown()] {
                    sessions.push(session.clone().under(tls(names, &verdict)));
                }
            }
        }
    }
    sessions
}

/// Directories with and without what is tried, and the documents that are.
fn worlds() -> impl Iterator<Item = (Parts, Vec<InboundConnector>)> {
    let mut chance = Chance(7);
    (0..60).map(move |_| {
        let acting: Vec<InboundConnector> = (0..4).map(|number| any_connector(&mut chance, number)).collect();
        let mut tried: Vec<InboundConnector> = Vec::new();
        for number in 4..8 {
            let connector = any_connector(&mut chance, number);
            let live = &acting[number - 4];
            let is_draft = live.key.organization == connector.key.organization && chance.below(3) > 0;
            tried.push(if is_draft {
                let name = live.key.name.to_string();
                let certificate = live.tls_sender_certificate_name.clone();
                let connector = connector.draft_of(&name);
                let is_own = connector.kind == ConnectorType::OnPremises && live.kind == ConnectorType::OnPremises;
                connector.with(|one| {
                    if is_own && certificate.is_some() {
                        one.tls_sender_certificate_name = certificate;
                    }
                })
            } else {
                connector.tried()
            });
        }
        let parts = three_organizations().settings("acme", |acme| acme.reject_direct_send = true);
        (parts.inbound(acting), tried)
    })
}

#[test]
fn no_admission_is_another_for_what_is_tried() {
    let sessions = sessions();
    for (parts, tried) in worlds() {
        let without = parts.clone().build();
        let with = parts.inbound(tried).build();
        for session in &sessions {
            for to in ["acme.example", "beta.example", "there.example"] {
                assert_eq!(session.to(&with, to), session.to(&without, to), "{session:?} to {to}");
            }
            if let Some(facts) = session.security.tls() {
                let checks = without.client_checks(facts);
                assert_eq!(with.client_checks(facts)[..checks.len()], checks);
            }
        }
    }
}

/// Each verdict is held against a directory in which that one document is put where it would stand.
#[test]
fn a_verdict_is_what_would_become_of_the_recipient_if_the_document_alone_acted() {
    let sessions = sessions();
    let mut seen = Vec::new();
    for (parts, tried) in worlds() {
        let with = parts.clone().inbound(tried.clone()).build();
        for one in tried {
            let replaced = one.shadow.clone().and_then(|shadow| shadow.draft_of);
            let organization = one.key.organization.clone();
            let mut promoted = parts.clone();
            promoted
                .inbound
                .retain(|live| live.key.organization != organization || Some(&live.key.name) != replaced.as_ref());
            promoted.inbound.push(one.clone().with(|one| one.shadow = None));
            let promoted = promoted.build();
            for session in &sessions {
                for to in ["acme.example", "beta.example", "there.example"] {
                    let (now, then) = (session.to(&with, to), session.to(&promoted, to));
                    let verdicts = session.asked(&with, to, |facts| try_shadows(facts, &now));
                    let mut verdicts = verdicts.into_iter();
                    let found = verdicts.find(|verdict| verdict.document.name == one.key.name);
                    let expected = match (is_admitted(&now), is_admitted(&then)) {
                        (true, true) => ShadowOutcome::Passes,
                        (true, false) => ShadowOutcome::Fails,
                        (false, false) => ShadowOutcome::FailsAnyway,
                        (false, true) => ShadowOutcome::WouldGo,
                    };
                    let context = format!("{one:?}\n{session:?} to {to}\n{now:?}\n{then:?}\n{found:?}");
                    let Some(found) = found else {
                        let changes = matches!(expected, ShadowOutcome::Fails | ShadowOutcome::WouldGo);
                        assert!(!changes, "{context}");
                        continue;
                    };
                    let is_ours = matches!(then.reasons().first(), Some(Reason::CertificateUnknown { .. }));
                    let expected = if is_ours { ShadowOutcome::NotKnown } else { expected };
                    assert_eq!(found.outcome, expected, "{context}");
                    if !is_admitted(&then) {
                        assert_eq!(found.why.key, then.reasons()[0].key(), "{context}");
                    }
                    if !seen.contains(&expected) {
                        seen.push(expected);
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), ShadowOutcome::ALL.len(), "{seen:?}");
}

/// With exceptions that have long ended each connector stands alone: then every one is looked at.
#[test]
fn where_one_speaks_for_all_that_demand_the_same_nobody_is_answered_otherwise() {
    let mut chance = Chance(11);
    for _ in 0..60 {
        let connectors: Vec<InboundConnector> = (0..12).map(|number| any_connector(&mut chance, number)).collect();
        let ended = connectors.iter().map(|one| Exception {
            until: Timestamp::EPOCH,
            ..exception(
                &one.key.to_string(),
                ExceptionSubject::InboundConnector(one.key.name.clone()),
                Relaxation::Plaintext,
            )
        });
        let parts = three_organizations().inbound(connectors.clone());
        let each = parts.clone().exceptions(ended.collect::<Vec<_>>()).build();
        let together = parts.build();
        for session in sessions() {
            for recipient in [
                "acme.example",
                "sales.acme.example",
                "beta.example",
                "elsewhere.example",
            ] {
                let (one, other) = (session.to(&together, recipient), session.to(&each, recipient));
                match (&one, &other) {
                    (Admission::Admitted { attribution: a, .. }, Admission::Admitted { attribution: b, .. }) => {
                        assert_eq!(a, b, "{recipient} {session:?} {connectors:?}");
                    }
                    (Admission::Refused { reply: a, .. }, Admission::Refused { reply: b, .. }) => {
                        assert_eq!(
                            (a.code, a.enhanced),
                            (b.code, b.enhanced),
                            "{recipient} {session:?} {connectors:?}"
                        );
                    }
                    _ => panic!("{one:?} is not {other:?}: {recipient} {session:?} {connectors:?}"),
                }
            }
        }
    }
}
