//! Foreign clients send in.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, Release, enclosed},
    foreign::{Cell, Exim, EximSettings, Postfix, PostfixSettings, Swaks},
    node::SMTP,
    wait,
};

use crate::{LOCAL, delivered_to, node, tls_version, traced};

/// 25 MB of lines that look like those of an attachment.
fn large() -> Vec<u8> {
    const LINES: usize = 25_000_000 / 78;
    let mut content = b"Subject: large\r\n\r\n".to_vec();
    for number in 0..LINES {
        content.extend_from_slice(format!("{number:076}\r\n").as_bytes());
    }
    content
}

#[test]
fn swaks_sends_over_tls_and_pipelines() {
    enclosed(|| {
        let node = node(LOCAL);
        let options = ["--tls", "--pipeline", "--body", "hello"];
        let output = Swaks::new().send(SMTP, "a@there.example", "inbox@here.example", &options);
        output.assert_accepted();
        assert!(output.transcript.contains("PIPELINING"), "{}", output.transcript);
        assert!(delivered_to(&node, "inbox").contains("hello"));
    });
}

#[test]
fn an_unknown_user_is_refused_at_rcpt() {
    enclosed(|| {
        let _node = node(LOCAL);
        let output = Swaks::new().send(SMTP, "a@there.example", "nobody@here.example", &["--tls"]);
        assert_ne!(output.code, Some(0));
        assert!(output.transcript.contains("550 5.1.1"), "{}", output.transcript);
    });
}

#[test]
fn smtp_source_sends_many_over_many_connections() {
    enclosed(|| {
        let postfix = quiet_postfix("");
        let node = node(LOCAL);
        let server = SMTP.to_string();
        let server = format!("inet:{server}");
        for arguments in [
            ["-s", "10", "-m", "300", "-l", "4096"],
            ["-s", "2", "-m", "4", "-l", "500000"],
        ] {
            let mut all = arguments.to_vec();
            all.extend(["-d", "-f", "a@there.example", "-t", "inbox@here.example", &server]);
            postfix.smtp_source(&all);
        }
        let count = || (node.mailbox("inbox").len() == 304).then_some(());
        wait::until_or("304 messages", count, || node.log());
    });
}

#[test]
fn openssl_3_5_comes_in_with_the_hybrid_key_exchange() {
    enclosed(|| {
        let node = node(LOCAL);
        let server = SMTP.to_string();
        let arguments = [
            "s_client",
            "-brief",
            "-starttls",
            "smtp",
            "-groups",
            "X25519MLKEM768",
            "-connect",
            &server,
        ];
        let output = Cell::of(Release::Trixie).run("/usr/bin/openssl", &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("X25519MLKEM768"), "{said}\n{}", node.log());
    });
}

#[test]
fn postfix_sends_in_over_tls() {
    enclosed(|| {
        let postfix = quiet_postfix("smtp_tls_security_level = encrypt");
        let node = node(LOCAL);
        Swaks::new()
            .send(postfix.address(), "a@there.example", "inbox@here.example", &[])
            .assert_accepted();
        let message = traced(&node, "inbox@here.example", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"), "{message:#}");
        assert!(postfix.log().contains("status=sent"), "{}", postfix.log());
    });
}

#[test]
fn exim_sends_in_with_bdat_over_tls() {
    enclosed(|| {
        let pem = Authority::new().server(&["exim.there.example"]);
        let exim = Exim::start(&EximSettings {
            address: HOSTS[1],
            domain: "there.example",
            certificate: &pem,
            relay_to: SMTP,
            more: "",
        });
        let node = node(LOCAL);
        Swaks::new()
            .send(exim.address(), "a@there.example", "inbox@here.example", &[])
            .assert_accepted();
        let message = traced(&node, "inbox@here.example", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"), "{message:#}");
        assert!(exim.log().contains(" K "), "Exim's mark of CHUNKING: {}", exim.log());
    });
}

#[test]
fn twenty_five_megabytes_come_through_octet_for_octet() {
    enclosed(|| {
        let postfix = quiet_postfix("smtp_tls_security_level = encrypt");
        let node = node(LOCAL);
        let content = large();
        let swaks = Swaks::new();
        let file = format!("@{}", swaks.file("large", &content));
        for server in [SMTP, postfix.address()] {
            swaks
                .send(server, "a@there.example", "inbox@here.example", &["--data", &file])
                .assert_accepted();
        }
        let two = || Some(node.mailbox("inbox")).filter(|messages| messages.len() == 2);
        let messages = wait::until_or("both messages", two, || node.log() + &postfix.log());
        let body = &content[content.len() - 24_000_000..];
        for message in messages {
            // A Maildir may keep lines as the system has them.
            let kept = String::from_utf8_lossy(&message).replace("\r\n", "\n");
            let sent = String::from_utf8_lossy(body).replace("\r\n", "\n");
            assert!(kept.trim_end().ends_with(sent.trim_end()), "{} octets", message.len());
        }
    });
}

/// A Postfix that sends everything to us.
fn quiet_postfix(more: &str) -> Postfix {
    Postfix::start(&PostfixSettings {
        address: (HOSTS[0], 25).into(),
        domain: "there.example",
        certificate: None,
        relayhost: &relayhost(SMTP),
        more,
    })
}

fn relayhost(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}
