//! What the next hop of a relay domain refuses for good: a stranger's mail is held, and nobody is told who may not have
//! sent it.

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::Node,
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use super::{SERVER, Sender, apply, service};
use crate::{delivered_to, traced};

const USERS: &str = "[local]\nusers = [\"inbox\", \"eve@acme.example\"]\n";
const FORGED: &str = "victim@there.example";

/// away.example goes to 192.0.2.1, and a server of acme's is at 192.0.2.3.
fn directory(domain: &str) -> String {
    format!(
        "[[organization]]\nname = \"acme\"\n\
         [[domain]]\norganization = \"acme\"\nname = \"acme.example\"\n\
         [[domain]]\norganization = \"acme\"\nname = \"away.example\"\ntype = \"external_relay\"\n{domain}\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"net\"\nconnector_type = \"on_premises\"\n\
         sender_ip_addresses = [\"192.0.2.3\"]\n\
         [[outbound_connector]]\norganization = \"acme\"\nname = \"away\"\n\
         recipient_domains = [\"away.example\"]\nsmart_hosts = [\"192.0.2.1\"]\nretry = [\"1s\"]\n"
    )
}

fn held(node: &Node) -> Vec<Value> {
    node.json_lines(&["queue", "list", "--held", "--json"])
}

/// Waits until so many rows are held.
fn until_held(node: &Node, count: usize) -> Vec<Value> {
    let look = || Some(held(node)).filter(|rows| rows.len() == count);
    wait::until_or(format_args!("{count} held"), look, || node.log())
}

#[test]
fn a_strangers_mail_is_held_and_an_own_servers_comes_back() {
    enclosed(|| {
        let refusing = Fault::Say("RCPT TO:<gone@away.example>", "550 5.1.1 who?");
        let peer = Peer::start((HOSTS[0], 25).into(), None, refusing);
        let node = service(USERS, &directory(""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        let reply = stranger.sends(&swaks, FORGED, "gone@away.example");
        assert!(reply.starts_with("250"), "{reply}");
        let rows = until_held(&node, 1);
        let fault = rows[0]["last_fault"].as_str().unwrap_or_default();
        assert!(
            fault.contains("550 5.1.1 who?") && fault.contains("not known here"),
            "{fault}"
        );
        assert_eq!(node.json_lines(&["queue", "list", "--json"]).len(), 1, "nobody is told");
        let log = node.folder().join("sekisho-data/mail.log");
        let look = || {
            std::fs::read_to_string(&log)
                .unwrap_or_default()
                .contains("refused-and-held")
                .then_some(())
        };
        wait::until_or("a line in the mail log", look, || node.log());
        let id = rows[0]["id"].as_str().unwrap_or_default().to_owned();
        let shown = node.json_lines(&["queue", "show", &id, "--json"]);
        assert_eq!(shown[0]["recipients"][0]["refused"], true, "{shown:?}");

        // Two recipients of one message: the other one's copy goes.
        let both = "gone@away.example,there@away.example";
        swaks
            .send(SERVER, FORGED, both, &["--local-interface", "192.0.2.4"])
            .assert_accepted();
        traced(&node, "there@away.example", "delivered");
        until_held(&node, 2);
        assert_eq!(peer.count(), 1);

        // Its own server is told as ever.
        let own = Sender::at(HOSTS[2]);
        let reply = own.sends(&swaks, "eve@acme.example", "gone@away.example");
        assert!(reply.starts_with("250"), "{reply}");
        let notice = delivered_to(&node, "eve@acme.example");
        assert!(
            notice.contains("gone@away.example") && notice.contains("5.1.1"),
            "{notice}"
        );
        assert_eq!(held(&node).len(), 2);

        // Released too early, it is held again; when the next hop has another mind, it goes.
        assert!(node.run(&["queue", "release", &id]).status.success());
        until_held(&node, 2);
        peer.set_fault(Fault::None);
        assert!(node.run(&["queue", "release", "--held"]).status.success());
        wait::until_or("both", || (peer.count() == 3).then_some(()), || node.log());
        assert_eq!(held(&node).len(), 0);
    });
}

#[test]
fn where_it_is_to_be_bounced_or_the_operator_says_so_its_sender_is_told() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::Answer("RCPT", 554));
        let node = service(USERS, &directory(""));
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        stranger.sends(&swaks, FORGED, "gone@away.example");
        let id = until_held(&node, 1)[0]["id"].as_str().unwrap_or_default().to_owned();
        assert!(
            node.run(&["queue", "bounce", &id, "--why", "no such user"])
                .status
                .success()
        );
        let told = || {
            let rows = node.json_lines(&["queue", "list", "--json"]);
            let to_victim = |row: &Value| row["destination"].as_str() == Some("acme/there.example");
            rows.iter().any(to_victim).then_some(rows)
        };
        wait::until_or("a notification", told, || node.log());
        assert_eq!(held(&node).len(), 0);
        // The null reverse-path has nobody to tell: it ends as ever.
        stranger.sends(&swaks, "<>", "null@away.example");
        traced(&node, "null@away.example", "bounced");
        apply(&node, &directory("final_refusal = \"bounce\""));
        stranger.sends(&swaks, FORGED, "again@away.example");
        traced(&node, "again@away.example", "bounced");
        assert_eq!((held(&node).len(), peer.count()), (0, 0));
    });
}
