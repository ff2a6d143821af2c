//! `cargo xtask flood`: what has no end, over and over, and slow sessions by the thousand. The floods are a program of
//! `sekisho-testkit`; here is what it needs: foreign programs, the server, and a folder for its queues.

use std::{fs, process::Command};

use crate::{
    command::{run, target_dir},
    foreign,
    rig::{Build, build_programs},
};

/// Builds the server and the floods, and lets them loose.
///
/// # Errors
/// When something cannot be built or had, or a bound was broken.
pub(crate) fn run_floods(arguments: &[String]) -> Result<(), String> {
    let (debug, rest): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|argument| *argument == "--debug");
    let trees = foreign::provide()?;
    let built = build_programs(if debug.is_empty() { Build::Release } else { Build::Tests })?;
    // Content is written as it comes in, and /tmp may be a memory.
    let work = target_dir().join("flood");
    fs::create_dir_all(&work).map_err(|fault| format!("cannot make {}: {fault}", work.display()))?;
    let mut command = Command::new(built.join("sekisho-flood"));
    command.arg("--binary").arg(built.join("sekisho")).args(rest);
    run(command.env("TMPDIR", &work).env("SEKISHO_FOREIGN", trees))
}
