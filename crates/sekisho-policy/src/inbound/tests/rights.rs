//! Rights to relay, and what holds without any connector.

use std::sync::LazyLock;

use sekisho_mail::ReplyClass;

use super::*;

fn tls(spki_sha256: Digest, key: KeyProof) -> ChannelSecurity {
    let mut facts = super::tls(&["client.example"], &Verdict::Holds);
    facts.chain[0].spki_sha256 = spki_sha256;
    ChannelSecurity::Tls(Box::new(TlsFacts { key, ..facts }))
}

fn ask(rights: &RelayRights, client: &str, security: &ChannelSecurity, stage: Stage<'_>) -> Admission {
    admit(&InboundFacts {
        trial: None,
        client: client.parse().unwrap(),
        security,
        rights,
        directory: &Directory::default(),
        now: Timestamp::EPOCH,
        reverse_path: &ReversePath::Null,
        stage,
    })
}

fn rcpt(standing: RecipientStanding) -> Stage<'static> {
    rcpt_as(standing, "user")
}

fn rcpt_as(standing: RecipientStanding, local_part: &str) -> Stage<'_> {
    static HOST: LazyLock<Host> = LazyLock::new(|| Host::parse("example.org").unwrap());
    Stage::Rcpt {
        standing,
        local_part,
        recipient: &HOST,
    }
}

fn may_relay(rights: &RelayRights, client: &str, security: &ChannelSecurity) -> bool {
    let standing = RecipientStanding::Elsewhere;
    matches!(
        ask(rights, client, security, rcpt(standing)),
        Admission::Admitted { .. }
    )
}

fn rights(bound: &str, exposure: Exposure, from: Option<RelayFrom>) -> RelayRights {
    RelayRights::of_listener(bound.parse().unwrap(), exposure, from)
}

#[test]
fn loopback_relays_only_at_a_listener_that_nobody_else_can_reach() {
    let clients = [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "192.0.2.1",
        "10.0.0.1",
        "::",
    ];
    for bound in ["127.0.0.1", "::1", "0.0.0.0", "::", "192.0.2.7"] {
        for exposure in [Exposure::Direct, Exposure::Proxied, Exposure::Container] {
            let rights = rights(bound, exposure, None);
            for client in clients {
                let alone = matches!(bound, "127.0.0.1" | "::1") && exposure == Exposure::Direct;
                let local = clients[..4].contains(&client);
                assert_eq!(
                    may_relay(&rights, client, &plain()),
                    alone && local,
                    "{bound} {exposure:?} {client}"
                );
            }
        }
    }
}

#[test]
fn what_the_operator_wrote_holds_alone() {
    let nobody = rights("127.0.0.1", Exposure::Direct, Some(RelayFrom::default()));
    assert!(nobody.is_nobody() && !may_relay(&nobody, "127.0.0.1", &plain()));
    let from = RelayFrom {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        keys: Vec::new(),
    };
    let some = rights("127.0.0.1", Exposure::Proxied, Some(from));
    assert!(may_relay(&some, "192.0.2.9", &plain()));
    assert!(may_relay(&some, "::ffff:192.0.2.9", &plain()));
    assert!(!may_relay(&some, "127.0.0.1", &plain()));
    assert!(!may_relay(&some, "192.0.3.9", &tls(KEY, KeyProof::Proven)));
}

#[test]
fn a_key_gives_a_right_only_when_it_is_listed_and_proven() {
    let from = RelayFrom {
        networks: Vec::new(),
        keys: vec![KEY, Digest([0; 32])],
    };
    let rights = rights("0.0.0.0", Exposure::Direct, Some(from));
    assert!(may_relay(&rights, "198.51.100.1", &tls(KEY, KeyProof::Proven)));
    for security in [
        plain(),
        tls(Digest([6; 32]), KeyProof::Proven),
        tls(Digest([0; 32]), KeyProof::Proven),
        tls(KEY, KeyProof::NotProven("odd".to_owned())),
    ] {
        assert!(!may_relay(&rights, "198.51.100.1", &security), "{security:?}");
    }
}

#[test]
fn mail_for_us_needs_no_right_and_mail_for_nobody_is_refused_even_to_who_may_relay() {
    let nobody = RelayRights::default();
    let everyone = rights("127.0.0.1", Exposure::Direct, None);
    for rights in [&nobody, &everyone] {
        for (standing, code, right) in [
            (RecipientStanding::User, None, "local recipient"),
            (RecipientStanding::Alias, None, "local alias"),
            (RecipientStanding::RelayDomain, None, "relay domain"),
            (
                RecipientStanding::Unknown,
                Some("550 5.1.1 no such user here"),
                "unknown-user",
            ),
        ] {
            let admission = ask(rights, "127.0.0.1", &plain(), rcpt(standing));
            assert_eq!(admission.reasons()[0].admission_right(), right);
            match admission {
                Admission::Admitted { .. } => assert_eq!(code, None),
                Admission::Refused { reply, .. } => assert_eq!(Some(reply.to_string().as_str()), code),
            }
        }
    }
}

#[test]
fn a_stranger_hands_the_server_behind_us_no_order_to_send_on() {
    let standing = RecipientStanding::RelayDomain;
    let loopback = rights("127.0.0.1", Exposure::Direct, None);
    for local_part in [
        "u%there.example",
        "there.example!u",
        "\"u@there.example\"",
        "\"u\\@there.example\"",
    ] {
        let stage = rcpt_as(standing, local_part);
        let stranger = ask(&RelayRights::default(), "192.0.2.1", &plain(), stage);
        assert_eq!(stranger.reasons(), [Reason::RelayDenied], "{local_part}");
        let trusted = ask(&loopback, "127.0.0.1", &plain(), stage);
        assert_eq!(trusted.reasons(), [Reason::RelayForLoopback], "{local_part}");
        let standing = RecipientStanding::Alias;
        let ours = ask(
            &RelayRights::default(),
            "192.0.2.1",
            &plain(),
            rcpt_as(standing, local_part),
        );
        assert_eq!(ours.reasons(), [Reason::LocalAlias], "what is ours we read ourselves");
    }
}

#[test]
fn a_refusal_to_relay_is_permanent_and_names_no_configuration() {
    let from = RelayFrom {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        keys: vec![KEY],
    };
    let rights = rights("0.0.0.0", Exposure::Direct, Some(from));
    let standing = RecipientStanding::Elsewhere;
    let Admission::Refused { reply, reasons, .. } = ask(&rights, "203.0.113.1", &plain(), rcpt(standing)) else {
        panic!("admitted");
    };
    assert_eq!(reply.to_string(), "550 5.7.1 relaying denied");
    assert_eq!(reasons, [Reason::RelayDenied]);
}

#[test]
fn a_looping_message_is_refused_after_its_content() {
    let rights = RelayRights::default();
    let content = |hops, own_hops| {
        let stage = Stage::Content {
            hops,
            max_hops: 100,
            own_hops,
        };
        ask(&rights, "192.0.2.1", &plain(), stage)
    };
    assert_eq!(content(100, OWN_HOPS_MAX).reasons(), [Reason::ContentAccepted]);
    // A next hop that hands everything back is found long before.
    let Admission::Refused { reply, reasons, .. } = content(22, OWN_HOPS_MAX + 1) else {
        panic!("admitted");
    };
    assert_eq!(reply.enhanced, Some(EnhancedCode::new(5, 4, 6)));
    assert_eq!(reasons, [Reason::ComesBack { times: 11 }]);
    let Admission::Refused { reply, reasons, .. } = content(101, 0) else {
        panic!("admitted");
    };
    assert_eq!(
        (reply.code.class(), reasons),
        (ReplyClass::Permanent, vec![Reason::TooManyHops { hops: 101 }])
    );
    let mail = ask(&rights, "192.0.2.1", &plain(), Stage::Mail);
    assert_eq!(mail.stated()[0].key, "any-sender");
}
