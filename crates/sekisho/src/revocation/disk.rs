//! What was fetched, in files, so that a restart need not fetch it again. What lies there is verified anew when it is
//! read, and may go at any time: nothing here is ever an error for anybody who waits.

use std::{
    fs::{self, DirEntry},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sekisho_mail::Timestamp;
use sekisho_tls::{MAX_CRL_LEN, MAX_HELD, Revocations, UNUSED_FOR};

/// What an entry has beside what was fetched: names, keys and addresses.
const MAX_ENTRY_LEN: u64 = MAX_CRL_LEN as u64 + 256 * 1024;
/// The length of a file's name: a digest in hexadecimal digits.
const NAME_LEN: usize = 64;

/// A folder of entries, each a file.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// The folder is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// Writes an entry in the place of the one before. Neither file nor folder is synced: what a power cut takes is
    /// fetched again.
    pub(crate) fn keep(&self, name: &str, entry: &[u8]) {
        if let Err(error) = self.write(name, entry) {
            tracing::warn!(%error, folder = %self.folder.display(), "what was fetched could not be kept");
        }
    }

    /// The entry of this name; `None` where there is none, or a longer one.
    pub(crate) fn load(&self, name: &str, len_max: u64) -> Option<Vec<u8>> {
        let file = fs::File::open(self.folder.join(name)).ok()?;
        let mut entry = Vec::new();
        let len = file.take(len_max + 1).read_to_end(&mut entry).ok()?;
        (len as u64 <= len_max).then_some(entry)
    }

    fn write(&self, name: &str, entry: &[u8]) -> io::Result<()> {
        let (path, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(entry)?;
        fs::rename(new, path)
    }

    /// Gives all entries to `revocations`, and removes those that are not taken. How many were.
    pub(super) fn restore(&self, revocations: &Revocations, now: Timestamp) -> usize {
        let mut count = 0;
        for entry in self.entries().take(MAX_HELD) {
            let path = entry.path();
            let is_ours = is_name(&path) && entry.metadata().is_ok_and(|data| data.len() <= MAX_ENTRY_LEN);
            let taken = is_ours && fs::read(&path).is_ok_and(|octets| revocations.restore(&octets, now).is_ok());
            if taken {
                count += 1;
            } else {
                remove(&path);
            }
        }
        count
    }

    /// Removes what was not fetched anew in a long time: nobody asks for it any more.
    pub(crate) fn tidy(&self, now: Timestamp) {
        let is_unused = |entry: &DirEntry| {
            let written = entry.metadata().map(|data| Timestamp::from_secs(data.mtime()));
            written.is_ok_and(|at| at.plus(UNUSED_FOR) <= now)
        };
        self.entries().filter(is_unused).for_each(|entry| remove(&entry.path()));
    }

    fn entries(&self) -> impl Iterator<Item = DirEntry> {
        let entries = fs::read_dir(&self.folder).inspect_err(|error| {
            tracing::warn!(%error, folder = %self.folder.display(), "what was fetched cannot be read");
        });
        entries.into_iter().flatten().flatten()
    }
}

fn is_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.len() == NAME_LEN && name.bytes().all(|octet| octet.is_ascii_hexdigit()))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "it could not be removed");
    }
}
