//! The program behind `cargo xtask flood`: floods at full size against the server, one after the other, and slow
//! sessions by the thousand beside good traffic. It fails when a bound is broken. Everything runs in namespaces of its
//! own for processes and network.

use std::{
    env, io,
    path::{self, PathBuf},
    process::ExitCode,
};

use sekisho_testkit::{
    flood::{self, Flood},
    node::Node,
    program::{self, say},
};

mod slow;

use slow::Slow;

const USAGE: &str = "\
Floods the server with what has no end, and sits in it by the thousand: memory must not grow by 1 MiB, sessions must be
ended, and good traffic must go on.

Usage: cargo xtask flood [--debug] [--only NAME] [--scale N] [--slow N]

  --debug      with the tests' build of the server instead of what is shipped
  --only NAME  this flood alone: command, content, chunks, noop, rset, rcpt, unread, fragments, handshakes,
               reply-lines, reply-line, or slow
  --scale N    one part in N of each volume
  --slow N     so many slow sessions (2000)
";

/// A mailbox, a listener with its defaults but room for the slow sessions, and the host that floods in its turn. The
/// greeting delay and the limits of one address are not for those who may relay.
fn configuration(slow: usize) -> String {
    let room = slow + 1000;
    let route = flood::route();
    format!(
        "[local]\ndomains = [\"here.example\"]\nusers = [\"inbox\"]\n[limits]\nconnections = {room}\n{route}\
         [[listener]]\nname = \"default\"\naddress = \"127.0.0.1:2525\"\nrelay-from = [\"127.0.0.0/8\"]\n\
         [listener.limits]\nconnections = {room}\n"
    )
}

/// What the command line says.
#[derive(Clone, Debug)]
struct Options {
    binary: PathBuf,
    only: Option<String>,
    scale: u64,
    slow: usize,
}

fn main() -> ExitCode {
    prepare().map_or_else(|end| end, |options| program::finish("flood", run(&options)))
}

/// The options, inside the namespaces; or how the program ends.
fn prepare() -> Result<Options, ExitCode> {
    let options = program::options(parse_options(env::args().skip(1)), USAGE)?;
    program::enclose()?;
    Ok(options)
}

fn parse_options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        binary: PathBuf::new(),
        only: None,
        scale: 1,
        slow: 2000,
    };
    while let Some(argument) = arguments.next() {
        if argument == "--help" {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} wants a value"))?;
        let number = || {
            let number = value.parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("{argument} wants a number, not {value:?}"))
        };
        match argument.as_str() {
            // The server runs in a folder of its own.
            "--binary" => options.binary = path::absolute(&value).map_err(|fault| format!("{value}: {fault}"))?,
            "--only" => options.only = Some(value),
            "--scale" => options.scale = number()?,
            "--slow" => options.slow = usize::try_from(number()?).unwrap_or(usize::MAX),
            other => return Err(format!("{other} means nothing here")),
        }
    }
    Ok(Some(options))
}

const HEADINGS: &str = "\
flood                volume              sessions  octets/session  memory +KiB     CPU s  seconds";

/// All that is asked for; whether no bound was broken.
fn run(options: &Options) -> io::Result<bool> {
    let is_wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    let mut complaints = Vec::new();
    say(HEADINGS);
    for flood in Flood::ALL.into_iter().filter(|flood| is_wanted(flood.name())) {
        // Each has a server of its own, so that none of them profits from the memory of another.
        let node = Node::start(&options.binary, &configuration(options.slow));
        let volume = flood.full();
        let report = flood.run(&node, (volume.count / options.scale).max(1))?;
        say(&format!(
            "{:<12} {:>14} {:<11} {:>9} {:>15} {:>12} {:>9.1} {:>8.1}",
            flood.name(),
            report.poured.count,
            volume.unit,
            report.poured.sessions,
            report.poured.session_octets,
            report.growth / 1024,
            report.cpu.as_secs_f64(),
            report.took.as_secs_f64()
        ));
        complaints.extend(report.complaints());
    }
    if is_wanted("slow") {
        let node = Node::start(&options.binary, &configuration(options.slow));
        let slow = Slow::measure(&node, options.slow)?;
        say(&format!("\n{slow}"));
        complaints.extend(slow.complaints());
    }
    if !complaints.is_empty() {
        say(&format!("\nbroken:\n{}", complaints.join("\n")));
    }
    Ok(complaints.is_empty())
}
