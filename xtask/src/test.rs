//! `cargo xtask test` and `cargo xtask bench`: fetch what they need, then run.

use crate::{
    command::{cargo, is_installed, say, target_dir},
    foreign, rig,
};

/// Fetches what the tests need and runs them all, those in the documentation and the short run of `cargo xtask crash`
/// too; with arguments, what these choose. With cargo-nextest each test is a process of its own; where that is not
/// installed, Cargo's own runner does the same tests, because building nextest takes longer than they do.
///
/// # Errors
/// When something cannot be had, or a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let foreign = foreign::provide()?;
    // One hop of the environment, so that the tests find the tree even under another target folder.
    let prepared = || {
        let mut command = cargo();
        command.env("SEKISHO_FOREIGN", &foreign);
        command
    };
    if !arguments.is_empty() {
        return run_tests(prepared(), arguments);
    }
    run_tests(prepared(), arguments)?;
    crate::command::run(prepared().args(["test", "--workspace", "--doc", "--quiet"]))?;
    rig::run_rig(rig::CRASH, rig::Build::Tests, &[])
}

fn run_tests(mut command: std::process::Command, arguments: &[String]) -> Result<(), String> {
    if is_installed("cargo-nextest") {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        say("cargo-nextest is not installed: the tests run under `cargo test`");
        command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    crate::command::run(command.args(arguments))
}

/// The option that measures the directory alone.
const DIRECTORY: &str = "--directory";

/// Builds the binary as it is packaged and the measuring program, and measures; before that, or alone with
/// `--directory`, how long attribution and selection take in a large directory, and a verdict by a large CRL.
///
/// # Errors
/// When something cannot be built, or the measuring fails.
pub(crate) fn bench(arguments: &[String]) -> Result<(), String> {
    let is_asked = arguments.iter().any(|argument| argument == "--help");
    if !is_asked {
        bench_directory()?;
    }
    if arguments.iter().any(|argument| argument == DIRECTORY) {
        return Ok(());
    }
    let foreign = foreign::provide();
    if let Err(fault) = &foreign {
        say(&format!("measuring without Postfix beside it: {fault}"));
    }
    crate::command::run(cargo().args(["build", "--profile", "dist", "--package", "sekisho"]))?;
    let mut command = cargo();
    command
        .args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "sekisho-testkit",
            "--bin",
            "sekisho-bench",
            "--",
        ])
        .arg("--binary")
        .arg(target_dir().join("dist/sekisho"))
        .arg("--results")
        .arg(target_dir().join("bench"))
        .args(arguments);
    // The queues must lie on the disk that the results speak of, and /tmp may be none.
    let queues = target_dir().join("bench/queues");
    std::fs::create_dir_all(&queues).map_err(|fault| format!("cannot make {}: {fault}", queues.display()))?;
    command.env("TMPDIR", queues);
    if let Ok(trees) = foreign {
        command.env("SEKISHO_FOREIGN", trees);
    }
    crate::command::run(&mut command)
}

/// They take none of the arguments: what they measure is bounded, and so is what one of it may take.
fn bench_directory() -> Result<(), String> {
    for (package, name) in [("sekisho-policy", "directory"), ("sekisho-tls", "revocation")] {
        crate::command::run(cargo().args(["bench", "--quiet", "--package", package, "--bench", name]))?;
    }
    Ok(())
}
