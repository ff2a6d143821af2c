//! Somebody on the same machine, at the management socket and in the data folder.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
};

use sekisho_testkit::{
    enclosure::enclosed,
    node::{Node, NodeState},
    wait,
};

use crate::{LOCAL, node};

/// What comes to the socket, and need not be a request.
fn garbage() -> Vec<Vec<u8>> {
    let post = |path: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let mut all = vec![
        Vec::new(),
        b"\0".to_vec(),
        vec![0; 65_536],
        vec![0xff; 65_536],
        b"GET".to_vec(),
        b"\r\n\r\n\r\n\r\n".to_vec(),
        vec![b'A'; 1 << 20],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"EHLO x\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /v1/queue/%00 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /v1/queue?limit=-1 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef".to_vec(),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n".to_vec(),
        [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(10_000)].concat(),
    ];
    for path in [
        sekisho_api::path::SEND,
        sekisho_api::path::QUEUE_HOLD,
        sekisho_api::path::QUEUE_BOUNCE,
        sekisho_api::path::MESSAGE_REDIRECT,
    ] {
        for body in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"{\"ids\":[\"\\u0000\"]}",
            b"{\"ids\":1e309}",
            b"\xff\xfe",
            &b"[".repeat(100_000),
            &[b"{\"a\":".repeat(10_000), b"1".to_vec()].concat(),
        ] {
            all.push(post(path, body));
        }
    }
    all
}

/// CVE-2025-62875: garbage at the local socket killed the daemon.
#[test]
fn garbage_at_the_management_socket_harms_nobody() {
    enclosed(|| {
        let mut node = node(LOCAL);
        let socket = node.folder().join("sekisho-data/control.sock");
        for octets in garbage() {
            let mut stream = UnixStream::connect(&socket).expect("the server listens");
            // It may close before it has read all of it.
            let _ = stream.write_all(&octets);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let start = octets[..octets.len().min(60)].escape_ascii().to_string();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(
                answer.is_empty() || !answer.starts_with("HTTP/1.1 5"),
                "{start}: {answer}"
            );
            assert!(!answer.starts_with("HTTP/1.1 2"), "{start}: {answer}");
        }
        // Many at once that say nothing, or half of something, and go.
        let silent: Vec<UnixStream> = (0..50).filter_map(|_| UnixStream::connect(&socket).ok()).collect();
        for mut stream in silent {
            let _ = stream.write_all(b"GET /v1/st");
        }
        assert_eq!(node.state(), NodeState::Ready);
        assert!(node.run(&["status"]).status.success());
        assert!(!node.log().contains("panicked"), "{}", node.log());
    });
}

/// What stood there before still stands there and says the same.
fn untouched(victim: &Path) -> bool {
    fs::read_to_string(victim).is_ok_and(|text| text == "precious")
}

/// CVE-2020-8793, CVE-2020-28007: what somebody planted in the data folder is refused at the start with its name, and
/// never followed.
#[test]
fn a_server_does_not_start_on_what_was_planted_in_its_folder() {
    enclosed(|| {
        for place in ["queue.db", "lock", "spool", "trace", "control.sock"] {
            let mut node = Node::new(env!("CARGO_BIN_EXE_sekisho"), LOCAL);
            let data = node.folder().join("sekisho-data");
            rustix::fs::mkdir(&data, rustix::fs::Mode::RWXU).expect("a folder can be made");
            let victim = node.folder().join("victim");
            fs::write(&victim, "precious").expect("a file can be written");
            let planted = data.join(place);
            std::os::unix::fs::symlink(&victim, &planted).expect("a link can be made");
            node.launch();
            let state = wait::until_or(
                "the server to decide",
                || Some(node.state()).filter(|state| *state != NodeState::Starting),
                || place.to_owned(),
            );
            assert!(
                matches!(state, NodeState::Ended(status) if !status.success()),
                "{place}: {state:?}"
            );
            assert!(
                node.log().contains(&format!("sekisho-data/{place}: ")),
                "{place}: {}",
                node.log()
            );
            assert!(untouched(&victim), "{place} was followed");
        }
    });
}
