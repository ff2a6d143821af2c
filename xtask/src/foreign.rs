//! Foreign servers of mail, names and certificates for the tests: Debian's packages with everything that they depend
//! on, unpacked into one tree a release under `target/foreign`, each of which serves as the root directory of chroots.
//!
//! Nothing is installed: apt works on a state folder of its own that knows of no installed package, so that it names
//! the whole closure down to the C library, and `dpkg-deb` unpacks without running any package's scripts. That is
//! also why it works without root, and beside whatever mail system the host may have. Users, configuration and
//! spools come from `sekisho-testkit`, one copy for each server that a test starts.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::command::{is_installed, run, say, target_dir};

/// Packages of one release of Debian, unpacked into a tree.
struct Tree {
    name: &'static str,
    release: &'static str,
    /// Solved for one group at a time, because Debian's mail servers exclude each other.
    groups: &'static [&'static [&'static str]],
    /// A program of each package: what must be there when all is unpacked.
    programs: &'static [&'static str],
}

/// Fixed, so that the tests meet the same peers on every machine: Debian 12 with what is in the field today, and what
/// of Debian 13 differs from it in TLS.
const TREES: &[Tree] = &[
    Tree {
        name: "bookworm",
        release: "bookworm",
        groups: &[
            &[
                "postfix",
                "swaks",
                "libnet-ssleay-perl",
                "unbound",
                "nsd",
                "ldnsutils",
                "openssl",
                "iproute2",
                "microsocks",
                "dash",
            ],
            &["exim4-daemon-light"],
            &["opensmtpd"],
            // For power cuts: file systems that can be cut off, and flushes that do nothing.
            &["xfsprogs", "e2fsprogs", "libeatmydata1"],
        ],
        programs: &[
            "usr/sbin/postfix",
            "usr/bin/swaks",
            "usr/sbin/unbound",
            "usr/sbin/nsd",
            "usr/bin/drill",
            "usr/bin/ldns-signzone",
            "usr/bin/microsocks",
            "usr/bin/openssl",
            "usr/sbin/exim4",
            "usr/sbin/smtpd",
            "bin/ip",
            "usr/sbin/xfs_io",
            "usr/sbin/mkfs.xfs",
            "usr/sbin/mkfs.ext4",
        ],
    },
    Tree {
        name: "trixie",
        release: "trixie",
        groups: &[
            &["opensmtpd", "openssl", "dash"],
            // An ACME authority, which here knows renewal information too, and a name server that takes updates.
            &["pebble", "bind9"],
        ],
        programs: &[
            "usr/sbin/smtpd",
            "usr/bin/openssl",
            "usr/bin/pebble",
            "usr/bin/pebble-challtestsrv",
            "usr/sbin/named",
            "usr/sbin/tsig-keygen",
        ],
    },
    // By itself: nothing else needs the libraries of a browser, which are more than all the rest together.
    Tree {
        name: "browser",
        release: "bookworm",
        groups: &[&["chromium-headless-shell", "fonts-dejavu-core", "fonts-ipafont-gothic"]],
        programs: &["usr/lib/chromium/chromium-headless-shell"],
    },
];

/// Debian's packages without which neither this task nor the tests' namespaces work, each with a program of it.
const NEEDED_ON_HOST: &[(&str, &str)] = &[
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("cc", "gcc libc6-dev"),
    ("openssl", "openssl"),
    ("python3", "python3"),
];

/// Fetches and unpacks what is not there yet; answers with the folder of the trees.
///
/// # Errors
/// When packages cannot be had or unpacked; the text says what to do about it.
pub(crate) fn provide() -> Result<PathBuf, String> {
    need_host_programs()?;
    let folder = target_dir().join("foreign");
    for tree in TREES {
        tree.provide(&folder)?;
    }
    Ok(folder)
}

impl Tree {
    fn provide(&self, folder: &Path) -> Result<(), String> {
        let (name, release) = (self.name, self.release);
        let (root, stamp) = (folder.join(name), folder.join(format!("{name}.complete")));
        let wanted = format!("{:?}", self.groups);
        if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) && self.first_missing(&root).is_none() {
            return Ok(());
        }
        say(&format!(
            "fetching foreign programs of Debian's {release} into target/foreign/{name}"
        ));
        let archives = self.fetch(&folder.join("apt").join(name))?;
        unpack(&archives, &root)?;
        if let Some(missing) = self.first_missing(&root) {
            return Err(format!(
                "Debian's packages were unpacked into {}, but {missing} is not in them",
                root.display()
            ));
        }
        fs::write(&stamp, wanted).map_err(|fault| format!("cannot write {}: {fault}", stamp.display()))
    }

    fn first_missing(&self, root: &Path) -> Option<&'static str> {
        self.programs
            .iter()
            .copied()
            .find(|program| !root.join(program).is_file())
    }
}

/// Installs missing host packages when we are root on what is then surely a machine for building; says what to install
/// otherwise.
fn need_host_programs() -> Result<(), String> {
    let mut missing: Vec<&str> = NEEDED_ON_HOST
        .iter()
        .filter(|(program, _)| !is_installed(program))
        .flat_map(|(_, packages)| packages.split(' '))
        .collect();
    if !crate::command::is_root() && !is_installed("newuidmap") {
        // Postfix and its like need more than one user; without root those come from /etc/subuid.
        missing.push("uidmap");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !crate::command::is_root() || !is_installed("apt-get") {
        return Err(format!(
            "these Debian packages are missing: run `apt-get install {packages}` as root"
        ));
    }
    say(&format!(
        "installing what building and testing need: apt-get install {packages}"
    ));
    run(Command::new("apt-get").arg("update"))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(missing))
}

impl Tree {
    /// Downloads the closure of every group into `folder`; answers with the folder of the archives.
    fn fetch(&self, folder: &Path) -> Result<PathBuf, String> {
        let made = |path: PathBuf| {
            fs::create_dir_all(&path).map_err(|fault| format!("cannot make {}: {fault}", path.display()))?;
            Ok::<_, String>(path)
        };
        let state = made(folder.join("state"))?;
        made(state.join("lists/partial"))?;
        let cache = made(folder.join("cache"))?;
        let archives = made(cache.join("archives/partial"))?
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        let sources = made(folder.join("sources"))?;
        fs::write(sources.join("debian.sources"), self.source())
            .map_err(|fault| format!("cannot write apt's sources: {fault}"))?;
        // An empty list of installed packages: the closure is then complete, whatever the host has.
        fs::write(state.join("status"), "").map_err(|fault| format!("cannot write apt's state: {fault}"))?;
        let apt_get = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet=2");
            for (key, value) in [
                ("Dir::State", state.as_path()),
                ("Dir::State::status", &state.join("status")),
                ("Dir::Cache", &cache),
                ("Dir::Etc::sourcelist", Path::new("/dev/null")),
                ("Dir::Etc::sourceparts", &sources),
            ] {
                command.arg("-o").arg(format!("{key}={}", value.display()));
            }
            // The download user of apt may not be allowed to write below somebody's home.
            command.args(["-o", "APT::Sandbox::User="]);
            command.stdout(Stdio::null());
            command
        };
        let hint = |fault: String| format!("{fault}\nthe tests need Debian's package mirror for foreign mail servers");
        run(apt_get().arg("update")).map_err(hint)?;
        for group in self.groups {
            run(apt_get()
                .args(["install", "--download-only", "--yes", "--no-install-recommends"])
                .args(*group))
            .map_err(hint)?;
        }
        Ok(archives)
    }

    /// The release as a source of packages, from the mirror that this machine uses.
    fn source(&self) -> String {
        let keyring = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
        let signed_by = if keyring.is_file() {
            format!("Signed-By: {}\n", keyring.display())
        } else {
            String::new()
        };
        format!(
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\n{signed_by}",
            mirror(),
            self.release
        )
    }
}

/// The mirror that the host's own package sources name, or the public one.
fn mirror() -> String {
    let mut candidates = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        candidates.extend(entries.flatten().map(|entry| entry.path()));
    }
    candidates
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|text| mirror_in(&text))
        .unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
}

/// The first mirror of Debian's main archive in a list of sources, whichever of the two forms it has.
fn mirror_in(sources: &str) -> Option<String> {
    sources
        .lines()
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_ascii_whitespace)
        .find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
}

/// Unpacks every archive into a fresh tree with the merged layout of `/usr`.
fn unpack(archives: &Path, root: &Path) -> Result<(), String> {
    if root.exists() {
        fs::remove_dir_all(root).map_err(|fault| format!("cannot clear {}: {fault}", root.display()))?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        let made = fs::create_dir_all(root.join("usr").join(name))
            .and_then(|()| symlink(format!("usr/{name}"), root.join(name)));
        made.map_err(|fault| format!("cannot make {}: {fault}", root.display()))?;
    }
    let entries = fs::read_dir(archives).map_err(|fault| format!("cannot read {}: {fault}", archives.display()))?;
    let mut packages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    packages.retain(|path| path.extension().is_some_and(|kind| kind == "deb"));
    packages.sort();
    for package in packages {
        unpack_one(&package, root)?;
    }
    for name in ["dev", "proc", "run", "sys", "tmp"] {
        fs::create_dir_all(root.join(name)).map_err(|fault| format!("cannot make {}: {fault}", root.display()))?;
    }
    Ok(())
}

/// Through tar, because only it can be told to leave the links of the merged `/usr` alone.
fn unpack_one(package: &Path, root: &Path) -> Result<(), String> {
    let mut reader = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|fault| format!("dpkg-deb cannot be started: {fault}"))?;
    let archive = reader.stdout.take().ok_or("dpkg-deb gave no output")?;
    run(Command::new("tar")
        .args([
            "--extract",
            "--keep-directory-symlink",
            "--no-same-owner",
            "--directory",
        ])
        .arg(root)
        .stdin(archive))?;
    let status = reader
        .wait()
        .map_err(|fault| format!("dpkg-deb cannot be waited for: {fault}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("dpkg-deb cannot read {}", package.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_mirror_is_used_and_no_other_archive() {
        let deb822 = "Types: deb\nURIs: https://mirror.example/debian-security\n\n# http://a.example/debian\n\
                      Types: deb\nURIs: https://mirror.example/debian/\nSuites: sid\n";
        assert_eq!(mirror_in(deb822).as_deref(), Some("https://mirror.example/debian/"));
        let lines =
            "deb http://security.example/debian-security sid main\ndeb [arch=amd64] http://b.example/debian sid main\n";
        assert_eq!(mirror_in(lines).as_deref(), Some("http://b.example/debian"));
        assert_eq!(mirror_in("deb https://packages.example/apt stable main\n"), None);
    }
}
