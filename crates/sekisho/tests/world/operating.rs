//! The operator's hand: the queue from the command line, the trace by every filter, with the server running and
//! without.

use std::{
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP},
    peer::{Fault, Peer},
    wait,
};
use serde_json::Value;

use crate::{delivered_to, last_attempt, relaying_node, tls_version, traced};

/// Two destinations behind one host that is not there yet, and no second attempt by itself.
const ROUTES: &str = "\
[[route]]
name = \"there\"
domains = [\"one.example\", \"two.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1h\"]
";

fn send(to: &str, options: &[&str]) {
    Swaks::new()
        .send(SMTP, "inbox@localhost", to, options)
        .assert_accepted();
}

/// The one JSON value that a command prints.
fn value(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The ids that a list with these filters prints.
fn ids(node: &Node, filters: &[&str]) -> Vec<String> {
    let output = node.run(&[&["queue", "list", "--ids"], filters].concat());
    text(&output).lines().map(str::to_owned).collect()
}

/// Settling is lazy: what was delivered is in the queue for another moment.
fn wait_for_empty(node: &Node) {
    let look = || (node.run(&["queue", "list"]).status.code() == Some(3)).then_some(());
    wait::until_or("an empty queue", look, || text(&node.run(&["queue", "list"])));
}

/// A node whose queue holds `a@one` and `c@two`, each after one vain attempt, and `b@one`, whose destination was found
/// dead before it came.
fn with_a_queue() -> Node {
    let node = relaying_node(ROUTES);
    for to in ["a@one.example", "c@two.example"] {
        send(to, &[]);
        traced(&node, to, "deferred");
    }
    send("b@one.example", &[]);
    node
}

#[test]
fn the_queue_is_listed_by_every_filter_and_by_its_shape() {
    enclosed(|| {
        let node = with_a_queue();
        for (filters, found) in [
            (&[][..], 3),
            (&["--destination", "one.example"], 2),
            (&["--destination", "*.example"], 3),
            (&["--sender", "inbox@localhost"], 3),
            (&["--sender", "@elsewhere.example"], 0),
            (&["--error", "NO CONNECTION"], 3),
            (&["--error", "greylisted"], 0),
            (&["--younger-than", "1h"], 3),
            (&["--older-than", "1h"], 0),
            (&["--held"], 0),
        ] {
            assert_eq!(ids(&node, filters).len(), found, "{filters:?}");
        }
        assert_eq!(
            node.run(&["queue", "list", "--older-than", "1h"]).status.code(),
            Some(3)
        );
        let shape = value(&node.run(&["queue", "shape", "--json"]));
        let totals: Vec<(&str, u64)> = shape["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| Some((row["destination"].as_str()?, row["total"].as_u64()?)))
            .collect();
        assert_eq!(totals, [("one.example", 2), ("two.example", 1)]);
        assert!(text(&node.run(&["queue", "shape"])).contains("one.example"));
        let listed = text(&node.run(&["queue", "list"]));
        assert!(!listed.contains('\u{1b}'), "colours belong on terminals: {listed}");
        let id = &ids(&node, &["--destination", "two.example"])[0];
        let shown = text(&node.run(&["queue", "show", id, "--conversation"]));
        assert!(
            shown.contains("c@two.example: 1 attempts") && shown.contains("192.0.2.1"),
            "{shown}"
        );
        let body = text(&node.run(&["queue", "show", id, "--body"]));
        assert!(
            body.starts_with("Received: from ") && body.contains("test mailing"),
            "{body}"
        );
    });
}

#[test]
fn orders_for_the_queue_are_obeyed() {
    enclosed(|| {
        let node = with_a_queue();
        let [a, b] = &ids(&node, &["--destination", "one.example"])[..] else {
            panic!("two are queued")
        };
        let c = &ids(&node, &["--destination", "two.example"])[0];

        let output = node.run_with_input(&["queue", "hold", "-", "--json"], &format!("{a}\n{b}\n"));
        assert_eq!(value(&output)["changed"], 2, "{output:?}");
        assert_eq!(ids(&node, &["--held"]).len(), 2);
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        node.run(&["queue", "retry", a]);
        node.run(&["queue", "retry", c]);
        traced(&node, "c@two.example", "delivered");
        assert_eq!(peer.count(), 1, "what is held is not tried");

        assert!(
            node.run(&["queue", "release", "--destination", "one.example", "--held"])
                .status
                .success()
        );
        // The destination is still taken for dead.
        assert!(
            node.run(&["queue", "retry", "--destination", "one.example"])
                .status
                .success()
        );
        traced(&node, "a@one.example", "delivered");
        traced(&node, "b@one.example", "delivered");
        assert_eq!(peer.count(), 3);
        wait_for_empty(&node);

        peer.set_fault(Fault::Answer("MAIL", 451));
        for to in ["d@one.example", "e@two.example"] {
            send(to, &[]);
            traced(&node, to, "deferred");
        }
        let (d, e) = (
            &ids(&node, &["--destination", "one.example"])[0],
            &ids(&node, &["--destination", "two.example"])[0],
        );
        assert!(node.run(&["queue", "redirect", d, "inbox@localhost"]).status.success());
        traced(&node, "d@one.example", "delivered");
        let redirected = delivered_to(&node, "inbox");
        assert!(redirected.contains("X-Original-To: d@one.example"), "{redirected}");

        let bounced = node.run(&["queue", "bounce", e, "--why", "it is over"]);
        assert!(bounced.status.success(), "{bounced:?}");
        traced(&node, "e@two.example", "bounced");
        let look = || {
            node.mailbox("inbox")
                .into_iter()
                .find(|one| one.starts_with(b"Return-Path: <>"))
        };
        let notice = wait::until_or("the notification", look, || node.log());
        let notice = String::from_utf8_lossy(&notice);
        assert!(
            notice.contains("it is over") && notice.contains("e@two.example"),
            "{notice}"
        );
    });
}

#[test]
fn what_waits_behind_a_dead_destination_is_given_up_in_time_however_much_it_is() {
    enclosed(|| {
        let routes = ROUTES.replace("retry = [\"1h\"]", "retry = [\"6s\", \"1h\"]\nexpire-after = \"2s\"");
        let node = relaying_node(&routes);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a connection");
            for number in 0..100 {
                let to = format!("a{number}@one.example");
                let reply = client.deliver("inbox@localhost", &to, b"Subject: x\r\n\r\n").await;
                assert!(reply.expect("a reply").is_success());
            }
        });
        // The second look at the destination is the last for an hour, and more than one batch waits for it.
        let look = || (node.mailbox("inbox").len() == 100).then_some(());
        wait::until_or("every notification", look, || {
            format!("{} came\n{}", node.mailbox("inbox").len(), node.log())
        });
        wait_for_empty(&node);
    });
}

#[test]
fn wrong_orders_say_what_is_wrong_by_their_exit_code_too() {
    enclosed(|| {
        let node = relaying_node("");
        for (arguments, code) in [
            (&["queue", "show", "0000000000001"][..], 3),
            (&["queue", "hold", "0000000000001"], 3),
            (&["queue", "hold", "no-id"], 2),
            (&["queue", "hold"], 2),
            (&["queue", "hold", "0000000000001", "--held"], 2),
            (&["queue", "redirect", "0000000000001", "nowhere"], 2),
            (&["queue", "list", "--older-than", "2h", "--younger-than", "1h"], 2),
            (&["queue", "hold", "--older-than", "2h", "--younger-than", "1h"], 2),
            (&["trace", "--since", "1h", "--until", "2h"], 2),
            (&["trace", "0000000000001"], 3),
            (&["send", "nobody@localhost"], 4),
            (&["queue", "devour"], 2),
        ] {
            let output = node.run(arguments);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        }
    });
}

#[test]
fn the_trace_is_searched_by_every_filter() {
    enclosed(|| {
        let node = relaying_node(&format!("{ROUTES}[log]\nmail-log = \"stdout\"\n"));
        let _peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        send("inbox@localhost", &["--tls"]);
        send("a@one.example", &["--header", "Message-Id: <number.one@localhost>"]);
        traced(&node, "inbox@localhost", "delivered");
        let message = traced(&node, "a@one.example", "delivered");
        let id = message["id"].as_str().expect("an id");
        assert_eq!(tls_version(&message["arrival"]), None);
        for (filters, found) in [
            (&[][..], 2),
            (&[id], 1),
            (&["--message-id", "<number.one@localhost>"], 1),
            (&["--sender", "@localhost"], 2),
            (&["--sender", "<>"], 0),
            (&["--recipient", "@one.example"], 1),
            (&["--since", "1h"], 2),
            (&["--until", "2001-01-01"], 0),
            (&["--tls", "1.3"], 1),
            (&["--tls", "1.2"], 0),
            (&["--tls", "none", "--recipient", "@one.example"], 1),
            (&["--outcome", "delivered"], 2),
            (&["--outcome", "bounced"], 0),
            (&["--limit", "1"], 1),
        ] {
            let arguments = [&["trace", "--json"], filters].concat();
            assert_eq!(node.json_lines(&arguments).len(), found, "{filters:?}");
        }
        let shown = text(&node.run(&["trace", id, "--conversation"]));
        for spoken in ["→ MAIL FROM:<inbox@localhost>", "← 250", "→ RCPT TO:<a@one.example>"] {
            assert!(shown.contains(spoken), "{spoken}: {shown}");
        }
        assert!(!shown.contains("test mailing"), "content is no part of it: {shown}");
        // What stayed in the process says so in the place of a connection.
        let local = traced(&node, "inbox@localhost", "delivered");
        let attempt = last_attempt(&local);
        assert_eq!(attempt["connection"], "internal, no connection");
        assert_eq!(attempt["channel"], Value::Null);
        assert!(last_attempt(&message)["connection"].is_null());
        let shown = text(&node.run(&["trace", local["id"].as_str().expect("an id")]));
        assert!(shown.contains("\n       internal, no connection\n"), "{shown}");
        let logged = node.log();
        let has = |words: &str| logged.lines().any(|line| line.contains(words));
        assert!(
            has("route=\"local mailbox\" connection=\"internal, no connection\""),
            "{logged}"
        );
    });
}

#[test]
fn without_a_server_the_commands_open_the_store_themselves_and_two_servers_never_share_one() {
    enclosed(|| {
        let mut node = with_a_queue();
        let second = node.run(&["serve"]);
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        let complaint = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(
            complaint.contains("another sekisho process uses this data folder"),
            "{complaint}"
        );
        assert!(node.terminate().success());
        let id = &ids(&node, &["--destination", "two.example"])[0];
        assert!(node.run(&["queue", "hold", id]).status.success());
        assert!(text(&node.run(&["status"])).contains("offline"));
        node.resume();
        assert_eq!(ids(&node, &["--held"]), std::slice::from_ref(id));
    });
}

/// CVE-2025-62875: whoever is not the server's own user or root is not heard at the local socket.
#[test]
fn a_stranger_on_this_machine_gets_no_answer() {
    enclosed(|| {
        let node = relaying_node("");
        let socket = node.folder().join("sekisho-data/control.sock");
        // As if an operator had opened everything: who asks is still looked at.
        for path in [node.folder(), &node.folder().join("sekisho-data"), &socket] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("our file is ours");
        }
        let as_user = |uid: &str| {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                uid,
                "--clear-groups",
                env!("CARGO_BIN_EXE_sekisho"),
                "status",
            ]);
            command.current_dir(node.folder()).output().expect("setpriv starts")
        };
        assert!(as_user("0").status.success());
        let refused = as_user("1000");
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(complaint.contains("only its own user and root"), "{complaint}");
    });
}

#[test]
fn a_test_message_goes_the_way_of_every_other() {
    enclosed(|| {
        let node = relaying_node("");
        let sent = node.run(&["send", "inbox@localhost"]);
        assert!(sent.status.success(), "{sent:?}");
        let message = traced(&node, "inbox@localhost", "delivered");
        assert_eq!(message["arrival"]["listener"], "send");
        delivered_to(&node, "inbox");
    });
}
