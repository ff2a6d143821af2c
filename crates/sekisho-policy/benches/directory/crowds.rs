//! A thousand of everything that an organization may have many of: rules, exceptions, addresses, accepted domains,
//! partners for everybody, and as much as it may try.

use std::{hint::black_box, net::Ipv4Addr, time::Duration};

use sekisho_mail::{AnchorSetId, Mailbox, Revision};
use sekisho_policy::{
    directory::{
        AddressPattern, Exception, ExceptionKey, ExceptionSubject, HeaderCondition, HeaderField, HeaderFindings,
        Relaxation, Rule, RuleFacts, RuleKey, RuleTls, Shadow, TRIED_MAX,
    },
    inbound::try_shadows,
};

use super::*;

const MANY: u32 = 1000;
/// Rules that look for something in the header; no organization may have more.
const HEADERS: u32 = 100;

impl Bench {
    pub(super) fn measure_crowds(&mut self) {
        self.measure_rules();
        self.measure_outbound_exceptions();
        self.measure_limits();
        self.measure_partners();
        self.measure_trusted();
        self.measure_tried();
    }

    fn measure_rules(&mut self) {
        let tried = (0..TRIED_MAX as u32).map(|number| Rule {
            shadow: Some(tried()),
            ..rule(&format!("tried-{number}"), number)
        });
        for (name, rules) in [
            ("rules", rules().collect::<Vec<_>>()),
            ("rules-and-tried-ones", rules().chain(tried).collect()),
        ] {
            let count = rules.len();
            let directory = build(Parts { rules, ..crowd() });
            let header = directory.look_at_header([&OrganizationName::FIRST], &[subject("one of 7 and of 70")]);
            self.run(name, count, |call| {
                apply_rules(&directory, call % MANY, &header);
            });
        }
        let directory = build(Parts {
            rules: rules().collect(),
            ..crowd()
        });
        let fields = [subject(
            "nothing that any rule of the organization looks for, be it long",
        )];
        self.run("rules-header", HEADERS as usize, |_| {
            black_box(directory.look_at_header([&OrganizationName::FIRST], &fields));
        });
    }

    fn measure_outbound_exceptions(&mut self) {
        let connectors = |number: u32| outbound(&OrganizationName::FIRST, &format!("out-{number}"), &[&at(number)]);
        let directory = build(Parts {
            outbound: (0..MANY).map(connectors).collect(),
            exceptions: (0..MANY)
                .map(|number| {
                    exception(
                        number,
                        ExceptionSubject::OutboundConnector(format!("out-{number}").into()),
                    )
                })
                .collect(),
            ..crowd()
        });
        let hosts: Vec<Host> = (0..MANY).map(|number| Host::Domain(domain(&at(number)))).collect();
        self.run("exceptions-outbound", MANY as usize, |call| {
            let host = &hosts[(call % MANY) as usize];
            let demands = directory.select(&OrganizationName::FIRST, host).demands(host);
            black_box(directory.exceptions_for(&demands, &[], host));
        });
    }

    /// One connector that covers, with as many addresses or accepted domains.
    fn measure_limits(&mut self) {
        let addresses = InboundConnector {
            sender_addresses: (0..MANY).map(|number| Network::around(client_of(number), 32)).collect(),
            restrict_domains_to_ip_addresses: true,
            ..partner("addresses")
        };
        self.receive("sender-addresses", vec![addresses]);
        let limited = InboundConnector {
            associated_accepted_domains: (0..MANY).map(|number| domain(&own(number))).collect(),
            ..partner("limited")
        };
        self.receive("associated-domains", vec![limited.clone()]);
        let server = InboundConnector {
            kind: ConnectorType::OnPremises,
            sender_domains: Vec::new(),
            sender_addresses: [Network::around(client_of(7), 32)].into_iter().collect(),
            ..limited
        };
        self.receive("associated-domains-own-server", vec![server]);
    }

    fn measure_partners(&mut self) {
        let all = |change: fn(&mut InboundConnector, u32)| {
            let change = |number| {
                let mut connector = partner(&format!("partner-{number}"));
                change(&mut connector, number);
                connector
            };
            (0..MANY).map(change).collect::<Vec<_>>()
        };
        let by_certificate = |one: &mut InboundConnector, number: u32| {
            one.tls_sender_certificate_name = Some(format!("mail.partner{number}.example").parse().unwrap());
            one.restrict_domains_to_certificate = true;
        };
        self.receive("partners", all(|_, _| {}));
        self.receive("partners-by-certificate", all(by_certificate));
        self.receive(
            "partners-by-address",
            all(|one, number| {
                one.sender_addresses = [Network::around(client_of(number), 32)].into_iter().collect();
                one.restrict_domains_to_ip_addresses = true;
            }),
        );
        let excepted = (0..10).map(|number| {
            exception(
                number,
                ExceptionSubject::InboundConnector(format!("partner-{number}").into()),
            )
        });
        self.receive_with("partners-with-exceptions", all(by_certificate), excepted.collect());
    }

    /// Mail of each organization for the one that trusts them all.
    fn measure_trusted(&mut self) {
        let mut parts = many();
        let trusting = InboundConnector {
            sender_domains: Vec::new(),
            trusted_organizations: (1..ORGANIZATIONS).map(organization).collect(),
            require_tls: false,
            ..partner("trusting")
        };
        let closed = InboundConnector {
            sender_addresses: [Network::around(client_of(0), 32)].into_iter().collect(),
            restrict_domains_to_ip_addresses: true,
            ..partner("closed")
        };
        parts.inbound.extend([trusting, closed]);
        let directory = build(parts);
        let sessions: Vec<Session> = (1..ORGANIZATIONS).map(Session::of).collect();
        let first = Host::Domain(domain(&own(0)));
        self.run("trusted-organizations", ORGANIZATIONS as usize, |call| {
            let session = &sessions[(call % (ORGANIZATIONS - 1)) as usize];
            session.judge(&directory, &session.certified, &first);
        });
    }

    /// As many as may be tried, for different senders: two of them are looked at.
    fn measure_tried(&mut self) {
        let tried_one = |number: u32| InboundConnector {
            shadow: Some(tried()),
            sender_domains: vec![at(number % 50).parse().unwrap()],
            ..partner(&format!("tried-{number}"))
        };
        let directory = build(Parts {
            inbound: (0..TRIED_MAX as u32).map(tried_one).collect(),
            ..crowd()
        });
        let session = Session {
            sender: sender(&at(7)),
            ..Session::of(7)
        };
        self.run("tried-connectors", TRIED_MAX, |_| {
            let facts = session.facts(&directory, &session.certified, &session.own);
            black_box(try_shadows(&facts, &admit(&facts)));
        });
    }

    fn receive(&mut self, name: &str, inbound: Vec<InboundConnector>) {
        self.receive_with(name, inbound, Vec::new());
    }

    /// Mail that comes from one of a thousand places to one of a thousand domains of the organization.
    fn receive_with(&mut self, name: &str, inbound: Vec<InboundConnector>, exceptions: Vec<Exception>) {
        let directory = build(Parts {
            inbound,
            exceptions,
            ..crowd()
        });
        let sessions: Vec<Session> = (0..MANY)
            .map(|number| Session {
                certified: ChannelSecurity::Tls(Box::new(certified(&format!("mail.partner{number}.example")))),
                sender: sender(&at(number)),
                ..Session::of(number)
            })
            .collect();
        self.run(name, MANY as usize, |call| {
            let session = &sessions[(call.wrapping_mul(7919) % MANY) as usize];
            session.judge(&directory, &session.certified, &session.own);
        });
        let stranger = Session {
            client: Ipv4Addr::new(203, 0, 113, 9).into(),
            certified: ChannelSecurity::Tls(Box::new(certified("mail.elsewhere.example"))),
            ..sessions[7].clone()
        };
        self.run(&format!("{name}-stranger"), MANY as usize, |_| {
            stranger.judge(&directory, &stranger.certified, &stranger.own);
        });
    }
}

/// The first organization with a thousand accepted domains and nothing else.
fn crowd() -> Parts {
    let first = OrganizationName::FIRST;
    Parts {
        organizations: vec![Organization::new(first.clone())],
        domains: (0..MANY)
            .map(|number| accepted(&first, &domain(&own(number))))
            .collect(),
        ..Parts::default()
    }
}

fn build(parts: Parts) -> Directory {
    Directory::build(1, parts).unwrap().0
}

fn own(number: u32) -> String {
    format!("org{number}.example")
}

fn at(number: u32) -> String {
    format!("host{number}.far.example")
}

fn sender(domain_text: &str) -> ReversePath {
    ReversePath::Mailbox(Mailbox::at_domain("someone", &domain(domain_text)).unwrap())
}

/// A partner's connector for everybody.
fn partner(name: &str) -> InboundConnector {
    InboundConnector {
        sender_domains: vec!["*".parse().unwrap()],
        require_tls: true,
        ..inbound(&OrganizationName::FIRST, name, ConnectorType::Partner)
    }
}

fn exception(number: u32, about: ExceptionSubject) -> Exception {
    Exception {
        key: ExceptionKey {
            organization: OrganizationName::FIRST,
            name: format!("exception-{number}").into(),
        },
        owner: "somebody".to_owned(),
        reason: "to measure".to_owned(),
        until: Timestamp::EPOCH.plus(Duration::from_secs(1)),
        about,
        allows: Relaxation::Plaintext,
        domains: Vec::new(),
    }
}

fn tried() -> Shadow {
    Shadow {
        draft_of: None,
        revision: Revision(0),
    }
}

/// All of one sender domain, as an organization's own rules are; told apart by recipients, senders and headers.
fn rules() -> impl Iterator<Item = Rule> {
    (0..MANY).map(|number| rule(&format!("rule-{number}"), number))
}

fn rule(name: &str, number: u32) -> Rule {
    let pattern = |text: String| -> Vec<AddressPattern> { vec![text.parse().unwrap()] };
    let plain = Rule {
        key: RuleKey {
            organization: OrganizationName::FIRST,
            name: name.into(),
        },
        enabled: true,
        shadow: None,
        comment: String::new(),
        priority: number,
        senders: pattern(own(0)),
        recipients: Vec::new(),
        header: None,
        inbound_connector: None,
        from_organizations: Vec::new(),
        anchors: AnchorSetId::system(),
        require_tls: Some(RuleTls::EncryptionOnly),
        tls_domains: Vec::new(),
        revocation: None,
        reject: None,
        route_to_connector: None,
        add_header: None,
    };
    match number % (MANY / HEADERS) {
        0 => Rule {
            header: Some(HeaderCondition {
                name: "subject".into(),
                contains: format!("of {}", number / (MANY / HEADERS)).into(),
            }),
            ..plain
        },
        1..5 => Rule {
            senders: pattern(format!("user{number}@{}", own(0))),
            ..plain
        },
        _ => Rule {
            recipients: pattern(format!("*.{}", at(number))),
            ..plain
        },
    }
}

fn subject(text: &str) -> HeaderField {
    HeaderField {
        name: "subject".into(),
        body: text.as_bytes().to_vec(),
    }
}

fn apply_rules(directory: &Directory, number: u32, header: &HeaderFindings) {
    let own_domain = domain(&own(0));
    let sender = Mailbox::at_domain(&format!("user{number}"), &own_domain).unwrap();
    let recipient = Mailbox::at_domain("someone", &domain(&at(number))).unwrap();
    let facts = RuleFacts {
        organization: &OrganizationName::FIRST,
        sender: &ReversePath::Mailbox(sender),
        recipients: &[&recipient],
        connectors: &[],
        from: &[],
        is_from_own_server: false,
        header,
    };
    let verdict = directory.apply_rules(&facts);
    black_box(directory.try_rules(&facts, &verdict));
    black_box(verdict);
}
