//! What is handed over, put in order and judged. Files that other programs made are read by the tests of the binary.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use sekisho_mail::Timestamp;
use zeroize::Zeroizing;

use super::*;
use crate::{AnchorSet, Identity};

/// In the life of everything that is made here.
const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

type Change = &'static dyn Fn(&mut CertificateParams);

struct World {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn world() -> World {
    let root = CertifiedIssuer::self_signed(authority("Root"), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let intermediate = CertifiedIssuer::signed_by(authority("Intermediate"), key, &root).unwrap();
    World { root, intermediate }
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "CH");
    params.distinguished_name.push(DnType::OrganizationName, "Acme, Inc.");
    params.distinguished_name.push(DnType::CommonName, "mx.example.org");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(2026, 10, 1), date_time_ymd(2026, 12, 1));
    params
}

impl World {
    fn leaf(&self, key: &PrivateKey, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = leaf_params();
        change(&mut params);
        let key = KeyPair::from_pem(key.pem()).unwrap();
        params.signed_by(&key, &self.intermediate).unwrap().pem()
    }

    fn findings(&self, leaf: &str) -> Vec<Finding> {
        let pem = format!("{leaf}{}", self.intermediate.pem());
        let (chain, _) = CertificateChain::parse(&pem).unwrap().in_order(None).unwrap();
        let names = ["mx.example.org".parse().unwrap()];
        let expected = Expected {
            names: &names,
            used_as: Use::Server,
            anchors: &AnchorSet::parse(&self.root.pem(), "test").unwrap(),
            now: NOW,
        };
        inspect(&chain, &expected)
    }
}

#[test]
fn a_chain_in_any_order_is_put_leaf_first_and_strangers_are_left_out() {
    let (ours, other) = (world(), world());
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let leaf = ours.leaf(&key, |_| {});
    let (root, between, stranger) = (ours.root.pem(), ours.intermediate.pem(), other.root.pem());
    let ordered = |text: String, key: Option<&PrivateKey>| {
        let chain = CertificateChain::parse(&text).unwrap();
        chain.in_order(key.map(PrivateKey::spki_sha256))
    };
    let (chain, ordering) = ordered(format!("{root}{between}{stranger}{leaf}"), Some(&key)).unwrap();
    let names: Vec<&str> = chain
        .facts()
        .iter()
        .map(|one| one.subject.rsplit("CN=").next().unwrap())
        .collect();
    assert_eq!(names, ["mx.example.org", "Intermediate", "Root"]);
    assert!(ordering.was_reordered);
    assert_eq!(ordering.left_out.len(), 1);
    let (_, ordering) = ordered(format!("{leaf}{between}"), None).unwrap();
    assert_eq!(ordering, Ordering::default());
    // An issuer of the same name and another key is no issuer.
    let (chain, ordering) = ordered(format!("{leaf}{}", other.intermediate.pem()), Some(&key)).unwrap();
    assert_eq!((chain.facts().len(), ordering.left_out.len()), (1, 1));
    let others = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    assert_eq!(ordered(leaf.clone(), Some(&others)), Err(ChainError::NotTheKeys(1)));
    assert_eq!(
        ordered(format!("{leaf}{stranger}"), None),
        Err(ChainError::SeveralLeaves(2))
    );
    assert!(matches!(
        CertificateChain::parse("no PEM"),
        Err(ChainError::Unreadable(_))
    ));
    assert!(matches!(
        CertificateChain::parse(&leaf.repeat(33)),
        Err(ChainError::TooMany(33))
    ));
}

#[test]
fn each_thing_that_is_wrong_with_a_chain_is_said_with_its_weight() {
    let world = world();
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    assert_eq!(world.findings(&world.leaf(&key, |_| {})), []);
    let cases: [(&str, Weight, Change); 9] = [
        ("not for mx.example.org", Weight::Error, &|one| {
            one.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
        }),
        ("for no name", Weight::Error, &|one| one.subject_alt_names.clear()),
        ("has expired already", Weight::Error, &|one| {
            one.not_after = date_time_ymd(2026, 10, 2)
        }),
        ("ends very soon", Weight::Warning, &|one| {
            one.not_after = date_time_ymd(2026, 11, 20)
        }),
        ("valid from", Weight::Note, &|one| {
            one.not_before = date_time_ymd(2026, 11, 30)
        }),
        ("leave out servers", Weight::Error, &|one| {
            one.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
        ("leave out clients", Weight::Note, &|one| {
            one.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        ("leaves out digitalSignature", Weight::Error, &|one| {
            one.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        }),
        ("before the certificate:", Weight::Warning, &|one| {
            one.not_before = date_time_ymd(2026, 9, 1);
            one.not_after = date_time_ymd(2027, 2, 1);
        }),
    ];
    for (words, weight, change) in cases {
        let findings = world.findings(&world.leaf(&key, change));
        let found = findings.iter().find(|finding| finding.text.contains(words));
        assert_eq!(
            found.map(|finding| finding.weight),
            Some(weight),
            "{words}: {findings:?}"
        );
        assert!(
            findings.is_sorted_by(|one, other| one.weight >= other.weight),
            "{findings:?}"
        );
    }
}

#[test]
fn a_gap_a_private_authority_a_root_and_a_self_signed_certificate_are_told_apart() {
    let world = world();
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let leaf = world.leaf(&key, |_| {});
    let said = |pem: &str, anchors: &AnchorSet| {
        let chain = CertificateChain::parse(pem).unwrap();
        let expected = Expected {
            names: &[],
            used_as: Use::Server,
            anchors,
            now: NOW,
        };
        let findings = inspect(&chain, &expected);
        findings
            .into_iter()
            .map(|finding| finding.text)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let known = AnchorSet::parse(&world.root.pem(), "test").unwrap();
    let none = AnchorSet::parse(&self::world().root.pem(), "test").unwrap();
    assert!(said(&leaf, &known).contains("CN=Intermediate issued the last certificate"));
    assert_eq!(said(&format!("{leaf}{}", world.intermediate.pem()), &known), "");
    let whole = format!("{leaf}{}{}", world.intermediate.pem(), world.root.pem());
    assert!(said(&whole, &none).contains("is sent along, which nobody needs"));
    let own = leaf_params().self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    assert!(said(&own, &known).contains("it is self-signed"));
}

#[test]
fn issuer_and_subject_as_exchange_writes_them_find_the_certificate_in_any_order() {
    let world = world();
    let key = PrivateKey::generate(KeyType::Rsa2048).unwrap();
    let chain = CertificateChain::parse(&world.leaf(&key, |_| {})).unwrap();
    let identity = Identity::of(&chain, &key).unwrap();
    for (text, is_it) in [
        ("<I>CN=Intermediate<S>CN=mx.example.org, O=\"Acme, Inc.\", C=CH", true),
        ("<I>CN=Intermediate<S>C=CH, O=Acme\\, Inc., CN=MX.Example.org", true),
        (
            " <I> cn = intermediate <S> 2.5.4.3=mx.example.org;O=\"acme,  inc.\" + OID.2.5.4.6=ch ",
            true,
        ),
        ("<I>CN=Intermediate<S>CN=mx.example.org, C=CH", false),
        (
            "<I>CN=Intermediate<S>CN=mx.example.org, O=\"Acme, Inc.\", C=CH, OU=x",
            false,
        ),
        ("<I>CN=Root<S>CN=mx.example.org, O=\"Acme, Inc.\", C=CH", false),
    ] {
        let name: TlsCertificateName = text.parse().unwrap();
        assert_eq!(identity.is_named(&name), is_it, "{text}");
        assert_eq!(name.to_string(), text.trim());
    }
    for text in [
        "",
        "CN=a",
        "<I>CN=a",
        "<S>CN=a",
        "<I><S>CN=a",
        "<I>CN=a<S>",
        "<I>CN=a<S>b",
        "<I>CN=<S>CN=b",
        "<I>Q=a<S>CN=b",
    ] {
        assert!(text.parse::<TlsCertificateName>().is_err(), "{text}");
    }
}

#[test]
fn keys_of_every_type_are_made_read_back_and_never_shown() {
    for (key_type, family) in [
        (KeyType::EcdsaP256, KeyFamily::Ecdsa),
        (KeyType::EcdsaP384, KeyFamily::Ecdsa),
    ] {
        let key = PrivateKey::generate(key_type).unwrap();
        let again = PrivateKey::parse(key.pem().clone()).unwrap();
        assert_eq!(key.spki_sha256(), again.spki_sha256());
        assert_eq!(key_type.to_string().parse(), Ok(key_type));
        let shown = format!("{key:?}");
        let inner = key.pem().lines().nth(1).unwrap();
        assert!(!shown.contains(inner), "{shown}");
        let request = key
            .request(&["mx.example.org".to_owned(), "*.example.org".to_owned()])
            .unwrap();
        assert!(request.pem.contains("BEGIN CERTIFICATE REQUEST"));
        let asked = SigningRequest::parse(&request.pem).unwrap();
        assert_eq!(asked, request);
        let names = ["*.example.org", "mx.example.org"].map(str::to_owned);
        assert_eq!(asked.dns_names(), Some(names.into()));
        let world = world();
        let chain = CertificateChain::parse(&world.leaf(&key, |_| {})).unwrap();
        assert_eq!(Identity::of(&chain, &key).unwrap().family(), family);
    }
    // Beside a certificate in the same text, the key alone is kept.
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let text = Zeroizing::new(format!("{}{}", world().root.pem(), &**key.pem()));
    let read = PrivateKey::parse(text).unwrap();
    assert_eq!(read.pem(), key.pem());
    assert!(matches!(
        PrivateKey::parse(Zeroizing::new("x".to_owned())),
        Err(KeyError::Unreadable(_))
    ));
    assert_eq!(SigningRequest::parse(key.pem()), None);
}
