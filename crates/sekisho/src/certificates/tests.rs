//! The store over a scratch folder, with time passed in: orders, what time does, and what a start finds.

use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use sekisho_mail::Timestamp;
use sekisho_testkit::authority::{Authority, Pem};
use sekisho_tls::{AnchorSet, CertificateChain, KeyType, PrivateKey};
use zeroize::Zeroizing;

use super::{orders::Author, *};
use crate::clock;

const HOUR: Duration = Duration::from_secs(3600);

fn role(change: impl FnOnce(&mut CertificateRole)) -> CertificateRole {
    let mut role = CertificateRole {
        key: "mx".parse().unwrap(),
        comment: String::new(),
        names: vec!["mx.example.org".parse().unwrap()],
        issuers: Vec::new(),
        tls_certificate_name: None,
        files: Vec::new(),
        key_types: vec![KeyType::EcdsaP256],
        reuse_key: true,
        overlap: HOUR,
        alert_before: None,
        acme: None,
        pinned_by: Vec::new(),
        published: false,
    };
    change(&mut role);
    role
}

/// The store of a folder, as a start finds it.
fn open(folder: &Path, role: CertificateRole, now: Timestamp) -> Certificates {
    let certificates = Certificates::open(folder, CertificateMetrics::default()).unwrap();
    let around = Surroundings {
        roles: Arc::new(vec![role]),
        ..Surroundings::default()
    };
    certificates.surround(around, now);
    certificates
}

fn author(at: Timestamp) -> Author {
    Author {
        by: "uid 7".to_owned(),
        why: String::new(),
        at,
    }
}

fn import(certificates: &Certificates, pem: &Pem, at: Timestamp) -> Result<Done, OrderError> {
    let import = Import {
        role: "mx".parse().unwrap(),
        material: Material {
            chain: CertificateChain::parse(&pem.chain).unwrap(),
            key: Some(PrivateKey::parse(Zeroizing::new(pem.key.clone())).unwrap()),
            origin: Origin::Import,
        },
        stage: false,
        activate_at: None,
        named_by: Vec::new(),
        dry_run: false,
    };
    certificates.import(import, &author(at))
}

fn presented(certificates: &Certificates) -> Vec<String> {
    let presented = certificates.presented();
    let of_role = &presented.roles[&"mx".parse().unwrap()];
    of_role.identities.iter().map(|(id, _)| id.clone()).collect()
}

fn stage(certificates: &Certificates, id: &str) -> String {
    let views = certificates.list(None, clock::now());
    let mut all = views.iter().flat_map(|role| &role.certificates);
    all.find(|one| one.id == id)
        .map(|one| one.stage.clone())
        .unwrap_or_default()
}

#[test]
fn what_was_replaced_is_retired_after_the_overlap_and_all_of_it_outlives_a_restart() {
    let scratch = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let now = clock::now();
    let certificates = open(scratch.path(), role(|_| {}), now);
    let first = import(&certificates, &authority.server(&["mx.example.org"]), now)
        .unwrap()
        .instance
        .id
        .id;
    let later = now.plus(Duration::from_secs(1));
    let second = import(&certificates, &authority.server(&["mx.example.org"]), later)
        .unwrap()
        .instance
        .id
        .id;
    assert_eq!(presented(&certificates), std::slice::from_ref(&second));
    certificates.look_after(later);
    certificates.look_after(later.plus(HOUR - Duration::from_millis(1)));
    assert_eq!(stage(&certificates, &first), "active");
    // Since when it is replaced is written down: a restart begins nothing anew.
    let certificates = open(scratch.path(), role(|_| {}), later);
    certificates.look_after(later.plus(HOUR));
    assert_eq!(
        (stage(&certificates, &first), stage(&certificates, &second)),
        ("retired".to_owned(), "active".to_owned())
    );
    let certificates = open(scratch.path(), role(|_| {}), later.plus(HOUR));
    assert_eq!(stage(&certificates, &first), "retired");
    assert_eq!(presented(&certificates), [second]);
}

#[test]
fn a_renewal_on_the_key_in_force_comes_at_once_and_one_on_another_waits_while_that_is_pinned() {
    let scratch = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let now = clock::now();
    let pinned = role(|role| role.pinned_by = vec!["bank.example: told".to_owned()]);
    let certificates = open(scratch.path(), pinned, now);
    let first = authority.server(&["mx.example.org"]);
    import(&certificates, &first, now).unwrap();
    let other_key = import(&certificates, &authority.server(&["mx.example.org"]), now).unwrap();
    assert_eq!(other_key.instance.record.stage, Stage::Staged);
    assert!(other_key.words.contains("bank.example: told"), "{}", other_key.words);
    // The request keeps the key, unless it is told otherwise.
    let order = |new_key| RequestOrder {
        role: "mx".parse().unwrap(),
        key_type: None,
        new_key,
    };
    let spki = |done: Vec<Done>| done[0].instance.record.spki_sha256;
    let key = PrivateKey::parse(Zeroizing::new(first.key.clone())).unwrap();
    assert_eq!(
        spki(certificates.request(&order(false), &author(now)).unwrap()),
        key.spki_sha256()
    );
    assert_ne!(
        spki(certificates.request(&order(true), &author(now)).unwrap()),
        key.spki_sha256()
    );
    let again = import(&certificates, &first, now).unwrap_err();
    assert!(again.to_string().contains("is there already"), "{again}");
}

#[test]
fn the_last_valid_certificate_is_not_taken_away_unless_that_is_forced() {
    let scratch = tempfile::tempdir().unwrap();
    let now = clock::now();
    let certificates = open(scratch.path(), role(|_| {}), now);
    let done = import(&certificates, &Authority::new().server(&["mx.example.org"]), now).unwrap();
    let which = Which {
        organization: None,
        name: done.instance.id.id.clone(),
    };
    for refused in [
        certificates.stage(&which, false, &author(now)).map(|_| ()),
        certificates.retire(&which, false, &author(now)).map(|_| ()),
        certificates.remove(&which, false, &author(now)).map(|_| ()),
        certificates.renew(&which).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(OrderError::Refused { .. })), "{refused:?}");
    }
    assert_eq!(presented(&certificates), std::slice::from_ref(&which.name));
    certificates.stage(&which, true, &author(now)).unwrap();
    assert!(presented(&certificates).is_empty());
    let tomorrow = now.plus(24 * HOUR);
    certificates.activate(&which, Some(tomorrow), &author(now)).unwrap();
    assert_eq!(
        (presented(&certificates), certificates.presented().next),
        (vec![], Some(tomorrow))
    );
    certificates.look_after(tomorrow);
    assert_eq!(presented(&certificates), [which.name]);
}

#[test]
fn a_certificate_whose_key_others_may_read_or_that_is_not_its_own_is_told_and_not_used() {
    let scratch = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let now = clock::now();
    let certificates = open(scratch.path(), role(|_| {}), now);
    let id = import(&certificates, &authority.server(&["mx.example.org"]), now)
        .unwrap()
        .instance
        .id
        .id;
    let key = scratch.path().join("certificates/default/mx").join(&id).join("key.pem");
    let good = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let note = |folder: &Path| {
        let certificates = open(folder, role(|_| {}), now);
        assert!(presented(&certificates).is_empty());
        let views = certificates.list(None, now);
        views[0].certificates[0].note.clone().unwrap_or_default()
    };
    assert!(note(scratch.path()).contains("chmod 0600"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, &authority.server(&["mx.example.org"]).key).unwrap();
    assert!(note(scratch.path()).contains("not the key that was kept here"));
    fs::write(&key, &good[..good.len() / 2]).unwrap();
    assert!(note(scratch.path()).contains("no private key"));
    fs::write(&key, good).unwrap();
    assert_eq!(presented(&open(scratch.path(), role(|_| {}), now)), [id]);
}

#[test]
fn what_ends_without_a_successor_raises_an_alert_in_time_and_what_is_missing_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let now = clock::now();
    let certificates = Certificates::open(scratch.path(), CertificateMetrics::default()).unwrap();
    let key: sekisho_policy::directory::CertificateRoleKey = "mx".parse().unwrap();
    let around = Surroundings {
        roles: Arc::new(vec![role(|role| role.alert_before = Some(48 * HOUR))]),
        listeners: [(key, vec!["listener \"in\"".to_owned()])].into(),
        ..Surroundings::default()
    };
    certificates.surround(around, now);
    let kinds = |at: Timestamp| {
        certificates.look_after(at);
        certificates
            .alerts(at)
            .into_iter()
            .map(|alert| alert.kind.word())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(now), ["certificate-missing"]);
    let done = import(&certificates, &Authority::new().server(&["mx.example.org"]), now).unwrap();
    let ends = done.instance.identity.unwrap().chain()[0].not_after;
    assert!(kinds(now).is_empty());
    assert!(kinds(ends.minus(49 * HOUR)).is_empty());
    assert_eq!(kinds(ends.minus(47 * HOUR)), ["role-ends"]);
    assert_eq!(kinds(ends.plus(HOUR)), ["certificate-expired"]);
    assert_eq!(presented(&certificates).len(), 1, "it is presented all the same");
}

#[test]
fn a_chain_is_held_against_the_roots_that_are_believed_here() {
    let scratch = tempfile::tempdir().unwrap();
    let (authority, now) = (Authority::new(), clock::now());
    let certificates = open(scratch.path(), role(|_| {}), now);
    let done = import(&certificates, &authority.server(&["mx.example.org"]).leaf_alone(), now).unwrap();
    let which = Which {
        organization: None,
        name: done.instance.id.id,
    };
    let unknown = |roots: AnchorSet| {
        let around = Surroundings {
            roles: Arc::new(vec![role(|_| {})]),
            roots,
            ..Surroundings::default()
        };
        certificates.surround(around, now);
        let checked = certificates.check(&which, now).unwrap();
        let findings = checked.iter().flat_map(|done| &done.findings);
        findings.filter(|one| one.text.contains("no trust anchor")).count()
    };
    assert_eq!(unknown(AnchorSet::bundled()), 1);
    assert_eq!(unknown(AnchorSet::parse(authority.anchor(), "a test").unwrap()), 0);
}

#[test]
fn whoever_pins_several_keys_in_force_is_named_once() {
    let scratch = tempfile::tempdir().unwrap();
    let (authority, now) = (Authority::new(), clock::now());
    let certificates = open(scratch.path(), role(|_| {}), now);
    let mut pins = HashMap::new();
    for pem in [
        authority.server(&["mx.example.org"]),
        authority.server_with_rsa(&["mx.example.org"]),
    ] {
        let done = import(&certificates, &pem, now).unwrap();
        let connectors = ["outbound connector default/bank", "inbound connector default/bank"];
        pins.insert(done.instance.record.spki_sha256, connectors.map(str::to_owned).to_vec());
    }
    let around = Surroundings {
        roles: Arc::new(vec![role(|_| {})]),
        pins,
        ..Surroundings::default()
    };
    certificates.surround(around, now);
    let done = import(&certificates, &authority.server(&["mx.example.org"]), now).unwrap();
    assert_eq!(done.instance.record.stage, Stage::Staged);
    assert!(
        done.words
            .contains("named by outbound connector default/bank and 1 more"),
        "{}",
        done.words
    );
}

#[test]
fn a_request_that_waits_is_for_the_names_of_its_role_and_no_other() {
    let scratch = tempfile::tempdir().unwrap();
    let now = clock::now();
    let texts = ["mx.us.example", "old.us.example", "*.us.example"];
    let named = role(|role| role.names = texts.iter().map(|name| name.parse().unwrap()).collect());
    let certificates = open(scratch.path(), named, now);
    let order = RequestOrder {
        role: "mx".parse().unwrap(),
        key_type: None,
        new_key: true,
    };
    let made = certificates.request(&order, &author(now)).unwrap();
    for (wanted, is_it) in [
        (&["mx.us.example", "old.us.example", "*.us.example"][..], true),
        (&["*.us.example", "old.us.example", "MX.us.example"], true),
        (&["mx.us.example", "*.us.example"], false),
        (&["us.example"], false),
        (
            &["mx.us.example", "old.us.example", "*.us.example", "new.us.example"],
            false,
        ),
    ] {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(made[0].instance.is_request_for(&wanted), is_it, "{wanted:?}");
    }
}
