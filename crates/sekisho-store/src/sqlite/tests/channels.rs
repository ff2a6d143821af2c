//! The channels of evidence: one row for all the messages that went over a connection, joined back by whoever reads.

use sekisho_mail::{ChannelFacts, ChannelSecurity, Check, Evidence, Timestamp, Verdict};

use super::*;
use crate::conformance;

/// Delivers one message over the channel; the evidence as it was handed over.
fn deliver(store: &SqliteStore, channel: Option<&Arc<ChannelFacts>>, at: Timestamp) -> Evidence {
    let lease = commit(store, b"x", &["a@one.example"], at, true).leases.remove(0);
    let mut settlement = conformance::settlement(&lease, &conformance::delivered(), at);
    let evidence = settlement.results[0].evidence.as_mut().unwrap();
    evidence.channel = channel.cloned();
    let evidence = evidence.clone();
    store.settle(lease, settlement).wait().unwrap();
    evidence
}

/// What the trace has of the message.
fn read(store: &SqliteStore, id: MessageId) -> Vec<Evidence> {
    let filter = TraceFilter {
        id: Some(id),
        ..TraceFilter::default()
    };
    let items = store.trace(filter).wait().unwrap();
    let attempts = items.into_iter().flat_map(|item| item.attempts);
    attempts.map(|attempt| attempt.evidence).collect()
}

fn volume(folder: &Folder, at: Timestamp) -> PathBuf {
    day::Volume::first(at.day()).path(&folder.0.path().join("trace"))
}

/// Rows of channels in the file of this day; of a store that has stopped.
fn rows(folder: &Folder, at: Timestamp) -> i64 {
    let db = Connection::open(volume(folder, at)).unwrap();
    db.query_row("SELECT count(*) FROM channel", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn messages_over_one_connection_share_a_row_and_each_reads_back_whole() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let channel = Arc::new(conformance::channel(1));
    let mut all: Vec<Evidence> = (0..5).map(|_| deliver(&store, Some(&channel), NOW)).collect();
    all.push(deliver(&store, None, NOW));
    // A file holds all that belongs to it.
    let next_day = NOW.plus(std::time::Duration::from_secs(86_400));
    all.push(deliver(&store, Some(&channel), next_day));
    all.push(deliver(&store, Some(&channel), next_day));
    let whole = |store: &SqliteStore| {
        for evidence in &all {
            assert_eq!(read(store, evidence.message), std::slice::from_ref(evidence));
        }
    };
    whole(&store);
    store.stop().wait().unwrap();
    drop(store);
    assert_eq!((rows(&folder, NOW), rows(&folder, next_day)), (1, 1));
    whole(&folder.sqlite());
}

#[test]
fn other_verdicts_on_the_same_connection_are_another_row() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let mut channel = Arc::new(conformance::channel(1));
    let before = deliver(&store, Some(&channel), NOW);
    let ChannelSecurity::Tls(tls) = &mut Arc::make_mut(&mut channel).security else {
        unreachable!("it is under TLS");
    };
    let check = Check::Name { names: Vec::new() };
    tls.verdicts.push((check, Verdict::Unknown("no anchors".to_owned())));
    let after = deliver(&store, Some(&channel), NOW);
    assert_ne!(before.channel, after.channel);
    assert_eq!(read(&store, before.message), [before]);
    assert_eq!(read(&store, after.message), [after]);
    store.stop().wait().unwrap();
    assert_eq!(rows(&folder, NOW), 2);
}

#[test]
fn channels_that_were_forgotten_get_another_row() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let channels: Vec<_> = (0..300).map(|id| Arc::new(conformance::channel(id))).collect();
    let many: Vec<String> = (0..300).map(|number| format!("a{number}@one.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..2 {
        let lease = commit(&store, b"x", &many, NOW, true).leases.remove(0);
        let mut settlement = delivered(&lease);
        for (result, channel) in settlement.results.iter_mut().zip(&channels) {
            result.evidence.as_mut().unwrap().channel = Some(Arc::clone(channel));
        }
        let handed_over: Vec<Evidence> = settlement.results.iter().flat_map(|it| it.evidence.clone()).collect();
        let id = lease.id;
        store.settle(lease, settlement).wait().unwrap();
        assert_eq!(read(&store, id), handed_over);
    }
    store.stop().wait().unwrap();
    assert_eq!(rows(&folder, NOW), 600);
}

/// Evidence without its channel would say that no connection was reached: it is passed over like damaged evidence.
#[test]
fn evidence_whose_channel_is_damaged_is_damaged() {
    for harm in [
        "UPDATE channel SET document = zeroblob(length(document)) WHERE id = 1",
        // Another host, which is still a document.
        "UPDATE channel SET document = CAST(replace(CAST(document AS TEXT), 'mx', 'my') AS BLOB) WHERE id = 1",
        "UPDATE channel SET crc = crc + 1 WHERE id = 1",
        "UPDATE channel SET document = 7 WHERE id = 1",
        "DELETE FROM channel WHERE id = 1",
        "UPDATE evidence SET channel = NULL WHERE channel = 1",
        "UPDATE evidence SET channel = 2 WHERE channel = 1",
        "UPDATE evidence SET channel = 'x' WHERE channel = 1",
    ] {
        let folder = Folder::new();
        let store = folder.sqlite();
        let channels = [1, 2].map(|id| Arc::new(conformance::channel(id)));
        let [harmed, other] = channels.map(|channel| deliver(&store, Some(&channel), NOW));
        let without = deliver(&store, None, NOW);
        store.stop().wait().unwrap();
        drop(store);
        let db = Connection::open(volume(&folder, NOW)).unwrap();
        assert_eq!(db.execute(harm, []).unwrap(), 1, "{harm}");
        drop(db);
        let store = folder.sqlite();
        assert_eq!(read(&store, harmed.message), [], "{harm}");
        for evidence in [other, without] {
            assert_eq!(read(&store, evidence.message), [evidence], "{harm}");
        }
    }
}

/// Makes the file of a day one of version 1, with these pieces of evidence in it.
fn make_older(folder: &Folder, at: Timestamp, all: &[Evidence]) {
    let db = Connection::open(volume(folder, at)).unwrap();
    for (attempt, evidence) in (1..).zip(all) {
        let document = codec::document(evidence).unwrap();
        let row = rusqlite::params![attempt, crc32fast::hash(&document), document];
        let sql = "UPDATE evidence SET crc = ?2, document = ?3 WHERE attempt = ?1";
        assert_eq!(db.execute(sql, row).unwrap(), 1);
    }
    db.execute_batch("ALTER TABLE evidence DROP COLUMN channel; DROP TABLE channel; PRAGMA user_version = 1;")
        .unwrap();
}

#[test]
fn days_of_the_version_before_are_read_and_the_newest_is_written_on() {
    let folder = Folder::new();
    let store = folder.sqlite();
    let channel = Arc::new(conformance::channel(1));
    let next_day = NOW.plus(std::time::Duration::from_secs(86_400));
    let of_day = |at| [deliver(&store, Some(&channel), at), deliver(&store, None, at)];
    let days = [NOW, next_day].map(|at| (at, of_day(at)));
    store.stop().wait().unwrap();
    drop(store);
    for (at, all) in &days {
        make_older(&folder, *at, all);
    }
    let store = folder.sqlite();
    let mut all: Vec<Evidence> = days.into_iter().flat_map(|(_, all)| all).collect();
    all.push(deliver(&store, Some(&channel), next_day));
    for evidence in all {
        assert_eq!(read(&store, evidence.message), [evidence]);
    }
    store.stop().wait().unwrap();
    assert_eq!(rows(&folder, next_day), 1);
    let db = Connection::open(volume(&folder, NOW)).unwrap();
    assert_eq!(schema::version(&db).unwrap(), 1, "a closed day stays as it is");
}
