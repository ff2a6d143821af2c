//! The folder as a crash could have left it: the record is played op by op, and at any point the state of the disk can
//! be written out with a choice of what had reached it.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::Op;

/// Disks tear a write at the edge of a sector.
const SECTOR: usize = 512;

/// What of the unsynced is taken to have reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing.
    Nothing,
    /// Everything: what a killed process leaves.
    Everything,
    /// Any subset, by this seed.
    Some(u64),
}

/// The disk at one point of the record.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    files: Vec<FileState>,
    /// Names that are durable, and what they name.
    durable: BTreeMap<PathBuf, usize>,
    /// Names as a process sees them.
    current: BTreeMap<PathBuf, usize>,
    dice: u64,
}

/// A file's content.
#[derive(Clone, Debug, Default)]
struct FileState {
    durable: Vec<u8>,
    /// Since then, oldest first.
    pending: Vec<Change>,
    /// As processes see it: with all changes, those too that a failed sync has lost.
    seen: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, octets) => {
                let from = usize::try_from(*offset).unwrap_or(usize::MAX);
                let to = from + octets.len();
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(octets);
            }
            Self::Truncate(len) => content.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }

    /// The beginning of it, up to the edge of a sector.
    fn torn(&self, dice: &mut Dice) -> Self {
        match self {
            Self::Write(offset, octets) => {
                let sectors = octets.len().div_ceil(SECTOR).max(1);
                let kept = (dice.below(sectors as u64) as usize * SECTOR).min(octets.len());
                Self::Write(*offset, octets[..kept].to_vec())
            }
            Self::Truncate(len) => Self::Truncate(*len),
        }
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }
}

impl Replay {
    /// An empty disk; `seed` decides what failed syncs lose.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: seed,
            ..Self::default()
        }
    }

    /// A disk on which lies what lies in `folder` now, all of it durable.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path, seed: u64) -> io::Result<Self> {
        let mut replay = Self::new(seed);
        replay.load(folder)?;
        replay.durable = replay.current.clone();
        Ok(replay)
    }

    fn load(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.load(&path)?;
                continue;
            }
            let durable = fs::read(&path)?;
            self.files.push(FileState {
                seen: durable.clone(),
                durable,
                pending: Vec::new(),
            });
            self.current.insert(path, self.files.len() - 1);
        }
        Ok(())
    }

    /// The same disk with what lies below `from` moved to `to`: where a killed process' files were copied to
    /// ([`Choice::Everything`]), the disk under them is as before, with all that it still lacks.
    #[must_use]
    pub fn moved(&self, from: &Path, to: &Path) -> Self {
        let place = |path: &PathBuf| {
            path.strip_prefix(from)
                .map_or_else(|_| path.clone(), |below| to.join(below))
        };
        let names = |names: &BTreeMap<PathBuf, usize>| names.iter().map(|(path, file)| (place(path), *file)).collect();
        Self {
            files: self.files.clone(),
            durable: names(&self.durable),
            current: names(&self.current),
            dice: self.dice,
        }
    }

    /// Does one more operation.
    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Create(path) => {
                self.files.push(FileState::default());
                self.current.insert(path.clone(), self.files.len() - 1);
            }
            Op::Write(path, offset, octets) => self.change(path, Change::Write(*offset, octets.clone())),
            Op::Truncate(path, len) => self.change(path, Change::Truncate(*len)),
            Op::Sync(path) => {
                if let Some(file) = self.file(path) {
                    let pending = std::mem::take(&mut file.pending);
                    pending.iter().for_each(|change| change.apply(&mut file.durable));
                }
            }
            Op::FailedSync(path) => self.lose(path),
            Op::Remove(path) => drop(self.current.remove(path)),
            Op::SyncFolder(folder) => {
                self.durable.retain(|path, _| path.parent() != Some(folder));
                let names = self.current.iter().filter(|(path, _)| path.parent() == Some(folder));
                self.durable.extend(names.map(|(path, file)| (path.clone(), *file)));
            }
            Op::Mark(_) => {}
        }
    }

    fn file(&mut self, path: &Path) -> Option<&mut FileState> {
        let number = *self.current.get(path)?;
        self.files.get_mut(number)
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(file) = self.file(path) {
            change.apply(&mut file.seen);
            file.pending.push(change);
        }
    }

    /// What a sync could not write is dropped or written, and never tried again.
    fn lose(&mut self, path: &Path) {
        let mut dice = Dice(self.dice);
        self.dice = dice.roll();
        if let Some(file) = self.file(path) {
            for change in std::mem::take(&mut file.pending) {
                if dice.below(2) == 0 {
                    change.apply(&mut file.durable);
                }
            }
        }
    }

    /// Writes the disk into `to`, which is empty, with the paths below `root` moved there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_out(&self, root: &Path, to: &Path, choice: Choice) -> io::Result<()> {
        let mut dice = match choice {
            Choice::Some(seed) => Dice(seed),
            Choice::Nothing | Choice::Everything => Dice(0),
        };
        // As the store made it.
        fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
        for (path, file) in self.names(choice, &mut dice) {
            let below = path.strip_prefix(root).map_err(io::Error::other)?;
            let target = to.join(below);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(target, self.files[file].after_crash(choice, &mut dice))?;
        }
        Ok(())
    }

    /// The names that a crash leaves.
    fn names(&self, choice: Choice, dice: &mut Dice) -> BTreeMap<PathBuf, usize> {
        match choice {
            Choice::Nothing => self.durable.clone(),
            Choice::Everything => self.current.clone(),
            Choice::Some(_) => {
                let mut names = BTreeMap::new();
                let all = self.durable.keys().chain(self.current.keys());
                for path in all.collect::<std::collections::BTreeSet<_>>() {
                    let (old, new) = (self.durable.get(path), self.current.get(path));
                    let left = if old == new || dice.below(2) == 0 { new } else { old };
                    names.extend(left.map(|file| (path.clone(), *file)));
                }
                names
            }
        }
    }
}

impl FileState {
    fn after_crash(&self, choice: Choice, dice: &mut Dice) -> Vec<u8> {
        if choice == Choice::Everything {
            return self.seen.clone();
        }
        let mut content = self.durable.clone();
        // Some crashes come early in the writing back, some late.
        let chance = dice.below(5);
        for change in &self.pending {
            match choice {
                Choice::Nothing | Choice::Everything => {}
                Choice::Some(_) if dice.below(16) == 0 => change.torn(dice).apply(&mut content),
                Choice::Some(_) if dice.below(4) < chance => change.apply(&mut content),
                Choice::Some(_) => {}
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(replay: &Replay, choice: Choice) -> Vec<(String, Vec<u8>)> {
        let to = tempfile::tempdir().unwrap();
        replay.write_out(Path::new("/d"), to.path(), choice).unwrap();
        let mut files: Vec<_> = fs::read_dir(to.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn only_what_was_synced_is_certain_and_a_name_needs_its_folder() {
        let path = PathBuf::from("/d/f");
        let mut replay = Replay::new(1);
        replay.step(&Op::Create(path.clone()));
        replay.step(&Op::Write(path.clone(), 0, b"ab".to_vec()));
        replay.step(&Op::Sync(path.clone()));
        assert_eq!(left(&replay, Choice::Nothing), []);
        replay.step(&Op::SyncFolder("/d".into()));
        replay.step(&Op::Write(path.clone(), 1, b"xyz".to_vec()));
        assert_eq!(left(&replay, Choice::Nothing), [("f".to_owned(), b"ab".to_vec())]);
        assert_eq!(left(&replay, Choice::Everything), [("f".to_owned(), b"axyz".to_vec())]);
        replay.step(&Op::Remove(path));
        assert_eq!(left(&replay, Choice::Nothing).len(), 1);
        assert_eq!(left(&replay, Choice::Everything).len(), 0);
    }

    #[test]
    fn what_a_crash_left_is_where_the_next_begins() {
        let before = tempfile::tempdir().unwrap();
        fs::create_dir(before.path().join("spool")).unwrap();
        fs::write(before.path().join("spool/f"), b"ab").unwrap();
        let mut replay = Replay::of(before.path(), 1).unwrap();
        replay.step(&Op::Write(before.path().join("spool/f"), 2, b"c".to_vec()));
        for (choice, wanted) in [(Choice::Nothing, b"ab".as_slice()), (Choice::Everything, b"abc")] {
            let to = tempfile::tempdir().unwrap();
            replay.write_out(before.path(), to.path(), choice).unwrap();
            assert_eq!(fs::read(to.path().join("spool/f")).unwrap(), wanted);
        }
    }

    #[test]
    fn what_a_failed_sync_lost_is_seen_until_the_power_is_cut() {
        let path = PathBuf::from("/d/f");
        let mut replay = Replay::new(1);
        replay.step(&Op::Create(path.clone()));
        replay.step(&Op::SyncFolder("/d".into()));
        for place in 0..16 {
            replay.step(&Op::Write(path.clone(), place, b"x".to_vec()));
        }
        replay.step(&Op::FailedSync(path.clone()));
        // Nothing is left for this one to do.
        replay.step(&Op::Sync(path.clone()));
        let whole = [("f".to_owned(), vec![b'x'; 16])];
        let killed = replay.moved(Path::new("/d"), Path::new("/e"));
        let to = tempfile::tempdir().unwrap();
        killed
            .write_out(Path::new("/e"), to.path(), Choice::Everything)
            .unwrap();
        assert_eq!(fs::read(to.path().join("f")).unwrap(), whole[0].1);
        assert_ne!(left(&replay, Choice::Some(3)), whole);
    }

    #[test]
    fn a_subset_is_the_same_for_the_same_seed_and_differs_between_seeds() {
        let path = PathBuf::from("/d/f");
        let mut replay = Replay::new(1);
        replay.step(&Op::Create(path.clone()));
        replay.step(&Op::SyncFolder("/d".into()));
        for place in 0..64 {
            replay.step(&Op::Write(path.clone(), place * 4096, vec![1; 4096]));
        }
        let states: std::collections::BTreeSet<_> = (0..32).map(|seed| left(&replay, Choice::Some(seed))).collect();
        assert!(states.len() > 16);
        assert_eq!(left(&replay, Choice::Some(7)), left(&replay, Choice::Some(7)));
    }
}
