//! The certificate information page: what is published and what is not, in both languages and in a browser, with
//! downloads that openssl reads, and within limits.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use sekisho_api::{CertificatePage, PublishedStanding};
use sekisho_testkit::{
    authority::{Authority, Description, Endpoints},
    enclosure::enclosed,
    foreign::Chromium,
    node::Node,
    wait,
};

use crate::impact::node_trusting;

const PAGE: &str = "/.well-known/sekisho/certificates";
const HTTP: ([u8; 4], u16) = ([127, 0, 0, 1], 80);

/// A listener that publishes its certificate, a route that shows the same one, and the web.
const PUBLISHED: &str = "\
[node]
hostname = \"mx.example.org\"
[[listener]]
name = \"mx\"
address = \"127.0.0.1:2525\"
[listener.tls]
published = true
certificates = [{ certificate = \"mx.pem\", key = \"mx.key\" }]
[[route]]
name = \"bank\"
domains = [\"bank.example\"]
via = [\"127.0.0.1:9\"]
ehlo-name = \"out.example.org\"
client-certificate = { certificate = \"mx.pem\", key = \"mx.key\" }
[web]
http = \"127.0.0.1:80\"
https = \"127.0.0.1:443\"
certificates = [{ certificate = \"web.pem\", key = \"web.key\" }]
connections-per-address = 4
";

/// An answer of the web.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: mx.example.org\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(SocketAddr::from(HTTP)).expect("the web listens");
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .expect("it takes a request");
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).expect("it answers");
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = octets.split_at(end.expect("an answer has a head"));
    let head = String::from_utf8_lossy(head).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("an answer has a status"),
        body: body[4..].to_vec(),
        head,
    }
}

fn get(path: &str) -> Answer {
    ask("GET", path, &[])
}

fn described(organization: &str) -> Description {
    Description {
        common_name: "mx.example.org".to_owned(),
        organization: organization.to_owned(),
        unit: "Mail".to_owned(),
        endpoints: Endpoints {
            points: vec![vec!["http://crl.example.net/ca.crl".to_owned()]],
            ocsp: vec!["http://ocsp.example.net".to_owned()],
            issuers: vec!["http://cacerts.example.net/ca.cer".to_owned()],
            ..Endpoints::default()
        },
        on_key_of: None,
    }
}

/// A node with [`PUBLISHED`] that trusts `root`, which issued what it presents.
fn publishing(root: &Authority, described: &Description) -> Node {
    let mut node = node_trusting(root, "[http]\naddress = \"127.0.0.1:2580\"\n");
    node.end_well().expect("it ends well");
    write_pair(&node, root, described);
    let web = root.server(&["mx.example.org"]);
    node.write("web.pem", &web.chain);
    node.write("web.key", &web.key);
    node.configure(PUBLISHED);
    node.resume();
    node
}

fn write_pair(node: &Node, root: &Authority, described: &Description) {
    let pem = root.intermediate().server_described(&["mx.example.org"], described);
    node.write("mx.pem", &pem.chain);
    node.write("mx.key", &pem.key);
}

fn json() -> CertificatePage {
    let answer = get(&format!("{PAGE}.json"));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    serde_json::from_slice(&answer.body).expect("the page for programs is JSON")
}

/// What may be in an answer of any kind: nothing runs, nothing is framed, nothing of the request comes back.
fn assert_hardened(answer: &Answer) {
    assert_eq!(
        answer.header("x-content-type-options"),
        Some("nosniff"),
        "{}",
        answer.head
    );
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{}", answer.head);
    let policy = answer.header("content-security-policy").expect("there is a policy");
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
}

#[test]
fn nothing_is_published_unless_the_configuration_says_so() {
    enclosed(|| {
        let root = Authority::new();
        let mut node = node_trusting(&root, "");
        assert!(
            TcpStream::connect(SocketAddr::from(HTTP)).is_err(),
            "there is no web by default"
        );
        let said = node.run(&["certificate", "page"]);
        assert_eq!(said.status.code(), Some(3), "{said:?}");
        assert!(
            String::from_utf8_lossy(&said.stdout).contains("Nothing is published here."),
            "{said:?}"
        );
        node.end_well().expect("it ends well");
        node.configure("[web]\nhttp = \"127.0.0.1:80\"\n");
        node.resume();
        for path in [
            PAGE,
            "/.well-known/sekisho/certificates.json",
            "/",
            "/.well-known/sekisho/certificates/x.pem",
        ] {
            let answer = get(path);
            assert_eq!((answer.status, answer.text().as_str()), (404, "not found\n"), "{path}");
        }
    });
}

/// Everything about one certificate, as a partner's programs get it.
#[test]
fn what_is_published_is_told_in_json_and_in_downloads_that_openssl_reads() {
    enclosed(|| {
        let root = Authority::called("Example Trust Root");
        let node = publishing(&root, &described("Example Corporation"));
        let page = json();
        let role = &page.roles[0];
        assert_eq!((page.service.as_str(), role.name.as_str()), ("mx.example.org", "mx"));
        assert_eq!(
            (&role.server_names[..], &role.client_names[..]),
            (&["mx.example.org".to_owned()][..], &["out.example.org".to_owned()][..])
        );
        let certificate = &role.families[0].certificates[0];
        assert_eq!(certificate.organizations, ["Example Corporation"]);
        assert_eq!(certificate.root.subject, "CN=Example Trust Root");
        assert_eq!(certificate.endpoints.len(), 3, "{certificate:#?}");
        let offered = node.json_lines(&["certificate", "page", "--json"]).swap_remove(0);
        assert_eq!(
            serde_json::from_value::<CertificatePage>(offered).ok(),
            Some(page.clone())
        );

        let (chain, leaf) = (
            format!("{}.pem", certificate.sha256),
            format!("{}.cer", certificate.sha256),
        );
        for name in [&chain, &leaf] {
            let answer = get(&format!("{PAGE}/{name}"));
            let disposition = format!("attachment; filename=\"{name}\"");
            assert_eq!(
                (answer.status, answer.header("content-disposition")),
                (200, Some(disposition.as_str()))
            );
            assert_hardened(&answer);
            std::fs::write(node.folder().join(name), &answer.body).expect("a file can be written");
        }
        let openssl = |line: String| {
            let output = node.shell(&line);
            assert!(output.status.success(), "{line}: {output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let held = openssl(format!("openssl verify -CAfile anchors.pem -untrusted {chain} {chain}"));
        assert!(held.contains(": OK"), "{held}");
        let digests = [
            ("sha256", certificate.sha256.to_string()),
            ("sha1", certificate.sha1.clone()),
        ];
        for (kind, digest) in digests {
            let printed = openssl(format!(
                "openssl x509 -inform DER -in {leaf} -noout -fingerprint -{kind}"
            ));
            let printed = printed
                .trim()
                .rsplit('=')
                .next()
                .unwrap_or_default()
                .replace(':', "")
                .to_lowercase();
            assert_eq!(printed, digest);
        }
        let key = openssl(format!(
            "openssl x509 -in {chain} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary \
             | openssl base64"
        ));
        assert_eq!(key.trim(), certificate.spki_sha256_base64);
        let pem = get(&format!("{PAGE}/{chain}")).text();
        assert!(
            pem.matches("BEGIN CERTIFICATE").count() == 3 && !pem.contains("PRIVATE"),
            "{pem}"
        );
    });
}

#[test]
fn the_page_speaks_the_readers_language_and_is_cached_and_nothing_else_is_answered() {
    enclosed(|| {
        let root = Authority::called("Example Trust Root");
        let node = publishing(&root, &described("Example Corporation"));
        let japanese = ask("GET", PAGE, &[("Accept-Language", "ja-JP, en;q=0.5")]);
        assert_eq!(
            (japanese.status, japanese.header("content-language")),
            (200, Some("ja"))
        );
        assert_eq!(japanese.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(japanese.text().contains("ルート証明書") && japanese.text().contains("失効リスト（CRL）"));
        assert_eq!(get(&format!("{PAGE}?lang=ja")).body, japanese.body);
        let english = get(&format!("{PAGE}?x=%3Cscript%3E&lang=xx"));
        assert!(english.text().contains("Root certificate authority") && !english.text().contains("script%3E"));
        assert_hardened(&english);
        let said = node.run(&["certificate", "page", "--lang", "ja"]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(
            said.contains("必要な対応") && said.contains("Example Corporation"),
            "{said}"
        );

        let tag = english.header("etag").expect("it can be cached");
        let again = ask("GET", PAGE, &[("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0));
        let date = english.header("last-modified").expect("it can be cached");
        assert_eq!(ask("GET", PAGE, &[("If-Modified-Since", date)]).status, 304);
        let old = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(ask("GET", PAGE, &[("If-Modified-Since", old)]).status, 200);
        let head = ask("HEAD", PAGE, &[]);
        let length = english.body.len().to_string();
        assert_eq!(
            (head.status, head.body.len(), head.header("content-length")),
            (200, 0, Some(length.as_str()))
        );

        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = ask(method, PAGE, &[("Content-Length", "0")]);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some("GET, HEAD")),
                "{method}"
            );
            assert_hardened(&answer);
        }
        for path in [
            "/%3Cscript%3E",
            "/v1/status",
            "/metrics",
            "/.well-known/sekisho/certificates/../x",
            "//",
            "/%00",
        ] {
            let answer = get(path);
            assert_eq!((answer.status, answer.text().as_str()), (404, "not found\n"), "{path}");
            assert_hardened(&answer);
        }
    });
}

#[test]
fn the_page_is_there_over_tls_and_a_new_certificate_is_on_it_after_a_reload() {
    enclosed(|| {
        let root = Authority::called("Example Trust Root");
        let node = publishing(&root, &described("Example Corporation"));
        let request = format!("GET {PAGE}.json HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n");
        let line = format!(
            "printf '{request}' | openssl s_client -quiet -alpn h2,http/1.1 -CAfile anchors.pem -verify_return_error \
             -verify_hostname mx.example.org -connect 127.0.0.1:443"
        );
        let output = node.shell(&line);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("Example Corporation"),
            "{output:?}"
        );
        // One that means another kind of server gets no connection (ALPACA).
        let other = node.shell("openssl s_client -alpn smtp -connect 127.0.0.1:443 < /dev/null");
        assert!(!other.status.success(), "{other:?}");

        let before = json();
        write_pair(&node, &root, &described("Example Holding"));
        node.signal(rustix::process::Signal::HUP);
        let renewed = || {
            let page = json();
            (page.roles[0].families[0].certificates[0].organizations == ["Example Holding"]).then_some(page)
        };
        let after = wait::until_or("the new certificate on the page", renewed, || node.log());
        let leaf = |page: &CertificatePage| page.roles[0].families[0].certificates[0].sha256;
        assert_ne!(leaf(&before), leaf(&after));
        assert_eq!(get(&format!("{PAGE}/{}.pem", leaf(&before))).status, 404);
    });
}

/// Four connections from one address, and ten seconds for the head of a request.
#[test]
fn who_holds_connections_or_never_finishes_a_request_is_closed_upon() {
    enclosed(|| {
        let root = Authority::called("Example Trust Root");
        let _node = publishing(&root, &described("Example Corporation"));
        let idle = || {
            let mut stream = TcpStream::connect(SocketAddr::from(HTTP)).expect("the web listens");
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: ")
                .expect("it takes a request");
            stream
        };
        let held: Vec<TcpStream> = (0..4).map(|_| idle()).collect();
        let beyond = || {
            let mut stream = TcpStream::connect(SocketAddr::from(HTTP)).ok()?;
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let mut answer = Vec::new();
            // A connection that is closed upon may end in a reset.
            let _ = stream.read_to_end(&mut answer);
            Some(answer)
        };
        assert_eq!(beyond(), Some(Vec::new()), "a fifth connection is closed upon");
        for mut stream in held {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
        let answer = wait::until("a place that is free again", || {
            beyond().filter(|answer| !answer.is_empty())
        });
        assert!(answer.starts_with(b"HTTP/1.1 404"));
    });
}

/// What the page is made of.
const ELEMENTS: [&str; 33] = [
    "a", "body", "caption", "code", "col", "colgroup", "dd", "details", "div", "dl", "dt", "footer", "h1", "h2", "h3",
    "header", "html", "li", "main", "nav", "ol", "p", "pre", "section", "span", "summary", "table", "tbody", "td",
    "th", "thead", "time", "tr",
];

/// The tags of a document as a browser writes it: in text it writes every `<` as an entity.
fn tags(document: &str) -> impl Iterator<Item = &str> {
    let pieces = document.split('<').skip(1);
    pieces.map(|piece| piece.split_once('>').map_or(piece, |(tag, _)| tag))
}

#[test]
fn in_a_browser_hostile_names_are_text_and_nothing_is_run_or_loaded() {
    enclosed(|| {
        let root = Authority::called("<img src=http://127.0.0.1:80/x>");
        let hostile = Description {
            organization: "</td><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
                .to_owned(),
            unit: "<style>*{display:none}</style><a href=javascript:1>\u{202e}x</a>".to_owned(),
            endpoints: Endpoints::crl("http://crl.example.net/\"onclick=\"x").and_crl("javascript:alert(1)"),
            ..described("")
        };
        let _node = publishing(&root, &hostile);
        let browser = Chromium::new();
        for (languages, title, words) in [
            (
                "en",
                "Certificates of mx.example.org",
                ["What you must do", "Valid until"],
            ),
            ("ja", "mx.example.org の証明書情報", ["必要な対応", "有効期間の終了"]),
        ] {
            let url = format!("http://127.0.0.1{PAGE}");
            let (document, complaints) = browser.document(&url, languages);
            assert!(document.contains(&format!("<html lang=\"{languages}\">")), "{document}");
            assert!(document.contains(&format!("<title>{title}</title>")), "{document}");
            for word in words {
                assert!(document.contains(word), "{word}: {document}");
            }
            let (_, body) = document.split_once("<body>").expect("a document has a body");
            for tag in tags(body) {
                let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
                assert!(ELEMENTS.contains(&name), "{tag}: {body}");
                // Every other piece stands between quotation marks.
                let outside: String = tag.split('"').step_by(2).collect();
                assert!(
                    !outside.contains(" on") && !tag.contains("href=\"javascript"),
                    "{tag}: {body}"
                );
            }
            assert!(!body.contains('\u{202e}'), "{body}");
            assert!(
                body.contains("&lt;script&gt;document.title='run'&lt;/script&gt;"),
                "{body}"
            );
            assert!(!complaints.contains("Content Security Policy"), "{complaints}");
        }
    });
}

/// A role that is published, and the web.
const ROLE: &str = "\
[node]
hostname = \"mx.example.org\"
[[listener]]
name = \"mx\"
address = \"127.0.0.1:2525\"
[listener.tls]
roles = [\"mx\"]
[web]
http = \"127.0.0.1:80\"
";

fn done(node: &Node, arguments: &[&str]) {
    let output = node.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Takes a certificate of `root` into role `mx`; answers with its id in the store.
fn import(node: &Node, root: &Authority, more: &[&str]) -> String {
    import_for(node, root, "mx.example.org", more)
}

/// As [`import`], with one for this name.
fn import_for(node: &Node, root: &Authority, name: &str, more: &[&str]) -> String {
    let pem = root.server_described(&[name], &described("Example Corporation"));
    let path = |name: &str, text: &str| node.write(name, text).display().to_string();
    let (chain, key) = (path("imported.pem", &pem.chain), path("imported.key", &pem.key));
    let plain = [
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
    let done = node.json_lines(&[&plain[..], more].concat()).swap_remove(0);
    let id = done["certificate"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{done:#}")).to_owned()
}

/// What stands in each column: where it stands, and its root.
fn columns(page: &CertificatePage) -> Vec<(PublishedStanding, String)> {
    let families = page.roles.iter().flat_map(|role| &role.families);
    let certificates = families.flat_map(|family| &family.certificates);
    certificates
        .map(|one| (one.standing, one.root.subject.clone()))
        .collect()
}

#[test]
fn old_and_new_stand_side_by_side_from_when_the_next_is_there_until_the_overlap_is_over() {
    use PublishedStanding::{Current, Next, Previous};
    enclosed(|| {
        let (old, new) = (Authority::called("Old Root"), Authority::called("New Root"));
        let node = node_trusting(&old, ROLE);
        done(
            &node,
            &["certificate", "role", "add", "mx", "--names", "mx.example.org"],
        );
        import(&node, &old, &[]);
        assert_eq!(get(PAGE).status, 404, "a role is not public unless it says so");
        done(&node, &["certificate", "role", "set", "mx", "--published"]);
        let shown = |wanted: &[(PublishedStanding, &str)], changes: bool| {
            let look = || {
                let answer = get(&format!("{PAGE}.json"));
                let page: CertificatePage = serde_json::from_slice(&answer.body).ok()?;
                let is_there = columns(&page)
                    .iter()
                    .map(|(one, root)| (*one, root.as_str()))
                    .eq(wanted.iter().copied());
                (is_there && page.roles[0].families[0].changes_at.is_some() == changes).then_some(page)
            };
            wait::until_or(format_args!("{wanted:?} on the page"), look, || {
                get(&format!("{PAGE}.json")).text()
            })
        };
        shown(&[(Current, "CN=Old Root")], false);
        let id = import(&node, &new, &["--stage"]);
        shown(&[(Current, "CN=Old Root"), (Next, "CN=New Root")], false);
        done(&node, &["certificate", "activate", &id, "--at", &crate::in_a_month()]);
        let page = shown(&[(Current, "CN=Old Root"), (Next, "CN=New Root")], true);
        let steps = serde_json::to_value(&page.roles[0].steps).expect("steps are JSON");
        let of = |kind: &str| {
            steps
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one["step"] == kind)
                .count()
        };
        assert_eq!(
            (of("trust-root"), of("replace-pin"), of("open-hosts")),
            (2, 1, 1),
            "{steps:#}"
        );
        let html = ask("GET", PAGE, &[("Accept-Language", "ja")]).text();
        assert!(html.contains("次の証明書") && html.contains("新旧の証明書"), "{html}");
        done(&node, &["certificate", "activate", &id]);
        let page = shown(&[(Previous, "CN=Old Root"), (Current, "CN=New Root")], true);
        let steps = serde_json::to_value(&page.roles[0].steps).expect("steps are JSON");
        assert!(steps.to_string().contains("drop-pin"), "{steps:#}");
    });
}

/// The SHA-256 of what is presented under TLS, and whether a browser's request is answered under it.
fn presented(node: &Node) -> (String, bool) {
    let request = "GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n";
    let line = format!(
        "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -outform DER | sha256sum | \
         cut -d' ' -f1; printf '{request}' | openssl s_client -quiet -alpn h2,http/1.1 -connect 127.0.0.1:443 2>&1"
    );
    let said = String::from_utf8_lossy(&node.shell(&line).stdout).into_owned();
    let (digest, answer) = said.split_once('\n').unwrap_or_default();
    (digest.to_owned(), answer.contains("HTTP/1.1 404"))
}

#[test]
fn the_web_presents_a_role_and_another_certificate_of_it_without_a_restart() {
    enclosed(|| {
        let root = Authority::called("Old Root");
        let without_mail = ROLE
            .replace("[\"mx\"]", "[]")
            .replace("[web]", "[web]\nhttps = \"127.0.0.1:443\"\nroles = [\"mx\"]");
        let node = node_trusting(&root, &without_mail);
        let warned = node.run(&["directory", "show"]);
        let (made, answers) = presented(&node);
        assert_eq!(
            (made.len(), answers),
            (64, true),
            "it is there without a certificate: {warned:?}"
        );
        done(
            &node,
            &["certificate", "role", "add", "mx", "--names", "page.example.org"],
        );
        let sha256 = |of: &str| {
            let role = node.json_lines(&["certificate", "show", "mx", "--json"]).swap_remove(0);
            let all = role["certificates"].as_array().expect("a list").clone();
            let one = all.into_iter().find(|one| one["id"] == of).expect("it is there");
            one["chain"][0]["sha256"].as_str().expect("a digest").to_owned()
        };
        let first = import_for(&node, &root, "page.example.org", &[]);
        assert_eq!(presented(&node), (sha256(&first), true));
        let second = import_for(&node, &root, "page.example.org", &["--stage"]);
        assert_eq!(presented(&node), (sha256(&first), true));
        done(&node, &["certificate", "activate", &second]);
        assert_eq!(presented(&node), (sha256(&second), true));
        let role = || node.json_lines(&["certificate", "show", "mx", "--json"]).swap_remove(0);
        assert_eq!(role()["used_by"], serde_json::json!(["[web] https"]));
        let proved = || {
            let all = role()["certificates"].as_array()?.clone();
            let place = all.iter().find(|one| one["id"] == second.as_str())?["proof"]["place"].clone();
            (place == "listener \"[web] https\", page.example.org").then_some(())
        };
        wait::until_or("a handshake with ourselves", proved, || {
            format!("{:#}\n{}", role(), node.log())
        });
        // It is for no host that takes mail, and need not be.
        let findings = role()["certificates"].to_string();
        assert!(!findings.contains("greets"), "{findings}");
        let places = String::from_utf8_lossy(&node.run(&["tls", "list"]).stdout).into_owned();
        assert!(places.contains("[web] https"), "{places}");
    });
}
