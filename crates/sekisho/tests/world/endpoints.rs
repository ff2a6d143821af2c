//! `sekisho trust endpoints`: a firewall that is shut is found from inside the server, by the endpoint's name, and told
//! before mail waits; opened, everything is well again.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::{Authority, Endpoints},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Zone},
    node::{self, Node},
    revocation::Crl,
    web::{Silence, WebAnswer, WebServer},
};
use serde_json::Value;

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
