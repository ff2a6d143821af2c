//! The files of the model's disk: what was written and not synced may be gone after a crash, and so may the name of a
//! file whose folder was not synced.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{Disk, DiskFile};

/// All files, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// What a store of an earlier life does to files does nothing any more.
    life: u64,
    by_path: BTreeMap<PathBuf, File>,
}

#[derive(Debug, Default)]
struct File {
    octets: Vec<u8>,
    /// So many of them are on the disk.
    synced: usize,
    /// The name is on the disk.
    named: bool,
}

impl Files {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever opens the disk now is in this life.
    pub(super) fn life(&self) -> u64 {
        self.table().life
    }

    /// Ends a life. With `dice` as by a crash: of what was not synced a random part is left.
    pub(super) fn end_life(&self, dice: Option<&mut fastrand::Rng>) {
        let mut table = self.table();
        table.life += 1;
        let Some(dice) = dice else { return };
        table.by_path.retain(|_, file| file.named || dice.bool());
        for file in table.by_path.values_mut() {
            let kept = dice.usize(file.synced..=file.octets.len());
            file.octets.truncate(kept);
            (file.synced, file.named) = (kept, true);
        }
    }

    /// The content of a file.
    pub(super) fn read(&self, path: &Path) -> Option<Bytes> {
        let table = self.table();
        table.by_path.get(path).map(|file| Bytes::copy_from_slice(&file.octets))
    }

    /// The names of all files.
    pub(super) fn names(&self) -> Vec<String> {
        let table = self.table();
        let names = table.by_path.keys().filter_map(|path| path.file_name()?.to_str());
        names.map(str::to_owned).collect()
    }

    fn change<T>(
        &self,
        life: u64,
        change: impl FnOnce(&mut BTreeMap<PathBuf, File>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut table = self.table();
        if table.life != life {
            return Err(io::Error::other("the machine has crashed"));
        }
        change(&mut table.by_path)
    }
}

/// The files as one life sees them.
#[derive(Clone, Debug)]
pub(super) struct ModelFiles {
    pub(super) files: Arc<Files>,
    pub(super) life: u64,
}

impl Disk for ModelFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.files.change(self.life, |files| {
            if files.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            files.insert(path.to_owned(), File::default());
            Ok(())
        })?;
        Ok(Box::new(ModelFile {
            all: self.clone(),
            path: path.to_owned(),
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.change(self.life, |files| match files.remove(path) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.files.change(self.life, |files| {
            for (_, file) in files.iter_mut().filter(|(file, _)| file.parent() == Some(path)) {
                file.named = true;
            }
            Ok(())
        })
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        self.files.change(self.life, |files| {
            if let Some(file) = files.get_mut(path) {
                file.synced = file.octets.len();
            }
            Ok(())
        })
    }

    fn takes_writes(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sqlite_vfs(&self) -> Option<&str> {
        None
    }
}

#[derive(Debug)]
struct ModelFile {
    all: ModelFiles,
    path: PathBuf,
}

impl ModelFile {
    fn change(&self, change: impl FnOnce(&mut File)) -> io::Result<()> {
        self.all
            .files
            .change(self.all.life, |files| match files.get_mut(&self.path) {
                Some(file) => {
                    change(file);
                    Ok(())
                }
                None => Err(io::ErrorKind::NotFound.into()),
            })
    }
}

impl DiskFile for ModelFile {
    fn append(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        self.change(|file| pieces.iter().for_each(|piece| file.octets.extend_from_slice(piece)))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change(|file| file.synced = file.octets.len())
    }
}
