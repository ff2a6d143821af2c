//! The combination rules of Exchange at the moment at which a connector is saved: the management API and the command
//! line refuse the same, and say the same of it, field by field.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
};
use serde_json::{Value, json};

use super::{Sender, TWO_ORGANIZATIONS, apply, cells, service, version};
use crate::relaying_node;

/// Of each rule: what comes of a connector, at which field and for which reason; then the connector's fields. What is
/// marked is taken, and something is said of it.
const INBOUND: &str = "\
V1 refused | treat_messages_as_internal | only the organization's own servers bring internal mail (V1)
    sender_domains=bank.example treat_messages_as_internal=true
V1 refused | treat_messages_as_internal | with cloud_services_mail_enabled the servers say themselves
    connector_type=on_premises cloud_services_mail_enabled=true treat_messages_as_internal=true
V2 refused | restrict_domains_to_ip_addresses | it is a partner's, and would never be looked at here (V2)
    connector_type=on_premises sender_ip_addresses=192.0.2.9 restrict_domains_to_ip_addresses=true
V2 refused | restrict_domains_to_certificate | it is a partner's, and would never be looked at here (V2)
    connector_type=on_premises tls_sender_certificate_name=x.acme.example restrict_domains_to_certificate=true
V2 taken | |
    connector_type=on_premises sender_ip_addresses=192.0.2.9 require_tls=true
V3 refused | restrict_domains_to_certificate | tls_sender_certificate_name names none (V3)
    sender_domains=bank.example restrict_domains_to_certificate=true
V4 refused | restrict_domains_to_ip_addresses | sender_ip_addresses has none (V4)
    sender_domains=bank.example restrict_domains_to_ip_addresses=true
V4 marked | sender_ip_addresses | a network is larger than /24, the largest that Exchange Online takes (V4)
    sender_domains=bank.example sender_ip_addresses=192.0.0.0/16 restrict_domains_to_ip_addresses=true
V4 marked | sender_ip_addresses | an address is IPv6, which Exchange Online does not take (V4)
    sender_domains=bank.example sender_ip_addresses=2001:db8::1 restrict_domains_to_ip_addresses=true
V5 marked | restrict_domains_to_ip_addresses | both must hold (V5)
    sender_domains=bank.example sender_ip_addresses=192.0.2.9 restrict_domains_to_ip_addresses=true \
    tls_sender_certificate_name=bank.example restrict_domains_to_certificate=true
V5 marked | sender_ip_addresses | a certificate's name stands beside them (V5)
    sender_domains=bank.example sender_ip_addresses=192.0.2.9 \
    tls_sender_certificate_name=bank.example restrict_domains_to_certificate=true
V6 marked | sender_domains | connector acme/lock restricts mail that this one covers too
    sender_domains=*.lock.example
V7 taken | |
    sender_domains=acme.example tls_sender_certificate_name=mail.acme.example restrict_domains_to_certificate=true
V11 refused | sender_domains | '*' may stand only as the whole first label
    sender_domains=domain.*.bank.example
V11 refused | tls_sender_certificate_name | '*' may stand only as the whole first label
    sender_domains=bank.example tls_sender_certificate_name=m*.bank.example restrict_domains_to_certificate=true
V12 refused | sender_domains | a connector with trusted_organizations has no other parameters (V12)
    trusted_organizations=beta sender_domains=bank.example
V12 refused | server_auth_certificates | a connector with trusted_organizations has no other parameters (V12)
    trusted_organizations=beta server_auth_certificates=false
V12 refused | cloud_services_mail_enabled | a connector with trusted_organizations has no other parameters (V12)
    trusted_organizations=beta cloud_services_mail_enabled=true
V14 refused | require_tls | it restricts nothing: neither to TLS, nor to a certificate, nor to addresses (V14)
    sender_domains=bank.example require_tls=false";

/// V9 cannot be broken: without smart hosts the MX records are used.
const OUTBOUND: &str = "\
V8 refused | all_accepted_domains | only a connector to the organization's own servers can have it (V8)
    all_accepted_domains=true
V8 refused | route_all_messages_via_on_premises | only a connector to the organization's own servers can have it (V8)
    route_all_messages_via_on_premises=true smart_hosts=192.0.2.1
V8 refused | cloud_services_mail_enabled | only a connector to the organization's own servers can have it (V8)
    recipient_domains=bank.example cloud_services_mail_enabled=true
V9 taken | |
    recipient_domains=bank.example
V10 refused | tls_domain | (V10)
    recipient_domains=bank.example tls_settings=domain_validation smart_hosts=192.0.2.1
V10 refused | tls_domain | (V10)
    recipient_domains=bank.example tls_settings=certificate_validation tls_domain=bank.example
V11 refused | recipient_domains | '*' may stand only as the whole first label
    recipient_domains=a*.bank.example
V13 refused | name | a name has 1 to 64 characters
    recipient_domains=bank.example";

/// What is there already.
const BESIDE: &str = "\
[[inbound_connector]]
organization = \"acme\"
name = \"lock\"
sender_domains = [\"sales.lock.example\"]
sender_ip_addresses = [\"192.0.2.1\"]
restrict_domains_to_ip_addresses = true
[[inbound_connector]]
organization = \"acme\"
name = \"own\"
connector_type = \"on_premises\"
tls_sender_certificate_name = \"mail.acme.example\"
sender_ip_addresses = [\"192.0.2.1\"]
";

/// `POST` on the management socket: the status and the value of the answer.
fn post(node: &Node, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = UnixStream::connect(node.folder().join("sekisho-data/control.sock")).expect("the server listens");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, value) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.get(9..12).and_then(|code| code.parse().ok());
    let value = serde_json::from_str(value).unwrap_or_else(|fault| panic!("{fault}: {answer}"));
    (status.expect("a status"), value)
}

/// Saves one connector: the status and the answer.
fn save_by_api(node: &Node, way: &str, name: &str, fields: &str, dry_run: bool) -> (u16, Value) {
    const LISTS: [&str; 5] = [
        "sender_domains",
        "sender_ip_addresses",
        "trusted_organizations",
        "recipient_domains",
        "smart_hosts",
    ];
    let mut document = json!({"organization": "acme", "name": name});
    for (field, text) in fields.split_whitespace().filter_map(|field| field.split_once('=')) {
        document[field] = match text.parse::<bool>() {
            Ok(flag) => flag.into(),
            Err(_) if LISTS.contains(&field) => json!([text]),
            Err(_) => text.into(),
        };
    }
    let kind = format!("{way}_connector");
    let change = json!({"based_on": version(node), "put": {kind: [document]}, "dry_run": dry_run});
    post(node, sekisho_api::path::DIRECTORY_CHANGES, &change)
}

/// The same on the command line: whether it was taken, and what was said.
fn save_by_command(node: &Node, way: &str, name: &str, fields: &str, dry_run: bool) -> (bool, String) {
    let mut arguments: Vec<String> = ["connector", "add", way, name, "--organization", "acme"]
        .map(str::to_owned)
        .into();
    for (field, text) in fields.split_whitespace().filter_map(|field| field.split_once('=')) {
        arguments.push(format!("--{}={text}", field.replace('_', "-")));
    }
    if dry_run {
        arguments.extend(["--dry-run", "--no-impact"].map(str::to_owned));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = node.run(&arguments);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The one finding of an answer at this field, in words as a command prints them.
fn finding<'a>(answer: &'a Value, list: &str, field: &str) -> Option<(&'a str, String)> {
    let mut findings = answer[list].as_array()?.iter();
    let found = findings.find(|one| one["field"] == field)?;
    let [place, reason] = ["place", "reason"].map(|key| found[key].as_str().unwrap_or_default());
    Some((reason, format!("{place}, {field}: {reason}")))
}

/// Whether both say of a connector what its row says: what is refused is really saved, what is taken only tried.
fn check_row(node: &Node, way: &str, row: [&str; 2]) -> Result<(), String> {
    let [head, fields] = row;
    let [rule_and_verdict, field, reason] = cells(head);
    let (rule, verdict) = rule_and_verdict.split_once(' ').expect("a rule and a verdict");
    let long = "a".repeat(65);
    let name = if rule == "V13" { &long } else { "new" };
    let is_refused = verdict == "refused";
    let (status, answer) = save_by_api(node, way, name, fields, !is_refused);
    let (is_taken, said) = save_by_command(node, way, name, fields, !is_refused);
    let (list, wanted) = if is_refused { ("faults", 422) } else { ("warnings", 200) };
    let is_said_alike = match finding(&answer, list, field) {
        Some((why, words)) => why.contains(reason) && said.contains(&words),
        None => verdict == "taken" && answer["warnings"] == json!([]),
    };
    if status == wanted && is_taken != is_refused && is_said_alike {
        return Ok(());
    }
    Err(format!("{head} {fields}: {status} {answer}\n{said}"))
}

#[test]
fn every_rule_is_refused_or_marked_alike_by_the_api_and_by_the_command_line() {
    enclosed(|| {
        let node = relaying_node("");
        apply(&node, &[TWO_ORGANIZATIONS, BESIDE].concat());
        let before = version(&node);
        let mut wrong = Vec::new();
        for (way, table) in [("inbound", INBOUND), ("outbound", OUTBOUND)] {
            let lines: Vec<&str> = table.lines().collect();
            let rows = lines.as_chunks::<2>().0;
            wrong.extend(rows.iter().filter_map(|row| check_row(&node, way, *row).err()));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(version(&node), before, "nothing was kept");
    });
}

/// V2 in Exchange: RequireTls would have no effect. Here it holds, so it is kept.
#[test]
fn tls_that_an_own_server_must_use_is_kept_and_enforced_once_it_is_saved() {
    enclosed(|| {
        let node = service(
            "[local]\nusers = [\"inbox\", \"bob@acme.example\"]\n",
            TWO_ORGANIZATIONS,
        );
        let fields = "connector_type=on_premises sender_ip_addresses=192.0.2.3 require_tls=true";
        let (status, answer) = save_by_api(&node, "inbound", "hub", fields, false);
        assert_eq!(status, 200, "{answer}");
        let shown = node.json_lines(&[
            "connector",
            "show",
            "inbound",
            "hub",
            "--organization",
            "acme",
            "--json",
        ]);
        assert_eq!(shown[0]["require_tls"], true, "{shown:#?}");
        let swaks = Swaks::new();
        let server = Sender::at(HOSTS[2]);
        for (sender, wanted) in [(server.clone(), "451 4.7.0 "), (server.over_tls(), "250")] {
            for to in ["bob@acme.example", "far@there.example"] {
                let reply = sender.asks(&swaks, "a@acme.example", to);
                assert!(reply.starts_with(wanted), "{sender} to {to}: {reply}");
            }
        }
    });
}
