//! What Postfix's `main.cf` and the tables that it names say of routes, TLS and domains.

mod domains;
mod hop;
mod main_cf;
mod maps;
mod parameters;
mod policy;
mod routes;
mod tls;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use self::{
    main_cf::MainCf,
    maps::{Entry, Source},
    policy::{Level, Policy},
};
use super::{Import, NoteKind, Place, Wanted, sums};

/// Where Postfix keeps its configuration.
const CONFIG_FOLDER: &str = "/etc/postfix";

/// Opens a file by the path that `main.cf` has: its name as it is shown, and its text or why there is none.
pub type Open<'a> = &'a dyn Fn(&str) -> (String, Result<String, String>);

/// Reads `main.cf` and what it names.
#[must_use]
pub fn read(name: &str, main_cf: &str, open: Open<'_>, wanted: &Wanted) -> Import {
    let (parsed, faults) = MainCf::parse(main_cf);
    let mut reading = Reading {
        file: name.to_owned(),
        main_cf: parsed,
        open,
        wanted,
        import: Import::of(wanted),
    };
    for (line, reason) in faults {
        let place = reading.in_file(name, line, "");
        reading.import.fault(place, reason);
    }
    let own = domains::read(&mut reading);
    routes::read(&mut reading, &own);
    domains::advise(&mut reading);
    parameters::note(&mut reading);
    let mut import = reading.import;
    sums::note(&mut import);
    import
}

/// Where a path of `main.cf` lies when the configuration was copied to a folder.
#[must_use]
pub fn path_in(folder: &Path, path: &str) -> PathBuf {
    let inner = path.strip_prefix(CONFIG_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    folder.join(inner.unwrap_or(path))
}

/// `main.cf` while it is read.
struct Reading<'r> {
    file: String,
    main_cf: MainCf,
    open: Open<'r>,
    wanted: &'r Wanted,
    import: Import,
}

impl Reading<'_> {
    /// Where a parameter is set.
    fn parameter(&self, name: &str) -> Place {
        Place {
            file: self.file.clone(),
            line: self.main_cf.line(name),
            object: String::new(),
            property: name.to_owned(),
        }
    }

    fn in_file(&self, file: &str, line: u32, object: &str) -> Place {
        Place {
            file: file.to_owned(),
            line: Some(line),
            object: object.to_owned(),
            property: String::new(),
        }
    }

    fn note(&mut self, kind: NoteKind, matters: bool, place: Place, text: impl Into<String>) {
        self.import.note(kind, matters, place, text);
    }

    /// The value of a parameter; none, with a fault, where it is not known.
    fn value(&mut self, name: &str) -> String {
        match self.main_cf.value(name) {
            Ok(value) => value,
            Err(reason) => {
                let place = self.parameter(name);
                self.import.fault(place, reason);
                String::new()
            }
        }
    }

    /// The items of a list; those that are not known are faults.
    fn items(&mut self, name: &str) -> Vec<String> {
        let mut items = Vec::new();
        for item in self.main_cf.items(name) {
            match item {
                Ok(item) => items.push(item),
                Err(reason) => {
                    let place = self.parameter(name);
                    self.import.fault(place, reason);
                }
            }
        }
        items
    }

    fn is_yes(&mut self, name: &str) -> bool {
        self.value(name).eq_ignore_ascii_case("yes")
    }

    /// The entries of a table that a parameter names, with the name of the file; none, with a note, where it is no
    /// text.
    fn table(&mut self, parameter: &str, item: &str) -> (String, Vec<Entry>) {
        let path = match maps::source(item) {
            Source::Text(path) => path,
            Source::Unreadable(_) | Source::Other => {
                let text = format!("{item}: tables of this kind cannot be read; what is in it is not carried over");
                let place = self.parameter(parameter);
                self.note(NoteKind::NoCounterpart, true, place, text);
                return (String::new(), Vec::new());
            }
        };
        let (name, text) = (self.open)(path);
        let text = match text {
            Ok(text) => text,
            Err(reason) => {
                let place = self.parameter(parameter);
                self.import.fault(place, format!("{name}: cannot be read: {reason}"));
                return (name, Vec::new());
            }
        };
        let (entries, faults) = maps::entries(&text);
        for (line, reason) in faults {
            let place = self.in_file(&name, line, "");
            self.import.fault(place, reason);
        }
        (name, entries)
    }
}

/// TLS policies by what they are looked up by, and the one that holds where none is found.
struct Policies {
    by_key: BTreeMap<String, Policy>,
    default: Policy,
}

impl Policies {
    fn read(reading: &mut Reading<'_>) -> Self {
        let mut by_key = BTreeMap::new();
        for item in reading.items("smtp_tls_policy_maps") {
            let (file, entries) = reading.table("smtp_tls_policy_maps", &item);
            for Entry { key, value, line } in entries {
                let place = reading.in_file(&file, line, &key);
                match policy::parse(&value, place.clone()) {
                    // What an earlier table has, a later one does not change.
                    Ok(policy) => drop(by_key.entry(key).or_insert(policy)),
                    Err(reason) => reading.import.fault(place, reason),
                }
            }
        }
        let default = default_policy(reading);
        Self { by_key, default }
    }

    /// The one for a domain or a next hop as it is written: its own, or that of a domain above it.
    fn find(&self, key: &str) -> &Policy {
        match self.by_key.get(key) {
            Some(policy) => policy,
            None => self.above(key),
        }
    }

    /// That of the nearest domain above; brackets and ports are looked up as they are.
    fn above(&self, key: &str) -> &Policy {
        let mut rest = key.strip_prefix('.').unwrap_or(key);
        while !key.contains(['[', ':'])
            && let Some((_, above)) = rest.split_once('.')
        {
            if let Some(policy) = self.by_key.get(&format!(".{above}")) {
                return policy;
            }
            rest = above;
        }
        &self.default
    }
}

/// `smtp_tls_security_level`, or the two parameters that were before it.
fn default_policy(reading: &mut Reading<'_>) -> Policy {
    let mut parameter = "smtp_tls_security_level";
    let text = reading.value(parameter);
    let mut level = Level::None;
    if !text.is_empty() {
        level = Level::parse(&text).unwrap_or_else(|| {
            let place = reading.parameter(parameter);
            reading.import.fault(place, format!("{text:?} is no level"));
            Level::None
        });
    } else if reading.is_yes("smtp_enforce_tls") {
        parameter = "smtp_enforce_tls";
        let has_names = reading.is_yes("smtp_tls_enforce_peername");
        level = if has_names { Level::Verify } else { Level::Encrypt };
    } else if reading.is_yes("smtp_use_tls") {
        parameter = "smtp_use_tls";
        level = Level::May;
    }
    Policy {
        level,
        matches: Vec::new(),
        protocols: None,
        tafile: None,
        others: Vec::new(),
        place: reading.parameter(parameter),
    }
}
