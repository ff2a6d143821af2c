//! The ClientHello parser on real hellos, on each of their beginnings, and on arbitrary octets.

#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../../../fuzz/properties/client_hello.rs"]
mod property;
mod support;

use proptest::prelude::*;
use sekisho_mail::{KeyExchangeGroup, KeyExchangeGroups};
use sekisho_tls::{
    ClientProfile,
    client_hello::{FirstFlight, parse},
};
use support::*;
use tokio::io::AsyncReadExt;

/// The first flight of our own client.
async fn first_flight(profile: &ClientProfile, name: Option<&str>) -> Vec<u8> {
    let (near, mut far) = tokio::io::duplex(65536);
    let (client, name) = (client(), name.map(domain));
    let mut header = [0; 5];
    let mut octets = Vec::new();
    tokio::select! {
        _ = client.connect(near, name.as_ref(), profile, TIME_LIMIT) => panic!("nobody answered"),
        () = async {
            far.read_exact(&mut header).await.unwrap();
            octets.resize(usize::from(u16::from_be_bytes([header[3], header[4]])), 0);
            far.read_exact(&mut octets).await.unwrap();
        } => {}
    }
    [&header[..], &octets].concat()
}

#[tokio::test]
async fn what_our_client_offers_is_what_it_describes() {
    let two = KeyExchangeGroups::of(&[KeyExchangeGroup::X25519MlKem768, KeyExchangeGroup::Secp384r1]).unwrap();
    for groups in [
        KeyExchangeGroups::ALL,
        KeyExchangeGroups::CLASSICAL,
        KeyExchangeGroups::HYBRID,
        two,
    ] {
        for min_version in [sekisho_mail::TlsVersion::Tls12, sekisho_mail::TlsVersion::Tls13] {
            let profile = ClientProfile {
                groups,
                min_version,
                ..ClientProfile::default()
            };
            let octets = first_flight(&profile, Some("mx.example.org")).await;
            let FirstFlight::Hello(hello) = parse(&octets) else {
                panic!("{:?}", parse(&octets));
            };
            let described = client().describe(&profile);
            assert_eq!(hello.versions, described.versions);
            let without_signals: Vec<_> = hello.suites.iter().filter(|suite| !suite.ends_with("SCSV")).collect();
            assert_eq!(without_signals, described.suites.iter().collect::<Vec<_>>());
            assert_eq!(hello.groups, described.groups);
            let names = groups.iter().map(KeyExchangeGroup::name);
            assert_eq!(hello.groups, names.collect::<Vec<_>>(), "these and no others");
            assert_eq!(hello.signature_schemes, described.signature_schemes);
            assert_eq!(hello.server_name.as_deref(), Some("mx.example.org"));
        }
    }
}

#[tokio::test]
async fn the_hybrid_share_has_an_x25519_share_beside_it() {
    let octets = first_flight(&ClientProfile::default(), None).await;
    // The extension `key_share` (51) with both: 4588 with 1216 octets, then 29 with 32.
    let hybrid = octets
        .windows(4)
        .position(|window| window == [0x11, 0xec, 0x04, 0xc0])
        .unwrap();
    assert_eq!(octets[hybrid + 4 + 1216..][..4], [0, 29, 0, 32]);
    let FirstFlight::Hello(hello) = parse(&octets) else {
        panic!()
    };
    assert_eq!(hello.server_name, None);
}

#[tokio::test]
async fn the_classical_hello_fits_into_one_segment() {
    let profile = ClientProfile {
        groups: KeyExchangeGroups::CLASSICAL,
        ..ClientProfile::default()
    };
    assert!(first_flight(&profile, Some("mx.example.org")).await.len() < 600);
}

#[tokio::test]
async fn every_beginning_of_a_hello_gives_what_it_holds() {
    let octets = first_flight(&ClientProfile::default(), Some("mx.example.org")).await;
    let FirstFlight::Hello(whole) = parse(&octets) else {
        panic!()
    };
    assert_eq!(parse(&[]), FirstFlight::Empty);
    for len in 1..octets.len() {
        let FirstFlight::Partial(part) = parse(&octets[..len]) else {
            panic!("{len}: {:?}", parse(&octets[..len]));
        };
        assert!(
            part.suites.is_empty() || whole.suites.starts_with(&part.suites),
            "{len}"
        );
        assert!(part.groups.is_empty() || part.groups == whole.groups, "{len}");
    }
}

#[tokio::test]
async fn a_hello_in_records_of_one_octet_is_read_whole() {
    let octets = first_flight(&ClientProfile::default(), Some("mx.example.org")).await;
    let split: Vec<u8> = octets[5..].iter().flat_map(|octet| [22, 3, 1, 0, 1, *octet]).collect();
    assert_eq!(parse(&split), parse(&octets));
}

#[test]
fn what_is_no_client_hello_is_said_so() {
    assert_eq!(parse(b"EHLO mx.example.org\r\n"), FirstFlight::NotTls);
    assert_eq!(parse(&[22, 3, 3, 0, 4, 2, 0, 0, 0]), FirstFlight::NotTls);
    assert_eq!(parse(&[21, 3, 3, 0, 2, 2, 40]), FirstFlight::NotTls);
    assert_eq!(parse(&[0x80, 0x2e, 1, 3, 1]), FirstFlight::Sslv2);
}

/// A ClientHello with these extensions in one record.
fn hello_with(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    record.extend(message);
    record
}

#[test]
fn the_seeds_of_the_fuzzer_get_their_answers() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/client_hello");
    let mut whole = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap();
        property::check(&octets);
        let is_hello = matches!(parse(&octets), FirstFlight::Hello(_));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            is_hello,
            name.starts_with("openssl") || name.starts_with("records"),
            "{name}"
        );
        whole += usize::from(is_hello);
    }
    assert!(whole >= 5, "the seeds are there");
}

proptest! {
    #[test]
    fn any_octets_give_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        property::check(&octets);
        property::check(&[&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc], octets.as_slice()].concat());
    }

    #[test]
    fn any_extension_gives_a_bounded_answer(
        kind in prop_oneof![Just(0u8), Just(10), Just(13), Just(43), any::<u8>()],
        content in proptest::collection::vec(any::<u8>(), 0..2000),
        honest in any::<bool>(),
    ) {
        let mut extension = vec![0, kind];
        let inner = u16::try_from(content.len()).unwrap();
        if honest {
            extension.extend((inner + 2).to_be_bytes());
            extension.extend(inner.to_be_bytes());
        } else {
            extension.extend(inner.to_be_bytes());
        }
        extension.extend(&content);
        property::check(&hello_with(&extension));
    }
}
