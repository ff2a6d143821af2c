//! Servers of the organization's own beside this service: what they say in header fields, mail that goes through them
//! first, and mail that goes around. The server on the premises is a Postfix with a client certificate.

use std::net::IpAddr;

use sekisho_testkit::{
    authority::{Authority, Pem},
    enclosure::{HOSTS, enclosed},
    foreign::{Postfix, PostfixSettings, Swaks},
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use super::{SERVER, Sender, TWO_ORGANIZATIONS, lines, reply_to, service};
use crate::{attempts, delivered_to, last_attempt, trace_of, traced};

const USERS: &str = "[local]\nusers = [\"inbox\", \"bob@acme.example\", \"eve@beta.example\"]\n";
const BOB: &str = "bob@acme.example";
const EVE: &str = "eve@beta.example";
const FAR: &str = "far@there.example";
/// Fields of both families, as swaks takes them.
const FIELDS: [&str; 8] = [
    "--header",
    "X-MS-Exchange-Organization-SCL: organization-5",
    "--header",
    "X-MS-Exchange-CrossPremises-SCL: premises-1",
    "--header",
    "X-MS-Exchange-CrossPremises-AuthAs: premises-internal",
    "--header",
    "X-Harmless: yes",
];

/// A Postfix that sends everything to us, with a client certificate.
fn on_premises(pem: &Pem, address: IpAddr) -> Postfix {
    Postfix::start(&PostfixSettings {
        address: (address, 25).into(),
        domain: "premises.example",
        certificate: Some(pem),
        relayhost: &format!("[{}]:2525", HOSTS[0]),
        more: "smtp_tls_security_level = encrypt\n\
               smtp_tls_cert_file = /etc/postfix/chain.pem\n\
               smtp_tls_key_file = /etc/postfix/key.pem\n",
    })
}

/// Acme's server is known by its certificate and believed.
fn hub(anchors: &str) -> String {
    format!(
        "[[inbound_connector]]\norganization = \"acme\"\nname = \"hub\"\nconnector_type = \"on_premises\"\n\
         tls_sender_certificate_name = \"mail.acme.example\"\ntrust_anchors = {}\nrequire_tls = true\n\
         cloud_services_mail_enabled = true\n",
        lines(anchors)
    )
}

fn outbound(name: &str, more: &str) -> String {
    format!("[[outbound_connector]]\norganization = \"acme\"\nname = \"{name}\"\n{more}\n")
}

/// Beside the hub that brings mail: a way out to everybody at there.example, and one to the premises.
fn with_both_ways(anchors: &str) -> String {
    let far = "recipient_domains = [\"there.example\"]\nsmart_hosts = [\"192.0.2.1:2601\"]";
    let premises = "connector_type = \"on_premises\"\nrecipient_domains = [\"site.example\"]\n\
                    smart_hosts = [\"192.0.2.1:2602\"]\ncloud_services_mail_enabled = true";
    [
        TWO_ORGANIZATIONS,
        &hub(anchors),
        &outbound("far", far),
        &outbound("premises", premises),
    ]
    .concat()
}

/// The lines of a message that are fields of the families.
fn families(message: &str) -> Vec<String> {
    let of_family = |line: &&str| line.to_ascii_lowercase().starts_with("x-ms-exchange-");
    message.lines().filter(of_family).map(str::to_owned).collect()
}

fn alterations(node: &Node, recipient: &str) -> String {
    let trace = trace_of(node, recipient).expect("it is in the trace");
    trace["arrival"]["alterations"].to_string()
}

#[test]
fn behaviour_23_cross_premises_headers_are_promoted_from_own_servers_and_stripped_from_everyone_else() {
    enclosed(|| {
        let root = Authority::new();
        let far = Peer::start((HOSTS[0], 2601).into(), None, Fault::None);
        let premises = Peer::start((HOSTS[0], 2602).into(), None, Fault::None);
        let node = service(USERS, &with_both_ways(root.anchor()));
        let swaks = Swaks::new();
        let promoted = [
            "X-MS-Exchange-Organization-SCL: premises-1",
            "X-MS-Exchange-Organization-AuthAs: premises-internal",
        ];

        // A stranger, even under TLS with a certificate of somebody's.
        let stranger = Sender::at(HOSTS[5]).with(&swaks, "other", &root.client("mail.elsewhere.example"));
        let reply = stranger.run(&swaks, "a@elsewhere.example", BOB, &FIELDS);
        assert!(reply.starts_with("250"), "{reply}");
        let message = delivered_to(&node, BOB);
        assert_eq!(families(&message), Vec::<String>::new(), "{message}");
        assert!(message.contains("X-Harmless: yes"), "{message}");
        let told = alterations(&node, BOB);
        assert!(told.contains("families-removed: 3 header fields"), "{told}");

        // The organization's own Postfix; each organization's copy by itself.
        let postfix = on_premises(&root.server(&["mail.acme.example"]), HOSTS[4]);
        let recipients = format!("{BOB},{EVE},{FAR},list@site.example");
        let sent = swaks.send(postfix.address(), "a@acme.example", &recipients, &FIELDS);
        sent.assert_accepted();
        let look = || (node.mailbox(BOB).len() == 2).then(|| node.mailbox(BOB));
        let both = wait::until_or("the second message", look, || node.log() + &postfix.log());
        let message = both.iter().map(|one| String::from_utf8_lossy(one).into_owned());
        let message = message
            .into_iter()
            .find(|one| one.contains("premises-"))
            .expect("the promoted one");
        assert_eq!(families(&message), promoted, "{message}");
        let message = delivered_to(&node, EVE);
        assert_eq!(
            families(&message),
            Vec::<String>::new(),
            "beta is another organization: {message}"
        );
        let told = alterations(&node, BOB);
        assert!(
            told.contains("families-promoted: 3 header fields") && told.contains("families-removed: 3 header fields"),
            "{told}"
        );

        // What leaves for everybody has none of it; what goes to the own servers has it as they write it.
        let trace = traced(&node, FAR, "delivered");
        let to_far = |attempt: &&Value| attempt["recipient"] == FAR;
        let attempt = attempts(&trace).find(to_far).expect("an attempt").to_string();
        assert!(
            attempt.contains("without 3 header fields of the organization's families"),
            "{attempt}"
        );
        traced(&node, "list@site.example", "delivered");
        let content = |peer: &Peer| String::from_utf8_lossy(&peer.received()[0].content).into_owned();
        assert_eq!(families(&content(&far)), Vec::<String>::new());
        assert_eq!(
            families(&content(&premises)),
            [
                "X-MS-Exchange-CrossPremises-SCL: premises-1",
                "X-MS-Exchange-CrossPremises-AuthAs: premises-internal",
            ]
        );
        assert!(content(&far).contains("X-Harmless: yes"));
    });
}

#[test]
fn a_rule_sees_no_header_field_that_a_stranger_may_not_write() {
    enclosed(|| {
        let root = Authority::new();
        let rule = "[[rule]]\norganization = \"acme\"\nname = \"internal\"\n\
                    header = { name = \"X-MS-Exchange-Organization-AuthAs\", contains = \"internal\" }\n\
                    reject = { text = \"internal mail\" }\n";
        let node = service(USERS, &[TWO_ORGANIZATIONS, &hub(root.anchor()), rule].concat());
        let swaks = Swaks::new();
        let of_family = ["--header", "X-MS-Exchange-Organization-AuthAs: internal"];
        let stranger = Sender::at(HOSTS[5]);
        stranger.run(&swaks, "a@elsewhere.example", BOB, &of_family);
        delivered_to(&node, BOB);
        let own = Sender::at(HOSTS[5]).with(&swaks, "own", &root.client("mail.acme.example"));
        let own: Vec<&str> = own.options.iter().map(String::as_str).collect();
        let cross = ["--header", "X-MS-Exchange-CrossPremises-AuthAs: internal"];
        let sent = swaks.send(SERVER, "a@acme.example", BOB, &[own, cross.to_vec()].concat());
        let reply = reply_to(".", &sent.transcript).unwrap_or_default();
        assert_eq!(reply, "550 5.7.1 internal mail", "{}", sent.transcript);
    });
}

#[test]
fn all_mail_goes_through_the_own_servers_first_and_comes_back_once() {
    enclosed(|| {
        let root = Authority::new();
        let far = Peer::start((HOSTS[0], 2601).into(), None, Fault::None);
        let directory = [
            TWO_ORGANIZATIONS,
            &hub(root.anchor()),
            &outbound(
                "far",
                "recipient_domains = [\"there.example\"]\nsmart_hosts = [\"192.0.2.1:2601\"]",
            ),
            &outbound(
                "hub",
                &format!(
                    "connector_type = \"on_premises\"\nroute_all_messages_via_on_premises = true\n\
                     smart_hosts = [\"192.0.2.5:25\"]\ntls_settings = \"domain_validation\"\n\
                     tls_domain = \"mail.acme.example\"\ntrust_anchors = {}\nretry = [\"1s\"]",
                    lines(root.anchor())
                ),
            ),
        ];
        let node = service(USERS, &directory.concat());
        let send = |to: &str| {
            let arguments = ["send", "--from", BOB, "--subject", "out", to];
            let sent = node.run_with_input(&arguments, "through the premises");
            assert!(sent.status.success(), "{sent:?}");
        };
        // Without its server mail waits: it never goes another way. What came from there is not touched by that.
        send(FAR);
        let waiting = last_attempt(&traced(&node, FAR, "deferred")).clone();
        assert!(waiting["route"].to_string().contains("acme/hub"), "{waiting:#}");
        let swaks = Swaks::new();
        let own = Sender::at(HOSTS[5]).with(&swaks, "own", &root.client("mail.acme.example"));
        own.sends(&swaks, "a@acme.example", "other@there.example");
        let direct = last_attempt(&traced(&node, "other@there.example", "delivered")).clone();
        let route = "connector \"acme/far\" (not back through connector \"acme/hub\") to [192.0.2.1]";
        assert_eq!(direct["route"], route, "{direct:#}");

        let postfix = on_premises(&root.server(&["mail.acme.example"]), HOSTS[4]);
        let arrived = || (far.count() == 2).then_some(());
        wait::until_or("the message, by way of Postfix", arrived, || {
            node.log() + &postfix.log()
        });
        let content = String::from_utf8_lossy(&far.received()[1].content).into_owned();
        assert!(content.contains("postfix.premises.example (Postfix)"), "{content}");
        // Once each way, and the second time from its own servers.
        let look = || {
            let traces = node.json_lines(&["trace", "--recipient", FAR, "--json"]);
            let is_done = traces.len() == 2 && traces.iter().all(|one| one["queued"] == false);
            is_done.then_some(traces)
        };
        let [second, first] = wait::until_or("both passages", look, || node.log())
            .try_into()
            .expect("two");
        assert!(
            last_attempt(&first)["route"].to_string().contains("acme/hub"),
            "{first:#}"
        );
        assert_eq!(last_attempt(&second)["route"], route, "{second:#}");
        assert!(
            second["arrival"]["admitted_by"].to_string().contains("acme/hub"),
            "{second:#}"
        );
        // A mailbox here is here.
        send(BOB);
        delivered_to(&node, BOB);
        assert_eq!(far.count(), 2);
    });
}

#[test]
fn a_next_hop_that_hands_everything_back_is_found_long_before_the_hundredth_hop() {
    enclosed(|| {
        let root = Authority::new();
        let postfix = on_premises(&root.server(&["mail.acme.example"]), HOSTS[4]);
        let shared = "[[domain]]\norganization = \"acme\"\nname = \"shared.example\"\ntype = \"internal_relay\"\n";
        let directory = [
            TWO_ORGANIZATIONS,
            shared,
            &hub(root.anchor()),
            &outbound(
                "shared",
                "connector_type = \"on_premises\"\nrecipient_domains = [\"shared.example\"]\n\
                 smart_hosts = [\"192.0.2.5:25\"]",
            ),
        ];
        let node = service(USERS, &directory.concat());
        let swaks = Swaks::new();
        Sender::at(HOSTS[5]).sends(&swaks, "<>", "nobody@shared.example");
        let refused = || postfix.log().contains("554 5.4.6").then_some(());
        wait::until_or("the end of the loop", refused, || node.log() + &postfix.log());
        let passages = node.json_lines(&["trace", "--recipient", "nobody@shared.example", "--json"]);
        assert_eq!(passages.len(), 11, "{}", postfix.log());
        assert!(passages.iter().all(|one| attempts(one).count() == 1));
    });
}
