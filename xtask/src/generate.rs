//! `cargo xtask generate`: writes the generated files anew. The test that finds them stale is also what writes them,
//! so that the two can never differ.

use crate::command::{cargo, run};

/// Runs the test of the generated files in its writing mode.
///
/// # Errors
/// When it cannot be built or does not pass.
pub(crate) fn run_test() -> Result<(), String> {
    run(cargo()
        .env("UPDATE_GENERATED", "1")
        .args(["test", "--quiet", "--package", "sekisho", "--test", "generated"]))
}
