//! `cargo xtask simulate`: the whole server in a deterministic simulation, many seeds at a time. The simulation is a
//! test of the crate `sekisho`; here its seeds are shared out among as many processes as there are cores.

use std::{
    process::{Child, Stdio},
    thread,
};

use crate::command::{cargo, say};

/// Seeds of the named run.
const SEEDS: u64 = 10_000;
/// The tests that it runs, and the one for `--week`.
const MINUTES: &str = "nothing_is_lost_altered_invented_or_weakened_in_a_simulation";
const WEEK: &str = "after_hours_of_trouble_nothing_has_grown";

const USAGE: &str = "\
Usage: cargo xtask simulate [--seeds N] [--seed S] [--week]

  --seeds N  how many seeds (10000)
  --seed S   the first of them (0); with `--seeds 1` the whole log is shown
  --week     a week of virtual time and what follows from it, under the one seed instead
";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    seeds: u64,
    first: u64,
    week: bool,
}

fn parse(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        seeds: SEEDS,
        first: 0,
        week: false,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--week" {
            wanted.week = true;
            continue;
        }
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (argument.as_str(), number) {
            ("--seeds", Some(number @ 1..)) => wanted.seeds = number,
            ("--seed", Some(number)) => wanted.first = number,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(wanted)
}

/// First seed and number of seeds for each process.
fn shares(wanted: Wanted, processes: u64) -> Vec<(u64, u64)> {
    if wanted.week {
        return vec![(wanted.first, 1)];
    }
    let share = wanted.seeds.div_ceil(processes.max(1));
    let starts = (0..wanted.seeds).step_by(usize::try_from(share).unwrap_or(usize::MAX));
    let each = starts.map(|start| (wanted.first + start, share.min(wanted.seeds - start)));
    each.collect()
}

/// Builds the test once and runs the seeds.
///
/// # Errors
/// When it cannot be built, or a seed found something; its trace was shown then.
pub(crate) fn run_seeds(arguments: &[String]) -> Result<(), String> {
    let wanted = parse(arguments)?;
    let test = if wanted.week { WEEK } else { MINUTES };
    crate::command::run(cargo().args(["test", "--quiet", "--package", "sekisho", "--lib", "--no-run"]))?;
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let running = shares(wanted, cores)
        .into_iter()
        .map(|(first, seeds)| start(test, wanted.week, first, seeds))
        .collect::<Result<Vec<Child>, String>>()?;
    let mut failed = 0;
    for mut child in running {
        let ended = child.wait().map_err(|fault| fault.to_string())?;
        failed += usize::from(!ended.success());
    }
    if failed > 0 {
        return Err("a seed found something: its trace is above, its number in the first line".to_owned());
    }
    say("no seed found anything");
    Ok(())
}

fn start(test: &str, week: bool, first: u64, seeds: u64) -> Result<Child, String> {
    let mut command = cargo();
    command
        .args([
            "test",
            "--quiet",
            "--package",
            "sekisho",
            "--lib",
            "--",
            "--nocapture",
            "--exact",
        ])
        .arg(format!("simulation::tests::{test}"))
        .env("SEKISHO_SIMULATE_SEED", first.to_string())
        .env("SEKISHO_SIMULATE_SEEDS", seeds.to_string())
        .stdin(Stdio::null());
    if week {
        command.env("SEKISHO_SIMULATE_WEEK", "1");
    }
    command
        .spawn()
        .map_err(|fault| format!("cargo cannot be started: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn each_seed_is_run_once() {
        let wanted = parse(&words("--seeds 10 --seed 5")).unwrap();
        assert_eq!(shares(wanted, 3), [(5, 4), (9, 4), (13, 2)]);
        assert_eq!(shares(wanted, 100).iter().map(|share| share.1).sum::<u64>(), 10);
        let week = parse(&words("--week --seed 3")).unwrap();
        assert_eq!(shares(week, 8), [(3, 1)]);
        assert!(
            parse(&words("--seeds 0")).is_err() && parse(&words("--seeds")).is_err() && parse(&words("x")).is_err()
        );
    }
}
