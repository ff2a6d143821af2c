//! The real binary in a small world: foreign clients and servers, real zones, real certificates, and what the trace
//! says of it all. Each test has its own processes and its own network (`sekisho_testkit::enclosure`), so that ports
//! are the usual ones and nothing is left behind.

mod acme;
mod alerts;
mod certificate_checks;
mod certificate_page;
mod certificates;
mod commands;
mod connectors;
mod covered;
mod crowded;
mod cut_off;
mod damage;
mod dialogues;
mod directory;
mod endings;
mod endpoints;
mod exceptions;
mod flooding;
mod forecast;
mod front;
mod hostile_names;
mod impact;
mod incoming;
mod killing;
mod law_two;
mod limits;
mod main_job;
mod moving_in;
mod names;
mod new_root;
mod notices;
mod operating;
mod outgoing;
mod partners;
mod pried;
mod relaying;
mod remote_text;
mod rollover;
mod rule_ways;
mod rules;
mod signals;
mod stalling;
mod stapling;

use sekisho_testkit::{
    client::Client,
    node::{Node, SMTP},
    wait,
};
use serde_json::Value;

/// A running server with this configuration; without any it has none at all.
fn node(configuration: &str) -> Node {
    Node::start(env!("CARGO_BIN_EXE_sekisho"), configuration)
}

/// A mailbox for `inbox` at `here.example`, and everything else at its default.
const LOCAL: &str = "\
[local]
domains = [\"here.example\"]
users = [\"inbox\"]
";

/// The usual listener, with the right to relay said and not left to where the test runs: in a container the default is
/// to refuse.
const RELAYING: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
relay-from = [\"127.0.0.0/8\"]
";

/// A running server that relays for loopback, and this configuration.
fn relaying_node(configuration: &str) -> Node {
    node(&format!("{RELAYING}{configuration}"))
}

/// An instant at which an exception may well end.
fn in_a_month() -> String {
    let month = jiff::SignedDuration::from_hours(30 * 24);
    let then = jiff::Timestamp::now().checked_add(month).expect("there is such a time");
    then.to_string()
}

/// The trace of the newest message to `recipient`.
fn trace_of(node: &Node, recipient: &str) -> Option<Value> {
    let mut lines = node.json_lines(&["trace", "--recipient", recipient, "--conversation", "--json"]);
    (!lines.is_empty()).then(|| lines.swap_remove(0))
}

/// Waits until an attempt for `recipient` has ended in `outcome`; answers with the message's trace.
fn traced(node: &Node, recipient: &str, outcome: &str) -> Value {
    let look = || trace_of(node, recipient).filter(|message| attempts(message).any(|one| outcome_of(one) == outcome));
    wait::until_or(format_args!("{recipient} {outcome}"), look, || {
        let trace = trace_of(node, recipient).map_or_else(|| "no trace".to_owned(), |trace| format!("{trace:#}"));
        format!("{trace}\n{}", node.log())
    })
}

/// Hands messages to these recipients over one connection.
fn submit(from: &str, recipients: &[String]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let mut client = Client::open(SMTP, false).await.expect("a session");
        for recipient in recipients {
            let taken = client.deliver(from, recipient, b"Subject: x\r\n\r\nx\r\n").await;
            let taken = taken.unwrap_or_else(|fault| panic!("{recipient}: {fault}"));
            assert!(taken.is_success(), "{recipient}: {taken:?}");
        }
    });
}

/// Waits until an attempt for each of them has ended, in whatever way; answers with the traces in their order.
fn all_attempted(node: &Node, recipients: &[String]) -> Vec<Value> {
    let look = || {
        let found = node.json_lines(&["trace", "--limit", "1000", "--conversation", "--json"]);
        let of = |recipient: &String| {
            let mut found = found.iter();
            let is_its_own = |message: &&Value| {
                message["arrival"]["recipients"]
                    .to_string()
                    .contains(recipient.as_str())
            };
            found
                .find(|message| is_its_own(message) && attempts(message).next().is_some())
                .cloned()
        };
        recipients.iter().map(of).collect::<Option<Vec<Value>>>()
    };
    wait::until_or("an attempt for each of them", look, || node.log())
}

fn attempts(message: &Value) -> impl Iterator<Item = &Value> {
    message["attempts"].as_array().into_iter().flatten()
}

fn last_attempt(message: &Value) -> &Value {
    attempts(message).last().expect("there was an attempt")
}

fn outcome_of(attempt: &Value) -> &str {
    attempt["outcome"]["outcome"].as_str().unwrap_or_default()
}

/// The version of TLS in an arrival or in an attempt's channel; `None` in the clear.
fn tls_version(side: &Value) -> Option<&str> {
    let security = if side["security"].is_null() {
        &side["channel"]["security"]
    } else {
        &side["security"]
    };
    security["tls"]["version"].as_str()
}

/// Waits for one message in the mailbox of `user`.
fn delivered_to(node: &Node, user: &str) -> String {
    let message = wait::until_or("a message in the mailbox", || node.mailbox(user).pop(), || node.log());
    String::from_utf8_lossy(&message).into_owned()
}
