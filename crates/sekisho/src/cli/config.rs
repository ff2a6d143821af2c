//! `sekisho config`: checks a file without using it, and shows what is in force.

use clap::{Args, Subcommand};

use super::{CliError, Finding, output::Output};
use crate::config::{Place, changed_from_default};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Reads the file as the server would and names everything that is wrong with it
    Check,
    /// Prints the configuration with all defaults, in the form of the file
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

pub(super) fn run(command: ConfigCommand, place: &Place) -> Result<Finding, CliError> {
    let loaded = place.load()?;
    let mut out = Output::open();
    match command {
        ConfigCommand::Check => match &loaded.file {
            Some(file) => out.line(format_args!("{}: no faults", file.display()))?,
            None => out.line("no configuration file: the defaults hold")?,
        },
        ConfigCommand::Show(args) => {
            let all = serde_json::to_value(&loaded.raw).map_err(std::io::Error::from)?;
            let shown = if args.changed { changed_from_default(&all) } else { all };
            if args.json {
                out.json(&shown)?;
            } else {
                out.line(crate::config::as_toml(&shown).trim_end())?;
            }
        }
    }
    Ok(Finding::Done)
}
