//! What an outbound connector demands of TLS, against a real Postfix that is wrong in one way each.
//!
//! Between us and Postfix somebody listens, so that a test can say what was on the wire in the clear; and it is what
//! strips STARTTLS where that is the matter.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Cell, Postfix, PostfixListener, PostfixSettings},
    node::Node,
    peer::{Fault, Peer},
    tap::{Passing, Tap},
};
use serde_json::Value;

use super::{apply, authorities, lines};
use crate::{all_attempted, last_attempt, outcome_of, relaying_node, submit, tls_version};

/// The name that certificates are for.
const NAME: &str = "mx.there.example";
/// Begins every address of mail that must not be seen in the clear.
const SECRET: &str = "topsecret";
/// Once is enough.
const ONCE: &str = "retry = [\"1h\"]\n";

/// What is wrong with a server, and what it is good for all the same.
struct Server {
    what: &'static str,
    certificate: Pem,
    options: Vec<String>,
    passing: Passing,
    /// A handshake with us comes to its end.
    tls: bool,
    /// The chain leads to the authority and is valid today.
    path: bool,
    /// It names the host that is wanted.
    name: bool,
}

impl Server {
    /// Nothing is wrong with it.
    fn good(what: &'static str, certificate: Pem) -> Self {
        Self {
            what,
            certificate,
            options: Vec::new(),
            passing: Passing::All,
            tls: true,
            path: true,
            name: true,
        }
    }

    fn without_path(what: &'static str, certificate: Pem) -> Self {
        let good = Self::good(what, certificate);
        Self { path: false, ..good }
    }

    /// No TLS comes about, by these options of Postfix.
    fn without_tls(what: &'static str, certificate: Pem, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let good = Self::good(what, certificate);
        Self {
            options,
            tls: false,
            ..good
        }
    }
}

/// OpenSSL 3 speaks what was given up only where its security level is lowered.
const OLD: &str = "tls_medium_cipherlist=DEFAULT:@SECLEVEL=0";
/// Key transport by RSA, without forward secrecy.
const RSA: &str = "tls_medium_cipherlist=AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-SHA:AES128-SHA";

fn servers(root: &Authority, intermediate: &Authority) -> Vec<Server> {
    let names = &[NAME];
    let good = || intermediate.server(names);
    let mut wrong_name = Server::good("wrong-name", root.server(&["mx.other.example"]));
    wrong_name.name = false;
    let mut stripped = Server::without_tls("stripped", good(), &[]);
    stripped.passing = Passing::NoStartTls;
    let rsa = root.server_with_rsa(names);
    vec![
        Server::good("good", good()),
        Server::without_tls("no-starttls", good(), &["smtpd_tls_security_level=none"]),
        stripped,
        Server::without_tls("tls-1-1-alone", good(), &["smtpd_tls_protocols=TLSv1.1", OLD]),
        Server::without_tls("rsa-key-exchange-alone", rsa, &["smtpd_tls_protocols=TLSv1.2", RSA]),
        Server::without_path("self-signed", self_signed(names)),
        Server::without_path("expired", root.expired(names)),
        Server::without_path("not-yet-valid", root.not_yet_valid(names)),
        Server::without_path("untrusted-root", Authority::called("stranger").server(names)),
        Server::without_path("missing-intermediate", good().leaf_alone()),
        wrong_name,
    ]
}

/// Where Postfix has its listener for a server of this place in the list.
fn behind(place: usize) -> SocketAddr {
    ([127, 0, 0, 1], 2700 + u16::try_from(place).expect("they are few")).into()
}

/// Where we are to find it.
fn before(place: usize) -> SocketAddr {
    (HOSTS[0], behind(place).port()).into()
}

/// One Postfix with a listener for each, which keeps whatever it gets, and who listens before them.
fn start(servers: &[Server]) -> (Postfix, Vec<Tap>) {
    let listeners: Vec<PostfixListener> = servers
        .iter()
        .enumerate()
        .map(|(place, server)| PostfixListener {
            address: behind(place),
            certificate: server.certificate.clone(),
            options: server.options.clone(),
        })
        .collect();
    let settings = PostfixSettings {
        address: ([127, 0, 0, 1], 2699).into(),
        domain: "there.example",
        certificate: Some(&servers[0].certificate),
        relayhost: "",
        more: "virtual_mailbox_domains = static:all\n",
    };
    let postfix = Postfix::start_with(&settings, &listeners);
    let taps = servers.iter().enumerate();
    let taps = taps.map(|(place, server)| Tap::start(before(place), behind(place), server.passing));
    (postfix, taps.collect())
}

/// One line of a table: whose mail goes to which server, and what it comes to.
struct Row {
    what: String,
    domain: String,
    server: usize,
    /// The status of a deferral; none where it is delivered.
    deferred: Option<&'static str>,
    /// Whether it goes under TLS, where it goes.
    tls: bool,
    /// Whether it may never be seen in the clear.
    secret: bool,
}

impl Row {
    fn recipient(&self) -> String {
        let user = if self.secret { SECRET } else { "anybody" };
        format!("{user}@{}", self.domain)
    }

    fn connector(&self, more: &str) -> String {
        let (domain, host) = (&self.domain, before(self.server));
        format!(
            "[[outbound_connector]]\nname = \"{domain}\"\nrecipient_domains = [\"{domain}\"]\n\
             smart_hosts = [\"{host}\"]\n{ONCE}{more}"
        )
    }
}

/// Sends a message for each row, and holds what becomes of it against the row.
fn assert_rows(node: &Node, rows: &[Row], taps: &[Tap]) -> Vec<Value> {
    let recipients: Vec<String> = rows.iter().map(Row::recipient).collect();
    submit("topsecret-sender@localhost", &recipients[..]);
    let traces = all_attempted(node, &recipients);
    let mut wrong = Vec::new();
    for (row, trace) in rows.iter().zip(&traces) {
        let attempt = last_attempt(trace);
        let status = attempt["outcome"]["why"]["status"].as_str();
        let wanted = if row.deferred.is_some() {
            "deferred"
        } else {
            "delivered"
        };
        let tls = tls_version(attempt).is_some();
        let is_right = outcome_of(attempt) == wanted && status == row.deferred;
        if !is_right || (row.deferred.is_none() && tls != row.tls) {
            wrong.push(format!("{}: not {wanted} {:?}: {attempt:#}", row.what, row.deferred));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (place, tap) in taps.iter().enumerate() {
        assert!(tap.connections() > 0, "server {place} was never asked");
        assert!(
            !tap.saw_in_the_clear("topsecret@"),
            "server {place} saw it in the clear"
        );
    }
    traces
}

/// Who verified a certificate says what is known of its being revoked, wherever that is shown: these name no endpoint.
fn assert_revocation_is_said(node: &Node, traces: &[Value]) {
    let mut said = 0;
    for trace in traces {
        let channel = &last_attempt(trace)["channel"];
        let verdicts = channel["security"]["tls"]["verdicts"].to_string();
        let text = channel["revocation"].as_str();
        let begins = match (verdicts.contains("\"path\""), verdicts.contains("\"revocation\"")) {
            (false, _) => None,
            (true, false) => Some(["not checked"; 2]),
            (true, true) => Some(["not revocable: ", "not looked up: "]),
        };
        let is_right = match (begins, text) {
            (None, None) => true,
            (Some(begins), Some(text)) => begins.iter().any(|one| text.starts_with(one)),
            _ => false,
        };
        assert!(is_right, "{begins:?}: {channel:#}");
        said += usize::from(text.is_some());
    }
    let shown = node.run(&["trace", "--limit", "1000"]);
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(
        said > 0 && shown.matches(", revocation: not ").count() >= said,
        "{shown}"
    );
}

/// Each of Exchange's settings against each server. What is expected follows from what each server is good for and each
/// setting demands; none is picked.
#[test]
fn every_setting_against_every_server_has_the_outcome_that_follows() {
    enclosed(|| {
        let (root, intermediate) = authorities();
        let servers = servers(&root, &intermediate);
        let (postfix, taps) = start(&servers);
        let anchors = format!("trust_anchors = {}\n", lines(root.anchor()));
        let by_name = format!("{anchors}tls_domain = \"{NAME}\"\n");
        let (mut directory, mut rows) = (String::new(), Vec::new());
        for (setting, tls, path, name, more) in [
            ("opportunistic", false, false, false, ""),
            ("encryption_only", true, false, false, ""),
            ("certificate_validation", true, true, false, &anchors),
            ("domain_validation", true, true, true, &by_name),
        ] {
            for (place, server) in servers.iter().enumerate() {
                let deferred = match (tls && !server.tls, path && !server.path || name && !server.name) {
                    (true, _) => Some("4.4.317"),
                    (false, true) => Some("4.7.320"),
                    (false, false) => None,
                };
                let row = Row {
                    what: format!("{setting}, {}", server.what),
                    domain: format!("{}.{}.example", server.what, setting.replace('_', "-")),
                    server: place,
                    deferred,
                    tls: server.tls,
                    secret: tls,
                };
                directory += &row.connector(&format!("tls_settings = \"{setting}\"\n{more}"));
                rows.push(row);
            }
        }
        let node = relaying_node("");
        apply(&node, &directory);
        let traces = assert_rows(&node, &rows, &taps);
        assert_evidence(&traces, &rows, &servers);
        assert_revocation_is_said(&node, &traces);
        assert_old_tls_is_spoken(&servers, &postfix);

        // What came in by Postfix's own account: the mail of the rows that are delivered, under TLS where it is said.
        let delivered = rows.iter().filter(|row| row.deferred.is_none());
        let inbox = sekisho_testkit::wait::until_or(
            "all that was delivered",
            || Some(postfix.inbox()).filter(|inbox| inbox.len() == delivered.clone().count()),
            || postfix.log(),
        );
        let of_them = |word: &str| {
            inbox
                .iter()
                .filter(|message| String::from_utf8_lossy(message).contains(word))
                .count()
        };
        let under_tls = delivered.filter(|row| row.tls).count();
        assert_eq!(of_them("(using TLSv1."), under_tls, "{}", postfix.log());
    });
}

/// Each server was refused for what is wrong with it, and the evidence says who demanded what, of whom.
fn assert_evidence(traces: &[Value], rows: &[Row], servers: &[Server]) {
    for (row, trace) in rows.iter().zip(traces).filter(|(row, _)| row.deferred.is_some()) {
        let attempt = last_attempt(trace);
        let why = &attempt["outcome"]["why"];
        let said = format!("{} {}", why["text"], attempt["failed_handshakes"]);
        let words: &[&str] = match servers[row.server].what {
            "no-starttls" | "stripped" => &["STARTTLS is required to send mail: STARTTLS was not offered"],
            "tls-1-1-alone" => &["handshake", "rotocol"],
            "rsa-key-exchange-alone" => &["handshake"],
            "self-signed" => &["self-signed"],
            "expired" => &["expired"],
            "not-yet-valid" => &["valid only from"],
            "wrong-name" => &["mx.other.example"],
            "untrusted-root" => &["no path leads to a trusted issuer", "CN=stranger"],
            "missing-intermediate" => &[
                "incomplete chain: the certificate of its issuer",
                "CN=Sekisho test intermediate",
                "was not presented and is not among the trust anchors",
            ],
            other => panic!("{other} is good"),
        };
        for word in words {
            assert!(said.contains(word), "{}: no {word:?} in {said}", row.what);
        }
        let unmet = why["unmet"].as_str().unwrap_or_default();
        assert!(
            unmet.contains(&format!("connector \"default/{}\"", row.domain)),
            "{unmet}"
        );
        assert!(
            why["host"]
                .to_string()
                .contains(&format!(":{}", before(row.server).port())),
            "{why}"
        );
        if row.domain.contains("domain-validation") && row.deferred == Some("4.7.320") {
            assert!(unmet.contains(NAME), "{unmet}");
        }
    }
}

/// That two of the servers are what they are called, a client shows that speaks what we do not.
fn assert_old_tls_is_spoken(servers: &[Server], postfix: &Postfix) {
    let cell = Cell::new();
    for (what, version, shown) in [
        ("tls-1-1-alone", "-tls1_1", "TLSv1.1"),
        ("rsa-key-exchange-alone", "-tls1_2", "AES256-GCM-SHA384"),
    ] {
        let place = servers.iter().position(|server| server.what == what);
        let server = behind(place.expect("it is one of them")).to_string();
        let rest = ["-cipher", "ALL:@SECLEVEL=0", "-connect", &server];
        let arguments = [&["s_client", "-brief", "-starttls", "smtp", version], &rest[..]].concat();
        let output = cell.run("/usr/bin/openssl", &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("CONNECTION ESTABLISHED") && said.contains(shown),
            "{said}\n{}",
            postfix.log()
        );
    }
}

/// A row about a server that does TLS.
fn row(what: &str, server: usize, deferred: Option<&'static str>) -> Row {
    Row {
        what: what.to_owned(),
        domain: format!("{what}.example"),
        server,
        deferred,
        tls: true,
        secret: true,
    }
}

/// `tls_domain = "*.there.example"`, against servers with a certificate each.
#[test]
fn a_name_with_a_star_is_met_by_the_domain_itself_by_all_below_and_by_that_very_text() {
    enclosed(|| {
        let root = Authority::new();
        let table = [
            ("itself", "there.example", None),
            ("below", "mx.there.example", None),
            ("deep", "a.b.there.example", None),
            ("literally", "*.there.example", None),
            ("wildcard-below", "*.mx.there.example", None),
            ("beside", "mx.other.example", Some("4.7.320")),
            ("suffix", "elsewhere-there.example", Some("4.7.320")),
            ("above", "*.example", Some("4.7.320")),
        ];
        let servers = table.map(|(what, name, _)| Server::good(what, root.server(&[name])));
        let (_postfix, taps) = start(&servers);
        let (mut directory, mut rows) = (String::new(), Vec::new());
        for (place, (what, _, deferred)) in table.into_iter().enumerate() {
            let row = row(what, place, deferred);
            directory += &row.connector(&format!(
                "tls_settings = \"domain_validation\"\ntls_domain = \"*.there.example\"\ntrust_anchors = {}\n",
                lines(root.anchor())
            ));
            rows.push(row);
        }
        let node = relaying_node("");
        apply(&node, &directory);
        for (row, trace) in rows.iter().zip(assert_rows(&node, &rows, &taps)) {
            let why = &last_attempt(&trace)["outcome"]["why"];
            let unmet = why["unmet"].as_str().unwrap_or_default();
            assert_eq!(unmet.contains("**.there.example"), row.deferred.is_some(), "{why}");
        }
    });
}

/// What is demanded beside the setting, or without any: keys and versions.
#[test]
fn pins_and_the_oldest_version_are_demanded_beside_the_setting() {
    enclosed(|| {
        let root = Authority::new();
        let certificate = root.server(&[NAME]);
        let mut servers = vec![
            Server::good("new", certificate.clone()),
            Server::good("old", certificate.clone()),
        ];
        servers[1].options = vec!["smtpd_tls_protocols=TLSv1.2".to_owned()];
        let (_postfix, taps) = start(&servers);
        let (pin, other) = (certificate.pin(), root.server(&[NAME]).pin());
        let table = [
            (row("pin", 0, None), format!("pins = [\"{pin}\"]\n")),
            (row("other-pin", 0, Some("4.7.320")), format!("pins = [\"{other}\"]\n")),
            (
                row("one-of-two-pins", 0, None),
                format!("pins = [\"{other}\", \"{pin}\"]\n"),
            ),
            (
                row("other-pin-with-encryption", 0, Some("4.7.320")),
                format!("tls_settings = \"encryption_only\"\npins = [\"{other}\"]\n"),
            ),
            // The right key mends no chain.
            (
                row("pin-without-path", 0, Some("4.7.320")),
                format!("tls_settings = \"certificate_validation\"\npins = [\"{pin}\"]\n"),
            ),
            (row("new-version", 0, None), "min_tls_version = \"1.3\"\n".to_owned()),
            (
                row("old-version", 1, Some("4.4.317")),
                "min_tls_version = \"1.3\"\n".to_owned(),
            ),
            (
                row("old-will-do", 1, None),
                "tls_settings = \"encryption_only\"\n".to_owned(),
            ),
        ];
        let directory: String = table.iter().map(|(row, more)| row.connector(more)).collect();
        let node = relaying_node("");
        apply(&node, &directory);
        let rows: Vec<Row> = table.into_iter().map(|(row, _)| row).collect();
        assert_rows(&node, &rows, &taps);
    });
}

/// Only what is named is offered, so that a server which has none of it ends the handshake.
#[test]
fn the_key_exchange_uses_one_of_the_groups_that_are_named_or_nothing_leaves() {
    enclosed(|| {
        let certificate = Authority::new().server(&[NAME]);
        let mut servers = vec![
            Server::good("curve", certificate.clone()),
            Server::good("old", certificate.clone()),
        ];
        servers[0].options = vec!["tls_eecdh_auto_curves=X25519".to_owned()];
        servers[1].options = vec!["smtpd_tls_protocols=TLSv1.2".to_owned()];
        let (_postfix, taps) = start(&servers);
        // No foreign server here offers the hybrid: Postfix and Exim come with OpenSSL 3.0, and OpenSMTPD 7.6 chooses
        // its groups itself.
        let hybrid = Peer::start((HOSTS[1], 25).into(), Some(&certificate), Fault::None);
        let groups = |names: &str| format!("key_exchange_groups = [{names}]\n");
        let table = [
            (row("no-hybrid", 0, Some("4.4.317")), groups("\"X25519MLKEM768\"")),
            (row("other-group", 0, Some("4.4.317")), groups("\"secp384r1\"")),
            (row("group-in-tls-1-2", 1, None), groups("\"secp256r1\"")),
            // In TLS 1.2 the groups are the curves of ECDSA certificates too, and this one is on P-256.
            (
                row("other-curve-in-tls-1-2", 1, Some("4.4.317")),
                groups("\"secp384r1\""),
            ),
            (row("one-of-two-groups", 0, None), groups("\"secp384r1\", \"X25519\"")),
        ];
        let mut directory: String = table.iter().map(|(row, more)| row.connector(more)).collect();
        directory += "[[outbound_connector]]\nname = \"hybrid\"\nrecipient_domains = [\"hybrid.example\"]\n\
                      smart_hosts = [\"192.0.2.2\"]\nkey_exchange_groups = [\"X25519MLKEM768\"]\n";
        let node = relaying_node("");
        apply(&node, &directory);
        let rows: Vec<Row> = table.into_iter().map(|(row, _)| row).collect();
        assert_rows(&node, &rows, &taps);
        submit("a@localhost", &["topsecret@hybrid.example".to_owned()]);
        let message = crate::traced(&node, "topsecret@hybrid.example", "delivered");
        let group = &last_attempt(&message)["channel"]["security"]["tls"]["group"];
        assert_eq!(group, "X25519MLKEM768", "{message:#}");
        assert!(!hybrid.saw_in_the_clear(SECRET));
    });
}
