//! Floods in short, and a server that has no descriptor left. At full size: `cargo xtask flood`.

use std::time::{Duration, Instant};

use sekisho_testkit::{
    client::Client,
    enclosure::enclosed,
    flood::{self, Flood},
    node::{Node, SMTP},
    wait,
};
use tokio::runtime::Runtime;

use crate::{LOCAL, RELAYING, delivered_to, node};

/// So much of each that the limits of many sessions are reached, or of several where one session has a lot.
const fn short(flood: Flood) -> u64 {
    match flood {
        Flood::Command => 64 * 1024 * 1024,
        Flood::Content => 16 * 1024 * 1024,
        Flood::Chunks => 110_000,
        Flood::Noop | Flood::Reset | Flood::Unread => 40_000,
        Flood::Recipients => 20_000,
        Flood::Fragments => 32 * 1024 * 1024,
        Flood::Handshakes => 200,
        // One round of attempts.
        Flood::ReplyLines | Flood::ReplyLine => 1,
    }
}

#[test]
fn what_has_no_end_is_ended_and_leaves_nothing_in_memory() {
    enclosed(|| {
        let limits = "[listener.limits]\nmessage-size = \"1 MiB\"\n";
        let node = node(&format!("{LOCAL}{}{RELAYING}{limits}", flood::route()));
        for flood in Flood::ALL {
            let report = flood.run(&node, short(flood)).expect("the server ends every session");
            assert!(report.poured.sessions > 0, "{report:?}");
            assert!(report.complaints().is_empty(), "{:?}: {report:?}", report.complaints());
        }
    });
}

#[test]
fn refusals_without_end_are_counted_in_the_mail_log_and_not_written_one_by_one() {
    enclosed(|| {
        let node = node(&format!("{LOCAL}{RELAYING}[log]\nmail-log = \"stdout\"\n"));
        let report = Flood::Recipients
            .run(&node, short(Flood::Recipients))
            .expect("its sessions end");
        let count = |event: &str| node.log().lines().filter(|line| line.contains(event)).count() as u64;
        // Before what is measured some come to warm the server up.
        let all_told = || (count("event=refused-more ") >= report.poured.sessions).then_some(());
        wait::until_or("the numbers of those without a line", all_told, || node.log());
        let (lines, sessions) = (count("event=refused "), count("event=refused-more "));
        assert!(
            lines > 0 && lines <= 200 * (sessions + 1),
            "{lines} lines for {sessions} sessions"
        );
        let log = node.log();
        assert!(!log.contains("lines-dropped"), "{log}");
    });
}

/// Clients that only sit there, as many as come in.
async fn crowd(most: usize) -> (Vec<Client>, usize) {
    let (mut inside, mut turned_away) = (Vec::new(), 0);
    for _ in 0..most {
        let mut client = Client::connect(SMTP).await.expect("a connection");
        match client.expect_reply().await.expect("a greeting").code {
            220 => inside.push(client),
            421 => turned_away += 1,
            other => panic!("{other}"),
        }
    }
    (inside, turned_away)
}

#[test]
fn connections_never_take_the_descriptors_that_everything_else_needs() {
    enclosed(|| {
        let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), &format!("{LOCAL}{RELAYING}"));
        node.set_open_files(400);
        node.resume();
        assert!(node.log().contains("limits.outbound-connections"), "{}", node.log());
        let runtime = Runtime::new().expect("a runtime can be made");
        let (mut inside, turned_away) = runtime.block_on(crowd(120));
        assert!(inside.len() > 50 && turned_away > 20, "{} inside", inside.len());
        // The queue, the mailbox, the trace and the management socket have theirs.
        let client = inside.last_mut().expect("many are inside");
        let taken = runtime.block_on(async {
            client.command("EHLO client.example").await?;
            // More than the database keeps, so that it needs a file of its own.
            let large = b"0123456789abcdef\r\n".repeat(10_000);
            client.deliver("a@there.example", "inbox@here.example", &large).await
        });
        assert!(taken.expect("a reply").is_success());
        delivered_to(&node, "inbox");
        assert!(
            node.run(&["queue", "list"])
                .status
                .code()
                .is_some_and(|code| code == 0 || code == 3)
        );
        assert!(!node.log().contains("cannot accept"), "{}", node.log());
    });
}

#[test]
fn without_a_descriptor_the_listener_waits_without_spinning_and_goes_on_when_there_is_one() {
    const WATCHED: Duration = Duration::from_secs(1);
    enclosed(|| {
        let node = node(&format!("{LOCAL}{RELAYING}"));
        let runtime = Runtime::new().expect("a runtime can be made");
        runtime.block_on(Client::open(SMTP, false)).expect("a connection");
        node.limit_open_files(node.open_files() as u64 + 8);
        // The kernel finishes connections that nobody accepts.
        let waiting: Vec<Client> = runtime.block_on(async {
            let mut waiting = Vec::new();
            for _ in 0..40 {
                waiting.push(Client::connect(SMTP).await.expect("a connection"));
            }
            waiting
        });
        let short = || node.log().contains("cannot accept connections").then_some(());
        wait::until_or("the shortage", short, || node.log());
        let (cpu, began) = (node.cpu_time(), Instant::now());
        wait::until("the time in which it is watched", || {
            (began.elapsed() > WATCHED).then_some(())
        });
        let used = node.cpu_time() - cpu;
        assert!(
            used < WATCHED / 4,
            "{used:?} of processor time in {:?}",
            began.elapsed()
        );
        assert_eq!(
            node.log().matches("cannot accept connections").count(),
            1,
            "{}",
            node.log()
        );
        drop(waiting);
        let again = || runtime.block_on(Client::open(SMTP, true)).ok();
        wait::until_or("a connection", again, || node.log());
        assert!(node.log().contains("connections are accepted again"), "{}", node.log());
    });
}
