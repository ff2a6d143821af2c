//! A page of the queue's database is damaged: nothing is taken in, what can be read goes out, and the command that
//! everything names brings back the rest. And the file system under it turns read-only.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    foreign::Swaks,
    node::{Node, SMTP, metric, readiness},
    peer::{Fault, Peer},
    source::{Source, identify},
    wait,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{relaying_node, traced};

/// A host that is not there yet, and no second attempt by itself.
const ROUTE: &str = "\
[[route]]
name = \"there\"
domains = [\"first.example\", \"second.example\", \"third.example\"]
via = [\"192.0.2.1:25\"]
retry = [\"1h\"]
";

/// Each at a destination of its own, so that none is taken for dead before its turn.
const NAMES: [&str; 3] = ["first", "second", "third"];

/// Octets of a page of the database.
const PAGE: usize = 8192;

/// Three messages, each with content that takes a page of its own.
fn with_a_queue() -> Node {
    let node = relaying_node(ROUTE);
    Runtime::new().expect("a runtime can be made").block_on(async {
        let mut client = Client::open(SMTP, false).await.expect("a connection");
        for name in NAMES {
            let content = format!(
                "Subject: {name}\r\n\r\n{}",
                format!("content of the {name}\r\n").repeat(300)
            );
            let to = format!("a@{name}.example");
            let reply = client.deliver("inbox@localhost", &to, content.as_bytes()).await;
            assert!(reply.expect("a reply").is_success());
        }
    });
    for name in NAMES {
        traced(&node, &format!("a@{name}.example"), "deferred");
    }
    node
}

fn damage_page_with(node: &Node, text: &str) {
    let path = node.folder().join("sekisho-data/queue.db");
    let mut octets = fs::read(&path).expect("the database can be read");
    let place = octets.windows(text.len()).position(|window| window == text.as_bytes());
    let page = place.expect("it stands there") / PAGE * PAGE;
    octets[page..page + PAGE].fill(0xff);
    fs::write(&path, octets).expect("the database can be written");
}

fn json(node: &Node, arguments: &[&str], code: i32) -> Value {
    let output = node.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_damaged_page_stops_acceptance_until_the_command_that_is_named_has_run() {
    enclosed(|| {
        let mut node = with_a_queue();
        assert!(node.terminate().success());
        assert_eq!(json(&node, &["store", "check", "--json"], 0)["messages"], 3);
        damage_page_with(&node, "content of the second");
        assert_eq!(json(&node, &["store", "check", "--json"], 1)["sound"], false);

        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        node.resume();
        for name in NAMES {
            node.run(&["queue", "retry", "--destination", &format!("{name}.example")]);
        }
        traced(&node, "a@first.example", "delivered");
        traced(&node, "a@third.example", "delivered");
        let is_known = || (metric("sekisho_store_damaged") == Some(1)).then_some(());
        wait::until_or("the damage to be known", is_known, || node.log());
        let named = "sekisho store recover";
        let status = node.run(&["status"]);
        let places = [
            readiness(),
            node.log(),
            String::from_utf8_lossy(&status.stdout).into_owned(),
        ];
        assert!(places.iter().all(|place| place.contains(named)), "{places:?}");
        assert!(readiness().contains("503"), "{}", readiness());
        let refused = Swaks::new().send(SMTP, "inbox@localhost", "new@first.example", &[]);
        assert!(refused.transcript.contains("451 4.3.0"), "{}", refused.transcript);
        let in_use = node.run(&["store", "recover"]);
        assert_eq!(in_use.status.code(), Some(5), "{in_use:?}");

        // The next start knows it too.
        assert!(node.terminate().success());
        node.launch();
        wait::until_or("the damage to be known still", is_known, || node.log());
        assert!(node.terminate().success());

        let recovery = json(&node, &["store", "recover", "--json"], 3);
        let [casualty] = &recovery["casualties"].as_array().expect("a list")[..] else {
            panic!("one message is damaged: {recovery}");
        };
        assert_eq!(
            (&casualty["fate"], &casualty["recipients"][0]),
            (&"set-aside".into(), &"a@second.example".into())
        );
        let kept = recovery["kept"].as_str().expect("a folder");
        assert!(node.folder().join(kept).join("queue.db").is_file(), "{kept}");

        node.resume();
        assert!(readiness().contains("200 OK"), "{}", readiness());
        assert_eq!(metric("sekisho_queue_messages"), Some(1));
        Swaks::new()
            .send(SMTP, "inbox@localhost", "new@first.example", &[])
            .assert_accepted();
        traced(&node, "new@first.example", "delivered");
        assert_eq!(peer.count(), 3);
    });
}

/// Runs a program that has to succeed; what it wrote.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|fault| panic!("{program}: {fault}"));
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Mounts the image at `place`.
fn mount(image: &str, place: &str) {
    run("mount", &["-o", "loop,errors=remount-ro", image, place]);
}

/// Makes ext4 think that it met an error of its own: it lets nobody write any more.
fn turn_read_only(place: &str) {
    let device = run("findmnt", &["-n", "-o", "SOURCE", place]);
    let name = Path::new(&device)
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a device");
    fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").expect("the kernel takes it");
}

#[test]
fn a_file_system_that_turns_read_only_costs_nothing_that_was_acknowledged() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let mut node = Node::new(
            env!("CARGO_BIN_EXE_sekisho"),
            &format!("{}{ROUTE}[limits]\nfree-space = \"1 MiB\"\n", crate::RELAYING).replace("1h", "1s"),
        );
        let (data, image) = (node.folder().join("sekisho-data"), node.folder().join("image"));
        let (data, image) = (data.to_str().expect("text"), image.to_str().expect("text"));
        fs::create_dir(data).expect("a folder can be made");
        let file = fs::File::create(image).and_then(|file| file.set_len(128 << 20));
        file.expect("an image can be made");
        run("mkfs.ext4", &["-q", "-E", "lazy_itable_init=1", image]);
        mount(image, data);
        fs::remove_dir(Path::new(data).join("lost+found")).expect("it is empty");
        node.resume();

        let source = Source::start(SMTP, "b@first.example", 4);
        let some = || (source.ledger().acknowledged().len() >= 40).then_some(());
        wait::until_or("acknowledged messages", some, || node.log());
        turn_read_only(data);
        let refused = || readiness().contains("503").then_some(());
        wait::until_or("the server to say so", refused, || node.log());
        let refused = Swaks::new().send(SMTP, "inbox@localhost", "new@first.example", &[]);
        assert!(refused.transcript.contains("451 4.3.0"), "{}", refused.transcript);
        source.stop();
        let known = source.ledger().acknowledged();

        node.kill();
        run("umount", &[data]);
        mount(image, data);
        node.resume();
        let missing = || -> BTreeSet<u64> {
            let received = peer.received();
            let arrived = received
                .iter()
                .map(|message| identify(&message.content).expect("a number of ours"));
            let arrived = arrived.map(|(number, whole)| if whole { number } else { panic!("{number} was altered") });
            known.difference(&arrived.collect()).copied().collect()
        };
        let all = || missing().is_empty().then_some(());
        wait::until_or("every acknowledged message", all, || {
            format!("{:?}\n{}", missing(), node.log())
        });
        node.kill();
        run("umount", &[data]);
    });
}
