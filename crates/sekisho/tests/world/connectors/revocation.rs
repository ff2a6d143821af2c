//! Certificates that were taken back, by CRL and by OCSP, of hosts and of clients: looked up by the real server from a
//! real web server, with what becomes of the mail while that cannot be reached.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sekisho_mail::Timestamp;
use sekisho_testkit::{
    authority::{Authority, Endpoints, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{self, Node},
    peer::{Fault, Peer},
    revocation::{Crl, Ocsp, OcspStatus},
    wait,
    web::{WebAnswer, WebRequest, WebServer},
};
use serde_json::Value;

use super::{Sender, apply, arrival, lines, refusal, service};
use crate::{last_attempt, outcome_of, relaying_node, submit, traced};

const ONCE: &str = "retry = [\"1h\"]\n";
const REVOKED: u64 = 7;
const GOOD: u64 = 8;

/// Where the authority publishes.
fn web() -> SocketAddr {
    (HOSTS[5], 80).into()
}

fn at(path: &str) -> String {
    format!("http://{}{path}", HOSTS[5])
}

fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// An authority's web server, which may be behind a firewall that refuses.
struct Publisher {
    is_shut: Arc<AtomicBool>,
    server: WebServer,
}

impl Publisher {
    fn start(answer: impl Fn(&WebRequest) -> WebAnswer + Send + Sync + 'static) -> Self {
        let is_shut = Arc::new(AtomicBool::new(false));
        let shut = Arc::clone(&is_shut);
        let server = WebServer::start(web(), None, move |request| {
            if shut.load(Ordering::Relaxed) {
                WebAnswer::Reset
            } else {
                answer(request)
            }
        });
        Self { is_shut, server }
    }

    fn shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::Relaxed);
    }

    fn asked_for(&self, path: &str) -> usize {
        let requests = self.server.requests();
        requests.iter().filter(|request| request.target() == path).count()
    }
}

/// A CRL of both authorities that revokes [`REVOKED`], and OCSP answers that say the same.
fn publish(root: &Arc<Authority>, intermediate: &Arc<Authority>) -> Publisher {
    let (root, intermediate) = (Arc::clone(root), Arc::clone(intermediate));
    Publisher::start(move |request| match request.target() {
        "/root.crl" => WebAnswer::ok(root.crl(&Crl::of(now()).revoking(REVOKED))),
        "/one.crl" => WebAnswer::ok(intermediate.crl(&Crl::of(now()))),
        "/two.crl" | "/i.crl" => WebAnswer::ok(intermediate.crl(&Crl::of(now()).revoking(REVOKED))),
        "/stranger.crl" => WebAnswer::ok(Authority::called("stranger").crl(&Crl::of(now()))),
        "/expired.crl" => WebAnswer::ok(intermediate.crl(&Crl::of(long_ago()))),
        "/ocsp" => {
            // The serial number stands in the question as it does in the answer.
            let asks = |serial: u64| {
                request
                    .body
                    .windows(3)
                    .any(|octets| octets == [0x02, 0x01, serial as u8])
            };
            let serial = if asks(REVOKED) { REVOKED } else { GOOD };
            let status = if serial == REVOKED {
                OcspStatus::Revoked(now())
            } else {
                OcspStatus::Good
            };
            WebAnswer::Whole(
                200,
                "application/ocsp-response",
                intermediate.ocsp(&Ocsp::of(serial, status, now())),
            )
        }
        _ => WebAnswer::Whole(404, "text/plain", Vec::new()),
    })
}

/// Long enough that no grace helps.
fn long_ago() -> Timestamp {
    now().minus(std::time::Duration::from_secs(60 * 24 * 3600))
}

/// One host, what its certificate is like, and what is expected.
struct Row {
    what: &'static str,
    certificate: Pem,
    more: &'static str,
    /// The status of a deferral; none where it is delivered.
    deferred: Option<&'static str>,
    /// What the evidence, or the reason why not, says.
    says: &'static str,
}

impl Row {
    fn delivered(what: &'static str, certificate: Pem, says: &'static str) -> Self {
        Self {
            what,
            certificate,
            more: "",
            deferred: None,
            says,
        }
    }

    fn deferred(what: &'static str, certificate: Pem, status: &'static str, says: &'static str) -> Self {
        Self {
            deferred: Some(status),
            ..Self::delivered(what, certificate, says)
        }
    }

    fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    fn domain(&self) -> String {
        format!("{}.example", self.what)
    }
}

fn rows(root: &Authority, intermediate: &Authority) -> Vec<Row> {
    let names = &["mx.there.example"];
    let crl = |path: &str| Endpoints::crl(at(path));
    let leaf = |serial, endpoints: &Endpoints| intermediate.server_with(names, serial, endpoints);
    let taken_back = root.intermediate_with(REVOKED, &crl("/root.crl"));
    vec![
        Row::delivered("good-by-crl", leaf(GOOD, &crl("/i.crl")), "not revoked ("),
        Row::deferred("revoked-by-crl", leaf(REVOKED, &crl("/i.crl")), "4.7.320", "revoked: "),
        Row::deferred(
            "by-the-second-point",
            leaf(REVOKED, &crl("/one.crl").and_crl(at("/two.crl"))),
            "4.7.320",
            "/two.crl",
        ),
        Row::deferred("intermediate", taken_back.server(names), "4.7.320", "revoked: "),
        Row::delivered("good-by-ocsp", leaf(GOOD, &Endpoints::ocsp(at("/ocsp"))), "OCSP"),
        Row::deferred(
            "revoked-by-ocsp",
            leaf(REVOKED, &Endpoints::ocsp(at("/ocsp"))),
            "4.7.320",
            "revoked: ",
        ),
        Row::deferred("missing", leaf(GOOD, &crl("/none.crl")), "4.3.5", "/none.crl"),
        Row::deferred(
            "foreign-signer",
            leaf(GOOD, &crl("/stranger.crl")),
            "4.3.5",
            "/stranger.crl",
        ),
        Row::deferred("expired-crl", leaf(GOOD, &crl("/expired.crl")), "4.3.5", "/expired.crl"),
        Row::delivered("soft", leaf(GOOD, &crl("/none.crl")), "not known: ").with("revocation = \"soft_fail\"\n"),
        Row::deferred(
            "soft-and-revoked",
            leaf(REVOKED, &crl("/i.crl")),
            "4.7.320",
            "revoked: ",
        )
        .with("revocation = \"soft_fail\"\n"),
        Row::delivered("off", leaf(REVOKED, &crl("/i.crl")), "not checked").with("revocation = \"off\"\n"),
        Row::delivered("no-endpoint", root.server(names), "not revocable: "),
        Row::deferred("no-endpoint-refused", root.server(names), "4.7.320", "not revocable: ")
            .with("refuse_not_revocable = true\n"),
        Row::delivered("encryption", leaf(REVOKED, &crl("/i.crl")), "not checked")
            .with("tls_settings = \"encryption_only\"\n"),
    ]
}

fn connector(row: &Row, anchor: &str, host: SocketAddr) -> String {
    let domain = row.domain();
    let settings = if row.more.contains("tls_settings") {
        String::new()
    } else {
        format!(
            "tls_settings = \"certificate_validation\"\ntrust_anchors = {}\n",
            lines(anchor)
        )
    };
    format!(
        "[[outbound_connector]]\nname = \"{domain}\"\nrecipient_domains = [\"{domain}\"]\n\
         smart_hosts = [\"{host}\"]\n{ONCE}{settings}{}",
        row.more
    )
}

fn retry(node: &Node) {
    let output = node.run(&["queue", "retry", "--destination", "bank.example"]);
    assert!(output.status.success(), "{output:?}");
}

fn status(attempt: &Value) -> Option<&str> {
    attempt["outcome"]["why"]["status"].as_str()
}

#[test]
fn a_host_whose_certificate_was_taken_back_gets_no_mail_and_who_cannot_be_asked_makes_it_wait() {
    enclosed(|| {
        let root = Arc::new(Authority::new());
        let intermediate = Arc::new(root.intermediate_with(GOOD, &Endpoints::crl(at("/root.crl"))));
        let publisher = publish(&root, &intermediate);
        let rows = rows(&root, &intermediate);
        let (mut directory, mut peers) = (String::new(), Vec::new());
        for (place, row) in (2600..).zip(&rows) {
            let address = (HOSTS[1], place).into();
            peers.push(Peer::start(address, Some(&row.certificate), Fault::None));
            directory += &connector(row, root.anchor(), address);
        }
        let node = relaying_node("");
        apply(&node, &directory);
        let recipients: Vec<String> = rows.iter().map(|row| format!("bob@{}", row.domain())).collect();
        submit("alice@localhost", &recipients);
        let traces = crate::all_attempted(&node, &recipients);
        let mut wrong = Vec::new();
        for (row, trace) in rows.iter().zip(&traces) {
            let attempt = last_attempt(trace);
            let wanted = if row.deferred.is_some() {
                "deferred"
            } else {
                "delivered"
            };
            let said = attempt["channel"]["revocation"].as_str().unwrap_or_default();
            let is_right = outcome_of(attempt) == wanted && status(attempt) == row.deferred;
            if !is_right || !said.contains(row.says) {
                wrong.push(format!("{}: not {wanted} {:?}: {attempt:#}", row.what, row.deferred));
            }
        }
        assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), node.log());
        // What several needed at a time was asked for once.
        assert_eq!(publisher.asked_for("/i.crl"), 1);
        assert!(node::metric("sekisho_revocation_fetches_total{kind=\"crl\",result=\"taken\"}") >= Some(4));
        drop(peers);
    });
}

#[test]
fn mail_that_waits_for_a_crl_goes_when_the_firewall_is_opened_and_a_restart_needs_nobody() {
    enclosed(|| {
        let root = Arc::new(Authority::new());
        let intermediate = Arc::new(root.intermediate_with(GOOD, &Endpoints::crl(at("/root.crl"))));
        let publisher = publish(&root, &intermediate);
        let certificate = intermediate.server_with(&["mx.there.example"], GOOD, &Endpoints::crl(at("/i.crl")));
        let row = Row::delivered("bank", certificate, "");
        let address = (HOSTS[1], 2600).into();
        let peer = Peer::start(address, Some(&row.certificate), Fault::None);
        let mut node = relaying_node("");
        apply(&node, &connector(&row, root.anchor(), address));

        publisher.shut(true);
        submit("alice@localhost", &["one@bank.example".to_owned()]);
        let trace = traced(&node, "one@bank.example", "deferred");
        let attempt = last_attempt(&trace);
        assert_eq!(status(attempt), Some("4.3.5"), "{attempt:#}");
        let why = attempt["outcome"].to_string();
        assert!(
            why.contains("/i.crl") && why.contains(&at("")[7..]),
            "which endpoint: {why}"
        );
        // An exception lets it pass until then, and says so.
        let exception = format!(
            "[[exception]]\nname = \"firewall\"\nowner = \"Alice\"\nreason = \"port 80 is shut\"\nuntil = \"{}\"\n\
             outbound_connector = \"bank.example\"\nallows = \"unknown_revocation\"\n",
            crate::in_a_month()
        );
        let without = connector(&row, root.anchor(), address);
        apply(&node, &(without.clone() + &exception));
        retry(&node);
        let trace = traced(&node, "one@bank.example", "delivered");
        let decision = last_attempt(&trace)["decision"].to_string();
        assert!(decision.contains("exception"), "{trace:#}");

        apply(&node, &without);
        submit("alice@localhost", &["two@bank.example".to_owned()]);
        traced(&node, "two@bank.example", "deferred");
        publisher.shut(false);
        // An address that failed is left alone for a minute; a restart forgets that.
        node.terminate();
        node.resume();
        retry(&node);
        let trace = traced(&node, "two@bank.example", "delivered");
        let said = last_attempt(&trace)["channel"]["revocation"].to_string();
        assert!(said.contains("not revoked (") && said.contains("/i.crl"), "{said}");

        // What was fetched is there after a restart although nobody answers any more.
        publisher.shut(true);
        let before = publisher.asked_for("/i.crl");
        node.terminate();
        node.resume();
        submit("alice@localhost", &["three@bank.example".to_owned()]);
        traced(&node, "three@bank.example", "delivered");
        assert_eq!(publisher.asked_for("/i.crl"), before, "{}", node.log());
        assert_eq!(peer.count(), 3);
    });
}

#[test]
fn a_partner_whose_certificate_was_taken_back_is_refused_and_one_of_whom_nobody_can_say_is_put_off() {
    enclosed(|| {
        let root = Arc::new(Authority::new());
        let intermediate = Arc::new(root.intermediate_with(GOOD, &Endpoints::crl(at("/root.crl"))));
        let publisher = publish(&root, &intermediate);
        let restricted = |name: &str, more: &str| {
            format!(
                "[[inbound_connector]]\nname = \"{name}\"\nsender_domains = [\"{name}.example\"]\n\
                 tls_sender_certificate_name = \"mail.{name}.example\"\nrestrict_domains_to_certificate = true\n\
                 trust_anchors = {}\n{more}",
                lines(root.anchor())
            )
        };
        let directory = restricted("bank", "")
            + &restricted("fund", "revocation = \"soft_fail\"\n")
            + &restricted("town", "refuse_not_revocable = true\n");
        let node: Node = service(
            "[local]\ndomains = [\"here.example\"]\nusers = [\"inbox\"]\n",
            &directory,
        );
        let swaks = Swaks::new();
        let root_crl = Endpoints::crl(at("/root.crl"));
        // swaks sends the leaf alone, so the root signs.
        let client = |name: &str, of: &str, serial, endpoints: &Endpoints| {
            let pem = root.client_with(&format!("mail.{of}.example"), serial, endpoints);
            Sender::at(HOSTS[2]).with(&swaks, name, &pem)
        };
        let missing = Endpoints::crl(at("/none.crl"));
        let good = client("good", "bank", GOOD, &root_crl);
        let revoked = client("revoked", "bank", REVOKED, &root_crl);
        let unknown = client("unknown", "bank", GOOD, &missing);
        let soft = client("soft", "fund", GOOD, &missing);
        let soft_revoked = client("soft-revoked", "fund", REVOKED, &root_crl);
        let endless = client("endless", "bank", GOOD, &Endpoints::default());
        let endless_refused = client("endless-refused", "town", GOOD, &Endpoints::default());
        for (sender, from, to, wanted) in [
            (&good, "a@bank.example", "inbox@here.example", "250"),
            (&revoked, "a@bank.example", "inbox+revoked@here.example", "550 5.7.51"),
            (&unknown, "a@bank.example", "inbox+unknown@here.example", "451"),
            (&soft, "a@fund.example", "inbox@here.example", "250"),
            (&soft_revoked, "a@fund.example", "inbox+soft@here.example", "550 5.7.51"),
            (&endless, "a@bank.example", "inbox@here.example", "250"),
            (
                &endless_refused,
                "a@town.example",
                "inbox+endless@here.example",
                "550 5.7.51",
            ),
        ] {
            let reply = sender.asks(&swaks, from, to);
            assert!(
                reply.starts_with(wanted),
                "{sender} from {from}: {reply}\n{}",
                node.log()
            );
        }
        let reply = good.sends(&swaks, "a@bank.example", "inbox@here.example");
        assert!(reply.starts_with("250"), "{reply}");
        let said = arrival(&node, "inbox@here.example")["revocation"].to_string();
        assert!(said.contains("not revoked (") && said.contains("/root.crl"), "{said}");
        let (_, text) = refusal(&node, "inbox+revoked@here.example");
        assert!(text.contains("revoked: "), "{text}");
        assert_eq!(publisher.asked_for("/root.crl"), 1, "{:?}", publisher.server.requests());
        wait::until("the folder of what was fetched", || {
            let folder = node.folder().join("sekisho-data/revocation");
            std::fs::read_dir(folder)
                .is_ok_and(|entries| entries.count() > 0)
                .then_some(())
        });
    });
}
