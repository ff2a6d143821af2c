//! When certificates are ordered, with a clock of the test's own.

use std::{path::Path, sync::Arc, time::Duration};

use sekisho::{
    acme::{AcmeKeeper, AcmeSettings, ChallengeKind},
    certificates::{CertificateMetrics, CertificateRole, Certificates, Due, Surroundings},
    clock,
};
use sekisho_mail::Timestamp;
use sekisho_testkit::{enclosure::enclosed, foreign::PebbleSettings};
use sekisho_tls::KeyType;

use super::World;

const DAY: Duration = Duration::from_secs(86_400);

struct Kept {
    certificates: Arc<Certificates>,
    keeper: AcmeKeeper,
}

impl Kept {
    fn new(world: &World, data_folder: &Path, settings: AcmeSettings) -> Self {
        let certificates =
            Arc::new(Certificates::open(data_folder, CertificateMetrics::default()).expect("it can be opened"));
        let role = CertificateRole {
            key: "default/mx".parse().expect("a role"),
            comment: String::new(),
            names: vec!["mx.us.example".parse().expect("a name")],
            issuers: Vec::new(),
            tls_certificate_name: None,
            files: Vec::new(),
            key_types: vec![KeyType::EcdsaP256],
            reuse_key: true,
            overlap: DAY * 7,
            published: false,
            alert_before: None,
            acme: Some(Arc::new(settings)),
            pinned_by: Vec::new(),
        };
        let around = Surroundings {
            roles: Arc::new(vec![role]),
            ..Surroundings::default()
        };
        certificates.surround(around, clock::now());
        let keeper = AcmeKeeper::new(Arc::clone(&certificates), world.fetcher(), world.means(), data_folder);
        Self { certificates, keeper }
    }

    fn step(&self, world: &World, now: Timestamp) -> Option<Timestamp> {
        world.runtime.block_on(self.keeper.step(now))
    }

    fn due(&self) -> Due {
        self.certificates.due().swap_remove(0)
    }

    /// Serial and key of the newest.
    fn newest(&self) -> (sekisho_mail::Digest, sekisho_mail::Digest) {
        let due = self.due();
        let newest = due.newest.expect("there is one");
        let leaf = newest.identity.expect("with a certificate").chain()[0].clone();
        (leaf.sha256, leaf.spki_sha256)
    }
}

/// A certificate is had, kept until it is due, and renewed on its key.
fn renews(settings: &PebbleSettings<'_>, lifetime: Duration) {
    let world = World::new(settings);
    let data = tempfile::tempdir().expect("a folder can be made");
    let kept = Kept::new(&world, data.path(), world.settings(ChallengeKind::Http01));
    let begun = clock::now();
    kept.step(&world, begun);
    let first = kept.newest();
    let next = kept.step(&world, clock::now()).expect("something will be due");
    assert!(next > clock::now(), "nothing is due just now");
    assert_eq!(kept.newest(), first);
    kept.step(&world, begun.plus(lifetime / 2));
    assert_eq!(kept.newest(), first, "half of its life is too early");
    kept.step(&world, begun.plus(lifetime / 10 * 9));
    let second = kept.newest();
    assert_ne!(second.0, first.0, "{}", world.pebble.log());
    assert_eq!(second.1, first.1, "the key is kept");
    let due = kept.due();
    assert!(due.issued().is_some(), "the authority's own");
}

#[test]
fn certificates_of_ninety_days_are_renewed_in_time_on_their_key() {
    enclosed(|| renews(&PebbleSettings::default(), DAY * 90));
}

#[test]
fn certificates_of_six_days_are_renewed_in_time_on_their_key() {
    enclosed(|| {
        let short = PebbleSettings {
            validity_secs: 6 * 86_400,
            ..PebbleSettings::default()
        };
        renews(&short, DAY * 6);
    });
}

#[test]
fn an_authority_that_is_gone_is_asked_again_with_patience_and_a_restart_forgets_nothing() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let data = tempfile::tempdir().expect("a folder can be made");
        let mut settings = world.settings(ChallengeKind::Http01);
        settings.directory = "https://ca.acme.example:1/dir".parse().expect("a URL");
        let kept = Kept::new(&world, data.path(), settings.clone());
        let now = clock::now();
        let first = kept.step(&world, now).expect("it is tried again");
        assert_eq!(first.since(now), Duration::from_secs(300));
        // Nothing is asked before that.
        assert_eq!(kept.step(&world, now.plus(Duration::from_secs(200))), Some(first));
        let second = kept.step(&world, first).expect("it is tried again");
        assert_eq!(second.since(first), Duration::from_secs(600));
        world.phase.send_replace(sekisho::app::Phase::Stopping);
        drop(kept);
        let opened =
            Arc::new(Certificates::open(data.path(), CertificateMetrics::default()).expect("it can be opened"));
        let found = sekisho::acme::Progress::load(
            &sekisho::acme::acme_folder(data.path()),
            &"default/mx".parse().expect("a role"),
            KeyType::EcdsaP256,
        );
        let found = found.expect("it can be read");
        assert_eq!((found.failures, found.next_try), (2, Some(second)));
        assert!(
            found
                .last_failure
                .expect("it failed")
                .words
                .contains("ca.acme.example:1")
        );
        // The request that was made for it waits, and is not made anew.
        let waiting = found.request.expect("one was made");
        assert!(
            opened
                .waiting(&"default/mx".parse().expect("a role"), &waiting)
                .is_some()
        );
    });
}
