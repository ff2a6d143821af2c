//! `sekisho store`: the data folder of a server that does not run, checked and recovered.

use clap::{Args, Subcommand};
use sekisho_api::{StoreCheck, StoreRecovery};

use super::{
    CliError, Finding, door,
    output::{Output, Tone},
};
use crate::{config::Place, telemetry::escaped};

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Looks at every page and every checksum, and changes nothing
    ///
    /// Exit code 1 when something is damaged.
    Check(StoreArgs),
    /// Brings every readable message into a new database, and lists what is missing
    ///
    /// For a database with damaged pages. Whatever can be read and fits its checksum is back; a message of which it is
    /// not certain how far it had come is held, to be looked at and released. The damaged database and content without
    /// a message are kept in a folder of their own inside the data folder. Broken off, it is just run again. Exit code
    /// 3 when anything is not simply back.
    Recover(StoreArgs),
}

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: StoreCommand, place: &Place) -> Result<Finding, CliError> {
    match command {
        StoreCommand::Check(args) => {
            let check = door::check_store(place)?;
            show_check(&args, &check)?;
            if check.sound {
                return Ok(Finding::Done);
            }
            Err(CliError::Failed(
                "the data folder is damaged; `sekisho store recover` brings back what can be read".to_owned(),
            ))
        }
        StoreCommand::Recover(args) => {
            let recovery = door::recover_store(place)?;
            show_recovery(&args, &recovery)?;
            Ok(if recovery.casualties.is_empty() {
                Finding::Done
            } else {
                Finding::Missing
            })
        }
    }
}

fn show_check(args: &StoreArgs, check: &StoreCheck) -> Result<(), CliError> {
    let mut out = Output::open();
    if args.json {
        return Ok(out.json(check)?);
    }
    let (tone, word) = if check.sound {
        (Tone::Good, "sound")
    } else {
        (Tone::Bad, "damaged")
    };
    let word = out.paint(tone, word);
    out.line(format_args!("{word}, {} messages looked at", check.messages))?;
    show_faults(&mut out, &check.faults)?;
    for message in &check.damaged {
        out.line(format_args!("{} {}", escaped(&message.id), escaped(&message.why)))?;
    }
    for id in &check.strays {
        let id = escaped(id);
        out.line(format_args!(
            "{id} content without a message; the next start removes it"
        ))?;
    }
    Ok(())
}

fn show_recovery(args: &StoreArgs, recovery: &StoreRecovery) -> Result<(), CliError> {
    let mut out = Output::open();
    if args.json {
        return Ok(out.json(recovery)?);
    }
    show_faults(&mut out, &recovery.faults)?;
    for casualty in &recovery.casualties {
        let tone = if casualty.fate == "lost" {
            Tone::Bad
        } else {
            Tone::Warning
        };
        let fate = out.paint(tone, escaped(&casualty.fate));
        let why = casualty.why.join("; ");
        let recipients = casualty.recipients.join(", ");
        out.line(format_args!(
            "{} {fate}: {}; to {}",
            escaped(&casualty.id),
            escaped(&why),
            escaped(&recipients)
        ))?;
    }
    for id in &recovery.strays {
        out.line(format_args!("{} content without a message, kept", escaped(id)))?;
    }
    let (messages, kept) = (recovery.messages, escaped(&recovery.kept));
    out.line(format_args!(
        "{messages} messages are in the queue; what was before is kept in {kept}"
    ))?;
    Ok(())
}

fn show_faults(out: &mut Output, faults: &[String]) -> Result<(), CliError> {
    for fault in faults {
        out.line(format_args!("database: {}", escaped(fault)))?;
    }
    Ok(())
}
