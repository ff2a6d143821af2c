//! `sekisho tls list`: versions, suites, groups and signature schemes in force, in order, per listener and route.

use clap::{Args, Subcommand};
use sekisho_api::{TlsList, path};

use super::{
    CliError, Finding,
    door::Door,
    output::{Output, Tone},
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum TlsCommand {
    /// Lists what is in force, in the order of preference
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Prints JSON, one object per listener and route
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: TlsCommand, door: &Door) -> Result<Finding, CliError> {
    let TlsCommand::List(args) = command;
    let list: TlsList = door.fetch(path::TLS, &()).await?;
    let mut out = Output::open();
    for (index, place) in list.places.iter().enumerate() {
        if args.json {
            out.json(place)?;
            continue;
        }
        if index > 0 {
            out.line("")?;
        }
        let title = out.paint(Tone::Strong, escaped(&place.place));
        out.line(title)?;
        let rows = [
            ("versions", &place.versions),
            ("suites", &place.suites),
            ("groups", &place.groups),
            ("signatures", &place.signature_schemes),
        ];
        for (name, values) in rows {
            out.line(format_args!("  {name:<12}{}", values.join(" ")))?;
        }
        for note in &place.notes {
            out.line(format_args!("  {:<12}{}", "", escaped(note)))?;
        }
        for certificate in &place.certificates {
            let names = certificate.names.join(", ");
            let stapled = certificate.stapled_until.as_ref();
            let stapled = stapled.map_or_else(String::new, |until| format!(", stapled until {until}"));
            out.line(format_args!(
                "  {:<12}{} for {}, until {}{}",
                "certificate",
                escaped(&certificate.key),
                escaped(&names),
                escaped(&certificate.not_after),
                escaped(&stapled)
            ))?;
        }
    }
    Ok(Finding::Done)
}
