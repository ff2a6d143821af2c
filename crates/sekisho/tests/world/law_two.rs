//! Law 2, on the wire: a message that requires TLS never leaves in the clear, whatever the peer does; and what demands
//! nothing is delivered all the same.

use sekisho_testkit::{
    authority::{Authority, Pem, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP},
    peer::{Fault, Peer},
    wait,
};

use rustix::process::Signal;

use crate::{
    RELAYING, all_attempted, attempts, delivered_to, last_attempt, node, relaying_node, submit, trace_of, traced,
};

/// Stands in every message, envelope and content.
const SECRET: &str = "topsecret";

const STRIPPINGS: [Fault; 12] = [
    Fault::NotOffered,
    Fault::EhloRefused,
    Fault::Refused(454),
    Fault::Refused(502),
    Fault::Refused(354),
    Fault::Refused(421),
    Fault::NoTlsBehind220,
    Fault::InjectedBehind220,
    Fault::FragmentBehind220,
    Fault::CutAtHandshake,
    Fault::CutInHandshake,
    Fault::Answer("EHLO", 421),
];

fn route(require: &str, more: &str) -> String {
    format!(
        "[[route]]\nname = \"there\"\ndomains = [\"there.example\"]\nvia = [\"192.0.2.1:25\"]\n\
         require = \"{require}\"\nretry = [\"1s\"]\n{more}"
    )
}

fn send(recipient: &str) {
    let body = format!("{SECRET} content");
    Swaks::new()
        .send(
            SMTP,
            "topsecret-sender@localhost",
            recipient,
            &["--tls", "--body", &body],
        )
        .assert_accepted();
}

/// Waits until at least one attempt has ended.
fn attempted(node: &Node, recipient: &str) -> serde_json::Value {
    wait::until_or(
        "an attempt",
        || trace_of(node, recipient).filter(|message| attempts(message).next().is_some()),
        || node.log(),
    )
}

fn peer(pem: &Pem, fault: Fault) -> Peer {
    Peer::start((HOSTS[0], 25).into(), Some(pem), fault)
}

/// STARTTLS that is not offered, refused, or spoilt: the stripping of mail's TLS in all its forms.
#[test]
fn no_stripping_of_starttls_gets_a_message_that_requires_it() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        let peer = peer(&pem, Fault::None);
        let node = relaying_node(&route("encryption", ""));
        for (place, fault) in STRIPPINGS.into_iter().enumerate() {
            peer.set_fault(fault);
            let recipient = format!("{SECRET}{place}@there.example");
            send(&recipient);
            let message = attempted(&node, &recipient);
            let outcome = crate::outcome_of(last_attempt(&message));
            assert_eq!(outcome, "deferred", "{fault:?}: {message:#}");
        }
        assert_eq!(peer.count(), 0, "nothing was delivered");
        assert!(!peer.saw_in_the_clear(SECRET), "something left in the clear");
        peer.set_fault(Fault::None);
        wait::until_or(
            "all to arrive under TLS",
            || (peer.count() == STRIPPINGS.len()).then_some(()),
            || node.log(),
        );
        assert!(peer.received().iter().all(|message| message.tls));
        assert!(!peer.saw_in_the_clear(SECRET), "something left in the clear");
    });
}

#[test]
fn the_requirement_survives_a_restart_by_force_and_a_bounce_carries_headers_only() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        let peer = peer(&pem, Fault::NotOffered);
        let mut node = relaying_node(&route("encryption", "expire-after = \"3s\"\n"));
        Swaks::new()
            .send(
                SMTP,
                "inbox@localhost",
                "topsecret@there.example",
                &["--tls", "--header", "Subject: the subject", "--body", "topsecret body"],
            )
            .assert_accepted();
        attempted(&node, "topsecret@there.example");
        node.kill();
        node.resume();
        traced(&node, "topsecret@there.example", "bounced");
        assert!(!peer.saw_in_the_clear(SECRET));
        let bounce = delivered_to(&node, "inbox");
        for word in [
            "Action: failed",
            "text/rfc822-headers",
            "Subject: the subject",
            "route \"there\"",
        ] {
            assert!(bounce.contains(word), "{word:?} is not in\n{bounce}");
        }
        assert!(!bounce.contains("topsecret body"), "{bounce}");
    });
}

#[test]
fn the_requirement_goes_along_to_where_an_alias_or_a_redirect_leads() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        let peer = peer(&pem, Fault::NotOffered);
        // Nothing is demanded of the host itself: what covers the address that was written to is what counts.
        let node = relaying_node(
            "[local]\naliases = { far = [\"topsecret-alias@open.example\"] }\n\
             [[route]]\nname = \"all\"\ndomains = [\"*\"]\nvia = [\"192.0.2.2:25\"]\nrequire = \"encryption\"\n\
             [[route]]\nname = \"open\"\ndomains = [\"open.example\"]\nvia = [\"192.0.2.1:25\"]\n",
        );
        send("far@localhost");
        attempted(&node, "topsecret-alias@open.example");
        send("topsecret@closed.example");
        let message = attempted(&node, "topsecret@closed.example");
        let id = message["id"].as_str().expect("an id");
        let redirected = node.run(&["queue", "redirect", id, "topsecret-other@open.example"]);
        assert!(redirected.status.success(), "{redirected:?}");
        let message = wait::until_or(
            "an attempt at the new place",
            || {
                let message = trace_of(&node, "topsecret-other@open.example")?;
                let there = last_attempt(&message)["route"].as_str()?.contains("open");
                there.then_some(message)
            },
            || node.log(),
        );
        assert_eq!(crate::outcome_of(last_attempt(&message)), "deferred", "{message:#}");
        assert!(!peer.wire().is_empty(), "both were tried");
        assert!(!peer.saw_in_the_clear(SECRET), "something left in the clear");
        assert_eq!(peer.count(), 0);
        // What carries nothing goes there as it can: the demand came with the messages, not with the host.
        send("b@open.example");
        traced(&node, "b@open.example", "delivered");
    });
}

#[test]
fn of_two_hosts_the_one_with_tls_gets_what_requires_it() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        let stripped = peer(&pem, Fault::NotOffered);
        let sound = Peer::start((HOSTS[1], 25).into(), Some(&pem), Fault::None);
        let both = route("encryption", "").replace("\"192.0.2.1:25\"", "\"192.0.2.1:25\", \"192.0.2.2:25\"");
        let node = relaying_node(&both);
        send("topsecret@there.example");
        let message = traced(&node, "topsecret@there.example", "delivered");
        assert_eq!(last_attempt(&message)["attempt"], 1, "{message:#}");
        assert_eq!((stripped.count(), sound.count()), (0, 1));
        assert!(!stripped.saw_in_the_clear(SECRET) && !sound.saw_in_the_clear(SECRET));
    });
}

/// What a certificate proves to whoever trusts the test's authority and wants `mx.there.example`.
struct Proof {
    what: &'static str,
    pem: Pem,
    /// It leads to the authority, is in its time and fit for a server.
    path: bool,
    /// It names the host that is wanted.
    name: bool,
}

fn proofs(authority: &Authority) -> Vec<Proof> {
    let (right, wrong) = (["mx.there.example"], ["mx.elsewhere.example"]);
    let stranger = Authority::new();
    let mut proofs = Vec::new();
    for (names, name) in [(&right, true), (&wrong, false)] {
        let mut add = |what, pem, path| proofs.push(Proof { what, pem, path, name });
        add("right path", authority.server(names), true);
        add("expired", authority.expired(names), false);
        add("not yet valid", authority.not_yet_valid(names), false);
        add("self-signed", self_signed(names), false);
        add("another authority", stranger.server(names), false);
        add("for clients alone", authority.client(names[0]), false);
    }
    let called = authority.server_called(right[0], &wrong);
    proofs.push(Proof {
        what: "right common name",
        pem: called,
        path: true,
        name: false,
    });
    proofs
}

/// lettre before 0.11.22 turned the check of names round for one TLS library: every certificate that is wrong in some
/// way, under every demand. What is expected follows from what each proves and each demand wants; none is picked.
#[test]
fn every_certificate_under_every_demand_has_the_answer_that_follows() {
    enclosed(|| {
        let authority = Authority::new();
        let demands = [
            ("none", false, false),
            ("encryption", false, false),
            ("certificate", true, false),
            ("domain", true, true),
        ];
        let mut routes = String::new();
        let mut rows = Vec::new();
        let mut peers = Vec::new();
        for (place, proof) in proofs(&authority).into_iter().enumerate() {
            let at = std::net::SocketAddr::new(HOSTS[0], 2600 + u16::try_from(place).expect("they are few"));
            peers.push(Peer::start(at, Some(&proof.pem), Fault::None));
            for (demand, path, name) in demands {
                let domain = format!("{demand}{place}.example");
                let names = if name {
                    "tls-names = [\"mx.there.example\"]\n"
                } else {
                    ""
                };
                let anchors = if path { "trust-anchors = \"anchor.pem\"\n" } else { "" };
                routes += &format!(
                    "[[route]]\nname = \"{demand}{place}\"\ndomains = [\"{domain}\"]\nvia = [\"{at}\"]\n\
                     require = \"{demand}\"\nretry = [\"1h\"]\n{names}{anchors}"
                );
                let good = (!path || proof.path) && (!name || proof.name);
                rows.push((
                    format!("{}, name {}, {demand}", proof.what, proof.name),
                    place,
                    domain,
                    good,
                ));
            }
        }
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), &format!("{RELAYING}{routes}"));
        node.write("anchor.pem", authority.anchor());
        node.resume();
        let recipients: Vec<String> = rows
            .iter()
            .map(|(_, _, domain, _)| format!("topsecret@{domain}"))
            .collect();
        submit("topsecret@localhost", &recipients);
        let mut wanted = vec![0; peers.len()];
        for ((what, place, _, good), message) in rows.iter().zip(all_attempted(&node, &recipients)) {
            let outcome = crate::outcome_of(last_attempt(&message));
            let expected = if *good { "delivered" } else { "deferred" };
            assert_eq!(outcome, expected, "{what}: {message:#}");
            wanted[*place] += usize::from(*good);
        }
        let counts: Vec<usize> = peers.iter().map(Peer::count).collect();
        assert_eq!(counts, wanted, "each got what it was good for");
        assert!(peers.iter().all(|peer| !peer.saw_in_the_clear(SECRET)));
    });
}

#[test]
fn each_certificate_is_good_for_what_it_proves_and_nothing_more() {
    enclosed(|| {
        let authority = Authority::new();
        let name = "mx.there.example";
        let cases = [
            ("domain", authority.server(&[name]), true),
            ("domain", authority.server(&["other.example"]), false),
            ("certificate", authority.server(&["other.example"]), true),
            ("certificate", authority.expired(&[name]), false),
            ("certificate", self_signed(&[name]), false),
            ("encryption", self_signed(&["other.example"]), true),
            ("encryption", authority.expired(&["other.example"]), true),
            ("none", authority.expired(&["other.example"]), true),
        ];
        for (require, pem, good) in cases {
            let peer = peer(&pem, Fault::None);
            let names = if require == "domain" {
                format!("tls-names = [\"{name}\"]\n")
            } else {
                String::new()
            };
            let anchors = if ["domain", "certificate"].contains(&require) {
                "trust-anchors = \"anchor.pem\"\n"
            } else {
                ""
            };
            let mut node = Node::new(
                env!("CARGO_BIN_EXE_sekisho"),
                &format!("{RELAYING}{}", route(require, &format!("{names}{anchors}"))),
            );
            node.write("anchor.pem", authority.anchor());
            node.resume();
            send("topsecret@there.example");
            let message = attempted(&node, "topsecret@there.example");
            let wanted = if good { "delivered" } else { "deferred" };
            assert_eq!(
                crate::outcome_of(last_attempt(&message)),
                wanted,
                "{require}: {message:#}"
            );
            assert_eq!(peer.count() > 0, good, "{require}");
            assert!(!peer.saw_in_the_clear(SECRET), "{require}");
        }
    });
}

#[test]
fn opportunistic_mail_is_delivered_whatever_is_wrong_with_starttls() {
    enclosed(|| {
        let pem = self_signed(&["peer.example"]);
        for fault in [
            Fault::NotOffered,
            Fault::EhloRefused,
            Fault::Refused(454),
            Fault::CutInHandshake,
        ] {
            let peer = peer(&pem, fault);
            let node = relaying_node(&route("none", ""));
            send("b@there.example");
            let message = traced(&node, "b@there.example", "delivered");
            let security = &last_attempt(&message)["channel"]["security"];
            assert!(
                !security["plaintext"].is_null(),
                "{fault:?}: the evidence says in the clear and why: {security}"
            );
            assert_eq!(peer.count(), 1, "{fault:?}");
        }
    });
}

/// CVE-2011-0411, CVE-2024-34083: a sender that was injected in the clear is no sender under TLS.
#[test]
fn nothing_said_before_the_handshake_survives_it_in_our_server() {
    enclosed(|| {
        let _node = node("");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let replies = runtime.block_on(async {
            let mut client = sekisho_testkit::client::Client::connect(SMTP).await?;
            client.expect_reply().await?;
            client.command("EHLO client.example").await?;
            client
                .send(b"STARTTLS\r\nMAIL FROM:<injected@there.example>\r\n")
                .await?;
            let go = client.expect_reply().await?;
            if go.code != 220 {
                // Refusing the injection outright is as good.
                return std::io::Result::Ok(vec![go.code]);
            }
            client.start_tls(None).await?;
            Ok(vec![client.command("RCPT TO:<postmaster@localhost>").await?.code])
        });
        let replies = replies.expect("the server answers");
        assert!(replies.iter().all(|code| code / 100 == 5), "{replies:?}");
    });
}

#[test]
fn a_host_that_breaks_on_a_large_hello_gets_a_small_one_and_is_remembered() {
    enclosed(|| {
        let pem = Authority::new().server(&["mx.there.example"]);
        let peer = peer(&pem, Fault::CutAtLargeHello);
        let node = relaying_node(&route("encryption", ""));
        send("a@there.example");
        let message = traced(&node, "a@there.example", "delivered");
        let attempt = last_attempt(&message);
        assert_eq!(attempt["attempt"], 1, "{message:#}");
        assert_eq!(attempt["channel"]["security"]["tls"]["group"], "x25519", "{message:#}");
        let failed = |message: &serde_json::Value| {
            let attempt = last_attempt(message);
            attempt["failed_handshakes"].as_array().map_or(0, Vec::len)
        };
        // Twice: the first could have been the network.
        assert_eq!(failed(&message), 2, "{message:#}");
        // The connection is kept for more mail; a reload closes it, and the memory stays.
        node.signal(Signal::HUP);
        wait::until_or(
            "the reload",
            || node.log().contains("read anew").then_some(()),
            || node.log(),
        );
        send("b@there.example");
        let message = traced(&node, "b@there.example", "delivered");
        assert_eq!(failed(&message), 0, "{message:#}");
        assert!(!peer.saw_in_the_clear(SECRET));
    });
}

#[test]
fn a_route_that_never_offers_the_hybrid_needs_no_second_handshake() {
    enclosed(|| {
        let pem = Authority::new().server(&["mx.there.example"]);
        let _peer = peer(&pem, Fault::CutAtLargeHello);
        let node = relaying_node(&route("encryption", "hybrid = \"never\"\n"));
        send("a@there.example");
        let message = traced(&node, "a@there.example", "delivered");
        let attempt = last_attempt(&message);
        assert_eq!(attempt["channel"]["security"]["tls"]["group"], "x25519", "{message:#}");
        assert_eq!(
            attempt["failed_handshakes"].as_array().map_or(0, Vec::len),
            0,
            "{message:#}"
        );
    });
}

#[test]
fn a_route_offers_and_demands_the_key_exchange_groups_that_it_names() {
    enclosed(|| {
        let pem = Authority::new().server(&["mx.there.example"]);
        let _peer = peer(&pem, Fault::None);
        let node = relaying_node(&route("none", "key-exchange-groups = [\"SECP384R1\"]\n"));
        send("a@there.example");
        let message = traced(&node, "a@there.example", "delivered");
        let attempt = last_attempt(&message);
        assert_eq!(
            attempt["channel"]["security"]["tls"]["group"], "secp384r1",
            "{message:#}"
        );
        let demand = attempt["required"].to_string();
        assert!(demand.contains("key-exchange"), "{message:#}");
    });
}

#[test]
fn whoever_names_no_anchors_trusts_the_roots_and_the_operators_files_as_they_are_at_each_reload() {
    enclosed(|| {
        let (before, after) = (Authority::new(), Authority::new());
        let peer = peer(&before.server(&["mx.there.example"]), Fault::None);
        for roots in ["system", "bundled"] {
            let trust = format!("[trust]\nroots = \"{roots}\"\nfiles = [\"own.pem\"]\n");
            let configuration = format!("{RELAYING}{}{trust}", route("certificate", ""));
            let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), &configuration);
            node.write("own.pem", before.anchor());
            node.resume();
            send("first@there.example");
            let message = attempted(&node, "first@there.example");
            assert_eq!(crate::outcome_of(last_attempt(&message)), "delivered", "{message:#}");
            node.write("own.pem", after.anchor());
            node.signal(Signal::HUP);
            let read = || node.log().contains("read anew").then_some(());
            wait::until_or("the reload", read, || node.log());
            send("topsecret@there.example");
            let message = attempted(&node, "topsecret@there.example");
            assert_eq!(crate::outcome_of(last_attempt(&message)), "deferred", "{message:#}");
        }
        assert_eq!(peer.count(), 2);
        assert!(!peer.saw_in_the_clear(SECRET));
    });
}
