//! The machine over a store in a scratch folder, with a clock and an outside of the test's own: every step, every way
//! back, and what a fault of DNS or a restart does.

mod scene;

use std::{sync::Arc, time::Duration};

use sekisho_mail::Timestamp;
use sekisho_tls::CertificateChain;

use self::scene::*;
use super::*;
use crate::{
    acme::{AcmeSettings, ChallengeKind},
    certificates::{CertificateRole, Import, Material, Origin, RolloverStart},
};

#[tokio::test]
async fn each_step_waits_for_what_it_is_for_and_a_restart_goes_on_at_the_very_step() {
    let mut scene = Scene::new(&["bank.example: told"]);
    scene.outside.publish(&[scene.old_record()]);
    scene.start();
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    let view = rollover_view(&scene.certificates, &key(), &scene.rollover());
    let records: Vec<_> = view
        .records
        .iter()
        .map(|one| (one.action.as_str(), one.data.clone()))
        .collect();
    let wanted = [
        ("keep", scene.old_record().to_string()),
        ("publish", scene.next_record().to_string()),
    ];
    assert_eq!(records, wanted);
    // One of two servers is not enough.
    scene.outside.show("ns1", &[scene.old_record(), scene.next_record()]);
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    scene.restart();
    scene.outside.publish(&[scene.old_record(), scene.next_record()]);
    assert_eq!(scene.look().await, (Step::WaitOut, Some(Turn::Time)));
    scene.pass(HOUR - Duration::from_millis(1));
    assert_eq!(scene.look().await.0, Step::WaitOut);
    scene.restart();
    assert_eq!(scene.look().await.0, Step::WaitOut);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.look().await, (Step::Issue, Some(Turn::Operator)));
    scene.restart();
    let next = scene.answer();
    // It is there and nobody is shown it; the probe is.
    assert_eq!(scene.presented(), [scene.old_spki()]);
    let probed = scene.certificates.probed(&[key()]);
    assert_eq!(probed[0].1[0].chain()[0].spki_sha256.to_string(), scene.next_spki());
    scene.outside.world().shown = Some(Ok(scene.old.clone()));
    assert_eq!(scene.look().await, (Step::Prove, Some(Turn::Others)));
    scene.outside.world().shown = Some(Ok(next));
    scene.restart();
    assert_eq!(scene.look().await, (Step::Partners, Some(Turn::Operator)));
    let at = scene.now().plus(HOUR);
    scene.go_on(Some(at));
    assert_eq!(scene.look().await, (Step::Switch, Some(Turn::Time)));
    scene.restart();
    scene.pass(HOUR - Duration::from_millis(1));
    assert_eq!(scene.presented(), [scene.old_spki()]);
    scene.pass(Duration::from_millis(1));
    assert_eq!(
        scene.presented(),
        [scene.next_spki()],
        "the instant is kept, whoever looks"
    );
    assert_eq!(scene.look().await, (Step::Overlap, Some(Turn::Time)));
    scene.restart();
    scene.pass(24 * HOUR);
    assert_eq!(scene.look().await, (Step::Withdraw, Some(Turn::Operator)));
    let view = rollover_view(&scene.certificates, &key(), &scene.rollover());
    let records: Vec<_> = view
        .records
        .iter()
        .map(|one| (one.action.as_str(), one.data.clone()))
        .collect();
    assert!(
        records.contains(&("withdraw", scene.old_record().to_string())),
        "{records:?}"
    );
    assert!(
        records.contains(&("keep", scene.next_record().to_string())),
        "{records:?}"
    );
    scene.outside.publish(&[scene.next_record()]);
    assert_eq!(scene.look().await.0, Step::Done);
    assert_eq!(scene.presented(), [scene.next_spki()]);
    assert!(scene.certificates.probed(&[key()]).is_empty());
}

#[tokio::test]
async fn without_records_and_pins_it_goes_through_and_says_what_it_skipped() {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    assert_eq!(scene.look().await, (Step::Issue, Some(Turn::Operator)));
    scene.outside.world().shown = Some(Ok(scene.answer()));
    assert_eq!(scene.look().await, (Step::Overlap, Some(Turn::Time)));
    assert_eq!(scene.presented(), [scene.next_spki()]);
    for step in [Step::Records, Step::WaitOut, Step::Partners] {
        assert_eq!(scene.how(step), How::Skipped, "{step}");
    }
    scene.pass(24 * HOUR);
    assert_eq!(scene.look().await.0, Step::Done);
    assert_eq!(scene.how(Step::Withdraw), How::Skipped);
    // Another may follow.
    scene.start();
    assert_eq!(scene.rollover().step, Step::Records);
}

#[tokio::test]
async fn a_fault_of_dns_is_never_taken_for_no_records() {
    let scene = Scene::new(&[]);
    scene.start();
    scene.outside.publish(&[]);
    scene.outside.fail("ns2");
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Others)));
    // What is shown by those that answer, and may be refused by the one that does not.
    scene.outside.publish(&[scene.old_record(), scene.next_record()]);
    scene.outside.fail("ns2");
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Others)));
    // Only an operator may pass it unseen, and must say why.
    let accept = |why: &str| {
        let author = Author {
            why: why.to_owned(),
            ..author(scene.now())
        };
        let order = GoOn {
            accept: Some(Step::Records),
            ..GoOn::default()
        };
        go_on(&scene.certificates, &key(), &order, &author)
    };
    assert!(matches!(accept(""), Err(OrderError::BadOrder(_))));
    accept("ns2 is being replaced").unwrap();
    assert_eq!(scene.how(Step::Records), How::Accepted);
    // What is taken on trust is not known any sooner for that.
    assert_eq!(scene.look().await, (Step::WaitOut, Some(Turn::Time)));
    assert!(
        matches!(accept("once more"), Err(OrderError::Refused { .. })),
        "it is for another step"
    );
    scene.outside.world().no_exchangers = Some("timeout".to_owned());
    scene.pass(HOUR - Duration::from_millis(1));
    assert_eq!(scene.look().await, (Step::WaitOut, Some(Turn::Time)));
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.look().await.0, Step::Issue);
}

#[tokio::test]
async fn the_hosts_of_a_wildcard_are_the_mail_exchangers_below_it() {
    let scene = Scene::of(CertificateRole {
        names: vec!["*.example.org".parse().unwrap()],
        ..a_role(&[])
    });
    scene.outside.publish(&[scene.old_record()]);
    scene.start();
    scene.outside.world().no_exchangers = Some("timeout".to_owned());
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Others)));
    scene.outside.world().no_exchangers = None;
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    let names: Vec<_> = scene.rollover().record_sets.into_iter().map(|set| set.name).collect();
    assert_eq!(names, [RECORDS]);
}

#[tokio::test]
async fn records_that_disappear_take_it_back_and_what_was_to_be_presented_waits_again() {
    let scene = Scene::new(&[]);
    let both = [scene.old_record()];
    scene.outside.publish(&both);
    scene.start();
    let both = [scene.old_record(), scene.next_record()];
    scene.outside.publish(&both);
    assert_eq!(scene.look().await.0, Step::WaitOut);
    scene.outside.publish(&both[..1]);
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    assert_eq!(scene.alerts(), ["rollover-at-risk"]);
    scene.outside.publish(&both);
    scene.go_on(Some(scene.now().plus(5 * HOUR)));
    assert_eq!(scene.look().await.0, Step::WaitOut);
    assert!(scene.alerts().is_empty());
    scene.pass(HOUR);
    assert_eq!(scene.look().await.0, Step::Issue);
    scene.outside.world().shown = Some(Ok(scene.answer()));
    assert_eq!(scene.look().await, (Step::Switch, Some(Turn::Time)));
    // A silent server takes nothing back: it was seen to have them.
    scene.outside.fail("ns1");
    assert_eq!(scene.look().await, (Step::Switch, Some(Turn::Time)));
    scene.outside.publish(&both[..1]);
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    scene.pass(10 * HOUR);
    assert_eq!(
        scene.presented(),
        [scene.old_spki()],
        "what nobody would accept is not presented"
    );
}

#[tokio::test]
async fn behind_the_switch_it_can_be_gone_back_and_forth_and_a_younger_renewal_stands_in_no_way() {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    assert_eq!(scene.look().await.0, Step::Issue);
    scene.outside.world().shown = Some(Ok(scene.answer()));
    // The old key is renewed meanwhile, with a certificate that is younger than the next one.
    let text = scene.key_text(&scene.next_key().old[0]);
    scene
        .import(&scene.authority.server_on(&text, &[NAME], (2026, 3, 1)), None)
        .unwrap();
    assert_eq!(scene.look().await.0, Step::Overlap);
    assert_eq!(scene.presented(), [scene.next_spki()]);
    go_back(&scene.certificates, &key(), &author(scene.now())).unwrap();
    assert_eq!(scene.presented(), [scene.old_spki()]);
    let rollover = scene.rollover();
    assert_eq!(
        (rollover.step, rollover.held_by.as_deref()),
        (Step::Switch, Some("uid 7"))
    );
    assert_eq!(scene.look().await.0, Step::Switch, "it is held");
    scene.pass(25 * HOUR);
    assert_eq!(scene.alerts(), ["rollover-waits"]);
    scene.go_on(None);
    assert_eq!(scene.look().await.0, Step::Overlap);
    assert_eq!(scene.presented(), [scene.next_spki()]);
}

/// At its switch, which waits for an instant in five hours.
async fn before_the_switch() -> Scene {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    scene.outside.world().shown = Some(Ok(scene.answer()));
    scene.go_on(Some(scene.now().plus(5 * HOUR)));
    assert_eq!(scene.look().await, (Step::Switch, Some(Turn::Time)));
    scene
}

#[tokio::test]
async fn what_was_seen_before_an_order_came_between_changes_nothing_behind_it() {
    let scene = before_the_switch().await;
    let seen = scene.rollover();
    go_back(&scene.certificates, &key(), &author(scene.now())).unwrap();
    // A look that began before comes to its end now.
    let late = author(scene.now());
    let activated = scene.certificates.activate_next(&key(), &seen, scene.now(), &late);
    assert!(matches!(activated, Err(OrderError::Refused { .. })), "{activated:?}");
    assert!(scene.certificates.retire_old(&key(), &seen, &late).is_err());
    assert!(
        scene
            .certificates
            .change_rollover(&key(), seen.clone(), scene.now())
            .is_err()
    );
    scene.pass(10 * HOUR);
    assert_eq!(scene.presented(), [scene.old_spki()], "it is held");
    // Nor does the look at a cancelled one write into that which was begun after it.
    scene.certificates.cancel_rollover(&key(), &late).unwrap();
    scene.start();
    let mut old = seen;
    old.revision = scene.rollover().revision;
    assert!(scene.certificates.change_rollover(&key(), old, scene.now()).is_err());
}

#[tokio::test]
async fn what_comes_is_presented_by_its_roll_over_alone_whatever_its_own_record_says() {
    let mut scene = before_the_switch().await;
    let later = scene.now().plus(9 * HOUR);
    scene.go_on(Some(later));
    // The record still has the earlier instant, and the process ends before anybody looks.
    scene.restart();
    scene.pass(6 * HOUR);
    assert_eq!(scene.presented(), [scene.old_spki()]);
    scene.pass(3 * HOUR);
    assert_eq!(scene.presented(), [scene.next_spki()]);
    let refused = scene.certificates.cancel_rollover(&key(), &author(scene.now()));
    assert!(refused.is_err(), "it is presented");
    // An import with an instant of its own comes between no more.
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    let pem = scene
        .authority
        .server_on(&scene.key_text(&scene.next_key().id), &[NAME], (2026, 2, 1));
    let import = Import {
        role: key(),
        material: Material {
            chain: CertificateChain::parse(&pem.chain).unwrap(),
            key: None,
            origin: Origin::Import,
        },
        stage: false,
        activate_at: Some(scene.now()),
        named_by: Vec::new(),
        dry_run: false,
    };
    let refused = scene.certificates.import(import, &author(scene.now())).unwrap_err();
    assert!(
        refused.to_string().contains("is on the next key of the roll-over"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_old_key_does_not_come_back_by_itself_and_goes_with_all_that_is_on_it() {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    let text = scene.key_text(&scene.next_key().old[0]);
    scene.outside.world().shown = Some(Ok(scene.answer()));
    // A request on the old key waits, and a renewal on it arrives behind the switch.
    let order = crate::certificates::RequestOrder {
        role: key(),
        key_type: None,
        new_key: false,
    };
    let request = scene.certificates.request(&order, &author(scene.now())).unwrap();
    let request = request[0].instance.clone();
    assert_eq!(request.record.spki_sha256.to_string(), scene.old_spki());
    assert_eq!(scene.look().await.0, Step::Overlap);
    scene
        .import(&scene.authority.server_on(&text, &[NAME], (2026, 4, 1)), None)
        .unwrap();
    assert_eq!(scene.presented(), [scene.next_spki()]);
    assert!(scene.certificates.is_rolled(&key(), request.record.spki_sha256));
    scene.pass(24 * HOUR);
    assert_eq!(scene.look().await.0, Step::Done);
    let left = scene.certificates.of_rollover(&key(), &scene.rollover());
    let lasting = left
        .iter()
        .filter(|one| one.record.spki_sha256.to_string() == scene.old_spki());
    let stages: Vec<_> = lasting.map(|one| one.record.stage.as_str()).collect();
    assert!(
        !stages.is_empty() && stages.iter().all(|stage| *stage == "retired"),
        "{stages:?}"
    );
    let again = scene.certificates.request(&order, &author(scene.now())).unwrap();
    assert_eq!(again[0].instance.record.spki_sha256.to_string(), scene.next_spki());
}

#[tokio::test]
async fn the_old_is_not_retired_while_what_comes_is_not_presented_and_the_operator_is_told() {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    scene.outside.world().shown = Some(Ok(scene.answer()));
    assert_eq!(scene.look().await.0, Step::Overlap);
    let which = crate::certificates::Which {
        organization: None,
        name: scene.next_key().id,
    };
    scene.certificates.retire(&which, true, &author(scene.now())).unwrap();
    assert_eq!(scene.presented(), [scene.old_spki()]);
    scene.pass(24 * HOUR);
    assert_eq!(scene.look().await, (Step::Overlap, Some(Turn::Operator)));
    assert_eq!(scene.presented(), [scene.old_spki()]);
    assert!(
        scene
            .rollover()
            .wait
            .unwrap()
            .text
            .contains("so the old one is not retired")
    );
}

#[tokio::test]
async fn records_that_come_late_are_heeded_and_those_that_name_nothing_are_told_behind_the_switch() {
    let scene = before_the_switch().await;
    // There were none when it began; by now there are, for the key in force alone.
    scene.outside.publish(&[scene.old_record()]);
    assert_eq!(scene.look().await, (Step::Records, Some(Turn::Operator)));
    scene.pass(10 * HOUR);
    assert_eq!(scene.presented(), [scene.old_spki()]);
    scene.outside.publish(&[scene.old_record(), scene.next_record()]);
    assert_eq!(scene.look().await.0, Step::WaitOut);
    scene.pass(HOUR);
    assert_eq!(scene.look().await.0, Step::Overlap);
    scene.outside.publish(&[scene.old_record()]);
    assert_eq!(scene.look().await.0, Step::Overlap);
    assert_eq!(scene.alerts(), ["rollover-at-risk"]);
    scene.outside.publish(&[scene.old_record(), scene.next_record()]);
    scene.look().await;
    assert!(scene.alerts().is_empty());
    // Certificates on the old key are removed meanwhile; its record is known all the same.
    scene.pass(24 * HOUR);
    assert_eq!(scene.look().await, (Step::Withdraw, Some(Turn::Operator)));
    let which = crate::certificates::Which {
        organization: None,
        name: scene.next_key().old[0].clone(),
    };
    scene.certificates.remove(&which, false, &author(scene.now())).unwrap();
    assert_eq!(scene.look().await, (Step::Withdraw, Some(Turn::Operator)));
    scene.outside.publish(&[scene.next_record()]);
    assert_eq!(scene.look().await.0, Step::Done);
}

#[tokio::test]
async fn what_comes_is_left_alone_by_other_orders_and_goes_when_the_roll_over_is_cancelled() {
    let scene = Scene::new(&[]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    let second = RolloverStart {
        role: key(),
        key_type: None,
        switch_at: None,
        ports: vec![25],
        name_servers: Vec::new(),
    };
    assert!(
        scene
            .certificates
            .begin_rollover(&second, &author(scene.now()))
            .is_err()
    );
    scene.answer();
    let which = crate::certificates::Which {
        organization: None,
        name: scene.next_key().id,
    };
    let author = author(scene.now());
    let activated = scene
        .certificates
        .activate(&which, None, &author)
        .unwrap_err()
        .to_string();
    assert!(activated.contains("part of the roll-over"), "{activated}");
    assert!(scene.certificates.remove(&which, true, &author).is_err());
    scene.certificates.cancel_rollover(&key(), &author).unwrap();
    assert!(scene.certificates.rollover(&key()).is_none());
    assert_eq!(scene.presented(), [scene.old_spki()]);
    scene.certificates.remove(&which, false, &author).unwrap();
}

#[tokio::test]
async fn an_authority_that_does_not_issue_is_asked_again_with_patience() {
    let mut scene = Scene::new(&[]);
    scene.role.acme = Some(Arc::new(AcmeSettings {
        directory: "https://acme.example/directory".parse().unwrap(),
        contact: Vec::new(),
        terms_accepted: true,
        challenge: ChallengeKind::Http01,
        profile: None,
        preferred_issuer: None,
        external_account: None,
        dns: None,
        trust: None,
        exchange_timeout: HOUR,
    }));
    scene.restart();
    scene.outside.publish(&[]);
    scene.start();
    assert_eq!(scene.look().await, (Step::Issue, Some(Turn::Others)));
    let rollover = scene.rollover();
    assert_eq!(rollover.look_at, Some(scene.now().plus(Duration::from_secs(300))));
    assert!(rollover.wait.unwrap().text.contains("rateLimited: too many"));
    scene.keeper.advance(&key(), false).await;
    assert_eq!(scene.outside.world().orders.len(), 1, "not before its time");
    scene.pass(Duration::from_secs(300));
    scene.keeper.advance(&key(), false).await;
    assert_eq!(scene.outside.world().orders.len(), 2);
    assert_eq!(
        scene.rollover().look_at,
        Some(scene.now().plus(Duration::from_secs(600)))
    );
}

#[tokio::test]
async fn the_letter_names_both_keys_in_each_language() {
    let scene = Scene::new(&["bank.example: told"]);
    scene.outside.publish(&[]);
    scene.start();
    scene.look().await;
    let said = |language| {
        let (names, instances) = (
            scene.role.name_texts(),
            scene.certificates.of_rollover(&key(), &scene.rollover()),
        );
        let partners = scene.certificates.pinned_in(&key(), &scene.rollover());
        let from = LetterFrom {
            service: "node.example.org",
            names: &names,
            instances: &instances,
            partners: &partners,
        };
        letter(&scene.rollover(), from, language)
    };
    use crate::certificate_page::Language;
    for language in Language::ALL {
        let letter = said(language);
        assert_eq!(letter.partners, ["bank.example: told"]);
        for digest in [scene.old_spki(), scene.next_spki()] {
            assert!(letter.text.contains(&digest), "{}", letter.text);
        }
    }
    scene.answer();
    scene.look().await;
    scene.go_on(Some(Timestamp::from_secs(1_796_119_200)));
    let text = said(Language::English).text;
    assert!(
        text.contains("The change takes place at 2026-12-01 10:00:00 UTC (1 December 2026)."),
        "{text}"
    );
    assert!(text.contains("The next certificate"), "{text}");
    let text = said(Language::Japanese).text;
    assert!(
        text.contains("切り替えは 2026-12-01 10:00:00 UTC（2026年12月1日）です。"),
        "{text}"
    );
}

#[tokio::test]
async fn one_that_cannot_be_read_is_told_and_can_be_removed() {
    let mut scene = before_the_switch().await;
    let path = scene.folder.path().join("certificates/default/mx/rollover.json");
    let octets = std::fs::read(&path).unwrap();
    std::fs::write(&path, &octets[..octets.len() / 2]).unwrap();
    scene.restart();
    assert!(scene.certificates.rollover(&key()).is_none());
    let views = scene.certificates.list(None, scene.now());
    let all: Vec<_> = views.iter().flat_map(|role| &role.certificates).collect();
    let stray = all.iter().find(|one| one.id == "rollover.json").unwrap();
    assert_eq!(stray.stage, "unusable");
    let which = crate::certificates::Which {
        organization: None,
        name: "rollover.json".to_owned(),
    };
    scene.certificates.remove(&which, false, &author(scene.now())).unwrap();
    assert!(!path.exists());
    scene.start();
}
