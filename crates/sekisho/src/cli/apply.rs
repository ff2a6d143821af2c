//! `sekisho export`, `plan` and `apply`: the whole directory as one text.

use std::io;

use clap::Args;
use sekisho_api::{
    DirectoryChange, DirectoryChanged, DirectoryPlan, DirectoryProposal, DirectoryView, FaultView, path,
};

use super::{
    CliError, Finding,
    changes::{self, ChangeArgs, load},
    door::Door,
    impact::{self, ImpactArgs, WithImpact},
    output::{Output, Tone},
};
use crate::{
    directory::text::{self, Source},
    telemetry::escaped,
};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// That of an older version
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    impact: ImpactArgs,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct FileArgs {
    /// The text, as `sekisho export` writes it; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// What was read from it.
    #[arg(skip)]
    text: String,
}

impl FileArgs {
    fn read(&mut self) -> Result<(), CliError> {
        self.text = load(&self.source())?;
        Ok(())
    }

    fn source(&self) -> Source {
        Source::from(self.file.as_str())
    }

    /// A fault with file and line, in the form that editors jump to.
    fn fault(&self, fault: &FaultView) -> String {
        let line = fault.line.map_or_else(String::new, |line| format!(":{line}"));
        let words = fault.to_string();
        let source = self.source().to_string();
        format!("{}{line}: {}", escaped(&source), escaped(&words))
    }
}

impl PlanArgs {
    /// Reads the text before anything is opened: whoever writes it may have the store open until it has ended.
    pub(super) fn read(&mut self) -> Result<(), CliError> {
        self.file.read()
    }
}

impl ApplyArgs {
    /// As [`PlanArgs::read`].
    pub(super) fn read(&mut self) -> Result<(), CliError> {
        self.file.read()
    }
}

pub(super) async fn export(args: &ExportArgs, door: &Door) -> Result<Finding, CliError> {
    let path = match args.version {
        Some(version) => path::DIRECTORY_VERSION.replace("{version}", &version.to_string()),
        None => path::DIRECTORY.to_owned(),
    };
    let view: DirectoryView = door.fetch(&path, &()).await?;
    Output::open().octets(text::write(&view.documents).as_bytes())?;
    Ok(Finding::Done)
}

pub(super) async fn plan(args: &PlanArgs, door: &Door) -> Result<Finding, CliError> {
    let (plan, proposal) = planned(&args.file, door).await?;
    let impact = match proposal {
        Some(proposal) => args.impact.ask(door, proposal).await?,
        None => None,
    };
    let mut out = Output::open();
    if args.json {
        out.json(&WithImpact {
            answer: &plan,
            impact: impact.as_ref(),
        })?;
    } else {
        show(&mut out, &plan, &args.file)?;
        if let Some(impact) = &impact {
            impact::show(&mut out, impact)?;
        }
        if plan.changes.is_empty() && plan.faults.is_empty() {
            out.line(format_args!(
                "nothing to change; the directory is at version {}",
                plan.based_on
            ))?;
        }
    }
    Ok(of(&plan))
}

pub(super) async fn apply(args: &ApplyArgs, door: &Door) -> Result<Finding, CliError> {
    let (plan, proposal) = planned(&args.file, door).await?;
    let impact = match proposal {
        Some(proposal) => args.change.impact.ask_beside(door, proposal).await,
        None => None,
    };
    let mut out = Output::open();
    if !args.change.order.json {
        show(&mut out, &plan, &args.file)?;
        if let Some(impact) = &impact {
            impact::show(&mut out, impact)?;
        }
    } else if !plan.faults.is_empty() {
        out.json(&plan)?;
    }
    if !plan.faults.is_empty() {
        return Ok(Finding::Refused);
    }
    let change = DirectoryChange {
        based_on: plan.based_on,
        text: Some(args.file.text.clone()),
        whole: true,
        comment: args.change.order.why.clone(),
        dry_run: args.change.order.dry_run,
        ..DirectoryChange::default()
    };
    let changed: DirectoryChanged = door.order(path::DIRECTORY_CHANGES, &change).await?;
    if args.change.order.json {
        out.json(&WithImpact {
            answer: &changed,
            impact: impact.as_ref(),
        })?;
    } else {
        changes::conclude(&mut out, &changed, args.change.order.dry_run)?;
    }
    Ok(Finding::Done)
}

/// The plan, and what is to be held against past mail where it changes anything.
async fn planned(file: &FileArgs, door: &Door) -> Result<(DirectoryPlan, Option<DirectoryProposal>), CliError> {
    let proposal = DirectoryProposal {
        text: Some(file.text.clone()),
        whole: true,
        ..DirectoryProposal::default()
    };
    let plan: DirectoryPlan = door.order(path::DIRECTORY_PLAN, &proposal).await?;
    let is_of_use = !plan.changes.is_empty() && plan.faults.is_empty();
    Ok((plan, is_of_use.then_some(proposal)))
}

fn show(out: &mut Output, plan: &DirectoryPlan, file: &FileArgs) -> io::Result<()> {
    changes::differences(out, &plan.changes)?;
    changes::warnings(out, &plan.warnings)?;
    for fault in &plan.faults {
        let line = out.paint(Tone::Bad, file.fault(fault));
        out.line(line)?;
    }
    Ok(())
}

const fn of(plan: &DirectoryPlan) -> Finding {
    if plan.faults.is_empty() {
        Finding::Done
    } else {
        Finding::Refused
    }
}
