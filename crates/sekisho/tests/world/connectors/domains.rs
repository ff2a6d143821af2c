//! The domains of the directory: whose mailboxes are here, and what is handed on.

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    peer::{Fault, Peer},
    wait,
};

use super::{SERVER, Sender, assert_answers, service};
use crate::{attempts, delivered_to, outcome_of, trace_of};

const DIRECTORY: &str = "\
[[organization]]
name = \"acme\"
[[domain]]
organization = \"acme\"
name = \"acme.example\"
[[domain]]
organization = \"acme\"
name = \"split.example\"
type = \"internal_relay\"
[[domain]]
organization = \"acme\"
name = \"away.example\"
type = \"external_relay\"
[[outbound_connector]]
organization = \"acme\"
name = \"split\"
recipient_domains = [\"split.example\"]
smart_hosts = [\"192.0.2.1\"]
[[outbound_connector]]
organization = \"acme\"
name = \"premises\"
connector_type = \"on_premises\"
all_accepted_domains = true
smart_hosts = [\"192.0.2.2\"]
";

#[test]
fn mail_for_accepted_domains_ends_here_or_goes_on_as_each_domain_has_it() {
    enclosed(|| {
        let split = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let premises = Peer::start((HOSTS[1], 25).into(), None, Fault::None);
        let users = "[local]\nusers = [\"bob@acme.example\", \"here@split.example\"]\n";
        let node = service(users, DIRECTORY);
        let swaks = Swaks::new();
        let stranger = Sender::at(HOSTS[3]);
        let from = "a@stranger.example";
        assert_answers(
            &swaks,
            &[
                (&stranger, from, "bob@acme.example", "250"),
                (&stranger, from, "nobody@acme.example", "550 5.1.1 "),
                (&stranger, from, "bob@below.acme.example", "550 5.7.1 "),
                (&stranger, from, "here@split.example", "250"),
                (&stranger, from, "there@split.example", "250"),
                (&stranger, from, "anybody@away.example", "250"),
                (&stranger, from, "bob@elsewhere.example", "550 5.7.1 "),
                // From a stranger nothing goes on that the next server might send on.
                (&stranger, from, "victim%elsewhere.example@split.example", "550 5.7.1 "),
            ],
        );
        let all = "bob@acme.example,here@split.example,there@split.example,anybody@away.example";
        swaks
            .send(SERVER, from, all, &["--body", "one message"])
            .assert_accepted();
        for mailbox in ["bob@acme.example", "here@split.example"] {
            assert!(delivered_to(&node, mailbox).contains("one message"), "{mailbox}");
        }
        for (recipient, peer, route) in [
            ("there@split.example", &split, "acme/split"),
            ("anybody@away.example", &premises, "acme/premises"),
        ] {
            let look = || {
                let message = trace_of(&node, recipient)?;
                let mut those = attempts(&message).filter(|one| one["recipient"] == recipient);
                those.find(|one| outcome_of(one) == "delivered").cloned()
            };
            let own = wait::until_or(format_args!("{recipient} delivered"), look, || node.log());
            assert!(own["route"].to_string().contains(route), "{own:#}");
            assert_eq!(peer.count(), 1, "{recipient}");
            let received = peer.received().swap_remove(0);
            assert_eq!(received.to.len(), 1, "{received:?}");
            assert!(received.to[0].contains(recipient), "{received:?}");
        }
    });
}
