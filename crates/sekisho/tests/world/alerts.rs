//! What may stop mail is said before it does: in the list, the log, the metrics, and by mail to the postmaster, once.

use sekisho_testkit::{
    authority::self_signed,
    enclosure::{HOSTS, enclosed},
    node::{self, Node},
    peer::{Fault, Peer},
    wait,
};

use crate::{connectors::apply, node as started};

/// A connector that is tried every second.
const TRIED: &str = "\
[[outbound_connector]]
name = \"there\"
recipient_domains = [\"there.example\"]
smart_hosts = [\"192.0.2.1\"]
tls_settings = \"encryption_only\"
revalidate_every = \"1s\"
validation_recipients = [\"b@there.example\"]
";

/// Waits for so many messages to the postmaster; answers with the newest of them.
pub(crate) fn told(node: &Node, count: usize) -> String {
    let look = || Some(node.mailbox("inbox")).filter(|all| all.len() >= count);
    let all = wait::until_or(format_args!("{count} messages of alerts"), look, || node.log());
    let texts = all.iter().map(|one| String::from_utf8_lossy(one).into_owned());
    let mut texts: Vec<String> = texts.collect();
    assert_eq!(texts.len(), count, "{}", texts.join("\n---\n"));
    // Queue ids sort by time.
    let id = |text: &String| {
        let (_, rest) = text.split_once("Message-ID: <").expect("it has an id");
        rest.split('.').next().unwrap_or_default().to_owned()
    };
    texts.sort_by_key(id);
    texts.pop().expect("there is one")
}

fn standing() -> u64 {
    node::metric("sekisho_alerts{kind=\"validation-fails\",severity=\"warning\"}").expect("it is counted")
}

#[test]
fn an_alert_is_listed_logged_counted_and_written_to_the_postmaster_once_and_a_restart_repeats_nothing() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), Some(&self_signed(&["mx.example"])), Fault::None);
        peer.set_fault(Fault::NotOffered);
        let mut node = started("[alerts]\nmail-after = \"0s\"\n");
        apply(&node, TRIED);
        let first = told(&node, 1);
        for words in [
            "validation-fails: outbound connector\n default/there",
            "Auto-Submitted: auto-generated",
            "STARTTLS was not offered",
            "What to do: look at `sekisho connector validations there",
            "Return-Path: <>",
        ] {
            let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat(&first).contains(&flat(words)), "{words}\n{first}");
        }
        assert_eq!(standing(), 1);
        let listed = node.json_lines(&["alert", "list", "--json"]).swap_remove(0);
        assert_eq!(listed["subject"], "outbound connector default/there", "{listed:#}");
        let id = listed["id"].as_str().expect("an id").to_owned();
        node.end_well().expect("it ends well");
        // Without a server the same list is in the store.
        let offline = node.json_lines(&["alert", "list", "--json"]).swap_remove(0);
        assert_eq!(offline["id"], id.as_str());
        node.resume();
        let acknowledged = node.run(&["alert", "acknowledge", &id]);
        assert!(acknowledged.status.success(), "{acknowledged:?}");
        let unknown = node.run(&["alert", "acknowledge", "0123456789ab"]);
        assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
        peer.set_fault(Fault::None);
        let over = told(&node, 2);
        assert!(over.contains("over: validation-fails"), "{over}");
        assert_eq!(standing(), 0);
        assert_eq!(
            node.json_lines(&["alert", "list", "--json"]),
            [] as [serde_json::Value; 0]
        );
        let log = node.log();
        assert_eq!(log.matches(" alert kind=").count(), 1, "{log}");
        assert_eq!(log.matches("an alert is over").count(), 1, "{log}");
    });
}
