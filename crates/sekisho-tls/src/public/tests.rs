//! What is told of certificates, against what was put into them.

use std::collections::HashMap;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyPair, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};

use super::*;
use crate::{AnchorSet, IdentityFiles};

fn identity(chain: &[&rcgen::Certificate], key: &KeyPair) -> Identity {
    let folder = tempfile::tempdir().unwrap();
    let files = IdentityFiles {
        chain: folder.path().join("chain.pem"),
        key: folder.path().join("key.pem"),
    };
    let pem: String = chain.iter().map(|one| one.pem()).collect();
    std::fs::write(&files.chain, pem).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&files.key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    Identity::load(&files).unwrap()
}

fn told(chain: &[&rcgen::Certificate], key: &KeyPair) -> PublicChain {
    let anchors = HashMap::from([(AnchorSetId::system(), AnchorSet::joined([]))]);
    let now = Timestamp::from_secs(1_795_858_200);
    PublicChain::of(
        &identity(chain, key),
        &Verifier::new(anchors),
        &AnchorSetId::system(),
        now,
    )
}

#[test]
fn all_that_a_certificate_says_is_told_and_digests_are_those_of_its_octets() {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
    params.subject_alt_names.extend([
        SanType::IpAddress("192.0.2.1".parse().unwrap()),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
        SanType::Rfc822Name("a@example.org".try_into().unwrap()),
    ]);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example Corporation");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Mail");
    params
        .distinguished_name
        .push(DnType::CommonName, DnValue::BmpString("mx".try_into().unwrap()));
    params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xff]));
    params.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["http://crl.example.net/a.crl".to_owned()],
    }];
    let certificate = params.self_signed(&key).unwrap();
    let chain = told(&[&certificate], &key);
    let leaf = chain.leaf();
    assert_eq!(leaf.organizations, ["Example Corporation"]);
    assert_eq!(leaf.units, ["Mail"]);
    // What is no text of a kind that is read is shown as its octets.
    assert_eq!(leaf.common_names, ["#006d0078"]);
    assert_eq!(
        leaf.names,
        ["mx.example.org", "192.0.2.1", "2001:db8::1", "email:a@example.org"]
    );
    assert_eq!(
        (leaf.serial.as_str(), leaf.key.as_str(), leaf.more_names),
        ("0aff", "RSA 2048", 0)
    );
    assert_eq!(leaf.sha256, crate::sha256(certificate.der()));
    assert_eq!(leaf.sha1.len(), 40);
    let points = leaf
        .endpoints
        .as_ref()
        .map(|endpoints| endpoints.points[0].uris.clone());
    assert_eq!(points, Ok(vec!["http://crl.example.net/a.crl".to_owned()]));
    assert_eq!(
        (&chain.end, chain.pem.as_str()),
        (&ChainEnd::SelfSigned, certificate.pem().replace("\r\n", "\n").as_str())
    );
}

#[test]
fn of_very_many_names_some_are_told_and_the_rest_are_counted() {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = (0..1_234).map(|number| format!("n{number}.example")).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let chain = told(&[&certificate], &key);
    assert_eq!(
        (chain.leaf().names.len(), chain.leaf().more_names),
        (MAX_TOLD_NAMES, 234)
    );
}

/// Two authorities that name each other as issuer have no end.
#[test]
fn a_circle_of_issuers_comes_to_an_end() {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().unwrap())
    };
    let ((one, one_key), (other, other_key)) = (authority("one"), authority("other"));
    let by_other = one
        .signed_by(&one_key, &Issuer::from_params(&other, &other_key))
        .unwrap();
    let by_one = other
        .signed_by(&other_key, &Issuer::from_params(&one, &one_key))
        .unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&one, &one_key)).unwrap();
    let chain = told(&[&leaf, &by_other, &by_one], &key);
    assert!(
        matches!(&chain.end, ChainEnd::Named(name) if name == "CN=one" || name == "CN=other"),
        "{:?}",
        chain.end
    );
    assert_eq!(chain.certificates.len(), 3);
}
