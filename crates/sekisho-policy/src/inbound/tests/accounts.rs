//! What is told of each inbound connector agrees with what is decided: every session of these tests is asked about,
//! see [`Session::to`].

use std::sync::Arc;

use sekisho_mail::KeyExchangeGroups;

use super::{
    isolation::{all_sessions, betas},
    *,
};

/// The connector that a reason names, whether the mail is taken or refused by it, and what of the reason must be told.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other names an inbound connector")]
fn part_in(reason: &Reason) -> Option<(ConnectorKey, bool, String)> {
    let (connector, is_by_it, words) = match reason {
        Reason::OwnServer { connector, known } => (connector.clone(), true, known.to_string()),
        Reason::PartnerMet { connector, known } => (connector.clone(), true, known.to_string()),
        Reason::TrustedOrganization {
            connector,
            organization,
        } => (connector.clone(), true, organization.to_string()),
        Reason::TlsDemanded {
            by: Demander::Connector(connector),
            shortfall,
        } => (connector.clone(), true, shortfall.to_string()),
        Reason::PartnerRestriction { connector, why, .. } | Reason::CertificateUnknown { connector, why } => {
            (connector.clone(), true, why.clone())
        }
        Reason::RelayCertificateFails { connector, why } => (connector.clone(), false, why.clone()),
        Reason::Excepted { exception, .. } => {
            let ExceptionSubject::InboundConnector(name) = &exception.about else {
                panic!("{exception} is about no inbound connector");
            };
            let connector = ConnectorKey {
                organization: exception.key.organization.clone(),
                name: Arc::clone(name),
            };
            (connector, true, exception.to_string())
        }
        _ => return None,
    };
    Some((connector, is_by_it, words))
}

/// Whichever connectors the decision names, their accounts say the same.
pub(super) fn assert_agree(facts: &InboundFacts<'_>, admission: &Admission) {
    let accounts = account(facts);
    let of = |connector: &ConnectorKey| accounts.iter().find(|one| one.connector == *connector).unwrap();
    for reason in admission.reasons() {
        let Some((connector, is_by_it, words)) = part_in(reason) else {
            continue;
        };
        let account = of(&connector);
        assert_eq!(account.matches, is_by_it, "{account:?} by {reason:?}");
        assert!(account.words.contains(&words), "{account:?} by {reason:?}");
    }
    if let Admission::Admitted { attribution, .. } = admission
        && let Some(connector) = &attribution.connector
    {
        assert!(of(connector).matches, "{:?} brought it", of(connector));
    }
    for account in accounts.iter().filter(|account| account.matches) {
        let connector = facts.directory.inbound_connector(&account.connector).unwrap();
        assert!(connector.enabled && connector.shadow.is_none(), "{account:?}");
    }
}

const ACME: &str = "mail.acme.example";
const BANK: &str = "mail.bank.example";

/// Each line: who sends, the recipient's domain, how the decision begins, a connector, whether it matches (`*`), and
/// what is told of it.
#[track_caller]
fn assert_told(directory: &Directory, sessions: &[(&str, Session)], table: &str) {
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [who, recipient, decision, connector, matches, words] = cells[..] else {
            panic!("{line}");
        };
        let (_, session) = sessions.iter().find(|(name, _)| *name == who).unwrap();
        let decided = told(&session.to(directory, recipient));
        assert!(decided.starts_with(decision), "{decided:?}: {line}");
        let accounts = session.asked(directory, recipient, account);
        let account = accounts.iter().find(|one| one.connector == key(connector)).unwrap();
        assert_eq!(
            (account.matches, account.words.as_str()),
            (matches == "*", words),
            "{line}"
        );
    }
}

const TRUSTED: &str = "\
acme    | beta.example | connector beta/friends (organization acme) | beta/friends | * | trusts acme, whose \
    server the client is
acme    | beta.example | connector beta/friends | beta/lock | * | covers the sender and has \
    RestrictDomainsToIPAddresses, but 203.0.113.9 is none of its addresses; connector beta/friends trusts the \
    organization whose server the client is
acme    | beta.example | connector beta/friends | acme/cert | * | knows the client by certificate \
    mail.acme.example; its mail for another organization comes in as from elsewhere
unknown | beta.example | 451 4.7.0 the certificate | beta/friends | * | trusts acme, whose server the client \
    may be: the anchors cannot be read
nobody  | beta.example | 550 5.7.51 | beta/friends | | trusts acme, and the client is none of their servers
acme    | acme.example | connector acme/cert | beta/friends | | the recipient is not its organization's";

#[test]
fn who_trusts_an_organization_matches_where_that_lets_its_mail_pass() {
    let parts = || {
        three_organizations().inbound([
            own("acme/cert").named("*.acme.example"),
            trusting("beta/friends", &["acme"]),
        ])
    };
    let lock = partner("beta/lock", &["*"]).at(&["192.0.3.9"]).restricting();
    let sessions = [
        ("acme", stranger().with_certificate(&[ACME])),
        ("unknown", stranger().under(tls(&[ACME], &unknown()))),
        ("nobody", stranger()),
    ];
    assert_told(&parts().inbound([lock]).build(), &sessions, TRUSTED);
    assert_told(
        &parts().build(),
        &sessions,
        "acme | beta.example | local recipient | beta/friends | | trusts acme, whose server the client is, and no \
         restriction stands against that",
    );
}

const PASSED_OVER: &str = "\
of a sub     | acme.example | local recipient | acme/cert | | does not know the certificate (its name lies in \
    no domain of the organization)
of sales     | elsewhere.example | connector acme/cert | acme/sales | | looks for such a certificate, but is \
    limited to accepted domains that are not the sender's
as sales     | elsewhere.example | connector acme/sales | acme/cert | | looks for such a certificate, but \
    connector acme/sales goes before it
self-signed  | elsewhere.example | 550 5.7.1 | acme/cert | | does not know the certificate (the certificate is \
    self-signed)
acme's       | elsewhere.example | 550 5.7.64 | acme/address | | 192.0.2.1 is one of its addresses, but it is \
    limited to other accepted domains
acme's       | sales.acme.example | connector acme/address | acme/address | * | knows the client by address \
    192.0.2.1, recipient domain sales.acme.example
a stranger's | elsewhere.example | 550 5.7.64 | acme/address | | 192.0.2.1 is one of its addresses, but neither \
    the sender's domain nor the recipient's is its organization's
beta's       | sales.acme.example | local recipient | acme/address | | 192.0.2.1 is one of its addresses, but \
    connector beta/address goes before it
nobody       | elsewhere.example | 550 5.7.1 | acme/address | | 203.0.113.9 is none of its addresses
nobody       | elsewhere.example | 550 5.7.1 | acme/nobody | | names neither a certificate nor addresses
unknown      | elsewhere.example | 451 4.7.0 | acme/cert | * | looks for such a certificate, which cannot be \
    judged now: the anchors cannot be read
unknown      | elsewhere.example | 451 4.7.0 | beta/address | * | knows the client by address 192.0.2.1, sender \
    domain beta.example, but connector acme/cert of another organization may know it by its certificate";

#[test]
fn a_connector_for_own_servers_that_is_passed_over_says_by_what() {
    let mut parts = three_organizations().inbound([
        own("acme/cert").named("*.acme.example"),
        own("acme/sales")
            .named("mail.sales.acme.example")
            .limited_to(&["sales.acme.example"]),
        own("acme/address")
            .at(&["192.0.2.0/24"])
            .limited_to(&["sales.acme.example"]),
        own("acme/nobody"),
        own("beta/address").at(&["192.0.2.0/24"]),
    ]);
    parts.domains.push(accepted("beta", "sub.acme.example"));
    let with = |names: &[&str]| stranger().with_certificate(names);
    let at_acmes = stranger().at("192.0.2.1");
    let sessions = [
        ("of a sub", with(&["mail.sub.acme.example"])),
        ("of sales", with(&["mail.sales.acme.example"])),
        (
            "as sales",
            with(&["mail.sales.acme.example"]).from("sales.acme.example"),
        ),
        ("self-signed", stranger().under(tls(&[ACME], &self_signed()))),
        ("a stranger's", at_acmes.clone()),
        ("acme's", at_acmes.clone().from("acme.example")),
        ("beta's", at_acmes.clone().from("beta.example")),
        ("unknown", at_acmes.from("beta.example").under(tls(&[ACME], &unknown()))),
        ("nobody", stranger()),
    ];
    assert_told(&parts.build(), &sessions, PASSED_OVER);
}

const TLS_DEMANDED: &str = "\
open      | acme.example | 451 4.7.0 Must issue | acme/address | * | stands against it: TLS is required, and \
    this connection is in the clear
open      | acme.example | 451 4.7.0 Must issue | acme/printer | * | knows the client by address 192.0.2.7, \
    sender domain acme.example
open      | acme.example | 451 4.7.0 Must issue | acme/all | | is not asked: the mail is refused before
older     | elsewhere.example | 550 5.7.5 | acme/address | * | stands against it: TLSv1.3 or later is required, \
    and this connection is TLSv1.2
open      | beta.example | local recipient | acme/printer | * | knows the client by address 192.0.2.7, sender \
    domain acme.example; without the TLS that is demanded of that server, its mail for another organization is \
    a stranger's
open      | beta.example | local recipient | acme/address | * | knows the client by address 192.0.2.7, sender \
    domain acme.example, but TLS is required, and this connection is in the clear; without the TLS that is \
    demanded of that server, its mail for another organization is a stranger's
classical | acme.example | 550 5.7.5 | acme/cert | * | stands against it: the key exchange X25519MLKEM768 is \
    required, and this connection used x25519
good      | acme.example | connector acme/printer | acme/all | | is for mail from elsewhere, and the client is \
    a server of the organization itself
good      | acme.example | connector acme/printer | acme/address | * | knows the client by address 192.0.2.7, \
    sender domain acme.example";

#[test]
fn what_an_own_servers_connector_demands_of_tls_is_told_with_it() {
    let directory = three_organizations()
        .inbound([
            own("acme/address").at(&["192.0.2.0/24"]).with(|one| {
                one.require_tls = true;
                one.floor.min_version = TlsVersion::Tls13;
            }),
            own("acme/printer").at(&["192.0.2.7"]),
            own("acme/cert")
                .named(ACME)
                .with(|one| one.floor.groups = Some(KeyExchangeGroups::HYBRID)),
            partner("acme/all", &["*"]),
        ])
        .build();
    let printer = stranger().at("192.0.2.7").from("acme.example");
    let (older, classical) = (
        TlsFacts {
            version: TlsVersion::Tls12,
            ..tls(&[], &Verdict::Holds)
        },
        TlsFacts {
            group: "x25519".to_owned(),
            ..tls(&[ACME], &Verdict::Holds)
        },
    );
    let sessions = [
        ("open", printer.clone()),
        ("older", printer.clone().under(older)),
        ("good", printer.under_tls()),
        ("classical", stranger().under(classical)),
    ];
    assert_told(&directory, &sessions, TLS_DEMANDED);
}

const PARTNERS: &str = "\
bank      | acme.example | connector acme/cert | acme/cert | * | what it demands holds (certificate \
    mail.bank.example, sender domain bank.example)
bank      | acme.example | connector acme/cert | acme/address | * | covers the sender and has \
    RestrictDomainsToIPAddresses, but 203.0.113.9 is none of its addresses; what connector acme/cert demands \
    holds, and one is enough
bank      | acme.example | connector acme/cert | acme/tls | * | covers the sender, and all that it demands holds
bank      | acme.example | connector acme/cert | acme/sales | | is limited to other accepted domains
bank      | acme.example | connector acme/cert | acme/off | | disabled
bank      | acme.example | connector acme/cert | acme/tried | | is only tried
no bank   | acme.example | 550 5.7.51 | acme/address | * | covers the sender and has \
    RestrictDomainsToIPAddresses, but 203.0.113.9 is none of its addresses
no bank   | acme.example | 550 5.7.51 | acme/cert | * | covers the sender and has RestrictDomainsToCertificate, \
    but no certificate was presented
open      | acme.example | 451 4.7.0 | acme/cert | * | covers the sender, but TLS is required, and this \
    connection is in the clear
elsewhere | acme.example | connector acme/tls | acme/cert | | its sender domains do not cover elsewhere.example
null      | acme.example | connector acme/tls | acme/cert | | its sender domains do not cover a sender without \
    a domain";

#[test]
fn of_partners_each_says_whether_it_covers_the_mail_and_what_is_missing() {
    let directory = three_organizations()
        .inbound([
            partner("acme/cert", &["bank.example"]).named(BANK).restricting(),
            partner("acme/address", &["bank.example"])
                .at(&["192.0.2.0/24"])
                .restricting(),
            partner("acme/tls", &["*"]),
            partner("acme/sales", &["*"]).limited_to(&["sales.acme.example"]),
            partner("acme/off", &["*"]).with(|one| one.enabled = false),
            partner("acme/tried", &["*"]).tried(),
        ])
        .build();
    let bank = stranger().from("bank.example");
    let sessions = [
        ("bank", bank.clone().with_certificate(&[BANK])),
        ("no bank", bank.clone().under_tls()),
        ("open", bank.at("192.0.2.1")),
        ("elsewhere", stranger().under_tls()),
        ("null", stranger().under_tls().from("<>")),
    ];
    assert_told(&directory, &sessions, PARTNERS);
}

const DIRECT: &str = "\
by address     | acme.example | local recipient | acme/filter | * | its sender domains do not cover \
    acme.example; it knows the client, so that mail from acme.example is no Direct Send
by certificate | acme.example | local recipient | acme/sales | * | looks for such a certificate, but is limited \
    to accepted domains that are not the sender's; it knows the client, so that mail from acme.example is no \
    Direct Send
unknown        | acme.example | 451 4.7.0 | acme/sales | * | looks for such a certificate, which cannot be \
    judged now: the anchors cannot be read
nobody         | acme.example | 550 5.7.68 | acme/filter | | its sender domains do not cover acme.example";

#[test]
fn who_is_known_and_so_sends_nothing_directly_is_told_by_which_connector() {
    let directory = three_organizations()
        .settings("acme", |acme| acme.reject_direct_send = true)
        .inbound([
            partner("acme/filter", &["filter.example"]).at(&["192.0.2.1"]),
            own("acme/sales").named(ACME).limited_to(&["sales.acme.example"]),
        ])
        .build();
    let claiming = stranger().from("acme.example");
    let sessions = [
        ("by address", claiming.clone().at("192.0.2.1")),
        ("by certificate", claiming.clone().with_certificate(&[ACME])),
        ("unknown", claiming.clone().under(tls(&[ACME], &unknown()))),
        ("nobody", claiming),
    ];
    assert_told(&directory, &sessions, DIRECT);
}

/// Directories in which connectors of every kind stand in each other's way.
fn crowded() -> Vec<Parts> {
    let acmes = || {
        betas().inbound([
            own("acme/cert").named("*.acme.example"),
            own("acme/host")
                .named(ACME)
                .with(|one| one.floor.groups = Some(KeyExchangeGroups::HYBRID))
                .limited_to(&["acme.example"]),
            own("acme/address").at(&["192.0.2.0/24", "192.0.4.1"]),
            own("acme/strict").at(&["192.0.2.1"]).with(|one| one.require_tls = true),
        ])
    };
    let friends = || trusting("beta/friends", &["acme"]);
    let lock = || partner("beta/lock", &["*"]).at(&["192.0.3.9"]).restricting();
    vec![
        betas(),
        acmes(),
        acmes().inbound([friends()]),
        acmes().inbound([friends(), lock()]),
        acmes().inbound([lock(), partner("beta/tls", &["*"]), partner("acme/tls", &["*"])]),
        acmes().settings("acme", |acme| {
            acme.reject_direct_send = true;
            acme.require_tls_inbound = true;
        }),
    ]
}

/// Whether two judgements come to the same; of mail that nobody may relay, the two ways of saying so are one.
fn is_alike(one: &Admission, other: &Admission) -> bool {
    let is_denied = |admission: &Admission| {
        let text = match admission {
            Admission::Admitted { .. } => return false,
            Admission::Refused { reply, .. } => reply.to_string(),
        };
        text == RELAY_DENIED || text == NOT_ATTRIBUTED
    };
    one == other || is_denied(one) && is_denied(other)
}

/// A connector that does not match has no say: without it all is as it is.
#[test]
fn without_a_connector_that_does_not_match_nothing_is_decided_otherwise() {
    let mut looked_at = 0;
    for parts in crowded() {
        let directory = parts.clone().build();
        let without = |place: usize| {
            let mut parts = parts.clone();
            parts.inbound[place].enabled = false;
            parts.build()
        };
        let without: Vec<Directory> = (0..parts.inbound.len()).map(without).collect();
        for session in all_sessions() {
            for recipient in ["acme.example", "beta.example", "local.example", "elsewhere.example"] {
                let admission = session.to(&directory, recipient);
                for account in session.asked(&directory, recipient, account) {
                    if account.matches {
                        continue;
                    }
                    let place = parts.inbound.iter().position(|one| one.key == account.connector);
                    let then = session.to(&without[place.unwrap()], recipient);
                    assert!(
                        is_alike(&admission, &then),
                        "{account:?}, but without it {then:?} of {admission:?}: {recipient} of {session:?}"
                    );
                    looked_at += 1;
                }
            }
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
}
