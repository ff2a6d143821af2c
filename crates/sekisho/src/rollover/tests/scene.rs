//! A store in a scratch folder with a certificate in force, a roll-over over it, and a clock and an outside that a test
//! changes as it goes.

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

use crate::rollover::*;
use crate::{
    certificates::{
        CertificateMetrics, CertificateRole, Import, Material, NextKey, Origin, RolloverStart, Surroundings,
    },
    dns::{TlsaAnswer, TlsaView},
};

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const NAME: &str = "mx.example.org";
pub(super) const RECORDS: &str = "_25._tcp.mx.example.org";
pub(super) const BEGINS: Timestamp = Timestamp::from_secs(1_795_000_000);

/// What everybody outside says; a test changes it as it goes.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By server, the records at [`RECORDS`]; or why it gives no answer.
    pub(super) servers: HashMap<String, Result<TlsaAnswer, String>>,
    /// Why DNS does not say who takes mail.
    pub(super) no_exchangers: Option<String>,
    /// What is shown by published name and address.
    pub(super) shown: Option<Result<CertificateChain, String>>,
    /// What the authority does with an order.
    pub(super) orders: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Fake(Arc<Mutex<World>>);

impl Fake {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Every server shows these records.
    pub(super) fn publish(&self, records: &[TlsaRecord]) {
        for server in ["ns1", "ns2"] {
            self.show(server, records);
        }
    }

    pub(super) fn show(&self, server: &str, records: &[TlsaRecord]) {
        let answer = TlsaAnswer {
            records: records.to_vec(),
            ttl: if records.is_empty() { Duration::ZERO } else { HOUR },
            signed_from: None,
        };
        self.world().servers.insert(server.to_owned(), Ok(answer));
    }

    pub(super) fn fail(&self, server: &str) {
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
pub(super) struct Scene {
    pub(super) folder: tempfile::TempDir,
    pub(super) role: CertificateRole,
    pub(super) outside: Fake,
    pub(super) now: Arc<Mutex<Timestamp>>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) keeper: RolloverKeeper,
    pub(super) authority: Authority,
    pub(super) old: CertificateChain,
}

pub(super) fn key() -> CertificateRoleKey {
    "mx".parse().unwrap()
}

pub(super) fn a_role(pinned_by: &[&str]) -> CertificateRole {
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

pub(super) fn open(folder: &Path, role: &CertificateRole, now: Timestamp) -> Arc<Certificates> {
    let certificates = Certificates::open(folder, CertificateMetrics::default()).unwrap();
    let around = Surroundings {
        roles: Arc::new(vec![role.clone()]),
        listeners: [(key(), vec!["listener \"in\"".to_owned()])].into(),
        ..Surroundings::default()
    };
    certificates.surround(around, now);
    Arc::new(certificates)
}

pub(super) fn author(at: Timestamp) -> Author {
    Author {
        by: "uid 7".to_owned(),
        why: String::new(),
        at,
    }
}

impl Scene {
    pub(super) fn new(pinned_by: &[&str]) -> Self {
        Self::of(a_role(pinned_by))
    }

    pub(super) fn of(role: CertificateRole) -> Self {
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

    pub(super) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub(super) fn pass(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus(time);
    }

    /// The process ends, and another takes up what it has left.
    pub(super) fn restart(&mut self) {
        self.certificates = open(self.folder.path(), &self.role, self.now());
        let clock = Arc::clone(&self.now);
        self.keeper = RolloverKeeper::new(
            Arc::clone(&self.certificates),
            Arc::new(self.outside.clone()),
            Box::new(move || *clock.lock().unwrap()),
        );
    }

    pub(super) fn import(&self, pem: &Pem, key_text: Option<&str>) -> Result<String, OrderError> {
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

    pub(super) fn start(&self) {
        let start = RolloverStart {
            role: key(),
            key_type: None,
            switch_at: None,
            ports: vec![25],
            name_servers: Vec::new(),
        };
        self.certificates.begin_rollover(&start, &author(self.now())).unwrap();
    }

    pub(super) fn rollover(&self) -> Rollover {
        self.certificates.rollover(&key()).unwrap()
    }

    /// Looks, and says where it stands then and whose turn it is.
    pub(super) async fn look(&self) -> (Step, Option<Turn>) {
        self.keeper.advance(&key(), true).await;
        let rollover = self.rollover();
        (rollover.step, rollover.wait.map(|wait| wait.turn))
    }

    pub(super) fn next_key(&self) -> NextKey {
        self.rollover().keys[0].clone()
    }

    pub(super) fn next_record(&self) -> TlsaRecord {
        let digits = self.next_key().spki_sha256;
        format!("3 1 1 {digits}").parse().unwrap()
    }

    pub(super) fn old_record(&self) -> TlsaRecord {
        format!("3 1 1 {}", self.old.facts()[0].spki_sha256).parse().unwrap()
    }

    /// The key of a certificate or request, in PEM.
    pub(super) fn key_text(&self, id: &str) -> String {
        let role = self.folder.path().join("certificates/default/mx");
        std::fs::read_to_string(role.join(id).join("key.pem")).unwrap()
    }

    /// The authority answers the request of the next key.
    pub(super) fn answer(&self) -> CertificateChain {
        let text = self.key_text(&self.next_key().id);
        let pem = self.authority.server_on(&text, &[NAME], (2026, 2, 1));
        self.import(&pem, None).unwrap();
        CertificateChain::parse(&pem.chain).unwrap()
    }

    pub(super) fn presented(&self) -> Vec<String> {
        self.certificates.look_after(self.now());
        let presented = self.certificates.presented();
        let of_role = presented.roles[&key()].identities.iter();
        of_role
            .map(|(_, identity)| identity.chain()[0].spki_sha256.to_string())
            .collect()
    }

    pub(super) fn old_spki(&self) -> String {
        self.old.facts()[0].spki_sha256.to_string()
    }

    pub(super) fn next_spki(&self) -> String {
        self.next_key().spki_sha256.to_string()
    }

    pub(super) fn go_on(&self, at: Option<Timestamp>) {
        let order = GoOn {
            told: self.rollover().step == Step::Partners,
            at,
            ..GoOn::default()
        };
        go_on(&self.certificates, &key(), &order, &author(self.now())).unwrap();
    }

    pub(super) fn how(&self, step: Step) -> How {
        let rollover = self.rollover();
        rollover.passed.iter().rev().find(|one| one.step == step).unwrap().how
    }

    pub(super) fn alerts(&self) -> Vec<&'static str> {
        let alerts = rollover_alerts(&self.certificates, self.now());
        alerts.into_iter().map(|alert| alert.kind.word()).collect()
    }
}
