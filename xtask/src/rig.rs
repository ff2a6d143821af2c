//! `cargo xtask crash`, power cuts under load, and `cargo xtask million`, a queue of that length. Each rig is a program
//! of `sekisho-testkit`; here is what it needs: foreign programs, the server, and a folder for its disks and queues.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    command::{cargo, is_root, run, say, target_dir},
    foreign,
};

/// What is said where the rig may not mount; it says the same where root may not. `.ci/run` looks for it.
const NOT_RUN: &str = "not run: needs root";

/// A rig: its program, and its folder below the target folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rig {
    program: &'static str,
    folder: &'static str,
}

/// Power cuts.
pub(crate) const CRASH: Rig = Rig {
    program: "sekisho-crash",
    folder: "crash",
};
/// A million messages.
pub(crate) const MILLION: Rig = Rig {
    program: "sekisho-million",
    folder: "million",
};

/// Which build of server and rig is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// The tests' own, so that nothing else has to be built.
    Tests,
    /// What is shipped.
    Release,
}

/// Runs a rig.
///
/// # Errors
/// When something cannot be built or had, or when the rig's verdict is that something failed.
pub(crate) fn run_rig(rig: Rig, build: Build, arguments: &[String]) -> Result<(), String> {
    if !is_root() {
        say(NOT_RUN);
        return Ok(());
    }
    let trees = foreign::provide()?;
    let built = build_programs(build)?;
    let work = target_dir().join(rig.folder);
    fs::create_dir_all(&work).map_err(|fault| format!("cannot make {}: {fault}", work.display()))?;
    let mut command = Command::new(built.join(rig.program));
    command
        .arg("--binary")
        .arg(built.join("sekisho"))
        .arg("--work")
        .arg(&work);
    command.args(arguments);
    // The server's log lies beside the disks' images, and not in a memory that may be small.
    run(command.env("TMPDIR", &work).env("SEKISHO_FOREIGN", trees))
}

/// Builds the server and all programs of the testkit; the folder that they are in.
///
/// # Errors
/// When something cannot be built.
pub(crate) fn build_programs(build: Build) -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--package",
        "sekisho",
        "--package",
        "sekisho-testkit",
        "--bins",
    ]);
    let folder = match build {
        Build::Tests => "debug",
        Build::Release => {
            command.arg("--release");
            "release"
        }
    };
    run(&mut command)?;
    Ok(target_dir().join(folder))
}
