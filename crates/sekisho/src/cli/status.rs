//! `sekisho status`: what the server is and how full it is.

use clap::Args;
use sekisho_api::{Status, path};

use super::{
    CliError, Finding,
    door::Door,
    output::{Output, Tone},
};
use crate::{config::human, telemetry::escaped};

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: StatusArgs, door: &Door) -> Result<Finding, CliError> {
    let status: Status = door.fetch(path::STATUS, &()).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&status)?;
        return Ok(Finding::Done);
    }
    let tone = if status.phase == "running" {
        Tone::Good
    } else {
        Tone::Warning
    };
    let phase = out.paint(tone, &status.phase);
    out.line(format_args!("{} {} {phase}", escaped(&status.hostname), status.version))?;
    for problem in &status.problems {
        let problem = out.paint(Tone::Bad, escaped(problem));
        out.line(format_args!("not ready      {problem}"))?;
    }
    for warning in &status.warnings {
        let words = warning.to_string();
        let words = out.paint(Tone::Warning, escaped(&words));
        out.line(format_args!("warning        {words}"))?;
    }
    out.line(format_args!("data folder    {}", escaped(&status.data_folder)))?;
    out.line(format_args!(
        "local domains  {}",
        escaped(&status.local_domains.join(", "))
    ))?;
    for listener in &status.listeners {
        let name = escaped(&listener.name);
        out.line(format_args!(
            "listener       {name} {} {}, relays for {}",
            listener.address, listener.mode, listener.relay
        ))?;
    }
    out.line(format_args!("queue          {} messages", status.queued))?;
    out.line(format_args!("disk           {} free", human::size(status.free_octets)))?;
    out.line(format_args!(
        "memory         {} of messages",
        human::size(status.memory_octets)
    ))?;
    Ok(Finding::Done)
}
