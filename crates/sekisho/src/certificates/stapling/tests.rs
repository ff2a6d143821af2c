//! What time makes of OCSP answers about our own certificates, with the time passed in.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sekisho_api::{AlertKind, Severity};
use sekisho_testkit::{
    authority::{Authority, Endpoints, Pem},
    revocation::{Ocsp, OcspStatus},
};
use sekisho_tls::{CertificateChain, Identity, IdentityFiles, PrivateKey, StapleAnswer, StapleQuestion, Verifier};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use zeroize::Zeroizing;

use super::{
    book::{Book, Shown},
    *,
};
use crate::{
    app::Phase,
    certificates::{CertificateMetrics, Presenting, Surroundings},
    revocation::RevocationLookup,
};

const SERIAL: u64 = 7;
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// In the middle: neither sooner nor later than it should be.
const EVEN: f64 = 0.5;

fn shown(pem: &Pem, listener: Option<&str>) -> Shown {
    let chain = CertificateChain::parse(&pem.chain).unwrap();
    let key = PrivateKey::parse(Zeroizing::new(pem.key.clone())).unwrap();
    Shown {
        identity: Identity::of(&chain, &key).unwrap(),
        name: "default/mx/1".to_owned(),
        listeners: listener.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
    }
}

/// An authority, what it is asked about one certificate of its, and the book that has it.
struct World {
    authority: Authority,
    pem: Pem,
    question: StapleQuestion,
    leaf: Digest,
    book: Book,
}

impl World {
    fn of(authority: Authority, pem: Pem) -> Self {
        let mut book = Book::default();
        let question = book.plan(vec![shown(&pem, Some("mx"))], &[], NOW).remove(0);
        let leaf = question.leaf();
        Self {
            authority,
            pem,
            question,
            leaf,
            book,
        }
    }

    fn new() -> Self {
        let authority = Authority::new();
        let endpoints = Endpoints::ocsp("http://ocsp.example/");
        let pem = authority.server_with(&["mx.example.org"], SERIAL, &endpoints);
        Self::of(authority, pem)
    }

    /// One that must not be presented without an answer.
    fn strict() -> Self {
        let authority = Authority::new();
        let endpoints = Endpoints {
            must_staple: true,
            ..Endpoints::ocsp("http://ocsp.example/")
        };
        let pem = authority.server_with(&["mx.example.org"], SERIAL, &endpoints);
        Self::of(authority, pem)
    }

    fn answer(&self, status: OcspStatus, issued: Timestamp, life: Duration) -> StapleAnswer {
        let answer = Ocsp {
            next_update: Some(issued.plus(life)),
            ..Ocsp::of(SERIAL, status, issued)
        };
        self.question.judge(&self.authority.ocsp(&answer), issued).unwrap()
    }

    fn take(&mut self, status: OcspStatus, at: Timestamp, life: Duration) {
        let answer = self.answer(status, at, life);
        self.book.take(&self.leaf, answer, at, EVEN).unwrap();
    }

    fn is_due(&mut self, at: Timestamp) -> bool {
        !self.book.begin(at, 8).is_empty()
    }

    fn alert(&self, now: Timestamp) -> Option<Alert> {
        self.book.alerts(now).pop()
    }

    fn is_stapled(&self, now: Timestamp) -> bool {
        self.book.good(now).contains_key(&self.leaf)
    }
}

#[test]
fn it_is_asked_at_once_and_again_half_way_to_the_end_and_a_day_later_at_most() {
    for (life, wait) in [
        (HOUR * 10, HOUR * 5),
        (HOUR * 24 * 7, HOUR * 24),
        // However near the end is, nobody is asked without a pause.
        (MINUTE, MINUTE),
    ] {
        let mut world = World::new();
        assert!(
            world.is_due(NOW) && !world.is_due(NOW),
            "asked once, and not again meanwhile"
        );
        world.take(OcspStatus::Good, NOW, life);
        assert_eq!(world.book.next(NOW), Some(NOW.plus(wait.min(life))));
        assert!(!world.is_due(NOW.plus(wait - Duration::from_secs(1))), "{life:?}");
        assert!(world.is_due(NOW.plus(wait)), "{life:?}");
    }
    // Two servers do not ask at the same moment.
    let mut world = World::new();
    let answer = world.answer(OcspStatus::Good, NOW, HOUR * 10);
    for (share, wait) in [(0.0, HOUR * 5 * 9 / 10), (1.0, HOUR * 5 * 11 / 10)] {
        world.book.take(&world.leaf, answer.clone(), NOW, share).unwrap();
        assert!(!world.is_due(NOW.plus(wait - Duration::from_secs(1))));
        assert!(world.is_due(NOW.plus(wait + Duration::from_secs(1))));
    }
    // A clock that was set back puts nothing off.
    world.take(OcspStatus::Good, NOW.plus(HOUR), HOUR * 10);
    assert!(world.is_due(NOW));
}

#[test]
fn what_cannot_be_had_is_asked_for_ever_more_rarely_but_before_the_end_of_what_is_held() {
    let mut world = World::new();
    let mut at = NOW;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(world.is_due(at));
        world.book.fail(&world.leaf, "silence", at, EVEN);
        let next = at.plus(MINUTE * minutes);
        assert!(!world.is_due(next.minus(Duration::from_secs(1))), "{minutes}");
        at = next;
    }
    assert!(world.alert(at).is_none(), "nobody is turned away for want of it");
    world.take(OcspStatus::Good, at, HOUR);
    let ends = at.plus(HOUR);
    let mut tries = 0;
    at = at.plus(HOUR / 2);
    while at < ends {
        if world.is_due(at) {
            world.book.fail(&world.leaf, "silence", at, EVEN);
            tries += 1;
        }
        assert!(world.is_stapled(at), "what is held stays");
        at = at.plus(MINUTE);
    }
    assert!(tries >= 5, "{tries}");
    assert!(!world.is_stapled(ends), "and goes at its end, no moment later");
    assert!(world.is_stapled(Timestamp::from_millis(ends.as_millis() - 1)));
}

#[test]
fn a_certificate_that_was_revoked_is_told_and_nothing_is_stapled_until_a_newer_answer_says_otherwise() {
    let mut world = World::new();
    world.take(OcspStatus::Good, NOW, HOUR);
    assert!(world.is_stapled(NOW) && world.alert(NOW).is_none());
    let later = NOW.plus(HOUR / 2);
    world.take(OcspStatus::Revoked(NOW), later, HOUR);
    assert!(!world.is_stapled(later));
    let alert = world.alert(later).unwrap();
    assert_eq!(
        (alert.kind, alert.severity),
        (AlertKind::OwnCertificateRevoked, Severity::Error)
    );
    assert!(alert.text.contains(&format!("revoked on {NOW}")), "{alert:?}");
    // The good one of before is no news, and silence is none either.
    let old = world.answer(OcspStatus::Good, NOW, HOUR);
    assert!(world.book.take(&world.leaf, old, later, EVEN).is_err());
    let much_later = later.plus(HOUR * 5);
    world.book.fail(&world.leaf, "silence", much_later, EVEN);
    assert_eq!(world.alert(much_later), Some(alert));
    world.take(OcspStatus::Good, much_later, HOUR);
    assert!(world.is_stapled(much_later) && world.alert(much_later).is_none());
}

#[test]
fn one_that_must_be_stapled_is_told_of_when_it_is_not_and_before_where_no_newer_answer_comes() {
    let mut world = World::strict();
    assert!(world.alert(NOW).is_none(), "nobody was asked yet");
    world.book.fail(&world.leaf, "silence", NOW, EVEN);
    let alert = world.alert(NOW).unwrap();
    assert_eq!(
        (alert.kind, alert.severity),
        (AlertKind::StapleMissing, Severity::Error)
    );
    assert!(alert.text.contains("silence"), "{alert:?}");
    world.take(OcspStatus::Good, NOW, HOUR);
    assert!(world.alert(NOW).is_none());
    let later = NOW.plus(HOUR / 2);
    world.book.fail(&world.leaf, "silence", later, EVEN);
    let alert = world.alert(later).unwrap();
    assert_eq!((alert.severity, alert.until), (Severity::Warning, Some(NOW.plus(HOUR))));
    assert_eq!(world.alert(NOW.plus(HOUR)).unwrap().severity, Severity::Error);
    // Not yet, or no longer, presented.
    let pem = world.pem.clone();
    world.book.plan(vec![shown(&pem, None)], &[], later);
    assert!(world.alert(later).is_none());
    assert!(world.is_stapled(later), "it is to be had when it is");
    world.book.plan(Vec::new(), &[], later);
    assert!(!world.is_stapled(later) && world.book.next(later).is_none());
}

#[test]
fn who_cannot_be_asked_is_said_and_an_authority_that_becomes_known_is_asked() {
    let authority = Authority::new();
    let pem = authority.server_with(&["mx.example.org"], SERIAL, &Endpoints::ocsp("http://ocsp.example/"));
    let nowhere = authority.server(&["mx.example.org"]);
    let mut book = Book::default();
    let all = || vec![shown(&pem.leaf_alone(), Some("mx")), shown(&nowhere, Some("mx"))];
    assert!(book.plan(all(), &[], NOW).is_empty());
    assert!(book.begin(NOW, 8).is_empty() && book.left(NOW).is_empty() && book.next(NOW).is_none());
    let mut reasons: Vec<_> = book.views(NOW).into_values().filter_map(|view| view.reason).collect();
    reasons.sort();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].starts_with("it names no OCSP responder"), "{reasons:?}");
    assert!(reasons[1].starts_with("the certificate of its issuer"), "{reasons:?}");
    let anchors = [AnchorSet::parse(authority.anchor(), "test").unwrap()];
    book.plan(all(), &anchors, NOW);
    assert_eq!(book.begin(NOW, 8).len(), 1);
    assert_eq!(book.left(NOW), [("mx".to_owned(), "default/mx/1".to_owned(), 0)]);
}

thread_local! {
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The runtime's time, which is paused.
fn clock() -> Timestamp {
    let begun = BEGUN.get().unwrap();
    NOW.plus(begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_is_there_from_the_start_and_is_taken_off_at_the_moment_at_which_it_ends() {
    BEGUN.set(Some(Instant::now()));
    let world = World::new();
    let scratch = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let files = IdentityFiles {
        chain: write("chain.pem", &world.pem.chain),
        key: write("key.pem", &world.pem.key),
    };
    let certificates = Certificates::open(scratch.path(), CertificateMetrics::default()).unwrap();
    let around = Surroundings {
        presenting: vec![Presenting {
            listener: "mx".to_owned(),
            web: None,
            files: vec![files.clone()],
            roles: Vec::new(),
        }],
        ..Surroundings::default()
    };
    certificates.surround(around, NOW);
    let folder = StapleFolder::open(scratch.path().join("stapled")).unwrap();
    folder.keep(&world.leaf, &world.answer(OcspStatus::Good, NOW, HOUR * 10), NOW);
    certificates.restore_staples(Some(&folder), &[], NOW);
    let (certificates, presented) = (Arc::new(certificates), Arc::new(AtomicUsize::new(0)));
    let until = |certificates: &Certificates| {
        let presented = certificates.presented();
        certificates.stapled(&presented.files[&files]).stapled_until()
    };
    assert_eq!(until(&certificates), Some(NOW.plus(HOUR * 10)));

    let told = Arc::clone(&presented);
    let keeper = Keeper {
        certificates: Arc::clone(&certificates),
        lookup: RevocationLookup::offline(Arc::new(Verifier::new(HashMap::new()))),
        folder: Some(folder),
        anchors: Arc::new(Vec::new),
        present: Box::new(move || {
            told.fetch_add(1, Ordering::Relaxed);
        }),
        clock,
    };
    let (phase, watching) = watch::channel(Phase::Running);
    let running = tokio::spawn(keeper.run(watching));
    let reason = || {
        certificates
            .staple_views(clock())
            .into_values()
            .find_map(|view| view.reason)
    };
    sleep(HOUR * 4).await;
    assert_eq!(reason(), None, "nobody is asked yet");
    sleep(HOUR * 5).await;
    assert!(reason().is_some_and(|why| why.contains("nothing is fetched here")));
    sleep(HOUR - Duration::from_millis(5)).await;
    assert_eq!(
        (until(&certificates).is_some(), presented.load(Ordering::Relaxed)),
        (true, 0)
    );
    sleep(Duration::from_millis(10)).await;
    assert_eq!((until(&certificates), presented.load(Ordering::Relaxed)), (None, 1));
    phase.send_replace(Phase::Stopping);
    running.await.unwrap();
}
