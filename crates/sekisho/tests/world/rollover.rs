//! The roll-over to a new key, as an operator walks it and as the world sees it: a Postfix that checks DANE behind a
//! validating resolver, and our own senders, deliver without pause while certificate and key are replaced.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::{Microsocks, Names, Postfix, PostfixSettings, SignedNames, Zone},
    node::Node,
    wait,
};
use serde_json::Value;

use crate::certificates::{done, openssl};

const CONFIGURATION: &str = "\
[node]
hostname = \"mx.us.example\"
[local]
domains = [\"us.example\"]
users = [\"inbox\"]
[[listener]]
name = \"public\"
address = \"192.0.2.1:25\"
tls.roles = [\"mx\"]
";

/// What every Postfix here does: TLSA records are looked up, and what they say is obeyed.
const DANE: &str = "\
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
smtp_tls_CApath = /dev/null
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
";

/// Messages that must come through at each step before the next one is taken.
const AT_EACH_STEP: usize = 3;

/// The roll-over of role `mx` as it stands.
fn rollover(node: &Node) -> Value {
    let mut lines = node.json_lines(&["certificate", "rollover", "show", "mx", "--json"]);
    lines.pop().expect("a roll-over")
}

/// Waits until it stands at this step, and waits there for whom it says.
fn until_at(node: &Node, step: &str, turn: Option<&str>) -> Value {
    let look = || {
        let view = rollover(node);
        let is_there = view["step"] == step && turn.is_none_or(|turn| view["wait"]["turn"] == turn);
        is_there.then_some(view)
    };
    wait::until_or(format_args!("the step {step}"), look, || {
        format!("{:#}\n{}", rollover(node), node.log())
    })
}

/// An authority of OpenSSL's, and its first certificate for `mx.us.example`, in force; the digest of its key.
fn first_certificate(node: &Node) -> String {
    openssl(
        node,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj \
         '/CN=CA' -days 9",
    );
    done(
        node,
        &[
            "certificate",
            "role",
            "add",
            "mx",
            "--names",
            "mx.us.example",
            "--overlap",
            "1s",
        ],
    );
    let mut lines = node.json_lines(&["certificate", "request", "--role", "mx", "--json"]);
    let request = lines.pop().expect("a request");
    let spki = request["certificate"]["spki_sha256"]
        .as_str()
        .expect("a digest")
        .to_owned();
    answer(node, request["certificate"]["request"].as_str().expect("in PEM"));
    spki
}

/// The authority answers a request, and the answer is imported.
fn answer(node: &Node, request: &str) {
    node.write("mx.csr", request);
    openssl(
        node,
        "openssl x509 -req -in mx.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 60 \
         -out mx.pem",
    );
    let path = node.folder().join("mx.pem");
    let path = path.to_str().expect("a plain path");
    done(node, &["certificate", "import", "--role", "mx", "--certificate", path]);
}

fn zone(keys: &[&str]) -> String {
    let records = keys.iter().map(|key| format!("_25._tcp.mx TLSA 3 1 1 {key}\n"));
    format!("@ MX 10 mx\nmx A 192.0.2.1\n{}", records.collect::<String>())
}

/// A sender of our own: connections without pause, each with a handshake and a few messages, until it is told to end.
/// What it gives back is what was acknowledged.
fn sender(number: usize, ends: Arc<AtomicBool>, faults: Arc<Mutex<Vec<String>>>) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let server = SocketAddr::new(HOSTS[0], 25);
        let (mut acknowledged, mut count) = (Vec::new(), 0);
        while !ends.load(Ordering::Relaxed) {
            let sent = runtime.block_on(async {
                let mut client = Client::open(server, true).await?;
                for _ in 0..3 {
                    count += 1;
                    let id = format!("own-{number}-{count}");
                    let content = format!("Subject: {id}\r\n\r\nx\r\n");
                    let reply = client
                        .deliver("load@there.example", "inbox@us.example", content.as_bytes())
                        .await?;
                    reply.must_succeed()?;
                    acknowledged.push(id);
                }
                client.command("QUIT").await.map(drop)
            });
            if let Err(fault) = sent {
                faults
                    .lock()
                    .expect("nobody panics with it")
                    .push(format!("own-{number}-{count}: {fault}"));
            }
        }
        acknowledged
    })
}

/// Feeds Postfix without pause; how many it was given.
fn feeder(postfix: Arc<Postfix>, ends: Arc<AtomicBool>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let mut count = 0;
        let address = postfix.address().to_string();
        while !ends.load(Ordering::Relaxed) {
            postfix.smtp_source(&[
                "-m",
                "2",
                "-f",
                "load@there.example",
                "-t",
                "inbox@us.example",
                &address,
            ]);
            count += 2;
        }
        count
    })
}

/// Queue ids of what Postfix has delivered to us, by its log.
fn sent(postfix: &Postfix) -> Vec<String> {
    let log = postfix.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("postfix/smtp[") && line.contains("status=sent"));
    lines
        .filter_map(|line| Some(line.split("]: ").nth(1)?.split(':').next()?.to_owned()))
        .collect()
}

/// Waits until Postfix has delivered some more under DANE, whatever was in flight before.
fn goes_on(postfix: &Postfix, step: &str) {
    let before = sent(postfix).len();
    wait::until_or(
        format_args!("deliveries at {step}"),
        || (sent(postfix).len() >= before + AT_EACH_STEP).then_some(()),
        || postfix.log(),
    );
}

/// How often each message is in the mailbox, by the word that stands behind a mark.
fn found(node: &Node, mark: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for message in node.mailbox("inbox") {
        let text = String::from_utf8_lossy(&message).into_owned();
        let word = text
            .split_once(mark)
            .and_then(|(_, rest)| rest.split([' ', ';', '\r', '\n']).next());
        if let Some(word) = word {
            *found.entry(word.to_owned()).or_default() += 1;
        }
    }
    found
}

/// Walks every step while mail comes in; `goes_on` is asked at each.
fn walk(node: &Node, names: &SignedNames, old: &str, goes_on: &dyn Fn(&str)) {
    done(node, &["certificate", "rollover", "start", "mx", "--why", "a test"]);
    let view = until_at(node, "records", Some("operator"));
    let next = view["keys"][0]["spki_sha256"].as_str().expect("a digest").to_owned();
    let said = done(node, &["certificate", "rollover", "show", "mx"]);
    let record = format!("_25._tcp.mx.us.example. 1 IN TLSA 3 1 1 {next}");
    assert!(
        said.contains(&format!("to be published beside what is there:\n{record}\n")),
        "{said}"
    );
    goes_on("records");
    names.change(&zone(&[old, &next]));
    let view = until_at(node, "issue", Some("operator"));
    goes_on("issue");
    answer(node, view["keys"][0]["request"].as_str().expect("a request"));
    let view = until_at(node, "partners", Some("operator"));
    let proof = &view["steps"][3];
    assert_eq!(
        (&proof["step"], &proof["state"]),
        (&Value::from("prove"), &Value::from("done")),
        "{proof}"
    );
    goes_on("partners");
    done(node, &["certificate", "rollover", "next", "mx", "--told", "--at", "3s"]);
    until_at(node, "switch", Some("time"));
    goes_on("switch");
    until_at(node, "withdraw", Some("operator"));
    goes_on("withdraw");
    names.change(&zone(&[&next]));
    until_at(node, "done", None);
    goes_on("done");
}

#[test]
fn a_key_is_replaced_under_load_and_dane_keeps_delivering_through_every_step() {
    enclosed(|| {
        let node = crate::node(CONFIGURATION);
        let old = first_certificate(&node);
        done(
            &node,
            &["certificate", "role", "set", "mx", "--pinned-by", "bank.example: told"],
        );
        let names = SignedNames::serve("us.example", &zone(&[&old]));
        let postfix = Arc::new(Postfix::start(&PostfixSettings {
            address: SocketAddr::new(HOSTS[1], 25),
            domain: "there.example",
            certificate: None,
            relayhost: "",
            more: DANE,
        }));
        let (ends, faults) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let senders: Vec<_> = (0..2)
            .map(|number| sender(number, Arc::clone(&ends), Arc::clone(&faults)))
            .collect();
        let fed = feeder(Arc::clone(&postfix), Arc::clone(&ends));
        goes_on(&postfix, "before it begins");
        walk(&node, &names, &old, &|step| goes_on(&postfix, step));
        ends.store(true, Ordering::Relaxed);
        let fed = fed.join().expect("the feeder ends");
        let acknowledged: Vec<String> = senders
            .into_iter()
            .flat_map(|one| one.join().expect("it ends"))
            .collect();
        wait::until_or(
            "all of Postfix's mail",
            || (sent(&postfix).len() == fed).then_some(()),
            || postfix.log(),
        );
        assert_eq!(*faults.lock().expect("all have ended"), Vec::<String>::new());
        // No refused handshake, no delay, and each connection by DANE.
        let log = postfix.log();
        for word in [
            "status=deferred",
            "status=bounced",
            "Untrusted TLS",
            "Anonymous TLS",
            "Trusted TLS",
            "TLSA lookup error",
        ] {
            assert!(!log.contains(word), "{word}: {log}");
        }
        assert!(
            log.contains("Verified TLS connection established to mx.us.example[192.0.2.1]:25"),
            "{log}"
        );
        // No message lost, and none twice.
        let all = || {
            let own = found(&node, "Subject: own-");
            let theirs = found(&node, "(Postfix) with SMTP id ");
            (own.len() >= acknowledged.len() && theirs.len() >= fed).then_some((own, theirs))
        };
        let (own, theirs) = wait::until_or("all mail in the mailbox", all, || node.log());
        for id in &acknowledged {
            assert_eq!(own.get(id.trim_start_matches("own-")), Some(&1), "{id}");
        }
        for id in sent(&postfix) {
            assert_eq!(theirs.get(&id), Some(&1), "{id}");
        }
        assert_eq!((own.len(), theirs.len()), (acknowledged.len(), fed));
        let failed = node
            .log()
            .lines()
            .filter(|line| line.contains("handshake") && line.contains("failed"))
            .count();
        assert_eq!(failed, 0, "{}", node.log());
    });
}

#[test]
fn the_proof_is_made_from_a_second_vantage_too_and_another_server_behind_the_name_is_told() {
    enclosed(|| {
        let vantage = Microsocks::start(SocketAddr::new(HOSTS[4], 1080));
        let more = format!("[certificates]\nvantage = \"{}\"\n", vantage.address());
        let node = crate::node(&format!("{more}{CONFIGURATION}"));
        first_certificate(&node);
        let records = |address: &str| format!("@ MX 10 mx\nmx A {address}\nmx A 192.0.2.1\n");
        let names = Names::serve(&[Zone::new("us.example", &records("192.0.2.2"))]);
        let _other = Postfix::start(&PostfixSettings {
            address: SocketAddr::new(HOSTS[1], 25),
            domain: "us.example",
            certificate: Some(&sekisho_testkit::authority::self_signed(&["mx.us.example"])),
            relayhost: "",
            more: "",
        });
        done(&node, &["certificate", "rollover", "start", "mx"]);
        let view = until_at(&node, "issue", Some("operator"));
        answer(&node, view["keys"][0]["request"].as_str().expect("a request"));
        let view = until_at(&node, "prove", Some("others"));
        let sights: Vec<(bool, &str)> = view["sights"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|sight| Some((sight["is_well"].as_bool()?, sight["text"].as_str()?)))
            .collect();
        for (is_well, place) in [
            (
                true,
                "mx.us.example at 192.0.2.1:25, from here: the next ECDSA certificate is shown",
            ),
            (
                true,
                "mx.us.example at 192.0.2.1:25, through 192.0.2.5:1080: the next ECDSA certificate is shown",
            ),
            (
                false,
                "mx.us.example at 192.0.2.2:25, from here: another certificate is shown",
            ),
            (
                false,
                "mx.us.example at 192.0.2.2:25, through 192.0.2.5:1080: another certificate is shown",
            ),
        ] {
            let is_it = |sight: &&(bool, &str)| sight.0 == is_well && sight.1.starts_with(place);
            assert_eq!(sights.iter().filter(is_it).count(), 1, "{place}: {sights:#?}");
        }
        // An operator who knows better says why, and that stands in the history.
        let said = done(
            &node,
            &[
                "certificate",
                "rollover",
                "next",
                "mx",
                "--accept",
                "prove",
                "--why",
                "the other one follows tonight",
            ],
        );
        assert!(said.contains("! prove"), "{said}");
        assert!(said.contains("the other one follows tonight"), "{said}");
        drop(names);
    });
}

#[test]
fn a_certificate_on_a_new_key_waits_while_tlsa_records_name_the_old_one_or_dns_does_not_say() {
    enclosed(|| {
        let node = crate::node(CONFIGURATION);
        let old = first_certificate(&node);
        let import = |stage: &str| {
            let pem = sekisho_testkit::authority::Authority::new().server(&["mx.us.example"]);
            let (chain, key) = (node.write("new.pem", &pem.chain), node.write("new.key", &pem.key));
            let (chain, key) = (chain.to_str().expect("plain"), key.to_str().expect("plain"));
            let arguments = [
                "certificate",
                "import",
                "--role",
                "mx",
                "--certificate",
                chain,
                "--key",
                key,
                "--json",
            ];
            let done = node.json_lines(&arguments).pop().expect("an answer");
            assert_eq!(done["certificate"]["stage"], stage, "{done:#}");
            done["words"].as_str().expect("words").to_owned()
        };
        let names = Names::serve(&[Zone::new("us.example", &zone(&[&old]))]);
        let words = import("staged");
        assert!(
            words.contains("named by the TLSA records of _25._tcp.mx.us.example"),
            "{words}"
        );
        drop(names);
        let names = Names::serve(&[Zone::broken("us.example")]);
        let words = import("staged");
        assert!(
            words.contains("named by a TLSA record, for all that DNS says: "),
            "{words}"
        );
        drop(names);
        let _names = Names::serve(&[Zone::new("us.example", &zone(&[]))]);
        let words = import("active");
        assert!(words.contains("nothing is known to pin the old one"), "{words}");
    });
}

#[test]
fn it_outlives_a_kill_and_can_be_gone_back_with_and_cancelled() {
    enclosed(|| {
        let mut node = crate::node(CONFIGURATION);
        let old = first_certificate(&node);
        let _names = Names::serve(&[Zone::new("us.example", &zone(&[]))]);
        // A name server that an operator names is asked and no other; nobody is there.
        let start = ["certificate", "rollover", "start", "mx", "--name-server", "192.0.2.6"];
        done(&node, &start);
        let view = until_at(&node, "records", Some("others"));
        let sight = view["sights"][0]["text"].as_str().expect("words").to_owned();
        let wanted = "_25._tcp.mx.us.example: 192.0.2.6:53 gives no answer that counts";
        assert!(sight.starts_with(wanted), "{sight}");
        done(
            &node,
            &["certificate", "rollover", "next", "mx", "--name-server", "192.0.2.53"],
        );
        let view = until_at(&node, "issue", Some("operator"));
        let next = view["keys"][0]["spki_sha256"].as_str().expect("a digest").to_owned();
        let records = view["steps"][0].clone();
        assert_eq!(records["state"], "skipped", "{records}");
        node.kill();
        node.resume();
        let view = until_at(&node, "issue", Some("operator"));
        assert_eq!(
            view["keys"][0]["spki_sha256"],
            Value::from(next.clone()),
            "no second key is made"
        );
        done(&node, &["certificate", "role", "set", "mx", "--overlap", "7d"]);
        answer(&node, view["keys"][0]["request"].as_str().expect("a request"));
        until_at(&node, "overlap", Some("time"));
        let presented = |node: &Node| {
            let mut roles = node.json_lines(&["certificate", "list", "--json"]);
            let role = roles.pop().expect("a role");
            let of_role = role["certificates"].as_array().cloned().unwrap_or_default();
            let one = of_role
                .iter()
                .find(|one| one["is_presented"] == true)
                .cloned()
                .expect("one is");
            one["spki_sha256"].as_str().expect("a digest").to_owned()
        };
        assert_eq!(presented(&node), next);
        let refused = |order: &str| {
            let output = node.run(&["certificate", "rollover", order, "mx"]);
            assert!(!output.status.success());
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let said = refused("cancel");
        assert!(
            said.contains("the next certificate is presented; go back before the switch first"),
            "{said}"
        );
        let said = done(
            &node,
            &["certificate", "rollover", "back", "mx", "--why", "a partner refuses it"],
        );
        assert!(said.contains("the old certificate is presented again"), "{said}");
        assert_eq!(presented(&node), old);
        done(&node, &["certificate", "rollover", "cancel", "mx"]);
        assert!(refused("next").contains("no roll-over of role default/mx is under way"));
        assert_eq!(presented(&node), old);
    });
}
