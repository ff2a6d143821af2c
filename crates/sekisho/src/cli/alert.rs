//! `sekisho alert`: what the operator should know of before it stops mail.

use clap::{Args, Subcommand};
use sekisho_api::{Acknowledged, Acknowledgement, AlertList, AlertQuery, AlertView, path};

use super::{
    CliError, Finding,
    door::Door,
    output::{Listing, Output},
    text,
};
use crate::telemetry::escaped;

#[derive(Debug, Subcommand)]
pub(super) enum AlertCommand {
    /// Lists the alerts that stand, errors first, then by what happens soonest
    List(ListArgs),
    /// Says that alerts are known: nobody is written to of them any more, unless they become graver
    Acknowledge(AcknowledgeArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Prints JSON, one alert a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct AcknowledgeArgs {
    /// Their ids
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All that stand
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(command: AlertCommand, door: &Door) -> Result<Finding, CliError> {
    match command {
        AlertCommand::List(args) => list(&args, door).await,
        AlertCommand::Acknowledge(args) => acknowledge(args, door).await,
    }
}

async fn list(args: &ListArgs, door: &Door) -> Result<Finding, CliError> {
    let found: AlertList = door.fetch(path::ALERTS, &AlertQuery::default()).await?;
    let header = [
        "id",
        "severity",
        "alert",
        "about",
        "since",
        "until",
        "what happens, and what to do",
    ];
    let mut list = Listing::open(args.json, &header);
    for alert in found.alerts {
        list.item(&alert, || row(&alert))?;
    }
    list.end()
}

fn row(alert: &AlertView) -> [String; 7] {
    let known = alert.acknowledged_by.as_ref();
    let known = known.map_or_else(String::new, |by| format!(" (acknowledged by {})", escaped(by)));
    [
        alert.id.clone(),
        alert.severity.to_string(),
        alert.kind.to_string(),
        escaped(&alert.subject).to_string(),
        text::local(alert.first),
        alert.until.map(text::local).unwrap_or_default(),
        format!("{}: {}{known}", escaped(&alert.text), escaped(&alert.remedy)),
    ]
}

async fn acknowledge(args: AcknowledgeArgs, door: &Door) -> Result<Finding, CliError> {
    let ids = (!args.all).then_some(args.ids);
    let done: Acknowledged = door.order(path::ALERTS_ACKNOWLEDGE, &Acknowledgement { ids }).await?;
    let mut out = Output::open();
    out.line(text::counted(done.changed, "alert") + " acknowledged")?;
    for id in &done.missing {
        out.line(format_args!("no alert {} stands", escaped(id)))?;
    }
    if done.missing.is_empty() {
        Ok(Finding::Done)
    } else {
        Ok(Finding::Missing)
    }
}
