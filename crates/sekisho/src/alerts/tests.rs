//! What is raised, graver and over; what is told, when, and how it reads; and that a restart repeats nothing.

use std::sync::Arc;

use sekisho_api::{AlertKind, Severity};
use sekisho_mail::{Domain, Mailbox, MessageId};
use sekisho_store::model::{ModelDisk, ModelSettings};

use super::{
    book::{ALERTS_PER_WATCHER, MESSAGES_PER_HOUR},
    message::Digest,
    *,
};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn settings() -> AlertSettings {
    AlertSettings {
        to: None,
        after: MINUTE,
        again_after: DAY,
    }
}

fn alert(subject: &str) -> Alert {
    Alert {
        kind: AlertKind::ValidationFails,
        subject: subject.to_owned(),
        severity: Severity::Warning,
        text: format!("{subject} does not pass"),
        remedy: "mend it".to_owned(),
        until: None,
    }
}

/// A book together with the time.
struct Days {
    book: Book,
    now: Timestamp,
}

impl Days {
    fn begin() -> Self {
        Self {
            book: Book::default(),
            now: NOW,
        }
    }

    fn state(&mut self, alerts: Vec<Alert>) -> Vec<Event> {
        let change = self.book.state(Watcher::Validation, alerts, self.now);
        let events = change.events.clone();
        self.book.adopt(change);
        events
    }

    /// Tells what is due after some time; the subjects, those that are over with a minus.
    fn told_after(&mut self, time: Duration) -> Vec<String> {
        self.now = self.now.plus(time);
        if self.book.next_message(&settings()).is_none_or(|next| next > self.now) {
            return Vec::new();
        }
        let keys = self.book.to_tell(&settings(), self.now);
        let kept = self.book.told(&keys, self.now);
        let word = |kept: &Kept| format!("{}{}", if kept.stands() { "" } else { "-" }, kept.alert.subject);
        let words = kept.iter().map(|(_, kept)| word(kept)).collect();
        self.book.kept.extend(kept);
        words
    }
}

#[test]
fn each_is_raised_once_graver_once_and_over_once() {
    let mut days = Days::begin();
    let (one, two) = (alert("one"), alert("two"));
    let raised = [Event::Raised(one.clone()), Event::Raised(two.clone())];
    assert_eq!(days.state(vec![two.clone(), one.clone()]), raised);
    assert_eq!(days.state(vec![one.clone(), two.clone()]), []);
    let graver = Alert {
        severity: Severity::Error,
        ..one.clone()
    };
    assert_eq!(
        days.state(vec![graver.clone(), two.clone()]),
        [Event::Graver(graver.clone())]
    );
    assert_eq!(days.state(vec![graver.clone()]), [Event::Over(two.clone())]);
    assert_eq!(days.state(vec![graver.clone()]), []);
    assert_eq!(days.state(vec![graver, two.clone()]), [Event::Raised(two)]);
    let subjects: Vec<String> = days.book.standing().into_iter().map(|view| view.subject).collect();
    assert_eq!(subjects, ["one", "two"], "errors first");
    assert_eq!(days.book.count(|_| true, Severity::Error), 1);
}

#[test]
fn what_arises_together_is_told_together_and_what_stays_is_told_again_after_a_day() {
    let mut days = Days::begin();
    days.state(vec![alert("one")]);
    assert_eq!(days.told_after(MINUTE / 2), [""; 0]);
    days.state(vec![alert("one"), alert("two")]);
    assert_eq!(
        days.told_after(MINUTE / 2),
        ["one"],
        "what has just arisen may still pass by"
    );
    assert_eq!(days.told_after(MINUTE / 2), ["two"]);
    assert_eq!(days.told_after(DAY - MINUTE), [""; 0]);
    assert_eq!(days.told_after(MINUTE), ["one", "two"], "what is due soon goes along");
}

#[test]
fn what_passes_by_is_not_told_and_what_was_told_is_told_to_be_over() {
    let mut days = Days::begin();
    days.state(vec![alert("one")]);
    days.state(Vec::new());
    assert_eq!(days.told_after(DAY), [""; 0]);
    assert!(days.book.kept.is_empty(), "nothing is kept of it");
    days.state(vec![alert("one")]);
    assert_eq!(days.told_after(MINUTE), ["one"]);
    days.state(Vec::new());
    assert_eq!(days.told_after(MINUTE), ["-one"]);
    assert_eq!(days.told_after(DAY), [""; 0]);
}

#[test]
fn what_stands_again_may_pass_by_before_it_is_told_again() {
    let mut days = Days::begin();
    days.state(vec![alert("one")]);
    assert_eq!(days.told_after(MINUTE), ["one"]);
    days.state(Vec::new());
    assert_eq!(days.told_after(MINUTE), ["-one"]);
    assert_eq!(days.told_after(DAY - MINUTE), [""; 0]);
    days.state(vec![alert("two")]);
    days.now = days.now.plus(MINUTE);
    days.state(vec![alert("one"), alert("two")]);
    assert_eq!(days.told_after(MINUTE / 2), ["two"], "it does not go along");
    assert_eq!(days.told_after(MINUTE / 2), ["one"]);
}

#[test]
fn what_comes_and_goes_is_told_twice_a_day_at_most() {
    let mut days = Days::begin();
    let mut told = 0;
    for _ in 0..24 * 20 {
        for alerts in [vec![alert("one")], Vec::new()] {
            days.state(alerts);
            told += days.told_after(MINUTE + MINUTE / 4).len();
            told += days.told_after(MINUTE / 4).len();
        }
    }
    // 24 hours.
    assert!((2..=3).contains(&told), "{told}");
}

#[test]
fn what_is_acknowledged_is_not_told_again_until_it_is_graver() {
    let mut days = Days::begin();
    days.state(vec![alert("one"), alert("two")]);
    let id = days.book.standing()[0].id.clone();
    let (kept, missing) = days
        .book
        .acknowledge(Some(&[id.clone(), "nothing".to_owned()]), "uid 0");
    assert_eq!((kept.len(), missing), (1, vec!["nothing".to_owned()]));
    days.book.kept.extend(kept);
    let (again, _) = days.book.acknowledge(Some(&[id]), "uid 0");
    assert!(again.is_empty());
    assert_eq!(days.told_after(MINUTE), ["two"]);
    assert_eq!(days.told_after(DAY), ["two"]);
    let graver = Alert {
        severity: Severity::Error,
        ..alert("one")
    };
    days.state(vec![graver, alert("two")]);
    assert_eq!(days.told_after(MINUTE), ["one"]);
}

#[test]
fn in_an_hour_there_are_only_so_many_messages() {
    let mut sent = Sent::default();
    let mut now = NOW;
    for _ in 0..MESSAGES_PER_HOUR {
        assert_eq!(sent.room(now), now);
        sent.note(now);
        now = now.plus(MINUTE);
    }
    assert_eq!(sent.room(now), NOW.plus(Duration::from_secs(3600)));
    assert_eq!(sent.room(NOW.plus(DAY)), NOW.plus(DAY));
}

#[test]
fn of_too_many_the_gravest_are_kept() {
    let mut days = Days::begin();
    let mut alerts: Vec<Alert> = (0..ALERTS_PER_WATCHER)
        .map(|number| alert(&number.to_string()))
        .collect();
    alerts.push(Alert {
        severity: Severity::Error,
        ..alert("grave")
    });
    let change = days.book.state(Watcher::Validation, alerts, NOW);
    assert_eq!((change.too_many, change.kept.len()), (1, ALERTS_PER_WATCHER));
    days.book.adopt(change);
    assert_eq!(days.book.standing()[0].subject, "grave");
}

/// What a message says of these.
fn message(told: &[(String, Kept)]) -> String {
    let hostname = Domain::parse("mx.example").unwrap();
    let to = [Mailbox::parse("postmaster@mx.example").unwrap()];
    let digest = Digest {
        hostname: &hostname,
        to: &to,
        told,
        standing: told.len(),
        now: NOW,
    };
    String::from_utf8(digest.write(MessageId::from_u64(7)).content).unwrap()
}

#[test]
fn a_message_is_short_lines_of_ascii_whatever_a_peer_calls_itself() {
    let hostile = "x\r\nBcc: é\u{202e}\r\n\r\n.\r\n".repeat(400);
    let mut named = alert(&hostile);
    named.text.clone_from(&hostile);
    let named = named.within_limits();
    let told: Vec<(String, Kept)> = (0..200)
        .map(|number| (number.to_string(), Kept::new(named.clone(), NOW)))
        .collect();
    for told in [&told[..1], &told] {
        let text = message(told);
        assert!(text.is_ascii());
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(header.contains("Auto-Submitted: auto-generated\r\n"), "{header}");
        assert!(!header.split("\r\n").any(|line| line.starts_with("Bcc")), "{header}");
        assert!(body.split("\r\n").all(|line| line.len() <= 998 && line != "."));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.len() < 1024 * 1024);
    }
    assert!(message(&told).contains("And 150 more that are not written out here."));
}

#[test]
fn a_message_says_what_happens_and_what_to_do() {
    let mut over = Kept::new(alert("default/two"), NOW);
    over.over = Some(NOW);
    let told = [
        ("1".to_owned(), Kept::new(alert("default/one"), NOW)),
        ("2".to_owned(), over),
    ];
    let text = message(&told);
    for words in [
        "To: <postmaster@mx.example>\r\n",
        "Subject: mx.example: 1 warning, 1 over\r\n",
        "warning: validation-fails: default/one\r\n  default/one does not pass\r\n  What to do: mend it\r\n",
        "over: validation-fails: default/two\r\n",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let text = message(&told[..1]);
    let subject = "Subject: mx.example: validation-fails: default/one\r\n";
    assert!(text.contains(subject), "{text}");
}

#[test]
fn two_long_subjects_that_begin_alike_are_two() {
    let long = |end: &str| alert(&format!("{}{end}", "é".repeat(400))).within_limits();
    let (one, two) = (long("1"), long("2"));
    assert_ne!(one.key(Watcher::Validation), two.key(Watcher::Validation));
    assert!(one.key(Watcher::Validation).len() <= sekisho_store::OBSERVATION_KEY_MAX);
}

#[tokio::test]
async fn a_restart_neither_loses_nor_repeats_any() {
    let disk = ModelDisk::new(ModelSettings {
        at_once: true,
        ..ModelSettings::default()
    });
    let store: Arc<dyn Store> = disk.open(NOW).unwrap();
    let alerts = || Alerts::new(settings(), AlertMetrics::default());
    let before = alerts();
    let stated = vec![alert("one"), alert("two")];
    before
        .state(&*store, Watcher::Validation, stated.clone())
        .await
        .unwrap();
    let views = before.standing(&*store).await.unwrap();
    let done = before.acknowledge(&*store, None, "uid 0").await.unwrap();
    assert_eq!((views.len(), done.changed), (2, 2));
    let after = alerts();
    let known = after.standing(&*store).await.unwrap();
    assert_eq!(known.len(), 2);
    assert!(
        known
            .iter()
            .all(|view| view.acknowledged_by.as_deref() == Some("uid 0"))
    );
    after.state(&*store, Watcher::Validation, stated).await.unwrap();
    assert_eq!(
        after.standing(&*store).await.unwrap(),
        known,
        "stated once more they are the same"
    );
    after.state(&*store, Watcher::Validation, Vec::new()).await.unwrap();
    assert_eq!(alerts().standing(&*store).await.unwrap(), []);
}
