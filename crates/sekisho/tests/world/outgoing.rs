//! Foreign servers receive what we send.

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, Release, enclosed},
    foreign::{Exim, EximSettings, OpenSmtpd, Postfix, PostfixSettings, Swaks},
    node::SMTP,
    wait,
};

use crate::{last_attempt, relaying_node, tls_version, traced};

/// Everything to one of the world's addresses.
const ROUTE: &str = "\
[[route]]
name = \"there\"
domains = [\"there.example\"]
via = [\"192.0.2.1:25\"]
";

fn send_one() {
    Swaks::new()
        .send(SMTP, "a@localhost", "b@there.example", &["--body", "over there"])
        .assert_accepted();
}

#[test]
fn postfix_receives_over_tls() {
    enclosed(|| {
        let pem = Authority::new().server(&["postfix.there.example"]);
        let postfix = Postfix::start(&PostfixSettings {
            address: (HOSTS[0], 25).into(),
            domain: "there.example",
            certificate: Some(&pem),
            relayhost: "",
            more: "",
        });
        let node = relaying_node(ROUTE);
        send_one();
        let message = traced(&node, "b@there.example", "delivered");
        assert_eq!(tls_version(last_attempt(&message)), Some("TLSv1.3"), "{message:#}");
        let arrived = wait::until_or("the message at Postfix", || postfix.inbox().pop(), || postfix.log());
        assert!(String::from_utf8_lossy(&arrived).contains("over there"));
    });
}

/// An Exim with more lines in its configuration.
fn exim(more: &str) -> Exim {
    let pem = Authority::new().server(&["exim.there.example"]);
    Exim::start(&EximSettings {
        address: HOSTS[0],
        domain: "there.example",
        certificate: &pem,
        relay_to: SMTP,
        more,
    })
}

#[test]
fn exim_receives_over_tls_with_bdat() {
    enclosed(|| {
        let exim = exim("");
        let node = relaying_node(ROUTE);
        send_one();
        let message = traced(&node, "b@there.example", "delivered");
        assert_eq!(tls_version(last_attempt(&message)), Some("TLSv1.3"), "{message:#}");
        let arrived = wait::until_or("the message at Exim", || exim.inbox().pop(), || exim.log());
        assert!(String::from_utf8_lossy(&arrived).contains("over there"));
        assert!(exim.log().contains(" K "), "Exim's mark of CHUNKING: {}", exim.log());
    });
}

/// In TLS 1.3 a server that demands a client certificate says so only when the client has ended the handshake.
#[test]
fn a_server_that_ends_tls_for_want_of_a_client_certificate_counts_as_a_broken_handshake() {
    enclosed(|| {
        let exim = exim("tls_verify_hosts = *\ntls_verify_certificates = /etc/exim4/chain.pem\n");
        let forced = "[[route]]\nname = \"forced\"\ndomains = [\"forced.there.example\"]\nvia = [\"192.0.2.1:25\"]\n\
                      require = \"encryption\"\n";
        let node = relaying_node(&format!("{ROUTE}{forced}"));
        send_one();
        let message = traced(&node, "b@there.example", "delivered");
        let attempt = last_attempt(&message);
        let cause = &attempt["channel"]["security"]["plaintext"]["handshake-failed"];
        assert!(
            cause.as_str().is_some_and(|cause| cause.contains("alert")),
            "{message:#}"
        );
        wait::until_or("the message at Exim", || exim.inbox().pop(), || exim.log());
        Swaks::new()
            .send(SMTP, "a@localhost", "b@forced.there.example", &[])
            .assert_accepted();
        let message = traced(&node, "b@forced.there.example", "deferred");
        assert!(
            !last_attempt(&message)["outcome"]["why"]["unmet"].is_null(),
            "{message:#}"
        );
    });
}

/// Sends one message to an OpenSMTPD; answers with its trace, once it has arrived.
fn send_to_opensmtpd(release: Release) -> serde_json::Value {
    let pem = Authority::new().server(&["opensmtpd.there.example"]);
    let opensmtpd = OpenSmtpd::start(release, HOSTS[0], "there.example", &pem);
    let node = relaying_node(ROUTE);
    send_one();
    let message = traced(&node, "b@there.example", "delivered");
    wait::until_or(
        "the message at OpenSMTPD",
        || opensmtpd.inbox().pop(),
        || opensmtpd.log(),
    );
    message
}

#[test]
fn opensmtpd_6_8_breaks_every_handshake_and_gets_it_in_the_clear_with_that_evidence() {
    enclosed(|| {
        let message = send_to_opensmtpd(Release::Bookworm);
        let attempt = last_attempt(&message);
        let failed = attempt["failed_handshakes"].as_array().map_or(0, Vec::len);
        assert!(failed > 0, "{message:#}");
        assert!(
            attempt["channel"]["security"]["plaintext"]["handshake-failed"].is_string(),
            "{message:#}"
        );
    });
}

#[test]
fn opensmtpd_7_6_receives_over_tls() {
    enclosed(|| {
        let message = send_to_opensmtpd(Release::Trixie);
        let attempt = last_attempt(&message);
        assert_eq!(tls_version(attempt), Some("TLSv1.3"), "{message:#}");
    });
}
