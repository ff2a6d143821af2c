//! What the programs behind `cargo xtask` have in common: how they speak, enter their namespaces, and end.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::{Command, ExitCode},
};

use crate::enclosure::{self, Enclosed};

/// What is printed where the namespaces or mounts that a program needs cannot be had; `.ci/run` looks for it.
pub const NOT_RUN: &str = "not run: needs root";

/// Tells the person at the terminal something.
pub fn say(text: &str) {
    // A terminal that is gone wants to hear nothing.
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
}

/// The options, or how the program ends without any: help was asked for, or the command line means nothing.
///
/// # Errors
/// That end; what is to be said has been said.
pub fn options<O>(parsed: Result<Option<O>, String>, usage: &str) -> Result<O, ExitCode> {
    match parsed {
        Ok(Some(options)) => Ok(options),
        Ok(None) => {
            say(usage);
            Err(ExitCode::SUCCESS)
        }
        Err(fault) => {
            say(&format!("{fault}\n\n{usage}"));
            Err(ExitCode::FAILURE)
        }
    }
}

/// Whether what the program needs can be had, as `tried` says; otherwise it ends, and that is no failure.
///
/// # Errors
/// That end; what is missing has been said.
pub fn require(tried: Result<(), String>) -> Result<(), ExitCode> {
    tried.map_err(|why| {
        say(&format!("{why}\n{NOT_RUN}"));
        ExitCode::SUCCESS
    })
}

/// Goes on within namespaces of its own.
///
/// # Errors
/// How the program ends outside of them, once all is done inside.
pub fn enclose() -> Result<(), ExitCode> {
    match enclosure::enclose_program() {
        Enclosed::Inside => Ok(()),
        Enclosed::Ended(success) => Err(end(success)),
    }
}

/// How the program ends: a fault is said first, as one of `what` itself and not of what it measures or judges.
pub fn finish(what: &str, well: Result<bool, impl Display>) -> ExitCode {
    end(well.unwrap_or_else(|fault| {
        say(&format!("the {what} itself failed: {fault}"));
        false
    }))
}

/// Whether `command` can be run in new namespaces for mounts, network and processes.
///
/// # Errors
/// What cannot be had, in `words` and those of the system.
pub fn may_unshare(command: &[&str], words: &str) -> Result<(), String> {
    let mut probe = Command::new("unshare");
    probe.args(["--mount", "--net", "--pid", "--fork"]).args(command);
    let tried = probe.output().map_err(|fault| format!("unshare: {fault}"))?;
    if tried.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&tried.stderr);
    Err(format!("{words}: {}", why.trim_end()))
}

fn end(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
