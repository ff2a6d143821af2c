//! The cases of the directory.

use super::{NOW, Place, stop};
use crate::{DirectoryChange, DirectoryState, Document, DocumentChange, DocumentKey, StoreError};

fn key(name: &str) -> DocumentKey {
    DocumentKey {
        kind: "domain".to_owned(),
        organization: "default".to_owned(),
        name: name.to_owned(),
    }
}

fn change(based_on: u64, put: &[(&str, &str)], remove: &[&str]) -> DirectoryChange {
    let document = |(name, body): &(&str, &str)| Document {
        key: key(name),
        body: (*body).to_owned(),
    };
    DirectoryChange {
        based_on,
        author: "alice".to_owned(),
        comment: format!("on {based_on}"),
        at: NOW,
        put: put.iter().map(document).collect(),
        remove: remove.iter().map(|name| key(name)).collect(),
    }
}

fn bodies(state: &DirectoryState) -> Vec<(&str, &str)> {
    let documents = state.documents.iter();
    documents
        .map(|document| (document.key.name.as_str(), document.body.as_str()))
        .collect()
}

pub(super) fn survives(place: &dyn Place) {
    let store = place.open();
    assert_eq!(
        store.directory().wait().expect("a directory"),
        DirectoryState::default()
    );
    let first = store.change_directory(change(0, &[("b", "{}"), ("a", "1")], &[]));
    assert_eq!(first.wait().expect("a version"), 1);
    stop(store);
    let store = place.open();
    let state = store.directory().wait().expect("a directory");
    assert_eq!((state.version, bodies(&state)), (1, vec![("a", "1"), ("b", "{}")]));
    let second = store.change_directory(change(1, &[("a", "2"), ("c", "3")], &["b", "nobody"]));
    assert_eq!(second.wait().expect("a version"), 2);
    stop(store);
    let store = place.open();
    let state = store.directory().wait().expect("a directory");
    assert_eq!((state.version, bodies(&state)), (2, vec![("a", "2"), ("c", "3")]));
    let history = store.directory_history(10).wait().expect("a history");
    let numbers: Vec<u64> = history.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [2, 1], "newest first");
    let newest = &history[0];
    assert_eq!(
        (newest.author.as_str(), newest.comment.as_str(), newest.at),
        ("alice", "on 1", NOW)
    );
    let told = |name: &str, before: Option<&str>, after: Option<&str>| DocumentChange {
        key: key(name),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    assert_eq!(
        newest.changes,
        [
            told("a", Some("1"), Some("2")),
            told("b", Some("{}"), None),
            told("c", None, Some("3"))
        ]
    );
    assert_eq!(store.directory_history(1).wait().expect("a history").len(), 1);
}

pub(super) fn is_whole_or_refused(place: &dyn Place) {
    let store = place.open();
    let both = [
        store.change_directory(change(0, &[("a", "1")], &[])),
        store.change_directory(change(0, &[("a", "2"), ("b", "2")], &[])),
    ];
    let [one, other] = both.map(crate::Ticket::wait);
    assert_eq!(one.expect("the first"), 1);
    let moved = matches!(
        other,
        Err(StoreError::DirectoryMoved {
            based_on: 0,
            current: 1
        })
    );
    assert!(moved, "{other:?}");
    let huge = "x".repeat(crate::DOCUMENT_LEN_MAX + 1);
    let unfit = store
        .change_directory(change(1, &[("c", "3"), ("d", &huge)], &["a"]))
        .wait();
    assert!(matches!(unfit, Err(StoreError::Unfit(_))), "{unfit:?}");
    let state = store.directory().wait().expect("a directory");
    assert_eq!(
        (state.version, bodies(&state)),
        (1, vec![("a", "1")]),
        "nothing of either"
    );
    let same = store.change_directory(change(1, &[("a", "1")], &["nobody"]));
    assert_eq!(same.wait().expect("no new version"), 1);
    assert_eq!(store.directory_history(10).wait().expect("a history").len(), 1);
}

pub(super) fn every_version(place: &dyn Place) {
    let store = place.open();
    let changes = [
        change(0, &[("a", "1")], &[]),
        change(1, &[("b", "1")], &["a"]),
        change(2, &[("a", "2"), ("b", "2")], &[]),
    ];
    let mut states = vec![DirectoryState::default()];
    for change in changes {
        store.change_directory(change).wait().expect("a version");
        states.push(store.directory().wait().expect("a directory"));
    }
    for state in &states {
        assert_eq!(&store.directory_at(state.version).wait().expect("a version"), state);
    }
    let never = store.directory_at(4).wait();
    assert!(matches!(never, Err(StoreError::NoDirectoryVersion(4))), "{never:?}");
}
