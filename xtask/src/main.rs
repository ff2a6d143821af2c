//! Development tasks, run as `cargo xtask <task>`.
//!
//! What a task does is in its module; here is only the way to it. Everything that a task needs beyond Rust, a C
//! compiler and a Debian system is fetched into `target/` and nothing is ever installed over the host's own mail
//! system. This crate stays light, because it is built before anything else can be done.

use std::{env, process::ExitCode};

mod check;
mod command;
mod flood;
mod foreign;
mod fuzz;
mod generate;
mod rig;
mod simulate;
mod states;
mod test;
mod tidy;
mod walk;

const USAGE: &str = "\
Usage: cargo xtask <task> [arguments]

  test [arguments]   fetch what the tests need and run them all; arguments go to the test runner
  check              formatting, clippy, tidy, dependency bans, documentation
  tidy               the rules of this workspace that no other tool knows
  generate           write the generated files anew
  bench [arguments]  measure the packaged build and large directories (--directory: those alone); --help says what
  crash [arguments]  cut the disk under a loaded server; `cargo xtask crash --help` says how
  million [args]     a server with a million messages, half of them for the dead
  states [number]    the store as a crash at any write could have left it; a million states unless told otherwise
  flood [arguments]  what has no end, and slow sessions; `cargo xtask flood --help` says which
  simulate [args]    the whole server in simulation, 10,000 seeds; `cargo xtask simulate --help` says how
  fuzz [target [s]]  hostile octets for each parser; needs cargo-fuzz
  walk [arguments]   the server's session beside its model, ten million random steps; --steps and --seed
  foreign            fetch and unpack the foreign mail and name servers only
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let outcome = match task.as_deref() {
        Some("test") => test::run(&rest),
        Some("check") => check::run_all(),
        Some("tidy") => tidy::run(),
        Some("generate") => generate::run_test(),
        Some("bench") => test::bench(&rest),
        Some("crash") => rig::run_rig(rig::CRASH, rig::Build::Release, &rest),
        Some("million") => rig::run_rig(rig::MILLION, rig::Build::Release, &rest),
        Some("states") => states::run_states(&rest),
        Some("flood") => flood::run_floods(&rest),
        Some("simulate") => simulate::run_seeds(&rest),
        Some("fuzz") => fuzz::run_targets(&rest),
        Some("walk") => walk::run_test(&rest),
        Some("foreign") => foreign::provide().map(drop),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            command::say(&fault);
            ExitCode::FAILURE
        }
    }
}
