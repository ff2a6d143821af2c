//! `cargo xtask states`: the store over a disk that is rebuilt as a crash could have left it, as often as one likes.
//! The tests judge ten thousand states; here is the long run, a million unless a number is given.

use crate::command::{cargo, run, say};

/// States of the long run.
const STATES: u64 = 1_000_000;

/// Judges so many states; `SEKISHO_CRASH_SEED` repeats a run's choices.
///
/// # Errors
/// When the tests cannot be built, or a state is not as it must be: what is said then names the seed, the operations
/// and the folder.
pub(crate) fn run_states(arguments: &[String]) -> Result<(), String> {
    let states = match arguments {
        [] => STATES,
        [number] => number
            .replace('_', "")
            .parse()
            .map_err(|_| format!("usage: cargo xtask states [number]; {number:?} is none"))?,
        _ => return Err("usage: cargo xtask states [number]".to_owned()),
    };
    say(&format!(
        "judging {states} states; about a hundred a second on two cores"
    ));
    // Not in the release build: overflows and assertions are faults here too. Cargo's own runner knows no time limit.
    run(cargo().env("SEKISHO_CRASH_STATES", states.to_string()).args([
        "test",
        "--quiet",
        "--package",
        "sekisho-testkit",
        "--test",
        "store_crash",
        "--",
        "--nocapture",
        "--test-threads=1",
        "nothing_acknowledged_is_lost",
    ]))
}
