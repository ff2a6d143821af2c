//! Two organizations on one service: neither relays, refuses or reads through the other's connectors.

use super::*;

fn directory() -> Directory {
    three_organizations()
        .inbound([
            own("acme/cert").named("*.acme.example"),
            own("acme/address").at(&["192.0.2.1"]),
            own("beta/cert").named("*.beta.example"),
            own("beta/address").at(&["192.0.3.1"]),
        ])
        .build()
}

#[test]
fn nobody_relays_as_another_organization() {
    let directory = directory();
    let as_acme = stranger().at("192.0.3.1").from("acme.example");
    assert_eq!(
        told(&as_acme.to(&directory, "elsewhere.example")),
        NOT_ATTRIBUTED,
        "beta's server, acme's name"
    );
    let with_certificate = as_acme.with_certificate(&["mail.beta.example"]);
    let relayed = attribution(with_certificate.to(&directory, "elsewhere.example"));
    assert_eq!(
        relayed.organization,
        name("beta"),
        "beta answers for what its server sends, whoever is named"
    );
}

/// Whoever may write acme's connectors must gain nothing over beta's mail.
#[test]
fn nobody_restricts_another_organizations_mail() {
    let grabbing = three_organizations()
        .settings("acme", |acme| {
            acme.require_tls_inbound = true;
            acme.reject_direct_send = true;
        })
        .inbound([
            partner("acme/all", &["*"]).at(&["192.0.2.1"]).restricting(),
            partner("acme/beta", &["beta.example"])
                .named("mail.beta.example")
                .restricting(),
        ])
        .build();
    for from in ["elsewhere.example", "beta.example", "acme.example", "<>"] {
        let session = stranger().from(from);
        assert_eq!(
            told(&session.to(&grabbing, "beta.example")),
            "local recipient for beta",
            "{from}"
        );
        assert!(!is_admitted(&session.to(&grabbing, "acme.example")), "{from}");
    }
}

#[test]
fn an_address_listed_by_another_organization_makes_nobodys_mail_its_own() {
    let grabbing = three_organizations()
        .inbound([own("acme/world").at(&["0.0.0.0/0"]).with(|one| {
            one.require_tls = true;
            one.treat_messages_as_internal = true;
        })])
        .build();
    for from in ["elsewhere.example", "beta.example", "acme.example"] {
        let to_beta = attribution(stranger().from(from).to(&grabbing, "beta.example"));
        let expected = Attribution {
            organization: name("beta"),
            ..Attribution::default()
        };
        assert_eq!(to_beta, expected, "{from}");
    }
    assert_eq!(
        told(&stranger().from("beta.example").to(&grabbing, "elsewhere.example")),
        NOT_ATTRIBUTED
    );
}

#[test]
fn a_certificate_name_in_anothers_domain_cannot_be_taken() {
    let parts = three_organizations().inbound([own("acme/grab").named("*.beta.example")]);
    assert_eq!(
        parts.faults(),
        ["inbound connector acme/grab, tls_sender_certificate_name"]
    );
}

#[test]
fn mail_between_organizations_is_incoming_and_the_recipients_own_connectors_judge_it() {
    let directory = three_organizations()
        .inbound([
            own("acme/cert")
                .named("*.acme.example")
                .with(|one| one.treat_messages_as_internal = true),
            partner("beta/lock", &["acme.example"]).at(&["192.0.2.9"]).restricting(),
        ])
        .build();
    let from_acme = stranger().from("acme.example").with_certificate(&["mail.acme.example"]);
    assert_eq!(told(&from_acme.to(&directory, "beta.example")), BY_ADDRESS);
    let from_the_right_place = attribution(from_acme.at("192.0.2.9").to(&directory, "beta.example"));
    assert_eq!(
        (from_the_right_place.direction, from_the_right_place.internal),
        (Directionality::Incoming, false)
    );
}

#[test]
fn a_trusted_organizations_server_meets_restrictions_when_it_is_known_by_certificate_or_sender() {
    let parts = |trusts: &[&str]| {
        let friends = (!trusts.is_empty()).then(|| trusting("beta/friends", trusts));
        let directory = three_organizations().inbound([
            own("acme/cert").named("*.acme.example"),
            own("acme/address").at(&["192.0.2.1"]),
            partner("beta/lock", &["*"]).at(&["192.0.3.9"]).restricting(),
        ]);
        directory.inbound(friends).build()
    };
    let by_certificate = stranger().with_certificate(&["mail.acme.example"]);
    let by_sender = stranger().at("192.0.2.1").from("acme.example").under_tls();
    let by_address_alone = stranger().at("192.0.2.1").under_tls();
    for (session, counts) in [(&by_certificate, true), (&by_sender, true), (&by_address_alone, false)] {
        assert_eq!(is_admitted(&session.to(&parts(&["acme"]), "beta.example")), counts);
        assert!(!is_admitted(&session.to(&parts(&[]), "beta.example")));
        assert!(!is_admitted(&session.to(&parts(&["default"]), "beta.example")));
    }
    let admission = by_certificate.to(&parts(&["acme"]), "beta.example");
    assert_eq!(told(&admission), "connector beta/friends (organization acme) for beta");
    let cannot_know = stranger().under(tls(&["mail.acme.example"], &unknown()));
    assert_eq!(told(&cannot_know.to(&parts(&["acme"]), "beta.example")), COME_AGAIN);
    assert_eq!(
        told(&cannot_know.to(&parts(&[]), "beta.example")),
        BY_ADDRESS,
        "to know it would not help"
    );
}

#[test]
fn whose_server_brought_it_is_known_for_whichever_recipient_and_of_nobody_elses_claim() {
    let directory = three_organizations()
        .inbound([
            own("acme/cert").named("*.acme.example"),
            own("acme/address").at(&["192.0.2.1"]),
        ])
        .build();
    let by_certificate = stranger().with_certificate(&["mail.acme.example"]);
    let by_sender = stranger().at("192.0.2.1").from("acme.example");
    for session in [&by_certificate, &by_sender] {
        for recipient in ["acme.example", "beta.example", "elsewhere.example"] {
            let from = attribution(session.to(&directory, recipient)).from;
            assert_eq!(from, Some(name("acme")), "{recipient}");
        }
    }
    let claims = stranger().at("192.0.2.2").from("acme.example");
    let by_recipient = stranger().at("192.0.2.1").from("elsewhere.example");
    for (session, recipient, expected) in [
        (&claims, "acme.example", None),
        (&claims, "beta.example", None),
        (&by_recipient, "acme.example", Some(name("acme"))),
        (&by_recipient, "beta.example", None),
    ] {
        assert_eq!(
            attribution(session.to(&directory, recipient)).from,
            expected,
            "{recipient}"
        );
    }
}

/// Trust is in who sends, and not in the way that it came.
#[test]
fn trust_in_an_organization_lowers_no_demand_on_tls() {
    let directory = |demands: bool| {
        three_organizations()
            .inbound([
                own("acme/address").at(&["192.0.2.1"]),
                partner("beta/lock", &["*"])
                    .at(&["192.0.3.9"])
                    .restricting()
                    .with(|one| one.require_tls = demands),
                trusting("beta/friends", &["acme"]).with(|one| one.require_tls = false),
            ])
            .build()
    };
    let in_the_clear = stranger().at("192.0.2.1").from("acme.example");
    assert!(is_admitted(&in_the_clear.to(&directory(false), "beta.example")));
    assert!(!is_admitted(&in_the_clear.to(&directory(true), "beta.example")));
    assert!(is_admitted(
        &in_the_clear.under_tls().to(&directory(true), "beta.example")
    ));
}

#[test]
fn a_wildcard_of_one_organization_does_not_reach_into_anothers_domain() {
    let mut parts = three_organizations().inbound([own("acme/cert").named("*.acme.example")]);
    parts.domains.push(accepted("beta", "sub.acme.example"));
    let directory = parts.build();
    let of_acme = stranger().from("<>").with_certificate(&["mail.acme.example"]);
    let of_beta = stranger().from("<>").with_certificate(&["mail.sub.acme.example"]);
    assert!(is_admitted(&of_acme.to(&directory, "elsewhere.example")));
    assert!(!is_admitted(&of_beta.to(&directory, "elsewhere.example")));
}

#[test]
fn an_organization_that_takes_mail_under_tls_alone_takes_its_own_so_too() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.require_tls_inbound = true)
        .inbound([own("acme/address").at(&["192.0.2.1"])])
        .build();
    let server = stranger().at("192.0.2.1").from("elsewhere.example");
    assert!(!is_admitted(&server.to(&directory, "acme.example")));
    assert!(is_admitted(&server.under_tls().to(&directory, "acme.example")));
}

/// Taken for a stranger's, its mail would miss what the rules about its connector demand.
#[test]
fn an_own_server_whose_certificate_cannot_be_judged_comes_again() {
    let directory = three_organizations()
        .inbound([own("acme/cert").named("mail.acme.example")])
        .build();
    let cannot_know = stranger().under(tls(&["mail.acme.example"], &unknown()));
    assert_eq!(told(&cannot_know.to(&directory, "acme.example")), COME_AGAIN);
    assert!(is_admitted(&cannot_know.to(&directory, "beta.example")));
}

/// Every recipient of one message is judged alone.
#[test]
fn a_verdict_falls_at_its_recipient() {
    let directory = three_organizations()
        .inbound([partner("acme/lock", &["*"]).at(&["192.0.2.1"]).restricting()])
        .build();
    let session = stranger();
    assert_eq!(told(&session.to(&directory, "acme.example")), BY_ADDRESS);
    assert_eq!(
        told(&session.to(&directory, "beta.example")),
        "local recipient for beta"
    );
    assert_eq!(
        told(&session.to(&directory, "local.example")),
        "local recipient for default"
    );
    assert_eq!(told(&session.to(&directory, "elsewhere.example")), RELAY_DENIED);
}

/// Every session that differs in what a connector may look at.
pub(super) fn all_sessions() -> Vec<Session> {
    let facts = [
        tls(&["mail.acme.example"], &Verdict::Holds),
        tls(&["mail.beta.example"], &Verdict::Holds),
        tls(&["mail.acme.example", "mail.beta.example"], &Verdict::Holds),
        tls(&["mail.acme.example", "mail.bank.example"], &unknown()),
        tls(&["mail.bank.example"], &self_signed()),
        tls(&[], &Verdict::Holds),
    ];
    let mut sessions = Vec::new();
    for client in ["192.0.2.1", "192.0.3.1", "192.0.4.1", "203.0.113.9"] {
        for from in [
            "acme.example",
            "beta.example",
            "bank.example",
            "elsewhere.example",
            "<>",
        ] {
            let session = stranger().at(client).from(from);
            let covered = facts.iter().map(|facts| session.clone().under(facts.clone()));
            sessions.extend(covered.chain([session.clone()]));
        }
    }
    sessions
}

pub(super) fn betas() -> Parts {
    three_organizations()
        .settings("beta", |beta| beta.reject_direct_send = true)
        .inbound([
            own("beta/cert")
                .named("*.beta.example")
                .with(|one| one.treat_messages_as_internal = true),
            own("beta/address").at(&["192.0.3.0/24", "192.0.4.1"]),
            partner("beta/bank", &["bank.example"])
                .named("mail.bank.example")
                .restricting(),
        ])
}

#[test]
fn no_partner_or_outbound_connector_of_one_organization_changes_a_verdict_on_anothers_mail() {
    let lock = || partner("acme/lock", &["*"]).at(&["192.0.2.1"]).restricting();
    let more = betas()
        .settings("acme", |acme| {
            acme.reject_direct_send = true;
            acme.require_tls_inbound = true;
        })
        .inbound([
            lock(),
            partner("acme/bank", &["bank.example", "beta.example"])
                .named("*.beta.example")
                .restricting(),
            trusting("acme/friends", &["beta", "default"]),
        ])
        .outbound([outbound("acme/all", &["*", "beta.example"])]);
    let (without, with) = (betas().build(), more.build());
    for session in all_sessions() {
        for recipient in ["beta.example", "local.example", "elsewhere.example", "[192.0.2.1]"] {
            let (before, after) = (session.to(&without, recipient), session.to(&with, recipient));
            assert_eq!(
                before, after,
                "{recipient} at {} from {:?}",
                session.client, session.from
            );
        }
    }
}

/// Whoever may write acme's connectors can take its own servers' mail out of what beta takes for its own, and no more.
#[test]
fn no_server_of_one_organization_gets_more_from_another_that_does_not_trust_it() {
    let more = betas().inbound([
        own("acme/cert")
            .named("*.acme.example")
            .with(|one| one.treat_messages_as_internal = true),
        own("acme/world")
            .at(&["0.0.0.0/0", "::/0"])
            .with(|one| one.treat_messages_as_internal = true),
    ]);
    let (without, with) = (betas().build(), more.build());
    let mut differ = 0;
    for session in all_sessions() {
        let (before, after) = (session.to(&without, "beta.example"), session.to(&with, "beta.example"));
        differ += usize::from(before != after);
        if let Admission::Admitted { attribution, .. } = &after {
            assert!(is_admitted(&before), "{session:?}");
            assert_eq!(attribution.organization, name("beta"));
        }
        let is_own = |admission: &Admission| match admission {
            Admission::Admitted { attribution, .. } => attribution.direction == Directionality::Originating,
            Admission::Refused { .. } => false,
        };
        assert!(!is_own(&after) || is_own(&before), "{session:?}");
        let elsewhere = session.to(&with, "elsewhere.example");
        if let Admission::Admitted { attribution, .. } = elsewhere {
            let is_acmes = attribution.organization == name("acme");
            let from_acme =
                matches!(&session.from, ReversePath::Mailbox(from) if from.host().to_string() == "acme.example");
            let by_name = |name: &String| name == "mail.acme.example";
            let certificate = session.security.tls().and_then(|tls| tls.chain.first());
            let has_name = certificate.is_some_and(|leaf| leaf.dns_names.iter().any(by_name));
            assert!(!is_acmes || from_acme || has_name, "{session:?}");
        }
    }
    assert!(differ > 0, "the sessions are such that acme's servers are known");
}
