//! A world for one test: its own process tree, network, mounts and host name, made with Linux namespaces.
//!
//! The test runs itself once more inside. There the network is empty but for loopback and a few public addresses of
//! the documentation blocks (RFC 5737), so that MX delivery to port 25 can be tested as it is; every process that the
//! test leaves behind dies with it. Root is not needed: without it a user namespace with the ranges of `/etc/subuid`
//! gives the users that foreign mail servers want.

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Set inside.
const MARK: &str = "SEKISHO_TEST_ENCLOSED";
/// The host name inside.
pub const HOSTNAME: &str = "node.sekisho.example";

/// The resolver, on the usual port; `/etc/resolv.conf` inside says so.
pub const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The authoritative name server.
pub const NAME_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
/// Public addresses that belong to this world, to be given to hosts as a test likes.
pub const HOSTS: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 4)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 5)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 6)),
];

/// Programs of a release of Debian that `cargo xtask test` unpacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Debian 12: nearly everything is taken from it.
    Bookworm,
    /// Debian 13: OpenSMTPD 7 and OpenSSL 3.5, which knows the hybrid X25519MLKEM768.
    Trixie,
    /// Chromium without a window, of Debian 12.
    Browser,
}

impl Release {
    /// The tree of its programs.
    ///
    /// # Panics
    /// When it is not there; the text says which command provides it.
    #[must_use]
    pub fn root(self) -> PathBuf {
        let given = env::var_os("SEKISHO_FOREIGN").map(PathBuf::from);
        let trees = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/foreign"));
        let (name, program) = match self {
            Self::Bookworm => ("bookworm", "usr/bin/openssl"),
            Self::Trixie => ("trixie", "usr/bin/openssl"),
            Self::Browser => ("browser", "usr/lib/chromium/chromium-headless-shell"),
        };
        let root = trees.join(name);
        let root = fs::canonicalize(&root).unwrap_or(root);
        assert!(
            root.join(program).is_file(),
            "this test needs foreign programs in {}: run `cargo xtask test`, or `cargo xtask foreign` once",
            root.display()
        );
        root
    }
}

/// One more, of the block of RFC 3849.
pub const HOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Runs `test` in a world of its own. Called with a closure as the whole body of a test function, whose name it reads
/// off the closure's type.
///
/// # Panics
/// When the test inside fails, or the world cannot be made.
pub fn enclosed<F: FnOnce()>(test: F) {
    if env::var_os(MARK).is_some() {
        furnish();
        return test();
    }
    let path = std::any::type_name::<F>();
    let in_crate = path.split_once("::").map_or(path, |(_, rest)| rest);
    let name = in_crate.trim_end_matches("::{{closure}}");
    let myself = env::current_exe().expect("a test program knows where it is");
    let output = unshare()
        .arg(myself)
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(MARK, "1")
        .output()
        .expect("unshare starts");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} failed in its world ({})\n{said}\n{complained}",
        output.status
    );
}

/// What became of [`enclose_program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enclosed {
    /// We are inside; go on.
    Inside,
    /// We ran inside to our end; whether it was a good one.
    Ended(bool),
}

/// As [`enclosed`], for a whole program: it runs itself once more inside with the same arguments.
///
/// # Panics
/// When the world cannot be made.
#[must_use]
pub fn enclose_program() -> Enclosed {
    if env::var_os(MARK).is_some() {
        furnish();
        return Enclosed::Inside;
    }
    let myself = env::current_exe().expect("a program knows where it is");
    let status = unshare()
        .arg(myself)
        .args(env::args_os().skip(1))
        .env(MARK, "1")
        .status()
        .expect("unshare starts");
    Enclosed::Ended(status.success())
}

/// The command that makes the namespaces; what it runs dies with the caller.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0) {
        command.args(["--user", "--map-root-user", "--map-auto"]);
    }
    command.args([
        "--net",
        "--mount",
        "--uts",
        "--ipc",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command
}

/// Sets up network, host name and resolver, from inside.
fn furnish() {
    rustix::system::sethostname(HOSTNAME.as_bytes()).expect("the world's own host name can be set");
    ip(&["link", "set", "lo", "up"]);
    for address in HOSTS.iter().chain([&NAME_SERVER]) {
        ip(&["address", "add", &format!("{address}/32"), "dev", "lo"]);
    }
    ip(&["-6", "address", "add", &format!("{HOST_V6}/128"), "dev", "lo"]);
    let resolv = env::temp_dir().join(format!("resolv.{}", unique()));
    fs::write(&resolv, format!("nameserver {RESOLVER}\n")).expect("a temporary file can be written");
    mount(&["--bind", &resolv.to_string_lossy(), "/etc/resolv.conf"]);
    // The mount keeps it.
    let _ = fs::remove_file(&resolv);
}

fn unique() -> String {
    // The process id is 1 in every world; the namespace's number is not.
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digits: String = namespace
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits
}

/// `ip` out of the foreign tree: the host may have none.
///
/// # Panics
/// When it fails.
pub fn ip(arguments: &[&str]) {
    let root = Release::Bookworm.root();
    succeed(Command::new("chroot").arg(root).arg("/bin/ip").args(arguments));
}

fn mount(arguments: &[&str]) {
    succeed(Command::new("mount").args(arguments));
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("the program is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {complaint}");
}
