//! How long one attribution and one selection take in a directory of 10,000 connectors over 1,000 organizations, in one
//! where 10,000 connectors are one organization's, and where one has a thousand of something else. Run by
//! `cargo xtask bench --directory`; one line of JSON for each measurement. Fails when one takes longer than it may.
//!
//! Arguments: the seconds for each measurement (1 by default).

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, prints, and ends when it cannot go on"
)]

#[path = "directory/crowds.rs"]
mod crowds;

use std::{
    collections::HashSet,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
    time::{Duration, Instant},
};

use sekisho_mail::{
    AnchorSetId, CertificateFacts, ChannelSecurity, Check, ClientCertificateFate, Digest, Domain, Host, KeyProof,
    Mailbox, OrganizationName, PlaintextCause, ReversePath, Timestamp, TlsFacts, TlsVersion, Verdict,
};
use sekisho_policy::{
    Network, NetworkSet,
    directory::{
        AcceptedDomain, ConnectorKey, ConnectorType, Directory, DomainKind, FinalRefusal, InboundConnector,
        Organization, Origin, OutboundConnector, Parts, PlaintextReply, RecipientCheck, TlsFloor, TlsSettings,
    },
    inbound::{InboundFacts, RecipientStanding, RelayRights, Stage, admit},
    outbound::Revocation,
};

const ORGANIZATIONS: u32 = 1000;
/// Of each organization: two for its own servers, three of partners, five outbound.
const CONNECTORS: u32 = 10;
/// Judgements between two looks at the clock.
const ROUND: u32 = 1000;
/// The most that one may take, in nanoseconds.
const LIMIT: u128 = 20_000;

fn main() -> ExitCode {
    // Cargo's own `--bench` comes along.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let secs = arguments.next().map_or(1, |secs| secs.parse().unwrap());
    let mut bench = Bench {
        time: Duration::from_secs(secs),
        slow: Vec::new(),
    };
    bench.measure_many();
    bench.measure_one();
    bench.measure_crowds();
    if bench.slow.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("above {LIMIT} ns: {}", bench.slow.join(", "));
    ExitCode::FAILURE
}

struct Bench {
    time: Duration,
    /// What took longer than it may.
    slow: Vec<String>,
}

impl Bench {
    /// Prints the time of one call among so many connectors or other documents; `call` is told which one it is.
    fn run(&mut self, name: &str, documents: usize, mut call: impl FnMut(u32)) {
        let began = Instant::now();
        let mut calls = 0u32;
        while began.elapsed() < self.time {
            for _ in 0..ROUND {
                call(calls);
                calls += 1;
            }
        }
        let nanos = began.elapsed().as_nanos() / u128::from(calls.max(1));
        println!(r#"{{"bench":"{name}","documents":{documents},"nanos":{nanos}}}"#);
        if nanos > LIMIT {
            self.slow.push(name.to_owned());
        }
    }

    fn measure_many(&mut self) {
        let parts = many();
        let count = parts.inbound.len() + parts.outbound.len();
        let began = Instant::now();
        let (directory, _) = Directory::build(1, parts).unwrap();
        let nanos = began.elapsed().as_nanos();
        println!(r#"{{"bench":"directory-build","documents":{count},"nanos":{nanos}}}"#);
        let sessions: Vec<Session> = (0..ORGANIZATIONS).map(Session::of).collect();
        let session = |call: u32| &sessions[(call.wrapping_mul(7919) % ORGANIZATIONS) as usize];
        self.run("client-checks", count, |call| {
            black_box(directory.client_checks(session(call).certified.tls().unwrap()));
        });
        self.run("attribute-by-certificate", count, |call| {
            let session = session(call);
            session.judge(&directory, &session.certified, &session.elsewhere);
        });
        let crowded = Session {
            certified: ChannelSecurity::Tls(Box::new(crowded())),
            client: Ipv4Addr::new(203, 0, 113, 9).into(),
            ..Session::of(7)
        };
        self.run("refuse-relay-128-names", count, |_| {
            crowded.judge(&directory, &crowded.certified, &crowded.elsewhere);
        });
        self.run("attribute-by-mail-from", count, |call| {
            let session = session(call);
            session.judge(&directory, &session.plain, &session.elsewhere);
        });
        self.run("refuse-relay", count, |call| {
            let session = session(call);
            let stranger = Session {
                client: Ipv4Addr::new(203, 0, 113, 9).into(),
                ..session.clone()
            };
            stranger.judge(&directory, &session.plain, &session.elsewhere);
        });
        self.run("receive-from-partner", count, |call| {
            let session = session(call);
            let other = &sessions[(call % ORGANIZATIONS) as usize];
            session.judge(&directory, &session.certified, &other.own);
        });
        self.run("select-exact", count, |call| {
            let session = session(call);
            black_box(directory.select(&session.organization, &session.exact));
        });
        self.run("select-wildcard", count, |call| {
            let session = session(call);
            black_box(directory.select(&session.organization, &session.wild));
        });
        self.run("select-rest-with-demands", count, |call| {
            let session = session(call);
            let selection = directory.select(&session.organization, &session.elsewhere);
            black_box(selection.demands(&session.elsewhere));
        });
    }

    /// All connectors are one organization's.
    fn measure_one(&mut self) {
        let count = ORGANIZATIONS * CONNECTORS;
        let organization = OrganizationName::FIRST;
        let own = domain("local.example");
        let parts = Parts {
            rules: Vec::new(),
            organizations: vec![Organization::new(OrganizationName::FIRST)],
            domains: vec![accepted(&organization, &own)],
            inbound: (0..count / 2)
                .map(|number| one_of_many_inbound(&organization, number))
                .collect(),
            outbound: (0..count / 2)
                .map(|number| {
                    outbound(
                        &organization,
                        &format!("out-{number}"),
                        &[&format!("*.partner{number}.example")],
                    )
                })
                .collect(),
            exceptions: Vec::new(),
            certificate_roles: Vec::new(),
        };
        let (directory, _) = Directory::build(1, parts).unwrap();
        let count = count as usize;
        let session = Session {
            sender: ReversePath::Mailbox(Mailbox::at_domain("someone", &own).unwrap()),
            ..Session::of(7)
        };
        let elsewhere = Host::Domain(domain("a.b.partner4000.example"));
        self.run("one-organization-attribute", count, |_| {
            session.judge(&directory, &session.plain, &elsewhere);
        });
        let stranger = Session::of(7);
        let own = Host::Domain(own);
        self.run("one-organization-receive", count, |_| {
            stranger.judge(&directory, &stranger.plain, &own);
        });
        self.run("one-organization-select", count, |_| {
            black_box(directory.select(&organization, &elsewhere));
        });
    }
}

/// A session of one organization's server, and where its mail goes.
#[derive(Clone)]
struct Session {
    organization: OrganizationName,
    rights: RelayRights,
    client: IpAddr,
    certified: ChannelSecurity,
    plain: ChannelSecurity,
    sender: ReversePath,
    own: Host,
    exact: Host,
    wild: Host,
    elsewhere: Host,
}

impl Session {
    fn of(number: u32) -> Self {
        let own = domain(&format!("org{number}.example"));
        Self {
            organization: organization(number),
            rights: RelayRights::default(),
            client: client_of(number),
            certified: ChannelSecurity::Tls(Box::new(certified(&format!("mail.org{number}.example")))),
            plain: ChannelSecurity::Plaintext(PlaintextCause::NotAsked),
            sender: ReversePath::Mailbox(Mailbox::at_domain("someone", &own).unwrap()),
            own: Host::Domain(own),
            exact: Host::Domain(domain("exact.example")),
            wild: Host::Domain(domain("a.b.wild.example")),
            elsewhere: Host::Domain(domain("some.elsewhere.example")),
        }
    }

    fn judge(&self, directory: &Directory, security: &ChannelSecurity, recipient: &Host) {
        black_box(admit(&self.facts(directory, security, recipient)));
    }

    fn facts<'a>(
        &'a self,
        directory: &'a Directory,
        security: &'a ChannelSecurity,
        recipient: &'a Host,
    ) -> InboundFacts<'a> {
        let is_here = recipient
            .domain()
            .is_some_and(|domain| directory.domain(domain).is_some());
        InboundFacts {
            trial: None,
            client: self.client,
            security,
            rights: &self.rights,
            directory,
            now: Timestamp::EPOCH,
            reverse_path: &self.sender,
            stage: Stage::Rcpt {
                standing: if is_here {
                    RecipientStanding::User
                } else {
                    RecipientStanding::Elsewhere
                },
                local_part: "someone",
                recipient,
            },
        }
    }
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn organization(number: u32) -> OrganizationName {
    match number {
        0 => OrganizationName::FIRST,
        number => format!("org-{number}").parse().unwrap(),
    }
}

fn client_of(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + (number << 8) + 1).into()
}

fn accepted(organization: &OrganizationName, domain: &Domain) -> AcceptedDomain {
    AcceptedDomain {
        domain: domain.clone(),
        organization: organization.clone(),
        kind: DomainKind::Authoritative,
        check: RecipientCheck::None,
        final_refusal: FinalRefusal::Hold,
        origin: Origin::Directory,
    }
}

fn many() -> Parts {
    let mut parts = Parts::default();
    for number in 0..ORGANIZATIONS {
        let name = organization(number);
        parts.organizations.push(Organization::new(name.clone()));
        parts
            .domains
            .push(accepted(&name, &domain(&format!("org{number}.example"))));
        let own = |text| inbound(&name, text, ConnectorType::OnPremises);
        let partner = |text, scope: &str| InboundConnector {
            sender_domains: vec![scope.parse().unwrap()],
            require_tls: true,
            ..inbound(&name, text, ConnectorType::Partner)
        };
        parts.inbound.extend([
            InboundConnector {
                tls_sender_certificate_name: Some(format!("*.org{number}.example").parse().unwrap()),
                ..own("certificate")
            },
            InboundConnector {
                sender_addresses: [24, 32]
                    .map(|prefix| Network::around(client_of(number), prefix))
                    .into_iter()
                    .collect(),
                ..own("address")
            },
            partner("bank", "*.bank.example"),
            InboundConnector {
                tls_sender_certificate_name: Some("*.shared.example".parse().unwrap()),
                restrict_domains_to_certificate: true,
                ..partner("shared", "shared.example")
            },
            partner("neighbours", "*.example"),
        ]);
        for (text, scope) in [
            ("exact", "exact.example"),
            ("wild", "*.wild.example"),
            ("deep", "*.b.wild.example"),
            ("other", "*.other.example"),
            ("rest", "*"),
        ] {
            parts.outbound.push(outbound(&name, text, &[scope]));
        }
    }
    assert_eq!(
        parts.inbound.len() + parts.outbound.len(),
        (ORGANIZATIONS * CONNECTORS) as usize
    );
    parts
}

fn one_of_many_inbound(organization: &OrganizationName, number: u32) -> InboundConnector {
    let text = format!("in-{number}");
    match number % 2 {
        0 => InboundConnector {
            sender_addresses: [Network::around(client_of(number), 24)].into_iter().collect(),
            ..inbound(organization, &text, ConnectorType::OnPremises)
        },
        _ => InboundConnector {
            sender_domains: vec![format!("*.partner{number}.example").parse().unwrap()],
            require_tls: true,
            ..inbound(organization, &text, ConnectorType::Partner)
        },
    }
}

fn inbound(organization: &OrganizationName, name: &str, kind: ConnectorType) -> InboundConnector {
    InboundConnector {
        key: ConnectorKey {
            organization: organization.clone(),
            name: name.into(),
        },
        enabled: true,
        shadow: None,
        comment: String::new(),
        kind,
        sender_domains: Vec::new(),
        sender_addresses: NetworkSet::default(),
        require_tls: false,
        tls_sender_certificate_name: None,
        restrict_domains_to_certificate: false,
        restrict_domains_to_ip_addresses: false,
        associated_accepted_domains: HashSet::new(),
        treat_messages_as_internal: false,
        cloud_services_mail_enabled: false,
        trusted_organizations: Vec::new(),
        floor: TlsFloor::default(),
        anchors: AnchorSetId::system(),
        revocation: Some(Revocation::default()),
        issuers: Vec::new(),
        pins: Vec::new(),
        server_auth_certificates: true,
        plaintext_reply: PlaintextReply::TryAgain,
    }
}

fn outbound(organization: &OrganizationName, name: &str, scopes: &[&str]) -> OutboundConnector {
    OutboundConnector {
        key: ConnectorKey {
            organization: organization.clone(),
            name: name.into(),
        },
        enabled: true,
        shadow: None,
        comment: String::new(),
        kind: ConnectorType::Partner,
        recipient_domains: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        all_accepted_domains: false,
        is_transport_rule_scoped: false,
        route_all_messages_via_on_premises: false,
        cloud_services_mail_enabled: false,
        smart_hosts: Vec::new(),
        tls_settings: TlsSettings::EncryptionOnly,
        tls_domains: Vec::new(),
        floor: TlsFloor::default(),
        anchors: AnchorSetId::system(),
        revocation: Some(Revocation::default()),
        pins: Vec::new(),
        client_certificate_role: None,
    }
}

/// Three names, as a certificate from a public authority has them.
fn certified(name: &str) -> TlsFacts {
    let system = AnchorSetId::system();
    TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_256_GCM_SHA384".to_owned(),
        group: TlsVersion::HYBRID_GROUP.to_owned(),
        sni: None,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: vec![CertificateFacts {
            sha256: Digest([1; 32]),
            spki_sha256: Digest([2; 32]),
            subject: String::new(),
            issuer: "C=US, O=Example Trust, CN=Issuing CA 1".to_owned(),
            dns_names: vec![
                "www.elsewhere.example".to_owned(),
                name.to_owned(),
                "*.else.example".to_owned(),
            ],
            common_name: None,
            not_before: Timestamp::EPOCH,
            not_after: Timestamp::FAR_FUTURE,
            key: "P-256".to_owned(),
            not_for_clients: false,
        }],
        key: KeyProof::Proven,
        verdicts: vec![(Check::Path { anchors: system }, Verdict::Holds)],
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    }
}

/// As many names as are kept of a certificate, all of them nobody's: the most that a stranger can make us look up.
fn crowded() -> TlsFacts {
    let mut facts = certified("mail.elsewhere.example");
    facts.chain[0].dns_names = (0..128)
        .map(|number| format!("a.b.c.host{number}.elsewhere.test"))
        .collect();
    facts
}
