//! Endpoints that are gathered and tried: each cause by its own word, and what is kept of a failure.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicBool, Ordering},
};

use sekisho_api::Severity;
use sekisho_mail::Domain;
use sekisho_store::model::{ModelDisk, ModelSettings};
use sekisho_testkit::{
    authority::{Authority, Endpoints as Named, Pem},
    revocation::{Crl, Ocsp, OcspStatus},
    web::{WebAnswer, WebServer},
};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::*;
use crate::{
    alerts::{AlertMetrics, AlertSettings},
    dns::fake::FakeDns,
    fetch::FetchSettings,
    outbound::testing::configured,
};

const SERIAL: u64 = 4711;

fn fetcher() -> Fetcher {
    let dns = FakeDns::default().with_ipv4("pki.example", &[Ipv4Addr::LOCALHOST]);
    Fetcher::new(
        Arc::new(dns),
        Arc::new(Verifier::new(HashMap::new())),
        FetchSettings::default(),
    )
}

/// `pki.example` may be on loopback, for certificates of this authority.
fn exceptions(authority: &Authority) -> HashMap<Digest, FetchExceptions> {
    let anchors = AnchorSet::parse(authority.anchor(), "test").unwrap();
    let key = anchors.anchors().next().unwrap().spki_sha256;
    let hosts = vec![Domain::parse("pki.example").unwrap()];
    let exceptions = FetchExceptions {
        hosts,
        networks: Vec::new(),
    };
    HashMap::from([(key, exceptions)])
}

fn of_pem(name: &str, pem: &str) -> EndpointTarget {
    EndpointTarget {
        name: Some(name.to_owned()),
        pem: Some(pem.to_owned()),
        ..EndpointTarget::default()
    }
}

fn named_here(targets: &[EndpointTarget]) -> Result<Gathered, EndpointError> {
    named(targets, &AnchorSet::bundled())
}

/// What becomes of the one endpoint of this kind that a certificate names.
async fn tried(certificate: &Pem, exceptions: &HashMap<Digest, FetchExceptions>) -> EndpointView {
    let gathered = named_here(&[of_pem("mx.pem", &certificate.chain)]).unwrap();
    assert_eq!(gathered.endpoints.len(), 1, "{gathered:?}");
    check(&fetcher(), &gathered.endpoints[0], exceptions).await
}

fn word(view: &EndpointView) -> &str {
    view.cause.as_deref().unwrap_or("OK")
}

#[tokio::test]
async fn what_a_crl_endpoint_serves_is_judged_by_the_issuer_and_each_cause_has_its_own_word() {
    let (authority, namesake) = (Authority::new(), Authority::new());
    let now = clock::now();
    let good = authority.crl(&Crl::of(now).revoking(7));
    let forged = namesake.crl(&Crl::of(now));
    let ended = Crl {
        next_update: Some(now.minus(Duration::from_secs(60))),
        ..Crl::of(now.minus(Duration::from_secs(7200)))
    };
    let ended = authority.crl(&ended);
    let server = WebServer::start(
        (IpAddr::V4(Ipv4Addr::LOCALHOST), 0).into(),
        None,
        move |request| match request.target() {
            "/good" => WebAnswer::ok(good.clone()),
            "/moved" => WebAnswer::redirect(301, "/good"),
            "/forged" => WebAnswer::ok(forged.clone()),
            "/ended" => WebAnswer::ok(ended.clone()),
            "/page" => WebAnswer::Whole(200, "text/html", b"<html>a page</html>".to_vec()),
            _ => WebAnswer::Whole(404, "text/plain", Vec::new()),
        },
    );
    let base = format!("http://pki.example:{}", server.address().port());
    let allowed = exceptions(&authority);
    for (path, wanted) in [
        ("/good", "OK"),
        ("/moved", "OK"),
        ("/forged", "signature"),
        ("/ended", "expired"),
        ("/page", "content"),
        ("/none", "http-status"),
    ] {
        let leaf = authority.server_with(&["mx.example"], SERIAL, &Named::crl(format!("{base}{path}")));
        let view = tried(&leaf, &allowed).await;
        assert_eq!(word(&view), wanted, "{path}: {view:?}");
        assert_eq!(
            (view.works, view.verified),
            (wanted == "OK", wanted == "OK"),
            "{path}: {view:?}"
        );
        assert_eq!(view.next_update.is_some(), view.works, "{path}: {view:?}");
        assert_eq!(view.used_by, ["mx.pem"]);
    }
    for (url, wanted) in [
        ("http://absent.example/a.crl", "no-such-name"),
        ("http://127.0.0.1/a.crl", "filtered"),
        ("http://pki.example:1/a.crl", "refused"),
    ] {
        let leaf = authority.server_with(&["mx.example"], SERIAL, &Named::crl(url));
        let view = tried(&leaf, &allowed).await;
        assert_eq!((word(&view), view.works), (wanted, false), "{url}: {view:?}");
    }
    // Nobody has excepted what other authorities name.
    let leaf = authority.server_with(&["mx.example"], SERIAL, &Named::crl(format!("{base}/good")));
    assert_eq!(word(&tried(&leaf, &HashMap::new()).await), "filtered");
    // Without its issuer a CRL is looked at, and not verified.
    let view = tried(&leaf.leaf_alone(), &HashMap::new()).await;
    assert!(!view.verified);
}

#[tokio::test]
async fn a_responder_is_really_asked_and_an_issuers_certificate_must_be_the_issuers() {
    let (authority, namesake) = (Arc::new(Authority::new()), Authority::new());
    let now = clock::now();
    let (own, other) = (authority.anchor().to_owned(), namesake.anchor().to_owned());
    let answer = authority.ocsp(&Ocsp::of(SERIAL, OcspStatus::Good, now));
    let forged = namesake.ocsp(&Ocsp::of(SERIAL, OcspStatus::Good, now));
    let server = WebServer::start(
        (IpAddr::V4(Ipv4Addr::LOCALHOST), 0).into(),
        None,
        move |request| match (request.target(), request.field("content-type")) {
            ("/ocsp", Some("application/ocsp-request")) if !request.body.is_empty() => WebAnswer::ok(answer.clone()),
            ("/forged", Some(_)) => WebAnswer::ok(forged.clone()),
            ("/busy", Some(_)) => WebAnswer::ok(Ocsp::refusal(3)),
            ("/own", None) => WebAnswer::ok(own.clone()),
            ("/other", None) => WebAnswer::ok(other.clone()),
            _ => WebAnswer::Whole(404, "text/plain", Vec::new()),
        },
    );
    let base = format!("http://pki.example:{}", server.address().port());
    let allowed = exceptions(&authority);
    let issuers = |path: &str| Named {
        issuers: vec![format!("{base}{path}")],
        ..Named::default()
    };
    for (endpoints, wanted) in [
        (Named::ocsp(format!("{base}/ocsp")), "OK"),
        (Named::ocsp(format!("{base}/forged")), "signature"),
        (Named::ocsp(format!("{base}/busy")), "content"),
        (issuers("/own"), "OK"),
        (issuers("/other"), "signature"),
        (issuers("/none"), "http-status"),
    ] {
        let leaf = authority.server_with(&["mx.example"], SERIAL, &endpoints);
        let view = tried(&leaf, &allowed).await;
        assert_eq!(word(&view), wanted, "{endpoints:?}: {view:?}");
        assert_eq!(view.verified, wanted == "OK", "{endpoints:?}: {view:?}");
    }
}

#[test]
fn an_endpoint_that_many_name_is_tried_once_and_the_issuer_may_be_in_another_file() {
    let authority = Authority::new();
    let url = "http://pki.example/a.crl";
    let leaf = |serial| {
        authority
            .server_with(&["mx.example"], serial, &Named::crl(url))
            .leaf_alone()
    };
    let alone = [of_pem("one.pem", &leaf(1).chain), of_pem("two.pem", &leaf(2).chain)];
    let gathered = named_here(&alone).unwrap();
    assert_eq!(gathered.endpoints.len(), 1);
    assert!(gathered.endpoints[0].need.is_none());
    let users: Vec<&str> = gathered.endpoints[0].used_by.iter().map(String::as_str).collect();
    assert_eq!(users, ["one.pem", "two.pem"]);
    let with_issuer = [&alone[..], &[of_pem("root.pem", authority.anchor())]].concat();
    let gathered = named_here(&with_issuer).unwrap();
    assert!(gathered.endpoints[0].need.is_some());
    assert!(
        gathered
            .notes
            .iter()
            .any(|note| note.starts_with("root.pem: no certificate"))
    );
    for bad in [
        EndpointTarget::default(),
        of_pem("page.html", "<html>"),
        EndpointTarget {
            url: Some("ldap:///CN=ca".to_owned()),
            ..EndpointTarget::default()
        },
        EndpointTarget {
            der: Some("30 82".to_owned()),
            ..EndpointTarget::default()
        },
    ] {
        assert!(
            matches!(
                named_here(std::slice::from_ref(&bad)),
                Err(EndpointError::BadQuestion(_))
            ),
            "{bad:?}"
        );
    }
}

fn seen(works: bool) -> EndpointView {
    EndpointView {
        purpose: EndpointPurpose::Crl,
        url: "http://pki.example/a.crl".to_owned(),
        certificates: Vec::new(),
        used_by: vec!["listener default".to_owned()],
        is_needed: true,
        works,
        cause: None,
        detail: "192.0.2.1:80 refused the connection".to_owned(),
        took_millis: 0,
        size: None,
        this_update: None,
        next_update: None,
        verified: false,
        covered_until: None,
        failing_since: None,
    }
}

#[test]
fn a_failure_is_told_when_it_comes_twice_and_says_until_when_mail_flows() {
    let at = |hours: u64| Timestamp::from_secs(1_800_000_000).plus(Duration::from_hours(hours));
    let first = Kept::after(None, &seen(true), at(0));
    let once = Kept::after(Some(&first), &seen(false), at(1));
    assert!(once.alert(None, at(1)).is_none(), "one answer that is lost is no news");
    let twice = Kept::after(Some(&once), &seen(false), at(2));
    assert_eq!((twice.last_success, twice.failing_since), (Some(at(0)), Some(at(1))));
    let alert = twice.alert(Some(at(100)), at(2)).unwrap();
    assert_eq!((alert.severity, alert.until), (Severity::Warning, Some(at(100))));
    assert!(alert.subject.contains("http://pki.example/a.crl"), "{alert:?}");
    assert!(
        alert
            .text
            .contains(&format!("until {}: until then mail flows", at(100))),
        "{alert:?}"
    );
    assert!(alert.remedy.contains("pki.example:80"), "{alert:?}");
    // What ends within a day is graver, and so is what has ended or was never there.
    for covered in [Some(at(20)), Some(at(1)), None] {
        assert_eq!(
            twice.alert(covered, at(2)).unwrap().severity,
            Severity::Error,
            "{covered:?}"
        );
    }
    let mended = Kept::after(Some(&twice), &seen(true), at(3));
    assert!(mended.alert(None, at(3)).is_none());
    assert_eq!((mended.last_success, mended.failing_since), (Some(at(3)), None));
}

/// Endpoints whose looks are told, with the moment. While `fails` says so there is one, which fails at once: on
/// loopback nothing is fetched.
fn watched(every: Option<Duration>, fails: &Arc<AtomicBool>) -> (Arc<Endpoints>, UnboundedReceiver<Instant>) {
    let (told, looks) = mpsc::unbounded_channel();
    let leaf = Authority::new().server_with(&["mx.example"], SERIAL, &Named::crl("http://127.0.0.1/a.crl"));
    let NamedContent::Certificates(chain) = NamedContent::read(leaf.chain.as_bytes()).unwrap() else {
        panic!("PEM holds certificates");
    };
    let der: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.der().to_vec()).collect();
    let fails = Arc::clone(fails);
    let own = move || {
        told.send(Instant::now()).unwrap();
        let certificates = if fails.load(Ordering::Relaxed) {
            der.clone()
        } else {
            Vec::new()
        };
        let place = "listener mx".to_owned();
        vec![OwnChain { place, certificates }]
    };
    let settings = ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    };
    let to_nobody = AlertSettings {
        to: None,
        after: FIRST_LOOK,
        again_after: FIRST_LOOK,
    };
    let services = EndpointServices {
        fetcher: fetcher(),
        store: ModelDisk::new(settings).open(clock::now()).unwrap(),
        verifier: Arc::new(Verifier::new(HashMap::new())),
        alerts: Arc::new(Alerts::new(to_nobody, AlertMetrics::default())),
        own: Box::new(own),
        demands: Box::new(|| configured(&[], |_| {})),
        partners: Arc::default(),
        roots: Arc::new(AnchorSet::bundled),
        metrics: EndpointMetrics::default(),
    };
    let settings = EndpointSettings {
        every,
        ..EndpointSettings::default()
    };
    (Endpoints::new(services, settings), looks)
}

#[tokio::test(start_paused = true)]
async fn a_look_is_taken_soon_after_the_start_then_at_the_pace_and_more_often_while_something_fails() {
    const PACE: Duration = Duration::from_hours(6);
    let fails = Arc::new(AtomicBool::new(false));
    let (endpoints, mut looks) = watched(Some(PACE), &fails);
    let (phase, watching) = watch::channel(Phase::Running);
    let running = tokio::spawn(Arc::clone(&endpoints).run(watching));
    let mut last = Instant::now();
    let mut next = async || {
        let at = looks.recv().await.unwrap();
        let waited = at - last;
        last = at;
        waited
    };
    let about = |wanted: Duration| wanted.mul_f64(0.89)..=wanted.mul_f64(1.11);
    assert!(next().await <= FIRST_LOOK);
    assert!(about(PACE).contains(&next().await));
    assert!(about(PACE).contains(&next().await));
    fails.store(true, Ordering::Relaxed);
    assert!(about(PACE).contains(&next().await));
    for _ in 0..5 {
        assert!(about(FAILED_AGAIN).contains(&next().await));
    }
    fails.store(false, Ordering::Relaxed);
    let soon = next().await;
    assert!(
        about(FAILED_AGAIN).contains(&soon),
        "it is seen soon that it is mended: {soon:?}"
    );
    let rest = next().await;
    let whole = PACE - FAILED_AGAIN * 6;
    assert!((whole / 2..PACE).contains(&rest), "and the pace is as it was: {rest:?}");
    assert!(about(PACE).contains(&next().await));

    // Another pace is obeyed at once, and none is none.
    endpoints.obey(EndpointSettings::default());
    let silence = tokio::time::timeout(PACE * 20, next()).await;
    assert!(silence.is_err(), "{silence:?}");
    endpoints.obey(EndpointSettings {
        every: Some(PACE),
        ..EndpointSettings::default()
    });
    let asked = Instant::now();
    next().await;
    assert_eq!(Instant::now(), asked, "it is long since a look was taken");
    phase.send_replace(Phase::Stopping);
    running.await.unwrap();
}
