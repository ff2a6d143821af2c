//! Organizations beside each other: what one demands and permits never touches the other's mail.

use sekisho_testkit::{
    authority::Authority,
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    peer::{Fault, Peer},
    wait,
};

use super::{SERVER, Sender, TWO_ORGANIZATIONS, apply, arrival, lines, refusal, service, version};
use crate::{attempts, delivered_to, last_attempt, outcome_of, trace_of, traced};

const USERS: &str = "[local]\nusers = [\"bob@acme.example\", \"eve@beta.example\"]\n";
const BOB: &str = "bob@acme.example";
const EVE: &str = "eve@beta.example";

/// Acme wants TLS of a partner, beta wants nothing.
const ACME_WANTS_TLS: &str = "\
[[inbound_connector]]
organization = \"acme\"
name = \"tls\"
sender_domains = [\"partner.example\"]
";

#[test]
fn of_one_transaction_one_organization_refuses_its_recipient_and_the_other_takes_its_own() {
    enclosed(|| {
        let node = service(USERS, &format!("{TWO_ORGANIZATIONS}{ACME_WANTS_TLS}"));
        let swaks = Swaks::new();
        let both = format!("{BOB},{EVE}");
        let output = swaks.send(SERVER, "a@partner.example", &both, &["--body", "to both"]);
        output.assert_accepted();
        let refused = output.transcript.lines().filter(|line| line.contains("<** 451 4.7.0"));
        assert_eq!(refused.count(), 1, "{}", output.transcript);
        assert!(delivered_to(&node, EVE).contains("to both"));
        assert_eq!(node.mailbox(BOB), Vec::<Vec<u8>>::new());
        let (_, text) = refusal(&node, BOB);
        assert!(text.contains("acme/tls"), "{text}");
        let taken = trace_of(&node, EVE).expect("it arrived");
        assert!(!taken["arrival"]["recipients"].to_string().contains(BOB), "{taken:#}");
    });
}

#[test]
fn a_change_holds_for_the_next_transaction_of_an_open_session_and_the_trace_names_the_version() {
    enclosed(|| {
        let node = service(USERS, TWO_ORGANIZATIONS);
        let before = version(&node);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        let content = b"Subject: x\r\n\r\nx\r\n";
        let mut client = runtime.block_on(Client::open(SERVER, false)).expect("a session");
        let mut deliver = |from: &str| runtime.block_on(client.deliver(from, BOB, content));
        let taken = deliver("a@partner.example").expect("a reply");
        assert!(taken.is_success(), "{taken:?}");
        let first = arrival(&node, BOB);
        assert_eq!(
            (&first["directory"], &first["admitted_by"]),
            (&before.into(), &"local recipient".into())
        );

        apply(&node, &format!("{TWO_ORGANIZATIONS}{ACME_WANTS_TLS}"));
        assert_eq!(version(&node), before + 1);
        let refused = deliver("a@partner.example").expect_err("it is refused");
        assert!(refused.to_string().starts_with("451 "), "{refused}");
        let trace = wait::until_or(
            "the refusal",
            || trace_of(&node, BOB).filter(|message| message["arrival"]["admitted_by"] == "refused"),
            || node.log(),
        );
        assert_eq!(trace["arrival"]["directory"], before + 1, "{trace:#}");
        assert_eq!(last_attempt(&trace)["directory"], before + 1, "{trace:#}");
    });
}

/// Aliases of acme's, one of which leads to beta alone.
const ALIASES: &str = "\
[local]
users = [\"bob@acme.example\", \"eve@beta.example\"]
[local.aliases]
\"all@acme.example\" = [\"bob@acme.example\", \"eve@beta.example\"]
\"away@acme.example\" = [\"eve@beta.example\"]
";

/// What beta demands and rejects, and what acme rejects.
const BETA_DEMANDS: &str = "\
[[inbound_connector]]
organization = \"beta\"
name = \"bank\"
sender_domains = [\"bank.example\"]
restrict_domains_to_ip_addresses = true
sender_ip_addresses = [\"192.0.2.77\"]
[[inbound_connector]]
organization = \"beta\"
name = \"tls\"
sender_domains = [\"tls.example\"]
[[rule]]
organization = \"beta\"
name = \"secret\"
header = { name = \"Subject\", contains = \"betas\" }
reject = { text = \"not for beta\" }
[[rule]]
organization = \"acme\"
name = \"secret\"
header = { name = \"Subject\", contains = \"acmes\" }
reject = { text = \"not for acme\" }
";

#[test]
fn an_alias_leads_into_another_organization_past_none_of_its_demands_and_takes_its_own_along() {
    enclosed(|| {
        let node = service(ALIASES, &format!("{TWO_ORGANIZATIONS}{BETA_DEMANDS}"));
        let swaks = Swaks::new();
        let send = |from: &str, to: &str, subject: &str| {
            let subject = format!("Subject: {subject}");
            swaks.send(SERVER, from, to, &["--header", &subject]).transcript
        };
        let arrives = |user: &str, words: &str| {
            let has_it = |message: &Vec<u8>| String::from_utf8_lossy(message).contains(words);
            let look = || node.mailbox(user).iter().any(has_it).then_some(());
            wait::until_or(format_args!("{words:?} for {user}"), look, || node.log());
        };
        // Where all of the alias is beta's, beta's word is the reply.
        let refused = send("a@bank.example", "away@acme.example", "x");
        assert!(refused.contains("<** 550 5.7.51"), "{refused}");
        let (_, text) = refusal(&node, "away@acme.example");
        assert!(text.contains("beta/bank"), "{text}");
        // Whoever may come again is told so.
        let refused = send("a@tls.example", "all@acme.example", "x");
        assert!(refused.contains("<** 451 4.7.0"), "{refused}");
        // Otherwise acme's recipient gets it, and of beta's the sender is told.
        let taken = send("a@bank.example", "all@acme.example", "of the bank");
        assert!(
            taken.contains("<-  250 2.6.0") || taken.contains("<-  250 2.0.0"),
            "{taken}"
        );
        arrives(BOB, "of the bank");
        let bounced = traced(&node, EVE, "bounced");
        let told = attempts(&bounced).find(|one| outcome_of(one) == "bounced");
        let told = told.expect("one that bounced").to_string();
        assert!(
            told.contains("refused-at-rcpt") && told.contains("organization beta"),
            "{told}"
        );
        // The rules of both hold for what beta's user would get by acme's alias.
        for (subject, reply) in [("betas", "not for beta"), ("acmes", "not for acme")] {
            let rejected = send("a@other.example", "away@acme.example", subject);
            assert!(
                rejected.contains(&format!("<** 550 5.7.1 {reply}")),
                "{subject}: {rejected}"
            );
        }
        assert_eq!(node.mailbox(EVE), Vec::<Vec<u8>>::new());
        send("a@other.example", "all@acme.example", "betas");
        arrives(BOB, "betas");
        send("a@other.example", "all@acme.example", "harmless");
        arrives(EVE, "harmless");
    });
}

#[test]
fn organizations_cannot_send_through_each_others_connectors() {
    enclosed(|| {
        let root = Authority::new();
        let of = |organization: &str, address: &str, port: u16| {
            format!(
                "[[inbound_connector]]\norganization = \"{organization}\"\nname = \"hub\"\n\
                 connector_type = \"on_premises\"\nassociated_accepted_domains = [\"{organization}.example\"]\n\
                 tls_sender_certificate_name = \"mail.{organization}.example\"\ntrust_anchors = {}\n\
                 sender_ip_addresses = [\"{address}\"]\n\
                 [[outbound_connector]]\norganization = \"{organization}\"\nname = \"out\"\n\
                 recipient_domains = [\"there.example\"]\nsmart_hosts = [\"192.0.2.1:{port}\"]\n",
                lines(root.anchor())
            )
        };
        let directory = [
            TWO_ORGANIZATIONS,
            &of("acme", "192.0.2.3", 2601),
            &of("beta", "192.0.2.4", 2602),
        ];
        let [of_acme, of_beta] = [2601, 2602].map(|port| Peer::start((HOSTS[0], port).into(), None, Fault::None));
        let node = service(USERS, &directory.concat());
        let swaks = Swaks::new();
        let (acme, beta) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[3]));
        let with = |sender: &Sender, name: &str| {
            let pem = root.client(&format!("mail.{name}.example"));
            sender.clone().with(&swaks, name, &pem)
        };
        let denied = "550 5.7.64 ";
        super::assert_answers(
            &swaks,
            &[
                (&acme, "a@beta.example", "b@there.example", denied),
                (&beta, "a@acme.example", "b@there.example", denied),
                // Each connector is limited to its organization's own domain, so the certificate is no way round.
                (&with(&acme, "acme"), "a@beta.example", "b@there.example", denied),
                (&with(&beta, "beta"), "a@acme.example", "b@there.example", denied),
                (&with(&acme, "acme"), "<>", "b@there.example", denied),
            ],
        );
        for (sender, from, to) in [
            (&acme, "a@acme.example", "x@there.example"),
            (&beta, "a@beta.example", "y@there.example"),
        ] {
            assert!(sender.sends(&swaks, from, to).starts_with("250"), "{from}");
            traced(&node, to, "delivered");
        }
        let to = |peer: &Peer| {
            peer.received()
                .into_iter()
                .flat_map(|message| message.to)
                .collect::<Vec<_>>()
        };
        assert!(
            to(&of_acme)[0].contains("x@there.example") && of_acme.count() == 1,
            "{:?}",
            to(&of_acme)
        );
        assert!(
            to(&of_beta)[0].contains("y@there.example") && of_beta.count() == 1,
            "{:?}",
            to(&of_beta)
        );
    });
}

/// Attribution says whose server it was, for every organization's recipients.
#[test]
fn a_rule_about_a_neighbours_mail_meets_what_its_server_brings_and_not_what_claims_to_be_its() {
    enclosed(|| {
        let directory = format!(
            "{TWO_ORGANIZATIONS}[[inbound_connector]]\norganization = \"acme\"\nname = \"own\"\n\
             connector_type = \"on_premises\"\nsender_ip_addresses = [\"{}\"]\n\
             [[rule]]\norganization = \"beta\"\nname = \"of-acme\"\nfrom_organizations = [\"acme\"]\n\
             add_header = {{ name = \"X-From\", value = \"acme\" }}\n",
            HOSTS[1]
        );
        let node = service(USERS, &directory);
        let swaks = Swaks::new();
        for (sender, expected) in [(HOSTS[2], false), (HOSTS[1], true)] {
            let before = node.mailbox(EVE).len();
            assert!(
                Sender::at(sender)
                    .sends(&swaks, "a@acme.example", EVE)
                    .starts_with("250")
            );
            let delivered = || node.mailbox(EVE).into_iter().find(|one| contains(one, "X-From: acme"));
            wait::until_or(
                "the delivery",
                || (node.mailbox(EVE).len() > before).then_some(()),
                || node.log(),
            );
            assert_eq!(delivered().is_some(), expected, "{sender}");
        }
    });
}

fn contains(message: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(message).contains(text)
}

/// An organization's ways out, to a host whose authority it is to trust and to one of its neighbour's, and its own
/// servers.
fn connectors_without_anchors(organization: &str, address: &str, [own, other]: [u16; 2]) -> String {
    let outbound = |name: &str, port: u16| {
        format!(
            "[[outbound_connector]]\norganization = \"{organization}\"\nname = \"{name}\"\n\
             recipient_domains = [\"{name}.example\"]\nsmart_hosts = [\"192.0.2.1:{port}\"]\n\
             tls_settings = \"certificate_validation\"\nretry = [\"1h\"]\n"
        )
    };
    let inbound = |name: &str, condition: &str| {
        format!(
            "[[inbound_connector]]\norganization = \"{organization}\"\nname = \"{name}\"\n\
             connector_type = \"on_premises\"\nassociated_accepted_domains = [\"{organization}.example\"]\n\
             {condition}\n"
        )
    };
    [
        outbound("there", own),
        outbound("astray", other),
        inbound("own", &format!("sender_ip_addresses = [\"{address}\"]")),
        inbound(
            "hub",
            &format!("tls_sender_certificate_name = \"mail.{organization}.example\""),
        ),
    ]
    .concat()
}

/// Neither has anchors at its connectors: what each trusts stands in its own document.
#[test]
fn each_organization_trusts_its_own_authority_and_never_its_neighbours() {
    enclosed(|| {
        let roots = [Authority::new(), Authority::new()];
        let hosts = [(2601, &roots[0]), (2602, &roots[1])].map(|(port, root)| {
            let pem = root.server(&["mx.there.example"]);
            Peer::start((HOSTS[0], port).into(), Some(&pem), Fault::None)
        });
        let directory = [
            TWO_ORGANIZATIONS,
            &connectors_without_anchors("acme", "192.0.2.3", [2601, 2602]),
            &connectors_without_anchors("beta", "192.0.2.4", [2602, 2601]),
        ];
        let node = service(USERS, &directory.concat());
        for (name, root) in ["acme", "beta"].into_iter().zip(&roots) {
            let file = node.write(&format!("{name}.pem"), root.anchor());
            let set = node.run(&["organization", "set", name, "--trust-anchors", &file.to_string_lossy()]);
            assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
        }
        let exported = node.run(&["export"]);
        let exported = String::from_utf8_lossy(&exported.stdout).into_owned();
        assert_eq!(exported.matches("BEGIN CERTIFICATE").count(), 2, "{exported}");
        let swaks = Swaks::new();
        for (name, host) in [("acme", HOSTS[2]), ("beta", HOSTS[3])] {
            for (domain, outcome) in [("there", "delivered"), ("astray", "deferred")] {
                let to = format!("{name}@{domain}.example");
                let reply = Sender::at(host).sends(&swaks, &format!("a@{name}.example"), &to);
                assert!(reply.starts_with("250"), "{to}: {reply}");
                let message = traced(&node, &to, outcome);
                let attempt = last_attempt(&message);
                let required = &attempt["required"][0]["level"]["anchors"];
                assert_eq!(*required, format!("organization {name}"), "{attempt:#}");
                if outcome == "deferred" {
                    assert_eq!(attempt["outcome"]["why"]["status"], "4.7.320", "{attempt:#}");
                }
            }
        }
        assert_eq!(hosts.each_ref().map(Peer::count), [1, 1]);
        // On the way in, the same certificate name from the neighbour's authority is nobody's.
        for (place, name) in ["acme", "beta"].into_iter().enumerate() {
            for (issuer, is_known) in [(place, true), (1 - place, false)] {
                let pem = roots[issuer].client(&format!("mail.{name}.example"));
                let sender = Sender::at(HOSTS[4]).with(&swaks, &format!("{name}-{issuer}"), &pem);
                let reply = sender.sends(&swaks, &format!("b@{name}.example"), "z@there.example");
                assert_eq!(reply.starts_with("250"), is_known, "{name} by {issuer}: {reply}");
            }
        }
    });
}
