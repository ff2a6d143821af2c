//! The foreign servers work in their cells: each is shown doing with the others what the interop tests want of it with
//! us, so that a fault there is a fault of ours.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::Authority,
    enclosure::{HOSTS, Release, enclosed},
    foreign::{Exim, EximSettings, Names, OpenSmtpd, Postfix, PostfixSettings, Swaks, Zone},
    wait,
};

fn the_message(inbox: impl Fn() -> Vec<Vec<u8>>, log: impl Fn() -> String) -> String {
    let message = wait::until_or("the message in the inbox", || inbox().pop(), log);
    String::from_utf8_lossy(&message).into_owned()
}

#[test]
fn swaks_sends_to_postfix_over_tls() {
    enclosed(|| {
        let pem = Authority::new().server(&["postfix.here.example"]);
        let postfix = Postfix::start(&PostfixSettings {
            address: (HOSTS[0], 25).into(),
            domain: "here.example",
            certificate: Some(&pem),
            relayhost: "",
            more: "",
        });
        let swaks = Swaks::new();
        swaks
            .send(postfix.address(), "a@there.example", "b@here.example", &["--tls"])
            .assert_accepted();
        let message = the_message(|| postfix.inbox(), || postfix.log());
        assert!(message.contains("using TLSv1.3"), "{message}");
    });
}

#[test]
fn postfix_relays_to_exim_with_tls() {
    enclosed(|| {
        let pem = Authority::new().server(&["exim.there.example"]);
        let exim = Exim::start(&EximSettings {
            address: HOSTS[1],
            domain: "there.example",
            certificate: &pem,
            relay_to: SocketAddr::new(HOSTS[0], 25),
            more: "",
        });
        let postfix = Postfix::start(&PostfixSettings {
            address: (HOSTS[0], 25).into(),
            domain: "here.example",
            certificate: Some(&pem),
            relayhost: &format!("[{}]", HOSTS[1]),
            more: "smtp_tls_security_level = encrypt",
        });
        let swaks = Swaks::new();
        swaks
            .send(postfix.address(), "a@here.example", "b@there.example", &[])
            .assert_accepted();
        let message = the_message(|| exim.inbox(), || postfix.log() + &exim.log());
        assert!(message.contains("TLS1.3"), "{message}");
        swaks
            .send(exim.address(), "b@there.example", "a@here.example", &[])
            .assert_accepted();
        let message = the_message(|| postfix.inbox(), || postfix.log() + &exim.log());
        assert!(message.contains("using TLSv1.3"), "{message}");
        assert!(exim.log().contains(" K "), "Exim's mark of CHUNKING: {}", exim.log());
    });
}

#[test]
fn opensmtpd_receives_in_the_clear_and_the_newer_one_over_tls() {
    enclosed(|| {
        let pem = Authority::new().server(&["opensmtpd.here.example"]);
        for (release, address, options) in [
            (Release::Bookworm, HOSTS[0], [].as_slice()),
            (Release::Trixie, HOSTS[1], ["--tls"].as_slice()),
        ] {
            let opensmtpd = OpenSmtpd::start(release, address, "here.example", &pem);
            Swaks::new()
                .send(opensmtpd.address(), "a@there.example", "b@here.example", options)
                .assert_accepted();
            the_message(|| opensmtpd.inbox(), || opensmtpd.log());
        }
    });
}

#[test]
fn names_resolve_as_the_zones_say() {
    enclosed(|| {
        let zones = [
            Zone::new("good.example", "@ MX 10 mx\nmx A 192.0.2.1"),
            Zone::broken("broken.example"),
        ];
        let names = Names::serve(&zones);
        assert!(names.ask("good.example", "MX").contains("10 mx.good.example."));
        assert!(names.ask("none.good.example", "MX").contains("NXDOMAIN"));
        assert!(names.ask("good.example", "TXT").contains("NOERROR"));
        assert!(names.ask("broken.example", "MX").contains("SERVFAIL"));
    });
}
