//! The cases of observations.

use super::{NOW, Place, stop};
use crate::{
    OBSERVATION_KEY_MAX, OBSERVATION_LEN_MAX, OBSERVATIONS_AT_ONCE, Observation, ObservationKind, Store, StoreError,
};

fn observation(kind: ObservationKind, key: &str, at: i64, body: &str) -> Observation {
    Observation {
        kind,
        key: key.to_owned(),
        at: NOW.plus(std::time::Duration::from_secs(at.unsigned_abs())),
        body: body.to_owned(),
    }
}

fn partner(key: &str, at: i64, body: &str) -> Observation {
    observation(ObservationKind::Partner, key, at, body)
}

/// Keys and bodies of what is found.
fn found(store: &dyn Store, prefix: &str, after: Option<&str>, limit: usize) -> Vec<(String, String)> {
    let found = store.observations(ObservationKind::Partner, prefix, after.map(str::to_owned), limit);
    let found = found.wait().expect("observations");
    found.into_iter().map(|it| (it.key, it.body)).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(key, body)| ((*key).to_owned(), (*body).to_owned()))
        .collect()
}

pub(super) fn are_kept_by_key(place: &dyn Place) {
    let store = place.open();
    assert_eq!(found(&*store, "", None, 10), []);
    let first = vec![
        partner("b/one", 0, "1"),
        partner("a/two", 0, "2"),
        partner("a/one", 0, "3"),
        observation(ObservationKind::Shadow, "a/one", 0, "another kind"),
    ];
    store.observe(first).wait().expect("kept");
    store.observe(vec![partner("a/two", 5, "4")]).wait().expect("kept");
    let all = pairs(&[("a/one", "3"), ("a/two", "4"), ("b/one", "1")]);
    assert_eq!(found(&*store, "", None, 10), all);
    stop(store);
    let store = place.open();
    assert_eq!(found(&*store, "", None, 10), all);
    assert_eq!(found(&*store, "a/", None, 10), all[..2]);
    assert_eq!(found(&*store, "", Some("a/one"), 1), all[1..2]);
    assert_eq!(found(&*store, "a/", Some("a/two"), 10), []);
    assert_eq!(found(&*store, "b/", Some("a/two"), 10), all[2..]);
    let read = store
        .observations(ObservationKind::Partner, "a/two", None, 1)
        .wait()
        .expect("one");
    assert_eq!(read, [partner("a/two", 5, "4")]);
}

pub(super) fn are_forgotten_and_bounded(place: &dyn Place) {
    let store = place.open();
    let early = observation(ObservationKind::Validation, "early", 0, "{}");
    let kept = vec![partner("early", 0, "1"), partner("late", 10, "2"), early.clone()];
    store.observe(kept).wait().expect("kept");
    let before = NOW.plus(std::time::Duration::from_secs(10));
    let forgotten = store.forget_observations(ObservationKind::Partner, before);
    assert_eq!(forgotten.wait().expect("a number"), 1);
    assert_eq!(found(&*store, "", None, 10), pairs(&[("late", "2")]));
    let other = store.observations(ObservationKind::Validation, "", None, 10);
    assert_eq!(other.wait().expect("another kind"), [early]);
    let many = (0..=OBSERVATIONS_AT_ONCE).map(|number| partner(&number.to_string(), 0, ""));
    for unfit in [
        vec![
            partner("new", 0, ""),
            partner(&"k".repeat(OBSERVATION_KEY_MAX + 1), 0, ""),
        ],
        vec![
            partner("new", 0, ""),
            partner("k", 0, &"b".repeat(OBSERVATION_LEN_MAX + 1)),
        ],
        many.collect(),
    ] {
        let refused = store.observe(unfit).wait();
        assert!(matches!(refused, Err(StoreError::Unfit(_))), "{refused:?}");
    }
    assert_eq!(
        found(&*store, "", None, 10),
        pairs(&[("late", "2")]),
        "whole or not at all"
    );
}
