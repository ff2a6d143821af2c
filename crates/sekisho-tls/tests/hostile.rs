//! Peers that play with the framing of TLS, and certificates whose names try to be taken for others.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use rcgen::{CertificateParams, CustomExtension, DnType, SanType, string::Ia5String};
use sekisho_mail::{CertificateFault, HandshakeFailure, HandshakeFault, KeyExchangeGroups, Verdict};
use sekisho_tls::{ClientProfile, TlsServer};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const HANDSHAKE: u8 = 22;

/// One record of the handshake.
fn record(payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap();
    [&[HANDSHAKE, 3, 3], &len.to_be_bytes()[..], payload].concat()
}

fn classical() -> ClientProfile {
    ClientProfile {
        groups: KeyExchangeGroups::CLASSICAL,
        ..tls13_only()
    }
}

fn plain_server() -> (Authority, TlsServer) {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    (authority, server)
}

/// The next record as it came, header included.
async fn read_record(from: &mut DuplexStream) -> Vec<u8> {
    let mut header = [0; 5];
    from.read_exact(&mut header).await.unwrap();
    let mut octets = header.to_vec();
    octets.resize(5 + usize::from(u16::from_be_bytes([header[3], header[4]])), 0);
    from.read_exact(&mut octets[5..]).await.unwrap();
    octets
}

/// What the server makes of a stream of octets, and how many of them it read before it gave up.
async fn served(server: &TlsServer, octets: impl Iterator<Item = Vec<u8>>) -> (Box<HandshakeFailure>, usize) {
    let (mut near, far) = tokio::io::duplex(4096);
    let feed = async {
        let mut sent = 0;
        for piece in octets {
            if near.write_all(&piece).await.is_err() {
                break;
            }
            sent += piece.len();
        }
        let _ = near.shutdown().await;
        let _ = near.read_to_end(&mut Vec::new()).await;
        sent
    };
    let accept = async {
        let failure = server.accept(far, TIME_LIMIT).await.unwrap_err();
        // Its end of the pipe is gone with it, so that the other side sees that too.
        failure
    };
    let (failure, sent) = tokio::join!(accept, feed);
    (failure, sent)
}

/// RUSTSEC-2024-0399: a ClientHello without anything in it was a panic.
#[tokio::test]
async fn a_client_hello_without_anything_in_it_is_a_broken_handshake() {
    let (_authority, server) = plain_server();
    for hello in [
        &[1, 0, 0, 0][..],
        &[1, 0, 0, 1, 3],
        &[1, 0, 0, 2, 3, 3],
        &[][..],
        &[0, 0, 0, 0],
        &[2, 0, 0, 0],
        &[20, 0, 0, 0],
        &[255, 0, 0, 0],
    ] {
        let (failure, _) = served(&server, [record(hello)].into_iter()).await;
        assert_ne!(failure.fault, HandshakeFault::Ours, "{hello:?}: {failure}");
        assert_ne!(failure.fault, HandshakeFault::TimedOut, "{hello:?}: {failure}");
    }
    // No version, no random, no suites: every length of a hello of zeros.
    for len in 0..64u8 {
        let zeros = [&[1, 0, 0, len][..], &vec![0; usize::from(len)]].concat();
        let (failure, _) = served(&server, [record(&zeros)].into_iter()).await;
        assert_ne!(failure.fault, HandshakeFault::Ours, "{len}: {failure}");
    }
}

/// The handshake message of 16 MiB of which rustls kept the fragments: here, and in the other role below, it ends at
/// once, and so does a stream of records with nothing in them.
#[tokio::test]
async fn a_huge_or_endless_first_message_is_not_collected() {
    let (_authority, server) = plain_server();
    let huge = || {
        let begin = [&[1, 0xff, 0xff, 0xff][..], &[0; 1000]].concat();
        std::iter::once(record(&begin)).chain(std::iter::repeat_with(|| record(&[0; 1000])).take(16 * 1024))
    };
    let (failure, read) = served(&server, huge()).await;
    assert_eq!(failure.fault, HandshakeFault::Protocol, "{failure}");
    assert!(read < 128 * 1024, "{read} octets of 16 MiB were read");

    // One octet at a time, just below the limit on a message, and never the end.
    let slow =
        std::iter::once(record(&[1, 0, 0xff, 0xff])).chain(std::iter::repeat_with(|| record(&[0])).take(1 << 20));
    let (failure, read) = served(&server, slow).await;
    assert_eq!(failure.fault, HandshakeFault::Protocol, "{failure}");
    assert!(read < 1 << 20, "{read} octets were read");

    let empty = std::iter::repeat_with(|| record(&[])).take(1 << 20);
    let (failure, read) = served(&server, empty).await;
    assert_eq!(failure.fault, HandshakeFault::Protocol, "{failure}");
    assert!(read < 64 * 1024, "{read} octets were read");

    let (near, mut far) = tokio::io::duplex(4096);
    let (client, profile) = (client(), ClientProfile::default());
    let feed = async {
        let mut sent = 0;
        let begin = record(&[&[2, 0xff, 0xff, 0xff][..], &[3; 1000]].concat());
        for piece in std::iter::once(begin).chain(std::iter::repeat_n(record(&[3; 1000]), 16 * 1024)) {
            if far.write_all(&piece).await.is_err() {
                break;
            }
            sent += piece.len();
        }
        sent
    };
    let (connected, sent) = tokio::join!(client.connect(near, None, &profile, TIME_LIMIT), feed);
    let failure = connected.err().unwrap();
    assert_eq!(failure.fault, HandshakeFault::Protocol, "{failure}");
    assert!(sent < 128 * 1024, "{sent} octets of 16 MiB were read");
}

/// RUSTSEC-2024-0336: a peer that fell silent at the wrong octet kept the processor busy. Records of one octet are
/// allowed in the clear, and take no longer.
#[tokio::test]
async fn a_client_hello_in_records_of_one_octet_is_answered() {
    let (_authority, server) = plain_server();
    let (near, mut from_client) = tokio::io::duplex(65536);
    let (mut to_server, far) = tokio::io::duplex(65536);
    let (client, profile) = (client(), classical());
    let answer = async {
        let hello = read_record(&mut from_client).await;
        for octet in &hello[5..] {
            to_server.write_all(&record(&[*octet])).await.unwrap();
        }
        let answer = read_record(&mut to_server).await;
        assert_eq!((answer[0], answer[5]), (HANDSHAKE, 2), "a ServerHello");
        // The client gets it in records of one octet as well, and what follows as it comes.
        for octet in &answer[5..] {
            from_client.write_all(&record(&[*octet])).await.unwrap();
        }
        let _ = tokio::io::copy_bidirectional(&mut from_client, &mut to_server).await;
    };
    let sides = async {
        tokio::join!(
            server.accept(far, TIME_LIMIT),
            client.connect(near, None, &profile, TIME_LIMIT)
        )
    };
    tokio::select! {
        (served, connected) = sides => assert_eq!((served.err(), connected.err()), (None, None)),
        () = answer => panic!("the proxy ended first"),
    }
}

/// RUSTSEC-2026-0285, GO-2026-4340: handshake messages in the clear behind the message that changes the keys.
#[tokio::test]
async fn nothing_in_the_clear_crosses_the_change_of_keys() {
    let encrypted_extensions = [8, 0, 0, 2, 0, 0];
    let (_authority, server) = plain_server();
    let (client, profile) = (client(), classical());
    for behind in [
        &encrypted_extensions[..],
        &encrypted_extensions[..3],
        &encrypted_extensions[..1],
        &[20, 0, 0, 32],
    ] {
        for packed in [true, false] {
            let (near, mut from_client) = tokio::io::duplex(65536);
            let (mut to_server, far) = tokio::io::duplex(65536);
            let proxy = async {
                let hello = read_record(&mut from_client).await;
                to_server.write_all(&hello).await.unwrap();
                let answer = read_record(&mut to_server).await;
                let forged = if packed {
                    record(&[&answer[5..], behind].concat())
                } else {
                    [answer, record(behind)].concat()
                };
                from_client.write_all(&forged).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut from_client, &mut to_server).await;
            };
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
            let failure = connected.err().unwrap();
            assert_eq!(
                failure.fault,
                HandshakeFault::Protocol,
                "{behind:?}, {packed}: {failure}"
            );
            assert!(served.is_err(), "{behind:?}, {packed}");
        }
        // The same from the client: behind its hello, in the clear.
        let (near, mut from_client) = tokio::io::duplex(65536);
        let (mut to_server, far) = tokio::io::duplex(65536);
        let proxy = async {
            let hello = read_record(&mut from_client).await;
            to_server
                .write_all(&record(&[&hello[5..], behind].concat()))
                .await
                .unwrap();
            let _ = tokio::io::copy_bidirectional(&mut from_client, &mut to_server).await;
        };
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
        let failure = served.err().unwrap();
        assert_eq!(failure.fault, HandshakeFault::Protocol, "{behind:?}: {failure}");
        assert!(connected.is_err(), "{behind:?}");
    }
}

/// ALPACA: a browser or another client that was led here asks for its own protocol and gets no handshake.
#[tokio::test]
async fn a_client_that_asks_for_other_protocols_than_smtp_is_turned_away() {
    let (_authority, server) = plain_server();
    for (asked, agreed) in [
        (&["h2", "http/1.1"][..], None),
        (&["http/1.1"], None),
        (&["imap"], None),
        (&["SMTP"], None),
        (&["smtp"], Some("smtp")),
        (&["h2", "esmtp"], Some("esmtp")),
        (&["esmtp", "smtp"], Some("smtp")),
    ] {
        let names: Vec<u8> = asked
            .iter()
            .flat_map(|name| [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat())
            .collect();
        let (mut near, far) = tokio::io::duplex(65536);
        near.write_all(&record(&hello_asking_for(&names))).await.unwrap();
        let answer = async {
            let answer = read_record(&mut near).await;
            drop(near);
            answer
        };
        let (served, answer) = tokio::join!(server.accept(far, TIME_LIMIT), answer);
        let failure = served.err().unwrap();
        if let Some(agreed) = agreed {
            assert_eq!((answer[0], answer[5]), (HANDSHAKE, 2), "{asked:?}: a ServerHello");
            let agreed = [
                &[0, u8::try_from(agreed.len() + 1).unwrap()],
                &[u8::try_from(agreed.len()).unwrap()][..],
                agreed.as_bytes(),
            ]
            .concat();
            assert!(answer.windows(agreed.len()).any(|window| window == agreed), "{asked:?}");
        } else {
            assert_eq!(
                answer,
                [21, 3, 3, 0, 2, 2, 120],
                "{asked:?}: the alert no_application_protocol"
            );
            assert_eq!(failure.fault, HandshakeFault::Incompatible, "{failure}");
            assert!(failure.words.contains("other protocols than SMTP"), "{failure}");
        }
    }
}

/// A ClientHello of TLS 1.2 with this list of protocols.
fn hello_asking_for(names: &[u8]) -> Vec<u8> {
    let list = |octets: &[u8]| [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat();
    let extension = |kind: u8, content: &[u8]| [&[0, kind][..], &list(content)].concat();
    let extensions = [
        extension(10, &list(&[0, 29, 0, 23])),
        extension(11, &[1, 0]),
        extension(13, &list(&[4, 3, 8, 4])),
        extension(16, &list(names)),
        extension(23, &[]),
        vec![0xff, 1, 0, 1, 0],
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0],
        &list(&[0xc0, 0x2b, 0xc0, 0x2f]),
        &[1, 0],
        &list(&extensions),
    ]
    .concat();
    [&[1, 0][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), &body].concat()
}

/// What a client would hold of a server's certificate with these SAN names for the name that it wanted.
async fn verdict_on(
    authority: &Authority,
    wanted: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Option<Verdict> {
    let files = authority.issue("odd", &[], Algorithm::P256, change);
    let (served, connected) = shake(&server(&[files]), &client(), None, &classical(), 1 << 20).await;
    drop(served);
    let (stream, _) = connected.ok()?;
    let verdicts = authority
        .verifier()
        .verify(stream.peer_chain(), &[name_check(wanted)], NOW)
        .verdicts;
    Some(verdicts[0].1.clone())
}

fn dns_name(name: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(name).unwrap())
}

/// CVE-2009-2408, CVE-2009-4565, CVE-2021-44531, CVE-2021-44532, CVE-2021-44533: names in certificates that end, split
/// or look like others once they are printed. They are compared as they stand in the certificate, octet for octet.
#[tokio::test]
async fn a_name_counts_as_it_stands_in_the_certificate() {
    let authority = Authority::new();
    let wanted = "mx.example.org";
    for name in [
        "mx.example.org\0.evil.example",
        "mx.example.org\0",
        "\0mx.example.org",
        "mx.example.org\n",
        "evil.example\nDNS:mx.example.org",
        "evil.example, DNS:mx.example.org",
        "evil.example,mx.example.org",
        "DNS:mx.example.org",
        "mx.example.org.",
        ".mx.example.org",
        " mx.example.org",
        "mx.example.org ",
        "mx.example.org:25",
        "mx.example.org/",
        "mx.example.org%00",
        "*.org",
        "m*.example.org",
        "*mx.example.org",
        "**.example.org",
        "*.*.org",
        "",
        "*",
    ] {
        let verdict = verdict_on(&authority, wanted, |params| {
            params.subject_alt_names = vec![dns_name(name)]
        })
        .await;
        assert!(
            matches!(verdict, Some(Verdict::Fails(CertificateFault::WrongName(_)))),
            "{name:?}: {verdict:?}"
        );
    }
    for name in ["mx.example.org", "MX.eXample.ORG", "*.example.org"] {
        let verdict = verdict_on(&authority, wanted, |params| {
            params.subject_alt_names = vec![dns_name(name)]
        })
        .await;
        assert_eq!(verdict, Some(Verdict::Holds), "{name}");
    }
    // The same name where names of another kind stand, and in the subject.
    let mail = SanType::Rfc822Name(Ia5String::try_from(wanted).unwrap());
    let uri = SanType::URI(Ia5String::try_from(wanted).unwrap());
    for other in [mail, uri] {
        let verdict = verdict_on(&authority, wanted, |params| {
            params.subject_alt_names = vec![other, dns_name("evil.example")];
            params.distinguished_name.push(DnType::CommonName, wanted);
        })
        .await;
        assert!(
            matches!(verdict, Some(Verdict::Fails(CertificateFault::WrongName(_)))),
            "{verdict:?}"
        );
    }
}

/// An address written as a dNSName is no address, and an iPAddress is no name.
#[tokio::test]
async fn an_address_is_no_name() {
    let authority = Authority::new();
    let verdict = verdict_on(&authority, "mx.example.org", |params| {
        params.subject_alt_names = vec![dns_name("192.0.2.1"), SanType::IpAddress("192.0.2.1".parse().unwrap())];
    })
    .await;
    assert!(
        matches!(verdict, Some(Verdict::Fails(CertificateFault::WrongName(_)))),
        "{verdict:?}"
    );
}

/// A SAN extension with these octets as dNSNames, which need not be ASCII.
fn raw_names(names: &[&[u8]]) -> CustomExtension {
    let tagged = |tag: u8, content: &[u8]| {
        let len = u32::try_from(content.len()).unwrap().to_be_bytes();
        let len = match content.len() {
            0..=0x7f => len[3..].to_vec(),
            0x80..=0xff => [&[0x81], &len[3..]].concat(),
            _ => [&[0x82], &len[2..]].concat(),
        };
        [&[tag][..], &len, content].concat()
    };
    let short = |name: &&[u8]| [&[0x82, u8::try_from(name.len()).unwrap()], *name].concat();
    let all: Vec<u8> = names.iter().flat_map(short).collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], tagged(0x30, &all))
}

/// CVE-2021-44532: U-labels, overlong UTF-8 and octets of no encoding have no place in a dNSName.
#[tokio::test]
async fn a_name_beyond_ascii_matches_nothing() {
    let authority = Authority::new();
    for (wanted, name) in [
        ("bücher.example", "bücher.example".as_bytes()),
        ("mx.example.org", b"mx\xc0\xaeexample.org"),
        ("mx.example.org", b"mx.example.org\xff"),
        ("mx.example.org", "mx。example。org".as_bytes()),
        ("mx.example.org", "ＭＸ.example.org".as_bytes()),
        ("mx.example.org", "mx.exam\u{ad}ple.org".as_bytes()),
    ] {
        let verdict = verdict_on(&authority, wanted, |params| {
            params.custom_extensions = vec![raw_names(&[name])]
        })
        .await;
        assert!(
            !matches!(verdict, Some(Verdict::Holds)),
            "{:?}: {verdict:?}",
            name.escape_ascii().to_string()
        );
    }
    let verdict = verdict_on(&authority, "bücher.example", |params| {
        params.custom_extensions = vec![raw_names(&[b"xn--bcher-kva.example"])];
    })
    .await;
    assert_eq!(verdict, Some(Verdict::Holds));
}

/// As many names as a handshake carries (64 KiB) are looked at to the last one.
#[tokio::test]
async fn a_list_of_names_that_fills_a_handshake_is_looked_at_to_its_end() {
    let authority = Authority::new();
    let names = |count: usize| -> Vec<String> { (0..count).map(|number| format!("n{number:05}.example")).collect() };
    let raw = |count: usize| {
        let names = names(count);
        let mut names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        names.push(b"mx.example.org");
        raw_names(&names)
    };
    let verdict = verdict_on(&authority, "mx.example.org", |params| {
        params.custom_extensions = vec![raw(3500)]
    })
    .await;
    assert_eq!(verdict, Some(Verdict::Holds), "the last of 3,500");
    let verdict = verdict_on(&authority, "mx.example.com", |params| {
        params.custom_extensions = vec![raw(3500)]
    })
    .await;
    assert!(
        matches!(&verdict, Some(Verdict::Fails(CertificateFault::WrongName(names))) if names.len() < 200),
        "few of them are quoted"
    );
}

/// Look-alikes of a certificate that has a right: the same subject, the same issuer, the same serial number, another
/// key. Rights hang on the key (its SPKI) alone, so its digest must differ.
#[tokio::test]
async fn a_look_alike_has_another_key() {
    let authority = Authority::new();
    let mut digests = Vec::new();
    for stem in ["one", "two"] {
        let files = authority.issue(stem, &["partner.example"], Algorithm::P256, |params| {
            params.distinguished_name.push(DnType::CommonName, "partner");
            params.serial_number = Some(7u64.into());
        });
        let client = client_with("id", &files);
        let profile = ClientProfile {
            identity: sekisho_tls::IdentityUse::Tls13(sekisho_mail::ClientIdentityId("id".to_owned())),
            ..classical()
        };
        let (_keep, server) = plain_server();
        let (served, connected) = shake(&server, &client, None, &profile, 65536).await;
        drop(connected);
        let (_, facts) = served.unwrap();
        assert_eq!(facts.chain[0].subject, "CN=partner");
        digests.push(facts.chain[0].spki_sha256);
    }
    assert_ne!(digests[0], digests[1]);
}
