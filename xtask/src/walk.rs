//! `cargo xtask walk`: the server's session beside its model for as many random steps as are wished. The test that
//! makes a short walk in each run of the tests is also what makes the long one.

use crate::command::{cargo, run};

const DEFAULT_STEPS: &str = "10000000";
const USAGE: &str = "usage: cargo xtask walk [--steps 10000000] [--seed number]";

/// Runs the test of the walk; a seed that is not given is the test's to choose and is printed.
///
/// # Errors
/// When an argument is wrong, the test cannot be built, or a step is not the model's.
pub(crate) fn run_test(arguments: &[String]) -> Result<(), String> {
    let mut steps = DEFAULT_STEPS;
    let mut seed = None;
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if value.parse::<u64>().is_ok() && name == "--steps" => steps = value,
            [name, value] if value.parse::<u64>().is_ok() && name == "--seed" => seed = Some(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    let mut command = cargo();
    command.env("SEKISHO_WALK_STEPS", steps).args([
        "test",
        "--quiet",
        "--package",
        "sekisho-smtp",
        "--test",
        "it",
        "--",
        "--nocapture",
        "walks::",
    ]);
    if let Some(seed) = seed {
        command.env("SEKISHO_WALK_SEED", seed);
    }
    run(&mut command)
}
