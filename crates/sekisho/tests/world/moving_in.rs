//! Moving in: connectors of another mail system are shown, added and exported, and what is refused is named where it
//! was read.

use sekisho_testkit::{enclosure::enclosed, node::Node};

use crate::{LOCAL, node};

const TENANT: &str = r#"[
  {"Name": "Bank in", "ConnectorType": "Partner", "SenderDomains": ["smtp:bank.example;1"], "RequireTls": true,
   "EFSkipLastIP": true},
  {"Name": "Bank out", "RecipientDomains": ["bank.example"], "TlsSettings": "EncryptionOnly", "UseMXRecord": true,
   "SmtpDaneMode": "None", "MtaStsMode": "None"},
  {"Name": "acme.example", "DomainName": "acme.example", "DomainType": "ExternalRelay"}
]"#;

const HYBRID: &str = r#"{"Name": "Hybrid", "ConnectorType": "OnPremises", "SenderDomains": "smtp:*;1",
 "TlsSenderCertificateName": "mail.acme.example", "CloudServicesMailEnabled": true, "TreatMessagesAsInternal": true}"#;

/// A command that ends with this code; answers with what it printed.
fn ended(node: &Node, code: i32, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn connectors_of_exchange_are_shown_added_and_exported() {
    enclosed(|| {
        let node = node(LOCAL);
        node.write("tenant.json", TENANT);
        let command = ["import", "exchange", "tenant.json", "--organization", "acme"];
        let shown = ended(&node, 0, &command);
        for line in [
            "  matters: tenant.json: inbound connector \"Bank in\", EFSkipLastIP: ",
            "+ organization acme\n",
            "+ outbound connector acme/Bank out\n",
            "nothing was changed; the directory is at version 0\n",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        assert_eq!(ended(&node, 0, &["export"]), "");

        let applied = ended(&node, 0, &[&command[..], &["--apply", "--why", "moving in"]].concat());
        assert!(applied.ends_with("the directory is at version 1\n"), "{applied}");
        let exported = ended(&node, 0, &["export"]);
        let text = ended(&node, 0, &[&command[..], &["--text"]].concat());
        let documents: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(documents.join("\n").trim(), exported.trim());
        assert!(ended(&node, 0, &["directory", "history"]).contains("moving in"));

        // What is there keeps what the import does not name, and is not added again.
        ended(&node, 0, &["organization", "set", "acme", "--comment", "Acme Ltd"]);
        let again = ended(&node, 0, &[&command[..], &["--apply"]].concat());
        assert!(
            again.ends_with("nothing to change; the directory is at version 2\n"),
            "{again}"
        );
    });
}

/// The text between `begin` and the next `end`.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).expect("it begins");
    rest.split_once(end).expect("it ends").0
}

#[test]
fn the_example_in_the_documentation_is_what_comes_out() {
    const PAGE: &str = include_str!("../../../../docs/moving-in.md");
    enclosed(|| {
        let node = node(LOCAL);
        node.write("tenant.json", between(PAGE, "```json\n", "```"));
        let command = "import exchange tenant.json --organization acme";
        let arguments: Vec<&str> = command.split(' ').collect();
        let shown = ended(&node, 0, &arguments);
        assert_eq!(shown, between(PAGE, &format!("$ sekisho {command}\n"), "```"));
        let applied = ended(&node, 0, &[&arguments[..], &["--apply", "--why", "moving in"]].concat());
        let end = between(PAGE, "--apply --why \"moving in\" | tail -4\n", "```");
        assert!(applied.ends_with(end) && end.lines().count() == 4, "{applied}");
    });
}

#[test]
fn smart_hosts_of_exchange_may_be_blocks_of_addresses() {
    enclosed(|| {
        let node = node(LOCAL);
        let tenant = |block: &str| {
            format!(
                "{{\"Name\": \"Out\", \"RecipientDomains\": [\"bank.example\"], \"UseMXRecord\": false,\n\
                 \"SmartHosts\": [\"{block}\"], \"SmtpDaneMode\": \"None\", \"MtaStsMode\": \"None\"}}"
            )
        };
        let command = ["import", "exchange", "tenant.json", "--apply"];
        node.write("tenant.json", &tenant("[192.0.2.0/23]"));
        let refused = ended(&node, 4, &command);
        assert!(
            refused.contains("outbound connector \"Out\", SmartHosts: ") && refused.contains("from /24 to /32"),
            "{refused}"
        );
        node.write("tenant.json", &tenant("192.0.2.16/28"));
        ended(&node, 0, &command);
        let exported = ended(&node, 0, &["export"]);
        assert!(exported.contains("smart_hosts = [\"192.0.2.16/28\"]"), "{exported}");
    });
}

#[test]
fn what_is_refused_is_named_where_it_was_read_and_changes_nothing() {
    enclosed(|| {
        let node = node(LOCAL);
        node.write("tenant.json", TENANT);
        node.write("hybrid.json", HYBRID);
        let command = ["import", "exchange", "tenant.json", "hybrid.json", "--apply"];
        let shown = ended(&node, 4, &command);
        let fault = "hybrid.json: inbound connector \"Hybrid\", TreatMessagesAsInternal: ";
        assert!(shown.lines().any(|line| line.starts_with(fault)), "{shown}");
        assert_eq!(ended(&node, 0, &["export"]), "");

        let json = ended(&node, 4, &[&command[..], &["--json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(report["faults"][0]["places"][0]["property"], "TreatMessagesAsInternal");
        assert!(report["changed"].is_null(), "{report}");

        let left_out = [&command[..], &["--leave-out", "TreatMessagesAsInternal"]].concat();
        assert!(ended(&node, 0, &left_out).ends_with("the directory is at version 1\n"));

        // Of Postfix, what cannot be read stops the change too.
        node.write(
            "main.cf",
            "mydestination =\nsmtp_tls_security_level = encrypt\nrelayhost = [x\n",
        );
        let shown = ended(&node, 4, &["import", "postfix", ".", "--apply"]);
        assert!(
            shown.contains("./main.cf:3: relayhost: [x: a bracket is not closed"),
            "{shown}"
        );
        node.write("main.cf", "mydestination =\nsmtp_tls_security_level = encrypt\n");
        ended(&node, 0, &["import", "postfix", ".", "--apply"]);
        assert!(ended(&node, 0, &["export"]).contains("name = \"everything else\""));
    });
}
