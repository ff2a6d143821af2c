//! What is looked at when a certificate of ours comes in, what proves that it is presented, and what a kill leaves.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sekisho_testkit::{
    authority::{Authority, Endpoints, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Zone},
    node::Node,
    wait,
    web::{WebAnswer, WebServer},
};
use serde_json::Value;

use crate::certificates::{
    LISTENER, digest, done, import, names, node_with_role, path, presented, refused, roles, write,
};

/// The first certificate of a role `mx`.
fn first(node: &Node) -> Value {
    let role = roles(node).pop().expect("the role");
    role["certificates"][0].clone()
}

#[test]
fn a_missing_intermediate_is_told_and_fetched_from_where_the_certificate_says_when_that_is_asked_for() {
    enclosed(|| {
        let _names = Names::serve(&[Zone::new("sekisho.example", "node A 192.0.2.1\n")]);
        let root = Authority::new();
        let intermediate = root.intermediate();
        let address = format!("http://{}/intermediate.cer", HOSTS[5]);
        let endpoints = Endpoints {
            issuers: vec![address.clone()],
            ..Endpoints::default()
        };
        let leaf = intermediate
            .server_with(&["mx.example.org"], 7, &endpoints)
            .leaf_alone();
        let node = node_with_role(&[]);
        write(&node, "leaf", &leaf);
        let (chain, key) = (path(&node, "leaf.pem"), path(&node, "leaf.key"));
        let plain = ["certificate", "import", "--role", "mx", "--certificate", &chain];
        let plain = [&plain[..], &["--key", &key]].concat();
        let said = done(&node, &[&plain[..], &["--dry-run"]].concat());
        let gap = format!(
            "an intermediate may be missing: CN=Sekisho test intermediate issued the last certificate and is no trust \
             anchor of this system; its certificate is to be had at {address}"
        );
        assert!(said.contains(&gap), "{said}");
        // Nobody answers there yet: nothing comes in.
        let fetching = [&plain[..], &["--fetch-issuers"]].concat();
        let said = refused(&node, 4, &fetching);
        assert!(
            said.contains("the issuer's certificate cannot be fetched") && said.contains(&address),
            "{said}"
        );
        // Somebody else's certificate is none either.
        let (stranger, issuer) = (
            root.intermediate().anchor().to_owned(),
            intermediate.anchor().to_owned(),
        );
        let is_right = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_right);
        let web = WebServer::start(SocketAddr::new(HOSTS[5], 80), None, move |_| {
            let is_right = asked.load(Ordering::Relaxed);
            WebAnswer::ok(if is_right { issuer.clone() } else { stranger.clone() })
        });
        let said = refused(&node, 4, &fetching);
        assert!(
            said.contains(&format!("{address} has another certificate than the issuer's")),
            "{said}"
        );
        is_right.store(true, Ordering::Relaxed);
        let before = web.requests().len();
        let said = done(&node, &fetching);
        let note = format!("the issuer's certificate was fetched from {address} and is part of the chain");
        assert!(said.contains(&note), "{said}");
        assert_eq!(web.requests().len(), before + 1);
        assert_eq!(presented(&[]), digest(&leaf));
        let chain = first(&node)["chain"].clone();
        let subjects: Vec<_> = chain
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["subject"])
            .collect();
        assert_eq!(subjects, ["CN=Sekisho test leaf", "CN=Sekisho test intermediate"]);
        // A client that has the root alone can follow it.
        node.write("root.pem", root.anchor());
        let verified = node.shell(
            "openssl s_client -connect 127.0.0.1:2525 -starttls smtp -CAfile root.pem -verify_return_error </dev/null",
        );
        assert!(verified.status.success(), "{verified:?}");
    });
}

#[test]
fn a_certificate_that_is_for_none_of_the_mail_exchangers_is_told_and_comes_in_all_the_same() {
    enclosed(|| {
        let _names = Names::serve(&[
            Zone::new(
                "here.example",
                "@ MX 10 mx1.hoster.example.\n@ MX 20 mx2.hoster.example.\n",
            ),
            Zone::new("alone.example", "@ A 192.0.2.1\n"),
            Zone::new("hoster.example", ""),
            Zone::new("example.org", ""),
            // The server's own name takes mail too, by a name that each certificate has.
            Zone::new("sekisho.example", "node MX 10 mx.example.org."),
        ]);
        let node = node_with_role(&[]);
        for domain in ["here.example", "alone.example"] {
            done(&node, &["domain", "add", domain, "--type", "internal_relay"]);
        }
        let authority = Authority::new();
        let told = |names: &[&str]| {
            let names: Vec<&str> = [&["mx.example.org"], names].concat();
            let answer = import(&node, &authority.server(&names), &[]);
            assert_eq!(answer["certificate"]["stage"], "active", "{answer:#}");
            let findings = answer["findings"].as_array().cloned().unwrap_or_default();
            let texts = findings
                .iter()
                .map(|one| one["text"].as_str().unwrap_or_default().to_owned());
            let mut about: Vec<String> = texts.filter(|text| text.starts_with("mail for ")).collect();
            about.sort();
            about
        };
        let end = "and the certificate is for none of these: peers that check it refuse it";
        let here = format!("mail for here.example is sent to mx1.hoster.example, mx2.hoster.example, {end}");
        let alone = format!("mail for alone.example is sent to alone.example, {end}");
        assert_eq!(told(&[]), [alone.clone(), here.clone()]);
        // One of the exchangers is enough, by a star too.
        assert_eq!(told(&["*.hoster.example"]), [alone]);
        assert_eq!(told(&["mx2.hoster.example", "alone.example"]), [] as [String; 0]);
        // Nobody asks of what no listener presents.
        done(
            &node,
            &["certificate", "role", "add", "client", "--names", "mx.example.org"],
        );
        write(&node, "client", &authority.server(&["mx.example.org"]));
        let (chain, key) = (path(&node, "client.pem"), path(&node, "client.key"));
        let said = done(
            &node,
            &[
                "certificate",
                "import",
                "--role",
                "client",
                "--certificate",
                &chain,
                "--key",
                &key,
            ],
        );
        assert!(!said.contains("mail for "), "{said}");
    });
}

#[test]
fn two_roles_of_a_listener_for_one_name_hide_each_other_and_the_handshake_with_ourselves_tells() {
    enclosed(|| {
        let _names = names();
        let node = crate::node(&LISTENER.replace("[\"mx\"]", "[\"mx\", \"other\"]"));
        for role in ["mx", "other"] {
            done(
                &node,
                &["certificate", "role", "add", role, "--names", "mx.example.org"],
            );
        }
        let authority = Authority::new();
        let (shown, hidden) = (
            authority.server(&["mx.example.org"]),
            authority.server(&["mx.example.org"]),
        );
        import(&node, &shown, &[]);
        write(&node, "hidden", &hidden);
        let (chain, key) = (path(&node, "hidden.pem"), path(&node, "hidden.key"));
        let other = [
            "certificate",
            "import",
            "--role",
            "other",
            "--certificate",
            &chain,
            "--key",
            &key,
        ];
        done(&node, &other);
        assert_eq!(presented(&["-servername", "mx.example.org"]), digest(&shown));
        let alert = || {
            let alerts = node.json_lines(&["alert", "list", "--json"]);
            alerts
                .into_iter()
                .find(|alert| alert["kind"] == "certificate-not-shown")
        };
        let told = wait::until_or("an alert", alert, || node.log());
        let subject = format!("listener \"default\", mx.example.org sha256:{}", digest(&hidden));
        assert_eq!(told["subject"], subject.as_str(), "{told:#}");
        let text = told["text"].as_str().unwrap_or_default();
        assert!(text.contains("another certificate is presented"), "{text}");
        // A name of its own mends it.
        done(
            &node,
            &["certificate", "role", "set", "other", "--names", "other.example.org"],
        );
        write(&node, "hidden", &authority.server(&["other.example.org"]));
        done(&node, &other);
        wait::until_or(
            "the end of the alert",
            || alert().is_none().then_some(()),
            || node.log(),
        );
    });
}

/// What a role `mx` has: its certificates that can be used, and what cannot, by id.
fn kept(node: &Node) -> (Vec<Value>, Vec<String>) {
    let role = roles(node).pop().expect("the role");
    let all = role["certificates"].as_array().cloned().unwrap_or_default();
    let (unusable, usable): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one["stage"] == "unusable");
    let ids = unusable.iter().filter_map(|one| one["id"].as_str().map(str::to_owned));
    (usable, ids.collect())
}

/// Whether an import has begun to write: there is a folder more than before.
fn has_begun(node: &Node, before: usize) -> bool {
    let folder = node.folder().join("sekisho-data/certificates/default/mx");
    fs::read_dir(folder).is_ok_and(|entries| entries.count() > before)
}

#[test]
fn a_kill_in_the_middle_of_an_import_leaves_a_whole_certificate_or_one_that_is_told_and_not_used() {
    enclosed(|| {
        let _names = names();
        let authority = Authority::new();
        let mut node = node_with_role(&[]);
        let mut known: Vec<Pem> = vec![authority.server(&["mx.example.org"])];
        import(&node, &known[0], &[]);
        for round in 0..6 {
            let (usable, unusable) = kept(&node);
            let before = usable.len() + unusable.len();
            let pem = authority.server(&["mx.example.org"]);
            write(&node, "next", &pem);
            known.push(pem);
            let line = "$SEKISHO certificate import --role mx --certificate next.pem --key next.key >/dev/null 2>&1 &";
            assert!(node.shell(line).status.success());
            wait::until("the first of its files", || has_begun(&node, before).then_some(()));
            node.kill();
            node.resume();
            let (usable, unusable) = kept(&node);
            // What is in force is a certificate whose key is there, and its handshake works.
            let in_force = usable.iter().find(|one| one["is_presented"] == true);
            let in_force = in_force.unwrap_or_else(|| panic!("round {round}: {usable:#?}\n{}", node.log()));
            assert_eq!(presented(&[]), in_force["chain"][0]["sha256"], "round {round}");
            for id in &unusable {
                assert!(
                    node.log().contains(id.as_str()) && node.log().contains("never finished"),
                    "{}",
                    node.log()
                );
                done(&node, &["certificate", "remove", id]);
            }
            let mut ours = known.iter().map(digest);
            assert!(
                ours.any(|digest| in_force["chain"][0]["sha256"] == digest.as_str()),
                "round {round}"
            );
        }
    });
}
