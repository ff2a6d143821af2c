//! The directory from the command line: organizations, domains and connectors are added, exported, planned, applied and
//! taken back, with the server running and without.

use std::process::Output;

use sekisho_testkit::{
    client::Client,
    enclosure::enclosed,
    node::{Node, SMTP},
};

use crate::node;

const FILE: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\"]

[[route]]
name = \"bank\"
domains = [\"bank.example\"]
via = [\"192.0.2.1:25\"]
";

const NOBODY_RELAYS: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
relay-from = []

";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A command that does all that it should; answers with what it printed.
fn done(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    text(&output)
}

/// A command that ends with this code; answers with all that it said.
fn refused(node: &Node, code: i32, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    format!("{}{}", text(&output), String::from_utf8_lossy(&output.stderr))
}

/// An organization with a domain and a connector each way, one change after the other.
fn add_acme(node: &Node) {
    let added = done(
        node,
        &[
            "organization",
            "add",
            "acme",
            "--comment",
            "Acme Ltd",
            "--why",
            "a new customer",
        ],
    );
    assert_eq!(
        added,
        "+ organization acme\n    comment = Acme Ltd\nthe directory is at version 1\n"
    );
    done(node, &["domain", "add", "acme.example", "--organization", "acme"]);
    let inbound = [
        &["connector", "add", "inbound", "bank", "--organization", "acme"][..],
        &[
            "--sender-domains",
            "bank.example,*.bank.example",
            "--sender-ip-addresses",
            "192.0.2.0/24",
        ],
        &["--restrict-domains-to-ip-addresses"],
    ];
    done(node, &inbound.concat());
    let outbound = [
        &["connector", "add", "outbound", "bank", "--organization", "acme"][..],
        &[
            "--recipient-domains",
            "bank.example",
            "--tls-settings",
            "encryption-only",
            "--retry",
            "5m,15m until 4h,1h",
        ],
    ];
    done(node, &outbound.concat());
}

/// From version 4 on, as [`add_acme`] leaves it.
fn change_and_take_back(node: &Node) {
    let set = ["connector", "set", "outbound", "bank", "--organization", "acme"];
    let changed = done(
        node,
        &[&set[..], &["--tls-settings", "domain-validation", "--retry", ""]].concat(),
    );
    assert_eq!(
        changed,
        "~ outbound connector acme/bank\n    tls_settings = encryption_only → domain_validation\n    \
         retry = 5m, 15m until 4h, 1h → not set\nthe directory is at version 5\n"
    );
    let faults = refused(node, 4, &[&set[..], &["--smart-hosts", "mail.bank.example"]].concat());
    assert!(
        faults.contains("outbound connector acme/bank, tls_domain: "),
        "{faults}"
    );
    let shown = done(
        node,
        &[
            "connector",
            "show",
            "outbound",
            "bank",
            "--organization",
            "acme",
            "--json",
        ],
    );
    assert!(shown.contains("\"tls_settings\":\"domain_validation\""), "{shown}");
    done(
        node,
        &["connector", "disable", "inbound", "bank", "--organization", "acme"],
    );
    let listed = done(node, &["connector", "list"]);
    assert!(listed.contains("disabled") && listed.contains("acme/bank"), "{listed}");
    let dry = done(node, &["directory", "rollback", "4", "--dry-run"]);
    assert!(
        dry.ends_with("nothing was changed; the directory is at version 6\n"),
        "{dry}"
    );
    let back = done(node, &["directory", "rollback", "4"]);
    assert!(back.contains("enabled = false → true"), "{back}");
    assert!(back.ends_with("the directory is at version 7\n"), "{back}");
    let history = done(node, &["directory", "history"]);
    let places = [
        "version 7",
        "back to version 4",
        "version 6",
        "version 1 ",
        "a new customer",
    ];
    assert!(places.map(|place| history.find(place)).is_sorted(), "{history}");
    assert_eq!(history.matches("\nversion ").count() + 1, 7, "{history}");
}

/// The whole as text, there and back.
fn export_plan_and_apply(node: &Node) {
    let exported = done(node, &["export"]);
    node.write("directory.toml", &exported);
    assert_eq!(done(node, &["export", "--version", "4"]), exported);
    let nothing = "nothing to change; the directory is at version 7\n";
    assert_eq!(done(node, &["plan", "directory.toml"]), nothing);
    assert_eq!(done(node, &["apply", "directory.toml"]), nothing);
    assert_eq!(text(&node.shell("\"$SEKISHO\" export | \"$SEKISHO\" apply -")), nothing);

    let line = 1 + exported
        .lines()
        .position(|line| line == "name = \"acme.example\"")
        .expect("the domain is in the text");
    node.write(
        "directory.toml",
        &exported.replace("\"acme.example\"", "\"here.example\""),
    );
    let faults = refused(node, 4, &["apply", "directory.toml"]);
    assert!(
        faults.contains(&format!("directory.toml:{line}: domain here.example, name: ")),
        "{faults}"
    );

    let (kept, _) = exported
        .split_once("[[outbound_connector]]")
        .expect("the connector is in the text");
    node.write("directory.toml", &kept.replace("Acme Ltd", "Acme plc"));
    let planned = done(node, &["plan", "directory.toml"]);
    assert!(
        planned.starts_with("~ organization acme\n    comment = Acme Ltd → Acme plc\n"),
        "{planned}"
    );
    assert!(planned.contains("- outbound connector acme/bank\n"), "{planned}");
    let applied = done(node, &["apply", "directory.toml"]);
    assert_eq!(applied, format!("{planned}the directory is at version 8\n"));
    assert_eq!(
        done(node, &["export"]),
        kept.replace("Acme Ltd", "Acme plc").trim_end().to_owned() + "\n"
    );
}

#[test]
fn the_directory_is_managed_while_the_server_runs() {
    enclosed(|| {
        let node = node(FILE);
        add_acme(&node);
        change_and_take_back(&node);
        export_plan_and_apply(&node);
        refused(&node, 3, &["domain", "remove", "nobody.example"]);
        refused(&node, 3, &["connector", "show", "inbound", "nobody"]);
        refused(&node, 4, &["organization", "remove", "acme"]);
        refused(&node, 4, &["organization", "add", "acme"]);
        let taken = [
            "connector",
            "add",
            "outbound",
            "b",
            "--recipient-domains",
            "bank.example",
        ];
        let faults = refused(&node, 4, &taken);
        assert!(
            faults.contains("route \"bank\" of sekisho.toml is for the same domains"),
            "{faults}"
        );
    });
}

#[test]
fn the_directory_is_managed_without_a_server_and_in_force_when_it_starts() {
    enclosed(|| {
        let mut node = node(&format!("{NOBODY_RELAYS}{FILE}"));
        node.end_well().unwrap();
        add_acme(&node);
        change_and_take_back(&node);
        export_plan_and_apply(&node);
        node.resume();
        let view = done(&node, &["directory", "show"]);
        assert!(view.starts_with("version              8\n"), "{view}");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (here, elsewhere) = runtime.block_on(async {
            let mut client = Client::open(SMTP, false).await.unwrap();
            client.command("MAIL FROM:<a@elsewhere.example>").await.unwrap();
            let here = client.command("RCPT TO:<nobody@acme.example>").await.unwrap();
            (here, client.command("RCPT TO:<nobody@other.example>").await.unwrap())
        });
        // Accepted, with nobody in it; and not accepted at all.
        assert!(here.text().contains("5.1.1"), "{here:?}");
        assert!(elsewhere.text().contains("5.7.1"), "{elsewhere:?}");
    });
}

#[test]
fn a_directory_that_the_configuration_no_longer_fits_stops_the_start_and_can_be_mended() {
    enclosed(|| {
        let mut node = node(FILE);
        add_acme(&node);
        node.end_well().unwrap();
        node.configure(&FILE.replace("here.example", "acme.example"));
        let start = refused(&node, 1, &["serve"]);
        assert!(
            start.contains("domain acme.example, name: it is accepted twice"),
            "{start}"
        );
        let shown = refused(&node, 4, &["directory", "show"]);
        assert!(shown.contains("not in force: domain acme.example"), "{shown}");
        done(&node, &["domain", "remove", "acme.example"]);
        node.resume();
    });
}
