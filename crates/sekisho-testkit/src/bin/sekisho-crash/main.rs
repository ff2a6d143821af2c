//! The program behind `cargo xtask crash`: power cuts for real. The server's data folder lies on a file system that is
//! cut off at random moments under load, and its process is killed at others; afterwards a ledger on another file
//! system says whether law 1 and law 2 held. Everything runs in namespaces of its own for processes, mounts and
//! network.
//!
//! A run counts only when its controls were caught: the same server with its flushes taken away has to lose mail.

use std::{
    env, fs,
    path::{self, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sekisho_testkit::program::{self, NOT_RUN, say};

mod control;
mod disk;
mod judge;
mod ledger;
mod load;
mod round;
mod schedule;
mod sink;

use control::Control;
use disk::{Disk, Kind};
use round::{Outcome, Round};
use schedule::Dice;

const USAGE: &str = "\
Cuts the disk under a loaded server, and kills it, at random moments; nothing that was acknowledged may be lost.

Usage: cargo xtask crash [--long] [--cuts N] [--kills N] [--seed S] [--fs ext4|xfs]

  --long      2,000 cuts and 20,000 kills instead of 20 and 200
  --cuts N    so many cuts of the disk
  --kills N   so many kills of the process
  --seed S    the same schedule again
  --fs KIND   on this file system only
";

/// Violent ends in one round, about.
const CUTS_IN_ROUND: usize = 10;
const KILLS_IN_ROUND: usize = 100;
/// So many rounds has a control to be caught in.
const CONTROL_ROUNDS: usize = 5;
/// For how long a server with mail in its queue may deliver nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the command line says.
#[derive(Clone, Debug)]
struct Options {
    binary: PathBuf,
    work: PathBuf,
    cuts: usize,
    kills: usize,
    seed: u64,
    only: Option<Kind>,
}

fn main() -> ExitCode {
    prepare().map_or_else(|end| end, |options| program::finish("rig", run(&options)))
}

/// The options, inside the namespaces; or how the program ends.
fn prepare() -> Result<Options, ExitCode> {
    let options = program::options(parse_options(env::args().skip(1)), USAGE)?;
    program::require(may_mount())?;
    program::enclose()?;
    Ok(options)
}

fn parse_options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut options = Options {
        binary: PathBuf::new(),
        work: PathBuf::from("target/crash"),
        cuts: 20,
        kills: 200,
        // Short, so that it can be typed.
        seed: Dice::new(since_epoch.as_secs()).below(1 << 32),
        only: None,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" => return Ok(None),
            "--long" => (options.cuts, options.kills) = (2_000, 20_000),
            name => {
                let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
                set_option(&mut options, name, value)?;
            }
        }
    }
    Ok(Some(options))
}

fn set_option(options: &mut Options, name: &str, value: String) -> Result<(), String> {
    let number = || {
        value
            .parse::<u64>()
            .map_err(|_| format!("{name} wants a number, not {value:?}"))
    };
    let count = || number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    match name {
        "--cuts" => options.cuts = count()?,
        "--kills" => options.kills = count()?,
        "--seed" => options.seed = number()?,
        // The server runs in a folder of its own.
        "--binary" => options.binary = path::absolute(&value).map_err(|fault| format!("{value}: {fault}"))?,
        "--work" => options.work = path::absolute(&value).map_err(|fault| format!("{value}: {fault}"))?,
        "--fs" => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == value);
            options.only = Some(kind.ok_or_else(|| format!("--fs is ext4 or xfs, not {value:?}"))?);
        }
        other => return Err(format!("{other} means nothing here")),
    }
    Ok(())
}

/// Whether namespaces and loop devices can be had; what is missing otherwise. A file system that the kernel does not
/// know is no reason to run nothing.
fn may_mount() -> Result<(), String> {
    let mount = ["mount", "-t", "tmpfs", "probe", "/mnt"];
    program::may_unshare(&mount, "nothing can be mounted here")?;
    if fs::metadata("/dev/loop-control").is_err() {
        return Err("there are no loop devices here (/dev/loop-control)".to_owned());
    }
    Ok(())
}

/// Whether everything was well.
fn run(options: &Options) -> Result<bool, String> {
    let begun = Instant::now();
    fs::create_dir_all(&options.work).map_err(|fault| format!("{}: {fault}", options.work.display()))?;
    let kinds = usable(options)?;
    if kinds.is_empty() {
        say(NOT_RUN);
        return Ok(true);
    }
    say(&format!("seed {}", options.seed));
    let mut well = true;
    for control in Control::ALL {
        for kind in &kinds {
            well &= is_caught(control, *kind, options)?;
        }
    }
    let rounds = rounds(options, &kinds);
    let count = rounds.len();
    for (place, round) in rounds.iter().enumerate() {
        say(&format!(
            "round {} of {count}: {}, {} cuts, {} kills, seed {}",
            place + 1,
            round.kind,
            round.cuts,
            round.kills,
            round.seed
        ));
        let outcome = round.run(&options.binary, &options.work)?;
        tell(&outcome);
        well &= outcome.is_clean();
    }
    let (cuts, kills) = (options.cuts, options.kills);
    let result = if well { "all is well" } else { "FAILED" };
    say(&format!(
        "{cuts} cuts and {kills} kills in {} s: {result}",
        begun.elapsed().as_secs()
    ));
    Ok(well)
}

/// The file systems that this machine can mount and cut; says which it cannot, and why.
fn usable(options: &Options) -> Result<Vec<Kind>, String> {
    let wanted = Kind::ALL
        .into_iter()
        .filter(|kind| options.only.is_none_or(|only| only == *kind));
    let mut kinds = Vec::new();
    for kind in wanted {
        let folder = tempfile::tempdir_in(&options.work).map_err(|fault| fault.to_string())?;
        let tried = Disk::make(kind, folder.path()).and_then(|disk| {
            disk.sharpen()?.cut(false)?;
            disk.revive()
        });
        match tried {
            Ok(()) => kinds.push(kind),
            Err(why) => say(&format!("{kind} cannot be used here: {why}")),
        }
    }
    Ok(kinds)
}

/// Cuts and kills spread over rounds, the file systems in turn. The first round has the seed that was asked for, so
/// that any round can be had again alone.
fn rounds(options: &Options, kinds: &[Kind]) -> Vec<Round> {
    let wanted = options
        .cuts
        .div_ceil(CUTS_IN_ROUND)
        .max(options.kills.div_ceil(KILLS_IN_ROUND));
    let count = wanted.max(kinds.len());
    let share = |all: usize, place: usize| all / count + usize::from(place < all % count);
    let mut dice = Dice::new(options.seed);
    let round = |place: usize| Round {
        kind: kinds[place % kinds.len()],
        seed: if place == 0 { options.seed } else { dice.below(1 << 32) },
        cuts: share(options.cuts, place),
        kills: share(options.kills, place),
        preload: None,
        patience: PATIENCE,
    };
    (0..count).map(round).collect()
}

fn tell(outcome: &Outcome) {
    say(&format!("  {}", outcome.verdict));
    for finding in outcome.verdict.findings().iter().chain(&outcome.trouble) {
        say(&format!("  {finding}"));
    }
    if let Some(folder) = &outcome.kept {
        say(&format!("  ledger, log and image are in {}", folder.display()));
    }
}

/// Whether the control was caught: one of its rounds lost something. More than one, because on a machine that stands
/// still a cut may come when nothing is under way.
fn is_caught(control: Control, kind: Kind, options: &Options) -> Result<bool, String> {
    let (mut acknowledged, mut lost) = (0, 0);
    let mut dice = Dice::new(options.seed);
    for _ in 0..CONTROL_ROUNDS {
        let outcome = control.run(kind, dice.below(1 << 32), &options.binary, &options.work)?;
        acknowledged += outcome.verdict.acknowledged;
        lost += outcome.verdict.lost.len();
        if lost > 0 {
            break;
        }
    }
    let result = if lost > 0 {
        "caught"
    } else {
        "NOT CAUGHT: this run counts for nothing"
    };
    say(&format!(
        "control on {kind}, {}: {acknowledged} acknowledged, {lost} lost: {result}",
        control.name()
    ));
    Ok(lost > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        let parsed = parse_options(words.iter().map(|word| (*word).to_owned()));
        parsed.expect("the words are right").expect("nobody asked for help")
    }

    #[test]
    fn cuts_and_kills_are_spread_over_rounds_on_each_file_system() {
        let short = rounds(&options(&["--seed", "7"]), &Kind::ALL);
        let shape = |rounds: &[Round]| -> Vec<(Kind, usize, usize)> {
            rounds
                .iter()
                .map(|round| (round.kind, round.cuts, round.kills))
                .collect()
        };
        assert_eq!(shape(&short), [(Kind::Ext4, 10, 100), (Kind::Xfs, 10, 100)]);
        assert_eq!(short[0].seed, 7);
        assert_ne!(short[1].seed, 7);
        let odd = rounds(&options(&["--cuts", "11", "--kills", "1", "--fs", "xfs"]), &[Kind::Xfs]);
        assert_eq!(shape(&odd), [(Kind::Xfs, 6, 1), (Kind::Xfs, 5, 0)]);
        let long = rounds(&options(&["--long"]), &Kind::ALL);
        assert_eq!(long.iter().map(|round| round.cuts).sum::<usize>(), 2_000);
        assert_eq!(long.iter().map(|round| round.kills).sum::<usize>(), 20_000);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for words in [
            &["--cuts"] as &[&str],
            &["--cuts", "x"],
            &["--fs", "btrfs"],
            &["--other", "1"],
        ] {
            let parsed = parse_options(words.iter().map(|word| (*word).to_owned()));
            assert!(parsed.is_err(), "{words:?}");
        }
    }
}
