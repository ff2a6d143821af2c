//! Loading our own certificates, and making the pair of a server without configuration.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    time::Duration,
};

use sekisho_tls::{Identity, IdentityError, IdentityFiles, ServerCertificates, ensure_self_signed_pair};
use support::*;

#[test]
fn the_self_signed_pair_is_made_once_private_and_good_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("tls");
    let host = domain("mx.example.org");
    let pair = ensure_self_signed_pair(&inside, &host, NOW).unwrap();
    let before: Vec<_> = pair
        .iter()
        .map(|files| (fs::read(&files.chain).unwrap(), fs::read(&files.key).unwrap()))
        .collect();
    assert_eq!(fs::metadata(&inside).unwrap().mode() & 0o777, 0o700);
    for files in &pair {
        assert_eq!(fs::metadata(&files.key).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&files.chain).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 4, "nothing unfinished is left");
    let certificates = ServerCertificates::load(&pair).unwrap();
    let keys: Vec<_> = certificates
        .identities()
        .iter()
        .map(|identity| identity.chain()[0].key.clone())
        .collect();
    assert_eq!(keys, ["P-256", "RSA 2048"]);
    for identity in certificates.identities() {
        let leaf = &identity.chain()[0];
        assert_eq!(leaf.dns_names, ["mx.example.org"]);
        assert!(leaf.not_before < NOW && leaf.not_after > NOW.plus(Duration::from_secs(9 * 365 * 86_400)));
    }
    let again = ensure_self_signed_pair(&inside, &host, NOW).unwrap();
    let after: Vec<_> = again
        .iter()
        .map(|files| (fs::read(&files.chain).unwrap(), fs::read(&files.key).unwrap()))
        .collect();
    assert_eq!(before, after);
    // Another name: new certificates, the same keys, so that a pinned key stays good.
    let renamed = ensure_self_signed_pair(&inside, &domain("mail.example.org"), NOW).unwrap();
    for (files, (chain, key)) in renamed.iter().zip(&before) {
        assert_ne!(fs::read(&files.chain).unwrap(), *chain);
        assert_eq!(fs::read(&files.key).unwrap(), *key);
    }
}

#[test]
fn faults_of_files_are_named_with_file_and_remedy() {
    let authority = Authority::new();
    let (one, other) = (authority.server(&["one.example"]), authority.server(&["other.example"]));
    let mixed = IdentityFiles {
        chain: one.chain.clone(),
        key: other.key.clone(),
    };
    assert!(matches!(Identity::load(&mixed), Err(IdentityError::Mismatch { .. })));
    let swapped = IdentityFiles {
        chain: one.key.clone(),
        key: one.chain.clone(),
    };
    assert!(matches!(
        Identity::load(&swapped),
        Err(IdentityError::NoCertificate { .. })
    ));
    let no_key = IdentityFiles {
        chain: one.chain.clone(),
        key: authority.pem.clone(),
    };
    fs::set_permissions(&authority.pem, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Identity::load(&no_key), Err(IdentityError::NoKey { .. })));
    fs::set_permissions(&one.key, fs::Permissions::from_mode(0o644)).unwrap();
    let open = Identity::load(&one).unwrap_err();
    assert!(matches!(open, IdentityError::OpenToTheWorld(_)));
    assert!(
        open.to_string().contains("chmod 600") && open.to_string().contains("one.example.key"),
        "{open}"
    );
    let missing = IdentityFiles {
        chain: authority.folder.path().join("missing.crt"),
        key: other.key.clone(),
    };
    let faults = ServerCertificates::load(&[missing, mixed, other]).unwrap_err();
    assert_eq!(faults.len(), 2, "every fault, not only the first: {faults:?}");
}

#[test]
fn a_key_is_never_shown() {
    let authority = Authority::new();
    let files = authority.server(&["mx.example.org"]);
    let shown = format!(
        "{:?} {:?}",
        Identity::load(&files).unwrap(),
        server(std::slice::from_ref(&files))
    );
    let key = fs::read_to_string(&files.key).unwrap();
    assert!(!shown.contains(key.lines().nth(1).unwrap()) && !shown.contains("Private"));
}
