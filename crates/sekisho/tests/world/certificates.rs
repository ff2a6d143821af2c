//! Our own certificates as operators and peers meet them: imported, requested, swapped under open sessions, and
//! presented as roles. Files are made and connections looked at by OpenSSL.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use sekisho_testkit::{
    authority::{Authority, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Postfix, PostfixListener, PostfixSettings, Zone},
    node::Node,
    wait,
};
use serde_json::Value;

pub(crate) const LISTENER: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
tls.roles = [\"mx\"]
";

/// DNS in which none of our names has a TLSA record: who does not know that has a new key wait.
pub(crate) fn names() -> Names {
    Names::serve(&[
        Zone::new("example.org", "mx A 192.0.2.1"),
        Zone::new("acme.example", "mail A 192.0.2.1"),
        Zone::new("sekisho.example", "node A 192.0.2.1"),
    ])
}

/// A running server whose listener presents role `mx`, which is there and has no certificate yet.
pub(crate) fn node_with_role(flags: &[&str]) -> Node {
    let node = crate::node(LISTENER);
    done(
        &node,
        &[
            &["certificate", "role", "add", "mx", "--names", "mx.example.org"],
            flags,
        ]
        .concat(),
    );
    node
}

/// What a command says that must succeed.
pub(crate) fn done(node: &Node, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// What a command says that must fail with this exit code.
pub(crate) fn refused(node: &Node, code: i32, arguments: &[&str]) -> String {
    let output = node.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

pub(crate) fn write(node: &Node, name: &str, pem: &Pem) {
    node.write(&format!("{name}.pem"), &pem.chain);
    node.write(&format!("{name}.key"), &pem.key);
}

/// Takes a pair into role `mx`; the answer.
pub(crate) fn import(node: &Node, pem: &Pem, more: &[&str]) -> Value {
    write(node, "imported", pem);
    let (chain, key) = (path(node, "imported.pem"), path(node, "imported.key"));
    let arguments = [
        "certificate",
        "import",
        "--role",
        "mx",
        "--certificate",
        &chain,
        "--key",
        &key,
        "--json",
    ];
    let mut lines = node.json_lines(&[&arguments[..], more].concat());
    lines.pop().expect("an answer")
}

pub(crate) fn path(node: &Node, name: &str) -> String {
    node.folder().join(name).to_str().expect("a plain path").to_owned()
}

/// The SHA-256 of the certificate that is presented.
pub(crate) fn presented(more: &[&str]) -> String {
    let line = format!(
        "openssl s_client -connect 127.0.0.1:2525 -starttls smtp {} </dev/null 2>&1 | {FINGERPRINT}",
        more.join(" ")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdin(Stdio::null());
    fingerprint(command, &[])
}

/// The SHA-256 of a pair's certificate.
pub(crate) fn digest(pem: &Pem) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", FINGERPRINT]).stdin(Stdio::piped());
    fingerprint(command, pem.chain.as_bytes())
}

const FINGERPRINT: &str = "openssl x509 -noout -fingerprint -sha256";

/// What such a command says of the certificate that it gets; without one it fails.
fn fingerprint(mut command: Command, input: &[u8]) -> String {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.expect("openssl starts");
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input).expect("it reads");
    }
    let output = child.wait_with_output().expect("it ends");
    let (shown, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let digits = shown.trim_end().split_once('=').filter(|_| output.status.success());
    let (_, digits) = digits.unwrap_or_else(|| panic!("no certificate: {shown}{said}"));
    digits.replace(':', "").to_lowercase()
}

pub(crate) fn roles(node: &Node) -> Vec<Value> {
    node.json_lines(&["certificate", "list", "--json"])
}

pub(crate) fn openssl(node: &Node, line: &str) {
    let output = Command::new("sh")
        .current_dir(node.folder())
        .args(["-c", line])
        .output()
        .expect("openssl starts");
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_role_is_presented_as_its_certificates_come_and_go_and_starttls_never_disappears() {
    enclosed(|| {
        let node = node_with_role(&[]);
        let authority = Authority::new();
        let made_ourselves = presented(&[]);
        let (first, second) = (
            authority.server(&["mx.example.org"]),
            authority.server(&["mx.example.org"]),
        );
        let one = import(&node, &first, &["--why", "the first"]);
        assert_eq!(one["certificate"]["stage"], "active", "{one}");
        assert_eq!(presented(&[]), digest(&first));
        let two = import(&node, &second, &["--stage"]);
        assert_eq!(two["certificate"]["stage"], "staged", "{two}");
        assert_eq!(presented(&[]), digest(&first));
        let id = two["certificate"]["id"].as_str().expect("an id");
        done(&node, &["certificate", "activate", id]);
        assert_eq!(
            presented(&[]),
            digest(&second),
            "of the same valid-from, the one that was activated last"
        );
        done(&node, &["certificate", "retire", id]);
        assert_eq!(presented(&[]), digest(&first));
        let id = one["certificate"]["id"].as_str().expect("an id");
        let said = refused(&node, 4, &["certificate", "retire", id]);
        assert!(said.contains("has no valid certificate"), "{said}");
        refused(&node, 4, &["certificate", "remove", id]);
        done(&node, &["certificate", "remove", "--force", id]);
        assert_eq!(
            presented(&[]),
            made_ourselves,
            "what the server makes itself, and never nothing"
        );
        let role = roles(&node).pop().expect("the role");
        assert_eq!(role["standing"], "empty");
        assert!(
            role["concern"]
                .as_str()
                .is_some_and(|words| words.contains("there is no certificate")),
            "{role}"
        );
        let log = node.log();
        assert!(
            log.contains("the first") && log.contains("a certificate was removed"),
            "{log}"
        );
    });
}

#[test]
fn a_swap_leaves_open_sessions_as_they_are() {
    enclosed(|| {
        let _names = names();
        let node = node_with_role(&[]);
        let authority = Authority::new();
        let (first, second) = (
            authority.server(&["mx.example.org"]),
            authority.server(&["mx.example.org"]),
        );
        import(&node, &first, &[]);
        let mut session = Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                "127.0.0.1:2525",
                "-starttls",
                "smtp",
                "-quiet",
                "-ign_eof",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let (mut say, mut hear) = (
            session.stdin.take().expect("stdin"),
            session.stdout.take().expect("stdout"),
        );
        let mut until = |marker: &str| {
            let (mut heard, mut buffer) = (String::new(), [0; 512]);
            while !heard.contains(marker) {
                let read = hear.read(&mut buffer).expect("the session is open");
                assert!(read > 0, "the session ended: {heard}");
                heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        };
        say.write_all(b"EHLO there.example\r\n").expect("it is written");
        until("250 ");
        import(&node, &second, &[]);
        assert_eq!(presented(&[]), digest(&second));
        say.write_all(b"NOOP\r\n").expect("the old session lives");
        until("250 2.0.0");
        say.write_all(b"QUIT\r\n").expect("it is written");
        until("221 ");
        assert!(session.wait().expect("it ends").success());
    });
}

#[test]
fn each_client_gets_the_key_that_it_can_check_and_the_name_that_it_asked_for() {
    enclosed(|| {
        let _names = names();
        let node = crate::node(&LISTENER.replace("[\"mx\"]", "[\"mx\", \"acme/mail\"]"));
        done(&node, &["organization", "add", "acme"]);
        done(
            &node,
            &["certificate", "role", "add", "mx", "--names", "mx.example.org"],
        );
        done(&node, &["certificate", "role", "add", "mail", "--organization", "acme"]);
        let authority = Authority::new();
        let ecdsa = authority.server(&["mx.example.org"]);
        let rsa = authority.server_with_rsa(&["mx.example.org"]);
        let other = authority.server(&["mail.acme.example"]);
        import(&node, &rsa, &[]);
        import(&node, &ecdsa, &[]);
        write(&node, "other", &other);
        let (chain, key) = (path(&node, "other.pem"), path(&node, "other.key"));
        let into = ["--role", "mail", "--organization", "acme"];
        done(
            &node,
            &[
                &["certificate", "import", "--certificate", &chain, "--key", &key],
                &into[..],
            ]
            .concat(),
        );
        for (asked, expected) in [
            (&[][..], &ecdsa),
            (
                &["-servername", "mx.example.org", "-sigalgs", "rsa_pss_rsae_sha256"],
                &rsa,
            ),
            (&["-servername", "mail.acme.example"], &other),
            (&["-servername", "elsewhere.example"], &ecdsa),
        ] {
            assert_eq!(presented(asked), digest(expected), "{asked:?}");
        }
    });
}

#[test]
fn what_openssl_and_windows_export_as_pkcs_12_is_read_and_the_key_goes_nowhere_else() {
    enclosed(|| {
        let node = node_with_role(&[]);
        let pem = Authority::new().server_with_rsa(&["mx.example.org"]);
        write(&node, "p", &pem);
        node.write("passphrase", "open sesame\n");
        node.write("wrong", "open barley\n");
        let export = "openssl pkcs12 -export -in p.pem -inkey p.key -passout pass:'open sesame'";
        openssl(&node, &format!("{export} -out modern.p12"));
        openssl(&node, &format!("{export} -legacy -out legacy.p12"));
        let arguments = |file: &str, passphrase: &str, more: &str| {
            let line = format!(
                "certificate import --role mx --pkcs12 {} --passphrase-file {} {more}",
                path(&node, file),
                path(&node, passphrase)
            );
            line.split_whitespace().map(str::to_owned).collect::<Vec<String>>()
        };
        let run = |file: &str, passphrase: &str, more: &str, code: i32| {
            let arguments = arguments(file, passphrase, more);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            refused(&node, code, &arguments)
        };
        assert!(run("modern.p12", "wrong", "", 2).contains("check the passphrase"));
        assert!(run("legacy.p12", "passphrase", "--dry-run", 0).contains("nothing was kept"));
        run("modern.p12", "passphrase", "", 0);
        assert_eq!(presented(&[]), digest(&pem));

        // The key: in one file, for its owner alone, and in no log and no answer.
        let folder = node.folder().join("sekisho-data/certificates/default/mx");
        let mut found = 0;
        for instance in fs::read_dir(&folder).expect("the role's folder") {
            let instance = instance.expect("an entry").path();
            assert_eq!(mode(&instance), 0o700, "{}", instance.display());
            for name in ["key.pem", "chain.pem", "state.json"] {
                assert_eq!(mode(&instance.join(name)), 0o600, "{name}");
            }
            found += 1;
        }
        assert_eq!(found, 1);
        let canary = pem.key.lines().nth(3).expect("a line of the key");
        let shown =
            done(&node, &["certificate", "show", "mx", "--json"]) + &done(&node, &["certificate", "show", "mx"]);
        for said in [node.log(), shown, done(&node, &["export"])] {
            assert!(!said.contains(canary) && !said.contains("PRIVATE KEY"), "{said}");
        }
    });
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn a_request_is_answered_by_an_authority_and_the_answer_finds_its_key() {
    enclosed(|| {
        let node = node_with_role(&["--names", "*.example.org"]);
        let said = done(&node, &["certificate", "request", "--role", "mx", "--why", "a new one"]);
        let begin = said.find("-----BEGIN").expect("a request");
        let end = said.rfind("-----END CERTIFICATE REQUEST-----").expect("its end");
        node.write(
            "mx.csr",
            &format!("{}-----END CERTIFICATE REQUEST-----\n", &said[begin..end]),
        );
        openssl(&node, "openssl req -in mx.csr -noout -verify");
        openssl(
            &node,
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj '/CN=CA' -days 9",
        );
        openssl(
            &node,
            "openssl x509 -req -in mx.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 60 \
             -out answer.pem",
        );
        let answer = path(&node, "answer.pem");
        let mut lines = node.json_lines(&[
            "certificate",
            "import",
            "--role",
            "mx",
            "--certificate",
            &answer,
            "--json",
        ]);
        let answered = lines.pop().expect("an answer");
        assert_eq!(answered["certificate"]["stage"], "active", "{answered}");
        assert_eq!(answered["certificate"]["origin"], "request");
        assert_eq!(
            answered["certificate"]["chain"][0]["names"],
            serde_json::json!(["mx.example.org", "*.example.org"])
        );
        let events: Vec<&str> = answered["certificate"]["history"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|event| event["what"].as_str())
            .collect();
        assert_eq!(events, ["requested", "imported"]);
        assert_eq!(
            presented(&["-servername", "a.example.org"]),
            answered["certificate"]["chain"][0]["sha256"]
        );
        // The next request keeps the key, whose pins go on holding.
        let mut lines = node.json_lines(&["certificate", "request", "--role", "mx", "--json"]);
        let next = lines.pop().expect("an answer");
        assert_eq!(
            next["certificate"]["spki_sha256"],
            answered["certificate"]["spki_sha256"]
        );
        // An answer without a request or a key is refused.
        let stranger = Authority::new().server(&["mx.example.org", "*.example.org"]);
        write(&node, "stranger", &stranger);
        let chain = path(&node, "stranger.pem");
        let said = refused(
            &node,
            4,
            &["certificate", "import", "--role", "mx", "--certificate", &chain],
        );
        assert!(said.contains("answers no request"), "{said}");
    });
}

#[test]
fn a_new_key_waits_while_the_old_one_is_pinned_and_comes_at_the_chosen_instant() {
    enclosed(|| {
        let node = node_with_role(&["--pinned-by", "bank.example: told 2026-11-02"]);
        let authority = Authority::new();
        let (first, second) = (
            authority.server(&["mx.example.org"]),
            authority.server(&["mx.example.org"]),
        );
        import(&node, &first, &[]);
        let waiting = import(&node, &second, &[]);
        assert_eq!(waiting["certificate"]["stage"], "staged", "{waiting}");
        assert!(
            waiting["words"]
                .as_str()
                .is_some_and(|words| words.contains("bank.example")),
            "{waiting}"
        );
        let id = waiting["certificate"]["id"].as_str().expect("an id");
        done(&node, &["certificate", "activate", id, "--at", "1h"]);
        assert_eq!(presented(&[]), digest(&first), "not before the instant");
        done(&node, &["certificate", "activate", id, "--at", "1s"]);
        wait::until("the instant", || (presented(&[]) == digest(&second)).then_some(()));
        let told = done(&node, &["certificate", "show", &format!("default/mx/{id}")]);
        assert!(
            told.contains("presented") && told.contains("activated by uid"),
            "{told}"
        );
    });
}

#[test]
fn issuer_and_subject_choose_as_in_exchange_and_a_bad_certificate_is_refused_in_words() {
    enclosed(|| {
        let node = node_with_role(&["--tls-certificate-name", "<I>CN=Wanted CA<S>CN=mx.example.org"]);
        let (wanted, other) = (Authority::called("Wanted CA"), Authority::called("Other CA"));
        write(
            &node,
            "other",
            &other.server_called("mx.example.org", &["mx.example.org"]),
        );
        let (chain, key) = (path(&node, "other.pem"), path(&node, "other.key"));
        let import_other = [
            "certificate",
            "import",
            "--role",
            "mx",
            "--certificate",
            &chain,
            "--key",
            &key,
        ];
        let said = refused(&node, 4, &import_other);
        assert!(
            said.contains("the role wants <I>CN=Wanted CA<S>CN=mx.example.org"),
            "{said}"
        );
        let good = wanted.server_called("mx.example.org", &["mx.example.org"]);
        import(&node, &good, &[]);
        assert_eq!(presented(&[]), digest(&good));
        for (pem, words) in [
            (
                wanted.server_called("mx.example.org", &["other.example"]),
                "it is not for mx.example.org",
            ),
            (wanted.expired(&["mx.example.org"]), "it has expired already"),
        ] {
            write(&node, "other", &pem);
            let said = refused(&node, 4, &import_other);
            assert!(said.contains(words), "{said}");
        }
        assert_eq!(presented(&[]), digest(&good), "what is in force stays");
    });
}

#[test]
fn a_crash_in_the_middle_of_an_import_leaves_what_was_presented_and_is_told() {
    enclosed(|| {
        let mut node = node_with_role(&[]);
        let authority = Authority::new();
        let first = authority.server(&["mx.example.org"]);
        import(&node, &first, &[]);
        node.kill();
        // As a kill between two writes leaves it.
        let role = node.folder().join("sekisho-data/certificates/default/mx");
        let unfinished = role.join(".new-20261128-0a1b2c3d");
        fs::create_dir(&unfinished).expect("a folder can be made");
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o700)).expect("modes can be set");
        let key = unfinished.join("key.pem");
        fs::write(&key, &authority.server(&["mx.example.org"]).key).expect("a file can be written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("modes can be set");
        node.resume();
        assert_eq!(presented(&[]), digest(&first));
        assert!(key.is_file(), "it is not deleted silently");
        let log = node.log();
        assert!(
            log.contains("20261128-0a1b2c3d") && log.contains("never finished"),
            "{log}"
        );
        let role = roles(&node).pop().expect("the role");
        let unusable = role["certificates"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["stage"] == "unusable");
        assert!(unusable.is_some(), "{role}");
        done(&node, &["certificate", "remove", "20261128-0a1b2c3d"]);
        assert!(!unfinished.exists());
    });
}

#[test]
fn files_that_are_replaced_are_presented_without_a_restart_and_bad_ones_are_not() {
    enclosed(|| {
        let authority = Authority::new();
        let node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        let (listener, role) = (
            authority.server(&["one.example"]),
            authority.server(&["mx.example.org"]),
        );
        write(&node, "one", &listener);
        write(&node, "mx", &role);
        let mut node = node;
        node.configure(&format!(
            "{LISTENER}tls.certificates = [{{ certificate = \"one.pem\", key = \"one.key\" }}]\n"
        ));
        node.resume();
        let files = format!("{}:{}", path(&node, "mx.pem"), path(&node, "mx.key"));
        done(&node, &["certificate", "role", "add", "mx", "--files", &files]);
        let asked = ["-servername", "mx.example.org"];
        assert_eq!((presented(&[]), presented(&asked)), (digest(&listener), digest(&role)));
        let (listener, role) = (
            authority.server(&["one.example"]),
            authority.server(&["mx.example.org"]),
        );
        write(&node, "one", &listener);
        write(&node, "mx", &role);
        wait::until("the listener's new file", || {
            (presented(&[]) == digest(&listener)).then_some(())
        });
        wait::until("the role's new file", || {
            (presented(&asked) == digest(&role)).then_some(())
        });
        node.write("mx.pem", "no certificate\n");
        wait::until("the refusal", || {
            node.log()
                .contains("cannot be used; what was read before stays")
                .then_some(())
        });
        assert_eq!(presented(&asked), digest(&role));
        let shown = roles(&node).pop().expect("the role");
        assert!(
            shown["certificates"][0]["note"]
                .as_str()
                .is_some_and(|note| note.contains("mx.pem")),
            "{shown}"
        );
        // The same over a change of the directory that has nothing to do with it.
        done(&node, &["organization", "add", "acme"]);
        assert_eq!((presented(&[]), presented(&asked)), (digest(&listener), digest(&role)));
    });
}

#[test]
fn a_connector_presents_its_role_and_mail_waits_while_that_is_empty() {
    enclosed(|| {
        let node = node_with_role(&[]);
        let add = [
            "connector",
            "add",
            "outbound",
            "bank",
            "--recipient-domains",
            "bank.example",
        ];
        let wrong = [&add[..], &["--client-certificate-role", "none"]].concat();
        let said = refused(&node, 4, &wrong);
        assert!(said.contains("there is no certificate role default/none"), "{said}");
        done(&node, &[&add[..], &["--client-certificate-role", "mx"]].concat());
        let role = roles(&node).pop().expect("the role");
        assert_eq!(
            role["used_by"],
            serde_json::json!(["listener \"default\"", "outbound connector default/bank"])
        );
        let said = refused(&node, 4, &["certificate", "role", "remove", "mx"]);
        assert!(said.contains("there is no certificate role default/mx"), "{said}");
    });
}

/// A route and a connector show a role to a Postfix, which says by whom it was visited.
const SHOWING: &str = "\
[[route]]
name = \"fund\"
domains = [\"fund.example\"]
via = [\"192.0.2.1:2613\"]
require = \"encryption\"
client-certificate-role = \"mx\"
";

/// What a Postfix wrote down of who brought the mail for this recipient.
fn visitor(postfix: &Postfix, recipient: &str) -> String {
    let look = || {
        let inbox = postfix.inbox().into_iter();
        let mut texts = inbox.map(|message| String::from_utf8_lossy(&message).into_owned());
        texts.find(|message| message.contains(recipient))
    };
    let message = wait::until_or(format_args!("mail for {recipient}"), look, || postfix.log());
    let from = message.find("(Client ").unwrap_or(message.len());
    message[from..].lines().next().unwrap_or_default().to_owned()
}

#[test]
fn mail_on_a_connector_and_on_a_route_shows_what_is_in_force_of_a_role_and_waits_while_that_is_empty() {
    enclosed(|| {
        let authority = Authority::called("Client Trust");
        let postfix = visited(&authority);
        let node = crate::relaying_node(SHOWING);
        assert!(
            node.log()
                .contains("client-certificate-role: there is no certificate role default/mx"),
            "{}",
            node.log()
        );
        crate::submit("a@localhost", &["early@fund.example".to_owned()]);
        let trace = crate::traced(&node, "early@fund.example", "deferred");
        let outcome = crate::last_attempt(&trace)["outcome"].to_string();
        assert!(
            outcome.contains("4.3.0") && outcome.contains("certificate role default/mx"),
            "{outcome}"
        );
        done(
            &node,
            &["certificate", "role", "add", "mx", "--names", "mx.example.org"],
        );
        let bank = [
            "connector",
            "add",
            "outbound",
            "bank",
            "--recipient-domains",
            "bank.example",
        ];
        let bank = [
            &bank[..],
            &["--smart-hosts", "192.0.2.1:2613", "--client-certificate-role", "mx"],
        ]
        .concat();
        done(&node, &bank);
        let role = roles(&node).pop().expect("the role");
        let used_by = ["route \"fund\"", "outbound connector default/bank"];
        assert_eq!(role["used_by"], serde_json::json!(used_by));

        let called = |name: &str| authority.server_called(name, &["mx.example.org"]);
        import(&node, &called("first"), &[]);
        done(&node, &["queue", "retry", "--destination", "fund.example"]);
        let early = visitor(&postfix, "early@fund.example");
        assert!(early.contains("CN \"first\", Issuer \"Client Trust\""), "{early}");
        let staged = import(&node, &called("second"), &["--stage"]);
        let id = staged["certificate"]["id"].as_str().expect("an id");
        for (mailbox, shown) in [("before", "first"), ("after", "second")] {
            if shown == "second" {
                done(&node, &["certificate", "activate", id]);
            }
            for domain in ["fund.example", "bank.example"] {
                let recipient = format!("{mailbox}@{domain}");
                crate::submit("a@localhost", std::slice::from_ref(&recipient));
                let visitor = visitor(&postfix, &recipient);
                assert!(visitor.contains(&format!("CN \"{shown}\"")), "{recipient}: {visitor}");
            }
        }
    });
}

/// A Postfix that asks for certificates of clients.
fn visited(authority: &Authority) -> Postfix {
    let certificate = authority.server(&["mx.there.example"]);
    let options = ["smtpd_tls_ask_ccert=yes", "smtpd_tls_CAfile=/etc/postfix/chain.pem"];
    let listener = PostfixListener {
        address: (HOSTS[0], 2613).into(),
        certificate: certificate.clone(),
        options: options.map(ToOwned::to_owned).to_vec(),
    };
    let settings = PostfixSettings {
        address: ([127, 0, 0, 1], 2699).into(),
        domain: "there.example",
        certificate: Some(&certificate),
        relayhost: "",
        more: "virtual_mailbox_domains = static:all\n",
    };
    Postfix::start_with(&settings, &[listener])
}
