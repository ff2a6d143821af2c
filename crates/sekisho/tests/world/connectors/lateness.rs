//! How long mail is tried, and when its sender is told: what a connector says, and what its organization says where the
//! connector is silent.

use sekisho_testkit::{enclosure::enclosed, foreign::Swaks, node::SMTP, wait};
use serde_json::Value;

use super::apply;
use crate::{last_attempt, relaying_node, traced};

/// Nobody listens at 192.0.2.6. One connector says when, the other leaves it to the organization.
const DIRECTORY: &str = "\
[[organization]]
name = \"default\"
expire_after = \"2s\"
[[outbound_connector]]
name = \"own\"
recipient_domains = [\"own.example\"]
smart_hosts = [\"192.0.2.6\"]
retry = [\"1s\"]
delay_notice_after = \"1s\"
expire_after = \"6s\"
[[outbound_connector]]
name = \"silent\"
recipient_domains = [\"silent.example\"]
smart_hosts = [\"192.0.2.6\"]
retry = [\"1s\"]
";

fn age_at_the_end(message: &Value) -> i64 {
    let at = |value: &Value| value["at"].as_i64().expect("an instant in milliseconds");
    at(last_attempt(message)) - at(&message["arrival"])
}

#[test]
fn mail_is_given_up_when_the_connector_says_and_when_it_is_silent_the_organization() {
    enclosed(|| {
        let node = relaying_node("");
        apply(&node, DIRECTORY);
        let swaks = Swaks::new();
        for recipient in ["b@own.example", "b@silent.example"] {
            swaks.send(SMTP, "inbox@localhost", recipient, &[]).assert_accepted();
        }
        // A delay is told of the one, the end of both.
        let look = || Some(node.mailbox("inbox")).filter(|all| all.len() == 3);
        let all = wait::until_or("three notifications", look, || node.log());
        let all: Vec<String> = all
            .iter()
            .map(|one| String::from_utf8_lossy(one).into_owned())
            .collect();
        let about = |recipient: &str, words: &str| {
            let is_told = |one: &&String| one.contains(recipient) && one.contains(words);
            all.iter().filter(is_told).count()
        };
        assert_eq!(about("b@own.example", "Action: delayed"), 1, "{all:#?}");
        for recipient in ["b@own.example", "b@silent.example"] {
            assert_eq!(about(recipient, "Status: 5.4.7"), 1, "{recipient}: {all:#?}");
        }
        let [own, silent] = ["b@own.example", "b@silent.example"].map(|to| traced(&node, to, "bounced"));
        let (own, silent) = (age_at_the_end(&own), age_at_the_end(&silent));
        assert!(own >= 6_000, "given up after {own} ms");
        assert!(
            (2_000..own).contains(&silent),
            "given up after {silent} ms, and {own} ms"
        );
    });
}
