//! A partner moves to another authority: the forecast says so, the postmaster is written to, and the root that is
//! missing is found by file, fingerprint and name.

use sekisho_testkit::{
    authority::{Authority, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixSettings, SignedNames},
    node::{self, Node},
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use crate::{
    RELAYING,
    alerts::told,
    certificates::import,
    connectors::{apply, lines},
    relaying_node, submit, traced,
};

const QUIET: &str = "[alerts]\nmail-after = \"0s\"\n";

fn connector(anchors: &str) -> String {
    format!(
        "[[outbound_connector]]\nname = \"bank\"\nrecipient_domains = [\"bank.example\"]\n\
         smart_hosts = [\"192.0.2.1\"]\n\
         tls_settings = \"certificate_validation\"\ntrust_anchors = {}\n",
        lines(anchors)
    )
}

/// A server to whose system there is no authority but this one.
fn node_of_one_root(root: &Authority) -> Node {
    let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), &format!("{RELAYING}{QUIET}"));
    let anchors = node.write("anchors.pem", root.anchor());
    node.set_environment("SSL_CERT_FILE", anchors.into_os_string());
    node.set_environment("SSL_CERT_DIR", node.folder().join("no-such-folder"));
    node.resume();
    node
}

fn sent(node: &Node, recipient: &str, outcome: &str) {
    submit("a@localhost", &[recipient.to_owned()]);
    traced(node, recipient, outcome);
}

/// What is foretold of a kind.
fn foretold(node: &Node, kind: &str) -> Vec<Value> {
    let mut all = node.json_lines(&["partner", "forecast", "--json"]);
    all.retain(|entry| entry["kind"] == kind);
    all
}

/// The answer about a root, and the exit code.
fn checked(node: &Node, root: &str) -> (Value, Option<i32>) {
    let output = node.run(&["trust", "check", root, "--json"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(said.trim()).unwrap_or_else(|fault| panic!("{root}: {fault}: {output:?}"));
    (value, output.status.code())
}

fn partners(of: &Value) -> Vec<&str> {
    let peers = of.as_array().into_iter().flatten();
    peers.filter_map(|peer| peer["domain"].as_str()).collect()
}

/// The old root is found in every way, and its partner depends on it.
fn assert_found(node: &Node, file: &str) {
    let listed = node.json_lines(&["trust", "list", "Old Trust", "--json"]);
    assert_eq!(listed.len(), 1, "{listed:#?}");
    let print = |name: &str| listed[0][name].as_str().expect("it has a fingerprint").to_owned();
    let sha1 = print("sha1").to_uppercase();
    let with_colons: Vec<&str> = (0..20).map(|place| &sha1[2 * place..2 * place + 2]).collect();
    for root in [file, &print("sha256"), &with_colons.join(":"), "old trust"] {
        let (answer, code) = checked(node, root);
        assert_eq!(code, Some(0), "{root}: {answer:#}");
        assert_eq!(answer["found"].as_array().map(Vec::len), Some(1), "{root}: {answer:#}");
        assert_eq!(partners(&answer["depend"]), ["bank.example"], "{root}: {answer:#}");
        assert_eq!(
            answer["depend"][0]["demanded_by"], "connector \"default/bank\"",
            "{answer:#}"
        );
    }
}

#[test]
fn a_partner_that_moves_to_another_authority_is_foretold_and_told_once_and_the_missing_root_is_named() {
    enclosed(|| {
        let (old, new) = (Authority::called("Old Trust"), Authority::called("New Trust"));
        let serve = |of: &Authority| {
            let chain = of.server(&["mx.bank.example"]);
            Peer::start((HOSTS[0], 25).into(), Some(&chain), Fault::None)
        };
        let peer = serve(&old);
        let mut node = node_of_one_root(&Authority::called("System Trust"));
        apply(&node, &connector(old.anchor()));
        sent(&node, "b1@bank.example", "delivered");
        assert_eq!(foretold(&node, "issuer-changed"), [] as [Value; 0]);
        let file = node.write("old.pem", old.anchor()).to_string_lossy().into_owned();
        assert_found(&node, &file);

        drop(peer);
        let _peer = serve(&new);
        sent(&node, "b2@bank.example", "deferred");
        let changed = foretold(&node, "issuer-changed");
        assert_eq!(changed.len(), 1, "{changed:#?}");
        assert_eq!(
            (&changed[0]["severity"], &changed[0]["is_alert"]),
            (&"error".into(), &true.into()),
            "{changed:#?}"
        );
        let text = changed[0]["text"].as_str().unwrap_or_default();
        assert!(text.contains("the new one is not in the trust anchors of"), "{text}");
        let message = told(&node, 1);
        assert!(message.contains("issuer-changed"), "{message}");
        for metric in [
            "sekisho_alerts{kind=\"issuer-changed\",severity=\"error\"}",
            "sekisho_forecast{kind=\"issuer-changed\"}",
        ] {
            assert_eq!(node::metric(metric), Some(1), "{metric}");
        }

        let file = node.write("new.pem", new.anchor()).to_string_lossy().into_owned();
        let (answer, code) = checked(&node, &file);
        assert_eq!(
            (code, partners(&answer["need"])),
            (Some(3), vec!["bank.example"]),
            "{answer:#}"
        );
        let (answer, code) = checked(&node, "DF3C24F9BFD666761B268073FE06D1CC8D4F82A4");
        assert_eq!(code, Some(3), "{answer:#}");
        assert!(
            answer["known"]
                .as_str()
                .is_some_and(|known| known.contains("DigiCert Global Root G2")),
            "{answer:#}"
        );

        node.end_well().expect("it ends well");
        node.resume();
        assert_eq!(foretold(&node, "issuer-changed").len(), 1);
        apply(&node, &connector(&format!("{}{}", old.anchor(), new.anchor())));
        let trusted = foretold(&node, "issuer-changed");
        assert_eq!(trusted[0]["severity"], "warning", "{trusted:#?}");
        // Nobody demands anything of the partner any more.
        apply(
            &node,
            "[[outbound_connector]]\nname = \"other\"\nrecipient_domains = [\"other.example\"]\n",
        );
        assert_eq!(foretold(&node, "issuer-changed")[0]["is_alert"], false);
        let over = told(&node, 2);
        assert!(over.contains("over: issuer-changed"), "{over}");
        let log = node.log();
        assert_eq!(log.matches(" alert kind=issuer-changed").count(), 1, "{log}");
    });
}

/// The records of a partner's zone, with one TLSA record for the key of each certificate.
fn zone(certificates: &[&Pem]) -> String {
    let keys = certificates.iter().map(|pem| pem.pin().replace("sha256:", ""));
    let records = keys.map(|key| format!("_25._tcp.mx TLSA 3 1 1 {key}\n"));
    format!("@ MX 10 mx\nmx A {}\n{}", HOSTS[0], records.collect::<String>())
}

#[test]
fn a_partner_that_changes_its_key_and_not_its_tlsa_record_is_told_until_the_zone_is_mended() {
    enclosed(|| {
        let authority = Authority::new();
        let (old, new) = (
            authority.server(&["mx.bank.example"]),
            authority.server(&["mx.bank.example"]),
        );
        let serve = |certificate: &Pem| {
            Postfix::start(&PostfixSettings {
                address: (HOSTS[0], 25).into(),
                domain: "bank.example",
                certificate: Some(certificate),
                relayhost: "",
                more: "",
            })
        };
        let names = SignedNames::serve("bank.example", &zone(&[&old]));
        let postfix = serve(&old);
        let mut node = relaying_node(QUIET);
        apply(
            &node,
            &format!(
                "[[outbound_connector]]\nname = \"bank\"\nrecipient_domains = [\"bank.example\"]\n\
                 tls_settings = \"certificate_validation\"\ntrust_anchors = {}\n",
                lines(authority.anchor())
            ),
        );
        sent(&node, "b1@bank.example", "delivered");
        assert_eq!(foretold(&node, "tlsa-does-not-match"), [] as [Value; 0]);
        assert_eq!(node::metric("sekisho_forecast_tlsa_unknown_hosts"), Some(0));

        drop(postfix);
        let _postfix = serve(&new);
        sent(&node, "b2@bank.example", "delivered");
        let entries = foretold(&node, "tlsa-does-not-match");
        assert_eq!(entries.len(), 1, "{entries:#?}");
        let entry = &entries[0];
        assert_eq!(
            (&entry["host"], &entry["severity"], &entry["is_alert"]),
            (&"mx.bank.example:25".into(), &"warning".into(), &true.into()),
            "{entry:#}"
        );
        let text = entry["text"].as_str().unwrap_or_default();
        assert!(text.contains("the TLSA records name the key before"), "{text}");
        let message = told(&node, 1);
        assert!(message.contains("tlsa-does-not-match"), "{message}");
        assert_eq!(
            node::metric("sekisho_alerts{kind=\"tlsa-does-not-match\",severity=\"warning\"}"),
            Some(1)
        );

        names.change(&zone(&[&old, &new]));
        let mended = || foretold(&node, "tlsa-does-not-match").is_empty().then_some(());
        wait::until_or("the zone to be seen as it is", mended, || node.log());
        let over = told(&node, 2);
        assert!(over.contains("over: tlsa-does-not-match"), "{over}");

        // Without a server nobody asks, and that is said.
        node.end_well().expect("it ends well");
        let output = node.run(&["partner", "forecast"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("TLSA records were not looked up"), "{said}");
    });
}

#[test]
fn tlsa_records_of_our_own_that_name_nothing_of_what_a_listener_presents_are_told_until_they_do() {
    enclosed(|| {
        let listener = "[[listener]]\nname = \"public\"\naddress = \"192.0.2.1:25\"\ntls.roles = [\"mx\"]\n";
        let node = crate::node(&format!("[node]\nhostname = \"mx.bank.example\"\n{listener}"));
        let added = node.run(&["certificate", "role", "add", "mx", "--names", "mx.bank.example"]);
        assert!(added.status.success(), "{added:?}");
        let authority = Authority::new();
        let (ours, other) = (
            authority.server(&["mx.bank.example"]),
            authority.server(&["mx.bank.example"]),
        );
        import(&node, &ours, &[]);
        let names = SignedNames::serve("bank.example", &zone(&[&other]));
        let entries = foretold(&node, "own-tlsa-does-not-match");
        assert_eq!(entries.len(), 1, "{entries:#?}");
        assert_eq!(
            (&entries[0]["host"], &entries[0]["severity"], &entries[0]["is_alert"]),
            (&"mx.bank.example".into(), &"error".into(), &true.into()),
            "{entries:#?}"
        );
        let text = entries[0]["text"].as_str().unwrap_or_default();
        assert!(text.contains("(listener public)"), "{text}");
        let standing = || node::metric("sekisho_alerts{kind=\"own-tlsa-does-not-match\",severity=\"error\"}");
        assert_eq!(standing(), Some(1));

        names.change(&zone(&[&other, &ours]));
        let mended = || foretold(&node, "own-tlsa-does-not-match").is_empty().then_some(());
        wait::until_or("the zone to be seen as it is", mended, || node.log());
        assert_eq!(standing(), Some(0));
    });
}
