//! `cargo xtask fuzz`: hostile octets for the parsers, with coverage to guide them.
//!
//! The targets live in `fuzz/`, outside the workspace, because they are built with instrumentation. What the fuzzer
//! finds interesting collects under `target/fuzz/corpus`; the seeds that are committed are replayed by the tests, and a
//! crash belongs among them once it is mended.

use std::{fs, path::Path};

use crate::command::{cargo, is_installed, run, say, target_dir, workspace_root};

const DEFAULT_SECS: &str = "60";

/// Runs the target that is named, or each of them, for so many seconds.
///
/// # Errors
/// When cargo-fuzz is missing, a target cannot be built, or one of them finds something.
pub(crate) fn run_targets(arguments: &[String]) -> Result<(), String> {
    if !is_installed("cargo-fuzz") {
        return Err("cargo-fuzz is missing: `cargo install cargo-fuzz`, and `apt-get install g++`".to_owned());
    }
    let (name, secs) = match arguments {
        [] => (None, DEFAULT_SECS),
        [name] => (Some(name), DEFAULT_SECS),
        [name, secs] if secs.parse::<u32>().is_ok() => (Some(name), secs.as_str()),
        _ => return Err("usage: cargo xtask fuzz [target [seconds]]".to_owned()),
    };
    let fuzz = workspace_root().join("fuzz");
    let all = targets(&fuzz)?;
    let chosen: Vec<&String> = all
        .iter()
        .filter(|target| name.is_none_or(|name| name == *target))
        .collect();
    if chosen.is_empty() {
        return Err(format!("there is no such target; there are: {}", all.join(", ")));
    }
    for target in chosen {
        say(&format!("fuzzing {target} for {secs} s"));
        let corpus = target_dir().join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).map_err(|fault| format!("cannot make {}: {fault}", corpus.display()))?;
        // Without a sanitizer it builds with the stable compiler; nothing here is `unsafe`, and overflows are checked.
        run(cargo()
            .current_dir(&fuzz)
            .args(["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", "none", "--target-dir"])
            .arg(target_dir().join("fuzz/build"))
            .arg(target)
            .arg(corpus)
            .arg(fuzz.join("seeds").join(target))
            .args(["--", &format!("-max_total_time={secs}"), "-print_final_stats=1"]))?;
    }
    Ok(())
}

/// The targets by the names of their files.
fn targets(fuzz: &Path) -> Result<Vec<String>, String> {
    let folder = fuzz.join("targets");
    let entries = fs::read_dir(&folder).map_err(|fault| format!("cannot read {}: {fault}", folder.display()))?;
    let mut targets: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    Ok(targets)
}
