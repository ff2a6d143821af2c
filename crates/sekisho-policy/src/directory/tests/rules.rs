//! Which rules apply to which message, what they come to, and what a rule may not say.

use sekisho_mail::{DemandLevel, Mailbox, ReversePath};

use super::*;
use crate::Reason;

/// A message to one recipient.
struct Message {
    organization: OrganizationName,
    sender: ReversePath,
    recipients: Vec<Mailbox>,
    connectors: Vec<ConnectorKey>,
    from: Vec<OrganizationName>,
    is_from_own_server: bool,
    fields: Vec<HeaderField>,
}

/// Of acme, from `from` to `to`.
fn message(from: &str, to: &str) -> Message {
    Message {
        organization: name("acme"),
        sender: match from {
            "<>" => ReversePath::Null,
            text => ReversePath::Mailbox(text.parse().unwrap()),
        },
        recipients: vec![to.parse().unwrap()],
        connectors: Vec::new(),
        from: Vec::new(),
        is_from_own_server: false,
        fields: Vec::new(),
    }
}

impl Message {
    fn field(mut self, name: &str, body: &str) -> Self {
        self.fields.push(HeaderField {
            name: name.into(),
            body: body.into(),
        });
        self
    }

    fn verdict(&self, directory: &Directory) -> RuleVerdict {
        let header = directory.look_at_header([&self.organization], &self.fields);
        self.with_facts(&header, |facts| directory.apply_rules(facts))
    }

    fn with_facts<T>(&self, header: &HeaderFindings, ask: impl FnOnce(&RuleFacts<'_>) -> T) -> T {
        ask(&RuleFacts {
            organization: &self.organization,
            sender: &self.sender,
            recipients: &self.recipients.iter().collect::<Vec<_>>(),
            connectors: &self.connectors.iter().collect::<Vec<_>>(),
            from: &self.from.iter().collect::<Vec<_>>(),
            is_from_own_server: self.is_from_own_server,
            header,
        })
    }
}

type Change = fn(&mut Rule);

fn patterns(texts: &[&str]) -> Vec<AddressPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn header(name: &str, contains: &str) -> Option<HeaderCondition> {
    Some(HeaderCondition {
        name: name.into(),
        contains: contains.into(),
    })
}

fn directory(rules: impl IntoIterator<Item = Rule>) -> Directory {
    three_organizations().rules(rules).build()
}

/// Whether this one rule applies.
fn applies(change: impl FnOnce(&mut Rule), message: &Message) -> bool {
    let directory = directory([rule("acme/one").rejecting("no").with(change)]);
    message.verdict(&directory).rejection.is_some()
}

#[test]
fn addresses_are_matched_as_connectors_match_domains() {
    for (pattern, address, expected) in [
        ("alice@bank.example", "ALICE@Bank.example", true),
        // However it is quoted, it is one mailbox.
        ("alice@bank.example", "\"alice\"@bank.example", true),
        ("alice@bank.example", "\"al\\ice\"@bank.example", true),
        ("\"alice\"@bank.example", "Alice@bank.example", true),
        ("alice@bank.example", "bob@bank.example", false),
        ("alice@bank.example", "alice@a.bank.example", false),
        ("@bank.example", "bob@bank.example", true),
        ("@bank.example", "bob@a.bank.example", false),
        ("bank.example", "bob@bank.example", true),
        ("*.bank.example", "bob@bank.example", true),
        ("*.bank.example", "bob@a.b.bank.example", true),
        ("*.bank.example", "bob@notbank.example", false),
        ("*", "bob@[192.0.2.1]", true),
        ("*.example", "bob@[192.0.2.1]", false),
        ("*", "<>", true),
        ("<>", "<>", true),
        ("<>", "bob@bank.example", false),
        ("*.example", "<>", false),
    ] {
        let from = message(address, "bob@acme.example");
        let of_sender = |rule: &mut Rule| rule.senders = patterns(&[pattern]);
        assert_eq!(applies(of_sender, &from), expected, "from {address}, {pattern}");
        if address != "<>" && pattern != "<>" {
            let to = message("a@bank.example", address);
            let of_recipient = |rule: &mut Rule| rule.recipients = patterns(&["x@y.example", pattern]);
            assert_eq!(applies(of_recipient, &to), expected, "to {address}, {pattern}");
        }
    }
    for text in ["", "a@", "@", "@*.bank.example", "a@*.example", "a.*.example"] {
        assert!(text.parse::<AddressPattern>().is_err(), "{text:?}");
    }
}

#[test]
fn an_alias_is_matched_by_the_address_that_was_written_too() {
    let mut to = message("a@bank.example", "bob@far.example");
    to.recipients.push("all@acme.example".parse().unwrap());
    for text in ["all@acme.example", "far.example"] {
        assert!(applies(|rule| rule.recipients = patterns(&[text]), &to), "{text}");
    }
}

#[test]
fn a_header_field_is_matched_whatever_the_case_and_in_any_of_several() {
    let of = || {
        message("a@bank.example", "bob@acme.example")
            .field("subject", " plans")
            .field("subject", " Top SECRET")
    };
    for (name, contains, expected) in [
        ("subject", "secret", true),
        ("subject", "plans top", false),
        ("subject", "", true),
        ("x-class", "", false),
        ("x-class", "secret", false),
    ] {
        let set = |rule: &mut Rule| rule.header = header(name, contains);
        assert_eq!(applies(set, &of()), expected, "{name}: {contains}");
    }
}

#[test]
fn every_condition_must_hold() {
    let mut whole = message("a@bank.example", "bob@acme.example").field("subject", " secret");
    whole.connectors.push(key("acme/bank"));
    let rule = rule("acme/one").rejecting("no").with(|rule| {
        rule.senders = patterns(&["bank.example"]);
        rule.recipients = patterns(&["acme.example"]);
        rule.header = header("subject", "secret");
        rule.inbound_connector = Some("bank".into());
    });
    let directory = three_organizations()
        .inbound([partner("acme/bank", &["bank.example"]), partner("beta/bank", &["*"])])
        .rules([rule])
        .build();
    let is_rejected = |message: &Message| message.verdict(&directory).rejection.is_some();
    assert!(is_rejected(&whole));
    whole.connectors = vec![key("beta/bank")];
    assert!(!is_rejected(&whole), "another organization's connector of that name");
    whole.connectors = vec![key("acme/bank")];
    whole.sender = ReversePath::Null;
    assert!(!is_rejected(&whole));
    whole.sender = ReversePath::Mailbox("a@bank.example".parse().unwrap());
    whole.fields.clear();
    assert!(!is_rejected(&whole));
    whole.fields = message("<>", "a@b.example").field("subject", "secret").fields;
    assert!(is_rejected(&whole));
    whole.recipients = vec!["bob@sales.acme.example".parse().unwrap()];
    assert!(!is_rejected(&whole));
}

#[test]
fn rules_are_those_of_the_recipients_organization_and_only_enabled_ones() {
    let directory = directory([
        rule("acme/on").demanding(RuleTls::EncryptionOnly),
        rule("beta/off").rejecting("no").with(|rule| rule.enabled = false),
        rule("beta/header").rejecting("no").with(|rule| {
            rule.enabled = false;
            rule.header = header("subject", "x");
        }),
    ]);
    let mut message = message("a@bank.example", "bob@far.example");
    assert_eq!(message.verdict(&directory).demands.len(), 1);
    message.organization = name("beta");
    assert_eq!(message.verdict(&directory), RuleVerdict::default());
    assert!(directory.has_rules(&name("acme")) && !directory.has_rules(&name("beta")));
    assert!(
        directory.header_conditions().is_empty(),
        "nothing of a header need be kept"
    );
}

#[test]
fn demands_add_up_and_the_first_rejection_by_priority_and_name_ends_it() {
    let directory = directory([
        rule("acme/z").rejecting("z").with(|rule| rule.priority = 1),
        rule("acme/y").rejecting("y").with(|rule| rule.priority = 1),
        rule("acme/x").rejecting("x").with(|rule| {
            rule.priority = 0;
            rule.recipients = patterns(&["nobody@acme.example"]);
        }),
        rule("acme/tls").demanding(RuleTls::CertificateValidation),
        rule("acme/name").demanding(RuleTls::DomainValidation).with(|rule| {
            rule.tls_domains = vec!["*.bank.example".parse().unwrap()];
        }),
        rule("acme/late")
            .demanding(RuleTls::EncryptionOnly)
            .with(|rule| rule.priority = 2),
    ]);
    let verdict = message("<>", "bob@acme.example").verdict(&directory);
    let shown: Vec<String> = verdict.demands.iter().map(|demand| demand.origin.clone()).collect();
    assert_eq!(shown, ["rule \"acme/name\"", "rule \"acme/tls\""]);
    let DemandLevel::Domain { names, .. } = &verdict.demands[0].level else {
        panic!("{:?}", verdict.demands);
    };
    assert_eq!(names[0].to_string(), "**.bank.example");
    let rejection = verdict.rejection.unwrap();
    assert_eq!((rejection.rule.as_str(), rejection.text.as_str()), ("acme/y", "y"));
    let keys: Vec<&str> = verdict.reasons.iter().map(Reason::key).collect();
    assert_eq!(keys, ["rule-demands-tls", "rule-demands-tls", "rule-rejects"]);
}

#[test]
fn what_a_rule_may_not_say() {
    let faults = |change: Change| three_organizations().rules([rule("acme/one").with(change)]).faults();
    let tls = Some(RuleTls::EncryptionOnly);
    assert_eq!(faults(|_| {}), ["rule acme/one, "]);
    let cases: [(Change, &str); 12] = [
        (|one| one.require_tls = Some(RuleTls::EncryptionOnly), "reject"),
        (|one| one.reject = Some(String::new()), "reject"),
        (|one| one.reject = Some("a".repeat(201)), "reject"),
        (|one| one.reject = Some("zu spät".to_owned()), "reject"),
        (|one| one.reject = Some("a\r\n250 ok".to_owned()), "reject"),
        (
            |one| one.tls_domains = vec!["mx.example".parse().unwrap()],
            "tls_domains",
        ),
        (|one| one.inbound_connector = Some("none".into()), "inbound_connector"),
        (|one| one.recipients = vec![AddressPattern::Null], "recipients"),
        (|one| one.header = header("", "x"), "header"),
        (|one| one.header = header("a:b", "x"), "header"),
        (|one| one.header = header("subject", "a\nb"), "header"),
        (|one| one.header = header("subject", &"a".repeat(999)), "header"),
    ];
    for (change, field) in cases {
        let parts = three_organizations().rules([rule("acme/one").rejecting("no").with(change)]);
        assert_eq!(parts.faults(), [format!("rule acme/one, {field}")]);
    }
    assert_eq!(
        faults(|one| one.require_tls = Some(RuleTls::DomainValidation)),
        ["rule acme/one, tls_domains"]
    );
    let twice = [rule("acme/one"), rule("acme/one"), rule("nobody/one"), rule("acme/")];
    let twice = twice.map(|one| one.with(|one| one.require_tls = tls));
    assert_eq!(
        three_organizations().rules(twice).faults(),
        [
            "rule acme/one, name",
            "rule nobody/one, organization",
            "rule acme/, name"
        ]
    );
    let other = three_organizations()
        .inbound([partner("beta/bank", &["*"])])
        .rules([rule("acme/one")
            .rejecting("no")
            .with(|one| one.inbound_connector = Some("bank".into()))]);
    assert_eq!(
        other.faults(),
        ["rule acme/one, inbound_connector"],
        "of another organization"
    );
}

#[test]
fn what_an_operator_wants_to_know_of_a_rule() {
    let all = three_organizations().rules([rule("acme/all").rejecting("no")]);
    assert_eq!(all.warnings(), ["rule acme/all, reject"]);
    let disabled = three_organizations()
        .inbound([partner("acme/bank", &["*"]).with(|connector| connector.enabled = false)])
        .rules([rule("acme/one")
            .rejecting("no")
            .with(|one| one.inbound_connector = Some("bank".into()))]);
    assert_eq!(disabled.warnings(), ["rule acme/one, inbound_connector"]);
}

fn gateway(text: &str, kind: ConnectorType) -> OutboundConnector {
    outbound(text, &[]).with(|one| {
        one.kind = kind;
        one.is_transport_rule_scoped = true;
    })
}

#[test]
fn the_first_rule_with_a_way_chooses_it_and_every_rule_adds_its_field() {
    let directory = three_organizations()
        .outbound([
            gateway("acme/first", ConnectorType::Partner),
            gateway("acme/second", ConnectorType::Partner),
        ])
        .rules([
            rule("acme/b").routing("second").with(|rule| rule.priority = 2),
            rule("acme/a")
                .routing("first")
                .adding("X-A", "1")
                .with(|rule| rule.priority = 1),
            rule("acme/c").adding("X-C", "2").with(|rule| rule.priority = 3),
        ])
        .build();
    let verdict = message("a@acme.example", "b@bank.example").verdict(&directory);
    let way = verdict.way.unwrap();
    assert_eq!((&*way.rule, &*way.connector), ("acme/a", "first"));
    let added: Vec<_> = verdict
        .added
        .iter()
        .map(|field| (field.rule.as_str(), field.name.as_str()))
        .collect();
    assert_eq!(added, [("acme/a", "X-A"), ("acme/c", "X-C")]);
    let keys: Vec<_> = verdict.reasons.iter().map(Reason::key).collect();
    assert_eq!(keys, ["rule-adds-field", "rule-routes", "rule-adds-field"]);
}

#[test]
fn what_came_from_own_servers_is_sent_back_to_them_by_no_rule_that_does_not_say_where_it_comes_from() {
    let build = |kind, change: Change| {
        three_organizations()
            .inbound([own("acme/in").at(&["192.0.2.1"])])
            .outbound([gateway("acme/out", kind)])
            .rules([rule("acme/through").routing("out").with(change)])
            .build()
    };
    let mut from_own = message("a@acme.example", "b@bank.example");
    from_own.is_from_own_server = true;
    from_own.connectors = vec![key("acme/in")];
    let verdict = from_own.verdict(&build(ConnectorType::OnPremises, |_| {}));
    assert_eq!(verdict.way, None);
    assert_eq!(&*verdict.not_sent_back.unwrap().rule, "acme/through");
    assert_eq!(verdict.reasons[0].key(), "rule-does-not-send-back");
    let said = from_own.verdict(&build(ConnectorType::OnPremises, |rule| {
        rule.inbound_connector = Some("in".into());
    }));
    assert_eq!(&*said.way.unwrap().connector, "out");
    let partner = from_own.verdict(&build(ConnectorType::Partner, |_| {}));
    assert_eq!(&*partner.way.unwrap().connector, "out");
    let of_others = message("a@acme.example", "b@bank.example");
    assert!(
        of_others
            .verdict(&build(ConnectorType::OnPremises, |_| {}))
            .way
            .is_some()
    );
}

#[test]
fn a_rule_chooses_an_enabled_connector_of_its_own_organization() {
    let with = |connector: OutboundConnector, change: Change| {
        let parts = three_organizations().outbound([connector]);
        Directory::build(1, parts.rules([rule("acme/through").routing("out").with(change)]))
    };
    let faults = |connector, change| -> Vec<&'static str> {
        let faults: Vec<Fault> = with(connector, change).unwrap_err();
        faults.iter().map(|fault| fault.field).collect()
    };
    let out = || gateway("acme/out", ConnectorType::Partner);
    with(out(), |_| {}).unwrap();
    with(out().with(|one| one.is_transport_rule_scoped = false), |_| {}).unwrap();
    for connector in [
        gateway("beta/out", ConnectorType::Partner),
        gateway("acme/other", ConnectorType::Partner),
        out().with(|one| one.enabled = false),
    ] {
        assert_eq!(faults(connector, |_| {}), ["route_to_connector"]);
    }
    // A rule that is not in force leaves nothing waiting; one that names nothing never could be.
    with(out().with(|one| one.enabled = false), |rule| rule.enabled = false).unwrap();
    let gone = gateway("acme/other", ConnectorType::Partner);
    assert_eq!(faults(gone, |rule| rule.enabled = false), ["route_to_connector"]);
    assert_eq!(faults(out(), |rule| rule.reject = Some("no".to_owned())), ["reject"]);
}

#[test]
fn a_rule_adds_no_field_that_says_what_it_has_no_business_to_say() {
    let faults = |name: &str, value: &str| {
        let parts = three_organizations().settings("acme", |one| {
            one.header_families.push("X-Acme".parse().unwrap());
        });
        match Directory::build(1, parts.rules([rule("acme/one").adding(name, value)])) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.field).collect(),
        }
    };
    for (name, value) in [
        ("X-Class", "secret"),
        ("List-Id", "<a.b>"),
        ("x!#$", "a  b"),
        ("Comments", "~"),
    ] {
        assert_eq!(faults(name, value), Vec::<&str>::new(), "{name}: {value}");
    }
    let (long_name, long_value) = ("X".repeat(77), "x".repeat(501));
    for (name, value) in [
        ("", "a"),
        ("X Class", "a"),
        ("X:", "a"),
        ("X\r\nY", "a"),
        ("Ü", "a"),
        (long_name.as_str(), "a"),
        ("X-A", ""),
        ("X-A", " a"),
        ("X-A", "a\r\nBcc: x"),
        ("X-A", "ü"),
        ("X-A", long_value.as_str()),
        ("Received", "a"),
        ("received-spf", "a"),
        ("Return-Path", "a"),
        ("FROM", "a"),
        ("Subject", "a"),
        ("Content-Type", "a"),
        ("Resent-To", "a"),
        ("DKIM-Signature", "a"),
        ("Authentication-Results", "a"),
        ("x-ms-exchange-organization-scl", "1"),
        ("X-MS-Exchange-CrossPremises-SCL", "1"),
        ("X-Sekisho-Organization-A", "1"),
        ("X-Acme-Organization-A", "1"),
    ] {
        assert_eq!(faults(name, value), ["add_header"], "{name}: {value}");
    }
    let many = (0..11).map(|number| rule(&format!("acme/{number}")).adding("X-A", "1"));
    assert_eq!(three_organizations().rules(many).faults(), ["rule acme/10, add_header"]);
}

/// What each rule of acme has to do with the message, as far as it is known.
fn accounts(
    directory: &Directory,
    message: &Message,
    connectors: Option<&[&ConnectorKey]>,
) -> (Vec<String>, RuleVerdict) {
    let from: Vec<&OrganizationName> = message.from.iter().collect();
    let (accounts, verdict) = directory.account_rules(&RuleQuestion {
        organization: &message.organization,
        sender: &message.sender,
        recipients: &message.recipients.iter().collect::<Vec<_>>(),
        connectors,
        from: connectors.map(|_| from.as_slice()),
        is_from_own_server: message.is_from_own_server,
        header: &message.fields,
    });
    let words = accounts
        .iter()
        .map(|one| format!("{} {:?}: {}", one.rule, one.standing, one.words));
    (words.collect(), verdict)
}

#[test]
fn a_rule_about_organizations_asks_whose_server_brought_it_and_never_who_it_says_it_is() {
    let of = |names: &[&str]| names.iter().map(|one| name(one)).collect::<Vec<_>>();
    let with = |names: &[&str]| {
        let names = of(names);
        move |rule: &mut Rule| rule.from_organizations = names
    };
    let mut claimed = message("a@beta.example", "b@acme.example");
    assert!(!applies(with(&["beta"]), &claimed), "MAIL FROM is anybody's to write");
    assert!(applies(with(&[]), &claimed));
    claimed.from = of(&["beta"]);
    for (names, expected) in [
        (&["beta"][..], true),
        (&["acme", "beta"], true),
        (&["acme"], false),
        (&["default"], false),
    ] {
        assert_eq!(applies(with(names), &claimed), expected, "{names:?}");
    }
    let unknown = three_organizations().rules([rule("acme/one").rejecting("no").with(with(&["beta", "nobody"]))]);
    assert_eq!(unknown.faults(), ["rule acme/one, from_organizations"]);

    let directory = directory([rule("acme/one").rejecting("no").with(with(&["acme", "beta"]))]);
    for (connectors, from, expected) in [
        (
            None,
            &[][..],
            "Depends: depends on whether a server of organization acme or beta brings it: it rejects",
        ),
        (Some(&[][..]), &["beta"], "Applies: applies: it rejects"),
        (
            Some(&[]),
            &["default"],
            "DoesNot: no server of organization acme or beta brings it",
        ),
    ] {
        claimed.from = of(from);
        let (said, _) = accounts(&directory, &claimed, connectors);
        assert!(said[0].starts_with(&format!("acme/one {expected}")), "{said:?}");
    }
}

#[test]
fn an_account_says_which_rules_apply_and_on_what_the_others_hang() {
    let directory = three_organizations()
        .inbound([partner("acme/bank", &["bank.example"])])
        .rules([
            rule("acme/a")
                .with(|one| one.enabled = false)
                .demanding(RuleTls::EncryptionOnly),
            rule("acme/b")
                .with(|one| one.senders = patterns(&["<>"]))
                .demanding(RuleTls::EncryptionOnly),
            rule("acme/c")
                .with(|one| one.header = header("subject", "[secure]"))
                .demanding(RuleTls::EncryptionOnly),
            rule("acme/d").demanding(RuleTls::CertificateValidation),
            rule("acme/e")
                .with(|one| one.inbound_connector = Some("bank".into()))
                .demanding(RuleTls::EncryptionOnly),
            rule("acme/f")
                .with(|one| one.recipients = patterns(&["rival.example"]))
                .rejecting("no"),
            rule("acme/g").demanding(RuleTls::EncryptionOnly),
            rule("beta/h").demanding(RuleTls::EncryptionOnly),
        ])
        .build();
    let demands_tls = "it demands TLS";
    let (said, verdict) = accounts(&directory, &message("a@bank.example", "b@rival.example"), None);
    assert_eq!(
        said,
        [
            "acme/a DoesNot: disabled".to_owned(),
            "acme/b DoesNot: the sender is none of its senders".to_owned(),
            format!("acme/c Depends: depends on the header (subject: \"[secure]\"): {demands_tls}"),
            format!("acme/d Applies: applies: {demands_tls} with a valid certificate (trust anchors: system)"),
            format!("acme/e Depends: depends on the inbound connector through which it comes (bank): {demands_tls}"),
            "acme/f Applies: applies: it rejects the message with \"no\"".to_owned(),
            "acme/g DoesNot: rule acme/f has rejected it already".to_owned(),
        ]
    );
    assert_eq!((verdict.demands.len(), verdict.rejection.is_some()), (1, true));
    // What was given decides, and what then applies is what applies.
    let bank = key("acme/bank");
    for (subject, through, expected) in [
        (
            "the [Secure] plan",
            Some(&[&bank][..]),
            vec!["acme/c", "acme/d", "acme/e", "acme/g"],
        ),
        ("no plan", Some(&[]), vec!["acme/d", "acme/g"]),
        ("[SECURE]", None, vec!["acme/c", "acme/d", "acme/g"]),
    ] {
        let mut known = message("a@bank.example", "b@bank.example").field("subject", subject);
        known.connectors = through.unwrap_or_default().iter().map(|one| (*one).clone()).collect();
        let (said, verdict) = accounts(&directory, &known, through);
        let applying: Vec<&str> = said
            .iter()
            .filter_map(|words| words.split_once(" Applies").map(|(rule, _)| rule))
            .collect();
        assert_eq!(applying, expected, "{said:?}");
        assert_eq!(verdict.demands, known.verdict(&directory).demands, "{subject}");
    }
}

/// A rule with conditions that few messages meet, and all of them are met by some.
fn any_rule(chance: &mut Chance, number: u32) -> Rule {
    let addresses = [
        &["a@bank.example"][..],
        &["A@bank.example", "@acme.example"],
        &["*.bank.example"],
        &["*.example", "b@bank.example"],
        &["@bank.example", "*"],
    ];
    rule(&format!("acme/{number}")).rejecting("no").with(|rule| {
        rule.priority = u32::try_from(chance.below(4)).unwrap();
        if chance.below(2) == 0 {
            rule.senders = patterns(chance.one_of(&[&["<>"], addresses[0], addresses[1], addresses[2], addresses[4]]));
        }
        if chance.below(2) == 0 {
            rule.recipients = patterns(chance.one_of(&addresses));
        }
        if chance.below(4) == 0 {
            rule.header = header("subject", chance.one_of(&["one", "two"]));
        }
        if chance.below(4) == 0 {
            rule.inbound_connector = Some(chance.one_of(&["bank", "other"]).into());
        }
        if chance.below(4) == 0 {
            rule.from_organizations = chance.one_of(&[vec![name("acme")], vec![name("beta"), name("acme")]]);
        }
    })
}

fn any_message(chance: &mut Chance) -> Message {
    let addresses = [
        "a@bank.example",
        "\"A\"@bank.example",
        "b@acme.example",
        "c@x.y.bank.example",
        "d@[192.0.2.1]",
    ];
    let mut some = message(
        chance.one_of(&["<>", addresses[0], addresses[1], addresses[2], addresses[4]]),
        addresses[2],
    );
    some.recipients = (0..=chance.below(2))
        .map(|_| chance.one_of(&addresses).parse().unwrap())
        .collect();
    let of_beta = chance.one_of(&["acme/bank", "acme/other", "beta/bank"]);
    some.connectors = (0..chance.below(2)).map(|_| key(of_beta)).collect();
    some.from = (0..chance.below(2))
        .map(|_| name(chance.one_of(&["acme", "beta"])))
        .collect();
    match chance.below(3) {
        0 => some,
        1 => some.field("subject", "number one"),
        _ => some.field("subject", "ONE").field("subject", "or two"),
    }
}

#[test]
fn the_rules_that_are_found_are_those_that_a_walk_through_all_of_them_finds() {
    let mut chance = Chance(3);
    let mut met = 0;
    for _ in 0..40 {
        let rules: Vec<Rule> = (0..30).map(|number| any_rule(&mut chance, number)).collect();
        let connectors = ["acme/bank", "acme/other"].map(|text| partner(text, &["*"]));
        let directory = three_organizations().inbound(connectors).rules(rules).build();
        let index = directory.index_of(&name("acme")).unwrap();
        for _ in 0..50 {
            let message = any_message(&mut chance);
            let header = directory.look_at_header([&message.organization], &message.fields);
            message.with_facts(&header, |facts| {
                let walk = index.rules.iter().filter(|(rule, header)| rule.meets(*header, facts));
                let walk: Vec<&RuleKey> = walk.map(|(rule, _)| &rule.key).collect();
                let found: Vec<&RuleKey> = index.rules.meeting(facts).map(|rule| &rule.key).collect();
                assert_eq!(found, walk, "{facts:?}");
                met += found.len();
            });
        }
    }
    assert!(met > 1000, "only {met} were met");
}

#[test]
fn what_would_be_looked_at_for_every_message_is_bounded() {
    let many = |change: fn(&mut Rule, usize), enabled: bool| {
        let rules = (0..101).map(|number| {
            rule(&format!("acme/{number:03}")).rejecting("no").with(|rule| {
                change(rule, number);
                rule.enabled = enabled;
            })
        });
        let parts = three_organizations().rules(rules);
        match Directory::build(1, parts.clone()) {
            Ok(_) => Vec::new(),
            Err(_) => parts.faults(),
        }
    };
    for (change, field) in [
        ((|_, _| {}) as fn(&mut Rule, usize), Some("")),
        (|rule, _| rule.senders = patterns(&["*"]), Some("")),
        (
            |rule, number| rule.header = header("subject", &number.to_string()),
            Some("header"),
        ),
        (|rule, _| rule.header = header("subject", "one"), None),
        (|rule, _| rule.recipients = patterns(&["*.bank.example"]), None),
    ] {
        let expected: Vec<String> = field
            .map(|field| format!("rule acme/100, {field}"))
            .into_iter()
            .collect();
        assert_eq!((many(change, true), many(change, false)), (expected, Vec::new()));
    }
}
