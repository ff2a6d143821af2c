//! Documents that are tried: what they may say, and that no look-up ever finds one.

use sekisho_mail::{Mailbox, ReversePath, ShadowOutcome};

use super::*;

type Wrong = fn(Parts) -> Parts;

#[test]
fn what_could_never_be_promoted_is_refused_when_it_is_set() {
    let live = || {
        three_organizations()
            .inbound([own("acme/relay").named("mail.acme.example")])
            .outbound([outbound("acme/bank", &["bank.example"]), outbound("acme/all", &["*"])])
            .rules([rule("acme/secret").rejecting("no")])
    };
    let table: [(&str, &str, Wrong); 12] = [
        ("inbound connector acme/new", "sender_domains", |parts| {
            parts.inbound([partner("acme/new", &[]).tried()])
        }),
        ("inbound connector acme/new", "tls_sender_certificate_name", |parts| {
            parts.inbound([own("acme/new").named("mail.acme.example").tried()])
        }),
        ("inbound connector acme/new", "draft_of", |parts| {
            parts.inbound([own("acme/new").draft_of("nobody")])
        }),
        // Names are those of one direction.
        ("inbound connector acme/new", "draft_of", |parts| {
            parts.inbound([own("acme/new").draft_of("bank")])
        }),
        ("inbound connector beta/new", "draft_of", |parts| {
            parts.inbound([own("beta/new").draft_of("relay")])
        }),
        ("outbound connector acme/new", "recipient_domains", |parts| {
            parts.outbound([outbound("acme/new", &["bank.example"]).tried()])
        }),
        ("outbound connector acme/new", "recipient_domains", |parts| {
            parts.outbound([outbound("acme/new", &["bank.example"]).draft_of("all")])
        }),
        ("outbound connector acme/new", "draft_of", |parts| {
            parts.outbound([outbound("acme/new", &["new.example"]).draft_of("new")])
        }),
        ("outbound connector acme/two", "draft_of", |parts| {
            let draft = |text| outbound(text, &["bank.example"]).draft_of("bank");
            parts.outbound([draft("acme/one"), draft("acme/two")])
        }),
        ("outbound connector acme/two", "draft_of", |parts| {
            let one = outbound("acme/one", &["one.example"]).tried();
            parts.outbound([one, outbound("acme/two", &["two.example"]).draft_of("one")])
        }),
        ("rule acme/new", "", |parts| parts.rules([rule("acme/new").tried()])),
        ("rule acme/new", "draft_of", |parts| {
            parts.rules([rule("acme/new").rejecting("no").draft_of("nobody")])
        }),
    ];
    for (place, field, wrong) in table {
        assert_eq!(wrong(live()).faults(), [format!("{place}, {field}")]);
    }
    let right = live()
        .inbound([own("acme/new").named("mail.acme.example").draft_of("relay")])
        .outbound([
            outbound("acme/new", &["bank.example", "*.bank.example"]).draft_of("bank"),
            // Each is judged alone.
            outbound("acme/one", &["one.example"]).tried(),
            outbound("acme/two", &["one.example"]).tried(),
        ])
        .rules([rule("acme/new").rejecting("no").draft_of("secret")]);
    Directory::build(1, right).unwrap();
}

#[test]
fn only_so_many_are_tried_at_a_time() {
    let tried = |count: usize| {
        let connectors = (0..count).map(|number| outbound(&format!("acme/o{number:03}"), &["*"]).tried());
        three_organizations().outbound(connectors)
    };
    Directory::build(1, tried(TRIED_MAX)).unwrap();
    assert_eq!(tried(TRIED_MAX + 2).faults(), ["outbound connector acme/o100, mode"]);
}

#[test]
fn who_wonders_why_nothing_is_counted_is_warned() {
    let disabled = outbound("acme/new", &["*"]).tried().with(|one| one.enabled = false);
    let parts = three_organizations()
        .inbound([partner("acme/bank", &["bank.example"]).tried()])
        .outbound([disabled])
        .rules([rule("acme/through")
            .rejecting("no")
            .with(|rule| rule.inbound_connector = Some("bank".into()))]);
    let warnings = parts.warnings();
    assert_eq!(
        warnings,
        [
            "rule acme/through, inbound_connector",
            "outbound connector acme/new, enabled"
        ]
    );
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

#[test]
fn no_selection_and_no_demand_is_another_for_what_is_tried() {
    let scopes = ["bank.example", "*.bank.example", "*.example", "*", "acme.example"];
    let acting = |set: usize| {
        let chosen = scopes
            .iter()
            .enumerate()
            .filter(move |(place, _)| set >> place & 1 == 1);
        chosen.map(|(place, scope)| outbound(&format!("acme/c{place}"), &[scope]))
    };
    let strict = |text: &str, scopes: &[&str]| {
        outbound(text, scopes).with(|one| one.tls_settings = TlsSettings::DomainValidation)
    };
    let all = own_for_all("acme/own");
    for set in 0..1usize << scopes.len() {
        let without = three_organizations().outbound(acting(set)).build();
        let drafts = acting(set).enumerate().map(|(place, live)| {
            let scopes: Vec<String> = live.recipient_domains.iter().map(ToString::to_string).collect();
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            strict(&format!("acme/d{place}"), &scopes).draft_of(&live.key.name)
        });
        let more = [all.clone().tried(), strict("acme/more", &["deep.bank.example"]).tried()];
        let with = three_organizations()
            .outbound(acting(set))
            .outbound(drafts)
            .outbound(more)
            .build();
        for to in [
            "bank.example",
            "deep.bank.example",
            "acme.example",
            "x.example",
            "[192.0.2.1]",
        ] {
            let (host, organization) = (host(to), name("acme"));
            let (one, other) = (with.select(&organization, &host), without.select(&organization, &host));
            assert_eq!(one.chosen.map(|one| &one.key), other.chosen.map(|one| &one.key), "{to}");
            assert_eq!(
                (&one.because, one.demands(&host)),
                (&other.because, other.demands(&host)),
                "{to}"
            );
        }
    }
}

/// An OnPremises connector for all accepted domains.
fn own_for_all(text: &str) -> OutboundConnector {
    outbound(text, &[]).with(|one| {
        one.kind = ConnectorType::OnPremises;
        one.all_accepted_domains = true;
    })
}

/// What is selected with each of them in its place is what a directory selects in which it acts.
#[test]
fn a_connector_is_selected_in_a_trial_as_it_would_be_if_it_acted() {
    let live = [
        outbound("acme/exact", &["bank.example"]),
        outbound("acme/wide", &["*.example"]),
        outbound("acme/rest", &["*"]),
    ];
    let tried = [
        outbound("acme/t1", &["bank.example", "other.example"]).draft_of("exact"),
        outbound("acme/t2", &["*.bank.example"]).draft_of("wide"),
        outbound("acme/t3", &["x.example"]).draft_of("rest"),
        outbound("acme/t4", &["deep.bank.example"]).tried(),
        own_for_all("acme/t5").tried(),
    ];
    let with = three_organizations()
        .outbound(live.clone())
        .outbound(tried.clone())
        .build();
    for one in &tried {
        let replaced = one.shadow.clone().and_then(|shadow| shadow.draft_of);
        let rest = live
            .iter()
            .filter(|live| Some(&live.key.name) != replaced.as_ref())
            .cloned();
        let promoted = one.clone().with(|one| one.shadow = None);
        let then = three_organizations().outbound(rest).outbound([promoted]).build();
        for to in [
            "bank.example",
            "deep.bank.example",
            "acme.example",
            "x.example",
            "net.test",
            "[192.0.2.1]",
        ] {
            let (host, organization) = (host(to), name("acme"));
            let expected = then.select(&organization, &host);
            let live = with.select(&organization, &host);
            let all = with.tried_outbound(&organization);
            let trial = all.iter().find(|tried| tried.document.key == one.key).unwrap();
            let found = with.select_trying(&live, &host, trial);
            let concerned = found.is_some();
            let found = found.unwrap_or(live);
            assert_eq!(
                found.chosen.map(|one| &one.key),
                expected.chosen.map(|one| &one.key),
                "{}, {to}",
                one.key
            );
            assert_eq!(found.because, expected.because, "{}, {to}", one.key);
            let covers = expected.demanding.iter().any(|other| other.key == one.key);
            assert!(concerned || !covers, "{}, {to}", one.key);
        }
    }
}

/// A draft of the way of all mail, and of one that a rule alone chooses, stands where the other stood.
#[test]
fn a_draft_stands_where_a_rule_or_all_mail_led() {
    let central = |text: &str| {
        outbound(text, &[]).with(|one| {
            one.kind = ConnectorType::OnPremises;
            one.route_all_messages_via_on_premises = true;
            one.smart_hosts = vec![SmartHost::Host(host("hub.acme.example"), 25)];
        })
    };
    let of_rules = |text: &str| outbound(text, &[]).with(|one| one.is_transport_rule_scoped = true);
    let directory = three_organizations()
        .outbound([
            central("acme/hub"),
            outbound("acme/rest", &["*"]),
            of_rules("acme/gate"),
        ])
        .outbound([
            central("acme/t-hub").draft_of("hub"),
            of_rules("acme/t-gate").draft_of("gate"),
            outbound("acme/t-exact", &["bank.example"]).tried(),
        ])
        .build();
    let (acme, bank) = (name("acme"), host("bank.example"));
    for (bearing, chosen) in [
        (Bearing::Free, ["t-hub", "-", "hub"]),
        (Bearing::FromOwnServer, ["-", "-", "t-exact"]),
        (Bearing::ByRule("gate"), ["-", "t-gate", "gate"]),
    ] {
        let live = directory.select_bearing(&acme, &bank, bearing);
        let then = |tried: &str| {
            let mut all = directory.tried_outbound(&acme).iter();
            let tried = all.find(|one| &*one.document.key.name == tried).unwrap();
            let found = directory.select_trying(&live, &bank, tried);
            let chosen = found.map(|found| found.chosen.unwrap().key.name.to_string());
            chosen.unwrap_or_else(|| "-".to_owned())
        };
        assert_eq!(["t-hub", "t-gate", "t-exact"].map(then), chosen, "{bearing:?}");
    }
    // No rule that acts leads where nothing is done.
    let faults = three_organizations()
        .outbound([of_rules("acme/gate").tried()])
        .rules([rule("acme/through").routing("gate")])
        .faults();
    assert_eq!(faults, ["rule acme/through, route_to_connector"]);
}

struct Message {
    sender: ReversePath,
    recipient: Mailbox,
}

/// What acts says, what is tried, and what of it goes along with the message.
fn judged(directory: &Directory, message: &Message) -> (RuleVerdict, Vec<(String, ShadowOutcome)>, Vec<String>) {
    let organization = name("acme");
    let fields = [HeaderField {
        name: "subject".into(),
        body: b"top secret".to_vec(),
    }];
    let header = directory.look_at_header([&organization], &fields);
    let facts = RuleFacts {
        organization: &organization,
        sender: &message.sender,
        recipients: &[&message.recipient],
        connectors: &[],
        from: &[],
        is_from_own_server: false,
        header: &header,
    };
    let live = directory.apply_rules(&facts);
    let (verdicts, carried) = directory.try_rules(&facts, &live);
    let verdicts = verdicts
        .into_iter()
        .map(|one| (one.document.name.to_string(), one.outcome));
    let carried = carried.into_iter().map(|rule| {
        let demands: Vec<String> = rule.demands.iter().map(|demand| demand.level.to_string()).collect();
        format!(
            "{}: {} instead of {:?}",
            rule.document.name,
            demands.join(", "),
            rule.instead_of
        )
    });
    (live, verdicts.collect(), carried.collect())
}

#[test]
fn rules_that_are_tried_keep_nothing_from_anybody_and_demand_nothing() {
    let message = Message {
        sender: ReversePath::Null,
        recipient: "bob@bank.example".parse().unwrap(),
    };
    let secret = |rule: Rule| {
        rule.with(|rule| {
            rule.header = Some(HeaderCondition {
                name: "subject".into(),
                contains: "secret".into(),
            });
        })
    };
    let elsewhere = |rule: Rule| rule.with(|rule| rule.recipients = vec!["@other.example".parse().unwrap()]);
    let tls = |text: &str| rule(text).demanding(RuleTls::EncryptionOnly);
    let rejecting = |text: &str| rule(text).rejecting("no");
    let late = |rule: Rule| rule.with(|rule| rule.priority = 9);
    let name = |text: &str| text.to_owned();
    type Case = (Vec<Rule>, Vec<Rule>, Vec<(String, ShadowOutcome)>, Vec<String>);
    let cases: Vec<Case> = vec![
        (
            vec![],
            vec![secret(rejecting("acme/t")).tried()],
            vec![(name("t"), ShadowOutcome::Fails)],
            vec![],
        ),
        (vec![], vec![elsewhere(rejecting("acme/t")).tried()], vec![], vec![]),
        (
            vec![rejecting("acme/l")],
            vec![elsewhere(rejecting("acme/t")).draft_of("l")],
            vec![(name("t"), ShadowOutcome::WouldGo)],
            vec![],
        ),
        (
            vec![rejecting("acme/l")],
            vec![secret(rejecting("acme/t")).draft_of("l")],
            vec![(name("t"), ShadowOutcome::FailsAnyway)],
            vec![],
        ),
        // Whoever comes first has rejected it by then.
        (
            vec![rejecting("acme/l")],
            vec![late(rejecting("acme/t")).tried()],
            vec![],
            vec![],
        ),
        (
            vec![],
            vec![tls("acme/t").tried()],
            vec![],
            vec![name("t: TLS instead of None")],
        ),
        (
            vec![tls("acme/l")],
            vec![elsewhere(tls("acme/t")).draft_of("l")],
            vec![],
            vec![name("t:  instead of Some(\"rule \\\"acme/l\\\"\")")],
        ),
        (
            vec![tls("acme/l")],
            vec![rejecting("acme/t").draft_of("l")],
            vec![(name("t"), ShadowOutcome::Fails)],
            vec![],
        ),
    ];
    for (live, tried, verdicts, carried) in cases {
        let without = three_organizations().rules(live.clone()).build();
        let with = three_organizations().rules(live).rules(tried).build();
        let found = judged(&with, &message);
        assert_eq!(found.0, judged(&without, &message).0);
        assert_eq!((found.1, found.2), (verdicts, carried), "{:?}", with.tried_rule_names());
    }
}

#[test]
fn of_another_way_nothing_is_known_and_another_field_hinders_nobody() {
    let message = Message {
        sender: ReversePath::Null,
        recipient: "bob@bank.example".parse().unwrap(),
    };
    let gates = ["acme/gate", "acme/other"].map(|text| {
        let gate = outbound(text, &[]);
        gate.with(|one| one.is_transport_rule_scoped = true)
    });
    for (live, tried, outcome) in [
        (vec![], rule("acme/t").adding("X-A", "1"), Some(ShadowOutcome::Passes)),
        (vec![], rule("acme/t").routing("gate"), Some(ShadowOutcome::NotKnown)),
        (
            vec![rule("acme/l").routing("gate")],
            rule("acme/t").routing("gate"),
            None,
        ),
        (
            vec![rule("acme/l").routing("gate")],
            rule("acme/t").routing("other").with(|rule| rule.priority = 9),
            None,
        ),
    ] {
        let parts = || three_organizations().outbound(gates.clone()).rules(live.clone());
        let directory = parts().rules([tried.tried()]).build();
        let (found, verdicts, _) = judged(&directory, &message);
        assert_eq!(found, judged(&parts().build(), &message).0);
        let expected: Vec<_> = outcome.map(|outcome| ("t".to_owned(), outcome)).into_iter().collect();
        assert_eq!(verdicts, expected, "{:?}", directory.tried_rule_names());
    }
}

impl Directory {
    /// For messages of failing tests.
    fn tried_rule_names(&self) -> Vec<String> {
        let index = self.index_of(&name("acme"));
        let rules = index.into_iter().flat_map(|index| &index.tried.rules);
        rules.map(|(tried, _)| format!("{:?}", tried.document)).collect()
    }
}
