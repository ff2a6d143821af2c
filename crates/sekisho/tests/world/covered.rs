//! TLS as clients meet it: which certificate they get, what is written down when nothing comes of it, and the right
//! that a client's certificate gives.

use std::process::Command;

use sekisho_testkit::{
    authority::Authority,
    enclosure::{Release, enclosed},
    foreign::{Cell, Swaks},
    node::{Node, SMTP},
    wait,
};

use crate::{node, tls_version, trace_of, traced};

/// What `openssl s_client` says of a connection.
fn s_client(more: &[&str]) -> String {
    let arguments = [&["s_client", "-connect", "127.0.0.1:2525"], more].concat();
    let output = Cell::of(Release::Bookworm).run("/usr/bin/openssl", &arguments);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A node, not yet started, with a certificate of its own for each name; the first is the default.
fn with_certificates(names: &[&str], listener: &str, more: &str) -> Node {
    let authority = Authority::new();
    let node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
    let mut pairs = Vec::new();
    for name in names {
        let pem = authority.server(&[name]);
        node.write(&format!("{name}.pem"), &pem.chain);
        node.write(&format!("{name}.key"), &pem.key);
        pairs.push(format!("{{ certificate = \"{name}.pem\", key = \"{name}.key\" }}"));
    }
    node.configure(&format!(
        "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\n{listener}\n\
         tls.certificates = [{}]\n{more}",
        pairs.join(", ")
    ));
    node
}

#[test]
fn the_name_that_a_client_asks_for_picks_the_certificate_and_any_other_gets_the_default() {
    enclosed(|| {
        let mut node = with_certificates(&["one.example", "two.example"], "", "");
        node.resume();
        for (name, expected) in [
            (&["-servername", "two.example"][..], "two.example"),
            (&["-servername", "one.example"], "one.example"),
            (&["-servername", "three.example"], "one.example"),
            (&["-noservername"], "one.example"),
            (&["-servername", "two.example", "-tls1_2"], "two.example"),
        ] {
            let asked = [&["-starttls", "smtp", "-showcerts"], name].concat();
            let said = s_client(&asked);
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let file = folder.path().join("leaf.pem");
            std::fs::write(&file, &said).expect("a file can be written");
            let shown = Command::new("openssl")
                .args(["x509", "-noout", "-ext", "subjectAltName", "-in"])
                .arg(&file)
                .output()
                .expect("openssl starts");
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.contains(expected), "{name:?}: {shown}\n{said}");
        }
    });
}

#[test]
fn under_implicit_tls_the_greeting_comes_behind_the_handshake_and_starttls_is_not_offered() {
    enclosed(|| {
        let mut node = with_certificates(&["one.example"], "mode = \"implicit-tls\"", crate::LOCAL);
        node.resume();
        let output = Swaks::new().send(SMTP, "a@there.example", "inbox@here.example", &["--tls-on-connect"]);
        output.assert_accepted();
        assert!(!output.transcript.contains("STARTTLS"), "{}", output.transcript);
        let message = traced(&node, "inbox@here.example", "delivered");
        assert_eq!(tls_version(&message["arrival"]), Some("TLSv1.3"));
    });
}

#[test]
fn a_client_that_is_too_old_is_written_down_with_what_it_offered() {
    enclosed(|| {
        let node = node("[log]\nformat = \"json\"\n");
        let said = s_client(&["-starttls", "smtp", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(said.contains("Cipher is (NONE)"), "{said}");
        let log = node.folder().join("sekisho-data/mail.log");
        let look = || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            text.lines()
                .find(|line| line.contains("handshake-failed"))
                .map(str::to_owned)
        };
        let line = wait::until_or("a line in the mail log", look, || node.log());
        let entry: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        assert_eq!(entry["direction"], "in", "{line}");
        assert_eq!(entry["offered-versions"], "TLSv1.1", "{line}");
        assert!(
            entry["peer"]
                .as_str()
                .is_some_and(|peer| peer.starts_with("127.0.0.1:")),
            "{line}"
        );
        assert!(
            sekisho_testkit::node::metrics()
                .contains("sekisho_inbound_handshakes_failed_total{fault=\"incompatible\"} 1")
        );
    });
}

#[test]
fn a_listed_key_of_a_client_certificate_gives_the_right_to_relay_and_no_other_does() {
    enclosed(|| {
        let authority = Authority::new();
        let (known, stranger) = (authority.client("known.example"), authority.client("stranger.example"));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let leaf = folder.path().join("client.pem");
        std::fs::write(&leaf, &known.chain).expect("a file can be written");
        // As the manual says how to find it.
        let digest = Command::new("sh")
            .args([
                "-c",
                "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum",
            ])
            .arg(&leaf)
            .output()
            .expect("a shell starts");
        let digest = String::from_utf8_lossy(&digest.stdout)[..64].to_owned();
        let node = node(&format!(
            "[[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\n\
             relay-from = [\"key:sha256:{digest}\"]\n"
        ));
        let swaks = Swaks::new();
        let send = |options: &[&str]| swaks.send(SMTP, "a@there.example", "b@there.example", options);
        let with = |name: &str, pem: &sekisho_testkit::authority::Pem, more: &[&str]| {
            let certificate = swaks.file(&format!("{name}.pem"), pem.chain.as_bytes());
            let key = swaks.file(&format!("{name}.key"), pem.key.as_bytes());
            send(&[&["--tls", "--tls-cert", &certificate, "--tls-key", &key], more].concat())
        };
        with("known", &known, &[]).assert_accepted();
        with("known", &known, &["--tls-protocol", "tlsv1_2"]).assert_accepted();
        for refused in [with("stranger", &stranger, &[]), send(&["--tls"]), send(&[])] {
            assert!(refused.transcript.contains("550 5.7.1"), "{}", refused.transcript);
        }
        let message = wait::until("the trace", || trace_of(&node, "b@there.example"));
        let admitted = message["arrival"]["admitted_by"].as_str().unwrap_or_default();
        assert!(
            admitted.contains(&digest[..8]) || admitted.contains("key"),
            "{message:#}"
        );
        let leaf = &message["arrival"]["security"]["tls"]["chain"][0];
        assert_eq!(leaf["spki_sha256"], digest.as_str(), "{message:#}");
    });
}
