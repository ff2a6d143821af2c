//! The program behind `cargo xtask million`: a server with a million messages for ten thousand destinations in its
//! queue, half of them dead. It is started, asked, ordered about, restarted and killed, and every figure is judged.
//! Everything runs in namespaces of its own for processes, mounts and network.

use std::{
    env, fs,
    path::{self, PathBuf},
    process::ExitCode,
};

use sekisho_testkit::program::{self, say};

mod fill;
mod orders;
mod probe;
mod run;
mod sink;
mod table;
mod world;

const USAGE: &str = "\
Fills a queue, half of whose destinations are dead, and measures the server that has it.

Usage: cargo xtask million [--messages N] [--destinations N] [--queue FOLDER]

  --messages N      1,000,000 by default
  --destinations N  10,000 by default
  --queue FOLDER    keep the filled queue there, and take it from there the next time
";

/// What the command line says.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) binary: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) messages: u64,
    pub(crate) destinations: u64,
    pub(crate) queue: Option<PathBuf>,
}

fn main() -> ExitCode {
    prepare().map_or_else(|end| end, |options| program::finish("rig", run(&options)))
}

/// The options, inside the namespaces; or how the program ends.
fn prepare() -> Result<Options, ExitCode> {
    let options = program::options(parse_options(env::args().skip(1)), USAGE)?;
    program::require(program::may_unshare(&["true"], "no namespaces can be had here"))?;
    program::enclose()?;
    Ok(options)
}

/// Whether every figure holds.
fn run(options: &Options) -> Result<bool, String> {
    fs::create_dir_all(&options.work).map_err(|fault| format!("{}: {fault}", options.work.display()))?;
    let table = run::run(options)?;
    say(&format!("\n{table}"));
    let holds = table.holds();
    say(if holds { "all is well" } else { "FAILED" });
    Ok(holds)
}

fn parse_options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        binary: PathBuf::new(),
        work: PathBuf::from("target/million"),
        messages: 1_000_000,
        destinations: 10_000,
        queue: None,
    };
    while let Some(name) = arguments.next() {
        if name == "--help" {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        // The server runs in a folder of its own.
        let path = || path::absolute(&value).map_err(|fault| format!("{value}: {fault}"));
        match name.as_str() {
            "--binary" => options.binary = path()?,
            "--work" => options.work = path()?,
            "--queue" => options.queue = Some(path()?),
            "--messages" => options.messages = number(&name, &value)?,
            "--destinations" => options.destinations = number(&name, &value)?,
            other => return Err(format!("{other} means nothing here")),
        }
    }
    // Each way to be dead has a destination, and each destination a message.
    if options.destinations < 16 || options.messages < options.destinations {
        return Err("at least 16 destinations, and no fewer messages than destinations".to_owned());
    }
    Ok(Some(options))
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    let digits: String = value.chars().filter(|character| *character != ',').collect();
    digits
        .parse()
        .map_err(|_| format!("{name} wants a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        let parsed = |words: &[&str]| parse_options(words.iter().map(|word| (*word).to_owned()));
        for words in [
            &["--messages"] as &[&str],
            &["--messages", "x"],
            &["--destinations", "3"],
            &["--messages", "100"],
            &["--other", "1"],
        ] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
        let options = parsed(&["--messages", "20,000", "--destinations", "400"]);
        let options = options.expect("the words are right").expect("nobody asked for help");
        assert_eq!((options.messages, options.destinations), (20_000, 400));
    }
}
