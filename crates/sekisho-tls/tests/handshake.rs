//! Our client against our server, in memory.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sekisho_mail::{
    ClientCertificateFate, ClientIdentityId, HandshakeFailure, HandshakeFault, HandshakeStage, KeyExchangeGroup,
    KeyExchangeGroups, KeyProof, TlsVersion, Verdict,
};
use sekisho_tls::{ClientCertificates, ClientProfile, IdentityUse, ServerCertificates, TlsClient, TlsServer};
use support::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

#[tokio::test]
async fn the_best_version_suite_and_group_are_agreed_on() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (served, connected) = shake(
        &server,
        &client(),
        Some("mx.example.org"),
        &ClientProfile::default(),
        65536,
    )
    .await;
    let ((mut there, server_facts), (mut here, facts)) = (served.unwrap(), connected.unwrap());
    for facts in [&server_facts, &facts] {
        assert_eq!(facts.version, TlsVersion::Tls13);
        assert_eq!(facts.suite, "TLS_AES_256_GCM_SHA384");
        assert_eq!(facts.group, "X25519MLKEM768");
        assert_eq!(facts.sni.as_ref().unwrap().as_str(), "mx.example.org");
        assert!(!facts.resumed && facts.alpn.is_none() && facts.verdicts.is_empty());
    }
    assert_eq!(facts.key, KeyProof::Proven);
    assert_eq!(facts.chain.len(), 1);
    assert_eq!(facts.chain[0].dns_names, ["mx.example.org"]);
    assert_eq!(facts.chain[0].key, "P-256");
    assert_eq!(facts.client_certificate, ClientCertificateFate::NoneToSend);
    assert!(server_facts.chain.is_empty());
    converse(&mut there, &mut here).await;
    here.close(b"").await.unwrap();
    assert_eq!(
        there.read(&mut [0; 8]).await.unwrap(),
        0,
        "close_notify is an orderly end"
    );
}

#[tokio::test]
async fn an_end_without_close_notify_is_told_apart() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (served, connected) = shake(&server, &client(), None, &ClientProfile::default(), 65536).await;
    let (mut there, _) = served.unwrap();
    drop(connected.unwrap());
    let error = there.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn the_classical_profile_agrees_on_x25519() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let profile = ClientProfile {
        groups: KeyExchangeGroups::CLASSICAL,
        ..tls13_only()
    };
    let (served, connected) = shake(&server, &client(), None, &profile, 65536).await;
    assert_eq!(served.unwrap().1.group, "x25519");
    assert_eq!(connected.unwrap().1.group, "x25519");
}

/// The lowest version that the profile names does not matter: only TLS 1.3 has the hybrid.
#[tokio::test]
async fn the_hybrid_alone_agrees_on_it_in_tls13() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    for min_version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let profile = ClientProfile {
            groups: KeyExchangeGroups::HYBRID,
            min_version,
            ..ClientProfile::default()
        };
        let (_, connected) = shake(&server, &client(), None, &profile, 65536).await;
        let facts = connected.unwrap().1;
        assert!(
            facts.group == TlsVersion::HYBRID_GROUP && facts.version == TlsVersion::Tls13,
            "{facts:?}"
        );
    }
}

#[tokio::test]
async fn each_group_that_is_offered_alone_is_agreed_on() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    for group in KeyExchangeGroup::ALL {
        let profile = ClientProfile {
            groups: KeyExchangeGroups::of(&[group]).unwrap(),
            ..ClientProfile::default()
        };
        let (served, connected) = shake(&server, &client(), None, &profile, 65536).await;
        assert_eq!(served.unwrap().1.group, group.name());
        assert_eq!(connected.unwrap().1.group, group.name());
    }
}

/// Gives one octet at each read.
struct Dripping(DuplexStream);

impl AsyncRead for Dripping {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut octet = [0; 1];
        let mut small = ReadBuf::new(&mut octet);
        let polled = Pin::new(&mut self.0).poll_read(cx, &mut small);
        buf.put_slice(small.filled());
        polled
    }
}

impl AsyncWrite for Dripping {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn one_octet_at_a_time_is_enough() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (near, far) = tokio::io::duplex(65536);
    let (client, profile) = (client(), ClientProfile::default());
    let (served, connected) = tokio::join!(
        server.accept(Dripping(far), TIME_LIMIT),
        client.connect(Dripping(near), None, &profile, TIME_LIMIT)
    );
    assert_eq!((served.err(), connected.err()), (None, None));
}

async fn presented_to(server: &TlsServer, name: Option<&str>) -> Vec<String> {
    let (_, connected) = shake(server, &client(), name, &ClientProfile::default(), 65536).await;
    connected.unwrap().1.chain[0].dns_names.clone()
}

#[tokio::test]
async fn the_server_name_picks_the_certificate_and_any_other_gets_the_default() {
    let authority = Authority::new();
    let server = server(&[
        authority.server(&["mx.example.org"]),
        authority.server(&["*.example.net", "example.net"]),
        authority.server(&["special.example.net"]),
    ]);
    for (asked, presented) in [
        (Some("mx.example.org"), "mx.example.org"),
        (Some("MX.EXAMPLE.ORG"), "mx.example.org"),
        (Some("a.example.net"), "*.example.net"),
        (Some("example.net"), "*.example.net"),
        (Some("special.example.net"), "special.example.net"),
        (Some("a.b.example.net"), "mx.example.org"),
        (Some("unknown.example"), "mx.example.org"),
        (Some("under_score.example"), "mx.example.org"),
        (Some("localhost"), "mx.example.org"),
        (None, "mx.example.org"),
    ] {
        assert_eq!(presented_to(&server, asked).await[0], presented, "{asked:?}");
    }
}

#[tokio::test]
async fn certificates_are_exchanged_without_a_restart() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["old.example.org"])]);
    assert_eq!(presented_to(&server, None).await, ["old.example.org"]);
    let new = ServerCertificates::load(&[authority.server(&["new.example.org"])]).unwrap();
    server.replace_certificates(Arc::new(new));
    assert_eq!(presented_to(&server, None).await, ["new.example.org"]);
    assert_eq!(server.describe().certificates[0].names, ["new.example.org"]);
}

fn with_identity(id: &str) -> ClientProfile {
    ClientProfile {
        identity: IdentityUse::Tls13(ClientIdentityId(id.to_owned())),
        ..ClientProfile::default()
    }
}

#[tokio::test]
async fn a_client_certificate_is_recorded_and_a_serverauth_one_will_do() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let client = client_with("bank", &authority.server(&["out.example.com"]));
    let (served, connected) = shake(&server, &client, None, &with_identity("bank"), 65536).await;
    let (there, facts) = served.unwrap();
    assert_eq!(connected.unwrap().1.client_certificate, ClientCertificateFate::Sent);
    assert_eq!(facts.chain[0].dns_names, ["out.example.com"]);
    assert_eq!(facts.key, KeyProof::Proven);
    assert_eq!(facts.client_certificate, ClientCertificateFate::NotAsked);
    let verdicts = authority
        .verifier()
        .verify(there.peer_chain(), &[path_check()], NOW)
        .verdicts;
    assert_eq!(verdicts[0].1, Verdict::Holds);
}

#[tokio::test]
async fn our_certificate_stays_at_home_unless_named_and_asked_for() {
    let authority = Authority::new();
    let files = authority.server(&["mx.example.org"]);
    let client = client_with("bank", &files);
    let (served, connected) = shake(
        &server(std::slice::from_ref(&files)),
        &client,
        None,
        &ClientProfile::default(),
        65536,
    )
    .await;
    assert!(served.unwrap().1.chain.is_empty());
    assert_eq!(
        connected.unwrap().1.client_certificate,
        ClientCertificateFate::NoneToSend
    );
    let mut settings = settings(&[files]);
    settings.client_certificates = ClientCertificates::NotRequested;
    let (served, connected) = shake(&TlsServer::new(settings), &client, None, &with_identity("bank"), 65536).await;
    assert!(served.unwrap().1.chain.is_empty());
    assert_eq!(connected.unwrap().1.client_certificate, ClientCertificateFate::NotAsked);
}

#[tokio::test]
async fn an_identity_that_is_not_there_is_our_fault() {
    let (near, _far) = tokio::io::duplex(64);
    let failure = client()
        .connect(near, None, &with_identity("bank"), TIME_LIMIT)
        .await
        .unwrap_err();
    assert_eq!(failure.fault, HandshakeFault::Ours);
    assert!(failure.words.contains("bank"), "{failure}");
}

#[tokio::test]
async fn the_lowest_version_is_kept_to() {
    let authority = Authority::new();
    let mut settings = settings(&[authority.server(&["mx.example.org"])]);
    settings.min_version = TlsVersion::Tls13;
    let server = TlsServer::new(settings);
    assert_eq!(server.describe().versions, ["TLSv1.3"]);
    let (served, _) = shake(&server, &client(), None, &tls13_only(), 65536).await;
    assert_eq!(served.unwrap().1.version, TlsVersion::Tls13);
}

/// What the server makes of these octets from its peer, which then closes.
async fn accept_octets(octets: &[u8]) -> HandshakeFailure {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (mut near, far) = tokio::io::duplex(65536);
    near.write_all(octets).await.unwrap();
    near.shutdown().await.unwrap();
    *server.accept(far, TIME_LIMIT).await.unwrap_err()
}

/// What the client makes of these octets from its peer, which then closes.
async fn connect_octets(octets: &[u8]) -> HandshakeFailure {
    let (near, mut far) = tokio::io::duplex(65536);
    far.write_all(octets).await.unwrap();
    far.shutdown().await.unwrap();
    *client()
        .connect(near, None, &ClientProfile::default(), TIME_LIMIT)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn plaintext_instead_of_tls_is_quoted_and_escaped() {
    let failure = accept_octets(b"EHLO \x1b[31mmx\r\nMAIL FROM:<>\r\n").await;
    assert_eq!(
        (failure.fault.word(), failure.stage),
        ("protocol", HandshakeStage::BeforePeerHello)
    );
    assert_eq!(failure.words, r#"the client sent no TLS but "EHLO \x1b[31mmx""#);
    let failure = connect_octets(b"454 4.7.0 TLS not available\r\n").await;
    assert_eq!(
        (failure.fault.word(), failure.stage),
        ("protocol", HandshakeStage::BeforePeerHello)
    );
    assert_eq!(
        failure.words,
        r#"the server sent no TLS but "454 4.7.0 TLS not available""#
    );
}

#[tokio::test]
async fn alerts_before_the_server_hello_are_put_into_words() {
    for (code, name, words) in [
        (40, "handshake_failure", "RSA key exchange"),
        (70, "protocol_version", "neither TLS 1.2 nor TLS 1.3"),
        (80, "internal_error", "alert internal_error"),
        (112, "unrecognized_name", "alert unrecognized_name"),
        (200, "unassigned alert", "alert unassigned alert"),
    ] {
        let failure = connect_octets(&[21, 3, 1, 0, 2, 2, code]).await;
        assert_eq!(failure.fault, HandshakeFault::Alert(name.to_owned()));
        assert_eq!(failure.stage, HandshakeStage::BeforePeerHello);
        assert!(failure.words.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn an_old_server_hello_is_recognised() {
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([9; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let failure = connect_octets(&hello).await;
    assert_eq!(failure.stage, HandshakeStage::AfterPeerHello);
    assert!(failure.words.contains("TLSv1.1; it is too old"), "{failure}");
    assert_ne!(failure.fault, HandshakeFault::Ours);
}

#[tokio::test]
async fn old_clients_are_told_by_what_they_offer() {
    fn hello(version: u8, suites: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, version];
        body.extend([7; 32]);
        body.push(0);
        body.extend(u16::try_from(suites.len()).unwrap().to_be_bytes());
        body.extend(suites);
        body.extend([1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let len = u8::try_from(body.len()).unwrap();
        [&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &body].concat()
    }
    let groups_and_schemes = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 6, 0, 4, 4, 1, 4, 3];
    let failure = accept_octets(&hello(1, &[0, 0x2f], &groups_and_schemes)).await;
    assert_eq!(failure.fault, HandshakeFault::Incompatible, "{failure}");
    assert!(
        failure.words.contains("speaks only TLSv1.0; it is too old"),
        "{failure}"
    );
    let failure = accept_octets(&hello(3, &[0, 0x2f, 0xc0, 0x13], &groups_and_schemes)).await;
    assert_eq!(failure.fault, HandshakeFault::Incompatible, "{failure}");
    assert!(
        failure.words.contains("none of the client's 2 cipher suites"),
        "{failure}"
    );
    assert_eq!(failure.hello.unwrap().suites[0], "TLS_RSA_WITH_AES_128_CBC_SHA");
    let bad_name = [
        &[0, 0, 0, 10, 0, 8, 0, 0, 5, b'a', b' ', b'/', b'b', 0][..],
        &groups_and_schemes,
    ]
    .concat();
    let failure = accept_octets(&hello(3, &[0xc0, 0x2b], &bad_name)).await;
    assert_eq!(failure.fault, HandshakeFault::BadServerName, "{failure}");
    assert_eq!(failure.hello.unwrap().server_name.as_deref(), Some("a /b\0"));
}

#[tokio::test]
async fn an_ip_literal_as_server_name_gets_the_default() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (near, mut proxied) = tokio::io::duplex(65536);
    let (mut onward, far) = tokio::io::duplex(65536);
    let name = domain("aaa.bbb.c");
    let client = client();
    let profile = ClientProfile::default();
    // The name in the ClientHello becomes an address of the same length; the transcripts differ then, so only the
    // server's choice counts: it must answer with a ServerHello, not with an alert.
    let answer = async {
        let mut hello = vec![0; 8192];
        let len = proxied.read(&mut hello).await.unwrap();
        hello.truncate(len);
        let place = hello.windows(9).position(|window| window == b"aaa.bbb.c").unwrap();
        hello[place..place + 9].copy_from_slice(b"192.0.2.1");
        onward.write_all(&hello).await.unwrap();
        let mut head = [0; 6];
        onward.read_exact(&mut head).await.unwrap();
        (head[0], head[5])
    };
    tokio::select! {
        answer = answer => assert_eq!(answer, (22, 2), "a handshake record with a ServerHello"),
        _ = server.accept(far, TIME_LIMIT) => panic!("ended early"),
        _ = client.connect(near, Some(&name), &profile, TIME_LIMIT) => panic!("ended early"),
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_runs_out_of_time() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (_near, far) = tokio::io::duplex(64);
    let failure = server.accept(far, Duration::ZERO).await.unwrap_err();
    assert_eq!((failure.fault, failure.hello), (HandshakeFault::TimedOut, None));
    let (near, _far) = tokio::io::duplex(65536);
    let failure = client()
        .connect(near, None, &ClientProfile::default(), Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(
        (failure.fault, failure.stage),
        (HandshakeFault::TimedOut, HandshakeStage::BeforePeerHello)
    );
}

/// Carries octets both ways until one of the budgets runs out.
async fn carry(from: &mut DuplexStream, to: &mut DuplexStream, budgets: (usize, usize)) {
    let (mut left, mut right) = budgets;
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            biased;
            read = from.read(&mut up) => {
                let len = read.unwrap_or(0).min(left);
                left -= len;
                if len == 0 || to.write_all(&up[..len]).await.is_err() || left == 0 { break }
            }
            read = to.read(&mut down) => {
                let len = read.unwrap_or(0).min(right);
                right -= len;
                if len == 0 || from.write_all(&down[..len]).await.is_err() || right == 0 { break }
            }
        }
    }
}

/// A handshake through a proxy that cuts after so many octets from the client and from the server.
async fn cut_after(server: &TlsServer, client: &TlsClient, budgets: (usize, usize)) -> (Ended, Ended) {
    let profile = ClientProfile {
        groups: KeyExchangeGroups::CLASSICAL,
        ..ClientProfile::default()
    };
    let (near, mut from_client) = tokio::io::duplex(65536);
    let (mut from_server, far) = tokio::io::duplex(65536);
    let proxy = async move {
        carry(&mut from_client, &mut from_server, budgets).await;
        drop((from_client, from_server));
        std::future::pending::<()>().await;
    };
    let sides = async {
        tokio::join!(
            server.accept(far, TIME_LIMIT),
            client.connect(near, None, &profile, TIME_LIMIT)
        )
    };
    tokio::select! {
        sides = sides => sides,
        () = proxy => unreachable!("it never ends"),
    }
}

/// RUSTSEC-2024-0336: a peer that closed in the middle of the handshake made its other side turn in circles.
#[tokio::test]
async fn a_connection_lost_at_any_octet_of_the_handshake_is_a_lost_connection() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let client = client();
    // Enough for the handshake, then cut: how long is it?
    let mut lens = (0, 0);
    for budget in 1.. {
        let (served, connected) = cut_after(&server, &client, (budget, usize::MAX)).await;
        let failed_at_server = served.is_err();
        for failure in [served.err(), connected.err()].into_iter().flatten() {
            assert_eq!(
                failure.fault,
                HandshakeFault::ConnectionLost,
                "client's octet {budget}: {failure}"
            );
            assert!(
                failure.words.contains("closed") || failure.words.contains("lost"),
                "{failure}"
            );
        }
        if !failed_at_server {
            lens.0 = budget;
            break;
        }
    }
    for budget in 1.. {
        let (_, connected) = cut_after(&server, &client, (usize::MAX, budget)).await;
        match connected {
            Ok(_) => {
                lens.1 = budget;
                break;
            }
            Err(failure) => {
                assert_eq!(
                    failure.fault,
                    HandshakeFault::ConnectionLost,
                    "server's octet {budget}: {failure}"
                );
            }
        }
    }
    assert!(lens.0 > 250 && lens.1 > 500, "{lens:?}");
}

#[tokio::test]
async fn a_bit_turned_in_the_encrypted_flight_ends_the_handshake() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let client = client();
    let (near, mut from_client) = tokio::io::duplex(65536);
    let (mut from_server, far) = tokio::io::duplex(65536);
    // One bit of the server's encrypted flight is turned: the record no longer authenticates.
    let proxy = async {
        let mut octets = vec![0; 16384];
        let len = from_client.read(&mut octets).await.unwrap();
        from_server.write_all(&octets[..len]).await.unwrap();
        let len = from_server.read(&mut octets).await.unwrap();
        octets[len - 1] ^= 1;
        from_client.write_all(&octets[..len]).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut from_client, &mut from_server).await;
    };
    let profile = ClientProfile::default();
    let sides = async {
        tokio::join!(
            server.accept(far, TIME_LIMIT),
            client.connect(near, None, &profile, TIME_LIMIT)
        )
    };
    let (served, connected) = tokio::select! {
        sides = sides => sides,
        () = proxy => panic!("the proxy ended first"),
    };
    let failure = connected.unwrap_err();
    assert_eq!(
        (failure.fault, failure.stage),
        (HandshakeFault::Protocol, HandshakeStage::AfterPeerHello)
    );
    let failure = served.unwrap_err();
    assert_eq!(
        failure.fault,
        HandshakeFault::Alert("bad_record_mac".to_owned()),
        "{failure}"
    );
    assert!(failure.hello.is_some());
}

#[tokio::test]
async fn configurations_are_made_once() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let client = TlsClient::new(HashMap::new());
    for _ in 0..3 {
        let (served, connected) = shake(&server, &client, None, &ClientProfile::default(), 65536).await;
        assert!(!served.unwrap().1.resumed && !connected.unwrap().1.resumed);
    }
}
