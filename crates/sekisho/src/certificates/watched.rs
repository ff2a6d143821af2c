//! Certificates in files of the operator: looked at every few seconds, since notifications of the system do not reach
//! across network file systems, and taken up when both files have come to rest and belong together.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use sekisho_tls::{Identity, IdentityFiles};

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// `None` where there is no such file.
    fn of(path: &Path) -> Option<Self> {
        // Through links: a renewal often puts another link in the place of one.
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            inode: metadata.ino(),
            len: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

type Stamps = [Option<Stamp>; 2];

fn stamps(files: &IdentityFiles) -> Stamps {
    [Stamp::of(&files.chain), Stamp::of(&files.key)]
}

#[derive(Debug)]
struct State {
    seen: Stamps,
    identity: Option<Identity>,
    /// Why what is there now is not used.
    fault: Option<String>,
    /// Whether what is there now was looked at, and is not between two writes of a renewal.
    is_settled: bool,
}

/// What became of a pair of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another certificate is there, and is used.
    TakenUp(IdentityFiles),
    /// What is there cannot be used; what was read before goes on being presented.
    Refused(IdentityFiles, String),
}

/// The pairs that are watched.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pairs: HashMap<IdentityFiles, State>,
}

impl Watched {
    /// Watches these and no others. Those that are new are read now; what cannot be read is in the answer.
    pub(super) fn watch(&mut self, wanted: &HashSet<IdentityFiles>) -> Vec<Change> {
        self.pairs.retain(|files, _| wanted.contains(files));
        let mut changes = Vec::new();
        for files in wanted {
            if self.pairs.contains_key(files) {
                continue;
            }
            // Before the files are read: whatever changes meanwhile is seen the next time.
            let seen = stamps(files);
            let loaded = Identity::load(files);
            let fault = loaded.as_ref().err().map(ToString::to_string);
            changes.extend(fault.clone().map(|fault| Change::Refused(files.clone(), fault)));
            let state = State {
                seen,
                identity: loaded.ok(),
                fault,
                is_settled: true,
            };
            self.pairs.insert(files.clone(), state);
        }
        changes
    }

    /// Looks at all of them once.
    pub(super) fn poll(&mut self) -> Vec<Change> {
        self.pairs
            .iter_mut()
            .filter_map(|(files, state)| state.poll(files))
            .collect()
    }

    /// What is presented of a pair.
    pub(super) fn identity(&self, files: &IdentityFiles) -> Option<&Identity> {
        self.pairs.get(files)?.identity.as_ref()
    }

    /// Pairs whose files cannot be used as they are now, with why.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&IdentityFiles, &str)> {
        self.pairs
            .iter()
            .filter_map(|(files, state)| Some((files, state.fault.as_deref()?)))
    }

    /// Why what lies there now is not used.
    pub(super) fn fault(&self, files: &IdentityFiles) -> Option<&str> {
        self.pairs.get(files)?.fault.as_deref()
    }
}

impl State {
    fn poll(&mut self, files: &IdentityFiles) -> Option<Change> {
        let now = stamps(files);
        if now == self.seen && self.is_settled {
            return None;
        }
        let loaded = Identity::load(files);
        let is_at_rest = now == self.seen;
        self.seen = now;
        match loaded {
            Ok(identity) => {
                let before = self
                    .identity
                    .as_ref()
                    .and_then(|one| one.chain().first())
                    .map(|leaf| leaf.sha256);
                let is_other = identity.chain().first().map(|leaf| leaf.sha256) != before;
                let is_mended = self.fault.take().is_some();
                self.identity = Some(identity);
                self.is_settled = true;
                (is_other || is_mended).then(|| Change::TakenUp(files.clone()))
            }
            // A renewal writes one file after the other: only what stays as it is for a turn is told.
            Err(error) if is_at_rest => {
                self.is_settled = true;
                let fault = error.to_string();
                let is_new = self.fault.as_ref() != Some(&fault);
                self.fault = Some(fault.clone());
                is_new.then(|| Change::Refused(files.clone(), fault))
            }
            Err(_) => {
                self.is_settled = false;
                None
            }
        }
    }
}
