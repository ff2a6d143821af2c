//! The disk that can be cut off: an image of a file system on a loop device. The cut is the "going down" ioctl of ext4
//! and XFS, which drops all that is not on the device yet, names of files too; what follows it is what follows a power
//! cut: the file system is mounted again and replays its journal.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use sekisho_testkit::{enclosure::Release, wait};

/// Sparse: what is not used takes no room. XFS makes nothing below 300 MB.
const IMAGE_LEN: u64 = 2 << 30;
/// Until a file system without users has let go.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(30);

/// A file system that can be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    /// As `mount` calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A mounted one. It goes with the namespace in which it was mounted, or with this value.
#[derive(Debug)]
pub(crate) struct Disk {
    kind: Kind,
    image: PathBuf,
    mount: PathBuf,
    kept: bool,
}

impl Disk {
    /// Makes an empty one in `folder` and mounts it.
    ///
    /// # Errors
    /// When this machine does not allow it; the text says what failed.
    pub(crate) fn make(kind: Kind, folder: &Path) -> Result<Self, String> {
        let disk = Self {
            kind,
            image: folder.join("image"),
            mount: folder.join("disk"),
            kept: false,
        };
        let made = fs::create_dir_all(&disk.mount)
            .and_then(|()| fs::File::create(&disk.image))
            .and_then(|file| file.set_len(IMAGE_LEN));
        made.map_err(|fault| format!("{}: {fault}", disk.image.display()))?;
        let mut format = match kind {
            Kind::Ext4 => tool("mkfs.ext4"),
            Kind::Xfs => tool("mkfs.xfs"),
        };
        succeed(format.arg("-q").arg(&disk.image))?;
        disk.attach()?;
        Ok(disk)
    }

    /// Leaves the image behind, to be looked at.
    pub(crate) const fn keep(&mut self) {
        self.kept = true;
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Makes ready to cut it off.
    ///
    /// # Errors
    /// When the program for it cannot be started.
    pub(crate) fn sharpen(&self) -> Result<Blade, String> {
        let mut command = tool("xfs_io");
        command.arg("-x").arg(&self.mount).stdin(Stdio::piped());
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        spawned.map(Blade).map_err(|fault| format!("{command:?}: {fault}"))
    }

    /// What comes after the power is back: mounts it anew. Nobody may use it at this moment.
    ///
    /// # Errors
    /// When it cannot be mounted again.
    pub(crate) fn revive(&self) -> Result<(), String> {
        // The kernel may hold what a killed process had in its hands for a moment longer.
        let mut outcome = Ok(());
        wait::until_within(
            UNMOUNT_LIMIT,
            "the cut file system to be unmounted",
            || {
                outcome = succeed(Command::new("umount").arg(&self.mount));
                outcome.is_ok().then_some(())
            },
            String::new,
        );
        self.attach()
    }

    /// The loop device goes when the file system is unmounted.
    fn attach(&self) -> Result<(), String> {
        let mut mount = Command::new("mount");
        mount.args(["-t", self.kind.name(), "-o", "loop"]);
        succeed(mount.arg(&self.image).arg(&self.mount))
    }
}

/// A process that stands ready to cut, so that a cut comes when it is asked for. It waits with the disk in its hands:
/// the disk cannot be mounted anew before it has cut or is gone.
#[derive(Debug)]
pub(crate) struct Blade(Child);

impl Blade {
    /// Cuts the disk off: nothing more reaches the device. With `flush` the file system may write its log before that.
    ///
    /// # Errors
    /// When the file system does not know how.
    pub(crate) fn cut(mut self, flush: bool) -> Result<(), String> {
        let order = if flush { "shutdown -f\n" } else { "shutdown\n" };
        let told = self.0.stdin.take().map(|mut input| input.write_all(order.as_bytes()));
        let mut words = String::new();
        let heard = self.0.stderr.take().map(|mut output| output.read_to_string(&mut words));
        let status = self.0.wait().map_err(|fault| format!("xfs_io: {fault}"))?;
        let said = matches!((told, heard), (Some(Ok(())), Some(Ok(_))));
        // It ends well whatever the file system says; what it says then is a complaint.
        if said && status.success() && words.is_empty() {
            Ok(())
        } else {
            Err(format!("xfs_io cannot cut the disk: {status}\n{words}"))
        }
    }
}

impl Drop for Blade {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.mount).output();
        if !self.kept {
            let _ = fs::remove_file(&self.image);
        }
    }
}

/// A program out of the foreign tree, run by that tree's own loader: unlike in a chroot it sees our files.
fn tool(name: &str) -> Command {
    let root = Release::Bookworm.root();
    let mut command = Command::new(loader(&root));
    let libraries: Vec<String> = library_folders(&root).map(|path| path.display().to_string()).collect();
    command.arg("--library-path").arg(libraries.join(":"));
    command.arg(root.join("usr/sbin").join(name));
    command
}

/// A library out of the foreign tree that is put before others.
pub(crate) fn library(name: &str) -> Option<PathBuf> {
    let root = Release::Bookworm.root();
    library_folders(&root)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The folders of the platform's libraries, whichever platform it is.
fn library_folders(root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    folders.filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
}

fn loader(root: &Path) -> PathBuf {
    let places = library_folders(root).chain([root.join("usr/lib64"), root.join("usr/lib")]);
    let files = places.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let is_loader = |name: &OsStr| name.to_string_lossy().starts_with("ld-linux");
    let found = files.into_iter().find(|entry| is_loader(&entry.file_name()));
    found.map_or_else(|| root.join("usr/lib64/ld-linux"), |entry| entry.path())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let Output { status, stderr, .. } = command.output().map_err(|fault| format!("{command:?}: {fault}"))?;
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&stderr);
    Err(format!("{command:?}: {status}\n{}", words.trim_end()))
}
