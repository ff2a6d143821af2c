//! SIGTERM loses nothing and ends well; SIGHUP takes a good configuration and refuses a bad one whole.

use rustix::process::Signal;
use sekisho_testkit::{
    enclosure::enclosed,
    foreign::Swaks,
    node::{Node, SMTP},
    source::Source,
    wait,
};

use crate::{LOCAL, node};

#[test]
fn sigterm_under_load_ends_with_success_and_loses_nothing() {
    enclosed(|| {
        let mut node = node(LOCAL);
        let source = Source::start(SMTP, "inbox@here.example", 4);
        wait::until("some mail", || {
            (source.ledger().acknowledged().len() > 50).then_some(())
        });
        let status = node.terminate();
        source.stop();
        assert!(status.success(), "{status}\n{}", node.log());
        node.resume();
        let acknowledged = source.ledger().acknowledged().len();
        let all = || (node.mailbox("inbox").len() >= acknowledged).then_some(());
        wait::until_or("all acknowledged messages", all, || node.log());
    });
}

fn accepts(swaks: &Swaks, recipient: &str) -> bool {
    swaks
        .send(SMTP, "a@there.example", recipient, &["--quit-after", "RCPT"])
        .code
        == Some(0)
}

fn reload(node: &Node, configuration: &str) {
    node.configure(configuration);
    node.signal(Signal::HUP);
}

#[test]
fn sighup_takes_a_good_configuration_and_refuses_a_bad_one_whole() {
    enclosed(|| {
        let node = node(LOCAL);
        let swaks = Swaks::new();
        assert!(!accepts(&swaks, "new@here.example"));
        let good = LOCAL.replace("\"inbox\"", "\"inbox\", \"new\"");
        reload(&node, &good);
        wait::until_or(
            "the new user",
            || accepts(&swaks, "new@here.example").then_some(()),
            || node.log(),
        );
        let bad = good.replace("\"new\"", "\"newer\"") + "\n[nonsense]\nkey = 1\n";
        reload(&node, &bad);
        wait::until_or(
            "the complaint",
            || node.log().contains("nonsense").then_some(()),
            || node.log(),
        );
        assert!(accepts(&swaks, "new@here.example"), "the running configuration stays");
        assert!(
            !accepts(&swaks, "newer@here.example"),
            "nothing of the bad one is taken"
        );
    });
}
