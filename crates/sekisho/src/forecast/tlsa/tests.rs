//! What is told, remembered and left unknown, with answers of a test's own.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Mutex, PoisonError},
};

use sekisho_api::{AlertKind, MailDirection, SeenLeaf, Severity};
use sekisho_testkit::authority::{Authority, Pem};
use sekisho_tls::{AnchorSet, CertificateChain, PeerChain, TlsaRecord};

use super::{
    super::{
        dane::{Bearers, OwnPresented},
        facts::{Held, PeerFacts},
    },
    *,
};
use crate::dns::TlsaAnswer;

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
const HOST: &str = "mx.bank.example";
const PLACE: &str = "_25._tcp.mx.bank.example";
const HOUR: Duration = Duration::from_secs(3600);

type Answer = Result<TlsaAnswer, String>;

/// What servers say of each name; of others nothing ever comes.
#[derive(Debug, Default)]
struct Fake {
    servers: Mutex<HashMap<String, Vec<(String, Answer)>>>,
    asked: Mutex<Vec<String>>,
    /// How many wait just now, and did at most.
    waiting: Mutex<(usize, usize)>,
}

impl Fake {
    fn says(&self, answers: &[Answer]) {
        let numbered = answers.iter().zip(1..);
        let servers = numbered.map(|(answer, number)| (format!("ns{number}.bank.example"), answer.clone()));
        let mut known = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(PLACE.to_owned(), servers.collect());
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl TlsaSource for Fake {
    fn tlsa<'a>(&'a self, name: &'a Domain) -> Said<'a> {
        self.asked.lock().unwrap().push(name.to_string());
        let servers = self.servers.lock().unwrap().get(name.as_str()).cloned();
        Box::pin(async move {
            let Some(servers) = servers else {
                let _waits = Waits::begin(self);
                return pending().await;
            };
            Ok(TlsaView {
                name: name.clone(),
                owner: name.clone(),
                servers,
            })
        })
    }
}

/// One that waits.
struct Waits<'a>(&'a Fake);

impl<'a> Waits<'a> {
    fn begin(fake: &'a Fake) -> Self {
        let mut waiting = fake.waiting.lock().unwrap();
        waiting.0 += 1;
        waiting.1 = waiting.1.max(waiting.0);
        drop(waiting);
        Self(fake)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().unwrap().0 -= 1;
    }
}

fn signed(records: &[TlsaRecord]) -> Answer {
    Ok(TlsaAnswer {
        records: records.to_vec(),
        ttl: HOUR,
        signed_from: Some(NOW),
    })
}

fn unsigned(records: &[TlsaRecord]) -> Answer {
    signed(records).map(|answer| TlsaAnswer {
        signed_from: None,
        ..answer
    })
}

/// `3 1 1` of a certificate's key.
fn record(pem: &Pem) -> TlsaRecord {
    let key = pem.pin().replace("sha256:", "");
    format!("3 1 1 {key}").parse().unwrap()
}

fn leaf(pem: &Pem, host: &str, (first, last): (Timestamp, Timestamp)) -> (SeenLeaf, Arc<PeerChain>) {
    let chain = PeerChain::of_server_in_pem(&pem.chain).unwrap();
    let facts = &chain.facts()[0];
    let seen = SeenLeaf {
        host: format!("{host}:25"),
        sha256: facts.sha256,
        key: facts.spki_sha256,
        issuer: facts.issuer.clone(),
        not_before: facts.not_before,
        not_after: facts.not_after,
        first,
        last,
    };
    (seen, Arc::new(chain))
}

/// A partner whose host presented the one, and presents the other since an hour.
struct Scene {
    old: Pem,
    new: Pem,
    peer: PeerFacts,
    fake: Arc<Fake>,
    hosts: TlsaHosts,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let (old, new) = (authority.server(&[HOST]), authority.server(&[HOST]));
        let began = NOW.minus(HOUR);
        let (before, chain_before) = leaf(&old, HOST, (NOW.minus(9 * HOUR), began));
        let (now, chain_now) = leaf(&new, HOST, (began, NOW));
        let chains = [(before.sha256, chain_before), (now.sha256, chain_now)];
        let peer = PeerFacts {
            organization: "default".to_owned(),
            domain: "bank.example".to_owned(),
            direction: MailDirection::Out,
            history: vec![before, now],
            chains: chains.into(),
            held: vec![Held {
                by: "connector \"default/bank\"".to_owned(),
                anchors: Some(("its trust anchors".to_owned(), AnchorSet::bundled())),
                ..Held::default()
            }],
            system: AnchorSet::bundled(),
        };
        let fake = Arc::new(Fake::default());
        Self {
            old,
            new,
            peer,
            hosts: TlsaHosts::new(Arc::clone(&fake) as Arc<_>),
            fake,
        }
    }

    async fn look(&self, at: Timestamp) -> Looked {
        let mut bearers = Bearers::default();
        bearers.add(&self.peer, at);
        let (bearers, left_out) = bearers.together(Vec::new());
        assert_eq!((bearers.len(), left_out), (1, 0));
        self.hosts.look(&bearers, at).await
    }

    /// What a first look finds where servers say this: kinds, and of how many hosts nothing is known.
    async fn found(&self, answers: &[Answer]) -> (Vec<AlertKind>, u64) {
        self.fake.says(answers);
        let hosts = TlsaHosts::new(Arc::clone(&self.fake) as Arc<_>);
        let mut bearers = Bearers::default();
        bearers.add(&self.peer, NOW);
        let looked = hosts.look(&bearers.together(Vec::new()).0, NOW).await;
        let kinds = looked.entries.iter().map(|entry| entry.kind);
        (kinds.collect(), looked.view.unknown)
    }
}

#[tokio::test]
async fn records_that_name_the_key_before_are_told_with_what_to_publish() {
    let mut scene = Scene::new();
    scene.fake.says(&[signed(&[record(&scene.old)])]);
    let looked = scene.look(NOW).await;
    let [entry] = &looked.entries[..] else {
        panic!("{looked:?}")
    };
    assert_eq!(
        (entry.kind, entry.severity, entry.is_alert, entry.host.as_str()),
        (
            AlertKind::TlsaDoesNotMatch,
            Severity::Warning,
            true,
            "mx.bank.example:25"
        )
    );
    for words in [
        &format!(
            "the TLSA records of {PLACE} ({}; so says ns1.bank.example",
            record(&scene.old)
        ),
        "name none of the certificates that mx.bank.example:25 presents since 2026-",
        "the TLSA records name the key before",
        "senders that check DANE refuse to deliver there",
    ] {
        assert!(entry.text.contains(words), "{words}: {}", entry.text);
    }
    assert!(
        entry.remedy.starts_with("tell bank.example: ") && entry.remedy.contains(&record(&scene.new).to_string()),
        "{}",
        entry.remedy
    );
    assert_eq!((looked.view.hosts, looked.view.unknown), (1, 0));

    scene.peer.held.clear();
    let entry = &scene.look(NOW).await.entries[0];
    assert!(!entry.is_alert && entry.demanded_by.is_empty(), "{entry:?}");
    // Neither the one nor the other.
    scene.fake.says(&[signed(&[record(&Authority::new().server(&[HOST]))])]);
    let entry = &scene.look(NOW).await.entries[0];
    assert!(!entry.text.contains("the key before"), "{}", entry.text);
}

#[tokio::test]
async fn what_names_the_certificate_is_not_signed_or_cannot_be_used_is_no_news() {
    let scene = Scene::new();
    let (old, new) = (record(&scene.old), record(&scene.new));
    let mismatch = (vec![AlertKind::TlsaDoesNotMatch], 0);
    let useless = TlsaRecord {
        usage: 1,
        ..old.clone()
    };
    let short = TlsaRecord {
        data: vec![1; 31],
        ..old.clone()
    };
    let authority = TlsaRecord {
        usage: 2,
        matching: 0,
        ..old.clone()
    };
    let silent: Answer = Err("REFUSED".to_owned());
    let cases = [
        (vec![signed(std::slice::from_ref(&new))], (vec![], 0)),
        (vec![signed(&[old.clone(), new.clone()])], (vec![], 0)),
        (vec![signed(&[])], (vec![], 0)),
        (vec![unsigned(std::slice::from_ref(&old))], (vec![], 0)),
        (vec![signed(&[useless, short])], (vec![], 0)),
        (vec![signed(std::slice::from_ref(&old))], mismatch.clone()),
        // Some senders ask the one that is behind, and it is told though another does not answer.
        (
            vec![signed(&[new]), signed(std::slice::from_ref(&old))],
            mismatch.clone(),
        ),
        (vec![silent.clone(), signed(std::slice::from_ref(&old))], mismatch),
        // The authority itself need not be presented: nobody can say.
        (vec![signed(&[old, authority])], (vec![], 1)),
        (vec![silent.clone(), silent], (vec![], 1)),
    ];
    for (answers, wanted) in cases {
        assert_eq!(scene.found(&answers).await, wanted, "{answers:?}");
    }
}

#[tokio::test]
async fn a_chain_that_is_not_kept_is_unknown_where_there_are_records() {
    let mut scene = Scene::new();
    scene.peer.chains.clear();
    let old = record(&scene.old);
    assert_eq!(scene.found(&[signed(&[old])]).await, (vec![], 1));
    assert_eq!(scene.found(&[signed(&[])]).await, (vec![], 0));
}

#[tokio::test]
async fn answers_are_remembered_for_hours_but_for_what_is_wrong_or_older_than_the_certificate() {
    let mut scene = Scene::new();
    scene.fake.says(&[signed(&[record(&scene.new)])]);
    for (after, asked) in [(0, 1), (1, 1), (239, 1), (240, 2), (241, 2)] {
        scene.look(NOW.plus(Duration::from_secs(60 * after))).await;
        assert_eq!(scene.fake.asked(), asked, "after {after} minutes");
    }
    // A certificate that came since then.
    let at = NOW.plus(5 * HOUR);
    let (newer, chain) = leaf(&Authority::new().server(&[HOST]), HOST, (at, at));
    scene.peer.chains.insert(newer.sha256, chain);
    scene.peer.history.push(newer);
    assert_eq!(scene.look(at).await.entries.len(), 1);
    assert_eq!(scene.fake.asked(), 3);
    // What is wrong is looked at each time, so that it ends when it is mended.
    scene.look(at).await;
    assert_eq!(scene.fake.asked(), 4);
    scene.fake.says(&[signed(&[])]);
    assert_eq!(scene.look(at).await.entries, []);
}

#[tokio::test]
async fn while_dns_is_silent_the_last_answer_stands_for_a_day_and_then_nothing_is_known() {
    let scene = Scene::new();
    scene.fake.says(&[signed(&[record(&scene.old)])]);
    scene.look(NOW).await;
    scene.fake.says(&[Err("REFUSED".to_owned())]);
    let at = |hours: u32| NOW.plus(hours * HOUR);
    for hours in [1, 23] {
        let looked = scene.look(at(hours)).await;
        assert_eq!((looked.entries.len(), looked.view.unknown), (1, 0), "{hours} h");
    }
    let asked = scene.fake.asked();
    scene.look(at(23).plus(Duration::from_secs(299))).await;
    assert_eq!(
        scene.fake.asked(),
        asked,
        "who said nothing is left alone for some minutes"
    );
    let looked = scene.look(at(24)).await;
    assert_eq!(
        (looked.entries.len(), looked.view.unknown, looked.unknown_demanded),
        (0, 1, 1)
    );
    assert_eq!(looked.view.why, [format!("{PLACE}: ns1.bank.example: REFUSED")]);
}

#[tokio::test(start_paused = true)]
async fn silent_servers_hold_a_look_up_for_half_a_minute_at_most_and_some_are_asked_at_a_time() {
    let mut scene = Scene::new();
    let (leaf, chain) = leaf(&scene.new, HOST, (NOW, NOW));
    scene.peer.history = (0..200)
        .map(|number| SeenLeaf {
            host: format!("mx{number}.bank.example:25"),
            ..leaf.clone()
        })
        .collect();
    scene.peer.chains.insert(leaf.sha256, chain);
    let mut bearers = Bearers::default();
    bearers.add(&scene.peer, NOW);
    let (bearers, _) = bearers.together(Vec::new());
    let begun = Instant::now();
    let looked = scene.hosts.look(&bearers, NOW).await;
    assert!(
        begun.elapsed() <= PATIENCE + HOST_PATIENCE + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((looked.view.hosts, looked.view.unknown), (200, 200));
    assert_eq!(looked.view.why.len(), WHY_MAX, "{:?}", looked.view.why);
    assert_eq!(scene.fake.waiting.lock().unwrap().1, AT_ONCE);
    let first = scene.fake.asked();
    assert!(first < 200, "{first}");
    // Those that had no turn get it at the next looks; then all are known to be silent.
    for _ in 0..6 {
        scene.hosts.look(&bearers, NOW).await;
    }
    let asked = scene.fake.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 200);
    scene.hosts.look(&bearers, NOW).await;
    assert_eq!(scene.fake.asked(), asked.len());
}

#[tokio::test]
async fn records_of_our_own_that_name_nothing_of_what_is_presented_are_an_error() {
    let scene = Scene::new();
    let presented = |pem: &Pem| OwnPresented {
        place: "listener public".to_owned(),
        names: vec![HOST.to_owned(), "*.bank.example".to_owned(), "localhost".to_owned()],
        chain: CertificateChain::parse(&pem.chain).unwrap(),
    };
    let look = |own: Vec<OwnPresented>| {
        let (bearers, _) = Bearers::default().together(own);
        assert_eq!(
            bearers.len(),
            1,
            "neither a wildcard nor a name without a dot has records"
        );
        let hosts = TlsaHosts::new(Arc::clone(&scene.fake) as Arc<_>);
        async move { hosts.look(&bearers, NOW).await.entries }
    };
    scene.fake.says(&[signed(&[record(&scene.old)])]);
    let entries = look(vec![presented(&scene.new)]).await;
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(
        (entry.kind, entry.severity, entry.is_alert, entry.host.as_str()),
        (AlertKind::OwnTlsaDoesNotMatch, Severity::Error, true, HOST)
    );
    assert!(
        entry.text.contains("listener public") && entry.remedy.contains(&record(&scene.new).to_string()),
        "{entry:?}"
    );
    // It is presented beside another.
    assert_eq!(look(vec![presented(&scene.new), presented(&scene.old)]).await, []);
}
