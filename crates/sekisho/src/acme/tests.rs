//! Authorities that answer badly: each way is a fault with words of its own, in bounded time, and nothing is lost.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use sekisho_testkit::{
    authority::{Authority, Pem},
    web::{WebAnswer, WebRequest, WebServer},
};
use sekisho_tls::{Verifier, sha256};
use tempfile::TempDir;

use super::*;
use crate::{
    clock,
    dns::{DnsResolver, DnsSettings, fake::FakeDns},
    fetch::{FetchSettings, Fetcher},
};

/// What an authority says, and where it departs from that.
struct Hostile {
    server: WebServer,
    folder: TempDir,
    pem: Pem,
    /// Answers by path, in place of the usual ones.
    odd: Arc<Mutex<HashMap<String, WebAnswer>>>,
    /// How long an exchange may take.
    patience: Duration,
}

/// No good exchange is so slow.
const PATIENT: Duration = Duration::from_secs(30);

const NONCE: &str = "Replay-Nonce: abcdef\r\n";

fn json(status: u16, fields: &str, body: &str) -> WebAnswer {
    let length = body.len();
    WebAnswer::Raw(
        format!(
            "HTTP/1.1 {status} X\r\n{NONCE}{fields}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

fn base(request: &WebRequest) -> String {
    format!("http://{}", request.field("host").unwrap_or_default())
}

fn order_body(base: &str, status: &str, more: &str) -> String {
    format!(
        r#"{{"status":"{status}","identifiers":[{{"type":"dns","value":"mx.us.example"}}],
            "authorizations":["{base}/authz"],"finalize":"{base}/finalize"{more}}}"#
    )
}

/// An authority for which every name is proved already.
fn usual(request: &WebRequest, chain: &str) -> WebAnswer {
    let base = base(request);
    match request.target() {
        "/dir" => json(
            200,
            "",
            &format!(
                r#"{{"newNonce":"{base}/nonce","newAccount":"{base}/account","newOrder":"{base}/new-order",
                    "revokeCert":"{base}/revoke","keyChange":"{base}/key"}}"#
            ),
        ),
        "/nonce" => WebAnswer::Raw(format!("HTTP/1.1 200 X\r\n{NONCE}Content-Length: 0\r\n\r\n").into_bytes()),
        "/account" => json(201, &format!("Location: {base}/account/1\r\n"), r#"{"status":"valid"}"#),
        "/new-order" => json(
            201,
            &format!("Location: {base}/order/1\r\n"),
            &order_body(&base, "ready", ""),
        ),
        "/order/1" => json(200, "", &order_body(&base, "ready", "")),
        "/finalize" => json(
            200,
            "",
            &order_body(&base, "valid", &format!(r#","certificate":"{base}/chain""#)),
        ),
        "/chain" => json(200, "", chain),
        _ => json(
            404,
            "",
            r#"{"type":"urn:ietf:params:acme:error:malformed","detail":"no such resource"}"#,
        ),
    }
}

impl Hostile {
    fn new() -> Self {
        let odd: Arc<Mutex<HashMap<String, WebAnswer>>> = Arc::default();
        let pem = Authority::new().server(&["mx.us.example"]);
        let (answers, chain) = (Arc::clone(&odd), pem.chain.clone());
        let server = WebServer::start((IpAddr::V4(Ipv4Addr::LOCALHOST), 0).into(), None, move |request| {
            let odd = answers.lock().unwrap().get(request.target()).cloned();
            odd.unwrap_or_else(|| usual(request, &chain))
        });
        Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            pem,
            odd,
            patience: PATIENT,
        }
    }

    fn answers(&self, path: &str, answer: WebAnswer) {
        self.odd.lock().unwrap().insert(path.to_owned(), answer);
    }

    fn base(&self) -> String {
        format!("http://ca.example:{}", self.server.address().port())
    }

    fn settings(&self) -> AcmeSettings {
        AcmeSettings {
            directory: format!("{}/dir", self.base()).parse().unwrap(),
            contact: Vec::new(),
            terms_accepted: false,
            challenge: ChallengeKind::Http01,
            profile: None,
            preferred_issuer: None,
            external_account: None,
            dns: None,
            trust: None,
            exchange_timeout: self.patience,
        }
    }

    fn order(&self) -> OrderRequest {
        let key = self.pem.pin();
        OrderRequest {
            names: vec!["mx.us.example".to_owned()],
            csr: b"anything".to_vec(),
            key: key.trim_start_matches("sha256:").parse().unwrap(),
            replaces: None,
        }
    }

    async fn issue_order(&self, order: &OrderRequest) -> Result<String, AcmeFault> {
        let dns = FakeDns::default().with_ipv4("ca.example", &[Ipv4Addr::LOCALHOST]);
        let verifier = Arc::new(Verifier::new(HashMap::new()));
        let fetcher = Fetcher::new(Arc::new(dns), verifier, FetchSettings::default());
        let opened = AcmeAccount::open(Arc::new(self.settings()), fetcher, self.folder.path(), clock::now());
        let resolver = DnsSettings {
            servers: vec![([127, 0, 0, 1], 9).into()],
            ..DnsSettings::default()
        };
        let means = ProofMeans {
            responders: Responders::default(),
            dns: Arc::new(DnsResolver::new(&resolver).unwrap()),
            own: Arc::from([]),
            zone_patience: Duration::from_secs(1),
            order_patience: Duration::from_secs(1),
        };
        opened.await?.issue(order, &means).await
    }

    async fn issue(&self) -> Result<String, AcmeFault> {
        self.issue_order(&self.order()).await
    }

    /// What goes wrong when this path is answered so.
    async fn fault(&self, path: &str, answer: WebAnswer) -> AcmeFault {
        self.answers(path, answer);
        let fault = self.issue().await.unwrap_err();
        self.odd.lock().unwrap().clear();
        fault
    }

    fn has_order(&self) -> bool {
        let folder = self.folder.path().join(self.settings().account_folder());
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .into_iter()
            .any(|file| file.file_name().to_string_lossy().starts_with("order-"))
    }
}

#[tokio::test]
async fn an_authority_without_fault_issues_and_nothing_is_left() {
    let authority = Hostile::new();
    assert_eq!(authority.issue().await, Ok(authority.pem.chain.clone()));
    assert!(!authority.has_order());
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart_and_the_next_try_succeeds() {
    let mut authority = Hostile::new();
    let html = |status| WebAnswer::Whole(status, "text/html", b"<h1>oops</h1>".to_vec());
    for (path, answer, kind, words) in [
        (
            "/dir",
            html(500),
            FaultKind::Malformed,
            "HTTP status 500 instead of an ACME directory",
        ),
        ("/dir", html(200), FaultKind::Malformed, "this is no ACME directory"),
        (
            "/dir",
            WebAnswer::Whole(200, "application/json", b"{}".to_vec()),
            FaultKind::Malformed,
            "newNonce",
        ),
        (
            "/dir",
            WebAnswer::redirect(302, "http://ca.example/other"),
            FaultKind::Unreachable,
            "redirects are not",
        ),
        ("/nonce", html(503), FaultKind::Malformed, "HTTP status 503"),
        (
            "/new-order",
            html(500),
            FaultKind::Malformed,
            "HTTP status 500 without a problem document (text/html)",
        ),
        (
            "/new-order",
            json(201, "", "{\"status\":\"rea"),
            FaultKind::Malformed,
            "none of ACME",
        ),
        ("/new-order", json(201, "", "[]"), FaultKind::Malformed, "none of ACME"),
        ("/new-order", WebAnswer::Reset, FaultKind::Unreachable, ""),
        (
            "/new-order",
            WebAnswer::Endless(b"HTTP/1.1 201 X\r\n\r\n".to_vec(), vec![b'x'; 4096]),
            FaultKind::Unreachable,
            "longer than 262144 octets",
        ),
        (
            "/new-order",
            WebAnswer::Drip(
                b"HTTP/1.1 201 X\r\nContent-Length: 9999\r\n\r\n".to_vec(),
                Duration::from_millis(50),
            ),
            FaultKind::Unreachable,
            "took longer than",
        ),
        (
            "/new-order",
            WebAnswer::redirect(307, "http://ca.example/other"),
            FaultKind::Unreachable,
            "redirect",
        ),
    ] {
        let is_slow = matches!(answer, WebAnswer::Drip(..));
        authority.patience = if is_slow { Duration::from_secs(2) } else { PATIENT };
        let fault = authority.fault(path, answer.clone()).await;
        assert_eq!(fault.kind, kind, "{path} {answer:?}: {fault}");
        assert!(fault.words.contains(words), "{path} {answer:?}: {fault}");
        assert!(fault.words.len() < 1500, "{path}: {}", fault.words.len());
    }
    authority.patience = PATIENT;
    assert_eq!(authority.issue().await, Ok(authority.pem.chain.clone()));
}

#[tokio::test]
async fn a_problem_is_told_with_its_words_and_its_retry_after_is_obeyed_for_a_day_at_most() {
    let authority = Hostile::new();
    let problem = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many \u001b[31mcertificates"}"#;
    let begun = clock::now();
    let fault = authority
        .fault("/new-order", json(429, "Retry-After: 31536000\r\n", problem))
        .await;
    assert_eq!(fault.kind, FaultKind::RateLimited);
    let until = fault.not_before.unwrap().since(begun);
    assert!(
        until >= RETRY_AFTER_MAX && until < RETRY_AFTER_MAX + Duration::from_secs(60),
        "{until:?}"
    );
    // As it came: it is escaped where it is shown.
    assert!(
        fault.words.contains("too many \u{1b}[31mcertificates (rateLimited)"),
        "{fault:?}"
    );
    let nonce = r#"{"type":"urn:ietf:params:acme:error:badNonce","detail":"no"}"#;
    let before = authority.server.requests().len();
    let fault = authority.fault("/new-order", json(400, "", nonce)).await;
    assert!(fault.words.contains("badNonce"), "{fault}");
    let asked = authority.server.requests().len() - before;
    assert!(asked < 10, "an authority that takes no nonce was asked {asked} times");
}

#[tokio::test]
async fn what_never_ends_is_left_and_taken_up_later() {
    let authority = Hostile::new();
    let processing = json(200, "", &order_body(&authority.base(), "processing", ""));
    authority.answers("/finalize", processing.clone());
    authority.answers("/order/1", processing);
    let fault = authority.issue().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unfinished, "{fault}");
    assert!(authority.has_order());
    let base = authority.base();
    let slow = json(200, "Retry-After: 31536000\r\n", &order_body(&base, "processing", ""));
    authority.answers("/order/1", slow);
    let begun = std::time::Instant::now();
    let fault = authority.issue().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unfinished, "{fault}");
    assert!(fault.not_before.is_some(), "{fault:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let valid = order_body(&base, "valid", &format!(r#","certificate":"{base}/chain""#));
    authority.answers("/order/1", json(200, "", &valid));
    let orders = |requests: Vec<WebRequest>| requests.iter().filter(|one| one.target() == "/new-order").count();
    assert_eq!(authority.issue().await, Ok(authority.pem.chain.clone()));
    assert_eq!(orders(authority.server.requests()), 1);
    assert!(!authority.has_order());
}

#[tokio::test]
async fn a_certificate_that_was_not_ordered_is_not_taken() {
    let authority = Hostile::new();
    let other = OrderRequest {
        key: sha256(b"another key"),
        ..authority.order()
    };
    let fault = authority.issue_order(&other).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::WrongCertificate, "{fault}");
    let fault = authority.fault("/chain", json(200, "", "no certificate at all")).await;
    assert_eq!(fault.kind, FaultKind::WrongCertificate, "{fault}");
    assert!(!authority.has_order());
    assert_eq!(authority.issue().await, Ok(authority.pem.chain.clone()));
}

#[tokio::test]
async fn the_directory_leads_into_nobodys_network() {
    let authority = Hostile::new();
    let inside =
        r#"{"newNonce":"http://127.0.0.1:25/","newAccount":"http://127.0.0.1:25/","newOrder":"http://127.0.0.1:25/"}"#;
    let fault = authority.fault("/dir", json(200, "", inside)).await;
    assert_eq!(fault.kind, FaultKind::Unreachable);
    assert!(fault.words.contains("not connected to"), "{fault}");
}
