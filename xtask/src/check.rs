//! `cargo xtask check`: everything that is judged without running the product.

use crate::{
    command::{cargo, is_installed, run, say},
    tidy,
};

/// Formatting, clippy, tidy, dependency bans and documentation, in that order; all of them are run, so that one go
/// shows every fault.
///
/// # Errors
/// When any of them finds something.
pub(crate) fn run_all() -> Result<(), String> {
    let mut faults = Vec::new();
    let mut note = |outcome: Result<(), String>| faults.extend(outcome.err());
    note(run(cargo().args(["fmt", "--all", "--check"])));
    note(run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ])));
    note(tidy::run());
    if is_installed("cargo-deny") {
        // Advisories need a database of their own; what is banned does not.
        note(run(cargo().args(["deny", "check", "bans", "licenses", "sources"])));
    } else {
        say("cargo-deny is not installed: tidy has looked at the banned crates, nothing at licenses and sources");
    }
    note(run(cargo().env("RUSTDOCFLAGS", "--deny warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--quiet",
    ])));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}
