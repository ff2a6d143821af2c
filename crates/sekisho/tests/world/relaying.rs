//! Nobody relays who was not given that right (law 12).

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::SMTP,
};

use crate::{LOCAL, node, trace_of};

/// A listener that the world can reach, with nothing said about relaying.
fn open_to_the_world() -> String {
    let address = HOSTS[1];
    format!("{LOCAL}[[listener]]\nname = \"world\"\naddress = \"{address}:25\"\n")
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

#[test]
fn loopback_relays_through_a_loopback_listener_alone() {
    enclosed(|| {
        let configuration = format!(
            "{}[[listener]]\nname = \"own\"\naddress = \"{SMTP}\"\n",
            open_to_the_world()
        );
        let node = node(&configuration);
        let swaks = Swaks::new();
        swaks
            .send(SMTP, "inbox@here.example", "b@there.example", &[])
            .assert_accepted();
        let everywhere = format!("{LOCAL}[[listener]]\nname = \"every\"\naddress = \"0.0.0.0:2525\"\n");
        drop(node);
        let _node = crate::node(&everywhere);
        let output = swaks.send(SMTP, "inbox@here.example", "b@there.example", &[]);
        assert_ne!(
            output.code,
            Some(0),
            "a listener on every address trusts nobody:\n{}",
            output.transcript
        );
    });
}
