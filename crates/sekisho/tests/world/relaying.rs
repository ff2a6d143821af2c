//! Nobody relays who was not given that right (law 12).

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::SMTP,
};

use crate::{LOCAL, node, trace_of};

/// A listener that the world can reach, with nothing said about relaying, and a domain of which we are the front.
fn open_to_the_world() -> String {
    let address = HOSTS[1];
    format!("{LOCAL}relay-domains = [\"behind.example\"]\n[[listener]]\nname = \"world\"\naddress = \"{address}:25\"\n")
}

#[test]
fn a_stranger_relays_by_no_trick() {
    enclosed(|| {
        let node = node(&open_to_the_world());
        let swaks = Swaks::new();
        let server = (HOSTS[1], 25).into();
        for recipient in [
            "victim@there.example",
            "victim%there.example@here.example",
            "there.example!victim@here.example",
            "@here.example:victim@there.example",
            "\"victim@there.example\"@here.example",
            "victim%there.example@behind.example",
            "there.example!victim@behind.example",
            "\"victim@there.example\"@behind.example",
            "victim@[192.0.2.3]",
            "victim@[192.0.2.2]",
            "victim@there.example@here.example",
            "victim@here.example:26",
            "victim%there.example@[192.0.2.2]",
            "victim@node.sekisho.example.there.example",
        ] {
            let output = swaks.send(server, "inbox@here.example", recipient, &[]);
            assert_ne!(output.code, Some(0), "{recipient}:\n{}", output.transcript);
            let refused = output.transcript.lines().any(|line| line.contains("<** 5"));
            assert!(refused, "{recipient} is refused for good:\n{}", output.transcript);
        }
        assert_eq!(trace_of(&node, "victim@there.example"), None);
        assert_eq!(
            node.json_lines(&["queue", "list", "--json"]),
            Vec::<serde_json::Value>::new()
        );
        swaks
            .send(server, "a@there.example", "inbox@here.example", &[])
            .assert_accepted();
    });
}

/// In a container a mapped port makes the whole world come from a near address.
fn in_container() -> bool {
    let files = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
    let variables = ["container", "KUBERNETES_SERVICE_HOST"];
    files.iter().any(|path| std::path::Path::new(path).exists())
        || variables.iter().any(|name| std::env::var_os(name).is_some())
}

#[test]
fn loopback_relays_through_a_loopback_listener_outside_a_container_and_nowhere_else() {
    enclosed(|| {
        let swaks = Swaks::new();
        let relays = || swaks.send(SMTP, "inbox@here.example", "b@there.example", &[]).code == Some(0);
        for (listener, wanted) in [
            ("address = \"127.0.0.1:2525\"", !in_container()),
            ("address = \"0.0.0.0:2525\"", false),
            ("address = \"127.0.0.1:2525\"\nrelay-from = []", false),
            ("address = \"127.0.0.1:2525\"\nrelay-from = [\"192.0.2.0/24\"]", false),
            ("address = \"0.0.0.0:2525\"\nrelay-from = [\"127.0.0.1/32\"]", true),
        ] {
            let _node = node(&format!("{LOCAL}[[listener]]\nname = \"default\"\n{listener}\n"));
            assert_eq!(relays(), wanted, "{listener}");
        }
    });
}
