//! `sekisho trust endpoints`: a firewall that is shut is found from inside the server, by the endpoint's name, and told
//! before mail waits; opened, everything is well again.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::{Authority, Endpoints},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Zone},
    node::{self, Node},
    peer::{Fault, Peer},
    revocation::Crl,
    web::{Silence, WebAnswer, WebServer},
};
use serde_json::Value;

use crate::{RELAYING, connectors::apply, submit, traced};

/// The report and the exit code.
fn tried(node: &Node, targets: &[&str]) -> (Value, Option<i32>) {
    let output = node.run(&[&["trust", "endpoints", "--json"], targets].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_str(&said);
    let value = value.unwrap_or_else(|fault| panic!("{fault}: {said}{complained}\n{}", node.log()));
    (value, output.status.code())
}

/// The causes by host; `OK` where there is none.
fn results(report: &Value) -> Vec<(String, String)> {
    let word = |endpoint: &Value, field: &str| endpoint[field].as_str().map(str::to_owned);
    let all = report["endpoints"].as_array().into_iter().flatten();
    let each = all.map(|endpoint| {
        let cause = word(endpoint, "cause").unwrap_or_else(|| "OK".to_owned());
        (word(endpoint, "url").unwrap_or_default(), cause)
    });
    each.collect()
}

fn alerts(node: &Node) -> Vec<Value> {
    let mut all = node.json_lines(&["alert", "list", "--json"]);
    all.retain(|alert| alert["kind"] == "endpoint-fails");
    all
}

const DROPPED: &str = "http://crl.pki.example/i.crl";
const REFUSED: &str = "http://other.pki.example/i.crl";
const ABSENT: &str = "http://absent.pki.example/i.crl";
const ISSUER: &str = "http://ca.pki.example/i.cer";

#[test]
fn a_firewall_that_is_shut_is_told_by_the_endpoints_name_and_opening_it_mends_everything() {
    enclosed(|| {
        let _names = Names::serve(&[Zone::new(
            "pki.example",
            "crl A 192.0.2.1\nother A 192.0.2.2\nca A 192.0.2.3\n",
        )]);
        let authority = Authority::new();
        let at = |place: usize| SocketAddr::new(HOSTS[place], 80);
        let shut = Silence::at(at(0));
        let issuer = authority.anchor().to_owned();
        let _ca = WebServer::start(at(2), None, move |_| WebAnswer::ok(issuer.clone()));
        let endpoints = Endpoints {
            issuers: vec![ISSUER.to_owned()],
            ..Endpoints::crl(DROPPED).and_crl(REFUSED)
        };
        let certificate = authority.server_with(&["mx.sekisho.example"], 7, &endpoints);
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), "");
        node.write("chain.pem", &certificate.chain);
        node.write("key.pem", &certificate.key);
        node.configure(
            "[[listener]]\nname = \"mx\"\naddress = \"127.0.0.1:2525\"\ntls.certificates = [{ certificate = \
             \"chain.pem\", key = \"key.pem\" }]\n",
        );
        node.resume();

        let (report, code) = tried(&node, &[]);
        let pair = |url: &str, cause: &str| (url.to_owned(), cause.to_owned());
        let wanted = [pair(DROPPED, "timed-out"), pair(REFUSED, "refused"), pair(ISSUER, "OK")];
        assert_eq!((results(&report), code), (wanted.to_vec(), Some(4)), "{report:#}");
        let hosts = ["ca.pki.example:80", "crl.pki.example:80", "other.pki.example:80"];
        assert_eq!(report["hosts"], serde_json::json!(hosts), "{report:#}");
        assert_eq!(report["endpoints"][0]["used_by"][0], "listener mx", "{report:#}");
        assert!(alerts(&node).is_empty(), "once is no news");

        let (_, code) = tried(&node, &[]);
        assert_eq!(code, Some(4));
        let told = alerts(&node);
        assert_eq!(told.len(), 2, "{told:#?}");
        let both = serde_json::to_string(&told).expect("JSON");
        assert!(both.contains(DROPPED) && both.contains(REFUSED), "{told:#?}");
        let since = "sekisho_endpoint_failing_since_seconds{host=\"crl.pki.example:80\"}";
        assert!(node::metric(since).is_some_and(|since| since > 0));

        // The firewall is opened.
        drop(shut);
        let crl = authority.crl(&Crl::of(sekisho::clock::now()));
        let again = crl.clone();
        let _one = WebServer::start(at(0), None, move |_| WebAnswer::ok(crl.clone()));
        let _other = WebServer::start(at(1), None, move |_| WebAnswer::ok(again.clone()));
        let (report, code) = tried(&node, &[]);
        assert!(results(&report).iter().all(|(_, cause)| cause == "OK"), "{report:#}");
        assert!(
            report["endpoints"][0]["verified"] == true && code == Some(0),
            "{report:#}"
        );
        assert!(alerts(&node).is_empty());
        assert_eq!(node::metric(since), Some(0));

        // An authority that is not in use yet, by file and by URL; and without a server by the command itself.
        let other = authority.server_with(&["new.example"], 8, &Endpoints::crl(DROPPED).and_crl(ABSENT));
        node.write("new.pem", &other.chain);
        node.terminate();
        let (report, code) = tried(&node, &["new.pem", ISSUER]);
        let wanted = [pair(ABSENT, "no-such-name"), pair(DROPPED, "OK"), pair(ISSUER, "OK")];
        assert_eq!((results(&report), code), (wanted.to_vec(), Some(4)), "{report:#}");
        let said = node.run(&["trust", "endpoints", "new.pem"]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(
            said.contains("a firewall must let this machine reach: absent.pki.example:80"),
            "{said}"
        );
    });
}

const OF_BANK: &str = "http://crl.pki.example/bank.crl";
const OF_SHOP: &str = "http://absent.pki.example/shop.crl";
const OF_STRANGER: &str = "http://absent.pki.example/stranger.crl";

/// Mail to the bank goes only where its certificate holds and was not revoked; to the others it goes as it can.
const PARTNERS: &str = "
[[outbound_connector]]
name = \"bank\"
recipient_domains = [\"bank.example\"]
smart_hosts = [\"192.0.2.1\"]
tls_settings = \"certificate_validation\"
[[outbound_connector]]
name = \"shop\"
recipient_domains = [\"shop.example\"]
smart_hosts = [\"192.0.2.2\"]
tls_settings = \"encryption_only\"
[[outbound_connector]]
name = \"stranger\"
recipient_domains = [\"stranger.example\"]
smart_hosts = [\"192.0.2.3\"]
tls_settings = \"encryption_only\"
";

#[test]
fn what_chains_of_partners_hang_on_is_watched_with_who_needs_it_and_told_before_mail_waits() {
    enclosed(|| {
        let _names = Names::serve(&[Zone::new("pki.example", "crl A 192.0.2.6\n")]);
        let (root, strange) = (Authority::called("Known Trust"), Authority::called("Strange Trust"));
        let serve = |place: usize, authority: &Authority, url: &str| {
            let chain = authority.server_with(&["mx.example"], 7, &Endpoints::crl(url));
            Peer::start((HOSTS[place], 25).into(), Some(&chain), Fault::None)
        };
        let _peers = [
            serve(0, &root, OF_BANK),
            serve(1, &root, OF_SHOP),
            serve(2, &strange, OF_STRANGER),
        ];
        let crl = root.crl(&Crl::of(sekisho::clock::now()));
        let web = WebServer::start((HOSTS[5], 80).into(), None, move |_| WebAnswer::ok(crl.clone()));
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), RELAYING);
        let anchors = node.write("anchors.pem", root.anchor());
        node.set_environment("SSL_CERT_FILE", anchors.into_os_string());
        node.set_environment("SSL_CERT_DIR", node.folder().join("no-such-folder"));
        node.resume();
        apply(&node, PARTNERS);
        for domain in ["bank.example", "shop.example", "stranger.example"] {
            let recipient = format!("b@{domain}");
            submit("a@localhost", std::slice::from_ref(&recipient));
            traced(&node, &recipient, "delivered");
        }

        // Nobody looks up whether the shop's certificate was revoked, and the stranger's leads nowhere.
        let (report, code) = tried(&node, &[]);
        let pair = |url: &str, cause: &str| (url.to_owned(), cause.to_owned());
        let wanted = [pair(OF_SHOP, "no-such-name"), pair(OF_BANK, "OK")];
        assert_eq!((results(&report), code), (wanted.to_vec(), Some(0)), "{report:#}");
        let [shop, bank] = [&report["endpoints"][0], &report["endpoints"][1]];
        assert_eq!((&shop["is_needed"], &bank["is_needed"]), (&false.into(), &true.into()));
        assert_eq!(shop["used_by"][0], "partner default/shop.example", "{report:#}");
        assert_eq!(
            bank["used_by"][0], "partner default/bank.example, for connector \"default/bank\"",
            "{report:#}"
        );
        assert_eq!(bank["verified"], true, "{report:#}");
        assert_eq!(report["hosts"], serde_json::json!(["crl.pki.example:80"]), "{report:#}");

        // The firewall is shut: what is held answers for days, and the operator knows by now.
        drop(web);
        for _ in 0..2 {
            let (report, code) = tried(&node, &[]);
            assert_eq!(
                (results(&report)[0].1.as_str(), code),
                ("refused", Some(4)),
                "{report:#}"
            );
        }
        let told = alerts(&node);
        assert_eq!(told.len(), 1, "{told:#?}");
        let text = told[0]["text"].as_str().expect("words");
        assert!(
            told[0]["subject"]
                .as_str()
                .is_some_and(|subject| subject.contains(OF_BANK)),
            "{told:#?}"
        );
        assert!(text.contains("partner default/bank.example"), "{text}");
        assert!(text.contains("until then mail flows"), "{text}");
        assert_eq!(told[0]["severity"], "warning", "{told:#?}");
        submit("a@localhost", &["c@bank.example".to_owned()]);
        traced(&node, "c@bank.example", "delivered");
    });
}
