//! Commands as scripts and people meet them: text of strangers, pipes without a server, what is in force, colours.

use std::process::Output;

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP, metrics, readiness},
    peer::{Fault, Peer},
};

use crate::{LOCAL, RELAYING, delivered_to, node, relaying_node, traced};

const ROUTE: &str = "\
[[route]]
name = \"there\"
domains = [\"there.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1h\"]
";

fn send(to: &str) {
    Swaks::new().send(SMTP, "inbox@localhost", to, &[]).assert_accepted();
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Log and terminal injection: escape sequences and marks that hide or reorder text, in a reply.
#[test]
fn what_strangers_write_never_moves_a_terminal() {
    enclosed(|| {
        let hostile = "450 4.2.0 \u{9b}31m\u{1b}[2J \u{202e}drowssap \u{e0041}\u{feff} said";
        let _peer = Peer::start(
            (HOSTS[0], 25).into(),
            None,
            Fault::Say("RCPT TO:<b@there.example>", hostile),
        );
        let node = relaying_node(ROUTE);
        send("b@there.example");
        let message = traced(&node, "b@there.example", "deferred");
        let id = message["id"].as_str().expect("an id");
        for command in [
            &["trace", "--conversation"][..],
            &["trace", "--conversation", "--json"],
            &["queue", "list"],
            &["queue", "list", "--json"],
            &["queue", "show", id, "--conversation"],
            &["queue", "show", id, "--conversation", "--json"],
        ] {
            let shown = text(&node.run(command));
            assert!(shown.contains("said"), "{command:?} shows the reply: {shown}");
            let hidden =
                |shown: char| shown != '\n' && (shown.is_control() || "\u{202e}\u{feff}\u{e0041}".contains(shown));
            assert!(!shown.contains(hidden), "{command:?}: {shown:?}");
        }
        assert!(!node.log().contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{}", node.log());
    });
}

#[test]
fn commands_work_in_a_pipe_and_without_a_server() {
    enclosed(|| {
        let mut node = Node::start(
            env!("CARGO_BIN_EXE_sekisho"),
            &format!("{RELAYING}{LOCAL}{ROUTE}[log]\nmail-log = \"stdout\"\n"),
        );
        for to in ["a@there.example", "b@there.example"] {
            send(to);
        }
        traced(&node, "a@there.example", "deferred");
        assert!(node.terminate().success());
        let held = node.shell("$SEKISHO queue list --ids | $SEKISHO queue hold - --json");
        assert_eq!(
            text(&held).trim(),
            "{\"found\":2,\"changed\":2,\"missing\":[],\"in_flight\":0}",
            "{held:?}"
        );
        let sent = node.run(&["send", "inbox@here.example"]);
        assert!(text(&sent).contains("no server runs"), "{sent:?}");
        node.configure("[listener]\nnonsense = 1\n");
        assert_eq!(
            node.run(&["queue", "list"]).status.code(),
            Some(4),
            "a faulty configuration"
        );
        node.configure(&format!("{RELAYING}{LOCAL}{ROUTE}"));
        node.resume();
        assert!(!node.log().contains("did not end cleanly"), "{}", node.log());
        let arrived = delivered_to(&node, "inbox");
        assert!(arrived.contains("From: <postmaster@here.example>"), "{arrived}");
        assert!(arrived.ends_with('\n'), "{arrived:?}");
        let message = traced(&node, "inbox@here.example", "delivered");
        let id = message["arrival"]["message_id"].as_str().expect("a Message-ID");
        assert!(
            id.starts_with('<') && arrived.contains(&format!("Message-ID: {id}")),
            "{id}\n{arrived}"
        );
    });
}

#[test]
fn readiness_says_when_new_mail_is_put_off_and_why() {
    enclosed(|| {
        let node = relaying_node(&format!("{ROUTE}[limits]\nqueue-length = 1\n"));
        assert!(readiness().contains("200 OK"), "{}", readiness());
        send("b@there.example");
        traced(&node, "b@there.example", "deferred");
        let answer = readiness();
        assert!(
            answer.contains("503") && answer.contains("limits.queue-length"),
            "{answer}"
        );
        assert!(metrics().contains("sekisho_store_putting_off 1"));
        let refused = Swaks::new().send(SMTP, "inbox@localhost", "c@there.example", &[]);
        assert!(refused.transcript.contains("452 4.3.1"), "{}", refused.transcript);
    });
}

#[test]
fn a_running_server_shows_what_is_in_force_and_not_what_the_file_says_by_now() {
    enclosed(|| {
        let mut node = node(LOCAL);
        node.configure(&LOCAL.replace("here.example", "elsewhere.example"));
        let shown = text(&node.run(&["config", "show", "--changed"]));
        assert!(
            shown.contains("here.example") && !shown.contains("elsewhere"),
            "{shown}"
        );
        assert!(text(&node.run(&["config", "check"])).contains("no faults"));
        node.terminate();
        let shown = text(&node.run(&["config", "show", "--changed"]));
        assert!(shown.contains("elsewhere.example"), "{shown}");
        assert!(!shown.contains("[limits]"), "only what was changed: {shown}");
        assert!(text(&node.run(&["config", "show"])).contains("[limits]"));
    });
}

#[test]
fn tls_in_force_is_listed_in_order_for_each_listener_and_route() {
    enclosed(|| {
        let node = relaying_node(ROUTE);
        let listed = text(&node.run(&["tls", "list"]));
        let order = ["TLSv1.3", "TLSv1.2", "X25519MLKEM768", "ECDSA"];
        for word in order {
            assert!(listed.contains(word), "{word} is not in\n{listed}");
        }
        let json = node.json_lines(&["tls", "list", "--json"]);
        let places: Vec<&str> = json.iter().filter_map(|one| one["place"].as_str()).collect();
        assert_eq!(places, ["listener \"default\"", "route \"there\"", "route \"default\""]);
    });
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    enclosed(|| {
        let node = relaying_node(ROUTE);
        send("b@there.example");
        traced(&node, "b@there.example", "deferred");
        for (line, coloured) in [
            ("$SEKISHO queue list", false),
            ("script -qec \"$SEKISHO queue list\" /dev/null", true),
            ("NO_COLOR=1 script -qec \"$SEKISHO queue list\" /dev/null", false),
        ] {
            let shown = text(&node.shell(line));
            assert!(shown.contains("b@there.example"), "{line}: {shown}");
            assert_eq!(shown.contains('\u{1b}'), coloured, "{line}: {shown:?}");
        }
        for nonsense in [
            &["queue", "list", "--destination", "no domain"][..],
            &["queue", "list", "--sender", "nobody"],
            &["trace", "--recipient", "no address"],
        ] {
            assert_eq!(node.run(nonsense).status.code(), Some(2), "{nonsense:?}");
        }
    });
}
