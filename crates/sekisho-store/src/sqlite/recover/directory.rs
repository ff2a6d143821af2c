//! Brings the directory into the new database. Documents and versions tell of each other: what one of them lost is
//! taken from the other, and what neither knows is told.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::record::Value;
use crate::{
    DirectoryVersion, DocumentKey,
    sqlite::{codec, directory},
};

/// What was found of the directory.
#[derive(Default)]
pub(super) struct Found {
    /// The newest of each key; no body where it was removed.
    documents: BTreeMap<DocumentKey, (u64, Option<String>)>,
    versions: BTreeMap<u64, DirectoryVersion>,
    /// The number of the newest version, by the counter.
    counted: u64,
}

impl Found {
    /// Takes a row of the counters.
    pub(super) fn take_counter(&mut self, name: &[u8], value: i64) {
        if name == directory::NEWEST.as_bytes() {
            // A page that is in use no more may have an older one.
            self.counted = self.counted.max(codec::unsigned(value));
        }
    }

    /// Takes a row of the documents; whether it is believed.
    pub(super) fn take_document(&mut self, key: [&Value; 3], body: &Value, (version, crc): (&Value, &Value)) -> bool {
        let key = key.map(|text| text.octets().unwrap_or_default());
        let (Some(version), Some(crc)) = (version.int(), crc.int().and_then(|crc| u32::try_from(crc).ok())) else {
            return false;
        };
        let Some((key, body)) = directory::document(key, body.octets(), (version, crc)) else {
            return false;
        };
        let version = codec::unsigned(version);
        let known = self.documents.entry(key).or_default();
        if version >= known.0 {
            *known = (version, body);
        }
        true
    }

    /// Takes a row of the versions; whether it is believed.
    pub(super) fn take_version(&mut self, (number, at): (i64, &Value), texts: [&Value; 3], crc: &Value) -> bool {
        let texts = texts.map(|text| text.octets().unwrap_or_default());
        let (Some(at), Some(crc)) = (at.int(), crc.int().and_then(|crc| u32::try_from(crc).ok())) else {
            return false;
        };
        let version = directory::version((number, at), texts, crc);
        let is_believed = version.is_some();
        self.versions.extend(version.map(|version| (version.version, version)));
        is_believed
    }

    /// Writes what both know together; gives back what is wrong with it, in words.
    pub(super) fn enter(mut self, db: &Connection) -> rusqlite::Result<Vec<String>> {
        let mut faults = Vec::new();
        for version in self.versions.values() {
            for change in &version.changes {
                let known = self.documents.get(&change.key).map_or(0, |(version, _)| *version);
                if known >= version.version {
                    continue;
                }
                let document = (version.version, change.after.clone());
                self.documents.insert(change.key.clone(), document);
            }
        }
        let newest_document = self.documents.values().map(|(version, _)| *version).max();
        let known = newest_document
            .max(self.versions.keys().next_back().copied())
            .unwrap_or(0);
        let newest = self.counted.max(known);
        if newest > known {
            faults.push(format!(
                "the directory: version {newest} was in force, and nothing of it is left; it is now as version {known} \
                 left it, as far as that is known"
            ));
        }
        let lost = (1..=newest).filter(|number| !self.versions.contains_key(number));
        let lost: Vec<String> = lost.take(100).map(|number| number.to_string()).collect();
        if !lost.is_empty() {
            faults.push(format!(
                "the directory: what version {} changed is lost; see that `sekisho export` is what it should be",
                lost.join(", ")
            ));
        }
        for (key, (version, body)) in &self.documents {
            directory::insert_document(db, key, body.as_deref(), *version)?;
        }
        for version in self.versions.values() {
            directory::insert_version(db, version)?;
        }
        directory::note_newest(db, known)?;
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::FileExt as _};

    use super::super::{image::PAGE, recover};
    use crate::{
        DirectoryChange, Document, DocumentKey, Store as _, StoreError,
        conformance::NOW,
        sqlite::{SqliteStore, StoreSettings, check},
    };

    fn key(number: usize) -> DocumentKey {
        DocumentKey {
            kind: "domain".to_owned(),
            organization: "default".to_owned(),
            name: format!("d{number}.example"),
        }
    }

    fn open(folder: &std::path::Path) -> SqliteStore {
        let settings = StoreSettings {
            min_free_octets: 0,
            ..StoreSettings::new(folder)
        };
        SqliteStore::open(settings, NOW).unwrap()
    }

    /// In several pages, and in several versions.
    fn fill(folder: &std::path::Path) {
        let store = open(folder);
        for version in 0..4 {
            let put = (0..120).filter(|number| number % 4 >= version).map(|number| Document {
                key: key(number),
                body: format!("{{\"version\":{version},\"number\":{number}}}"),
            });
            let change = DirectoryChange {
                based_on: version as u64,
                author: "alice".to_owned(),
                comment: String::new(),
                at: NOW,
                put: put.collect(),
                remove: (0..120).filter(|number| number % 40 == version * 10).map(key).collect(),
            };
            store.change_directory(change).wait().unwrap();
        }
        store.stop().wait().unwrap();
    }

    #[test]
    fn the_directory_outlives_the_loss_of_any_page() {
        let home = tempfile::tempdir().unwrap();
        let whole = home.path().join("whole");
        fill(&whole);
        let store = open(&whole);
        let (state, history) = (
            store.directory().wait().unwrap(),
            store.directory_history(10).wait().unwrap(),
        );
        store.stop().wait().unwrap();
        assert!(state.documents.len() > 100 && history.len() == 4);
        let pages = fs::metadata(whole.join("queue.db")).unwrap().len() / PAGE as u64;
        let mut lost_history = 0;
        for page in 0..pages {
            let folder = home.path().join(format!("page-{page}"));
            fs::create_dir(&folder).unwrap();
            fs::create_dir(folder.join("spool")).unwrap();
            fs::copy(whole.join("queue.db"), folder.join("queue.db")).unwrap();
            let file = fs::OpenOptions::new()
                .write(true)
                .open(folder.join("queue.db"))
                .unwrap();
            file.write_all_at(&[0x5a; PAGE], page * PAGE as u64).unwrap();
            drop(file);
            let recovery = recover(&folder, NOW).unwrap();
            let store = open(&folder);
            assert!(
                store.directory().wait().unwrap() == state,
                "page {page}: {:?}",
                recovery.faults
            );
            let left = store.directory_history(10).wait().unwrap();
            let is_told = recovery
                .faults
                .iter()
                .any(|fault| fault.contains("of the directory") || fault.contains("the directory:"));
            assert_eq!(
                left.len() < history.len(),
                is_told,
                "page {page}: {:?}",
                recovery.faults
            );
            assert!(left.iter().all(|version| history.contains(version)));
            lost_history += usize::from(is_told);
            store.stop().wait().unwrap();
        }
        assert!(lost_history > 0, "no page of {pages} held a version");
    }

    /// Overwrites each page that holds one of the texts.
    fn damage(folder: &std::path::Path, texts: &[&str]) {
        let path = folder.join("queue.db");
        let octets = fs::read(&path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for (page, content) in octets.chunks(PAGE).enumerate() {
            let holds = |text: &&str| content.windows(text.len()).any(|window| window == text.as_bytes());
            // The first has the schema.
            if page > 0 && texts.iter().any(holds) {
                file.write_all_at(&[0x5a; PAGE], (page * PAGE) as u64).unwrap();
            }
        }
    }

    #[test]
    fn a_newest_version_of_which_nothing_is_left_is_named() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        let store = open(&folder);
        for (version, name) in ["old", "new"].iter().enumerate() {
            let change = DirectoryChange {
                based_on: version as u64,
                author: "alice".to_owned(),
                comment: String::new(),
                at: NOW,
                put: vec![Document {
                    key: key(version),
                    body: format!("{{\"{name}\":1}}"),
                }],
                remove: Vec::new(),
            };
            store.change_directory(change).wait().unwrap();
        }
        store.stop().wait().unwrap();
        damage(&folder, &["\"new\"", "d1.example"]);
        let recovery = recover(&folder, NOW).unwrap();
        let named = recovery
            .faults
            .iter()
            .any(|fault| fault.contains("version 2 was in force, and nothing of it is left"));
        assert!(named, "{:?}", recovery.faults);
        // It is told once: what is in force now is what was found.
        let store = open(&folder);
        assert!(store.directory().wait().unwrap().version < 2);
        store.stop().wait().unwrap();
        let again = recover(&folder, NOW).unwrap();
        assert!(
            again.faults.iter().all(|fault| !fault.contains("was in force")),
            "{:?}",
            again.faults
        );
    }

    #[test]
    fn a_document_that_was_altered_is_never_believed_and_comes_back_from_its_history() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        fill(&folder);
        assert!(check(&folder).unwrap().is_sound());
        let store = open(&folder);
        let state = store.directory().wait().unwrap();
        store.stop().wait().unwrap();
        let db = rusqlite::Connection::open(folder.join("queue.db")).unwrap();
        let altered = "UPDATE directory_document SET organization = 'other' WHERE name = 'd7.example'";
        assert_eq!(db.execute(altered, []).unwrap(), 1);
        drop(db);
        let checked = check(&folder).unwrap();
        assert!(
            checked
                .faults
                .iter()
                .any(|fault| fault.contains("a document of the directory")),
            "{checked:?}"
        );
        let store = open(&folder);
        let refused = store.directory().wait();
        assert!(matches!(refused, Err(StoreError::DamagedPages(_))), "{refused:?}");
        store.stop().wait().unwrap();
        recover(&folder, NOW).unwrap();
        let store = open(&folder);
        assert!(store.directory().wait().unwrap() == state);
        store.stop().wait().unwrap();
    }
}
