//! The wrapper against servers that behave, and against those that do everything else.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicUsize, Ordering},
};

use sekisho_mail::{Lookup, Security};
use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    web::{WebAnswer, WebServer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    task::JoinSet,
};

use super::*;
use crate::dns::{Answer, MxRecord, fake::FakeDns};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn serve(answer: impl Fn(&sekisho_testkit::web::WebRequest) -> WebAnswer + Send + Sync + 'static) -> WebServer {
    WebServer::start((LOOPBACK, 0).into(), None, answer)
}

fn serve_raw(octets: impl Into<Vec<u8>>) -> WebServer {
    let answer = WebAnswer::Raw(octets.into());
    serve(move |_| answer.clone())
}

/// `web.example` is on loopback, and so is `inside.example`, which nobody is excepted for.
fn dns() -> FakeDns {
    FakeDns::default()
        .with_ipv4("web.example", &[Ipv4Addr::LOCALHOST])
        .with_ipv4("inside.example", &[Ipv4Addr::LOCALHOST])
}

fn fetcher_with(dns: impl Resolver, settings: FetchSettings) -> Fetcher {
    Fetcher::new(
        Arc::new(dns),
        Arc::new(Verifier::new(std::collections::HashMap::new())),
        settings,
    )
}

fn fetcher() -> Fetcher {
    fetcher_with(dns(), FetchSettings::default())
}

fn terms() -> FetchTerms {
    FetchTerms {
        exceptions: FetchExceptions {
            hosts: vec![Domain::parse("web.example").unwrap()],
            networks: Vec::new(),
        },
        limits: FetchLimits {
            total: Duration::from_secs(20),
            body_len: 100_000,
            ..FetchLimits::default()
        },
        ..FetchTerms::default()
    }
}

/// Too little time for a server that takes its own.
fn hasty() -> FetchTerms {
    let mut terms = terms();
    terms.limits.total = Duration::from_secs(2);
    terms
}

fn url(server: &WebServer, path: &str) -> FetchUrl {
    format!("http://web.example:{}{path}", server.address().port())
        .parse()
        .unwrap()
}

async fn fetch(server: &WebServer, terms: &FetchTerms) -> Result<Fetched, FetchCause> {
    let fetched = fetcher().fetch(FetchRequest::get(url(server, "/a?b")), terms).await;
    fetched.map_err(|error| error.cause)
}

#[tokio::test]
async fn what_is_there_comes_with_status_fields_and_body() {
    let server = serve(|request| match request.line.as_str() {
        "GET /a?b HTTP/1.1" => WebAnswer::ok("content"),
        "HEAD /a?b HTTP/1.1" => {
            WebAnswer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nX-Y: z\r\n\r\n".to_vec())
        }
        _ => WebAnswer::Whole(404, "text/plain", request.body.clone()),
    });
    let got = fetch(&server, &terms()).await.unwrap();
    assert_eq!((got.status, &got.body[..]), (200, &b"content"[..]));
    assert_eq!(got.field("content-type"), Some("application/octet-stream"));
    let head = FetchRequest::head(url(&server, "/a?b"));
    let head = fetcher().fetch(head, &terms()).await.unwrap().successful().unwrap();
    assert_eq!((head.field("x-y"), head.body.len()), (Some("z"), 0));
    let post = FetchRequest::post(url(&server, "/p"), "application/ocsp-request", "asked").accepting("text/plain");
    let post = fetcher().fetch(post, &terms()).await.unwrap();
    assert_eq!((post.status, &post.body[..]), (404, &b"asked"[..]));
    assert!(matches!(post.successful().unwrap_err().cause, FetchCause::Status(404)));

    let requests = server.requests();
    let agent = concat!("sekisho/", env!("CARGO_PKG_VERSION"));
    assert!(
        requests
            .iter()
            .all(|request| request.field("user-agent") == Some(agent))
    );
    let host = format!("web.example:{}", server.address().port());
    assert!(
        requests
            .iter()
            .all(|request| request.field("host") == Some(host.as_str()))
    );
    let private = ["cookie", "authorization", "referer", "accept-encoding"];
    let told = |request: &sekisho_testkit::web::WebRequest| private.iter().any(|name| request.field(name).is_some());
    assert!(!requests.iter().any(told), "{requests:?}");
    assert_eq!(requests[2].field("content-type"), Some("application/ocsp-request"));
    assert_eq!(server.connections(), 3, "no two fetches share one");
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_cut_off_whether_or_not_it_was_announced() {
    let announced = serve_raw("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n");
    let too_large = |fetched: &Result<Fetched, FetchCause>| {
        matches!(
            fetched,
            Err(FetchCause::TooLarge {
                part: AnswerPart::Body,
                limit: 100_000
            })
        )
    };
    let got = fetch(&announced, &terms()).await;
    assert!(too_large(&got), "{got:?}");
    let absurd = serve_raw("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
    let got = fetch(&absurd, &terms()).await;
    assert!(got.is_err(), "{got:?}");
    let until_the_end = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let whole = [b"1000\r\n".to_vec(), vec![b'x'; 0x1000], b"\r\n".to_vec()].concat();
    for (head, piece) in [
        (until_the_end, vec![b'x'; 4096]),
        (chunked.clone(), whole),
        // One octet in each chunk.
        (chunked.clone(), b"1\r\nx\r\n".repeat(500)),
        // Chunks of which one has much to say of itself.
        (chunked.clone(), format!("1;{}\r\nx\r\n", "a".repeat(4000)).into_bytes()),
    ] {
        let server = serve(move |_| WebAnswer::Endless(head.clone(), piece.clone()));
        let got = fetch(&server, &terms()).await;
        let ended = too_large(&got) || matches!(got, Err(FetchCause::Malformed(_)));
        assert!(ended, "{got:?}");
        // What the kernel takes and nobody reads is a few MiB; without an end it would be all there is time for.
        assert!(server.pushed() < 32 << 20, "{}", server.pushed());
    }
    // A chunk that says it is larger than everything.
    let bomb = [chunked, b"ffffffffffffffff\r\n".to_vec()].concat();
    let server = serve(move |_| WebAnswer::Endless(bomb.clone(), vec![b'x'; 4096]));
    let got = fetch(&server, &terms()).await;
    assert!(
        too_large(&got) || matches!(got, Err(FetchCause::Malformed(_))),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_body_of_just_the_limit_comes_whole() {
    let body = vec![b'x'; 100_000];
    let server = serve(move |_| WebAnswer::ok(body.clone()));
    assert_eq!(fetch(&server, &terms()).await.unwrap().body.len(), 100_000);
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_cut_off_and_so_are_interim_answers_without_an_end() {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let too_large = |fetched: &Result<Fetched, FetchCause>| {
        matches!(
            fetched,
            Err(FetchCause::TooLarge {
                part: AnswerPart::Head,
                ..
            })
        )
    };
    for (first, again) in [
        (head.clone(), format!("X: {}\r\n", "x".repeat(1000)).into_bytes()),
        ([&head[..], b"X: "].concat(), vec![b'x'; 1000]),
        (Vec::new(), vec![b'x'; 1000]),
        (Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
        (Vec::new(), b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n".to_vec()),
    ] {
        let what = String::from_utf8_lossy(&again[..20]).into_owned();
        let server = serve(move |_| WebAnswer::Endless(first.clone(), again.clone()));
        let got = fetch(&server, &terms()).await;
        assert!(
            too_large(&got) || matches!(got, Err(FetchCause::Malformed(_))),
            "{what}: {got:?}"
        );
        assert!(server.pushed() < 32 << 20, "{what}: {}", server.pushed());
    }
    let interim = serve_raw("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(fetch(&interim, &terms()).await.unwrap().body, "x");
}

#[tokio::test]
async fn time_runs_out_at_the_stage_where_the_server_stalls() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx".to_vec();
    let tick = Duration::from_millis(20);
    // All at once: each takes its whole time.
    let mut fetching = JoinSet::new();
    for (answer, stage) in [
        (WebAnswer::Open(Vec::new()), FetchStage::Head),
        (WebAnswer::Open(half.clone()), FetchStage::Head),
        (WebAnswer::Drip(half, tick), FetchStage::Head),
        (WebAnswer::Open(begun.clone()), FetchStage::Body),
        (WebAnswer::Drip(begun, tick), FetchStage::Body),
    ] {
        fetching.spawn(async move {
            let told = format!("{answer:?}");
            let server = serve(move |_| answer.clone());
            let got = fetch(&server, &hasty()).await;
            assert!(
                matches!(&got, Err(FetchCause::TimedOut { stage: at, .. }) if *at == stage),
                "{told}: {got:?}"
            );
        });
    }
    // Panics as they do.
    fetching.join_all().await;
}

#[tokio::test]
async fn what_is_no_answer_or_breaks_off_is_never_taken_for_one() {
    for (octets, word) in [
        ("", "broken-off"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "broken-off"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
            "broken-off",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
            "malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            "malformed",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
            "malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "malformed",
        ),
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "malformed",
        ),
        ("220 mx.example ESMTP\r\n", "malformed"),
        ("<html>", "malformed"),
        ("\r\n\r\n\0\0", "malformed"),
    ] {
        let got = fetch(&serve_raw(octets), &terms()).await;
        assert!(
            matches!(&got, Err(cause) if cause.word() == word),
            "{octets:?}: {got:?}"
        );
    }
    let reset = serve(|_| WebAnswer::Reset);
    let got = fetch(&reset, &terms()).await;
    assert!(matches!(&got, Err(FetchCause::BrokenOff(_))), "{got:?}");
    // What is behind the announced length is nobody's.
    let more = serve_raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(fetch(&more, &terms()).await.unwrap().body, "ok");
}

/// CVE-2026-21859, and twice again at other places of the same program: a fetch that a stranger leads inwards.
#[tokio::test]
async fn no_address_that_is_not_public_is_connected_to_unless_an_operator_named_it() {
    let server = serve(|_| WebAnswer::ok("secret"));
    let port = server.address().port();
    let ask = async |host: &str, terms: &FetchTerms| {
        let url = format!("http://{host}:{port}/").parse().unwrap();
        fetcher().fetch(FetchRequest::get(url), terms).await
    };
    for host in [
        "inside.example",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "224.0.0.1",
        "[ff02::1]",
        "0.0.0.0",
        "[::]",
        "255.255.255.255",
    ] {
        let got = ask(host, &terms()).await;
        assert!(
            matches!(&got, Err(error) if error.cause.word() == "filtered"),
            "{host}: {got:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    assert!(ask("web.example", &terms()).await.is_ok());
    let mut by_network = terms();
    by_network.exceptions.networks = vec!["127.0.0.0/8".parse().unwrap()];
    assert!(ask("inside.example", &by_network).await.is_ok());
    assert!(ask("127.0.0.1", &by_network).await.is_ok());
    assert!(ask("10.0.0.1", &by_network).await.is_err());
}

#[tokio::test]
async fn our_own_listeners_are_not_fetched_from() {
    let settings = FetchSettings {
        own_addresses: vec!["192.0.2.7:80".parse().unwrap()],
        ..FetchSettings::default()
    };
    let dns = FakeDns::default().with_ipv4("ours.example", &[Ipv4Addr::new(192, 0, 2, 7)]);
    let request = FetchRequest::get("http://ours.example/".parse().unwrap());
    let got = fetcher_with(dns, settings).fetch(request, &terms()).await;
    assert!(matches!(got.unwrap_err().cause, FetchCause::Filtered { .. }));
}

/// A name that is public at the first question and on loopback from then on.
#[derive(Debug, Default)]
struct Rebinding(AtomicUsize);

impl Resolver for Rebinding {
    fn mx<'a>(&'a self, _name: &'a Domain) -> Answer<'a, Vec<MxRecord>> {
        Box::pin(async { Lookup::NoData(Security::Insecure) })
    }

    fn ipv4<'a>(&'a self, _name: &'a Domain) -> Answer<'a, Vec<Ipv4Addr>> {
        let public = Ipv4Addr::new(192, 0, 2, 1);
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            Lookup::Found(
                vec![if first { public } else { Ipv4Addr::LOCALHOST }],
                Security::Insecure,
            )
        })
    }

    fn ipv6<'a>(&'a self, _name: &'a Domain) -> Answer<'a, Vec<Ipv6Addr>> {
        Box::pin(async { Lookup::NoData(Security::Insecure) })
    }
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_that_is_connected_to() {
    let server = serve(|_| WebAnswer::ok("secret"));
    let fetcher = fetcher_with(Rebinding::default(), FetchSettings::default());
    let request = || {
        FetchRequest::get(
            format!("http://rebinding.example:{}/", server.address().port())
                .parse()
                .unwrap(),
        )
    };
    let first = fetcher.fetch(request(), &hasty()).await.unwrap_err().cause;
    assert!(!matches!(first, FetchCause::Filtered { .. }), "{first}");
    let second = fetcher.fetch(request(), &hasty()).await.unwrap_err().cause;
    assert!(matches!(second, FetchCause::Filtered { .. }), "{second}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn no_such_name_a_fault_of_dns_and_a_refusal_are_three_things() {
    let mut dns = dns().with_mx("mail.example", &[(10, "web.example")]);
    for name in ["ipv4", "ipv6"] {
        let name = format!("{name}.broken.example");
        dns.ipv4.insert(name.clone(), FakeDns::fault("A broken.example"));
        dns.ipv6.insert(name, FakeDns::fault("AAAA broken.example"));
    }
    dns.ipv4
        .insert("half.example".to_owned(), FakeDns::fault("A half.example"));
    // Nobody listens there, and nobody else can while it is held.
    let held = TcpSocket::new_v4().unwrap();
    held.bind((LOOPBACK, 0).into()).unwrap();
    let port = held.local_addr().unwrap().port();
    let fetcher = fetcher_with(dns, FetchSettings::default());
    for (host, word) in [
        ("absent.example", "no-such-name"),
        ("mail.example", "no-such-name"),
        ("ipv4.broken.example", "dns"),
        ("half.example", "dns"),
        ("web.example", "refused"),
    ] {
        let request = FetchRequest::get(format!("http://{host}:{port}/").parse().unwrap());
        let got = fetcher.fetch(request, &terms()).await.unwrap_err();
        assert_eq!(got.cause.word(), word, "{got}");
    }
}

fn redirecting() -> WebServer {
    serve(|request| match request.target() {
        "/once" => WebAnswer::redirect(301, "/there"),
        "/there" => WebAnswer::ok("there"),
        "/loop" => WebAnswer::redirect(302, "/loop"),
        "/inside" => WebAnswer::redirect(307, "http://inside.example/"),
        "/address" => WebAnswer::redirect(308, "http://169.254.169.254/latest"),
        "/file" => WebAnswer::redirect(302, "file:///etc/passwd"),
        "/nowhere" => WebAnswer::Raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
        "/not-modified" => WebAnswer::Raw(b"HTTP/1.1 304 Same\r\n\r\n".to_vec()),
        _ => WebAnswer::redirect(303, "/there"),
    })
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_the_caller_says_and_each_hop_is_judged_anew() {
    let server = redirecting();
    let following = FetchTerms {
        redirects: 3,
        ..terms()
    };
    let ask =
        async |path: &str, terms: &FetchTerms| fetcher().fetch(FetchRequest::get(url(&server, path)), terms).await;
    let got = ask("/once", &terms()).await.unwrap_err().cause;
    let not_followed = matches!(
        &got,
        FetchCause::Redirect {
            status: 301,
            why: RedirectFault::NotFollowed,
            ..
        }
    );
    assert!(not_followed, "{got}");
    let got = ask("/once", &following).await.unwrap();
    assert_eq!((got.url.path(), &got.body[..]), ("/there", &b"there"[..]));
    for (path, word) in [
        ("/loop", "redirect"),
        ("/inside", "filtered"),
        ("/address", "filtered"),
        ("/file", "redirect"),
        ("/nowhere", "redirect"),
    ] {
        let got = ask(path, &following).await.unwrap_err();
        assert_eq!(got.cause.word(), word, "{got}");
    }
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| request.target() == "/loop")
            .count(),
        4
    );
    let any_number = FetchTerms {
        redirects: 255,
        ..terms()
    };
    assert!(ask("/loop", &any_number).await.is_err());
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| request.target() == "/loop")
            .count(),
        8
    );
    assert_eq!(ask("/not-modified", &following).await.unwrap().status, 304);
    let post = FetchRequest::post(url(&server, "/post"), "text/plain", "secret");
    let got = fetcher().fetch(post, &following).await.unwrap_err().cause;
    assert!(
        matches!(
            got,
            FetchCause::Redirect {
                why: RedirectFault::Sent,
                ..
            }
        ),
        "{got}"
    );
}

fn trusting(authority: &Authority) -> FetchTerms {
    FetchTerms {
        trust: FetchTrust::Given(AnchorSet::parse(authority.anchor(), "test").unwrap()),
        ..terms()
    }
}

fn secure(certificate: &Pem) -> WebServer {
    WebServer::start((LOOPBACK, 0).into(), Some(certificate), |request| {
        match request.target() {
            "/down" => WebAnswer::redirect(302, "http://web.example/"),
            "/cut" => WebAnswer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()),
            _ => WebAnswer::ok("over TLS"),
        }
    })
}

async fn fetch_secure(server: &WebServer, path: &str, terms: &FetchTerms) -> Result<Fetched, FetchCause> {
    let url = format!("https://web.example:{}{path}", server.address().port());
    let fetched = fetcher().fetch(FetchRequest::get(url.parse().unwrap()), terms).await;
    fetched.map_err(|error| error.cause)
}

#[tokio::test]
async fn https_takes_a_certificate_that_is_trusted_valid_and_for_the_name_and_nothing_is_asked_before() {
    let (trusted, stranger) = (Authority::new(), Authority::called("A stranger"));
    let system = terms();
    let terms = FetchTerms {
        redirects: 3,
        ..trusting(&trusted)
    };
    let good = secure(&trusted.server(&["web.example"]));
    assert_eq!(fetch_secure(&good, "/", &terms).await.unwrap().body, "over TLS");
    let down = fetch_secure(&good, "/down", &terms).await.unwrap_err();
    assert!(
        matches!(
            &down,
            FetchCause::Redirect {
                why: RedirectFault::IntoTheClear,
                ..
            }
        ),
        "{down}"
    );
    let cut = fetch_secure(&good, "/cut", &terms).await.unwrap_err();
    assert!(matches!(&cut, FetchCause::BrokenOff(_)), "{cut}");
    for bad in [
        trusted.server(&["other.example"]),
        trusted.expired(&["web.example"]),
        stranger.server(&["web.example"]),
        self_signed(&["web.example"]),
    ] {
        let server = secure(&bad);
        let got = fetch_secure(&server, "/", &terms).await.unwrap_err();
        assert!(matches!(&got, FetchCause::Tls(_)), "{got}");
        assert!(server.requests().is_empty());
    }
    // A server in the clear where TLS should be, and anchors that are not there: ours to mend.
    let plain = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let url = format!("https://web.example:{}/", plain.local_addr().unwrap().port());
    let said = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut said = Vec::new();
        // Whether it is closed or reset does not matter.
        let _ = stream.read_to_end(&mut said).await;
        said
    });
    let got = fetcher().fetch(FetchRequest::get(url.parse().unwrap()), &terms).await;
    let got = got.unwrap_err().cause;
    assert!(matches!(&got, FetchCause::Tls(_)), "{got}");
    let said = said.await.unwrap();
    assert!(!said.windows(4).any(|octets| octets == b"GET "), "{said:?}");
    let got = fetch_secure(&good, "/", &system).await.unwrap_err();
    assert!(matches!(&got, FetchCause::Ours(_)), "{got}");
}

#[tokio::test]
async fn a_proxy_resolves_and_tunnels_and_addresses_in_the_url_are_judged_all_the_same() {
    let authority = Authority::new();
    let target = secure(&authority.server(&["far.example"]));
    let to = target.address();
    let proxy = serve(move |request| match request.target() {
        "http://far.example/a" => WebAnswer::ok("by proxy"),
        "far.example:443" => WebAnswer::Tunnel(to),
        "refused.example:443" => WebAnswer::Whole(403, "text/plain", b"no".to_vec()),
        "garbled.example:443" => WebAnswer::Raw(b"220 mx.example ESMTP\r\n\r\n".to_vec()),
        "endless.example:443" => WebAnswer::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".to_vec()),
        _ => WebAnswer::Whole(502, "text/plain", Vec::new()),
    });
    // The proxy is on loopback, which the operator has said by naming it.
    let named = format!("http://inside.example:{}", proxy.address().port())
        .parse()
        .unwrap();
    let fetcher = fetcher_with(
        dns(),
        FetchSettings {
            proxy: Some(named),
            ..FetchSettings::default()
        },
    );
    let terms = FetchTerms {
        exceptions: FetchExceptions::default(),
        ..trusting(&authority)
    };
    let ask = async |url: &str| fetcher.fetch(FetchRequest::get(url.parse().unwrap()), &terms).await;
    assert_eq!(ask("http://far.example/a").await.unwrap().body, "by proxy");
    assert_eq!(proxy.requests()[0].field("host"), Some("far.example"));
    assert_eq!(ask("https://far.example/").await.unwrap().body, "over TLS");
    for host in ["refused.example", "garbled.example", "endless.example"] {
        let got = ask(&format!("https://{host}/")).await.unwrap_err();
        assert_eq!(got.cause.word(), "proxy", "{got}");
    }
    assert!(matches!(ask("http://far.example/other").await.unwrap().status, 502));
    let asked = proxy.requests().len();
    assert_eq!(ask("http://127.0.0.1/").await.unwrap_err().cause.word(), "filtered");
    assert_eq!(proxy.requests().len(), asked);
    drop(proxy);
    let text = "http://user:secret@proxy.example:3128";
    assert!(text.parse::<Proxy>().is_err());
    assert!("https://proxy.example:3128".parse::<Proxy>().is_err());
}
