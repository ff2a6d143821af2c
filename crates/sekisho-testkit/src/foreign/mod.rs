//! Foreign servers and clients, run out of the unpacked tree of Debian's packages.
//!
//! Each instance is a [`Cell`]: the common tree with `/etc`, `/var`, `/run` and `/tmp` of its own, entered by `chroot`
//! in namespaces of its own for processes and mounts. Nothing outside is touched, and dropping it ends every process
//! of it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    enclosure::{RESOLVER, Release},
    wait,
};

mod chromium;
mod exim;
mod microsocks;
mod names;
mod opensmtpd;
mod pebble;
mod postfix;
mod signed_names;
mod swaks;

pub use chromium::Chromium;
pub use exim::{Exim, EximSettings};
pub use microsocks::Microsocks;
pub use names::{Names, UPDATE_KEY, Zone};
pub use opensmtpd::OpenSmtpd;
pub use pebble::{PEBBLE_NAME, Pebble, PebbleSettings};
pub use postfix::{Postfix, PostfixListener, PostfixSettings};
pub use signed_names::SignedNames;
pub use swaks::{Swaks, SwaksOutput};

/// The users and groups that Debian's packages would have made.
const USERS: &str = "\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
postfix:x:101:101::/var/spool/postfix:/usr/sbin/nologin
Debian-exim:x:102:102::/var/spool/exim4:/usr/sbin/nologin
opensmtpd:x:103:103::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:104:104::/var/lib/opensmtpd/empty:/usr/sbin/nologin
unbound:x:105:105::/var/lib/unbound:/usr/sbin/nologin
nsd:x:106:106::/var/lib/nsd:/usr/sbin/nologin
inbox:x:1000:1000::/var/inbox:/bin/sh
";
const GROUPS: &str = "\
root:x:0:
daemon:x:1:
mail:x:8:
nogroup:x:65534:
postfix:x:101:
postdrop:x:107:
Debian-exim:x:102:
opensmtpd:x:103:
opensmtpq:x:104:
unbound:x:105:
nsd:x:106:
inbox:x:1000:
";
/// The mailbox of the `inbox` user.
const INBOX: u32 = 1000;

/// A private view of the foreign tree.
#[derive(Debug)]
pub struct Cell {
    folder: TempDir,
    root: PathBuf,
}

/// A process in a cell; it ends with this value.
#[derive(Debug)]
pub struct Inmate(Child);

impl Inmate {
    /// The process from which all others of the cell descend.
    fn process_id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Inmate {
    fn drop(&mut self) {
        // The first process of the cell takes all others with it, and `unshare` ends once it is gone. Killing `unshare`
        // would not do: `--kill-child` is forgotten by a child that changes its user, as Postfix does.
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let first = children
            .split_ascii_whitespace()
            .next()
            .and_then(|text| text.parse().ok());
        if first
            .and_then(Pid::from_raw)
            .is_none_or(|first| kill_process(first, Signal::KILL).is_err())
        {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

impl Cell {
    /// Furnishes a new one with users and an empty `/var`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Release::Bookworm)
    }

    /// As [`Self::new`], with the programs of this release.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn of(release: Release) -> Self {
        let root = release.root();
        let folder = tempfile::Builder::new()
            .prefix("cell-")
            .tempdir()
            .expect("a temporary folder can be made");
        // Its servers run under several users and must come through.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our folder is ours");
        for name in ["etc", "var"] {
            let copied = Command::new("cp")
                .arg("--recursive")
                .arg("--no-dereference")
                .arg(root.join(name))
                .arg(folder.path())
                .status();
            assert!(
                copied.is_ok_and(|status| status.success()),
                "/{name} of the foreign tree can be copied"
            );
        }
        for name in ["run", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        let open_to_all = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(folder.path().join("tmp"), open_to_all).expect("our folder is ours");
        let cell = Self { folder, root };
        cell.write("etc/passwd", USERS);
        cell.write("etc/group", GROUPS);
        cell.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        cell.write("etc/resolv.conf", format!("nameserver {RESOLVER}\n"));
        cell.write("etc/hosts", "127.0.0.1 localhost\n");
        cell.make_folder("var/inbox", INBOX, 0o755);
        std::os::unix::fs::symlink("/run", cell.path("var/run")).expect("the cell's /var is ours");
        cell
    }

    /// A path of the cell as seen from outside.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Writes a file of the cell, its folders too.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, inside: &str, text: impl AsRef<[u8]>) {
        let path = self.path(inside);
        let parent = path.parent().expect("a file is in a folder");
        fs::create_dir_all(parent).expect("a folder can be made");
        fs::write(&path, text).expect("a file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("our file is ours");
    }

    /// Writes a private key, which servers want unreadable for others.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_secret(&self, inside: &str, text: impl AsRef<[u8]>) {
        self.write(inside, text);
        fs::set_permissions(self.path(inside), fs::Permissions::from_mode(0o600)).expect("our file is ours");
    }

    /// Makes a folder of the cell for one of its users.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn make_folder(&self, inside: &str, owner: u32, mode: u32) {
        let path = self.path(inside);
        fs::create_dir_all(&path).expect("a folder can be made");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("our folder is ours");
        std::os::unix::fs::chown(&path, Some(owner), Some(owner)).expect("a world has users to give");
    }

    /// A command that runs inside.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"])
            .arg(self.folder.path())
            .arg(&self.root)
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C");
        command
    }

    /// Starts a program inside that keeps running; what it says goes to `log` in the cell's `/var`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, log: &str, program: &str, arguments: &[&str]) -> Inmate {
        let file = fs::File::create(self.path("var").join(log)).expect("a log can be written");
        let again = file.try_clone().expect("a file can be opened twice");
        let child = self
            .command(program, arguments)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(again)
            .spawn()
            .expect("unshare starts");
        Inmate(child)
    }

    /// As [`Self::start`], for a server: waits until it listens at `address`.
    ///
    /// # Panics
    /// When it ends or does not listen; shows what it said.
    #[must_use]
    pub fn serve(&self, address: SocketAddr, log: &str, program: &str, arguments: &[&str]) -> Inmate {
        let mut inmate = self.start(log, program, arguments);
        let listening = || TcpStream::connect(address).ok();
        wait::until_or(
            format_args!("{program} at {address}"),
            || {
                let ended = inmate.0.try_wait().ok().flatten();
                assert!(ended.is_none(), "{program} ended: {ended:?}\n{}", self.log(log));
                listening()
            },
            || self.log(log),
        );
        inmate
    }

    /// Runs a program inside to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments)
            .stdin(Stdio::null())
            .output()
            .expect("unshare starts")
    }

    /// What a log of the cell says so far.
    #[must_use]
    pub fn log(&self, log: &str) -> String {
        let octets = fs::read(self.path("var").join(log)).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Messages in the Maildir of the `inbox` user, whole.
    #[must_use]
    pub fn inbox(&self) -> Vec<Vec<u8>> {
        maildir(&self.path("var/inbox/Maildir"))
    }
}

impl Default for Cell {
    fn default() -> Self {
        Self::new()
    }
}

/// Enters a cell: its own folders over those of the tree, then the root of the tree. The first argument is the cell's
/// folder, the second the tree, the rest the program.
const ENTER: &str = "\
set -e
cell=$1 root=$2
shift 2
mount --bind \"$root\" \"$root\"
for name in etc var run tmp; do mount --bind \"$cell/$name\" \"$root/$name\"; done
mount --rbind /dev \"$root/dev\"
mount --types proc proc \"$root/proc\"
exec chroot \"$root\" \"$@\"
";

/// The messages in a Maildir, those in `new` and `cur`, in the order of their names.
#[must_use]
pub fn maildir(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = ["new", "cur"]
        .iter()
        .filter_map(|name| fs::read_dir(folder.join(name)).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}
