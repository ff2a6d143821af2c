//! Folders and files that hold secrets: nobody else may read them, no link is followed on the way, and a file is there
//! whole or not at all, also after a crash. Owner and mode are looked at on what was opened, not on a path that may
//! have become another by then.
//!
//! All of it belongs to whoever has the data folder: a command that root gives while no server runs leaves nothing that
//! the server could not read.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid},
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

/// What is being written has this behind its name.
pub(super) const UNFINISHED: &str = ".new";

const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const OF_OTHERS: u32 = 0o077;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    owner: Owner,
}

/// Whose the data folder is, and all that is kept in it.
#[derive(Clone, Copy, Debug)]
struct Owner {
    user: Uid,
    group: Gid,
}

/// Why something on the disk cannot be read or written; names the place and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system said no.
    #[error("{}: {source}; check that the user of sekisho may read and write here", path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A link, a device, or something else that is no file or folder of ours.
    #[error("{}: a link or no ordinary {what} is not followed; put the {what} itself here", path.display())]
    NotPlain {
        /// Where.
        path: PathBuf,
        /// `file` or `folder`.
        what: &'static str,
    },
    /// Another user has it.
    #[error("{}: it belongs to user {owner}; run: chown {wanted} {}", path.display(), path.display())]
    Owner {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it must be.
        wanted: u32,
    },
    /// Others may read or change it.
    #[error(
        "{}: others may read or change it (mode {mode:04o}); run: chmod {wanted} {}",
        path.display(), path.display()
    )]
    Mode {
        /// Where.
        path: PathBuf,
        /// What it is.
        mode: u32,
        /// What it must be.
        wanted: &'static str,
    },
    /// Longer than anything that is kept here.
    #[error("{}: longer than {limit} octets, which nothing here is", path.display())]
    TooLong {
        /// Where.
        path: PathBuf,
        /// The most.
        limit: u64,
    },
}

fn system(path: &Path, error: Errno) -> FolderError {
    match error {
        // ELOOP is what O_NOFOLLOW answers to a link, ENOTDIR what O_DIRECTORY does.
        Errno::LOOP | Errno::NOTDIR => FolderError::NotPlain {
            path: path.to_owned(),
            what: "folder",
        },
        error => FolderError::System {
            path: path.to_owned(),
            source: error.into(),
        },
    }
}

impl Folder {
    /// One in a data folder, made when it is not there. What is above may be links: that is the operator's.
    pub(super) fn at(data_folder: &Path, name: &str) -> Result<Self, FolderError> {
        let failed = |error| system(data_folder, error);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, data_folder, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        let owner = Owner {
            user: Uid::from_raw(stat.st_uid),
            group: Gid::from_raw(stat.st_gid),
        };
        let data_folder = Self {
            fd,
            path: data_folder.to_owned(),
            owner,
        };
        data_folder.make(name)
    }

    /// One in it.
    pub(super) fn open(&self, name: &str) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
        let fd = opened.map_err(|error| system(&path, error))?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| system(&path, error))?;
        self.owner.check(&path, stat.st_uid, stat.st_mode, "0700")?;
        let owner = self.owner;
        Ok(Self { fd, path, owner })
    }

    /// One in it, made when it is not there.
    pub(super) fn make(&self, name: &str) -> Result<Self, FolderError> {
        match rustix::fs::mkdirat(&self.fd, name, FOLDER_MODE) {
            Ok(()) => {
                let made = self.open(name)?;
                self.owner.is_given(&made.fd, &made.path)?;
                self.sync()?;
                Ok(made)
            }
            Err(Errno::EXIST) => self.open(name),
            Err(error) => Err(system(&self.path.join(name), error)),
        }
    }

    /// Where it is, for people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something of this name is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The names of what is in it, in order; at most `limit`.
    pub(super) fn names(&self, limit: usize) -> Result<Vec<String>, FolderError> {
        let failed = |error| system(&self.path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." && names.len() < limit {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// A file in it.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Zeroizing<Vec<u8>>, FolderError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
        let fd = opened.map_err(|error| match error {
            Errno::LOOP => FolderError::NotPlain {
                path: path.clone(),
                what: "file",
            },
            error => system(&path, error),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| system(&path, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FolderError::NotPlain { path, what: "file" });
        }
        self.owner.check(&path, stat.st_uid, stat.st_mode, "0600")?;
        // Room from the start, so that growing leaves no copy of a key behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let read = File::from(fd).take(limit + 1).read_to_end(&mut octets);
        read.map_err(|source| FolderError::System {
            path: path.clone(),
            source,
        })?;
        if octets.len() as u64 > limit {
            return Err(FolderError::TooLong { path, limit });
        }
        Ok(octets)
    }

    /// Writes a file that is there whole or not at all, also after a crash.
    pub(super) fn write(&self, name: &str, octets: &[u8]) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let failed = |error: Errno| system(&path, error);
        let unfinished = format!("{name}{UNFINISHED}");
        self.remove_if_there(&unfinished)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, unfinished.as_str(), flags, FILE_MODE).map_err(failed)?;
        self.owner.is_given(&fd, &path)?;
        let mut file = File::from(fd);
        let written = file.write_all(octets).and_then(|()| file.sync_all());
        written.map_err(|source| FolderError::System {
            path: path.clone(),
            source,
        })?;
        rustix::fs::renameat(&self.fd, unfinished.as_str(), &self.fd, name).map_err(failed)?;
        self.sync()
    }

    /// Gives what is in it another name; what is known under that already must be an empty folder, or not be there.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), FolderError> {
        let renamed = rustix::fs::renameat(&self.fd, from, &self.fd, to);
        renamed.map_err(|error| system(&self.path.join(to), error))?;
        self.sync()
    }

    /// Removes a file. Its octets are written over first, which on most file systems and disks reaches only some of the
    /// copies that there are.
    pub(super) fn wipe(&self, name: &str) -> Result<(), FolderError> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if let Ok(fd) = rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            let mut file = File::from(fd);
            let overwritten = file.metadata().and_then(|metadata| {
                let blank = vec![0; usize::try_from(metadata.len().min(1024 * 1024)).unwrap_or(0)];
                file.write_all(&blank)?;
                file.sync_all()
            });
            if let Err(error) = overwritten {
                let path = self.path.join(name);
                tracing::warn!(path = %path.display(), %error, "a file is removed without being written over");
            }
        }
        self.remove_if_there(name)
    }

    /// Removes a folder in it that is empty.
    pub(super) fn remove_folder(&self, name: &str) -> Result<(), FolderError> {
        let removed = rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR);
        removed.map_err(|error| system(&self.path.join(name), error))?;
        self.sync()
    }

    fn remove_if_there(&self, name: &str) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(system(&self.path.join(name), error)),
        }
    }

    fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.fd).map_err(|error| system(&self.path, error))
    }
}

impl Owner {
    /// Gives what was made just now to the owner, where it is root who made it.
    fn is_given(self, made: impl AsFd, path: &Path) -> Result<(), FolderError> {
        if geteuid() == self.user || !geteuid().is_root() {
            return Ok(());
        }
        let given = rustix::fs::fchown(made, Some(self.user), Some(self.group));
        given.map_err(|error| system(path, error))
    }

    /// What root owns nobody but root has put there.
    fn check(self, path: &Path, owner: u32, mode: u32, wanted: &'static str) -> Result<(), FolderError> {
        let user = self.user.as_raw();
        if owner != user && owner != Uid::ROOT.as_raw() {
            return Err(FolderError::Owner {
                path: path.to_owned(),
                owner,
                wanted: user,
            });
        }
        if mode & OF_OTHERS != 0 {
            return Err(FolderError::Mode {
                path: path.to_owned(),
                mode: mode & 0o7777,
                wanted,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_written_is_ones_own_alone_and_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(scratch.path(), "certificates").unwrap();
        let inner = folder.make("acme").unwrap();
        inner.write("key.pem", b"first").unwrap();
        inner.write("key.pem", b"second").unwrap();
        assert_eq!(&**inner.read("key.pem", 100).unwrap(), b"second");
        assert_eq!(
            (mode(inner.path()), mode(&inner.path().join("key.pem"))),
            (0o700, 0o600)
        );
        assert_eq!(inner.names(10).unwrap(), ["key.pem"]);
        assert!(matches!(inner.read("key.pem", 5), Err(FolderError::TooLong { .. })));
        inner.wipe("key.pem").unwrap();
        folder.remove_folder("acme").unwrap();
        assert!(folder.names(10).unwrap().is_empty());
    }

    #[test]
    fn what_others_could_read_or_lead_elsewhere_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(scratch.path(), "certificates").unwrap();
        folder.write("key.pem", b"key").unwrap();
        let path = folder.path().join("key.pem");
        for (bits, is_fine) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o602, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            let read = folder.read("key.pem", 100);
            assert_eq!(read.is_ok(), is_fine, "{bits:o}");
            if let Err(error) = read {
                assert!(error.to_string().contains("chmod 0600"), "{error}");
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, folder.path().join("link.pem")).unwrap();
        assert!(matches!(
            folder.read("link.pem", 100),
            Err(FolderError::NotPlain { .. })
        ));
        fs::create_dir(scratch.path().join("elsewhere")).unwrap();
        symlink(scratch.path().join("elsewhere"), folder.path().join("acme")).unwrap();
        assert!(matches!(folder.make("acme"), Err(FolderError::NotPlain { .. })));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let again = Folder::at(scratch.path(), "certificates");
        assert!(
            matches!(again, Err(FolderError::Mode { wanted: "0700", .. })),
            "{again:?}"
        );
    }

    #[test]
    fn what_root_makes_or_finds_is_the_data_folders_owners() {
        if !geteuid().is_root() {
            eprintln!("who is not root can give nothing away");
            return;
        }
        const OTHERS: u32 = 4711;
        let scratch = tempfile::tempdir().unwrap();
        chown(scratch.path(), Some(OTHERS), Some(OTHERS + 1)).unwrap();
        let folder = Folder::at(scratch.path(), "certificates").unwrap();
        let inner = folder.make("acme").unwrap();
        inner.write("key.pem", b"key").unwrap();
        let key = inner.path().join("key.pem");
        for path in [folder.path(), inner.path(), &key] {
            let facts = fs::metadata(path).unwrap();
            assert_eq!((facts.uid(), facts.gid()), (OTHERS, OTHERS + 1), "{}", path.display());
        }
        assert_eq!(&**inner.read("key.pem", 100).unwrap(), b"key");
        chown(&key, Some(0), None).unwrap();
        assert!(inner.read("key.pem", 100).is_ok(), "root's own");
        chown(&key, Some(OTHERS + 2), None).unwrap();
        let error = inner.read("key.pem", 100).unwrap_err().to_string();
        assert!(error.contains("belongs to user 4713; run: chown 4711"), "{error}");
    }
}
