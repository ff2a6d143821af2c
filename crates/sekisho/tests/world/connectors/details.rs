//! Small things that a connector says of a connection: TLS from the first octet on, another server name in the
//! handshake, and certificates that are not meant for clients.

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixListener, PostfixSettings, Swaks},
    peer::{Fault, Peer},
    wait,
};

use super::{Sender, TWO_ORGANIZATIONS, apply, assert_answers, lines, refusal, service};
use crate::{last_attempt, relaying_node, submit, traced};

const DENIED: &str = "550 5.7.64 TenantAttribution; Relay Access Denied";

fn attempted(node: &sekisho_testkit::node::Node, recipient: &str, outcome: &str) -> serde_json::Value {
    submit("a@localhost", &[recipient.to_owned()]);
    last_attempt(&traced(node, recipient, outcome)).clone()
}

fn connector(name: &str, more: &str) -> String {
    format!(
        "[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{name}.example\"]\n\
         retry = [\"1h\"]\n{more}\n"
    )
}

#[test]
fn tls_from_the_first_octet_on_goes_to_port_465_and_never_in_the_clear() {
    enclosed(|| {
        let root = Authority::new();
        let certificate = root.server(&["mx.there.example"]);
        let listener = PostfixListener {
            address: (HOSTS[0], 465).into(),
            certificate: certificate.clone(),
            options: vec!["smtpd_tls_wrappermode=yes".to_owned()],
        };
        let settings = PostfixSettings {
            address: ([127, 0, 0, 1], 2699).into(),
            domain: "unused.example",
            certificate: Some(&certificate),
            relayhost: "",
            more: "virtual_mailbox_domains = static:all\n",
        };
        let postfix = Postfix::start_with(&settings, &[listener]);
        // It speaks first, in the clear, where a handshake should come.
        let plain = Peer::start((HOSTS[1], 465).into(), Some(&certificate), Fault::None);
        let node = relaying_node(
            "[[route]]\nname = \"of the file\"\ndomains = [\"route.example\"]\nvia = [\"192.0.2.1:465\"]\n\
             implicit-tls = true\n",
        );
        let anchors = lines(root.anchor());
        apply(
            &node,
            &[
                connector("open", "smart_hosts = [\"192.0.2.1\"]\nimplicit_tls = true"),
                connector(
                    "named",
                    &format!(
                        "smart_hosts = [\"192.0.2.1:465\"]\nimplicit_tls = true\ntls_settings = \"domain_validation\"\n\
                         tls_domain = \"mx.there.example\"\ntrust_anchors = {anchors}"
                    ),
                ),
                connector("topsecret", "smart_hosts = [\"192.0.2.2\"]\nimplicit_tls = true"),
            ]
            .concat(),
        );
        for recipient in ["b@open.example", "b@named.example", "b@route.example"] {
            // Twice: the second may go over the connection of the first.
            for round in ["1", "2"] {
                let recipient = format!("{round}{recipient}");
                let attempt = attempted(&node, &recipient, "delivered");
                assert_eq!(attempt["channel"]["security"]["tls"]["implicit"], true, "{attempt:#}");
                assert!(
                    attempt["conversation"]
                        .to_string()
                        .contains("TLS from the first octet on"),
                    "{attempt:#}"
                );
                assert!(!attempt["conversation"].to_string().contains("STARTTLS"), "{attempt:#}");
                let look = || {
                    let mut inbox = postfix.inbox().into_iter();
                    inbox.find(|message| String::from_utf8_lossy(message).contains(&recipient))
                };
                wait::until_or(&recipient, look, || postfix.log());
            }
        }
        let demanded = attempted(&node, "3@open.example", "delivered");
        assert_eq!(demanded["required"][0]["level"]["level"], "encryption", "{demanded:#}");

        let attempt = attempted(&node, "b@topsecret.example", "deferred");
        assert_eq!(attempt["outcome"]["why"]["status"], "4.4.317", "{attempt:#}");
        assert_eq!(plain.count(), 0);
        assert!(!plain.saw_in_the_clear("topsecret") && !plain.saw_in_the_clear("EHLO"));
    });
}

#[test]
fn another_server_name_goes_out_and_changes_no_name_that_the_certificate_must_have() {
    enclosed(|| {
        let root = Authority::new();
        let host = Peer::start(
            (HOSTS[0], 25).into(),
            Some(&root.server(&["mx.there.example"])),
            Fault::None,
        );
        let node = relaying_node("");
        let anchors = lines(root.anchor());
        let validated = |name: &str| {
            format!(
                "tls_settings = \"domain_validation\"\ntls_domain = \"{name}\"\ntrust_anchors = {anchors}\n\
                 smart_hosts = [\"192.0.2.1\"]\n"
            )
        };
        apply(
            &node,
            &[
                connector(
                    "front",
                    &format!("sni = \"front.example\"\n{}", validated("mx.there.example")),
                ),
                connector(
                    "back",
                    &format!("sni = \"back.example\"\n{}", validated("mx.there.example")),
                ),
                connector("without", &validated("mx.there.example")),
                connector(
                    "wrong",
                    &format!("sni = \"mx.there.example\"\n{}", validated("front.example")),
                ),
            ]
            .concat(),
        );
        for (recipient, sni) in [
            ("b@front.example", Some("front.example")),
            ("b@back.example", Some("back.example")),
            ("b@without.example", None),
        ] {
            let attempt = attempted(&node, recipient, "delivered");
            assert_eq!(
                attempt["channel"]["security"]["tls"]["sni"].as_str(),
                sni,
                "{attempt:#}"
            );
        }
        assert_eq!(host.wire().len(), 3, "a connection serves one server name");
        assert!(host.saw_in_the_clear("front.example") && host.saw_in_the_clear("back.example"));
        let attempt = attempted(&node, "b@wrong.example", "deferred");
        assert_eq!(attempt["outcome"]["why"]["status"], "4.7.320", "{attempt:#}");
        assert_eq!(host.count(), 3);
    });
}

#[test]
fn a_certificate_that_is_not_for_clients_is_taken_where_nobody_says_otherwise() {
    enclosed(|| {
        let root = Authority::new();
        let hub = |organization: &str, more: &str| {
            format!(
                "[[inbound_connector]]\norganization = \"{organization}\"\nname = \"hub\"\n\
                 connector_type = \"on_premises\"\n\
                 tls_sender_certificate_name = \"mail.{organization}.example\"\ntrust_anchors = {}\n{more}",
                lines(root.anchor())
            )
        };
        let strict = hub("beta", "server_auth_certificates = false\n");
        let node = service("", &[TWO_ORGANIZATIONS, &hub("acme", ""), &strict].concat());
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        let shows = |what: &str, pem| stranger.clone().with(&swaks, what, &pem);
        let acme = shows("acme", root.server(&["mail.acme.example"]));
        let for_servers = shows("beta-server", root.server(&["mail.beta.example"]));
        let for_clients = shows("beta-client", root.client("mail.beta.example"));
        let far = "far@there.example";
        assert_answers(
            &swaks,
            &[
                (&acme, "a@acme.example", far, "250"),
                (&for_servers, "a@beta.example", far, DENIED),
                (&for_clients, "a@beta.example", far, "250"),
            ],
        );
        let (key, text) = refusal(&node, far);
        assert_eq!(key, "relay-certificate-fails");
        assert!(text.contains("clientAuth"), "{text}");
    });
}
