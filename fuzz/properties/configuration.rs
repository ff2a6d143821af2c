//! What holds of a configuration file on any octets: it is taken whole or refused with faults that say where, and what
//! was taken can be shown and is the same when it is read again (law 9).

use std::{fs, path::PathBuf, sync::OnceLock};

use sekisho::config::{LoadError, Loaded, Machine, Place, as_toml};

/// # Panics
/// When the configuration is not read as it has to be.
pub(crate) fn check(octets: &[u8]) {
    // A certificate in it would be read, and a device or pipe of that name waited for.
    let Ok(text) = str::from_utf8(octets) else { return };
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    match load(text) {
        Ok(loaded) => {
            let shown = as_toml(&serde_json::to_value(&loaded.raw).expect("values"));
            let again = load(&shown).unwrap_or_else(|fault| panic!("{fault}\n{shown}\n{text}"));
            assert_eq!(again.raw, loaded.raw, "{shown}\n{text}");
        }
        Err(LoadError::Faults(faults)) => {
            let lines = text.split('\n').count();
            assert!(!faults.faults.is_empty());
            for fault in &faults.faults {
                assert!(fault.line <= lines && !fault.problem.is_empty(), "{fault:?}");
            }
            assert!(faults.faults.is_sorted_by_key(|fault| fault.line));
            let shown = faults.to_string();
            let hidden = shown
                .chars()
                .any(|shown| shown != '\n' && sekisho::telemetry::is_hidden(shown));
            assert!(!hidden && shown.lines().count() == faults.faults.len(), "{shown:?}");
        }
        Err(error @ LoadError::Read { .. }) => panic!("{error}"),
    }
}

fn load(text: &str) -> Result<Loaded, LoadError> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        tempfile::tempdir_in(place).expect("a folder")
    });
    let file = folder.path().join("sekisho.toml");
    fs::write(&file, text).expect("a file");
    let place = Place {
        file: Some(file),
        data_folder: None,
    };
    place.load_on(&Machine {
        hostname: "mx.example.org".to_owned(),
        user: "me".to_owned(),
    })
}
