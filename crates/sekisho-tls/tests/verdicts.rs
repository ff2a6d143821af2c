//! What chains are found to be worth, each fault told apart from the others.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::collections::HashMap;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use sekisho_mail::{AnchorSetId, CertificateFault, Check, Timestamp, Verdict};
use sekisho_tls::{AnchorSet, ClientProfile, IdentityFiles, PeerChain, TlsStream, Verifier, ensure_self_signed_pair};
use support::*;
use tokio::io::DuplexStream;

async fn presented(files: &IdentityFiles) -> TlsStream<DuplexStream> {
    let server = server(std::slice::from_ref(files));
    let (_, connected) = shake(&server, &client(), None, &ClientProfile::default(), 65536).await;
    connected.unwrap().0
}

fn path_verdict(verifier: &Verifier, stream: &TlsStream<DuplexStream>, now: Timestamp) -> Verdict {
    verifier
        .verify(stream.peer_chain(), &[path_check()], now)
        .verdicts
        .remove(0)
        .1
}

async fn verdict_on(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Verdict {
    let files = authority.issue("changed", &["mx.example.org"], Algorithm::P256, change);
    path_verdict(&authority.verifier(), &presented(&files).await, NOW)
}

/// Midnight of a day in UTC.
fn day(days_since_1970: i64) -> Timestamp {
    Timestamp::from_secs(days_since_1970 * 86_400)
}

#[tokio::test]
async fn faults_are_told_apart() {
    let authority = Authority::new();
    assert_eq!(verdict_on(&authority, |_| {}).await, Verdict::Holds);
    let expired = verdict_on(&authority, |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    assert_eq!(expired, Verdict::Fails(CertificateFault::Expired(day(18_262))));
    let early = verdict_on(&authority, |params| params.not_before = date_time_ymd(2050, 1, 1)).await;
    assert_eq!(early, Verdict::Fails(CertificateFault::NotYetValid(day(29_220))));
    let wrong_use = verdict_on(&authority, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    })
    .await;
    assert_eq!(wrong_use.word(), "wrong-use", "{wrong_use:?}");
    let authority_as_server = verdict_on(&authority, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    })
    .await;
    assert_eq!(authority_as_server.word(), "wrong-use", "{authority_as_server:?}");
}

#[tokio::test]
async fn expired_and_untrusted_is_untrusted() {
    let (known, other) = (Authority::new(), Authority::new());
    let expire = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let files = other.issue("expired", &["mx.example.org"], Algorithm::P256, expire);
    let stream = presented(&files).await;
    // Both authorities have the same name, so the signature is what tells them apart.
    let verdict = path_verdict(&known.verifier(), &stream, NOW);
    assert!(
        matches!(
            verdict,
            Verdict::Fails(CertificateFault::UntrustedIssuer(_) | CertificateFault::BadSignature)
        ),
        "{verdict:?}"
    );
    assert_eq!(path_verdict(&other.verifier(), &stream, NOW).word(), "expired");
}

#[tokio::test]
async fn a_kept_answer_ends_when_the_certificate_does() {
    let authority = Authority::new();
    let files = authority.issue("short", &["mx.example.org"], Algorithm::P256, |params| {
        params.not_after = date_time_ymd(2027, 1, 16);
    });
    let stream = presented(&files).await;
    let verifier = authority.verifier();
    let end = day(20_834);
    let second = std::time::Duration::from_secs(1);
    assert_eq!(path_verdict(&verifier, &stream, end.minus(second)), Verdict::Holds);
    assert_eq!(
        path_verdict(&verifier, &stream, end),
        Verdict::Holds,
        "the last second counts"
    );
    let expired = Verdict::Fails(CertificateFault::Expired(end));
    assert_eq!(path_verdict(&verifier, &stream, end.plus(second)), expired);
    assert_eq!(
        path_verdict(&verifier, &stream, end),
        Verdict::Holds,
        "a clock set back"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_one_unless_it_is_pinned_and_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let pair = ensure_self_signed_pair(folder.path(), &domain("mx.example.org"), NOW).unwrap();
    let stream = presented(&pair[0]).await;
    let stranger = Authority::new();
    let self_signed = Verdict::Fails(CertificateFault::SelfSigned);
    assert_eq!(path_verdict(&stranger.verifier(), &stream, NOW), self_signed);
    assert_eq!(
        path_verdict(&verifier(&pair[1].chain), &stream, NOW),
        self_signed,
        "the other of the pair"
    );
    let pinned = verifier(&pair[0].chain);
    assert_eq!(path_verdict(&pinned, &stream, NOW), Verdict::Holds);
    assert_eq!(
        path_verdict(&pinned, &stream, Timestamp::from_secs(4_000_000_000)).word(),
        "expired"
    );
    assert_eq!(
        path_verdict(&pinned, &stream, Timestamp::from_secs(1_000_000_000)).word(),
        "not-yet-valid"
    );
}

#[tokio::test]
async fn missing_or_empty_anchors_are_our_fault_and_never_a_pass() {
    let authority = Authority::new();
    let stream = presented(&authority.server(&["mx.example.org"])).await;
    let none = Verifier::new(HashMap::new());
    assert!(matches!(path_verdict(&none, &stream, NOW), Verdict::Unknown(_)));
    none.replace_anchors(HashMap::from([(anchors(), AnchorSet::load(&authority.pem).unwrap())]));
    assert_eq!(path_verdict(&none, &stream, NOW), Verdict::Holds);
    none.replace_anchors(HashMap::from([(
        anchors(),
        AnchorSet::load(&Authority::new().pem).unwrap(),
    )]));
    assert_ne!(
        path_verdict(&none, &stream, NOW),
        Verdict::Holds,
        "answers do not outlive their anchors"
    );
    assert!(AnchorSet::load(std::path::Path::new("/nonexistent/ca.pem")).is_err());
}

#[tokio::test]
async fn the_systems_anchors_load_and_do_not_know_a_stranger() {
    let system = AnchorSet::system();
    let verifier = Verifier::new(HashMap::from([(AnchorSetId::system(), system.clone())]));
    let authority = Authority::new();
    let stream = presented(&authority.server(&["mx.example.org"])).await;
    let check = Check::Path {
        anchors: AnchorSetId::system(),
    };
    let verdict = verifier.verify(stream.peer_chain(), &[check], NOW).verdicts.remove(0).1;
    if system.is_empty() {
        assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    } else {
        let incomplete = CertificateFault::IncompleteChain("CN=test authority".to_owned());
        assert_eq!(verdict, Verdict::Fails(incomplete));
    }
}

/// A root, an intermediate below it and a leaf below that, in PEM.
fn three_certificates() -> [String; 3] {
    let params = |name: &str, is_ca: bool| {
        let mut params = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2080, 1, 1);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    };
    let [root_key, middle_key, leaf_key] = std::array::from_fn(|_| KeyPair::generate().unwrap());
    let root = params("root", true).self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(params("root", true), root_key);
    let middle = params("middle", true).signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = Issuer::new(params("middle", true), middle_key);
    let leaf = params("leaf", false).signed_by(&leaf_key, &middle_issuer).unwrap();
    [root.pem(), middle.pem(), leaf.pem()]
}

#[test]
fn a_chain_that_leads_nowhere_says_what_is_missing_or_where_it_ends() {
    let [root, middle, leaf] = three_certificates();
    let incomplete = || CertificateFault::IncompleteChain("CN=middle".to_owned());
    let untrusted = || CertificateFault::UntrustedIssuer("CN=root".to_owned());
    let stranger = Authority::new().verifier();
    let folder = tempfile::tempdir().unwrap();
    let anchor = folder.path().join("root.pem");
    std::fs::write(&anchor, &root).unwrap();
    let knows_root = verifier(&anchor);
    for (presented, for_stranger, for_who_knows_root) in [
        (&[&leaf][..], incomplete(), Verdict::Fails(incomplete())),
        (&[&leaf, &root], incomplete(), Verdict::Fails(incomplete())),
        (&[&leaf, &middle], untrusted(), Verdict::Holds),
        (&[&leaf, &middle, &root], untrusted(), Verdict::Holds),
        (&[&leaf, &root, &middle], untrusted(), Verdict::Holds),
    ] {
        let pem: String = presented.iter().map(|one| one.as_str()).collect();
        let chain = PeerChain::of_client_in_pem(&pem).unwrap();
        let verdict = |verifier: &Verifier| verifier.verify(&chain, &[path_check()], NOW).verdicts.remove(0).1;
        let count = presented.len();
        assert_eq!(verdict(&stranger), Verdict::Fails(for_stranger), "{count} certificates");
        assert_eq!(verdict(&knows_root), for_who_knows_root, "{count} certificates");
    }
    assert_eq!(
        incomplete().to_string(),
        "incomplete chain: the certificate of its issuer \"CN=middle\" was not presented and is not among the trust \
         anchors"
    );
}

#[tokio::test]
async fn the_common_name_never_counts() {
    let authority = Authority::new();
    // The authority puts the stem into the common name.
    let files = authority.issue("mx.example.org", &[], Algorithm::P256, |_| {});
    let stream = presented(&files).await;
    let verdicts = authority
        .verifier()
        .verify(stream.peer_chain(), &[name_check("mx.example.org")], NOW)
        .verdicts;
    assert_eq!(verdicts[0].1, Verdict::Fails(CertificateFault::WrongName(Vec::new())));
}

#[tokio::test]
async fn no_chain_fails_every_check() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (served, _connected) = shake(&server, &client(), None, &ClientProfile::default(), 65536).await;
    let checks = [path_check(), name_check("mx.example.org")];
    for (_, verdict) in authority
        .verifier()
        .verify(served.unwrap().0.peer_chain(), &checks, NOW)
        .verdicts
    {
        assert_eq!(verdict, Verdict::Fails(CertificateFault::None));
    }
}

#[tokio::test]
async fn a_path_through_an_expired_intermediate_is_expired_since_then() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let middle = authority.issue("middle", &[], Algorithm::P256, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let (middle_pem, middle_key) = (
        std::fs::read_to_string(&middle.chain).unwrap(),
        std::fs::read_to_string(&middle.key).unwrap(),
    );
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "middle");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(params, KeyPair::from_pem(&middle_key).unwrap());
    let mut leaf = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(2019, 1, 1);
    leaf.not_after = date_time_ymd(2080, 1, 1);
    let chain = leaf.signed_by(&key, &issuer).unwrap().pem() + &middle_pem;
    let files = store_pair(authority.folder.path(), "leaf", &chain, &key.serialize_pem());
    let verdict = path_verdict(&authority.verifier(), &presented(&files).await, NOW);
    assert_eq!(verdict, Verdict::Fails(CertificateFault::Expired(day(18_262))));
}

/// The octets of each certificate in a PEM text.
fn der_of(pem: &str) -> Vec<u8> {
    pem_slice(pem).remove(0)
}

#[test]
fn the_path_is_had_with_the_verdict_from_the_leaf_up_to_its_anchor() {
    let [root, middle, leaf] = three_certificates();
    let [_, stranger, _] = three_certificates();
    let folder = tempfile::tempdir().unwrap();
    let anchor = folder.path().join("root.pem");
    std::fs::write(&anchor, &root).unwrap();
    let verifier = verifier(&anchor);
    let chain = PeerChain::of_server_in_pem(&(leaf.clone() + &stranger + &root + &middle)).unwrap();
    let found = verifier.path(&chain, &anchors(), NOW);
    assert_eq!(found.verdict, Verdict::Holds);
    let path = found.path.unwrap();
    assert!(!path.is_pin());
    assert_eq!(path.built_at(), NOW);
    let [root, middle, leaf] = [root, middle, leaf].map(|pem| der_of(&pem));
    assert_eq!(path.certificates().collect::<Vec<_>>(), [&leaf, &middle]);
    assert_eq!(path.anchor().certificate(), root);
    let links: Vec<_> = path.links().collect();
    assert_eq!(links.len(), 2);
    assert_eq!(
        (links[0].certificate, links[0].issuer_certificate),
        (&leaf[..], Some(&middle[..]))
    );
    assert_eq!(
        (links[1].certificate, links[1].issuer_certificate),
        (&middle[..], Some(&root[..]))
    );
    let digest = |spki| sekisho_tls::sha256(spki);
    assert_eq!(digest(links[0].issuer_spki), chain.facts()[3].spki_sha256);
    assert_eq!(digest(links[1].issuer_spki), chain.facts()[2].spki_sha256);
    for (link, name) in links.iter().zip([&b"middle"[..], b"root"]) {
        assert!(link.issuer_subject.ends_with(name) && link.issuer_subject[0] == 0x30);
    }
    // The same from the kept answer, and by way of the check as well.
    assert_eq!(
        verifier.verify(&chain, &[path_check()], NOW).verdicts[0].1,
        Verdict::Holds
    );
    assert_eq!(verifier.path(&chain, &anchors(), NOW).path, Some(path));
    let unknown = verifier.path(&chain, &AnchorSetId::system(), NOW);
    assert!(matches!(unknown.verdict, Verdict::Unknown(_)) && unknown.path.is_none());
}

#[tokio::test]
async fn a_path_that_fails_on_time_alone_is_still_a_path_and_one_that_leads_nowhere_is_none() {
    let authority = Authority::new();
    let files = authority.issue("old", &["mx.example.org"], Algorithm::P256, |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let stream = presented(&files).await;
    let found = authority.verifier().path(stream.peer_chain(), &anchors(), NOW);
    assert_eq!(found.verdict, Verdict::Fails(CertificateFault::Expired(day(18_262))));
    let path = found.path.unwrap();
    assert_eq!(path.built_at(), day(18_262));
    assert_eq!(path.links().count(), 1);
    let stranger = Authority::new().verifier().path(stream.peer_chain(), &anchors(), NOW);
    assert_ne!(stranger.verdict, Verdict::Holds);
    assert_eq!(stranger.path, None);
}

#[tokio::test]
async fn a_pin_is_a_path_that_nobody_issued() {
    let folder = tempfile::tempdir().unwrap();
    let pair = ensure_self_signed_pair(folder.path(), &domain("mx.example.org"), NOW).unwrap();
    let stream = presented(&pair[0]).await;
    let pinned = verifier(&pair[0].chain);
    let found = pinned.path(stream.peer_chain(), &anchors(), NOW);
    assert_eq!(found.verdict, Verdict::Holds);
    let path = found.path.unwrap();
    assert!(path.is_pin());
    assert_eq!((path.certificates().len(), path.links().count()), (1, 0));
    let expired = pinned.path(stream.peer_chain(), &anchors(), Timestamp::from_secs(4_000_000_000));
    assert_eq!(expired.verdict.word(), "expired");
    assert!(expired.path.unwrap().is_pin());
}
