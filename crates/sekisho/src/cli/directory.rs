//! `sekisho directory`: the directory as a whole, its versions, and the way back to one of them.

use clap::{Args, Subcommand};
use sekisho_api::{
    DirectoryChanged, DirectoryHistory, DirectoryProposal, DirectoryRollback, DirectoryView, FIRST_ORGANIZATION,
    HistoryQuery, path,
};

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs},
    door::Door,
    output::{Output, Tone},
    text,
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Shows which version is in force, what is in it, and its warnings
    Show(ShowArgs),
    /// Shows who changed what, when and why, newest first
    History(HistoryArgs),
    /// Makes the directory what it was at a version, as a new version
    Rollback(RollbackArgs),
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Prints JSON, with every document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Versions at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Prints JSON, one version a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The version whose documents are wanted
    #[arg(value_name = "VERSION")]
    to: u64,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(command: DirectoryCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        DirectoryCommand::Show(args) => show(&args, door).await,
        DirectoryCommand::History(args) => history(&args, door).await,
        DirectoryCommand::Rollback(args) => rollback(&args, door).await,
    }
}

async fn show(args: &ShowArgs, door: &Door) -> Result<Finding, CliError> {
    let view = changes::current(door).await?;
    let mut out = Output::open();
    if args.json {
        out.json(&view)?;
        return Ok(of(&view));
    }
    let documents = &view.documents;
    let names = documents.organization.iter().map(|one| one.name.as_str());
    let mut organizations = vec![FIRST_ORGANIZATION];
    organizations.extend(names.filter(|name| *name != FIRST_ORGANIZATION));
    let organizations = organizations.join(", ");
    for (what, value) in [
        ("version", view.version.to_string()),
        ("organizations", escaped(&organizations).to_string()),
        ("domains", documents.domain.len().to_string()),
        ("inbound connectors", documents.inbound_connector.len().to_string()),
        ("outbound connectors", documents.outbound_connector.len().to_string()),
        ("rules", documents.rule.len().to_string()),
        ("exceptions", documents.exception.len().to_string()),
    ] {
        out.line(format_args!("{what:<21}{value}"))?;
    }
    changes::warnings(&mut out, &view.warnings)?;
    for fault in &view.faults {
        let words = fault.to_string();
        let line = out.paint(Tone::Bad, format_args!("not in force: {}", escaped(&words)));
        out.line(line)?;
    }
    Ok(of(&view))
}

/// A directory that cannot be in force is a finding of its own.
const fn of(view: &DirectoryView) -> Finding {
    if view.faults.is_empty() {
        Finding::Done
    } else {
        Finding::Refused
    }
}

async fn history(args: &HistoryArgs, door: &Door) -> Result<Finding, CliError> {
    let query = HistoryQuery {
        limit: Some(args.limit),
    };
    let history: DirectoryHistory = door.fetch(path::DIRECTORY_VERSIONS, &query).await?;
    let mut out = Output::open();
    for (place, version) in history.versions.iter().enumerate() {
        if args.json {
            out.json(version)?;
            continue;
        }
        if place > 0 {
            out.line("")?;
        }
        let title = format!(
            "version {}  {}  {}",
            version.version,
            text::local(version.at),
            escaped(&version.author)
        );
        let title = out.paint(Tone::Strong, title);
        out.line(title)?;
        if !version.comment.is_empty() {
            out.line(format_args!("  {}", escaped(&version.comment)))?;
        }
        changes::differences(&mut out, &version.changes)?;
    }
    Ok(if history.versions.is_empty() {
        Finding::Missing
    } else {
        Finding::Done
    })
}

async fn rollback(args: &RollbackArgs, door: &Door) -> Result<Finding, CliError> {
    let request = DirectoryRollback {
        to: args.to,
        based_on: changes::version(door).await?,
        comment: args.change.order.why.clone(),
        dry_run: args.change.order.dry_run,
    };
    let changed: DirectoryChanged = door.order(path::DIRECTORY_ROLLBACK, &request).await?;
    let mut proposal = DirectoryProposal::default();
    if args.change.order.dry_run {
        let path = path::DIRECTORY_VERSION.replace("{version}", &args.to.to_string());
        let view: DirectoryView = door.fetch(&path, &()).await?;
        proposal.put = view.documents;
        proposal.whole = true;
    }
    args.change.report(door, &changed, proposal).await
}
