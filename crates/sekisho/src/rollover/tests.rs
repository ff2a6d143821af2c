//! The machine over a store in a scratch folder, with a clock and an outside of the test's own: every step, every way
//! back, and what a fault of DNS or a restart does.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use sekisho_mail::{Domain, OrganizationName, Timestamp};
use sekisho_policy::directory::CertificateRoleKey;
use sekisho_testkit::authority::{Authority, Pem};
use sekisho_tls::{CertificateChain, KeyType, PrivateKey, TlsaRecord};
use zeroize::Zeroizing;

use super::*;
use crate::{
    acme::{AcmeSettings, ChallengeKind},
    certificates::{
        CertificateMetrics, CertificateRole, Import, Material, NextKey, Origin, RolloverStart, Surroundings,
    },
    dns::{TlsaAnswer, TlsaView},
};

const HOUR: Duration = Duration::from_secs(3600);
const NAME: &str = "mx.example.org";
const RECORDS: &str = "_25._tcp.mx.example.org";
const BEGINS: Timestamp = Timestamp::from_secs(1_795_000_000);

/// What everybody outside says; a test changes it as it goes.
#[derive(Debug, Default)]
struct World {
    /// By server, the records at [`RECORDS`]; or why it gives no answer.
    servers: HashMap<String, Result<TlsaAnswer, String>>,
    /// Why DNS does not say who takes mail.
    no_exchangers: Option<String>,
    /// What is shown by published name and address.
    shown: Option<Result<CertificateChain, String>>,
    /// What the authority does with an order.
    orders: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<World>>);

impl Fake {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Every server shows these records.
    fn publish(&self, records: &[TlsaRecord]) {
        for server in ["ns1", "ns2"] {
            self.show(server, records);
        }
    }

    fn show(&self, server: &str, records: &[TlsaRecord]) {
        let answer = TlsaAnswer {
            records: records.to_vec(),
            ttl: if records.is_empty() { Duration::ZERO } else { HOUR },
            signed_from: None,
        };
        self.world().servers.insert(server.to_owned(), Ok(answer));
    }

    fn fail(&self, server: &str) {
        self.world()
            .servers
            .insert(server.to_owned(), Err("SERVFAIL".to_owned()));
    }
}

impl Outside for Fake {
    fn exchangers<'a>(&'a self, _: &'a OrganizationName) -> Seen<'a, Vec<Domain>> {
        let why = self.world().no_exchangers.clone();
        let hosts = [NAME, "mx.elsewhere.example"].map(|name| Domain::parse(name).unwrap());
        Box::pin(async move { why.map_or(Ok(hosts.to_vec()), Err) })
    }

    fn tlsa<'a>(&'a self, name: &'a Domain, _: &'a [SocketAddr]) -> Seen<'a, TlsaView> {
        let is_there = name.as_str() == RECORDS;
        let mut servers: Vec<_> = self.world().servers.clone().into_iter().collect();
        servers.sort_by(|one, other| one.0.cmp(&other.0));
        for (_, answer) in &mut servers {
            if !is_there && answer.is_ok() {
                *answer = Ok(TlsaAnswer::default());
            }
        }
        Box::pin(async move {
            Ok(TlsaView {
                name: name.clone(),
                owner: name.clone(),
                servers,
            })
        })
    }

    fn prove(&self, claim: Claim) -> Seen<'_, Vec<Handshake>> {
        let shown = self.world().shown.clone();
        assert_eq!((claim.host.as_str(), claim.port), (NAME, 25));
        Box::pin(async move {
            let made = shown.map(|shown| Handshake {
                place: "192.0.2.1:25, from here".to_owned(),
                shown,
            });
            Ok(made.into_iter().collect())
        })
    }

    fn anchored(&self, _: &CertificateChain, _: Timestamp) -> Result<String, String> {
        Ok("CN=Test Root".to_owned())
    }

    fn order<'a>(&'a self, _: &'a CertificateRoleKey, _: KeyType, request: &'a str, _: &'a Author) -> Ordered<'a> {
        self.world().orders.push(request.to_owned());
        Box::pin(async move {
            Err(NotIssued {
                words: "rateLimited: too many".to_owned(),
                not_before: None,
            })
        })
    }
}

/// A store with a certificate in force, its keeper, and a clock that a test moves.
struct Scene {
    folder: tempfile::TempDir,
    role: CertificateRole,
    outside: Fake,
    now: Arc<Mutex<Timestamp>>,
    certificates: Arc<Certificates>,
    keeper: RolloverKeeper,
    authority: Authority,
    old: CertificateChain,
}

fn key() -> CertificateRoleKey {
    "mx".parse().unwrap()
}

fn a_role(pinned_by: &[&str]) -> CertificateRole {
    CertificateRole {
        key: key(),
        comment: String::new(),
        names: vec![NAME.parse().unwrap()],
        issuers: Vec::new(),
        tls_certificate_name: None,
        files: Vec::new(),
        key_types: vec![KeyType::EcdsaP256],
        reuse_key: true,
        overlap: 24 * HOUR,
        alert_before: None,
        acme: None,
        pinned_by: pinned_by.iter().map(|one| (*one).to_owned()).collect(),
        published: false,
    }
}

fn open(folder: &Path, role: &CertificateRole, now: Timestamp) -> Arc<Certificates> {
    let certificates = Certificates::open(folder, CertificateMetrics::default()).unwrap();
    let around = Surroundings {
        roles: Arc::new(vec![role.clone()]),
        listeners: [(key(), vec!["listener \"in\"".to_owned()])].into(),
        ..Surroundings::default()
    };
    certificates.surround(around, now);
    Arc::new(certificates)
}

fn author(at: Timestamp) -> Author {
    Author {
        by: "uid 7".to_owned(),
        why: String::new(),
        at,
    }
}

impl Scene {
    fn new(pinned_by: &[&str]) -> Self {
        Self::of(a_role(pinned_by))
    }

    fn of(role: CertificateRole) -> Self {
        let (folder, outside) = (tempfile::tempdir().unwrap(), Fake::default());
        let names = role.name_texts();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let now = Arc::new(Mutex::new(BEGINS));
        let certificates = open(folder.path(), &role, BEGINS);
        let (authority, clock) = (Authority::new(), Arc::clone(&now));
        let keeper = RolloverKeeper::new(
            Arc::clone(&certificates),
            Arc::new(outside.clone()),
            Box::new(move || *clock.lock().unwrap()),
        );
        let fresh = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
        let pem = authority.server_on(fresh.pem(), &names, (2026, 1, 1));
        let old = CertificateChain::parse(&pem.chain).unwrap();
        let scene = Self {
            folder,
            role,
            outside,
            now,
            certificates,
            keeper,
            authority,
            old,
        };
        scene.import(&pem, Some(&pem.key)).unwrap();
        scene
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn pass(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus(time);
    }

    /// The process ends, and another takes up what it has left.
    fn restart(&mut self) {
        self.certificates = open(self.folder.path(), &self.role, self.now());
        let clock = Arc::clone(&self.now);
        self.keeper = RolloverKeeper::new(
            Arc::clone(&self.certificates),
            Arc::new(self.outside.clone()),
            Box::new(move || *clock.lock().unwrap()),
        );
    }

    fn import(&self, pem: &Pem, key_text: Option<&str>) -> Result<String, OrderError> {
        let import = Import {
            role: key(),
            material: Material {
                chain: CertificateChain::parse(&pem.chain).unwrap(),
                key: key_text.map(|text| PrivateKey::parse(Zeroizing::new(text.to_owned())).unwrap()),
                origin: Origin::Import,
            },
            stage: false,
            activate_at: None,
            named_by: Vec::new(),
            dry_run: false,
        };
        Ok(self.certificates.import(import, &author(self.now()))?.instance.id.id)
    }

    fn start(&self) {
        let start = RolloverStart {
            role: key(),
            key_type: None,
            switch_at: None,
            ports: vec![25],
            name_servers: Vec::new(),
        };
        self.certificates.begin_rollover(&start, &author(self.now())).unwrap();
    }

    fn rollover(&self) -> Rollover {
        self.certificates.rollover(&key()).unwrap()
    }

    /// Looks, and says where it stands then and whose turn it is.
    async fn look(&self) -> (Step, Option<Turn>) {
        self.keeper.advance(&key(), true).await;
        let rollover = self.rollover();
        (rollover.step, rollover.wait.map(|wait| wait.turn))
    }

    fn next_key(&self) -> NextKey {
        self.rollover().keys[0].clone()
    }

    fn next_record(&self) -> TlsaRecord {
        let digits = self.next_key().spki_sha256;
        format!("3 1 1 {digits}").parse().unwrap()
    }

    fn old_record(&self) -> TlsaRecord {
        format!("3 1 1 {}", self.old.facts()[0].spki_sha256).parse().unwrap()
    }

    /// The authority answers the request of the next key.
    fn answer(&self) -> CertificateChain {
        let id = self.next_key().id;
        let path = self
            .folder
            .path()
            .join("certificates/default/mx")
            .join(id)
            .join("key.pem");
        let pem = std::fs::read_to_string(path).unwrap();
        let pem = self.authority.server_on(&pem, &[NAME], (2026, 2, 1));
        self.import(&pem, None).unwrap();
        CertificateChain::parse(&pem.chain).unwrap()
    }

    fn presented(&self) -> Vec<String> {
        self.certificates.look_after(self.now());
        let presented = self.certificates.presented();
        let of_role = presented.roles[&key()].identities.iter();
        of_role
            .map(|(_, identity)| identity.chain()[0].spki_sha256.to_string())
            .collect()
    }

    fn old_spki(&self) -> String {
        self.old.facts()[0].spki_sha256.to_string()
    }

    fn next_spki(&self) -> String {
        self.next_key().spki_sha256.to_string()
    }

    fn go_on(&self, at: Option<Timestamp>) {
        go_on(&self.certificates, &key(), (false, at), &author(self.now())).unwrap();
    }

    fn how(&self, step: Step) -> How {
        let rollover = self.rollover();
        rollover.passed.iter().rev().find(|one| one.step == step).unwrap().how
    }

    fn alerts(&self) -> Vec<&'static str> {
        let alerts = rollover_alerts(&self.certificates, self.now());
        alerts.into_iter().map(|alert| alert.kind.word()).collect()
    }
}

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
        go_on(&scene.certificates, &key(), (true, None), &author)
    };
    assert!(matches!(accept(""), Err(OrderError::BadOrder(_))));
    accept("ns2 is being replaced").unwrap();
    assert_eq!(scene.how(Step::Records), How::Accepted);
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
    // A server that is silent takes nothing back: it was seen to have them.
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
    let old = scene.next_key().old[0].clone();
    let path = scene
        .folder
        .path()
        .join("certificates/default/mx")
        .join(old)
        .join("key.pem");
    let text = std::fs::read_to_string(path).unwrap();
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
