//! Whose server a client is, and who may send on through this service.

use sekisho_testkit::{
    authority::{Authority, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixSettings, Swaks},
    node::Node,
    peer::{Fault, Peer},
    wait,
};

use super::{Sender, TWO_ORGANIZATIONS, arrival, assert_answers, authorities, lines, refusal, service};
use crate::{last_attempt, tls_version, traced};

const USERS: &str = "[local]\nusers = [\"inbox\", \"bob@acme.example\", \"eve@beta.example\"]\n";
const BOB: &str = "bob@acme.example";
const EVE: &str = "eve@beta.example";
const FAR: &str = "far@there.example";

/// Acme and beta with a certificate and an address each, and one address (192.0.2.5) that both name. All mail of
/// either leaves by a smart host of its own: acme's is 192.0.2.1:2601, beta's 192.0.2.1:2602.
fn two_with_servers(anchors: &str) -> String {
    let of = |organization: &str, address: &str, port: u16| {
        format!(
            "[[inbound_connector]]\norganization = \"{organization}\"\nname = \"hub\"\n\
             connector_type = \"on_premises\"\n\
             tls_sender_certificate_name = \"mail.{organization}.example\"\ntrust_anchors = {}\n\
             [[inbound_connector]]\norganization = \"{organization}\"\nname = \"net\"\n\
             connector_type = \"on_premises\"\n\
             sender_ip_addresses = [\"{address}\", \"192.0.2.5\"]\n\
             [[outbound_connector]]\norganization = \"{organization}\"\nname = \"out\"\nrecipient_domains = [\"*\"]\n\
             smart_hosts = [\"192.0.2.1:{port}\"]\n",
            lines(anchors)
        )
    };
    // Mail that claims to be from beta is restricted at acme, but for beta's own servers.
    let trust = format!(
        "[[inbound_connector]]\norganization = \"acme\"\nname = \"beta\"\ntrusted_organizations = [\"beta\"]\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"restricted\"\nsender_domains = [\"beta.example\"]\n\
         restrict_domains_to_certificate = true\ntls_sender_certificate_name = \"nobody.beta.example\"\n\
         require_tls = false\ntrust_anchors = {}\n",
        lines(anchors)
    );
    [
        TWO_ORGANIZATIONS,
        &of("acme", "192.0.2.3", 2601),
        &of("beta", "192.0.2.4", 2602),
        &trust,
    ]
    .concat()
}

fn smart_hosts() -> [Peer; 2] {
    [2601, 2602].map(|port| Peer::start((HOSTS[0], port).into(), None, Fault::None))
}

/// By which right the newest message to `recipient` came in.
fn right(node: &Node, recipient: &str) -> String {
    let arrival = arrival(node, recipient);
    arrival["admitted_by"].as_str().unwrap_or_default().to_owned()
}

/// Who sends, MAIL FROM, the recipient's domain, and the right by which it comes in.
const PRECEDENCE: &str = "\
    certified at beta | a@beta.example  | there.example | connector acme/hub (certificate mail.acme.example)
    certified at beta | a@acme.example  | there.example | connector acme/hub (certificate mail.acme.example)
    certified at beta | <>              | there.example | connector acme/hub (certificate mail.acme.example)
    certified at beta | a@there.example | acme.example  | connector acme/hub (certificate mail.acme.example)
    both | a@acme.example  | acme.example  | connector acme/net (address 192.0.2.5, sender domain acme.example)
    both | a@acme.example  | there.example | connector acme/net (address 192.0.2.5, sender domain acme.example)
    both | a@beta.example  | there.example | connector beta/net (address 192.0.2.5, sender domain beta.example)
    both | a@beta.example  | acme.example  | connector acme/beta (organization beta)
    both | a@there.example | beta.example  | connector beta/net (address 192.0.2.5, recipient domain beta.example)
    acme | a@there.example | acme.example  | connector acme/net (address 192.0.2.3, recipient domain acme.example)
    beta | a@there.example | acme.example  | local recipient";

#[test]
fn certificate_comes_before_mail_from_and_mail_from_before_the_recipient() {
    enclosed(|| {
        let root = Authority::new();
        let _hosts = smart_hosts();
        let node = service(USERS, &two_with_servers(root.anchor()));
        let swaks = Swaks::new();
        let (of_acme, of_beta, of_both) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[3]), Sender::at(HOSTS[4]));
        let certified = of_beta.clone().with(&swaks, "acme", &root.client("mail.acme.example"));
        for (place, line) in PRECEDENCE.lines().enumerate() {
            let [who, from, to, wanted] = super::cells(line);
            let sender = match who {
                "certified at beta" => &certified,
                "both" => &of_both,
                "acme" => &of_acme,
                _ => &of_beta,
            };
            let recipient = match to {
                "acme.example" => BOB.to_owned(),
                "beta.example" => EVE.to_owned(),
                elsewhere => format!("r{place}@{elsewhere}"),
            };
            let reply = sender.sends(&swaks, from, &recipient);
            assert!(reply.starts_with("250"), "{line}: {reply}");
            assert_eq!(right(&node, &recipient), wanted, "{line}");
        }
        // Mail that says it is from beta is beta's when beta's servers bring it, and nobody else's.
        let stranger = Sender::at(HOSTS[5]);
        assert_answers(
            &swaks,
            &[
                (&of_acme, "a@beta.example", EVE, "250"),
                (&of_acme, "a@beta.example", BOB, "250"),
                (&stranger, "a@beta.example", BOB, "550 5.7.51 "),
            ],
        );
    });
}

#[test]
fn relaying_takes_both_halves_or_a_certificate() {
    enclosed(|| {
        let root = Authority::new();
        let [of_acme, of_beta] = smart_hosts();
        let node = service(USERS, &two_with_servers(root.anchor()));
        let swaks = Swaks::new();
        let (server, stranger) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[5]));
        let shows = |what: &str, pem| stranger.clone().with(&swaks, what, &pem);
        let certified = shows("acme", root.client("mail.acme.example"));
        let self_signed = shows("self-signed", self_signed(&["mail.acme.example"]));
        let incomplete = shows("incomplete", root.intermediate().client("mail.acme.example"));
        let deeper = shows("deeper", root.client("x.mail.acme.example"));
        let denied = "550 5.7.64 TenantAttribution; Relay Access Denied";
        assert_answers(
            &swaks,
            &[
                // One half.
                (&server, "a@there.example", FAR, denied),
                (&stranger, "a@acme.example", FAR, denied),
                (&self_signed, "a@acme.example", FAR, denied),
                (&incomplete, "a@acme.example", FAR, denied),
                (&deeper, "a@acme.example", FAR, denied),
                // The halves of two organizations make no whole.
                (&server, "a@beta.example", FAR, denied),
                // Neither.
                (&stranger, "a@there.example", FAR, "550 5.7.1 "),
                (&self_signed, "a@there.example", FAR, "550 5.7.1 "),
                (&incomplete, "<>", FAR, "550 5.7.1 "),
                // The null reverse-path has no domain that could be a half.
                (&server, "<>", FAR, denied),
                (&certified, "<>", FAR, "250"),
                // Both, or the certificate.
                (&server, "a@acme.example", FAR, "250"),
                (&certified, "a@there.example", FAR, "250"),
            ],
        );
        let own_header = ["--header", "From: a@acme.example"];
        let reply = server.run(&swaks, "a@there.example", FAR, &own_header);
        assert!(reply.starts_with(denied), "From: is no half: {reply}");
        let other_header = ["--header", "From: a@there.example"];
        let reply = server.run(&swaks, "a@acme.example", "first@there.example", &other_header);
        assert!(reply.starts_with("250"), "and takes none away: {reply}");
        traced(&node, "first@there.example", "delivered");
        assert_eq!((of_acme.count(), of_beta.count()), (1, 0));

        // Of a certificate that was not taken the trace says why.
        self_signed.asks(&swaks, "a@acme.example", "second@there.example");
        let (_, text) = refusal(&node, "second@there.example");
        assert!(text.contains("acme/hub"), "{text}");
        // Behaviour 21: who forgot the intermediate is told which; where there is no path nothing is looked up.
        incomplete.asks(&swaks, "a@acme.example", "third@there.example");
        let (_, text) = refusal(&node, "third@there.example");
        for words in [
            "acme/hub",
            "incomplete chain: the certificate of its issuer",
            "CN=Sekisho test intermediate",
        ] {
            assert!(text.contains(words), "{text}");
        }
        let said = arrival(&node, "third@there.example")["revocation"].to_string();
        assert!(said.starts_with("\"not looked up: incomplete chain"), "{said}");
    });
}

#[test]
fn mail_of_own_domains_for_recipients_here_is_marked_as_internal_where_a_connector_says_so() {
    enclosed(|| {
        let [_of_acme, _of_beta] = smart_hosts();
        let [first, second] = ["192.0.2.3", "192.0.2.4"].map(|address| {
            format!(
                "[[inbound_connector]]\norganization = \"acme\"\nname = \"at {address}\"\n\
                 connector_type = \"on_premises\"\nsender_ip_addresses = [\"{address}\"]\n"
            )
        });
        let out = "[[outbound_connector]]\norganization = \"acme\"\nname = \"out\"\n\
                   recipient_domains = [\"*\"]\nsmart_hosts = [\"192.0.2.1:2601\"]\n";
        let marking = format!("{first}treat_messages_as_internal = true\n");
        let users = ["one", "two", "three", "four"].map(|user| format!("\"{user}@acme.example\""));
        let users = format!("[local]\nusers = [\"inbox\", {}, \"{EVE}\"]\n", users.join(", "));
        let node = service(&users, &[TWO_ORGANIZATIONS, &marking, &second, out].concat());
        let swaks = Swaks::new();
        let (marked, plain) = (Sender::at(HOSTS[2]), Sender::at(HOSTS[3]));
        for (server, from, to, is_internal) in [
            (&marked, "a@acme.example", "one@acme.example", true),
            (&marked, "a@there.example", "two@acme.example", false),
            (&marked, "<>", "three@acme.example", false),
            (&marked, "a@acme.example", EVE, false),
            (&marked, "a@acme.example", FAR, false),
            (&plain, "a@acme.example", "four@acme.example", false),
        ] {
            let reply = server.sends(&swaks, from, to);
            assert!(reply.starts_with("250"), "{from} to {to}: {reply}");
            let right = right(&node, to);
            assert_eq!(right.ends_with(", internal"), is_internal, "{from} to {to}: {right}");
        }
        // The mark gives nobody a right.
        let reply = marked.asks(&swaks, "a@there.example", FAR);
        assert!(reply.starts_with("550 5.7.64 "), "{reply}");
    });
}

/// A Postfix that sends everything to us, with a client certificate.
fn on_premises(pem: &sekisho_testkit::authority::Pem, address: std::net::IpAddr) -> Postfix {
    Postfix::start(&PostfixSettings {
        address: (address, 25).into(),
        domain: "unused.example",
        certificate: Some(pem),
        relayhost: &format!("[{}]:2525", HOSTS[0]),
        more: "smtp_tls_security_level = encrypt\n\
               smtp_tls_cert_file = /etc/postfix/chain.pem\n\
               smtp_tls_key_file = /etc/postfix/key.pem\n",
    })
}

#[test]
fn a_postfix_is_known_by_its_client_certificate_and_its_chain_must_be_whole() {
    enclosed(|| {
        let (root, intermediate) = authorities();
        let [of_acme, of_beta] = smart_hosts();
        let node = service(USERS, &two_with_servers(root.anchor()));
        let pem = intermediate.server(&["mail.acme.example"]);
        let whole = on_premises(&pem, HOSTS[4]);
        let broken = on_premises(&pem.leaf_alone(), HOSTS[5]);
        let swaks = Swaks::new();
        let send = |postfix: &Postfix, to: &str| {
            let body = ["--body", "from the premises"];
            swaks
                .send(postfix.address(), "a@elsewhere.example", to, &body)
                .assert_accepted();
        };
        send(&whole, FAR);
        let message = traced(&node, FAR, "delivered");
        let wanted = "connector acme/hub (certificate mail.acme.example)";
        assert_eq!(message["arrival"]["admitted_by"], wanted, "{message:#}");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"), "{message:#}");
        assert!(
            last_attempt(&message)["route"].to_string().contains("acme/out"),
            "{message:#}"
        );
        assert_eq!((of_acme.count(), of_beta.count()), (1, 0));

        send(&broken, "other@there.example");
        let denied = || broken.log().contains("550 5.7.1 relaying denied").then_some(());
        wait::until_or("the refusal in Postfix's log", denied, || broken.log() + &node.log());
        assert_eq!((of_acme.count(), of_beta.count()), (1, 0));
    });
}
