//! The whole way in the real binary: from a role to the certificate that a listener presents, its renewals, and its
//! end.

use std::process::Command;

use sekisho_testkit::{
    enclosure::{NAME_SERVER, enclosed},
    foreign::PebbleSettings,
    node::Node,
    wait,
};
use serde_json::Value;

use super::World;

const CONFIGURATION: &str = "\
[acme]
http = \"192.0.2.1:80\"
tls = \"192.0.2.1:443\"

[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
tls.roles = [\"mx\", \"www\", \"all\"]
";

pub(super) fn done(node: &Node, arguments: &[&str]) -> String {
    let (succeeds, said) = run(node, arguments);
    assert!(succeeds, "{arguments:?}: {said}\n{}", node.log());
    said
}

fn refused(node: &Node, arguments: &[&str]) -> String {
    let (succeeds, said) = run(node, arguments);
    assert!(!succeeds, "{arguments:?}: {said}");
    said
}

fn run(node: &Node, arguments: &[&str]) -> (bool, String) {
    let output = node.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // Lines are broken where the terminal ends.
    (
        output.status.success(),
        said.split_whitespace().collect::<Vec<_>>().join(" "),
    )
}

/// Adds a role whose certificates come from the world's authority.
pub(super) fn add_role(node: &Node, world: &World, (name, names, challenge): (&str, &str, &str), more: &[&str]) {
    let anchor = node.write("authority.pem", world.https.anchor());
    let (anchor, directory) = (anchor.to_str().expect("a plain path"), world.pebble.directory());
    let arguments = [
        &["certificate", "role", "add", name, "--names", names][..],
        &["--acme-directory", &directory, "--acme-challenge", challenge],
        &["--acme-terms-accepted", "--acme-trust-anchors", anchor],
        more,
    ];
    done(node, &arguments.concat());
}

/// What the listener presents to who asks for this name: subject alternative names, issuer and key.
fn presented(name: &str) -> String {
    let line = format!(
        "openssl s_client -connect 127.0.0.1:2525 -starttls smtp -servername {name} </dev/null 2>&1 | \
         openssl x509 -noout -issuer -ext subjectAltName -fingerprint -sha256"
    );
    let shown = Command::new("sh").args(["-c", &line]).output().expect("openssl starts");
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

/// Waits until the authority's certificate that has `wanted` among its names is presented to who asks for `name`.
fn is_issued(node: &Node, world: &World, (name, wanted): (&str, &str)) -> String {
    let wanted = format!("DNS:{wanted}");
    let look = || Some(presented(name)).filter(|shown| shown.contains("Pebble") && shown.contains(&wanted));
    wait::until_or(format_args!("a certificate for {name}"), look, || {
        format!("{}\n{}\n{}", presented(name), node.log(), world.pebble.log())
    })
}

/// The certificates of a role, the newest last.
fn certificates(node: &Node, role: &str) -> Vec<Value> {
    let mut roles = node.json_lines(&["certificate", "show", role, "--json"]);
    let role = roles.pop().expect("the role is there");
    let mut all = role["certificates"].as_array().expect("a list").clone();
    all.sort_by_key(|one| one["chain"][0]["not_before"].as_i64());
    all
}

pub(super) fn role(node: &Node, name: &str) -> Value {
    let mut roles = node.json_lines(&["certificate", "show", name, "--json"]);
    roles.pop().expect("the role is there")
}

#[test]
fn roles_get_certificates_by_each_challenge_and_the_listener_presents_them() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let node = crate::node(CONFIGURATION);
        let key = node.write("tsig.key", &world.update_key);
        let (key, server) = (key.to_str().expect("a plain path"), NAME_SERVER.to_string());
        add_role(&node, &world, ("mx", "mx.us.example", "http-01"), &[]);
        add_role(&node, &world, ("www", "www.us.example", "tls-alpn-01"), &[]);
        let dns = ["--acme-dns-server", &server, "--acme-dns-key-file", key];
        add_role(&node, &world, ("all", "us.example,*.us.example", "dns-01"), &dns);
        for (asked, name) in [
            ("mx.us.example", "mx.us.example"),
            ("www.us.example", "www.us.example"),
            ("other.us.example", "*.us.example"),
        ] {
            is_issued(&node, &world, (asked, name));
        }
        let shown = role(&node, "mx");
        assert_eq!(shown["standing"], "usable");
        assert_eq!(shown["certificates"][0]["origin"], "acme");
        assert_eq!(shown["renewals"][0]["challenge"], "http-01");
        assert!(shown["renewals"][0]["due"].as_i64() > Some(0), "{shown:#}");
    });
}

#[test]
fn a_renewal_keeps_the_key_unless_a_new_one_is_ordered_and_the_old_certificate_can_be_revoked() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let node = crate::node(CONFIGURATION);
        add_role(&node, &world, ("mx", "mx.us.example", "http-01"), &[]);
        let first = is_issued(&node, &world, ("mx.us.example", "mx.us.example"));
        done(&node, &["certificate", "renew", "mx", "--why", "a test"]);
        assert_ne!(presented("mx.us.example"), first);
        let all = certificates(&node, "mx");
        let [old, new] = &all[..] else { panic!("two: {all:#?}") };
        assert_eq!(old["spki_sha256"], new["spki_sha256"]);
        assert!(new["is_presented"].as_bool().expect("said") || old["is_presented"].as_bool().expect("said"));
        done(&node, &["certificate", "renew", "mx", "--new-key"]);
        let all = certificates(&node, "mx");
        let key = |one: &Value| one["spki_sha256"].as_str().map(str::to_owned);
        let presented = all.iter().find(|one| one["is_presented"] == true).expect("one is");
        assert_eq!(
            all.iter().filter(|one| key(one) == key(presented)).count(),
            1,
            "{all:#?}"
        );
        // The one that is presented is not revoked by a slip.
        let id = presented["id"].as_str().expect("an id");
        let said = refused(&node, &["certificate", "revoke", id]);
        assert!(said.contains("is presented; renew it first"), "{said}");
        let old = all
            .iter()
            .find(|one| one["is_presented"] == false)
            .expect("two are not");
        let id = old["id"].as_str().expect("an id");
        let said = refused(&node, &["certificate", "revoke", id, "--reason", "boredom"]);
        assert!(said.contains("is no reason"), "{said}");
        let said = done(&node, &["certificate", "revoke", id, "--reason", "superseded"]);
        assert!(said.contains("it is revoked"), "{said}");
        let gone = certificates(&node, "mx");
        let gone = gone.iter().find(|one| one["id"] == id).expect("it is still shown");
        assert_eq!(gone["stage"], "retired");
    });
}

#[test]
fn failures_are_shown_with_the_authoritys_words_raise_an_alert_and_leave_the_old_certificate_presented() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let node = crate::node(CONFIGURATION);
        add_role(&node, &world, ("mx", "mx.us.example", "http-01"), &[]);
        let before = is_issued(&node, &world, ("mx.us.example", "mx.us.example"));
        // A name that leads elsewhere joins: the certificate is due at once, and cannot be had.
        let names = "mx.us.example,elsewhere.us.example";
        done(&node, &["certificate", "role", "set", "mx", "--names", names]);
        let look = || Some(role(&node, "mx")).filter(|role| role["renewals"][0]["failures"].as_u64() > Some(0));
        let shown = wait::until_or("a failure", look, || node.log());
        let words = shown["renewals"][0]["failure"].as_str().expect("in words");
        assert!(words.starts_with("elsewhere.us.example: http-01: "), "{words}");
        let said = refused(&node, &["certificate", "renew", "mx"]);
        assert!(said.contains("elsewhere.us.example"), "{said}");
        let shown = done(&node, &["certificate", "show", "mx"]);
        assert!(shown.contains("2 in a row, again at"), "{shown}");
        let look = || {
            let alerts = node.json_lines(&["alert", "list", "--json"]);
            alerts
                .into_iter()
                .find(|alert| alert["kind"] == "certificate-not-renewed")
        };
        wait::until_or("an alert", look, || node.log());
        assert_eq!(presented("mx.us.example"), before);
        // Mended, it is had at once.
        done(
            &node,
            &[
                "certificate",
                "role",
                "set",
                "mx",
                "--names",
                "mx.us.example,www.us.example",
            ],
        );
        done(&node, &["certificate", "renew", "mx"]);
        assert!(presented("mx.us.example").contains("DNS:www.us.example"));
        assert_eq!(role(&node, "mx")["renewals"][0]["failures"], 0);
    });
}

#[test]
fn what_cannot_work_is_refused_when_it_is_set() {
    enclosed(|| {
        let node = crate::node("");
        let add = |more: &[&str]| {
            let all = [
                &["certificate", "role", "add", "mx", "--names", "mx.us.example"][..],
                more,
            ]
            .concat();
            refused(&node, &all)
        };
        let at = ["--acme-directory", "https://ca.example/dir"];
        for (flags, words) in [
            (&["--acme-challenge", "http-01"][..], "under [acme] in sekisho.toml"),
            (&["--acme-challenge", "tls-alpn-01"], "under [acme] in sekisho.toml"),
            (&["--acme-challenge", "dns-01"], "no name server to put records into"),
            (&["--acme-challenge", "tkauth-01"], "no challenge that is met here"),
            (
                &[
                    "--acme-challenge",
                    "dns-01",
                    "--acme-dns-server",
                    "ns.example",
                    "--acme-dns-key-file",
                    "k",
                ],
                "write an address",
            ),
            (
                &[
                    "--acme-challenge",
                    "dns-01",
                    "--acme-dns-server",
                    "192.0.2.53",
                    "--acme-dns-key-file",
                    "k",
                    "--acme-dns-algorithm",
                    "hmac-md5",
                ],
                "use hmac-sha256",
            ),
        ] {
            let said = add(&[&at[..], flags].concat());
            assert!(said.contains(words), "{flags:?}: {said}");
        }
        let dns = [
            "--acme-challenge",
            "dns-01",
            "--acme-dns-server",
            "192.0.2.53",
            "--acme-dns-key-file",
            "k",
        ];
        for (directory, words) in [
            ("http://ca.example/dir", "it is not under TLS"),
            ("https://192.0.2.2/dir", "an address where a name belongs"),
            ("ca.example", "a URL begins with"),
        ] {
            let said = add(&[&["--acme-directory", directory][..], &dns].concat());
            assert!(said.contains(words), "{directory}: {said}");
        }
        let said = add(&[&at[..], &dns, &["--files", "a:b"]].concat());
        assert!(said.contains("files or by ACME"), "{said}");
    });
}
