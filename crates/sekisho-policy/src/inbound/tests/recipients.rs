//! Recipients in relay domains: lists, and what the next hop says.

use std::{collections::HashSet, sync::Arc};

use super::*;

fn list(recipients: &[&str]) -> RecipientCheck {
    let known: HashSet<Box<str>> = recipients.iter().map(|text| (*text).into()).collect();
    RecipientCheck::List(Arc::new(known))
}

/// acme.example with this check.
fn relay(kind: DomainKind, check: RecipientCheck) -> Parts {
    let mut parts = three_organizations();
    let acme = parts
        .domains
        .iter_mut()
        .find(|one| one.domain.as_str() == "acme.example");
    let acme = acme.unwrap();
    (acme.kind, acme.check) = (kind, check);
    parts
}

fn asked(session: &Session, directory: &Directory, local_part: &str) -> String {
    let recipient = Host::parse("acme.example").unwrap();
    let admission = admit(&InboundFacts {
        client: session.client,
        security: &session.security,
        rights: &session.rights,
        directory,
        now: session.now,
        reverse_path: &session.from,
        stage: Stage::Rcpt {
            standing: session.standing,
            local_part,
            recipient: &recipient,
        },
        trial: None,
    });
    told(&admission)
}

#[test]
fn who_is_neither_here_nor_listed_does_not_exist_whoever_asks_and_however_it_is_written() {
    let directory = relay(DomainKind::InternalRelay, list(&["bob", "a b"])).build();
    let unknown = "550 5.1.1 no such user here";
    let stranger = stranger().standing(RecipientStanding::RelayDomain);
    for (local_part, wanted) in [
        ("bob", "relay domain for acme"),
        ("BoB", "relay domain for acme"),
        ("\"bob\"", "relay domain for acme"),
        ("\"A B\"", "relay domain for acme"),
        ("PostMaster", "relay domain for acme"),
        ("bobby", unknown),
        ("bob+tag", unknown),
        ("bob%elsewhere.example", RELAY_DENIED),
    ] {
        assert_eq!(asked(&stranger, &directory, local_part), wanted, "{local_part}");
    }
    // A mailbox here needs no list, and a list is its domain's alone.
    assert_eq!(
        asked(&stranger.clone().standing(RecipientStanding::User), &directory, "eve"),
        "local recipient for acme"
    );
    assert!(is_admitted(&stranger.to(&directory, "beta.example")));
    for check in [RecipientCheck::None, RecipientCheck::Probe] {
        let directory = relay(DomainKind::ExternalRelay, check).build();
        assert_eq!(asked(&stranger, &directory, "anybody"), "relay domain for acme");
    }
}

#[test]
fn only_a_refusal_of_the_recipient_itself_refuses_for_good() {
    let organization: OrganizationName = "acme".parse().unwrap();
    let reply = |text: &str| match heed(
        &NextHopSays::Unknown(Reply {
            code: sekisho_mail::ReplyCode::REFUSED,
            enhanced: text.parse().ok(),
            lines: vec!["relay mailbox of acme is gone".to_owned()],
        }),
        &organization,
    ) {
        Err(refused @ Admission::Refused { .. }) => {
            let Admission::Refused {
                organization: whose, ..
            } = &refused
            else {
                unreachable!();
            };
            assert_eq!(whose.as_ref(), Some(&organization));
            refused_with(&refused)
        }
        other => panic!("{other:?}"),
    };
    let words = "the next server takes no mail for this recipient";
    assert_eq!(reply("5.1.1"), format!("550 5.1.1 {words}"));
    assert_eq!(reply("5.7.1"), format!("550 5.7.1 {words}"), "its reason is passed on");
    assert_eq!(reply(""), format!("550 5.1.1 {words}"));
    assert_eq!(
        reply("4.2.2"),
        format!("550 5.1.1 {words}"),
        "the class is that of the code"
    );
    let nothing = heed(&NextHopSays::Nothing("192.0.2.1 is down".to_owned()), &organization).unwrap_err();
    assert_eq!(
        refused_with(&nothing),
        "451 4.4.3 the recipient cannot be checked at present, try again later"
    );
    assert_eq!(heed(&NextHopSays::Known, &organization), Ok(Reason::NextHopKnows));
}

/// The reply, which tells nothing of what stands behind us.
fn refused_with(admission: &Admission) -> String {
    told(admission)
}

#[test]
fn a_check_is_for_a_relay_domain_and_a_list_for_whoever_is_on_it() {
    let at = |kind, check| relay(kind, check);
    for check in [list(&["bob"]), RecipientCheck::Probe] {
        assert_eq!(
            at(DomainKind::Authoritative, check).faults(),
            ["domain acme.example, recipient_check"]
        );
    }
    assert_eq!(
        at(DomainKind::ExternalRelay, list(&[])).faults(),
        ["domain acme.example, recipients"]
    );
    assert_eq!(
        at(DomainKind::InternalRelay, list(&[])).warnings(),
        ["domain acme.example, recipients"]
    );
}

/// Who is told of what the next hop refuses later depends on it.
#[test]
fn a_stranger_is_who_is_neither_a_server_of_an_organization_nor_may_relay() {
    let mut parts = relay(DomainKind::InternalRelay, RecipientCheck::None);
    parts = parts.inbound([
        own("acme/net").at(&["192.0.2.1"]),
        own("beta/net").at(&["192.0.2.2"]),
        partner("acme/bank", &["bank.example"]).at(&["192.0.2.3"]).restricting(),
    ]);
    let directory = parts.build();
    let at = |address: &str, from: &str, standing| {
        let session = stranger().at(address).from(from).under_tls().standing(standing);
        attribution(session.to(&directory, "acme.example")).from_stranger
    };
    for standing in [RecipientStanding::RelayDomain, RecipientStanding::Alias] {
        assert!(
            at("203.0.113.9", "acme.example", standing),
            "MAIL FROM says what it likes"
        );
        assert!(!at("192.0.2.1", "there.example", standing));
        assert!(!at("192.0.2.2", "beta.example", standing), "a neighbour's server");
        assert!(at("192.0.2.3", "bank.example", standing), "a partner");
    }
    assert!(
        !at("203.0.113.9", "there.example", RecipientStanding::User),
        "it ends here"
    );
    let mut client = stranger().standing(RecipientStanding::RelayDomain);
    client.rights = RelayRights::of_listener(
        "192.0.2.9".parse().unwrap(),
        Exposure::Direct,
        Some(RelayFrom {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            keys: Vec::new(),
        }),
    );
    assert!(!attribution(client.to(&directory, "acme.example")).from_stranger);
}
