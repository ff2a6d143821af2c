//! `sekisho config`: checks a file without using it, and shows what a running server goes by.

use clap::{Args, Subcommand};
use sekisho_api::{ConfigView, path};

use super::{CliError, Finding, door::Door, output::Output};
use crate::config::{Place, changed_from_default};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Reads the file as the server would and names everything that is wrong with it
    Check,
    /// Prints the configuration in force with all defaults, in the form of the file; without a running server, the one
    /// that would be in force
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Only what differs from the defaults
    #[arg(long)]
    changed: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn check(place: &Place) -> Result<Finding, CliError> {
    let loaded = place.load()?;
    let mut out = Output::open();
    match &loaded.file {
        Some(file) => out.line(format_args!("{}: no faults", file.display()))?,
        None => out.line("no configuration file: the defaults hold")?,
    }
    Ok(Finding::Done)
}

pub(super) async fn show(args: &ShowArgs, place: &Place) -> Result<Finding, CliError> {
    let (all, changed) = match Door::to_server(place).await? {
        Some(door) => {
            let view: ConfigView = door.fetch(path::CONFIG, &()).await?;
            (view.all, view.changed)
        }
        None => {
            let all = serde_json::to_value(&place.load()?.raw).map_err(std::io::Error::from)?;
            let changed = changed_from_default(&all);
            (all, changed)
        }
    };
    let shown = if args.changed { changed } else { all };
    let mut out = Output::open();
    if args.json {
        out.json(&shown)?;
    } else {
        out.line(crate::config::as_toml(&shown).trim_end())?;
    }
    Ok(Finding::Done)
}
