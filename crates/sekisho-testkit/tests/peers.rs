//! The peer and the client of this crate against each other: what the law tests rest on must itself be right.

use std::{io, net::SocketAddr};

use sekisho_testkit::{
    authority::{Authority, self_signed},
    client::Client,
    peer::{Fault, Peer},
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn block_on<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future)
}

async fn deliver(server: SocketAddr, tls: bool) -> io::Result<()> {
    let mut client = Client::open(server, tls).await?;
    let content = b"Subject: secret\r\n\r\n.dot\r\n";
    let reply = client.deliver("a@x.example", "b@y.example", content).await?;
    reply.must_succeed().map(drop)
}

#[test]
fn a_peer_keeps_what_it_takes_and_sees_what_was_in_the_clear() {
    let pem = Authority::new().server(&["peer.example"]);
    let peer = Peer::start(LOOPBACK, Some(&pem), Fault::None);
    block_on(deliver(peer.address(), true)).unwrap();
    let received = peer.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].tls);
    assert_eq!(received[0].content, b"Subject: secret\r\n\r\n.dot\r\n");
    assert!(!peer.saw_in_the_clear("secret") && peer.saw_in_the_clear("STARTTLS"));
    block_on(deliver(peer.address(), false)).unwrap();
    assert!(peer.saw_in_the_clear("secret") && !peer.received()[1].tls);
}

#[test]
fn each_fault_of_starttls_keeps_a_strict_client_away() {
    let pem = self_signed(&["peer.example"]);
    for fault in [
        Fault::NotOffered,
        Fault::EhloRefused,
        Fault::Refused(454),
        Fault::NoTlsBehind220,
        Fault::CutAtHandshake,
        Fault::CutInHandshake,
        Fault::CutAt("EHLO"),
        Fault::CutAt("MAIL"),
        Fault::CutAt("."),
    ] {
        let peer = Peer::start(LOOPBACK, Some(&pem), fault);
        if fault == Fault::NotOffered {
            let client = block_on(Client::open(peer.address(), false)).unwrap();
            drop(client);
            continue;
        }
        assert!(block_on(deliver(peer.address(), true)).is_err(), "{fault:?}");
        assert_eq!(peer.count(), 0, "{fault:?}");
    }
}
