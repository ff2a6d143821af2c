//! Which way mail goes: smart hosts, other domains' MX, the certificate that we present, and what becomes of queued
//! mail when a connector changes.

use std::net::SocketAddr;

use sekisho_testkit::{
    authority::{Authority, self_signed},
    enclosure::{HOSTS, enclosed},
    foreign::{Names, Postfix, PostfixListener, PostfixSettings, Swaks, Zone},
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use super::{Sender, TWO_ORGANIZATIONS, apply, lines, service, version};
use crate::{last_attempt, relaying_node, submit, traced};

fn peer(address: impl Into<SocketAddr>) -> Peer {
    Peer::start(address.into(), None, Fault::None)
}

fn send(recipient: &str) {
    submit("a@localhost", &[recipient.to_owned()]);
}

fn connector(name: &str, domains: &str, more: &str) -> String {
    format!("[[outbound_connector]]\nname = \"{name}\"\nrecipient_domains = [\"{domains}\"]\n{more}\n")
}

/// Waits until an attempt has ended so; answers with the attempt.
fn attempted(node: &Node, recipient: &str, outcome: &str) -> Value {
    last_attempt(&traced(node, recipient, outcome)).clone()
}

/// The recipient's domain, who gets it, and the way. The first smart host is dead, and so is the first MX of the other
/// domain.
const ROUTES: &str = r#"there.example        | smart | connector "default/below" to smart.host.example
    deep.x.there.example | smart | connector "default/below" to smart.host.example
    a.there.example      | own   | connector "default/mx" by mx to mx.there.example
    b.there.example      | relay | connector "default/of" by mx of relay.example to second.relay.example
    c.there.example      | smart | connector "default/below" to smart.host.example"#;

#[test]
fn smart_hosts_in_their_order_the_mx_of_another_domain_and_the_most_specific_connector() {
    enclosed(|| {
        let zones = [
            Zone::new("there.example", "@ MX 10 mx\nmx A 192.0.2.1\n* MX 10 mx"),
            Zone::new(
                "relay.example",
                "@ MX 20 second\n@ MX 10 first\nfirst A 192.0.2.6\nsecond A 192.0.2.2",
            ),
            Zone::new("host.example", "smart A 192.0.2.3"),
        ];
        let _names = Names::serve(&zones);
        let own = peer((HOSTS[0], 25));
        let of_relay = peer((HOSTS[1], 25));
        let smart = peer((HOSTS[2], 2600));
        let node = relaying_node("");
        apply(
            &node,
            &[
                connector(
                    "below",
                    "*.there.example",
                    "smart_hosts = [\"192.0.2.6:2600\", \"smart.host.example:2600\"]",
                ),
                connector("mx", "a.there.example", ""),
                connector("of", "b.there.example", "smart_hosts = [\"mx:relay.example\"]"),
                connector(
                    "off",
                    "c.there.example",
                    "enabled = false\nsmart_hosts = [\"192.0.2.6\"]",
                ),
            ]
            .concat(),
        );
        for line in ROUTES.lines() {
            let [domain, host, route] = super::cells(line);
            let host = match host {
                "own" => &own,
                "relay" => &of_relay,
                _ => &smart,
            };
            let before = host.count();
            let recipient = format!("b@{domain}");
            send(&recipient);
            let attempt = attempted(&node, &recipient, "delivered");
            assert_eq!(
                (&attempt["route"], &attempt["attempt"]),
                (&route.into(), &1.into()),
                "{attempt:#}"
            );
            assert_eq!(host.count(), before + 1, "{domain}");
        }
    });
}

#[test]
fn a_block_of_smart_hosts_is_tried_host_by_host_and_kept_as_it_was_written() {
    enclosed(|| {
        // Its hosts are 192.0.2.1 to 192.0.2.6, and nobody listens at the first four.
        let taking = [peer((HOSTS[4], 2600)), peer((HOSTS[5], 2600))];
        let node = relaying_node("");
        let text = connector("block", "there.example", "smart_hosts = [\"192.0.2.0/29:2600\"]");
        apply(&node, &text);
        send("a@there.example");
        let attempt = attempted(&node, "a@there.example", "delivered");
        assert_eq!(
            attempt["route"], "connector \"default/block\" to [192.0.2.5]",
            "{attempt:#}"
        );
        assert_eq!(attempt["attempt"], 1, "{attempt:#}");
        assert_eq!(taking.each_ref().map(Peer::count), [1, 0]);
        let exported = node.run(&["export"]);
        let exported = String::from_utf8_lossy(&exported.stdout);
        assert!(exported.contains("smart_hosts = [\"192.0.2.0/29:2600\"]"), "{exported}");
        for (block, why) in [
            ("192.0.2.0/23", "from /24 to /32"),
            ("192.0.2.1/24", "bits are set behind the prefix length"),
            ("192.0.2.0/24\", \"198.51.100.0/29", "it means 260 hosts"),
        ] {
            let wide = node.write("wide.toml", &text.replace("192.0.2.0/29:2600", block));
            let refused = node.run(&["apply", &wide.to_string_lossy()]);
            let said = String::from_utf8_lossy(&refused.stdout);
            assert!(!refused.status.success(), "{block}");
            assert!(said.contains("smart_hosts") && said.contains(why), "{block}: {said}");
        }
    });
}

/// A route of the file that is more exact than any connector.
const ROUTE: &str = "\
[[route]]
name = \"exact\"
domains = [\"topsecret.routed.example\"]
via = [\"192.0.2.2:25\"]
retry = [\"1h\"]
";

#[test]
fn what_any_connector_and_the_organization_demand_holds_on_whatever_way_is_chosen() {
    enclosed(|| {
        let root = Authority::new();
        let trusted = Peer::start((HOSTS[0], 25).into(), Some(&root.server(&["mx.example"])), Fault::None);
        let untrusted = Peer::start((HOSTS[1], 25).into(), Some(&self_signed(&["mx.example"])), Fault::None);
        let plain = peer((HOSTS[2], 25));
        let node = relaying_node(ROUTE);
        let anchors = lines(root.anchor());
        let all = format!(
            "smart_hosts = [\"192.0.2.6\"]\ntls_settings = \"certificate_validation\"\ntrust_anchors = {anchors}"
        );
        apply(
            &node,
            &[
                connector("all", "*", &all),
                connector("one", "*.one.example", "smart_hosts = [\"192.0.2.1\"]"),
                connector(
                    "two",
                    "topsecret.two.example",
                    "smart_hosts = [\"192.0.2.2\"]\nretry = [\"1h\"]",
                ),
            ]
            .concat(),
        );
        send("b@one.example");
        let attempt = attempted(&node, "b@one.example", "delivered");
        assert!(attempt["required"].to_string().contains("default/all"), "{attempt:#}");
        assert!(attempt["route"].to_string().contains("default/one"), "{attempt:#}");
        let deferred = |domain: &str, way: &str, status: &str, by: &str| {
            let recipient = format!("b@{domain}");
            send(&recipient);
            let attempt = attempted(&node, &recipient, "deferred");
            assert!(
                attempt["route"].as_str().is_some_and(|route| route.contains(way)),
                "{attempt:#}"
            );
            assert_eq!(attempt["outcome"]["why"]["status"], status, "{attempt:#}");
            let unmet = attempt["outcome"]["why"]["unmet"].as_str().unwrap_or_default();
            assert!(unmet.contains(by), "{unmet}");
        };
        let by = "connector \"default/all\"";
        deferred("topsecret.two.example", "default/two", "4.7.320", by);
        deferred("topsecret.routed.example", "route \"exact\"", "4.7.320", by);

        let organization = "[[organization]]\nname = \"default\"\nrequire_tls_outbound = \"encryption\"\n";
        let open = connector("open", "topsecret.plain.example", "smart_hosts = [\"192.0.2.3\"]");
        apply(&node, &format!("{organization}{open}"));
        deferred(
            "topsecret.plain.example",
            "default/open",
            "4.4.317",
            "organization default",
        );
        assert_eq!((trusted.count(), untrusted.count(), plain.count()), (1, 0, 0));
        assert!(!untrusted.saw_in_the_clear("topsecret") && !plain.saw_in_the_clear("topsecret"));
    });
}

/// A Postfix says by whom it was visited.
#[test]
fn the_client_certificate_of_a_connector_is_presented_in_tls_1_3_and_in_1_2_where_that_is_said() {
    enclosed(|| {
        let root = Authority::new();
        let certificate = root.server(&["mx.there.example"]);
        let listener = |port: u16, version: &str| PostfixListener {
            address: (HOSTS[0], port).into(),
            certificate: certificate.clone(),
            options: [
                &format!("smtpd_tls_protocols={version}"),
                "smtpd_tls_ask_ccert=yes",
                // The chain of its own certificate ends with the authority.
                "smtpd_tls_CAfile=/etc/postfix/chain.pem",
            ]
            .map(ToOwned::to_owned)
            .to_vec(),
        };
        let settings = PostfixSettings {
            address: ([127, 0, 0, 1], 2699).into(),
            domain: "there.example",
            certificate: Some(&certificate),
            relayhost: "",
            more: "virtual_mailbox_domains = static:all\n",
        };
        let postfix = Postfix::start_with(&settings, &[listener(2613, "TLSv1.3"), listener(2612, "TLSv1.2")]);
        let node = relaying_node("");
        let client = root.client("out.acme.example");
        node.write("client.pem", &client.chain);
        node.write("client.key", &client.key);
        let files = "client_certificate = { certificate = \"client.pem\", key = \"client.key\" }";
        let of = |port: u16, more: &str| format!("smart_hosts = [\"192.0.2.1:{port}\"]\n{more}");
        apply(
            &node,
            &[
                connector("new", "new.example", &of(2613, files)),
                connector("old", "old.example", &of(2612, files)),
                connector(
                    "said",
                    "said.example",
                    &of(2612, &format!("{files}\nclient_certificate_in_tls12 = true")),
                ),
                connector("without", "without.example", &of(2613, "")),
            ]
            .concat(),
        );
        let (shown, hidden) = ("(verified OK)", "(Client did not present a certificate)");
        for (domain, wanted) in [
            ("new.example", shown),
            ("old.example", hidden),
            ("said.example", shown),
            ("without.example", hidden),
        ] {
            let recipient = format!("b@{domain}");
            send(&recipient);
            traced(&node, &recipient, "delivered");
            let look = || {
                let mut inbox = postfix
                    .inbox()
                    .into_iter()
                    .map(|message| String::from_utf8_lossy(&message).into_owned());
                inbox.find(|message| message.contains(&recipient))
            };
            let message = wait::until_or(format_args!("mail for {recipient}"), look, || postfix.log());
            assert!(message.contains(wanted), "{domain}: {message}");
        }
    });
}

#[test]
fn queued_mail_goes_by_the_connector_as_it_is_at_the_next_attempt() {
    enclosed(|| {
        let stripped = Peer::start(
            (HOSTS[0], 25).into(),
            Some(&self_signed(&["mx.example"])),
            Fault::NotOffered,
        );
        let good = Peer::start((HOSTS[1], 25).into(), Some(&self_signed(&["mx.example"])), Fault::None);
        let node = relaying_node("");
        let rest = peer((HOSTS[2], 25));
        let everything = connector("all", "*", "smart_hosts = [\"192.0.2.3\"]");
        let directory = |host: &str| {
            let more = format!("smart_hosts = [\"{host}\"]\ntls_settings = \"encryption_only\"\nretry = [\"1s\"]");
            connector("there", "topsecret.example", &more) + &everything
        };
        apply(&node, &directory("192.0.2.1"));
        let before = version(&node);
        send("b@topsecret.example");
        let attempt = attempted(&node, "b@topsecret.example", "deferred");
        assert_eq!(
            (&attempt["outcome"]["why"]["status"], &attempt["directory"]),
            (&"4.4.317".into(), &before.into())
        );
        let process = node.process_id();
        apply(&node, &directory("192.0.2.2"));
        let attempt = attempted(&node, "b@topsecret.example", "delivered");
        assert_eq!(attempt["directory"], before + 1, "{attempt:#}");
        assert!(attempt["route"].to_string().contains("192.0.2.2"), "{attempt:#}");
        assert_eq!((node.process_id(), stripped.count(), good.count()), (process, 0, 1));
        assert!(!stripped.saw_in_the_clear("topsecret"));

        // A connector that is gone leaves the mail to the next best one.
        apply(&node, &everything);
        send("c@topsecret.example");
        let attempt = attempted(&node, "c@topsecret.example", "delivered");
        assert!(attempt["route"].to_string().contains("default/all"), "{attempt:#}");
        assert_eq!((attempt["directory"].as_u64(), rest.count()), (Some(before + 2), 1));
    });
}

#[test]
fn a_back_off_from_before_a_restart_ends_when_the_connector_changes() {
    enclosed(|| {
        let good = peer((HOSTS[1], 25));
        let mut node = relaying_node("");
        let directory = |host: &str| {
            let more = format!("smart_hosts = [\"{host}\"]\nretry = [\"1h\"]");
            connector("there", "there.example", &more) + &connector("other", "other.example", "")
        };
        apply(&node, &directory("192.0.2.6"));
        send("b@there.example");
        attempted(&node, "b@there.example", "deferred");
        assert!(node.terminate().success(), "{}", node.log());
        node.resume();
        // It waits behind what was found before the restart.
        send("c@there.example");
        // What has nothing to do with it lifts nothing.
        apply(
            &node,
            &(directory("192.0.2.6") + &connector("more", "more.example", "")),
        );
        apply(&node, &directory("192.0.2.2"));
        let attempt = attempted(&node, "c@there.example", "delivered");
        assert_eq!((&attempt["attempt"], good.count()), (&1.into(), 1), "{attempt:#}");
    });
}

/// Acme's server is at 192.0.2.3, beta's at 192.0.2.4; each sends to `there.example` by a connector with this. A
/// pause is short: what the next connector does is to be seen soon.
fn two_that_send(acme: &str, beta: &str) -> String {
    let of = |organization: &str, address: &str, more: &str| {
        format!(
            "[[inbound_connector]]\norganization = \"{organization}\"\nname = \"net\"\n\
             connector_type = \"on_premises\"\n\
             sender_ip_addresses = [\"{address}\"]\n\
             [[outbound_connector]]\norganization = \"{organization}\"\nname = \"out\"\n\
             recipient_domains = [\"there.example\"]\nretry = [\"1s\"]\n{more}\n"
        )
    };
    [
        TWO_ORGANIZATIONS,
        &of("acme", "192.0.2.3", acme),
        &of("beta", "192.0.2.4", beta),
    ]
    .concat()
}

/// Sends one message of each organization to `to@there.example`, acme's first.
fn send_both(swaks: &Swaks, acme_to: &str, beta_to: &str) {
    for (address, organization, to) in [(HOSTS[2], "acme", acme_to), (HOSTS[3], "beta", beta_to)] {
        let from = format!("topsecret@{organization}.example");
        let reply = Sender::at(address).sends(swaks, &from, &format!("{to}@there.example"));
        assert!(reply.starts_with("250"), "{reply}");
    }
}

#[test]
fn two_organizations_send_to_one_host_over_connections_of_their_own() {
    enclosed(|| {
        let host = peer((HOSTS[0], 25));
        let same = "smart_hosts = [\"192.0.2.1\"]\n";
        let node = service("", &two_that_send(same, same));
        let swaks = Swaks::new();
        let delivered = |round: &str| {
            send_both(&swaks, &format!("acme{round}"), &format!("beta{round}"));
            for organization in ["acme", "beta"] {
                let recipient = format!("{organization}{round}@there.example");
                let attempt = attempted(&node, &recipient, "delivered");
                let way = format!("{organization}/out");
                assert!(attempt["route"].to_string().contains(&way), "{attempt:#}");
            }
        };
        // Twice, so that connections that are kept could be taken for each other.
        delivered("1");
        delivered("2");
        let has = |octets: &[u8], word: &str| octets.windows(word.len()).any(|window| window == word.as_bytes());
        let shared = |octets: &&Vec<u8>| has(octets, "topsecret@acme") && has(octets, "topsecret@beta");
        assert_eq!((host.count(), host.wire().iter().filter(shared).count()), (4, 0));

        let named = |name: &str, address: &str| {
            format!("{same}ehlo_name = \"out.{name}.example\"\nsource_address = \"{address}\"\n")
        };
        apply(
            &node,
            &two_that_send(&named("acme", "192.0.2.5"), &named("beta", "192.0.2.6")),
        );
        delivered("3");
        let mut last = host.received().split_off(4);
        last.sort_by(|one, other| one.from.cmp(&other.from));
        let seen: Vec<_> = last
            .iter()
            .map(|message| (message.helo.as_str(), message.client))
            .collect();
        assert_eq!(seen, [("out.acme.example", HOSTS[4]), ("out.beta.example", HOSTS[5])]);
    });
}

#[test]
fn one_organizations_dead_smart_host_or_strict_demand_puts_no_others_mail_off() {
    enclosed(|| {
        let host = peer((HOSTS[0], 25));
        let dead = "smart_hosts = [\"192.0.2.6\"]";
        let alive = "smart_hosts = [\"192.0.2.1\"]";
        let node = service("", &two_that_send(dead, alive));
        let swaks = Swaks::new();
        send_both(&swaks, "one", "two");
        attempted(&node, "one@there.example", "deferred");
        assert_eq!(attempted(&node, "two@there.example", "delivered")["attempt"], 1);
        // The same host, of which one of them demands more than it has.
        apply(
            &node,
            &two_that_send(&format!("{alive}\ntls_settings = \"encryption_only\""), alive),
        );
        send_both(&swaks, "three", "four");
        let attempt = attempted(&node, "three@there.example", "deferred");
        assert_eq!(attempt["outcome"]["why"]["status"], "4.4.317", "{attempt:#}");
        assert_eq!(attempted(&node, "four@there.example", "delivered")["attempt"], 1);
        let from: Vec<String> = host.received().into_iter().map(|message| message.from).collect();
        assert!(
            from.iter().all(|from| from.contains("beta.example")) && from.len() == 2,
            "{from:?}"
        );
        assert!(!host.saw_in_the_clear("topsecret@acme"));
    });
}
