//! Every limit as a client meets it, memory that does not grow with a message, a disk that is full, and sockets that
//! somebody else opened.

use std::{
    fs,
    process::{Command, Stdio},
};

use sekisho_testkit::{
    client::Client,
    enclosure::enclosed,
    foreign::Swaks,
    node::{Node, SMTP, metrics},
    wait,
};
use tokio::runtime::Runtime;

use crate::{LOCAL, delivered_to, node};

const TIGHT: &str = "\
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
relay-from = []
[listener.limits]
connections-per-address = 2
messages-per-connection = 2
message-size = \"64 KiB\"
recipients = 100
refused-recipients = 3
errors = 3
commands = 250
";

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// The code and text of the reply to each of these commands, in one session.
async fn dialogue(client: &mut Client, lines: &[&str]) -> Vec<String> {
    let mut replies = Vec::new();
    for line in lines {
        let reply = client.command(line).await.expect("a reply");
        replies.push(format!("{} {}", reply.code, reply.text()));
    }
    replies
}

/// The code of the last reply, behind which the connection is closed.
async fn end_of(client: &mut Client) -> u16 {
    let last = client.reply().await.expect("a connection").expect("a reply");
    assert!(client.reply().await.expect("an end").is_none());
    last.code
}

#[test]
fn each_limit_of_a_session_is_kept() {
    enclosed(|| {
        let _node = node(&format!("{TIGHT}{LOCAL}"));
        runtime().block_on(async {
            let mut first = Client::open(SMTP, false).await.expect("room");
            let mut second = Client::open(SMTP, false).await.expect("room");
            let mut third = Client::connect(SMTP).await.expect("a connection");
            let greeting = third.reply().await.expect("a connection").expect("a reply");
            assert_eq!(
                (greeting.code, &greeting.text()[..5]),
                (421, "4.3.2"),
                "two from one address"
            );

            let mail = "MAIL FROM:<a@there.example>";
            let replies = dialogue(&mut first, &["MAIL FROM:<a@there.example> SIZE=70000", mail]).await;
            assert!(replies[0].starts_with("552 5.3.4"), "{replies:?}");
            for number in 0..100 {
                let to = format!("RCPT TO:<inbox@here.example> ORCPT=rfc822;{number}@x");
                assert!(first.command(&to).await.expect("a reply").is_success(), "{number}");
            }
            let to = "RCPT TO:<inbox@here.example>";
            let replies = dialogue(&mut first, &[to, "RSET", mail, "RSET", mail]).await;
            assert!(replies[0].starts_with("452 4.5.3"), "{replies:?}");
            assert!(
                replies[4].starts_with("421 4."),
                "two messages a connection: {replies:?}"
            );

            let guesses = ["RCPT TO:<x@here.example>"; 4];
            let replies = dialogue(&mut second, &[&[mail], &guesses[..]].concat()).await;
            assert!(replies[4].starts_with("550 5.1.1"), "{replies:?}");
            assert_eq!(end_of(&mut second).await, 421, "three refused recipients");
        });
        runtime().block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("room");
            let large = [&b"Subject: x\r\n\r\n"[..], &b"0123456789abcdef\r\n".repeat(5000)].concat();
            let reply = client
                .deliver("a@there.example", "inbox@here.example", &large)
                .await
                .expect("a reply");
            assert_eq!((reply.code, &reply.text()[..5]), (552, "5.3.4"));
            let replies = dialogue(&mut client, &["NOPE", "NOPE", "NOPE"]).await;
            assert!(replies[2].starts_with("500 "), "{replies:?}");
            assert_eq!(end_of(&mut client).await, 421, "three errors");
        });
        let refused = metrics();
        assert!(
            refused.contains("sekisho_inbound_turned_away_total{limit=\"address-connections\"} 1"),
            "{refused}"
        );
    });
}

/// Early talkers, which Postfix turns away by `smtpd_forbid_unauth_pipelining`.
#[test]
fn who_speaks_before_the_greeting_is_turned_away() {
    enclosed(|| {
        // Nobody waits for the end of this.
        let patient = TIGHT.replace("errors = 3", "greeting-delay = \"1h\"");
        let _node = node(&format!("{patient}{LOCAL}"));
        runtime().block_on(async {
            let mut client = Client::connect(SMTP).await.expect("a connection");
            client.send(b"EHLO there.example\r\n").await.expect("it is sent");
            let reply = client.reply().await.expect("a connection").expect("a reply");
            assert_eq!((reply.code, &reply.text()[..5]), (554, "5.5.0"));
            assert!(client.reply().await.expect("an end").is_none());
        });
        let counted = metrics();
        assert!(
            counted.contains("sekisho_inbound_refusals_total{class=\"permanent\"} 1"),
            "{counted}"
        );
    });
}

#[test]
fn a_message_of_150_megabytes_does_not_pass_through_memory() {
    enclosed(|| {
        let node = node(&format!("{}{LOCAL}", TIGHT.replace("64 KiB", "200 MB")));
        let send = |octets: usize| {
            let line = [b'x'; 98];
            let lines = [&line[..], b"\r\n"].concat().repeat(octets / 100);
            let content = [&b"Subject: large\r\n\r\n"[..], &lines].concat();
            let reply = runtime().block_on(async {
                let mut client = Client::open(SMTP, true).await.expect("a connection");
                client.deliver("a@there.example", "inbox@here.example", &content).await
            });
            assert!(reply.expect("a reply").is_success());
        };
        send(1_000_000);
        wait::until_or(
            "the small one",
            || (node.mailbox("inbox").len() == 1).then_some(()),
            || node.log(),
        );
        let (_, before) = node.memory();
        send(150_000_000);
        let both = || (node.mailbox("inbox").len() == 2).then_some(());
        wait::until_or("the large one", both, || node.log());
        let grown = node.memory().1 - before;
        assert!(grown < 32 * 1024 * 1024, "{grown} octets more than for a small one");
    });
}

/// A node whose data folder is a file system of 100 MB, of which 40 MiB are to stay free; not started yet.
fn on_a_small_disk(more: &str) -> Node {
    on_a_tmpfs(
        "size=100m",
        &format!("{more}{LOCAL}[limits]\nfree-space = \"40 MiB\"\n"),
    )
}

/// A node whose data folder is a file system in memory; not started yet.
fn on_a_tmpfs(options: &str, configuration: &str) -> Node {
    let node = Node::new(env!("CARGO_BIN_EXE_sekisho"), configuration);
    let data = node.folder().join("sekisho-data");
    fs::create_dir(&data).expect("a folder can be made");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("{options},mode=700"), "none"])
        .arg(&data)
        .status();
    assert!(mounted.is_ok_and(|status| status.success()), "a world can mount");
    node
}

#[test]
fn a_message_that_would_take_the_last_room_is_put_off_on_its_way() {
    enclosed(|| {
        let mut node = on_a_small_disk(&TIGHT.replace("64 KiB", "200 MB"));
        node.resume();
        let content = b"0123456789abcdef\r\n".repeat(90_000_000 / 18);
        runtime().block_on(async {
            let mut client = Client::open(SMTP, false).await.expect("a connection");
            let to = "inbox@here.example";
            let large = client.deliver("a@there.example", to, &content).await.expect("a reply");
            assert_eq!((large.code, &large.text()[..5]), (452, "4.3.1"));
        });
        let send = || Swaks::new().send(SMTP, "a@there.example", "inbox@here.example", &[]);
        let taken = || (send().code == Some(0)).then_some(());
        wait::until_or("the room that it leaves", taken, || node.log());
    });
}

#[test]
fn a_full_disk_puts_new_mail_off_and_deliveries_go_on() {
    enclosed(|| {
        let mut node = on_a_small_disk("");
        let data = node.folder().join("sekisho-data");
        node.resume();
        let send = || Swaks::new().send(SMTP, "a@there.example", "inbox@here.example", &[]);
        send().assert_accepted();
        delivered_to(&node, "inbox");

        let ballast = data.join("ballast");
        fs::write(&ballast, vec![0; 70 << 20]).expect("there is room");
        let refused = || Some(send().transcript).filter(|said| said.contains("452 4.3.1"));
        wait::until_or("the disk to be noticed", refused, || node.log());
        fs::remove_file(&ballast).expect("our file is ours");
        let taken = || (send().code == Some(0)).then_some(());
        wait::until_or("mail to be taken again", taken, || node.log());

        // Full to the last octet: nothing more can even be settled, and nothing is lost or given up.
        fs::write(&ballast, vec![0; 70 << 20]).expect("there is room");
        let rest = Command::new("dd")
            .args(["if=/dev/zero", "bs=1M"])
            .arg(format!("of={}", data.join("rest").display()))
            .stderr(Stdio::null())
            .status();
        assert!(
            rest.is_ok_and(|status| !status.success()),
            "dd meets the end of the disk"
        );
        let refused =
            || Some(send().transcript).filter(|said| said.contains("452 4.3.1") || said.contains("451 4.3.0"));
        wait::until_or("the full disk to be noticed", refused, || node.log());
        for file in ["ballast", "rest"] {
            fs::remove_file(data.join(file)).expect("our file is ours");
        }
        let before = node.mailbox("inbox").len();
        wait::until_or("mail to be taken again", taken, || node.log());
        let more = || (node.mailbox("inbox").len() > before).then_some(());
        wait::until_or("the delivery", more, || node.log());
    });
}

#[test]
fn a_disk_without_inodes_puts_new_mail_off_and_takes_it_again_later() {
    enclosed(|| {
        let configuration = format!("{LOCAL}[limits]\nfree-space = \"1 MiB\"\nfree-inodes = 50\n");
        let mut node = on_a_tmpfs("size=100m,nr_inodes=400", &configuration);
        let files = node.folder().join("sekisho-data/files");
        node.resume();
        let send = || Swaks::new().send(SMTP, "a@there.example", "inbox@here.example", &[]);
        send().assert_accepted();
        delivered_to(&node, "inbox");

        // Too few are left, then none at all.
        fs::create_dir(&files).expect("there is an inode");
        let mut made = (0..).take_while(|number| fs::write(files.join(number.to_string()), "").is_ok());
        for (upto, words) in [(350, "452 4.3.1"), (usize::MAX, "4.3.")] {
            made.by_ref().take(upto).for_each(drop);
            let refused = || Some(send().transcript).filter(|said| said.contains(words));
            wait::until_or("the want of inodes to be noticed", refused, || node.log());
        }
        // What came before the want was noticed is there as well.
        let before = node.mailbox("inbox").len();
        fs::remove_dir_all(&files).expect("our files are ours");
        let taken = || (send().code == Some(0)).then_some(());
        wait::until_or("mail to be taken again", taken, || node.log());
        let more = || (node.mailbox("inbox").len() > before).then_some(());
        wait::until_or("the delivery", more, || node.log());
    });
}

/// As systemd does it: descriptors from 3 on, their names, and for whom they are.
const LAUNCHER: &str = "\
import os, socket, sys
names = sys.argv[2:]
given = [socket.create_server(('127.0.0.1', 2525 + 2 * place)) for place in range(len(names))]
for place, one in enumerate(given):
    os.dup2(one.fileno(), 60 + place)
for place in range(len(given)):
    os.dup2(60 + place, 3 + place)
    os.set_inheritable(3 + place, True)
os.environ.update(LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=':'.join(names), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], [sys.argv[1], 'serve'])
";

#[test]
fn two_sockets_under_one_name_are_refused_and_neither_is_lost_in_silence() {
    enclosed(|| {
        let node = Node::new(
            env!("CARGO_BIN_EXE_sekisho"),
            &format!("[[listener]]\nname = \"given\"\naddress = \"127.0.0.1:2526\"\n{LOCAL}"),
        );
        let output = Command::new("python3")
            .args(["-c", LAUNCHER, env!("CARGO_BIN_EXE_sekisho"), "given", "given"])
            .current_dir(node.folder())
            .output()
            .expect("python3 starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains("FileDescriptorName="),
            "{said}"
        );
    });
}

#[test]
fn sockets_that_somebody_else_opened_are_taken_over_by_their_name() {
    enclosed(|| {
        let node = Node::new(
            env!("CARGO_BIN_EXE_sekisho"),
            &format!("[[listener]]\nname = \"given\"\naddress = \"127.0.0.1:2526\"\n{LOCAL}"),
        );
        let log = fs::File::create(node.folder().join("log")).expect("a log can be written");
        let mut server = Command::new("python3")
            .args(["-c", LAUNCHER, env!("CARGO_BIN_EXE_sekisho"), "given"])
            .current_dir(node.folder())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("python3 starts");
        wait::until_listening(SMTP);
        Swaks::new()
            .send(SMTP, "a@there.example", "inbox@here.example", &["--tls"])
            .assert_accepted();
        let refused = std::net::TcpStream::connect(("127.0.0.1", 2526));
        assert!(refused.is_err(), "the configured address is not listened on as well");
        server.kill().expect("our child can be killed");
        server.wait().expect("our child can be waited for");
    });
}
