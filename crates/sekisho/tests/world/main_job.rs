//! The main job: no configuration, mail comes in over STARTTLS, goes into a mailbox or out by MX over TLS, and the
//! trace shows both.

use std::os::unix::fs::PermissionsExt as _;

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Postfix, PostfixSettings, Swaks, Zone},
    node::SMTP,
    wait,
};

use crate::{last_attempt, node, relaying_node, tls_version, traced};

#[test]
fn without_configuration_mail_lands_in_a_maildir_and_the_trace_shows_tls() {
    enclosed(|| {
        let node = node("");
        let data = node.folder().join("sekisho-data");
        let mode = std::fs::metadata(&data)
            .expect("the data folder is made")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        Swaks::new()
            .send(
                SMTP,
                "a@there.example",
                "postmaster@localhost",
                &["--tls", "--body", "hello"],
            )
            .assert_accepted();
        let message = traced(&node, "postmaster@localhost", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"), "{message:#}");
        let mailboxes = node.mailbox("");
        assert_eq!(mailboxes.len(), 1, "{}", node.log());
        let text = String::from_utf8_lossy(&mailboxes[0]);
        assert!(text.starts_with("Return-Path: <a@there.example>"), "{text}");
        assert!(
            text.contains("TLS1.3") || text.contains("TLSv1.3"),
            "the Received header names TLS: {text}"
        );
        assert!(text.trim_end().ends_with("hello"), "{text}");
    });
}

#[test]
fn what_is_not_local_goes_by_mx_over_tls_and_the_trace_shows_both_sides() {
    enclosed(|| {
        let _names = Names::serve(&[Zone::new("there.example", "@ MX 10 postfix\npostfix A 192.0.2.1")]);
        let pem = Authority::new().server(&["postfix.there.example"]);
        let postfix = Postfix::start(&PostfixSettings {
            address: (HOSTS[0], 25).into(),
            domain: "there.example",
            certificate: Some(&pem),
            relayhost: "",
            more: "",
        });
        let node = relaying_node("");
        Swaks::new()
            .send(SMTP, "a@localhost", "b@there.example", &["--tls"])
            .assert_accepted();
        let message = traced(&node, "b@there.example", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"));
        let attempt = last_attempt(&message);
        assert_eq!(tls_version(attempt), Some("TLSv1.3"));
        assert_eq!(attempt["channel"]["host"], "postfix.there.example");
        let arrived = wait::until_or("the message at Postfix", || postfix.inbox().pop(), || postfix.log());
        assert!(String::from_utf8_lossy(&arrived).contains("using TLSv1.3"));
    });
}
