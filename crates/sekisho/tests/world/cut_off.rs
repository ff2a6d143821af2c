//! Clients that play with the border between cleartext and TLS: what comes on the wrong side of it is never a command,
//! and half a message is never one.

use std::io;

use sekisho_testkit::{
    enclosure::enclosed,
    node::{Node, SMTP, metrics},
    wait,
};
use sekisho_tls::{ClientIdentities, ClientProfile, TlsClient, TlsStream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};

use crate::{LOCAL, relaying_node};

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// Everything that comes until the server closes; a reset is an end too.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    timeout(wait::LIMIT, stream.read_to_end(&mut octets))
        .await
        .expect("the server closes")
        .unwrap_or_default();
    octets
}

/// Reads as far as a reply of one line that begins with `code`.
async fn expect(stream: &mut TcpStream, code: &str) -> io::Result<()> {
    let mut said = Vec::new();
    loop {
        let mut octet = [0];
        timeout(wait::LIMIT, stream.read_exact(&mut octet)).await??;
        said.push(octet[0]);
        if said.ends_with(b"\r\n") {
            let line = String::from_utf8_lossy(&said).into_owned();
            assert!(line.starts_with(code), "{line:?} instead of {code}");
            if line.as_bytes().get(3) == Some(&b' ') {
                return Ok(());
            }
            said.clear();
        }
    }
}

/// A connection on which the server has answered EHLO.
async fn greeted() -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(SMTP).await?;
    stream.set_nodelay(true)?;
    expect(&mut stream, "220").await?;
    stream.write_all(b"EHLO client.example\r\n").await?;
    expect(&mut stream, "250").await?;
    Ok(stream)
}

/// How often a handshake failed or a client was refused, for whatever reason.
fn counted() -> u64 {
    let text = metrics();
    let names = ["sekisho_inbound_handshakes_failed", "sekisho_inbound_refusals"];
    let lines = text
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// CVE-2011-0411: cleartext behind STARTTLS, in the same segment, before the reply, behind it, and as a handshake.
#[test]
fn what_follows_starttls_in_the_clear_is_not_obeyed_on_the_wire() {
    enclosed(|| {
        let node = relaying_node(LOCAL);
        let flood = b"NOOP\r\n".repeat(64 * 1024 / 6);
        let transaction = b"MAIL FROM:<evil@there.example>\r\nRCPT TO:<inbox@here.example>\r\nDATA\r\nx\r\n.\r\n";
        let injected: [&[u8]; 8] = [
            b"NOOP\r\n",
            b"EHLO evil.example\r\n",
            b"AUTH PLAIN AGEAYg==\r\n",
            transaction,
            b"BDAT 1 LAST\r\nx",
            b"N",
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
            &flood,
        ];
        let mut before = counted();
        for injected in injected {
            // Behind how many octets of the command a segment ends; the last waits for the reply.
            for split in [0, 1, 9, 10, 11] {
                let said = runtime().block_on(async {
                    let mut stream = greeted().await?;
                    let (first, rest) = b"STARTTLS\r\n".split_at(split.min(10));
                    if split > 0 {
                        stream.write_all(first).await?;
                    }
                    if split == 11 {
                        expect(&mut stream, "220").await?;
                    }
                    // The server may be gone before it has read all of it.
                    let _ = stream.write_all(&[rest, injected].concat()).await;
                    let _ = stream.shutdown().await;
                    io::Result::Ok(read_to_end(&mut stream).await)
                });
                let said = said.expect("the server answers");
                // Either the one refusal, or the permission to begin and then an alert at most.
                let shown = said.escape_ascii().to_string();
                let refused =
                    said.starts_with(b"554 5.5.0 ") && said.iter().filter(|octet| **octet == b'\n').count() == 1;
                let begun = said.strip_prefix(b"220 2.0.0 ready to start TLS\r\n").unwrap_or(&said);
                let alerted = begun.is_empty() || begun.starts_with(&[21, 3]);
                assert!(refused || alerted, "{}: {shown}", injected.escape_ascii());
                let now = wait::until_or(
                    "it to be counted",
                    || Some(counted()).filter(|now| *now > before),
                    || format!("{} at {split}: {shown}\n{}", injected.escape_ascii(), metrics()),
                );
                before = now;
            }
        }
        assert_nothing_came(&node);
    });
}

fn assert_nothing_came(node: &Node) {
    assert!(node.mailbox("inbox").is_empty(), "a message was delivered");
    assert!(node.json_lines(&["queue", "list", "--json"]).is_empty());
    assert_eq!(crate::trace_of(node, "inbox@here.example"), None);
}

/// A session under TLS whose wire the test holds in its own hands.
struct Covered {
    tls: TlsStream<DuplexStream>,
    far: DuplexStream,
    wire: TcpStream,
}

impl Covered {
    async fn open() -> io::Result<Self> {
        let mut wire = greeted().await?;
        wire.write_all(b"STARTTLS\r\n").await?;
        expect(&mut wire, "220").await?;
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let client = TlsClient::new(ClientIdentities::new());
        let profile = ClientProfile::default();
        let shaken = client.connect(near, None, &profile, wait::LIMIT);
        tokio::pin!(shaken);
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        let tls = loop {
            tokio::select! {
                shaken = &mut shaken => break shaken.map_err(|failure| io::Error::other(failure.to_string()))?.0,
                len = far.read(&mut up) => wire.write_all(&up[..len?]).await?,
                len = wire.read(&mut down) => far.write_all(&down[..len?]).await?,
            }
        };
        Ok(Self { tls, far, wire })
    }

    /// Puts on the wire what TLS has ready for it.
    async fn pump(&mut self) -> io::Result<()> {
        let mut octets = [0; 4096];
        loop {
            tokio::select! {
                biased;
                len = self.far.read(&mut octets) => match len? {
                    0 => return Ok(()),
                    len => self.wire.write_all(&octets[..len]).await?,
                },
                () = std::future::ready(()) => return Ok(()),
            }
        }
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.tls.write_all(octets).await?;
        self.tls.flush().await?;
        self.pump().await
    }

    /// What comes under TLS until `whole` says that it is all, or the server closes.
    async fn read_until(&mut self, whole: impl Fn(&[u8]) -> bool) -> io::Result<String> {
        let mut said = Vec::new();
        let (mut inner, mut outer) = ([0; 4096], [0; 4096]);
        while !whole(&said) {
            let step = async {
                tokio::select! {
                    len = self.tls.read(&mut inner) => match len {
                        Ok(len) if len > 0 => said.extend_from_slice(&inner[..len]),
                        // An end, in order or not.
                        _ => return Ok(true),
                    },
                    len = self.wire.read(&mut outer) => match len {
                        Ok(len) if len > 0 => {
                            assert!(!outer[..len].starts_with(b"2"), "an answer in the clear");
                            self.far.write_all(&outer[..len]).await?;
                        }
                        _ => self.far.shutdown().await?,
                    },
                }
                io::Result::Ok(false)
            };
            if timeout(wait::LIMIT, step).await?? {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    async fn command(&mut self, line: &str, code: &str) -> io::Result<()> {
        self.send(format!("{line}\r\n").as_bytes()).await?;
        let is_last = |line: &[u8]| line.get(3) == Some(&b' ');
        let reply = self
            .read_until(|said| said.ends_with(b"\r\n") && said.split(|octet| *octet == b'\n').any(is_last))
            .await?;
        assert!(reply.starts_with(code), "{line}: {reply:?}");
        Ok(())
    }
}

/// How TLS is left in the middle of a message.
#[derive(Clone, Copy, Debug)]
enum Leave {
    /// close_notify, and the rest in the clear.
    CloseNotify,
    /// The rest in the clear, without a word.
    Clear,
    /// The rest in the clear in a record that says it is application data.
    ForgedData,
    /// An alert in the clear, fatal or the warning close_notify, and the rest.
    Alert(u8, u8),
    /// The connection is closed, in order or by a reset.
    Fin,
    Reset,
}

const LEAVES: [Leave; 7] = [
    Leave::CloseNotify,
    Leave::Clear,
    Leave::ForgedData,
    Leave::Alert(1, 0),
    Leave::Alert(2, 40),
    Leave::Fin,
    Leave::Reset,
];

async fn leave(how: Leave, by_chunk: bool, cut: usize) -> io::Result<()> {
    let content = b"a\r\n.b\r\n.\r\n";
    let mut client = Covered::open().await?;
    client.command("EHLO client.example", "250").await?;
    client.command("MAIL FROM:<a@there.example>", "250").await?;
    client.command("RCPT TO:<inbox@here.example>", "250").await?;
    if by_chunk {
        client
            .send(format!("BDAT {} LAST\r\n", content.len()).as_bytes())
            .await?;
    } else {
        client.command("DATA", "354").await?;
    }
    client.send(&content[..cut]).await?;
    let rest = [&content[cut..], b"NOOP\r\nQUIT\r\n"].concat();
    match how {
        Leave::CloseNotify => {
            client.tls.shutdown().await?;
            client.pump().await?;
            let _ = client.wire.write_all(&rest).await;
        }
        Leave::Clear => client.wire.write_all(&rest).await?,
        Leave::ForgedData => {
            let len = u8::try_from(rest.len()).expect("it is short");
            client
                .wire
                .write_all(&[&[23, 3, 3, 0, len][..], &rest].concat())
                .await?;
        }
        Leave::Alert(level, code) => {
            client.wire.write_all(&[21, 3, 3, 0, 2, level, code]).await?;
            let _ = client.wire.write_all(&rest).await;
        }
        Leave::Fin => {}
        Leave::Reset => {
            rustix::net::sockopt::set_socket_linger(&client.wire, Some(std::time::Duration::ZERO))?;
            return Ok(());
        }
    }
    let _ = client.wire.shutdown().await;
    let said = client.read_until(|_| false).await?;
    let yes = said.lines().find(|line| line.starts_with(['2', '3']));
    assert_eq!(yes, None, "{how:?} at {cut}, by chunk {by_chunk}: {said:?}");
    Ok(())
}

/// CVE-2026-45185: TLS that ends in the middle of BDAT or DATA, and what comes then in the clear. No half message is
/// kept, and no octet in the clear is taken for content or a command.
#[test]
fn tls_that_ends_inside_a_message_ends_the_session_and_the_message() {
    enclosed(|| {
        let node = relaying_node(LOCAL);
        runtime().block_on(async {
            for how in LEAVES {
                for by_chunk in [false, true] {
                    for cut in 0..10 {
                        let left = leave(how, by_chunk, cut).await;
                        left.unwrap_or_else(|fault| panic!("{how:?} at {cut}, by chunk {by_chunk}: {fault}"));
                    }
                }
            }
        });
        assert_nothing_came(&node);
        // The same session without the cut is fine: it is the cut that was tried.
        runtime().block_on(async {
            let mut client = Covered::open().await.expect("a session");
            for (line, code) in [
                ("EHLO client.example", "250"),
                ("MAIL FROM:<a@there.example>", "250"),
                ("RCPT TO:<inbox@here.example>", "250"),
                ("BDAT 3 LAST\r\na", "250"),
            ] {
                client.command(line, code).await.expect("an answer");
            }
        });
        crate::delivered_to(&node, "inbox");
    });
}

/// CVE-2024-34083: under TLS nothing counts that was said in the clear, and what is written down is what was said
/// under TLS.
#[test]
fn under_tls_a_new_hello_is_wanted_and_the_old_name_is_nowhere() {
    enclosed(|| {
        let node = relaying_node(LOCAL);
        runtime().block_on(async {
            let mut client = Covered::open().await.expect("a session");
            for (line, code) in [
                ("MAIL FROM:<a@there.example>", "503"),
                ("RCPT TO:<inbox@here.example>", "503"),
                ("EHLO under-tls.example", "250"),
                ("MAIL FROM:<a@there.example>", "250"),
                ("RCPT TO:<inbox@here.example>", "250"),
                ("BDAT 3 LAST\r\na", "250"),
            ] {
                client.command(line, code).await.expect("an answer");
            }
        });
        let message = crate::delivered_to(&node, "inbox");
        assert!(message.contains("from under-tls.example"), "{message}");
        let trace = crate::trace_of(&node, "inbox@here.example")
            .expect("a trace")
            .to_string();
        let log = std::fs::read_to_string(node.folder().join("sekisho-data/mail.log")).expect("a mail log");
        assert!(log.contains("under-tls.example"), "{log}");
        for text in [message, trace, node.log()] {
            assert!(!text.contains("client.example"), "{text}");
        }
        let received = log.lines().filter(|line| line.contains("received"));
        assert!(
            received.clone().count() > 0 && received.clone().all(|line| !line.contains("client.example")),
            "{log}"
        );
    });
}

/// ALPACA: what a browser sends when it is led here closes the connection at once, and nothing of it comes back, in
/// the clear, under TLS, or as an argument.
#[test]
fn a_request_of_http_is_closed_at_once_and_nothing_is_ever_echoed() {
    enclosed(|| {
        let _node = relaying_node(LOCAL);
        let token = "<script>token</script>";
        runtime().block_on(async {
            for verb in ["GET", "POST", "PUT", "HEAD", "OPTIONS", "get"] {
                let mut stream = TcpStream::connect(SMTP).await.expect("a connection");
                let request = format!("{verb} /{token} HTTP/1.1\r\nHost: {token}\r\n\r\nEHLO {token}\r\n");
                stream.write_all(request.as_bytes()).await.expect("it is sent");
                let said = String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned();
                let codes: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
                assert_eq!(codes, ["220", "421"], "{verb}: {said:?}");
                assert!(!said.contains("token"), "{said}");
            }
            let mut covered = Covered::open().await.expect("a session");
            covered
                .send(format!("GET /{token} HTTP/1.1\r\n").as_bytes())
                .await
                .expect("it is sent");
            let said = covered.read_until(|_| false).await.expect("an end");
            assert!(said.starts_with("421 ") && !said.contains("token"), "{said}");

            for line in [
                token.to_owned(),
                format!("EHLO {token} {token}"),
                format!("EHLO {token}"),
                format!("NOOP {token}"),
                format!("VRFY {token}"),
                format!("BDAT {token}"),
                format!("MAIL FROM:{token}"),
                format!("MAIL FROM:<{token}>"),
                format!("MAIL FROM:<a@there.example> {token}={token}"),
                format!("MAIL FROM:<a@there.example> ENVID={token}"),
                format!("RCPT TO:<\"{token}\"@here.example>"),
                format!("RCPT TO:<\"{token}\"@elsewhere.example>"),
                format!("RCPT TO:<inbox@here.example> ORCPT={token}"),
            ] {
                let mut stream = greeted().await.expect("a session");
                let before = if line.starts_with("RCPT") {
                    "MAIL FROM:<a@there.example>\r\n"
                } else {
                    ""
                };
                let sent = stream.write_all(format!("{before}{line}\r\nQUIT\r\n").as_bytes()).await;
                sent.expect("it is sent");
                let said = String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned();
                assert!(!said.is_empty() && !said.contains("token"), "{line}: {said}");
            }
        });
    });
}
