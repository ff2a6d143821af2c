//! A partner moves from an old root to a new one, told from its first sign to its end by what an operator sees: the
//! forecast names it while mail still flows, the authority's CRL turns out to stand behind a firewall, what waits
//! says what it waits for, and opening the way and adding the root mends it. The partner is a Postfix. At the end we
//! move to that root ourselves, and the page shows partners both columns.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use rustix::process::Signal;
use sekisho_api::{CertificatePage, PublishedStanding};
use sekisho_testkit::{
    authority::{Authority, Description, Endpoints, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Postfix, PostfixListener, PostfixSettings, Zone},
    node::Node,
    revocation::Crl,
    wait,
    web::{Silence, WebAnswer, WebServer},
};
use serde_json::Value;

use crate::{RELAYING, alerts::told, attempts, connectors::apply, last_attempt, outcome_of, submit, trace_of, traced};

/// Where the new authority publishes what it revokes.
const CRL: &str = "http://crl.newtrust.example/new.crl";
const ZONES: [(&str, &str); 2] = [
    (
        "bank.example",
        "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 192.0.2.1\nmx2 A 192.0.2.2\n",
    ),
    ("newtrust.example", "crl A 192.0.2.6\n"),
];

/// What the operator demands of the partner: a name, under a root in a file beside the configuration.
const CONNECTOR: &str = "\
[[outbound_connector]]
name = \"bank\"
recipient_domains = [\"bank.example\"]
tls_settings = \"domain_validation\"
tls_domain = \"*.bank.example\"
retry = [\"1h\"]
";

const CONFIGURATION: &str = "\
tls.roles = [\"mx\"]
[web]
http = \"127.0.0.1:80\"
[alerts]
mail-after = \"0s\"
[trust]
files = [\"trusted.pem\"]
";

/// The two hosts of the partner, each with its certificate.
fn bank(first: &Pem, second: &Pem) -> Postfix {
    let settings = PostfixSettings {
        address: SocketAddr::new(HOSTS[0], 25),
        domain: "bank.example",
        certificate: Some(first),
        relayhost: "",
        more: "",
    };
    let second = PostfixListener {
        address: SocketAddr::new(HOSTS[1], 25),
        certificate: second.clone(),
        options: Vec::new(),
    };
    Postfix::start_with(&settings, &[second])
}

/// A server whose roots are those in `trusted.pem` alone.
fn node_trusting_file(anchors: &str) -> Node {
    let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), &format!("{RELAYING}{CONFIGURATION}"));
    let nothing = node.write("nothing.pem", Authority::called("System Trust").anchor());
    node.write("trusted.pem", anchors);
    node.set_environment("SSL_CERT_FILE", nothing.into_os_string());
    node.set_environment("SSL_CERT_DIR", node.folder().join("no-such-folder"));
    node.resume();
    apply(&node, CONNECTOR);
    node
}

/// What a command prints, with its blanks made one, and its exit code.
fn printed(node: &Node, arguments: &[&str]) -> (String, Option<i32>) {
    let output = node.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (flat(&said), output.status.code())
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A command prints all of it, in this order, and ends so.
fn says(node: &Node, arguments: &[&str], code: i32, words: &[&str]) {
    let (said, ended) = printed(node, arguments);
    let mut rest = said.as_str();
    for word in words {
        let found = rest.split_once(*word);
        let (_, behind) = found.unwrap_or_else(|| panic!("{arguments:?}: no {word:?} in its place\n{said}"));
        rest = behind;
    }
    assert_eq!(ended, Some(code), "{arguments:?}: {said}");
}

fn send(recipient: &str) {
    submit("a@localhost", &[recipient.to_owned()]);
}

/// Asks for another attempt, which will be the one of this number; answers with the message's trace.
fn again(node: &Node, recipient: &str, number: usize) -> Value {
    says(
        node,
        &["queue", "retry", "--destination", "bank.example"],
        0,
        &["1 changed"],
    );
    let look = || trace_of(node, recipient).filter(|message| attempts(message).count() >= number);
    wait::until_or(format_args!("attempt {number}"), look, || node.log())
}

/// The message waits, and this is why: the status, its sentence, and the demand that was not met.
fn waits(trace: &Value, [status, text, unmet]: [&str; 3]) {
    let attempt = last_attempt(trace);
    let why = &attempt["outcome"]["why"];
    assert_eq!(outcome_of(attempt), "deferred", "{attempt:#}");
    assert_eq!(trace["queued"], true, "{trace:#}");
    assert_eq!(why["status"], status, "{why:#}");
    let said = why["text"].as_str().unwrap_or_default();
    assert!(said.starts_with(text), "{said}");
    assert_eq!(why["unmet"], unmet, "{why:#}");
    // Under TLS, but nothing of the message was said.
    let conversation = attempt["conversation"].to_string();
    assert!(
        conversation.contains("TLSv1.3") && !conversation.contains("MAIL FROM"),
        "{conversation}"
    );
}

const CERTIFICATE: &str =
    "TLS with a valid certificate (trust anchors: system) for **.bank.example (connector \"default/bank\")";
const NOT_REVOKED: &str =
    "TLS with a certificate that is not revoked (trust anchors: system) (connector \"default/bank\")";
const CHANGED: &str = "the issuer of the certificate of mx1.bank.example:25 changed from CN=Old Trust to CN=New Trust; \
                       the new one is not in the system's trust of connector \"default/bank\"";

/// One host has moved: mail goes by the other, and the operator is told.
fn foretold(node: &Node) {
    let forecast = [
        "error issuer-changed to bank.example connector \"default/bank\"",
        CHANGED,
    ];
    says(node, &["partner", "forecast"], 0, &forecast);
    let letter = flat(&told(node, 1));
    for words in ["issuer-changed: default/bank.example at mx1.bank.example:25", CHANGED] {
        assert!(letter.contains(words), "{words}\n{letter}");
    }
}

/// The new authority by its file: nobody here trusts it, and its CRL cannot be fetched.
fn looked_into(node: &Node) {
    let firewall = [
        &format!("timed-out CRL {CRL}")[..],
        &format!("{CRL}: connecting took longer than 5 s"),
        "a firewall must let this machine reach: crl.newtrust.example:80",
    ];
    says(node, &["trust", "endpoints", "new.pem"], 4, &firewall);
    let missing = [
        "is not there (CN=New Trust)",
        "need it: to bank.example for default (mx1.bank.example:25)",
        "demanded by connector \"default/bank\"",
    ];
    says(node, &["trust", "check", "new-root.pem"], 3, &missing);
}

/// The operator adds the root to those in the file.
fn add_root(node: &Node, anchors: &str) {
    node.write("trusted.pem", anchors);
    node.signal(Signal::HUP);
    wait::until_or(
        "the reload",
        || node.log().contains("read anew").then_some(()),
        || node.log(),
    );
    let there = [
        "is there: CN=New Trust",
        "in system",
        "would fail without it: to bank.example",
    ];
    says(node, &["trust", "check", "new-root.pem"], 0, &there);
}

/// By which chain it went, and that it was looked up.
fn went(node: &Node, recipient: &str, trace: &Value) {
    let attempt = last_attempt(trace);
    assert_eq!(outcome_of(attempt), "delivered", "{attempt:#}");
    let chain = &attempt["channel"]["security"]["tls"]["chain"];
    assert_eq!(
        (&chain[0]["issuer"], &chain[1]["subject"]),
        (&"CN=New Trust".into(), &"CN=New Trust".into()),
        "{chain:#}"
    );
    let trust = [
        "attempt 3",
        "delivered mx1.bank.example 192.0.2.1:25",
        &format!("(valid), revocation: not revoked (mx1.bank.example: CRL {CRL} of "),
        "demands TLS with a valid certificate (trust anchors: system) for **.bank.example, and it holds",
        "demands TLS with a certificate that is not revoked (trust anchors: system), and it holds",
        "250 2.0.0 Ok",
    ];
    says(node, &["trace", "--recipient", recipient], 0, &trust);
}

#[test]
fn a_partner_moves_to_a_new_root_and_the_operator_is_told_before_and_mends_it() {
    enclosed(|| {
        let _names = Names::serve(&ZONES.map(|(name, records)| Zone::new(name, records)));
        let (old, new) = (Authority::called("Old Trust"), Authority::called("New Trust"));
        let of_new = |name: &str, serial| new.server_with(&[name], serial, &Endpoints::crl(CRL));
        let (first, second) = (old.server(&["mx1.bank.example"]), old.server(&["mx2.bank.example"]));
        let (new_first, new_second) = (of_new("mx1.bank.example", 7), of_new("mx2.bank.example", 8));
        let web = SocketAddr::new(HOSTS[5], 80);
        let firewall = Silence::at(web);
        let node = node_trusting_file(old.anchor());
        node.write("new.pem", &of_new("example.newtrust.example", 9).chain);
        node.write("new-root.pem", new.anchor());

        let before = bank(&first, &second);
        send("one@bank.example");
        traced(&node, "one@bank.example", "delivered");
        drop(before);
        let moving = bank(&new_first, &second);
        send("two@bank.example");
        let trace = traced(&node, "two@bank.example", "delivered");
        assert_eq!(last_attempt(&trace)["channel"]["host"], "mx2.bank.example", "{trace:#}");
        foretold(&node);
        looked_into(&node);

        drop(moving);
        let moved = bank(&new_first, &new_second);
        send("three@bank.example");
        let trace = traced(&node, "three@bank.example", "deferred");
        let untrusted = "no path leads to a trusted issuer: the chain that was presented ends with one issued by";
        waits(&trace, ["4.7.320", untrusted, &format!("{CERTIFICATE}; {NOT_REVOKED}")]);
        add_root(&node, &format!("{}{}", old.anchor(), new.anchor()));
        let trace = again(&node, "three@bank.example", 2);
        let unknown = format!(
            "the certificate could not be checked here: mx2.bank.example: the CRL {CRL} could not be had: {CRL}: \
             connecting took longer than 5 s"
        );
        waits(&trace, ["4.3.5", &unknown, NOT_REVOKED]);
        assert!(moved.inbox().is_empty(), "{}", moved.log());

        // The firewall is opened. What the operator finds to work need not be waited for.
        drop(firewall);
        let crl = new.crl(&Crl::of(sekisho::clock::now()));
        let _web = WebServer::start(web, None, move |_| WebAnswer::ok(crl.clone()));
        let open = [&format!("OK CRL {CRL}")[..], &format!("{CRL}: 0 revoked, verified")];
        says(&node, &["trust", "endpoints", "new.pem"], 0, &open);
        let trace = again(&node, "three@bank.example", 3);
        went(&node, "three@bank.example", &trace);
        wait::until("the message in the partner's mailbox", || {
            (moved.inbox().len() == 1).then_some(())
        });
        says(
            &node,
            &["partner", "forecast"],
            0,
            &["the new one is in the system's trust"],
        );
        assert!(!node.log().contains("bounced"), "{}", node.log());
        move_ourselves(&node, &old, &new);
    });
}

/// Takes a certificate of ours into its role.
fn import(node: &Node, root: &Authority, more: &[&str]) {
    let described = Description {
        common_name: "node.sekisho.example".to_owned(),
        organization: "Sekisho Mail Ltd".to_owned(),
        unit: "Mail Operations".to_owned(),
        ..Description::default()
    };
    let pem = root.server_described(&["node.sekisho.example"], &described);
    node.write("own.pem", &pem.chain);
    node.write("own.key", &pem.key);
    let arguments = [
        "certificate",
        "import",
        "--role",
        "mx",
        "--certificate",
        "own.pem",
        "--key",
        "own.key",
    ];
    says(node, &[&arguments[..], more].concat(), 0, &[]);
}

/// Our own certificate moves to the new root: partners are shown both columns, each with all that is told of one.
fn move_ourselves(node: &Node, old: &Authority, new: &Authority) {
    let role = [
        "certificate",
        "role",
        "add",
        "mx",
        "--names",
        "node.sekisho.example",
        "--published",
    ];
    says(node, &role, 0, &[]);
    import(node, old, &[]);
    import(node, new, &["--stage"]);
    let page = [
        "Trust this root certificate authority: CN=Old Trust",
        "Trust this root certificate authority too; the next certificate leads to it: CN=New Trust",
        "Root certificate authority [changed] In force: CN=Old Trust SHA-256 ",
        "Next: CN=New Trust SHA-256 ",
        "Name (CN): node.sekisho.example Organization (O): Sekisho Mail Ltd Organizational unit (OU): Mail Operations",
        "Key strength: ECDSA, P-256 Valid from: 2024-01-01 00:00:00 UTC (1 January 2024) Valid until: 2100-01-01",
        "Issuer [changed] In force: CN=Old Trust Next: CN=New Trust",
    ];
    says(node, &["certificate", "page"], 0, &page);
    let shown = served("/.well-known/sekisho/certificates.json");
    let page: CertificatePage = serde_json::from_str(&shown).unwrap_or_else(|fault| panic!("{fault}: {shown}"));
    let columns = page.roles.iter().flat_map(|role| &role.families);
    let columns: Vec<_> = columns.flat_map(|family| &family.certificates).collect();
    let wanted = [
        (PublishedStanding::Current, "CN=Old Trust"),
        (PublishedStanding::Next, "CN=New Trust"),
    ];
    assert_eq!(columns.len(), wanted.len(), "{columns:#?}");
    for (column, (standing, root)) in columns.into_iter().zip(wanted) {
        assert_eq!(
            (column.standing, column.root.subject.as_str()),
            (standing, root),
            "{column:#?}"
        );
        assert_eq!(column.names, ["node.sekisho.example"], "{column:#?}");
        assert_eq!(column.organizations, ["Sekisho Mail Ltd"], "{column:#?}");
        assert_eq!(column.organizational_units, ["Mail Operations"], "{column:#?}");
        assert_eq!(
            [&column.key, &column.not_before, &column.not_after],
            ["P-256", "2024-01-01T00:00:00Z", "2100-01-01T00:00:00Z"],
            "{column:#?}"
        );
    }
}

/// What the public page answers with.
fn served(path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", 80)).expect("the web listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    body.to_owned()
}
